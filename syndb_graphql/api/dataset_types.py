"""The type of a data set and of what describes it: regions, mutations, sample, licence, tables with what was observed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from strawberry.types.field import StrawberryField

from syndb_graphql.api.build import Argument, Type, list_of, make_enum, make_field, make_input, make_type
from syndb_graphql.api.connections import PAGE_ARGUMENTS, connect_table
from syndb_graphql.api.ids import encode_id
from syndb_graphql.api.metric_types import MetricTypes
from syndb_graphql.api.row_fields import Box, Point, read_row, to_unit
from syndb_graphql.api.scalars import URL, UUID, Count, DateTime
from syndb_graphql.api.sources import ConnectionSource, RowSource
from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.catalog.records import BrainRegion, ColumnSummary, GeneMutation, Sample
from syndb_graphql.errors import BadInput
from syndb_graphql.spec.identity import derive_cid
from syndb_graphql.spec.model import Column, Table, VocabularyTerm

MAX_SOURCE_ID = 1000


@dataclass(frozen=True, slots=True)
class DatasetTable:
    dataset: Dataset
    table: Table


@dataclass(frozen=True, slots=True)
class DatasetColumn:
    column: Column
    summary: ColumnSummary | None


def add_model_types(types: dict[str, Type]) -> None:
    """`Table` and `Column`: the data describe themselves."""
    kinds = {
        "FLOAT": ("float", "A number."),
        "INT": ("int", "A whole number of 32 bits."),
        "BIGINT": ("bigint", "A whole number of 64 bits, as text."),
        "TEXT": ("text", "Text."),
        "BOOLEAN": ("boolean", "True or false."),
        "UUID": ("uuid", "A UUID."),
    }
    types["ColumnType"] = make_enum("ColumnType", kinds, "What a column holds.")
    term = types["Term"] | None
    column = {
        "name": make_field(lambda column, _: column.name, str, "Name in files and in the store."),
        "field": make_field(
            lambda column, _: column.selection, str, "How to select it below its row, such as `centroid { x }`."
        ),
        "type": make_field(
            lambda column, _: types["ColumnType"](column.type.name), types["ColumnType"], "What it holds."
        ),
        "unit": make_field(
            lambda column, _: column.unit, str | None, "Unit as stored: nm, nm2, nm3 or nm-1; null for plain numbers."
        ),
        "comparable": make_field(
            lambda column, _: column.comparable,
            bool,
            "False where values of two data sets must not be compared, such as scores.",
        ),
        "description": make_field(lambda column, _: column.description, str, "What it is."),
        "example": make_field(lambda column, _: column.example or None, str | None, "A plausible value."),
        "term": make_field(lambda column, _: _ontology(column.ontology), term, "What it is in an ontology."),
        "vocabulary": make_field(
            lambda column, _: types["VocabularyName"](column.vocabulary) if column.vocabulary else None,
            types["VocabularyName"] | None,
            "The vocabulary its text comes from.",
        ),
        "nullable": make_field(
            lambda column, _: column.nullable, bool, "Whether it may be missing. Null is not measured, never 0."
        ),
    }
    types["Column"] = make_type("Column", column, "A column of a table.")
    table_names = list_of(types["TableName"])
    table = {
        "name": make_field(lambda table, _: types["TableName"](table.name), types["TableName"], "The table."),
        "typeName": make_field(lambda table, _: table.type_name, str, "Its type in the graph."),
        "field": make_field(lambda table, _: table.fields, str, "Its connection on a data set."),
        "description": make_field(lambda table, _: table.description, str, "What one row is."),
        "term": make_field(lambda table, _: _ontology(table.ontology), term, "What one row is in an ontology."),
        "parents": make_field(
            lambda table, _: [types["TableName"](name) for name in table.parents],
            table_names,
            "Tables its parent may lie in.",
        ),
        "columns": make_field(lambda table, _: table.shown_columns, list_of(types["Column"]), "Its columns, in order."),
    }
    types["Table"] = make_type("Table", table, "A table of the data model: one kind of structure.")


def add_dataset_types(types: dict[str, Type], metrics: MetricTypes) -> None:
    _add_parts(types, metrics)
    _add_observations(types)
    terms = metrics.model.vocabularies

    def find(vocabulary: str, name: str | None) -> VocabularyTerm | None:
        if name is None:
            return None
        # A record may be older than the vocabulary: its word stays.
        return terms[vocabulary].get(name) or VocabularyTerm(vocabulary, name)

    record: dict[str, tuple[Any, Type, str]] = {
        "uuid": (lambda dataset, _: dataset.id, UUID, "The id people cite."),
        "label": (lambda dataset, _: dataset.record.label, str, "Its title."),
        "version": (lambda dataset, _: dataset.head.version, int, "Number of the version of its rows."),
        "revision": (lambda dataset, _: dataset.head.revision, int, "Number of the revision of its metadata."),
        "animal": (lambda dataset, _: find("animal", dataset.record.animal), types["Term"], "The species."),
        "brainRegions": (lambda dataset, _: dataset.record.brain_regions, list_of(types["BrainRegion"]), "Where in the nervous system."),
        "mutations": (
            lambda dataset, _: dataset.record.mutations, list_of(types["GeneMutation"]), "What was changed in the genome, lines included.",
        ),
        "wildType": (lambda dataset, _: dataset.record.wild_type, bool | None, "Whether the animals were wild type; null where nobody said."),
        "microscopy": (lambda dataset, _: find("microscopy", dataset.record.microscopy), types["Term"], "How it was imaged."),
        "sample": (lambda dataset, _: dataset.record.sample, types["Sample"] | None, "The animals and what was done to the tissue."),
        "publications": (lambda dataset, _: dataset.record.publications, list_of(types["Publication"]), "Where it was published."),
        "license": (lambda dataset, _: find("license", dataset.record.license), types["License"], "What one may do with it."),
        "notes": (lambda dataset, _: dataset.record.notes, str | None, "The contributor's notes, in Markdown."),
        "rowCount": (lambda dataset, _: dataset.row_count, Count, "Rows of all tables together."),
        "createdAt": (lambda dataset, _: dataset.record.created_at, DateTime, "When it was first loaded."),
        "updatedAt": (lambda dataset, _: dataset.record.updated_at, DateTime, "When its metadata last changed."),
        "publishedAt": (lambda dataset, _: dataset.version.published_at, DateTime | None, "When this version of its rows was published."),
        "tables": (
            lambda dataset, _: [DatasetTable(dataset, table) for table in metrics.model.tables.values() if dataset.count_rows(table.name)],
            list_of(types["DatasetTable"]),
            "The tables it has rows in.",
        ),
    }  # fmt: skip
    fields = {
        "id": make_field(lambda dataset, _: encode_id("Dataset", dataset.id), strawberry.ID, "Opaque and global.")
    }
    fields |= {name: make_field(resolve, returns, words) for name, (resolve, returns, words) in record.items()}
    for table in metrics.model.tables.values():
        fields |= _table_fields(table, metrics)
    types["Dataset"] = make_type(
        "Dataset",
        fields,
        "What one laboratory measured in one way: one species, one genotype, one method.",
        interfaces=[types["Node"]],
        is_type_of=lambda source: isinstance(source, Dataset),
    )


def _table_fields(table: Table, metrics: MetricTypes) -> dict[str, StrawberryField]:
    types = metrics.types

    connect, look_up = TableRows(table, metrics.columns[table.name]), LookedUpRow(table, metrics.columns[table.name])
    by = Argument(types["RowBy"], "Its cid, or the contributor's id.")
    return {
        table.fields: make_field(
            connect,
            types[f"{table.type_name}Connection"] | None,
            f"Its {table.fields}, ordered by cid.",
            PAGE_ARGUMENTS,
        ),
        table.field: make_field(
            look_up, types[table.type_name] | None, f"One {table.field}; null where there is none.", {"by": by}
        ),
    }


@dataclass(frozen=True, slots=True)
class TableRows:
    """All rows of a table of a data set."""

    table: Table
    columns: Mapping[str, tuple[str, ...]]

    def __call__(self, dataset: Dataset, info: strawberry.Info, **given: Any) -> ConnectionSource:
        return connect_table(self.table, self.columns, dataset, info, given)


@dataclass(frozen=True, slots=True)
class LookedUpRow:
    """One row of a table of a data set, by its cid or the contributor's id."""

    table: Table
    columns: Mapping[str, tuple[str, ...]]

    async def __call__(self, dataset: Dataset, info: strawberry.Info, by: Mapping[str, Any]) -> RowSource | None:
        return await read_row(self.table, self.columns, dataset, self.cid(dataset, by), info)

    def cid(self, dataset: Dataset, by: Mapping[str, Any]) -> bytes:
        if "cid" in by:
            return bytes(by["cid"])
        source_id = by["sourceId"]
        if len(source_id) > MAX_SOURCE_ID:
            raise BadInput(f"`sourceId` has at most {MAX_SOURCE_ID:,} characters, this one {len(source_id):,}.")
        return derive_cid(dataset.id, self.table.name, source_id)


