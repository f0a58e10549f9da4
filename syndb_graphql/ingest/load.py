"""Loading a folder: check everything, write a version nobody reads yet, compare, publish.

Each file is read once. Its rows go, typed and checked, to a sorted spool on disk; when all ids of all tables are known
the spools are read back in the order of the cids, references are resolved, and rows go to the store, to Parquet and
into the totals. Where anything is wrong nothing is published and every finding is reported. The memory needed does not
grow with the rows; the disk needs about the size of the tables once more, in the folder for temporary files.
"""

import hashlib
from asyncio import CancelledError
from collections.abc import Mapping
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir

import msgspec

from syndb_graphql.catalog.records import DatasetRecord, TableSummary, VersionRecord
from syndb_graphql.emit.arrow import emit_arrow
from syndb_graphql.errors import NO_ROOM, DiskFull, LoadError, SyndbError
from syndb_graphql.ingest.config import read_config
from syndb_graphql.ingest.files import FileStage
from syndb_graphql.ingest.job import Job, Progress
from syndb_graphql.ingest.leases import take_lease
from syndb_graphql.ingest.parquet import file_sha256
from syndb_graphql.ingest.reading import read_stamp, read_tables, refuse_empty
from syndb_graphql.ingest.report import BadFile, Report, Severity
from syndb_graphql.ingest.result import LoadResult, make_result
from syndb_graphql.ingest.scratch import open_scratch
from syndb_graphql.ingest.space import explain_full_scratch, explain_full_store
from syndb_graphql.ingest.spool import SortedSpool
from syndb_graphql.ingest.survey import Survey
from syndb_graphql.ingest.sweep import Sweep
from syndb_graphql.ingest.tables import as_finding, open_inputs
from syndb_graphql.ingest.versions import (
    Draft,
    Standing,
    begin_revision,
    discard,
    publish,
    read_standing,
)
from syndb_graphql.ingest.writing import Target, Writer
from syndb_graphql.objects.protocol import Objects
from syndb_graphql.spec.model import Model
from syndb_graphql.store.protocol import Store

LOADER = 1
"""Raised when the same files come to give other rows, so that they are loaded again."""


async def load_folder(
    folder: Path,
    *,
    model: Model,
    rows: Store,
    objects: Objects,
    owner: str,
    progress: Progress | None = None,
    survey: Survey | None = None,
    check_only: bool = False,
    retention_h: float = 24,
) -> LoadResult:
    """Load one folder as one data set. What is wrong with it is in the result (status `failed`), not raised.

    A `survey` is shown every row; of an unchanged folder none is read.

    Raises Conflict where somebody else changed the data set meanwhile, LoadError where it belongs to somebody else, and
    what the stores raise; nothing is published then.
    """
    report = Report()
    now = datetime.now(UTC)
    config = read_config(folder, model, owner, now, report)
    if config is None:
        return make_result(folder, None, "failed", report)
    job: Job | None = None
    try:
        with open_scratch("load") as scratch:
            inputs, whole = open_inputs(folder, config, model, report)
            files = FileStage(folder, scratch, config.record.uuid, config.files, report)
            job = Job(folder, scratch, model, config, inputs, files, report, progress, survey)
            return await _load(job, rows, objects, whole=whole, check_only=check_only, retention_h=retention_h)
    except DiskFull as error:
        raise explain_full_store(error, job) from error
    except OSError as error:
        if error.errno in NO_ROOM:
            raise explain_full_scratch(job) from error
        raise LoadError(
            f"{folder}: {error.strerror or error}. The folder for temporary files is {gettempdir()}; set TMPDIR where "
            "it should be another one. Nothing was published."
        ) from error


async def _load(
    job: Job, rows: Store, objects: Objects, *, whole: bool, check_only: bool, retention_h: float
) -> LoadResult:
    """`whole`: each table that is there could be opened and its columns understood."""
    report, record = job.report, job.config.record
    _collect_files(job)
    stamps = {name: read_stamp(source.paths) for name, source in job.inputs.items()}
    fingerprint = _fingerprint(job)
    standing = await read_standing(rows, job.dataset_id)
    _check_owner(standing, record)
    if not check_only and not report.errors and standing.version and standing.version.fingerprint == fingerprint:
        return await _update_metadata(job, rows, objects, standing, retention_h)
    await _measure_files(job)
    spools = await read_tables(job, stamps)
    if whole:
        refuse_empty(job, spools)
    if not whole or report.errors or check_only:
        checked = await Writer(job, spools, None).write() if whole else {}
        if report.errors:
            return make_result(job.folder, record, "failed", report)
        counts = {name: summary.rows for name, summary in checked.items()}
        return make_result(job.folder, record, "checked", report, rows=counts)
    return await _write_version(job, spools, rows, objects, standing, fingerprint, retention_h)


# ── What is there ──
def _collect_files(job: Job) -> None:
    for source in job.inputs.values():
        try:
            job.files.collect(source)
        except BadFile as error:
            job.report.add(as_finding(error, source.name))


async def _measure_files(job: Job) -> None:
    if count := job.files.measurable:
        job.begin("measuring files", count, "files")
        async with aclosing(job.files.measure()) as steps:
            async for done in steps:
                job.reach(done)


