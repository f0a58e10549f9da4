"""The command load as a contributor types it, and data sets of several owners."""

import json
from pathlib import Path

import pytest

from syndb_graphql.cli import run

TOML = """
[dataset]
label = "{label}"
animal = "mouse"
microscopy = "FIB-SEM"
license = "CC-BY-4.0"
brain_regions = [{{ structure = "primary visual cortex" }}]
"""


def folder(home: Path, name: str, label: str, table: str = "cid,name\n1,[A]\n") -> str:
    path = home / name
    path.mkdir()
    (path / "dataset.toml").write_text(TOML.format(label=label))
    (path / "neuron.csv").write_text(table)
    return str(path)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNDB_DATA", str(tmp_path / "data"))


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    capsys.readouterr()
    assert run(["list", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_load_says_what_it_loaded_and_nothing_on_the_error_output(tmp_path, capsys) -> None:
    assert run(["load", folder(tmp_path, "a", "First [cells]")]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "loaded    First [cells] (version 1); 1 neuron"
    assert [line.split() for line in out.splitlines()[2:6]] == [
        ["neuron:", "1", "row", "of", "neuron.csv"],
        ["column", "unit", "values", "null", "smallest", "median", "largest"],
        ["source_id", "1", "1", "1"],
        ["name", "1", "[A]", "1"],
    ]
    assert err == ""


def test_folders_are_loaded_each_on_its_own(tmp_path, capsys) -> None:
    good, bad = folder(tmp_path, "good", "Good"), folder(tmp_path, "bad", "Bad", "cid,name\n1,A\n1,B\n")
    assert run(["load", bad, good]) == 1
    out = capsys.readouterr().out
    assert "failed    Bad; 1 error\n" in out
    message = "The id '1' is that of row 2 too. Give every row of a table an id of its own."
    assert f"error neuron.csv, row 3, cid: {message}\n" in out
    assert [dataset["label"] for dataset in listed(capsys)] == ["Good"]


def test_the_report_as_json_has_a_stable_shape(tmp_path, capsys) -> None:
    assert run(["load", "--json", folder(tmp_path, "a", "A", "cid,polarity\n1,round\n"), str(tmp_path / "none")]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report.keys() == {"version", "folders"}
    assert report["version"] == 1
    good, bad = report["folders"]
    assert set(good) == {
        *("folder", "dataset", "label", "status", "version", "revision", "rows"),
        *("findings", "counts", "errors", "warnings", "tables"),
    }
    assert (good["status"], good["rows"], good["counts"]) == ("loaded", {"neuron": 1}, {"unknown-term": 1})
    assert good["findings"] == [
        {
            "severity": "warning",
            "rule": "unknown-term",
            "file": "neuron.csv",
            "row": 2,
            "column": "polarity",
            "value": "round",
            "message": "'round' is no known polarity; it is kept as it is.",
            "remedy": "Use a term of the vocabulary if one is meant.",
        }
    ]
    assert (bad["status"], bad["dataset"], bad["findings"][0]["rule"]) == ("failed", None, "no-folder")


NEURONS = "cid,Type,vol\n1,DA1,0.5\n2,DA1,700\n3,VA2,\n"
SIZES = "[tables.neuron]\nlength_unit = 'um'\ncolumns = { Type = 'cell_type', vol = 'mesh_volume' }\n"


def test_the_report_as_json_says_what_the_columns_hold(tmp_path, capsys) -> None:
    path = folder(tmp_path, "a", "A", NEURONS)
    toml = Path(path, "dataset.toml")
    toml.write_text(toml.read_text() + SIZES)
    tables = {}
    for command in (["--check"], []):
        assert run(["load", "--json", *command, path]) == 0
        (answer,) = json.loads(capsys.readouterr().out)["folders"]
        (tables[answer["status"]],) = answer["tables"]
    assert tables["checked"] == tables["loaded"]
    table = tables["loaded"]
    assert (table["table"], table["file"], table["rows"]) == ("neuron", "neuron.csv", 3)
    assert "cable_length" in table["absent"]
    columns = {column["column"]: column for column in table["columns"]}
    assert list(columns) == ["source_id", "cell_type", "mesh_volume"]
    assert columns["mesh_volume"] == {
        "column": "mesh_volume",
        "unit": "nm3",
        "given_as": "vol",
        "factor": 1e9,
        "origin": "given",
        "values": 2,
        "nulls": 1,
        "smallest": 5e8,
        "median": 350.25e9,
        "largest": 7e11,
        "different": None,
        "words": [],
    }
    assert columns["cell_type"]["words"] == [{"word": "DA1", "count": 2}, {"word": "VA2", "count": 1}]
    assert (columns["source_id"]["different"], columns["source_id"]["words"]) == (3, [])


def test_check_and_load_print_the_same_report(tmp_path, capsys) -> None:
    path = folder(tmp_path, "a", "A", "cid,polarity,n_branches\n1,round,5\n2,multipolar,\n")
    printed = []
    for command in (["--check"], []):
        assert run(["load", *command, path]) == 0
        printed.append(capsys.readouterr().out.splitlines())
    checked, loaded = printed
    assert (checked[0], loaded[0]) == (
        "checked   A; 2 neuron; 1 warning",
        "loaded    A (version 1); 2 neuron; 1 warning",
    )
    assert checked[1:] == loaded[1:]
    assert "n_branches" in "".join(checked)


def test_checking_stores_nothing(tmp_path, capsys) -> None:
    assert run(["load", "--check", folder(tmp_path, "a", "A")]) == 0
    assert capsys.readouterr().out.startswith("checked   A")
    assert listed(capsys) == []


def test_quiet_keeps_to_a_line_unless_something_failed(tmp_path, capsys) -> None:
    assert run(["load", "--quiet", folder(tmp_path, "a", "A", "cid,polarity\n1,round\n")]) == 0
    assert capsys.readouterr().out == "loaded    A (version 1); 1 neuron; 1 warning\n"
    assert run(["load", "--quiet", folder(tmp_path, "b", "B", "cid,colour\n1,red\n")]) == 1
    assert "unknown-column" not in capsys.readouterr().out.splitlines()[0]


def test_a_label_of_two_data_sets_is_answered_with_their_ids(tmp_path, capsys, monkeypatch) -> None:
    path = folder(tmp_path, "a", "Cortex")
    for owner in ("ada", "bob"):
        monkeypatch.setenv("SYNDB_OWNER", owner)
        assert run(["load", path]) == 0
    ids = [dataset["uuid"] for dataset in listed(capsys)]
    assert run(["delete", "Cortex", "--yes"]) == 1
    err = capsys.readouterr().err
    assert all(uuid in err for uuid in ids)
    assert len(listed(capsys)) == 2


def test_a_data_set_of_somebody_else_is_refused(tmp_path, capsys, monkeypatch) -> None:
    path = folder(tmp_path, "a", "Cortex")
    toml = Path(path, "dataset.toml")
    toml.write_text(toml.read_text().replace("[dataset]", '[dataset]\nid = "8b1c6d52-3f4e-4b8a-9d0e-1f2a3b4c5d6e"'))
    monkeypatch.setenv("SYNDB_OWNER", "ada")
    run(["load", path])
    monkeypatch.setenv("SYNDB_OWNER", "bob")
    assert run(["load", path]) == 1
    assert "belongs to ada, not to bob" in capsys.readouterr().out
