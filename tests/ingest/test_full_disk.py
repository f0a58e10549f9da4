"""The disk is full in the middle of a load: which folder that is and what it needs is said, and nothing changes.

Here no file may grow over a bound of its own, which the system refuses as it refuses to write to a full disk.
"""

import os
import resource
import subprocess
import sys

import pytest

from .conftest import Lab

LIMIT = 2_000_000
"""Bytes a file: an empty database has a quarter of them."""
SKELETON = "[files.skeleton]\nunit = 'um'\n[files.mesh]\nunit = 'nm'\n"
BEFORE = {"neuron.csv": "cid,name\n1,before\n"}


def load_within(lab: Lab, bytes_a_file: int) -> subprocess.CompletedProcess:
    (lab.home / "tmp").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "syndb_graphql", "load", str(lab.folder)],
        env=os.environ | {"SYNDB_DATA": str(lab.home), "TMPDIR": str(lab.home / "tmp")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_a_file, bytes_a_file)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def long_skeleton() -> str:
    return "1 1 0 0 0 1 -1\n" + "".join(f"{n} 3 {n}.5 0.25 {n}.125 1 {n - 1}\n" for n in range(2, 90_000))


def wide_mesh(n: int = 350) -> str:
    points = "".join(f"v {x} {y} {(x * y) % 7}\n" for x in range(n) for y in range(n))
    corners = ((x * n + y + 1, x * n + y + 2, (x + 1) * n + y + 1) for x in range(n - 1) for y in range(n - 1))
    return points + "".join("f {} {} {}\n".format(*three) for three in corners)


@pytest.mark.parametrize(
    ("files", "full", "remedy"),
    [
        ({"neuron.csv": "cid,name\n" + "".join(f"{n},after\n" for n in range(60_000))}, "", "SYNDB_DATA"),
        ({"neuron.csv": "cid,name,swc_path\n1,after,a.swc\n", "a.swc": long_skeleton()}, "files", "SYNDB_DATA"),
        ({"neuron.csv": "cid,name,mesh_path\n1,after,a.obj\n", "a.obj": wide_mesh()}, "tmp", "TMPDIR"),
    ],
    ids=["rows", "files", "temporary files"],
)
async def test_a_full_disk_is_named_with_what_is_needed_and_the_version_before_stays(lab, files, full, remedy):
    lab.fill(BEFORE, rest=SKELETON)
    first = await lab.load_well()
    lab.fill(files, rest=SKELETON)
    ended = load_within(lab, LIMIT)
    said = " ".join(ended.stdout.split())
    assert ended.returncode == 1, ended
    assert f"The disk that holds {lab.home / full} is full.".replace("/ is", " is") in said
    assert " MB are free" in said or " GB are free" in said
    assert "this load needs about " in said
    assert f"or set {remedy} to another folder" in said
    assert "Nothing was published" in said
    assert "Traceback" not in ended.stdout + ended.stderr

    standing = await lab.standing(first.dataset)
    assert standing.head.version == 1
    assert await lab.read(first, "neuron", "name") == {"1": "before"}
    assert list((lab.home / "tmp").iterdir()) == []
    assert not list((lab.home / "files" / ".incoming").iterdir())
    again = await lab.load_well()
    assert again.status == "loaded"
    assert set((await lab.read(again, "neuron", "name")).values()) == {"after"}
