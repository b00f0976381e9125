"""Fine-tuning, on the page: the list, a job live, starting, asking, comparing, using a model, what expires."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import settings, training
from app.settings import load_settings
from app.training import SAMPLE_EXAMPLES, frozen_data
from app.tuning import Tuning, tuning
from app.tuning_places import fine_tuning
from app.ui import tuning_access, tuning_session, tuning_use
from app.ui.jobs import jobs
from app.ui.tuning_access import access
from app.ui.tuning_compare import different
from app.ui.tuning_radar import days_words
from app.ui.tuning_sample import freeze_sample, paraphrased
from app.ui.tuning_session import own_work
from app.ui.tuning_source import progress, run_key, series
from app.ui.tuning_words import duration, span, state_words, value_words
from app.workspace import Workspace
from finetune.freezing import Frozen
from finetune.freezing_sources import freeze_files
from finetune.jobs.record import JobError, TunedModel
from finetune.jobs.states import STATES
from finetune.jobs.store import TuningStore
from finetune.providers.orders import KNOWN_STATUSES, JobView, Recipe, SeenEvent
from loaders.jsonl import read_rows
from tests.app.test_pages import OWNER, SHELL, assert_sound, drawn_text, encoder, words, workspace
from tests.loopback.tuning_server import TuningPlace, serve_tuning

__all__ = ["encoder", "workspace"]  # fixtures
PAGE = "../pages/jobs.py"
SOON_S = 120.0
KEY = "sk-test-1234567890abcdef"


@pytest.fixture
def place() -> Iterator[TuningPlace]:
    with serve_tuning() as started:
        yield started


@pytest.fixture
def tuned(workspace: Workspace, place: TuningPlace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """This machine, and the server of GROUNDTUNE_TUNING_URL."""
    environment = {
        "GROUNDTUNE_HOME": str(workspace.settings.home.value),
        "GROUNDTUNE_OFFLINE": "1",
        "GROUNDTUNE_TUNING_URL": place.url,
        "GROUNDTUNE_TUNING_API_KEY": KEY,
    }
    workspace.reconfigure(load_settings(environment, dotenv_path=None))
    monkeypatch.setattr(tuning_session, "owner", lambda: OWNER)  # Streamlit's test runtime has no cookies
    jobs.cache_clear()
    training._store.cache_clear()
    access.cache_clear()
    yield workspace
    # Before the server ends: a look at one that is gone would be tried again and again.
    access(workspace).close()
    access.cache_clear()


@pytest.fixture
def frozen(tuned: Workspace) -> Frozen:
    return freeze_files({"train": SAMPLE_EXAMPLES}, frozen_data(tuned), name="Desk <b>")


def opened(part: str | None = None) -> AppTest:
    app = AppTest.from_file(str(SHELL), default_timeout=60).run()
    app.switch_page(PAGE).run()
    return show(app, part) if part else app


def show(app: AppTest, part: str) -> AppTest:
    app.session_state["tuning_view"] = part
    app.run()
    assert_sound(app)
    return app


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception, [one.message for one in app.exception]
    return app


def finish(app: AppTest) -> AppTest:
    """Waits for the page's own work, then draws it."""
    for job in jobs().of(own_work()):
        assert job.wait(SOON_S)
    app.run()
    assert not app.exception, [one.message for one in app.exception]
    return app


def until(app: AppTest, there: Callable[[AppTest], bool]) -> AppTest:
    """Redraws, as the page's own timer would, until it shows what is waited for."""
    deadline = time.monotonic() + SOON_S
    while not there(app):
        assert time.monotonic() < deadline, words(app)
        time.sleep(0.1)
        app.run()
        assert not app.exception, [one.message for one in app.exception]
    return app


def labels(app: AppTest) -> list[str]:
    return [str(one.label).replace("\\", "") for one in app.button]


def start_elsewhere(workspace: Workspace, frozen: Frozen, **recipe: object) -> JobView:
    work = fine_tuning(workspace)
    order = work.order(frozen, place="other", model="tiny", recipe=Recipe(**recipe))  # type: ignore[arg-type]
    return work.start(order)


# --- words and numbers --------------------------------------------------------------------------------


def event(sequence: int, **data: object) -> SeenEvent:
    kind = "metrics" if "step" in data else "message"
    return SeenEvent(
        id=f"e{sequence}", sequence=sequence, created_at=0.0, level="info", message="m", type=kind, data=data
    )


