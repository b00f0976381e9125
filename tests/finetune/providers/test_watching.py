"""Watching goes on over restarts, failures and words that nobody has heard of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import ProviderError, TuningNotFoundError, TuningStateError
from finetune.freezing import Frozen, FrozenStore
from finetune.providers.fine_tuning import FineTuning
from finetune.providers.ledger import Ledger
from finetune.providers.orders import Order
from finetune.providers.watching import Interval, Update
from tests.finetune.providers.conftest import Clock
from tests.loopback.tuning_server import RESULTS, TuningPlace

JOB = "/fine_tuning/jobs/[^/]+"


def test_a_job_is_told_from_its_first_event_to_its_end(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    job = work.start(order)
    place.moves = True
    updates = list(work.watch(job.id))
    events = [event for update in updates for event in update.events]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert events[0].message.startswith("Created fine-tuning job")
    assert {event.data.get("train_loss") for event in events if event.type == "metrics"} == {1.1, 1.2, 1.3}
    last = updates[-1].job
    assert (last.status, last.succeeded, last.trained_tokens) == ("succeeded", True, 4200)
    assert (last.fine_tuned_model or "").startswith("ft:gpt-4.1-mini-2025-04-14:org:desk:")


def test_another_process_goes_on_where_this_one_stopped(
    work: FineTuning, order: Order, place: TuningPlace, frozen_store: FrozenStore, clock: Clock
) -> None:
    job = work.start(order)
    first = next(iter(work.watch(job.id)))
    place.moves = True
    again = replace(work, ledger=Ledger(work.ledger.folder, clock=clock))  # as a new process opens it
    rest = [
        event for update in again.watch(job.id, after=first.events[-1].sequence) for event in update.events
    ]
    again.ledger.close()
    told = [*first.events, *rest]
    assert [event.id for event in told] == [event["id"] for event in place.events[job.id]]


@pytest.mark.parametrize("page", [1, 3, 100])
def test_events_are_whole_and_in_order_however_they_are_paged(
    work: FineTuning, order: Order, place: TuningPlace, page: int
) -> None:
    job = work.start(order)
    place.page = page
    for number in range(10):
        place.say(job.id, f"Step {number}")
    assert len(work.events(job.id)) == 11
    for number in range(10, 20):
        place.say(job.id, f"Step {number}")
    found = work.events(job.id)
    assert [event.message for event in found[1:]] == [f"Step {number}" for number in range(20)]
    assert work.events(job.id, after=15) == found[15:]


def test_a_page_that_fails_keeps_none_of_them(work: FineTuning, order: Order, place: TuningPlace) -> None:
    """Newest first: half of them kept would leave a gap that no later look closes."""
    job = work.start(order)
    place.page = 2
    for number in range(5):
        place.say(job.id, f"Step {number}")
    place.fault("GET", f"{JOB}/events", raw=_page(place, job.id))
    place.fault("GET", f"{JOB}/events", status=500)
    assert work.events(job.id) == []
    assert [event.message for event in work.events(job.id)][1:] == [f"Step {number}" for number in range(5)]


def _page(place: TuningPlace, job_id: str) -> bytes:
    import json

    return json.dumps({"object": "list", "data": place.events[job_id][:-3:-1], "has_more": True}).encode()


@pytest.mark.parametrize("status", ["pausing_for_maintenance", "preprocessing", "completed?"])
def test_a_word_that_nobody_knows_is_kept_and_shown(
    work: FineTuning, order: Order, place: TuningPlace, status: str
) -> None:
    job = work.start(order)
    place.step(job.id, status=status)
    watched = work.watch(job.id)
    seen = next(watched).job
    assert (seen.status, seen.ended) == (status, False)
    place.step(job.id, status="running")
    assert next(watched).job.status == "running"
    assert work.ledger.all()[0].job["status"] == "running"


def test_an_unknown_word_with_a_time_and_a_model_is_an_end(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    job = work.start(order)
    place.step(job.id, status="completed", finished_at=5, fine_tuned_model="ft:x:y::z")
    last = list(work.watch(job.id))[-1].job
    assert last.ended and last.succeeded


def test_a_paused_job_ends_the_watch_and_goes_on_later(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    job = work.start(order)
    assert work.pause(job.id).status == "paused"
    assert [update.job.status for update in work.watch(job.id)][-1] == "paused"
    assert work.resume(job.id).status == "queued"
    place.moves = True
    assert list(work.watch(job.id))[-1].job.status == "succeeded"


def test_failures_in_between_are_said_once_and_waited_out(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    job = work.start(order)
    place.fault("GET", JOB, status=503, times=3)
    place.fault("GET", JOB, times=2)
    place.moves = True
    updates = list(work.watch(job.id))
    notes = [update.note for update in updates if update.note]
    assert len(notes) == 2 and "failed while answering" in notes[0] and "broke off" in notes[1]
    assert updates[-1].job.status == "succeeded"


def test_a_store_that_others_write_is_waited_out(
    work: FineTuning, frozen: Frozen, place: TuningPlace
) -> None:
    job = work.start(work.order(frozen, place="local", model="responder"))
    busy = (
        "Another process is writing to this store of fine-tuning jobs: wait for it to finish and try again."
    )
    place.fault("GET", JOB, status=503, code="busy", message=busy)
    place.moves = True
    updates = list(work.watch(job.id))
    assert [update.note for update in updates if update.note] == [busy]
    assert updates[-1].job.status == "succeeded"


def test_a_key_that_is_refused_is_not_waited_out(work: FineTuning, order: Order, place: TuningPlace) -> None:
    job = work.start(order)
    place.fault("GET", JOB, status=401, code="invalid_api_key")
    with pytest.raises(ProviderError, match="refused the key"):
        list(work.watch(job.id))


def test_a_job_that_three_looks_do_not_find_is_lost(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    job = work.start(order)
    kept = place.jobs.pop(job.id)
    watched = work.watch(job.id)
    place.fault("GET", JOB, hook=lambda: place.jobs.setdefault(job.id, kept), status=404)
    assert next(watched).job.status == "validating_files"  # one miss is no loss
    del place.jobs[job.id]
    updates: list[Update] = list(watched)
    assert (updates[-1].job.status, updates[-1].job.ended) == ("lost", True)
    assert "finetune again" in (updates[-1].job.problem or "")
    assert work.ledger.all()[0].misses == 3


def test_looks_grow_apart_and_come_close_again_with_news(
    work: FineTuning, order: Order, place: TuningPlace, clock: Clock
) -> None:
    job = work.start(order)
    clock.slept.clear()

    def move(seconds: float) -> None:
        clock.slept.append(seconds)
        if len(clock.slept) == 12:
            place.step(job.id, status="running")
        if len(clock.slept) == 14:
            place.finish(job.id)

    list(replace(work, sleep=move).watch(job.id))
    assert clock.slept[0] == 5.0 and clock.slept[11] == 60.0 and clock.slept[12] == 5.0
    assert clock.slept[:12] == sorted(clock.slept[:12])


def test_a_local_job_that_stands_still_wakes_its_queue(
    work: FineTuning, frozen: Frozen, place: TuningPlace
) -> None:
    """The process that works it may have been killed, and nobody else looks after it."""
    woken: list[int] = []

    def wake() -> None:
        woken.append(1)
        place.finish(job.id)

    job = work.start(work.order(frozen, place="local", model="responder"))
    assert list(replace(work, wake=wake).watch(job.id))[-1].job.status == "succeeded"
    assert woken == [1]


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=60))
def test_an_interval_keeps_its_bounds(looks: list[tuple[bool, float]]) -> None:
    chances = iter([chance for _, chance in looks])
    interval = Interval(5.0, 60.0, lambda: next(chances))
    for news, chance in looks:
        waited = interval.next(news=news)
        assert 5.0 * 0.8 <= waited <= 60.0 * 1.2
        assert not news or waited == pytest.approx(5.0 * (0.8 + 0.4 * chance))


def test_a_job_made_by_other_means_is_watched_too(work: FineTuning, order: Order, place: TuningPlace) -> None:
    client = work.connect("openai").client
    file = client.files.create(file=("rows.jsonl", b"{}\n"), purpose="fine-tune")
    theirs = client.fine_tuning.jobs.create(model="gpt-x", training_file=file.id)
    with pytest.raises(TuningNotFoundError):
        work.job("ftjob-nowhere", place="openai")
    seen = work.job(theirs.id, place="openai")
    assert (seen.model, seen.dataset, seen.recipe is not None) == ("gpt-x", "", True)
    place.moves = True
    assert list(work.watch(theirs.id))[-1].job.status == "succeeded"
    with pytest.raises(TuningNotFoundError, match="No frozen dataset"):
        work.again(theirs.id)


def test_ours_that_somebody_adopted_is_one_job(work: FineTuning, order: Order, place: TuningPlace) -> None:
    """Its sender died before it heard of it, and a person watches what he sees at the place."""
    place.fault("POST", "/fine_tuning/jobs", after=True)
    place.fault("GET", "/fine_tuning/jobs", status=500, times=99)
    with pytest.raises(Exception, match="not known yet"):
        work.start(order)
    place._faults.clear()
    job_id = next(iter(place.jobs))
    seen = work.job(job_id, place="openai")
    assert (seen.dataset, len(work.ledger.all())) == (order.data.hash, 1)


def test_cancel_pause_and_resume_are_refused_for_what_has_ended(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    job = work.start(order)
    place.finish(job.id)
    for ask in (work.cancel, work.pause, work.resume):
        with pytest.raises(TuningStateError, match="cannot do that"):
            ask(job.id)


def test_a_list_finds_out_what_became_of_an_order_that_broke_off(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    entry = work.ledger.write(order, account=work.connect("openai").account, accepted=True)
    work.ledger.change(
        entry.tag, state="creating", creating_at=1.0, training_file="file-x"
    )  # then it was killed
    assert [job.status for job in work.jobs(refresh=True) if job.tag] == ["not sent"]
    assert "sends it" in (work.jobs()[0].problem or "")


@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "base64"])
def test_results_are_the_csv(work: FineTuning, order: Order, place: TuningPlace, encoded: bool) -> None:
    import base64

    job = work.start(order)
    with pytest.raises(TuningStateError, match="no results file yet"):
        work.results(job.id)
    place.finish(job.id)
    if encoded:
        place.contents[place.jobs[job.id]["result_files"][0]] = base64.b64encode(RESULTS)
    assert work.results(job.id) == RESULTS


def test_checkpoints_come_with_their_figures(work: FineTuning, order: Order) -> None:
    found = work.checkpoints(work.start(order).id)
    assert [(one.step, one.metrics) for one in found] == [
        (20, {"train_loss": 1.5, "full_valid_loss": 1.7}),
        (10, {"train_loss": 1.5, "full_valid_loss": 1.7}),
    ]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        pytest.param({"created_at": "2026-11-22T10:00:00Z"}, {"model": "gpt-4.1-mini-2025-04-14"}, id="time as text"),
        pytest.param({"trained_tokens": "many", "seed": None}, {"trained_tokens": None, "seed": None}, id="no numbers"),
        pytest.param({"error": {}, "result_files": None}, {"error": None, "result_files": ()}, id="nulls"),
        pytest.param({"metadata": ["x"], "hyperparameters": None}, {"metadata": {}}, id="other types"),
        pytest.param({"error": {"code": "c", "message": "m"}}, {"error": {"code": "c", "message": "m", "param": None}},
                     id="an error"),
    ],
)  # fmt: skip
def test_fields_of_another_type_are_not_there(
    work: FineTuning, order: Order, place: TuningPlace, changes: dict[str, Any], shown: dict[str, Any]
) -> None:
    job = work.start(order)
    place.step(job.id, **changes)
    work.ledger.change(job.tag or "", checked_at=0.0)
    seen = work.job(job.id)
    assert {name: getattr(seen, name) for name in shown} == shown


def test_a_place_that_repeats_its_pages_is_not_read_for_ever(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    job = work.start(order)
    place.fault("GET", f"{JOB}/events", times=50, raw=_page(place, job.id))
    assert len(work.events(job.id)) == 1
    assert len(place.requests("GET", f"{JOB}/events")) <= 3


def test_jobs_are_named_by_the_beginning_of_their_id(work: FineTuning, order: Order) -> None:
    first, second = work.start(order), work.start(replace(order, model="other"))
    with pytest.raises(TuningNotFoundError, match="2 jobs begin with"):
        work.job("ftjob-0000")
    assert work.job(second.id).model == "other"
    assert work.job((first.tag or "")[:9]).id == first.id
