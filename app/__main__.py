"""The command line: python -m app COMMAND. With --json a command prints one JSON document on stdout."""

# ruff: noqa: E402 - what takes a moment to import waits until Ctrl+C is quiet

from __future__ import annotations

import os
import signal

INTERRUPTED = 130  # exit status, as shells have it
if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # What follows imports for a moment: Ctrl+C then is no failure to show a traceback of.
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))

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
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a command ends in its own way
    run(app)
