"""Which data sets a filter keeps: plain evaluation over records in memory.

A filter is a dictionary by the names of the graph. All its keys must hold; an empty one keeps everything.
A comparison with a missing value is false; `not` is the plain complement; text compares exactly.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.errors import BadInput

Facts = Mapping[str, Any]
MAX_DEPTH = 10
MAX_VALUES = 1000


def search_datasets(datasets: Sequence[Dataset], filter_: Facts | None) -> list[Dataset]:
    """The data sets a filter keeps, in their order. Raises BadInput for a filter nested or listing too much."""
    if not filter_:
        return list(datasets)
    _check_bounds(filter_, 1)
    return [dataset for dataset in datasets if _matches(dataset, filter_)]


def parse_doi(text: str) -> str:
    """`https://doi.org/10.1/X`, `doi:10.1/X` and `10.1/X` are one: its bare form, in lower case."""
    bare = text.strip().lower()
    for prefix in ("https://doi.org/", "http://doi.org/", "https://dx.doi.org/", "http://dx.doi.org/", "doi:"):
        bare = bare.removeprefix(prefix)
    return bare.strip()


def _matches(dataset: Dataset, facts: Facts) -> bool:
    return all(_TESTS[name](dataset, wanted) for name, wanted in facts.items())


def _compare(value: Any, facts: Facts) -> bool:
    """One of the shared filters: TextFilter, UUIDFilter, IntFilter, DateTimeFilter."""
    return all(_COMPARISONS[name](value, wanted) for name, wanted in facts.items())


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "isNull": lambda value, wanted: (value is None) is wanted,
    "eq": lambda value, wanted: value is not None and bool(value == wanted),
    "ne": lambda value, wanted: value is not None and bool(value != wanted),
    "in": lambda value, wanted: value is not None and value in wanted,
    "lt": lambda value, wanted: value is not None and bool(value < wanted),
    "lte": lambda value, wanted: value is not None and bool(value <= wanted),
    "gt": lambda value, wanted: value is not None and bool(value > wanted),
    "gte": lambda value, wanted: value is not None and bool(value >= wanted),
    "startsWith": lambda value, wanted: value is not None and value.startswith(wanted),
    "contains": lambda value, wanted: value is not None and wanted in value,
}


def _match_tables(dataset: Dataset, facts: Facts) -> bool:
    tables = {name for name, summary in dataset.version.tables.items() if summary.rows}
    return tables.issuperset(facts.get("hasAll", ())) and ("hasAny" not in facts or bool(tables & set(facts["hasAny"])))


_TESTS: Mapping[str, Callable[[Dataset, Any], bool]] = {
    "and": lambda dataset, wanted: all(_matches(dataset, part) for part in wanted),
    "or": lambda dataset, wanted: any(_matches(dataset, part) for part in wanted),
    "not": lambda dataset, wanted: not _matches(dataset, wanted),
    "uuid": lambda dataset, wanted: _compare(dataset.id, wanted),
    "label": lambda dataset, wanted: _compare(dataset.record.label, wanted),
    "notes": lambda dataset, wanted: _compare(dataset.record.notes, wanted),
    "wildType": lambda dataset, wanted: dataset.record.wild_type is wanted,
    "doi": lambda dataset, wanted: not {parse_doi(doi) for doi in wanted}.isdisjoint(dataset.record.publications),
    "license": lambda dataset, wanted: dataset.record.license in wanted,
    "tables": _match_tables,
    "rowCount": lambda dataset, wanted: _compare(dataset.count_rows(wanted["table"]), wanted["count"]),
    "publishedAt": lambda dataset, wanted: _compare(dataset.version.published_at, wanted),
}


def _check_bounds(facts: Facts, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise BadInput(f"A filter of data sets may be nested {MAX_DEPTH} deep, this one is deeper.")
    for wanted in facts.values():
        parts = wanted if isinstance(wanted, list) else [wanted]
        if len(parts) > MAX_VALUES:
            raise BadInput(f"A list in a filter may have {MAX_VALUES:,} values, this one has {len(parts):,}.")
        for part in parts:
            if isinstance(part, Mapping):
                _check_bounds(part, depth + 1)
