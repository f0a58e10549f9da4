"""The entry points: data sets by filter or by what they are known by, anything by its id, the model, the server itself."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import strawberry

from syndb_graphql.api.build import Argument, Type, list_of, make_field, make_input, make_type
from syndb_graphql.api.context import Bounds, Context
from syndb_graphql.api.dataset_connection import add_dataset_connection, dataset_arguments, resolve_datasets
from syndb_graphql.api.ids import GlobalId, decode_id
from syndb_graphql.api.metric_types import MetricTypes
from syndb_graphql.api.row_fields import read_row
from syndb_graphql.api.scalars import UUID, format_uuid
from syndb_graphql.api.sources import FileSource, RowSource
from syndb_graphql.api.term_types import vocabulary_field
from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.errors import BadInput, LimitExceeded
from syndb_graphql.spec.model import Kind, OntologyTerm, Table, Term, VocabularyTerm

MAX_IDS = 1000
MAX_LISTED = 10
"""Data sets that an ambiguous label's error names."""


def add_query_type(types: dict[str, Type], metrics: MetricTypes, bounds: Bounds, version: str) -> None:
    add_dataset_connection(types, metrics.model.vocabularies)
    _add_server(types)
    nodes = Nodes(metrics)
    id_ = strawberry.ID
    fields = {
        "node": make_field(nodes.resolve_node, types["Node"] | None, "Anything by its id; null where there is none.",
            {"id": Argument(id_, "An `id`.")}),
        "nodes": make_field(
            nodes.resolve_nodes,
            list_of(types["Node"] | None),
            "Many at once, in the order of the ids, null where there is none.",
            {"ids": Argument(list_of(id_), f"At most {MAX_IDS:,} ids.")},
        ),
        "dataset": make_field(
            _resolve_dataset, types["Dataset"] | None, "One data set; null where there is none.",
            {"by": Argument(types["DatasetBy"], "Its uuid, or its label where only one data set has it.")},
        ),
        "datasets": make_field(
            resolve_datasets, types["DatasetConnection"] | None, "Data sets: filtered, searched, ordered and counted.",
            dataset_arguments(types),
        ),
        "tables": make_field(
            lambda _, __: list(metrics.model.tables.values()), list_of(types["Table"]), "The data model: every table and column, with its unit."
        ),
        "vocabulary": vocabulary_field(types),
        "server": make_field(lambda _, __: (bounds, version), types["Server"], "This server and its bounds."),
    }  # fmt: skip
    types["Query"] = make_type("Query", fields, "Where a question begins.")


def add_dataset_by(types: dict[str, Type]) -> None:
    fields = {
        "uuid": Argument(UUID | None, "The uuid people cite."),
        "label": Argument(str | None, "The label, exactly."),
    }
    types["DatasetBy"] = make_input("DatasetBy", fields, "How a data set is known: exactly one of these.", one_of=True)


def _add_server(types: dict[str, Type]) -> None:
    words = {
        "maxPageSize": ("max_page_size", "Most rows of one page."),
        "maxDatasetPageSize": ("max_dataset_page_size", "Most data sets of one page."),
        "defaultPageSize": ("default_page_size", "Rows of a page where neither `first` nor `last` is given."),
        "nestedPageSize": ("nested_page_size", "The same for a connection inside another one."),
        "maxDepth": ("max_depth", "Deepest nesting of fields."),
        "costLimit": ("cost_limit", "Most points a query may cost; a point is 100 rows asked for."),
    }
    fields = {"version": make_field(lambda source, _: source[1], str, "Version of the program.")}
    for name, (attribute, description) in words.items():
        fields[name] = make_field(_bound(attribute), int, description)
    types["Server"] = make_type("Server", fields, "This server and its bounds.")


def _bound(attribute: str) -> Any:
    return lambda source, _: getattr(source[0], attribute)


