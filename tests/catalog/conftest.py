"""Made-up data sets with metadata as people write them: enough that every kind of value is there, and missing, somewhere."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from bench.synthetic.metadata import Metadata, write_metadata
from syndb_graphql.catalog.records import DatasetRecord, VersionRecord
from syndb_graphql.settings import Settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import open_stores
from tests.conftest import SECRET, Client

COUNT = 90


@dataclass(frozen=True)
class Library:
    """A server of made-up data sets, and their records, ordered as it answers them."""

    client: Client
    records: Sequence[tuple[DatasetRecord, VersionRecord]]


@pytest.fixture(scope="session")
async def library(tmp_path_factory, start_client) -> AsyncIterator[Library]:
    model, settings = load_default_model(), Settings(data=tmp_path_factory.mktemp("library"), secret_keys=(SECRET,))
    stores = open_stores(settings, model)
    metadata = Metadata(model, COUNT)
    await write_metadata(stores.rows, metadata)
    await stores.close()
    async with start_client(settings) as client:
        yield Library(client, sorted(metadata, key=lambda pair: (pair[0].label, str(pair[0].uuid))))
