"""Files in a bucket of an S3 store (MinIO, SeaweedFS, AWS …), through the `minio` SDK.

Links lead to the store itself, under the address that clients reach it by, and are signed here without a call to it; so
that nobody is given a link to a store that is down, `follow` asks it each second whether it answers. The SDK waits for
its sockets: calls run on threads of this store's own, as many as it may have connections. Awaiting ends with the time
limit or the request (a put is waited for, see source.py); the thread goes on until its socket's limit, and takes no new
work until then.
"""

import asyncio
import hashlib
import logging
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TypeVar, cast
from urllib.parse import urlsplit

from minio import Minio
from minio.error import S3Error
from urllib3 import BaseHTTPResponse, PoolManager, Retry, Timeout

from syndb_graphql.errors import BadInput, RawDataUnavailable, SettingsError
from syndb_graphql.objects.links import check_content_type, download_name
from syndb_graphql.objects.minio_errors import FAILURES, is_missing, reason, translate
from syndb_graphql.objects.paths import check_key, check_prefix, is_key
from syndb_graphql.objects.protocol import Link, ObjectInfo, content_disposition
from syndb_graphql.objects.source import Source

PIECE_BYTES = 262_144
"""Read and handed on at a time, as from a local folder."""
PART_BYTES = 8_388_608
"""Of an upload: larger files go in parts of this, and each upload holds two of them in memory."""
MAX_PARTS = 10_000
"""S3's bound: files over 80 GB go in larger parts."""
KEYS_AT_A_TIME = 1000
ATTEMPTS = 3
BACKOFF_S = 0.1
OVERLOADED = (500, 502, 503, 504)
PROBE_S = 2.0
"""A store that takes longer to say that it is there counts as down."""
PROBE_EVERY_S = 1.0
LEFTOVER_S = 86_400
"""An upload in parts that was begun this long ago was left by a process that was killed."""
SHA256 = "x-amz-meta-sha256"

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the files are: `endpoint` for this server, `public_endpoint` for links (empty: the same), both URLs."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    name: str
    region: str
    prefix: str = ""
    """What the keys begin with in the bucket; ends with `/` unless empty."""
    public_endpoint: str = ""
    ca_file: str = ""
    """Certificates to trust, PEM; empty: those of the system."""
    timeout_s: float = 5
    connections: int = 16


