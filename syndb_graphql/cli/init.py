"""`syndb-graphql init DIR`: a commented dataset.toml, filled in from the files that are there, or empty tables to fill."""

import argparse
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from syndb_graphql.ingest.scaffold import DEFAULT_TABLES, Scaffold, write_scaffold
from syndb_graphql.spec.load import load_default_model

EXAMPLE = """\
  syndb-graphql init my-lab/cortex                        a new folder with empty tables of neurons and synapses
  syndb-graphql init --tables neuron,dendritic_spine my-lab/spines
  syndb-graphql init exports/                             a folder of tables, skeletons and meshes: looked at, and guessed

Nothing that is there is written over. Each guess is marked in dataset.toml, with its reason; look at them, fill in what
is marked TODO, then run `syndb-graphql load --check DIR`.
"""
MAX_SHOWN = 100
"""Guesses and things to do that are printed; dataset.toml has all of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=Path, help="a folder, made if it is not there")
    tables = parser.add_mutually_exclusive_group()
    tables.add_argument(
        "--tables",
        metavar="NAMES",
        help=f"empty tables to write, with commas between (default: {','.join(DEFAULT_TABLES)} where no table is found)",
    )
    tables.add_argument("--all", action="store_true", help="write an empty table of every kind")
    parser.add_argument("--force", action="store_true", help="replace a dataset.toml; the old one is kept beside it")


def run(arguments: argparse.Namespace) -> int:
    model = load_default_model()
    tables = list(model.tables) if arguments.all else None
    if arguments.tables is not None:
        tables = [name.strip() for name in arguments.tables.split(",") if name.strip()]
    scaffold = write_scaffold(arguments.folder, model, tables=tables, force=arguments.force)
    _print(scaffold, arguments.folder)
    return 0


def _print(scaffold: Scaffold, folder: Path) -> None:
    out = Console(highlight=False, soft_wrap=True)
    if scaffold.backup:
        out.print(f"[dim]kept[/]      {escape(str(scaffold.backup))}")
    for path in scaffold.written:
        out.print(f"[green]wrote[/]     {escape(str(path))}")
    for what, why in scaffold.guesses[:MAX_SHOWN]:
        out.print(f"[yellow]guess[/]     {escape(what)}: [dim]{escape(why)}[/]")
    for key, what in scaffold.todos[:MAX_SHOWN]:
        out.print(f"[red]to do[/]     {escape(key)}: {escape(what)}")
    more = max(0, len(scaffold.guesses) - MAX_SHOWN) + max(0, len(scaffold.todos) - MAX_SHOWN)
    if more:
        out.print(f"          … and {more:,} more, marked in dataset.toml")
    for note in scaffold.notes:
        out.print(f"[yellow]note[/]      {escape(note)}")
    out.print(
        f"next      look at the guesses, fill in the rest, then: syndb-graphql load --check {escape(str(folder))}"
    )
