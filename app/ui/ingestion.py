"""Files on their way into a knowledge base, read by a worker thread; pages draw the rows.

An uploaded file is written under GROUNDTUNE_HOME/uploads first, in a folder of its own. While it is read it lies at
the same path for the same name, so that uploading it again updates its document. It is deleted when it is searchable
and kept while it can be retried.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Protocol

from app.ui.escape import one_line
from errors import FileTooLargeError, GroundtuneError, UnsupportedFileError
from loaders.progress import FileProgress, FileState, IngestReport

LARGEST_MB = 50
KEPT = 50  # finished uploads whose rows can still be shown
LONGEST_NAME = 150  # bytes; file systems allow 255 a name
ENDED: frozenset[str] = frozenset({"done", "failed", "unchanged"})


class Uploaded(Protocol):
    """What Streamlit's uploaders hand over."""

    name: str
    size: int

    def read(self, size: int = -1, /) -> bytes: ...


class Ingesting(Protocol):
    def ingest(
        self, sources: Iterable[Path], *, on_progress: Callable[[FileProgress], None] | None = None
    ) -> IngestReport: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    name: str
    path: Path | None  # its own copy; None: refused before anything was written
    state: FileState = "queued"
    reason: str | None = None
    chunks: int = 0
    done_chunks: int = 0


class Ingestion:
    """One batch of files and its rows. Thread-safe; `rows()` is a copy."""

    def __init__(self, knowledge_base_name: str, rows: Sequence[FileRow]) -> None:
        self.key = secrets.token_hex(8)
        self.knowledge_base_name = knowledge_base_name
        self._rows = {row.name: row for row in rows}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.eta_seconds: float | None = None

    def rows(self) -> list[FileRow]:
        with self._lock:
            return list(self._rows.values())

    @property
    def running(self) -> bool:
        return not self._ended.is_set()

    def wait(self, timeout_s: float | None = None) -> bool:
        return self._ended.wait(timeout_s)

    def run(self, knowledge_base: Callable[[], Ingesting]) -> None:
        """Ingests every row that has a file; ends with every row done, unchanged or failed with its reason."""
        try:
            waiting = [row.path for row in self.rows() if row.path is not None and row.state == "queued"]
            if waiting:
                sources = [path.replace(_source(path)) for path in waiting]
                knowledge_base().ingest(sources, on_progress=self._progress)
            self._finish("The knowledge base did not take this file: try again.")
        except GroundtuneError as error:
            self._finish(str(error))
        except Exception as error:  # noqa: BLE001 - the thread's border: reported in the rows and to the log
            threading.excepthook(
                threading.ExceptHookArgs(
                    (type(error), error, error.__traceback__, threading.current_thread())
                )
            )
            self._finish("Something went wrong inside Groundtune: the log has the details.")
        finally:
            self._ended.set()

    def _progress(self, progress: FileProgress) -> None:
        with self._lock:
            self.eta_seconds = progress.eta_seconds
            row = self._row_of(progress.name)
            if row is not None:
                self._rows[row.name] = replace(
                    row,
                    state=progress.state,
                    reason=progress.reason,
                    chunks=progress.chunks or 0,
                    done_chunks=progress.done_chunks or 0,
                )

    def _row_of(self, name: str) -> FileRow | None:
        return self._rows.get(name) or self._rows.get(Path(name).name)

    def _finish(self, reason: str) -> None:
        with self._lock:
            for row in self._rows.values():
                if row.state not in ENDED:
                    self._rows[row.name] = replace(row, state="failed", reason=reason)
        for row in self.rows():
            if row.path is not None and _source(row.path).exists():
                _source(row.path).replace(row.path)
            if row.path is not None and row.state != "failed":
                row.path.unlink(missing_ok=True)
                row.path.parent.rmdir()


