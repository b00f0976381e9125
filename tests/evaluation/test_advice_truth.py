"""Invented companies with a known truth, and what must hold of the advisor when their modes really run.

The whole comparison is `python -m benchmarks.advice_truth`; here are two small ones of the kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import advice_truth
from benchmarks.companies.made import Company, Profile, make, write_rows
from benchmarks.companies.measured import (
    Measured,
    if_its_source_is_shown,
    measure,
    server_that_knows_nothing,
    winners,
)
from benchmarks.companies.profiles import PROFILES, levels_of
from chains.answer import MODES, Mode
from evaluation.advice.advisor import advise
from evaluation.advice.evidence import weigh
from evaluation.advice.factors import read_levels
from evaluation.judging import holds_one, known_question
from evaluation.leaks import taught_questions
from evaluation.summary import summarise
from tests.evaluation import made

MOVING = Profile(
    name="moving", trade="bicycles", seed=71, things=5, rows=50, stale=0.7, questions=15, unanswerable=0.0
)
TO_THE_LETTER = Profile(
    name="to the letter", trade="courses", seed=72, things=10, rows=110, taught=0.5, questions=34, to_the_letter=True,
    unanswerable=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def moving(built_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """With base mode, by a server that knows nothing."""
    folder = tmp_path_factory.mktemp("moving") / "home"
    with server_that_knows_nothing() as server:
        return measure(make(MOVING), folder, server.url, models=built_models)


@pytest.fixture(scope="module")
def to_the_letter(built_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Without base mode; its own evaluation asks twenty questions, the fewest that outweigh answers."""
    folder = tmp_path_factory.mktemp("letter") / "home"
    return measure(make(TO_THE_LETTER), folder, None, models=built_models, evaluated=0.6)


# --- what is made ---------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES, ids=lambda one: one.name)
def test_a_company_says_what_its_profile_says(profile: Profile, tmp_path: Path) -> None:
    company = make(profile)
    assert company == make(profile)
    assert len(company.questions) == profile.questions
    assert len(company.training) <= profile.rows
    _kinds_are_as_told(company)
    _no_question_was_taught(company, tmp_path / "training.jsonl")
    assert read_levels(levels_of(profile)) == levels_of(profile)


def _kinds_are_as_told(company: Company) -> None:
    profile = company.profile
    kinds = [row["tags"][0] for row in company.questions]
    assert kinds.count("house rule") == round(profile.taught * profile.questions)
    assert kinds.count("unanswerable") == round(profile.unanswerable * profile.questions)
    assert kinds.count("general") == round(profile.general * profile.questions)
    assert ("changed" in kinds) == (profile.stale > 0)


def _no_question_was_taught(company: Company, path: Path) -> None:
    write_rows(company.training, path)
    asked = [known_question(row, "made") for row in company.questions]
    assert not taught_questions(asked, path)


SHARES = st.floats(0.0, 0.3)
PROFILE = st.builds(
    Profile,
    name=st.just("drawn"),
    trade=st.sampled_from(["cottages", "courses", "laboratory", "bicycles"]),
    seed=st.integers(0, 1000),
    things=st.integers(4, 12),
    form=st.sampled_from(["sheets", "lists", "mixed"]),
    rows=st.integers(0, 200),
    stale=st.floats(0.0, 1.0),
    taught=SHARES,
    unanswerable=SHARES,
    questions=st.integers(1, 50),
)


@settings(max_examples=25, deadline=None)
@given(PROFILE)
def test_documents_say_what_is_asked_for_and_nothing_of_house_rules(profile: Profile) -> None:
    company = make(profile)
    told = company.documents_now
    for row in company.questions:
        kind = row["tags"][0]
        if kind in ("changed", "unchanged"):
            assert row["answers"][0] in told[row["gold"][0]["document"]].lower()
        if kind == "house rule":
            assert not holds_one("\n".join(told.values()), row["answers"])


@settings(max_examples=10, deadline=None)
@given(PROFILE)
def test_what_changes_changes_in_the_documents_alone(profile: Profile) -> None:
    company = make(profile)
    moved = round(profile.stale * 5 * profile.things)
    assert (company.documents_then != company.documents_now) == (moved > 0)
    assert company.documents_then.keys() == company.documents_now.keys()
    then = "\n".join(company.documents_then.values())
    for answer in _taught_facts(company):
        assert any(word in then for word in answer), answer


