"""What one run found, kept as JSON; and the ratios, which alone are shown."""

import platform
import re
import subprocess
import time
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from statistics import median

import msgspec

from bench.load_tool import Timing
from bench.paths import LIBRARIES, REPOSITORY

CONNECTIONS = (1, 8)
"""One shows how long a client waits, eight what a server can do at most."""
ONE, MANY = CONNECTIONS
SMALLEST_S = 1e-6
"""Of processor time a request, so that a clock that stood still does not divide by nothing."""
LIBRARIES_SHOWN = ("strawberry-graphql", "graphql-core", "starlette", "uvicorn", "uvloop", "apsw", "msgspec", "orjson")


class Latency(msgspec.Struct):
    """Of a small query, ms."""

    idle: Timing
    loaded: Timing


class Walk(msgspec.Struct):
    """From end to end of a large data set."""

    rows: int
    own_bytes: list[int]
    """After each page: memory of the server's own (RssAnon)."""
    seconds: list[float]
    """Of each page."""


class Loaded(msgspec.Struct):
    """One load in a process of its own."""

    seconds: float
    processor: float
    """Seconds of the processor's time, all threads together."""
    start_bytes: int
    """Resident when everything is imported and nothing read."""
    peak_bytes: int

    @property
    def grown_bytes(self) -> int:
        return self.peak_bytes - self.start_bytes


class Loading(msgspec.Struct):
    """The same synapses loaded in several ways."""

    rows: int
    ours: Loaded
    """From Parquet."""
    csv: Loaded
    by_hand: Loaded
    """From Parquet, into the same tables."""
    tenth: Loaded
    """Ours, from Parquet, a tenth of the rows."""


class Catalogue(msgspec.Struct):
    """Data sets found among many by a filter and a text, counted by facets."""

    datasets: int
    ours: list[float]
    """Seconds of the server's processor a page, HTTP and JSON included, in each round."""
    by_hand: list[float]
    own_bytes: int
    """Of the server's own memory (RssAnon), above one of an empty store."""
    starts: list[float]
    """Seconds that a start takes longer than with an empty store, in each round."""
    changes: list[float]
    """Seconds until a new, a changed and a deleted data set shows."""


class Written(msgspec.Struct):
    """Rows written to Cassandra by one process."""

    rows: int
    """As CQL counts them: those of all tables that hold a row."""
    seconds: float
    client: float
    """Seconds of the writer's processor."""
    node: float
    """The same of the node, compaction included."""
    grown_bytes: int = 0
    """Resident memory of the writer above what it was before it read anything."""
    in_flight: int = 0
    """Batches on their way at a time; 0 where that is the writer's own affair."""

    @property
    def rate(self) -> float:
        return self.rows / self.seconds

    @property
    def thrift(self) -> float:
        """Rows a second of the processor, of writer and node together."""
        return self.rows / (self.client + self.node)


class Timed(msgspec.Struct):
    """One way of reading, in each round."""

    seconds: list[float]
    processor: list[float]
    """Of reader and node together, in steps of 10 ms: of use in sum."""


class Wide(msgspec.Struct):
    """One data set on one node of Cassandra, loaded and read in several ways."""

    synapses: int
    load: Written
    """Ours, from the folder to the published version: read, checked, written, compared."""
    kind: Written
    """The same with as few batches in flight as the setting has, which is kind to readers."""
    store: Written
    """Ours, from resolved rows to the store alone."""
    driver: Written
    copied: Written | None
    """By `cqlsh COPY FROM`; None where there is no cqlsh."""
    reads: dict[str, Timed]
    partition_bytes: int
    """Of the largest partition of all tables."""
    server_bytes: int
    """Most resident memory of the server above what it was after its first answer."""
    beside: Latency
    """A page of 100, idle and beside a load."""

    def ratios(self, one: str, other: str) -> list[float]:
        """Time of the one way of reading over that of the other, round by round."""
        return [a / b for a, b in zip(self.reads[one].seconds, self.reads[other].seconds, strict=True)]

    def processor_ratio(self, one: str, other: str) -> float:
        return sum(self.reads[one].processor) / max(sum(self.reads[other].processor), SMALLEST_S)


class Run(msgspec.Struct):
    date: str
    machine: str
    scale: str
    versions: dict[str, str]
    absent: dict[str, str]
    """Servers that could not be set up, and why."""
    rates: dict[str, dict[str, dict[int, list[Timing]]]] = msgspec.field(default_factory=dict)
    """By server, case and connections, one for each round."""
    starts: dict[str, list[float]] = msgspec.field(default_factory=dict)
    """Seconds from the start of the process to the first answer."""
    memory: dict[str, int] = msgspec.field(default_factory=dict)
    """Resident bytes after the first answer."""
    latencies: dict[str, Latency] = msgspec.field(default_factory=dict)
    walk: Walk | None = None
    loading: Loading | None = None
    catalogue: Catalogue | None = None
    wide: Wide | None = None

    def has(self, *servers: str) -> bool:
        return all(name in self.rates for name in servers)

    def ratios(self, server: str, than: str, case: str, connections: int) -> list[float]:
        """Requests a second of the one over those of the other, round by round."""
        rounds = zip(self.rates[server][case][connections], self.rates[than][case][connections], strict=True)
        return [one.rate / other.rate for one, other in rounds]

    def ratio(self, server: str, than: str, case: str, connections: int) -> float:
        return median(self.ratios(server, than, case, connections))

    def start_ratio(self, server: str, than: str) -> float:
        return median(one / other for one, other in zip(self.starts[server], self.starts[than], strict=True))


def by_processor(run: Run) -> Run:
    """The same run with requests per second of the server's processor time for requests per second of the wall clock.

    What else runs on the machine hardly shows in it; the time that a server's database takes in another process is missing.
    """
    rates = {
        name: {
            case: {
                connections: [replace(each, rate=1 / max(each.processor, SMALLEST_S)) for each in timings]
                for connections, timings in by_connections.items()
            }
            for case, by_connections in by_case.items()
        }
        for name, by_case in run.rates.items()
    }
    return msgspec.structs.replace(run, rates=rates)


def walk_growth(walk: Walk) -> float:
    """Most memory after any page over the most after one of the first tenth."""
    return max(walk.own_bytes) / max(walk.own_bytes[: max(1, len(walk.own_bytes) // 10)])


def walk_slowing(walk: Walk) -> float:
    """Time of a page in the last fifth over that in the first."""
    fifth = max(1, len(walk.seconds) // 5)
    return median(walk.seconds[-fifth:]) / median(walk.seconds[:fifth])


def begin_run(scale: str, versions: dict[str, str], absent: dict[str, str]) -> Run:
    return Run(time.strftime("%Y-%m-%d"), describe_machine(), scale, own_versions() | versions, absent)


def describe_machine() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cores = re.findall(r"^processor\s*:", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{found[1].strip() if found else platform.machine()}, {len(cores)} cores"


def own_versions() -> dict[str, str]:
    versions = {"SynDB GraphQL": _own_version(), "Python": platform.python_version()}
    beside = {found.metadata["Name"]: found.version for found in distributions(path=[str(LIBRARIES)])}
    for name in LIBRARIES_SHOWN:
        try:
            versions[name] = beside.get(name) or version(name)
        except PackageNotFoundError:
            continue
    return versions


def _own_version() -> str:
    text = (REPOSITORY / "syndb_graphql/__init__.py").read_text()
    found = re.search(r'__version__ = "(.*?)"', text)
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        commit = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        commit = ""
    return f"{found[1] if found else '?'} {commit.strip()}".strip()
