"""`dataset estimate` and `dataset show`, as a person or script runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.__main__ import app
from errors import GroundtuneError
from tests.finetune.model_folders import model_folder

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "training.jsonl"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["dataset", *arguments])


def test_the_examples_are_priced_at_every_provider_without_key_or_network() -> None:
    ran = run("estimate", str(EXAMPLES), "--json")
    assert ran.exit_code == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert said["rows"] == 120
    assert said["estimated"] is True
    assert {one["model"].partition(":")[0] for one in said["estimates"]} >= {"openai", "together", "azure"}


def test_one_model_shows_its_price_with_the_date_and_its_last_day() -> None:
    ran = run("estimate", str(EXAMPLES), "--model", "gpt-4.1-mini", "--epochs", "2")
    assert ran.exit_code == 0, ran.stderr
    for part in ("epochs: 2, as asked", "autumn 2025", "2027-01-14", "Token counts are estimates"):
        assert part in ran.stdout


def test_a_price_that_is_not_known_is_said() -> None:
    assert (
        "no price known" in run("estimate", str(EXAMPLES), "--profile", "azure", "--model", "gpt-4o").stdout
    )


def test_a_local_model_is_measured_on_this_machine(tmp_path: Path, home: Path) -> None:
    folder = model_folder(tmp_path / "model")
    ran = run("estimate", str(EXAMPLES), "--profile", "local", "--model", str(folder), "--json")
    assert ran.exit_code == 0, ran.stderr
    local = json.loads(ran.stdout)["local"]
    assert local["encoder_rows_a_second"] > 0
    assert local["cores"] >= 1
    assert "Training time is not measured" in local["missing"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("estimate", "nowhere.jsonl"), "nowhere.jsonl"),
        (("estimate", str(EXAMPLES), "--epochs", "many"), "'many' is no number of epochs"),
        (("estimate", str(EXAMPLES), "--epochs", "99"), "1 to 50"),
        (("estimate", str(EXAMPLES), "--profile", "opnai"), "Did you mean 'openai'"),
        (
            ("estimate", str(EXAMPLES), "--profile", "local", "--model", "nowhere"),
            "There is no folder 'nowhere'",
        ),
        (("show", str(EXAMPLES), "--row", "121"), "no row in line 121"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: tuple[str, ...], says: str) -> None:
    ran = run(*arguments)
    assert ran.exit_code == 1
    assert isinstance(ran.exception, GroundtuneError)
    assert says in str(ran.exception)


def test_show_counts_a_file() -> None:
    said = json.loads(run("show", str(EXAMPLES), "--json").stdout)
    assert (said["rows"], said["kinds"]) == (120, {"chat": 120})
    assert said["roles"] == {"system": 120, "user": 120, "assistant": 120}
    assert 0 < said["learnt"] < said["tokens"]


def test_show_marks_what_is_learnt(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    ran = run("show", str(EXAMPLES), "--row", "2", "--mask", "--model", str(folder))
    assert ran.exit_code == 0, ran.stderr
    assert "<|im_start|>assistant\n[[An IB-12 is 295 euros a week" in ran.stdout
    assert ran.stdout.rstrip().endswith("<|im_end|>]]")
    pieces = json.loads(run("show", str(EXAMPLES), "--row", "2", "--mask", "--json").stdout)["texts"][0][
        "pieces"
    ]
    assert {piece["message"] for piece in pieces if piece["trained"]} == {2}


def test_what_a_row_holds_never_reaches_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    messages = [{"role": "user", "content": "\x1b[2J"}, {"role": "assistant", "content": "ok\x07"}]
    file.write_text(json.dumps({"messages": messages}) + "\n")
    for arguments in (("show", str(file)), ("show", str(file), "--mask"), ("show", str(file), "--row", "1")):
        assert not set(run(*arguments).stdout) & {"\x1b", "\x07"}
