"""What is written down of a data set: its metadata (a revision) and of each version of its rows.

Both are immutable JSON, written before the head points to them, and read whole into memory by every server.
Terms are kept by their canonical name in the vocabulary; uuids as text; times as UTC.
"""

from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

DATASET_NAMESPACE = uuid5(NAMESPACE_URL, "https://syndb.example/dataset")


def derive_dataset_id(owner: str, label: str) -> UUID:
    """The id of a data set that states none: the same everywhere, so that a repeated load finds it."""
    return uuid5(DATASET_NAMESPACE, f"{owner}\n{label}")


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything written down; unknown keys of a newer writer are ignored."""


class BrainRegion(Record, frozen=True, kw_only=True, omit_defaults=True):
    structure: str
    direction: str | None = None


class GeneMutation(Record, frozen=True, kw_only=True, omit_defaults=True):
    gene: str
    expression: str
    allele: str | None = None
    rrid: str | None = None
    role: str = "mutation"
    """mutation | driver | reporter"""


class Sample(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What honest statistics need, all of it optional: animals, not synapses, are counted. Lengths in nm."""

    individuals: int | None = None
    individual_id: str | None = None
    sex: str | None = None
    age: float | None = None
    age_unit: str | None = None
    stage: str | None = None
    strain: str | None = None
    strain_rrid: str | None = None
    hemisphere: str | None = None
    condition: str | None = None
    fixation: str | None = None
    shrinkage: str | None = None
    shrinkage_factor: float | None = None
    voxel_size_nm: tuple[float, float, float] | None = None
    """x, y, z"""
    section_thickness_nm: float | None = None
    imaged_box_nm: tuple[float, float, float, float, float, float] | None = None
    """min x, y, z, max x, y, z"""
    sampled_volume_um3: float | None = None
    segmentation: str | None = None
    proofreading: str | None = None
    synapse_detection: str | None = None
    detection_threshold: float | None = None
    completeness: float | None = None
    sampling: str | None = None
    """dense | targeted | random"""
    inclusion: str | None = None


class DatasetRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One revision of the metadata."""

    uuid: UUID
    label: str
    owner: str
    animal: str
    microscopy: str
    license: str
    brain_regions: tuple[BrainRegion, ...]
    mutations: tuple[GeneMutation, ...] = ()
    wild_type: bool | None = None
    publications: tuple[str, ...] = ()
    """DOIs in their bare form, lower case as DOIs compare."""
    notes: str | None = None
    sample: Sample | None = None
    created_at: datetime
    updated_at: datetime


class ColumnSummary(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What one column of one version holds. `origin`: given | derived | mixed | absent."""

    origin: str
    count: int
    """Values that are not null."""
    nulls: int
    minimum: float | None = None
    maximum: float | None = None


class TableSummary(Record, frozen=True, kw_only=True, omit_defaults=True):
    rows: int
    checksum: int
    """As `RowsSummary.checksum` of the store."""
    columns: dict[str, ColumnSummary]
    parquet: tuple["ParquetFile", ...] = ()


class ParquetFile(Record, frozen=True, kw_only=True, omit_defaults=True):
    key: str
    rows: int
    size: int
    sha256: str


class VersionRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One version of the rows."""

    number: int
    fingerprint: str
    """Of the files, [tables], [files] and the schema: a load with the same one changes nothing."""
    metadata_fingerprint: str
    published_at: datetime
    tables: dict[str, TableSummary]
    files: tuple[str, ...] = ()
    """Keys of the meshes and skeletons the rows refer to."""
    retired_at: datetime | None = None
    warnings: int = 0


class TableDigest(Record, frozen=True, kw_only=True, omit_defaults=True):
    rows: int


class VersionDigest(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What is held of a version for each data set; made out of its record seven times faster than all of it."""

    published_at: datetime
    tables: dict[str, TableDigest]


def encode_record(record: Record) -> bytes:
    return msgspec.json.encode(record)


def decode_dataset(data: bytes) -> DatasetRecord:
    return msgspec.json.decode(data, type=DatasetRecord)


def decode_version(data: bytes) -> VersionRecord:
    return msgspec.json.decode(data, type=VersionRecord)


def decode_digest(data: bytes) -> VersionDigest:
    """Of a version's record."""
    return msgspec.json.decode(data, type=VersionDigest)
