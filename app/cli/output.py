"""The one JSON writer, and the one place that turns failures into a sentence and an exit status.

stdout carries the result (with --json exactly one JSON document); progress, warnings and errors go to stderr.
Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from typing import Any, NoReturn, TextIO

from typer import Typer

from errors import GroundtuneError

INTERRUPTED = 130  # exit status, as shells have it
# What a terminal obeys instead of showing: a document must not move the cursor or rename the window.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def print_json(value: Any) -> None:
    """One JSON document on stdout: UTF-8, or ASCII where stdout has another encoding.

    NaN and Infinity are a programming error, not output.
    """
    ascii_only = (sys.stdout.encoding or "utf-8").lower().replace("-", "") != "utf8"
    print_line(json.dumps(value, ensure_ascii=ascii_only, indent=2, allow_nan=False))


def print_line(text: str) -> None:
    """One line on stdout."""
    print_text(text + "\n")


def print_text(text: str) -> None:
    """Text on stdout as far as it goes, seen at once."""
    sys.stdout.write(writable(text, sys.stdout))
    sys.stdout.flush()


def say(text: str) -> None:
    """Progress and warnings, on stderr."""
    sys.stderr.write(writable(text, sys.stderr) + "\n")
    sys.stderr.flush()


def writable(text: str, stream: TextIO) -> str:
    """Control characters become U+FFFD; those that the stream's encoding lacks are escaped, not fatal."""
    encoding = stream.encoding or "utf-8"
    return _CONTROL.sub("\ufffd", text).encode(encoding, "backslashreplace").decode(encoding)


def run(command_line: Typer) -> NoReturn:
    """Runs a command line and exits; a failure is one sentence, and a traceback only with GROUNDTUNE_DEBUG=1."""
    try:
        command_line(prog_name="python -m app")  # exits by itself, 2 for wrong usage
    except GroundtuneError as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not our failure, and nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the last line of defence of a command line
        _fail(
            f"Unexpected failure ({type(error).__name__}: {error}). Set GROUNDTUNE_DEBUG=1 to see where.", 1
        )
    sys.exit(0)


def _fail(sentence: str, status: int) -> NoReturn:
    if os.environ.get("GROUNDTUNE_DEBUG"):
        traceback.print_exc()
    say(sentence)
    sys.exit(status)
