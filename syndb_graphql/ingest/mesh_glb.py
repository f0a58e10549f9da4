"""Meshes in binary glTF (.glb): what contributors bring, and the form in which every mesh is kept.

trimesh reads and writes glTF: scenes, transforms of nodes, strips of triangles. It trusts a file, so a file is first
reduced to what its geometry needs: the JSON is decoded into the few structures below, which drops materials, textures,
cameras, skins and whatever else there may be; what these structures claim is compared with the bytes that are there;
and only then is trimesh given a glb written from them. Nothing is fetched, and no other file is opened.

Only mesh.py imports this module, because trimesh takes up to a second to import.
"""

import io
import struct
from typing import Annotated, TypeVar

import msgspec
import numpy as np
import trimesh
from msgspec import Meta

from syndb_graphql.ingest.mesh_text import AGAIN, MeshLimits
from syndb_graphql.ingest.mesh_volume import Faces, Points
from syndb_graphql.ingest.report import BadFile

MAX_JSON = 8 << 20
"""Bytes of the JSON part. A mesh needs a few hundred, a scene of thousands of nodes some MB."""
MAX_NODES = 4096
"""Nodes, meshes and primitives each: trimesh takes up to 1 ms for one."""
MAX_DEPTH = 16
"""Levels of nodes: the time trimesh takes grows with their square."""
MAX_EXPANSION = 8
"""How many times the file's size its geometry may take, since parts of a glb may be used again and again."""
FREE_EXPANSION = 1 << 20
"""Bytes that geometry may take whatever the file's size."""

_MAGIC = b"glTF"
_JSON, _BIN = 0x4E4F534A, 0x004E4942
_COMPONENTS = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
_UNSIGNED, _FLOAT = (5121, 5123, 5125), 5126
_LINES_AND_POINTS, _TRIANGLES, _STRIP = (0, 1, 2, 3), 4, 5
_HARMLESS = ("KHR_materials_", "KHR_texture_", "KHR_lights_", "KHR_xmp", "EXT_texture_", "MSFT_texture_")
"""Extensions, by how their names begin, that say nothing of where vertices are."""

_Count = Annotated[int, Meta(ge=0, le=2**40)]
_Index = Annotated[int, Meta(ge=0, le=2**31)]
T = TypeVar("T")
_Vector = tuple[float, float, float]


class _Buffer(msgspec.Struct, omit_defaults=True):
    byteLength: _Count  # noqa: N815 - glTF's own name, and so below
    uri: str | None = None


class _View(msgspec.Struct, omit_defaults=True):
    buffer: _Index
    byteLength: _Count  # noqa: N815
    byteOffset: _Count = 0  # noqa: N815
    byteStride: Annotated[int, Meta(ge=1, le=252)] | None = None  # noqa: N815


class _Accessor(msgspec.Struct, omit_defaults=True):
    componentType: int  # noqa: N815
    count: _Count
    type: str
    bufferView: _Index | None = None  # noqa: N815
    byteOffset: _Count = 0  # noqa: N815
    normalized: bool = False
    sparse: msgspec.Raw | None = None


class _Attributes(msgspec.Struct, omit_defaults=True):
    POSITION: _Index | None = None


class _Primitive(msgspec.Struct, omit_defaults=True):
    attributes: _Attributes
    indices: _Index | None = None
    mode: int = _TRIANGLES


class _Mesh(msgspec.Struct, omit_defaults=True):
    primitives: list[_Primitive]


class _Node(msgspec.Struct, omit_defaults=True):
    mesh: _Index | None = None
    children: list[_Index] = []
    matrix: Annotated[list[float], Meta(min_length=16, max_length=16)] | None = None
    translation: _Vector | None = None
    rotation: tuple[float, float, float, float] | None = None
    scale: _Vector | None = None


class _Scene(msgspec.Struct, omit_defaults=True):
    nodes: list[_Index] = []


class _Asset(msgspec.Struct):
    version: str


class _Gltf(msgspec.Struct, omit_defaults=True):
    asset: _Asset
    scene: _Index = 0
    scenes: list[_Scene] = []
    nodes: list[_Node] = []
    meshes: list[_Mesh] = []
    accessors: list[_Accessor] = []
    bufferViews: list[_View] = []  # noqa: N815
    buffers: list[_Buffer] = []
    extensionsUsed: list[str] = []  # noqa: N815
    extensionsRequired: list[str] = []  # noqa: N815


def _bad(message: str, remedy: str = AGAIN) -> BadFile:
    return BadFile("mesh-unreadable", f"the glb file cannot be read: {message}", remedy)


