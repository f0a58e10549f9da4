"""What every store of rows must do. Another store joins by one more value of the fixture `store`.

The stores that are servers are shared by all tests, so each test has data sets of its own.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from functools import partial

import numpy as np
import polars as pl
import pytest

from syndb_graphql.spec.identity import derive_cid
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.model import Table
from syndb_graphql.store.cassandra import door, wire
from syndb_graphql.store.cassandra.store import CassandraStore
from syndb_graphql.store.protocol import Head, Hold, RelatedCount, Snapshot, Store, Window
from syndb_graphql.store.sqlite import SqliteStore
from tests.conftest import frame_of

MODEL = load_default_model()
NEURON, SYNAPSE, SPINE = MODEL.tables["neuron"], MODEL.tables["synapse"], MODEL.tables["dendritic_spine"]
DATASET = OTHER = b""
"""Two data sets, others in each test."""
ROWS = {"neuron": 50, "synapse": 50, "dendritic_spine": 10}
"""Told to the store when a version is begun; more or fewer may come."""


@pytest.fixture(autouse=True)
def new_data_sets(monkeypatch) -> None:
    for name in ("DATASET", "OTHER"):
        monkeypatch.setitem(globals(), name, uuid.uuid5(uuid.uuid4(), name).bytes)


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("cassandra", marks=pytest.mark.servers),
        pytest.param("cassandra in small buckets, by columns", marks=pytest.mark.servers),
        pytest.param("cassandra by protocol 4", marks=pytest.mark.servers),
    ]
)
async def store(request, tmp_path, monkeypatch) -> AsyncIterator[Store]:
    if "by columns" in request.param:  # as only large answers are otherwise
        monkeypatch.setattr(wire, "BY_COLUMNS_BYTES", 0)
    if "protocol 4" in request.param:  # the newest that ScyllaDB speaks
        monkeypatch.setattr(door, "Cluster", partial(door.Cluster, protocol_version=4))
    if request.param == "sqlite":
        opened: Store = SqliteStore(tmp_path / "rows.sqlite", MODEL, timeout_s=5)
    else:
        options = request.getfixturevalue("shared_keyspace")
        opened = CassandraStore(options, MODEL, rows_per_bucket=4 if "small" in request.param else 50_000)
    yield opened
    await opened.close()


async def heads(store: Store) -> list[Head]:
    return [head for head in await store.read_heads() if head.dataset_id in (DATASET, OTHER)]


async def holds(store: Store) -> list[Hold]:
    return [hold for hold in await store.read_holds() if hold.snapshot.dataset_id in (DATASET, OTHER)]


def cid(table: Table, source: object, dataset: bytes | None = None) -> bytes:
    return derive_cid(dataset or DATASET, table.name, str(source))


async def begin(store: Store, dataset: bytes) -> Snapshot:
    snapshot = Snapshot(dataset, await store.begin_version(dataset))
    await store.open_version(snapshot, ROWS)
    return snapshot


async def write_neurons(store: Store, count: int, dataset: bytes | None = None) -> Snapshot:
    dataset = dataset or DATASET
    snapshot = await begin(store, dataset)
    await store.write_rows(NEURON, snapshot, frame_of(NEURON, [a_neuron(n, dataset) for n in range(count)]))
    return snapshot


def a_neuron(number: int, dataset: bytes | None = None) -> dict:
    return {
        "cid": cid(NEURON, number, dataset),
        "source_id": str(number),
        "cable_length": number * 1.5,
        "complete": number % 2 == 0,
        "n_trees": number,
    }


async def write_synapses(store: Store, snapshot: Snapshot, owners: dict[str, int]) -> None:
    rows = [
        {
            "cid": cid(SYNAPSE, f"{owner}/{n}"),
            "source_id": f"{owner}/{n}",
            "pre_neuron_id": cid(NEURON, owner),
            "pre_id": cid(MODEL.tables["axon"], n % 3) if n % 4 else None,
        }
        for owner, count in owners.items()
        for n in range(count)
    ]
    await store.write_rows(SYNAPSE, snapshot, frame_of(SYNAPSE, rows))
    await store.finish_rows(SYNAPSE, snapshot, lambda part: None)


async def test_pages_in_both_directions_meet_every_row_once_in_the_order_of_cid(store):
    snapshot = await write_neurons(store, 50)
    expected = sorted(cid(NEURON, n) for n in range(50))
    for backwards in (False, True):
        seen, edge = [], None
        while True:
            window = Window(7, before=edge, backwards=True) if backwards else Window(7, after=edge)
            page = [row[0] for row in await store.read_page(NEURON, snapshot, columns=["cid"], window=window)]
            if not page:
                break
            assert page == sorted(page)
            seen = page + seen if backwards else seen + page
            edge = (page[0] if backwards else page[-1],)
        assert seen == expected


async def test_a_page_lies_strictly_between_its_two_keys(store):
    snapshot = await write_neurons(store, 20)
    cids = sorted(cid(NEURON, n) for n in range(20))
    window = Window(100, after=(cids[3],), before=(cids[10],))
    rows = await store.read_page(NEURON, snapshot, columns=["cid"], window=window)
    assert [row[0] for row in rows] == cids[4:10]
    assert await store.read_page(NEURON, snapshot, columns=["cid"], window=Window(0)) == []


async def test_values_come_back_as_they_were_in_the_columns_that_were_named(store):
    snapshot = await begin(store, DATASET)
    row = {
        "cid": cid(NEURON, "Ω神"),
        "source_id": "Ω神",
        "name": "Ωmega 神経",
        "cable_length": 2131815.0000000005,
        "mesh_volume": 0.0,
        "is_tree": True,
        "complete": False,
        "n_branches": -(2**31),
        "mesh_file_size": 2**53 + 1,
    }
    await store.write_rows(NEURON, snapshot, frame_of(NEURON, [row]))
    names = [*reversed(row), "side", "truncated", "soma_x"]
    (found,) = await store.read_page(NEURON, snapshot, columns=names, window=Window(2))
    assert dict(zip(names, found, strict=True)) == row | {"side": None, "truncated": None, "soma_x": None}
    assert [type(value) for value in found[:3]] == [int, int, bool]


async def test_rows_by_cid_come_in_the_order_asked_for_with_none_where_there_is_none(store):
    snapshot = await write_neurons(store, 5)
    asked = [cid(NEURON, 3), cid(NEURON, "nobody"), cid(NEURON, 0), cid(NEURON, 3)]
    found = await store.read_rows(NEURON, snapshot, cids=asked, columns=["source_id"])
    assert found == [("3",), None, ("0",), ("3",)]


async def test_rows_of_several_owners_are_read_by_component_and_cid_each_with_its_own_window(store):
    snapshot = await write_neurons(store, 3)
    await write_synapses(store, snapshot, {"0": 30, "1": 0, "2": 5})
    relation = SYNAPSE.relations["pre"]
    owners = [(cid(NEURON, n), None) for n in range(3)]
    columns = [relation.order, "cid", "source_id"]
    found = await store.read_related(relation, snapshot, owners=owners, columns=columns, window=Window(10))
    assert found.offsets == [0, 10, 10, 15]
    keys = [row[:2] for row in found.rows[:10]]
    assert keys == sorted(keys)
    assert {row[2].split("/")[0] for row in found.rows[10:]} == {"2"}

    everything = await store.read_related(relation, snapshot, owners=owners[:1], columns=columns, window=Window(100))
    walked, after = [], None
    while page := (
        await store.read_related(relation, snapshot, owners=owners[:1], columns=columns, window=Window(7, after=after))
    ).rows:
        walked += page
        after = page[-1][:2]
    assert walked == list(everything.rows)
    assert len(walked) == 30
    last = await store.read_related(
        relation, snapshot, owners=owners, columns=columns, window=Window(4, backwards=True)
    )
    assert list(last.rows[:4]) == list(everything.rows[-4:])


async def test_finishing_a_table_again_changes_nothing_and_tells_how_far_it_is(store):
    snapshot = await write_neurons(store, 1)
    await write_synapses(store, snapshot, {"0": 30})
    told: list[float] = []
    await store.finish_rows(SYNAPSE, snapshot, told.append)
    assert told == sorted(told)
    assert all(0 <= part <= 1 for part in told)
    found = await store.read_related(
        SYNAPSE.relations["pre"], snapshot, owners=[(cid(NEURON, 0), None)], columns=["cid"], window=Window(100)
    )
    assert len(found.rows) == len(set(found.rows)) == 30


async def test_a_load_that_is_cancelled_while_it_finishes_a_table_ends_there_and_may_do_it_again(store):
    snapshot = await write_neurons(store, 1)
    await write_synapses(store, snapshot, {"0": 5000})

    async def finish() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await store.finish_rows(SYNAPSE, snapshot, lambda part: None)
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(finish())
    await store.finish_rows(SYNAPSE, snapshot, lambda part: None)
    relation, owners = SYNAPSE.relations["pre"], [(cid(NEURON, 0), None)]
    found = await store.read_related(relation, snapshot, owners=owners, columns=["cid"], window=Window(10_000))
    assert len(found.rows) == 5000


async def test_a_version_that_is_dropped_has_no_related_rows_and_leaves_those_of_others(store):
    snapshots = [await write_neurons(store, 1) for _ in range(2)]
    for snapshot in snapshots:
        await write_synapses(store, snapshot, {"0": 30})
    await store.drop_version(snapshots[0])
    relation, owners = SYNAPSE.relations["pre"], [(cid(NEURON, 0), None)]
    for snapshot, count in zip(snapshots, (0, 30), strict=True):
        for columns in (["cid"], ["source_id"]):
            found = await store.read_related(relation, snapshot, owners=owners, columns=columns, window=Window(100))
            assert len(found.rows) == count


async def test_the_owner_stands_in_for_an_unknown_component(store):
    snapshot = await write_neurons(store, 1)
    await write_synapses(store, snapshot, {"0": 8})
    relation = SYNAPSE.relations["pre"]
    owner = cid(NEURON, 0)
    found = await store.read_related(
        relation, snapshot, owners=[(owner, owner)], columns=["source_id", relation.order, "pre_id"], window=Window(100)
    )
    assert {row[0] for row in found.rows} == {"0/0", "0/4"}
    assert all(row[1] == owner and row[2] is None for row in found.rows)


async def test_children_of_one_compartment_are_told_from_the_other_parts_of_its_neuron(store):
    snapshot = await write_neurons(store, 1)
    dendrites = [cid(MODEL.tables["dendrite"], n) for n in range(2)]
    rows = [
        {"cid": cid(SPINE, n), "source_id": str(n), "owner_id": cid(NEURON, 0), "parent_id": dendrites[n % 2]}
        for n in range(9)
    ]
    await store.write_rows(SPINE, snapshot, frame_of(SPINE, rows))
    await store.finish_rows(SPINE, snapshot, lambda part: None)
    relation = SPINE.relations["owned"]
    owners = [(cid(NEURON, 0), None), (cid(NEURON, 0), dendrites[0])]
    found = await store.read_related(relation, snapshot, owners=owners, columns=["source_id"], window=Window(100))
    assert found.offsets == [0, 9, 14]
    assert sorted(row[0] for row in found.rows[9:]) == ["0", "2", "4", "6", "8"]


async def test_a_compartment_without_a_parent_is_no_child_of_its_own(store):
    snapshot = await write_neurons(store, 1)
    alone = cid(SPINE, "alone")
    rows = [{"cid": alone, "source_id": "alone", "owner_id": alone}]
    await store.write_rows(SPINE, snapshot, frame_of(SPINE, rows))
    await store.finish_rows(SPINE, snapshot, lambda part: None)
    relation = SPINE.relations["owned"]
    found = await store.read_related(
        relation, snapshot, owners=[(alone, None), (alone, alone)], columns=["cid"], window=Window(100)
    )
    assert found.rows == []


async def test_counts_kept_at_load_are_read_by_key_and_relation(store):
    snapshot = await write_neurons(store, 2)
    keys = [cid(NEURON, n) for n in range(2)]
    counts = [RelatedCount(keys[0], "part", "synapse", 7), RelatedCount(keys[0], "child", "axon", 1)]
    await store.write_counts(snapshot, counts)
    assert await store.read_counts(snapshot, relation="part", keys=keys) == [{"synapse": 7}, {}]
    assert await store.read_counts(snapshot, relation="child", keys=keys) == [{"axon": 1}, {}]


async def test_writing_a_row_again_changes_nothing_and_the_summary_tells_what_is_there(store):
    snapshot = await write_neurons(store, 10)
    await store.write_rows(NEURON, snapshot, frame_of(NEURON, [a_neuron(n) for n in range(5)]))
    assert await store.read_rows(NEURON, snapshot, cids=[cid(NEURON, 4)], columns=["cable_length"]) == [(6.0,)]
    tails = np.frombuffer(b"".join(cid(NEURON, n)[8:] for n in range(10)), "<u8")
    summary = await store.summarize_rows(NEURON, snapshot)
    assert (summary.count, summary.checksum) == (10, int(np.bitwise_xor.reduce(tails)))
    assert (await store.summarize_rows(SPINE, snapshot)).count == 0


async def test_rows_of_many_partitions_and_of_every_relation_are_summed_up(store):
    snapshot = await write_neurons(store, 30)
    await write_synapses(store, snapshot, {str(owner): 20 for owner in range(30)})
    for _ in range(3):
        assert (await store.summarize_rows(SYNAPSE, snapshot)).count == 600


async def test_rows_with_other_columns_than_the_table_s_are_refused(store):
    snapshot = await write_neurons(store, 1)
    with pytest.raises(ValueError, match="exactly the columns"):
        await store.write_rows(NEURON, snapshot, pl.DataFrame({"cid": [b"x" * 16]}))


async def test_versions_and_data_sets_do_not_see_each_other(store):
    first = await write_neurons(store, 3)
    second = await write_neurons(store, 5)
    elsewhere = await write_neurons(store, 7, OTHER)
    assert (first.version, second.version, elsewhere.version) == (1, 2, 1)
    for snapshot, count in ((first, 3), (second, 5), (elsewhere, 7)):
        assert (await store.summarize_rows(NEURON, snapshot)).count == count
    await store.write_version(first, b"one")
    assert await store.has_version(first)
    await store.drop_version(first)
    await store.drop_version(first)
    assert await store.read_version(first) is None
    assert not await store.has_version(first)
    assert (await store.summarize_rows(NEURON, first)).count == 0
    assert (await store.summarize_rows(NEURON, second)).count == 5


async def test_a_head_changes_only_for_whoever_knew_it(store):
    empty = Head(DATASET)
    assert await store.swap_head(empty, Head(DATASET, 1, 0, 0))
    assert not await store.swap_head(empty, Head(DATASET, 2, 0, 0))
    assert await store.begin_version(DATASET) == 1
    assert await heads(store) == [Head(DATASET, 1, 0, 1)]
    assert not await store.swap_head(Head(DATASET, 1, 0, 0), Head(DATASET, 2, 1, 1))
    assert await store.swap_head(Head(DATASET, 1, 0, 1), Head(DATASET, 2, 1, 1))
    assert await store.begin_version(DATASET) == 2


async def test_a_hold_changes_only_for_whoever_knew_it_and_outlives_what_it_is_of(store):
    one, other = Snapshot(DATASET, 3), Snapshot(OTHER, 1)
    assert await holds(store) == []
    assert await store.swap_hold(one, None, None)
    assert not await store.swap_hold(one, 100, 200)
    assert await store.swap_hold(one, None, 100)
    assert not await store.swap_hold(one, None, 200)
    assert not await store.swap_hold(one, None, None)
    assert await store.swap_hold(one, 100, 1_790_000_000)
    assert not await store.swap_hold(one, 100, 0)
    assert await store.swap_hold(other, None, 0)
    assert await heads(store) == []
    await store.drop_version(one)
    await store.delete_dataset(OTHER)
    assert set(await holds(store)) == {Hold(one, 1_790_000_000), Hold(other, 0)}
    assert not await store.swap_hold(one, 0, None)
    assert await store.swap_hold(one, 1_790_000_000, None)
    assert await store.swap_hold(other, 0, None)
    assert await holds(store) == []


async def test_a_number_of_a_version_is_never_given_twice(store):
    numbers = [await store.begin_version(DATASET) for _ in range(3)]
    await store.drop_version(Snapshot(DATASET, 3))
    assert [*numbers, await store.begin_version(DATASET)] == [1, 2, 3, 4]


async def test_records_are_kept_by_revision_and_version(store):
    await store.write_record(DATASET, 1, b"{}")
    snapshots = [Snapshot(DATASET, number) for number in (2, 1)]
    for snapshot in snapshots:
        await store.write_version(snapshot, b"v%d" % snapshot.version)
    assert await store.read_record(DATASET, 1) == b"{}"
    assert await store.read_record(DATASET, 2) is None
    assert await store.read_version(snapshots[0]) == b"v2"
    assert await store.list_versions(DATASET) == [1, 2]


async def test_deleting_a_data_set_leaves_nothing_of_it_and_all_of_the_others(store):
    gone, kept = await write_neurons(store, 4), await write_neurons(store, 6, OTHER)
    await store.write_record(DATASET, 1, b"{}")
    await store.write_version(gone, b"v")
    await store.write_counts(gone, [RelatedCount(cid(NEURON, 0), "part", "axon", 1)])
    await store.delete_dataset(DATASET)
    assert [head.dataset_id for head in await heads(store)] == [OTHER]
    assert (await store.summarize_rows(NEURON, gone)).count == 0
    assert await store.read_record(DATASET, 1) is None
    assert await store.list_versions(DATASET) == []
    assert await store.read_counts(gone, relation="part", keys=[cid(NEURON, 0)]) == [{}]
    assert (await store.summarize_rows(NEURON, kept)).count == 6


async def test_it_says_that_it_answers(store):
    await store.check()
