"""Puts together what can be guessed of a folder: tables, their columns and units, units of files, licence, title.

Each part knows why it was guessed. Units are guessed together, because meshes, skeletons and tables of one volume lie
in the same place: where one of them tells its unit, the others follow.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

import numpy as np
import polars as pl

from syndb_graphql.catalog.vocabulary import fold as fold_term
from syndb_graphql.ingest.columns import Layout, Role, map_columns
from syndb_graphql.ingest.glance import FolderGlance, glance_at
from syndb_graphql.ingest.guess_columns import ColumnGuesses, guess_columns
from syndb_graphql.ingest.guess_tables import LeftTable, PlacedTable, place_tables
from syndb_graphql.ingest.guess_units import (
    Scale,
    Space,
    UnitGuess,
    guess_by_extent,
    guess_by_grid,
    guess_by_neighbour,
    guess_by_size,
    space_of,
)
from syndb_graphql.ingest.numerals import Numerals
from syndb_graphql.ingest.report import Report
from syndb_graphql.ingest.survey import Floats
from syndb_graphql.ingest.values import parse_float, parse_point
from syndb_graphql.spec.model import Kind, Model, Table, VocabularyTerm
from syndb_graphql.spec.types import BIGINT, FLOAT, INT

NEUPRINT_REGION = r"^[A-Za-z0-9'_.]+\([RL]\)$"
"""Regions as the volumes in neuPrint name them: AL(R), LH(L), PED(R)."""
NEUPRINT_NM: Scale = (8.0, 8.0, 8.0)
MAX_LABEL = 120
MAX_DOIS = 3
_SURE_COMMA = r"^[+-]?(?:\d+,(?:\d{1,2}|\d{4,})|0,\d+)$"
"""Not `1,234`, which may be a thousand."""
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"'<>()\[\]{},;]+")


@dataclass(slots=True)
class TableGuess:
    placed: PlacedTable
    columns: ColumnGuesses
    layout: Layout
    """As the loader would read the file by these guesses."""
    points: dict[str, Floats] = field(default_factory=dict)
    """Of each point the rows that have it, shape (n, 3): x, y, z."""
    units: dict[str, UnitGuess] = field(default_factory=dict)
    """By column, and by point."""
    numerals: Numerals = field(default_factory=Numerals)
    """How the file writes numbers; in the glance's frame they are plain."""

    @property
    def measured(self) -> list[str]:
        """Columns and points of the file that have a unit."""
        plain = [name for name in self.layout.by_role[Role.PLAIN] if name in self.placed.table.column]
        table = self.placed.table
        groups = {column.name: term.name for term in table.terms if term.kind is Kind.POINT for column in term.columns}
        names = [groups.get(name, name) for name in plain if table.column[name].dimension is not None]
        return list(dict.fromkeys([*names, *self.layout.by_role[Role.POINT]]))


@dataclass(slots=True)
class FolderGuess:
    glance: FolderGlance
    label: str
    tables: list[TableGuess]
    left: list[LeftTable]
    files: dict[str, UnitGuess | None]
    """Of each kind of which there are files; None where nothing tells the unit."""
    license: tuple[str, str] | None
    """Name, and where it was found."""
    publications: list[str]

    def names_files(self, kind: str) -> bool:
        """Whether a table has a column of the files of this kind."""
        return any(kind in guess.layout.by_role[Role.PATH] for guess in self.tables)


def guess_folder(folder: Path, model: Model) -> FolderGuess:
    """Everything that can be guessed of a folder that is there."""
    glance = glance_at(folder)
    placed, left = place_tables(glance.tables, model)
    tables = [_guess_table(one) for one in placed]
    return FolderGuess(
        glance=glance,
        label=guess_label(folder),
        tables=tables,
        left=left,
        files=_guess_units(glance, tables),
        license=_find_license(glance.texts, model.vocabularies.get("license", {})),
        publications=_find_dois(glance.texts),
    )


def guess_label(folder: Path) -> str:
    """The folder's name as a title."""
    name = re.sub(r"[\s_\-]+", " ", folder.resolve().name).strip()
    label = "".join(character for character in name if character.isprintable())[:MAX_LABEL]
    return label[:1].upper() + label[1:]


