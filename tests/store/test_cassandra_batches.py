"""How many rows go to a node at once: few where readers are to be spared, many where nobody reads, and never too many bytes."""

import uuid

import pytest

from syndb_graphql.spec.identity import derive_cid
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.cassandra import writing
from syndb_graphql.store.cassandra.store import CassandraStore
from syndb_graphql.store.protocol import Snapshot, Window
from tests.conftest import frame_of

pytestmark = pytest.mark.servers
MODEL = load_default_model()
NEURON = MODEL.tables["neuron"]
ROWS = 1000


@pytest.mark.parametrize(
    ("in_flight", "text", "most"), [(1, "x", 100), (4, "x", 100), (8, "x", 200), (16, "x", 400), (16, "ä" * 10_000, 50)]
)
async def test_batches_grow_with_how_many_may_be_in_flight(shared_keyspace, monkeypatch, in_flight, text, most):
    sizes, make = [], writing.make_batch

    def note(insert, key, rows):
        sizes.append(len(rows))
        return make(insert, key, rows)

    monkeypatch.setattr(writing, "make_batch", note)
    dataset = uuid.uuid5(uuid.uuid4(), "batches").bytes
    cids = sorted(derive_cid(dataset, "neuron", str(number)) for number in range(ROWS))
    rows = frame_of(NEURON, [{"cid": cid, "source_id": text} for cid in cids])
    store = CassandraStore(shared_keyspace, MODEL, load_in_flight=in_flight)
    try:
        snapshot = Snapshot(dataset, await store.begin_version(dataset))
        await store.open_version(snapshot, {"neuron": ROWS})
        await store.write_rows(NEURON, snapshot, rows)
        read = await store.read_page(NEURON, snapshot, columns=["cid", "source_id"], window=Window(2 * ROWS))
    finally:
        await store.close()
    assert [(cid, name) for cid, name in read] == [(cid, text) for cid in cids]
    assert sum(sizes) == ROWS
    assert max(sizes) == most
