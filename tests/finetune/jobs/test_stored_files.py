"""Uploaded files, uploads in parts, tuned models and bases: what the store keeps, and what it refuses."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import TuningError, TuningNotFoundError, TuningRequestError, TuningStateError
from finetune.jobs.base_table import RESPONDER, base_name
from finetune.jobs.files import FileTable, safe_name
from finetune.jobs.record import Event, Job, JobRequest, StoredFile, TunedModel, tuned_name
from finetune.jobs.results import results_csv
from finetune.jobs.store import TuningStore


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[TuningStore]:
    made = TuningStore(tmp_path / "tuning", clock=clock, base_models=tmp_path / "bases")
    yield made
    made.close()


def test_bytes_come_back_as_they_went_in(store: TuningStore) -> None:
    data = bytes(range(256)) * 5000 + b"\r\n--boundary"
    stored = store.files.add(io.BytesIO(data), "träin data.jsonl", "fine-tune")
    assert (stored.bytes, stored.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert stored.filename == "träin data.jsonl"
    assert store.files.content(stored.id) == data
    assert oct(store.root.stat().st_mode)[-3:] == "700"
    store.files.delete(stored.id)
    assert not store.files.path(stored.id).exists()
    for act in (store.files.get, store.files.content, store.files.delete):
        with pytest.raises(TuningNotFoundError, match=stored.id):
            act(stored.id)


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a\x00b\n.jsonl", "ab.jsonl"),
        ("..", "upload"),
        ("", "upload"),
        ("x" * 400 + ".jsonl", "x" * 249 + ".jsonl"),
    ],
)
def test_a_name_is_only_for_showing(given_name: str, shown: str) -> None:
    assert safe_name(given_name) == shown


@given(name=st.text(max_size=40))
@settings(max_examples=200)
def test_no_name_holds_a_path(name: str) -> None:
    shown = safe_name(name)
    assert shown
    assert not {"/", "\\", "\0", "\n"} & set(shown)
    assert shown.strip(".")
    shown.encode("utf-8")


def test_what_is_too_large_leaves_nothing(store: TuningStore, tmp_path: Path) -> None:
    files = FileTable(store._database, lambda: 1.0, tmp_path / "small", largest=10)
    with pytest.raises(TuningRequestError, match="larger than 10 bytes"):
        files.add(io.BytesIO(b"x" * 11), "a", "fine-tune")
    assert list((tmp_path / "small").iterdir()) == []


def test_a_disk_that_fails_is_a_sentence(store: TuningStore) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise OSError(28, "No space left on device")

    with pytest.raises(TuningError, match="check the disk"):
        store.files.add(Broken(), "a", "fine-tune")
    assert store.files.list().data == ()


def test_pages_of_files(store: TuningStore) -> None:
    ids = [
        store.files.add(io.BytesIO(b"x"), "f", purpose).id for purpose in ("fine-tune", "other", "fine-tune")
    ]
    newest = store.files.list(limit=2)
    assert ([one.id for one in newest.data], newest.has_more) == (ids[:0:-1], True)
    rest = store.files.list(limit=2, after=newest.data[-1].id)
    assert ([one.id for one in rest.data], rest.has_more) == (ids[:1], False)
    assert [one.id for one in store.files.list(order="asc").data] == ids
    assert [one.id for one in store.files.list(purpose="other").data] == [ids[1]]
    with pytest.raises(TuningNotFoundError, match="to go on after"):
        store.files.list(after="file-none")


def test_a_file_expires(store: TuningStore, clock: Clock) -> None:
    short = store.files.add(io.BytesIO(b"x"), "f", "fine-tune", expires_after=3600)
    clock.now += 3601
    with pytest.raises(TuningNotFoundError):
        store.files.get(short.id)
    assert store.files.list().data == ()
    store.files.add(io.BytesIO(b"y"), "g", "fine-tune")
    assert not store.files.path(short.id).exists()


def test_parts_are_joined_in_the_order_that_is_named(store: TuningStore) -> None:
    upload = store.uploads.create(filename="a.jsonl", purpose="fine-tune", bytes=6, mime_type="text/jsonl")
    first, second = (store.uploads.add_part(upload.id, io.BytesIO(data)) for data in (b"abc", b"def"))
    done = store.uploads.complete(upload.id, [second.id, first.id], md5=hashlib.md5(b"defabc").hexdigest())
    assert done.status == "completed"
    assert done.file is not None
    assert store.files.content(done.file.id) == b"defabc"
    assert not (store.root / "uploads" / upload.id).exists()
    with pytest.raises(TuningStateError, match="completed"):
        store.uploads.add_part(upload.id, io.BytesIO(b"more"))


@pytest.mark.parametrize(
    ("parts", "md5", "param"),
    [
        pytest.param([0], None, "part_ids", id="too few bytes"),
        pytest.param([0, 0], None, "part_ids", id="one twice"),
        pytest.param([0, 7], None, "part_ids", id="one that is not there"),
        pytest.param([0, 1], "0" * 32, "md5", id="another checksum"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    store: TuningStore, parts: list[int], md5: str | None, param: str
) -> None:
    upload = store.uploads.create(filename="a", purpose="fine-tune", bytes=6, mime_type="x")
    made = [store.uploads.add_part(upload.id, io.BytesIO(data)).id for data in (b"abc", b"def")]
    with pytest.raises(TuningRequestError) as refused:
        store.uploads.complete(
            upload.id, [made[number] if number < 2 else "part_none" for number in parts], md5=md5
        )
    assert refused.value.param == param
    assert store.uploads.get(upload.id).status == "pending"
    assert store.uploads.complete(upload.id, made).file is not None


def test_an_upload_lasts_an_hour(store: TuningStore, clock: Clock) -> None:
    upload = store.uploads.create(filename="a", purpose="fine-tune", bytes=3, mime_type="x")
    store.uploads.add_part(upload.id, io.BytesIO(b"abc"))
    clock.now += 3601
    assert store.uploads.get(upload.id).status == "expired"
    with pytest.raises(TuningStateError, match="expired"):
        store.uploads.complete(upload.id, [])
    store.uploads.create(filename="b", purpose="fine-tune", bytes=3, mime_type="x")
    assert not (store.root / "uploads" / upload.id).exists()


def test_an_upload_that_is_over_is_forgotten_a_day_later(store: TuningStore, clock: Clock) -> None:
    done = store.uploads.create(filename="a", purpose="fine-tune", bytes=3, mime_type="x")
    store.uploads.complete(done.id, [store.uploads.add_part(done.id, io.BytesIO(b"abc")).id])
    left = store.uploads.create(filename="b", purpose="fine-tune", bytes=3, mime_type="x")
    clock.now += 24 * 3600
    store.uploads.create(filename="c", purpose="fine-tune", bytes=3, mime_type="x")
    assert store.uploads.get(done.id).file is not None, "whoever lost the answer can still ask"
    assert store.uploads.get(left.id).status == "expired"
    clock.now += 3601
    new = store.uploads.create(filename="d", purpose="fine-tune", bytes=3, mime_type="x")
    for upload in (done, left):
        with pytest.raises(TuningNotFoundError):
            store.uploads.get(upload.id)
    assert store.uploads.get(new.id).status == "pending"
    with store._database().read() as rows:
        assert rows.execute("SELECT count(*) FROM parts").fetchone() == (0,)


def test_an_upload_is_completed_once(store: TuningStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two who complete it at the same moment: one file, one refusal."""
    upload = store.uploads.create(filename="a", purpose="fine-tune", bytes=3, mime_type="x")
    part = store.uploads.add_part(upload.id, io.BytesIO(b"abc"))
    add = store.files.add

    def beaten(*told: Any, **more: Any) -> StoredFile:
        monkeypatch.setattr(store.files, "add", add)
        store.uploads.complete(upload.id, [part.id])
        return add(io.BytesIO(b"abc"), "again", "fine-tune")

    monkeypatch.setattr(store.files, "add", beaten)
    with pytest.raises(TuningStateError, match="completed"):
        store.uploads.complete(upload.id, [part.id])
    assert [one.filename for one in store.files.list().data] == ["a"]


