"""python killed_freeze.py FOLDER FILE POINT: freezes a file and is killed (SIGKILL) at POINT."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import finetune.freezing as freezing

POINTS = {
    "written_card": "written_card",
    "manifest": "_written",
    "publish": "_publish",
    "synced": "sync_folder",
}


def main(folder: Path, file: Path, point: str) -> None:
    name = POINTS[point]
    real = getattr(freezing, name)

    def dying(*given: object) -> None:
        if name in {"_publish", "_written"}:
            real(*given)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(freezing, name, dying)
    freezing.FrozenStore(folder).freeze({"train": file}, freezing.Facts(name="Killed"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
