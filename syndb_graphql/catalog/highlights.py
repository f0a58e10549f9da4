"""Where in a data set the words of a search stand: pieces of its texts as HTML, the words within <mark>.

The text around the marks is escaped, so a snippet may be put into a page as it is. Of a synonym, or of what a structure
is part of, the term it stands for is said too.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.catalog.passages import Kind, Passage, Passages
from syndb_graphql.catalog.words import Span, Term

MAX_HIGHLIGHTS = 10
"""Of one data set."""
MAX_SNIPPET = 200
"""Characters of a text that are shown."""
BEFORE = 60
"""Of these at most, before the first word that was found."""


@dataclass(frozen=True, slots=True)
class Highlight:
    field: str
    """Of the graph."""
    snippet: str


def find_highlights(dataset: Dataset, terms: Sequence[Term], passages: Passages) -> list[Highlight]:
    """The best passages first. Synonyms and broader terms show only what is not already found in a name."""
    fitting = [(passage, has) for passage in passages.describe(dataset) if (has := _find_terms(passage, terms))]
    fitting.sort(key=lambda pair: -pair[0].kind.weight)
    found: list[Highlight] = []
    shown: set[Term] = set()
    for passage, has in fitting:
        if passage.kind in (Kind.SYNONYM, Kind.BROADER) and has <= shown:
            continue
        highlight = Highlight(passage.field, _write(passage, has))
        if highlight not in found:
            found.append(highlight)
            shown |= has
        if len(found) == MAX_HIGHLIGHTS:
            break
    return found


def _find_terms(passage: Passage, terms: Sequence[Term]) -> set[Term]:
    return {term for term in terms if passage.has(term)}


def _write(passage: Passage, terms: Collection[Term]) -> str:
    marks = [span for span in passage.places if any(term.fits(span.word) for term in terms)]
    snippet = _mark(passage.text, list(_merge(marks)))
    if passage.kind is Kind.SYNONYM and passage.term:
        return f"{snippet} ({_escape(passage.term)})"
    if passage.kind is Kind.BROADER and passage.term:
        return f"{snippet} › {_escape(passage.term)}"
    return snippet


def _mark(text: str, marks: Sequence[tuple[int, int]]) -> str:
    start, end = _window(text, marks[0])
    written, place = ["…" if start else ""], start
    for first, last in marks:
        if last <= end:
            written += [_escape(text[place:first]), "<mark>", _escape(text[first:last]), "</mark>"]
            place = last
    return "".join([*written, _escape(text[place:end]), "…" if end < len(text) else ""])


def _escape(text: str) -> str:
    return escape(text, quote=False)  # a snippet has elements in it, so it is never an attribute's value


def _window(text: str, first: tuple[int, int]) -> tuple[int, int]:
    """Some words before the first mark, more after it, none cut in two where that can be helped."""
    start, end = max(0, first[0] - BEFORE), first[0] - BEFORE + MAX_SNIPPET
    if len(text) <= MAX_SNIPPET:
        return 0, len(text)
    if start:
        space = text.find(" ", start, first[0])
        start = space + 1 if space >= 0 else start
    if end < len(text):
        space = text.rfind(" ", first[1], end)
        end = space if space >= 0 else max(end, first[1])
    return start, min(max(end, first[1]), len(text))


def _merge(spans: Iterable[Span]) -> Iterator[tuple[int, int]]:
    """Where marks lie in one another, such as a word in a compound, the outer one."""
    start = end = -1
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if span.start >= end:
            if end >= 0:
                yield start, end
            start, end = span.start, span.end
        else:
            end = max(end, span.end)
    if end >= 0:
        yield start, end
