"""The contract of a store of files: meshes, skeletons, Parquet. Keys are paths with `/`, never absolute, nor with `..`.

A file is written once under a key and never changed. Links are made without asking the store, are signed and expire.
A missing file or a store that does not answer is RawDataUnavailable, a key that is none is BadInput.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

FILES_PATH = "/files/"
"""Where this server serves the files of a store that has no server of its own; the key follows."""


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    """Absolute, or a path on this server that begins with `/`."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    key: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class LinkedFile:
    """What a link that was found to be ours says."""

    key: str
    filename: str
    content_type: str
    seconds_left: int
    """Whole seconds until the link expires."""


class Objects(Protocol):
    async def put_file(self, key: str, source: Path, *, content_type: str, sha256: str) -> None:
        """Store a local file under `key`; checked against its sha256 (hex): BadInput if it differs.

        The same content again changes nothing; other content under a key that is taken is a Conflict. When it is cancelled
        it breaks off, and when it is over nothing is stored any more.
        """
        ...

    async def stat(self, key: str) -> ObjectInfo | None: ...

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes [start, end) in pieces of at most 1 MiB; a slice, so nothing where it begins beyond the end."""
        ...

    def link(self, key: str, *, filename: str, content_type: str) -> Link:
        """A link by which anyone may fetch the file under the name `filename` until it expires."""
        ...

    def list_keys(self, prefix: str) -> AsyncIterator[str]:
        """All keys that begin with `prefix`, in the order of their text."""
        ...

    async def delete(self, key: str) -> None:
        """Removing what is not there is no error."""
        ...

    async def remove_leftovers(self, *, dry_run: bool = False) -> int:
        """Remove what is left of puts that were killed, never of one that runs; how many files. They have no key."""
        ...

    async def check(self) -> None:
        """Return if the store answers; raise RawDataUnavailable with the reason if not."""
        ...

    async def follow(self) -> None:
        """While this runs, links are given out only as long as the store behind them answers."""
        ...

    async def close(self) -> None: ...


class ServedObjects(Objects, Protocol):
    """A store whose links lead to this server, which then asks it whether a link is good."""

    def open_link(self, key: str, params: Mapping[str, str]) -> LinkedFile:
        """What a link to `key` with these query parameters says; Forbidden if it is changed, foreign or expired."""
        ...


def content_disposition(filename: str) -> str:
    """`attachment` with the name in ASCII for everyone, and in full (RFC 6266, RFC 8187) where that differs.

    The same words on every store: a link says under which name its file is saved.
    """
    plain = "".join(c if c.isascii() and c not in '"\\%' else "_" for c in filename)
    full = "" if plain == filename else f"; filename*=UTF-8''{quote(filename, safe='')}"
    return f'attachment; filename="{plain}"{full}'
