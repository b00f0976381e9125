"""The knowledge bases of one home: list, open, create, remove; each opened once per process."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import threading
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from errors import (
    KnowledgeBaseBusyError,
    KnowledgeBaseError,
    KnowledgeBaseExistsError,
    KnowledgeBaseNotFoundError,
    NoModelConnectedError,
    ProviderError,
    SettingsError,
)

if TYPE_CHECKING:
    from loaders.embedding import ChunkEncoder
    from loaders.knowledge_base import KnowledgeBase

LONGEST_NAME = 80
REMOVED = ".removed"
# (model id, None for the one that new knowledge bases get; its dimension where it is known)
EncoderFor = Callable[[str | None, int | None], "ChunkEncoder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeBaseInfo:
    name: str
    documents: int
    chunks: int
    failed: int
    problem: str | None = None  # why it cannot be opened

    def as_dict(self) -> dict[str, object]:
        counts = {
            "name": self.name,
            "documents": self.documents,
            "chunks": self.chunks,
            "failed": self.failed,
        }
        return counts | ({"problem": self.problem} if self.problem else {})


class KnowledgeBases:
    """Those of one tenant. Thread-safe."""

    def __init__(self, home: Callable[[], Path], tenant: str, encoder_for: EncoderFor) -> None:
        self._home = home  # made where it is missing
        self._tenant = tenant
        self._encoder_for = encoder_for
        self._lock = threading.RLock()
        self._opened: dict[str, KnowledgeBase] = {}
        self._identities: dict[str, tuple[int, int] | None] = {}

    @property
    def _root(self) -> Path:
        return self._home() / "tenants" / self._tenant / "kb"

    def _path(self, name: str) -> Path:
        """A name never becomes a path: its folder is named by a hash of its case-folded form."""
        return self._root / hashlib.sha256(_clean_name(name).casefold().encode()).hexdigest()[:16]

    def all(self) -> list[KnowledgeBaseInfo]:
        """All of them, by name; one that cannot be opened says why and stands in nobody's way."""
        folders = [path.parent for path in self._root.glob("*/kb.db") if path.parent.suffix != REMOVED]
        return sorted(filter(None, map(self._info, folders)), key=lambda info: info.name)

    def _info(self, folder: Path) -> KnowledgeBaseInfo | None:
        from loaders.knowledge_base import KnowledgeBase

        name = folder.name  # where its file cannot tell
        try:
            name = KnowledgeBase.name_at(folder)
            return self.describe(name)
        except KnowledgeBaseNotFoundError:
            return None  # removed meanwhile
        except (KnowledgeBaseError, NoModelConnectedError, ProviderError) as error:
            return KnowledgeBaseInfo(name=name, documents=0, chunks=0, failed=0, problem=str(error))

    def describe(self, name: str) -> KnowledgeBaseInfo:
        stats = self.open(name).stats()
        return KnowledgeBaseInfo(
            name=name, documents=stats.documents, chunks=stats.chunks, failed=stats.failed
        )

    def has(self, name: str) -> bool:
        return (self._path(name) / "kb.db").is_file()

    def open(self, name: str) -> KnowledgeBase:
        """Opens it once per process, and anew when another process has removed or replaced it.

        Raises KnowledgeBaseNotFoundError naming those that exist.
        """
        from loaders.knowledge_base import KnowledgeBase

        path = self._path(name)
        with self._lock:
            if path.name in self._opened and self._identities[path.name] != _file_identity(path / "kb.db"):
                self._opened.pop(path.name).close()
            if path.name not in self._opened:
                if not self.has(name):
                    raise KnowledgeBaseNotFoundError(self._not_found(name))
                model_id, dimension = KnowledgeBase.model_at(path)
                self._keep(KnowledgeBase.open(path, encoder=self._encoder_for(model_id, dimension)))
            return self._opened[path.name]

    def _keep(self, opened: KnowledgeBase) -> KnowledgeBase:
        self._opened[opened.path.name] = opened
        self._identities[opened.path.name] = _file_identity(opened.path / "kb.db")
        return opened

    def _not_found(self, name: str) -> str:
        known = [info.name for info in self.all()]
        those = f"There are: {', '.join(known)}." if known else "There is none yet."
        return f"There is no knowledge base {name!r}. {those} Make one with: python -m app kb create NAME"

    def create(self, name: str) -> KnowledgeBase:
        """Raises KnowledgeBaseExistsError when the name is taken, letter case aside."""
        from loaders.knowledge_base import KnowledgeBase

        taken = KnowledgeBaseExistsError(f"A knowledge base named {name!r} exists already.")
        if self.has(name):
            raise taken
        encoder = self._encoder_for(None, None)
        encoder.dimension  # noqa: B018 - asked of a model server here, where it holds up nobody else
        with self._lock:
            if self.has(name):
                raise taken
            return self._keep(KnowledgeBase.create(self._path(name), name=_clean_name(name), encoder=encoder))

    def calibration_file(self, name: str, *, written: bool = False) -> Path:
        """Where the fit of a knowledge base's own confidence lies once it is made (chains/confidence_fit.py).

        `written`: the one for answers that a chat model writes.
        """
        from chains.confidence_fit import CALIBRATION_FILE, CHAT_CALIBRATION_FILE

        return self._path(name) / (CHAT_CALIBRATION_FILE if written else CALIBRATION_FILE)

    def uploads(self, name: str) -> Path:
        """Where files uploaded to a knowledge base lie until they are searchable, or their retry is given up."""
        return self._home() / "uploads" / self._path(name).name

    def remove(self, name: str) -> None:
        """Deletes it with all its files, for good, and what a killed removal left.

        Renamed first, so a kill leaves nothing half-alive. Raises KnowledgeBaseBusyError where another program
        holds its files (Windows).
        """
        path = self._path(name)
        with self._lock:
            if not self.has(name):
                raise KnowledgeBaseNotFoundError(self._not_found(name))
            opened = self._opened.pop(path.name, None)
            if opened is not None:
                opened.close()
            shutil.rmtree(self.uploads(name), ignore_errors=True)
            try:
                path.rename(path.with_name(f"{path.name}-{uuid.uuid4().hex[:8]}{REMOVED}"))
                for doomed in self._root.glob(f"*{REMOVED}"):
                    with contextlib.suppress(FileNotFoundError):  # another process clears it away too
                        shutil.rmtree(doomed)
            except PermissionError as error:
                raise KnowledgeBaseBusyError(
                    f"Another program holds files of {name!r} open: close it and remove {name!r} again."
                ) from error

    def close(self) -> None:
        with self._lock:
            while self._opened:
                self._opened.popitem()[1].close()


def _clean_name(name: str) -> str:
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not cleaned or len(cleaned) > LONGEST_NAME or not cleaned.isprintable():
        raise SettingsError(
            f"{name!r} cannot name a knowledge base: use 1 to {LONGEST_NAME} printable characters."
        )
    return cleaned


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    return facts.st_dev, facts.st_ino
