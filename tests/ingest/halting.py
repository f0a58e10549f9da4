"""A process that loads a folder and halts at a given call of a store, to be killed there.

python halting.py HOME CALL: loads HOME/folder; at the first CALL it prints a line and waits for ever.
"""

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

from syndb_graphql.ingest.load import load_folder
from syndb_graphql.objects.local import LocalObjects
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.sqlite import SqliteStore


class Halting:
    """Passes every call on, but the one: that is made, if `after`, and then nothing more happens."""

    def __init__(self, inner: Any, call: str, *, after: bool) -> None:
        self._inner, self._call, self._after = inner, call, after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name != self._call:
            return method

        async def halt(*arguments: Any, **options: Any) -> None:
            if self._after:
                await method(*arguments, **options)
            print("halted", flush=True)
            threading.Event().wait()

        return halt


async def main(home: Path, call: str) -> None:
    model = load_default_model()
    name, _, when = call.partition("-")
    rows = Halting(SqliteStore(home / "syndb.sqlite", model, timeout_s=5), name, after=when == "after")
    objects = Halting(LocalObjects(home / "files", (b"k" * 32,), 3600), name, after=when == "after")
    await load_folder(home / "folder", model=model, rows=rows, objects=objects, owner="local")


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
