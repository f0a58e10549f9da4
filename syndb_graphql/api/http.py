"""GraphQL over HTTP, as the specification of that name has it: raw requests bounded, media types chosen, answers encoded.

An ASGI application of its own: Starlette's routing and Request would cost a small query more than the query does.
GET with `Accept: text/html` shows GraphiQL; HEAD is a GET whose body is not sent. A request that was refused before it ran
has no `data`; its status is 400 for `application/graphql-response+json`, 200 for `application/json`, whose clients read
statuses as the server's own trouble.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope, Send

from syndb_graphql.api.compression import WORTH_COMPRESSING, choose_coding, compress
from syndb_graphql.api.context import ClientGone
from syndb_graphql.api.encoding import encode_parts
from syndb_graphql.api.execute import Answer, Executor, GraphQLRequest
from syndb_graphql.errors import RequestTimeout, SyndbError

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
METHODS = "GET, HEAD, POST, OPTIONS"
BODY_SECONDS = 30.0
"""For the body of a request to arrive: a client that stops in the middle holds a connection no longer."""
MAX_MEDIA_TYPE = 1000
"""Characters of `accept` and `content-type` that are looked at."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUALITY = re.compile(r"[01](\.[0-9]{0,3})?")
_HOST = re.compile(r"[A-Za-z0-9.\-:\[\]]{1,255}")
log = logging.getLogger(__name__)


