"""What a training process may take: its memory with that of its children, and how much the machine has left.

Resident memory, not address space: torch and graphics drivers reserve far more than they use, which RLIMIT_AS counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from finetune.jobs.configuration import RunnerConfig
from finetune.jobs.record import Job

__all__ = ["GB", "Memory", "free_gb", "group_memory_gb", "memory_limit", "memory_of", "time_limit_s"]

GB = 1e9
SLACK = 1.25  # of memory, beyond the estimate that somebody accepted
SLOWER = 2.0  # of time
LEFT_GB = 0.3  # with less the kernel ends processes, without a word and not always the right one
LARGE = 0.25  # share of the machine's memory from which a process is what filled it


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Of one moment, in GB; None where the system does not say."""

    used: float | None
    free: float | None
    total: float | None

    @property
    def runs_out(self) -> bool:
        """Whether the machine has none left, and this process is why."""
        if self.used is None or self.free is None or self.total is None:
            return False
        return self.free < LEFT_GB and self.used > self.total * LARGE


def memory_of(group: int) -> Memory:
    return Memory(used=group_memory_gb(group), free=free_gb(), total=_total_gb())


def memory_limit(job: Job, config: RunnerConfig) -> float | None:
    """GB; None: none was set. What somebody accepted to take more may take as much as was said."""
    if config.memory_gb is None:
        return None
    expected = _estimated(job, "memory_gb") if _accepted(job) else None
    return max(config.memory_gb, (expected or 0.0) * SLACK)


def time_limit_s(job: Job, config: RunnerConfig) -> float | None:
    """Until somebody has to say that it may go on; None: somebody has."""
    if job.facts.get("overtime"):
        return None
    if not _accepted(job):
        return config.minutes * 60
    expected = _estimated(job, "seconds")
    return None if expected is None else max(config.minutes * 60, expected * SLOWER)


def group_memory_gb(group: int) -> float | None:
    """Resident memory of a process group; None where the system does not say."""
    if sys.platform == "win32":
        return None
    try:
        return sum(_resident_bytes(group)) / GB
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def free_gb() -> float | None:
    """What a process may still take: the machine's, or what is left of its container's."""
    known = [one for one in (_meminfo("MemAvailable"), _container_left()) if one is not None]
    return min(known) / GB if known else None


def _total_gb() -> float | None:
    known = [one for one in (_meminfo("MemTotal"), _number(_CONTAINER / "memory.max")) if one is not None]
    return min(known) / GB if known else None


def _resident_bytes(group: int) -> Iterator[int]:
    if not Path("/proc/self/stat").exists():
        yield from _resident_by_ps(group)
        return
    page = os.sysconf("SC_PAGE_SIZE")
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and _group_of(folder) == group:
            yield _pages(folder) * page


def _group_of(folder: Path) -> int | None:
    try:
        return int((folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[2])
    except (OSError, ValueError, IndexError):  # it ended while it was looked at
        return None


def _pages(folder: Path) -> int:
    try:
        return int((folder / "statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _resident_by_ps(group: int) -> Iterator[int]:
    """macOS and the BSDs; in kilobytes."""
    command = ["/bin/ps", "-A", "-o", "pgid=,rss="]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout
    for line in said.splitlines():
        pgid, rss = line.split()
        if int(pgid) == group:
            yield int(rss) * 1024


_CONTAINER = Path("/sys/fs/cgroup")  # cgroup v2, as a process sees its own


def _container_left() -> float | None:
    most, used = _number(_CONTAINER / "memory.max"), _number(_CONTAINER / "memory.current")
    return None if most is None or used is None else max(0.0, most - used + _reclaimable())


def _reclaimable() -> float:
    """Files in memory that nothing changed, which a container's usage counts too."""
    try:
        lines = (_CONTAINER / "memory.stat").read_text("ascii").splitlines()
    except OSError:
        return 0.0
    return float(next((line.split()[1] for line in lines if line.startswith("inactive_file ")), 0))


def _number(path: Path) -> float | None:
    """None where there is none, or it says "max"."""
    try:
        return float(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _meminfo(name: str) -> float | None:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    return next((float(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def _accepted(job: Job) -> bool:
    return bool(job.facts.get("accepted") or job.request.options.get("accepted"))


def _estimated(job: Job, name: str) -> float | None:
    found = (job.facts.get("estimate") or {}).get(name)
    return float(found) if isinstance(found, int | float) else None
