"""Loading measured: the loop by hand leaves what a load leaves, and a difference in one value is found."""

import asyncio
import shutil
from contextlib import closing

import apsw
import pytest

from bench import loading
from bench.goals import judge_loading
from bench.loading import NotTheSame, check_same, prepare_input
from bench.loads.by_hand import load_by_hand
from bench.loads.child import load_ours
from bench.report import format_loading
from bench.results import Loaded, Loading
from syndb_graphql.catalog.records import derive_dataset_id

ROWS = 3000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "FOLDER", tmp_path_factory.mktemp("loading"))
        made = prepare_input(ROWS, "parquet")
        times = [path.stat().st_mtime_ns for path in made.iterdir()]
        assert prepare_input(ROWS, "parquet") == made
        assert [path.stat().st_mtime_ns for path in made.iterdir()] == times
        yield made


@pytest.fixture(scope="module")
def loaded(folder, tmp_path_factory):
    """What the loop and what a load left."""
    ours, by_hand = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("by-hand")
    label = f"Synthetic data set 1 ({ROWS // 100} neuron, {ROWS:,} synapse)"
    load_by_hand(folder, by_hand, derive_dataset_id("local", label).bytes)
    asyncio.run(load_ours(folder, ours))
    return ours, by_hand


def test_the_loop_by_hand_leaves_the_rows_relations_and_files_of_a_load(loaded):
    check_same(*loaded)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "UPDATE synapse SET region = 'elsewhere' WHERE cid = (SELECT min(cid) FROM synapse)",
            "synapse: 3,000 .* 1 different",
        ),
        ("DELETE FROM synapse_pre WHERE cid = (SELECT max(cid) FROM synapse_pre)", "synapse_pre: "),
        ("UPDATE neuron SET version = 2", "neuron: 30 rows and 30, 0 of them in both"),
    ],
)
def test_one_wrong_value_is_found(loaded, tmp_path, change, words):
    ours, by_hand = loaded
    shutil.copytree(by_hand, tmp_path, dirs_exist_ok=True)
    with closing(apsw.Connection(str(tmp_path / "rows.sqlite"))) as connection:
        connection.execute(change)
        assert connection.changes()
    with pytest.raises(NotTheSame, match=words):
        check_same(ours, tmp_path)


def test_goals_are_ratios_of_one_run():
    fast, slow = Loaded(10, 9, 100_000_000, 350_000_000), Loaded(15, 12, 100_000_000, 600_000_000)
    verdicts = list(judge_loading(Loading(10**6, ours=fast, csv=slow, by_hand=slow, tenth=fast)))
    assert [round(verdict.figure, 2) for verdict in verdicts] == [1.5, 0.67, 0.62, 1.25]
    assert [verdict.met for verdict in verdicts] == [True, True, True, False]
    by_processor = list(judge_loading(Loading(10**6, ours=fast, csv=slow, by_hand=slow, tenth=fast), by_processor=True))
    assert [round(verdict.figure, 2) for verdict in by_processor[:2]] == [1.33, 0.75]
    text = format_loading(Loading(10**6, ours=fast, csv=slow, by_hand=slow, tenth=fast))
    assert "1,000,000 synapses of 10,000 neurons" in text
    assert " s " not in text
