"""Which data sets a filter keeps: every kind of condition on the six of the demo, through the front door."""

import random
from functools import reduce
from uuid import UUID

import pytest

from syndb_graphql.catalog.doi import parse_doi
from syndb_graphql.catalog.filters import search_datasets
from syndb_graphql.catalog.index import DatasetIndex
from syndb_graphql.errors import BadInput

QUERY = "query($filter: DatasetFilter) { datasets(filter: $filter) { totalCount nodes { label } } }"
WORM, FLY = "C. elegans connectome", "Hemibrain DA1 projection neurons"
NR5A1, PVALB, RORB, SCNN1A = (
    f"Mouse V1 {name}" for name in ("Nr5a1 neuron", "Pvalb neurons", "Rorb neuron", "Scnn1a neuron")
)
MICE = [NR5A1, PVALB, RORB, SCNN1A]
ALL = [WORM, FLY, *MICE]


async def kept(client, filter_):
    found = (await client.ask(QUERY, {"filter": filter_}))["datasets"]
    assert found["totalCount"] == len(found["nodes"])
    return [node["label"] for node in found["nodes"]]


@pytest.fixture(scope="session")
async def facts(client):
    data = await client.ask(
        "{ datasets { nodes { uuid label license { spdxId } wildType publishedAt publications { doi } } } }"
    )
    return {node["label"]: node for node in data["datasets"]["nodes"]}


@pytest.mark.parametrize(
    ("filter_", "labels"),
    [
        (None, ALL),
        ({}, ALL),
        ({"label": {"eq": WORM}}, [WORM]),
        ({"label": {"ne": WORM}}, [FLY, *MICE]),
        ({"label": {"in": [FLY, WORM, "nothing"]}}, [WORM, FLY]),
        ({"label": {"in": []}}, []),
        ({"label": {"startsWith": "Mouse"}}, MICE),
        ({"label": {"startsWith": "mouse"}}, []),
        ({"label": {"contains": "neuron"}}, [FLY, *MICE]),
        ({"label": {"startsWith": "Mouse", "contains": "Rorb"}}, [RORB]),
        ({"label": {"isNull": True}}, []),
        ({"label": {"isNull": False}}, ALL),
        ({"label": {"eq": ""}}, []),
        ({"label": {"startsWith": ""}}, ALL),
        ({"label": {"contains": "Ω"}}, []),
        ({"notes": {"contains": "T-bar"}}, [FLY]),
        ({"notes": {"isNull": False}}, ALL),
        ({"tables": {"hasAll": ["SYNAPSE"]}}, [FLY]),
        ({"tables": {"hasAll": ["NEURON", "NEURON_RELATION"]}}, [WORM]),
        ({"tables": {"hasAny": ["SYNAPSE", "NEURON_RELATION"]}}, [WORM, FLY]),
        ({"tables": {"hasAny": ["VESICLE"]}}, []),
        ({"tables": {"hasAll": [], "hasAny": ["SYNAPSE"]}}, [FLY]),
        ({"tables": {"hasAny": []}}, []),
        ({"tables": {}}, ALL),
        ({"rowCount": {"table": "SYNAPSE", "count": {"gt": 0}}}, [FLY]),
        ({"rowCount": {"table": "SYNAPSE", "count": {"eq": 0}}}, [WORM, *MICE]),
        ({"rowCount": {"table": "NEURON", "count": {"gte": 2, "lt": 299}}}, [FLY, PVALB]),
        ({"rowCount": {"table": "NEURON", "count": {"lte": 1}}}, [NR5A1, RORB, SCNN1A]),
        ({"rowCount": {"table": "NEURON", "count": {"in": [5, 299]}}}, [WORM, FLY]),
        ({"rowCount": {"table": "NEURON", "count": {"ne": 1}}}, [WORM, FLY, PVALB]),
        ({"rowCount": {"table": "NEURON", "count": {}}}, ALL),
        ({"publishedAt": {"gt": "2020-01-01T00:00:00Z"}}, ALL),
        ({"publishedAt": {"lt": "2020-01-01T00:00:00+02:00"}}, []),
        ({"publishedAt": {"isNull": False}}, ALL),
        ({"doi": ["10.7554/eLife.57443"]}, [FLY]),
        ({"doi": ["https://doi.org/10.7554/ELIFE.57443"]}, [FLY]),
        ({"doi": ["doi:10.7554/elife.57443 "]}, [FLY]),
        ({"doi": ["10.7554/elife.5744"]}, []),
        ({"doi": []}, []),
        ({"not": {"label": {"startsWith": "Mouse"}}}, [WORM, FLY]),
        ({"not": {}}, []),
        ({"not": {"not": {}}}, ALL),
        ({"and": []}, ALL),
        ({"or": []}, []),
        ({"or": [{"label": {"eq": WORM}}, {"tables": {"hasAny": ["SYNAPSE"]}}]}, [WORM, FLY]),
        ({"and": [{"label": {"startsWith": "Mouse"}}, {"not": {"label": {"contains": "Pvalb"}}}]}, [NR5A1, RORB, SCNN1A]),
        ({"label": {"startsWith": "Mouse"}, "or": [{"label": {"contains": "Rorb"}}, {"label": {"eq": WORM}}]}, [RORB]),
    ],
    ids=str,
)  # fmt: skip
async def test_a_filter_keeps(client, filter_, labels):
    assert await kept(client, filter_) == labels


