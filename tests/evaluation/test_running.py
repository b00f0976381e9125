"""Putting every question to every mode: errors counted, answers kept and taken over, a ceiling, a stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chains.answer import Mode
from errors import EvaluationBusyError, EvaluationNotFoundError, ProviderError, SpendingLimitError
from evaluation.outcomes import Outcome
from evaluation.run_store import Run, RunStore
from evaluation.running import Arm, key_of, run_all
from tests.evaluation.made import Told, answer, gold, outcome, question

QUESTIONS = [question(f"q{number}") for number in range(6)]
TEXTS = [one.text for one in QUESTIONS]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    made = RunStore(tmp_path / "runs")
    yield made
    made.close()


def arm(chain: Told, mode: Mode = "rag", identity: str = "one") -> Arm:
    return Arm(mode=mode, chain=chain, identity=identity)


def begun(store: RunStore) -> Run:
    return store.begin({"modes": ["rag"]})


def verdicts(store: RunStore, run: Run) -> dict[tuple[str, str], str]:
    return {(one.question, one.mode): one.verdict for one in store.outcomes(run.id)}


def six(_text: str) -> str:
    return "six"


@pytest.mark.parametrize("workers", [1, 4])
def test_every_question_in_every_mode_once(store: RunStore, workers: int) -> None:
    first, second = Told(six), Told(six, "hybrid")
    seen: list[Outcome] = []
    run = begun(store)
    found = run_all(
        QUESTIONS, [arm(first), arm(second, "hybrid")], store=store, run=run, workers=workers,
        on_outcome=seen.append,
    )  # fmt: skip
    assert found.state == store.run(run.id).state == "done"
    assert set(verdicts(store, run).values()) == {"right"}
    assert len(verdicts(store, run)) == len(seen) == 12
    assert sorted(first.asked) == sorted(second.asked) == sorted(one.text for one in QUESTIONS)


def test_a_failure_is_tried_once_more_and_then_counted(store: RunStore) -> None:
    failures = iter([ProviderError("Away for a moment.")])

    def said(text: str) -> Any:
        if "q1" in text:
            return ProviderError("The server is away.")
        return next(failures, "six") if "q2" in text else "six"

    chain, run = Told(said), begun(store)
    run_all(QUESTIONS, [arm(chain)], store=store, run=run)
    found = {one.question: one for one in store.outcomes(run.id)}
    assert (found["q1"].verdict, found["q1"].error, found["q1"].tries) == ("error", "The server is away.", 2)
    assert (found["q2"].verdict, found["q2"].tries) == ("right", 2)
    assert len(chain.asked) == 6 + 2


def test_errors_are_asked_again_when_the_run_goes_on_and_nothing_else_is(store: RunStore) -> None:
    away = {"on": True}
    chain = Told(lambda text: ProviderError("Away.") if away["on"] and "q1" in text else "six")
    run = begun(store)
    run_all(QUESTIONS, [arm(chain)], store=store, run=run)
    chain.asked.clear()
    away["on"] = False
    run_all(QUESTIONS, [arm(chain)], store=store, run=run)
    assert chain.asked == [QUESTIONS[1].text]
    assert set(verdicts(store, run).values()) == {"right"}


def test_answers_are_taken_over_by_another_run_of_the_same(store: RunStore) -> None:
    run_all(QUESTIONS, [arm(Told(six))], store=store, run=begun(store))
    chain, run = Told(six), begun(store)
    run_all(QUESTIONS, [arm(chain)], store=store, run=run)
    assert chain.asked == []
    assert len(store.outcomes(run.id)) == 6


def test_what_is_taken_over_says_so(store: RunStore) -> None:
    runs = [begun(store), begun(store)]
    for run in runs:
        run_all(QUESTIONS, [arm(Told(six))], store=store, run=run)
    assert [{one.taken_over for one in store.outcomes(run.id)} for run in runs] == [{False}, {True}]


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        pytest.param({"answers": ("seven",)}, "wrong", id="another answer is right"),
        pytest.param({"answerable": False, "answers": ()}, "wrong", id="the documents do not answer it"),
        pytest.param({"answers": ("six", "6")}, "right", id="one more wording"),
    ],
)
def test_an_answer_is_judged_anew_and_not_asked_again_where_something_else_is_right(
    store: RunStore, change: dict[str, Any], verdict: str
) -> None:
    run_all([question()], [arm(Told(six))], store=store, run=begun(store))
    chain, run = Told(six), begun(store)
    run_all([question(**change)], [arm(chain)], store=store, run=run)
    assert chain.asked == []
    assert verdicts(store, run) == {("q1", "rag"): verdict}
    (found,) = store.outcomes(run.id)
    assert (found.taken_over, found.key) == (True, key_of(question(**change), arm(chain)))


def test_errors_are_never_taken_over(store: RunStore) -> None:
    run_all(QUESTIONS[:1], [arm(Told(lambda _: ProviderError("Away.")))], store=store, run=begun(store))
    chain = Told(six)
    run_all(QUESTIONS[:1], [arm(chain)], store=store, run=begun(store))
    assert len(chain.asked) == 1


def test_fresh_asks_everything(store: RunStore) -> None:
    run_all(QUESTIONS, [arm(Told(six))], store=store, run=begun(store))
    chain = Told(six)
    run_all(QUESTIONS, [arm(chain)], store=store, run=begun(store), fresh=True)
    assert len(chain.asked) == 6


def test_what_changed_is_asked_again_in_the_same_run_too(store: RunStore) -> None:
    run = begun(store)
    run_all(QUESTIONS, [arm(Told(six))], store=store, run=run)
    chain = Told(lambda _: "seven")
    run_all(QUESTIONS, [arm(chain, identity="another model")], store=store, run=run)
    assert len(chain.asked) == 6
    assert set(verdicts(store, run).values()) == {"wrong"}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"text": "Another?"}, id="the words"),
        pytest.param({"answers": ("seven",)}, id="what is right"),
        pytest.param({"answerable": False}, id="whether it can be answered"),
        pytest.param({"reference": "six days"}, id="the reference"),
        pytest.param({"documents": ("a.md",)}, id="its documents"),
        pytest.param({"gold": (gold("a.md", "six"),)}, id="its place"),
    ],
)
def test_the_key_changes_with_the_question(change: dict[str, Any]) -> None:
    here = arm(Told(six))
    assert key_of(question(**change), here) != key_of(question(), here)
    assert key_of(question(tags=("x",), group="g", place="file, line 3"), here) == key_of(question(), here)


def test_a_spent_budget_ends_the_run_and_keeps_what_was_answered(store: RunStore) -> None:
    chain = Told(lambda text: SpendingLimitError("The budget is spent.") if "q3" in text else "six")
    run = begun(store)
    found = run_all(QUESTIONS, [arm(chain)], store=store, run=run)
    assert found.state == store.run(run.id).state == "out of budget"
    assert [one.question for one in store.outcomes(run.id)] == ["q0", "q1", "q2"]
    assert len(chain.asked) == 4  # not one more
    assert store.run(run.id).facts["spent"] == "The budget is spent."
    again = run_all(QUESTIONS, [arm(Told(six))], store=store, run=store.run(run.id))
    assert (again.state, store.run(run.id).facts["spent"]) == ("done", "")


def test_a_stop_leaves_the_rest_for_later(store: RunStore) -> None:
    stop, run = threading.Event(), begun(store)
    found = run_all(
        QUESTIONS, [arm(Told(six))], store=store, run=run, stop=stop, on_outcome=lambda _: stop.set()
    )
    assert found.state == "stopped"
    left = len(store.outcomes(run.id))
    assert 1 <= left < 6
    assert run_all(QUESTIONS, [arm(Told(six))], store=store, run=run).state == "done"


def test_an_interruption_is_no_lost_run(store: RunStore) -> None:
    def interrupted(_outcome: Outcome) -> None:
        raise KeyboardInterrupt

    run = begun(store)
    with pytest.raises(KeyboardInterrupt):
        run_all(QUESTIONS, [arm(Told(six))], store=store, run=run, on_outcome=interrupted)
    assert store.run(run.id).state == "stopped"
    assert len(store.outcomes(run.id)) == 1


def test_times_and_likeness_are_measured(store: RunStore) -> None:
    class Same:
        def encode(self, texts: Sequence[str]) -> Any:
            return np.array([[1.0, 0.0], [0.6, 0.8]])[: len(texts)]

    times = iter(float(number) for number in range(100))
    run = begun(store)
    run_all(QUESTIONS[:1], [arm(Told(six))], store=store, run=run, encoder=Same(), clock=lambda: next(times))
    (found,) = store.outcomes(run.id)
    assert found.scores["similarity"] == pytest.approx(0.6)
    assert found.first_text_s == 1.0
    assert found.seconds == 2.0


# --- the store ------------------------------------------------------------------------------------


def test_runs_are_found_by_the_beginning_of_their_name(store: RunStore) -> None:
    run = begun(store)
    assert store.run(run.id[:-2]).id == run.id
    begun(store)
    for name in ("run-", "nothing", ""):
        with pytest.raises(EvaluationNotFoundError):
            store.run(name)


def test_a_removed_run_is_gone_with_its_answers(store: RunStore) -> None:
    run = begun(store)
    store.put(run.id, outcome("q1"))
    store.remove(run.id)
    assert store.runs() == []
    assert store.cached("rag-q1") is None


def test_text_that_is_none_is_kept_readable(store: RunStore) -> None:
    run = begun(store)
    run_all(QUESTIONS[:1], [arm(Told(lambda _: "six \ud800 days"))], store=store, run=run)
    (found,) = store.outcomes(run.id)
    assert (found.text, found.verdict) == ("six ? days", "right")


def test_a_run_under_way_is_not_gone_on_with_elsewhere_nor_removed(store: RunStore) -> None:
    run = begun(store)
    assert store.run(run.id).state == "stopped"  # nobody is at it
    with store.held(run.id):
        assert store.run(run.id).state == store.runs()[0].state == "running"
        chain = Told(six)
        for refused in (
            lambda: run_all(QUESTIONS, [arm(chain)], store=store, run=run),
            lambda: store.remove(run.id),
        ):
            with pytest.raises(EvaluationBusyError, match=f"{run.id} is under way in process {os.getpid()}"):
                refused()
        assert chain.asked == []
    assert run_all(QUESTIONS, [arm(chain)], store=store, run=run).state == "done"


def test_whoever_looks_at_the_runs_keeps_nobody_from_going_on(store: RunStore) -> None:
    run, over = begun(store), threading.Event()

    def looking() -> None:
        while not over.is_set():
            store.runs()

    watchers = [threading.Thread(target=looking) for _ in range(3)]
    for one in watchers:
        one.start()
    try:
        for _ in range(10):
            assert run_all(QUESTIONS[:1], [arm(Told(six))], store=store, run=run, fresh=True).state == "done"
    finally:
        over.set()
        for one in watchers:
            one.join(30)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["right", "wrong", "error"])), max_size=12))
def test_the_store_holds_the_last_of_each(store: RunStore, puts: list[tuple[str, Any]]) -> None:
    run = begun(store)
    for name, verdict in puts:
        store.put(run.id, outcome(name, verdict=verdict, key=f"{run.id}-{name}"))
    assert {one.question: one.verdict for one in store.outcomes(run.id)} == dict(puts)
    for name, verdict in dict(puts).items():
        assert (store.cached(f"{run.id}-{name}") is None) == (verdict == "error")


KILLED = """
import sys, time
from pathlib import Path
from evaluation.run_store import RunStore
from evaluation.running import Arm, run_all
from tests.evaluation.made import Told, question

