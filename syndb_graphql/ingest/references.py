"""Which row each reference means: the table it lies in, ends that lie outside, the neuron above all parents.

Works on sorted pieces of one table after another, from the top of the hierarchy down, so that when a part is reached
the owners of all possible parents are known. All ids of all tables are known before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from syndb_graphql.ingest.columns import Layout, Role
from syndb_graphql.ingest.findings import note
from syndb_graphql.ingest.integrity import PartCounts
from syndb_graphql.ingest.keys import Cids, KeyIndex, TextFile, derive_cids, from_series, to_series
from syndb_graphql.ingest.origins import Origins
from syndb_graphql.ingest.report import SAMPLES, Report, Severity
from syndb_graphql.ingest.rows import ROW
from syndb_graphql.spec.model import Reference, Table

NEURON = "neuron"
NOWHERE, SEVERAL = -1, -2


@dataclass(slots=True)
class _Found:
    """Where the references of a piece lead, row by row."""

    table: NDArray[np.int64]
    """Index in the reference's targets, NOWHERE or SEVERAL."""
    position: NDArray[np.int64]
    """In the table's KeyIndex, where it is somewhere."""
    cids: Cids
    """Of the row, or of the row it would be in the first target."""
    given: NDArray[np.bool_]
    """Whether the row refers to anything."""

    @property
    def exists(self) -> NDArray[np.bool_]:
        return self.table >= 0


