"""What a request may ask for, found without running it: depth, aliases, directives, root fields, values of variables,
and the rows it may read and the values it may answer with.

Each number of a selection set is a sum or maximum over its parts, so each fragment is measured once however often it is
spread; a document that doubles itself with every fragment is measured as fast as it is read. Cycles are tolerated here:
validation refuses them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_list_type,
    visit,
)

from syndb_graphql.api.context import Bounds
from syndb_graphql.errors import CostLimitExceeded, LimitExceeded

ROWS_PER_POINT = 100
LIST_SIZE = 30
"""Objects that a list counts as which is no page of a connection: tables, columns, regions, terms. Most are shorter."""
ENGINE_VALUES = 100_000
"""Answered field by field by the engine in a second, in which nothing else is answered."""
MAX_VALUE_DEPTH = 25
"""Of lists and objects within one argument or variable; a filter is nested 10 deep, and each of its levels takes two."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Measures of a selection set; `introspection` is the depth below __schema and __type, which counts apart."""

    depth: int = 0
    introspection: int = 0
    aliases: int = 0
    directives: int = 0


def check_shape(document: DocumentNode, bounds: Bounds) -> None:
    """Raises LimitExceeded, naming the bound and the number met."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    memo: dict[str, Shape] = {}
    _check_value_depth(document)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            shape = _shape(node.selection_set, fragments, memo)
            _check(
                "fields deep", shape.depth, bounds.max_depth, "Ask for less at once, or begin deeper with `node(id:)`."
            )
            _check(
                "fields deep below __schema",
                shape.introspection,
                bounds.max_introspection_depth,
                "Introspect in parts.",
            )
            _check("aliases", shape.aliases, bounds.max_aliases, "Split the query.")
            _check(
                "directives", shape.directives + len(node.directives or ()), bounds.max_directives, "Split the query."
            )
            roots = _count_roots(node.selection_set, fragments, {})
            _check("root fields", roots, bounds.max_root_fields, "Split the query.")


class _ValueDepth(Visitor):
    """The deepest nesting of literals; what walks them later walks by calling itself."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = self.deepest = 0

    def enter(self, node: Node, *_: Any) -> None:
        if isinstance(node, ObjectValueNode | ListValueNode):
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)

    def leave(self, node: Node, *_: Any) -> None:
        self.depth -= isinstance(node, ObjectValueNode | ListValueNode)


def _check_value_depth(document: DocumentNode) -> None:
    visitor = _ValueDepth()
    visit(document, visitor)
    _check("levels in an argument", visitor.deepest, MAX_VALUE_DEPTH, "Say the same with fewer.")


def _check(what: str, met: int, bound: int, remedy: str) -> None:
    if met > bound:
        raise LimitExceeded(f"The query has {met:,} {what}; {bound:,} is the limit. {remedy}")


def _shape(
    selection: SelectionSetNode | None, fragments: Mapping[str, FragmentDefinitionNode], memo: dict[str, Shape]
) -> Shape:
    depth = introspection = aliases = directives = 0
    for node in selection.selections if selection else ():
        directives += len(node.directives or ())
        if isinstance(node, FieldNode):
            below = _shape(node.selection_set, fragments, memo)
            aliases += node.alias is not None
            if node.name.value in ("__schema", "__type"):
                introspection = max(introspection, 1 + below.depth)
            else:
                depth = max(depth, 1 + below.depth)
        elif isinstance(node, FragmentSpreadNode):
            below = _fragment_shape(node.name.value, fragments, memo)
            depth = max(depth, below.depth)
        else:
            assert isinstance(node, InlineFragmentNode)
            below = _shape(node.selection_set, fragments, memo)
            depth = max(depth, below.depth)
        introspection = max(introspection, below.introspection)
        aliases += below.aliases
        directives += below.directives
    return Shape(depth, introspection, aliases, directives)


def _fragment_shape(name: str, fragments: Mapping[str, FragmentDefinitionNode], memo: dict[str, Shape]) -> Shape:
    if name not in memo and name in fragments:
        memo[name] = Shape()  # what a cycle finds
        memo[name] = _shape(fragments[name].selection_set, fragments, memo)
    return memo.get(name, Shape())


def _count_roots(
    selection: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], memo: dict[str, int]
) -> int:
    count = 0
    for node in selection.selections:
        if isinstance(node, FieldNode):
            count += 1
        elif isinstance(node, InlineFragmentNode):
            count += _count_roots(node.selection_set, fragments, memo)
        elif isinstance(node, FragmentSpreadNode) and node.name.value in fragments:
            name = node.name.value
            if name not in memo:
                memo[name] = 0
                memo[name] = _count_roots(fragments[name].selection_set, fragments, memo)
            count += memo[name]
    return count


def check_variables(variables: Mapping[str, Any], bounds: Bounds) -> None:
    """Raises LimitExceeded for more keys and list items, or deeper ones, than are worth checking: it costs more than to send them."""
    met = deepest = 0
    waiting: list[tuple[int, Any]] = [(0, variables)]
    while waiting:
        depth, value = waiting.pop()
        met += len(value)
        deepest = max(deepest, depth)
        parts = value.values() if isinstance(value, dict) else value
        waiting.extend((depth + 1, part) for part in parts if isinstance(part, dict | list))
    if met > bounds.max_variable_values:
        raise LimitExceeded(
            f"The variables hold {met:,} values; {bounds.max_variable_values:,} is the limit. Ask in several requests."
        )
    if deepest > MAX_VALUE_DEPTH:
        raise LimitExceeded(f"A variable is nested {deepest:,} deep; {MAX_VALUE_DEPTH} is the limit.")


