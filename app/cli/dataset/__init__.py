"""python -m app dataset build|validate|fix|split|raft|estimate|show ...: training data, from import to a frozen set."""

from __future__ import annotations

import typer

from app.cli.dataset.build import build
from app.cli.dataset.estimate import estimate
from app.cli.dataset.fix import fix
from app.cli.dataset.generate import generate
from app.cli.dataset.raft import raft
from app.cli.dataset.show import show
from app.cli.dataset.split import split
from app.cli.dataset.validate import validate

app = typer.Typer(
    no_args_is_help=True, help="Training data: import, check, repair, price, split, freeze, look at."
)
app.command()(build)
app.command()(estimate)
app.command()(fix)
app.command()(generate)
app.command()(raft)
app.command()(show)
app.command()(split)
app.command()(validate)
