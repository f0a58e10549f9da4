"""Variables coerced by their types' shortcut are what the engine's own function makes of them, errors included."""

from functools import cache
from typing import Any

from graphql import GraphQLSchema, OperationDefinitionNode, parse
from graphql.execution.values import VariableValues, get_variable_values
from hypothesis import example, given
from hypothesis import strategies as st

from syndb_graphql.api.context import Bounds
from syndb_graphql.api.schema import build_schema
from syndb_graphql.api.variables import Variables
from syndb_graphql.spec.load import load_default_model

TYPES = [
    "Int",
    "Int!",
    "String",
    "UUID!",
    "ID",
    "[ID!]!",
    "[UUID]",
    "[[Int!]]!",
    "Boolean!",
    "LengthUnit",
    "DatasetBy!",
]
UUID = "5f3ab5c1-6d0c-5b0e-9a53-0d6f3b0f5d11"
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**33), 2**33), st.floats(), st.sampled_from(["", "NM", "UM", UUID, "ñ"])
)
VALUES = st.recursive(PLAIN, lambda value: st.lists(value, max_size=3) | st.dictionaries(st.just("uuid"), value))


@cache
def schema() -> GraphQLSchema:
    return build_schema(load_default_model(), Bounds(), "test")._schema


def read_both(types: list[str], variables: dict[str, Any]) -> tuple[Any, Any]:
    declared = " ".join(f"$v{number}: {type_}" for number, type_ in enumerate(types))
    (operation,) = parse(f"query ({declared}) {{ __typename }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    ours = Variables(schema(), operation, 5).coerce(variables)
    return ours, get_variable_values(schema(), operation.variable_definitions or (), dict(variables), 5)


@given(st.lists(st.tuples(st.sampled_from(TYPES), st.one_of(VALUES, st.just(...))), min_size=1, max_size=4))
@example([("[ID!]!", "one"), ("Int", ...)])
@example([("UUID!", UUID), ("Int! = 3", ...)])
def test_any_variables_are_what_the_engine_makes_of_them(declared):
    variables = {f"v{number}": value for number, (_, value) in enumerate(declared) if value is not ...}
    ours, engines = read_both([type_ for type_, _ in declared], variables)
    if isinstance(engines, VariableValues):
        assert repr(ours.coerced) == repr(engines.coerced)  # by their words: NaN is not itself
        assert _told(ours) == _told(engines)
    else:
        assert [error.message for error in ours] == [error.message for error in engines]


def _told(values: VariableValues) -> list[str]:
    return [f"{name} {source.signature.type} {source.value!r}" for name, source in values.sources.items()]
