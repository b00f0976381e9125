"""python -m app finetune ...: against a place on this machine, by the settings that a user makes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app import tuning_places, workspace
from app.__main__ import app
from app.cli.finetune.models import delete
from app.tuning_places import fine_tuning
from errors import (
    DatasetError,
    DatasetNotFoundError,
    SettingsError,
    TrainingFailedError,
    TuningNotFoundError,
    TuningRequestError,
)
from tests.finetune.providers.conftest import rows
from tests.loopback.tuning_server import RESULTS, TuningPlace

JOBS = "/fine_tuning/jobs"


@pytest.fixture
def tuning_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: TuningPlace) -> Iterator[Path]:
    """A home of its own, the place named as a user names it, and nobody who really waits."""
    monkeypatch.setenv("GROUNDTUNE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GROUNDTUNE_TUNING_URL", place.url)
    monkeypatch.setenv("GROUNDTUNE_TUNING_API_KEY", "key-of-the-place")
    monkeypatch.setattr(workspace, "_process_workspace", None)
    opened = workspace.open_workspace()
    tuning_places._made[opened] = replace(fine_tuning(opened), sleep=lambda _: None)
    yield tmp_path / "home"
    fine_tuning(opened).connect("local").client.close()
    fine_tuning(opened).ledger.close()
    opened.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "desk.jsonl"
    path.write_text(rows(12), "utf-8")
    return path


def run(*arguments: object, expect: int = 0, typed: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["finetune", *map(str, arguments)], input=typed)
    assert result.exit_code == expect, result.output + repr(result.exception)
    return result


def run_json(*arguments: object, expect: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", expect=expect).stdout)


def refused(error: type[Exception], *arguments: object) -> str:
    result = CliRunner().invoke(app, ["finetune", *map(str, arguments)])
    assert isinstance(result.exception, error), result.output + repr(result.exception)
    return str(result.exception)


def started(file: Path, *more: object) -> Any:
    return run_json("start", file, "--place", "other", "--model", "base", "--yes", *more)


def test_start_and_watch_end_with_the_models_name(tuning_home: Path, file: Path, place: TuningPlace) -> None:
    place.moves = True
    told = run("start", file, "--place", "other", "--model", "base", "--suffix", "desk", "--yes", "--watch")
    assert re.search(r"Created fine-tuning job", told.stdout)
    assert re.search(r"\d\d:\d\d:\d\d  step 2: loss 1\.2\n", told.stdout)
    model = re.search(
        r"^(ft:base:org:desk:\w+) is trained. 4,200 trained tokens are billed.$", told.stdout, re.M
    )
    assert model is not None
    assert f"--mode finetuned --model compatible:{model[1]}" in told.stdout
    assert place.asked[0].headers["authorization"] == "Bearer key-of-the-place"


def test_the_file_is_frozen_and_its_hash_recorded(tuning_home: Path, file: Path, place: TuningPlace) -> None:
    job = started(
        file, "--epochs", "3", "--batch-size", "4", "--learning-rate-multiplier", "0.5", "--seed", "9"
    )
    assert job["dataset_name"] == "desk" and len(job["dataset"]) == 64
    assert job["recipe"]["epochs"] == 3 and job["seed"] == 9
    given = place.requests("POST", JOBS)[0].body["method"]["supervised"]["hyperparameters"]
    assert given == {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 0.5}
    again = started(job["dataset"][:12])  # as its frozen form can be named too
    assert again["dataset"] == job["dataset"]


def test_money_wants_a_yes(tuning_home: Path, file: Path, place: TuningPlace) -> None:
    arguments = ("start", file, "--place", "other", "--model", "base")
    assert "add --yes" in refused(TuningRequestError, *arguments)
    assert not place.jobs


def test_rows_that_the_place_refuses_are_not_sent(tuning_home: Path, file: Path, place: TuningPlace) -> None:
    file.write_text(rows(5), "utf-8")
    said = refused(DatasetError, "start", file, "--place", "other", "--model", "base", "--yes")
    assert "F05" in said and not place.asked
    file.write_text(rows(12) + '{"messages": []}\n', "utf-8")
    said = refused(DatasetError, "start", file, "--place", "other", "--model", "base", "--yes")
    assert "line 13" in said and not place.asked


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        pytest.param(["--place", "openai", "--model", "m"], SettingsError, "set OPENAI_API_KEY", id="no key"),
        pytest.param(
            ["--place", "opena", "--model", "m"], TuningRequestError, "Did you mean 'openai'", id="no place"
        ),
        pytest.param(["--place", "other"], SettingsError, "--model", id="no model"),
        pytest.param(
            ["--model", "no-such-base"], SettingsError, "no base that is known: responder", id="no base"
        ),
        pytest.param(
            ["--model", "owner/model"], SettingsError, "GROUNDTUNE_OFFLINE forbids", id="a hub's id offline"
        ),
        pytest.param(
            ["--method", "reinforcement"], TuningRequestError, "does not train by", id="no such method"
        ),
        pytest.param(
            ["--option", "lora_r=8"], TuningRequestError, "takes no option 'lora_r'", id="no such option"
        ),
        pytest.param(["--grader", "none.json"], SettingsError, "none.json", id="no such grader"),
    ],
)
def test_wrong_orders_say_what_to_do(
    tuning_home: Path, file: Path, arguments: list[str], error: type[Exception], said: str
) -> None:
    assert said in refused(error, "start", file, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--epochs", "0"], id="no epochs"),
        pytest.param(["--epochs", "two"], id="epochs in words"),
        pytest.param(["--learning-rate-multiplier", "-1"], id="a negative rate"),
        pytest.param(["--method", "magic"], id="no method"),
        pytest.param(["--option", "lora"], id="no value"),
        pytest.param(["--beta", "nan"], id="no number"),
    ],
)
def test_wrong_usage_is_status_2(tuning_home: Path, file: Path, arguments: list[str]) -> None:
    run("start", file, *arguments, expect=2)


def test_an_unknown_source_names_what_there_could_be(tuning_home: Path) -> None:
    assert "no file, no folder, no dataset" in refused(DatasetNotFoundError, "start", "Rental desk")


def test_list_show_pause_resume_cancel(tuning_home: Path, file: Path, place: TuningPlace) -> None:
    job = started(file)["id"]
    assert run_json("pause", job)["status"] == "paused"
    assert "is paused. Go on: python -m app finetune resume" in run("pause", job).stdout
    assert run_json("resume", job)["status"] == "queued"
    shown = run_json("show", job)
    assert shown["events"][0]["message"].startswith("Created")
    assert [one["step"] for one in shown["checkpoints"]] == [20, 10]
    assert run_json("cancel", job)["status"] == "cancelled"
    assert [(one["id"], one["status"]) for one in run_json("list", "--refresh")] == [(job, "cancelled")]
    assert f"{job} was cancelled." in run("watch", job, expect=1).stdout
    line = run("list").stdout.splitlines()[1]
    assert job in line and "cancelled" in line and "base" in line


def test_a_job_that_fails_says_why_with_status_1(tuning_home: Path, file: Path, place: TuningPlace) -> None:
    job = started(file)["id"]
    place.step(job, status="failed", error={"code": "invalid_training_file", "message": "Line 3 is odd."})
    assert f"{job} failed: Line 3 is odd." in run("watch", job, expect=1).stdout
    assert run_json("watch", job, expect=1)["job"]["error"]["code"] == "invalid_training_file"


def test_ctrl_c_leaves_the_job_running(
    tuning_home: Path, file: Path, place: TuningPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = started(file)["id"]
    opened = workspace.open_workspace()

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    tuning_places._made[opened] = replace(fine_tuning(opened), sleep=interrupted)
    told = run("watch", job)
    assert f"goes on without you. Look again: python -m app finetune watch {job}" in told.stderr
    assert place.jobs[job]["status"] == "validating_files"


def test_closed_training_is_taken_elsewhere_in_one_command(
    tuning_home: Path, file: Path, place: TuningPlace
) -> None:
    place.fault("POST", JOBS, status=403, code="training_not_available")
    arguments = (
        "start",
        file,
        "--place",
        "other",
        "--model",
        "base",
        "--suffix",
        "desk",
        "--yes",
        "--epochs",
        "4",
    )
    said = refused(TrainingFailedError, *arguments)
    tag = re.search(r"finetune again (gt-\w+) --place local", said)
    assert tag is not None and "stays there as file-" in said
    assert run_json("list")[0]["status"] == "refused"
    opened = workspace.open_workspace()
    order, left = fine_tuning(opened).again(tag[1], place="local")
    assert (order.model, order.recipe.epochs, order.recipe.suffix, left) == ("responder", 4, "desk", ())
    job = run_json("again", tag[1], "--place", "other", "--model", "base-2", "--yes")
    sent = place.requests("POST", JOBS)[-1].body
    assert (sent["model"], sent["suffix"]) == ("base-2", "desk")
    assert job["dataset"] == order.data.hash


def test_the_same_again_is_asked_about(tuning_home: Path, file: Path, place: TuningPlace) -> None:
    job = started(file)["id"]
    told = run("start", file, "--place", "other", "--model", "base", "--yes")
    assert f"being trained in the same way there already, as {job}" in told.stderr


def test_what_broke_off_is_resumed_by_its_tag(tuning_home: Path, file: Path, place: TuningPlace) -> None:
    place.fault("POST", JOBS, after=True)
    place.fault("GET", JOBS, status=503, times=99)
    said = refused(Exception, "start", file, "--place", "other", "--model", "base", "--yes")
    tag = re.search(r"finetune resume (gt-\w+)", said)
    assert tag is not None
    place._faults.clear()
    assert run_json("resume", tag[1])["id"] in place.jobs
    assert len(place.jobs) == 1


def test_results_are_printed_or_written(
    tuning_home: Path, file: Path, place: TuningPlace, tmp_path: Path
) -> None:
    job = started(file)["id"]
    place.finish(job)
    assert run("results", job).stdout.encode() == RESULTS
    assert run_json("results", job, "--out", tmp_path / "m.csv")["bytes"] == len(RESULTS)
    assert (tmp_path / "m.csv").read_bytes() == RESULTS
    refused(SettingsError, "results", job, "--out", tmp_path / "no" / "m.csv")


def test_models_are_listed_used_and_deleted(
    tuning_home: Path, file: Path, place: TuningPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app import settings

    monkeypatch.setattr(settings, "PROJECT_ROOT", tmp_path)
    job = started(file)["id"]
    place.finish(job)
    run("show", job)
    (listed,) = run_json("models")
    assert listed["model"].startswith("compatible:ft:base:org:") and listed["in_use"] is False
    run("use", listed["model"])
    assert f"GROUNDTUNE_FINETUNED_MODEL={listed['model']}" in (tmp_path / ".env").read_text("utf-8")
    assert "trained here" in refused(TuningRequestError, "use", "local:ft:responder:groundtune::nowhere")
    assert "add --yes" in refused(TuningRequestError, "delete", listed["model"])
    run("delete", listed["model"], "--yes")
    assert not place.models
    refused(TuningNotFoundError, "delete", listed["model"], "--yes")
    assert "only those can be deleted" in refused(TuningRequestError, "delete", "compatible:base", "--yes")


def test_places_say_what_to_set(tuning_home: Path) -> None:
    found = {one["place"]: one for one in run_json("places")}
    assert found["local"]["connected"] and found["other"]["connected"]
    assert "NEBIUS_API_KEY" in found["nebius"]["reason"]
    assert found["crusoe"]["learning_rate"] == "absolute"


def test_another_servers_key_is_not_sent_to_openai(
    tuning_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-ollama")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")
    monkeypatch.setattr(workspace, "_process_workspace", None)
    found = {one["place"]: one for one in run_json("places")}
    assert not found["openai"]["connected"] and "--place other" in found["openai"]["reason"]


@pytest.mark.parametrize(
    ("named", "where"),
    [
        ("local:ft:responder:a", "local"),
        ("nebius:ft:llama:a", "nebius"),
        ("compatible:ft:llama:a", "nebius"),
        ("compatible:ft:llama:b", "other"),
    ],
)
def test_a_model_is_deleted_where_it_was_trained(
    tuning_home: Path, monkeypatch: pytest.MonkeyPatch, named: str, where: str
) -> None:
    """And at no other place that is asked in the same way."""
    deleted: list[tuple[str, str]] = []

    class Work:
        def delete_model(self, model: str, *, place: str) -> None:
            deleted.append((place, model))

    known = [{"model": "compatible:ft:llama:a", "base": "llama", "place": "nebius", "in_use": False}]
    monkeypatch.setattr(sys.modules[delete.__module__], "_known", lambda *, live: known)
    monkeypatch.setattr("app.tuning_places.fine_tuning", lambda _workspace: Work())
    delete(named, yes=True)
    assert deleted == [(where, named.partition(":")[2])]
