"""Reads schema/ into a `Model`. Every mistake is a SchemaError that names the file, the table or term, and the key.

The facts are TOML; their shape is the `_…Facts` structs below (an unknown key is an error). Nothing is inherited:
a table lists terms, a term is said once in columns.toml.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

from syndb_graphql.errors import SchemaError
from syndb_graphql.spec.model import (
    Column,
    Interface,
    Kind,
    Model,
    OntologyTerm,
    Reference,
    Relation,
    Table,
    Term,
    VocabularyTerm,
)
from syndb_graphql.spec.naming import camel, nearest
from syndb_graphql.spec.types import BIGINT, BOOLEAN, COLUMN_TYPES, DIMENSIONS, FLOAT, INT, TEXT, UUID

_PACKAGE = Path(__file__).resolve().parents[1]
SCHEMA_DIR = next(path for path in (_PACKAGE / "schema", _PACKAGE.parent / "schema") if path.is_dir())
"""Inside the package where it was installed from a wheel, beside it in a checkout."""

RESERVED = frozenset(
    [
        "id",
        "cid",
        "sourceId",
        "nodes",
        "edges",
        "node",
        "cursor",
        "pageInfo",
        "dataset",
        "parent",
        "neuron",
        "mesh",
        "skeleton",
        "mutation",
        "query",
        "subscription",
    ]
)
"""Names the graph itself uses on every row: no term of its own may take one."""

AXES = ("z", "x", "y")
FILE_COLUMNS = (
    ("key", TEXT),
    ("name", TEXT),
    ("size", BIGINT),
    ("sha256", TEXT),
    ("content_type", TEXT),
    ("unit", TEXT),
    ("scale_x", FLOAT),
    ("scale_y", FLOAT),
    ("scale_z", FLOAT),
)
MESH_COLUMNS = (
    ("watertight", BOOLEAN),
    ("volume_method", TEXT),
    ("boundary_edges", INT),
    ("vertex_count", INT),
    ("face_count", INT),
)
SKELETON_COLUMNS = (("point_count", INT), ("tree_count", INT))


class _OntologyFacts(msgspec.Struct, forbid_unknown_fields=True):
    curie: str
    name: str


class _TermFacts(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    description: str
    field: str | None = None
    unit: str | None = None
    example: str = ""
    term: _OntologyFacts | None = None
    vocabulary: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    comparable: str = "everywhere"
    scale: str = "linear"
    aliases: tuple[str, ...] = ()
    table: str | None = None


class _InterfaceFacts(msgspec.Struct, forbid_unknown_fields=True):
    description: str
    columns: tuple[str, ...]


class _RelationFacts(msgspec.Struct, forbid_unknown_fields=True):
    owner: str
    field: str
    description: str
    component: str | None = None


class _TableFacts(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    field: str
    fields: str
    description: str
    level: int
    columns: tuple[str, ...]
    term: _OntologyFacts | None = None
    key: tuple[str, ...] = ()
    references: dict[str, tuple[str, ...]] = {}
    relations: dict[str, _RelationFacts] = {}


class _VocabularyTermFacts(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    curie: str | None = None
    synonyms: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()
    url: str | None = None
    description: str | None = None


class _VocabularyFacts(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    description: str
    terms: tuple[_VocabularyTermFacts, ...]


@cache
def load_default_model() -> Model:
    """The model this package ships."""
    return load_model(SCHEMA_DIR)


def load_model(directory: Path) -> Model:
    """Read `directory` (columns.toml, interfaces.toml, tables/, vocabularies/). Raises SchemaError."""
    vocabularies, descriptions = _load_vocabularies(directory / "vocabularies")
    terms = _read(directory / "columns.toml", dict[str, _TermFacts])
    for name, facts in terms.items():
        _check_term(directory / "columns.toml", name, facts, vocabularies)
    interfaces = {
        name: Interface(name, facts.description, facts.columns)
        for name, facts in _read(directory / "interfaces.toml", dict[str, _InterfaceFacts]).items()
    }
    paths = sorted((directory / "tables").glob("*.toml"))
    facts_of = {path.stem: _read(path, _TableFacts) for path in paths}
    tables = [
        _load_table(
            path, facts_of[path.stem], terms, interfaces, {name: facts.level for name, facts in facts_of.items()}
        )
        for path in paths
    ]
    _check_distinct(directory, tables)
    ordered = sorted(tables, key=lambda table: (table.level, table.name))
    return Model({table.name: table for table in ordered}, interfaces, vocabularies, descriptions)


_Facts = TypeVar("_Facts")


def _read(path: Path, shape: type[_Facts]) -> _Facts:
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), shape)
    except FileNotFoundError:
        raise SchemaError(f"{path}: the file is missing.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise SchemaError(f"{path}: {error}") from error


def _check_term(path: Path, name: str, facts: _TermFacts, vocabularies: Mapping[str, object]) -> None:
    kinds = [*(kind for kind in Kind if kind is not Kind.PLAIN), *(type_ for type_ in COLUMN_TYPES if type_ != "uuid")]
    where = f"{path}: [{name}]"
    if facts.type not in kinds:
        raise SchemaError(f"{where} type: '{facts.type}' is none of {', '.join(kinds)}.{nearest(facts.type, kinds)}")
    if facts.unit is not None and facts.unit not in DIMENSIONS:
        raise SchemaError(
            f"{where} unit: '{facts.unit}' is none of {', '.join(DIMENSIONS)}.{nearest(facts.unit, DIMENSIONS)}"
        )
    if facts.unit is not None and facts.type not in ("float", "point", "box"):
        raise SchemaError(f"{where} unit: only float, point and box have one, not {facts.type}.")
    if facts.vocabulary is not None and facts.vocabulary not in vocabularies:
        raise SchemaError(
            f"{where} vocabulary: there is no '{facts.vocabulary}'.{nearest(facts.vocabulary, vocabularies)}"
        )
    if facts.comparable not in ("everywhere", "dataset"):
        raise SchemaError(f"{where} comparable: '{facts.comparable}' is neither everywhere nor dataset.")
    if facts.scale not in ("linear", "log"):
        raise SchemaError(f"{where} scale: '{facts.scale}' is neither linear nor log.")
    field = facts.field or camel(name)
    if facts.type in COLUMN_TYPES and field in RESERVED:
        raise SchemaError(f"{where}: '{field}' is a name of the graph itself; choose another, or give it a `field`.")
    if not field.isidentifier() or not field.isascii() or field.startswith("_"):
        raise SchemaError(f"{where} field: '{field}' is no name of GraphQL.")


def _load_table(
    path: Path,
    facts: _TableFacts,
    terms: Mapping[str, _TermFacts],
    interfaces: Mapping[str, Interface],
    levels: Mapping[str, int],
) -> Table:
    for name in facts.columns:
        if name not in terms:
            raise SchemaError(f"{path}: columns: '{name}' is not in columns.toml.{nearest(name, terms)}")
    if len(set(facts.columns)) != len(facts.columns):
        twice = next(name for name in facts.columns if facts.columns.count(name) > 1)
        raise SchemaError(f"{path}: columns: '{twice}' is listed twice.")
    parents = tuple(
        sorted((name for name in levels if levels[name] < facts.level), key=lambda name: (levels[name], name))
    )
    targets = {"parent": parents, "neuron": ("neuron",), **facts.references}
    for name, tables in facts.references.items():
        _check_known(path, f"references.{name}", (name,), facts.columns)
        _check_known(path, f"references.{name}", tables, levels)
    built = tuple(_build_term(path, name, terms[name], targets) for name in facts.columns)
    _check_known(path, "key", facts.key, facts.columns)
    return Table(
        name=path.stem,
        type_name=facts.type,
        field=facts.field,
        fields=facts.fields,
        description=facts.description,
        ontology=OntologyTerm(facts.term.curie, facts.term.name) if facts.term else None,
        level=facts.level,
        terms=built,
        interfaces=tuple(name for name, face in interfaces.items() if set(face.terms) <= set(facts.columns)),
        parents=parents if "parent" in facts.columns else (),
        relations=_build_relations(path, facts, {term.name: term for term in built}),
        key=facts.key,
    )


def _build_term(path: Path, name: str, facts: _TermFacts, targets: Mapping[str, tuple[str, ...]]) -> Term:
    field = facts.field or camel(name)
    columns: tuple[Column, ...]
    reference = None
    if facts.type in COLUMN_TYPES:
        kind, columns = Kind.PLAIN, (_build_column(name, field, facts, COLUMN_TYPES[facts.type].name),)
    elif facts.type == Kind.POINT:
        kind = Kind.POINT
        columns = tuple(_build_column(f"{name}_{axis}", f"{field} {{ {axis} }}", facts, "float") for axis in AXES)
    elif facts.type == Kind.BOX:
        kind = Kind.BOX
        columns = tuple(
            _build_column(f"{name}_{end}_{axis}", f"{field} {{ {end} {{ {axis} }} }}", facts, "float")
            for end in ("min", "max")
            for axis in ("x", "y", "z")
        )
    elif facts.type in (Kind.MESH, Kind.SKELETON):
        kind = Kind(facts.type)
        own = MESH_COLUMNS if kind is Kind.MESH else SKELETON_COLUMNS
        columns = tuple(Column(f"{name}_file_{part}", type_) for part, type_ in (*FILE_COLUMNS, *own))
    else:
        if name not in targets:
            raise SchemaError(
                f"{path}: [references] '{name}': say which tables it may point to, such as {name} = [\"neuron\"]."
            )
        kind, reference = Kind.REFERENCE, _build_reference(name, facts, targets[name])
        columns = _reference_columns(reference, facts)
    return Term(name, kind, field, facts.description, columns, facts.unit, reference)


def _build_column(name: str, selection: str, facts: _TermFacts, type_: str) -> Column:
    return Column(
        name=name,
        type=COLUMN_TYPES[type_],
        description=facts.description,
        selection=selection,
        unit=facts.unit,
        example=facts.example,
        ontology=OntologyTerm(facts.term.curie, facts.term.name) if facts.term else None,
        vocabulary=facts.vocabulary,
        minimum=facts.minimum,
        maximum=facts.maximum,
        comparable=facts.comparable == "everywhere",
        scale=facts.scale,
        aliases=facts.aliases,
    )


def _build_reference(name: str, facts: _TermFacts, targets: tuple[str, ...]) -> Reference:
    several = name == "parent" or len(targets) > 1
    return Reference(
        name, f"{name}_id", f"{name}_source_id", (facts.table or f"{name}_table") if several else None, targets
    )


def _reference_columns(reference: Reference, facts: _TermFacts) -> tuple[Column, ...]:
    field = camel(reference.name)
    what = facts.description.rstrip(".")
    columns = [
        Column(reference.id, UUID, f"{what}: its cid.", f"{field}Id", aliases=facts.aliases),
        Column(reference.source, TEXT, f"{what}: its id as the contributor gave it.", f"{field}SourceId"),
    ]
    if reference.table:
        columns.append(Column(reference.table, TEXT, f"{what}: the table it lies in.", f"{field}Table"))
    return tuple(columns)


def _build_relations(path: Path, facts: _TableFacts, terms: Mapping[str, Term]) -> dict[str, Relation]:
    relations = {}
    if "parent" in terms and "neuron" in terms:
        relations["owned"] = Relation("owned", path.stem, "owner_id", "parent_id", facts.fields, facts.description)
    for name, relation in facts.relations.items():
        owner = _reference_id(path, f"relations.{name}.owner", relation.owner, terms)
        component = (
            _reference_id(path, f"relations.{name}.component", relation.component, terms)
            if relation.component
            else None
        )
        relations[name] = Relation(name, path.stem, owner, component, relation.field, relation.description)
    return relations


def _reference_id(path: Path, key: str, name: str, terms: Mapping[str, Term]) -> str:
    reference = terms[name].reference if name in terms else None
    if reference is None:
        raise SchemaError(f"{path}: [{key}] '{name}' is no reference of this table.{nearest(name, terms)}")
    return reference.id


def _check_known(path: Path, key: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            raise SchemaError(f"{path}: [{key}] there is no '{name}'.{nearest(name, known)}")


def _check_distinct(directory: Path, tables: Iterable[Table]) -> None:
    """Two tables must not share a name in the graph, nor two columns of a table."""
    seen: dict[str, str] = {}
    for table in tables:
        path = directory / "tables" / f"{table.name}.toml"
        for key, name in (("type", table.type_name), ("field", table.field), ("fields", table.fields)):
            if seen.setdefault(name, table.name) != table.name:
                raise SchemaError(f"{path}: {key}: '{name}' is taken by table '{seen[name]}'.")
        names = [column.name for column in table.columns]
        for name in names:
            if names.count(name) > 1:
                raise SchemaError(f"{path}: columns: two terms are stored in a column '{name}'.")


def _load_vocabularies(directory: Path) -> tuple[dict[str, dict[str, VocabularyTerm]], dict[str, str]]:
    vocabularies: dict[str, dict[str, VocabularyTerm]] = {}
    descriptions = {}
    for path in sorted(directory.glob("*.toml")):
        facts = _read(path, _VocabularyFacts)
        if facts.name != path.stem:
            raise SchemaError(f"{path}: name: '{facts.name}' should be the file's own name, '{path.stem}'.")
        terms: dict[str, VocabularyTerm] = {}
        for term in facts.terms:
            if term.name in terms:
                raise SchemaError(f"{path}: [[terms]] '{term.name}' is there twice.")
            terms[term.name] = VocabularyTerm(
                facts.name, term.name, term.curie, term.synonyms, term.broader, term.url, term.description
            )
        for known in terms.values():
            _check_known(path, f"terms '{known.name}' broader", known.broader, terms)
        vocabularies[facts.name] = terms
        descriptions[facts.name] = facts.description
    return vocabularies, descriptions
