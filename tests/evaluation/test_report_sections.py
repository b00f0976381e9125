"""The report's sections: a row for what was not run, money, strengths, the chart of errors, what a manager reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.answer import Mode
from chains.prices import Price
from errors import SettingsError
from evaluation.advice.break_even import Running
from evaluation.advice.costs import Rates
from evaluation.gate import check, parsed
from evaluation.reports.charts import errors_against_coverage, quality_bars
from evaluation.reports.content import Content, content_of
from evaluation.reports.exports import as_json
from evaluation.reports.html import as_html
from evaluation.reports.markdown import as_markdown
from evaluation.reports.sections import fact_rows, sections
from evaluation.reports.verdict import not_run, wanting
from evaluation.reports.worth import verdict_on
from evaluation.statistics import Interval
from evaluation.worth import worth_more
from tests.evaluation.made import outcome, question, run

UNASKED = "The Base mode cannot run. No model is connected: set OPENAI_API_KEY, or another."
PRICE = Price(input_usd=1.0, output_usd=2.0, date="2026-01-01", source="made up")
RATES = Rates(
    model="openai:x", asked=PRICE, tuned_model="openai:ft:x", tuned=PRICE, on_machine=False, tuned_on_machine=False,
    training_usd=3.0,
)  # fmt: skip
COSTS = {"saving": 5, "cost_wrong": 10, "questions": 1000, "trainings": 1, "labour_hours": 1}


def made(
    rag: Sequence[bool], finetuned: Sequence[bool], *, rates: Rates | None = RATES, **facts: Any
) -> Content:
    questions = [question(f"q{at}", tags=("prices" if at % 2 else "leave",)) for at in range(len(rag))]
    sides: tuple[tuple[Mode, Sequence[bool]], ...] = (("rag", rag), ("finetuned", finetuned))
    outcomes = [
        outcome(
            f"q{at}",
            mode,
            "right" if right else "wrong",
            confidence=0.9 - at / 100,
            cost_usd=0.001,
            model="openai:x",
        )
        for mode, rights in sides
        for at, right in enumerate(rights)
    ]
    told = run(["rag", "finetuned"], not_run={"base": UNASKED}, **facts)
    return content_of(told, questions, outcomes, rates=rates, costs=COSTS)


HALF, GOOD = [True, False] * 10, [True] * 16 + [False] * 4


def test_what_was_not_run_has_a_row_in_every_table_of_modes() -> None:
    told = {one.title: one.rows for one in sections(made(HALF, GOOD))}
    of_modes = [
        rows
        for rows in told.values()
        if rows[0][0] == "Mode" and rows[0][1] not in ("Part", "What went wrong")
    ]
    assert len(of_modes) >= 5
    for rows in of_modes:
        assert rows[-1][:2] == ("Base", "not run: no model is connected")
        assert set(rows[-1][2:]) == {""}
    assert ("Base", "every other", "not run: no model is connected") in [
        row[:3] for row in told["Pair by pair"]
    ]
    assert "Base" in told["By tag"][0]
    assert "Base was not run: no model is connected" in told["From which volume tuning pays"][1]
    assert all(len({len(row) for row in rows}) == 1 for rows in told.values())


def test_what_was_not_run_is_in_every_form() -> None:
    content = made(HALF, GOOD)
    page, document = as_html(content), json.loads(as_json(content))
    assert page.count("not run: no model is connected") >= 6
    assert 'class="spread" colspan="6">not run' in page
    assert "not run\\: no model is connected" in as_markdown(content)
    assert document["summary"]["not_run"] == {"base": UNASKED}
    assert "set OPENAI" in page  # what to do about it


@pytest.mark.parametrize(
    ("why", "short", "whole"),
    [
        (UNASKED, "not run: no model is connected", "No model is connected: set OPENAI_API_KEY, or another."),
        ("There is no tuned model yet. Train one.", "not run: there is no tuned model yet",
         "There is no tuned model yet. Train one."),
        ("", "not run", ""),
    ],
)  # fmt: skip
def test_the_reason_is_short_in_a_table_and_whole_below_it(why: str, short: str, whole: str) -> None:
    assert (not_run(why), wanting(why)) == (short, whole)


def test_the_verdict_names_the_strengths_of_sets_and_what_was_not_run() -> None:
    content = made(HALF, GOOD, question_files=[{"name": "prices"}, {"name": "leave"}])
    first, second, third = content.verdict.sentences
    assert first.startswith("Cannot tell yet: Fine-tuned answered most")
    assert second.startswith(
        "Of the prices Fine-tuned has most right (80 %), of the leave RAG (100 %); half of"
    )
    assert third.endswith("and Base was not run: no model is connected.")


# --- money ----------------------------------------------------------------------------------------


def test_what_it_is_worth_by_hand() -> None:
    """RAG: 10 right, 10 wrong of 20 at 0.001 dollars; nothing else is paid for it."""
    told = {one.title: one for one in sections(made(HALF, GOOD))}
    head, rag, _finetuned, _base = told["What it is worth"].rows
    row = dict(zip(head, rag, strict=True))
    assert row["Right of its answers"].startswith("50 %")
    assert row["Needed to pay"] == "67 %"  # 10 / (10 + 5)
    assert row["Pays"] == "cannot tell"
    assert row["A month"] == "$1.00"  # 1,000 questions
    assert row["Per 1,000 right"] == "$2.00"
    assert row["Net value of 1,000"] == "−$2,501.00"  # 500 x 5 - 500 x 10 - 1
    assert "a right answer saves $5.00, a wrong one costs $10.00" in told["What it is worth"].note


def test_from_which_volume_tuning_is_worth_it() -> None:
    """16 right for 10 of 20: 0.3 x 15 dollars a question more, for 60.9 a month more (0.9 to train, 60 of labour)."""
    content = made(HALF, GOOD)
    assert content.worth is not None
    (gain,) = content.worth.gains
    assert (gain.first, gain.second) == ("finetuned", "rag")
    assert gain.per_question.value == pytest.approx(4.5)
    assert gain.band is not None
    assert gain.band.expected.volume == pytest.approx(60.9 / 4.5)
    assert gain.band.best_case.volume is not None
    assert gain.band.best_case.volume < gain.band.expected.volume
    found = json.loads(as_json(content))["worth"]
    assert found["gains"][0]["band"]["expected"]["pays"] == "from"
    assert {one["first"] for one in found["break_even"]} == {"finetuned", "hybrid"}


def test_facts_are_told_in_words_and_none_of_them_twice() -> None:
    files = [{"name": "leave", "questions": 2}, {"name": "prices", "questions": 3}]
    content = made(HALF, GOOD, question_files=files, models={"chat": None}, costs={}, command="do it")
    told = dict(fact_rows(content))
    assert told["question files"] == "name: leave, questions: 2; name: prices, questions: 3"
    assert told["models"] == "chat: none"
    assert told["modes"] == "rag, finetuned"
    assert not {"costs", "command", "not run", "question set"} & set(told)


def test_an_answer_stands_with_why_it_is_wrong_and_what_it_cites() -> None:
    cites = {"citations": [{"document_name": "leave.md", "quote": "ten"}] * 2}
    outcomes = [outcome("a", "rag", "wrong", text="ten", answer=cites), outcome("a", "hybrid")]
    page = as_html(content_of(run(["rag", "hybrid"]), [question("a")], outcomes))
    assert "wrong figure · confidence 80 % · 0.5 s · cites leave.md<" in page


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("rag.accuracy_needed<=0.67", True),
        ("rag.net_per_1000>=0", False),
        ("finetuned.worth_more_from<=14", True),
        ("finetuned.worth_more_from<=13", False),
    ],
)
def test_money_can_be_gated(condition: str, holds: bool) -> None:
    content = made(HALF, GOOD)
    assert (check(content.summary, [parsed(condition)], worth=content.worth) == []) is holds


def test_a_mode_that_is_never_worth_more_is_no_number_in_json() -> None:
    found = json.loads(as_json(made(GOOD, HALF)))["measures"]
    assert found["finetuned"]["worth_more_from"] == "never"
    assert found["rag"]["worth_more_from"] is None


USD = st.floats(0, 1000)


@given(USD, USD, USD, USD, st.floats(-50, 50), st.floats(1, 1e6))
@settings(max_examples=200)
def test_worth_more_is_what_the_two_values_say(
    fixed: float, each: float, other_fixed: float, other_each: float, gain: float, volume: float
) -> None:
    first, second = (
        Running(per_question=each, per_month=fixed),
        Running(per_question=other_each, per_month=other_fixed),
    )
    by_hand = volume * (gain - each + other_each) - fixed + other_fixed
    if abs(by_hand) > 1e-6 * (1 + volume * 1000):
        assert worth_more(first, second, gain).at(volume) is (by_hand > 0)


@pytest.mark.parametrize(
    ("low", "high", "needed", "said"),
    [(0.7, 0.9, 0.6, "yes"), (0.2, 0.5, 0.6, "no"), (0.5, 0.8, 0.6, "cannot tell")],
)
def test_whether_a_mode_pays_is_said_no_stronger_than_it_is_shown(
    low: float, high: float, needed: float, said: str
) -> None:
    assert verdict_on(Interval(value=0.6, low=low, high=high, n=10, clusters=10), needed) == said
    assert verdict_on(None, needed) == "–"


def test_without_prices_money_is_left_out_and_a_figure_that_is_none_is_said() -> None:
    assert "What it is worth" not in {one.title for one in sections(made(HALF, GOOD, rates=None))}
    with pytest.raises(SettingsError, match="no cost figure 'beauty'"):
        content_of(run(["rag"]), [question("a")], [outcome("a")], rates=RATES, costs={"beauty": 1})


# --- charts ---------------------------------------------------------------------------------------


def test_errors_against_coverage_are_drawn_whole_and_told_in_words() -> None:
    """More points than an attribute of 600 characters would hold."""
    picture = errors_against_coverage(made(HALF * 5, GOOD * 5).summary)
    assert picture is not None
    assert "Fine-tuned answers 100 % with 20 % wrong" in picture.description
    root = ElementTree.fromstring(picture.markup())
    lines = [shape for shape in root if shape.tag.endswith("polyline")]
    assert {line.attrib["class"] for line in lines} == {"curve rag", "curve finetuned"}
    for line in lines:
        points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        assert len(points) > 60
        assert [x for x, _ in points] == sorted(x for x, _ in points)
        assert all(0 <= x <= picture.width and 0 <= y <= picture.height for x, y in points)


def test_a_confidence_that_tells_nothing_apart_is_not_drawn() -> None:
    content = content_of(
        run(["rag"]), [question(f"q{at}") for at in range(9)], [outcome(f"q{at}") for at in range(9)]
    )
    assert errors_against_coverage(content.summary) is None


def test_the_bars_say_what_was_not_run() -> None:
    picture = quality_bars(made(HALF, GOOD).summary)
    assert picture is not None
    assert picture.description.endswith("Base not run")
    assert "not run" in [shape.text for shape in picture.shapes]
