"""The working store: names, rows, states, tags, search, undo, several processes, and a process that is killed."""

from __future__ import annotations

import copy
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from errors import (
    DatasetBusyError,
    DatasetError,
    DatasetExistsError,
    DatasetFormatError,
    DatasetNotFoundError,
    GroundtuneError,
    SettingsError,
    StoppedError,
)
from finetune.dataset import Dataset, DatasetStore, RowQuery
from finetune.dataset_journal import KEPT
from finetune.examples import Example, Provenance, Refused, Row
from tests.finetune.killed_addition import POINTS

CHILD = Path(__file__).with_name("killed_addition.py")


def chat(question: str, answer: str = "An answer.") -> Row:
    return {
        "messages": [
            {"role": "system", "content": "You are Isa."},
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


def examples(rows: Iterable[Row], origin: Any = "imported", **facts: Any) -> Iterator[Example]:
    for line, row in enumerate(rows, start=1):
        yield Example(row=row, provenance=Provenance(origin=origin, file="rows.csv", line=line, **facts))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DatasetStore]:
    opened = DatasetStore(tmp_path / "datasets")
    yield opened
    opened.close()


@pytest.fixture
def dataset(store: DatasetStore) -> Dataset:
    """Four imported rows (ids 1-4) and two generated ones (5, 6)."""
    made = store.create("Rental desk")
    questions = ["What does an IB-06 cost?", "Die Kaution für STRASSE?", "¿Cuánto cuesta?", "100% off_er?"]
    made.add(examples(map(chat, questions)))
    made.add(
        examples([chat("Who pays the deposit?"), chat("When?")], "generated", document="doc-1", group="g")
    )
    return made


class TestNames:
    @pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 81, "\u202e"])
    def test_what_is_no_name(self, store: DatasetStore, name: str) -> None:
        with pytest.raises(SettingsError, match="cannot name a dataset"):
            store.create(name)

    @pytest.mark.parametrize("name", ["../../etc", "C:\\x", ".", "a/b", "Größe 日本", "x" * 80])
    def test_a_name_is_never_a_path(self, store: DatasetStore, name: str) -> None:
        made = store.create(name)
        assert made.path.parent.parent == store.root
        assert store.open(name).name == name

    def test_letter_case_and_composition_do_not_make_two(self, store: DatasetStore) -> None:
        store.create("Gr\u00f6\u00dfe")
        with pytest.raises(DatasetExistsError, match="exists already"):
            store.create("GRO\u0308SSE ")

    def test_one_that_is_missing_names_those_there_are(self, store: DatasetStore) -> None:
        store.create("One")
        with pytest.raises(DatasetNotFoundError, match="There are: One"):
            store.open("Two")
        with pytest.raises(DatasetNotFoundError):
            store.remove("Two")

    def test_rename(self, dataset: Dataset, store: DatasetStore) -> None:
        store.create("Taken")
        with pytest.raises(DatasetExistsError):
            store.rename("rental desk", "taken")
        assert store.rename("rental desk", "RENTAL DESK").name == "RENTAL DESK"
        assert store.rename("rental desk", "Other").counts().total == 6
        assert [info.name for info in store.list()] == ["Other", "Taken"]

    def test_a_rename_killed_before_its_last_step_is_finished(
        self, dataset: Dataset, store: DatasetStore
    ) -> None:
        new = store._folder("Other")
        dataset.set_setting(f"name at {new.name}", "Other")
        dataset.close()
        dataset.path.parent.rename(new)
        assert [info.name for info in DatasetStore(store.root).list()] == ["Other"]

    @pytest.mark.parametrize("change", ["rename", "remove"])
    def test_rows_for_one_that_is_gone_are_told(
        self, dataset: Dataset, store: DatasetStore, change: str
    ) -> None:
        """It was opened before another process gave it another name, or removed it."""
        other = DatasetStore(store.root)
        other.rename(dataset.name, "Elsewhere") if change == "rename" else other.remove(dataset.name)
        with pytest.raises(DatasetNotFoundError, match="removed or renamed meanwhile"):
            dataset.add(examples([chat("One?")]))
        other.close()

    def test_another_process_removes_it(self, dataset: Dataset, store: DatasetStore) -> None:
        other = DatasetStore(store.root)
        other.remove("Rental desk")
        assert store.list() == other.list() == []
        assert store.create("Rental desk").counts().total == 0
        assert other.open("Rental desk").counts().total == 0
        assert list(store.root.iterdir()) == [store._folder("Rental desk")]

    def test_a_damaged_one_stands_in_nobodys_way(self, dataset: Dataset, store: DatasetStore) -> None:
        store.create("Whole")
        store.close()
        dataset.path.write_bytes(b"no database at all" * 500)
        damaged, whole = store.list()
        assert damaged.problem is not None and "check the disk" in damaged.problem
        assert (whole.name, whole.problem) == ("Whole", None)

    def test_a_newer_format_is_refused(self, dataset: Dataset, store: DatasetStore) -> None:
        store.close()
        with sqlite3.connect(dataset.path) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(DatasetError, match="newer Groundtune"):
            Dataset(dataset.path)


