"""The stores of files that the contract is run on, and the means to follow their links as any client would."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from syndb_graphql.api.files import files_routes
from syndb_graphql.objects.local import LocalObjects
from syndb_graphql.objects.minio import Bucket, MinioObjects
from syndb_graphql.objects.protocol import Objects

KEYS = (b"the first of the secret keys, it signs", b"an older one, it verifies")


class Clock:
    """Stands still until it is told to move."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock(1_790_000_000.0)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def local(folder, clock) -> LocalObjects:
    return LocalObjects(folder, KEYS, 3600, clock)


@pytest.fixture
def bucket(s3_server) -> Bucket:
    """One bucket for all tests, and in it a place for each."""
    return Bucket(
        s3_server.endpoint,
        s3_server.access_key,
        s3_server.secret_key,
        name="contract",
        region=s3_server.region,
        prefix=f"{uuid4()}/",
    )


@pytest.fixture
async def minio(bucket) -> AsyncIterator[MinioObjects]:
    objects = MinioObjects(bucket, 3600)
    yield objects
    await objects.close()


@pytest.fixture(params=["local", pytest.param("minio", marks=pytest.mark.servers)])
def objects(request) -> Objects:
    """Each store of files in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
async def browser(local):
    """Somebody with no credentials: paths lead to this server, absolute URLs to where they say."""
    transport = httpx.ASGITransport(Starlette(routes=files_routes(local)))
    async with httpx.AsyncClient(mounts={"http://this-server": transport}, base_url="http://this-server") as client:
        yield client
