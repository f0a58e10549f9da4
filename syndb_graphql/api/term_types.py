"""Terms in the graph, and `vocabulary`: what may be asked for, by what one has typed of it or by what it is part of."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import strawberry
from strawberry.types.field import StrawberryField

from syndb_graphql.api.build import Argument, Forward, Type, list_of, make_enum, make_field, make_type
from syndb_graphql.api.connections import PAGE_ARGUMENTS
from syndb_graphql.api.context import Context
from syndb_graphql.api.cursors import TextCursors
from syndb_graphql.api.ids import encode_id
from syndb_graphql.api.scalars import Count
from syndb_graphql.api.sources import EdgeSource, PageInfoSource
from syndb_graphql.catalog.vocabulary import TermKey
from syndb_graphql.reads.pages import check_page_size
from syndb_graphql.spec.model import VocabularyTerm


def add_term_type(types: dict[str, Type], vocabularies: Mapping[str, Mapping[str, VocabularyTerm]]) -> None:
    names = {name.upper(): (name, f"Terms of {name.replace('_', ' ')}s.") for name in vocabularies}
    types["VocabularyName"] = make_enum("VocabularyName", names, "The controlled vocabularies. More may come.")
    types["Term"] = make_type(
        "Term",
        _term_fields(types, vocabularies),
        "A term of a controlled vocabulary or an ontology.",
        interfaces=[types["Node"]],
        is_type_of=lambda source: isinstance(source, VocabularyTerm),
    )


def _term_fields(
    types: dict[str, Type], vocabularies: Mapping[str, Mapping[str, VocabularyTerm]]
) -> dict[str, StrawberryField]:
    narrower: dict[tuple[str, str], list[VocabularyTerm]] = {}
    for terms in vocabularies.values():
        for term in terms.values():
            for name in term.broader:
                narrower.setdefault((term.vocabulary, name), []).append(term)
    term_list = list_of(Forward("Term", types))
    return {
        "id": make_field(
            lambda term, _: encode_id(
                "Term", f"{term.vocabulary}/{term.curie if not term.vocabulary else term.name}".encode()
            ),
            strawberry.ID,
            "Opaque and global.",
        ),
        "vocabulary": make_field(
            lambda term, _: types["VocabularyName"](term.vocabulary) if term.vocabulary else None,
            types["VocabularyName"] | None,
            "The vocabulary it belongs to; null for a term that only says what a table or column is.",
        ),
        "name": make_field(lambda term, _: term.name, str, "The name it is shown by."),
        "curie": make_field(
            lambda term, _: term.curie, str | None, "Its identifier in an ontology, such as NCBITaxon:7227."
        ),
        "synonyms": make_field(lambda term, _: term.synonyms, list[str], "Other names that are understood."),
        "broader": make_field(
            lambda term, _: [vocabularies[term.vocabulary][name] for name in term.broader],
            term_list,
            "The terms it is part or kind of.",
        ),
        "narrower": make_field(
            lambda term, _: narrower.get((term.vocabulary, term.name), []), term_list, "Its parts or kinds."
        ),
        "datasetCount": make_field(
            _count_datasets,
            int | None,
            "Data sets that have it or one of its parts or kinds; null in a vocabulary that describes no data sets.",
        ),
    }


def _count_datasets(term: VocabularyTerm, info: strawberry.Info) -> int | None:
    context: Context = info.context
    return context.backend.catalog.index.count_term(term.vocabulary, term.name)


def add_term_connection(types: dict[str, Type]) -> None:
    edge = {
        "cursor": make_field(lambda edge, _: edge.cursor, str, "Where the term stands, for `after` and `before`."),
        "node": make_field(lambda edge, _: edge.node, types["Term"], "The term."),
    }
    types["TermEdge"] = make_type("TermEdge", edge, "A term of a connection and its cursor.")
    connection = {
        "edges": make_field(
            lambda source, _: source.edges, list_of(types["TermEdge"]), "The terms of the page with their cursors."
        ),
        "nodes": make_field(
            lambda source, _: [term for _, term in source.page], list_of(types["Term"]), "The terms of the page."
        ),
        "pageInfo": make_field(lambda source, _: source.page_info, types["PageInfo"], "Where the page stands."),
        "totalCount": make_field(lambda source, _: source.total, Count | None, "How many terms were found."),
    }
    types["TermConnection"] = make_type("TermConnection", connection, "A page of terms.")


def vocabulary_field(types: dict[str, Type]) -> StrawberryField:
    return make_field(
        _resolve_vocabulary,
        types["TermConnection"] | None,
        "Terms of a vocabulary: by name, or those that fit `search` best first.",
        {
            "name": Argument(types["VocabularyName"], "Which vocabulary."),
            "search": Argument(
                str | None,
                "Words, or how they begin, of a term's name, synonyms or CURIE; without case, accents and dashes.",
            ),
            "under": Argument(str | None, "Only parts or kinds, at any depth, of this term: a name, synonym or CURIE."),
            **PAGE_ARGUMENTS,
        },
    )


class TermConnectionSource:
    """A page of found terms, each with the key it is ordered by. A vocabulary lasts as long as the process."""

    def __init__(
        self, found: Sequence[tuple[TermKey, VocabularyTerm]], given: Mapping[str, Any], context: Context, scope: bytes
    ) -> None:
        bounds = context.backend.bounds
        count, backwards = check_page_size(
            given["first"], given["last"], default=bounds.default_page_size, maximum=bounds.max_page_size
        )
        self._cursors = TextCursors(context.backend.secrets, scope)
        keys = [key for key, _ in found]
        start, end = 0, len(found)
        if given["after"] is not None:
            start = bisect_right(keys, self._cursors.decode(given["after"], "after"))
        if given["before"] is not None:
            end = max(start, bisect_left(keys, self._cursors.decode(given["before"], "before")))
        first = max(start, end - count) if backwards else start
        last = end if backwards else min(end, start + count)
        self.total = len(found)
        self.page = found[first:last]
        self._has_previous, self._has_next = first > 0, last < len(found)

    @property
    def edges(self) -> list[EdgeSource]:
        return [EdgeSource(self._cursors.encode(key), term) for key, term in self.page]

    @property
    def page_info(self) -> PageInfoSource:
        ends = [self._cursors.encode(self.page[place][0]) for place in (0, -1)] if self.page else [None, None]
        return PageInfoSource(self._has_next, self._has_previous, *ends)


def _resolve_vocabulary(_root: Any, info: strawberry.Info, **given: Any) -> TermConnectionSource:
    context: Context = info.context
    name, search, under = given["name"], given["search"] or "", given["under"]
    found = context.backend.catalog.index.vocabularies[name].search(search, under)
    return TermConnectionSource(found, given, context, "\0".join(("vocabulary", name, search, under or "")).encode())
