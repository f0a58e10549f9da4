"""Finds a term by whatever people write: its name, a synonym, its CURIE, in any case and with any dash or space.

Also what lies below a term (kinds and parts of it), and terms by what has been typed of them so far. What the terms are
is said in schema/vocabularies.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property

from syndb_graphql.errors import BadInput
from syndb_graphql.spec.model import Model, VocabularyTerm
from syndb_graphql.spec.naming import nearest

MAX_SHOWN = 80
"""Characters of an unknown term that are repeated in a message."""
MAX_SEARCH = 200
"""Characters of a search; the longest name has fewer than 100."""
TermKey = tuple[str, str]
"""What found terms are ordered by: how well they fit and their name without case; their name."""
_WORD = re.compile(r"[\w:+]+")
_SEPARATORS = re.compile(r"[\s_\-\u2010-\u2015\u2212]+")


def fold(text: str) -> str:
    """The form in which terms are compared: NFKC, no case, one space for any run of spaces, dashes, underscores."""
    return _SEPARATORS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def fold_search(text: str) -> str:
    """As `fold`, and without accents."""
    marked = unicodedata.normalize("NFKD", fold(text))
    return "".join(letter for letter in marked if not unicodedata.combining(letter))


def shorten(text: str) -> str:
    """For a message: whatever was sent, up to MAX_SHOWN characters of it."""
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


class Vocabulary:
    """One vocabulary and the ways into it."""

    def __init__(self, name: str, terms: Mapping[str, VocabularyTerm]) -> None:
        self.name = name
        self.terms = terms
        self._below: dict[str, frozenset[str]] = {}

    def find(self, text: str) -> VocabularyTerm | None:
        """The term that `text` names, or None. A name wins over a CURIE, a CURIE over a synonym."""
        found = self._index.get(fold(text), ())
        return found[0] if len(found) == 1 else None

    def get(self, text: str) -> VocabularyTerm:
        """As `find`; BadInput with the nearest known spelling where nothing, or more than one term, is meant."""
        found = self._index.get(fold(text), ())
        if len(found) == 1:
            return found[0]
        shown = shorten(text)
        kind = self.name.replace("_", " ")
        if found:
            names = " or ".join(f"'{term.name}'" for term in found)
            raise BadInput(f"'{shown}' may mean {names} in the vocabulary '{kind}'. Write the one that is meant.")
        raise BadInput(f"'{shown}' is no known {kind}.{self._nearest(text)}")

    def narrower(self, name: str) -> frozenset[str]:
        """Canonical names of the term and of everything below it, at any depth."""
        if name not in self._below:
            found, waiting = {name}, [name]
            while waiting:
                for below in self._narrower.get(waiting.pop(), ()):
                    if below not in found:
                        found.add(below)
                        waiting.append(below)
            self._below[name] = frozenset(found)
        return self._below[name]

    def broader(self, name: str) -> frozenset[str]:
        """Canonical names of the term and of everything above it, at any depth."""
        found, waiting = {name}, [name]
        while waiting:
            for above in self.terms[waiting.pop()].broader:
                if above not in found:
                    found.add(above)
                    waiting.append(above)
        return frozenset(found)

    def search(self, text: str = "", under: str | None = None) -> list[tuple[TermKey, VocabularyTerm]]:
        """Terms that every word of `text` begins a word of, the best fit first, with their keys; ordered by name where there is no text.

        `under` leaves only what lies below that term. Raises BadInput where `under` is unknown or the text too long.
        """
        if len(text) > MAX_SEARCH:
            raise BadInput(f"`search` may have {MAX_SEARCH} characters at most; it has {len(text):,}.")
        below = None if under is None else self.narrower((top := self.get(under)).name) - {top.name}
        wanted = fold_search(text)
        found = []
        for name, phrases, words in self._phrases:
            if below is not None and name not in below:
                continue
            rank = _rank(wanted, phrases, words) if wanted else 0
            if rank is not None:
                found.append(((f"{rank} {phrases[0]}", name), self.terms[name]))
        return sorted(found, key=lambda each: each[0])

    def _nearest(self, text: str) -> str:
        # Spellings are compared folded, and shown as the vocabulary writes them.
        written = {fold(word): word for term in self.terms.values() for word in (*term.synonyms, term.name)}
        hint = nearest(fold(text), written)
        return f" Did you mean '{written[hint.split(chr(39))[1]]}'?" if hint and hint.count("'") == 2 else hint

    @cached_property
    def _index(self) -> Mapping[str, tuple[VocabularyTerm, ...]]:
        index: dict[str, tuple[VocabularyTerm, ...]] = {}
        for words in (_names, _curies, _synonyms):
            level: dict[str, tuple[VocabularyTerm, ...]] = {}
            for term in self.terms.values():
                for word in {fold(word) for word in words(term)}:
                    level[word] = (*level.get(word, ()), term)
            index = level | index
        return index

    @cached_property
    def _phrases(self) -> Sequence[tuple[str, Sequence[str], frozenset[str]]]:
        """Of each term its name, all that it is called, and the words of that, folded for search."""
        found = []
        for term in self.terms.values():
            phrases = [fold_search(phrase) for phrase in (*_names(term), *_synonyms(term), *_curies(term))]
            found.append((term.name, phrases, frozenset(word for phrase in phrases for word in _WORD.findall(phrase))))
        return found

    @cached_property
    def _narrower(self) -> Mapping[str, tuple[str, ...]]:
        below: dict[str, tuple[str, ...]] = {}
        for term in self.terms.values():
            for above in term.broader:
                below[above] = (*below.get(above, ()), term.name)
        return below


def _rank(wanted: str, phrases: Sequence[str], words: frozenset[str]) -> int | None:
    """0 is called so, 1 begins so, 2 has words that do, None does not fit."""
    if wanted in phrases:
        return 0
    if phrases[0].startswith(wanted):
        return 1
    parts = _WORD.findall(wanted)
    return 2 if parts and all(any(word.startswith(part) for word in words) for part in parts) else None


def build_vocabularies(model: Model) -> dict[str, Vocabulary]:
    """Every vocabulary of the model by name. Cheap: each is indexed when it is first asked."""
    return {name: Vocabulary(name, terms) for name, terms in model.vocabularies.items()}


def _names(term: VocabularyTerm) -> tuple[str, ...]:
    return (term.name,)


def _curies(term: VocabularyTerm) -> tuple[str, ...]:
    return (term.curie,) if term.curie else ()


def _synonyms(term: VocabularyTerm) -> tuple[str, ...]:
    return term.synonyms
