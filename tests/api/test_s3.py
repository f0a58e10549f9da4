"""The graph with its files on an S3 store: links lead there, and while it is down they are missing and nothing else is."""

import asyncio
import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from syndb_graphql.cli.demo import DATA
from syndb_graphql.cli.load import load_folders
from syndb_graphql.settings import Settings
from tests.conftest import until

pytestmark = pytest.mark.servers

HEMIBRAIN = "Hemibrain DA1 projection neurons"
FILES = """query($label: String!) { dataset(by: {label: $label}) { label rowCount neurons { totalCount nodes { sourceId cableLength
  mesh { url expiresAt filename size sha256 contentType } skeleton { url expiresAt filename size sha256 contentType }
  outgoingSynapses(first: 3) { totalCount nodes { confidence } } } } } }"""


@pytest.fixture(scope="module")
def s3_settings(s3_server_of_session, tmp_path_factory) -> Settings:
    """A data set with meshes and skeletons, its rows in SQLite and its files in a bucket."""
    server = s3_server_of_session
    settings = Settings(
        data=tmp_path_factory.mktemp("s3"),
        secret_keys=("0123456789abcdef" * 2,),
        files="s3",
        s3_endpoint=server.endpoint,
        s3_access_key=server.access_key,
        s3_secret_key=server.secret_key,
        s3_bucket="front-door",
        s3_prefix="graph/",
    )
    folder = next(path.parent for path in DATA.glob("*/dataset.toml") if HEMIBRAIN in path.read_text("utf-8"))
    assert load_folders([folder], settings, quiet=True) == 0
    assert not (Path(settings.data) / "files").exists()
    return settings


@pytest.fixture
async def browser():
    async with httpx.AsyncClient() as browser:
        yield browser


async def ask_files(client) -> list[dict]:
    neurons = (await client.ask(FILES, {"label": HEMIBRAIN}))["dataset"]["neurons"]["nodes"]
    return [neuron[kind] | {"of": neuron["sourceId"]} for neuron in neurons for kind in ("mesh", "skeleton")]


async def test_every_link_of_a_page_gives_the_file_that_was_loaded(s3_settings, s3_server, start_client, browser):
    async with start_client(s3_settings) as client:
        files = await ask_files(client)
        assert len(files) == 10
        for file in files:
            answer = await browser.get(file["url"])
            assert answer.status_code == 200
            assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
            assert len(answer.content) == file["size"]
            assert answer.headers["content-type"] == file["contentType"]
            assert answer.headers["content-disposition"] == f'attachment; filename="{file["filename"]}"'
            part = await browser.get(file["url"], headers={"Range": "bytes=100-199"})
            assert (part.status_code, part.content) == (206, answer.content[100:200])
            assert (await browser.get(file["url"].replace("X-Amz-Signature=", "X-Amz-Signature=f"))).status_code == 403


async def test_this_server_serves_no_files_of_another_store(s3_settings, s3_server, start_client):
    async with start_client(s3_settings) as client:
        assert (await client.http.get("/files/graph/anything")).status_code == 404


async def test_links_lead_to_the_public_address(s3_settings, s3_server, start_client):
    settings = s3_settings.model_copy(update={"s3_public_endpoint": "https://files.example.org"})
    async with start_client(settings) as client:
        files = await ask_files(client)
    assert {urlsplit(file["url"])[:2] for file in files} == {("https", "files.example.org")}
    assert all(urlsplit(file["url"]).path.startswith("/front-door/graph/") for file in files)


async def test_a_link_ends_when_it_says(s3_settings, s3_server, start_client, browser):
    async with start_client(s3_settings.model_copy(update={"link_lifetime_s": 1})) as client:
        (file, *_) = await ask_files(client)
        await until(lambda: browser.get(file["url"]), lambda answer: answer.status_code == 403)
        (again, *_) = await ask_files(client)
        assert again["url"] != file["url"]


async def test_a_store_that_dies_costs_the_links_alone_and_gives_them_again_when_it_is_back(
    s3_settings, s3_server, start_client, browser
):
    async with start_client(s3_settings) as client:
        before = (await client.ask(FILES, {"label": HEMIBRAIN}))["dataset"]
        assert (await client.http.get("/readyz")).status_code == 200
        s3_server.kill()
        ready = await client.http.get("/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, "RAW_DATA_UNAVAILABLE")
        assert (await client.http.get("/healthz")).status_code == 200

        answer = await until(
            lambda: client.answer(FILES, {"label": HEMIBRAIN}),
            lambda answer: answer["data"]["dataset"] == without_links(before),
        )
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"RAW_DATA_UNAVAILABLE"}
        assert {error["path"][-1] for error in answer["errors"]} <= {"url", "expiresAt"}
        for error in answer["errors"]:
            assert error["message"].startswith("The store of files does not answer: ")
            for inside in (s3_server.endpoint, s3_server.access_key, "front-door"):
                assert inside not in error["message"]

        await asyncio.to_thread(s3_server.start)
        answer = await until(lambda: client.answer(FILES, {"label": HEMIBRAIN}), lambda answer: "errors" not in answer)
        assert without_links(answer["data"]["dataset"]) == without_links(before)
        neuron = answer["data"]["dataset"]["neurons"]["nodes"][0]
        assert (await browser.get(neuron["mesh"]["url"])).status_code == 200
        assert (await client.http.get("/readyz")).status_code == 200


async def test_a_store_that_hangs_is_told_by_readyz_within_its_bound(s3_settings, s3_server, start_client):
    async with start_client(s3_settings) as client:
        s3_server.pause()
        async with asyncio.timeout(6):
            ready = await client.http.get("/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, "RAW_DATA_UNAVAILABLE")
        s3_server.resume()
        await until(lambda: client.http.get("/readyz"), lambda answer: answer.status_code == 200)


def without_links(dataset: dict) -> dict:
    def bare(neuron: dict) -> dict:
        return neuron | {kind: neuron[kind] | {"url": None, "expiresAt": None} for kind in ("mesh", "skeleton")}

    neurons = dataset["neurons"]
    return dataset | {"neurons": neurons | {"nodes": [bare(neuron) for neuron in neurons["nodes"]]}}


async def test_a_load_while_the_store_is_down_changes_nothing(s3_settings, s3_server, tmp_path, capsys):
    settings = s3_settings.model_copy(update={"data": tmp_path, "s3_timeout_s": 1})
    folder = next(path.parent for path in DATA.glob("*/dataset.toml") if HEMIBRAIN in path.read_text("utf-8"))
    s3_server.kill()
    assert await asyncio.to_thread(load_folders, [folder], settings, quiet=True) != 0
    assert "The store of files does not answer" in capsys.readouterr().out + capsys.readouterr().err
    await asyncio.to_thread(s3_server.start)
    assert await asyncio.to_thread(load_folders, [folder], settings, quiet=True) == 0
