"""Evaluation of a workspace, composed: question sets, runs begun, gone on with and read again.

    run = begin(workspace, Plan(sets=SAMPLE_SETS, modes=MODES, knowledge_base="sample"))
    run = go_on(workspace, run, workers=4)
    content = content_of_run(workspace, run.id)

A run keeps a copy of its questions: whatever becomes of the file, the run can be read and gone on with.
"""

from __future__ import annotations

import secrets
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.evaluation_arms import arms, facts_of
from app.evaluation_leaks import taught_here
from app.model_settings import evaluation_budget
from app.workspace import SAMPLE, TENANT, Workspace
from chains.answer import MODES, Mode
from errors import EvaluationError, SettingsError

if TYPE_CHECKING:
    import threading

    from chains.limits import Budget
    from evaluation.advice.costs import Rates
    from evaluation.question_files import QuestionSet
    from evaluation.reports.content import Content
    from evaluation.run_store import Run, RunStore
    from evaluation.running import OnOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionFile:
    path: Path
    name: str | None = None  # what the set is called; None: as the file

    def read(self) -> QuestionSet:
        """Raises SettingsError for a file without a question in it."""
        from evaluation.question_files import read_question_set

        return read_question_set(self.path, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked of what."""

    sets: tuple[QuestionFile, ...]
    modes: tuple[Mode, ...] = MODES
    knowledge_base: str = SAMPLE
    k: int = 5  # passages to read
    costs: Mapping[str, float] = field(default_factory=dict)  # figures of evaluation.advice.costs.Workload


READING: frozenset[Mode] = frozenset({"rag", "hybrid"})
_EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SAMPLE_SETS = (
    QuestionFile(path=_EXAMPLES / "questions.jsonl", name="document questions"),
    QuestionFile(path=_EXAMPLES / "paraphrases.jsonl", name="taught questions"),
)


def evaluations(workspace: Workspace) -> RunStore:
    return _store(_folder(workspace))


@cache
def _store(folder: Path) -> RunStore:
    from evaluation.run_store import RunStore

    return RunStore(folder)


def read_sets(files: Sequence[QuestionFile]) -> QuestionSet:
    from evaluation.question_files import joined

    return joined([one.read() for one in files])


def begin(workspace: Workspace, plan: Plan) -> Run:
    """Raises SettingsError for a file without a question in it, or one on another knowledge base."""
    read = read_sets(plan.sets)
    strangers(workspace, plan, read)
    kept = [_kept(workspace, one) for one in plan.sets]
    taught = taught_here(workspace, plan.modes, read.questions)
    facts = {
        "question_set": read.name,
        "question_files": kept,
        "questions_sha256": read.sha256,
        "modes_asked": list(plan.modes),
        "modes": list(plan.modes),
        "k": plan.k,
        "costs": dict(plan.costs),
        "command": _command(plan),
        "taught": taught.sentence if taught else "",
        **facts_of(workspace, plan.knowledge_base),
    }
    return evaluations(workspace).begin(facts)


def strangers(workspace: Workspace, plan: Plan, read: QuestionSet) -> str | None:
    """A sentence on questions whose documents the knowledge base does not hold.

    Raises SettingsError where it holds none of any question: that is another knowledge base's file. Raises
    KnowledgeBaseNotFoundError where a mode that reads it is asked and it is not there.
    """
    from evaluation.judging import not_held

    if not READING & set(plan.modes):
        return None
    held = workspace.knowledge_base(plan.knowledge_base).documents()
    named = [one for one in read.questions if one.documents]
    missing = list(not_held(named, held))
    if not missing:
        return None
    told = f"{len(missing)} questions name documents that the knowledge base {plan.knowledge_base!r} does not hold"
    example = f"the first: {missing[0][1]!r}"
    if len(missing) == len(named):
        there = ", ".join(one.name for one in workspace.knowledge_bases())
        raise SettingsError(
            f"{told} ({example}), and no question names one that it holds: choose another knowledge base "
            f"({there}), or ingest the documents."
        )
    return f"{told} ({example}): no mode can be right there by reading."


def go_on(
    workspace: Workspace,
    run: Run,
    *,
    budget: Budget | float | None = None,
    workers: int | None = None,
    fresh: bool = False,
    stop: threading.Event | None = None,
    on_outcome: OnOutcome | None = None,
) -> Run:
    """Asks what is not answered yet. `budget`: as `spending` has it, or US dollars.

    Modes that cannot run are told in facts["not_run"]. Raises EvaluationError where none can.
    """
    from evaluation.running import run_all

    asked = run.facts
    ready, missing = arms(
        workspace,
        asked["modes_asked"],
        asked["knowledge_base"],
        k=asked["k"],
        budget=spending(workspace, budget),
    )
    if not ready:
        raise EvaluationError("None of these modes can run: " + " ".join(missing.values()))
    at_once = workers or (4 if workspace.chat_connected else 1)
    changed = {"modes": [arm.mode for arm in ready], "not_run": missing, "workers": at_once}
    store = evaluations(workspace)
    run = store.describe(run, {**asked, **changed})
    return run_all(
        questions_of(workspace, run).questions, ready, store=store, run=run, encoder=workspace.encoder,
        workers=at_once, fresh=fresh, stop=stop, on_outcome=on_outcome,
    )  # fmt: skip


def spending(workspace: Workspace, budget: Budget | float | None) -> Budget | None:
    """One budget for all that an evaluation asks, its judge too: of so many US dollars, else as the settings say."""
    from chains.limits import Budget

    if budget is None:
        return evaluation_budget(workspace.settings)
    return budget if isinstance(budget, Budget) else Budget(budget, setting="--budget", what="evaluation")


def questions_of(workspace: Workspace, run: Run) -> QuestionSet:
    """The copy that the run keeps. Raises EvaluationError where it was removed."""
    folder = _folder(workspace) / "questions"
    files = [QuestionFile(path=folder / one["kept"], name=one["name"]) for one in run.facts["question_files"]]
    gone = next((str(one.path) for one in files if not one.path.is_file()), None)
    if gone is not None:
        raise EvaluationError(f"The questions of {run.id} are gone: put {gone!r} back, or run it anew.")
    return read_sets(files)


def content_of_run(workspace: Workspace, name: str, costs: Mapping[str, object] | None = None) -> Content:
    """A stored run's report; `costs`: figures in place of those that it was begun with.

    Raises EvaluationNotFoundError, SettingsError for a figure that cannot be used, and EvaluationError where the
    run's questions are gone.
    """
    from evaluation.reports.content import content_of

    store = evaluations(workspace)
    run = store.run(name)
    questions = questions_of(workspace, run).questions
    known = {one.id for one in questions}  # not those that came twice, in runs from when these counted twice
    return content_of(
        run,
        questions,
        [one for one in store.outcomes(run.id) if one.question in known],
        rates=_rates(workspace, run),
        costs={**run.facts.get("costs", {}), **(costs or {})},
    )


def _rates(workspace: Workspace, run: Run) -> Rates:
    """Today's known prices of the models that the run asked, whatever is connected now."""
    from app.advising import rates_of_models

    models = run.facts.get("models", {})
    return rates_of_models(workspace, models.get("chat"), models.get("tuned"))


def remove_run(workspace: Workspace, name: str) -> str:
    """Its id. Questions that no other run asks go with it."""
    store = evaluations(workspace)
    run = store.run(name)
    store.remove(run.id)
    used = {one["kept"] for other in store.runs() for one in other.facts.get("question_files", ())}
    for one in run.facts.get("question_files", ()):
        if one["kept"] not in used:
            (_folder(workspace) / "questions" / one["kept"]).unlink(missing_ok=True)
    return run.id


def _folder(workspace: Workspace) -> Path:
    return workspace.settings.home.value / "tenants" / TENANT / "evaluations"


def _kept(workspace: Workspace, file: QuestionFile) -> dict[str, Any]:
    """A copy by the hash of what is in it, whole or not at all."""
    read = file.read()
    folder = _folder(workspace) / "questions"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = folder / f"{read.sha256}{file.path.suffix.lower()}"
    if not kept.is_file():
        begun = kept.with_name(f"{kept.name}.{secrets.token_hex(4)}.part")
        try:
            shutil.copyfile(file.path, begun)
            begun.replace(kept)
        except OSError as error:
            begun.unlink(missing_ok=True)
            raise EvaluationError(
                f"The questions cannot be kept in {str(folder)!r} ({error.strerror})."
            ) from error
    return {
        "name": read.name,
        "file": str(file.path.absolute()),
        "sha256": read.sha256,
        "questions": len(read.questions),
        "kept": kept.name,
    }


def _command(plan: Plan) -> str:
    """What was not said is not repeated."""
    command = ["python", "-m", "app", "evaluate", "answers"]
    if plan.sets != SAMPLE_SETS:
        command += [part for one in plan.sets for part in ("--questions", str(one.path))]
    if plan.modes != MODES:
        command += ["--modes", ",".join(plan.modes)]
    if plan.knowledge_base != SAMPLE:
        command += ["--kb", plan.knowledge_base]
    for name, figure in plan.costs.items():
        command += ["--cost", f"{name}={figure:g}"]
    return shlex.join([*command, *(["--k", str(plan.k)] if plan.k != 5 else [])])
