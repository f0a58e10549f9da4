"""What must hold of the facts in schema/ beyond their shape. Each mistake is a SchemaError that names file, table or term, and key.

A mistake that were let through would come to light as an error of SQL or of GraphQL that names nothing anyone wrote,
or not at all: of two fields with one name only the last is there.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from syndb_graphql.errors import SchemaError
from syndb_graphql.spec.facts import InterfaceFacts, OntologyFacts, PlausibleFacts, TableFacts, TermFacts
from syndb_graphql.spec.model import Kind, Relation, Table, Term, VocabularyTerm
from syndb_graphql.spec.naming import camel, nearest
from syndb_graphql.spec.reserved import (
    DATASET_FIELDS,
    ROW_FIELDS,
    SQL_WORDS,
    STORE_COLUMNS,
    STORE_TABLES,
    SYNTAX_FIELDS,
    TYPE_NAMES,
)
from syndb_graphql.spec.types import COLUMN_TYPES, DIMENSIONS

STORED_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
FIELD_NAME = re.compile(r"[a-z][A-Za-z0-9]{0,62}")
TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
CURIE = re.compile(r"[A-Za-z][A-Za-z0-9_.]*:[^\s:]\S*")
NUMBERS = ("float", "int", "bigint")


def check_known(path: Path, key: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            raise SchemaError(f"{path}: [{key}] there is no '{name}'.{nearest(name, known)}")


# ── Terms ──
def check_term(path: Path, name: str, facts: TermFacts, vocabularies: Mapping[str, object]) -> None:
    where = f"{path}: [{name}]"
    _check_stored_name(where, name, STORE_COLUMNS)
    _check_description(where, facts.description)
    _check_curie(where, facts.term)
    kinds = [*(kind for kind in Kind if kind is not Kind.PLAIN), *(type_ for type_ in COLUMN_TYPES if type_ != "uuid")]
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
    if facts.vocabulary is not None and facts.type != "text":
        raise SchemaError(f"{where} vocabulary: only text comes from one, not {facts.type}.")
    _check_numbers(where, facts)
    if facts.comparable not in ("everywhere", "dataset"):
        raise SchemaError(f"{where} comparable: '{facts.comparable}' is neither everywhere nor dataset.")
    field = facts.field or camel(name)
    if not FIELD_NAME.fullmatch(field):
        raise SchemaError(f"{where} field: '{field}' is no name such as cableLength.")
    if field in ROW_FIELDS or (facts.type in COLUMN_TYPES and field in SYNTAX_FIELDS):
        raise SchemaError(f"{where}: '{field}' is a name of the graph itself; choose another, or give it a `field`.")


def _check_numbers(where: str, facts: TermFacts) -> None:
    if facts.plausible is not None:
        _check_plausible(f"{where} plausible", facts.plausible, facts)
    if facts.counts is not None and facts.type not in ("int", "bigint"):
        raise SchemaError(f"{where} counts: only whole numbers count, not {facts.type}.")
    if facts.scale not in ("linear", "log"):
        raise SchemaError(f"{where} scale: '{facts.scale}' is neither linear nor log.")
    if facts.type in NUMBERS:
        if facts.minimum is not None and facts.maximum is not None and facts.minimum > facts.maximum:
            raise SchemaError(f"{where} minimum: {facts.minimum:g} is above the maximum, {facts.maximum:g}.")
        return
    for key, given in (("minimum", facts.minimum), ("maximum", facts.maximum)):
        if given is not None:
            raise SchemaError(f"{where} {key}: only numbers have one, not {facts.type}.")
    if facts.scale == "log":
        raise SchemaError(f"{where} scale: only numbers have one, not {facts.type}.")


def _check_plausible(where: str, plausible: PlausibleFacts, facts: TermFacts) -> None:
    if facts.type not in (*NUMBERS, Kind.POINT, Kind.BOX):
        raise SchemaError(f"{where}: only numbers, points and boxes have it, not {facts.type}.")
    low, high = plausible.min, plausible.max
    if low is None and high is None:
        raise SchemaError(f"{where}: say min, max or both.")
    if low is not None and high is not None and low > high:
        raise SchemaError(f"{where}: min, {low:g}, is above max, {high:g}.")
    if plausible.zero and (low is None or low <= 0):
        raise SchemaError(f"{where}: zero is said of what has a min above 0.")


# ── Interfaces ──
def check_interface(path: Path, name: str, facts: InterfaceFacts, terms: Mapping[str, object]) -> None:
    if not TYPE_NAME.fullmatch(name) or name in TYPE_NAMES:
        raise SchemaError(
            f"{path}: [{name}] is no name such as Compartment, or one that the graph has for something else."
        )
    _check_description(f"{path}: [{name}]", facts.description)
    check_known(path, f"{name}.columns", facts.columns, terms)
    if not facts.columns:
        raise SchemaError(f"{path}: [{name}] columns: an interface has at least one.")


# ── Tables ──
def check_table(path: Path, facts: TableFacts, terms: Mapping[str, TermFacts], levels: Mapping[str, int]) -> None:
    """What can be said of one table before it is built; `levels` are those of all tables, by name."""
    _check_stored_name(f"{path}: the file's name", path.stem, STORE_TABLES)
    _check_description(f"{path}:", facts.description)
    _check_curie(f"{path}:", facts.term)
    if not TYPE_NAME.fullmatch(facts.type):
        raise SchemaError(f"{path}: type: '{facts.type}' is no name such as DendriticSpine.")
    for key, name in (("field", facts.field), ("fields", facts.fields)):
        if not FIELD_NAME.fullmatch(name):
            raise SchemaError(f"{path}: {key}: '{name}' is no name such as dendriticSpine.")
    _check_listed(path, facts, terms)
    _check_place(path, facts, levels)
    for name, targets in facts.references.items():
        check_known(path, f"references.{name}", (name,), facts.columns)
        check_known(path, f"references.{name}", targets, levels)
        if not targets:
            raise SchemaError(f"{path}: [references] {name}: say at least one table.")
    check_known(path, "key", facts.key, facts.columns)
    for name, plausible in facts.plausible.items():
        check_known(path, "plausible", (name,), facts.columns)
        if terms[name].plausible is not None:
            raise SchemaError(f"{path}: [plausible] {name}: it is said in columns.toml for every table.")
        _check_plausible(f"{path}: [plausible] {name}", plausible, terms[name])
    for name in facts.columns:
        if (counted := terms[name].counts) is not None:
            check_known(path.parents[1] / "columns.toml", f"{name}.counts", (counted,), levels)
    for name, relation in facts.relations.items():
        where = f"{path}: [relations.{name}]"
        _check_stored_name(where, name, frozenset(["owned"]))
        _check_description(where, relation.description)
        if not FIELD_NAME.fullmatch(relation.field):
            raise SchemaError(f"{where} field: '{relation.field}' is no name such as outgoingSynapses.")


def _check_listed(path: Path, facts: TableFacts, terms: Mapping[str, TermFacts]) -> None:
    if not facts.columns:
        raise SchemaError(f"{path}: columns: a table has at least one.")
    for name in facts.columns:
        if name not in terms:
            raise SchemaError(f"{path}: columns: '{name}' is not in columns.toml.{nearest(name, terms)}")
    if len(set(facts.columns)) != len(facts.columns):
        twice = next(name for name in facts.columns if facts.columns.count(name) > 1)
        raise SchemaError(f"{path}: columns: '{twice}' is listed twice.")
    for kind in (Kind.MESH, Kind.SKELETON):
        files = [name for name in facts.columns if terms[name].type == kind]
        if len(files) > 1:
            raise SchemaError(f"{path}: columns: '{files[1]}' is a second {kind}; a row has one.")


def _check_place(path: Path, facts: TableFacts, levels: Mapping[str, int]) -> None:
    """Parents and neurons: rows that have the one have the other, so that they are listed under both."""
    if facts.level < 0:
        raise SchemaError(f"{path}: level: {facts.level} is below 0, the level of neurons.")
    if ("parent" in facts.columns) != ("neuron" in facts.columns):
        raise SchemaError(f"{path}: columns: 'parent' and 'neuron' stand together or not at all.")
    if "parent" in facts.columns and not any(level < facts.level for level in levels.values()):
        raise SchemaError(
            f"{path}: level: no table has a smaller one than {facts.level}, so 'parent' could not be any."
        )
    if "neuron" in facts.columns:
        check_known(path, "columns.neuron", ("neuron",), levels)


def check_tables(directory: Path, tables: Iterable[Table]) -> None:
    """What must hold among tables: no two names in the graph or in a store are the same."""
    tables = list(tables)
    if not tables:
        raise SchemaError(f"{directory / 'tables'}: there is no table.")
    types = dict.fromkeys(TYPE_NAMES, "the graph")
    fields = dict.fromkeys(DATASET_FIELDS, "every data set")
    stored: dict[str, str] = {}
    for table in tables:
        path = directory / "tables" / f"{table.name}.toml"
        for name in table.interfaces:
            types[name] = "an interface"
        for suffix in ("", "Connection", "Edge"):
            _take(path, "type", f"{table.type_name}{suffix}", types, f"table '{table.name}'")
        _take(path, "field", table.field, fields, f"table '{table.name}'")
        _take(path, "fields", table.fields, fields, f"table '{table.name}'")
        for name in (table.name, *(f"{table.name}_{relation}" for relation in table.relations)):
            _take(path, "the file's name", name, stored, f"table '{table.name}'")
        _check_columns(path, table)
    for table in tables:
        _check_fields(directory / "tables" / f"{table.name}.toml", table, tables)


def _check_columns(path: Path, table: Table) -> None:
    taken: dict[str, str] = {}
    for column in table.columns:
        if column.name in taken:
            raise SchemaError(f"{path}: columns: two terms are stored in a column '{column.name}'.")
        taken[column.name] = f"column '{column.name}'"
    for column in table.columns:
        for alias in column.aliases:
            _take(path, f"columns.{column.name}.aliases", alias, taken, f"column '{column.name}'")


def _check_fields(path: Path, table: Table, tables: Iterable[Table]) -> None:
    """Each field of a row is one thing: a term, an end of a reference, or the rows of a relation."""
    taken = dict.fromkeys(ROW_FIELDS, "every row")
    for term in table.terms:
        for name in _term_fields(term):
            _take(path, "columns", name, taken, f"term '{term.name}'")
    for child in tables:
        for relation in child.relations.values():
            if table.name in _owners(child, relation):
                _take(
                    path.with_name(f"{child.name}.toml"), f"relations.{relation.name}", relation.field, taken,
                    f"relation '{relation.name}' of '{child.name}'", f" in a row of '{table.name}'",
                )  # fmt: skip


def _term_fields(term: Term) -> tuple[str, ...]:
    if term.reference is None:
        return (term.field,)
    ends = ("Id", "SourceId", "Table") if term.reference.table else ("Id", "SourceId")
    return (camel(term.name), *(camel(term.name) + end for end in ends))


def _owners(table: Table, relation: Relation) -> tuple[str, ...]:
    if relation.name == "owned":
        return table.parents
    return next(reference.targets for reference in table.references.values() if reference.id == relation.owner)


def _take(path: Path, key: str, name: str, taken: dict[str, str], by: str, where: str = "") -> None:
    if name in taken:
        raise SchemaError(f"{path}: {key}: '{name}' is taken by {taken[name]}{where}.")
    taken[name] = by


# ── Vocabularies ──
def check_vocabulary(path: Path, terms: Mapping[str, VocabularyTerm]) -> None:
    for term in terms.values():
        if not term.name.strip():
            raise SchemaError(f"{path}: [[terms]] name: one is empty.")
        if term.curie is not None and not CURIE.fullmatch(term.curie):
            raise SchemaError(f"{path}: terms '{term.name}' curie: '{term.curie}' is none such as NCBITaxon:7227.")
        check_known(path, f"terms '{term.name}' broader", term.broader, terms)
    for term in terms.values():
        above, waiting = set(), list(term.broader)
        while waiting:
            name = waiting.pop()
            if name == term.name:
                raise SchemaError(f"{path}: terms '{term.name}' broader: it lies below itself.")
            if name not in above:
                above.add(name)
                waiting += terms[name].broader


# ── Names and words ──
def _check_stored_name(where: str, name: str, taken: Iterable[str]) -> None:
    if not STORED_NAME.fullmatch(name):
        raise SchemaError(f"{where}: '{name}' is no name such as mesh_volume: small letters, digits and underscores.")
    if name in SQL_WORDS:
        raise SchemaError(f"{where}: '{name}' is a word of SQL or CQL; choose another, such as {name}_of_it.")
    if name in taken:
        raise SchemaError(f"{where}: '{name}' is a name that is taken already; choose another.")


def _check_description(where: str, description: str) -> None:
    if not description.strip():
        raise SchemaError(f"{where} description: it is empty, and people read it in the graph.")


def _check_curie(where: str, term: OntologyFacts | None) -> None:
    if term is not None and not CURIE.fullmatch(term.curie):
        raise SchemaError(f"{where} term: '{term.curie}' is no CURIE such as GO:0005634.")
