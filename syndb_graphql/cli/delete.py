"""`syndb-graphql delete LABEL|ID`: remove a data set with all its rows and files, once its label has been typed."""

import argparse
import asyncio
import sys

from syndb_graphql.catalog.records import DatasetRecord
from syndb_graphql.errors import NotFound
from syndb_graphql.ingest.versions import Standing, delete_dataset, read_published
from syndb_graphql.settings import Settings, load_settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.naming import nearest
from syndb_graphql.stores import open_stores

HELP = "remove a data set and all its rows and files"
EXAMPLE = """\
  syndb-graphql delete "Hemibrain DA1 projection neurons"
  syndb-graphql delete c342309f-117d-5d64-a530-e7fc6e3abf20 --yes
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="LABEL|ID", help="label or id of the data set, as `list` shows it")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    return asyncio.run(_delete(arguments.dataset, load_settings(), asked=not arguments.yes))


async def _delete(name: str, settings: Settings, *, asked: bool) -> int:
    stores = open_stores(settings, load_default_model(), patient=True)
    try:
        record = _find(name, await read_published(stores.rows))
        if asked and not _confirmed(record):
            print("Nothing was removed.", file=sys.stderr)
            return 1
        await delete_dataset(stores.rows, stores.objects, record.uuid)
    finally:
        await stores.close()
    print(f"Removed '{record.label}' ({record.uuid}).")
    return 0


def _find(name: str, published: list[Standing]) -> DatasetRecord:
    """The one data set with this label or id. Raises NotFound, with the ids where a label is that of several."""
    records = [standing.record for standing in published if standing.record is not None]
    found = [record for record in records if name.lower() == str(record.uuid) or name == record.label]
    if len(found) == 1:
        return found[0]
    if found:
        ids = "\n".join(f"  {record.uuid}  (owner {record.owner})" for record in found)
        raise NotFound(f"{len(found)} data sets are called '{name}'. Give the id of one:\n{ids}")
    near = nearest(name, [record.label for record in records])
    raise NotFound(f"No data set has the label or id '{name}'.{near} `syndb-graphql list` shows them all.")


def _confirmed(record: DatasetRecord) -> bool:
    print(
        f"This removes '{record.label}' ({record.uuid}) with all its rows and files, and cannot be undone.",
        file=sys.stderr,
    )
    print("Type its label to go on: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == record.label
