"""What an ingest tells while it runs and when it has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["FailedFile", "FileNote", "FileProgress", "FileState", "IngestReport"]

FileState = Literal["queued", "reading", "splitting", "embedding", "done", "failed", "unchanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProgress:
    """One step of one file. `files_total` grows while sources are still being found."""

    name: str
    state: FileState
    reason: str | None = None
    chunks: int = 0
    done_chunks: int = 0
    files_done: int = 0
    files_total: int = 0
    eta_seconds: float | None = None  # None until enough has been done to tell


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFile:
    file: str
    reason: str  # one sentence that says what to do


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNote:
    file: str
    note: str  # what was left out of a file that was read


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    added: int
    updated: int
    unchanged: int
    removed: int  # documents whose file has gone from a folder that was ingested again
    failed: tuple[FailedFile, ...]
    chunks: int  # written by this run
    seconds: float
    stopped: bool = False  # by the caller, before the end
    notes: tuple[FileNote, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "added": self.added,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "failed": [{"file": failed.file, "reason": failed.reason} for failed in self.failed],
            "notes": [{"file": note.file, "note": note.note} for note in self.notes],
            "chunks": self.chunks,
            "seconds": round(self.seconds, 3),
        }
