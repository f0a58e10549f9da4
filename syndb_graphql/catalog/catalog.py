"""Every published data set's record, in memory: small, read at start, kept current by polling the heads.

A data set is visible once its head names a version. What a request took from here stays as it was while the request lasts.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from syndb_graphql.catalog.index import DatasetIndex
from syndb_graphql.catalog.records import DatasetRecord, VersionRecord, decode_dataset, decode_version
from syndb_graphql.catalog.vocabulary import Vocabulary
from syndb_graphql.errors import StoreUnavailable, SyndbError
from syndb_graphql.store.protocol import Head, Snapshot, Store

POLL_SECONDS = 1.0
"""A change is visible on every server within twice this."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dataset:
    head: Head
    record: DatasetRecord
    version: VersionRecord

    @property
    def id(self) -> bytes:
        return self.head.dataset_id

    @cached_property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.head.dataset_id, self.head.version)

    @cached_property
    def sort_key(self) -> tuple[str, str]:
        return (self.record.label, str(self.record.uuid))

    @cached_property
    def row_count(self) -> int:
        return sum(table.rows for table in self.version.tables.values())

    def count_rows(self, table: str) -> int:
        summary = self.version.tables.get(table)
        return summary.rows if summary else 0


class Catalog:
    """The data sets of one store, ordered by label and uuid."""

    def __init__(self, store: Store, vocabularies: Mapping[str, Vocabulary]) -> None:
        self._store = store
        self._by_id: dict[bytes, Dataset] = {}
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
        found: dict[bytes, Dataset] = {}
        for head in await self._store.read_heads():
            known = self._by_id.get(head.dataset_id)
            if known and (known.head.revision, known.head.version) == (head.revision, head.version):
                found[head.dataset_id] = known
            elif head.version:
                dataset = await self._read(head)
                if dataset:
                    found[head.dataset_id] = dataset
        if found != self._by_id or not self.loaded:
            self._by_id = found
            ordered = sorted(found.values(), key=lambda dataset: dataset.sort_key)
            self.index = DatasetIndex(ordered, self.index.vocabularies)
            self.loaded = True

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

    async def _read(self, head: Head) -> Dataset | None:
        record = await self._store.read_record(head.dataset_id, head.revision)
        version = await self._store.read_version(Snapshot(head.dataset_id, head.version))
        if record is None or version is None:
            # Deleted or replaced between the two reads: the next look finds the new state.
            log.info("Data set %s changed while it was read.", head.dataset_id.hex())
            return None
        try:
            return Dataset(head, decode_dataset(record), decode_version(version))
        except ValueError as error:
            raise StoreUnavailable(f"The record of data set {head.dataset_id.hex()} cannot be read: {error}") from error
