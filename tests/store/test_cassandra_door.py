"""What every statement goes through: bounds, answers that come twice, what may be sent twice, and where it is sent."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import product

import pytest
from cassandra.cluster import ResponseFuture, Session

from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.cassandra import door as doors
from syndb_graphql.store.cassandra.door import Door
from syndb_graphql.store.cassandra.encoding import encode_int, pack_key
from syndb_graphql.store.cassandra.reading import _place
from syndb_graphql.store.cassandra.store import CassandraStore
from syndb_graphql.store.protocol import Window
from tests.conftest import until

MODEL = load_default_model()
KEYS = range(1, 8)


@pytest.fixture
async def open_door(shared_keyspace) -> AsyncIterator[Callable[..., Door]]:
    opened: list[Door] = []

    def make(**options: object) -> Door:
        opened.append(Door(replace(shared_keyspace, **options)))
        return opened[-1]

    yield make
    for door in opened:
        await door.close()


async def write_revisions(door: Door) -> bytes:
    dataset = uuid.uuid5(uuid.uuid4(), "door").bytes
    insert = f"INSERT INTO {door.keyspace}.dataset_record (dataset_id, revision, record) VALUES (?, ?, ?)"
    for key in KEYS:
        await door.read(insert, (dataset, key, b"a record"))
    return dataset


def select(door: Door) -> str:
    return f"SELECT revision FROM {door.keyspace}.dataset_record WHERE dataset_id = ?"


@pytest.mark.servers
async def test_an_answer_that_comes_twice_counts_once(open_door, monkeypatch):
    """A node that was overtaken answers as well, and the driver tells of both."""
    door = open_door()
    dataset = await write_revisions(door)
    add = ResponseFuture.add_callbacks

    def add_twice(self, *callbacks):
        add(self, *callbacks)
        add(self, *callbacks)

    monkeypatch.setattr(ResponseFuture, "add_callbacks", add_twice)
    monkeypatch.setattr(doors, "MAX_FETCH", 2)
    assert [row[0] for row in await door.read(select(door), (dataset,))] == list(KEYS)
    assert door._in_flight == 0


@pytest.mark.servers
async def test_no_more_than_the_bound_are_in_flight_and_who_leaves_the_queue_takes_no_place(open_door, monkeypatch):
    door = open_door(max_in_flight=2)
    dataset = await write_revisions(door)
    statements = [await door.bind(select(door), (dataset,)) for _ in range(20)]
    most, sent, execute = 0, 0, Session.execute_async

    def count(self, *arguments, **named):
        nonlocal most, sent
        most, sent = max(most, door._in_flight), sent + 1
        return execute(self, *arguments, **named)

    monkeypatch.setattr(Session, "execute_async", count)
    futures = [door.start(statement) for statement in statements]
    gone = futures[1::3]
    for future in gone:
        future.cancel()
    answers = await asyncio.gather(*(future for future in futures if not future.cancelled()))
    assert [[row[0] for row in rows] for rows in answers] == [list(KEYS)] * (len(futures) - len(gone))
    assert most == 2
    assert sent == len(answers) + 1  # of those that left, one was on its way

    async def in_flight() -> int:
        return door._in_flight

    await until(in_flight, lambda count: count == 0)


@pytest.mark.servers
async def test_statements_kept_are_bounded_and_the_forgotten_are_prepared_again(open_door, monkeypatch):
    monkeypatch.setattr(doors, "MAX_STATEMENTS", 3)
    door = open_door()
    dataset = await write_revisions(door)
    for limit in (1, 2, 3, 4, 1):
        rows = await door.read(f"{select(door)} LIMIT {limit}", (dataset,))
        assert len(rows) == limit
        assert len(door._statements) <= 3


@pytest.mark.servers
async def test_reads_and_batches_go_where_their_rows_lie(open_door):
    door = open_door()
    dataset = uuid.uuid5(uuid.uuid4(), "door").bytes
    cql = f"SELECT cid FROM {door.keyspace}.neuron WHERE dataset_id = ? AND version = ? AND bucket = ?"
    read = await door.bind(cql, (dataset, 3, 1))
    assert read.routing_key == pack_key((dataset, encode_int(3), encode_int(1)))
    single = await door.bind(select(door), (dataset,))
    assert single.routing_key == dataset


@pytest.mark.servers
async def test_only_what_may_be_done_twice_is_sent_again_where_a_connection_breaks(open_door):
    policy, door = doors._Repeatable(), open_door()
    for repeatable in (True, False):
        statement = await door.bind(select(door), (b"\0" * 16,), repeatable=repeatable)
        decision, _ = policy.on_request_error(statement, None, error=OSError(), retry_num=0)
        assert decision == (policy.RETRY_NEXT_HOST if repeatable else policy.RETHROW)


@pytest.mark.servers
async def test_what_is_asked_as_it_connects_may_be_asked_twice(shared_keyspace, monkeypatch):
    """A node may be lost at that moment as well."""
    asked, execute = [], Session.execute

    def note(self, query, *arguments, **named):
        asked.append(query)
        return execute(self, query, *arguments, **named)

    monkeypatch.setattr(Session, "execute", note)
    store = CassandraStore(shared_keyspace, MODEL, rows_per_bucket=1)
    await store.check()
    await store.close()
    assert asked
    assert all(getattr(statement, "is_idempotent", False) for statement in asked)


def test_windows_of_an_owner_s_rows_are_asked_for_as_scylladb_takes_it_too():
    """A tuple of columns begins with the first of the order and has no other restriction beside it than of its kind."""
    options = doors.ClusterOptions(hosts=("127.0.0.1",))
    store = CassandraStore(options, MODEL, rows_per_bucket=1)
    relations = [relation for table in MODEL.tables.values() for relation in table.relations.values()]
    assert any(relation.component for relation in relations)
    keys = (None, (b"\0" * 16,) * 3)
    for relation, after, before, one, backwards in product(relations, keys, keys, (False, True), (False, True)):
        window = Window(1, after=after, before=before, backwards=backwards)
        cql = store._related_cql(relation, ["cid"], window, one_component=one)
        where = cql.partition("bucket = ? AND ")[2].partition(" ORDER BY ")[0].partition(" LIMIT ")[0].split(" AND ")
        tuples = [part for part in where if part.startswith("(")]
        assert tuples in ([], where)
        assert all(part.startswith(f"({relation.owner}") for part in tuples)
        values = _place(relation, window, b"owner", b"component" if one else None)
        assert cql.count("?") == len(("dataset", "version", "bucket", *values, "limit"))
