"""A knowledge base from outside: what goes in comes out with its place, and what is removed is nowhere."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from errors import (
    DocumentNotFoundError,
    KnowledgeBaseBusyError,
    KnowledgeBaseDamagedError,
    KnowledgeBaseError,
    KnowledgeBaseExistsError,
    KnowledgeBaseNotFoundError,
    SettingsError,
)
from loaders.knowledge_base import FileProgress, KnowledgeBase, Record, Upload, read_records
from tests.loaders.word_encoder import WordEncoder
from tests.readers import samples

ROOT = Path(__file__).resolve().parents[2]
LEAVE = "# Leave\n\nEvery employee has 27 days of annual leave.\n\n## Carry-over\n\nFive days move to March."
TRAVEL = "# Travel\n\nTrains are booked in second class.\n\nFlights need the approval of a director."


@pytest.fixture()
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "policies").mkdir(parents=True)
    (folder / "leave.md").write_text(LEAVE)
    (folder / "policies" / "travel.md").write_text(TRAVEL)
    return folder


@pytest.fixture()
def base(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase.create(tmp_path / "kb", name="Handbook", encoder=WordEncoder())


def found(base: KnowledgeBase, query: str, **options: object) -> list[str]:
    return [passage.document_id for passage in base.search(query, **options)]  # type: ignore[arg-type]


def damage(base: KnowledgeBase) -> list[str]:
    return [finding.message for finding in base.doctor() if finding.level == "damage"]


def test_a_passage_is_the_text_it_points_to(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    passages = base.search("how many days of annual leave", k=10)
    assert passages[0].document_id == "leave.md"
    assert passages[0].scores.terms == ("days", "annual", "leave")
    assert passages[0].scores.keyword_rank == 1
    for passage in passages:
        assert base.document_text(passage.document_id)[passage.start : passage.end] == passage.text
        assert passage.chunk_id.startswith(f"{passage.document_id}#")


def test_one_thread_searches_for_one_question(
    base: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAISS's others would only spin."""
    told: list[int] = []
    monkeypatch.setattr("faiss.omp_get_max_threads", lambda: 8)
    monkeypatch.setattr("faiss.omp_set_num_threads", told.append)
    base.ingest([docs])
    base.search("leave")
    assert told == [1, 8]


