"""Run as a process of its own: reads one sheet of a workbook and writes it to standard output as an Arrow stream.

A workbook is unpacked as a whole and a sheet is held as a whole, empty cells between distant ones included, and the
library that does it ends the process where memory is short; so it runs apart, with bounds on memory and time. What is
wrong goes to standard error as one line of JSON. Imports nothing of the package but this, so that it starts at once.

The stream has a column for each column of the sheet: numbers, where each cell with something in it is a number; true
and false likewise; else text, numbers among it written as a spreadsheet shows them, those that are no longer exact with
an exponent. Cells that are dates or errors are null there; `!n` beside column `n` then holds what they show.
"""

import contextlib
import json
import re
import sys
import zipfile
from typing import Any

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

MAX_MEMORY_BYTES = 2 * 1024**3
"""Address space of the process: ten million cells need half of it."""
MAX_SECONDS = 300
"""Of processor time."""
MAX_SHEETS = 500
MAX_CELLS = 20_000_000
HEAD_ROWS = 60
"""First rows that are looked through for the header."""
BATCH_ROWS = 50_000
EXACT = 2.0**53
"""Whole numbers from here on are not exact in the floats that a spreadsheet keeps."""
ERRORS = {"Div0": "#DIV/0!", "NA": "#N/A", "Name": "#NAME?", "Null": "#NULL!", "Num": "#NUM!", "Ref": "#REF!"}
ERRORS |= {"Value": "#VALUE!", "GettingData": "#GETTING_DATA"}
AS_DATE = r"^\d{4}-\d\d-\d\d( |$)|^\d\d:\d\d:\d\d"
BLOCK_BYTES = 1024 * 1024
MAX_FORMULA_BYTES = 10_000
"""More than a spreadsheet allows, in a cell."""
UNSAVED = re.compile(
    rb'<c r="([A-Z]{1,3}[0-9]{1,7})"([^<>]{0,100})><f(?:[^<>]{0,200}/>|[^<>]{0,200}>[^<]{0,9000}</f>)(?:<v ?/>|<v></v>)?</c>'
)
DATES_WRITTEN_OUT = "T"
"""Text such as 2020-01-31T10:00 reads as a date too; a cell that is one shows a space there."""


class Refused(Exception):
    """Carries a rule, a message and a remedy, as BadFile does; and sheets, where it is about them."""


