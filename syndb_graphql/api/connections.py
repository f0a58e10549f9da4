"""Connections of rows: arguments in, a page or a count out, cursors both ways."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import strawberry

from syndb_graphql.api.build import Argument, Type, list_of, make_field, make_type
from syndb_graphql.api.context import Context
from syndb_graphql.api.cursors import RowCursors
from syndb_graphql.api.scalars import Count
from syndb_graphql.api.selection import select_connection
from syndb_graphql.api.sources import ConnectionSource, EdgeSource, PageInfoSource, RowSource
from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.errors import VersionGone
from syndb_graphql.reads.pages import Page, PageRequest, check_page_size
from syndb_graphql.spec.model import Relation, Table
from syndb_graphql.store.protocol import EVERYTHING, Owner, Snapshot

PAGE_ARGUMENTS = {
    "first": Argument(int | None, "Rows from the start, or after `after`. Left out: see `server`."),
    "after": Argument(str | None, "A cursor: begin after its row."),
    "last": Argument(int | None, "Rows from the end, or before `before`, answered in the same order."),
    "before": Argument(str | None, "A cursor: end before its row."),
}


def make_page_info() -> Type:
    fields = {
        "hasNextPage": make_field(lambda page, _: page.hasNextPage, bool, "Whether rows follow this page."),
        "hasPreviousPage": make_field(lambda page, _: page.hasPreviousPage, bool, "Whether rows precede this page."),
        "startCursor": make_field(
            lambda page, _: page.startCursor, str | None, "Cursor of the first row, for `before`."
        ),
        "endCursor": make_field(lambda page, _: page.endCursor, str | None, "Cursor of the last row, for `after`."),
    }
    return make_type("PageInfo", fields, "Where a page stands in its connection.")


def make_connection(table: Table, node: Type, page_info: Type) -> Type:
    """`XConnection` and `XEdge` of a table's type."""
    edge_fields = {
        "cursor": make_field(lambda edge, _: edge.cursor, str, "Where the row stands, for `after` and `before`."),
        "node": make_field(lambda edge, _: edge.node, node, "The row."),
    }
    edge = make_type(f"{table.type_name}Edge", edge_fields, f"A row of a {table.type_name} connection and its cursor.")
    fields = {
        "edges": make_field(_resolve_edges, list_of(edge), "The rows of the page with their cursors."),
        "nodes": make_field(_resolve_nodes, list_of(node), "The rows of the page."),
        "pageInfo": make_field(_resolve_page_info, page_info, "Where the page stands."),
        "totalCount": make_field(
            lambda source, _: source.count(), Count | None, "Rows of the whole connection; alone it reads no row."
        ),
    }
    return make_type(f"{table.type_name}Connection", fields, f"A page of {table.fields}.")


def connect_table(
    table: Table,
    columns: Mapping[str, tuple[str, ...]],
    dataset: Dataset,
    info: strawberry.Info,
    given: Mapping[str, Any],
) -> ConnectionSource:
    """All rows of a table of a data set."""
    context: Context = info.context
    cursors = table_cursors(context, dataset, table)
    snapshot, request = page_request(context, dataset.snapshot, cursors, b"", given, nested=_is_nested(info))
    selected = _select(context, info, table, columns, ("cid",))

    async def count() -> int:
        return await context.count_table(table, dataset, snapshot)

    return _connection(
        table, dataset, snapshot, selected, ("cid",), cursors, b"",
        lambda: context.read_table(table, dataset, snapshot, selected, request), count,
    )  # fmt: skip


def connect_related(
    relation: Relation,
    counted_as: str,
    columns: Mapping[str, tuple[str, ...]],
    source: RowSource,
    owner: Owner,
    info: strawberry.Info,
    given: Mapping[str, Any],
) -> ConnectionSource:
    """The rows of one relation that belong to a row; `counted_as` is the name its total is kept under."""
    context: Context = info.context
    table, dataset = context.backend.model.tables[relation.table], source.dataset
    order = (relation.order, "cid")
    cursors, parent = related_cursors(context, dataset, relation), cursor_parent(owner)
    snapshot, request = page_request(context, source.snapshot, cursors, parent, given, nested=_is_nested(info))
    selected = _select(context, info, table, columns, order)

    async def count() -> int:
        counts = await context.read_counts(snapshot, counted_as, source["cid"])
        return counts.get(table.name, 0)

    return _connection(
        table, dataset, snapshot, selected, order, cursors, parent,
        lambda: context.read_related(relation, dataset, snapshot, owner, selected, request), count,
    )  # fmt: skip


