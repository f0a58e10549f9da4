"""Plans of rows: a batch of rows in, one answer a row out, whatever hangs from them read for the whole batch at once."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import repeat
from typing import Any

import msgspec

from syndb_graphql.api.connections import cursor_parent, page_request, related_cursors, table_cursors
from syndb_graphql.api.context import Context
from syndb_graphql.api.cursors import RowCursors
from syndb_graphql.api.encoding import EncodedArray
from syndb_graphql.api.plan.ahead import read_in_turn
from syndb_graphql.api.plan.arguments import Given
from syndb_graphql.api.plan.values import Unplanned, Values
from syndb_graphql.api.row_fields import ReferencedRow, RelatedRows
from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.reads.pages import Page, PageRequest
from syndb_graphql.spec.model import Relation, Table
from syndb_graphql.store.protocol import Owner, Row, Snapshot

SLICE_ROWS = 1000
"""Rows read and encoded at one go; other requests get their turn between two slices, every few milliseconds."""
Shape = Callable[..., Any]
"""Makes an answered object from its fields' values, in order."""


def make_shape(keys: Sequence[str]) -> Shape:
    """A msgspec Struct that is encoded as an object with these keys: no dictionary a row."""
    names = [f"f{index}" for index in range(len(keys))]
    return msgspec.defstruct(
        "Answered", [(name, Any) for name in names], rename=dict(zip(names, keys, strict=True)), gc=False
    )


def make_each(shape: Shape, columns: Sequence[Values], count: int) -> list[Any]:
    """`count` objects, each made of one row of the columns; directives may have left none to be selected."""
    return list(map(shape, *columns)) if columns else [shape() for _ in range(count)]


class Batch:
    """Rows of one table and version, as tuples, with their columns at hand."""

    __slots__ = ("_columns", "context", "dataset", "index", "rows", "snapshot", "table")

    def __init__(
        self,
        table: Table,
        dataset: Dataset,
        snapshot: Snapshot,
        context: Context,
        index: Mapping[str, int],
        rows: Sequence[Row],
    ) -> None:
        self.table, self.dataset, self.snapshot, self.context = table, dataset, snapshot, context
        self.index, self.rows = index, rows
        self._columns: list[tuple[Any, ...]] | None = None

    def __getitem__(self, column: str) -> tuple[Any, ...]:
        if self._columns is None:
            self._columns = list(zip(*self.rows, strict=True)) if self.rows else [()] * len(self.index)
        return self._columns[self.index[column]]


@dataclass(frozen=True, slots=True)
class ColumnCell:
    """A field made of columns alone."""

    columns: tuple[str, ...]
    values: Callable[[Batch], Values]

    def answer(self, batch: Batch) -> Values:
        return self.values(batch)


