"""The first half of a load: every table is read once, checked row by row, and put into a spool."""

from asyncio import sleep
from collections.abc import Mapping, Sequence
from pathlib import Path

from syndb_graphql.catalog.vocabulary import build_vocabularies
from syndb_graphql.ingest.job import Job
from syndb_graphql.ingest.report import BadFile, Severity
from syndb_graphql.ingest.rows import RowReader
from syndb_graphql.ingest.spool import SortedSpool
from syndb_graphql.ingest.tables import as_finding

Stamp = tuple[tuple[int, int], ...]
"""Of each file its size and the time of its last change."""


async def read_tables(job: Job, stamps: Mapping[str, Stamp]) -> dict[str, SortedSpool]:
    """The rows of every table. `stamps`: of each table's files when they were checksummed; others now are an error."""
    vocabularies = build_vocabularies(job.model)
    sample = job.config.record.sample
    spools = {}
    for name, source in job.inputs.items():
        if not source.layout.usable:
            continue
        reader = RowReader(
            source,
            dataset_id=job.dataset_id,
            model=job.model,
            vocabularies=vocabularies,
            individual_id=sample.individual_id if sample else None,
            files=job.files,
            report=job.report,
        )
        spools[name] = SortedSpool(job.scratch, name)
        job.begin(f"reading {source.name}", sum(size for size, _ in stamps[name]), "B")
        try:
            for frame in reader.read():
                spools[name].add(frame)
                job.reach(source.file.position())
                await sleep(0)  # where Ctrl+C ends the load
        except BadFile as error:
            job.report.add(as_finding(error, source.name))
        if read_stamp(source.paths) != stamps[name]:
            message, remedy = "The file was changed while it was read.", "Load the folder again once it is at rest."
            job.note(Severity.ERROR, "changed-meanwhile", source.name, message, remedy)
    return spools


def read_stamp(paths: Sequence[Path]) -> Stamp:
    """Size and time of the last change of files, which change when they do."""
    return tuple((status.st_size, status.st_mtime_ns) for status in (path.stat() for path in paths))


def refuse_empty(job: Job, spools: Mapping[str, SortedSpool]) -> None:
    """A table without rows is passed over with a warning; a folder without rows is refused."""
    if job.report.errors:
        return
    for name, spool in spools.items():
        if not spool.rows:
            message, remedy = "The table has a header and no rows; it is passed over.", "Add rows or remove the file."
            job.note(Severity.WARNING, "empty-table", job.inputs[name].name, message, remedy)
    if not any(spool.rows for spool in spools.values()):
        job.note(Severity.ERROR, "no-rows", ".", "No table of the folder has a row.", "Add rows to at least one table.")
