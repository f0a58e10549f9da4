"""All that two stores hold, read past the program: what must be alike however its loads went."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import apsw
import msgspec
from cassandra.cluster import Cluster
from cassandra.query import dict_factory
from minio import Minio

from syndb_graphql.settings import Settings

ABOUT_DATA_SETS = ("dataset_head", "dataset_hold", "dataset_record", "dataset_version", "syndb_schema")
TIMES = {"number", "metadata_fingerprint", "published_at", "retired_at", "created_at", "updated_at"}
Row = Mapping[str, Any]


def contents_of(settings: Settings) -> dict[str, Any]:
    """Rows of every table, holds, records and files of one data set, but for the numbers of its versions and the times."""
    tables = tables_of(settings)
    versions = sorted(tables["dataset_version"], key=lambda row: row["version"])
    names = {row["version"]: f"the {place}. version" for place, row in enumerate(versions, start=1)}
    (head,) = tables["dataset_head"]
    (record,) = (row["record"] for row in tables["dataset_record"] if row["revision"] == head["revision"])
    files = _s3_files(settings) if settings.files == "s3" else _local_files(settings)
    return {
        "holds": tables["dataset_hold"],
        "versions": [_timeless(row["record"], names) for row in versions],
        "current": names[head["version"]],
        "metadata": _timeless(record, names),
        "files": {_unnumbered(key, names): hashlib.sha256(content).hexdigest() for key, content in files},
    } | {name: _digests(rows, names) for name, rows in tables.items() if name not in ABOUT_DATA_SETS}


def tables_of(settings: Settings) -> dict[str, list[Row]]:
    """Every row of every table, also those of versions that nobody reads."""
    return dict(_cassandra_tables(settings) if settings.store == "cassandra" else _sqlite_tables(settings))


def _digests(rows: list[Row], names: dict[int, str]) -> dict[str, tuple[int, str]]:
    """How many rows each version has, and their checksum."""
    found: dict[str, list[str]] = {name: [] for name in names.values()}
    for row in rows:
        found[names[row["version"]]].append(repr(sorted({**row, "version": None}.items())))
    return {
        name: (len(each), hashlib.sha256("\n".join(sorted(each)).encode()).hexdigest()) for name, each in found.items()
    }


def _timeless(record: bytes, names: dict[int, str]) -> Any:
    kept = {name: value for name, value in msgspec.json.decode(record).items() if name not in TIMES}
    return msgspec.json.decode(_unnumbered(msgspec.json.encode(kept).decode(), names))


def _unnumbered(text: str, names: dict[int, str]) -> str:
    return re.sub(r"/v(\d+)/", lambda found: f"/{names[int(found[1])]}/", text)


def _sqlite_tables(settings: Settings) -> Iterator[tuple[str, list[Row]]]:
    database = apsw.Connection(str(settings.data / "syndb.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        columns = [name for (name,) in database.execute(f"SELECT name FROM pragma_table_info('{table}')")]
        yield table, [dict(zip(columns, row, strict=True)) for row in database.execute(f"SELECT * FROM {table}")]
    database.close()


def _cassandra_tables(settings: Settings) -> Iterator[tuple[str, list[Row]]]:
    with Cluster(list(settings.cassandra_hosts), port=settings.cassandra_port) as cluster:
        session = cluster.connect(settings.cassandra_keyspace)
        session.row_factory = dict_factory
        for table in cluster.metadata.keyspaces[settings.cassandra_keyspace].tables:
            yield table, list(session.execute(f"SELECT * FROM {table}", timeout=60))


def _local_files(settings: Settings) -> Iterator[tuple[str, bytes]]:
    root = settings.data / "files"
    for path in root.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(root)), path.read_bytes()


def _s3_files(settings: Settings) -> Iterator[tuple[str, bytes]]:
    host = settings.s3_endpoint.removeprefix("http://")
    client = Minio(host, settings.s3_access_key, settings.s3_secret_key, secure=False, region=settings.s3_region)
    for found in client.list_objects(settings.s3_bucket, settings.s3_prefix, recursive=True):
        with client.get_object(settings.s3_bucket, found.object_name) as answer:
            yield found.object_name.removeprefix(settings.s3_prefix), answer.read()
