"""Keyspaces of the tests: each made when it is asked for, on the one node."""

import uuid
from collections.abc import Callable

import pytest

from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.model import Model
from syndb_graphql.store.cassandra.door import ClusterOptions
from syndb_graphql.store.cassandra.keyspace import init_keyspace
from tests.servers.cassandra import CassandraNode

TIMEOUT_S = 20.0
"""Of one call: the node has two busy cores and just started."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is about the embedded store alone is not run on another one."""
    items[:] = [item for item in items if not (item.get_closest_marker("embedded") and _is_elsewhere(item))]


def _is_elsewhere(item: pytest.Item) -> bool:
    spec = getattr(item, "callspec", None)
    return spec is not None and spec.params.get("demo_settings", "sqlite") != "sqlite"


def node_options(node: CassandraNode, keyspace: str, **more: object) -> ClusterOptions:
    settings: dict = {"hosts": (node.host,), "port": node.port, "datacenter": node.datacenter, "timeout_s": TIMEOUT_S}
    return ClusterOptions(keyspace=keyspace, **settings | more)


@pytest.fixture(scope="session")
def make_keyspace(cassandra_node) -> Callable[..., ClusterOptions]:
    """`make_keyspace()`: options of a keyspace with all tables of a model and no row. It is gone with the node."""

    def make(model: Model | None = None, *, empty: bool = False) -> ClusterOptions:
        options = node_options(cassandra_node, f"test_{uuid.uuid4().hex[:12]}")
        if not empty:
            init_keyspace(options, model or load_default_model(), 1)
        return options

    return make


@pytest.fixture(scope="session")
def shared_keyspace(make_keyspace) -> ClusterOptions:
    """For tests that use data sets nobody else has."""
    return make_keyspace()


@pytest.fixture(scope="session")
def cluster_keyspace(cassandra_cluster_of_session) -> ClusterOptions:
    """All tables, three times, on the three nodes."""
    cluster = cassandra_cluster_of_session
    options = node_options(cluster.nodes[0], f"test_{uuid.uuid4().hex[:12]}", hosts=cluster.hosts)
    init_keyspace(options, load_default_model(), 3)
    return options
