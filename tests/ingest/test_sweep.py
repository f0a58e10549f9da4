"""Sweeping up: what nobody reads goes, what somebody may still need stays, whoever is interrupted and whenever."""

import json
import shutil
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from anyio import to_thread

from syndb_graphql.cli import run
from syndb_graphql.errors import Conflict, LoadError
from syndb_graphql.ingest.leases import LEASE_S, take_lease
from syndb_graphql.ingest.scratch import open_scratch, remove_dead_scratch
from syndb_graphql.ingest.sweep import Sweep
from syndb_graphql.ingest.versions import delete_dataset
from syndb_graphql.store.protocol import Hold, Snapshot
from syndb_graphql.store.sqlite import SqliteStore

from .conftest import Lab, settings_of
from .halting import Watched, load
from .test_killed import AFTER, BEFORE, SKELETON, kill_at, only_version_is_left


class Stop(BaseException):
    """Whatever it meets ends at once, as if the process had been killed."""


def stop_at(moment: int):
    met = []

    def meet(name: str) -> None:
        met.append(name)
        if len(met) == moment:
            raise Stop

    return meet, met


async def sweep(lab: Lab, meet=None, **options) -> Sweep:
    watched = [Watched(store, meet) if meet else store for store in (lab.rows, lab.objects)]
    swept = Sweep(*watched, **options)
    await swept.sweep_all()
    return swept


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def kept_by(lab: Lab) -> tuple[list[str], set[tuple[str, int]], list[Hold]]:
    """Keys of all files, versions that have rows by table, and holds."""
    keys = [key async for key in lab.objects.list_keys("")]
    found = set()
    for table in (*lab.model.tables, "related_count"):
        sql = f"SELECT DISTINCT version FROM {table}"
        found |= {(table, number) for (number,) in lab.rows._connection.execute(sql)}
    return keys, found, await lab.rows.read_holds()


@pytest.fixture
async def replaced(lab: Lab) -> UUID:
    """A data set, with a load that was killed when it was about to replace it."""
    lab.fill(BEFORE, rest=SKELETON)
    first = await lab.load_well()
    lab.fill(AFTER, rest=SKELETON)
    kill_at(settings_of(lab.home), "write_version-after")
    assert first.dataset
    return first.dataset


async def test_a_dead_load_counts_as_running_for_ten_minutes_and_goes_then(lab, replaced):
    before = await kept_by(lab)
    swept = await sweep(lab)
    (running,) = swept.running
    assert (running.dataset, running.label, running.version) == (replaced, "A cortex", 2)
    assert abs(running.until - later(LEASE_S)) < timedelta(seconds=60)
    assert (swept.removed, swept.files) == ([], 0)
    assert await kept_by(lab) == before

    swept = await sweep(lab, now=later(LEASE_S + 1))
    assert [(version.label, version.version, version.reason) for version in swept.removed] == [
        ("A cortex", 2, "unfinished")
    ]
    assert swept.files > 0
    await only_version_is_left(lab, replaced, 1)
    assert await lab.rows.read_holds() == []
    again = await sweep(lab, now=later(LEASE_S + 1))
    assert (again.removed, again.running, again.files) == ([], [], 0)


async def test_a_dry_run_tells_exactly_what_a_sweep_removes_and_removes_nothing(lab, replaced):
    before = await kept_by(lab)
    told = await sweep(lab, force=True, dry_run=True)
    assert await kept_by(lab) == before
    done = await sweep(lab, force=True)
    assert (told.removed, told.files, told.size) == (done.removed, done.files, done.size)
    assert done.size > 0


async def test_versions_are_kept_as_long_as_somebody_may_be_reading_them(lab):
    lab.fill(BEFORE, rest=SKELETON)
    first = await lab.load_well()
    lab.fill(AFTER, rest=SKELETON)
    await lab.load_well()
    assert (await sweep(lab, now=later(23 * 3600))).removed == []
    assert await lab.rows.list_versions(first.dataset.bytes) == [1, 2]
    swept = await sweep(lab, now=later(25 * 3600))
    assert [(version.version, version.reason) for version in swept.removed] == [(1, "retired")]
    await only_version_is_left(lab, first.dataset, 2)


