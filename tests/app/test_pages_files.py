"""Uploads: every file ends as searchable, unchanged, or refused with a reason; a quote is found on its PDF page."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from PIL import Image

from app.ui import ingestion
from app.ui.ingestion import Ingestions, again, file_name, receive
from app.ui.pdf_page import MARK, page_picture
from errors import KnowledgeBaseBusyError
from loaders.progress import FileProgress, FileState, IngestReport

SUFFIXES = frozenset({".md", ".pdf"})
SOON_S = 10.0


class Upload(io.BytesIO):
    def __init__(self, name: str, content: bytes = b"text") -> None:
        super().__init__(content)
        self.name = name
        self.size = len(content)


class Knowledge:
    """A knowledge base that takes files in its own time."""

    def __init__(self, *, fail: frozenset[str] = frozenset(), busy: bool = False) -> None:
        self.fail, self.busy = fail, busy
        self.seen: list[tuple[str, bytes]] = []
        self.places: list[Path] = []
        self.hold = threading.Event()
        self.hold.set()

    def ingest(
        self, sources: Iterable[Path], *, on_progress: Callable[[FileProgress], None] | None = None
    ) -> IngestReport:
        if self.busy:
            raise KnowledgeBaseBusyError("Another process is writing to it: try again later.")
        assert on_progress is not None
        self.hold.wait(SOON_S)
        for path in sources:
            self.seen.append((path.name, path.read_bytes()))
            self.places.append(path)
            state: FileState = "failed" if path.name in self.fail else "done"
            reason = "It is damaged: save it again." if state == "failed" else None
            on_progress(FileProgress(name=path.name, state=state, reason=reason, chunks=3))
        return IngestReport(added=1, updated=0, unchanged=0, removed=0, failed=(), chunks=3, seconds=0.1)


def run(batch: ingestion.Ingestion, knowledge: Knowledge) -> dict[str, tuple[str, str | None]]:
    assert Ingestions().start(batch, lambda: knowledge).wait(SOON_S)
    return {row.name: (row.state, row.reason) for row in batch.rows()}


def test_good_files_go_in_and_bad_ones_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion, "LARGEST_MB", 1)
    files = [Upload("good.md"), Upload("bad.md"), Upload("app.exe"), Upload("big.pdf", b"x" * (2**20 + 1))]
    knowledge = Knowledge(fail=frozenset({"bad.md"}))
    rows = run(receive(files, tmp_path, "mine", SUFFIXES), knowledge)
    assert rows["good.md"] == ("done", None)
    assert rows["bad.md"] == ("failed", "It is damaged: save it again.")
    assert rows["app.exe"][1] == "app.exe is of a kind that cannot be read: save it as PDF, DOCX or text."
    assert "1 MB" in (rows["big.pdf"][1] or "")
    assert sorted(name for name, _ in knowledge.seen) == ["bad.md", "good.md"]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["bad.md"], (
        "kept for a retry"
    )


def test_a_second_try_takes_the_same_file(tmp_path: Path) -> None:
    batch = receive([Upload("bad.md")], tmp_path, "mine", SUFFIXES)
    assert run(batch, Knowledge(fail=frozenset({"bad.md"})))["bad.md"][0] == "failed"
    assert run(again(batch, "bad.md"), Knowledge()) == {"bad.md": ("done", None)}
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_same_name_lands_at_the_same_place(tmp_path: Path) -> None:
    """Its place is its source: uploading a file again updates its document."""
    knowledge = Knowledge()
    for base, content in (("mine", b"one"), ("mine", b"two"), ("another", b"two")):
        run(receive([Upload("a.md", content)], tmp_path / base, base, SUFFIXES), knowledge)
    first, second, other = knowledge.places
    assert first == second != other
    assert [content for _, content in knowledge.seen] == [b"one", b"two", b"two"]


def test_the_same_name_twice_at_once_loses_neither(tmp_path: Path) -> None:
    """Two browser windows, or a second upload while the first is still being read."""
    knowledge, batches = Knowledge(), Ingestions()
    knowledge.hold.clear()
    made = [receive([Upload("a.md", content)], tmp_path, "mine", SUFFIXES) for content in (b"one", b"two")]
    for batch in made:
        batches.start(batch, lambda: knowledge)
    knowledge.hold.set()
    assert all(batch.wait(SOON_S) for batch in made)
    assert [row.state for batch in made for row in batch.rows()] == ["done", "done"]
    assert sorted(content for _, content in knowledge.seen) == [b"one", b"two"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_two_files_of_one_name_are_both_read(tmp_path: Path) -> None:
    """Two folders may each hold a report.md."""
    knowledge = Knowledge()
    files = [Upload("report.md", b"one"), Upload("report.md", b"two"), Upload("report.md", b"three")]
    assert set(run(receive(files, tmp_path, "mine", SUFFIXES), knowledge)) == {
        "report.md",
        "report (2).md",
        "report (3).md",
    }
    assert [content for _, content in knowledge.seen] == [b"one", b"two", b"three"]


def test_nothing_is_done_before_the_knowledge_base_says_so(tmp_path: Path) -> None:
    knowledge = Knowledge()
    knowledge.hold.clear()
    batch = Ingestions().start(receive([Upload("a.md")], tmp_path, "mine", SUFFIXES), lambda: knowledge)
    assert not batch.wait(0.2)
    assert [row.state for row in batch.rows()] == ["queued"]
    knowledge.hold.set()
    assert batch.wait(SOON_S)
    assert [row.state for row in batch.rows()] == ["done"]


def test_a_knowledge_base_that_refuses_fails_every_row_with_its_reason(tmp_path: Path) -> None:
    rows = run(receive([Upload("a.md"), Upload("b.md")], tmp_path, "mine", SUFFIXES), Knowledge(busy=True))
    assert set(rows.values()) == {("failed", "Another process is writing to it: try again later.")}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a.md", "a.md"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\plan.docx", "plan.docx"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("a\x00b\n.md", "a b .md"),
        ("<script>.md", "<script>.md"),
        ("gpj.\u202eexe", "gpj. exe"),
    ],
)
def test_a_file_name_never_leaves_its_folder(sent: str, kept: str) -> None:
    assert file_name(sent) == kept


def test_a_long_name_still_fits_a_file_system() -> None:
    assert len(file_name("é" * 400 + ".pdf").encode()) <= 255


# --- the page of a PDF ----------------------------------------------------------------------------


def pdf(*lines: str, rotate: int = 0) -> bytes:
    """A one-page PDF with `lines` in Helvetica, one below the other."""
    text = "BT /F1 14 Tf 72 720 Td 22 TL " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Rotate {rotate} /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    tail = f"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF"
    return f"{body}xref\n0 6\n0000000000 65535 f \n{table}{tail}".encode("latin-1")


PAGE = pdf("Leave policy", "Up to 5 days may be carried", "over into the next year.", "Nothing else counts.")
QUOTE = "Up to 5 days may be carried over into the next year."


def marked_rows(png: bytes) -> tuple[float, float]:
    """First and last marked row of the picture, as parts of its height."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    rows = [
        y
        for y in range(picture.height)
        if MARK in {picture.getpixel((x, y)) for x in range(0, picture.width, 4)}
    ]
    return rows[0] / picture.height, rows[-1] / picture.height


