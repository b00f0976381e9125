"""The advisor of a workspace, composed: its newest evaluation as evidence, its models' prices, answers from a file."""

from __future__ import annotations

import datetime
import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.workspace import Workspace
from errors import EvaluationError, GroundtuneError, SettingsError

if TYPE_CHECKING:
    from evaluation.advice.consultation import Consultation
    from evaluation.advice.costs import Rates
    from evaluation.advice.evidence import Evidence
    from evaluation.run_store import Run

LOOKED_AT = 20  # runs
LARGEST_FILE = 1_000_000  # bytes of answers
UNKNOWN = ("", "?", "unknown", "not known")
UNKNOWN_WRITTEN = '"?"'
COSTS = "costs"  # the table of cost figures in a file of answers


def read_answers(path: Path) -> tuple[dict[str, object], dict[str, object]]:
    """(answers by factor, cost figures) of a .toml or .json file; cost figures stand in a table "costs".

    Raises SettingsError saying what is wrong.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise SettingsError(f"{path} is too large to be answers.")
        read = path.read_text("utf-8-sig")
        table = json.loads(read) if path.suffix.lower() == ".json" else tomllib.loads(read)
    except FileNotFoundError as error:
        raise SettingsError(
            f"There is no file {path}: python -m app advise --save {path} writes one."
        ) from error
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path} cannot be read as answers, TOML or JSON ({error}).") from error
    costs = table.pop(COSTS, {}) if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(costs, dict):
        raise SettingsError(f'{path}: write factor = level, and cost figures in a table "{COSTS}".')
    return table, costs


def write_answers(path: Path, levels: Mapping[str, int], costs: Mapping[str, object]) -> None:
    """A .toml file that `read_answers` reads, each answer with its question and the levels to choose from.

    Raises SettingsError where it cannot be written, or a cost figure is none.
    """
    from evaluation.advice.costs import workload_with
    from evaluation.advice.factors import framework
    from loaders.jsonl import write_whole

    figures = workload_with(costs).as_dict()
    with write_whole(path) as file:
        for factor in framework().factors:
            file.write(f"# {factor.question}\n")
            file.writelines(f"#   {level}  {said}\n" for level, said in enumerate(factor.levels))
            level = levels.get(factor.name)
            file.write(f"{factor.name} = {UNKNOWN_WRITTEN if level is None else level}\n\n")
        file.write(f"[{COSTS}]\n")
        file.writelines(f"{name} = {figures[name]!r}\n" for name in costs)


def levels_of(given: Mapping[str, object]) -> dict[str, int]:
    """A level, its words, or nothing that is known (None, "?", "unknown"). Raises SettingsError."""
    from evaluation.advice.factors import read_levels

    return read_levels(
        {
            name: None if isinstance(value, str) and value.strip().lower() in UNKNOWN else value
            for name, value in given.items()
        }
    )


def evidence_of(workspace: Workspace, name: str) -> Evidence:
    """Of one run, by its id. Raises EvaluationNotFoundError, and EvaluationError where its questions have changed."""
    from app.evaluating import evaluations

    return _as_of_now(workspace, evaluations(workspace).run(name))


def newest_evidence(workspace: Workspace) -> tuple[Evidence | None, str | None]:
    """Of the newest run that compares modes, and why a newer one cannot be read where it cannot."""
    from app.evaluating import evaluations

    problem = None
    for run in evaluations(workspace).runs()[:LOOKED_AT]:
        if len(run.facts.get("modes", [])) < 2:
            continue
        try:
            found = _as_of_now(workspace, run)
        except EvaluationError as error:
            problem = problem or f"A newer evaluation cannot be used: {error}"
            continue
        if found.summary.best is not None:
            return found, problem
    return None, problem


def _as_of_now(workspace: Workspace, run: Run) -> Evidence:
    from app.advising_since import changed_since

    found = _evidence(workspace, run.id, run.changed_at)
    return replace(found, since=tuple(changed_since(workspace, run.facts)))


@lru_cache(maxsize=16)
def _evidence(workspace: Workspace, run_id: str, _changed_at: float) -> Evidence:
    """Kept while the run stays as it is: the page asks for it with every press."""
    from app.evaluating import content_of_run
    from evaluation.advice.evidence import Evidence

    content = content_of_run(workspace, run_id)
    return Evidence(
        run=run_id,
        named=_named(content.run),
        summary=content.summary,
        complete=content.run.state == "done",
    )


def _named(run: Run) -> str:
    day = datetime.datetime.fromtimestamp(run.created_at).astimezone().strftime("%Y-%m-%d")
    return f"{run.id} of {day} ({run.facts.get('question_set', 'questions')})"


def advised(
    workspace: Workspace,
    levels: Mapping[str, int],
    *,
    evidence: Evidence | None,
    costs: Mapping[str, object],
    model: str | None = None,
    tuned_model: str | None = None,
) -> Consultation:
    """The whole advice in this workspace, with what the advised mode still wants here.

    Raises SettingsError for a figure that cannot be used.
    """
    from app.advising_since import wanted
    from evaluation.advice.consultation import consult

    rates = current_rates(workspace, model, tuned_model)
    as_measured = model is None and tuned_model is None
    told = consult(levels, rates=rates, evidence=evidence, costs=costs, as_measured=as_measured)
    return replace(told, wanted=tuple(wanted(workspace, told)))


def current_rates(workspace: Workspace, model: str | None = None, tuned_model: str | None = None) -> Rates:
    """Of the models named, else of those that are connected, else of the embedded engine."""
    chat = model or _connected(workspace, tuned=False)
    tuned = tuned_model or (None if model else _connected(workspace, tuned=True))
    return rates_of_models(workspace, chat, tuned)


def rates_of_models(workspace: Workspace, model: str | None, tuned_model: str | None) -> Rates:
    """Of these, and of no other; None: the embedded engine."""
    from chains.prices import load_prices
    from evaluation.advice.rates import rates_of
    from finetune.catalogue import load_catalogue

    home = workspace.settings.home.value
    return rates_of(
        model,
        tuned_model,
        load_prices(home),
        load_catalogue(home),
        today=datetime.datetime.now().astimezone().date(),
    )


def _connected(workspace: Workspace, *, tuned: bool) -> str | None:
    """Without asking a server more than it was asked already."""
    connections: Any = workspace.connections
    try:
        if tuned:
            return connections.tuned_id  # type: ignore[no-any-return]
        found = connections.chat()
    except GroundtuneError:
        return None
    return found.model_id if found else None
