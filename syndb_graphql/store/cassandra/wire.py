"""What of the driver's protocol is ours: uuids stay bytes, and rows are written as they were encoded.

The driver lets its protocol handler be replaced; what else is reached into here (how a batch holds its statements) is
settled by the version that is locked, and tests read back what was written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from cassandra.cqltypes import BytesType, ListType, TupleType, UUIDType
from cassandra.obj_parser import ListParser
from cassandra.protocol import BatchMessage, ResultMessage, cython_protocol_handler
from cassandra.query import BatchStatement, BatchType, PreparedStatement

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


class _ResultMessage(cython_protocol_handler(ListParser()).message_types_by_opcode[ResultMessage.opcode]):  # type: ignore[misc]
    """Uuids stay the 16 bytes they are: an object for each is more than half of the time of decoding."""

    type_codes = ResultMessage.type_codes | {
        code: BytesType for code, kind in ResultMessage.type_codes.items() if kind is UUIDType
    }


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
        return BytesType
    for container in (ListType, TupleType):
        if issubclass(kind, container):
            return container.apply_parameters([_as_bytes(each) for each in kind.subtypes])
    return kind
