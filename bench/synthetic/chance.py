"""Chance that can be asked for any row, in any order: numbers follow from the seed, a name and the row's number.

Which row a row refers to must be known from both ends without keeping either, so it cannot come from one stream.
"""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

_GOLDEN, _FIRST, _SECOND = (np.uint64(word) for word in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_STEPS = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


def number_of(seed: int, *names: str) -> int:
    """64 bits that stand for these names under this seed."""
    return int.from_bytes(blake2b("/".join((str(seed), *names)).encode(), digest_size=8).digest(), "big")


def uniform(seed: int, names: tuple[str, ...], rows: Rows) -> Floats:
    """A number in [0, 1) for each row (SplitMix64)."""
    word = (rows.astype(np.uint64) + np.uint64(1)) * _GOLDEN + np.uint64(number_of(seed, *names))
    word = (word ^ (word >> _STEPS[0])) * _FIRST
    word = (word ^ (word >> _STEPS[1])) * _SECOND
    return np.asarray(((word ^ (word >> _STEPS[2])) >> _STEPS[3]) * 2.0**-53, np.float64)


def stream(seed: int, *names: str) -> np.random.Generator:
    """Numbers for what is read once, in order."""
    return np.random.Generator(np.random.SFC64(number_of(seed, *names)))
