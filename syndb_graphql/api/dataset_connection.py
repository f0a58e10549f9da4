"""Data sets as a connection: filtered, searched, ordered, paged, and counted by what tells them apart. All of it is in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import strawberry

from syndb_graphql.api.build import Argument, Type, list_of, make_enum, make_field, make_input, make_type
from syndb_graphql.api.connections import PAGE_ARGUMENTS
from syndb_graphql.api.context import Context
from syndb_graphql.api.cursors import TextCursors
from syndb_graphql.api.scalars import Count
from syndb_graphql.api.sources import PageInfoSource
from syndb_graphql.catalog import orders
from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.catalog.facets import FIELDS, MAX_BINS, MAX_BUCKETS, Bucket, Facet, FacetCounts, RowHistogram
from syndb_graphql.catalog.filters import match_datasets
from syndb_graphql.catalog.highlights import Highlight, find_highlights
from syndb_graphql.catalog.orders import DatasetOrder, Order
from syndb_graphql.catalog.passages import Passages
from syndb_graphql.catalog.search import find_searches, merge_scores
from syndb_graphql.catalog.words import parse_search
from syndb_graphql.errors import BadInput, LimitExceeded
from syndb_graphql.reads.pages import check_page_size
from syndb_graphql.spec.model import VocabularyTerm

DEFAULT_BUCKETS = 20
DEFAULT_BINS = 20


class DatasetConnectionSource:
    """What a filter keeps, and a page of it. What is not selected is not worked out."""

    def __init__(self, given: Mapping[str, Any], context: Context) -> None:
        self._given = given
        self._context = context
        self._index = context.backend.catalog.index
        self._filter: Mapping[str, Any] = given["filter"] or {}
        bounds = context.backend.bounds
        self._count, self._backwards = check_page_size(
            given["first"], given["last"], default=bounds.default_page_size, maximum=bounds.max_dataset_page_size
        )
        self._texts = [text for text in find_searches(self._filter) if parse_search(text)]
        asked = [Order(order["field"], order["direction"] == "DESC") for order in given["orderBy"] or ()]
        by = asked or ([Order(orders.RELEVANCE, descending=True)] if self._texts else [])
        # Where each filter and order has cursors of its own, none can be taken from one walk to another.
        scope = b"datasets\0" + repr((sorted(self._filter.items()), by)).encode()
        self._cursors = TextCursors(context.backend.secrets, scope)
        self._keys = {
            name: self._cursors.decode(given[name], name) for name in ("after", "before") if given[name] is not None
        }
        self._found = match_datasets(self._index, self._filter)
        self._scores = merge_scores([self._index.search(text).scores for text in self._texts]) if self._texts else {}
        self._order = DatasetOrder(by, self._scores)

    @property
    def total(self) -> int:
        return self._found.bit_count()

    @cached_property
    def _within(self) -> Sequence[Dataset]:
        ordered = self._order.sort(self._index.pick(self._found))
        return self._order.cut(ordered, self._keys.get("after"), self._keys.get("before"))

    @cached_property
    def page(self) -> list[Dataset]:
        if self._backwards:
            return list(self._within[-self._count :]) if self._count else []
        return list(self._within[: self._count])

    @cached_property
    def facets(self) -> FacetCounts:
        return FacetCounts(self._index, self._filter)

    def edges(self) -> list["DatasetEdgeSource"]:
        return [DatasetEdgeSource(self, dataset) for dataset in self.page]

    def cursor(self, dataset: Dataset) -> str:
        return self._cursors.encode(self._order.position(dataset))

    def score(self, dataset: Dataset) -> float | None:
        return self._scores.get(dataset.id)

    def highlights(self, dataset: Dataset) -> list[Highlight]:
        return find_highlights(dataset, self._terms, self._passages) if self._texts else []

    @cached_property
    def _terms(self) -> Sequence[Any]:
        return tuple(dict.fromkeys(term for text in self._texts for term in parse_search(text)))

    @property
    def _passages(self) -> Passages:
        return self._context.backend.catalog.passages

    @property
    def page_info(self) -> PageInfoSource:
        more = len(self._within) > self._count
        has_next = "before" in self._keys if self._backwards else more
        has_previous = more if self._backwards else "after" in self._keys
        ends = [self.cursor(self.page[0]), self.cursor(self.page[-1])] if self.page else [None, None]
        return PageInfoSource(has_next, has_previous, *ends)


@dataclass(frozen=True, slots=True)
class DatasetEdgeSource:
    connection: DatasetConnectionSource
    node: Dataset


def resolve_datasets(_root: Any, info: strawberry.Info, **given: Any) -> DatasetConnectionSource:
    return DatasetConnectionSource(given, info.context)


def dataset_arguments(types: Mapping[str, Type]) -> Mapping[str, Argument]:
    return {
        "filter": Argument(types["DatasetFilter"] | None, "Which ones."),
        "orderBy": Argument(
            list_of(types["DatasetOrder"]) | None,
            "One after another, then by label and uuid. Left out: the best first where `filter` searches, else by label.",
        ),
        **PAGE_ARGUMENTS,
    }


def add_dataset_connection(types: dict[str, Type], vocabularies: Mapping[str, Mapping[str, VocabularyTerm]]) -> None:
    """`DatasetConnection`, `DatasetEdge` and what they are made of."""
    _add_orders(types)
    _add_facets(types, vocabularies)
    _add_edge(types)
    connection = {
        "edges": make_field(
            lambda source, _: source.edges(), list_of(types["DatasetEdge"]), "The data sets of the page with their cursors.",
        ),
        "nodes": make_field(lambda source, _: source.page, list_of(types["Dataset"]), "The data sets of the page."),
        "pageInfo": make_field(lambda source, _: source.page_info, types["PageInfo"], "Where the page stands."),
        "totalCount": make_field(lambda source, _: source.total, Count | None, "How many data sets the filter keeps."),
        "facets": make_field(
            _resolve_facets,
            list_of(types["Facet"]) | None,
            "How many data sets have each value of a field. Each field is counted without its own conditions, those that must "
            "all hold and ask about nothing else, so that it shows what else there is to choose.",
            {
                "by": Argument(list_of(types["DatasetField"]), "The fields, each once."),
                "first": Argument(int | None, f"Buckets of each, {MAX_BUCKETS} at most.", DEFAULT_BUCKETS),
            },
        ),
        "rowHistogram": make_field(
            _resolve_histogram,
            types["Histogram"] | None,
            "How many data sets have how many rows in a table, without the conditions on that alone; null where none has any. The "
            "bins grow by a constant factor, from the fewest rows to the most; `below` are data sets without a row.",
            {
                "table": Argument(types["TableName"], "The table."),
                "bins": Argument(int | None, f"Bins, {MAX_BINS} at most.", DEFAULT_BINS),
            },
        ),
    }  # fmt: skip
    types["DatasetConnection"] = make_type("DatasetConnection", connection, "A page of data sets.")


def _add_orders(types: dict[str, Type]) -> None:
    fields = {
        orders.RELEVANCE: "How well it fits what `filter` searches for; without a search all fit alike.",
        "LABEL": "Its label, character by character.",
        "ROW_COUNT": "Rows of all tables together.",
        "CREATED_AT": "When it was first loaded.",
        "UPDATED_AT": "When its metadata last changed.",
        "PUBLISHED_AT": "When this version of its rows was published.",
    }
    types["DatasetOrderField"] = make_enum(
        "DatasetOrderField", {name: (name, words) for name, words in fields.items()}, "What data sets are ordered by."
    )
    directions = {"ASC": ("ASC", "The least first."), "DESC": ("DESC", "The greatest first.")}
    types["OrderDirection"] = make_enum("OrderDirection", directions, "What is missing comes last in both.")
    types["DatasetOrder"] = make_input(
        "DatasetOrder",
        {
            "field": Argument(types["DatasetOrderField"], "By what."),
            "direction": Argument(types["OrderDirection"], "From which end.", types["OrderDirection"].ASC),
        },
        "An order of data sets.",
    )


def _add_edge(types: dict[str, Type]) -> None:
    highlight = {
        "field": make_field(lambda highlight, _: highlight.field, str, "The field of the data set it is from."),
        "snippet": make_field(
            lambda highlight, _: highlight.snippet, str,
            "A piece of it as HTML: the words that were found within <mark>, all else escaped.",
        ),
    }  # fmt: skip
    types["Highlight"] = make_type("Highlight", highlight, "Where in a data set the words of a search were found.")
    edge = {
        "cursor": make_field(
            lambda edge, _: edge.connection.cursor(edge.node), str, "Where the data set stands, for `after` and `before`."
        ),
        "node": make_field(lambda edge, _: edge.node, types["Dataset"], "The data set."),
        "score": make_field(
            lambda edge, _: edge.connection.score(edge.node), float | None,
            "How well it fits what the filter searches for; null where nothing is. It depends on the data set and the words alone.",
        ),
        "highlights": make_field(
            lambda edge, _: edge.connection.highlights(edge.node), list_of(types["Highlight"]),
            "Where the words were found, the most telling first.",
        ),
    }  # fmt: skip
    types["DatasetEdge"] = make_type("DatasetEdge", edge, "A data set of a connection, and how it was found.")


def _add_facets(types: dict[str, Type], vocabularies: Mapping[str, Mapping[str, VocabularyTerm]]) -> None:
    def find_term(bucket: Bucket, _info: strawberry.Info) -> VocabularyTerm | None:
        if bucket.vocabulary is None:
            return None
        terms = vocabularies[bucket.vocabulary]
        return terms.get(bucket.value) or VocabularyTerm(bucket.vocabulary, bucket.value)

    types["DatasetField"] = make_enum(
        "DatasetField",
        {name: (name, field.description) for name, field in FIELDS.items()},
        "What data sets are told apart by. More may come.",
    )
    bucket = {
        "value": make_field(lambda bucket, _: bucket.value, str, "The value."),
        "term": make_field(find_term, types["Term"] | None, "The term it is, where it is one of a vocabulary."),
        "count": make_field(lambda bucket, _: bucket.count, int, "Data sets that have it."),
    }
    types["Bucket"] = make_type("Bucket", bucket, "A value, and how many data sets have it.")
    facet = {
        "by": make_field(
            lambda facet, _: types["DatasetField"](facet.field.name), types["DatasetField"], "What was counted."
        ),
        "buckets": make_field(
            lambda facet, _: facet.buckets, list_of(types["Bucket"]), "The most frequent values first, then by value."
        ),
        "missing": make_field(lambda facet, _: facet.missing, int, "Data sets without a value."),
        "otherCount": make_field(
            lambda facet, _: facet.other, int, "Sum of the counts of the values that `first` left out."
        ),
    }
    types["Facet"] = make_type("Facet", facet, "How many data sets have each value of a field.")
    histogram = {
        "binEdges": make_field(
            lambda histogram, _: histogram.edges, list[float], "Edges of the bins, one more than bins."
        ),
        "counts": make_field(
            lambda histogram, _: histogram.counts,
            list[Count],
            "In each bin, its lower edge included; the last has both.",
        ),
        "below": make_field(lambda histogram, _: histogram.below, Count, "Below the first edge."),
        "above": make_field(lambda _, __: 0, Count, "Above the last edge."),
    }
    types["Histogram"] = make_type("Histogram", histogram, "How numbers are spread.")


def _resolve_facets(
    source: DatasetConnectionSource, _info: strawberry.Info, by: Sequence[str], first: int | None
) -> list[Facet]:
    first = DEFAULT_BUCKETS if first is None else first
    _check_size("first", first, 0, MAX_BUCKETS)
    if len(set(by)) < len(by):
        raise BadInput(f"`by` names {max(by, key=by.count)} twice; once is enough.")
    return [source.facets.count(FIELDS[name], first) for name in by]


def _resolve_histogram(
    source: DatasetConnectionSource, _info: strawberry.Info, table: str, bins: int | None
) -> RowHistogram | None:
    bins = DEFAULT_BINS if bins is None else bins
    _check_size("bins", bins, 1, MAX_BINS)
    return source.facets.spread_rows(table, bins)


def _check_size(name: str, given: int, least: int, most: int) -> None:
    if given < least:
        raise BadInput(f"`{name}` must be {least} at least; it is {given}.")
    if given > most:
        raise LimitExceeded(f"`{name}` may be {most} at most; it is {given:,}.")
