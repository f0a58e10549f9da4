"""The report of a load as one HTML file: what became of each folder, what is wrong, and what every column holds.

For a browser without a network: no script, no request, drawings in the page. Whatever comes from a contributor's files
is escaped and cut; the page grows neither with the rows nor, beyond MAX_BYTES, with the folders.
"""

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from syndb_graphql.ingest.histogram import draw, is_logarithmic, make_histogram
from syndb_graphql.ingest.quantities import Unit, fitting_unit, write_number
from syndb_graphql.ingest.report import Finding, Severity
from syndb_graphql.ingest.result import LoadResult
from syndb_graphql.ingest.survey import SAMPLE, ColumnSurvey, Numbers, Survey, TableSurvey, Words
from syndb_graphql.spec.types import FLOAT

MAX_BYTES = 10_000_000
"""Of the folders' parts together; folders after that have their line in the overview alone."""
MAX_FINDINGS = 300
"""Of one folder that are shown; all are counted."""
MAX_TEXT = 400
"""Characters of a message, a name or a value."""
WORDS = 5
"""Commonest words of a column of text that are shown."""
STYLE = Path(__file__).with_name("html_report.css").read_text("utf-8")


class HtmlReport:
    """Takes in one folder after the other, keeping text alone; `render` makes the page of them."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._parts: list[str] = []
        self._bytes = 0
        self._left_out = 0

    def add(self, result: LoadResult, survey: Survey | None) -> None:
        number = len(self._lines) + 1
        part = _folder_part(result, survey, number)
        size = len(part.encode())
        shown = self._bytes + size <= MAX_BYTES
        if shown:
            self._parts.append(part)
            self._bytes += size
        else:
            self._left_out += 1
        self._lines.append(_overview_line(result, number if shown else None))

    def render(self, made_by: str, now: datetime | None = None) -> str:
        """The whole page. `made_by`: the program and its version."""
        made = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        left_out = ""
        if self._left_out:
            left_out = (
                f'<p class="note">{self._left_out:,} folders are in the overview alone: the page is full. '
                "Report on fewer folders at a time to see them.</p>"
            )
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
            f"<title>SynDB load report</title><style>{STYLE}</style></head><body><main>"
            f'<header><h1>Load report</h1><p class="note">{_escape(made_by)} · {made}</p></header>'
            '<div class="scroll"><table class="overview"><thead><tr><th>Status</th><th>Data set</th><th>Folder</th>'
            '<th>Rows</th><th class="n">Errors</th><th class="n">Warnings</th></tr></thead>'
            f"<tbody>{''.join(self._lines)}</tbody></table></div>{left_out}{''.join(self._parts)}</main></body></html>\n"
        )


def _escape(value: object, most: int = MAX_TEXT) -> str:
    """Text of anyone as text of the page: cut, and what is not printed (controls, turned writing) replaced."""
    text = str(value)
    text = text if len(text) <= most else text[: most - 1] + "…"
    return html.escape("".join(character if character.isprintable() else "\ufffd" for character in text))


# ── A folder ──
def _overview_line(result: LoadResult, number: int | None) -> str:
    name = _escape(result.label or "not understood")
    linked = f'<a href="#folder-{number}">{name}</a>' if number else name
    rows = ", ".join(f"{count:,} {_escape(table)}" for table, count in result.rows.items()) or "–"
    return (
        f"<tr><td>{_status(result)}</td><td>{linked}</td><td>{_escape(result.folder)}</td><td>{rows}</td>"
        f'<td class="n">{_some(result.errors)}</td><td class="n">{_some(result.warnings)}</td></tr>'
    )


def _status(result: LoadResult) -> str:
    return f'<span class="status {_escape(result.status)}">{_escape(result.status)}</span>'


def _some(count: int) -> str:
    return f"{count:,}" if count else "–"


def _folder_part(result: LoadResult, survey: Survey | None, number: int) -> str:
    facts = [_escape(result.folder)]
    facts += [f"version {result.version}"] if result.version else []
    facts += [f"id <code>{result.dataset}</code>"] if result.dataset else []
    tables = list(survey.tables.values()) if survey else []
    places = _places(tables, f"folder-{number}")
    return (
        f'<section id="folder-{number}"><h2>{_status(result)} {_escape(result.label or result.folder)}</h2>'
        f'<p class="note">{" · ".join(facts)}</p>{_findings_part(result, places)}'
        f"{''.join(_table_part(table, f'folder-{number}') for table in tables)}"
        f"{_reading_note(result, tables)}</section>"
    )


Places = Mapping[tuple[str, str], str]
"""File and column, by the file's name of it or ours, → where on the page it is shown."""


