"""Strawberry types made from data: the graph follows from schema/, so its types cannot be written down as classes.

A field is a resolver `(source, info, **arguments)`, what it returns, and words for people; a type is a name and fields.
Names are those of the graph, written as they are shown.
"""

import inspect
import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType

Resolver = Callable[..., Any]
Type = Any
"""Whatever Strawberry takes for an annotation."""


@dataclass(frozen=True, slots=True)
class Argument:
    type: Type
    description: str
    default: Any = inspect.Parameter.empty
    """Left out: required where the type is non-null, absent (None) otherwise."""


_annotated: Any = Annotated  # called with types known only at run time


def list_of(type_: Type) -> Type:
    """A list of a type that is known only at run time."""
    return list[type_]


class Forward(LazyType[Any, Any]):
    """A type by its name, looked up in `types` when the schema is made: types of the graph refer to each other in circles."""

    def __init__(self, name: str, types: Mapping[str, Type]) -> None:
        super().__init__(name, __name__)
        object.__setattr__(self, "_types", types)

    def resolve_type(self) -> Type:
        return self._types[self.type_name]  # type: ignore[attr-defined]


def make_field(
    resolve: Resolver, returns: Type, description: str, arguments: Mapping[str, Argument] | None = None
) -> StrawberryField:
    """A field whose resolver is called with the source, the Info and every argument as a plain value (see `to_plain`)."""

    # Strawberry leaves out what was not given; a resolver gets every argument, None for those.
    absent = dict.fromkeys(arguments or (), None)

    def resolver(root: Any, info: strawberry.Info, **given: Any) -> Any:
        return resolve(root, info, **absent | {name: to_plain(value) for name, value in given.items()})

    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter("root", positional),
        inspect.Parameter("info", positional, annotation=strawberry.Info),
    ]
    for name, argument in (arguments or {}).items():
        words = strawberry.argument(description=argument.description, name=name)
        annotation = _annotated[argument.type, words]
        default = argument.default
        if default is inspect.Parameter.empty and _is_optional(argument.type):
            default = strawberry.UNSET
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        )
    resolver.plain = resolve  # type: ignore[attr-defined]
    resolver.__signature__ = inspect.Signature(parameters, return_annotation=returns)  # type: ignore[attr-defined]
    resolver.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters[1:]} | {
        "return": returns
    }
    field: StrawberryField = strawberry.field(resolver=resolver, description=description)
    field.python_name = field.graphql_name = ""
    return field


def make_type(
    name: str,
    fields: Mapping[str, StrawberryField],
    description: str,
    *,
    interfaces: Sequence[type] = (),
    is_type_of: Callable[[Any], bool] | None = None,
) -> Type:
    namespace = _namespace(fields)
    if is_type_of is not None:
        namespace["is_type_of"] = classmethod(lambda _cls, source, _info: is_type_of(source))
    return strawberry.type(type(name, tuple(interfaces), namespace), name=name, description=description)


def make_interface(
    name: str, fields: Mapping[str, StrawberryField], description: str, *, interfaces: Sequence[type] = ()
) -> Type:
    return strawberry.interface(type(name, tuple(interfaces), _namespace(fields)), name=name, description=description)


def make_enum(name: str, values: Mapping[str, tuple[Any, str]], description: str) -> Type:
    """Values by name: what each is within the server, and words for people."""
    members = {member: strawberry.enum_value(value, description=words) for member, (value, words) in values.items()}
    make: Callable[..., Type] = Enum
    return strawberry.enum(make(name, members), name=name, description=description)


def make_input(name: str, fields: Mapping[str, Argument], description: str, *, one_of: bool = False) -> Type:
    """An input all of whose fields may be left out, unless their type is non-null."""
    namespace: dict[str, Any] = {"__annotations__": {}}
    for field, argument in fields.items():
        attribute = f"{field}_" if keyword.iskeyword(field) else field
        default = {} if argument.default is inspect.Parameter.empty else {"default": argument.default}
        if not default and _is_optional(argument.type):
            default = {"default": strawberry.UNSET}
        namespace["__annotations__"][attribute] = argument.type
        namespace[attribute] = strawberry.field(name=field, description=argument.description, **default)
    return strawberry.input(type(name, (), namespace), name=name, description=description, one_of=one_of)


def to_plain(value: Any) -> Any:
    """An argument as plain data: an enum's value, an input as a dictionary by the names of the graph without what is null or absent."""
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: to_plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "__strawberry_definition__"):
        fields = value.__strawberry_definition__.fields
        facts = {field.graphql_name or field.python_name: getattr(value, field.python_name) for field in fields}
        return {
            name: to_plain(item) for name, item in facts.items() if item is not None and item is not strawberry.UNSET
        }
    return value


def _namespace(fields: Mapping[str, StrawberryField]) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__annotations__": {}}
    for name, field in fields.items():
        field.python_name = field.graphql_name = name
        namespace[name] = field
    return namespace


def _is_optional(type_: Type) -> bool:
    return type(None) in getattr(type_, "__args__", ())
