"""Loading a folder: check everything, write a version nobody reads yet, compare, publish.

Each file is read once. Its rows go, typed and checked, to a sorted spool on disk; when all ids of all tables are known
the spools are read back in the order of the cids, references are resolved, and rows go to the store, to Parquet and
into the totals. Where anything is wrong nothing is published and every finding is reported. The memory needed does not
grow with the rows; the disk needs about the size of the tables once more, in the folder for temporary files.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import msgspec
import polars as pl

from syndb_graphql.catalog.records import DatasetRecord, TableSummary, VersionRecord
from syndb_graphql.catalog.vocabulary import build_vocabularies
from syndb_graphql.emit.arrow import emit_arrow
from syndb_graphql.errors import LoadError
from syndb_graphql.ingest.config import LoadConfig, read_config
from syndb_graphql.ingest.files import FileStage
from syndb_graphql.ingest.findings import note
from syndb_graphql.ingest.keys import from_series
from syndb_graphql.ingest.parquet import (
    CONTENT_TYPE,
    ParquetSink,
    conform,
    describe_parquet,
    file_sha256,
    summarize_parquet,
)
from syndb_graphql.ingest.references import NEURON, Resolver
from syndb_graphql.ingest.report import BadFile, Finding, Report, Severity
from syndb_graphql.ingest.result import LoadResult, make_result
from syndb_graphql.ingest.rows import ROW, RowReader
from syndb_graphql.ingest.spool import SortedSpool
from syndb_graphql.ingest.summary import RelationTotals, TableTotals
from syndb_graphql.ingest.tables import TableInput, as_finding, open_inputs
from syndb_graphql.ingest.versions import Draft, Standing, begin_draft, discard, publish, read_standing, sweep
from syndb_graphql.objects.protocol import Objects
from syndb_graphql.spec.model import Model, Table
from syndb_graphql.store.protocol import RowsSummary, Store

LOADER = 1
"""Raised when the same files come to give other rows, so that they are loaded again."""


class Progress(Protocol):
    """Told of each step and how far it has come."""

    def begin(self, step: str, total: int, unit: str) -> None:
        """A step of `total` units ("B" for bytes, else a word such as "rows") begins; the one before has ended."""
        ...

    def reach(self, done: int) -> None:
        """So many units of the step are done."""
        ...


@dataclass(slots=True)
class _Load:
    """What all steps of one load share."""

    folder: Path
    scratch: Path
    model: Model
    config: LoadConfig
    inputs: dict[str, TableInput]
    files: FileStage
    report: Report
    progress: Progress | None

    @property
    def dataset_id(self) -> bytes:
        return self.config.record.uuid.bytes

    def begin(self, step: str, total: int, unit: str) -> None:
        if self.progress:
            self.progress.begin(step, total, unit)

    def reach(self, done: int) -> None:
        if self.progress:
            self.progress.reach(done)


async def load_folder(
    folder: Path,
    *,
    model: Model,
    rows: Store,
    objects: Objects,
    owner: str,
    progress: Progress | None = None,
    check_only: bool = False,
    retention_h: float = 24,
) -> LoadResult:
    """Load one folder as one data set. What is wrong with it is in the result (status `failed`), not raised.

    Raises Conflict where somebody else changed the data set meanwhile, LoadError where it belongs to somebody else, and
    what the stores raise; nothing is published then.
    """
    report = Report()
    now = datetime.now(UTC)
    config = read_config(folder, model, owner, now, report)
    if config is None:
        return make_result(folder, None, "failed", report)
    with TemporaryDirectory(prefix="syndb-load-") as scratch:
        inputs, whole = open_inputs(folder, config, model, report)
        files = FileStage(folder, Path(scratch), config.record.uuid, config.files, report)
        load = _Load(folder, Path(scratch), model, config, inputs, files, report, progress)
        _collect_files(load)
        fingerprint = _fingerprint(load)
        standing = await read_standing(rows, load.dataset_id)
        _check_owner(standing, config.record)
        if not check_only and not report.errors and standing.version and standing.version.fingerprint == fingerprint:
            return await _update_metadata(load, rows, objects, standing, retention_h)
        spools = _read_tables(load)
        if whole:
            _refuse_empty(load, spools)
        if not whole or report.errors or check_only:
            counted = await _Writer(load, spools, None, None, None).write() if whole else {}
            status = "failed" if report.errors else "checked"
            return make_result(
                folder, config.record, status, report, rows={name: total.rows for name, total in counted.items()}
            )
        return await _write_version(load, spools, rows, objects, standing, fingerprint, retention_h)


# ── What is there ──
def _collect_files(load: _Load) -> None:
    for source in load.inputs.values():
        try:
            load.files.collect(source)
        except BadFile as error:
            load.report.add(as_finding(error, source.name))


def _fingerprint(load: _Load) -> str:
    """Of all that rows are made from: files, how they are read, the tables' schema, the animal rows inherit."""
    sample = load.config.record.sample
    facts = {
        "loader": LOADER,
        "schema": [emit_arrow(load.model.tables[name]).to_string() for name in load.inputs],
        "layout": load.config.layout.decode(),
        "individual": sample.individual_id if sample else None,
        "tables": {name: [source.name, file_sha256(source.path)] for name, source in load.inputs.items()},
        "files": load.files.checksums,
    }
    return hashlib.sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()


