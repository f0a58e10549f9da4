"""Mesh files: every format in every way of writing, and what is said of one that is damaged or claims too much."""

import contextlib
import re
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from syndb_graphql.ingest.mesh import MeshLimits, convert_mesh
from syndb_graphql.ingest.report import BadFile

from .meshes import (
    CUBE,
    CUBE_POINTS,
    DETERMINED,
    MESHES,
    TETRAHEDRON,
    TETRAHEDRON_POINTS,
    UNIT,
    binary_ply,
    convert,
    glb,
    glb_tree,
    obj,
    stl,
    stl_text,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mesh-files")


# --- every format -----------------------------------------------------------------------------------------------------


def sides() -> list[list[int]]:
    """The cube's six sides, as a square each."""
    return [[a, b, c, d] for (a, b, c), (_, _, d) in zip(CUBE[::2], CUBE[1::2], strict=True)]


def off(faces: list[list[int]], head: str = "OFF") -> str:
    lines = [f"{head} # made by hand", f"8 {len(faces)} 0", ""]
    lines += ["{} {} {} 255 0 0".format(*point) for point in CUBE_POINTS]
    return "\n".join(lines + [" ".join(map(str, [len(face), *face])) + "  0.5 0.5 0.5" for face in faces])


def ascii_ply(faces: list[list[int]]) -> str:
    head = (
        "ply\nformat ascii 1.0\ncomment TextureFile /etc/passwd\nelement vertex 8\nproperty float z\nproperty float y\n"
    )
    head += f"property float x\nelement face {len(faces)}\nproperty list uchar int vertex_index\nend_header\n"
    lines = ["{2} {1} {0}".format(*point) for point in CUBE_POINTS]
    return head + "\n".join(lines + [" ".join(map(str, [len(face), *face])) for face in faces])


SQUARES = sides()
MIXED = [SQUARES[0], *CUBE[2:4].tolist(), *SQUARES[2:]]
CUBES = {
    "squares.obj": obj(CUBE_POINTS, SQUARES),
    "mixed.obj": "\ufeff" + obj(CUBE_POINTS, MIXED).replace("\n", " # c\r\n"),
    "corners.obj": re.sub(r"(?m)(^f| )(\d)(?= |$)", r" \1\t\2/1/2", obj(CUBE_POINTS, CUBE)),
    "continued.obj": obj(CUBE_POINTS, SQUARES).replace("f 1 ", "f \\\n1 "),
    "mixed.off": off(MIXED),
    "coloured.off": off(CUBE.tolist(), "COFF"),
    "text.ply": ascii_ply(MIXED),
    "triangles.ply": binary_ply(CUBE.tolist()),
    "squares.ply": binary_ply(SQUARES),
    "mixed.ply": binary_ply(MIXED),
    "big.ply": binary_ply(MIXED, order=">"),
    "binary.stl": stl(CUBE_POINTS[CUBE]),
    "text.stl": stl_text(CUBE_POINTS[CUBE]),
    "two.stl": stl_text(CUBE_POINTS[CUBE[:5]]) + stl_text(CUBE_POINTS[CUBE[5:]]).upper(),
}


@pytest.mark.parametrize("name", CUBES)
def test_a_cube_is_a_cube_in_every_format(folder, name):
    measured = convert(folder, name, CUBES[name])
    assert (measured.volume, measured.surface_area, measured.watertight) == (pytest.approx(1), pytest.approx(6), True)
    assert (measured.vertex_count, measured.face_count) == (8, 12)


def test_objects_of_an_obj_file_are_joined_and_relative_indices_count_back_from_where_they_stand(folder):
    one = obj(TETRAHEDRON_POINTS, ())
    faces = "".join("f {} {} {}\n".format(*(face - 4)) for face in TETRAHEDRON)
    two = obj(TETRAHEDRON_POINTS + 5, ())
    measured = convert(folder, "pair.obj", f"o one\n{one}{faces}o two\n{two}{faces}")
    assert (measured.vertex_count, measured.face_count, measured.volume) == (8, 8, pytest.approx(1 / 3))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ply", {}),
        ("ply", {"encoding": "ascii"}),
        ("stl", {}),
        ("stl_ascii", {}),
        ("off", {}),
        ("obj", {}),
        ("glb", {}),
    ],
)
def test_what_trimesh_writes_of_a_neuron_is_read_as_trimesh_reads_it(folder, kind, options):
    mesh = trimesh.load_mesh(MESHES / "754538881.obj", process=False, maintain_order=True)
    content = mesh.export(file_type=kind, **options)
    measured = convert(folder, f"neuron.{kind[:3]}", content)
    assert (measured.vertex_count, measured.face_count, measured.boundary_edges) == (6584, 13541, 311)
    assert measured.surface_area == pytest.approx(mesh.area, rel=1e-6)
    assert measured.volume == pytest.approx(1434483107.25, rel=1e-6)


