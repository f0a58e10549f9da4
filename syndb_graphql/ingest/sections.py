"""The shape of dataset.toml as structs, and a check of parsed TOML against them that finds every mistake."""

import math
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from syndb_graphql.spec.naming import nearest

Line = Annotated[str, Meta(min_length=1, max_length=200)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]


class _Section(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Axes(_Section, frozen=True, kw_only=True):
    x: float
    y: float
    z: float

    def as_tuple(self) -> tuple[float, float, float]:
        return (self.x, self.y, self.z)


class Size(Axes, frozen=True, kw_only=True):
    x: Positive
    y: Positive
    z: Positive


class Box(_Section, frozen=True, kw_only=True):
    min: Axes
    max: Axes


class RegionSection(_Section, frozen=True, kw_only=True):
    structure: Line
    direction: str = "none"


class MutationSection(_Section, frozen=True, kw_only=True):
    gene: Annotated[str, Meta(min_length=1, max_length=100)]
    expression: Line
    allele: Line | None = None
    rrid: Line | None = None
    role: Literal["mutation", "driver", "reporter"] = "mutation"


class SampleSection(_Section, frozen=True, kw_only=True):
    individuals: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    individual_id: Line | None = None
    sex: Line | None = None
    age: NotNegative | None = None
    age_unit: Line | None = None
    stage: Line | None = None
    strain: Line | None = None
    strain_rrid: Line | None = None
    hemisphere: Line | None = None
    condition: Line | None = None
    fixation: Annotated[str, Meta(max_length=1000)] | None = None
    shrinkage: Literal["none", "corrected", "unknown"] | None = None
    shrinkage_factor: Positive | None = None
    voxel_size_nm: Size | None = None
    section_thickness_nm: Positive | None = None
    imaged_box_nm: Box | None = None
    sampled_volume_um3: Positive | None = None
    segmentation: Annotated[str, Meta(max_length=1000)] | None = None
    proofreading: Annotated[str, Meta(max_length=1000)] | None = None
    synapse_detection: Annotated[str, Meta(max_length=1000)] | None = None
    detection_threshold: float | None = None
    completeness: float | None = None
    sampling: Literal["dense", "targeted", "random"] | None = None
    inclusion: Annotated[str, Meta(max_length=1000)] | None = None


class DatasetSection(_Section, frozen=True, kw_only=True):
    id: UUID | None = None
    label: Annotated[str, Meta(min_length=1, max_length=120)]
    animal: Line
    microscopy: Line
    license: Line | None = None
    publications: Annotated[tuple[str, ...], Meta(max_length=100)] = ()
    wild_type: bool | None = None
    notes: Annotated[str, Meta(max_length=5000)] | None = None
    brain_regions: Annotated[tuple[RegionSection, ...], Meta(min_length=1, max_length=300)]
    mutations: Annotated[tuple[MutationSection, ...], Meta(max_length=100)] = ()
    sample: SampleSection | None = None


class TableSection(_Section, frozen=True, kw_only=True):
    file: Line | Annotated[tuple[Line, ...], Meta(min_length=1, max_length=10_000)] | None = None
    sheet: Line | None = None
    header_row: Annotated[int, Meta(ge=1, le=1000)] | None = None
    encoding: Line | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", "_"] | None = None
    columns: dict[str, str] = {}
    ignore: Annotated[tuple[str, ...], Meta(max_length=1000)] = ()
    length_unit: str | None = None
    voxel_size_nm: Size | None = None
    units: dict[str, str] = {}
    axes: str = "xyz"


class FilesSection(_Section, frozen=True, kw_only=True):
    unit: str
    scale_to_nanometer: Positive | Size | None = None
    offset_nm: float | Axes | None = None


class KindsSection(_Section, frozen=True, kw_only=True):
    mesh: FilesSection | None = None
    skeleton: FilesSection | None = None


class RootSection(_Section, frozen=True, kw_only=True):
    dataset: DatasetSection
    tables: dict[str, TableSection] = {}
    files: KindsSection = KindsSection()


Add = Callable[[str, str, str, object], None]
"""Takes a key, a message, a remedy and the value."""
Shape = TypeVar("Shape", bound=msgspec.Struct)


def check_section(data: object, shape: type[Shape], key: str, add: Add) -> Shape | None:
    """`data` as a `shape`, or None with every mistake below `key` told to `add`."""
    if not isinstance(data, dict):
        add(key, f"'{key}' should be a table of keys, not {_kind(data)}.", f"Write it as [{key}].", None)
        return None
    fields = {field.name: field for field in msgspec.structs.fields(shape)}
    prefix = f"{key}." if key else ""
    good = True
    for name in data:
        if name not in fields:
            add(
                f"{prefix}{name}",
                f"There is no key '{name}'.{nearest(name, fields)}",
                f"The keys are {', '.join(fields)}.",
                None,
            )
            good = False
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in data:
            value = _check_value(data[name], field.type, f"{prefix}{name}", add)
            good = good and value is not _BAD
            values[name] = value
        elif field.required:
            add(f"{prefix}{name}", f"'{name}' is missing.", _example(prefix, name), None)
            good = False
    return shape(**values) if good else None


_BAD: Any = object()


def _check_value(value: object, type_: Any, key: str, add: Add) -> Any:
    inner = _struct_in(type_)
    if inner is not None and isinstance(value, dict) and typing.get_origin(_bare(type_)) not in (tuple, dict):
        found = check_section(value, inner, key, add)
        return _BAD if found is None else found
    if inner is not None and isinstance(value, list):
        found_all = [check_section(entry, inner, f"{key}[{index}]", add) for index, entry in enumerate(value)]
        if None in found_all:
            return _BAD
        return _convert(value, type_, key, add)
    if inner is not None and isinstance(value, dict):
        found_by = {name: check_section(entry, inner, f"{key}.{name}", add) for name, entry in value.items()}
        return _BAD if None in found_by.values() else found_by
    return _convert(value, type_, key, add)


def _convert(value: object, type_: Any, key: str, add: Add) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        add(key, f"'{key}' is {value}, not a finite number.", "Leave out what is not known.", value)
        return _BAD
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        if value == "":
            prefix, _, name = key.rpartition(".")
            add(key, f"'{key}' is empty.", _example(f"{prefix}.", name), None)
        else:
            add(key, f"'{key}': {str(error).split(' - at ')[0]}.", "Correct the value.", value)
        return _BAD


def _bare(type_: Any) -> Any:
    """Without Annotated and without `| None`."""
    if typing.get_origin(type_) is Annotated:
        return _bare(typing.get_args(type_)[0])
    if typing.get_origin(type_) in (typing.Union, types.UnionType):
        rest = [part for part in typing.get_args(type_) if part is not type(None)]
        return _bare(rest[0]) if len(rest) == 1 else type_
    return type_


def _struct_in(type_: Any) -> type[msgspec.Struct] | None:
    """The one struct a type holds: itself, each of a tuple, each value of a dict, or one choice of a union."""
    bare = _bare(type_)
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        return bare
    for part in typing.get_args(bare):
        found = _struct_in(part)
        if found is not None:
            return found
    return None


def _kind(value: object) -> str:
    return {str: "text", int: "a number", float: "a number", bool: "true or false", list: "a list"}.get(
        type(value), "that"
    )


_EXAMPLES = {
    "dataset.label": 'label = "Hemibrain DA1 projection neurons"',
    "dataset.animal": 'animal = "Drosophila melanogaster"',
    "dataset.microscopy": 'microscopy = "FIB-SEM"',
    "dataset.brain_regions": '[[dataset.brain_regions]] with structure = "antennal lobe"',
}


def _example(prefix: str, name: str) -> str:
    if name == "dataset":
        return "Begin the file with [dataset]."
    return f"Add {_EXAMPLES.get(prefix + name, name)}."
