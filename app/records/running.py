"""Which answers are really being written: a killed process leaves rows that say so and never end.

Each process has a token. While it writes answers it renews their `beat_at`; an answer of another process is
"interrupted" once that process is known to be gone, or its beat is older than `LEASE_S`.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from errors import RecordsError

__all__ = ["LEASE_S", "Pulse", "new_token", "process_token", "was_interrupted"]

BEAT_S = 10.0
LEASE_S = 60.0


def new_token() -> str:
    """host|process id|random: unlike any other process's, also of the same number."""
    return f"{socket.gethostname()}|{os.getpid()}|{secrets.token_hex(6)}"


_TOKEN = new_token()


def process_token() -> str:
    """This process's own."""
    return _TOKEN


def was_interrupted(runner: str, beat_at: str, *, now: datetime, me: str) -> bool:
    """Whether the process `runner`, which said at `beat_at` that it is writing, has ended."""
    if runner == me:
        return False
    return _is_gone(runner, me) or now - datetime.fromisoformat(beat_at) > timedelta(seconds=LEASE_S)


def _is_gone(runner: str, me: str) -> bool:
    """Known for certain: its number on this machine is ours, or nobody's."""
    (host, number, _), (here, mine, _) = runner.rsplit("|", 2), me.rsplit("|", 2)
    if host != here:
        return False
    if number == mine:
        return True
    if os.name == "nt":  # asking would end it
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


class Pulse:
    """Calls `beat(answer ids)` every `BEAT_S` from a thread of its own while there are any. Thread-safe."""

    def __init__(self, beat: Callable[[list[str]], None], *, every_s: float = BEAT_S) -> None:
        self._beat = beat
        self._every_s = every_s
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, answer_id: str) -> None:
        with self._lock:
            self._running.add(answer_id)
            if self._thread is None:
                self._wake.clear()
                self._thread = threading.Thread(target=self._work, name="answers-pulse", daemon=True)
                self._thread.start()

    def discard(self, answer_id: str) -> None:
        with self._lock:
            self._running.discard(answer_id)
            if not self._running:
                self._wake.set()

    def stop(self) -> None:
        """The thread ends; answers still running count as interrupted once their lease is over."""
        with self._lock:
            self._running.clear()
            self._wake.set()

    def _work(self) -> None:
        while True:
            self._wake.wait(self._every_s)
            with self._lock:
                self._wake.clear()
                now = sorted(self._running)
                if not now:
                    self._thread = None
                    return
            try:
                self._beat(now)
            except RecordsError:
                continue  # a busy or full disk: the next beat tries again, well within the lease
