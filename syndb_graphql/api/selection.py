"""Which columns a query needs below a field, known before anything is read.

Fields are collected by the engine's own code, so aliases, fragments, interfaces, @skip and @include mean what they mean to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import FieldNode, GraphQLObjectType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_subfields

RowColumns = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By type, by field: the columns a field of a row is made of."""


def select_columns(info: GraphQLResolveInfo[Any], type_name: str, columns: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Columns of the rows of `type_name` directly below this field, in the order they are first needed."""
    return _row_columns(info, _object_type(info, type_name), info.field_nodes, columns)


def select_connection(
    info: GraphQLResolveInfo[Any], connection: str, edge: str, node: str, columns: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """Columns of the rows below `nodes` and `edges { node }`."""
    needed: list[str] = []
    row_type = _object_type(info, node)
    for name, nodes in _subfields(info, _object_type(info, connection), info.field_nodes):
        if name == "nodes":
            needed += _row_columns(info, row_type, nodes, columns)
        elif name == "edges":
            for below, node_nodes in _subfields(info, _object_type(info, edge), nodes):
                if below == "node":
                    needed += _row_columns(info, row_type, node_nodes, columns)
    return list(dict.fromkeys(needed))


def _row_columns(
    info: GraphQLResolveInfo[Any],
    type_: GraphQLObjectType,
    nodes: Sequence[FieldNode],
    columns: Mapping[str, tuple[str, ...]],
) -> list[str]:
    return list(dict.fromkeys(column for name, _ in _subfields(info, type_, nodes) for column in columns.get(name, ())))


def _subfields(
    info: GraphQLResolveInfo[Any], type_: GraphQLObjectType, nodes: Sequence[FieldNode]
) -> Iterator[tuple[str, list[FieldNode]]]:
    fragments = {name: FragmentDetails(definition) for name, definition in info.fragments.items()}
    collected = collect_subfields(
        info.schema,
        fragments,
        info.variable_values,
        info.operation,
        type_,
        [FieldDetails(node, None) for node in nodes],
    )
    for details in collected.grouped_field_set.values():
        yield details[0].node.name.value, [detail.node for detail in details]


def _object_type(info: GraphQLResolveInfo[Any], name: str) -> GraphQLObjectType:
    type_ = info.schema.type_map[name]
    assert isinstance(type_, GraphQLObjectType)
    return type_
