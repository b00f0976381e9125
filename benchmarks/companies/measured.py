"""Runs one invented company as its owner would: documents read, a model trained, documents changed, all modes asked.

    with server_that_knows_nothing() as server:
        found = measure(make(profile), Path("home"), server.url)
    found.truth.modes["rag"].right, winners(found.truth), found.evidence

The questions are parted: a first part is an evaluation that the company makes, and is what the advisor may see; the
other part is the truth that its advice is held against. Base mode asks a chat model on this machine that says it does
not know (of general.toml it knows everything); the three other modes have the embedded engine alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.advising import evidence_of
from app.evaluating import Plan, QuestionFile, begin, content_of_run, evaluations, questions_of
from app.evaluation_arms import arms
from app.settings import load_settings
from app.workspace import Workspace
from benchmarks.companies.made import Company, Profile, Row, general_answers, write_documents, write_rows
from chains.answer import MODES, Mode
from evaluation.advice.evidence import Evidence
from evaluation.outcomes import Outcome
from evaluation.running import Arm, run_all
from evaluation.summary import Summary, summarise
from finetune.jobs.record import TunedModel
from finetune.jobs.store import TuningStore
from finetune.trainers.responder import question_answers, train
from local.responder_files import write_taught
from tests.loopback.openai_server import LoopbackServer, serve_openai

__all__ = ["Measured", "if_its_source_is_shown", "measure", "server_that_knows_nothing", "winners"]

KB = "company"
EVALUATED = 0.4  # share of the questions that the company's own evaluation asks
NOT_KNOWN = "I do not know that: I have not seen this company's documents."


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    profile: Profile
    evidence: Evidence  # what the company's own evaluation showed
    truth: Summary  # the other questions, an answer without its source aside where the profile wants one
    not_run: Mapping[Mode, str]  # and why
    outcomes: tuple[Outcome, ...]  # behind `truth`


@contextmanager
def server_that_knows_nothing() -> Iterator[LoopbackServer]:
    with serve_openai(answer=_reply, models=("knows-nothing",), keep_alive=True) as server:
        yield server


def _reply(body: Mapping[str, Any]) -> str:
    return general_answers().get(body["messages"][-1]["content"].strip(), NOT_KNOWN)


def winners(truth: Summary) -> tuple[Mode, ...]:
    """The mode with most right, and those of which no difference from it is shown."""
    return (truth.best, *truth.ties) if truth.best else ()


def measure(
    company: Company,
    home: Path,
    chat_url: str | None,
    *,
    models: Path | None = None,
    evaluated: float = EVALUATED,
) -> Measured:
    """`home`: a new folder. `chat_url` None: base mode is not run. `models`: a built graph of the embedding model.

    `evaluated`: share of the questions that the company's own evaluation asks.
    """
    home.mkdir(parents=True)
    if models is not None:
        (home / "models").symlink_to(models.absolute(), target_is_directory=True)
    workspace = _workspace(home, GROUNDTUNE_OFFLINE="1")
    talking = _workspace(home, OPENAI_BASE_URL=chat_url) if chat_url else None
    try:
        _set_up(workspace, company, home)
        ready, missing = _arms(workspace, talking)
        runs = _runs(
            workspace, company.questions, round(evaluated * len(company.questions)), home, ready, missing
        )
        return _measured(workspace, company.profile, runs, ready, missing)
    finally:
        workspace.close()
        if talking is not None:
            talking.close()


def _workspace(home: Path, **settings: str) -> Workspace:
    """By these settings alone, whatever the environment and a `.env` say."""
    return Workspace(load_settings({"GROUNDTUNE_HOME": str(home), **settings}, dotenv_path=home / ".env"))


def _set_up(workspace: Workspace, company: Company, home: Path) -> None:
    """What was true is read and taught; then the documents change, and are read again."""
    folder = home / "documents"
    base = workspace.create_knowledge_base(KB)
    write_documents(company.documents_then, folder)
    base.ingest([folder])
    if company.training:
        write_rows(company.training, home / "training.jsonl")
        _teach(workspace, home / "training.jsonl", home / "tenants" / "default" / "tuning")
    if company.documents_now != company.documents_then:
        write_documents(company.documents_now, folder)
        base.ingest([folder])


def _teach(workspace: Workspace, rows: Path, root: Path) -> None:
    pairs, left_out = question_answers(map(json.loads, rows.read_text("utf-8").splitlines()))
    assert not left_out
    folder = root / "models" / "1"
    write_taught(folder, train(pairs, workspace.encoder))
    store = TuningStore(root)
    store.models.add(
        TunedModel(
            id="ft:responder:groundtune:company:1",
            job_id="ftjob-1",
            base="responder",
            trainer="responder",
            folder=str(folder),
            created_at=1.0,
        )
    )
    store.close()


def _arms(workspace: Workspace, talking: Workspace | None) -> tuple[list[Arm], dict[Mode, str]]:
    """Base by the workspace with a chat model, all else by the embedded engine."""
    embedded: tuple[Mode, ...] = ("rag", "finetuned", "hybrid")
    ready, missing = arms(workspace, embedded, KB, k=5, budget=None)
    own, without = arms(talking or workspace, ("base",), KB, k=5, budget=None)
    return [*own, *ready], {**without, **missing}


def _runs(
    workspace: Workspace,
    questions: Sequence[Row],
    cut: int,
    home: Path,
    ready: Sequence[Arm],
    missing: Mapping[Mode, str],
) -> tuple[str, str]:
    """Of the company's evaluation and of the truth."""
    names = []
    for name, rows in (("evaluation", questions[:cut]), ("truth", questions[cut:])):
        write_rows(rows, home / f"{name}.jsonl")
        names.append(_run(workspace, home / f"{name}.jsonl", ready, missing))
    return names[0], names[1]


def _measured(
    workspace: Workspace,
    profile: Profile,
    runs: tuple[str, str],
    ready: Sequence[Arm],
    missing: Mapping[Mode, str],
) -> Measured:
    evaluation, truth = runs
    content = content_of_run(workspace, truth)
    outcomes = [if_its_source_is_shown(one) if profile.sources else one for one in content.outcomes]
    questions = list(content.questions.values())
    return Measured(
        profile=profile,
        evidence=evidence_of(workspace, evaluation),
        truth=summarise(questions, outcomes, [arm.mode for arm in ready]),
        not_run=missing,
        outcomes=tuple(outcomes),
    )


def _run(workspace: Workspace, questions: Path, ready: Sequence[Arm], missing: Mapping[Mode, str]) -> str:
    """The run's id."""
    run = begin(workspace, Plan(sets=(QuestionFile(path=questions),), modes=MODES, knowledge_base=KB))
    store = evaluations(workspace)
    asked = {**run.facts, "modes": [arm.mode for arm in ready], "not_run": dict(missing)}
    run = store.describe(run, asked)
    known = questions_of(workspace, run).questions
    return run_all(known, ready, store=store, run=run, encoder=workspace.encoder).id


def if_its_source_is_shown(outcome: Outcome) -> Outcome:
    """Wrong where it is given without a citation; a refusal needs none."""
    cited = outcome.answer is not None and bool(outcome.answer.get("citations"))
    return replace(outcome, verdict="wrong") if outcome.verdict == "right" and not cited else outcome
