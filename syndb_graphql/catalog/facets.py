"""How many data sets have each value of a field, and how they spread over numbers of rows.

Each field is counted without its own conditions, so that a reader sees what else there is to choose: left out is each of
the conditions that must all hold (those of the filter itself and of its `and`s) in which nothing but the field is asked
about. What is asked about several fields at once, such as an `or` over two of them, holds for every count.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import reduce
from operator import and_
from typing import Any
from uuid import UUID

import numpy as np

from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.catalog.filters import Facts, match_datasets
from syndb_graphql.catalog.index import Bits, DatasetIndex

MAX_BUCKETS = 200
MAX_BINS = 100


@dataclass(frozen=True)
class Field:
    """What data sets are told apart by."""

    name: str
    description: str
    keys: frozenset[str]
    """The parts of a filter that ask about it."""
    vocabulary: str | None = None


def _field(name: str, description: str, *keys: str, vocabulary: str | None = None) -> Field:
    return Field(name, description, frozenset(keys), vocabulary)


FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        _field("DATASET", "The data set itself, by uuid.", "uuid"),
        _field("ANIMAL", "The species.", "animal", vocabulary="animal"),
        _field(
            "BRAIN_STRUCTURE",
            "Each structure as the data set states it, what it is part of not counted.",
            "brainRegions",
            vocabulary="brain_structure",
        ),
        _field("DIRECTION", "Which side of a structure.", "brainRegions", vocabulary="direction"),
        _field("GENE", "Each gene that was changed.", "mutations"),
        _field("EXPRESSION", "What was done to a gene.", "mutations", vocabulary="expression"),
        _field("GENOTYPE", "`wild type`, or all mutations together.", "wildType", "mutations"),
        _field("MICROSCOPY", "How it was imaged.", "microscopy", vocabulary="microscopy"),
        _field("LICENSE", "What one may do with it.", "license", vocabulary="license"),
        _field("TABLE", "Each table with rows, by its `TableName`.", "tables"),
        _field("PUBLICATION", "Each publication, by DOI.", "doi"),
        _field("YEAR", "The year (UTC) this version of its rows was published.", "publishedAt"),
    )
}


@dataclass(frozen=True)
class Bucket:
    value: str
    count: int
    vocabulary: str | None
    """The one the value is a term of."""


@dataclass(frozen=True)
class Facet:
    field: Field
    buckets: Sequence[Bucket]
    """The most frequent first, then by value."""
    missing: int
    """Data sets without a value."""
    other: int
    """Sum of the counts of the buckets that are not among these."""


@dataclass(frozen=True)
class RowHistogram:
    edges: Sequence[float]
    counts: Sequence[int]
    """The last bin has both its edges."""
    below: int
    """Data sets without a row in the table."""


class FacetCounts:
    """Of the data sets one filter keeps: each field is counted when it is first asked for."""

    def __init__(self, index: DatasetIndex, filter_: Facts) -> None:
        self._index = index
        self._conditions = [(_keys(condition), condition) for condition in _conditions(filter_)]
        self._sets: dict[int, Bits] = {}
        self._counted: dict[str, tuple[list[tuple[str, int]], int]] = {}

    def count(self, field: Field, first: int) -> Facet:
        if field.name not in self._counted:
            self._counted[field.name] = self._count(field)
        ranked, missing = self._counted[field.name]
        buckets = [Bucket(value, count, field.vocabulary) for value, count in ranked[:first]]
        return Facet(field, buckets, missing, sum(count for _, count in ranked[first:]))

    def spread_rows(self, table: str, bins: int) -> RowHistogram | None:
        """Bins of equal width on a scale of ratios, from the fewest to the most rows; None where no data set has any."""
        found = self._matching(lambda keys: keys == {f"rowCount {table}"})
        counts = self._index.row_counts(table)[self._index.unpack(found)]
        given = counts[counts > 0]
        if not len(given):
            return None
        low, high = int(given.min()), int(given.max())
        edges = np.geomspace(low, max(high, low + 1), bins + 1)
        # Rounding must not put the fewest or the most outside.
        edges[0], edges[-1] = low, max(high, low + 1)
        numbers, _ = np.histogram(given, edges)
        return RowHistogram(edges.tolist(), numbers.tolist(), len(counts) - len(given))

    def _count(self, field: Field) -> tuple[list[tuple[str, int]], int]:
        found = self._matching(lambda keys: keys <= field.keys)
        counts: list[tuple[str, int]] = []
        having = 0
        for value, bits in field_sets(self._index, field.name).items():
            kept = found & bits
            if kept:
                counts.append((value, kept.bit_count()))
                having |= kept
        counts.sort(key=lambda pair: (-pair[1], pair[0]))
        return counts, found.bit_count() - having.bit_count()

    def _matching(self, own: Callable[[frozenset[str]], bool]) -> Bits:
        """The data sets that all conditions keep but the field's own."""
        others = (place for place, (keys, _) in enumerate(self._conditions) if not keys or not own(keys))
        return reduce(and_, map(self._match, others), self._index.everything)

    def _match(self, place: int) -> Bits:
        if place not in self._sets:
            self._sets[place] = match_datasets(self._index, self._conditions[place][1])
        return self._sets[place]


def _conditions(filter_: Facts) -> Iterator[Facts]:
    """What must all hold, each as a filter of its own."""
    for name, wanted in filter_.items():
        if name == "and":
            for part in wanted:
                yield from _conditions(part)
        else:
            yield {name: wanted}


def _keys(filter_: Facts) -> frozenset[str]:
    """What a filter asks about; a number of rows is asked about table by table."""
    keys: set[str] = set()
    for name, wanted in filter_.items():
        if name in ("and", "or"):
            keys = keys.union(*map(_keys, wanted))
        elif name == "not":
            keys |= _keys(wanted)
        else:
            keys.add(f"{name} {wanted['table']}" if name == "rowCount" else name)
    return frozenset(keys)


# ── The values ──
def field_sets(index: DatasetIndex, field: str) -> Mapping[str, Bits]:
    """The data sets by their values of a field, as the graph writes them."""
    if field in _STORED:
        sets: Mapping[Any, Bits] = getattr(index, _STORED[field])
        return {value: bits for value, bits in sets.items() if value is not None}
    return index.group(field, _WRITTEN[field])


_STORED = {
    "ANIMAL": "animal",
    "BRAIN_STRUCTURE": "structure",
    "DIRECTION": "direction",
    "GENE": "gene",
    "EXPRESSION": "expression",
    "MICROSCOPY": "microscopy",
    "LICENSE": "license",
    "PUBLICATION": "doi",
}
"""Attributes of the index."""


def _genotype(dataset: Dataset) -> Sequence[str]:
    if dataset.record.wild_type:
        return ("wild type",)
    mutations = sorted({f"{mutation.gene} {mutation.expression}" for mutation in dataset.record.mutations})
    return ("; ".join(mutations),) if mutations else ()


_WRITTEN: Mapping[str, Callable[[Dataset], Sequence[str]]] = {
    "DATASET": lambda dataset: (str(UUID(bytes=dataset.id)),),
    "GENOTYPE": _genotype,
    "TABLE": lambda dataset: [name.upper() for name in dataset.rows],
    "YEAR": lambda dataset: (str(dataset.published_at.astimezone(UTC).year),),
}
