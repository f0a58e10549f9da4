"""The same page of data sets as somebody would write it for exactly this question: loops over records in memory.

Words and what lies above a term are worked out beforehand, once; no query is parsed, no schema known, no cursor signed.
"""

import bisect
import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from syndb_graphql.catalog.records import DatasetRecord, VersionRecord
from syndb_graphql.catalog.vocabulary import Vocabulary
from syndb_graphql.catalog.words import gather_words

WEIGHTS = (8.0, 6.0, 4.0, 2.0, 1.0)
"""Of label, names, synonyms, what they are part of, notes."""
FIELDS: Mapping[str, Callable[["Entry"], Sequence[str]]] = {
    "ANIMAL": lambda entry: (entry.record.animal,),
    "BRAIN_STRUCTURE": lambda entry: entry.structures,
    "GENE": lambda entry: entry.genes,
    "EXPRESSION": lambda entry: entry.expressions,
    "MICROSCOPY": lambda entry: (entry.record.microscopy,),
    "LICENSE": lambda entry: (entry.record.license,),
    "TABLE": lambda entry: entry.tables,
    "YEAR": lambda entry: entry.year,
}


@dataclass(frozen=True, slots=True)
class Question:
    words: Sequence[str]
    """The last may be a beginning."""
    animal: str
    """With its kinds."""
    structure: str
    """With its parts."""
    neurons: int
    """At least."""
    first: int = 20
    buckets: int = 10
    bins: int = 12


@dataclass(slots=True)
class Entry:
    record: DatasetRecord
    rows: Mapping[str, int]
    texts: Sequence[str]
    """Folded words of each weight, a space around each word."""
    structures: Sequence[str]
    genes: Sequence[str]
    expressions: Sequence[str]
    tables: Sequence[str]
    year: Sequence[str]
    published: str


class ByHand:
    def __init__(
        self, records: Iterable[tuple[DatasetRecord, VersionRecord]], vocabularies: Mapping[str, Vocabulary]
    ) -> None:
        self._vocabularies = vocabularies
        self.entries = sorted(
            (self._entry(*pair) for pair in records), key=lambda each: (each.record.label, str(each.record.uuid))
        )

    def _entry(self, record: DatasetRecord, version: VersionRecord) -> Entry:
        expressions = list(dict.fromkeys(each.expression for each in record.mutations))
        structures = list(dict.fromkeys(each.structure for each in record.brain_regions))
        names = [("animal", record.animal), ("microscopy", record.microscopy), ("license", record.license)]
        names += [("brain_structure", name) for name in structures] + [("expression", name) for name in expressions]
        names += [("direction", each.direction) for each in record.brain_regions if each.direction]
        synonyms, above = [], []
        for vocabulary, name in names:
            terms = self._vocabularies[vocabulary]
            synonyms += [*terms.terms[name].synonyms, terms.terms[name].curie or ""]
            for broader in terms.broader(name) - {name}:
                above += [broader, *terms.terms[broader].synonyms]
        genes = list(dict.fromkeys(each.gene for each in record.mutations))
        shown = [name for _, name in names] + genes + (["wild type"] if record.wild_type else [])
        rows = {name: table.rows for name, table in version.tables.items() if table.rows}
        return Entry(
            record,
            rows,
            [
                _words(texts)
                for texts in ([record.label, *record.publications], shown, synonyms, above, [record.notes or ""])
            ],
            structures,
            genes,
            expressions,
            [name.upper() for name in rows],
            (str(version.published_at.year),),
            version.published_at.isoformat(),
        )

    def answer(self, question: Question) -> dict[str, Any]:
        """Total, page with marked words, facets without their own condition, histogram."""
        animals = self._vocabularies["animal"].narrower(question.animal)
        structures = self._vocabularies["brain_structure"].narrower(question.structure)
        wanted = [f" {word} " for word in question.words[:-1]]
        last = question.words[-1]
        found, without_animal, without_structure, without_rows = [], [], [], []
        for entry in self.entries:
            is_animal = entry.record.animal in animals
            is_structure = any(name in structures for name in entry.structures)
            has_rows = entry.rows.get("neuron", 0) >= question.neurons
            if is_animal + is_structure + has_rows < 2:
                continue
            score = _score(entry.texts, wanted, last)
            if not score:
                continue
            if is_animal and is_structure and has_rows:
                found.append((score, entry))
            if is_structure and has_rows:
                without_animal.append(entry)
            if is_animal and has_rows:
                without_structure.append(entry)
            if is_animal and is_structure:
                without_rows.append(entry)
        found.sort(key=lambda pair: -pair[0])
        kept = [entry for _, entry in found]
        others = {"ANIMAL": without_animal, "BRAIN_STRUCTURE": without_structure}
        marks = re.compile(
            "|".join([*(rf"\b{re.escape(word)}\b" for word in question.words[:-1]), rf"\b{re.escape(last)}\w*"]),
            re.IGNORECASE,
        )
        return {
            "totalCount": len(found),
            "edges": [_edge(score, entry, marks) for score, entry in found[: question.first]],
            "facets": [_facet(name, others.get(name, kept), question.buckets) for name in FIELDS],
            "rowHistogram": _histogram([entry.rows.get("neuron", 0) for entry in without_rows], question.bins),
        }

    def encode(self, question: Question) -> bytes:
        return msgspec.json.encode({"data": {"datasets": self.answer(question)}})


