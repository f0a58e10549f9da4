"""A local file on its way into a store: read once, from its start to its end, and checked on the way."""

import asyncio
import contextlib
import hashlib
import os
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

from syndb_graphql.errors import BadInput, Conflict


class NotWantedAnyMore(Exception):
    """Ends the thread of a put that was cancelled."""


@dataclass(frozen=True, slots=True)
class Source:
    """The file at `path`, which had this `sha256` (hex, in small letters) when it was described."""

    path: Path
    sha256: str
    cancelled: threading.Event = field(default_factory=threading.Event, init=False)

    async def store(self, put: Coroutine[Any, Any, None]) -> None:
        """Wait for the put of this file. When cancelled it breaks off with its next piece, and only then is this over:

        what waits for a thread ends at once, the thread does not, and whoever cleans up would be overtaken by its file.
        """
        storing = asyncio.ensure_future(put)
        try:
            await asyncio.shield(storing)
        except asyncio.CancelledError:
            self.cancelled.set()
            await asyncio.gather(storing, return_exceptions=True)
            raise

    @contextlib.contextmanager
    def open(self) -> Iterator["Reading"]:
        """From its start. Raises BadInput, as reading does, for what cannot be read."""
        try:
            file = self.path.open("rb", buffering=0)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        with file:
            yield Reading(self, file)

    def check_taken(self, key: str, present: str) -> None:
        """Raises Conflict where the file under its key, whose sha256 is `present`, is another one."""
        if present != self.sha256:
            raise Conflict(
                f"{key} is taken by a file with sha256 {present}; {self.path} has {self.sha256}. Files are never changed: "
                "delete the one that is there, or use another key."
            )


class Reading:
    """Its last bytes come only if the whole has its sha256: a changed file breaks off before it is stored."""

    def __init__(self, source: Source, file: FileIO) -> None:
        self.size = os.fstat(file.fileno()).st_size
        self._source = source
        self._file = file
        self._left = self.size
        self._digest = hashlib.sha256()
        if not self.size:
            self._check()

    def read(self, count: int) -> bytes:
        if self._source.cancelled.is_set():
            raise NotWantedAnyMore
        try:
            piece = self._file.read(count)
        except OSError as error:
            raise _unreadable(self._source.path, error) from error
        self._digest.update(piece)
        self._left -= len(piece)
        if self._left <= 0 or not piece:
            self._check()
        return piece

    def _check(self) -> None:
        found = self._digest.hexdigest()
        if found != self._source.sha256:
            raise BadInput(
                f"{self._source.path} has sha256 {found}, not {self._source.sha256}: it was changed meanwhile. Load it again."
            )


def _unreadable(path: Path, error: OSError) -> BadInput:
    return BadInput(f"{path} cannot be read: {error.strerror}.")