def _check_owner(standing: Standing, record: DatasetRecord) -> None:
    if standing.record is not None and standing.record.owner != record.owner:
        raise LoadError(
            f"The data set {record.uuid} belongs to {standing.record.owner}, not to {record.owner}. "
            "Take [dataset] id out to load these rows as a data set of your own, or set SYNDB_OWNER."
        )


async def _update_metadata(
    load: _Load, rows: Store, objects: Objects, standing: Standing, retention_h: float
) -> LoadResult:
    """The rows are those that are published: a new revision of the metadata, if that changed."""
    new, old, version = load.config.record, standing.record, standing.version
    assert old is not None
    assert version is not None
    counts = {name: table.rows for name, table in version.tables.items()}
    same = msgspec.structs.replace(new, created_at=old.created_at, updated_at=old.updated_at)
    if same == old:
        await sweep(rows, objects, load.dataset_id, retention_h=retention_h, now=new.updated_at)
        return make_result(load.folder, old, "unchanged", load.report, version.number, standing.head.revision, counts)
    draft = await begin_draft(rows, standing)
    record = msgspec.structs.replace(new, created_at=old.created_at)
    await publish(rows, draft, record, None)
    await sweep(rows, objects, load.dataset_id, retention_h=retention_h, now=new.updated_at)
    return make_result(load.folder, record, "metadata", load.report, version.number, draft.number, counts)


# ── Reading ──
def _read_tables(load: _Load) -> dict[str, SortedSpool]:
    """Every table's rows, checked, in spools."""
    vocabularies = build_vocabularies(load.model)
    sample = load.config.record.sample
    spools = {}
    for name, source in load.inputs.items():
        if not source.layout.usable:
            continue
        reader = RowReader(
            source,
            dataset_id=load.dataset_id,
            model=load.model,
            vocabularies=vocabularies,
            individual_id=sample.individual_id if sample else None,
            files=load.files,
            report=load.report,
        )
        spools[name] = SortedSpool(load.scratch, name)
        load.begin(f"reading {source.name}", source.path.stat().st_size, "B")
        try:
            for frame in reader.read():
                spools[name].add(frame)
                load.reach(source.file.position())
        except BadFile as error:
            load.report.add(as_finding(error, source.name))
    return spools


def _refuse_empty(load: _Load, spools: Mapping[str, SortedSpool]) -> None:
    """A table without rows is passed over with a warning; a folder without rows is refused."""
    for name, spool in spools.items():
        if not spool.rows and not load.report.errors:
            load.report.add(
                Finding(
                    severity=Severity.WARNING,
                    rule="empty-table",
                    file=load.inputs[name].name,
                    message="The table has a header and no rows; it is passed over.",
                    remedy="Add rows or remove the file.",
                )
            )
    if not any(spool.rows for spool in spools.values()) and not load.report.errors:
        load.report.add(
            Finding(
                severity=Severity.ERROR,
                rule="no-rows",
                file=".",
                message="No table of the folder has a row.",
                remedy="Add rows to at least one table.",
            )
        )


