"""An order reaches its place once, whatever breaks on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from errors import (
    GroundtuneError,
    ProviderError,
    TrainingFailedError,
    TuningBusyError,
    TuningError,
    TuningRequestError,
    TuningStateError,
)
from finetune.freezing import Facts, Frozen, FrozenStore
from finetune.providers.fine_tuning import FineTuning
from finetune.providers.orders import Order, Recipe
from finetune.providers.places import place_named
from finetune.providers.sending import Sender, _same_model
from finetune.providers.uploading import BOM, outgoing
from tests.finetune.providers.conftest import Clock, connecting, connection_to
from tests.loopback.tuning_server import TuningPlace

JOBS = "/fine_tuning/jobs"


def test_a_job_is_sent_with_its_files_recipe_and_tag(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    job = work.start(order)
    assert job.id in place.jobs and job.status == "validating_files"
    sent = place.requests("POST", JOBS)[0].body
    assert sent == {
        "model": "gpt-4.1-mini-2025-04-14",
        "training_file": job.training_file,
        "validation_file": job.validation_file,
        "suffix": "desk",
        "seed": 7,
        "metadata": {"groundtune": job.tag, "dataset": order.data.hash},
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
    }
    assert place.contents[job.training_file or ""] == order.data.train.read_bytes()
    assert place.requests("POST", JOBS)[0].headers["idempotency-key"] == job.tag


def test_it_is_written_down_before_anything_leaves(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    seen: list[str] = []
    place.fault("POST", "/files", status=500, times=1, hook=lambda: seen.append(work.ledger.all()[0].state))
    with pytest.raises(ProviderError):
        work.start(order)
    assert seen == ["uploading"]
    seen.clear()
    place.fault("POST", JOBS, after=True, hook=lambda: seen.append(work.ledger.all()[0].state))
    work.start(order)
    assert seen == ["creating"]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"after": True}, id="the answer is cut off"),
        pytest.param({"after": True, "status": 500}, id="it fails after it made the job"),
        pytest.param({"after": True, "status": 504}, id="a gateway gives up"),
        pytest.param({"after": True, "raw": b"<html>"}, id="the answer is no JSON"),
        pytest.param({"after": True, "raw": b"{}"}, id="the answer names no job"),
        pytest.param({"after": True, "status": 409, "code": "conflict"}, id="it says the job is there"),
    ],
)
@pytest.mark.parametrize(
    ("keeps", "filters"),
    [(True, True), (True, False), (False, True)],
    ids=["filter", "no filter", "no metadata"],
)
def test_a_lost_answer_makes_no_second_job(
    work: FineTuning, order: Order, place: TuningPlace, fault: dict[str, Any], keeps: bool, filters: bool
) -> None:
    place.keeps_metadata, place.filters = keeps, filters
    place.fault("POST", JOBS, **fault)
    job = work.start(order)
    assert list(place.jobs) == [job.id]
    assert len(place.requests("POST", JOBS)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({}, id="the connection is cut"),
        pytest.param({"status": 503}, id="it is overloaded"),
        pytest.param({"status": 429, "headers": {"retry-after": "7"}}, id="it limits requests"),
        pytest.param({"status": 400, "message": "File file-1 is not ready."}, id="its file is not ready"),
    ],
)
def test_what_did_not_arrive_is_sent_again(
    work: FineTuning, order: Order, place: TuningPlace, fault: dict[str, Any]
) -> None:
    place.fault("POST", JOBS, **fault)
    job = work.start(order)
    assert list(place.jobs) == [job.id]
    assert len(place.requests("POST", JOBS)) == 2


def test_a_retry_waits_as_long_as_it_is_told(
    work: FineTuning, order: Order, place: TuningPlace, clock: Clock
) -> None:
    place.fault("POST", JOBS, status=429, headers={"retry-after": "7"})
    work.start(order)
    assert clock.slept == [7.0]


def test_where_nobody_knows_nothing_is_sent_again(work: FineTuning, order: Order, place: TuningPlace) -> None:
    """The place made the job, then fell silent: asking again blindly would pay twice."""
    place.fault("POST", JOBS, after=True)
    place.fault("GET", JOBS, status=503, times=99)
    with pytest.raises(TuningError, match="not known yet"):
        work.start(order)
    entry = work.ledger.all()[0]
    assert (entry.state, len(place.jobs)) == ("creating", 1)
    place._faults.clear()
    resumed = work.resume(entry.tag)
    assert list(place.jobs) == [resumed.id]


def test_a_place_that_keeps_failing_is_given_up_with_what_to_do(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    place.fault("POST", JOBS, status=500, times=99)
    with pytest.raises(TuningError, match="finetune resume gt-"):
        work.start(order)
    place._faults.clear()
    files = len(place.files)
    work.resume(work.ledger.all()[0].tag)
    assert (len(place.jobs), len(place.files)) == (1, files)


def test_the_same_order_takes_up_what_broke_off(work: FineTuning, order: Order, place: TuningPlace) -> None:
    place.fault("POST", "/files", times=1)
    with pytest.raises(ProviderError):
        work.start(order)
    job = work.start(order)
    assert [entry.remote_id for entry in work.ledger.all()] == [job.id]
    other = work.start(order)  # a new one, since the first has been sent
    assert other.id != job.id and len(place.jobs) == 2


def test_a_file_that_arrived_unheard_is_not_uploaded_again(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    place.fault("POST", "/files", after=True)
    with pytest.raises(ProviderError):
        work.start(order)
    assert len(place.files) == 1
    work.start(order)
    assert len(place.files) == 2  # train, validation


def test_a_file_that_lies_there_is_used_for_the_next_job(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    first = work.start(order)
    second = work.start(replace(order, recipe=Recipe(epochs=3)))
    assert first.training_file == second.training_file and len(place.requests("POST", "/files")) == 2
    place.files.clear()  # the place forgot them
    third = work.start(replace(order, recipe=Recipe(epochs=4)))
    assert third.training_file in place.files


def test_two_orders_of_one_file_are_told_apart_without_metadata(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    place.keeps_metadata = False
    first = work.start(order)
    place.fault("POST", JOBS, after=True)
    second = work.start(replace(order, recipe=Recipe(epochs=3)))
    assert first.id != second.id and list(place.jobs) == [first.id, second.id]


@pytest.mark.parametrize(
    ("ordered", "reported", "ours"),
    [
        pytest.param("gpt-4.1-mini", "gpt-4.1-mini", True, id="the same"),
        pytest.param("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", True, id="with its date"),
        pytest.param("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini", True, id="without its date"),
        pytest.param("mini-2025-04-14", "mini-2024-07-18", False, id="of another date"),
        pytest.param("Qwen3-8B", "Qwen/qwen3-8b", True, id="with its owner"),
        pytest.param("gpt-4.1", "gpt-4.1-mini-2025-04-14", False, id="another that begins so"),
        pytest.param("small", "large", False, id="another"),
        pytest.param("small", "", True, id="not told"),
    ],
)
def test_a_job_of_our_file_is_ours_only_for_our_model(ordered: str, reported: str, ours: bool) -> None:
    assert _same_model(reported, ordered) is ours


def test_another_models_job_on_our_file_is_left_alone(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    """Somebody trained another model on the file by other means, at a place that keeps no metadata."""
    place.keeps_metadata = False
    first = work.start(order)
    theirs = place.jobs[first.id]
    work.ledger.remove(str(first.tag))
    theirs["model"] = "another-model"
    place.fault("POST", JOBS)
    job = work.start(replace(order, recipe=Recipe(epochs=3)))
    assert job.id != first.id
    assert len(place.jobs) == 2


def test_the_lock_of_an_order_goes_once_it_is_sent(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    locks = work.ledger.folder / "sending"
    place.fault("POST", "/files", status=500, times=9)
    with pytest.raises(ProviderError):
        work.start(order)
    assert [path.suffix for path in locks.iterdir()] == [".lock"], "it is still to be sent"
    place._faults.clear()
    job = work.resume(work.ledger.all()[0].tag)
    assert job.status
    assert list(locks.iterdir()) == []


def test_somebody_elses_job_is_never_taken_for_ours(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    work.start(order)
    theirs = next(iter(place.jobs.values()))
    theirs["metadata"] = {"groundtune": "gt-another"}
    place.fault("POST", JOBS)
    job = work.start(replace(order, recipe=Recipe(epochs=3)))
    assert job.id != theirs["id"]


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        pytest.param(
            {"status": 403, "code": "training_not_available"},
            TrainingFailedError,
            r"takes no new .*stays there as file-.*finetune again gt-\w+ --place local`, or with --place azure,",
            id="training is closed",
        ),
        pytest.param(
            {"status": 429, "code": "insufficient_quota"},
            ProviderError,
            "no quota left",
            id="nothing is paid",
        ),
        pytest.param(
            {"status": 400, "code": "model_not_available", "message": "Model x cannot be tuned.\x1b[2J"},
            TuningRequestError,
            r"model_not_available\)\. It says: Model x cannot be tuned\. \[2J$",
            id="the model cannot be tuned",
        ),
        pytest.param(
            {"status": 401, "code": "invalid_api_key"}, ProviderError, "check OPENAI_API_KEY", id="wrong key"
        ),
    ],
)
def test_a_refusal_is_final_and_says_what_to_do(
    work: FineTuning,
    order: Order,
    place: TuningPlace,
    fault: dict[str, Any],
    error: type[GroundtuneError],
    said: str,
) -> None:
    place.fault("POST", JOBS, **fault)
    with pytest.raises(error, match=said):
        work.start(order)
    job = work.jobs()[0]
    assert (job.status, job.ended) == ("refused", True)
    assert job.training_file in place.files
    assert len(place.requests("POST", JOBS)) == 1


def test_no_key_is_repeated(work: FineTuning, order: Order, place: TuningPlace) -> None:
    place.fault("POST", JOBS, status=400, message="Bearer sk-test-1234567890abcdef may not")
    with pytest.raises(TuningRequestError) as caught:
        work.start(order)
    assert "1234567890" not in str(caught.value) and "(hidden)" in str(caught.value)


def test_azure_gets_its_byte_order_mark(work: FineTuning, frozen: Frozen, place: TuningPlace) -> None:
    job = work.start(work.order(frozen, place="azure", model="gpt-4.1-mini-2025-04-14"))
    sent = place.contents[job.training_file or ""]
    assert sent == BOM + frozen.files["train"].read_bytes()


@pytest.mark.parametrize(
    ("name", "recipe", "expected"),
    [
        pytest.param(
            "crusoe",
            Recipe(epochs=3, learning_rate_multiplier=2e-5),
            {
                "method": {
                    "type": "supervised",
                    "supervised": {"hyperparameters": {"n_epochs": 3, "learning_rate_multiplier": 2e-5}},
                }
            },
            id="the rate itself",
        ),
        pytest.param(
            "azure",
            Recipe(options={"trainingType": "GlobalStandard"}),
            {
                "trainingType": "GlobalStandard",
                "method": {"type": "supervised", "supervised": {}},
            },
            id="an option in the body",
        ),
        pytest.param(
            "openai",
            Recipe(
                method="reinforcement", grader={"type": "string_check"}, options={"compute_multiplier": 2}
            ),
            {
                "method": {
                    "type": "reinforcement",
                    "reinforcement": {
                        "hyperparameters": {"compute_multiplier": 2},
                        "grader": {"type": "string_check"},
                    },
                }
            },
            id="a grader",
        ),
    ],
)
def test_each_place_gets_its_own_form(
    work: FineTuning, frozen: Frozen, place: TuningPlace, name: str, recipe: Recipe, expected: dict[str, Any]
) -> None:
    work.start(work.order(frozen, place=name, model="m", recipe=recipe))
    sent = place.requests("POST", JOBS)[0].body
    assert {key: sent.get(key) for key in expected} == expected


def test_preferences_go_with_their_beta(
    work: FineTuning, frozen_store: FrozenStore, place: TuningPlace, tmp_path: Path
) -> None:
    said = [{"role": "assistant", "content": word} for word in ("Good.", "Bad.")]
    row = {"input": {"messages": [{"role": "user", "content": "Q"}]}, "preferred_output": said[:1]}
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(row | {"non_preferred_output": said[1:]}) + "\n", "utf-8")
    pairs = frozen_store.freeze({"train": path}, Facts(name="pairs"))
    work.start(work.order(pairs, place="openai", model="m", recipe=Recipe(method="dpo", beta=0.2)))
    sent = place.requests("POST", JOBS)[0].body
    assert sent["method"] == {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2}}}


def test_nebius_takes_the_older_form(frozen: Frozen) -> None:
    from finetune.providers.recipes import training_data
    from finetune.providers.wire import job_body

    recipe = Recipe(epochs=3, learning_rate_multiplier=1e-5, options={"lora": True, "lora_r": 16})
    made = job_body(
        Order(place="nebius", model="m", data=training_data(frozen), recipe=recipe),
        place_named("nebius"),
        tag="gt-1",
        tag_key="groundtune",
    )
    assert made["hyperparameters"] == {"n_epochs": 3, "learning_rate": 1e-5, "lora": True, "lora_r": 16}
    assert "method" not in made


@pytest.mark.parametrize(
    ("name", "recipe", "said"),
    [
        pytest.param("crusoe", Recipe(method="dpo"), "does not train by dpo", id="method"),
        pytest.param("azure", Recipe(suffix="v1.2"), "takes no suffix 'v1.2'", id="suffix"),
        pytest.param(
            "openai", Recipe(options={"lora_r": 8}), "takes no option 'lora_r'; it takes:", id="option"
        ),
        pytest.param("crusoe", Recipe(learning_rate_multiplier=2.0), "the learning rate itself", id="rate"),
        pytest.param("openai", Recipe(method="reinforcement"), "--grader", id="grader"),
        pytest.param("opnai", Recipe(), "Did you mean 'openai'", id="place"),
    ],
)
def test_what_a_place_does_not_take_is_said_before_anything_is_sent(
    work: FineTuning, frozen: Frozen, place: TuningPlace, name: str, recipe: Recipe, said: str
) -> None:
    with pytest.raises(TuningRequestError, match=said):
        work.order(frozen, place=name, model="m", recipe=recipe)
    assert not place.asked and not work.ledger.all()


def test_rows_of_another_method_are_not_sent(work: FineTuning, frozen: Frozen) -> None:
    with pytest.raises(TuningRequestError, match="rows of the kind 'chat', which dpo does not train on"):
        work.order(frozen, place="local", model="responder", recipe=Recipe(method="dpo"))


def test_a_large_file_goes_by_parts(
    work: FineTuning, order: Order, place: TuningPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetune import profiles
    from finetune.providers import uploading

    small = replace(profiles.profile_named("openai"), one_request_bytes=100)
    monkeypatch.setattr(uploading, "profile_named", lambda name: small)
    entry = work.ledger.write(order, account="a", accepted=True)
    sender = Sender(
        ledger=work.ledger,
        connection=connection_to(place.url, "openai"),
        sleep=lambda _: None,
        part_bytes=500,
    )
    sent = sender.send(entry, order)
    assert place.contents[sent.training_file or ""] == order.data.train.read_bytes()
    assert len(place.requests("POST", "/uploads/.*/parts")) >= 3
    assert {upload["status"] for upload in place.uploads.values()} == {"completed"}


def test_a_broken_upload_by_parts_is_taken_back(
    order: Order, place: TuningPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetune import profiles
    from finetune.providers import uploading

    small = replace(profiles.profile_named("openai"), one_request_bytes=100)
    monkeypatch.setattr(uploading, "profile_named", lambda name: small)
    place.fault("POST", "/uploads/.*/complete", status=500)
    connection = connection_to(place.url, "openai")
    file = outgoing(order.data.train, connection.place, name="rows")
    with pytest.raises(Exception, match="fault"):
        uploading.upload(connection.client, file, connection.place)
    assert {upload["status"] for upload in place.uploads.values()} == {"cancelled"}


def test_a_file_past_the_places_limit_is_not_sent(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    from finetune import profiles
    from finetune.providers import uploading

    monkeypatch.setattr(
        uploading, "profile_named", lambda name: replace(profiles.profile_named("azure"), max_bytes=9)
    )
    with pytest.raises(TuningRequestError, match="takes files of up to 9 bytes"):
        outgoing(order.data.train, place_named("azure"), name="rows")


def test_one_process_sends_at_a_time(work: FineTuning, order: Order) -> None:
    entry = work.ledger.write(order, account=work.connect("openai").account, accepted=True)
    with work.ledger.sending(entry.tag), pytest.raises(TuningBusyError, match="just now"):
        work.resume(entry.tag)
    assert work.resume(entry.tag).status == "validating_files"


def test_an_order_goes_on_only_with_the_key_it_was_begun_with(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    place.fault("POST", "/files")
    with pytest.raises(ProviderError):
        work.start(order)
    other = replace(work, connect=connecting(place.url, key="sk-another-key"))
    with pytest.raises(GroundtuneError, match="another address or key"):
        other.resume(work.ledger.all()[0].tag)


def test_what_was_never_sent_can_be_given_up(work: FineTuning, order: Order, place: TuningPlace) -> None:
    place.fault("POST", "/files")
    with pytest.raises(ProviderError):
        work.start(order)
    tag = work.ledger.all()[0].tag
    assert work.cancel(tag).status == "refused" and not place.jobs
    with pytest.raises(TuningStateError):
        work.resume(tag)


def test_the_ledger_holds_no_key_and_is_its_users_alone(work: FineTuning, order: Order) -> None:
    work.start(order)
    path = work.ledger.folder / "ledger.db"
    assert path.stat().st_mode & 0o077 == 0
    work.ledger.close()
    assert b"sk-test" not in path.read_bytes()
    assert json.loads(json.dumps(work.jobs()[0].as_dict()))["place"] == "openai"
