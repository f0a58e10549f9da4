"""The shape of the files in schema/: what may stand in each, key by key. An unknown key is an error."""

import msgspec


class OntologyFacts(msgspec.Struct, forbid_unknown_fields=True):
    curie: str
    name: str


class PlausibleFacts(msgspec.Struct, forbid_unknown_fields=True):
    """Values that a measure has in living tissue, in the unit it is stored in."""

    min: float | None = None
    max: float | None = None
    zero: bool = False


class TermFacts(msgspec.Struct, forbid_unknown_fields=True):
    """A table of columns.toml."""

    type: str
    description: str
    field: str | None = None
    unit: str | None = None
    example: str = ""
    term: OntologyFacts | None = None
    vocabulary: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    plausible: PlausibleFacts | None = None
    counts: str | None = None
    comparable: str = "everywhere"
    scale: str = "linear"
    aliases: tuple[str, ...] = ()
    table: str | None = None


class InterfaceFacts(msgspec.Struct, forbid_unknown_fields=True):
    """A table of interfaces.toml."""

    description: str
    columns: tuple[str, ...]


class RelationFacts(msgspec.Struct, forbid_unknown_fields=True):
    owner: str
    field: str
    description: str
    component: str | None = None


class TableFacts(msgspec.Struct, forbid_unknown_fields=True):
    """A file of tables/."""

    type: str
    field: str
    fields: str
    description: str
    level: int
    columns: tuple[str, ...]
    term: OntologyFacts | None = None
    key: tuple[str, ...] = ()
    references: dict[str, tuple[str, ...]] = {}
    relations: dict[str, RelationFacts] = {}
    plausible: dict[str, PlausibleFacts] = {}


class VocabularyTermFacts(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    curie: str | None = None
    synonyms: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()
    url: str | None = None
    description: str | None = None


class VocabularyFacts(msgspec.Struct, forbid_unknown_fields=True):
    """A file of vocabularies/."""

    name: str
    description: str
    terms: tuple[VocabularyTermFacts, ...]
