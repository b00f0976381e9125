"""Reports in four forms say the same, hold what strangers wrote as text, and are what their formats ask for."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt

from errors import DatasetError
from finetune.findings import Finding, Rule, Severity
from finetune.profiles import profile_named
from finetune.reports import charts, report_of, write_report
from finetune.reports.charts import Bar
from finetune.reports.html import as_html
from finetune.reports.inert import text
from finetune.reports.jsons import as_json
from finetune.reports.markdown import as_markdown
from finetune.reports.report import Chart, FileFacts, Report, RuleFindings, sorted_rules, verdict
from finetune.reports.sarif import as_sarif
from finetune.validate import Validation, validate

HOSTILE = (
    '</style></script><script>alert(1)</script><img src="https://evil.example/x" onerror=alert(2)> '
    "![p](https://evil.example/m) [l](javascript:alert(3)) | <!-- ]]> \x00\x1b[31m \u202egnp.exe `code` **b**"
)


def rule(rule_id: str, severity: Severity = "error", title: str = "A title", help_: str = "Why.") -> Rule:
    return Rule(id=rule_id, severity=severity, title=title, help=help_)


def finding(rule_id: str, severity: Severity = "error", **changes: Any) -> Finding:
    plain: dict[str, Any] = {"message": "What is wrong.", "file": "train.jsonl", "line": 3}
    return Finding(rule=rule_id, severity=severity, **(plain | changes))


def found(one: Finding, *more: Finding, total: int | None = None) -> RuleFindings:
    kept = (one, *more)
    counts: dict[Severity, int] = {one.severity: total or len(kept)}
    return RuleFindings(rule=rule(one.rule, one.severity), counts=counts, findings=kept)


def report(*rules: RuleFindings, **changes: Any) -> Report:
    plain: dict[str, Any] = {
        "profile": "openai",
        "model": "gpt-4o-mini",
        "files": (
            FileFacts(split="train", name="train.jsonl", bytes=2048, rows=12, sha256="ab" * 32),
            FileFacts(split="validation", name="/data/v 1.jsonl", bytes=10, rows=1, sha256="cd" * 32),
        ),
        "rules": sorted_rules(list(rules)),
        "silent": (rule("F01"),),
        "skipped": (("L04", "no evaluation questions were named"),),
        "charts": (
            Chart(
                name="tokens",
                title="Tokens a row",
                shape="columns",
                unit="rows",
                bars=(Bar(label="0–99", count=7), Bar(label="100–199", count=5, loud=True)),
                note="Counted with o200k.",
            ),
        ),
        "facts": (("Rows", "12"),),
        "seconds": 0.25,
        "made_at": "2026-11-22T10:00:00Z",
    }
    return Report(**(plain | changes))


FULL = report(
    found(finding("M03", path="$.messages[1]", fix="removes the key"), total=41),
    found(finding("S01", "warning", line=9, file="/data/v 1.jsonl")),
    found(finding("M05", "info", line=None)),
)


@pytest.mark.parametrize(
    ("rules", "sentence", "passed"),
    [
        pytest.param([], "No errors and no warnings.", True, id="clean"),
        pytest.param(
            [found(finding("Q01", "warning"))],
            "No errors; 1 warning to look at before training.",
            True,
            id="a warning",
        ),
        pytest.param([found(finding("M05", "info"))], "No errors and no warnings.", True, id="a note alone"),
        pytest.param(
            [found(finding("M03"), total=1200), found(finding("Q01", "warning"))],
            "Not fit for training as it is: 1,200 errors and 1 warning.",
            False,
            id="errors",
        ),
    ],
)
def test_the_verdict_counts_every_finding_not_only_those_kept(
    rules: list[RuleFindings], sentence: str, passed: bool
) -> None:
    made = report(*rules)
    assert (verdict(made), made.passed) == (sentence, passed)
    for written in (as_html(made), as_markdown(made), as_json(made)):
        assert sentence in written


def test_errors_stand_before_warnings_before_notes() -> None:
    assert [one.rule.id for one in FULL.rules] == ["M03", "S01", "M05"]


# --- HTML -----------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would build."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data: str) -> None:
        self.words += data


def hostile() -> Report:
    bad = finding("M03", message=HOSTILE, path=f"$.{HOSTILE}", fix=HOSTILE, file=HOSTILE)
    bars = (Bar(label=HOSTILE, count=1),)
    return report(
        RuleFindings(rule=rule("M03", title=HOSTILE, help_=HOSTILE), counts={"error": 1}, findings=(bad,)),
        model=HOSTILE,
        files=(FileFacts(split="train", name=HOSTILE, bytes=1, rows=1, sha256="0" * 64),),
        charts=(Chart(name="x", title=HOSTILE, shape="rows", unit=HOSTILE, bars=bars, note=HOSTILE),),
        facts=((HOSTILE, HOSTILE),),
    )


def test_the_html_report_holds_hostile_text_as_text() -> None:
    page, harmless = Page(as_html(hostile())), Page(as_html(FULL))
    assert set(page.tags) <= set(harmless.tags) | {"p"}
    assert not {"script", "img", "link", "iframe", "a", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert "<script>alert(1)</script>" in page.words
    assert not set(page.words) & {"\x00", "\x1b", "\u202e"}


def test_the_html_report_is_one_file_that_may_load_nothing() -> None:
    written = as_html(FULL)
    assert "default-src 'none'" in written
    assert "url(" not in written
    assert "@import" not in written
    assert "http" not in written.replace("http-equiv", "")


def test_the_html_report_says_what_was_found_and_how_much_was_left_out() -> None:
    words = Page(as_html(FULL)).words
    for expected in (
        "train.jsonl:3",
        "$.messages[1]",
        "Fix: removes the key",
        "41 errors",
        "40 more",
        "Tokens a row",
    ):
        assert expected in words, expected


@given(st.text())
@settings(max_examples=200)
def test_no_text_ends_its_element_or_attribute(value: str) -> None:
    page = Page(f'<p title="{text(value)}">{text(value)}</p>')
    assert (page.tags, [name for name, _ in page.attributes]) == (["p"], ["title"])


# --- charts ---------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 200_000), min_size=1, max_size=60), st.integers(1, 20))
def test_bins_hold_every_value_once_in_a_round_width(values: list[int], at_most: int) -> None:
    made = charts.bins(values, at_most=at_most)
    assert sum(bar.count for bar in made) == len(values)
    assert 1 <= len(made) <= at_most
    assert len({bar.label for bar in made}) == len(made)


@pytest.mark.parametrize(
    ("values", "labels", "loud"),
    [
        pytest.param([0, 1, 1, 3], ["0", "1", "2", "3"], [False] * 4, id="small counts stand alone"),
        pytest.param([0, 119], [f"{at}–{at + 9}" for at in range(0, 120, 10)], [False] * 12, id="tens"),
        pytest.param([5, 35], ["0–9", "10–19", "20–29", "30–39"], [False, False, True, True], id="a limit"),
    ],
)
def test_bins(values: list[int], labels: list[str], loud: list[bool]) -> None:
    limit = 19 if any(loud) else None
    made = charts.bins(values, at_most=4 if any(loud) else 12, limit=limit)
    assert [bar.label for bar in made] == labels
    assert [bar.loud for bar in made] == loud


@pytest.mark.parametrize("shape", [charts.columns, charts.rows])
def test_a_chart_says_its_numbers_to_who_does_not_see_it(shape: Any) -> None:
    bars = [Bar(label="user", count=1200), Bar(label="tool", count=0)]
    drawn = shape("Roles", bars, unit="messages").markup()
    assert 'role="img"' in drawn
    assert "<desc>user: 1,200 messages; tool: 0 messages</desc>" in drawn


# --- Markdown -------------------------------------------------------------------------------------


def test_the_markdown_report_holds_hostile_text_as_text() -> None:
    drawn = MarkdownIt("commonmark", {"html": True}).enable("table").render(as_markdown(hostile()))
    page = Page(drawn)
    assert not {"script", "img", "a", "style"} & set(page.tags)
    assert page.tags.count("table") == 3  # files, overview, one chart


def test_the_markdown_report_shows_each_rule_with_its_findings() -> None:
    written = as_markdown(FULL)
    assert "## M03 A title" in written
    assert "train.jsonl, line 3 at $.messages[1]: What is wrong." in written.replace("\\", "")
    assert "- … and 40 more" in written


# --- JSON and SARIF -------------------------------------------------------------------------------


def test_the_json_report_reads_back_with_everything() -> None:
    made = json.loads(as_json(FULL))
    assert (made["format"], made["version"], made["passed"]) == ("groundtune-validation", 1, False)
    assert made["counts"] == {"error": 41, "warning": 1, "info": 1}
    assert made["rules"][0] | {"findings": []} == {
        "id": "M03",
        "severity": "error",
        "title": "A title",
        "help": "Why.",
        "counts": {"error": 41},
        "total": 41,
        "left_out": 40,
        "findings": [],
    }
    assert made["rules"][0]["findings"][0]["path"] == "$.messages[1]"
    assert made["found_nothing"] == ["F01"]


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": required | (optional or {}) | {"properties": {"type": "object"}},
        "required": list(required),
        "additionalProperties": False,
    }


TEXT = _object({"text": {"type": "string", "minLength": 1}})
LEVEL = {"enum": ["none", "note", "warning", "error"]}
PLACE = _object({"uri": {"type": "string", "format": "uri-reference"}}, {"uriBaseId": {"type": "string"}})
# The part of the SARIF 2.1.0 schema that is used, as strict as it is.
SARIF = _object(
    {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": _object(
                {
                    "tool": _object(
                        {
                            "driver": _object(
                                {
                                    "name": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": _object(
                                            {
                                                "id": {"type": "string"},
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "help": TEXT,
                                                "defaultConfiguration": _object({"level": LEVEL}),
                                            }
                                        ),
                                    },
                                }
                            )
                        }
                    ),
                    "automationDetails": _object({"id": {"type": "string"}}),
                    "invocations": {
                        "type": "array",
                        "items": _object(
                            {"executionSuccessful": {"type": "boolean"}, "endTimeUtc": {"type": "string"}}
                        ),
                    },
                    "artifacts": {
                        "type": "array",
                        "uniqueItems": True,
                        "items": _object(
                            {
                                "location": PLACE,
                                "length": {"type": "integer", "minimum": 0},
                                "hashes": {"type": "object", "additionalProperties": {"type": "string"}},
                            }
                        ),
                    },
                    "results": {
                        "type": "array",
                        "items": _object(
                            {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": LEVEL,
                                "message": TEXT,
                                "locations": {
                                    "type": "array",
                                    "items": _object(
                                        {
                                            "physicalLocation": _object(
                                                {"artifactLocation": PLACE},
                                                {
                                                    "region": _object(
                                                        {"startLine": {"type": "integer", "minimum": 1}}
                                                    )
                                                },
                                            )
                                        },
                                        {
                                            "logicalLocations": {
                                                "type": "array",
                                                "items": _object(
                                                    {
                                                        "fullyQualifiedName": {"type": "string"},
                                                        "kind": {"type": "string"},
                                                    }
                                                ),
                                            }
                                        },
                                    ),
                                },
                            }
                        ),
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                }
            ),
        },
    }
)


@pytest.mark.parametrize("made", [pytest.param(FULL, id="plain"), pytest.param(hostile(), id="hostile")])
def test_the_sarif_report_has_the_standards_structure(made: Report) -> None:
    log = json.loads(as_sarif(made))
    Draft202012Validator(SARIF).validate(log)
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_the_sarif_report_points_at_line_and_path_and_counts_what_it_left_out() -> None:
    run = json.loads(as_sarif(FULL))["runs"][0]
    first, second, third = run["results"]
    assert [one["level"] for one in run["results"]] == ["error", "warning", "note"]
    assert first["locations"][0] == {
        "physicalLocation": {
            "artifactLocation": {"uri": "train.jsonl", "uriBaseId": "ROOT"},
            "region": {"startLine": 3},
        },
        "logicalLocations": [{"fullyQualifiedName": "$.messages[1]", "kind": "member"}],
    }
    absolute = second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert Path(unquote(urlsplit(absolute).path)) == Path("/data/v 1.jsonl")
    assert "region" not in third["locations"][0]["physicalLocation"]
    assert run["properties"] == {
        "counts": {"error": 41, "warning": 1, "info": 1},
        "notChecked": {"L04": "no evaluation questions were named"},
        "leftOut": {"M03": 40},
    }


# --- of a real check ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Validation:
    """A file with faults of several kinds, checked."""
    path = tmp_path_factory.mktemp("checked") / "train.jsonl"
    rows = [chat(f"Question {number} about {number * 7}?", f"Answer {number}.") for number in range(12)]
    rows += [chat("Question 3 about 21?", "Answer 3."), {"messages": [{"rolle": "user"}]}]
    lines = [json.dumps(row) for row in rows] + ['{"messages": [NaN]}']
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return validate({"train": path}, profile=profile_named("openai"))


def chat(question: str, answer: str) -> dict[str, Any]:
    said = (("system", "Be brief."), ("user", question), ("assistant", answer))
    return {"messages": [{"role": role, "content": content} for role, content in said]}


def test_the_report_of_a_check_counts_what_the_check_counted(checked: Validation) -> None:
    made = report_of(checked, clock=lambda: datetime(2026, 11, 22, 10, tzinfo=UTC))
    assert made.made_at == "2026-11-22T10:00:00Z"
    assert made.counts == {level: checked.count(level) for level in ("error", "warning", "info")}
    assert {one.rule.id for one in made.rules} == set(checked.counts)
    assert not {one.id for one in made.silent} & set(checked.counts)
    assert dict(made.facts)["Rows"] == "14"
    assert dict(made.facts)["Lines that cannot be read"] == "1"
    charts_by_name = {one.name: one for one in made.charts}
    assert {bar.label: bar.count for bar in charts_by_name["roles"].bars}["assistant"] == 13
    assert {bar.label: bar.count for bar in charts_by_name["duplicates"].bars}["exact copies"] == 1
    assert sum(bar.count for bar in charts_by_name["messages"].bars) == 14


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        pytest.param("check.html", "<!doctype html>", id="HTML"),
        pytest.param("check.MD", "# Check", id="Markdown"),
        pytest.param("check.json", "{", id="JSON"),
        pytest.param("check.sarif", "{", id="SARIF"),
        pytest.param("check.sarif.json", '{\n  "$schema"', id="SARIF by its double ending"),
    ],
)
def test_a_report_takes_the_form_of_its_files_ending(
    checked: Validation, tmp_path: Path, name: str, begins: str
) -> None:
    write_report(checked, tmp_path / name)
    assert (tmp_path / name).read_text("utf-8").startswith(begins)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_another_ending_is_refused_before_anything_is_written(checked: Validation, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"end it in \.html, \.md, \.json or \.sarif"):
        write_report(checked, tmp_path / "check.pdf")
    assert not list(tmp_path.iterdir())


def test_a_file_name_that_is_no_text_is_a_uri_all_the_same() -> None:
    from finetune.reports.sarif import _location

    assert _location(os.fsdecode(b"a\xff b.jsonl"))["uri"] == "a%FF%20b.jsonl"
