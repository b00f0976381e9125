"""What the tests of this folder share."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "benchmark: LangChain's standard tests mark some of theirs so")
