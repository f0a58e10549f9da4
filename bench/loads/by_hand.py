"""What somebody would write by hand for exactly these two tables: nothing is checked, looked up, summed or compared.

polars reads, ids are derived, apsw's `executemany` writes the same tables in the order of the file, one SQL statement
fills each relation's table of keys at the end, and the same writer makes the Parquet files.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import apsw
import polars as pl

from syndb_graphql.emit.sqlite import emit_sqlite
from syndb_graphql.ingest.parquet import POLARS_TYPES, ParquetSink
from syndb_graphql.spec.identity import derive_cid
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.model import Table

ROWS = 50_000
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-65536")
VERSION = 1


def load_by_hand(folder: Path, out: Path, dataset_id: bytes) -> None:
    """Load folder/neuron.parquet and folder/synapse.parquet into out/rows.sqlite and out/*.parquet."""
    model = load_default_model()
    connection = apsw.Connection(str(out / "rows.sqlite"))
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(emit_sqlite(model))
    for name in ("neuron", "synapse"):
        table = model.tables[name]
        names = [column.name for column in table.columns]
        sql = (
            f"INSERT INTO {name} (dataset_id, version, {', '.join(names)}) VALUES (?, ?, {', '.join('?' * len(names))})"
        )
        sink = ParquetSink(out / f"{name}.parquet", table)
        for frame in _read(folder / f"{name}.parquet"):
            rows = _derive(frame, table, dataset_id)
            sink.write(rows)
            with connection:
                connection.executemany(sql, ((dataset_id, VERSION, *row) for row in rows.iter_rows()))
        sink.close()
    for end in ("pre", "post"):
        connection.execute(
            f"INSERT INTO synapse_{end} SELECT dataset_id, version, {end}_neuron_id, coalesce({end}_id, {end}_neuron_id),"
            f" cid FROM synapse WHERE {end}_neuron_id IS NOT NULL ORDER BY 1, 2, 3, 4, 5"
        )
    connection.close()


def _read(path: Path) -> Iterator[pl.DataFrame]:
    for first in range(0, pl.scan_parquet(path).select(pl.len()).collect().item(), ROWS):
        yield pl.scan_parquet(path).slice(first, ROWS).collect()


def _derive(frame: pl.DataFrame, table: Table, dataset_id: bytes) -> pl.DataFrame:
    sources = frame["cid"].cast(pl.String)
    columns = {
        "cid": pl.Series([derive_cid(dataset_id, table.name, source) for source in sources], dtype=pl.Binary),
        "source_id": sources,
    }
    for name in ("pre_neuron", "post_neuron"):
        if f"{name}_id" in frame.columns:
            given = frame[f"{name}_id"].cast(pl.String)
            cids = {source: derive_cid(dataset_id, "neuron", source) for source in given.unique().drop_nulls()}
            columns[f"{name}_id"] = given.replace_strict(cids, return_dtype=pl.Binary)
            columns[f"{name}_source_id"] = given
    for name in ("pre", "post"):
        # No table of compartments is in the folder: they lie outside.
        if f"{name}_id" in frame.columns:
            columns[f"{name}_id"] = pl.Series([None] * frame.height, dtype=pl.Binary)
            columns[f"{name}_source_id"] = frame[f"{name}_id"].cast(pl.String)
    return pl.DataFrame({column.name: _values(table, column.name, columns, frame) for column in table.columns})


def _values(table: Table, name: str, derived: Mapping[str, pl.Series], frame: pl.DataFrame) -> pl.Series:
    if name in derived:
        return derived[name]
    if name in frame.columns:
        return frame[name]
    return pl.Series([None] * frame.height, dtype=POLARS_TYPES[table.column[name].type.name])
