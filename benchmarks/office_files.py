"""Reads a folder of real files against its manifest and says where an expectation fails.

    python -m benchmarks.office_files FOLDER [--verbose]

FOLDER/manifest.jsonl has a row a file: {file, category, password, expected, reference: {status, chars, snippet}}.
Every file is read through `ReaderProcess` (60 s, 3 GiB), encrypted ones also with their password. Agreement is the
share of the reference snippet's words that our text holds, and our characters over the reference's. Exit status 1
when any expectation fails.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.documents import Document

from benchmarks.machine import describe
from errors import EmptyFileError, EncryptedFileError, ReadError, ScannedFileError
from loaders.readers import ReaderProcess, read_file

TIMEOUT_S = 60.0
MEMORY_BYTES = 3 * 2**30
LEAST_AGREEMENT = 0.8
LEAST_CHARACTERS = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one read of one file gave."""

    documents: list[Document]
    error: ReadError | None
    crash: str
    seconds: float
    peak_mb: float

    @property
    def text(self) -> str:
        return "\n".join(document.page_content for document in self.documents)

    @property
    def outcome(self) -> str:
        return self.crash or (type(self.error).__name__ if self.error else "text")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--verbose", action="store_true", help="print each file's sentence")
    arguments = parser.parse_args()
    rows = [
        json.loads(line) for line in (arguments.folder / "manifest.jsonl").read_text().splitlines() if line
    ]
    print(describe("pypdfium2", "lxml", "python-calamine", "msoffcrypto-tool"))
    print(f"{'file':<56}{'expected':<22}{'outcome':<22}{'words':>6}{'chars':>7}{'s':>7}{'MB':>6}  verdict")
    failures = 0
    outcomes: Counter[str] = Counter()
    with ReaderProcess(timeout_s=TIMEOUT_S, memory_bytes=MEMORY_BYTES) as process:
        for row in rows:
            reading, opened = read_row(process, arguments.folder, row)
            wrong = judge(row, reading, opened)
            failures += bool(wrong)
            outcomes[reading.outcome] += 1
            print(table_line(row, reading, opened, wrong))
            if arguments.verbose and reading.error:
                print(f"    {reading.error}")
    print(
        f"{len(rows) - failures}/{len(rows)} as expected; "
        + ", ".join(f"{n} {k}" for k, n in outcomes.most_common())
    )
    print(speed(arguments.folder, rows))
    return 1 if failures else 0


def read_row(process: ReaderProcess, folder: Path, row: dict[str, Any]) -> tuple[Reading, Reading | None]:
    """Without a password, and with it where the manifest has one."""
    path = folder / row["file"]
    reading = read_once(process, path, None)
    needs = row["expected"] == "needs_password" and row["password"] is not None
    return reading, read_once(process, path, row["password"]) if needs else None


def read_once(process: ReaderProcess, path: Path, password: str | None) -> Reading:
    reset_peak(process)
    documents: list[Document] = []
    error: ReadError | None = None
    crash = ""
    start = time.perf_counter()
    try:
        documents = process.read(path, password=password)
    except ReadError as found:
        error = found
        crash = (
            "CRASH" if "crashes its reader" in str(found) else "HANG" if "takes longer" in str(found) else ""
        )
    except Exception as found:  # noqa: BLE001 - any other exception is what the benchmark looks for
        crash = f"LEAK {type(found).__name__}"
    return Reading(
        documents=documents,
        error=error,
        crash=crash,
        seconds=time.perf_counter() - start,
        peak_mb=peak(process),
    )


def judge(row: dict[str, Any], reading: Reading, opened: Reading | None) -> str:
    """Why the outcome is not what the manifest asks, or ""."""
    expected, error = row["expected"], reading.error
    if reading.crash and not (expected == "must_stay_bounded" and reading.crash == "HANG"):
        return reading.crash
    if expected in ("text_or_clear_error", "must_stay_bounded"):
        return "" if reading.text.strip() or error else "nothing came out"
    if expected in ("text", "text_without_external_fetch"):
        return f"{error}" if error else disagreement(row, reading)
    if expected == "needs_ocr":
        return "" if isinstance(error, ScannedFileError) else f"not said to be scanned: {reading.outcome}"
    if expected == "empty_ok":
        return "" if isinstance(error, EmptyFileError) or not error else f"{error}"
    if expected == "encrypted_or_empty":
        return "" if isinstance(error, EncryptedFileError | EmptyFileError) else f"{reading.outcome}"
    if expected == "needs_password":
        if not isinstance(error, EncryptedFileError):
            return f"not said to be encrypted: {reading.outcome}"
        return "" if opened is None else opening(row, opened)
    return f"unknown expectation {expected!r}"