def read_glb(data: bytes, limits: MeshLimits) -> tuple[Points, Faces]:
    """Triangles of the file's scene, all its meshes joined where its nodes put them."""
    text, binary = _chunks(data)
    try:
        gltf = msgspec.json.decode(text, type=_Gltf)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _bad(f"its JSON is not that of a glTF 2 scene ({error})") from error
    _refuse_unsupported(gltf)
    _reduce(gltf)
    _check_claims(gltf, len(binary), len(data), limits)
    reduced = _glb(msgspec.json.encode(gltf), binary)
    try:
        scene = trimesh.load_scene(io.BytesIO(reduced), file_type="glb", skip_materials=True, process=False)
        for part in scene.geometry.values():
            if len(part.faces) and not 0 <= part.faces.min() <= part.faces.max() < len(part.vertices):
                message = f"a face names vertex {part.faces.max() + 1:,} (from 1), there are {len(part.vertices):,}"
                raise BadFile("mesh-index", message, AGAIN)
        mesh = scene.to_mesh()
        return np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    except BadFile:
        raise
    except Exception as error:  # whatever the library raises, the file is what was wrong
        raise _bad(str(error)[:200] or type(error).__name__) from error


def to_glb(vertices: Points, faces: Faces) -> bytes:
    """The same bytes for the same mesh. glTF holds coordinates in 32 bits: seven digits."""
    mesh = trimesh.Trimesh(vertices, faces, process=False, validate=False)
    exported = mesh.export(file_type="glb", include_normals=False)
    assert isinstance(exported, bytes)
    return exported


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """JSON and binary part of a glb file."""
    if len(data) < 20 or data[:4] != _MAGIC:
        raise _bad("it does not begin with glTF", "Export it as binary glTF 2.0 (.glb).")
    version, length, json_length, kind = struct.unpack_from("<4I", data, 4)
    if version != 2:
        raise _bad(f"it is of version {version}", "Export it as binary glTF 2.0 (.glb).")
    if length > len(data) or 20 + json_length > length:
        message = f"the glb file says it has {max(length, 20 + json_length):,} bytes, and has {len(data):,}"
        raise BadFile("mesh-truncated", message, AGAIN)
    if kind != _JSON or json_length > MAX_JSON:
        raise _bad(f"its first part is no JSON of at most {MAX_JSON:,} bytes")
    start = 20 + json_length
    if start + 8 > length:
        return data[20:start], b""
    size, kind = struct.unpack_from("<2I", data, start)
    if kind != _BIN:
        raise _bad("its second part is not its buffer")
    if start + 8 + size > length:
        message = f"the buffer of the glb file is said to have {size:,} bytes, {length - start - 8:,} are there"
        raise BadFile("mesh-truncated", message, AGAIN)
    return data[20:start], data[start + 8 : start + 8 + size]


def _glb(text: bytes, binary: bytes) -> bytes:
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    length = 28 + len(text) + len(binary)
    head = struct.pack("<4s4I", _MAGIC, 2, length, len(text), _JSON)
    return b"".join((head, text, struct.pack("<2I", len(binary), _BIN), binary))


def _refuse_unsupported(gltf: _Gltf) -> None:
    if not gltf.asset.version.startswith("2."):
        raise _bad(f"it is glTF {gltf.asset.version[:10]!r}", "Export it as binary glTF 2.0 (.glb).")
    for name in gltf.extensionsUsed + gltf.extensionsRequired:
        packed = "compression" in name or "instancing" in name or "quantization" in name
        if packed or (name in gltf.extensionsRequired and not name.startswith(_HARMLESS)):
            raise _bad(f"it needs the extension {name[:60]}", "Export it without compression and extensions.")
    if any(buffer.uri is not None for buffer in gltf.buffers) or len(gltf.buffers) > 1:
        raise _bad("it refers to buffers outside of its binary part", "Export it as one .glb file, buffers embedded.")
    if max(len(gltf.nodes), len(gltf.meshes), sum(len(mesh.primitives) for mesh in gltf.meshes)) > MAX_NODES:
        raise _bad(f"it has over {MAX_NODES:,} nodes, meshes or primitives", "Join its parts into one mesh.")


def _reduce(gltf: _Gltf) -> None:
    """Keeps the primitives that are triangles, and what they refer to, numbered anew."""
    gltf.extensionsUsed = gltf.extensionsRequired = []
    for mesh in gltf.meshes:
        mesh.primitives = [each for each in mesh.primitives if each.mode not in _LINES_AND_POINTS]
    primitives = [each for mesh in gltf.meshes for each in mesh.primitives]
    used: dict[int, int] = {}
    for each in primitives:
        if each.mode not in (_TRIANGLES, _STRIP) or each.attributes.POSITION is None:
            raise _bad(f"a primitive has the mode {each.mode} or no positions", "Export it as triangles.")
        each.attributes.POSITION = used.setdefault(each.attributes.POSITION, len(used))
        if each.indices is not None:
            each.indices = used.setdefault(each.indices, len(used))
    gltf.accessors = [_item(gltf.accessors, index, "accessor") for index in used]
    views: dict[int, int] = {}
    for accessor in gltf.accessors:
        if accessor.bufferView is None or accessor.sparse is not None:
            raise _bad("it has sparse or empty accessors", "Export it without sparse accessors and compression.")
        accessor.bufferView = views.setdefault(accessor.bufferView, len(views))
    gltf.bufferViews = [_item(gltf.bufferViews, index, "buffer view") for index in views]
    _refuse_tangle(gltf)


