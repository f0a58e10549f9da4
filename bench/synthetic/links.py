"""Which row refers to which: parents of every allowed table, owners, both ends of synapses, ends outside the data set.

A row's references follow from its number alone, so no row is kept to make another. The lower a row's number the more
refer to it, by a power law; to the last tenth of a table none does. Where a part states its neuron, it is its parent's.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
import polars as pl

from bench.synthetic.chance import Floats, Mask, Rows, number_of, uniform
from syndb_graphql.spec.model import Model, Reference, Table
from syndb_graphql.spec.types import TEXT

PIECE = 100_000
"""Rows made at a time."""
NEURON = "neuron"
NOTHING, OUTSIDE = -1, -2
SKEW = 3
"""The nth of N rows is referred to in proportion to n^(1/3 − 1)."""
SHARE_OUTSIDE = 0.03
STRANGERS = 20
"""Rows outside the data set that are referred to, so that some are met again."""
ID_SPAN = 10**12
NEURON_IDS = 720_575_940_600_000_000
"""Beyond 2^53, as root ids are: whoever takes them for floats is found out."""
WHERE = "region"
"""Part of what a row is known by where it is given."""
TWIN = 8
"""Every eighth row of a table that is known by its ends joins the same two as the row before, in another way."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a reference leads, row by row."""

    targets: Sequence[str]
    table: Rows
    """Index in `targets`, NOTHING or OUTSIDE."""
    row: Rows
    """Of the target, or number of the stranger."""

    def where(self, kept: Mask) -> "Ends":
        """Leads nowhere but where `kept`."""
        return Ends(self.targets, np.where(kept, self.table, NOTHING), self.row)


@dataclass(frozen=True, slots=True)
class _Key:
    """Rows that are known by two ends: how many the first ends have, and the names of the ends."""

    first: str
    second: str
    words: Mapping[str, Sequence[str]]
    """Of the other parts of the key: what most rows have, and what their twins have."""
    bounds: Rows
    """Number of the first row of each first end."""
    others: int
    """Second ends there are, strangers with them."""
    size: int
    """Those of the data set."""
    regions: Sequence[str]
    """Where a row may lie; none where the table does not say."""

    @property
    def step(self) -> int:
        """From one second end to the next: so that all are met once before one is met again."""
        start = int(self.others * 0.618) + 1
        return next(step for step in range(start, 2 * start + 2) if math.gcd(step, self.others) == 1)


