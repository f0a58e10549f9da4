"""A person who has just installed the program: help that answers at once, with an example for every command."""

import json
import subprocess
import sys
import time

import pytest

from syndb_graphql import __version__
from syndb_graphql.cli import COMMANDS, run

HELP_SECONDS = 0.5
SLOW_TO_IMPORT = {"strawberry", "graphql", "polars", "pyarrow", "numpy", "trimesh", "starlette", "uvicorn", "pydantic"}


def help_of(capsys, *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        run([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_lists_every_command_with_what_it_does_and_an_example(capsys):
    shown = help_of(capsys)
    for command in COMMANDS:
        assert f"    {command.name} " in shown
        assert command.help[:30] in shown
    assert "example:" in shown
    assert "syndb-graphql demo" in shown


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_help_of_a_command_has_an_example_of_it(command, capsys):
    shown = help_of(capsys, command)
    _, _, examples = shown.partition("example:\n")
    assert f"syndb-graphql {command}" in examples
    assert "==SUPPRESS==" not in shown


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as ended:
        run(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"syndb-graphql {__version__}\n"


def modules_after(statement: str) -> set[str]:
    """Packages imported in a process of its own once the statement was run."""
    program = f"import contextlib, json, sys\nwith contextlib.suppress(SystemExit):\n    {statement}\n"
    program += "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(ran.stdout.splitlines()[-1]))


def test_help_comes_at_once_and_imports_nothing_slow():
    took = []
    for _ in range(3):  # the fastest counts: other programs may be at work on the machine
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "syndb_graphql", "--help"], capture_output=True, check=True, timeout=60)
        took.append(time.perf_counter() - began)
    assert min(took) < HELP_SECONDS
    loaded = modules_after("__import__('syndb_graphql.cli').cli.run(['--help'])")
    assert "argparse" in loaded
    assert not loaded & SLOW_TO_IMPORT


def test_commands_that_serve_nothing_start_without_http_and_the_graph():
    loaded = modules_after("import syndb_graphql.cli.load, syndb_graphql.cli.list, syndb_graphql.cli.delete")
    assert "polars" in loaded
    assert not loaded & {"strawberry", "graphql", "starlette", "uvicorn"}
    assert "trimesh" not in modules_after("import syndb_graphql.cli.list, syndb_graphql.cli.delete")
