"""Values that no tissue has: a neuron of 3 nm is voxels. Each is a warning; what is plausible is said in schema/.

Also what columns of one row say of each other: where two of them cannot both be right, one is in another unit, or of
another structure. Only what is certain whatever the animal is checked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from syndb_graphql.ingest.columns import Layout, Role
from syndb_graphql.ingest.config import CONFIG_NAME
from syndb_graphql.ingest.findings import note
from syndb_graphql.ingest.quantities import fitting_unit
from syndb_graphql.ingest.report import Finding, Report, Severity
from syndb_graphql.ingest.units import LENGTHS
from syndb_graphql.spec.model import Column, Kind, Plausible, Table

RATIO = "mesh_area_volume_ratio"
ALIKE = 10.0
"""Volumes of one structure, by voxels and by mesh, differ by less: a mesh is smoothed, and its holes are capped."""
LEAST_ROWS, LEAST_REACH = 100, 1_000.0
"""So many cells, spines or synapses never lie within a cubic micrometre: tissue has about one synapse in each."""
LAST_LEVEL = 3
"""Of what lies in cells, vesicles do."""
ALMOST = 1e-9
"""The sphericity of a ball may come out this much over 1."""
ROUNDING = 1.01
"""Parts may add up to this much over their whole: numbers in files are rounded."""


def check_plausible(
    table: Table,
    columns: Mapping[str, pl.Series],
    stated: Mapping[str, pl.Series],
    rows: pl.Series,
    layout: Layout,
    report: Report,
) -> None:
    """Warn of values beyond what schema/ says is plausible. `columns`: in stored units; `stated`: the table's cells, by our name."""
    for name, values in columns.items():
        column = table.column.get(name)
        if column is None or column.plausible is None or not values.dtype.is_numeric():
            continue
        if name == RATIO and name not in stated:
            continue  # follows from volume and area, which are checked themselves
        if name in stated and column.dimension is not None and name not in layout.factors:
            continue  # its unit is not stated, which is an error
        where = _beyond(values, column.plausible)
        if where.any():
            by_hand = name in stated and stated[name].filter(where)[0] is not None
            note(
                report,
                rule="implausible",
                file=layout.file,
                column=_name_in_file(name, layout),
                where=where,
                rows=rows,
                values=_cells(name, values, stated),
                message=_message(table, column, values.filter(where)),
                remedy=_remedy(table, column, values.filter(where), layout if by_hand else None),
                severity=Severity.WARNING,
            )


def check_relations(
    table: Table,
    columns: Mapping[str, pl.Series],
    stated: Mapping[str, pl.Series],
    rows: pl.Series,
    layout: Layout,
    report: Report,
) -> None:
    """Warn of rows whose columns cannot all be right. `columns` and `stated` as above."""
    frame = pl.DataFrame([values.rename(name) for name, values in columns.items() if name in table.column])
    for relation in RELATIONS:
        names = [name for name in relation.columns if name in frame.columns]
        if len(names) < (relation.least or len(relation.columns)):
            continue
        where = frame.select(relation.broken(names)).to_series().fill_null(value=False)
        if where.any():
            name = next((name for name in (*names, *relation.from_columns) if name in stated), names[0])
            note(
                report,
                rule=relation.rule,
                file=layout.file,
                column=_name_in_file(name, layout),
                where=where,
                rows=rows,
                values=_cells(name, columns[name], stated),
                message=relation.message,
                remedy=relation.remedy,
                severity=Severity.WARNING,
            )


@dataclass(frozen=True, slots=True)
class Relation:
    """What columns of one row cannot be together."""

    rule: str
    columns: tuple[str, ...]
    """The first one that the table states is named in the finding."""
    broken: Callable[[Sequence[str]], pl.Expr]
    """Given the columns that are there."""
    message: str
    remedy: str
    least: int | None = None
    """How many of the columns must be there, where not all."""
    from_columns: tuple[str, ...] = ()
    """What the columns are computed from where they are not stated."""


