"""The real servers as fixtures. A test that takes one is marked `servers`: `make test-servers` runs it, `make test` does not.

Without a JDK 17 or Maven those of Cassandra are skipped, which the last lines of a run say; with CI=true they fail.
"""

import os
from collections.abc import Iterator

import pytest

from .cassandra import CassandraCluster, CassandraNode, MissingTool, run_cassandra
from .certificates import Authority
from .s3 import S3Server, run_s3


def _missing(error: MissingTool) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"A server of the tests could not be started: {error}")
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def cassandra_node() -> Iterator[CassandraNode]:
    """One node for all tests: each makes a keyspace of its own, and none stops it."""
    try:
        with run_cassandra(1) as cluster:
            yield cluster.nodes[0]
    except MissingTool as error:
        _missing(error)


@pytest.fixture(scope="session")
def cassandra_cluster_of_session() -> Iterator[CassandraCluster]:
    try:
        with run_cassandra(3) as cluster:
            yield cluster
    except MissingTool as error:
        _missing(error)


@pytest.fixture
def cassandra_cluster(cassandra_cluster_of_session) -> Iterator[CassandraCluster]:
    """Three nodes, all of them up; a test may kill, pause and restart them as it likes."""
    cassandra_cluster_of_session.heal()
    yield cassandra_cluster_of_session
    cassandra_cluster_of_session.heal()


@pytest.fixture(scope="module")
def guarded_node(tmp_path_factory) -> Iterator[tuple[CassandraNode, Authority]]:
    """One node that speaks TLS alone and asks for a certificate and a password, with who signs certificates for it."""
    authority = Authority(tmp_path_factory.mktemp("certificates") / "ours")
    try:
        with run_cassandra(1, authority=authority) as cluster:
            yield cluster.nodes[0], authority
    except MissingTool as error:
        _missing(error)


@pytest.fixture(scope="session")
def s3_server_of_session() -> Iterator[S3Server]:
    with run_s3() as server:
        yield server


@pytest.fixture
def s3_server(s3_server_of_session) -> Iterator[S3Server]:
    """An S3 server that is up; a test may kill, pause and restart it. Each makes a bucket of its own."""
    s3_server_of_session.heal()
    yield s3_server_of_session
    s3_server_of_session.heal()


@pytest.fixture(scope="module")
def guarded_s3_server(tmp_path_factory) -> Iterator[S3Server]:
    """An S3 server that speaks TLS alone; `authority` signed its certificate."""
    with run_s3(Authority(tmp_path_factory.mktemp("certificates") / "ours")) as server:
        yield server
