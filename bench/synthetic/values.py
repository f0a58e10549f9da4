"""What the cells of a table hold, but for its references: drawn from what schema/ says of each column.

A column's example gives the size of its values; scale, bounds and vocabulary give their distribution. Columns that hang
together do: area, volume, ratio and sphericity; tree, branches and leaves; a transmitter and its six probabilities.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from bench.synthetic.chance import Floats, Rows, stream, uniform
from syndb_graphql.spec.model import Column, Kind, Model, Table, Term
from syndb_graphql.spec.types import BIGINT, BOOLEAN, FLOAT, INT, TEXT

SPREAD = 0.8
"""Standard deviation of the logarithm, as sizes of cells and synapses have it."""
IMAGED_NM = {"x": 120_000.0, "y": 90_000.0, "z": 40_000.0}
SHAPE = ("mesh_volume", "mesh_surface_area", "mesh_area_volume_ratio", "mesh_sphericity")
TREE = ("n_branches", "n_leaves", "n_trees", "is_tree")
PARTS = ("total_mitochondria_volume", "total_vesicle_volume", "head_volume")
"""Volumes of what lies in the structure."""
MEASURED = {Kind.MESH: SHAPE, Kind.SKELETON: ("cable_length", *TREE, "bounding_box")}
"""Terms that a file measures: a row with one leaves them out, as most do."""
WORDS: dict[str, Sequence[str]] = {
    "kind": ("connection", "presynaptic_site", "postsynaptic_site"),
    "relation_type": ("chemical", "electrical"),
    "side": ("left", "right", "center"),
    "individual_id": ("synthetic:1", "synthetic:2", "synthetic:3"),
}
"""Of texts whose words no vocabulary has; any other is made of the column's example and a number."""
NUMBERED = 300
TYPES = {FLOAT: pl.Float64, INT: pl.Int32, BIGINT: pl.Int64, TEXT: pl.String, BOOLEAN: pl.Boolean}

Columns = dict[str, pl.Series]


def words_of(model: Model, column: Column) -> Sequence[str]:
    """Texts that the column may hold, frequent ones first: of a vocabulary the terms, then other names for them."""
    if column.vocabulary is not None:
        terms = model.vocabularies[column.vocabulary].values()
        return [*(term.name for term in terms), *(term.synonyms[0] for term in terms if term.synonyms)]
    return WORDS.get(column.name) or [f"{column.example or column.name}-{n}" for n in range(1, NUMBERED + 1)]


def place_of(seed: int, table: str, axis: str, rows: Rows) -> Floats:
    """Where each row lies within the imaged volume, in nm."""
    return uniform(seed, (table, "place", axis), rows) * IMAGED_NM[axis]


def volume_of(table: Table, drawn: Mapping[str, pl.Series], at: int) -> float:
    """Of one structure, in nm³: as it is drawn, else as its parts want it, else a usual one."""
    for name in ("mesh_volume", "voxel_volume"):
        if name in drawn and drawn[name][at] is not None:
            return float(drawn[name][at])
    parts = [10 * float(drawn[part][at]) for part in PARTS if part in drawn and drawn[part][at] is not None]
    return max(parts, default=middle_of(table.column["mesh_volume"]) if "mesh_volume" in table.column else 1e9)


class Values:
    """Draws the cells of one data set. Of each column about `null_fraction` is null."""

    def __init__(self, model: Model, seed: int, null_fraction: float) -> None:
        self._model, self._seed, self._nulls = model, seed, null_fraction

    def columns(self, table: Table, rows: Rows, given: Mapping[str, pl.Series]) -> Columns:
        """Cells by column for these rows, consecutive ones. `given`: the rows' references and parts of their keys."""
        drawn: Columns = {}
        for term in table.terms:
            if term.kind in (Kind.POINT, Kind.BOX):
                drawn |= {column.name: self._near(table, column, term, rows) for column in term.columns}
            elif term.kind is Kind.PLAIN and term.name not in given:
                drawn[term.name] = self._draw(table, term.columns[0], rows)
        _fit_shape(drawn)
        _fit_volumes(drawn, self._stream(table, "voxels", rows))
        _fit_tree(drawn)
        drawn |= self._fit_transmitter(table, drawn, rows)
        _fit_sides(drawn, given)
        return {name: self._thin(table, name, values, rows) for name, values in drawn.items()}

    def _stream(self, table: Table, what: str, rows: Rows) -> np.random.Generator:
        return stream(self._seed, table.name, what, str(rows[0]))

    def _thin(self, table: Table, name: str, values: pl.Series, rows: Rows) -> pl.Series:
        nulls = self._stream(table, f"{name} null", rows).random(len(rows), np.float32) < self._nulls
        return pl.select(pl.when(pl.Series(~nulls)).then(values)).to_series()

    def _draw(self, table: Table, column: Column, rows: Rows) -> pl.Series:
        chance, size = self._stream(table, column.name, rows), len(rows)
        if column.type is TEXT:
            words = pl.Series(words_of(self._model, column))
            return words.gather(pl.Series((chance.random(size) ** 2 * len(words)).astype(np.uint32)))
        if column.type is BOOLEAN:
            return pl.Series(chance.random(size) < 0.4)
        if column.type is BIGINT:
            return pl.Series(chance.integers(2**53, 2**62, size))
        numbers = _numbers(chance, column, size)
        if column.type is INT:
            return pl.Series(np.clip(np.floor(numbers), -(2.0**31), 2.0**31 - 1).astype(np.int32))
        return pl.Series(numbers)

    def _near(self, table: Table, column: Column, term: Term, rows: Rows) -> pl.Series:
        """A coordinate of a point near the row's place, or of a box around it."""
        axis = column.name[-1]
        away = self._stream(table, column.name, rows).standard_normal(len(rows))
        away *= 1000 if term.kind is Kind.POINT else 5000
        if term.kind is Kind.BOX:
            away = np.abs(away) * (-1 if column.name.endswith(f"_min_{axis}") else 1)
        return pl.Series(place_of(self._seed, table.name, axis, rows) + away)

    def _fit_transmitter(self, table: Table, drawn: Columns, rows: Rows) -> Columns:
        """Probabilities sum to 1, and the term of the largest is that of the row; its other spelling stands beside."""
        fitted: Columns = {}
        for column in table.columns:
            if column.vocabulary is None or column.name not in drawn:
                continue
            terms = {term.casefold(): term for term in self._model.vocabularies[column.vocabulary]}
            members = [name for name in drawn if name in terms and table.column[name].maximum == 1]
            if members:
                chance = self._stream(table, f"{column.name} probabilities", rows)
                shares = chance.standard_exponential((len(members), len(rows))) ** 4
                shares /= shares.sum(axis=0)
                fitted |= {name: pl.Series(share) for name, share in zip(members, shares, strict=True)}
                largest = pl.Series(shares.argmax(axis=0).astype(np.uint32))
                fitted[column.name] = pl.Series([terms[name] for name in members]).gather(largest)
            if f"{column.name}_source" in drawn:
                word = fitted.get(column.name, drawn[column.name])
                fitted[f"{column.name}_source"] = word.replace({term: term.upper() for term in word.unique()})
        return fitted


