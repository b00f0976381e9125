"""Advice by questionnaire: published cases, rules that hold for every answer, gates, reasons, what would change it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.answer import MODES, Mode
from errors import SettingsError
from evaluation.advice import factors
from evaluation.advice.advisor import Advice, advise
from evaluation.advice.factors import LEVELS, framework, parse_framework, read_levels
from evaluation.advice.scoring import pick_of

NAMES = [factor.name for factor in framework().factors]
ANSWERS = st.dictionaries(st.sampled_from(NAMES), st.integers(0, LEVELS - 1))
MANY = settings(max_examples=60, deadline=None)
READS, LEARNS = ("rag", "hybrid"), ("finetuned", "hybrid")


def case(name: str, right: str, source: str, **levels: int) -> ParameterSet:
    """`right`: the modes that the source found or advises; `source`: where that stands."""
    return pytest.param(levels, right.split(), source, id=name)


PUBLISHED = [
    case("farming answers", "hybrid", "arXiv 2401.08406: tuning +6 points, retrieval +5 on top of it",
         volatility=1, expertise=4, private=3, size=3, data=4, budget=4, attribution=2, style=2),
    case("rare facts", "rag", "arXiv 2403.01432: retrieval far ahead where facts are little known",
         volatility=1, private=4, expertise=1, style=0, size=4, data=2),
    case("questions on cars", "rag", "arXiv 2605.09533: least cost for each right answer",
         volatility=2, private=4, expertise=2, size=3, data=2, budget=2, style=1),
    case("content that keeps changing", "rag", "Microsoft Learn, retrieval or tuning: content that evolves",
         volatility=4, private=3, style=1, expertise=1),
    case("nothing to tune with", "rag", "Microsoft Learn, the same page: few means for data and training",
         budget=0, data=0, private=3, size=3),
    case("every millisecond counts", "finetuned", "Microsoft's tuning lab: latency, thousands of rows, RAG tried",
         latency=4, data=4, expertise=3, style=3, volatility=0, attribution=0, budget=3, size=1, private=1),
    case("behaviour from many examples", "finetuned", "AWS certification guides, on consistent behaviour",
         style=4, data=4, volatility=0, attribution=0, private=1, size=0, budget=3),
    case("newest, proprietary, cheap", "rag", "IBM community, 2025-11-28",
         volatility=3, private=4, attribution=3, budget=1, data=1),
    case("tone and format", "finetuned", "Meta AI, 2024-08-07, on when to tune",
         style=4, volatility=1, data=3, private=1, size=0, attribution=0, budget=3),
    case("principles learnt, rates looked up", "hybrid", "Manning, Building Reliable AI Systems, chapter 5",
         volatility=4, expertise=4, style=3, attribution=3, data=3, budget=3, private=2),
    case("the prompt does well enough", "base", "Manning, the same chapter: eight of ten answers already good",
         private=0, expertise=0, style=0, volatility=1, size=0, attribution=0, data=1, users=1, tenants=0,
         budget=2, latency=1),
    case("documents of every week", "rag", "contextualaisystems, on legal and product documents with sources",
         volatility=3, attribution=4, private=4, size=2, style=1, data=1, budget=1),
    case("a telephone company's talks", "finetuned hybrid", "OpenAI with SK Telecom: the trade's talk, in Korean",
         expertise=4, style=4, data=4, budget=4, volatility=1, private=2),
    case("ten million a year", "finetuned", "slavin.ai: a narrow field, a fixed form, under 300 ms",
         users=4, latency=4, style=4, volatility=0, attribution=0, data=3, budget=3, size=1, expertise=3,
         private=1),
    case("Icelandic corrected", "finetuned", "OpenAI, Optimizing LLM accuracy: retrieval on top made it worse",
         style=4, expertise=3, data=3, volatility=0, attribution=0, private=0, size=0, budget=3),
    case("fits into the prompt", "base", "Anthropic, contextual retrieval: under 200,000 tokens, cached",
         size=1, private=4, volatility=1, style=1, expertise=1, data=0, attribution=1, users=1, tenants=0,
         budget=1, latency=1),
]  # fmt: skip
CASES: list[tuple[dict[str, int], list[str], str]] = [one.values for one in PUBLISHED]  # type: ignore[misc]
MISSES_ALLOWED = 1  # of sixteen


@pytest.mark.parametrize(("levels", "right", "source"), PUBLISHED)
def test_a_published_case_is_advised_as_its_source_found(
    levels: dict[str, int], right: list[str], source: str
) -> None:
    assert advise(read_levels(levels)).pick in right, source


def test_the_published_cases_do_not_hang_by_a_thread() -> None:
    """Each weight changed by a third, one at a time: nearly all cases stay right, so nothing was fitted to them."""
    for name in NAMES:
        for factor in (0.67, 1.33):
            by = _weighted(name, factor)
            wrong = [source for levels, right, source in CASES if pick_of(levels, by) not in right]
            assert len(wrong) <= MISSES_ALLOWED + 1, (name, factor, wrong)


def _weighted(name: str, times: float) -> factors.Framework:
    table = tomllib.loads(Path(factors.__file__).with_name("factors.toml").read_text("utf-8"))
    for one in table["factor"]:
        one["weight"] *= times if one["name"] == name else 1
    return parse_framework(table)


@MANY
@given(ANSWERS, st.integers(0, 3))
def test_more_change_never_moves_towards_tuning(levels: dict[str, int], level: int) -> None:
    less, more = _both(levels, "volatility", level)
    assert not (more.pick == "finetuned" and less.pick != "finetuned")
    assert not (less.pick == "rag" and more.pick != "rag")
    for other in ("base", "rag", "hybrid"):
        assert _ahead(more, "finetuned", other) < _ahead(less, "finetuned", other)


@MANY
@given(ANSWERS, st.integers(0, 3))
def test_more_data_never_moves_away_from_tuning(levels: dict[str, int], level: int) -> None:
    less, more = _both(levels, "data", level)
    assert not (less.pick in LEARNS and more.pick not in LEARNS)
    assert set(more.out) <= set(less.out)


@MANY
@given(ANSWERS, st.integers(0, 3))
def test_the_more_a_source_must_be_shown_the_less_does_a_mode_without_one_fit(
    levels: dict[str, int], level: int
) -> None:
    less, more = _both(levels, "attribution", level)
    assert not (less.pick in READS and more.pick not in READS)


@MANY
@given(ANSWERS)
def test_gates_always_hold_and_leave_something(levels: dict[str, int]) -> None:
    advice = advise(levels)
    assert advice.pick not in advice.out
    for gate in framework().gates:
        if gate.holds(levels):
            assert all(gate.reason in advice.out[mode] for mode in gate.out)


@MANY
@given(ANSWERS, st.randoms())
def test_the_order_of_answers_changes_nothing(levels: dict[str, int], random: object) -> None:
    mixed = list(levels.items())
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert advise(dict(mixed)).as_dict() == advise(levels).as_dict()


@MANY
@given(ANSWERS, st.sampled_from(NAMES))
def test_what_is_not_known_is_neutral(levels: dict[str, int], name: str) -> None:
    left_out = {one: level for one, level in levels.items() if one != name}
    unknown = advise(read_levels({**left_out, name: None}))
    assert unknown == advise(left_out)
    assert name in unknown.unknown
    assert unknown.points == pytest.approx(advise({**left_out, name: 2}).points)
    assert name not in {one.factor for one in (*unknown.reasons, *unknown.against)}


@MANY
@given(ANSWERS)
def test_reasons_account_for_the_whole_margin(levels: dict[str, int]) -> None:
    advice = advise(levels)
    if advice.runner_up is None:
        return
    told = sum(one.points for one in (*advice.reasons, *advice.against))
    start = framework().head_start
    head = start if advice.pick == "base" else -start if advice.runner_up == "base" else 0.0
    assert told + head == pytest.approx(advice.margin)
    assert all(one.source and one.said for one in advice.reasons)


def test_every_factor_of_the_field_is_asked_for_with_a_source() -> None:
    assert set(NAMES) >= {"volatility", "updates", "expertise", "style", "latency", "attribution", "size",
                          "tenants", "users", "budget", "data", "offline", "maturity"}  # fmt: skip
    assert all(one.source and len(set(one.levels)) == LEVELS for one in framework().factors)


def test_nothing_answered_is_no_advice() -> None:
    advice = advise({})
    assert (advice.pick, advice.strength, advice.reasons) == ("base", "toss-up", ())


@pytest.mark.parametrize(
    ("given", "levels"),
    [
        pytest.param({"volatility": 4}, {"volatility": 4}, id="a level"),
        pytest.param({"volatility": "4"}, {"volatility": 4}, id="as text"),
        pytest.param({"volatility": "a few facts"}, {"volatility": 1}, id="in words"),
        pytest.param({"volatility": None}, {}, id="not known"),
    ],
)
def test_answers_are_read(given: Mapping[str, object], levels: dict[str, int]) -> None:
    assert read_levels(given) == levels


@pytest.mark.parametrize(
    "given",
    [{"volatility": 5}, {"volatility": -1}, {"volatility": True}, {"volatility": "much"}, {"weather": 1}],
)
def test_an_answer_that_cannot_be_is_refused_with_what_can(given: Mapping[str, object]) -> None:
    with pytest.raises(SettingsError, match=r"volatility"):
        read_levels(given)


def _both(levels: dict[str, int], name: str, level: int) -> tuple[Advice, Advice]:
    return advise({**levels, name: level}), advise({**levels, name: level + 1})


def _ahead(advice: Advice, mode: Mode, other: Mode) -> float:
    return advice.points[mode] - advice.points[other]


@MANY
@given(ANSWERS, st.sampled_from(NAMES), st.integers(0, 3))
def test_more_of_anything_moves_to_a_mode_that_it_favours_no_less(
    levels: dict[str, int], name: str, level: int
) -> None:
    """Gates and points of a factor pull the same way: what is ruled out by it is what it speaks against most."""
    effect = framework().factor(name).effect
    less, more = (pick_of({**levels, name: one}, framework()) for one in (level, level + 1))
    assert effect[more] >= effect[less]


@MANY
@given(ANSWERS, st.sampled_from(NAMES))
def test_a_factor_without_effect_changes_nothing(levels: dict[str, int], name: str) -> None:
    """Neutral answers are of no weight, in points, reasons or pick; they alone may settle whether a gate holds."""
    known = {one: level for one, level in levels.items() if one != name}
    before, after = advise(known), advise({**known, name: 2})
    assert after.points == pytest.approx(before.points)
    assert name not in {one.factor for one in (*after.reasons, *after.against)}
    if after.out == before.out:
        assert after.pick == before.pick
        assert after.margin == pytest.approx(before.margin)


# --- cases found later ------------------------------------------------------------------------------

FOUND = json.loads(Path(__file__).with_name("advice_cases_found.json").read_text("utf-8"))["cases"]
MISSED = {"software support"}  # 2,000 solved tickets speak for tuning too: Hybrid, half a point ahead


@pytest.mark.parametrize("found", [pytest.param(one, id=one["id"]) for one in FOUND])
def test_a_case_that_was_coded_before_the_advisor_saw_it(found: dict[str, Any]) -> None:
    """No weight was changed for them; a miss is kept as what it is, and a hit by chance would show."""
    assert (advise(read_levels(found["levels"])).pick in found["expect"]) == (found["id"] not in MISSED)


def test_a_trivial_advisor_hits_fewer_of_the_found_cases() -> None:
    always = {mode: sum(mode in one["expect"] for one in FOUND) for mode in MODES}
    assert max(always.values()) <= 6 < len(FOUND) - len(MISSED)
