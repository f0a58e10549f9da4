"""A filter as one would write it by hand over records, data set by data set: what the graph's answers are compared with.

It knows nothing of how the product does it; terms are looked up in its own dictionaries, made of the facts in schema/.
"""

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from syndb_graphql.catalog.records import DatasetRecord, VersionRecord
from syndb_graphql.spec.model import Model, VocabularyTerm

Facts = Mapping[str, Any]


class Terms:
    """A vocabulary: what a word means, and what lies below that."""

    def __init__(self, terms: Mapping[str, VocabularyTerm]) -> None:
        self.meant = {
            word.casefold(): term.name
            for term in terms.values()
            for word in (term.name, *term.synonyms, *filter(None, (term.curie,)))
        }
        self.below = {name: {name} for name in terms}
        for term in terms.values():
            above = set(term.broader)
            while above:
                name = above.pop()
                self.below[name].add(term.name)
                above.update(terms[name].broader)

    def wanted(self, facts: Facts) -> set[str]:
        names = {self.meant[word.casefold()] for word in facts["in"]}
        return names if facts.get("includeParts") is False else {part for name in names for part in self.below[name]}


class PlainFilter:
    """`keeps(facts, record, version)`: whether a filter, as a client sends it, keeps a data set."""

    def __init__(self, model: Model) -> None:
        self.terms = {name: Terms(terms) for name, terms in model.vocabularies.items()}

    def keeps(self, facts: Facts, record: DatasetRecord, version: VersionRecord) -> bool:
        return all(self._holds(name, wanted, record, version) for name, wanted in facts.items() if wanted is not None)

    def _holds(self, name: str, wanted: Any, record: DatasetRecord, version: VersionRecord) -> bool:  # noqa: C901 - a case for each field
        rows = {table.upper(): summary.rows for table, summary in version.tables.items() if summary.rows}
        match name:
            case "and":
                return all(self.keeps(part, record, version) for part in wanted)
            case "or":
                return any(self.keeps(part, record, version) for part in wanted)
            case "not":
                return not self.keeps(wanted, record, version)
            case "uuid":
                return compare(str(record.uuid), wanted)
            case "label" | "notes":
                return compare(getattr(record, name), wanted)
            case "animal" | "microscopy":
                return getattr(record, name) in self.terms[name].wanted(wanted)
            case "license":
                return record.license in self.terms[name].wanted({"in": wanted, "includeParts": False})
            case "brainRegions":
                return not is_asked(wanted) or any(
                    self._has(wanted, "structure", "brain_structure", region.structure)
                    and self._has(wanted, "direction", "direction", region.direction)
                    for region in record.brain_regions
                )
            case "mutations":
                return not is_asked(wanted) or any(
                    compare(mutation.gene, wanted.get("gene") or {})
                    and self._has(wanted, "expression", "expression", mutation.expression)
                    for mutation in record.mutations
                )
            case "wildType":
                return record.wild_type is wanted
            case "doi":
                return any(doi.lower().endswith(kept) for doi in wanted for kept in record.publications)
            case "tables":
                every, some = wanted.get("hasAll"), wanted.get("hasAny")
                return all(table in rows for table in every or ()) and (
                    some is None or any(table in rows for table in some)
                )
            case "rowCount":
                return compare(rows.get(wanted["table"], 0), wanted["count"])
            case "publishedAt":
                moments = {key: parse(value) for key, value in wanted.items()}
                return compare(version.published_at, moments)
        raise AssertionError(name)

    def _has(self, facts: Facts, key: str, vocabulary: str, value: str | None) -> bool:
        return facts.get(key) is None or value in self.terms[vocabulary].wanted(facts[key])


def is_asked(facts: Any) -> bool:
    """Whether a filter of one thing asks anything: null and empty filters do not."""
    if isinstance(facts, Mapping):
        return any(is_asked(value) for value in facts.values())
    return facts is not None


def parse(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def compare(value: Any, facts: Facts) -> bool:
    return all(COMPARISONS[name](value, wanted) for name, wanted in facts.items() if wanted is not None)


def _known(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: value is not None and test(value, wanted)


COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "isNull": lambda value, wanted: (value is None) == wanted,
    "in": _known(lambda value, wanted: value in wanted),
    "startsWith": _known(lambda value, wanted: value.startswith(wanted)),
    "contains": _known(lambda value, wanted: wanted in value),
    **{name: _known(getattr(operator, known)) for name, known in
       {"eq": "eq", "ne": "ne", "lt": "lt", "lte": "le", "gt": "gt", "gte": "ge"}.items()},
}  # fmt: skip
