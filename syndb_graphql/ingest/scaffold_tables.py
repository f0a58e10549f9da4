"""The sections [tables.…] and [files.…] of a new dataset.toml, and the headers of empty tables."""

from pathlib import PurePath

import polars as pl

from syndb_graphql.ingest.column_units import write_unit
from syndb_graphql.ingest.columns import Role
from syndb_graphql.ingest.config import FILE_KINDS
from syndb_graphql.ingest.dataset_keys import FILES, TABLE
from syndb_graphql.ingest.guess import FolderGuess, TableGuess, commonest_unit
from syndb_graphql.ingest.guess_units import UnitGuess
from syndb_graphql.ingest.quantities import write_number
from syndb_graphql.ingest.toml_text import (
    TomlText,
    toml_axes,
    toml_key,
    toml_list,
    toml_number,
    toml_string,
)
from syndb_graphql.spec.model import Column, Kind, Table

UNITS = "nm, um, mm, m, angstrom or voxel"
VOXEL_TODO = "nm a voxel, on each axis"
NO_SIZE = "{ x = 0, y = 0, z = 0 }"
"""Refused by the loader, so that it cannot be forgotten."""
FORMATS = {Kind.MESH: ".glb, .obj, .off, .ply, .stl", Kind.SKELETON: ".swc"}
PATHS = {Kind.MESH: "mesh_path", Kind.SKELETON: "swc_path"}


# ── A table that is there ──
def write_table(toml: TomlText, guess: TableGuess) -> None:
    """Its file, units and columns: what the loader does not know by itself."""
    placed, table = guess.placed, guess.placed.table
    toml.section(f"tables.{table.name}")
    if placed.parts:
        because = f"the table {table.name}, {placed.because}; names that differ in a number, and the same columns"
        toml.key("file", toml_list(placed.parts), guess=because)
    elif placed.because:
        toml.key("file", toml_string(placed.glance.name), guess=f"the table {table.name}, {placed.because}")
    elif placed.glance.stem == table.name:
        toml.raw_comment(f"{placed.glance.name}: {len(placed.glance.columns):,} columns.")
    if placed.glance.sheet:
        toml.key("sheet", toml_string(placed.glance.sheet), guess="of several, by its name or its columns")
    if guess.numerals.decimal != ".":
        toml.key("decimal", toml_string(guess.numerals.decimal), guess="so its numbers are written")
    for note in placed.export.notes if placed.export else ():
        toml.comment(f"{placed.export.program if placed.export else ''}: {note}")
    _write_units(toml, guess)
    _write_left_out(toml, guess)
    _write_columns(toml, guess)
    _check_identity(toml, guess)


def _write_units(toml: TomlText, guess: TableGuess) -> None:
    measured, units = guess.measured, guess.units
    if not measured:
        return
    open_ = [name for name in measured if name not in units]
    if open_:
        why = f"the unit of {', '.join(open_)}: {UNITS}; {_seen(guess, open_)}"
        toml.key("length_unit", '""', todo=why)
    main = "" if open_ else commonest_unit(units)
    stated = [name for name in units if units[name].unit == main]
    if main:
        reasons = dict.fromkeys(units[name].because for name in stated)
        toml.key("length_unit", toml_string(main), guess="; ".join(list(reasons)[:2]))
    voxels = [unit for unit in units.values() if unit.unit == "voxel"]
    if voxels:
        sized = next((unit for unit in voxels if unit.scale), None)
        if sized and sized.scale:
            toml.key("voxel_size_nm", toml_axes(sized.scale), guess=sized.why_size or sized.because)
        else:
            toml.key("voxel_size_nm", NO_SIZE, todo=VOXEL_TODO)
    others = [name for name in measured if name in units and units[name].unit != main]
    if others:
        entries = ", ".join(
            f"{name} = {toml_string(_unit_of(guess.placed.table, name, units[name]))}" for name in others
        )
        toml.key("units", f"{{ {entries} }}", guess=units[others[0]].because)


