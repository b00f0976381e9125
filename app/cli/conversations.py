"""python -m app conversations list|show|search|rename|export|delete"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from app.cli.output import print_json, print_line, say
from app.cli.remembering import OWNER
from app.workspace import TENANT, open_workspace
from errors import RecordNotFoundError, SettingsError
from loaders.files import write_atomically

if TYPE_CHECKING:
    from app.records.conversations import Conversations
    from app.records.entries import Conversation, Match, Scope
    from app.records.export import Form

app = typer.Typer(no_args_is_help=True, help="Conversations: list, show, search, rename, export, delete.")
Identity = Annotated[str, typer.Argument(metavar="ID", help="The conversation's id, as list shows it.")]
Owner = Annotated[str, typer.Option(help="Whose conversations: a browser's are its cookie's.")]
ALSO_CALLED = {"word": "docx", "md": "markdown"}  # names of forms of an export
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("list")
def list_all(
    owner: Owner = OWNER,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, latest first.")] = 50,
    json: Json = False,
) -> None:
    """Conversations, the latest first."""
    kept, scope = _kept(owner)
    found = kept.list(scope, limit=limit)
    if json:
        print_json([one.as_dict() for one in found])
        return
    for one in found:
        print_line(f"{one.conversation_id}  {one.changed_at[:16].replace('T', ' ')}  {_short(one.title)}")
    if not found:
        say('No conversation yet. Begin one: python -m app ask "question" --conversation new')


@app.command()
def show(conversation: Identity, owner: Owner = OWNER, json: Json = False) -> None:
    """One conversation: questions, latest answers, sources."""
    from app.records.exported import told

    kept, scope = _kept(owner)
    found = _found(kept, scope, conversation)
    if json:
        _export(kept, scope, conversation, "json", None)
        return
    print_line(found.title)
    for number, exchange in enumerate(found.exchanges, start=1):
        one = told(exchange, kept.answer(scope, exchange.latest.answer_id))
        print_line(f"\n{number}. {one.question}\n   {one.facts}\n\n{one.text}".rstrip())
        for note in one.notes:
            print_line(f"- {note}")
        for source in one.sources:
            marker = f"[{source.marker}]" if source.marker is not None else "near:"
            print_line(f'\n{marker} {source.title}  ({source.check})\n    "{_short(source.quote, 400)}"')


@app.command()
def search(
    words: Annotated[str, typer.Argument(help="Words that question, answer or title hold, all of them.")],
    owner: Owner = OWNER,
    limit: Annotated[int, typer.Option(min=1, help="At most so many conversations, latest first.")] = 30,
    json: Json = False,
) -> None:
    """Conversations with a question whose text, answer or title hold all the words; found by their beginnings.

    Each conversation is shown once, with its latest match and the number of matches.
    """
    kept, scope = _kept(owner)
    by_conversation: dict[str, list[Match]] = {}
    for match in kept.search(scope, words, limit=None):
        by_conversation.setdefault(match.conversation_id, []).append(match)
    found = list(by_conversation.values())[:limit]
    if json:
        print_json([held[0].as_dict() | {"matches": len(held)} for held in found])
        return
    for latest, *others in found:
        shown = "".join(f"*{text}*" if meant else text for text, meant in latest.snippet)
        count = f"  ({1 + len(others)} matches)" if others else ""
        print_line(f"{latest.conversation_id}  {_short(latest.title)}{count}\n    {shown}")
    if not found:
        say("No conversation holds all these words.")


@app.command()
def rename(
    conversation: Identity,
    title: Annotated[str, typer.Argument(help="The new name; blank gives back the first question.")],
    owner: Owner = OWNER,
    json: Json = False,
) -> None:
    """Give a conversation a name."""
    kept, scope = _kept(owner)
    kept.rename(scope, conversation, title)
    named = _found(kept, scope, conversation).title
    if json:
        print_json({"conversation_id": conversation, "title": named})
    else:
        print_line(f"Renamed to: {named}")


@app.command()
def export(
    conversation: Identity,
    form: Annotated[str, typer.Option("--format", help="markdown, docx or json.")] = "markdown",
    out: Annotated[Path | None, typer.Option(help="The file to write; without it, standard output.")] = None,
    owner: Owner = OWNER,
    json: Json = False,
) -> None:
    """Write a conversation with its sources to a file."""
    from app.records.export import FORMS

    form = ALSO_CALLED.get(form.lower(), form.lower())
    if form not in FORMS:
        raise typer.BadParameter(f"{form!r} is none of {', '.join(FORMS)}", param_hint="--format")
    if out is None and (form == "docx" or json):
        raise typer.BadParameter("name the file to write: --out FILE")
    kept, scope = _kept(owner)
    _export(kept, scope, conversation, cast("Form", form), out)
    if out is not None:
        if json:
            print_json({"conversation_id": conversation, "format": form, "out": str(out)})
        else:
            print_line(f"Written to {out}")


@app.command()
def delete(
    conversation: Annotated[str | None, typer.Argument(metavar="[ID]", help="The conversation's id.")] = None,
    question: Annotated[int | None, typer.Option(min=1, help="Only this question, by its number.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All of the owner's, with feedback and votes.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    owner: Owner = OWNER,
    json: Json = False,
) -> None:
    """Delete a conversation, one question of it, or all, for good."""
    if (conversation is None) != everything or (everything and question is not None):
        raise typer.BadParameter("name a conversation, or give --all")
    kept, scope = _kept(owner)
    if conversation is None:
        _confirm(f"Delete all conversations of {owner!r}, with feedback and votes, for good?", yes)
        open_workspace().records.forget(scope)
    else:
        found = _found(kept, scope, conversation)
        if question is None:
            _confirm(f"Delete {_short(found.title)!r} with {len(found.exchanges)} questions for good?", yes)
            kept.delete(scope, conversation)
        else:
            _delete_question(kept, scope, found, question, yes)
    if json:
        print_json({"deleted": conversation or "all", "question": question})
    else:
        print_line("Deleted.")


def _delete_question(kept: Conversations, scope: Scope, found: Conversation, number: int, yes: bool) -> None:
    if number > len(found.exchanges):
        raise RecordNotFoundError(
            f"There is no question {number}: the conversation has {len(found.exchanges)}."
        )
    exchange = found.exchanges[number - 1]
    _confirm(f"Delete {_short(exchange.question)!r} with its answers for good?", yes)
    kept.delete_exchange(scope, exchange.exchange_id)


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True, err=True)


def _kept(owner: str) -> tuple[Conversations, Scope]:
    from app.records.entries import Scope

    return open_workspace().records.conversations, Scope(tenant=TENANT, owner=owner)


def _found(kept: Conversations, scope: Scope, conversation_id: str) -> Conversation:
    found = kept.find(scope, conversation_id)
    if found is None:
        raise RecordNotFoundError(
            f"There is no conversation {conversation_id!r} of {scope.owner!r}: python -m app conversations list "
            "shows them."
        )
    return found


def _export(kept: Conversations, scope: Scope, conversation_id: str, form: Form, out: Path | None) -> None:
    from app.records.export import export as exported

    content = exported(kept, scope, conversation_id, form).content
    if out is None:
        print_line(content.decode().rstrip("\n"))
        return
    try:
        write_atomically(out, content)
    except OSError as error:
        raise SettingsError(f"{out} cannot be written ({error.strerror}): name another file.") from error


def _short(text: str, longest: int = 100) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"
