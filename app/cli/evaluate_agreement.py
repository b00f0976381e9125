"""python -m app evaluate agreement RUN --human labels.csv: how far the verdicts, and the judge, agree with people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.output import print_json, print_line
from app.workspace import open_workspace
from errors import SettingsError

if TYPE_CHECKING:
    from evaluation.agreement import Agreement


def agreement(
    name: Annotated[str, typer.Argument(help="A run's id, or the beginning of it.")],
    human: Annotated[
        Path, typer.Option(help="CSV, XLSX or JSONL of question, mode, right (yes or no): what people found.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Cohen's kappa of a run's verdicts, and of its judge, with marks that people gave."""
    from app.evaluating import content_of_run
    from evaluation.agreement import agreement as measured
    from evaluation.agreement import read_marks
    from evaluation.outcomes import JUDGED

    content, marks = content_of_run(open_workspace(), name), read_marks(human)
    marked = [
        (one, marks[one.question, one.mode]) for one in content.outcomes if (one.question, one.mode) in marks
    ]
    if not marked:
        raise SettingsError(
            f"{human} marks no answer of {content.run.id}: its questions and modes are others."
        )
    sides: dict[str, list[tuple[bool, bool, str]]] = {"verdicts": [], "judge": []}
    for one, right in marked:
        group = content.questions[one.question].group
        sides["verdicts"].append((one.right, right, group))
        if JUDGED in one.scores:
            sides["judge"].append((one.scores[JUDGED] >= 0.5, right, group))
    found = {side: measured(*map(list, zip(*held, strict=True))) for side, held in sides.items() if held}
    if json:
        print_json({"run": content.run.id, "judge": content.facts.get("judge")} | _as_dict(found))
        return
    for side, told in found.items():
        who = content.facts.get("judge", "the judge") if side == "judge" else "the verdicts by words"
        print_line(f"{who} and people: {_words(told)}")


def _words(found: Agreement) -> str:
    share = f"agree on {100 * found.share:.0f} % of {found.n} answers"
    if found.kappa is None:
        return f"{share}; no kappa, since all marks are the same"
    span = "" if found.low is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"{share}, kappa {found.kappa:.2f}{span}"


def _as_dict(found: dict[str, Agreement]) -> dict[str, Any]:
    from chains.restoring import record

    return {side: record(one) for side, one in found.items()}
