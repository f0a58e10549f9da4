"""Facets and histograms agree with counting by hand, whatever the filter; each field is counted without its own conditions."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bench.synthetic.metadata import GENES, Metadata
from syndb_graphql.catalog.records import DatasetRecord, VersionRecord
from syndb_graphql.spec.load import load_default_model
from tests.catalog.plain import PlainFilter

MODEL = load_default_model()
PLAIN = PlainFilter(MODEL)
RECORDS = list(Metadata(MODEL, 150))
QUERY = """query($filter: DatasetFilter, $by: [DatasetField!]!, $first: Int, $table: TableName!, $bins: Int) {
  datasets(filter: $filter, first: 0) {
    totalCount
    facets(by: $by, first: $first) { by buckets { value count term { name } } missing otherCount }
    rowHistogram(table: $table, bins: $bins) { binEdges counts below above }
  }
}"""


def genotype(record: DatasetRecord, _version: VersionRecord) -> list[str]:
    names = sorted({f"{each.gene} {each.expression}" for each in record.mutations})
    return ["wild type"] if record.wild_type else ["; ".join(names)] if names else []


# What each field is called, which parts of a filter ask about it, and what a data set has of it.
FIELDS = {
    "DATASET": ({"uuid"}, lambda record, _: [str(record.uuid)]),
    "ANIMAL": ({"animal"}, lambda record, _: [record.animal]),
    "BRAIN_STRUCTURE": ({"brainRegions"}, lambda record, _: [each.structure for each in record.brain_regions]),
    "DIRECTION": ({"brainRegions"}, lambda record, _: [each.direction for each in record.brain_regions if each.direction]),
    "GENE": ({"mutations"}, lambda record, _: [each.gene for each in record.mutations]),
    "EXPRESSION": ({"mutations"}, lambda record, _: [each.expression for each in record.mutations]),
    "GENOTYPE": ({"wildType", "mutations"}, genotype),
    "MICROSCOPY": ({"microscopy"}, lambda record, _: [record.microscopy]),
    "LICENSE": ({"license"}, lambda record, _: [record.license]),
    "TABLE": ({"tables"}, lambda _, version: [name.upper() for name, table in version.tables.items() if table.rows]),
    "PUBLICATION": ({"doi"}, lambda record, _: record.publications),
    "YEAR": ({"publishedAt"}, lambda _, version: [str(version.published_at.year)]),
}  # fmt: skip


def asked_about(facts: dict) -> set[str]:
    names: set[str] = set()
    for name, wanted in facts.items():
        if name in ("and", "or"):
            names.update(*map(asked_about, wanted))
        else:
            names |= asked_about(wanted) if name == "not" else {name}
    return names


def without(facts: dict, own: set[str]) -> dict:
    """The filter without the conditions on a field alone."""
    kept: dict[str, Any] = {}
    for name, wanted in facts.items():
        if name == "and":
            kept[name] = [without(part, own) for part in wanted]
        elif not (about := asked_about({name: wanted})) or not about <= own:
            kept[name] = wanted
    return kept


LEAVES = st.one_of(
    st.sampled_from(["mouse", "Rodentia", "fly", "worm", "rat"]).map(lambda name: {"animal": {"in": [name]}}),
    st.sampled_from([each.structure for record, _ in RECORDS[:20] for each in record.brain_regions]).map(
        lambda name: {"brainRegions": {"structure": {"in": [name]}}}
    ),
    st.sampled_from(GENES).map(lambda gene: {"mutations": {"gene": {"eq": gene}}}),
    st.booleans().map(lambda wild: {"wildType": wild}),
    st.sampled_from([record.microscopy for record, _ in RECORDS[:9]]).map(lambda name: {"microscopy": {"in": [name]}}),
    st.sampled_from(["CC0-1.0", "CC-BY-4.0", "MIT"]).map(lambda name: {"license": [name]}),
    st.sampled_from(["SYNAPSE", "NEURON", "AXON"]).map(lambda name: {"tables": {"hasAny": [name]}}),
    st.sampled_from(["2016", "2020"]).map(lambda year: {"publishedAt": {"gte": f"{year}-01-01T00:00:00Z"}}),
    st.tuples(st.sampled_from(["SYNAPSE", "NEURON"]), st.sampled_from([10, 1000])).map(
        lambda pair: {"rowCount": {"table": pair[0], "count": {"gte": pair[1]}}}
    ),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"and": parts}),
        st.lists(inner, max_size=3).map(lambda parts: {"or": parts}),
        inner.map(lambda part: {"not": part}),
        st.lists(inner, min_size=1, max_size=4).map(
            lambda parts: {name: part[name] for part in parts for name in part}
        ),
    ),
    max_leaves=6,
)


@settings(
    max_examples=60, phases=[Phase.explicit, Phase.generate], derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(filter_=FILTERS, first=st.sampled_from([0, 1, 3, 200]), bins=st.sampled_from([1, 4, 20]))
async def test_counts_are_those_one_makes_by_hand(crowd, filter_, first, bins):
    variables = {"filter": filter_, "by": list(FIELDS), "first": first, "table": "SYNAPSE", "bins": bins}
    found = (await crowd.ask(QUERY, variables))["datasets"]
    assert found["totalCount"] == sum(PLAIN.keeps(filter_, *pair) for pair in RECORDS)
    for facet in found["facets"]:
        own, values_of = FIELDS[facet["by"]]
        kept = [pair for pair in RECORDS if PLAIN.keeps(without(filter_, own), *pair)]
        counts = Counter(value for pair in kept for value in set(values_of(*pair)))
        ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        assert [(bucket["value"], bucket["count"]) for bucket in facet["buckets"]] == ranked[:first], facet["by"]
        assert facet["otherCount"] == sum(count for _, count in ranked[first:])
        assert facet["missing"] == sum(not values_of(*pair) for pair in kept)
    assert not crowd.app.state.executor.unplanned


def count_rows(filter_: dict, table: str) -> list[int]:
    """Of the data sets the filter keeps, without its own conditions on the table's rows."""
    own = {name: part for name, part in filter_.items() if name != "rowCount" or part["table"] != table.upper()}
    kept = [version for record, version in RECORDS if PLAIN.keeps(own, record, version)]
    return [version.tables[table].rows if table in version.tables else 0 for version in kept]


