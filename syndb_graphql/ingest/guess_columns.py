"""Guesses which column of a file is which of ours, beyond the names the loader knows by itself.

A guess rests on the program that wrote the table, on a unit at the end of a name, or on what the first rows hold.
What nothing tells is left open with the nearest name we have: only the contributor knows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import polars as pl

from syndb_graphql.ingest.column_units import as_unit, split_unit
from syndb_graphql.ingest.columns import Layout, Role, map_columns
from syndb_graphql.ingest.config import TableConfig
from syndb_graphql.ingest.exports import Export, fold
from syndb_graphql.ingest.glance import KINDS, TableGlance
from syndb_graphql.ingest.guess_tables import words_for
from syndb_graphql.ingest.report import Report
from syndb_graphql.spec.model import Kind, Table
from syndb_graphql.spec.naming import nearest

IDS = (
    "id",
    "segment_id",
    "segid",
    "seg_id",
    "root_id",
    "pt_root_id",
    "bodyid",
    "body_id",
    "object_id",
    "label",
    "index",
)
"""Names of columns that may be a row's own id, where nothing else is; `synapse_id` and the like come before them."""
NEURONS = ("neuron", "root_id", "pt_root_id", "bodyid", "body_id", "cell_id", "neuron_root_id")
"""Names of columns that may be the neuron a part belongs to."""
WORDS = {
    # names that mean one thing in any table that has our column
    "roi": "region",
    "neuropil": "region",
    "brain_region": "region",
    "nt_type": "neurotransmitter",
    "neurotransmitter_type": "neurotransmitter",
    "transmitter": "neurotransmitter",
    "celltype": "cell_type",
    "cellclass": "cell_class",
    "n_synapses": "synapse_count",
    "num_synapses": "synapse_count",
    "syn_count": "synapse_count",
    "pre_root_id": "pre_neuron_id",
    "post_root_id": "post_neuron_id",
    "pre_pt_root_id": "pre_neuron_id",
    "post_pt_root_id": "post_neuron_id",
    "pre_neuron": "pre_neuron_id",
    "post_neuron": "post_neuron_id",
    "presynaptic_neuron": "pre_neuron_id",
    "postsynaptic_neuron": "post_neuron_id",
}


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """One column of the file that must be named in dataset.toml."""

    given: str
    ours: str | None
    """None: it is left out."""
    because: str
    unit: str | None = None
    """What its name says."""


@dataclass(slots=True)
class ColumnGuesses:
    guesses: list[ColumnGuess] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    """Columns nothing is known of, and what may be meant."""

    def config(self, table: Table) -> TableConfig:
        """As the loader would read it, what is unknown left out."""
        columns = {guess.given: guess.ours for guess in self.guesses if guess.ours}
        ignore = [guess.given for guess in self.guesses if guess.ours is None]
        return TableConfig(table, columns=columns, ignore=(*ignore, *self.unknown))


def guess_columns(glance: TableGlance, table: Table, export: Export | None) -> ColumnGuesses:
    """What must be said of the file's columns beside what the loader knows."""
    found = ColumnGuesses()
    taken = _Taken(table, glance)
    waiting = []
    for column in glance.columns:
        guess = _by_export(column, table, export, taken) if export else None
        if guess is not None:
            found.guesses.append(guess)
        elif not taken.known(column):
            waiting.append(column)
    for column in waiting:
        guess = _by_suffix(column, table, taken) or _by_word(column, table, taken, waiting)
        guess = guess or _by_path(column, taken, glance.frame)
        if guess is None:
            found.unknown[column] = ""
        else:
            found.guesses.append(guess)
            taken.add(guess)
    _find_ids(found, table, taken, glance)
    names = taken.names()
    for column in found.unknown:
        found.unknown[column] = _hint(column, names)
    return found


def _hint(column: str, names: Sequence[str]) -> str:
    """Which of our columns may be meant."""
    found = split_unit(column)
    name = fold(found[0] if found else column)
    ending = [one for one in names if len(name) > 2 and (one.endswith(f"_{name}") or name.endswith(f"_{one}"))]
    return f"It may be {' or '.join(ending)}." if ending else nearest(name, names).strip()


