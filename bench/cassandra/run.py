"""One run: a node, the loads, the reads. What is loaded is made once and kept in the cache folder; the node goes."""

import sys

from bench.cassandra.loads import OURS, Folder, clean, load_ours, measure_loads
from bench.cassandra.node import run_node
from bench.cassandra.reads import measure_reads
from bench.install import install_libraries
from bench.loading import FOLDER, prepare_input
from bench.paths import LIBRARIES
from bench.results import Wide

LEAST_ROWS = 20_000
"""Two pages."""
NULL_ROWS = 20_000


def measure_wide(rows: int) -> Wide:
    """Raises NotTheSame, and MissingTool where there is no JDK 17."""
    if rows < LEAST_ROWS:
        raise SystemExit(f"{rows:,} synapses are too few for the pages that are read: ask for {LEAST_ROWS:,} or more.")
    install_libraries()
    sys.path.append(str(LIBRARIES))
    inputs = [prepare_input(rows, "parquet"), *(prepare_input(NULL_ROWS, "parquet", nulls) for nulls in (0, 0.5))]
    folder, full, nulls = (Folder(path, FOLDER / "out" / "cassandra") for path in inputs)
    clean(folder)
    try:
        with run_node() as node:
            node.make_keyspace(OURS)
            for each in (full, nulls):
                load_ours(node, each)  # first, since a JVM that just started is slow
            loads = measure_loads(node, folder)
            partition = node.largest_partition(OURS)
            reads = measure_reads(node, folder, full, nulls)
    finally:
        clean(folder)
    return Wide(
        rows,
        loads.load,
        loads.kind,
        loads.store,
        loads.driver,
        loads.copied,
        reads.reads,
        partition,
        reads.server_bytes,
        reads.beside,
    )
