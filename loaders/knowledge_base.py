"""A knowledge base: documents in, passages out.

    base = KnowledgeBase.create(Path("kb"), name="Handbook", encoder=encoder)
    base.ingest([Path("docs")])
    base.search("How many days of leave do I have?", k=5)

kb.db is the truth; what else is in the folder is either an original file (blobs/) or a cache (generation-N/) that
can be deleted at any time. Opening and searching load neither a splitter nor a reader. Thread-safe; several
processes may have it open.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from errors import (
    DocumentNotFoundError,
    KnowledgeBaseDamagedError,
    KnowledgeBaseError,
    KnowledgeBaseExistsError,
)
from loaders.blobs import Blobs, staged_path
from loaders.database import BUSY_SECONDS, Database
from loaders.draft import Recipe, fact_value
from loaders.embedding import ChunkEncoder, encode_queries
from loaders.files import publish_new, remove_quietly
from loaders.inventory import DocumentInfo, Finding, Stats
from loaders.location import Location, cell_range
from loaders.passage import Passage
from loaders.progress import FailedFile, FileProgress, IngestReport
from loaders.rows import (
    Generation,
    active_generation,
    batched,
    generation_in_state,
    placeholders,
    remove_documents,
)
from loaders.search import Caches, Neighbour, find_neighbours, find_passages
from loaders.sources import Record, Upload, read_records
from loaders.stored_tables import StoredTables
from loaders.writing import now_utc

if TYPE_CHECKING:
    from loaders.sheets import SheetTable

__all__ = [
    "DocumentInfo",
    "FailedFile",
    "FileProgress",
    "Finding",
    "IngestReport",
    "KnowledgeBase",
    "Record",
    "Stats",
    "Upload",
    "read_records",
]

Progress = Callable[[FileProgress], None]


class KnowledgeBase:
    """Made by `create` or `open`."""

    def __init__(self, path: Path, database: Database, encoder: ChunkEncoder) -> None:
        self.path = path
        self.encoder = encoder
        self.database = database
        self.blobs = Blobs(path / "blobs", database)
        self._caches_lock = threading.Lock()
        self._caches: Caches | None = None
        self._tables = StoredTables()

    @classmethod
    def create(
        cls, path: Path, *, name: str, encoder: ChunkEncoder, busy_seconds: float = BUSY_SECONDS
    ) -> Self:
        """An empty one in the folder `path`. Raises KnowledgeBaseExistsError."""
        if (path / "kb.db").exists():
            raise KnowledgeBaseExistsError(_exists(path))
        try:
            unfinished = staged_path(path / "blobs")
        except OSError as error:
            raise KnowledgeBaseError(
                f"No knowledge base can be made in {str(path)!r} ({error.strerror}): free space there, or set "
                "GROUNDTUNE_HOME to a folder that can be written."
            ) from error
        # It is named kb.db when whole: a kill in between leaves no knowledge base.
        database = Database(unfinished, create=True)
        try:
            with database.write() as connection:
                connection.execute("INSERT INTO settings VALUES ('name', ?)", (name,))
                connection.execute(
                    "INSERT INTO generations (state, model_id, dimension, precision, recipe, created_at)"
                    " VALUES ('active', ?, ?, ?, ?, ?)",
                    (
                        encoder.model_id,
                        encoder.dimension,
                        precision_of(encoder),
                        Recipe.for_encoder(encoder).as_json(),
                        now_utc(),
                    ),
                )
            database.close()
            publish_new(unfinished, path / "kb.db")
        except FileExistsError as error:
            raise KnowledgeBaseExistsError(_exists(path)) from error
        finally:
            database.close()
            remove_quietly(unfinished)
        return cls(path, Database(path / "kb.db", busy_seconds=busy_seconds), encoder)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        encoder: ChunkEncoder,
        any_model: bool = False,
        busy_seconds: float = BUSY_SECONDS,
    ) -> Self:
        """Raises KnowledgeBaseNotFoundError, and KnowledgeBaseError when it was built with another embedding model.

        any_model: open it all the same, to rebuild it with `encoder`; searching raises until then.
        """
        base = cls(path, Database(path / "kb.db", busy_seconds=busy_seconds), encoder)
        try:
            base._check_openable(any_model)
        except BaseException:
            base.close()
            raise
        return base

    def _check_openable(self, any_model: bool) -> None:
        with self.database.read() as connection:
            generation = generation_in_state(connection, "active")
        if generation is None:
            raise KnowledgeBaseDamagedError(
                f"The knowledge base in {str(self.path)!r} has lost its generation: restore kb.db from a copy."
            )
        if not any_model:
            self.check_model(generation)

    @staticmethod
    def name_at(path: Path) -> str:
        """The name of the knowledge base in the folder, without an encoder."""
        database = Database(path / "kb.db")
        try:
            return _name(database)
        finally:
            database.close()

    @staticmethod
    def model_at(path: Path) -> tuple[str, int]:
        """(id, dimension) of the embedding model that the knowledge base in the folder answers with."""
        database = Database(path / "kb.db")
        try:
            with database.read() as connection:
                generation = active_generation(connection)
            return generation.model_id, generation.dimension
        finally:
            database.close()

    @property
    def name(self) -> str:
        return _name(self.database)

    @property
    def generation(self) -> int:
        """Number of the generation that answers."""
        return self.active().id

    def generations(self) -> tuple[int, ...]:
        """Numbers of those that can be searched: the active one, and the one before it where a rebuild left it."""
        with self.database.read() as connection:
            kept = [generation_in_state(connection, state) for state in ("active", "previous")]
        return tuple(one.id for one in kept if one is not None)

    def active(self) -> Generation:
        with self.database.read() as connection:
            return active_generation(connection)

    def writable(self) -> Generation:
        """The active one, which must be of this encoder's model: another process may have rebuilt it."""
        generation = self.active()
        self.check_model(generation)
        return generation

    # --- in ---------------------------------------------------------------------------------------

    def ingest(
        self,
        sources: Iterable[Path | Record | Upload],
        *,
        password: str | None = None,
        on_progress: Progress | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> IngestReport:
        """Files, folders, uploads and records. What fails is in the report and in `documents()`, and stops nothing.

        password: tried on locked files.
        stop: looked at between files and between slices of a file; on True the run ends and keeps what is done.
        """
        from loaders.ingest import Ingest
        from loaders.reading import file_reader, splitter_for

        generation = self.writable()
        self.blobs.settle()
        self.blobs.clear_staging()
        with file_reader(password) as read_parts:
            run = Ingest(
                database=self.database,
                blobs=self.blobs,
                encoder=self.encoder,
                generation=self.writable,
                split=splitter_for(self.encoder, generation.recipe),
                read_parts=read_parts,
                searchable=self.refresh,
                remove=self.remove,
                on_progress=on_progress,
                stop=stop,
            )
            return run.run(sources)

    def remove(self, document_ids: str | Iterable[str]) -> int:
        """Takes documents out of file, rows, vectors, words and caches; how many there were. Unknown ids are no error.

        Raises KnowledgeBaseDamagedError when something of them is still found afterwards.
        """
        wanted = [document_ids] if isinstance(document_ids, str) else list(dict.fromkeys(document_ids))
        removed, chunks = 0, list[int]()
        with self.database.write() as connection:
            for some in batched(wanted, 500):
                marks = placeholders(some)
                found = connection.execute(f"SELECT id FROM documents WHERE document_id IN ({marks})", some)
                rows = [row[0] for row in found]
                query = f"SELECT id FROM chunks WHERE document IN ({placeholders(rows)})"
                chunks += [row[0] for row in connection.execute(query, rows)]
                remove_documents(connection, rows)
                connection.execute(f"DELETE FROM files WHERE document_id IN ({marks})", some)
                removed += len(rows)
        self.blobs.settle()
        if removed:
            self.refresh()
            self._check_gone(wanted, chunks)
        return removed

    def _check_gone(self, document_ids: Sequence[str], chunks: Sequence[int]) -> None:
        caches = self._current()
        with self.database.read() as connection, caches.lock:
            kept = [chunk for chunk in chunks if caches.dense.holds(chunk) or caches.keywords.holds(chunk)]
            rows = [
                row
                for some in batched(chunks, 500)
                for row in connection.execute(
                    f"SELECT id FROM chunks WHERE id IN ({placeholders(some)})", some
                )
            ]
        if kept or rows:
            raise KnowledgeBaseDamagedError(
                f"Parts of {', '.join(map(repr, document_ids[:3]))} are still in the search index after removal: "
                "run the kb doctor command with --repair."
            )

    # --- out --------------------------------------------------------------------------------------

    def search(self, query: str, *, k: int = 10, filter: Mapping[str, str] | None = None) -> list[Passage]:
        """The `k` best passages, best first; fewer only where there are fewer.

        filter: document metadata that must match, each key with exactly this value; also `document_id`, `name`
        and `media_type`.
        """
        return self.search_many([query], k=k, filter=filter)[0]

    def search_many(
        self, queries: Sequence[str], *, k: int = 10, filter: Mapping[str, str] | None = None
    ) -> list[list[Passage]]:
        """`search` for each query; all are encoded together."""
        vectors = encode_queries(self.encoder, queries)
        with self.database.read() as connection:
            caches = self._caches_of(active_generation(connection))
            return find_passages(caches, connection, queries, vectors, k=k, facts=filter)

    def nearest(
        self,
        vector: NDArray[np.float32],
        k: int,
        filter: Mapping[str, str | int | float | bool] | None = None,
    ) -> list[Neighbour]:
        """The `k` chunks nearest to a unit vector (dimension,), by cosine alone."""
        facts = {key: fact_value(value) for key, value in filter.items()} if filter else None
        with self.database.read() as connection:
            caches = self._caches_of(active_generation(connection))
            return find_neighbours(caches, connection, vector, k=k, facts=facts)

    def documents(self) -> list[DocumentInfo]:
        """All documents by id, and the files that could not be read or are still to be."""
        from loaders.listing import list_documents

        with self.database.read() as connection:
            return list_documents(connection)

    def document_text(self, document_id: str) -> str:
        """The whole text, which spans of passages point into. Raises DocumentNotFoundError."""
        return str(self._document(document_id, "text"))

    def document_parts(self, document_id: str) -> list[tuple[int, int, Location]]:
        """(start, end, place) of each page, slide, sheet or other part, in order."""
        row = self._document(document_id, "id")
        query = 'SELECT start, "end", location FROM parts WHERE document = ? ORDER BY ordinal'
        with self.database.read() as connection:
            return [
                (a, b, Location.from_dict(json.loads(c))) for a, b, c in connection.execute(query, (row,))
            ]

    def cells(self, document_id: str, start: int, end: int) -> str | None:
        """The cells that `document_text[start:end]` holds, such as "A2:F2"; None where that is not in a sheet."""
        row = self._document(document_id, "id")
        query = 'SELECT start, metadata FROM parts WHERE document = ? AND start < ? AND "end" > ?'
        with self.database.read() as connection:
            parts = connection.execute(query, (row, end, start)).fetchall()
        return cell_range(
            block["cells"]
            for opening, metadata in parts
            for block in json.loads(metadata).get("blocks", ())
            if opening + block["start"] < end and start < opening + block["end"]
        )

    def document_date(self, document_id: str) -> str | None:
        """ISO date, or month or year, of the document itself (loaders/dates.py). Raises DocumentNotFoundError."""
        from loaders.describing import stored_date

        row = self._document(document_id, "id")
        with self.database.read() as connection:
            return stored_date(connection, row)

    def tables(self, document_id: str) -> tuple[SheetTable, ...]:
        """The tables of a spreadsheet, with typed columns; none for other documents. Raises DocumentNotFoundError."""
        self._document(document_id, "id")
        with self.database.read() as connection:
            return self._tables.of(connection, document_id)

    def chunk_at(self, document_id: str, start: int) -> str | None:
        """The id of the chunk that holds the character at `start` of the document's text."""
        row = self._document(document_id, "id")
        with self.database.read() as connection:
            found = connection.execute(
                'SELECT max(ordinal) FROM chunks WHERE document = ? AND generation = ? AND start <= ? AND "end" > ?',
                (row, active_generation(connection).id, start, start),
            ).fetchone()
        return None if found[0] is None else f"{document_id}#{found[0]}"

    def blob(self, document_id: str) -> bytes | None:
        """The original file's bytes; None for records."""
        sha256 = self._document(document_id, "blob")
        return self.blobs.read(str(sha256)) if sha256 else None

    def _document(self, document_id: str, column: str) -> object:
        query = f"SELECT {column} FROM documents WHERE document_id = ?"
        with self.database.read() as connection:
            row = connection.execute(query, (document_id,)).fetchone()
        if row is None:
            raise DocumentNotFoundError(
                f"There is no document {document_id!r} in this knowledge base: list them first."
            )
        return row[0]

    # --- care -------------------------------------------------------------------------------------

    def rebuild(self, *, recipe: Recipe | None = None, on_progress: Progress | None = None) -> int:
        """Splits and embeds everything anew beside what answers, then switches; the new generation's number.

        Goes on with a rebuild that was killed. Meanwhile the old generation answers, and it stays for `rollback`.
        """
        from loaders.generations import rebuild

        return rebuild(self, recipe or Recipe.for_encoder(self.encoder), on_progress)

    def rollback(self) -> int:
        """Back to the generation before, completed with what was added since; its number."""
        from loaders.generations import rollback

        return rollback(self)

    def doctor(self, *, repair: bool = False) -> list[Finding]:
        """What is wrong, or left over; with `repair`, put right."""
        from loaders.doctor import examine

        return examine(self, repair=repair)

    def stats(self) -> Stats:
        from loaders.listing import count_all

        return count_all(self.database, self.path)

    def refresh(self) -> None:
        """Brings the caches up to date; a search does this by itself."""
        with self.database.read() as connection:
            self._caches_of(active_generation(connection)).catch_up(connection)

    def drop_caches(self) -> None:
        """Forgets what this object holds of the caches; the next search opens them from their files."""
        with self._caches_lock:
            self._caches = None

    def close(self) -> None:
        self.database.close()
        self.drop_caches()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _current(self) -> Caches:
        return self._caches_of(self.active())

    def _caches_of(self, generation: Generation) -> Caches:
        with self._caches_lock:
            if self._caches is None or self._caches.generation != generation:
                self.check_model(generation)
                self._caches = Caches(self.generation_folder(generation.id), generation)
            return self._caches

    def generation_folder(self, number: int) -> Path:
        return self.path / f"generation-{number}"

    def check_model(self, generation: Generation) -> None:
        """Vectors of two models cannot be compared; two precisions of one can."""
        if (generation.model_id, generation.dimension) != (self.encoder.model_id, self.encoder.dimension):
            raise KnowledgeBaseError(
                f"This knowledge base was built with the embedding model {generation.model_id!r} "
                f"({generation.dimension} dimensions) and cannot be searched with {self.encoder.model_id!r} "
                f"({self.encoder.dimension}): use that model, or run the kb rebuild command."
            )


def precision_of(encoder: ChunkEncoder) -> str:
    return str(getattr(encoder, "precision", "fp32"))


def _exists(path: Path) -> str:
    return f"There is a knowledge base in {str(path)!r} already."


def _name(database: Database) -> str:
    with database.read() as connection:
        row = connection.execute("SELECT value FROM settings WHERE key = 'name'").fetchone()
    return str(row[0]) if row else database.path.parent.name
