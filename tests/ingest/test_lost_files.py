"""The store of files dies in the midst of a load: that is said, nobody who reads notices, and the load can be repeated."""

import asyncio
import dataclasses
import shutil
from typing import Any

import pytest

from bench.synthetic import write_synthetic
from syndb_graphql.cli import load as command
from syndb_graphql.cli import run
from syndb_graphql.settings import Settings
from syndb_graphql.stores import open_stores
from tests.conftest import on_s3, until

from .conftest import settings_of
from .contents import contents_of
from .halting import Watched, load

pytestmark = pytest.mark.servers
COUNTS = {"neuron": 30, "neuron_relation": 60, "dendrite": 40, "vesicle": 60, "synapse": 900}
ROWS = """{ dataset(by: {label: "Synthetic cortex"}) { rowCount
  synapses(first: 900) { totalCount nodes { sourceId centroid { x } } } } }"""
LINKS = """{ dataset(by: {label: "Synthetic cortex"}) { neurons(first: 30) { nodes { mesh { url } skeleton { url } } } } }"""


def fill(settings: Settings, seed: int) -> None:
    folder = settings.data / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    write_synthetic(folder, seed=seed, rows=COUNTS, files=2, label="Synthetic cortex")


async def test_it_dies_while_tables_and_while_meshes_are_put_and_comes_back(
    s3_server, start_client, use_settings, tmp_path, monkeypatch, capsys
):
    settings, calm = settings_of(tmp_path / "disturbed"), settings_of(tmp_path / "calm")
    settings = on_s3(settings, s3_server).model_copy(update={"s3_prefix": f"{tmp_path.name}/"})
    met: list[str] = []
    for each in (settings, calm):
        for seed in (1, 2):
            fill(each, seed)
            if seed == 1 or each is calm:
                met.clear()
                assert (await load(each, met.append)).status == "loaded"
    puts = met.count("put_file")
    assert puts > len(COUNTS) + 2  # a Parquet file of each table comes first

    use_settings(settings)
    dying: list[int] = []

    def die(name: str) -> None:
        met.append(name)
        if name == "put_file" and met.count(name) in dying:
            s3_server.kill()

    def open_watched(*arguments: Any, **options: Any) -> Any:
        stores = open_stores(*arguments, **options)
        return dataclasses.replace(stores, objects=Watched(stores.objects, die))

    async def load_by_command() -> int:
        met.clear()
        capsys.readouterr()
        return await asyncio.to_thread(run, ["load", "--quiet", str(settings.data / "folder")])

    monkeypatch.setattr(command, "open_stores", open_watched)
    async with start_client(settings) as client, start_client(calm) as calm_client:
        before = await client.ask(ROWS)
        for number in (3, len(COUNTS) + 2):
            dying[:] = [number]
            assert await load_by_command() == 1
            assert met.count("put_file") == number
            said = capsys.readouterr().out
            assert "The store of files does not answer: " in said
            assert (
                f"Nothing was published. See to it that the S3 store at {s3_server.endpoint} answers, and load" in said
            )
            assert s3_server.secret_key not in said
            assert await client.ask(ROWS) == before
            answer = await until(lambda: client.answer(LINKS), lambda answer: "errors" in answer)
            assert {error["extensions"]["code"] for error in answer["errors"]} == {"RAW_DATA_UNAVAILABLE"}
            await asyncio.to_thread(s3_server.start)
            await until(lambda: client.answer(LINKS), lambda answer: "errors" not in answer)
            assert await client.ask(ROWS) == before
        dying.clear()
        assert await load_by_command() == 0
        wanted = await calm_client.ask(ROWS)
        assert wanted != before
        await until(lambda: client.ask(ROWS), lambda answer: answer == wanted)
        assert "errors" not in await client.answer(LINKS)
    assert contents_of(settings) == contents_of(calm)
