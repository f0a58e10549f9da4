"""Rows on the wire: what is encoded is what was given, whatever is missing, and what is decoded by columns is what tuples would be."""

import struct
from collections.abc import Iterator, Sequence
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from cassandra import DriverException
from cassandra.cqltypes import BooleanType, DoubleType, Int32Type, LongType, UTF8Type, UUIDType
from hypothesis import given
from hypothesis import strategies as st

from syndb_graphql.spec.types import BIGINT, BOOLEAN, FLOAT, INT, TEXT, UUID, ColumnType
from syndb_graphql.store.cassandra import wire
from syndb_graphql.store.cassandra.columns import DecodedRows, join_rows
from syndb_graphql.store.cassandra.encoding import NOT_SET, encode_rows, in_wire_order
from syndb_graphql.store.protocol import Row, Uuids

KINDS: dict[ColumnType, tuple[type[pl.DataType], st.SearchStrategy, Any]] = {
    FLOAT: (pl.Float64, st.floats(allow_nan=False, allow_infinity=False), DoubleType),
    INT: (pl.Int32, st.integers(-(2**31), 2**31 - 1), Int32Type),
    BIGINT: (pl.Int64, st.integers(-(2**63), 2**63 - 1), LongType),
    TEXT: (pl.String, st.text(max_size=8), UTF8Type),
    BOOLEAN: (pl.Boolean, st.booleans(), BooleanType),
    UUID: (pl.Binary, st.binary(min_size=16, max_size=16), UUIDType),
}
READ = {FLOAT: ">d", INT: ">i", BIGINT: ">q", BOOLEAN: ">?"}
NULL = b"\xff\xff\xff\xff"
"""What a node sends for a value that was not set."""
V5, RESULT, ROWS, NO_METADATA = 5, 0x08, 2, 4


@st.composite
def tables(draw) -> tuple[dict[str, ColumnType], pl.DataFrame]:
    drawn = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=7))
    kinds = {f"c{number}": kind for number, kind in enumerate(drawn)}
    rows = draw(st.integers(1, 5))
    columns = {}
    for name, kind in kinds.items():
        type_, values, _ = KINDS[kind]
        one = st.none() | values if draw(st.booleans()) else values
        columns[name] = pl.Series(name, draw(st.lists(one, min_size=rows, max_size=rows)), type_)
    return kinds, pl.DataFrame(columns)


def read_cells(row: bytes) -> Iterator[bytes | None]:
    """The values of one row; None where one is said not to be set."""
    at = 0
    while at < len(row):
        length, start = row[at : at + 4], at + 4
        at = start if length == NOT_SET else start + int.from_bytes(length, signed=True)
        assert start <= at <= len(row), "a null would leave a tombstone"
        yield None if length == NOT_SET else row[start:at]


def read_value(kind: ColumnType, cell: bytes | None) -> object:
    if cell is None or kind is UUID:
        return cell
    return cell.decode() if kind is TEXT else struct.unpack(READ[kind], cell)[0]


def decode(kinds: dict[str, ColumnType], rows: Sequence[bytes], *, by_columns: bool) -> Sequence[Row]:
    """An answer of a node with these rows, decoded as it is when it comes."""
    body = struct.pack(">4i", ROWS, NO_METADATA, len(kinds), len(rows)) + b"".join(rows)
    asked = [("keyspace", "table", name, wire._as_bytes(KINDS[kind][2])) for name, kind in kinds.items()]
    with patch.object(wire, "BY_COLUMNS_BYTES", 0 if by_columns else len(body) + 1):
        message = wire.Protocol.decode_message(V5, {}, 1, 0, RESULT, body, None, asked)
    return message.parsed_rows


@given(tables())
def test_rows_on_the_wire_are_the_rows_that_were_given(table):
    kinds, frame = table
    ordered = in_wire_order(kinds)
    assert sorted(ordered) == sorted(kinds)
    encoded = encode_rows(frame, ordered)
    for row, expected in zip(encoded, frame.iter_rows(named=True), strict=True):
        cells = list(read_cells(row))
        found = {name: read_value(kind, cell) for (name, kind), cell in zip(ordered.items(), cells, strict=True)}
        assert found == expected


def test_zero_has_no_sign():
    (row,) = encode_rows(pl.DataFrame({"value": [-0.0]}), {"value": FLOAT})
    assert row == struct.pack(">id", 8, 0.0)


@given(tables(), st.slices(5), st.integers(0, 5))
def test_rows_decoded_by_columns_are_the_tuples_they_would_be(table, part, cut):
    kinds, frame = table
    cells = [
        [NULL if cell is None else struct.pack(">i", len(cell)) + cell for cell in read_cells(row)]
        for row in encode_rows(frame, kinds)
    ]
    encoded = [b"".join(row) for row in cells]
    rows, tuples = (decode(kinds, encoded, by_columns=way) for way in (True, False))
    assert isinstance(rows, DecodedRows)
    assert list(rows) == tuples == frame.rows()
    assert list(rows[part]) == tuples[part]
    assert [rows[place] for place in range(-len(tuples), len(tuples))] == tuples * 2
    assert list(join_rows([rows[:cut], rows[cut:]])) == tuples
    assert list(join_rows([rows[:cut], tuples[cut:]])) == tuples
    for (name, kind), column in zip(kinds.items(), rows.columns(), strict=True):
        assert isinstance(column, Uuids) is (kind is UUID and frame[name].null_count() == 0)


def test_an_answer_that_ends_too_early_is_no_answer():
    rows = encode_rows(pl.DataFrame({"value": [1.0, 2.0]}), {"value": FLOAT})
    for by_columns in (False, True):
        with pytest.raises((DriverException, EOFError)):
            decode({"value": FLOAT}, [rows[0], rows[1][:-3]], by_columns=by_columns)
