"""The data sets by what describes them: for each value, which of them have it, as one whole number of as many bits.

Bit n stands for the n-th data set, so `and`, `or`, `not` and a count are each one operation on a number, whatever it is
of: a filter, a facet, a search. Each part is made once, from records that no longer change; a catalogue that changed is
indexed anew, but for its texts, which takes 5,000 data sets some tens of milliseconds.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, reduce
from itertools import compress
from operator import or_
from typing import TYPE_CHECKING, Any

import numpy as np

from syndb_graphql.catalog.passages import Passages
from syndb_graphql.catalog.search import TextIndex, TextSnapshot
from syndb_graphql.catalog.vocabulary import Vocabulary
from syndb_graphql.catalog.words import Term, parse_search

if TYPE_CHECKING:
    from syndb_graphql.catalog.catalog import Dataset

Bits = int
"""A set of data sets."""
Integers = np.ndarray[Any, np.dtype[np.int64]]
FEW = 24
"""Of fewer places a set is put together faster bit by bit."""
MAX_HITS = 32
"""Searches whose hits are kept, of one state of the data sets: the pages of one search ask the same again."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def count_microseconds(moment: datetime) -> int:
    """Since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def pack_bits(kept: Sequence[bool] | np.ndarray[Any, np.dtype[np.bool_]]) -> Bits:
    """One truth for each data set, in order, to the set of those for which it is true."""
    return int.from_bytes(np.packbits(np.asarray(kept, np.bool_), bitorder="little").tobytes(), "little")


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found, and how well each data set fits, by its id."""

    found: Bits
    scores: Mapping[bytes, float]


