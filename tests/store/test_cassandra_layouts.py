"""What says into how many partitions a version is divided, where nodes have forgotten it: no row may be missed in silence."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from cassandra.cluster import Cluster

from syndb_graphql.errors import StoreUnavailable
from syndb_graphql.spec.identity import derive_cid
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.cassandra.door import ClusterOptions, make_cluster
from syndb_graphql.store.cassandra.store import CassandraStore
from syndb_graphql.store.protocol import Head, Snapshot, Window
from tests.conftest import frame_of

pytestmark = pytest.mark.servers
MODEL = load_default_model()
RELATION = MODEL.tables["neuron_relation"]
ROWS = 40


@pytest.fixture
def options(make_keyspace) -> ClusterOptions:
    return make_keyspace()


@pytest.fixture
def forget(options) -> Callable[[], None]:
    """All layouts are gone, as if nobody had written them: what is written again is there, whatever its timestamp."""

    def truncate() -> None:
        cluster: Cluster
        with make_cluster(options) as cluster:
            cluster.connect().execute(f"TRUNCATE {options.keyspace}.dataset_layout", timeout=60)

    return truncate


@asynccontextmanager
async def opened(options: ClusterOptions) -> AsyncIterator[CassandraStore]:
    """A store that has read nothing yet, of 4 rows a partition."""
    store = CassandraStore(options, MODEL, rows_per_bucket=4)
    yield store
    await store.close()


async def write(store: CassandraStore) -> Snapshot:
    """A version that nobody can see yet."""
    dataset = uuid.uuid5(uuid.uuid4(), "layouts").bytes
    snapshot = Snapshot(dataset, await store.begin_version(dataset))
    await store.open_version(snapshot, {RELATION.name: ROWS})
    neuron = derive_cid(dataset, "neuron", "1")
    rows = [
        {
            "cid": derive_cid(dataset, RELATION.name, str(number)),
            "source_id": str(number),
            "pre_neuron_id": neuron,
            "post_neuron_id": neuron,
        }
        for number in range(ROWS)
    ]
    await store.write_rows(RELATION, snapshot, frame_of(RELATION, rows))
    return snapshot


async def publish(store: CassandraStore, snapshot: Snapshot) -> None:
    await store.write_version(snapshot, b"{}")
    head = Head(snapshot.dataset_id, 0, 0, snapshot.version)
    assert await store.swap_head(head, Head(head.dataset_id, snapshot.version, snapshot.version, head.last_version))


async def test_it_is_written_again_before_a_version_is_seen(options, forget):
    async with opened(options) as store:
        snapshot = await write(store)
        forget()
        await publish(store, snapshot)
    async with opened(options) as reader:
        rows = await reader.read_page(RELATION, snapshot, columns=["source_id"], window=Window(100))
    assert sorted(int(row[0]) for row in rows) == list(range(ROWS))


async def test_where_it_is_lost_every_read_is_an_error_and_not_empty(options, forget):
    async with opened(options) as store:
        snapshot = await write(store)
        await publish(store, snapshot)
    forget()
    cid, owner = (derive_cid(snapshot.dataset_id, *key) for key in ((RELATION.name, "1"), ("neuron", "1")))
    async with opened(options) as reader:
        window = Window(100)
        reads = [
            lambda: reader.read_page(RELATION, snapshot, columns=["cid"], window=window),
            lambda: reader.read_rows(RELATION, snapshot, cids=[cid], columns=["cid"]),
            lambda: reader.read_related(
                RELATION.relations["pre"], snapshot, owners=[(owner, None)], columns=["cid"], window=window
            ),
            lambda: reader.read_counts(snapshot, relation="pre", keys=[owner]),
            lambda: reader.summarize_rows(RELATION, snapshot),
        ]
        for read in reads:
            with pytest.raises(StoreUnavailable, match="has lost how version 1 is divided"):
                await read()
        await reader.delete_dataset(snapshot.dataset_id)
        assert await reads[0]() == []


async def test_a_version_that_was_never_begun_has_no_rows(options):
    async with opened(options) as reader:
        snapshot = Snapshot(uuid.uuid5(uuid.uuid4(), "layouts").bytes, 1)
        assert await reader.read_page(RELATION, snapshot, columns=["cid"], window=Window(100)) == []