def test_the_quote_is_marked_where_it_stands() -> None:
    found = page_picture(PAGE, 1, QUOTE)
    assert found is not None
    assert found.marks == 2, "it runs over two lines"
    first, last = marked_rows(found.png)
    # The baselines are 698 and 676 of 792 points from the bottom.
    assert first == pytest.approx((792 - 698 - 11) / 792, abs=0.012)
    assert last == pytest.approx((792 - 676 + 4) / 792, abs=0.012)


def test_a_rotated_page_is_marked_too() -> None:
    found = page_picture(pdf("Leave policy", "Up to 5 days", rotate=90), 1, "Up to 5 days")
    assert found is not None
    assert found.marks == 1
    picture = Image.open(io.BytesIO(found.png))
    assert picture.width > picture.height


@pytest.mark.parametrize(
    ("quote", "marks"),
    [
        ("5 days may be car\u00adried", 1),  # a soft hyphen in the reader's text
        ("5   days\nmay", 1),
        ("This is not on the page at all", 0),
        ("", 0),
        (
            "Nothing else counts. And the rest of it stands on the following page",
            1,
        ),  # runs over the page's end
    ],
)
def test_white_space_and_hyphens_do_not_matter(quote: str, marks: int) -> None:
    found = page_picture(PAGE, 1, quote)
    assert found is not None
    assert found.marks == marks


@pytest.mark.parametrize(("content", "page"), [(b"%PDF-1.4 broken", 1), (PAGE, 0), (PAGE, 2), (b"", 1)])
def test_no_picture_of_what_is_not_there(content: bytes, page: int) -> None:
    assert page_picture(content, page, QUOTE) is None
