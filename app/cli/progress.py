"""Ingest progress on stderr: one live line in a terminal, one line a finished file elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from app.cli.output import writable

if TYPE_CHECKING:
    from loaders.knowledge_base import FileProgress

FINISHED = ("done", "failed", "unchanged")
WIDTH = 100


class IngestProgress:
    """Callable for `KnowledgeBase.ingest(on_progress=...)`."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._last_count = -1

    def __call__(self, progress: FileProgress) -> None:
        if progress.state == "failed":
            self._line(f"  failed     {progress.reason}")
        elif self._live:
            self._overwrite(_describe(progress))
        elif progress.state in FINISHED and _worth_a_line(progress, self._last_count):
            self._last_count = progress.files_done
            self._line("  " + _describe(progress))

    def end(self) -> None:
        if self._live:
            self._overwrite("")

    def _line(self, text: str) -> None:
        if self._live:
            self._overwrite("")
        self._stream.write(writable(text, self._stream) + "\n")
        self._stream.flush()

    def _overwrite(self, text: str) -> None:
        self._stream.write("\r" + writable(text, self._stream)[:WIDTH].ljust(WIDTH) + "\r")
        self._stream.flush()


def _worth_a_line(progress: FileProgress, last: int) -> bool:
    """Every file of a small batch; of a large one, about a hundred lines."""
    step = max(1, progress.files_total // 100)
    done = progress.files_done
    return done == progress.files_total or done - last >= step


def _describe(progress: FileProgress) -> str:
    left = f", about {progress.eta_seconds:.0f} s left" if progress.eta_seconds else ""
    return f"{progress.files_done}/{progress.files_total}  {progress.state:<10} {progress.name}{left}"
