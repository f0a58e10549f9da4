"""A contributor begins: a folder of files is looked at, what can be guessed is filled in, the rest is asked for."""

import csv
import os
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from syndb_graphql.cli.demo import DATA
from syndb_graphql.errors import BadInput, LoadError
from syndb_graphql.ingest import dataset_keys, sections
from syndb_graphql.ingest.columns import Role, map_columns
from syndb_graphql.ingest.config import TableConfig
from syndb_graphql.ingest.exports import load_exports
from syndb_graphql.ingest.guess_units import guess_by_extent, guess_by_grid, guess_by_size, space_of
from syndb_graphql.ingest.report import Report
from syndb_graphql.ingest.scaffold import Scaffold, write_scaffold
from syndb_graphql.spec.model import Kind, Model

from .conftest import Lab


def begin(folder: Path, model: Model, **options: Any) -> tuple[dict[str, Any], Scaffold]:
    """What the new dataset.toml says, and what the contributor is told."""
    scaffold = write_scaffold(folder, model, **options)
    return tomllib.loads((folder / "dataset.toml").read_text("utf-8")), scaffold


def fill(folder: Path, label: str, animal: str, microscopy: str, region: str, **more: str) -> None:
    """What nobody can guess, typed into the lines marked for it."""
    path = folder / "dataset.toml"
    text = path.read_text("utf-8")
    answers = {
        'animal = ""': f'animal = "{animal}"',
        'microscopy = ""': f'microscopy = "{microscopy}"',
        'structure = ""': f'structure = "{region}"',
        '# license = "CC-BY-4.0"': 'license = "CC-BY-4.0"',
        **more,
    }
    for line, answer in answers.items():
        assert line in text, line
        text = text.replace(line, answer)
    path.write_text(re.sub(r'(?m)^label = ".*?"', f'label = "{label}"', text, count=1), "utf-8")


