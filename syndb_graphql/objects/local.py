"""Files in a local folder: the store of a laptop and of one server, with nothing else to run.

A file lies under its key and appears whole or not at all: it is written under `.incoming/` in the same file system,
checked, synced and renamed. Who may fetch it is said by signed links (links.py); serving them over HTTP is the API's.
All file calls run on threads of this store's own, so that a slow disk neither stops the event loop nor takes the
threads of others.
"""

import contextlib
import hashlib
import math
import os
import secrets
import stat
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from syndb_graphql.errors import NO_ROOM, BadInput, DiskFull, RawDataUnavailable
from syndb_graphql.held import create_held, remove_unheld
from syndb_graphql.objects.links import make_link, verify_link
from syndb_graphql.objects.paths import check_prefix, is_key, path_of
from syndb_graphql.objects.protocol import Link, LinkedFile, ObjectInfo
from syndb_graphql.objects.source import Source

INCOMING = ".incoming"
"""Hidden, so no key names it."""
PIECE_BYTES = 262_144
"""Read and sent at a time: larger pieces are not measurably faster, and each slow download holds one or two."""
THREADS = 16
"""File calls at a time; more wait their turn."""
RENAME_ATTEMPTS = 5
KEYS_AT_A_TIME = 1000

T = TypeVar("T")


class LocalObjects:
    """`Objects` in `folder`, which is made when first needed; `keys` sign links that hold for `lifetime_s` seconds."""

    def __init__(
        self, folder: Path, keys: tuple[bytes, ...], lifetime_s: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._root = folder.resolve()
        self._keys = keys
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._threads = CapacityLimiter(THREADS)

    async def put_file(self, key: str, source: Path, *, content_type: str, sha256: str) -> None:  # noqa: ARG002
        # The content type is not kept: rows know it, and links state it.
        file = Source(source, sha256.lower())
        await file.store(self._run(partial(self._put, key, file)))

    async def stat(self, key: str) -> ObjectInfo | None:
        found = await self._run(partial(self._find, key))
        if found is None:
            return None
        _, status = found
        return ObjectInfo(
            key=key,
            size=status.st_size,
            etag=f"{status.st_mtime_ns:x}-{status.st_size:x}",
            modified=datetime.fromtimestamp(int(status.st_mtime), UTC),
        )

    async def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        if start < 0 or (end is not None and end < start):
            raise BadInput(f"The bytes {start} to {end} are no part of a file.")
        file, size = await self._run(partial(self._open, key))
        try:
            position, stop = start, size if end is None else min(end, size)
            if position < stop:
                file.seek(position)
            while position < stop:
                piece = await self._run(partial(file.read, min(PIECE_BYTES, stop - position)))
                if not piece:
                    raise RawDataUnavailable(f"{key} ends at byte {position}, though it had {size} bytes: it was cut.")
                position += len(piece)
                yield piece
        finally:
            file.close()

    def link(self, key: str, *, filename: str, content_type: str) -> Link:
        return make_link(self._keys, key, filename, content_type, math.ceil(self._clock()) + self._lifetime_s)

    def open_link(self, key: str, params: Mapping[str, str]) -> LinkedFile:
        return verify_link(self._keys, key, params, self._clock())

    async def list_keys(self, prefix: str) -> AsyncGenerator[str, None]:
        check_prefix(prefix)
        keys = _keys_below(self._root, "", prefix)
        while some := await self._run(lambda: list(islice(keys, KEYS_AT_A_TIME))):
            for key in some:
                yield key

    async def delete(self, key: str) -> None:
        await self._run(partial(self._delete, key))

    async def remove_leftovers(self, *, dry_run: bool = False) -> int:
        return await self._run(partial(self._remove_leftovers, dry_run=dry_run))

    async def check(self) -> None:
        await self._run(self._probe)

    async def follow(self) -> None:
        """Nothing to follow: links lead to this server."""

    async def close(self) -> None:
        """Nothing is held open."""

    async def _run(self, work: Callable[[], T]) -> T:
        """The one door to the disk: a thread of ours; the system's errors as RawDataUnavailable, without our paths."""
        try:
            return await to_thread.run_sync(work, limiter=self._threads)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise DiskFull(str(self._root)) from error
            raise RawDataUnavailable(f"The folder of files does not answer: {error.strerror or error}.") from error

    def _find(self, key: str) -> tuple[Path, os.stat_result] | None:
        path = path_of(self._root, key)
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return (path, status) if stat.S_ISREG(status.st_mode) else None

    def _open(self, key: str) -> tuple[FileIO, int]:
        found = self._find(key)
        if found is None:
            raise RawDataUnavailable(f"{key} is not in the store of files.")
        path, status = found
        return path.open("rb", buffering=0), status.st_size

    def _put(self, key: str, source: Source) -> None:
        target = path_of(self._root, key)
        if self._find(key) is not None:
            with target.open("rb") as file:
                source.check_taken(key, hashlib.file_digest(file, "sha256").hexdigest())
            return
        incoming = self._incoming()
        draft = incoming / secrets.token_hex(16)
        try:
            with create_held(draft) as writing:  # held until it has its name
                with source.open() as reading:
                    while piece := reading.read(PIECE_BYTES):
                        writing.write(piece)
                writing.flush()
                os.fsync(writing.fileno())
                if os.name == "nt":
                    writing.close()  # Windows renames no open file
                _rename(draft, target)
            _sync_folders(target.parent, self._root)
        finally:
            draft.unlink(missing_ok=True)

    def _incoming(self) -> Path:
        incoming = self._root / INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        return incoming

    def _remove_leftovers(self, *, dry_run: bool) -> int:
        if not (self._root / INCOMING).is_dir():
            return 0
        remove = None if dry_run else Path.unlink
        return sum(remove_unheld(path, remove) for path in (self._root / INCOMING).iterdir())

    def _delete(self, key: str) -> None:
        found = self._find(key)
        if found is None:
            return
        path, _ = found
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # until one is not empty
            for folder in path.parents:
                if folder == self._root:
                    break
                folder.rmdir()

    def _probe(self) -> None:
        probe = self._incoming() / secrets.token_hex(16)
        probe.touch(exist_ok=False)
        probe.unlink()
        with os.scandir(self._root):
            pass


def _rename(draft: Path, target: Path) -> None:
    for attempt in range(1, RENAME_ATTEMPTS + 1):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(target)
        except (FileNotFoundError, FileExistsError):
            # A delete at this moment took the folder away, since it was still empty; or just after it was seen to be there.
            if attempt == RENAME_ATTEMPTS:
                raise
        else:
            return


def _sync_folders(folder: Path, root: Path) -> None:
    """Make the new names last through a loss of power (Windows cannot open folders, and does so by itself)."""
    if os.name == "nt":
        return
    for each in (folder, *folder.parents):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if each == root:
            return


def _keys_below(folder: Path, head: str, prefix: str) -> Iterator[str]:
    """The keys of `folder` (each is `head` and a path in it) that begin with `prefix`, in the order of their text."""
    try:
        with os.scandir(folder) as found:
            names = {entry.name + "/" * entry.is_dir(follow_symlinks=False): entry for entry in found}
    except FileNotFoundError:  # no file yet, or its last one was deleted meanwhile
        return
    for name, entry in sorted(names.items()):
        key = head + name
        if name.endswith("/"):
            if (key.startswith(prefix) or prefix.startswith(key)) and is_key(key[:-1]):
                yield from _keys_below(folder / entry.name, key, prefix)
        elif key.startswith(prefix) and entry.is_file(follow_symlinks=False) and is_key(key):
            yield key
