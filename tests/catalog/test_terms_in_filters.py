"""Animals, structures, mutations and methods are found by whatever they are called, with what is part of them."""

import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest

from bench.synthetic.metadata import Metadata
from syndb_graphql.catalog.catalog import Dataset, make_dataset
from syndb_graphql.catalog.filters import match_datasets, search_datasets
from syndb_graphql.catalog.index import DatasetIndex
from syndb_graphql.catalog.records import BrainRegion, DatasetRecord, GeneMutation, VersionRecord, encode_record
from syndb_graphql.catalog.vocabulary import build_vocabularies
from syndb_graphql.errors import BadInput
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.protocol import Head
from tests.catalog.test_filters import ALL, FLY, MICE, NR5A1, PVALB, RORB, SCNN1A, WORM, kept

MODEL = load_default_model()
VOCABULARIES = build_vocabularies(MODEL)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("filter_", "labels"),
    [
        ({"animal": {"in": ["mouse"]}}, MICE),
        ({"animal": {"in": ["MUS musculus"]}}, MICE),
        ({"animal": {"in": ["NCBITaxon:10090"]}}, MICE),
        ({"animal": {"in": ["mammals"]}}, MICE),
        ({"animal": {"in": ["mammals"], "includeParts": False}}, []),
        ({"animal": {"in": ["mouse"], "includeParts": False}}, MICE),
        ({"animal": {"in": ["worm", "insects"]}}, [WORM, FLY]),
        ({"animal": {"in": []}}, []),
        ({"not": {"animal": {"in": ["vertebrates"]}}}, [WORM, FLY]),
        ({"brainRegions": {"structure": {"in": ["VISp"]}}}, MICE),
        ({"brainRegions": {"structure": {"in": ["isocortex"]}}}, MICE),
        ({"brainRegions": {"structure": {"in": ["MBA:315"]}}}, MICE),
        ({"brainRegions": {"structure": {"in": ["occipital lobe"]}}}, MICE),
        ({"brainRegions": {"structure": {"in": ["cortex"], "includeParts": False}}}, []),
        ({"brainRegions": {"structure": {"in": ["brain"]}}}, [FLY, *MICE]),
        ({"brainRegions": {"structure": {"in": ["fly brain", "nervous system"]}}}, [WORM, FLY]),
        ({"brainRegions": {"direction": {"in": ["dorsal"]}}}, []),
        ({"not": {"brainRegions": {"direction": {"in": ["dorsal"]}}}}, ALL),
        ({"brainRegions": {}}, ALL),
        ({"brainRegions": {"structure": None, "direction": None}}, ALL),
        ({"mutations": {"gene": {"eq": "Pvalb"}}}, [PVALB]),
        ({"mutations": {"gene": {"startsWith": "Gt("}}}, MICE),
        ({"mutations": {"expression": {"in": ["KI"]}}}, MICE),
        ({"mutations": {"expression": {"in": ["transgene"]}}}, [NR5A1, SCNN1A]),
        # Each of the four has a knock-in, of ROSA26; of its own gene only two have one.
        ({"mutations": {"gene": {"eq": "Nr5a1"}, "expression": {"in": ["knock-in"]}}}, []),
        ({"mutations": {"gene": {"in": ["Nr5a1", "Rorb"]}, "expression": {"in": ["knock-in"]}}}, [RORB]),
        ({"mutations": {"gene": {"isNull": False}}}, MICE),
        ({"not": {"mutations": {"gene": {"isNull": False}}}}, [WORM, FLY]),
        ({"mutations": {"gene": {"isNull": True}}}, []),
        ({"mutations": {"gene": {}, "expression": None}}, ALL),
        ({"microscopy": {"in": ["EM"]}}, [WORM, FLY]),
        ({"microscopy": {"in": ["FIBSEM", "LM"]}}, [FLY, *MICE]),
        ({"microscopy": {"in": ["electron microscopy"], "includeParts": False}}, []),
        ({"license": ["cc by 4.0"]}, [FLY]),
        ({"license": ["Creative Commons Attribution", "mit"]}, [WORM, FLY]),
        ({"doi": ["www.doi.org/10.7554%2FeLife.57443", "10.1000/none"]}, [FLY]),
    ],
    ids=str,
)  # fmt: skip
async def test_a_filter_of_terms_keeps(client, filter_, labels):
    assert await kept(client, filter_) == labels


