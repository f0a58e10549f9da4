"""Loading and reading on Cassandra, measured on one real node that this starts: `make bench CASSANDRA=1000000`, or alone

    python -m bench.cassandra 1000000

Needs a JDK 17 and Maven, once. Ten minutes and 8 GB of disk for a million synapses, a minute for 20,000. What is loaded is
made once and kept in the cache folder; the node and all it holds go. Every answer is compared before it is timed.
"""

import argparse

import msgspec

from bench.cassandra.run import measure_wide
from bench.goals import judge_wide
from bench.paths import CACHE
from bench.report import format_goals, format_wide

USUAL_ROWS = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="?", default=USUAL_ROWS)
    wide = measure_wide(parser.parse_args().rows)
    out = CACHE / "out"
    out.mkdir(parents=True, exist_ok=True)
    (out / "cassandra.json").write_bytes(msgspec.json.format(msgspec.json.encode(wide)))
    print(format_wide(wide), "", format_goals(list(judge_wide(wide))), sep="\n")


if __name__ == "__main__":
    main()
