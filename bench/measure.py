"""The measurements, each of servers that run already, but for the start-up."""

import gc
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.cases import Case, Questions, make_body
from bench.dialects import OURS, dig
from bench.load_tool import Timing, Work, drive
from bench.results import CONNECTIONS, Latency, Run, Walk
from bench.targets import Server, Target, own_process

Works = Mapping[str, Mapping[str, Work]]
"""By server and case."""
WARM_S = 0.3
HEAVY_CONNECTIONS = 2
SMALL_PAUSE_S = 0.002
"""Between small queries, which stand for a person's beside a heavy reader: they must not make the load themselves."""
WALK_PAGE = 10_000


@dataclass(frozen=True)
class Effort:
    rounds: int
    seconds: float
    """Of each run of requests; longer where one answer takes longer."""
    starts: int
    latency_seconds: float


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def running(targets: Iterable[Target], first: Mapping[str, bytes]) -> Iterator[dict[str, Server]]:
    """The servers by name, each after its first answer; `first` has a small question for each."""
    with ExitStack() as stack:
        servers = {}
        for target in targets:
            server = servers[target.name] = stack.enter_context(Server(target))
            server.wait(first[target.name])
        yield servers


def measure_starts(run: Run, targets: Sequence[Target], first: Mapping[str, bytes], effort: Effort) -> None:
    """Process to first answer, one server at a time, and its memory then."""
    for _ in range(effort.starts):
        for target in targets:
            with Server(target) as server:
                run.starts.setdefault(target.name, []).append(server.wait(first[target.name]))
                run.memory[target.name] = server.resident()
    for target in targets:
        say(f"{target.name}: starts")


def prepare_works(servers: Mapping[str, Server], cases: Sequence[Case], questions: Questions) -> Works:
    """What is to be sent, every answer compared. Raises WrongAnswer."""
    works: dict[str, dict[str, Work]] = {}
    for name, server in servers.items():
        works[name] = {}
        for case in cases:
            bodies = questions.prepare(case, server.target.dialect, server.ask)
            works[name][case.name] = server.make_work(bodies)
        say(f"{name}: every answer is right")
    return works


def measure_rates(run: Run, servers: Mapping[str, Server], works: Works, cases: Sequence[Case], effort: Effort) -> None:
    """Each round: each case: each server in turn, so that the machine's drift meets all alike."""
    gc.freeze()
    for number in range(effort.rounds):
        for case in cases:
            for name, by_case in works.items():
                work = by_case[case.name]
                if number == 0:
                    drive(work, connections=1, seconds=min(WARM_S, effort.seconds))
                by_connections = run.rates.setdefault(name, {}).setdefault(case.name, {})
                for connections in CONNECTIONS:
                    before = servers[name].processor_seconds()
                    timing = drive(work, connections=connections, seconds=effort.seconds)
                    used = (servers[name].processor_seconds() - before) / timing.count
                    by_connections.setdefault(connections, []).append(replace(timing, processor=used))
        say(f"round {number + 1} of {effort.rounds} is done")


def measure_latencies(run: Run, works: Works, effort: Effort) -> None:
    """One row by its id, again and again, while nothing else and while two heavy readers ask the same server."""
    for name, by_case in works.items():
        idle = _ask_small(by_case["one"], effort.latency_seconds / 2)
        heavy = by_case["page_10000"]
        with tempfile.TemporaryDirectory() as scratch:
            bodies = Path(scratch) / "bodies"
            bodies.write_bytes(b"\n".join(heavy.bodies) + b"\n")
            command = [sys.executable, "-m", "bench.load_tool", heavy.url, str(bodies)]
            # Until it is ended: it only has to outlast the small queries.
            command += ["--connections", str(HEAVY_CONNECTIONS), "--seconds", "600"]
            with own_process(command):
                drive(by_case["one"], connections=1, seconds=0.5)
                loaded = _ask_small(by_case["one"], effort.latency_seconds)
        run.latencies[name] = Latency(idle, loaded)
        say(f"{name}: latency under load")


def _ask_small(work: Work, seconds: float) -> Timing:
    return drive(work, connections=1, seconds=seconds, pause=SMALL_PAUSE_S)


def measure_walk(server: Server, dataset: str, rows: int) -> Walk:
    """Every row of a data set in pages of 10,000. Raises RuntimeError where rows are missing or out of order."""
    walk = Walk(0, [], [])
    values: dict[str, object] = {"dataset": dataset, "first": WALK_PAGE}
    last = ""
    while True:
        began = time.perf_counter()
        found = dig(server.ask(make_body(OURS, "page", values)), OURS.connection)
        walk.seconds.append(time.perf_counter() - began)
        walk.own_bytes.append(server.resident("RssAnon"))
        cids = [edge["node"]["cid"] for edge in found["edges"]]
        if cids != sorted(set(cids)) or cids[0] <= last:
            raise RuntimeError(f"The page after {walk.rows:,} rows is out of order.")
        walk.rows, last = walk.rows + len(cids), cids[-1]
        if not found["pageInfo"]["hasNextPage"]:
            break
        values["after"] = found["pageInfo"]["endCursor"]
    if walk.rows != rows:
        raise RuntimeError(f"The walk met {walk.rows:,} rows of {rows:,}.")
    return walk