class DatasetIndex:
    """Data sets in the order they are given in; the vocabularies their terms are of; their texts, indexed here if need be."""

    def __init__(
        self,
        datasets: Sequence["Dataset"],
        vocabularies: Mapping[str, Vocabulary],
        texts: TextSnapshot | None = None,
    ) -> None:
        self.datasets = tuple(datasets)
        self.vocabularies = vocabularies
        self._texts = texts
        self._hits: dict[tuple[Term, ...], Hits] = {}
        self.everything: Bits = (1 << len(self.datasets)) - 1
        self._row_counts: dict[str, Integers] = {}
        self._groups: dict[str, Mapping[str, Bits]] = {}
        self._term_counts: dict[tuple[str, str], int] = {}

    def prepare(self) -> "DatasetIndex":
        """Make all parts now, where nobody waits for them."""
        for name, part in vars(DatasetIndex).items():
            if isinstance(part, cached_property):
                getattr(self, name)
        for table in {name for dataset in self.datasets for name in dataset.rows}:
            self.row_counts(table)
        return self

    def pick(self, bits: Bits) -> list["Dataset"]:
        """The data sets of a set, in order."""
        return list(self.datasets) if bits == self.everything else list(compress(self.datasets, self.unpack(bits)))

    def unpack(self, bits: Bits) -> list[bool]:
        """For each data set, whether it is in a set."""
        size = len(self.datasets)
        raw = np.frombuffer(bits.to_bytes((size + 7) // 8, "little"), np.uint8)
        return np.unpackbits(raw, count=size, bitorder="little").view(np.bool_).tolist()

    # ── Sets by value ──
    @cached_property
    def uuid(self) -> Mapping[bytes, Bits]:
        return self._sets(lambda dataset: (dataset.id,))

    @cached_property
    def animal(self) -> Mapping[str, Bits]:
        return self._sets(lambda dataset: (dataset.record.animal,))

    @cached_property
    def microscopy(self) -> Mapping[str, Bits]:
        return self._sets(lambda dataset: (dataset.record.microscopy,))

    @cached_property
    def license(self) -> Mapping[str, Bits]:
        return self._sets(lambda dataset: (dataset.record.license,))

    @cached_property
    def brain_region(self) -> Mapping[tuple[str, str | None], Bits]:
        """By structure and direction: both of one and the same region."""
        return self._sets(
            lambda dataset: ((region.structure, region.direction) for region in dataset.record.brain_regions)
        )

    @cached_property
    def mutation(self) -> Mapping[tuple[str, str], Bits]:
        """By gene and expression: both of one and the same mutation."""
        return self._sets(
            lambda dataset: ((mutation.gene, mutation.expression) for mutation in dataset.record.mutations)
        )

    @cached_property
    def structure(self) -> Mapping[str, Bits]:
        return self._sets(lambda dataset: (region.structure for region in dataset.record.brain_regions))

    @cached_property
    def direction(self) -> Mapping[str | None, Bits]:
        return self._sets(lambda dataset: (region.direction for region in dataset.record.brain_regions))

    @cached_property
    def gene(self) -> Mapping[str, Bits]:
        return self._sets(lambda dataset: (mutation.gene for mutation in dataset.record.mutations))

    @cached_property
    def expression(self) -> Mapping[str, Bits]:
        return self._sets(lambda dataset: (mutation.expression for mutation in dataset.record.mutations))

    @cached_property
    def wild_type(self) -> Mapping[bool | None, Bits]:
        return self._sets(lambda dataset: (dataset.record.wild_type,))

    @cached_property
    def doi(self) -> Mapping[str, Bits]:
        return self._sets(lambda dataset: dataset.record.publications)

    @cached_property
    def table(self) -> Mapping[str, Bits]:
        """By the tables with at least one row."""
        return self._sets(lambda dataset: dataset.rows)

    def group(self, name: str, values_of: Callable[["Dataset"], Iterable[str]]) -> Mapping[str, Bits]:
        """The data sets by values that are made of what is stored; kept under a name."""
        if name not in self._groups:
            self._groups[name] = self._sets(values_of)
        return self._groups[name]

    def _sets(self, values_of: Callable[["Dataset"], Iterable[Any]]) -> Mapping[Any, Bits]:
        places: dict[Hashable, list[int]] = {}
        for place, dataset in enumerate(self.datasets):
            for value in values_of(dataset):
                places.setdefault(value, []).append(place)
        return {value: self._set(found) for value, found in places.items()}

    def _set(self, places: Sequence[int]) -> Bits:
        if len(places) < FEW:
            return reduce(or_, (1 << place for place in places), 0)
        kept = np.zeros(len(self.datasets), np.bool_)
        kept[places] = True
        return pack_bits(kept)

    # ── Values in order, for what is compared ──
    @cached_property
    def labels(self) -> Sequence[str]:
        return [dataset.record.label for dataset in self.datasets]

    @cached_property
    def notes(self) -> Sequence[str | None]:
        return [dataset.record.notes for dataset in self.datasets]

    @cached_property
    def published(self) -> Integers:
        """Microseconds since 1970."""
        return np.array([count_microseconds(dataset.published_at) for dataset in self.datasets], np.int64)

    def row_counts(self, table: str) -> Integers:
        if table not in self._row_counts:
            counts = [dataset.count_rows(table) for dataset in self.datasets]
            self._row_counts[table] = np.array(counts, np.int64)
        return self._row_counts[table]

    # ── Words ──
    def search(self, text: str) -> "Hits":
        """The data sets that have all words of a text: all of them where it has no word. Raises BadInput for a text too long."""
        terms = parse_search(text)
        if terms not in self._hits:
            if len(self._hits) >= MAX_HITS:
                self._hits.clear()
            self._hits[terms] = self._find_hits(terms)
        return self._hits[terms]

    def _find_hits(self, terms: Sequence[Term]) -> "Hits":
        if not terms:
            return Hits(self.everything, {})
        if self._texts is None:
            self._texts = TextIndex(Passages(self.vocabularies)).update((), self.datasets)
        scores = self._texts.search(terms)
        return Hits(self._set([self._places[key] for key in scores]), scores)

    @cached_property
    def _places(self) -> Mapping[bytes, int]:
        return {dataset.id: place for place, dataset in enumerate(self.datasets)}

    # ── Terms ──
    def count_term(self, vocabulary: str, name: str) -> int | None:
        """How many data sets have the term or a part or kind of it; None for a vocabulary that describes no data set."""
        sets = self.term_sets(vocabulary)
        if sets is None:
            return None
        key = (vocabulary, name)
        if key not in self._term_counts:
            self._term_counts[key] = self.unite(sets, self.vocabularies[vocabulary].narrower(name)).bit_count()
        return self._term_counts[key]

    def term_sets(self, vocabulary: str) -> Mapping[Any, Bits] | None:
        """The data sets by their terms of a vocabulary; None for one that describes no data set."""
        match vocabulary:
            case "animal":
                return self.animal
            case "brain_structure":
                return self.structure
            case "direction":
                return self.direction
            case "expression":
                return self.expression
            case "microscopy":
                return self.microscopy
            case "license":
                return self.license
        return None

    @staticmethod
    def unite(sets: Mapping[Any, Bits], values: Iterable[Any]) -> Bits:
        """The data sets that have one of `values`."""
        found = 0
        for value in values:
            found |= sets.get(value, 0)
        return found
