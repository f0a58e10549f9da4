"""GET and HEAD /files/…: the files of a store that has no server of its own, for whoever comes with a good link.

Whether a link is good, and where the bytes are, the store knows; here are the words of HTTP: one range of bytes,
validators, the name to save as. Starlette's FileResponse is not used: it answers 400 to ranges it does not understand
(RFC 9110 has them ignored), sends up to 100 ranges in one answer, and never says 304. CORS is the application's.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from email.utils import format_datetime, parsedate_to_datetime

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from syndb_graphql.errors import BadInput, Forbidden, RawDataUnavailable, SyndbError
from syndb_graphql.objects.protocol import FILES_PATH, LinkedFile, ObjectInfo, ServedObjects, content_disposition

_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)
"""One range; more than one is answered with the whole file, as RFC 9110 allows."""
NOSNIFF = {"X-Content-Type-Options": "nosniff"}


def files_routes(objects: ServedObjects) -> list[Route]:
    """The routes that the links of `objects` lead to. Problems are JSON: {"error": {"code", "message"}}."""

    async def serve_file(request: Request) -> Response:
        try:
            linked = objects.open_link(request.path_params["key"], request.query_params)
            info = await objects.stat(linked.key)
        except Forbidden as error:
            return _problem(request, 403, error)
        except RawDataUnavailable as error:
            return _problem(request, 503, error)
        if info is None:
            gone = RawDataUnavailable("This file is no longer in the store: its data set was replaced or deleted.")
            return _problem(request, 404, gone)
        return _answer(request, objects, linked, info)

    return [Route(f"{FILES_PATH}{{key:path}}", serve_file, methods=["GET"], name="files")]  # Starlette adds HEAD


def _answer(request: Request, objects: ServedObjects, linked: LinkedFile, info: ObjectInfo) -> Response:
    validators = {
        "ETag": f'"{info.etag}"',
        "Last-Modified": format_datetime(info.modified, usegmt=True),
        "Cache-Control": f"private, max-age={linked.seconds_left}",
        **NOSNIFF,
    }
    if not_modified(request.headers, info):
        return Response(status_code=304, headers=validators)
    asked = requested_range(request.headers, info) if request.method == "GET" else None
    start, end = asked or (0, info.size)
    if asked and start >= info.size:
        beyond = BadInput(f"The file has {info.size:,} bytes; the range begins at byte {start:,}, counted from 0.")
        return _problem(request, 416, beyond, {"Content-Range": f"bytes */{info.size}"})
    headers = {
        **validators,
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start),
        "Content-Disposition": content_disposition(linked.filename),
    }
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{info.size}"
    if request.method == "HEAD":
        return Response(headers=headers, media_type=linked.content_type)
    return _FileResponse(
        objects.read(linked.key, start=start, end=end),
        status_code=206 if asked else 200,
        headers=headers,
        media_type=linked.content_type,
    )


class _FileResponse(StreamingResponse):
    """Closes the file at once when the client leaves, and not when its reader happens to be collected."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(self.body_iterator, AsyncGenerator):
            async with aclosing(self.body_iterator):
                await super().__call__(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def not_modified(headers: Headers, info: ObjectInfo) -> bool:
    """Whether the client has this very file: by If-None-Match, or by If-Modified-Since where it gives no tag."""
    tags = headers.get("if-none-match")
    if tags is not None:
        return tags.strip() == "*" or info.etag in re.findall(r'(?:W/)?"([^"]*)"', tags)
    since = headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return info.modified <= parsedate_to_datetime(since)
    except (ValueError, TypeError):  # no date, or one without a time zone
        return False


def requested_range(headers: Headers, info: ObjectInfo) -> tuple[int, int] | None:
    """The bytes [start, end) asked for; None for the whole file. A start at or beyond the size cannot be met.

    What is no single range of bytes is ignored, and so is one that is meant for another state of the file (If-Range).
    """
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None or headers.get("if-range", f'"{info.etag}"') not in (
        f'"{info.etag}"',
        format_datetime(info.modified, usegmt=True),
    ):
        return None
    first, last = found.groups()
    if not first:
        return (max(info.size - int(last), 0), info.size) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, info.size) if last else info.size


def _problem(request: Request, status: int, error: SyndbError, headers: dict[str, str] | None = None) -> Response:
    body = {"error": {"code": error.code, "message": str(error)}}
    response = JSONResponse(body, status, {"Cache-Control": "no-store", **NOSNIFF, **(headers or {})})
    if request.method == "HEAD":
        response.body = b""  # Content-Length stays that of the GET
    return response
