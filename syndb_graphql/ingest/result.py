"""What became of one folder: the answer of a load, as `load` prints it."""

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import msgspec

from syndb_graphql.catalog.records import DatasetRecord
from syndb_graphql.ingest.contents import TableContents
from syndb_graphql.ingest.report import Finding, Report

REPORT_VERSION = 1
"""Of the shape of `load --json`; raised when a program that reads it must be changed, not when a key is added."""


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one folder; also its part of `load --json`."""

    folder: str
    dataset: UUID | None = None
    label: str | None = None
    status: str
    """loaded | unchanged | metadata (only [dataset] changed) | checked | failed"""
    version: int | None = None
    revision: int | None = None
    rows: dict[str, int] = {}
    findings: list[Finding] = []
    counts: dict[str, int] = {}
    """How often each rule was met, kept word for word or not."""
    errors: int = 0
    warnings: int = 0
    tables: list[TableContents] = []
    """What the columns hold; empty where no row was read."""


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of `load --json`."""

    version: int = REPORT_VERSION
    folders: list[LoadResult]


def make_result(
    folder: Path,
    record: DatasetRecord | None,
    status: str,
    report: Report,
    version: int | None = None,
    revision: int | None = None,
    rows: Mapping[str, int] | None = None,
) -> LoadResult:
    counts: dict[str, int] = {}
    for (rule, _, _), occurrences in report.counts.items():
        counts[rule] = counts.get(rule, 0) + occurrences
    return LoadResult(
        folder=str(folder),
        dataset=record.uuid if record else None,
        label=record.label if record else None,
        status=status,
        version=version,
        revision=revision,
        rows=dict(rows or {}),
        findings=report.findings,
        counts=counts,
        errors=report.errors,
        warnings=report.warnings,
    )
