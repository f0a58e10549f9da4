"""Meshes written as text: Wavefront OBJ, OFF, ASCII PLY (its body) and ASCII STL.

Read line by line and strictly: a number that is none, an index of nothing and a file that breaks off are errors that
name the line. (trimesh is lenient here: it takes index 0 of an OBJ for the first vertex, counts relative indices from
the end of the file, leaves out faces that are too short, and splits vertices along the seams of textures, which changes
every count.) Materials, textures, normals and colours are passed over, so no other file is opened. Arrays of plain
numbers grow with what was read, never with what a header claims.
"""

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from syndb_graphql.ingest.mesh_volume import Faces, Points, weld
from syndb_graphql.ingest.raw_file import MAX_BYTES, as_lines, shown
from syndb_graphql.ingest.report import BadFile

_OBJ_LINE = re.compile(rb"^[ \t]*([^\s#]+)[ \t]*([^\n#]*)", re.MULTILINE)
_OBJ_SEAM = re.compile(rb"/\S*")
"""What follows the vertex of a corner: the numbers of its texture coordinate and normal."""
_OBJ_PASSED_OVER = frozenset(
    b"vt vn vp l p o g s mg usemtl mtllib usemap maplib lod bevel c_interp d_interp shadow_obj trace_obj "
    b"cstype deg bmat step curv curv2 surf parm trim hole scrv sp end con ctech stech".split()
)
"""Statements of names, materials, lines and free-form curves. Any other is an error: a vertex may have been lost."""
_STL_VERTEX = re.compile(rb"^[ \t]*vertex[ \t]+([^\n]*)", re.MULTILINE | re.IGNORECASE)
_STL_END_OF_FACET = re.compile(rb"^[ \t]*endfacet\b", re.MULTILINE | re.IGNORECASE)
_STL_END = re.compile(rb"^[ \t]*endsolid\b[^\n]*\s*\Z", re.MULTILINE | re.IGNORECASE)
_OFF_HEADER = re.compile(rb"\s*(?:ST)?C?N?OFF\s+(\d{1,12})\s+(\d{1,12})(?:[ \t]+\d{1,12})?[ \t]*(?:\n|\Z)")
AGAIN = "Export the mesh again, as triangles, and check that it was written to its end."


@dataclass(frozen=True)
class MeshLimits:
    """What a mesh may have at most. A whole neuron at full resolution has some ten million faces."""

    max_bytes: int = MAX_BYTES
    max_vertices: int = 20_000_000
    max_faces: int = 20_000_000

    def check(self, n_vertices: int, n_faces: int) -> None:
        """Raises BadFile for more than that; called before arrays of this size are made."""
        if n_vertices > self.max_vertices or n_faces > self.max_faces:
            raise BadFile(
                "mesh-too-large",
                f"the mesh has {n_vertices:,} vertices and {n_faces:,} triangles or more, "
                f"at most {self.max_vertices:,} and {self.max_faces:,} are accepted",
                "Simplify it.",
            )


