"""Rows of a version read: pages bucket after bucket, the rows of many owners by few statements, rows by cid, counts."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from itertools import accumulate, groupby
from typing import Any, TypeVar

from syndb_graphql.emit.cql import related_name
from syndb_graphql.spec.model import Relation, Table
from syndb_graphql.store.cassandra.base import WHERE, Base
from syndb_graphql.store.cassandra.columns import join_rows
from syndb_graphql.store.cassandra.door import gather
from syndb_graphql.store.cassandra.layout import COUNTS, Layout, bucket_of, group_by_bucket
from syndb_graphql.store.protocol import EVERYTHING, Criteria, Owner, RelatedRows, Row, Snapshot, Window

MAX_KEYS = 100
"""Keys of one statement with IN, all of one partition: 20 ms against 45 for a statement each."""
WORTH_A_STATEMENT = 10
"""Rows read in vain that cost as much as a statement more: among a hundred it costs 0.12 ms, a row 8 µs and its decoding."""
SPARE_ROWS = 1000
"""By how many rows a range may exceed what the counts say before it is given up."""
SIDE_BY_SIDE = 100
"""Statements that one call has in flight, so that others have room beside it: a page of owners is asked for at one go."""

Value = TypeVar("Value")


class Reading(Base):
    reads_elsewhere = True

    async def read_page(
        self,
        table: Table,
        snapshot: Snapshot,
        *,
        columns: Sequence[str],
        window: Window,
        criteria: Criteria = EVERYTHING,
    ) -> Sequence[Row]:
        del criteria  # everything, by cid: so far nothing else can be asked
        if window.limit <= 0:
            return []
        cql = f"SELECT {_names(columns)} FROM {self._name(table.name)} {WHERE}"
        edges = []
        for key, sign in ((window.after, ">"), (window.before, "<")):
            if key is not None:
                cql += f" AND cid {sign} ?"
                edges.append(key[0])
        cql += f"{' ORDER BY cid DESC' if window.backwards else ''} LIMIT ?"
        async with self._door.limited():
            layout = await self._layout(snapshot)
            if layout is None:
                return []
            parts: list[Sequence[Row]] = []
            left = window.limit
            for bucket in _walk(window, layout.of(table.name)):
                parts.append(await self._door.read(cql, self._key(snapshot, bucket, *edges, left), limit=left))
                left -= len(parts[-1])
                if left <= 0:
                    break
        rows = join_rows(parts)
        return rows[::-1] if window.backwards else rows

    async def read_rows(
        self, table: Table, snapshot: Snapshot, *, cids: Sequence[bytes], columns: Sequence[str]
    ) -> list[Row | None]:
        cql = f"SELECT {_names([*columns, 'cid'])} FROM {self._name(table.name)} {WHERE} AND cid IN ?"
        async with self._door.limited():
            found = await self._read_by_key(cql, table.name, snapshot, cids)
        by_cid = {row[-1]: row[:-1] for row in found}
        return [by_cid.get(cid) for cid in cids]

    async def read_counts(self, snapshot: Snapshot, *, relation: str, keys: Sequence[bytes]) -> list[dict[str, int]]:
        async with self._door.limited():
            return await self._counts(snapshot, relation, keys)

    async def read_related(
        self,
        relation: Relation,
        snapshot: Snapshot,
        *,
        owners: Sequence[Owner],
        columns: Sequence[str],
        window: Window,
        criteria: Criteria = EVERYTHING,
    ) -> RelatedRows:
        """Owners with few rows are read together, whole; of one with many, no more than the window, by a statement of its own.

        Which is which is told by the counts kept at load. What they say is checked against what is met.
        """
        del criteria
        by_owner: dict[Owner, Sequence[Row]] = {}
        async with self._door.limited():
            layout = await self._layout(snapshot)
            if layout is not None and window.limit > 0:
                asked = list(dict.fromkeys(owners))
                few: dict[Owner, int] = {}
                if len(asked) > 2 and window.after is None and window.before is None:
                    few = await self._find_few(relation, snapshot, asked, window)
                alone = [owner for owner in asked if owner not in few]
                by_owner, others = await _at_once(
                    self._read_together(relation, snapshot, layout, few, columns, window),
                    self._read_alone(relation, snapshot, layout, alone, columns, window),
                )
                by_owner |= others
                left = [owner for owner in few if owner not in by_owner]
                by_owner |= await self._read_alone(relation, snapshot, layout, left, columns, window)
        found = [by_owner.get(owner, ()) for owner in owners]
        return RelatedRows(join_rows(found), [0, *accumulate(map(len, found))])

    async def _read_alone(
        self,
        relation: Relation,
        snapshot: Snapshot,
        layout: Layout,
        owners: Sequence[Owner],
        columns: Sequence[str],
        window: Window,
    ) -> dict[Owner, Sequence[Row]]:
        """One bounded statement an owner."""
        cqls = [self._related_cql(relation, columns, window, one_component=one) for one in (False, True)]
        bits = layout.of(relation.table)
        found: dict[Owner, Sequence[Row]] = {}
        for start in range(0, len(owners), SIDE_BY_SIDE):
            some = owners[start : start + SIDE_BY_SIDE]
            statements = []
            for owner, component in some:
                values = _place(relation, window, owner, component)
                key = self._key(snapshot, bucket_of(owner, bits), *values, window.limit)
                statements.append(await self._door.bind(cqls[component is not None], key, limit=window.limit))
            answers = await gather([self._door.start(statement, window.limit) for statement in statements])
            found.update(zip(some, answers, strict=True))
        return {owner: rows[::-1] for owner, rows in found.items()} if window.backwards else found

    async def _find_few(
        self, relation: Relation, snapshot: Snapshot, owners: Sequence[Owner], window: Window
    ) -> dict[Owner, int]:
        """Owners with few rows, and how many the counts say."""
        found: dict[Owner, int] = {}
        for one in (False, True):
            some = [owner for owner in owners if (owner[1] is not None) is one]
            counted = ("child" if one else "part") if relation.name == "owned" else relation.name
            counts = await self._counts(
                snapshot, counted, [(owner[1] if one else owner[0]) or owner[0] for owner in some]
            )
            for owner, each in zip(some, counts, strict=True):
                expected = each.get(relation.table, 0)
                if expected - window.limit < WORTH_A_STATEMENT:
                    found[owner] = expected
        return found

    async def _read_together(
        self,
        relation: Relation,
        snapshot: Snapshot,
        layout: Layout,
        few: Mapping[Owner, int],
        columns: Sequence[str],
        window: Window,
    ) -> dict[Owner, Sequence[Row]]:
        """The windows of owners with few rows; none of those that have more than the counts say."""
        parts = []
        for one in (False, True):
            some = [owner for owner in few if (owner[1] is not None) is one]
            key = (relation.owner, relation.order) if one and relation.component else (relation.owner,)
            keyed = f"({_names(key)})" if len(key) > 1 else key[0]
            cql = (
                f"SELECT {_names([*columns, *key])} FROM {self._name(related_name(relation))} {WHERE} "
                f"AND {keyed} IN ? LIMIT ?"
            )
            for bucket, places in group_by_bucket([owner for owner, _ in some], layout.of(relation.table)).items():
                for start in range(0, len(places), MAX_KEYS):
                    part = [some[place] for place in places[start : start + MAX_KEYS]]
                    limit = sum(few[owner] for owner in part) + SPARE_ROWS
                    asked = part if len(key) > 1 else [owner for owner, _ in part]
                    statement = await self._door.bind(cql, self._key(snapshot, bucket, asked, limit), limit=limit)
                    parts.append((part, statement, limit, len(key)))
        answers = await gather([self._door.start(statement, limit) for _, statement, limit, _ in parts])
        found: dict[Owner, Sequence[Row]] = {}
        for (part, _, limit, width), rows in zip(parts, answers, strict=True):
            if len(rows) < limit:
                found |= _split(part, rows, width=width, window=window)
        return found

    def _related_cql(self, relation: Relation, columns: Sequence[str], window: Window, *, one_component: bool) -> str:
        order = relation.key_within(one_component=one_component)
        given = {sign for key, sign in ((window.after, ">"), (window.before, "<")) if key is not None}
        if given and len(order) > 1:
            # ScyllaDB takes no tuple beside an equality, nor one that does not begin with the first column of the order.
            whole = f"({_names(relation.key)}) {{}} ({_names('?' * len(relation.key))})"
            sides = [whole.format(sign) if sign in given else f"({relation.owner}) {sign}= (?)" for sign in "><"]
        else:
            sides = [f"{name} = ?" for name in (relation.owner, *((relation.order,) if one_component else ()))]
            sides += [f"cid {sign} ?" for sign in "><" if sign in given]
        cql = f"SELECT {_names(columns)} FROM {self._name(related_name(relation))} {WHERE} AND {' AND '.join(sides)}"
        if window.backwards:
            cql += f" ORDER BY {_names(f'{name} DESC' for name in relation.key)}"
        return f"{cql} LIMIT ?"

    async def _counts(self, snapshot: Snapshot, relation: str, keys: Sequence[bytes]) -> list[dict[str, int]]:
        cql = f'SELECT "table", n, key FROM {self._name(COUNTS)} {WHERE} AND key IN ? AND relation = ?'
        found: dict[bytes, dict[str, int]] = {}
        for table, count, key in await self._read_by_key(cql, COUNTS, snapshot, keys, relation):
            found.setdefault(key, {})[table] = count
        return [found.get(key, {}) for key in keys]

    async def _read_by_key(
        self, cql: str, table: str, snapshot: Snapshot, keys: Sequence[bytes], *more: str
    ) -> Sequence[Row]:
        """The rows of these keys, each partition's by statements of at most MAX_KEYS."""
        layout = await self._layout(snapshot)
        if layout is None or not keys:
            return []
        asked = list(dict.fromkeys(keys))
        statements = []
        for bucket, places in group_by_bucket(asked, layout.of(table)).items():
            for start in range(0, len(places), MAX_KEYS):
                some = [asked[place] for place in places[start : start + MAX_KEYS]]
                statements.append(await self._door.bind(cql, self._key(snapshot, bucket, some, *more)))
        rows: list[Row] = []
        for start in range(0, len(statements), SIDE_BY_SIDE):
            for answer in await gather([self._door.start(each) for each in statements[start : start + SIDE_BY_SIDE]]):
                rows += answer
        return rows