class Resolver:
    """Holds the ids of all tables of one load, in files below `folder`."""

    def __init__(self, folder: Path, dataset_id: bytes, report: Report, counts: PartCounts) -> None:
        self._folder = folder
        self._counts = counts
        self._dataset_id = dataset_id
        self._report = report
        self._indexes: dict[str, KeyIndex] = {}
        self._neuron_sources: TextFile | None = None
        self.related: set[str] = set()
        """Tables that refer to another one, or are referred to."""

    def open_index(self, table: str) -> KeyIndex:
        """A new index for the ids of a table, to be filled by the caller in order."""
        self._indexes[table] = KeyIndex(self._folder, table)
        return self._indexes[table]

    def open_neuron_sources(self) -> TextFile:
        """Where the neurons' own ids are kept, in the order of their index; the caller fills and closes it."""
        self._neuron_sources = TextFile(self._folder / "neuron.sources")
        return self._neuron_sources

    def resolve(self, table: Table, piece: pl.DataFrame, layout: Layout, origins: Origins) -> pl.DataFrame:
        """The piece (sorted, no cid twice) with its references resolved: ids, tables, the neuron, the owner."""
        columns: dict[str, pl.Series] = {}
        found: dict[str, _Found] = {}
        cids = from_series(piece["cid"])
        self._counts.add_said(table.name, piece)
        for name, reference in table.references.items():
            if reference.source in piece.columns:
                found[name] = self._locate(reference, piece)
                columns |= self._end_columns(table, reference, found[name], piece, layout)
                self._check_self(table, reference, found[name], cids, piece, layout)
        self._check_components(table, found, piece, layout)
        if "owned" in table.relations:
            columns |= self._own(table, piece, cids, found, columns, layout, origins)
        elif table.name in self._indexes:
            is_neuron = np.full(len(cids), table.name == NEURON)
            self._indexes[table.name].append_owners(cids, is_neuron)
        for name, values in columns.items():
            if name not in piece.columns:
                origins.count(name, derived=len(values) - values.null_count())
        return piece.with_columns([values.rename(name) for name, values in columns.items()])

    # ── Ends ──
    def _locate(self, reference: Reference, piece: pl.DataFrame) -> _Found:
        """Look every id up in every table it may lie in; each different id once."""
        encoded = piece[reference.source].to_arrow().dictionary_encode()
        words = pl.Series(encoded.dictionary).cast(pl.Binary).to_list()
        index = np.asarray(encoded.indices.fill_null(-1)).astype(np.int64)
        given = index >= 0
        held = np.full((len(reference.targets), len(words)), -1, np.int64)
        cids = np.zeros((len(reference.targets), len(words), 16), np.uint8)
        for at, target in enumerate(reference.targets):
            if at == 0 or target in self._indexes:
                cids[at] = derive_cids(self._dataset_id, target, words)
            if target in self._indexes:
                held[at] = self._indexes[target].find(cids[at])
        holders = (held >= 0).sum(axis=0)
        which = np.where(holders == 1, (held >= 0).argmax(axis=0), np.where(holders == 0, NOWHERE, SEVERAL))
        table = np.where(given, which[index] if len(words) else NOWHERE, NOWHERE)
        if reference.table in piece.columns and len(words):
            numbers = {target: at for at, target in enumerate(reference.targets)}
            stated = (
                piece[reference.table]
                .replace_strict(numbers, default=-1, return_dtype=pl.Int64)
                .fill_null(-1)
                .to_numpy()
            )
            there = given & (stated >= 0)
            table = np.where(there, np.where(held[stated, index] >= 0, stated, NOWHERE), table)
        if not len(words):
            return _Found(table, table, np.zeros((len(index), 16), np.uint8), given)
        return _Found(table, held[np.maximum(table, 0), index], cids[np.maximum(table, 0), index], given)

    def _end_columns(
        self, table: Table, reference: Reference, found: _Found, piece: pl.DataFrame, layout: Layout
    ) -> dict[str, pl.Series]:
        several = found.table == SEVERAL
        outside = found.given & (found.table == NOWHERE)
        owning = reference.name in ("parent", NEURON)
        if several.any() or (owning and outside.any()):
            # Wrong, and reported as that; not a table without relations as well.
            self.related.add(table.name)
        if found.exists.any():
            self.related.add(table.name)
            self.related.update(reference.targets[at] for at in np.unique(found.table[found.exists]))
        column = layout.by_role[Role.REFERENCE].get(reference.name, reference.id)
        if several.any():
            message = f"'{{value}}' is in more than one of {', '.join(reference.targets)}."
            remedy = f"Say which in a column {reference.table}."
            self._note("ambiguous-reference", several, piece, reference.source, column, layout, message, remedy)
        if outside.any() and owning:
            message = f"There is no {' or '.join(self._present(reference))} with the id '{{value}}'.{{hint}}"
            remedy = "Add the missing row, correct the id, or leave the cell empty."
            hints = self._hints(table, reference, piece[reference.source].filter(pl.Series(outside)))
            rule = "missing-" + reference.name
            self._note(rule, outside, piece, reference.source, column, layout, message, remedy, hints=hints)
        elif outside.any():
            message = "'{value}' lies outside the data set; the id is kept, and leads nowhere."
            remedy = "Nothing to do if that is so; else add the missing row or correct the id."
            severity = Severity.WARNING
            self._note(
                "outside-the-data-set", outside, piece, reference.source, column, layout, message, remedy, severity
            )
        # A neuron outside has its uuid all the same, so that partners can be counted.
        known = found.exists | (outside & (reference.targets == (NEURON,)))
        columns = {reference.id: to_series(reference.id, found.cids, known)}
        if reference.table is not None:
            names = pl.Series([*reference.targets, None], dtype=pl.String)
            taken = names.gather(pl.Series(np.where(found.exists, found.table, len(reference.targets))))
            stated = piece[reference.table] if reference.table in piece.columns else None
            columns[reference.table] = taken if stated is None else stated.fill_null(taken)
        return columns

    def _hints(self, table: Table, reference: Reference, missing: pl.Series) -> dict[str, str]:
        """For the first ids that lead nowhere: where a row of that id is, or of one that looks like it."""
        hints = {}
        for value in missing.head(SAMPLES).unique():
            if elsewhere := [
                name for name in self._indexes if name not in reference.targets and self._has(name, value)
            ]:
                allowed = ", ".join(reference.targets)
                whose = f"the {reference.name} of a {table.name}"
                hints[value] = f" It is the id of a row of {elsewhere[0]}, and {whose} is a row of {allowed}."
                continue
            for other in _spellings(value):
                if any(self._has(name, other) for name in reference.targets):
                    hints[value] = f" Did you mean '{other}'?"
                    break
        return hints

    def _has(self, table: str, source: str) -> bool:
        index = self._indexes.get(table)
        return index is not None and index.find(derive_cids(self._dataset_id, table, [source.encode()]))[0] >= 0

    def _present(self, reference: Reference) -> Sequence[str]:
        return [target for target in reference.targets if target in self._indexes] or reference.targets

    def _check_self(
        self, table: Table, reference: Reference, found: _Found, cids: Cids, piece: pl.DataFrame, layout: Layout
    ) -> None:
        if table.name not in reference.targets:
            return
        own = found.exists & (found.cids == cids).all(axis=1)
        if own.any():
            column = layout.by_role[Role.REFERENCE].get(reference.name, reference.id)
            message = f"'{{value}}' is the row's own id: {reference.name} is another structure."
            remedy = "Correct the id, or leave the cell empty."
            self._note("refers-to-itself", own, piece, reference.source, column, layout, message, remedy)

    def _check_components(self, table: Table, found: Mapping[str, _Found], piece: pl.DataFrame, layout: Layout) -> None:
        """The compartment at one side of a synapse is a part of the neuron at that side."""
        by_id = {reference.id: name for name, reference in table.references.items()}
        for relation in table.relations.values():
            if relation.name == "owned" or relation.component is None:
                continue
            part, neuron = found.get(by_id[relation.component]), found.get(by_id[relation.owner])
            if part is None or neuron is None:
                continue
            owners, of_neuron = neuron.cids.copy(), np.zeros(len(neuron.cids), np.bool_)
            for at, target in enumerate(table.references[by_id[relation.component]].targets):
                here = (part.table == at) & neuron.given
                if here.any() and self._indexes[target].has_owners:
                    owners[here], of_neuron[here] = self._indexes[target].read_owners(part.position[here])
            other = of_neuron & (owners != neuron.cids).any(axis=1)
            if other.any():
                reference, end = table.references[by_id[relation.owner]], table.references[by_id[relation.component]]
                column = layout.by_role[Role.REFERENCE].get(reference.name, reference.id)
                message = f"The structure in {end.id} belongs to another neuron than '{{value}}'."
                remedy = f"Correct one of the two, or leave {reference.id} out of the row."
                rule = "neuron-contradicts-end"
                self._note(rule, other, piece, reference.source, column, layout, message, remedy)

    # ── Owners ──
    def _own(
        self,
        table: Table,
        piece: pl.DataFrame,
        cids: Cids,
        found: Mapping[str, _Found],
        columns: Mapping[str, pl.Series],
        layout: Layout,
        origins: Origins,
    ) -> dict[str, pl.Series]:
        """The neuron a part belongs to, climbing where it is not given; its topmost ancestor where there is none."""
        size = len(cids)
        owners, of_neuron = cids.copy(), np.zeros(size, np.bool_)
        parent, neuron = found.get("parent"), found.get(NEURON)
        if parent is not None:
            for at, target in enumerate(table.references["parent"].targets):
                here = parent.table == at
                if here.any():
                    owners[here], of_neuron[here] = self._indexes[target].read_owners(parent.position[here])
                    if target != NEURON:
                        self._counts.add_parts(target, table.name, parent.position[here])
        stated = neuron.exists if neuron is not None else np.zeros(size, np.bool_)
        if neuron is not None:
            other = stated & of_neuron & (owners != neuron.cids).any(axis=1)
            if other.any():
                message = "The parent belongs to another neuron than '{value}'."
                source, column = table.references[NEURON].source, layout.by_role[Role.REFERENCE][NEURON]
                remedy = "Correct one of the two, or leave out neuron_id: it is found through the parent."
                self._note("neuron-contradicts-parent", other, piece, source, column, layout, message, remedy)
            owners[stated], of_neuron = neuron.cids[stated], of_neuron | stated
        if table.name in self._indexes:
            self._indexes[table.name].append_owners(owners, of_neuron)
        if self._counts.counts(NEURON, table.name) and of_neuron.any():
            within = self._indexes[NEURON].find(owners[of_neuron])
            self._counts.add_parts(NEURON, table.name, within[within >= 0])
        climbed = self._neuron_columns(table, piece, owners, of_neuron, stated, origins)
        orphans = of_neuron & ~(parent.given if parent is not None else np.zeros(size, np.bool_))
        return {
            "owner_id": to_series("owner_id", owners),
            **climbed,
            **_adopted(table, piece, columns, climbed, orphans, origins),
        }

    def _neuron_columns(
        self,
        table: Table,
        piece: pl.DataFrame,
        owners: Cids,
        of_neuron: NDArray[np.bool_],
        stated: NDArray[np.bool_],
        origins: Origins,
    ) -> dict[str, pl.Series]:
        reference = table.references[NEURON]
        sources = piece[reference.source] if reference.source in piece.columns else _no_text(len(owners))
        climbed = of_neuron & ~stated
        if climbed.any() and self._neuron_sources is not None:
            positions = self._indexes[NEURON].find(owners[climbed])
            at = np.full(len(owners), -1, np.int64)
            at[climbed] = np.arange(len(positions))
            texts = self._neuron_sources.take(positions)
            spread = texts.gather(pl.Series(np.maximum(at, 0)))
            sources = spread.zip_with(pl.Series(climbed), sources)
            origins.count(reference.source, derived=int(climbed.sum()))
            origins.count(reference.id, derived=int(climbed.sum()))
        return {reference.id: to_series(reference.id, owners, of_neuron), reference.source: sources}

    # ── What is wrong ──
    def _note(
        self,
        rule: str,
        where: NDArray[np.bool_],
        piece: pl.DataFrame,
        source: str,
        column: str,
        layout: Layout,
        message: str,
        remedy: str,
        severity: Severity = Severity.ERROR,
        hints: Mapping[str, str] | None = None,
    ) -> None:
        note(
            self._report,
            rule=rule,
            file=layout.file,
            column=column,
            where=pl.Series(where),
            rows=piece[ROW],
            values=piece[source],
            message=message,
            remedy=remedy,
            severity=severity,
            hints=hints,
        )


