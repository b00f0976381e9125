"""What a run has paid for, written down reply by reply: a run that was stopped or killed goes on where it was.

    with Journal.open(path, header, resume=True) as journal:
        journal.replies        # {passage key: reply}
        journal.add(key, reply)

JSON Lines beside the file that is being made: the first line says what was asked for, each further one holds a reply.
A line is on the disk before the next request goes out; a line that a kill cut short is left out and written over.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from errors import DatasetError
from finetune.synthesis.asking import Asked

__all__ = ["SUFFIX", "Journal"]

SUFFIX = ".journal"
Header = Mapping[str, str | int]


class Journal:
    """Made by `open`. Thread-safe."""

    def __init__(self, path: Path, file: BinaryIO, replies: dict[str, Asked]) -> None:
        self.path = path
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
        """Raises DatasetError: a run lies there and `resume` is not said, or it asked for something else."""
        try:
            if not path.exists():
                return cls._begin(path, header)
            return cls._go_on(path, header, resume=resume)
        except OSError as error:
            raise DatasetError(
                f"{str(path)!r} cannot be written ({error.strerror}): name another --out."
            ) from error

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
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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