def said(text):
    time.sleep(0.02)
    return "six"

store = RunStore(Path(sys.argv[1]))
run = store.begin({"modes": ["rag"]})
print(run.id, flush=True)
run_all([question(f"q{n}") for n in range(400)], [Arm(mode="rag", chain=Told(said), identity="one")],
        store=store, run=run, workers=2, on_outcome=lambda one: print(one.question, flush=True))
"""


def test_a_killed_run_keeps_what_it_said_and_goes_on(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ["PYTHONPATH"]])},
    )
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    told = [child.stdout.readline().strip() for _ in range(20)]
    other = RunStore(tmp_path)
    with pytest.raises(EvaluationBusyError, match=f"process {child.pid}"):
        run_all([question("q1")], [arm(Told(six))], store=other, run=other.run(name))
    other.close()
    child.send_signal(signal.SIGKILL)
    told += child.stdout.read().split()
    child.stdout.close()
    child.wait(30)
    store = RunStore(tmp_path)
    run = store.run(name)
    assert run.state == "stopped"  # nobody is at it any more
    kept = {one.question for one in store.outcomes(name)}
    assert set(told[:-1]) <= kept
    chain = Told(six)
    questions = [question(f"q{number}") for number in range(400)]
    assert run_all(questions, [arm(chain)], store=store, run=run, workers=2).state == "done"
    assert len(chain.asked) == 400 - len(kept)
    assert len(store.outcomes(name)) == 400
    store.close()


def test_two_runs_at_a_time_do_not_mix(store: RunStore) -> None:
    runs = [begun(store), begun(store)]
    threads = [
        threading.Thread(
            target=run_all, args=(QUESTIONS, [arm(Told(dict.fromkeys(TEXTS, said)), identity=said)]),
            kwargs={"store": store, "run": run},
        )
        for run, said in zip(runs, ("six", "seven"), strict=True)
    ]  # fmt: skip
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert [set(verdicts(store, run).values()) for run in runs] == [{"right"}, {"wrong"}]


def test_no_more_are_begun_than_there_are_workers(store: RunStore) -> None:
    gate, stop, run = threading.Event(), threading.Event(), begun(store)
    chain = Told(six, wait=gate)
    thread = threading.Thread(
        target=run_all, args=(QUESTIONS, [arm(chain)]),
        kwargs={"store": store, "run": run, "workers": 2, "stop": stop},
    )  # fmt: skip
    thread.start()
    deadline = time.monotonic() + 30
    while len(chain.asked) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    stop.set()
    gate.set()
    thread.join(30)
    assert len(chain.asked) == 2
    assert len(store.outcomes(run.id)) == 2


def test_an_answer_that_refuses_is_an_outcome(store: RunStore) -> None:
    run = begun(store)
    run_all(QUESTIONS[:1], [arm(Told(lambda _: answer("", abstained=True)))], store=store, run=run)
    assert verdicts(store, run) == {("q0", "rag"): "missed"}


def test_verdicts_by_other_rules_are_not_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    here = arm(Told(six))
    before = key_of(question(), here)
    monkeypatch.setattr("evaluation.running.SCORING", 10**6)
    assert key_of(question(), here) != before
