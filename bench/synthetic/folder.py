"""Writes a made-up data set as a folder: dataset.toml, a file a table, meshes and skeletons.

Tables are made and written in pieces, so memory does not grow with their rows. The same seed and counts give the same
bytes (with the same versions of NumPy, polars and pyarrow).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet

from bench.synthetic.chance import Rows, stream
from bench.synthetic.files import FILE_KINDS, NM, UNIT, write_file
from bench.synthetic.links import ID_SPAN, NEURON, PIECE, Links
from bench.synthetic.values import IMAGED_NM, MEASURED, TYPES, Values, place_of, volume_of, words_of
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.model import Kind, Model, Table
from syndb_graphql.spec.naming import nearest
from syndb_graphql.spec.types import TEXT

MAX_ROWS = ID_SPAN // 100
"""Of a table: ids of different tables never meet."""
NOTE = "Random numbers made by a program, seed {seed}: no cell was imaged and nothing was measured."


def write_synthetic(
    out: Path,
    *,
    seed: int,
    rows: Mapping[str, int],
    format: str = "parquet",  # noqa: A002 - as the flag is called
    null_fraction: float = 0.1,
    files: int = 0,
    label: str | None = None,
    model: Model | None = None,
) -> Path:
    """Write the folder `out`, which must not hold anything yet, and return it.

    `rows`: how many of each table; a table that is not named, or has none, is left out. `null_fraction`: of the cells of
    each column, about; with 0 every cell is full that can be. `files`: how many rows of each table have a mesh, and
    how many a skeleton. `model`: of the tables, the one that is shipped by default. Raises ValueError for what cannot be
    made, FileExistsError where there is something.
    """
    model = model or load_default_model()
    wanted = {name: count for name, count in rows.items() if count}
    _check(model, wanted, seed, null_fraction, format, files)
    words = {
        (table.name, column.name): words_of(model, column)
        for table in model.tables.values()
        for column in table.columns
        if column.type is TEXT
    }
    links = Links(model, wanted, seed, null_fraction, words)
    values = Values(model, seed, null_fraction)
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty: name a new folder, or empty this one.")
    tables = [table for table in model.tables.values() if table.name in wanted]
    for table in tables:
        parts = {
            column.name: links.count_parts(table.name, column.counts)
            for column in table.columns
            if column.counts in wanted
        }
        with FORMATS[format](out / f"{table.name}.{format}") as file:
            for piece in _pieces(wanted[table.name]):
                given = links.columns(table, piece)
                drawn = values.columns(table, piece, given)
                for name, counts in parts.items():
                    # Nobody counted fewer than are there.
                    known = pl.Series(counts[piece]).set(drawn[name].is_null(), None)
                    drawn[name] = pl.select(pl.max_horizontal(drawn[name], known)).to_series()
                file.write(_frame(table, given, drawn, _write_files(out, table, piece, drawn, files, seed)))
    (out / "dataset.toml").write_text(_dataset_toml(model, tables, wanted, seed, label), encoding="utf-8", newline="\n")
    return out


def usual_rows(model: Model, *, neurons: int, synapses: int) -> dict[str, int]:
    """Counts for all tables that go with so many neurons and synapses."""
    counts = {}
    for table in model.tables.values():
        pairs = min(10 * neurons, (neurons * neurons + 1) // 2)
        counts[table.name] = pairs if table.key else (2 if table.level <= 2 else 4) * neurons
    return counts | {NEURON: neurons, "synapse": synapses}


def _check(model: Model, rows: Mapping[str, int], seed: int, null_fraction: float, format_: str, files: int) -> None:
    for name, count in rows.items():
        if name not in model.tables:
            raise ValueError(
                f"There is no table '{name}'.{nearest(name, model.tables)} The tables are {', '.join(model.tables)}."
            )
        if not 0 <= count <= MAX_ROWS:
            raise ValueError(f"{name}: {count:,} rows were asked for; 0 to {MAX_ROWS:,} can be made.")
    if not rows:
        raise ValueError("No rows were asked for: ask for at least one neuron.")
    if seed < 0:
        raise ValueError(f"The seed is {seed}; it is a whole number from 0 on.")
    if not 0 <= null_fraction < 1:
        raise ValueError(f"The fraction of nulls is {null_fraction}; it is at least 0 and below 1.")
    if format_ not in FORMATS:
        raise ValueError(f"'{format_}' is no format: it is {' or '.join(FORMATS)}.")
    if files < 0:
        raise ValueError(f"{files} files a table were asked for; it is a whole number from 0 on.")


def _pieces(count: int) -> Iterator[Rows]:
    for first in range(0, count, PIECE):
        yield np.arange(first, min(first + PIECE, count), dtype=np.int64)


# ── Rows ──
def _frame(
    table: Table, given: Mapping[str, pl.Series], drawn: Mapping[str, pl.Series], paths: Mapping[Kind, list[str]]
) -> pl.DataFrame:
    """Columns in the order of schema/, each of one type in every piece."""
    size = len(next(iter(given.values())))
    columns = {"cid": given["cid"]} if "cid" in given else {}
    for term in table.terms:
        if term.kind in FILE_KINDS:
            names = paths.get(term.kind, [])
            padded = pl.Series([*names, *[None] * (size - len(names))], dtype=pl.String)
            columns[f"{term.name}_path"] = padded
        for column in term.columns:
            if column.name in drawn:
                columns[column.name] = drawn[column.name].cast(TYPES[column.type])
            elif column.name in given:
                columns[column.name] = given[column.name]
    for kind, names in paths.items():
        for term in table.terms:
            if names and term.name in MEASURED[kind]:
                for column in term.columns:
                    columns[column.name] = columns[column.name].scatter(range(len(names)), None)
    return pl.DataFrame([values.rename(name) for name, values in columns.items()])


def _write_files(
    out: Path, table: Table, rows: Rows, drawn: Mapping[str, pl.Series], files: int, seed: int
) -> dict[Kind, list[str]]:
    """The first rows of a table have files: those that most others refer to."""
    written: dict[Kind, list[str]] = {}
    for term in table.terms:
        if term.kind in FILE_KINDS:
            names = written[term.kind] = []
            for row in rows[rows < files].tolist():
                x, y, z = (float(place_of(seed, table.name, axis, np.array([row]))[0]) for axis in "xyz")
                volume = volume_of(table, drawn, row - int(rows[0]))
                names.append(write_file(out, term.kind, table.name, row, seed, (x, y, z), volume))
    return written


class TableFile(Protocol):
    """A file that takes a table piece by piece."""

    def __init__(self, path: Path) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...
    def write(self, frame: pl.DataFrame) -> None: ...


class _Parquet:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, frame: pl.DataFrame) -> None:
        table = frame.to_arrow()
        if self._writer is None:
            texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
            self._writer = pa.parquet.ParquetWriter(self._path, table.schema, use_dictionary=texts)
        self._writer.write_table(table)


class _Csv:
    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._header = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, frame: pl.DataFrame) -> None:
        frame.write_csv(self._file, include_header=self._header)
        self._header = False


FORMATS: dict[str, type[TableFile]] = {"parquet": _Parquet, "csv": _Csv}
"""By the ending of the files."""


# ── dataset.toml ──
def _dataset_toml(model: Model, tables: list[Table], rows: Mapping[str, int], seed: int, label: str | None) -> str:
    chance = stream(seed, "dataset")

    def choose(vocabulary: str) -> str:
        names = list(model.vocabularies[vocabulary])
        return _quote(names[int(chance.integers(len(names)))])

    counts = ", ".join(f"{count:,} {name}" for name, count in list(rows.items())[:3])
    wild = bool(chance.random() < 0.5)
    lines = [
        "[dataset]",
        f"label = {_quote(_label(label or f'data set {seed} ({counts})'))}",
        f"animal = {choose('animal')}",
        f"microscopy = {choose('microscopy')}",
        'license = "CC0-1.0"',
        f"wild_type = {str(wild).lower()}",
        f"notes = {_quote('Synthetic. ' + NOTE.format(seed=seed))}",
    ]
    for _ in range(int(chance.integers(1, 4))):
        structure, direction = choose("brain_structure"), choose("direction")
        lines += ["", "[[dataset.brain_regions]]", f"structure = {structure}", f"direction = {direction}"]
    for number in range(0 if wild else int(chance.integers(1, 3))):
        gene = _quote(f"Synthetic{number + 1}")
        lines += ["", "[[dataset.mutations]]", f"gene = {gene}", f"expression = {choose('expression')}"]
    x, y, z = (f"{IMAGED_NM[axis]:g}" for axis in "xyz")
    lines += [
        "",
        "[dataset.sample]",
        "individuals = 3",
        'condition = "synthetic"',
        "voxel_size_nm = { x = 8, y = 8, z = 30 }",
        f"imaged_box_nm = {{ min = {{ x = 0, y = 0, z = 0 }}, max = {{ x = {x}, y = {y}, z = {z} }} }}",
        'sampling = "random"',
    ]
    for table in tables:
        if any(term.unit for term in table.terms):
            lines += ["", f"[tables.{table.name}]", 'length_unit = "nm"']
    kinds = {term.kind for table in tables for term in table.terms} & set(FILE_KINDS)
    for kind in sorted(kinds):
        lines += ["", f"[files.{kind}]", f'unit = "{UNIT}"', f"scale_to_nanometer = {NM:g}"]
    return "\n".join(lines) + "\n"


def _label(label: str) -> str:
    return label if "synthetic" in label.casefold() else f"Synthetic {label}"


def _quote(text: str) -> str:
    """As a TOML string, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
