"""python -m app evaluate support claims.jsonl --out scores.jsonl: how well evidence supports claims, row by row."""

from __future__ import annotations

import json as json_module
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.evaluate_agreement import agreement
from app.cli.evaluate_answers import answers
from app.cli.evaluate_confidence import confidence
from app.cli.evaluate_questions import questions
from app.cli.evaluate_runs import export, judge, remove, runs, show
from app.cli.output import print_json, print_line, say
from app.workspace import open_workspace
from errors import SettingsError
from loaders.jsonl import read_rows, well_formed, write_whole

app = typer.Typer(no_args_is_help=True, help="Measure answers, retrieval, confidence and support.")
app.command()(answers)
app.command()(questions)
app.command()(confidence)
app.command()(runs)
app.command()(show)
app.command()(judge)
app.command()(export)
app.command()(agreement)
app.command()(remove)
SAID_EVERY = 100  # rows
EMBEDDED = "embedded"


@app.callback()
def evaluate() -> None:
    """Measure answers, retrieval, confidence and support."""


@app.command()
def support(
    claims: Annotated[
        Path, typer.Argument(help="JSONL of {id, claim, evidence}; evidence: one text or a list.")
    ],
    out: Annotated[Path, typer.Option(help="The JSONL file to write: {id, score} a row, in the same order.")],
    judge: Annotated[str | None, typer.Option(help="A chat model that judges, by its id.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Score how well each row's evidence supports its claim: 0 (not at all) to 1.

    With --judge a row also tells who scored it: the model, or "embedded" where its reply was no verdict.
    """
    score = _embedded_score() if judge is None else _judged_score(judge)
    judges: Counter[str] = Counter()
    with write_whole(out) as lines:
        for count, row in enumerate(read_claims(claims), start=1):
            scored = score(row)
            judges[scored.get("judge", EMBEDDED)] += 1
            lines.write(json_module.dumps({"id": row.id, **scored}, ensure_ascii=False) + "\n")
            if count % SAID_EVERY == 0:
                say(f"  {count} claims")
    if json:
        print_json({"claims": judges.total(), "judges": dict(judges), "out": str(out)})
    else:
        print_line(f"{judges.total()} scores written to {out}")


def _embedded_score() -> Callable[[ClaimRow], dict[str, Any]]:
    from chains.support import score_claim

    encoder = open_workspace().encoder
    return lambda row: {"score": score_claim(row.claim, row.evidence, encoder)}


def _judged_score(model_id: str) -> Callable[[ClaimRow], dict[str, Any]]:
    """Raises SettingsError where the model cannot be used; the function raises ProviderError where it fails."""
    from chains.generation import CallLog
    from chains.judging import judge_claim

    model = open_workspace().judge(model_id)
    embedded = _embedded_score()

    def score(row: ClaimRow) -> dict[str, Any]:
        judgement = judge_claim(row.claim, row.evidence, model, CallLog())
        if judgement is None:
            return embedded(row) | {"judge": EMBEDDED}
        return {"score": judgement.score, "judge": model.model_id}

    return score


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    id: str | int
    claim: str
    evidence: tuple[str, ...]


def read_claims(path: Path) -> Iterator[ClaimRow]:
    """Rows {id, claim, evidence} of a JSONL file, streamed.

    Raises SettingsError naming file, line and field.
    """
    for place, row in read_rows(path):
        yield ClaimRow(id=_id(row, place), claim=_claim(row, place), evidence=_evidence(row, place))


def _id(row: dict[str, Any], place: str) -> str | int:
    value = row.get("id")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise SettingsError(f'{place}: the field "id" must be a text or a whole number.')
    return value


def _claim(row: dict[str, Any], place: str) -> str:
    value = row.get("claim")
    if not isinstance(value, str) or not value.strip():
        raise SettingsError(f'{place}: the field "claim" must be a text that is not empty.')
    return well_formed(value)


def _evidence(row: dict[str, Any], place: str) -> tuple[str, ...]:
    value = row.get("evidence")
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise SettingsError(f'{place}: the field "evidence" must be a text or a list of texts.')
    return tuple(map(well_formed, texts))
