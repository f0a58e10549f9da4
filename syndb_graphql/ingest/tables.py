"""The tables of a folder: which file holds which table, opened, its columns understood."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath

from syndb_graphql.ingest.columns import Layout, map_columns
from syndb_graphql.ingest.config import CONFIG_NAME, LoadConfig, TableConfig
from syndb_graphql.ingest.folder import inside
from syndb_graphql.ingest.origins import Origins
from syndb_graphql.ingest.profiles import recognise
from syndb_graphql.ingest.readers import READERS, SeveralFiles, TableFile, find_reader, open_table
from syndb_graphql.ingest.report import BadFile, Finding, Report, Severity
from syndb_graphql.spec.model import Model
from syndb_graphql.spec.naming import nearest

TABLE_SUFFIXES = frozenset({*READERS, ".ods", ".xlsm", ".xlsb"})
"""Endings that look like a table's; a file of one that is read by nobody is an error, not passed over."""
MAX_PARTS = 10_000
"""Files of one table."""
_PATTERN = re.compile(r"[*?\[]")


@dataclass(slots=True)
class TableInput:
    """One table of the folder."""

    config: TableConfig
    name: str
    """Of the file, relative to the folder; of several what they are called together."""
    parts: tuple[str, ...]
    """Names of the files."""
    paths: tuple[Path, ...]
    file: TableFile
    layout: Layout
    origins: Origins = field(default_factory=Origins)


def open_inputs(folder: Path, config: LoadConfig, model: Model, report: Report) -> tuple[dict[str, TableInput], bool]:
    """The tables by name, top of the hierarchy first, and whether each one there is could be understood."""
    inputs, whole = {}, True
    found = _find_files(folder, config.tables, report)
    for table in model.tables:
        if table not in found:
            continue
        before = report.errors
        opened = _open_input(folder, config.tables[table], found[table], report)
        if opened is not None:
            inputs[table] = opened
        whole = whole and report.errors == before
    if not found and not report.errors:
        kinds = ", ".join(READERS)
        remedy = f"Name each file after its table ({', '.join(model.tables)}), with {kinds}."
        _add(report, "no-table", ".", "The folder holds no table.", remedy)
    return inputs, whole


def _open_input(folder: Path, config: TableConfig, parts: Sequence[str], report: Report) -> TableInput | None:
    """None, with the findings in `report`, where it cannot be opened."""
    name = _call_together(parts, config.files)
    paths, files = [], []
    for part in parts:
        try:
            path = inside(folder, part)
            _check_settings(path, config)
            files.append(open_table(path, config.read))
            paths.append(path)
        except BadFile as error:
            report.add(as_finding(error, part))
    if len(files) != len(parts):
        return None
    try:
        file = files[0] if len(files) == 1 else SeveralFiles(parts, files)
    except BadFile as error:
        report.add(as_finding(error, name))
        return None
    if len(parts) > 1:
        report.name_parts(name, tuple(parts))
    for remark in file.remarks:
        report.add(
            Finding(
                severity=Severity.WARNING,
                rule=remark.rule,
                file=remark.file or name,
                message=remark.message,
                remedy=remark.remedy,
            )
        )
    config, unit_hint = recognise(name, file.columns, config, report)
    layout = map_columns(name, file.columns, config, report, unit_hint=unit_hint)
    return TableInput(config, name, tuple(parts), tuple(paths), file, layout)


def _check_settings(path: Path, config: TableConfig) -> None:
    """Raises BadFile where dataset.toml says of a file what its format has not."""
    reader = find_reader(path)
    for setting, value in config.read.stated().items():
        if setting not in reader.settings:
            error = BadFile(
                "bad-setting",
                f"{setting} = {value} is stated of {path.name}, which has none.",
                f"Leave {setting} out of [tables.{config.table.name}].",
                value=value,
            )
            error.file = CONFIG_NAME
            raise error


def _call_together(parts: Sequence[str], stated: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return stated[0] if len(stated) == 1 else f"{parts[0]} and {len(parts) - 1:,} more"


def as_finding(error: BadFile, name: str) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        rule=error.rule,
        file=error.file or name,
        row=error.row,
        value=error.value,
        message=str(error),
        remedy=error.remedy,
    )


