"""A lab with an empty store and a folder to be filled: what the tests of loading share."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from syndb_graphql.catalog.records import DatasetRecord, VersionRecord
from syndb_graphql.ingest.load import LoadResult, load_folder
from syndb_graphql.ingest.report import Finding
from syndb_graphql.ingest.versions import Standing, read_standing
from syndb_graphql.objects.local import LocalObjects
from syndb_graphql.settings import Settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.model import Model
from syndb_graphql.store.protocol import Snapshot, Store, Window
from syndb_graphql.store.sqlite import SqliteStore
from tests.conftest import SECRET, on_cassandra, on_s3

TOML = """
[dataset]
label = "{label}"
animal = "mouse"
microscopy = "FIB-SEM"
license = "CC-BY-4.0"
{dataset}

[[dataset.brain_regions]]
structure = "primary visual cortex"

{rest}
"""
NEURONS = "cid,name\n10,A\n20,B\n"


def write_folder(
    folder: Path, files: dict[str, str | bytes], *, label: str = "A cortex", dataset: str = "", rest: str = ""
) -> Path:
    """A folder with a proper dataset.toml and these files; text is written as UTF-8."""
    folder.mkdir(parents=True, exist_ok=True)
    if "dataset.toml" not in files:
        files = {"dataset.toml": TOML.format(label=label, dataset=dataset, rest=rest), **files}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def settings_of(home: Path) -> Settings:
    """Of the embedded stores in this folder."""
    return Settings(data=home, secret_keys=(SECRET,))


@dataclass
class Lab:
    """A store of its own and one folder."""

    model: Model
    rows: Store
    objects: LocalObjects
    home: Path

    @property
    def folder(self) -> Path:
        return self.home / "folder"

    def fill(self, files: dict[str, str | bytes], **facts: str) -> None:
        write_folder(self.folder, files, **facts)

    async def load(self, folder: Path | None = None, **options: Any) -> LoadResult:
        options = {"owner": "local", "retention_h": 24, **options}
        return await load_folder(
            folder or self.folder, model=self.model, rows=self.rows, objects=self.objects, **options
        )

    async def load_well(self, folder: Path | None = None, **options: Any) -> LoadResult:
        result = await self.load(folder, **options)
        assert result.errors == 0, result.findings
        return result

    async def refuse(self, **options: Any) -> list[Finding]:
        """The errors of a load that fails, and after which nothing is published."""
        result = await self.load(**options)
        assert result.status == "failed", result
        assert [head.version for head in await self.rows.read_heads() if head.version] == []
        return [finding for finding in result.findings if finding.severity == "error"]

    async def refuse_once(self, **options: Any) -> Finding:
        """The one error of a load that fails."""
        (finding,) = await self.refuse(**options)
        return finding

    async def standing(self, dataset: UUID) -> Standing:
        return await read_standing(self.rows, dataset.bytes)

    async def version(self, dataset: UUID) -> VersionRecord:
        version = (await self.standing(dataset)).version
        assert version is not None
        return version

    async def record(self, dataset: UUID) -> DatasetRecord:
        record = (await self.standing(dataset)).record
        assert record is not None
        return record

    async def read(self, result: LoadResult, table: str, *columns: str, version: int | None = None) -> dict[str, Any]:
        """The rows of a table by their own id: one value, or a tuple of them."""
        assert result.dataset is not None
        snapshot = Snapshot(result.dataset.bytes, version or result.version or 0)
        names = ["source_id", *columns]
        found = await self.rows.read_page(self.model.tables[table], snapshot, columns=names, window=Window(100_000))
        return {row[0]: row[1] if len(columns) == 1 else row[1:] for row in found}


def cid(result: LoadResult, table: str, source_id: str) -> bytes:
    """The cid as the documents define it, by the standard library's own uuid5."""
    assert result.dataset is not None
    return uuid5(result.dataset, f"{table}/{source_id}").bytes


@pytest.fixture(scope="session")
def model() -> Model:
    return load_default_model()


@pytest.fixture
async def lab(tmp_path: Path, model: Model) -> AsyncIterator[Lab]:
    rows = SqliteStore(tmp_path / "syndb.sqlite", model, timeout_s=5)
    yield Lab(model, rows, LocalObjects(tmp_path / "files", (b"k" * 32,), 3600), tmp_path)
    await rows.close()


STORES = ["embedded", pytest.param("servers", marks=pytest.mark.servers)]


def make_settings(request: pytest.FixtureRequest, home: Path) -> Settings:
    """Of stores with nothing in them, of the kind that is the parameter of the fixture that asks."""
    settings = settings_of(home)
    if request.param == "embedded":
        return settings
    make_keyspace, s3_server = map(request.getfixturevalue, ("make_keyspace", "s3_server_of_session"))
    return on_s3(on_cassandra(settings, make_keyspace()), s3_server)
