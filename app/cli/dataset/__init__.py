"""python -m app dataset build|validate|fix|split|raft|estimate|show ...: training data, from import to a frozen set."""

from __future__ import annotations

import typer

app = typer.Typer(
    no_args_is_help=True, help="Training data: import, check, repair, price, split, freeze, look at."
)
