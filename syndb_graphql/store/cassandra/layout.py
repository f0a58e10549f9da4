"""Into how many partitions the rows of a version are divided: a bucket is a prefix of the uuid that rows are read by.

All uuids are of version 5, uniform in their first bits, and so are the buckets. Their number is settled when a version
is begun, from the rows that are to come, and kept beside it; 12,500 to 800,000 rows a partition read equally fast.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

MAX_BITS = 16
KEPT = 1000
"""Layouts held in memory, one a version that was read lately."""
COUNTS = "related_count"


@dataclass(frozen=True, slots=True)
class Layout:
    bits: Mapping[str, int]
    """Bits of the prefix by table; a table of which no number of rows was known has one partition."""

    def of(self, table: str) -> int:
        return self.bits.get(table, 0)


def plan_layout(rows: Mapping[str, int], rows_per_bucket: int) -> Layout:
    """For so many rows by table. Counts of related rows have at most one for each row there is."""
    expected = {**rows, COUNTS: sum(rows.values())}
    bits = {name: _bits(count, rows_per_bucket) for name, count in expected.items()}
    return Layout({name: each for name, each in bits.items() if each})


def bucket_of(key: bytes, bits: int) -> int:
    return int.from_bytes(key[:4], "big") >> (32 - bits)


def buckets_of(keys: Sequence[bytes], bits: int) -> NDArray[np.int32]:
    """The same of many keys."""
    if not bits:
        return np.zeros(len(keys), np.int32)
    heads = np.frombuffer(b"".join([key[:4] for key in keys]), ">u4")
    return (heads >> np.uint32(32 - bits)).astype(np.int32)


def group_by_bucket(keys: Sequence[bytes], bits: int) -> dict[int, list[int]]:
    """Positions of the keys of each bucket, in the order of the buckets."""
    if not bits:
        return {0: list(range(len(keys)))} if keys else {}
    buckets = buckets_of(keys, bits)
    order = np.argsort(buckets, kind="stable")
    edges = np.flatnonzero(np.diff(buckets[order])) + 1
    return {int(buckets[part[0]]): part.tolist() for part in np.split(order, edges)} if len(keys) else {}


class Layouts(OrderedDict[tuple[bytes, int], Layout]):
    """Those read lately. A version's never changes, so that it may be kept."""

    def find(self, key: tuple[bytes, int]) -> Layout | None:
        if key in self:
            self.move_to_end(key)
        return self.get(key)

    def keep(self, key: tuple[bytes, int], layout: Layout) -> Layout:
        self[key] = layout
        if len(self) > KEPT:
            self.popitem(last=False)
        return layout


def _bits(rows: int, rows_per_bucket: int) -> int:
    return min(MAX_BITS, max(0, round(log2(rows / rows_per_bucket)))) if rows else 0