def _refuse_tangle(gltf: _Gltf) -> None:
    """The nodes of the scene are trees, and not deep."""
    children = [child for node in gltf.nodes for child in node.children]
    if not gltf.scenes:
        gltf.scenes = [_Scene(sorted(set(range(len(gltf.nodes))).difference(children)))]
    level = _item(gltf.scenes, gltf.scene, "scene").nodes
    placed = children + level
    if len(set(placed)) < len(placed) or max(placed, default=-1) >= len(gltf.nodes):
        raise _bad("its nodes are no trees: one is in two places, or not there")
    for _ in range(MAX_DEPTH):
        level = [child for index in level for child in gltf.nodes[index].children]
    if level:
        raise _bad(f"its nodes are nested over {MAX_DEPTH} deep", "Join its parts into one mesh.")


def _item(items: list[T], index: int, what: str) -> T:
    if index >= len(items):
        raise _bad(f"it refers to {what} {index + 1:,}, and has {len(items):,}")
    return items[index]


def _check_claims(gltf: _Gltf, n_binary: int, n_file: int, limits: MeshLimits) -> None:
    """What is claimed lies within the buffer, and is not the same bytes over and over."""
    for view in gltf.bufferViews:
        end = view.byteOffset + view.byteLength
        if view.buffer != 0 or end > n_binary:
            raise BadFile("mesh-truncated", f"the glb file refers to byte {end:,} of {n_binary:,}", AGAIN)
    taken = sum(view.byteLength for view in gltf.bufferViews)
    for accessor in gltf.accessors:
        view = gltf.bufferViews[accessor.bufferView or 0]
        size = _item_size(accessor)
        stride = view.byteStride or size
        end = accessor.byteOffset + (accessor.count - 1) * stride + size if accessor.count else 0
        if end > view.byteLength or stride < size:
            raise BadFile("mesh-truncated", f"the glb file claims {accessor.count:,} items in too few bytes", AGAIN)
        taken += size * accessor.count
    sizes = [_size(gltf, mesh) for mesh in gltf.meshes]
    placed = [_item(sizes, node.mesh, "mesh") for node in gltf.nodes if node.mesh is not None]
    if not placed:
        raise BadFile("mesh-no-vertices", "the scene of the glb file shows no mesh", "Export it with its scene.")
    limits.check(sum(vertices for vertices, _ in placed), sum(faces for _, faces in placed))
    taken += sum(12 * (vertices + faces) for vertices, faces in sizes + placed)
    if taken > FREE_EXPANSION + MAX_EXPANSION * n_file:
        message = f"it uses the same parts again and again, {taken:,} bytes of geometry from {n_file:,}"
        raise _bad(message, "Join its parts into one mesh, each placed once.")


def _size(gltf: _Gltf, mesh: _Mesh) -> tuple[int, int]:
    """Vertices and triangles of a mesh."""
    vertices = triangles = 0
    for each in mesh.primitives:
        positions = gltf.accessors[each.attributes.POSITION or 0]
        if positions.componentType != _FLOAT or positions.type != "VEC3":
            raise _bad("its positions are no 32-bit floating-point numbers", "Export it without quantization.")
        corners = positions.count
        if each.indices is not None:
            indices = gltf.accessors[each.indices]
            if indices.componentType not in _UNSIGNED or indices.type != "SCALAR" or indices.normalized:
                raise _bad("the indices of its faces are no unsigned whole numbers")
            corners = indices.count
        if each.mode == _TRIANGLES and corners % 3:
            raise _bad(f"it has {corners:,} corners in triangles")
        vertices += positions.count
        triangles += max(0, corners - 2) if each.mode == _STRIP else corners // 3
    return vertices, triangles


def _item_size(accessor: _Accessor) -> int:
    items = {"SCALAR": 1, "VEC3": 3}.get(accessor.type)
    if accessor.componentType not in _COMPONENTS or items is None:
        raise _bad(f"it has positions or indices of the type {accessor.type[:10]} {accessor.componentType}")
    return items * _COMPONENTS[accessor.componentType]
