"""`syndb-graphql list`: the data sets that are loaded."""

import argparse
import asyncio
import sys
from uuid import UUID

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from syndb_graphql.ingest.versions import Standing, read_published
from syndb_graphql.settings import Settings, load_settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import open_stores

HELP = "show the data sets that are loaded"
EXAMPLE = """\
  syndb-graphql list
  syndb-graphql list --json
"""


WIDTH = 240
"""Characters of a line where the output is no terminal."""


class ListedDataset(msgspec.Struct, frozen=True, kw_only=True):
    """One data set, and the shape of `list --json`."""

    uuid: UUID
    label: str
    owner: str
    version: int
    revision: int
    rows: int
    tables: dict[str, int]
    """Rows of each table."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a list of objects")


def run(arguments: argparse.Namespace) -> int:
    datasets = asyncio.run(read_datasets(load_settings()))
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(datasets), indent=2).decode() + "\n")
    elif datasets:
        _print(datasets)
    else:
        print("No data set is loaded. `syndb-graphql load DIR` loads one, `syndb-graphql demo` loads six.")
    return 0


async def read_datasets(settings: Settings) -> list[ListedDataset]:
    """What is published in the store of the settings, by label."""
    stores = open_stores(settings, load_default_model(), patient=True)
    try:
        return [_listed(standing) for standing in await read_published(stores.rows)]
    finally:
        await stores.close()


def _listed(standing: Standing) -> ListedDataset:
    assert standing.record is not None
    assert standing.version is not None
    tables = {name: table.rows for name, table in standing.version.tables.items()}
    return ListedDataset(
        uuid=standing.record.uuid,
        label=standing.record.label,
        owner=standing.record.owner,
        version=standing.head.version,
        revision=standing.head.revision,
        rows=sum(tables.values()),
        tables=tables,
    )


def _print(datasets: list[ListedDataset]) -> None:
    table = Table("label", "id", "version", "rows", "tables", box=None, header_style="bold")
    table.columns[1].no_wrap = True
    table.columns[2].justify = table.columns[3].justify = "right"
    for dataset in datasets:
        tables = ", ".join(f"{name} {rows:,}" for name, rows in dataset.tables.items())
        table.add_row(escape(dataset.label), str(dataset.uuid), str(dataset.version), f"{dataset.rows:,}", tables)
    # Where the output is read by a program, a line is a data set.
    Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH).print(table)
