"""Nodes that die, stand still and come back, under somebody who reads and somebody who writes: three nodes, three copies."""

import asyncio
import itertools
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from syndb_graphql.errors import StoreUnavailable
from syndb_graphql.spec.identity import derive_cid
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.cassandra.routing import Routing
from syndb_graphql.store.cassandra.store import CassandraStore
from syndb_graphql.store.protocol import Head, Snapshot, Window
from tests.conftest import frame_of
from tests.servers.cassandra import CassandraCluster

pytestmark = pytest.mark.servers
MODEL = load_default_model()
NEURON, SYNAPSE = MODEL.tables["neuron"], MODEL.tables["synapse"]
TIMEOUT_S = 5.0
SLOWEST_S = 2.0
STANDSTILL_S = 3.0
RECOVERY_S = 15.0


@dataclass
class Traffic:
    """One who reads and one who writes, without a pause; what they met, and the rows that were acknowledged."""

    store: CassandraStore
    snapshot: Snapshot
    written: list[bytes] = field(default_factory=list)
    took: list[tuple[float, str]] = field(default_factory=list)
    failed: list[Exception] = field(default_factory=list)

    async def write(self) -> None:
        """A synapse of one neuron, and its place in two other tables."""
        number = len(self.written)
        row = {
            "cid": derive_cid(self.snapshot.dataset_id, "synapse", str(number)),
            "source_id": str(number),
            "pre_neuron_id": self.neuron,
        }
        await self.store.write_rows(SYNAPSE, self.snapshot, frame_of(SYNAPSE, [row]))
        self.written.append(row["cid"])

    async def read_heads(self) -> None:
        await self.store.read_heads()

    async def read_page(self) -> None:
        await self.store.read_page(SYNAPSE, self.snapshot, columns=["cid", "source_id"], window=Window(20))

    async def read_last(self) -> None:
        cids = self.written[-1:]
        assert None not in await self.store.read_rows(SYNAPSE, self.snapshot, cids=cids, columns=["source_id"])

    @property
    def neuron(self) -> bytes:
        return derive_cid(self.snapshot.dataset_id, "neuron", "1")

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        reads = (self.read_heads, self.read_page, self.read_last)
        tasks = [asyncio.create_task(self._repeat(*each)) for each in ((self.write,), reads)]
        try:
            await self.go_on(1)
            yield
        finally:
            ended = [task for task in tasks if task.done()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in ended:
            task.result()  # it met what is no failure of the store: a row that is missing, or a mistake of ours

    async def go_on(self, seconds: float) -> None:
        """Returns after that time, in which both have got something done."""
        before = len(self.took)
        await asyncio.sleep(seconds)
        assert len(self.took) > before

    async def _repeat(self, *calls) -> None:
        for call in itertools.cycle(calls):
            began = time.monotonic()
            try:
                await call()
            except StoreUnavailable as error:
                self.failed.append(error)
            self.took.append((time.monotonic() - began, call.__name__))

    async def check(self) -> None:
        """Everything that was acknowledged is there, in each table that holds it."""
        await self.store.check()
        found = await self.store.read_rows(SYNAPSE, self.snapshot, cids=self.written, columns=["source_id"])
        assert [row and row[0] for row in found] == [str(number) for number in range(len(self.written))]
        related = await self.store.read_related(
            SYNAPSE.relations["pre"],
            self.snapshot,
            owners=[(self.neuron, None)],
            columns=["cid"],
            window=Window(100_000),
        )
        # A write that was given up may be there all the same.
        assert {row[0] for row in related.rows} >= set(self.written)


@pytest.fixture
async def traffic(cassandra_cluster, cluster_keyspace) -> AsyncIterator[Traffic]:
    store = CassandraStore(replace(cluster_keyspace, timeout_s=TIMEOUT_S), MODEL, rows_per_bucket=500)
    dataset = uuid.uuid5(uuid.uuid4(), "faults").bytes
    async with asyncio.timeout(60):  # nodes that were just healed see each other after a while
        while True:
            try:
                snapshot = Snapshot(dataset, await store.begin_version(dataset))
                await store.open_version(snapshot, {"synapse": 4000})
                break
            except StoreUnavailable:
                await asyncio.sleep(0.5)
    yield Traffic(store, snapshot)
    await store.close()


def undisturbed(traffic: Traffic) -> None:
    assert traffic.failed == []
    assert max(traffic.took)[0] < SLOWEST_S, sorted(traffic.took)[-5:]


async def test_a_node_that_is_killed_costs_no_call(traffic: Traffic, cassandra_cluster: CassandraCluster):
    async with traffic.flowing():
        cassandra_cluster.nodes[1].kill()
        await traffic.go_on(10)
    undisturbed(traffic)
    await traffic.check()
    head = Head(traffic.snapshot.dataset_id, 0, 0, traffic.snapshot.version)
    assert await traffic.store.swap_head(head, Head(head.dataset_id, 1, 1, head.last_version))
    assert await traffic.store.begin_version(head.dataset_id) == traffic.snapshot.version + 1


async def test_a_node_that_stands_still_and_goes_on_costs_no_call(
    traffic: Traffic, cassandra_cluster: CassandraCluster
):
    async with traffic.flowing():
        cassandra_cluster.nodes[2].pause()
        await traffic.go_on(15)
        cassandra_cluster.nodes[2].resume()
        await traffic.go_on(3)
    undisturbed(traffic)
    await traffic.check()


async def test_a_node_that_stands_still_is_waited_for_once_and_not_by_each_statement(
    traffic: Traffic, cassandra_cluster: CassandraCluster, monkeypatch
):
    """Before it is noticed by its heartbeats. Every third partition has its first copy there, and asks there first."""
    door = traffic.store._door
    overtaken, learn = 0, Routing.learn

    def count(self, answered):
        nonlocal overtaken
        overtaken += len(answered.attempted_hosts) > 1
        learn(self, answered)

    async def read_all() -> None:
        for number in range(40):
            key = derive_cid(traffic.snapshot.dataset_id, "neuron", str(number))
            await door.read(f"SELECT revision FROM {door.keyspace}.dataset_record WHERE dataset_id = ?", (key,))

    await read_all()
    monkeypatch.setattr(Routing, "learn", count)
    cassandra_cluster.nodes[2].pause()
    await read_all()
    cassandra_cluster.nodes[2].resume()
    assert 1 <= overtaken <= 4, overtaken  # without a busy machine it is one


async def test_while_all_stand_still_for_a_moment_calls_are_late_and_none_fails(
    traffic: Traffic, cassandra_cluster: CassandraCluster
):
    """As they do where a collector or a busy machine stops them; with one node alone that is every time."""
    async with traffic.flowing():
        for _ in range(2):
            for node in cassandra_cluster.nodes:
                node.pause()
            await asyncio.sleep(STANDSTILL_S)
            for node in cassandra_cluster.nodes:
                node.resume()
            await traffic.go_on(3)
    assert traffic.failed == []
    assert max(traffic.took)[0] < STANDSTILL_S + SLOWEST_S, sorted(traffic.took)[-5:]
    await traffic.check()


async def test_without_two_of_three_calls_end_in_time_and_go_on_by_themselves_once_the_nodes_are_back(
    traffic: Traffic, cassandra_cluster: CassandraCluster
):
    async with traffic.flowing():
        pass
    lost = cassandra_cluster.nodes[1:]
    for node in lost:
        node.kill()
    window = Window(20)
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            await traffic.store.read_page(SYNAPSE, traffic.snapshot, columns=["cid"], window=window)
        assert time.monotonic() - began < TIMEOUT_S + 1
        assert caught.value.code in ("STORE_UNAVAILABLE", "STORE_TIMEOUT")
        with pytest.raises(StoreUnavailable):
            await traffic.store.check()
    await asyncio.gather(*(asyncio.to_thread(node.start) for node in lost))
    async with asyncio.timeout(RECOVERY_S):
        while True:
            try:
                await traffic.store.read_page(SYNAPSE, traffic.snapshot, columns=["cid"], window=window)
                break
            except StoreUnavailable:
                await asyncio.sleep(0.1)
    await traffic.check()
    async with traffic.flowing():
        await traffic.go_on(1)
    assert traffic.failed == []
