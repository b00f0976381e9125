"""The report in its four forms, and rows for other tools: well formed, inert, whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import SettingsError
from evaluation.reports.charts import pictures
from evaluation.reports.content import Content, content_of
from evaluation.reports.exports import NO_ANSWER, SCORES, as_csv, as_json, rows_for
from evaluation.reports.html import as_html
from evaluation.reports.markdown import as_markdown
from evaluation.reports.tables import (
    brief_rows,
    cost_rows,
    in_columns,
    mode_rows,
    pair_rows,
    score_rows,
    set_rows,
)
from evaluation.summary import Summary
from tests.evaluation.made import outcome, question, run

HOSTILE = (
    '<script>alert(1)</script><img src=x onerror=alert(2)> [link](javascript:x) "quoted" | cell\n=1+1\u202e'
)
VOID = {"meta", "br", "img", "link", "hr"}


def made(text: str = "six", **facts: Any) -> Content:
    questions = [
        question("q1", text=text, answers=(text,), tags=("leave", "docs")),
        question("q2", text=f"{text} 2", answerable=False, answers=(), tags=(text.strip() or "x",)),
    ]
    outcomes = [
        outcome("q1", "rag", text=text, scores={"token_f1": 0.5, "similarity": 0.25}, cost_usd=0.02),
        outcome("q1", "hybrid", "wrong", text=text, cost_usd=0.01, model=text),
        outcome("q2", "rag", "error", error=text, text="", cost_usd=None),
        outcome("q2", "hybrid", "rightly refused", text="", cost_usd=0.01),
    ]
    told = {"question_set": text, "command": text, "not_run": {"base": text}} | facts
    return content_of(run(["rag", "hybrid"], **told), questions, outcomes)


class Read(HTMLParser):
    """Every element with its attributes; fails on elements that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def attributes(page: Read) -> Iterator[str]:
    return (name for _, held in page.seen for name in held)


@pytest.mark.parametrize("text", ["six", HOSTILE])
def test_the_page_is_well_formed_and_nothing_in_it_runs_or_loads(text: str) -> None:
    page = Read(as_html(made(text)))
    tags = {tag for tag, _ in page.seen}
    assert not tags & {"script", "img", "link", "iframe", "object", "form", "a"}
    assert not [
        name for name in attributes(page) if name.startswith("on") or name in ("src", "href", "style")
    ]
    policy = next(held["content"] for tag, held in page.seen if held.get("http-equiv"))
    assert policy is not None
    assert "default-src 'none'" in policy


def test_the_page_says_what_was_asked_and_how_to_do_it_again() -> None:
    sets = [{"name": "leave", "kept": "a"}, {"name": "docs", "kept": "b"}]
    words = " ".join(Read(as_html(made("Six days?", question_files=sets))).words)
    for wanted in ("Which way pays", "Six days?", "Set by set", "Pair by pair", "What went wrong", "run-made",
                   "Base was not asked", "Every answer was kept with its receipt"):  # fmt: skip
        assert wanted in words, wanted


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_no_text_breaks_a_form(text: str) -> None:
    told = made(text.encode("utf-8", "replace").decode())
    Read(as_html(told))
    json.loads(as_json(told))
    assert len(list(csv.reader(io.StringIO(as_csv(told))))) == 5
    assert "<script" not in as_markdown(told).lower()


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1"])
def test_no_cell_is_a_formula(start: str) -> None:
    rows = list(csv.reader(io.StringIO(as_csv(made(start)).removeprefix("\ufeff"), newline="")))
    assert not [
        cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
    ]


def test_the_table_for_a_spreadsheet_has_a_line_for_each_answer() -> None:
    text = as_csv(made())
    assert text.startswith("\ufeff")
    head, *rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert [(row["question"], row["mode"], row["verdict"]) for row in (head, *rows)] == [
        ("q1", "rag", "right"), ("q1", "hybrid", "wrong"), ("q2", "rag", "error"), ("q2", "hybrid", "rightly refused"),
    ]  # fmt: skip
    assert set(SCORES) <= set(head)
    assert head["token_f1"] == "0.5"


