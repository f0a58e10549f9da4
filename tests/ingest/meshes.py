"""Solids and files for the tests of meshes: what a contributor's tools would write, by the shortest way."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import settings

import syndb_graphql.demo
from syndb_graphql.ingest.mesh import MeshMeasures, convert_mesh

MESHES = Path(syndb_graphql.demo.__file__).parent / "data/hemibrain-da1/meshes"
DETERMINED = settings(derandomize=True, database=None)
UNIT = (1.0, 1.0, 1.0)
CUBE_POINTS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
CUBE = np.array(
    [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ]
)  # fmt: skip
"""Twelve triangles that look outward; the first two are the side x = 0."""
TETRAHEDRON_POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float64)
TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])


def convert(folder: Path, name: str, content: str | bytes, scale: tuple[float, float, float] = UNIT) -> MeshMeasures:
    """Writes the file and converts it; the .glb lies beside it as `kept.glb`."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return convert_mesh(path, folder / "kept.glb", scale)


def obj(points: Any, faces: Any) -> str:
    vertices = "".join("v {!r} {!r} {!r}\n".format(*map(float, point)) for point in points)
    return vertices + "".join("f " + " ".join(str(corner + 1) for corner in face) + "\n" for face in faces)


def glb(tree: dict[str, Any] | bytes, binary: bytes = b"") -> bytes:
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4s4I", b"glTF", 2, 28 + len(text) + len(binary), len(text), 0x4E4F534A)
    return head + text + struct.pack("<2I", len(binary), 0x004E4942) + binary


def glb_tree() -> tuple[dict[str, Any], bytes]:
    """JSON and buffer of a scene that shows a tetrahedron."""
    indices = TETRAHEDRON.astype("<u2").tobytes()
    positions = TETRAHEDRON_POINTS.astype("<f4").tobytes()
    tree = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 1}, "indices": 0}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5123, "count": 12, "type": "SCALAR"},
            {"bufferView": 1, "componentType": 5126, "count": 4, "type": "VEC3"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 24},
            {"buffer": 0, "byteOffset": 24, "byteLength": 48},
        ],
        "buffers": [{"byteLength": 72}],
    }
    return tree, indices + positions


def binary_ply(rows: list[list[int]], *, claimed: int | None = None, order: str = "<") -> bytes:
    """The cube's corners with these faces, which may have any number of corners; a colour comes before each."""
    kind = "little" if order == "<" else "big"
    header = (
        f"ply\nformat binary_{kind}_endian 1.0\ncomment µ\nelement vertex 8\nproperty double x\nproperty double y\n"
        f"property double z\nproperty uchar red\nelement face {len(rows) if claimed is None else claimed}\n"
        "property uchar shade\nproperty list uchar int vertex_indices\nelement edge 1\nproperty int v\nend_header\n"
    )
    vertices = b"".join(struct.pack(order + "3dB", *point, 7) for point in CUBE_POINTS)
    faces = b"".join(struct.pack(f"{order}BB{len(row)}i", 9, len(row), *row) for row in rows)
    return header.encode() + vertices + faces + b"\0" * 4


def stl(triangles: Any, *, claimed: int | None = None) -> bytes:
    """Binary STL of triangles (m, 3, 3)."""
    body = b"".join(struct.pack("<12fH", 0, 0, 0, *np.ravel(triangle), 0) for triangle in triangles)
    return (
        b"solid by some exporters".ljust(80) + struct.pack("<I", len(triangles) if claimed is None else claimed) + body
    )


def stl_text(triangles: Any) -> str:
    facets = "".join(
        "facet normal 0 0 0\n  outer loop\n"
        + "".join("    vertex {} {} {}\n".format(*corner) for corner in triangle)
        + "  endloop\nendfacet\n"
        for triangle in triangles
    )
    return f"solid vertex of a facet\n{facets}endsolid vertex of a facet\n"
