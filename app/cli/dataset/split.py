"""python -m app dataset split rows.jsonl --out split/: training, validation and test rows that share nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import print_json, print_line, say

SEED = 7

if TYPE_CHECKING:
    from finetune.split_files import SplitFiles
    from finetune.splits import SplitRecipe


def split(
    files: Annotated[list[Path], typer.Argument(help="JSONL files of rows.")],
    out: Annotated[Path, typer.Option(help="The folder for train.jsonl, validation.jsonl and test.jsonl.")],
    validation: Annotated[float, typer.Option(help="Share of the rows for validation.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the rows for the test.")] = 0.0,
    group: Annotated[
        list[str] | None,
        typer.Option(
            help="A field whose equal values stay in one split, such as metadata.ticket; repeatable."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help=f"Decides which groups go where; recorded.  [default: {SEED}]")
    ] = None,
    least: Annotated[int, typer.Option("--min-validation", help="Rows at least.")] = 16,
    most: Annotated[int, typer.Option("--max-validation", help="Rows at most.")] = 1000,
    near: Annotated[
        bool, typer.Option("--near/--no-near", help="Whether near duplicates stay in one split too.")
    ] = True,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget how the folder's rows were split before.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Divide rows by group, question and near duplicates: what belongs together stays in one split.

    Splitting again into the same folder leaves the old rows where they were and divides the new ones.
    """
    from finetune.split_files import earlier_split, split_files
    from finetune.splits import GROUPS, SplitRecipe

    earlier = None if fresh else earlier_split(out)
    recipe = SplitRecipe(
        seed=earlier.seed_now(seed) if earlier else SEED if seed is None else seed,
        validation=validation, test=test, least_validation=least, most_validation=most, near=near,
        groups=tuple(dict.fromkeys([*(group or ()), *GROUPS])),
    )  # fmt: skip
    if earlier and not json:
        say(f"Rows that {out} was made of before keep their split (--fresh forgets it).")
    made = split_files(
        files,
        out,
        recipe,
        earlier=earlier.assignments if earlier else {},
        on_progress=lambda read: say(f"  {read:,} rows read"),
    )
    if json:
        print_json(made.as_dict())
    else:
        _told(made, recipe)


def _told(made: SplitFiles, recipe: SplitRecipe) -> None:
    plan = made.plan
    for name, path in made.files.items():
        print_line(f"{plan.counts[name]} rows in {plan.groups[name]} groups for {name}: {path}")
    if plan.withheld:
        print_line(f"{len(plan.withheld)} rows withheld: {made.folder / 'withheld.jsonl'}")
    for note in plan.notes:
        print_line(note)
    print_line(f"Seed {recipe.seed}; {made.folder / 'split.json'} remembers where each row went.")