def add_row_by(types: dict[str, Type]) -> None:
    fields = {
        "cid": Argument(UUID | None, "The row's cid."),
        "sourceId": Argument(str | None, "The contributor's own id."),
    }
    types["RowBy"] = make_input("RowBy", fields, "How a row is known: exactly one of these.", one_of=True)


def _add_parts(types: dict[str, Type], metrics: MetricTypes) -> None:
    terms = metrics.model.vocabularies
    region = {
        "structure": make_field(_term_of(terms, "brain_structure", "structure"), types["Term"], "The structure."),
        "direction": make_field(_term_of(terms, "direction", "direction"), types["Term"] | None, "Which side of it."),
    }
    types["BrainRegion"] = make_type("BrainRegion", region, "A place in the nervous system.")
    roles = {
        "MUTATION": ("mutation", "A mutation that is studied."),
        "DRIVER": ("driver", "A driver line."),
        "REPORTER": ("reporter", "A reporter line."),
    }
    types["MutationRole"] = make_enum("MutationRole", roles, "What a change of the genome is for.")
    mutation = {
        "gene": make_field(lambda mutation, _: mutation.gene, str, "Symbol of the gene."),
        "expression": make_field(_term_of(terms, "expression", "expression"), types["Term"], "What was done to it."),
        "allele": make_field(lambda mutation, _: mutation.allele, str | None, "Name of the allele or line."),
        "rrid": make_field(lambda mutation, _: mutation.rrid, str | None, "Research resource identifier of the line."),
        "role": make_field(
            lambda mutation, _: types["MutationRole"](mutation.role), types["MutationRole"], "What it is for."
        ),
    }
    types["GeneMutation"] = make_type("GeneMutation", mutation, "A change of the genome.")
    publication = {
        "id": make_field(lambda doi, _: encode_id("Publication", doi.encode()), strawberry.ID, "Opaque and global."),
        "doi": make_field(lambda doi, _: doi, str, "Its DOI in bare form."),
        "url": make_field(lambda doi, _: f"https://doi.org/{doi}", URL, "Where it is found."),
    }
    types["Publication"] = make_type(
        "Publication",
        publication,
        "A publication.",
        interfaces=[types["Node"]],
        is_type_of=lambda source: isinstance(source, str),
    )
    license_ = {
        "spdxId": make_field(lambda term, _: term.name, str, "Its SPDX identifier."),
        "name": make_field(lambda term, _: term.description or term.name, str, "Its full name."),
        "url": make_field(lambda term, _: term.url or f"https://spdx.org/licenses/{term.name}", URL, "Its text."),
    }
    types["License"] = make_type("License", license_, "A licence.")
    types["Sample"] = make_type(
        "Sample", _sample_fields(types), "The animals and the tissue; whatever is unknown is null."
    )


