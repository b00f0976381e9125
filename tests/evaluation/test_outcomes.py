"""One answer, judged and scored; and where its passages and citations come from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.answer import Answer, CheckedClaim, ModelCall, Usage
from chains.restoring import record, restored
from evaluation.faithfulness import faithfulness
from evaluation.judging import GoldPlace, KnownQuestion, known_question
from evaluation.outcomes import Outcome, errors_told, failed, scored
from evaluation.sources import citation_precision, citation_recall, passage_ndcg, passage_recall
from tests.evaluation.made import answer, citation, gold, outcome, passage, question


def judged(asked: KnownQuestion, given: Answer, similarity: float | None = None) -> Outcome:
    return scored(asked, given, key="k", seconds=1.0, first_text_s=None, similarity=similarity)


LONG = "Gladly: an IB-06 is 120 euros from Friday to Monday, without VAT. Next step: tell us your postcode."


@pytest.mark.parametrize(
    ("change", "given", "verdict"),
    [
        pytest.param({}, answer("You have six days."), "right", id="the words are there"),
        pytest.param({}, answer("You have sixty days."), "wrong", id="another word that begins alike"),
        pytest.param({}, answer("See [1].", citations=(citation("a.md", "six days"),)), "right", id="in the quote"),
        pytest.param({}, answer("", abstained=True), "missed", id="refused what can be answered"),
        pytest.param({"answerable": False}, answer("", abstained=True), "rightly refused", id="refused rightly"),
        pytest.param({"answerable": False}, answer("six"), "wrong", id="answered what cannot be"),
        pytest.param({"answerable": False}, answer("I'm sorry, but I don't know.", "base"), "rightly refused",
                     id="a chat model says that it does not know"),
        pytest.param({}, answer("I do not have access to your documents.", "base"), "missed",
                     id="a chat model says so of what can be answered"),
        pytest.param({}, answer("I cannot tell for certain: six days.", "base"), "right",
                     id="a chat model doubts, and says the words"),
        pytest.param({"answers": (), "reference": LONG}, answer(LONG), "right", id="a long answer, given"),
        pytest.param({"answers": (), "reference": LONG}, answer(LONG.replace("120", "125")), "wrong",
                     id="another figure"),
        pytest.param({"answers": (), "reference": LONG}, answer("120 euros."), "wrong",
                     id="the figure without the words"),
        pytest.param({"answers": (), "documents": ("a.md",)}, answer("x", citations=(citation("hr/a.md", "x"),)),
                     "right", id="by its document alone"),
        pytest.param({"answers": (), "documents": ("a.md",)}, answer("x", citations=(citation("b.md", "x"),)),
                     "wrong", id="from another document"),
        pytest.param({"documents": ("a.md",)}, answer("six", "finetuned"), "right",
                     id="words decide where they are known, for modes that cannot cite too"),
    ],
)  # fmt: skip
def test_verdict(change: dict[str, Any], given: Answer, verdict: str) -> None:
    assert judged(question(**change), given).verdict == verdict


def test_scores_of_an_answer_that_says_the_reference() -> None:
    asked = question(
        answers=(), reference=LONG, documents=("a.md",), gold=(gold("a.md", "120 euros"), gold("b.md"))
    )
    claims = tuple(
        CheckedClaim(text="x", verdict=verdict, score=0.5, markers=(1,), start=0, end=1)
        for verdict in ("supported", "uncited")
    )
    given = answer(
        LONG,
        claims=claims,
        passages=(passage("z.md", "nothing"), passage("a.md", "It costs **120 euros** a week.", 2)),
        citations=(citation("a.md", "120 euros"), citation("z.md", "none")),
    )
    scores = scored(
        asked,
        given,
        key="k",
        seconds=1.0,
        first_text_s=None,
        similarity=0.75,
        faithfulness=faithfulness(given, None),
    ).scores
    assert scores["exact_match"] == scores["token_f1"] == scores["rouge_l"] == scores["figures"] == 1.0
    assert scores["similarity"] == 0.75
    assert scores["faithfulness"] == 0.5
    assert scores["citation_precision"] == scores["citation_recall"] == scores["passage_recall"] == 0.5


@pytest.mark.parametrize(
    ("text", "recall"),
    [
        pytest.param("Everyone has six paid days.", 1.0, id="the document that holds it"),
        pytest.param("Everyone is welcome here.", 0.0, id="another passage of it"),
    ],
)
def test_one_quote_of_several_documents_is_one_place(text: str, recall: float) -> None:
    places = (gold("a.md", "six paid days"), gold("b.md", "six paid days"))
    read = [passage("b.md", text)]
    assert (passage_recall(read, places), passage_ndcg(read, places)) == (recall, recall)
    other = (*places, gold("c.md", "in writing"))
    assert passage_recall(read, other) == recall / 2


def test_a_refusal_of_what_can_be_answered_scores_nothing_by_its_words() -> None:
    scores = judged(question(), answer("", abstained=True)).scores
    assert scores == {"exact_match": 0.0, "token_f1": 0.0, "rouge_l": 0.0}


def test_sources_are_scored_of_the_modes_that_read_documents_only() -> None:
    asked = question(documents=("a.md",), gold=(gold("a.md"),))
    assert "passage_recall" not in judged(asked, answer("six", "finetuned")).scores
    assert judged(asked, answer("six", "hybrid")).scores["passage_recall"] == 0.0


def call(cost: float | None) -> dict[str, Any]:
    usage = Usage(input_tokens=3, output_tokens=4)
    made = ModelCall(purpose="answer", model="openai:x", messages=(), usage=usage, cost_usd=cost, ms=5.0)
    return {"calls": (made,), "cost_usd": cost, "usage": usage}


@pytest.mark.parametrize(
    ("change", "cost"),
    [
        pytest.param({}, 0.0, id="no model was called: no charge"),
        pytest.param(call(0.01), 0.01, id="its price"),
        pytest.param(call(None), None, id="a price that nobody knows is not zero"),
    ],
)
def test_cost(change: dict[str, Any], cost: float | None) -> None:
    assert judged(question(), answer("six", **change)).cost_usd == cost


def test_an_error_is_an_outcome_and_no_right_one() -> None:
    found = failed(question(), "rag", "The server is away.", key="k", seconds=2.0, tries=2)
    assert (found.verdict, found.right, found.error, found.tries) == (
        "error",
        False,
        "The server is away.",
        2,
    )


@given(st.text(), st.sampled_from(["rag", "hybrid", "finetuned", "base"]), st.floats(0, 1))
def test_an_outcome_survives_the_disk(text: str, mode: Any, value: float) -> None:
    made = judged(question(), answer(text.encode("utf-8", "replace").decode(), mode), similarity=value)
    assert restored(Outcome, json.loads(json.dumps(record(made)))) == restored(Outcome, record(made))
    assert restored(Outcome, record(made)).text == made.text
    assert restored(Answer, made.answer).text == made.text


@pytest.mark.parametrize(
    ("places", "found", "recall", "ndcg"),
    [
        pytest.param((gold("a.md"),), ["a.md"], 1.0, 1.0, id="found at once"),
        pytest.param((gold("a.md"),), ["b.md", "a.md"], 1.0, 0.6309, id="found second"),
        pytest.param((gold("a.md"),), ["b.md"], 0.0, 0.0, id="not found"),
        pytest.param((gold("a.md"), gold("b.md")), ["a.md", "a.md", "c.md"], 0.5, 0.6131, id="one of two, told twice"),
        pytest.param((gold("hr/a.md"),), ["a.md"], 1.0, 1.0, id="a path by its end"),
        pytest.param((gold("aa.md"),), ["a.md"], 0.0, 0.0, id="another name with the same end"),
        pytest.param((gold("a.md"),), [], 0.0, 0.0, id="nothing came"),
    ],
)  # fmt: skip
def test_passages(places: tuple[GoldPlace, ...], found: list[str], recall: float, ndcg: float) -> None:
    passages = [passage(name, "text", number) for number, name in enumerate(found)]
    assert passage_recall(passages, places) == recall
    assert passage_ndcg(passages, places) == pytest.approx(ndcg, abs=1e-4)


TWO_PLACES = (gold("a.md", "six days of leave"), gold("a.md", "ten days of notice"))


@pytest.mark.parametrize(
    ("texts", "recall", "ndcg"),
    [
        pytest.param(["six days of leave, ten days of notice"], 1.0, 1.0, id="one passage holds both"),
        pytest.param(["six days of leave", "ten days of notice"], 1.0, 1.0, id="a passage each"),
        pytest.param(["six days of leave"], 0.5, 1.0, id="one of them, as good as one passage can be"),
        pytest.param(["six days of leave"] * 2 + ["ten days of notice"], 1.0, 0.9197, id="one told twice"),
        pytest.param(["nothing", "six days of leave, ten days of notice"], 1.0, 0.6309, id="both in the second"),
    ],
)  # fmt: skip
def test_several_places_of_one_document(texts: list[str], recall: float, ndcg: float) -> None:
    passages = [passage("a.md", text, number) for number, text in enumerate(texts)]
    assert passage_recall(passages, TWO_PLACES) == recall
    assert passage_ndcg(passages, TWO_PLACES) == pytest.approx(ndcg, abs=1e-4)
    assert citation_recall([citation("a.md", text) for text in texts], TWO_PLACES) == recall


def test_a_document_goes_by_its_name_too() -> None:
    one = replace(passage("sha-1a2b", "six"), document_name="leave.md")
    assert passage_recall([one], (gold("leave.md"),)) == 1.0


@given(st.lists(st.sampled_from(["six days of leave", "ten days of notice", "else"]), max_size=6))
def test_ranking_scores_are_shares_and_better_passages_never_lower_them(texts: list[str]) -> None:
    passages = [passage("a.md", text, number) for number, text in enumerate(texts)]
    first = [passage("a.md", "six days of leave; ten days of notice", 9), *passages]
    found = passage_ndcg(passages, TWO_PLACES)
    assert 0 <= found <= passage_ndcg(first, TWO_PLACES) <= 1 + 1e-12
    assert (found == 0) == (passage_recall(passages, TWO_PLACES) == 0)


@pytest.mark.parametrize(
    ("row", "places"),
    [
        pytest.param([{"document": "a.md", "quote": "x"}, {"document": "a.md", "quote": "y"}],
                     [("a.md", "x"), ("a.md", "y")], id="two places of one document"),
        pytest.param([{"document": "a.md", "quote": "x"}, {"document": "b.md"}], [("a.md", "x"), ("b.md", "")],
                     id="one quoted, one not"),
        pytest.param(["a.md", "a.md"], [("a.md", "")], id="told twice"),
        pytest.param("a.md", [("a.md", "")], id="a name alone"),
        pytest.param({"document": "a.md", "quote": "x"}, [("a.md", "x")], id="an object alone"),
        pytest.param([{"doc": "a.md", "quote": "x"}], [("a.md", "x")], id="doc instead of document"),
    ],
)  # fmt: skip
def test_every_gold_place_is_kept(row: Any, places: list[tuple[str, str]]) -> None:
    known = known_question({"_id": "q", "text": "Q?", "answer": "six", "gold": row}, "here")
    assert [(one.document, one.quote) for one in known.gold] == places
    assert known.documents == tuple(dict.fromkeys(name for name, _ in places))


@pytest.mark.parametrize(
    ("quote", "text", "gold_one"),
    [
        pytest.param("up to **two days** a week", "Office: up to two  days a week.", True, id="marks aside"),
        pytest.param("up to two days a week, agreed with the lead", "two days a week", True, id="a part of the quote"),
        pytest.param("up to two days a week", "days", False, id="a part too short to say anything"),
        pytest.param("up to two days a week", "up to three days a week", False, id="another statement of the document"),
        pytest.param("", "anything", True, id="no quote known: the document decides"),
    ],
)  # fmt: skip
def test_a_citation_is_gold_by_its_words(quote: str, text: str, gold_one: bool) -> None:
    places = (gold("a.md", quote),)
    assert citation_precision([citation("a.md", text)], places) == float(gold_one)
    assert citation_recall([citation("a.md", text)], places) == float(gold_one)


def test_precision_of_no_citation_is_none() -> None:
    assert citation_precision([], (gold("a.md"),)) is None
    assert citation_recall([], (gold("a.md"),)) == 0.0


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        pytest.param([None, None], "", id="none"),
        pytest.param(["Away.", None], "1 of 2 answers are errors: Away.", id="one"),
        pytest.param(["Away.", "Away."], "All 2 answers are errors: Away.", id="all, of one kind"),
        pytest.param(
            ["Slow.", "Away.", "Away."], "All 3 answers are errors (in 2 of them): Away.", id="the commonest"
        ),
    ],
)
def test_errors_are_told_by_the_commonest(errors: list[str | None], told: str) -> None:
    found = [outcome("q", verdict="error" if one else "right", error=one) for one in errors]
    assert errors_told(found) == told
