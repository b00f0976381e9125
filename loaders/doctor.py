"""Examines a knowledge base from the file's own checks up to the caches, and puts right what can be."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from loaders.files import hash_file, remove_quietly
from loaders.inventory import Finding
from loaders.rows import Generation, active_generation, position, prune_vectors, remove_documents
from loaders.search import Caches

if TYPE_CHECKING:
    from loaders.knowledge_base import KnowledgeBase

__all__ = ["examine"]


def examine(base: KnowledgeBase, *, repair: bool) -> list[Finding]:
    """Findings in the order of the checks; with `repair`, each says whether it was put right."""
    checks: Sequence[Callable[[KnowledgeBase, bool], Iterator[Finding]]] = (
        _file,
        _documents,
        _sheets,
        _vectors,
        _blobs,
        _generations,
        _caches,
        _unfinished,
    )
    return [finding for check in checks for finding in check(base, repair)]


def _file(base: KnowledgeBase, _: bool) -> Iterator[Finding]:
    """SQLite's own checks; what they find needs a copy of the file."""
    with base.database.read() as connection:
        broken = [row[0] for row in connection.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
        foreign = connection.execute("PRAGMA foreign_key_check").fetchall()
    for message in broken:
        yield Finding(
            kind="file", level="damage", message=f"kb.db is damaged ({message}): restore it from a copy."
        )
    if foreign:
        yield Finding(
            kind="file", level="damage", message=f"{len(foreign)} rows of kb.db point to rows that are gone."
        )


def _documents(base: KnowledgeBase, repair: bool) -> Iterator[Finding]:
    """Documents that cannot be found, and chunks that are not the text they point to; both want reading again."""
    with base.database.read() as connection:
        generation = active_generation(connection)
        bad = dict(_without_chunks(connection, generation)) | dict(_misplaced(connection, generation))
        names = {
            row: connection.execute("SELECT document_id FROM documents WHERE id = ?", (row,)).fetchone()[0]
            for row in bad
        }
    if bad and repair:
        with base.database.write() as connection:
            for row in bad:
                connection.execute("UPDATE documents SET sha256 = '' WHERE id = ?", (row,))
                connection.execute(
                    "INSERT INTO tombstones (generation, chunk) SELECT generation, id FROM chunks WHERE document = ?",
                    (row,),
                )
                connection.execute("DELETE FROM chunks WHERE document = ?", (row,))
        from loaders.generations import complete

        complete(base, base.active())
    for row, message in bad.items():
        yield Finding(
            kind="document", level="damage", message=message, document_id=names[row], repaired=repair
        )


def _sheets(base: KnowledgeBase, _: bool) -> Iterator[Finding]:
    """Spreadsheets of which rows are missing: only a corrected file helps."""
    for info in base.documents():
        for warning in info.warnings:
            yield Finding(
                kind="sheet",
                level="note",
                message=f"{info.document_id!r}: {warning}",
                document_id=info.document_id,
            )


def _without_chunks(connection: sqlite3.Connection, generation: Generation) -> Iterator[tuple[int, str]]:
    rows = connection.execute(
        "SELECT id, document_id FROM documents WHERE NOT EXISTS"
        " (SELECT 1 FROM chunks WHERE document = documents.id AND generation = ?)",
        (generation.id,),
    )
    for row, document_id in rows:
        yield row, f"{document_id!r} has no chunks and cannot be found."


def _misplaced(connection: sqlite3.Connection, generation: Generation) -> Iterator[tuple[int, str]]:
    rows = connection.execute("SELECT id, document_id, text FROM documents ORDER BY id")
    for row, document_id, text in rows:
        chunks = connection.execute(
            'SELECT start, "end", text FROM chunks WHERE document = ? AND generation = ?',
            (row, generation.id),
        )
        if any(text[start:end] != chunk for start, end, chunk in chunks):
            yield row, f"{document_id!r} has a chunk that is not the text it points to."


def _vectors(base: KnowledgeBase, repair: bool) -> Iterator[Finding]:
    """Vectors of the wrong size are damage; vectors that nothing uses were left by a run that was stopped."""
    with base.database.read() as connection:
        wrong = connection.execute(
            "SELECT DISTINCT chunks.document FROM chunks JOIN generations ON generations.id = generation"
            " JOIN embeddings ON embeddings.id = embedding"
            " WHERE length(vector) != 2 * dimension OR embeddings.model_id != generations.model_id"
        ).fetchall()
        unused = [
            row[0]
            for row in connection.execute(
                "SELECT id FROM embeddings WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE embedding = embeddings.id)"
            )
        ]
    if repair and wrong:
        with base.database.write() as connection:
            remove_documents(connection, [row[0] for row in wrong])
    if wrong:
        yield Finding(
            kind="vector",
            level="damage",
            message=f"{len(wrong)} documents have vectors of another model or size: ingest them again.",
            repaired=repair,
        )
    if unused:
        if repair:
            with base.database.write() as connection:
                prune_vectors(connection, unused)
        yield Finding(
            kind="vector",
            level="note",
            message=f"{len(unused)} vectors belong to no document: an ingest that goes on may use them.",
            repaired=repair,
        )


def _blobs(base: KnowledgeBase, repair: bool) -> Iterator[Finding]:
    with base.database.read() as connection:
        wanted = dict(connection.execute("SELECT blob, document_id FROM documents WHERE blob IS NOT NULL"))
        intended = {row[0] for row in connection.execute("SELECT sha256 FROM blob_intents")}
    there = base.blobs.names()
    for name in sorted(there - wanted.keys() - intended):
        if repair:
            remove_quietly(base.blobs.path(name))
        yield Finding(
            kind="blob",
            level="damage",
            message=f"The original {name[:12]} belongs to no document.",
            repaired=repair,
        )
    for name, document_id in sorted(wanted.items()):
        if name not in there or hash_file(base.blobs.path(name))[0] != name:
            if repair:
                _forget_blob(base, name)
            yield Finding(
                kind="blob",
                level="damage",
                message=f"The original file of {document_id!r} is gone or damaged: ingest it again to have it back.",
                document_id=document_id,
                repaired=repair,
            )
    for path in base.blobs.staged_leftovers():
        if repair:
            remove_quietly(path)
        yield Finding(
            kind="blob", level="note", message=f"{path.name} was left by a killed ingest.", repaired=repair
        )


def _forget_blob(base: KnowledgeBase, sha256: str) -> None:
    """The text stays searchable; without its hash the document is read anew at the next ingest."""
    with base.database.write() as connection:
        connection.execute("UPDATE documents SET blob = NULL, sha256 = '' WHERE blob = ?", (sha256,))
    remove_quietly(base.blobs.path(sha256))


def _generations(base: KnowledgeBase, repair: bool) -> Iterator[Finding]:
    with base.database.read() as connection:
        known = {f"generation-{row[0]}" for row in connection.execute("SELECT id FROM generations")}
        generation = active_generation(connection)
    if (generation.model_id, generation.dimension) != (base.encoder.model_id, base.encoder.dimension):
        yield Finding(
            kind="model",
            level="damage",
            message=f"Built with {generation.model_id!r}, opened with {base.encoder.model_id!r}: rebuild it.",
        )
    for folder in sorted(base.path.glob("generation-*")):
        if folder.name not in known:
            if repair:
                shutil.rmtree(folder, ignore_errors=True)
            yield Finding(
                kind="cache",
                level="note",
                message=f"{folder.name} belongs to no generation.",
                repaired=repair,
            )


def _caches(base: KnowledgeBase, repair: bool) -> Iterator[Finding]:
    """Both caches must find exactly the chunks of kb.db."""
    with base.database.read() as connection:
        generation = active_generation(connection)
    if (generation.model_id, generation.dimension) != (base.encoder.model_id, base.encoder.dimension):
        return
    differing = _differing(base, generation)
    if differing and repair:
        base.drop_caches()
        folder = base.generation_folder(generation.id)
        with base.database.read() as connection:
            caches = Caches(folder, generation)
            caches.keywords.wipe()
            caches.dense.rewrite(connection, position(connection))
            caches.catch_up(connection)
    left = _differing(base, generation) if differing and repair else differing
    for name, ghosts, missing in differing:
        yield Finding(
            kind="cache",
            level="damage",
            message=f"The {name} index has {ghosts} chunks too many and lacks {missing}.",
            repaired=repair and not left,
        )


def _differing(base: KnowledgeBase, generation: Generation) -> list[tuple[str, int, int]]:
    with base.database.read() as connection:
        caches = Caches(base.generation_folder(generation.id), generation)
        caches.catch_up(connection)
        rows = connection.execute("SELECT id FROM chunks WHERE generation = ? ORDER BY id", (generation.id,))
        truth = np.array([row[0] for row in rows], dtype=np.int64)
        found = (("vector", caches.dense.ids()), ("keyword", caches.keywords.ids()))
    return [
        (name, len(np.setdiff1d(ids, truth)) + len(ids) - len(np.unique(ids)), len(np.setdiff1d(truth, ids)))
        for name, ids in found
        if not np.array_equal(ids, truth)
    ]


def _unfinished(base: KnowledgeBase, _: bool) -> Iterator[Finding]:
    with base.database.read() as connection:
        rows = connection.execute(
            "SELECT document_id, state FROM files WHERE state NOT IN ('failed', 'done') ORDER BY source"
        ).fetchall()
        building = connection.execute("SELECT 1 FROM generations WHERE state = 'building'").fetchone()
    for document_id, state in rows:
        yield Finding(
            kind="ingest",
            level="note",
            message=f"{document_id!r} is {state}: ingest it again to go on.",
            document_id=document_id,
        )
    if building:
        yield Finding(
            kind="rebuild", level="note", message="A rebuild was not finished: run it again to go on."
        )
