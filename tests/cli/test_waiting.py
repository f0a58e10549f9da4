"""A server that is started before its stores: it says what it waits for, goes on when they answer, and gives up in time."""

import re
import subprocess
import sys
import threading
import time

import httpx
import pytest

from syndb_graphql.settings import Settings

NOWHERE = {
    "SYNDB_FILES": "s3",
    "SYNDB_S3_ENDPOINT": "http://127.0.0.1:1",
    "SYNDB_S3_ACCESS_KEY": "who",
    "SYNDB_S3_SECRET_KEY": "one-of-our-own",
}


def serve(tmp_path, environment, **options) -> subprocess.CompletedProcess:
    variables = {"SYNDB_DATA": str(tmp_path), "SYNDB_PORT": "0", **environment}
    command = [sys.executable, "-m", "syndb_graphql", "serve"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=variables, **options)


@pytest.mark.parametrize(
    ("nowhere", "place", "reason"),
    [
        (
            NOWHERE,
            r"the files in S3 \(http://127\.0\.0\.1:1, bucket syndb\)",
            r"The store of files does not answer: it cannot be reached\.",
        ),
        (
            {"SYNDB_STORE": "cassandra", "SYNDB_CASSANDRA_PORT": "1"},
            r"the rows in Cassandra \(127\.0\.0\.1, keyspace syndb\)",
            r"No node of the store of rows answers\. Try again shortly\.",
        ),
    ],
    ids=["files", "rows"],
)
def test_it_gives_up_after_the_bound_and_says_what_it_waited_for(nowhere, place, reason, tmp_path):
    ended = serve(tmp_path, nowhere | {"SYNDB_START_TIMEOUT_S": "1"})
    assert ended.returncode == 1
    assert re.fullmatch(rf"Waiting for {place}, at most 1 s more: {reason}\n", ended.stdout)
    assert re.fullmatch(
        rf"syndb-graphql: {place}: no answer within 1 s of the start\. {reason} See to it that it runs, or raise "
        r"SYNDB_START_TIMEOUT_S\.\n",
        ended.stderr.splitlines(keepends=True)[-1],
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"SYNDB_S3_ACCESS_KEY": ""}, "SYNDB_FILES is s3, which needs SYNDB_S3_ACCESS_KEY and SYNDB_S3_SECRET_KEY"),
        ({"SYNDB_S3_ENDPOINT": "minio:9000"}, "no http:// or https:// address"),
        ({"SYNDB_S3_SECRET_KEY": "minioadmin"}, "SYNDB_S3_SECRET_KEY: this secret is one that everyone knows"),
        ({"SYNDB_S3_CA_FILE": "/not/there"}, "SYNDB_S3_CA_FILE"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_a_wait(wrong, said, tmp_path):
    ended = serve(tmp_path, NOWHERE | wrong)
    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Waiting" not in ended.stdout
    assert "minioadmin" not in ended.stderr + ended.stdout


@pytest.mark.servers
def test_it_goes_on_when_the_store_answers(s3_server, start_server, tmp_path):
    s3_server.kill()
    log = tmp_path / "log"

    def start_the_store() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not (log.exists() and "Waiting for the files in S3" in log.read_text()):
            time.sleep(0.05)
        s3_server.start()

    store = threading.Thread(target=start_the_store)
    store.start()
    environment = {
        "SYNDB_FILES": "s3",
        "SYNDB_S3_ENDPOINT": s3_server.endpoint,
        "SYNDB_S3_ACCESS_KEY": s3_server.access_key,
        "SYNDB_S3_SECRET_KEY": s3_server.secret_key,
        "SYNDB_S3_BUCKET": "waited-for",
    }
    try:
        with start_server(Settings(data=tmp_path), log, **environment) as server:
            assert httpx.get(server.url + "/readyz").status_code == 200
            said = log.read_text()
    finally:
        store.join()
    assert "Waiting" in said, said
    assert said.index("Waiting for the files in S3") < said.index("SynDB GraphQL serves the files in S3")
