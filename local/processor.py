"""What this machine offers to the encoder: how many cores, and whether int8 products are fast and exact."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
_CPUINFO = Path("/proc/cpuinfo")
_CGROUP = Path("/sys/fs/cgroup")


def usable_cores(cgroup: Path = _CGROUP) -> int:
    """The cores this process may use: its affinity, cut down to the container's CPU quota; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    quota = _cpu_quota(cgroup)
    return max(1, cores if quota is None else min(cores, int(quota)))


def has_fast_int8(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether u8 x s8 products run on VNNI or AMX, which neither saturate nor fall behind float32.

    Known from /proc/cpuinfo on Linux; other systems answer False, so they get float32.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not _INT8_FLAGS.isdisjoint(flags.split())


def _cpu_quota(cgroup: Path) -> float | None:
    """Cores' worth of time this container may use (cgroup v2, then v1), None without a limit."""
    try:
        quota, period = (cgroup / "cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return _cpu_quota_v1(cgroup / "cpu")
    return None if quota == "max" else int(quota) / int(period)


def _cpu_quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text(encoding="ascii"))
        period = int((folder / "cpu.cfs_period_us").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 and period > 0 else None
