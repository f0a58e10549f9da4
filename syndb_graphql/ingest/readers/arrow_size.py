"""How large the batches of an Arrow file are once unpacked, told before any is.

pyarrow reads a batch whole and trusts the size that a packed buffer claims for itself, so a small file could fill the
memory. Where buffers lie stands in the metadata of each message (a FlatBuffer: tables whose fields are found through a
list of offsets), and the size of each, unpacked, in its first eight bytes.
"""

import mmap
import struct
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.ipc

from syndb_graphql.ingest.report import BadFile

MAX_BATCH_BYTES = 1024**3
"""Of one batch of rows, unpacked: what a load may need of memory beside its usual few hundred MB."""
MAX_BUFFERS = 100_000
FILE_START = 8
"""Bytes of an Arrow file before the messages, which then follow as in a stream."""
# Numbers of fields and of types, as the format defines them (Message.fbs).
_HEADER_TYPE, _HEADER = 1, 2
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
_DATA_OF_DICTIONARY = 1
_BUFFERS, _COMPRESSION = 2, 3


def messages_of(data: mmap.mmap, *, as_stream: bool) -> pa.BufferReader:
    """The messages, without the list of them that a file has at its end."""
    whole = pa.py_buffer(data)
    return pa.BufferReader(whole if as_stream else whole.slice(FILE_START))


def measure_batches(data: mmap.mmap, *, as_stream: bool) -> int:
    """Bytes of the largest batch. Raises BadFile where one is too large, or the file is not whole."""
    largest = 0
    try:
        for message in pa.ipc.MessageReader.open_stream(messages_of(data, as_stream=as_stream)):
            size = _unpacked(bytes(message.metadata), message.body)
            if size > MAX_BATCH_BYTES:
                raise BadFile(
                    "batch-too-large",
                    f"A batch of rows takes {size:,} bytes in memory; at most {MAX_BATCH_BYTES:,} are read at once.",
                    "Write the table in smaller batches (such as pyarrow.feather.write_feather(table, path, "
                    "chunksize=65536)), or as Parquet.",
                )
            largest = max(largest, size)
    except (pa.ArrowException, OSError, struct.error, IndexError) as error:
        message = f"This is no whole Arrow file: {error}"
        raise BadFile("malformed-arrow", message, "Write the file again.") from error
    return largest


def _unpacked(metadata: bytes, body: pa.Buffer | None) -> int:
    """Bytes of the buffers of one message."""
    message = _Table(metadata, *struct.unpack_from("<I", metadata))
    kind, header = message.number(_HEADER_TYPE, "<B"), message.table(_HEADER)
    if header is None or body is None or kind not in (_RECORD_BATCH, _DICTIONARY_BATCH):
        return 0
    batch = header if kind == _RECORD_BATCH else header.table(_DATA_OF_DICTIONARY)
    if batch is None:
        return 0
    packed = batch.table(_COMPRESSION) is not None
    size = 0
    for offset, length in batch.pairs(_BUFFERS):
        if offset < 0 or length < 0 or offset + length > body.size:
            raise struct.error("a buffer lies outside of its message")
        if not packed or length < 8:
            size += length
            continue
        claimed = struct.unpack("<q", body.slice(offset, 8).to_pybytes())[0]
        size += length if claimed < 0 else claimed  # -1: this buffer is not packed
    return size


class _Table:
    """A table of a FlatBuffer."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._offsets = at - struct.unpack_from("<i", data, at)[0]
        if self._offsets < 0:
            raise struct.error("an offset leads out of the metadata")
        self._size = struct.unpack_from("<H", data, self._offsets)[0]

    def number(self, field: int, form: str) -> int:
        place = self._place(field)
        return int(struct.unpack_from(form, self._data, place)[0]) if place else 0

    def table(self, field: int) -> "_Table | None":
        place = self._place(field)
        return _Table(self._data, place + struct.unpack_from("<I", self._data, place)[0]) if place else None

    def pairs(self, field: int) -> Iterator[tuple[int, int]]:
        """A list of pairs of 64-bit numbers."""
        place = self._place(field)
        if not place:
            return
        start = place + struct.unpack_from("<I", self._data, place)[0]
        count = struct.unpack_from("<I", self._data, start)[0]
        if count > MAX_BUFFERS:
            raise struct.error(f"{count:,} buffers in one batch")
        yield from struct.iter_unpack("<qq", self._data[start + 4 : start + 4 + 16 * count])

    def _place(self, field: int) -> int:
        """Where the field lies; 0: it is not there."""
        slot = 4 + 2 * field
        if slot + 2 > self._size:
            return 0
        offset = struct.unpack_from("<H", self._data, self._offsets + slot)[0]
        return self._at + offset if offset else 0
