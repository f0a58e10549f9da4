"""Meshes and skeletons as nodes: what is known of a file from its row, and a link made only when it is asked for."""

from typing import Any

import strawberry

from syndb_graphql.api.build import Type, make_enum, make_field, make_interface, make_type
from syndb_graphql.api.context import Context
from syndb_graphql.api.ids import encode_id
from syndb_graphql.api.row_fields import Point
from syndb_graphql.api.scalars import URL, Count, DateTime
from syndb_graphql.api.sources import FileSource
from syndb_graphql.objects.protocol import Link


def add_file_types(types: dict[str, Type]) -> None:
    methods = {
        "CLOSED": ("CLOSED", "The mesh is closed; its volume is the signed volume."),
        "CAPPED": ("CAPPED", "The mesh is open; each hole was closed by a cone before it was measured."),
        "GIVEN": ("GIVEN", "The contributor measured it."),
    }
    types["VolumeMethod"] = make_enum("VolumeMethod", methods, "How a mesh's volume was had.")
    types["File"] = make_interface(
        "File", _file_fields(types), "A raw file behind a link that expires.", interfaces=[types["Node"]]
    )
    mesh = {
        "watertight": make_field(_part("watertight"), bool | None, "Whether the surface is closed."),
        "volumeMethod": make_field(
            lambda file, _: file["volume_method"] and types["VolumeMethod"](file["volume_method"]),
            types["VolumeMethod"] | None,
            "How the row's mesh volume was had.",
        ),
        "boundaryEdgeCount": make_field(
            _part("boundary_edges"), int | None, "Edges that belong to one face only; 0 when closed."
        ),
        "vertexCount": make_field(_part("vertex_count"), int | None, "Vertices."),
        "faceCount": make_field(_part("face_count"), int | None, "Triangles."),
    }
    skeleton = {
        "pointCount": make_field(_part("point_count"), int | None, "Nodes of the skeleton."),
        "treeCount": make_field(_part("tree_count"), int | None, "Connected pieces of the skeleton."),
    }
    for name, kind, fields, words in (
        ("Mesh", "mesh", mesh, "A surface mesh as binary glTF."),
        ("Skeleton", "skeleton", skeleton, "A skeleton as SWC."),
    ):
        types[name] = make_type(
            name,
            _file_fields(types) | fields,
            words,
            interfaces=[types["File"]],
            is_type_of=lambda source, kind=kind: isinstance(source, FileSource) and source.term.kind == kind,  # type: ignore[misc]
        )


def _file_fields(types: dict[str, Type]) -> dict[str, Any]:
    return {
        "id": make_field(_resolve_id, strawberry.ID, "Opaque and global; `nodes(ids:)` with it renews the link."),
        "url": make_field(_resolve_url, URL | None, "A signed link to the file, valid until `expiresAt`."),
        "expiresAt": make_field(
            lambda file, info: _link(file, info).expires_at, DateTime | None, "When the link ends."
        ),
        "filename": make_field(_part("name"), str, "Name the file is saved under."),
        "size": make_field(_part("size"), Count, "Bytes."),
        "sha256": make_field(_part("sha256"), str, "Checksum of the bytes, in hexadecimal."),
        "contentType": make_field(_part("content_type"), str, "Media type."),
        "unit": make_field(_part("unit"), str, "Unit of the file's coordinates, as the contributor stated it."),
        "scaleToNanometer": make_field(
            _resolve_scale, types["Point"], "Nanometres of one of the file's units, along each axis."
        ),
    }


def file_kind(file: FileSource) -> str:
    """The kind in a file's global id: its type and its table."""
    return f"{file.term.kind.capitalize()}/{file.row.table.name}"


def _resolve_id(file: FileSource, _info: strawberry.Info) -> str:
    return encode_id(file_kind(file), file.row.dataset.id + file.row["cid"])


def _resolve_url(file: FileSource, info: strawberry.Info) -> str:
    context: Context = info.context
    url = _link(file, info).url
    return context.base_url + url if url.startswith("/") else url


def _resolve_scale(file: FileSource, _info: strawberry.Info) -> Point:
    return Point(file["scale_x"], file["scale_y"], file["scale_z"])


def _link(file: FileSource, info: strawberry.Info) -> Link:
    """`url` and `expiresAt` of one answer are of the same link."""
    if file.link is None:
        context: Context = info.context
        file.link = context.backend.objects.link(file["key"], filename=file["name"], content_type=file["content_type"])
    return file.link


def _part(name: str) -> Any:
    return lambda file, _: file[name]
