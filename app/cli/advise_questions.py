"""The advisor's questions on a terminal, one after another."""

from __future__ import annotations

import typer

from app.cli.output import print_line
from errors import SettingsError
from evaluation.advice.factors import Factor, framework, read_levels

END = "q"


def ask_levels() -> dict[str, int]:
    """The answers; Enter leaves one open, q ends the questions."""
    factors = framework().factors
    print_line(f"{len(factors)} questions. A number from 0 to 4; Enter: not known; {END}: that is all.")
    found: dict[str, int] = {}
    for number, factor in enumerate(factors, start=1):
        print_line(f"\n{number} of {len(factors)}. {factor.question}")
        for level, said in enumerate(factor.levels):
            print_line(f"  {level}  {said}")
        given = _answer(factor)
        if given == END:
            break
        if given:
            found |= read_levels({factor.name: given})
    print_line("")
    return found


def _answer(factor: Factor) -> str:
    """What was typed, once it can be used; the end of the input is the end of the questions."""
    while True:
        try:
            given: str = typer.prompt(factor.name, default="", show_default=False).strip()
        except typer.Abort as ended:
            if not isinstance(ended.__context__, EOFError):  # Ctrl+C
                raise
            return END
        if given in ("", "?", END):
            return "" if given == "?" else given
        try:
            read_levels({factor.name: given})
        except SettingsError as error:
            print_line(str(error))
            continue
        return given
