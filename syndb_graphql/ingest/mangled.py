"""What spreadsheets and people make of values: decimal commas, separators of thousands, units in cells, dates.

A number that cannot be read is an error already; here it is told which mistake it is. Ids and names are read as they
stand, so what a spreadsheet made of them is a warning. Nothing is mended: of `1,234` nobody can say what it was.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from syndb_graphql.ingest.values import Problem

_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mrz|mai|okt|dez)[a-z]*"
_DATE = (
    rf"(?i)^(?:\d{{1,2}}[-./ ]\s?{_MONTH}(?:[-./ ]\d{{2,4}})?|{_MONTH}[-./ ]\d{{2,4}}"
    r"|\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?|\d{1,2}/\d{1,2}/(?:\d{2}|\d{4}))$"
)
"""1-Mar, Sep-02, 2024-03-01, 2024-03-01 00:00:00, 3/1/2024."""
_ERROR = r"^#(?:N/A|DIV/0!|REF!|VALUE!|NAME\?|NUM!|NULL!|SPILL!|CALC!|NV|WERT!|BEZUG!|ZAHL!)$"
_DECIMAL_COMMA = r"^[+-]?\d+,\d+(?:[eE][+-]?\d+)?$"
_SURE_COMMA = r"^[+-]?(?:\d{4,},\d+|\d+,(?:\d{1,2}|\d{4,})|0\d*,\d+)(?:[eE][+-]?\d+)?$"
"""A comma that parts no thousands."""
_COMMAS = r"^[+-]?[1-9]\d{0,2}(?:(?:,\d{3}){2,}(?:\.\d+)?|,\d{3}\.\d+)$"
"""Commas that part thousands and nothing else."""
_THOUSANDS = r"^[+-]?[1-9]\d{0,2}(?:(?:,\d{3})+(?:\.\d+)?|(?:\.\d{3}){2,}(?:,\d+)?|\.\d{3},\d+|(?:['’\x{a0}\x{202f}\x{2009} ]\d{3})+(?:[.,]\d+)?)$"
_WITH_UNIT = r"(?i)^[+-]?[\d.,]+(?:e[+-]?\d+)?\s*(?:%|‰|[a-zµμåÅ][a-zµμåÅ/^\d²³⁻¹.-]*)$"
_ODD_ID = r"^['=]|[\p{Cc}\p{Cf}\p{Zs}--\x{20}]|(?i)^\d{1,4}[-./ ]\s?(?:\d|[a-z])|^[a-z]{3,9}[-./ ]\d{2,4}$"
"""One look at every id, before the exact ones."""
_INVISIBLE = r"[\p{Cc}\p{Cf}[\p{Zs}--\x{20}]]"
"""Controls, marks without width, spaces that do not break."""
_QUOTED = r"^'|^=\s*\""
_SERIAL = r"^[34]\d{4}$"
"""Days since 1900, as spreadsheets count them: the years 1982 to 2036."""
SERIALS_AMONG = 20
"""A number is odd in a column of names where so many names come on one number."""


def explain_numbers(problem: Problem, given: pl.Series) -> Sequence[Problem]:
    """The problem of cells that are no number, parted by what was done to them; what is not known stays as it is."""
    if given.dtype != pl.String:
        return (problem,)
    return tuple(part for part in _parts(problem, given.str.strip_chars()) if part.where.any())


def _parts(problem: Problem, text: pl.Series) -> Iterator[Problem]:
    left = problem.where
    for rule, pattern, message, remedy in (
        (
            "error-cell",
            _ERROR,
            "The cell holds an error of a spreadsheet's formula.",
            "Mend the formula, or leave the cell empty where nothing was measured.",
        ),
        (
            "date-cell",
            _DATE,
            "The cell holds a date: a spreadsheet makes one of numbers such as 1.3 or 3/1.",
            "Take the number from the original; format the column as text before it is pasted.",
        ),
    ):
        found = _matching(text, left, pattern)
        yield Problem(rule, found, message, remedy)
        left = left & ~found
    thousands, comma = _matching(text, left, _THOUSANDS), _matching(text, left, _DECIMAL_COMMA)
    if _matching(text, left, _SURE_COMMA).any() and not _matching(text, left, _COMMAS).any():
        yield Problem(
            "decimal-comma",
            comma,
            "The number has a decimal comma.",
            'Add decimal = "," to the table\'s section in dataset.toml, or save it with decimal points.',
        )
        left = left & ~comma
        thousands = thousands & ~comma
    yield Problem(
        "thousands-separator",
        thousands,
        "The number has separators of thousands, or a decimal comma: which of them cannot be told.",
        "Write plain digits with a decimal point (in a spreadsheet: format the cells as General, then save), or say how they "
        'are written in the table\'s section in dataset.toml, such as decimal = "," and thousands = ".".',
    )
    left = left & ~thousands
    units = _matching(text, left, _WITH_UNIT)
    yield Problem(
        "unit-in-cell",
        units,
        "The cell holds a number with a unit.",
        'Write the number alone, and the unit in dataset.toml: length_unit, or units = { column = "um3" }.',
    )
    yield Problem(problem.rule, left & ~units, problem.message, problem.remedy)


def odd_ids(given: pl.Series) -> Sequence[Problem]:
    """Warnings of ids that may not be what was meant; they are kept as they are."""
    if given.dtype != pl.String:
        return ()
    text = given.str.strip_chars()
    odd = _matching(text, None, _ODD_ID)
    return _odd(text, odd) if odd.any() else ()


def odd_words(given: pl.Series) -> Sequence[Problem]:
    """Warnings of names and other words that may not be what was meant; they are kept as they are."""
    if given.dtype != pl.String:
        return ()
    # Of many rows few words are different.
    words = given.unique().drop_nulls()
    if not len(words):
        return ()
    text = words.str.strip_chars()
    found = [*_odd(text, pl.Series([True]).new_from_index(0, len(words)))]
    serial = _matching(text, None, _SERIAL)
    if serial.any() and _matching(text, None, r"\p{L}").sum() >= SERIALS_AMONG * serial.sum():
        found.append(
            Problem(
                "date-for-word",
                serial,
                "A number among names: a spreadsheet counts the days of a date so, and makes a date of names such as MARCH1.",
                "Look it up in the original. If it is a name, nothing is to be done.",
            )
        )
    return tuple(
        Problem(
            each.rule,
            given.is_in(words.filter(each.where).implode()).fill_null(value=False),
            each.message,
            each.remedy,
        )
        for each in found
    )


def _odd(text: pl.Series, among: pl.Series) -> tuple[Problem, ...]:
    problems = (
        Problem(
            "date-for-word",
            _matching(text, among, _DATE),
            "'{value}' looks like a date: a spreadsheet makes one of names such as MARCH1 or 2-SEP.",
            "Look it up in the original; format the column as text before it is pasted. If it is right, nothing is to be done.",
        ),
        Problem(
            "invisible-character",
            _matching(text, among, _INVISIBLE),
            "There is a character in it that is not seen: it equals no other that looks the same.",
            "Type it anew; text copied from web pages brings such characters along.",
        ),
        Problem(
            "spreadsheet-quote",
            _matching(text, among, _QUOTED),
            "It begins as a spreadsheet marks text; the mark is read as a part of it.",
            "Save the table without the apostrophe or the formula.",
        ),
    )
    return tuple(problem for problem in problems if problem.where.any())


def _matching(text: pl.Series, among: pl.Series | None, pattern: str) -> pl.Series:
    found = text.str.contains(pattern).fill_null(value=False)
    return found if among is None else found & among
