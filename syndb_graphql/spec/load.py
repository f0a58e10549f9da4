"""Reads schema/ into a `Model`. Every mistake is a SchemaError that names the file, the table or term, and the key.

The facts are TOML; their shape is in facts.py, what else must hold of them in check.py. Nothing is inherited: a table
lists terms, a term is said once in columns.toml.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

from syndb_graphql.errors import SchemaError
from syndb_graphql.spec.check import check_interface, check_table, check_tables, check_term, check_vocabulary
from syndb_graphql.spec.facts import InterfaceFacts, PlausibleFacts, TableFacts, TermFacts, VocabularyFacts
from syndb_graphql.spec.model import (
    Column,
    Interface,
    Kind,
    Model,
    OntologyTerm,
    Plausible,
    Reference,
    Relation,
    Table,
    Term,
    VocabularyTerm,
)
from syndb_graphql.spec.naming import camel, nearest
from syndb_graphql.spec.reserved import VOCABULARIES
from syndb_graphql.spec.types import BIGINT, BOOLEAN, COLUMN_TYPES, FLOAT, INT, TEXT, UUID

_PACKAGE = Path(__file__).resolve().parents[1]
SCHEMA_DIR = next(path for path in (_PACKAGE / "schema", _PACKAGE.parent / "schema") if path.is_dir())
"""Inside the package where it was installed from a wheel, beside it in a checkout."""

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


@cache
def load_default_model() -> Model:
    """The model this package ships."""
    return load_model(SCHEMA_DIR)


def load_model(directory: Path) -> Model:
    """Read `directory` (columns.toml, interfaces.toml, tables/, vocabularies/). Raises SchemaError."""
    vocabularies, descriptions = _load_vocabularies(directory / "vocabularies")
    terms = _read(directory / "columns.toml", dict[str, TermFacts])
    for name, facts in terms.items():
        check_term(directory / "columns.toml", name, facts, vocabularies)
    faces = _read(directory / "interfaces.toml", dict[str, InterfaceFacts])
    for name, face in faces.items():
        check_interface(directory / "interfaces.toml", name, face, terms)
    interfaces = {name: Interface(name, face.description, face.columns) for name, face in faces.items()}
    paths = sorted((directory / "tables").glob("*.toml"))
    facts_of = {path.stem: _read(path, TableFacts) for path in paths}
    tables = [
        _load_table(
            path, facts_of[path.stem], terms, interfaces, {name: facts.level for name, facts in facts_of.items()}
        )
        for path in paths
    ]
    check_tables(directory, tables)
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


def _load_table(
    path: Path,
    facts: TableFacts,
    terms: Mapping[str, TermFacts],
    interfaces: Mapping[str, Interface],
    levels: Mapping[str, int],
) -> Table:
    check_table(path, facts, terms, levels)
    parents = tuple(
        sorted((name for name in levels if levels[name] < facts.level), key=lambda name: (levels[name], name))
    )
    targets = {"parent": parents, "neuron": ("neuron",), **facts.references}
    built = tuple(
        _build_term(path, name, terms[name], targets, facts.plausible.get(name) or terms[name].plausible)
        for name in facts.columns
    )
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


def _build_term(
    path: Path,
    name: str,
    facts: TermFacts,
    targets: Mapping[str, tuple[str, ...]],
    plausible: PlausibleFacts | None,
) -> Term:
    field = facts.field or camel(name)
    columns: tuple[Column, ...]
    reference = None
    if facts.type in COLUMN_TYPES:
        kind, columns = Kind.PLAIN, (_build_column(name, field, facts, COLUMN_TYPES[facts.type].name, plausible),)
    elif facts.type == Kind.POINT:
        kind = Kind.POINT
        columns = tuple(
            _build_column(f"{name}_{axis}", f"{field} {{ {axis} }}", facts, "float", plausible) for axis in AXES
        )
    elif facts.type == Kind.BOX:
        kind = Kind.BOX
        columns = tuple(
            _build_column(f"{name}_{end}_{axis}", f"{field} {{ {end} {{ {axis} }} }}", facts, "float", plausible)
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


def _build_column(name: str, selection: str, facts: TermFacts, type_: str, plausible: PlausibleFacts | None) -> Column:
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
        plausible=Plausible(plausible.min, plausible.max, plausible.zero) if plausible else None,
        counts=facts.counts,
        comparable=facts.comparable == "everywhere",
        scale=facts.scale,
        aliases=facts.aliases,
    )


def _build_reference(name: str, facts: TermFacts, targets: tuple[str, ...]) -> Reference:
    several = name == "parent" or len(targets) > 1
    return Reference(
        name, f"{name}_id", f"{name}_source_id", (facts.table or f"{name}_table") if several else None, targets
    )


def _reference_columns(reference: Reference, facts: TermFacts) -> tuple[Column, ...]:
    field = camel(reference.name)
    what = facts.description.rstrip(".")
    columns = [
        Column(reference.id, UUID, f"{what}: its cid.", f"{field}Id", aliases=facts.aliases),
        Column(reference.source, TEXT, f"{what}: its id as the contributor gave it.", f"{field}SourceId"),
    ]
    if reference.table:
        columns.append(Column(reference.table, TEXT, f"{what}: the table it lies in.", f"{field}Table"))
    return tuple(columns)


def _build_relations(path: Path, facts: TableFacts, terms: Mapping[str, Term]) -> dict[str, Relation]:
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
        known = [term.name for term in terms.values() if term.reference]
        raise SchemaError(f"{path}: [{key}] '{name}' is no reference of this table.{nearest(name, known)}")
    return reference.id


def _load_vocabularies(directory: Path) -> tuple[dict[str, dict[str, VocabularyTerm]], dict[str, str]]:
    vocabularies: dict[str, dict[str, VocabularyTerm]] = {}
    descriptions = {}
    for path in sorted(directory.glob("*.toml")):
        facts = _read(path, VocabularyFacts)
        if facts.name != path.stem:
            raise SchemaError(f"{path}: name: '{facts.name}' should be the file's own name, '{path.stem}'.")
        terms: dict[str, VocabularyTerm] = {}
        for term in facts.terms:
            if term.name in terms:
                raise SchemaError(f"{path}: [[terms]] '{term.name}' is there twice.")
            terms[term.name] = VocabularyTerm(
                facts.name, term.name, term.curie, term.synonyms, term.broader, term.url, term.description
            )
        check_vocabulary(path, terms)
        vocabularies[facts.name] = terms
        descriptions[facts.name] = facts.description
    for name in VOCABULARIES:
        if name not in vocabularies:
            raise SchemaError(f"{directory / name}.toml: the file is missing; data sets are described by it.")
    return vocabularies, descriptions
