"""As soon as an evaluation exists its result outweighs the questionnaire, and the decision says that it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.answer import MODES, Mode
from evaluation.advice.advisor import advise
from evaluation.advice.consultation import Consultation, consult
from evaluation.advice.costs import Rates
from evaluation.advice.evidence import FEWEST, Decision, Evidence, ratios, weigh
from evaluation.advice.factors import framework
from evaluation.judging import KnownQuestion
from evaluation.outcomes import Outcome
from evaluation.reports.advice import (
    as_html,
    as_markdown,
    cost_rows,
    flip_rows,
    gate_rows,
    points_rows,
    recommendation,
)
from evaluation.reports.advice_chart import points_picture
from evaluation.summary import Summary, summarise

QUESTIONS = 60
RAG_ADVISED = {"volatility": 4, "private": 4}  # clearly
HYBRID_LEANT = {"expertise": 4, "style": 3, "volatility": 3}
LOCAL = Rates(
    model="local:embedded", asked=None, tuned_model="local:embedded", tuned=None, on_machine=True,
    tuned_on_machine=True, training_usd=None, notes=("It ends <soon>.",),
)  # fmt: skip

PROVIDER = replace(LOCAL, model="openai:m", on_machine=False)


def measured(
    right: Mapping[Mode, int], *, questions: int = QUESTIONS, cost: Mapping[Mode, float] | None = None
) -> Summary:
    """So many right of the first questions on; US dollars a question."""
    asked = [_question(number) for number in range(questions)]
    outcomes = [
        _outcome(f"q{number}", mode, number < rights, (cost or {}).get(mode, 0.001))
        for mode, rights in right.items()
        for number in range(questions)
    ]
    return summarise(asked, outcomes, list(right))


def decided(levels: dict[str, int], summary: Summary, *, complete: bool = True) -> Decision:
    return weigh(
        advise(levels), Evidence(run="run-1", named="run-1 of today", summary=summary, complete=complete)
    )


def test_a_few_questions_are_told_where_nothing_was_answered() -> None:
    few, many = (
        " ".join(decided({}, measured({"rag": 5, "hybrid": 5}, questions=asked)).sentences)
        for asked in (8, 20)
    )
    assert "only the measurement speaks" in few
    assert "from 20 questions on it counts" in few
    assert "from 20 questions on" not in many
    assert "questionnaire hardly" not in few + many


def test_without_a_run_the_questionnaire_decides_and_says_so() -> None:
    found = weigh(advise(RAG_ADVISED), None)
    assert (found.pick, found.basis, found.standing) == ("rag", "questionnaire", "not measured")
    assert "evaluate answers" in found.sentences[0]


@pytest.mark.parametrize(
    ("levels", "right", "pick", "standing", "basis", "strength"),
    [
        pytest.param(RAG_ADVISED, {"base": 10, "rag": 45}, "rag", "agreement", "measurement", "clear", id="agreement"),
        pytest.param(RAG_ADVISED, {"base": 10, "rag": 25, "hybrid": 50}, "hybrid", "contradiction", "measurement",
                     "clear", id="contradiction"),
        pytest.param({}, {"base": 10, "rag": 45, "hybrid": 46}, "rag", "measurement alone", "simplicity",
                     "lean", id="nothing answered, two level: the simpler"),
        pytest.param(HYBRID_LEANT, {"base": 10, "rag": 45, "hybrid": 44}, "hybrid", "no difference shown",
                     "questionnaire among the tied", "lean", id="tied: the questionnaire among them"),
        pytest.param(RAG_ADVISED, {"base": 31, "rag": 30}, "rag", "no difference shown",
                     "questionnaire among the tied", "lean", id="nothing shown at all"),
        pytest.param(HYBRID_LEANT, {"base": 10, "rag": 45}, "rag", "advised mode not measured", "measurement",
                     "lean", id="the advised mode was not asked, another is shown to be better"),
        pytest.param(HYBRID_LEANT, {"base": 30, "rag": 31}, "hybrid", "advised mode not measured", "questionnaire",
                     "lean", id="the advised mode was not asked, nothing is shown"),
        pytest.param(RAG_ADVISED, {"base": 10}, "rag", "not measured", "questionnaire", "lean", id="one mode alone"),
    ],
)  # fmt: skip
def test_the_measured_result_outweighs_the_questionnaire(
    levels: dict[str, int], right: dict[Mode, int], pick: Mode, standing: str, basis: str, strength: str
) -> None:
    found = decided(levels, measured(right))
    assert (found.pick, found.standing, found.basis, found.strength) == (pick, standing, basis, strength)


def test_a_contradiction_names_both_and_which_counts() -> None:
    told = " ".join(decided(RAG_ADVISED, measured({"rag": 25, "hybrid": 50})).sentences)
    assert "questionnaire advised RAG" in told
    assert "contradicts it: Hybrid" in told
    assert "The measurement counts" in told
    assert "83 %" in told


def test_of_the_tied_the_cheaper_where_the_questionnaire_hardly_prefers_one() -> None:
    dear = measured({"base": 10, "rag": 45, "hybrid": 46}, cost={"rag": 0.01, "hybrid": 0.002})
    found = decided({}, dear)
    assert (found.pick, found.basis, found.tied) == ("hybrid", "cost", ("rag",))
    assert "cheaper" in " ".join(found.sentences)


@pytest.mark.parametrize(
    ("levels", "best"),
    [
        pytest.param({"attribution": 4}, "finetuned", id="sources are required"),
        pytest.param({"tenants": 4}, "finetuned", id="rights must be kept"),
        pytest.param({"updates": 4}, "finetuned", id="changes must show"),
        pytest.param({"budget": 0}, "hybrid", id="there is nothing to keep it up with"),
    ],
)
def test_a_requirement_stands_against_any_measured_quality(levels: dict[str, int], best: Mode) -> None:
    found = decided(levels, measured({"base": 5, "rag": 30, best: 58}))
    assert found.pick == "rag"
    assert set(found.barred) >= {best}
    assert "stays out all the same" in " ".join(found.sentences)


def test_a_forecast_of_quality_is_refuted_by_a_measurement() -> None:
    found = decided({"data": 0}, measured({"base": 5, "rag": 20, "finetuned": 58}))
    assert (found.pick, found.standing) == ("finetuned", "contradiction")
    assert any("refutes" in cell for row in gate_rows(found) for cell in row)


def test_where_only_ruled_out_modes_were_measured_the_questionnaire_decides() -> None:
    found = decided({"attribution": 4}, measured({"base": 5, "finetuned": 58}))
    assert (found.pick, found.basis) == ("rag", "questionnaire")
    assert "rules out" in found.sentences[0]


def test_what_so_many_questions_cannot_show_and_an_unfinished_run_are_said() -> None:
    told = " ".join(decided(RAG_ADVISED, measured({"base": 10, "rag": 12}), complete=False).sentences)
    assert "cannot show a difference of less than about" in told
    assert "not finished" in told


@pytest.mark.parametrize("levels", [{}, RAG_ADVISED, HYBRID_LEANT, {"attribution": 4, "tenants": 4}])
def test_no_pick_is_shown_to_be_worse_than_the_best_that_may_be_chosen(levels: dict[str, int]) -> None:
    for rights in ((10, 20, 30, 40), (40, 30, 20, 10), (30, 31, 30, 29), (5, 50, 20, 50)):
        names: tuple[Mode, ...] = ("base", "rag", "finetuned", "hybrid")
        summary = measured(dict(zip(names, rights, strict=True)))
        found = decided(levels, summary)
        allowed = [one for one in names if one not in found.barred]
        best = max(allowed, key=lambda one: summary.modes[one].right.value)
        worse = [
            pair for pair in summary.pairs if {pair.first, pair.second} == {best, found.pick} and pair.shown
        ]
        assert not worse


def test_the_ratio_of_right_answers_is_that_of_the_pair_either_way() -> None:
    summary = measured({"rag": 40, "finetuned": 20})
    low, value, high = ratios(summary, "rag", "finetuned") or (0, 0, 0)
    assert value == pytest.approx(2.0)
    assert low < value < high
    back = ratios(summary, "finetuned", "rag")
    assert back is not None
    assert back[1] == pytest.approx(0.5)
    assert back[0] < back[1] < back[2]
    assert ratios(summary, "rag", "hybrid") is None
    assert ratios(measured({"rag": 0, "hybrid": 5}), "hybrid", "rag") is None


def told(levels: dict[str, int], summary: Summary | None) -> Consultation:
    evidence = Evidence(run="run-1", named="run-1 <b>", summary=summary) if summary else None
    return consult(levels, rates=LOCAL, evidence=evidence)


def test_the_advice_says_pick_strength_and_basis_in_one_sentence() -> None:
    assert recommendation(told(RAG_ADVISED, None).decision).startswith("Choose RAG (lean):")
    assert "by the questionnaire alone" in recommendation(told(RAG_ADVISED, None).decision)
    assert recommendation(told({}, None).decision).startswith("Begin with Base (toss-up)")
    assert recommendation(told({}, measured({"base": 5, "rag": 50})).decision) == (
        "Choose RAG (clear): by what was measured."
    )


def test_what_costs_more_than_it_can_save_never_pays() -> None:
    found = consult({}, rates=LOCAL, costs={"saving": 0.1, "cost_wrong": 0, "labour_usd_per_hour": 1e6})
    needed = {row[0]: row[-1] for row in cost_rows(found)}
    assert needed["Fine-tuned"] == "never: asking costs more"
    assert needed["RAG"].endswith(" %")


def test_the_points_table_adds_up_and_names_every_source() -> None:
    head, *rows, start, total = points_rows(advise(RAG_ADVISED))
    assert head[2:6] == ("Base", "RAG", "Fine-tuned", "Hybrid")
    for place in range(2, 6):
        parts = sum(_number(row[place]) for row in (*rows, start))
        assert parts == pytest.approx(_number(total[place].removesuffix(" (out)")))
    assert all(row[6] for row in (*rows, start))
    assert total[4].endswith("(out)")


def test_what_would_change_it_tells_what_is_now() -> None:
    _, *rows = flip_rows(advise(RAG_ADVISED))
    assert {row[1] for row in rows} >= {"not known", "most of it, or every week"}


def test_the_written_advice_is_inert_and_whole() -> None:
    found = told(RAG_ADVISED, measured({"base": 5, "rag": 50, "finetuned": 20}))
    page, plain = as_html(found), as_markdown(found)
    assert "<soon>" not in page and "&lt;soon&gt;" in page
    assert "run-1 <b>" not in page
    for part in ("Points by factor", "Ruled out", "What would change", "Costs at", "When it pays"):
        assert part in page
        assert part in plain
    assert "<script" not in page


def test_measured_modes_have_costs_for_each_right_answer_and_a_band() -> None:
    found = told({}, measured({"base": 5, "rag": 50, "finetuned": 20}))
    assert found.values["rag"].per_1000_correct is not None
    assert found.values["hybrid"].per_1000_correct is None
    by = {(one.first, one.second): one for one in found.breaks}
    assert by["finetuned", "rag"].measured
    assert not by["hybrid", "rag"].measured
    assert found.as_dict()["break_even"]


def test_the_picture_says_its_numbers_in_words_and_marks_what_is_out() -> None:
    picture = points_picture(advise(RAG_ADVISED))
    assert "Fine-tuned −3.75 (ruled out)" in picture.description
    bars = [shape.attributes["class"] for shape in picture.shapes if shape.tag == "rect"]
    assert bars == ["bar", "bar", "bar loud", "bar"]


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        pytest.param(
            {"private": 4, "size": 1, "volatility": 0, "attribution": 0, "data": 0}, True, id="private"
        ),
        pytest.param(
            {"private": 1, "size": 1, "volatility": 0, "attribution": 0, "data": 0}, False, id="public"
        ),
        pytest.param({"private": 4, "volatility": 4}, False, id="another mode is advised"),
    ],
)
def test_base_for_private_knowledge_is_not_taken_for_base_mode(levels: dict[str, int], said: bool) -> None:
    """Measured on invented companies (benchmarks/advice_truth.py): Base mode answers nothing of it right."""
    found = weigh(advise(levels), None)
    assert any("reads none of your documents" in sentence for sentence in found.sentences) == said
    assert (found.pick == "base") == (levels.get("volatility") != 4)


def _number(cell: str) -> float:
    return float(cell.replace("−", "-"))


def _question(number: int) -> KnownQuestion:
    name = f"q{number}"
    return KnownQuestion(id=name, text=name, answerable=True, answers=("x",), documents=(), group=name)


def _outcome(question: str, mode: Mode, right: bool, cost: float) -> Outcome:
    return Outcome(
        question=question, mode=mode, verdict="right" if right else "wrong", key=f"{question}{mode}", text="",
        model="m", confidence=None, seconds=0.5, first_text_s=None, input_tokens=None, output_tokens=None,
        cost_usd=cost,
    )  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(st.sampled_from([one.name for one in framework().factors]), st.integers(0, 4)),
    st.dictionaries(st.sampled_from(MODES), st.integers(0, 24), min_size=2),
    st.integers(15, 24),
)
def test_whatever_was_answered_and_measured(
    levels: dict[str, int], right: dict[Mode, int], questions: int
) -> None:
    """A requirement stands; what is shown to be better is chosen; only where it may the questionnaire decides."""
    summary = measured(right, questions=questions)
    advice, found = advise(levels), decided(levels, summary)
    assert found.pick not in found.barred
    assert found == weigh(advice, found.evidence)
    allowed = [mode for mode in right if mode not in found.barred]
    if found.basis == "questionnaire":
        assert found.pick == advice.pick
    elif allowed:
        assert found.pick in allowed
        best = max(allowed, key=lambda mode: summary.modes[mode].right.value)
        pairs = [pair for pair in summary.pairs if {pair.first, pair.second} == {best, found.pick}]
        assert not any(pair.shown for pair in pairs)
    if levels and questions < FEWEST:
        assert found.basis == "questionnaire"
    if found.strength == "clear" and found.basis == "measurement":
        assert found.tied == ()


# --- evidence that may not decide alone -------------------------------------------------------------


@pytest.mark.parametrize(
    ("questions", "pick", "standing"),
    [
        pytest.param(19, "rag", "too few questions", id="one too few"),
        pytest.param(20, "hybrid", "contradiction", id="just enough"),
    ],
)
def test_few_questions_do_not_outweigh_answers(questions: int, pick: str, standing: str) -> None:
    found = decided(RAG_ADVISED, measured({"rag": 0, "hybrid": questions}, questions=questions))
    assert (found.pick, found.standing) == (pick, standing)
    assert ("too few to outweigh" in " ".join(found.sentences)) == (standing == "too few questions")


def test_with_no_answer_few_questions_are_all_there_is() -> None:
    assert decided({}, measured({"base": 0, "rag": 10}, questions=10)).pick == "rag"


def test_among_the_tied_a_mode_that_is_forecast_to_fail_comes_last() -> None:
    """Style and expertise speak for tuning, and there is nothing to tune on: no difference shown is no refutation."""
    levels = {"style": 4, "expertise": 4, "data": 0, "private": 4, "size": 2}
    assert advise(levels).points["finetuned"] > advise(levels).points["rag"]
    found = decided(levels, measured({"rag": 40, "finetuned": 41}))
    assert (found.pick, found.basis) == ("rag", "questionnaire among the tied")
    assert not any("refutes" in cell for row in gate_rows(found) for cell in row)


def test_a_measured_mode_that_alone_is_left_of_the_tied_does_not_refute_its_forecast() -> None:
    found = decided({"data": 0}, measured({"base": 5, "finetuned": 40, "hybrid": 41}))
    assert found.pick in ("finetuned", "hybrid")
    assert any("does not bear it out" in cell for row in gate_rows(found) for cell in row)


def test_what_changed_since_then_is_said_and_takes_the_clearness() -> None:
    summary = measured({"base": 5, "rag": 50})
    told = ("The documents have changed.",)
    found = weigh(advise(RAG_ADVISED), Evidence(run="run-1", named="run-1", summary=summary, since=told))
    assert (found.pick, found.standing, found.strength) == ("rag", "agreement", "lean")
    assert told[0] in found.sentences


def test_why_the_advised_mode_was_not_asked_is_said() -> None:
    summary = replace(measured({"base": 30, "rag": 31}), not_run={"hybrid": "It needs a tuned model."})
    told = decided(HYBRID_LEANT, summary).sentences[0]
    assert "was not asked (It needs a tuned model): measure it" in told


def test_questions_on_few_documents_speak_for_these() -> None:
    summary = replace(measured({"base": 5, "rag": 50}), documents_given=True, groups=3)
    assert any("about 3 documents" in one for one in decided(RAG_ADVISED, summary).sentences)


def test_what_another_kind_of_model_cost_then_is_not_what_this_one_costs() -> None:
    """The run asked a provider's model ("m"); now the machine's own would be asked, and its time is reckoned."""
    summary = measured({"base": 5, "rag": 50}, cost={"rag": 2.0})
    found = told({}, summary)
    names = [part.name for part in found.costs["rag"].parts]
    assert "asking, as measured" not in names
    paid = consult({}, rates=PROVIDER, evidence=Evidence(run="run-1", named="run-1", summary=summary))
    assert "asking, as measured" in [part.name for part in paid.costs["rag"].parts]
    running = paid.costs["rag"].running
    assert running is not None and running.per_question == pytest.approx(2.0)
