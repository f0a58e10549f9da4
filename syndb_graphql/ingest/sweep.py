"""Removing what nobody reads any more: versions retired long enough, what dead loads and removals left, loose files.

It may run beside loads and servers, and again after it was killed. A version that is unfinished goes once its load has
given no sign of life for as long as its hold says (leases.py), or can no longer be published since another version was.
While a load of a data set may be running, files of that data set that belong to no version stay: it may be about to use
them.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from syndb_graphql.catalog.records import VersionRecord, decode_dataset, decode_version, encode_record
from syndb_graphql.ingest.leases import TO_BE_REMOVED
from syndb_graphql.ingest.versions import bar, read_head
from syndb_graphql.objects.protocol import Objects
from syndb_graphql.store.protocol import Head, Snapshot, Store

RETIRED, UNFINISHED, DELETED = "retired", "unfinished", "deleted"


class SweptVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was removed, or would be."""

    dataset: UUID
    label: str | None
    """None where nothing of the data set was ever published, or it was deleted."""
    version: int
    reason: str
    """retired | unfinished (its load died or failed) | deleted (with its data set, not to the end)"""


class RunningLoad(msgspec.Struct, frozen=True, kw_only=True):
    """A version whose load may still be running: nothing of it is touched before `until`."""

    dataset: UUID
    label: str | None
    version: int
    until: datetime


