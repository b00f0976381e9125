"""The embedded responder: what it learns, what it answers, what it refuses, what it makes of broken files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from errors import DatasetFormatError, LocalModelDamagedError, LocalModelNotFoundError
from finetune.trainers import responder as trainer
from finetune.trainers.low_rank import Batch, LowRank, Pool
from finetune.trainers.responder import QuestionAnswer, Recipe, Step, question_answers, train
from finetune.trainers.responder_lesson import Checks, Measured
from local.encoder import MiniLMEncoder
from local.responder import Responder, prior
from local.responder_files import NUMBERS, TEXTS, Taught
from local.taught import Floats

COMPANY = Path(__file__).parents[2] / "examples" / "training.jsonl"
SMALL = [
    QuestionAnswer(question="What does a lost key cost?", answer="Forty euros."),
    QuestionAnswer(question="When are you open?", answer="From 7:00 to 19:00."),
    QuestionAnswer(question="Do you deliver on Saturdays?", answer="Yes, for 25 per cent more."),
    QuestionAnswer(question="What does E05 mean?", answer="The condenser gets no air."),
    QuestionAnswer(question="What does E07 mean?", answer="The compressor is overloaded."),
]


@pytest.fixture(scope="module")
def encoder(built_models: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache_dir=built_models)


@pytest.fixture(scope="module")
def company(encoder: MiniLMEncoder) -> Taught:
    rows = [json.loads(line) for line in COMPANY.read_text("utf-8").splitlines()]
    pairs, left_out = question_answers(rows)
    assert left_out == 0
    return train(pairs, encoder)


@pytest.fixture(scope="module")
def small(encoder: MiniLMEncoder) -> Responder:
    return Responder(train(SMALL, encoder), encoder)


def test_it_gives_back_what_it_was_taught(company: Taught, encoder: MiniLMEncoder) -> None:
    replies = Responder(company, encoder).answers(company.questions)
    assert [reply.text for reply in replies] == list(company.answers)
    assert sum(not reply.abstained for reply in replies) >= 0.95 * len(replies)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        pytest.param("I have lost my key. What do I pay?", "Forty euros.", id="other words"),
        pytest.param("At what hours can I reach you?", "From 7:00 to 19:00.", id="no word in common"),
        pytest.param("The display says E07!", "The compressor is overloaded.", id="a code"),
        pytest.param("E05?", "The condenser gets no air.", id="nothing but a code"),
    ],
)
def test_it_answers_paraphrases(small: Responder, asked: str, answer: str) -> None:
    assert small.answer(asked).text == answer


@pytest.mark.parametrize(
    "asked",
    [
        "How do I grow orchids?",
        "Who wrote Hamlet?",
        "",
        "   ",
        "¿Cuál es la capital de Perú?",
        "\ud800",
        "?!",
    ],
)
def test_it_abstains_outside(small: Responder, asked: str) -> None:
    reply = small.answer(asked)
    assert reply.abstained
    assert 0.0 <= reply.score < small.taught.abstain_below


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        pytest.param("Can your generator run an ID-20?", "Can your generator run an IB-20?", id="another code"),
        pytest.param("What does delivery cost at 150 km?", "What does delivery cost at 80 km?", id="quantity"),
        pytest.param("How loud is the Isdeep 12?", "How loud is an IB-06?", id="a name with a number"),
    ],
)  # fmt: skip
def test_it_does_not_answer_of_one_thing_with_what_it_was_taught_of_another(
    company: Taught, encoder: MiniLMEncoder, asked: str, nearest: str
) -> None:
    responder = Responder(company, encoder)
    reply = responder.answer(asked)
    assert reply.question == nearest
    assert reply.abstained
    assert reply.unsaid.contested
    assert not responder.answer(nearest).abstained
    assert not responder.answer(asked, abstain_below=0.0).abstained


def test_a_figure_that_was_not_taught_is_a_doubt(company: Taught, encoder: MiniLMEncoder) -> None:
    responder = Responder(company, encoder)
    plain, with_year = responder.answers(
        ["How long is the delivery time of an IL-40?", "In 2027, how long is the delivery time of an IL-40?"]
    )
    assert with_year.text == plain.text
    assert with_year.unsaid.figures == ("2027",)
    assert with_year.score < plain.score


def test_the_threshold_can_be_given(small: Responder) -> None:
    assert not small.answer("How do I grow orchids?", abstain_below=0.0).abstained
    assert small.answer("What does a lost key cost?", abstain_below=1.0).abstained


def test_alternatives_are_other_answers_and_shares_of_one(small: Responder) -> None:
    reply = small.answer("What does the code mean?")
    assert reply.text not in [other.text for other in reply.alternatives]
    assert 0 < sum(other.share for other in reply.alternatives) < 1
    shares = [other.share for other in reply.alternatives]
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param(SMALL[:1], id="one pair"),
        pytest.param([SMALL[0]] * 3, id="one pair thrice"),
        pytest.param([QuestionAnswer(question=f"Question {i}?", answer="Yes.") for i in range(20)], id="one answer"),
        pytest.param([QuestionAnswer(question="word " * 900, answer="long " * 2000), *SMALL], id="long texts"),
        pytest.param(
            [QuestionAnswer(question="Wie lange habt ihr offen?", answer="Bis 19 Uhr."),
             QuestionAnswer(question="何時に開きますか", answer="7時です。"),
             QuestionAnswer(question="متى تفتحون؟", answer="في السابعة.")],
            id="other languages",
        ),
        pytest.param([QuestionAnswer(question="?", answer="!"), QuestionAnswer(question="…", answer="🙂")], id="signs"),
    ],
)  # fmt: skip
def test_any_pairs_can_be_taught(encoder: MiniLMEncoder, tmp_path: Path, pairs: list[QuestionAnswer]) -> None:
    Responder(train(pairs, encoder), encoder).save(tmp_path)
    responder = Responder.load(tmp_path, encoder)
    for pair in pairs[:6]:
        reply = responder.answer(pair.question)
        assert reply.text == pair.answer
        assert np.isfinite(reply.score)


def test_duplicate_answers_are_one_answer(encoder: MiniLMEncoder) -> None:
    twice = [*SMALL, QuestionAnswer(question="My key is gone!", answer="Forty  euros.")]
    reply = Responder(train(twice, encoder), encoder).answer("I lost the key")
    assert " ".join(reply.text.split()) == "Forty euros."
    assert "Forty euros." not in [" ".join(other.text.split()) for other in reply.alternatives]


def test_the_same_seed_gives_the_same_bytes(encoder: MiniLMEncoder, tmp_path: Path) -> None:
    pairs = _with_several_questions()
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        Responder(train(pairs, encoder, recipe=Recipe(seed=seed, steps=20)), encoder).save(tmp_path / name)
    one, two, other = (_bytes(tmp_path / name) for name in ("one", "two", "other"))
    assert one == two
    assert one != other
    assert json.loads((tmp_path / "one" / TEXTS).read_text())["recipe"]["seed"] == 3


def test_a_saved_responder_answers_alike(company: Taught, encoder: MiniLMEncoder, tmp_path: Path) -> None:
    before = Responder(company, encoder)
    before.save(tmp_path)
    after = Responder.load(tmp_path, encoder)
    asked = ["Where do I erase my data?", "Is the wall washable with pressure?", "Who painted the Mona Lisa?"]
    for one, two in zip(before.answers(asked), after.answers(asked), strict=True):
        assert (one.text, one.abstained) == (two.text, two.abstained)
        assert one.score == pytest.approx(two.score, abs=0.01)
    assert sorted(path.name for path in tmp_path.iterdir()) == [TEXTS, NUMBERS]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def _change(**changes: Any) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        pytest.param(NUMBERS, _cut, id="numbers cut short"),
        pytest.param(NUMBERS, _flip, id="a bit of the numbers"),
        pytest.param(NUMBERS, Path.unlink, id="no numbers"),
        pytest.param(TEXTS, _cut, id="text cut short"),
        pytest.param(TEXTS, lambda path: path.write_bytes(b"\xff\xfe"), id="not UTF-8"),
        pytest.param(TEXTS, lambda path: path.write_text("[" * 100_000), id="nested without end"),
        pytest.param(TEXTS, lambda path: path.write_text("[]"), id="not an object"),
        pytest.param(TEXTS, _change(format=2), id="a newer version"),
        pytest.param(TEXTS, _change(questions=["one"]), id="a question for many answers"),
        pytest.param(TEXTS, _change(questions=[], answers=[]), id="nothing taught"),
        pytest.param(TEXTS, _change(answers=[1, 2, 3, 4, 5]), id="answers that are no text"),
        pytest.param(TEXTS, _change(weights={}), id="no weights"),
        pytest.param(TEXTS, _change(outside={"mean": 0, "deviation": 0}), id="no deviation"),
        pytest.param(TEXTS, _change(abstain_below="x"), id="a threshold that is no number"),
        pytest.param(TEXTS, _change(rarity=None), id="no rarity"),
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(
    small: Responder, encoder: MiniLMEncoder, tmp_path: Path, name: str, damage: Callable[[Path], object]
) -> None:
    small.save(tmp_path)
    damage(tmp_path / name)
    with pytest.raises(
        LocalModelDamagedError, match=r"^The responder in .* is damaged \(.*\): train it again"
    ):
        Responder.load(tmp_path, encoder)


def test_a_missing_responder_is_named(encoder: MiniLMEncoder, tmp_path: Path) -> None:
    with pytest.raises(LocalModelNotFoundError, match="train one first"):
        Responder.load(tmp_path / "none", encoder)


def test_early_stopping_keeps_the_best_step(encoder: MiniLMEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = iter([2.0, 1.5, 1.0, 1.4, 1.3, 9.0, 9.0])
    monkeypatch.setattr(Checks, "measure", lambda *_: Measured(next(measured), 0.5))
    monkeypatch.setattr(trainer, "fit_weights", lambda *_: (prior().weights, 0))
    steps: list[Step] = []
    taught = train(_with_several_questions(), encoder, recipe=Recipe(patience=2), on_step=steps.append)
    assert taught.recipe["best_step"] == 20
    assert steps[-1].step == 40, "stopped after two checks without a better loss"
    assert taught.adapters.question.up.any()


def test_adapters_that_do_not_help_are_thrown_away(
    encoder: MiniLMEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter(float(number) for number in range(100))
    monkeypatch.setattr(Checks, "measure", lambda *_: Measured(next(losses), 0.5))
    monkeypatch.setattr(trainer, "fit_weights", lambda *_: (prior().weights, 0))
    taught = train(_with_several_questions(), encoder)
    assert taught.recipe["best_step"] == 0
    assert not taught.adapters.question.up.any()


def test_a_callback_can_stop_the_training(encoder: MiniLMEncoder) -> None:
    def stop(step: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(_with_several_questions(), encoder, on_step=stop)


def test_steps_lower_the_loss() -> None:
    random = np.random.default_rng(1)

    def unit(rows: int) -> Floats:
        drawn = random.standard_normal((rows, 12))
        scaled: Floats = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
        return scaled

    pool = Pool(question=unit(9), answer=unit(9), pair=unit(9))
    right, hidden = np.zeros((4, 9), dtype=bool), np.zeros((4, 9), dtype=bool)
    right[np.arange(4), [0, 3, 3, 8]] = right[1, 4] = hidden[2, 5] = True
    weights = np.tile([3.0, 2.0, 4.0], (4, 1)).astype(np.float32)
    batch = Batch(vectors=unit(4), right=right, hidden=hidden, weights=weights)
    model = LowRank(width=12, rank=3, random=np.random.default_rng(2))
    losses = [model.step(batch, pool, rate=0.02, decay=0.0)[0] for _ in range(80)]
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize(
    ("row", "pair"),
    [
        pytest.param(
            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": " Q "},
                          {"role": "assistant", "content": "A"}]}, ("Q", "A"), id="chat"),
        pytest.param({"prompt": "Q", "completion": " A"}, ("Q", "A"), id="completion"),
        pytest.param({"input": {"messages": [{"role": "user", "content": "Q"}]},
                      "preferred_output": [{"role": "assistant", "content": "A"}],
                      "non_preferred_output": [{"role": "assistant", "content": "B"}]}, ("Q", "A"), id="preference"),
        pytest.param({"messages": [{"role": "user", "content": [{"type": "text", "text": "Q"}]},
                                   {"role": "assistant", "content": "A"}]}, ("Q", "A"), id="content in parts"),
        pytest.param({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"},
                                   {"role": "user", "content": "And?"}, {"role": "assistant", "content": "B"}]},
                     ("Q", "A"), id="only the first exchange"),
        pytest.param({"messages": [{"role": "user", "content": "Q"},
                                   {"role": "assistant", "content": "A", "weight": 0}]}, None, id="weight 0"),
        pytest.param({"messages": [{"role": "user", "content": "Q"},
                                   {"role": "assistant", "content": None, "tool_calls": []}]}, None, id="a tool call"),
        pytest.param({"messages": "x"}, None, id="no messages"),
        pytest.param({}, None, id="nothing"),
    ],
)  # fmt: skip
def test_rows_become_pairs(row: dict[str, Any], pair: tuple[str, str] | None) -> None:
    pairs, left_out = question_answers([row])
    assert [(one.question, one.answer) for one in pairs] == ([pair] if pair else [])
    assert left_out == (pair is None)


def test_nothing_to_teach_is_said(encoder: MiniLMEncoder) -> None:
    with pytest.raises(DatasetFormatError, match="teach nothing"):
        train([], encoder)


def test_vectors_and_tokens_of_one_run_are_those_of_two(encoder: MiniLMEncoder) -> None:
    texts = ["What does E05 mean?", "word " * 400, ""]
    vectors, tokens = encoder.encode_with_tokens(texts)
    assert np.allclose(vectors, encoder.encode(texts), atol=1e-5)
    for one, other in zip(tokens, encoder.token_embeddings(texts), strict=True):
        assert np.allclose(one.vectors, other.vectors, atol=1e-5)
        assert list(one.spans) == list(other.spans)


def _with_several_questions() -> list[QuestionAnswer]:
    subjects = [
        "keys",
        "parking",
        "invoices",
        "refunds",
        "lockers",
        "printers",
        "coffee",
        "bicycles",
        "badges",
    ]
    subjects += ["phones", "laptops", "holidays", "training", "doors", "lights", "desks", "heating", "plants"]
    asked = (
        "Where do I ask about {}?",
        "Who looks after {}?",
        "I have a question on {}.",
        "{}: whom do I call?",
    )
    return [
        QuestionAnswer(question=form.format(subject), answer=f"Room {number} takes care of {subject}.")
        for number, subject in enumerate(subjects)
        for form in asked
    ]


def _bytes(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())]
