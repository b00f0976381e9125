"""python -m app finetune start examples/training.jsonl --watch: train on a file, a dataset or a frozen one."""

from __future__ import annotations

import json as json_codec
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.finetune.following import follow
from app.cli.output import print_json, print_line, say
from app.workspace import Workspace, open_workspace
from errors import SettingsError, TuningRequestError

if TYPE_CHECKING:
    from finetune.providers.fine_tuning import FineTuning
    from finetune.providers.orders import JobView, Order, Recipe
    from finetune.providers.places import Place

Auto = Annotated[str, typer.Option(help="A number, or auto.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", help="Accept what it is estimated to cost or take.")]
Watch = Annotated[
    bool | None, typer.Option("--watch/--no-watch", help="Follow it (the default on a terminal).")
]


def start(
    source: Annotated[
        str,
        typer.Argument(
            help="A JSONL file, a folder of `dataset split`, a dataset's name or a frozen one's hash."
        ),
    ],
    validation: Annotated[Path | None, typer.Option(help="JSONL for validation, beside a file.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The base: responder (embedded), an id of the place, or an open model's folder."),
    ] = None,
    place: Annotated[
        str,
        typer.Option(help="Where: local, openai, azure, nebius, crusoe, or other (GROUNDTUNE_TUNING_URL)."),
    ] = "local",
    method: Annotated[str, typer.Option(help="supervised, dpo or reinforcement.")] = "supervised",
    epochs: Auto = "auto",
    batch_size: Auto = "auto",
    learning_rate_multiplier: Auto = "auto",
    beta: Annotated[str, typer.Option(help="Of DPO: up to 2, or auto.")] = "auto",
    suffix: Annotated[str | None, typer.Option(help="Becomes part of the model's name.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="The same seed, data and recipe give the same model here.")
    ] = None,
    grader: Annotated[Path | None, typer.Option(help="JSON file of the grader, for reinforcement.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help='NAME=JSON of the place\'s own, such as lora={"rank":8}.')
    ] = None,
    yes: Yes = False,
    watch: Watch = None,
    json: Json = False,
) -> None:
    """Train a model. The data is checked and frozen first; the cost is shown and accepted before it is spent.

    Without more than a file the embedded responder is trained on this machine, with no key and no network.
    """
    from app.tuning_data import frozen_source
    from app.tuning_places import fine_tuning
    from finetune.providers.orders import Recipe
    from finetune.providers.places import place_named

    workspace, where = open_workspace(), place_named(place)
    work = fine_tuning(workspace)
    work.connect(where.name)
    named = _model(workspace, model, where)
    recipe = Recipe(
        method=_method(method),
        epochs=whole(epochs, "--epochs"),
        batch_size=whole(batch_size, "--batch-size"),
        learning_rate_multiplier=number(learning_rate_multiplier, "--learning-rate-multiplier"),
        beta=number(beta, "--beta"),
        suffix=suffix,
        seed=seed,
        grader=_grader(grader),
        options=dict(map(_option, option or ())),
    )
    checked_early(recipe, where)
    say("Checking the data ...")
    frozen = frozen_source(workspace, source, place=where, model=model, validation=validation)
    order = work.order(frozen, place=where.name, model=named, recipe=recipe)
    send(workspace, work, order, where, yes=yes, watch=watch, as_json=json)


def send(
    workspace: Workspace,
    work: FineTuning,
    order: Order,
    place: Place,
    *,
    yes: bool,
    watch: bool | None,
    as_json: bool,
) -> None:
    """Quote, yes, send, and follow where it is asked for."""
    from dataclasses import replace

    from app.tuning_data import quoted

    quote = quoted(workspace, order, place)
    for sentence in quote.sentences:
        say(sentence)
    alike = work.running_alike(order)
    if alike is not None:
        say(f"The same data is being trained in the same way there already, as {alike.id}.")
    why = quote.must_be_accepted or ("It would be trained twice" if alike is not None else None)
    if why is not None and not yes:
        _ask(why)
    job = work.start(replace(order, estimate=quote.estimate), accepted=yes)
    say(
        f"{job.id} at {place.title}: {order.model}, {order.data.rows:,} rows, dataset {order.data.hash[:12]}."
    )
    after_start(work, job, watch=watch, as_json=as_json)


def after_start(work: FineTuning, job: JobView, *, watch: bool | None, as_json: bool) -> None:
    follows = sys.stdout.isatty() and not as_json if watch is None else watch
    if follows:
        follow(work, job, as_json=as_json)
    elif as_json:
        print_json(job.as_dict())
    else:
        print_line(job.id)
        say(f"Watch it: python -m app finetune watch {job.id}")


def _ask(why: str) -> None:
    """Raises TuningRequestError where nobody can be asked, or the answer is no."""
    if not sys.stdin.isatty():
        raise TuningRequestError(f"{why}: add --yes to accept it.", code="over_budget")
    if not typer.confirm(f"{why}. Train?", err=True):
        raise TuningRequestError("Nothing was sent.", code="over_budget")


def _model(workspace: Workspace, model: str | None, place: Place) -> str:
    """The name that the place knows. A folder of an open model gets one."""
    if place.name != "local":
        if model is None:
            raise SettingsError(f"Name the model of {place.title} to train, with --model.")
        return model.removeprefix(f"{place.name}:")
    from app.tuning_bases import local_base

    return local_base(workspace, model)


def _method(text: str) -> Any:
    if text not in ("supervised", "dpo", "reinforcement"):
        raise typer.BadParameter(
            f"{text!r} is none of supervised, dpo, reinforcement.", param_hint="--method"
        )
    return text


def whole(text: str, hint: str) -> Any:
    if text == "auto":
        return text
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is neither a number from 1 up nor auto.", param_hint=hint)
    return int(text)


def number(text: str, hint: str) -> Any:
    if text == "auto":
        return text
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise typer.BadParameter(f"{text!r} is neither a number above 0 nor auto.", param_hint=hint)
    return value


def _grader(path: Path | None) -> Any:
    if path is None:
        return None
    try:
        found = json_codec.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{str(path)!r} cannot be read as the JSON of a grader.") from error
    if not isinstance(found, dict):
        raise SettingsError(f"{str(path)!r} is no grader: it needs a JSON object.")
    return found


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE.", param_hint="--option")
    try:
        return name, json_codec.loads(value)
    except ValueError:
        return name, value


def checked_early(recipe: Recipe, place: Place) -> None:
    """Before the data is read, which may take long."""
    from finetune.providers.recipes import check_recipe

    check_recipe(recipe, place)
