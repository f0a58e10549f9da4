"""Skeletons (SWC) and what is measured of them: cable length, branch points, leaves, trees, bounding box.

An SWC file is a table: id, type, x, y, z, radius, parent; the parent of a root is -1. It is read here and not by a
morphology library, because those take the type column and the soma's place for rules, refuse reconstructions from
electron microscopy and leave out the edges at the soma. Only the geometry of the nodes counts: type and radius have no
part in any measure. The definitions:

* cable length: the sum of all distances between a node and its parent;
* branch points: nodes with two children or more; leaves: nodes with none; trees: nodes without a parent.

A file is read by polars once its white space is regular. Where that fails it is read line by line, which takes six
times as long (1.5 s for a million nodes) and either succeeds or names the line that is wrong.
"""

import math
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from syndb_graphql.ingest.raw_file import MAX_BYTES, MAX_COORDINATE_NM, Scale, as_lines, check_scale, read_raw, shown
from syndb_graphql.ingest.report import BadFile

ROOT = -1
COLUMNS = 7
INT64_MAX = 2**63 - 1

_COMMENT = re.compile(rb"#[^\n]*")
_SCHEMA = {"id": pl.Int64, "type": pl.String, "x": pl.Float64, "y": pl.Float64, "z": pl.Float64}
_SCHEMA |= {"radius": pl.Float64, "parent": pl.Int64}


@dataclass(frozen=True, slots=True)
class SkeletonMeasures:
    """Lengths and positions in nm. The bounding box is that of the nodes' centres: radii are left out."""

    cable_length: float
    n_branches: int
    n_leaves: int
    n_trees: int
    is_tree: bool
    bounding_box_min: tuple[float, float, float]
    bounding_box_max: tuple[float, float, float]
    point_count: int


class _Nodes(NamedTuple):
    """In the file's order: ids and parents (n,) int64, points (n, 3) in file units."""

    ids: NDArray[np.int64]
    parents: NDArray[np.int64]
    points: NDArray[np.float64]


def measure_skeleton(path: Path, scale: Scale, *, max_bytes: int = MAX_BYTES) -> SkeletonMeasures:
    """Measures of an SWC file, in nm. `scale`: nm in one file unit on x, y, z, applied before anything is measured.

    Raises BadFile, with the line where there is one, for a file that is not a forest of nodes.
    """
    check_scale(scale)
    text = as_lines(read_raw(path, max_bytes))
    nodes = _read_fast(text) or _read_slow(text)
    points = _scaled(text, nodes, scale)
    parent_row = _parent_rows(text, nodes)
    is_root = parent_row < 0
    _refuse_cycle(text, nodes, parent_row)
    child = np.flatnonzero(~is_root)
    edges = points[child] - points[parent_row[child]]
    children = np.bincount(parent_row[child], minlength=len(points))
    n_trees = int(is_root.sum())
    low_x, low_y, low_z = points.min(axis=0).tolist()
    high_x, high_y, high_z = points.max(axis=0).tolist()
    return SkeletonMeasures(
        cable_length=float(np.sqrt(np.einsum("ij,ij->i", edges, edges)).sum()),
        n_branches=int((children >= 2).sum()),
        n_leaves=int((children == 0).sum()),
        n_trees=n_trees,
        is_tree=n_trees == 1,
        bounding_box_min=(low_x, low_y, low_z),
        bounding_box_max=(high_x, high_y, high_z),
        point_count=len(points),
    )


# --- text ---------------------------------------------------------------------------------------------------------


def _read_fast(text: bytes) -> _Nodes | None:
    """The nodes, or None where a line is out of the ordinary."""
    if b"#" in text:
        text = _COMMENT.sub(b"", text)
    text = text.replace(b"\t", b" ")
    for pair, single in ((b"  ", b" "), (b" \n", b"\n"), (b"\n ", b"\n"), (b"\n\n", b"\n")):
        while pair in text:
            text = text.replace(pair, single)
    text = text.strip()
    if not text:
        return None
    try:
        table = pl.read_csv(
            text, separator=" ", has_header=False, schema=_SCHEMA, quote_char=None, truncate_ragged_lines=True
        )
    except pl.exceptions.PolarsError:
        return None
    numbers = table.select("x", "y", "z", "radius")
    if table.select(pl.any_horizontal(pl.all().is_null().any())).item():
        return None
    if not numbers.select(pl.all_horizontal(pl.all().is_finite().all())).item():
        return None
    ids, parents = table["id"].to_numpy(), table["parent"].to_numpy()
    return None if ids.min() < 0 else _Nodes(ids, parents, numbers.drop("radius").to_numpy())


