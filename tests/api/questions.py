"""Questions as hypothesis makes them: any valid query over the schema, with values that lead somewhere (and some that do not).

The walk goes over the schema itself, so a new type or field is asked for from the day it is there. What it needs to
know of the data (ids, cursors, what a row is known by) is gathered beforehand into a `Pool`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_leaf_type,
    is_non_null_type,
    is_required_argument,
)
from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]
MAX_LEVELS = 11
"""Fields below the operation; a connection takes two, so five of them fit into one another."""
MAX_FIELDS = 50
JUNK_IDS = ("", "junk", "Ωμέγα", "TmV1cm9uOg", "VGVybTo6bm90aGluZw", "=" * 20, "RGF0YXNldDo6AAAA")
JUNK_CURSORS = ("", "abc", "神", "A" * 43, "=", "A" * 1100)


@dataclass(frozen=True)
class Question:
    query: str
    variables: Mapping[str, Any]
    operation: str | None = None

    def __str__(self) -> str:
        return f"{self.query}\n{json.dumps(self.variables, ensure_ascii=False)}"


@dataclass(frozen=True)
class Place:
    """What is known of the object a selection is of."""

    dataset: str | None = None
    cid: str | None = None
    type_name: str | None = None


@dataclass(repr=False)
class Pool:
    """What may be asked for: the schema, and what there is in the data, as texts of the graph. Filled when that is loaded."""

    schema: GraphQLSchema = field(default_factory=GraphQLSchema)

    datasets: list[tuple[str, str]] = field(default_factory=list)
    """uuid and label"""
    rows: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    """By data set and field of the look-up (`neuron`): cid and source id."""
    ids: list[tuple[str, Place]] = field(default_factory=list)
    cursors: dict[tuple[str | None, str | None, str], list[str]] = field(default_factory=dict)
    """By data set, cid (of what the connection hangs from) and field."""


SEARCHES = ("mouse", "MICE cort", "worm ", "dröso", "everything", "10.7554/eLife.57443", " ", "x" * 501, None)


class Name(str):
    """A value that is written without quotes: an enum's."""

    __slots__ = ()


@st.composite
def questions(draw: Draw, pool: Pool) -> Question:
    return _Writer(draw, pool).question()


