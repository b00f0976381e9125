"""Tables of spreadsheets: typed columns, cell ranges, totals kept apart, and rows counted from the file itself."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.columns import read_column
from loaders.describing import INCOMPLETE, described
from loaders.draft import ChunkDraft, join_parts
from loaders.knowledge_base import KnowledgeBase
from loaders.location import Location
from loaders.readers import read_file
from loaders.readers.limits import Limits, Meter
from loaders.readers.part import Part
from loaders.readers.tables import GridRow, SheetWriter
from loaders.row_counts import as_ranges, incomplete_sheets, missing_rows
from loaders.sheets import SheetPart, SheetTable, read_tables
from tests.loaders.plain_encoder import PlainEncoder

D = Decimal


# --- columns ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "kind", "unit", "values"),
    [
        (["1,234.50", "99"], "number", "", (D("1234.50"), D(99))),
        (["1.234,50 EUR", "99,00 EUR"], "number", "EUR", (D("1234.50"), D("99.00"))),
        (["12,5", "3"], "number", "", (D("12.5"), D(3))),
        (["12 000", "1\u202f000"], "number", "", (D(12000), D(1000))),
        (["1'234.5", "2"], "number", "", (D("1234.5"), D(2))),
        (["(5)", "3"], "number", "", (D(-5), D(3))),
        (["-5", "- 5", "5-", "−5"], "number", "", (D(-5),) * 4),
        (["€ 5", "€7.50", "5 €"], "number", "EUR", (D(5), D("7.50"), D(5))),
        (["CHF 5", "CHF-7.50"], "number", "CHF", (D(5), D("-7.50"))),
        (["12%", "3.5 %"], "number", "%", (D(12), D("3.5"))),
        (["12 kg", "3 kg"], "number", "kg", (D(12), D(3))),
        (["1e-05", "2"], "number", "", (D("0.00001"), D(2))),
        (["5", "n/a", "-", ""], "number", "", (D(5), None, None, None)),
        (["2024-01-31", "2024-02-01"], "date", "", (date(2024, 1, 31), date(2024, 2, 1))),
        (["31.01.2024", "1.2.2024"], "date", "", (date(2024, 1, 31), date(2024, 2, 1))),
        (["01/02/2024", "13/04/2024"], "date", "", (date(2024, 2, 1), date(2024, 4, 13))),
        (["01/02/2024", "04/13/2024"], "date", "", (date(2024, 1, 2), date(2024, 4, 13))),
        (["1 March 2024", "Mar 5, 2024"], "date", "", (date(2024, 3, 1), date(2024, 3, 5))),
        (["2024-01-01 08:30", "2024-01-02"], "timestamp", "", (datetime(2024, 1, 1, 8, 30), datetime(2024, 1, 2))),
        (["TRUE", "FALSE", "-"], "boolean", "", (True, False, None)),
        (["1.5", "10"], "number", "", (D("1.5"), D(10))),
        (["1.10", "2.35"], "number", "", (D("1.10"), D("2.35"))),
        (["1.10", "2"], "number", "", (D("1.10"), D(2))),
        (["1 234 567", "12 000"], "number", "", (D(1234567), D(12000))),
        (["9 m", "12 m"], "number", "m", (D(9), D(12))),
    ],
)  # fmt: skip
def test_a_column_is_typed_where_its_cells_agree(
    cells: list[str], kind: str, unit: str, values: tuple[object, ...]
) -> None:
    column = read_column(cells)
    assert (column.kind, column.unit, column.values) == (kind, unit, values)


@pytest.mark.parametrize(
    "cells",
    [
        ["€ 5", "$ 5"],  # do not add up
        ["12%", "3"],
        ["3 days", "4 weeks"],
        ["1,234.50", "1.234,50"],  # two ways of writing in one column
        ["00123", "00456"],  # article numbers
        ["1234567890123456", "5"],
        ["+31 570 555 001", "+31 570 555 002"],
        ["01/02/2024", "03/04/2024"],  # which is the day?
        ["2024-01-31", "soon"],
        ["2024-02-30"],
        ["5 to 7", "8"],
        ["08:30", "09:00"],
        ["on request", "on request", "5"],  # mostly words
        ["IB-12", "12"],
        ["SKU123", "SKU124"],  # codes, not amounts in a currency
        ["ABC-123", "ABC-124"],  # nor negative ones
        ["ISO 9001", "ISO 9002"],
        ["yes", "No", "-"],  # compared as they are written
        ["9 am", "5 pm"],
        ["9 a.m.", "11 a.m."],
        ["8 Uhr", "17 Uhr"],
        ["1.9", "1.10"],  # versions: no number is followed by itself with a zero
        ["1.9", "1.10", "1.11", "2.0"],
        ["570 555 010", "570 555 011"],  # telephone numbers
        ["", "-"],
    ],
)
def test_a_column_that_is_not_certain_stays_text(cells: list[str]) -> None:
    column = read_column(cells)
    assert column.kind == "text"
    assert column.values == tuple(cell or None for cell in cells)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Firmware version", "text"),
        ("Phone", "text"),
        ("Tel.", "text"),
        ("Price", "number"),
        ("Hotel", "number"),
    ],
)
def test_a_columns_name_tells_names_of_things_from_amounts(name: str, kind: str) -> None:
    assert read_column(["1.11", "1.12"], name=name).kind == kind


def test_words_in_a_column_of_numbers_are_left_out_and_told() -> None:
    column = read_column(["95", "160", "270", "420", "on request"])
    assert (column.kind, column.left_out, column.values[4]) == ("number", (4,), None)


def test_points_that_could_be_thousands_are_doubtful_until_a_neighbour_decides() -> None:
    assert read_column(["1.234", "5.678"]).doubtful
    told = read_column(["1.234", "5.678"], comma="decimal")
    assert (told.doubtful, told.values) == (False, (D(1234), D(5678)))
    assert read_column(["0.250", "5.678"]).values == (
        D("0.250"),
        D("5.678"),
    )  # no thousand begins with a zero


# --- tables -------------------------------------------------------------------------------------------

Fill = Callable[[Any], None]


def workbook(fill: Fill) -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.title = "Prices"
    fill(sheet)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def tables_of(path: Path) -> tuple[str, tuple[SheetTable, ...]]:
    documents = read_file(path)
    text, parts = join_parts(documents)
    kept = [
        SheetPart(
            text=text[part.start : part.end],
            start=part.start,
            sheet=part.location.sheet,
            metadata=part.metadata,
        )
        for part in parts
    ]
    media_type = documents[0].metadata["media_type"]
    return text, read_tables(kept, document_id="d", document_name="Book", media_type=media_type)


def saved(tmp_path: Path, fill: Fill) -> tuple[str, tuple[SheetTable, ...]]:
    path = tmp_path / "book.xlsx"
    path.write_bytes(workbook(fill))
    return tables_of(path)


def rows_of(table: SheetTable) -> list[tuple[str, ...]]:
    return [row.texts for row in table.rows]


def append(*rows: Sequence[object]) -> Fill:
    def fill(sheet: Any) -> None:
        for row in rows:
            sheet.append(list(row))

    return fill


def test_a_sheet_is_its_table_with_every_cell_in_its_place(tmp_path: Path) -> None:
    text, (table,) = saved(
        tmp_path, append(("Item", "Price", "Stock"), ("Bolt", 1.5, 10), ("Nut", None, 20), ("Pin", 3, None))
    )
    assert (table.sheet, table.cells, table.label) == (
        "Prices",
        "A1:C4",
        "Book · sheet Prices · A1:C4 (3 rows)",
    )
    assert rows_of(table) == [("Bolt", "1.5", "10"), ("Nut", "", "20"), ("Pin", "3", "")]
    assert [(c.name, c.letter, c.kind) for c in table.columns] == [
        ("Item", "A", "text"),
        ("Price", "B", "number"),
        ("Stock", "C", "number"),
    ]
    assert [row.cells for row in table.rows] == ["A2:C2", "A3:C3", "A4:B4"]
    assert table.header is not None
    assert text[slice(*table.header)] == "Item | Price | Stock"
    assert text[table.rows[0].start : table.rows[0].end] == "Item: Bolt | Price: 1.5 | Stock: 10"
    assert table.complete is True


def test_a_header_in_row_3_with_a_caption_above_and_notes_below(tmp_path: Path) -> None:
    _, (table,) = saved(
        tmp_path,
        append(("Prices of 2026",), (), ("Item", "Price"), ("Bolt", 1), ("Nut", 2), (), ("Without VAT.",)),
    )
    assert (table.cells, table.caption, len(table.rows)) == ("A3:B5", "Prices of 2026", 2)


def test_blank_rows_part_tables_and_rows_go_on_under_their_header(tmp_path: Path) -> None:
    _, tables = saved(
        tmp_path,
        append(("Item", "Price"), ("Bolt", 1), (), ("Nut", 2), (), ("Depot", "Town"), ("East", "Leipzig")),
    )
    assert [(table.cells, rows_of(table)) for table in tables] == [
        ("A1:B4", [("Bolt", "1"), ("Nut", "2")]),
        ("A6:B7", [("East", "Leipzig")]),
    ]


def test_tables_side_by_side_keep_their_own_rows(tmp_path: Path) -> None:
    _, tables = saved(
        tmp_path,
        append(
            ("Item", "Price", None, "Depot", "Town"),
            ("Bolt", 1, None, "East", "Leipzig"),
            ("Nut", 2, None, "West", "Ghent"),
        ),
    )
    assert [(table.cells, rows_of(table)) for table in tables] == [
        ("A1:B3", [("Bolt", "1"), ("Nut", "2")]),
        ("D1:E3", [("East", "Leipzig"), ("West", "Ghent")]),
    ]


def test_cells_that_look_like_the_borders_between_them_come_out_whole(tmp_path: Path) -> None:
    _, (table,) = saved(
        tmp_path,
        append(
            ("Item", "Note", "Price"), ("A | B", "Price: 7", 1), ("Bolt", None, 2), (None, "x | Item: y", 3)
        ),
    )
    assert rows_of(table) == [("A | B", "Price: 7", "1"), ("Bolt", "", "2"), ("", "x | Item: y", "3")]


cell = st.text(alphabet="aB1 |:.,-é", max_size=8).map(lambda text: " ".join(text.split()))


@given(st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=6))
def test_every_row_is_taken_apart_into_the_cells_it_was_made_of(rows: list[list[str]]) -> None:
    part = Part(meter=Meter(Limits(), "x"))
    writer = SheetWriter(part)
    writer.add(GridRow(1, {1: "Name", 2: "Name: of | it", 3: "Sum"}))
    writer.add(GridRow(2, {1: "first", 2: "row", 3: "whole"}))
    kept = [{c: text for c, text in enumerate(row, start=1) if text} for row in rows]
    kept = [row for row in kept if row]
    for number, row in enumerate(kept, start=3):
        writer.add(GridRow(number, row))
    writer.close_band()
    metadata = {"blocks": [block.as_dict() for block in part.blocks]}
    stored = SheetPart(text=part.text, start=0, sheet="S", metadata=metadata)
    (table,) = read_tables([stored], document_id="d", document_name="n", media_type="text/csv")
    found = sorted([*table.rows, *table.totals], key=lambda row: row.number)
    assert [row.texts for row in found[1:]] == [tuple(row.get(c, "") for c in (1, 2, 3)) for row in kept]


def test_cells_merged_over_rows_hold_for_each_row(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        append(("Depot", "Item", "Stock"), ("East", "Bolt", 1), (None, "Nut", 2), ("West", "Bolt", 3))(sheet)
        sheet.merge_cells("A2:A3")

    _, (table,) = saved(tmp_path, fill)
    assert table.columns[0].values == ("East", "East", "West")
    assert table.complete is True


@pytest.mark.parametrize("names", [("Item", "Qty", "Price", "Qty"), ("Item", "Item", "Item", "Item")])
def test_a_header_that_repeats_a_name_is_a_header_and_no_row(tmp_path: Path, names: tuple[str, ...]) -> None:
    text, (table,) = saved(tmp_path, append(names, ("Bolt", 2, 3, 4), ("Nut", 5, 6, 7)))
    assert [row.number for row in table.rows] == [2, 3]
    assert [column.values for column in table.columns] == [("Bolt", "Nut"), (2, 5), (3, 6), (4, 7)]
    assert [column.header for column in table.columns] == list(names)
    assert f"{names[0]}: Bolt | {names[1]}: 2" in text


def test_words_repeated_in_a_first_row_of_words_are_no_header(tmp_path: Path) -> None:
    _, (table,) = saved(tmp_path, append(("red", "red", "blue"), ("blue", "red", "red")))
    assert len(table.rows) == 2


def test_columns_of_one_name_are_told_apart_whatever_they_are_called(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        sheet.append(["Item", "X", "X E", "x", "X"])
        sheet.append(["Bolt", 1, 2, 3, 4])

    _, (table,) = saved(tmp_path, fill)
    names = [column.name.lower() for column in table.columns]
    assert len(set(names)) == len(names)


def test_hidden_rows_are_read_and_counted(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        append(("Item", "Price"), ("Bolt", 1), ("Nut", 2), ("Pin", 3))(sheet)
        sheet.row_dimensions[3].hidden = True

    _, (table,) = saved(tmp_path, fill)
    assert (len(table.rows), table.hidden_rows, table.complete) == (3, 1, True)


def test_rows_that_sum_up_the_others_are_kept_apart(tmp_path: Path) -> None:
    _, (table,) = saved(
        tmp_path,
        append(("Item", "Price"), ("Bolt", 1), ("Nut", 2), ("Total", 3), ("Total Bolt GmbH spare", "text")),
    )
    assert [row.texts[0] for row in table.totals] == ["Total"]
    assert len(table.rows) == 3


def test_a_table_without_a_header_has_its_columns_letters(tmp_path: Path) -> None:
    _, (table,) = saved(tmp_path, append((1, 2), (3, 4), (5, 6)))
    assert table.header is None
    assert [column.name for column in table.columns] == ["column A", "column B"]
    assert [column.values for column in table.columns] == [(D(1), D(3), D(5)), (D(2), D(4), D(6))]


def test_german_figures_of_a_csv_are_read_by_the_columns_that_decide(tmp_path: Path) -> None:
    path = tmp_path / "preise.csv"
    path.write_text("Artikel;Preis;Menge\nA;1,50;1.200\nB;2,25;3.400\n", encoding="utf-8")
    _, (table,) = tables_of(path)
    assert table.columns[1].values == (D("1.50"), D("2.25"))
    assert table.columns[2].values == (D(1200), D(3400))


def test_a_hundred_thousand_rows(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_text("id,amount\n" + "".join(f"n{i},{i}.50\n" for i in range(100_000)), encoding="utf-8")
    _, (table,) = tables_of(path)
    assert (len(table.rows), table.complete, table.cells) == (100_000, True, "A1:B100001")
    assert table.columns[1].values[-1] == D("99999.50")


# --- counted rows -------------------------------------------------------------------------------------


def test_a_row_that_no_block_holds_is_missed_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(workbook(append(("Item", "Price"), ("Bolt", 1), (), ("Nut", 2), ("Pin", 3))))
    (document,) = read_file(path)
    assert document.metadata["file_rows"] == [[1, 2], [4, 5]]
    assert missing_rows(document.metadata) == []
    lost = {**document.metadata, "blocks": document.metadata["blocks"][:-2]}
    assert missing_rows(lost) == [[4, 5]]
    (sentence,) = incomplete_sheets([("Prices", lost)])
    assert sentence == "Sheet 'Prices' is not complete: rows 4-5 of the file (2 in all) could not be read."


def test_rows_of_blank_strings_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(workbook(append(("Item", "Price"), ("  ", None), ("Bolt", 1), ("Nut", 2))))
    (document,) = read_file(path)
    assert document.metadata["file_rows"] == [[1, 1], [3, 4]]
    assert missing_rows(document.metadata) == []


def test_lines_that_an_unclosed_quote_swallowed_are_told(tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text('item,size,price\n"5 inch,1,2\nbolt,2,3\nnut,3,4"\npin,4,5\n', encoding="utf-8")
    (document,) = read_file(path)
    (sentence,) = incomplete_sheets([(None, document.metadata)])
    assert sentence.startswith(
        "The table is not complete: 2 lines of the file stand inside one quoted cell of row 2"
    )
    assert tables_of(path)[1][0].complete is False


def test_an_address_in_a_quoted_cell_is_no_swallowed_row(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text('name,address,town\nAnn,"Main Street 1\nsecond floor",Ghent\nBob,x,Deventer\n', "utf-8")
    (document,) = read_file(path)
    assert incomplete_sheets([(None, document.metadata)]) == []
    assert len(tables_of(path)[1][0].rows) == 2


def test_a_row_outside_every_chunk_is_told(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(workbook(append(("Item", "Price"), ("Bolt", 1), ("Nut", 2))))
    text, parts = join_parts(read_file(path))
    whole = ChunkDraft(start=0, end=len(text), text=text, location=Location(), embedded=text)
    cut = ChunkDraft(start=0, end=len(text) - 5, text=text[:-5], location=Location(), embedded=text)
    assert INCOMPLETE not in described("book.xlsx", "", text, parts, [whole])
    (sentence,) = described("book.xlsx", "", text, parts, [cut])[INCOMPLETE]
    assert sentence == "Sheet 'Prices' is not complete: 1 of its rows cannot be found by a search."


def test_ranges() -> None:
    assert as_ranges([1, 2, 3, 5, 7, 8]) == [[1, 3], [5, 5], [7, 8]]


# --- in a knowledge base ------------------------------------------------------------------------------


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase.create(tmp_path / "kb", name="Sheets", encoder=PlainEncoder())


def test_a_knowledge_base_gives_its_documents_tables(base: KnowledgeBase, tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(workbook(append(("Item", "Price"), ("Bolt", 1), ("Nut", 2))))
    (tmp_path / "notes.txt").write_text("No table here.", "utf-8")
    base.ingest([path, tmp_path / "notes.txt"])
    (table,) = base.tables("book.xlsx")
    text = base.document_text("book.xlsx")
    assert [text[row.start : row.end] for row in table.rows] == [
        "Item: Bolt | Price: 1",
        "Item: Nut | Price: 2",
    ]
    assert base.chunk_at("book.xlsx", table.rows[1].start) == "book.xlsx#0"
    assert base.tables("notes.txt") == ()


def test_an_incomplete_sheet_is_told_wherever_the_document_is(base: KnowledgeBase, tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text('item,size,price\n"5 inch,1,2\nbolt,2,3\nnut,3,4"\npin,4,5\n', encoding="utf-8")
    report = base.ingest([path])
    (info,) = base.documents()
    (warning,) = info.warnings
    assert "is not complete" in warning
    assert [note.note for note in report.notes] == [warning]
    assert [(found.kind, found.document_id) for found in base.doctor()] == [("sheet", "parts.csv")]
    (passage,) = base.search("bolt", k=1)
    assert passage.metadata["incomplete"] == [warning]


def test_a_whole_sheet_has_no_warning(base: KnowledgeBase, tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text("item,size\nbolt,2\n", encoding="utf-8")
    report = base.ingest([path])
    assert (base.documents()[0].warnings, report.notes, base.doctor()) == ((), (), [])
