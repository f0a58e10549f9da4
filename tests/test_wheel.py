"""The wheel: built from this repository, installed into an empty environment, its demo run in an empty folder.

What it depends on is taken from the environment of the tests, so nothing is downloaded. The page is built on the way
where a source of it has changed, which takes 5 s more.
"""

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from syndb_graphql import __version__

pytestmark = pytest.mark.embedded

REPOSITORY = Path(__file__).parents[1]
BUILD_SECONDS = 500  # less than what the build hook allows itself, with a slow line and no Node
THE_QUESTION = """{ datasets { nodes { label neurons(first: 5) { nodes {
  sourceId cableLength branchCount meshVolume(unit: MICROMETER) skeleton { sha256 } mesh { sha256 }
  outgoingSynapses(first: 3) { totalCount nodes { confidence } } incomingSynapses { totalCount } } } } } }"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)],
        capture_output=True, text=True, timeout=BUILD_SECONDS, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The bin folder of an environment that holds the wheel alone, and sees what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True, timeout=120,
    )  # fmt: skip
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "bin"


@pytest.fixture(scope="module")
def server(installed, demo_settings, tmp_path_factory, start_server) -> Iterator[Any]:
    """`syndb-graphql demo` in an empty folder."""
    folder = tmp_path_factory.mktemp("empty")
    settings = demo_settings.model_copy(update={"data": folder / "syndb-data"})
    program = [str(installed / "syndb-graphql")]
    with start_server(settings, folder / "log", "demo", program=program, folder=folder) as running:
        yield running


def test_the_wheel_holds_the_facts_the_demo_and_the_licence_and_no_test(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        stated = BytesParser().parsebytes(archive.read(f"syndb_graphql-{__version__}.dist-info/METADATA"))
    for needed in (
        "syndb_graphql/schema/columns.toml",
        "syndb_graphql/schema/tables/neuron.toml",
        "syndb_graphql/schema/generated/syndb.graphql",
        "syndb_graphql/demo/data/README.md",
        "syndb_graphql/demo/data/hemibrain-da1/synapse.csv",
        "syndb_graphql/py.typed",
        f"syndb_graphql-{__version__}.dist-info/licenses/LICENSE",
    ):
        assert needed in names
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"syndb_graphql", f"syndb_graphql-{__version__}.dist-info"}
    assert not [name for name in names if "node_modules" in name or "__pycache__" in name]
    assert stated["License-Expression"] == "Apache-2.0"
    assert stated["Requires-Python"] == ">=3.11"
    assert "graphiql.png" in stated.get_payload(), "the README is the description"
    assert wheel.stat().st_size < 10_000_000


def test_what_is_installed_is_the_wheel_and_not_this_repository(installed, tmp_path):
    program = "import syndb_graphql, syndb_graphql.spec.load as load; print(syndb_graphql.__file__, load.SCHEMA_DIR)"
    ran = subprocess.run(
        [installed / "python", "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60
    )
    for path in ran.stdout.split():
        assert Path(path).is_relative_to(installed.parent)


async def test_the_demo_of_the_wheel_gives_the_same_answer(server, client):
    async with httpx.AsyncClient() as http:
        response = await http.post(server.url + "/graphql", json={"query": THE_QUESTION}, timeout=30)
    answer = response.json()
    assert "errors" not in answer
    assert answer["data"] == await client.ask(THE_QUESTION)
    assert len(answer["data"]["datasets"]["nodes"]) == 6


def test_graphiql_is_in_the_wheel(wheel, server):
    with zipfile.ZipFile(wheel) as archive:
        has_page = "syndb_graphql/web/index.html" in archive.namelist()
    if not has_page and os.environ.get("CI") != "true":
        pytest.skip("The page was not built, so it is NOT in the wheel: see `make wheel`")
    assert has_page
    page = httpx.get(server.url + "/graphql", headers={"accept": "text/html"})
    assert page.status_code == 200
    scripts = re.findall(r'src="([^"]+\.js)"', page.text)
    assert scripts
    for path in scripts:
        script = httpx.get(httpx.URL(server.url + "/graphql").join(path))
        assert script.status_code == 200
        assert "javascript" in script.headers["content-type"]
