"""What a document may ask for, found without running it: depth, aliases, directives, root fields, and the rows it may read.

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
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from syndb_graphql.api.context import Bounds
from syndb_graphql.errors import CostLimitExceeded, LimitExceeded

ROWS_PER_POINT = 100


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


@dataclass(frozen=True, slots=True)
class Cost:
    """`requested` is what the arguments allow for, in points of 100 rows."""

    rows: int
    limit: int

    @property
    def requested(self) -> int:
        return -(-self.rows // ROWS_PER_POINT)


def measure_cost(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    bounds: Bounds,
) -> Cost:
    """Rows a query may read: `first` or `last` of each connection, multiplied down the nesting. Raises CostLimitExceeded."""
    counter = _RowCounter(schema, document, variables, bounds)
    assert schema.query_type
    cost = Cost(counter.count(operation.selection_set, schema.query_type, within=False), bounds.cost_limit)
    if cost.requested > cost.limit:
        raise CostLimitExceeded(
            f"The query asks for up to {cost.rows:,} rows, which costs {cost.requested:,} points of {ROWS_PER_POINT} rows; "
            f"{cost.limit:,} is the limit. Ask for smaller pages (`first`), above all where connections are nested."
        )
    return cost


class _RowCounter:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any], bounds: Bounds
    ) -> None:
        self._schema = schema
        self._variables = variables
        self._bounds = bounds
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._memo: dict[tuple[str, bool], int] = {}

    def count(self, selection: SelectionSetNode | None, type_: GraphQLNamedType | None, *, within: bool) -> int:
        """Rows for one object of the type; `within` a connection the default page is smaller."""
        rows = 0
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                rows += self._count_field(node, type_, within)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                rows += self.count(
                    node.selection_set, self._type(condition.name.value) if condition else type_, within=within
                )
            elif isinstance(node, FragmentSpreadNode) and node.name.value in self._fragments:
                key = (node.name.value, within)
                if key not in self._memo:
                    self._memo[key] = 0
                    fragment = self._fragments[node.name.value]
                    self._memo[key] = self.count(
                        fragment.selection_set, self._type(fragment.type_condition.name.value), within=within
                    )
                rows += self._memo[key]
        return rows

    def _count_field(self, node: FieldNode, type_: GraphQLNamedType | None, within: bool) -> int:  # noqa: FBT001
        fields = type_.fields if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) else {}
        field = fields.get(node.name.value)
        if field is None:
            return 0
        below_type = get_named_type(field.type)
        if "first" in field.args:
            size = self._page_size(node, within)
            return size * (1 + self.count(node.selection_set, below_type, within=True))
        if "ids" in field.args:
            ids = self._argument(node, "ids")
            size = len(ids) if isinstance(ids, list) else 1
            return size * (1 + self.count(node.selection_set, below_type, within=True))
        return self.count(node.selection_set, below_type, within=within)

    def _page_size(self, node: FieldNode, within: bool) -> int:  # noqa: FBT001
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
