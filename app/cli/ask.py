"""python -m app ask "question" --mode rag --kb NAME, and the batch form over a file of questions."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from app.cli.files import read_questions, well_formed, write_whole
from app.cli.ingest import load_sample
from app.cli.output import print_json, print_line, print_text, say
from app.cli.search import parse_filter
from app.workspace import SAMPLE, open_workspace
from chains.answer import MODES, Answer, Mode, Question, TextDelta
from errors import GroundtuneError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chains.answer import AnswerEvent


class Chain(Protocol):
    def invoke(self, question: Question) -> Answer: ...
    def stream(self, question: Question) -> Iterator[AnswerEvent]: ...


def ask(
    question: Annotated[str | None, typer.Argument(help="What to ask.")] = None,
    mode: Annotated[str, typer.Option(help="base, rag, finetuned or hybrid.")] = "rag",
    kb: Annotated[str, typer.Option(help="The knowledge base.")] = SAMPLE,
    k: Annotated[int, typer.Option(min=1, max=50, help="Passages to read.")] = 5,
    model: Annotated[str | None, typer.Option(help="The chat model, as GROUNDTUNE_CHAT_MODEL.")] = None,
    filter: Annotated[list[str] | None, typer.Option(help="key=value that the document must have.")] = None,
    questions: Annotated[Path | None, typer.Option(help="JSONL of {_id, text}: ask them all.")] = None,
    out: Annotated[Path | None, typer.Option(help="With --questions: the JSONL file to write.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Ask, and get an answer with numbered sources, or an honest "not in your documents"."""
    if (question is None) == (questions is None) or (questions is None) != (out is None):
        raise typer.BadParameter("give a question, or --questions FILE with --out FILE")
    if question is not None and not question.strip():
        raise typer.BadParameter("the question is empty")
    conditions = parse_filter(filter or []) or {}
    chosen = _mode(mode)
    if kb == SAMPLE and chosen != "base":
        load_sample()
    workspace = open_workspace()
    chain = workspace.chain(chosen, kb, model=model)
    if question is not None:
        _ask_one(chain, Question(text=well_formed(question), k=k, filter=conditions), json=json)
        return
    assert questions is not None
    assert out is not None
    counts = _ask_many(chain, questions, out, k, conditions)
    if json:
        print_json(counts | {"out": str(out)})
    else:
        print_line(
            f"{counts['answered']} answered, {counts['abstained']} abstained, {counts['failed']} failed"
        )
    if counts["failed"]:
        raise typer.Exit(1)


def _mode(name: str) -> Mode:
    for mode in MODES:
        if mode == name:
            return mode
    raise typer.BadParameter(f"{name!r} is none of {', '.join(MODES)}", param_hint="--mode")


def _ask_one(chain: Chain, question: Question, *, json: bool) -> None:
    if json:
        print_json(chain.invoke(question).as_dict())
        return
    answer: Answer | None = None
    streamed = ""
    for event in chain.stream(question):
        if isinstance(event, TextDelta):
            streamed += event.text
            print_text(event.text)
        elif isinstance(event, Answer):
            answer = event
    assert answer is not None
    print_line("" if streamed else answer.text)
    _print_evidence(answer, streamed)


def _print_evidence(answer: Answer, streamed: str) -> None:
    if streamed and streamed.strip() != answer.text.strip():
        print_line(f"\nAfter checking the citations, the answer reads:\n{answer.text}")
    for citation in answer.citations:
        place = citation.location.label()
        mark = "" if citation.verified else "  (not verified)"
        print_line(f"\n[{citation.marker}] {citation.document_id}{' · ' + place if place else ''}{mark}")
        print_line(f'    "{" ".join(citation.quote.split())}"')
    if answer.reason and answer.reason not in answer.text:
        print_line(answer.reason if answer.abstained else f"\nThis answer is incomplete: {answer.reason}")
    if answer.abstained:
        for passage in answer.passages[:3]:
            print_line(f"  near: {passage.document_id} · {' '.join(passage.text.split())[:160]}")
    if answer.confidence:
        print_line(f"\nConfidence {answer.confidence.level} ({answer.confidence.value:.2f})")


def _ask_many(chain: Chain, questions: Path, out: Path, k: int, conditions: dict[str, str]) -> dict[str, int]:
    counts = {"answered": 0, "abstained": 0, "failed": 0}
    with write_whole(out) as lines:
        for number, row in enumerate(read_questions(questions), start=1):
            result = _answered(chain, Question(text=row["text"], k=k, filter=conditions))
            outcome = "failed" if "error" in result else "abstained" if result["abstained"] else "answered"
            counts[outcome] += 1
            document = {"_id": row["_id"], **result}
            lines.write(json_module.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
            if number % 25 == 0:
                say(f"  {number} questions")
    return counts


def _answered(chain: Chain, question: Question) -> dict[str, Any]:
    """One row's answer; a failing model fails its row, in words, and not the others."""
    try:
        return chain.invoke(question).as_dict()
    except GroundtuneError as error:
        say(f"  failed: {error}")
        return {"error": str(error)}
