"""Sources become documents: staged, read, split, embedded, written; each step known in kb.db, one bad file at a time.

Small documents are embedded and written together; each becomes visible whole. A source whose bytes are those that
are already there costs one hash. A run that was killed is gone on with by running it again.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errors import CorruptFileError, EmptyFileError, FileTooLargeError, ReadError
from loaders.blobs import Blobs, Staged
from loaders.database import Database
from loaders.describing import INCOMPLETE, described
from loaders.draft import DocumentDraft, PartDraft, draft_chunks, join_parts
from loaders.embedding import ChunkEncoder
from loaders.files import hash_file
from loaders.location import Location
from loaders.progress import FailedFile, FileNote, FileProgress, FileState, IngestReport
from loaders.readers.limits import Limits
from loaders.rows import Generation, GenerationChanged, VectorsGone
from loaders.sources import FileSource, Record, Source, Upload, expand, well_formed
from loaders.writing import Stopped, embed_chunks, now_utc, write_documents

if TYPE_CHECKING:
    from langchain_core.documents import Document

    from loaders.draft import Splitter

__all__ = ["Ingest", "ReadParts"]

BATCH_CHUNKS = 512  # documents wait for each other up to so many chunks
BATCH_DOCUMENTS = 512
RECORD_MEDIA_TYPE = "text/plain"
ETA_FILES, ETA_SECONDS = 3, 2.0  # before either, the start of the reader and the encoder is most of the time
_ATTEMPTS = 5

ReadParts = Callable[[Path, str], "list[Document]"]
"""(file, name) -> its parts; raises errors.ReadError."""


@dataclass(slots=True)
class _Tally:
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    chunks: int = 0
    finished: int = 0
    found: int = 0
    failed: list[FailedFile] = field(default_factory=list)
    notes: list[FileNote] = field(default_factory=list)


class Ingest:
    """One run. `generation` is what documents are written for; `searchable` makes what was written findable."""

    def __init__(
        self,
        *,
        database: Database,
        blobs: Blobs,
        encoder: ChunkEncoder,
        generation: Callable[[], Generation],
        split: Splitter,
        read_parts: ReadParts,
        searchable: Callable[[], None],
        remove: Callable[[Sequence[str]], int],
        on_progress: Callable[[FileProgress], None] | None = None,
        stop: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._blobs, self._encoder = database, blobs, encoder
        self._generation, self._split, self._read_parts = generation, split, read_parts
        self._remove = remove
        self._searchable, self._on_progress, self._stop, self._clock = searchable, on_progress, stop, clock
        self._started = clock()
        self._tally = _Tally()
        self._waiting: list[DocumentDraft] = []
        self._folders: list[Path] = []

    def run(self, sources: Iterable[Path | Upload | Record]) -> IngestReport:
        """Everything in `sources`; lists are counted first, other iterables as they come."""
        stopped = False
        try:
            for source in self._listed(sources):
                if self._stop is not None and self._stop():
                    raise Stopped
                self._take(source)
            self._flush()
            self._tally.removed = self._remove_gone()
        except Stopped:
            stopped = True
        finally:
            self._discard(self._waiting)
        tally = self._tally
        return IngestReport(
            added=tally.added,
            updated=tally.updated,
            unchanged=tally.unchanged,
            removed=tally.removed,
            failed=tuple(tally.failed),
            notes=tuple(tally.notes),
            chunks=tally.chunks,
            seconds=self._clock() - self._started,
            stopped=stopped,
        )

    def _listed(self, sources: Iterable[Path | Upload | Record]) -> Iterator[Source]:
        if isinstance(sources, list | tuple):
            everything = list(expand(self._noting_folders(sources)))
            self._tally.found = len(everything)
            self._queue([source for source in everything if isinstance(source, FileSource)])
            yield from everything
            return
        for source in expand(self._noting_folders(sources)):
            self._tally.found += 1
            yield source

    def _noting_folders(self, sources: Iterable[Path | Upload | Record]) -> Iterator[Path | Upload | Record]:
        for source in sources:
            if isinstance(source, Path) and source.is_dir():
                self._folders.append(source.resolve())
            yield source

    def _remove_gone(self) -> int:
        """Documents of the folders whose file is there no more; an empty folder, as of a lost mount, removes none."""
        gone = []
        with self._database.read() as connection:
            for folder in (folder for folder in self._folders if _holds_something(folder)):
                inside = f"{key_of_path(folder)}{os.sep}"
                rows = connection.execute(
                    "SELECT document_id, source FROM documents WHERE source >= ? AND substr(source, 1, ?) = ?",
                    (inside, len(inside), inside),
                )
                gone += [document_id for document_id, source in rows if not _exists(source)]
        self._forget_gone_files()
        return self._remove(gone) if gone else 0

    def _forget_gone_files(self) -> None:
        """Files that never became documents, and are not there any more, need no telling."""
        with self._database.read() as connection:
            noted = [row[0] for row in connection.execute("SELECT source FROM files")]
        inside = tuple(f"{key_of_path(folder)}{os.sep}" for folder in self._folders)
        gone = (
            [(source,) for source in noted if source.startswith(inside) and not _exists(source)]
            if inside
            else []
        )
        if gone:
            with self._database.write() as connection:
                connection.executemany("DELETE FROM files WHERE source = ?", gone)

    def _queue(self, files: Sequence[FileSource]) -> None:
        """All files are known as queued from the start, so that an unfinished run shows."""
        if not files:
            return
        with self._database.read() as connection:
            new = [file for file in files if not _is_document(connection, key_of_path(file.path))]
        if not new:
            return
        with self._database.write() as connection:
            for file in new:
                self._note(connection, key_of_path(file.path), _name_of(file), "queued")

    def _take(self, source: Source) -> None:
        name = _name_of(source)
        try:
            if isinstance(source, Record):
                self._take_record(source)
            else:
                self._take_file(source, name)
        except ReadError as error:
            nameless = isinstance(source, Record) and source.problem
            self._fail(None if nameless else _key_of(source), name, str(error))
        except OSError as error:
            self._fail(
                _key_of(source), name, f"{name} cannot be read ({error.strerror or error}): check the disk."
            )
        if len(self._waiting) >= BATCH_DOCUMENTS or self._chunks_waiting() >= BATCH_CHUNKS:
            self._flush()

    def _take_record(self, record: Record) -> None:
        if record.problem:
            raise CorruptFileError(record.problem)
        if not record.text.strip() and not record.title.strip():
            raise EmptyFileError(f"Record {record.id!r} has neither text nor title: correct the row.")
        most = Limits().text_characters
        if len(record.text) > most:
            raise FileTooLargeError(f"Record {record.id!r} has more than {most:,} characters: split it.")
        if self._same(_key_of(record), record.sha256, record.id):
            return
        location = Location()
        part = PartDraft(start=0, end=len(record.text), location=location, metadata={})
        title = record.title
        chunks = draft_chunks(
            record.text,
            title,
            [part],
            split=self._split,
            encoder=self._encoder,
            recipe=self._generation().recipe,
        )
        self._waiting.append(
            DocumentDraft(
                document_id=record.id,
                source=_key_of(record),
                name=record.id,
                title=title,
                media_type=RECORD_MEDIA_TYPE,
                sha256=record.sha256,
                bytes=len(record.text.encode()),
                text=record.text,
                metadata=dict(record.metadata),
                parts=[part],
                chunks=chunks,
            )
        )

    def _take_file(self, source: FileSource | Upload, name: str) -> None:
        key = _key_of(source)
        if isinstance(source, FileSource):
            Limits().check_file(source.path.stat().st_size, name)
            sha256 = hash_file(source.path)[0]
            self._adopt(key, name, sha256)
            if self._same(key, sha256, name):
                return
        self._tell(name, "reading")
        staged = (
            self._blobs.stage_file(source.path)
            if isinstance(source, FileSource)
            else self._blobs.stage_bytes(source.data)
        )
        try:
            if isinstance(source, Upload) and self._same(key, staged.sha256, name):
                staged.path.unlink()
                return
            with self._database.write() as connection:
                self._note(connection, key, name, "reading", sha256=staged.sha256, size=staged.bytes)
            self._waiting.append(self._draft(key, name, staged))
        except BaseException:
            staged.path.unlink(missing_ok=True)
            raise

    def _draft(self, key: str, name: str, staged: Staged) -> DocumentDraft:
        documents = self._read_parts(staged.path, name)
        self._tell(name, "splitting")
        text, parts = join_parts([_safe(document) for document in documents])
        first = documents[0].metadata
        title = str(first.get("title") or "")
        chunks = draft_chunks(
            text, title, parts, split=self._split, encoder=self._encoder, recipe=self._generation().recipe
        )
        metadata = described(Path(name).name, title, text, parts, chunks)
        notes = [*reader_notes(documents), *metadata.get(INCOMPLETE, ())]
        self._tally.notes += [FileNote(file=name, note=note) for note in notes]
        return DocumentDraft(
            document_id=name,
            source=key,
            name=Path(name).name,
            title=title,
            media_type=str(first.get("media_type") or "application/octet-stream"),
            sha256=staged.sha256,
            bytes=staged.bytes,
            text=text,
            metadata=metadata,
            parts=parts,
            chunks=chunks,
            staged=staged.path,
        )

    def _adopt(self, key: str, name: str, sha256: str) -> None:
        """A file that has moved stays the document it was: the same bytes under the same name, gone from the old place.

        Other bytes make a document of their own: the old place may be a disk that is not mounted now.
        """
        with self._database.read() as connection:
            if _is_document(connection, key):
                return
            row = connection.execute(
                "SELECT source FROM documents WHERE document_id = ? AND sha256 = ?", (name, sha256)
            ).fetchone()
        if row is not None and row[0].startswith((os.sep, key[:3])) and not _exists(row[0]):
            with self._database.write() as connection:
                connection.execute("UPDATE documents SET source = ? WHERE source = ?", (key, row[0]))

    def _same(self, key: str, sha256: str, name: str) -> bool:
        """Whether the document is there already, byte for byte."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT 1 FROM documents WHERE source = ? AND sha256 = ?", (key, sha256)
            ).fetchone()
            noted = connection.execute("SELECT 1 FROM files WHERE source = ?", (key,)).fetchone()
        if row is None:
            return False
        if noted:
            with self._database.write() as connection:
                connection.execute("DELETE FROM files WHERE source = ?", (key,))
        self._tally.unchanged += 1
        self._finish(name, "unchanged")
        return True

    def _flush(self) -> None:
        """Embeds and writes what is waiting, and makes it findable before it is called done."""
        drafts = _last_of_each(self._waiting)
        if not drafts:
            return
        for _ in range(_ATTEMPTS):
            try:
                generation = self._generation()
                vectors = embed_chunks(
                    self._database,
                    self._encoder,
                    generation,
                    [chunk for draft in drafts for chunk in draft.chunks],
                    on_slice=lambda done: self._tell_embedding(drafts, done),
                    stop=self._stop,
                )
                written = write_documents(self._database, self._blobs, generation, drafts, vectors)
                break
            except (VectorsGone, GenerationChanged):
                continue
        else:
            raise AssertionError("another writer is ahead again and again")
        self._discard(self._waiting)
        self._waiting = []
        self._searchable()
        for draft, each in zip(drafts, written, strict=True):
            self._tally.added += each.is_new
            self._tally.updated += not each.is_new
            self._tally.chunks += each.chunks
            self._finish(draft.document_id, "done", chunks=each.chunks)

    def _discard(self, drafts: Sequence[DocumentDraft]) -> None:
        for draft in drafts:
            if draft.staged is not None:
                draft.staged.unlink(missing_ok=True)

    def _chunks_waiting(self) -> int:
        return sum(len(draft.chunks) for draft in self._waiting)

    def _fail(self, key: str | None, name: str, reason: str) -> None:
        """key: what kb.db is to remember it by; None for a row of a file, which only this run can name."""
        if key is not None:
            with self._database.write() as connection:
                self._note(connection, key, name, "failed", reason=reason)
        self._tally.failed.append(FailedFile(file=name, reason=reason))
        self._finish(name, "failed", reason=reason)

    def _note(
        self,
        connection: sqlite3.Connection,
        key: str,
        name: str,
        state: FileState,
        *,
        reason: str | None = None,
        sha256: str | None = None,
        size: int = 0,
    ) -> None:
        connection.execute(
            "INSERT INTO files (source, document_id, name, state, reason, sha256, bytes, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source) DO UPDATE SET state = excluded.state,"
            " reason = excluded.reason, sha256 = excluded.sha256, bytes = excluded.bytes,"
            " updated_at = excluded.updated_at",
            (key, name, Path(name).name, state, reason, sha256, size, now_utc()),
        )

    def _finish(self, name: str, state: FileState, *, chunks: int = 0, reason: str | None = None) -> None:
        self._tally.finished += 1
        self._tell(name, state, chunks=chunks, done_chunks=chunks, reason=reason)

    def _tell_embedding(self, drafts: Sequence[DocumentDraft], done: int) -> None:
        first = drafts[0]
        if len(drafts) > 1:
            for draft in drafts:
                done -= len(draft.chunks)
                first = draft
                if done < 0:
                    break
            done += len(first.chunks)
        done = max(0, min(done, len(first.chunks)))
        self._tell(first.document_id, "embedding", chunks=len(first.chunks), done_chunks=done)

    def _tell(self, name: str, state: FileState, **more: Any) -> None:
        if self._on_progress is None:
            return
        tally = self._tally
        total = max(tally.found, tally.finished)
        elapsed = self._clock() - self._started
        told = tally.finished >= ETA_FILES or (tally.finished > 0 and elapsed >= ETA_SECONDS)
        eta = elapsed / tally.finished * (total - tally.finished) if told else None
        self._on_progress(
            FileProgress(
                name=name,
                state=state,
                files_done=tally.finished,
                files_total=total,
                eta_seconds=eta,
                **more,
            )
        )


