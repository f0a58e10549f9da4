"""What goes wrong on a command line is told in a sentence that names the remedy: no traceback, a status that says so."""

import shutil
import socket
import subprocess
import sys

import apsw
import pytest

from syndb_graphql.cli import run
from syndb_graphql.cli.demo import DATA

ROWS = "syndb.sqlite"


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """A data folder of one's own, which is not there yet."""
    folder = tmp_path / "data"
    monkeypatch.setenv("SYNDB_DATA", str(folder))
    return folder


def explained(capsys, *arguments: str, status: int = 1) -> str:
    """What the program said on its way out."""
    assert run(arguments) == status
    said = capsys.readouterr()
    assert said.err.startswith("syndb-graphql: ")
    assert "Traceback" not in said.err
    assert said.out == ""
    return said.err


def test_a_port_that_is_taken(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = explained(capsys, "serve", "--port", str(port))
    assert f"Port {port} of 127.0.0.1 is taken" in said
    assert "SYNDB_PORT (or --port)" in said
    assert "0 picks a free one" in said


def test_an_address_that_is_none_of_this_machine(capsys):
    said = explained(capsys, "serve", "--host", "192.0.2.1", "--port", "0")
    assert "192.0.2.1" in said
    assert "SYNDB_HOST" in said


def test_a_folder_that_is_not_there(capsys, tmp_path):
    assert run(["load", str(tmp_path / "nowhere")]) == 1
    said = capsys.readouterr().out
    assert f"{tmp_path / 'nowhere'} is no folder. Name the folder that holds dataset.toml" in said


def test_a_folder_that_describes_no_data_set(capsys, tmp_path):
    assert run(["load", str(tmp_path)]) == 1
    assert "Describe the data set in dataset.toml." in capsys.readouterr().out


def test_one_folder_of_several_that_fails_keeps_no_other_from_being_loaded(capsys, tmp_path):
    good = DATA / "mouse-v1-rorb"
    assert run(["load", "--quiet", str(tmp_path / "nowhere"), str(good)]) == 1
    said = capsys.readouterr().out
    assert "failed" in said
    assert "loaded    Mouse V1 Rorb neuron" in said


@pytest.mark.parametrize("command", [["list"], ["serve", "--port", "0"], ["delete", "x"], ["load", "x"]])
def test_a_database_made_by_another_schema(command, capsys, data):
    assert run(["load", "--quiet", str(DATA / "mouse-v1-rorb")]) == 0
    capsys.readouterr()
    connection = apsw.Connection(str(data / ROWS))
    connection.execute("UPDATE syndb_schema SET fingerprint = 'of last year'")
    connection.close()
    said = explained(capsys, *command)
    assert str(data / ROWS) in said
    assert "was made with another SynDB schema" in said
    assert "Set SYNDB_DATA to a new folder and load the data sets again" in said


def test_a_database_that_is_none(capsys, data):
    data.mkdir()
    (data / ROWS).write_text("not a database at all, but long enough to be looked at" * 40)
    assert "Set SYNDB_DATA to another folder" in explained(capsys, "list")


def test_a_data_folder_that_is_a_file(capsys, data):
    data.write_text("")
    said = explained(capsys, "list")
    assert str(data) in said
    assert "Make the folder writable" in said


def test_a_setting_that_does_not_exist(capsys, monkeypatch):
    monkeypatch.setenv("SYNDB_PROT", "8080")
    said = explained(capsys, "list")
    assert "SYNDB_PROT is no setting. Did you mean 'SYNDB_PORT'? All are listed in the README." in said


def test_a_port_beyond_all_ports(capsys):
    assert "SYNDB_PORT" in explained(capsys, "serve", "--port", "99999")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["lod", "folder"], "invalid choice: 'lod'"),
        ([], "COMMAND"),
        (["load"], "DIR"),
        (["serve", "--port", "http"], "--port: invalid int value: 'http'"),
        (["serve", "--prot", "80"], "--prot"),
        (["schema", "mend"], "invalid choice: 'mend'"),
    ],
)
def test_a_command_line_that_makes_no_sense_ends_with_status_2(arguments, told, capsys):
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.startswith("usage: syndb-graphql")


def test_a_reader_that_stops_reading_is_no_disaster(data):
    """`syndb-graphql list | head -0`"""
    shutil.rmtree(data, ignore_errors=True)
    listing = subprocess.Popen(
        [sys.executable, "-m", "syndb_graphql", "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert listing.stdout is not None
    listing.stdout.close()
    assert listing.stderr is not None
    said = listing.stderr.read()
    listing.stderr.close()
    assert listing.wait(30) in (0, 1)
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said