def _words(texts: Iterable[str]) -> str:
    return f" {' '.join(set().union(*map(gather_words, texts)))} "


def _score(texts: Sequence[str], words: Sequence[str], last: str) -> float:
    """Zero where a word is missing."""
    score = 0.0
    for word in words:
        for text, weight in zip(texts, WEIGHTS, strict=True):
            if word in text:
                score += weight
                break
        else:
            return 0.0
    begun, whole = f" {last}", f" {last} "
    best = 0.0
    for text, weight in zip(texts, WEIGHTS, strict=True):
        if weight > best and begun in text:
            best = max(best, weight if whole in text else weight / 2)
    return score + best if best else 0.0


def _edge(score: float, entry: Entry, marks: re.Pattern[str]) -> dict[str, Any]:
    record = entry.record
    texts = [("label", record.label), ("animal", record.animal), ("notes", record.notes or "")]
    texts += [("brainRegions", name) for name in entry.structures] + [("mutations", gene) for gene in entry.genes]
    highlights = [
        {"field": field, "snippet": marks.sub(r"<mark>\g<0></mark>", html.escape(text))[:200]}
        for field, text in texts
        if marks.search(text)
    ]
    tables = [{"table": {"name": name}, "rowCount": rows} for name, rows in entry.rows.items()]
    node = {
        "id": record.uuid,
        "label": record.label,
        "animal": {"name": record.animal},
        "publishedAt": entry.published,
        "tables": tables,
    }
    return {"score": score, "highlights": highlights, "node": node}


def _facet(name: str, entries: Sequence[Entry], first: int) -> dict[str, Any]:
    values_of, counts, missing = FIELDS[name], Counter[str](), 0
    for entry in entries:
        values = values_of(entry)
        if values:
            counts.update(values)
        else:
            missing += 1
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "by": name,
        "buckets": [{"value": value, "count": count} for value, count in ranked[:first]],
        "missing": missing,
        "otherCount": sum(count for _, count in ranked[first:]),
    }


def _histogram(rows: Sequence[int], bins: int) -> dict[str, Any] | None:
    given = [count for count in rows if count]
    if not given:
        return None
    low, high = min(given), max(max(given), min(given) + 1)
    edges = [float(low), *(low * (high / low) ** (place / bins) for place in range(1, bins)), float(high)]
    counts = [0] * bins
    for count in given:
        counts[min(bisect.bisect_right(edges, count) - 1, bins - 1)] += 1
    return {"binEdges": edges, "counts": counts}
