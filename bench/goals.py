"""What the project has set itself, in ratios, and whether a run reaches it.

Requests a second are compared at eight connections, where the server's own work is the bound; times at one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from bench.cases import BY_NAME
from bench.results import MANY, ONE, Catalogue, Loaded, Loading, Run, Wide, walk_growth
from bench.targets import DATASETTE_NAME, LIMIT_APSW, MERCURIUS_NAME, OURS_NAME, POSTGRAPHILE_NAME, STOCK

TIMES_STOCK = {"page_10000": 25.0, "page_1000": 20.0, "page_100": 15.0, "one": 9.0, "nested": 8.0}
"""Requests a second over those of stock Strawberry, at least."""
TIME_OF_LIMIT = {"page_10000": 1.3, "nested": 1.4}
"""Time over that of the apsw limit, at most."""
PEERS = (MERCURIUS_NAME, POSTGRAPHILE_NAME, DATASETTE_NAME)
AHEAD = ("page_1000", "page_10000", "nested")
WITHIN = {"page_100": 0.75, "deep": 0.75}
"""Of the best peer's requests a second, at least."""
OF_MERCURIUS = {"one": 0.5}
LOADING, CSV = 0.6, 0.5
"""Rows a second of a load over those of a loop by hand, and of a csv over Parquet, at least."""
LOADING_BYTES = 400_000_000
"""Of memory above the start of a load, however many rows it has."""
CATALOGUE_BY_HAND = 1.5
"""Processor time of a page of data sets over that of loops by hand, at most; and absolute, on any machine of these years:"""
CATALOGUE_PAGE_S, CATALOGUE_BYTES, CATALOGUE_START_S, CATALOGUE_CHANGE_S = 0.02, 100_000_000, 3.0, 2.0
WIDE_DRIVER, WIDE_COPY = 1.2, 2.5
"""CQL rows a second of a load into Cassandra over those of the bare driver's batches and of cqlsh's COPY, at least."""
WIDE_PAGE, WIDE_CHILDREN = 1.4, 1.5
"""Time over HTTP of a page of 10,000 over that of the same bytes read from the node and not decoded, and of the children of
100 parents over the better of two ways by hand, not decoded either, at most."""
WIDE_SAME = 1.1
"""Time of a page far in, or with nulls, over one at the start, or without, at most: the same, but for noise."""
WIDE_BESIDE = 3.0
"""A reader's median beside a load over its median without, at most."""
WIDE_BYTES, PARTITION_BYTES = 300_000_000, 100_000_000
GROWTH = 1.1
"""Of the server's own memory in a walk, at most: flat, but for what an allocator keeps."""


@dataclass(frozen=True)
class Verdict:
    what: str
    figure: float
    goal: float
    at_least: bool
    """Else at most."""
    spread: tuple[float, float] | None = None

    @property
    def met(self) -> bool:
        return self.figure >= self.goal if self.at_least else self.figure <= self.goal

    def relax(self, factor: float) -> "Verdict":
        """The same, with a goal easier by a factor."""
        goal = self.goal / factor if self.at_least else self.goal * factor
        return Verdict(self.what, self.figure, goal, self.at_least, self.spread)


def judge(run: Run) -> Iterator[Verdict]:
    """Verdicts on all goals whose servers took part."""
    if run.has(OURS_NAME, STOCK):
        yield from (_rate(run, case, STOCK, goal) for case, goal in TIMES_STOCK.items() if _asked(run, case))
    if run.has(OURS_NAME, LIMIT_APSW):
        yield from (_time(run, case, LIMIT_APSW, goal) for case, goal in TIME_OF_LIMIT.items() if _asked(run, case))
    present = [name for name in PEERS if run.has(name)]
    for case in AHEAD:
        yield from (_rate(run, case, name, 1.0) for name in present)
    for case, goal in WITHIN.items():
        if present:
            best = max(present, key=lambda name: run.ratio(name, OURS_NAME, case, MANY))
            yield _rate(run, case, best, goal, "the best peer, ")
    if run.has(MERCURIUS_NAME):
        yield from (_rate(run, case, MERCURIUS_NAME, goal) for case, goal in OF_MERCURIUS.items())
    if run.walk:
        yield Verdict(f"memory in a walk over {run.walk.rows:,} rows", walk_growth(run.walk), GROWTH, at_least=False)
    if run.loading:
        yield from judge_loading(run.loading)
    if run.catalogue:
        yield from judge_catalogue(run.catalogue)
    if run.wide:
        yield from judge_wide(run.wide)


