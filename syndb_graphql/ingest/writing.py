"""The second half of a load: spools are read back sorted, references resolved, rows written and compared.

Each table goes to the store, to Parquet and into the totals in the same pieces; counts and checksums of all three must
agree before anything is published.
"""

from asyncio import sleep
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from syndb_graphql.catalog.records import ParquetFile, TableSummary
from syndb_graphql.errors import LoadError
from syndb_graphql.ingest.columns import Role
from syndb_graphql.ingest.integrity import COUNT, MAX_ALIKE, PartCounts, UndirectedPairs, report_alike, report_counts
from syndb_graphql.ingest.job import Job
from syndb_graphql.ingest.keys import from_series
from syndb_graphql.ingest.parquet import CONTENT_TYPE, ParquetSink, conform, describe_parquet, summarize_parquet
from syndb_graphql.ingest.plausibility import check_spread
from syndb_graphql.ingest.references import NEURON, Resolver
from syndb_graphql.ingest.report import SAMPLES, Finding, Severity
from syndb_graphql.ingest.rows import ROW
from syndb_graphql.ingest.spool import SortedSpool
from syndb_graphql.ingest.summary import RelationTotals, TableTotals
from syndb_graphql.ingest.tables import TableInput
from syndb_graphql.objects.protocol import Objects
from syndb_graphql.spec.model import Table
from syndb_graphql.store.protocol import RowsSummary, Snapshot, Store


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows are written: the stores, and the version nobody reads yet."""

    rows: Store
    objects: Objects
    snapshot: Snapshot


class Writer:
    """From spools to resolved rows, and to the stores and totals; with no target it checks only."""

    def __init__(self, job: Job, spools: Mapping[str, SortedSpool], target: Target | None) -> None:
        self._job, self._target = job, target
        self._spools = {name: spool for name, spool in spools.items() if spool.rows}
        self._counts = PartCounts(job.model.tables[name] for name in self._spools)
        self._resolver = Resolver(job.scratch, job.dataset_id, job.report, self._counts)

    async def write(self) -> dict[str, TableSummary]:
        """Summaries by table. Writes until the first error, checks to the end."""
        self._index_keys()
        summaries = {name: await self._write_table(self._job.model.tables[name]) for name in self._spools}
        for name, spool in self._spools.items():
            if self._job.model.tables[name].references and name not in self._resolver.related and spool.rows:
                self._job.report.add(_unrelated(self._job.inputs[name]))
        self._check_counts()
        for name, summary in summaries.items():
            ends = {
                column: (facts.minimum, facts.maximum)
                for column, facts in summary.columns.items()
                if facts.minimum is not None and facts.maximum is not None
            }
            layout = self._job.inputs[name].layout
            check_spread(self._job.model.tables[name], summary.rows, ends, layout, self._job.report)
        return summaries

    def _check_counts(self) -> None:
        for name, spool in self._spools.items():
            table, source = self._job.model.tables[name], self._job.inputs[name]
            names = source.layout.by_role[Role.PLAIN]
            columns = ["cid", ROW, *(column.name for column in table.columns if column.counts and column.name in names)]
            pieces = (_without_repeats(piece) for piece in spool.pieces(columns))
            report_counts(table, self._counts, pieces, source.name, names, self._job.report)

    def _open_target(self) -> Target | None:
        """None from the first error on: what is wrong is reported to the end, and written no more."""
        return None if self._job.report.errors else self._target

    def _index_keys(self) -> None:
        """The ids of all tables that a reference of some table may lead to."""
        tables = [self._job.model.tables[name] for name in self._spools]
        targets = {
            target for table in tables for reference in table.references.values() for target in reference.targets
        }
        for name, spool in self._spools.items():
            if name not in targets:
                continue
            source = self._job.inputs[name]
            if source.layout.source and spool.rows <= MAX_ALIKE:
                report_alike(
                    list(spool.pieces(["cid", "source_id", ROW])), source.name, source.layout.source, self._job.report
                )
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
        source, spool = self._job.inputs[table.name], self._spools[table.name]
        totals, relations = TableTotals(table), RelationTotals(self._job.scratch, table)
        path = self._job.scratch / f"{table.name}.parquet"
        sink = ParquetSink(path, table)
        self._job.begin(f"{'writing' if self._open_target() else 'checking'} {table.name}", spool.rows, "rows")
        done, pairs = 0, UndirectedPairs()
        for piece in spool.pieces():
            done += piece.height
            self._note_repeats(source, piece)
            resolved = self._resolver.resolve(table, _without_repeats(piece), source.layout, source.origins)
            pairs.add(resolved)
            frame = conform(resolved, table)
            totals.add(frame)
            if self._job.survey:
                self._job.survey.add(source, frame)
            if target := self._open_target():
                await target.rows.write_rows(table, target.snapshot, frame)
                sink.write(frame)
                relations.add(frame)
            self._job.reach(done)
            await sleep(0)  # where Ctrl+C ends the load
        pairs.report(source.name, source.layout.by_role[Role.PLAIN].get(COUNT, COUNT), self._job.report)
        sink.close()
        if target := self._open_target():
            parquet = await self._finish_table(target, table, totals, relations, path)
            return totals.finish(source.origins, (parquet,))
        return totals.finish(source.origins, ())

    async def _finish_table(
        self, target: Target, table: Table, totals: TableTotals, relations: RelationTotals, path: Path
    ) -> ParquetFile:
        """Relations and their counts, the Parquet file, and the proof that all three hold the same rows."""
        if table.relations:
            self._job.begin(f"relating {table.name}", totals.rows, "rows")
        await target.rows.finish_rows(table, target.snapshot, lambda part: self._job.reach(round(part * totals.rows)))
        for counts in relations.pieces():
            await target.rows.write_counts(target.snapshot, counts)
        expected = RowsSummary(totals.rows, totals.checksum)
        for where, found in (
            ("the store", await target.rows.summarize_rows(table, target.snapshot)),
            ("the Parquet file", summarize_parquet(path)),
        ):
            if found != expected:
                raise LoadError(
                    f"{table.name}: {where} holds {found.count:,} rows (checksum {found.checksum:016x}), "
                    f"not the {expected.count:,} ({expected.checksum:016x}) that were read. Nothing was published; "
                    "load again, and check the disk if this repeats."
                )
        key = f"{self._job.config.record.uuid}/v{target.snapshot.version}/{table.name}/part-00000.parquet"
        described = describe_parquet(path, key, totals.rows)
        await target.objects.put_file(key, path, content_type=CONTENT_TYPE, sha256=described.sha256)
        return described

    def _note_repeats(self, source: TableInput, piece: pl.DataFrame) -> None:
        if not _repeats(piece).any():
            return
        alike = piece.filter(pl.col("cid").is_duplicated()).sort("cid", ROW)
        again = alike.with_columns(first=pl.col(ROW).first().over("cid")).filter(pl.col(ROW) != pl.col("first"))
        for number, (row, value, first) in enumerate(again.select(ROW, "source_id", "first").iter_rows(), start=1):
            self._job.report.add(
                Finding(
                    severity=Severity.ERROR,
                    rule="duplicate-id",
                    file=source.name,
                    row=row,
                    column=source.layout.source or "cid",
                    value=value,
                    message=f"The id '{value}' is that of {self._job.report.describe_row(source.name, first)} too.",
                    remedy="Give every row of a table an id of its own.",
                ),
                occurrences=1 if number < SAMPLES else again.height - SAMPLES + 1,
            )
            if number == SAMPLES:
                break


def _without_repeats(piece: pl.DataFrame) -> pl.DataFrame:
    repeated = _repeats(piece)
    return piece.filter(~repeated) if repeated.any() else piece


def _repeats(piece: pl.DataFrame) -> pl.Series:
    """True where a row of a sorted piece has the cid of the row before."""
    return (piece["cid"] == piece["cid"].shift(1)).fill_null(value=False)


def _unrelated(source: TableInput) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        rule="unrelated-table",
        file=source.name,
        message=f"No row of {source.config.table.name} relates to a row of another table of this data set.",
        remedy="Add the table of the neurons or parents, or the column that names them (parent_id, pre_neuron_id …).",
    )