class TestAdding:
    def test_what_nobody_has_read_waits_for_review(self, dataset: Dataset) -> None:
        assert dataset.counts().states == {"pending": 2, "accepted": 4, "rejected": 0}
        assert {row.metadata["origin"] for row in dataset.rows(RowQuery(state="pending")).rows} == {
            "generated"
        }

    def test_duplicates_are_counted_not_dropped(self, dataset: Dataset) -> None:
        again = {"messages": [dict(reversed(message.items())) for message in chat("When?")["messages"]]}
        report = dataset.add(examples([again, chat("New?"), chat("New?"), chat("when?")]))
        assert (report.added, report.duplicates) == (4, 2)

    def test_refused_records_are_kept_by_name(self, dataset: Dataset) -> None:
        refusal = Refused(file="a.csv", line=7, field="answer", reason="It is empty.", fix="Write one.")
        report = dataset.add([refusal, *examples([chat("New?")])], [refusal])
        assert (report.added, report.refused) == (1, 2)
        assert dataset.refused() == (refusal, refusal)
        dataset.undo()
        assert dataset.counts().refused == 0
        dataset.redo()
        assert dataset.counts().refused == 2

    @pytest.mark.parametrize(
        "value", [float("nan"), "half a \ud83d", {1, 2}], ids=["NaN", "surrogate", "set"]
    )
    def test_what_json_cannot_hold_is_refused_by_name(self, dataset: Dataset, value: object) -> None:
        report = dataset.add(examples([chat("New?"), chat("Bad?") | {"metadata": {"x": value}}]))
        assert (report.added, report.refused) == (1, 1)
        assert (dataset.refused()[0].file, dataset.refused()[0].line) == ("rows.csv", 2)

    def test_nothing_added_is_no_change(self, dataset: Dataset) -> None:
        before = dataset.history()
        assert dataset.add([]).as_dict() == {"added": 0, "pending": 0, "duplicates": 0, "refused": 0}
        assert dataset.history() == before

    def test_a_stop_leaves_nothing(self, dataset: Dataset) -> None:
        def stop(read: int) -> None:
            raise StoppedError(f"stopped after {read}")

        with pytest.raises(StoppedError, match="stopped after 1000"):
            dataset.add(examples(chat(f"Number {n}?") for n in range(5000)), on_progress=stop)
        assert dataset.counts().total == 6

    def test_a_slow_source_holds_nobody_up(self, dataset: Dataset) -> None:
        def slow() -> Iterator[Example]:
            yield from examples([chat("First?")])
            other = Dataset(dataset.path, busy_seconds=0.1)
            assert other.set_state([1], "rejected") == 1
            other.close()

        assert dataset.add(slow()).added == 1


