"""python -m app ingest PATH... --kb NAME"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import print_json, print_line, say
from app.cli.progress import IngestProgress
from app.workspace import SAMPLE, open_workspace
from errors import SettingsError

if TYPE_CHECKING:
    from loaders.knowledge_base import IngestReport, Record


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, or BEIR-style JSONL.")],
    kb: Annotated[str, typer.Option(help="The knowledge base; made when it does not exist.")],
    id_field: Annotated[str | None, typer.Option(help="JSONL rows are records with this id field.")] = None,
    text_field: Annotated[str, typer.Option(help="The rows' text field.")] = "text",
    title_field: Annotated[str, typer.Option(help="The rows' title field.")] = "title",
    password: Annotated[
        bool, typer.Option("--password", help="Ask for the password of locked files.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Read files into a knowledge base; unchanged ones cost nothing, bad ones are named and skipped."""
    for path in paths:
        if not path.exists():
            raise SettingsError(f"There is no file or folder {str(path)!r}.")
    secret = typer.prompt("Password", hide_input=True, err=True) if password else None
    workspace = open_workspace()
    known = workspace.has_knowledge_base(kb)
    knowledge_base = workspace.knowledge_base(kb) if known else workspace.create_knowledge_base(kb)
    progress = IngestProgress()
    sources = paths if id_field is None else _sources(paths, id_field, text_field, title_field)
    report = knowledge_base.ingest(sources, password=secret, on_progress=progress)
    progress.end()
    if json:
        print_json(report.as_dict())
    else:
        _print_report(report, kb)
    if report.failed and not (report.added or report.updated or report.unchanged):
        raise typer.Exit(1)


def load_sample() -> None:
    """Loads the sample company where it is missing, was interrupted or has changed, showing progress."""
    progress = IngestProgress()
    workspace = open_workspace()
    if not workspace.has_knowledge_base(SAMPLE):
        say("Loading the sample company's documents (once) ...")
    workspace.ensure_sample(progress)
    progress.end()


def _sources(paths: list[Path], id_field: str, text_field: str, title_field: str) -> Iterator[Path | Record]:
    """With an id field, JSONL files give one record a row; other paths are read as files."""
    from loaders.knowledge_base import read_records

    for path in paths:
        if path.suffix.lower() in (".jsonl", ".ndjson"):
            yield from read_records(path, id_field=id_field, text_field=text_field, title_field=title_field)
        else:
            yield path


def _print_report(report: IngestReport, kb: str) -> None:
    print_line(
        f"{kb}: {report.added} added, {report.updated} updated, {report.unchanged} unchanged, "
        f"{len(report.failed)} failed; {report.chunks} chunks in {report.seconds:.1f} s"
    )
    for note in report.notes:
        say(f"  note: {note.file}: {note.note}")
    if report.failed:
        say(f"Failed files were skipped; they are listed by: python -m app kb show {shlex.quote(kb)}")
