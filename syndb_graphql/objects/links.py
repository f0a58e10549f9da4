"""Links to files that this server serves: the key as path, what it is fetched as in the query, a signature over all.

Anyone who has the link may fetch that one file under that one name until it expires; nobody can make another of it.
The type is signed as well, so that a link cannot turn a file into a page. Where the file lies is the store's.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from urllib.parse import quote

from syndb_graphql.errors import BadInput, Forbidden
from syndb_graphql.objects.keys import sign, verify
from syndb_graphql.objects.paths import check_key, is_key
from syndb_graphql.objects.protocol import FILES_PATH, Link, LinkedFile

PURPOSE = "link"
MAX_NAME_CHARACTERS = 120
"""Below the 255 bytes of a file system's names for most scripts, and 1.5 kB of the URL at the most common worst."""
_CONTENT_TYPE = re.compile(r"[a-z]+/[A-Za-z0-9.+-]+(?:; ?charset=[A-Za-z0-9-]+)?")


def make_link(keys: Sequence[bytes], key: str, filename: str, content_type: str, expires: int) -> Link:
    """A link to `key` that holds until `expires` (Unix time, seconds). BadInput for what is no key or content type."""
    check_key(key)
    check_content_type(content_type)
    name = download_name(filename, key)
    signature = sign(keys, PURPOSE, _signed(key, str(expires), name, content_type))
    query = f"expires={expires}&name={quote(name, safe='')}&type={quote(content_type, safe='')}&signature={signature}"
    return Link(f"{FILES_PATH}{key}?{query}", datetime.fromtimestamp(expires, UTC))


def verify_link(keys: Sequence[bytes], key: str, params: Mapping[str, str], now: float) -> LinkedFile:
    """What the link says; Forbidden, alike for a foreign, a changed and an unsigned one, or if it expired by `now`."""
    expires, name, content_type = (params.get(field, "") for field in ("expires", "name", "type"))
    signed = _signed(key, expires, name, content_type)
    if not verify(keys, PURPOSE, signed, params.get("signature", "")) or not is_key(key):
        raise Forbidden(
            "This link was not made by this server, or it was changed, or the server's keys have been replaced since. "
            "Use the link exactly as it was given, or ask for the file's `url` again."
        )
    left = int(expires) - now  # ours, since the signature holds
    if left <= 0:
        raise Forbidden(
            f"This link expired at {datetime.fromtimestamp(int(expires), UTC):%Y-%m-%dT%H:%M:%SZ}. "
            "Ask for the file's `url` again: the query that gave this link gives a new one."
        )
    return LinkedFile(key, name, content_type, int(left))


def check_content_type(content_type: str) -> None:
    """Raise BadInput unless it is one."""
    if _CONTENT_TYPE.fullmatch(content_type) is None:
        raise BadInput(f"{content_type!r} is no content type, such as model/gltf-binary.")


def download_name(filename: str, key: str) -> str:
    """`filename` as the name of a download: no folders, nothing unprintable, not hidden, not too long, never empty."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    if not name.isprintable():  # control characters, and those that turn the direction of the text
        name = "".join(filter(str.isprintable, name))
    name = name.strip().lstrip(".") or key.rpartition("/")[2]
    if len(name) > MAX_NAME_CHARACTERS:
        suffix = PurePosixPath(name).suffix[:20]
        name = name[: MAX_NAME_CHARACTERS - len(suffix)] + suffix
    return name


def _signed(*fields: str) -> bytes:
    # JSON, so that no two different links are one text.
    return json.dumps(fields).encode()