def _seen(guess: TableGuess, names: list[str]) -> str:
    """What the numbers are like that say too little."""
    for name in names:
        points = guess.points.get(name)
        if points is not None:
            return f"{name} lies at {', '.join(write_number(float(part)) for part in points[0])} in the first row"
    given = guess.layout.by_role[Role.PLAIN].get(names[0])
    values = guess.placed.glance.frame[given].drop_nulls().to_list() if given else []
    return f"{names[0]} is {values[0]} in the first row" if values else "no row has a value"


def _unit_of(table: Table, name: str, unit: UnitGuess) -> str:
    return write_unit(unit.unit, table.column[name]) if name in table.column else unit.unit


def _write_left_out(toml: TomlText, guess: TableGuess) -> None:
    left_out = [one for one in guess.columns.guesses if one.ours is None]
    if left_out:
        reasons: dict[str, list[str]] = {}
        for one in left_out:
            reasons.setdefault(one.because, []).append(one.given)
        why = "; ".join(f"{', '.join(names)}: {because}" for because, names in reasons.items())
        toml.key("ignore", toml_list([one.given for one in left_out]), guess=why)


def _write_columns(toml: TomlText, guess: TableGuess) -> None:
    table = guess.placed.table
    mapped = [one for one in guess.columns.guesses if one.ours]
    if not mapped and not guess.columns.unknown:
        return
    toml.section(f"tables.{table.name}.columns")
    for one in mapped:
        toml.key(toml_key(one.given), toml_string(one.ours or ""), guess=one.because)
    for given, hint in guess.columns.unknown.items():
        toml.raw_comment(f'{toml_key(given)} = "…"')
        toml.todo(
            f"tables.{table.name}.columns",
            f"the column '{given}' is not known: map it as above, or add it to ignore = [{toml_string(given)}] "
            f"below [tables.{table.name}]. {hint}".rstrip(),
        )


def _check_identity(toml: TomlText, guess: TableGuess) -> None:
    table = guess.placed.table
    if guess.layout.usable:
        return
    ends = [reference.id for name, reference in table.references.items() if name in table.key]
    what = f"{' and '.join(ends)}, or an own id" if ends else "its own id"
    toml.todo(
        f"tables.{table.name}",
        f"no column was recognised as {what} of each row: map one to {ends[0] if ends else 'cid'}.",
    )


# ── An empty table ──
def header_of(table: Table) -> list[str]:
    """Every column a file of this table may have, in the order of the schema."""
    return [name for name, _ in _columns_of(table)]


def write_empty_table(toml: TomlText, table: Table) -> None:
    """Its section, with what each column is."""
    toml.section(f"tables.{table.name}")
    toml.comment(f"{table.name}.csv was written with a header and no rows. Take out the columns you have not measured:")
    columns = _columns_of(table)
    width = max(len(name) for name, _ in columns)
    for name, what in columns:
        toml.raw_comment(f"  {name:<{width}}  {what}")
    if any(column.unit for column in table.columns):
        toml.key("length_unit", '""', todo=f"{UNITS}, of the columns marked length, area or volume")
        toml.example("voxel_size_nm", f"{TABLE['voxel_size_nm'][1]}    # {TABLE['voxel_size_nm'][0]}")
        toml.example("units", f"{TABLE['units'][1]}    # {TABLE['units'][0]}")


def _columns_of(table: Table) -> list[tuple[str, str]]:
    """Name in a file, and what belongs into it."""
    columns = [] if table.key else [("cid", "your own id of the row, text or a whole number (required)")]
    for term in table.terms:
        if term.reference:
            targets = ", ".join(term.reference.targets)
            columns.append((term.reference.id, f"id of a row of {targets}. {term.description}"))
            if term.reference.table:
                columns.append((term.reference.table, f"which of these tables {term.reference.id} is in"))
        elif term.kind in PATHS:
            columns.append(
                (PATHS[term.kind], f"path of the row's {term.name} within the folder ({FORMATS[term.kind]})")
            )
        else:
            own = sorted(term.columns, key=lambda column: column.name) if term.kind is Kind.POINT else term.columns
            columns += [
                (column.name, f"{_kind_of(column)}. {column.description or term.description}") for column in own
            ]
    return columns


