"""Free text as words in one spelling: without case or accents, Greek letters by their names, so that `CaMKIIα` is `camkiialpha`.

The words of a text are its runs of letters and digits; a compound (`knock-out`) is one word more (`knockout`), and so is
a DOI. What is searched and what is asked for go the same way, and highlights know where in the text a word stood.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from syndb_graphql.catalog.doi import parse_doi
from syndb_graphql.catalog.vocabulary import shorten
from syndb_graphql.errors import BadInput

MAX_TEXT = 500
MAX_TERMS = 20
"""Of one search: each is looked for in every field."""
MAX_WORD = 200
"""Characters of a word that tell it from others."""
KNOWN_WORDS = 50_000
"""Whose one spelling is kept at hand, some megabytes."""
SHORTEST_NOUN = 3
LITTLE_WORDS = frozenset(("a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"))
"""Left out of what is asked for, as long as something else is left."""

_PLAIN = re.compile(r"[^\W_]+")
_COMPOUND = re.compile(r"[^\W_]++(?:[-\u2010-\u2014\u2212][^\W_]++)+")
_DOI = re.compile(r"\b10\.\d{4,9}(?:\.\d+)*/\S+")
_CLOSING = ".,;:!?)]}>\"'"
_LATIN = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŋ": "n", "æ": "ae", "œ": "oe", "þ": "th"}
_GREEK = {chr(code): unicodedata.name(chr(code)).split()[-1].lower() for code in range(ord("α"), ord("ω") + 1)}
_SPELLED = _LATIN | _GREEK | {"λ": "lambda"}  # Unicode itself writes LAMDA


@dataclass(frozen=True, slots=True)
class Span:
    """A word of a text in its one spelling, and where it stands."""

    start: int
    end: int
    word: str


@dataclass(frozen=True)
class Term:
    """What one searched word must be; `beginning`: it may go on, since it is still being typed."""

    word: str
    beginning: bool = False

    @cached_property
    def other_number(self) -> str | None:
        """Its plural, or its singular, where that is a matter of an s."""
        if len(self.word) < SHORTEST_NOUN or not self.word.isalpha():
            return None
        return self.word[:-1] if self.word.endswith("s") else f"{self.word}s"

    def fits(self, word: str) -> bool:
        if self.beginning and word.startswith(self.word):
            return True
        return word in (self.word, self.other_number)


@lru_cache(KNOWN_WORDS)
def fold_word(word: str) -> str:
    if not word.isascii():
        folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", word).casefold())
        word = "".join(_SPELLED.get(letter, letter) for letter in folded if not unicodedata.combining(letter))
    return word.lower()[:MAX_WORD]


def find_words(text: str) -> Iterator[Span]:
    """Every word of an NFC text, compounds and DOIs also as one."""
    for found in _PLAIN.finditer(text):
        yield Span(*found.span(), fold_word(found[0]))
    for found in _COMPOUND.finditer(text):
        yield Span(*found.span(), _join_compound(found[0]))
    for found in _DOI.finditer(text):
        doi = _bare_doi(found[0])
        yield Span(found.start(), found.start() + len(doi), fold_word(doi))


def gather_words(text: str) -> set[str]:
    """The same words, once each and without their places, which is faster."""
    words = {fold_word(word) for word in set(_PLAIN.findall(text))}
    words.update(map(_join_compound, _COMPOUND.findall(text)))
    if "10." in text:
        words.update(fold_word(_bare_doi(doi)) for doi in _DOI.findall(text))
    return words


def _join_compound(text: str) -> str:
    return fold_word("".join(_PLAIN.findall(text)))


def _bare_doi(text: str) -> str:
    return text.rstrip(_CLOSING)


def compose(text: str) -> str:
    """The form (NFC) in which a letter and its accent are one character, so that no word is cut between them."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def parse_search(text: str) -> tuple[Term, ...]:
    """What all must be there; the last word is a beginning, unless a space follows it. Nothing in the text is an operator.

    Empty for a text without a word. Raises BadInput for one that is too long.
    """
    if len(text) > MAX_TEXT:
        raise BadInput(f"`search` may have {MAX_TEXT} characters, this one has {len(text):,}.")
    words: list[str] = []
    text = re.sub(r"\bdoi\s*:\s+", "doi:", compose(text), flags=re.IGNORECASE)
    for piece in text.split():
        doi = parse_doi(piece.strip(_CLOSING + "([{<"))
        words += [fold_word(doi)] if doi else [fold_word(word) for word in _PLAIN.findall(piece)]
    if len(words) > MAX_TERMS:
        raise BadInput(f"`search` may have {MAX_TERMS} words, this one has {len(words)}: '{shorten(text)}'.")
    unfinished = bool(words) and not text[-1].isspace()
    terms = [Term(word) for word in words[:-1]] + [Term(word, unfinished) for word in words[-1:]]
    telling = [term for term in terms if term.beginning or term.word not in LITTLE_WORDS]
    return tuple(dict.fromkeys(telling or terms))
