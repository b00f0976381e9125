"""Processes that are killed while they send an order: whatever the moment, the job is made once and paid once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from finetune.providers.fine_tuning import FineTuning
from finetune.providers.ledger import Ledger
from finetune.providers.orders import Order
from loaders.database import Database
from tests.finetune.providers.conftest import Clock, connecting
from tests.loopback.tuning_server import TuningPlace

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def in_a_process(work: FineTuning, task: Callable[[FineTuning], None]) -> int:
    """The status of a process that does it with a ledger and a client of its own."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        task(replace(work, ledger=Ledger(work.ledger.folder, clock=Clock())))
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the child ends here, whatever it met
        os._exit(1)


def killed_before_write(number: int, work: FineTuning, order: Order) -> int:
    """Killed just before the ledger is written for the n-th time: after the last thing that was said on the wire."""

    def task(own: FineTuning) -> None:
        left, write = number, Database.write

        @contextmanager
        def counted(self: Database) -> Iterator[Any]:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            with write(self) as connection:
                yield connection

        Database.write = counted  # type: ignore[method-assign]  # in the child alone
        own.start(order)

    return in_a_process(work, task)


@pytest.mark.parametrize(
    ("number", "keeps_metadata"), [*((number, True) for number in range(1, 9)), (7, False), (8, False)]
)
def test_killed_between_any_two_lines_of_the_ledger(
    work: FineTuning, order: Order, place: TuningPlace, number: int, keeps_metadata: bool
) -> None:
    place.keeps_metadata = keeps_metadata
    assert killed_before_write(number, work, order) == -signal.SIGKILL
    job = work.start(order)
    assert list(place.jobs) == [job.id]
    assert len(place.files) == 2
    assert {place.jobs[job.id]["training_file"], place.jobs[job.id]["validation_file"]} == set(place.files)
    assert [entry.state for entry in work.ledger.all()] == ["sent"]


def test_there_is_no_later_line(work: FineTuning, order: Order, place: TuningPlace) -> None:
    """Else the test above would leave a moment out."""
    assert killed_before_write(9, work, order) == 0
    assert len(place.jobs) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before it arrives", "after it arrived"])
@pytest.mark.parametrize("path", ["/files", "/fine_tuning/jobs"])
def test_killed_while_a_request_is_on_its_way(
    work: FineTuning, order: Order, place: TuningPlace, path: str, after: bool, tmp_path: Any
) -> None:
    pid = tmp_path / "pid"
    place.fault("POST", path, after=after, hook=lambda: os.kill(int(pid.read_text()), signal.SIGKILL))

    def task(own: FineTuning) -> None:
        pid.write_text(str(os.getpid()))
        own.start(order)

    assert in_a_process(work, task) == -signal.SIGKILL
    entry = work.ledger.all()[0]
    assert work.resume(entry.tag).id in place.jobs
    assert (len(place.jobs), len(place.files)) == (1, 2)


def test_killed_twice_is_no_other(work: FineTuning, order: Order, place: TuningPlace) -> None:
    for number in (3, 2, 6, 1):
        assert killed_before_write(number, work, order) == -signal.SIGKILL
    job = work.start(order)
    assert (list(place.jobs), len(place.files)) == ([job.id], 2)


def test_a_dead_senders_lock_is_nobodys(work: FineTuning, order: Order) -> None:
    entry = work.ledger.write(order, account=work.connect("openai").account, accepted=True)

    def task(own: FineTuning) -> None:
        with own.ledger.sending(entry.tag):
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_process(work, task) == -signal.SIGKILL
    with work.ledger.sending(entry.tag):
        pass


def test_many_at_once_write_one_ledger(work: FineTuning, order: Order, place: TuningPlace) -> None:
    children = []
    for number in range(4):
        child = os.fork()
        if not child:
            try:
                own = replace(work, ledger=Ledger(work.ledger.folder), connect=connecting(place.url))
                own.start(replace(order, model=f"model-{number}"))
                os._exit(0)
            except BaseException:  # noqa: BLE001 - as above
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert sorted(entry.model for entry in work.ledger.all()) == [f"model-{number}" for number in range(4)]
    assert len(place.jobs) == 4