@pytest.mark.parametrize(
    ("events", "points"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(
            [event(1, step=2, train_loss=1), event(2, step=1, train_loss=2)], [(1, 2), (2, 1)], id="by step"
        ),
        pytest.param(
            [event(1, step=5, train_loss=9), event(2, step=5, train_loss=1)],
            [(5, 1)],
            id="a step trained again",
        ),
        pytest.param([event(1, step=1, train_loss="a"), event(2, step=1)], [], id="what is no number"),
        pytest.param([event(1, step=1, train_loss=float("nan"))], [], id="not a number at all"),
        pytest.param([event(1, step=True, train_loss=1)], [], id="a step that is no step"),
    ],
)
def test_curves_are_read_of_events(events: list[SeenEvent], points: list[tuple[float, float]]) -> None:
    assert series(events, "train_loss") == points


def test_progress_is_what_was_told_last() -> None:
    told = [event(1, step=1, total_steps=8), event(2), event(3, step=9, total_steps=8)]
    assert progress(told) == (8, 8)
    assert progress(told[:1]) == (1, 8)
    assert progress([event(1)]) is None


@pytest.mark.parametrize("state", sorted({*STATES, *KNOWN_STATUSES}))
def test_every_state_has_words(state: str) -> None:
    assert state_words(state)[0] != state.replace("_", " ").capitalize() or state in (
        "queued",
        "paused",
        "failed",
        "succeeded",
        "cancelled",
        "pausing",
    )


def test_an_unknown_state_is_shown_and_is_only_text() -> None:
    assert state_words("warming_up") == ("Warming up", "gray")
    assert "](" not in state_words("![x](https://evil.test)")[0].replace("\\]\\(", "")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.5, "500 ms"), (42, "42.0 s"), (185, "3 min 5 s"), (7440, "2 h 4 min"), (-3, "0 ms")],
)
def test_spans(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_a_job_that_says_nothing_of_its_times_has_none() -> None:
    assert duration(JobView(id="a", place="other", status="running", model="m")) == "–"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "none"),
        (True, "yes"),
        (0.5, "0.5"),
        ({"rank": 8, "alpha": None}, "rank 8, alpha none"),
        ([1, 2], "1, 2"),
    ],
)
def test_values_of_a_recipe(value: object, said: str) -> None:
    assert value_words(value) == said


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (-1, "off for 1 day"),
        (-40, "off for 40 days"),
        (0, "last day today"),
        (1, "1 day left"),
        (53, "53 days left"),
    ],
)
def test_days(days: int, said: str) -> None:
    assert days_words(days) == said


def test_two_recipes_differ_where_they_differ() -> None:
    first = {"Base model": "a", "Seed": "1", "Job": "x"}
    second = {"Base model": "b", "Seed": "1", "Job": "y", "LoRA": "rank 8"}
    assert different(first, second) == (
        {"Base model": "a", "LoRA": "–"},
        {"Base model": "b", "LoRA": "rank 8"},
    )
    assert different(first, first | {"Job": "z"}) is None


# --- the radar ------------------------------------------------------------------------------------------


def test_the_radar_names_bases_with_their_days_and_sources(tuned: Workspace) -> None:
    app = opened("Expiry radar")
    table = app.dataframe[0].value
    assert "gpt-4.1-mini-2025-04-14" in list(table["Base"])
    assert "2027-01-14" in list(table["Switched off"])
    assert "Nothing that you trained or use" in words(app)


def test_a_model_in_use_that_ends_is_yours(tuned: Workspace) -> None:
    tuned.reconfigure(tuned.settings.with_value("GROUNDTUNE_CHAT_MODEL", "openai:gpt-4.1-2025-04-14"))
    app = opened("Expiry radar")
    assert "openai:gpt-4.1-2025-04-14" in words(app)
    assert "Switched off" in words(app)


# --- a job elsewhere --------------------------------------------------------------------------------------


def test_a_job_elsewhere_is_started_checked_and_priced_first(
    tuned: Workspace, place: TuningPlace, frozen: Frozen
) -> None:
    app = opened("Start")
    app.session_state["start_model_other"] = "tiny"
    app.selectbox(key="start_place").set_value("other").run()
    app.number_input(key="start_epochs").set_value(2).run()
    assert not any(key.startswith("start_go") for key in (one.key or "" for one in app.button))
    finish(press(app, "start_estimate"))
    assert "not known here" in " ".join(str(one.value) for one in app.warning)
    assert "The rows leave this machine" in words(app)
    assert place.jobs == {}
    finish(press(app, "start_go"))
    app.run()
    assert_sound(app)
    (job,) = place.jobs.values()
    assert job["model"] == "tiny"
    assert "Step" in words(app) or "Curves appear" in words(app)
    assert job["id"] in words(app)