class Links:
    """Of one data set. `rows`: how many each table has, `words`: the texts a column may hold."""

    def __init__(
        self,
        model: Model,
        rows: Mapping[str, int],
        seed: int,
        null_fraction: float,
        words: Mapping[tuple[str, str], Sequence[str]],
    ) -> None:
        self._tables, self._rows, self._seed, self._nulls = model.tables, rows, seed, null_fraction
        self._first_id = {
            name: NEURON_IDS if name == NEURON else ID_SPAN * number
            for number, name in enumerate(sorted(model.tables), start=1)
        }
        for name in rows:
            self._check_related(model.tables[name])
        self._keys = {name: key for name in rows if (key := self._make_key(model.tables[name], words))}

    def columns(self, table: Table, rows: Rows) -> dict[str, pl.Series]:
        """The row's own id, where it has one, and everything that it refers to; by the name of the column."""
        found: dict[str, pl.Series] = {}
        if table.name in self._keys:
            found |= self._key_columns(table, rows)
        else:
            found["cid"] = self.ids(table.name, rows)
        if "parent" in table.references and NEURON in table.references:
            found |= self._owned_columns(table, rows)
        for name, reference in table.references.items():
            if reference.id in found:
                continue
            if (neuron := table.references.get(f"{name}_{NEURON}")) and neuron.id not in found:
                component, owner = self._both_ends(table, reference, rows)
                found |= self._refer(table, reference, component, rows) | self._refer(table, neuron, owner, rows)
            else:
                found |= self._refer(table, reference, self._single(table, reference, rows), rows)
        return found

    def ids(self, table: str, rows: Rows) -> pl.Series:
        """Ids as the contributor would give them: whole numbers, or the row's key."""
        if table in self._keys:
            return self._key_texts(table, rows)
        # The last digit is never 0: ids that end in zeros look rounded.
        return pl.Series(self._first_id[table] + rows * 10 + 1)

    def owners(self, table: str, rows: Rows) -> Rows:
        """Row of the neuron that each row belongs to, or NOTHING."""
        if table == NEURON:
            return rows
        if "owned" not in self._tables[table].relations:
            return np.full(len(rows), NOTHING)
        return self._climb(self._tables[table], rows)[1]

    def count_parts(self, table: str, parts: str) -> Rows:
        """How many rows of `parts` each row of `table` has: of a neuron at any depth, else as direct children."""
        counts = np.zeros(self._rows[table], np.int64)
        for first in range(0, self._rows.get(parts, 0), PIECE):
            rows = np.arange(first, min(first + PIECE, self._rows[parts]), dtype=np.int64)
            parent, owners, _ = self._climb(self._tables[parts], rows)
            if table == NEURON:
                found = owners[owners >= 0]
            elif table in parent.targets:
                found = parent.row[parent.table == parent.targets.index(table)]
            else:
                continue
            counts += np.bincount(found, minlength=len(counts))
        return counts

    # ── Choices ──
    def _chance(self, table: Table, what: str, rows: Rows) -> Floats:
        return uniform(self._seed, (table.name, what), rows)

    def _pick(self, table: Table, what: str, target: str, rows: Rows) -> Rows:
        """A row of `target` for each row, few of them often."""
        busy = self._rows[target] - self._rows[target] // 10
        shift = number_of(self._seed, table.name, what) % busy
        chosen = (self._chance(table, what, rows) ** SKEW * busy).astype(np.int64)
        return np.asarray((chosen + shift) % busy)

    def _present(self, targets: Iterable[str]) -> list[str]:
        return [target for target in targets if target in self._rows]

    def _pick_any(self, table: Table, reference: Reference, rows: Rows) -> Ends:
        """A row of any table that the reference may lead to; mostly of those that belong to a neuron."""
        targets = self._present(reference.targets)
        if not targets:
            return Ends(targets, np.full(len(rows), NOTHING), np.zeros(len(rows), np.int64))
        owned = [target == NEURON or "owned" in self._tables[target].relations for target in targets]
        bounds = np.cumsum([4.0 if own else 1.0 for own in owned])
        what = f"{reference.name} table"
        which = np.searchsorted(bounds / bounds[-1], self._chance(table, what, rows), side="right")
        row = np.zeros(len(rows), np.int64)
        for at, target in enumerate(targets):
            here = which == at
            row[here] = self._pick(table, reference.name, target, rows[here])
        return Ends(targets, which.astype(np.int64), row)

    def _estrange(self, table: Table, what: str, ends: Ends, outside: Mask, rows: Rows) -> Ends:
        numbers = (self._chance(table, f"{what} stranger", rows) * STRANGERS).astype(np.int64)
        return Ends(ends.targets, np.where(outside, OUTSIDE, ends.table), np.where(outside, numbers, ends.row))

    # ── Parts ──
    def _climb(self, table: Table, rows: Rows) -> tuple[Ends, Rows, Mask]:
        """Parent, owner, and whether the part itself states its neuron."""
        chance, nulls = self._chance(table, "parent given", rows), self._nulls
        alone, adopted, silent = chance < 0.15 * nulls, chance < 0.45 * nulls, chance > 1 - 0.5 * nulls
        parent = self._pick_any(table, table.references["parent"], rows).where(~adopted)
        owners = np.full(len(rows), NOTHING)
        for at, target in enumerate(parent.targets):
            here = parent.table == at
            owners[here] = self.owners(target, parent.row[here])
        stated = ~alone & ~silent
        chosen = self._pick(table, NEURON, NEURON, rows)
        return parent, np.where(stated & (owners == NOTHING), chosen, owners), stated

    def _owned_columns(self, table: Table, rows: Rows) -> dict[str, pl.Series]:
        parent, owners, stated = self._climb(table, rows)
        neuron = _neurons(np.where(stated, owners, NOTHING))
        references = table.references
        return self._refer(table, references["parent"], parent, rows) | self._refer(
            table, references[NEURON], neuron, rows
        )

    # ── Ends ──
    def _single(self, table: Table, reference: Reference, rows: Rows) -> Ends:
        chance = self._chance(table, f"{reference.name} given", rows)
        ends = self._pick_any(table, reference, rows)
        itself = (ends.row == rows) & (ends.table == [*ends.targets, table.name].index(table.name))
        ends = ends.where((chance >= self._nulls) & ~itself)
        return self._estrange(table, reference.name, ends, chance > 1 - (1 - self._nulls) * SHARE_OUTSIDE, rows)

    def _both_ends(self, table: Table, component: Reference, rows: Rows) -> tuple[Ends, Ends]:
        """One side of a synapse: the component and the neuron, one of them, one or both outside, or nothing."""
        name, none = component.name, 0.5 * self._nulls
        chance = (self._chance(table, f"{name} given", rows) - none) / (1 - none)
        ends = self._pick_any(table, component, rows)
        owners = np.full(len(rows), NOTHING)
        for at, target in enumerate(ends.targets):
            here = ends.table == at
            owners[here] = self.owners(target, ends.row[here])
        outside = (chance >= 0) & (chance < SHARE_OUTSIDE)
        beyond = outside | ((chance >= SHARE_OUTSIDE) & (chance < 2 * SHARE_OUTSIDE))
        with_component = (chance >= 2 * SHARE_OUTSIDE) & (chance < 0.6) & (ends.table != NOTHING)
        with_neuron = (chance >= SHARE_OUTSIDE) & ~(with_component & (chance > 0.5))
        picked = self._pick(table, f"{name} {NEURON}", NEURON, rows)
        neuron = np.where(with_component, owners, picked)
        return (
            self._estrange(table, name, ends.where(with_component), beyond, rows),
            self._estrange(table, name, _neurons(np.where(with_neuron, neuron, NOTHING)), outside, rows),
        )

    # ── Columns ──
    def _refer(self, table: Table, reference: Reference, ends: Ends, rows: Rows) -> dict[str, pl.Series]:
        ids = self._first_id[reference.targets[0]] + ID_SPAN // 2 + ends.row * 10 + 1
        for at, target in enumerate(ends.targets):
            here = ends.table == at
            if target not in self._keys:
                ids[here] = self._first_id[target] + ends.row[here] * 10 + 1
        series = pl.Series(ids).set(pl.Series(ends.table == NOTHING), None)
        if any(target in self._keys for target in ends.targets):
            series = series.cast(pl.String)
            for at, target in enumerate(ends.targets):
                if target in self._keys:
                    here = np.flatnonzero(ends.table == at)
                    series = series.scatter(here, self._key_texts(target, ends.row[here]))
        columns = {reference.id: series}
        if reference.table is not None:
            # Left out at times: an id is in one table only, so it can be found.
            known = (ends.table >= 0) & (self._chance(table, f"{reference.name} table given", rows) >= self._nulls)
            names = pl.Series([*ends.targets, None], dtype=pl.String)
            columns[reference.table] = names.gather(pl.Series(np.where(known, ends.table, len(ends.targets))))
        return columns

    # ── Keys ──
    def _make_key(self, table: Table, words: Mapping[tuple[str, str], Sequence[str]]) -> _Key | None:
        """None where rows have ids of their own."""
        ends = [part for part in table.key if part in table.references]
        others = [part for part in table.key if part not in table.references]
        if len(ends) != 2 or not others or any(table.column[part].type is not TEXT for part in others):
            return None
        first, second = (self._present(table.references[end].targets)[0] for end in ends)
        count, size = self._rows[table.name], self._rows[second]
        total = size + max(1, size // 50)
        room = total * TWIN // (TWIN - 1)
        busy = self._rows[first] - self._rows[first] // 10
        if count > room * busy:
            raise ValueError(
                f"{table.name}: {busy:,} of {self._rows[first]:,} rows of {first} can have {room * busy:,} pairs, "
                f"not {count:,}. Ask for fewer rows of {table.name} or more of {first}."
            )
        weights = np.arange(1, busy + 1) ** (1 / SKEW - 1)
        degrees = np.minimum((weights * (count / weights.sum())).astype(np.int64), room)
        free = room - degrees
        degrees += np.clip(count - degrees.sum() - (np.cumsum(free) - free), 0, free)
        bounds = np.concatenate(([0], np.cumsum(degrees)))
        regions = words[table.name, WHERE] if WHERE in table.column else ()
        return _Key(ends[0], ends[1], {part: words[table.name, part] for part in others}, bounds, total, size, regions)

    def _key_parts(self, table: str, rows: Rows) -> tuple[Rows, Rows, Mask, Mask]:
        """First and second end, whether the row is a twin, and whether the way they are joined is stated."""
        key = self._keys[table]
        first = np.searchsorted(key.bounds, rows, side="right") - 1
        number = rows - key.bounds[first]
        twin = number % TWIN == TWIN - 1
        second = (first + 1 + (number - twin - number // TWIN) * key.step) % key.others
        stated = twin | (self._chance(self._tables[table], "key", rows) >= self._nulls)
        return first, second, twin, stated

    def _key_columns(self, table: Table, rows: Rows) -> dict[str, pl.Series]:
        key = self._keys[table.name]
        first, second, twin, stated = self._key_parts(table.name, rows)
        inside = second < key.size
        columns: dict[str, pl.Series] = {}
        for end, row, known in ((key.first, first, np.full(len(rows), fill_value=True)), (key.second, second, inside)):
            reference = table.references[end]
            targets = self._present(reference.targets)[:1]
            number = np.where(known, row, row - key.size)
            columns |= self._refer(table, reference, Ends(targets, np.where(known, 0, OUTSIDE), number), rows)
        for part, words in key.words.items():
            columns[part] = _joined(words, twin, stated)
        if key.regions:
            chance = self._chance(table, WHERE, rows)
            number = np.floor((chance - self._nulls) / (1 - self._nulls) * len(key.regions)).astype(np.int64)
            named = np.where(number < 0, len(key.regions), number)
            columns[WHERE] = pl.Series([*key.regions, None], dtype=pl.String).gather(pl.Series(named))
        return columns

    def _key_texts(self, table: str, rows: Rows) -> pl.Series:
        """`first/second/way`, as rows without an id of their own are known."""
        if not len(rows):
            return pl.Series([], dtype=pl.String)
        columns = self._key_columns(self._tables[table], rows)
        parts = []
        for part in self._tables[table].key:
            reference = self._tables[table].references.get(part)
            texts = columns[reference.id if reference else part].cast(pl.String).fill_null("")
            parts.append(texts.replace({word: quote(word, safe="") for word in self._keys[table].words.get(part, ())}))
        frame = pl.DataFrame([part.rename(str(at)) for at, part in enumerate(parts)])
        known = frame.select(pl.concat_str(pl.all(), separator="/")).to_series()
        if WHERE not in columns:
            return known
        region = columns[WHERE].replace({word: quote(word, safe="") for word in self._keys[table].regions})
        return known.zip_with(region.is_null(), known + "/" + region)

    def _check_related(self, table: Table) -> None:
        wanted = [table.references["parent"]] if "parent" in table.references else list(table.references.values())
        missing = [reference for reference in wanted if not self._present(reference.targets)]
        if wanted and len(missing) == len(wanted):
            names = ", ".join(dict.fromkeys(target for reference in missing for target in reference.targets))
            raise ValueError(f"{table.name} refers to rows of other tables: ask for rows of one of {names} too.")


def _neurons(rows: Rows) -> Ends:
    return Ends((NEURON,), np.where(rows == NOTHING, NOTHING, 0), rows)


def _joined(words: Sequence[str], twin: Mask, stated: Mask) -> pl.Series:
    pair = pl.Series([words[0], words[1], None], dtype=pl.String)
    return pair.gather(pl.Series(np.where(stated, twin.astype(np.int64), 2)))
