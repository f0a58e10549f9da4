"""`syndb-graphql db init|check`: the keyspace and tables of a store that is a server. SQLite makes its own."""

import argparse

from syndb_graphql.settings import load_settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import check_database, init_database

EXAMPLE = """\
  export SYNDB_STORE=cassandra SYNDB_CASSANDRA_HOSTS=db1,db2
  syndb-graphql db init      makes what is missing; may be run again
  syndb-graphql db check     exit status 1 where something differs
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["init", "check"], help="make what is missing, or only say what differs")


def run(arguments: argparse.Namespace) -> int:
    settings, model = load_settings(), load_default_model()
    if arguments.action == "init":
        made = init_database(settings, model)
        print("\n".join(f"made {each}" for each in made) or "All is there.")
        return 0
    differences = check_database(settings, model)
    for each in differences:
        print(f"{each.text}{' (`syndb-graphql db init` makes it)' if each.mendable else ''}")
    if not differences:
        print(f"The keyspace {settings.cassandra_keyspace} is as it must be.")
    return 1 if differences else 0
