"""How far a load is: shown on a terminal with its rate and the time left, and nowhere else."""

import io
import os
import re
import subprocess
import sys

import pytest
from rich.console import Console

from bench.synthetic import write_synthetic
from syndb_graphql.cli.load import _Bar

pty = pytest.importorskip("pty", reason="no terminals to be had")
COMMAND = [sys.executable, "-m", "syndb_graphql", "load", "--check"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    rows = {"neuron": 100, "synapse": 20_000}
    return write_synthetic(tmp_path_factory.mktemp("load") / "made", seed=1, rows=rows, format="csv")


def plain(text: str) -> str:
    """Without colours and moves of the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def environment(tmp_path) -> dict[str, str]:
    return {**os.environ, "SYNDB_DATA": str(tmp_path / "data"), "TERM": "xterm", "COLUMNS": "150", "LINES": "40"}


def test_a_terminal_shows_the_step_and_how_far_it_is(folder, tmp_path):
    ours, theirs = pty.openpty()
    with subprocess.Popen([*COMMAND, folder], env=environment(tmp_path), stdout=subprocess.PIPE, stderr=theirs) as load:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # how Linux tells that the other end is closed
            pass
        assert load.stdout is not None
        report = load.stdout.read().decode()
    os.close(ours)
    text = plain(shown.decode())
    assert load.returncode == 0, text
    assert "reading synapse.csv" in text
    assert "checking synapse" in text
    assert re.search(r"\d+% .*(\d+:\d\d:\d\d|-:--:--)", text), text[-2000:]
    assert "MB/s" not in report


@pytest.mark.parametrize(("unit", "rate"), [("rows", r"[\d,]+ rows/s"), ("B", r"[\d,]+\.\d MB/s")])
def test_once_it_is_known_the_rate_is_shown_and_the_time_left(unit, rate):
    screen = io.StringIO()
    with _Bar(Console(file=screen, force_terminal=True, width=150), hidden=False) as bar:
        bar.begin("reading synapse.csv", 10**15, unit)
        for done in range(1, 50):
            bar.reach(done * 10**6)
    assert re.search(rate + r".* \d+:\d\d:\d\d", plain(screen.getvalue()))


def test_a_file_or_a_pipe_holds_no_progress(tmp_path):
    folder = write_synthetic(tmp_path / "few", seed=1, rows={"neuron": 100}, format="csv")
    done = subprocess.run(
        [*COMMAND, folder], env=environment(tmp_path), capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stderr == ""
    assert done.stdout.startswith("checked")
    assert "\x1b" not in done.stdout
    assert "/s " not in done.stdout