async def test_null_means_absent_wherever_it_stands(client):
    everything = dict.fromkeys(
        [
            "and",
            "or",
            "not",
            "uuid",
            "label",
            "notes",
            "animal",
            "brainRegions",
            "mutations",
            "microscopy",
            "wildType",
            "doi",
            "license",
            "tables",
            "rowCount",
            "publishedAt",
        ]
    )
    assert await kept(client, everything) == ALL
    text = dict.fromkeys(["eq", "ne", "in", "startsWith", "contains", "isNull"])
    assert await kept(client, {**everything, "label": text}) == ALL
    assert await kept(client, {**everything, "label": {**text, "eq": WORM}}) == [WORM]
    assert await kept(client, {"tables": {"hasAll": None, "hasAny": ["SYNAPSE"]}}) == [FLY]
    literal = "{ datasets(filter: {label: null, not: null, or: null, uuid: {eq: null}}) { totalCount } }"
    assert (await client.ask(literal))["datasets"]["totalCount"] == 6
    assert (await client.ask("{ datasets(filter: null, first: null) { totalCount } }"))["datasets"]["totalCount"] == 6


async def test_uuids_licences_and_wild_types_are_found(client, facts):
    uuids = [facts[WORM]["uuid"], facts[FLY]["uuid"]]
    assert await kept(client, {"uuid": {"eq": uuids[0]}}) == [WORM]
    assert await kept(client, {"uuid": {"in": [*uuids, str(UUID(int=0))]}}) == [WORM, FLY]
    assert await kept(client, {"uuid": {"ne": uuids[0].upper()}}) == [FLY, *MICE]
    assert await kept(client, {"uuid": {"isNull": True}}) == []
    for license_ in {fact["license"]["spdxId"] for fact in facts.values()}:
        expected = [label for label in ALL if facts[label]["license"]["spdxId"] == license_]
        assert await kept(client, {"license": [license_.lower(), "PDDL"]}) == expected
    for wild in (True, False):
        assert await kept(client, {"wildType": wild}) == [label for label in ALL if facts[label]["wildType"] is wild]
    unknown = {"and": [{"not": {"wildType": True}}, {"not": {"wildType": False}}]}
    assert await kept(client, unknown) == [label for label in ALL if facts[label]["wildType"] is None]