def _kind_of(column: Column) -> str:
    dimensions = {1: "length", 2: "area", 3: "volume", -1: "1/length"}
    kinds = {"float": "number", "int": "whole number", "bigint": "whole number", "boolean": "true or false"}
    if column.dimension is not None:
        return f"{dimensions[column.dimension]} (stored in {column.unit})"
    return kinds.get(column.type.name, "text")


# ── Meshes and skeletons ──
def write_files(toml: TomlText, guess: FolderGuess, *, listed: bool) -> None:
    """`listed`: a table that names the files was written."""
    for kind in FILE_KINDS:
        names = guess.glance.raw[kind]
        if not names:
            _write_no_files(toml, kind)
            continue
        toml.section(f"files.{kind}")
        toml.comment(f"{len(names):,} files, such as {names[0]}. {FILES['unit'][0]}")
        unit = guess.files.get(kind)
        if unit is None:
            toml.key("unit", '""', todo=_which_unit(guess, kind))
        else:
            toml.key("unit", toml_string(unit.unit), guess=unit.because)
        if unit is not None and unit.unit == "voxel":
            if unit.scale:
                x, y, z = unit.scale
                value = toml_number(x) if x == y == z else toml_axes(unit.scale)
                toml.key("scale_to_nanometer", value, guess=unit.because)
            else:
                toml.key("scale_to_nanometer", "0", todo=VOXEL_TODO)
        else:
            toml.example(
                "scale_to_nanometer", f"{FILES['scale_to_nanometer'][1]}    # {FILES['scale_to_nanometer'][0]}"
            )
        toml.example("offset_nm", f"{FILES['offset_nm'][1]}    # {FILES['offset_nm'][0]}")
        if not listed and not guess.names_files(kind):
            _write_unnamed(toml, guess, kind)


def _write_no_files(toml: TomlText, kind: str) -> None:
    column = {"mesh": "mesh_path", "skeleton": "swc_path"}[kind]
    toml.blank()
    toml.comment(f"Where a table has a column {column} with paths of files:")
    toml.raw_comment(f"[files.{kind}]")
    for key, (text, example) in FILES.items():
        toml.example(key, f"{example}    # {text}")


def _which_unit(guess: FolderGuess, kind: str) -> str:
    """What one of the files would measure in the units there are."""
    boxes = guess.glance.boxes[kind]
    if not boxes:
        return f"{UNITS}; no file could be measured"
    reach = float((boxes[0].high - boxes[0].low).max())
    sizes = ", ".join(f"{write_number(reach * nm / 1e3)} um if {unit}" for unit, nm in _SHOWN.items())
    return f"{UNITS}. {PurePath(boxes[0].name).name} would be long: {sizes}"


_SHOWN = {"nm": 1.0, "voxels of 8 nm": 8.0, "um": 1e3}


def _write_unnamed(toml: TomlText, guess: FolderGuess, kind: str) -> None:
    """Files nobody names are not loaded."""
    column = {"mesh": "mesh_path", "skeleton": "swc_path"}[kind]
    names = guess.glance.raw[kind]
    stems = {PurePath(name).stem for name in names}
    where = ""
    for table in guess.tables:
        given = table.layout.source
        if given is not None:
            ids = set(table.placed.glance.frame[given].cast(pl.String).drop_nulls().to_list())
            if ids & stems:
                where = f" to {table.placed.glance.name}, of whose ids {len(ids & stems):,} are such names"
                break
    toml.todo(f"files.{kind}", f"no table names these files, so they are not loaded: add a column {column}{where}.")
