"""A data set that has everything: all tables, every column sometimes null, references of every kind, ids of many scripts.

Synthetic and seeded. Written through the contract of the store, so that it may also hold what no folder of files leads to.
Beside it: two data sets of one label, one of them with a single table, and one that has no row at all.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import polars as pl

from syndb_graphql.catalog.records import (
    BrainRegion,
    ColumnSummary,
    DatasetRecord,
    GeneMutation,
    Sample,
    TableSummary,
    VersionRecord,
    encode_record,
)
from syndb_graphql.ingest.parquet import POLARS_TYPES
from syndb_graphql.spec.identity import derive_cid
from syndb_graphql.spec.model import Column, Kind, Model, Reference, Table, Term
from syndb_graphql.store.protocol import Head, RelatedCount, Snapshot, Store

EVERYTHING = uuid5(NAMESPACE_URL, "everything")
TWINS = (uuid5(NAMESPACE_URL, "twin of one table"), uuid5(NAMESPACE_URL, "twin of no table"))
TWIN_LABEL = "双子 / twins"
ROWS = {"synapse": 60, "neuron_relation": 24, "neuron": 9}
"""Rows of a table; of any other 14."""
NULLS = 0.3
DANGLING = 0.1
NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, UTC)

_SOURCES = ("{}", "Ωμέγα-{}", "神経{}", "a/b %2F {}", '"{}" \\ \u2028', "🧠{}")
_VALUES: dict[str, tuple[Any, ...]] = {
    # 1e306 in a ratio is finite in nm and not in µm.
    "float": (0.0, -0.0, 1.5, 2.0, 1 / 3, 1e-320, 123456789.123456789, 1e22, 1e306, -7.25),
    "int": (0, 1, -1, 2**31 - 1, -(2**31), 42),
    "bigint": (0, 2**63 - 1, -(2**63), 720575940379279123),
    "text": ("", "gaba", "Ωμέγα", "神経細胞", 'a "b" \\ \n\t', "chemical", "\u2028 🧠"),
    "boolean": (True, False),
}
Rows = dict[str, list[dict[str, Any]]]


def make_rows(model: Model, dataset: UUID, seed: int) -> Rows:
    """Rows of every table of a data set; those of a table may refer to any that lie above it."""
    return _Maker(model, dataset.bytes, Random(seed)).make()


@dataclass
class _Maker:
    model: Model
    dataset: bytes
    random: Random
    rows: Rows = field(default_factory=dict)

    def make(self) -> Rows:
        # Identities first: a spine may form its synapse with a terminal whose row is made later.
        for table in self.model.tables.values():
            names = [self.random.choice(_SOURCES).format(number + 1) for number in range(ROWS.get(table.name, 14))]
            self.rows[table.name] = [
                {"cid": derive_cid(self.dataset, table.name, name), "source_id": name} for name in dict.fromkeys(names)
            ]
        for table in self.model.tables.values():
            for number, row in enumerate(self.rows[table.name]):
                # The first row has all that can be had, the second one nothing.
                nulls = {0: 0.0, 1: 1.0}.get(number, NULLS)
                for term in table.terms:
                    row.update(self._term(term, nulls))
                if "owned" in table.relations:
                    self._own(row)
        return self.rows

    def _term(self, term: Term, nulls: float) -> dict[str, Any]:
        if term.kind is Kind.REFERENCE:
            assert term.reference
            return self._refer(term.reference, nulls)
        if term.kind in (Kind.MESH, Kind.SKELETON):
            return self._file(term, nulls)
        return {column.name: self._value(column, nulls) for column in term.columns}

    def _value(self, column: Column, nulls: float) -> Any:
        if self.random.random() < nulls:
            return None
        value = self.random.choice(_VALUES[column.type.name])
        if column.name.startswith("bounding_box") or column.unit == "nm":
            value = abs(value) % 1e9
        return value

    def _file(self, term: Term, nulls: float) -> dict[str, Any]:
        if self.random.random() < nulls:
            return dict.fromkeys(column.name for column in term.columns)
        number = self.random.randrange(10**6)
        known = {
            "key": f"{number:x}/files/{number:064x}.bin",
            "name": self.random.choice(("mesh.glb", "神経 Ω.swc", 'a "b".obj')),
            "size": self.random.choice((0, 7, 2**53 - 1)),
            "sha256": f"{number:064x}",
            "content_type": "model/gltf-binary",
            "unit": self.random.choice(("nm", "voxel")),
            "scale_x": 8.0,
            "scale_y": 4.5,
            "scale_z": 40.0,
            "volume_method": self.random.choice(("CLOSED", "CAPPED", "GIVEN", None)),
        }
        return {
            column.name: known[part] if (part := column.name.partition("_file_")[2]) in known else self._value(column, nulls)
            for column in term.columns
        }  # fmt: skip

    def _refer(self, reference: Reference, nulls: float) -> dict[str, Any]:
        names = [name for name in (reference.id, reference.source, reference.table) if name]
        chance = self.random.random()
        if chance < nulls:
            return dict.fromkeys(names)
        target = self.random.choice(reference.targets)
        if chance < nulls + DANGLING and reference.name not in ("parent", "neuron"):
            # A neuron outside has its uuid all the same; another end only the id it was given by.
            source = f"outside {self.random.randrange(100)}"
            is_neuron = reference.targets == ("neuron",)
            found = derive_cid(self.dataset, target, source) if is_neuron else None
            return dict(zip(names, (found, source, None), strict=False))
        row = self.random.choice(self.rows[target])
        return dict(zip(names, (row["cid"], row["source_id"], target), strict=False))

    def _own(self, row: dict[str, Any]) -> None:
        """The neuron a part belongs to, climbed to where it is not given; parts with a neuron alone are its direct parts."""
        if row["parent_id"] is None and row["neuron_id"] is not None:
            row.update(parent_id=row["neuron_id"], parent_source_id=row["neuron_source_id"], parent_enum="neuron")
        above, owner = row, row["neuron_id"]
        while owner is None and above.get("parent_id") is not None:
            found = {other["cid"]: other for other in self.rows[above["parent_enum"]]}
            above = found[above["parent_id"]]
            owner = above["cid"] if above in self.rows["neuron"] else above.get("neuron_id")
        row["owner_id"] = owner if owner is not None else above["cid"]


# ── Writing ──
async def write_everything(store: Store, model: Model) -> None:
    await write_version(store, model, full_record(), make_rows(model, EVERYTHING, 1))
    await write_version(store, model, full_record(), make_rows(model, EVERYTHING, 2))
    alone = {"neuron": make_rows(model, TWINS[0], 3)["neuron"][:2]}
    await write_version(store, model, bare_record(TWINS[0], TWIN_LABEL), alone)
    await write_version(store, model, bare_record(TWINS[1], TWIN_LABEL), {})


def full_record() -> DatasetRecord:
    return DatasetRecord(
        uuid=EVERYTHING,
        label="Everything, 全部, Ωμέγα",
        owner="local",
        animal="Drosophila melanogaster",
        microscopy="a method of tomorrow",
        license="CC-BY-4.0",
        brain_regions=(BrainRegion(structure="antennal lobe", direction="left"), BrainRegion(structure="nowhere")),
        mutations=(
            GeneMutation(gene="Pvalb", expression="knock-in", allele="Pvalb-IRES-Cre", rrid="RRID:1", role="driver"),
            GeneMutation(gene="神", expression="an expression of tomorrow"),
        ),
        wild_type=False,
        publications=("10.7554/elife.57443", "10.1/ω"),
        notes="Synthetic. **Markdown**, “quotes”",
        sample=Sample(
            individuals=3,
            individual_id="lab:1",
            age=2.5,
            voxel_size_nm=(8, 8, 40.5),
            section_thickness_nm=40.0,
            imaged_box_nm=(0, 1, 2, 3.5, 4e6, 5),
            sampling="dense",
        ),
        created_at=NOW,
        updated_at=NOW,
    )


def bare_record(dataset: UUID, label: str) -> DatasetRecord:
    return DatasetRecord(
        uuid=dataset,
        label=label,
        owner="local",
        animal="an animal of tomorrow",
        microscopy="FIB-SEM",
        license="LicenseRef-own",
        brain_regions=(),
        created_at=NOW,
        updated_at=NOW,
    )


async def write_version(store: Store, model: Model, record: DatasetRecord, rows: Rows) -> None:
    """A version with these rows, published."""
    id_ = record.uuid.bytes
    snapshot = Snapshot(id_, await store.begin_version(id_))
    await store.open_version(snapshot, {})
    for name, made in rows.items():
        await store.write_rows(model.tables[name], snapshot, _frame(model.tables[name], made))
        await store.finish_rows(model.tables[name], snapshot, lambda part: None)
        await store.write_counts(snapshot, _count(model.tables[name], made))
    version = VersionRecord(
        number=snapshot.version,
        fingerprint="",
        metadata_fingerprint="",
        published_at=NOW,
        tables={name: _summarize(model.tables[name], made) for name, made in rows.items()},
    )
    await store.write_version(snapshot, encode_record(version))
    await store.write_record(id_, snapshot.version, encode_record(record))
    (head,) = [head for head in await store.read_heads() if head.dataset_id == id_]
    assert await store.swap_head(head, Head(id_, snapshot.version, snapshot.version, head.last_version))


def _frame(table: Table, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {column.name: POLARS_TYPES[column.type.name] for column in table.columns}
    return pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)


def _count(table: Table, rows: list[dict[str, Any]]) -> Iterable[RelatedCount]:
    keys = {"child": "parent_id", "part": "neuron_id"} if "owned" in table.relations else {}
    keys |= {name: relation.owner for name, relation in table.relations.items() if name != "owned"}
    for name, column in keys.items():
        for key, count in Counter(row[column] for row in rows if row[column] is not None).items():
            yield RelatedCount(key, name, table.name, count)


def _summarize(table: Table, rows: list[dict[str, Any]]) -> TableSummary:
    columns = {}
    for column in table.columns:
        values = [row[column.name] for row in rows if row[column.name] is not None]
        numbers = values if column.type.python in (int, float) else []
        columns[column.name] = ColumnSummary(
            origin="given" if values else "absent",
            count=len(values),
            nulls=len(rows) - len(values),
            minimum=min(numbers, default=None),
            maximum=max(numbers, default=None),
        )
    return TableSummary(rows=len(rows), checksum=0, columns=columns)
