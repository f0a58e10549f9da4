"""`syndb-graphql demo`: load the data sets this package ships, then serve them. May be run again: what is loaded stays."""

import argparse
from pathlib import Path

from syndb_graphql.cli.load import load_folders
from syndb_graphql.cli.serve import add_arguments, serve
from syndb_graphql.settings import load_settings

EXAMPLE = """\
  syndb-graphql demo
  SYNDB_DATA=/tmp/demo syndb-graphql demo --port 0
"""
DATA = Path(__file__).resolve().parents[1] / "demo" / "data"
HINT = """
Open {url}/graphql in a browser, or ask from a shell:

  curl {url}/graphql -H 'content-type: application/json' \\
    -d '{"query": "{ datasets { nodes { label animal { name } tables { table { name } rowCount } } } }"}'

  curl {url}/graphql -H 'content-type: application/json' \\
    -d '{"query": "{ dataset(by: {label: \\"Hemibrain DA1 projection neurons\\"}) { neurons(first: 5) { nodes { sourceId cableLength(unit: MICROMETER) outgoingSynapses { totalCount } incomingSynapses { totalCount } skeleton { url sha256 } } } } }"}'
"""  # noqa: E501  # a command is copied as one line

__all__ = ["EXAMPLE", "add_arguments", "run"]


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(host=arguments.host, port=arguments.port)
    folders = sorted(path.parent for path in DATA.glob("*/dataset.toml"))
    status = load_folders(folders, settings, with_columns=False)
    if status == 0:
        serve(settings, HINT)
    return status
