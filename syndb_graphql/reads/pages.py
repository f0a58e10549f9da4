"""Pages of rows: what `first`, `last`, `after` and `before` mean, and one call of the store for each page or page of parents.

Where somebody wants to know whether there are more rows, one row more than asked for is read: it tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from syndb_graphql.errors import BadInput, LimitExceeded
from syndb_graphql.spec.model import Relation, Table
from syndb_graphql.store.protocol import EVERYTHING, Criteria, Key, Owner, Row, Snapshot, Store, Window


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`count` rows after, or when `backwards` before, a key."""

    count: int
    backwards: bool = False
    after: Key | None = None
    before: Key | None = None
    criteria: Criteria = EVERYTHING
    peeks: bool = True
    """Whether it matters that there are more."""

    @property
    def window(self) -> Window:
        return Window(self.count + self.peeks, self.after, self.before, self.backwards)


@dataclass(frozen=True, slots=True)
class Page:
    rows: Sequence[Row]
    has_next: bool
    has_previous: bool


def check_page_size(first: int | None, last: int | None, *, default: int, maximum: int) -> tuple[int, bool]:
    """How many rows, and whether from the end. Raises BadInput and LimitExceeded, naming the argument and the bound."""
    if first is not None and last is not None:
        raise BadInput("Give `first` or `last`, not both: one pages forwards, the other backwards.")
    name, count = ("first", first) if last is None else ("last", last)
    if count is None:
        return default, False
    if count < 0:
        raise BadInput(f"`{name}` must not be negative; it is {count}.")
    if count > maximum:
        raise LimitExceeded(
            f"`{name}` may be {maximum:,} at most; it is {count:,}. Page on with `after: pageInfo.endCursor`."
        )
    return count, last is not None


def cut_page(rows: Sequence[Row], request: PageRequest) -> Page:
    """Drop the row that was read only to learn whether there are more."""
    more = len(rows) > request.count
    if request.backwards:
        kept = rows[-request.count :] if more and request.count else ([] if more else rows)
        return Page(kept, request.before is not None, more)
    return Page(rows[: request.count] if more else rows, more, request.after is not None)


async def read_table_page(
    store: Store, table: Table, snapshot: Snapshot, columns: Sequence[str], request: PageRequest
) -> Page:
    rows = await store.read_page(table, snapshot, columns=columns, window=request.window, criteria=request.criteria)
    return cut_page(rows, request)


async def read_related_pages(
    store: Store,
    relation: Relation,
    snapshot: Snapshot,
    owners: Sequence[Owner],
    columns: Sequence[str],
    request: PageRequest,
) -> list[Page]:
    """The same page of each owner's rows, by one call of the store."""
    found = await store.read_related(
        relation, snapshot, owners=owners, columns=columns, window=request.window, criteria=request.criteria
    )
    spans = zip(found.offsets, found.offsets[1:], strict=False)
    return [cut_page(found.rows[start:end], request) for start, end in spans]
