"""`syndb-graphql db`: the keyspace and tables made once, and compared with what the model asks for."""

import pytest
from cassandra.cluster import Cluster

from syndb_graphql.cli import run
from syndb_graphql.settings import Settings
from tests.servers.cassandra import CassandraNode


def test_the_embedded_store_needs_no_such_thing(capsys):
    assert run(["db", "init"]) == 1
    assert "SYNDB_STORE is sqlite" in capsys.readouterr().err


@pytest.fixture
def chosen(make_keyspace, use_settings, tmp_path) -> Settings:
    options = make_keyspace(empty=True)
    settings = Settings(
        data=tmp_path,
        store="cassandra",
        cassandra_hosts=options.hosts,
        cassandra_port=options.port,
        cassandra_keyspace=options.keyspace,
        cassandra_replication=1,
    )
    use_settings(settings)
    return settings


@pytest.mark.servers
def test_it_is_made_once_and_what_differs_is_told(chosen, cassandra_node: CassandraNode, capsys, monkeypatch):
    assert run(["db", "check"]) == 1
    assert "there is no keyspace" in capsys.readouterr().out
    assert run(["list"]) == 1
    assert "db init" in capsys.readouterr().err

    assert run(["db", "init"]) == 0
    assert "made table synapse_pre" in capsys.readouterr().out
    assert run(["db", "init"]) == 0
    assert capsys.readouterr().out == "All is there.\n"
    assert run(["db", "check"]) == 0
    assert "as it must be" in capsys.readouterr().out
    assert run(["list"]) == 0

    with Cluster([cassandra_node.host], port=cassandra_node.port) as cluster:
        session = cluster.connect(chosen.cassandra_keyspace)
        session.execute("DROP TABLE vesicle_owned", timeout=60)
        session.execute("ALTER TABLE neuron DROP cable_length", timeout=60)
    capsys.readouterr()
    assert run(["db", "check"]) == 1
    told = capsys.readouterr().out
    assert "there is no table vesicle_owned (`syndb-graphql db init` makes it)" in told
    assert "neuron has no column cable_length (`syndb-graphql db init` makes it)" in told
    assert run(["list"]) == 1
    assert "is not as it must be" in capsys.readouterr().err
    assert run(["db", "init"]) == 0
    assert run(["db", "check"]) == 0

    monkeypatch.setenv("SYNDB_CASSANDRA_REPLICATION", "2")
    assert run(["db", "check"]) == 1
    assert "datacenter1 1 times, not datacenter1 2" in capsys.readouterr().out


def test_where_no_node_answers_it_is_said(monkeypatch, capsys):
    monkeypatch.setenv("SYNDB_STORE", "cassandra")
    monkeypatch.setenv("SYNDB_CASSANDRA_PORT", "1")
    assert run(["db", "check"]) == 1
    assert "No node of the store of rows answers" in capsys.readouterr().err
