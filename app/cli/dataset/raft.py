"""python -m app dataset raft QUESTIONS.jsonl --kb NAME --out raft.jsonl: rows that teach a model to read passages."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.cli.output import print_json, print_line, say
from app.workspace import SAMPLE, open_workspace
from errors import DatasetError
from loaders.jsonl import write_whole

if TYPE_CHECKING:
    from finetune.examples import Example, Refused
    from finetune.raft import Built, Recipe

SAID_EVERY = 50  # questions
SHOWN_REFUSED = 20


def raft(
    questions: Annotated[
        Path, typer.Argument(help="JSONL: {text, answer, gold?} rows, chat rows, or what `generate` wrote.")
    ],
    out: Annotated[Path, typer.Option(help="The JSONL file to write.")],
    kb: Annotated[str, typer.Option(help="The knowledge base that holds the answers.")] = SAMPLE,
    p: Annotated[float, typer.Option(help="Share of the rows that have their oracle passage.")] = 0.8,
    distractors: Annotated[int, typer.Option(help="Other passages beside one oracle.")] = 4,
    hard_share: Annotated[
        float, typer.Option(help="Share of them that the retriever finds for the question.")
    ] = 0.5,
    absent: Annotated[
        Literal["abstain", "memorise"], typer.Option(help="What a row without its oracle teaches.")
    ] = "abstain",
    abstain_share: Annotated[
        float | None, typer.Option(help="Share of the rows without their oracle that abstain, for a mixture.")
    ] = None,
    voice: Annotated[
        Literal["keep", "plain"],
        typer.Option(help="keep the answers' wording, or plain: only what the passages support."),
    ] = "keep",
    seed: Annotated[int, typer.Option(help="Of every choice; recorded in each row.")] = 7,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Make RAFT rows: a question among an oracle and distractors, and an answer that quotes and cites.

    Questions that cannot become a row are named in OUT.refused.jsonl, each with its reason.
    """
    from finetune.raft import Built, Library, Recipe, build, read_asked

    recipe = Recipe(
        p=p, distractors=distractors, hard_share=hard_share, absent=absent, abstain_share=abstain_share,
        seed=seed, voice=voice,
    )  # fmt: skip
    for written in (out, refused_path(out)):
        if written.exists() and questions.exists() and written.samefile(questions):
            raise DatasetError(f"{str(written)!r} is the file that is read: name another with --out.")
    if kb == SAMPLE:
        from app.cli.ingest import load_sample

        load_sample()
    workspace = open_workspace()
    library, built = Library(workspace.knowledge_base(kb)), Built()
    rows = build(read_asked(questions), library, workspace.encoder, recipe, built)
    refused = _written(rows, out, built)
    _told(built, refused, out, recipe, json=json)


def refused_path(out: Path) -> Path:
    """raft.jsonl -> raft.refused.jsonl."""
    return out.with_name(f"{out.stem}.refused.jsonl")


def _written(rows: Iterable[Example | Refused], out: Path, built: Built) -> list[Refused]:
    """Writes both files whole; returns the first refusals."""
    from finetune.examples import Refused, with_metadata

    shown: list[Refused] = []
    with write_whole(out) as lines, write_whole(refused_path(out)) as faults:
        for one in rows:
            if isinstance(one, Refused):
                faults.write(json_module.dumps(one.as_dict(), ensure_ascii=False) + "\n")
                shown += [one] if len(shown) < SHOWN_REFUSED else []
            else:
                lines.write(json_module.dumps(with_metadata(one), ensure_ascii=False) + "\n")
            if built.read % SAID_EVERY == 0:
                say(f"  {built.read} questions, {built.written} rows")
        if not built.written:
            raise DatasetError(_nothing(shown))
    if not built.refused:
        refused_path(out).unlink()
    return shown


def _nothing(refused: list[Refused]) -> str:
    if not refused:
        return "The file holds no question: give one JSON object a line."
    first = refused[0]
    return f"No question became a row. Line {first.line}: {first.reason} {first.fix}"


def _told(built: Built, refused: list[Refused], out: Path, recipe: Recipe, *, json: bool) -> None:
    if json:
        document: dict[str, Any] = built.as_dict() | {"out": str(out), "recipe": recipe.as_dict()}
        document["refused_rows"] = [one.as_dict() for one in refused]
        print_json(document)
        return
    print_line(_summary(built, out))
    for one in refused:
        print_line(f"  line {one.line}: {one.reason}")
    if built.refused:
        print_line(f"{built.refused} questions became no row; {refused_path(out)} names each with its fix.")


def _summary(built: Built, out: Path) -> str:
    teaches = built.rows
    abstaining = teaches["abstain"] - built.unanswerable
    parts = [
        f"{teaches['read']} with their oracle",
        f"{abstaining} without it that abstain" if abstaining else "",
        f"{teaches['memorise']} without it from memory" if teaches["memorise"] else "",
        f"{built.unanswerable} that no document answers" if built.unanswerable else "",
    ]
    drawn = built.distractors
    return (
        f"{built.written} rows written to {out}: {', '.join(filter(None, parts))}.\n"
        f"Distractors: {drawn['hard']} found by the retriever, {drawn['random']} at random;"
        f" {built.rejected.total()} passages were passed over because they answer too or repeat another."
    )
