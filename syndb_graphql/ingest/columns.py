"""Which column of a file is which of ours, and what each is multiplied by to be in nm.

A name is ours as it stands, in any case and with any dash; or an alias said in schema/; or mapped in dataset.toml.
An unknown one is an error: a column that is left out unseen is worse than one that is asked about.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from syndb_graphql.ingest.config import CONFIG_NAME, TableConfig
from syndb_graphql.ingest.report import Finding, Report, Severity
from syndb_graphql.ingest.units import BadUnit, factor, parse_unit
from syndb_graphql.spec.model import Column, Kind, Table
from syndb_graphql.spec.naming import nearest, snake

AXES = ("x", "y", "z")


class Role(StrEnum):
    """What a column of a file is for."""

    SOURCE = "source"
    PLAIN = "plain"
    POINT = "point"
    REFERENCE = "reference"
    REFERENCE_TABLE = "reference_table"
    PATH = "path"


@dataclass(slots=True)
class Layout:
    """The columns of one file: by role, our name → the file's. Terms and references go by their name."""

    table: Table
    file: str
    by_role: Mapping[Role, dict[str, str]] = field(default_factory=lambda: {role: {} for role in Role})
    factors: dict[str, float] = field(default_factory=dict)
    """Our column → what its values are multiplied by."""

    @property
    def source(self) -> str | None:
        return self.by_role[Role.SOURCE].get("source_id")

    @property
    def usable(self) -> bool:
        """Whether every row can have an id."""
        ends = [name for name in self.table.key if name in self.table.references]
        return self.source is not None or (bool(ends) and all(name in self.by_role[Role.REFERENCE] for name in ends))

    @property
    def file_columns(self) -> list[str]:
        """Every column to be read, in no particular order."""
        return [column for columns in self.by_role.values() for column in columns.values()]


def map_columns(
    file: str, header: Sequence[str], config: TableConfig, report: Report, *, unit_hint: str = ""
) -> Layout:
    """The layout of a file with this header; what is wrong with it is in `report`.

    `unit_hint`: said besides, where the unit is not stated.
    """
    layout = Layout(config.table, file)
    names = _accepted(config.table)
    ours = {name for name in names if not name.startswith("_")}
    for key, named in (("columns", config.columns), ("ignore", config.ignore)):
        for given in named:
            if given not in header or (key == "ignore" and given in config.columns):
                wrong = "mapped and ignored" if given in header else "no column of " + file
                message = f"'{given}' is {wrong}.{nearest(given, header) if given not in header else ''}"
                remedy = "Name the column as the file does, in columns or in ignore."
                _add(report, CONFIG_NAME, f"tables.{config.table.name}.{key}", message, remedy, given)
    for column in header:
        if column in config.ignore:
            continue
        stated = config.columns.get(column)
        found = _look_up(names, stated or column)
        if found is None:
            wrong = stated or column
            message = f"The table {config.table.name} has no column '{wrong}'.{nearest(_fold(wrong), ours)}"
            mapping = f'[tables.{config.table.name}] columns = {{ {_quote(column)} = "…" }}'
            remedy = f"Rename it, map it: {mapping}, or leave it out: ignore = [{_quote(column, always=True)}]."
            _add(report, file, column, message, remedy, wrong, rule="unknown-column")
            continue
        role, target = found
        taken = layout.by_role[role]
        if target in taken:
            message = f"'{taken[target]}' and '{column}' both are {target}."
            _add(report, file, column, message, "Leave out one of the two.", column, rule="column-twice")
            continue
        taken[target] = column
        if _fold(column) == "serine" and target == "serotonin":
            message = "'serine' is read as serotonin: where files say serine, the values are those of serotonin."
            _add(
                report,
                file,
                column,
                message,
                "Rename it to serotonin.",
                column,
                rule="alias",
                severity=Severity.WARNING,
            )
    _check_points(layout, report)
    _check_identity(layout, report)
    _find_factors(layout, config, report, unit_hint)
    return layout


def find_target(table: Table, name: str) -> tuple[Role, str] | None:
    """What a column of this name is in the table, and which of ours; None: it is none."""
    return _look_up(_accepted(table), name)


def _look_up(names: Mapping[str, tuple[Role, str]], name: str) -> tuple[Role, str] | None:
    return names.get(_fold(name)) or names.get(snake(name.strip()))


def column_axes(table: Table) -> dict[str, str]:
    """The axis of each column that is a coordinate."""
    points = (term for term in table.terms if term.kind in (Kind.POINT, Kind.BOX))
    return {column.name: column.name[-1] for term in points for column in term.columns}


