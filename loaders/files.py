"""Files written so that a reader, or the next start after a kill, sees the old bytes or the new ones."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from pathlib import Path

__all__ = ["copy_hashed", "hash_file", "publish_new", "remove_quietly", "write_atomically"]

_BLOCK = 1 << 20


def write_atomically(path: Path, data: bytes | memoryview, *, mode: int = 0o666) -> None:
    """A temporary name, fsync, rename, fsync of the folder. `mode`: the new file's, less the umask."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def publish_new(temporary: Path, path: Path) -> None:
    """Gives a whole file its name, which one of several at the same time gets. Raises FileExistsError."""
    if os.name == "nt":
        temporary.rename(path)
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError(str(path)) from None
        temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames in `folder` last; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_quietly(path: Path) -> None:
    """Removes a file that may be gone already, or that Windows still maps; the next clean-up takes those."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        path.unlink()


def hash_file(path: Path) -> tuple[str, int]:
    """(SHA-256 in hex, bytes)."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def copy_hashed(source: Path, target: Path) -> tuple[str, int]:
    """Copies and fsyncs; returns the hash and size of what was copied."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reader, target.open("wb") as writer:
        while block := reader.read(_BLOCK):
            digest.update(block)
            size += writer.write(block)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest(), size
