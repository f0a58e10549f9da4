"""`syndb-graphql load` over stores that are slow in one of their calls: they never come back from it by themselves.

python slow_load.py CALL HOW FOLDER…: HOW is `computing` or `waiting`; a line is printed when it begins.
"""

import asyncio
import dataclasses
import sys
from typing import Any

from syndb_graphql.cli import load, run
from syndb_graphql.stores import open_stores


class Slow:
    def __init__(self, inner: Any, calls: dict[str, str]) -> None:
        self._inner, self._calls = inner, calls

    def __getattr__(self, name: str) -> Any:
        how = self._calls.get(name)
        if how is None:
            return getattr(self._inner, name)

        async def never(*_: Any, **__: Any) -> None:
            print(name, flush=True)
            while True:
                if how == "waiting":
                    await asyncio.Event().wait()

        return never


def open_slow(*arguments: Any, **options: Any) -> Any:
    stores = open_stores(*arguments, **options)
    calls = dict(zip(sys.argv[1].split(","), sys.argv[2].split(","), strict=True))
    return dataclasses.replace(stores, rows=Slow(stores.rows, calls), objects=Slow(stores.objects, calls))


load.open_stores = open_slow
if __name__ == "__main__":
    sys.exit(run(["load", *sys.argv[3:]]))
