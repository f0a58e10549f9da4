"""The ratios that need no peer, held in CI: half of each goal, so that a noisy machine passes and a lost plan does not.

Compared by the servers' processor time, since runners of CI are shared and their clocks say what the neighbours did.

python -m bench.gate        a minute; status 1 and the figures where one falls short
"""

import sys
from contextlib import closing

from bench.cases import BY_NAME, Questions
from bench.data import QUICK, prepare_rows, prepare_store, prepare_walk
from bench.goals import TIME_OF_LIMIT, TIMES_STOCK, judge, judge_loading
from bench.loading import QUICK_ROWS, measure_loading
from bench.measure import Effort, measure_rates, measure_walk, prepare_works, running
from bench.report import format_goals
from bench.results import begin_run, by_processor
from bench.run import first_questions
from bench.targets import LIMIT_APSW, OURS_NAME, STOCK, Server, own_target, python_targets

SLACK = 2.0
EFFORT = Effort(rounds=3, seconds=0.25, starts=0, latency_seconds=0)
CASES = [BY_NAME[name] for name in dict.fromkeys((*TIMES_STOCK, *TIME_OF_LIMIT))]


def main() -> int:
    facts = prepare_rows(QUICK)
    store = prepare_store(QUICK)
    targets = [
        each
        for each in (own_target(store), *python_targets(QUICK.database))
        if each.name in (OURS_NAME, STOCK, LIMIT_APSW)
    ]
    run = begin_run(QUICK.name, {}, {})
    with running(targets, first_questions(targets, facts)) as servers, closing(Questions(QUICK, facts)) as questions:
        works = prepare_works(servers, CASES, questions)
        measure_rates(run, servers, works, CASES, EFFORT)
    walked, dataset = prepare_walk(QUICK)
    with Server(own_target(walked)) as server:
        server.wait(b'{"query": "{ server { version } }"}')
        run.walk = measure_walk(server, dataset, QUICK.walk)
    loads = judge_loading(measure_loading(QUICK_ROWS), by_processor=True)
    verdicts = [verdict.relax(SLACK) for verdict in (*judge(by_processor(run)), *loads)]
    print(format_goals(verdicts))
    short = [verdict.what for verdict in verdicts if not verdict.met]
    if short:
        print(f"Short of half the goal: {'; '.join(short)}.", file=sys.stderr)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
