"""The model as CQL that Cassandra 4.1 and 5.0 and ScyllaDB all speak.

The partition of a row is (data set, version, bucket), the bucket a prefix of the uuid the table is read by; a table that is
read by a relation holds all columns again, so a part of a neuron lies in two tables and a synapse in three.
"""

from syndb_graphql.spec.model import Model, Table

CATALOG = """CREATE TABLE IF NOT EXISTS dataset_head (
  shard smallint,
  dataset_id uuid,
  revision int,
  version int,
  last_version int,
  PRIMARY KEY ((shard), dataset_id)
);

CREATE TABLE IF NOT EXISTS dataset_hold (
  shard smallint,
  dataset_id uuid,
  version int,
  until bigint,
  PRIMARY KEY ((shard), dataset_id, version)
);

CREATE TABLE IF NOT EXISTS dataset_record (
  dataset_id uuid,
  revision int,
  record blob,
  PRIMARY KEY ((dataset_id), revision)
);

CREATE TABLE IF NOT EXISTS dataset_version (
  dataset_id uuid,
  version int,
  record blob,
  PRIMARY KEY ((dataset_id), version)
);

CREATE TABLE IF NOT EXISTS related_count (
  dataset_id uuid,
  version int,
  bucket int,
  key uuid,
  relation text,
  "table" text,
  n bigint,
  PRIMARY KEY ((dataset_id, version, bucket), key, relation, "table")
);
"""


def emit_cql(model: Model) -> str:
    """Every statement that makes the tables of an empty keyspace, as a script."""
    head = "-- Written by `syndb-graphql schema write` from schema/. Do not edit.\n\n"
    return head + CATALOG + "".join("\n" + "\n".join(emit_table(table)) for table in model.tables.values())


def emit_table(table: Table) -> list[str]:
    """The table itself, then one more for each way of reading it by a relation."""
    columns = [f"  {column.name} {column.type.cql}" for column in table.columns]
    statements = [_create(table.name, columns, "(dataset_id, version, bucket), cid")]
    for relation in table.relations.values():
        component = [] if relation.order in table.column else [f"  {relation.order} uuid"]
        order = "" if relation.order == relation.owner else f"{relation.order}, "
        key = f"(dataset_id, version, bucket), {relation.owner}, {order}cid"
        statements.append(_create(f"{table.name}_{relation.name}", columns + component, key))
    return statements


def _create(name: str, columns: list[str], key: str) -> str:
    lines = ["  dataset_id uuid", "  version int", "  bucket int", *columns, f"  PRIMARY KEY ({key})"]
    return f"CREATE TABLE IF NOT EXISTS {name} (\n" + ",\n".join(lines) + "\n);\n"
