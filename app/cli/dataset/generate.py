"""python -m app dataset generate --kb NAME --out rows.jsonl: questions and answers out of documents, to be reviewed.

With a chat model it writes them and each is held against its passage; without one they are taken out word for word.
"""

from __future__ import annotations

import json as json_module
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from app.cli.output import print_json, print_line, say
from app.workspace import Workspace, open_workspace
from errors import DatasetError
from finetune.examples import Example, with_metadata
from loaders.jsonl import write_whole

if TYPE_CHECKING:
    from chains.limits import Budget
    from chains.models import ConnectedModel
    from finetune.synthesis.journal import Journal
    from finetune.synthesis.sifting import Dropped
    from finetune.synthesize import Source, Tally

SAID_EVERY = 10  # passages, or documents
DROPPED = ".dropped.jsonl"
IN_MEMORY = 32 << 20  # bytes of rows; more lie in a temporary file until all are there
SHOWN = 3  # rows of a finished run
NO_METHOD = "There is no method {method!r}: use some of {known}."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """The options of one call."""

    out: Path
    system: str | None
    limit: int | None
    seed: int
    json: bool


def generate(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files and folders, in place of --kb.")] = None,
    out: Annotated[Path | None, typer.Option(help="The JSONL file to write.")] = None,
    kb: Annotated[str | None, typer.Option(help="The knowledge base whose documents to use.")] = None,
    document: Annotated[list[str] | None, typer.Option(help="Only this document of it, by id.")] = None,
    model: Annotated[str | None, typer.Option(help="The chat model, as GROUNDTUNE_CHAT_MODEL.")] = None,
    extract: Annotated[bool, typer.Option("--extract", help="Ask no model: take out what is there.")] = False,
    method: Annotated[
        list[str] | None, typer.Option(help="Extraction: only faq, definition, section, list or table.")
    ] = None,
    per_passage: Annotated[int, typer.Option(min=1, max=10, help="Pairs to ask for, a passage.")] = 2,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many rows.")] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="US dollars that the run may cost.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished run.")] = False,
    system: Annotated[str | None, typer.Option(help="A system message for every row.")] = None,
    seed: Annotated[int, typer.Option(help="Which passages and rows come first.")] = 7,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count and price; ask and write nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Make questions and answers out of documents, each with its source; all of them wait for review.

    A chat model writes them where one is connected, and each is kept only if its quote stands in the passage and the
    passage carries the answer. Without one, or with --extract, they are the documents' own words.
    """
    if bool(paths) == bool(kb):
        raise typer.BadParameter("Name either files and folders or a knowledge base with --kb.")
    if out is None and not dry_run:
        raise typer.BadParameter("Name the file to write with --out, or look first with --dry-run.")
    workspace = open_workspace()
    request = _Request(out=out or Path("-"), system=system, limit=limit, seed=seed, json=json)
    _check_out(request.out, paths or [])
    chat = None if extract or method else _model(workspace, model)
    if chat is None and (budget is not None or resume):
        raise typer.BadParameter("--budget and --resume are for a chat model, and none is asked here.")
    source = _source(workspace, paths, kb, document or [])
    for failed in source.failed:
        say(f"  failed     {failed.file}: {failed.reason}")
    if chat is None:
        _extract(source, request, method or [], dry_run)
    else:
        _generate(workspace, source, request, chat, per_passage, budget, resume, dry_run)


def _check_out(out: Path, paths: Iterable[Path]) -> None:
    """Before documents are read and replies paid for."""
    if not out.parent.is_dir():
        raise DatasetError(f"There is no folder {str(out.parent)!r}: make it, or name another --out.")
    for path in paths:
        inside = path.is_dir() and path.resolve() in out.resolve().parents
        if out.resolve() == path.resolve() or (inside and out.exists()):
            raise DatasetError(f"{str(out)!r} is among the files that are read: name another --out.")


def _model(workspace: Workspace, named: str | None) -> ConnectedModel | None:
    """The chat model; None where none is connected. Raises SettingsError where one was named that cannot be used."""
    chat = workspace.chat_model(named)
    if chat is None:
        say("No chat model is connected: rows are taken out of the documents word for word.")
    return chat


def _source(workspace: Workspace, paths: list[Path] | None, kb: str | None, documents: list[str]) -> Source:
    from finetune.synthesize import from_knowledge_base, from_paths

    if kb is not None:
        return from_knowledge_base(workspace.knowledge_base(kb), documents)
    if documents:
        raise typer.BadParameter("--document goes with --kb.")
    return from_paths(paths or [], workspace.encoder)


# --- without a model ----------------------------------------------------------------------------------


def _extract(source: Source, request: _Request, methods: list[str], dry_run: bool) -> None:
    from finetune.synthesis.extracting import METHODS
    from finetune.synthesize import ExtractOptions, Tally, extract

    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise typer.BadParameter(NO_METHOD.format(method=unknown[0], known=", ".join(METHODS)))
    options = ExtractOptions(
        methods=tuple(name for name in METHODS if name in methods or not methods),
        system=request.system,
        limit=request.limit,
        seed=request.seed,
    )
    tally = Tally()
    made = extract(source, options, tally, on_progress=_told_documents)
    shown = _counted(made) if dry_run else _write(made, request.out)
    _report(tally, request, shown, source, dry_run=dry_run)


def _told_documents(tally: Tally) -> None:
    if tally.documents % SAID_EVERY == 0:
        say(f"  {tally.documents} documents, {tally.rows} rows")


# --- with one -----------------------------------------------------------------------------------------


def _generate(
    workspace: Workspace,
    source: Source,
    request: _Request,
    chat: ConnectedModel,
    per_passage: int,
    budget_usd: float | None,
    resume: bool,
    dry_run: bool,
) -> None:
    from finetune.synthesis.journal import SUFFIX, Journal
    from finetune.synthesize import GenerateOptions, Tally, generate, journal_header, passages_of

    options = GenerateOptions(
        per_passage=per_passage, system=request.system, limit=request.limit, seed=request.seed
    )
    passages = passages_of(source, options)
    price = _priced(chat, passages, options)
    say(price)
    if dry_run:
        _print_plan(source, len(passages), price, request)
        return
    path = request.out.with_name(request.out.name + SUFFIX)
    tally = Tally()
    with Journal.open(path, journal_header(chat, options), resume=resume) as journal:
        model = chat.with_budget(_budget(workspace, budget_usd, journal))
        made = generate(
            source,
            options,
            tally,
            model=model,
            encoder=workspace.encoder,
            journal=journal,
            passages=passages,
            on_progress=_told_passages,
        )
        try:
            shown = _write(made, request.out)
        except KeyboardInterrupt:
            say("Stopped. What was answered is kept: --resume goes on with it.")
            raise typer.Exit(1) from None
        if tally.stopped is None and not tally.failed:
            journal.remove()
    _report(tally, request, shown, source)
    _say_unfinished(tally)


def _budget(workspace: Workspace, limit_usd: float | None, journal: Journal) -> Budget | None:
    """What was paid before counts. Without --budget the limit of one evaluation applies, where that is set."""
    from chains.limits import Budget

    setting = workspace.settings.evaluation_limit_usd
    if limit_usd is not None:
        return Budget(limit_usd, spent_usd=journal.spent_usd, setting="--budget", what="run")
    if setting.value is None:
        return None
    return Budget(setting.value, spent_usd=journal.spent_usd, setting=setting.name, what="run")


def _priced(chat: ConnectedModel, passages: list[Any], options: Any) -> str:
    from finetune.synthesis.generating import estimated_tokens

    given, taken = estimated_tokens(passages, options)
    about = f"{len(passages):,} passages, at most about {given:,} tokens in and {taken:,} out"
    if chat.price is None:
        return f"{about}; no price of {chat.model_id} is known."
    cost = chat.price.cost(given, taken)
    return f"{about}: ${cost:.2f} with {chat.model_id} ({chat.price.shown()})."


def _print_plan(source: Source, passages: int, price: str, request: _Request) -> None:
    if request.json:
        print_json({"source": source.name, "passages": passages, "estimate": price})
    else:
        print_line("Nothing was asked. Run it without --dry-run to begin; --budget sets what it may cost.")


def _told_passages(tally: Tally) -> None:
    if tally.asked % SAID_EVERY == 0 or tally.asked == tally.passages:
        spent = "" if tally.cost_usd is None else f", ${tally.cost_usd:.4f}"
        say(f"  {tally.asked}/{tally.passages} passages, {tally.rows} rows{spent}")


def _say_unfinished(tally: Tally) -> None:
    if tally.stopped is not None:
        say(f"{tally.stopped} {tally.asked} of {tally.passages} passages were asked; --resume goes on.")
    for why in tally.failed[:SHOWN]:
        say(f"  no reply for {why}")
    if tally.failed and tally.stopped is None:
        say(f"{len(tally.failed)} passages have no reply; --resume asks them again.")


# --- what comes out -----------------------------------------------------------------------------------


def _counted(made: Iterable[Example | Dropped]) -> list[Example]:
    shown = list[Example]()
    for one in made:
        if isinstance(one, Example) and len(shown) < SHOWN:
            shown.append(one)
    return shown


def _write(made: Iterable[Example | Dropped], out: Path) -> list[Example]:
    """The rows into `out` once all are there, what was dropped into a file beside it. The first rows, to be shown."""
    shown, dropped = list[Example](), list[str]()
    with SpooledTemporaryFile(IN_MEMORY, mode="w+", encoding="utf-8", errors="backslashreplace") as rows:
        for one in made:
            if isinstance(one, Example):
                _spool(rows, _line(with_metadata(one)))
                shown += [one] * (len(shown) < SHOWN)
            else:
                dropped.append(_line(one.as_dict()))
        rows.seek(0)
        with write_whole(out) as file:
            shutil.copyfileobj(rows, file)
    _write_dropped(out.with_name(out.name + DROPPED), dropped)
    return shown


def _spool(rows: IO[str], line: str) -> None:
    try:
        rows.write(line)
    except OSError as error:
        raise DatasetError(
            f"The rows find no room in the temporary folder ({error.strerror}): free some, or set TMPDIR to another."
        ) from error


def _write_dropped(path: Path, lines: list[str]) -> None:
    path.unlink(missing_ok=True)
    if lines:
        with write_whole(path) as file:
            file.writelines(lines)


def _line(row: Mapping[str, object]) -> str:
    return json_module.dumps(row, ensure_ascii=False) + "\n"


def _report(
    tally: Tally, request: _Request, shown: list[Example], source: Source, *, dry_run: bool = False
) -> None:
    if request.json:
        failed = [{"file": one.file, "reason": one.reason} for one in source.failed]
        where = {} if dry_run else {"out": str(request.out)}
        print_json(tally.as_dict() | {"failed_files": failed} | where)
        return
    for example in shown:
        question, answer = (turn["content"] for turn in example.row["messages"][-2:])
        print_line(f"Q  {question}\nA  {answer}\n")
    print_line(_summary(tally, request.out, dry_run=dry_run))


def _summary(tally: Tally, out: Path, *, dry_run: bool) -> str:
    by_method = ", ".join(f"{count} {name}" for name, count in tally.kinds.most_common())
    dropped = ", ".join(f"{count} {name}" for name, count in tally.dropped.most_common())
    where = "could be made" if dry_run else f"written to {out}; all wait for review"
    told = f"{tally.rows} rows ({by_method}) {where}" if tally.rows else "No rows were found"
    kept_apart = "" if dry_run else f"; {out.name}{DROPPED} says why"
    return f"{told}." + (f" Left out: {dropped}{kept_apart}." if dropped else "")
