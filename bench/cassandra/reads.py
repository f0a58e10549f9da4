"""Reading: our server over HTTP beside the bare driver, each way in turn in each round; its memory; and readers beside a load."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from bench.cassandra.contents import NotTheSame, Place, find_place
from bench.cassandra.loads import OURS, Folder, child_command
from bench.cassandra.node import BenchNode
from bench.cassandra.questions import (
    COLUMNS,
    PAGE,
    PARENTS,
    SMALL_PAGE,
    ByHand,
    check_children,
    check_page,
    children_body,
    page_body,
)
from bench.data import own_environment
from bench.load_tool import Timing, Work, drive
from bench.measure import SMALL_PAUSE_S, say
from bench.paths import REPOSITORY
from bench.results import Latency, Timed
from bench.targets import Server, own_target
from syndb_graphql.store.cassandra.store import LOAD_IN_FLIGHT

ROUNDS = 15
DEEP_PAGE = 100
BESIDE_S = 8.0
"""How long a reader asks, idle and beside a load."""
Ways = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class Reads:
    reads: dict[str, Timed]
    server_bytes: int
    beside: Latency


def measure_reads(node: BenchNode, folder: Folder, full: Folder, nulls: Folder) -> Reads:
    """`full`, `nulls`: loaded too, of the same size, half of the cells of one being null. Raises NotTheSame."""
    target = own_target(folder.out, node.environment(OURS))
    with node.connected() as session, node.connected(decoded=False) as undecoded, Server(target) as server:
        places = [find_place(session, OURS, each.snapshot) for each in (folder, full, nulls)]
        server.wait(page_body(places[0], 1))
        start = server.resident()
        say("Cassandra: walking over all rows")
        deep = walk(server, places[0])
        hand, bare = ByHand(session, places[0], decoded=True), ByHand(undecoded, places[0], decoded=False)
        ways = _check_ways(server, places, hand, bare, deep)
        reads = _measure(node, server, ways)
        beside = _measure_beside(node, folder, server, places[0])
        grown = server.resident("VmHWM") - start
    return Reads(reads, grown, beside)


def walk(server: Server, place: Place) -> str:
    """Every synapse, in pages of 10,000; the cursor before page 100, or before the last whole one. Raises NotTheSame."""
    after, last, met, cursors = None, "", 0, []
    while True:
        found = server.ask(page_body(place, PAGE, after))["dataset"]["synapses"]
        cids = [edge["node"]["cid"] for edge in found["edges"]]
        if cids != sorted(set(cids)) or cids[0] <= last:
            raise NotTheSame(f"The page after {met:,} rows is out of order.")
        met, last, after = met + len(cids), cids[-1], found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
        cursors.append(after)
    whole = met // PAGE
    say(f"  {met:,} rows met")
    return str(cursors[min(DEEP_PAGE, max(whole, 2)) - 2]) if cursors else ""


def _check_ways(server: Server, places: list[Place], hand: ByHand, bare: ByHand, deep: str) -> Ways:
    """What is timed, each answer compared first."""
    check_page(server.ask(page_body(places[0], PAGE)), hand.read_page("synapse", COLUMNS, PAGE))
    neurons = [row[0].bytes for row in hand.read_page("neuron", ("cid",), PARENTS)]
    check_children(server.ask(children_body(places[0])), neurons, hand.read_children_each(neurons))
    bodies = {
        "page": page_body(places[0], PAGE),
        "deep": page_body(places[0], PAGE, deep or None),
        "full": page_body(places[1], PAGE),
        "nulls": page_body(places[2], PAGE),
        "children": children_body(places[0]),
    }
    works = {name: server.make_work([body]) for name, body in bodies.items()}

    def ask(work: Work) -> Callable[[], object]:
        return lambda: drive(work, connections=1, seconds=0)

    def read_parents() -> object:
        return bare.read_page("neuron", ("cid",), PARENTS)

    return {
        **{name: ask(work) for name, work in works.items()},
        "bytes": lambda: bare.read_page("synapse", COLUMNS, PAGE),
        "by_hand": hand.answer_page,
        "children_each": lambda: (read_parents(), bare.read_children_each(neurons)),
        "children_range": lambda: (read_parents(), bare.read_children_range(neurons)),
    }


def _measure(node: BenchNode, server: Server, ways: Ways) -> dict[str, Timed]:
    timed = {name: Timed([], []) for name in ways}
    for number in range(ROUNDS + 2):
        for name, way in ways.items():
            used, began = _used(node, server), time.perf_counter()
            way()
            if number > 1:  # the first two warm up
                timed[name].seconds.append(time.perf_counter() - began)
                timed[name].processor.append(_used(node, server) - used)
    say(f"Cassandra: {ROUNDS} rounds of reading")
    return timed


def _used(node: BenchNode, server: Server) -> float:
    own = os.times()
    return node.processor_seconds() + server.processor_seconds() + own.user + own.system


# ── Beside a load ──
def _measure_beside(node: BenchNode, folder: Folder, server: Server, place: Place) -> Latency:
    work = server.make_work([page_body(place, SMALL_PAGE)])
    idle = _ask_small(work)
    with _loading(node, folder):
        loaded = _ask_small(work)
    say("Cassandra: readers beside a load")
    return Latency(idle, loaded)


def _ask_small(work: Work) -> Timing:
    drive(work, connections=1, seconds=0.5)
    return drive(work, connections=1, seconds=BESIDE_S, pause=SMALL_PAUSE_S)


@contextmanager
def _loading(node: BenchNode, folder: Folder) -> Iterator[None]:
    """While this lasts, the same rows are written as another version that nobody reads."""
    with folder.resolved() as resolved:
        command = child_command(node, "again", OURS, LOAD_IN_FLIGHT, UUID(bytes=folder.snapshot.dataset_id), resolved)
        process = subprocess.Popen(command, cwd=REPOSITORY, env=own_environment(), stdout=subprocess.PIPE)
        try:
            assert process.stdout
            while b"synapse" not in (line := process.stdout.readline()):
                if not line:
                    raise RuntimeError("The load beside the readers ended before it began.")
            yield
        finally:
            process.terminate()
            process.wait(30)
            if process.stdout:
                process.stdout.close()
