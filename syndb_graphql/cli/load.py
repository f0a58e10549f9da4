"""`syndb-graphql load DIR…`: load folders, each one data set on its own; the report says what is wrong where."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from syndb_graphql.cli.interrupts import Interrupts
from syndb_graphql.cli.load_columns import print_columns
from syndb_graphql.cli.load_page import check_page, write_page
from syndb_graphql.errors import RawDataUnavailable, SyndbError
from syndb_graphql.ingest.contents import describe_tables
from syndb_graphql.ingest.html_report import HtmlReport
from syndb_graphql.ingest.load import load_folder
from syndb_graphql.ingest.report import Finding, Severity
from syndb_graphql.ingest.result import LoadReport, LoadResult
from syndb_graphql.ingest.survey import Survey
from syndb_graphql.settings import Settings, load_settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import open_stores

HELP = "load folders, each one data set"
EXAMPLE = """\
  syndb-graphql load my-lab/cortex
  syndb-graphql load --check my-lab/cortex       the same report, what is wrong and what the columns hold; stores nothing
  syndb-graphql load --check --html report.html my-lab/*
  syndb-graphql load --json my-lab/* > report.json

A folder holds dataset.toml, a table for each kind of structure (neuron.csv, synapse.csv …) and the files they name.
A running server shows a loaded data set within two seconds. Loading a folder again changes nothing unless it changed.
"""
MAX_FINDINGS = 200
"""Findings of a folder that are printed; --json has all that are kept."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", metavar="DIR", nargs="+", type=Path, help="folder with a dataset.toml")
    parser.add_argument("--check", action="store_true", help="check everything, store nothing")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, for programs")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page for a browser, too")
    parser.add_argument("--quiet", action="store_true", help="no progress, and of what went well only the first line")


def run(arguments: argparse.Namespace) -> int:
    return load_folders(
        arguments.folders,
        load_settings(),
        check_only=arguments.check,
        as_json=arguments.json,
        quiet=arguments.quiet,
        page=arguments.html,
    )


def load_folders(
    folders: Sequence[Path],
    settings: Settings,
    *,
    check_only: bool = False,
    as_json: bool = False,
    quiet: bool = False,
    page: Path | None = None,
    with_columns: bool = True,
) -> int:
    """Load each folder; the exit status: 1 if any of them failed, else 0.

    `page`: where to write the report as HTML. `with_columns`: whether to print what they hold.
    """
    html = None
    if page is not None:
        check_page(page)
        html = HtmlReport()
    interrupts = Interrupts()
    results = interrupts.run(
        lambda: _load_all(
            folders,
            settings,
            html,
            interrupts,
            check_only=check_only,
            as_json=as_json,
            quiet=quiet,
            with_columns=with_columns and not quiet,
        )
    )
    if as_json:
        report = msgspec.json.encode(LoadReport(folders=results))
        sys.stdout.write(msgspec.json.format(report, indent=2).decode() + "\n")
    if page is not None and html is not None:
        write_page(page, html)
        if not as_json and not quiet:
            print(f"report    {page}")
    if interrupts.signal is not None:
        _print_interrupted(folders, results, check_only=check_only)
        return interrupts.status
    return int(any(result.status == "failed" for result in results))


async def _load_all(
    folders: Sequence[Path],
    settings: Settings,
    html: HtmlReport | None,
    interrupts: Interrupts,
    *,
    check_only: bool,
    as_json: bool,
    quiet: bool,
    with_columns: bool,
) -> list[LoadResult]:
    """The results of the folders that were dealt with before somebody asked for the end."""
    model = load_default_model()
    stores = open_stores(settings, model, patient=True)
    out, messages = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False)
    results = []
    try:
        for folder in folders:
            survey = Survey()
            with _Bar(messages, hidden=quiet or not messages.is_terminal) as bar:
                try:
                    result = await load_folder(
                        folder,
                        model=model,
                        rows=stores.rows,
                        objects=stores.objects,
                        owner=settings.owner,
                        progress=bar,
                        survey=survey,
                        check_only=check_only,
                        retention_h=settings.version_retention_h,
                    )
                except SyndbError as error:
                    result = _failed(folder, error, settings)
                except (KeyboardInterrupt, asyncio.CancelledError):
                    interrupts.signal = interrupts.signal or signal.SIGINT
                    break
            if as_json:
                result = msgspec.structs.replace(result, tables=describe_tables(survey))
            results.append(result)
            if html:
                html.add(result, survey)
            if not as_json:
                _print_result(out, result, quiet=quiet)
                if with_columns and result.status in ("checked", "loaded"):
                    print_columns(survey)
            if interrupts.signal is not None:
                break
    finally:
        await stores.close()
    return results


def _print_interrupted(folders: Sequence[Path], results: Sequence[LoadResult], *, check_only: bool) -> None:
    """One line: what was stored and what was not."""
    done, left = len(results), len(folders) - len(results)
    if check_only:
        kept = "Nothing was to be stored."
    elif not left:
        kept = "Everything had been loaded by then."
    else:
        kept = f"Nothing of {folders[done]} was stored; what was published before is as it was."
        if len(folders) > 1:
            kept += f" {done} of {len(folders)} folders had been dealt with."
    print(f"syndb-graphql: interrupted. {kept}", file=sys.stderr)


def _failed(folder: Path, error: SyndbError, settings: Settings) -> LoadResult:
    """A load that the stores, or another load, put an end to."""
    rule = error.code.lower().replace("_", "-")
    remedy = "Load the folder again once that is mended."
    if isinstance(error, RawDataUnavailable) and settings.files == "s3":
        server = f"the S3 store at {settings.s3_endpoint}"
        remedy = f"Nothing was published. See to it that {server} answers, and load the folder again."
    finding = Finding(
        severity=Severity.ERROR,
        rule=rule,
        file=".",
        message=str(error),
        remedy=remedy,
    )
    return LoadResult(folder=str(folder), status="failed", findings=[finding], counts={rule: 1}, errors=1)


def _print_result(out: Console, result: LoadResult, *, quiet: bool) -> None:
    colour = {"failed": "red", "unchanged": "dim"}.get(result.status, "green")
    name = escape(result.label or result.folder)
    rows = ", ".join(f"{count:,} {table}" for table, count in result.rows.items())
    version = f" (version {result.version})" if result.version and result.status == "loaded" else ""
    found = [
        f"{count:,} {what}{'s' * (count != 1)}"
        for count, what in ((result.errors, "error"), (result.warnings, "warning"))
        if count
    ]
    line = f"[{colour}]{result.status:<9}[/] {name}{version}"
    out.print("; ".join(part for part in (line, rows, ", ".join(found)) if part))
    if quiet and result.status != "failed":
        return
    for finding in result.findings[:MAX_FINDINGS]:
        _print_finding(out, finding)
    shown = min(len(result.findings), MAX_FINDINGS)
    more = result.errors + result.warnings - shown
    if more:
        out.print(
            f"  … and {more:,} more of the same kinds: "
            + ", ".join(f"{rule} {n:,}" for rule, n in result.counts.items())
        )


def _print_finding(out: Console, finding: Finding) -> None:
    place = finding.file + (f", row {finding.row:,}" if finding.row is not None else "")
    place += f", {finding.column}" if finding.column else ""
    value = (
        f" (found '{finding.value}')"
        if finding.value is not None and f"'{finding.value}'" not in finding.message
        else ""
    )
    colour = "red" if finding.severity is Severity.ERROR else "yellow"
    text = escape(f"{place}: {finding.message}{value} {finding.remedy}")
    out.print(f"  [{colour}]{finding.severity}[/] {text}")


class _Bar:
    """What a load is doing, how fast, and how long it will take; on a terminal only."""

    def __init__(self, console: Console, *, hidden: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=hidden,
        )
        self._task: TaskID | None = None
        self._unit = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, step: str, total: int, unit: str) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._unit = unit
        self._task = self._progress.add_task(step, total=total, rate="")

    def reach(self, done: int) -> None:
        if self._task is None:
            return
        speed = self._progress.tasks[-1].speed
        self._progress.update(self._task, completed=done, rate=_rate(speed, self._unit))


def _rate(speed: float | None, unit: str) -> str:
    if speed is None:
        return ""
    return f"{speed / 1e6:,.1f} MB/s" if unit == "B" else f"{speed:,.0f} {unit}/s"