def test_what_was_estimated_counts_for_that_only(tuned: Workspace, frozen: Frozen) -> None:
    app = opened("Start")
    app.session_state["start_model_other"] = "tiny"
    app.selectbox(key="start_place").set_value("other").run()
    finish(press(app, "start_estimate"))
    assert "start_go" in [one.key for one in app.button]
    app.number_input(key="start_epochs").set_value(9).run()
    assert "start_go" not in [one.key for one in app.button]


def test_a_strangers_words_are_only_text(tuned: Workspace, place: TuningPlace, frozen: Frozen) -> None:
    job = start_elsewhere(tuned, frozen)
    evil = "![x](https://evil.test/x) <img src=x> :smile:"
    place.step(
        job.id, status="failed", error={"code": "invalid_training_file", "message": evil, "param": None}
    )
    fine_tuning(tuned).job(job.id)
    app = opened()
    app.session_state["tuning_run"] = run_key(job)
    app.run()
    until(app, lambda app: bool(app.error))
    assert "\\!\\[x\\]" in " ".join(str(one.value) for one in app.error)
    assert "Train it again or elsewhere" in labels(app)


def test_an_unknown_status_is_shown_as_it_is(tuned: Workspace, place: TuningPlace, frozen: Frozen) -> None:
    job = start_elsewhere(tuned, frozen)
    place.step(job.id, status="warming_up")
    fine_tuning(tuned).job(job.id)
    until(opened(), lambda app: "Warming up" in words(app))


def test_closing_the_page_changes_nothing_and_opening_it_goes_on(
    tuned: Workspace, place: TuningPlace, frozen: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning_access, "AGAIN_S", 0.0)
    job = start_elsewhere(tuned, frozen)
    place.step(job.id, status="running")
    before = len(place.requests("POST", ".*"))
    app = opened()
    app.session_state["tuning_run"] = run_key(job)
    app.run()
    del app
    place.say(job.id, "Step 1", data={"step": 1, "total_steps": 2, "train_loss": 2.0})
    place.finish(job.id)
    again = opened()
    again.session_state["tuning_run"] = run_key(job)
    until(again, lambda app: "Succeeded" in words(app))
    assert len(place.requests("POST", ".*")) == before


def test_a_job_elsewhere_is_paused_resumed_and_cancelled(
    tuned: Workspace, place: TuningPlace, frozen: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning_access, "AGAIN_S", 0.0)
    job = start_elsewhere(tuned, frozen)
    place.step(job.id, status="running")
    fine_tuning(tuned).job(job.id)
    app = opened()
    app.session_state["tuning_run"] = run_key(job)
    app.run()
    until(app, lambda app: "Pause" in labels(app))
    finish(press(app, "run_pause"))
    until(app, lambda app: "Resume" in labels(app))
    assert place.jobs[job.id]["status"] == "paused"
    finish(press(app, "run_resume"))
    press(app, "run_cancel")
    assert "This ends the job for good." in words(app)
    press(app, "asked_no")
    assert place.jobs[job.id]["status"] != "cancelled"
    press(app, "run_cancel")
    finish(press(app, "asked_yes"))
    assert place.jobs[job.id]["status"] == "cancelled"


# --- a job on this machine, driven as its worker would ------------------------------------------------------


@pytest.fixture
def still(tuned: Workspace, monkeypatch: pytest.MonkeyPatch) -> TuningStore:
    """The store, without a process that works its queue."""
    monkeypatch.setattr(Tuning, "ensure_runner", lambda self: None)
    return tuning(tuned).store


def start_here(workspace: Workspace, frozen: Frozen, **recipe: object) -> JobView:
    work = fine_tuning(workspace)
    order = work.order(frozen, place="local", model="responder", recipe=Recipe(**recipe))  # type: ignore[arg-type]
    return work.start(order)


def looked_at(job: JobView) -> AppTest:
    app = opened()
    app.session_state["tuning_run"] = run_key(job)
    app.run()
    assert not app.exception, [one.message for one in app.exception]
    return app


def test_what_is_above_the_ceiling_waits_for_a_yes(
    tuned: Workspace, frozen: Frozen, still: TuningStore
) -> None:
    job = start_here(tuned, frozen)
    still.jobs.move(
        job.id, "awaiting_approval", event="Waits.", facts={"reason": "It would train for 3 h, above 1 h."}
    )
    app = looked_at(job)
    assert "It would train for 3 h, above 1 h." in words(app)
    press(app, "run_accept")
    assert still.jobs.get(job.id).state == "queued"
    assert "it is next" in words(app)


