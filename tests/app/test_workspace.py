"""The workspace when things go wrong beside it: other processes, kills, damaged files, slow model servers."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import workspace as workspace_module
from app.knowledge_bases import REMOVED
from app.settings import load_settings
from app.workspace import SAMPLE, Workspace
from chains.answer import Question
from errors import KnowledgeBaseNotFoundError, SettingsError
from tests.loopback.openai_server import Recorded, serve_openai

SOON_S = 10.0


def opened(home: Path, **environment: str) -> Workspace:
    return Workspace(load_settings({"GROUNDTUNE_HOME": str(home), **environment}))


@pytest.fixture
def ours(home: Path) -> Iterator[Workspace]:
    made = opened(home)
    yield made
    made.close()


@pytest.fixture
def theirs(home: Path) -> Iterator[Workspace]:
    """Another process on the same home."""
    made = opened(home)
    yield made
    made.close()


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "leave.md"
    path.write_text("Every employee has 27 days of leave.\n", "utf-8")
    return path


def folder_of(workspace: Workspace, name: str) -> Path:
    return workspace.knowledge_base(name).path


def test_what_another_process_removed_is_gone_here_too(
    ours: Workspace, theirs: Workspace, document: Path
) -> None:
    ours.create_knowledge_base("team").ingest([document])
    theirs.remove_knowledge_base("team")
    with pytest.raises(KnowledgeBaseNotFoundError):
        ours.knowledge_base("team")
    theirs.create_knowledge_base("team")
    assert ours.describe("team").documents == 0, "the new one, not the deleted file"


def test_a_damaged_knowledge_base_leaves_the_others_alone(ours: Workspace, theirs: Workspace) -> None:
    ours.create_knowledge_base("sound")
    place = folder_of(ours, "sound").parent / "0123456789abcdef"
    place.mkdir()
    (place / "kb.db").write_bytes(b"no database")
    infos = theirs.knowledge_bases()
    assert [info.name for info in infos if info.problem is None] == ["sound"]
    assert [str(info.as_dict()["problem"])[:23] for info in infos if info.problem] == [
        "The knowledge base file"
    ]
    with pytest.raises(KnowledgeBaseNotFoundError, match=r"There are: .*sound"):
        theirs.knowledge_base("nowhere")


def test_a_removal_clears_what_a_killed_one_left(ours: Workspace) -> None:
    ours.create_knowledge_base("team")
    folder = folder_of(ours, "team")
    left = folder.with_name(folder.name + REMOVED)
    left.mkdir()
    (left / "kb.db").write_bytes(b"half gone")
    assert [info.name for info in ours.knowledge_bases()] == ["team"]
    ours.remove_knowledge_base("team")
    assert list(folder.parent.iterdir()) == []


@pytest.fixture
def small_sample(tmp_path: Path, document: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "company"
    folder.mkdir()
    document.rename(folder / document.name)
    monkeypatch.setattr(workspace_module, "SAMPLE_DOCUMENTS", folder)
    return folder


@pytest.mark.parametrize("left", [None, "", "{"])
def test_a_first_start_that_was_killed_is_taken_up_again(
    ours: Workspace, theirs: Workspace, small_sample: Path, home: Path, left: str | None
) -> None:
    ours.create_knowledge_base(SAMPLE)
    if left is not None:
        (home / "sample.json").write_text(left, "utf-8")
    report = theirs.ensure_sample()
    assert report is not None
    assert report.added == 1
    assert theirs.ensure_sample() is None


def test_two_first_starts_at_once_both_have_the_sample(
    ours: Workspace, theirs: Workspace, small_sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs.create_knowledge_base(SAMPLE)
    seen = iter([False, False])  # we looked just before they made it
    monkeypatch.setattr(ours, "has_knowledge_base", lambda name: next(seen, True))
    ours.ensure_sample()
    assert theirs.describe(SAMPLE).documents == 1


class SlowList(list[Recorded]):
    """Holds up the server when it notes a request."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived, self.free = threading.Event(), threading.Event()

    def append(self, request: Recorded) -> None:
        self.arrived.set()
        self.free.wait(SOON_S)
        super().append(request)


