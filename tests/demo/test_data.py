"""The demo data as committed: what a visitor is told about them must be in the files, to the last digit.

Known values were computed twice when the data were chosen, by a published tool and by the definitions in NumPy, in the
units of the files (voxels of 8 nm, micrometres). What the loader makes of the folders is tested with the loader.
"""

import csv
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import syndb_graphql.demo
from syndb_graphql.demo import convert

DATA = Path(syndb_graphql.demo.__file__).parent / "data"
WHEELS = Path.home() / ".cache" / "syndb-graphql" / "wheels"
FOLDERS = {
    "celegans-connectome": "MIT",
    "hemibrain-da1": "CC-BY-4.0",
    "mouse-v1-nr5a1": "BSD-3-Clause",
    "mouse-v1-pvalb": "BSD-3-Clause",
    "mouse-v1-rorb": "BSD-3-Clause",
    "mouse-v1-scnn1a": "BSD-3-Clause",
}

# path, nodes, roots, cable length, branch points, leaves
SKELETONS = [
    ("hemibrain-da1/skeletons/1734350788.swc", 4465, 1, 266476.875, 599, 618),
    ("hemibrain-da1/skeletons/1734350908.swc", 4847, 1, 304332.656, 735, 761),
    ("hemibrain-da1/skeletons/722817260.swc", 4332, 1, 274703.367, 633, 656),
    ("hemibrain-da1/skeletons/754534424.swc", 4696, 1, 286522.450, 696, 726),
    ("hemibrain-da1/skeletons/754538881.swc", 4881, 2, 291265.318, 626, 642),
    ("mouse-v1-nr5a1/skeletons/Nr5a1_471087815.swc", 1531, 1, 1918.803, 17, 21),
    ("mouse-v1-pvalb/skeletons/Pvalb_469628681.swc", 1247, 1, 1528.377, 19, 23),
    ("mouse-v1-pvalb/skeletons/Pvalb_470522102.swc", 1963, 1, 2440.558, 17, 21),
    ("mouse-v1-rorb/skeletons/Rorb_325404214.swc", 2191, 1, 2637.774, 30, 34),
    ("mouse-v1-scnn1a/skeletons/Scnn1a_473845048.swc", 3783, 1, 4772.476, 57, 66),
]

# body, vertices, faces, area, presynaptic sites, postsynaptic sites
BODIES = [
    ("1734350788", 6309, 13054, 64449602.2, 621, 2084),
    ("1734350908", 7098, 14620, 74569008.7, 725, 2317),
    ("722817260", 6582, 13772, 67854586.9, 701, 2435),
    ("754534424", 6629, 13568, 69343943.0, 646, 2364),
    ("754538881", 6584, 13541, 69426075.7, 623, 2320),
]


