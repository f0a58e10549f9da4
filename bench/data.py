"""The rows all servers answer from: one SQLite file for those that read SQLite or copy it, folders for `syndb-graphql load`.

Deterministic for a scale. Row ids are derived as this project derives them, `uuid5(data set, "table/source_id")`, so ours
come out the same and in the same order. The first 1,000 neurons (by id) of the big data set have 40 synapses each, so that
"the first 20" always finds 20; the others share the rest, a few of them most.
"""

import csv
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

from bench.paths import CACHE, REPOSITORY

SEED = 20261122
RICH, RICH_SYNAPSES = 1000, 40
SAMPLE = 64
"""Neurons of all data sets that are asked for one by one."""
REALS = (
    "voxel_volume", "voxel_radius", "mesh_volume", "mesh_surface_area", "mesh_area_volume_ratio", "mesh_sphericity",
    "centroid_x", "centroid_y", "centroid_z", "cable_length",
)  # fmt: skip
INTEGERS = ("n_branches", "terminal_count", "mitochondria_count")
NEURON = ("dataset_id", "cid", "source_id", "polarity", *REALS, *INTEGERS)
SYNAPSE = ("dataset_id", "cid", "source_id", "neuron_id", "connection_score", "x", "y", "z")
POLARITIES = ("unipolar", "bipolar", "multipolar", 'pseudo "unipolar"', None)
"""The fourth is in no vocabulary and has quotes that JSON must escape."""

DDL = f"""
CREATE TABLE dataset (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, neuron_count INT NOT NULL) STRICT;
CREATE TABLE neuron (
  dataset_id TEXT NOT NULL REFERENCES dataset (id), cid TEXT NOT NULL, source_id INT NOT NULL, polarity TEXT,
  {", ".join(f"{name} REAL NOT NULL" for name in REALS)}, {", ".join(f"{name} INT NOT NULL" for name in INTEGERS)},
  PRIMARY KEY (dataset_id, cid)
) STRICT, WITHOUT ROWID;
CREATE TABLE synapse (
  dataset_id TEXT NOT NULL, cid TEXT NOT NULL, source_id INT NOT NULL, neuron_id TEXT NOT NULL REFERENCES neuron (cid),
  connection_score REAL NOT NULL, x REAL NOT NULL, y REAL NOT NULL, z REAL NOT NULL, PRIMARY KEY (dataset_id, cid)
) STRICT, WITHOUT ROWID;
"""
INDEXES = """
CREATE UNIQUE INDEX neuron_cid ON neuron (cid);
CREATE INDEX synapse_neuron ON synapse (neuron_id, dataset_id, cid);
ANALYZE;
"""
DATASET_TOML = """\
[dataset]
id = "{id}"
label = "{label}"
animal = "Mus musculus"
microscopy = "FIB-SEM"
license = "CC0-1.0"
notes = "Random numbers."

[[dataset.brain_regions]]
structure = "nervous system"
direction = "none"

[tables.neuron]
length_unit = "nm"
"""
SYNAPSE_TOML = """
[tables.synapse]
length_unit = "nm"
"""


@dataclass(frozen=True)
class Scale:
    name: str
    neurons: tuple[int, ...]
    """Of each data set; pages are of the first, the big one."""
    synapses: int
    deep: int
    """Rows before the deep page."""
    walk: int
    """Rows of the data set that is walked from end to end."""

    @property
    def folder(self) -> Path:
        return CACHE / "data" / self.name

    @property
    def database(self) -> Path:
        return self.folder / "rows.db"


SIZES = (
    50_000,
    10_000,
    8000,
    6000,
    5000,
    4000,
    3500,
    3000,
    2500,
    2000,
    1500,
    1200,
    1000,
    800,
    600,
    400,
    250,
    150,
    90,
    10,
)
FULL = Scale("full", SIZES, synapses=500_000, deep=39_900, walk=1_000_000)
QUICK = Scale("quick", (12_000, 2000, 500, 10), synapses=60_000, deep=9900, walk=100_000)
SCALES = {scale.name: scale for scale in (FULL, QUICK)}


