"""The servers, how each is started (one process, or one worker, each), and a server while it runs."""

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from bench.data import own_environment
from bench.dialects import DATASETTE, HAND, MERCURIUS, OURS, POSTGRAPHILE, STRAWBERRY, Dialect
from bench.load_tool import SILENCE_S, Work
from bench.paths import LIBRARIES, LOGS, PEERS, REPOSITORY, SERVERS

OURS_NAME, STOCK, LIMIT_STDLIB, LIMIT_APSW = (
    "SynDB GraphQL",
    "Strawberry",
    "limit: sqlite3 + orjson",
    "limit: apsw + msgspec",
)
STOCK_CACHED = "Strawberry + its caches"
MERCURIUS_NAME, POSTGRAPHILE_NAME, DATASETTE_NAME = "Mercurius + jit", "PostGraphile", "datasette-graphql"
START_S = 60.0
"""A server that has not answered by then has failed."""
POLL_S = 0.002


class NotStarted(Exception):
    """A server ended, or did not answer in time."""


@dataclass(frozen=True)
class Target:
    name: str
    dialect: Dialect
    command: Callable[[int], list[str]]
    """The command line for a port."""
    path: str = "/graphql"
    environment: Mapping[str, str] = field(default_factory=dict)


def own_target(store: Path, environment: Mapping[str, str] | None = None) -> Target:
    """As it comes: limits on, cursors signed, settings at their defaults but for those in `environment`."""
    return Target(
        OURS_NAME,
        OURS,
        lambda port: [sys.executable, "-m", "syndb_graphql", "serve", "--port", str(port)],
        environment={"SYNDB_DATA": str(store), **(environment or {})},
    )


def python_targets(database: Path) -> list[Target]:
    """The limits and stock Strawberry, in the environment that ours runs in: the same versions of all that they share."""
    environment = {"ROWS_DB": str(database), "PYTHONPATH": str(LIBRARIES)}
    return [
        Target(LIMIT_STDLIB, HAND, _uvicorn("limit_stdlib"), environment=environment),
        Target(LIMIT_APSW, HAND, _uvicorn("limit_apsw"), environment=environment),
        Target(STOCK, STRAWBERRY, _uvicorn("strawberry_stock"), "/", environment),
        Target(STOCK_CACHED, STRAWBERRY, _uvicorn("strawberry_stock"), "/", environment | {"STRAWBERRY_CACHES": "1"}),
    ]


def _uvicorn(module: str) -> Callable[[int], list[str]]:
    return lambda port: [
        sys.executable, "-m", "uvicorn", f"bench.servers.{module}:app", "--app-dir", str(REPOSITORY), "--port", str(port),
        "--workers", "1", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip


def mercurius_target(node: str, database: Path) -> Target:
    environment = {"ROWS_DB": str(database), "NODE_ENV": "production"}
    return Target(MERCURIUS_NAME, MERCURIUS, _node(node, "mercurius.mjs"), environment=environment)


def postgraphile_target(node: str, database_url: str) -> Target:
    environment = {"DATABASE_URL": database_url, "NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    return Target(POSTGRAPHILE_NAME, POSTGRAPHILE, _node(node, "postgraphile.mjs"), environment=environment)


def _node(node: str, script: str) -> Callable[[int], list[str]]:
    # `env` hands the port on, which Node's servers take from the environment.
    return lambda port: ["env", f"PORT={port}", node, str(PEERS / "js" / script)]


def datasette_target(database: Path) -> Target:
    """Its defaults answer large pages with an error, so its bounds are raised."""
    return Target(
        DATASETTE_NAME,
        DATASETTE,
        lambda port: [
            str(PEERS / "datasette/bin/datasette"), "serve", "--immutable", str(database), "--port", str(port),
            "--metadata", str(SERVERS / "datasette.json"), "--setting", "max_returned_rows", "20001",
            "--setting", "sql_time_limit_ms", "60000",
        ],
    )  # fmt: skip


class Server:
    """A target while it runs."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{target.path}"
        self._connection: http.client.HTTPConnection | None = None
        LOGS.mkdir(parents=True, exist_ok=True)
        self._log = LOGS / (re.sub(r"\W+", "-", target.name).lower() + ".log")
        self._began = time.perf_counter()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                target.command(self.port),
                cwd=REPOSITORY,
                env=own_environment() | dict(target.environment),
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self, body: bytes) -> float:
        """Seconds from the start to the first answer without errors. Raises NotStarted."""
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException, RuntimeError):
                self.ask(body)
                return time.perf_counter() - self._began
            if self._process.poll() is not None or time.perf_counter() - self._began > START_S:
                raise NotStarted(
                    f"{self.target.name} does not answer; its last words:\n{self._log.read_text()[-2000:]}"
                )
            time.sleep(POLL_S)

    def ask(self, body: bytes) -> Any:
        """The answer's `data`. Raises RuntimeError where it has errors."""
        status, content = self._post(body)
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if status != 200 or not isinstance(answer, dict) or answer.get("errors"):
            raise RuntimeError(f"{self.target.name} answers {status}: {content[:500]!r}")
        return answer["data"]

    def make_work(self, bodies: list[bytes]) -> Work:
        """With the length of each answer as it is now. A server whose answers differ in length is timed without them."""
        lengths = [len(self._post(body)[1]) for body in bodies]
        again = len(self._post(bodies[0])[1])
        return Work(self.url, bodies, lengths if again == lengths[0] else [None] * len(bodies))

    def _post(self, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        for fresh in (self._connection is None, True):
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SILENCE_S)
            try:
                self._connection.request("POST", urlsplit(self.url).path, body, headers)
                response = self._connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException):
                self._connection.close()
                self._connection = None
                if fresh:  # else it had been idle too long for the server's taste
                    raise
        raise AssertionError

    def resident(self, kind: str = "VmRSS") -> int:
        """Bytes of the process; `RssAnon` leaves out pages of mapped files, which the system may take back."""
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(rf"^{kind}:\s+(\d+) kB", text, re.MULTILINE)
        return 1024 * int(found[1]) if found else 0

    def processor_seconds(self) -> float:
        return processor_seconds(self._process.pid)

    def stop(self) -> None:
        if self._connection:
            self._connection.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(15)


def processor_seconds(pid: int) -> float:
    """Used so far by a process, all its threads together, in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def own_process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program beside the measurement, ended with it."""
    process = subprocess.Popen(command, cwd=REPOSITORY, env=dict(os.environ), stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
