"""Area and volume of a triangle mesh that may be open, and whether it is.

The signed volume of an open mesh depends on where its origin is, so its holes are closed first. Of every edge the
faces that run along it one way are set against those that run the other way; what is left over bounds the holes. The
left-over edges are joined into connected components, and each is closed by a cone to the mean of its vertices. As much
runs into every vertex of the left-over edges as out of it, so the cones close the surface whatever its faults (edges of
three faces, faces turned round), and the volume is the same wherever the mesh lies.

Whether faces meet is a matter of positions, not of indices: many files repeat a vertex for each face or along the seams
of a texture, and would seem open along all of them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""(n, 3)."""
Faces = NDArray[np.int64]
"""(m, 3), rows of the vertices."""
Rows = NDArray[np.int64]
"""(k,), rows of vertices, or numbers of one for each of k edges."""

CHUNK = 1 << 20
"""Faces that are integrated at once, so that what lies between needs some 100 MB however large the mesh is."""
FLAT = 1e-12
"""A volume below this part of area^1.5 is rounding: the faces lie in a plane. A neuron's is about 1e-3."""


@dataclass(frozen=True, slots=True)
class Surface:
    """Measures in the unit of the vertices, squared and cubed."""

    area: float
    signed_volume: float
    """Of the faces and the caps: negative where faces look inward."""
    watertight: bool
    """Every edge is shared by exactly two faces."""
    boundary_edges: int
    """Edges left over when opposite ones cancel; 0 where the surface closes by itself."""
    turned_edges: int
    """Edges along which two or more faces run the same way, more than run the other way."""

    @property
    def volume(self) -> float | None:
        """None where the surface encloses nothing."""
        volume = abs(self.signed_volume)
        return volume if volume > FLAT * self.area**1.5 else None


def weld(vertices: Points) -> tuple[Points, Rows]:
    """Distinct positions (k, 3), in the order of x, y, z, and for each vertex the row of its position."""
    vertices = vertices + 0.0  # -0.0 is where 0.0 is
    order = np.lexsort(vertices.T[::-1])
    ordered = vertices[order]
    first = np.empty(len(vertices), bool)
    first[:1] = True
    (ordered[1:] != ordered[:-1]).any(axis=1, out=first[1:])
    position = np.empty(len(vertices), np.int64)
    position[order] = np.cumsum(first) - 1
    return ordered[first], position


def measure_surface(vertices: Points, faces: Faces) -> Surface:
    """Measures of a mesh; vertices must be finite and faces within range."""
    points, position = weld(vertices - vertices.mean(axis=0))
    faces = position[faces]
    start, end, net, watertight = _left_over_edges(faces, len(points))
    area, volume = _integrate(points, faces)
    if len(net):
        cap_points, caps = _caps(points, start, end)
        volume += _integrate(cap_points, caps, net)[1]
    return Surface(area, volume, watertight, len(net), int((net > 1).sum()))


def _integrate(points: Points, faces: Faces, weights: Rows | None = None) -> tuple[float, float]:
    """Area, and signed volume of the cones from the origin, each face counted as often as its weight says."""
    area = volume = 0.0
    for begin in range(0, len(faces), CHUNK):
        a, b, c = (points[corner] for corner in faces[begin : begin + CHUNK].T)
        normal = np.cross(b - a, c - a)
        area += float(np.sqrt(np.einsum("ij,ij->i", normal, normal)).sum()) / 2
        cones = np.einsum("ij,ij->i", a, normal)
        if weights is not None:
            cones *= weights[begin : begin + CHUNK]
        volume += float(cones.sum()) / 6
    return area, volume


def _left_over_edges(faces: Faces, n_points: int) -> tuple[Rows, Rows, Rows, bool]:
    """Start, end and multiplicity (from 1) of the edges that no opposite edge cancels; whether all edges pair."""
    a, b, c = faces.T
    whole = faces[(a != b) & (b != c) & (c != a)]  # a face with two corners in one place has no sides to speak of
    start = whole.ravel()
    end = np.roll(whole, -1, axis=1).ravel()
    key = np.minimum(start, end)
    key *= n_points
    key += np.maximum(start, end)
    key *= 2
    key += start > end
    del start, end
    key.sort()
    edge = key >> 1
    first = np.flatnonzero(np.concatenate((np.ones(min(1, len(edge)), bool), edge[1:] != edge[:-1])))
    if not len(first):
        return first, first, first, False
    count = np.diff(first, append=len(edge))
    net = count - 2 * np.add.reduceat(key & 1, first)
    watertight = bool((count == 2).all())
    left_over = np.flatnonzero(net)
    net, edge = net[left_over], edge[first[left_over]]
    low, high = edge // n_points, edge % n_points
    starts: Rows = np.where(net > 0, low, high)
    return starts, low + high - starts, np.abs(net), watertight


def _caps(points: Points, start: Rows, end: Rows) -> tuple[Points, Faces]:
    """Vertices and faces of the cones over the edges start → end, one face an edge, turned to close them."""
    rows, ends = np.unique(np.concatenate((start, end)), return_inverse=True)
    start, end = ends[: len(start)], ends[len(start) :]
    component, n_components = _components(start, end, len(rows))
    rim = points[rows]
    size = np.bincount(component, minlength=n_components)
    apex = np.stack([np.bincount(component, axis, n_components) / size for axis in rim.T], axis=1)
    caps = np.stack((end, start, len(rim) + component[start]), axis=1)
    return np.concatenate((rim, apex)), caps


def _components(start: Rows, end: Rows, n: int) -> tuple[Rows, int]:
    """For each of n vertices the number of its connected component (from 0), and how many there are.

    Each round hangs every component beneath its lowest neighbour and then flattens the trees that came of it, so that
    the rounds grow with the logarithm of n.
    """
    label = np.arange(n)
    while True:
        low, high = label[start], label[end]
        low, high = np.minimum(low, high), np.maximum(low, high)
        apart = low != high
        if not apart.any():
            break
        np.minimum.at(label, high[apart], low[apart])
        while (flatter := label[label]).tobytes() != label.tobytes():
            label = flatter
    roots, component = np.unique(label, return_inverse=True)
    return component, len(roots)