class _Taken:
    """Which of our columns a file has, by the names the loader knows and by guesses so far."""

    def __init__(self, table: Table, glance: TableGlance) -> None:
        self._table, self._file = table, glance.name
        self._layout = self._map(glance.columns)
        self._ours = {
            given: (role, ours) for role, names in self._layout.by_role.items() for ours, given in names.items()
        }
        self._targets = set(self._ours.values())
        self._named: dict[str, tuple[Role, str] | None] = {}

    def _map(self, header: Sequence[str]) -> Layout:
        return map_columns(self._file, header, TableConfig(self._table), Report())

    def known(self, column: str) -> bool:
        return column in self._ours

    def target(self, ours: str) -> tuple[Role, str] | None:
        """What a column named `ours` would be to the loader."""
        if ours not in self._named:
            by_role = self._map([ours]).by_role
            self._named[ours] = next(((role, name) for role, names in by_role.items() for name in names), None)
        return self._named[ours]

    def free(self, ours: str) -> bool:
        """Whether the table has such a column and no column of the file is it."""
        target = self.target(ours)
        return target is not None and target not in self._targets and not self._has_parts(target)

    def same(self, column: str, ours: str) -> bool:
        return column in self._ours and self._ours[column] == self.target(ours)

    def add(self, guess: ColumnGuess) -> None:
        target = self.target(guess.ours) if guess.ours else None
        if target:
            self._targets.add(target)
            self._ours[guess.given] = target

    def drop(self, column: str) -> None:
        if column in self._ours:
            self._targets.discard(self._ours.pop(column))

    def has(self, role: Role, name: str) -> bool:
        return (role, name) in self._targets

    def names(self) -> list[str]:
        """Names of ours that are still free."""
        terms = [column.name for term in self._table.terms if term.kind is Kind.PLAIN for column in term.columns]
        points = [term.name for term in self._table.terms if term.kind is Kind.POINT]
        references = [reference.id for reference in self._table.references.values()]
        return [name for name in ("cid", *terms, *points, *references) if self.free(name)]

    def _has_parts(self, target: tuple[Role, str]) -> bool:
        role, name = target
        if role is Role.POINT:
            return any((Role.PLAIN, f"{name}_{axis}") in self._targets for axis in "xyz")
        return role is Role.PLAIN and (Role.POINT, name[:-2]) in self._targets


def _by_export(column: str, table: Table, export: Export, taken: _Taken) -> ColumnGuess | None:
    reason = export.why_not(column)
    if reason is not None:
        taken.drop(column)
        return ColumnGuess(column, None, f"in tables of {export.program} it {reason}")
    ours = export.columns.get(fold(column))
    if ours is None or taken.same(column, ours):
        return None
    if taken.target(ours) is None:
        return ColumnGuess(column, None, f"it would be {ours}, which the table {table.name} has not")
    if not taken.free(ours):
        return None
    guess = ColumnGuess(column, ours, f"so {export.program} names it")
    taken.drop(column)
    taken.add(guess)
    return guess


def _by_suffix(column: str, table: Table, taken: _Taken) -> ColumnGuess | None:
    """`mesh_volume_um3`, `centroid_x (nm)`: one of our names and a unit."""
    found = split_unit(column)
    if found is None:
        return None
    name, written = found
    target = taken.target(name)
    if target is None or target[0] is not Role.PLAIN or not taken.free(name):
        return None
    ours = table.column[target[1]]
    unit = as_unit(written, ours)
    return ColumnGuess(column, ours.name, f"its name ends in a unit, {written.strip()}", unit) if unit else None


def _by_word(column: str, table: Table, taken: _Taken, waiting: Sequence[str]) -> ColumnGuess | None:
    name = fold(column)
    ours = WORDS.get(name)
    if ours and taken.free(ours):
        return ColumnGuess(column, ours, "so the name is commonly used")
    if name in ("x", "y", "z") and "soma" not in table.term and taken.free(f"centroid_{name}"):
        others = {fold(other) for other in waiting}
        if others.issuperset("xyz"):
            return ColumnGuess(column, f"centroid_{name}", f"the table has one x, y and z, and {table.name} one point")
    return None


def _by_path(column: str, taken: _Taken, frame: pl.DataFrame) -> ColumnGuess | None:
    """A column of names of files that end as meshes or skeletons do."""
    values = frame[column].drop_nulls() if column in frame.columns else pl.Series([], dtype=pl.String)
    if values.dtype != pl.String or not len(values):
        return None
    kinds = {
        KINDS.get(PurePath(value.strip()).suffix.lower()) for value in values.head(1000).to_list() if value.strip()
    }
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    ours = {"mesh": "mesh_path", "skeleton": "swc_path"}.get(kind or "")
    if ours is None or not taken.free(ours):
        return None
    return ColumnGuess(column, ours, f"its cells are names of files such as {values[0]}")


def _find_ids(found: ColumnGuesses, table: Table, taken: _Taken, glance: TableGlance) -> None:
    """The row's own id, and the neuron of a part, among the columns nothing else is known of."""
    by_name = {fold(column): column for column in found.unknown}
    needs_id = not taken.has(Role.SOURCE, "source_id") and not table.key
    if needs_id:
        for name in (*(f"{word}_id" for word in words_for(table.name)), *IDS):
            column = by_name.get(name)
            if column is not None and _all_different(glance.frame, column):
                rows = f"the first {glance.frame.height:,} rows" if glance.frame.height > 1 else "the one row"
                _take(found, taken, ColumnGuess(column, "cid", f"it looks like an id, and is different in {rows}"))
                del by_name[name]
                break
    if "neuron" in table.references and not taken.has(Role.REFERENCE, "neuron"):
        for name in NEURONS:
            if name in by_name:
                _take(found, taken, ColumnGuess(by_name[name], "neuron_id", "so the ids of neurons are commonly named"))
                break


def _take(found: ColumnGuesses, taken: _Taken, guess: ColumnGuess) -> None:
    found.guesses.append(guess)
    taken.add(guess)
    del found.unknown[guess.given]


def _all_different(frame: pl.DataFrame, column: str) -> bool:
    values = frame[column]
    return bool(len(values)) and not values.null_count() and values.n_unique() == len(values)