def _spellings(value: str) -> list[str]:
    """Other ways in which people and spreadsheets write an id."""
    plain = "".join(value.split())
    ways = (plain, value.lower(), value.upper(), value.capitalize(), value.lstrip("0"), value.strip("'\""), "0" + value)
    return [way for way in dict.fromkeys(ways) if way and way != value]


def _adopted(
    table: Table,
    piece: pl.DataFrame,
    columns: Mapping[str, pl.Series],
    climbed: Mapping[str, pl.Series],
    orphans: NDArray[np.bool_],
    origins: Origins,
) -> dict[str, pl.Series]:
    """Parts that name a neuron and no parent are direct parts of the neuron."""
    if not orphans.any():
        return {}
    parent, neuron = table.references["parent"], table.references[NEURON]
    assert parent.table is not None
    where = pl.Series(orphans)
    size = len(orphans)
    ids = columns.get(parent.id, pl.Series([None], dtype=pl.Binary).new_from_index(0, size))
    sources = piece[parent.source] if parent.source in piece.columns else _no_text(size)
    tables = columns.get(parent.table, _no_text(size))
    for name in (parent.id, parent.source, parent.table):
        origins.count(name, derived=int(orphans.sum()))
    return {
        parent.id: climbed[neuron.id].zip_with(where, ids),
        parent.source: climbed[neuron.source].zip_with(where, sources),
        parent.table: pl.Series([NEURON]).new_from_index(0, size).zip_with(where, tables),
    }


def _no_text(size: int) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, size)
