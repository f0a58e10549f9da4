"""The server as one ASGI application: the graph, GraphiQL, files, health. With stores.py the only wiring there is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from syndb_graphql import __version__
from syndb_graphql.api.context import Backend, Bounds
from syndb_graphql.api.execute import Executor
from syndb_graphql.api.files import files_routes
from syndb_graphql.api.http import GraphQLEndpoint
from syndb_graphql.api.schema import build_schema
from syndb_graphql.catalog.catalog import Catalog
from syndb_graphql.catalog.vocabulary import build_vocabularies
from syndb_graphql.errors import RawDataUnavailable, StoreTimeout, SyndbError
from syndb_graphql.settings import Settings
from syndb_graphql.spec.model import Model
from syndb_graphql.stores import Stores

WEB = Path(__file__).parent / "web"
ASSETS = "/graphql-assets"
READY_S = 4.0
"""For each store, both at once; below the five seconds after which most that ask give up."""
PAGE_HEADERS = {
    # GraphiQL's editor writes style elements and carries fonts and pictures in its style sheet; nothing else is loosened.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
    "vary": "accept",
}
EXPOSED = ["x-request-id", "content-range", "accept-ranges", "etag", "content-disposition", "content-length"]


def build_app(settings: Settings, model: Model, stores: Stores) -> Starlette:
    """Stores are opened and closed by whoever calls."""
    bounds = Bounds(**{field.name: getattr(settings, field.name) for field in fields(Bounds)})
    catalog = Catalog(stores.rows, build_vocabularies(model))
    backend = Backend(model, catalog, stores.rows, stores.objects, stores.secret_keys, bounds, __version__)
    schema = build_schema(model, bounds, __version__)
    executor = Executor(schema._schema, backend)
    endpoint = GraphQLEndpoint(
        executor,
        max_body_bytes=settings.max_body_bytes,
        public_url=settings.public_url,
        page=read_page(),
        page_headers=PAGE_HEADERS,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await catalog.refresh()
        following = [asyncio.create_task(catalog.follow()), asyncio.create_task(stores.objects.follow())]
        try:
            yield
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)

    async def ready(_request: Request) -> JSONResponse:
        asked = (ask(stores.rows.check, StoreTimeout), ask(stores.objects.check, RawDataUnavailable))
        for code in await asyncio.gather(*asked):
            if code:
                return JSONResponse({"status": "unavailable", "code": code}, 503)
        if not catalog.loaded:
            return JSONResponse({"status": "starting"}, 503)
        return JSONResponse({"status": "ready", "datasets": len(catalog.datasets)})

    async def healthy(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "version": __version__})

    async def home(_request: Request) -> RedirectResponse:
        return RedirectResponse("graphql")

    routes: list[BaseRoute] = [
        Route("/", home),
        Route("/healthz", healthy),
        Route("/readyz", ready),
    ]
    if stores.served:  # else links lead to the store itself
        routes += files_routes(stores.served)
    if (WEB / "index.html").is_file():
        routes.append(Mount(ASSETS, GZipMiddleware(_Assets(directory=WEB))))
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(settings.cors_origins),
        allow_methods=["GET", "HEAD", "POST", "OPTIONS"],
        allow_headers=["*"],
        expose_headers=EXPOSED,
        max_age=86_400,
    )
    routes.append(Route("/graphql", endpoint))
    app = _App(endpoint, routes=routes, lifespan=lifespan, middleware=[cors])
    app.state.backend = backend
    app.state.executor = executor
    return app


class _App(Starlette):
    """Programs' queries go straight to the endpoint: middleware and routing would cost a small query a third more.

    A browser's page says where it is from, and so goes by way of CORS.
    """

    def __init__(self, endpoint: GraphQLEndpoint, **options: Any) -> None:
        super().__init__(**options)
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and scope["path"] == "/graphql"
            and all(name != b"origin" for name, _ in scope["headers"])
        ):
            await self._endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class _Assets(StaticFiles):
    """GraphiQL's files, whose names change with their content."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


async def ask(check: Callable[[], Awaitable[None]], late: type[SyndbError]) -> str:
    """The code of what keeps a store from answering, that of `late` where it takes too long; empty where it answers."""
    try:
        async with asyncio.timeout(READY_S):
            await check()
    except SyndbError as error:
        return error.code
    except TimeoutError:
        return late.code
    return ""


def read_page() -> bytes:
    """GraphiQL's page, or one that says why it is not there."""
    with contextlib.suppress(FileNotFoundError):
        return (WEB / "index.html").read_bytes()
    return (
        b"<!doctype html><title>SynDB GraphQL</title><h1>SynDB GraphQL</h1><p>GraphiQL was not built when this was installed "
        b"(it needs Node.js 20.19 or newer and the npm registry). Everything else works: POST queries to this address. "
        b"To build the page: <code>cd web &amp;&amp; npm ci &amp;&amp; npm run build</code>, then start the server again."
    )
