"""The type of each table, made from its terms: one field a term, then what hangs from a row.

`RowField.columns` says what a field is made of, so that a read asks the store for just that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import strawberry
from strawberry.types.field import StrawberryField

from syndb_graphql.api.build import (
    Argument,
    Forward,
    Resolver,
    Type,
    list_of,
    make_enum,
    make_field,
    make_interface,
    make_type,
)
from syndb_graphql.api.connections import PAGE_ARGUMENTS, connect_related, make_connection
from syndb_graphql.api.ids import encode_id
from syndb_graphql.api.scalars import UUID, BigInt, Count
from syndb_graphql.api.selection import select_columns
from syndb_graphql.api.sources import FileSource, RowSource
from syndb_graphql.spec.model import Column, Kind, Model, Reference, Relation, Table, Term
from syndb_graphql.spec.naming import camel

_PYTHON = {"Float": float, "Int": int, "String": str, "Boolean": bool, "UUID": UUID, "BigInt": BigInt}


@dataclass(frozen=True, slots=True)
class RowField:
    """A field of a row: the columns it is made of and how, what it returns, and words for people."""

    columns: tuple[str, ...]
    resolve: Resolver
    returns: Type
    description: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)

    def make(self) -> StrawberryField:
        """A Strawberry field belongs to one type, so each type gets its own."""
        return make_field(self.resolve, self.returns, self.description, self.arguments)


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    z: float


@dataclass(frozen=True, slots=True)
class Box:
    min: Point
    max: Point


class MetricTypes:
    """The types of all tables and what they share, by name in `types`; `columns` says what each field of a row is made of."""

    def __init__(self, model: Model, types: dict[str, Type]) -> None:
        self.model = model
        self.types = types
        self.columns: dict[str, dict[str, tuple[str, ...]]] = {}
        self._make_shared()
        fields = {table.name: self._row_fields(table) for table in model.tables.values()}
        self._make_interfaces(fields)
        for table in model.tables.values():
            self._make_row_type(table, fields[table.name])

    # ── Types ──
    def _make_shared(self) -> None:
        types = self.types
        units = {"NANOMETER": ("nm", "nm, nm², nm³ or nm⁻¹, as stored."), "MICROMETER": ("um", "µm, µm², µm³ or µm⁻¹.")}
        types["LengthUnit"] = make_enum(
            "LengthUnit", units, "The length a measure is answered in; areas in its square, volumes in its cube."
        )
        self._unit = {
            "unit": Argument(types["LengthUnit"] | None, "The unit of the answer.", types["LengthUnit"].NANOMETER)
        }
        axes = {axis: make_field(_attribute(axis), float, f"Position along {axis}.") for axis in "xyz"}
        types["Point"] = make_type("Point", axes, "A position in the data set's own coordinates.")
        ends = {
            "min": make_field(_attribute("min"), types["Point"], "The corner with the smallest coordinates."),
            "max": make_field(_attribute("max"), types["Point"], "The corner with the largest coordinates."),
        }
        types["Box"] = make_type("Box", ends, "A box with edges along the axes.")
        count_fields = {
            "table": make_field(lambda pair, _: types["TableName"](pair[0]), types["TableName"], "The table."),
            "count": make_field(lambda pair, _: pair[1], Count, "Its rows."),
        }
        types["TableCount"] = make_type("TableCount", count_fields, "How many rows of a table there are.")

    def _make_interfaces(self, fields: Mapping[str, Mapping[str, RowField]]) -> None:
        identity = next(iter(fields.values()))
        row = {name: identity[name].make() for name in ("cid", "sourceId", "dataset")}
        self.types["MetricRow"] = make_interface(
            "MetricRow", row, "A row of any table: one measured structure.", interfaces=[self.types["Node"]]
        )
        for interface in self.model.interfaces.values():
            tables = [table for table in self.model.tables.values() if interface.name in table.interfaces]
            if not tables:
                continue
            terms = [tables[0].term[name] for name in interface.terms]
            names = [name for term in terms for name in self._term_fields(term)]
            if all("childCounts" in fields[table.name] for table in tables):
                names.append("childCounts")
            shared = {name: fields[tables[0].name][name].make() for name in names}
            self.types[interface.name] = make_interface(
                interface.name, shared, interface.description, interfaces=[self.types["MetricRow"]]
            )

    def _make_row_type(self, table: Table, fields: Mapping[str, RowField]) -> None:
        interfaces = [self.types[name] for name in table.interfaces] or [self.types["MetricRow"]]
        made = {name: row_field.make() for name, row_field in fields.items()}
        type_ = make_type(
            table.type_name,
            made,
            table.description,
            interfaces=interfaces,
            is_type_of=lambda source: isinstance(source, RowSource) and source.table.name == table.name,
        )
        self.types[table.type_name] = type_
        connection = make_connection(table, type_, self.types["PageInfo"])
        self.types[f"{table.type_name}Connection"] = connection
        self.columns[table.name] = {name: row_field.columns for name, row_field in fields.items()}

    def forward(self, name: str) -> Type:
        return Forward(name, self.types)

    # ── Fields of a row ──
    def _row_fields(self, table: Table) -> dict[str, RowField]:
        cid, source_id = table.column["cid"], table.column["source_id"]
        fields = {
            "id": RowField(
                ("cid",), lambda row, _: global_id(row), strawberry.ID, "Opaque and global, for `node` and `nodes`."
            ),
            "cid": RowField(("cid",), _column("cid"), UUID, cid.description),
            "sourceId": RowField(("source_id",), _column("source_id"), str, source_id.description),
            "dataset": RowField(
                (), lambda row, _: row.dataset, self.forward("Dataset"), "The data set the row belongs to."
            ),
        }
        for term in table.terms:
            fields |= self._term_fields(term)
        return fields | self._count_fields(table) | self._child_fields(table)

    def _term_fields(self, term: Term) -> dict[str, RowField]:
        names = tuple(column.name for column in term.columns)
        match term.kind:
            case Kind.PLAIN:
                return {term.field: self._plain_field(term.columns[0])}
            case Kind.POINT:
                resolve = _point(term.name)
                return {term.field: RowField(names, resolve, self.types["Point"] | None, term.description, self._unit)}
            case Kind.BOX:
                resolve = _box(term.name)
                return {term.field: RowField(names, resolve, self.types["Box"] | None, term.description, self._unit)}
            case Kind.MESH | Kind.SKELETON:
                # The cid is part of the file's global id.
                type_ = self.forward("Mesh" if term.kind is Kind.MESH else "Skeleton")
                return {term.field: RowField(("cid", *names), _file(term), type_ | None, term.description)}
            case Kind.REFERENCE:
                assert term.reference
                return self._reference_fields(term, term.reference)

    def _plain_field(self, column: Column) -> RowField:
        words = column.description
        if column.dimension is not None:
            dimension = column.dimension
            resolve = lambda row, _, unit: to_unit(row[column.name], dimension, _unit_value(unit))  # noqa: E731
            return RowField((column.name,), resolve, float | None, words, self._unit)
        return RowField((column.name,), _column(column.name), _PYTHON[column.type.graphql] | None, words)

    def _reference_fields(self, term: Term, reference: Reference) -> dict[str, RowField]:
        field_name = camel(reference.name)
        columns = {column.name: column for column in term.columns}
        fields = {
            f"{field_name}Id": RowField(
                (reference.id,), _column(reference.id), UUID | None, columns[reference.id].description
            ),
            f"{field_name}SourceId": RowField(
                (reference.source,), _column(reference.source), str | None, columns[reference.source].description
            ),
        }
        needed = [reference.id]
        if reference.table:
            needed.append(reference.table)
            name = reference.table
            table_name = self.forward("TableName")
            fields[f"{field_name}Table"] = RowField(
                (name,), lambda row, _: self._table_name(row[name]), table_name | None, columns[name].description
            )
        target = self.model.tables[reference.targets[0]].type_name if len(reference.targets) == 1 else "MetricRow"
        description = f"{term.description} Null where it is unknown or lies outside the data set."
        fields[field_name] = RowField(
            tuple(needed), self._resolve_reference(reference), self.forward(target) | None, description
        )
        return fields

    def _count_fields(self, table: Table) -> dict[str, RowField]:
        counts = list_of(self.types["TableCount"]) | None
        fields = {}
        if "Compartment" in table.interfaces:
            words = "Direct children by table, counted when the data set was loaded."
            fields["childCounts"] = RowField(("cid",), self._resolve_counts("child"), counts, words)
        if self._owns(table):
            words = "Everything the neuron owns at any depth by table, counted when the data set was loaded."
            fields["partCounts"] = RowField(("cid",), self._resolve_counts("part"), counts, words)
        return fields

    def _child_fields(self, table: Table) -> dict[str, RowField]:
        """A neuron lists its parts at any depth, every other compartment its direct children, synapses and relations none."""
        fields = {}
        for relation in self.model.relations:
            child = self.model.tables[relation.table]
            if relation.name == "owned":
                if "Compartment" not in table.interfaces or table.name not in child.parents:
                    continue
                owns = self._owns(table)
                words = f"Its {child.fields}, {'at any depth' if owns else 'direct children only'}."
            else:
                reference = next(ref for ref in child.references.values() if ref.id == relation.owner)
                if table.name not in reference.targets:
                    continue
                owns, words = True, relation.description
            columns = ("cid",) if owns else ("cid", "owner_id")
            connection = self.forward(f"{child.type_name}Connection") | None
            fields[relation.field] = RowField(
                columns, self._resolve_related(relation, owns=owns), connection, words, PAGE_ARGUMENTS
            )
        return fields

    def _owns(self, table: Table) -> bool:
        """Whether rows of other tables name this one as the neuron they belong to."""
        return any(
            "neuron" in other.references and table.name in other.references["neuron"].targets
            for other in self.model.tables.values()
        )

    # ── Resolvers that read ──
    def _resolve_related(self, relation: Relation, *, owns: bool) -> Resolver:
        counted_as = ("part" if owns else "child") if relation.name == "owned" else relation.name

        def resolve(row: RowSource, info: strawberry.Info, **given: Any) -> Any:
            owner = (row["cid"], None) if owns else (row["owner_id"], row["cid"])
            return connect_related(relation, counted_as, self.columns[relation.table], row, owner, info, given)

        return resolve

    def _resolve_reference(self, reference: Reference) -> Resolver:
        async def resolve(row: RowSource, info: strawberry.Info) -> RowSource | None:
            cid = row[reference.id]
            name = row[reference.table] if reference.table else reference.targets[0]
            if cid is None or name is None:
                return None
            return await self.read_row(self.model.tables[name], row, cid, info)

        return resolve

    def _resolve_counts(self, relation: str) -> Resolver:
        async def resolve(row: RowSource, info: strawberry.Info) -> list[tuple[str, int]]:
            counts = await info.context.read_counts(row.snapshot, relation, row["cid"])
            return [(name, counts[name]) for name in self.model.tables if name in counts]

        return resolve

    async def read_row(self, table: Table, near: Any, cid: bytes, info: strawberry.Info) -> RowSource | None:
        """The row with this cid in the data set and version of `near`, with the columns selected below this field."""
        raw = info._raw_info
        key = (tuple(map(id, raw.field_nodes)), table.name)
        memo = info.context.memo
        if key not in memo:
            memo[key] = tuple(dict.fromkeys(("cid", *select_columns(raw, table.type_name, self.columns[table.name]))))
        columns = memo[key]
        values = await info.context.read_row(table, near.snapshot, cid, columns)
        if values is None:
            return None
        dataset = near.dataset if isinstance(near, RowSource) else near
        return RowSource(table, dataset, near.snapshot, {name: index for index, name in enumerate(columns)}, values)

    def _table_name(self, name: str | None) -> Any:
        return None if name is None else self.types["TableName"](name)


def to_unit(value: float | None, dimension: int, unit: str) -> float | None:
    """A stored value (nm to the power of `dimension`) in nm or um."""
    if value is None or unit == "nm":
        return value
    factor = float(1000 ** abs(dimension))
    return value / factor if dimension > 0 else value * factor


def global_id(row: RowSource) -> str:
    return encode_id(row.table.type_name, row.dataset.id + row["cid"])


def _unit_value(unit: Any) -> str:
    """An explicit null means the default, as in every input."""
    return "nm" if unit is None else str(unit.value)


def _attribute(name: str) -> Resolver:
    return lambda source, _: getattr(source, name)


def _column(name: str) -> Callable[[RowSource, Any], Any]:
    return lambda row, _: row[name]


def _make_point(row: RowSource, names: tuple[str, str, str], unit: str) -> Point | None:
    x, y, z = (to_unit(row[name], 1, unit) for name in names)
    return None if x is None or y is None or z is None else Point(x, y, z)


def _point(name: str) -> Resolver:
    names = (f"{name}_x", f"{name}_y", f"{name}_z")
    return lambda row, _, unit: _make_point(row, names, _unit_value(unit))


def _box(name: str) -> Resolver:
    ends = tuple((f"{name}_{end}_x", f"{name}_{end}_y", f"{name}_{end}_z") for end in ("min", "max"))

    def resolve(row: RowSource, _: Any, unit: Any) -> Box | None:
        low, high = (_make_point(row, names, _unit_value(unit)) for names in ends)
        return None if low is None or high is None else Box(low, high)

    return resolve


def _file(term: Term) -> Resolver:
    return lambda row, _: FileSource(row, term) if row[f"{term.name}_file_key"] is not None else None