def _last_of_each(drafts: Sequence[DocumentDraft]) -> list[DocumentDraft]:
    """A source given twice counts as its last form."""
    return list({draft.source: draft for draft in drafts}.values())


def _name_of(source: Source) -> str:
    if isinstance(source, Record):
        return source.id
    return well_formed(source.name if isinstance(source, Upload) else source.relative)


def _key_of(source: Source) -> str:
    """What the document is known by from one run to the next."""
    if isinstance(source, Record):
        return f"record:{source.id}"
    if isinstance(source, Upload):
        return f"upload:{well_formed(source.name)}"
    return key_of_path(source.path)


def key_of_path(path: Path) -> str:
    """The absolute path; a name that is not UTF-8 is told apart by a hash of its bytes."""
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        return (
            f"{well_formed(text)}#{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
        )
    return text


def _exists(source: str) -> bool:
    """Not known to be gone: so is a name told apart by a hash (`key_of_path`), or one in a closed folder."""
    if re.search(r"#[0-9a-f]{8}$", source):
        return True
    try:
        Path(source).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _holds_something(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def _safe(document: Document) -> Document:
    document.page_content = well_formed(document.page_content)
    return document


def reader_notes(documents: Sequence[Document]) -> Iterator[str]:
    """What a reader left out of a file that it could read otherwise, a sentence each."""
    for document in documents:
        metadata = document.metadata
        pages = metadata.get("unreadable_pages") or ()
        if pages:
            numbers = ", ".join(map(str, pages))
            yield f"Without text on page {numbers}: run OCR on it if something stands there."
        for part in metadata.get("unread_parts") or ():
            yield f"{part['name']} was left out: {part['reason']}"
        if metadata.get("malformed"):
            yield str(metadata["malformed"])


def _is_document(connection: sqlite3.Connection, source: str) -> bool:
    return connection.execute("SELECT 1 FROM documents WHERE source = ?", (source,)).fetchone() is not None
