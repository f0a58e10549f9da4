"""Rows of a file that are no rows of the table: blank ones, the header again, a row of units, totals.

A blank row is passed over with a warning; the others are errors, since nobody can say what else was meant to be there.
Each is named once, as a row, instead of by every cell in it that cannot be read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from syndb_graphql.ingest.columns import Layout, Role
from syndb_graphql.ingest.findings import note
from syndb_graphql.ingest.report import Report, Severity
from syndb_graphql.spec.types import FLOAT, INT

_TOTAL = (
    r"(?i)^(?:grand |sub)?totals?:?$|^(?:sum|mean|average|median|minimum|maximum|st(?:an)?d\.?(?:ard)?[ _-]?(?:dev(?:iation)?\.?|err(?:or)?\.?)?"
    r"|stdev|s\.?e\.?m\.?|mean ?(?:±|\+/-) ?(?:sd|sem)|gesamt|summe|mittelwert)\s*:?$"
)
"""No `avg`, `min`, `max`, `sd`: a nematode has a neuron AVG, and ids are short."""
_UNIT = (
    r"(?i)[(\[]?\s*(?:nm|[uµμ]m|microns?|micrometers?|mm|m|å|angstroms?|pixels?|px|voxels?|vx|count|counts|#|n|a\.?u\.?|%|1/[uµμn]m"
    r"|(?:nm|[uµμ]m|mm|px|voxels?)\s*\^?[-⁻]?[123²³¹])\s*[)\]]?"
)
"""A unit alone in its cell, with or without brackets."""


@dataclass(frozen=True, slots=True)
class Stray:
    """Some rows that are set aside."""

    rule: str
    where: pl.Series
    column: str
    message: str
    remedy: str
    severity: Severity = Severity.ERROR


def set_aside(frame: pl.DataFrame, rows: pl.Series, layout: Layout, report: Report, *, first: bool) -> pl.Series | None:
    """Report the rows of a batch that are no rows; True for those that are, None where all are. `first`: of the file."""
    keep: pl.Series | None = None
    for stray in _find(frame, layout, first=first):
        if not stray.where.any():
            continue
        note(
            report,
            rule=stray.rule,
            file=layout.file,
            column=stray.column,
            where=stray.where if keep is None else stray.where & keep,
            rows=rows,
            values=frame[stray.column],
            message=stray.message,
            remedy=stray.remedy,
            severity=stray.severity,
        )
        keep = ~stray.where if keep is None else keep & ~stray.where
    return keep


def _find(frame: pl.DataFrame, layout: Layout, *, first: bool) -> Sequence[Stray]:
    column = layout.source or next(iter(layout.by_role[Role.REFERENCE].values()))
    found = [_blank(frame, column)]
    if frame[column].dtype == pl.String:
        ids = frame[column].str.strip_chars()
        found.append(_header_again(ids, column))
        found.append(_totals(ids, column))
    if first and frame.height:
        found.append(_units(frame, layout))
    return found


def _blank(frame: pl.DataFrame, column: str) -> Stray:
    where = _is_blank(frame[column])
    if where.any():
        where = frame.select(
            pl.all_horizontal(_is_blank(frame[name]).alias(name) for name in frame.columns)
        ).to_series()
    message = "The row is blank; it is passed over."
    return Stray("blank-row", where, column, message, "Take it out.", Severity.WARNING)


def _is_blank(values: pl.Series) -> pl.Series:
    if values.dtype == pl.String and values.null_count() < len(values):
        return (values.str.strip_chars() == "").fill_null(value=True)
    return values.is_null()


def _header_again(ids: pl.Series, column: str) -> Stray:
    message = "The row is the header again: tables were put below each other with theirs."
    return Stray("header-again", (ids == column.strip()).fill_null(value=False), column, message, "Take it out.")


def _totals(ids: pl.Series, column: str) -> Stray:
    message = "'{value}' is no structure: the row looks like one of totals below the table."
    remedy = "Take the row out, and what else is below the table. If it is an id, give the structure another one."
    return Stray("totals-row", ids.str.contains(_TOTAL).fill_null(value=False), column, message, remedy)


def _units(frame: pl.DataFrame, layout: Layout) -> Stray:
    """The first row, where cells of numbers hold units and no cell of them a number."""
    cells = {
        given: str(frame[given][0]).strip()
        for name, given in layout.by_role[Role.PLAIN].items()
        if layout.table.column[name].type in (FLOAT, INT) and frame[given][0] is not None
    }
    words = pl.Series([word for word in cells.values() if word], dtype=pl.String)
    units = [given for given, word in cells.items() if re.fullmatch(_UNIT, word)]
    found = bool(units) and words.cast(pl.Float64, strict=False).null_count() == len(words)
    remedy = (
        f"Take the row out and state the units in dataset.toml, below [tables.{layout.table.name}]: "
        'length_unit = "um", or units = { mesh_volume = "um3" }.'
    )
    where = pl.Series([found, *[False] * (frame.height - 1)])
    column = units[0] if found else frame.columns[0]
    return Stray("units-row", where, column, "The row holds the units of the columns.", remedy)