class HttpError(Exception):
    """A request that is not even GraphQL."""

    def __init__(
        self, status: int, message: str, code: str = "BAD_USER_INPUT", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, dict(headers or {})


class GraphQLEndpoint:
    """`page` is GraphiQL's HTML, or a sentence that says why it is not there; `page_headers` go with it."""

    def __init__(
        self,
        executor: Executor,
        *,
        max_body_bytes: int,
        public_url: str,
        page: bytes,
        page_headers: Mapping[str, str],
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._executor = executor
        self._max_body_bytes = max_body_bytes
        self._public_url = public_url.rstrip("/")
        self._page = page
        self._page_headers = page_headers
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        request_id = _request_id(headers)
        method = scope["method"]
        if method == "OPTIONS":  # of a browser that asks before it asks, CORS has answered already
            await _send(send, 204, [b""], {"allow": METHODS, "x-request-id": request_id})
            return
        if method in ("GET", "HEAD") and not scope["query_string"] and _wants_page(headers):
            page_headers = {"content-type": "text/html; charset=utf-8", **self._page_headers}
            await _send(send, 200, [self._page], page_headers, head=method == "HEAD")
            return
        media_type = _media_type(headers.get(b"accept", "")[:MAX_MEDIA_TYPE])
        client = _Client(receive)
        try:
            status, answer, extra = await self._answer(scope, headers, client, request_id, media_type)
        except ClientGone:
            return
        finally:
            client.close()
        common = {
            "content-type": f"{media_type}; charset=utf-8",
            "x-request-id": request_id,
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
            "vary": "accept, accept-encoding",
            **extra,
        }
        parts: Sequence[bytes | bytearray] = encode_parts(answer.body)
        if sum(map(len, parts)) >= WORTH_COMPRESSING and (coding := choose_coding(headers.get(b"accept-encoding", ""))):
            common["content-encoding"] = coding
            parts = [await compress(b"".join(parts), coding)]
        await _send(send, status, parts, common, head=method == "HEAD")

    async def _answer(
        self, scope: Scope, headers: Mapping[bytes, str], client: "_Client", request_id: str, media_type: str
    ) -> tuple[int, Answer, Mapping[str, str]]:
        """Status, answer, and headers beyond the usual ones."""
        try:
            parameters = await self._read(scope, headers, client.receive)
            base_url, read_only = self._base_url(scope, headers), scope["method"] != "POST"
            request = _parse(parameters, request_id, base_url, client.is_gone, read_only=read_only)
            answer = await self._executor.run(request)
        except HttpError as error:
            return error.status, _http_answer(error, request_id), error.headers
        except ClientGone:
            raise
        except Exception:
            log.exception("Request %s failed", request_id)
            hidden = HttpError(500, "Something went wrong here. The request's id helps us to find it.", SyndbError.code)
            return 500, _http_answer(hidden, request_id), {}
        refused = 503 if answer.code == RequestTimeout.code else 400
        return refused if answer.refused and media_type == GRAPHQL_JSON else 200, answer, {}

    async def _read(self, scope: Scope, headers: Mapping[bytes, str], receive: Receive) -> Mapping[str, Any]:
        """The parameters of a request, as JSON values, whichever way they came."""
        if scope["method"] in ("GET", "HEAD"):
            return _query_parameters(scope["query_string"])
        if scope["method"] != "POST":
            raise HttpError(405, "Ask by POST, or by GET for queries.", headers={"allow": METHODS})
        _check_content_type(headers.get(b"content-type", "")[:MAX_MEDIA_TYPE])
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await self._read_body(headers, receive)
        except TimeoutError:
            late = f"The body did not arrive within {self._body_seconds:g} s."
            raise HttpError(408, late, RequestTimeout.code, {"connection": "close"}) from None
        try:
            parameters = msgspec.json.decode(body)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise HttpError(400, f"The body is not JSON in UTF-8: {str(error)[:200]}.") from error
        if not isinstance(parameters, dict):
            raise HttpError(400, 'The body must be a JSON object such as {"query": "{ datasets { totalCount } }"}.')
        return parameters

    async def _read_body(self, headers: Mapping[bytes, str], receive: Receive) -> bytes:
        limit = self._max_body_bytes
        stated = headers.get(b"content-length", "")
        if stated.isdecimal() and int(stated[:20]) > limit:
            raise HttpError(413, f"The body has {int(stated[:20]):,} bytes; {limit:,} is the limit.", "LIMIT_EXCEEDED")
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise HttpError(400, "The request ended before its body did.")
            body += message.get("body", b"")
            if len(body) > limit:
                raise HttpError(413, f"The body has more than {limit:,} bytes, which is the limit.", "LIMIT_EXCEEDED")
            if not message.get("more_body", False):
                return bytes(body)

    def _base_url(self, scope: Scope, headers: Mapping[bytes, str]) -> str:
        """Where the client reached us: the setting, else what the request says, if that is a host at all."""
        if self._public_url:
            return self._public_url
        host = headers.get(b"host", "")
        if not _HOST.fullmatch(host):
            name, port = scope.get("server") or ("127.0.0.1", None)
            name = f"[{name}]" if ":" in name else name
            host = f"{name}:{port}" if port else name
        return f"{scope['scheme']}://{host}"


class _Client:
    """Whoever asked: their body, and, once work takes long enough that somebody asks, whether they are still there."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self._leaving: asyncio.Future[Any] | None = None

    def is_gone(self) -> bool:
        if self._leaving is None:
            # After the body the only message there can be is that the client has left.
            self._leaving = asyncio.ensure_future(self.receive())
        left = self._leaving.done() and not self._leaving.cancelled()
        return left and self._leaving.result()["type"] == "http.disconnect"

    def close(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()


def _parse(
    parameters: Mapping[str, Any], request_id: str, base_url: str, is_gone: Callable[[], bool], *, read_only: bool
) -> GraphQLRequest:
    query = parameters.get("query")
    if not isinstance(query, str):
        raise HttpError(400, "`query` is missing or no text: it holds the GraphQL document.")
    variables = parameters.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise HttpError(400, "`variables` must be an object, by the names of the variables.")
    name = parameters.get("operationName")
    if name is not None and not isinstance(name, str):
        raise HttpError(400, "`operationName` must be text.")
    if not isinstance(parameters.get("extensions"), dict | None):
        raise HttpError(400, "`extensions` must be an object.")
    # The empty name is that of no operation: forms send it where none was typed.
    return GraphQLRequest(query, variables or {}, name or None, request_id, base_url, read_only, is_gone)


def _query_parameters(query_string: bytes) -> Mapping[str, Any]:
    try:
        found = dict(
            parse_qsl(
                query_string.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=True,
                max_num_fields=10,
                errors="strict",
            )
        )
    except ValueError as error:
        if not query_string:
            raise HttpError(400, "`query` is missing: ask by POST, or with ?query=…") from error
        raise HttpError(400, "The address's query string cannot be read.") from error
    parameters: dict[str, Any] = dict(found)
    for name in ("variables", "extensions"):
        if name in found:
            try:
                parameters[name] = msgspec.json.decode(found[name]) if found[name] else None
            except (msgspec.MsgspecError, RecursionError) as error:
                raise HttpError(400, f"`{name}` is not JSON: {str(error)[:200]}.") from error
    return parameters


def _http_answer(error: HttpError, request_id: str) -> Answer:
    entry = {"message": error.message, "extensions": {"code": error.code, "requestId": request_id}}
    return Answer({"errors": [entry]}, refused=True, code=error.code)


def _request_id(headers: Mapping[bytes, str]) -> str:
    given = headers.get(b"x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


@lru_cache(maxsize=256)
def _check_content_type(stated: str) -> None:
    name, *parameters = (part.strip().lower() for part in stated.split(";"))
    if name != JSON:
        raise HttpError(415, f"The body must be sent as {JSON}, not as {name[:100] or 'nothing stated'}.")
    charset = next((text.partition("=")[2].strip('" ') for text in parameters if text.startswith("charset=")), "utf-8")
    if charset not in ("utf-8", "utf8"):
        raise HttpError(415, f"The body must be sent in UTF-8, not in {charset[:100]}.")


@lru_cache(maxsize=256)
def _media_type(accept: str) -> str:
    """The one of our two that the client prefers, the first of equals; `application/json` for one that names neither."""
    best, best_quality = JSON, 0.0
    for part in accept.lower().split(",")[:20]:
        name, *parameters = (text.strip() for text in part.split(";"))
        if name in (JSON, GRAPHQL_JSON) and (quality := _quality(parameters)) > best_quality:
            best, best_quality = name, quality
    return best


def _quality(parameters: Sequence[str]) -> float:
    found = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    return float(found) if _QUALITY.fullmatch(found) else 0.0


def _wants_page(headers: Mapping[bytes, str]) -> bool:
    accept = headers.get(b"accept", "").lower()
    return "text/html" in accept and JSON not in accept


async def _send(
    send: Send,
    status: int,
    parts: Sequence[bytes | bytearray],
    headers: Mapping[str, str],
    *,
    head: bool = False,
) -> None:
    listed = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    if status != 204:
        listed.append((b"content-length", str(sum(map(len, parts))).encode()))
    await send({"type": "http.response.start", "status": status, "headers": listed})
    if head:
        parts = [b""]
    for number, part in enumerate(parts, 1):
        await send({"type": "http.response.body", "body": part, "more_body": number < len(parts)})
