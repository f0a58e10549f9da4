"""Errors of SQLite as ours."""

import shutil
from pathlib import Path
from tempfile import gettempdir

import apsw

from syndb_graphql.errors import NO_ROOM, DiskFull, StoreTimeout, StoreUnavailable, SyndbError


def explain(
    error: Exception, connection: apsw.Connection | None, path: Path, name: str, timeout_s: float
) -> SyndbError:
    """`name` is what the file at `path` is called; `connection` is None before it is open."""
    match error:
        case apsw.InterruptError():
            return StoreTimeout(f"The store did not answer within {timeout_s:g} s. Ask for fewer rows.")
        case apsw.BusyError():
            return StoreTimeout(f"{name} is being written to by another process; try again.")
        case apsw.FullError():
            return DiskFull(_full_folder(path))
        case apsw.NotADBError():
            return StoreUnavailable(f"{name} is no SQLite database. Set SYNDB_DATA to another folder.")
        case apsw.IOError() if connection is not None and connection.system_errno in NO_ROOM:
            return DiskFull(_full_folder(path))
    return StoreUnavailable(f"{name} cannot be used: {error}")


def _full_folder(path: Path) -> str:
    """SQLite sorts in the folder for temporary files, and does not say which of the two is full."""
    return str(min((path.parent, Path(gettempdir())), key=lambda folder: shutil.disk_usage(folder).free))