def _find_files(folder: Path, tables: Mapping[str, TableConfig], report: Report) -> dict[str, tuple[str, ...]]:
    """Table → its files: as dataset.toml says, else the one that has the table's name."""
    there = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    for table, config in tables.items():
        if not config.files and config != TableConfig(config.table) and not _has_file(there, table):
            message = f"There is a section [tables.{table}], and no file of that table."
            remedy = f'Add {table}.csv, or file = "…" to the section, or remove it.'
            _add(report, "no-table", CONFIG_NAME, message, remedy)
    stated = {table: _expand(folder, config, report) for table, config in tables.items() if config.files}
    _refuse_twice(stated, tables, report)
    named = {name for names in stated.values() for name in names}
    found: dict[str, tuple[str, ...]] = {table: names for table, names in stated.items() if names}
    for name in there:
        stem, suffix = Path(name).stem, Path(name).suffix.lower()
        if suffix not in TABLE_SUFFIXES or name in named:
            continue
        if stem not in tables:
            if suffix != ".txt":
                message = f"'{name}' is named after no table.{nearest(stem, tables)}"
                remedy = (
                    f'Rename it, name it in {CONFIG_NAME} ([tables.…] file = "{name}"), or take it out of the folder.'
                )
                _add(report, "unknown-table", name, message, remedy)
        elif stem in stated or stem in found:
            other = (found.get(stem) or tables[stem].files)[0]
            message = f"'{name}' and '{other}' both hold the table {stem}."
            remedy = f'Keep one, or say which in {CONFIG_NAME}: [tables.{stem}] file = "{name}"; file = ["…", "…"] takes both.'
            _add(report, "file-twice", name, message, remedy)
        else:
            found[stem] = (name,)
    return found


def _expand(folder: Path, config: TableConfig, report: Report) -> tuple[str, ...]:
    """The files that are named, those of a pattern in order of their names. What names none is reported."""
    names: list[str] = []
    for given in config.files:
        if not _PATTERN.search(given) or (folder / given).is_file():
            names.append(given)
            continue
        parts = PurePosixPath(given).parts
        matches: list[Path] = []
        if not PurePosixPath(given).is_absolute() and ".." not in parts and "**" not in parts:
            matches = list(islice(folder.glob(given), MAX_PARTS + 1))
        matched = sorted(path.relative_to(folder).as_posix() for path in matches if path.is_file())
        if not matched:
            message = f"No file of the folder has a name like '{given}'."
            _add(report, "file-missing", CONFIG_NAME, message, "Correct file; * stands for any part of a name.")
        names += matched
    if len(names) > MAX_PARTS:
        message = f"The table {config.table.name} lies in over {MAX_PARTS:,} files."
        _add(report, "too-many-files", CONFIG_NAME, message, "Join them to fewer.")
        return ()
    return tuple(names)


def _refuse_twice(stated: Mapping[str, Sequence[str]], tables: Mapping[str, TableConfig], report: Report) -> None:
    """A file is that of one table, and is in it once; but each sheet of a workbook may be one."""
    taken: dict[tuple[str, str | None], str] = {}
    for table, names in stated.items():
        for name in names:
            key = (name, tables[table].read.sheet)
            if key in taken:
                message = f"'{name}' is the file of {taken[key]} and of {table}."
                if taken[key] == table:
                    message = f"'{name}' is named twice among the files of {table}."
                remedy = 'Give each table its own file, or of a workbook its own sheet = "…".'
                _add(report, "file-twice", CONFIG_NAME, message, remedy)
            taken[key] = table


def _has_file(there: list[str], table: str) -> bool:
    return any(Path(name).stem == table and Path(name).suffix.lower() in TABLE_SUFFIXES for name in there)


def _add(report: Report, rule: str, file: str, message: str, remedy: str) -> None:
    report.add(Finding(severity=Severity.ERROR, rule=rule, file=file, message=message, remedy=remedy))