# ── Tables ──
def _guess_table(placed: PlacedTable) -> TableGuess:
    columns = guess_columns(placed.glance, placed.table, placed.export)
    layout = map_columns(placed.glance.name, placed.glance.columns, columns.config(placed.table), Report())
    numerals = _guess_numerals(placed.glance.frame, placed.table, layout)
    placed = replace(
        placed, glance=replace(placed.glance, frame=_as_plain(placed.glance.frame, placed.table, layout, numerals))
    )
    guess = TableGuess(placed, columns, layout, numerals=numerals)
    for term in placed.table.terms:
        points = _read_points(guess, term.name) if term.kind is Kind.POINT else None
        if points is not None and len(points):
            guess.points[term.name] = points
    return guess


def _guess_numerals(frame: pl.DataFrame, table: Table, layout: Layout) -> Numerals:
    """Decimal commas, where a number has one that parts no thousands, and all numbers can be read so."""
    comma = Numerals(",")
    sure = False
    for name, given in layout.by_role[Role.PLAIN].items():
        cells = frame[given]
        if cells.dtype == pl.String and table.column[name].type in (FLOAT, INT, BIGINT):
            lost = parse_float(comma.to_plain(cells)).values.null_count()
            if lost > cells.null_count():
                return Numerals()
            sure = sure or bool(cells.str.strip_chars().str.contains(_SURE_COMMA).any())
    return comma if sure else Numerals()


def _as_plain(frame: pl.DataFrame, table: Table, layout: Layout, numerals: Numerals) -> pl.DataFrame:
    """The frame with a decimal point in numbers."""
    if numerals.usual:
        return frame
    plain = layout.by_role[Role.PLAIN].items()
    numbers = [given for name, given in plain if table.column[name].type in (FLOAT, INT, BIGINT)]
    points = layout.by_role[Role.POINT].values()
    return frame.with_columns(
        *(numerals.to_plain(frame[given]) for given in numbers),
        *(numerals.split_point(frame[given]) for given in points),
    )


def _read_points(guess: TableGuess, term: str) -> Floats | None:
    frame, layout = guess.placed.glance.frame, guess.layout
    if term in layout.by_role[Role.POINT]:
        cells = parse_point(frame[layout.by_role[Role.POINT][term]], "xyz").values
        parts = [cells.struct.field(axis) for axis in "xyz"]
    elif all(f"{term}_{axis}" in layout.by_role[Role.PLAIN] for axis in "xyz"):
        parts = [parse_float(frame[layout.by_role[Role.PLAIN][f"{term}_{axis}"]]).values for axis in "xyz"]
    else:
        return None
    return pl.DataFrame([part.rename(axis) for part, axis in zip(parts, "xyz", strict=True)]).drop_nulls().to_numpy()


# ── Units ──
def _guess_units(glance: FolderGlance, tables: Sequence[TableGuess]) -> dict[str, UnitGuess | None]:
    """Fills the units of the tables; answers those of the kinds of files."""
    known: list[tuple[Space, UnitGuess]] = []
    for table in tables:
        _guess_stated(table)
        _guess_measures(table)
        for term, points in table.points.items():
            _guess_point(table, term, points)
            if term in table.units:
                known.append((space_of(f"the {term}s of {table.placed.glance.name}", points), table.units[term]))
    known.sort(key=lambda one: (one[1].scale is None, -one[0].count))
    files: dict[str, UnitGuess | None] = {}
    for kind in ("skeleton", "mesh"):
        if glance.raw[kind]:
            files[kind] = _guess_files(glance, kind, known)
    for table in tables:
        for term, points in table.points.items():
            if term not in table.units:
                found = guess_by_neighbour(space_of(term, points), known)
                if found:
                    table.units[term] = found
        _share_voxel(table)
    return files


def _guess_stated(table: TableGuess) -> None:
    """What names of columns, or the program that wrote them, tell."""
    groups = {column.name: term.name for term in table.placed.table.terms for column in term.columns}
    for guess in table.columns.guesses:
        if guess.ours and guess.unit:
            base = re.sub(r"-?\d$", "", guess.unit)
            name = guess.ours if guess.ours in table.measured else groups[guess.ours]
            table.units.setdefault(name, _stated(base, None, f"so the name of '{guess.given}' ends"))
    export = table.placed.export
    if export is None or export.length_unit is None:
        return
    for name in table.measured:
        if name not in table.units and name not in table.points:
            because = f"so {export.program} writes them"
            table.units[name] = _stated(export.length_unit, export.voxel_nm, because)


def _stated(base: str, voxel: Scale | None, because: str) -> UnitGuess:
    sizes = {"nm": 1.0, "um": 1e3, "mm": 1e6, "m": 1e9, "angstrom": 0.1}
    return UnitGuess(base, voxel if base == "voxel" else (sizes[base],) * 3, because)


