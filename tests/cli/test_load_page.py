"""`load --check` says what the columns hold, and `load --html` writes it as a page."""

import json
from pathlib import Path

import pytest

from syndb_graphql.cli import run

TOML = """
[dataset]
label = "Cortex"
animal = "mouse"
microscopy = "FIB-SEM"
license = "CC-BY-4.0"
brain_regions = [{ structure = "primary visual cortex" }]
[tables.neuron]
length_unit = "um"
"""
NEURONS = "cid,name,side,voxel_volume\n1,[A],left,725.3\n2,B,left,800\n3,B,,\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNDB_DATA", str(tmp_path / "data"))
    path = tmp_path / "cortex"
    path.mkdir()
    (path / "dataset.toml").write_text(TOML)
    (path / "neuron.csv").write_text(NEURONS)
    return path


def test_a_check_shows_units_ranges_and_nulls(folder: Path, capsys) -> None:
    assert run(["load", "--check", str(folder)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["checked", "Cortex;", "3", "neuron"] in lines
    assert ["neuron:", "3", "rows", "of", "neuron.csv"] in lines
    assert ["column", "unit", "values", "null", "smallest", "median", "largest"] in lines
    assert ["voxel_volume", "µm³", "2", "1", "725.3", "762.6", "800"] in lines
    assert ["side", "2", "1", "left", "2"] in lines
    assert ["name", "3", "B", "2,", "[A]", "1"] in lines
    assert any(line[:4] == ["no", "value", "at", "all:"] and "cell_type," in line for line in lines)


def test_quiet_failed_and_json_reports_stay_as_they_are(folder: Path, capsys) -> None:
    assert run(["load", "--check", "--quiet", str(folder)]) == 0
    assert capsys.readouterr().out == "checked   Cortex; 3 neuron\n"
    assert run(["load", "--check", "--json", "--html", str(folder.parent / "r.html"), str(folder)]) == 0
    assert [entry["rows"] for entry in json.loads(capsys.readouterr().out)["folders"]] == [{"neuron": 3}]
    (folder / "neuron.csv").write_text(NEURONS + "3,C,,\n")
    assert run(["load", "--check", str(folder)]) == 1
    assert "smallest" not in capsys.readouterr().out


def test_a_page_is_written_for_folders_that_load_and_folders_that_fail(folder: Path, tmp_path: Path, capsys) -> None:
    page = tmp_path / "report.html"
    assert run(["load", "--html", str(page), str(folder), str(tmp_path / "none")]) == 1
    assert f"report    {page}\n" in capsys.readouterr().out
    text = page.read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert '<span class="status loaded">loaded</span> Cortex' in text
    assert "no-folder" in text
    assert "voxel_volume" in text
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("report")] == ["report.html"]


@pytest.mark.parametrize("name", ["cortex", "report.txt", "nowhere/report.html"])
def test_a_page_that_cannot_be_written_is_told_before_anything_is_loaded(
    name: str, folder: Path, tmp_path: Path, capsys
) -> None:
    assert run(["load", "--html", str(tmp_path / name), str(folder)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "is no name of a page" in said.err or "There is no folder" in said.err
    assert run(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