@dataclass(frozen=True)
class Facts:
    """What is asked for."""

    big: str
    """Id of the big data set."""
    sample: list[tuple[str, str]]
    """Data set and id of neurons."""


def prepare_rows(scale: Scale) -> Facts:
    """Make the SQLite file and the folders to load, unless they are there."""
    facts = scale.folder / "facts.json"
    recipe = hashlib.sha256(Path(__file__).read_bytes() + repr(scale).encode()).hexdigest()
    if facts.is_file() and (known := json.loads(facts.read_text()))["recipe"] == recipe:
        return Facts(known["big"], [(dataset, cid) for dataset, cid in known["sample"]])
    shutil.rmtree(scale.folder, ignore_errors=True)
    scale.folder.mkdir(parents=True)
    chance = random.Random(SEED)
    datasets = [(str(UUID(int=chance.getrandbits(128), version=4)), n) for n in scale.neurons]
    neurons = [row for id_, n in datasets for row in _make_neurons(chance, id_, n)]
    synapses = _make_synapses(chance, neurons, datasets[0][0], scale.synapses)
    _write_database(scale.database, datasets, neurons, synapses)
    _write_folders(scale.folder / "load", datasets, neurons, synapses)
    made = Facts(datasets[0][0], [(row[0], row[1]) for row in chance.sample(neurons, SAMPLE)])
    facts.write_text(json.dumps({"recipe": recipe, "big": made.big, "sample": made.sample}))
    return made


def _make_neurons(chance: random.Random, dataset: str, count: int) -> list[tuple]:
    uniform, namespace = chance.uniform, UUID(dataset)
    rows = []
    for source_id in range(count):
        volume = chance.lognormvariate(20, 1.2)
        area = volume ** (2 / 3) * uniform(6, 40)
        reals = (
            volume * uniform(0.9, 1.1), volume ** (1 / 3) * 0.62, volume, area, area / volume, uniform(0, 1),
            uniform(0, 1e6), uniform(0, 1e6), uniform(0, 1e5), chance.lognormvariate(12, 1),
        )  # fmt: skip
        integers = (chance.randrange(5000), chance.randrange(9000), chance.randrange(700))
        cid = str(uuid5(namespace, f"neuron/{source_id}"))
        rows.append((dataset, cid, source_id, chance.choice(POLARITIES), *reals, *integers))
    return rows


def _make_synapses(chance: random.Random, neurons: Sequence[tuple], big: str, count: int) -> list[tuple]:
    rich = sorted(row for row in neurons if row[0] == big)[:RICH]
    chosen = {row[1] for row in rich}
    others = [row for row in neurons if row[1] not in chosen]
    chance.shuffle(others)
    owners = [row for row in rich for _ in range(RICH_SYNAPSES)]
    owners += [others[int(len(others) * chance.random() ** 2)] for _ in range(count - len(owners))]
    uniform = chance.uniform
    return [
        (owner[0], str(uuid5(UUID(owner[0]), f"synapse/{source_id}")), source_id, owner[1],
         chance.random(), uniform(0, 1e6), uniform(0, 1e6), uniform(0, 1e5))
        for source_id, owner in enumerate(owners)
    ]  # fmt: skip


def _write_database(
    path: Path, datasets: Sequence[tuple[str, int]], neurons: Sequence[tuple], synapses: Sequence[tuple]
) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(DDL)
    rows = [(id_, _label(number), count) for number, (id_, count) in enumerate(datasets)]
    connection.executemany("INSERT INTO dataset VALUES (?, ?, ?)", rows)
    connection.executemany(f"INSERT INTO neuron VALUES ({_marks(NEURON)})", sorted(neurons, key=lambda row: row[:2]))
    connection.executemany(f"INSERT INTO synapse VALUES ({_marks(SYNAPSE)})", sorted(synapses))
    connection.commit()
    connection.executescript(INDEXES)
    connection.close()


