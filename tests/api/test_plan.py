"""What a plan does for those who ask and for those beside them, and what happens where there is none or it ends early."""

import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from syndb_graphql.api import documents, execute
from syndb_graphql.api.plan import arguments
from syndb_graphql.api.plan.connections import AHEAD_ROWS, SLICE_ROWS
from syndb_graphql.app import build_app
from syndb_graphql.errors import StoreTimeout
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import Stores, open_stores

HEMIBRAIN = "Hemibrain DA1 projection neurons"
WORM = "C. elegans connectome"
SYNAPSES = """query($label: String!, $first: Int!) { dataset(by: {label: $label}) { synapses(first: $first) {
  nodes { cid sourceId connectionScore centroid { x } } } } }"""


@dataclass
class SpoiltStore:
    """The demo's store, but for one score that is no number and tables that never answer in time."""

    store: Any
    spoil: dict[int, float] = field(default_factory=dict)
    """Rows of a page of synapses, by their number, and what their score becomes."""
    late: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def read_page(self, table, snapshot, *, columns, window, **more):
        self.asked.append(table.name)
        self.limits.append(window.limit)
        if table.name in self.late:
            raise StoreTimeout("The store did not answer within 5 s.")
        rows = list(await self.store.read_page(table, snapshot, columns=columns, window=window, **more))
        if "connection_score" in columns and window.after is None:
            at = list(columns).index("connection_score")
            for number, score in self.spoil.items():
                if number < len(rows):
                    rows[number] = (*rows[number][:at], score, *rows[number][at + 1 :])
        return rows


@dataclass
class Spoilt:
    http: httpx.AsyncClient
    store: SpoiltStore
    executor: execute.Executor

    async def answer(self, query: str, **variables: Any) -> dict:
        return (await self.http.post("/graphql", json={"query": query, "variables": variables})).json()


@pytest.fixture
async def spoilt(demo_settings) -> AsyncIterator[Spoilt]:
    model = load_default_model()
    opened = open_stores(demo_settings, model)
    store = SpoiltStore(opened.rows)
    app = build_app(demo_settings, model, Stores(store, opened.objects, opened.secret_keys))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(opened.close)
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://syndb.test"))
        yield Spoilt(http, store, app.state.executor)


async def test_a_large_page_is_read_in_slices_so_that_others_get_their_turn(spoilt):
    answer = await spoilt.answer(SYNAPSES, label=HEMIBRAIN, first=10_000)
    assert len(answer["data"]["dataset"]["synapses"]["nodes"]) == 10_000
    at_once = AHEAD_ROWS if spoilt.store.reads_elsewhere else SLICE_ROWS
    assert spoilt.store.asked == ["synapse"] * -(-10_000 // at_once)
    assert max(spoilt.store.limits) == at_once + 1
    assert not spoilt.executor.unplanned


async def test_a_row_more_is_read_only_where_somebody_wants_to_know_whether_there_are_more(spoilt):
    query = '{ dataset(by: {label: "%s"}) { synapses(first: 5) { nodes { cid } %s } } }'
    for asked, limit in (("", 5), ("pageInfo { endCursor }", 5), ("pageInfo { hasNextPage }", 6)):
        assert "errors" not in await spoilt.answer(query % (HEMIBRAIN, asked))
        assert spoilt.store.limits.pop() == limit


async def test_one_number_that_is_none_costs_its_own_field_and_the_other_rows_stay_fast(spoilt, monkeypatch):
    """The engine says what is wrong in its own words, of that row alone; all others are still answered by their columns."""
    healthy = await spoilt.answer(SYNAPSES, label=HEMIBRAIN, first=10_000)
    left: list[int] = []
    monkeypatch.setattr(execute.Context, "leave_rows", lambda _, count: left.append(count))
    spoilt.store.spoil = {777: float("nan")}
    answer = await spoilt.answer(SYNAPSES, label=HEMIBRAIN, first=10_000)
    (error,) = answer["errors"]
    assert error["path"] == ["dataset", "synapses", "nodes", 777, "connectionScore"]
    healthy["data"]["dataset"]["synapses"]["nodes"][777]["connectionScore"] = None
    assert answer["data"] == healthy["data"]
    assert sum(left) <= 16


async def test_why_the_engine_answered_is_said_once_and_counted(spoilt, caplog):
    spoilt.store.spoil = {3: float("inf")}
    with caplog.at_level(logging.INFO, "syndb_graphql.api.execute"):
        for _ in range(3):
            await spoilt.answer(SYNAPSES, label=HEMIBRAIN, first=10)
    assert spoilt.executor.unplanned == {"a number that is not finite": 3}
    said = [record.getMessage() for record in caplog.records if "instead of a plan" in record.getMessage()]
    assert said == [
        "The engine answers instead of a plan: a number that is not finite. Said once; counted from now on."
    ]


async def test_a_store_that_does_not_answer_in_time_is_waited_for_once(spoilt):
    """Not a second time by the engine, which begins anew where a plan ended."""
    spoilt.store.late = {"synapse"}
    answer = await spoilt.answer(
        """query($label: String!) { dataset(by: {label: $label}) { neurons(first: 2) { nodes { name } }
          synapses(first: 2) { nodes { cid } } more: synapses(first: 3) { nodes { cid } } } }""",
        label=HEMIBRAIN,
    )
    assert spoilt.store.asked.count("synapse") == 1
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"STORE_TIMEOUT"}
    dataset = answer["data"]["dataset"]
    assert (dataset["synapses"], dataset["more"]) == (None, None)
    assert len(dataset["neurons"]["nodes"]) == 2


