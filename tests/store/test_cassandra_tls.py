"""Nodes behind TLS and passwords: the graph is served from them, and whoever is refused is told why, in time."""

import asyncio
import re
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest

from syndb_graphql.cli import run
from syndb_graphql.errors import StoreUnavailable
from syndb_graphql.settings import Settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.cassandra.door import make_cluster
from syndb_graphql.stores import _cluster_options, open_stores
from tests.conftest import SECRET, environment_of
from tests.ingest.conftest import NEURONS, write_folder
from tests.servers.certificates import Authority

pytestmark = pytest.mark.servers
MODEL = load_default_model()
LONGEST_S = 10.0
"""Until a refusal is told: to connect may take five seconds, to start three in these tests."""
KEYSPACE = "guarded"
ELSEWHERE = "127.0.0.3"
"""Leads to the node as well, whose certificate does not say so."""
REFUSALS = {
    "an authority that did not sign the node's certificate": "signed by none of those in SYNDB_CASSANDRA_CA_FILE.",
    "an address that is not in the node's certificate": "shows a certificate that does not name its address.",
    "a certificate that strangers signed": "or refuses that of SYNDB_CASSANDRA_CERTIFICATE_FILE.",
    "no certificate": "it asks for a certificate, or refuses that of SYNDB_CASSANDRA_CERTIFICATE_FILE.",
    "a wrong password": "refuses the name or password in SYNDB_CASSANDRA_USERNAME and SYNDB_CASSANDRA_PASSWORD.",
    "a user who is not there": "refuses the name or password in SYNDB_CASSANDRA_USERNAME and SYNDB_CASSANDRA_PASSWORD.",
    "no user": "refuses the name or password in SYNDB_CASSANDRA_USERNAME and SYNDB_CASSANDRA_PASSWORD.",
    "a node that speaks no TLS": "do not agree on TLS. SYNDB_CASSANDRA_TLS says whether to speak it.",
    "no TLS": "No node of the store of rows answers.",
}


@pytest.fixture(scope="module")
def strangers(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "strangers")


@pytest.fixture(scope="module")
def settings(guarded_node, tmp_path_factory) -> Settings:
    """Of a user who may read and write, in a keyspace that another one has made."""
    node, authority = guarded_node
    certificate, key = authority.issue_files("client")
    return Settings(
        data=tmp_path_factory.mktemp("guarded"),
        secret_keys=(SECRET,),
        store="cassandra",
        start_timeout_s=3,
        cassandra_hosts=(node.host,),
        cassandra_port=node.port,
        cassandra_keyspace=KEYSPACE,
        cassandra_replication=1,
        cassandra_tls=True,
        cassandra_ca_file=str(authority.ca_file),
        cassandra_certificate_file=str(certificate),
        cassandra_key_file=str(key),
        cassandra_username="lab",
        cassandra_password=secrets.token_hex(8),
    )


@pytest.fixture
def administrator(settings) -> Settings:
    """The user that every new node has."""
    return settings.model_copy(
        update={"cassandra_username": "cassandra", "cassandra_password": "cassandra", "demo": True}
    )


def test_a_user_who_may_read_and_write_loads_and_serves_over_tls(
    settings, administrator, use_settings, start_server, tmp_path, capsys
):
    with make_cluster(_cluster_options(administrator)) as cluster:
        session = cluster.connect()
        session.execute(f"CREATE ROLE lab WITH LOGIN = true AND PASSWORD = '{settings.cassandra_password}'", timeout=60)
        use_settings(settings)
        assert run(["db", "init"]) == 1
        assert "The user in SYNDB_CASSANDRA_USERNAME may not do this" in capsys.readouterr().err
        use_settings(administrator)
        assert run(["db", "init"]) == 0
        for permission in ("SELECT", "MODIFY"):
            session.execute(f"GRANT {permission} ON KEYSPACE {KEYSPACE} TO lab", timeout=60)
    use_settings(settings)
    assert run(["db", "check"]) == 0
    assert run(["load", str(write_folder(tmp_path / "folder", {"neuron.csv": NEURONS}))]) == 0
    with start_server(settings, tmp_path / "log", SYNDB_START_TIMEOUT_S="10") as server:
        query = "{ datasets { nodes { neurons { nodes { name } } } } }"
        answer = httpx.post(f"{server.url}/graphql", json={"query": query}).json()
    (dataset,) = answer["data"]["datasets"]["nodes"]
    assert {neuron["name"] for neuron in dataset["neurons"]["nodes"]} == {"A", "B"}


@pytest.fixture
async def elsewhere(guarded_node) -> AsyncIterator[None]:
    """Another address, from which all is passed on to the node."""
    node, _ = guarded_node

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(node.host, node.port)
        await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))

    async with await asyncio.start_server(pass_on, ELSEWHERE, node.port):
        yield


@pytest.mark.parametrize("wrong", REFUSALS)
async def test_whoever_is_refused_is_told_why_and_in_time(wrong, settings, strangers, elsewhere, cassandra_node):
    foreign_certificate, foreign_key = strangers.issue_files("client")
    changes: dict[str, dict[str, object]] = {
        "an authority that did not sign the node's certificate": {"cassandra_ca_file": str(strangers.ca_file)},
        "an address that is not in the node's certificate": {"cassandra_hosts": (ELSEWHERE,)},
        "a certificate that strangers signed": {
            "cassandra_certificate_file": str(foreign_certificate),
            "cassandra_key_file": str(foreign_key),
        },
        "no certificate": {"cassandra_certificate_file": "", "cassandra_key_file": ""},
        "a wrong password": {"cassandra_password": "tulip"},
        "a user who is not there": {"cassandra_username": "tulip"},
        "no user": {"cassandra_username": "", "cassandra_password": ""},
        "a node that speaks no TLS": {"cassandra_port": cassandra_node.port},
        "no TLS": {"cassandra_tls": False},
    }
    changed = settings.model_copy(update=changes[wrong])
    said: list[str] = []
    stores = open_stores(changed, MODEL)
    began = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable) as at_start:
            await stores.wait(changed.start_timeout_s, said.append)
        with pytest.raises(StoreUnavailable) as at_call:
            await stores.rows.read_heads()
    finally:
        await stores.close()
    assert time.monotonic() - began < LONGEST_S
    where = f"the rows in Cassandra ({changed.cassandra_hosts[0]}, keyspace {KEYSPACE})"
    assert len(said) == 1
    assert re.match(rf"Waiting for {re.escape(where)}, at most [123] s more: ", said[0])
    assert REFUSALS[wrong] in said[0]
    assert str(at_start.value).startswith(f"{where}: no answer within 3 s of the start. ")
    assert REFUSALS[wrong] in str(at_start.value)
    assert at_call.value.code == "STORE_UNAVAILABLE"
    assert REFUSALS[wrong] in str(at_call.value)
    for secret in (changed.cassandra_password, settings.cassandra_password, "tulip"):
        assert not secret or secret not in f"{said}{at_start.value}{at_call.value}"


def test_a_server_that_is_refused_ends_and_says_so(settings, tmp_path):
    environment = environment_of(settings) | {"SYNDB_CASSANDRA_PASSWORD": "tulip", "SYNDB_PORT": "0"}
    command = [sys.executable, "-m", "syndb_graphql", "serve"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, cwd=tmp_path)
    assert ended.returncode == 1
    assert REFUSALS["a wrong password"] in ended.stdout
    assert REFUSALS["a wrong password"] in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert "tulip" not in ended.stdout + ended.stderr
