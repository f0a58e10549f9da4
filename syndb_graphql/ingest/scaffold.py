"""Writes the beginnings of a data set into a folder: dataset.toml with every key explained, tables with their columns.

What lies in the folder already is looked at first (guess.py): what can be guessed is filled in, and each guess marked
with its reason. Nothing that is there is written over; an old dataset.toml makes way only when asked, and is kept.
"""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from syndb_graphql.errors import BadInput, LoadError
from syndb_graphql.ingest.config import CONFIG_NAME
from syndb_graphql.ingest.guess import FolderGuess, guess_folder
from syndb_graphql.ingest.scaffold_dataset import write_dataset
from syndb_graphql.ingest.scaffold_tables import header_of, write_empty_table, write_files, write_table
from syndb_graphql.ingest.tables import TABLE_SUFFIXES
from syndb_graphql.ingest.toml_text import TomlText
from syndb_graphql.spec.model import Model
from syndb_graphql.spec.naming import nearest

DEFAULT_TABLES = ("neuron", "synapse")
MAX_BACKUPS = 1000
NEURON = "neuron"


@dataclass(slots=True)
class Scaffold:
    """What was written, and what a person must do next."""

    written: list[Path] = field(default_factory=list)
    backup: Path | None = None
    guesses: list[tuple[str, str]] = field(default_factory=list)
    """What was filled in, and why."""
    todos: list[tuple[str, str]] = field(default_factory=list)
    """Key, and what is to be filled in."""
    notes: list[str] = field(default_factory=list)


def write_scaffold(folder: Path, model: Model, *, tables: Sequence[str] | None = None, force: bool = False) -> Scaffold:
    """Make `folder` a data set to be. `tables`: empty ones to write; None: neuron and synapse where there is no table.

    Raises BadInput where a table is unknown or a dataset.toml is there and `force` is not given, LoadError where the
    folder cannot be written.
    """
    for name in tables or ():
        if name not in model.tables:
            known = ", ".join(model.tables)
            raise BadInput(f"There is no table '{name}'.{nearest(name, model.tables)} The tables are {known}.")
    target = folder / CONFIG_NAME
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file. Name the folder of the data set.")
    if (target.exists() or target.is_symlink()) and not force:
        raise BadInput(
            f"{target} is there already and stays as it is. Edit it, or run with --force: the old one is kept beside it."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _write(folder, model, tables)
    except OSError as error:
        raise LoadError(f"{folder} cannot be written: {error.strerror}. Check its rights and the disk.") from error


def _write(folder: Path, model: Model, tables: Sequence[str] | None) -> Scaffold:
    guess = guess_folder(folder, model)
    found = [one.placed.table.name for one in guess.tables]
    unlisted = any(guess.glance.raw.values()) and not _is_there(folder, NEURON)
    listed = unlisted and NEURON in model.tables and NEURON not in found
    if tables is None:
        tables = () if guess.glance.tables or listed else [name for name in DEFAULT_TABLES if name in model.tables]
    empty = [name for name in model.tables if name in tables and name not in found and not _is_there(folder, name)]
    if listed:
        empty = [name for name in empty if name != NEURON]
    scaffold = Scaffold()
    new: dict[str, str] = {f"{name}.csv": ",".join(header_of(model.tables[name])) + "\n" for name in empty}
    if listed:
        new[f"{NEURON}.csv"] = _list_files(guess.glance.raw)
    toml = _compose(guess, model, empty, listed=listed, blank=not found and not listed and not empty)
    for name, text in new.items():
        _write_new(folder / name, text)
        scaffold.written.append(folder / name)
    scaffold.backup = _back_up(folder / CONFIG_NAME)
    _write_new(folder / CONFIG_NAME, toml.text)
    scaffold.written.insert(0, folder / CONFIG_NAME)
    scaffold.guesses, scaffold.todos = toml.guesses, toml.todos
    scaffold.notes = guess.glance.notes
    return scaffold


def _is_there(folder: Path, table: str) -> bool:
    return any((folder / f"{table}{suffix}").exists() for suffix in TABLE_SUFFIXES)


def _compose(guess: FolderGuess, model: Model, empty: Sequence[str], *, listed: bool, blank: bool) -> TomlText:
    toml = TomlText()
    toml.comment(
        "What this folder holds, for SynDB. Lines that begin with # are comments. Fill in what is marked TODO, and look "
        "at what is marked guess: it was filled in from the files, for the reason given."
    )
    toml.comment(
        "syndb-graphql load --check DIR then says what is wrong and what the columns would hold; load loads it."
    )
    write_dataset(toml, guess, model)
    if not blank:
        toml.blank()
        toml.comment("The tables: which file, which of its columns is which of ours, in which units.")
    for one in guess.tables:
        write_table(toml, one)
    if listed:
        _write_listed(toml, guess)
    for name in empty:
        write_empty_table(toml, model.tables[name])
    if guess.left:
        toml.blank()
        for left in guess.left:
            toml.todo(left.name, f"the file {left.name} is in no table: {left.why.rstrip('.')}.")
        toml.comment(
            "A table in the folder itself that is not named above is an error: name it ([tables.…] file = …), or take it out."
        )
    write_files(toml, guess, listed=listed)
    return toml


def _write_listed(toml: TomlText, guess: FolderGuess) -> None:
    """The table of neurons that is made of the files' names."""
    toml.section(f"tables.{NEURON}")
    count = sum(map(len, guess.glance.raw.values()))
    toml.comment(
        f"No table of neurons was found, so {NEURON}.csv was written with a row for each of the {count:,} meshes and "
        "skeletons; its id is the file's name. Add columns (name, cell_type …) as you have them."
    )
    toml.guesses.append((f"{NEURON}.csv", "a row for each mesh or skeleton, its id the file's name"))


def _list_files(raw: Mapping[str, Sequence[str]]) -> str:
    """A table of neurons: a mesh and a skeleton of one name are one row's."""
    rows: dict[str, dict[str, str]] = {}
    for kind, names in raw.items():
        stems = Counter(PurePath(name).stem for name in names)
        for name in names:
            # Where a name comes again (another folder, another format) the path tells them apart.
            own = PurePath(name).stem if stems[PurePath(name).stem] == 1 else name
            rows.setdefault(own, {})[kind] = name
    columns = {"mesh": "mesh_path", "skeleton": "swc_path"}
    used = [kind for kind in columns if raw.get(kind)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["cid", *(columns[kind] for kind in used)])
    writer.writerows([own, *(row.get(kind, "") for kind in used)] for own, row in sorted(rows.items()))
    return out.getvalue()


# ── Files ──
def _write_new(path: Path, text: str) -> None:
    """Raises LoadError where the file is there by now: nothing is written over."""
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError as error:
        raise LoadError(f"{path} has come to be there meanwhile and stays as it is. Run init again.") from error


def _back_up(path: Path) -> Path | None:
    """Move a file aside, under the first name that is free."""
    if not path.exists() and not path.is_symlink():
        return None
    for number in range(1, MAX_BACKUPS):
        kept = path.with_name(f"{path.name}.bak{number if number > 1 else ''}")
        if not kept.exists() and not kept.is_symlink():
            path.rename(kept)
            return kept
    raise BadInput(f"There are {MAX_BACKUPS:,} backups of {path}. Remove some.")
