"""python -m app finetune models | use MODEL | delete MODEL: what was trained, which of it answers, what goes."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from app.cli.finetune.watch import Json
from app.cli.output import print_json, print_line, say
from app.workspace import open_workspace
from errors import SettingsError, TuningRequestError

Model = Annotated[str, typer.Argument(help="As `finetune models` names it: local:ft:..., openai:ft:...")]


def models(
    live: Annotated[bool, typer.Option("--live", help="Ask the cloud places too.")] = False,
    json: Json = False,
) -> None:
    """Every tuned model and checkpoint that can be asked: trained here, or by a job of the ledger."""
    found = _known(live=live)
    if json:
        print_json(found)
        return
    for one in found:
        used = "  (in use)" if one["in_use"] else ""
        print_line(f"{one['model']}  base {one['base'] or '-'}{used}")
    if not found:
        say("No tuned model yet. Train one: python -m app finetune start examples/training.jsonl")


def _known(*, live: bool) -> list[dict[str, Any]]:
    """Local ones from this machine's API; the others from the ledger, and with `live` from their places."""
    from app.tuning_places import fine_tuning
    from errors import GroundtuneError
    from finetune.providers.places import place_named
    from finetune.providers.radar import base_of

    workspace = open_workspace()
    work, used = fine_tuning(workspace), workspace.settings.finetuned_model.value
    found: dict[str, tuple[str, str]] = {}
    for name in ["local", *(("openai", "nebius", "crusoe", "other") if live else ())]:
        try:
            listed = [str(one["id"]) for one in work.models(name)]
        except GroundtuneError as error:
            if live and name != "local" and not isinstance(error, SettingsError):
                say(str(error))
            continue
        found |= {
            f"{place_named(name).asked_as}:{model}": (base_of(model), name)
            for model in listed
            if model[:3] == "ft:"
        }
    for job in work.jobs():
        if job.fine_tuned_model and job.place != "local":
            found.setdefault(
                f"{place_named(job.place).asked_as}:{job.fine_tuned_model}", (job.model, job.place)
            )
    return [
        {"model": model, "base": base, "place": place, "in_use": model == used}
        for model, (base, place) in found.items()
    ]


def use(model: Model, json: Json = False) -> None:
    """Let the fine-tuned and hybrid modes answer with this model, from now on (GROUNDTUNE_FINETUNED_MODEL in .env)."""
    from app.settings import PROJECT_ROOT, save_to_dotenv

    settings = open_workspace().settings
    named = f"local:{model}" if model.startswith("ft:") and f"local:{model}" in _names() else model
    if ":" not in named or named.startswith("ft:"):
        raise SettingsError(
            f"{model!r} does not say where it is: write local:{model}, openai:{model} or the like."
        )
    setting = settings.with_value(settings.finetuned_model.name, named).finetuned_model
    if named.startswith("local:") and named not in _names():
        raise TuningRequestError(
            f"{named} was not trained here: `python -m app finetune models` names what was."
        )
    save_to_dotenv(PROJECT_ROOT / ".env", setting.name, named)
    if json:
        print_json({"used": named})
        return
    print_line(f"{named} answers in the fine-tuned and hybrid modes from now on.")
    if settings.finetuned_model.origin == "environment":
        say(f"But the environment sets {setting.name}, which wins over .env: change it there.")


def _names() -> set[str]:
    return {str(one["model"]) for one in _known(live=False)}


def delete(
    model: Model,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    json: Json = False,
) -> None:
    """Delete a tuned model for good, where it is. Its dataset and recipe stay, to train it again."""
    from app.tuning_places import fine_tuning

    named = f"local:{model}" if model.startswith("ft:") else model
    where, name = _place_of(named)
    if not yes:
        if not sys.stdin.isatty():
            raise TuningRequestError(f"{name} would be deleted for good: add --yes.")
        if not typer.confirm(f"Delete {name} for good?", err=True):
            raise TuningRequestError("Nothing was deleted.")
    fine_tuning(open_workspace()).delete_model(name, place=where)
    if json:
        print_json({"deleted": named})
    else:
        print_line(f"{named} is deleted.")


def _place_of(named: str) -> tuple[str, str]:
    """(the place, the model's name there). Several places' models are asked for as `compatible:`; jobs tell whose."""
    place, _, name = named.partition(":")
    if place != "compatible":
        return place, name
    return next((str(one["place"]) for one in _known(live=False) if one["model"] == named), "other"), name