def test_the_document_holds_everything_but_the_receipts() -> None:
    found = json.loads(as_json(made()))
    assert found["format"] == 1
    assert set(found["summary"]["modes"]) == {"rag", "hybrid"}
    assert len(found["outcomes"]) == 4
    assert all("answer" not in one for one in found["outcomes"])
    assert found["summary"]["pairs"][0]["shown"] is False


@pytest.mark.parametrize(
    ("tool", "keys"),
    [
        ("mlflow", {"inputs", "outputs", "expectations", "tags"}),
        ("inspect", {"id", "input", "target", "metadata"}),
        ("langfuse", {"id", "input", "expected_output", "metadata"}),
    ],
)
def test_rows_for_other_tools(tool: str, keys: set[str]) -> None:
    rows = list(rows_for(made(), tool))
    assert len(rows) == 4
    assert all(set(row) == keys for row in rows)
    json.dumps(rows, allow_nan=False)


@pytest.mark.parametrize(
    ("change", "target"),
    [
        pytest.param({"answers": ("six", "6 days")}, ["six", "6 days"], id="each accepted wording"),
        pytest.param({"answers": (), "reference": "Six days."}, ["Six days."], id="a whole answer"),
        pytest.param({"answers": (), "documents": ("a.md",)}, [], id="only the document is known"),
        pytest.param(
            {"answers": (), "answerable": False}, [NO_ANSWER], id="no empty target, which all would hit"
        ),
    ],
)
def test_what_other_tools_hold_answers_against(change: dict[str, Any], target: list[str]) -> None:
    content = content_of(run(["rag"]), [question("q1", **change)], [outcome("q1")])
    (inspected,), (tracked,), (sent,) = (
        list(rows_for(content, tool)) for tool in ("inspect", "mlflow", "langfuse")
    )
    assert inspected["target"] == target
    assert tracked["expectations"] == {"expected_response": " or ".join(target)}
    assert sent["expected_output"] == " or ".join(target)


def test_a_tool_that_is_not_known() -> None:
    with pytest.raises(SettingsError, match="choose one of mlflow, inspect, langfuse"):
        list(rows_for(made(), "excel"))


def test_charts_are_sound_and_told_in_words() -> None:
    drawn = pictures(made().summary)
    assert [one.title for one in drawn] == [
        "Questions right, with 95 % intervals",
        "Right against cost",
        "Right against time",
    ]
    for one in drawn:
        root = ElementTree.fromstring(one.markup())
        assert "RAG" in (root.findtext("desc") or "")
        places = [
            float(value)
            for shape in root
            for name, value in shape.attrib.items()
            if name in ("x", "x1", "x2")
        ]
        assert all(0 <= place <= one.width for place in places)


def test_the_chart_of_costs_is_there_where_something_costs() -> None:
    questions = [question("q1")]
    outcomes = [outcome("q1", "rag", cost_usd=0.02), outcome("q1", "base", cost_usd=0.0)]
    told = content_of(run(["rag", "base"]), questions, outcomes)
    assert "Right against cost" in [one.title for one in pictures(told.summary)]


def even(rows: list[tuple[str, ...]]) -> bool:
    return len({len(row) for row in rows}) == 1


def test_tables_are_even_and_line_up() -> None:
    summary: Summary = made().summary
    for rows in (mode_rows, cost_rows, brief_rows, pair_rows, score_rows):
        told = list(rows(summary))
        assert even(told), rows.__name__
        assert len(told) == (3 if rows is pair_rows else 4)  # the last: the mode that was not run
        assert len({line.index("  ") for line in in_columns(told[:1])}) == 1
    by_set = list(set_rows(summary, ["leave", "nowhere"]))
    assert even(by_set)
    assert by_set[1][:2] == ("leave (1)", "RAG")
    assert by_set[1][3:] == ("0.50", "–", "0.25")


def test_modes_that_differ_are_shown_side_by_side_and_the_rest_is_counted() -> None:
    questions = [question(f"q{at}") for at in range(60)]
    outcomes = [
        outcome(one.id, mode, "right" if mode == "rag" else "wrong")
        for one in questions
        for mode in ("rag", "hybrid")
    ]  # fmt: skip
    told = content_of(run(["rag", "hybrid"]), questions, outcomes)
    assert len(told.differing) == 40
    assert "The first 40; 20 more are in the JSON." in as_html(told)
    assert "… and 50 more." in as_markdown(told)
