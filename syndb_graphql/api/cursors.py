"""Signed keyset cursors: where a row stands in one connection, and nothing that could be changed to read another.

A cursor of rows is base64url(version, key, tag). The tag is the AES-CMAC (RFC 4493) over what the connection hangs from
(data set, table or relation, parent, filter and order), the version and the key; so a forged cursor, or one of another
connection, is refused. CMAC because a page's tags are then two calls of AES over all its rows, not a hash a row.
The length of the page is not part of it: `first` may change between pages. The first secret signs, all verify.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from syndb_graphql.errors import InvalidCursor
from syndb_graphql.store.protocol import Key

BLOCK = 16
TAG_BYTES = 10
"""At least 80 bits; two bytes more where the cursor would otherwise end in padding."""
MAX_CURSOR = 1024
VERSION_BYTES = 4
_REFUSED = "is none of this connection: it was changed, cut short, or belongs to another parent, filter or order."


class RowCursors:
    """Cursors of one connection of rows; keys are of `parts` uuids of 16 bytes."""

    def __init__(self, secrets: Sequence[bytes], scope: bytes, parent: bytes, parts: int) -> None:
        """`scope` names data set, table or relation, filter and order; `parent` is the owner's and component's cids or empty."""
        self._secrets = secrets
        self._scope = scope
        self._parent = parent
        self._key_bytes = parts * BLOCK
        self._tag_bytes = TAG_BYTES + -(VERSION_BYTES + self._key_bytes + TAG_BYTES) % 3

    def encode_page(self, version: int, keys: Sequence[Key]) -> list[str]:
        """One cursor a key, in order."""
        if not keys:
            return []
        packed = np.frombuffer(b"".join(b"".join(key) for key in keys), np.uint8).reshape(len(keys), self._key_bytes)
        tags = self._tags(self._secrets[0], version, packed)
        head = np.broadcast_to(np.frombuffer(version.to_bytes(VERSION_BYTES), np.uint8), (len(keys), VERSION_BYTES))
        text = base64.urlsafe_b64encode(np.hstack([head, packed, tags]).tobytes()).decode()
        width = len(text) // len(keys)
        return [text[start : start + width] for start in range(0, len(text), width)]

    def decode(self, cursor: str, argument: str) -> tuple[int, Key]:
        """Version and key. Raises InvalidCursor, naming the argument the cursor was given as."""
        raw = _decode_text(cursor, argument)
        if len(raw) != VERSION_BYTES + self._key_bytes + self._tag_bytes:
            raise InvalidCursor(f"`{argument}` {_REFUSED}")
        version = int.from_bytes(raw[:VERSION_BYTES])
        packed = raw[VERSION_BYTES : -self._tag_bytes]
        row = np.frombuffer(packed, np.uint8).reshape(1, self._key_bytes)
        given = raw[-self._tag_bytes :]
        if not any(hmac.compare_digest(self._tags(secret, version, row).tobytes(), given) for secret in self._secrets):
            raise InvalidCursor(f"`{argument}` {_REFUSED}")
        return version, tuple(packed[start : start + BLOCK] for start in range(0, self._key_bytes, BLOCK))

    def _tags(
        self, secret: bytes, version: int, keys: "np.ndarray[tuple[int, int], np.dtype[np.uint8]]"
    ) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
        """AES-CMAC of parent, version and key for each row of `keys`, cut to the tag's length."""
        cipher, subkey = _cipher(secret, self._scope)
        encrypt = cipher.encryptor().update
        state = bytes(BLOCK)
        prefix = self._parent + version.to_bytes(BLOCK)
        for start in range(0, len(prefix), BLOCK):
            state = encrypt(bytes(a ^ b for a, b in zip(state, prefix[start : start + BLOCK], strict=True)))
        rows = np.broadcast_to(np.frombuffer(state, np.uint8), (len(keys), BLOCK))
        for start in range(0, self._key_bytes, BLOCK):
            block = rows ^ keys[:, start : start + BLOCK]
            if start + BLOCK == self._key_bytes:
                block ^= np.frombuffer(subkey, np.uint8)
            rows = np.frombuffer(encrypt(block.tobytes()), np.uint8).reshape(len(keys), BLOCK)
        return rows[:, : self._tag_bytes]


class TextCursors:
    """Cursors of a connection held in memory, such as that of data sets; a key is a tuple of texts."""

    def __init__(self, secrets: Sequence[bytes], scope: bytes) -> None:
        self._secrets = secrets
        self._scope = scope

    def encode(self, key: Sequence[str]) -> str:
        payload = "\0".join(key).encode()
        return base64.urlsafe_b64encode(self._tag(self._secrets[0], payload) + payload).decode().rstrip("=")

    def decode(self, cursor: str, argument: str) -> tuple[str, ...]:
        raw = _decode_text(cursor, argument)
        tag, payload = raw[:BLOCK], raw[BLOCK:]
        if not any(hmac.compare_digest(self._tag(secret, payload), tag) for secret in self._secrets):
            raise InvalidCursor(f"`{argument}` {_REFUSED}")
        return tuple(payload.decode().split("\0"))

    def _tag(self, secret: bytes, payload: bytes) -> bytes:
        return hmac.digest(_derive(secret, self._scope), payload, "sha256")[:BLOCK]


def _decode_text(cursor: str, argument: str) -> bytes:
    try:
        if len(cursor) > MAX_CURSOR:
            raise ValueError
        return base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), b"-_", validate=True)
    except ValueError:
        raise InvalidCursor(f"`{argument}` {_REFUSED}") from None


def _derive(secret: bytes, scope: bytes) -> bytes:
    return hmac.digest(secret, b"syndb cursor\0" + scope, hashlib.sha256)


@lru_cache(maxsize=4096)
def _cipher(secret: bytes, scope: bytes) -> tuple[Cipher[modes.ECB], bytes]:
    """AES under the connection's own key, and CMAC's subkey for messages of whole blocks."""
    cipher = Cipher(algorithms.AES(_derive(secret, scope)[:BLOCK]), modes.ECB())  # noqa: S305 - the block function CMAC is made of
    zero = int.from_bytes(cipher.encryptor().update(bytes(BLOCK)))
    doubled = (zero << 1) & (1 << 128) - 1
    return cipher, (doubled ^ 0x87 if zero >> 127 else doubled).to_bytes(BLOCK)