def _fingerprint(job: Job) -> str:
    """Of all that rows are made from: files, how they are read, the tables' schema, the animal rows inherit."""
    sample = job.config.record.sample
    facts = {
        "loader": LOADER,
        "schema": [emit_arrow(job.model.tables[name]).to_string() for name in job.inputs],
        "layout": job.config.layout.decode(),
        "individual": sample.individual_id if sample else None,
        "tables": {
            name: [[part, file_sha256(path)] for part, path in zip(source.parts, source.paths, strict=True)]
            for name, source in job.inputs.items()
        },
        "columns": {name: [source.layout.by_role, source.layout.factors] for name, source in job.inputs.items()},
        "files": job.files.checksums,
    }
    return hashlib.sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()


def _check_owner(standing: Standing, record: DatasetRecord) -> None:
    if standing.record is not None and standing.record.owner != record.owner:
        raise LoadError(
            f"The data set {record.uuid} belongs to {standing.record.owner}, not to {record.owner}. "
            "Take [dataset] id out to load these rows as a data set of your own, or set SYNDB_OWNER."
        )


async def _update_metadata(
    job: Job, rows: Store, objects: Objects, standing: Standing, retention_h: float
) -> LoadResult:
    """The rows are those that are published: a new revision of the metadata, if that changed."""
    new, old, version = job.config.record, standing.record, standing.version
    assert old is not None
    assert version is not None
    counts = {name: table.rows for name, table in version.tables.items()}
    same = msgspec.structs.replace(new, created_at=old.created_at, updated_at=old.updated_at)
    if same == old:
        await _tidy(job, rows, objects, retention_h)
        return make_result(job.folder, old, "unchanged", job.report, version.number, standing.head.revision, counts)
    draft = await begin_revision(rows, standing)
    record = _dated(new, old)
    await publish(rows, draft, record, None)
    await _tidy(job, rows, objects, retention_h)
    return make_result(job.folder, record, "metadata", job.report, version.number, draft.number, counts)


async def _tidy(job: Job, rows: Store, objects: Objects, retention_h: float) -> None:
    """Remove old versions. What was loaded is published by now, so a failure or an interruption here is a warning."""
    try:
        await Sweep(rows, objects, retention_h=retention_h).sweep_dataset(job.dataset_id)
    except (SyndbError, KeyboardInterrupt, CancelledError) as error:
        message = f"Old versions were not removed: {str(error) or 'interrupted.'}"
        remedy = "The next load of this folder removes them, or `syndb-graphql sweep`."
        job.note(Severity.WARNING, "not-tidied", ".", message, remedy)


# ── Publishing ──
async def _write_version(
    job: Job,
    spools: Mapping[str, SortedSpool],
    rows: Store,
    objects: Objects,
    standing: Standing,
    fingerprint: str,
    retention_h: float,
) -> LoadResult:
    lease = await take_lease(rows, job.dataset_id, {name: spool.rows for name, spool in spools.items()})
    draft = Draft(standing, lease.snapshot.version, lease)
    published = False
    try:
        async with lease:
            summaries = await Writer(job, spools, Target(rows, objects, draft.snapshot)).write()
            if job.report.errors:
                return make_result(job.folder, job.config.record, "failed", job.report)
            await _upload(job, objects)
            record, version = _records(job, draft, summaries, fingerprint)
            await publish(rows, draft, record, version)
            published = True
    finally:
        if not published:
            with suppress(SyndbError):  # what is left is removed by the next load or sweep
                await discard(rows, objects, draft)
    await _tidy(job, rows, objects, retention_h)
    counts = {name: summary.rows for name, summary in summaries.items()}
    return make_result(job.folder, record, "loaded", job.report, draft.number, draft.number, counts)


def _records(
    job: Job, draft: Draft, summaries: dict[str, TableSummary], fingerprint: str
) -> tuple[DatasetRecord, VersionRecord]:
    """What is written down of the data set and of its rows."""
    now = datetime.now(UTC)
    record = _dated(msgspec.structs.replace(job.config.record, created_at=now, updated_at=now), draft.standing.record)
    return record, VersionRecord(
        number=draft.number,
        fingerprint=fingerprint,
        metadata_fingerprint=hashlib.sha256(msgspec.json.encode(job.config.record)).hexdigest(),
        published_at=record.updated_at,
        tables=summaries,
        files=tuple(sorted(job.files.uploads)),
        warnings=job.report.warnings,
    )


def _dated(record: DatasetRecord, old: DatasetRecord | None) -> DatasetRecord:
    """First loaded when it was, and changed no earlier than before: the clock of who loads may be behind another's."""
    if old is None:
        return record
    changed = max(record.updated_at, old.updated_at)
    return msgspec.structs.replace(record, created_at=old.created_at, updated_at=changed)


async def _upload(job: Job, objects: Objects) -> None:
    job.begin("storing files", len(job.files.uploads), "files")
    for done, upload in enumerate(job.files.uploads.values(), start=1):
        await objects.put_file(upload.key, upload.path, content_type=upload.content_type, sha256=upload.sha256)
        job.reach(done)
