"""`syndb-graphql schema write | check`: what is derived from the facts in schema/, kept beside them."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from syndb_graphql.api.context import Bounds
from syndb_graphql.api.schema import build_schema, emit_sdl
from syndb_graphql.emit.cql import emit_cql
from syndb_graphql.emit.markdown import emit_markdown
from syndb_graphql.emit.sqlite import emit_sqlite
from syndb_graphql.errors import NotFound
from syndb_graphql.spec.load import SCHEMA_DIR, load_model
from syndb_graphql.spec.model import Model

EXAMPLE = """\
  syndb-graphql schema write                 after a change in schema/
  syndb-graphql schema check                 is everything derived up to date?
  syndb-graphql schema check --dir my-schema
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["write", "check"], help="write the derived files, or say which differ")
    parser.add_argument(
        "--dir", type=Path, default=SCHEMA_DIR, help="the folder of facts (default: the one of this program)"
    )


def run(arguments: argparse.Namespace) -> int:
    if not arguments.dir.is_dir():
        raise NotFound(f"There is no folder {arguments.dir}. Give the folder that holds columns.toml with --dir.")
    generated = arguments.dir / "generated"
    derived = derive(load_model(arguments.dir))
    if arguments.action == "write":
        generated.mkdir(exist_ok=True)
        for name, text in derived.items():
            (generated / name).write_text(text, "utf-8", newline="\n")
            print(f"wrote {generated / name}")
        return 0
    stale = [name for name, text in derived.items() if not _is_current(generated / name, text)]
    for name in stale:
        print(f"{generated / name} is not what schema/ says now. Run `syndb-graphql schema write`.", file=sys.stderr)
    return 1 if stale else 0


def derive(model: Model) -> Mapping[str, str]:
    """The derived files, by name."""
    return {
        "cassandra.cql": emit_cql(model),
        "sqlite.sql": emit_sqlite(model),
        "syndb.graphql": emit_sdl(build_schema(model, Bounds(), "")),
        "tables.md": emit_markdown(model),
    }


def _is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text
