"""A chat model's word on the answers of a run, asked for during the run or any time later.

run = judge_run(workspace, run, judge_of(workspace, run), budget=2.0)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from app.evaluating import evaluations, questions_of, spending
from errors import SettingsError

if TYPE_CHECKING:
    import threading

    from app.workspace import Workspace
    from chains.limits import Budget
    from evaluation.judged_answers import Judgement
    from evaluation.judging import KnownQuestion
    from evaluation.run_store import Run, RunStore

__all__ = ["judge_of", "judge_run"]


def judge_of(workspace: Workspace, run: Run) -> str:
    """The id of the model that judges where none is named: the run's own judge, the settings', the chat model.

    Raises SettingsError where there is none of them, ProviderError where the server that should name one fails.
    """
    named = run.facts.get("judge") or run.facts.get("judge_asked") or workspace.settings.judge_model.value
    if named:
        return str(named)
    chat = workspace.connections.chat()
    if chat is None:
        raise SettingsError(
            "No chat model is connected that could judge: set OPENAI_API_KEY or OPENAI_BASE_URL, then name it with "
            "--judge."
        )
    return chat.model_id


def judge_run(
    workspace: Workspace,
    run: Run,
    model_id: str,
    *,
    budget: Budget | float | None = None,
    workers: int | None = None,
    stop: threading.Event | None = None,
    on_judged: Callable[[Judgement], None] | None = None,
) -> Run:
    """Has a chat model judge what was answered and not judged by it yet; facts["judge"] names it.

    Judgements and what they cost are kept as they come: one that was killed goes on. Another judge begins anew.
    `budget`: the run's own, so that both spend from one. Where it is spent the rest stays unjudged, and
    facts["judge_stopped"] says so. Raises SettingsError for a model that cannot judge, EvaluationBusyError where
    the run is under way.
    """
    from evaluation.judged_answers import judge_all

    model = workspace.judge(model_id).with_budget(spending(workspace, budget))
    store = evaluations(workspace)
    with store.held(run.id):
        run = store.run(run.id)
        questions = {one.id: one for one in questions_of(workspace, run).questions}
        kept = _Judgements(store, run, model.model_id, questions, on_judged)
        found = judge_all(
            questions,
            store.outcomes(run.id),
            model,
            keep=kept.keep,
            stop=stop,
            workers=workers or run.facts.get("workers", 1),
        )
        return kept.tell(
            not_judged=found.failed + found.left, judge_stopped=found.stopped, judge_failed=found.why
        )


class _Judgements:
    """What a judge has said of a run so far, kept judgement by judgement with what they cost."""

    def __init__(
        self,
        store: RunStore,
        run: Run,
        model_id: str,
        questions: Mapping[str, KnownQuestion],
        on_judged: Callable[[Judgement], None] | None,
    ) -> None:
        from evaluation.judged_answers import judgeable

        self._store, self._run, self._on_judged = store, run, on_judged
        if run.facts.get("judge") != model_id:
            self._forget()
        left = len(judgeable(questions, store.outcomes(run.id)))
        self.tell(judge=model_id, not_judged=left, judge_stopped="", judge_failed="")

    def _forget(self) -> None:
        """Another judge's word is not this one's: what was said before is not mixed in."""
        from evaluation.outcomes import JUDGED

        for one in self._store.outcomes(self._run.id):
            if JUDGED in one.scores:
                own = {name: value for name, value in one.scores.items() if name != JUDGED}
                self._store.put(self._run.id, replace(one, scores=own))
        self.tell(judge_cost_usd=0.0)

    def keep(self, one: Judgement) -> None:
        if one.outcome is not None:
            self._store.put(self._run.id, one.outcome)
        facts = self._run.facts
        self.tell(
            judge_cost_usd=_sum(facts.get("judge_cost_usd", 0.0), one.cost_usd),
            not_judged=facts["not_judged"] - (one.outcome is not None),
        )
        if self._on_judged is not None:
            self._on_judged(one)

    def tell(self, **facts: object) -> Run:
        self._run = self._store.describe(self._run, {**self._run.facts, **facts})
        return self._run


def _sum(first: float | None, second: float | None) -> float | None:
    """None: a price is not known."""
    return None if first is None or second is None else first + second
