"""Meshes: a contributor's file becomes the .glb that is kept, and is measured on the way.

Kept are positions, in the file's own coordinates, and faces; measures are in nm. What the formats are like is left to
mesh_text, mesh_binary and mesh_glb, and how an open mesh comes to have a volume to mesh_volume.

Import this module only where a mesh is converted: it brings in trimesh, which takes up to a second.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from syndb_graphql.ingest.mesh_binary import read_ply, read_stl
from syndb_graphql.ingest.mesh_glb import read_glb, to_glb
from syndb_graphql.ingest.mesh_text import AGAIN, MeshLimits, read_obj, read_off
from syndb_graphql.ingest.mesh_volume import Faces, Points, Surface, measure_surface
from syndb_graphql.ingest.raw_file import MAX_COORDINATE_NM, Scale, check_scale, read_raw
from syndb_graphql.ingest.report import BadFile

__all__ = ["MESH_SUFFIXES", "MeshLimits", "MeshMeasures", "convert_mesh"]

MAX_COORDINATE = 1e30
"""In file units: the target holds coordinates in 32 bits, which end at 3.4e38."""
DEFAULT_LIMITS = MeshLimits()
_READERS: dict[str, Callable[[bytes, MeshLimits], tuple[Points, Faces]]] = {
    ".glb": read_glb,
    ".obj": read_obj,
    ".off": read_off,
    ".ply": read_ply,
    ".stl": read_stl,
}
MESH_SUFFIXES = frozenset(_READERS)
"""Endings of the files that can be read, in lower case."""


@dataclass(frozen=True, slots=True)
class MeshMeasures:
    """Lengths in nm, area in nm², volume in nm³; counts as in the file (an STL file's: its distinct corners)."""

    volume: float | None
    """None where the surface encloses nothing."""
    surface_area: float
    watertight: bool
    """Every edge is shared by exactly two faces; vertices at one position count as one."""
    volume_method: Literal["CLOSED", "CAPPED"] | None
    boundary_edges: int
    vertex_count: int
    face_count: int
    """Triangles; a polygon is a fan of them."""
    bounding_box_min: tuple[float, float, float]
    bounding_box_max: tuple[float, float, float]
    warnings: tuple[str, ...]


def convert_mesh(source: Path, target: Path, scale: Scale, *, limits: MeshLimits = DEFAULT_LIMITS) -> MeshMeasures:
    """Measures of a .glb, .obj, .off, .ply or .stl file, which is written to `target` as .glb in its own coordinates.

    `scale`: nm in one unit of the file on x, y, z, applied before anything is measured. The same file gives the same
    bytes. Raises BadFile for a file that cannot be kept; `target` is written whole or not at all.
    """
    check_scale(scale)
    read = _READERS.get(source.suffix.lower())
    if read is None:
        kinds = ", ".join(sorted(MESH_SUFFIXES))
        raise BadFile("mesh-format", f"{source.name} is no mesh that can be read", f"Export it as one of {kinds}.")
    with np.errstate(all="ignore"):  # what is not finite is refused by name
        vertices, faces = read(read_raw(source, limits.max_bytes), limits)
        scaled = _checked(vertices, faces, scale, limits)
    surface = measure_surface(scaled, faces)
    if surface.area == 0:
        raise BadFile("mesh-flat", "the faces of the mesh have no area", AGAIN)
    _write(target, to_glb(vertices, faces))
    low_x, low_y, low_z = scaled.min(axis=0).tolist()
    high_x, high_y, high_z = scaled.max(axis=0).tolist()
    method: Literal["CLOSED", "CAPPED"] = "CAPPED" if surface.boundary_edges else "CLOSED"
    return MeshMeasures(
        volume=surface.volume,
        surface_area=surface.area,
        watertight=surface.watertight,
        volume_method=None if surface.volume is None else method,
        boundary_edges=surface.boundary_edges,
        vertex_count=len(vertices),
        face_count=len(faces),
        bounding_box_min=(low_x, low_y, low_z),
        bounding_box_max=(high_x, high_y, high_z),
        warnings=_warnings(surface),
    )


def _checked(vertices: Points, faces: Faces, scale: Scale, limits: MeshLimits) -> Points:
    """The vertices in nm, of a mesh that can be measured."""
    if not len(vertices):
        raise BadFile("mesh-no-vertices", "the file holds no vertices", AGAIN)
    if not len(faces):
        raise BadFile("mesh-no-faces", "the file holds no faces, only points", AGAIN)
    limits.check(len(vertices), len(faces))
    bad = np.flatnonzero(~np.isfinite(vertices).all(axis=1))
    if len(bad):
        message = f"vertex {bad[0] + 1:,} has a coordinate that is not finite (so have {len(bad):,} in all)"
        raise BadFile("mesh-not-finite", message, "Remove these vertices and their faces.")
    low, high = int(faces.min()), int(faces.max())
    if low < 0 or high >= len(vertices):
        message = f"a face names vertex {(low if low < 0 else high) + 1:,} (from 1), there are {len(vertices):,}"
        raise BadFile("mesh-index", message, AGAIN)
    scaled: Points = vertices * np.array(scale)
    if not np.abs(scaled).max() <= MAX_COORDINATE_NM or not np.abs(vertices).max() <= MAX_COORDINATE:
        message = f"vertices lie over {MAX_COORDINATE_NM:g} nm (1 km) from the origin, or over {MAX_COORDINATE:g} units"
        raise BadFile("mesh-far", message, "Check the coordinates and [files.mesh], unit and scale_to_nanometer.")
    return scaled


def _warnings(surface: Surface) -> tuple[str, ...]:
    found = []
    if surface.volume is None:
        found.append("The surface encloses no volume: mesh_volume stays empty.")
    elif surface.boundary_edges:
        edges = f"{surface.boundary_edges:,} boundary edge{'s' * (surface.boundary_edges > 1)}"
        found.append(f"The mesh is open ({edges}): its volume is that with every hole capped.")
    elif not surface.watertight:
        found.append("Some edges are shared by more than two faces; as they cancel, the mesh counts as closed.")
    if surface.turned_edges:
        found.append(f"Neighbouring faces are turned against each other along {surface.turned_edges:,} edges.")
    if surface.volume is not None and surface.signed_volume < 0:
        found.append("The faces look inward: the volume is taken without its sign.")
    return tuple(found)


def _write(target: Path, content: bytes) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