def _term_of(terms: Mapping[str, Mapping[str, VocabularyTerm]], vocabulary: str, attribute: str) -> Any:
    def resolve(source: BrainRegion | GeneMutation, _info: strawberry.Info) -> VocabularyTerm | None:
        name = getattr(source, attribute)
        return None if name is None else terms[vocabulary].get(name) or VocabularyTerm(vocabulary, name)

    return resolve


def _sample_fields(types: dict[str, Type]) -> dict[str, StrawberryField]:
    unit = {"unit": Argument(types["LengthUnit"] | None, "The unit of the answer.", types["LengthUnit"].NANOMETER)}
    plain = {
        "individuals": (int, "Animals."),
        "individualId": (str, "Which animal; the same in several data sets where it is the same one."),
        "sex": (str, "Sex."),
        "age": (float, "Age, in `ageUnit`."),
        "ageUnit": (str, "Unit of the age."),
        "stage": (str, "Developmental stage."),
        "strain": (str, "Strain."),
        "strainRrid": (str, "Research resource identifier of the strain."),
        "hemisphere": (str, "Side of the brain."),
        "condition": (str, "Treatment or condition."),
        "fixation": (str, "How the tissue was fixed."),
        "shrinkage": (str, "none, corrected or unknown."),
        "segmentation": (str, "Method and version of the segmentation."),
        "proofreading": (str, "How far it was proofread."),
        "synapseDetection": (str, "How synapses were detected."),
        "detectionThreshold": (float, "Threshold of the detection."),
        "completeness": (float, "Share of what is there that was found."),
        "sampling": (str, "dense, targeted or random."),
        "inclusion": (str, "What was included."),
    }
    from_record = {"individualId": "individual_id", "ageUnit": "age_unit", "strainRrid": "strain_rrid",
                   "synapseDetection": "synapse_detection", "detectionThreshold": "detection_threshold"}  # fmt: skip
    fields = {
        name: make_field(_sample_value(from_record.get(name, name)), type_ | None, words)
        for name, (type_, words) in plain.items()
    }
    fields["voxelSize"] = make_field(_voxel_size, types["Point"] | None, "Size of a voxel in nm.")
    fields["sectionThickness"] = make_field(
        lambda sample, _, unit: to_unit(sample.section_thickness_nm, 1, unit),
        float | None,
        "Thickness of a section.",
        unit,
    )
    fields["imagedBox"] = make_field(_imaged_box, types["Box"] | None, "The box that was imaged.", unit)
    return fields


