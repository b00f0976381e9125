"""One holds it, whoever asks; it ends with its process, however that ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from finetune.jobs import runner
from finetune.jobs.lock_file import LockFile

HOLDS = """
import pathlib, sys, time
from finetune.jobs.lock_file import LockFile
lock = LockFile(pathlib.Path(sys.argv[1]))
sys.stdout.write("held\\n" if lock.take() else "refused\\n")
sys.stdout.flush()
time.sleep(60)
"""


def test_one_holds_it(tmp_path: Path) -> None:
    first, second = LockFile(tmp_path / "lock"), LockFile(tmp_path / "lock")
    assert not first.is_held()
    assert first.take()
    assert first.take()
    assert second.is_held()
    assert not second.take()
    first.release()
    assert second.take()
    second.release()


def test_it_ends_with_its_process(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "lock")
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path / "lock")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    assert lock.is_held()
    assert lock.holder() == process.pid
    process.kill()
    process.communicate()
    assert lock.take()
    lock.release()


def test_one_that_is_being_killed_counts_as_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first thread has ended already, and its last one still holds the lock."""
    held, asked = LockFile(tmp_path / "lock"), LockFile(tmp_path / "lock")
    assert held.take()
    assert runner._runs(asked)
    looks = 0

    def exists(_pid: int) -> bool:
        nonlocal looks
        looks += 1
        if looks == 3:
            held.release()
        return False

    monkeypatch.setattr(runner, "exists", exists)
    assert not runner._runs(asked)
    assert looks == 3
