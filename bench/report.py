"""A run as Markdown: goals first, then every server in every case. Ratios alone, rounded to what their spread allows."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from bench.cases import CASES
from bench.data import SCALES
from bench.goals import Verdict, judge
from bench.results import MANY, ONE, Catalogue, Loading, Run, Wide, walk_growth, walk_slowing
from bench.targets import OURS_NAME, STOCK

INTRODUCTION = """\
Every server answers the same questions from the same rows ({datasets} data sets with {neurons:,} neurons, {big:,} of them in the one
that pages are of, and {synapses:,} synapses; the deep page comes after {deep:,} rows), ten values a neuron, in one process
or worker on 127.0.0.1. Every answer was compared with SQLite, number by number, before it was timed.
Figures are medians of the rounds' ratios, each server asked in turn in each round. The limits are no GraphQL servers but what
somebody would write by hand for exactly these questions: no query is parsed, no schema known, no id or cursor signed."""

WIDE_PAGES = {
    "page": f"**{OURS_NAME}, over HTTP: a page of 10,000 rows**",
    "deep": f"{OURS_NAME}, over HTTP: one far in",
    "by_hand": "driver, tuples, dicts, orjson by hand, no HTTP",
    "bytes": "driver, bytes not decoded",
}
WIDE_CHILDREN_WAYS = {
    "children": f"**{OURS_NAME}, over HTTP: 100 neurons, 20 synapses each**",
    "children_each": "a statement a neuron, all at once, not decoded",
    "children_range": "one range over the neurons, not decoded",
}


def format_report(run: Run) -> str:
    parts = [
        f"Measured on {run.date}: {run.machine}. {'; '.join(f'{name} {number}' for name, number in run.versions.items())}.",
        _introduce(run),
        "## Goals",
        format_goals(list(judge(run))),
        f"## Requests a second, {STOCK} = 1, {MANY} connections",
        _format_rates(run, MANY),
        f"## Requests a second, {STOCK} = 1, {ONE} connection",
        _format_rates(run, ONE),
    ]
    if run.latencies:
        parts += [
            "## A small query beside heavy ones",
            "One row by its id, asked again and again while two connections read pages of 10,000 rows from the same server.",
            _format_latencies(run),
        ]
    parts += [f"## Start and memory, {STOCK} = 1", _format_starts(run)]
    if run.walk:
        parts.append(
            f"In a walk over {run.walk.rows:,} rows in pages of 10,000, {OURS_NAME}'s own memory grew to {walk_growth(run.walk):.2f} "
            f"of what it was after the first tenth; a page at the end took {walk_slowing(run.walk):.2f} of the time of one at the start."
        )
    if run.loading:
        parts += ["## Loading", format_loading(run.loading)]
    if run.catalogue:
        parts += ["## Finding data sets", format_catalogue(run.catalogue)]
    if run.wide:
        parts += ["## Cassandra", format_wide(run.wide)]
    if run.absent:
        parts.append("## Absent\n\n" + "\n".join(f"* {name}: {why}" for name, why in run.absent.items()))
    return "\n\n".join(parts) + "\n"


def _introduce(run: Run) -> str:
    scale = SCALES[run.scale]
    return INTRODUCTION.format(
        datasets=len(scale.neurons),
        neurons=sum(scale.neurons),
        big=scale.neurons[0],
        synapses=scale.synapses,
        deep=scale.deep,
    )


def format_goals(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for each in verdicts:
        spread = f"{number(each.spread[0])}–{number(each.spread[1])}" if each.spread else ""
        sign = "≥" if each.at_least else "≤"
        rows.append(
            (each.what, number(each.figure), spread, f"{sign} {number(each.goal)}", "yes" if each.met else "**no**")
        )
    return format_table(("", "ratio", "lowest–highest round", "goal", "reached"), rows)


def format_loading(loading: Loading) -> str:
    text = (
        f"{loading.rows:,} synapses of {loading.rows // 100:,} neurons into the embedded store, each load in a process of its own with\n"
        "nothing beside it. The loop by hand reads with polars, derives the ids, writes the same tables with apsw's `executemany` and\n"
        "the same Parquet files; it checks nothing. All left the same rows, relations and files."
    )
    rows = []
    for name, each in (
        (f"**{OURS_NAME}**", loading.ours),
        (f"{OURS_NAME}, csv", loading.csv),
        ("by hand", loading.by_hand),
    ):
        rates = loading.by_hand.seconds / each.seconds, loading.by_hand.processor / each.processor
        rows.append((name, *map(number, rates), number(each.grown_bytes / loading.by_hand.grown_bytes)))
    heading = ("", "rows/s, by hand = 1", "rows per processor second", "memory above the start")
    growth = loading.ours.grown_bytes / loading.tenth.grown_bytes
    after = f"With ten times the rows, a load's memory above its start was {growth:.2f} of what it was."
    return "\n\n".join((text, format_table(heading, rows), after))


def format_catalogue(catalogue: Catalogue) -> str:
    ratio = median(ours / by_hand for ours, by_hand in zip(catalogue.ours, catalogue.by_hand, strict=True))
    return (
        f"Among {catalogue.datasets:,} data sets: the 20 best by a filter of three parts and a text, with marked words, eight facets\n"
        f"and a histogram. A page took {number(ratio)} of the processor time of loops over records in memory, written for exactly this\n"
        "question. All totals and counts were the same."
    )


def format_wide(wide: Wide) -> str:
    text = (
        f"{wide.synapses:,} synapses of one data set on one node of Cassandra, which shares the machine with whoever asks it and\n"
        "keeps rows in memory and in files as `cassandra_latest.yaml` has it. Rows are counted as CQL has them, in all tables: a\n"
        "synapse is three. The bare driver is given rows that are resolved, and puts 100 of one partition into a batch with\n"
        f"`BatchStatement.add(prepared, tuple)`, as many batches in flight as ours: {wide.load.in_flight}. Ours hold as many\n"
        "rows as belong together, up to 400 with so many in flight and 100 with four. What each left in the node was compared."
    )
    ways = [
        (f"**{OURS_NAME}, the whole load**", wide.load),
        (f"{OURS_NAME}, the whole load, {wide.kind.in_flight} batches in flight", wide.kind),
        (f"{OURS_NAME}, rows to the store alone", wide.store),
    ]
    ways += [("bare driver", wide.driver), *([("cqlsh COPY", wide.copied)] if wide.copied else [])]
    rows = [
        (name, number(each.rate / wide.driver.rate), number(each.thrift / wide.driver.thrift)) for name, each in ways
    ]
    loads = format_table(("", "CQL rows/s, bare driver = 1", "per processor second, node included"), rows)
    if not wide.copied:
        loads += "\n\ncqlsh could not be installed."

    def cells(way: str, floor: str) -> tuple[str, str]:
        return number(median(wide.ratios(way, floor))), number(wide.processor_ratio(way, floor))

    heading = ("", "time, undecoded = 1", "processor, node included")
    pages = [(name, *cells(way, "bytes")) for way, name in WIDE_PAGES.items() if way in wide.reads]
    children = [(name, *cells(way, "children_each")) for way, name in WIDE_CHILDREN_WAYS.items() if way in wide.reads]
    slower = number(wide.beside.loaded.p50 / wide.beside.idle.p50)
    beside = f"A page of 100 beside a load with {wide.kind.in_flight} batches in flight: p50 {slower} of idle."
    return "\n\n".join((text, loads, format_table(heading, pages), format_table(heading, children), beside))


def _format_rates(run: Run, connections: int) -> str:
    def cells(name: str) -> Iterable[str]:
        for case in CASES:
            asked = case.name in run.rates[name]
            yield number(run.ratio(name, STOCK, case.name, connections)) if asked else "–"

    return format_table(("", *(case.title for case in CASES)), _rows(run.rates, cells))


def _format_latencies(run: Run) -> str:
    ours = run.latencies[OURS_NAME]

    def cells(name: str) -> Iterable[str]:
        each = run.latencies[name]
        return (
            number(each.loaded.p50 / each.idle.p50),
            number(each.loaded.p99 / each.idle.p99),
            number(each.loaded.p50 / ours.loaded.p50),
            number(each.loaded.p99 / ours.loaded.p99),
        )

    heading = ("", "p50, idle = 1", "p99, idle = 1", f"p50, {OURS_NAME} = 1", f"p99, {OURS_NAME} = 1")
    return format_table(heading, _rows(run.latencies, cells))


def _format_starts(run: Run) -> str:
    def cells(name: str) -> Iterable[str]:
        return number(run.start_ratio(name, STOCK)), number(run.memory[name] / run.memory[STOCK])

    heading = ("", "time from start to first answer", "resident memory after it (without a database's)")
    return format_table(heading, _rows(run.starts, cells))


def _rows(names: Iterable[str], cells: Callable[[str], Iterable[str]]) -> list[tuple[str, ...]]:
    return [(f"**{name}**" if name == OURS_NAME else name, *cells(name)) for name in names]


def format_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In columns of equal width, to be read as it stands as well."""
    table = [list(heading), *map(list, rows)]
    widths = [max(3, *(len(row[column]) for row in table)) for column in range(len(heading))]
    marks = ["-" * width if not column else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    lines = []
    for row in (table[0], marks, *table[1:]):
        padded = [
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"| {' | '.join(padded)} |")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits where a round's noise leaves as many, two below ten."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 2 else f"{value:.2f}"
