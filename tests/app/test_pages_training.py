"""Training data, on the page: bring rows in, look them over, check, price, build RAFT rows, freeze."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from app import training
from app.settings import load_settings
from app.training import SAMPLE_DATASET, frozen_data, sample_examples, training_data
from app.ui.differences import differences, row_differences
from app.ui.jobs import Job, Jobs, jobs
from app.ui.training_repair import apply, mended
from app.ui.training_row import answer_of, changed, parts, question_of
from app.workspace import Workspace
from errors import DatasetError
from finetune.dataset import Dataset, RowQuery
from finetune.examples import Example, Provenance
from finetune.fixing import FixOptions, registered
from finetune.profiles import profile_named
from tests.app.test_pages import SHELL, assert_sound, drawn_text, encoder, words, workspace
from tests.finetune.test_synthesis import scribe
from tests.loopback.openai_server import serve_openai

__all__ = ["encoder", "workspace"]  # fixtures
PAGE = "../pages/training.py"
SOON_S = 120.0


@pytest.fixture
def data(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Without the network; jobs of other tests are not seen."""
    environment = {"GROUNDTUNE_HOME": str(workspace.settings.home.value), "GROUNDTUNE_OFFLINE": "1"}
    workspace.reconfigure(load_settings(environment, dotenv_path=None))
    jobs.cache_clear()
    training._store.cache_clear()
    yield workspace
    training_data(workspace).close()
    training._store.cache_clear()


@pytest.fixture
def few(data: Workspace) -> Dataset:
    """Three rows that are accepted, one that is to be reviewed."""
    dataset = training_data(data).create("Desk")
    dataset.add(
        [chat("How long is the leave?", "27 days."), chat("May I carry leave over?", "Up to five days.")]
    )
    dataset.add([chat("What is paid for hotels?", "140 euros a night.")])
    dataset.add([chat("What must be used by 31 March?", "Leave that was carried over.", origin="extracted")])
    return dataset


def chat(question: str, answer: str, *, origin: Any = "imported", **details: Any) -> Example:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    provenance = Provenance(origin=origin, file="faq.csv", line=2, details=details)
    return Example(row={"messages": messages}, provenance=provenance)


def opened() -> AppTest:
    app = AppTest.from_file(str(SHELL), default_timeout=60).run()
    app.switch_page(PAGE).run()
    assert_sound(app)
    return app


def part(app: AppTest, name: str) -> AppTest:
    app.session_state["training_view"] = name
    app.run()
    assert_sound(app)
    return app


def finish(app: AppTest, dataset: str) -> AppTest:
    for job in jobs().of(dataset):
        assert job.wait(SOON_S)
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def toasts(app: AppTest) -> str:
    return " ".join(str(one.value) for one in app.toast).replace("\\", "")


# --- datasets ---------------------------------------------------------------------------------------


def test_the_sample_companys_examples_are_one_press_away(data: Workspace) -> None:
    app = opened()
    press(app, "training_sample")
    assert {one.label: one.value for one in app.metric}["Rows"] == "120"
    assert training_data(data).open(SAMPLE_DATASET).counts().states["accepted"] == 120
    assert len(app.dataframe[0].value) == 25
    assert "1–25 of 120 rows" in words(app)


def test_a_dataset_is_created_and_renamed_and_its_removal_asked_about(data: Workspace) -> None:
    app = opened()
    app.text_input[0].set_value("Service desk")
    next(one for one in app.button if one.label == "Create").click().run()
    assert app.selectbox(key="training_dataset").value == "Service desk"
    rename = next(one for one in app.text_input if one.label == "New name")
    rename.set_value("Helpdesk")
    next(one for one in app.button if one.label == "Rename").click().run()
    assert [info.name for info in training_data(data).list()] == ["Helpdesk"]
    press(app, "remove_dataset")
    assert "This removes **Helpdesk** with its **0** rows" in words(app)


def test_before_the_history_is_forgotten_it_is_asked(data: Workspace, few: Dataset) -> None:
    few.delete([1])
    app = press(opened(), "forget_history")
    assert few.history() and "no earlier change can be undone" in words(app)


def test_a_name_that_is_taken_is_said_at_the_form(data: Workspace) -> None:
    training_data(data).create("Desk")
    app = opened()
    next(one for one in app.text_input if one.label == "Name").set_value("desk")
    next(one for one in app.button if one.label == "Create").click().run()
    assert "exists already" in app.error[0].value


