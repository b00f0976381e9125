"""python -m app evaluate confidence: how far a knowledge base's confidence can be believed, and fitting it.

    python -m app evaluate confidence --questions questions.jsonl --kb NAME --target-error 0.05 --out report.html
    python -m app evaluate confidence --questions questions.jsonl --kb NAME --apply

The rows of the questions: evaluation/judging.py.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.ingest import load_sample
from app.cli.output import print_json, print_line, say
from app.workspace import SAMPLE, open_workspace
from errors import SettingsError
from loaders.jsonl import write_whole

if TYPE_CHECKING:
    from app.workspace import Workspace
    from evaluation.confidence import ConfidenceReport
    from evaluation.judging import KnownQuestion

SAID_EVERY = 25  # questions


def confidence(
    questions: Annotated[
        Path,
        typer.Option(
            help="CSV, XLSX or JSONL of questions with their answers, as evaluate answers takes them."
        ),
    ],
    kb: Annotated[str, typer.Option(help="The knowledge base.")] = SAMPLE,
    target_error: Annotated[
        float, typer.Option(min=0.001, max=0.9, help="Share of answers that may be wrong.")
    ] = 0.05,
    k: Annotated[int, typer.Option(min=1, max=50, help="Passages to read.")] = 5,
    apply: Annotated[
        bool, typer.Option("--apply", help="Use the fit for this knowledge base from now on.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="An HTML report; its Markdown goes beside it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure the confidence on questions whose answers are known, and fit it to them."""
    from evaluation.confidence_page import as_html, as_markdown
    from evaluation.question_files import read_question_set

    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter("name a file that ends in .html", param_hint="--out")
    read = read_question_set(questions)
    known = list(read.questions)
    for sentence in (*read.columns, *(f"left out: {one}" for one in read.refused)):
        say(f"  {sentence}")
    if kb == SAMPLE:
        load_sample()
    report = _report(open_workspace(), known, questions, kb=kb, target_error=target_error, k=k)
    document = report.as_dict()
    if out is not None:
        for path, text in ((out, as_html(report)), (out.with_suffix(".md"), as_markdown(report))):
            with write_whole(path) as file:
                file.write(text)
        document |= {"out": str(out), "markdown": str(out.with_suffix(".md"))}
    if apply:
        path = open_workspace().calibration_file(kb, written=report.written)
        report.fit.save(path)
        document |= {"applied": str(path)}
    if json:
        print_json(document)
        return
    print_line(as_markdown(report))
    if apply:
        print_line(f"From now on {kb!r} uses this fit: {document['applied']}")


def _report(
    workspace: Workspace, known: list[KnownQuestion], questions: Path, *, kb: str, target_error: float, k: int
) -> ConfidenceReport:
    from chains.calibration import recipes_for
    from evaluation.confidence import evaluate, judge
    from evaluation.judging import check_documents
    from loaders.files import hash_file

    recipes_for(len(known))  # too few are refused before a model is asked
    if workspace.knowledge_base(kb).stats().documents == 0:
        raise SettingsError(f"The knowledge base {kb!r} holds no documents: add some, then evaluate it.")
    check_documents(known, workspace.knowledge_base(kb).documents(), kb)

    def told(number: int) -> None:
        if number % SAID_EVERY == 0:
            say(f"  {number} of {len(known)} questions")

    judged = judge(workspace.unheld_chain(kb), known, k=k, told=told)
    return evaluate(
        judged,
        knowledge_base=kb,
        target_error=target_error,
        questions_sha256=hash_file(questions)[0],
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
    )
