"""Orders of data sets, and where in one a data set stands: a key that says so whether or not the data set still exists.

A page begins after a key, so what is added, changed or deleted between two pages moves nothing else. After all that was
asked for come label and uuid, which no two data sets share. What is missing comes last in both directions.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import total_ordering
from itertools import chain
from typing import Any

from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.catalog.index import count_microseconds
from syndb_graphql.errors import BadInput

Value = float | int | str | None
Key = tuple[Any, ...]
"""Compares as the data sets it stands for are ordered."""


@dataclass(frozen=True)
class Order:
    field: str
    """One of FIELDS, or RELEVANCE."""
    descending: bool = False


RELEVANCE = "RELEVANCE"
FIELDS: Mapping[str, Callable[[Dataset], Value]] = {
    "LABEL": lambda dataset: dataset.record.label,
    "ROW_COUNT": lambda dataset: dataset.row_count,
    "CREATED_AT": lambda dataset: count_microseconds(dataset.record.created_at),
    "UPDATED_AT": lambda dataset: count_microseconds(dataset.record.updated_at),
    "PUBLISHED_AT": lambda dataset: count_microseconds(dataset.published_at),
}
_NUMBERS: Mapping[str, type[int] | type[float]] = {RELEVANCE: float} | dict.fromkeys(FIELDS.keys() - {"LABEL"}, int)


@total_ordering
@dataclass(frozen=True, slots=True)
class _Reversed:
    value: Any

    def __lt__(self, other: "_Reversed") -> bool:
        return bool(other.value < self.value)


class DatasetOrder:
    """`orders` one after another, then label and uuid. `scores` are those of a search, by data set."""

    def __init__(self, orders: Sequence[Order], scores: Mapping[bytes, float]) -> None:
        names = [order.field for order in orders]
        if len(set(names)) < len(names):
            raise BadInput(f"`orderBy` names {max(names, key=names.count)} twice; once is enough.")
        self._orders = orders
        self._scores = scores

    def sort(self, datasets: Sequence[Dataset]) -> list[Dataset]:
        """Data sets that are in the order of label and uuid, in this one."""
        ordered = list(datasets)
        for order in reversed(self._orders):
            values: list[Any] = self._values(ordered, order.field)
            given = [place for place, value in enumerate(values) if value is not None]
            missing = [place for place, value in enumerate(values) if value is None] if len(given) < len(values) else []
            given.sort(key=values.__getitem__, reverse=order.descending)  # equal ones stay as they are
            ordered = [ordered[place] for place in chain(given, missing)]
        return ordered

    def cut(
        self, ordered: Sequence[Dataset], after: Sequence[str] | None, before: Sequence[str] | None
    ) -> Sequence[Dataset]:
        """Those after one position and before another."""
        start, end = 0, len(ordered)
        if after is not None:
            start = bisect_right(ordered, self._parse(after), key=self._key)
        if before is not None:
            end = bisect_left(ordered, self._parse(before), key=self._key)
        return ordered[start:end]

    def position(self, dataset: Dataset) -> tuple[str, ...]:
        """Where a data set stands, as text."""
        values = (self._value(dataset, order.field) for order in self._orders)
        return (*("" if value is None else f"={value!s}" for value in values), *dataset.sort_key)

    def _parse(self, position: Sequence[str]) -> Key:
        values = [
            None if not text else _NUMBERS.get(order.field, str)(text[1:])
            for order, text in zip(self._orders, position, strict=False)
        ]
        return self._comparable(values, position[len(self._orders) :])

    def _key(self, dataset: Dataset) -> Key:
        return self._comparable([self._value(dataset, order.field) for order in self._orders], dataset.sort_key)

    def _comparable(self, values: Sequence[Value], sort_key: Sequence[str]) -> Key:
        parts = [
            (value is None, _Reversed(value) if order.descending and value is not None else value or 0)
            for order, value in zip(self._orders, values, strict=True)
        ]
        return (*parts, *sort_key)

    def _value(self, dataset: Dataset, field: str) -> Value:
        return self._values([dataset], field)[0]

    def _values(self, datasets: Sequence[Dataset], field: str) -> list[Value]:
        if field == RELEVANCE:
            return [self._scores.get(dataset.id) for dataset in datasets]
        return list(map(FIELDS[field], datasets))
