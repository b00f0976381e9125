"""Installs a lock file into the virtual environment of this interpreter, with one line of progress.

    .venv/bin/python scripts/install.py requirements.lock

Only the standard library, since it runs before anything is installed. pip's own output is shown when it fails.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = re.compile(r"^(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9._-]+)")
WIDTH = 60


def main() -> int:
    lock = Path(sys.argv[1])
    total = sum(1 for line in lock.read_text("utf-8").splitlines() if line and not line.startswith("#"))
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    with subprocess.Popen(
        [*command, "--progress-bar", "off", "-r", str(lock)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as pip:
        assert pip.stdout is not None
        said = []
        for line in pip.stdout:
            said.append(line)
            show(line, total, sum(1 for one in said if PACKAGE.match(one)))
    if sys.stdout.isatty():
        write("")
    if pip.returncode:
        print("".join(said[-30:]))
        print(f"pip could not install {lock}: its last words are above. Run the same command to try again.")
    return pip.returncode


def show(line: str, total: int, count: int) -> None:
    """One line that counts up in a terminal; elsewhere every twentieth package."""
    package = PACKAGE.match(line)
    if package and (sys.stdout.isatty() or count % 20 == 0):
        write(f"  {min(count, total)}/{total}  {package[1]}")
    elif line.startswith("Installing collected packages"):
        write("  all fetched; unpacking ...")


def write(text: str) -> None:
    if sys.stdout.isatty():
        print(f"\r{text[:WIDTH]:<{WIDTH}}", end="\r", flush=True)
    else:
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
