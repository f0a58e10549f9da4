"""`syndb-graphql list` and `delete`: what is there, and away with it."""

import asyncio
import io
import json
from dataclasses import replace
from uuid import UUID

import pytest

from syndb_graphql.cli import run
from syndb_graphql.ingest.versions import delete_dataset
from syndb_graphql.settings import load_settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import Stores, open_stores
from tests.ingest.halting import Watched

HEMIBRAIN = "Hemibrain DA1 projection neurons"
RORB = "Mouse V1 Rorb neuron"


@pytest.fixture
def data(copied_demo, use_settings):
    use_settings(copied_demo)
    return copied_demo.data


def listed(capsys) -> dict[str, dict]:
    capsys.readouterr()
    assert run(["list", "--json"]) == 0
    return {dataset["label"]: dataset for dataset in json.loads(capsys.readouterr().out)}


def test_each_data_set_is_a_line_with_its_id_and_its_rows(data, capsys):
    assert run(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if HEMIBRAIN in line]
    assert "c342309f-117d-5d64-a530-e7fc6e3abf20" in line
    assert "14,841" in line
    assert "synapse 14,836" in line
    assert len(lines) == 1 + 6


@pytest.mark.embedded
def test_a_program_reads_the_same_as_json(data, capsys):
    assert listed(capsys)[HEMIBRAIN]["tables"] == {"neuron": 5, "synapse": 14836}


def test_where_nothing_is_loaded_the_next_step_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SYNDB_DATA", str(tmp_path / "new"))
    assert run(["list"]) == 0
    assert "`syndb-graphql load DIR` loads one" in capsys.readouterr().out


def files_of(dataset: str) -> list[str]:
    """The keys of a data set's files, wherever they are kept."""

    async def read() -> list[str]:
        stores = open_stores(load_settings(), load_default_model())
        try:
            return [key async for key in stores.objects.list_keys(f"{dataset}/")]
        finally:
            await stores.close()

    return asyncio.run(read())


def test_a_data_set_is_removed_once_its_label_was_typed(data, capsys, monkeypatch):
    dataset = listed(capsys)[RORB]["uuid"]
    assert any(key.endswith(".swc") for key in files_of(dataset))
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{RORB}\n"))
    assert run(["delete", RORB]) == 0
    said = capsys.readouterr()
    assert "cannot be undone" in said.err
    assert said.out.startswith(f"Removed '{RORB}'")
    assert RORB not in listed(capsys)
    assert len(listed(capsys)) == 5
    assert files_of(dataset) == []


@pytest.mark.parametrize("typed", ["", "\n", "yes\n"])
@pytest.mark.embedded
def test_anything_else_removes_nothing(typed, data, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert run(["delete", RORB]) == 1
    assert "Nothing was removed." in capsys.readouterr().err
    assert RORB in listed(capsys)


def test_a_script_removes_by_id_without_being_asked(data, capsys):
    uuid = listed(capsys)[RORB]["uuid"]
    assert run(["delete", uuid.upper(), "--yes"]) == 0
    assert RORB not in listed(capsys)


def test_what_somebody_else_removes_while_it_is_listed_is_not_listed(data, capsys, monkeypatch):
    uuid = UUID(listed(capsys)[RORB]["uuid"])

    def open_and_watch(*arguments, **options) -> Stores:
        stores = open_stores(*arguments, **options)

        async def meet(name: str) -> None:
            if name == "read_heads-after":
                await delete_dataset(stores.rows, stores.objects, uuid)

        return replace(stores, rows=Watched(stores.rows, meet))

    monkeypatch.setattr("syndb_graphql.cli.list.open_stores", open_and_watch)
    assert len(listed(capsys)) == 5


@pytest.mark.embedded
def test_a_label_that_is_nearly_right_is_not_taken_for_another(data, capsys):
    assert run(["delete", "Mouse V1 Rorb neurons", "--yes"]) == 1
    said = capsys.readouterr().err
    assert f"Did you mean '{RORB}'?" in said
    assert len(listed(capsys)) == 6