@dataclass
class Sweep:
    """One sweep, and what it found. With `force` no load counts as running; with `dry_run` nothing is removed."""

    rows: Store
    objects: Objects
    retention_h: float = 24
    force: bool = False
    dry_run: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    removed: list[SweptVersion] = field(default_factory=list)
    running: list[RunningLoad] = field(default_factory=list)
    files: int = 0
    size: int = 0
    """Bytes of the files that were removed."""

    async def sweep_all(self) -> None:
        """Every data set, and what is left of those that were deleted."""
        heads = {head.dataset_id for head in await self.rows.read_heads()}
        held = {hold.snapshot.dataset_id for hold in await self.rows.read_holds()}
        with_files = {dataset.bytes async for dataset in self._with_files()}
        for dataset_id in sorted(heads | held | with_files):
            await self.sweep_dataset(dataset_id)

    async def sweep_dataset(self, dataset_id: bytes) -> None:
        holds = await self._holds(dataset_id)
        head = await read_head(self.rows, dataset_id)  # after the holds: whatever has a hold had a head before
        deleted = head == Head(dataset_id)
        label = await self._label(head)
        gone: list[Snapshot] = []
        running = len(self.running)
        for snapshot, until in holds:
            if not deleted and snapshot.version == head.version:
                await self._release(snapshot, until)
            elif self._may_run(head, snapshot, until):
                self._note_running(snapshot, label, until)
            elif await self._remove_held(snapshot, until):
                gone.append(snapshot)
                self._note(snapshot, label, DELETED if deleted else UNFINISHED)
        if deleted and gone and not self.dry_run:
            await self.rows.delete_dataset(dataset_id)
        await self._sweep_retired(head, label, gone)
        if running == len(self.running):
            await self._sweep_files(dataset_id, gone)

    # ── Versions ──
    def _may_run(self, head: Head, snapshot: Snapshot, until: int) -> bool:
        """Whether its load may be running, and may still publish it."""
        newest = max(head.version, head.revision)
        return not self.force and until > self.now.timestamp() and newest < snapshot.version <= head.last_version

    async def _remove_held(self, snapshot: Snapshot, until: int) -> bool:
        """Take an unfinished version over from its writer and remove it."""
        alive = not self.force and abs(until) > self.now.timestamp()
        if until < TO_BE_REMOVED and alive:
            return False  # removed already; what its writer wrote since goes once it must have ended
        if self.dry_run:
            await self._delete_files(snapshot)
            return until >= TO_BE_REMOVED
        left = -abs(until) if alive else TO_BE_REMOVED
        if until != left and not await self.rows.swap_hold(snapshot, until, left):
            return False  # it lives, or another sweep was here
        if not await bar(self.rows, snapshot):
            await self.rows.swap_hold(snapshot, left, None)
            return False
        await self._remove(snapshot)
        return until >= TO_BE_REMOVED

    async def _remove(self, snapshot: Snapshot) -> None:
        """Its record and rows, its Parquet files, and then its hold; cut short, that is left for the next sweep."""
        if not self.dry_run:
            await self.rows.swap_hold(snapshot, None, TO_BE_REMOVED)
            await self.rows.drop_version(snapshot)
        await self._delete_files(snapshot)
        if not self.dry_run:
            await self.rows.swap_hold(snapshot, TO_BE_REMOVED, None)

    async def _release(self, current: Snapshot, until: int) -> None:
        """The hold of a version that was published by a load that died in that moment."""
        if until > TO_BE_REMOVED and not self.dry_run:
            await self.rows.swap_hold(current, until, None)

    async def _sweep_retired(self, head: Head, label: str | None, gone: list[Snapshot]) -> None:
        oldest = self.now - timedelta(hours=self.retention_h)
        for number in await self.rows.list_versions(head.dataset_id):
            snapshot = Snapshot(head.dataset_id, number)
            record = await self._retire(head, snapshot)
            if record and record.retired_at and record.retired_at <= oldest and snapshot not in gone:
                gone.append(snapshot)
                self._note(snapshot, label, RETIRED)
                await self._remove(snapshot)

    async def _retire(self, head: Head, snapshot: Snapshot) -> VersionRecord | None:
        """The version's record, stamped as retired if it is older than the current one and not yet stamped."""
        data = await self.rows.read_version(snapshot)
        if data is None:
            return None  # another sweep was here
        record = decode_version(data)
        if snapshot.version < head.version and record.retired_at is None:
            record = msgspec.structs.replace(record, retired_at=self.now)
            if not self.dry_run:
                await self.rows.write_version(snapshot, encode_record(record))
        return record

    def _note(self, snapshot: Snapshot, label: str | None, reason: str) -> None:
        dataset = UUID(bytes=snapshot.dataset_id)
        self.removed.append(SweptVersion(dataset=dataset, label=label, version=snapshot.version, reason=reason))

    def _note_running(self, snapshot: Snapshot, label: str | None, until: int) -> None:
        dataset, end = UUID(bytes=snapshot.dataset_id), datetime.fromtimestamp(until, UTC)
        self.running.append(RunningLoad(dataset=dataset, label=label, version=snapshot.version, until=end))

    # ── Files ──
    async def _sweep_files(self, dataset_id: bytes, gone: list[Snapshot]) -> None:
        """Remove files of no version, unless a load begins meanwhile: it may be about to use them."""
        head = await read_head(self.rows, dataset_id)
        named: set[str] = set()
        for number in await self.rows.list_versions(dataset_id):
            data = await self.rows.read_version(Snapshot(dataset_id, number))
            if data and Snapshot(dataset_id, number) not in gone:
                record = decode_version(data)
                named.update(record.files)
                named.update(file.key for table in record.tables.values() for file in table.parquet)
        prefixes = tuple(_parquet_of(snapshot) for snapshot in gone)  # counted already, and there in a dry run only
        keys = [key async for key in self.objects.list_keys(f"{UUID(bytes=dataset_id)}/")]
        for key in keys:
            if key in named or key.startswith(prefixes):
                continue
            # In this order: a load changes the head when it begins, and ends its hold after it was published.
            writers = [until for _, until in await self._holds(dataset_id) if until > TO_BE_REMOVED]
            if (writers and not self.force) or await read_head(self.rows, dataset_id) != head:
                return
            await self._delete(key)

    async def _delete_files(self, snapshot: Snapshot) -> None:
        for key in [key async for key in self.objects.list_keys(_parquet_of(snapshot))]:
            await self._delete(key)

    async def _delete(self, key: str) -> None:
        if info := await self.objects.stat(key):
            self.files += 1
            self.size += info.size
        if not self.dry_run:
            await self.objects.delete(key)

    async def _with_files(self) -> AsyncIterator[UUID]:
        """Data sets that the store of files holds something of; what else lies there is not ours to remove."""
        last = ""
        async for key in self.objects.list_keys(""):
            first = key.partition("/")[0]
            if first != last and len(first) == 36:
                last = first
                try:
                    yield UUID(first)
                except ValueError:
                    continue

    # ── What is known ──
    async def _holds(self, dataset_id: bytes) -> list[tuple[Snapshot, int]]:
        holds = await self.rows.read_holds()
        found = [(hold.snapshot, hold.until) for hold in holds if hold.snapshot.dataset_id == dataset_id]
        return sorted(found, key=lambda one: one[0].version)

    async def _label(self, head: Head) -> str | None:
        data = await self.rows.read_record(head.dataset_id, head.revision) if head.version else None
        return decode_dataset(data).label if data else None


def _parquet_of(snapshot: Snapshot) -> str:
    return f"{UUID(bytes=snapshot.dataset_id)}/v{snapshot.version}/"