@dataclass(frozen=True)
class RowPlan:
    """All selected fields of the rows of one table."""

    columns: tuple[str, ...]
    cells: Sequence[Any]
    shape: Shape

    @cached_property
    def keyed(self) -> Mapping[str, int]:
        """Where in a row each column stands when rows are read by key: the key first."""
        columns = dict.fromkeys(("cid", *self.columns))
        return {name: position for position, name in enumerate(columns)}

    async def answer(self, batch: Batch) -> list[Any]:
        columns = []
        for cell in self.cells:
            values = cell.answer(batch)
            columns.append(values if type(cell) is ColumnCell else await values)
        return make_each(self.shape, columns, len(batch.rows)) if batch.rows else []


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
        total = await context.count_table(self.table, dataset, snapshot) if self.counts else None

        async def read(part: PageRequest) -> Page:
            return await context.read_table(self.table, dataset, snapshot, self.columns, part)

        return await self._answer_one(dataset, snapshot, context, cursors, b"", request, read, total)

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
        totals: Sequence[int | None] = [None] * len(batch.rows)
        if self.counts:
            counts = await context.read_many_counts(snapshot, resolver.counted_as, batch["cid"])
            totals = [found.get(self.table.name, 0) for found in counts]
        if not self.reads:
            return [self._shape_unread(total) for total in totals]
        answered: list[Any] = []
        if request.count < SLICE_ROWS:
            request = replace(request, peeks=self.peeks)
            step = max(1, SLICE_ROWS // (request.count + 1))
            parts = [slice(start, start + step) for start in range(0, len(owners), step)]
            asks = iter(
                [
                    partial(
                        context.read_related_pages, relation, dataset, snapshot, owners[some], self.columns, request
                    )
                    for some in parts
                ]
            )
            found = read_in_turn(lambda _: next(asks, None), ahead=context.backend.rows.reads_elsewhere)
            async with aclosing(found):
                for some in parts:
                    pages = await anext(found)
                    answered += await self._answer_many(
                        dataset, snapshot, context, cursors, owners[some], pages, totals[some]
                    )
                    await context.breathe(sum(len(page.rows) for page in pages))
            return answered
        for owner, total in zip(owners, totals, strict=True):
            read = self._read_related(relation, dataset, snapshot, owner, context)
            parent = cursor_parent(owner)
            answered.append(await self._answer_one(dataset, snapshot, context, cursors, parent, request, read, total))
        return answered

    def _read_related(
        self, relation: Relation, dataset: Dataset, snapshot: Snapshot, owner: Owner, context: Context
    ) -> Callable[[PageRequest], Awaitable[Page]]:
        async def read(part: PageRequest) -> Page:
            return (await context.read_related_pages(relation, dataset, snapshot, [owner], self.columns, part))[0]

        return read

    # ── Answers ──
    def _shape_unread(self, total: int | None) -> Any:
        values = {"totalCount": total, "__typename": f"{self.table.type_name}Connection"}
        return self.shape(*(values[name] for name, _ in self.fields))

    async def _answer_one(
        self,
        dataset: Dataset,
        snapshot: Snapshot,
        context: Context,
        cursors: RowCursors,
        parent: bytes,
        request: PageRequest,
        read: Callable[[PageRequest], Awaitable[Page]],
        total: int | None,
    ) -> Any:
        if not self.reads:
            return self._shape_unread(total)
        if request.count <= SLICE_ROWS:
            page = await read(replace(request, peeks=self.peeks))
            lists = await self._answer_rows(dataset, snapshot, context, cursors, [parent], [page.rows])
            return self._shape_page(lists, page, snapshot, cursors, parent, total)
        arrays = [EncodedArray() for _ in self.fields]
        ends: list[Row] = []
        has_next = has_previous = False
        slices = self._read_slices(request, read, ahead=context.backend.rows.reads_elsewhere)
        async with aclosing(slices):
            async for page in slices:
                lists = await self._answer_rows(dataset, snapshot, context, cursors, [parent], [page.rows])
                for array, values in zip(arrays, lists, strict=True):
                    array.extend(values or [])
                has_previous = has_previous if ends else page.has_previous
                has_next = page.has_next
                ends = [(ends or page.rows)[0], page.rows[-1]] if page.rows else ends
                await context.breathe(len(page.rows))
        return self._shape_page(arrays, Page(ends, has_next, has_previous), snapshot, cursors, parent, total)

    async def _read_slices(
        self, request: PageRequest, read: Callable[[PageRequest], Awaitable[Page]], *, ahead: bool
    ) -> AsyncGenerator[Page, None]:
        """A large page piece by piece: each is read, answered and encoded by itself, so that others get their turn."""
        if request.backwards:
            page = await read(request)
            for start in range(0, max(1, len(page.rows)), SLICE_ROWS):
                yield Page(page.rows[start : start + SLICE_ROWS], page.has_next, page.has_previous)
            return
        remaining, after = request.count, request.after

        def following(page: Page | None) -> Callable[[], Awaitable[Page]] | None:
            nonlocal remaining, after
            if page is not None:
                remaining -= len(page.rows)
                after = tuple(page.rows[-1][self.index[name]] for name in self.order) if page.rows else after
                if not page.has_next:
                    return None
            return partial(read, replace(request, count=min(SLICE_ROWS, remaining), after=after)) if remaining else None

        pages = read_in_turn(following, ahead=ahead)
        async with aclosing(pages):
            async for page in pages:
                yield Page(page.rows, page.has_next, request.after is not None)

    async def _answer_many(
        self,
        dataset: Dataset,
        snapshot: Snapshot,
        context: Context,
        cursors: RowCursors,
        owners: Sequence[Owner],
        pages: Sequence[Page],
        totals: Sequence[int | None],
    ) -> list[Any]:
        """The connections of many parents, their rows answered as one batch and then dealt out."""
        parents = [cursor_parent(owner) for owner in owners]
        lists = await self._answer_rows(dataset, snapshot, context, cursors, parents, [page.rows for page in pages])
        infos = self._page_infos(pages, snapshot, cursors, parents)
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
        dataset: Dataset,
        snapshot: Snapshot,
        context: Context,
        cursors: RowCursors,
        parents: Sequence[bytes],
        pages: Sequence[Sequence[Row]],
    ) -> list[Any]:
        """For each field the answers to all rows, parent after parent; None for fields that are not of rows."""
        rows = pages[0] if len(pages) == 1 else [row for page in pages for row in page]
        batch = Batch(self.table, dataset, snapshot, context, self.index, rows)
        lists: list[Any] = []
        for name, plan in self.fields:
            if name == "nodes":
                lists.append(await plan.answer(batch))
            elif name == "edges":
                lists.append(await self._answer_edges(plan, batch, cursors, parents, [len(page) for page in pages]))
            else:
                lists.append(None)
        return lists

    async def _answer_edges(
        self, plan: EdgePlan, batch: Batch, cursors: RowCursors, parents: Sequence[bytes], counts: Sequence[int]
    ) -> list[Any]:
        if not batch.rows:
            return []
        columns: list[Values] = []
        nodes = iter(plan.nodes)
        for name in plan.fields:
            if name == "cursor":
                keys = [batch[column] for column in self.order]
                columns.append(cursors.encode_page(batch.snapshot.version, parents, counts, keys))
            elif name == "node":
                columns.append(await next(nodes).answer(batch))
            else:
                columns.append([plan.type_name] * len(batch.rows))
        return make_each(plan.shape, columns, len(batch.rows))

    def _shape_page(
        self,
        lists: Sequence[Any],
        page: Page,
        snapshot: Snapshot,
        cursors: RowCursors,
        parent: bytes,
        total: int | None,
    ) -> Any:
        infos = self._page_infos([page], snapshot, cursors, [parent])
        values = []
        for (name, _), answered in zip(self.fields, lists, strict=True):
            if name in ("nodes", "edges"):
                values.append(answered)
            elif name == "pageInfo":
                values.append(infos.pop(0)[0])
            else:
                values.append(total if name == "totalCount" else f"{self.table.type_name}Connection")
        return self.shape(*values)

    def _page_infos(
        self, pages: Sequence[Page], snapshot: Snapshot, cursors: RowCursors, parents: Sequence[bytes]
    ) -> list[list[Any]]:
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
                texts = cursors.encode_page(snapshot.version, hung, [1] * len(filled), keys)
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


