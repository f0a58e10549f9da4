"""Answers are compared with what SQLite holds, to the last number, before anything is timed."""

import importlib
import json
from contextlib import closing
from uuid import UUID

import msgspec
import pytest
from graphql import parse, validate

from bench import data
from bench.cases import BY_NAME, CASES, Questions, WrongAnswer
from bench.dialects import DATASETTE, HAND, MERCURIUS, OURS, POSTGRAPHILE, STRAWBERRY, dig
from syndb_graphql.api.context import Bounds
from syndb_graphql.api.schema import build_schema
from syndb_graphql.spec.identity import derive_cid
from syndb_graphql.spec.load import load_default_model

TINY = data.Scale("tiny", (300, 40), synapses=13_000, deep=150, walk=0)


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "CACHE", tmp_path_factory.mktemp("bench"))
        facts = data.prepare_rows(TINY)
        assert data.prepare_rows(TINY) == facts
        patch.setenv("ROWS_DB", str(TINY.database))
        with closing(Questions(TINY, facts)) as found:
            yield found


@pytest.fixture(scope="module")
def ask(questions):
    """The hand-written limit, without HTTP."""
    limit = importlib.import_module("bench.servers.limit_apsw")

    def answer(body: bytes):
        request = json.loads(body)
        return msgspec.to_builtins(limit.FUNCTIONS[request["query"]](request["variables"]))

    yield answer
    limit.connection.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_right_answers_pass(case, questions, ask):
    bodies = questions.prepare(case, HAND, ask)
    assert len(bodies) == {"one": 64, "nodes": 16}.get(case.kind, 1)


def test_the_deep_page_begins_after_the_rows_before_it(questions, ask):
    body = json.loads(questions.prepare(BY_NAME["deep"], HAND, ask)[0])
    assert body["variables"]["first"] == 100
    assert body["variables"]["after"]


@pytest.mark.parametrize(
    ("case", "path", "complaint"),
    [
        ("page_100", "neurons.edges.*.node", "100 rows, number 7"),
        ("nested", "neurons.edges.*.node.synapses.edges.*.node", "children, number 7, number"),
        ("nodes", "nodes.*", "nodes by ids, number 7"),
    ],
)
def test_one_wrong_number_is_found(case, path, complaint, questions, ask):
    def spoil(body: bytes):
        answer = ask(body)
        row = dig(answer, path)[7]
        row = row[3] if isinstance(row, list) else row
        name = "meshVolume" if "meshVolume" in row else "x"
        row[name] *= 1 + 1e-15
        return answer

    with pytest.raises(WrongAnswer, match=complaint):
        questions.prepare(BY_NAME[case], HAND, spoil)


def test_a_missing_row_is_found(questions, ask):
    def shorten(body: bytes):
        answer = ask(body)
        answer["neurons"]["edges"].pop()
        return answer

    with pytest.raises(WrongAnswer, match="99 in the answer, 100 expected"):
        questions.prepare(BY_NAME["page_100"], HAND, shorten)


def test_the_rows_have_the_ids_that_loading_derives(questions):
    row = questions._connection.execute("SELECT dataset_id, cid, source_id FROM neuron LIMIT 1").fetchone()
    assert derive_cid(UUID(row[0]).bytes, "neuron", str(row[2])) == UUID(row[1]).bytes


@pytest.mark.parametrize("kind", ["page", "nested", "one", "nodes"])
def test_our_questions_are_valid_in_our_graph(kind):
    schema = build_schema(load_default_model(), Bounds(), "0")
    assert not validate(schema._schema, parse(getattr(OURS, kind)))


@pytest.mark.parametrize("dialect", [OURS, STRAWBERRY, MERCURIUS, POSTGRAPHILE, DATASETTE, HAND])
def test_every_dialect_reads_the_same_number_of_values(dialect):
    assert (len(dialect.neuron), len(dialect.synapse)) == (10, 5)