def test_a_dataset_that_was_removed_elsewhere_is_left(data: Workspace, few: Dataset) -> None:
    app = opened()
    training_data(data).remove("Desk")
    app.run()
    assert_sound(app)
    assert "A dataset holds the examples" in words(app)


# --- rows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "questions"),
    [
        pytest.param("training_search", "carry", ["May I carry leave over?"], id="search"),
        pytest.param("training_filter_state", "pending", ["What must be used by 31 March?"], id="state"),
        pytest.param("training_filter_origin", "extracted", ["What must be used by 31 March?"], id="origin"),
    ],
)
def test_rows_are_searched_and_filtered(few: Dataset, key: str, value: str, questions: list[str]) -> None:
    app = opened()
    box = app.text_input(key=key) if key == "training_search" else app.selectbox(key=key)
    box.set_value(value).run()
    assert_sound(app)
    assert list(app.dataframe[0].value["Question"]) == questions


def test_a_row_is_opened_edited_and_the_edit_taken_back(few: Dataset) -> None:
    app = opened()
    app.session_state["training_row"] = 1
    app.session_state["training_row_face"] = "Edit"
    app.run()
    box = next(one for one in app.text_area if one.label == "Assistant")
    box.set_value("27 days a year.")
    next(one for one in app.button if one.label == "Save").click().run()
    assert_sound(app)
    assert answer_of(few.row(1).row) == "27 days a year."
    press(app, "undo")
    assert answer_of(few.row(1).row) == "27 days."
    press(app, "redo")
    assert answer_of(few.row(1).row) == "27 days a year."


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        pytest.param("{", "This is not JSON", id="broken"),
        pytest.param("[1]", "A row is one JSON object", id="no object"),
        pytest.param('{"messages": NaN}', "is no number in JSON", id="NaN"),
    ],
)
def test_json_that_is_no_row_is_refused_and_nothing_changed(few: Dataset, typed: str, said: str) -> None:
    app = opened()
    before = few.row(1).row
    app.session_state["training_row"] = 1
    app.session_state["training_row_face"] = "JSON"
    app.run()
    app.text_area[0].set_value(typed)
    next(one for one in app.button if one.label == "Save").click().run()
    assert said in app.error[0].value.replace("\\", "")
    assert few.row(1).row == before


def test_what_will_be_learnt_is_the_answer_alone(few: Dataset) -> None:
    app = opened()
    app.session_state["training_row"] = 1
    app.session_state["training_row_face"] = "What will be learnt"
    app.run()
    assert_sound(app)
    assert "learnt" in words(app)
    drawn = drawn_text(app)
    assert re.search(r"days\W+tone\W+learnt", drawn)
    assert re.search(r"leave\W+tone\W+read", drawn)


def test_a_row_that_was_deleted_elsewhere_is_closed(few: Dataset) -> None:
    app = opened()
    app.session_state["training_row"] = 1
    app.run()
    few.delete([1])
    app.run()
    assert_sound(app)
    assert app.session_state["training_row"] is None


# --- review -----------------------------------------------------------------------------------------


def test_rows_are_reviewed_one_after_the_other(few: Dataset) -> None:
    few.add([chat("Another?", "Another.", origin="generated")])
    app = part(opened(), "Review")
    assert "2 to review" in words(app)
    press(app, "review_accept")
    assert few.row(4).state == "accepted"
    assert "1 to review; row 5" in words(app)
    press(app, "review_reject")
    assert few.row(5).state == "rejected"
    assert any("Nothing waits for review" in one.value for one in app.success)


def test_a_row_to_review_shows_its_place_in_the_document(data: Workspace, few: Dataset) -> None:
    base = data.knowledge_base(data.default_knowledge_base)
    document = next(info.document_id for info in base.documents() if "leave" in info.name.lower())
    text = base.document_text(document)
    start = text.index("31 March")
    facts = {"knowledge_base": base.name, "spans": [[start, start + 8]]}
    few.delete([4])
    provenance = Provenance(origin="extracted", document=document, details=facts)
    few.add([Example(row=chat("When?", "31 March").row, provenance=provenance)])
    app = part(opened(), "Review")
    assert "Up to five days of leave may be carried over" in drawn_text(app)


def test_later_comes_back_to_the_first(few: Dataset) -> None:
    app = part(opened(), "Review")
    press(app, "review_skip")
    assert "1 to review; row 4" in words(app)


