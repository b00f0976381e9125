"""python -m app dataset build faq.xlsx tickets.csv --out train.jsonl: examples of any form become rows."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.output import print_json, print_line, say
from errors import DatasetError

if TYPE_CHECKING:
    from finetune.examples import Example, Refused, Row
    from finetune.importing import Form, Recognition
    from finetune.importing.building import Built

_LONGEST_SHOWN = 240  # characters of a message in a sample


def build(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", help="CSV, Excel, ODS, JSON, JSONL, Parquet; or folders of them."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The JSONL file to write; without it nothing is.")] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="PART=COLUMN",
            help='What a column holds: question=Frage, answer="Col B", context= for none.',
        ),
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="The records' form, where the one recognised is not meant.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="The one sheet of a spreadsheet to read.")] = None,
    system: Annotated[str | None, typer.Option(help="The system prompt of rows that have none.")] = None,
    feedback: Annotated[bool, typer.Option(help="Add answers with 👍, and corrected ones.")] = False,
    preferences: Annotated[
        bool, typer.Option(help="Add pairs of a corrected and a 👎 answer, to prefer the first.")
    ] = False,
    conversations: Annotated[bool, typer.Option(help="Add answers that nobody has rated.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing, even with --out.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail where a record is refused.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Turn files, feedback and conversations into training rows: mapping and samples first, then every record.

    Each refused record is named by file, line and field, and written beside --out as NAME.refused.jsonl.
    """
    from finetune.importing.building import data_files

    kept = _own_records(feedback, preferences, conversations)
    if not files and not kept:
        raise typer.BadParameter("Name a file or folder, or --feedback, --preferences or --conversations.")
    paths, left_out = data_files(files or [])
    plans = _recognised(paths, _form(form), _mapping(map_ or []), sheet, lenient=_any_folder(files or []))
    if not json:
        _show_plans(plans, left_out)
    target = None if dry_run else out
    if target is not None:
        plans = _without_doubt(plans, lenient=_any_folder(files or []))
    built = _run(plans, kept, system, target, paths)
    if json:
        print_json(_as_document(plans, left_out, built, target))
    else:
        _show_built(built, target)
    if strict and built.refused:
        raise DatasetError(f"{built.refused} records were refused, and --strict allows none.")


# --- what is asked for --------------------------------------------------------------------------------


def _mapping(given: Sequence[str]) -> dict[str, str]:
    mapping = {}
    for one in given:
        part, sign, column = one.partition("=")
        if not sign or not part.strip():
            raise typer.BadParameter(
                f'{one!r}: write PART=COLUMN, as in question="Col B".', param_hint="--map"
            )
        mapping[part.strip()] = column.strip()
    return mapping


def _form(name: str | None) -> Form | None:
    from finetune.importing import FORMS

    if name is None:
        return None
    for form in FORMS:
        if form == name.casefold():
            return form
    raise typer.BadParameter(f"{name!r} is no form: name one of {', '.join(FORMS)}.", param_hint="--format")


def _any_folder(files: Sequence[Path]) -> bool:
    return any(path.is_dir() for path in files)


def _recognised(
    paths: Sequence[Path], form: Form | None, mapping: dict[str, str], sheet: str | None, *, lenient: bool
) -> list[Recognition | Refused]:
    """What each file is. `lenient`: of a folder, a file that cannot be read is refused by name."""
    from finetune.examples import Refused
    from finetune.importing import recognise

    plans: list[Recognition | Refused] = []
    for path in paths:
        try:
            plans.append(recognise(path, form=form, mapping=mapping, sheet=sheet))
        except DatasetError as error:
            if not lenient:
                raise
            fix = "Name this file alone with --map or --format, or take it out of the folder."
            plans.append(Refused(file=str(path), line=1, field="", reason=str(error), fix=fix))
    return plans


def _without_doubt(plans: Sequence[Recognition | Refused], *, lenient: bool) -> list[Recognition | Refused]:
    """Nothing is written by a guess: a person says that it is right. Raises DatasetError, or refuses the file."""
    from finetune.examples import Refused

    sure: list[Recognition | Refused] = []
    for plan in plans:
        doubt = None if isinstance(plan, Refused) else plan.doubtful
        if doubt is None:
            sure.append(plan)
        elif lenient and not isinstance(plan, Refused):
            sure.append(
                Refused(file=str(plan.path), line=1, field="", reason=doubt, fix="Name this file alone.")
            )
        else:
            raise DatasetError(doubt)
    return sure


