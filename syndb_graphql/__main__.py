"""`python -m syndb_graphql` and the command `syndb-graphql`."""

import sys

from syndb_graphql.cli import run


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
