"""What the tests of the graph share beside the demo: clients whose store counts what is asked of it."""

import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from syndb_graphql.app import build_app
from syndb_graphql.ingest.load import LoadResult, load_folder
from syndb_graphql.settings import Settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.model import Model
from syndb_graphql.store.protocol import Store
from syndb_graphql.stores import Stores, open_stores

ROW_READS = ("read_page", "read_related", "read_rows", "read_counts")


class CountingStore:
    """A real store; `calls` says how often rows were asked of it, and by which call."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._store, name)
        if name not in ROW_READS:
            return call

        async def counted(*positional: Any, **named: Any) -> Any:
            self.calls[name] += 1
            return await call(*positional, **named)

        return counted


@dataclass(frozen=True)
class CountedClient:
    http: httpx.AsyncClient
    store: CountingStore

    async def ask(self, query: str, **variables: Any) -> tuple[dict, dict[str, int]]:
        """The data, and the calls of the store that they took."""
        self.store.calls.clear()
        answer = (await self.http.post("/graphql", json={"query": query, "variables": variables})).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"], dict(self.store.calls)


@pytest.fixture(scope="session", params=["plan", "engine"])
async def counted(request, demo_settings) -> AsyncIterator[CountedClient]:
    """A client of the demo data, once answered by plans and once by the engine alone."""
    model = load_default_model()
    opened = open_stores(demo_settings, model)
    store = CountingStore(opened.rows)
    app = build_app(demo_settings, model, Stores(store, opened.objects, opened.secret_keys))

    app.state.executor._planned = request.param == "plan"
    transport = httpx.ASGITransport(app)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(opened.close)
        await stack.enter_async_context(app.router.lifespan_context(app))
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://syndb.test"))
        yield CountedClient(http, store)


@pytest.fixture
def logged(caplog) -> Callable[[], list[logging.LogRecord]]:
    """What a test has logged so far. Whoever follows the data sets beside it has lines of its own when a node is late."""
    beside = ("syndb_graphql.catalog", "syndb_graphql.store", "cassandra")
    return lambda: [record for record in caplog.records if not record.name.startswith(beside)]


DATASET_TOML = """
[dataset]
label = "{label}"
animal = "mouse"
microscopy = "FIB-SEM"
license = "CC0-1.0"
{extra}

[[dataset.brain_regions]]
structure = "primary visual cortex"
"""


@pytest.fixture
def write_dataset(tmp_path) -> Callable[..., Path]:
    """Write a folder of one data set: `write_dataset("name", {"neuron.csv": …}, label=…, extra=…)`; call again to change it."""

    def write(name: str, files: Mapping[str, str], *, label: str, extra: str = "") -> Path:
        folder = tmp_path / "folders" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dataset.toml").write_text(DATASET_TOML.format(label=label, extra=extra), "utf-8")
        for file, content in files.items():
            (folder / file).write_text(content, "utf-8")
        return folder

    return write


@pytest.fixture
def load() -> Callable[..., Awaitable[LoadResult]]:
    """Load one folder into the store of some settings, from within a test that runs on the event loop."""

    async def load_one(folder: Path, settings: Settings, model: Model | None = None) -> LoadResult:
        model = model or load_default_model()
        stores = open_stores(settings, model)
        try:
            result = await load_folder(
                folder,
                model=model,
                rows=stores.rows,
                objects=stores.objects,
                owner=settings.owner,
                retention_h=settings.version_retention_h,
            )
        finally:
            await stores.close()
        assert result.status != "failed", result.findings
        return result

    return load_one