class _Writer:
    def __init__(self, draw: Draw, pool: Pool) -> None:
        self._draw, self._schema, self._pool = draw, pool.schema, pool
        self._random = Random(0)
        self._left = draw(st.integers(3, MAX_FIELDS))
        self._definitions: list[str] = []
        self._variables: dict[str, Any] = {}
        self._fragments: dict[str, tuple[str, int]] = {}
        """Type and levels of each."""
        self._fragment_texts: list[str] = []
        self._keys: dict[str, tuple[str, str, str]] = {}
        """What each response key means in the whole document, so that fields of one key can always be merged."""

    def question(self) -> Question:
        assert self._schema.query_type
        selection = self._selection(self._schema.query_type, MAX_LEVELS, Place())
        head = f"query Asked({', '.join(self._definitions)})" if self._definitions else "query Asked"
        texts = [f"{head} {selection}", *self._fragment_texts]
        operation = None
        if self._chance(5):
            texts.append("query Other { server { version } }")
            operation = "Asked"
        return Question("\n".join(texts), self._variables, operation)

    # ── Choices within a part of a selection; hypothesis draws the parts, so that it can leave out what is not needed ──
    def _chance(self, percent: int) -> bool:
        return self._random.random() * 100 < percent

    def _pick(self, choices: Sequence[Any]) -> Any:
        return self._random.choice(choices)

    # ── Selections ──
    def _selection(self, type_: GraphQLNamedType, levels: int, place: Place) -> str:
        parts = []
        is_row = "sourceId" in type_.fields  # type: ignore[union-attr]
        for _ in range(self._draw(st.integers(1, 6 if is_row else 3))):
            around, self._random = self._random, Random(self._draw(st.integers(0, 2**32)))
            parts.append(self._part(type_, levels, place))
            self._random = around
        return "{ " + " ".join(parts) + " }"

    def _part(self, type_: GraphQLNamedType, levels: int, place: Place) -> str:
        assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        conditions = self._conditions(type_)
        leads = place.type_name in conditions and isinstance(type_, GraphQLInterfaceType)
        if levels > 1 and self._chance(70 if leads else 12):
            condition = place.type_name if leads and self._chance(85) else self._pick(conditions)
            return self._fragment(str(condition), levels, place)
        if self._chance(6):
            return self._tell("__typename", "", "String!") + self._directive()
        name = self._field_name(type_, levels)
        text = self._field(type_, name, levels, place)
        # The same field twice is answered once, with what both select.
        return text if not self._chance(4) else f"{text} {self._field(type_, name, levels, place)}"

    def _conditions(self, type_: GraphQLObjectType | GraphQLInterfaceType) -> list[str]:
        if isinstance(type_, GraphQLObjectType):
            return [type_.name, *(interface.name for interface in type_.interfaces)]
        objects = self._schema.get_possible_types(type_)
        interfaces = {interface.name for object_ in objects for interface in object_.interfaces}
        return [*sorted(object_.name for object_ in objects), *sorted(interfaces)]

    def _fragment(self, condition: str, levels: int, place: Place) -> str:
        known = [name for name, (type_, depth) in self._fragments.items() if type_ == condition and depth <= levels]
        if known and self._chance(40):
            return f"...{self._pick(known)}{self._directive()}"
        selection = self._selection(self._schema.type_map[condition], levels, place)
        if self._chance(30):
            name = f"F{len(self._fragments)}"
            self._fragments[name] = (condition, levels)
            self._fragment_texts.append(f"fragment {name} on {condition} {selection}")
            return f"...{name}{self._directive()}"
        return f"... on {condition}{self._directive()} {selection}"

    def _field_name(self, type_: GraphQLObjectType | GraphQLInterfaceType, levels: int) -> str:
        names = list(type_.fields)
        leaves = [name for name in names if is_leaf_type(get_named_type(type_.fields[name].type))]
        others = [name for name in names if name not in leaves]
        if type_ is self._schema.query_type:
            names = ["dataset", "dataset", "datasets", "node", "nodes", *names]
            others = [
                *others,
                "dataset",
                "dataset",
                "dataset",
                "datasets",
                "datasets",
                "node",
                "node",
                "nodes",
                "nodes",
            ]
        # What a row is made of lies below data sets and connections.
        leads = type_.name == "Dataset" or "pageInfo" in type_.fields or "cursor" in type_.fields
        if leaves and (not others or levels <= 1 or self._left <= 0 or self._chance(15 if leads else 60)):
            return str(self._pick(leaves))
        connections = [name for name in others if "first" in type_.fields[name].args]
        if connections and self._chance(50):
            return str(self._pick(connections))
        return str(self._pick(others))

    def _field(self, type_: GraphQLObjectType | GraphQLInterfaceType, name: str, levels: int, place: Place) -> str:
        self._left -= 1
        definition: GraphQLField = type_.fields[name]
        arguments, below = self._arguments(type_, name, definition, place)
        head = self._tell(name, arguments, str(definition.type))
        named = get_named_type(definition.type)
        if is_leaf_type(named):
            return head + self._directive()
        if levels <= 1 or (self._left <= 0 and isinstance(named, GraphQLInterfaceType)):
            return f"{head}{self._directive()} {{ __typename }}"
        return f"{head}{self._directive()} {self._selection(named, levels - 1, below)}"

    def _tell(self, name: str, arguments: str, type_: str) -> str:
        """The field with its arguments, under a key that means nothing else."""
        meaning = (name, arguments, type_)
        key = self._pick(("a", "b", "id", "nodes", "name", "__x")) if self._chance(12) else name
        if self._keys.setdefault(key, meaning) != meaning:
            key = next((known for known, other in self._keys.items() if other == meaning), f"k{len(self._keys)}")
            self._keys[key] = meaning
        return f"{name}{arguments}" if key == name else f"{key}: {name}{arguments}"

    def _directive(self) -> str:
        if not self._chance(7):
            return ""
        name = self._pick(("include", "skip"))
        plain = "true" if name == "include" else "false"
        value = self._pick((plain, "true", "false", "$"))
        if value == "$":
            wanted = self._chance(50)
            # A default makes a nullable one fit; null is then found out when the selection is collected.
            nullable = ("Boolean", None if self._chance(20) else wanted, "true")
            value = self._define(*nullable) if self._chance(20) else self._define("Boolean!", wanted)
        return f" @{name}(if: {value})"

    # ── Arguments ──
    def _arguments(
        self, type_: GraphQLNamedType, name: str, definition: GraphQLField, place: Place
    ) -> tuple[str, Place]:
        """As text, and what is then known of the object that is answered."""
        given: dict[str, Any] = {}
        below = Place(place.dataset) if type_ is not self._schema.query_type else Place()
        if "before" in definition.args:
            given = self._page(name, place)
        if "filter" in definition.args and self._chance(50):
            given["filter"] = None if self._chance(10) else self._filter(2)
        if "under" in definition.args:
            given["name"] = self._enum(definition, "name")
            given |= {"search": self._pick(SEARCHES)} if self._chance(50) else {"under": "brain"}
        if "orderBy" in definition.args and self._chance(40):
            given["orderBy"] = self._orders(definition)
        if name == "facets":
            given["by"] = [self._enum(definition, "by") for _ in range(self._random.randrange(4))]
            given["first"] = self._pick((-1, 201)) if self._chance(1) else self._pick((0, 1, 9, None))
        elif "by" in definition.args:
            given["by"], below = self._known_by(name, place)
        if "bins" in definition.args:
            given |= {"table": self._enum(definition, "table"), "bins": self._pick((1, 3, None, 20))}
        if "unit" in definition.args and self._chance(50):
            given["unit"] = self._pick((Name("MICROMETER"), Name("NANOMETER"), None))
        if "id" in definition.args:
            given["id"], below = self._id()
        if "ids" in definition.args:
            found = [self._id() for _ in range(self._random.randrange(6))]
            given["ids"] = [id_ for id_, _ in found] + ([found[0][0]] if found and self._chance(20) else [])
            below = replace(found[0][1], dataset=None, cid=None) if found else Place()
        texts = [f"{key}: {self._value(definition.args[key], value)}" for key, value in given.items()]
        texts = [text for text in texts if not text.endswith(": ")]
        return f"({', '.join(texts)})" if texts else "", below

    def _enum(self, definition: GraphQLField, argument: str) -> Name:
        return Name(self._pick(sorted(get_named_type(definition.args[argument].type).values)))  # type: ignore[union-attr]

    def _orders(self, definition: GraphQLField) -> list[dict[str, Any]]:
        order = get_named_type(definition.args["orderBy"].type)
        fields = sorted(get_named_type(order.fields["field"].type).values)  # type: ignore[union-attr]
        chosen = self._random.sample(fields, self._random.randrange(3)) + ([fields[0]] if self._chance(2) else [])
        directions: tuple[dict[str, Any], ...] = ({}, {"direction": Name("ASC")}, {"direction": Name("DESC")})
        return [{"field": Name(field), **self._pick(directions)} for field in chosen]

    def _page(self, name: str, place: Place) -> dict[str, Any]:
        given: dict[str, Any] = {}
        backwards = self._chance(25)
        if self._chance(90):
            size = self._random.randrange(8) if not self._chance(8) else self._pick((17, 40, None))
            given["last" if backwards else "first"] = self._pick((-1, 10_001)) if self._chance(1) else size
        if self._chance(2):
            given["first" if backwards else "last"] = self._pick((None, 2))
        for argument in ("after", "before"):
            known = self._pool.cursors.get((place.dataset, place.cid, name), ())
            if known and self._chance(35):
                given[argument] = self._pick(known)
            elif self._chance(3):
                given[argument] = None
            elif self._chance(1):
                given[argument] = self._foreign_cursor()
        return given

    def _foreign_cursor(self) -> Any:
        if self._chance(30):
            return self._pick(JUNK_CURSORS)
        return self._pick(self._pool.cursors[self._pick(sorted(self._pool.cursors, key=str))])

    def _known_by(self, name: str, place: Place) -> tuple[Any, Place]:
        if name == "dataset":
            uuid, label = self._pick(self._pool.datasets)
            if self._chance(3):
                return self._pick(({"label": "no such label"}, {"uuid": "0" * 32})), Place()
            return self._pick(({"uuid": uuid}, {"label": label})), Place(uuid, None, "Dataset")
        known = self._pool.rows.get((place.dataset or "", name), ())
        if not known or self._chance(5):
            return self._pick(({"sourceId": "no such id"}, {"cid": "f" * 32}, {"sourceId": ""})), Place(place.dataset)
        cid, source = self._pick(known)
        return self._pick(({"cid": cid}, {"sourceId": source})), Place(place.dataset, cid)

    def _id(self) -> tuple[str, Place]:
        if self._chance(6):
            return self._pick(JUNK_IDS), Place()
        found: tuple[str, Place] = self._pick(self._pool.ids)
        return found

    def _filter(self, levels: int) -> dict[str, Any]:
        uuid, label = self._pick(self._pool.datasets)
        table = Name(self._pick(("NEURON", "SYNAPSE", "VESICLE")))
        plain: list[dict[str, Any]] = [
            {},
            {"label": self._pick(({"eq": label}, {"ne": label}, {"startsWith": "M"}, {"contains": " "}, {"in": [label]}))},
            {"uuid": self._pick(({"eq": uuid}, {"in": [uuid]}, {"isNull": False}))},
            {"search": self._pick(SEARCHES)},
            {"notes": self._pick(({"isNull": True}, {"contains": "Ω"}, {"eq": None}))},
            {"wildType": self._pick((True, False, None))},
            {"license": ["CC-BY-4.0"]},
            {"doi": ["https://doi.org/10.7554/eLife.57443"]},
            {"tables": self._pick(({"hasAll": [table, Name("NEURON")]}, {"hasAny": [table]}, {"hasAny": []}))},
            {"rowCount": {"table": table, "count": self._pick(({"gt": 10}, {"lte": 5}, {}, {"in": [1, 2]}))}},
            {"publishedAt": self._pick(({"lt": "2026-03-02T00:00:00Z"}, {"gte": "2026-01-01T00:00:00+02:00"}))},
        ]  # fmt: skip
        if levels and self._chance(30):
            parts = [self._filter(levels - 1), self._filter(levels - 1)]
            return {"not": parts[0]} if self._chance(40) else {self._pick(("and", "or")): parts}
        found: dict[str, Any] = self._pick(plain)
        return found

    # ── Values: as they are, or through variables ──
    def _value(self, argument: GraphQLArgument, value: Any) -> str:
        """Empty where the argument is left out after all."""
        type_ = str(argument.type)
        if self._chance(25):
            return self._define_for(argument, type_, value)
        if isinstance(value, dict) and len(value) == 1 and self._chance(20):
            ((key, inner),) = value.items()
            named = get_named_type(argument.type)
            inner_type = str(named.fields[key].type)  # type: ignore[union-attr]
            if type_.startswith(("RowBy", "DatasetBy")):
                inner_type += "!"
            return f"{{{key}: {self._define(inner_type, inner)}}}"
        if isinstance(value, list) and value and self._chance(20):
            rest = "".join(f", {_literal(item)}" for item in value[1:])
            return f"[{self._define(type_.strip('[]!') + '!', value[0])}{rest}]"
        return _literal(value)

    def _define_for(self, argument: GraphQLArgument, type_: str, value: Any) -> str:
        if not is_non_null_type(argument.type):
            if self._chance(15):
                return self._define(type_, Undefined)  # absent: as if the argument were not there
            if value is not None and self._chance(20):
                return self._define(type_ + "!", value)
            if self._chance(20):
                return self._define(type_, self._pick((Undefined, value, None)), _literal(value))
            return self._define(type_, value)
        if self._chance(15):
            # Nullable with a default fits too; null is then found out by the field.
            given = None if self._chance(10) else self._pick((Undefined, value))
            return self._define(type_[:-1], given, _literal(value))
        assert is_required_argument(argument) or argument.default_value is not Undefined
        return self._define(type_, value)

    def _define(self, type_: str, value: Any, default: str | None = None) -> str:
        name = f"v{len(self._definitions)}"
        self._definitions.append(f"${name}: {type_}{'' if default is None else f' = {default}'}")
        if value is not Undefined:
            self._variables[name] = value
        return f"${name}"


def _literal(value: Any) -> str:
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_literal(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
