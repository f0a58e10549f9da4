"""Nodes that are lost during a load and under a server, over HTTP: no row is missed, and everyone is told the truth."""

import asyncio
import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from bench.synthetic import write_synthetic
from syndb_graphql.errors import StoreUnavailable
from syndb_graphql.ingest.load import load_folder
from syndb_graphql.ingest.result import LoadResult
from syndb_graphql.ingest.versions import read_head
from syndb_graphql.settings import Settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.cassandra import base
from syndb_graphql.store.protocol import Row, Snapshot, Window
from syndb_graphql.stores import open_stores
from tests.conftest import SECRET, environment_of, on_cassandra
from tests.ingest.halting import Moments, Watched
from tests.servers.cassandra import CassandraNode

pytestmark = pytest.mark.servers
MODEL = load_default_model()
COUNTS = {"neuron": 30, "neuron_relation": 60, "dendrite": 40, "vesicle": 60, "synapse": 1200}
SLOWEST_S, TIMEOUT_S, RECOVERY_S, READY_S = 2.0, 5.0, 15.0, 4.0
STANDSTILL_S, PATIENCE_S = 15.0, 8.0
GRACE_S = 1.0
"""What a busy computer may add to a time limit."""
PAGE = """query($label: String!) { dataset(by: {label: $label}) { label rowCount
  synapses(first: 500) { totalCount nodes { sourceId preNeuron { name } } } } }"""


@pytest.fixture
def settings(cassandra_cluster, cluster_keyspace, tmp_path) -> Settings:
    settings = Settings(data=tmp_path / "data", secret_keys=(SECRET,), cassandra_replication=3)
    return on_cassandra(settings, replace(cluster_keyspace, timeout_s=TIMEOUT_S))


