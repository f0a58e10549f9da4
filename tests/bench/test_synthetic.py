"""Somebody who has no data yet, or too few to measure with, makes some up and loads them as a lab would."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench.synthetic import usual_rows, write_synthetic
from syndb_graphql.ingest.load import LoadResult, load_folder
from syndb_graphql.ingest.versions import read_standing
from syndb_graphql.objects.local import LocalObjects
from syndb_graphql.spec.load import SCHEMA_DIR, load_default_model, load_model
from syndb_graphql.spec.model import Model, Table
from syndb_graphql.store.protocol import Snapshot, Window
from syndb_graphql.store.sqlite import SqliteStore

REPOSITORY = Path(__file__).parents[2]
MODEL = load_default_model()
COUNTS = dict.fromkeys(MODEL.tables, 300) | {"neuron": 60, "synapse": 900}
FORMATS = ("csv", "parquet")


class Shelf:
    """A store of its own, and what was loaded into it."""

    def __init__(self, home: Path, model: Model) -> None:
        self.model = model
        self.rows = SqliteStore(home / "syndb.sqlite", model, timeout_s=5)
        self.objects = LocalObjects(home / "files", (b"k" * 32,), 3600)

    async def load(self, folder: Path) -> LoadResult:
        return await load_folder(folder, model=self.model, rows=self.rows, objects=self.objects, owner="local")

    async def read(self, result: LoadResult, table: Table) -> list[tuple[object, ...]]:
        assert result.dataset is not None
        snapshot = Snapshot(result.dataset.bytes, result.version or 0)
        names = [column.name for column in table.columns]
        return list(await self.rows.read_page(table, snapshot, columns=names, window=Window(10_000)))


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    (tmp_path / "shelf").mkdir()
    shelf = Shelf(tmp_path / "shelf", MODEL)
    yield shelf
    await shelf.rows.close()


def make(out: Path, **changes: object) -> Path:
    options = {"seed": 7, "rows": COUNTS, "null_fraction": 0.3, "files": 2, **changes}
    return write_synthetic(out, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("synthetic")
    return {format_: make(home / format_, format=format_) for format_ in FORMATS}


@pytest.fixture(scope="module")
def tables(folders: dict[str, Path]) -> dict[str, pl.DataFrame]:
    return {name: pl.read_parquet(folders["parquet"] / f"{name}.parquet") for name in MODEL.tables}


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("format_", FORMATS)
async def test_all_tables_load_without_an_error_and_every_column_is_full_here_and_empty_there(shelf, folders, format_):
    result = await shelf.load(folders[format_])
    assert result.errors == 0, result.findings
    assert set(result.counts) == {"outside-the-data-set"}
    assert result.rows == COUNTS
    for table in MODEL.tables.values():
        known = {table.references[part] for part in table.key if part in table.references}
        never_null = {name for reference in known for name in (reference.id, reference.source)}
        rows = await shelf.read(result, table)
        for column, cells in zip(table.columns, zip(*rows, strict=True), strict=True):
            full = sum(cell is not None for cell in cells)
            assert full, f"{table.name}.{column.name} is always null"
            if column.nullable and column.name not in never_null:
                assert full < len(cells), f"{table.name}.{column.name} is never null"


async def test_it_says_of_itself_that_it_is_no_measurement(shelf, tmp_path):
    result = await shelf.load(make(tmp_path / "cells", rows={"neuron": 3}, files=0, label="cells"))
    assert result.dataset is not None
    record = (await read_standing(shelf.rows, result.dataset.bytes)).record
    assert record is not None
    assert record.label == "Synthetic cells"
    assert "nothing was measured" in (record.notes or "")
    assert record.sample is not None
    assert record.brain_regions


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path, folders):
    known = digest(folders["parquet"])
    assert digest(make(tmp_path / "again")) == known
    other = digest(make(tmp_path / "other", seed=8))
    assert other.keys() == known.keys()
    assert not set(other.values()) & set(known.values())


def test_both_formats_hold_the_same(folders, tables):
    for name, frame in tables.items():
        csv = pl.read_csv(folders["csv"] / f"{name}.csv", schema=frame.schema)
        assert csv.equals(frame), name


def test_derived_columns_agree_with_what_they_are_derived_from(tables):
    for name, frame in tables.items():
        if "mesh_volume" not in frame.columns:
            continue
        volume, area = pl.col("mesh_volume"), pl.col("mesh_surface_area")
        ball = np.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / area
        wrong = ((pl.col("mesh_area_volume_ratio") * volume / area - 1).abs() > 1e-9) | (
            (pl.col("mesh_sphericity") - ball).abs() > 1e-9
        )
        assert frame.filter(wrong).is_empty(), name
        assert frame.filter(~pl.col("mesh_sphericity").is_between(0, 1)).is_empty(), name


def test_parents_lie_in_every_table_that_is_allowed(tables):
    for table in MODEL.tables.values():
        if table.parents:
            frame = tables[table.name]
            assert set(frame["parent_enum"].drop_nulls()) == set(table.parents), table.name
            parent, neuron = pl.col("parent_id").is_not_null(), pl.col("neuron_id").is_not_null()
            assert frame.select(pl.struct(parent, neuron).n_unique()).item() == 4, table.name


def test_ends_are_known_in_every_way_there_is(tables):
    own = {name: set(frame["cid"].cast(pl.String)) for name, frame in tables.items() if "cid" in frame.columns}
    everything = set().union(*own.values())
    synapses = tables["synapse"]
    for side in ("pre", "post"):
        ways = {
            tuple("nothing" if id_ is None else "inside" if str(id_) in everything else "outside" for id_ in ids)
            for ids in synapses.select(f"{side}_id", f"{side}_neuron_id").iter_rows()
        }
        assert ways >= {
            ("inside", "inside"), ("inside", "nothing"), ("nothing", "inside"),
            ("outside", "inside"), ("outside", "outside"), ("nothing", "nothing"),
        }  # fmt: skip
    for name in ("pre_synaptic_terminal", "dendritic_spine"):
        assert tables[name]["forms_synapse_with_table"].n_unique() == 6, "five tables and null"


def test_few_neurons_have_many_synapses_and_some_have_none(tables):
    counts = tables["synapse"]["pre_neuron_id"].drop_nulls().value_counts(sort=True)
    assert counts["count"][0] > 4 * counts["count"].median()
    silent = set(tables["neuron"]["cid"]) - set(counts["pre_neuron_id"]) - set(tables["synapse"]["post_neuron_id"])
    assert silent


def test_pairs_of_neurons_may_be_joined_twice_but_never_in_the_same_way(tables):
    relations = tables["neuron_relation"]
    ends = ["pre_neuron_id", "post_neuron_id"]
    assert not relations.select(*ends, "relation_type").is_duplicated().any()
    assert relations.select(ends).is_duplicated().any()


def test_with_no_nulls_every_cell_is_full_but_those_of_files(tmp_path):
    folder = make(tmp_path / "full", rows={"neuron": 20, "synapse": 50, "axon": 20}, null_fraction=0, files=0)
    for name in ("neuron", "axon"):
        frame = pl.read_parquet(folder / f"{name}.parquet")
        assert {column.name for column in frame if column.null_count()} == {"mesh_path", "skeleton_path"}


async def test_a_table_and_a_column_that_are_added_to_the_schema_are_made_too(tmp_path):
    schema = shutil.copytree(SCHEMA_DIR, tmp_path / "schema")
    for name in ("columns.toml", "tables/nucleus.toml"):
        (schema / name).chmod(0o644)
    with (schema / "columns.toml").open("a") as file:
        file.write('\n[shininess]\ntype = "float"\nunit = "nm2"\ndescription = "Made up."\nminimum = 5\nmaximum = 9\n')
    nucleus = (schema / "tables/nucleus.toml").read_text()
    lysosome = (
        nucleus.replace("Nucleus", "Lysosome")
        .replace('"nucleus"', '"lysosome"')
        .replace('"nuclei"', '"lysosomes"')
        .replace('"parent"', '"shininess", "parent"')
    )
    (schema / "tables/lysosome.toml").write_text(lysosome)
    model = load_model(schema)
    folder = make(tmp_path / "out", rows={"neuron": 30, "lysosome": 60}, model=model)
    values = pl.read_parquet(folder / "lysosome.parquet")["shininess"].drop_nulls()
    assert 5 <= values.min() < values.max() <= 9  # type: ignore[operator]
    shelf = Shelf(tmp_path, model)
    result = await shelf.load(folder)
    await shelf.rows.close()
    assert result.errors == 0, result.findings
    assert result.rows == {"neuron": 30, "lysosome": 60}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": {"neurn": 3}}, "There is no table 'neurn'. Did you mean 'neuron'?"),
        ({"rows": {"synapse": 3}}, "synapse refers to rows of other tables: ask for rows of one of"),
        ({"rows": {"neuron": 3, "neuron_relation": 1000}}, "3 of 3 rows of neuron can have 12 pairs, not 1,000."),
        ({"rows": {}}, "No rows were asked for"),
        ({"seed": -1}, "The seed is -1"),
        ({"null_fraction": 1.0}, "The fraction of nulls is 1.0"),
        ({"format": "xls"}, "'xls' is no format: it is parquet or csv."),
        ({"files": -1}, "-1 files a table"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_written(tmp_path, changes, message):
    with pytest.raises(ValueError) as refused:
        make(tmp_path / "out", **changes)
    assert message in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(folders):
    before = digest(folders["csv"])
    with pytest.raises(FileExistsError, match="is not empty"):
        make(folders["csv"])
    assert digest(folders["csv"]) == before


def test_the_usual_counts_can_be_made_however_few_neurons_there_are(tmp_path):
    for neurons in (1, 2, 9):
        make(tmp_path / str(neurons), rows=usual_rows(MODEL, neurons=neurons, synapses=5), files=0)


def test_the_command_writes_the_tables_that_are_named(tmp_path):
    command = [
        "--neurons",
        "5",
        "--tables",
        "neuron,synapse",
        "--rows",
        "synapse=7",
        "--rows",
        "axon=3",
        "--nulls",
        "0",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "bench.synthetic", str(tmp_path / "out"), *command],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    heights = {path.stem: pl.read_parquet(path).height for path in (tmp_path / "out").glob("*.parquet")}
    assert heights == {"neuron": 5, "synapse": 7, "axon": 3}
