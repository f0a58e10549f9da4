"""One writer in a process of its own: prints a line of JSON with its seconds, processor time and memory.

python -m bench.cassandra.child store|driver|again HOST PORT DATACENTER KEYSPACE IN_FLIGHT DATASET FOLDER

`store` is the store's own way of writing, `driver` what somebody would write by hand with the bare driver; both are given
the rows of FOLDER/<table>.parquet, resolved and sorted. `again` writes as `store` does, over and over, until it is ended.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import msgspec

from bench.cassandra.by_hand import Source, find_sources, write_by_hand
from bench.loads.child import resident
from bench.results import Loaded
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.model import Table
from syndb_graphql.store.cassandra.door import ClusterOptions
from syndb_graphql.store.cassandra.store import CassandraStore
from syndb_graphql.store.protocol import Snapshot

TIMEOUT_S = 60.0


async def write_store(
    options: ClusterOptions, in_flight: int, dataset_id: bytes, sources: Mapping[str, Source], *, again: bool
) -> None:
    model = load_default_model()
    store = CassandraStore(options, model, load_in_flight=in_flight)
    try:
        rows = {name: source.rows for name, source in sources.items()}
        snapshot = Snapshot(dataset_id, await store.begin_version(dataset_id))
        await store.open_version(snapshot, rows)
        while True:
            for name, source in sources.items():
                await _write_table(store, model.tables[name], snapshot, source)
            if not again:
                return
    finally:
        await store.close()


async def _write_table(store: CassandraStore, table: Table, snapshot: Snapshot, source: Source) -> None:
    for number, frame in enumerate(source.pieces()):
        await store.write_rows(table, snapshot, frame)
        if not number:
            print(f"began {table.name}", flush=True)


def main() -> None:
    who, host, port, datacenter, keyspace, in_flight, dataset, folder = sys.argv[1:]
    options = ClusterOptions(
        hosts=(host,), port=int(port), datacenter=datacenter, keyspace=keyspace, timeout_s=TIMEOUT_S, no_delay=True
    )
    sources = find_sources(Path(folder))
    start, began, used = resident("VmRSS"), time.perf_counter(), time.process_time()
    if who == "driver":
        write_by_hand(options, int(in_flight), UUID(dataset), sources)
    else:
        again = who == "again"
        asyncio.run(write_store(options, int(in_flight), UUID(dataset).bytes, sources, again=again))
    loaded = Loaded(time.perf_counter() - began, time.process_time() - used, start, resident("VmHWM"))
    print(msgspec.json.encode(loaded).decode())


if __name__ == "__main__":
    main()
