"""Numbers in text as the contributor writes them, where dataset.toml says so: decimal commas, parted thousands.

Of a cell such as `1.234` nobody can tell whether it is one or a thousand, so nothing is taken for granted: a cell that
is not written exactly as stated becomes one that no parser takes, and is reported as it stands in the file.
"""

import re
from dataclasses import dataclass

import polars as pl

NOT_SO_WRITTEN = "?"
SPACES = " \u00a0\u2009\u202f"
"""Also those that do not break, which programs write between thousands."""


@dataclass(frozen=True, slots=True)
class Numerals:
    """How numbers are written. `thousands`: what parts them, empty where nothing does."""

    decimal: str = "."
    thousands: str = ""

    @property
    def usual(self) -> bool:
        return self.decimal == "." and not self.thousands

    def to_plain(self, values: pl.Series) -> pl.Series:
        """Text with the numbers in it written with a decimal point and nothing else; any other type as it is."""
        if self.usual or values.dtype != pl.String:
            return values
        text = values.str.strip_chars()
        parted = {" ": f"[{SPACES}]", "'": "['’]"}.get(self.thousands, re.escape(self.thousands))
        whole = rf"(?:\d+|\d{{1,3}}(?:{parted}\d{{3}})+)" if self.thousands else r"\d+"
        decimal = re.escape(self.decimal)
        right = text.str.contains(rf"^[+-]?(?:{whole}(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?$")
        plain = text.str.replace_all(parted, "") if self.thousands else text
        plain = plain.str.replace(self.decimal, ".", literal=True)
        doubtful = text.str.contains(r"[.,]")
        rest = pl.Series([NOT_SO_WRITTEN]).new_from_index(0, len(text)).zip_with(doubtful, text)
        return plain.zip_with(right, rest).rename(values.name)

    def split_point(self, values: pl.Series) -> pl.Series:
        """Text with three numbers in it, as `to_plain`; where the comma is the decimal sign it parts no numbers."""
        if self.decimal == "." or values.dtype != pl.String:
            return values
        pointed = values.str.contains(r"\d\.\d").fill_null(value=False)
        refused = pl.Series([NOT_SO_WRITTEN]).new_from_index(0, len(values))
        return refused.zip_with(pointed, values.str.replace_all(r",(\d)", ".$1")).rename(values.name)
