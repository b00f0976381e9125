"""python -m app ask "question" --mode rag --kb NAME: one question, a follow-up, a file of them, or one asked again."""

from __future__ import annotations

import json as json_module
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.answer_text import print_answer, print_stream
from app.cli.ask_many import ask_many
from app.cli.ingest import load_sample
from app.cli.output import print_json, print_line, say
from app.cli.remembering import Remembered, remembered
from app.cli.replaying import replay as replay_receipt
from app.cli.search import parse_filter
from app.model_settings import conversation_budget, evaluation_budget
from app.workspace import SAMPLE, open_workspace
from chains.answer import MODES, Answer, Chain, Mode, Question
from errors import GroundtuneError
from loaders.jsonl import well_formed

if TYPE_CHECKING:
    from chains.limits import Budget


def ask(
    question: Annotated[str | None, typer.Argument(help="What to ask.")] = None,
    mode: Annotated[str, typer.Option(help="base, rag, finetuned or hybrid.")] = "rag",
    kb: Annotated[str, typer.Option(help="The knowledge base.")] = SAMPLE,
    k: Annotated[int, typer.Option(min=1, max=50, help="Passages to read.")] = 5,
    model: Annotated[str | None, typer.Option(help="The chat model, as GROUNDTUNE_CHAT_MODEL.")] = None,
    filter: Annotated[list[str] | None, typer.Option(help="key=value that the document must have.")] = None,
    conversation: Annotated[
        str | None, typer.Option(help='Go on with this conversation; "new" begins one.')
    ] = None,
    receipt: Annotated[
        Path | None, typer.Option(help="Write what the answer was made from to this file.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(help="Ask a receipt's question again; say what differs.")
    ] = None,
    questions: Annotated[Path | None, typer.Option(help="JSONL of {_id, text}: ask them all.")] = None,
    out: Annotated[Path | None, typer.Option(help="With --questions: the JSONL file to write.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Ask, and get an answer with numbered sources, or an honest "not in your documents"."""
    if sum(one is not None for one in (question, questions, replay)) != 1 or (questions is None) != (
        out is None
    ):
        raise typer.BadParameter("give a question, or --questions FILE with --out FILE, or --replay FILE")
    if question is None and (conversation or receipt):
        raise typer.BadParameter("--conversation and --receipt go with one question")
    if replay is not None:
        replay_receipt(replay, json=json)
        return
    conditions = parse_filter(filter or []) or {}
    if question is not None:
        asked = Question(text=_asked(question), k=k, filter=conditions)
        _ask_one(asked, _mode(mode), kb, model, conversation, receipt, json=json)
        return
    assert questions is not None
    assert out is not None
    budget = evaluation_budget(open_workspace().settings)
    _ask_all(_chain(_mode(mode), kb, model, budget), questions, out, k, conditions, json=json)


def _asked(question: str) -> str:
    if not question.strip():
        raise typer.BadParameter("the question is empty")
    return well_formed(question)


def _mode(name: str) -> Mode:
    """The mode, also as it is commonly written: "fine-tuned", "RAG"."""
    for mode in MODES:
        if mode == re.sub(r"[\s_-]", "", name).lower():
            return mode
    raise typer.BadParameter(f"{name!r} is none of {', '.join(MODES)}", param_hint="--mode")


def _chain(mode: Mode, kb: str, model: str | None, budget: Budget | None) -> Chain:
    if kb == SAMPLE and mode in ("rag", "hybrid"):
        load_sample()
    return open_workspace().chain(mode, kb, model=model, budget=budget)


def _ask_one(
    question: Question,
    mode: Mode,
    kb: str,
    model: str | None,
    conversation: str | None,
    receipt: Path | None,
    *,
    json: bool,
) -> None:
    memory = remembered(open_workspace(), conversation) if conversation else None
    budget = memory.budget if memory else conversation_budget(open_workspace().settings)
    chain = _chain(mode, kb, model, budget)
    if memory is not None:
        question = replace(question, history=memory.history)
        memory.ask(question.text, mode, kb)
    try:
        answer = chain.invoke(question) if json else print_stream(chain.stream(question))
    except GroundtuneError as error:
        if memory is not None:
            memory.fail(str(error))
        raise
    try:
        if memory is not None:
            memory.finish(answer)
        if receipt is not None:
            _write_receipt(receipt, answer)
    finally:  # a full disk does not take the answer away
        _print(answer, memory, json=json)


def _print(answer: Answer, memory: Remembered | None, *, json: bool) -> None:
    if json:
        print_json(answer.as_dict() | ({"conversation": memory.conversation_id} if memory else {}))
        return
    print_answer(answer)
    if memory is not None:
        say(f"Conversation {memory.conversation_id}: go on with --conversation {memory.conversation_id}")


def _write_receipt(path: Path, answer: Answer) -> None:
    from chains.receipts import receipt_document
    from loaders.jsonl import write_whole

    with write_whole(path) as file:
        file.write(json_module.dumps(receipt_document(answer), indent=2, ensure_ascii=False) + "\n")
    say(f"Receipt written to {path}")


def _ask_all(
    chain: Chain, questions: Path, out: Path, k: int, conditions: dict[str, str], *, json: bool
) -> None:
    counts: dict[str, Any] = ask_many(chain, questions, out, k=k, conditions=conditions)
    if json:
        print_json(counts | {"out": str(out)})
    else:
        print_line(
            f"{counts['answered']} answered, {counts['abstained']} abstained, {counts['failed']} failed"
        )
    if counts["failed"]:
        raise typer.Exit(1)
