"""What of the driver's protocol is ours: uuids stay bytes, large answers become columns, and rows are written as they were encoded.

The driver lets its protocol handler be replaced. What else is reached into here is settled by the version that is
locked, and tests read back what was written: how a batch holds its statements, and how the driver's NumPy parser makes
its arrays. That one fails with NumPy 2 (its `make_native_byteorder`), knows no uuids, and takes masked arrays, which
cost more than a small answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from cassandra import DriverException, deserializers, numpy_parser
from cassandra.cqltypes import (
    BooleanType,
    BytesType,
    DoubleType,
    Int32Type,
    ListType,
    LongType,
    TupleType,
    UUIDType,
)
from cassandra.numpy_parser import NumpyParser
from cassandra.obj_parser import ListParser
from cassandra.protocol import BatchMessage, ResultMessage, cython_protocol_handler
from cassandra.query import BatchStatement, BatchType, PreparedStatement
from cassandra.row_parser import make_recv_results_rows

from syndb_graphql.store.cassandra.columns import OBJECTS, UUIDS, Column, DecodedRows

BY_COLUMNS_BYTES = 30_000
"""Smaller answers are tuples: an array a column costs more than their few rows."""
_PREPARED = b"\x01"
"""A statement of a batch is named by its id, not by its text."""
_HEAD_BYTES = 3
"""Of a batch: its type, and how many statements follow."""


@dataclass(frozen=True, slots=True)
class _EncodedRows:
    """The statements of a batch, as they go over the wire."""

    count: int
    body: bytes

    def __len__(self) -> int:
        return self.count


class _BatchMessage(BatchMessage):  # type: ignore[misc]
    """The driver's own way writes value by value, a third of the time of a load."""

    def send_body(self, f: Any, protocol_version: int) -> None:
        rows: _EncodedRows = self.queries
        around = BytesIO()
        BatchMessage(
            self.batch_type, (), self.consistency_level, self.serial_consistency_level, self.timestamp, self.keyspace
        ).send_body(around, protocol_version)
        f.write(around.getvalue()[:1] + rows.count.to_bytes(_HEAD_BYTES - 1, "big"))
        f.write(rows.body)
        f.write(around.getvalue()[_HEAD_BYTES:])


class _Uuid(BytesType):  # type: ignore[misc]
    """The 16 bytes it is: an object for each is more than half of the time of decoding."""


deserializers.Des_Uuid = deserializers.DesBytesType  # found by its name; without it each would be a call of Python


class _ResultMessage(cython_protocol_handler(ListParser()).message_types_by_opcode[ResultMessage.opcode]):  # type: ignore[misc]
    """Tuples, or where an answer is large DecodedRows."""

    type_codes = ResultMessage.type_codes | {
        code: _Uuid for code, kind in ResultMessage.type_codes.items() if kind is UUIDType
    }
    parsed_rows: Any
    _read_rows = make_recv_results_rows(ListParser())
    _read_columns = make_recv_results_rows(NumpyParser())

    def recv_results_rows(self, f: Any, *more: Any) -> None:
        if f.getbuffer().nbytes < BY_COLUMNS_BYTES:
            self._read_rows(f, *more)
            return
        self._read_columns(f, *more)
        if self.parsed_rows is None:  # what goes wrong inside the parser is not raised by it
            raise DriverException("An answer of a node could not be decoded by columns.")
        self.parsed_rows = DecodedRows([self.parsed_rows[name] for name in self.column_names])


_ARRAYS: dict[Any, np.dtype[Any]] = {
    DoubleType: np.dtype(">f8"),
    Int32Type: np.dtype(">i4"),
    LongType: np.dtype(">i8"),
    BooleanType: np.dtype("?"),
    _Uuid: UUIDS,
}
"""What the values of a type that has one width are copied into; all others are objects."""


def _make_arrays(asked: Any, count: int) -> tuple[Any, list[Column]]:
    """In the place of the driver's own: arrays for so many rows, and where the parser finds them."""
    places = np.zeros(len(asked.coltypes), numpy_parser.arrDescDtype)
    missing = np.zeros((len(places), count), np.bool_)
    columns = []
    for number, kind in enumerate(asked.coltypes):
        values = np.zeros(count, _ARRAYS.get(kind, OBJECTS))
        start = [array.__array_interface__["data"][0] for array in (values, missing[number])]
        places[number] = (start[0], values.itemsize, values.dtype == OBJECTS, start[1])
        columns.append(Column(values, missing[number]))
    return places, columns


numpy_parser.make_arrays = _make_arrays
numpy_parser.make_native_byteorder = lambda column: column


class Protocol(cython_protocol_handler(ListParser())):  # type: ignore[misc]
    message_types_by_opcode = cython_protocol_handler(ListParser()).message_types_by_opcode | {
        ResultMessage.opcode: _ResultMessage
    }

    @classmethod
    def encode_message(cls, msg: Any, *more: Any, **options: Any) -> bytes:
        if type(msg) is BatchMessage:
            msg.__class__ = _BatchMessage
        encoded: bytes = super().encode_message(msg, *more, **options)
        return encoded


def make_batch(insert: PreparedStatement, key: bytes, rows: Sequence[bytes]) -> BatchStatement:
    """Rows of one partition in one message. `key`: what the rows' first columns, the same in all, are; encoded like the rows."""
    columns = len(insert.column_metadata).to_bytes(2, "big")
    head = _PREPARED + len(insert.query_id).to_bytes(2, "big") + insert.query_id + columns + key
    batch = BatchStatement(BatchType.UNLOGGED)
    batch._statements_and_parameters = _EncodedRows(len(rows), head + head.join(rows))
    batch.is_idempotent = True
    return batch


def with_bytes(statement: PreparedStatement) -> PreparedStatement:
    """Uuids are bound and read as bytes."""
    statement.column_metadata = [each._replace(type=_as_bytes(each.type)) for each in statement.column_metadata or ()]
    statement.result_metadata = [(*each[:3], _as_bytes(each[3])) for each in statement.result_metadata or ()]
    return statement


def _as_bytes(kind: Any) -> Any:
    if kind is UUIDType:
        return _Uuid
    for container in (ListType, TupleType):
        if issubclass(kind, container):
            return container.apply_parameters([_as_bytes(each) for each in kind.subtypes])
    return kind