def test_a_job_that_trains_shows_its_figures_and_is_paused_and_resumed(
    tuned: Workspace, frozen: Frozen, still: TuningStore
) -> None:
    job = start_here(tuned, frozen, suffix="desk")
    still.jobs.move(job.id, "queued")
    lease = still.leases.take("worker", seconds=600)
    assert lease is not None
    still.jobs.move(job.id, "running", lease=lease)
    for step in (1, 2, 3):
        figures = {"step": step, "total_steps": 10, "train_loss": 3.0 / step}
        still.jobs.note(job.id, f"Step {step}", lease=lease, type="metrics", data=figures)
    made = still.checkpoints.add(
        lease,
        step=3,
        epoch=1.0,
        metrics={"full_valid_loss": 0.5},
        write=lambda folder: (folder / "x").write_text("x"),
    )
    app = looked_at(job)
    assert {one.label: one.value for one in app.metric}["Steps"] == "3 of 10"
    assert {one.label: one.value for one in app.metric}["Training loss"] == "1"
    assert "Training: 3 at step 1, lowest 1 at step 3, 1 at step 3." in drawn_text(app)
    app.segmented_control(key="tuning_face").set_value("Checkpoints").run()
    assert "Lowest validation loss" in words(app)
    press(app, f"try_{made.id}")
    assert [one.value for one in app.code] == [f"local:{made.model}"]
    app.segmented_control(key="tuning_face").set_value("Events").run()
    assert "Created fine-tuning job" in str(app.dataframe[0].value)
    assert "Step 1:" not in str(app.dataframe[0].value)
    app.toggle(key="tuning_messages_only").set_value(False).run()
    assert "Step 1: training loss 3" in str(app.dataframe[0].value)
    press(app, "run_pause")
    assert still.jobs.get(job.id).wanted == "pause"
    still.jobs.move(job.id, "paused", lease=lease)
    app.run()
    press(app, "run_resume")
    assert still.jobs.get(job.id).state == "queued"


def test_a_failed_job_says_what_to_do_next(tuned: Workspace, frozen: Frozen, still: TuningStore) -> None:
    job = start_here(tuned, frozen)
    error = JobError(code="invalid_n_examples", message="There are 5 rows; 10 are needed: add some.")
    still.jobs.move(job.id, "failed", error=error)
    app = looked_at(job)
    assert "There are 5 rows; 10 are needed" in " ".join(str(one.value) for one in app.error).replace(
        "\\", ""
    )
    press(app, "run_again")
    assert_sound(app)
    assert app.selectbox(key="start_dataset").value == frozen.hash
    assert app.selectbox(key="start_place").value == "local"


def test_two_jobs_are_compared(tuned: Workspace, frozen: Frozen, still: TuningStore) -> None:
    for epochs, loss in ((2, 0.75), (5, 0.25)):
        job = start_here(tuned, frozen, epochs=epochs, suffix=f"e{epochs}", seed=7)
        data = {"step": 1, "total_steps": 1, "train_loss": loss}
        still.jobs.note(job.id, "Step 1", type="metrics", data=data)
        still.jobs.move(job.id, "cancelled")
    app = opened("Compare")
    told = drawn_text(app)
    assert "A e2: training" in told
    assert "B e5: training" in told
    assert "0.75" in told
    assert "Passes over the data" in told
    assert "Seed" not in told


@pytest.mark.parametrize("count", [0, 20])
def test_the_list_is_paged(tuned: Workspace, frozen: Frozen, still: TuningStore, count: int) -> None:
    for number in range(count):
        job = start_here(tuned, frozen, suffix=f"n{number}", seed=number)
        still.jobs.move(job.id, "cancelled")
    app = opened()
    assert_sound(app)
    if not count:
        assert "Train your first model" in labels(app)
        return
    assert [label for label in labels(app) if label.startswith("n")][:2] == ["n19", "n18"]
    assert "n4" not in labels(app)
    press(app, "tuning_page_Older")
    assert "n4" in labels(app)
    assert frozen.hash[:12] in words(app)


def test_a_job_that_is_gone_leads_back_to_the_list(tuned: Workspace, still: TuningStore) -> None:
    app = opened()
    app.session_state["tuning_run"] = "local.ftjob-nowhere"
    app.run()
    assert "no longer kept" in " ".join(str(one.value) for one in app.info)


# --- the models that come of it ---------------------------------------------------------------------------


VERDICT = {
    "verdict": "not proven",
    "reasons": ["Every answer was taught with one question: ![x](https://evil.test)."],
    "measures": [
        {"name": "token F1", "tuned": 0.8, "base": 0.3, "difference": 0.5, "low": 0.4, "high": 0.6, "n": 16}
    ],
    "forgetting": {},
}


