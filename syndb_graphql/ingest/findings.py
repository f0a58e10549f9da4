"""From a column of True and False to findings: the first few word for word, all of them counted."""

from collections.abc import Mapping

import polars as pl

from syndb_graphql.ingest.report import SAMPLES, Finding, Report, Severity


def note(
    report: Report,
    *,
    rule: str,
    file: str,
    column: str | None,
    where: pl.Series,
    rows: pl.Series,
    values: pl.Series,
    message: str,
    remedy: str,
    severity: Severity = Severity.ERROR,
    hints: Mapping[str, str] | None = None,
) -> int:
    """Add a finding for each row in which `where` is True; answers how many.

    `message` may hold `{value}`, and `{hint}`: what `hints` has for the value.

    `rows` are the rows' numbers in the file, `values` what they hold; both as long as `where`.
    """
    found = where.arg_true()
    shown = found[:SAMPLES]
    for row, value in zip(rows[shown], values[shown], strict=True):
        text = None if value is None else str(value)
        finding = Finding(
            severity=severity,
            rule=rule,
            file=file,
            row=row,
            column=column,
            value=text,
            message=message.replace("{hint}", (hints or {}).get(text or "", "")).replace("{value}", text or ""),
            remedy=remedy,
        )
        report.add(
            finding, occurrences=1 if len(found) <= SAMPLES or row != rows[shown[-1]] else len(found) - SAMPLES + 1
        )
    return len(found)