def _node_lines(text: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Number (from 1) and columns of each line that holds a node."""
    for number, line in enumerate(BytesIO(text), start=1):
        columns = line.partition(b"#")[0].split(None, COLUMNS)
        if columns:
            yield number, columns


def _read_slow(text: bytes) -> _Nodes:
    ids, parents, coordinates = array("q"), array("q"), array("d")
    for number, columns in _node_lines(text):
        if len(columns) < COLUMNS:
            raise BadFile(
                "skeleton-columns",
                f"line {number} has {len(columns)} columns, a node has seven",
                "Write id, type, x, y, z, radius and parent, with spaces between them.",
                row=number,
                value=shown(b" ".join(columns)),
            )
        ids.append(_whole(columns[0], "id", number, least=0))
        parents.append(_whole(columns[6], "parent", number, least=-INT64_MAX))
        coordinates.extend(_finite(column, name, number) for column, name in zip(columns[2:5], "xyz", strict=True))
        _finite(columns[5], "radius", number)
    if not ids:
        raise BadFile("skeleton-empty", "the file holds no nodes", "Export it again, or leave its cell empty.")
    return _Nodes(
        np.frombuffer(ids, np.int64), np.frombuffer(parents, np.int64), np.frombuffer(coordinates).reshape(-1, 3)
    )


def _whole(column: bytes, name: str, line: int, *, least: int) -> int:
    try:
        value = int(column)
    except ValueError:
        value = None
    if value is None or not least <= value <= INT64_MAX:
        raise BadFile(
            "skeleton-id",
            f"line {line}: the {name} {shown(column)!r} is not a whole number of 64 bits{', 0 or more' * (least == 0)}",
            "Number the nodes; the parent of a root is -1.",
            row=line,
            value=shown(column),
        )
    return value


def _finite(column: bytes, name: str, line: int) -> float:
    try:
        value = float(column)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadFile(
            "skeleton-number",
            f"line {line}: {name} is {shown(column)!r}, a finite number is needed",
            "Remove or repair the node; a radius that is unknown is written 0.",
            row=line,
            value=shown(column),
        )
    return value


def _line_of(text: bytes, row: int) -> int:
    """The line of the node that is the file's `row`th (from 0). Only a message needs it, so it is looked up late."""
    return next(number for place, (number, _) in enumerate(_node_lines(text)) if place == row)


# --- geometry and topology ----------------------------------------------------------------------------------------


def _scaled(text: bytes, nodes: _Nodes, scale: Scale) -> NDArray[np.float64]:
    """Points in nm."""
    with np.errstate(over="ignore"):
        points: NDArray[np.float64] = nodes.points * np.array(scale)
    far = np.flatnonzero(~(np.abs(points) <= MAX_COORDINATE_NM).all(axis=1))
    if len(far):
        line = _line_of(text, int(far[0]))
        raise BadFile(
            "skeleton-far",
            f"line {line}: the node lies over {MAX_COORDINATE_NM:g} nm (1 km) from the origin",
            "Check the coordinates and [files.skeleton], unit and scale_to_nanometer.",
            row=line,
        )
    return points


def _parent_rows(text: bytes, nodes: _Nodes) -> NDArray[np.int64]:
    """For each node the row of its parent, -1 for a root."""
    order = np.argsort(nodes.ids, kind="stable")
    ids = nodes.ids[order]
    again = np.flatnonzero(ids[1:] == ids[:-1]) + 1
    if len(again):
        row = int(order[again].min())
        raise _at(text, row, "skeleton-duplicate", f"the id {nodes.ids[row]} was given before", "Make ids unique.")
    itself = np.flatnonzero(nodes.parents == nodes.ids)
    if len(itself):
        row = int(itself[0])
        raise _at(text, row, "skeleton-self-parent", f"node {nodes.ids[row]} is its own parent", "A root's is -1.")
    place = np.minimum(np.searchsorted(ids, nodes.parents), len(ids) - 1)
    rows = order[place]
    is_root = nodes.parents == ROOT
    missing = np.flatnonzero(~is_root & (nodes.ids[rows] != nodes.parents))
    if len(missing):
        row = int(missing[0])
        more = f" (so for {len(missing):,} nodes in all)" if len(missing) > 1 else ""
        message = f"the parent {nodes.parents[row]} of node {nodes.ids[row]} is not in the file{more}"
        raise _at(text, row, "skeleton-missing-parent", message, "Add that node, or make this one a root: parent -1.")
    rows[is_root] = ROOT
    return rows


def _refuse_cycle(text: bytes, nodes: _Nodes, parent_row: NDArray[np.int64]) -> None:
    """Follows every node's ancestors in strides of 1, 2, 4 … nodes until each has come to a root."""
    is_root = parent_row < 0
    ancestor = np.where(is_root, np.arange(len(parent_row)), parent_row)
    for _ in range(len(parent_row).bit_length()):
        if is_root[ancestor].all():
            return
        ancestor = ancestor[ancestor]
    lost = ancestor[~is_root[ancestor]]  # more strides than there are nodes: each of these lies on a cycle
    if len(lost):
        row = int(lost.min())
        message = f"node {nodes.ids[row]} is among its own ancestors"
        raise _at(text, row, "skeleton-cycle", message, "Break the cycle: a skeleton is made of trees.")


def _at(text: bytes, row: int, rule: str, message: str, remedy: str) -> BadFile:
    line = _line_of(text, row)
    return BadFile(rule, f"line {line}: {message}", remedy, row=line)
