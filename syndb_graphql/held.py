"""Temporary files that tell whether their process lives: it holds a lock on them, which the system frees when it ends.

The number of a process would not do: numbers are used again, and those of a container are not ours.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

LEFTOVER_S = 86_400
"""Where locks are not to be had, a file this old was left by a process that was killed: nothing here takes a day."""


def create_held(path: Path) -> BinaryIO:
    """A new file, held until it is closed. Raises FileExistsError where there is one."""
    while True:
        file = path.open("xb")
        if sys.platform == "win32":
            return file
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # no locks here
            return file
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # in the moment before it was locked somebody took it for a leftover


def remove_unheld(path: Path, remove: Callable[[Path], None] | None) -> bool:
    """Whether no process holds the file; if so `remove` is called with it, and none comes to hold it meanwhile."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        if _is_held(descriptor):
            return False
        if remove:
            remove(path)
        return True
    finally:
        os.close(descriptor)


def _is_held(descriptor: int) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # no locks here: the age must do
            pass
        else:
            return False
    return os.fstat(descriptor).st_mtime > time.time() - LEFTOVER_S
