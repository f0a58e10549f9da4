"""Meshes: what a contributor's file measures, and the .glb that is kept of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from syndb_graphql.ingest.mesh import MeshMeasures, convert_mesh
from syndb_graphql.ingest.report import BadFile

from .meshes import CUBE, CUBE_POINTS, DETERMINED, MESHES, convert, obj


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("meshes")


# --- known values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "vertices", "faces", "volume_um3", "area", "boundary_edges"),
    [
        (1734350788, 6309, 13054, 725.3, 64449602.2, 334),
        (1734350908, 7098, 14620, 859.1, 74569008.7, 168),
        (722817260, 6582, 13772, 690.8, 67854586.9, 250),
        (754534424, 6629, 13568, 782.9, 69343943.0, 164),
        (754538881, 6584, 13541, 734.5, 69426075.7, 311),
    ],
)
def test_the_fly_neurons_measure_what_they_are_known_to(
    tmp_path, body, vertices, faces, volume_um3, area, boundary_edges
):
    measured = convert_mesh(MESHES / f"{body}.obj", tmp_path / "kept.glb", (8, 8, 8))
    assert (measured.vertex_count, measured.face_count) == (vertices, faces)
    assert measured.volume == pytest.approx(volume_um3 * 1e9, abs=0.05e9)
    assert measured.surface_area == pytest.approx(area * 64, rel=1e-8)
    assert (measured.watertight, measured.volume_method) == (False, "CAPPED")
    assert measured.boundary_edges == boundary_edges
    assert any(f"{boundary_edges} boundary edges" in warning for warning in measured.warnings)
    sphericity = np.pi ** (1 / 3) * (6 * measured.volume) ** (2 / 3) / measured.surface_area
    assert 0.087 <= sphericity <= 0.095


def test_a_neurons_volume_is_the_same_wherever_it_lies_and_however_it_is_turned(folder):
    mesh = trimesh.load_mesh(MESHES / "1734350788.obj", process=False, maintain_order=True)
    points, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    turn = trimesh.transformations.rotation_matrix(1.2, (1, 2, 3))[:3, :3]
    volumes = [
        convert(folder, "moved.obj", obj(moved, faces)).volume
        for moved in (points, points - points.mean(axis=0), points + np.array([1e6, -3e5, 7e4]), points @ turn.T)
    ]
    assert volumes == pytest.approx([1416524463.06] * 4, rel=1e-9)


# --- closed and open ------------------------------------------------------------------------------------------------


def test_a_closed_cube(folder):
    assert convert(folder, "cube.obj", obj(CUBE_POINTS * 2 + 5, CUBE), (10, 10, 10)) == MeshMeasures(
        volume=pytest.approx(8000),
        surface_area=pytest.approx(2400),
        watertight=True,
        volume_method="CLOSED",
        boundary_edges=0,
        vertex_count=8,
        face_count=12,
        bounding_box_min=(50, 50, 50),
        bounding_box_max=(70, 70, 70),
        warnings=(),
    )


def test_unequal_voxels_scale_each_axis_before_anything_is_measured(folder):
    measured = convert(folder, "cube.obj", obj(CUBE_POINTS, CUBE), (4, 4, 40))
    assert (measured.volume, measured.surface_area) == pytest.approx((640, 2 * 16 + 4 * 160))


def test_an_open_cube_has_the_volume_of_the_closed_one(folder):
    measured = convert(folder, "open.obj", obj(CUBE_POINTS + 100, CUBE[2:]))
    assert measured.volume == pytest.approx(1)
    assert (measured.volume_method, measured.boundary_edges, measured.watertight) == ("CAPPED", 4, False)
    assert measured.warnings == ("The mesh is open (4 boundary edges): its volume is that with every hole capped.",)


def test_each_of_two_holes_is_capped_by_itself(folder):
    measured = convert(folder, "pipe.obj", obj(CUBE_POINTS - 9, np.delete(CUBE, [0, 1, 2, 3], axis=0)))
    assert (measured.volume, measured.boundary_edges) == (pytest.approx(1), 8)


def test_a_sphere_is_nearly_that_of_the_textbook(folder):
    ball = trimesh.creation.icosphere(4)
    measured = convert(folder, "ball.obj", obj(ball.vertices, ball.faces))
    assert measured.volume == pytest.approx(4 / 3 * np.pi, rel=0.01)
    assert (measured.watertight, measured.volume_method) == (True, "CLOSED")


def test_a_closed_surface_whose_vertices_are_repeated_for_each_face_is_closed(folder):
    points = CUBE_POINTS[CUBE].reshape(-1, 3)
    points[points == 0] *= -1  # and -0.0 lies where 0.0 does
    measured = convert(folder, "soup.obj", obj(points, np.arange(36).reshape(-1, 3)))
    assert (measured.watertight, measured.volume, measured.vertex_count) == (True, pytest.approx(1), 36)


def test_faces_that_look_inward_give_the_same_volume_and_a_warning(folder):
    measured = convert(folder, "inward.obj", obj(CUBE_POINTS, CUBE[:, ::-1]))
    assert (measured.volume, measured.volume_method) == (pytest.approx(1), "CLOSED")
    assert measured.warnings == ("The faces look inward: the volume is taken without its sign.",)


def test_a_face_turned_round_does_not_change_the_volume(folder):
    faces = CUBE.copy()
    faces[5] = faces[5, ::-1]
    measured = convert(folder, "turned.obj", obj(CUBE_POINTS, faces))
    assert (measured.volume, measured.watertight, measured.volume_method) == (pytest.approx(1), True, "CAPPED")
    assert any("turned against each other along 3 edges" in warning for warning in measured.warnings)


def test_two_cubes_that_share_an_edge_enclose_both_and_are_not_watertight(folder):
    points = np.concatenate((CUBE_POINTS, CUBE_POINTS + np.array([1, 1, 0])))
    measured = convert(folder, "pair.obj", obj(points, np.concatenate((CUBE, CUBE + 8))))
    assert (measured.volume, measured.volume_method, measured.watertight) == (pytest.approx(2), "CLOSED", False)
    assert any("more than two faces" in warning for warning in measured.warnings)


def test_a_sheet_encloses_nothing(folder):
    measured = convert(folder, "sheet.obj", obj(CUBE_POINTS, CUBE[:2]))
    assert (measured.volume, measured.volume_method, measured.surface_area) == (None, None, pytest.approx(1))
    assert measured.warnings == ("The surface encloses no volume: mesh_volume stays empty.",)


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_the_kept_file_has_the_files_own_coordinates_and_nothing_but_geometry(folder):
    head = "mtllib /etc/passwd\nusemtl skin\ng part\nvt 0 0\nvn 0 0 1\n"
    convert(folder, "cube.obj", head + obj(CUBE_POINTS + 3, CUBE), (8, 8, 8))
    kept = (folder / "kept.glb").read_bytes()
    mesh = trimesh.load_mesh(folder / "kept.glb", process=False)
    assert np.array_equal(mesh.vertices, CUBE_POINTS + 3)
    assert np.array_equal(mesh.faces, CUBE)
    assert not [word for word in (b"material", b"uri", b"image", b"NORMAL", b"TEXCOORD", b"cube") if word in kept]


def test_the_same_mesh_gives_the_same_bytes_and_is_kept_as_it_is_when_it_comes_again(folder):
    measured = convert(folder, "first.obj", obj(CUBE_POINTS, CUBE))
    kept = (folder / "kept.glb").read_bytes()
    assert convert(folder, "other name.OBJ", obj(CUBE_POINTS, CUBE)) == measured
    assert (folder / "kept.glb").read_bytes() == kept
    assert convert(folder, "again.glb", kept) == measured
    assert (folder / "kept.glb").read_bytes() == kept


def test_a_mesh_that_is_refused_leaves_nothing_behind(tmp_path):
    with pytest.raises(BadFile):
        convert(tmp_path, "points.obj", "v 0 0 0\n")
    assert [path.name for path in tmp_path.iterdir()] == ["points.obj"]


# --- the caller -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [(0, 1, 1), (1, -8, 1), (1, 1, float("nan"))])
def test_a_scale_that_is_none_is_a_mistake_of_the_caller(folder, scale):
    with pytest.raises(ValueError, match="three positive numbers"):
        convert(folder, "cube.obj", obj(CUBE_POINTS, CUBE), scale)


def test_a_server_that_converts_nothing_does_without_the_mesh_library():
    code = "import sys, syndb_graphql.app; sys.exit('trimesh' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- properties -------------------------------------------------------------------------------------------------------


@settings(DETERMINED, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    kept=st.floats(0.3, 1),
    shift=st.tuples(*[st.floats(-1e4, 1e4)] * 3),
    angle=st.floats(0, 6.3),
)
def test_a_mesh_with_holes_has_one_volume_wherever_it_lies_and_however_it_is_turned(folder, seed, kept, shift, angle):
    chance = np.random.default_rng(seed)
    ball = trimesh.creation.icosphere(2)
    points = ball.vertices * chance.uniform(0.7, 1.3, (len(ball.vertices), 1))
    faces = ball.faces[chance.random(len(ball.faces)) < kept]
    turn = trimesh.transformations.rotation_matrix(angle, chance.normal(size=3) + 0.01)[:3, :3]
    here = convert(folder, "here.obj", obj(points, faces))
    there = convert(folder, "there.obj", obj(points @ turn.T + shift, faces[chance.permutation(len(faces))]))
    assert there.volume == pytest.approx(here.volume, rel=1e-8, abs=1e-9)
    assert there.surface_area == pytest.approx(here.surface_area, rel=1e-9)
    assert (there.boundary_edges, there.watertight) == (here.boundary_edges, here.watertight)


@settings(DETERMINED, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_closed_mesh_measures_what_trimesh_measures(folder, seed):
    chance = np.random.default_rng(seed)
    ball = trimesh.creation.icosphere(1)
    ball.vertices *= chance.uniform(0.5, 1.5, (len(ball.vertices), 1))
    measured = convert(folder, "ball.obj", obj(ball.vertices, ball.faces))
    assert (measured.volume, measured.surface_area) == pytest.approx((ball.volume, ball.area), rel=1e-9)
    assert measured.watertight == ball.is_watertight
