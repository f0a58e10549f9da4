"""Reads dataset.toml: strict, every mistake at once, terms by any of their names.

The shape of the file is the `…Section` structs (an unknown key is an error with the nearest known one); what comes out
is checked values: the metadata in the vocabularies' words, and how each table and kind of file is to be read.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from syndb_graphql.catalog.doi import parse_doi
from syndb_graphql.catalog.records import BrainRegion, DatasetRecord, GeneMutation, Sample, derive_dataset_id
from syndb_graphql.catalog.vocabulary import Vocabulary, build_vocabularies
from syndb_graphql.errors import BadInput
from syndb_graphql.ingest.folder import inside
from syndb_graphql.ingest.readers.batch import ReadSettings
from syndb_graphql.ingest.readers.encoding import check_encoding
from syndb_graphql.ingest.report import BadFile, Finding, Report, Severity
from syndb_graphql.ingest.sections import (
    Axes,
    DatasetSection,
    FilesSection,
    RootSection,
    SampleSection,
    TableSection,
    check_section,
)
from syndb_graphql.ingest.units import FILE_UNITS, LENGTHS, nanometers_of
from syndb_graphql.spec.model import Model, Table
from syndb_graphql.spec.naming import nearest

CONFIG_NAME = "dataset.toml"
MAX_CONFIG_BYTES = 1024 * 1024
MAX_POINTS = 1000
"""Of a line: the time to read a key a.b.c… grows with the square of its parts."""
DEFAULT_LICENSE = "ODC-BY-1.0"
FILE_KINDS = ("mesh", "skeleton")

Scale = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class TableConfig:
    """How one table is to be read."""

    table: Table
    files: tuple[str, ...] = ()
    """Names and patterns (`part-*.csv`), relative to the folder; none: the file with the table's name."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """The file's name of a column → ours."""
    length_unit: str | None = None
    voxel: Scale | None = None
    """Size of a voxel in nm: x, y, z."""
    units: Mapping[str, str] = field(default_factory=dict)
    axes: str = "xyz"
    ignore: tuple[str, ...] = ()
    """Columns of the file that are left out."""
    read: ReadSettings = field(default_factory=ReadSettings)
    thousands: str = ""
    """What parts the thousands of numbers in text."""


@dataclass(frozen=True, slots=True)
class FileConfig:
    """The unit of a kind of files, and what takes its coordinates to nm: `coordinate * scale + offset`."""

    unit: str
    scale: Scale
    offset: Scale = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class LoadConfig:
    record: DatasetRecord
    """With `created_at` and `updated_at` of this moment."""
    tables: Mapping[str, TableConfig]
    """Of every table of the model, whether the folder has it or not."""
    files: Mapping[str, FileConfig]
    """By kind: mesh, skeleton. Only those stated."""
    layout: bytes
    """What of the file makes a version of the rows and not of the metadata: [tables] and [files], canonical."""


def read_config(folder: Path, model: Model, owner: str, now: datetime, report: Report) -> LoadConfig | None:
    """The checked contents of `folder/dataset.toml`; None, with the findings in `report`, where something is wrong."""
    data = _read_toml(folder, report)
    if data is None:
        return None
    problems = _Problems(report)
    root = check_section(data, RootSection, "", problems.add)
    _check_tables_known(data.get("tables"), model, problems)
    if root is None or problems.errors:
        return None
    record = _build_record(root.dataset, build_vocabularies(model), owner, now, problems)
    tables = {name: _build_table(model.tables[name], root.tables.get(name), problems) for name in model.tables}
    files = {}
    for kind in FILE_KINDS:
        section: FilesSection | None = getattr(root.files, kind)
        if section is not None:
            built = _build_file(kind, section, problems)
            if built:
                files[kind] = built
    if problems.errors or record is None:
        return None
    layout = msgspec.json.encode([data.get("tables", {}), data.get("files", {})], order="sorted")
    return LoadConfig(record, tables, files, layout)


class _Problems:
    """Findings about dataset.toml; the key stands where a table has its column."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.errors = 0

    def add(self, key: str, message: str, remedy: str, value: object = None, *, rule: str = "bad-setting") -> None:
        self.errors += 1
        shown = None if value is None else str(value)
        self._report.add(
            Finding(
                severity=Severity.ERROR,
                rule=rule,
                file=CONFIG_NAME,
                column=key,
                value=shown,
                message=message,
                remedy=remedy,
            )
        )

    def warn(self, key: str, message: str, remedy: str, *, rule: str) -> None:
        self._report.add(
            Finding(severity=Severity.WARNING, rule=rule, file=CONFIG_NAME, column=key, message=message, remedy=remedy)
        )


