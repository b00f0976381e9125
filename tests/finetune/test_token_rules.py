"""C01-C03 and B01: each broken row with the rule, severity, line and path that name it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.bases import Base, choose_base
from finetune.catalogue import load_catalogue
from finetune.examples import Row, kind_of
from finetune.findings import Finding, Where
from finetune.rendering import folder_renderer
from finetune.validation.base_rules import BaseChecker
from finetune.validation.token_rules import TokenChecker
from tests.finetune.model_folders import model_folder

TODAY = datetime.date(2026, 11, 22)
ASKED = {"role": "user", "content": "Capital of France?"}
SAID = {"role": "assistant", "content": "Paris."}
CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}],
}
LONG = {"role": "user", "content": "word " * 600}
CHAT: Row = {"messages": [ASKED, SAID]}
PAIR: Row = {
    "input": {"messages": [ASKED]},
    "preferred_output": [SAID],
    "non_preferred_output": [{"role": "assistant", "content": "Lyon."}],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that take 512 tokens a row."""
    root = tmp_path_factory.mktemp("models")
    for name in ("chatml", "brackets", "thinking", "plain", "opened", "tools"):
        model_folder(root / name, name)
    return root


def base(folder: Path, name: str = "chatml") -> Base:
    return Base(
        profile="local", model=None, renderer=folder_renderer(folder / name), catalogue=load_catalogue()
    )


def checked(checker: TokenChecker | BaseChecker, *rows: Row) -> list[Finding]:
    found: list[Finding] = []
    for line, row in enumerate(rows, start=1):
        kind = kind_of(row)
        assert kind is not None
        found += checker.look(Where(file="train.jsonl", line=line, split="train"), row, kind)
    return found + list(checker.finish())


BROKEN: list[Any] = [
    pytest.param(
        "chatml", {"messages": [LONG, SAID]}, ("C01", "error", "$.messages[1]", "cut off"), id="an answer is cut"
    ),
    pytest.param(
        "chatml",
        {"messages": [ASKED, SAID, LONG, SAID | {"weight": 0}]},
        ("C01", "warning", "$", "is not learnt, would be cut off"),
        id="only what is not learnt is cut",
    ),
    pytest.param(
        "chatml",
        {"input": {"messages": [LONG]}, "preferred_output": [SAID], "non_preferred_output": [SAID]},
        ("C01", "error", "$", "would be cut off"),
        id="a preference that is too long",
    ),
    pytest.param(
        "chatml", {"prompt": "word " * 600, "completion": " end"}, ("C01", "error", "$", "cut off"), id="a completion"
    ),
    pytest.param(
        "chatml", {"messages": [ASKED, SAID | {"weight": 0}]}, ("C02", "error", "$.messages", "No token"), id="weight 0"
    ),
    pytest.param(
        "chatml", {"messages": [ASKED]}, ("C02", "error", "$.messages", "No token of an answer"), id="no answer"
    ),
    pytest.param(
        "chatml", {"messages": [ASKED, SAID | {"content": " \n"}]}, ("C02", "error", "$.messages", "No token"),
        id="an answer of white space",
    ),
    pytest.param(
        "chatml",
        {**PAIR, "non_preferred_output": [SAID | {"content": ""}]},
        ("C02", "error", "$", "No token of an answer"),
        id="one side of a preference is empty",
    ),
    pytest.param(
        "brackets", {"messages": [ASKED, ASKED, SAID]}, ("C02", "error", "$", "Roles must alternate"),
        id="the template refuses the row",
    ),
    pytest.param(
        "opened", {"messages": [ASKED, SAID]}, ("C02", "error", "$", "opens an answer with"),
        id="an opening that the answer lacks",
    ),
    pytest.param(
        "chatml", {"messages": [ASKED, CALL, {"role": "tool", "tool_call_id": "1", "content": "x"}, SAID]},
        ("C02", "error", "$.messages[1].tool_calls", "leaves out the call of 'find'"),
        id="a template that knows no tools",
    ),
    pytest.param(
        "thinking", {"messages": [LONG, SAID, ASKED, SAID | {"weight": 0}]},
        ("C01", "error", "$.messages[1]", "would be cut off"),
        id="an answer in a text of its own is cut",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "row", "expected"), BROKEN)
def test_a_row_at_fault(name: str, row: Row, expected: tuple[str, str, str, str], folder: Path) -> None:
    found = [
        one
        for one in checked(TokenChecker(base(folder, name)), CHAT, row)
        if one.line == 2 and one.rule != "C03"
    ]
    assert [(one.rule, one.severity, one.line, one.path) for one in found] == [
        (*expected[:2], 2, expected[2])
    ]
    assert expected[3] in found[0].message


@pytest.mark.parametrize(
    "row", [CHAT, PAIR, {"messages": [ASKED], "reference": "Paris"}, {"text": "A text."}]
)
def test_a_sound_row(row: Row, folder: Path) -> None:
    assert {one.rule for one in checked(TokenChecker(base(folder)), row)} == {"C03"}


