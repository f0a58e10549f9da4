"""Meshes (OBJ) and skeletons (SWC) of rows: closed ellipsoids of the row's volume and random trees, in µm around its place."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.synthetic.chance import Floats, stream
from syndb_graphql.spec.model import Kind

UNIT, NM = "um", 1000.0
RINGS, SIDES = 6, 10
NODES = 60

Point = tuple[float, float, float]
"""x, y, z in nm."""


def write_ellipsoid(path: Path, chance: np.random.Generator, place: Point, volume: float) -> None:
    """A closed surface of triangles that look outward, around about so many nm³."""
    radii = np.exp(0.5 * chance.standard_normal(3))
    radii *= np.cbrt(volume / (4 / 3 * np.pi * radii.prod())) / NM
    polar = np.pi * np.arange(1, RINGS) / RINGS
    around = 2 * np.pi * np.arange(SIDES) / SIDES
    rings = np.stack(
        [
            np.outer(np.sin(polar), np.cos(around)),
            np.outer(np.sin(polar), np.sin(around)),
            np.outer(np.cos(polar), np.ones(SIDES)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    points = np.concatenate(([[0, 0, 1]], rings, [[0, 0, -1]])) * radii + np.array(place) / NM
    last = len(points)
    faces: list[tuple[int, int, int]] = []
    for side in range(SIDES):
        here, beside = 2 + side, 2 + (side + 1) % SIDES
        faces.append((1, here, beside))
        for down in range(0, (RINGS - 2) * SIDES, SIDES):
            faces += [
                (here + down, here + down + SIDES, beside + down + SIDES),
                (here + down, beside + down + SIDES, beside + down),
            ]
        deep = (RINGS - 2) * SIDES
        faces.append((here + deep, last, beside + deep))
    lines = ["# synthetic, no measurement", *_vertices(points), *("f {} {} {}".format(*face) for face in faces)]
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")


def write_tree(path: Path, chance: np.random.Generator, place: Point, _volume: float) -> None:
    """A tree that grows from its root, and now and then a second one beside it."""
    count = int(chance.integers(NODES // 3, NODES))
    # Mostly the node before: long twigs, some branch points.
    back = 1 + np.floor(chance.standard_exponential(count) * 0.8).astype(int)
    parents = np.maximum(np.arange(1, count + 1) - back, 1)
    parents[0] = -1
    if chance.random() < 0.2:
        parents[count // 2] = -1
    points = np.array(place) / NM + np.zeros((count, 3))
    steps = chance.normal(0, 0.5, (count, 3))
    for row, parent in enumerate(parents):
        points[row] = points[parent - 1 if parent > 0 else 0] + steps[row]
    radii = 0.05 + 0.1 * chance.random(count)
    lines = ["# synthetic, no measurement", "# id type x y z radius parent"]
    for row, (x, y, z) in enumerate(points):
        kind = 1 if row == 0 else 3
        lines.append(f"{row + 1} {kind} {x:.4f} {y:.4f} {z:.4f} {radii[row]:.4f} {parents[row]}")
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")


def _vertices(points: Floats) -> list[str]:
    return [f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in points]


_KINDS: dict[Kind, tuple[str, Callable[[Path, np.random.Generator, Point, float], None]]] = {
    Kind.MESH: (".obj", write_ellipsoid),
    Kind.SKELETON: (".swc", write_tree),
}
_FOLDERS = {Kind.MESH: "meshes", Kind.SKELETON: "skeletons"}
FILE_KINDS = tuple(_KINDS)


def write_file(folder: Path, kind: Kind, table: str, row: int, seed: int, place: Point, volume: float) -> str:
    """The path, from `folder`, of the row's file of this kind, which is written. `volume`: of the structure, in nm³."""
    suffix, write = _KINDS[kind]
    name = f"{_FOLDERS[kind]}/{table}-{row + 1}{suffix}"
    (folder / name).parent.mkdir(exist_ok=True)
    write(folder / name, stream(seed, table, kind, str(row)), place, volume)
    return name
