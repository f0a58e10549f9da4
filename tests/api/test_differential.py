"""A plan and the engine mean the same: any question, on any data, in sickness and in health.

Each question is answered twice, by `Executor` as it is and with `planned=False`, and the answers are compared to the
byte: data with the order of its keys, and errors with their messages, paths, places, codes and order. A run makes some
hundred questions, the same ones every time. `DIFFERENTIAL_EXAMPLES=10000 pytest tests/api/test_differential.py` makes as
many others, different ones in each run.
"""

import logging
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import msgspec
import pytest
from graphql import GraphQLError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from syndb_graphql.api import documents
from syndb_graphql.api.connections import related_cursors, table_cursors
from syndb_graphql.api.context import Backend, Bounds, Context
from syndb_graphql.api.encoding import encode_parts
from syndb_graphql.api.execute import Answer, Executor, GraphQLRequest
from syndb_graphql.api.plan import connections, engine, values
from syndb_graphql.api.schema import build_schema
from syndb_graphql.catalog.catalog import Catalog
from syndb_graphql.catalog.vocabulary import build_vocabularies
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.protocol import Snapshot, Window
from syndb_graphql.store.sqlite import SqliteStore

from .everything import EVERYTHING, write_everything
from .faults import Faults, FaultyObjects, FaultyStore
from .questions import Place, Pool, Question, questions

pytestmark = pytest.mark.embedded
EXAMPLES = int(os.environ.get("DIFFERENTIAL_EXAMPLES", "0"))
# More than a client may send, so that few questions are refused before they are run.
BOUNDS = Bounds(max_aliases=500, max_directives=500, max_errors=1000, max_values=20_000_000)


def examples(usual: int) -> Any:
    """`usual` questions, always the same ones; as many as the environment says, and others each time."""
    return settings(
        max_examples=EXAMPLES or usual,
        derandomize=not EXAMPLES,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
    )


class Telling(Executor):
    """Keeps every error of the last answer: of errors alike a client is told the first one."""

    told: Sequence[Any] = ()

    def _format(self, errors: Sequence[GraphQLError], request: GraphQLRequest) -> list[dict[str, Any]]:
        self.told = [(error.message, error.path, error.locations) for error in errors]
        return super()._format(errors, request)


class Both:
    """The same data, behind a plan where there is one and behind the engine alone."""

    def __init__(self, backend: Backend, store: FaultyStore) -> None:
        self.backend, self.store = backend, store
        self.schema = build_schema(backend.model, BOUNDS, backend.version)._schema
        self.planned = Telling(self.schema, backend)
        self.engine = Telling(self.schema, backend, planned=False)
        self.engine._documents = (
            self.planned._documents
        )  # reading a question is most of the work, and not what is compared
        self.met: Counter[str] = Counter()

    async def compare(self, question: Question, *, healthy: bool = True) -> dict[str, Any]:
        """The answer, once both have given it."""
        request = GraphQLRequest(question.query, question.variables, question.operation, "r", "http://syndb.test")
        before = self.planned.unplanned.copy()
        self.planned.told = self.engine.told = ()
        planned = await self.planned.run(request)
        engine = await self.engine.run(request)
        assert _facts(planned) == _facts(engine), question
        assert self.planned.told == self.engine.told, question
        reasons = self.planned.unplanned - before
        # A plan may give up; it may not break, unless what it was given is broken.
        assert not (healthy and any(reason.startswith("a mistake") for reason in reasons)), (reasons, question)
        self.met["questions" if healthy else "sick questions"] += 1
        self.met["refused" if healthy else "sick refused"] += planned.refused
        self.met["planned" if healthy else "sick planned"] += not planned.refused and not reasons
        return msgspec.json.decode(b"".join(encode_parts(planned.body)))

    async def ask(self, query: str) -> Any:
        answer = await self.compare(Question(query, {}))
        assert "errors" not in answer, answer["errors"]
        return answer["data"]


def _facts(answer: Answer) -> Any:
    """What may not differ. (What was read in the end may: each gathers its reads in its own way.)"""
    cost = answer.body.get("extensions", {}).get("cost", {})
    return (
        answer.refused,
        answer.code,
        b"".join(encode_parts({"data": answer.body["data"]})) if "data" in answer.body else None,
        answer.body.get("errors"),
        (cost.get("requested"), cost.get("limit")),
    )


@pytest.fixture(scope="module")
async def both(demo_settings, tmp_path_factory) -> AsyncIterator[Both]:
    """The demo data and a data set that has everything."""
    folder = tmp_path_factory.mktemp("both") / "data"
    shutil.copytree(demo_settings.data, folder, ignore=shutil.ignore_patterns("files"))
    model = load_default_model()
    opened = SqliteStore(folder / "syndb.sqlite", model, timeout_s=5)
    await write_everything(opened, model)
    store = FaultyStore(opened)
    catalog = Catalog(opened, build_vocabularies(model))
    await catalog.refresh()
    backend = Backend(model, catalog, store, FaultyObjects(store), (b"k" * 32,), BOUNDS, "0.0")
    # Thousands of masked errors would be logged, each with its traceback, and a thousand questions kept.
    logging.getLogger("syndb_graphql.api").setLevel(logging.CRITICAL)
    with patch.object(documents, "MAX_DOCUMENTS", 10):
        made = Both(backend, store)
        await gather_pool(made, POOL)
        yield made
    logging.getLogger("syndb_graphql.api").setLevel(logging.NOTSET)
    await opened.close()


