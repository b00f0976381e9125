"""What a run has paid for, written down reply by reply: a run that was stopped or killed goes on where it was.

    with Journal.open(path, header, resume=True) as journal:
        journal.replies        # {passage key: reply}
        journal.add(key, reply)

JSON Lines beside the file that is being made: the first line says what was asked for, each further one holds a reply.
A line is on the disk before the next request goes out; a line that a kill cut short is left out and written over.
One run at a time holds a journal, so that no passage is paid for twice.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from errors import DatasetBusyError, DatasetError
from finetune.synthesis.asking import Asked

__all__ = ["SUFFIX", "Journal"]

SUFFIX = ".journal"
_LOCK = ".lock"
Header = Mapping[str, str | int]


class Journal:
    """Made by `open`. Thread-safe."""

    def __init__(self, path: Path, file: BinaryIO, replies: dict[str, Asked]) -> None:
        self.path = path
        self._held: _Held | None = None
        self.replies = replies
        self.spent_usd = sum(asked.cost_usd or 0.0 for asked in replies.values())
        self.priced = all(asked.cost_usd is not None for asked in replies.values())  # each of them
        self._file = file
        self._lock = threading.Lock()

    @property
    def cost_usd(self) -> float | None:
        """Of all replies; None where the price of one is not known."""
        return self.spent_usd if self.priced else None

    @classmethod
    def open(cls, path: Path, header: Header, *, resume: bool) -> Self:
        """Raises DatasetError: a run lies there and `resume` is not said, or it asked for something else.

        Raises DatasetBusyError where a run is under way there.
        """
        held = _Held(path)
        try:
            journal = cls._go_on(path, header, resume=resume) if path.exists() else cls._begin(path, header)
        except OSError as error:
            held.close()
            raise DatasetError(
                f"{str(path)!r} cannot be written ({error.strerror}): name another --out."
            ) from error
        except BaseException:
            held.close()
            raise
        journal._held = held
        return journal

    @classmethod
    def _begin(cls, path: Path, header: Header) -> Self:
        journal = cls(path, path.open("xb"), {})
        journal._write({"header": dict(header)})
        return journal

    @classmethod
    def _go_on(cls, path: Path, header: Header, *, resume: bool) -> Self:
        if not resume:
            raise DatasetError(
                f"{str(path)!r} holds the replies of a run that was not finished: add --resume to go on with it, "
                "or delete that file to begin anew."
            )
        file = path.open("r+b")
        try:
            lines, end = _whole_lines(file)
            _check_same(lines[0].get("header") if lines else {}, header, path)
            replies = {line["key"]: Asked(**line["asked"]) for line in lines[1:]}
        except (KeyError, TypeError, AttributeError) as error:
            file.close()
            raise DatasetError(f"{str(path)!r} is no journal of a run: delete it to begin anew.") from error
        except BaseException:
            file.close()
            raise
        file.seek(end)
        file.truncate()
        journal = cls(path, file, replies)
        if not lines:
            journal._write({"header": dict(header)})
        return journal

    def add(self, key: str, asked: Asked) -> None:
        with self._lock:
            self._write({"key": key, "asked": asdict(asked)})
            self.replies[key] = asked
            self.spent_usd += asked.cost_usd or 0.0
            self.priced = self.priced and asked.cost_usd is not None

    def _write(self, line: Mapping[str, Any]) -> None:
        try:
            self._file.write(json.dumps(line, ensure_ascii=True).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise DatasetError(
                f"{str(self.path)!r} cannot be written ({error.strerror}): free some space and add --resume."
            ) from error

    def remove(self) -> None:
        """Once the rows are safe."""
        self._file.close()
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        self._file.close()
        held, self._held = self._held, None  # once: another run may hold it by now
        if held is not None:
            held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Held:
    """SQLite's lock of an empty file beside the journal: the system lets go of it when the process is killed."""

    def __init__(self, path: Path) -> None:
        """Raises DatasetBusyError, DatasetError."""
        self._path = path.with_name(path.name + _LOCK)
        try:
            self._connection = self._taken()
            while not self._path.exists():  # the run before let go of it, and removed it, just then
                self._connection.close()
                time.sleep(0.01)
                self._connection = self._taken()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise DatasetBusyError(
                    f"Another run is writing {str(path)!r}: wait for it to finish, or name another --out."
                ) from error
            raise DatasetError(
                f"{str(self._path)!r} cannot be written ({error}): name another --out."
            ) from error

    def _taken(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        with suppress(OSError):  # where an open file cannot be removed it stays, empty, for the next run
            self._path.unlink()
        self._connection.close()


def _whole_lines(file: BinaryIO) -> tuple[list[dict[str, Any]], int]:
    """The lines that were written whole, and where they end."""
    lines, end = list[dict[str, Any]](), 0
    for line in file:
        try:
            value = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            value = None
        if not isinstance(value, dict):
            break
        lines.append(value)
        end += len(line)
    return lines, end


def _check_same(known: object, header: Header, path: Path) -> None:
    """A journal without a header is one that was killed at birth."""
    if not isinstance(known, dict) or not known:
        return
    for name, value in header.items():
        if known.get(name) != value:
            raise DatasetError(
                f"The unfinished run in {str(path)!r} has {name} {known.get(name)!r}, and this one {value!r}: "
                "run it with the same, or delete that file to begin anew."
            )
