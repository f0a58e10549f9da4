"""Many meshes and skeletons: measured by several processes as by one, in order, with an end to what does not end."""

import asyncio
import errno
import os
import signal
from contextlib import aclosing
from pathlib import Path

import pytest

from bench.synthetic import write_synthetic
from syndb_graphql.ingest import measuring_pool
from syndb_graphql.ingest.measuring import Outcome, Task
from syndb_graphql.ingest.measuring_pool import measure_files

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are counted in /proc")
NM = (1.0, 1.0, 1.0)
FILES = 12


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    """Meshes and skeletons, and some that cannot be measured."""
    folder = tmp_path_factory.mktemp("files") / "made"
    write_synthetic(folder, seed=3, rows={"neuron": FILES}, files=FILES)
    (folder / "meshes/flat.obj").write_text("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n")
    (folder / "skeletons/short.swc").write_text("1 1 0 0 0 1 -1\n2 3 0\n")
    return [*sorted(folder.glob("*/*")), folder / "meshes/missing.obj"]


def tasks(files: list[Path], scratch: Path) -> list[Task]:
    scratch.mkdir()
    return [Task(str(path), NM, None if path.suffix == ".swc" else str(scratch / f"{path.stem}.glb")) for path in files]


async def measure(asked: list[Task], processes: int | None) -> list[Outcome]:
    return [outcome async for outcome in measure_files(asked, processes=processes)]


def children() -> set[int]:
    """Processes that this one has started and that run."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return set(map(int, listed.split()))


async def test_two_processes_find_what_one_finds_and_write_the_same_files(files, tmp_path):
    nowhere = Task(str(files[1]), NM, str(tmp_path / "nowhere/mesh.glb"))
    here = await measure([*tasks(files, tmp_path / "here"), nowhere], 0)
    there = await measure([*tasks(files, tmp_path / "there"), nowhere], 2)
    assert here == there
    assert sum(outcome.mesh is not None for outcome in here) == FILES
    assert sum(outcome.skeleton is not None for outcome in here) == FILES
    refused = sorted(outcome.refusal.rule for outcome in here if outcome.refusal)
    assert refused == ["file-missing", "mesh-flat", "skeleton-columns"]
    assert [outcome.errno for outcome in here if outcome.errno] == [errno.ENOENT]
    made = sorted(path.name for path in (tmp_path / "here").iterdir())
    assert len(made) == FILES
    for name in made:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


async def test_a_few_small_files_start_no_process(files, tmp_path):
    before = children()
    async with aclosing(measure_files(tasks(files, tmp_path / "few"))) as outcomes:
        assert (await anext(outcomes)).refusal
        assert (await anext(outcomes)).mesh
        assert children() == before


async def test_a_file_over_its_time_is_given_up(files, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring_pool, "SECONDS_A_FILE", 0.5)
    before = children()
    task = asyncio.create_task(measure(tasks(files[:1], tmp_path / "slow"), 1))
    while not (started := children() - before):  # noqa: ASYNC110 - nobody tells that a process has begun
        await asyncio.sleep(0)
    os.kill(started.pop(), signal.SIGSTOP)
    (outcome,) = await task
    assert outcome.refusal is not None
    assert outcome.refusal.rule == "file-too-slow"
    assert children() == before


async def test_a_process_that_is_lost_costs_one_file_and_not_the_load(files, tmp_path):
    asked = tasks(files[:10] * 3, tmp_path / "lost")
    before, killed, outcomes = children(), 0, []
    async with aclosing(measure_files(asked, processes=1)) as measured:
        async for outcome in measured:
            outcomes.append(outcome)
            if not killed:
                (killed,) = children() - before
                os.kill(killed, signal.SIGKILL)
    assert len(outcomes) == len(asked)
    lost = [outcome for outcome in outcomes if outcome.refusal and outcome.refusal.rule == "file-not-measured"]
    assert len(lost) == 1


async def test_whoever_stops_in_between_leaves_no_process(files, tmp_path):
    before = children()

    async def start() -> None:
        await measure(tasks(files * 20, tmp_path / "stopped"), 2)

    task = asyncio.create_task(start())
    while not children() - before:  # noqa: ASYNC110 - nobody tells that a process has begun
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == before


async def test_the_report_of_a_load_is_the_same_however_many_processes_measure(lab, monkeypatch):
    folder = lab.home / "made"
    write_synthetic(folder, seed=3, rows={"neuron": FILES, "axon": FILES}, files=FILES)
    for number in (2, 5, 7):
        (folder / f"meshes/neuron-{number}.obj").write_text("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n")
    results = []
    for worth in (float("inf"), -1):
        monkeypatch.setattr(measuring_pool, "WORTH_S", worth)
        results.append(await lab.load(folder, check_only=True))
    assert results[0] == results[1]
    flat = [finding.file for finding in results[0].findings if finding.rule == "mesh-flat"]
    assert flat == [f"meshes/neuron-{number}.obj" for number in (2, 5, 7)]
