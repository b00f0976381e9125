"""Processes of our own: started in a group of theirs, known again by their command, stopped with all their children.

A process id says little: the process may have ended and its number may be somebody else's. So a process counts as ours
only while a word that we gave it stands in its command.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["exists", "is_ours", "start", "stop_group"]

_LOOK_EVERY_S = 0.05
_KILLED_WITHIN_S = 30.0
_SYSTEM = Path(os.environ.get("SYSTEMROOT", "C:\\Windows")) / "System32"  # used on Windows only


def start(
    command: Sequence[str], *, environment: Mapping[str, str], log: BinaryIO, folder: Path
) -> subprocess.Popen[bytes]:
    """Detached: it goes on when whoever started it ends, and hears none of its terminal's signals. Raises OSError."""
    options: dict[str, Any] = (
        {"creationflags": 0x00000208}  # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=dict(environment),
        cwd=folder,
        close_fds=True,
        **options,
    )
    # Waited for, so that a long-lived server collects no ended processes.
    threading.Thread(target=process.wait, name=f"wait-{process.pid}", daemon=True).start()
    return process


def exists(pid: int) -> bool:
    """Whether a process of this number runs, whoever's it is; one that has ended and is not waited for does not."""
    if sys.platform == "win32":
        return str(pid) in _said([str(_SYSTEM / "tasklist.exe"), "/FI", f"PID eq {pid}"])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def is_ours(pid: int, word: str) -> bool:
    """Whether it runs and `word`, which we gave it and nobody else has, stands in its command."""
    return exists(pid) and (sys.platform == "win32" or word in _command(pid))


def stop_group(pid: int, *, grace_s: float = 30.0) -> None:
    """TERM to the process and its children, KILL after `grace_s`; returns when it is gone.

    Where the process has ended already its children are stopped: their group keeps its number from being given anew.
    """
    if sys.platform == "win32":
        _said([str(_SYSTEM / "taskkill.exe"), "/F", "/T", "/PID", str(pid)])
        return
    _signal(pid, signal.SIGTERM)
    _wait(pid, grace_s)
    _signal(pid, signal.SIGKILL)  # also children that outlived their parent
    _wait(pid, _KILLED_WITHIN_S)


def _wait(pid: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while exists(pid) and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    return _said(["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)])


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _said(command: Sequence[str]) -> str:
    try:
        return subprocess.run(list(command), capture_output=True, text=True, check=False, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
