"""Area/volume ratio and sphericity: computed where a row has volume and area, compared where it also states them."""

import math
from collections.abc import Mapping

import polars as pl

from syndb_graphql.ingest.columns import Layout, Role
from syndb_graphql.ingest.findings import note
from syndb_graphql.ingest.origins import Origins
from syndb_graphql.ingest.report import Report, Severity
from syndb_graphql.spec.model import Table

VOLUME, AREA, RATIO, SPHERICITY = "mesh_volume", "mesh_surface_area", "mesh_area_volume_ratio", "mesh_sphericity"
TOLERANCE = 1e-3
"""Relative difference between a stated and a computed value over which the row is named."""


def fill_shapes(
    table: Table,
    columns: Mapping[str, pl.Series],
    rows: pl.Series,
    layout: Layout,
    report: Report,
    origins: Origins,
) -> dict[str, pl.Series]:
    """Ratio and sphericity (nm⁻¹, 1) of a batch in nm; nothing for tables without them."""
    filled: dict[str, pl.Series] = {}
    if VOLUME in columns and AREA in columns and {RATIO, SPHERICITY} <= table.column.keys():
        frame = pl.DataFrame({"volume": columns[VOLUME], "area": columns[AREA]})
        usable = (pl.col("volume") > 0) & (pl.col("area") > 0)
        computed = frame.select(
            pl.when(usable).then(pl.col("area") / pl.col("volume")).alias(RATIO),
            pl.when(usable)
            .then(math.pi ** (1 / 3) * (6 * pl.col("volume")) ** (2 / 3) / pl.col("area"))
            .alias(SPHERICITY),
        )
        for name in (RATIO, SPHERICITY):
            filled[name] = _merge(name, columns.get(name), computed[name], rows, layout, report, origins)
    return filled


def _merge(
    name: str,
    stated: pl.Series | None,
    computed: pl.Series,
    rows: pl.Series,
    layout: Layout,
    report: Report,
    origins: Origins,
) -> pl.Series:
    if stated is None:
        origins.count(name, derived=len(computed) - computed.null_count())
        return computed
    both = stated.is_not_null() & computed.is_not_null()
    differs = both & ((stated / computed - 1).abs() > TOLERANCE).fill_null(value=True)
    note(
        report,
        rule="differs-from-computed",
        file=layout.file,
        column=layout.by_role[Role.PLAIN].get(name, name),
        where=differs,
        rows=rows,
        values=stated,
        message=f"{name} differs by over {TOLERANCE:.1%} from what volume and area give; the stated value is kept.",
        remedy="Leave the column out to have it computed, or correct volume, area or units.",
        severity=Severity.WARNING,
    )
    origins.count(name, derived=int((stated.is_null() & computed.is_not_null()).sum()))
    return stated.fill_null(computed)
