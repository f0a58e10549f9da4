"""Millions of rows on a real node of Cassandra: loaded and read by ours, by the bare driver and by cqlsh."""
