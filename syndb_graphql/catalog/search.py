"""Free text over what describes data sets: an index of tantivy, in memory, one for each server process.

A data set is found if each word asked for is somewhere in it. What it scores follows from the data set and the words
alone, never from what else there is: each word counts with the weight of the best passage it is found in. So the score
of a data set that did not change is the same on every server and on every page, and a cursor can stand on it. Words are
given to the engine as they are; its query language is not used.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tantivy
from tantivy import Occur, Query

from syndb_graphql.catalog.passages import Kind, Passages
from syndb_graphql.catalog.words import Term
from syndb_graphql.errors import BadInput

if TYPE_CHECKING:
    from syndb_graphql.catalog.catalog import Dataset

HEAP_BYTES = 15_000_000
"""Of the writer, which takes no less; 5,000 data sets fill a third of it."""
MAX_SEARCHES = 10
"""Of one filter."""
BEGINNING = 0.5
"""What a word that only begins so, or is the singular or plural of it, weighs of the word itself."""
_NUMBER = "number"


@dataclass(frozen=True, slots=True)
class TextSnapshot:
    """The texts of data sets at one moment; what is written later does not change it."""

    searcher: tantivy.Searcher
    schema: tantivy.Schema
    ids: Sequence[bytes]
    """Of the data sets by the number of their document; empty for a document that is gone."""

    def search(self, terms: Sequence[Term]) -> dict[bytes, float]:
        """Scores of the data sets that have all of these words."""
        if not terms:
            return {}
        query = Query.boolean_query([(Occur.Must, self._anywhere(term)) for term in terms])
        hits = self.searcher.search(query, limit=max(1, self.searcher.num_docs), count=False).hits
        if not hits:
            return {}
        scores, addresses = zip(*hits, strict=True)
        numbers: list[Any] = self.searcher.fast_field_values(_NUMBER, list(addresses))
        return dict(zip(map(self.ids.__getitem__, numbers), scores, strict=True))

    def _anywhere(self, term: Term) -> Query:
        queries = []
        for kind in Kind:
            whole = Query.term_query(self.schema, kind.field, term.word, "basic")
            queries.append(Query.const_score_query(whole, kind.weight))
            if term.other_number:
                other = Query.term_query(self.schema, kind.field, term.other_number, "basic")
                queries.append(Query.const_score_query(other, kind.weight * BEGINNING))
            if term.beginning:
                # Of no distance, so nothing is fuzzy: whatever begins so.
                begun = Query.fuzzy_term_query(self.schema, kind.field, term.word, 0, prefix=True)
                queries.append(Query.const_score_query(begun, kind.weight * BEGINNING))
        return Query.disjunction_max_query(queries)


class TextIndex:
    """Kept current by whoever knows what changed; one writer at a time."""

    def __init__(self, passages: Passages) -> None:
        self._passages = passages
        builder = tantivy.SchemaBuilder()
        for kind in Kind:
            builder.add_text_field(kind.field, stored=False, tokenizer_name="whitespace", index_option="basic")
        builder.add_unsigned_field(_NUMBER, stored=False, indexed=True, fast=True)
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema)
        self._writer: tantivy.IndexWriter | None = None
        self._ids: list[bytes] = []
        self._numbers: dict[bytes, int] = {}

    def update(self, removed: Iterable[bytes], added: Iterable["Dataset"]) -> TextSnapshot:
        """Take data sets out and others in; one that changed is both."""
        # Its thread is begun where it is needed: not in a process that is about to fork, nor in one that only reads.
        self._writer = self._writer or self._index.writer(HEAP_BYTES, 1)
        ids = list(self._ids)
        for key in removed:
            number = self._numbers.pop(key, None)
            if number is not None:
                ids[number] = b""
                self._writer.delete_documents_by_query(Query.term_query(self._schema, _NUMBER, number))
        for dataset in added:
            self._numbers[dataset.id] = len(ids)
            self._writer.add_document(self._document(dataset, len(ids)))
            ids.append(dataset.id)
        self._writer.commit()
        self._index.reload()
        self._ids = ids
        return TextSnapshot(self._index.searcher(), self._schema, ids)

    def _document(self, dataset: "Dataset", number: int) -> tantivy.Document:
        document = tantivy.Document()
        for kind, words in self._passages.gather_words(dataset):
            document.add_text(kind.field, words)
        document.add_unsigned(_NUMBER, number)
        return document


def find_searches(filter_: Mapping[str, Any]) -> list[str]:
    """The texts a filter searches for, but for those it excludes. Raises BadInput for too many of either."""
    count, texts = 0, []
    waiting: list[tuple[Mapping[str, Any], bool]] = [(filter_, True)]
    while waiting:
        facts, wanted = waiting.pop()
        for name, value in facts.items():
            if name in ("and", "or"):
                waiting += [(part, wanted) for part in value]
            elif name == "not":
                waiting.append((value, not wanted))
            elif name == "search":
                count += 1
                texts += [value] if wanted else []
    if count > MAX_SEARCHES:
        raise BadInput(f"A filter of data sets may search for {MAX_SEARCHES} texts, this one for {count}.")
    return list(dict.fromkeys(texts))


def merge_scores(scores: Sequence[Mapping[bytes, float]]) -> Mapping[bytes, float]:
    """Of several searches: whatever was found by more than one scores for each."""
    if len(scores) == 1:
        return scores[0]
    merged: dict[bytes, list[float]] = {}
    for found in scores:
        for key, score in found.items():
            merged.setdefault(key, []).append(score)
    # Exact, so that the order of the searches does not show.
    return {key: math.fsum(parts) for key, parts in merged.items()}