def ended_well(workspace: Workspace, frozen: Frozen, store: TuningStore, suffix: str) -> JobView:
    """A job whose model is in the registry, with a card; its files are no responder's."""
    job = start_here(workspace, frozen, suffix=suffix)
    store.jobs.move(job.id, "queued")
    lease = store.leases.take("worker", seconds=600)
    assert lease is not None
    for state in ("running", "evaluating", "finalizing"):
        store.jobs.move(job.id, state, lease=lease)  # type: ignore[arg-type]
    name, folder = f"ft:responder:groundtune:{suffix}:{job.id[-8:]}", store.models.folder / job.id
    folder.mkdir(parents=True)
    (folder / "card.md").write_text("---\nlanguage: en\n---\n# The card of it\n", "utf-8")
    store.models.add(
        TunedModel(
            id=name, job_id=job.id, base="responder", trainer="responder", folder=str(folder),
            created_at=time.time(), facts={"verdict": VERDICT},
        )
    )  # fmt: skip
    results = store.files.add(io.BytesIO(b"step,train_loss\n1,2.0\n"), "results.csv", "fine-tune-results")
    store.jobs.move(
        job.id, "succeeded", lease=lease, fine_tuned_model=name, trained_tokens=4200, result_files=[results.id],
        facts={"verdict": VERDICT},
    )  # fmt: skip
    return fine_tuning(workspace).job(job.id)


def test_a_result_shows_its_verdict_with_intervals_and_its_card(
    tuned: Workspace, frozen: Frozen, still: TuningStore
) -> None:
    job = ended_well(tuned, frozen, still, "desk")
    app = looked_at(job)
    assert "Not proven" in words(app)
    assert "![x](https" not in " ".join(str(one.value) for one in app.markdown)
    told = drawn_text(app)
    assert "0.50 (0.40 to 0.60)" in told
    assert "The card of it" in told
    assert "language: en" not in told
    assert [one.value for one in app.code] == [f"local:{job.fine_tuned_model}"]


def test_one_press_makes_a_model_the_one_that_answers(
    tuned: Workspace, frozen: Frozen, still: TuningStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(tuning_use, "at_this_machine", lambda: True)
    older = ended_well(tuned, frozen, still, "older")
    newer = ended_well(tuned, frozen, still, "newer")
    assert tuned.connections.tuned_id == f"local:{newer.fine_tuned_model}"
    app = looked_at(older)
    app.checkbox(key="tuning_keep_use_result").check().run()
    press(app, "use_result")
    assert tuned.connections.tuned_id == f"local:{older.fine_tuned_model}"
    assert app.session_state["mode"] == "finetuned"
    assert f"GROUNDTUNE_FINETUNED_MODEL=local:{older.fine_tuned_model}" in (tmp_path / ".env").read_text(
        "utf-8"
    )
    app = show(app, "Models")
    assert "In use now" in words(app)
    assert labels(app).count("Use this model") == 1


def test_deleting_a_model_is_asked_back_and_keeps_the_job(
    tuned: Workspace, frozen: Frozen, still: TuningStore
) -> None:
    job = ended_well(tuned, frozen, still, "desk")
    app = press(looked_at(job), "run_delete")
    assert len(still.models.list()) == 1
    press(app, "asked_yes")
    assert still.models.list() == ()
    assert "The model was deleted" in words(app)
    assert "Train it again or elsewhere" in labels(app)


def test_a_model_that_cannot_answer_says_why(tuned: Workspace, frozen: Frozen, still: TuningStore) -> None:
    """Its files are gone: one sentence, and the page stands."""
    app = looked_at(ended_well(tuned, frozen, still, "desk"))
    app.text_input[0].set_value("What does it cost?")
    next(one for one in app.button if one.label == "Ask").click().run()
    until(app, lambda app: bool(app.error))
    assert not app.exception


def test_the_sample_is_taught_whole_and_judged_by_other_words(tuned: Workspace) -> None:
    frozen = freeze_sample(tuned)
    assert frozen.rows == {"train": 120, "validation": 40}
    assert freeze_sample(tuned).hash == frozen.hash
    answers = {row["messages"][-1]["content"] for _, row in read_rows(SAMPLE_EXAMPLES)}
    asked = {row["messages"][1]["content"] for _, row in read_rows(SAMPLE_EXAMPLES)}
    for row in paraphrased():
        assert row["messages"][-1]["content"] in answers
        assert row["messages"][1]["content"] not in asked
