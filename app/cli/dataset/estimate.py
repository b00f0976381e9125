"""python -m app dataset estimate train.jsonl [--model ID]: tokens, what training would cost, and how long it lives."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.base_models import base_model
from app.cli.output import print_json, print_line
from app.settings import load_settings
from errors import DatasetError

if TYPE_CHECKING:
    from finetune.bases import Base
    from finetune.pricing import Estimate, Measured


def estimate(
    file: Annotated[Path, typer.Argument(help="The JSONL file to train on.")],
    model: Annotated[
        str | None,
        typer.Option(help="The base: an id, or a local model's folder. Without: all are compared."),
    ] = None,
    profile: Annotated[str, typer.Option(help="Whose id it is.")] = "openai",
    epochs: Annotated[str, typer.Option(help="A number, or auto: the provider's rule.")] = "auto",
    validation: Annotated[Path | None, typer.Option(help="The validation file.")] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Time and memory of training on this machine, by a short probe.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """What training on a file would cost, each price with its date; with --local what it takes on this machine.

    A price that is not in the catalogue is said to be unknown. GROUNDTUNE_HOME/catalogue.toml adds prices of yours.
    """
    from finetune.pricing import measure
    from finetune.profiles import profile_named

    settings = load_settings()
    base = base_model(settings, profile_named(profile).name, model)
    measured = measure(file, base.renderer)
    held_out = measure(validation, base.renderer) if validation is not None else None
    if local or base.profile == "local":
        _print_local(file, model, measured, base, _asked(epochs), as_json=json)
        return
    made = _estimates(base, measured, held_out, _asked(epochs), settings.home.value)
    if json:
        print_json({**_file(measured, base), "estimates": [one.as_dict() for one in made]})
    else:
        _print(measured, base, made)


def _asked(epochs: str) -> int | None:
    if epochs == "auto":
        return None
    if not epochs.isascii() or not epochs.isdecimal():
        raise DatasetError(f"{epochs!r} is no number of epochs: name a number, or auto.")
    return int(epochs)


def _estimates(
    base: Base, measured: Measured, validation: Measured | None, epochs: int | None, home: Path
) -> list[Estimate]:
    from chains.prices import load_prices
    from finetune.pricing import compare
    from finetune.pricing import estimate as price

    today, prices = datetime.datetime.now().astimezone().date(), load_prices(home)
    if base.model is None:
        return compare(
            measured, base.catalogue, today=today, epochs=epochs, validation=validation, prices=prices
        )
    return [
        price(measured, base.model, today=today, epochs=epochs, validation=validation, prices=prices,
              limit=base.limit)
    ]  # fmt: skip


def _file(measured: Measured, base: Base) -> dict[str, Any]:
    return {
        "file": measured.file,
        "rows": measured.rows,
        "unread_lines": measured.unread,
        "first_unread": measured.first_unread,
        "tokens": sum(measured.tokens),
        "learnt_tokens": measured.learnt,
        "longest_row": max(measured.longest),
        "counter": measured.counter,
        "estimated": base.renderer.tokenizer.estimated,
        "token_error": measured.error,
        "note": measured.note,
        "method": measured.method,
    }


def _print(measured: Measured, base: Base, made: list[Estimate]) -> None:
    _print_file(measured, base)
    if len(made) == 1 and base.model is not None:
        _print_one(made[0])
        return
    _print_table(made)


def _print_table(made: list[Estimate]) -> None:
    sources = list(dict.fromkeys(one.price.source for one in made if one.price))
    print_line("")
    print_line(
        f"{'model':58} {'epochs':>6} {'billed':>11} {'training':>18} {'a million':>9} {'as of':>15} {'ends':>10}"
    )
    for one in made:
        price = f"${one.price.value:g}" if one.price else "-"
        day = f"{one.price.source.date} [{sources.index(one.price.source) + 1}]" if one.price else "-"
        ends = str(one.model.shutdown.value) if one.model.shutdown else "-"
        print_line(
            f"{one.model.id[:58]:58} {one.epochs:>6} {one.billed_tokens:>11,} {_cost(one):>18} {price:>9} "
            f"{day:>15} {ends:>10}"
        )
    print_line("")
    for number, source in enumerate(sources, start=1):
        print_line(f"[{number}] {source.text} ({source.date})")
    for profile, hint in dict.fromkeys((one.model.profile, hint) for one in made for hint in one.hints):
        if not hint.startswith(f"{profile}:"):  # a model's last day stands in the table
            print_line(f"- {profile}: {hint}")


def _print_file(measured: Measured, base: Base) -> None:
    tokens = sum(measured.tokens)
    about = "about " if base.renderer.tokenizer.estimated else ""
    share = measured.learnt / tokens if tokens else 0
    print_line(
        f"{measured.file}: {measured.rows:,} rows, {about}{tokens:,} tokens, {share:.0%} of them learnt; "
        f"the longest row has {max(measured.longest):,}. Counted by {measured.counter}."
    )
    if measured.note:
        print_line(f"{measured.note} Off by up to {measured.error:.0%}.")
    if measured.unread:
        print_line(f"Lines that are not counted: {measured.unread:,}; the first is {measured.first_unread}.")


def _print_one(one: Estimate) -> None:
    print_line(f"{one.model.id}, epochs: {one.epochs}, {one.epochs_because}")
    validation = f" + {one.validation_tokens:,} of validation" if one.validation_tokens else ""
    print_line(
        f"  {one.tokens_an_epoch:,} tokens an epoch{validation}: {one.billed_tokens:,} tokens are billed"
    )
    print_line(f"  training: {_cost(one)} at {_price(one)}")
    print_line(f"  using it: {one.use or 'no price known'}")
    for hint in one.hints:
        print_line(f"  - {hint}")
    if one.blocked:
        print_line(f"  cannot be trained: {one.blocked}")


def _cost(one: Estimate) -> str:
    if one.blocked and one.usd is None:
        return "not possible"
    if one.usd is None or one.range_usd is None:
        return "no price known"
    low, high = one.range_usd
    return dollars(one.usd) if one.error == 0 else f"{dollars(low)} to {dollars(high)}"


def dollars(amount: float) -> str:
    """Two digits that say something: $12.40, $0.016."""
    return f"${amount:,.2f}" if amount >= 0.1 or amount == 0 else f"${amount:.2g}"


def _price(one: Estimate) -> str:
    if one.price is None:
        return "-"
    return f"${one.price.value:g} ({one.price.source})"


def _print_local(
    file: Path, model: str | None, measured: Measured, base: Base, epochs: int | None, *, as_json: bool
) -> None:
    from app.workspace import open_workspace
    from finetune.probe import probe

    folder = Path(model) if model and Path(model).is_dir() else None
    probed = probe(
        file, measured, renderer=base.renderer, folder=folder, epochs=epochs, encoder=open_workspace().encoder
    )
    if as_json:
        print_json({**_file(measured, base), "local": probed.as_dict()})
        return
    _print_file(measured, base)
    for line in probed.sentences():
        print_line(f"- {line}")
