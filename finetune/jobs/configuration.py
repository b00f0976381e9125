"""What the processes that train need to know, handed over in their environment: no keys are among it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

VARIABLE = "GROUNDTUNE_RUNNER"  # JSON, in the environment of the runner and its workers


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerConfig:
    home: str  # GROUNDTUNE_HOME: caches of the embedded model lie in its models/
    training_python: str | None = None  # the interpreter with torch; None: there is none
    embedding_dir: str | None = None
    precision: str = "auto"
    threads: int | None = None  # None: every core
    minutes: float = 60.0  # that a job may be estimated at before it must be accepted
    memory_gb: float | None = None  # of one training process; None: what is free
    offline: bool = False
    base_models: str | None = None  # folder whose subfolders are open models
    python: str | None = None  # the interpreter of the runner and of the responder; None: this process's

    def variables(self) -> Mapping[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}

    @property
    def cache(self) -> Path:
        """Where the embedded encoder keeps its graph."""
        return Path(self.home) / "models"


def read_config(environment: Mapping[str, str]) -> RunnerConfig:
    """Raises KeyError, ValueError or TypeError where the process was not started by Groundtune."""
    found: dict[str, Any] = json.loads(environment[VARIABLE])
    return RunnerConfig(**found)
