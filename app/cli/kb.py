"""python -m app kb list|create|show|remove|rebuild|rollback|doctor NAME"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import print_json, print_line, say
from app.knowledge_bases import KnowledgeBaseInfo
from app.workspace import open_workspace
from errors import DocumentNotFoundError

if TYPE_CHECKING:
    from loaders.knowledge_base import KnowledgeBase

app = typer.Typer(no_args_is_help=True, help="Knowledge bases: list, create, show, remove, rebuild, check.")
Name = Annotated[str, typer.Argument(help="The knowledge base's name.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("list")
def list_all(json: Json = False) -> None:
    """All knowledge bases with their sizes."""
    found = open_workspace().knowledge_bases()
    if json:
        print_json([info.as_dict() for info in found])
        return
    for info in found:
        print_line(info.problem or _described(info))
    if not found:
        say("No knowledge base yet. Make one: python -m app kb create NAME")


@app.command()
def create(name: Name, json: Json = False) -> None:
    """Make an empty knowledge base."""
    open_workspace().create_knowledge_base(name)
    if json:
        print_json({"created": name})
    else:
        print_line(f"Created {name}. Fill it: python -m app ingest PATH... --kb {shlex.quote(name)}")


@app.command()
def show(name: Name, json: Json = False) -> None:
    """One knowledge base: its documents and what became of each."""
    workspace = open_workspace()
    documents = workspace.knowledge_base(name).documents()
    if json:
        print_json(workspace.describe(name).as_dict() | {"files": [info.as_dict() for info in documents]})
        return
    for info in documents:
        detail = info.reason if info.state == "failed" else f"{info.chunks} chunks"
        print_line(f"{info.state:<9} {info.document_id}  {detail}")
        for warning in info.warnings:
            print_line(f"{'':<9} {warning}")


@app.command()
def remove(
    name: Name,
    document: Annotated[list[str] | None, typer.Option(help="Remove only these documents.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Delete a knowledge base, or some of its documents, for good."""
    workspace = open_workspace()
    if document:
        _remove_documents(workspace.knowledge_base(name), document)
        removed: dict[str, object] = {"removed_documents": document}
    else:
        if not yes:
            count = workspace.describe(name).documents
            typer.confirm(f"Delete {name!r} with {count} documents for good?", abort=True, err=True)
        workspace.remove_knowledge_base(name)
        removed = {"removed": name}
    if json:
        print_json(removed)
    else:
        print_line("Removed.")


@app.command()
def rebuild(name: Name, json: Json = False) -> None:
    """Build a new generation beside the old one, which serves until the switch."""
    knowledge_base = open_workspace().knowledge_base(name)
    knowledge_base.rebuild()
    _print_generation(knowledge_base.generation, json)


@app.command()
def rollback(name: Name, json: Json = False) -> None:
    """Go back to the generation before the last rebuild."""
    knowledge_base = open_workspace().knowledge_base(name)
    knowledge_base.rollback()
    _print_generation(knowledge_base.generation, json)


@app.command()
def doctor(
    name: Name,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    json: Json = False,
) -> None:
    """Check a knowledge base for orphans, ghosts, damage and mismatches. Exit status 1 when some remain."""
    findings = open_workspace().knowledge_base(name).doctor(repair=repair)
    if json:
        print_json([finding.as_dict() for finding in findings])
    else:
        for finding in findings:
            print_line(f"{'repaired' if finding.repaired else 'found'}: {finding.message}")
        if not findings:
            print_line("Nothing wrong was found.")
    if any(not finding.repaired for finding in findings):
        raise typer.Exit(1)


def _remove_documents(knowledge_base: KnowledgeBase, document_ids: list[str]) -> None:
    known = {info.document_id for info in knowledge_base.documents()}
    unknown = [document_id for document_id in document_ids if document_id not in known]
    if unknown:
        raise DocumentNotFoundError(
            f"There is no document {unknown[0]!r}, so nothing was removed; `kb show` lists the ids."
        )
    knowledge_base.remove(document_ids)


def _print_generation(generation: int, json: bool) -> None:
    if json:
        print_json({"generation": generation})
    else:
        print_line(f"Generation {generation} now serves.")


def _described(info: KnowledgeBaseInfo) -> str:
    failed = f", {info.failed} files failed" if info.failed else ""
    return f"{info.name}  {info.documents} documents, {info.chunks} chunks{failed}"
