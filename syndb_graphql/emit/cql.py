"""The model as CQL that Cassandra 4.1 and 5.0 and ScyllaDB all speak.

The partition of a row is (data set, version, bucket), the bucket a prefix of the uuid the table is read by; a table that is
read by a relation holds all columns again, so a part of a neuron lies in two tables and a synapse in three.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from syndb_graphql.spec.model import Model, Relation

OPTIONS = "speculative_retry = '100ms'"
"""A replica that died is overtaken by another one after this. Left to itself a node learns how long to wait from the reads
of a table, and of a new one waits for half of the longest time it may."""
_BUCKET = {"dataset_id": "uuid", "version": "int", "bucket": "int"}


@dataclass(frozen=True, slots=True)
class CqlTable:
    """A table of the keyspace; names are quoted where CQL asks for it, when they are written."""

    name: str
    columns: Mapping[str, str]
    """Type of each column, as CQL and system_schema write it."""
    partition: tuple[str, ...]
    clustering: tuple[str, ...]


CATALOG = (
    CqlTable(
        "dataset_head",
        {"shard": "smallint", "dataset_id": "uuid", "revision": "int", "version": "int", "last_version": "int"},
        ("shard",),
        ("dataset_id",),
    ),
    CqlTable(
        "dataset_hold",
        {"shard": "smallint", "dataset_id": "uuid", "version": "int", "until": "bigint"},
        ("shard",),
        ("dataset_id", "version"),
    ),
    CqlTable(
        "dataset_record", {"dataset_id": "uuid", "revision": "int", "record": "blob"}, ("dataset_id",), ("revision",)
    ),
    CqlTable(
        "dataset_version", {"dataset_id": "uuid", "version": "int", "record": "blob"}, ("dataset_id",), ("version",)
    ),
    CqlTable(
        "dataset_layout",
        {"dataset_id": "uuid", "version": "int", "bits": "frozen<map<text, int>>"},
        ("dataset_id",),
        ("version",),
    ),
    CqlTable(
        "related_count",
        {**_BUCKET, "key": "uuid", "relation": "text", "table": "text", "n": "bigint"},
        tuple(_BUCKET),
        ("key", "relation", "table"),
    ),
)


def emit_cql(model: Model) -> str:
    """Every statement that makes the tables of an empty keyspace, as a script."""
    head = "-- Written by `syndb-graphql schema write` from schema/. Do not edit.\n"
    return head + "".join("\n" + emit_table(table) + ";\n" for table in list_tables(model))


def list_tables(model: Model) -> list[CqlTable]:
    """What is known of the data sets, then each table of the model, followed by one for each way of reading it by a relation."""
    found = list(CATALOG)
    for table in model.tables.values():
        columns = {**_BUCKET, **{column.name: column.type.cql for column in table.columns}}
        found.append(CqlTable(table.name, columns, tuple(_BUCKET), ("cid",)))
        for relation in table.relations.values():
            with_order = {**columns, relation.order: "uuid"}
            found.append(CqlTable(related_name(relation), with_order, tuple(_BUCKET), relation.key))
    return found


def related_name(relation: Relation) -> str:
    """The table that holds the rows of a relation together by their owner."""
    return f"{relation.table}_{relation.name}"


def emit_table(table: CqlTable, keyspace: str = "") -> str:
    """The statement that makes one table, in the session's keyspace or the one named."""
    lines = [f"  {quoted(name)} {kind}" for name, kind in table.columns.items()]
    key = ", ".join((f"({', '.join(table.partition)})", *map(quoted, table.clustering)))
    lines.append(f"  PRIMARY KEY ({key})")
    name = f"{keyspace}.{table.name}" if keyspace else table.name
    return f"CREATE TABLE IF NOT EXISTS {name} (\n" + ",\n".join(lines) + f"\n) WITH {OPTIONS}"


def quoted(name: str) -> str:
    """`table` is a word of CQL; the model has no name that is one."""
    return f'"{name}"' if name == "table" else name
