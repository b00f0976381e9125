"""The process that generates, seen from the one that asks: started when first asked, ended with its owner.

server = Server(folder, python=Path(".venv-train/bin/python"))
for part in server.ask(messages=[...], adapter=folder): ...     text, and at last an End
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from chains.cancelling import STOPPED, current_cancellation
from errors import ModelError, ProviderError, StoppedError
from finetune.serving.environment import without_secrets
from finetune.serving.wire import Ask, End, Heard, Ready, read_heard

ROOT = Path(__file__).resolve().parents[2]
IDLE_S = 600.0  # without a question, after which the memory is given back
GRACE_S = 5.0
_LINES = 40  # of its stderr that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How the process is started."""

    folder: Path
    python: Path  # that has torch
    threads: int | None = None
    idle_s: float = IDLE_S
    device: str = "auto"

    def command(self) -> list[str]:
        threads = ["--threads", str(self.threads)] if self.threads else []
        named = [str(self.folder.resolve()), "--device", self.device, "--idle", str(self.idle_s)]
        return [str(self.python), "-m", "finetune.serving.process", *named, *threads]


class Server:
    """Thread-safe. Questions are answered one after another, in the order that they came."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self._lock = threading.Lock()
        self._running: _Running | None = None

    @property
    def pid(self) -> int | None:
        running = self._running
        return running.pid if running is not None and running.alive else None

    @property
    def busy(self) -> bool:
        running = self._running
        return running is not None and running.busy

    @property
    def ready(self) -> Ready | None:
        """What was loaded; None until it is."""
        running = self._running
        return running.ready if running is not None else None

    def ask(self, ask: Ask) -> Iterator[str | End]:
        """Text as it comes, then how it ended. `ask.id` is set here. Leaving early stops the reply.

        Raises ModelError where the question or the model cannot be used, ProviderError where the process died,
        StoppedError.
        """
        for attempt in (1, 2):
            try:
                yield from self._started().ask(ask)
                return
            except _GoneIdleError:  # it ended for want of questions in the moment that this one came
                if attempt == 2:
                    raise ProviderError(
                        "The process that generates ended again before it answered."
                    ) from None

    def close(self) -> None:
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.end()

    def _started(self) -> _Running:
        with self._lock:
            if self._running is None or not self._running.alive:
                self._running = _Running(self.launch)
            return self._running


class _GoneIdleError(Exception):
    """The process ended by itself before it took the question."""


class _Running:
    """One process and those who wait for it."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._process = _start(launch)
        self._errors: deque[str] = deque(maxlen=_LINES)
        self._waiting: dict[int, queue.SimpleQueue[Heard | None]] = {}
        self._lock = threading.Lock()
        self._number = 0
        self._over = False
        self._failed: str | None = None
        self.ready: Ready | None = None
        self._drain = threading.Thread(target=self._keep_errors, daemon=True)
        self._drain.start()
        self._ear = threading.Thread(target=self._hear, daemon=True)
        self._ear.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._over and self._process.poll() is None

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def ask(self, ask: Ask) -> Iterator[str | End]:
        box: queue.SimpleQueue[Heard | None] = queue.SimpleQueue()
        number = self._sent(ask, box)
        stop = current_cancellation()
        ended = False
        try:
            with stop.breaking(lambda: box.put(Heard(id=number, end=_CANCELLED))):
                while True:
                    heard = box.get()
                    if stop.cancelled:
                        raise StoppedError(STOPPED)
                    if heard is None:
                        ended = True
                        raise self._why()
                    if heard.refused is not None:
                        ended = True
                        raise ModelError(heard.refused)
                    if heard.end is not None:
                        ended = True
                        yield heard.end
                        return
                    yield heard.text
        finally:
            with self._lock:
                self._waiting.pop(number, None)
            if not ended:
                self._tell({"cancel": number})

    def end(self) -> None:
        """Its input is closed, which it ends by; killed where it does not within GRACE_S seconds."""
        with suppress(OSError), self._lock:
            _pipe(self._process.stdin).close()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            _kill(self._process)
        self._ear.join(GRACE_S)

    def _sent(self, ask: Ask, box: queue.SimpleQueue[Heard | None]) -> int:
        with self._lock:
            if self._over:
                raise _GoneIdleError
            self._number += 1
            number = self._number
            self._waiting[number] = box
        self._write(replace(ask, id=number).line())
        return number

    def _tell(self, line: dict[str, int]) -> None:
        self._write(json.dumps(line))

    def _write(self, line: str) -> None:
        """A process that is gone is noticed by the end of its output."""
        with suppress(OSError, ValueError), self._lock:
            stdin = _pipe(self._process.stdin)
            stdin.write(line + "\n")
            stdin.flush()

    def _hear(self) -> None:
        with _pipe(self._process.stdout) as lines:
            for line in lines:
                with suppress(ValueError, TypeError, KeyError):
                    self._take(read_heard(line))
        self._process.wait()
        self._drain.join(GRACE_S)
        with self._lock:
            self._over = True
            waiting = list(self._waiting.values())
            with suppress(OSError):
                _pipe(self._process.stdin).close()
        for box in waiting:
            box.put(None)

    def _take(self, heard: Heard) -> None:
        self.ready = heard.ready or self.ready
        self._failed = heard.failed or self._failed
        with self._lock:
            box = None if heard.id is None else self._waiting.get(heard.id)
        if box is not None:
            box.put(heard)

    def _keep_errors(self) -> None:
        with _pipe(self._process.stderr) as lines:
            self._errors.extend(line.rstrip() for line in lines)

    def _why(self) -> Exception:
        """Why the process ended, as the error for the one who waits."""
        if self._failed is not None:
            return ModelError(self._failed)
        code = self._process.returncode
        if code == 0:
            return _GoneIdleError()
        model = f"The process that runs the model in {str(self._launch.folder)!r}"
        if code in (-signal.SIGKILL, 137):
            return ProviderError(
                f"{model} was killed, most likely for want of memory: ask again, end what else runs here, or choose "
                "a smaller model."
            )
        last = next((line for line in reversed(self._errors) if line.strip()), "it left no word")
        return ProviderError(f"{model} ended unexpectedly (status {code}: {last[:300]}): ask again.")


_CANCELLED = End(reason="cancelled", input_tokens=0, output_tokens=0)


def _start(launch: Launch) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            launch.command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=ROOT,
            env=without_secrets(os.environ),
            start_new_session=True,  # an interrupt at the keyboard is for the one that asks
        )
    except OSError as error:
        raise ModelError(
            f"{launch.python} cannot be started ({error.strerror}): name a Python with the training extras in "
            "GROUNDTUNE_TRAINING_PYTHON."
        ) from None


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
