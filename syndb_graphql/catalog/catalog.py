"""Every published data set's record, in memory: small, read at start, kept current by polling the heads.

A data set is visible once its head names a version. What a request took from here stays as it was while the request lasts.
What is searched and counted is kept as it is used; the rest of a version's record, most of it what was observed of each
column, is kept packed: unpacked, 5,000 of them take 140 MB.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

import zstandard

from syndb_graphql.catalog.index import DatasetIndex
from syndb_graphql.catalog.passages import Passages
from syndb_graphql.catalog.records import DatasetRecord, VersionRecord, decode_dataset, decode_digest, decode_version
from syndb_graphql.catalog.search import TextIndex
from syndb_graphql.catalog.vocabulary import Vocabulary
from syndb_graphql.errors import StoreUnavailable, SyndbError
from syndb_graphql.store.protocol import Head, Snapshot, Store

POLL_SECONDS = 1.0
"""A change is visible on every server within twice this."""
READ_AT_ONCE = 32
"""Data sets whose records are asked of the store side by side: at start there may be thousands."""
PACKING_LEVEL = 1
"""Of zstd: a quarter of the size, at 400 MB/s."""
UNPACKED = 64
"""Version records that are kept unpacked, those last asked for: some 30 kB each."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dataset:
    head: Head
    record: DatasetRecord
    published_at: datetime
    rows: Mapping[str, int]
    """By table, of those that have any."""
    packed: bytes
    """The record of the version."""

    @cached_property
    def id(self) -> bytes:
        return self.head.dataset_id

    @property
    def version(self) -> VersionRecord:
        return _unpack_version(self.packed)

    @cached_property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.head.dataset_id, self.head.version)

    @cached_property
    def sort_key(self) -> tuple[str, str]:
        return (self.record.label, str(self.record.uuid))

    @cached_property
    def row_count(self) -> int:
        return sum(self.rows.values())

    def count_rows(self, table: str) -> int:
        return self.rows.get(table, 0)


def make_dataset(head: Head, record: bytes, version: bytes) -> Dataset:
    """From the records as they are stored. Raises ValueError for what is none."""
    digest = decode_digest(version)
    rows = {name: table.rows for name, table in digest.tables.items() if table.rows}
    # Copied, since what zstd answers still holds the room of the worst case, twice what all of this takes.
    packed = bytes(memoryview(zstandard.compress(version, PACKING_LEVEL)))
    return Dataset(head, decode_dataset(record), digest.published_at, rows, packed)


@lru_cache(UNPACKED)
def _unpack_version(packed: bytes) -> VersionRecord:
    return decode_version(zstandard.decompress(packed))


class Catalog:
    """The data sets of one store, ordered by label and uuid."""

    def __init__(self, store: Store, vocabularies: Mapping[str, Vocabulary]) -> None:
        self._store = store
        self._by_id: dict[bytes, Dataset] = {}
        self.passages = Passages(vocabularies)
        self._texts = TextIndex(self.passages)
        self._refreshing = asyncio.Lock()
        self.index = DatasetIndex((), vocabularies)
        self.loaded = False

    @property
    def datasets(self) -> Sequence[Dataset]:
        return self.index.datasets

    def get(self, dataset_id: bytes) -> Dataset | None:
        return self._by_id.get(dataset_id)

    def labelled(self, label: str) -> list[Dataset]:
        return [dataset for dataset in self.datasets if dataset.record.label == label]

    async def refresh(self) -> None:
        """Read the heads, and the records of those that changed. Raises StoreUnavailable, leaving all as it was."""
        async with self._refreshing:
            heads = {head.dataset_id: head for head in await self._store.read_heads() if head.version}
            same = {key: known for key, known in self._by_id.items() if _is_of(known, heads.get(key))}
            changed = [head for key, head in heads.items() if key not in same]
            if changed or len(same) < len(self._by_id) or not self.loaded:
                read = await self._read_all(changed)
                await self._replace(same, {dataset.id: dataset for dataset in read})

    async def _replace(self, same: Mapping[bytes, Dataset], read: Mapping[bytes, Dataset]) -> None:
        gone, by_id = self._by_id.keys() - same.keys(), {**same, **read}

        def prepare() -> DatasetIndex:
            texts = self._texts.update(gone, read.values())
            ordered = sorted(by_id.values(), key=lambda dataset: dataset.sort_key)
            return DatasetIndex(ordered, self.index.vocabularies, texts).prepare()

        # In a thread: thousands of texts take a second to index, a few wait for the engine's own thread; nobody else does.
        index = await asyncio.to_thread(prepare)
        self._by_id, self.index, self.loaded = by_id, index, True

    async def follow(self) -> None:
        """Refresh for ever; a store that does not answer is logged once and tried again."""
        failing = False
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.refresh()
                failing = False
            except SyndbError as error:
                if not failing:
                    log.warning("Cannot read the data sets, so the last known ones are shown: %s", error)
                failing = True

    async def read_version(self, snapshot: Snapshot) -> VersionRecord | None:
        """The record of any version that is still kept."""
        record = await self._store.read_version(snapshot)
        return decode_version(record) if record is not None else None

    async def _read_all(self, heads: Sequence[Head]) -> Collection[Dataset]:
        found: list[Dataset] = []
        for start in range(0, len(heads), READ_AT_ONCE):
            read = await asyncio.gather(*map(self._read, heads[start : start + READ_AT_ONCE]))
            found += [dataset for dataset in read if dataset is not None]
        return found

    async def _read(self, head: Head) -> Dataset | None:
        record = await self._store.read_record(head.dataset_id, head.revision)
        version = await self._store.read_version(Snapshot(head.dataset_id, head.version))
        if record is None or version is None:
            # Deleted or replaced between the two reads: the next look finds the new state.
            log.info("Data set %s changed while it was read.", head.dataset_id.hex())
            return None
        try:
            return make_dataset(head, record, version)
        except ValueError as error:
            raise StoreUnavailable(f"The record of data set {head.dataset_id.hex()} cannot be read: {error}") from error


def _is_of(known: Dataset, head: Head | None) -> bool:
    return head is not None and (known.head.revision, known.head.version) == (head.revision, head.version)
