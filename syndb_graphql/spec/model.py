"""The data, as read from schema/: tables, their terms, the columns terms are stored in, relations, vocabularies.

A *term* is what a table lists and a reader knows (`centroid`); a *column* is what a store holds (`centroid_x`).
Immutable. Says nothing of how it is stored, asked for or loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from syndb_graphql.spec.types import DIMENSIONS, TEXT, UUID, ColumnType


@dataclass(frozen=True, slots=True)
class OntologyTerm:
    curie: str
    name: str


class Kind(StrEnum):
    """What a term expands to."""

    PLAIN = "plain"
    POINT = "point"
    BOX = "box"
    MESH = "mesh"
    SKELETON = "skeleton"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Plausible:
    """What a measure is in living tissue, in the unit it is stored in: beyond it a unit is wrong, not an animal rare."""

    low: float | None
    high: float | None
    zero: bool
    """Whether 0, none of it, may be below `low`."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: ColumnType
    description: str = ""
    selection: str = ""
    """How to select it in GraphQL below its row, such as `centroid { x }`; empty for what the graph does not show."""
    unit: str | None = None
    example: str = ""
    ontology: OntologyTerm | None = None
    vocabulary: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    plausible: Plausible | None = None
    counts: str | None = None
    """The table whose rows the column is a number of."""
    comparable: bool = True
    scale: str = "linear"
    aliases: tuple[str, ...] = ()
    nullable: bool = True

    @property
    def dimension(self) -> int | None:
        """Power of a length the unit stands for (volume 3, ratio −1); None for plain numbers and text."""
        return None if self.unit is None else DIMENSIONS[self.unit]


@dataclass(frozen=True, slots=True)
class Reference:
    """Which columns point to another row, and which tables that row may lie in."""

    name: str
    id: str
    """Column of the other row's cid; null where it lies outside the data set (a neuron's is derived all the same)."""
    source: str
    """Column of the other row's id as the contributor gave it."""
    table: str | None
    """Column of the other row's table; None where only one is possible."""
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Term:
    name: str
    kind: Kind
    field: str
    description: str
    columns: tuple[Column, ...]
    unit: str | None = None
    reference: Reference | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows of `table` that belong to a row elsewhere, read by that row's id and ordered by (component, cid).

    `owned`: parts of a neuron (any depth), or direct children of a compartment. `pre`, `post`: synapses and relations of a neuron.
    """

    name: str
    table: str
    owner: str
    """Column of the id that the rows are kept together by."""
    component: str | None
    """Column of the compartment within the owner; where it is null or None, the owner stands in."""
    field: str
    description: str

    @property
    def order(self) -> str:
        """Column the rows of an owner are ordered by, before cid: the component, or the owner standing in for it."""
        if self.component is None:
            return self.owner
        return self.component if self.name == "owned" else f"{self.name}_component"

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that the rows of a version are found and ordered by: owner, component where there is one, cid."""
        return (self.owner, "cid") if self.order == self.owner else (self.owner, self.order, "cid")

    def key_within(self, *, one_component: bool) -> tuple[str, ...]:
        """The key's columns below the owner; where there is one component only, cid alone: a store can seek by it."""
        return ("cid",) if one_component or self.component is None else (self.order, "cid")


@dataclass(frozen=True, slots=True)
class Interface:
    name: str
    description: str
    terms: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    name: str
    type_name: str
    field: str
    fields: str
    description: str
    ontology: OntologyTerm | None
    level: int
    terms: tuple[Term, ...]
    interfaces: tuple[str, ...]
    parents: tuple[str, ...]
    """Tables a row's parent may lie in; empty where rows have none."""
    relations: Mapping[str, Relation]
    key: tuple[str, ...] = ()
    """References and columns a row is known by where it has no id of its own."""

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Every stored column in order, identity first (dataset_id and version, which all rows of a read share, left out)."""
        owner = (OWNER_ID,) if "owned" in self.relations else ()
        return (CID, SOURCE_ID, *owner, *(column for term in self.terms for column in term.columns))

    @cached_property
    def column(self) -> Mapping[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def booleans(self) -> frozenset[str]:
        """Names of the columns that are true or false."""
        return frozenset(column.name for column in self.columns if column.type.python is bool)

    @cached_property
    def term(self) -> Mapping[str, Term]:
        return {term.name: term for term in self.terms}

    @cached_property
    def references(self) -> Mapping[str, Reference]:
        return {term.name: term.reference for term in self.terms if term.reference}

    @cached_property
    def shown_columns(self) -> tuple[Column, ...]:
        """The columns the graph shows, in order."""
        return tuple(column for column in self.columns if column.selection)


@dataclass(frozen=True, slots=True)
class VocabularyTerm:
    vocabulary: str
    name: str
    curie: str | None = None
    synonyms: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()
    url: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class Model:
    tables: Mapping[str, Table]
    """By name, top of the hierarchy first."""
    interfaces: Mapping[str, Interface]
    vocabularies: Mapping[str, Mapping[str, VocabularyTerm]]
    """By vocabulary and canonical name."""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    """What each vocabulary is."""

    @cached_property
    def relations(self) -> tuple[Relation, ...]:
        return tuple(relation for table in self.tables.values() for relation in table.relations.values())


CID = Column(
    "cid",
    UUID,
    "Identity of the row: uuid5 of the data set's id and `table/source_id`, the same whenever the row is loaded.",
    selection="cid",
    example="5f3ab5c1-6d0c-5b0e-9a53-0d6f3b0f5d11",
    nullable=False,
)
SOURCE_ID = Column(
    "source_id",
    TEXT,
    "The contributor's own id of the row, exactly as given.",
    selection="sourceId",
    example="1734350788",
    nullable=False,
)
OWNER_ID = Column(
    "owner_id", UUID, "The neuron the row belongs to, or its topmost ancestor where there is none.", nullable=False
)
