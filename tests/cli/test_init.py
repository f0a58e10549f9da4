"""A contributor types `init`, fills in what is marked, and loads: what is told on the way."""

import re
import tomllib
from pathlib import Path

import pytest

from syndb_graphql.cli import run

NEURONS = "cid,name,soma_x,soma_y,soma_z\n" + "".join(f"{n},n{n},{n * 7},{n * 11 + 1},{n * 13}\n" for n in range(20))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNDB_DATA", str(tmp_path / "data"))
    return tmp_path / "my lab"


def said_by(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(["init", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_a_new_folder_is_made_and_what_comes_next_is_told(lab: Path, capsys) -> None:
    lines = said_by(capsys, str(lab)).splitlines()
    assert lines[:3] == [f"wrote     {lab / name}" for name in ("dataset.toml", "neuron.csv", "synapse.csv")]
    assert "to do     dataset.animal: name the species" in lines
    assert lines[-1].endswith(f"syndb-graphql load --check {lab}")


def test_from_init_to_a_loaded_data_set(lab: Path, capsys) -> None:
    lab.mkdir()
    (lab / "neuron.csv").write_text(NEURONS)
    out = said_by(capsys, str(lab))
    assert 'guess     tables.neuron.length_unit = "voxel": coordinates are whole numbers, up to 247' in out
    assert "to do     tables.neuron.voxel_size_nm: nm a voxel, on each axis" in out

    assert run(["load", str(lab)]) == 1
    assert "'dataset.animal' is empty. Add animal" in capsys.readouterr().out

    text = (lab / "dataset.toml").read_text("utf-8")
    for line, answer in (
        ('animal = ""', 'animal = "zebrafish"'),
        ('microscopy = ""', 'microscopy = "SBEM"'),
        ('structure = ""', 'structure = "retina"'),
        ('# license = "', 'license = "'),
        ("{ x = 0, y = 0, z = 0 }", "{ x = 9, y = 9, z = 25 }"),
    ):
        text = text.replace(line, answer)
    (lab / "dataset.toml").write_text(text, "utf-8")
    assert run(["load", "--check", str(lab)]) == 0
    assert re.search(r"soma_z +µm +20 +0 +3\.\d+ +6\.175", capsys.readouterr().out)
    assert run(["load", str(lab)]) == 0
    assert capsys.readouterr().out.startswith("loaded    My lab (version 1); 20 neuron\n")


def test_tables_are_chosen_by_name_or_all(lab: Path, tmp_path: Path, capsys) -> None:
    said_by(capsys, "--tables", "neuron, vesicle", str(lab))
    assert sorted(path.stem for path in lab.glob("*.csv")) == ["neuron", "vesicle"]
    said_by(capsys, "--all", str(tmp_path / "all"))
    assert len(list((tmp_path / "all").glob("*.csv"))) == 11
    with pytest.raises(SystemExit) as ended:
        run(["init", "--all", "--tables", "neuron", str(tmp_path / "both")])
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--tables", "spine"), "There is no table 'spine'."),
        ((), "dataset.toml is there already and stays as it is. Edit it, or run with --force"),
    ],
)
def test_what_cannot_be_done_is_told_with_its_remedy(words: tuple[str, ...], told: str, lab: Path, capsys) -> None:
    lab.mkdir()
    (lab / "dataset.toml").write_text("mine")
    assert run(["init", *words, str(lab)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("syndb-graphql: ")
    assert told in err
    assert (lab / "dataset.toml").read_text() == "mine"


def test_force_says_where_the_old_description_is(lab: Path, capsys) -> None:
    lab.mkdir()
    (lab / "dataset.toml").write_text("mine")
    assert f"kept      {lab / 'dataset.toml.bak'}\n" in said_by(capsys, "--force", str(lab))
    assert (lab / "dataset.toml.bak").read_text() == "mine"
    assert tomllib.loads((lab / "dataset.toml").read_text("utf-8"))["dataset"]["label"] == "My lab"


def test_names_with_brackets_are_shown_as_they_are(lab: Path, capsys) -> None:
    lab.mkdir()
    (lab / "neuron.csv").write_text("cid,[bold]x[/bold]\n1,2\n")
    assert "the column '[bold]x[/bold]' is not known" in said_by(capsys, str(lab))