def _read_toml(folder: Path, report: Report) -> dict[str, Any] | None:
    def add(rule: str, message: str, remedy: str) -> None:
        report.add(Finding(severity=Severity.ERROR, rule=rule, file=CONFIG_NAME, message=message, remedy=remedy))

    if not folder.is_dir():
        add("no-folder", f"{folder} is no folder.", "Name the folder that holds dataset.toml and the tables.")
        return None
    try:
        path = inside(folder, CONFIG_NAME)
        if path.stat().st_size > MAX_CONFIG_BYTES:
            add("too-large", f"{CONFIG_NAME} is over {MAX_CONFIG_BYTES:,} bytes.", "Keep data in tables.")
            return None
        text = path.read_bytes().decode("utf-8-sig")
        if any(line.count(".") > MAX_POINTS for line in text.splitlines()):
            add("bad-toml", f"A line of {CONFIG_NAME} has over {MAX_POINTS:,} points.", "Break the line.")
            return None
        return tomllib.loads(text)
    except BadFile as error:
        if (folder / CONFIG_NAME).is_symlink() or (folder / CONFIG_NAME).exists():
            add(error.rule, str(error), error.remedy)
        else:
            add("no-config", f"There is no {CONFIG_NAME} in {folder}.", f"Describe the data set in {CONFIG_NAME}.")
    except UnicodeDecodeError:
        add("not-utf8", f"{CONFIG_NAME} is not in UTF-8.", "Save it as UTF-8.")
    except RecursionError:
        add("bad-toml", f"{CONFIG_NAME} is nested too deep.", "Nothing in it is nested over three deep.")
    except ValueError as error:  # also what is no TOML at all
        add(
            "bad-toml", f"{CONFIG_NAME} is no TOML: {error}.", "Mend the line it names; text stands in quotation marks."
        )
    except OSError as error:
        add("unreadable-file", f"{CONFIG_NAME} cannot be read: {error.strerror}.", "Check its rights.")
    return None


def _check_tables_known(tables: object, model: Model, problems: _Problems) -> None:
    if not isinstance(tables, dict):
        return
    for name in tables:
        if name not in model.tables:
            message = f"There is no table '{name}'.{nearest(name, model.tables)}"
            problems.add(f"tables.{name}", message, f"The tables are {', '.join(model.tables)}.", rule="unknown-table")


def _build_record(
    section: DatasetSection, vocabularies: Mapping[str, Vocabulary], owner: str, now: datetime, problems: _Problems
) -> DatasetRecord | None:
    def term(key: str, vocabulary: str, text: str) -> str:
        try:
            return vocabularies[vocabulary].get(text).name
        except BadInput as error:
            remedy = "Use a term of the vocabulary, one of its synonyms or its CURIE."
            problems.add(key, str(error), remedy, text, rule="unknown-term")
            return text

    label = section.label.strip()
    if not label or not label.isprintable():
        problems.add(
            "dataset.label", "The label is empty or holds a line break or control character.", "Write one line.", label
        )
    if section.license is None:
        message = f"No licence is stated; the data set is given {DEFAULT_LICENSE}."
        problems.warn("dataset.license", message, 'State it: license = "CC-BY-4.0".', rule="default-license")
    if section.wild_type and section.mutations:
        problems.add("dataset.wild_type", "wild_type is true and mutations are listed.", "Keep one of the two.")
    regions = tuple(
        BrainRegion(
            structure=term(f"dataset.brain_regions[{index}].structure", "brain_structure", region.structure),
            direction=None
            if region.direction.strip().casefold() in ("", "none")
            else term(f"dataset.brain_regions[{index}].direction", "direction", region.direction),
        )
        for index, region in enumerate(section.brain_regions)
    )
    mutations = tuple(
        GeneMutation(
            gene=mutation.gene,
            expression=term(f"dataset.mutations[{index}].expression", "expression", mutation.expression),
            allele=mutation.allele,
            rrid=mutation.rrid,
            role=mutation.role,
        )
        for index, mutation in enumerate(section.mutations)
    )
    record = DatasetRecord(
        uuid=section.id or derive_dataset_id(owner, label),
        label=label,
        owner=owner,
        animal=term("dataset.animal", "animal", section.animal),
        microscopy=term("dataset.microscopy", "microscopy", section.microscopy),
        license=term("dataset.license", "license", section.license or DEFAULT_LICENSE),
        brain_regions=tuple(dict.fromkeys(regions)),
        mutations=mutations,
        wild_type=section.wild_type,
        publications=_bare_dois(section.publications, problems),
        notes=(section.notes or "").strip() or None,
        sample=_build_sample(section.sample),
        created_at=now,
        updated_at=now,
    )
    return None if problems.errors else record


