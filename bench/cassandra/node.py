"""The node that is measured and the keyspaces on it.

The tests' own launcher starts it, with the profile that is made to be measured. Node, writers and readers share the machine.
"""

import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.io.libevreactor import LibevConnection
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.protocol import ResultMessage, _ProtocolHandler
from cassandra.query import tuple_factory

from bench.targets import processor_seconds
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.cassandra.door import ClusterOptions
from syndb_graphql.store.cassandra.keyspace import init_keyspace
from tests.servers.cassandra import CassandraNode, run_cassandra

TIMEOUT_S = 60.0
"""Of one call, for ours as for others: a node that compacts on two busy cores is measured, not given up."""
SETTLED_S, LOOK_S = 240.0, 1.0
"""How long compactions may take after a load, and how often it is looked."""


class _Undecoded(ResultMessage):  # type: ignore[misc]
    """Rows stay as they came: the least that a reader can do."""

    def recv_results_rows(self, f: Any, *_: Any) -> None:
        self.recv_results_metadata(f, {})
        left = f.read()
        self.column_names, self.column_types = ["rows"], [None]
        self.parsed_rows = [(int.from_bytes(left[:4], "big"), left[4:])]


class _UndecodedProtocol(_ProtocolHandler):  # type: ignore[misc]
    message_types_by_opcode = _ProtocolHandler.message_types_by_opcode | {ResultMessage.opcode: _Undecoded}


@dataclass(frozen=True)
class BenchNode:
    node: CassandraNode

    def options(self, keyspace: str) -> ClusterOptions:
        return ClusterOptions(
            hosts=(self.node.host,),
            port=self.node.port,
            datacenter=self.node.datacenter,
            keyspace=keyspace,
            timeout_s=TIMEOUT_S,
        )

    def environment(self, keyspace: str) -> Mapping[str, str]:
        """Settings of `syndb-graphql` that lead here; all others are at their defaults."""
        return {
            "SYNDB_STORE": "cassandra",
            "SYNDB_CASSANDRA_HOSTS": self.node.host,
            "SYNDB_CASSANDRA_PORT": str(self.node.port),
            "SYNDB_CASSANDRA_KEYSPACE": keyspace,
            "SYNDB_CASSANDRA_REPLICATION": "1",
            "SYNDB_STORE_TIMEOUT_S": f"{TIMEOUT_S:g}",
            "SYNDB_REQUEST_TIMEOUT_S": f"{TIMEOUT_S:g}",
        }

    def make_keyspace(self, name: str) -> None:
        init_keyspace(self.options(name), load_default_model(), 1)

    def processor_seconds(self) -> float:
        assert self.node.process
        return processor_seconds(self.node.process.pid)

    def settle(self, keyspace: str) -> None:
        """Return when all rows lie in files and nothing is compacted, so that the next measurement does not pay for it."""
        self.node.nodetool("flush", keyspace)
        began = time.monotonic()
        while not re.search(r"pending tasks:?\s+0\b", self.node.nodetool("compactionstats")):
            if time.monotonic() - began > SETTLED_S:
                raise SystemExit(f"The node still compacts after {SETTLED_S:g} s.")
            time.sleep(LOOK_S)

    def largest_partition(self, keyspace: str) -> int:
        """Bytes; those of rows that lie in files."""
        stats = json.loads(self.node.nodetool("tablestats", "-F", "json", keyspace))[keyspace]["tables"]
        return max(int(table["compacted_partition_maximum_bytes"]) for table in stats.values())

    @contextlib.contextmanager
    def connected(self, *, decoded: bool = True) -> Iterator[Session]:
        """A session of the bare driver, rows as tuples; or `decoded=False`: each answer is one row, of the number of rows and their bytes."""
        profile = ExecutionProfile(
            TokenAwarePolicy(DCAwareRoundRobinPolicy(self.node.datacenter)),
            request_timeout=TIMEOUT_S,
            row_factory=tuple_factory,
        )
        cluster = Cluster(
            [self.node.host],
            port=self.node.port,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            connection_class=LibevConnection,
        )
        try:
            session = cluster.connect()
            if not decoded:
                session.client_protocol_handler = _UndecodedProtocol
            yield session
        finally:
            cluster.shutdown()


@contextlib.contextmanager
def run_node() -> Iterator[BenchNode]:
    """Raises MissingTool where there is no JDK 17, or neither Maven nor jars."""
    with run_cassandra(1, profile="bench") as cluster:
        yield BenchNode(cluster.nodes[0])
