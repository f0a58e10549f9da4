"""Plans of connections: pages of rows read piece by piece, answered as batches, and dealt out to what they hang from."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import repeat
from typing import Any

from syndb_graphql.api.connections import cursor_parent, page_request, related_cursors, table_cursors
from syndb_graphql.api.context import Context
from syndb_graphql.api.cursors import RowCursors
from syndb_graphql.api.encoding import EncodedArray
from syndb_graphql.api.plan.ahead import read_in_turn
from syndb_graphql.api.plan.arguments import Given
from syndb_graphql.api.plan.rows import Batch, RowPlan, Shape, make_each
from syndb_graphql.api.plan.values import Unplanned, Values
from syndb_graphql.api.row_fields import RelatedRows
from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.reads.pages import Page, PageRequest
from syndb_graphql.spec.model import Relation, Table
from syndb_graphql.store.protocol import Owner, Row, Snapshot

SLICE_ROWS = 1000
"""Rows encoded at one go; other requests get their turn between two slices, every few milliseconds. A store that reads on
the loop itself reads no more at one go either."""
AHEAD_ROWS = 3400
"""Rows that a store elsewhere is asked for at a time, while those before are encoded: fewer cost it a tenth more, more of them
leave more to be encoded at the end."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What all pages of one connection in an answer share."""

    context: Context
    dataset: Dataset
    snapshot: Snapshot
    cursors: RowCursors


@dataclass(frozen=True, slots=True)
class EdgePlan:
    fields: Sequence[str]
    """cursor, node or __typename, in order."""
    nodes: Sequence[RowPlan]
    """One for each `node` among them."""
    shape: Shape
    type_name: str


