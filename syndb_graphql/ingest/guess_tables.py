"""Guesses which file of a folder is which table: by its name, by the program that wrote it, by columns only one table has."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from syndb_graphql.ingest.columns import map_columns
from syndb_graphql.ingest.config import TableConfig
from syndb_graphql.ingest.exports import Export, find_export, fold
from syndb_graphql.ingest.glance import TableGlance
from syndb_graphql.ingest.report import Report
from syndb_graphql.spec.model import Model, Table

WORDS = {
    "neuron": ("neuron", "neurons", "cell", "cells", "bodies"),
    "neuron_relation": ("connection", "connections", "connectivity", "connectome", "edge", "edges", "relations"),
    "axon": ("axon", "axons"),
    "dendrite": ("dendrite", "dendrites"),
    "pre_synaptic_terminal": ("terminal", "terminals", "bouton", "boutons"),
    "synapse": ("synapse", "synapses", "syn", "psd", "psds"),
    "dendritic_spine": ("spine", "spines"),
    "endoplasmic_reticulum": ("er", "reticulum"),
    "mitochondria": ("mitochondria", "mitochondrion", "mito", "mitos"),
    "nucleus": ("nucleus", "nuclei"),
    "vesicle": ("vesicle", "vesicles"),
}
"""Words in names of files; a table that is not listed is known by its own name."""
SURE, CLEAR = 1.0, 1.5
"""By columns alone: as much as one column no other table has, and so many times more than the next table."""


@dataclass(frozen=True, slots=True)
class PlacedTable:
    glance: TableGlance
    table: Table
    export: Export | None
    because: str
    """Empty where the file has the table's name."""
    parts: tuple[str, ...] = ()
    """Names of all files, where the table lies in several; the glance is of the first."""


@dataclass(frozen=True, slots=True)
class LeftTable:
    """A file that looks like a table and is none of ours, or not one that can be taken in."""

    name: str
    why: str


def place_tables(glances: Sequence[TableGlance], model: Model) -> tuple[list[PlacedTable], list[LeftTable]]:
    """One file for each table; the files that are left, with the reason."""
    placed: dict[str, tuple[int, PlacedTable]] = {}
    left: list[LeftTable] = []
    for glance in glances:
        if glance.problem:
            left.append(LeftTable(glance.title, glance.problem))
            continue
        strength, found = _place(glance, model)
        if found is None:
            left.append(LeftTable(glance.title, "nothing tells which table it is"))
            continue
        name = found.table.name
        if name in placed and _is_part(glance, placed[name][1]):
            before = placed[name][1]
            parts = (*(before.parts or (before.glance.name,)), glance.name)
            placed[name] = (strength, replace(before, parts=parts))
            continue
        if name in placed and placed[name][0] >= strength:
            left.append(_second(glance, placed[name][1]))
            continue
        if name in placed:
            left.append(_second(placed[name][1].glance, found))
        placed[name] = (strength, found)
    order = list(model.tables)
    return sorted((found for _, found in placed.values()), key=lambda one: order.index(one.table.name)), left


def words_for(table: str) -> tuple[str, ...]:
    """Words that mean the table."""
    return (*WORDS.get(table, ()), table, f"{table}s")


def _is_part(glance: TableGlance, first: PlacedTable) -> bool:
    """Whether two names differ in a number alone, which is not that of a version, and the columns are the same."""
    if glance.sheet or first.glance.sheet:
        return False
    numberless = [re.sub(r"(?<![\dvV])\d+", "#", PurePath(name).stem) for name in (glance.name, first.glance.name)]
    return numberless[0] == numberless[1] and set(glance.columns) == set(first.glance.columns)


def _second(glance: TableGlance, first: PlacedTable) -> LeftTable:
    why = f"it seems to be {first.table.name} as {first.glance.title} is"
    if glance.sheet or first.glance.sheet:
        return LeftTable(glance.title, f"{why}; where a table lies in several sheets, join them")
    return LeftTable(glance.title, f'{why}; if it lies in both, write file = ["{first.glance.name}", "{glance.name}"]')


def _place(glance: TableGlance, model: Model) -> tuple[int, PlacedTable | None]:
    """The table, and how strong the reason is."""
    export = find_export(glance.columns)
    if glance.stem in model.tables:
        strength = 4 if "/" not in glance.name and not glance.sheet else 3
        because = "" if strength == 4 else "by its name"
        return strength, PlacedTable(glance, model.tables[glance.stem], export, because)
    if export is not None and export.table is not None and export.table in model.tables:
        shown = " and ".join(column for column in glance.columns if fold(column) in export.needs[:2])
        because = f"by its columns {shown}, as {export.program} writes them"
        return 3, PlacedTable(glance, model.tables[export.table], export, because)
    name = _by_words(glance, model)
    if name:
        return 2, PlacedTable(glance, model.tables[name], export, "by its name")
    name, columns = _by_columns(glance, model)
    if name:
        shown = ", ".join(columns[:3])
        return 1, PlacedTable(
            glance, model.tables[name], export, f"by its columns {shown}, which fit no other table as well"
        )
    return 0, None


def _by_words(glance: TableGlance, model: Model) -> str | None:
    """Where the name has words of several tables (spine_synapses), the one that knows more of the columns."""
    words = re.findall(r"[a-z]+", glance.stem.casefold())
    best: tuple[int, int, str] | None = None
    for table in model.tables.values():
        own = words_for(table.name)
        places = [place for place, word in enumerate(words) if word in own]
        if table.name.count("_") and table.name in glance.stem.casefold():
            places.append(len(words))
        if places:
            candidate = (len(_known(glance, table)), places[-1], table.name)
            best = max(best, candidate) if best else candidate
    return best[2] if best else None


def _by_columns(glance: TableGlance, model: Model) -> tuple[str | None, list[str]]:
    known = {table.name: _known(glance, table) for table in model.tables.values()}
    tables_with = {column: sum(column in columns for columns in known.values()) for column in glance.columns}
    scores = {name: sum(1 / tables_with[column] for column in columns) for name, columns in known.items()}
    first, *others = sorted(scores, key=lambda name: -scores[name])
    if scores[first] < SURE or any(scores[first] < CLEAR * scores[other] for other in others):
        return None, []
    return first, sorted(known[first], key=lambda column: tables_with[column])


def _known(glance: TableGlance, table: Table) -> list[str]:
    """Columns of the file that the loader would take for ones of this table."""
    return map_columns(glance.name, glance.columns, TableConfig(table), Report()).file_columns
