"""python -m app dataset build|validate|fix|split|raft|estimate|show ...: training data, from import to a frozen set."""

from __future__ import annotations

import typer

from app.cli.dataset.add import add
from app.cli.dataset.build import build
from app.cli.dataset.card import card
from app.cli.dataset.estimate import estimate
from app.cli.dataset.fix import fix
from app.cli.dataset.freeze import freeze
from app.cli.dataset.generate import generate
from app.cli.dataset.listing import list_datasets
from app.cli.dataset.raft import raft
from app.cli.dataset.remove import remove
from app.cli.dataset.show import show
from app.cli.dataset.split import split
from app.cli.dataset.validate import validate

app = typer.Typer(
    no_args_is_help=True, help="Training data: import, check, repair, price, split, freeze, look at."
)
app.command()(add)
app.command()(build)
app.command()(card)
app.command()(estimate)
app.command()(fix)
app.command()(freeze)
app.command()(generate)
app.command("list")(list_datasets)
app.command()(raft)
app.command()(remove)
app.command()(show)
app.command()(split)
app.command()(validate)