def test_ids_are_relative_paths_and_parts_cover_the_text(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    assert [info.document_id for info in base.documents()] == ["leave.md", "policies/travel.md"]
    for info in base.documents():
        assert info.state == "done" and info.chunks > 0 and info.media_type == "text/markdown"
        assert base.document_parts(info.document_id)[0][0] == 0
        assert base.document_parts(info.document_id)[-1][1] == len(base.document_text(info.document_id))
    assert base.blob("leave.md") == LEAVE.encode()


@pytest.mark.parametrize("query", ["the of and", "?!*", "", "zzzzqqq", '"title:(" AND [', "\x00"])
def test_any_query_text_is_only_words(base: KnowledgeBase, docs: Path, query: str) -> None:
    assert base.search(query) == []
    base.ingest([docs])
    assert len(base.search(query, k=2)) == 2


def test_a_second_run_embeds_nothing(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    encoder = base.encoder
    assert isinstance(encoder, WordEncoder)
    encoder.encoded.clear()
    report = base.ingest([docs])
    assert (report.added, report.unchanged, report.chunks, encoder.encoded) == (0, 2, 0, [])


def test_of_a_changed_document_only_changed_chunks_are_embedded(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    encoder = base.encoder
    assert isinstance(encoder, WordEncoder)
    encoder.encoded.clear()
    (docs / "leave.md").write_text(LEAVE.replace("Five", "Seven"))
    report = base.ingest([docs])
    assert (report.added, report.updated, report.unchanged) == (0, 1, 1)
    assert len(encoder.encoded) == 1 and "Seven days" in encoder.encoded[0]
    texts = [passage.text for passage in base.search("days move to March", k=10)]
    assert any("Seven" in text for text in texts) and not any("Five" in text for text in texts)
    assert damage(base) == []


def test_what_is_removed_is_nowhere(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    blob = base.path / "blobs" / base.documents()[0].sha256
    assert blob.exists()
    assert base.remove(["leave.md", "no such"]) == 1
    assert not blob.exists()
    assert "leave.md" not in found(base, "annual leave", k=10)
    with pytest.raises(DocumentNotFoundError):
        base.document_text("leave.md")
    with base.database.read() as connection:
        for table, column in (("documents", "text"), ("chunks", "text"), ("parts", "metadata")):
            rows = connection.execute(
                f"SELECT 1 FROM {table} WHERE {column} LIKE '%annual leave%'"
            ).fetchall()
            assert rows == []
        used = connection.execute("SELECT count(DISTINCT embedding) FROM chunks").fetchone()
        assert connection.execute("SELECT count(*) FROM embeddings").fetchone() == used
    assert damage(base) == []


def test_equal_bytes_share_a_blob_until_the_last_goes(base: KnowledgeBase, docs: Path) -> None:
    (docs / "copy.md").write_text(LEAVE)
    base.ingest([docs])
    base.remove("leave.md")
    assert base.blob("copy.md") == LEAVE.encode()
    base.remove("copy.md")
    assert [path.name for path in (base.path / "blobs").iterdir() if path.is_file()] == [
        info.sha256 for info in base.documents()
    ]


def test_one_bad_file_stops_nothing(base: KnowledgeBase, docs: Path) -> None:
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    (docs / "empty.txt").write_bytes(b"")
    (docs / ".hidden.md").write_text("secret")
    (docs / ".git").mkdir()
    (docs / ".git" / "config.md").write_text("secret")
    report = base.ingest([docs])
    assert report.added == 2
    assert sorted(failed.file for failed in report.failed) == ["broken.pdf", "empty.txt"]
    states = {info.document_id: (info.state, bool(info.reason)) for info in base.documents()}
    assert states["broken.pdf"] == ("failed", True) and states["leave.md"] == ("done", False)
    assert damage(base) == []
    (docs / "broken.pdf").write_text("Now it is text about parking.")
    assert base.ingest([docs]).added == 1
    assert [info.state for info in base.documents()].count("failed") == 1


def test_a_document_whose_new_form_cannot_be_read_stays_searchable(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    (docs / "leave.md").write_bytes(b"")
    assert len(base.ingest([docs]).failed) == 1
    info = next(info for info in base.documents() if info.document_id == "leave.md")
    assert info.state == "failed" and info.reason and "earlier version" in info.reason
    assert "leave.md" in found(base, "annual leave")


def test_a_file_gone_from_a_folder_is_removed_when_the_folder_is_ingested_again(
    base: KnowledgeBase, docs: Path
) -> None:
    base.ingest([docs])
    base.ingest([Record(id="r", text="A record is not a file.")])
    (docs / "leave.md").unlink()
    report = base.ingest([docs])
    assert (report.removed, report.unchanged) == (1, 1)
    assert {info.document_id for info in base.documents()} == {"policies/travel.md", "r"}


def test_one_name_from_two_folders_is_two_documents(base: KnowledgeBase, tmp_path: Path) -> None:
    for folder, text in (("a", "Cats sleep."), ("b", "Dogs bark.")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "notes.txt").write_text(text)
        base.ingest([tmp_path / folder / "notes.txt"])
    assert [info.document_id for info in base.documents()] == ["b/notes.txt", "notes.txt"]
    assert base.document_text("b/notes.txt") == "Dogs bark."


def test_a_folder_that_moved_keeps_its_ids(base: KnowledgeBase, docs: Path, tmp_path: Path) -> None:
    base.ingest([docs])
    docs.rename(tmp_path / "moved")
    report = base.ingest([tmp_path / "moved"])
    assert (report.added, report.unchanged) == (0, 2)
    assert [info.document_id for info in base.documents()] == ["leave.md", "policies/travel.md"]


def test_other_bytes_under_the_name_of_a_lost_file_are_another_document(
    base: KnowledgeBase, docs: Path, tmp_path: Path
) -> None:
    base.ingest([docs])
    docs.rename(tmp_path / "not mounted")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "leave.md").write_text("Leave the door open.")
    assert base.ingest([tmp_path / "other"]).added == 1
    assert base.document_text("leave.md") == LEAVE
    assert base.document_text("other/leave.md") == "Leave the door open."


def test_parts_of_a_folder_are_the_same_documents(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    for again in (docs / "policies", docs / "leave.md"):
        report = base.ingest([again])
        assert (report.added, report.updated, report.removed, report.unchanged) == (0, 0, 0, 1)


def test_text_that_no_store_can_hold_is_made_so(base: KnowledgeBase, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"_id": "1", "text": "Red.", "tag": "\\ud800", "\\ud801": 1}\n')
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("caf\udce9.txt")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"Blue."))
    assert base.ingest(read_records(rows)).added == 1
    assert base.ingest([tmp_path / "a.tar"]).added == 1
    assert base.search("red")[0].metadata["tag"] == "\ufffd"
    assert base.search("blue")[0].location.record == "caf.txt"


def test_a_bad_row_is_not_remembered_once_it_is_put_right(base: KnowledgeBase, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("not json\n")
    assert [failed.file for failed in base.ingest(read_records(rows)).failed] == ["rows.jsonl, line 1"]
    rows.write_text('{"_id": "1", "text": "Red."}\n')
    base.ingest(read_records(rows))
    assert [info.document_id for info in base.documents()] == ["1"]


def test_what_is_too_large_is_neither_copied_nor_hashed(
    base: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = tmp_path / "huge.txt"
    with huge.open("wb") as file:
        file.truncate(300 * 2**20)
    monkeypatch.setattr("loaders.ingest.hash_file", lambda path: pytest.fail("hashed"))
    long = Record(id="long", text="a" * 64_000_001)
    reasons = [failed.reason for failed in base.ingest([huge, long]).failed]
    assert ["300 MB" in reasons[0], "64,000,000 characters" in reasons[1]] == [True, True]


def test_a_pipe_is_no_file(base: KnowledgeBase, tmp_path: Path) -> None:
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(SettingsError, match="no file or folder"):
            base.ingest([tmp_path / "pipe"])


def test_what_a_reader_left_out_is_in_the_report(base: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "mixed.zip").write_bytes(samples.zipped({"a.txt": "Fine.", "b.pdf": b"%PDF-1.7 damaged"}))
    report = base.ingest([tmp_path / "mixed.zip"])
    assert report.failed == ()
    assert [note.file for note in report.notes] == ["mixed.zip"]
    assert report.as_dict()["notes"][0]["note"].startswith(
        "b.pdf was left out: b.pdf (in mixed.zip) is a damaged"
    )


def test_the_time_left_is_told_once_it_is_known(base: KnowledgeBase) -> None:
    told: list[float | None] = []
    rows = [Record(id=str(number), text="") for number in range(6)]
    base.ingest(rows, on_progress=lambda progress: told.append(progress.eta_seconds))
    assert told[:2] == [None, None]
    assert all(eta is not None for eta in told[2:])


def test_a_section_goes_on_over_the_page(base: KnowledgeBase, tmp_path: Path) -> None:
    pages = [
        [(72, 760, 20, "Notice periods"), (72, 700, 11, "Staff give one month of notice to the company.")],
        [(72, 760, 11, "Managers give three months of notice.")],
    ]
    (tmp_path / "notice.pdf").write_bytes(samples.pdf(pages))
    base.ingest([tmp_path / "notice.pdf"])
    places = {passage.location.page: passage.location.headings for passage in base.search("notice", k=5)}
    assert places == {1: ("Notice periods",), 2: ("Notice periods",)}
    base.rebuild()
    assert {passage.location.page: passage.location.headings for passage in base.search("notice")} == places


def test_staged_copies_of_a_killed_run_go_after_a_day(base: KnowledgeBase) -> None:
    staging = base.path / "blobs" / "staging"
    for name, age in (("old", 25), ("new", 1)):
        (staging / name).write_text("private")
        os.utime(staging / name, (time.time() - age * 3600,) * 2)
    base.ingest([])
    assert [path.name for path in staging.iterdir()] == ["new"]


def test_an_upload_is_known_by_its_name(base: KnowledgeBase) -> None:
    assert base.ingest([Upload(name="menu.txt", data=b"Soup on Monday.")]).added == 1
    assert base.ingest([Upload(name="menu.txt", data=b"Soup on Monday.")]).unchanged == 1
    assert base.ingest([Upload(name="menu.txt", data=b"Fish on Friday.")]).updated == 1
    assert base.document_text("menu.txt") == "Fish on Friday."
    assert list((base.path / "blobs" / "staging").iterdir()) == []


def test_records_carry_their_fields_and_bad_rows_are_named(base: KnowledgeBase, tmp_path: Path) -> None:
    rows = [
        json.dumps({"_id": "1", "title": "Apples", "text": "Red or green.", "kind": "fruit"}),
        "not json",
        json.dumps({"_id": "2", "title": "Carrots", "text": "Orange.", "kind": "root", "tags": ["a", "b"]}),
        json.dumps({"title": "no id", "text": "x"}),
        json.dumps({"_id": "3", "title": "Only a title", "text": ""}),
        json.dumps({"_id": "4", "text": "lone \ud83d surrogate"}),
        json.dumps({"_id": "1", "title": "Apples", "text": "The last row of an id counts."}),
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(rows))
    report = base.ingest(read_records(path))
    assert [failed.file for failed in report.failed] == ["rows.jsonl, line 2", "rows.jsonl, line 4"]
    assert base.document_text("1") == "The last row of an id counts."
    assert base.document_text("4") == "lone \ufffd surrogate"
    assert found(base, "only a title", k=1) == ["3"]
    assert base.search("orange", k=1)[0].metadata["kind"] == "root"
    assert base.blob("1") is None


def test_a_selective_filter_still_gives_k(base: KnowledgeBase) -> None:
    rows = [
        Record(
            id=f"{n}", text=f"Report {n} about water and stone.", metadata={"shelf": n % 50, "old": n < 25}
        )
        for n in range(500)
    ]
    base.ingest(rows)
    for condition, expected in (
        ({"shelf": "7"}, {f"{n}" for n in range(500) if n % 50 == 7}),
        ({"shelf": "7", "old": "true"}, {"7"}),
        ({"document_id": "300"}, {"300"}),
        ({"shelf": "99"}, set()),
        ({"media_type": "text/plain", "shelf": "1"}, {f"{n}" for n in range(500) if n % 50 == 1}),
    ):
        assert set(found(base, "stone and water", k=10, filter=condition)) == expected
    base.remove("57")
    assert "57" not in found(base, "stone and water", k=10, filter={"shelf": "7"})


def test_the_code_that_is_asked_for_comes_before_its_neighbours(base: KnowledgeBase) -> None:
    rows = [f"Model: IB-{n}; Day: {n}10; Week: {n}90; Sum held back: {n}450" for n in range(10, 30)]
    base.ingest(
        [
            Record(id="near", text="The deposit is for the yard"),
            *(Record(id=row[7:12], text=row) for row in rows),
        ]
    )
    assert found(base, "deposit paid for IB-20")[0] == "IB-20"
    assert found(base, "deposit paid for it")[0] == "near"


def test_search_many_is_search_for_each(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    queries = ["annual leave", "second class trains", "director"]
    assert base.search_many(queries, k=3) == [base.search(query, k=3) for query in queries]
    assert base.search_many([], k=3) == []


def test_progress_ends_with_every_file(base: KnowledgeBase, docs: Path) -> None:
    steps: list[FileProgress] = []
    base.ingest([docs], on_progress=steps.append)
    assert {step.name: step.state for step in steps} == {"leave.md": "done", "policies/travel.md": "done"}
    assert (steps[-1].files_done, steps[-1].files_total) == (2, 2)
    assert {"reading", "splitting", "embedding", "done"} <= {step.state for step in steps}


def test_what_is_told_done_is_found(base: KnowledgeBase) -> None:
    def look(step: FileProgress) -> None:
        if step.state == "done":
            assert step.name in found(base, f"word{step.name}", k=3)

    base.ingest([Record(id=f"{n}", text=f"word{n}") for n in range(60)], on_progress=look)


def test_stop_keeps_what_is_done_and_the_next_run_goes_on(base: KnowledgeBase) -> None:
    rows = [Record(id=f"{n}", text=f"text {n}") for n in range(1400)]
    done: list[str] = []
    report = base.ingest(
        rows,
        on_progress=lambda step: done.append(step.name) if step.state == "done" else None,
        stop=lambda: bool(done),
    )
    assert report.stopped and 0 < report.added < 1400
    again = base.ingest(rows)
    assert (again.unchanged, again.added) == (report.added, 1400 - report.added)


def test_another_model_is_refused_until_rebuilt(base: KnowledgeBase, docs: Path, tmp_path: Path) -> None:
    base.ingest([docs])
    before = found(base, "annual leave", k=9)
    base.close()
    other = WordEncoder(dimension=32, model_id="test:other")
    with pytest.raises(KnowledgeBaseError, match="rebuild"):
        KnowledgeBase.open(tmp_path / "kb", encoder=other)
    with KnowledgeBase.open(tmp_path / "kb", encoder=other, any_model=True) as opened:
        with pytest.raises(KnowledgeBaseError, match="rebuild"):
            opened.search("annual leave")
        assert opened.rebuild() == 2
        assert set(found(opened, "annual leave", k=9)) == set(before)
        assert damage(opened) == []
        opened.ingest([Record(id="late", text="Added after the switch.")])
        with pytest.raises(KnowledgeBaseError, match="test:words"):
            opened.rollback()
    with KnowledgeBase.open(tmp_path / "kb", encoder=WordEncoder(), any_model=True) as opened:
        assert opened.rollback() == 1
        assert found(opened, "added after the switch", k=1) == ["late"]
        assert damage(opened) == []


def test_the_old_generation_answers_while_the_new_one_is_built(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    answers: list[list[str]] = []
    base.rebuild(on_progress=lambda step: answers.append(found(base, "annual leave", k=1)))
    assert answers == [["leave.md"], ["leave.md"]]
    assert base.generation == 2 and found(base, "annual leave", k=1) == ["leave.md"]
    base.remove("leave.md")
    assert base.rollback() == 1
    assert "leave.md" not in found(base, "annual leave", k=9)
    assert damage(base) == []
    assert base.rebuild() == 3


def test_caches_can_be_deleted_or_damaged(base: KnowledgeBase, docs: Path, tmp_path: Path) -> None:
    base.ingest([docs])
    before = base.search("annual leave", k=9)
    base.doctor(repair=True)
    base.close()
    for path in (tmp_path / "kb").glob("generation-*/**/*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with KnowledgeBase.open(tmp_path / "kb", encoder=WordEncoder()) as opened:
        assert opened.search("annual leave", k=9) == before
        assert damage(opened) == []


def test_the_doctor_finds_and_mends(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    (base.path / "blobs" / ("0" * 64)).write_bytes(b"orphan")
    (base.path / "blobs" / base.documents()[0].sha256).write_bytes(b"damaged")
    with base.database.write() as connection:
        connection.execute("UPDATE chunks SET text = 'not what stands there' WHERE id = 1")
        connection.execute("DELETE FROM chunks WHERE id = 3")
    kinds = {finding.kind for finding in base.doctor() if finding.level == "damage"}
    assert kinds == {"document", "blob", "cache"}
    assert all(finding.repaired for finding in base.doctor(repair=True))
    assert damage(base) == []
    assert found(base, "annual leave", k=1) == ["leave.md"]
    base.ingest([docs])
    assert base.blob("leave.md") == LEAVE.encode()


def test_failures_are_sentences(tmp_path: Path) -> None:
    encoder = WordEncoder()
    with pytest.raises(KnowledgeBaseNotFoundError):
        KnowledgeBase.open(tmp_path / "none", encoder=encoder)
    KnowledgeBase.create(tmp_path / "kb", name="x", encoder=encoder).close()
    with pytest.raises(KnowledgeBaseExistsError):
        KnowledgeBase.create(tmp_path / "kb", name="x", encoder=encoder)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "kb.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(KnowledgeBaseDamagedError):
        KnowledgeBase.open(tmp_path / "bad", encoder=encoder)


def test_a_newer_file_is_refused(base: KnowledgeBase) -> None:
    with base.database.write() as connection:
        connection.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(KnowledgeBaseDamagedError, match="newer Groundtune"):
        KnowledgeBase.open(base.path, encoder=base.encoder)


def test_a_second_writer_waits_and_then_says_busy(base: KnowledgeBase) -> None:
    other = KnowledgeBase.open(base.path, encoder=base.encoder, busy_seconds=0.2)
    with base.database.write(), pytest.raises(KnowledgeBaseBusyError):
        other.ingest([Record(id="1", text="x")])
    assert other.ingest([Record(id="1", text="x")]).added == 1
    other.close()


def test_a_reader_sees_the_commits_of_another_process(base: KnowledgeBase, tmp_path: Path) -> None:
    base.ingest([Record(id="here", text="A pear.")])
    script = (
        "import sys; from pathlib import Path; from loaders.knowledge_base import *;"
        "from tests.loaders.word_encoder import WordEncoder;"
        "base = KnowledgeBase.open(Path(sys.argv[1]), encoder=WordEncoder());"
        "print([p.document_id for p in base.search('pear plum', k=5)]);"
        "base.ingest([Record(id='there', text='A plum.')]); base.remove('here')"
    )
    assert found(base, "pear plum") == ["here"]
    ran = subprocess.run([sys.executable, "-c", script, base.path], cwd=ROOT, capture_output=True, text=True)
    assert (ran.stderr, ran.stdout.strip()) == ("", "['here']")
    assert found(base, "pear plum") == ["there"]


def test_writers_and_readers_in_threads(base: KnowledgeBase) -> None:
    problems: list[BaseException] = []
    finished = threading.Event()

    def write(number: int) -> None:
        try:
            for step in range(6):
                base.ingest(
                    [Record(id=f"{number}-{step}", text=f"writer {number} step {step} token{number}x{step}")]
                )
                if step % 2:
                    base.remove(f"{number}-{step - 1}")
        except BaseException as error:  # noqa: BLE001 - told to the main thread
            problems.append(error)

    def read() -> None:
        try:
            while not finished.is_set():
                for passage in base.search("writer step token1x1", k=5):
                    assert passage.text.startswith("writer")
        except BaseException as error:  # noqa: BLE001 - told to the main thread
            problems.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    readers = [threading.Thread(target=read) for _ in range(4)]
    for thread in writers + readers:
        thread.start()
    for thread in writers:
        thread.join()
    finished.set()
    for thread in readers:
        thread.join()
    assert problems == []
    expected = {f"{number}-{step}" for number in range(4) for step in (1, 3, 5)}
    assert set(found(base, "writer", k=100)) == expected
    assert damage(base) == []


def test_opening_and_searching_imports_nothing_heavy(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    script = (
        "import sys; from pathlib import Path; from loaders.knowledge_base import KnowledgeBase;"
        "from tests.loaders.plain_encoder import PlainEncoder;"
        "base = KnowledgeBase.open(Path(sys.argv[1]), encoder=PlainEncoder()); base.search('leave');"
        "print([m for m in sys.modules if m in"
        " ('langsmith', 'langchain_core.runnables', 'langchain_text_splitters', 'openai', 'onnx', 'streamlit')])"
    )
    ran = subprocess.run([sys.executable, "-c", script, base.path], cwd=ROOT, capture_output=True, text=True)
    assert (ran.stderr, ran.stdout.strip()) == ("", "[]")


def test_vectors_are_kept_in_half_precision(base: KnowledgeBase, docs: Path) -> None:
    base.ingest([docs])
    with base.database.read() as connection:
        (size,) = connection.execute("SELECT DISTINCT length(vector) FROM embeddings").fetchone()
    assert size == 2 * base.encoder.dimension
    passage = base.search("annual leave", k=1)[0]
    exact = base.encoder.encode(["annual leave"])[0] @ base.encoder.encode([f"Leave\n{passage.text}"])[0]
    assert passage.scores.cosine == pytest.approx(float(np.float32(exact)), abs=0.002)