def _connection(
    table: Table,
    dataset: Dataset,
    snapshot: Snapshot,
    columns: tuple[str, ...],
    order: tuple[str, ...],
    cursors: RowCursors,
    parent: bytes,
    read: Callable[[], Awaitable[Page]],
    count: Callable[[], Awaitable[int]],
) -> ConnectionSource:
    reading: list[asyncio.Future[Page]] = []

    def read_once() -> Awaitable[Page]:
        # `nodes`, `edges` and `pageInfo` of one connection wait for the same page.
        if not reading:
            reading.append(asyncio.ensure_future(read()))
        return reading[0]

    index = {column: position for position, column in enumerate(columns)}
    return ConnectionSource(table, dataset, snapshot, order, cursors, parent, read_once, count, index)


def table_cursors(context: Context, dataset: Dataset, table: Table) -> RowCursors:
    return RowCursors(context.backend.secrets, _scope(dataset, table.name, ""), 1)


def related_cursors(context: Context, dataset: Dataset, relation: Relation) -> RowCursors:
    return RowCursors(context.backend.secrets, _scope(dataset, relation.table, relation.name), 2)


def cursor_parent(owner: Owner) -> bytes:
    return owner[0] + (owner[1] or bytes(16))


def _scope(dataset: Dataset, table: str, relation: str) -> bytes:
    return b"\0".join((dataset.id, table.encode(), relation.encode(), EVERYTHING.fingerprint()))


def page_request(
    context: Context, snapshot: Snapshot, cursors: RowCursors, parent: bytes, given: Mapping[str, Any], *, nested: bool
) -> tuple[Snapshot, PageRequest]:
    """What to read, on which version: a reader who began on a version goes on with it."""
    bounds = context.backend.bounds
    default = bounds.nested_page_size if nested else bounds.default_page_size
    count, backwards = check_page_size(given["first"], given["last"], default=default, maximum=bounds.max_page_size)
    keys, versions = {}, set()
    for name in ("after", "before"):
        if given[name] is not None:
            version, keys[name] = cursors.decode(given[name], name, parent)
            versions.add(version)
    if len(versions) > 1:
        raise VersionGone("`after` and `before` are cursors of two versions of the data set. Take both from one walk.")
    if versions:
        snapshot = Snapshot(snapshot.dataset_id, versions.pop())
    return snapshot, PageRequest(count, backwards, keys.get("after"), keys.get("before"))


def _is_nested(info: strawberry.Info) -> bool:
    """Whether a list lies between this field and the root: the only lists above a connection are those of other connections."""
    path = info.path.prev
    while path is not None:
        if isinstance(path.key, int):
            return True
        path = path.prev
    return False


def _select(
    context: Context,
    info: strawberry.Info,
    table: Table,
    columns: Mapping[str, tuple[str, ...]],
    order: tuple[str, ...],
) -> tuple[str, ...]:
    raw = info._raw_info
    key = (tuple(map(id, raw.field_nodes)), table.name)
    if key not in context.memo:
        name = table.type_name
        needed = select_connection(raw, f"{name}Connection", f"{name}Edge", name, columns)
        context.memo[key] = tuple(dict.fromkeys((*order, *needed)))
    selected: tuple[str, ...] = context.memo[key]
    return selected


async def _resolve_nodes(source: ConnectionSource, _info: strawberry.Info) -> list[RowSource]:
    page = await source.read_page()
    return [RowSource(source.table, source.dataset, source.snapshot, source.index, row) for row in page.rows]


async def _resolve_edges(source: ConnectionSource, info: strawberry.Info) -> list[EdgeSource]:
    page = await source.read_page()
    nodes = await _resolve_nodes(source, info)
    cursors = source.encode(page.rows)
    return [EdgeSource(cursor, node) for cursor, node in zip(cursors, nodes, strict=True)]


async def _resolve_page_info(source: ConnectionSource, _info: strawberry.Info) -> PageInfoSource:
    page = await source.read_page()
    start, end = source.encode([page.rows[0], page.rows[-1]]) if page.rows else (None, None)
    return PageInfoSource(page.has_next, page.has_previous, start, end)
