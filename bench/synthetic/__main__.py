"""`python -m bench.synthetic OUT_DIR`: write a made-up data set that `syndb-graphql load` takes."""

import argparse
import sys
from pathlib import Path

from bench.synthetic import FORMATS, usual_rows, write_synthetic
from syndb_graphql.spec.load import load_default_model


def main() -> int:
    arguments = _parser().parse_args()
    model = load_default_model()
    usual = usual_rows(model, neurons=arguments.neurons, synapses=arguments.synapses)
    tables = list(usual) if arguments.all_tables else arguments.tables.split(",")
    try:
        folder = write_synthetic(
            arguments.out,
            seed=arguments.seed,
            rows={name: usual.get(name, 1) for name in tables} | dict(arguments.rows),
            format=arguments.format,
            null_fraction=arguments.nulls,
            files=arguments.files,
            label=arguments.label,
            model=model,
        )
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(folder)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.synthetic", description=__doc__)
    add = parser.add_argument
    add("out", metavar="OUT_DIR", type=Path, help="a new or empty folder")
    add("--seed", type=int, default=1, help="the same seed, the same bytes (default 1)")
    add("--neurons", type=int, default=1000, metavar="N", help="default 1000")
    add("--synapses", type=int, default=100_000, metavar="N", help="default 100000")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--tables", default="neuron,synapse", help="default neuron,synapse")
    which.add_argument("--all-tables", action="store_true")
    add("--rows", action="append", default=[], type=_count, metavar="TABLE=N", help="rows of one table; repeatable")
    add("--format", choices=FORMATS, default="parquet")
    add("--files", type=int, default=0, metavar="N", help="meshes, and skeletons, a table (default 0)")
    add("--nulls", type=float, default=0.1, metavar="FRACTION", help="of the cells of a column (default 0.1)")
    add("--label", help="of the data set; 'Synthetic' is put before it where it does not say so")
    return parser


def _count(text: str) -> tuple[str, int]:
    name, _, count = text.partition("=")
    if not count.isdigit():
        raise argparse.ArgumentTypeError(f"'{text}' is not TABLE=N, such as synapse=1000")
    return name, int(count)


if __name__ == "__main__":
    sys.exit(main())
