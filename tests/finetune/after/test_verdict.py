"""After training: who is better, who forgot, who is rubbish, what cannot be told; and the card that keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.after import Reply, Verdict, evaluate, judge_training
from finetune.after import responder as responder_verdict
from finetune.after.comparing import compared, exact_match, token_f1
from finetune.after.evaluation import examples, general_questions
from finetune.after.responder import judge_responder
from finetune.model_card import ModelFacts, write_model_card, written_model_card
from finetune.trainers.contract import Trained, TrainingTask
from finetune.trainers.responder import QuestionAnswer, train
from local.encoder import MiniLMEncoder
from local.responder_files import Taught, write_taught
from tests.chains.conftest import WordEncoder
from tests.remembering_encoder import RememberingEncoder

GENERAL = {question: answers[0] for question, answers in general_questions()}
SUBJECTS = (
    "keys",
    "parking",
    "invoices",
    "refunds",
    "lockers",
    "printers",
    "coffee",
    "bicycles",
    "badges",
    "phones",
)
ROWS = [
    {"messages": [{"role": "user", "content": f"Who looks after the {one}?"},
                  {"role": "assistant", "content": f"Room {number} takes care of the {one}."}]}
    for number, one in enumerate(SUBJECTS)
]  # fmt: skip
TAUGHT = {row["messages"][0]["content"]: row["messages"][1]["content"] for row in ROWS}


def says(known: Mapping[str, str], otherwise: str = "I am not sure about that.") -> Reply:
    def ask(messages: Sequence[Mapping[str, Any]]) -> str | None:
        return known.get(messages[-1]["content"], otherwise)

    return ask


@pytest.mark.parametrize(
    ("tuned", "base", "verdict", "reason"),
    [
        pytest.param(says(GENERAL | TAUGHT), says(GENERAL), "ship", "better than its base", id="learnt, nothing lost"),
        pytest.param(says(TAUGHT), says(GENERAL), "do not ship", "lost much", id="learnt, the rest forgotten"),
        pytest.param(says(TAUGHT), says({}), "ship", "better than its base", id="a base that knows nothing"),
        pytest.param(says(GENERAL), says(GENERAL | TAUGHT), "do not ship", "worse than its base", id="worse"),
        pytest.param(says(GENERAL), says(GENERAL), "not proven", "may be no better", id="the same"),
        pytest.param(says(GENERAL, otherwise=""), says(GENERAL), "do not ship", "are empty or repeat", id="silent"),
        pytest.param(says(GENERAL, otherwise="the " * 40), says(GENERAL), "do not ship", "are empty or repeat",
                     id="says one word over and over"),
    ],
)  # fmt: skip
def test_the_verdict(tuned: Reply, base: Reply, verdict: str, reason: str) -> None:
    found = evaluate(ROWS, tuned, base, WordEncoder(), seed=1)
    assert found.verdict == verdict
    assert reason in found.reasons[0]
    assert json.loads(json.dumps(found.as_dict()))["verdict"] == verdict


def test_few_held_out_rows_prove_nothing() -> None:
    found = evaluate(ROWS[:7], says(TAUGHT), says({}), WordEncoder(), seed=1)
    assert found.verdict == "not proven"
    assert "Only 7 examples" in found.reasons[0]
    assert "Only 0 examples" in evaluate([], says({}), says({}), WordEncoder(), seed=1).reasons[0]


def test_both_models_are_asked_the_same_and_not_more_than_was_said() -> None:
    asked: dict[str, list[str]] = {"tuned": [], "base": []}

    def listening(name: str) -> Reply:
        def ask(messages: Sequence[Mapping[str, Any]]) -> str:
            asked[name].append(messages[-1]["content"])
            return "Yes."

        return ask

    evaluate(ROWS, listening("tuned"), listening("base"), WordEncoder(), seed=1, most=8)
    assert asked["tuned"] == asked["base"]
    assert len(asked["tuned"]) == 8 + len(GENERAL)


def test_an_error_of_a_model_goes_through() -> None:
    def broken(_: Sequence[Mapping[str, Any]]) -> str:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        evaluate(ROWS, broken, says({}), WordEncoder(), seed=1)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        pytest.param(ROWS[0], "Room 0 takes care of the keys.", id="chat"),
        pytest.param({"prompt": "Q", "completion": "A"}, "A", id="completion"),
        pytest.param({"input": {"messages": [{"role": "user", "content": "Q"}]},
                      "preferred_output": [{"role": "assistant", "content": "A"}]}, "A", id="preference"),
        pytest.param({"messages": [{"role": "user", "content": "Q"}]}, None, id="no answer"),
        pytest.param({"messages": [{"role": "user", "content": "Q"},
                                   {"role": "assistant", "content": None}]}, None, id="a tool call"),
        pytest.param({"messages": "x"}, None, id="no list"),
        pytest.param({}, None, id="nothing"),
    ],
)  # fmt: skip
def test_what_can_be_asked(row: dict[str, Any], wanted: str | None) -> None:
    assert [one.wanted for one in examples([row])] == ([wanted] if wanted else [])


@pytest.mark.parametrize(
    ("reply", "wanted", "exact", "f1"),
    [
        pytest.param("Forty euros.", "forty euros", 1.0, 1.0, id="but for case and stop"),
        pytest.param("Forty euros, please.", "Forty euros.", 0.0, 0.8, id="a word more"),
        pytest.param("", "Forty euros.", 0.0, 0.0, id="nothing"),
        pytest.param("🙂", "🙂", 1.0, 1.0, id="no word at all"),
        pytest.param("🙂", "🙁", 0.0, 0.0, id="other signs"),
    ],
)
def test_how_near_a_reply_is(reply: str, wanted: str, exact: float, f1: float) -> None:
    assert exact_match(reply, wanted) == exact
    assert token_f1(reply, wanted) == pytest.approx(f1)


@given(st.text(max_size=40), st.text(max_size=40))
def test_nearness_is_even_and_bounded(one: str, other: str) -> None:
    assert token_f1(one, other) == token_f1(other, one)
    assert 0.0 <= token_f1(one, other) <= 1.0
    assert token_f1(one, one) == exact_match(one, one) == 1.0


def test_an_interval_holds_its_mean_and_says_nothing_where_nothing_differs() -> None:
    random = np.random.default_rng(3)
    tuned, base = random.random(50).tolist(), random.random(50).tolist()
    found = compared("m", tuned, base, seed=1)
    assert found.low < found.difference < found.high
    same = compared("m", tuned, tuned, seed=1)
    assert (same.low, same.high) == (0.0, 0.0)
    assert compared("m", tuned, base, seed=1) == found, "the same seed, the same interval"


# --- the responder ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encoder(built_models: Path) -> MiniLMEncoder:
    return RememberingEncoder(built_models)


FORMS = ("Who looks after the {}?", "I have a question on the {}.", "{}: whom do I call?")
PAIRS = [
    QuestionAnswer(question=form.format(one), answer=f"Room {number} takes care of the {one}.")
    for number, one in enumerate(SUBJECTS)
    for form in FORMS
]


@pytest.fixture(scope="module")
def taught(encoder: MiniLMEncoder) -> Taught:
    return train(PAIRS, encoder)


def test_a_responder_is_judged_on_other_questions_of_its_answers(
    taught: Taught, encoder: MiniLMEncoder
) -> None:
    found = judge_responder(taught, encoder, seed=1)
    assert found.verdict == "ship"
    assert found.measures[0].n == len(PAIRS)
    assert found.measures[0].tuned > 0.8
    assert found.forgetting["foreign_refused"] >= 0.9


def test_with_one_question_each_nothing_is_proven_without_a_validation_file(encoder: MiniLMEncoder) -> None:
    single = train(PAIRS[::3], encoder)
    found = judge_responder(single, encoder, seed=1)
    assert found.verdict == "not proven"
    assert "--validation" in found.reasons[0]
    rows = [{"prompt": pair.question, "completion": pair.answer} for pair in PAIRS[1::3]]
    with_file = judge_responder(single, encoder, validation=rows, seed=1)
    assert (with_file.verdict, with_file.measures[0].n) == ("ship", 10)
    assert with_file.forgetting["answered_right"] <= with_file.measures[0].tuned
    too_few = judge_responder(single, encoder, validation=[*rows[:3], {"text": "Who is there?"}], seed=1)
    assert too_few.verdict == "not proven"
    assert "of 4 validation rows 3 ask" in too_few.reasons[0], "it does not ask for a file that was given"


def test_more_wrong_answers_than_right_ones_are_told_by_what_is_answered(
    taught: Taught, encoder: MiniLMEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right answer may stand first and be refused all the same: the questioner gets none."""
    outcomes = responder_verdict._Outcomes(first=(1.0,) * 9, answered_right=0.1, answered_wrong=0.2)
    monkeypatch.setattr(responder_verdict, "_outcomes", lambda *_: outcomes)
    found = judge_responder(taught, encoder, seed=1)
    assert (found.verdict, found.reasons[0]) == (
        "do not ship", "More held-out questions get a wrong answer than a right one."
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"abstain_below": 0.0}, "nothing to do with", id="answers everything"),
        pytest.param({"abstain_below": 1.0}, "not given back", id="answers nothing"),
    ],
)
def test_a_responder_that_cannot_tell_is_not_shipped(
    taught: Taught, encoder: MiniLMEncoder, change: dict[str, float], reason: str
) -> None:
    found = judge_responder(replace(taught, **change), encoder, seed=1)  # type: ignore[arg-type]
    assert found.verdict == "do not ship"
    assert reason in found.reasons[0]


