"""Meshes and skeletons: from the paths in a table to checked, measured files that are ready to be stored.

Paths stay inside the folder. A file is stored under its checksum, so the same one is kept once however often it is
loaded; a mesh is stored as .glb. What a file measures fills the columns its table leaves empty; where the table has a
value too, that stands and is compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl

from syndb_graphql.ingest.columns import Role
from syndb_graphql.ingest.config import FILE_KINDS, FileConfig, Scale
from syndb_graphql.ingest.findings import note
from syndb_graphql.ingest.folder import inside
from syndb_graphql.ingest.mesh import convert_mesh
from syndb_graphql.ingest.origins import Origins
from syndb_graphql.ingest.parquet import POLARS_TYPES, file_sha256
from syndb_graphql.ingest.report import BadFile, Finding, Report, Severity
from syndb_graphql.ingest.skeleton import measure_skeleton
from syndb_graphql.ingest.tables import TableInput
from syndb_graphql.spec.model import Kind, Table, Term

TOLERANCE = 0.01
"""Relative difference between a table's value and its file's over which the row is named: methods differ by less."""
MAX_FILES = 1_000_000
GLB, SWC = "model/gltf-binary", "text/plain"
GIVEN = "GIVEN"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be stored."""

    key: str
    path: Path
    sha256: str
    content_type: str


