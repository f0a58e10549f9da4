"""The type of each table, made from its terms: one field a term, then what hangs from a row (api/row_fields says how each is had)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
from syndb_graphql.api.connections import PAGE_ARGUMENTS, make_connection
from syndb_graphql.api.row_fields import (
    ReferencedRow,
    RelatedCounts,
    RelatedRows,
    RowDataset,
    RowId,
    RowResolver,
    ScaledValue,
    StoredBox,
    StoredFile,
    StoredPoint,
    StoredTable,
    StoredValue,
)
from syndb_graphql.api.scalars import UUID, BigInt, Count
from syndb_graphql.api.sources import RowSource
from syndb_graphql.spec.model import Column, Kind, Model, Reference, Table, Term
from syndb_graphql.spec.naming import camel

_PYTHON = {"Float": float, "Int": int, "String": str, "Boolean": bool, "UUID": UUID, "BigInt": BigInt}


@dataclass(frozen=True, slots=True)
class RowField:
    """A field of a row: how it is had, what it returns, and words for people."""

    resolve: RowResolver
    returns: Type
    description: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)

    def make(self) -> StrawberryField:
        """A Strawberry field belongs to one type, so each type gets its own."""
        return make_field(self.resolve, self.returns, self.description, self.arguments)


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
        self.columns[table.name] = {name: row_field.resolve.columns for name, row_field in fields.items()}

    def forward(self, name: str) -> Type:
        return Forward(name, self.types)

    # ── Fields of a row ──
    def _row_fields(self, table: Table) -> dict[str, RowField]:
        cid, source_id = table.column["cid"], table.column["source_id"]
        fields = {
            "id": RowField(RowId(), strawberry.ID, "Opaque and global, for `node` and `nodes`."),
            "cid": RowField(StoredValue(cid), UUID, cid.description),
            "sourceId": RowField(StoredValue(source_id), str, source_id.description),
            "dataset": RowField(RowDataset(), self.forward("Dataset"), "The data set the row belongs to."),
        }
        for term in table.terms:
            fields |= self._term_fields(term)
        return fields | self._count_fields(table) | self._child_fields(table)

    def _term_fields(self, term: Term) -> dict[str, RowField]:
        match term.kind:
            case Kind.PLAIN:
                return {term.field: self._plain_field(term.columns[0])}
            case Kind.POINT:
                point = _point(term.name)
                return {term.field: RowField(point, self.types["Point"] | None, term.description, self._unit)}
            case Kind.BOX:
                box = StoredBox(_point(f"{term.name}_min"), _point(f"{term.name}_max"))
                return {term.field: RowField(box, self.types["Box"] | None, term.description, self._unit)}
            case Kind.MESH | Kind.SKELETON:
                type_ = self.forward("Mesh" if term.kind is Kind.MESH else "Skeleton")
                return {term.field: RowField(StoredFile(term), type_ | None, term.description)}
            case Kind.REFERENCE:
                assert term.reference
                return self._reference_fields(term, term.reference)

    def _plain_field(self, column: Column) -> RowField:
        if column.dimension is not None:
            return RowField(ScaledValue(column), float | None, column.description, self._unit)
        return RowField(StoredValue(column), _PYTHON[column.type.graphql] | None, column.description)

    def _reference_fields(self, term: Term, reference: Reference) -> dict[str, RowField]:
        field_name = camel(reference.name)
        columns = {column.name: column for column in term.columns}
        id_, source = columns[reference.id], columns[reference.source]
        fields = {
            f"{field_name}Id": RowField(StoredValue(id_), UUID | None, id_.description),
            f"{field_name}SourceId": RowField(StoredValue(source), str | None, source.description),
        }
        if reference.table:
            column, enum = columns[reference.table], self.types["TableName"]
            fields[f"{field_name}Table"] = RowField(StoredTable(column, enum), enum | None, column.description)
        target = self.model.tables[reference.targets[0]].type_name if len(reference.targets) == 1 else "MetricRow"
        description = f"{term.description} Null where it is unknown or lies outside the data set."
        resolve = ReferencedRow(reference, self.model, self.columns)
        fields[field_name] = RowField(resolve, self.forward(target) | None, description)
        return fields

    def _count_fields(self, table: Table) -> dict[str, RowField]:
        counts = list_of(self.types["TableCount"]) | None
        fields = {}
        if "Compartment" in table.interfaces:
            words = "Direct children by table, counted when the data set was loaded."
            fields["childCounts"] = RowField(RelatedCounts("child", tuple(self.model.tables)), counts, words)
        if self._owns(table):
            words = "Everything the neuron owns at any depth by table, counted when the data set was loaded."
            fields["partCounts"] = RowField(RelatedCounts("part", tuple(self.model.tables)), counts, words)
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
            connection = self.forward(f"{child.type_name}Connection") | None
            resolve = RelatedRows(relation, owns, self.columns)
            fields[relation.field] = RowField(resolve, connection, words, PAGE_ARGUMENTS)
        return fields

    def _owns(self, table: Table) -> bool:
        """Whether rows of other tables name this one as the neuron they belong to."""
        references = (other.references.get("neuron") for other in self.model.tables.values())
        return any(reference and table.name in reference.targets for reference in references)


def _attribute(name: str) -> Resolver:
    return lambda source, _: getattr(source, name)


def _point(name: str) -> StoredPoint:
    return StoredPoint((f"{name}_x", f"{name}_y", f"{name}_z"))
