"""`syndb-graphql schema`: what is derived from the facts is kept beside them, and this is where it is compared."""

import shutil
from pathlib import Path

import pytest

from syndb_graphql.cli import run
from syndb_graphql.spec.load import SCHEMA_DIR

DERIVED = ("cassandra.cql", "sqlite.sql", "syndb.graphql", "tables.md")


@pytest.fixture
def facts(tmp_path) -> Path:
    shutil.copytree(SCHEMA_DIR, tmp_path / "schema")
    return tmp_path / "schema"


def test_what_is_committed_is_what_the_facts_say(capsys):
    assert run(["schema", "check"]) == 0, capsys.readouterr().err
    assert sorted(path.name for path in (SCHEMA_DIR / "generated").iterdir()) == sorted(DERIVED)


@pytest.mark.parametrize("name", DERIVED)
def test_a_stale_file_fails_the_check_which_names_the_remedy(name, facts, capsys):
    path = facts / "generated" / name
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    assert run(["schema", "check", "--dir", str(facts)]) == 1
    said = capsys.readouterr().err
    assert said == f"{path} is not what schema/ says now. Run `syndb-graphql schema write`.\n"


def test_a_new_fact_makes_files_stale_and_writing_mends_them(facts, capsys):
    columns = facts / "columns.toml"
    columns.write_text(columns.read_text("utf-8").replace("Volume counted in voxels", "Volume, counted in voxels"))
    assert run(["schema", "check", "--dir", str(facts)]) == 1
    stale = capsys.readouterr().err
    assert "syndb.graphql is not what schema/ says now" in stale
    assert "tables.md is not what schema/ says now" in stale
    assert run(["schema", "write", "--dir", str(facts)]) == 0
    assert "Volume, counted in voxels" in (facts / "generated" / "tables.md").read_text("utf-8")
    assert run(["schema", "check", "--dir", str(facts)]) == 0


def test_derived_files_that_are_not_there_are_named(facts, capsys):
    shutil.rmtree(facts / "generated")
    assert run(["schema", "check", "--dir", str(facts)]) == 1
    assert capsys.readouterr().err.count("Run `syndb-graphql schema write`.") == len(DERIVED)


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert run(["schema", "check", "--dir", str(tmp_path / "nowhere")]) == 1
    assert "Give the folder that holds columns.toml with --dir." in capsys.readouterr().err


def test_a_wrong_fact_is_told_with_its_file(facts, capsys):
    table = facts / "tables" / "axon.toml"
    table.write_text(table.read_text("utf-8").replace('"mesh_volume"', '"mesh_volum"'), "utf-8")
    assert run(["schema", "check", "--dir", str(facts)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("syndb-graphql: ")
    assert "axon.toml" in said
    assert "mesh_volum" in said
    assert "Traceback" not in said
