"""This machine as a place: the same door, the same wire, a real worker, no key and no network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import workspace
from app.__main__ import app
from app.tuning_places import fine_tuning
from tests.finetune.providers.conftest import rows


# The process that works the queue outlives whoever started it, on purpose; it ends by itself when the queue is empty.
@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore:subprocess [0-9]+ is still running:ResourceWarning")
def test_one_command_teaches_the_responder(home: Path, tmp_path: Path) -> None:
    """Watched to its end; then it is listed, asked by its name, and trained once more from what was kept."""
    file = tmp_path / "desk.jsonl"
    file.write_text(rows(12), "utf-8")
    arguments = [
        "finetune",
        "start",
        str(file),
        "--suffix",
        "desk",
        "--epochs",
        "5",
        "--seed",
        "3",
        "--watch",
    ]
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0, told.output
    assert "is trained." in told.stdout and "--model local:ft:responder:groundtune:desk:" in told.stdout
    work = fine_tuning(workspace.open_workspace())
    (job,) = work.jobs()
    assert (job.status, job.place, job.suffix, job.seed) == ("succeeded", "local", "desk", 3)
    assert len(work.ledger.all()) == 1 and job.metadata["dataset"] == job.dataset
    events = work.events(job.id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert work.results(job.id).startswith(
        b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n"
    )
    listed = json.loads(CliRunner().invoke(app, ["finetune", "models", "--json"]).stdout)
    assert f"local:{job.fine_tuned_model}" in {one["model"] for one in listed}
    order, left = work.again(job.id)
    assert (order.data.hash, order.recipe.epochs, order.model, left) == (job.dataset, 5, "responder", ())
    work.connect("local").client.close()
    work.ledger.close()