def test_a_completed_upload_outlives_its_file(store: TuningStore) -> None:
    upload = store.uploads.create(filename="a", purpose="fine-tune", bytes=3, mime_type="x")
    done = store.uploads.complete(upload.id, [store.uploads.add_part(upload.id, io.BytesIO(b"abc")).id])
    assert done.file is not None
    store.files.delete(done.file.id)
    assert (store.uploads.get(upload.id).status, store.uploads.get(upload.id).file) == ("completed", None)


def test_parts_do_not_fill_the_disk(store: TuningStore) -> None:
    """A part whose answer was lost may come again; more than that nobody needs."""
    upload = store.uploads.create(filename="a", purpose="fine-tune", bytes=3, mime_type="x")
    for _ in range(2):
        store.uploads.add_part(upload.id, io.BytesIO(b"abc"))
    with pytest.raises(TuningRequestError, match="larger than 0 bytes"):
        store.uploads.add_part(upload.id, io.BytesIO(b"abc"))
    assert len(list((store.root / "uploads" / upload.id).iterdir())) == 2


def test_what_a_killed_process_left_is_swept_a_day_later(store: TuningStore, clock: Clock) -> None:
    kept = store.files.add(io.BytesIO(b"x"), "f", "fine-tune")
    for name, age in (("file-lost", 90_000), (".file-half", 90_000), ("file-new", 10)):
        path = store.files.path(name)
        path.write_bytes(b"x")
        os.utime(path, (clock.now - age, clock.now - age))
    store.files.add(io.BytesIO(b"y"), "g", "fine-tune")
    there = {path.name for path in store.files.path(kept.id).parent.iterdir()}
    assert {"file-lost", ".file-half"} & there == set()
    assert {kept.id, "file-new"} <= there


