"""Global ids: opaque text that says what it names, so that `node(id:)` finds its partition with no look-up table.

base64url of a kind (a type's name, padded with `:` so that what follows begins at a multiple of three bytes) and what
identifies the thing within its kind. Because of the padding, the ids of a page share their text but for the last 22 characters.
"""

import base64
from dataclasses import dataclass

from syndb_graphql.errors import BadInput

MAX_ID = 512
"""Characters of the longest id that is looked at."""
TEXT_KINDS = frozenset({"Term", "Publication"})
"""Kinds known by text (never beginning with `:`); a data set is known by its uuid, all others by two."""
_UUID = 16
_KEY_LENGTH = {"Dataset": _UUID}


@dataclass(frozen=True, slots=True)
class GlobalId:
    kind: str
    """Name of the type; of a file its type and its table, as `Mesh/neuron`."""
    key: bytes
    """Data set (16 bytes) and cid (16 bytes) of a row or file; data set of a data set; text of anything else."""


def encode_id(kind: str, key: bytes) -> str:
    head = kind.encode() + b":"
    head += b":" * (-(len(head) + max(0, len(key) - _UUID)) % 3)
    return base64.urlsafe_b64encode(head + key).decode().rstrip("=")


def decode_id(text: str) -> GlobalId | None:
    """None for anything that is no id; whether the thing exists is another question. Raises BadInput for what is far too long."""
    if len(text) > MAX_ID:
        raise BadInput(f"An id has at most {MAX_ID} characters, this one {len(text):,}.")
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
        kind = raw.partition(b":")[0].decode("ascii")
    except ValueError:  # binascii.Error and the errors of both codecs are ValueErrors
        return None
    rest = raw[len(kind) + 1 :]
    key = rest.lstrip(b":") if kind in TEXT_KINDS else rest[-_KEY_LENGTH.get(kind, 2 * _UUID) :]
    return GlobalId(kind, key) if encode_id(kind, key) == text else None