TRANSMITTERS = ("gaba", "acetylcholine", "glutamate", "octopamine", "serotonin", "dopamine")
_UNITS = "Check the unit of each: length_unit and units below [tables] in dataset.toml."


def _over(part: str, whole: str) -> Callable[[Sequence[str]], pl.Expr]:
    return lambda _: (pl.col(part) > ROUNDING * pl.col(whole)) & (pl.col(whole) > 0)


def _part(part: str, whole: str, what: str) -> Relation:
    message = f"{part} is over {whole}: {what} larger than what they lie in."
    return Relation("part-over-whole", (part, whole), _over(part, whole), message, _UNITS)


RELATIONS = (
    Relation(
        "volumes-disagree",
        ("voxel_volume", "mesh_volume"),
        lambda _: (
            (pl.col("voxel_volume") > 0)
            & (pl.col("mesh_volume") > 0)
            & ~(pl.col("voxel_volume") / pl.col("mesh_volume")).is_between(1 / ALIKE, ALIKE)
        ),
        f"voxel_volume and mesh_volume are the volume of one structure, and differ over {ALIKE:g} times.",
        _UNITS,
    ),
    *(
        _part(part, whole, what)
        for part, what in (
            ("total_mitochondria_volume", "mitochondria"),
            ("total_vesicle_volume", "vesicles"),
            ("head_volume", "heads"),
        )
        for whole in ("mesh_volume", "voxel_volume")
    ),
    *(
        Relation(
            "count-without-any",
            (count, volume),
            lambda names: (pl.col(names[0]) == 0) & (pl.col(names[1]) > 0),
            f"{count} is 0, and {volume} is not.",
            "Leave the count empty where nobody counted, or correct one of the two.",
        )
        for count, volume in (
            ("mitochondria_count", "total_mitochondria_volume"),
            ("vesicle_count", "total_vesicle_volume"),
        )
    ),
    Relation(
        "tree-contradicts-pieces",
        ("is_tree", "n_trees"),
        lambda _: pl.col("is_tree") != (pl.col("n_trees") == 1),
        "is_tree says whether the skeleton is one piece, and n_trees how many pieces it is: they contradict each other.",
        "Correct one of the two, or leave is_tree out.",
    ),
    *(
        Relation(
            "box-inverted",
            (f"bounding_box_min_{axis}", f"bounding_box_max_{axis}"),
            lambda names: pl.col(names[0]) > pl.col(names[1]),
            f"The smallest {axis} of the box is over its largest.",
            "Swap the two columns; where one of them is the size of the box, add the corner to it.",
        )
        for axis in "xyz"
    ),
    Relation(
        "probabilities-over-1",
        TRANSMITTERS,
        lambda names: pl.sum_horizontal(names) > ROUNDING,
        "The probabilities of the transmitters add up to over 1.",
        "Give probabilities, not scores; divide by their sum if that is what is meant.",
        least=2,
    ),
    Relation(
        "sphericity-over-1",
        ("mesh_sphericity",),
        lambda _: pl.col("mesh_sphericity") > 1 + ALMOST,
        "The sphericity is over 1, which no body has: volume and area are not of the same surface.",
        "Measure both of one mesh (a volume of voxels over the area of a smoothed mesh gives up to 1.01); check their units.",
        from_columns=("mesh_surface_area", "mesh_volume"),
    ),
)
"""Each is certain: no structure is over its whole, no box is turned inside out."""


