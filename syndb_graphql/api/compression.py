"""Answers made smaller, for those who ask: zstd or gzip at their fastest. Their default levels cost more than the query did."""

import zstandard
from anyio import to_thread
from isal import igzip

WORTH_COMPRESSING = 4096
"""Bytes below which an answer fits a few packets anyway."""
APART = 262_144
"""Bytes from which compressing takes milliseconds and so happens in a thread; both libraries let go of the interpreter."""
MAX_CODINGS = 20


def choose_coding(accepted: str) -> str | None:
    """zstd before gzip, of those that an Accept-Encoding header allows."""
    allowed = set()
    for part in accepted.lower().split(",")[:MAX_CODINGS]:
        name, _, weight = part.partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            allowed.add(name.strip())
    return next((coding for coding in ("zstd", "gzip") if coding in allowed), None)


async def compress(body: bytes, coding: str) -> bytes:
    if len(body) < APART:
        return _compress(body, coding)
    return await to_thread.run_sync(_compress, body, coding)


def _compress(body: bytes, coding: str) -> bytes:
    if coding == "zstd":
        return zstandard.ZstdCompressor(level=1).compress(body)
    compressed: bytes = igzip.compress(body, compresslevel=1)
    return compressed
