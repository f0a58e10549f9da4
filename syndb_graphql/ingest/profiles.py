"""What columns are that are named as in the field: by a program that is recognised, by common names, by units in names.

Only of columns that dataset.toml says nothing of; and all that is taken so is told in a warning. Lengths get a unit
only where the program or the name of the column states it: how large a voxel is, is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from syndb_graphql.ingest.column_units import as_unit, split_unit
from syndb_graphql.ingest.columns import AXES, Role, find_target
from syndb_graphql.ingest.config import TableConfig
from syndb_graphql.ingest.exports import Export, find_export, fold, load_names
from syndb_graphql.ingest.report import Finding, Report, Severity
from syndb_graphql.spec.model import Table

SHOWN = 20
"""Columns that are named in a finding."""


@dataclass(slots=True)
class _Taken:
    """What is known of a header's columns so far."""

    table: Table
    targets: set[tuple[Role, str]]
    columns: dict[str, str] = field(default_factory=dict)
    ignore: dict[str, str] = field(default_factory=dict)
    """Column → why it is left out."""
    units: dict[str, str] = field(default_factory=dict)

    def take(self, column: str, ours: str) -> bool:
        """Whether the table has such a column, and no other column of the file is it."""
        target = find_target(self.table, ours)
        if target is None or target in self.targets or self._has_part(target):
            return False
        self.targets.add(target)
        self.columns[column] = ours
        return True

    def _has_part(self, target: tuple[Role, str]) -> bool:
        role, name = target
        if role is Role.POINT:
            return any((Role.PLAIN, f"{name}_{axis}") in self.targets for axis in AXES)
        return role is Role.PLAIN and (Role.POINT, name[:-2]) in self.targets


def recognise(file: str, header: Sequence[str], config: TableConfig, report: Report) -> tuple[TableConfig, str]:
    """The settings with what is recognised added, and what the program's users know of units where none is stated."""
    export = find_export(header, config.table.name)
    left = [column for column in header if column not in config.columns and column not in config.ignore]
    known = export.columns if export else {}
    named = [*config.columns.values(), *(column for column in left if fold(column) not in known)]
    targets = (find_target(config.table, name) for name in named)
    taken = _Taken(config.table, {target for target in targets if target is not None})
    if export is not None:
        for column in left:
            _take_by_export(column, export, taken)
    unknown = [column for column in left if column not in taken.columns and column not in taken.ignore]
    unknown = [column for column in unknown if find_target(config.table, column) is None]
    _take_by_name(unknown, taken)
    _take_by_unit(unknown, taken)
    unit = config.length_unit
    if unit is None and export is not None and export.length_unit != "voxel":
        unit = export.length_unit
    if taken.columns or taken.ignore:
        used = export if export and any(fold(column) in known for column in taken.columns) else None
        report.add(_finding(file, config, taken, used, unit))
    found = replace(
        config,
        columns={**taken.columns, **config.columns},
        ignore=(*config.ignore, *taken.ignore),
        units={**taken.units, **config.units},
        length_unit=unit,
    )
    return found, _say_common_unit(export)


def _take_by_export(column: str, export: Export, taken: _Taken) -> None:
    reason = export.why_not(column)
    ours = export.columns.get(fold(column))
    if reason is not None:
        taken.ignore[column] = reason
    elif ours is not None and not taken.take(column, ours) and find_target(taken.table, ours) is None:
        taken.ignore[column] = f"would be {ours}, which the table {taken.table.name} has not"


def _take_by_name(unknown: Sequence[str], taken: _Taken) -> None:
    names = load_names(taken.table.name)
    for column in unknown:
        if fold(column) in names:
            taken.take(column, names[fold(column)])
    by_axis = {fold(column): column for column in unknown}
    # A neuron has two points, its soma and its centre: x, y and z do not say which.
    if "soma" not in taken.table.term and by_axis.keys() >= set(AXES):
        for axis in AXES:
            taken.take(by_axis[axis], f"centroid_{axis}")


def _take_by_unit(unknown: Sequence[str], taken: _Taken) -> None:
    for column in unknown:
        parts = split_unit(column)
        target = find_target(taken.table, parts[0]) if parts else None
        if parts is None or target is None or target[0] is not Role.PLAIN:
            continue
        ours = taken.table.column[target[1]]
        unit = as_unit(parts[1], ours)
        if unit is not None and taken.take(column, ours.name):
            taken.units[ours.name] = unit


def _finding(file: str, config: TableConfig, taken: _Taken, export: Export | None, unit: str | None) -> Finding:
    read = [f"'{column}' as {_with_unit(ours, taken.units)}" for column, ours in taken.columns.items()]
    whose = f"The columns are named as in tables of {export.program}" if export else "Columns are named as is common"
    message = f"{whose}: {_shorten(read)} {'is' if len(read) == 1 else 'are'} read so."
    if not read:
        message = f"{whose}."
    if taken.ignore:
        left = [f"'{column}' ({reason})" for column, reason in taken.ignore.items()]
        message += f" Left out: {_shorten(left)}."
    if export is not None:
        if unit and config.length_unit is None and unit == export.length_unit:
            message += f" Lengths are in {unit}, as it writes them."
        message += "".join(f" {note}" for note in export.notes)
    return Finding(
        severity=Severity.WARNING,
        rule="recognised",
        file=file,
        row=1,
        message=message,
        remedy=f"If that is wrong, say what each column is: columns and ignore of [tables.{config.table.name}] in "
        "dataset.toml come first.",
    )


def _with_unit(ours: str, units: Mapping[str, str]) -> str:
    return f"{ours} in {units[ours]}" if ours in units else ours


def _shorten(entries: Sequence[str]) -> str:
    more = f" and {len(entries) - SHOWN:,} more" if len(entries) > SHOWN else ""
    return ", ".join(entries[:SHOWN]) + more


def _say_common_unit(export: Export | None) -> str:
    if export is None or export.voxel_nm is None:
        return ""
    x, y, z = export.voxel_nm
    size = f"voxel_size_nm = {{ x = {x:g}, y = {y:g}, z = {z:g} }}"
    return f' {export.program} commonly writes voxels of {x:g} x {y:g} x {z:g} nm: length_unit = "voxel", {size}.'
