"""Several hands on one knowledge base: makers, writers and rebuilds at the same time, and disks that refuse."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import loaders.ingest
from errors import KnowledgeBaseError, KnowledgeBaseExistsError
from loaders.knowledge_base import KnowledgeBase, Record
from loaders.store import EmbeddedStore
from tests.loaders.plain_encoder import PlainEncoder


def made(folder: Path) -> KnowledgeBase:
    return KnowledgeBase.create(folder / "kb", name="x", encoder=PlainEncoder())


def test_one_of_several_makers_makes_it_and_it_opens(tmp_path: Path) -> None:
    told: list[str] = []

    def make(path: Path, start: threading.Barrier) -> None:
        start.wait()
        try:
            KnowledgeBase.create(path, name="x", encoder=PlainEncoder()).close()
            told.append("made")
        except KnowledgeBaseExistsError:
            told.append("exists")

    for number in range(8):
        path, start = tmp_path / f"kb{number}", threading.Barrier(4)
        makers = [threading.Thread(target=make, args=(path, start)) for _ in range(4)]
        for maker in makers:
            maker.start()
        for maker in makers:
            maker.join()
        KnowledgeBase.open(path, encoder=PlainEncoder()).close()
        assert list((path / "blobs" / "staging").iterdir()) == []
    assert Counter(told) == {"made": 8, "exists": 24}


def test_two_stores_opened_at_once_share_the_folder(tmp_path: Path) -> None:
    first = EmbeddedStore(tmp_path / "store", embedding=PlainEncoder())
    second = EmbeddedStore(tmp_path / "store", embedding=PlainEncoder())
    first.add_texts(["A horse eats grass."], ids=["horse"])
    assert [document.id for document in second.similarity_search("horse", k=1)] == ["horse"]


def test_what_is_written_while_a_rebuild_switches_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = made(tmp_path)
    base.ingest([Record(id="1", text="one pear")])
    other = KnowledgeBase.open(base.path, encoder=PlainEncoder())
    write = loaders.ingest.write_documents
    rebuilds = iter([other.rebuild])

    def write_after_rebuild(*arguments: object) -> object:
        next(rebuilds, lambda: None)()
        return write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loaders.ingest, "write_documents", write_after_rebuild)
    base.ingest([Record(id="2", text="two apples")])
    assert base.generation == 2
    assert [passage.document_id for passage in base.search("apples", k=1)] == ["2"]
    assert base.doctor() == []


def test_vectors_of_one_model_are_never_kept_as_those_of_another(tmp_path: Path) -> None:
    base = made(tmp_path)
    other = KnowledgeBase.open(base.path, encoder=PlainEncoder(model_id="test:other"), any_model=True)

    def sources() -> Iterator[Record]:
        yield Record(id="1", text="two apples")
        other.rebuild()
        yield Record(id="2", text="three pears")

    with pytest.raises(KnowledgeBaseError, match="'test:other'"):
        base.ingest(sources())
    with other.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM embeddings").fetchone() == (0,)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_a_refused_opening_leaves_no_file_open(tmp_path: Path) -> None:
    made(tmp_path).close()
    before, refusals = open_files(), []
    for _ in range(5):
        with pytest.raises(KnowledgeBaseError) as refused:
            KnowledgeBase.open(tmp_path / "kb", encoder=PlainEncoder(model_id="test:other"))
        refusals.append(refused)  # its traceback holds the frames, and what they hold
    assert open_files() <= before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def full_disk() -> Iterator[None]:
    """Every write to a file fails."""
    import resource

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as POSIX does")
def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    base = made(tmp_path)
    base.ingest([Record(id="1", text="one apple")])
    shutil.rmtree(base.generation_folder(1))
    base.drop_caches()
    with full_disk(), pytest.raises(KnowledgeBaseError, match="free space on the disk"):
        base.search("apple")
    with full_disk(), pytest.raises(KnowledgeBaseError, match="check the disk"):
        base.ingest([Record(id="2", text="two pears")])
    assert [passage.document_id for passage in base.search("apple pears")] == ["1"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(KnowledgeBaseError, match="GROUNDTUNE_HOME"):
        KnowledgeBase.create(tmp_path / "file" / "kb", name="x", encoder=PlainEncoder())