@dataclass(frozen=True, slots=True)
class Cost:
    """`requested` is what the arguments allow for, in points of 100 rows; `values` the fields of all objects together."""

    rows: int
    values: int
    limit: int

    @property
    def requested(self) -> int:
        return -(-self.rows // ROWS_PER_POINT)

    @property
    def engine_rows(self) -> int:
        """Rows the engine may read for it, where a part of the question keeps a plan from answering all of it."""
        return max(1000, ENGINE_VALUES * self.rows // max(1, self.values))


def measure_cost(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    bounds: Bounds,
) -> Cost:
    """Rows a query may read: `first` or `last` of each connection, multiplied down the nesting. Raises CostLimitExceeded.

    Rows say what the stores have to do, values what is to be answered: a data set's tables and columns, asked for with
    each of 10,000 rows, read nothing more and would be a gigabyte.
    """
    counter = _Counter(schema, document, variables, bounds)
    assert schema.query_type
    counted = counter.count(operation.selection_set, schema.query_type, within=False)
    cost = Cost(counted.rows, counted.values, bounds.cost_limit)
    if cost.requested > cost.limit:
        raise CostLimitExceeded(
            f"The query asks for up to {cost.rows:,} rows, which costs {cost.requested:,} points of {ROWS_PER_POINT} rows; "
            f"{cost.limit:,} is the limit. Ask for smaller pages (`first`), above all where connections are nested."
        )
    if cost.values > bounds.max_values:
        raise CostLimitExceeded(
            f"The query asks for up to {cost.values:,} values (fields of all objects together); {bounds.max_values:,} is "
            "the limit. Ask for smaller pages (`first`) or fewer fields below them."
        )
    return cost


@dataclass(frozen=True, slots=True)
class _Count:
    """Of one object of a selection set: rows read below it, and values answered."""

    rows: int = 0
    values: int = 0


class _Counter:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any], bounds: Bounds
    ) -> None:
        self._schema = schema
        self._variables = variables
        self._bounds = bounds
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._memo: dict[tuple[str, bool], _Count] = {}

    def count(self, selection: SelectionSetNode | None, type_: GraphQLNamedType | None, *, within: bool) -> _Count:
        """For one object of the type; `within` a connection the default page is smaller."""
        rows = values = 0
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                below = self._count_field(node, type_, within=within)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                below_type = self._type(condition.name.value) if condition else type_
                below = self.count(node.selection_set, below_type, within=within)
            elif isinstance(node, FragmentSpreadNode):
                below = self._count_fragment(node.name.value, within=within)
            rows += below.rows
            values += below.values
        return _Count(rows, values)

    def _count_fragment(self, name: str, *, within: bool) -> _Count:
        key = (name, within)
        if key not in self._memo and name in self._fragments:
            self._memo[key] = _Count()
            fragment = self._fragments[name]
            type_ = self._type(fragment.type_condition.name.value)
            self._memo[key] = self.count(fragment.selection_set, type_, within=within)
        return self._memo.get(key, _Count())

    def _count_field(self, node: FieldNode, type_: GraphQLNamedType | None, *, within: bool) -> _Count:
        fields = type_.fields if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) else {}
        field = fields.get(node.name.value)
        if field is None:
            return _Count(0, 1)
        below_type = get_named_type(field.type)
        if "first" in field.args or "ids" in field.args:
            size = self._page_size(node, within=within) if "first" in field.args else self._count_ids(node)
            below = self.count(node.selection_set, below_type, within=True)
            return _Count(size * (1 + below.rows), 1 + size * below.values)
        below = self.count(node.selection_set, below_type, within=within)
        # The lists of a connection are as long as its page, which is counted already.
        paged = isinstance(type_, GraphQLObjectType) and "pageInfo" in type_.fields
        size = LIST_SIZE if is_list_type(get_nullable_type(field.type)) and not paged else 1
        return _Count(size * below.rows, 1 + size * below.values)

    def _count_ids(self, node: FieldNode) -> int:
        ids = self._argument(node, "ids")
        return len(ids) if isinstance(ids, list) else 1

    def _page_size(self, node: FieldNode, *, within: bool) -> int:
        given = [value for name in ("first", "last") if isinstance(value := self._argument(node, name), int)]
        if given:
            return max(0, *given)
        return self._bounds.nested_page_size if within else self._bounds.default_page_size

    def _argument(self, node: FieldNode, name: str) -> Any:
        value = next((argument.value for argument in node.arguments or () if argument.name.value == name), None)
        return self._value(value)

    def _value(self, value: ValueNode | None) -> Any:
        if isinstance(value, VariableNode):
            return self._variables.get(value.name.value)
        if isinstance(value, IntValueNode):
            return int(value.value)
        return list(value.values) if isinstance(value, ListValueNode) else None

    def _type(self, name: str) -> GraphQLNamedType | None:
        return self._schema.type_map.get(name)
