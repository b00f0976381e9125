"""Run by Python itself at the start of every process that has this folder on PYTHONPATH."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "groundtune_only_loopback", Path(__file__).resolve().parents[1] / "only_loopback.py"
)
assert _spec is not None
assert _spec.loader is not None
_switch = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_switch)
_switch.forbid()
