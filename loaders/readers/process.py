"""Reading in a child process: a file that hangs, crashes or eats memory costs one sentence, not the server."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from langchain_core.documents import Document

import errors
from errors import CorruptFileError, FileTooLargeError, ReadError
from loaders.readers.limits import Limits

_ROOT = Path(__file__).resolve().parents[2]
# What a Python process needs to start; nothing else of our environment, so no keys, reaches a parser.
_KEPT_VARIABLES = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "TZ",
    "LD_LIBRARY_PATH",
)
_START_SECONDS = 60.0


class ReaderProcess:
    """A worker that reads file after file; started at the first, started anew after a crash or a timeout.

    `timeout_s` bounds one file's wall time, `memory_bytes` the worker's address space (Linux). Safe to call from
    several threads: they take turns.
    """

    def __init__(
        self, *, timeout_s: float = 120.0, memory_bytes: int = 3 * 2**30, limits: Limits | None = None
    ) -> None:
        self.timeout_s = timeout_s
        self.memory_bytes = memory_bytes
        self.limits = limits or Limits(seconds=timeout_s)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._replies: queue.Queue[str | None] = queue.Queue()

    def __enter__(self) -> ReaderProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(
        self, path: Path | str, *, name: str | None = None, password: str | None = None
    ) -> list[Document]:
        """As `read_file`, and raises the same errors."""
        shown = name or Path(path).name
        request = {"path": str(path), "name": name, "password": password, "limits": asdict(self.limits)}
        with self._lock:
            reply = self._asked(json.dumps(request), shown)
        if "error" in reply:
            raised = getattr(errors, reply["error"], ReadError)
            raise raised(reply["message"])
        return [Document(page_content=item["text"], metadata=item["metadata"]) for item in reply["documents"]]

    @property
    def pid(self) -> int | None:
        """The running worker's process id."""
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        """End the worker; a later `read` starts a new one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # a broken pipe of a dead worker holds nothing

    def _asked(self, request: str, shown: str) -> dict[str, Any]:
        process = self._running()
        try:
            assert process.stdin is not None
            process.stdin.write(request + "\n")
            process.stdin.flush()
            line = self._replies.get(timeout=self.timeout_s)
        except queue.Empty:
            self.close()
            raise FileTooLargeError(
                f"{shown} takes longer than {self.timeout_s:g} s to read: split it into smaller files."
            ) from None
        except OSError:
            line = None
        if line is None:
            self.close()
            raise CorruptFileError(
                f"{shown} crashes its reader or needs more memory than is allowed: open it in the program that made "
                "it and save it again, or split it."
            )
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _running(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "loaders.readers.worker", str(self.memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env=_clean_environment(),
            text=True,
            encoding="utf-8",
        )
        self._replies = queue.Queue()
        assert self._process.stdout is not None
        threading.Thread(target=_forward, args=(self._process.stdout, self._replies), daemon=True).start()
        try:
            started = self._replies.get(timeout=_START_SECONDS)
        except queue.Empty:
            started = None
        if started is None:
            self.close()
            raise ReadError("The file reader does not start: check that the installation is complete.")
        return self._process


def _forward(stream: IO[str], replies: queue.Queue[str | None]) -> None:
    """Lines of the worker into the queue, None when it has ended."""
    try:
        for line in stream:
            replies.put(line)
    except (ValueError, OSError):
        replies.put(None)  # the pipe was closed under us
        return
    replies.put(None)


def _clean_environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return kept | {"PYTHONPATH": str(_ROOT), "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
