"""Meshes written in binary: PLY (and the header of its ASCII form) and STL.

What a header claims is compared with what the file holds before anything of that size is made. Only positions and the
corners of faces are taken; colours, normals and texture coordinates are stepped over.
"""

import re
import struct
from array import array
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from syndb_graphql.ingest.mesh_text import (
    AGAIN,
    MeshLimits,
    TextMesh,
    fan,
    full_lines,
    read_counted,
    read_stl_text,
    weld_triangles,
)
from syndb_graphql.ingest.mesh_volume import Faces, Points
from syndb_graphql.ingest.raw_file import as_lines
from syndb_graphql.ingest.report import BadFile

STL_HEADER = 84
_STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])

MAX_HEADER = 1 << 16
"""Bytes of a PLY header: a handful of lines, and comments."""
MAX_PROPERTIES = 64
_TYPES = {"char": "b", "uchar": "B", "short": "h", "ushort": "H", "int": "i", "uint": "I", "float": "f", "double": "d"}
_TYPES |= {"int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I"}
_TYPES |= {"int64": "q", "uint64": "Q", "float32": "f", "float64": "d"}
_WHOLE = frozenset("bBhHiIqQ")
_FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_HEADER_END = re.compile(rb"^end_header[ \t]*(?:\r\n|\n|\r)", re.MULTILINE)


def read_stl(data: bytes, limits: MeshLimits) -> tuple[Points, Faces]:
    """Binary where the length is what the header says, else text. Equal corners become one vertex."""
    count = int.from_bytes(data[STL_HEADER - 4 : STL_HEADER], "little")
    if len(data) >= STL_HEADER and len(data) == STL_HEADER + count * _STL_TRIANGLE.itemsize:
        limits.check(0, count)
        triangles = np.frombuffer(data, _STL_TRIANGLE, offset=STL_HEADER)
        return weld_triangles(triangles["corners"].astype(np.float64).reshape(-1, 3))
    if data[:1024].lstrip()[:5].lower() == b"solid" and b"\0" not in data:
        return read_stl_text(data, limits)
    message = f"its header says {count:,} triangles, which take {STL_HEADER + count * _STL_TRIANGLE.itemsize:,} bytes"
    raise BadFile("mesh-truncated", f"the file is no whole STL: {message}, and it has {len(data):,}", AGAIN)


@dataclass(frozen=True)
class _Property:
    name: str
    type: str
    """As `struct` writes it, with the byte order."""
    count_type: str | None = None
    """Of a list: the type of its length."""


@dataclass
class _Element:
    name: str
    count: int
    properties: list[_Property] = field(default_factory=list)

    @property
    def lists(self) -> int:
        return sum(each.count_type is not None for each in self.properties)

    def size(self) -> int:
        """Bytes of one, where it has no lists."""
        return sum(struct.calcsize(each.type) for each in self.properties)


def _bad(message: str) -> BadFile:
    return BadFile("mesh-unreadable", f"the PLY file cannot be read: {message}", AGAIN)


def read_ply(data: bytes, limits: MeshLimits) -> tuple[Points, Faces]:
    order, elements, start = _header(data)
    names = [element.name for element in elements]
    if "vertex" not in names:
        raise BadFile("mesh-no-vertices", "the PLY file has no vertices", AGAIN)
    if "face" not in names or not elements[names.index("face")].count:
        raise BadFile("mesh-no-faces", "the PLY file has no faces: it is a cloud of points", AGAIN)
    if names.index("vertex") > names.index("face"):
        raise _bad("its faces come before its vertices")
    return (_binary_body if order else _ascii_body)(data, elements, start, limits)


def _header(data: bytes) -> tuple[str, list[_Element], int]:
    """Byte order ("" for text), elements, and where the body begins."""
    end = _HEADER_END.search(data, 0, MAX_HEADER)
    if data[:3] != b"ply" or end is None:
        raise _bad("it does not begin with ply and a header that ends")
    order: str | None = None
    elements: list[_Element] = []
    for line in data[: end.start()].decode("latin-1").splitlines()[1:]:
        match line.split():
            case ["format", kind, "1.0"] if kind in _FORMATS:
                order = _FORMATS[kind]
            case ["element", name, count] if count.isdecimal() and len(count) <= 12:
                elements.append(_Element(name, int(count)))
            case ["property", "list", count, kind, name] if elements and _TYPES.get(count, "") in _WHOLE:
                elements[-1].properties.append(_Property(name, _type(order, kind), _type(order, count)))
            case ["property", kind, name] if elements:
                elements[-1].properties.append(_Property(name, _type(order, kind)))
            case [] | ["comment" | "obj_info", *_]:
                pass
            case _:
                raise _bad(f"its header has the line {line[:60]!r}")
    if order is None:
        raise _bad("its header does not state the format")
    if sum(len(element.properties) for element in elements) > MAX_PROPERTIES:
        raise _bad(f"its header has over {MAX_PROPERTIES} properties")
    return order, elements, end.end()


def _type(order: str | None, name: str) -> str:
    if name not in _TYPES or order is None:
        raise _bad(f"its header has a property of the type {name[:20]!r}")
    return order + _TYPES[name]