# --- bringing in --------------------------------------------------------------------------------------


def upload(app: AppTest, name: str, content: bytes) -> AppTest:
    app.file_uploader[0].upload(name, content, "text/csv").run()
    assert_sound(app)
    return app


CSV = "Ticket;Frage;Antwort\n1;Was kostet das?;120 Euro.\n2;Wann offen?;Von 7 bis 17 Uhr.\n3;;leer\n"


def test_a_file_is_shown_before_it_is_imported_and_its_refused_records_are_named(
    data: Workspace, few: Dataset
) -> None:
    app = upload(part(opened(), "Add"), "faq.csv", CSV.encode())
    assert few.counts().total == 4
    assert "Was kostet das?" in drawn_text(app)
    mapping = {one.label: one.value for one in app.selectbox}
    assert (mapping["Question"], mapping["Answer"]) == ("Frage", "Antwort")
    press(app, "import_go")
    finish(app, "Desk")
    assert few.counts().total == 6
    assert few.row(5).metadata["file"] == "faq.csv"
    assert few.counts().refused == 1
    assert "faq.csv, line 4" in words(app)
    assert not list((data.settings.home.value / "uploads" / "datasets").rglob("*.csv"))


def test_a_mapping_can_be_changed_before_the_import(few: Dataset) -> None:
    app = upload(part(opened(), "Add"), "faq.csv", b"Nr,A,B\n1,Yes.,Is it open?\n2,No.,Is it shut?\n")
    if not any(one.label == "Question" for one in app.selectbox):
        next(one for one in app.text_input if one.label == "Column of the questions").set_value("B")
        next(one for one in app.text_input if one.label == "Column of the answers").set_value("A")
        next(one for one in app.button if one.label == "Try these").click().run()
    else:
        next(one for one in app.selectbox if one.label == "Question").set_value("B").run()
        next(one for one in app.selectbox if one.label == "Answer").set_value("A").run()
    press(app, "import_go")
    finish(app, "Desk")
    assert question_of(few.row(5).row) == "Is it open?"
    assert answer_of(few.row(5).row) == "Yes."


def test_a_part_can_be_left_without_a_column(few: Dataset) -> None:
    app = upload(part(opened(), "Add"), "faq.csv", b"thread_ts,Frage,Antwort\nT1,Wann?,Um 8.\n")
    group = next(one for one in app.selectbox if one.label == "Group (ticket, conversation)")
    assert (group.value, group.options[1]) == ("thread_ts", "thread_ts")  # as it is called, without escapes
    group.select_index(0).run()
    press(app, "import_go")
    finish(app, "Desk")
    assert "group" not in few.row(5).metadata


def test_guessed_columns_are_imported_only_when_they_are_said_to_be_right(few: Dataset) -> None:
    chat = b'[{"user": "U1", "text": "How do I reset it?"}, {"user": "U2", "text": "Press the button."}]'
    app = upload(part(opened(), "Add"), "slack.json", chat)
    go = next(one for one in app.button if one.key == "import_go")
    assert (go.disabled, go.label) == (True, "Import 0 files")
    assert "--" not in " ".join(one.value for one in (*app.warning, *app.caption))
    next(one for one in app.checkbox if "right" in one.label).check().run()
    press(app, "import_go")
    finish(app, "Desk")
    assert few.counts().total == 6


def test_what_to_do_is_said_in_words_of_the_page(few: Dataset) -> None:
    app = upload(part(opened(), "Add"), "odd.json", b'[{"a": 1, "b": 2}]')
    (said,) = [one.value for one in app.warning]
    assert "Read as" in said
    assert "--" not in said.replace("\\", "")


def test_a_file_that_is_no_data_is_said_and_can_be_let_go(few: Dataset) -> None:
    app = part(opened(), "Add")
    app.file_uploader[0].upload("empty.jsonl", b"\n", "application/json").run()
    assert any("empty" in one.value for one in app.warning)
    press(app, "import_forget")
    assert not app.warning


def test_documents_give_rows_that_wait_for_review(few: Dataset) -> None:
    app = part(opened(), "Add")
    app.session_state["training_source"] = "Documents"
    app.run()
    next(one for one in app.button if one.label == "Begin").click().run()
    finish(app, "Desk")
    pending = few.counts().states["pending"]
    assert pending > 1


