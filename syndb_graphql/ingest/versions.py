"""How a version of a data set comes to be the one that is read, and how all of a data set goes.

A load takes a number nobody has had, writes under it, and then changes the head, by compare-and-set: of two loads at
once one wins and the other gets a Conflict. The number also names the revision of the metadata, so two loads never
write the same record. A version that is being written, or that died unfinished, has a hold (leases.py); one that was
published has none. Removing what nobody reads any more is left to sweep.py.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from syndb_graphql.catalog.records import DatasetRecord, VersionRecord, decode_dataset, decode_version, encode_record
from syndb_graphql.errors import Conflict, SyndbError
from syndb_graphql.ingest.leases import TO_BE_REMOVED, Lease
from syndb_graphql.objects.protocol import Objects
from syndb_graphql.store.protocol import Head, Snapshot, Store

SWAP_ATTEMPTS = 10
"""Each failure means that yet another load began at that moment."""


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
    lease: Lease | None = None
    """None where there are no rows: a revision of the metadata."""

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.standing.head.dataset_id, self.number)


async def read_standing(rows: Store, dataset_id: bytes) -> Standing:
    return await _read_standing(rows, await read_head(rows, dataset_id))


async def read_published(rows: Store) -> list[Standing]:
    """Every data set that somebody can read, by label and id; none that is deleted while this looks."""
    standings = [await _read_standing(rows, head) for head in await rows.read_heads() if head.version]
    published = [(one.record.label, one.head.dataset_id, one) for one in standings if one.record and one.version]
    return [one for *_, one in sorted(published, key=lambda each: each[:2])]


async def begin_revision(rows: Store, standing: Standing) -> Draft:
    return Draft(standing, await rows.begin_version(standing.head.dataset_id))


async def publish(rows: Store, draft: Draft, record: DatasetRecord, version: VersionRecord | None) -> None:
    """Make the draft current: its rows where there is a `version`, else its metadata alone. Raises Conflict."""
    base = draft.standing.head
    if version is not None:
        await rows.write_version(draft.snapshot, encode_record(version))
    await rows.write_record(base.dataset_id, draft.number, encode_record(record))
    await _release(rows, Snapshot(base.dataset_id, base.version))
    for _ in range(SWAP_ATTEMPTS):
        head = await read_head(rows, base.dataset_id)
        if (head.revision, head.version) != (base.revision, base.version) or head.last_version < draft.number:
            break
        if draft.lease:
            # After the head was read: a sweep that takes the version over changes the head, so the swap fails then.
            await draft.lease.renew()
        current = draft.number if version is not None else head.version
        if await rows.swap_head(head, Head(base.dataset_id, draft.number, current, head.last_version)):
            if draft.lease:
                with suppress(SyndbError):  # it is published; the next load or sweep takes the hold away
                    await draft.lease.end(None)
            return
    raise Conflict(
        f"'{record.label}' was changed by somebody else during this load. Nothing was published; load it again."
    )


async def discard(rows: Store, objects: Objects, draft: Draft) -> None:
    """Remove what was written under a draft, unless it is published after all: the answer may have been lost."""
    if draft.lease:
        await draft.lease.end(TO_BE_REMOVED)
    if await bar(rows, draft.snapshot):
        await remove_version(rows, objects, draft.snapshot)


async def bar(rows: Store, snapshot: Snapshot) -> bool:
    """See to it that a version never becomes the current one, however late its writer tries; False where it is that.

    Its hold must have been taken over before.
    """
    for _ in range(SWAP_ATTEMPTS):
        head = await read_head(rows, snapshot.dataset_id)
        if head.version == snapshot.version:
            return False
        if snapshot.version < max(head.version, head.revision) or head.last_version < snapshot.version:
            return True
        if await rows.swap_head(head, replace(head, last_version=head.last_version + 1)):
            return True
    raise Conflict("The data set is being changed by others all the time; try again.")


async def remove_version(rows: Store, objects: Objects, snapshot: Snapshot) -> None:
    """Its record, rows and Parquet files, and then its hold. Cut short, it leaves a hold by which a sweep finds it."""
    await rows.swap_hold(snapshot, None, TO_BE_REMOVED)
    await rows.drop_version(snapshot)
    await delete_below(objects, f"{UUID(bytes=snapshot.dataset_id)}/v{snapshot.version}/")
    await rows.swap_hold(snapshot, TO_BE_REMOVED, None)


async def delete_dataset(rows: Store, objects: Objects, dataset_id: UUID) -> None:
    """Remove all of a data set: from the moment this begins nobody finds it. Removing what is not there is no error."""
    key = dataset_id.bytes
    for number in await rows.list_versions(key):
        await rows.swap_hold(Snapshot(key, number), None, TO_BE_REMOVED)
    await rows.delete_dataset(key)
    await delete_below(objects, f"{dataset_id}/")
    for hold in await rows.read_holds():
        if hold.snapshot.dataset_id == key and hold.until == TO_BE_REMOVED:
            await rows.swap_hold(hold.snapshot, TO_BE_REMOVED, None)


async def delete_below(objects: Objects, prefix: str) -> None:
    for key in [key async for key in objects.list_keys(prefix)]:
        await objects.delete(key)


async def read_head(rows: Store, dataset_id: bytes) -> Head:
    """`Head(dataset_id)` where there is none."""
    heads = await rows.read_heads()
    return next((head for head in heads if head.dataset_id == dataset_id), Head(dataset_id))


async def _release(rows: Store, published: Snapshot) -> None:
    """Take away the hold of a version that was published by a load that died in that moment."""
    for hold in await rows.read_holds():
        if hold.snapshot == published:
            await rows.swap_hold(published, hold.until, None)


async def _read_standing(rows: Store, head: Head) -> Standing:
    record = await rows.read_record(head.dataset_id, head.revision) if head.revision else None
    version = await rows.read_version(Snapshot(head.dataset_id, head.version)) if head.version else None
    return Standing(head, decode_dataset(record) if record else None, decode_version(version) if version else None)