@pytest.mark.parametrize(
    ("filter_", "words"),
    [
        ('{animal: {in: ["moose"]}}', "'moose' is no known animal. Did you mean 'mouse'?"),
        ('{brainRegions: {structure: {in: ["hipocampus"]}}}', "Did you mean 'hippocampus'?"),
        ('{brainRegions: {direction: {in: ["dorsl"]}}}', "'dorsl' is no known direction. Did you mean 'dorsal'?"),
        ('{mutations: {expression: {in: ["knockot"]}}}', "Did you mean 'knockout'?"),
        ('{or: [{label: {eq: "x"}}, {not: {microscopy: {in: ["FIB-SME"]}}}]}', "no known microscopy. Did you mean 'FIB-SEM'?"),
        ('{license: ["CC-BY-5.0"]}', "'CC-BY-5.0' is no known license. Did you mean 'CC-BY-4.0'?"),
        ('{doi: ["elife.57443"]}', "'elife.57443' is no DOI. Write it as 10.7554/eLife.57443."),
    ],
)  # fmt: skip
async def test_an_unknown_term_is_an_error_that_names_the_nearest(client, filter_, words):
    error = await client.fail(f"{{ datasets(filter: {filter_}) {{ totalCount }} }}")
    assert error["code"] == "BAD_USER_INPUT"
    assert words in error["message"]


async def test_a_filter_nested_too_deep_is_refused_and_told_so(client):
    filter_ = "{}"
    for _ in range(10):
        filter_ = f"{{not: {filter_}}}"
    error = await client.fail(f"{{ datasets(filter: {filter_}) {{ totalCount }} }}")
    assert error["message"] == "A filter of data sets may be nested 10 deep, this one is deeper."


# ── Every term ──
def index_of(*records: DatasetRecord) -> DatasetIndex:
    version = encode_record(
        VersionRecord(number=1, fingerprint="", metadata_fingerprint="", published_at=NOW, tables={})
    )
    made = [make_dataset(Head(record.uuid.bytes, 1, 1, 1), encode_record(record), version) for record in records]
    return DatasetIndex(made, VOCABULARIES)


