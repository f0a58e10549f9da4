"""`cqlsh COPY FROM`: the same rows as csv, which are made before the clock starts, a file a table."""

import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

import polars as pl

from bench.cassandra.by_hand import VERSION, Source, layout_of
from bench.cassandra.node import BenchNode
from bench.results import Written
from syndb_graphql.emit.cql import related_name
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.model import Relation
from syndb_graphql.store.cassandra.layout import buckets_of

MOST_ROWS = 200_000
"""Of a table, of what there is: the rate does not change with more, and it is the slowest of all ways."""
PATIENCE_S = 3600
PROCESSES = 2
UUID_PARTS = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))


def copy_rows(
    node: BenchNode, cqlsh: Path, keyspace: str, dataset: UUID, sources: Mapping[str, Source], scratch: Path
) -> tuple[Written, dict[str, int]]:
    """What it took, and the rows of each table."""
    files = write_files(dataset, sources, scratch)
    counts: dict[str, int] = {}
    began, used, own = time.perf_counter(), node.processor_seconds(), _children_seconds()
    for name, (path, columns, rows) in files.items():
        counts[name] = rows
        options = f"HEADER = true AND NUMPROCESSES = {PROCESSES} AND MAXATTEMPTS = 20 AND ESCAPE = '\"'"
        cql = f"COPY {keyspace}.{name} ({', '.join(columns)}) FROM '{path}' WITH {options}"
        command = [str(cqlsh), node.node.host, str(node.node.port), "--request-timeout", "60", "-e", cql]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if done.returncode or "Failed" in done.stdout + done.stderr:
            raise SystemExit(f"cqlsh could not copy {name}:\n{(done.stdout + done.stderr)[-2000:]}")
    seconds, client = time.perf_counter() - began, _children_seconds() - own
    node.settle(keyspace)
    return Written(sum(counts.values()), seconds, client, node.processor_seconds() - used), counts


def _children_seconds() -> float:
    """Processor time of all ended processes that this one started."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def write_files(
    dataset: UUID, sources: Mapping[str, Source], scratch: Path
) -> dict[str, tuple[Path, Sequence[str], int]]:
    """By table: its file, the columns in it, its rows."""
    model, layout = load_default_model(), layout_of(sources)
    files = {}
    for name, source in sources.items():
        frame = pl.concat(source.pieces()).head(MOST_ROWS).select(source.columns)
        table, bits = model.tables[name], layout.of(name)
        files[name] = _write(scratch / f"{name}.csv", frame, dataset, frame["cid"].to_list(), bits)
        for relation in table.relations.values():
            if relation.owner in source.columns:
                rows = order_rows(frame, relation)
                owners = rows[relation.owner].to_list()
                path = scratch / f"{related_name(relation)}.csv"
                files[related_name(relation)] = _write(path, rows, dataset, owners, bits)
    return files


def order_rows(frame: pl.DataFrame, relation: Relation) -> pl.DataFrame:
    """Those with an owner, and the column they are ordered by."""
    owned = frame.filter(pl.col(relation.owner).is_not_null())
    if relation.order in frame.columns:
        return owned.filter(pl.col(relation.order).is_not_null())
    given = [name for name in (relation.component, relation.owner) if name in frame.columns]
    return owned.with_columns(pl.coalesce(given).alias(relation.order))


def _write(
    path: Path, frame: pl.DataFrame, dataset: UUID, keys: Sequence[bytes], bits: int
) -> tuple[Path, Sequence[str], int]:
    buckets = pl.Series("bucket", buckets_of(keys, bits), dtype=pl.Int32)
    uuids = [name for name, kind in frame.schema.items() if kind == pl.Binary]
    whole = frame.with_columns(as_text(name) for name in uuids).with_columns(
        buckets, dataset_id=pl.lit(str(dataset)), version=pl.lit(VERSION)
    )
    whole.write_csv(path)
    return path, whole.columns, whole.height


def as_text(name: str) -> pl.Expr:
    digits = pl.col(name).bin.encode("hex")
    return pl.concat_str([digits.str.slice(*part) for part in UUID_PARTS], separator="-").alias(name)
