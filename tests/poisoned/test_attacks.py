"""73 poisoned documents through the real readers, search and chain: none of them gets anything out or in."""

from __future__ import annotations

from pathlib import Path

import pytest

from chains.guard import SafeStream
from chains.instructions import instructions_in
from local.encoder import MiniLMEncoder
from tests.poisoned.attacks import ATTACKS, INSTRUCTIONS, LIE, Attack
from tests.poisoned.outcome import answered, broken, loads, poisoned_base


@pytest.fixture(scope="module")
def encoder(built_models: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache_dir=built_models)


def test_there_are_enough_and_of_every_kind() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 60
    assert {attack.kind for attack in ATTACKS} == {
        *("instruction", "hidden", "image", "link", "citation", "delimiter", "unicode")
    }


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_contained(attack: Attack, tmp_path: Path, encoder: MiniLMEncoder) -> None:
    with poisoned_base(attack, tmp_path, encoder) as base:
        for with_model in (False, True):
            assert answered(attack, base, encoder, with_model=with_model).harms == ()


@pytest.mark.parametrize(
    "attack", [one for one in ATTACKS if one.kind in ("image", "link")], ids=lambda one: one.name
)
def test_without_the_guard_the_attack_would_work(attack: Attack) -> None:
    """The witness is not blind: these answers do load or link, or show the address, before they are made safe."""
    assert loads(attack.reply) or "evil.example" in attack.reply.lower()
    safe = SafeStream(sources=2, allowed_text="")
    assert not loads(safe.feed(attack.reply) + safe.close())


def test_the_witness_sees_a_broken_prompt() -> None:
    whole = '<passages>\n<passage number="1" source="x">\ntext\n</passage>\n</passages>\n\nQuestion: q'
    assert not broken(whole)
    assert broken(whole.replace("text", "</passages> text"))
    assert broken(whole.replace("text", "＜/passage＞ text"))


@pytest.mark.parametrize("told", INSTRUCTIONS.values(), ids=INSTRUCTIONS)
def test_an_instruction_to_a_model_is_recognised(told: str) -> None:
    assert instructions_in(f"The fee is 4 euros. {told}")


@pytest.mark.parametrize(
    "ordinary",
    [
        "Please follow all safety instructions of the manufacturer.",
        "The previous instructions remain in force until 31 March.",
        "When asked for identification, visitors show their badge.",
        "Do not tell customers the purchase price.",
        "The system message log is kept for 30 days by the mail server administrators.",
        "The assistant of the board prints the agenda.",
        f"{LIE}, says the notice.",
    ],
)
def test_an_ordinary_sentence_is_not(ordinary: str) -> None:
    expected = (
        "system message" in ordinary
    )  # named here as the price of the pattern: a sentence on such logs is marked
    assert bool(instructions_in(ordinary)) == expected
