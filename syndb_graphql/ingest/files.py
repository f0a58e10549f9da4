"""Meshes and skeletons: from the paths in a table to checked, measured files that are ready to be stored.

Paths stay inside the folder. A file is stored under its checksum, so the same one is kept once however often it is
loaded; a mesh is stored as .glb. What a file measures fills the columns its table leaves empty; where the table has a
value too, that stands and is compared.
"""

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl

from syndb_graphql.ingest.columns import Role
from syndb_graphql.ingest.config import FILE_KINDS, FileConfig, Scale
from syndb_graphql.ingest.findings import note
from syndb_graphql.ingest.folder import inside
from syndb_graphql.ingest.measuring import Outcome, Task
from syndb_graphql.ingest.measuring_pool import measure_files
from syndb_graphql.ingest.mesh import MeshMeasures
from syndb_graphql.ingest.origins import Origins
from syndb_graphql.ingest.parquet import POLARS_TYPES, file_sha256
from syndb_graphql.ingest.report import BadFile, Finding, Report, Severity
from syndb_graphql.ingest.skeleton import SkeletonMeasures
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
        self._wanted: dict[tuple[str, str], Term] = {}
        """What is to be measured, by term and path, in the order of the tables."""
        self._values: dict[tuple[str, str], dict[str, Any]] = {}
        """Of the files that could be measured."""
        self.checksums: dict[str, str] = {}
        """Of the files as they lie in the folder, by path."""
        self.uploads: dict[str, Upload] = {}
        """By key."""

    def collect(self, source: TableInput) -> None:
        """Find and checksum every file that a table names; what is missing is reported at its row."""
        named: dict[str, str] = {}
        terms = source.config.table.term
        for term, column in source.layout.by_role[Role.PATH].items():
            for batch in source.file.batches([column]):
                given = batch.frame[column]
                wrong: dict[str, BadFile] = {}
                for name in given.cast(pl.String).str.strip_chars().unique(maintain_order=True).drop_nulls():
                    if not name:
                        continue
                    named[term] = column
                    self._wanted[term, name] = terms[term]
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
        records = {name: self._values.get((term.name, name)) for name in names.unique(maintain_order=True).drop_nulls()}
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
    @property
    def measurable(self) -> int:
        """Files that were collected and can be measured."""
        return sum(self._config(*key) is not None for key in self._wanted)

    async def measure(self, *, processes: int | None = None) -> AsyncGenerator[int, None]:
        """Measure every file that was collected; what is wrong is reported in the order of the tables.

        Yields how many are done. `processes`: as of `measure_files`.
        """
        wanted = {key: config for key in self._wanted if (config := self._config(*key)) is not None}
        tasks = [self._task(*key, config) for key, config in wanted.items()]
        async with aclosing(measure_files(tasks, processes=processes)) as outcomes:
            for done, (key, config) in enumerate(wanted.items(), start=1):
                self._keep(key, config, await anext(outcomes))
                yield done

    def _config(self, term: str, name: str) -> FileConfig | None:
        """How a file is measured; None where it cannot be, which is reported."""
        return self._configs.get(self._wanted[term, name].kind.value) if name in self.checksums else None

    def _task(self, term: str, name: str, config: FileConfig) -> Task:
        source = inside(self._folder, name)
        if self._wanted[term, name].kind is not Kind.MESH:
            return Task(str(source), config.scale)
        # By its content: one mesh under two names is one file.
        return Task(str(source), config.scale, str(self._scratch / f"{self.checksums[name]}.glb"))

    def _keep(self, key: tuple[str, str], config: FileConfig, outcome: Outcome) -> None:
        term, name = self._wanted[key], key[1]
        if outcome.errno is not None:
            raise OSError(outcome.errno, os.strerror(outcome.errno), name)
        if error := outcome.refusal:
            self._report.add(
                Finding(
                    severity=Severity.ERROR,
                    rule=error.rule,
                    file=name,
                    row=error.row,
                    value=error.value,
                    message=error.message,
                    remedy=error.remedy,
                )
            )
        elif outcome.mesh:
            self._values[key] = self._of_mesh(term, name, outcome.mesh, outcome.sha256, config)
        elif outcome.skeleton:
            self._values[key] = self._of_skeleton(term, name, outcome.skeleton, config)

    def _of_skeleton(self, term: Term, name: str, skeleton: SkeletonMeasures, config: FileConfig) -> dict[str, Any]:
        """Values of the file's columns and of what it measures, by column."""
        source = inside(self._folder, name)
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

    def _of_mesh(self, term: Term, name: str, mesh: MeshMeasures, sha256: str, config: FileConfig) -> dict[str, Any]:
        target = self._scratch / f"{self.checksums[name]}.glb"
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
        record = self._record(term, target, inside(self._folder, name).stem + ".glb", GLB, sha256, config)
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