def _guess_point(table: TableGuess, term: str, points: Floats) -> None:
    if term in table.units:
        return
    export = table.placed.export
    size, where = (export.voxel_nm, f"voxels of {export.program} commonly are of that size") if export else (None, "")
    if size is None and _has_neuprint_regions(table):
        size, where = NEUPRINT_NM, "regions are named as in neuPrint, whose voxels are of that size"
    found = guess_by_grid(points, size)
    if found is not None:
        table.units[term] = UnitGuess(found.unit, found.scale, found.because, where if size else "")
    elif export is not None and export.length_unit is not None:
        table.units[term] = _stated(export.length_unit, export.voxel_nm, f"so {export.program} writes them")


def _has_neuprint_regions(table: TableGuess) -> bool:
    given = table.layout.by_role[Role.PLAIN].get("region")
    if given is None:
        return False
    regions = table.placed.glance.frame[given].cast(pl.String).drop_nulls()
    return bool(len(regions)) and regions.str.contains(NEUPRINT_REGION).sum() > len(regions) / 2


def _guess_measures(table: TableGuess) -> None:
    """Volumes, areas and lengths that nothing states."""
    open_ = [name for name in table.measured if name not in table.units and name in table.placed.table.column]
    measures: dict[str, tuple[int, Floats]] = {}
    for name in open_:
        column = table.placed.table.column[name]
        given = table.placed.glance.frame[table.layout.by_role[Role.PLAIN][name]]
        values = parse_float(given).values.drop_nulls().to_numpy()
        measures[name] = (column.dimension or 1, values[values > 0])
    if not measures:
        return
    counted = [name for name, (power, values) in measures.items() if power == 3 and _counts_voxels(values)]
    found = None
    if counted:
        found = UnitGuess("voxel", None, f"{counted[0]} is a whole number in every row, as counts of voxels are")
    else:
        found = guess_by_size(table.placed.table.name, measures)
    if found:
        table.units |= dict.fromkeys(open_, found)


def _counts_voxels(values: Floats) -> bool:
    whole = len(np.unique(values)) >= 5 and bool((values == np.round(values)).all()) and values.max() < 2**52
    return whole and int(np.gcd.reduce(values.astype(np.int64))) == 1


def _guess_files(glance: FolderGlance, kind: str, known: list[tuple[Space, UnitGuess]]) -> UnitGuess | None:
    """The unit of the files of a kind, which joins what is `known`."""
    spaces = [Space(PurePath(box.name).name, box.low, box.high, 1000) for box in glance.boxes[kind]]
    if not spaces:
        return None
    low, high = np.min([space.low for space in spaces], axis=0), np.max([space.high for space in spaces], axis=0)
    whole = Space(f"the {kind} files", low, high, 1000)
    found = guess_by_neighbour(whole, known) or guess_by_extent(kind, spaces)
    if found:
        known.append((whole, found))
    return found


def _share_voxel(table: TableGuess) -> None:
    """Voxels of one table are of one size: where a point tells it, counts of voxels have it too."""
    voxels = [guess for guess in table.units.values() if guess.unit == "voxel" and guess.scale]
    for name, guess in table.units.items():
        if voxels and guess.unit == "voxel" and guess.scale is None:
            table.units[name] = UnitGuess("voxel", voxels[0].scale, guess.because, voxels[0].why_size)


def commonest_unit(units: Mapping[str, UnitGuess]) -> str:
    """The unit that most columns have."""
    return Counter(guess.unit for guess in units.values()).most_common(1)[0][0]


# ── Papers beside the data ──
def _find_license(texts: Mapping[str, str], licenses: Mapping[str, VocabularyTerm]) -> tuple[str, str] | None:
    """The one licence that a file beside the data names."""
    words: dict[str, str] = {}
    for term in licenses.values():
        spelled = (term.name, *term.synonyms, term.description or "")
        words |= {fold_term(word): term.name for word in spelled if len(word) > 3}
        if term.url:
            words[fold_term(term.url.split("//")[-1].strip("/"))] = term.name
    found: dict[str, str] = {}
    for file, text in texts.items():
        rest = fold_term(text)
        for word in sorted(words, key=len, reverse=True):
            pattern = rf"(?<!\w){re.escape(word)}(?!\w)"
            if re.search(pattern, rest):
                found.setdefault(words[word], file)
                rest = re.sub(pattern, " ", rest)
    return next(iter(found.items())) if len(found) == 1 else None


def _find_dois(texts: Mapping[str, str]) -> list[str]:
    found = [doi.rstrip(".") for text in texts.values() for doi in _DOI.findall(text)]
    return list(dict.fromkeys(found))[:MAX_DOIS]