# ── A whole table ──
def check_spread(
    table: Table, rows: int, ends: Mapping[str, tuple[float, float]], layout: Layout, report: Report
) -> None:
    """Warn of points that all lie together. `ends`: smallest and largest value of each column, in nm."""
    if rows < LEAST_ROWS or table.level > LAST_LEVEL:
        return
    for term in table.terms:
        names = [column.name for column in term.columns]
        if term.kind is not Kind.POINT or not all(name in ends for name in names):
            continue
        reach = max(high - low for low, high in (ends[name] for name in names))
        if reach < LEAST_REACH:
            unit = fitting_unit("nm", reach)
            report.add(
                Finding(
                    severity=Severity.WARNING,
                    rule="points-close-together",
                    file=layout.file,
                    row=1,
                    column=_name_in_file(names[0], layout),
                    message=f"All {rows:,} rows lie within {unit.write(reach)} {unit.label} ({term.name}): "
                    "no tissue has so many in so little.",
                    remedy=f"Are these voxels or um? State length_unit in [tables.{table.name}] of {CONFIG_NAME}.",
                )
            )


# ── Words ──
def _beyond(values: pl.Series, plausible: Plausible) -> pl.Series:
    beyond = pl.Series([False]).new_from_index(0, len(values))
    if plausible.low is not None:
        beyond = beyond | (values < plausible.low)
        if plausible.zero:
            beyond = beyond & (values != 0)
    if plausible.high is not None:
        beyond = beyond | (values > plausible.high)
    return beyond.fill_null(value=False)


def _cells(name: str, values: pl.Series, stated: Mapping[str, pl.Series]) -> pl.Series:
    """As the table states them; where it states none, what was computed or measured."""
    computed = values.cast(pl.String)
    return stated[name].cast(pl.String).fill_null(computed) if name in stated else computed


def _name_in_file(name: str, layout: Layout) -> str:
    """The file's own name of one of our columns; of a point in one cell, the cell's."""
    point = name[:-2] if name[-2:] in ("_x", "_y", "_z") else ""
    return layout.by_role[Role.PLAIN].get(name) or layout.by_role[Role.POINT].get(point) or name


def _write(column: Column, value: float) -> str:
    unit = fitting_unit(column.unit, value)
    return f"{unit.write(value)} {unit.label}".strip()


def _message(table: Table, column: Column, values: pl.Series) -> str:
    """Of the first value; the others are counted with it."""
    plausible = column.plausible
    assert plausible is not None
    what = table.type_name[0].lower() + "".join(f" {c.lower()}" if c.isupper() else c for c in table.type_name[1:])
    low, high = (None if end is None else _write(column, end) for end in (plausible.low, plausible.high))
    expected = f"{low} to {high}" if low and high else f"{low} or more" if low else f"at most {high}"
    if values[0] == 0:
        return f"{column.name} is 0; of a {what} it is {expected}."
    return f"{column.name} is {_write(column, float(values[0]))}; of a {what} it is {expected}."


def _remedy(table: Table, column: Column, values: pl.Series, layout: Layout | None) -> str:
    """`layout`: of the file that states the value; None where a mesh or skeleton gave it."""
    well = "Where the value is right, nothing is to be done."
    if (values == 0).all():
        return f"Leave the cell empty where nothing was measured: 0 is a value. {well}"
    if column.dimension is None:
        return f"See whether the column is what its name says. {well}"
    if layout is None:
        return f"Check the unit of the files: [files.mesh] and [files.skeleton] in {CONFIG_NAME}. {well}"
    units = _units_that_fit(column, float(values[0]), layout.factors.get(column.name, 1.0))
    guess = f", or {' or '.join(units)}" if units else ""
    return f"Are these voxels{guess}? State length_unit in [tables.{table.name}] of {CONFIG_NAME}. {well}"


def _units_that_fit(column: Column, value: float, factor: float) -> list[str]:
    """Units in which the file's number would be plausible."""
    assert column.dimension is not None
    assert column.plausible is not None
    found = []
    for unit, size in LENGTHS.items():
        read = pl.Series([value / factor * size**column.dimension])
        if unit != "angstrom" and not _beyond(read, column.plausible).any():
            found.append(unit if column.dimension == 1 else f"{unit}{column.dimension}")
    return found