def test_a_chat_model_writes_rows_that_wait_for_review(data: Workspace, few: Dataset) -> None:
    with serve_openai(answer=scribe) as server:
        environment = {
            "GROUNDTUNE_HOME": str(data.settings.home.value),
            "GROUNDTUNE_OFFLINE": "1",
            "OPENAI_BASE_URL": server.url,
        }
        data.reconfigure(load_settings(environment, dotenv_path=None))
        app = part(opened(), "Add")
        app.session_state["training_source"] = "Documents"
        app.run()
        assert "No price of" in words(app)
        app.number_input(key="generate_budget").set_value(0.0)
        next(one for one in app.button if one.label == "Begin").click().run()
        finish(app, "Desk")
        assert server.chat_requests
    made = few.rows(RowQuery(origin="generated"))
    assert made.total >= 2
    assert {row.state for row in made.rows} == {"pending"}
    assert not list((data.settings.home.value / "tenants").rglob("replies/*"))


def test_feedback_that_nobody_gave_is_said(few: Dataset) -> None:
    app = part(opened(), "Add")
    app.session_state["training_source"] = "Feedback"
    app.run()
    next(one for one in app.button if one.label == "Add them").click().run()
    finish(app, "Desk")
    assert "rate some answers first" in words(app)
    assert few.counts().total == 4


# --- checks, costs, RAFT ------------------------------------------------------------------------------


def test_a_check_names_the_rows_and_leads_to_them(few: Dataset) -> None:
    few.add([chat("How long is the leave?", "27 days.")])
    app = part(opened(), "Check")
    press(app, "check_go")
    finish(app, "Desk")
    assert "Not fit for training" in app.error[0].value
    assert "F05" in str([one.label for one in app.expander])
    assert "D01" in str([one.label for one in app.expander])
    press(app, "jump_D01_1")
    assert app.session_state["training_view"] == "Rows"
    assert app.session_state["training_row"] == 5


def test_a_row_that_is_an_evaluation_question_is_named(few: Dataset) -> None:
    asked = json.loads(training.SAMPLE_QUESTIONS.read_text("utf-8").splitlines()[0])["text"]
    few.add([chat(asked, "It is known.")])
    app = part(opened(), "Check")
    app.selectbox(key="check_questions").set_value("sample").run()
    press(app, "check_go")
    finish(app, "Desk")
    assert "L04" in str([one.label for one in app.expander])


def test_a_check_of_other_rows_is_called_old(few: Dataset) -> None:
    app = part(opened(), "Check")
    press(app, "check_go")
    finish(app, "Desk")
    assert "have changed since" not in words(app)
    few.set_state([1], "rejected")
    app.run()
    assert "have changed since" in words(app)


def test_repairs_are_shown_made_as_one_step_and_taken_back(few: Dataset) -> None:
    few.add([chat("How long is the leave?", "27 days.")])
    fixes = [fix for fix in registered() if fix.rule == "D01"]
    found = list(mended(few, fixes, FixOptions(profile=profile_named("openai"))))
    assert [(one.row_id, one.after) for one in found] == [(5, None)]
    apply(few, found, "D01")
    assert few.counts().total == 4
    few.undo()
    assert few.counts().total == 5


def test_costs_come_with_the_date_of_every_price(few: Dataset) -> None:
    app = part(opened(), "Cost")
    press(app, "cost_go")
    finish(app, "Desk")
    table = next(one.value for one in app.dataframe if "Price as of" in one.value)
    priced = table[table["$ a million"] != "not known"]
    assert len(priced)
    assert all(priced["Price as of"].str.contains(r"20\d\d"))
    warned = [one.value for one in app.caption if one.value.startswith(":material/warning:")]
    assert warned
    assert all(re.search(r"\*\*[a-z]+\*\*: ", one) for one in warned)  # whose they are


def test_raft_rows_come_into_a_dataset_of_their_own(data: Workspace, few: Dataset) -> None:
    app = part(opened(), "RAFT")
    app.number_input(key="raft_distractors").set_value(1)
    next(one for one in app.button if one.label == "Build").click().run()
    finish(app, "Desk")
    job = jobs().latest("Desk", "raft")
    assert job is not None
    made = [info.name for info in training_data(data).list()]
    if job.result is None:  # too small a company for distractors
        assert made == ["Desk"]
    else:
        assert made == ["Desk", "Desk RAFT"]
        press(app, "raft_open")
        assert app.selectbox(key="training_dataset").value == "Desk RAFT"


