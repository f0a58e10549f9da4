"""Units at the end of a column's name: `mesh_volume_um3`, `centroid_x (nm)`, `Neck length [µm]`."""

import re

from syndb_graphql.ingest.units import BadUnit, parse_unit
from syndb_graphql.spec.model import Column

_NAME_AND_UNIT = re.compile(
    r"(.+?)[\s_.\-]*[\[(]?\s*((?:nm|um|µm|μm|mm|angstrom|vx|vox|voxels?)\s*\^?\s*[23²³]?)\s*[\])]?", re.I
)


def split_unit(name: str) -> tuple[str, str] | None:
    """The name without its unit, and the unit as it is written; None where it ends in none."""
    found = _NAME_AND_UNIT.fullmatch(name.strip())
    return (found[1], found[2]) if found else None


def as_unit(text: str, column: Column) -> str | None:
    """The unit as dataset.toml would state it of this column; None where it is none of it."""
    if column.dimension is None:
        return None
    text = re.sub(r"^(vx|vox|voxels)$", "voxel", text.strip().casefold())
    bare = re.match(r"[^\d\s^²³]+", text)
    for candidate in (text, f"{bare[0]}{column.dimension}" if bare else text):
        try:
            base = parse_unit(candidate, column)
        except BadUnit:
            continue
        return write_unit(base, column)
    return None


def write_unit(base: str, column: Column) -> str:
    """`um` for a volume is `um3`."""
    return base if base == "voxel" or column.dimension == 1 else f"{base}{column.dimension}"
