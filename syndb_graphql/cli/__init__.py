"""The commands, in one table. Each lives in a module that is imported when the command is used, since some cost a second.

A command module has `add_arguments(parser)`, `run(arguments) -> exit status`, and EXAMPLE, shown below its help.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from syndb_graphql import __version__
from syndb_graphql.errors import SyndbError


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    module: str
    help: str


COMMANDS = (
    Command("demo", "syndb_graphql.cli.demo", "load the demo data of three species and serve them"),
    Command("serve", "syndb_graphql.cli.serve", "serve the data sets that are loaded"),
    Command(
        "init", "syndb_graphql.cli.init", "begin a data set: write a commented dataset.toml, guess what can be guessed"
    ),
    Command("load", "syndb_graphql.cli.load", "load folders, each one data set"),
    Command("list", "syndb_graphql.cli.list", "show the data sets that are loaded"),
    Command("delete", "syndb_graphql.cli.delete", "remove a data set and all its rows and files"),
    Command(
        "sweep", "syndb_graphql.cli.sweep", "remove what killed loads left, and versions that were replaced long ago"
    ),
    Command("db", "syndb_graphql.cli.db", "make the keyspace and tables in Cassandra or ScyllaDB, or say what differs"),
    Command("schema", "syndb_graphql.cli.schema", "write or check what is derived from schema/"),
)

OVERVIEW = """\
example:
  syndb-graphql demo                       real data of three species at http://127.0.0.1:8000/graphql
  syndb-graphql load my-lab/ && syndb-graphql serve

Settings are environment variables SYNDB_*, listed in the README. `syndb-graphql COMMAND --help` says more of each command.
"""


def run(arguments: Sequence[str]) -> int:
    """Run a command line; the exit status: 0, 1 for a failure that was explained, 2 for a command line that makes no sense."""
    name = next((word for word in arguments if not word.startswith("-")), None)
    chosen = next((command for command in COMMANDS if command.name == name), None)
    parser = argparse.ArgumentParser(
        "syndb-graphql",
        description="One GraphQL graph over neuroscience data sets: metadata, metrics of every compartment, meshes and skeletons.",
        epilog=OVERVIEW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"syndb-graphql {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        module = importlib.import_module(command.module) if command is chosen else None
        epilog = f"example:\n{module.EXAMPLE}" if module else None
        below = commands.add_parser(
            command.name,
            help=command.help,
            description=command.help[:1].upper() + command.help[1:] + ".",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if module:
            module.add_arguments(below)
            below.set_defaults(run=module.run)
    parsed = parser.parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
    except SyndbError as error:
        print(f"syndb-graphql: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
    return status
