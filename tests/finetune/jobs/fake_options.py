"""The options of the trainer that only counts, known where it stands in for the responder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from finetune.trainers import responder_recipe

OPTIONS = (
    "steps",
    "seconds",
    "checkpoint_every",
    "crash_at",
    "always",
    "fail_at",
    "raise_at",
    "raises",
    "nan_at",
)
OPTIONS += ("memory_mb", "child", "deaf", "judge_seconds", "judge_fails")


@contextmanager
def known() -> Iterator[None]:
    with patch.object(responder_recipe, "OPTIONS", responder_recipe.OPTIONS + OPTIONS):
        yield
