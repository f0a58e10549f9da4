"""`syndb-graphql serve`: uvicorn on the address of the settings."""

import argparse
import asyncio
import ctypes
import errno
import gc
import signal
import socket
import sys
from functools import partial

import uvicorn

from syndb_graphql.app import WEB, build_app
from syndb_graphql.errors import SettingsError, StoreUnavailable
from syndb_graphql.settings import Settings, load_settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import open_stores

GC_THRESHOLD = 50_000
"""New objects between two looks at them: a page has more than the usual 700, and none of them in circles."""
KEPT_BYTES = 64 * 1024 * 1024
"""Free memory that is kept for the next answers."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""
EXAMPLE = """\
  syndb-graphql serve
  syndb-graphql serve --port 8080
  curl http://127.0.0.1:8000/graphql -H 'content-type: application/json' -d '{"query": "{ datasets { totalCount } }"}'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on (SYNDB_HOST, 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 for a free one (SYNDB_PORT, 8000)")


def run(arguments: argparse.Namespace) -> int:
    serve(load_settings(host=arguments.host, port=arguments.port))
    return 0


def serve(settings: Settings, hint: str = "") -> None:
    """Serve until interrupted; SIGTERM ends the program with status 0.

    Raises SettingsError where the address cannot be had, StoreUnavailable or RawDataUnavailable where the data cannot.
    """
    signal.signal(signal.SIGTERM, _end)
    model = load_default_model()
    stores = open_stores(settings, model)
    asyncio.run(stores.wait(settings.start_timeout_s, partial(print, flush=True)))
    listener = _listen(settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    served = " and ".join(stores.remote) or settings.data
    print(f"SynDB GraphQL serves {served} at http://{shown}:{port}/graphql   (Ctrl+C ends it)", flush=True)
    if not (WEB / "index.html").is_file():
        print(
            "GraphiQL was not built when this was installed, so there is no page; queries work. See the README.",
            flush=True,
        )
    if hint:
        print(hint.replace("{url}", f"http://{shown}:{port}"), flush=True)
    config = uvicorn.Config(
        build_app(settings, model, stores),
        log_level="warning" if settings.log_level == "info" else settings.log_level,
        access_log=settings.log_level == "debug",
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    server = uvicorn.Server(config)
    _settle_memory()
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
        asyncio.run(stores.close())
    if not server.started:
        raise StoreUnavailable("The server could not start; the reason is above.")


def _settle_memory() -> None:
    """For answers of megabytes, made and let go of again: measured, a fifth of the time of 10,000 rows."""
    # What is here now stays: the collector need not walk over it again in the midst of a request, nor come as often.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    # glibc gives large buffers back to the system at once, and has each page of the next one cleared anew.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:  # musl has none
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, KEPT_BYTES // 2)


def _end(_signal: int, _frame: object) -> None:
    """Uvicorn finishes its requests first and then hands the signal on; as it comes by default, stores stay open."""
    raise SystemExit(0)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"Port {port} of {host} is taken. Set SYNDB_PORT (or --port) to another one; 0 picks a free one."
            ) from None
        raise SettingsError(
            f"Cannot listen on {host} port {port}: {error.strerror}. Set SYNDB_HOST and SYNDB_PORT."
        ) from None
    listener.listen(2048)
    return listener