def test_a_row_that_just_fits_and_one_that_just_does_not(folder: Path) -> None:
    renderer = folder_renderer(folder / "plain")
    fixed = renderer.tokenizer.count(renderer.render([ASKED | {"content": ""}, SAID], None, reply=False))
    for letters, rules in ((512 - fixed, set()), (513 - fixed, {"C01"})):
        row: Row = {"messages": [ASKED | {"content": "\x00" * letters}, SAID]}
        found = checked(TokenChecker(base(folder, "plain")), row)
        assert {one.rule for one in found if one.rule == "C01"} == rules, letters


def test_an_estimated_count_near_the_limit_is_a_warning() -> None:
    near = {"messages": [{"role": "user", "content": "hello " * 40_000}, SAID]}  # 65,536 is the limit
    far = {"messages": [{"role": "user", "content": "hello " * 20_000}, SAID]}
    found = checked(TokenChecker(choose_base("openai", "gpt-4o-mini")), near, far)
    assert [(one.rule, one.severity, one.line) for one in found if one.rule == "C01"] == [
        ("C01", "warning", 1)
    ]
    assert "the count is an estimate" in found[0].message
    (spent,) = [one for one in found if one.rule == "C03"]
    assert spent.severity == "warning"  # hardly anything of it is learnt
    assert "estimates" in spent.message


def test_an_answer_that_nothing_ends_is_told_once(folder: Path) -> None:
    found = checked(TokenChecker(base(folder, "plain")), CHAT, CHAT)
    assert [(one.rule, one.severity) for one in found if one.rule == "C02"] == [("C02", "warning")]
    assert "Rows: 2." in found[-1].message


def test_what_was_counted_is_told(folder: Path) -> None:
    checker = TokenChecker(base(folder))
    (spent,) = checked(checker, CHAT, CHAT, {"messages": [ASKED, SAID, ASKED, SAID]})
    assert (spent.rule, spent.severity, spent.line) == ("C03", "info", 3)
    facts = checker.facts()["tokens"]["splits"]["train"]
    assert facts["rows"] == 3
    assert facts["longest"] == max(checker.statistics["train"].tokens)
    assert sum(rows for _, _, rows in facts["histogram"]) == 3
    assert facts["tokens"] == sum(checker.statistics["train"].tokens) > facts["learnt"] > 0


@pytest.mark.parametrize(
    ("model", "today", "row", "expected"),
    [
        (
            "gpt-4o-mini",
            "2026-11-22",
            CHAT,
            [("warning", "53 days from now"), ("warning", "from 2027-01-06 on")],
        ),
        (
            "gpt-4o-mini",
            "2026-12-30",
            CHAT,
            [("error", "15 days from now"), ("warning", "from 2027-01-06 on")],
        ),
        ("gpt-4o-mini", "2027-01-07", CHAT, [("error", "7 days"), ("error", "no new training jobs since")]),
        ("gpt-4o-mini", "2027-02-01", CHAT, [("error", "ended on 2027-01-14")]),
        ("gpt-3.5-turbo", "2026-11-22", CHAT, [("error", "ended on 2026-10-23")]),
        ("gpt-4o-mini", "2026-01-01", CHAT, []),
        (
            "gpt-3.5-turbo",
            "2026-01-01",
            PAIR,
            [("error", "no rows for preference tuning, only for supervised")],
        ),
        ("gpt-4o-mimi", "2026-01-01", CHAT, [("warning", "Did you mean 'gpt-4o-mini-2024-07-18'?")]),
        ("together:Qwen/Qwen3-8B", "2026-11-22", PAIR, []),
        (None, "2026-11-22", CHAT, []),
    ],
)
def test_the_base_model(model: str | None, today: str, row: Row, expected: list[tuple[str, str]]) -> None:
    checker = BaseChecker(choose_base("openai", model), today=datetime.date.fromisoformat(today))
    found = checked(checker, row, row)
    assert [(one.rule, one.severity) for one in found] == [("B01", severity) for severity, _ in expected]
    for one, (_, says) in zip(found, expected, strict=True):
        assert says in one.message


KEYS = (
    "role", "content", "weight", "name", "tool_calls", "function", "arguments", "messages", "type", "text", "input",
    "preferred_output", "reasoning_content", "tools", "parameters",
)  # fmt: skip
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
OPTIONAL = ("content", "weight", "name", "tool_calls", "reasoning_content")
roles = st.sampled_from(["user", "assistant", "tool", "system", 3, None])
messages = st.lists(
    st.fixed_dictionaries({"role": roles}, optional=dict.fromkeys(OPTIONAL, anything)), max_size=4
)
rows = st.one_of(
    st.fixed_dictionaries({"messages": messages | anything}, optional={"tools": anything}),
    st.fixed_dictionaries({
        "input": st.fixed_dictionaries({"messages": messages | anything}) | anything,
        "preferred_output": messages | anything,
        "non_preferred_output": messages | anything,
    }),
    st.fixed_dictionaries({"prompt": anything, "completion": anything}),
)  # fmt: skip


@pytest.mark.parametrize("name", ["chatml", "brackets", "thinking", "tools", "openai"])
@given(row=rows)
@settings(max_examples=40, deadline=None)
def test_no_row_however_broken_stops_the_check(name: str, row: Row, folder: Path) -> None:
    checker = TokenChecker(choose_base("openai", "gpt-4o-mini") if name == "openai" else base(folder, name))
    assert {one.rule for one in checked(checker, row)} <= {"C01", "C02", "C03"}