def _numbers(chance: np.random.Generator, column: Column, size: int) -> Floats:
    """As the column's scale and bounds have it; floats, whatever its type."""
    middle = middle_of(column)
    low, high = column.minimum, column.maximum
    if low is not None and high is not None:
        mean = np.clip((middle - low) / (high - low), 0.05, 0.95)
        return np.asarray(low + (high - low) * chance.beta(4 * mean, 4 * (1 - mean), size))
    if column.scale == "log" or (column.type is INT and low is not None):
        numbers = abs(middle) * np.exp(SPREAD * chance.standard_normal(size))
    elif low is not None:
        numbers = low + abs(middle - low) * chance.standard_exponential(size)
    else:
        numbers = middle + (abs(middle) / 3 or 1.0) * chance.standard_normal(size)
    if column.plausible is not None:
        least = [end for end in (low, column.plausible.low) if end is not None]
        most = [end for end in (high, column.plausible.high) if end is not None]
        low, high = max(least, default=None), min(most, default=None)
    return np.clip(numbers, low, high) if low is not None or high is not None else numbers


def middle_of(column: Column) -> float:
    """The example's size; where the structure is much smaller or larger, the middle of what is plausible of it."""
    try:
        middle = float(column.example)
    except ValueError:
        middle = 100.0
    plausible = column.plausible
    if plausible is None or plausible.low is None or plausible.high is None or plausible.low <= 0:
        return middle
    centre, width = math.sqrt(plausible.low * plausible.high), math.log(plausible.high / plausible.low)
    return middle if abs(math.log(abs(middle) / centre)) <= width / 5 else centre


# ── Columns that hang together ──
def _fit_shape(drawn: Columns) -> None:
    """Sphericity in (0, 1], and the area that follows from it."""
    volume, area, ratio, sphericity = SHAPE
    if not drawn.keys() >= set(SHAPE):
        return
    volumes = drawn[volume].to_numpy()
    spheres = np.clip(drawn[sphericity].to_numpy() * 3, 0.02, None)
    spheres = spheres / (spheres + 0.4)
    areas = math.pi ** (1 / 3) * (6 * volumes) ** (2 / 3) / spheres
    drawn |= {sphericity: pl.Series(spheres), area: pl.Series(areas), ratio: pl.Series(areas / volumes)}


def _fit_volumes(drawn: Columns, chance: np.random.Generator) -> None:
    """Voxels and mesh give nearly the same volume; parts fill less than half of it."""
    if "mesh_volume" not in drawn:
        return
    volumes = drawn["mesh_volume"]
    if "voxel_volume" in drawn:
        drawn["voxel_volume"] = volumes * chance.uniform(0.95, 1.05, len(volumes))
    for part in PARTS:
        if part in drawn:
            drawn[part] = pl.select(pl.min_horizontal(drawn[part], volumes / 2)).to_series().rename(part)


def _fit_tree(drawn: Columns) -> None:
    """One end more than branch points in each tree, where every branch point has two children."""
    branches, leaves, trees, is_tree = TREE
    if drawn.keys() >= set(TREE):
        drawn[trees] = drawn[trees].clip(1)
        drawn[leaves] = drawn[branches] + drawn[trees]
        drawn[is_tree] = drawn[trees] == 1


def _fit_sides(drawn: Columns, given: Mapping[str, pl.Series]) -> None:
    """A detection is of the sides whose neurons are known; what is electrical has no direction."""
    if "kind" in drawn and given.keys() >= {"pre_neuron_id", "post_neuron_id"}:
        both, pre, post = (pl.lit(word) for word in WORDS["kind"])
        frame = pl.DataFrame({"pre": given["pre_neuron_id"].is_null(), "post": given["post_neuron_id"].is_null()})
        kind = pl.when(pl.col("post") & ~pl.col("pre")).then(pre).when(pl.col("pre") & ~pl.col("post")).then(post)
        drawn["kind"] = frame.select(kind.otherwise(both)).to_series()
    if "directed" in drawn and "relation_type" in given:
        drawn["directed"] = given["relation_type"].ne_missing(WORDS["relation_type"][1])
