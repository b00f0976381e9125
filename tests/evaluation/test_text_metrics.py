"""Measures of answers and rankings, against published scripts where they are installed, else by hand."""

from __future__ import annotations

import math

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from evaluation.ranking import ndcg, recall
from evaluation.text_metrics import best, exact_match, figures_kept, normalised, rouge_l, token_f1

WORDS = st.lists(st.sampled_from(["rent", "deposit", "days", "twelve", "euro", "cold", "room"]), max_size=9)


@pytest.mark.parametrize(
    ("answer", "accepted", "same"),
    [
        pytest.param(
            "The **IB-06** costs 120 euros. [1]", "ib-06 costs 120 euros", True, id="marks and citation"
        ),
        pytest.param("1,270.50 euros", "1,270.50 euros.", True, id="a point ends the sentence"),
        pytest.param("1,270 euros", "1,27 euros", False, id="figures to the digit"),
        pytest.param("Zürich", "ZÜRICH", True, id="case beyond ASCII"),
        pytest.param("ﬁve days", "five days", True, id="compatibility forms"),
        pytest.param("до десяти дней", "До десяти дней", True, id="Cyrillic"),
        pytest.param("ten days", "ten working days", False, id="a word more"),
        pytest.param("", "ten", False, id="nothing said"),
    ],
)
def test_exact_match(answer: str, accepted: str, *, same: bool) -> None:
    assert exact_match(answer, accepted) == float(same)


@pytest.mark.parametrize(
    ("answer", "accepted", "f1"),
    [
        pytest.param("two years", "two years", 1.0, id="the same"),
        pytest.param("two long years", "two years", 0.8, id="one word more"),
        pytest.param("years years", "years", 2 / 3, id="a word counts as often as it stands"),
        pytest.param("no idea", "two years", 0.0, id="nothing in common"),
        pytest.param("the", "a", 1.0, id="articles alone"),
    ],
)
def test_token_f1(answer: str, accepted: str, f1: float) -> None:
    assert token_f1(answer, accepted) == pytest.approx(f1)


@given(first=WORDS, second=WORDS)
def test_rouge_l_is_rouge_scores(first: list[str], second: list[str]) -> None:
    said, wanted = " ".join(first), " ".join(second)
    peer = rouge_scorer.RougeScorer(["rougeL"]).score(wanted, said)["rougeL"].fmeasure
    assert rouge_l(said, wanted) == pytest.approx(peer if first or second else 1.0)


@given(first=WORDS, second=WORDS)
def test_a_common_subsequence_is_no_longer_than_the_common_words(first: list[str], second: list[str]) -> None:
    assert rouge_l(" ".join(first), " ".join(second)) <= token_f1(" ".join(first), " ".join(second)) + 1e-12


@pytest.mark.parametrize(
    ("answer", "accepted", "share"),
    [
        pytest.param("It is 25 thousand euros.", "25,000 euros", 1.0, id="another spelling"),
        pytest.param("120 euros from Friday", "120 euros for 4 days", 0.5, id="one of two"),
        pytest.param("a lot", "40 euros", 0.0, id="none"),
        pytest.param("a lot", "the warehouse lead", None, id="nothing to keep"),
    ],
)
def test_figures_kept(answer: str, accepted: str, share: float | None) -> None:
    assert figures_kept(answer, accepted) == share


def test_the_nearest_accepted_wording_counts() -> None:
    assert best(token_f1, "six paid days", ["half a week", "six days"]) == pytest.approx(0.8)
    assert best(token_f1, "six", []) == 0.0
    assert normalised("What's the IB-06?") == ["what's", "ib", "06"]


@given(
    ranked=st.permutations([f"d{number}" for number in range(8)]),
    gains=st.dictionaries(
        st.sampled_from([f"d{number}" for number in range(10)]), st.integers(1, 3), min_size=1
    ),
    k=st.integers(1, 10),
)
def test_rankings_are_scored_as_ir_measures_does(ranked: list[str], gains: dict[str, int], k: int) -> None:
    run = {"q": {name: float(len(ranked) - place) for place, name in enumerate(ranked)}}
    peer = ir_measures.calc_aggregate([ir_measures.nDCG @ k, ir_measures.R @ k], {"q": gains}, run)
    assert ndcg(ranked, gains, k) == pytest.approx(peer[ir_measures.nDCG @ k])
    assert recall(ranked, list(gains), k) == pytest.approx(peer[ir_measures.R @ k])


def test_no_gold_scores_nothing_and_repeats_count_once() -> None:
    assert (ndcg(["a"], {}), recall(["a"], [])) == (0.0, 0.0)
    assert recall(["a", "a", "b"], ["b"], 2) == 1.0
    assert ndcg(["a", "a", "b"], {"b": 1}, 2) == pytest.approx(1 / math.log2(3))
