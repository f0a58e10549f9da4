"""Writes spreadsheets as a lab has them, for the tests of loading."""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import xlsxwriter


class Formula(str):
    """A formula that was saved with this value."""


def write_workbook(sheets: Mapping[str, Sequence[Sequence[Any]]], *, hidden: Sequence[str] = (), top: int = 0) -> bytes:
    """Sheets by name, each a list of rows that begins in row `top` (counted from 0). None leaves a cell empty."""
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    dated = workbook.add_format({"num_format": "d-mmm"})
    for name, rows in sheets.items():
        sheet = workbook.add_worksheet(name)
        if name in hidden:
            sheet.hide()
        for row, cells in enumerate(rows, start=top):
            for column, cell in enumerate(cells):
                if isinstance(cell, Formula):
                    sheet.write_formula(row, column, "=1/0", None, str(cell))
                elif isinstance(cell, date):
                    sheet.write_datetime(row, column, cell, dated)
                elif isinstance(cell, str):
                    sheet.write_string(row, column, cell)
                elif cell is not None:
                    sheet.write(row, column, cell)
    workbook.close()
    return out.getvalue()