def _bare_dois(publications: tuple[str, ...], problems: _Problems) -> tuple[str, ...]:
    dois = []
    for index, given in enumerate(publications):
        doi = parse_doi(given)
        if doi is None:
            problems.add(
                f"dataset.publications[{index}]", f"'{given}' is no DOI.", "Write it as 10.7554/eLife.57443.", given
            )
        else:
            dois.append(doi)
    return tuple(dict.fromkeys(dois))


def _build_sample(section: SampleSection | None) -> Sample | None:
    if section is None:
        return None
    facts = {name: value for name, value in msgspec.structs.asdict(section).items() if value not in (None, "")}
    if section.voxel_size_nm is not None:
        facts["voxel_size_nm"] = section.voxel_size_nm.as_tuple()
    if section.imaged_box_nm is not None:
        facts["imaged_box_nm"] = (*section.imaged_box_nm.min.as_tuple(), *section.imaged_box_nm.max.as_tuple())
    return Sample(**facts) if facts else None


def _build_table(table: Table, section: TableSection | None, problems: _Problems) -> TableConfig:
    if section is None:
        return TableConfig(table)
    key = f"tables.{table.name}"
    if section.length_unit is not None and section.length_unit not in (*LENGTHS, "voxel"):
        known = [*LENGTHS, "voxel"]
        message = f"'{section.length_unit}' is no unit of length.{nearest(section.length_unit, known)}"
        problems.add(f"{key}.length_unit", message, f"The units are {', '.join(known)}.", section.length_unit)
    if section.length_unit == "voxel" and section.voxel_size_nm is None:
        remedy = "Add voxel_size_nm = { x = 8, y = 8, z = 8 }."
        problems.add(f"{key}.voxel_size_nm", "Lengths are in voxels and no size of a voxel is stated.", remedy)
    if sorted(section.axes) != ["x", "y", "z"]:
        problems.add(f"{key}.axes", "The axes are x, y and z in some order.", 'Write axes = "zyx".', section.axes)
    _check_reading(section, key, problems)
    return TableConfig(
        table,
        files=(section.file,) if isinstance(section.file, str) else section.file or (),
        columns=section.columns,
        length_unit=section.length_unit,
        voxel=section.voxel_size_nm.as_tuple() if section.voxel_size_nm else None,
        units=section.units,
        axes=section.axes,
        ignore=section.ignore,
        read=ReadSettings(section.sheet, section.header_row, section.encoding, section.decimal),
        thousands=section.thousands or "",
    )


def _check_reading(section: TableSection, key: str, problems: _Problems) -> None:
    if section.encoding is not None and (wrong := check_encoding(section.encoding)):
        remedy = "Name it as Python does: utf-8, windows-1252, iso-8859-7, shift-jis …"
        problems.add(f"{key}.encoding", wrong, remedy, section.encoding)
    if section.thousands == section.decimal:
        message = f"'{section.decimal}' cannot be both the decimal sign and what parts thousands."
        problems.add(f"{key}.thousands", message, 'Write such as decimal = "," and thousands = ".".', section.thousands)


def _build_file(kind: str, section: FilesSection, problems: _Problems) -> FileConfig | None:
    key = f"files.{kind}"
    if section.unit not in FILE_UNITS:
        message = f"'{section.unit}' is no unit of length.{nearest(section.unit, FILE_UNITS)}"
        problems.add(f"{key}.unit", message, f"The units are {', '.join(FILE_UNITS)}.", section.unit)
        return None
    known = nanometers_of(section.unit)
    stated = _as_scale(section.scale_to_nanometer)
    if stated is None and known is None:
        problems.add(
            f"{key}.scale_to_nanometer", "The unit is voxel, and its size is not stated.", "Add scale_to_nanometer = 8."
        )
        return None
    if stated and known and any(abs(part / known - 1) > 1e-9 for part in stated):
        message = f"A {section.unit} is {known:g} nm, not {' x '.join(f'{part:g}' for part in stated)}."
        problems.add(f"{key}.scale_to_nanometer", message, 'Keep the unit alone, or write unit = "voxel".')
        return None
    scale = stated or (known or 1.0,) * 3
    return FileConfig(section.unit, scale, _as_scale(section.offset_nm) or (0.0, 0.0, 0.0))


def _as_scale(given: float | Axes | None) -> Scale | None:
    if given is None:
        return None
    return given.as_tuple() if isinstance(given, Axes) else (float(given),) * 3
