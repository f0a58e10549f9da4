"""Cells of a file as typed values, a whole column at a time, with what is wrong in it.

Takes text (csv) and typed columns (Parquet, spreadsheets) alike. An empty cell is null; NaN and infinity are refused,
because a store would keep them as nulls or as numbers that no mean survives. Nothing is guessed: 'n/a' in a column of
numbers is an error. Ids stay as they are written, except that 17.0, as data frames write whole numbers, is 17.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from syndb_graphql.spec.types import BIGINT, BOOLEAN, FLOAT, INT, TEXT, ColumnType

MAX_ID_BYTES = 500
MAX_TEXT_BYTES = 10_000
EXACT = 2**53
"""Whole numbers from here on are not exact in a float."""
SPREADSHEET_DIGITS = 15
SURE_ZEROS = 6
"""Zeros that ids end in by chance once in a million columns."""
INT_BOUNDS = {"int": (-(2**31), 2**31 - 1), "bigint": (-(2**63), 2**63 - 1)}
TRUE = ("true", "1", "yes", "t", "y", "1.0")
FALSE = ("false", "0", "no", "f", "n", "0.0")
_EMPTY_LEAVE = "Leave the cell empty where nothing was measured."
_ROUNDED = r"^[+-]?\d([.,]\d+)?[eE]\+\d+$"
_DIGITS = r"^\d{16,}$"
_MAYBE_THOUSANDS = r"^[+-]?[1-9]\d{0,2}\.000$"
"""One, or a thousand where points part thousands."""
_POINT_ZERO = r"^[+-]?\d+\.0$"


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that some values of a column break."""

    rule: str
    where: pl.Series
    """True where it is broken."""
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Parsed:
    values: pl.Series
    """Null also where there is a problem."""
    problems: Sequence[Problem] = ()


def parse(values: pl.Series, type_: ColumnType) -> Parsed:
    """A column of the file as values of our type."""
    return _PARSERS[type_](values)


def parse_float(values: pl.Series) -> Parsed:
    if values.dtype.is_numeric():
        numbers = values.cast(pl.Float64)
    elif values.dtype == pl.String:
        numbers = values.cast(pl.Float64, strict=False)
        if numbers.null_count() != values.null_count():
            values = _stripped(values)
            numbers = values.cast(pl.Float64, strict=False)
    else:
        return _wrong_type(values, pl.Float64, "a number")
    failed = numbers.is_null() & values.is_not_null()
    endless = (~numbers.is_finite()).fill_null(value=False)
    return _refused(
        numbers,
        Problem(
            "not-a-number",
            failed,
            "The value is no number.",
            f"Write it with a decimal point and no unit. {_EMPTY_LEAVE}",
        ),
        Problem("not-finite", endless, "The value is not a finite number.", _EMPTY_LEAVE),
    )


def parse_int(values: pl.Series, type_: ColumnType = INT) -> Parsed:
    if values.dtype.is_integer():
        numbers = values.cast(pl.Int64, strict=False)
    elif values.dtype.is_float():
        numbers = _whole(values)
    elif values.dtype == pl.String:
        numbers = values.cast(pl.Int64, strict=False)
        if numbers.null_count() != values.null_count():
            # Data frames write whole numbers with gaps as 17.0.
            values = _stripped(values)
            floats = _whole(values.cast(pl.Float64, strict=False))
            floats = floats.zip_with(~values.str.contains(_MAYBE_THOUSANDS).fill_null(value=False), _nulls(floats))
            numbers = values.cast(pl.Int64, strict=False).zip_with(
                values.cast(pl.Int64, strict=False).is_not_null(), floats
            )
    else:
        return _wrong_type(values, pl.Int64, "a whole number")
    failed = numbers.is_null() & values.is_not_null()
    low, high = INT_BOUNDS[type_.name]
    outside = ((numbers < low) | (numbers > high)).fill_null(value=False)
    parsed = _refused(
        numbers,
        Problem("not-a-whole-number", failed, "The value is no whole number.", f"Write digits alone. {_EMPTY_LEAVE}"),
        Problem(
            "too-large",
            outside,
            f"The number is not between {low:,} and {high:,}.",
            "Correct it, or leave out the column.",
        ),
    )
    return Parsed(parsed.values.cast(pl.Int32), parsed.problems) if type_ is INT else parsed


def parse_bool(values: pl.Series) -> Parsed:
    if values.dtype == pl.Boolean:
        return Parsed(values)
    if values.dtype.is_numeric() or values.dtype == pl.String:
        text = _stripped(values.cast(pl.String)).str.to_lowercase()
        true = text.is_in(TRUE)
        known = true | text.is_in(FALSE)
        failed = (~known).fill_null(value=False)
        message = "The value is neither true nor false."
        return _refused(
            true, Problem("not-a-boolean", failed, message, "Write true or false; leave unknown cells empty.")
        )
    return _wrong_type(values, pl.Boolean, "true or false")


def parse_text(values: pl.Series) -> Parsed:
    if values.dtype.is_nested() or values.dtype.is_temporal() or values.dtype == pl.Binary:
        return _wrong_type(values, pl.String, "text")
    text = _stripped(values.cast(pl.String))
    long = (text.str.len_bytes() > MAX_TEXT_BYTES).fill_null(value=False)
    message = f"The text is longer than {MAX_TEXT_BYTES:,} bytes."
    return _refused(text, Problem("too-long", long, message, "Shorten it; long remarks belong in the notes."))