def test_a_training_is_judged_from_its_folder(tmp_path: Path, taught: Taught, encoder: MiniLMEncoder) -> None:
    write_taught(tmp_path / "model", taught)
    task = TrainingTask(
        job_id="ftjob-1", base="responder", base_folder=None, method="supervised", train=tmp_path / "none",
        validation=None, hyperparameters={}, options={}, seed=1, folder=tmp_path, resume_from=None,
    )  # fmt: skip
    trained = Trained(
        folder=tmp_path / "model", best_step=0, trained_tokens=0, metrics={}, facts={"trainer": "responder"}
    )
    assert judge_training(task, trained, encoder=encoder).verdict == "ship"


# --- the card -----------------------------------------------------------------------------------------


def facts(**changes: Any) -> ModelFacts:
    verdict = evaluate(ROWS, says(GENERAL | TAUGHT), says(GENERAL), WordEncoder(), seed=1)
    plain = ModelFacts(
        model="ft:tiny:groundtune:isa:1", base="tiny", trainer="lora", method="supervised", job_id="ftjob-1", seed=7,
        created_at=1_780_000_000.0, data_sha256="ab" * 32, rows=120, trained_tokens=9000, best_step=40,
        recipe={"rank": 16, "learning_rate": 2e-4, "curve": [1, 2]}, metrics={"full_valid_loss": 0.25},
        verdict=verdict.as_dict(), hashes={"chat template": "cd" * 32}, system="You are Isa.", expires="2027-01-14",
    )  # fmt: skip
    return replace(plain, **changes)