def _places(tables: Sequence[TableSurvey], folder: str) -> Places:
    places = {}
    for table in tables:
        for column in table.columns():
            place = f"{folder}-{table.table.name}-{column.column.name}"
            places[table.file, column.column.name] = place
        for column in table.columns():
            if column.given_as:
                places.setdefault((table.file, column.given_as), f"{folder}-{table.table.name}-{column.column.name}")
    return places


def _reading_note(result: LoadResult, tables: Sequence[TableSurvey]) -> str:
    """What a reader must know of the columns shown, or why none are."""
    if not tables:
        if result.status in ("unchanged", "metadata"):
            return (
                '<p class="note">The tables are those that are published already, so no row was read. '
                "<code>load --check</code> reads them all the same.</p>"
            )
        return '<p class="note">No row was read, so nothing can be said of the columns.</p>'
    notes = []
    if result.status == "failed":
        notes.append("The folder was not loaded: values that could not be read count as null here.")
    if not all(table.whole for table in tables):
        notes.append(
            f"Counts, minima and maxima are of all rows; medians and drawings are of a sample of {SAMPLE:,} values a "
            "column where there are more."
        )
    return f'<p class="note">{" ".join(notes)}</p>' if notes else ""


# ── What is wrong ──
def _findings_part(result: LoadResult, places: Places) -> str:
    if not result.findings:
        return '<p class="well">Nothing is wrong with it.</p>'
    errors_first = sorted(result.findings, key=lambda finding: finding.severity is not Severity.ERROR)
    shown = errors_first[:MAX_FINDINGS]
    rules = "".join(
        f"<li><code>{_escape(rule)}</code> {count:,}</li>"
        for rule, count in sorted(result.counts.items(), key=lambda item: -item[1])[:MAX_FINDINGS]
    )
    more = result.errors + result.warnings - len(shown)
    cut = f'<p class="note">{more:,} more of these kinds are counted above.</p>' if more > 0 else ""
    return (
        f'<ul class="rules">{rules}</ul><div class="scroll"><table class="findings"><thead><tr><th></th><th>File</th>'
        '<th class="n">Row</th><th>Column</th><th>Value</th><th>What is wrong, and what to do</th></tr></thead>'
        f"<tbody>{''.join(_finding_line(finding, places) for finding in shown)}</tbody></table></div>{cut}"
    )


def _finding_line(finding: Finding, places: Places) -> str:
    row = f"{finding.row:,}" if finding.row is not None else ""
    value = f"<code>{_escape(finding.value)}</code>" if finding.value is not None else ""
    column = f"<code>{_escape(finding.column)}</code>" if finding.column else ""
    if place := places.get((finding.file, finding.column or "")):
        column = f'<a href="#{place}">{column}</a>'
    return (
        f'<tr><td><span class="severity {finding.severity}">{finding.severity}</span><br>'
        f'<span class="note">{_escape(finding.rule)}</span></td><td>{_escape(finding.file)}</td>'
        f'<td class="n">{row}</td><td>{column}</td><td>{value}</td>'
        f'<td>{_escape(finding.message)}<br><span class="note">{_escape(finding.remedy)}</span></td></tr>'
    )


# ── What the columns hold ──
def _table_part(table: TableSurvey, folder: str) -> str:
    absent = table.absent()
    without = f'<p class="note">No value at all: {_escape(", ".join(absent), 2_000)}.</p>' if absent else ""
    columns = "".join(
        _column_line(column, f"{folder}-{table.table.name}-{column.column.name}") for column in table.columns()
    )
    return (
        f'<h3>{_escape(table.table.name)} <span class="note">{table.rows:,} rows of {_escape(table.file)}</span></h3>'
        '<div class="scroll"><table class="columns"><thead><tr><th>Column</th><th>Unit</th><th class="n">Values</th>'
        '<th class="n">Null</th><th class="n">Smallest</th><th class="n">Median</th><th class="n">Largest</th>'
        f"<th>Distribution</th></tr></thead><tbody>{columns}</tbody></table></div>"
        f"{without}"
    )