# ── Writing ──
class _Writer:
    """From spools to resolved rows, and to the store, Parquet and totals; with no store it checks only."""

    def __init__(
        self,
        load: _Load,
        spools: Mapping[str, SortedSpool],
        rows: Store | None,
        objects: Objects | None,
        draft: Draft | None,
    ) -> None:
        self._load, self._rows, self._objects, self._draft = load, rows, objects, draft
        self._spools = {name: spool for name, spool in spools.items() if spool.rows}
        self._resolver = Resolver(load.scratch, load.dataset_id, load.report)

    async def write(self) -> dict[str, TableSummary]:
        """Summaries by table. Writes until the first error, checks to the end."""
        self._index_keys()
        summaries = {name: await self._write_table(self._load.model.tables[name]) for name in self._spools}
        for name, spool in self._spools.items():
            if self._load.model.tables[name].references and name not in self._resolver.related and spool.rows:
                self._load.report.add(_unrelated(self._load.inputs[name]))
        return summaries

    @property
    def _writing(self) -> bool:
        return self._rows is not None and not self._load.report.errors

    def _index_keys(self) -> None:
        """The ids of all tables that a reference of some table may lead to."""
        tables = [self._load.model.tables[name] for name in self._spools]
        targets = {
            target for table in tables for reference in table.references.values() for target in reference.targets
        }
        for name, spool in self._spools.items():
            if name not in targets:
                continue
            index = self._resolver.open_index(name)
            if name == NEURON:
                sources = self._resolver.open_neuron_sources()
                for piece in spool.pieces(["cid", "source_id"]):
                    piece = _without_repeats(piece)
                    index.append(from_series(piece["cid"]))
                    sources.append(piece["source_id"])
                sources.close()
            else:
                for piece in spool.pieces(["cid"]):
                    index.append(from_series(_without_repeats(piece)["cid"]))

    async def _write_table(self, table: Table) -> TableSummary:
        source, spool = self._load.inputs[table.name], self._spools[table.name]
        totals, relations = TableTotals(table), RelationTotals(self._load.scratch, table)
        path = self._load.scratch / f"{table.name}.parquet"
        sink = ParquetSink(path, table)
        self._load.begin(f"{'writing' if self._writing else 'checking'} {table.name}", spool.rows, "rows")
        done = 0
        for piece in spool.pieces():
            done += piece.height
            self._note_repeats(source, piece)
            resolved = self._resolver.resolve(table, _without_repeats(piece), source.layout, source.origins)
            frame = conform(resolved, table)
            totals.add(frame)
            if self._writing:
                assert self._rows is not None
                assert self._draft is not None
                await self._rows.write_rows(table, self._draft.snapshot, frame)
                sink.write(frame)
                relations.add(frame)
            self._load.reach(done)
        sink.close()
        if not self._writing:
            return totals.finish(source.origins, ())
        return await self._finish_table(table, totals, relations, path)

    async def _finish_table(
        self, table: Table, totals: TableTotals, relations: RelationTotals, path: Path
    ) -> TableSummary:
        """Counts of related rows, the Parquet file, and the proof that all three hold the same rows."""
        assert self._rows is not None
        assert self._objects is not None
        assert self._draft is not None
        snapshot = self._draft.snapshot
        for counts in relations.pieces():
            await self._rows.write_counts(snapshot, counts)
        expected = RowsSummary(totals.rows, totals.checksum)
        for where, found in (
            ("the store", await self._rows.summarize_rows(table, snapshot)),
            ("the Parquet file", summarize_parquet(path)),
        ):
            if found != expected:
                raise LoadError(
                    f"{table.name}: {where} holds {found.count:,} rows (checksum {found.checksum:016x}), "
                    f"not the {expected.count:,} ({expected.checksum:016x}) that were read. Nothing was published; "
                    "load again, and check the disk if this repeats."
                )
        key = f"{self._load.config.record.uuid}/v{self._draft.number}/{table.name}/part-00000.parquet"
        described = describe_parquet(path, key, totals.rows)
        await self._objects.put_file(key, path, content_type=CONTENT_TYPE, sha256=described.sha256)
        return totals.finish(self._load.inputs[table.name].origins, (described,))

    def _note_repeats(self, source: TableInput, piece: pl.DataFrame) -> None:
        repeated = piece["cid"] == piece["cid"].shift(1)
        where = repeated.fill_null(value=False)
        if where.any():
            note(
                self._load.report,
                rule="duplicate-id",
                file=source.name,
                column=source.layout.source or "cid",
                where=where,
                rows=piece[ROW],
                values=piece["source_id"],
                message="The id '{value}' is there more than once.",
                remedy="Give every row of a table an id of its own.",
            )


async def _write_version(
    load: _Load,
    spools: Mapping[str, SortedSpool],
    rows: Store,
    objects: Objects,
    standing: Standing,
    fingerprint: str,
    retention_h: float,
) -> LoadResult:
    draft = await begin_draft(rows, standing)
    published = False
    try:
        summaries = await _Writer(load, spools, rows, objects, draft).write()
        counts = {name: summary.rows for name, summary in summaries.items()}
        if load.report.errors:
            return make_result(load.folder, load.config.record, "failed", load.report, rows=counts)
        await _upload(load, objects)
        now = datetime.now(UTC)
        created = standing.record.created_at if standing.record else now
        record = msgspec.structs.replace(load.config.record, created_at=created, updated_at=now)
        version = VersionRecord(
            number=draft.number,
            fingerprint=fingerprint,
            metadata_fingerprint=hashlib.sha256(msgspec.json.encode(load.config.record)).hexdigest(),
            published_at=now,
            tables=summaries,
            files=tuple(sorted(load.files.uploads)),
            warnings=load.report.warnings,
        )
        await publish(rows, draft, record, version)
        published = True
    finally:
        if not published:
            await discard(rows, objects, draft)
    await sweep(rows, objects, load.dataset_id, retention_h=retention_h, now=now)
    return make_result(load.folder, record, "loaded", load.report, draft.number, draft.number, counts)


async def _upload(load: _Load, objects: Objects) -> None:
    load.begin("storing files", len(load.files.uploads), "files")
    for done, upload in enumerate(load.files.uploads.values(), start=1):
        await objects.put_file(upload.key, upload.path, content_type=upload.content_type, sha256=upload.sha256)
        load.reach(done)


def _without_repeats(piece: pl.DataFrame) -> pl.DataFrame:
    repeated = (piece["cid"] == piece["cid"].shift(1)).fill_null(value=False)
    return piece.filter(~repeated) if repeated.any() else piece


def _unrelated(source: TableInput) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        rule="unrelated-table",
        file=source.name,
        message=f"No row of {source.config.table.name} relates to a row of another table of this data set.",
        remedy="Add the table of the neurons or parents, or the column that names them (parent_id, pre_neuron_id …).",
    )
