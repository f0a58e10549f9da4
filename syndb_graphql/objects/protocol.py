"""The contract of a store of files: meshes, skeletons, Parquet. Keys are paths with `/`, never absolute, never with `..`.

A file is written once under a key and never changed. Links are made without asking the store; they are signed and expire.
A missing file or a store that does not answer is RawDataUnavailable.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


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


class Objects(Protocol):
    async def put_file(self, key: str, source: Path, *, content_type: str, sha256: str) -> None:
        """Store a local file under `key`; checked against its sha256 (hex). The same content again changes nothing."""
        ...

    async def stat(self, key: str) -> ObjectInfo | None: ...

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes [start, end) in pieces of at most 1 MiB."""
        ...

    def link(self, key: str, *, filename: str, content_type: str) -> Link:
        """A link by which anyone may fetch the file under the name `filename` until it expires."""
        ...

    def list_keys(self, prefix: str) -> AsyncIterator[str]: ...

    async def delete(self, key: str) -> None:
        """Removing what is not there is no error."""
        ...

    async def check(self) -> None:
        """Return if the store answers; raise RawDataUnavailable with the reason if not."""
        ...