class MinioObjects:
    """`Objects` in `bucket`, which is made when it is missing; links hold for `lifetime_s` seconds (at most 7 days)."""

    def __init__(self, bucket: Bucket, lifetime_s: int, clock: Callable[[], float] = time.time) -> None:
        self._bucket = bucket
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._client = _connect(bucket, bucket.endpoint, bucket.timeout_s, ATTEMPTS)
        self._probe = _connect(bucket, bucket.endpoint, min(PROBE_S, bucket.timeout_s), 1)
        self._signer = _connect(bucket, bucket.public_endpoint or bucket.endpoint, bucket.timeout_s, 1)
        self._threads = ThreadPoolExecutor(bucket.connections, "s3")
        self._probe_thread = ThreadPoolExecutor(1, "s3-probe")
        self._down = ""
        """Why no links are given at present; empty while the store answers."""

    async def put_file(self, key: str, source: Path, *, content_type: str, sha256: str) -> None:
        check_key(key)
        file = Source(source, sha256.lower())
        await file.store(self._run(partial(self._put, key, file, content_type), limit=None))

    async def stat(self, key: str) -> ObjectInfo | None:
        check_key(key)
        found = await self._run(partial(self._find, key))
        return found[0] if found else None

    async def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        check_key(key)
        if start < 0 or (end is not None and end < start):
            raise BadInput(f"The bytes {start} to {end} are no part of a file.")
        found = await self._run(partial(self._find, key))
        if found is None:
            raise RawDataUnavailable(f"{key} is not in the store of files.")
        size = found[0].size
        stop = size if end is None else min(end, size)
        if start >= stop:
            return
        answer = await self._run(partial(self._open, key, start, stop - start))
        try:
            position = start
            while position < stop:
                piece = await self._run(partial(answer.read, min(PIECE_BYTES, stop - position)))
                if not piece:
                    raise RawDataUnavailable(f"{key} ends at byte {position}, though it had {size} bytes: it was cut.")
                position += len(piece)
                yield piece
        finally:
            answer.close()
            answer.release_conn()

    def link(self, key: str, *, filename: str, content_type: str) -> Link:
        check_key(key)
        check_content_type(content_type)
        if self._down:
            raise RawDataUnavailable(f"The store of files does not answer: {self._down}.")
        said = {
            "response-content-type": content_type,
            "response-content-disposition": content_disposition(download_name(filename, key)),
        }
        return self._sign("GET", key, said)

    def upload_link(self, key: str) -> Link:
        """A link by which anyone may PUT one file under `key` until it expires. Nothing is checked: the caller does, after."""
        check_key(key)
        return self._sign("PUT", key, {})

    async def list_keys(self, prefix: str) -> AsyncGenerator[str, None]:
        check_prefix(prefix)
        keys = self._keys(prefix)
        while some := await self._run(lambda: list(islice(keys, KEYS_AT_A_TIME))):
            for key in some:
                yield key

    async def delete(self, key: str) -> None:
        check_key(key)
        await self._run(partial(self._delete, key))

    async def remove_leftovers(self, *, dry_run: bool = False) -> int:
        return await self._run(partial(self._remove_leftovers, dry_run=dry_run), limit=None)

    async def check(self) -> None:
        try:
            await self._ask_bucket()
        except FAILURES as error:
            raise translate(error) from error

    async def follow(self) -> None:
        """Ask the store each second whether it answers, until cancelled: while it does not, `link` gives no links."""
        while True:
            try:
                await self._ask_bucket()
                down = ""
            except FAILURES as error:
                down = reason(error)
            if down != self._down:
                log.warning("The store of files %s.", f"does not answer: {down}" if down else "answers again")
                self._down = down
            await asyncio.sleep(PROBE_EVERY_S)

    async def close(self) -> None:
        """Waits for no thread: each ends by its own limit of time."""
        for threads in (self._threads, self._probe_thread):
            threads.shutdown(wait=False, cancel_futures=True)
        for client in (self._client, self._probe, self._signer):
            client._http.clear()

    async def _run(self, work: Callable[[], T], *, limit: float | None = 0) -> T:
        """The one door to the store: a thread of ours, a limit of time (0: the usual, None: each socket's), our errors."""
        seconds = self._bucket.timeout_s if limit == 0 else limit
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except FAILURES as error:
            log.warning("A call of the store of files failed: %s", error or f"no answer within {seconds} s")
            raise translate(error) from error

    async def _ask_bucket(self) -> None:
        """Raises one of FAILURES unless the bucket is there, which is made where it is missing."""

        def ask() -> None:
            if not self._probe.bucket_exists(self._bucket.name):
                _make_bucket(self._probe, self._bucket)

        async with asyncio.timeout(2 * PROBE_S):
            await asyncio.get_running_loop().run_in_executor(self._probe_thread, ask)

    def _name(self, key: str) -> str:
        return self._bucket.prefix + key

    def _sign(self, method: str, key: str, said: dict[str, str]) -> Link:
        now = datetime.fromtimestamp(int(self._clock()), UTC)
        lifetime = timedelta(seconds=self._lifetime_s)
        url = self._signer.get_presigned_url(
            method,
            self._bucket.name,
            self._name(key),
            lifetime,
            response_headers=dict(said),
            request_date=now,
        )
        return Link(url, now + lifetime)

    def _find(self, key: str) -> tuple[ObjectInfo, str] | None:
        """What is known of a file, and its sha256 where it was put by this class; None where there is none."""
        try:
            found = self._client.stat_object(self._bucket.name, self._name(key))
        except S3Error as error:
            if is_missing(error):
                return None
            raise
        if found.last_modified is None or found.size is None:
            raise ValueError(f"the store says neither size nor time of {key}")
        info = ObjectInfo(key, found.size, found.etag or "", found.last_modified)
        return info, (found.metadata or {}).get(SHA256, "")

    def _open(self, key: str, offset: int, length: int) -> BaseHTTPResponse:
        try:
            return self._client.get_object(self._bucket.name, self._name(key), offset, length)
        except S3Error as error:
            if is_missing(error):
                raise RawDataUnavailable(f"{key} is not in the store of files.") from error
            raise

    def _put(self, key: str, source: Source, content_type: str) -> None:
        found = self._find(key)
        if found is not None:
            source.check_taken(key, found[1] or self._read_sha256(key))
            return
        try:
            self._upload(key, source, content_type)
        except S3Error as error:
            if error.code != "NoSuchBucket":
                raise
            _make_bucket(self._client, self._bucket)
            self._upload(key, source, content_type)

    def _upload(self, key: str, source: Source, content_type: str) -> None:
        with source.open() as reading:
            self._client.put_object(
                self._bucket.name,
                self._name(key),
                cast("BinaryIO", reading),
                reading.size,
                content_type,
                metadata={SHA256: source.sha256},
                part_size=max(PART_BYTES, -(-reading.size // MAX_PARTS)),
                num_parallel_uploads=1,
            )

    def _read_sha256(self, key: str) -> str:
        """Of a file that somebody else put there."""
        digest = hashlib.sha256()
        answer = self._open(key, 0, 0)
        try:
            for piece in answer.stream(PIECE_BYTES):
                digest.update(piece)
        finally:
            answer.close()
            answer.release_conn()
        return digest.hexdigest()

    def _keys(self, prefix: str) -> Iterator[str]:
        cut = len(self._bucket.prefix)
        try:
            for name in self._names(self._name(prefix)):
                if is_key(name[cut:]):
                    yield name[cut:]
        except S3Error as error:
            if not is_missing(error):
                raise

    def _names(self, prefix: str) -> Iterator[str]:
        """The names that begin with `prefix`, in the order of their text, a folder at a time.

        S3 says so of its listings, but a server that keeps folders lists `b/…` before `b-`, and the SDK each page's
        folders behind its files: so two pages of a folder are held and put in order.
        """
        held: list[str] = []
        listed = self._client.list_objects(self._bucket.name, prefix)
        for name in chain((str(found.object_name) for found in listed), (None,)):
            if name is not None and not (name == prefix and name.endswith("/")):  # a folder may list itself
                heappush(held, name)
            while held and (name is None or len(held) > 2 * KEYS_AT_A_TIME):
                first = heappop(held)
                if first.endswith("/"):
                    yield from self._names(first)
                else:
                    yield first

    def _delete(self, key: str) -> None:
        try:
            self._client.remove_object(self._bucket.name, self._name(key))
        except S3Error as error:
            if not is_missing(error):
                raise

    def _remove_leftovers(self, *, dry_run: bool) -> int:
        """Uploads in parts that were never completed; the SDK has no public call for them."""
        name, prefix = self._bucket.name, self._bucket.prefix
        oldest = datetime.now(UTC) - timedelta(seconds=LEFTOVER_S)
        count, marker = 0, ""
        try:
            while True:
                page = self._client._list_multipart_uploads(name, prefix=prefix, key_marker=marker)
                for upload in page.uploads:
                    if upload.upload_id and upload.initiated_time and upload.initiated_time < oldest:
                        count += 1
                        if not dry_run:
                            self._client._abort_multipart_upload(name, upload.object_name, upload.upload_id)
                if not page.is_truncated or not page.next_key_marker:
                    return count
                marker = page.next_key_marker
        except S3Error as error:
            if is_missing(error):
                return count
            raise


def _connect(bucket: Bucket, endpoint: str, timeout_s: float, attempts: int) -> Minio:
    """A client of `endpoint` that has the region, and so never asks for it. Raises SettingsError for what is no URL."""
    url = urlsplit(endpoint)
    try:
        trusted = ssl.create_default_context(cafile=bucket.ca_file or None)
    except OSError as error:
        raise SettingsError(f"SYNDB_S3_CA_FILE: {bucket.ca_file} holds no certificates: {error}.") from None
    pool = PoolManager(
        timeout=Timeout(connect=min(timeout_s, PROBE_S), read=timeout_s),
        maxsize=bucket.connections,
        ssl_context=trusted,
        retries=Retry(attempts - 1, backoff_factor=BACKOFF_S, status_forcelist=OVERLOADED, raise_on_status=False),
    )
    try:
        if url.scheme not in ("http", "https") or not url.netloc or url.path.strip("/") or url.query:
            raise ValueError("it is no http:// or https:// address without a path")
        return Minio(
            url.netloc,
            bucket.access_key,
            bucket.secret_key,
            secure=url.scheme == "https",
            region=bucket.region,
            http_client=pool,
        )
    except ValueError as error:
        raise SettingsError(f"SYNDB_S3_ENDPOINT and SYNDB_S3_PUBLIC_ENDPOINT: {endpoint!r}: {error}.") from None


def _make_bucket(client: Minio, bucket: Bucket) -> None:
    try:
        client.make_bucket(bucket.name)
        log.info("The bucket %s was missing and is made.", bucket.name)
    except S3Error as error:  # somebody else was faster
        if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
