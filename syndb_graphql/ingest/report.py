"""What is wrong with a folder: findings that name the file, the row, the column, the value and the remedy.

Findings of one rule in one column are counted, and the first few kept, so that a report stays short whatever the file holds.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

SAMPLES = 5
"""Findings of one rule, file and column that are kept word for word; the others are counted."""
MAX_VALUE = 80
"""Characters of a value that are shown."""
PART_ROWS = 2**40
"""Rows of the files of one table are numbered on: row r of file n, counted from 0, is n * PART_ROWS + r."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    severity: Severity
    rule: str
    """Stable name of the rule, such as `duplicate-id`."""
    file: str
    """Relative to the folder."""
    message: str
    remedy: str
    row: int | None = None
    """As a spreadsheet or an editor numbers it: the header is row 1."""
    column: str | None = None
    value: str | None = None


class BadFile(Exception):
    """Raised by a reader of one file; the loader adds the file's name and puts it into the report."""

    def __init__(
        self, rule: str, message: str, remedy: str, *, row: int | None = None, value: str | None = None
    ) -> None:
        super().__init__(message)
        self.rule, self.message, self.remedy, self.row, self.value = rule, message, remedy, row, value
        self.file: str | None = None
        """Where the reader is of several files."""


class Report:
    """Findings in the order they were met. `counts[(rule, file, column)]` counts all of them, kept or not."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.counts: dict[tuple[str, str, str | None], int] = {}
        self.errors = 0
        self.warnings = 0
        self._parts: dict[str, tuple[str, ...]] = {}

    def name_parts(self, file: str, parts: tuple[str, ...]) -> None:
        """Of a table that lies in several files: findings about `file` are told of the part their row is in."""
        self._parts[file] = parts

    def place(self, file: str, row: int) -> tuple[str, int]:
        """The file, and its row's number there, of a number that may be one of several files."""
        part, row = divmod(row, PART_ROWS)
        parts = self._parts.get(file)
        return (parts[part] if parts else file), row

    def describe_row(self, file: str, row: int) -> str:
        """`row 7`, with the file's name where there are several."""
        name, number = self.place(file, row)
        return f"row {number:,}" if file not in self._parts else f"row {number:,} of {name}"

    def add(self, finding: Finding, *, occurrences: int = 1) -> None:
        key = (finding.rule, finding.file, finding.column)
        seen = self.counts.get(key, 0)
        self.counts[key] = seen + occurrences
        if finding.severity is Severity.ERROR:
            self.errors += occurrences
        else:
            self.warnings += occurrences
        if seen < SAMPLES:
            if finding.row is not None and finding.file in self._parts:
                file, row = self.place(finding.file, finding.row)
                finding = msgspec.structs.replace(finding, file=file, row=row)
            value = finding.value
            if value is not None and len(value) > MAX_VALUE:
                finding = msgspec.structs.replace(finding, value=value[: MAX_VALUE - 1] + "…")
            self.findings.append(finding)

    def extend(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.add(finding)