def _sample_value(attribute: str) -> Any:
    return lambda sample, _: getattr(sample, attribute)


def _voxel_size(sample: Sample, _info: strawberry.Info) -> Point | None:
    return Point(*sample.voxel_size_nm) if sample.voxel_size_nm else None


def _imaged_box(sample: Sample, _info: strawberry.Info, unit: str | None) -> Box | None:
    if sample.imaged_box_nm is None:
        return None
    scale = 1000 if unit == "um" else 1
    x0, y0, z0, x1, y1, z1 = (value / scale for value in sample.imaged_box_nm)
    return Box(Point(x0, y0, z0), Point(x1, y1, z1))


def _add_observations(types: dict[str, Type]) -> None:
    origins = {
        "GIVEN": ("given", "The contributor gave it."),
        "DERIVED": ("derived", "It was computed when the data set was loaded."),
        "MIXED": ("mixed", "Some values were given, others computed."),
        "ABSENT": ("absent", "No row has a value."),
    }
    types["ColumnOrigin"] = make_enum("ColumnOrigin", origins, "Where the values of a column are from.")
    numbers = {
        "unit": make_field(lambda source, _: source.column.unit, str | None, "Unit of the numbers."),
        "count": make_field(lambda source, _: source.summary.count, Count, "Values."),
        "nulls": make_field(lambda source, _: source.summary.nulls, Count, "Rows without a value."),
        "min": make_field(lambda source, _: source.summary.minimum, float | None, "Smallest value."),
        "max": make_field(lambda source, _: source.summary.maximum, float | None, "Largest value."),
    }
    types["NumberStats"] = make_type("NumberStats", numbers, "What was observed of a column of numbers.")
    column = {
        "column": make_field(lambda source, _: source.column, types["Column"], "The column."),
        "origin": make_field(
            lambda source, _: types["ColumnOrigin"](source.summary.origin if source.summary else "absent"), types["ColumnOrigin"],
            "Where its values are from.",
        ),
        "numbers": make_field(
            lambda source, _: source if source.summary and source.column.type.python in (int, float) else None,
            types["NumberStats"] | None, "Observed range; null for columns that are no numbers.",
        ),
    }  # fmt: skip
    types["DatasetColumn"] = make_type("DatasetColumn", column, "A column as it is in one data set.")
    table = {
        "table": make_field(lambda source, _: source.table, types["Table"], "The table."),
        "rowCount": make_field(
            lambda source, _: source.dataset.count_rows(source.table.name), Count, "Its rows in this data set."
        ),
        "columns": make_field(_dataset_columns, list_of(types["DatasetColumn"]), "Its columns and what was observed."),
    }
    types["DatasetTable"] = make_type("DatasetTable", table, "A table as it is in one data set.")


def _dataset_columns(source: DatasetTable, _info: strawberry.Info) -> list[DatasetColumn]:
    summaries = source.dataset.version.tables[source.table.name].columns
    return [DatasetColumn(column, summaries.get(column.name)) for column in source.table.shown_columns]


def _ontology(term: Any) -> VocabularyTerm | None:
    return VocabularyTerm("", term.name, term.curie) if term else None