def main() -> int:
    """The exit status: 0, or 1 with the reason on standard error."""
    request = json.loads(sys.argv[1])
    _bound()
    try:
        write_sheet(request, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except Refused as error:
        rule, message, remedy, *sheets = error.args
        answer: dict[str, Any] = {"rule": rule, "message": message, "remedy": remedy, "sheets": sheets}
    except MemoryError:
        answer = {"rule": "workbook-too-large"}
    except zipfile.BadZipFile as error:
        answer = {"rule": "malformed-workbook", "message": f"The workbook is damaged: {error}."}
    except OSError as error:
        answer = {"errno": error.errno}
    except BaseException as error:  # noqa: BLE001 - a panic of the library is no Exception
        answer = {"rule": "malformed-workbook", "message": f"The workbook cannot be read: {error}"}
    else:
        return 0
    print(json.dumps(answer), file=sys.stderr)
    return 1


def _bound() -> None:
    """Where the system can: not on Windows, and macOS keeps no bound on memory."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # not there on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))


def write_sheet(request: dict[str, Any], out: Any) -> None:
    """`request`: path, sheet and header_row (or null), decimal."""
    book = fastexcel.read_excel(request["path"])
    name = _choose_sheet(book, request["sheet"])
    # Each way to load a sheet goes through all of it, which takes most of the time.
    texts, errors = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_arrow_with_errors()
    if texts.num_rows * texts.num_columns > MAX_CELLS:
        message = f"The sheet has {texts.num_rows:,} rows and {texts.num_columns:,} columns, over {MAX_CELLS:,} cells."
        raise Refused("workbook-too-large", message, "Save the table as csv or Parquet.")
    head = _head(texts, HEAD_ROWS + (request["header_row"] or 0))
    first = _find_header(head, request["header_row"])
    # As true and false every number is read, and no text; as dates every number and every date.
    numbers = _load(book, name, "boolean")
    dates = _load(book, name, "datetime") if any(_has_dates(column) for column in texts.columns) else None
    wrong: dict[int, dict[int, str]] = {}
    for error in errors.errors if errors else ():
        row, column = error.position
        if row > first:
            wrong.setdefault(column, {})[row - first - 1] = _name_error(error.detail)
    fields: dict[str, pa.Array] = {}
    names: list[int] = []
    for at in range(texts.num_columns):
        below = [batch.column(at).slice(first + 1) if batch else None for batch in (texts, numbers, dates)]
        values, spoiled = _column(below[0], below[1], below[2], wrong.get(at, {}), request["decimal"])
        if head[at][first] is None and values.null_count == len(values) and spoiled is None:
            continue
        fields[str(len(names))] = values
        if spoiled is not None:
            fields[f"!{len(names)}"] = spoiled
        names.append(at)
    rows = [(first + below + 2, [_cell(head[at], first + 1 + below) for at in names]) for below in range(10)]
    unsaved = _find_unsaved(request["path"])
    facts = {
        "unsaved": unsaved,
        "header": [head[at][first] or "" for at in names],
        "header_row": first + 1,
        "below": rows,
    }
    _write(out, fields, facts, texts.num_rows - first - 1)


def _choose_sheet(book: fastexcel.ExcelReader, stated: str | None) -> str:
    names = book.sheet_names[:MAX_SHEETS]
    if stated is not None:
        if stated not in names:
            shown = ", ".join(f"'{name}'" for name in names)
            raise Refused("no-sheet", f"The workbook has no sheet '{stated}'.", f"Its sheets are {shown}.")
        return stated
    if len(names) == 1:
        return str(names[0])
    filled = []
    for name in names:
        sheet = book.load_sheet(name, header_row=None, skip_rows=0, n_rows=1, dtypes="string")
        if sheet.visible == "visible" and sheet.total_height:
            filled.append(name)
    if not filled:
        raise Refused("empty-file", "No visible sheet of the workbook holds a cell.", "Give it a header and rows.")
    if len(filled) > 1:
        shown = ", ".join(f"'{name}'" for name in filled)
        remedy = f'Say which: sheet = "{filled[0]}" in the table\'s section in dataset.toml.'
        raise Refused("several-sheets", f"{len(filled)} sheets of the workbook hold data: {shown}.", remedy, *filled)
    return str(filled[0])


def _load(book: fastexcel.ExcelReader, name: str, dtype: Any) -> pa.RecordBatch:
    return book.load_sheet(name, header_row=None, skip_rows=0, dtypes=dtype).to_arrow()


def _head(texts: pa.RecordBatch, rows: int) -> list[list[str | None]]:
    """The columns of the first rows; None where nothing but space is."""
    columns = (column.slice(0, rows).to_pylist() for column in texts.columns)
    return [[(cell.strip() or None) if cell else None for cell in column] for column in columns]


def _has_dates(texts: pa.Array) -> bool:
    """Whether a cell is written as dates are; text may be too."""
    return bool(pc.any(pc.match_substring_regex(texts, AS_DATE)).as_py())


def _find_unsaved(path: str) -> tuple[int, str] | None:
    """Formulas that were saved without a value, as programs do that compute none: how many, and where the first is.

    The library reads them as empty cells. A formula whose value is an empty text says so, and is none of them.
    """
    if not zipfile.is_zipfile(path):
        return None
    count, where = 0, ""
    with zipfile.ZipFile(path) as packed:
        for name in packed.namelist():
            if not name.startswith("xl/worksheets/"):
                continue
            with packed.open(name) as part:
                rest = b""
                while block := part.read(BLOCK_BYTES):
                    text = rest + block
                    last = 0
                    for found in UNSAVED.finditer(text):
                        last = found.end()
                        if b't="str"' not in found[2]:
                            count += 1
                            where = where or f"{found[1].decode()} of {name.rpartition('/')[2]}"
                    rest = text[max(last, len(text) - MAX_FORMULA_BYTES) :]
    return (count, where) if count else None


def _find_header(head: list[list[str | None]], stated: int | None) -> int:
    """The first row that is not blank, counted from 0; or the stated one."""
    height = len(head[0]) if head else 0
    if not height:
        raise Refused("empty-file", "The sheet holds no cell.", "Give it a header and rows, or remove it.")
    if stated is not None:
        if stated > height:
            message = f"The header is stated to be row {stated:,}, and the sheet has {height:,} rows."
            raise Refused("no-header", message, "Correct header_row in dataset.toml.")
        return stated - 1
    for row in range(height):
        if any(column[row] is not None for column in head):
            return row
    message = f"The first {HEAD_ROWS} rows of the sheet are blank."
    raise Refused("no-header", message, "Begin the table further up.")


def _cell(column: list[str | None], row: int) -> str:
    return (column[row] or "") if row < len(column) else ""


def _name_error(detail: str) -> str:
    """`Expected string but got 'Error(Div0)'` is #DIV/0!."""
    word = detail.partition("Error(")[2].partition(")")[0]
    return ERRORS.get(word, f"#{word or 'ERROR'}")


def _column(
    texts: pa.Array, numbers: pa.Array, dates: pa.Array | None, wrong: dict[int, str], decimal: str
) -> tuple[pa.Array, pa.Array | None]:
    """The column as it is to be written, and what its dates and errors show, if it has any."""
    blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
    texts = pc.if_else(pc.fill_null(blank, fill_value=True), pa.scalar(None, pa.string()), texts)
    number = pc.and_(pc.is_valid(numbers), pc.is_valid(texts))
    is_date = pc.and_(pc.is_valid(texts), pc.invert(number))
    is_date = pc.and_(pc.is_valid(dates), is_date) if dates is not None else pc.and_(is_date, pc.invert(is_date))
    if pc.any(is_date).as_py():
        written_out = pc.fill_null(pc.match_substring(texts, DATES_WRITTEN_OUT), fill_value=False)
        is_date = pc.and_(is_date, pc.invert(written_out))
    spoiled = None
    if wrong or pc.any(is_date).as_py():
        shown = pc.if_else(is_date, pc.replace_substring(texts, " 00:00:00", ""), pa.scalar(None, pa.string()))
        spoiled = shown
        if wrong:
            listed = shown.to_pylist()
            for row, text in wrong.items():
                listed[row] = text
            spoiled = pa.array(listed, pa.string())
        texts = pc.if_else(is_date, pa.scalar(None, pa.string()), texts)
    return _typed(texts, number, decimal), spoiled


def _typed(texts: pa.Array, number: pa.Array, decimal: str) -> pa.Array:
    there = pc.is_valid(texts)
    if not pc.any(there).as_py():
        return texts
    truth = pc.and_(number, pc.fill_null(pc.is_in(texts, pa.array(["true", "false"])), fill_value=False))
    if pc.all(pc.or_(truth, pc.invert(there))).as_py():
        return pc.cast(texts, pa.bool_())
    number = pc.and_(number, pc.invert(truth))
    values = pc.cast(pc.if_else(number, texts, pa.scalar(None, pa.string())), pa.float64())
    if pc.all(pc.or_(number, pc.invert(there))).as_py():
        return values
    rounded = pc.fill_null(pc.greater_equal(pc.abs(values), EXACT), fill_value=False)
    if pc.any(rounded).as_py():
        texts = pa.array(
            [
                f"{value:.6E}" if lost else text
                for value, lost, text in zip(*_lists(values, rounded, texts), strict=True)
            ],
            pa.string(),
        )
    if decimal != ".":
        texts = pc.if_else(number, pc.replace_substring(texts, ".", decimal), texts)
    return texts


def _lists(*arrays: pa.Array) -> list[list[Any]]:
    return [array.to_pylist() for array in arrays]


def _write(out: Any, fields: dict[str, pa.Array], facts: dict[str, Any], rows: int) -> None:
    schema = pa.schema([pa.field(name, values.type) for name, values in fields.items()])
    schema = schema.with_metadata({"facts": json.dumps(facts)})
    with pa.ipc.new_stream(out, schema) as writer:
        if fields:
            whole = pa.record_batch(list(fields.values()), schema=schema)
            for start in range(0, rows, BATCH_ROWS):
                writer.write_batch(whole.slice(start, BATCH_ROWS))


if __name__ == "__main__":
    sys.exit(main())
