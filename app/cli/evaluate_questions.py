"""python -m app evaluate questions --kb NAME --out questions.jsonl: questions with known answers, to measure with.

    python -m app evaluate questions --kb handbook --out questions.jsonl --limit 50
    python -m app evaluate questions --from train.jsonl --out questions.jsonl --rest training.jsonl --share 0.2

The first makes them out of documents, each with its answer and where it stands, all waiting for review. The second
holds rows of training data out as questions, and writes the rows that are left for training.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.ingest import load_sample
from app.cli.output import print_json, print_line, say
from app.workspace import SAMPLE, Workspace, open_workspace

if TYPE_CHECKING:
    from app.question_making import Order, Written
    from chains.models import ConnectedModel
    from evaluation.question_making.holding_out import HeldOut

SAID_EVERY = 10  # questions
SHOWN = 5  # questions of a finished run


def questions(
    out: Annotated[Path, typer.Option(help="The JSONL file of questions to write.")],
    kb: Annotated[str | None, typer.Option(help="The knowledge base whose documents to ask about.")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Training rows, to hold some of them out, in place of --kb.")
    ] = None,
    rest: Annotated[
        Path | None, typer.Option(help="With --from: the JSONL file for the rows that are left to train on.")
    ] = None,
    share: Annotated[float, typer.Option(help="With --from: the share of rows to hold out.")] = 0.2,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="At most this many questions.")] = 50,
    model: Annotated[str | None, typer.Option(help="The chat model, as GROUNDTUNE_CHAT_MODEL.")] = None,
    extract: Annotated[
        bool, typer.Option("--extract", help="Ask no model, though one is connected.")
    ] = False,
    budget: Annotated[float | None, typer.Option(min=0, help="US dollars that a model may cost.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a model's unfinished run.")] = False,
    seed: Annotated[int, typer.Option(help="Which questions come first.")] = 7,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Make a set of questions out of documents, or hold rows of training data out as questions."""
    from app.question_making import Order

    if (kb is None) == (source is None):
        raise typer.BadParameter("Name either a knowledge base with --kb or training rows with --from.")
    _check_folder(out)
    if source is not None:
        _hold_out(source, out, rest, share=share, seed=seed, json=json)
        return
    assert kb is not None
    if rest is not None:
        raise typer.BadParameter("goes with --from", param_hint="--rest")
    if kb == SAMPLE:
        load_sample()
    workspace = open_workspace()
    chat = None if extract else _model(workspace, model)
    if chat is None and (budget is not None or resume):
        raise typer.BadParameter("--budget and --resume are for a chat model, and none is asked here.")
    order = Order(knowledge_base=kb, out=out, limit=limit, seed=seed, budget_usd=budget, resume=resume)
    _make(workspace, order, chat, json=json)


def _check_folder(out: Path) -> None:
    if not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {str(out.parent)!r}", param_hint="--out")


def _model(workspace: Workspace, named: str | None) -> ConnectedModel | None:
    """Raises SettingsError where one was named that cannot be used."""
    chat = workspace.chat_model(named)
    if chat is None:
        say("No chat model is connected: questions are made of the documents' own statements and tables.")
    return chat


# --- out of documents ---------------------------------------------------------------------------------


def _make(workspace: Workspace, order: Order, chat: ConnectedModel | None, *, json: bool) -> None:
    from app.question_making import make

    try:
        written = make(workspace, order, chat=chat, on_progress=_told)
    except KeyboardInterrupt:
        kept = " What was answered is kept: --resume goes on with it." if chat else ""
        say(f"Stopped; nothing was written.{kept}")
        raise typer.Exit(130) from None
    if json:
        print_json(_as_dict(written, order))
    else:
        _print(written, order)


def _told(made: int, wanted: int) -> None:
    if made % SAID_EVERY == 0 or made == wanted:
        say(f"  {made} of {wanted} questions")


def _as_dict(written: Written, order: Order) -> dict[str, object]:
    made = written.made
    return {
        "questions": len(made.questions),
        "unanswerable": made.unanswerable,
        "kinds": _kinds(written),
        "documents": made.documents,
        "languages": dict(made.languages),
        "shared_words": round(made.shared, 3),
        "dropped": dict(made.dropped),
        "model": written.model_id,
        "cost_usd": written.cost_usd,
        "stopped": written.stopped,
        "out": str(order.out),
    }


def _kinds(written: Written) -> dict[str, int]:
    kinds = [one.kind for one in written.made.questions]
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def _print(written: Written, order: Order) -> None:
    from evaluation.question_making.checking import REASONS

    made = written.made
    for one in made.questions[:SHOWN]:
        print_line(f"Q  {one.text}\nA  {one.answer or '(not in the documents)'}\n")
    kinds = ", ".join(f"{count} {kind}" for kind, count in _kinds(written).items())
    print_line(f"{len(made.questions)} questions ({kinds}) written to {order.out}; none of them is reviewed.")
    if made.dropped:
        told = ", ".join(f"{count} ({REASONS[reason]})" for reason, count in made.dropped.items())
        print_line(f"Left out: {told}.")
    if len(made.questions) < order.limit:
        print_line(f"The {made.documents} documents gave no more, of the {order.limit} that were asked for.")
    if written.model_id is None:
        print_line(
            f"On average {made.shared:.0%} of a question's words stand in its passage: they are easier to find than "
            "people's own words. Read them through, and put them as your people would."
        )
    elif written.stopped:
        print_line(f"{written.stopped} --resume goes on.")
    print_line(f"Next: python -m app evaluate answers --questions {order.out} --kb {order.knowledge_base}")


# --- out of training rows -----------------------------------------------------------------------------


def _hold_out(source: Path, out: Path, rest: Path | None, *, share: float, seed: int, json: bool) -> None:
    from dataclasses import asdict

    from evaluation.question_making.holding_out import hold_out

    if rest is None:
        raise typer.BadParameter("name the file for the rows that are left to train on", param_hint="--rest")
    _check_folder(rest)
    held = hold_out(source, out, rest, share=share, seed=seed)
    if json:
        print_json({**asdict(held), "out": str(out), "rest": str(rest)})
    else:
        _print_held(held, out, rest)


def _print_held(held: HeldOut, out: Path, rest: Path) -> None:
    print_line(
        f"{held.moved} of {held.rows} rows are questions now, in {out}; {held.left} are left in {rest}."
    )
    if held.withheld:
        print_line(f"{held.withheld} rows are in neither: they ask nearly what was held out.")
    for sentence in held.notes:
        print_line(sentence)
    for sentence in held.unfit[:SHOWN]:
        say(f"  stays for training: {sentence}")
    if len(held.unfit) > SHOWN:
        say(f"  ... and {len(held.unfit) - SHOWN} more rows.")
    print_line(
        f"Next: python -m app finetune start {rest}, then python -m app evaluate answers --questions {out} "
        f"--training {rest}"
    )
