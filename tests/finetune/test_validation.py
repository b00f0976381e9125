"""What `dataset validate` says of broken files, of sound ones, and for each taker."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import DatasetError
from finetune.profiles import PROFILES, Profile, profile_named
from finetune.validate import Progress, Validation, rules, validate
from finetune.validation.faults import Fault
from finetune.validation.message_rules import message_faults, plain
from finetune.validation.row_rules import RowRules, kind_of_row
from tests.finetune.broken import (
    CASES,
    GOOD,
    TOOLS,
    Case,
    assistant,
    call,
    calling,
    chat,
    good,
    pair,
    system,
    user,
    written,
)  # fmt: skip

RULES_OF = {"F": 6, "M": 9, "P": 1, "R": 1, "C": 3, "D": 3, "L": 4, "S": 4, "Q": 2, "X": 1, "B": 1}
SECTION_E = tuple(
    f"{letter}{number:02}" for letter, most in RULES_OF.items() for number in range(1, most + 1)
)


def checked(
    data: bytes, folder: Path, *, profile: str = "openai", name: str = "train.jsonl", **more: Any
) -> Validation:
    path = folder / name
    path.write_bytes(data)
    return validate({"train": path}, profile=profile_named(profile), depth="structure", **more)


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.rule} {case.name}") for case in CASES])
def test_each_broken_file_is_refused_with_its_rule_and_line(case: Case, tmp_path: Path) -> None:
    found = checked(case.data, tmp_path, profile=case.profile, name=case.file_name)
    told = [
        (one.rule, one.severity, one.line, one.path) for one in found.findings if case.says in one.message
    ]
    assert told.count((case.rule, case.severity, case.line, case.path)) == 1
    assert found.passed() == (found.count("error") == 0)
    assert case.severity != "error" or not found.passed()
    assert found.passed(strict=True) is False
    assert all(one.message.endswith((".", "?", ")")) for one in found.findings)


def test_the_broken_files_are_many_and_of_every_rule_of_structure() -> None:
    assert len(CASES) >= 60
    assert {case.rule for case in CASES} == {rule for rule in SECTION_E if rule[0] in "FMPR"}
    assert len({(case.rule, case.name) for case in CASES}) == len(CASES)


def test_every_rule_of_the_table_exists_once() -> None:
    assert sorted(rule.id for rule in rules()) == sorted(SECTION_E)
    assert all(rule.title and rule.help.endswith(".") for rule in rules())


SOUND = [
    pytest.param(chat(user(), assistant()), id="no system message"),
    pytest.param(chat(system(), user(), assistant(), user("And 4?"), assistant("Gone.")), id="turns"),
    pytest.param(chat(user(), assistant(weight=0), user("Again"), assistant(weight=1)), id="weights"),
    pytest.param(chat(user(), assistant("bad", weight=0), assistant("good")), id="two answers, one learnt"),
    pytest.param(calling(call()), id="call and answer"),
    pytest.param(calling(call(), call("c2"), answers=("c2", "c1")), id="two calls, answered the other way round"),
    pytest.param(
        chat(user(), {"role": "assistant", "tool_calls": [call()]}, tools=TOOLS, parallel_tool_calls=False),
        id="call last",
    ),
    pytest.param(chat(user(), assistant(None, refusal="I cannot.")), id="refusal"),
    pytest.param(chat(user([{"type": "text", "text": "Hi"}]), assistant()), id="parts of text"),
    pytest.param(
        chat(user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]), assistant()), id="image"
    ),
    pytest.param(chat({"role": "developer", "content": "Be brief."}, user(), assistant()), id="developer"),
    pytest.param(chat(user(name="ann"), assistant(name="bot")), id="names"),
    pytest.param(chat(user("0"), assistant("\n\nWell, no.\n")), id="content with line ends"),
    pytest.param(pair(), id="preference"),
    pytest.param(chat(user("1 + 1?"), answer="2"), id="reinforcement"),
]  # fmt: skip


def structure(row: dict[str, Any], profile: Profile) -> list[Fault]:
    """The faults of one row alone."""
    return list(RowRules(profile).faults(row, kind_of_row(row)))


@pytest.mark.parametrize("row", SOUND)
def test_sound_rows_raise_no_error(row: dict[str, Any]) -> None:
    faults = [fault for fault in structure(row, profile_named("openai")) if fault.severity == "error"]
    assert faults == []


@pytest.mark.parametrize("profile", PROFILES)
def test_a_good_file_passes_for_every_taker(profile: str, tmp_path: Path) -> None:
    data = written(*map(good, range(60)))
    found = checked(b"\xef\xbb\xbf" * (profile == "azure") + data, tmp_path, profile=profile)
    assert (found.findings, found.passed(strict=True), found.files[0].rows) == ((), True, 60)


LOOK_ALIKES = [
    pytest.param(
        written(*([chat(user(), assistant(None, function_call=None, tool_calls=[call()]) | {},
                        {"role": "tool", "tool_call_id": "c1", "content": "12"}, assistant(), tools=TOOLS)] * 10)),
        id="function_call null beside calls",
    ),
    pytest.param(written(*map(good, range(9)), chat(system(), assistant("Hello, I am here."))), id="no user message"),
    pytest.param(written(*map(good, range(9)), chat(user(), assistant("\n"+"x"))), id="content begins with a line end"),
    pytest.param(written(*map(good, range(10))).rstrip(b"\n"), id="no line end at the end"),
    pytest.param(written(*(good(n) for n in range(10))).replace(b": ", b":").replace(b", ", b","), id="no spaces"),
    pytest.param(
        "\n".join(
            json.dumps(chat(system("Alaycı bir chatbot'tur."), user(f"{n}. yıl?"), assistant("Büyük bir sır!")),
                       ensure_ascii=False)
            for n in range(10)
        ).encode(),
        id="Turkish",
    ),
]  # fmt: skip


@pytest.mark.parametrize("data", LOOK_ALIKES)
def test_files_as_providers_show_them_pass(data: bytes, tmp_path: Path) -> None:
    found = checked(data, tmp_path)
    assert found.passed(), [one for one in found.findings if one.severity == "error"]


def test_findings_are_all_counted_and_the_first_kept(tmp_path: Path) -> None:
    found = checked(written(*[chat(system(), user())] * 30), tmp_path, kept=5)
    kept = [one.line for one in found.findings if one.rule == "M05"]
    assert (kept, found.counts["M05"]["error"]) == ([1, 2, 3, 4, 5], 30)


def test_numbers_of_a_file(tmp_path: Path) -> None:
    data = written(
        *map(good, range(3)), chat(user("Hi"), assistant("Hello", weight=0), user("!"), assistant("?"))
    )
    found = checked(data + b"\n{}\nx\n", tmp_path)
    numbers = found.statistics
    assert (found.files[0].rows, found.files[0].unreadable, found.files[0].bytes) == (5, 1, len(data) + 6)
    assert numbers.roles == {"system": 3, "user": 5, "assistant": 5}
    assert (numbers.trained_answers, numbers.rows_without_system) == (4, 1)
    assert numbers.kinds == {"chat": 4, "unknown": 1}
    assert sum(numbers.messages.counts) == sum(numbers.answer_lengths.counts) == 4
    assert json.loads(json.dumps(found.as_dict()))["files"][0]["rows"] == 5


def test_quick_and_thorough_count_the_same(tmp_path: Path) -> None:
    rows = [good(n) for n in range(5)] + [chat(user("a"), assistant("bc"), user("d"), assistant("e"))]
    quick = checked(written(*rows), tmp_path).statistics
    slow = checked(written(*(row | {"tools": None} for row in rows)), tmp_path).statistics
    assert {**slow.as_dict(), "rows_with_tools": 0} == quick.as_dict()


def test_says_how_far_it_is(tmp_path: Path) -> None:
    told: list[Progress] = []
    checked(GOOD * 500, tmp_path, on_progress=told.append)
    assert [one.rows for one in told] == [2000, 4000, 5000]
    assert told[-1].bytes_read == told[-1].bytes_total == len(GOOD) * 500


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", " ", "user", "assistant", "a", "c1", "{}"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["role", "content", "messages", "tool_calls", "id", "function", "name", "type", "text", "input",
                         "arguments", "tools", "weight", "tool_call_id", "preferred_output", "non_preferred_output",
                         "completion", "prompt", "image_url", "url", "parameters", "metadata", "x"]),
        inner, max_size=5),
    max_leaves=15,
)  # fmt: skip


@settings(deadline=None)
@given(
    messages=ODD, row=st.dictionaries(st.sampled_from(["messages", "tools", "input", "completion", "x"]), ODD)
)
def test_no_row_is_too_odd_for_the_rules(messages: Any, row: dict[str, Any]) -> None:
    for profile in ("openai", "fireworks", "local"):
        for one in (row, row | {"messages": messages}, {"input": row, "preferred_output": messages}):
            assert all(fault.message for fault in structure(one, profile_named(profile)))


ROLES = ("system", "user", "assistant", "developer")
OFTEN = [roles for length in range(6) for roles in product(ROLES, repeat=length)]


@pytest.mark.parametrize("name", PROFILES)
def test_what_the_quick_look_passes_has_no_fault(name: str) -> None:
    """Every order of roles up to five messages, and contents of every sort."""
    profile = profile_named(name)
    lists = [[{"role": role, "content": "a"} for role in roles] for roles in OFTEN]
    lists += [[user(content), assistant(content)] for content in ("", " \n", "\u2003", "0", None, 4, ["a"])]
    passed = [messages for messages in lists if plain(messages, profile)]
    assert len(passed) >= 4
    assert [
        one for one in passed if structure({"messages": one}, profile) or list(message_faults(one, profile))
    ] == []


def test_the_quick_look_passes_the_common_rows() -> None:
    assert all(
        plain(good(number)["messages"], profile_named(name)) for number in range(3) for name in PROFILES
    )


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        pytest.param(chat(user(), assistant()) | {"id": 7}, "chat", id="answer and an unknown key"),
        pytest.param(chat(user()) | {"answer": "7"}, "reinforcement", id="question and a grader's field"),
    ],
)
def test_a_row_that_ends_in_an_answer_is_a_chat(row: dict[str, Any], kind: str) -> None:
    assert kind_of_row(row) == kind


def test_schemas_fetch_nothing_and_run_no_pattern_of_theirs(tmp_path: Path) -> None:
    parameters = {
        "type": "object",
        "properties": {
            "far": {"$ref": "https://example.org/schema"},
            "slow": {"type": "string", "pattern": "(a+)+$"},
        },
    }
    tools = [{"type": "function", "function": {"name": "weather", "parameters": parameters}}]
    text = json.dumps({"slow": "a" * 60 + "!", "far": 1})
    found = checked(GOOD + written(calling(call(arguments=text), tools=tools)), tmp_path)
    assert [one.message for one in found.findings if one.rule == "M08"] == [
        "The arguments do not fit the tool's schema at $: the schema refers to 'https://example.org/schema', "
        "which is not in it."
    ]


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(
            {"type": ["object", "null"], "properties": {"a": {"type": "string"}}}, id="object or null"
        ),
        pytest.param(
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "type": "object",
                "properties": {"a": {"type": "array", "items": [{"type": "string"}]}},
            },
            id="draft 7, a list of items",
        ),
    ],
)
def test_schemas_of_other_drafts_and_of_two_types_are_taken(tmp_path: Path, schema: dict[str, Any]) -> None:
    tools = [{"type": "function", "function": {"name": "weather", "parameters": schema}}]
    found = checked(GOOD + written(calling(call(arguments="{}"), tools=tools)), tmp_path)
    assert [one.message for one in found.findings if one.rule in ("M08", "M09")] == []


@pytest.mark.parametrize("name", ["opena", "OpenAI ", "local2"])
def test_an_unknown_profile_names_the_known_ones(name: str) -> None:
    with pytest.raises(DatasetError, match=r"openai, azure, .* Did you mean"):
        profile_named(name)


@pytest.mark.parametrize("role", [["user"], {"a": 1}, 1, None, True])
def test_a_role_that_is_no_text_is_a_finding(role: Any, tmp_path: Path) -> None:
    row = {"messages": [{"role": role, "content": "Why?"}, {"role": "assistant", "content": "So."}]}
    (tmp_path / "a.jsonl").write_bytes(written(row))
    found = validate({"train": tmp_path / "a.jsonl"}, profile=profile_named("openai"))
    assert ("M02", "$.messages[0].role") in {(one.rule, one.path) for one in found.findings}


def test_a_report_names_a_few_roles_however_many_there_are(tmp_path: Path) -> None:
    rows = [{"messages": [{"role": f"role {number}", "content": "Why?"}]} for number in range(200)]
    (tmp_path / "a.jsonl").write_bytes(written(*rows))
    found = validate({"train": tmp_path / "a.jsonl"}, profile=profile_named("openai"), depth="structure")
    assert len(found.statistics.roles) == 25
    assert sum(found.statistics.roles.values()) == 200


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"$id": "http://[", "properties": {"a": {"$ref": "x"}}}, id="id-is-no-url"),
        pytest.param({"properties": {"a": {"$ref": "#/title"}}, "title": "x"}, id="ref-to-a-text"),
        pytest.param({"properties": {"a": {"$ref": "#/maxProperties"}}, "maxProperties": 9}, id="ref-to-a-number"),
        pytest.param({"$ref": "#/required/x", "required": ["a"]}, id="ref-into-a-list"),
        pytest.param(
            {
                "$ref": "#/$defs/a0",
                "$defs": {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)},
            },
            id="a-billion-references",
        ),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_applied_is_a_finding(schema: dict[str, Any]) -> None:
    from finetune.validation.tool_schemas import compile_schema

    compiled = compile_schema(schema)
    assert not isinstance(compiled, str)
    [(path, message)] = compiled.errors({"a": 1})
    assert (path, message.startswith("the schema")) == ("$", True)


def test_items_that_must_differ_are_compared_by_what_they_say() -> None:
    from finetune.validation.tool_schemas import compile_schema

    compiled = compile_schema({"properties": {"a": {"uniqueItems": True}}})
    assert not isinstance(compiled, str)
    assert not list(compiled.errors({"a": [{"i": number} for number in range(3000)]}))
    assert [path for path, _ in compiled.errors({"a": [{"i": 1, "j": 2}, {"j": 2, "i": 1}]})] == ["$.a"]


def test_keys_by_the_thousand_or_of_a_megabyte_are_named_in_short(tmp_path: Path) -> None:
    many = {f"key {number}": 1 for number in range(2000)}
    rows = [{"messages": [user("Why?"), assistant("So.") | more]} for more in (many, {"k" * 100_000: 1})]
    found = checked(written(*rows), tmp_path)
    assert found.counts["M03"]["error"] == 22
    assert max(len(one.path) + len(one.message) for one in found.findings) < 1500