@pytest.mark.parametrize(
    "filter_",
    [
        {},
        {"animal": {"in": ["mouse"]}},
        {"rowCount": {"table": "SYNAPSE", "count": {"gte": 1000}}},
        {"rowCount": {"table": "NEURON", "count": {"gte": 1000}}},
    ],
    ids=str,
)
@pytest.mark.parametrize("bins", [1, 7, 100])
async def test_a_histogram_counts_every_data_set_once(crowd, filter_, bins):
    variables = {"filter": filter_, "by": [], "table": "SYNAPSE", "bins": bins}
    found = (await crowd.ask(QUERY, variables))["datasets"]["rowHistogram"]
    rows = count_rows(filter_, "synapse")
    given = [count for count in rows if count]
    edges = found["binEdges"]
    assert len(edges) == bins + 1
    assert (edges[0], edges[-1]) == (min(given), max(given))
    assert edges == sorted(edges)
    expected = [sum(low <= count < high for count in given) for low, high in pairwise(edges)]
    expected[-1] += sum(count == edges[-1] for count in given)
    assert found["counts"] == expected
    assert (found["below"], found["above"]) == (rows.count(0), 0)


async def test_what_stands_alone_has_a_histogram_too(crowd, client):
    one = max((version.tables["synapse"].rows, record) for record, version in RECORDS if "synapse" in version.tables)
    query = "query($f: DatasetFilter) { datasets(filter: $f) { rowHistogram(table: SYNAPSE, bins: 3) { binEdges counts } } }"
    found = (await crowd.ask(query, {"f": {"uuid": {"eq": str(one[1].uuid)}}}))["datasets"]["rowHistogram"]
    assert found["binEdges"][0] == one[0]
    assert found["counts"] == [1, 0, 0]
    none = "{ datasets { rowHistogram(table: VESICLE) { counts } } }"
    assert (await client.ask(none))["datasets"]["rowHistogram"] is None


async def test_a_facet_shows_what_else_there_is_to_choose(client):
    query = """query($filter: DatasetFilter) { datasets(filter: $filter) { totalCount
      facets(by: [ANIMAL, TABLE]) { by buckets { value count term { name synonyms } } missing otherCount } } }"""
    found = (await client.ask(query, {"filter": {"animal": {"in": ["mouse"]}, "search": "skeletons"}}))["datasets"]
    assert found["totalCount"] == 4
    animals, tables = found["facets"]
    assert [(bucket["value"], bucket["count"]) for bucket in animals["buckets"]] == [
        ("Mus musculus", 4),
        ("Drosophila melanogaster", 1),
    ]
    assert "mouse" in animals["buckets"][0]["term"]["synonyms"]
    assert tables["buckets"] == [{"value": "NEURON", "count": 4, "term": None}]


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ("facets(by: [ANIMAL, YEAR, ANIMAL]) { missing }", "names ANIMAL twice"),
        ("facets(by: [ANIMAL], first: 201) { missing }", "may be 200 at most; it is 201"),
        ("facets(by: [ANIMAL], first: -1) { missing }", "must be 0 at least; it is -1"),
        ("facets(by: [COLOUR]) { missing }", "'COLOUR' does not exist"),
        ("rowHistogram(table: NEURON, bins: 0) { counts }", "must be 1 at least; it is 0"),
        ("rowHistogram(table: NEURON, bins: 101) { counts }", "may be 100 at most; it is 101"),
    ],
)
async def test_what_cannot_be_counted_is_refused(client, selection, words):
    assert words in (await client.fail("{ datasets { nodes { label } " + selection + " } }"))["message"]


async def test_null_means_the_default(client):
    query = "{ datasets { facets(by: [ANIMAL], first: null) { buckets { count } } rowHistogram(table: NEURON, bins: null) { counts } } }"
    found = (await client.ask(query))["datasets"]
    assert len(found["facets"][0]["buckets"]) == 3
    assert len(found["rowHistogram"]["counts"]) == 20