def _own_records(feedback: bool, preferences: bool, conversations: bool) -> list[Iterable[dict[str, Any]]]:
    """Rows of the program's own records."""
    if not (feedback or preferences or conversations):
        return []
    from app.workspace import TENANT, open_workspace

    records = open_workspace().records
    chosen: list[Iterable[dict[str, Any]]] = []
    if feedback:
        chosen.append(records.feedback.training_examples(TENANT, owner=None))
    if preferences:
        chosen.append(records.feedback.preference_examples(TENANT, owner=None))
    if conversations:
        chosen.append(records.feedback.unrated_examples(TENANT, owner=None))
    return chosen


def _run(
    plans: Sequence[Recognition | Refused],
    kept: Sequence[Iterable[dict[str, Any]]],
    system: str | None,
    out: Path | None,
    inputs: Sequence[Path],
) -> Built:
    from finetune.importing.building import write_examples

    def progress(built: Built) -> None:
        say(f"  {built.rows:,} rows, {built.refused:,} refused")

    return write_examples(_examples(plans, kept, system), out, inputs=inputs, on_progress=progress)


def _examples(
    plans: Sequence[Recognition | Refused], kept: Sequence[Iterable[dict[str, Any]]], system: str | None
) -> Iterator[Example | Refused]:
    from finetune.examples import Refused
    from finetune.importing import read_examples
    from finetune.importing.own_records import examples_of

    for plan in plans:
        if isinstance(plan, Refused):
            yield plan
        else:
            yield from read_examples(plan.path, plan, system=system)
    for rows in kept:
        yield from examples_of(rows, system=system)


# --- what is shown ------------------------------------------------------------------------------------


def _show_plans(plans: Sequence[Recognition | Refused], left_out: Sequence[Path]) -> None:
    from finetune.examples import Refused

    for plan in plans:
        if isinstance(plan, Refused):
            print_line(f"{plan.file}\n  not read: {plan.reason}")
        else:
            _show_plan(plan)
    for path in left_out:
        print_line(f"{path}\n  left out: it is no data file")
    if left_out:
        say(
            "Documents become questions and answers with: python -m app dataset generate FILE... --out ROWS.jsonl"
        )


def _show_plan(plan: Recognition) -> None:
    from finetune.importing import SUMMARIES

    print_line(f"{plan.path}\n  form      {plan.form}: {SUMMARIES[plan.form]} -> {plan.kind} rows")
    print_line(f"  certainty {plan.confidence:.0%}")
    for sheet, mapping in plan.tables.items():
        told = ", ".join(f"{part} = {column!r}" for part, column in mapping.items()) or "-"
        print_line(f"  {f'sheet {sheet}: ' if sheet else ''}mapping   {told}")
    if plan.unused:
        print_line(f"  not used  {', '.join(map(repr, plan.unused))}  (keep one: --map metadata.NAME=COLUMN)")
    for note in plan.notes:
        print_line(f"  note      {note}")
    for other in plan.alternatives:
        print_line(f"  or        --format {other.form}: {other.why}")
    for number, row in enumerate(plan.samples, start=1):
        print_line(f"  row {number}\n{_shown_row(row)}")


def _shown_row(row: Row) -> str:
    from finetune.examples import METADATA

    messages = row.get("messages")
    if isinstance(messages, list):
        told = [
            f"{one.get('role')}: {_short(one.get('content') or one.get('tool_calls'))}" for one in messages
        ]
    else:
        told = [f"{name}: {_short(value)}" for name, value in row.items() if name != METADATA]
    return "\n".join(f"    {line}" for line in told)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json_module.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _show_built(built: Built, out: Path | None) -> None:
    from finetune.importing.building import refused_file

    for one in built.first_refused:
        place = f"{one.file}, line {one.line}{f', {one.field}' if one.field else ''}"
        print_line(f"refused   {place}: {one.reason} {one.fix}")
    if built.refused > len(built.first_refused):
        print_line(f"          and {built.refused - len(built.first_refused):,} more")
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in built.kinds.most_common())
    print_line(f"{built.rows:,} rows{f' ({kinds})' if kinds else ''}, {built.refused:,} refused")
    if len(built.kinds) > 1:
        say("The rows are of different kinds: train them apart, each kind in a file of its own.")
    if out is None:
        say("Nothing was written. Write the rows with --out FILE.jsonl")
        return
    print_line(f"written to {out}")
    if built.refused:
        print_line(f"refused records, each with its fix: {refused_file(out)}")


def _as_document(
    plans: Sequence[Recognition | Refused], left_out: Sequence[Path], built: Built, out: Path | None
) -> dict[str, Any]:
    return {
        "files": [plan.as_dict() for plan in plans],
        "left_out": list(map(str, left_out)),
        **built.as_dict(),
        "out": str(out) if out is not None else None,
    }
