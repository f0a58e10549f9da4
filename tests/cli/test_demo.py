"""`syndb-graphql demo` and `serve` as processes of their own: loaded once, served again, ended as they are told."""

import os
import signal
import sqlite3

import httpx
import pytest

pytestmark = pytest.mark.embedded

COUNT = {"query": "{ datasets { totalCount } }"}


def test_the_demo_may_be_run_again_and_serves_what_is_there(copied_demo, tmp_path, start_server):
    with start_server(copied_demo, tmp_path / "log", "demo") as server:
        assert httpx.post(server.url + "/graphql", json=COUNT).json()["data"]["datasets"]["totalCount"] == 6
        said = server.log.read_text()
    assert said.count("unchanged ") == 6
    assert "loaded " not in said.replace("unchanged ", "")
    assert f"Open {server.url}/graphql in a browser" in said
    assert f"curl {server.url}/graphql" in said


@pytest.mark.parametrize(("given", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_server_that_is_told_to_end_closes_its_store(given, status, copied_demo, tmp_path, start_server):
    with start_server(copied_demo, tmp_path / "log") as server:
        assert httpx.post(server.url + "/graphql", json=COUNT).status_code == 200
        os.kill(server.process.pid, given)
        assert server.process.wait(20) == status
        said = server.log.read_text()
    assert "Traceback" not in said
    # SQLite removes these two when the last connection is closed in order.
    assert not [path.name for path in copied_demo.data.glob("syndb.sqlite-*")]
    with sqlite3.connect(copied_demo.data / "syndb.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
