"""The tables of a folder: which file holds which table, opened, its columns understood."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from syndb_graphql.ingest.columns import Layout, map_columns
from syndb_graphql.ingest.config import CONFIG_NAME, LoadConfig, TableConfig
from syndb_graphql.ingest.folder import inside
from syndb_graphql.ingest.origins import Origins
from syndb_graphql.ingest.readers import READERS, TableFile, open_table
from syndb_graphql.ingest.report import BadFile, Finding, Report, Severity
from syndb_graphql.spec.model import Model
from syndb_graphql.spec.naming import nearest

TABLE_SUFFIXES = frozenset({*READERS, ".tsv", ".xls", ".xlsx", ".ods", ".feather", ".txt"})
"""Endings that look like a table's; a file of one that is read by nobody is an error, not passed over."""


@dataclass(slots=True)
class TableInput:
    """One table of the folder."""

    config: TableConfig
    name: str
    """Of the file, relative to the folder."""
    path: Path
    file: TableFile
    layout: Layout
    origins: Origins = field(default_factory=Origins)


def open_inputs(folder: Path, config: LoadConfig, model: Model, report: Report) -> tuple[dict[str, TableInput], bool]:
    """The tables by name, top of the hierarchy first, and whether each one there is could be understood."""
    inputs, whole = {}, True
    names = _find_files(folder, config.tables, report)
    for table in model.tables:
        if table not in names:
            continue
        name = names[table]
        before = report.errors
        try:
            path = inside(folder, name)
            file = open_table(path)
            layout = map_columns(name, file.columns, config.tables[table], report)
            inputs[table] = TableInput(config.tables[table], name, path, file, layout)
        except BadFile as error:
            report.add(as_finding(error, name))
        whole = whole and report.errors == before
    if not names and not report.errors:
        kinds = ", ".join(READERS)
        remedy = f"Name each file after its table ({', '.join(model.tables)}), with {kinds}."
        _add(report, "no-table", ".", "The folder holds no table.", remedy)
    return inputs, whole


def as_finding(error: BadFile, name: str) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        rule=error.rule,
        file=name,
        row=error.row,
        value=error.value,
        message=str(error),
        remedy=error.remedy,
    )


def _find_files(folder: Path, tables: Mapping[str, TableConfig], report: Report) -> dict[str, str]:
    """Table → its file: as dataset.toml says, else the one that has the table's name."""
    there = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    for table, config in tables.items():
        if config.file is None and config != TableConfig(config.table) and not _has_file(there, table):
            message = f"There is a section [tables.{table}], and no file of that table."
            _add(
                report,
                "no-table",
                CONFIG_NAME,
                message,
                f'Add {table}.csv, or file = "…" to the section, or remove it.',
            )
    names = {table: config.file for table, config in tables.items() if config.file is not None}
    taken: dict[str, str] = {}
    for table, name in names.items():
        if name in taken:
            message = f"'{name}' is the file of {taken[name]} and of {table}."
            _add(report, "file-twice", CONFIG_NAME, message, "Give each table its own file.")
        taken[name] = table
    for name in there:
        stem, suffix = Path(name).stem, Path(name).suffix.lower()
        if suffix not in TABLE_SUFFIXES or name in names.values():
            continue
        if stem not in tables:
            if suffix != ".txt":
                message = f"'{name}' is named after no table.{nearest(stem, tables)}"
                remedy = (
                    f'Rename it, name it in {CONFIG_NAME} ([tables.…] file = "{name}"), or take it out of the folder.'
                )
                _add(report, "unknown-table", name, message, remedy)
        elif stem in names:
            message = f"'{name}' and '{names[stem]}' both hold the table {stem}."
            _add(
                report,
                "file-twice",
                name,
                message,
                f'Keep one, or say which in {CONFIG_NAME}: [tables.{stem}] file = "{name}".',
            )
        else:
            names[stem] = name
    return names


def _has_file(there: list[str], table: str) -> bool:
    return any(Path(name).stem == table and Path(name).suffix.lower() in TABLE_SUFFIXES for name in there)


def _add(report: Report, rule: str, file: str, message: str, remedy: str) -> None:
    report.add(Finding(severity=Severity.ERROR, rule=rule, file=file, message=message, remedy=remedy))
