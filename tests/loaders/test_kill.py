"""A process killed at any point of an ingest leaves a knowledge base that opens, answers, and goes on."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loaders.knowledge_base import KnowledgeBase
from tests.loaders.killed_ingest import POINTS
from tests.loaders.plain_encoder import PlainEncoder

CHILD = Path(__file__).with_name("killed_ingest.py")
FILES = 9
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a thing of POSIX")

State = list[tuple[str, str, str, int]]


@pytest.fixture()
def docs(tmp_path: Path) -> Path:
    """Files of several chunks each, one of them unreadable."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(FILES):
        sections = "\n\n".join(
            f"## Section {part}\n\nFile {number} says {number * part} things." for part in range(4)
        )
        (folder / f"{number}.md").write_text(f"# Title {number}\n\n{sections}")
    (folder / "bad.txt").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def children() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def ingest(
    children: subprocess.Popen[str], kb: Path, docs: Path, point: str = "never", count: int = 0
) -> int:
    """The exit status of a child that ingests `docs` and dies at `point`."""
    assert children.stdin is not None and children.stdout is not None
    children.stdin.write(json.dumps([str(kb), str(docs), point, count]) + "\n")
    children.stdin.flush()
    return int(children.stdout.readline())


def change(docs: Path) -> None:
    (docs / "1.md").write_text("# Title 1\n\nWholly new words.")
    (docs / "2.md").unlink()


def state(base: KnowledgeBase) -> State:
    return [
        (
            info.document_id,
            info.state,
            base.document_text(info.document_id) if info.chunks else "",
            info.chunks,
        )
        for info in base.documents()
    ]


def check(kb: Path) -> None:
    """Whole documents only, every one of them findable, and nothing for the doctor to mend."""
    with KnowledgeBase.open(kb, encoder=PlainEncoder()) as base:
        held = {info.document_id for info in base.documents() if info.chunks}
        passages = base.search("File says things title section words", k=200)
        assert {passage.document_id for passage in passages} == held
        for passage in passages:
            assert base.document_text(passage.document_id)[passage.start : passage.end] == passage.text
        assert [finding for finding in base.doctor() if finding.level == "damage"] == []
        for info in base.documents():
            assert info.state != "done" or base.blob(info.document_id) is not None


def final_state(kb: Path, docs: Path) -> State:
    with KnowledgeBase.open(kb, encoder=PlainEncoder()) as base:
        base.ingest([docs])
        passages = base.search("File says things", k=200)
        assert {passage.document_id for passage in passages} == {
            info.document_id for info in base.documents() if info.chunks
        }
        assert list((kb / "blobs").glob("*.part")) == []
        return state(base)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point_of_the_first_and_of_the_second_run(
    children: subprocess.Popen[str], tmp_path: Path, docs: Path, point: str
) -> None:
    first = ingest(children, tmp_path / "kb", docs, point, 2)
    assert first in (-signal.SIGKILL, 0)
    check(tmp_path / "kb")
    change(docs)
    assert ingest(children, tmp_path / "kb", docs, point, 1) == -signal.SIGKILL
    check(tmp_path / "kb")
    unkilled = tmp_path / "unkilled"
    KnowledgeBase.create(unkilled, name="x", encoder=PlainEncoder()).close()
    assert final_state(tmp_path / "kb", docs) == final_state(unkilled, docs)
    check(tmp_path / "kb")


def test_killed_at_random_times(children: subprocess.Popen[str], tmp_path: Path, docs: Path) -> None:
    pick = random.Random(7)
    KnowledgeBase.create(tmp_path / "timing", name="x", encoder=PlainEncoder()).close()
    start = time.monotonic()
    assert ingest(children, tmp_path / "timing", docs) == 0
    whole = time.monotonic() - start
    for round_ in range(10):
        kb = tmp_path / f"kb{round_}"
        KnowledgeBase.create(kb, name="x", encoder=PlainEncoder()).close()
        ingest(children, kb, docs, "timer", int(1e6 * whole * pick.uniform(0.05, 0.95)))
        check(kb)


def test_a_file_that_a_killed_writer_left_stands_in_nobody_s_way(tmp_path: Path) -> None:
    """Tantivy names the file of a deletion by a number that a killed process may have used without committing."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for name in ("leave", "parking", "travel"):
        (folder / f"{name}.txt").write_text(f"The {name} rule holds for everybody.\n", "utf-8")
    with KnowledgeBase.create(tmp_path / "kb", name="Killed", encoder=PlainEncoder()) as base:
        base.ingest([folder])
        base.search("rule")
        keywords = base.generation_folder(base.generation) / "keywords"
        meta = json.loads((keywords / "meta.json").read_text("utf-8"))
        for segment in meta["segments"]:
            for number in range(meta["opstamp"], meta["opstamp"] + 10):
                (keywords / f"{segment['segment_id'].replace('-', '')}.{number}.del").write_bytes(b"half")
        document = next(one.document_id for one in base.documents() if "leave" in one.document_id)
        base.remove(document)
        assert {passage.document_id for passage in base.search("rule")} == {
            one.document_id for one in base.documents()
        }
        assert len(base.documents()) == 2