# --- freezing -----------------------------------------------------------------------------------------


def test_rows_with_errors_are_not_frozen_and_the_reason_is_said(data: Workspace, few: Dataset) -> None:
    app = part(opened(), "Freeze")
    press(app, "freeze_go")
    finish(app, "Desk")
    assert "Not frozen" in words(app)
    assert frozen_data(data).all() == []


def test_a_frozen_copy_has_its_card_and_is_verified(data: Workspace) -> None:
    dataset = training_data(data).create("Sample")
    dataset.add(sample_examples())
    app = part(opened(), "Freeze")
    press(app, "freeze_go")
    finish(app, "Sample")
    frozen = frozen_data(data).all()[0]
    assert sum(frozen.rows.values()) == 120
    assert frozen.hash in str([one.value for one in app.code])
    press(app, f"verify_{frozen.hash[:12]}")
    assert "every byte" in toasts(app)
    app.toggle(key=f"card_{frozen.hash[:12]}").set_value(True).run()
    assert_sound(app)
    assert "120" in drawn_text(app)
    row = json.loads(frozen.files["train"].read_text("utf-8").splitlines()[0])
    assert "metadata" not in row


# --- when things go wrong -------------------------------------------------------------------------------


def test_a_full_disk_is_one_sentence(few: Dataset) -> None:
    with contextlib.closing(sqlite3.connect(few.path)) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON changes BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    app = part(opened(), "Review")
    app.button(key="review_accept").click().run()
    assert not app.exception
    assert "disk" in toasts(app)
    assert few.row(4).state == "pending"


def test_hostile_rows_stay_text(data: Workspace) -> None:
    evil = "![x](https://evil.test/p) <img src=x onerror=alert(1)> :material/bolt: $\\href{u}{x}$ [l](javascript:1)"
    dataset = training_data(data).create("![n](https://evil.test/n)")
    details = {"document_name": evil, "model": evil}
    dataset.add([chat(evil, evil, origin="generated", **details)])
    dataset.tag([1], add=["![t](u) :red[x]"])
    for name in ("Review", "Rows"):
        app = part(opened(), name)
        app.session_state["training_row"] = 1
        app.run()
        assert_sound(app)
        for one in (*app.markdown, *app.caption, *app.title):
            assert "](https://evil" not in one.value
            assert "<img" not in one.value.replace("\\<", "")


def test_of_the_work_that_ended_well_only_the_latest_is_told(few: Dataset) -> None:
    app = opened()
    for title in ("First", "Second", "Third"):
        job = Job("import", title)
        jobs().start("Desk", job, lambda _, title=title: _failing() if title == "First" else (title, None))
        assert job.wait(SOON_S)
    app.run()
    assert ["First" in words(app), "Second" in words(app), "Third" in words(app)] == [True, False, True]


def _failing() -> tuple[str, object]:
    raise DatasetError("It could not be.")


def test_a_finding_names_rows_as_the_page_does(few: Dataset) -> None:
    few.delete([1])
    few.add([chat("May I carry leave over?", "Never.")])  # row 5, line 3 of what is checked; row 2 is line 1
    app = part(opened(), "Check")
    next(one for one in app.button if one.label.startswith("Check ")).click().run()
    finish(app, "Desk")
    assert "another answer in row 2" in words(app)


# --- pieces -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "question", "answer"),
    [
        pytest.param(chat("Q?", "A.").row, "Q?", "A.", id="chat"),
        pytest.param({"prompt": "Q?", "completion": "A."}, "Q?", "A.", id="completion"),
        pytest.param(
            {
                "input": {"messages": [{"role": "user", "content": "Q?"}]},
                "preferred_output": [{"role": "assistant", "content": "A."}],
                "non_preferred_output": [{"role": "assistant", "content": "B."}],
            },
            "Q?",
            "A.",
            id="preference",
        ),
        pytest.param(
            chat(
                "<passages>...</passages>\n\nQuestion: Q?",
                "<reasoning>\n[1] <quote>q</quote>\n</reasoning>\nA.",
            ).row
            | {"metadata": {"raft": {"question": "Q?"}}},
            "Q?",
            "A.",
            id="RAFT",
        ),
        pytest.param({"messages": "none"}, "", "", id="no messages"),
        pytest.param({"messages": [None, 3, {"role": 7}]}, "", "", id="no objects"),
        pytest.param({}, "", "", id="nothing"),
    ],
)
def test_question_and_answer_of_any_row(row: dict[str, Any], question: str, answer: str) -> None:
    assert (question_of(row), answer_of(row)) == (question, answer)