def read_rows(path: str) -> list[dict[str, str]]:
    with (DATA / path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_toml(folder: str) -> dict[str, Any]:
    return tomllib.loads((DATA / folder / "dataset.toml").read_text(encoding="utf-8"))


def read_skeleton(path: str) -> np.ndarray:
    return np.loadtxt(DATA / path, comments="#", ndmin=2, dtype=np.float64)


def read_mesh(body: str) -> tuple[np.ndarray, np.ndarray]:
    lines = [line.split() for line in (DATA / f"hemibrain-da1/meshes/{body}.obj").read_text().splitlines()]
    vertices = np.array([line[1:] for line in lines if line[0] == "v"], dtype=float)
    faces = np.array([line[1:] for line in lines if line[0] == "f"], dtype=int) - 1
    return vertices, faces


def read_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_data_stay_small_enough_for_the_repository() -> None:
    sizes = {path: len(content) for path, content in read_files(DATA).items()}
    assert sum(sizes.values()) < 5_000_000
    assert {Path(path).parts[0] for path in sizes} == {*FOLDERS, "README.md"}


def test_the_readme_names_every_folder_with_its_licence() -> None:
    rows = [line for line in (DATA / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    stated = {row.split("`")[1]: row.strip("| ").split("|")[-1].strip() for row in rows}
    assert stated == FOLDERS


@pytest.mark.parametrize(("folder", "licence"), FOLDERS.items())
def test_each_data_set_says_what_it_is(folder: str, licence: str) -> None:
    dataset = read_toml(folder)["dataset"]
    assert dataset["license"] == licence
    assert len(dataset["label"]) <= 120
    assert len(dataset["notes"]) <= 5000
    assert len(dataset["brain_regions"]) == 1
    assert dataset["wild_type"] is ("mutations" not in dataset)


def test_all_three_kinds_of_hemibrain_file_are_in_voxels_of_eight_nanometres() -> None:
    toml = read_toml("hemibrain-da1")
    assert toml["tables"]["synapse"] == {"length_unit": "voxel", "voxel_size_nm": {"x": 8, "y": 8, "z": 8}}
    assert toml["files"] == {kind: {"unit": "voxel", "scale_to_nanometer": 8} for kind in ("mesh", "skeleton")}


def test_each_mouse_line_is_a_driver_crossed_with_the_reporter() -> None:
    drivers = {}
    for folder in (folder for folder in FOLDERS if folder.startswith("mouse")):
        driver, reporter = read_toml(folder)["dataset"]["mutations"]
        assert (driver["role"], reporter["role"], reporter["allele"]) == ("driver", "reporter", "Ai14")
        drivers[driver["allele"]] = driver["expression"]
    assert drivers == {
        "Nr5a1-Cre": "transgenic",
        "Pvalb-IRES-Cre": "knock-in",
        "Rorb-IRES2-Cre": "knock-in",
        "Scnn1a-Tg3-Cre": "transgenic",
    }


def test_the_two_pvalb_neurons_are_from_two_animals() -> None:
    assert len({row["individual_id"] for row in read_rows("mouse-v1-pvalb/neuron.csv")}) == 2
    assert read_toml("mouse-v1-pvalb")["dataset"]["sample"]["individuals"] == 2


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_raw_file_belongs_to_one_neuron(folder: str) -> None:
    neurons = read_rows(f"{folder}/neuron.csv")
    named = [row[column] for row in neurons for column in ("mesh_path", "swc_path") if column in row]
    raw = [path for path in read_files(DATA / folder) if path.endswith((".obj", ".swc"))]
    assert sorted(named) == sorted(raw)
    assert len({row["cid"] for row in neurons}) == len(neurons)


@pytest.mark.parametrize(("path", "nodes", "roots", "length", "branches", "leaves"), SKELETONS)
def test_skeletons_have_their_known_values(
    path: str, nodes: int, roots: int, length: float, branches: int, leaves: int
) -> None:
    table = read_skeleton(path)
    row_of = {int(node): row for row, node in enumerate(table[:, 0])}
    children = table[table[:, 6] > 0]
    parents = table[[row_of[int(parent)] for parent in children[:, 6]]]
    count = Counter(children[:, 6])
    assert len(row_of) == len(table) == nodes
    assert len(table) - len(children) == roots
    assert np.linalg.norm(children[:, 2:5] - parents[:, 2:5], axis=1).sum() == pytest.approx(length, abs=6e-4)
    assert sum(children_of >= 2 for children_of in count.values()) == branches
    assert nodes - len(count) == leaves


@pytest.mark.parametrize("path", [path for path, *_ in SKELETONS if path.startswith("mouse")])
def test_mouse_skeletons_are_almost_all_dendrite(path: str) -> None:
    table = read_skeleton(path)
    row_of = {int(node): row for row, node in enumerate(table[:, 0])}
    children = table[table[:, 6] > 0]
    lengths = np.linalg.norm(children[:, 2:5] - table[[row_of[int(p)] for p in children[:, 6]], 2:5], axis=1)
    axon = lengths[children[:, 1] == 2].sum()
    assert 11 < axon < 134
    assert axon / lengths.sum() < 0.04


@pytest.mark.parametrize(("body", "vertices", "faces", "area", "outgoing", "incoming"), BODIES)
def test_hemibrain_neurons_have_their_known_meshes_and_synapses(
    body: str, vertices: int, faces: int, area: float, outgoing: int, incoming: int
) -> None:
    points, triangles = read_mesh(body)
    corner, right, left = (points[triangles[:, k]] for k in range(3))
    assert (len(points), len(triangles)) == (vertices, faces)
    assert np.linalg.norm(np.cross(right - corner, left - corner), axis=1).sum() / 2 == pytest.approx(area, rel=3e-9)
    sites = [row for row in read_rows("hemibrain-da1/synapse.csv") if row["cid"].startswith(f"{body}/")]
    ends = Counter((row["kind"], row["pre_neuron_id"], row["post_neuron_id"]) for row in sites)
    assert ends == {("presynaptic_site", body, ""): outgoing, ("postsynaptic_site", "", body): incoming}


@pytest.mark.parametrize("body", [body for body, *_ in BODIES])
def test_skeleton_mesh_and_synapses_of_a_neuron_lie_in_one_place(body: str) -> None:
    synapses = [row for row in read_rows("hemibrain-da1/synapse.csv") if body in row["cid"].split("/")]
    sites = 8 * np.array([[float(row[f"centroid_{axis}"]) for axis in "xyz"] for row in synapses])
    skeleton = 8 * read_skeleton(f"hemibrain-da1/skeletons/{body}.swc")[:, 2:5]
    mesh = 8 * read_mesh(body)[0]
    for end in (np.min, np.max):
        assert np.abs(end(skeleton, axis=0) - end(mesh, axis=0)).max() < 2000, "nm between skeleton and mesh"
    for shape in (skeleton, mesh):
        assert (sites.min(axis=0) > shape.min(axis=0) - 2000).all()
        assert (sites.max(axis=0) < shape.max(axis=0) + 2000).all()


def test_synapse_ids_are_unique_and_numbers_are_in_range() -> None:
    rows = read_rows("hemibrain-da1/synapse.csv")
    assert len(rows) == len({row["cid"] for row in rows}) == 14_836
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)


def test_the_worm_has_its_cells_and_connections() -> None:
    cells = {row["cid"] for row in read_rows("celegans-connectome/neuron.csv")}
    rows = read_rows("celegans-connectome/neuron_relation.csv")
    ends = [(row["pre_neuron_id"], row["post_neuron_id"]) for row in rows]
    assert len(cells) == 299
    assert {end for pair in ends for end in pair} == cells
    assert len(rows) == 3363
    assert len(set(ends)) == 3119
    kinds = Counter((row["relation_type"], row["directed"]) for row in rows)
    assert kinds == {("chemical", "true"): 2279, ("electrical", "false"): 1084}
    assert all(int(row["synapse_count"]) >= 1 for row in rows)


def test_gap_junctions_are_mostly_listed_from_both_sides() -> None:
    rows = [row for row in read_rows("celegans-connectome/neuron_relation.csv") if row["relation_type"] == "electrical"]
    count = {(row["pre_neuron_id"], row["post_neuron_id"]): row["synapse_count"] for row in rows}
    mirrored = {(pre, post) for pre, post in count if pre != post and (post, pre) in count}
    assert len(mirrored) == 1054
    assert sum(pre == post for pre, post in count) == 5
    assert sum(count[pre, post] != count[post, pre] for pre, post in mirrored) == 10


def test_transmitters_are_in_the_vocabularys_words_beside_the_sheets() -> None:
    rows = read_rows("celegans-connectome/neuron_relation.csv")
    assert Counter((row["neurotransmitter_source"], row["neurotransmitter"]) for row in rows) == {
        ("Generic_GJ", ""): 1084,
        ("Glutamate", "glutamate"): 962,
        ("Acetylcholine", "acetylcholine"): 394,
        ("FMRFamide", "FMRFamide"): 247,
        ("GABA", "gamma aminobutyric acid"): 200,
        ("Serotonin", "serotonin"): 178,
        ("Dopamine", "dopamine"): 120,
        ("Serotonin_Acetylcholine", ""): 104,
        ("Acetylcholine_Tyramine", ""): 29,
        ("Serotonin_Glutamate", ""): 25,
        ("Octapamine", "octopamine"): 20,
    }


def test_a_missing_wheel_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no wheel of navis 1\.12\.0 .* pip download --no-deps .*navis==1"):
        convert.convert(tmp_path, tmp_path / "out")


@pytest.mark.skipif(not any(WHEELS.glob("*.whl")), reason=f"the three source wheels are not in {WHEELS}")
def test_the_conversion_gives_the_committed_bytes_every_time(tmp_path: Path) -> None:
    committed = read_files(DATA)
    del committed["README.md"]
    for run in ("first", "second"):
        convert.convert(WHEELS, tmp_path / run)
        assert read_files(tmp_path / run) == committed
