"""What every test stands on: a home of its own, no key, no `.env`, no host but this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from app import settings, workspace
from tests.loopback import only_loopback

only_loopback.forbid()
hypothesis_settings.register_profile("groundtune", deadline=None)  # a busy machine is no fault
hypothesis_settings.load_profile("groundtune")
GUARDED_CHILDREN = Path(only_loopback.__file__).with_name("site")
SETTINGS = ("GROUNDTUNE_", "OPENAI_", "AZURE_", "LANGSMITH_", "LANGCHAIN_")


LONGEST = ("test_readme.py", "test_responder_job.py")  # files that take minutes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that at the end no process waits long for another."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by tests that only need the built graph of the embedding model."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def built_models(session_home: Path) -> Path:
    """The folder of the embedding model's graph, built once for the whole session."""
    from local.encoder import MiniLMEncoder

    MiniLMEncoder(cache_dir=session_home / "models").encode(["warm"])
    return session_home / "models"


@pytest.fixture
def home(tmp_path: Path, built_models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty GROUNDTUNE_HOME with the model's graph in it (hard links), and a process workspace that knows it."""
    folder = tmp_path / "home"
    shutil.copytree(built_models, folder / "models", copy_function=os.link)
    monkeypatch.setenv("GROUNDTUNE_HOME", str(folder))
    monkeypatch.setattr(workspace, "_process_workspace", None)
    yield folder
    if workspace._process_workspace is not None:
        workspace._process_workspace.close()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, session_home: Path) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GROUNDTUNE_HOME", str(session_home))
    monkeypatch.setenv("GROUNDTUNE_OFFLINE", "1")
    monkeypatch.setattr(settings, "PROJECT_ROOT", session_home)
    yield


@pytest.fixture(autouse=True)
def _no_real_request(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test, and no Python process that it starts, reaches another host; one that tried has failed."""
    monkeypatch.setenv("PYTHONPATH", str(GUARDED_CHILDREN), prepend=os.pathsep)
    before = len(only_loopback.refused)
    yield
    tried = only_loopback.refused[before:]
    assert not tried, f"the test reached for the network: {tried}"
