"""Text made to keep a reader busy, and who may be kept busy: time in proportion to length, parsers in the worker."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import loaders.reading
from loaders.pieces import TokenMap, pieces
from loaders.readers import read_file
from loaders.reading import file_reader
from tests.readers import samples

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 3.0  # each takes well under one; before, minutes or more
MESSAGE = b"From a@b.example Mon\nSubject: x\n\n" + b"hello there\n" * 400 + b"\n"

HOSTILE = [
    ("comments.txt", b"<!---->" * 5000 + b"x"),
    ("tags.txt", b"<a " * 21_000),
    ("headings.txt", b"A heading\n=========\n" * 3000 + b"text"),
    ("brackets.md", b"[" * 200_000),
    ("pictures.md", b"![[" * 60_000),
    ("mail.mbox", MESSAGE * 4000),
]


@pytest.mark.parametrize(("name", "data"), HOSTILE, ids=[name for name, _ in HOSTILE])
def test_reading_takes_time_in_proportion(tmp_path: Path, name: str, data: bytes) -> None:
    path = samples.write(tmp_path, name, data)
    started = time.process_time()
    assert read_file(path)
    assert time.process_time() - started < SECONDS * (4 if name.endswith(".mbox") else 1)


def test_a_row_of_blanks_is_cut_in_time_in_proportion() -> None:
    text = "| a" + " " * 100_000 + "b " * 300
    started = time.process_time()
    tokens = TokenMap(text, lambda part: [(at, at + 1) for at, sign in enumerate(part) if sign.isalpha()])
    cut = pieces(tokens, 0, len(text), kind="table_row", limit=50)
    assert time.process_time() - started < SECONDS
    assert "".join(text[start:end] for start, end in cut).replace(" ", "") == text.replace(" ", "")


def test_only_what_is_plain_is_read_in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PDF or a page that is called .txt goes to the worker."""
    here: list[str] = []
    read: Callable[..., object] = read_file
    monkeypatch.setattr(
        "loaders.readers.read_file", lambda path, name: (here.append(name), read(path, name=name))[1]
    )
    files = {
        "plain.txt": b"Fine.",
        "plain.md": b"# Fine",
        "plain.csv": b"a,b\n1,2\n",
        "pdf.txt": samples.pdf([[(72, 700, 11, "Fine.")]]),
        "page.txt": b"<html><body><p>Fine.</p></body></html>",
        "word.txt": samples.docx(),
        "large.txt": b"Fine. " * loaders.reading.PLAIN_BYTES,
    }
    with file_reader() as reader:
        for name, data in files.items():
            reader(samples.write(tmp_path, name, data), name)
    assert [name for name in here if not name.startswith("plain")] == []
    assert sorted(here)[0] == "plain.csv"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the alarm is a thing of POSIX")
def test_a_worker_that_nobody_waits_for_ends_by_itself(tmp_path: Path) -> None:
    """Its parent was killed while it is in a parser that never comes back."""
    stuck = (
        "import time, loaders.readers.worker as worker\n"
        "worker._GRACE_SECONDS = 0.2\n"
        "worker.read_file = lambda *_, **__: time.sleep(60)\n"
        "worker.main()\n"
    )
    request = json.dumps({"path": "x", "limits": {"seconds": 0.3}}) + "\n"
    process = subprocess.Popen([sys.executable, "-c", stuck], stdin=subprocess.PIPE, cwd=ROOT, text=True)
    assert process.stdin is not None
    process.stdin.write(request)
    process.stdin.close()
    assert process.wait(timeout=30) == -14  # SIGALRM


def test_a_book_names_the_chapters_that_it_lacks(tmp_path: Path) -> None:
    stored = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(samples.epub())) as book, zipfile.ZipFile(stored, "w") as copy:
        for name in book.namelist():
            copy.writestr(name, book.read(name))
    damaged = stored.getvalue().replace(b"The sea falls.", b"The sea f?lls.")
    found = read_file(samples.write(tmp_path, "bad.epub", damaged))
    assert [part.metadata["record"] for part in found] == ["OPS/1.xhtml"]
    assert [part["name"] for part in found[0].metadata["unread_parts"]] == ["OPS/2.xhtml"]