class TextMesh:
    """Vertices and triangles as they come, line by line. `data` is kept to number the line of an error."""

    def __init__(self, data: bytes, limits: MeshLimits) -> None:
        self.data = data
        self.limits = limits
        self.coordinates = array("d")
        self.corners = array("q")

    def vertex(self, columns: list[bytes], at: int) -> None:
        """Three coordinates, and whatever follows them; `at` is where in the file they are."""
        try:
            x, y, z = map(float, columns[:3])
        except ValueError:
            raise self.error("mesh-number", "a vertex needs three numbers", at, columns) from None
        self.coordinates.extend((x, y, z))
        if len(self.coordinates) > 3 * self.limits.max_vertices:
            self.limits.check(len(self.coordinates) // 3, 0)

    def polygon(self, columns: Iterable[bytes], at: int) -> None:
        """Indices of a face's corners: a line has from three corners on, the triangles share the first."""
        columns = list(columns)
        try:
            corners = list(map(int, columns))
            if len(corners) == 3:
                self.corners.extend(corners)
            for second, third in pairwise(corners[1:]) if len(corners) > 3 else ():
                self.corners.extend((corners[0], second, third))
        except (ValueError, OverflowError):
            raise self.error("mesh-index", "the corners of a face are whole numbers", at, columns) from None
        if len(corners) < 3:
            raise self.error("mesh-face", "a face needs three corners or more", at, columns)
        if len(self.corners) > 3 * self.limits.max_faces:
            self.limits.check(0, len(self.corners) // 3)

    def error(self, rule: str, message: str, at: int, columns: Iterable[bytes]) -> BadFile:
        line = self.data.count(b"\n", 0, at) + 1
        return BadFile(rule, f"line {line}: {message}", AGAIN, row=line, value=shown(b" ".join(columns)))

    def arrays(self) -> tuple[Points, Faces]:
        return (
            np.frombuffer(self.coordinates, np.float64).reshape(-1, 3),
            np.frombuffer(self.corners, np.int64).reshape(-1, 3),
        )


def read_obj(data: bytes, limits: MeshLimits) -> tuple[Points, Faces]:
    """All objects and groups of the file, joined."""
    data = as_lines(data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" "))
    mesh = TextMesh(data, limits)
    for match in _OBJ_LINE.finditer(data):
        kind, rest = match.groups()
        if kind == b"v":
            mesh.vertex(rest.split(None, 3), match.start())
        elif kind == b"f":
            corners = _OBJ_SEAM.sub(b"", rest).split() if b"/" in rest else rest.split()
            if b"-" in rest:
                corners = [_from_first(corner, len(mesh.coordinates) // 3) for corner in corners]
            mesh.polygon(corners, match.start())
        elif kind not in _OBJ_PASSED_OVER:
            raise mesh.error("mesh-unreadable", "this is no statement of an OBJ file", match.start(), [kind])
    points, faces = mesh.arrays()
    return points, faces - 1  # an OBJ file numbers vertices from 1


def _from_first(corner: bytes, n_vertices: int) -> bytes:
    """An index that counts back from the latest of the vertices so far, as one that counts from the first."""
    back = corner.startswith(b"-") and corner[1:].isdigit() and len(corner) < 20
    return b"%d" % (n_vertices + 1 + int(corner)) if back else corner


def read_off(data: bytes, limits: MeshLimits) -> tuple[Points, Faces]:
    data = as_lines(data)
    if b"#" in data:
        data = re.sub(rb"#[^\n]*", b"", data)
    header = _OFF_HEADER.match(data)
    if header is None:
        raise BadFile(
            "mesh-unreadable", "the file does not begin with OFF and the numbers of vertices and faces", AGAIN
        )
    mesh = TextMesh(data, limits)
    read_counted(mesh, full_lines(data, header.end()), int(header[1]), int(header[2]), xyz=(0, 1, 2), corners_at=0)
    return mesh.arrays()


def read_stl_text(data: bytes, limits: MeshLimits) -> tuple[Points, Faces]:
    """Every solid of the file. A triangle has its own three corners in STL: those at one position become one vertex."""
    data = as_lines(data)
    mesh = TextMesh(data, limits)
    for match in _STL_VERTEX.finditer(data):
        mesh.vertex(match[1].split(None, 3), match.start())
    n_corners = len(mesh.coordinates) // 3
    n_facets = sum(1 for _ in _STL_END_OF_FACET.finditer(data))
    if n_corners != 3 * n_facets or _STL_END.search(data, max(0, len(data) - 4096)) is None:
        message = f"the file breaks off or is damaged: {n_corners:,} corners in {n_facets:,} facets that end"
        raise BadFile("mesh-truncated", message, AGAIN)
    return weld_triangles(np.frombuffer(mesh.coordinates, np.float64).reshape(-1, 3))


def weld_triangles(corners: Points) -> tuple[Points, Faces]:
    """Vertices and faces of triangles given by the positions of their corners, (3 m, 3)."""
    points, position = weld(corners)
    return points, position.reshape(-1, 3)


def full_lines(data: bytes, start: int) -> Iterator[tuple[int, list[bytes]]]:
    """Place and columns of each line from `start` on that holds anything."""
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        columns = data[start:end].split()
        if columns:
            yield start, columns
        start = end + 1


def read_counted(
    mesh: TextMesh,
    lines: Iterator[tuple[int, list[bytes]]],
    n_vertices: int,
    n_faces: int,
    *,
    xyz: tuple[int, int, int],
    corners_at: int,
) -> None:
    """As many lines of vertices, then of faces, as a header said; a face is written with its number of corners first.

    `xyz`: the columns of the coordinates; `corners_at`: the column of the number of corners.
    """
    last = max(xyz)
    found = 0
    for at, columns in islice(lines, n_vertices):
        if len(columns) <= last:
            raise mesh.error("mesh-number", "a vertex needs three numbers", at, columns)
        mesh.vertex([columns[column] for column in xyz], at)
        found += 1
    for at, columns in islice(lines, n_faces):
        count = columns[corners_at] if len(columns) > corners_at else b""
        end = corners_at + 1 + (int(count) if count.isdigit() and len(count) < 9 else len(columns))
        if end > len(columns):
            raise mesh.error("mesh-face", "a face has fewer corners than it says", at, columns)
        mesh.polygon(columns[corners_at + 1 : end], at)
        found += 1
    if found < n_vertices + n_faces:
        claimed = f"{n_vertices:,} vertices and {n_faces:,} faces"
        raise BadFile("mesh-truncated", f"the file says it has {claimed}, and ends after {found:,} of them", AGAIN)


def fan(polygons: NDArray[np.int64]) -> Faces:
    """Triangles of polygons (m, k) that have k corners each: those of one polygon share its first corner."""
    m, k = polygons.shape
    triangles = np.empty((m, k - 2, 3), np.int64)
    triangles[:, :, 0] = polygons[:, :1]
    triangles[:, :, 1] = polygons[:, 1:-1]
    triangles[:, :, 2] = polygons[:, 2:]
    return triangles.reshape(-1, 3)
