"""The model as SQLite tables: one a table, keyed (dataset_id, version, cid), and one of keys alone a relation.

SQLite needs no buckets: its key keeps the rows of a version together, in cid order. A relation is a table and not an
index, because an index takes its entries row by row, in the order of the rows: they fall all over it, and ten million
synapses rewrite it hundreds of times. A table is filled in its own order once all rows are there.
"""

from syndb_graphql.spec.model import Column, Kind, Model, Table

CATALOG = """CREATE TABLE dataset_head (
  dataset_id BLOB NOT NULL PRIMARY KEY,
  revision INTEGER NOT NULL,
  version INTEGER NOT NULL,
  last_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dataset_hold (
  dataset_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (dataset_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE dataset_record (
  dataset_id BLOB NOT NULL,
  revision INTEGER NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY (dataset_id, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE dataset_version (
  dataset_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY (dataset_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE related_count (
  dataset_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  key BLOB NOT NULL,
  relation TEXT NOT NULL,
  "table" TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (dataset_id, version, key, relation, "table")
) STRICT, WITHOUT ROWID;
"""


def emit_sqlite(model: Model) -> str:
    """Every statement that makes an empty database, as a script."""
    head = "-- Written by `syndb-graphql schema write` from schema/. Do not edit.\n\n"
    return head + CATALOG + "".join("\n" + _emit_table(table) for table in model.tables.values())


def _order_columns(table: Table) -> list[Column]:
    """Those of files last: SQLite walks over whatever stands before a value, a twelfth of the time of a page of metrics."""
    of_files = {
        column.name for term in table.terms if term.kind in (Kind.MESH, Kind.SKELETON) for column in term.columns
    }
    return sorted(table.columns, key=lambda column: column.name in of_files)


def _emit_table(table: Table) -> str:
    lines = [
        "  dataset_id BLOB NOT NULL",
        "  version INTEGER NOT NULL",
        *(f"  {_emit_column(column)}" for column in _order_columns(table)),
        "  PRIMARY KEY (dataset_id, version, cid)",
    ]
    sql = f"CREATE TABLE {table.name} (\n" + ",\n".join(lines) + "\n) STRICT, WITHOUT ROWID;\n"
    for relation in table.relations.values():
        names = ", ".join(f"{name} BLOB NOT NULL" for name in relation.key)
        sql += (
            f"CREATE TABLE {table.name}_{relation.name} (dataset_id BLOB NOT NULL, version INTEGER NOT NULL, {names}, "
            f"PRIMARY KEY (dataset_id, version, {', '.join(relation.key)})) STRICT, WITHOUT ROWID;\n"
        )
    return sql


def _emit_column(column: Column) -> str:
    return f"{column.name} {column.type.sqlite}" + ("" if column.nullable else " NOT NULL")
