"""Folders for temporary files: gone when their process ends, and known for what they are where it was killed.

Beside each lies a file that the process holds (held.py). A folder without one that is held is a leftover.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir

from syndb_graphql.held import create_held, remove_unheld

PREFIX = "syndb-"
SUFFIX = ".held"


@contextmanager
def open_scratch(purpose: str) -> Iterator[Path]:
    """A folder of this process alone, removed at the end with all that is in it."""
    folder = Path(gettempdir()) / f"{PREFIX}{purpose}-{token_hex(8)}"
    mark = folder.with_name(folder.name + SUFFIX)
    with create_held(mark):
        try:
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            _remove(mark)


def remove_dead_scratch(*, dry_run: bool = False) -> list[Path]:
    """Remove the folders that this user's killed processes left in the folder for temporary files; which they are."""
    found = []
    for mark in sorted(Path(gettempdir()).glob(f"{PREFIX}*{SUFFIX}")):
        with suppress(FileNotFoundError):  # its process has just ended, and took it away
            # A link or a file of somebody else's may lie in a folder that all may write to.
            mine = not hasattr(os, "getuid") or mark.lstat().st_uid == os.getuid()
            if mine and not mark.is_symlink() and remove_unheld(mark, None if dry_run else _remove):
                found.append(mark.with_suffix(""))
    return found


def _remove(mark: Path) -> None:
    """The mark last: a removal that is killed is done again."""
    shutil.rmtree(mark.with_suffix(""), ignore_errors=True)
    mark.unlink(missing_ok=True)
