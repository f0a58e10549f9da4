"""Rows as CQL has them on the wire, made a column at a time: each row's values one after another, each behind its length.

A row's bytes are then good for every table it is written to. A null that is bound writes a tombstone, and enough of those
make a page of rows fail to be read: a value that is missing is sent as not set.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from syndb_graphql.spec.types import BIGINT, BOOLEAN, FLOAT, INT, TEXT, UUID, ColumnType
from syndb_graphql.store.protocol import UUID_BYTES

NOT_SET = b"\xff\xff\xff\xfe"
"""In the place of a length: no value comes, and none is written."""
_WIRE = {FLOAT: ">f8", INT: ">i4", BIGINT: ">i8", BOOLEAN: "u1", UUID: f"V{UUID_BYTES}"}
"""How a value of a type that has one width is written."""


def in_wire_order(kinds: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """The same columns, those of one width first: what stands side by side is made at one go."""
    return dict(sorted(kinds.items(), key=lambda item: item[1] not in _WIRE))


def encode_rows(rows: pl.DataFrame, kinds: Mapping[str, ColumnType]) -> list[bytes]:
    """The values of each row in the order of `kinds`."""
    pieces: list[Sequence[bytes]] = []
    block: list[NDArray[Any]] = []
    for name, kind in kinds.items():
        column = rows[name]
        if kind is TEXT:
            texts = column.fill_null("")
            lengths = column.str.len_bytes().cast(pl.Int32).fill_null(int.from_bytes(NOT_SET, signed=True))
            block.append(lengths.to_numpy().astype(">i4"))
            pieces += [_join_block(block), texts.cast(pl.Binary).to_list()]
            block = []
            continue
        values = _values(column, kind)
        if column.null_count():
            single = _join_block([_lengths(values), values])
            for place in column.is_null().arg_true().to_list():
                single[place] = NOT_SET
            pieces += [_join_block(block), single] if block else [single]
            block = []
        else:
            block += [_lengths(values), values]
    if block:
        pieces.append(_join_block(block))
    return list(map(b"".join, zip(*pieces, strict=True)))


def encode_cell(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def encode_int(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)


def encode_bigint(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def pack_key(parts: Sequence[bytes]) -> bytes:
    """A partition key of several columns, as nodes hash it: for each its length, itself, and a zero."""
    return b"".join(len(part).to_bytes(2, "big") + part + b"\0" for part in parts)


def _values(column: pl.Series, kind: ColumnType) -> NDArray[Any]:
    if kind is UUID:
        return np.frombuffer(b"".join(column.fill_null(bytes(UUID_BYTES)).to_list()), _WIRE[kind])
    values = column.fill_null(value=False if kind is BOOLEAN else 0).to_numpy()
    # No store keeps the sign of zero, since SQLite does not.
    return (values + 0.0 if kind is FLOAT else values).astype(_WIRE[kind])


def _lengths(values: NDArray[Any]) -> NDArray[Any]:
    return np.broadcast_to(np.array(values.itemsize, ">i4"), values.shape)


def _join_block(columns: Sequence[NDArray[Any]]) -> list[bytes]:
    """Columns of one width each, set side by side and cut into rows."""
    rows = np.empty(len(columns[0]), [(f"f{place}", column.dtype) for place, column in enumerate(columns)])
    for place, column in enumerate(columns):
        rows[f"f{place}"] = column
    cut: list[bytes] = rows.view(f"V{rows.itemsize}").tolist()
    return cut
