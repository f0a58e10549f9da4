"""What one request carries: the catalogue as it stands, the stores, the bounds, and batches of reads.

Rows asked for side by side (the children of a page of parents, the parents of a page of children) are gathered
until the event loop turns, and read by one call of the store.
"""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from syndb_graphql.api.turns import Turn, Turns
from syndb_graphql.catalog.catalog import Catalog, Dataset
from syndb_graphql.errors import LimitExceeded, StoreTimeout, VersionGone
from syndb_graphql.objects.protocol import Objects
from syndb_graphql.reads.pages import Page, PageRequest, read_related_pages, read_table_page
from syndb_graphql.spec.model import Model, Relation, Table
from syndb_graphql.store.protocol import Owner, Row, Snapshot, Store

Value = TypeVar("Value")


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a client may ask for; each is a setting of the same name."""

    max_body_bytes: int = 1_048_576
    max_document_bytes: int = 32_768
    max_tokens: int = 2000
    max_depth: int = 12
    max_introspection_depth: int = 20
    max_aliases: int = 30
    max_root_fields: int = 20
    max_directives: int = 50
    max_variable_values: int = 10_000
    cost_limit: int = 1000
    max_values: int = 2_000_000
    max_page_size: int = 10_000
    max_dataset_page_size: int = 100
    default_page_size: int = 100
    nested_page_size: int = 10
    max_errors: int = 20
    request_timeout_s: float = 10


@dataclass(frozen=True)
class Backend:
    """What all requests share."""

    model: Model
    catalog: Catalog
    rows: Store
    objects: Objects
    secrets: tuple[bytes, ...]
    bounds: Bounds
    version: str
    turns: Turns = field(default_factory=Turns)


@dataclass(slots=True)
class Context:
    backend: Backend
    request_id: str
    base_url: str
    """Address the client reached the server by, without a slash at its end."""
    variables: Any = None
    """The coerced variables, as the engine holds them."""
    memo: dict[Hashable, Any] = field(default_factory=dict)
    """What a request works out once: selections, loaders."""
    rows_read: int = 0
    rows_left: int = 0
    rows_limit: int | None = None
    """Rows that may be left to be answered one by one."""
    late: dict[tuple[str, Snapshot], StoreTimeout] = field(default_factory=dict)
    """What did not answer in time, by the table or relation: a request waits for it once, not again by the engine's way."""
    snapshots: set[Snapshot] = field(default_factory=set)
    """Versions that rows were read of."""
    turn: Turn | None = None
    """Its place among the requests that work in slices; None until its first is done."""
    is_gone: Callable[[], bool] | None = None
    """Whether whoever asked has left."""

    def dataset(self, dataset_id: bytes) -> Dataset | None:
        return self.backend.catalog.get(dataset_id)

    async def read_table(
        self, table: Table, dataset: Dataset, snapshot: Snapshot, columns: Sequence[str], request: PageRequest
    ) -> Page:
        page = await self._read_once(
            table.name, snapshot, lambda: read_table_page(self.backend.rows, table, snapshot, columns, request)
        )
        self.rows_read += len(page.rows)
        await self._check_readable(dataset, snapshot)
        self.snapshots.add(snapshot)
        return page

    async def read_related_pages(
        self,
        relation: Relation,
        dataset: Dataset,
        snapshot: Snapshot,
        owners: Sequence[Owner],
        columns: Sequence[str],
        request: PageRequest,
    ) -> list[Page]:
        """The same page of each owner's rows."""
        pages = await self._read_once(
            f"{relation.table}.{relation.name}",
            snapshot,
            lambda: read_related_pages(self.backend.rows, relation, snapshot, owners, columns, request),
        )
        self.rows_read += sum(len(page.rows) for page in pages)
        await self._check_readable(dataset, snapshot)
        self.snapshots.add(snapshot)
        return pages

    async def read_rows(
        self, table: Table, snapshot: Snapshot, cids: Sequence[bytes], columns: Sequence[str]
    ) -> list[Row | None]:
        self.rows_read += len(cids)
        rows = await self._read_once(
            f"{table.name} by key",
            snapshot,
            lambda: self.backend.rows.read_rows(table, snapshot, cids=cids, columns=columns),
        )
        if None in rows:
            # Rows that were found are what they are; one that is missing may have been swept.
            self.snapshots.add(snapshot)
        return rows

    async def read_many_counts(self, snapshot: Snapshot, relation: str, cids: Sequence[bytes]) -> list[dict[str, int]]:
        counts = await self._read_once(
            f"counts by {relation}",
            snapshot,
            lambda: self.backend.rows.read_counts(snapshot, relation=relation, keys=cids),
        )
        self.snapshots.add(snapshot)
        return counts

    async def count_table(self, table: Table, dataset: Dataset, snapshot: Snapshot) -> int:
        """Rows of a table in the version that is walked through, which may be an older one than the data set's."""
        if snapshot == dataset.snapshot:
            return dataset.count_rows(table.name)
        version = await self.backend.catalog.read_version(snapshot)
        if version is None:
            raise _gone(dataset, snapshot)
        return version.tables[table.name].rows if table.name in version.tables else 0

    def leave_rows(self, count: int) -> None:
        """So many more rows are answered one by one. Raises LimitExceeded."""
        self.rows_left += count
        if self.rows_limit is not None and self.rows_left > self.rows_limit:
            raise LimitExceeded(
                f"Another part of this question is wrong or is introspection, so its rows are answered one by one: "
                f"{self.rows_limit:,} of them at most. Mend that part, or ask for it apart."
            )

    async def _read_once(self, what: str, snapshot: Snapshot, read: Callable[[], Awaitable[Value]]) -> Value:
        if late := self.late.get((what, snapshot)):
            raise StoreTimeout(str(late))
        try:
            return await read()
        except StoreTimeout as error:
            self.late[what, snapshot] = error
            raise

    # ── The same for one row among others: gathered, then read together ──
    async def read_related(
        self,
        relation: Relation,
        dataset: Dataset,
        snapshot: Snapshot,
        owner: Owner,
        columns: tuple[str, ...],
        request: PageRequest,
    ) -> Page:
        async def read(owners: list[Owner]) -> list[Page]:
            return await self.read_related_pages(relation, dataset, snapshot, owners, columns, request)

        key = (relation.table, relation.name, snapshot, columns, request)
        page: Page = await self._loader(key, read).load(owner)
        return page

    async def read_row(self, table: Table, snapshot: Snapshot, cid: bytes, columns: tuple[str, ...]) -> Row | None:
        async def read(cids: list[bytes]) -> list[Row | None]:
            return await self.read_rows(table, snapshot, cids, columns)

        row: Row | None = await self._loader((table.name, snapshot, columns), read).load(cid)
        return row

    async def read_counts(self, snapshot: Snapshot, relation: str, cid: bytes) -> dict[str, int]:
        async def read(cids: list[bytes]) -> list[dict[str, int]]:
            return await self.read_many_counts(snapshot, relation, cids)

        counts: dict[str, int] = await self._loader((relation, snapshot), read).load(cid)
        return counts

    async def breathe(self, rows: int) -> None:
        """Let other requests have their turn after a slice of work. A request that is out of time, or whose client left, ends here."""
        if rows:
            if self.turn is None:
                self.turn = Turn(self.backend.turns)
            await self.turn.wait()
            if self.is_gone is not None and self.is_gone():
                raise ClientGone

    def _loader(self, key: Hashable, read: Callable[[list[Any]], Awaitable[list[Any]]]) -> DataLoader[Any, Any]:
        if key not in self.memo:
            self.memo[key] = DataLoader(read)
        loader: DataLoader[Any, Any] = self.memo[key]
        return loader

    async def check_readable(self) -> None:
        """What was read counts only if its versions still stood when all of it had been read. Raises VersionGone.

        A version's record goes before its rows do, and this server may learn of that a second later.
        """
        for snapshot in self.snapshots:
            if not await self.backend.rows.has_version(snapshot):
                raise VersionGone("A data set was replaced or deleted while it was read. Ask again, without a cursor.")

    async def _check_readable(self, dataset: Dataset, snapshot: Snapshot) -> None:
        """A page of a replaced version counts only if the version still stood when the page had been read."""
        if snapshot.version != dataset.head.version and not await self.backend.rows.has_version(snapshot):
            raise _gone(dataset, snapshot)


def _gone(dataset: Dataset, snapshot: Snapshot) -> VersionGone:
    return VersionGone(
        f"Version {snapshot.version} of '{dataset.record.label}' is no longer kept. Begin again without a cursor."
    )