def _column_line(survey: ColumnSurvey, place: str) -> str:
    column, values = survey.column, survey.values
    nulls = f'{survey.nulls:,} <span class="note">{_share(survey.nulls, survey.rows)}</span>' if survey.nulls else "–"
    head = (
        f'<tr id="{place}"><td title="{_escape(column.description)}"><code>{_escape(column.name)}</code>'
        f'<div class="note">{_origin(survey)}</div></td>'
    )
    if isinstance(values, Words):
        return (
            f'{head}<td></td><td class="n">{values.count:,}</td><td class="n">{nulls}</td>{_words_cells(values)}</tr>'
        )
    unit = fitting_unit(column.unit, values.median or values.high)
    stored = f' title="stored in {_escape(column.unit)}"' if column.unit else ""
    numbers = "".join(f'<td class="n">{unit.write(value)}</td>' for value in (values.low, values.median, values.high))
    return (
        f'{head}<td{stored}>{unit.label}</td><td class="n">{values.count:,}</td><td class="n">{nulls}</td>{numbers}'
        f"<td>{_drawing(survey, values, unit)}</td></tr>"
    )


def _share(part: int, whole: int) -> str:
    """In per cent; never 0 or 100 where it is not."""
    percent = min(99, max(1, round(100 * part / whole))) if part < whole else 100
    return f"{percent}%" if 100 * part >= whole else "&lt;1%"


def _origin(survey: ColumnSurvey) -> str:
    parts = []
    if survey.given_as and survey.given_as != survey.column.name:
        parts.append(f"from <code>{_escape(survey.given_as, 60)}</code>")
    if survey.factor != 1:
        parts.append(f"× {write_number(survey.factor)}")
    if survey.origin in ("derived", "mixed"):
        parts.append("derived" if survey.origin == "derived" else "partly derived")
    return " ".join(parts)


def _drawing(survey: ColumnSurvey, values: Numbers, unit: Unit) -> str:
    logarithmic = is_logarithmic(values, survey.column.scale)
    whole_numbers = survey.column.type is not FLOAT
    histogram = make_histogram(values, logarithmic=logarithmic, whole_numbers=whole_numbers)
    if histogram is None:
        return '<span class="note">nothing over 0</span>'
    low, high = (unit.write(end) for end in (histogram.ends if logarithmic else (values.low, values.high)))
    title = f"{survey.column.name}: from {low} to {high} {unit.label}, median {unit.write(values.median)}"
    aside = ""
    if values.low == values.high and not logarithmic:
        low, aside, high = "", low, ""
    elif logarithmic:
        left_out = [
            f"{count:,} {what}" for count, what in ((values.zeros, "0"), (values.below_zero, "below 0")) if count
        ]
        aside = f"logarithmic{', without ' + ' and '.join(left_out) if left_out else ''}"
    return (
        f'{draw(histogram, values.median, _escape(title))}<div class="ends"><span>{low}</span><span>{aside}</span>'
        f"<span>{high}</span></div>"
    )


def _words_cells(values: Words) -> str:
    if values.counts is None or len(values.counts) == values.count > 1:
        different = "all different" if values.counts is not None else "very many different"
        such = ", ".join(_escape(word, 30) for word in values.first)
        more = " …" if values.count > len(values.first) else ""
        return f'<td class="n note" colspan="3">{different}</td><td class="note">{such}{more}</td>'
    most = max(values.counts.values())
    shown = values.commonest(WORDS)
    lines = "".join(
        f'<li><i style="width:{100 * count / most:.1f}%"></i><span>{_escape(word, 40)}</span><b>{count:,}</b></li>'
        for word, count in shown
    )
    rest = len(values.counts) - len(shown)
    more = f'<li class="note"><span>and {rest:,} more</span></li>' if rest else ""
    different = f"{len(values.counts):,} different" if len(values.counts) > 1 else "one word"
    return f'<td class="n note" colspan="3">{different}</td><td><ul class="words">{lines}{more}</ul></td>'