def judge_loading(loading: Loading, *, by_processor: bool = False) -> Iterator[Verdict]:
    """`by_processor`: by the processor's time, in which what else runs on the machine hardly shows."""

    def ratio(one: Loaded, other: Loaded) -> float:
        return one.processor / other.processor if by_processor else one.seconds / other.seconds

    what = f"{loading.rows:,} synapses loaded"
    yield Verdict(f"{what}: rows/s over a loop by hand", ratio(loading.by_hand, loading.ours), LOADING, at_least=True)
    yield Verdict(f"{what}: rows/s of csv over Parquet", ratio(loading.ours, loading.csv), CSV, at_least=True)
    for name, each in (("", loading.ours), (", csv", loading.csv)):
        part = each.grown_bytes / LOADING_BYTES
        yield Verdict(f"{what}{name}: memory above the start, of {LOADING_BYTES // 10**6} MB", part, 1, at_least=False)


def judge_catalogue(catalogue: Catalogue) -> Iterator[Verdict]:
    what = f"a page of {catalogue.datasets:,} data sets"
    ratios = [ours / by_hand for ours, by_hand in zip(catalogue.ours, catalogue.by_hand, strict=True)]
    spread = (min(ratios), max(ratios))
    yield Verdict(f"{what}: processor time over that by hand", median(ratios), CATALOGUE_BY_HAND, False, spread)
    for aim, figure, goal, unit in (
        (f"{what}: processor time", median(catalogue.ours), CATALOGUE_PAGE_S, "20 ms"),
        (f"{catalogue.datasets:,} data sets: memory", catalogue.own_bytes, CATALOGUE_BYTES, "100 MB"),
        (f"{catalogue.datasets:,} data sets: longer start", median(catalogue.starts), CATALOGUE_START_S, "3 s"),
        (f"{catalogue.datasets:,} data sets: a change shows", max(catalogue.changes), CATALOGUE_CHANGE_S, "2 s"),
    ):
        yield Verdict(f"{aim}, of {unit}", figure / goal, 1, at_least=False)


def judge_wide(wide: Wide) -> Iterator[Verdict]:
    what = "on Cassandra"
    load = f"{what}, {wide.synapses:,} synapses loaded"
    yield Verdict(f"{load}: CQL rows/s over the bare driver's", wide.load.rate / wide.driver.rate, WIDE_DRIVER, True)
    if wide.copied:
        yield Verdict(f"{load}: CQL rows/s over cqlsh COPY's", wide.load.rate / wide.copied.rate, WIDE_COPY, True)
    for aim, one, other, goal in (
        ("a page of 10,000: time over its bytes read", "page", "bytes", WIDE_PAGE),
        ("a page far in: time over the first", "deep", "page", WIDE_SAME),
        ("a page with half of the cells null: time over a full one", "nulls", "full", WIDE_SAME),
        ("children of 100: time over the better way by hand", "children", better_children(wide), WIDE_CHILDREN),
    ):
        ratios = wide.ratios(one, other)
        yield Verdict(f"{what}, {aim}", median(ratios), goal, False, (min(ratios), max(ratios)))
    for aim, figure, goal in (
        ("the largest partition, of 100 MB", wide.partition_bytes / PARTITION_BYTES, 1),
        ("memory of the load above its start, of 300 MB", wide.load.grown_bytes / WIDE_BYTES, 1),
        ("memory of the server above its start, of 300 MB", wide.server_bytes / WIDE_BYTES, 1),
        ("p50 of a page of 100 beside a load, idle = 1", wide.beside.loaded.p50 / wide.beside.idle.p50, WIDE_BESIDE),
    ):
        yield Verdict(f"{what}, {aim}", figure, goal, at_least=False)


def better_children(wide: Wide) -> str:
    """Of the two ways by hand, the one that took less time."""
    return min(("children_each", "children_range"), key=lambda way: median(wide.reads[way].seconds))


def _asked(run: Run, case: str) -> bool:
    return case in run.rates[OURS_NAME]


def _rate(run: Run, case: str, than: str, goal: float, note: str = "") -> Verdict:
    rounds = run.ratios(OURS_NAME, than, case, MANY)
    what = f"{BY_NAME[case].title}: requests/s over {note}{than}"
    return Verdict(what, run.ratio(OURS_NAME, than, case, MANY), goal, at_least=True, spread=(min(rounds), max(rounds)))


def _time(run: Run, case: str, than: str, goal: float) -> Verdict:
    rounds = run.ratios(than, OURS_NAME, case, ONE)
    what = f"{BY_NAME[case].title}: time over {than}"
    return Verdict(what, run.ratio(than, OURS_NAME, case, ONE), goal, at_least=False, spread=(min(rounds), max(rounds)))
