"""What the tests of the graph share beside the demo: clients whose store counts what is asked of it."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from syndb_graphql.app import build_app
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.protocol import Store
from syndb_graphql.stores import Stores, open_stores

HEMIBRAIN = "Hemibrain DA1 projection neurons"
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
