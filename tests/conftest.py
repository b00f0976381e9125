"""What every test stands on: a home of its own, no key, no `.env`, no host but this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import settings

SETTINGS = ("GROUNDTUNE_", "OPENAI_", "AZURE_", "LANGSMITH_", "LANGCHAIN_")


@pytest.fixture(scope="session")
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by tests that only need the built graph of the embedding model."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, session_home: Path) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GROUNDTUNE_HOME", str(session_home))
    monkeypatch.setattr(settings, "PROJECT_ROOT", session_home)
    yield
