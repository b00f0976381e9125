"""What each kind of file gives: its text, its blocks, its locations."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from loaders.location import Block
from loaders.readers import SUPPORTED_SUFFIXES, loader_for, read_file
from tests.readers import samples

PARAGRAPH = [
    (72, 760, 18, "Travel policy"),
    (72, 720, 11, "Employees book economy class for flights that are shorter than six"),
    (72, 706, 11, "hours. Longer flights need approval."),
    (72, 672, 11, "Receipts are due within thirty days."),
]


def blocks(document: Document) -> list[tuple[str, str]]:
    """(kind, text) of each block, after checking that the spans are in order and exact."""
    found = [Block.from_dict(data) for data in document.metadata["blocks"]]
    assert all(before.end <= block.start for before, block in pairwise(found))
    texts = [document.page_content[block.start : block.end] for block in found]
    assert all(text and text == text.strip("\n") for text in texts)
    return [(block.kind, text) for block, text in zip(found, texts, strict=True)]


def read(tmp_path: Path, name: str, data: bytes, **options: Any) -> list[Document]:
    documents = read_file(samples.write(tmp_path, name, data), **options)
    assert [document.metadata["part"] for document in documents] == list(range(len(documents)))
    return documents


def test_pdf_pages_have_headings_and_joined_paragraphs(tmp_path: Path) -> None:
    first, second = read(tmp_path, "travel.pdf", samples.pdf([PARAGRAPH, [(72, 700, 11, "Second page.")]]))
    assert blocks(first) == [
        ("heading", "Travel policy"),
        ("paragraph", "Employees book economy class for flights that are shorter than six hours. "
                      "Longer flights need approval."),
        ("paragraph", "Receipts are due within thirty days."),
    ]  # fmt: skip
    assert (first.metadata["page"], second.metadata["page"]) == (1, 2)
    assert first.metadata["title"] == "Travel policy"
    assert first.metadata["media_type"] == "application/pdf"


def test_pdf_rows_with_aligned_columns_are_table_rows(tmp_path: Path) -> None:
    rows = [("Grade", "Days", "Pay"), ("A", "25", "1,200"), ("B", "30", "1,500")]
    lines = [
        (72 + 150 * place, 700 - 16 * row, 11, text)
        for row, cells in enumerate(rows)
        for place, text in enumerate(cells)
    ]
    (page,) = read(tmp_path, "table.pdf", samples.pdf([lines]))
    assert blocks(page) == [
        ("table_row", "Grade Days Pay"),
        ("table_row", "A 25 1,200"),
        ("table_row", "B 30 1,500"),
    ]


def test_pdf_attachments_are_further_parts(tmp_path: Path) -> None:
    data = samples.pdf([PARAGRAPH], attachments={"note.txt": b"An attached note."})
    page, attached = read(tmp_path, "portfolio.pdf", data)
    assert attached.page_content == "An attached note."
    assert attached.metadata["record"] == "note.txt"
    assert "record" not in page.metadata


def test_pdf_names_the_pages_that_are_only_pictures(tmp_path: Path) -> None:
    (page,) = read(tmp_path, "mixed.pdf", samples.pdf([[], PARAGRAPH], pictures=[0]))
    assert page.metadata["page"] == 2
    assert page.metadata["unreadable_pages"] == [1]


def test_docx_keeps_the_order_of_the_body(tmp_path: Path) -> None:
    (document,) = read(tmp_path, "leave.docx", samples.docx())
    assert blocks(document) == [
        ("heading", "Leave policy"),
        ("paragraph", "Leave carries over to March."),
        ("table_header", "Grade | Days"),
        ("table_row", "A | 25"),
        ("table_row", "B | 30"),
    ]
    assert document.metadata["title"] == "Leave policy"


def test_docx_leaves_out_deletions_and_field_codes(tmp_path: Path) -> None:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = (
        f"<w:document {space}><w:body><w:p><w:r><w:t>Kept</w:t></w:r>"
        "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins><w:r><w:t> and added</w:t></w:r></w:ins>"
        "<w:r><w:instrText>PAGE</w:instrText></w:r></w:p></w:body></w:document>"
    )
    (document,) = read(
        tmp_path, "d.docx", samples.replaced(samples.docx(), "word/document.xml", body.encode())
    )
    assert document.page_content == "Kept and added"


def test_docx_embedded_files_are_further_parts(tmp_path: Path) -> None:
    package = samples.replaced(samples.docx(), "word/embeddings/plan.pdf", samples.pdf([PARAGRAPH]))
    _, embedded = read(tmp_path, "with.docx", package)
    assert embedded.metadata["record"] == "plan.pdf"
    assert embedded.metadata["page"] == 1
    assert embedded.metadata["embedded_media_type"] == "application/pdf"


def test_pptx_slides_have_titles_tables_and_notes(tmp_path: Path) -> None:
    first, second = read(tmp_path, "deck.pptx", samples.pptx())
    assert blocks(first) == [
        ("heading", "Roadmap"),
        ("list_item", "Ship in May"),
        ("list_item", "Grow in June"),
        ("paragraph", "Notes: Mention the budget."),
    ]
    assert blocks(second) == [
        ("heading", "Costs"),
        ("table_header", "Year | Cost"),
        ("table_row", "2026 | 40"),
    ]
    assert [first.metadata["slide"], second.metadata["slide"]] == [1, 2]


def test_xlsx_rows_repeat_their_header_and_know_their_cells(tmp_path: Path) -> None:
    (sheet,) = read(tmp_path, "prices.xlsx", samples.xlsx())
    assert blocks(sheet) == [
        ("table_header", "Item | Price"),
        ("table_row", "Item: Bolt | Price: 12"),
        ("table_row", "Item: Nut | Price: 0.5"),
    ]
    assert [data["cells"] for data in sheet.metadata["blocks"]] == ["A1:B1", "A2:B2", "A3:B3"]
    assert sheet.metadata["sheet"] == "Prices"


def test_xlsx_shows_values_as_people_see_them(tmp_path: Path) -> None:
    from datetime import date, datetime, time

    import openpyxl

    workbook = openpyxl.Workbook()
    sheet = workbook.active
    values = [
        (date(2026, 5, 4), "yyyy-mm-dd", "2026-05-04"),
        (datetime(2026, 5, 4, 13, 30), "dd/mm/yyyy hh:mm", "2026-05-04 13:30"),
        (datetime(2026, 5, 4, 13, 30, 5), "dd/mm/yyyy hh:mm:ss", "2026-05-04 13:30:05"),
        (time(9, 15), "hh:mm", "09:15"),
        (0.125, "0.0%", "12.5%"),
        (0.07, "0%", "7%"),
        (12.0, "General", "12"),
        (0.1 + 0.2, "General", "0.3"),
        (1234.5, '"$"#,##0.00', "$1234.50"),
        (1234.5, "[$€-407]#,##0.00", "€1234.50"),
        (99, "#,##0.00 [$CHF]", "CHF 99"),
        (True, "General", "TRUE"),
    ]
    for row, (value, code, _) in enumerate(values, start=1):
        sheet.cell(row, 1, f"row {row}")
        sheet.cell(row, 2, value).number_format = code
    (document,) = read(tmp_path, "formats.xlsx", samples.saved(workbook))
    shown = [text.partition(" | ")[2] for _, text in blocks(document)]
    assert shown == [expected for *_, expected in values]


def test_xlsx_tells_tables_apart_and_marks_hidden_sheets(tmp_path: Path) -> None:
    import openpyxl

    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for row in (["Sales"], ["Region", "Total"], ["North", 5], [], ["Staff", "Role"], ["Ann", "Lead"]):
        sheet.append(row)
    sheet["E2"], sheet["F2"], sheet["E3"], sheet["F3"] = "Year", "Sum", 2026, 9
    workbook.create_sheet("Secret").append(["x", 1])
    workbook["Secret"].sheet_state = "hidden"
    first, hidden = read(tmp_path, "many.xlsx", samples.saved(workbook))
    assert blocks(first) == [
        ("heading", "Sales"),
        ("table_header", "Region | Total"),
        ("table_row", "Region: North | Total: 5"),
        ("table_header", "Year | Sum"),
        ("table_row", "Year: 2026 | Sum: 9"),
        ("table_header", "Staff | Role"),
        ("table_row", "Staff: Ann | Role: Lead"),
    ]
    assert first.metadata["blocks"][4]["cells"] == "E3:F3"
    assert hidden.metadata["hidden"] is True


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("a,b\n1,ü\n", "utf-8"),
        ("a;b\n1;ü\n", "cp1252"),
        ("a\tb\n1\tü\n", "utf-16"),
        ("sep=|\na|b\n1|ü\n", "utf-8-sig"),
    ],
)
def test_csv_finds_encoding_and_delimiter(tmp_path: Path, text: str, codec: str) -> None:
    (table,) = read(tmp_path, "t.csv", text.encode(codec))
    assert blocks(table) == [("table_header", "a | b"), ("table_row", "a: 1 | b: ü")]


def test_csv_keeps_ragged_rows(tmp_path: Path) -> None:
    (table,) = read(tmp_path, "t.csv", b'name,age\nAnn,31,extra\nBob\n"multi\nline",7\n')
    assert [text for _, text in blocks(table)] == [
        "name | age", "name: Ann | age: 31 | extra", "name: Bob", "name: multi line | age: 7",
    ]  # fmt: skip
    assert table.metadata["blocks"][1]["cells"] == "A2:C2"


def test_long_tables_keep_their_header_to_the_end(tmp_path: Path) -> None:
    rows = "".join(f"Ann{number},Lead\n" for number in range(12_000))
    (table,) = read(tmp_path, "t.csv", f"name,role\n{rows}".encode())
    lines = table.page_content.split("\n")
    assert lines[5001:5003] == ["name: Ann5000 | role: Lead", "name: Ann5001 | role: Lead"]
    assert (len(lines), lines[-1]) == (12_001, "name: Ann11999 | role: Lead")
    assert table.metadata["blocks"][-1]["cells"] == "A12001:B12001"


def test_html_has_no_glued_words_and_no_scripts(tmp_path: Path) -> None:
    page = (
        "<html><head><title>Help &amp; more</title><style>p{}</style></head><body><nav>Menu</nav><h1>Reset</h1>"
        "<div>One<div>Two</div>Three</div><script>evil()</script><p style='display:none'>hidden</p>"
        "<ul><li>first</li><li>second <b>bold</b>ly</li></ul><ol><li>go</li></ol>a<br>b"
        "<table><tr><th>K</th><th>V</th></tr><tr><td>x</td><td>1</td></tr></table><pre>code\n  kept</pre>"
    )
    (document,) = read(tmp_path, "help.html", page.encode())
    assert blocks(document) == [
        ("heading", "Reset"), ("paragraph", "One"), ("paragraph", "Two"), ("paragraph", "Three"),
        ("list_item", "- first"), ("list_item", "- second boldly"), ("list_item", "1. go"), ("paragraph", "a\nb"),
        ("table_header", "K | V"), ("table_row", "x | 1"), ("code", "code\n  kept"),
    ]  # fmt: skip
    assert document.metadata["title"] == "Help & more"


@pytest.mark.parametrize(
    ("head", "codec"),
    [
        ('<meta charset="windows-1251">', "cp1251"),
        ("", "utf-8"),
        ("", "utf-16"),
        ('<meta charset="nonsense">', "utf-8"),
    ],
)
def test_html_charsets(tmp_path: Path, head: str, codec: str) -> None:
    page = f"<html><head>{head}</head><body><p>Привет, мир и все люди</p></body></html>"
    (document,) = read(tmp_path, "p.html", page.encode(codec))
    assert document.page_content == "Привет, мир и все люди"


def test_markdown_text_is_the_source_itself(tmp_path: Path) -> None:
    text = (
        "---\ntitle: Handbook\n---\n# Leave\n\nTake it.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "## Code\n\n```py\nx = 1\n```\n"
    )
    (document,) = read(tmp_path, "h.md", text.encode())
    assert document.page_content == text.strip("\n")
    assert blocks(document)[1:] == [
        ("heading", "# Leave"), ("paragraph", "Take it."), ("list_item", "- one"), ("list_item", "- two"),
        ("table_header", "| a | b |"), ("table_row", "| 1 | 2 |"), ("heading", "## Code"),
        ("code", "```py\nx = 1\n```"),
    ]  # fmt: skip
    assert document.metadata["title"] == "Handbook"
    assert document.metadata["blocks"][-2]["level"] == 2


@pytest.mark.parametrize(
    "codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_text_in_every_unicode_encoding(tmp_path: Path, codec: str) -> None:
    text = "TERMS\n\nThe café opens at nine.\nBring cash.\n\nTitle\n=====\n\n- one\n- two"
    (document,) = read(tmp_path, "t.txt", text.encode(codec))
    assert document.page_content == text
    assert blocks(document) == [
        ("heading", "TERMS"), ("paragraph", "The café opens at nine.\nBring cash."), ("heading", "Title"),
        ("list_item", "- one"), ("list_item", "- two"),
    ]  # fmt: skip


def test_text_in_a_legacy_encoding(tmp_path: Path) -> None:
    text = "Die Prüfung der Bücher fällt auf den fünften März, größere Beträge müssen bestätigt werden."
    (document,) = read(tmp_path, "t.txt", text.encode("cp1252"))
    assert document.page_content == text


def test_json_records_are_parts_with_paths(tmp_path: Path) -> None:
    data = {"version": 3, "items": [{"name": "Bolt", "size": {"mm": 4}}, {"name": "Nut", "tags": ["a", "b"]}]}
    whole, first, second = read(tmp_path, "x.json", json.dumps(data).encode())
    assert whole.page_content == "version: 3"
    assert (first.metadata["record"], first.page_content) == ("$.items[0]", "name: Bolt\nsize.mm: 4")
    assert second.page_content == "name: Nut\ntags: a, b"


def test_damaged_json_is_read_as_text_and_says_so(tmp_path: Path) -> None:
    (document,) = read(tmp_path, "x.json", b'{"name": "Bolt", "size": ')
    assert "Bolt" in document.page_content
    assert "line 1" in document.metadata["malformed"]


def test_json_lines_keep_damaged_rows(tmp_path: Path) -> None:
    first, second, third = read(tmp_path, "x.jsonl", b'{"a": 1}\n{"a": 2\n\n{"a": 3}\n')
    assert [first.page_content, second.page_content, third.page_content] == ["a: 1", '{"a": 2', "a: 3"]
    assert [part.metadata["record"] for part in (first, second, third)] == ["line 1", "line 2", "line 4"]


def test_mail_has_headers_body_and_attachments(tmp_path: Path) -> None:
    data = samples.mail(attachments={"plan.docx": samples.docx(), "photo.bin": b"\x00\x01\x02\x03" * 30})
    body, attached = read(tmp_path, "m.eml", data)
    assert body.page_content.startswith(
        "From: Ann Bell <ann@example.com>\nTo: bob@example.com\nDate: Mon, 04 May 2026"
    )
    assert "Subject: Überfällige Rechnung" in body.page_content
    assert body.page_content.count("The invoice is due on 3 May.") == 1
    assert attached.metadata["record"] == "plan.docx"
    assert [lost["name"] for lost in body.metadata["unread_parts"]] == ["photo.bin"]


def test_mail_survives_wrong_declarations(tmp_path: Path) -> None:
    data = (
        b"From: a@b.c\nTo: d@e.f\nSubject: =?nonsense?Q?caf=E9?=\nMIME-Version: 1.0\nMessage-ID: <1@x>\n"
        b"Content-Type: text/plain; charset=utf-99\nContent-Transfer-Encoding: base64\n\nnot base64 at all!\xe9\n"
    )
    (document,) = read(tmp_path, "m", data)
    assert "caf" in document.page_content


def test_forwarded_messages_and_mailboxes_are_parts(tmp_path: Path) -> None:
    inner = samples.mail(body="Inner text.")
    outer = (
        b"From: x@y.z\nTo: a@b.c\nSubject: Fwd\nMIME-Version: 1.0\nMessage-ID: <2@x>\n"
        b"Content-Type: message/rfc822\n\n" + inner
    )
    parts = read(tmp_path, "f.eml", outer)
    assert "Inner text." in parts[1].page_content
    mailbox = b"".join(
        b"From a@b Mon May  4 10:00:00 2026\n" + samples.mail(body=f"Body {n}.") + b"\n" for n in (1, 2)
    )
    parts = read(tmp_path, "box", mailbox)
    assert [("Body 1." in part.page_content, "Body 2." in part.page_content) for part in parts] == [
        (True, False),
        (False, True),
    ]
    assert parts[1].metadata["record"].startswith("message 2")


def test_mhtml_is_read_as_a_page(tmp_path: Path) -> None:
    data = (
        b"From: <Saved by Blink>\nSubject: Page\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=B\n\n"
        b"--B\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        b"<html><body><h1>Caf=C3=A9</h1></body></html>\n--B--\n"
    )
    (document,) = read(tmp_path, "p.mht", data)
    assert ("heading", "Café") in blocks(document)


def test_zip_members_are_parts(tmp_path: Path) -> None:
    data = samples.zipped({
        "a/notes.txt": "First note.", "b.pdf": samples.pdf([PARAGRAPH]), "c.bin": b"\x00\x01\x02" * 99,
        "inner.zip": samples.zipped({"deep.md": "# Deep"}),
    })  # fmt: skip
    parts = read(tmp_path, "pack.zip", data)
    assert [part.metadata["record"] for part in parts] == ["a/notes.txt", "b.pdf", "inner.zip › deep.md"]
    assert [lost["name"] for lost in parts[0].metadata["unread_parts"]] == ["c.bin"]


def test_gzip_and_tar(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("n/notes.txt")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"Noted"))
    (part,) = read(tmp_path, "pack.tar.gz", gzip.compress(out.getvalue()))
    assert part.page_content == "Noted"


def test_open_document_text_sheet_and_slides(tmp_path: Path) -> None:
    text = samples.odt(
        '<text:h text:outline-level="2">Rules</text:h><text:p>One<text:s text:c="2"/>two<text:tab/>three</text:p>'
        "<text:list><text:list-item><text:p>item</text:p></text:list-item></text:list>"
    )
    (document,) = read(tmp_path, "d.odt", text)
    assert blocks(document) == [
        ("heading", "Rules"),
        ("paragraph", "One  two\tthree"),
        ("list_item", "- item"),
    ]
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    sheet = (
        '<table:table table:name="S"><table:table-row>'
        + cell.format("Item")
        + cell.format("Rate")
        + "</table:table-row>"
        '<table:table-row table:number-rows-repeated="1000000"><table:table-cell/></table:table-row>'
        "<table:table-row>" + cell.format("Bolt") + cell.format("12.5%") + "</table:table-row></table:table>"
    )
    (document,) = read(tmp_path, "d.ods", samples.odt(sheet, kind="spreadsheet"))
    assert document.metadata["blocks"][-1]["cells"] == "A1000002:B1000002"
    page = (
        '<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>T</text:p></draw:text-box>'
        "</draw:frame></draw:page>"
    )
    (document,) = read(tmp_path, "d.odp", samples.odt(page, kind="presentation"))
    assert (blocks(document), document.metadata["slide"]) == ([("heading", "T")], 1)


def test_epub_chapters_come_in_spine_order(tmp_path: Path) -> None:
    first, second = read(tmp_path, "b.epub", samples.epub())
    assert [first.page_content, second.page_content] == ["One\n\nThe sea rises.", "Two\n\nThe sea falls."]
    assert first.metadata["title"] == "Tides"


def test_rtf(tmp_path: Path) -> None:
    data = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\info{\title Memo}}\pard Caf\'e9 \u8364?5 {\b bold}\par "
        rb"\trowd A\cell B\cell\row 1\cell 2\cell\row\pard Last{\*\secret hidden}\par}"
    )
    (document,) = read(tmp_path, "m.rtf", data)
    assert blocks(document) == [
        ("paragraph", "Café €5 bold"), ("table_header", "A | B"), ("table_row", "1 | 2"), ("paragraph", "Last"),
    ]  # fmt: skip
    assert document.metadata["title"] == "Memo"


def test_xml_svg_and_subtitles(tmp_path: Path) -> None:
    (document,) = read(
        tmp_path, "f.xml", b"<?xml version='1.0'?><r><title>Head</title><p>One <b>two</b> three</p></r>"
    )
    assert blocks(document) == [("heading", "Head"), ("paragraph", "One two three")]
    (document,) = read(
        tmp_path, "f.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><text>Label</text><style>x</style></svg>"
    )
    assert document.page_content == "Label"
    (document,) = read(
        tmp_path,
        "f.srt",
        b"1\n00:00:01,000 --> 00:00:02,000\n<i>Hello</i> there\n\n2\n00:00:03,000 --> 00:00:04,000\nBye",
    )
    assert document.page_content == "Hello there\nBye"


@pytest.mark.parametrize(
    ("name", "data", "media_type"),
    [
        ("really-a-pdf.docx", samples.pdf([PARAGRAPH]), "application/pdf"),
        (
            "no-suffix",
            samples.docx(),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("sheet.txt", samples.xlsx(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("page.txt", b"<!DOCTYPE html><html><body><p>Hi</p></body></html>", "text/html"),
        ("mail.txt", samples.mail(), "message/rfc822"),
        ("data.log", b'{"a": 1}\n{"a": 2}\n', "application/jsonl"),
        ("thing.xyz", b"Just words.", "text/plain"),
        ("old.xls", b"<html><body><table><tr><td>a</td></tr></table></body></html>", "text/html"),
    ],
)
def test_the_bytes_decide_not_the_suffix(tmp_path: Path, name: str, data: bytes, media_type: str) -> None:
    assert read(tmp_path, name, data)[0].metadata["media_type"] == media_type


def test_loaders_are_langchain_loaders(tmp_path: Path) -> None:
    path = samples.write(tmp_path, "leave.docx", samples.docx())
    loader = loader_for(path)
    assert isinstance(loader, BaseLoader)
    assert [document.page_content for document in loader.lazy_load()] == [
        d.page_content for d in read_file(path)
    ]
    assert read_file(path, name="uploads/leave.docx")[0].metadata["source"] == "uploads/leave.docx"
    assert {".pdf", ".docx", ".xlsx", ".html", ".eml", ".msg", ".zip"} <= SUPPORTED_SUFFIXES


def test_words_cut_at_the_line_end_are_whole_again(tmp_path: Path) -> None:
    lines = [(72, 700, 11, "The committee reviews all impor-"), (72, 686, 11, "tant requests and self-"),
             (72, 672, 11, "service orders. Every self-service order counts.")]  # fmt: skip
    (page,) = read(tmp_path, "t.pdf", samples.pdf([lines]))
    assert page.page_content == (
        "The committee reviews all important requests and self-service orders. Every self-service order counts."
    )


def test_old_mail_attachments_of_outlook(tmp_path: Path) -> None:
    import struct

    def attribute(identity: int, data: bytes) -> bytes:
        return struct.pack("<BHHI", 2, identity, 6, len(data)) + data + b"\x00\x00"

    data = (
        struct.pack("<IH", 0x223E9F78, 1)
        + attribute(0x800F, b"Packed text.")
        + attribute(0x8010, b"n.txt\x00")
    )
    (part,) = read(tmp_path, "winmail.dat", data)
    assert (part.page_content, part.metadata["record"]) == ("Packed text.", "n.txt")


def test_office_xml_of_2003(tmp_path: Path) -> None:
    word = (
        '<?xml version="1.0"?><w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"><w:body>'
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Rules</w:t></w:r></w:p>'
        "<w:p><w:r><w:t>Be </w:t></w:r><w:r><w:t>kind.</w:t></w:r></w:p></w:body></w:wordDocument>"
    )
    (document,) = read(tmp_path, "old.doc", word.encode())
    assert blocks(document) == [("heading", "Rules"), ("paragraph", "Be kind.")]
    row = "<Row><Cell><Data>{}</Data></Cell><Cell><Data>{}</Data></Cell></Row>"
    excel = (
        '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet><Table>'
        f"{row.format('Item', 'Price')}{row.format('Bolt', '3')}</Table></Worksheet></Workbook>"
    )
    (document,) = read(tmp_path, "old.xls", excel.encode())
    assert blocks(document) == [("table_header", "Item | Price"), ("table_row", "Item: Bolt | Price: 3")]