def parse_id(values: pl.Series) -> Parsed:
    """Ids as text, exactly as written."""
    if values.dtype.is_float():
        whole = _whole(values)
        text = whole.cast(pl.String)
        return _refused(text, _mangled((whole.is_null() & values.is_not_null()) | _ending_in_zeros(text)))
    if values.dtype.is_nested() or values.dtype.is_temporal() or values.dtype in (pl.Boolean, pl.Binary):
        return _wrong_type(values, pl.String, "an id")
    text = _stripped(values.cast(pl.String))
    if values.dtype.is_integer():
        return Parsed(text)
    mangled = text.str.contains(_ROUNDED).fill_null(value=False)
    with_zero = text.str.contains(_POINT_ZERO).fill_null(value=False)
    if with_zero.any():
        digits = text.str.strip_suffix(".0")
        exact = digits.cast(pl.Int64, strict=False).abs() < EXACT
        mangled = mangled | (with_zero & ~exact.fill_null(value=False))
        text = digits.zip_with(with_zero, text)
    mangled = mangled | _ending_in_zeros(text)
    long = (text.str.len_bytes() > MAX_ID_BYTES).fill_null(value=False)
    message = f"The id is longer than {MAX_ID_BYTES} bytes."
    return _refused(text, _mangled(mangled), Problem("too-long", long, message, "Use a shorter id."))


def parse_point(values: pl.Series, axes: str) -> Parsed:
    """Cells such as `[1 2 3]` or `(1, 2, 3)`, or lists, as a struct of the fields x, y and z."""
    if values.dtype == pl.List or values.dtype == pl.Array:
        lists = values.cast(pl.List(pl.Float64), strict=False)
        whole = lists.list.len() == len(axes)
        parts = [lists.list.get(index, null_on_oob=True) for index in range(len(axes))]
    elif values.dtype == pl.String:
        values = _stripped(values)
        plain = values.str.replace_all(r"[\[\](){},;\s]+", " ").str.strip_chars()
        split = plain.str.splitn(" ", len(axes)).struct.unnest()
        parts = [split.to_series(index).cast(pl.Float64, strict=False) for index in range(len(axes))]
        whole = pl.Series([True]).new_from_index(0, len(values))
    else:
        return _wrong_type(values, pl.Struct(dict.fromkeys("xyz", pl.Float64)), "three numbers")
    finite = whole
    for part in parts:
        finite = finite & part.is_finite().fill_null(value=False)
    failed = ~finite.fill_null(value=False) & values.is_not_null()
    frame = pl.DataFrame(
        [part.zip_with(~failed, _nulls(part)).rename(axis) for axis, part in zip(axes, parts, strict=True)]
    )
    point = frame.select("x", "y", "z").to_struct()
    message = "The cell does not hold three finite numbers."
    return Parsed(point, (Problem("not-a-point", failed, message, "Write such as [1 2 3] or (1, 2, 3)."),))


def _stripped(values: pl.Series) -> pl.Series:
    """Without spaces around; null where nothing is left."""
    text = values.str.strip_chars()
    empty = text.str.len_bytes() == 0
    return text.zip_with(~empty, _nulls(text)) if empty.any() else text


def _whole(numbers: pl.Series) -> pl.Series:
    """Floats as whole numbers; null where they are none or no longer exact."""
    exact = (numbers == numbers.round()) & (numbers.abs() < EXACT)
    return numbers.zip_with(exact.fill_null(value=False), _nulls(numbers)).cast(pl.Int64)


def _ending_in_zeros(text: pl.Series) -> pl.Series:
    """True for long numbers if all of them have zeros beyond their 15th digit: a spreadsheet keeps no more."""
    long = text.str.contains(_DIGITS).fill_null(value=False)
    if long.any():
        tails = text.filter(long).str.slice(SPREADSHEET_DIGITS)
        if (tails.str.strip_chars("0") == "").all() and tails.str.len_bytes().sum() >= SURE_ZEROS:
            return long
    return pl.Series([False]).new_from_index(0, len(text))


def _refused(values: pl.Series, *problems: Problem) -> Parsed:
    broken = [problem for problem in problems if problem.where.any()]
    for problem in broken:
        values = values.zip_with(~problem.where, _nulls(values))
    return Parsed(values, broken)


def _wrong_type(values: pl.Series, dtype: pl.DataType | type[pl.DataType], wanted: str) -> Parsed:
    message = f"The column holds {str(values.dtype).lower()}, not {wanted}."
    nulls = pl.Series(values.name, [None], dtype=dtype).new_from_index(0, len(values))
    return _refused(
        nulls, Problem("wrong-type", values.is_not_null(), message, "Convert the column before it is saved.")
    )


def _mangled(where: pl.Series) -> Problem:
    message = "The id was rounded by a spreadsheet or a float: its last digits are lost."
    return Problem("rounded-id", where, message, "Take the ids from the original, as text or 64-bit whole numbers.")


def _nulls(values: pl.Series) -> pl.Series:
    return pl.Series(values.name, [None], dtype=values.dtype).new_from_index(0, len(values))


_PARSERS: dict[ColumnType, Callable[[pl.Series], Parsed]] = {
    FLOAT: parse_float,
    INT: parse_int,
    BIGINT: lambda values: parse_int(values, BIGINT),
    TEXT: parse_text,
    BOOLEAN: parse_bool,
}