async def test_a_sweep_cut_short_at_any_moment_is_finished_by_the_next(lab, replaced):
    """Also within the removal of a version: its record goes first, and with it all that names its rows."""
    moment, met = 0, ["the first"]
    while len(met) >= moment:
        moment += 1
        meet, met = stop_at(moment)
        with suppress(Stop):
            await sweep(lab, meet, force=True)
        assert await lab.rows.list_versions(replaced.bytes) in ([1], [1, 2])
        if moment == 1:
            before = await kept_by(lab)
            assert ("synapse", 2) in before[1]
    await only_version_is_left(lab, replaced, 1)
    assert await lab.rows.read_holds() == []


async def test_rows_whose_record_is_gone_are_found_by_their_hold(lab, replaced):
    assert await lab.rows.swap_hold(Snapshot(replaced.bytes, 2), (await lab.rows.read_holds())[0].until, 0)
    lab.rows._connection.execute("DELETE FROM dataset_version WHERE version = 2")
    swept = await sweep(lab)
    assert [version.version for version in swept.removed] == [2]
    await only_version_is_left(lab, replaced, 1)


async def test_a_data_set_whose_removal_was_cut_short_goes_for_good(lab):
    moment, met = 0, ["the first"]
    while len(met) >= moment:
        moment += 1
        lab.fill(AFTER, rest=SKELETON)
        loaded = await lab.load_well()
        meet, met = stop_at(moment)
        with suppress(Stop):
            await delete_dataset(Watched(lab.rows, meet), Watched(lab.objects, meet), loaded.dataset)
        if await lab.rows.read_heads():
            assert loaded.status in ("loaded", "unchanged")
            await delete_dataset(lab.rows, lab.objects, loaded.dataset)
        await sweep(lab)
        assert await kept_by(lab) == ([], set(), [])
    assert moment > 5


async def test_a_data_set_is_loaded_again_while_its_old_rows_still_wait_for_a_sweep(lab):
    """The same numbers and ids would come again; the rows of before must not stand in for those of now."""
    lab.fill(BEFORE, rest=SKELETON)
    first = await lab.load_well()
    meet, met = stop_at(5)
    with pytest.raises(Stop):
        await delete_dataset(Watched(lab.rows, lambda name: meet(name)), lab.objects, first.dataset)
    assert met[-1] == "delete_dataset"
    lab.rows._connection.execute("DELETE FROM dataset_head")
    lab.fill(AFTER, rest=SKELETON)
    again = await lab.load_well()
    assert again.version == 2
    assert await lab.read(again, "neuron", "name") == {"1": "after", "2": "after"}
    await sweep(lab)
    await only_version_is_left(lab, first.dataset, 2)


async def test_a_load_is_none_the_worse_for_sweeps_at_every_moment(lab):
    lab.fill(BEFORE, rest=SKELETON)
    first = await lab.load_well()
    lab.fill(AFTER, rest=SKELETON)
    other = SqliteStore(lab.home / "syndb.sqlite", lab.model, timeout_s=5)
    met = []

    async def sweep_beside(name: str) -> None:
        met.append(name)
        await Sweep(other, lab.objects).sweep_all()

    result = await load(settings_of(lab.home), sweep_beside)
    assert (result.status, result.errors) == ("loaded", 0)
    assert {"swap_hold-after", "write_rows", "put_file", "put_file-after", "swap_head"} <= set(met)
    assert await lab.read(result, "neuron", "name") == {"1": "after", "2": "after"}
    await sweep(lab, retention_h=0)
    await only_version_is_left(lab, first.dataset, 2)
    await other.close()


async def test_a_load_that_is_taken_for_dead_publishes_nothing_and_says_so(lab, tmp_path):
    """At whatever moment: even between its last look at its hold and the change of the head."""
    lab.fill(BEFORE, rest=SKELETON)
    first = await lab.load_well()
    lab.fill(AFTER, rest=SKELETON)
    shutil.copytree(lab.home, tmp_path / "copy")
    names: list[str] = []
    await load(settings_of(tmp_path / "copy"), names.append)
    other = SqliteStore(lab.home / "syndb.sqlite", lab.model, timeout_s=5)
    for moment in range(names.index("swap_hold-after") + 1, names.index("swap_head") + 2):
        met: list[str] = []

        async def sweep_once(name: str, moment: int = moment, met: list[str] = met) -> None:
            met.append(name)
            if len(met) == moment:
                await Sweep(other, lab.objects, force=True).sweep_all()

        with pytest.raises((Conflict, LoadError), match="Nothing was published"):
            await load(settings_of(lab.home), sweep_once)
        await sweep(lab, force=True)
        await only_version_is_left(lab, first.dataset, 1)
        assert await lab.rows.read_holds() == []
    assert met[moment - 1] == "swap_head"
    await other.close()


