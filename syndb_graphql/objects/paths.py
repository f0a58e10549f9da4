"""Keys of files as paths: which keys there are, and where below a folder each one lies, never outside of it.

A key is one or more parts joined by `/`, a part made of ASCII letters, digits and `_ - . =` that neither begins nor
ends with a dot: so no part is empty, hidden, `.` or `..`, no key is absolute, and every key is a proper path, URL and
S3 key as it stands.
"""

import os
import re
from pathlib import Path

from syndb_graphql.errors import BadInput, RawDataUnavailable

MAX_KEY_CHARACTERS = 512
"""Half of what S3 takes; the longest key that a load makes has about 130."""
MAX_PART_CHARACTERS = 200
"""File systems take 255 bytes a name."""

_PART = r"[A-Za-z0-9_=-](?:[A-Za-z0-9_.=-]*[A-Za-z0-9_=-])?"
_KEY = re.compile(rf"{_PART}(?:/{_PART})*")
_PREFIX = re.compile(rf"(?:{_PART}/)*(?:[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)?")


def is_key(key: str) -> bool:
    return (
        len(key) <= MAX_KEY_CHARACTERS
        and _KEY.fullmatch(key) is not None
        and all(len(part) <= MAX_PART_CHARACTERS for part in key.split("/"))
    )


def check_key(key: str) -> None:
    """Raise BadInput unless `key` is one."""
    if not is_key(key):
        raise BadInput(
            f"{_shown(key)} is no key of a file: a key has at most {MAX_KEY_CHARACTERS} characters, its parts are "
            f"joined by '/', and each is 1 to {MAX_PART_CHARACTERS} letters, digits, '_', '-', '=' or dots inside."
        )


def check_prefix(prefix: str) -> None:
    """Raise BadInput unless some key may begin with `prefix`."""
    if len(prefix) > MAX_KEY_CHARACTERS or _PREFIX.fullmatch(prefix) is None:
        raise BadInput(f"{_shown(prefix)} begins no key of a file.")


def path_of(root: Path, key: str) -> Path:
    """Where the file of `key` lies below `root`, which is resolved already.

    BadInput if it is no key; RawDataUnavailable if a symbolic link in the folder leads it outside.
    """
    check_key(key)
    path = Path(os.path.realpath(root / key))
    if not path.is_relative_to(root):
        raise RawDataUnavailable(f"{key} leads out of the folder of files by a symbolic link.")
    return path


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 80 else f"{text[:80]}…")
