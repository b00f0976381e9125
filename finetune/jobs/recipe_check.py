"""Whether a request can be followed, by its own words alone: before a job is made of it, and before it waits."""

from __future__ import annotations

from collections.abc import Mapping

from errors import TuningRequestError
from finetune.jobs.record import JobRequest
from finetune.jobs.registry import trainer_of

__all__ = ["check_recipe"]


def check_recipe(request: JobRequest) -> None:
    """Nothing is read and nothing heavy imported. Raises TuningRequestError naming the field."""
    if trainer_of(request.model) == "responder":
        _check_responder(request)
        return
    from finetune.trainers.lora_recipe import read_recipe

    read_recipe(request.method, request.hyperparameters, request.options)


def _check_responder(request: JobRequest) -> None:
    from finetune.trainers.responder_recipe import recipe_of

    if request.method != "supervised":
        raise TuningRequestError(
            f"The responder learns by supervised training only, not by {request.method}: choose method supervised, or "
            "an open model.",
            param="method",
        )
    lora = request.options.get("lora")
    if lora is not None and not isinstance(lora, Mapping):
        raise TuningRequestError(f"lora is {lora!r}: give an object, as {{'rank': 16}}.", param="lora")
    recipe_of(request.hyperparameters, request.options, seed=0, questions=1)