def test_a_slow_model_server_holds_up_nothing_else(home: Path) -> None:
    with serve_openai() as server:
        server.requests = slow = SlowList()
        workspace = opened(home, OPENAI_BASE_URL=server.url)
        asking = threading.Thread(target=workspace.connections.chat)
        asking.start()
        try:
            assert slow.arrived.wait(SOON_S)
            workspace.create_knowledge_base("team")
            assert asking.is_alive(), "the server has not said yet which models it has"
        finally:
            slow.free.set()
            asking.join()
            workspace.close()


def test_a_silent_embedding_server_holds_up_no_other_knowledge_base(home: Path) -> None:
    with serve_openai() as server:
        server.requests = slow = SlowList()
        workspace = opened(home, OPENAI_BASE_URL=server.url, GROUNDTUNE_EMBEDDING_MODEL="compatible:e")
        making = threading.Thread(target=workspace.create_knowledge_base, args=("team",))
        making.start()
        found: list[object] = []
        looking = threading.Thread(target=lambda: found.append(workspace.records))
        try:
            assert slow.arrived.wait(SOON_S)
            looking.start()
            looking.join(SOON_S / 2)
            assert found, "the records have nothing to do with that server"
        finally:
            slow.free.set()
            making.join()
            looking.join()
            assert workspace.has_knowledge_base("team")
            workspace.close()


def test_who_waits_for_a_silent_server_holds_up_no_other_model(tmp_path: Path) -> None:
    with serve_openai() as server:
        server.requests = slow = SlowList()
        connections = opened(
            tmp_path, OPENAI_BASE_URL=server.url, GROUNDTUNE_JUDGE_MODEL="compatible:judge"
        ).connections
        asking = threading.Thread(target=connections.chat)
        asking.start()
        found: list[object] = []
        judging = threading.Thread(target=lambda: found.append(connections.judge()))
        try:
            assert slow.arrived.wait(SOON_S)
            judging.start()
            judging.join(SOON_S / 2)
            assert found, "the judge is named: nothing is asked of the server before it judges"
        finally:
            slow.free.set()
            asking.join()
            judging.join()
        assert connections.chat() is connections.chat()


def test_a_judge_without_a_server_keeps_the_embedded_reader_from_nothing(home: Path) -> None:
    workspace = opened(home, GROUNDTUNE_JUDGE_MODEL="openai:judge")
    workspace.create_knowledge_base("team")
    assert workspace.chain("rag", "team").invoke(Question(text="Leave?")).abstained
    workspace.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permission bits")
def test_the_home_is_made_for_this_user_alone(tmp_path: Path) -> None:
    assert Workspace(load_settings({"GROUNDTUNE_HOME": str(tmp_path / "new")})).knowledge_bases() == []
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


def test_a_home_that_is_a_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be GROUNDTUNE_HOME"):
        Workspace(load_settings({"GROUNDTUNE_HOME": str(tmp_path / "file")})).knowledge_bases()


def test_uploads_go_with_their_knowledge_base_and_with_time(home: Path) -> None:
    workspace = Workspace(load_settings())
    for name in ("mine", "yours"):
        workspace.create_knowledge_base(name)
        (workspace.uploads(name) / "batch").mkdir(parents=True)
        (workspace.uploads(name) / "batch" / "failed.pdf").write_bytes(b"secret")
    workspace.remove_knowledge_base("mine")
    workspace.forget_old_uploads()
    assert [path.parent.parent for path in home.rglob("failed.pdf")] == [workspace.uploads("yours")]
    os.utime(workspace.uploads("yours") / "batch", (0, 0))
    workspace.forget_old_uploads()
    assert list(home.rglob("failed.pdf")) == []
    workspace.close()
