"""What SynDB's own search says is said here one to one.

There, `include` and `exclude` are filters of the same form: fields of lists. A data set fits a filter if it fits every field
that is given (AND), a field if it has one of its values (OR); a list of tables fits by overlap; a region or a mutation by
the parts that are given. Found is what fits `include` and does not fit `exclude`. Taxa are exact: SynDB knows no parts.
Its filters by owner, group and collection have nothing to filter here yet.
"""

from random import Random
from typing import Any

import pytest

from bench.synthetic.metadata import GENES, Metadata
from syndb_graphql.catalog.catalog import make_dataset
from syndb_graphql.catalog.filters import search_datasets
from syndb_graphql.catalog.index import DatasetIndex
from syndb_graphql.catalog.records import DatasetRecord, VersionRecord, encode_record
from syndb_graphql.catalog.vocabulary import build_vocabularies
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.protocol import Head

MODEL = load_default_model()
RECORDS = list(Metadata(MODEL, 150))

Syndb = dict[str, list[Any]]


# ── The table ──
def _exact(values: list[str]) -> dict[str, Any]:
    return {"in": values, "includeParts": False}


def _region(part: dict[str, str]) -> dict[str, Any]:
    return {"brainRegions": {name: _exact([value]) for name, value in part.items()}}


def _mutation(part: dict[str, str]) -> dict[str, Any]:
    gene = {"gene": {"eq": part["gene"]}} if "gene" in part else {}
    return {"mutations": gene | ({"expression": _exact([part["expression"]])} if "expression" in part else {})}


TABLE = {
    # SynDB's field           DatasetFilter
    "publication_dois":      lambda values: {"doi": values},
    "syndb_tables":          lambda values: {"tables": {"hasAny": values}},
    "data_licenses":         lambda values: {"license": values},
    "animals_species":       lambda values: {"animal": _exact(values)},
    "animal_cultural_names": lambda values: {"animal": _exact(values)},
    "microscopy_names":      lambda values: {"microscopy": _exact(values)},
    "brain_regions":         lambda values: {"or": [_region(value) for value in values]},
    "mutations":             lambda values: {"or": [_mutation(value) for value in values]},
}  # fmt: skip


def translate(include: Syndb, exclude: Syndb | None = None) -> dict[str, Any]:
    fits = [TABLE[name](values) for name, values in include.items()]
    if exclude:
        fits.append({"not": {"and": [TABLE[name](values) for name, values in exclude.items()]}})
    return {"and": fits}


# ── SynDB's rules, by hand ──
SPECIES = {"MOUSE": "Mus musculus", "RAT": "Rattus norvegicus", "FRUIT_FLY": "Drosophila melanogaster",
           "NEMATODE_WORM": "Caenorhabditis elegans"}  # fmt: skip
LICENSES = {"CC0": "CC0-1.0", "CC-BY": "CC-BY-4.0", "ODC-BY": "ODC-By-1.0", "ODbL": "ODbL-1.0"}


def fits(wanted: Syndb, record: DatasetRecord, version: VersionRecord) -> bool:
    has = {
        "publication_dois": set(record.publications),
        "syndb_tables": {name for name, table in version.tables.items() if table.rows},
        "data_licenses": {name for name, known in LICENSES.items() if known == record.license},
        "animals_species": {record.animal},
        "animal_cultural_names": {name for name, known in SPECIES.items() if known == record.animal},
        "microscopy_names": {record.microscopy},
    }
    parts = {
        "brain_regions": [
            {"structure": region.structure, "direction": region.direction} for region in record.brain_regions
        ],
        "mutations": [{"gene": change.gene, "expression": change.expression} for change in record.mutations],
    }
    return all(
        any(value.items() <= part.items() for value in values for part in parts[name])
        if name in parts
        else not has[name].isdisjoint(values)
        for name, values in wanted.items()
    )


def random_search(chance: Random) -> Syndb:
    records = [record for record, _ in RECORDS]
    regions = [region for record in records for region in record.brain_regions]
    pools: dict[str, list[Any]] = {
        "publication_dois": [doi for record in records for doi in record.publications],
        "syndb_tables": list(MODEL.tables),
        "data_licenses": list(LICENSES),
        "animals_species": [record.animal for record in records],
        "animal_cultural_names": list(SPECIES),
        "microscopy_names": [record.microscopy for record in records],
        "brain_regions": [
            *({"structure": region.structure} for region in regions),
            *({"direction": region.direction} for region in regions if region.direction),
            *({"structure": region.structure, "direction": region.direction} for region in regions if region.direction),
        ],
        "mutations": [
            *({"gene": gene} for gene in GENES),
            *({"expression": name} for name in MODEL.vocabularies["expression"]),
            *({"gene": gene, "expression": name} for gene in GENES[:6] for name in MODEL.vocabularies["expression"]),
        ],
    }
    names = chance.sample(sorted(pools), chance.randint(1, 3))
    return {name: chance.choices(pools[name], k=chance.randint(1, 12)) for name in names}


@pytest.fixture(scope="module")
def index() -> DatasetIndex:
    made = [make_dataset(Head(record.uuid.bytes, 1, 1, 1), encode_record(record), encode_record(version))
            for record, version in RECORDS]  # fmt: skip
    return DatasetIndex(made, build_vocabularies(MODEL))


def test_every_search_of_syndb_finds_the_same_here(index):
    chance, kept = Random(7), 0
    for _ in range(400):
        include, exclude = random_search(chance), random_search(chance) if chance.random() < 0.6 else None
        expected = [
            record.label
            for record, version in RECORDS
            if fits(include, record, version) and not (exclude and fits(exclude, record, version))
        ]
        found = search_datasets(index, translate(include, exclude))
        assert [dataset.record.label for dataset in found] == expected, (include, exclude)
        kept += bool(expected)
    assert kept > 100, "most of the searches find nothing: they compare little"


async def test_a_search_of_syndb_through_the_graph(client):
    query = "query($filter: DatasetFilter) { datasets(filter: $filter) { nodes { label } } }"
    searched = translate(
        {"animal_cultural_names": ["MOUSE", "FRUIT_FLY"], "syndb_tables": ["NEURON", "SYNAPSE"]},
        {"mutations": [{"gene": "Pvalb"}, {"expression": "transgenic"}], "animals_species": ["Mus musculus"]},
    )
    found = (await client.ask(query, {"filter": searched}))["datasets"]["nodes"]
    assert [node["label"] for node in found] == ["Hemibrain DA1 projection neurons", "Mouse V1 Rorb neuron"]
