"""Somebody presses Ctrl+C during a load: one line says what was kept, nothing is left; the second time it ends at once."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

from syndb_graphql.cli import run

TOML = """
[dataset]
label = "{label}"
animal = "mouse"
microscopy = "FIB-SEM"
license = "CC-BY-4.0"
brain_regions = [{{ structure = "primary visual cortex" }}]
"""


@dataclass
class Desk:
    """A home with a data folder and one for temporary files."""

    home: Path

    def folder(self, name: str, neurons: int = 1) -> str:
        path = self.home / name
        path.mkdir(exist_ok=True)
        (path / "dataset.toml").write_text(TOML.format(label=name))
        (path / "neuron.csv").write_text("cid\n" + "".join(f"{n}\n" for n in range(neurons)))
        return str(path)

    @contextmanager
    def slow_load(self, call: str, how: str, *folders: str) -> Iterator[subprocess.Popen]:
        """A load that is in that call of a store, and would stay there."""
        command = [sys.executable, str(Path(__file__).with_name("slow_load.py")), call, how, *folders]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            yield process

    def versions(self) -> dict[str, int]:
        database = apsw.Connection(str(self.home / "data" / "syndb.sqlite"))
        found = {
            json.loads(record)["label"]: version
            for version, record in database.execute(
                "SELECT version, record FROM dataset_head JOIN dataset_record USING (dataset_id, revision)"
            )
        }
        database.close()
        return found

    def left(self) -> list[str]:
        """Temporary files, and rows of no data set."""
        database = apsw.Connection(str(self.home / "data" / "syndb.sqlite"))
        sql = "SELECT * FROM neuron WHERE NOT EXISTS (SELECT * FROM dataset_version AS v WHERE v.version = neuron.version)"
        rows = [str(row) for row in database.execute(sql)]
        holds = [str(row) for row in database.execute("SELECT * FROM dataset_hold")]
        database.close()
        return [*map(str, (self.home / "tmp").iterdir()), *rows, *holds]


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Desk:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("SYNDB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return Desk(tmp_path)


def line_of(process: subprocess.Popen) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.mark.parametrize("how", ["computing", "waiting"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_load_cleans_up_and_says_what_was_kept(desk, how, number):
    assert run(["load", "--quiet", desk.folder("cortex")]) == 0
    with desk.slow_load("summarize_rows", how, desk.folder("cortex", neurons=2)) as process:
        assert line_of(process) == "summarize_rows"
        process.send_signal(number)
        said, told = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert said == ""
    assert told == (
        f"syndb-graphql: interrupted. Nothing of {desk.home / 'cortex'} was stored; "
        "what was published before is as it was.\n"
    )
    assert desk.versions() == {"cortex": 1}
    assert desk.left() == []


def test_of_several_folders_those_that_were_loaded_stay(desk):
    folders = [desk.folder(name) for name in ("first", "second", "third")]
    run(["load", "--quiet", folders[0], folders[2]])
    desk.folder("second", neurons=3)
    with desk.slow_load("summarize_rows", "computing", *folders) as process:
        assert line_of(process).startswith("unchanged first")
        assert line_of(process) == "summarize_rows"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert f"Nothing of {folders[1]} was stored" in told
    assert "1 of 3 folders had been dealt with" in told
    assert set(desk.versions()) == {"first", "third"}
    assert desk.left() == []


def test_what_is_published_counts_as_loaded_though_tidying_up_is_cut_short(desk):
    with desk.slow_load("list_versions", "computing", desk.folder("cortex"), desk.folder("other")) as process:
        assert line_of(process) == "list_versions"
        process.send_signal(signal.SIGINT)
        said, told = process.communicate(timeout=30)
    assert said.startswith("loaded    cortex (version 1); 1 neuron")
    assert "Old versions were not removed: interrupted." in said
    assert f"Nothing of {desk.home / 'other'} was stored" in told
    assert desk.versions() == {"cortex": 1}


def test_the_second_time_it_ends_at_once(desk, capsys):
    """Here it would clean up for ever."""
    with desk.slow_load("summarize_rows,drop_version", "waiting,computing", desk.folder("cortex")) as process:
        assert line_of(process) == "summarize_rows"
        process.send_signal(signal.SIGINT)
        assert line_of(process) == "drop_version"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told.strip() == "Stopped at once. `syndb-graphql sweep` removes what is left."
    assert desk.left()
    assert run(["sweep"]) == 0
    assert "removed version 1" in capsys.readouterr().out
    assert desk.left() == []


def test_an_interrupted_check_has_nothing_to_undo(desk):
    with desk.slow_load("read_heads", "waiting", "--check", desk.folder("cortex")) as process:
        assert line_of(process) == "read_heads"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told == "syndb-graphql: interrupted. Nothing was to be stored.\n"
    assert os.listdir(desk.home / "tmp") == []  # noqa: PTH208