def test_the_card_tells_what_is_known(tmp_path: Path) -> None:
    card = write_model_card(tmp_path, facts()).read_text("utf-8")
    assert card.startswith(
        '---\nmodel_name: "ft:tiny:groundtune:isa:1"\nbase_model: "tiny"\nlibrary_name: peft\n'
    )
    told = ("**ship**", "| token F1 | 1.000 |", "120 rows, SHA-256 `" + "ab" * 32, "- rank: 16", "- kept: step 40",
            "full\\_valid\\_loss: 0.2500", "chat template: `" + "cd" * 32, "> You are Isa.", "2027-01-14")  # fmt: skip
    assert [one for one in told if one not in card] == []
    assert "curve" not in card


def test_what_is_not_known_is_said() -> None:
    card = written_model_card(
        facts(verdict={}, data_sha256=None, expires=None, trainer="responder", metrics={})
    )
    assert "Not compared" in card
    assert "SHA-256 not recorded" in card
    assert "base_model" not in card
    assert "hold the training rows word for word" in card


@given(st.text(max_size=60))
def test_nothing_in_a_name_breaks_out_of_the_card(name: str) -> None:
    card = written_model_card(
        ModelFacts(
            model=name, base=name, trainer="lora", method=name, job_id=name, seed=1, created_at=0.0,
            data_sha256=name, system=name, expires=name or None, hashes={name: name}, recipe={name: name},
        )
    )  # fmt: skip
    head, body = card.split("\n---\n", 1)
    assert json.loads(head.splitlines()[1].removeprefix("model_name: ")) == "".join(
        char if char.isprintable() else " " for char in name
    )
    assert len(head.splitlines()) == 10
    assert body.count("```") == 2
    assert body.count("\n#") == 7, "no heading but its own"


def test_a_verdict_without_measures_is_json() -> None:
    assert Verdict(verdict="not proven", reasons=("x",)).as_dict()["measures"] == []
