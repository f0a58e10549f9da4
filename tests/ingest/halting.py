"""A process that loads a folder and halts at a given moment, to be killed there. Its stores are those of its settings.

python halting.py CALL: loads SYNDB_DATA/folder; at the first CALL, a method of a store (`write_rows`; `write_rows-after`:
once it has returned), it prints a line and waits for ever.

python halting.py: for each number that it reads, a process loads SYNDB_DATA/folder, halts at the so manieth moment of
the load and prints its id. They are forks of one that has imported everything, which takes longer than a load, and has
opened nothing: threads and connections do not outlive a fork.
"""

import asyncio
import os
import sys
import threading
from asyncio import sleep
from collections.abc import Awaitable, Callable
from typing import Any

from syndb_graphql.ingest.load import load_folder
from syndb_graphql.ingest.result import LoadResult
from syndb_graphql.settings import Settings, load_settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.cassandra.store import CassandraStore
from syndb_graphql.stores import open_stores


class Moments:
    """Counts the moments of a load: before and after each call of a store, before each statement that is sent to nodes,

    and whatever it tells of its progress.
    """

    def __init__(self, stop_at: int | None = None) -> None:
        self.names: list[str] = []
        self._stop_at = stop_at

    def meet(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self._stop_at:
            halt()

    def watch_statements(self, store: CassandraStore) -> None:
        send = store._door.start

        def meet_and_send(*arguments: Any, **options: Any) -> Any:
            self.meet("statement")
            return send(*arguments, **options)

        store._door.start = meet_and_send  # type: ignore[method-assign]

    # ── As the progress of a load ──
    def begin(self, step: str, total: int, unit: str) -> None:
        self.meet(step)

    def reach(self, done: int) -> None:
        self.meet("reach")


class Watched:
    """Passes every call on, and says so before it and after it; waits for what is to be done then."""

    def __init__(self, inner: Any, meet: Callable[[str], Awaitable[None] | None]) -> None:
        self._inner, self._meet = inner, meet

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name in ("list_keys", "read"):
            return method

        async def call(*arguments: Any, **options: Any) -> Any:
            await (self._meet(name) or sleep(0))
            result = await method(*arguments, **options)
            await (self._meet(f"{name}-after") or sleep(0))
            return result

        return call


def halt() -> None:
    print("halted", os.getpid(), flush=True)
    threading.Event().wait()


async def load(
    settings: Settings, meet: Callable[[str], Awaitable[None] | None], progress: Moments | None = None
) -> LoadResult:
    """Load the folder of the settings' data folder, as the program would."""
    model = load_default_model()
    stores = open_stores(settings, model, patient=True)
    if progress and isinstance(stores.rows, CassandraStore):
        progress.watch_statements(stores.rows)
    rows, objects = Watched(stores.rows, meet), Watched(stores.objects, meet)
    try:
        return await load_folder(
            settings.data / "folder", model=model, rows=rows, objects=objects, owner=settings.owner, progress=progress
        )
    finally:
        await stores.close()


def main(call: str | None = None) -> None:
    settings = load_settings()
    if call:
        asyncio.run(load(settings, lambda name: halt() if name == call else None))
        return
    for line in sys.stdin:
        child = os.fork()
        if not child:
            moments = Moments(int(line))
            asyncio.run(load(settings, moments.meet, moments))
            return
        os.waitpid(child, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
