"""python -m finetune.serving.process FOLDER: generates for the process that started it, over its standard streams.

It ends when its input ends, so it never outlives the one that asks, and when nothing was asked for IDLE seconds.
Lines are those of finetune/serving/wire.py; whatever libraries print goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from errors import GroundtuneError
from finetune.serving.wire import Ask, read_ask

IDLE_S = 600.0


class Process:
    """The lines that come are read in a thread of their own, so that a stop reaches the reply that is under way."""

    def __init__(self, folder: Path, out: TextIO, *, device: str, idle_s: float) -> None:
        self._folder, self._out, self._device, self._idle_s = folder, out, device, idle_s
        self._asks: queue.Queue[Ask] = queue.Queue()
        self._stops: set[int] = set()

    def run(self, lines: TextIO) -> int:
        from finetune.serving.engine import Engine

        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        try:
            engine = Engine(self._folder, device="cpu" if self._device == "cpu" else "auto")
        except GroundtuneError as error:
            self._tell({"failed": str(error)})
            return 1
        self._tell({"ready": asdict(engine.ready)})
        while True:
            try:
                ask = self._asks.get(timeout=self._idle_s)
            except queue.Empty:
                return 0
            self._answer(engine, ask)

    def _answer(self, engine: Any, ask: Ask) -> None:
        def say(text: str) -> None:
            if text:
                self._tell({"id": ask.id, "text": text})

        try:
            if ask.id in self._stops:
                return
            end = engine.reply(ask, say, lambda: ask.id in self._stops)
            self._tell({"id": ask.id, "end": asdict(end)})
        except GroundtuneError as error:
            self._tell({"id": ask.id, "refused": str(error)})
        finally:
            self._stops.discard(ask.id)

    def _read(self, lines: TextIO) -> None:
        """Whatever ends it ends the process: who asked would wait for ever."""
        try:
            self._take(lines)
        except Exception:  # noqa: BLE001 - said on stderr, whose last line is what the asker is told
            traceback.print_exc()
            os._exit(1)
        os._exit(0)  # nobody is left to answer

    def _take(self, lines: TextIO) -> None:
        for line in lines:
            found: Mapping[str, Any] = json.loads(line)
            if "cancel" in found:
                self._stops.add(int(found["cancel"]))
            else:
                self._asks.put(read_ask(found))

    def _tell(self, line: Mapping[str, Any]) -> None:
        try:
            self._out.write(json.dumps(line) + "\n")
            self._out.flush()
        except OSError:
            os._exit(0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m finetune.serving.process")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", choices=("auto", "cpu"), default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--idle", type=float, default=IDLE_S)
    given = parser.parse_args()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not stand between our lines
    if given.threads:
        import torch

        torch.set_num_threads(given.threads)
    with suppress(KeyboardInterrupt):
        return Process(given.folder, out, device=given.device, idle_s=given.idle).run(sys.stdin)
    return 0


if __name__ == "__main__":
    sys.exit(main())
