"""A load is killed: nobody sees any of it, and loading again gives what one load would have given."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from syndb_graphql.catalog.records import derive_dataset_id
from syndb_graphql.settings import Settings
from tests.conftest import environment_of

from .conftest import Lab, settings_of

SYNAPSES = "cid,pre_neuron_id\n" + "".join(f"{i},{i % 2 + 1}\n" for i in range(1000))
BEFORE = {"neuron.csv": "cid,name\n1,before\n2,before\n"}
AFTER = {
    "neuron.csv": "cid,name,swc_path\n1,after,a.swc\n2,after,\n",
    "synapse.csv": SYNAPSES,
    "a.swc": "1 1 0 0 0 1 -1\n2 3 0 0 5 1 1\n",
}
SKELETON = "[files.skeleton]\nunit = 'um'\n"


def kill_at(settings: Settings, call: str) -> None:
    command = [sys.executable, str(Path(__file__).with_name("halting.py")), call]
    environment = os.environ | environment_of(settings)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert line.startswith("halted ")


@pytest.mark.parametrize(
    "call",
    ["write_rows-after", "write_counts", "put_file-after", "write_version-after", "write_record-after", "swap_head"],
)
async def test_a_killed_load_leaves_the_old_version_and_can_be_repeated(lab: Lab, call: str) -> None:
    lab.fill(BEFORE, rest=SKELETON)
    first = await lab.load_well()
    lab.fill(AFTER, rest=SKELETON)
    kill_at(settings_of(lab.home), call)

    standing = await lab.standing(first.dataset)
    assert (standing.head.version, standing.head.last_version) == (1, 2)
    assert await lab.read(first, "neuron", "name") == {"1": "before", "2": "before"}

    again = await lab.load_well(retention_h=0)
    assert (again.status, again.version) == ("loaded", 3)
    assert await lab.read(again, "neuron", "name") == {"1": "after", "2": "after"}
    assert len(await lab.read(again, "synapse", "cid")) == 1000
    await only_version_is_left(lab, again.dataset, 3)


async def test_a_first_load_that_is_killed_shows_nothing(lab: Lab) -> None:
    lab.fill(AFTER, rest=SKELETON)
    kill_at(settings_of(lab.home), "write_rows-after")
    standing = await lab.standing(derive_dataset_id("local", "A cortex"))
    assert (standing.head.version, standing.record, standing.version) == (0, None, None)
    result = await lab.load_well()
    assert (result.status, result.version) == ("loaded", 2)
    await only_version_is_left(lab, result.dataset, 2)


async def test_killed_after_the_swap_it_is_published_and_the_next_load_tidies_up(lab: Lab) -> None:
    lab.fill(BEFORE, rest=SKELETON)
    first = await lab.load_well()
    lab.fill(AFTER, rest=SKELETON)
    kill_at(settings_of(lab.home), "swap_head-after")
    again = await lab.load_well(retention_h=0)
    assert (again.status, again.version) == ("unchanged", 2)
    assert await lab.read(again, "neuron", "name") == {"1": "after", "2": "after"}
    await only_version_is_left(lab, first.dataset, 2)


async def only_version_is_left(lab: Lab, dataset, number: int) -> None:
    """No rows, records or files of any other version."""
    assert await lab.rows.list_versions(dataset.bytes) == [number]
    for table in lab.model.tables:
        sql = f"SELECT DISTINCT version FROM {table}"
        assert set(lab.rows._connection.execute(sql).fetchall()) <= {(number,)}
    keys = [key async for key in lab.objects.list_keys(f"{dataset}/")]
    version = await lab.version(dataset)
    parquet = [file.key for table in version.tables.values() for file in table.parquet]
    assert sorted(keys) == sorted([*parquet, *version.files])
