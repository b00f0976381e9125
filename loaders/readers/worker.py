"""The child of `ReaderProcess`: python -m loaders.readers.worker MEMORY_BYTES

One JSON request a line on stdin ({"path", "name", "password", "limits"}), one JSON answer a line on stdout
({"documents": [...]} or {"error": class name, "message": sentence}). Whatever a parser prints goes nowhere.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from errors import FileTooLargeError, ReadError
from loaders.readers.limits import Limits
from loaders.readers.registry import read_file

_GRACE_SECONDS = 5.0


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The documents of one file, or why there are none."""
    try:
        documents = read_file(
            Path(request["path"]),
            name=request.get("name"),
            password=request.get("password"),
            limits=Limits(**request.get("limits", {})),
        )
    except ReadError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except MemoryError:
        shown = request.get("name") or Path(request["path"]).name
        return {
            "error": FileTooLargeError.__name__,
            "message": f"{shown} needs more memory than is allowed to read: split it into smaller files.",
        }
    return {"documents": [{"text": item.page_content, "metadata": item.metadata} for item in documents]}


def limit_memory(count: int) -> None:
    """Cap the address space where the system can (not on Windows or macOS)."""
    if count > 0 and sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (count, count))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end_after(seconds: float) -> None:
    """Let the system end this process then, whatever a parser does: nobody else may be left to (not on Windows)."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def main() -> None:
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    limit_memory(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    replies.write('{"ready": true}\n')
    replies.flush()
    for line in sys.stdin:
        request = json.loads(line)
        end_after(request["limits"]["seconds"] + _GRACE_SECONDS)
        replies.write(json.dumps(answer(request)) + "\n")
        replies.flush()
        end_after(0)


if __name__ == "__main__":
    main()