@dataclass(frozen=True)
class ConnectionPlan:
    """What is selected of a connection, and how a page of it is answered."""

    table: Table
    order: tuple[str, ...]
    fields: Sequence[tuple[str, Any]]
    """`nodes` with its RowPlan, `edges` with its EdgePlan, `pageInfo` with its shape and names, `totalCount`, `__typename`."""
    shape: Shape
    given: Given
    nested: bool
    columns: tuple[str, ...] = field(init=False)
    reads: bool = field(init=False)
    peeks: bool = field(init=False)
    counts: bool = field(init=False)
    index: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        needed: list[str] = []
        for name, plan in self.fields:
            if name == "nodes":
                needed += plan.columns
            elif name == "edges":
                needed += [column for node in plan.nodes for column in node.columns]
        set_ = object.__setattr__
        set_(self, "columns", tuple(dict.fromkeys((*self.order, *needed))))
        set_(self, "reads", any(name in ("nodes", "edges", "pageInfo") for name, _ in self.fields))
        infos = {asked for name, plan in self.fields if name == "pageInfo" for asked in plan[1]}
        set_(self, "peeks", bool(infos & {"hasNextPage", "hasPreviousPage"}))
        set_(self, "counts", any(name == "totalCount" for name, _ in self.fields))
        set_(self, "index", {column: position for position, column in enumerate(self.columns)})

    # ── All rows of a table ──
    async def answer_table(self, dataset: Dataset, context: Context) -> Any:
        cursors = table_cursors(context, dataset, self.table)
        given = self.given(context)
        snapshot, request = page_request(context, dataset.snapshot, cursors, b"", given, nested=self.nested)
        walk = Walk(context, dataset, snapshot, cursors)
        total = await context.count_table(self.table, dataset, snapshot) if self.counts else None

        async def read(part: PageRequest) -> Page:
            return await context.read_table(self.table, dataset, snapshot, self.columns, part)

        return await self._answer_one(walk, b"", request, read, total)

    # ── Rows of a relation, for each row of a batch ──
    async def answer_related(self, resolver: RelatedRows, batch: Batch) -> list[Any]:
        relation, context, dataset = resolver.relation, batch.context, batch.dataset
        owners: list[Owner] = list(zip(batch["cid"], repeat(None), strict=False))
        if not resolver.owns:
            owners = list(zip(batch["owner_id"], batch["cid"], strict=True))
        given = self.given(context)
        cursors = related_cursors(context, dataset, relation)
        if len(owners) != 1 and (given["after"] is not None or given["before"] is not None):
            raise Unplanned("a cursor for many parents")
        parent = cursor_parent(owners[0]) if owners else b""
        snapshot, request = page_request(context, batch.snapshot, cursors, parent, given, nested=self.nested)
        walk = Walk(context, dataset, snapshot, cursors)
        totals: Sequence[int | None] = [None] * len(batch.rows)
        if self.counts:
            counts = await context.read_many_counts(snapshot, resolver.counted_as, batch["cid"])
            totals = [found.get(self.table.name, 0) for found in counts]
        if not self.reads:
            return [self._shape_unread(total) for total in totals]
        if request.count < SLICE_ROWS:
            request = replace(request, peeks=self.peeks)
            return await self._answer_parts(walk, relation, owners, request, totals)
        answered: list[Any] = []
        for owner, total in zip(owners, totals, strict=True):
            read = self._read_related(walk, relation, owner)
            answered.append(await self._answer_one(walk, cursor_parent(owner), request, read, total))
        return answered

    async def _answer_parts(
        self,
        walk: Walk,
        relation: Relation,
        owners: Sequence[Owner],
        request: PageRequest,
        totals: Sequence[int | None],
    ) -> list[Any]:
        """The pages of many owners: of so many at a time as a read is worth, and of those as many as make a slice."""
        context = walk.context
        ahead = context.backend.rows.reads_elsewhere
        read_at_once = max(1, (AHEAD_ROWS if ahead else SLICE_ROWS) // (request.count + 1))
        step = max(1, SLICE_ROWS // (request.count + 1))
        starts = iter(range(0, len(owners), read_at_once))

        def following(_: Any) -> Callable[[], Awaitable[list[Page]]] | None:
            start = next(starts, None)
            if start is None:
                return None
            part = owners[start : start + read_at_once]
            return partial(
                context.read_related_pages, relation, walk.dataset, walk.snapshot, part, self.columns, request
            )

        answered: list[Any] = []
        reads = read_in_turn(following, ahead=ahead)
        async with aclosing(reads):
            async for pages in reads:
                for start in range(0, len(pages), step):
                    some = pages[start : start + step]
                    place = slice(len(answered), len(answered) + len(some))
                    answered += await self._answer_many(walk, owners[place], some, totals[place])
                    await context.breathe(sum(len(page.rows) for page in some))
        return answered

    def _read_related(self, walk: Walk, relation: Relation, owner: Owner) -> Callable[[PageRequest], Awaitable[Page]]:
        async def read(part: PageRequest) -> Page:
            found = await walk.context.read_related_pages(
                relation, walk.dataset, walk.snapshot, [owner], self.columns, part
            )
            return found[0]

        return read

    # ── Answers ──
    def _shape_unread(self, total: int | None) -> Any:
        values = {"totalCount": total, "__typename": f"{self.table.type_name}Connection"}
        return self.shape(*(values[name] for name, _ in self.fields))

    async def _answer_one(
        self,
        walk: Walk,
        parent: bytes,
        request: PageRequest,
        read: Callable[[PageRequest], Awaitable[Page]],
        total: int | None,
    ) -> Any:
        if not self.reads:
            return self._shape_unread(total)
        if request.count <= SLICE_ROWS:
            page = await read(replace(request, peeks=self.peeks))
            lists = await self._answer_rows(walk, [parent], [page.rows])
            return self._shape_page(walk, lists, page, parent, total)
        arrays = [EncodedArray() for _ in self.fields]
        ends: list[Row] = []
        has_next = has_previous = False
        slices = self._read_slices(request, read, ahead=walk.context.backend.rows.reads_elsewhere)
        async with aclosing(slices):
            async for page in slices:
                lists = await self._answer_rows(walk, [parent], [page.rows])
                for array, values in zip(arrays, lists, strict=True):
                    array.extend(values or [])
                has_previous = has_previous if ends else page.has_previous
                has_next = page.has_next
                ends = [(ends or page.rows)[0], page.rows[-1]] if page.rows else ends
                await walk.context.breathe(len(page.rows))
        return self._shape_page(walk, arrays, Page(ends, has_next, has_previous), parent, total)

    async def _read_slices(
        self, request: PageRequest, read: Callable[[PageRequest], Awaitable[Page]], *, ahead: bool
    ) -> AsyncGenerator[Page, None]:
        """A large page piece by piece: each is answered and encoded by itself, so that others get their turn."""
        remaining, after = request.count, request.after
        at_once = AHEAD_ROWS if ahead else SLICE_ROWS

        def following(page: Page | None) -> Callable[[], Awaitable[Page]] | None:
            nonlocal remaining, after
            if page is not None:
                remaining -= len(page.rows)
                after = tuple(page.rows[-1][self.index[name]] for name in self.order) if page.rows else after
                if not page.has_next:
                    return None
            return partial(read, replace(request, count=min(at_once, remaining), after=after)) if remaining else None

        def whole(page: Page | None) -> Callable[[], Awaitable[Page]] | None:
            return partial(read, request) if page is None else None

        pages = read_in_turn(whole if request.backwards else following, ahead=ahead)
        async with aclosing(pages):
            async for page in pages:
                has_previous = page.has_previous if request.backwards else request.after is not None
                for start in range(0, max(1, len(page.rows)), SLICE_ROWS):
                    yield Page(page.rows[start : start + SLICE_ROWS], page.has_next, has_previous)

    async def _answer_many(
        self,
        walk: Walk,
        owners: Sequence[Owner],
        pages: Sequence[Page],
        totals: Sequence[int | None],
    ) -> list[Any]:
        """The connections of many parents, their rows answered as one batch and then dealt out."""
        parents = [cursor_parent(owner) for owner in owners]
        lists = await self._answer_rows(walk, parents, [page.rows for page in pages])
        infos = self._page_infos(walk, pages, parents)
        type_name = f"{self.table.type_name}Connection"
        columns: list[Values] = []
        for (name, _), values in zip(self.fields, lists, strict=True):
            if name in ("nodes", "edges"):
                columns.append(_deal(values, pages))
            elif name == "pageInfo":
                columns.append(infos.pop(0))
            else:
                columns.append(totals if name == "totalCount" else [type_name] * len(pages))
        return make_each(self.shape, columns, len(pages))

    async def _answer_rows(
        self,
        walk: Walk,
        parents: Sequence[bytes],
        pages: Sequence[Sequence[Row]],
    ) -> list[Any]:
        """For each field the answers to all rows, parent after parent; None for fields that are not of rows."""
        rows = pages[0] if len(pages) == 1 else [row for page in pages for row in page]
        batch = Batch(self.table, walk.dataset, walk.snapshot, walk.context, self.index, rows)
        lists: list[Any] = []
        for name, plan in self.fields:
            if name == "nodes":
                lists.append(await plan.answer(batch))
            elif name == "edges":
                lists.append(await self._answer_edges(walk, plan, batch, parents, [len(page) for page in pages]))
            else:
                lists.append(None)
        return lists

    async def _answer_edges(
        self, walk: Walk, plan: EdgePlan, batch: Batch, parents: Sequence[bytes], counts: Sequence[int]
    ) -> list[Any]:
        if not batch.rows:
            return []
        columns: list[Values] = []
        nodes = iter(plan.nodes)
        for name in plan.fields:
            if name == "cursor":
                keys = [batch[column] for column in self.order]
                columns.append(walk.cursors.encode_page(walk.snapshot.version, parents, counts, keys))
            elif name == "node":
                columns.append(await next(nodes).answer(batch))
            else:
                columns.append([plan.type_name] * len(batch.rows))
        return make_each(plan.shape, columns, len(batch.rows))

    def _shape_page(self, walk: Walk, lists: Sequence[Any], page: Page, parent: bytes, total: int | None) -> Any:
        infos = self._page_infos(walk, [page], [parent])
        values = []
        for (name, _), answered in zip(self.fields, lists, strict=True):
            if name in ("nodes", "edges"):
                values.append(answered)
            elif name == "pageInfo":
                values.append(infos.pop(0)[0])
            else:
                values.append(total if name == "totalCount" else f"{self.table.type_name}Connection")
        return self.shape(*values)

    def _page_infos(self, walk: Walk, pages: Sequence[Page], parents: Sequence[bytes]) -> list[list[Any]]:
        """For each `pageInfo` selected, one for each page."""
        selected = [plan for name, plan in self.fields if name == "pageInfo"]
        if not selected:
            return []
        ends: dict[str, list[str | None]] = {}
        filled = [number for number, page in enumerate(pages) if page.rows]
        hung = [parents[number] for number in filled]
        for name, place in (("startCursor", 0), ("endCursor", -1)):
            ends[name] = [None] * len(pages)
            if filled and any(name in names for _, names in selected):
                rows = [pages[number].rows[place] for number in filled]
                keys = [[row[self.index[column]] for row in rows] for column in self.order]
                texts = walk.cursors.encode_page(walk.snapshot.version, hung, [1] * len(filled), keys)
                for number, text in zip(filled, texts, strict=True):
                    ends[name][number] = text
        columns: Mapping[str, Values] = {
            "hasNextPage": [page.has_next for page in pages],
            "hasPreviousPage": [page.has_previous for page in pages],
            **ends,
            "__typename": ["PageInfo"] * len(pages),
        }
        return [make_each(shape, [columns[name] for name in names], len(pages)) for shape, names in selected]


@dataclass(frozen=True, slots=True)
class RelatedCell:
    columns: tuple[str, ...]
    resolver: RelatedRows
    plan: ConnectionPlan

    async def answer(self, batch: Batch) -> Values:
        return await self.plan.answer_related(self.resolver, batch)


def _deal(values: Sequence[Any], pages: Sequence[Page]) -> list[Sequence[Any]]:
    dealt, start = [], 0
    for page in pages:
        dealt.append(values[start : start + len(page.rows)])
        start += len(page.rows)
    return dealt