def test_an_edit_changes_the_texts_at_their_places_and_nothing_else() -> None:
    row = chat("Q?", "A.").row | {"tools": [{"type": "function"}]}
    texts = {part.path: part.text.upper() for part in parts(row)}
    assert changed(row, texts)["messages"][1]["content"] == "A."
    assert changed(row, {("messages", 1, "content"): "B."})["messages"][1] == {
        "role": "assistant",
        "content": "B.",
    }
    assert changed(row, {})["tools"] == row["tools"]
    assert row["messages"][1]["content"] == "A."


BEFORE = {
    "messages": [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "Call 555 0140 now."}]
}


def told(nodes: list[Any]) -> list[tuple[str, str]]:
    """(tone, text) of what is drawn."""
    return [
        (node["tone"], "".join(node["children"])) if isinstance(node, dict) else ("", node) for node in nodes
    ]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(
            changed(BEFORE, {("messages", 1, "content"): "Call [PHONE] now."}),
            [("", "Call "), ("gone", "555 0140"), ("added", "[PHONE]"), ("", " now.")],
            id="of a text, its words",
        ),
        pytest.param(BEFORE, [], id="nothing changed"),
    ],
)
def test_differences_of_rows(after: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert told(row_differences(BEFORE, after)) == expected


def test_differences_beside_texts_and_of_a_row_that_goes_are_shown_as_json() -> None:
    more = told(row_differences(BEFORE, BEFORE | {"tools": []}))
    assert "tools" in "".join(text for tone, text in more if tone == "added")
    gone = told(row_differences(BEFORE, {}))
    assert [tone for tone, _ in gone] == ["gone"]


@given(st.text(max_size=200), st.text(max_size=200))
def test_what_is_gone_and_added_are_the_two_texts(before: str, after: str) -> None:
    drawn = told(differences(before, after))
    if not any(" … " in text for tone, text in drawn if not tone):
        assert "".join(text for tone, text in drawn if tone != "added") == before
        assert "".join(text for tone, text in drawn if tone != "gone") == after


# --- work that runs -----------------------------------------------------------------------------------


def outcome_of(work: Any, *, stopped: bool = False) -> tuple[str, str]:
    """(state, sentence) of a job that has ended."""
    job = Job("import", "Import")
    if stopped:
        job.stop()
    Jobs().start("Desk", job, work)
    assert job.wait(SOON_S)
    now = job.snapshot()
    return now.state, now.error or now.outcome


def fails(error: Exception) -> Any:
    def work(job: Job) -> tuple[str, object]:
        raise error

    return work


@pytest.mark.parametrize(
    ("work", "state", "sentence"),
    [
        pytest.param(lambda job: ("Done.", 7), "done", "Done.", id="done"),
        pytest.param(fails(DatasetError("No row.")), "failed", "No row.", id="a fault of the user's"),
    ],
)
def test_work_ends_with_a_sentence(work: Any, state: str, sentence: str) -> None:
    assert outcome_of(work) == (state, sentence)


def test_a_fault_of_ours_is_no_traceback_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[Any] = []
    monkeypatch.setattr("threading.excepthook", logged.append)
    state, sentence = outcome_of(fails(ZeroDivisionError("secret")))
    assert (state, sentence) == ("failed", "Something went wrong inside Groundtune: the log has the details.")
    assert len(logged) == 1


def test_work_is_stopped_where_it_tells_its_progress() -> None:
    def endless(job: Job) -> tuple[str, object]:
        while True:
            job.tell("Reading", 1)

    assert outcome_of(endless, stopped=True)[0] == "stopped"


def test_the_work_on_one_dataset_runs_one_after_the_other_and_the_last_three_are_kept() -> None:
    registry, order = Jobs(), list[int]()

    def numbered(number: int) -> Any:
        def work(job: Job) -> tuple[str, object]:
            order.append(number)
            return "", number

        return work

    for number in range(6):
        job = registry.start("Desk", Job("import", str(number)), numbered(number))
        assert job.wait(SOON_S)
    assert order == [0, 1, 2, 3, 4, 5]
    assert [one.title for one in registry.of("Desk")] == ["5", "4", "3", "2"]
    assert registry.of("Other") == []