async def test_what_is_no_filter_is_refused_by_name(client):
    for filter_, words in (
        ({"labl": {"eq": "x"}}, "Did you mean 'label'?"),
        ({"label": {"like": "x"}}, "unknown field 'like'"),
        ({"label": "x"}, "TextFilter"),
        ({"wildType": "yes"}, "Boolean"),
        ({"tables": {"hasAny": ["SYNAPS"]}}, "SYNAPSE"),
        ({"rowCount": {"count": {"gt": 1}}}, "'table'"),
        ({"rowCount": {"table": "SYNAPSE", "count": {"gt": 2**40}}}, "32-bit"),
        ({"uuid": {"eq": "x"}}, "A UUID is text such as"),
        ({"publishedAt": {"gt": "yesterday"}}, "A DateTime is text such as"),
        ({"publishedAt": {"gt": "2026-01-01T00:00:00"}}, "with its zone"),
        ({"and": [None]}, "not to be None"),
    ):
        answer = await client.answer(QUERY, {"filter": filter_})
        assert "data" not in answer
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", filter_
        assert any(words in error["message"] for error in answer["errors"]), answer["errors"]


@pytest.mark.parametrize(
    "spelling",
    [
        "10.7554/eLife.57443",
        " 10.7554/elife.57443 ",
        "doi:10.7554/eLife.57443",
        "DOI:10.7554/ELIFE.57443",
        "http://dx.doi.org/10.7554/eLife.57443",
    ],
)
def test_a_doi_is_one_in_every_spelling(spelling):
    assert parse_doi(spelling) == "10.7554/elife.57443"


# ── The algebra, on filters nobody would write ──
def random_filter(rng, depth=0):
    leaves = [
        {"label": {rng.choice(["eq", "ne", "startsWith", "contains"]): rng.choice(["Mouse", WORM, "V1", "n"])}},
        {"rowCount": {"table": rng.choice(["neuron", "synapse"]), "count": {rng.choice(["gt", "lte"]): rng.choice([0, 1, 5])}}},
        {"tables": {rng.choice(["hasAll", "hasAny"]): rng.sample(["neuron", "synapse", "neuron_relation"], rng.randint(0, 2))}},
        {"wildType": rng.choice([True, False])},
        {},
    ]  # fmt: skip
    if depth > 3 or rng.random() < 0.4:
        return rng.choice(leaves)
    name = rng.choice(["and", "or", "not"])
    if name == "not":
        return {"not": random_filter(rng, depth + 1)}
    return {name: [random_filter(rng, depth + 1) for _ in range(rng.randint(0, 3))]}


def test_and_or_and_not_are_intersection_union_and_complement(client):
    index = client.app.state.backend.catalog.index
    rng = random.Random(5)

    def found(filter_):
        return {dataset.id for dataset in search_datasets(index, filter_)}

    everything = found(None)
    for _ in range(300):
        parts = [random_filter(rng) for _ in range(3)]
        sets = [found(part) for part in parts]
        assert found({"and": parts}) == reduce(set.intersection, sets)
        assert found({"or": parts}) == reduce(set.union, sets)
        assert found({"not": parts[0]}) == everything - sets[0]
        merged = {**parts[0], "not": parts[1]} if "not" not in parts[0] else {"and": [parts[0], {"not": parts[1]}]}
        assert found(merged) == sets[0] - sets[1]
        assert [dataset.id for dataset in search_datasets(index, parts[0])] == [
            dataset.id for dataset in index.datasets if dataset.id in sets[0]
        ]


def test_a_filter_within_its_bounds_is_quick_and_one_beyond_is_refused(client):
    catalog = client.app.state.backend.catalog
    index = DatasetIndex(list(catalog.datasets) * 300, catalog.index.vocabularies)
    wide = {"or": [{"label": {"in": [f"{number} {value}" for value in range(1000)]}} for number in range(190)]}
    assert search_datasets(index, wide) == []
    with pytest.raises(BadInput, match=r"may have 200 conditions, this one has 201"):
        search_datasets(index, {"or": [{"wildType": True}] * 201})
