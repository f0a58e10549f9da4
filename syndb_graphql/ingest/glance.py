"""A first look at a contributor's folder: which files there are, the first rows of tables, the size of some raw files.

For guessing what a folder holds, before there is a dataset.toml. Reads as little as tells something; what cannot be
read is noted, not raised. Nothing outside the folder is looked at.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np
import polars as pl

from syndb_graphql.ingest.folder import inside
from syndb_graphql.ingest.mesh import MESH_SUFFIXES, MeshLimits, convert_mesh
from syndb_graphql.ingest.readers import ReadSettings, SeveralSheets, open_table
from syndb_graphql.ingest.report import BadFile
from syndb_graphql.ingest.scratch import open_scratch
from syndb_graphql.ingest.skeleton import measure_skeleton
from syndb_graphql.ingest.survey import Floats
from syndb_graphql.ingest.tables import TABLE_SUFFIXES

MAX_FILES = 200_000
"""Entries of a folder that are looked at."""
MAX_DEPTH = 4
MAX_TABLES = 100
MAX_SHEETS = 20
"""Of a workbook: each is read by going through it."""
ROWS = 20_000
"""First rows of a table that are looked at."""
MEASURED = 6
"""Meshes and skeletons, the smallest, that are measured of each kind."""
MAX_MEASURED_BYTES = 20_000_000
MAX_TEXT_BYTES = 200_000
TEXTS = ("license", "licence", "copying", "readme", "citation")
"""Names of files that say who may use the data and where they were published."""
KINDS = {".swc": "skeleton", **dict.fromkeys(MESH_SUFFIXES, "mesh")}


@dataclass(frozen=True, slots=True)
class TableGlance:
    name: str
    """Of the file, relative to the folder, with /."""
    columns: Sequence[str] = ()
    frame: pl.DataFrame = field(default_factory=pl.DataFrame)
    """The first rows, as the file has them."""
    problem: str = ""
    """Why it could not be read."""
    sheet: str | None = None
    """Of a workbook with several."""

    @property
    def stem(self) -> str:
        """What the table is called: as the sheet, or as the file without its ending."""
        return self.sheet or PurePath(self.name).stem

    @property
    def title(self) -> str:
        return f"{self.name}, sheet '{self.sheet}'" if self.sheet else self.name


@dataclass(frozen=True, slots=True)
class Box:
    """Of one file, in its own unit; (x, y, z)."""

    name: str
    low: Floats
    high: Floats


@dataclass(slots=True)
class FolderGlance:
    folder: Path
    tables: list[TableGlance] = field(default_factory=list)
    raw: dict[str, list[str]] = field(default_factory=lambda: {"mesh": [], "skeleton": []})
    """Files by kind."""
    boxes: dict[str, list[Box]] = field(default_factory=lambda: {"mesh": [], "skeleton": []})
    texts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def glance_at(folder: Path) -> FolderGlance:
    """What lies in the folder and, up to MAX_DEPTH levels, below it. Hidden files are passed over."""
    found = FolderGlance(folder)
    names = _list_files(found)
    tables = [name for name in names if _is_table(name)]
    for name in tables[:MAX_TABLES]:
        found.tables += _glance_at_file(folder, name)
    if len(tables) > MAX_TABLES:
        found.notes.append(f"Of {len(tables):,} tables only {MAX_TABLES} were looked at.")
    for name in names:
        suffix = PurePath(name).suffix.lower()
        if suffix in KINDS:
            found.raw[KINDS[suffix]].append(name)
        elif "/" not in name and PurePath(name).stem.casefold().startswith(TEXTS):
            found.texts[name] = _read_text(folder, name)
    for kind, files in found.raw.items():
        found.boxes[kind] = _measure(folder, kind, files)
    return found


def _list_files(found: FolderGlance) -> list[str]:
    """Relative paths, in order."""
    names: list[str] = []
    for path, folders, files in os.walk(found.folder):
        below = Path(path).relative_to(found.folder)
        folders[:] = [] if len(below.parts) >= MAX_DEPTH else sorted(n for n in folders if not n.startswith("."))
        names += [(below / name).as_posix() for name in files if not name.startswith(".")]
        if len(names) > MAX_FILES:
            found.notes.append(f"The folder holds over {MAX_FILES:,} files; the rest was not looked at.")
            break
    written = [name for name in names[:MAX_FILES] if _can_be_written(name)]
    if len(written) < min(len(names), MAX_FILES):
        found.notes.append("Files whose names are not in UTF-8 were passed over: dataset.toml could not name them.")
    return sorted(written)


def _can_be_written(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_table(name: str) -> bool:
    """In the folder itself or one below. A .txt file is a table only where it is named like nothing else."""
    path = PurePath(name)
    return path.suffix.lower() in TABLE_SUFFIXES - {".txt"} and len(path.parts) <= 2


def _glance_at_file(folder: Path, name: str) -> list[TableGlance]:
    """The file's table, or those of its sheets."""
    try:
        return [_glance_at_table(folder, name, None)]
    except SeveralSheets as error:
        found = []
        for sheet in error.sheets[:MAX_SHEETS]:
            try:
                found.append(_glance_at_table(folder, name, sheet))
            except BadFile as wrong:
                found.append(TableGlance(name, problem=f"{wrong} {wrong.remedy}", sheet=sheet))
        return found
    except BadFile as error:
        return [TableGlance(name, problem=f"{error} {error.remedy}")]


def _glance_at_table(folder: Path, name: str, sheet: str | None) -> TableGlance:
    """Raises BadFile."""
    file = open_table(inside(folder, name), ReadSettings(sheet=sheet))
    batches = file.batches(list(file.columns))
    batch = next(iter(batches), None)
    if hasattr(batches, "close"):
        batches.close()
    frame = batch.frame.head(ROWS) if batch else pl.DataFrame({column: [] for column in file.columns})
    return TableGlance(name, list(file.columns), frame, sheet=sheet)


def _read_text(folder: Path, name: str) -> str:
    try:
        with inside(folder, name).open("rb") as file:
            return file.read(MAX_TEXT_BYTES).decode("utf-8", "replace")
    except (BadFile, OSError):
        return ""


def _measure(folder: Path, kind: str, names: Sequence[str]) -> list[Box]:
    """Boxes of the smallest files of a kind that can be measured."""
    sized = []
    for name in names:
        try:
            sized.append((inside(folder, name).stat().st_size, name))
        except (BadFile, OSError):
            continue
    boxes = []
    with open_scratch("init") as scratch:
        for size, name in sorted(sized)[:MEASURED]:
            if 0 < size <= MAX_MEASURED_BYTES:
                try:
                    low, high = _measure_box(folder / name, kind, scratch / "mesh.glb")
                except BadFile:
                    continue
                boxes.append(Box(name, np.array(low), np.array(high)))
    return boxes


def _measure_box(path: Path, kind: str, scratch: Path) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    unscaled = (1.0, 1.0, 1.0)
    if kind == "skeleton":
        skeleton = measure_skeleton(path, unscaled, max_bytes=MAX_MEASURED_BYTES)
        return skeleton.bounding_box_min, skeleton.bounding_box_max
    mesh = convert_mesh(path, scratch, unscaled, limits=MeshLimits(max_bytes=MAX_MEASURED_BYTES))
    return mesh.bounding_box_min, mesh.bounding_box_max
