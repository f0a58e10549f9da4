"""Where each column's values come from: given by the contributor, or derived while loading."""

import polars as pl


class Origins:
    """Counts, by column, of values that were given and of values that were derived."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}
        self._derived: dict[str, int] = {}

    def count(self, column: str, *, given: int = 0, derived: int = 0) -> None:
        self._given[column] = self._given.get(column, 0) + given
        self._derived[column] = self._derived.get(column, 0) + derived

    def count_given(self, column: str, values: pl.Series) -> None:
        self.count(column, given=len(values) - values.null_count())

    def of(self, column: str) -> str:
        """given | derived | mixed | absent"""
        given, derived = self._given.get(column, 0) > 0, self._derived.get(column, 0) > 0
        return "mixed" if given and derived else "given" if given else "derived" if derived else "absent"
