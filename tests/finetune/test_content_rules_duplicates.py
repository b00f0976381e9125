"""D01, D02, D03 and L01 to L04: which rows are named, with which other line, and which are left in peace."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune.examples import Row
from finetune.findings import Finding
from finetune.validation.duplicates import DuplicateChecker
from finetune.validation.fingerprints import Fingerprints
from finetune.validation.leaks import LeakChecker
from loaders.jsonl import read_questions
from tests.finetune.content_rows import chat, check, pair, places

ANSWER = "Open the settings, choose your account, and press the button that says reset."
ASKED = "How do I reset the password of my account?"
ROW = chat(ASKED, ANSWER)
NEAR = chat(ASKED, ANSWER[:-1] + " now.")
OTHER = chat(
    "Where is the nearest depot to Utrecht?", "The nearest depot stands in Amersfoort, by the station."
)
FILLER = [
    chat(f"What does article {n} of the handbook say?", f"Article {n} is about item {n * 7}.")
    for n in range(30)
]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([ROW, OTHER, ROW], [("D01", "train", 3)], id="the-same-row"),
        pytest.param([ROW, chat(ASKED.upper(), f"  {ANSWER}\n")], [("D01", "train", 2)], id="case-and-space"),
        pytest.param([ROW, chat(ASKED, ANSWER, line=9)], [("D01", "train", 2)], id="metadata-does-not-count"),
        pytest.param([ROW, chat(ASKED, ANSWER, system="Be kind.")], [("D02", "train", 2)], id="another-prompt"),
        pytest.param([ROW, OTHER, chat(ASKED, ANSWER[:-1] + " now.")], [("D02", "train", 3)], id="a-word-more"),
        pytest.param([ROW, chat(ASKED + " Please.", ANSWER)], [("D02", "train", 2)], id="a-word-more-in-the-question"),
        pytest.param([ROW, NEAR, NEAR, ROW], [("D01", "train", 3), ("D01", "train", 4), ("D02", "train", 2)], id="a-copy-is-no-near-copy"),  # noqa: E501
        pytest.param(
            [chat("What is the rent of an IB-12 for a week?", "The rent of an IB-12 is 295 euros for a week."),
             chat("What is the rent of an IB-20 for a week?", "The rent of an IB-20 is 410 euros for a week.")],
            [], id="the-same-sentence-of-another-thing"),
        pytest.param([ROW, chat(ASKED, "Write a letter to the desk.")], [("D03", "train", 2)], id="another-answer"),
        pytest.param([chat("Hello", "Hi!"), chat("Hello", "Good day, friend.")], [], id="a-greeting"),
        pytest.param([pair(ASKED, "Press reset.", "Call us."), pair(ASKED, "Press the button.", "Do nothing.")], [], id="several-pairs-of-one-question"),  # noqa: E501
        pytest.param([pair(ASKED, "Press reset.", "Call us."), pair(ASKED, "Call us.", "Do nothing.")], [("D03", "train", 2)], id="preferred-and-rejected"),  # noqa: E501
        pytest.param([{"prompt": ASKED, "completion": ANSWER}] * 2, [("D01", "train", 2)], id="completions"),
        pytest.param([{"text": ANSWER}, {"text": ANSWER + " Then wait."}], [("D02", "train", 2)], id="plain-texts"),
        pytest.param([{"messages": None}, {"messages": [None, {"role": 3}]}, {"x": 1}], [], id="broken-rows-are-not-alike-by-lacking-all"),  # noqa: E501
    ],
)  # fmt: skip
def test_duplicates_are_named(rows: list[Row], expected: list[tuple[str, str, int]]) -> None:
    assert places(f for f in check(DuplicateChecker(), train=FILLER + rows) if f.line) == [
        (rule, file, line + len(FILLER)) for rule, file, line in expected
    ]


def test_a_duplicate_names_the_first_line() -> None:
    found = check(
        DuplicateChecker(), train=[OTHER, ROW, chat("Is it open?", "Yes, it is open all day."), ROW, ROW]
    )
    assert [(f.line, "line 2 again" in f.message, f.fix is not None) for f in found if f.line] == [
        (4, True, True),
        (5, True, True),
    ]


@pytest.mark.parametrize(
    ("copies", "severity"),
    [
        pytest.param(3, None, id="a-few"),
        pytest.param(20, "warning", id="more-than-a-fifth"),
        pytest.param(600, "error", id="nothing-but-copies"),
    ],
)
def test_the_share_of_copies(copies: int, severity: str | None) -> None:
    found = check(DuplicateChecker(), train=FILLER + [ROW] * (copies + 1))
    whole = [finding for finding in found if finding.line is None]
    assert [finding.severity for finding in whole] == ([severity] if severity else [])
    assert len([f for f in found if f.rule == "D01" and f.line]) == copies


def test_many_contradictions_are_an_error() -> None:
    # Answers that share no wording: neither near duplicates nor variants.
    answers = [
        "Press the button.",
        "Write a letter to the desk.",
        "It cannot be done.",
        "Ask a colleague tomorrow.",
    ]
    found = check(
        DuplicateChecker(), train=[chat(ASKED, answer) for answer in [*answers, "Wait for 3 days."]]
    )
    assert [f.severity for f in found if f.rule == "D03"] == ["warning"] * 4 + ["error"]


def test_near_duplicates_are_no_contradictions() -> None:
    found = check(DuplicateChecker(), train=[ROW, chat(ASKED, ANSWER + " Done.")])
    assert places(found) == [("D02", "train", 2)]


def _leaks(
    prints: Fingerprints | None = None, questions: tuple[str, ...] = (), **splits: list[Row]
) -> list[Finding]:
    return check(LeakChecker(prints, questions=questions), **splits)


@pytest.mark.parametrize(
    ("train", "validation", "expected"),
    [
        pytest.param([OTHER, ROW], [ROW], [("L01", "validation", 1, "error")], id="the-same-row"),
        pytest.param([ROW], [chat(ASKED, "Write to the desk.")], [("L01", "validation", 1, "error")], id="question"),
        pytest.param([ROW], [chat(ASKED, ANSWER + " Then wait.")], [("L01", "validation", 1, "error")], id="the-same-question-a-near-answer"),  # noqa: E501
        pytest.param([ROW], [chat(ASKED + " Please.", ANSWER)], [("L02", "validation", 1, "warning")], id="a-near-row"),
        pytest.param([chat(ASKED + " I lost it.", ANSWER)], [chat(ASKED + " I lost it!!", "Write a letter to Utrecht.")], [("L02", "validation", 1, "warning")], id="a-near-question"),  # noqa: E501
        pytest.param([chat("Hello", "Hi!")], [chat("Hello", "Good day, what can I do for you?")], [], id="a-greeting"),
        pytest.param([ROW], [OTHER], [], id="nothing-shared"),
        pytest.param(
            [chat("What is the weekly rent of an IB-12?", "295 euros a week for the IB-12.")],
            [chat("What is the weekly rent of an IB-20?", "410 euros a week for the IB-20.")],
            [], id="another-code"),
        pytest.param(
            [chat("What is new?", "Little of it.", origin="generated", document="d1")],
            [chat("Who wrote this?", "A person did.", origin="generated", document="d1")] * 2,
            [("L03", "validation", 1, "error")], id="one-document-generated"),
        pytest.param(
            [chat("What is new?", "Little of it.", origin="imported", group="ticket 7")],
            [chat("Who wrote this?", "A person did.", origin="imported", group="ticket 7")],
            [("L03", "validation", 1, "warning")], id="one-ticket-imported"),
        pytest.param(
            [chat("What is new?", "Little of it.", group="d1", raft={"documents": ["d1", "d2"]})],
            [chat("Who wrote this?", "A person did.", group="d2", raft={"documents": ["d2"]})],
            [("L03", "validation", 1, "error")], id="the-second-document-of-a-raft-row"),
        pytest.param(
            [chat("What is new?", "Little of it.", document="d1")],
            [chat("Who wrote this?", "A person did.", document="d2")],
            [], id="two-documents"),
    ],
)  # fmt: skip
def test_leaks_between_splits(
    train: list[Row], validation: list[Row], expected: list[tuple[str, str, int, str]]
) -> None:
    found = _leaks(train=train, validation=validation)
    assert [(f.rule, f.file.removesuffix(".jsonl"), f.line, f.severity) for f in found] == expected
    assert all("train.jsonl" in finding.message for finding in found)


def test_a_leak_into_each_later_split_is_named_once() -> None:
    found = _leaks(train=[ROW], validation=[OTHER, ROW], test=[ROW])
    assert places(found) == [("L01", "validation", 2), ("L01", "test", 1)]


def test_duplicates_inside_a_split_are_no_leaks() -> None:
    assert _leaks(train=[ROW, ROW], validation=[OTHER]) == []
    assert check(LeakChecker(splits=["train"]), train=[ROW, ROW]) == []


def test_both_checks_share_one_set_of_fingerprints() -> None:
    prints = Fingerprints()
    duplicates, leaks = DuplicateChecker(prints), LeakChecker(prints)
    from finetune.findings import Where

    for split in ("train", "validation"):
        for line, row in enumerate([ROW, OTHER, ROW], start=1):
            where = Where(file=split, line=line, split=split)
            assert [*duplicates.look(where, row, "chat"), *leaks.look(where, row, "chat")] == []
    assert len(prints) == 6
    assert [f.line for f in duplicates.finish() if f.line] == [3, 3]
    assert [f.line for f in leaks.finish()] == [1, 2, 3]


@pytest.mark.parametrize(
    ("asked", "leaks"),
    [
        pytest.param("what is the notice period in the first year", True, id="the-same"),
        pytest.param("What is the notice period in the first year, please?", True, id="nearly"),
        pytest.param("<passages>\nThe fee is 5.\n</passages>\n\nQuestion: What is the notice period in the first year?", True, id="inside-a-prompt"),  # noqa: E501
        pytest.param("Who pays the rent?", False, id="another"),
    ],
)  # fmt: skip
def test_evaluation_questions_in_training_rows(asked: str, leaks: bool) -> None:
    question = "What is the notice period in the first year?"
    rows = [OTHER, chat(asked, "One month, without a reason.")]
    expected = [("L04", "train", 2)] if leaks else []
    assert places(_leaks(questions=(question,), train=rows)) == expected
    assert places(_leaks(questions=(question,), validation=rows)) == []  # nothing is learnt from these


def test_the_sample_company_leaks_none_of_its_questions() -> None:
    import json

    questions = [row["text"] for row in read_questions(Path("examples/questions.jsonl"))]
    rows = [
        json.loads(line) for line in Path("examples/training.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len(questions) > 50
    assert _leaks(questions=tuple(questions), train=rows) == []
    assert check(DuplicateChecker(), train=rows) == []
