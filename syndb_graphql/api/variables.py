"""Variables of an operation coerced: leaves and lists of them straight by their types, whatever else by the engine's own function.

That function also has the words for what is wrong; it works out each variable's type anew at every request, though, which
costs a small query a tenth.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInputType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    is_leaf_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values


class Variables:
    """The variables that one operation declares."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode, max_errors: int) -> None:
        self._schema, self._max_errors = schema, max_errors
        self._definitions = operation.variable_definitions or ()
        self._plain: list[tuple[GraphQLVariableSignature, Callable[[Any], Any]]] | None = []
        """None where some variable is left to the engine, and so all are."""
        for definition in self._definitions:
            signature = get_variable_signature(schema, definition)
            coerce = None if isinstance(signature, GraphQLError) else _find_coercion(signature.type)
            if coerce is None or isinstance(signature, GraphQLError) or definition.default_value:
                self._plain = None
                break
            self._plain.append((signature, coerce))

    def coerce(self, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """The values as the engine holds them, or what is wrong with them."""
        if self._plain is not None:
            try:
                return self._coerce_plain(self._plain, given)
            except Exception:  # noqa: BLE001, S110 - any leaf may refuse a value in its own way; the engine says which and why
                pass
        return get_variable_values(self._schema, self._definitions, dict(given), self._max_errors)

    def _coerce_plain(
        self, plain: list[tuple[GraphQLVariableSignature, Callable[[Any], Any]]], given: Mapping[str, Any]
    ) -> VariableValues:
        sources, coerced = {}, {}
        for signature, coerce in plain:
            name = signature.name
            value = given.get(name, Undefined)
            sources[name] = VariableValueSource(signature, value)
            if value is not Undefined:
                coerced[name] = coerce(value)
            elif isinstance(signature.type, GraphQLNonNull):
                raise ValueError(name)
        return VariableValues(sources, coerced)


def _find_coercion(type_: GraphQLInputType) -> Callable[[Any], Any] | None:
    """A function that coerces a value to a leaf, or a list of such, and raises where it cannot."""
    if isinstance(type_, GraphQLNonNull):
        inner = _find_coercion(type_.of_type)
        return inner and _required(inner)
    if isinstance(type_, GraphQLList):
        inner = _find_coercion(type_.of_type)
        return inner and _listed(inner)
    return _leaf(type_) if is_leaf_type(type_) else None


def _required(coerce: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def coerce_required(value: Any) -> Any:
        if value is None:
            raise ValueError
        return coerce(value)

    return coerce_required


def _listed(coerce: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def coerce_listed(value: Any) -> Any:
        if value is not None and not isinstance(value, list):
            raise ValueError  # a list of one: left to the engine
        return value and [coerce(item) for item in value]

    return coerce_listed


def _leaf(type_: GraphQLLeafType) -> Callable[[Any], Any]:
    coerce = type_.coerce_input_value

    def coerce_leaf(value: Any) -> Any:
        if value is None:
            return None
        coerced = coerce(value)
        if coerced is Undefined:
            raise ValueError
        return coerced

    return coerce_leaf
