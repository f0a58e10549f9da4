"""Which data sets a filter keeps, worked out on sets of them (index.py), never data set by data set where a set is known.

A filter is a dictionary by the names of the graph. All its keys must hold; an empty one keeps everything.
A comparison with a missing value is false; `not` is the plain complement; text compares exactly, terms by whatever they
are called. What is asked of a region or of a mutation must hold of one and the same.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import and_, or_
from typing import Any

import numpy as np

from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.catalog.doi import parse_doi
from syndb_graphql.catalog.index import Bits, DatasetIndex, count_microseconds, pack_bits
from syndb_graphql.catalog.vocabulary import Vocabulary, shorten
from syndb_graphql.errors import BadInput

Facts = Mapping[str, Any]
MAX_DEPTH = 10
MAX_VALUES = 1000
MAX_CONDITIONS = 200
"""Of a whole filter. Text is compared data set by data set, so 200 such conditions on 5,000 take some 0.1 s."""


def search_datasets(index: DatasetIndex, filter_: Facts | None) -> list[Dataset]:
    """The data sets a filter keeps, in their order. Raises as `match_datasets`."""
    return index.pick(match_datasets(index, filter_))


def match_datasets(index: DatasetIndex, filter_: Facts | None) -> Bits:
    """The set of data sets a filter keeps. Raises BadInput for an unknown term, what is no DOI, or a filter nested or listing too much."""
    if not filter_:
        return index.everything
    conditions = _check_bounds(filter_, 1)
    if conditions > MAX_CONDITIONS:
        raise BadInput(
            f"A filter of data sets may have {MAX_CONDITIONS} conditions, this one has {conditions:,}. "
            "Name many values of one thing with `in`."
        )
    return _match(index, filter_)


def _match(index: DatasetIndex, facts: Facts) -> Bits:
    found = index.everything
    for name, wanted in facts.items():
        found &= _CONDITIONS[name](index, wanted)
    return found


# ── Text and numbers ──
_TEXT: Mapping[str, Callable[[Sequence[str | None], Any], list[bool]]] = {
    "isNull": lambda values, wanted: [(value is None) is wanted for value in values],
    "eq": lambda values, wanted: [value is not None and value == wanted for value in values],
    "ne": lambda values, wanted: [value is not None and value != wanted for value in values],
    "in": lambda values, wanted: [value is not None and value in wanted for value in values],
    "startsWith": lambda values, wanted: [value is not None and value.startswith(wanted) for value in values],
    "contains": lambda values, wanted: [value is not None and wanted in value for value in values],
}


def _compare_texts(values: Sequence[str | None], facts: Facts) -> list[bool]:
    kept = [True] * len(values)
    for name, wanted in facts.items():
        held = _TEXT[name](values, frozenset(wanted) if name == "in" else wanted)
        kept = held if len(facts) == 1 else list(map(and_, kept, held))
    return kept


_NUMBERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "isNull": lambda values, wanted: np.full(len(values), not wanted),
    "eq": np.equal,
    "ne": np.not_equal,
    "in": np.isin,
    "lt": np.less,
    "lte": np.less_equal,
    "gt": np.greater,
    "gte": np.greater_equal,
}
"""Of what no data set lacks: numbers of rows, the moment of publication."""


def _compare_numbers(index: DatasetIndex, values: Any, facts: Facts) -> Bits:
    return reduce(and_, (pack_bits(_NUMBERS[name](values, wanted)) for name, wanted in facts.items()), index.everything)


def _match_uuids(index: DatasetIndex, facts: Facts) -> Bits:
    found = index.everything
    for name, wanted in facts.items():
        match name:
            case "eq":
                found &= index.uuid.get(wanted, 0)
            case "ne":
                found &= ~index.uuid.get(wanted, 0)
            case "in":
                found &= index.unite(index.uuid, wanted)
            case "isNull":
                found &= 0 if wanted else index.everything
    return found


def _match_moments(index: DatasetIndex, facts: Facts) -> Bits:
    numbers = {name: wanted if name == "isNull" else count_microseconds(wanted) for name, wanted in facts.items()}
    return _compare_numbers(index, index.published, numbers)


# ── Terms ──
def _find_terms(vocabulary: Vocabulary, stored: Mapping[Any, Bits], facts: Facts) -> frozenset[str]:
    """Canonical names of the terms a TermFilter names, with their parts and kinds unless they are not wanted."""
    return _find_names(vocabulary, stored, facts["in"], parts=facts.get("includeParts", True))


def _find_names(
    vocabulary: Vocabulary, stored: Mapping[Any, Bits], texts: Sequence[str], *, parts: bool
) -> frozenset[str]:
    names: set[str] = set()
    for text in dict.fromkeys(texts):
        # A record may be older than the vocabulary: its own word is understood too.
        name = text if text in stored and text not in vocabulary.terms else vocabulary.get(text).name
        names |= vocabulary.narrower(name) if parts else {name}
    return frozenset(names)


def _match_terms(name: str) -> "Condition":
    def match(index: DatasetIndex, facts: Facts) -> Bits:
        sets = index.term_sets(name)
        assert sets is not None
        return index.unite(sets, _find_terms(index.vocabularies[name], sets, facts))

    return match


def _match_licenses(index: DatasetIndex, wanted: Sequence[str]) -> Bits:
    return index.unite(index.license, _find_names(index.vocabularies["license"], index.license, wanted, parts=False))


def _match_regions(index: DatasetIndex, facts: Facts) -> Bits:
    sides: Mapping[str, tuple[str, Mapping[Any, Bits]]]
    sides = {"structure": ("brain_structure", index.structure), "direction": ("direction", index.direction)}
    wanted = {
        side: _find_terms(index.vocabularies[vocabulary], sets, facts[side])
        for side, (vocabulary, sets) in sides.items()
        if side in facts
    }
    if len(wanted) == 2:
        pairs = (
            pair for pair in index.brain_region if pair[0] in wanted["structure"] and pair[1] in wanted["direction"]
        )
        return index.unite(index.brain_region, pairs)
    return reduce(and_, (index.unite(sides[side][1], names) for side, names in wanted.items()), index.everything)


def _match_mutations(index: DatasetIndex, facts: Facts) -> Bits:
    gene, expression = facts.get("gene"), facts.get("expression")
    if not gene and expression is None:
        return index.everything
    genes = list(index.gene)
    kept = {name for name, held in zip(genes, _compare_texts(genes, gene or {}), strict=True) if held}
    if expression is None:
        return index.unite(index.gene, kept)
    expressions = _find_terms(index.vocabularies["expression"], index.expression, expression)
    return index.unite(index.mutation, (pair for pair in index.mutation if pair[0] in kept and pair[1] in expressions))


# ── The rest ──
def _match_dois(index: DatasetIndex, wanted: Sequence[str]) -> Bits:
    dois = [(text, parse_doi(text)) for text in wanted]
    for text, doi in dois:
        if doi is None:
            raise BadInput(f"'{shorten(text)}' is no DOI. Write it as 10.7554/eLife.57443.")
    return index.unite(index.doi, (doi for _, doi in dois))


def _match_tables(index: DatasetIndex, facts: Facts) -> Bits:
    found = reduce(and_, (index.table.get(name, 0) for name in facts.get("hasAll", ())), index.everything)
    return found & index.unite(index.table, facts["hasAny"]) if "hasAny" in facts else found


Condition = Callable[[DatasetIndex, Any], Bits]
_CONDITIONS: Mapping[str, Condition] = {
    "and": lambda index, parts: reduce(and_, (_match(index, part) for part in parts), index.everything),
    "or": lambda index, parts: reduce(or_, (_match(index, part) for part in parts), 0),
    "not": lambda index, part: index.everything & ~_match(index, part),
    "search": lambda index, text: index.search(text).found,
    "uuid": _match_uuids,
    "label": lambda index, facts: pack_bits(_compare_texts(index.labels, facts)),
    "notes": lambda index, facts: pack_bits(_compare_texts(index.notes, facts)),
    "animal": _match_terms("animal"),
    "brainRegions": _match_regions,
    "mutations": _match_mutations,
    "wildType": lambda index, wanted: index.wild_type.get(wanted, 0),
    "microscopy": _match_terms("microscopy"),
    "doi": _match_dois,
    "license": _match_licenses,
    "tables": _match_tables,
    "rowCount": lambda index, facts: _compare_numbers(index, index.row_counts(facts["table"]), facts["count"]),
    "publishedAt": _match_moments,
}


def _check_bounds(facts: Facts, depth: int) -> int:
    """How many conditions the filter has."""
    if depth > MAX_DEPTH:
        raise BadInput(f"A filter of data sets may be nested {MAX_DEPTH} deep, this one is deeper.")
    conditions = 0
    for wanted in facts.values():
        parts = wanted if isinstance(wanted, list) else [wanted]
        if len(parts) > MAX_VALUES:
            raise BadInput(f"A list in a filter may have {MAX_VALUES:,} values, this one has {len(parts):,}.")
        nested = [_check_bounds(part, depth + 1) for part in parts if isinstance(part, Mapping)]
        conditions += max(sum(nested), len(nested), 1)
    return conditions
