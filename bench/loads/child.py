"""One load in a process of its own: prints a line of JSON with its seconds and its memory.

python -m bench.loads.child ours|by-hand FOLDER OUT
"""

import asyncio
import re
import sys
import time
import tomllib
from pathlib import Path

import msgspec

from bench.loads.by_hand import load_by_hand
from bench.results import Loaded
from syndb_graphql.catalog.records import derive_dataset_id
from syndb_graphql.ingest.load import load_folder
from syndb_graphql.ingest.survey import Survey
from syndb_graphql.settings import load_settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import open_stores

TOLD_S = 15.0
"""Between two lines of how far it is."""


class Lines:
    """How far a load is, as a line now and then."""

    def __init__(self) -> None:
        self._step, self._total, self._unit = "", 0, ""
        self._began = self._told = time.monotonic()

    def begin(self, step: str, total: int, unit: str) -> None:
        self._step, self._total, self._unit = step, total, unit
        self._began = self._told = time.monotonic()

    def reach(self, done: int) -> None:
        now = time.monotonic()
        if now - self._told < TOLD_S or not done:
            return
        self._told = now
        left = (now - self._began) * (self._total - done) / done
        text = f"    {self._step}: {done:,} of {self._total:,} {self._unit}, {left:.0f} s left"
        print(text, file=sys.stderr, flush=True)


async def load_ours(folder: Path, out: Path) -> None:
    model = load_default_model()
    settings = load_settings(data=out)
    stores = open_stores(settings, model, patient=True)
    try:
        result = await load_folder(
            folder,
            model=model,
            rows=stores.rows,
            objects=stores.objects,
            owner="local",
            progress=Lines(),
            survey=Survey(),  # as the command has one, for its summary of the columns
        )
    finally:
        await stores.close()
    if result.status != "loaded":
        raise SystemExit(f"{folder} was not loaded: {result.findings[:5]}")


def main() -> None:
    who, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    start, began, used = resident("VmRSS"), time.perf_counter(), time.process_time()
    if who == "ours":
        asyncio.run(load_ours(folder, out))
    else:
        label = tomllib.loads((folder / "dataset.toml").read_text())["dataset"]["label"]
        load_by_hand(folder, out, derive_dataset_id("local", label).bytes)
    loaded = Loaded(time.perf_counter() - began, time.process_time() - used, start, resident("VmHWM"))
    print(msgspec.json.encode(loaded).decode())


def resident(kind: str) -> int:
    found = re.search(rf"^{kind}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return 1024 * int(found[1]) if found else 0


if __name__ == "__main__":
    main()
