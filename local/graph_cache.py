"""Builds the encoder's graph once and keeps it on disk; a killed build or two builders at once do no harm.

    CACHE/all-MiniLM-L6-v2/graph-4-int8/
        graph.onnx       the nodes
        weights.bin      their weights; ONNX Runtime maps it, so processes share the memory
        tokenizer.json   the published tokenizer
        manifest.json    the SHA-256 of each of them, written last

A graph folder is made whole under a private name, fsynced, and renamed; whoever renames first wins and the
others use that one; what a killed build left is removed by a later one. What is on disk is hashed against the
manifest before use, and built again if it differs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from errors import EmbeddingModelMissingError
from local.minilm_graph import GRAPH_VERSION, Precision, build_graph
from local.model_files import TOKENIZER, WEIGHTS, check_published, find_model_dir

_GRAPH = "graph.onnx"
_GRAPH_WEIGHTS = "weights.bin"
_MANIFEST = "manifest.json"
_ABANDONED_SECONDS = 3600.0  # a build takes seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedGraph:
    """A checked graph folder."""

    folder: Path

    @property
    def graph(self) -> Path:
        return self.folder / _GRAPH

    @property
    def tokenizer(self) -> Path:
        return self.folder / TOKENIZER


def cached_graph(cache_dir: Path, model_dir: Path | None, precision: Precision) -> CachedGraph:
    """The graph for `precision`, built now if the cache has no whole one.

    Raises:
        EmbeddingModelMissingError: the weights are missing or not the published ones, or the cache cannot be
            written.
    """
    target = cache_dir / "all-MiniLM-L6-v2" / f"graph-{GRAPH_VERSION}-{precision}"
    if model_dir is not None:
        source = find_model_dir(model_dir, cache_dir)
        check_published(source / WEIGHTS)
    if not _is_whole(target):
        source = find_model_dir(model_dir, cache_dir)
        for name in (WEIGHTS, TOKENIZER):
            check_published(source / name)
        try:
            _build(source, target, precision)
        except OSError as error:
            raise EmbeddingModelMissingError(
                f"The embedding model cannot be prepared in {str(target)!r} ({error.strerror});"
                " free some space there or set GROUNDTUNE_HOME to a folder that can be written."
            ) from error
    return CachedGraph(folder=target)


def _build(source: Path, target: Path, precision: Precision) -> None:
    from safetensors.numpy import load_file

    private = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    private.mkdir(parents=True)
    _remove_abandoned(private)
    try:
        built = build_graph(load_file(source / WEIGHTS), precision, weights_file=_GRAPH_WEIGHTS)
        contents = {
            _GRAPH: built.graph,
            _GRAPH_WEIGHTS: built.weights,
            TOKENIZER: (source / TOKENIZER).read_bytes(),
        }
        for name, content in contents.items():
            _write(private / name, content)
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        _write(private / _MANIFEST, json.dumps(hashes, indent=1).encode())
        _publish(private, target)
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _remove_abandoned(private: Path) -> None:
    """Remove the private folders that killed builds left beside `private`, by the file system's own clock."""
    now = private.stat().st_mtime
    for other in private.parent.glob(".graph-*"):
        with contextlib.suppress(FileNotFoundError):
            if now - other.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(other, ignore_errors=True)


def _publish(private: Path, target: Path) -> None:
    """Rename `private` to `target`, unless another process has put a whole graph there meanwhile."""
    if target.exists() and not _is_whole(target):
        with contextlib.suppress(FileNotFoundError):
            damaged = target.rename(private.with_name(f"{private.name}.damaged"))
            shutil.rmtree(damaged, ignore_errors=True)
    try:
        private.rename(target)
    except OSError:
        if not _is_whole(target):
            raise
    _sync_folder(target.parent)


def _is_whole(folder: Path) -> bool:
    try:
        hashes = json.loads((folder / _MANIFEST).read_bytes())
        return set(hashes) == {_GRAPH, _GRAPH_WEIGHTS, TOKENIZER} and all(
            _sha256(folder / name) == expected for name, expected in hashes.items()
        )
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut, where the system lets a folder be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
