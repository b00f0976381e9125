"""The command line: python -m app COMMAND. With --json a command prints one JSON document on stdout."""

from __future__ import annotations

import typer

from app.cli import conversations, dataset, evaluate, finetune, kb
from app.cli.advise import advise
from app.cli.ask import ask
from app.cli.ingest import ingest
from app.cli.output import run
from app.cli.search import search
from app.cli.serve import serve
from app.cli.ui import ui

app = typer.Typer(
    name="groundtune",
    help="Ask your documents, teach your model, and prove which one pays.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(ui)
app.command()(serve)
app.add_typer(kb.app, name="kb")
app.command()(ingest)
app.command()(search)
app.command()(ask)
app.add_typer(conversations.app, name="conversations")
app.add_typer(evaluate.app, name="evaluate")
app.command()(advise)
app.add_typer(dataset.app, name="dataset")
app.add_typer(finetune.app, name="finetune")


if __name__ == "__main__":
    run(app)