def opening(row: dict[str, Any], opened: Reading) -> str:
    """Whether the password opened the file."""
    if opened.error is None:
        return disagreement(row, opened)
    textless = not (row["reference"].get("chars") or 0)
    if textless and isinstance(opened.error, EmptyFileError | ScannedFileError):
        return ""
    return f"with its password: {opened.error}"


def disagreement(row: dict[str, Any], reading: Reading) -> str:
    words, characters = agreement(row, reading.text)
    if words is not None and words < LEAST_AGREEMENT:
        return f"only {words:.0%} of the reference's words"
    if characters is not None and characters < LEAST_CHARACTERS:
        return f"only {characters:.0%} of the reference's characters"
    return "" if reading.text.strip() else "no text"


def agreement(row: dict[str, Any], text: str) -> tuple[float | None, float | None]:
    """(share of the snippet's words found, our characters over the reference's); None where there is no reference."""
    reference = row.get("reference") or {}
    snippet, count = reference.get("snippet") or "", reference.get("chars") or 0
    markup = "<" in snippet and ">" in snippet
    snippet = re.sub(r"<(script|style)\b.*?(</\1>|$)|<[^>]*>?", " ", snippet, flags=re.DOTALL).replace(
        "\x00", ""
    )
    words = re.findall(r"\w+", snippet.lower())
    if snippet.strip() == "OLE" or count <= 3 or not words:
        return None, None
    ours = re.sub(r"\W+", "", text.lower())
    found = sum(word in ours for word in words) / len(words)
    wide = "utf-32" in row["file"]
    return found, None if markup or wide else len(" ".join(text.split())) / count


def table_line(row: dict[str, Any], reading: Reading, opened: Reading | None, wrong: str) -> str:
    shown = opened or reading
    words, characters = agreement(row, shown.text) if shown.documents else (None, None)
    outcome = reading.outcome.removesuffix("FileError") + (f" → {opened.outcome}" if opened else "")
    return (
        f"{row['file']:<56}{row['expected']:<22}{outcome:<22}"
        f"{'' if words is None else f'{words:.0%}':>6}{'' if characters is None else f'{characters:.2f}':>7}"
        f"{shown.seconds:>7.2f}{shown.peak_mb:>6.0f}  {'ok' if not wrong else 'WRONG: ' + wrong}"
    )


def speed(folder: Path, rows: list[dict[str, Any]]) -> str:
    """PDF pages a second in this process, against pdfium's bare text of the same pages."""
    import pypdfium2

    paths = [
        folder / row["file"] for row in rows if row["file"].endswith(".pdf") and row["expected"] == "text"
    ]
    pages = 0
    ours = bare = 0.0
    for path in paths:
        start = time.process_time()
        try:
            read_file(path)
        except ReadError:
            continue
        ours += time.process_time() - start
        start = time.process_time()
        document = pypdfium2.PdfDocument(path)
        for page in document:
            page.get_textpage().get_text_range()
            pages += 1
        document.close()
        bare += time.process_time() - start
    if not pages:
        return "no PDF to time"
    return (
        f"PDF: {pages} pages, {pages / ours:.0f} pages/s with layout and blocks, {pages / bare:.0f} pages/s bare "
        f"pdfium text: {ours / bare:.2f}x its time, processor time of one core"
    )


def reset_peak(process: ReaderProcess) -> None:
    pid = process.pid
    if pid is not None and sys.platform == "linux":
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak(process: ReaderProcess) -> float:
    """Largest resident size of the worker since `reset_peak`, MB; 0 where it cannot be known."""
    status = Path(f"/proc/{process.pid}/status")
    if process.pid is None or not status.exists():
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(found.group(1)) / 1024 if found else 0.0


if __name__ == "__main__":
    raise SystemExit(main())
