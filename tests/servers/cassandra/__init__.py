"""Apache Cassandra on the loopback addresses 127.0.0.1 to 127.0.0.3, from the jars of Maven Central."""

from .jars import MissingTool, find_jars, find_java
from .launch import CassandraCluster, CassandraNode, run_cassandra

__all__ = ["CassandraCluster", "CassandraNode", "MissingTool", "find_jars", "find_java", "run_cassandra"]
