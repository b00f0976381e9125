"""What `dataset fix` mends, what it leaves alone, and that its diff is exactly what it did."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import DatasetError
from finetune.changes import recorded
from finetune.fix_file import Fixed, fix_file, fixable
from finetune.fixing import FixOptions, registered
from finetune.profiles import profile_named
from finetune.validate import validate
from tests.finetune.broken import CASES, GOOD, Case, assistant, chat, good, pair, user, written
from tests.finetune.test_validation import ODD

PROFILE = profile_named("openai")


def mended(data: bytes, folder: Path, *, profile: str = "openai", **more: Any) -> tuple[bytes, Fixed]:
    source, out = folder / "train.jsonl", folder / "fixed.jsonl"
    source.write_bytes(data)
    done = fix_file(source, out, options=FixOptions(profile=profile_named(profile)), **more)
    assert source.read_bytes() == data
    return out.read_bytes(), done


def findings(data: bytes, folder: Path, case: Case) -> Counter[str]:
    path = folder / f"again-{case.file_name}"
    path.write_bytes(data)
    return Counter(
        finding.rule
        for finding in validate(
            {"train": path}, profile=profile_named(case.profile), depth="structure"
        ).findings
        if (finding.rule, finding.severity) == (case.rule, case.severity)
    )


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{case.rule} {case.name}") for case in CASES if case.fixed]
)
def test_a_fix_mends_what_it_promises(case: Case, tmp_path: Path) -> None:
    after, done = mended(case.data, tmp_path, profile=case.profile)
    assert done.by_rule[case.rule] >= 1
    assert findings(case.data, tmp_path, case)[case.rule] >= 1
    assert findings(after, tmp_path, case)[case.rule] == 0
    again, nothing = mended(after, tmp_path, profile=case.profile)
    assert (again, nothing.by_rule) == (after, {})


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.rule} {case.name}") for case in CASES])
def test_a_finding_promises_a_fix_just_where_there_is_one(case: Case, tmp_path: Path) -> None:
    path = tmp_path / case.file_name
    path.write_bytes(case.data)
    found = validate({"train": path}, profile=profile_named(case.profile), depth="structure").findings
    promised = {
        one.fix is not None
        for one in found
        if (one.rule, one.line, one.path, one.severity) == (case.rule, case.line, case.path, case.severity)
        and case.says in one.message
    }
    assert promised == {case.fixed}


def test_sound_lines_are_copied_byte_for_byte(tmp_path: Path) -> None:
    odd = b'{"messages":[ {"role":"user","content":"\\u00e9 1.0"},{"role":"assistant","content":"\xc3\xa9"}]  }\n'
    data = GOOD + odd + GOOD.splitlines(keepends=True)[0].replace(b"pump", b"tap").rstrip(b"\n")
    after, done = mended(data, tmp_path)
    assert (after, done.changed, done.removed, done.rows) == (data, 0, 0, 12)


def test_what_no_fix_can_mend_stays_as_it_is(tmp_path: Path) -> None:
    wrong = b'{"messages": 1, "messages": 2}\n{"a": NaN}\n"\xff"\n{"messages": [}\n'
    after, done = mended(wrong, tmp_path)
    assert (after, done.by_rule) == (wrong, {})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"PAR1" + bytes(2000) + b"\n{}\n", "Parquet", id="binary"),
        pytest.param(
            GOOD + b'{"a":"' + b"x" * 70 * 2**20 + b'"}\n', r"line 11: .* longer than 67,108,864", id="long"
        ),
    ],
)
def test_a_copy_that_would_lack_something_is_not_written(data: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=says):
        mended(data, tmp_path)
    assert not (tmp_path / "fixed.jsonl").exists()


def test_whole_numbers_of_any_size_keep_their_digits(tmp_path: Path) -> None:
    row = (
        b'{"messages": [{"role": "User", "content": "a"}, {"role": "assistant", "content": "b"}], "n": %d}\n'
        % 10**40
    )
    after, _ = mended(row, tmp_path)
    assert json.loads(after)["n"] == 10**40
    assert json.loads(after)["messages"][0]["role"] == "user"


def test_only_the_named_rules_run(tmp_path: Path) -> None:
    row = chat(user(weight=1), assistant(audio=None))
    after, done = mended(b"\n" + written(row), tmp_path, only=frozenset({"M06"}))
    assert done.by_rule == {"M06": 1}
    assert after == b"\n" + written(chat(user(), assistant(audio=None)))


def test_metadata_stays_for_the_split_unless_its_removal_is_asked_for(tmp_path: Path) -> None:
    data = written(*(good(n) | {"metadata": {"origin": "extracted", "group": f"T-{n}"}} for n in range(3)))
    assert mended(data, tmp_path)[0] == data
    bare, done = mended(data, tmp_path, only=frozenset({"M03"}))
    assert bare == written(*(good(n) for n in range(3)))
    assert done.by_rule == {"M03": 3}
    found = validate({"train": tmp_path / "train.jsonl"}, profile=profile_named("openai"), depth="structure")
    (one,) = [finding for finding in found.findings if finding.rule == "M03"]
    assert (one.line, one.fix) == (1, None)
    assert one.message.startswith("3 rows carry")


def test_an_unknown_rule_names_those_that_have_a_fix(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"No fix for F03; there are fixes for D01, .*M03"):
        mended(GOOD, tmp_path, only=frozenset({"F03"}))


def test_the_file_itself_is_never_written(tmp_path: Path) -> None:
    source = tmp_path / "train.jsonl"
    source.write_bytes(b"\n" + GOOD)
    linked = tmp_path / "link.jsonl"
    linked.symlink_to(source)
    for out in (source, linked, tmp_path / "." / "train.jsonl"):
        with pytest.raises(DatasetError, match="never overwritten"):
            fix_file(source, out, options=FixOptions(profile=PROFILE))
    assert source.read_bytes() == b"\n" + GOOD


DIFFED = [
    pytest.param(GOOD, id="nothing"),
    pytest.param(b"\n" + GOOD + b"\n\n" + written(pair(preferred_output="x")) + b"{,\n", id="left out and changed"),
    pytest.param(b"\xef\xbb\xbf" + GOOD, id="BOM"),
    pytest.param(GOOD + json.dumps(good(1) | {"x": None}, indent=1).encode(), id="several lines, no line end"),
    pytest.param(GOOD + written(good(1)).strip() * 3 + b"\n" + written(good(3) | {"x": []}), id="one line to three"),
]  # fmt: skip


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs the program patch")
@pytest.mark.parametrize("data", DIFFED)
def test_patch_applies_the_diff(data: bytes, tmp_path: Path) -> None:
    source, out, diff = (tmp_path / name for name in ("train.jsonl", "fixed.jsonl", "changes.diff"))
    source.write_bytes(data)
    with recorded(diff, old=source, new=out) as record:
        done = fix_file(source, out, options=FixOptions(profile=PROFILE), on_change=record)
    if done.by_rule:
        subprocess.run(["patch", "--binary", "-s", str(source), str(diff)], check=True)
    assert source.read_bytes() == out.read_bytes()


def test_the_list_of_changes_is_json(tmp_path: Path) -> None:
    source, out, told = (tmp_path / name for name in ("train.jsonl", "fixed.jsonl", "changes.json"))
    source.write_bytes(b"\n" + GOOD + written(chat(user(weight=1), assistant(), user("x"))))
    with recorded(told, old=source, new=out) as record:
        done = fix_file(source, out, options=FixOptions(profile=PROFILE), on_change=record)
    changes = json.loads(told.read_bytes())
    assert [(one["line"], one["rules"]) for one in changes] == [(1, ["F02"]), (12, ["M06", "M05"])]
    assert (changes[0]["after"], json.loads(changes[1]["after"])) == ("", chat(user(), assistant()))
    assert done.as_dict()["changes"] == changes


def test_every_fix_belongs_to_a_rule_and_says_what_it_does() -> None:
    from finetune.validate import rules

    known = {rule.id for rule in rules()}
    assert {fix.rule for fix in registered()} | {"F01", "F02"} == fixable() <= known
    assert all(fix.description for fix in registered())


@settings(deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from(["messages", "tools", "input", "preferred_output", "x"]), ODD)
    )
)
def test_no_row_is_too_odd_for_the_fixes(rows: list[dict[str, Any]], tmp_path_factory: Any) -> None:
    """Whatever the rows: the fixes run through, and what they write is sound JSON, row for row."""
    folder = tmp_path_factory.mktemp("odd")
    options = FixOptions(profile=profile_named("together"), redaction="redact")
    (folder / "a.jsonl").write_bytes(written(*rows))
    done = fix_file(folder / "a.jsonl", folder / "b.jsonl", options=options, only=fixable())
    assert len(list(map(json.loads, (folder / "b.jsonl").read_bytes().splitlines()))) == done.rows
    assert done.rows + done.removed == len(rows)