def _taught_facts(company: Company) -> Iterator[list[str]]:
    """Of each taught row on a thing: its parts between which a value stands."""
    things = {
        row["source_paragraph"] for row in company.questions if row["tags"][0] in ("changed", "unchanged")
    }
    for row in company.training:
        answer = row["messages"][-1]["content"]
        if any(thing in answer for thing in things):
            yield [word for word in answer.replace(".", " ").split() if any(map(str.isdigit, word))]


# --- what is measured -----------------------------------------------------------------------------


def test_all_four_modes_run_and_what_cannot_is_told(moving: Measured, to_the_letter: Measured) -> None:
    assert set(moving.truth.modes) == set(MODES)
    assert moving.truth.modes["base"].right.value == 0.0
    assert moving.evidence.complete
    assert set(to_the_letter.not_run) == {"base"}


def test_stale_facts_do_not_make_fine_tuned_win(moving: Measured) -> None:
    assert _right(moving, "changed", "finetuned") <= 0.1 < _right(moving, "changed", "rag")
    assert moving.truth.best in ("rag", "hybrid")
    advice = advise(levels_of(moving.profile))
    assert advice.pick in ("rag", "hybrid")
    assert "finetuned" in advice.out
    assert weigh(advice, moving.evidence).pick in winners(moving.truth)


def test_words_to_the_letter_are_not_won_by_reading_alone(to_the_letter: Measured) -> None:
    right = {mode: one.right.value for mode, one in to_the_letter.truth.modes.items()}
    assert min(right["finetuned"], right["hybrid"]) > right["rag"] + 0.25
    assert advise(levels_of(to_the_letter.profile)).pick in winners(to_the_letter.truth)


def test_evidence_outweighs_a_questionnaire_that_is_wrong(to_the_letter: Measured) -> None:
    """The owner believes that much changes and no word is to be kept; the evaluation shows otherwise."""
    believed = advise({"volatility": 3, "private": 4, "style": 0, "expertise": 0})
    assert believed.pick == "rag"
    decision = weigh(believed, to_the_letter.evidence)
    assert decision.standing == "contradiction"
    assert decision.pick in winners(to_the_letter.truth)
    assert any("The measurement counts." in sentence for sentence in decision.sentences)


def test_a_required_source_stands_against_what_was_measured(to_the_letter: Measured) -> None:
    """The evaluation did not ask for sources and a mode without any came out best; a requirement is not lifted."""
    decision = weigh(advise({"attribution": 4}), to_the_letter.evidence)
    assert to_the_letter.evidence.summary.best != "rag"
    assert decision.pick in ("rag", "hybrid")
    assert "finetuned" in decision.barred


def test_where_sources_are_required_an_answer_without_one_does_not_count(moving: Measured) -> None:
    counted = [if_its_source_is_shown(one) for one in moving.outcomes]
    right = {mode: sum(one.right for one in counted if one.mode == mode) for mode in MODES}
    assert right["base"] == right["finetuned"] == 0
    assert right["rag"] == sum(one.right for one in moving.outcomes if one.mode == "rag") > 0


def test_an_advice_is_best_tied_worse_or_cannot_run(moving: Measured) -> None:
    right: dict[Mode, int] = {"base": 0, "rag": 20, "hybrid": 19}
    outcomes = [
        made.outcome(f"q{number}", mode, "right" if number < rights else "wrong")
        for mode, rights in right.items()
        for number in range(20)
    ]
    asked = [made.question(f"q{number}") for number in range(20)]
    found = replace(moving, truth=summarise(asked, outcomes, list(right)))
    standings = {mode: advice_truth.checked(found, lambda _, mode=mode: mode) for mode in MODES}  # type: ignore[misc]
    assert {mode: one.standing for mode, one in standings.items()} == {
        "base": "worse", "rag": "best", "finetuned": "cannot run", "hybrid": "tied"
    }  # fmt: skip
    assert {mode: one.lost for mode, one in standings.items()} == pytest.approx(
        {"base": 1.0, "rag": 0.0, "finetuned": 1.0, "hybrid": 0.05}
    )


def test_the_report_names_every_company_and_advisor(moving: Measured, to_the_letter: Measured) -> None:
    told = advice_truth.report([moving, to_the_letter])
    assert all(name in told for name in ("moving", "to the letter", *advice_truth.ADVISORS))
    assert "not run" in told
    assert advice_truth.as_record(moving)["winners"] == list(winners(moving.truth))


def _right(found: Measured, kind: str, mode: Any) -> float:
    return next(one for one in found.truth.tags if one.tag == kind).right[mode].value
