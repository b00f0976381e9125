"""What a job was told: its dataset by hash, its hyperparameters in plain words; and starting it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.ui.escape import one_line
from app.ui.facts_table import facts_table
from app.ui.tuning_source import run_key
from app.ui.tuning_words import METHOD_WORDS, parameter, value_words
from finetune.providers.places import places

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.providers.orders import JobView


def draw_recipe(_workspace: Workspace, job: JobView) -> None:
    rows = [{"": name, "Value": value} for name, value in recipe_rows(job).items()]
    facts_table(rows, key=f"recipe_{run_key(job)}")


def recipe_rows(job: JobView) -> dict[str, str]:
    """Plain text, in the order in which two recipes are compared."""
    known = places().get(job.place)
    rows = {
        "Place": known.title if known else job.place,
        "Base model": job.model,
        "Method": METHOD_WORDS.get(job.method, job.method),
        "Dataset": job.dataset_name or "not known here",
        "Dataset hash": job.dataset or str(job.facts.get("data_sha256") or "not known here"),
        "Training file": job.training_file or "–",
        "Validation file": job.validation_file or "none",
    }
    rows |= {parameter(name): value_words(value) for name, value in _chosen(job).items()}
    rows |= {"Seed": value_words(job.seed), "Job": job.id, "Tuned model": job.fine_tuned_model or "–"}
    return {name: one_line(value, longest=200) for name, value in rows.items()}


def _chosen(job: JobView) -> Mapping[str, Any]:
    """Hyperparameters, then the place's own options."""
    options = job.facts.get("options")
    own = options if isinstance(options, Mapping) else (job.recipe.options if job.recipe else {})
    hidden = {"accepted", "train_sha256"}
    return dict(job.hyperparameters) | {name: value for name, value in own.items() if name not in hidden}
