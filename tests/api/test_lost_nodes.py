"""Nodes that are lost during a load and under a server, over HTTP: no row is missed, and everyone is told the truth."""

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from bench.synthetic import write_synthetic
from syndb_graphql.ingest.load import load_folder
from syndb_graphql.ingest.result import LoadResult
from syndb_graphql.ingest.versions import read_head
from syndb_graphql.settings import Settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.protocol import Row, Snapshot, Window
from syndb_graphql.stores import open_stores
from tests.conftest import SECRET, on_cassandra
from tests.ingest.halting import Watched
from tests.servers.cassandra import CassandraNode

pytestmark = pytest.mark.servers
MODEL = load_default_model()
COUNTS = {"neuron": 30, "neuron_relation": 60, "dendrite": 40, "vesicle": 60, "synapse": 1200}
SLOWEST_S, TIMEOUT_S, RECOVERY_S, READY_S = 2.0, 5.0, 15.0, 4.0
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


async def load(folder: Path, settings: Settings, meet: Callable[[str], None] = lambda name: None) -> LoadResult:
    stores = open_stores(settings, MODEL)
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
            found[name] = await stores.rows.read_page(table, snapshot, columns=columns, window=Window(100_000))
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
            ready = await self.http.get("/readyz")
            assert ready.status_code == 200, ready.text


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
