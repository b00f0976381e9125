"""Processes of our own: started in a group of theirs without secrets, watched, stopped with all their children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["is_alive", "memory_gb", "start", "stop_group"]

GB = 1e9
_LOOK_EVERY_S = 0.05
_SYSTEM = Path(os.environ.get("SYSTEMROOT", "C:\\Windows")) / "System32"  # used on Windows only


def start(
    command: Sequence[str], *, environment: Mapping[str, str], log: BinaryIO, folder: Path
) -> subprocess.Popen[bytes]:
    """Detached: it goes on when whoever started it ends, and hears none of its terminal's signals."""
    options: dict[str, Any] = (
        {"creationflags": 0x00000208}  # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=dict(environment),
        cwd=folder,
        close_fds=True,
        **options,
    )


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not waited for does not."""
    if sys.platform == "win32":
        command = [_SYSTEM / "tasklist.exe", "/FI", f"PID eq {pid}"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False)
        return str(pid) in listed.stdout
    with contextlib.suppress(ChildProcessError, ProcessLookupError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's now: the number was given anew
        return False
    return not _is_zombie(pid)


def stop_group(pid: int, *, grace_s: float = 30.0) -> None:
    """TERM to the process and its children, KILL after `grace_s`; returns when it is gone."""
    if sys.platform == "win32":
        command = [_SYSTEM / "taskkill.exe", "/F", "/T", "/PID", str(pid)]
        subprocess.run(command, capture_output=True, check=False)
        return
    until = time.monotonic() + grace_s
    _signal(pid, signal.SIGTERM)
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)
    _signal(pid, signal.SIGKILL)  # also children that outlived their parent
    while is_alive(pid) and time.monotonic() < until + grace_s:
        time.sleep(_LOOK_EVERY_S)


def memory_gb(pid: int) -> float | None:
    """Resident memory of the process; None where the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / GB
    except (OSError, ValueError, IndexError):
        return None


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False
