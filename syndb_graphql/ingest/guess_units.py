"""Guesses of units from the size of numbers: coordinates on a grid, structures too small or too large for a unit.

A guess is made only where one unit fits and the others do not; each says why. A unit wrong by a thousand is worse than
a question, so numbers with decimals that may be µm or voxels are left to the contributor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from syndb_graphql.ingest.quantities import write_number
from syndb_graphql.ingest.survey import Floats

Scale = tuple[float, float, float]

LEAST_POINTS = 5
"""Different points below which whole numbers may be whole by chance."""
LEAST_ON_GRID = 20
"""Different coordinates that all are multiples of a step before the step is taken for a voxel's side in nm."""
UM_SKELETON, NM = 2e4, 5e4
"""Coordinates with decimals up to the one fit µm (2 cm), from the other on nm (50 µm). Between them both may be."""
UM_MESH = 2e3
OVERLAP, ALIKE = 0.5, 5.0
"""Two boxes are of one unit if they share half of the smaller one on each axis, and neither is five times as long."""
STRUCTURES = {
    # table: nm that the cube root of a volume, or the square root of an area, lies between
    "neuron": (1e3, 5e5),
    "dendrite": (3e2, 2e5),
    "axon": (2e2, 1.5e5),
    "pre_synaptic_terminal": (1e2, 2e4),
    "dendritic_spine": (5e1, 1e4),
    "synapse": (2e1, 3e3),
    "endoplasmic_reticulum": (1e2, 5e4),
    "nucleus": (8e2, 3e4),
    "mitochondria": (8e1, 2e4),
    "vesicle": (1e1, 5e2),
}
CABLE = (1e4, 1e7)
"""nm that the cable length of a traced cell lies between."""
CANDIDATES = {"nm": 1.0, "um": 1e3, "mm": 1e6}


@dataclass(frozen=True, slots=True)
class UnitGuess:
    unit: str
    scale: Scale | None
    """nm in one unit on x, y, z; None for voxels of a size nobody stated."""
    because: str
    why_size: str = ""
    """Why voxels are of that size."""


@dataclass(frozen=True, slots=True)
class Space:
    """Points of one source, in its own unit; low and high are (x, y, z)."""

    name: str
    low: Floats
    high: Floats
    count: int
    """Different points; of files' boxes their corners."""


def space_of(name: str, points: Floats) -> Space:
    """`points`: shape (n, 3), n at least 1."""
    different = len(np.unique(points, axis=0))
    return Space(name, points.min(axis=0), points.max(axis=0), different)


def guess_by_grid(points: Floats, voxel: Scale | None) -> UnitGuess | None:
    """Of a table's points: whole numbers (or halves) are voxels, or voxels' corners in nm. `voxel`: its size, if known."""
    doubled = points * 2
    if len(np.unique(points, axis=0)) < LEAST_POINTS or not (doubled == np.round(doubled)).all():
        return None
    if np.abs(points).max() >= 2**52:
        return None
    top = f"{np.abs(points).max():,.0f}"
    whole = np.round(points).astype(np.int64)
    steps = tuple(int(np.gcd.reduce(whole[:, axis])) for axis in range(3))
    if (
        (whole == points).all()
        and min(steps) > 1
        and all(len(np.unique(whole[:, a])) >= LEAST_ON_GRID for a in range(3))
    ):
        grid = " x ".join(str(step) for step in steps)
        return UnitGuess(
            "nm", (1.0, 1.0, 1.0), f"all coordinates are multiples of {grid}, as voxels' corners in nm are"
        )
    return UnitGuess("voxel", voxel, f"coordinates are whole numbers, up to {top}")


def guess_by_size(table: str, measures: Mapping[str, tuple[int, Floats]]) -> UnitGuess | None:
    """Of volumes, areas and cable lengths: `measures` are column → (power of a length, values over 0)."""
    fitting: set[str] | None = None
    reason = ""
    for name, (power, values) in measures.items():
        bounds = CABLE if name == "cable_length" else STRUCTURES.get(table) if power in (2, 3) else None
        if bounds is None or not len(values):
            continue
        length = float(np.median(values)) ** (1 / power)
        units = {unit for unit, size in CANDIDATES.items() if bounds[0] <= length * size <= bounds[1]}
        if len(units) == 1 and not reason:
            what = {1: "a length", 2: "the side of a square", 3: "the side of a cube"}[power]
            (unit,) = units
            others = ", ".join(f"{write_number(length)} {other}" for other in CANDIDATES if other != unit)
            reason = f"the median {name} is {what} of {write_number(length)} {unit}; {others} would be no {table}"
        fitting = units if fitting is None else fitting & units
    if fitting is None or len(fitting) != 1 or not reason:
        return None
    (unit,) = fitting
    return UnitGuess(unit, (CANDIDATES[unit],) * 3, reason)


def guess_by_extent(kind: str, spaces: Sequence[Space]) -> UnitGuess | None:
    """Of skeletons or meshes, by the corners of their boxes and how far they reach."""
    corners = np.array([corner for space in spaces for corner in (space.low, space.high)])
    reach = float(np.median([float((space.high - space.low).max()) for space in spaces]))
    if reach <= 0:
        return None
    doubled = corners * 2
    if (doubled == np.round(doubled)).mean() > 0.5 and reach >= 100:
        return UnitGuess(
            "voxel", None, f"most corners of the files' boxes are whole numbers, up to {corners.max():,.0f}"
        )
    largest_um = UM_SKELETON if kind == "skeleton" else UM_MESH
    if 5 <= reach <= largest_um:
        norm = "the unit of the SWC format, and " if kind == "skeleton" else ""
        return UnitGuess("um", (1e3,) * 3, f"{norm}the files reach over {write_number(reach)}: too little for nm")
    if reach >= NM:
        return UnitGuess("nm", (1.0,) * 3, f"the files reach over {write_number(reach)}: too much for um")
    return None


def guess_by_neighbour(space: Space, known: Sequence[tuple[Space, UnitGuess]]) -> UnitGuess | None:
    """The unit in which `space` lies where another one of known unit lies."""
    for other, guess in known:
        factors: dict[str, tuple[Floats, Scale | None]] = {guess.unit: (np.ones(3), guess.scale)}
        if guess.scale is not None:
            size = np.array(guess.scale)
            factors |= {unit: (nm / size, (nm,) * 3) for unit, nm in CANDIDATES.items() if unit != guess.unit}
        for unit, (factor, scale) in factors.items():
            if _lie_together(space, factor, other):
                low, high = (write_number(float(value)) for value in (space.low[0], space.high[0]))
                return UnitGuess(unit, scale, f"so they lie where {other.name} lie: x is {low} to {high}")
    return None


def _lie_together(space: Space, factor: Floats, other: Space) -> bool:
    low, high = space.low * factor, space.high * factor
    length, other_length = high - low, other.high - other.low
    if other.count < LEAST_POINTS and space.count < LEAST_POINTS:
        return False
    if space.count < LEAST_POINTS:
        margin = other_length / 10
        return bool((low >= other.low - margin).all() and (high <= other.high + margin).all())
    if not (length > 0).all() or not (other_length > 0).all():
        return False
    shared = np.minimum(high, other.high) - np.maximum(low, other.low)
    part = shared / np.minimum(length, other_length)
    ratio = float(length.max() / other_length.max())
    return bool((part >= OVERLAP).all() and 1 / ALIKE <= ratio <= ALIKE)
