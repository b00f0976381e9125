"""python -m app dataset fix train.jsonl --out fixed.jsonl --diff changes.diff: what can be mended without a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.dataset.validate import TAKERS
from app.cli.output import print_json, print_line
from errors import DatasetError

if TYPE_CHECKING:
    from finetune.fix_file import Fixed
    from finetune.fixing import FixOptions, Redaction


def fix(
    file: Annotated[Path, typer.Argument(help="The JSONL file to mend; it is never changed.")],
    out: Annotated[Path, typer.Option(help="The mended file to write.")],
    diff: Annotated[
        Path | None, typer.Option(help="Also write the changes: a unified diff, or .json.")
    ] = None,
    only: Annotated[str | None, typer.Option(help="Rules whose fixes run, as D01,F02.")] = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Personal data become [EMAIL], [PHONE] ...")
    ] = False,
    pseudonymise: Annotated[
        bool, typer.Option("--pseudonymise", help="Personal data become made-up ones, the same for the same.")
    ] = False,
    profile: Annotated[str, typer.Option(help=TAKERS)] = "openai",
    seed: Annotated[int, typer.Option(help="Of what is made up.")] = 7,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write a mended copy of a training file, and say what was changed by which rule.

    Lines that no fix can mend are kept as they are: `dataset validate` names them.
    """
    if redact and pseudonymise:
        raise typer.BadParameter("give --redact or --pseudonymise, not both")
    if diff is not None and diff.resolve() in {path.resolve() for path in (file, out)}:
        raise DatasetError(f"{str(diff)!r} is the file or its mended copy: name another --diff.")
    done = _fixed(file, out, diff, _options(profile, seed, redact, pseudonymise), _rules(only))
    if json:
        print_json(done.as_dict())
    else:
        _print(done)


def _rules(only: str | None) -> frozenset[str] | None:
    if only is None:
        return None
    return frozenset(name.strip().upper() for name in only.split(",") if name.strip())


def _options(profile: str, seed: int, redact: bool, pseudonymise: bool) -> FixOptions:
    from finetune.fixing import FixOptions
    from finetune.profiles import profile_named

    redaction: Redaction | None = "redact" if redact else "pseudonymise" if pseudonymise else None
    return FixOptions(profile=profile_named(profile), seed=seed, redaction=redaction)


def _fixed(
    file: Path, out: Path, diff: Path | None, options: FixOptions, only: frozenset[str] | None
) -> Fixed:
    from finetune.changes import recorded
    from finetune.fix_file import fix_file

    if diff is None:
        return fix_file(file, out, options=options, only=only)
    with recorded(diff, old=file, new=out) as record:
        return fix_file(file, out, options=options, only=only, on_change=record)


def _print(done: Fixed) -> None:
    for rule, count in done.by_rule.items():
        what = dict.fromkeys(
            text
            for change in done.changes
            for name, text in zip(change.rules, change.descriptions, strict=True)
            if name == rule
        )
        print_line(f"{rule}: {count:,} {'line' if count == 1 else 'lines'} ({'; '.join(what)})")
    if not done.by_rule:
        print_line("Nothing that a fix can mend.")
    print_line(
        f"{done.changed:,} changed, {done.removed:,} left out, {done.rows:,} lines written to {done.out}"
    )
