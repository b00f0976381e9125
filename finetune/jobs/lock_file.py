"""A lock that ends with the process that holds it, however that ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["LockFile"]


class LockFile:
    """Of one folder; held by at most one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> bool:
        """Whether it is ours now; does not wait."""
        if self._file is None:
            self._file = self._opened()
            if self._file is not None:
                os.ftruncate(self._file, 0)
                os.write(self._file, str(os.getpid()).encode())
        return self._file is not None

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def is_held(self) -> bool:
        """By any process; a moment later it may be otherwise."""
        if self._file is not None:
            return True
        file = self._opened()
        if file is None:
            return True
        os.close(file)
        return False

    def holder(self) -> int | None:
        """The process that took it last; None where none did."""
        try:
            return int(self._path.read_bytes())
        except (OSError, ValueError):
            return None

    def _opened(self) -> int | None:
        """The file, locked; None where another holds it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(file)
        except OSError:
            os.close(file)
            return None
        return file


def _lock(file: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
