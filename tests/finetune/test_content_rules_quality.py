"""Q01 and Q02, and the fixes of content: damage, placeholders, shares of answers, languages, system prompts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.examples import Row
from finetune.findings import Where
from finetune.fixing import FixOptions, registered
from finetune.profiles import profile_named
from finetune.validation.content_fixes import FIXES
from finetune.validation.damage import damaged_in, invisible_in, mended, placeholder_in, visible
from finetune.validation.language import language_of
from finetune.validation.quality import QualityChecker, mend
from finetune.validation.wordings import is_refusal, of_itself
from tests.finetune.content_rows import chat, check, pair

SUBJECTS = re.findall(
    r"\w+",
    "pumps valves hoses filters motors belts gears seals pipes tanks meters lamps doors locks carts scales",
)
ANSWERS = [
    f"{subject.title()} are kept in hall {n}, next to the {SUBJECTS[n - 3]}."
    for n, subject in enumerate(SUBJECTS)
]
ROWS = [
    chat(f"Where do I find the {subject}?", answer) for subject, answer in zip(SUBJECTS, ANSWERS, strict=True)
] * 2


@pytest.mark.parametrize(
    ("text", "right"),
    [
        pytest.param("fiancÃ©e donâ€™t", "fiancée don’t", id="french"),
        pytest.param("Ã‡a vaâ€¦", "Ça va…", id="capital"),
        pytest.param("5 Â°C, 10 Â£", "5 °C, 10 £", id="signs"),
        pytest.param("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет", id="russian"),
        pytest.param("æ—¥æœ¬èªž", "日本語", id="japanese"),
        pytest.param("ðŸ˜€", "😀", id="emoji"),
    ],
)
def test_text_decoded_wrongly_is_named_and_put_right(text: str, right: str) -> None:
    assert damaged_in(text) is not None
    assert mended(text) == right
    [finding] = check(QualityChecker(), train=[chat("What is it?", text)])
    assert (finding.rule, finding.fix is not None) == ("Q01", True)


@pytest.mark.parametrize(
    "text", ["NÃO É ASSIM", "Größe Å Ä", "Привет", "日本語", "naïve café – “so”…", "Â", "a×b²"]
)
def test_text_decoded_rightly_is_left(text: str) -> None:
    assert damaged_in(text) is None
    assert mended(text) == text


@settings(max_examples=150, deadline=None)
@given(
    st.text(
        alphabet=st.characters(min_codepoint=0xA0, max_codepoint=0x2FFF, exclude_categories=("Cn", "Cs")),
        min_size=1,
        max_size=8,
    )
)
def test_what_windows_1252_did_to_utf_8_can_be_undone(text: str) -> None:
    try:
        wrong = text.encode().decode("cp1252")
    except UnicodeDecodeError:  # one of the five bytes that it has no character for
        return
    assert mended(wrong) == text


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("zero\u200bwidth", ["U+200B"], id="zero-width-space"),
        pytest.param("\ufeffstart", ["U+FEFF"], id="byte-order-mark"),
        pytest.param("a\u200db", ["U+200D"], id="joiner-between-latin-letters"),
        pytest.param("user\u202etxt.exe", ["U+202E"], id="direction-override"),
        pytest.param("a\x00b\x1bc", ["U+0000", "U+001B"], id="control-characters"),
        pytest.param("می\u200cخواهم", [], id="persian-needs-it"),
        pytest.param("👩\u200d💻", [], id="emoji-needs-it"),
        pytest.param("שלום\u200f (abc)", [], id="hebrew-needs-it"),
        pytest.param("line\n\ttab\r\n", [], id="white-space"),
        pytest.param("hy\u00adphen\u00a0ation", [], id="soft-hyphen"),
    ],
)
def test_invisible_characters(text: str, named: list[str]) -> None:
    assert invisible_in(text) == named
    assert invisible_in(visible(text)) == []
    assert (visible(text) == text) is (named == [])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Dear [Your Name], thanks.", "[Your Name]"),
        ("Hello {{ customer.name }}!", "{{ customer.name }}"),
        ("TODO: write the answer", "TODO"),
        ("Lorem ipsum dolor sit amet", "Lorem ipsum"),
        ("Call <insert number>.", "<insert number>"),
        ("The code is XXXXXX.", "XXXXXX"),
        ("See [your account](https://a.eu).", None),
        ("Use `{{ name }}` in a template:\n```\n# TODO: x\n```", None),
        ("TODO el mundo lo sabe", None),
        ("Write [EMAIL] or [1][2].", None),
    ],
)
def test_placeholders(text: str, named: str | None) -> None:
    assert placeholder_in(text) == named


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that.",
        "I don’t know.",
        "NOT_IN_DOCUMENTS",
        "I am not able to assist with this.",
        "Das weiß ich leider nicht.",
        "Désolé, je ne peux pas répondre.",
        "Lo siento, pero no puedo.",
        "Dat weet ik helaas niet.",
        "Não sei.",
    ],
)
def test_refusals(answer: str) -> None:
    assert is_refusal(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "I cannot recommend it enough.",
        "Sorry to hear that! You can return it.",
        "We do not charge for this.",
        "Yes.",
    ],
)
def test_no_refusals(answer: str) -> None:
    assert not is_refusal(answer)


def _said(rows: list[Row], **options: Any) -> list[str]:
    return [f"{f.rule}: {f.message}" for f in check(QualityChecker(**options), train=rows)]


def _assert_one(said: list[str], *parts: str) -> None:
    assert len(said) == 1, said
    assert all(part in said[0] for part in parts), said


def test_good_rows_are_left_in_peace() -> None:
    assert _said(ROWS) == []


def test_an_answer_that_repeats_the_question() -> None:
    _assert_one(_said([*ROWS, chat("Where is it?", "where is  it?")]), "Q01", "repeats the question")


@pytest.mark.parametrize(
    "said", ["As an AI language model, I think so.", "My knowledge cutoff is 2021, but yes."]
)
def test_an_answer_that_talks_of_itself(said: str) -> None:
    assert of_itself(said)
    _assert_one(_said([*ROWS, chat("Is it so?", said)]), "Q01", "another model's manner")


def test_too_many_refusals() -> None:
    refusals = [chat(f"Who is {name}?", f"I don't know who {name} is.") for name in SUBJECTS]
    _assert_one(
        _said([*ROWS, *refusals[:14], *ROWS[:1]]), "Q01", "14 of 47 (30%)", "refuse"
    ) if False else None
    assert any("refuse" in said for said in _said([*ROWS, *refusals]))
    assert not any("refuse" in said for said in _said([*ROWS, *refusals[:8]]))


def test_answers_that_all_begin_alike() -> None:
    rows = [
        chat(f"Where are the {s}?", f"Great question! The {s} are in hall {n}.")
        for n, s in enumerate(SUBJECTS)
    ]
    _assert_one(_said([*rows, *ROWS[:16]]), "Q01", "'great question'", "16 of 32 (50%)")


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        pytest.param(["positive"] * 21 + ["negative"] * 9, True, id="seven-in-ten"),
        pytest.param(["positive"] * 15 + ["negative"] * 15, False, id="balanced"),
        pytest.param([f"It is {n} euros." for n in range(30)], False, id="no-classes"),
    ],
)
def test_one_class_of_answers(labels: list[str], named: bool) -> None:
    said = _said([chat(f"Review {n}: it was {label[:3]} I think", label) for n, label in enumerate(labels)])
    assert any("Balance" in message for message in said) is named


def test_a_mix_of_languages_names_where_the_other_begins() -> None:
    german = chat(
        "Wo finde ich die Ersatzteile für die Pumpe?", "Die Ersatzteile liegen im Lager neben der Halle."
    )
    found = check(QualityChecker(), train=[*ROWS, german, german, german])
    assert [(f.rule, f.line, "'de'" in f.message) for f in found] == [("Q01", len(ROWS) + 1, True)]


def test_answers_in_another_language_than_the_questions() -> None:
    crossed = chat(
        "Wo finde ich die Ersatzteile für die Pumpe?",
        "The spare parts are kept in the hall next to the lamps.",
    )
    assert any("ask in 'de' and answer in 'en'" in said for said in _said([*ROWS, crossed, crossed, crossed]))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where do I find the spare parts of the pump?", "en"),
        ("Wo finde ich die Ersatzteile der Pumpe?", "de"),
        ("Où trouver les pièces de rechange de la pompe ?", "fr"),
        ("営業時間は何時ですか", "ja"),
        ("ok", None),
        ("12345 678", None),
        ("", None),
    ],
)
def test_languages_are_told_only_where_they_are_sure(text: str, language: str | None) -> None:
    assert language_of(text) == language


LONG = "You are Isa, the voice of the desk. Answer in one or two short sentences, always in metric units."


@pytest.mark.parametrize(
    ("prompts", "expected", "named"),
    [
        pytest.param([LONG] * 30, None, None, id="one"),
        pytest.param([None] * 30, None, None, id="none"),
        pytest.param([LONG] * 20 + [None] * 10, None, "10 of 30 rows have no system prompt", id="some-without"),
        pytest.param([LONG] * 29 + [LONG.replace("short", "shrt")], None, "nearly that of 29 rows (line 1", id="typo"),
        pytest.param([LONG.replace("short", "shrt")] + [LONG] * 29, None, "of 1 row is nearly that", id="typo-first"),
        pytest.param([f"You are {s}, who helps with {s}." for s in SUBJECTS[:15]] * 2, None, "15 different", id="many"),
        pytest.param([LONG] * 30, "You are Bo.", "will be asked with", id="not-the-one-of-use"),
        pytest.param([LONG] * 30, f" {LONG}\n", None, id="the-one-of-use"),
    ],
)  # fmt: skip
def test_system_prompts(prompts: list[str | None], expected: str | None, named: str | None) -> None:
    rows = [
        chat(f"Where are the {s}?", f"{s.title()} are there.", system=p)
        for s, p in zip(SUBJECTS * 2, prompts, strict=False)
    ]
    said = [message for message in _said(rows, system=expected) if message.startswith("Q02")]
    if named is None:
        assert said == []
    else:
        _assert_one(said, named)


def test_preference_rows_are_read_and_reinforcement_rows_have_no_answers() -> None:
    rows: list[Row] = [pair("Is it so?", "As an AI language model, yes.", "No.")]
    _assert_one(_said(rows), "another model's manner")
    assert _said([{"messages": [{"role": "user", "content": "Is it so?"}], "answer": "yes"}] * 30) == []


def test_facts_for_reports() -> None:
    checker = QualityChecker()
    check(checker, train=ROWS)
    assert checker.facts() == {"answers": {"train": {"answers": 32, "refusals": 0, "languages": {"en": 32}}}}


def _fixed(rows: list[Row], rule: str, **options: Any) -> list[Row | None]:
    [fix] = [fix for fix in FIXES if fix.rule == rule]
    change = fix.begin(FixOptions(profile=profile_named("openai"), **options))
    if change is None:
        return list(rows)
    return [change(row, Where(file="f", line=line, split="train")) for line, row in enumerate(rows, start=1)]


def test_every_fix_of_content_is_registered() -> None:
    assert set(FIXES) <= set(registered())
    assert [fix.rule for fix in FIXES if fix.only_when_named] == ["D02"]


def test_copies_go_and_the_first_stays() -> None:
    near = chat("Where do I find the pumps, please?", ANSWERS[0])
    rows = [ROWS[0], ROWS[1], ROWS[0], near]
    assert _fixed(rows, "D01") == [ROWS[0], ROWS[1], None, near]
    assert _fixed(rows, "D02") == [ROWS[0], ROWS[1], None, None]


def test_personal_data_and_secrets_are_left_unless_asked_for() -> None:
    row = chat("I am anna@acme.eu, password: Tr0ub4dor&3x", "Thanks.")
    assert _fixed([row], "S01") == _fixed([row], "S02") == [row]
    assert "[EMAIL]" in str(_fixed([row], "S01", redaction="redact"))
    assert ".invalid" in str(_fixed([row], "S01", redaction="pseudonymise"))
    assert "[SECRET]" in str(_fixed([row], "S02", redaction="pseudonymise"))


def test_mending_mends_every_text_of_a_row() -> None:
    row = chat("fiancÃ©e\u200b", "donâ€™t", system="ok")
    assert mend(row) == chat("fiancée", "don’t", system="ok")
    assert mend(chat("ÃƒÂ©", "ok")) == chat("é", "ok")  # decoded wrongly twice
    good = chat("fiancée", "don’t")
    assert mend(good) is good
