"""Ten million synapses, or how many are asked for: `syndb-graphql load` beside a loop written by hand.

    python -m bench.loading 10000000      this part of `make bench` alone

What is loaded is made once and kept in the cache folder (150 bytes a row in Parquet, 350 in csv); what the loads write
(1 kB a row while two of them are compared) is removed. The rows in the store, the relations' keys and the Parquet files
must be the same in all of them before any figure counts.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import apsw
import msgspec
import numpy as np
import polars as pl
import pyarrow.parquet as pq

from bench.data import own_environment
from bench.goals import judge_loading
from bench.measure import say
from bench.paths import CACHE, REPOSITORY
from bench.report import format_goals, format_loading
from bench.results import Loaded, Loading
from bench.synthetic import write_synthetic
from syndb_graphql.spec.load import load_default_model

FOLDER = CACHE / "loading"
SYNAPSES_A_NEURON = 100
USUAL_ROWS, QUICK_ROWS = 1_000_000, 50_000
BYTES_A_ROW = 2000
"""Of free disk that a run needs: input in two formats, a load, one to compare it with, and what each spools."""
HOURS = 3 * 3600
"""No load takes longer on a machine that is sound."""
SEED = 1


class NotTheSame(Exception):
    """Two loads of the same rows left different ones."""


def measure_loading(rows: int) -> Loading:
    """Each load in turn, each in a process of its own, with nothing beside it. Raises NotTheSame."""
    free = shutil.disk_usage(_made(FOLDER)).free
    if free < rows * BYTES_A_ROW:
        raise SystemExit(
            f"{FOLDER} needs {rows * BYTES_A_ROW / 1e9:.0f} GB for {rows:,} rows and has {free / 1e9:.0f}."
        )
    tables, texts, few = (
        prepare_input(*asked) for asked in ((rows, "parquet"), (rows, "csv"), (rows // 10, "parquet"))
    )
    try:
        tenth = _load("ours", few, "a tenth of the rows")
        by_hand = _load("by-hand", tables, "by hand")
        ours = _load("ours", tables, "from Parquet")
        check_same(_out("ours"), _out("by-hand"))
        shutil.rmtree(_out("by-hand"))
        _out("ours").rename(_out("first"))
        csv = _load("ours", texts, "from csv")
        check_same(_out("ours"), _out("first"))
    finally:
        for name in ("ours", "first", "by-hand"):
            shutil.rmtree(_out(name), ignore_errors=True)
    return Loading(rows, ours, csv, by_hand, tenth)


def prepare_input(rows: int, format_: str, nulls: float | None = None) -> Path:
    """The folder to load, made unless it is there. `nulls`: the part of all cells that is empty, if it matters."""
    name = f"{rows}-{format_}" if nulls is None else f"{rows}-{format_}-{100 * nulls:.0f}-nulls"
    folder = FOLDER / name
    recipe = _recipe()
    stamp = folder.with_suffix(".recipe")
    if stamp.is_file() and stamp.read_text() == recipe:
        return folder
    say(f"making {rows:,} synapses as {format_}")
    shutil.rmtree(folder, ignore_errors=True)
    counts = {"neuron": max(1, rows // SYNAPSES_A_NEURON), "synapse": rows}
    if nulls is None:
        write_synthetic(folder, seed=SEED, rows=counts, format=format_)
    else:
        write_synthetic(folder, seed=SEED, rows=counts, format=format_, null_fraction=nulls, label=name)
    stamp.write_text(recipe)
    return folder


def _recipe() -> str:
    """Of all that decides what is made."""
    paths = [*sorted((Path(__file__).parent / "synthetic").glob("*.py")), *sorted(REPOSITORY.glob("schema/**/*.toml"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def _load(who: str, folder: Path, title: str) -> Loaded:
    say(f"loading {title}")
    out = _made(_out(who), anew=True)
    command = [sys.executable, "-m", "bench.loads.child", who, str(folder), str(out)]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=own_environment(), stdout=subprocess.PIPE, timeout=HOURS, check=True
    )
    loaded = msgspec.json.decode(done.stdout.splitlines()[-1], type=Loaded)
    say(f"  {loaded.seconds:.1f} s, {loaded.grown_bytes / 1e6:.0f} MB above its start")
    return loaded


def _out(name: str) -> Path:
    return FOLDER / "out" / name


def _made(folder: Path, *, anew: bool = False) -> Path:
    if anew:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# ── Are they the same? ──
def check_same(one: Path, other: Path) -> None:
    """Every value of the synapses, the ids of the neurons: of those ours fills in and renames what the loop leaves.

    Raises NotTheSame with the table and the number of rows that differ.
    """
    say("comparing the two")
    model = load_default_model()
    synapse = model.tables["synapse"]
    keys = {"neuron": ("cid",), "synapse": ("cid",)}
    keys |= {f"synapse_{relation.name}": relation.key for relation in synapse.relations.values()}
    values = {"synapse": [column.name for column in synapse.columns[1:]]}
    with closing(apsw.Connection(str(_database(one)))) as connection:
        connection.execute("ATTACH ? AS other", (str(_database(other)),))
        for name, key in keys.items():
            _check_table(connection, name, key, values.get(name, ()))
    for name, columns in (("neuron", ["cid"]), ("synapse", None)):
        found = [_digest(_parquet(folder, name), columns) for folder in (one, other)]
        if found[0] != found[1]:
            raise NotTheSame(f"The Parquet files of {name} hold different rows.")


def _check_table(connection: apsw.Connection, name: str, key: Sequence[str], columns: Sequence[str]) -> None:
    counts = [
        connection.execute(f"SELECT count(*) FROM {schema}.{name}").fetchall()[0][0] for schema in ("main", "other")
    ]
    differs = " OR ".join(f"a.{column} IS NOT b.{column}" for column in columns) or "0"
    using = ", ".join(("dataset_id", "version", *key))
    sql = f"SELECT count(*), total({differs}) FROM main.{name} a JOIN other.{name} b USING ({using})"
    matched, different = connection.execute(sql).fetchall()[0]
    if not (counts[0] == counts[1] == matched) or different:
        raise NotTheSame(
            f"{name}: {counts[0]:,} rows and {counts[1]:,}, {matched:,} of them in both, {different:,.0f} different."
        )


def _database(out: Path) -> Path:
    return next(path for path in (out / "syndb.sqlite", out / "rows.sqlite") if path.exists())


def _parquet(out: Path, table: str) -> Path:
    by_hand = out / f"{table}.parquet"
    return by_hand if by_hand.exists() else next(out.glob(f"files/*/v1/{table}/part-00000.parquet"))


def _digest(path: Path, columns: list[str] | None) -> tuple[int, int]:
    """Number of rows, and the sum of their hashes: the same in whatever order they are."""
    count, total = 0, 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=columns):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            count += frame.height
            total += int(frame.hash_rows(seed=1).to_numpy().astype(np.uint64).sum(dtype=np.uint64))
    return count, total % 2**64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="?", default=USUAL_ROWS)
    loading = measure_loading(parser.parse_args().rows)
    print(format_loading(loading), "", format_goals(list(judge_loading(loading))), sep="\n")


if __name__ == "__main__":
    main()
