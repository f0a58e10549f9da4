"""The loads, one after another, each in a process of its own; what each left in the node is counted and compared."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import msgspec
from cassandra.cluster import Session

from bench.cassandra.by_hand import Source, find_sources
from bench.cassandra.contents import NotTheSame, Place, check_same, count_rows, find_place, tables_of
from bench.cassandra.copying import copy_rows
from bench.cassandra.node import BenchNode
from bench.data import own_environment
from bench.install import Unavailable, install_cqlsh
from bench.loading import HOURS
from bench.measure import say
from bench.paths import REPOSITORY
from bench.results import Loaded, Written
from syndb_graphql.catalog.records import derive_dataset_id
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.cassandra.store import LOAD_IN_FLIGHT
from syndb_graphql.store.protocol import Snapshot

OURS, KIND, STORE, DRIVER, COPY = "bench_ours", "bench_kind", "bench_store", "bench_driver", "bench_copy"
"""Keyspaces."""
IN_FLIGHT = 16
"""Batches, where no reader is to be spared; more gain nothing."""
VERSION = 1


@dataclass(frozen=True)
class Loads:
    load: Written
    kind: Written
    store: Written
    driver: Written
    copied: Written | None


@dataclass(frozen=True)
class Folder:
    """A folder to load, and where what a load leaves beside the rows is kept."""

    path: Path
    out: Path

    @property
    def dataset(self) -> UUID:
        label = tomllib.loads((self.path / "dataset.toml").read_text())["dataset"]["label"]
        return derive_dataset_id("local", label)

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.dataset.bytes, VERSION)

    @contextlib.contextmanager
    def resolved(self) -> Iterator[Path]:
        """The Parquet files that a load left, by table."""
        with tempfile.TemporaryDirectory(dir=self.out) as name:
            for part in (self.out / "files" / str(self.dataset)).glob(f"v{VERSION}/*/part-00000.parquet"):
                Path(name, f"{part.parent.name}.parquet").symlink_to(part.resolve())
            yield Path(name)


def measure_loads(node: BenchNode, folder: Folder) -> Loads:
    """What ours loaded stays, in a keyspace that is there; all else is dropped. Raises NotTheSame."""
    for keyspace in (KIND, STORE, DRIVER, COPY):
        node.make_keyspace(keyspace)
    kind = load_ours(node, folder, KIND, LOAD_IN_FLIGHT)
    clean(folder)
    load = load_ours(node, folder)
    with folder.resolved() as resolved, node.connected() as session, node.connected(decoded=False) as undecoded:
        sources = find_sources(resolved)
        model = load_default_model()
        tables = tables_of(model, list(sources))
        ours = find_place(session, OURS, folder.snapshot)
        counts = count_rows(session, ours, tables)
        load.rows = sum(counts.values()) + sum(count_rows(session, ours, {"related_count": "related_count"}).values())
        kind.rows = load.rows
        _drop(session, KIND)
        written = {}
        for keyspace, who in ((DRIVER, "driver"), (STORE, "store")):
            say(f"Cassandra: the same rows by {who}")
            written[who] = _write(node, who, keyspace, folder.dataset, resolved)
            place = find_place(session, keyspace, folder.snapshot)
            _check(session, undecoded, ours, place, counts, sources, tables)
            written[who].rows = sum(counts.values())
            _drop(session, keyspace)
        copied = _copy(node, session, folder, sources)
        _drop(session, COPY)
    return Loads(load, kind, written["store"], written["driver"], copied)


def load_ours(node: BenchNode, folder: Folder, keyspace: str = OURS, in_flight: int = IN_FLIGHT) -> Written:
    """The whole load. Its rows are not counted."""
    say(f"Cassandra: loading {folder.path.name}, {in_flight} batches in flight")
    folder.out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "bench.loads.child", "ours", str(folder.path), str(folder.out)]
    return _run(node, command, keyspace, in_flight)


def child_command(node: BenchNode, who: str, keyspace: str, in_flight: int, dataset: UUID, resolved: Path) -> list[str]:
    where = [node.node.host, str(node.node.port), node.node.datacenter, keyspace]
    named = [who, *where, str(in_flight), str(dataset), str(resolved)]
    return [sys.executable, "-m", "bench.cassandra.child", *named]


def _write(node: BenchNode, who: str, keyspace: str, dataset: UUID, resolved: Path) -> Written:
    return _run(node, child_command(node, who, keyspace, IN_FLIGHT, dataset, resolved), keyspace, IN_FLIGHT)


def _run(node: BenchNode, command: list[str], keyspace: str, in_flight: int) -> Written:
    used = node.processor_seconds()
    environment = own_environment() | dict(node.environment(keyspace))
    environment["SYNDB_CASSANDRA_LOAD_IN_FLIGHT"] = str(in_flight)
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, timeout=HOURS, check=True)
    loaded = msgspec.json.decode(done.stdout.splitlines()[-1], type=Loaded)
    node.settle(keyspace)  # what is left to compact is work of this load too
    say(f"  {loaded.seconds:.1f} s, {loaded.processor:.1f} s of its processor")
    return Written(0, loaded.seconds, loaded.processor, node.processor_seconds() - used, loaded.grown_bytes, in_flight)


def _check(
    session: Session,
    undecoded: Session,
    ours: Place,
    other: Place,
    counts: Mapping[str, int],
    sources: Mapping[str, Source],
    tables: Mapping[str, str],
) -> None:
    found = count_rows(session, other, tables)
    if found != counts:
        raise NotTheSame(f"{other.keyspace} holds {found}, {ours.keyspace} {counts}.")
    columns = {name: ", ".join(sources[of].columns) for name, of in tables.items()}
    check_same(undecoded, ours, other, tables, columns)


def _copy(node: BenchNode, session: Session, folder: Folder, sources: Mapping[str, Source]) -> Written | None:
    try:
        cqlsh = install_cqlsh() / "cqlsh"
    except Unavailable as error:
        say(f"cqlsh is absent: {error}")
        return None
    say("Cassandra: the same rows by cqlsh COPY")
    with tempfile.TemporaryDirectory(dir=folder.out) as scratch:
        written, counts = copy_rows(node, cqlsh, COPY, folder.dataset, sources, Path(scratch))
    place = find_place(session, OURS, folder.snapshot)
    there = Place(COPY, place.snapshot, place.buckets)
    found = count_rows(session, there, tables_of(load_default_model(), list(sources)))
    if found != counts:
        raise NotTheSame(f"{COPY} holds {found}, not the {counts} that were copied.")
    say(f"  {written.seconds:.1f} s")
    return written


def _drop(session: Session, keyspace: str) -> None:
    session.execute(f"DROP KEYSPACE {keyspace}", timeout=120)


def clean(folder: Folder) -> None:
    shutil.rmtree(folder.out, ignore_errors=True)