# ── What questions may name ──
POOL = Pool()


async def gather_pool(both: Both, pool: Pool) -> None:
    pool.schema = both.schema
    data = await both.ask("{ datasets { nodes { id uuid label animal { id narrower { id } } publications { id } } } }")
    for dataset in data["datasets"]["nodes"]:
        pool.datasets.append((dataset["uuid"], dataset["label"]))
        pool.ids.append((dataset["id"], Place(dataset["uuid"], None, "Dataset")))
        pool.ids += [(dataset["animal"]["id"], Place(None, None, "Term"))]
        pool.ids += [(found["id"], Place(None, None, "Publication")) for found in dataset["publications"]]
        for table in both.backend.model.tables.values():
            await _gather_table(both, pool, dataset["uuid"], table)
    await _gather_old_cursors(both, pool)
    # What everything has comes up as often as all the rest together.
    mine = [label for uuid, label in pool.datasets if uuid == str(EVERYTHING)]
    pool.datasets += [(str(EVERYTHING), mine[0])] * len(pool.datasets)


async def _gather_table(both: Both, pool: Pool, uuid: str, table: Any) -> None:
    type_ = both.schema.type_map[table.type_name]
    files = [name for name in ("mesh", "skeleton") if name in type_.fields]
    relations = [name for name, definition in type_.fields.items() if "first" in definition.args]
    selected = " ".join(
        [*(f"{name} {{ id }}" for name in files), *(f"{name}(first: 5) {{ edges {{ cursor }} }}" for name in relations)]
    )
    query = f"""{{ dataset(by: {{uuid: "{uuid}"}}) {{ {table.fields}(first: 7) {{ edges {{ cursor node {{
        __typename id cid sourceId {selected} }} }} }} }} }}"""
    for edge in (await both.ask(query))["dataset"][table.fields]["edges"]:
        node = edge["node"]
        pool.cursors.setdefault((uuid, None, table.fields), []).append(edge["cursor"])
        pool.rows.setdefault((uuid, table.field), []).append((node["cid"], node["sourceId"]))
        pool.ids.append((node["id"], Place(uuid, node["cid"], table.type_name)))
        pool.ids += [(node[name]["id"], Place(uuid, None, name.capitalize())) for name in files if node[name]]
        for name in relations:
            if node[name]["edges"]:
                cursors = [each["cursor"] for each in node[name]["edges"]]
                pool.cursors[uuid, node["cid"], name] = cursors


async def _gather_old_cursors(both: Both, pool: Pool) -> None:
    """Of a replaced version that is still kept, and of one that is not."""
    context = Context(both.backend, "r", "")
    dataset = both.backend.catalog.get(EVERYTHING.bytes)
    assert dataset
    first = Snapshot(dataset.id, 1)
    for table in both.backend.model.tables.values():
        found = await both.store.read_page(table, first, columns=["cid"], window=Window(3))
        for version in (1, 77):
            cids = [row[0] for row in found]
            pool.cursors[str(EVERYTHING), None, table.fields] += table_cursors(context, dataset, table).encode_page(
                version, [b""], [len(cids)], [cids]
            )
    neurons, axons = both.backend.model.tables["neuron"], both.backend.model.tables["axon"]
    cursors = related_cursors(context, dataset, axons.relations["owned"])
    for (cid,) in await both.store.read_page(neurons, first, columns=["cid"], window=Window(9)):
        old = cursors.encode_page(1, [cid + bytes(16)], [1], [[cid], [bytes(16)]])
        pool.cursors.setdefault((str(EVERYTHING), str(UUID(bytes=cid)), "axons"), []).extend(old)


# ── The comparison ──
# Small slices, short columns and few parts lead through every way a plan has; the last one reads ahead.
SIZES = st.sampled_from(((2000, 16, 16, 0), (3, 2, 3, 0), (1, 1, 2, 0), (3, 2, 3, 7)))


@contextmanager
def small(sizes: tuple[int, int, int, int]) -> Iterator[None]:
    with (
        patch.object(connections, "SLICE_ROWS", sizes[0]),
        patch.object(values, "FEW", sizes[1]),
        patch.object(engine, "PARTS", sizes[2]),
        patch.object(connections, "AHEAD_ROWS", sizes[3] or connections.AHEAD_ROWS),
        patch.object(SqliteStore, "reads_elsewhere", bool(sizes[3])),
    ):
        yield


@given(question=questions(POOL), sizes=SIZES)
@examples(300)
async def test_any_question_is_answered_alike(both, question, sizes):
    with small(sizes):
        await both.compare(question)


async def test_most_of_these_questions_are_answered_by_a_plan(both):
    """Else they would prove nothing."""
    assert both.met["planned"] > 0.7 * both.met["questions"], both.met
    assert both.met["refused"] < 0.1 * both.met["questions"], both.met


@given(
    question=questions(POOL),
    sizes=SIZES,
    faults=st.builds(
        Faults,
        seed=st.integers(0, 2**16),
        values=st.sampled_from((0, 12, 3)),
        reads=st.sampled_from((0, 15, 3)),
        late=st.sampled_from((0, 0, 6)),
        links=st.sampled_from((0, 3, 1)),
    ),
)
@examples(150)
async def test_a_sick_store_changes_nothing_of_that(both, question, sizes, faults):
    """Numbers that are none or too large, missing names, tables of no name, reads that fail, links that cannot be made."""
    with small(sizes), patch.object(both.store, "faults", faults):
        await both.compare(question, healthy=False)
