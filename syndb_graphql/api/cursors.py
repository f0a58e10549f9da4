"""Signed keyset cursors: where a row stands in one connection, and nothing that could be changed to read another.

A cursor of rows is base64url(version, key, tag). The tag is the AES-CMAC (RFC 4493) over what the connection hangs from
(data set, table or relation, parent, filter and order), the version and the key; so a forged cursor, or one of another
connection, is refused. CMAC because a page's tags are then two calls of AES over all its rows, not a hash a row.
The length of the page is not part of it: `first` may change between pages. The first secret signs, all verify.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pybase64
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from syndb_graphql.api.texts import fill_texts
from syndb_graphql.errors import InvalidCursor
from syndb_graphql.store.protocol import Key, join_uuids

Blocks = np.ndarray[Any, np.dtype[np.uint64]]
"""Blocks of AES as two words each: the last axis."""
BLOCK, WORDS = 16, 2
TAG_BYTES = 10
"""At least 80 bits; two bytes more where the cursor would otherwise end in padding."""
FEW = 4
"""Up to so many cursors a plain loop is faster than NumPy."""
MAX_CURSOR = 1024
VERSION_BYTES = 4
_REFUSED = "is none of this connection: it was changed, cut short, or belongs to another parent, filter or order."


class RowCursors:
    """Cursors of one kind of connection; keys are of `parts` uuids of 16 bytes.

    `scope` names data set, table or relation, filter and order. Each call names the parents: what the connections hang from, as
    cids joined (of one length within a scope), or empty.
    """

    def __init__(self, secrets: Sequence[bytes], scope: bytes, parts: int) -> None:
        self._secrets = secrets
        self._scope = scope
        self._key_bytes = parts * BLOCK
        self._tag_bytes = TAG_BYTES + -(VERSION_BYTES + self._key_bytes + TAG_BYTES) % 3
        self._packed, self._cut = _layouts(self._key_bytes, self._tag_bytes)

    def encode_page(
        self, version: int, parents: Sequence[bytes], counts: Sequence[int], columns: Sequence[Sequence[bytes]]
    ) -> list[str]:
        """One cursor a row, in order: the first `counts[0]` rows hang from `parents[0]`, and so on. `columns` are the parts of the keys."""
        rows = len(columns[0])
        if rows <= FEW:
            owners = [parent for parent, count in zip(parents, counts, strict=True) for _ in range(count)]
            keyed = zip(owners, zip(*columns, strict=True), strict=True)
            return [self._encode(version, parent, b"".join(key)) for parent, key in keyed]
        keys = np.empty((rows, len(columns), WORDS), np.uint64)
        for part, column in enumerate(columns):
            keys[:, part] = np.frombuffer(join_uuids(column), np.uint64).reshape(rows, WORDS)
        packed = np.empty(rows, self._packed)
        packed["version"] = version
        packed["key"] = keys.reshape(rows, -1).view(packed["key"].dtype).ravel()
        packed["tag"] = self._tags(self._secrets[0], version, parents, counts, keys).view(self._cut)["tag"].ravel()
        text = pybase64.b64encode(packed.tobytes(), b"-_")
        size = len(text) // rows
        return fill_texts(bytes(size), ((0, size, 0),), text, size)

    def decode(self, cursor: str, argument: str, parent: bytes) -> tuple[int, Key]:
        """Version and key. Raises InvalidCursor, naming the argument the cursor was given as."""
        raw = _decode_text(cursor, argument)
        if len(raw) != VERSION_BYTES + self._key_bytes + self._tag_bytes:
            raise InvalidCursor(f"`{argument}` {_REFUSED}")
        version = int.from_bytes(raw[:VERSION_BYTES])
        packed, given = raw[VERSION_BYTES : -self._tag_bytes], raw[-self._tag_bytes :]
        tags = (self._tag(secret, version, parent, packed) for secret in self._secrets)
        if not any(hmac.compare_digest(tag, given) for tag in tags):
            raise InvalidCursor(f"`{argument}` {_REFUSED}")
        return version, tuple(packed[start : start + BLOCK] for start in range(0, self._key_bytes, BLOCK))

    def _encode(self, version: int, parent: bytes, key: bytes) -> str:
        tag = self._tag(self._secrets[0], version, parent, key)
        return base64.b64encode(version.to_bytes(VERSION_BYTES) + key + tag, b"-_").decode("ascii")

    def _tag(self, secret: bytes, version: int, parent: bytes, key: bytes) -> bytes:
        """AES-CMAC of version, parent and key, cut to the tag's length."""
        encrypt, subkey = _cipher(secret, self._scope)
        message = version.to_bytes(BLOCK) + parent + key
        *blocks, last = (int.from_bytes(message[start : start + BLOCK]) for start in range(0, len(message), BLOCK))
        state = 0
        for block in (*blocks, last ^ int.from_bytes(subkey)):
            state = int.from_bytes(encrypt((state ^ block).to_bytes(BLOCK)))
        return state.to_bytes(BLOCK)[: self._tag_bytes]

    def _tags(
        self, secret: bytes, version: int, parents: Sequence[bytes], counts: Sequence[int], keys: Blocks
    ) -> Blocks:
        """The tags of all rows of `keys`, a block each."""
        encrypt, subkey = _cipher(secret, self._scope)
        heads = np.frombuffer(b"".join(version.to_bytes(BLOCK) + parent for parent in parents), np.uint64)
        state = _chain(encrypt, np.zeros((1, WORDS), np.uint64), heads.reshape(len(parents), -1, WORDS))
        if len(parents) > 1:
            state = np.repeat(state, counts, axis=0)
        messages = keys.copy()
        messages[:, -1] ^= np.frombuffer(subkey, np.uint64)
        return _chain(encrypt, state, messages)


def _chain(encrypt: Callable[[bytes], bytes], state: Blocks, messages: Blocks) -> Blocks:
    """Cipher block chaining of messages of equal length, each from its own state or all from one: one call of AES a block."""
    for block in range(messages.shape[1]):
        mixed = state ^ messages[:, block]
        state = np.frombuffer(encrypt(mixed.tobytes()), np.uint64).reshape(len(messages), WORDS)
    return state


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


@lru_cache
def _layouts(key_bytes: int, tag_bytes: int) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """Of a cursor, and of a tag cut from its block."""
    cursor = np.dtype([("version", ">u4"), ("key", f"V{key_bytes}"), ("tag", f"V{tag_bytes}")])
    return cursor, np.dtype({"names": ["tag"], "formats": [f"V{tag_bytes}"], "offsets": [0], "itemsize": BLOCK})


@lru_cache(maxsize=4096)
def _cipher(secret: bytes, scope: bytes) -> tuple[Callable[[bytes], bytes], bytes]:
    """AES under the connection's own key, block by block, and CMAC's subkey for messages of whole blocks."""
    cipher = Cipher(algorithms.AES(_derive(secret, scope)[:BLOCK]), modes.ECB())  # noqa: S305 - the block function CMAC is made of
    encrypt = cipher.encryptor().update
    zero = int.from_bytes(encrypt(bytes(BLOCK)))
    doubled = (zero << 1) & (1 << 128) - 1
    return encrypt, (doubled ^ 0x87 if zero >> 127 else doubled).to_bytes(BLOCK)
