"""A process that loads a folder and halts at a given moment, to be killed there.

python halting.py HOME CALL: loads HOME/folder; at the first CALL, a method of a store (`write_rows`; `write_rows-after`:
once it has returned), it prints a line and waits for ever.

python halting.py HOME: for each number that it reads, a process loads HOME/folder, halts at the so manieth moment of the
load and prints its id. They are forks of one that has imported everything, which takes longer than a load.
"""

import asyncio
import os
import sys
import threading
from asyncio import sleep
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from syndb_graphql.ingest.load import load_folder
from syndb_graphql.ingest.result import LoadResult
from syndb_graphql.objects.local import LocalObjects
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.sqlite import SqliteStore


class Moments:
    """Counts the moments of a load: before and after each call of a store, and whatever it tells of its progress."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.names: list[str] = []
        self._stop_at = stop_at

    def meet(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self._stop_at:
            halt()

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


async def load(home: Path, meet: Callable[[str], Awaitable[None] | None], progress: Any = None) -> LoadResult:
    """Load HOME/folder into the stores of HOME, as the program would."""
    model = load_default_model()
    rows = Watched(SqliteStore(home / "syndb.sqlite", model, timeout_s=5), meet)
    objects = Watched(LocalObjects(home / "files", (b"k" * 32,), 3600), meet)
    try:
        return await load_folder(
            home / "folder", model=model, rows=rows, objects=objects, owner="local", progress=progress
        )
    finally:
        await rows.close()


def main(home: Path, call: str | None = None) -> None:
    if call:
        asyncio.run(load(home, lambda name: halt() if name == call else None))
        return
    for line in sys.stdin:
        child = os.fork()
        if not child:
            moments = Moments(int(line))
            asyncio.run(load(home, moments.meet, moments))
            return
        os.waitpid(child, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