class FileStage:
    """The files of one load. Meshes are converted into `scratch`."""

    def __init__(
        self, folder: Path, scratch: Path, dataset_id: UUID, configs: Mapping[str, FileConfig], report: Report
    ) -> None:
        self._folder, self._scratch, self._dataset_id = folder, scratch, dataset_id
        self._configs = configs
        self._report = report
        self._values: dict[tuple[str, str], dict[str, Any] | None] = {}
        self.checksums: dict[str, str] = {}
        """Of the files as they lie in the folder, by path."""
        self.uploads: dict[str, Upload] = {}
        """By key."""

    def collect(self, source: TableInput) -> None:
        """Find and checksum every file that a table names; what is missing is reported at its row."""
        named: dict[str, str] = {}
        for term, column in source.layout.by_role[Role.PATH].items():
            for batch in source.file.batches([column]):
                given = batch.frame[column]
                wrong: dict[str, BadFile] = {}
                for name in given.cast(pl.String).str.strip_chars().unique().drop_nulls():
                    if not name:
                        continue
                    named[term] = column
                    if name in self.checksums:
                        continue
                    try:
                        self.checksums[name] = file_sha256(inside(self._folder, name))
                    except BadFile as error:
                        wrong[name] = error
                    if len(self.checksums) > MAX_FILES:
                        raise BadFile("too-many-files", f"Over {MAX_FILES:,} files are named.", "Split the data set.")
                for name, problem in wrong.items():
                    where = (given.cast(pl.String).str.strip_chars() == name).fill_null(value=False)
                    rows = pl.Series(range(batch.first_row, batch.first_row + len(given)))
                    note(
                        self._report,
                        rule=problem.rule,
                        file=source.name,
                        column=column,
                        where=where,
                        rows=rows,
                        values=given,
                        message=f"The {term}: {problem}",
                        remedy=problem.remedy,
                    )
        self._check_configured(source, named)

    def fill(
        self,
        table: Table,
        term: Term,
        given: pl.Series,
        columns: Mapping[str, pl.Series],
        rows: pl.Series,
        file: str,
        origins: Origins,
    ) -> dict[str, pl.Series]:
        """The files' records and measures, row by row. `given`: paths; `columns`: what the table states itself."""
        names = given.cast(pl.String).str.strip_chars().replace("", None).rename("path")
        records = {name: self._stage(term, name) for name in names.unique().drop_nulls()}
        measured = _measured_columns(table, term)
        schema = {column.name: POLARS_TYPES[column.type.name] for column in term.columns}
        schema |= {name: POLARS_TYPES[table.column[name].type.name] for name in measured}
        found = [{"path": name, **record} for name, record in records.items() if record is not None]
        frame = pl.DataFrame(found, schema={"path": pl.String(), **schema})
        spread = names.to_frame().join(frame, on="path", how="left", maintain_order="left")
        filled: dict[str, pl.Series] = {column.name: spread[column.name] for column in term.columns}
        for column in term.columns:
            origins.count(column.name, derived=len(names) - spread[column.name].null_count())
        for name in measured:
            stated = columns.get(name)
            if stated is None:
                origins.count(name, derived=len(names) - spread[name].null_count())
                filled[name] = spread[name]
            else:
                self._compare(term, name, stated, spread[name], rows, file)
                origins.count(name, derived=int((stated.is_null() & spread[name].is_not_null()).sum()))
                filled[name] = stated.fill_null(spread[name])
        method = f"{term.name}_file_volume_method"
        if method in filled and "mesh_volume" in columns:
            by_hand = columns["mesh_volume"].is_not_null() & filled[method].is_not_null()
            filled[method] = pl.Series([GIVEN]).new_from_index(0, len(names)).zip_with(by_hand, filled[method])
        return filled

    # ── One file ──
    def _stage(self, term: Term, name: str) -> dict[str, Any] | None:
        """Values of the file's columns and of what it measures, by column; None where it cannot be had."""
        key = (term.name, name)
        if key not in self._values:
            config = self._configs.get(term.kind.value)
            try:
                known = config is not None and name in self.checksums
                self._values[key] = self._measure(term, name, config) if known and config else None
            except BadFile as error:
                self._values[key] = None
                self._report.add(
                    Finding(
                        severity=Severity.ERROR,
                        rule=error.rule,
                        file=name,
                        row=error.row,
                        value=error.value,
                        message=str(error),
                        remedy=error.remedy,
                    )
                )
        return self._values[key]

    def _measure(self, term: Term, name: str, config: FileConfig) -> dict[str, Any]:
        source = inside(self._folder, name)
        if term.kind is Kind.MESH:
            return self._measure_mesh(term, name, source, config)
        skeleton = measure_skeleton(source, config.scale)
        record = self._record(term, source, source.stem + ".swc", SWC, self.checksums[name], config)
        return record | {
            f"{term.name}_file_point_count": skeleton.point_count,
            f"{term.name}_file_tree_count": skeleton.n_trees,
            "cable_length": skeleton.cable_length,
            "n_branches": skeleton.n_branches,
            "n_leaves": skeleton.n_leaves,
            "n_trees": skeleton.n_trees,
            "is_tree": skeleton.is_tree,
            **_corner("bounding_box_min", skeleton.bounding_box_min, config.offset),
            **_corner("bounding_box_max", skeleton.bounding_box_max, config.offset),
        }

    def _measure_mesh(self, term: Term, name: str, source: Path, config: FileConfig) -> dict[str, Any]:
        # By its content: one mesh under two names is one file.
        target = self._scratch / f"{self.checksums[name]}.glb"
        mesh = convert_mesh(source, target, config.scale)
        for warning in mesh.warnings:
            self._report.add(
                Finding(
                    severity=Severity.WARNING,
                    rule="mesh",
                    file=name,
                    message=warning,
                    remedy="Nothing to do if that is so; else repair the mesh.",
                )
            )
        record = self._record(term, target, source.stem + ".glb", GLB, file_sha256(target), config)
        return record | {
            f"{term.name}_file_watertight": mesh.watertight,
            f"{term.name}_file_volume_method": mesh.volume_method,
            f"{term.name}_file_boundary_edges": mesh.boundary_edges,
            f"{term.name}_file_vertex_count": mesh.vertex_count,
            f"{term.name}_file_face_count": mesh.face_count,
            "mesh_volume": mesh.volume,
            "mesh_surface_area": mesh.surface_area,
        }

    def _record(
        self, term: Term, path: Path, name: str, content_type: str, sha256: str, config: FileConfig
    ) -> dict[str, Any]:
        key = f"{self._dataset_id}/files/{sha256}{path.suffix.lower()}"
        self.uploads[key] = Upload(key, path, sha256, content_type)
        facts = {
            "key": key,
            "name": name,
            "size": path.stat().st_size,
            "sha256": sha256,
            "content_type": content_type,
            "unit": config.unit,
            "scale_x": config.scale[0],
            "scale_y": config.scale[1],
            "scale_z": config.scale[2],
        }
        return {f"{term.name}_file_{fact}": value for fact, value in facts.items()}

    # ── What is wrong ──
    def _check_configured(self, source: TableInput, kinds: Mapping[str, str]) -> None:
        for term, column in kinds.items():
            kind = source.config.table.term[term].kind.value
            assert kind in FILE_KINDS
            if kind not in self._configs:
                message = f"The unit of the {kind} files is not stated."
                units = 'unit = "nm" (or um, mm, m, angstrom; voxel with scale_to_nanometer)'
                remedy = f"Add to dataset.toml [files.{kind}] with {units}."
                self._report.add(
                    Finding(
                        severity=Severity.ERROR,
                        rule="unit-missing",
                        file=source.name,
                        row=1,
                        column=column,
                        message=message,
                        remedy=remedy,
                    )
                )

    def _compare(
        self, term: Term, name: str, stated: pl.Series, measured: pl.Series, rows: pl.Series, file: str
    ) -> None:
        both = stated.is_not_null() & measured.is_not_null()
        if stated.dtype.is_float():
            differs = both & ((stated - measured).abs() > TOLERANCE * measured.abs()).fill_null(value=False)
        else:
            differs = both & (stated != measured).fill_null(value=False)
        note(
            self._report,
            rule="differs-from-file",
            file=file,
            column=name,
            where=differs,
            rows=rows,
            values=stated,
            message=f"The table and the {term.name} file give another {name}; the table's value is kept.",
            remedy="Check the units of the table and of the file, or leave the column out to have it measured.",
            severity=Severity.WARNING,
        )


def _measured_columns(table: Table, term: Term) -> list[str]:
    """Columns of the table that this kind of file measures."""
    if term.kind is Kind.MESH:
        names = ["mesh_volume", "mesh_surface_area"]
    else:
        box = [f"bounding_box_{end}_{axis}" for end in ("min", "max") for axis in "xyz"]
        names = ["cable_length", "n_branches", "n_leaves", "n_trees", "is_tree", *box]
    return [name for name in names if name in table.column]


def _corner(name: str, point: Scale, offset: Scale) -> dict[str, float]:
    return {f"{name}_{axis}": part + move for axis, part, move in zip("xyz", point, offset, strict=True)}
