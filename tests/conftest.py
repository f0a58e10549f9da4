"""What the tests share: the demo data loaded once, a client at the front door, and a server in a process of its own."""

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import polars as pl
import pytest

from syndb_graphql.app import build_app
from syndb_graphql.cli.demo import DATA
from syndb_graphql.cli.load import load_folders
from syndb_graphql.ingest.parquet import POLARS_TYPES
from syndb_graphql.settings import PREFIX, Settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.model import Model, Table
from syndb_graphql.store.cassandra.door import ClusterOptions
from syndb_graphql.stores import open_stores
from tests.servers.s3 import S3Server

pytest_plugins = ["tests.servers.fixtures", "tests.servers.keyspaces", "tests.servers.reporting"]

SECRET = "0123456789abcdef" * 2

# How long an example takes is the machine's affair. The rest is as hypothesis has it, which is another thing with CI=true.
hypothesis.settings.register_profile("tests", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("tests")


@dataclass(frozen=True)
class Client:
    """Asks the graph as a client would, over HTTP but without a socket."""

    http: httpx.AsyncClient
    app: Any

    async def answer(self, query: str, variables: dict | None = None, **headers: str) -> dict:
        """The whole answer, errors included."""
        response = await self.http.post(
            "/graphql", json={"query": query, "variables": variables or {}}, headers=headers
        )
        return response.json()

    async def ask(self, query: str, variables: dict | None = None) -> dict:
        """The data of an answer that has no errors."""
        answer = await self.answer(query, variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def fail(self, query: str, variables: dict | None = None) -> dict:
        """The first error of an answer that has one, with its code at hand."""
        answer = await self.answer(query, variables)
        assert answer.get("errors"), answer
        return answer["errors"][0] | {"code": answer["errors"][0]["extensions"]["code"]}


@contextlib.asynccontextmanager
async def open_client(settings: Settings, model: Model | None = None) -> AsyncIterator[Client]:
    """A client of an app of its own."""
    model = model or load_default_model()
    stores = open_stores(settings, model)
    app = build_app(settings, model, stores)
    transport = httpx.ASGITransport(app)
    try:
        async with (
            app.router.lifespan_context(app),
            # Links to files may lead to a server beside this one.
            httpx.AsyncClient(mounts={"http://syndb.test": transport}, base_url="http://syndb.test") as http,
        ):
            yield Client(http, app)
    finally:
        await stores.close()


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> None:
    for name in list(os.environ):
        if name.startswith("SYNDB_"):
            del os.environ[name]


@pytest.fixture(scope="session", params=["sqlite", pytest.param("cassandra", marks=pytest.mark.servers)])
def demo_settings(request, tmp_path_factory) -> Settings:
    """The six demo data sets, loaded once, in each store. Tests that write take a copy: `copied_demo`.

    What is about the file of the first one, or about no store, is marked `embedded` and left out of the others.
    """
    settings = Settings(data=tmp_path_factory.mktemp("demo"), secret_keys=(SECRET,))
    if request.param == "cassandra":
        settings = on_cassandra(settings, request.getfixturevalue("make_keyspace")())
        settings = on_s3(settings, request.getfixturevalue("s3_server_of_session"))
    return load_demo(settings)


BUCKET_ROWS = 200
"""Of the demo's tables on a store with buckets, so that pages cross them."""


def on_cassandra(settings: Settings, options: ClusterOptions) -> Settings:
    """The same settings, with the rows in a keyspace."""
    return settings.model_copy(
        update={
            "store": "cassandra",
            "cassandra_hosts": options.hosts,
            "cassandra_port": options.port,
            "cassandra_keyspace": options.keyspace,
            "cassandra_datacenter": options.datacenter,
            "cassandra_bucket_rows": BUCKET_ROWS,
            "store_timeout_s": options.timeout_s,
        }
    )


def frame_of(table: Table, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as a store takes them: all columns of the table, null where a row has no value."""
    schema = {column.name: POLARS_TYPES[column.type.name] for column in table.columns}
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


async def until(ask: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool], seconds: float = 20) -> Any:
    """The first answer that is wanted."""
    async with asyncio.timeout(seconds):
        while True:
            answer = await ask()
            if wanted(answer):
                return answer
            # A client of an app in this process may never give up the loop: time limits, and what follows whether the
            # store answers, need a turn.
            await asyncio.sleep(0.05)


def on_s3(settings: Settings, server: S3Server) -> Settings:
    """The same settings, with the files in a bucket; each keyspace has a place of its own in it."""
    return settings.model_copy(
        update={
            "files": "s3",
            "s3_endpoint": server.endpoint,
            "s3_access_key": server.access_key,
            "s3_secret_key": server.secret_key,
            "s3_prefix": f"{settings.cassandra_keyspace}/",
        }
    )


def load_demo(settings: Settings) -> Settings:
    assert load_folders(sorted(path.parent for path in DATA.glob("*/dataset.toml")), settings, quiet=True) == 0
    return settings


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that a command would read these settings from."""
    changed = {name: value for name, value in settings if value != Settings.model_fields[name].default}
    return {
        PREFIX + name.upper(): ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in changed.items()
    }


@pytest.fixture(scope="session")
async def client(demo_settings) -> AsyncIterator[Client]:
    async with open_client(demo_settings) as opened:
        yield opened


@pytest.fixture
def copied_demo(request, demo_settings, tmp_path) -> Settings:
    copy = demo_settings.model_copy(update={"data": tmp_path / "data"})
    if demo_settings.store == "cassandra":
        copy = on_cassandra(copy, request.getfixturevalue("make_keyspace")())
        return load_demo(on_s3(copy, request.getfixturevalue("s3_server_of_session")))
    shutil.copytree(demo_settings.data, tmp_path / "data")
    return copy


@pytest.fixture
def make_settings(request, demo_settings, tmp_path) -> Callable[..., Settings]:
    """`make_settings()`, or with a model of one's own: a store of the demo's kind, with nothing in it."""

    def make(model: Model | None = None) -> Settings:
        settings = demo_settings.model_copy(update={"data": tmp_path / "data"})
        if settings.store == "cassandra":
            settings = on_cassandra(settings, request.getfixturevalue("make_keyspace")(model))
            return on_s3(settings, request.getfixturevalue("s3_server_of_session"))
        return settings

    return make


@pytest.fixture
def use_settings(monkeypatch) -> Callable[[Settings], None]:
    """Give settings to commands of this process, by the environment."""

    def use(settings: Settings) -> None:
        for name, value in environment_of(settings).items():
            monkeypatch.setenv(name, value)

    return use


@dataclass(frozen=True)
class Server:
    url: str
    process: subprocess.Popen
    log: Path


@contextlib.contextmanager
def run_server(
    settings: Settings,
    log: Path,
    command: str = "serve",
    *,
    program: Sequence[str] = (sys.executable, "-m", "syndb_graphql"),
    folder: Path | None = None,
    **environment: str,
) -> Iterator[Server]:
    """`syndb-graphql serve` (or demo) in a process of its own, on a free port; ended by its id."""
    variables = environment_of(settings) | {"SYNDB_PORT": "0", "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*program, command],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=os.environ | variables | environment,
        )
    try:
        yield Server(_wait_for_address(process, log), process, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _wait_for_address(process: subprocess.Popen, log: Path, seconds: float = 30) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = re.search(r"GraphQL serves .* at (http://[\d.]+:\d+)", log.read_text("utf-8", "replace"))
        if found:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(found[1] + "/readyz", timeout=1).status_code == 200:
                    return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"the server did not start within {seconds} s:\n{log.read_text('utf-8', 'replace')}")


@pytest.fixture(scope="session")
def demo_server(demo_settings, tmp_path_factory) -> Iterator[Server]:
    with run_server(demo_settings, tmp_path_factory.mktemp("server") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def start_server() -> Callable[..., contextlib.AbstractContextManager[Server]]:
    """For tests that need a server of their own: `with start_server(settings, log) as server`."""
    return run_server


@pytest.fixture(scope="session")
def start_client() -> Callable[..., contextlib.AbstractAsyncContextManager[Client]]:
    """For tests that need an app of their own: `async with start_client(settings, model) as client`."""
    return open_client
