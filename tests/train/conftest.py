"""These tests need the training extras: `make test-train`. Without torch they are not collected."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["test_*.py"]


@pytest.fixture(scope="session")
def tiny_bases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's tiny base (tests.train.tiny_models.FAMILIES), made once. Copy it before changing it."""

    @functools.cache
    def base(family: str) -> Path:
        from tests.train.tiny_models import tiny_base

        return tiny_base(tmp_path_factory.mktemp("bases") / family, family)

    return base
