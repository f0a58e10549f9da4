"""Loads are killed again and again while somebody reads: nobody notices, and in the end all is as if nothing had been.

KILLS says at how many moments, spread evenly over a load (10 if it is not set). All loads and the reader share one
store, as in life; a moment is a call of a store or a step of progress, so the test does not depend on time.
"""

import hashlib
import os
import re
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

import apsw
import httpx
import msgspec
import pytest

from bench.synthetic import write_synthetic
from syndb_graphql.cli.sweep import sweep
from syndb_graphql.settings import Settings

from .halting import Moments, load

KILLS = int(os.environ.get("KILLS", "10"))
LABEL = "Synthetic cortex"
COUNTS = {"neuron": 30, "neuron_relation": 60, "dendrite": 40, "vesicle": 60, "synapse": 900}
PAGE = """query($after: String) { dataset(by: {label: "Synthetic cortex"}) {
  tables { table { name } rowCount }
  synapses(first: 300, after: $after) { nodes { sourceId centroid { x } } pageInfo { hasNextPage endCursor } }
} }"""
SECRET = "0123456789abcdef" * 2


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    """The folder for temporary files, of this test alone."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def fill(home: Path, seed: int) -> None:
    shutil.rmtree(home / "folder", ignore_errors=True)
    write_synthetic(home / "folder", seed=seed, rows=COUNTS, files=2, label=LABEL)


@contextmanager
def killer(home: Path) -> Iterator[Callable[[int], None]]:
    """Kills a load of HOME/folder at the moment it is called with."""
    command = [sys.executable, str(Path(__file__).with_name("halting.py")), str(home)]
    environment = os.environ | {"POLARS_ALLOW_FORKING_THREAD": "1"}  # none has been started when it forks
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


def state_of(home: Path) -> dict[str, Any]:
    """All that a store holds, but for the numbers of its versions and the times: rows, counts, records and files."""
    database = apsw.Connection(str(home / "syndb.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    versions = [number for (number,) in database.execute("SELECT version FROM dataset_version ORDER BY version")]
    names = {number: f"the {place}. version" for place, number in enumerate(versions, start=1)}
    state: dict[str, Any] = {"holds": database.execute("SELECT * FROM dataset_hold").fetchall()}
    tables = (
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'dataset_%' AND name != 'syndb_schema'"
    )
    for (table,) in database.execute(tables).fetchall():
        digests = {number: hashlib.sha256() for number in names}
        for row in database.execute(f"SELECT version, t.* FROM {table} AS t ORDER BY {_key(database, table)}"):
            place = [column[0] for column in database.execute(f"SELECT * FROM {table}").getdescription()].index(
                "version"
            )
            digests[row[0]].update(repr(row[1 : place + 1] + row[place + 2 :]).encode())
        state[table] = {names[number]: digest.hexdigest() for number, digest in digests.items()}
    state["versions"] = [
        _timeless(msgspec.json.decode(record), names)
        for (record,) in database.execute("SELECT record FROM dataset_version ORDER BY version").fetchall()
    ]
    (head,) = database.execute("SELECT version, revision FROM dataset_head").fetchall()
    state["current"] = names[head[0]]
    (record,) = database.execute("SELECT record FROM dataset_record WHERE revision = ?", (head[1],)).fetchall()
    state["metadata"] = _timeless(msgspec.json.decode(record[0]), names)
    database.close()
    files = [path for path in (home / "files").rglob("*") if path.is_file()]
    state["files"] = {
        _unnumbered(str(path.relative_to(home / "files")), names): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    return state


def _key(database: apsw.Connection, table: str) -> str:
    columns = database.execute(f"SELECT name FROM pragma_table_info('{table}') WHERE pk ORDER BY pk").fetchall()
    return ", ".join(f'"{name}"' for (name,) in columns)


def _timeless(record: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    times = {"number", "metadata_fingerprint", "published_at", "retired_at", "created_at", "updated_at"}
    kept = {name: value for name, value in record.items() if name not in times}
    return msgspec.json.decode(_unnumbered(msgspec.json.encode(kept).decode(), names))


def _unnumbered(text: str, names: dict[int, str]) -> str:
    return re.sub(r"/v(\d+)/", lambda found: f"/{names[int(found[1])]}/", text)


async def test_a_load_killed_at_many_moments_and_repeated_is_as_one_that_was_never_disturbed(
    tmp_path, scratch, start_server
):
    home, calm = tmp_path / "killed", tmp_path / "undisturbed"
    fill(home, seed=1)
    first = await load(home, lambda name: None)
    assert first.status == "loaded", first.findings
    shutil.copytree(home, calm)
    fill(calm, seed=2)
    moments = Moments()
    calmly = await load(calm, moments.meet, moments)
    assert calmly.status == "loaded", calmly.findings
    seen = moments.names.index("swap_head")  # what comes after it is after its publication
    assert seen > KILLS

    settings = Settings(data=home, secret_keys=(SECRET,))
    kills = [1 + seen * kill // KILLS for kill in range(1, KILLS + 1)]
    with start_server(settings, tmp_path / "log") as server, killer(home) as kill_at, Reader(server.url) as reader:
        reader.walk_once()
        fill(home, seed=2)
        for moment in kills:
            kill_at(moment)
        reader.walk_once()
        walks = len(reader.walks)
        again = await load(home, lambda name: None)
    assert not reader.wrong, reader.wrong[0]
    assert len(reader.walks[0][0]) == 900
    assert set(reader.walks[:walks]) == {reader.walks[0]}
    begun = sum(moments.names.index("begin_version-after") < moment for moment in kills)
    assert (again.status, again.version) == ("loaded", 2 + begun)

    folders = [path for path in scratch.iterdir() if path.is_dir()]
    report = await sweep(settings, force=True)
    assert len(report.temporary_folders) == len(folders) > 0
    assert list(scratch.iterdir()) == []
    assert state_of(home) == state_of(calm)
    assert not (await sweep(settings, force=True, dry_run=True)).versions