def test_a_file_that_cannot_be_read_is_named(store: TuningStore, tmp_path: Path) -> None:
    with pytest.raises(TuningRequestError, match="cannot be read"):
        store.files.add(tmp_path / "none.jsonl", "none.jsonl", "fine-tune")


def test_a_cancelled_upload_is_over(store: TuningStore) -> None:
    upload = store.uploads.create(filename="a", purpose="fine-tune", bytes=3, mime_type="x")
    assert store.uploads.cancel(upload.id).status == "cancelled"
    with pytest.raises(TuningStateError):
        store.uploads.cancel(upload.id)
    with pytest.raises(TuningRequestError, match="bytes"):
        store.uploads.create(filename="a", purpose="fine-tune", bytes=0, mime_type="x")


def model(store: TuningStore, job: str, *, step: int | None = None, at: float = 1.0) -> TunedModel:
    folder = store.models.folder / job
    folder.mkdir(parents=True, exist_ok=True)
    name = f"ft:responder:groundtune::{job}"
    return TunedModel(
        id=name if step is None else f"{name}:ckpt-step-{step}",
        job_id=job,
        base="responder",
        trainer="responder",
        folder=str(folder)
        if step is None
        else str(store.root / "jobs" / job / "checkpoints" / f"step-{step}"),
        created_at=at,
        step=step,
        facts={"system": "Be brief."},
    )


def test_models_are_listed_newest_first_and_said_twice_are_one(store: TuningStore) -> None:
    old, new = model(store, "a", at=1.0), model(store, "b", at=2.0)
    early, late = model(store, "b", step=2, at=1.5), model(store, "b", step=10, at=1.9)
    for one in (old, early, late, new, new):
        store.models.add(one)
    assert store.models.list() == (new, late, early, old)
    assert store.models.list(job_id="a") == (old,)
    assert store.models.get(new.id) == new
    changed = replace(new, facts={"system": "Be long."})
    store.models.add(changed)
    assert store.models.get(new.id) == changed


def test_a_deleted_model_takes_its_files_and_its_checkpoints_with_it(store: TuningStore) -> None:
    result, checkpoint, other = model(store, "a"), model(store, "a", step=2), model(store, "b")
    for one in (result, checkpoint, other):
        store.models.add(one)
    store.models.delete(result.id)
    assert store.models.list() == (other,)
    assert not Path(result.folder).exists()
    assert Path(other.folder).exists()
    with pytest.raises(TuningNotFoundError, match=other.id):  # names those that exist
        store.models.get(result.id)