def write_table(folder: Path, name: str, *rows: list[Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


# ── From nothing ──
def test_a_new_folder_gets_a_description_and_two_tables(tmp_path: Path, model: Model) -> None:
    said, scaffold = begin(tmp_path / "my-lab" / "visual_cortex", model)
    folder = tmp_path / "my-lab" / "visual_cortex"
    assert sorted(path.name for path in folder.iterdir()) == ["dataset.toml", "neuron.csv", "synapse.csv"]
    assert said["dataset"]["label"] == "Visual cortex"
    assert [key for key, _ in scaffold.todos] == [
        *("dataset.animal", "dataset.microscopy", "dataset.brain_regions", "dataset.license"),
        *("tables.neuron.length_unit", "tables.synapse.length_unit"),
    ]
    text = (folder / "dataset.toml").read_text("utf-8")
    assert "Drosophila melanogaster (fruit fly)" in text
    assert re.search(r"#   psd_area +area \(stored in nm2\)\. Area of the postsynaptic density\.", text)


def test_every_table_can_be_begun_and_its_header_is_what_the_loader_takes(tmp_path: Path, model: Model) -> None:
    begin(tmp_path, model, tables=list(model.tables))
    for table in model.tables.values():
        header = (tmp_path / f"{table.name}.csv").read_text("utf-8").strip().split(",")
        report = Report()
        config = TableConfig(table, length_unit="nm")
        layout = map_columns("t", header, config, report)
        assert not report.findings
        assert layout.usable
        plain = {
            column.name
            for term in table.terms
            if term.kind in (Kind.PLAIN, Kind.POINT, Kind.BOX)
            for column in term.columns
        }
        assert layout.by_role[Role.PLAIN].keys() == plain
        assert layout.by_role[Role.REFERENCE].keys() == table.references.keys()


async def test_the_tables_filled_in_are_loaded(lab: Lab) -> None:
    write_scaffold(lab.folder, lab.model, tables=["neuron", "dendritic_spine"])
    fill(lab.folder, "Mine", "mouse", "SBEM", "hippocampus", **{'length_unit = ""': 'length_unit = "um"'})
    for table, rows in (
        ("neuron", [{"cid": "1"}]),
        ("dendritic_spine", [{"cid": "a", "parent_id": "1", "head_volume": "0.1"}]),
    ):
        path = lab.folder / f"{table}.csv"
        header = path.read_text("utf-8").strip().split(",")
        write_table(lab.folder, path.name, header, *([row.get(name, "") for name in header] for row in rows))
    result = await lab.load_well()
    assert (result.label, result.rows) == ("Mine", {"neuron": 1, "dendritic_spine": 1})
    assert (await lab.read(result, "dendritic_spine", "head_volume"))["a"] == pytest.approx(1e8)


async def test_what_is_not_filled_in_is_asked_for(lab: Lab) -> None:
    write_scaffold(lab.folder, lab.model)
    found = {finding.column: finding for finding in await lab.refuse()}
    assert found["dataset.animal"].message == "'dataset.animal' is empty."
    assert found["dataset.animal"].remedy == 'Add animal = "Drosophila melanogaster".'
    assert {"dataset.microscopy", "dataset.brain_regions[0].structure"} <= found.keys()


SHAPES = {
    "DATASET": (sections.DatasetSection, {"mutations", "sample"}),
    "MUTATION": (sections.MutationSection, set()),
    "SAMPLE": (sections.SampleSection, set()),
    "TABLE": (sections.TableSection, set()),
    "FILES": (sections.FilesSection, set()),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_key_is_explained_with_an_example_that_is_valid(name: str, tmp_path: Path, model: Model) -> None:
    shape, below = SHAPES[name]
    keys = getattr(dataset_keys, name)
    assert keys.keys() | below == {field.name for field in msgspec.structs.fields(shape)}
    text = "\n".join(f"{key} = {example}" for key, (_, example) in keys.items()).replace("\n# ", "\n")
    problems: list[Any] = []
    sections.check_section(tomllib.loads(text), shape, "", lambda *problem: problems.append(problem))
    assert not problems
    begin(tmp_path, model)
    written = (tmp_path / "dataset.toml").read_text("utf-8")
    if name != "TABLE":
        assert all(re.search(rf"(?m)^(# )?{key} = ", written) for key in keys)


# ── Nothing is written over ──
def test_a_description_that_is_there_stays(tmp_path: Path, model: Model) -> None:
    (tmp_path / "dataset.toml").write_text("mine")
    with pytest.raises(BadInput, match=r"is there already.*--force: the old one is kept"):
        write_scaffold(tmp_path, model)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_force_keeps_every_old_description(tmp_path: Path, model: Model) -> None:
    for text in ("first", "second"):
        (tmp_path / "dataset.toml").write_text(text)
        kept = write_scaffold(tmp_path, model, force=True).backup
        assert kept is not None
        assert kept.read_text() == text
    assert (tmp_path / "dataset.toml.bak").read_text() == "first"
    assert (tmp_path / "dataset.toml.bak2").read_text() == "second"


def test_tables_that_are_there_stay(tmp_path: Path, model: Model) -> None:
    write_table(tmp_path, "neuron.csv", ["cid"], ["1"])
    (tmp_path / "synapse.parquet").write_bytes(b"broken")
    scaffold = write_scaffold(tmp_path, model, tables=["neuron", "synapse", "axon"])
    assert [path.name for path in scaffold.written] == ["dataset.toml", "axon.csv"]
    assert (tmp_path / "neuron.csv").read_bytes() == b"cid\r\n1\r\n"
    assert ("synapse.parquet", "the file synapse.parquet is in no table") in [
        (key, what.split(":")[0]) for key, what in scaffold.todos
    ]


def test_a_folder_that_cannot_be_is_told(tmp_path: Path, model: Model) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="is a file"):
        write_scaffold(tmp_path / "file", model)
    with pytest.raises(LoadError, match="cannot be written"):
        write_scaffold(tmp_path / "file" / "below", model)
    with pytest.raises(BadInput, match=r"no table 'spine'.*The tables are neuron"):
        write_scaffold(tmp_path, model, tables=["spine"])


# ── From the files of the demo ──
@pytest.fixture
def raw(tmp_path: Path, lab: Lab):
    """A folder of the demo's files without their description."""

    def copy(name: str, *, without: tuple[str, ...] = ()) -> Path:
        shutil.copytree(DATA / name, lab.folder, ignore=shutil.ignore_patterns("dataset.toml", *without))
        return lab.folder

    return copy


HEMIBRAIN = {  # body: cable length and mesh volume, in voxels of 8 nm
    "1734350788": (266476.875, 1.41652e9),
    "1734350908": (304332.656, 1.67789e9),
    "722817260": (274703.367, 1.34921e9),
    "754534424": (286522.450, 1.52902e9),
    "754538881": (291265.318, 1.43448e9),
}


async def test_the_fly_s_files_load_with_their_known_values(raw, lab: Lab) -> None:
    folder = raw("hemibrain-da1")
    said, scaffold = begin(folder, lab.model)
    assert said["tables"]["synapse"] == {"length_unit": "voxel", "voxel_size_nm": {"x": 8, "y": 8, "z": 8}}
    assert said["files"] == {kind: {"unit": "voxel", "scale_to_nanometer": 8} for kind in ("mesh", "skeleton")}
    assert [key for key, _ in scaffold.todos] == [
        *("dataset.animal", "dataset.microscopy", "dataset.brain_regions", "dataset.license"),
    ]
    fill(folder, "Flies", "fruit fly", "FIB-SEM", "antennal lobe")
    result = await lab.load_well()
    assert result.rows == {"neuron": 5, "synapse": 14_836}
    neurons = await lab.read(result, "neuron", "cable_length", "mesh_volume")
    for body, (cable, volume) in HEMIBRAIN.items():
        assert neurons[body] == (pytest.approx(cable * 8, rel=1e-5), pytest.approx(volume * 512, rel=1e-5))
    columns = (await lab.version(result.dataset)).tables["synapse"].columns
    assert columns["centroid_y"].maximum == 37_216 * 8


async def test_the_fly_s_files_alone_become_neurons(raw, lab: Lab) -> None:
    folder = raw("hemibrain-da1", without=("*.csv",))
    said, scaffold = begin(folder, lab.model)
    assert said["files"]["skeleton"] == {"unit": "voxel", "scale_to_nanometer": 0}
    assert ("files.skeleton.scale_to_nanometer", "nm a voxel, on each axis") in scaffold.todos
    size = {"scale_to_nanometer = 0 ": "scale_to_nanometer = 8 "}
    fill(folder, "Flies", "fruit fly", "FIB-SEM", "antennal lobe", **size)
    result = await lab.load_well()
    cables = await lab.read(result, "neuron", "cable_length")
    assert cables == {body: pytest.approx(cable * 8, rel=1e-5) for body, (cable, _) in HEMIBRAIN.items()}


@pytest.mark.parametrize(
    ("name", "cables"),
    [
        ("mouse-v1-pvalb", {"469628681": 1528.377, "470522102": 2440.558}),
        ("mouse-v1-scnn1a", {"473845048": 4772.476}),
        ("mouse-v1-rorb", {"325404214": 2637.774}),
        ("mouse-v1-nr5a1", {"471087815": 1918.803}),
    ],
)
async def test_the_mice_s_files_load_with_their_known_values(
    name: str, cables: dict[str, float], raw, lab: Lab
) -> None:
    said, _ = begin(raw(name), lab.model)
    assert said["tables"]["neuron"]["length_unit"] == "um"
    assert said["files"]["skeleton"]["unit"] == "um"
    fill(lab.folder, "Mice", "mouse", "light microscopy", "primary visual cortex")
    result = await lab.load_well()
    found = await lab.read(result, "neuron", "cable_length", "soma_x")
    assert {body: cable for body, (cable, _) in found.items()} == {
        body: pytest.approx(cable * 1000, rel=1e-5) for body, cable in cables.items()
    }
    assert all(50_000 < soma < 500_000 for _, soma in found.values())


async def test_the_worm_s_tables_need_no_guess(raw, lab: Lab) -> None:
    said, scaffold = begin(raw("celegans-connectome"), lab.model)
    assert said["tables"] == {"neuron": {}, "neuron_relation": {}}
    assert [what for what, _ in scaffold.guesses] == ['dataset.label = "Folder"']
    fill(lab.folder, "Worm", "C. elegans", "ssTEM", "nervous system")
    assert (await lab.load_well()).rows == {"neuron": 299, "neuron_relation": 3363}


# ── From what programs write ──
ROOTS = [864691135123456789 + 7 * n for n in range(40)]
RANDOM = np.random.default_rng(3)
POINTS = RANDOM.integers(90_000, 300_000, (200, 3)).tolist()
EXPORTED: dict[str, tuple[dict[str, list[list[Any]]], dict[str, Any]]] = {
    "CAVE": (
        {
            "synapses_v117.csv": [
                ["id", "valid", "pre_pt_root_id", "post_pt_root_id", "size", "ctr_pt_position", "pre_pt_position"],
                *(
                    [n, "t", ROOTS[n % 40], ROOTS[n % 7], 90, f"[{x} {y} {z}]", "[1 2 3]"]
                    for n, (x, y, z) in enumerate(POINTS)
                ),
            ]
        },
        {
            "file": "synapses_v117.csv",
            "length_unit": "voxel",
            "voxel_size_nm": {"x": 4, "y": 4, "z": 40},
            "ignore": ["valid", "size", "pre_pt_position"],
            "columns": {
                "id": "cid",
                "pre_pt_root_id": "pre_neuron_id",
                "post_pt_root_id": "post_neuron_id",
                "ctr_pt_position": "centroid",
            },
        },
    ),
    "CAVE in nm": (
        {
            "synapse.csv": [
                ["id", "pre_pt_root_id", "post_pt_root_id", *(f"ctr_pt_position_{axis}" for axis in "xyz")],
                *([n, ROOTS[n % 40], ROOTS[n % 7], x * 4, y * 4, z * 40] for n, (x, y, z) in enumerate(POINTS)),
            ]
        },
        {
            "length_unit": "nm",
            "columns": {
                "id": "cid",
                "pre_pt_root_id": "pre_neuron_id",
                "post_pt_root_id": "post_neuron_id",
                **{f"ctr_pt_position_{axis}": f"centroid_{axis}" for axis in "xyz"},
            },
        },
    ),
    "Codex": (
        {
            "cell_stats.csv": [
                ["root_id", "length_nm", "area_nm", "size_nm"],
                *([root, 1e6 + root % 97, 2e9, 3e11] for root in ROOTS),
            ]
        },
        {
            "file": "cell_stats.csv",
            "length_unit": "nm",
            "columns": {
                "root_id": "cid",
                "length_nm": "cable_length",
                "area_nm": "mesh_surface_area",
                "size_nm": "voxel_volume",
            },
        },
    ),
    "Codex's connections": (
        {
            "connections.csv": [
                ["pre_root_id", "post_root_id", "neuropil", "syn_count", "nt_type"],
                *([root, ROOTS[0], "AL_R", 5, "ACH"] for root in ROOTS),
            ],
            "neuron.csv": [["cid"], *([root] for root in ROOTS)],
        },
        {
            "file": "connections.csv",
            "columns": {
                "pre_root_id": "pre_neuron_id",
                "post_root_id": "post_neuron_id",
                "neuropil": "region",
                "syn_count": "synapse_count",
                "nt_type": "neurotransmitter",
            },
        },
    ),
    "neuPrint": (
        {
            "traced-neurons.csv": [
                ["bodyId", "instance", "type", "size", "pre", "somaLocation"],
                *([n, f"A_{n}", "A", 10**8 + n, 4, f"[{n + 100}, {n * 2 + 1}, {n * 3}]"] for n in range(1, 30)),
            ]
        },
        {
            "file": "traced-neurons.csv",
            "length_unit": "voxel",
            "voxel_size_nm": {"x": 8, "y": 8, "z": 8},
            "ignore": ["pre"],
            "columns": {
                "bodyId": "cid",
                "instance": "name",
                "type": "cell_type",
                "size": "voxel_volume",
                "somaLocation": "soma",
            },
        },
    ),
    "webKnossos": (
        {
            "mitochondria.csv": [
                ["segmendId", "groupId", "volumeInVoxel", "volumeInNm3", "boundingBoxTopLeftX", "neuron_id"],
                *([n, "", 100 + n, (100 + n) * 1e5, 5, ROOTS[0]] for n in range(9)),
            ],
            "neuron.csv": [["cid"], [ROOTS[0]]],
        },
        {
            "length_unit": "nm",
            "ignore": ["groupId", "volumeInVoxel", "boundingBoxTopLeftX"],
            "columns": {"segmendId": "cid", "volumeInNm3": "voxel_volume"},
        },
    ),
    "Slicer": (
        {
            "spines.csv": [
                ["Segment", "volume_mm3", "surface_area_mm2", "centroid", "cell_id"],
                *([f"Spine {n}", 1e-10, 1.5e-6, "[1 2 3]", ROOTS[0]] for n in range(9)),
            ],
            "cells.csv": [["id", "cell_type"], [ROOTS[0], "x"]],
        },
        {
            "file": "spines.csv",
            "length_unit": "mm",
            "ignore": ["centroid"],
            "columns": {
                "Segment": "cid",
                "volume_mm3": "mesh_volume",
                "surface_area_mm2": "mesh_surface_area",
                "cell_id": "neuron_id",
            },
        },
    ),
    "regionprops": (
        {
            "nuclei.csv": [
                ["label", "area", "centroid-0", "centroid-1", "centroid-2", "bbox-0", "neuron_id"],
                *([n, 100 + n, n + 0.5, n + 1.25, n + 3.1, 2, ROOTS[0]] for n in range(9)),
            ],
            "neuron.csv": [["cid"], [ROOTS[0]]],
        },
        {
            "file": "nuclei.csv",
            "length_unit": "voxel",
            "voxel_size_nm": {"x": 0, "y": 0, "z": 0},
            "ignore": ["bbox-0"],
            "columns": {
                "label": "cid",
                "area": "voxel_volume",
                "centroid-0": "centroid_z",
                "centroid-1": "centroid_y",
                "centroid-2": "centroid_x",
            },
        },
    ),
}


@pytest.mark.parametrize("program", EXPORTED)
async def test_what_a_program_exports_is_recognised_and_loads(program: str, lab: Lab) -> None:
    files, expected = EXPORTED[program]
    for name, rows in files.items():
        write_table(lab.folder, name, *rows)
    said, scaffold = begin(lab.folder, lab.model)
    (guessed,) = [section for section in said["tables"].values() if section.get("columns") == expected["columns"]]
    assert guessed == expected
    assert all(what for _, what in scaffold.guesses)
    sizes = {"voxel_size_nm = { x = 0, y = 0, z = 0 }": "voxel_size_nm = { x = 20, y = 20, z = 40 }"}
    fill(lab.folder, "Mine", "mouse", "SBEM", "hippocampus", **(sizes if program == "regionprops" else {}))
    if "synapse" in said["tables"]:
        write_table(lab.folder, "neuron.csv", ["cid"], *([root] for root in ROOTS))
    assert sum((await lab.load_well()).rows.values()) > 0


def test_all_that_is_said_of_exports_is_of_our_tables(model: Model) -> None:
    for export in load_exports():
        tables = [model.tables[export.table]] if export.table else list(model.tables.values())
        for ours in export.columns.values():
            layouts = [map_columns("t", [ours], TableConfig(table), Report()) for table in tables]
            assert any(layout.file_columns for layout in layouts), (export.program, ours)
        for pattern in (*export.passed_over, *export.unmapped):
            re.compile(pattern)
        assert export.length_unit in (None, "nm", "um", "mm", "voxel")


# ── From tables of one's own ──
async def test_names_that_end_in_units_are_understood(lab: Lab) -> None:
    write_table(lab.folder, "cells.csv", ["id", "cell_type"], [1, "pyramidal"], [2, "basket"])
    write_table(
        lab.folder,
        "spine measurements.csv",
        ["Spine ID", "cell_id", "head_volume_um3", "Neck length [nm]", "mesh_surface_area (µm²)"],
        *([n, 1 + n % 2, 0.1, 300, 1.5] for n in range(9)),
    )
    said, _ = begin(lab.folder, lab.model)
    assert said["tables"]["dendritic_spine"] == {
        "file": "spine measurements.csv",
        "length_unit": "um",
        "units": {"neck_length": "nm"},
        "columns": {
            "Spine ID": "cid",
            "cell_id": "neuron_id",
            "head_volume_um3": "head_volume",
            "Neck length [nm]": "neck_length",
            "mesh_surface_area (µm²)": "mesh_surface_area",
        },
    }
    fill(lab.folder, "Mine", "mouse", "SBEM", "hippocampus")
    result = await lab.load_well()
    spines = await lab.read(result, "dendritic_spine", "head_volume", "neck_length", "mesh_surface_area")
    assert spines["0"] == (pytest.approx(1e8), 300, pytest.approx(1.5e6))


async def test_a_column_nothing_is_known_of_is_asked_about_and_may_be_left_out(lab: Lab) -> None:
    write_table(lab.folder, "neuron.csv", ["cid", "Volume", "colour"], [1, 2, "red"])
    said, scaffold = begin(lab.folder, lab.model)
    assert "columns" not in said["tables"]["neuron"] or not said["tables"]["neuron"]["columns"]
    asked = [what for key, what in scaffold.todos if key == "tables.neuron.columns"]
    assert "It may be voxel_volume or mesh_volume" in asked[0]
    assert 'ignore = ["colour"]' in asked[1]
    fill(lab.folder, "Mine", "mouse", "SBEM", "hippocampus")
    assert {finding.rule for finding in await lab.refuse()} == {"unknown-column"}
    ignoring = {"[tables.neuron]\n": '[tables.neuron]\nignore = ["Volume", "colour"]\n'}
    path = lab.folder / "dataset.toml"
    for old, new in ignoring.items():
        path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    assert (await lab.load_well()).rows == {"neuron": 1}


async def test_what_is_ignored_must_be_there_and_not_be_mapped(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,a,b\n1,2,3\n"}, rest="[tables.neuron]\nignore = ['a', 'c']\ncolumns = { a = 'name' }")
    messages = [finding.message for finding in await lab.refuse()]
    assert "'a' is mapped and ignored." in messages
    assert any(message.startswith("'c' is no column of neuron.csv.") for message in messages)


def test_a_column_of_files_and_one_point_are_found(tmp_path: Path, model: Model) -> None:
    write_table(tmp_path, "neuron.csv", ["cid", "skeleton file"], [1, "swc/a.swc"], [2, "swc/b.swc"])
    write_table(
        tmp_path, "synapse.csv", ["cid", "pre_root_id", "x", "y", "z"], *([n, 1, n, 2 * n, 3 * n] for n in range(9))
    )
    said, _ = begin(tmp_path, model)
    assert said["tables"]["neuron"]["columns"] == {"skeleton file": "swc_path"}
    assert said["tables"]["synapse"]["columns"] == {
        "pre_root_id": "pre_neuron_id",
        "x": "centroid_x",
        "y": "centroid_y",
        "z": "centroid_z",
    }
    assert said["tables"]["synapse"]["length_unit"] == "voxel"


def test_a_table_is_known_by_columns_no_other_has(tmp_path: Path, model: Model) -> None:
    pl.DataFrame({"cid": [1], "ribosome_count": [2], "neuron_id": [3]}).write_parquet(tmp_path / "export7.parquet")
    said, scaffold = begin(tmp_path, model)
    assert said["tables"]["endoplasmic_reticulum"]["file"] == "export7.parquet"
    assert (
        "by its columns ribosome_count"
        in dict(scaffold.guesses)['tables.endoplasmic_reticulum.file = "export7.parquet"']
    )


def test_files_that_cannot_be_placed_are_named_with_the_reason(tmp_path: Path, model: Model) -> None:
    write_table(tmp_path, "synapse.csv", ["cid"], [1])
    write_table(tmp_path, "synapses_2.csv", ["cid"], [1])
    write_table(tmp_path, "other.csv", ["a"], [1])
    (tmp_path / "axon.csv").write_bytes(b"PK\x03\x04")
    _, scaffold = begin(tmp_path, model)
    todos = dict(scaffold.todos)
    assert 'file = ["synapse.csv", "synapses_2.csv"]' in todos["synapses_2.csv"]
    assert "nothing tells which table it is" in todos["other.csv"]
    assert "a spreadsheet" in todos["axon.csv"]
    assert [path.name for path in scaffold.written] == ["dataset.toml"]


def test_files_no_table_names_are_told_with_the_ids_they_match(raw, lab: Lab) -> None:
    folder = raw("hemibrain-da1", without=("*.csv", "meshes"))
    write_table(folder, "neuron.csv", ["cid"], *([body] for body in HEMIBRAIN))
    _, scaffold = begin(folder, lab.model)
    assert dict(scaffold.todos)["files.skeleton"] == (
        "no table names these files, so they are not loaded: add a column swc_path to neuron.csv, of whose ids 5 are such "
        "names."
    )


def test_licence_and_publication_are_found_beside_the_data(tmp_path: Path, model: Model) -> None:
    write_table(tmp_path, "neuron.csv", ["cid"], [1])
    (tmp_path / "README.md").write_text("See https://doi.org/10.1038/s41586-024-07558-y. Data: CC BY-NC 4.0.")
    said, _ = begin(tmp_path, model)
    assert said["dataset"]["license"] == "CC-BY-NC-4.0"
    assert said["dataset"]["publications"] == ["10.1038/s41586-024-07558-y"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://creativecommons.org/licenses/by-sa/4.0/legalcode", "CC-BY-SA-4.0"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 4.0", "CC-BY-NC-SA-4.0"),
        ("MIT License\n\nPermission is hereby granted", "MIT"),
        ("Code: MIT License. Data: CC-BY-4.0", None),
        ("We commit to nothing", None),
    ],
)
def test_a_licence_is_taken_only_where_one_is_named(text: str, found: str | None, tmp_path: Path, model: Model) -> None:
    (tmp_path / "LICENSE").write_text(text)
    said, scaffold = begin(tmp_path, model)
    assert said["dataset"].get("license") == found
    assert ("dataset.license" in dict(scaffold.todos)) == (found is None)


# ── Names that mean harm, files that are none ──
def test_names_of_files_and_columns_cannot_say_anything_of_their_own(tmp_path: Path, model: Model) -> None:
    columns = ["cid", 'x\n[dataset]\nlabel = "evil"', '" # = {', "\x7f\x00", "]", "a" * 3000, "\u202e"]
    write_table(tmp_path, "neuron.csv", columns[:3] + columns[4:], ["1", *"23456"])
    for name in ('b"]\nanimal = "x".csv', "c\u202e.csv"):
        write_table(tmp_path, name, ["a"], [1])
    write_table(tmp_path, 'neuron_relation\n"].csv', ["pre_root_id", "post_root_id", "syn_count"], [1, 2, 3])
    said, scaffold = begin(tmp_path, model)
    assert said["dataset"]["animal"] == ""
    assert said["dataset"]["label"] != "evil"
    assert said["tables"].keys() == {"neuron", "neuron_relation"}
    assert said["tables"]["neuron_relation"]["file"] == 'neuron_relation\n"].csv'
    assert all(text.isprintable() for pair in (*scaffold.todos, *scaffold.guesses) for text in pair)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_file_or_lies_elsewhere_is_passed_over(tmp_path: Path, model: Model) -> None:
    folder, elsewhere = tmp_path / "a", tmp_path / "elsewhere"
    folder.mkdir()
    write_table(elsewhere, "secret.csv", ["cid"], [1])
    os.mkfifo(folder / "neuron.csv")
    os.mkfifo(folder / "README")
    (folder / "synapse.csv").symlink_to(elsewhere / "secret.csv")
    (folder / "axon.csv").mkdir()
    (folder / "loop").symlink_to(folder)
    (folder / "a.swc").write_text("1 0 0 0 0 1 -1\n")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.csv")).write_text("cid\n1\n")
    said, scaffold = begin(folder, model)
    assert said.get("tables", {}) == {}
    assert {"neuron.csv", "synapse.csv"} <= dict(scaffold.todos).keys()
    assert "not in UTF-8" in scaffold.notes[0]


# ── Units ──
def grid(*steps: int, count: int = 100) -> np.ndarray:
    return RANDOM.integers(100, 5000, (count, 3)) * np.array(steps, float)


def test_whole_coordinates_are_voxels_and_multiples_of_a_step_are_nm() -> None:
    voxels = guess_by_grid(grid(1, 1, 1), None)
    assert voxels is not None
    assert (voxels.unit, voxels.scale) == ("voxel", None)
    in_nm = guess_by_grid(grid(8, 8, 30), None)
    assert in_nm is not None
    assert in_nm.unit == "nm"
    assert "multiples of 8 x 8 x 30" in in_nm.because
    half = guess_by_grid(grid(1, 1, 1) + 0.5, (8, 8, 8))
    assert half is not None
    assert (half.unit, half.scale) == ("voxel", (8, 8, 8))


@pytest.mark.parametrize("points", [grid(1, 1, 1) + 0.3, grid(1, 1, 1, count=2), grid(1, 1, 1) * 1e16], ids=str)
def test_coordinates_that_may_be_anything_are_not_guessed(points: np.ndarray) -> None:
    assert guess_by_grid(points, None) is None


@pytest.mark.parametrize(
    ("table", "name", "power", "values", "unit"),
    [
        ("dendritic_spine", "mesh_volume", 3, [0.05, 0.2, 0.4], "um"),
        ("dendritic_spine", "mesh_volume", 3, [5e7, 2e8], "nm"),
        ("mitochondria", "mesh_surface_area", 2, [1.5, 4.0], "um"),
        ("neuron", "mesh_volume", 3, [700.0, 900.0], "um"),
        ("neuron", "cable_length", 1, [2.1e6, 2.4e6], "nm"),
        ("neuron", "cable_length", 1, [2100.0, 2400.0], "um"),
        ("vesicle", "mesh_volume", 3, [6e4], "nm"),
        ("neuron", "mesh_volume", 3, [1e-30], None),
        ("neuron_relation", "mesh_volume", 3, [1.0], None),
    ],
)
def test_structures_have_a_size(table: str, name: str, power: int, values: list[float], unit: str | None) -> None:
    guess = guess_by_size(table, {name: (power, np.array(values))})
    assert (guess.unit if guess else None) == unit


def test_measures_that_contradict_each_other_are_not_guessed() -> None:
    measures = {"mesh_volume": (3, np.array([700.0])), "mesh_surface_area": (2, np.array([4e9]))}
    assert guess_by_size("neuron", measures) is None


@pytest.mark.parametrize(
    ("kind", "reach", "unit"),
    [
        ("skeleton", 400.3, "um"),
        ("skeleton", 3e5 + 0.3, "nm"),
        ("skeleton", 3e4 + 0.3, None),
        ("mesh", 1e4 + 0.3, None),
    ],
)
def test_files_have_a_reach(kind: str, reach: float, unit: str | None) -> None:
    space = space_of("a", np.array([[0.3, 0.3, 0.3], [reach, 1.7, 5.1]]))
    guess = guess_by_extent(kind, [space])
    assert (guess.unit if guess else None) == unit
