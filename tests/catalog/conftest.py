"""A client of many made-up data sets, in each kind of store: metadata as people write them, without rows."""

from collections.abc import AsyncIterator

import pytest

from bench.synthetic.metadata import Metadata, write_metadata
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import open_stores
from tests.conftest import Client, on_cassandra


@pytest.fixture(scope="session")
async def crowd(request, demo_settings, tmp_path_factory, start_client) -> AsyncIterator[Client]:
    model, settings = load_default_model(), demo_settings.model_copy(update={"data": tmp_path_factory.mktemp("crowd")})
    if settings.store == "cassandra":
        settings = on_cassandra(settings, request.getfixturevalue("make_keyspace")())
    stores = open_stores(settings, model)
    await write_metadata(stores.rows, Metadata(model, 150))
    await stores.close()
    async with start_client(settings, model) as client:
        yield client