QUERIES = [
    pytest.param(RowQuery(), [1, 2, 3, 4, 5, 6], id="all"),
    pytest.param(RowQuery(order="newest"), [6, 5, 4, 3, 2, 1], id="newest"),
    pytest.param(RowQuery(order="shortest", limit=2), [6, 4], id="shortest"),
    pytest.param(RowQuery(order="longest", limit=2), [1, 2], id="longest"),
    pytest.param(RowQuery(offset=4), [5, 6], id="offset"),
    pytest.param(RowQuery(state="pending"), [5, 6], id="state"),
    pytest.param(RowQuery(origin="imported", search="cost"), [1], id="origin and word"),
    pytest.param(RowQuery(document="doc-1", group="g"), [5, 6], id="document and group"),
    pytest.param(RowQuery(search="straße KAUTION"), [2], id="case folded, any order"),
    pytest.param(RowQuery(search='"pays the"'), [5], id="phrase"),
    pytest.param(RowQuery(search='"the pays"'), [], id="no such phrase"),
    pytest.param(RowQuery(search="100%"), [4], id="percent is no wildcard"),
    pytest.param(RowQuery(search="f_er"), [4], id="underscore is no wildcard"),
    pytest.param(RowQuery(search="'; DROP TABLE rows; --"), [], id="no SQL"),
    pytest.param(RowQuery(search="rows.csv"), [], id="provenance is not searched"),
    pytest.param(RowQuery(search="assistant"), [], id="roles are not searched"),
    pytest.param(RowQuery(tag="none"), [], id="tag that no row has"),
]


class TestLooking:
    @pytest.mark.parametrize(("query", "expected"), QUERIES)
    def test_rows(self, dataset: Dataset, query: RowQuery, expected: list[int]) -> None:
        page = dataset.rows(query)
        assert [row.id for row in page.rows] == expected
        assert dataset.count(query) == page.total >= len(expected)
        assert set(expected) <= set(dataset.ids(query))

    @pytest.mark.parametrize(
        "query",
        [RowQuery(limit=0), RowQuery(limit=1001), RowQuery(offset=-1), RowQuery(order="x")],  # type: ignore[arg-type]
    )
    def test_what_cannot_be_asked(self, dataset: Dataset, query: RowQuery) -> None:
        with pytest.raises(SettingsError):
            dataset.rows(query)

    @pytest.mark.parametrize("row_id", [2**63, 2**70, -(2**70)])
    def test_a_number_that_no_row_can_have(self, dataset: Dataset, row_id: int) -> None:
        with pytest.raises(DatasetNotFoundError, match=f"no row {row_id}"):
            dataset.row(row_id)
        dataset.set_state([row_id], "accepted")
        dataset.tag([row_id], add=["a"])
        dataset.delete([row_id])

    def test_a_row_that_is_not_there(self, dataset: Dataset) -> None:
        with pytest.raises(DatasetNotFoundError, match="no row 99"):
            dataset.row(99)


class TestEditing:
    def test_metadata_stays(self, dataset: Dataset) -> None:
        was = dataset.row(5)
        edited = dataset.edit(5, chat("Who pays the deposit?", "The renter."))
        assert edited.row == chat("Who pays the deposit?", "The renter.") | {"metadata": was.row["metadata"]}
        assert (edited.id, edited.state) == (5, "pending")
        assert [row.id for row in dataset.rows(RowQuery(origin="edited")).rows] == [5]
        assert [row.id for row in dataset.rows(RowQuery(search="renter")).rows] == [5]

    def test_two_editors(self, dataset: Dataset) -> None:
        seen = dataset.row(1).changed_at
        dataset.edit(1, chat("One?"), unless_changed_since=seen)
        with pytest.raises(DatasetError, match="changed meanwhile"):
            dataset.edit(1, chat("Two?"), unless_changed_since=seen)

    @pytest.mark.parametrize("row", [{}, {"metadata": {}}, [], "text", {"messages": float("inf")}])
    def test_what_is_no_row(self, dataset: Dataset, row: Any) -> None:
        with pytest.raises(DatasetFormatError):
            dataset.edit(1, row)
        assert len(dataset.history()) == 2

    def test_many_or_none(self, dataset: Dataset) -> None:
        with pytest.raises(DatasetNotFoundError):
            dataset.edit_many({1: chat("One?"), 99: chat("Two?")}, description="Fix D01")
        assert dataset.edit_many({1: chat("One?"), 2: chat("Two?")}, description="Fix D01") == 2
        assert dataset.undo() == "Fix D01"

    def test_ids_that_are_gone_are_passed_over(self, dataset: Dataset) -> None:
        assert dataset.delete([2, 2, 99]) == 1
        assert dataset.set_state([1, 2, 99], "rejected") == 1
        assert dataset.tag([2, 3], add=["good"]) == 1

    @pytest.mark.parametrize("tag", ["", " ", "a\tb", "x" * 61])
    def test_what_is_no_tag(self, dataset: Dataset, tag: str) -> None:
        with pytest.raises(SettingsError, match="cannot be a tag"):
            dataset.tag([1], add=[tag])

    def test_what_changes_nothing_can_still_be_made_again(self, dataset: Dataset) -> None:
        dataset.tag([1], add=["good"])
        dataset.undo()
        dataset.set_state([1], "accepted")
        assert dataset.redo() == "Tag 1 row: +good"


