"""Several who write one data set, in turn and at once, with clocks that are five seconds apart: never fewer rows."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from syndb_graphql.catalog.records import DatasetRecord, decode_dataset, derive_dataset_id
from syndb_graphql.errors import Conflict
from syndb_graphql.ingest import leases, sweep
from syndb_graphql.ingest import load as loading
from syndb_graphql.ingest.load import load_folder
from syndb_graphql.ingest.result import LoadResult
from syndb_graphql.ingest.sweep import Sweep
from syndb_graphql.ingest.versions import delete_dataset, read_head
from syndb_graphql.settings import Settings
from syndb_graphql.spec.identity import derive_cid
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.cassandra.store import CassandraStore
from syndb_graphql.store.protocol import Head, Snapshot, Window
from syndb_graphql.stores import Stores, open_stores

from .conftest import STORES, make_settings, write_folder
from .contents import ABOUT_DATA_SETS, tables_of
from .halting import Watched

MODEL = load_default_model()
NEURON, SYNAPSE = MODEL.tables["neuron"], MODEL.tables["synapse"]
WRONG_BY: ContextVar[float] = ContextVar("seconds that the clock of whoever writes is wrong by", default=0)
Meet = Callable[[str], Awaitable[None] | None]


class Stop(BaseException):
    """Whatever it meets ends at once, as if the process had been killed."""


class Clock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(seconds=WRONG_BY.get())


@dataclass
class Writer:
    """One who loads, deletes and sweeps, over connections of their own, by a clock that is wrong by so many seconds."""

    stores: Stores
    home: Path
    wrong_by: float
    label: str

    @property
    def dataset(self) -> UUID:
        return derive_dataset_id("local", self.label)

    async def load(self, count: int, notes: str = "", meet: Meet = lambda name: None) -> LoadResult:
        """`count` neurons with three synapses each."""
        folder = self.home / f"clock{self.wrong_by:+g}"
        shutil.rmtree(folder, ignore_errors=True)
        write_folder(folder, files_of(count), label=self.label, dataset=f'notes = "{notes}"')
        rows, objects = Watched(self.stores.rows, meet), Watched(self.stores.objects, meet)
        return await self._by_clock(load_folder(folder, model=MODEL, rows=rows, objects=objects, owner="local"))

    async def delete(self) -> None:
        await self._by_clock(delete_dataset(self.stores.rows, self.stores.objects, self.dataset))

    async def sweep(self) -> None:
        """Whatever nobody reads, as if no load were running."""

        async def sweep_dataset() -> None:
            swept = Sweep(self.stores.rows, self.stores.objects, force=True, retention_h=0)
            await swept.sweep_dataset(self.dataset.bytes)

        await self._by_clock(sweep_dataset())

    async def head(self) -> Head:
        return await read_head(self.stores.rows, self.dataset.bytes)

    async def read_record(self) -> DatasetRecord:
        record = await self.stores.rows.read_record(self.dataset.bytes, (await self.head()).revision)
        assert record is not None
        return decode_dataset(record)

    async def check_whole(self, count: int) -> None:
        """What is current has every row of a load of `count` neurons, in whatever way it is read."""
        rows, dataset = self.stores.rows, self.dataset.bytes
        snapshot, window = Snapshot(dataset, (await self.head()).version), Window(100_000)
        assert await rows.has_version(snapshot)
        found = await rows.read_page(NEURON, snapshot, columns=["source_id", "name"], window=window)
        assert sorted(found) == sorted((str(number), f"{number} of {count}") for number in range(count))
        found = await rows.read_page(SYNAPSE, snapshot, columns=["source_id"], window=window)
        assert sorted(int(source) for (source,) in found) == list(range(3 * count))
        neurons = [derive_cid(dataset, "neuron", str(number)) for number in range(count)]
        owners = [(neuron, None) for neuron in neurons]
        for end in ("pre", "post"):
            relation = SYNAPSE.relations[end]
            related = await rows.read_related(relation, snapshot, owners=owners, columns=["source_id"], window=window)
            assert sorted(int(source) for (source,) in related.rows) == list(range(3 * count))
            counts = await rows.read_counts(snapshot, relation=end, keys=neurons)
            assert sum(each.get("synapse", 0) for each in counts) == 3 * count

    async def _by_clock(self, work: Awaitable[Any]) -> Any:
        token = WRONG_BY.set(self.wrong_by)
        try:
            return await work
        finally:
            WRONG_BY.reset(token)


def files_of(count: int) -> dict[str, str | bytes]:
    synapses = [f"{number},{number % count},{(number * 7 + 1) % count}\n" for number in range(3 * count)]
    return {
        "neuron.csv": "cid,name\n" + "".join(f"{number},{number} of {count}\n" for number in range(count)),
        "synapse.csv": "cid,pre_neuron_id,post_neuron_id\n" + "".join(synapses),
    }


@pytest.fixture(scope="module", params=STORES)
def settings(request, tmp_path_factory) -> Settings:
    """Of stores that all tests share: each has a data set of its own."""
    return make_settings(request, tmp_path_factory.mktemp("writers"))


@pytest.fixture
async def writers(settings, tmp_path, monkeypatch):
    """Two, the clock of the second five seconds behind; in each test both take every part."""
    monkeypatch.setattr(leases, "now", lambda: int(time.time() + WRONG_BY.get()))
    for module in (loading, sweep):
        monkeypatch.setattr(module, "datetime", Clock)
    opened, label = [], f"A cortex {uuid4()}"
    for wrong_by in (0.0, -5.0):
        stores = open_stores(settings, MODEL)
        await stores.rows.check()
        if isinstance(stores.rows, CassandraStore):
            # Of whatever it sends, from whichever thread.
            stores.rows._door._cluster.timestamp_generator = lambda by=wrong_by: int((time.time() + by) * 1e6)
        opened.append(Writer(stores, tmp_path / "folders", wrong_by, label))
    yield opened
    for writer in opened:
        await writer.stores.close()


def versions_with_rows(settings: Settings, dataset: UUID) -> set[int]:
    found = set()
    for name, rows in tables_of(settings).items():
        if name not in (*ABOUT_DATA_SETS, "dataset_layout"):
            found |= {row["version"] for row in rows if row["dataset_id"] in (dataset, dataset.bytes)}
    return found


async def test_what_is_loaded_last_is_what_is_read_whoever_s_clock_is_behind(writers):
    one, other = writers
    dates = []
    for number, writer in enumerate((one, other, one, other, other, one), start=1):
        count = 30 - number  # fewer than before, so that a row too many is seen as well as one too few
        result = await writer.load(count)
        assert (result.status, result.version) == ("loaded", number)
        for reader in writers:
            await reader.check_whole(count)
        dates.append((await writer.read_record()).updated_at)
    assert dates == sorted(dates)


async def test_metadata_changed_last_are_what_is_read(writers):
    one, other = writers
    await one.load(5)
    dates = []
    for number, writer in enumerate((other, one, other, other, one)):
        assert (await writer.load(5, f"change {number}")).status == "metadata"
        for reader in writers:
            record = await reader.read_record()
            assert record.notes == f"change {number}"
            assert record.created_at <= record.updated_at
        dates.append(record.updated_at)
    assert dates == sorted(dates)


async def test_who_deletes_hides_nothing_of_what_is_loaded_afterwards(writers, settings):
    one, other = writers
    for loader, deleter in ((one, other), (other, one), (one, one), (other, other)):
        await loader.load(20)
        for reader in writers:
            await reader.check_whole(20)
        await deleter.delete()
        assert (await loader.head()).version == 0
        assert versions_with_rows(settings, one.dataset) == set()
        assert [key async for key in loader.stores.objects.list_keys(f"{one.dataset}/")] == []
    await one.load(20)
    await other.check_whole(20)


async def test_a_load_that_was_killed_is_repeated_and_swept_by_the_other(writers, settings):
    def die_at(moment: str) -> Meet:
        met: list[str] = []

        def meet(name: str) -> None:
            met.append(name)
            if moment in met:
                raise Stop

        return meet

    one, other = writers
    await one.load(10)
    for dying, repeating in ((one, other), (other, one)):
        with pytest.raises(Stop):
            await dying.load(20, meet=die_at("write_counts-after"))
        await repeating.check_whole(10)
        await repeating.load(20)
        await dying.check_whole(20)
        with pytest.raises(Stop):
            await dying.load(10, meet=die_at("write_record-after"))
        await repeating.sweep()
        await dying.check_whole(20)
        await repeating.load(10)
    for writer in (one, other):
        await writer.sweep()
        await writer.check_whole(10)
    assert versions_with_rows(settings, one.dataset) == {(await one.head()).version}


async def test_a_number_is_given_once_and_a_hold_to_one_alone(writers):
    async def take(writer: Writer) -> tuple[list[int], list[bool]]:
        rows, dataset, until = writer.stores.rows, writer.dataset.bytes, int(10_000 + writer.wrong_by)
        numbers = [await rows.begin_version(dataset) for _ in range(20)]
        return numbers, [await rows.swap_hold(Snapshot(dataset, number), None, until) for number in range(1, 21)]

    taken = await asyncio.gather(*map(take, writers))
    assert sorted(taken[0][0] + taken[1][0]) == list(range(1, 41))
    assert all(first != second for first, second in zip(taken[0][1], taken[1][1], strict=True))


async def test_of_two_who_publish_at_the_same_moment_one_wins_and_the_other_is_told(writers, settings):
    await writers[0].load(10)
    ready = asyncio.Barrier(2)

    def wait_once() -> Meet:
        waits = [ready.wait()]

        async def meet(name: str) -> None:
            if name == "swap_head" and waits:
                await waits.pop()

        return meet

    counts = (20, 25)
    async with asyncio.timeout(30):
        ends = await asyncio.gather(
            *(writer.load(count, meet=wait_once()) for writer, count in zip(writers, counts, strict=True)),
            return_exceptions=True,
        )
    ((won, result),) = ((at, end) for at, end in enumerate(ends) if isinstance(end, LoadResult))
    ((lost, error),) = ((at, end) for at, end in enumerate(ends) if not isinstance(end, LoadResult))
    assert result.status == "loaded"
    assert isinstance(error, Conflict)
    assert "Nothing was published; load it again" in str(error)
    for reader in writers:
        await reader.check_whole(counts[won])
    assert versions_with_rows(settings, writers[0].dataset) == {1, result.version}
    again = await writers[lost].load(counts[lost])
    assert again.status == "loaded"
    await writers[won].check_whole(counts[lost])
    await writers[lost].sweep()
    await writers[won].sweep()
    assert versions_with_rows(settings, writers[0].dataset) == {again.version}
    held = [hold.snapshot.dataset_id for hold in await writers[won].stores.rows.read_holds()]
    assert writers[won].dataset.bytes not in held


async def test_however_those_who_load_at_once_meet_what_is_current_is_whole(writers):
    await writers[0].load(7)

    async def load_all(writer: Writer, *counts: int) -> list[int]:
        loaded = []
        for count in counts:
            try:
                await writer.load(count)
            except Conflict:
                continue
            loaded.append(count)
        return loaded

    loaded = await asyncio.gather(load_all(writers[0], 8, 10, 12), load_all(writers[1], 9, 11, 13))
    last = {each[-1] for each in loaded if each}
    assert last
    for reader in writers:
        snapshot = Snapshot(reader.dataset.bytes, (await reader.head()).version)
        summary = await reader.stores.rows.summarize_rows(NEURON, snapshot)
        assert summary.count in last
        await reader.check_whole(summary.count)
