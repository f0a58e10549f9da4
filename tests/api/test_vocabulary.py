"""`vocabulary`: what a client offers while somebody types, and what lies below what."""

from itertools import pairwise

import pytest

QUERY = """
query Terms($name: VocabularyName!, $search: String, $under: String, $first: Int, $after: String, $last: Int, $before: String) {
  vocabulary(name: $name, search: $search, under: $under, first: $first, after: $after, last: $last, before: $before) {
    totalCount
    nodes { name curie synonyms datasetCount broader { name } narrower { name } }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def names(client, name, **given):
    found = (await client.ask(QUERY, {"name": name, **given}))["vocabulary"]
    return [term["name"] for term in found["nodes"]]


@pytest.mark.parametrize(
    ("name", "search", "first"),
    [
        ("ANIMAL", "mou", "Mus musculus"),
        ("ANIMAL", "Mus", "Mus musculus"),
        ("ANIMAL", "ncbitaxon:7227", "Drosophila melanogaster"),
        ("ANIMAL", "worm", "Caenorhabditis elegans"),
        ("BRAIN_STRUCTURE", "CA1", "CA1"),
        ("BRAIN_STRUCTURE", "visp", "primary visual cortex"),
        ("BRAIN_STRUCTURE", "cortex vis prim", "primary visual cortex"),
        ("NEUROTRANSMITTER", "ACh", "acetylcholine"),
        ("NEUROTRANSMITTER", "5 ht", "serotonin"),
        ("MICROSCOPY", "sérial block", "SBEM"),
        ("LICENSE", "cc by", "CC-BY-4.0"),
    ],
)
async def test_the_term_one_begins_to_type_comes_first(client, name, search, first):
    assert (await names(client, name, search=search))[0] == first


async def test_a_term_that_is_called_so_comes_before_one_that_begins_so(client):
    found = await names(client, "BRAIN_STRUCTURE", search="hippocampus")
    assert found[0] == "hippocampus"
    assert "CA1" in found, "known as CA1 field of hippocampus"
    assert await names(client, "BRAIN_STRUCTURE", search="no such place") == []


async def test_without_a_search_terms_come_by_name(client):
    found = await names(client, "ANIMAL")
    assert found == sorted(found, key=str.casefold)
    assert found == await names(client, "ANIMAL", search="  ")
    assert {"Mus musculus", "Rodentia"} < set(found)


async def test_what_lies_under_a_term_does_so_at_any_depth(client):
    under = await names(client, "BRAIN_STRUCTURE", under="hippocampus")
    assert {"CA1", "CA1 stratum radiatum", "dentate gyrus"} < set(under)
    assert "hippocampus" not in under
    assert under == await names(client, "BRAIN_STRUCTURE", under="MBA:1080")
    assert await names(client, "BRAIN_STRUCTURE", under="hippocampus", search="dent gran") == [
        "dentate gyrus granule cell layer"
    ]
    assert await names(client, "ANIMAL", under="rodents", search="mouse") == ["Mus musculus"]
    assert await names(client, "ANIMAL", under="mouse") == []


async def test_an_unknown_term_or_a_search_too_long_is_told(client):
    error = await client.fail(QUERY, {"name": "ANIMAL", "under": "rodants"})
    assert error["code"] == "BAD_USER_INPUT"
    assert error["message"] == "'rodants' is no known animal. Did you mean 'rodents'?"
    error = await client.fail(QUERY, {"name": "ANIMAL", "search": "x" * 201})
    assert error["message"] == "`search` may have 200 characters at most; it has 201."


async def test_data_sets_are_counted_as_the_filter_finds_them(client):
    query = "query($term: String!) { datasets(filter: {animal: {in: [$term]}}) { totalCount } }"
    terms = (await client.ask(QUERY, {"name": "ANIMAL"}))["vocabulary"]["nodes"]
    assert {term["name"]: term["datasetCount"] for term in terms}["Vertebrata"] == 4
    for term in terms:
        data = await client.ask(query, {"term": term["name"]})
        assert term["datasetCount"] == data["datasets"]["totalCount"], term["name"]
    for name in ("NEUROTRANSMITTER", "POLARITY", "NEURON_TYPE"):
        found = (await client.ask(QUERY, {"name": name, "first": 3}))["vocabulary"]["nodes"]
        assert [term["datasetCount"] for term in found] == [None] * 3, "no data set is described by it"
    walked = await client.ask("{ datasets { nodes { animal { datasetCount broader { name datasetCount } } } } }")
    assert walked["datasets"]["nodes"][-1]["animal"] == {
        "datasetCount": 4, "broader": [{"name": "Rodentia", "datasetCount": 4}],
    }  # fmt: skip


async def test_broader_and_narrower_are_two_sides_of_one_thing(client):
    found = (await client.ask(QUERY, {"name": "MICROSCOPY", "first": 1000}))["vocabulary"]["nodes"]
    up = {(term["name"], above["name"]) for term in found for above in term["broader"]}
    down = {(below["name"], term["name"]) for term in found for below in term["narrower"]}
    assert up == down
    assert ("FIB-SEM", "volume electron microscopy") in up


@pytest.mark.parametrize("search", [None, "ca"])
async def test_pages_forwards_and_backwards_are_the_whole_and_no_more(client, search):
    asked = {"name": "BRAIN_STRUCTURE", "under": "telencephalon", "search": search}
    whole = (await client.ask(QUERY, {**asked, "first": 1000}))["vocabulary"]
    wanted = [term["name"] for term in whole["nodes"]]
    assert len(wanted) == len(set(wanted)) == whole["totalCount"] > 7
    for size, forwards in ((7, True), (7, False), (len(wanted), True)):
        size_name, cursor_name, end = ("first", "after", "endCursor") if forwards else ("last", "before", "startCursor")
        walked, cursor, more = [], None, True
        while more:
            page = (await client.ask(QUERY, {**asked, size_name: size, cursor_name: cursor}))["vocabulary"]
            found = [term["name"] for term in page["nodes"]]
            walked = walked + found if forwards else found + walked
            cursor, more = page["pageInfo"][end], page["pageInfo"]["hasNextPage" if forwards else "hasPreviousPage"]
            assert page["totalCount"] == len(wanted)
            assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        assert walked == wanted
    cursors = [edge["cursor"] for edge in whole["edges"]]
    for before, after in pairwise(cursors[:5]):
        between = (await client.ask(QUERY, {**asked, "after": before, "before": after}))["vocabulary"]
        assert between["nodes"] == []


async def test_a_cursor_belongs_to_its_question(client):
    page = (await client.ask(QUERY, {"name": "ANIMAL", "first": 2}))["vocabulary"]["pageInfo"]
    for other in ({"name": "MICROSCOPY"}, {"name": "ANIMAL", "search": "m"}, {"name": "ANIMAL", "under": "Mammalia"}):
        error = await client.fail(QUERY, {**other, "after": page["endCursor"]})
        assert error["code"] == "INVALID_CURSOR"
    error = await client.fail(QUERY, {"name": "ANIMAL", "first": 100_000})
    assert error["code"] in ("LIMIT_EXCEEDED", "COST_LIMIT_EXCEEDED")


async def test_terms_and_filters_are_answered_by_plans_whatever_the_variables(client):
    executor = client.app.state.executor
    before = executor.unplanned.copy()
    for variables in ({"name": "ANIMAL"}, {"name": "BRAIN_STRUCTURE", "under": "CA1", "search": "rad", "last": 3}):
        await client.ask(QUERY, variables)
    typed = """
    query($animal: [String!]!, $parts: Boolean!, $gene: TextFilter, $not: DatasetFilter) {
      datasets(filter: {animal: {in: $animal, includeParts: $parts}, mutations: {gene: $gene}, not: $not}) {
        totalCount nodes { label animal { name datasetCount } }
      }
    }
    """
    data = await client.ask(typed, {"animal": ["mammals"], "parts": True, "not": {"license": ["CC0"]}})
    assert data["datasets"]["totalCount"] == 4
    data = await client.ask(typed, {"animal": ["mammals"], "parts": False, "gene": {"eq": "Rorb"}})
    assert data["datasets"]["totalCount"] == 0
    assert executor.unplanned == before


async def test_a_term_is_found_again_by_its_id(client):
    edges = (await client.ask(QUERY, {"name": "BRAIN_STRUCTURE", "search": "CA1"}))["vocabulary"]
    found = await client.ask(
        "query($id: ID!) { node(id: $id) { ... on Term { name vocabulary } } }", {"id": edges["edges"][0]["node"]["id"]}
    )
    assert found["node"] == {"name": "CA1", "vocabulary": "BRAIN_STRUCTURE"}
