"""Ids of rows: derived from the contributor's ids, and looked up in sorted files on disk.

A cid is 16 bytes; many of them are an array of shape (n, 16), dtype uint8. A `KeyIndex` holds every cid of one table,
sorted, and beside each one the neuron it belongs to: so the memory of a load does not grow with its rows.
Deriving is the one loop over rows there is: SHA-1 has no vectorised form that is faster than hashlib's.
"""

from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Cids = NDArray[np.uint8]
Positions = NDArray[np.int64]

IN_MEMORY = 500_000
"""Keys of a table up to which they are read into memory (16 bytes each) and not mapped."""


def derive_cids(dataset_id: bytes, table: str, sources: Sequence[bytes]) -> Cids:
    """uuid5(dataset_id, f"{table}/{source}") of each source id (UTF-8), shape (n, 16)."""
    prefix = dataset_id + table.encode() + b"/"
    digests = b"".join([sha1(prefix + source, usedforsecurity=False).digest() for source in sources])
    cids = np.frombuffer(digests, np.uint8).reshape(-1, 20)[:, :16].copy()
    cids[:, 6] = cids[:, 6] & 0x0F | 0x50
    cids[:, 8] = cids[:, 8] & 0x3F | 0x80
    return cids


def to_series(name: str, cids: Cids, present: NDArray[np.bool_] | None = None) -> pl.Series:
    """As a binary column; null where `present` is False."""
    contiguous = np.ascontiguousarray(cids)
    array = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(cids), [None, pa.py_buffer(contiguous)])
    if present is not None and not present.all():
        array = pc.if_else(pa.array(present), array, pa.scalar(None, pa.binary(16)))
    series = pl.from_arrow(array)
    assert isinstance(series, pl.Series)
    return series.rename(name)


def from_series(series: pl.Series) -> Cids:
    """The inverse of `to_series`; a null is sixteen zeros."""
    array = series.fill_null(bytes(16)).to_arrow().cast(pa.binary(16))
    flat = np.frombuffer(array.buffers()[1], np.uint8)
    return flat[array.offset * 16 : (array.offset + len(array)) * 16].reshape(-1, 16)


def checksum(cids: Cids) -> int:
    """Exclusive or of the last eight bytes, little-endian: as `RowsSummary.checksum` of the store."""
    return int(np.bitwise_xor.reduce(np.ascontiguousarray(cids[:, 8:]).view("<u8").ravel())) if len(cids) else 0


def _halves(cids: Cids) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Two numbers that order as the bytes do."""
    words = np.ascontiguousarray(cids).view(">u8").astype(np.uint64)
    return words[:, 0], words[:, 1]


class KeyIndex:
    """The cids of one table in order, the owner of each, and whether that owner is a neuron; files in `folder`."""

    def __init__(self, folder: Path, table: str) -> None:
        self._paths = {part: folder / f"{table}.{part}" for part in ("high", "low", "owner", "neuron")}
        self._parts: dict[str, NDArray[np.uint64]] = {}
        for path in self._paths.values():
            path.touch()

    def __len__(self) -> int:
        return self._paths["high"].stat().st_size // 8

    def append(self, cids: Cids) -> None:
        """Add cids that sort after all that were added before."""
        high, low = _halves(cids)
        for part, values in (("high", high), ("low", low)):
            with self._paths[part].open("ab") as file:
                file.write(values.tobytes())
        self._parts.clear()

    def append_owners(self, owners: Cids, neurons: NDArray[np.bool_]) -> None:
        """Say to whom the next cids in order belong."""
        with self._paths["owner"].open("ab") as file:
            file.write(np.ascontiguousarray(owners).tobytes())
        with self._paths["neuron"].open("ab") as file:
            file.write(neurons.tobytes())

    def find(self, cids: Cids) -> Positions:
        """Position of each cid, or -1."""
        found = np.full(len(cids), -1, np.int64)
        size = len(self)
        if not size or not len(cids):
            return found
        all_high, all_low = self._load("high"), self._load("low")
        high, low = _halves(cids)
        at = np.searchsorted(all_high, high)
        open_ = np.arange(len(cids))
        while len(open_):
            # Nearly always one turn: half a cid is 60 random bits.
            open_ = open_[at[open_] < size]
            open_ = open_[all_high[at[open_]] == high[open_]]
            same = all_low[at[open_]] == low[open_]
            found[open_[same]] = at[open_[same]]
            open_ = open_[~same]
            at[open_] += 1
        return found

    @property
    def has_owners(self) -> bool:
        """Whether it is said of every cid to whom it belongs."""
        return self._paths["neuron"].stat().st_size == len(self)

    def read_owners(self, positions: Positions) -> tuple[Cids, NDArray[np.bool_]]:
        """Owner of the rows at these positions, and whether it is a neuron."""
        owners = np.memmap(self._paths["owner"], np.uint8, "r").reshape(-1, 16)
        neurons = np.memmap(self._paths["neuron"], np.bool_, "r")
        return np.asarray(owners[positions]), np.asarray(neurons[positions])

    def _load(self, part: str) -> NDArray[np.uint64]:
        if len(self) > IN_MEMORY:
            # Mapped anew for each look-up, so that pages once touched do not stay in the process.
            return np.memmap(self._paths[part], np.uint64, "r")
        if part not in self._parts:
            self._parts[part] = np.fromfile(self._paths[part], np.uint64)
        return self._parts[part]


class TextFile:
    """Texts by position on disk: the contributor's ids of the neurons, in the order of their `KeyIndex`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, pa.schema([("text", pa.large_string())]))

    def append(self, texts: pl.Series) -> None:
        self._writer.write_batch(pa.record_batch([texts.to_arrow().cast(pa.large_string())], ["text"]))

    def close(self) -> None:
        """No more is appended; from here on it may be read."""
        self._writer.close()
        self._sink.close()

    def take(self, positions: Positions) -> pl.Series:
        with pa.memory_map(str(self._path)) as source:
            taken = pa.ipc.open_file(source).read_all().column(0).take(pa.array(positions))
            series = pl.from_arrow(taken)
        assert isinstance(series, pl.Series)
        return series