def _column(element: _Element, *names: str) -> int:
    """The place of the property that has one of the names."""
    places = [place for place, each in enumerate(element.properties) if each.name in names]
    if len(places) != 1:
        raise _bad(f"its element {element.name} needs one property {' or '.join(names)}, and has {len(places)}")
    return places[0]


def _xyz(vertex: _Element) -> tuple[int, int, int]:
    if vertex.lists:
        raise _bad("its vertices have lists")
    return _column(vertex, "x"), _column(vertex, "y"), _column(vertex, "z")


def _corners(face: _Element) -> int:
    place = _column(face, "vertex_index", "vertex_indices")
    indices = face.properties[place]
    if indices.count_type is None or indices.type[-1] not in _WHOLE:
        raise _bad("the corners of its faces are no list of whole numbers")
    return place


def _ascii_body(data: bytes, elements: list[_Element], start: int, limits: MeshLimits) -> tuple[Points, Faces]:
    text = as_lines(data[start:])
    mesh = TextMesh(data[:start] + text, limits)
    vertex, face = elements[0], elements[1] if len(elements) > 1 else None
    if vertex.name != "vertex" or face is None or face.name != "face":
        raise _bad("an ASCII file begins with its vertices, and its faces follow")
    corners_at = _corners(face)
    if any(each.count_type for each in face.properties[:corners_at]):
        raise _bad("a list comes before the corners of its faces")
    lines = full_lines(mesh.data, start)
    read_counted(mesh, lines, vertex.count, face.count, xyz=_xyz(vertex), corners_at=corners_at)
    return mesh.arrays()


def _binary_body(data: bytes, elements: list[_Element], start: int, limits: MeshLimits) -> tuple[Points, Faces]:
    points: Points | None = None
    for element in elements:
        if element.name == "face":
            break
        if element.lists:
            raise _bad(f"its element {element.name} has lists and comes before the faces")
        _need(data, start, element.count * element.size(), element)
        if element.name == "vertex" and points is None:
            limits.check(element.count, 0)
            columns = _xyz(element)
            layout = np.dtype([(str(place), each.type) for place, each in enumerate(element.properties)])
            table = np.frombuffer(data, layout, element.count, start)
            points = np.stack([table[str(column)].astype(np.float64) for column in columns], axis=1)
        start += element.count * element.size()
    assert points is not None
    return points, _binary_faces(data, element, start, limits)


def _need(data: bytes, start: int, size: int, element: _Element) -> None:
    if size > len(data) - start:
        message = f"{element.count:,} of {element.name}, at least {size:,} bytes; {len(data) - start:,} are left"
        raise BadFile("mesh-truncated", f"the header of the PLY file claims {message}", AGAIN)


def _binary_faces(data: bytes, face: _Element, start: int, limits: MeshLimits) -> Faces:
    """All at once where every face is laid out as the first; else one after another."""
    corners_at = _corners(face)
    least = sum(struct.calcsize(each.count_type or each.type) for each in face.properties)
    _need(data, start, face.count * least, face)
    layout: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
    offset, lengths = start, {}
    for place, each in enumerate(face.properties):
        if each.count_type is None:
            layout.append((str(place), each.type))
            offset += struct.calcsize(each.type)
            continue
        length, offset = _length(data, each, offset)
        lengths[place] = length
        layout += [(f"length {place}", each.count_type), (str(place), each.type, (length,))]
        offset += length * struct.calcsize(each.type)
    if (offset - start) * face.count <= len(data) - start and lengths[corners_at] >= 3:
        table = np.frombuffer(data, np.dtype(layout), face.count, start)
        if all((table[f"length {place}"] == length).all() for place, length in lengths.items()):
            limits.check(0, face.count * (lengths[corners_at] - 2))
            return fan(table[str(corners_at)].astype(np.int64))
    return _uneven_faces(data, face, start, limits)


def _length(data: bytes, each: _Property, offset: int) -> tuple[int, int]:
    """Length of the list at `offset`, which fits the file, and where its items begin."""
    assert each.count_type is not None
    size = struct.calcsize(each.count_type)
    count = struct.unpack_from(each.count_type, data, offset)[0] if offset + size <= len(data) else -1
    offset += size
    if not 0 <= count * struct.calcsize(each.type) <= len(data) - offset:
        raise BadFile("mesh-truncated", "the PLY file breaks off among its faces, or is damaged there", AGAIN)
    return count, offset


def _uneven_faces(data: bytes, face: _Element, start: int, limits: MeshLimits) -> Faces:
    """Faces with different numbers of corners."""
    triangles = array("q")
    offset, corners_at = start, _corners(face)
    for number in range(face.count):
        for place, each in enumerate(face.properties):
            count, offset = (1, offset) if each.count_type is None else _length(data, each, offset)
            if place == corners_at:
                if count < 3:
                    raise BadFile("mesh-face", f"face {number:,} has {count} corners, three are needed", AGAIN)
                limits.check(0, len(triangles) // 3 + count - 2)
                first, *others = np.frombuffer(data, each.type, count, offset).astype(np.int64).tolist()
                for second, third in pairwise(others):
                    triangles.extend((first, second, third))
            offset += count * struct.calcsize(each.type)
    return np.frombuffer(triangles, np.int64).reshape(-1, 3)
