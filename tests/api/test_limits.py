"""Questions made to hurt: each is refused at once, with the bound, the number met and a code, and the next one is answered."""

import json
import time
from functools import reduce

import pytest
from graphql import build_client_schema, get_introspection_query

HEMIBRAIN = "Hemibrain DA1 projection neurons"
SECONDS = 1.0
"""Of the processor, for a refusal; the slowest takes a tenth of that."""


async def refuse(client, query, code="LIMIT_EXCEEDED", words="", variables=None):
    """The message of the only error of a request that was refused before anything was read."""
    begin = time.process_time()
    answer = await client.answer(query, variables)
    took = time.process_time() - begin
    assert set(answer) == {"errors"}, str(answer)[:500]
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == code, error
    assert words in error["message"], error
    assert took < SECONDS
    assert len(json.dumps(answer)) < 3000
    return error["message"]


@pytest.fixture(autouse=True)
async def nothing_is_harmed(client):
    yield
    assert (await client.ask("{ datasets { totalCount } }")) == {"datasets": {"totalCount": 6}}


def nest(levels, inner="label"):
    for _ in range(levels):
        inner = f"neurons(first: 1) {{ nodes {{ dataset {{ {inner} }} }} }}"
    return f"{{ datasets(first: 1) {{ nodes {{ {inner} }} }} }}"


# ── The document ──
async def test_a_question_may_be_twelve_fields_deep(client):
    assert await client.ask(nest(3))
    message = await refuse(client, nest(4), words="15 fields deep; 12 is the limit")
    assert "node(id:)" in message
    await refuse(client, nest(33), words="102 fields deep")


@pytest.mark.parametrize("levels", [30, 150, 480])
async def test_what_is_nested_so_deep_that_it_cannot_be_read_is_refused_as_well(client, levels):
    await refuse(client, "{" + "a{" * levels + "b" + "}" * levels + "}")
    await refuse(client, "{datasets(filter:" + "{not:" * levels + "{}" + "}" * levels + "){totalCount}}")
    await refuse(client, "{datasets(filter:{and:" + "[" * levels + "]" * levels + "}){totalCount}}")


def fragments(count, body, last, type_="Query"):
    """Each spreads the next one twice."""
    chain = "".join(f"fragment f{i} on {type_} {{ {body.format(i + 1)} }} " for i in range(count))
    return chain + f"fragment f{count} on {type_} {{ {last} }}"


async def test_twenty_fragments_that_double_themselves_are_counted_as_fast_as_they_are_read(client):
    bomb = "{ ...f0 } " + fragments(20, "...f{0} ...f{0}", "__typename")
    await refuse(client, bomb, words="1,048,576 root fields; 20 is the limit")
    deeper = "{ datasets { nodes { ...f0 } } } " + fragments(20, "...f{0} ...f{0}", "label", "Dataset")
    await refuse(client, deeper, "COST_LIMIT_EXCEEDED", "values")
    few = "{ datasets { nodes { ...f0 } } } " + fragments(8, "...f{0} ...f{0}", "label", "Dataset")
    assert await client.ask(few)
    aliased = "{ datasets { nodes { ...f0 } } } " + fragments(20, "...f{0} ...f{0}", "a: label", "Dataset")
    await refuse(client, aliased, words="1,048,576 aliases; 30 is the limit")
    directed = aliased.replace("a: label", "label @include(if: true)")
    await refuse(client, directed, words="1,048,576 directives; 50 is the limit")


async def test_fragments_that_go_deeper_and_ask_for_more_with_each_turn_are_measured_at_once(client):
    body = "neurons(first: 2) {{ nodes {{ dataset {{ ...f{0} a: id ...f{0} }} }} }}"
    chain = "{ datasets { nodes { ...f0 } } } " + fragments(20, body, "label", "Dataset")
    await refuse(client, chain, words="fields deep")
    many = "neurons(first: 100) {{ nodes {{ dataset {{ ...f{0} }} }} }}"
    costly = "{ datasets(first: 100) { nodes { ...f0 } } } " + fragments(3, many, "label", "Dataset")
    await refuse(client, costly, "COST_LIMIT_EXCEEDED", "101,010,100 rows")


async def test_fragments_in_a_circle_are_refused(client):
    answer = await client.answer("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }")
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "data" not in answer