async def _at_once(one: Coroutine[Any, Any, Value], other: Coroutine[Any, Any, Value]) -> tuple[Value, Value]:
    """Both answers, or the first failure, after which nobody waits for the other."""
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
    try:
        first, second = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return first, second


def _names(columns: Iterable[str]) -> str:
    return ", ".join(columns)


def _walk(window: Window, bits: int) -> Sequence[int]:
    """The buckets that the window may reach into, in the order they are read."""
    first = bucket_of(window.after[0], bits) if window.after else 0
    last = bucket_of(window.before[0], bits) if window.before else (1 << bits) - 1
    return range(last, first - 1, -1) if window.backwards else range(first, last + 1)


def _place(relation: Relation, window: Window, owner: bytes, component: bytes | None) -> list[bytes]:
    """The values of `_related_cql`, but for the partition and the limit."""
    order = relation.key_within(one_component=component is not None)
    if len(order) > 1 and (window.after or window.before):
        keys = [key[-len(order) :] if key else () for key in (window.after, window.before)]
        return [value for key in keys for value in (owner, *key)]
    return [owner, *((component,) if component is not None else ()), *window.edges(order)]


def _split(owners: Sequence[Owner], rows: Sequence[Row], *, width: int, window: Window) -> dict[Owner, Sequence[Row]]:
    """Rows of several owners, whole, cut to each one's window; the last `width` values of a row are its owner's."""
    found: dict[Owner, Sequence[Row]] = dict.fromkeys(owners, ())
    for key, some in groupby(rows, key=lambda row: row[-width:]):
        owned = [row[:-width] for row in some]
        owner = key if width > 1 else (key[0], None)
        found[owner] = owned[-window.limit :] if window.backwards else owned[: window.limit]
    return found