@pytest.fixture
def compiled(monkeypatch) -> list[str]:
    """Operations that were compiled, in order."""
    names: list[str] = []
    compile_plan = execute.compile_plan

    def counted(schema, model, document, operation, variables):
        names.append(operation.name.value if operation.name else "")
        return compile_plan(schema, model, document, operation, variables)

    monkeypatch.setattr(execute, "compile_plan", counted)
    return names


async def test_a_question_is_compiled_once_whatever_its_variables(spoilt, compiled):
    for first in (1, 2, 3):
        answer = await spoilt.answer(SYNAPSES, label=HEMIBRAIN, first=first)
        assert len(answer["data"]["dataset"]["synapses"]["nodes"]) == first
    assert len(compiled) == 1


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (
            "query($by: String!) { dataset(by: {label: $by}) { label } }",
            [{"by": "C. elegans connectome"}, {"by": "none"}],
        ),
        (
            'query($first: Int) { dataset(by: {label: "C. elegans connectome"}) { neurons(first: $first) { nodes { cid } } } }',
            [{"first": 1}, {"first": 2}],
        ),
    ],
)
async def test_arguments_are_worked_out_once_where_only_variables_differ(spoilt, monkeypatch, query, variables):
    called = []
    coerce = arguments.get_argument_values
    monkeypatch.setattr(arguments, "get_argument_values", lambda *given: called.append(1) or coerce(*given))
    first, *others = variables
    assert "errors" not in await spoilt.answer(query, **first)
    called.clear()
    for given in others:
        assert "errors" not in await spoilt.answer(query, **given)
    assert not called


async def test_what_directives_look_at_makes_another_plan_and_each_operation_its_own(spoilt, compiled):
    query = """query a($names: Boolean!) { datasets { nodes { uuid label @include(if: $names) } } }
      query b { datasets { totalCount } }"""
    for _ in range(2):
        for names in (True, False):
            answer = (
                await spoilt.http.post(
                    "/graphql", json={"query": query, "operationName": "a", "variables": {"names": names}}
                )
            ).json()
            assert all(("label" in node) == names for node in answer["data"]["datasets"]["nodes"])
        await spoilt.http.post("/graphql", json={"query": query, "operationName": "b"})
    assert sorted(compiled) == ["a", "a", "b"]


async def test_plans_of_one_document_are_bounded(spoilt, compiled):
    count = documents.MAX_KEPT + 4
    flags = [f"$f{number}: Boolean!" for number in range(5)]
    fields = " ".join(f"a{number}: label @include(if: $f{number})" for number in range(5))
    query = f"query({', '.join(flags)}) {{ datasets {{ nodes {{ uuid {fields} }} }} }}"
    for number in range(count):
        await spoilt.answer(query, **{f"f{bit}": bool(number >> bit & 1) for bit in range(5)})
    assert len(compiled) == count
    assert len(spoilt.executor._documents.get(query).plans) == documents.MAX_KEPT


async def test_what_the_schema_says_of_itself_is_worked_out_once(spoilt, monkeypatch):
    runs: list[object] = []
    run = execute.execute
    monkeypatch.setattr(execute, "execute", lambda *given, **named: (runs.append(given), run(*given, **named))[1])
    query = "query($name: String!) { __type(name: $name) { name fields { name } } }"
    for name in ("Neuron", "Synapse", "Neuron"):
        answer = await spoilt.answer(query, name=name)
        assert answer["data"]["__type"]["name"] == name
    assert len(runs) == 2
    assert not spoilt.executor.unplanned
    for number in range(2 * execute.MAX_INTROSPECTIONS):
        await spoilt.answer(query, name=f"None{number}")
    assert len(spoilt.executor._introspections) == execute.MAX_INTROSPECTIONS


async def test_the_engine_answers_introspection_beside_other_fields(spoilt):
    answer = await spoilt.answer('{ __type(name: "Neuron") { name } datasets { totalCount } }')
    assert answer["data"] == {"__type": {"name": "Neuron"}, "datasets": {"totalCount": 6}}
    assert list(spoilt.executor.unplanned) == ["__type, which the engine answers itself"]
