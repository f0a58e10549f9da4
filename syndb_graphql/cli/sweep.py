"""`syndb-graphql sweep`: remove what nobody reads any more, and say what that was."""

import argparse
import asyncio
import sys
from pathlib import Path
from uuid import UUID

import msgspec

from syndb_graphql.ingest.scratch import remove_dead_scratch
from syndb_graphql.ingest.sweep import RETIRED, UNFINISHED, RunningLoad, Sweep, SweptVersion
from syndb_graphql.settings import Settings, load_settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import open_stores

HELP = "remove what killed loads left, and versions that were replaced long ago"
EXAMPLE = """\
  syndb-graphql sweep --dry-run            say what would be removed
  syndb-graphql sweep
  syndb-graphql sweep --force              no load is running, so every unfinished one is dead

It may run beside servers and loads, as often as one likes, and again after it was interrupted. A load that was killed
counts as running for ten minutes more, since nothing else tells it from one on another machine.
"""
WHY = {RETIRED: "replaced long enough ago", UNFINISHED: "never finished"}


class SweepReport(msgspec.Struct, frozen=True, kw_only=True):
    """The shape of `sweep --json`."""

    dry_run: bool
    """Whether nothing was removed: it says what would be."""
    versions: list[SweptVersion]
    files: int
    """In the store of files: Parquet, meshes and skeletons of no version, and copies that were cut short."""
    file_bytes: int
    temporary_folders: list[str]
    running: list[RunningLoad]
    """Not touched."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed, remove nothing")
    parser.add_argument("--force", action="store_true", help="count no load as running")
    parser.add_argument("--json", action="store_true", help="print what was removed as an object")


def run(arguments: argparse.Namespace) -> int:
    report = asyncio.run(sweep(load_settings(), force=arguments.force, dry_run=arguments.dry_run))
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n")
    else:
        _print(report)
    return 0


async def sweep(settings: Settings, *, force: bool = False, dry_run: bool = False) -> SweepReport:
    stores = open_stores(settings, load_default_model(), patient=True)
    try:
        found = Sweep(
            stores.rows, stores.objects, retention_h=settings.version_retention_h, force=force, dry_run=dry_run
        )
        await found.sweep_all()
        leftovers = await stores.objects.remove_leftovers(dry_run=dry_run)
    finally:
        await stores.close()
    folders: list[Path] = remove_dead_scratch(dry_run=dry_run)
    return SweepReport(
        dry_run=dry_run,
        versions=found.removed,
        files=found.files + leftovers,
        file_bytes=found.size,
        temporary_folders=[str(folder) for folder in folders],
        running=found.running,
    )


def _print(report: SweepReport) -> None:
    verb = "would remove" if report.dry_run else "removed"
    for version in report.versions:
        why = WHY.get(version.reason, "its data set was deleted")
        print(f"{verb} version {version.version} of {_name(version.label, version.dataset)}: {why}")
    if report.files:
        print(f"{verb} {report.files:,} file{'s' * (report.files != 1)} ({report.file_bytes / 1e6:,.1f} MB)")
    for folder in report.temporary_folders:
        print(f"{verb} {folder}: temporary files of a process that was killed")
    if not (report.versions or report.files or report.temporary_folders):
        print("Nothing to remove.")
    for load in report.running:
        name = _name(load.label, load.dataset)
        print(
            f"left alone: version {load.version} of {name}, whose load may be running. If it was killed, sweep again "
            f"after {load.until:%H:%M:%S} UTC, or with --force."
        )


def _name(label: str | None, dataset: UUID) -> str:
    return f"'{label}' ({dataset})" if label else f"data set {dataset}"
