"""Answers as the JSON that is sent: long arrays are encoded slice by slice and sent from where they lie, never copied together."""

from collections.abc import Sequence
from typing import Any

import msgspec

_PLACE = msgspec.Raw(b"\0")
"""Stands for an array in the text around it; JSON itself never holds this byte."""


class EncodedArray:
    """A JSON array that grows by slices."""

    def __init__(self) -> None:
        self._parts: list[bytearray] = []

    def extend(self, values: Sequence[Any]) -> None:
        if not values:
            return
        parts = encode_parts(values)
        # Of the slice's own brackets the first opens the array, or becomes the comma behind the slice before it.
        if self._parts:
            parts[0][0] = ord(",")
        del parts[-1][-1:]
        self._parts += parts

    @property
    def parts(self) -> list[bytearray]:
        return [*self._parts, bytearray(b"]" if self._parts else b"[]")]


def encode_parts(value: Any) -> list[bytearray]:
    """The text of a value that may hold arrays, in parts: to be sent one behind the other."""
    arrays: list[EncodedArray] = []

    def place(met: Any) -> msgspec.Raw:
        if not isinstance(met, EncodedArray):
            raise TypeError(f"an answer cannot hold {type(met).__name__}")
        arrays.append(met)
        return _PLACE

    text = bytearray()
    msgspec.json.Encoder(enc_hook=place).encode_into(value, text)
    if not arrays:
        return [text]
    first, *others = text.split(b"\0")
    parts = [first]
    for array, after in zip(arrays, others, strict=True):
        parts += array.parts
        parts.append(after)
    return parts