def _accepted(table: Table) -> dict[str, tuple[Role, str]]:
    """Folded name in a file → its role, and our column, term or reference."""
    names: dict[str, tuple[Role, str]] = {"cid": (Role.SOURCE, "source_id"), "source_id": (Role.SOURCE, "source_id")}
    for term in table.terms:
        if term.reference:
            words = (term.reference.id, term.reference.source, *term.columns[0].aliases)
            names |= {_fold(word): (Role.REFERENCE, term.name) for word in words}
            if term.reference.table:
                words = (term.reference.table, f"{term.name}_table")
                names |= {_fold(word): (Role.REFERENCE_TABLE, term.name) for word in words}
        elif term.kind in (Kind.MESH, Kind.SKELETON):
            words = (f"{term.name}_path", *(("swc_path",) if term.kind is Kind.SKELETON else ()))
            names |= dict.fromkeys(words, (Role.PATH, term.name))
        else:
            if term.kind is Kind.POINT:
                names[term.name] = (Role.POINT, term.name)
            for column in term.columns:
                own = (column.name, *(column.aliases if term.kind is Kind.PLAIN else ()))
                names |= {_fold(word): (Role.PLAIN, column.name) for word in own}
    return names


def _fold(name: str) -> str:
    return re.sub(r"[\s\-_.]+", "_", name.strip()).casefold()


def _check_points(layout: Layout, report: Report) -> None:
    plain = layout.by_role[Role.PLAIN]
    for term, column in layout.by_role[Role.POINT].items():
        single = [plain[f"{term}_{axis}"] for axis in AXES if f"{term}_{axis}" in plain]
        if single:
            message = f"'{column}' holds all of {term}, and {', '.join(single)} a part of it."
            _add(report, layout.file, column, message, "Leave out one of the two.", column, rule="column-twice")


def _check_identity(layout: Layout, report: Report) -> None:
    table = layout.table
    if layout.usable:
        return
    missing = [name for name in table.key if name in table.references and name not in layout.by_role[Role.REFERENCE]]
    if not table.key:
        message = f"The table {table.name} has no column cid."
        _add(report, layout.file, "cid", message, "Add your own id of each row as cid.", None, rule="missing-column")
    else:
        ids = " and ".join(table.references[name].id for name in missing)
        message = f"Rows of {table.name} are known by their ends, and {ids} is missing."
        _add(
            report,
            layout.file,
            ids,
            message,
            f"Add {ids}, or an own id of each row as cid.",
            None,
            rule="missing-column",
        )


def _find_factors(layout: Layout, config: TableConfig, report: Report, unit_hint: str) -> None:
    table, section = layout.table, f"tables.{layout.table.name}"
    measured = [table.column[name] for name in layout.by_role[Role.PLAIN] if table.column[name].dimension is not None]
    for term in layout.by_role[Role.POINT]:
        measured += table.term[term].columns
    measured = [column for column in measured if column.dimension is not None]
    groups = {column.name: term.name for term in table.terms for column in term.columns}
    for key, given in config.units.items():
        if key not in table.column and key not in table.term:
            message = f"The table {table.name} has no column '{key}'.{nearest(key, table.column)}"
            _add(report, CONFIG_NAME, f"{section}.units", message, "Name the column as SynDB does.", key)
        elif not any(key in (column.name, groups[column.name]) for column in measured):
            message = f"'{key}' has the unit {given}, but is no measured column of {layout.file}."
            _add(report, CONFIG_NAME, f"{section}.units", message, "Leave it out.", key)
    without: list[Column] = []
    axes = column_axes(table)
    for column in measured:
        own = config.units.get(column.name) or config.units.get(groups[column.name])
        try:
            unit = parse_unit(own, column) if own else config.length_unit
            if unit is None:
                without.append(column)
                continue
            layout.factors[column.name] = factor(column, unit, config.voxel, axes.get(column.name))
        except BadUnit as error:
            rule = "unequal-voxels" if "unequal" in error.message else "bad-unit"
            _add(
                report,
                CONFIG_NAME,
                f"{section}.units",
                error.message,
                error.remedy,
                own or config.length_unit,
                rule=rule,
            )
    if without:
        _add_without_unit(layout, without, report, unit_hint)


def _add_without_unit(layout: Layout, columns: Sequence[Column], report: Report, unit_hint: str) -> None:
    names = [column.name for column in columns]
    message = f"The unit of {', '.join(names)} is not stated."
    remedy = (
        f'Add length_unit = "nm" (or um, mm, m, angstrom, voxel) below [tables.{layout.table.name}] in {CONFIG_NAME}.'
    )
    _add(report, layout.file, names[0], message, remedy + unit_hint, None, rule="unit-missing")


def _quote(name: str, *, always: bool = False) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) and not always else f'"{name}"'


def _add(
    report: Report,
    file: str,
    column: str,
    message: str,
    remedy: str,
    value: str | None,
    *,
    rule: str = "bad-setting",
    severity: Severity = Severity.ERROR,
) -> None:
    row = None if file == CONFIG_NAME else 1
    report.add(
        Finding(
            severity=severity, rule=rule, file=file, row=row, column=column, value=value, message=message, remedy=remedy
        )
    )
