"""What every benchmark prints first: the command, the machine, the versions; and the figures' one table form."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path


def describe(*packages: str) -> str:
    """The header of a benchmark's output."""
    versions = ", ".join(f"{name} {_version(name)}" for name in packages)
    return "\n".join(
        (
            f"command: python -m {_module()} {shlex.join(sys.argv[1:])}".rstrip(),
            f"machine: {_processor()}, {_cores()} cores, {_memory_gib():.0f} GiB, {platform.system()}",
            f"python {platform.python_version()}" + (f", {versions}" if versions else ""),
        )
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _module() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else Path(sys.argv[0]).stem


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_gib() -> float:
    if not hasattr(os, "sysconf"):
        return 0.0
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) / 2**30
