"""What is made of the model for stores, files and people: right in the languages it is written in, and complete."""

import re

import apsw
import pyarrow as pa
import pytest

from syndb_graphql.emit.arrow import emit_arrow
from syndb_graphql.emit.cql import CATALOG, emit_cql, emit_table, list_tables
from syndb_graphql.emit.markdown import emit_markdown
from syndb_graphql.emit.sqlite import emit_sqlite
from syndb_graphql.spec.load import load_default_model

MODEL = load_default_model()


@pytest.fixture(scope="module")
def database():
    database = apsw.Connection(":memory:")
    database.execute(emit_sqlite(MODEL))
    return database


# ── SQLite ──
@pytest.mark.parametrize("table", MODEL.tables.values(), ids=lambda table: table.name)
def test_sqlite_has_every_column_with_its_type_and_its_key(database, table):
    columns = {row[1]: row for row in database.execute(f"PRAGMA table_xinfo({table.name})")}
    for column in table.columns:
        _, _, type_, not_null, _, _, _ = columns[column.name]
        assert (type_, bool(not_null)) == (column.type.sqlite, not column.nullable), column.name
    key = sorted((row[5], name) for name, row in columns.items() if row[5])
    assert [name for _, name in key] == ["dataset_id", "version", "cid"]


@pytest.mark.parametrize("relation", MODEL.relations, ids=lambda relation: f"{relation.table}_{relation.name}")
def test_rows_of_a_relation_are_found_in_their_order_without_sorting(database, relation):
    name = f"{relation.table}_{relation.name}"
    plan = database.execute(
        f"EXPLAIN QUERY PLAN SELECT cid FROM {name} "
        f"WHERE dataset_id = ? AND version = ? AND {relation.owner} = ? ORDER BY {', '.join(relation.key[1:])} LIMIT 10",
        (b"", 1, b""),
    ).fetchall()
    steps = [row[3] for row in plan]
    assert steps == [f"SEARCH {name} USING PRIMARY KEY (dataset_id=? AND version=? AND {relation.owner}=?)"]


def test_a_page_of_a_table_is_read_from_its_key_without_sorting(database):
    for name in MODEL.tables:
        plan = database.execute(
            f"EXPLAIN QUERY PLAN SELECT * FROM {name} WHERE dataset_id = ? AND version = ? AND cid > ? ORDER BY cid LIMIT 10",
            (b"", 1, b""),
        ).fetchall()
        assert [row[3] for row in plan] == [f"SEARCH {name} USING PRIMARY KEY (dataset_id=? AND version=? AND cid>?)"]


def test_sqlite_refuses_what_is_of_another_type(database):
    with pytest.raises(apsw.ConstraintError, match="cannot store TEXT value in REAL column"):
        database.execute(
            "INSERT INTO neuron (dataset_id, version, cid, source_id, cable_length) VALUES (x'00', 1, x'00', '1', 'long')"
        )
    with pytest.raises(apsw.ConstraintError, match="NOT NULL"):
        database.execute("INSERT INTO neuron (dataset_id, version, cid) VALUES (x'00', 1, x'00')")


# ── CQL ──
def test_cql_has_a_table_for_each_way_of_reading_and_all_columns_in_each():
    script = emit_cql(MODEL)
    made = re.findall(r"CREATE TABLE IF NOT EXISTS (\w+) \((.*?)\n\) WITH [^;]*;", script, re.DOTALL)
    names = [name for name, _ in made]
    assert len(names) == len(set(names)) == len(CATALOG) + len(MODEL.tables) + len(MODEL.relations)
    bodies = dict(made)
    for table in MODEL.tables.values():
        for name in (table.name, *(f"{table.name}_{relation}" for relation in table.relations)):
            columns = re.findall(r"^  (\w+) (\w+),?$", bodies[name], re.MULTILINE)
            types = dict(columns)
            assert len(types) == len(columns)
            assert {column.name: column.type.cql for column in table.columns}.items() <= types.items()
            assert {"dataset_id": "uuid", "version": "int", "bucket": "int"}.items() <= types.items()
            (key,) = re.findall(r"PRIMARY KEY \((.*)\)$", bodies[name], re.MULTILINE)
            assert key.startswith("(dataset_id, version, bucket), ")
            assert set(re.findall(r"\w+", key)) <= set(types)
            assert key.endswith("cid")


def test_each_relation_is_ordered_by_its_component_and_then_by_cid():
    tables = ("synapse", "dendritic_spine", "neuron_relation")
    made = [(table.name, emit_table(table)) for table in list_tables(MODEL)]
    keys = {
        name: [re.findall(r"bucket\), (.*)\)", text)[0] for each, text in made if f"{each}_".startswith(f"{name}_")]
        for name in tables
    }
    assert keys["synapse"] == ["cid", "pre_neuron_id, pre_component, cid", "post_neuron_id, post_component, cid"]
    assert keys["dendritic_spine"] == ["cid", "owner_id, parent_id, cid"]
    assert keys["neuron_relation"] == ["cid", "pre_neuron_id, cid", "post_neuron_id, cid"]


# ── Arrow and Markdown ──
@pytest.mark.parametrize("table", MODEL.tables.values(), ids=lambda table: table.name)
def test_arrow_has_every_column_in_order_with_its_unit_and_term(table):
    schema = emit_arrow(table)
    assert schema.names == [column.name for column in table.columns]
    assert schema.metadata[b"table"].decode() == table.name
    for column, field in zip(table.columns, schema, strict=True):
        assert field.nullable == column.nullable
        metadata = field.metadata or {}
        assert metadata.get(b"unit") == (column.unit.encode() if column.unit else None)
        assert metadata.get(b"term") == (column.ontology.curie.encode() if column.ontology else None)
    assert schema.field("cid").type == pa.binary(16)
    assert pa.schema(schema, metadata=schema.metadata) == schema


def test_the_reference_for_people_has_a_row_for_every_column_and_no_cell_too_many():
    text = emit_markdown(MODEL)
    rows = re.findall(r"^\| \w+ \| `.*", text, re.MULTILINE)
    assert len(rows) == sum(len(table.shown_columns) for table in MODEL.tables.values())
    assert {row.count("|") for row in rows} == {7}
    for table in MODEL.tables.values():
        assert f"\n## {table.name}\n" in text
    for vocabulary, terms in MODEL.vocabularies.items():
        assert f"| {vocabulary} | {len(terms)} |" in text


def test_all_of_it_is_the_same_each_time():
    assert emit_cql(MODEL) == emit_cql(load_default_model())
    assert emit_sqlite(MODEL) == emit_sqlite(load_default_model())
    assert emit_markdown(MODEL) == emit_markdown(load_default_model())