class TestHistory:
    def test_a_deleted_id_is_never_given_again(self, dataset: Dataset) -> None:
        dataset.undo()
        dataset.add(examples([chat("Another?")]))
        assert dataset.ids() == [1, 2, 3, 4, 7]

    def test_it_survives_a_restart_and_serves_another_process(self, dataset: Dataset) -> None:
        dataset.set_state([1], "rejected")
        other = Dataset(dataset.path)
        assert other.undo() == "Reject 1 row"
        assert dataset.row(1).state == "accepted"
        assert dataset.redo() == "Reject 1 row"
        other.close()

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda dataset: dataset.add(examples([chat("New?")])), id="add"),
            pytest.param(lambda dataset: dataset.edit(1, chat("Edited?")), id="edit"),
            pytest.param(lambda dataset: dataset.set_state([1, 5], "rejected"), id="state"),
            pytest.param(lambda dataset: dataset.tag([1, 5], add=["new"], remove=["old"]), id="tag"),
            pytest.param(lambda dataset: dataset.delete([1, 5]), id="delete"),
        ],
    )
    def test_back_and_forth(self, dataset: Dataset, change: Any) -> None:
        dataset.tag([1], add=["old"])
        before = dataset.rows().rows
        change(dataset)
        after = dataset.rows().rows
        assert before != after
        for _ in range(3):
            dataset.undo()
            assert dataset.rows().rows == before
            dataset.redo()
            assert dataset.rows().rows == after

    def test_a_new_change_ends_what_could_be_made_again(self, dataset: Dataset) -> None:
        dataset.undo()
        dataset.tag([1], add=["new"])
        assert dataset.redo() is None

    def test_only_so_many_are_kept(self, dataset: Dataset) -> None:
        for number in range(KEPT + 5):
            dataset.tag([1], add=[str(number)])
        assert len(dataset.history()) == KEPT
        while dataset.undo():
            pass
        assert dataset.row(1).tags == ("0", "1", "2", "3", "4")

    def test_forgotten_is_in_no_file(self, dataset: Dataset) -> None:
        dataset.edit(1, chat("What does an IB-06 cost?", "SECRET-ANSWER"))
        dataset.edit(1, chat("What does an IB-06 cost?", "Nothing."))
        dataset.forget_history()
        assert dataset.undo() is None
        files = b"".join(path.read_bytes() for path in dataset.path.parent.iterdir())
        assert b"SECRET-ANSWER" not in files and b"secret-answer" not in files


class TestExport:
    def test_lines_lead_back_to_rows(self, dataset: Dataset, tmp_path: Path) -> None:
        dataset.set_state([2], "rejected")
        exported = dataset.export(tmp_path / "out.jsonl")
        lines = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
        assert [json.loads(line) for line in lines] == [
            dataset.row(exported.row_id(n)).row for n in (1, 2, 3)
        ]
        assert [exported.row_id(n) for n in (1, 2, 3)] == [1, 3, 4]
        with pytest.raises(IndexError):
            exported.row_id(0)

    def test_a_provider_gets_no_metadata(self, dataset: Dataset, tmp_path: Path) -> None:
        dataset.export(tmp_path / "out.jsonl", states=("pending",), metadata=False)
        rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
        assert rows == [chat("Who pays the deposit?"), chat("When?")]