def test_the_nodes_of_a_glb_place_its_meshes(folder):
    tree, binary = glb_tree()
    tree["nodes"] = [
        {"mesh": 0, "children": [1, 2]},
        {"mesh": 0, "translation": [0, 0, 10], "scale": [2, 2, 2]},
        {"children": [], "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 9, 9, 9, 1]},
    ]
    measured = convert(folder, "scene.glb", glb(tree, binary))
    assert (measured.vertex_count, measured.face_count) == (8, 8)
    assert measured.volume == pytest.approx((1 + 8) / 6)
    assert (measured.bounding_box_min, measured.bounding_box_max) == ((0, 0, 0), (2, 2, 12))


def test_what_else_a_glb_has_is_passed_over_and_never_fetched(folder):
    tree, binary = glb_tree()
    plain = convert(folder, "plain.glb", glb(tree, binary))
    kept = (folder / "kept.glb").read_bytes()
    tree["images"] = [{"uri": "http://127.0.0.1:9/skin.png"}, {"uri": "/etc/passwd"}]
    tree["materials"] = [{"name": "skin"}]
    tree["cameras"] = tree["skins"] = tree["animations"] = [{"odd": 1}]
    tree["extensionsUsed"] = ["KHR_materials_unlit"]
    tree["meshes"][0]["primitives"][0]["material"] = 77
    tree["meshes"][0]["primitives"].append({"attributes": {"POSITION": 1}, "mode": 1})
    del tree["scene"], tree["scenes"]
    assert convert(folder, "rich.glb", glb(tree, binary)) == plain
    assert (folder / "kept.glb").read_bytes() == kept


# --- errors -----------------------------------------------------------------------------------------------------------

PLAIN = obj(CUBE_POINTS, CUBE)
PLY = binary_ply(CUBE.tolist())
STL = stl(CUBE_POINTS[CUBE])


@pytest.mark.parametrize(
    ("name", "content", "rule", "line", "said"),
    [
        ("cube.fbx", PLAIN, "mesh-format", None, "cube.fbx"),
        ("cube.gltf", PLAIN, "mesh-format", None, "cube.gltf"),
        ("none.obj", "", "file-empty", None, "empty"),
        ("comment.obj", "# nothing\n", "mesh-no-vertices", None, "no vertices"),
        ("points.obj", obj(CUBE_POINTS, ()), "mesh-no-faces", None, "no faces"),
        ("faces.obj", "f 1 2 3\n", "mesh-no-vertices", None, "no vertices"),
        ("nan.obj", PLAIN.replace("0.0 1.0", "nan 1.0", 1), "mesh-not-finite", None, "vertex 2"),
        ("huge.obj", PLAIN.replace("1.0", "1e999"), "mesh-not-finite", None, "not finite"),
        ("far.obj", PLAIN.replace("1.0", "1e13"), "mesh-far", None, "1 km"),
        ("word.obj", PLAIN.replace("1.0", "one", 1), "mesh-number", 2, "three numbers"),
        ("short.obj", PLAIN.replace("0.0 1.0\n", "\n", 1), "mesh-number", 2, "three numbers"),
        ("index.obj", PLAIN + "f 1 2 9\n", "mesh-index", None, "vertex 9 (from 1), there are 8"),
        ("zero.obj", PLAIN + "f 0 1 2\n", "mesh-index", None, "vertex 0"),
        ("back.obj", PLAIN + "f -1 -2 -9\n", "mesh-index", None, "vertex 0"),
        ("large.obj", PLAIN + f"f 1 2 {2**63}\n", "mesh-index", 21, "whole numbers"),
        ("half.obj", PLAIN + "f 1.5 2 3\n", "mesh-index", 21, "whole numbers"),
        ("edge.obj", PLAIN + "f 1 2\n", "mesh-face", 21, "three corners"),
        ("lost.obj", PLAIN.replace("v ", "x ", 1), "mesh-unreadable", 1, "no statement"),
        ("point.obj", "v 1 1 1\nf 1 1 1\n", "mesh-flat", None, "no area"),
        ("long.obj", "f" + " 1" * 40_000, "line-too-long", 1, "65,536"),
        ("binary.obj", b"v 0 0\0", "file-binary", None, "binary"),
        ("headless.off", "8 12 0\n", "mesh-unreadable", None, "OFF"),
        ("cut.off", off(CUBE.tolist()).rsplit("\n", 2)[0], "mesh-truncated", None, "8 vertices and 12 faces"),
        ("claim.off", off(CUBE.tolist()).replace("8 12 0", "999999999999 12 0"), "mesh-truncated", None, "999,999,999,999"),
        ("short.off", off([[0, 1, 2]]).replace("3 0 1 2", "9 0 1 2"), "mesh-face", 12, "fewer corners"),
        ("cut.ply", PLY[:-20], "mesh-truncated", None, "PLY"),
        ("claim.ply", binary_ply(CUBE.tolist(), claimed=4_000_000_000), "mesh-truncated", None, "4,000,000,000"),
        ("claim2.ply", PLY.replace(b"vertex 8", b"vertex 999999999999"), "mesh-truncated", None, "999,999,999,999"),
        ("list.ply", PLY.replace(b"list uchar", b"list uint"), "mesh-truncated", None, "among its faces"),
        ("points.ply", binary_ply([]), "mesh-no-faces", None, "cloud"),
        ("novertex.ply", PLY.replace(b"element vertex", b"element vortex"), "mesh-no-vertices", None, "no vertices"),
        ("header.ply", PLY.replace(b"double x", b"triple x"), "mesh-unreadable", None, "'triple'"),
        ("index.ply", binary_ply([[0, 1, 8]]), "mesh-index", None, "vertex 9 (from 1), there are 8"),
        ("edge.ply", binary_ply([[0, 1]]), "mesh-face", None, "2 corners"),
        ("nan.ply", PLY.replace(np.float64(1).tobytes(), np.float64(np.nan).tobytes(), 1), "mesh-not-finite", None, "2"),
        ("cut.stl", STL[:-1], "mesh-truncated", None, "12 triangles, which take 684 bytes"),
        ("claim.stl", stl(CUBE_POINTS[CUBE], claimed=2**32 - 1), "mesh-truncated", None, "4,294,967,295"),
        ("cut2.stl", stl_text(CUBE_POINTS[CUBE])[:-120], "mesh-truncated", None, "breaks off"),
        ("none.stl", stl([]), "mesh-no-vertices", None, "no vertices"),
        ("other.stl", "not a solid\n", "mesh-truncated", None, "no whole STL"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused(folder, name, content, rule, line, said):
    with pytest.raises(BadFile) as caught:
        convert(folder, name, content)
    assert (caught.value.rule, caught.value.row) == (rule, line)
    assert said in caught.value.message
    assert caught.value.remedy


def changed(**changes):
    """A tetrahedron's glb with these values at these places, such as `accessors_0_count=7`."""
    tree, binary = glb_tree()
    for path, value in changes.items():
        *way, last = (int(step) if step.isdecimal() else step for step in path.split("_"))
        place = tree
        for step in way:
            place = place[step]
        place[last] = value
    return glb(tree, binary)


NODES = [{"children": [i + 1]} for i in range(99)] + [{"mesh": 0}]
GLBS = [
    (b"no glTF at all, but long enough", "mesh-unreadable", "does not begin with glTF"),
    (changed()[:-1], "mesh-truncated", "bytes"),
    (changed()[:30], "mesh-truncated", "bytes"),
    (changed().replace(b"\2\0\0\0", b"\1\0\0\0", 1), "mesh-unreadable", "version 1"),
    (glb(b"{"), "mesh-unreadable", "JSON"),
    (glb(b"[" * 100_000), "mesh-unreadable", "JSON"),
    (glb({"asset": {"version": "2.0"}}), "mesh-no-vertices", "shows no mesh"),
    (changed(asset_version="1.0"), "mesh-unreadable", "'1.0'"),
    (changed(extensionsRequired=["KHR_draco_mesh_compression"]), "mesh-unreadable", "KHR_draco_mesh_compression"),
    (changed(extensionsUsed=["EXT_meshopt_compression"]), "mesh-unreadable", "EXT_meshopt_compression"),
    (changed(extensionsUsed=["EXT_mesh_gpu_instancing"]), "mesh-unreadable", "EXT_mesh_gpu_instancing"),
    (changed(buffers_0_uri="http://127.0.0.1:9/a.bin"), "mesh-unreadable", "outside of its binary part"),
    (changed(buffers_0_uri="data:application/octet-stream;base64,AAAA"), "mesh-unreadable", "outside"),
    (changed(accessors_1_count=2**40), "mesh-truncated", "1,099,511,627,776 items"),
    (changed(accessors_1_count=-1), "mesh-unreadable", "accessors[1].count"),
    (changed(bufferViews_1_byteLength=49), "mesh-truncated", "byte 73 of 72"),
    (changed(bufferViews_1_buffer=1), "mesh-truncated", "byte"),
    (changed(accessors_1={"componentType": 5126, "count": 2**31, "type": "VEC3"}), "mesh-unreadable", "sparse or empty"),
    (changed(accessors_1_componentType=5123), "mesh-unreadable", "32-bit"),
    (changed(accessors_0_componentType=5126, accessors_0_count=6), "mesh-unreadable", "unsigned"),
    (changed(accessors_0_count=11), "mesh-unreadable", "11 corners"),
    (changed(accessors_1_count=3), "mesh-index", "vertex 4 (from 1), there are 3"),
    (changed(meshes_0_primitives_0_mode=6), "mesh-unreadable", "mode 6"),
    (changed(meshes_0_primitives_0_indices=9), "mesh-unreadable", "accessor 10, and has 2"),
    (changed(nodes_0_mesh=3), "mesh-unreadable", "mesh 4, and has 1"),
    (changed(nodes_0_children=[0]), "mesh-unreadable", "no trees"),
    (changed(nodes=NODES), "mesh-unreadable", "nested over 16 deep"),
    (changed(nodes=[{"mesh": 0}] * 5000), "mesh-unreadable", "over 4,096 nodes"),
    (changed(nodes_0_scale=[0, 0, 0]), "mesh-flat", "no area"),
    (changed(nodes_0_scale=[1e300, 1, 1]), "mesh-far", "1 km"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "rule", "said"), GLBS, ids=[said for *_, said in GLBS])
def test_a_glb_that_claims_what_it_has_not_is_refused(folder, content, rule, said):
    with pytest.raises(BadFile) as caught:
        convert(folder, "damaged.glb", content)
    assert caught.value.rule == rule
    assert said in caught.value.message


def test_a_glb_that_uses_the_same_part_again_and_again_is_refused_before_it_fills_memory(folder):
    tree, _ = glb_tree()
    positions = np.zeros((100_000, 3), "<f4").tobytes()
    tree["accessors"][1] |= {"count": 100_000}
    tree["bufferViews"][1] |= {"byteLength": len(positions)}
    tree["meshes"][0]["primitives"] = tree["meshes"][0]["primitives"] * 1000
    with pytest.raises(BadFile, match="at most 20,000,000"):
        convert(folder, "bomb.glb", glb(tree, TETRAHEDRON.astype("<u2").tobytes() + positions))
    tree["meshes"][0]["primitives"] = tree["meshes"][0]["primitives"][:100]
    with pytest.raises(BadFile, match="again and again"):
        convert(folder, "bomb.glb", glb(tree, TETRAHEDRON.astype("<u2").tobytes() + positions))


@pytest.mark.parametrize("name", [name for name in CUBES if not name.startswith("two")])
def test_no_format_gets_past_the_bounds(folder, name):
    convert(folder, name, CUBES[name])
    for limits in (MeshLimits(max_vertices=7), MeshLimits(max_faces=11)):
        with pytest.raises(BadFile, match="are accepted"):
            convert_mesh(folder / name, folder / "kept.glb", UNIT, limits=limits)
    with pytest.raises(BadFile, match="at most 100 are accepted"):
        convert_mesh(folder / name, folder / "kept.glb", UNIT, limits=MeshLimits(max_bytes=100))


# --- damaged bytes ----------------------------------------------------------------------------------------------------

SEEDS = {**CUBES, "tetrahedron.glb": glb(*glb_tree())}


@settings(DETERMINED, max_examples=160)
@given(
    name=st.sampled_from(sorted(SEEDS)),
    edits=st.lists(
        st.tuples(
            st.floats(0, 1),
            st.integers(0, 12),
            st.one_of(
                st.binary(max_size=4), st.sampled_from([b"-1", b"99999999999", b"nan", b"\n", b"1e400", b"\xff" * 4])
            ),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_damaged_bytes_give_a_mesh_or_a_finding_and_nothing_else(folder, name, edits):
    content = SEEDS[name] if isinstance(SEEDS[name], bytes) else SEEDS[name].encode()
    for place, length, new in edits:
        start = round(place * len(content))
        content = content[:start] + new + content[start + length :]
    with contextlib.suppress(BadFile):
        assert convert(folder, name, content).face_count > 0
