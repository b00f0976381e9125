"""Several hands, late lists, changed keys: an order is still paid once, and no job that runs is called lost."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from errors import ProviderError, SettingsError, TuningBusyError, TuningError
from finetune.providers.fine_tuning import FineTuning
from finetune.providers.orders import Order
from tests.finetune.providers.conftest import Clock, connecting
from tests.loopback.tuning_server import TuningPlace

JOBS = "/fine_tuning/jobs"
NOTHING_YET = b'{"object": "list", "data": [], "has_more": false}'
SOON_S = 10.0


def made_unheard(work: FineTuning, order: Order, place: TuningPlace) -> str:
    """The tag of an order whose job is at the place, though nobody heard of it; the list shows it a little later."""
    place.fault("POST", JOBS, after=True)
    place.fault("GET", JOBS, status=503, times=99)
    with pytest.raises(TuningError, match="not known yet"):
        work.start(order)
    place._faults.clear()
    place.fault("GET", JOBS, raw=NOTHING_YET, times=2)  # by the filter, and the whole list
    (entry,) = work.ledger.all()
    assert work.job(entry.tag).status == "not sent"
    return entry.tag


def test_a_list_that_lagged_behind_is_looked_at_again_before_anything_is_sent(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    job = work.resume(made_unheard(work, order, place))
    assert list(place.jobs) == [job.id]
    assert len(place.requests("POST", JOBS)) == 1


def test_the_same_order_finds_it_too(work: FineTuning, order: Order, place: TuningPlace) -> None:
    made_unheard(work, order, place)
    assert list(place.jobs) == [work.start(order).id]


def test_what_was_made_unheard_is_cancelled_where_it_is(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    job = work.cancel(made_unheard(work, order, place))
    assert job.status == "cancelled"
    assert [one["status"] for one in place.jobs.values()] == ["cancelled"]


def test_an_order_that_is_being_sent_is_not_said_to_be_given_up(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    said: list[Exception] = []

    def give_up() -> None:
        try:
            work.cancel(work.ledger.all()[0].tag)
        except TuningBusyError as error:
            said.append(error)

    place.fault("POST", "/files", after=True, status=500, hook=give_up)
    with pytest.raises(ProviderError):
        work.start(order)
    assert len(said) == 1
    assert work.start(order).id in place.jobs


def test_an_order_given_several_times_at_once_is_one(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    others, at_once, busy = 5, threading.Barrier(6), threading.Semaphore(0)
    broke_off: list[Order] = []

    def wait_for_the_others() -> None:
        for _ in range(others):
            assert busy.acquire(timeout=SOON_S)

    def start() -> None:
        at_once.wait(SOON_S)
        try:
            work.start(order)
        except TuningBusyError:
            busy.release()
        except ProviderError:
            broke_off.append(order)

    place.fault("POST", "/files", status=500, hook=wait_for_the_others)
    threads = [threading.Thread(target=start) for _ in range(others + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
    assert (len(work.ledger.all()), len(broke_off)) == (1, 1)


def test_another_accounts_key_loses_no_job(
    work: FineTuning, order: Order, place: TuningPlace, clock: Clock
) -> None:
    """Three looks with it would have said that the job, which is trained and billed, is lost."""
    job = work.start(order)
    other = replace(work, connect=connecting(place.url, key="sk-another-0987654321fedcba"))
    for _ in range(3):
        place.fault("GET", f"{JOBS}/{job.id}", status=404, code="not_found")
        clock.now += 60.0
        assert "set those again" in (other.job(job.id).problem or "")
    place.fault("GET", f"{JOBS}/{job.id}", status=404, code="not_found")
    with pytest.raises(SettingsError, match="another address or key"):
        list(other.watch(job.id))
    assert work.ledger.all()[0].state == "sent"
    assert work.job(job.id).status == "validating_files"
