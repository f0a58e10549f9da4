"""The stores of files that the contract is run on, and the means to follow their links as any client would."""

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from syndb_graphql.api.files import files_routes
from syndb_graphql.objects.local import LocalObjects

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


@pytest.fixture(params=["local"])
def objects(request, local):
    """Each store of files in turn."""
    return {"local": local}[request.param]


@pytest.fixture
async def browser(local):
    """Somebody with no credentials: paths lead to this server, absolute URLs to where they say."""
    transport = httpx.ASGITransport(Starlette(routes=files_routes(local)))
    async with httpx.AsyncClient(mounts={"http://this-server": transport}, base_url="http://this-server") as client:
        yield client
