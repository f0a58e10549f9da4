"""Rows as columns, in arrays that the driver's parser filled: no Python object a value until somebody wants it."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from syndb_graphql.store.protocol import ColumnRows, Row, Uuids

OBJECTS = np.dtype(object)
UUIDS = np.dtype("V16")


class Column:
    """Values as they came: numbers big-endian, uuids as 16 bytes, texts and all else as objects."""

    __slots__ = ("missing", "values")

    def __init__(self, values: NDArray[Any], missing: NDArray[np.bool_]) -> None:
        """`missing`: where there is no value; not so for objects, which are None there."""
        self.values, self.missing = values, missing

    def __getitem__(self, part: slice) -> "Column":
        return Column(self.values[part], self.missing[part])

    def read(self) -> Sequence[Any]:
        kind = self.values.dtype
        missing = kind != OBJECTS and bool(self.missing.any())
        if kind == UUIDS and not missing:
            return Uuids(self.values.tobytes())
        values: list[Any] = self.values.tolist()
        if missing:
            for place in np.flatnonzero(self.missing).tolist():
                values[place] = None
        return values


class DecodedRows(ColumnRows):
    """Rows of one answer, or of several that were joined."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns

    def columns(self) -> list[Sequence[Any]]:
        return [column.read() for column in self._columns]

    def __len__(self) -> int:
        return len(self._columns[0].values)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> "DecodedRows": ...
    def __getitem__(self, place: int | slice) -> "Row | DecodedRows":
        if isinstance(place, slice):
            return DecodedRows([column[place] for column in self._columns])
        place = range(len(self))[place]
        return tuple(column[place : place + 1].read()[0] for column in self._columns)

    def __iter__(self) -> Iterator[Row]:
        return zip(*self.columns(), strict=True)


def join_rows(parts: Sequence[Sequence[Row]]) -> Sequence[Row]:
    """Rows of one projection, one after another."""
    if len(parts) == 1:
        return parts[0]
    decoded = [part for part in parts if isinstance(part, DecodedRows)]
    if len(decoded) < len(parts):
        return list(chain.from_iterable(parts))
    columns = zip(*(part._columns for part in decoded), strict=True)
    return DecodedRows(
        [
            Column(np.concatenate([one.values for one in some]), np.concatenate([one.missing for one in some]))
            for some in columns
        ]
    )