class TestProcesses:
    def test_a_writer_that_never_ends_is_said(self, dataset: Dataset) -> None:
        waiting = Dataset(dataset.path, busy_seconds=0.1)
        with dataset._database.write(), pytest.raises(DatasetBusyError, match="wait for it to finish"):
            waiting.delete([1])
        waiting.close()

    @pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a thing of POSIX")
    @pytest.mark.parametrize("point", POINTS)
    def test_a_killed_addition_adds_all_or_nothing(self, dataset: Dataset, point: str) -> None:
        killed = subprocess.run([sys.executable, str(CHILD), str(dataset.path), point], check=False)
        assert killed.returncode == (0 if point == "never" else -signal.SIGKILL)
        assert dataset.counts().total == (406 if point == "never" else 6)
        assert len(dataset.history()) == (3 if point == "never" else 2)
        assert dataset.add(examples([chat("After?")])).added == 1
        names = {path.name for path in dataset.path.parent.iterdir()}
        assert names <= {"dataset.db", "dataset.db-wal", "dataset.db-shm"}

    def test_many_create_one(self, tmp_path: Path) -> None:
        probe = (
            "import sys; from pathlib import Path; from finetune.dataset import *\n"
            "from errors import DatasetExistsError\n"
            "try: DatasetStore(Path(sys.argv[1])).create('Same')\n"
            "except DatasetExistsError: sys.exit(3)"
        )
        root = Path(__file__).resolve().parents[2]
        started = [
            subprocess.Popen([sys.executable, "-c", probe, str(tmp_path / "d")], cwd=root) for _ in range(3)
        ]
        assert sorted(process.wait() for process in started) == [0, 3, 3]
        assert [info.name for info in DatasetStore(tmp_path / "d").list()] == ["Same"]


class UndoneIsNeverHappened(RuleBasedStateMachine):
    """Whatever is done, taking it back and making it again leads through the same states."""

    @initialize()
    def start(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.clock = datetime(2026, 1, 1, tzinfo=UTC)
        store = DatasetStore(Path(self.folder.name) / "d")
        store.create("x")
        store.close()
        self.dataset = Dataset(store._folder("x") / "dataset.db", clock=self.tick)
        self.past: list[dict[int, Any]] = [{}]
        self.future: list[dict[int, Any]] = []

    def tick(self) -> datetime:
        self.clock += timedelta(seconds=1)
        return self.clock

    def snapshot(self) -> dict[int, Any]:
        return {row.id: (row.row, row.state, row.tags, row.changed_at) for row in self.dataset.rows().rows}

    def done(self) -> None:
        now = copy.deepcopy(self.snapshot())
        if now != self.past[-1]:
            self.past.append(now)
            self.future = []

    @rule(count=st.integers(1, 3), origin=st.sampled_from(["imported", "generated"]))
    def add(self, count: int, origin: str) -> None:
        self.dataset.add(examples([chat(f"Question {n}?") for n in range(count)], origin))
        self.done()

    @rule(
        ids=st.lists(st.integers(1, 8), max_size=4),
        state=st.sampled_from(["pending", "accepted", "rejected"]),
    )
    def state(self, ids: list[int], state: Any) -> None:
        self.dataset.set_state(ids, state)
        self.done()

    @rule(
        ids=st.lists(st.integers(1, 8), max_size=4),
        add=st.sets(st.sampled_from("ab")),
        remove=st.sets(st.sampled_from("ab")),
    )
    def tag(self, ids: list[int], add: set[str], remove: set[str]) -> None:
        self.dataset.tag(ids, add=add, remove=remove)
        self.done()

    @rule(ids=st.lists(st.integers(1, 8), max_size=3))
    def delete(self, ids: list[int]) -> None:
        self.dataset.delete(ids)
        self.done()

    @rule(row_id=st.integers(1, 8), answer=st.text(max_size=5))
    def edit(self, row_id: int, answer: str) -> None:
        try:
            self.dataset.edit(row_id, chat("Edited?", answer))
        except GroundtuneError:
            return
        self.done()

    @rule()
    def undo(self) -> None:
        if self.dataset.undo() is not None:
            self.future.append(self.past.pop())

    @rule()
    def redo(self) -> None:
        if self.dataset.redo() is not None:
            self.past.append(self.future.pop())

    @invariant()
    def as_remembered(self) -> None:
        if hasattr(self, "dataset"):
            assert self.snapshot() == self.past[-1]

    def teardown(self) -> None:
        if hasattr(self, "dataset"):
            self.dataset.close()
            self.folder.cleanup()


UndoneIsNeverHappened.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestUndo = UndoneIsNeverHappened.TestCase
