"""The date of a document: what it says itself, before what its file says."""

from __future__ import annotations

from pathlib import Path

import pytest

from loaders.dates import date_in, document_date
from loaders.knowledge_base import KnowledgeBase, Record
from tests.loaders.plain_encoder import PlainEncoder


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-01-31", "2026-01-31"),
        ("on 1 January 2026", "2026-01-01"),
        ("March 5th, 2026", "2026-03-05"),
        ("31.12.2025", "2025-12-31"),
        ("5. März 2026", "2026-03-05"),
        ("January 2026", "2026-01"),
        ("31 February 2026", "2026-02"),
        ("version 12, chapter 3", None),
    ],
)
def test_dates_as_people_write_them(text: str, iso: str | None) -> None:
    assert date_in(text) == iso


@pytest.mark.parametrize(
    ("name", "title", "text", "iso"),
    [
        ("a.pdf", "Policy", "P-07, issue 6. Valid from 1 January 2026. Agreed on 2 May 2025.", "2026-01-01"),
        ("a.html", "Help", "Last updated: 14 January 2026.", "2026-01-14"),
        ("a.md", "Leave", "*Employee handbook, chapter 2. Edition January 2026.*", "2026-01"),
        ("a.eml", "Re: x", "From: A\nTo: B\nDate: Thu, 23 Apr 2026 16:05:00 +0200\nSubject: x", "2026-04-23"),
        ("a.md", "x", "title: x\ndate: 2025-03-04\n\n# x", "2025-03-04"),
        ("a.docx", "Minutes", "Minutes\n\nTuesday 12 May 2026, 13:00 to 15:40", "2026-05-12"),
        ("a.xlsx", "Prices", "Subject | Text\nSubject: Valid from | Text: 2026-02-01", "2026-02-01"),
        ("minutes-2026-05-12.txt", "minutes", "Who was there: all.", "2026-05-12"),
        ("travel-policy-2025.pdf", "Travel policy 2025", "Hotels are booked early.", "2025"),
        ("a.txt", "2024 and 2025 compared", "Nothing.", None),
        ("a.txt", "Notes", "We met on 5 May 2026 and on 6 May 2026 to talk about the plan.", None),
        ("a.md", "About us", "Founded on 3 May 1998, the company makes cakes.", None),
        ("a.md", "CV", "Anna Berg, born 3 May 1998 in Deventer", None),
        ("a.txt", "Notes", "This offer is valid until 5 May 2026, " + "x" * 300, "2026-05-05"),
    ],
)  # fmt: skip
def test_what_a_document_says_of_itself(name: str, title: str, text: str, iso: str | None) -> None:
    assert document_date(name=name, title=title, text=text, metadata={}, first_part={}) == iso


def test_the_order_of_what_is_believed() -> None:
    everything = {
        "name": "policy-2023.pdf",
        "title": "Policy 2023",
        "text": "Valid from 1 January 2024.",
        "metadata": {"date": "2025-01-01"},
        "first_part": {"file_date": "D:20260101000000"},
    }
    found = []
    for gone in ("metadata", "text", "title", "first_part"):
        found.append(document_date(**everything))  # type: ignore[arg-type]
        everything[gone] = {} if gone in ("metadata", "first_part") else ""
        everything["name"] = "policy.pdf" if gone == "title" else everything["name"]
    assert [*found, document_date(**everything)] == ["2025-01-01", "2024-01-01", "2023", "2026-01-01", None]  # type: ignore[arg-type]


def test_a_knowledge_base_knows_the_dates_of_its_documents(tmp_path: Path) -> None:
    base = KnowledgeBase.create(tmp_path / "kb", name="Dates", encoder=PlainEncoder())
    (tmp_path / "policy.txt").write_text("Valid from 1 January 2026. Trains only.", "utf-8")
    (tmp_path / "plain.txt").write_text("Trains only.", "utf-8")
    base.ingest(
        [
            tmp_path / "policy.txt",
            tmp_path / "plain.txt",
            Record(id="r1", text="x", metadata={"published": "2024"}),
        ]
    )
    assert [base.document_date(name) for name in ("policy.txt", "plain.txt", "r1")] == [
        "2026-01-01",
        None,
        "2024",
    ]
    assert base.search("trains", k=1, filter={"date": "2026-01-01"})[0].document_id == "policy.txt"


def test_documents_from_before_dates_were_noted_are_looked_at_when_asked(tmp_path: Path) -> None:
    base = KnowledgeBase.create(tmp_path / "kb", name="Dates", encoder=PlainEncoder())
    (tmp_path / "policy.txt").write_text("Valid from 1 January 2026. Trains only.", "utf-8")
    base.ingest([tmp_path / "policy.txt"])
    with base.database.write() as connection:
        connection.execute("UPDATE documents SET metadata = '{}'")
    assert base.document_date("policy.txt") == "2026-01-01"
