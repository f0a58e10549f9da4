"""Records of made-up data sets without a row: what a catalogue of thousands holds, with values as people write them.

Animals, structures, genes and methods are drawn as unevenly as in the archives: few are in most data sets. Each data set
has the tables, row counts and summaries of columns that a load would have written.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np

from bench.synthetic.chance import stream
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
from syndb_graphql.spec.model import Model, Table
from syndb_graphql.store.protocol import Head, Snapshot, Store

ANIMALS = ("Mus musculus", "Rattus norvegicus", "Drosophila melanogaster", "Caenorhabditis elegans", "Macaca mulatta",
           "Danio rerio", "Callithrix jacchus", "Mustela putorius furo")  # fmt: skip
GENES = ("Fmr1", "Pvalb", "Scnn1a", "Nr5a1", "Rorb", "Mecp2", "Shank3", "Cntnap2", "Syngap1", "App", "Psen1", "Mapt",
         "Disc1", "Nlgn3", "Nrxn1", "Tsc2", "Camk2a", "Gad2", "Sst", "Vip", "unc-13", "CaMKIIα", "Snca", "Reln")  # fmt: skip
LABS = (
    "Müller",
    "Ramón",
    "Sørensen",
    "Kim",
    "Okafor",
    "Nagy",
    "Çelik",
    "Lindström",
    "Brown",
    "Ibáñez",
    "Weiß",
    "Tanaka",
)
PARTS = (
    "dendritic spines",
    "synapses",
    "pyramidal neurons",
    "interneurons",
    "mitochondria",
    "axons",
    "presynaptic terminals",
)
NOTE = (
    "Serial sections of {structure} in {animal}, imaged by {microscopy}. {parts} were segmented by a network and proofread "
    "twice; objects that touch the edge of the volume are left out. Spine volumes are of heads and necks together. "
    "Antibodies against β-actin and CaMKIIα marked the postsynaptic side. Recorded in the laboratory of {lab}, animal "
    "{number}, at postnatal day {day}. See the methods of the paper for how densities were corrected for shrinkage."
)
FIRST_DAY = datetime(2012, 1, 1, tzinfo=UTC)
DAYS = 5000


class Metadata:
    """Records of `count` data sets; the same seed, the same records."""

    def __init__(self, model: Model, count: int, seed: int = 1) -> None:
        self._model, self._count, self._seed = model, count, seed
        self._structures = _spread(list(model.vocabularies["brain_structure"]), seed, "structures")
        self._microscopies = _spread(list(model.vocabularies["microscopy"]), seed, "microscopies")
        self._licenses = _spread(list(model.vocabularies["license"]), seed, "licenses")
        self._directions = list(model.vocabularies["direction"])
        self._expressions = list(model.vocabularies["expression"])
        self._tables = list(model.tables.values())

    def __iter__(self) -> Iterator[tuple[DatasetRecord, VersionRecord]]:
        for number in range(self._count):
            yield self.make(number)

    def make(self, number: int) -> tuple[DatasetRecord, VersionRecord]:
        chance = stream(self._seed, "dataset", str(number))
        created = FIRST_DAY + timedelta(days=float(chance.random()) * DAYS)
        published = created + timedelta(days=float(chance.random()) * 300)
        record = self._record(number, chance, created, published)
        return record, self._version(chance, published)

    def _record(self, number: int, chance: np.random.Generator, created: datetime, updated: datetime) -> DatasetRecord:
        animal, microscopy = _pick(ANIMALS, chance), _pick(self._microscopies, chance)
        structures = list(dict.fromkeys(_pick(self._structures, chance) for _ in range(int(chance.integers(1, 4)))))
        part, lab = PARTS[int(chance.integers(len(PARTS)))], LABS[int(chance.integers(len(LABS)))]
        wild = (True, False, None)[int(chance.choice(3, p=(0.5, 0.4, 0.1)))]
        mutations = () if wild else tuple(self._mutation(chance) for _ in range(int(chance.integers(1, 3))))
        note = NOTE.format(structure=structures[0], animal=animal, microscopy=microscopy, parts=part.capitalize(),
                           lab=lab, number=number, day=int(chance.integers(5, 400)))  # fmt: skip
        return DatasetRecord(
            uuid=UUID(bytes=chance.bytes(16), version=4),
            label=f"{part.capitalize()} of {structures[0]}, {lab} et al., series {number}",
            owner="synthetic",
            animal=animal,
            microscopy=microscopy,
            license=_pick(self._licenses, chance),
            brain_regions=tuple(
                BrainRegion(
                    structure=name, direction=_pick(self._directions, chance) if chance.random() < 0.6 else None
                )
                for name in structures
            ),
            mutations=mutations,
            wild_type=wild,
            publications=tuple(
                f"10.{int(chance.integers(1000, 9999))}/syn.{int(chance.integers(2000))}"
                for _ in range(int(chance.integers(0, 3)))
            ),
            notes=note if chance.random() < 0.9 else None,
            sample=Sample(
                individuals=int(chance.integers(1, 9)),
                sex="female",
                age=float(chance.integers(5, 400)),
                age_unit="day",
                condition="control",
                sampling="random",
            ),
            created_at=created,
            updated_at=updated,
        )

    def _mutation(self, chance: np.random.Generator) -> GeneMutation:
        return GeneMutation(gene=_pick(GENES, chance), expression=_pick(self._expressions, chance))

    def _version(self, chance: np.random.Generator, published: datetime) -> VersionRecord:
        kept = [table for table in self._tables if chance.random() < 0.4] or self._tables[:1]
        return VersionRecord(
            number=1,
            fingerprint=chance.bytes(32).hex(),
            metadata_fingerprint=chance.bytes(32).hex(),
            published_at=published,
            tables={table.name: _summarize(table, chance) for table in kept},
        )


async def write_metadata(store: Store, metadata: Iterable[tuple[DatasetRecord, VersionRecord]]) -> int:
    """Publish all of it, without rows. How many data sets."""
    count = 0
    for record, version in metadata:
        key = record.uuid.bytes
        number = await store.begin_version(key)
        await store.write_record(key, 1, encode_record(record))
        await store.write_version(Snapshot(key, number), encode_record(version))
        changed = await store.swap_head(Head(key, 0, 0, number), Head(key, 1, number, number))
        assert changed, f"{record.label} is published by somebody else"
        count += 1
    return count


def _summarize(table: Table, chance: np.random.Generator) -> TableSummary:
    rows = int(10 ** (float(chance.random()) * 6))
    columns = {
        column.name: ColumnSummary(
            origin="given", count=rows, nulls=0, minimum=float(chance.random()), maximum=float(chance.random()) + 1
        )
        for column in table.shown_columns
    }
    return TableSummary(rows=rows, checksum=int(chance.integers(2**62)), columns=columns)


def _spread(values: list[str], seed: int, name: str) -> Sequence[str]:
    """In an order of their own, so that which are frequent differs from seed to seed."""
    order = stream(seed, name).permutation(len(values))
    return [values[place] for place in order]


def _pick(values: Sequence[str], chance: np.random.Generator) -> str:
    """The first most often: the n-th as 1/n."""
    return values[min(int(len(values) ** float(chance.random())) - 1, len(values) - 1)]