class Ingestions:
    """Batches by key; those of one knowledge base run one after the other. Thread-safe."""

    def __init__(self, *, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._all: dict[str, Ingestion] = {}
        self._queues: dict[str, threading.Lock] = {}

    def start(self, ingestion: Ingestion, knowledge_base: Callable[[], Ingesting]) -> Ingestion:
        with self._lock:
            self._all[ingestion.key] = ingestion
            queue = self._queues.setdefault(ingestion.knowledge_base_name, threading.Lock())
            ended = [key for key, one in self._all.items() if not one.running]
            for key in ended[: max(0, len(ended) - self._kept)]:
                del self._all[key]
        threading.Thread(
            target=self._work, args=(ingestion, knowledge_base, queue), name="ingestion", daemon=True
        ).start()
        return ingestion

    def get(self, key: str) -> Ingestion | None:
        with self._lock:
            return self._all.get(key)

    @staticmethod
    def _work(ingestion: Ingestion, knowledge_base: Callable[[], Ingesting], queue: threading.Lock) -> None:
        with queue:
            ingestion.run(knowledge_base)


@cache
def ingestions() -> Ingestions:
    """The process's registry."""
    return Ingestions()


def receive(
    files: Iterable[Uploaded], folder: Path, knowledge_base_name: str, suffixes: frozenset[str]
) -> Ingestion:
    """Writes the uploads below `folder` and gives their batch; a file that is refused becomes a failed row.

    Of two files of one name, from different folders, the second becomes `name (2).suffix`.
    """
    rows: dict[str, FileRow] = {}
    for file in files:
        name = _distinct(file_name(file.name), rows)
        rows[name] = _received(file, name, folder, suffixes)
    return Ingestion(knowledge_base_name, list(rows.values()))


def _distinct(name: str, taken: Container[str]) -> str:
    path = Path(name)
    numbered = (f"{path.stem} ({number}){path.suffix}" for number in count(2))
    return name if name not in taken else next(one for one in numbered if one not in taken)


def again(ingestion: Ingestion, name: str) -> Ingestion:
    """A new batch of the one file called `name`, to try it once more."""
    rows = [row for row in ingestion.rows() if row.name == name and row.path is not None]
    return Ingestion(
        ingestion.knowledge_base_name, [replace(row, state="queued", reason=None) for row in rows]
    )


def _received(file: Uploaded, name: str, place: Path, suffixes: frozenset[str]) -> FileRow:
    try:
        _check(name, file.size, suffixes)
        return FileRow(name=name, path=_write(file, place / secrets.token_hex(8) / name))
    except GroundtuneError as error:
        return FileRow(name=name, path=None, state="failed", reason=str(error))


def file_name(name: str) -> str:
    """The last part of a client's file name, fit for this machine's file system; never empty, never a folder."""
    last = one_line(name.replace("\\", "/").rsplit("/", 1)[-1], longest=LONGEST_NAME)
    last = _cut(last, LONGEST_NAME)
    if os.name == "nt":
        last = "".join("_" if letter in '<>:"|?*' else letter for letter in last).rstrip(". ")
    return last if last.strip(".") else "unnamed"


def _cut(name: str, longest: int) -> str:
    """At most `longest` bytes of UTF-8, the suffix kept."""
    stem, suffix = Path(name).stem, Path(name).suffix[:16]
    room = longest - len(suffix.encode())
    return stem.encode()[:room].decode(errors="ignore") + suffix if len(name.encode()) > longest else name


def _check(name: str, size: int, suffixes: frozenset[str]) -> None:
    if size > LARGEST_MB * 2**20:
        raise FileTooLargeError(
            f"{name} has {size / 2**20:.0f} MB; the page takes files of up to {LARGEST_MB} MB: "
            "split it, or load it with python -m app ingest."
        )
    if Path(name).suffix.lower() not in suffixes:
        raise UnsupportedFileError(f"{name} is of a kind that cannot be read: save it as PDF, DOCX or text.")


def _write(file: Uploaded, path: Path) -> Path:
    path.parent.mkdir(parents=True)
    with path.open("wb") as out:
        while block := file.read(2**20):
            out.write(block)
    return path


def _source(path: Path) -> Path:
    """Where the file lies while it is read; one batch of a knowledge base at a time does that."""
    return path.parent.parent / path.name
