"""Rows as CQL has them on the wire, made a column at a time: a cell is bytes, or UNSET where there is no value.

A null that is bound writes a tombstone, and enough of those make a page of rows fail to be read.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl
from cassandra.query import UNSET_VALUE

from syndb_graphql.spec.types import BIGINT, BOOLEAN, FLOAT, INT, TEXT, ColumnType

UNSET = UNSET_VALUE
Cell = Any
"""bytes or UNSET"""
_NUMBERS = {FLOAT.name: (">f8", "V8"), INT.name: (">i4", "V4"), BIGINT.name: (">i8", "V8"), BOOLEAN.name: ("u1", "V1")}


def encode_column(series: pl.Series, kind: ColumnType) -> list[Cell]:
    """Every value of a column as bytes."""
    if kind.name in _NUMBERS:
        number, cell = _NUMBERS[kind.name]
        values = series.fill_null(value=False if kind is BOOLEAN else 0).to_numpy().astype(number)
        if kind is FLOAT:
            values = (values + 0.0).astype(number)  # no store keeps the sign of zero, since SQLite does not
        cells: list[Cell] = values.view(cell).tolist()
        if series.null_count():
            for place in series.is_null().arg_true().to_list():
                cells[place] = UNSET
        return cells
    found = (series.cast(pl.Binary) if kind is TEXT else series).to_list()
    return [UNSET if value is None else value for value in found] if series.null_count() else found


def encode_int(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)


def encode_bigint(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def pack_key(parts: Sequence[bytes]) -> bytes:
    """A partition key of several columns, as nodes hash it: for each its length, itself, and a zero."""
    return b"".join(len(part).to_bytes(2, "big") + part + b"\0" for part in parts)
