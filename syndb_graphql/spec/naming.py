"""Names in one notation from names in another."""

import difflib
import re
from collections.abc import Iterable


def camel(name: str) -> str:
    """`mesh_surface_area` → `meshSurfaceArea`."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def snake(name: str) -> str:
    """`meshSurfaceArea` → `mesh_surface_area`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` with the known name most like this one, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""
