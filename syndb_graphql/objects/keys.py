"""Secret keys and what they sign: links to files and cursors. Whoever has no key can neither make nor change one.

The first key signs, all verify: to rotate, put a new key in front and take the old one away once what it signed has
expired. Keys come from the settings, or else from one file in the data folder, so that links and cursors outlive a
restart and servers beside each other believe each other's. What is signed, and for how long it holds, is the caller's.
"""

import base64
import contextlib
import hmac
import logging
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from syndb_graphql.errors import SettingsError

FILE_NAME = "secret-keys"
KEY_BYTES = 32
"""As many as SHA-256 has: more add nothing to an HMAC."""
MIN_KEY_CHARACTERS = 32
"""The same bound as on the setting: 16 random bytes in hex."""
MAX_FILE_BYTES = 65_536

log = logging.getLogger(__name__)


def load_secret_keys(configured: tuple[str, ...], folder: Path) -> tuple[bytes, ...]:
    """The configured keys, or those kept in `folder/secret-keys`, one a line; the file is made where there is none.

    Raises SettingsError where the file cannot be made, read or kept to its owner, or holds no proper keys.
    """
    if configured:
        return tuple(key.encode() for key in configured)
    path = folder / FILE_NAME
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise SettingsError(
            f"The secret keys cannot be kept in {path}: {error.strerror}. "
            "Make the folder writable for this user, or set SYNDB_SECRET_KEYS."
        ) from error


def sign(keys: Sequence[bytes], purpose: str, message: bytes) -> str:
    """The HMAC-SHA256 of `message` by the first key: 43 characters that are safe in a URL.

    What is signed for one purpose ("link", "cursor") does not verify for another.
    """
    return _signature(keys[0], purpose, message)


def verify(keys: Sequence[bytes], purpose: str, message: bytes, signature: str) -> bool:
    """Whether one of the keys signed `message` for `purpose`; takes as long whatever the signature is."""
    given = signature.encode(errors="replace")
    matches = [hmac.compare_digest(_signature(key, purpose, message).encode(), given) for key in keys]
    return any(matches)


def _signature(key: bytes, purpose: str, message: bytes) -> str:
    # A purpose is a word of the source, never with NUL: so no purpose and message read like another pair.
    digest = hmac.digest(key, purpose.encode() + b"\0" + message, "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _make(path: Path) -> None:
    """Make the file with one new key, whole from its first moment: of two processes, one makes it and both read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _read(path: Path) -> tuple[bytes, ...]:
    _keep_private(path)
    with path.open("rb") as file:
        keys = tuple(line.strip() for line in file.read(MAX_FILE_BYTES).splitlines() if line.strip())
    shortest = min((len(key) for key in keys), default=0)
    if shortest < MIN_KEY_CHARACTERS:
        raise SettingsError(
            f"{path} holds {len(keys)} keys, the shortest of {shortest} characters; each line needs at least "
            f"{MIN_KEY_CHARACTERS}. Restore the file, or remove it: a new key is then made, and the links and cursors "
            "given out until now no longer hold."
        )
    return keys


def _keep_private(path: Path) -> None:
    """Take the keys' file away from everyone but its owner (Windows has no such modes: its folders are private)."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "nt" or not mode & 0o077:
        return
    try:
        path.chmod(0o600)
    except OSError as error:
        raise SettingsError(
            f"{path} may be read by others (mode {mode:04o}) and cannot be narrowed: {error.strerror}. "
            f"Run `chmod 600 {path}` as its owner, or set SYNDB_SECRET_KEYS."
        ) from error
    log.warning("%s could be read by others (mode %04o) and is now 0600. Remove it if somebody may have.", path, mode)
