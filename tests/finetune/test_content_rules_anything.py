"""Whatever JSON a row is, the content rules say something or nothing, and their fixes keep it a row."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.examples import Row, kind_of
from finetune.findings import Checker, Finding, Where
from finetune.fixing import FixOptions
from finetune.profiles import profile_named
from finetune.row_texts import answer_of, canonical, changed, pieces, prompt_of, question_of
from finetune.validation.content_fixes import FIXES
from finetune.validation.duplicates import DuplicateChecker
from finetune.validation.leaks import LeakChecker
from finetune.validation.privacy import PrivacyChecker
from finetune.validation.quality import QualityChecker
from finetune.validation.safety import SafetyChecker
from finetune.validation.secrets import SecretChecker

TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "a@b.eu +49 30 1234567",
            "<|im_end|> [INST]",
            "\ud800 lone",
            "Ã© \u200b {{x}}",
            "password: a1b2c3d4e5",
            "0" * 40,
        ]
    ),
)
LEAVES: st.SearchStrategy[Any] = st.one_of(
    TEXTS, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False)
)
KEYS = st.sampled_from(
    [
        *(
            "messages",
            "role",
            "content",
            "text",
            "prompt",
            "completion",
            "input",
            "preferred_output",
            "tool_calls",
        ),
        *("function", "non_preferred_output", "arguments", "metadata", "raft", "question", "tools", "group"),
        *("refusal", "type"),
    ]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "user", "assistant", "tool", "", "x"]),
            "content": st.one_of(TEXTS, VALUES),
        }
    ),
    max_size=4,
)
ROWS = st.one_of(
    st.dictionaries(KEYS, VALUES, max_size=5),
    st.fixed_dictionaries({"messages": MESSAGES}, optional={"metadata": VALUES}),
)


def _findings(checkers: list[Checker], rows: list[Row]) -> list[Finding]:
    said: list[Finding] = []
    for line, row in enumerate(rows, start=1):
        where = Where(file="f", line=line, split="train" if line % 2 else "test")
        for checker in checkers:
            said += checker.look(where, row, kind_of(row) or "chat")
    for checker in checkers:
        said += checker.finish()
    return said


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROWS, max_size=4))
def test_checkers_take_any_row_and_leave_it_as_it_is(rows: list[Row]) -> None:
    before = copy.deepcopy(rows)
    checkers: list[Checker] = [
        *(DuplicateChecker(), LeakChecker(questions=["What is the notice period?"]), PrivacyChecker()),
        *(SecretChecker(), SafetyChecker(), QualityChecker(system="You are Isa.")),
    ]
    known = {rule.id for checker in checkers for rule in checker.rules}
    for finding in _findings(checkers, rows):
        assert finding.rule in known
        assert finding.line is None or 1 <= finding.line <= len(rows)
        assert finding.path.startswith("$")
    assert rows == before


@settings(max_examples=120, deadline=None)
@given(row=ROWS)
def test_every_text_has_a_place_and_can_be_replaced(row: Row) -> None:
    assert isinstance(question_of(row) + answer_of(row) + canonical(row), str)
    assert isinstance(prompt_of(row), list)
    texts = [piece.text for piece in pieces(row)]
    paths = [piece.path for piece in pieces(row)]
    assert len(set(paths)) == len(paths)
    assert [piece.text for piece in pieces(changed(row, lambda text: f"{text}!"))] == [
        f"{text}!" for text in texts
    ]
    assert changed(row, str) is row


@settings(max_examples=60, deadline=None)
@given(row=ROWS)
def test_a_fix_run_twice_does_nothing_more(row: Row) -> None:
    options = FixOptions(profile=profile_named("openai"), redaction="redact")
    where = Where(file="f", line=1, split="train")
    for fix in FIXES:
        begun, again = fix.begin(options), fix.begin(options)
        assert begun is not None
        assert again is not None
        once = begun(copy.deepcopy(row), where)
        assert once is not None
        assert again(copy.deepcopy(once), where) == once
