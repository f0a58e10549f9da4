"""Loads are killed again and again while somebody reads: nobody notices, and in the end all is as if nothing had been.

KILLS says at how many moments, spread evenly over a load (10 if it is not set). All loads and the reader share one
store, as in life; a moment is a call of a store, a statement sent to its nodes or a step of progress, so the test does
not depend on time.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from bench.synthetic import write_synthetic
from syndb_graphql.cli.sweep import sweep
from syndb_graphql.settings import Settings
from tests.conftest import environment_of

from .conftest import STORES, make_settings
from .contents import contents_of, tables_of
from .halting import Moments, load
from .test_killed import kill_at

KILLS = int(os.environ.get("KILLS", "10"))
LABEL = "Synthetic cortex"
COUNTS = {"neuron": 30, "neuron_relation": 60, "dendrite": 40, "vesicle": 60, "synapse": 900}
PAGE = """query($after: String) { dataset(by: {label: "Synthetic cortex"}) {
  tables { table { name } rowCount }
  synapses(first: 300, after: $after) { nodes { sourceId centroid { x } } pageInfo { hasNextPage endCursor } }
} }"""


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    """The folder for temporary files, of this test alone."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture(params=STORES)
def pair(request, tmp_path) -> tuple[Settings, Settings]:
    """Two pairs of stores with nothing in them."""
    return make_settings(request, tmp_path / "killed"), make_settings(request, tmp_path / "undisturbed")


def fill(settings: Settings, seed: int) -> None:
    folder = settings.data / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    write_synthetic(folder, seed=seed, rows=COUNTS, files=2, label=LABEL)


@contextmanager
def killer(settings: Settings) -> Iterator[Callable[[int], None]]:
    """Kills a load of the folder at the moment it is called with."""
    command = [sys.executable, str(Path(__file__).with_name("halting.py"))]
    # No thread has been started when it forks.
    environment = os.environ | environment_of(settings) | {"POLARS_ALLOW_FORKING_THREAD": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin
        assert process.stdout
        loads, said = process.stdin, process.stdout

        def kill_at(moment: int) -> None:
            loads.write(f"{moment}\n")
            loads.flush()
            line = said.readline()
            assert line.startswith("halted "), f"the load has no moment {moment}"
            os.kill(int(line.split()[1]), signal.SIGKILL)
            assert said.readline() == "ended\n"

        yield kill_at
        loads.close()


@dataclass
class Reader:
    """Somebody who pages through all synapses, again and again, and keeps what each walk has met."""

    url: str
    walks: list[tuple[Any, ...]] = field(default_factory=list)
    wrong: list[Any] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)
    _walked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._walk_on)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def _walk_on(self) -> None:
        try:
            with httpx.Client(timeout=30) as client:
                while not self._enough.is_set():
                    self.walks.append(self._walk(client))
                    self._walked.release()
        except Exception as error:  # noqa: BLE001 - of a thread: told by the test
            self.wrong.append(error)
        self._walked.release()

    def walk_once(self) -> None:
        """Returns when a walk that begins after this has ended, or something is wrong."""
        while self._walked.acquire(blocking=False):
            pass
        for _ in range(2):
            self._walked.acquire(timeout=30)

    def _walk(self, client: httpx.Client) -> tuple[Any, ...]:
        rows, counts, after, more = [], set(), None, True
        while more:
            answer = client.post(f"{self.url}/graphql", json={"query": PAGE, "variables": {"after": after}}).json()
            if "errors" in answer or not answer["data"]["dataset"]:
                self.wrong.append(answer)
                break
            dataset = answer["data"]["dataset"]
            counts.add(repr(dataset["tables"]))
            rows += [
                (row["sourceId"], row["centroid"] and row["centroid"]["x"]) for row in dataset["synapses"]["nodes"]
            ]
            page = dataset["synapses"]["pageInfo"]
            more, after = page["hasNextPage"], page["endCursor"]
        return tuple(rows), tuple(counts)


@pytest.fixture(params=STORES)
def settings(request, tmp_path) -> Settings:
    return make_settings(request, tmp_path / "data")


async def test_a_load_killed_as_it_begins_leaves_nothing_for_good(settings, scratch):
    """Nothing at all before it has its hold; by that, a sweep finds what is there later."""

    def left() -> dict[str, list[str]]:
        """But for the numbers that were given."""
        return {name: sorted(map(repr, rows)) for name, rows in tables_of(settings).items() if name != "dataset_head"}

    fill(settings, seed=1)
    await load(settings, lambda name: None)
    before = left()
    fill(settings, seed=2)
    kill_at(settings, "begin_version-after")
    assert left() == before
    for moment in ("swap_hold-after", "open_version-after"):
        kill_at(settings, moment)
        assert left() != before
        await sweep(settings, force=True)
        assert left() == before
    result = await load(settings, lambda name: None)
    assert result.status == "loaded"
    assert result.version > 4  # no number is given twice


async def test_a_load_killed_at_many_moments_and_repeated_is_as_one_that_was_never_disturbed(
    tmp_path, pair, scratch, start_server
):
    settings, calm = pair
    for each in (settings, calm):
        fill(each, seed=1)
        first = await load(each, lambda name: None)
        assert first.status == "loaded", first.findings
    fill(calm, seed=2)
    moments = Moments()
    calmly = await load(calm, moments.meet, moments)
    assert calmly.status == "loaded", calmly.findings
    seen = moments.names.index("swap_head")  # what comes after it is after its publication
    assert seen > KILLS

    kills = [1 + seen * kill // KILLS for kill in range(1, KILLS + 1)]
    with start_server(settings, tmp_path / "log") as server, killer(settings) as kill_at, Reader(server.url) as reader:
        reader.walk_once()
        fill(settings, seed=2)
        for moment in kills:
            kill_at(moment)
        reader.walk_once()
        walks = len(reader.walks)
        again = await load(settings, lambda name: None)
    assert not reader.wrong, reader.wrong[0]
    assert len(reader.walks[0][0]) == 900
    assert set(reader.walks[:walks]) == {reader.walks[0]}
    begun = sum(moments.names.index("begin_version-after") < moment for moment in kills)
    assert again.status == "loaded"
    assert 2 + begun <= again.version <= 2 + KILLS  # a number may be taken by who does not live to hear of it

    folders = [path for path in scratch.iterdir() if path.is_dir()]
    report = await sweep(settings, force=True)
    assert len(report.temporary_folders) == len(folders) > 0
    assert list(scratch.iterdir()) == []
    assert contents_of(settings) == contents_of(calm)
    assert not (await sweep(settings, force=True, dry_run=True)).versions