def record(label: str, **facts) -> DatasetRecord:
    known = {
        "animal": "Mus musculus", "microscopy": "FIB-SEM", "license": "MIT",
        "brain_regions": (BrainRegion(structure="CA1"),), "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return DatasetRecord(uuid=uuid5(NAMESPACE_URL, label), label=label, owner="", **(known | facts))


def labels(datasets: list[Dataset]) -> set[str]:
    return {dataset.record.label for dataset in datasets}


FILTERS = {
    "animal": (lambda term: {"animal": term}, lambda name: {"animal": name}),
    "microscopy": (lambda term: {"microscopy": term}, lambda name: {"microscopy": name}),
    "brain_structure": (
        lambda term: {"brainRegions": {"structure": term}},
        lambda name: {"brain_regions": (BrainRegion(structure=name),)},
    ),
    "direction": (
        lambda term: {"brainRegions": {"direction": term}},
        lambda name: {"brain_regions": (BrainRegion(structure="CA1", direction=name),)},
    ),
    "expression": (
        lambda term: {"mutations": {"expression": term}},
        lambda name: {"mutations": (GeneMutation(gene="Fmr1", expression=name),)},
    ),
}


@pytest.mark.parametrize("vocabulary", FILTERS)
def test_each_term_is_found_by_each_of_its_names_and_under_each_of_its_parents(vocabulary):
    """One data set for each term. What lies below is read from the files, not asked of the product."""
    asked, described = FILTERS[vocabulary]
    path = Path(__file__).parents[2] / "schema" / "vocabularies" / f"{vocabulary}.toml"
    terms = tomllib.loads(path.read_text("utf-8"))["terms"]
    index = index_of(*(record(term["name"], **described(term["name"])) for term in terms))
    parents = {term["name"]: term.get("broader", []) for term in terms}
    below = {name: {name} for name in parents}
    for name in parents:
        above = [*parents[name]]
        while above:
            parent = above.pop()
            below[parent].add(name)
            above += parents[parent]
    for term in terms:
        name = term["name"]
        assert labels(search_datasets(index, asked({"in": [name]}))) == below[name]
        for word in [name, *term.get("synonyms", []), *([term["curie"]] if "curie" in term else [])]:
            for written in (word, word.upper(), f" {word.replace(' ', '_')} "):
                found = search_datasets(index, asked({"in": [written], "includeParts": False}))
                assert labels(found) == {name}, written
        assert index.count_term(vocabulary, name) == len(below[name])


def test_both_parts_of_a_region_are_of_one_and_the_same():
    index = index_of(
        record("one", brain_regions=(BrainRegion(structure="CA1", direction="dorsal"), BrainRegion(structure="CA3"))),
        record("other", brain_regions=(BrainRegion(structure="CA3", direction="dorsal lateral"), BrainRegion(structure="CA1"))),
    )  # fmt: skip
    both = {"structure": {"in": ["CA1"]}, "direction": {"in": ["dorsal"]}}
    assert labels(search_datasets(index, {"brainRegions": both})) == {"one"}
    apart = {"and": [{"brainRegions": {part: wanted}} for part, wanted in both.items()]}
    assert labels(search_datasets(index, apart)) == {"one", "other"}, "a kind of dorsal counts as dorsal"
    hippocampal = {"structure": {"in": ["hippocampus"]}, "direction": {"in": ["dorsal"]}}
    assert labels(search_datasets(index, {"brainRegions": hippocampal})) == {"one", "other"}


def test_a_record_older_than_the_vocabulary_is_found_by_its_own_word():
    index = index_of(record("old", microscopy="camera lucida", license="LicenseRef-old"), record("new"))
    assert labels(search_datasets(index, {"microscopy": {"in": ["camera lucida"]}})) == {"old"}
    assert labels(search_datasets(index, {"license": ["LicenseRef-old", "MIT"]})) == {"old", "new"}
    with pytest.raises(BadInput, match="no known license"):
        search_datasets(index, {"license": ["LicenseRef-other"]})


def test_no_data_sets_are_no_trouble():
    index = index_of()
    assert search_datasets(index, {"not": {"animal": {"in": ["mouse"]}, "notes": {"contains": "x"}}}) == []


# ── What it costs ──
def test_a_filter_of_thousands_costs_no_more_than_plain_python():
    few = [make_dataset(Head(made.uuid.bytes, 1, 1, 1), encode_record(made), encode_record(version))
           for made, version in Metadata(MODEL, 250)]  # fmt: skip
    index = DatasetIndex(few * 20, VOCABULARIES)
    filter_ = {
        "animal": {"in": ["mouse"]}, "brainRegions": {"structure": {"in": ["cerebral cortex"]}}, "wildType": True,
        "tables": {"hasAll": ["dendritic_spine", "synapse"]}, "rowCount": {"table": "neuron", "count": {"gte": 100}},
        "or": [{"license": ["CC-BY-4.0"]}, {"not": {"microscopy": {"in": ["LM"]}}}],
    }  # fmt: skip
    cortex, light = VOCABULARIES["brain_structure"].narrower("cerebral cortex"), VOCABULARIES["microscopy"].narrower("light microscopy")  # fmt: skip

    def by_hand() -> list[Dataset]:
        return [
            dataset for dataset in index.datasets
            if dataset.record.animal == "Mus musculus"
            and any(region.structure in cortex for region in dataset.record.brain_regions)
            and dataset.record.wild_type is True
            and "dendritic_spine" in dataset.rows and "synapse" in dataset.rows
            and dataset.rows.get("neuron", 0) >= 100
            and (dataset.record.license == "CC-BY-4.0" or dataset.record.microscopy not in light)
        ]  # fmt: skip

    assert index.pick(match_datasets(index, filter_)) == by_hand()
    ours = min(_processor_time(lambda: index.pick(match_datasets(index, filter_))) for _ in range(15))
    plain = min(_processor_time(by_hand) for _ in range(15))
    assert ours <= 1.5 * plain, f"{ours * 1e3:.2f} ms against {plain * 1e3:.2f} ms by hand"


def _processor_time(work) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