def test_a_model_outside_the_store_keeps_its_files(store: TuningStore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "mine"
    elsewhere.mkdir()
    store.models.add(replace(model(store, "a"), folder=str(elsewhere)))
    store.models.delete("ft:responder:groundtune::a")
    assert elsewhere.exists()


def test_a_folder_of_the_shelf_that_cannot_be_used_is_left_out_and_said(
    store: TuningStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "bases"
    for name in ("tiny", "locked", "rag", "My Model"):
        (shelf / name).mkdir(parents=True)
        (shelf / name / "config.json").write_text("{}")
    look = Path.is_file

    def is_file(path: Path) -> bool:
        if path.parent.name == "locked":  # the superuser, who may run this, is refused nothing
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    assert [one.name for one in store.bases.list()] == [RESPONDER, "tiny"]
    assert store.bases.get("rag") is None
    odd, locked, mode = store.bases.left_out()
    assert "rename the folder to 'My-Model'" in odd
    assert "locked" in locked and "cannot be read (Permission denied)" in locked
    assert "'rag' is a name of Groundtune's own" in mode
    assert str(shelf) in mode


@pytest.mark.parametrize("name", ["rag", "hybrid", "base", "finetuned", RESPONDER])
def test_no_base_takes_a_name_that_means_something_else(store: TuningStore, name: str) -> None:
    with pytest.raises(TuningRequestError, match="a name of Groundtune's own"):
        store.bases.register(name, "/models/mine")


def test_bases_are_the_responder_the_shelf_and_what_was_registered(
    store: TuningStore, tmp_path: Path
) -> None:
    for name in ("tiny", "not-a-model", "responder"):
        (tmp_path / "bases" / name).mkdir(parents=True)
    for name in ("tiny", "responder"):
        (tmp_path / "bases" / name / "config.json").write_text("{}")
    store.bases.register("mine", str(tmp_path / "bases" / "not-a-model"))
    store.bases.register("mine", str(tmp_path / "bases" / "not-a-model"))
    store.bases.register("hub", "Org/Model-1B")
    assert [one.name for one in store.bases.list()] == [RESPONDER, "hub", "mine", "tiny"]
    hub, tiny, responder = (store.bases.get(name) for name in ("hub", "tiny", RESPONDER))
    assert hub is not None and hub.folder is None
    assert tiny is not None and tiny.folder == tmp_path / "bases" / "tiny"
    assert responder is not None and responder.folder is None
    assert store.bases.get("none") is None


@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        ("responder", "/x", "cannot name"),
        ("a/b", "/x", "cannot name"),
        ("..", "/x", "cannot name"),
        ("", "/x", "cannot name"),
        ("taken", "/other", "already"),
    ],
)
def test_bases_that_cannot_be_registered(store: TuningStore, name: str, path: str, said: str) -> None:
    store.bases.register("taken", "/x")
    with pytest.raises(TuningRequestError, match=said):
        store.bases.register(name, path)


@given(path=st.text(max_size=30))
def test_every_path_has_a_name_that_can_be_registered(path: str) -> None:
    name = base_name(path)
    assert name == base_name(name)
    assert name
    assert all(one.isascii() and (one.isalnum() or one in "._-") for one in name)


def test_the_models_name_is_openais_form() -> None:
    job = Job(
        id="ftjob-0123456789abcdef",
        request=JobRequest(model="responder", training_file="file-1", suffix="acme"),
        state="queued", version=1, seed=1, created_at=0.0, changed_at=0.0,
    )  # fmt: skip
    assert tuned_name(job) == "ft:responder:groundtune:acme:89abcdef"


def event(sequence: int, **data: Any) -> Event:
    return Event(
        id=f"e{sequence}",
        sequence=sequence,
        created_at=0.0,
        level="info",
        message="",
        type="metrics",
        data=data,
    )


def test_the_results_file_has_a_line_a_step() -> None:
    told = results_csv(
        [
            event(1, step=1, train_loss=0.123456789, train_mean_token_accuracy=0.5),
            event(2, step=2, train_loss=9.0),
            replace(event(3), type="message"),
            event(4, step=1, valid_loss=0.25),
            event(5, step=2, train_loss=0.1),  # trained again after an interruption
        ]
    ).decode()
    assert told == (
        "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n"
        "1,0.123457,0.5,0.25,\n"
        "2,0.1,,,\n"
    )
