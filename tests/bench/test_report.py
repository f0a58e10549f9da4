"""What a run prints: ratios of the same round, goals judged, a table and a chart."""

from xml.etree import ElementTree as ET

import msgspec
import pytest

from bench.cases import CASES
from bench.chart import draw_chart
from bench.goals import judge
from bench.load_tool import Timing
from bench.report import format_report
from bench.results import CONNECTIONS, Latency, Run, Walk, by_processor
from bench.targets import LIMIT_APSW, MERCURIUS_NAME, OURS_NAME, STOCK

DRIFT = (1.0, 0.5, 2.0)
"""Of the machine between rounds."""


def make_run(rates: dict[str, float], own_bytes: list[int] | None = None) -> Run:
    def timings(rate: float) -> list[Timing]:
        return [Timing(10, rate * drift, 1.0, 2.0) for drift in DRIFT]

    return Run(
        "2026-01-01", "a machine", "quick", {"Python": "3"}, {"PostGraphile": "npm is not installed"},
        rates={
            name: {case.name: {each: timings(rate) for each in CONNECTIONS} for case in CASES}
            for name, rate in rates.items()
        },
        starts={name: [1.0] for name in rates},
        memory=dict.fromkeys(rates, 100),
        latencies={name: Latency(Timing(1, 1, 1, 2), Timing(1, 1, 5, 8)) for name in rates},
        walk=Walk(100_000, own_bytes or [100] * 10, [1.0] * 10),
    )  # fmt: skip


def test_a_ratio_is_that_of_the_same_round_so_drift_does_not_show():
    run = make_run({OURS_NAME: 3000, STOCK: 100})
    assert run.ratios(OURS_NAME, STOCK, "one", 8) == pytest.approx([30, 30, 30])


def test_by_processor_time_a_neighbour_that_took_the_machine_does_not_show():
    run = make_run({OURS_NAME: 3000, STOCK: 100})
    fast, slow = run.rates[OURS_NAME]["one"], run.rates[STOCK]["one"]
    fast[8] = [Timing(10, 1.0, 1, 2, processor=0.001)] * 3
    slow[8] = [Timing(10, 100.0, 1, 2, processor=0.03)] * 3
    assert by_processor(run).ratio(OURS_NAME, STOCK, "one", 8) == pytest.approx(30)


def test_goals_are_judged_by_the_servers_that_took_part():
    verdicts = list(judge(make_run({OURS_NAME: 3000, STOCK: 100, LIMIT_APSW: 6000})))
    missed = [verdict.what for verdict in verdicts if not verdict.met]
    assert missed == [f"10,000 rows: time over {LIMIT_APSW}", f"100 x 20: time over {LIMIT_APSW}"]
    assert not any(MERCURIUS_NAME in verdict.what for verdict in verdicts)


def test_a_peer_is_to_be_beaten_where_the_goal_says_so():
    verdicts = list(judge(make_run({OURS_NAME: 80, STOCK: 1, MERCURIUS_NAME: 100})))
    missed = [verdict.what for verdict in verdicts if not verdict.met]
    assert missed == [
        f"{title}: requests/s over {MERCURIUS_NAME}" for title in ("1,000 rows", "10,000 rows", "100 x 20")
    ]


def test_a_relaxed_goal_is_easier_whichever_way_it_points():
    for verdict in judge(make_run({OURS_NAME: 1, STOCK: 1, LIMIT_APSW: 1})):
        easier = verdict.relax(2.0)
        assert easier.goal == (verdict.goal / 2 if verdict.at_least else verdict.goal * 2)


def test_memory_that_grows_in_a_walk_misses_its_goal():
    grown = make_run({OURS_NAME: 3000, STOCK: 100}, own_bytes=[100 + 5 * page for page in range(10)])
    assert [verdict.what for verdict in judge(grown) if not verdict.met] == ["memory in a walk over 100,000 rows"]


def test_the_report_shows_ratios_goals_and_who_is_absent():
    report = format_report(make_run({OURS_NAME: 3000, STOCK: 100}))
    assert "| 10,000 rows: requests/s over Strawberry |    30 |" in report
    assert "| **SynDB GraphQL** |       30 |" in report
    assert "PostGraphile: npm is not installed" in report
    assert "3000" not in report


def test_a_table_has_columns_of_one_width():
    report = format_report(make_run({OURS_NAME: 3000, STOCK: 100}))
    for table in [part for part in report.split("\n\n") if part.startswith("|")]:
        assert len({len(line) for line in table.splitlines()}) == 1


def test_the_chart_is_xml_with_a_bar_for_each_server_and_case():
    chart = ET.fromstring(draw_chart(make_run({OURS_NAME: 3000, STOCK: 100, MERCURIUS_NAME: 20})))
    bars = chart.findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == 1 + 3 + 3 * len(CASES)  # background, legend, bars


def test_a_run_is_kept_as_json_and_read_again():
    run = make_run({OURS_NAME: 3000, STOCK: 100})
    assert msgspec.json.decode(msgspec.json.encode(run), type=Run) == run
