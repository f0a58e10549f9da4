"""Rows on the wire, read as the protocol says, are the rows that were encoded: whatever is missing, in whatever order."""

import struct
from collections.abc import Iterator

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from syndb_graphql.spec.types import BIGINT, BOOLEAN, FLOAT, INT, TEXT, UUID, ColumnType
from syndb_graphql.store.cassandra.encoding import encode_rows, in_wire_order

KINDS: dict[ColumnType, tuple[type[pl.DataType], st.SearchStrategy]] = {
    FLOAT: (pl.Float64, st.floats(allow_nan=False, allow_infinity=False)),
    INT: (pl.Int32, st.integers(-(2**31), 2**31 - 1)),
    BIGINT: (pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    TEXT: (pl.String, st.text(max_size=8)),
    BOOLEAN: (pl.Boolean, st.booleans()),
    UUID: (pl.Binary, st.binary(min_size=16, max_size=16)),
}
READ = {FLOAT: ">d", INT: ">i", BIGINT: ">q", BOOLEAN: ">?"}
NOT_SET = -2


@st.composite
def tables(draw) -> tuple[dict[str, ColumnType], pl.DataFrame]:
    kinds = {
        f"c{n}": kind for n, kind in enumerate(draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=7)))
    }
    rows = draw(st.integers(1, 5))
    columns = {}
    for name, kind in kinds.items():
        type_, values = KINDS[kind]
        one = st.none() | values if draw(st.booleans()) else values
        columns[name] = pl.Series(name, draw(st.lists(one, min_size=rows, max_size=rows)), type_)
    return kinds, pl.DataFrame(columns)


def read_cells(row: bytes) -> Iterator[bytes | None]:
    """The values of one row; None where one is said not to be set."""
    at = 0
    while at < len(row):
        (length,) = struct.unpack_from(">i", row, at)
        at += 4
        if length < 0:
            assert length == NOT_SET, "a null would leave a tombstone"
            yield None
        else:
            assert at + length <= len(row)
            yield row[at : at + length]
            at += length


def read_value(kind: ColumnType, cell: bytes | None) -> object:
    if cell is None or kind is UUID:
        return cell
    return cell.decode() if kind is TEXT else struct.unpack(READ[kind], cell)[0]


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
