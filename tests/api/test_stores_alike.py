"""A client cannot tell SQLite from Cassandra: any question over any data is answered by both in the same bytes.

The data are made up: a data set that has everything, and small ones of several seeds, written to both stores through
the contract. The rows of each table lie in many partitions, so that pages cross them. `DIFFERENTIAL_EXAMPLES=2000` asks
as many other questions, different ones in each run.
"""

import logging
from collections.abc import AsyncIterator
from itertools import product
from unittest.mock import patch
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syndb_graphql.api import documents
from syndb_graphql.api.context import Backend
from syndb_graphql.api.execute import Executor, GraphQLRequest
from syndb_graphql.catalog.catalog import Catalog
from syndb_graphql.catalog.vocabulary import build_vocabularies
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.cassandra import wire
from syndb_graphql.store.cassandra.store import CassandraStore
from syndb_graphql.store.protocol import Store
from syndb_graphql.store.sqlite import SqliteStore

from .everything import bare_record, make_rows, write_everything, write_version
from .faults import FaultyObjects, FaultyStore
from .questions import Pool, Question, questions
from .test_differential import BOUNDS, Both, examples, gather_pool

pytestmark = pytest.mark.servers
SEEDS = (11, 12, 13)
ROWS_PER_BUCKET = 3
POOL = Pool()


class Stores:
    """The same data in both."""

    def __init__(self, sqlite: Both, cassandra: Backend) -> None:
        self.sqlite = sqlite
        self.cassandra = Executor(sqlite.schema, cassandra)
        self.cassandra._documents = sqlite.planned._documents

    async def compare(self, question: Question, *, by_columns: bool) -> None:
        """`by_columns`: every answer of a node is decoded as large ones are, or none."""
        request = GraphQLRequest(question.query, question.variables, question.operation, "r", "http://syndb.test")
        one = await self.sqlite.planned.run(request)
        with patch.object(wire, "BY_COLUMNS_BYTES", 0 if by_columns else 1 << 60):
            other = await self.cassandra.run(request)
        assert (one.refused, one.code) == (other.refused, other.code), question
        assert msgspec.json.encode(one.body) == msgspec.json.encode(other.body), question


async def fill(store: Store) -> Catalog:
    model = load_default_model()
    await write_everything(store, model)
    for seed in SEEDS:
        dataset = uuid5(NAMESPACE_URL, f"small {seed}")
        await write_version(store, model, bare_record(dataset, f"Small {seed}"), small_rows(dataset, seed))
    catalog = Catalog(store, build_vocabularies(model))
    await catalog.refresh()
    return catalog


def small_rows(dataset: UUID, seed: int) -> dict:
    """A data set of some of the tables: a table refers to those above it alone."""
    made = make_rows(load_default_model(), dataset, seed)
    return dict(list(made.items())[: seed - 6])


@pytest.fixture(scope="module")
async def stores(make_keyspace, tmp_path_factory) -> AsyncIterator[Stores]:
    model = load_default_model()
    sqlite = SqliteStore(tmp_path_factory.mktemp("alike") / "rows.sqlite", model, timeout_s=5)
    cassandra = CassandraStore(make_keyspace(), model, rows_per_bucket=ROWS_PER_BUCKET)
    backends = []
    for store in (sqlite, cassandra):
        catalog, faulty = await fill(store), FaultyStore(store)
        # Between Cassandra and its reader stands nothing that would make rows of columns.
        read = faulty if store is sqlite else store
        backends.append(Backend(model, catalog, read, FaultyObjects(faulty), (b"k" * 32,), BOUNDS, "0.0"))
    logging.getLogger("syndb_graphql.api").setLevel(logging.CRITICAL)
    with patch.object(documents, "MAX_DOCUMENTS", 10):
        both = Both(backends[0], backends[0].rows)
        await gather_pool(both, POOL)
        yield Stores(both, backends[1])
    logging.getLogger("syndb_graphql.api").setLevel(logging.NOTSET)
    await sqlite.close()
    await cassandra.close()


@given(question=questions(POOL), by_columns=st.booleans())
@examples(300)
async def test_any_question_is_answered_in_the_same_bytes(stores, question, by_columns):
    await stores.compare(question, by_columns=by_columns)


async def test_the_whole_of_every_table_is_the_same_in_both_directions(stores):
    """Also what no question above happened to ask for: every column of every row, page after page."""
    for dataset, _ in dict.fromkeys(POOL.datasets):
        for table in load_default_model().tables.values():
            columns = " ".join(dict.fromkeys(column.selection for column in table.shown_columns))
            pages = ("first: 1000", "last: 1000", "first: 7", "last: 7")
            for page, by_columns in product(pages, (False, True)):
                await stores.compare(
                    Question(
                        f'{{ dataset(by: {{uuid: "{dataset}"}}) {{ label {table.fields}({page}) {{ totalCount '
                        f"edges {{ cursor node {{ id {columns} }} }} pageInfo {{ hasNextPage hasPreviousPage }} }} }} }}",
                        {},
                    ),
                    by_columns=by_columns,
                )