def _resolve_dataset(_root: Any, info: strawberry.Info, by: Mapping[str, Any]) -> Dataset | None:
    context: Context = info.context
    if "uuid" in by:
        return context.dataset(by["uuid"])
    label = by["label"]
    found = context.backend.catalog.labelled(label)
    if len(found) > 1:
        listed = ", ".join(format_uuid(dataset.id) for dataset in found[:MAX_LISTED])
        raise BadInput(
            f"{len(found)} data sets are labelled '{label}'. Ask by uuid: {listed}{' …' if len(found) > MAX_LISTED else ''}."
        )
    return found[0] if found else None


def check_ids(ids: Sequence[str]) -> Sequence[str]:
    if len(ids) > MAX_IDS:
        raise LimitExceeded(
            f"`ids` may have {MAX_IDS:,} ids at most; it has {len(ids):,}. Ask for the others in a second query."
        )
    return ids


class Nodes:
    """Anything by its global id."""

    def __init__(self, metrics: MetricTypes) -> None:
        self._metrics = metrics
        self.tables = {table.type_name: table for table in metrics.model.tables.values()}
        """By the kind in the ids of their rows."""
        self._curies = {
            term.curie: term
            for table in metrics.model.tables.values()
            for term in (table.ontology, *(column.ontology for column in table.columns))
            if isinstance(term, OntologyTerm)
        }

    async def resolve_node(self, _root: Any, info: strawberry.Info, id: str) -> Any:  # noqa: A002 - the graph's own name
        found = decode_id(id)
        if found is None:
            return None
        table = self.table(found)
        if table is None:
            return await self.find(found, info.context)
        dataset = info.context.dataset(found.key[:16])
        return dataset and await read_row(table, self._metrics.columns[table.name], dataset, found.key[16:], info)

    async def resolve_nodes(self, _root: Any, info: strawberry.Info, ids: list[str]) -> list[Any]:
        """An id that cannot be answered is an error in its own place, and no other is lost to it."""
        asked = (self.resolve_node(None, info, id=text) for text in check_ids(ids))
        return await asyncio.gather(*asked, return_exceptions=True)

    def table(self, id_: GlobalId) -> Table | None:
        """The table of a row's id."""
        return self.tables.get(id_.kind) if len(id_.key) == 32 else None

    async def find(self, id_: GlobalId, context: Context) -> Dataset | VocabularyTerm | FileSource | str | None:
        """What an id names that is no row."""
        kind, _, table_name = id_.kind.partition("/")
        if kind in ("Dataset", "Term", "Publication"):
            return self._find_known(kind, id_.key, context)
        holder = self._metrics.model.tables.get(table_name) if kind in ("Mesh", "Skeleton") else None
        term = next((term for term in holder.terms if term.kind == kind.lower()), None) if holder else None
        dataset = context.dataset(id_.key[:16])
        if holder is None or term is None or dataset is None or len(id_.key) != 32:
            return None
        return await self._read_file(holder, term, dataset, id_.key[16:], context)

    def _find_known(self, kind: str, key: bytes, context: Context) -> Dataset | VocabularyTerm | str | None:
        if kind == "Dataset":
            return context.dataset(key)
        text = key.decode("utf-8", "replace")
        if kind == "Publication":
            published = any(text in dataset.record.publications for dataset in context.backend.catalog.datasets)
            return text if published else None
        vocabulary, _, name = text.partition("/")
        if not vocabulary:
            term = self._curies.get(name)
            return VocabularyTerm("", term.name, term.curie) if term else None
        return self._metrics.model.vocabularies.get(vocabulary, {}).get(name)

    async def _read_file(
        self, table: Table, term: Term, dataset: Dataset, cid: bytes, context: Context
    ) -> FileSource | None:
        assert term.kind in (Kind.MESH, Kind.SKELETON)
        columns = ("cid", *(column.name for column in term.columns))
        values = await context.read_row(table, dataset.snapshot, cid, columns)
        if values is None:
            return None
        row = RowSource(table, dataset, dataset.snapshot, {name: index for index, name in enumerate(columns)}, values)
        return FileSource(row, term) if row[f"{term.name}_file_key"] is not None else None
