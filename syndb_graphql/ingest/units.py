"""Units of length, area and volume in files, and the factor that takes a column to nm, nm², nm³ or nm⁻¹.

Unequal voxels have no one length: only volumes and coordinates, which have an axis each, convert.
"""

import re
import unicodedata

from syndb_graphql.spec.model import Column
from syndb_graphql.spec.naming import nearest

LENGTHS = {"nm": 1.0, "um": 1e3, "mm": 1e6, "m": 1e9, "angstrom": 0.1}
"""Nanometres in one of each."""
FILE_UNITS = (*LENGTHS, "voxel")
POWER_NAMES = {1: "length", 2: "area", 3: "volume", -1: "reciprocal length"}
_UNIT = re.compile(r"(nm|um|mm|m|angstrom|voxel)\s*\^?\s*(-?[123])?")


class BadUnit(Exception):
    """Carries what is wrong and the remedy."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


def nanometers_of(unit: str) -> float | None:
    """Nanometres in a unit; None for a voxel, whose size must be stated."""
    return LENGTHS.get(unit)


def parse_unit(text: str, column: Column) -> str:
    """The unit of length in `um3`, `µm³`, `um^3` or `voxel`, checked against the column. Raises BadUnit."""
    # NFKC turns ³ into 3, the micro sign into mu, and Å into A with a ring.
    plain = (
        unicodedata.normalize("NFKC", text).strip().replace("μ", "u").replace("Å", "angstrom").replace("Å", "angstrom")
    )
    plain = re.sub(r"^1\s*/\s*(\w+)$", r"\1-1", plain)
    dimension = column.dimension
    assert dimension is not None
    found = _UNIT.fullmatch(plain)
    expected = _write("um", dimension)
    if found is None:
        known = [_write(unit, dimension) for unit in (*LENGTHS, "voxel")]
        raise BadUnit(f"'{text}' is no unit.{nearest(plain, known)}", f"The units are {', '.join(known)}.")
    base, power = found.groups()
    if base != "voxel" and int(power or 1) != dimension:
        raise BadUnit(
            f"'{text}' is no unit of {POWER_NAMES[dimension]}, which {column.name} is.", f"Write such as {expected}."
        )
    if base == "voxel" and power is not None and int(power) != dimension:
        raise BadUnit(f"'{text}' is no unit of {POWER_NAMES[dimension]}, which {column.name} is.", "Write voxel.")
    return str(base)


def factor(column: Column, unit: str, voxel: tuple[float, float, float] | None, axis: str | None) -> float:
    """What a value in `unit` is multiplied by. `axis` (x, y or z) of a coordinate, else None. Raises BadUnit."""
    dimension = column.dimension
    assert dimension is not None
    if unit != "voxel":
        return float(LENGTHS[unit] ** dimension)
    if voxel is None:
        raise BadUnit(
            f"{column.name} is in voxels and no size of a voxel is stated.",
            "Add voxel_size_nm = { x = 8, y = 8, z = 8 }.",
        )
    if axis is not None:
        return voxel["xyz".index(axis)]
    if dimension == 3:
        return voxel[0] * voxel[1] * voxel[2]
    if len(set(voxel)) > 1:
        size = " x ".join(f"{part:g}" for part in voxel)
        raise BadUnit(
            f"{column.name} is a {POWER_NAMES[dimension]} in voxels of {size} nm: unequal voxels have no one length.",
            "Give it in nm or um, computed from coordinates in nm.",
        )
    return float(voxel[0] ** dimension)


def _write(unit: str, dimension: int) -> str:
    return unit if dimension == 1 or unit == "voxel" else f"{unit}{dimension}"