async def test_a_load_that_is_overtaken_leaves_nothing_either(lab):
    """Two loads of one data set: the one that began first comes too late, and may be killed as it finds out."""
    lab.fill(BEFORE, rest=SKELETON)
    first = await lab.load_well()
    lab.fill(AFTER, rest=SKELETON)

    async def overtake(name: str) -> None:
        if name == "write_version-after":
            lab.fill({"neuron.csv": "cid,name\n1,faster\n", "synapse.csv": "cid,pre_neuron_id\n1,1\n"})
            await lab.load_well()
            raise Stop  # it does not even come to clean up

    with pytest.raises(Stop):
        await load(settings_of(lab.home), overtake)
    assert await lab.rows.list_versions(first.dataset.bytes) == [1, 3]
    await sweep(lab, now=later(LEASE_S + 1), retention_h=0)
    await only_version_is_left(lab, first.dataset, 3)
    assert await lab.rows.read_holds() == []


async def test_a_lease_is_renewed_and_found_lost(lab):
    dataset = uuid5(NAMESPACE_URL, "a data set").bytes
    lease = await take_lease(lab.rows, dataset)
    async with lease:
        await lease.renew()
        (hold,) = await lab.rows.read_holds()
        assert abs(hold.until - time.time() - LEASE_S) < 60
        # A renewal whose answer was lost: the store has it, the load does not know.
        assert await lab.rows.swap_hold(lease.snapshot, hold.until, hold.until + 5)
        await lease.renew()
        await Sweep(lab.rows, lab.objects, force=True).sweep_all()
        with pytest.raises(Conflict, match="sweep removed what it had written"):
            await lease.renew()


async def test_temporary_folders_of_the_living_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "syndb-load-dead").mkdir()
    (tmp_path / "syndb-load-dead" / "run.arrow").write_bytes(b"rows")
    (tmp_path / "syndb-load-dead.held").touch()
    (tmp_path / "syndb-mine").mkdir()  # of somebody else: it has no mark
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "syndb-link.held").symlink_to(tmp_path / "elsewhere")
    with open_scratch("load") as scratch:
        assert remove_dead_scratch(dry_run=True) == remove_dead_scratch() == [tmp_path / "syndb-load-dead"]
        assert remove_dead_scratch() == []
        assert scratch.is_dir()
    left = {"syndb-mine", "elsewhere", "syndb-link.held"}
    assert {path.name for path in tmp_path.iterdir()} == left


# ── The command ──
@pytest.fixture
def data(lab, replaced, monkeypatch) -> None:
    monkeypatch.setenv("SYNDB_DATA", str(lab.home))
    monkeypatch.setattr(tempfile, "tempdir", str(lab.home / "tmp"))
    (lab.home / "tmp").mkdir()


async def said(capsys, *words: str) -> str:
    capsys.readouterr()
    assert await to_thread.run_sync(run, ["sweep", *words]) == 0
    return capsys.readouterr().out


async def test_the_command_says_what_it_removes_and_what_it_leaves_alone(lab, data, capsys):
    assert "left alone: version 2 of 'A cortex'" in await said(capsys)
    assert "would remove version 2 of 'A cortex'" in await said(capsys, "--force", "--dry-run")
    removed = await said(capsys, "--force")
    assert "removed version 2 of 'A cortex'" in removed
    assert "never finished" in removed
    assert "removed 3 files (0.1 MB)" in removed
    assert await said(capsys, "--force") == "Nothing to remove.\n"


async def test_a_program_reads_what_was_removed(lab, data, replaced, capsys):
    report = json.loads(await said(capsys, "--force", "--json"))
    assert report["versions"] == [{"dataset": str(replaced), "label": "A cortex", "version": 2, "reason": "unfinished"}]
    assert report["files"] == 3
    assert report["file_bytes"] > 0
    assert (report["dry_run"], report["running"], report["temporary_folders"]) == (False, [], [])