def fill(folder: Path, seed: int, label: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    write_synthetic(folder, seed=seed, rows=COUNTS, label=label)


async def load(
    folder: Path,
    settings: Settings,
    meet: Callable[[str], Awaitable[None] | None] = lambda name: None,
    statements: Moments | None = None,
) -> LoadResult:
    stores = open_stores(settings, MODEL, patient=True)
    if statements:
        statements.watch_statements(stores.rows)
    try:
        rows = Watched(stores.rows, meet)
        result = await load_folder(folder, model=MODEL, rows=rows, objects=stores.objects, owner="local")
    finally:
        await stores.close()
    assert result.status == "loaded", result.findings
    return result


async def rows_of(settings: Settings, dataset: UUID) -> dict[str, list[Row]]:
    """Every cell of every table of what is current."""
    stores, found = open_stores(settings, MODEL), {}
    try:
        head = await read_head(stores.rows, dataset.bytes)
        snapshot = Snapshot(dataset.bytes, head.version)
        for name, table in MODEL.tables.items():
            columns = [column.name for column in table.columns]
            window = Window(100_000)
            found[name] = list(await stores.rows.read_page(table, snapshot, columns=columns, window=window))
    finally:
        await stores.close()
    return found


@dataclass
class Visitor:
    """Somebody who asks a server again and again, and how long each answer took."""

    http: httpx.AsyncClient
    label: str
    took: list[float] = field(default_factory=list)

    async def ask(self) -> dict:
        began = time.monotonic()
        answer = (await self.http.post("/graphql", json={"query": PAGE, "variables": {"label": self.label}})).json()
        self.took.append(time.monotonic() - began)
        return answer

    async def go_on(self, enough: asyncio.Event) -> None:
        while not enough.is_set():
            answer = await self.ask()
            assert "errors" not in answer, answer["errors"]
            assert len(answer["data"]["dataset"]["synapses"]["nodes"]) == 500
            for path in ("/readyz", "/healthz"):
                began = time.monotonic()
                health = await self.http.get(path)
                self.took.append(time.monotonic() - began)
                assert health.status_code == 200, (path, health.text)


async def run_command(settings: Settings, *arguments: str) -> str:
    command = [sys.executable, "-m", "syndb_graphql", *arguments]
    environment = os.environ | environment_of(settings)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def load_by_command(folder: Path, settings: Settings) -> None:
    said = await run_command(settings, "load", "--quiet", str(folder))
    assert said.startswith("loaded "), said


async def test_one_stands_still_and_goes_on_and_neither_readers_nor_loads_notice(
    settings, cassandra_cluster, start_server, tmp_path
):
    """The first of these tests: for as long as its read timeout after its start a node asks another replica only after half
    of that, whatever the table says. That is 5 s here."""
    folder, label = tmp_path / "folder", f"Synthetic cortex {uuid4()}"
    seeds = itertools.count(10)
    fill(folder, next(seeds), label)
    await load_by_command(folder, settings)
    still = cassandra_cluster.nodes[2]
    with start_server(settings, tmp_path / "log") as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
            visitor, enough = Visitor(http, label), asyncio.Event()
            still.pause()  # what the server never asked before is prepared now
            visiting = asyncio.create_task(visitor.go_on(enough))
            began = time.monotonic()
            while time.monotonic() - began < STANDSTILL_S:
                fill(folder, next(seeds), label)
                await load_by_command(folder, settings)
                assert label in await run_command(settings, "list")
            still.resume()
            fill(folder, next(seeds), label)
            await load_by_command(folder, settings)
            enough.set()
            await visiting
    assert max(visitor.took) < SLOWEST_S, sorted(visitor.took)[-5:]
    embedded = Settings(data=tmp_path / "embedded", secret_keys=(SECRET,))
    result = await load(folder, embedded)
    assert result.dataset
    assert await rows_of(settings, result.dataset) == await rows_of(embedded, result.dataset)


async def test_one_is_lost_during_a_load_and_another_during_the_next_and_both_come_back(
    settings, cassandra_cluster, start_server, tmp_path
):
    folder, label = tmp_path / "folder", f"Synthetic cortex {uuid4()}"
    fill(folder, 1, label)
    await load(folder, settings)
    fill(folder, 2, label)
    embedded = Settings(data=tmp_path / "embedded", secret_keys=(SECRET,))
    result = await load(folder, embedded)
    assert result.dataset
    wanted = await rows_of(embedded, result.dataset)
    assert len(wanted["synapse"]) == COUNTS["synapse"]
    lost = cassandra_cluster.nodes[1:]

    def lose(node: CassandraNode) -> Callable[[str], None]:
        """As soon as rows are written; once, since other tables follow when it is back."""
        moments = iter(["write_rows"])

        def meet(name: str) -> None:
            if name == "write_rows" and next(moments, None):
                node.kill()

        return meet

    with start_server(settings, tmp_path / "log") as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
            visitor, enough = Visitor(http, label), asyncio.Event()
            visiting = asyncio.create_task(visitor.go_on(enough))
            await load(folder, settings, lose(lost[0]))
            enough.set()
            await visiting
            assert not lost[0].alive
            assert max(visitor.took) < SLOWEST_S, sorted(visitor.took)[-5:]
            assert await rows_of(settings, result.dataset) == wanted

            fill(folder, 3, label)
            loading = asyncio.create_task(load(folder, settings, lose(lost[1])))
            while lost[1].alive and not loading.done():
                await visitor.ask()
            answer = await visitor.ask()
            assert visitor.took[-1] < TIMEOUT_S + GRACE_S
            assert {error["extensions"]["code"] for error in answer["errors"]} <= {"STORE_UNAVAILABLE", "STORE_TIMEOUT"}
            assert answer["data"]["dataset"]["label"] == label  # it is known from memory
            assert answer["data"]["dataset"]["synapses"] is None
            began = time.monotonic()
            ready = await http.get("/readyz")
            assert time.monotonic() - began < READY_S + GRACE_S
            assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
            assert ready.json()["code"] in ("STORE_UNAVAILABLE", "STORE_TIMEOUT")
            assert (await http.get("/healthz")).status_code == 200

            await asyncio.gather(*(asyncio.to_thread(node.start) for node in lost))
            async with asyncio.timeout(RECOVERY_S):
                while "errors" in await visitor.ask() or (await http.get("/readyz")).status_code != 200:
                    pass
            await loading  # it has waited for them
            await load(folder, embedded)
    assert await rows_of(settings, result.dataset) == await rows_of(embedded, result.dataset)


async def lose_until_somebody_is_refused(lost: tuple[CassandraNode, ...], settings: Settings) -> asyncio.Task[None]:
    """Returns when two of three nodes are gone; they are started again once a store that is not patient has refused."""
    await asyncio.to_thread(
        lost[0].stop
    )  # which takes longer than what the other was told last needs to be on its disk
    lost[1].kill()

    async def restart() -> None:
        stores = open_stores(settings, MODEL)
        try:
            for ask in (stores.rows.read_heads, stores.rows.check):
                began = time.monotonic()
                with pytest.raises(StoreUnavailable):
                    await ask()
                assert time.monotonic() - began < TIMEOUT_S + GRACE_S
        finally:
            await stores.close()
        await asyncio.gather(*(asyncio.to_thread(node.start) for node in lost))

    return asyncio.create_task(restart())


async def test_two_are_restarted_while_one_load_publishes_and_another_begins(settings, cassandra_cluster, tmp_path):
    lost, embedded = cassandra_cluster.nodes[1:], Settings(data=tmp_path / "embedded", secret_keys=(SECRET,))
    folders = tmp_path / "publishing", tmp_path / "beginning"
    undisturbed = []
    for seed, folder in enumerate(folders, start=4):
        fill(folder, seed, f"Synthetic cortex {uuid4()}")
        undisturbed.append(await load(folder, embedded))
    tasks: list[asyncio.Task] = []
    waited = []

    async def meet(name: str) -> None:
        if name == "write_version":
            tasks.append(await lose_until_somebody_is_refused(lost, settings))
            tasks.append(asyncio.create_task(load(folders[1], settings, meet_of_other)))
        wait(name, "write_version-after")

    def meet_of_other(name: str) -> None:
        wait(name, "read_heads-after")

    def wait(name: str, wanted: str) -> None:
        if name == wanted:
            waited.append(any(node.alive for node in lost))

    results = [await load(folders[0], settings, meet)]
    restarting, beginning = tasks
    results.append(await beginning)
    await restarting
    assert len(waited) >= 2
    assert all(waited)
    for calm, result in zip(undisturbed, results, strict=True):
        assert (result.dataset, result.version) == (calm.dataset, 1)
        assert await rows_of(settings, result.dataset) == await rows_of(embedded, result.dataset)


async def test_all_are_restarted_between_two_tables_of_a_load(settings, cassandra_cluster, tmp_path):
    """What the next table needs is prepared when they are back, as its rows are written then."""
    folder, nodes = tmp_path / "folder", cassandra_cluster.nodes
    fill(folder, 7, f"Synthetic cortex {uuid4()}")
    embedded = Settings(data=tmp_path / "embedded", secret_keys=(SECRET,))
    undisturbed = await load(folder, embedded)
    restarting: list[asyncio.Task] = []
    tables = itertools.count(1)

    async def restart() -> None:
        await asyncio.to_thread(nodes[0].start)
        await asyncio.gather(*(asyncio.to_thread(node.start) for node in nodes[1:]))

    def meet(name: str) -> None:
        if name == "write_rows" and next(tables) == 2:
            for node in nodes:
                node.kill()
            restarting.append(asyncio.create_task(restart()))

    result = await load(folder, settings, meet)
    await restarting[0]
    assert (result.dataset, result.version) == (undisturbed.dataset, 1)
    assert undisturbed.dataset
    assert await rows_of(settings, undisturbed.dataset) == await rows_of(embedded, undisturbed.dataset)


class Standstill(Moments):
    """Two of three nodes stand still as that statement of that call is sent, and go on as soon as something is sent again.

    What was asked of them is done then, when whoever asked has given it up.
    """

    def __init__(self, lost: tuple[CassandraNode, ...], statements: dict[str, int]) -> None:
        super().__init__()
        self._lost, self._left = lost, statements
        self._sent, self._wanted = 0, 0

    @property
    def over(self) -> bool:
        return not self._left and self._sent > self._wanted

    def meet(self, name: str) -> None:
        super().meet(name)
        if name in self._left:
            self._sent, self._wanted = 0, self._left.pop(name)
        elif name == "statement":
            self._sent += 1
            for node in self._lost:
                if self._sent == self._wanted:
                    node.pause()
                elif self._sent == self._wanted + 1:
                    node.resume()


async def test_two_stand_still_as_a_load_takes_its_hold_and_as_it_publishes(settings, cassandra_cluster, tmp_path):
    """What nobody answered may have been done: nothing is done twice, and nothing is thought to have failed that was done."""
    folder, label = tmp_path / "folder", f"Synthetic cortex {uuid4()}"
    fill(folder, 5, label)
    embedded = Settings(data=tmp_path / "embedded", secret_keys=(SECRET,))
    undisturbed = await load(folder, embedded)
    # The change of a hold is its first statement, that of a head its second: it looks before.
    still = Standstill(cassandra_cluster.nodes[1:], {"swap_hold": 1, "swap_head": 2})
    result = await load(folder, settings, still.meet, still)
    assert still.over
    assert (result.dataset, result.version) == (undisturbed.dataset, 1)
    assert await rows_of(settings, result.dataset) == await rows_of(embedded, result.dataset)


async def test_a_load_whose_patience_ends_says_so_and_does_not_wait_once_more_to_clean_up(
    settings, cassandra_cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr(base, "PATIENCE_S", PATIENCE_S)  # it is 90
    settings = settings.model_copy(update={"store_timeout_s": 1.0})
    folder, label = tmp_path / "folder", f"Synthetic cortex {uuid4()}"
    fill(folder, 6, label)
    lost, moments = cassandra_cluster.nodes[1:], []

    def lose(name: str) -> None:
        if name == "write_rows" and not moments:
            moments.append(time.monotonic())
            for node in lost:
                node.pause()

    with pytest.raises(StoreUnavailable):
        await load(folder, settings, lose)
    assert PATIENCE_S < time.monotonic() - moments[0] < 2 * PATIENCE_S
    for node in lost:
        node.resume()
    result = await load(folder, settings)
    embedded = Settings(data=tmp_path / "embedded", secret_keys=(SECRET,))
    await load(folder, embedded)
    assert await rows_of(settings, result.dataset) == await rows_of(embedded, result.dataset)