async def test_thirty_aliases_are_enough(client):
    def aliases(count):
        return "{" + " ".join(f"a{i}:label" for i in range(count)) + "}"

    assert await client.ask(f"{{ datasets {{ nodes {aliases(30)} }} }}")
    await refuse(client, f"{{ datasets {{ nodes {aliases(31)} }} }}", words="31 aliases; 30 is the limit")
    await refuse(client, "{" + " ".join(f"a{i}:__typename" for i in range(600)) + "}", words="600 aliases")
    many = "{" + " ".join(f"a{i}:__typename" for i in range(5000)) + "}"
    await refuse(client, many, words="32,768 is the limit")
    await refuse(client, many[:16_000].rsplit(" ", 1)[0] + "}", words="2000 tokens")


@pytest.mark.parametrize(
    "selection",
    [
        "animal{name} " * 490,
        "neurons{totalCount} " * 490,
        "tables{table{name}} " * 270,
        "...{...{animal{name}}} " * 180,
    ],
    ids=["objects", "connections", "lists", "inline fragments"],
)
async def test_a_field_selected_hundreds_of_times_is_not_compared_with_itself_for_seconds(client, selection):
    begin = time.process_time()
    answer = await client.answer(f"{{ datasets {{ nodes {{ {selection} }} }} }}")
    assert time.process_time() - begin < SECONDS
    if "errors" in answer:
        assert answer["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_hundreds_of_fragments_that_select_the_same_are_not_compared_for_seconds(client):
    chain = "".join(f"fragment f{i} on Dataset {{ ...f{i + 1} animal {{ name }} }} " for i in range(140))
    query = f"{{ datasets {{ nodes {{ ...f0 }} }} }} {chain} fragment f140 on Dataset {{ label }}"
    message = await refuse(client, query, words="takes too long to check")
    assert message.endswith("Select each field once.")


async def test_a_field_named_twice_or_a_few_times_is_fine(client):
    twice = await client.ask("{ datasets { totalCount } datasets { nodes { label label animal { name } } } }")
    assert twice["datasets"]["totalCount"] == 6
    assert await client.ask("{ datasets { nodes { " + "animal { name } " * 40 + "} } }")


async def test_twenty_root_fields_are_enough(client):
    roots = " ".join(f"a{i}: __typename" for i in range(20))
    assert await client.ask(f"{{ {roots} }}")
    await refuse(client, f"{{ {roots} __typename }}", words="21 root fields; 20 is the limit")
    await refuse(client, "{" + "datasets{totalCount} " * 490 + "}", words="490 root fields")


# ── What the question may read and answer ──
async def test_the_cost_of_a_question_is_told_with_its_answer_and_bounded(client):
    answer = await client.answer(
        """query($label: String!) { dataset(by: {label: $label}) { neurons(first: 5) { nodes {
          outgoingSynapses(first: 99) { nodes { cid } } } } } }""",
        {"label": HEMIBRAIN},
    )
    # 5 rows, and 99 for each of them: 500, of which 5 + 5 × 99 were there.
    assert answer["extensions"]["cost"] == {"requested": 5, "actual": 5, "limit": 1000}
    query = "query($n: Int, $m: Int) { datasets(first: $n) { nodes { synapses(first: $m) { nodes { cid } } } } }"
    message = await refuse(client, query, "COST_LIMIT_EXCEEDED", variables={"n": 100, "m": 1000})
    assert message == (
        "The query asks for up to 100,100 rows, which costs 1,001 points of 100 rows; 1,000 is the limit. "
        "Ask for smaller pages (`first`), above all where connections are nested."
    )
    answer = await client.answer(query, {"n": 10, "m": 9_999})
    assert answer["extensions"]["cost"]["requested"] == 1000
    assert answer["extensions"]["cost"]["actual"] < 200


async def test_what_is_left_out_counts_as_the_page_it_means(client):
    answer = await client.answer("{ datasets { nodes { neurons { nodes { outgoingSynapses { nodes { cid } } } } } } }")
    assert answer["extensions"]["cost"]["requested"] == (100 + 100 * 10 + 100 * 10 * 10) // 100
    default = "query($n: Int = 10000) { datasets(first: 100) { nodes { synapses(first: $n) { nodes { cid } } } } }"
    await refuse(client, default, "COST_LIMIT_EXCEEDED", "1,000,100 rows")
    one = await client.answer(default, {"n": 1})
    assert one["extensions"]["cost"]["requested"] == 2
    null = await client.answer(default, {"n": None})
    assert null["extensions"]["cost"]["requested"] == 11


async def test_a_page_has_at_most_ten_thousand_rows_and_a_hundred_data_sets(client):
    error = await client.fail(
        '{ dataset(by: {label: "C. elegans connectome"}) { neurons(first: 10001) { nodes { cid } } } }'
    )
    assert error["code"] == "LIMIT_EXCEEDED"
    assert error["message"].startswith("`first` may be 10,000 at most; it is 10,001.")
    error = await client.fail("{ datasets(last: 101) { totalCount } }")
    assert error["message"].startswith("`last` may be 100 at most; it is 101.")
    await refuse(client, "{ datasets(first: 1000000000) { totalCount } }", "COST_LIMIT_EXCEEDED", "1,000,000,000 rows")


async def test_a_negative_page_or_both_ends_at_once_is_a_mistake_in_one_field_only(client):
    for argument, words in (
        ("first: -1", "`first` must not be negative; it is -1."),
        ("last: -2147483648", "`last` must not be negative; it is -2147483648."),
        ("first: 1, last: 1", "Give `first` or `last`, not both: one pages forwards, the other backwards."),
    ):
        query = f'{{ server {{ version }} dataset(by: {{label: "{HEMIBRAIN}"}}) {{ label neurons({argument}) {{ totalCount nodes {{ cid }} }} }} }}'
        answer = await client.answer(query)
        (error,) = answer["errors"]
        assert (error["extensions"]["code"], error["message"]) == ("BAD_USER_INPUT", words)
        assert error["path"][:2] == ["dataset", "neurons"]
        assert answer["data"]["dataset"] == {"label": HEMIBRAIN, "neurons": None}
        assert answer["data"]["server"]["version"]


async def test_the_model_with_every_row_would_be_a_gigabyte_and_is_refused(client):
    query = """query($label: String!, $n: Int) { dataset(by: {label: $label}) { synapses(first: $n) { nodes { dataset {
      tables { columns { column { name description } } } } } } } }"""
    assert await client.ask(query, {"label": HEMIBRAIN, "n": 10})
    message = await refuse(client, query, "COST_LIMIT_EXCEEDED", variables={"label": HEMIBRAIN, "n": 10_000})
    assert "values (fields of all objects together); 2,000,000 is the limit" in message
    terms = "animal { broader { narrower { broader { narrower { broader { narrower { name } } } } } } }"
    await refuse(client, f"{{ datasets {{ nodes {{ {terms} }} }} }}", "COST_LIMIT_EXCEEDED", "values")


async def test_large_honest_questions_are_answered(client):
    """The bounds leave room: all synapses with all their numbers, and the children counts of every neuron."""
    data = await client.ask(
        """query($label: String!) { dataset(by: {label: $label}) { synapses(first: 10000) { nodes {
          cid sourceId kind confidence connectionScore region preNeuronId postNeuronId centroid(unit: MICROMETER) { x y z } } } } }""",
        {"label": HEMIBRAIN},
    )
    assert len(data["dataset"]["synapses"]["nodes"]) == 10_000
    assert await client.ask(
        "{ datasets { nodes { neurons(first: 300) { nodes { sourceId partCounts { table count } } } } } }"
    )
    assert await client.ask("{ tables { columns { name unit description term { curie name } } } }")
    assert await client.ask(
        "{ datasets { nodes { tables { columns { column { name unit } numbers { min max count nulls } } } } } }"
    )


async def test_a_mistake_in_one_part_of_a_large_question_does_not_make_the_rest_slow(client):
    """Rows made of columns are still answered by their columns; of others, one by one beside an error, there are not a hundred thousand."""
    fields = "cid sourceId kind confidence connectionScore region preNeuronId postNeuronId centroid { x y z }"
    for part, more, codes in (
        ('neurons(after: "junk") { totalCount }', "", set()),
        ("neurons(first: -1) { totalCount }", "preNeuron { cid }", {"LIMIT_EXCEEDED"}),
    ):
        pages = " ".join(f"s{i}: synapses(first: 9990) {{ nodes {{ {fields} {more} }} }}" for i in range(10))
        begin = time.process_time()
        answer = await client.answer(f'{{ dataset(by: {{label: "{HEMIBRAIN}"}}) {{ label {part} {pages} }} }}')
        assert time.process_time() - begin < 5 * SECONDS
        met = {error["path"][1]: error["extensions"]["code"] for error in answer["errors"]}
        assert met.pop("neurons") in ("INVALID_CURSOR", "BAD_USER_INPUT")
        assert set(met.values()) == codes
        assert answer["data"]["dataset"]["label"] == HEMIBRAIN
        if not codes:
            assert all(len(answer["data"]["dataset"][f"s{i}"]["nodes"]) == 9990 for i in range(10))


# ── Variables ──
@pytest.mark.parametrize(
    "value",
    [
        {"and": [{}] * 20_000},
        {"and": [{"and": [{}] * 300}] * 60},
        {f"labe{i}": 1 for i in range(60_000)},
        {"label": {"in": ["a"] * 20_000}},
    ],
    ids=["wide", "wide twice", "unknown keys", "values"],
)
async def test_variables_with_too_many_values_are_not_even_looked_at(client, value):
    query = "query($filter: DatasetFilter) { datasets(filter: $filter) { totalCount } }"
    message = await refuse(client, query, variables={"filter": value})
    assert message.startswith("The variables hold ")
    assert "; 10,000 is the limit" in message


async def test_a_filter_is_bounded_in_depth_breadth_and_conditions(client):
    query = "query($filter: DatasetFilter) { datasets(filter: $filter) { totalCount } }"

    def not_(levels):
        return reduce(lambda inner, _: {"not": inner}, range(levels), {"wildType": True})

    assert await client.ask(query, {"filter": not_(9)})
    for filter_, words in (
        (not_(10), "may be nested 10 deep"),
        ({"label": {"in": ["a"] * 1001}}, "may have 1,000 values, this one has 1,001"),
        ({"and": [{"wildType": True}] * 201}, "may have 200 conditions, this one has 201"),
        ({"or": [{"and": [{}] * 20}] * 20}, "may have 200 conditions, this one has 400"),
    ):
        begin = time.process_time()
        error = await client.fail(query, {"filter": filter_})
        assert time.process_time() - begin < SECONDS
        assert error["code"] == "BAD_USER_INPUT"
        assert words in error["message"]
    for levels in (30, 150, 450):
        await refuse(
            client, query, words=f"nested {levels + 1} deep; 25 is the limit", variables={"filter": not_(levels)}
        )
    assert await client.ask(query, {"filter": {"label": {"in": ["a"] * 1000}}})


async def test_numbers_too_large_for_anything_are_the_client_s_mistake_and_in_no_log(client, logged):
    for query in ("{datasets(first:%s){totalCount}}", "query($n: Int = %s){datasets(first:$n){totalCount}}"):
        for digits in (11, 400, 5000):
            answer = await client.answer(query % ("9" * digits))
            assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
            assert len(answer["errors"][0]["message"]) <= 2000
    assert not logged()


# ── Introspection ──
async def test_introspection_is_answered_for_tools_and_not_in_circles(client):
    fields = "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }"
    await refuse(client, fields, words="introspection depth")
    lists = "{ __schema { types { possibleTypes { interfaces { possibleTypes { interfaces { possibleTypes { name } } } } } } } }"
    await refuse(client, lists, words="introspection depth")
    many = "{" + " ".join(f'a{i}: __type(name: "Neuron") {{ fields {{ name }} }}' for i in range(31)) + "}"
    await refuse(client, many, words="31 aliases")


async def test_the_introspection_of_real_tools_is_answered_within_bounds(client):
    # GraphiQL's, Relay's and code generators' own, the largest that is asked anywhere.
    query = get_introspection_query(
        descriptions=True, specified_by_url=True, directive_is_repeatable=True, schema_description=True,
        input_value_deprecation=True,
    )  # fmt: skip
    begin = time.process_time()
    response = await client.http.post("/graphql", json={"query": query})
    assert time.process_time() - begin < 5
    assert len(response.content) < 1_500_000
    assert "Neuron" in build_client_schema(response.json()["data"]).type_map


# ── Errors are few ──
async def test_at_most_twenty_errors_are_told_each_once(client):
    wrong = " ".join(f"zz{i}" for i in range(300))
    answer = await client.answer(f"{{ datasets {{ nodes {{ {wrong} }} }} }}")
    assert len(answer["errors"]) == 20
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}
    same = await client.answer('{ datasets { nodes { neurons(after: "junk") { nodes { cid } } } } }')
    (error,) = same["errors"]
    assert error["extensions"]["code"] == "INVALID_CURSOR"
    assert [dataset["neurons"] for dataset in same["data"]["datasets"]["nodes"]] == [None] * 6
    ids = await client.answer("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [None] * 500})
    assert len(ids["errors"]) == 20


async def test_a_message_repeats_only_so_much_of_what_was_sent(client):
    long = "x" * 30_000
    for query, variables in (
        (f'{{ dataset(by: {{uuid: "{long}"}}) {{ label }} }}', None),
        (f"{{ {long} }}", None),
        ("query($u: UUID) { dataset(by: {uuid: $u}) { label } }", {"u": long}),
        (f"{{ datasets {{ nodes {{ {long}: label {long}: uuid }} }} }}"[:32_000], None),
    ):
        answer = await client.answer(query, variables)
        assert len(json.dumps(answer)) < 5000
