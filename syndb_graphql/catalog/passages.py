"""What of a data set is searched: its label, notes, names, genes and DOIs, and of each term its synonyms and what it is part of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from syndb_graphql.catalog.vocabulary import Vocabulary
from syndb_graphql.catalog.words import Span, Term, compose, find_words, gather_words

if TYPE_CHECKING:
    from syndb_graphql.catalog.catalog import Dataset


class Kind(Enum):
    """What a passage is, with what a whole word found in it weighs; a mere beginning weighs half."""

    LABEL = ("label", 8.0)
    DOI = ("doi", 8.0)
    NAME = ("name", 6.0)
    GENE = ("gene", 6.0)
    SYNONYM = ("synonym", 4.0)
    BROADER = ("broader", 2.0)
    NOTES = ("notes", 1.0)

    def __init__(self, field: str, weight: float) -> None:
        self.field = field
        self.weight = weight


@dataclass(frozen=True)
class Passage:
    """A text, and the field of the graph it describes; of a synonym or a broader term also the term it stands for."""

    kind: Kind
    field: str
    text: str
    term: str | None = None

    @cached_property
    def places(self) -> tuple[Span, ...]:
        return tuple(find_words(self.text))

    @cached_property
    def _written(self) -> str:
        return f" {' '.join(gather_words(self.text))} "

    def has(self, term: Term) -> bool:
        """Whether a word of the text fits; known faster than which, and of most passages the answer is no."""
        begun = f" {term.word}" if term.beginning else f" {term.word} "
        return begun in self._written or (term.other_number is not None and f" {term.other_number} " in self._written)


@dataclass(frozen=True)
class Group:
    """Passages that come together: those of one term, which many data sets share, or of one text."""

    passages: tuple[Passage, ...]

    @cached_property
    def words(self) -> Sequence[tuple[Kind, str]]:
        """All words of each kind, a space between them."""
        found: dict[Kind, set[str]] = {}
        for passage in self.passages:
            found.setdefault(passage.kind, set()).update(gather_words(passage.text))
        return [(kind, " ".join(words)) for kind, words in found.items()]


class Passages:
    """The passages of data sets; those of terms are made once."""

    def __init__(self, vocabularies: Mapping[str, Vocabulary]) -> None:
        self._vocabularies = vocabularies
        self._terms: dict[tuple[str, str, str], Group] = {}

    def describe(self, dataset: "Dataset") -> Iterator[Passage]:
        """All of a data set's."""
        for group in self._groups(dataset):
            yield from group.passages

    def gather_words(self, dataset: "Dataset") -> Iterator[tuple[Kind, str]]:
        """All words of a data set, text by text, a space between them."""
        for group in self._groups(dataset):
            yield from group.words

    def _groups(self, dataset: "Dataset") -> Iterator[Group]:
        record = dataset.record
        yield _single(Kind.LABEL, "label", record.label)
        for doi in record.publications:
            yield _single(Kind.DOI, "publications", doi)
        for mutation in record.mutations:
            for text in filter(None, (mutation.gene, mutation.allele, mutation.rrid)):
                yield _single(Kind.GENE, "mutations", text)
        yield self._term("animal", "animal", record.animal)
        for region in record.brain_regions:
            yield self._term("brainRegions", "brain_structure", region.structure)
            if region.direction:
                yield self._term("brainRegions", "direction", region.direction)
        for expression in dict.fromkeys(mutation.expression for mutation in record.mutations):
            yield self._term("mutations", "expression", expression)
        if record.wild_type:
            yield _WILD_TYPE
        yield self._term("microscopy", "microscopy", record.microscopy)
        yield self._term("license", "license", record.license)
        if record.notes:
            yield _single(Kind.NOTES, "notes", record.notes)

    def _term(self, field: str, vocabulary: str, name: str) -> Group:
        key = (field, vocabulary, name)
        if key in self._terms:
            return self._terms[key]
        group = Group(tuple(_describe_term(field, self._vocabularies[vocabulary], name)))
        if name in self._vocabularies[vocabulary].terms:
            # An old record's own word is made anew each time: there is no end to those.
            self._terms[key] = group
        return group


def _single(kind: Kind, field: str, text: str) -> Group:
    return Group((Passage(kind, field, compose(" ".join(text.split()))),))


_WILD_TYPE = _single(Kind.NAME, "wildType", "wild-type")


def _describe_term(field: str, vocabulary: Vocabulary, name: str) -> Iterator[Passage]:
    yield Passage(Kind.NAME, field, compose(name), name)
    term = vocabulary.terms.get(name)
    if term is None:
        return
    for other in dict.fromkeys((*term.synonyms, *filter(None, (term.curie,)))):
        yield Passage(Kind.SYNONYM, field, compose(other), name)
    for above in sorted(vocabulary.broader(name) - {name}):
        for text in dict.fromkeys((above, *vocabulary.terms[above].synonyms)):
            yield Passage(Kind.BROADER, field, compose(text), name)
