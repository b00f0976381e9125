"""Questions in spreadsheets: answers as their cells show them, tables wherever they stand on a sheet."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from evaluation.question_files import read_question_set
from tests.readers import samples


@pytest.mark.parametrize(
    ("value", "code", "answer"),
    [
        (0.25, "0%", "25%"),
        (0.125, "0.0%", "12.5%"),
        (12.5, '#,##0.00 "€"', "€12.50"),
        (1250, "[$€-407]#,##0.00", "€1250"),
        (99, "#,##0.00 [$CHF]", "CHF 99"),
        (1250000, "#,##0", "1250000"),
        (date(2026, 5, 1), "dd.mm.yyyy", "2026-05-01"),
        (datetime(2026, 5, 4, 13, 30), "dd/mm/yyyy hh:mm", "2026-05-04 13:30"),
        (time(8, 30), "hh:mm", "08:30"),
        (0.25, "General", "0.25"),
        (6, "General", "6"),
        (True, "General", "TRUE"),
    ],
)
def test_an_answer_is_read_as_excel_shows_it(tmp_path: Path, value: Any, code: str, answer: str) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Question", "Answer"])
    sheet.append(["How much?", value])
    sheet["B2"].number_format = code
    book.save(tmp_path / "q.xlsx")
    assert read_question_set(tmp_path / "q.xlsx").questions[0].answers == (answer,)


def test_a_table_below_a_title_and_right_of_blank_columns(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["C2"] = "Test questions, second quarter"
    sheet.merge_cells("C2:E2")
    for place, row in enumerate(
        [("Source", "Question", "Answer"), ("a.md", "Q?", "six\nor 6"), (None, " R? ", " 7 ")], start=4
    ):
        for column, cell in enumerate(row, start=3):
            sheet.cell(place, column, cell)
    sheet.merge_cells("C5:C6")
    book.save(tmp_path / "q.xlsx")
    found = read_question_set(tmp_path / "q.xlsx").questions
    assert [(one.id, one.text, one.answers, one.documents) for one in found] == [
        ("5", "Q?", ("six\nor 6",), ("a.md",)),
        ("6", "R?", ("7",), ("a.md",)),
    ]


SHEET = """<style:style xmlns:style="s" style:name="unseen">
<style:table-properties table:display="false"/></style:style>
<table:table table:name="Test"><table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>
{rows}</table:table>
<table:table table:name="Old" table:style-name="unseen">{rows}</table:table>"""


def of_cells(*cells: str) -> str:
    return f"<table:table-row>{''.join(cells)}</table:table-row>"


def cell(shown: str, kind: str = "string", value: str = "", rows: int = 1) -> str:
    held = f'office:{"date-value" if kind == "date" else "value"}="{value}"' if value else ""
    merged = f'table:number-rows-spanned="{rows}"' if rows > 1 else ""
    return f'<table:table-cell office:value-type="{kind}" {held} {merged}><text:p>{shown}</text:p></table:table-cell>'


def test_an_open_document_sheet_as_it_is_shown(tmp_path: Path) -> None:
    rows = [
        of_cells(cell("Quelle"), cell("Frage"), cell("Antwort")),
        of_cells(cell("a.md", rows=2), cell("Wie viel?"), cell("25 %", "percentage", "0.25")),
        of_cells("<table:covered-table-cell/>", cell("Was kostet es?"), cell("12,50 €", "currency", "12.5")),
        of_cells(cell("b.md"), cell("Wann?"), cell("1. Mai", "date", "2026-05-01")),
    ]
    sheets = SHEET.format(rows="".join(rows))
    (tmp_path / "q.ods").write_bytes(samples.odt(sheets, kind="spreadsheet"))
    found = read_question_set(tmp_path / "q.ods").questions
    assert [(one.id, one.answers, one.documents) for one in found] == [
        ("4", ("25 %",), ("a.md",)),
        ("5", ("12,50 €",), ("a.md",)),
        ("6", ("2026-05-01",), ("b.md",)),
    ]