@dataclass(frozen=True, slots=True)
class ReferenceCell:
    """Rows that a reference points to, read once each, a read a table."""

    columns: tuple[str, ...]
    resolver: ReferencedRow
    plans: Mapping[str, RowPlan]
    """By table that it may point to."""

    async def answer(self, batch: Batch) -> Values:
        reference = self.resolver.reference
        cids = batch[reference.id]
        tables: Sequence[str | None] = batch[reference.table] if reference.table else [reference.targets[0]] * len(cids)
        wanted: dict[str, dict[bytes, Any]] = {}
        for cid, table in zip(cids, tables, strict=True):
            if cid is not None and table is not None:
                wanted.setdefault(table, {})[cid] = None
        for table, found in wanted.items():
            plan = self.plans[table]
            target = self.resolver.model.tables[table]
            found.update(await read_rows(plan, target, batch.dataset, batch.snapshot, list(found), batch.context))
        return [
            None if cid is None or table is None else wanted[table][cid]
            for cid, table in zip(cids, tables, strict=True)
        ]


async def read_rows(
    plan: RowPlan, table: Table, dataset: Dataset, snapshot: Snapshot, cids: Sequence[bytes], context: Context
) -> dict[bytes, Any]:
    """The answers to the rows with these cids; those there are none of are left out."""
    rows = [row for row in await context.read_rows(table, snapshot, cids, tuple(plan.keyed)) if row is not None]
    answers = await plan.answer(Batch(table, dataset, snapshot, context, plan.keyed, rows))
    return {row[0]: answer for row, answer in zip(rows, answers, strict=True)}


def _deal(values: Sequence[Any], pages: Sequence[Page]) -> list[Sequence[Any]]:
    dealt, start = [], 0
    for page in pages:
        dealt.append(values[start : start + len(page.rows)])
        start += len(page.rows)
    return dealt
