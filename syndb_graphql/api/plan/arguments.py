"""A field's arguments as plain values. The engine coerces literals at each request; where only variables differ, a recipe is enough.

The variables are coerced by then, so whatever is said here by a variable is right as it is. Null and absent variables, which
may be errors or stand for defaults, are left to the engine's own function.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    Undefined,
    VariableNode,
    get_nullable_type,
)
from graphql.execution.values import get_argument_values
from graphql.language.ast import Node, ObjectValueNode

from syndb_graphql.api.build import to_plain
from syndb_graphql.api.context import Context

Given = Callable[[Context], Mapping[str, Any]]
"""A field's arguments as plain values, for the variables of the request: every one, None where it is absent."""


def make_given(definition: GraphQLField, node: FieldNode, variables: Any) -> Given:
    """`variables` are those of the first request; where no variable is in the arguments they are worked out for good."""
    absent = dict.fromkeys(definition.args)

    def coerce(variables: Any) -> Mapping[str, Any]:
        given: Mapping[str, Any] = to_plain(get_argument_values(definition, node, variables))
        return {**absent, **given}

    varied = {argument.name.value: argument.value for argument in node.arguments or () if _has_variable(argument.value)}
    if not varied:
        constant = coerce(variables)
        return lambda _context: constant
    recipes = {name: _find_recipe(definition.args[name], value) for name, value in varied.items()}
    if not all(recipes.values()):
        return lambda context: coerce(context.variables)
    # What does not vary is worked out with the first request, whose arguments may be wrong: then again with the next.
    constants: dict[str, Any] = {}

    def give(context: Context) -> Mapping[str, Any]:
        if not constants:
            given = coerce(context.variables)
            constants.update((name, value) for name, value in given.items() if name not in varied)
            constants.update(dict.fromkeys(varied))
            return given
        given = dict(constants)
        for name, recipe in recipes.items():
            assert recipe
            given[name] = recipe(context.variables.coerced)
            if given[name] is Undefined:
                return coerce(context.variables)
        return given

    return give


def _find_recipe(argument: GraphQLArgument, value: Any) -> Callable[[Mapping[str, Any]], Any] | None:
    """From the coerced variables to the argument; Undefined where the engine must see to it."""
    if isinstance(value, VariableNode):
        name = value.name.value
        null = (
            Undefined if isinstance(argument.type, GraphQLNonNull) or argument.default_value is not Undefined else None
        )
        return lambda variables: null if variables.get(name) is None else to_plain(variables[name])
    type_ = get_nullable_type(argument.type)
    if isinstance(value, ObjectValueNode) and isinstance(type_, GraphQLInputObjectType) and _is_one_of(type_):
        (field,) = value.fields
        if isinstance(field.value, VariableNode):
            key, name = field.name.value, field.value.name.value
            return lambda variables: Undefined if variables.get(name) is None else {key: to_plain(variables[name])}
    return None


def _is_one_of(type_: GraphQLInputObjectType) -> bool:
    """Strawberry keeps this to itself: the engine's own `is_one_of` stays False."""
    definition = type_.extensions.get("strawberry-definition")
    return type_.is_one_of or bool(definition and definition.is_one_of)


def _has_variable(node: Any) -> bool:
    if isinstance(node, VariableNode):
        return True
    if isinstance(node, list | tuple):
        return any(_has_variable(item) for item in node)
    return isinstance(node, Node) and any(_has_variable(getattr(node, key)) for key in node.keys if key != "loc")
