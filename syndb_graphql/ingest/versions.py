"""How a version of a data set comes to be the one that is read, and how versions that nobody reads go.

A load takes a number nobody has had, writes under it, and then changes the head, by compare-and-set: of two loads at
once one wins and the other gets a Conflict. The number also names the revision of the metadata, so two loads never
write the same record. Rows of a load that was killed lie under a number that is no version; the next load that is
published removes them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from syndb_graphql.catalog.records import DatasetRecord, VersionRecord, decode_dataset, decode_version, encode_record
from syndb_graphql.errors import Conflict
from syndb_graphql.objects.protocol import Objects
from syndb_graphql.store.protocol import Head, Snapshot, Store

SWAP_ATTEMPTS = 10
"""Each failure means that yet another load began at that moment."""
UNSEEN_NUMBERS = 100
"""Numbers below the current version that are looked at for rows of killed loads."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is published of a data set when a load begins; records are None where nothing is."""

    head: Head
    record: DatasetRecord | None
    version: VersionRecord | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A number taken for a new version or revision, and the standing it builds on."""

    standing: Standing
    number: int

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.standing.head.dataset_id, self.number)


async def read_standing(rows: Store, dataset_id: bytes) -> Standing:
    return await _read_standing(rows, await _read_head(rows, dataset_id))


async def read_published(rows: Store) -> list[Standing]:
    """Every data set that somebody can read, by label and id."""
    standings = [await _read_standing(rows, head) for head in await rows.read_heads() if head.version]
    return sorted(standings, key=lambda one: (one.record.label if one.record else "", one.head.dataset_id))


async def begin_draft(rows: Store, standing: Standing) -> Draft:
    return Draft(standing, await rows.begin_version(standing.head.dataset_id))


async def publish(rows: Store, draft: Draft, record: DatasetRecord, version: VersionRecord | None) -> None:
    """Make the draft current: its rows where there is a `version`, else its metadata alone. Raises Conflict."""
    dataset_id = draft.standing.head.dataset_id
    if version is not None:
        await rows.write_version(draft.snapshot, encode_record(version))
    await rows.write_record(dataset_id, draft.number, encode_record(record))
    for _ in range(SWAP_ATTEMPTS):
        head = await _read_head(rows, dataset_id)
        base = draft.standing.head
        if (head.revision, head.version) != (base.revision, base.version) or head.last_version < draft.number:
            break
        current = draft.number if version is not None else head.version
        if await rows.swap_head(head, Head(dataset_id, draft.number, current, head.last_version)):
            return
    raise Conflict(
        f"'{record.label}' was changed by somebody else during this load. Nothing was published; load it again."
    )


async def discard(rows: Store, objects: Objects, draft: Draft) -> None:
    """Remove what was written under a draft that is not published."""
    await rows.drop_version(draft.snapshot)
    await _delete(objects, [key async for key in objects.list_keys(_version_prefix(draft.snapshot))])


async def sweep(rows: Store, objects: Objects, dataset_id: bytes, *, retention_h: float, now: datetime) -> list[int]:
    """Remove versions retired for longer than `retention_h` and what killed loads left; answers the numbers removed."""
    head = await _read_head(rows, dataset_id)
    records = {
        number: await _retire(rows, head, Snapshot(dataset_id, number), now)
        for number in await rows.list_versions(dataset_id)
    }
    oldest = now - timedelta(hours=retention_h)
    gone = [
        number for number, record in records.items() if record.retired_at is not None and record.retired_at <= oldest
    ]
    recorded = [number for number in records if number < head.version]
    first = max([head.version - UNSEEN_NUMBERS, 0, *recorded]) + 1
    unseen = list(range(first, head.version))
    for number in (*gone, *unseen):
        await rows.drop_version(Snapshot(dataset_id, number))
        await _delete(objects, [key async for key in objects.list_keys(_version_prefix(Snapshot(dataset_id, number)))])
    kept = {key for number, record in records.items() if number not in gone for key in record.files}
    await _sweep_files(rows, objects, head, kept)
    return gone


async def delete_dataset(rows: Store, objects: Objects, dataset_id: UUID) -> None:
    """Remove all of a data set: from the moment this begins nobody finds it. Removing what is not there is no error."""
    await rows.delete_dataset(dataset_id.bytes)
    await _delete(objects, [key async for key in objects.list_keys(f"{dataset_id}/")])


async def _read_standing(rows: Store, head: Head) -> Standing:
    record = await rows.read_record(head.dataset_id, head.revision) if head.revision else None
    version = await rows.read_version(Snapshot(head.dataset_id, head.version)) if head.version else None
    return Standing(head, decode_dataset(record) if record else None, decode_version(version) if version else None)


async def _read_head(rows: Store, dataset_id: bytes) -> Head:
    heads = await rows.read_heads()
    return next((head for head in heads if head.dataset_id == dataset_id), Head(dataset_id))


async def _retire(rows: Store, head: Head, snapshot: Snapshot, now: datetime) -> VersionRecord:
    """The version's record, stamped as retired if it is older than the current one and not yet stamped."""
    data = await rows.read_version(snapshot)
    assert data is not None
    record = decode_version(data)
    if snapshot.version < head.version and record.retired_at is None:
        record = msgspec.structs.replace(record, retired_at=now)
        await rows.write_version(snapshot, encode_record(record))
    return record


async def _sweep_files(rows: Store, objects: Objects, head: Head, kept: set[str]) -> None:
    """Remove files of no version, unless a load has begun since: it may be putting some of them this moment."""
    prefix = f"{UUID(bytes=head.dataset_id)}/files/"
    loose = [key async for key in objects.list_keys(prefix) if key not in kept]
    for key in loose:
        now = await _read_head(rows, head.dataset_id)
        if now.last_version != max(head.version, head.revision):
            return
        await objects.delete(key)


def _version_prefix(snapshot: Snapshot) -> str:
    return f"{UUID(bytes=snapshot.dataset_id)}/v{snapshot.version}/"


async def _delete(objects: Objects, keys: Iterable[str]) -> None:
    for key in keys:
        await objects.delete(key)
