"""One whole run: set up, check, measure, print. `make bench`, or:

    python -m bench.run              this server, the limits, stock Strawberry (six minutes)
    python -m bench.run --peers      Mercurius, PostGraphile and datasette-graphql too, installed first (fifteen minutes)
    python -m bench.run --quick      a look at all of it with little data: figures are noise (two minutes)
    python -m bench.run --loading N  synapses to load (1,000,000: two minutes; 10,000,000: an hour, 20 GB of disk)
    python -m bench.run --cassandra N  synapses loaded and read on Cassandra too (1,000,000: twenty minutes; a JDK 17 and Maven)
    python -m bench.run --keep       writes bench/RESULTS.md and bench/results.svg

A run's numbers are kept in out/ in the cache folder, absolute ones too, which say nothing about another run.
"""

import argparse
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec

from bench.cases import CASES, Questions, make_body
from bench.cassandra.run import measure_wide
from bench.catalogue import QUICK_DATASETS, USUAL_DATASETS, measure_catalogue
from bench.chart import draw_chart
from bench.data import FULL, QUICK, Facts, Scale, prepare_rows, prepare_store, prepare_walk
from bench.install import (
    Unavailable,
    install_datasette,
    install_libraries,
    install_node,
    install_node_servers,
    install_postgres,
    peer_versions,
)
from bench.loading import QUICK_ROWS, USUAL_ROWS, measure_loading
from bench.measure import (
    Effort,
    measure_latencies,
    measure_rates,
    measure_starts,
    measure_walk,
    prepare_works,
    running,
    say,
)
from bench.paths import CACHE
from bench.postgres import PostgresFailed, run_postgres
from bench.report import format_report
from bench.results import Run, begin_run
from bench.targets import (
    DATASETTE_NAME,
    LIMIT_STDLIB,
    MERCURIUS_NAME,
    OURS_NAME,
    POSTGRAPHILE_NAME,
    STOCK,
    NotStarted,
    Server,
    Target,
    datasette_target,
    mercurius_target,
    own_target,
    postgraphile_target,
    python_targets,
)
from tests.servers.cassandra import MissingTool

FULL_EFFORT = Effort(rounds=5, seconds=0.4, starts=3, latency_seconds=4.0)
QUICK_EFFORT = Effort(rounds=1, seconds=0.15, starts=1, latency_seconds=2.0)
OUT = CACHE / "out"
KEPT = Path(__file__).parent
NOT_ASKED = "not set up; `make bench PEERS=1` does"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="set up and measure the other GraphQL servers too")
    parser.add_argument("--quick", action="store_true", help="little data, short runs")
    parser.add_argument("--keep", action="store_true", help="write RESULTS.md and results.svg")
    parser.add_argument("--loading", type=int, metavar="N", help="synapses to load; 0 leaves that part out")
    parser.add_argument("--cassandra", type=int, metavar="N", help="synapses on Cassandra, 20,000 or more")
    given = parser.parse_args()
    if given.keep and given.quick:
        parser.error("--quick figures are noise; keep those of a whole run")
    scale, effort = (QUICK, QUICK_EFFORT) if given.quick else (FULL, FULL_EFFORT)
    run = measure_all(scale, effort, peers=given.peers)
    rows = given.loading if given.loading is not None else (QUICK_ROWS if given.quick else USUAL_ROWS)
    if rows:
        run.loading = measure_loading(rows)
    run.catalogue = measure_catalogue(QUICK_DATASETS if given.quick else USUAL_DATASETS)
    if given.cassandra:
        try:
            run.wide = measure_wide(given.cassandra)
        except MissingTool as error:
            run.absent["Cassandra"] = str(error)
    report = format_report(run)
    chart = draw_chart(run)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{scale.name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(run)))
    (OUT / f"{scale.name}.svg").write_text(chart)
    if given.keep:
        (KEPT / "results.svg").write_text(chart)
        heading = "# Results\n\nWritten by `make bench KEEP=1`.\n\n![Requests a second](results.svg)\n\n"
        (KEPT / "RESULTS.md").write_text(heading + report)
    print(report)
    if given.quick:
        print("A quick run: it shows that all of it works. Its ratios are noise.")


def measure_all(scale: Scale, effort: Effort, *, peers: bool) -> Run:
    say("making the data")
    facts, store = prepare_rows(scale), prepare_store(scale)
    with ExitStack() as stack:
        targets, absent = find_targets(scale, store, stack, peers=peers)
        first = first_questions(targets, facts)
        targets, failed = drop_silent(targets, first)
        run = begin_run(scale.name, peer_versions() if peers else {}, absent | failed)
        measure_starts(run, targets, first, effort)
        with running(targets, first) as servers:
            questions = stack.enter_context(closing(Questions(scale, facts)))
            works = prepare_works(servers, CASES, questions)
            measure_rates(run, servers, works, CASES, effort)
            measure_latencies(run, works, effort)
    store, dataset = prepare_walk(scale)
    target = own_target(store)
    with Server(target) as server:
        server.wait(make_body(target.dialect, "page", {"dataset": dataset, "first": 1}))
        run.walk = measure_walk(server, dataset, scale.walk)
    return run


def first_questions(targets: list[Target], facts: Facts) -> dict[str, bytes]:
    dataset, cid = facts.sample[0]
    return {each.name: make_body(each.dialect, "one", {"dataset": dataset, "cid": cid}) for each in targets}


def drop_silent(targets: list[Target], first: dict[str, bytes]) -> tuple[list[Target], dict[str, str]]:
    """The targets that start, and why others do not; ours and the one all are compared with must. Compiles bytecode, too."""
    left, failed = [], {}
    for target in targets:
        try:
            with Server(target) as server:
                server.wait(first[target.name])
        except (NotStarted, OSError) as error:
            if target.name in (OURS_NAME, STOCK):
                raise
            failed[target.name] = f"installed, but does not start ({str(error).splitlines()[-1][:200]})"
            say(f"{target.name}: {failed[target.name]}")
        else:
            left.append(target)
    return left, failed


def find_targets(scale: Scale, store: Path, stack: ExitStack, *, peers: bool) -> tuple[list[Target], dict[str, str]]:
    """Ours first; and the reasons why others are absent."""
    absent: dict[str, str] = {}
    targets = [own_target(store), *python_targets(scale.database)]
    try:
        install_libraries()
    except Unavailable as error:
        absent[LIMIT_STDLIB] = str(error)
        targets = [target for target in targets if target.name != LIMIT_STDLIB]
    if not peers:
        return targets, absent | dict.fromkeys((MERCURIUS_NAME, POSTGRAPHILE_NAME, DATASETTE_NAME), NOT_ASKED)
    say("setting up the peers")
    recipes: dict[str, Callable[[], Target]] = {
        MERCURIUS_NAME: lambda: mercurius_target(_node(), scale.database),
        POSTGRAPHILE_NAME: lambda: postgraphile_target(
            _node(), stack.enter_context(run_postgres(install_postgres(), scale.database))
        ),
        DATASETTE_NAME: lambda: _datasette(scale),
    }
    for name, recipe in recipes.items():
        try:
            targets.append(recipe())
        except (Unavailable, PostgresFailed) as error:
            absent[name] = str(error)
            say(f"{name} is absent: {error}")
    return targets, absent


def _node() -> str:
    node = install_node()
    install_node_servers(node)
    return node


def _datasette(scale: Scale) -> Target:
    install_datasette()
    return datasette_target(scale.database)


if __name__ == "__main__":
    main()
