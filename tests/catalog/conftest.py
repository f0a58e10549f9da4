"""A client of two hundred made-up data sets: metadata as people write them, without rows."""

from collections.abc import AsyncIterator

import pytest

from bench.synthetic.metadata import Metadata, write_metadata
from syndb_graphql.settings import Settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import open_stores


@pytest.fixture(scope="session")
async def crowd(tmp_path_factory, start_client) -> AsyncIterator:
    settings = Settings(data=tmp_path_factory.mktemp("crowd"), secret_keys=("a secret for the tests, of 32 letters",))
    model = load_default_model()
    stores = open_stores(settings, model)
    await write_metadata(stores.rows, Metadata(model, 200))
    await stores.close()
    async with start_client(settings, model) as client:
        yield client