def _write_folders(
    folder: Path, datasets: Sequence[tuple[str, int]], neurons: Sequence[tuple], synapses: Sequence[tuple]
) -> None:
    """One folder a data set, as a lab would hand it in: ids are the lab's own, ours are derived when it is loaded."""
    source_ids = {row[1]: row[2] for row in neurons}
    own_neurons, own_synapses = defaultdict(list), defaultdict(list)
    for row in neurons:
        own_neurons[row[0]].append(row[2:])
    for row in synapses:
        own_synapses[row[0]].append((row[2], source_ids[row[3]], *row[4:]))
    for number, (id_, _) in enumerate(datasets):
        below = folder / f"{number:02d}"
        below.mkdir(parents=True)
        toml = DATASET_TOML.format(id=id_, label=_label(number))
        _write_csv(below / "neuron.csv", ("cid", *NEURON[3:]), own_neurons[id_])
        if own_synapses[id_]:
            toml += SYNAPSE_TOML
            header = ("cid", "pre_neuron_id", "connection_score", "centroid_x", "centroid_y", "centroid_z")
            _write_csv(below / "synapse.csv", header, own_synapses[id_])
        (below / "dataset.toml").write_text(toml)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _label(number: int) -> str:
    return f"random {number:02d}"


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" * len(columns))


# ── What ours reads ──
def prepare_store(scale: Scale) -> Path:
    """The data folder of `syndb-graphql serve` with the same rows, loaded by `syndb-graphql load`."""
    facts = (scale.folder / "facts.json").read_text()
    folders = sorted((scale.folder / "load").iterdir())
    return _load(scale.folder / "store", facts, lambda _scratch: folders)


def prepare_walk(scale: Scale) -> tuple[Path, str]:
    """A data folder with one data set of many rows, and its id."""
    id_ = str(UUID(int=random.Random(SEED + 1).getrandbits(128), version=4))

    def write(scratch: Path) -> list[Path]:
        chance = random.Random(SEED + 2)
        (scratch / "dataset.toml").write_text(DATASET_TOML.format(id=id_, label="walk"))
        rows = (
            (number, POLARITIES[number % 3], *(round(chance.uniform(1, 1e6), 1) for _ in range(2)), number % 5000)
            for number in range(scale.walk)
        )
        _write_csv(scratch / "neuron.csv", ("cid", "polarity", "mesh_volume", "cable_length", "n_branches"), rows)
        return [scratch]

    return _load(scale.folder / "walk", f"{id_} {scale.walk}", write), id_


def _load(store: Path, recipe: str, make_folders) -> Path:
    """Load into `store` unless what is there was loaded from the same by the same code."""
    recipe = hashlib.sha256(recipe.encode() + _code()).hexdigest()
    stamp = store / "recipe"
    if stamp.is_file() and stamp.read_text() == recipe:
        return store / "data"
    shutil.rmtree(store, ignore_errors=True)
    scratch = store / "scratch"
    scratch.mkdir(parents=True)
    command = [sys.executable, "-m", "syndb_graphql", "load", *map(str, make_folders(scratch))]
    environment = own_environment() | {"SYNDB_DATA": str(store / "data")}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode:
        raise SystemExit(f"`syndb-graphql load` failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    shutil.rmtree(scratch)
    stamp.write_text(recipe)
    return store / "data"


def _code() -> bytes:
    """Of all that decides what is stored and how."""
    paths = [REPOSITORY / "schema/generated/sqlite.sql"]
    for room in ("ingest", "store", "catalog"):
        paths += sorted((REPOSITORY / "syndb_graphql" / room).rglob("*.py"))
    return b"".join(hashlib.sha256(path.read_bytes()).digest() for path in paths)


def own_environment() -> dict[str, str]:
    """The environment without settings of this server, so that it is measured as it comes."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SYNDB_")}
