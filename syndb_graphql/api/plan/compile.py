"""A document's operation into a plan: once for each document and each set of variables that @skip and @include look at."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields

from syndb_graphql.api.context import Context
from syndb_graphql.api.dataset_types import LookedUpRow, TableRows
from syndb_graphql.api.plan.arguments import Given, make_given
from syndb_graphql.api.plan.connections import ConnectionPlan, EdgePlan, RelatedCell
from syndb_graphql.api.plan.nodes import NodesPlan
from syndb_graphql.api.plan.objects import (
    Complete,
    Field,
    ObjectPlan,
    PlanInfo,
    constant_field,
    leaf,
    listed,
    look_up_field,
    nested_object,
    required,
    resolved_field,
    table_field,
    waiting_object,
)
from syndb_graphql.api.plan.rows import Batch, ColumnCell, ReferenceCell, RowPlan, make_each, make_shape
from syndb_graphql.api.plan.values import Unplanned, Values, check_finite, id_texts, scale, scaled_values, stored_values
from syndb_graphql.api.query_type import Nodes
from syndb_graphql.api.row_fields import (
    ReferencedRow,
    RelatedCounts,
    RelatedRows,
    RowDataset,
    RowId,
    ScaledValue,
    StoredBox,
    StoredFile,
    StoredPoint,
    StoredTable,
    StoredValue,
)
from syndb_graphql.api.sources import RowSource
from syndb_graphql.spec.model import Model, Table

Nodes_ = Sequence[FieldNode]
Selected = Iterator[tuple[str, str, list[FieldNode]]]
"""Key, field name and nodes of each selected field, in order."""


@dataclass(frozen=True, slots=True)
class Plan:
    root: ObjectPlan

    async def answer(self, context: Context) -> Any:
        """The `data` of the answer, ready to be encoded. Raises Unplanned, or whatever a read raises."""
        return await self.root.answer_waiting(None, PlanInfo(context))


def compile_plan(
    schema: GraphQLSchema, model: Model, document: DocumentNode, operation: OperationDefinitionNode, variables: Any
) -> Plan:
    """`variables` are the coerced ones, as the engine holds them; of them only what directives look at becomes part of the plan."""
    if operation.operation is not OperationType.QUERY or schema.query_type is None:
        raise Unplanned("an operation that is no query")
    fragments = {
        node.name.value: FragmentDetails(node)
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    compiler = Compiler(schema, model, fragments, operation, variables)
    try:
        return Plan(compiler.root(schema.query_type))
    except GraphQLError as error:
        # Null, given to a directive by a variable whose type it fits.
        raise Unplanned("a selection that cannot be made") from error


class Compiler:
    """Selections of one operation into plans, with `variables` for its directives."""

    def __init__(
        self,
        schema: GraphQLSchema,
        model: Model,
        fragments: Mapping[str, FragmentDetails],
        operation: OperationDefinitionNode,
        variables: Any,
    ) -> None:
        self.schema, self.model, self.operation, self.variables = schema, model, operation, variables
        self._fragments = dict(fragments)
        self._known: dict[Any, RowPlan] = {}

    # ── Selections ──
    def root(self, type_: GraphQLObjectType) -> ObjectPlan:
        collected = collect_fields(self.schema, self._fragments, self.variables, type_, self.operation)
        return self._object(type_, self._selected(collected.grouped_field_set), within=False)

    def select(self, type_: GraphQLObjectType, nodes: Nodes_) -> Selected:
        details = [FieldDetails(node, None) for node in nodes]
        collected = collect_subfields(self.schema, self._fragments, self.variables, self.operation, type_, details)
        return self._selected(collected.grouped_field_set)

    def _selected(self, grouped: Mapping[str, list[FieldDetails]]) -> Selected:
        for key, details in grouped.items():
            yield key, details[0].node.name.value, [detail.node for detail in details]

    def object_type(self, name: str) -> GraphQLObjectType:
        type_ = self.schema.type_map[name]
        assert isinstance(type_, GraphQLObjectType)
        return type_

    # ── What is in memory ──
    def object(self, type_: GraphQLObjectType, nodes: Nodes_, *, within: bool) -> ObjectPlan:
        return self._object(type_, self.select(type_, nodes), within=within)

    def _object(self, type_: GraphQLObjectType, selected: Selected, *, within: bool) -> ObjectPlan:
        keys, fields = [], []
        for key, name, nodes in selected:
            keys.append(key)
            fields.append(self._field(type_, name, nodes, within=within))
        return ObjectPlan(fields, make_shape(keys))

    def _field(self, type_: GraphQLObjectType, name: str, nodes: list[FieldNode], *, within: bool) -> Field:
        if name == "__typename":
            return constant_field(type_.name)
        definition = type_.fields.get(name)
        if definition is None:
            raise Unplanned(f"{name}, which the engine answers itself")
        resolve, given = _resolver(definition), make_given(definition, nodes[0], self.variables)
        if isinstance(resolve, TableRows):
            return table_field(self._connection(resolve.table, ("cid",), nodes, given, within=within))
        if isinstance(resolve, LookedUpRow):
            return look_up_field(resolve.cid, given, self.rows(resolve.table, nodes, within=within), resolve.table)
        holder = getattr(resolve, "__self__", None)
        if isinstance(holder, Nodes):
            return NodesPlan(holder, nodes, given, self, within=within).field(many=name == "nodes")
        if inspect.iscoroutinefunction(resolve):
            raise Unplanned(f"{type_.name}.{name}, which waits for something")
        complete, waits = self._completion(definition.type, nodes, within=within)
        return resolved_field(resolve, given, complete, waits=waits)

    def _completion(self, type_: GraphQLOutputType, nodes: Nodes_, *, within: bool) -> tuple[Complete, bool]:
        """How a value of the type is answered, and whether that must be awaited."""
        if isinstance(type_, GraphQLNonNull):
            complete, waits = self._completion(type_.of_type, nodes, within=within)
            return required(complete, waits=waits), waits
        if isinstance(type_, GraphQLList):
            complete, waits = self._completion(type_.of_type, nodes, within=True)
            return listed(complete, waits=waits), waits
        if isinstance(type_, GraphQLScalarType | GraphQLEnumType):
            return leaf(type_.coerce_output_value), False
        if isinstance(type_, GraphQLObjectType):
            plan = self.object(type_, nodes, within=within)
            return (waiting_object(plan), True) if plan.waits else (nested_object(plan), False)
        raise Unplanned(f"the abstract type {type_}")

    # ── Rows ──
    def rows(self, table: Table, nodes: Nodes_, *, within: bool) -> RowPlan:
        """Each selection once: references to several tables, one below the other, lead to the same ones in ever more ways."""
        key = (table.name, tuple(map(id, nodes)), within)
        if key not in self._known:
            self._known[key] = self._rows(table, nodes, within=within)
        return self._known[key]

    def _rows(self, table: Table, nodes: Nodes_, *, within: bool) -> RowPlan:
        type_ = self.object_type(table.type_name)
        keys, cells = [], []
        for key, name, below in self.select(type_, nodes):
            keys.append(key)
            cells.append(self._cell(type_, name, below, within=within))
        columns = tuple(dict.fromkeys(column for cell in cells for column in cell.columns))
        # Where no field needs a column, the key tells how many rows there are.
        return RowPlan(columns or ("cid",), cells, make_shape(keys))

    def _cell(
        self, type_: GraphQLObjectType, name: str, nodes: list[FieldNode], *, within: bool
    ) -> "ColumnCell | RelatedCell | ReferenceCell | _WaitingCell":
        if name == "__typename":
            return ColumnCell((), lambda batch: [type_.name] * len(batch.rows))
        definition = type_.fields[name]
        resolve, given = _resolver(definition), make_given(definition, nodes[0], self.variables)
        match resolve:
            case RelatedRows():
                table = self.model.tables[resolve.relation.table]
                order = (resolve.relation.order, "cid")
                plan = self._connection(table, order, nodes, given, within=within)
                return RelatedCell(resolve.columns, resolve, plan)
            case ReferencedRow():
                targets = {name: self.model.tables[name] for name in resolve.reference.targets}
                plans = {name: self.rows(table, nodes, within=within) for name, table in targets.items()}
                return ReferenceCell(resolve.columns, resolve, plans)
            case RowDataset():
                return _dataset_cell(self.object(self.object_type("Dataset"), nodes, within=within))
            case RelatedCounts():
                complete, _ = self._completion(definition.type, nodes, within=within)
                return _counts_cell(resolve, complete)
            case _:
                return ColumnCell(resolve.columns, self._column_values(definition, resolve, nodes, given))

    def _column_values(
        self, definition: GraphQLField, resolve: Any, nodes: list[FieldNode], given: Given
    ) -> Callable[[Batch], Values]:
        match resolve:
            case StoredValue():
                name, answer = resolve.column.name, stored_values(resolve.column)
                return lambda batch: answer(batch[name])
            case ScaledValue():
                name, dimension = resolve.column.name, resolve.column.dimension or 1
                return lambda batch: scaled_values(batch[name], dimension, given(batch.context)["unit"])
            case StoredTable():
                name, names = resolve.column.name, {member.value: member.name for member in resolve.enum}
                return lambda batch: [None if value is None else names[value] for value in batch[name]]
            case RowId():
                return lambda batch: id_texts(batch.table.type_name, batch.dataset.id, batch["cid"])
            case StoredPoint():
                return self._points(resolve, nodes, given)
            case StoredBox():
                return self._boxes(resolve, nodes, given)
            case StoredFile():
                complete, _ = self._completion(definition.type, nodes, within=True)
                return lambda batch: [complete(resolve(row, None), PlanInfo(batch.context)) for row in _sources(batch)]
        raise Unplanned(f"a field had by {type(resolve).__name__}")

    def _points(self, resolve: StoredPoint, nodes: Nodes_, given: Given) -> Callable[[Batch], Values]:
        keys, names = [], []
        for key, name, _ in self.select(self.object_type("Point"), nodes):
            keys.append(key)
            names.append(name)
        shape = make_shape(keys)

        def answer(batch: Batch) -> Values:
            unit = given(batch.context)["unit"]
            scaled = [scale(batch[column], 1, unit) for column in resolve.columns]
            with_gaps = [check_finite(values) for values in scaled]
            axes: dict[str, Values] = dict(zip("xyz", scaled, strict=True))
            axes["__typename"] = ["Point"] * len(batch.rows)
            points = make_each(shape, [axes[name] for name in names], len(batch.rows))
            if any(with_gaps):
                missing = [None in position for position in zip(*scaled, strict=True)]
                points = [None if none else point for none, point in zip(missing, points, strict=True)]
            return points

        return answer

    def _boxes(self, resolve: StoredBox, nodes: Nodes_, given: Given) -> Callable[[Batch], Values]:
        keys, ends = [], []
        for key, name, below in self.select(self.object_type("Box"), nodes):
            keys.append(key)
            corner = resolve.low if name == "min" else resolve.high
            ends.append(None if name == "__typename" else self._points(corner, below, given))
        shape = make_shape(keys)

        def answer(batch: Batch) -> Values:
            columns = [end(batch) if end else ["Box"] * len(batch.rows) for end in ends]
            missing = [any(batch[column][row] is None for column in resolve.columns) for row in range(len(batch.rows))]
            boxes = make_each(shape, columns, len(batch.rows))
            return [None if none else box for none, box in zip(missing, boxes, strict=True)]

        return answer

    # ── Connections ──
    def _connection(
        self, table: Table, order: tuple[str, ...], nodes: Nodes_, given: Given, *, within: bool
    ) -> ConnectionPlan:
        keys, fields = [], []
        for key, name, below in self.select(self.object_type(f"{table.type_name}Connection"), nodes):
            keys.append(key)
            plan: Any = None
            if name == "nodes":
                plan = self.rows(table, below, within=True)
            elif name == "edges":
                plan = self.edges(table, below)
            elif name == "pageInfo":
                selected = list(self.select(self.object_type("PageInfo"), below))
                plan = (make_shape([key for key, _, _ in selected]), [name for _, name, _ in selected])
            fields.append((name, plan))
        return ConnectionPlan(table, order, fields, make_shape(keys), given, within)

    def edges(self, table: Table, nodes: Nodes_) -> EdgePlan:
        type_ = self.object_type(f"{table.type_name}Edge")
        selected = list(self.select(type_, nodes))
        plans = [self.rows(table, below, within=True) for _, name, below in selected if name == "node"]
        return EdgePlan(
            [name for _, name, _ in selected], plans, make_shape([key for key, _, _ in selected]), type_.name
        )


@dataclass(frozen=True, slots=True)
class _WaitingCell:
    columns: tuple[str, ...]
    answer: Callable[[Batch], Any]


def _dataset_cell(plan: ObjectPlan) -> _WaitingCell:
    async def answer(batch: Batch) -> Values:
        # The rows of a batch are of one data set: it is answered once.
        info = PlanInfo(batch.context)
        return [await plan.answer_waiting(batch.dataset, info)] * len(batch.rows) if batch.rows else []

    return _WaitingCell((), answer)


def _counts_cell(resolve: RelatedCounts, complete: Complete) -> _WaitingCell:
    async def answer(batch: Batch) -> Values:
        info = PlanInfo(batch.context)
        counts = await batch.context.read_many_counts(batch.snapshot, resolve.relation, batch["cid"])
        return [complete(resolve.in_order(found), info) for found in counts]

    return _WaitingCell(resolve.columns, answer)


def _sources(batch: Batch) -> Iterator[RowSource]:
    for row in batch.rows:
        yield RowSource(batch.table, batch.dataset, batch.snapshot, batch.index, row)


def _resolver(definition: GraphQLField) -> Any:
    """The function or value a field was made with."""
    return definition.extensions["strawberry-definition"].base_resolver.wrapped_func.plain
