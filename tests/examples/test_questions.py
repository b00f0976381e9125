"""The question set: counts, gold that is really there, and rules for each type."""

import re
from collections import Counter
from typing import Any

import openpyxl
import pytest

from tests.examples.company import COMPANY, documents, normalised, parts, quotes, rows, text_of

QUESTIONS = rows("questions.jsonl")
KEYS = {"_id", "text", "answer", "answers", "answerable", "type", "tags", "gold"}
MORE = {"conflict": {"superseded", "why"}, "unanswerable": {"why"}}
BY_ID = pytest.mark.parametrize("question", QUESTIONS, ids=[question["_id"] for question in QUESTIONS])


def of_type(name: str) -> list[dict[str, Any]]:
    return [question for question in QUESTIONS if question["type"] == name]


def test_the_set_has_the_promised_shape() -> None:
    counts = Counter(question["type"] for question in QUESTIONS)
    assert counts == {"single": 23, "table": 14, "multihop": 15, "conflict": 8, "unanswerable": 20}
    assert len({question["_id"] for question in QUESTIONS}) == 80
    assert len({normalised(question["text"]).casefold() for question in QUESTIONS}) == 80


@BY_ID
def test_a_row_has_its_keys_and_no_others(question: dict[str, Any]) -> None:
    assert set(question) == KEYS | MORE.get(question["type"], set())
    assert question["text"].endswith(("?", "."))
    assert question["tags"]


@BY_ID
def test_every_quote_is_in_the_text_that_the_reader_gives(question: dict[str, Any]) -> None:
    for gold in quotes(question):
        matching = [text for metadata, text in parts(gold["document"]) if _at(metadata, gold)]
        assert any(normalised(gold["quote"]) in text for text in matching), gold


@BY_ID
def test_gold_names_a_place_where_the_document_has_places(question: dict[str, Any]) -> None:
    for gold in quotes(question):
        suffix = gold["document"].rpartition(".")[2]
        needed = {"pdf": {"page"}, "pptx": {"slide"}, "xlsx": {"sheet", "cells"}}.get(suffix, set())
        assert needed <= set(gold), gold


def _at(metadata: dict[str, Any], gold: dict[str, Any]) -> bool:
    return all(metadata.get(key) == gold[key] for key in ("page", "sheet", "slide") if key in gold)


@BY_ID
def test_answers_are_there_exactly_where_the_documents_answer(question: dict[str, Any]) -> None:
    if question["answerable"]:
        assert question["answers"][0] == question["answer"] != ""
        assert question["gold"]
    else:
        assert question["type"] == "unanswerable"
        assert (question["answer"], question["answers"], question["gold"]) == ("", [], [])
        assert question["why"]


@pytest.mark.parametrize("question", of_type("single") + of_type("table") + of_type("conflict"), ids=str)
def test_the_quote_holds_the_answer(question: dict[str, Any]) -> None:
    """At least one variant's words stand in the gold quote; a No may be worded otherwise."""
    quote = _plain(question["gold"][0]["quote"])
    assert any(set(_plain(answer).split()) & set(quote.split()) for answer in question["answers"])
    numbers = {number for answer in question["answers"] for number in re.findall(r"\d[\d.,]*", answer)}
    if question["type"] != "single" and numbers:
        assert any(number.replace(",", "") in quote for number in numbers), question


def _plain(text: str) -> str:
    """Lower case, without markup, thousands commas and sentence ends."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower())
    return normalised(re.sub(r"[*|:;!?\"]|[.,](?=\s|$)", " ", text))


def test_multihop_questions_need_two_documents() -> None:
    for question in of_type("multihop"):
        assert len({gold["document"] for gold in question["gold"]}) >= 2, question["_id"]


def test_half_of_the_unanswerable_ones_are_near_misses() -> None:
    tags = Counter(tag for question in of_type("unanswerable") for tag in question["tags"])
    assert tags == {"near-miss": 10, "other-subject": 10}


# When each document of a conflict took effect, as it says itself.
DATES = {
    "policies/travel-policy-2025.pdf": "2025-01-01",
    "help/alarms-and-codes.html": "2025-09-09",
    "handbook/05-service-and-on-call.md": "2026-01-01",
    "policies/travel-policy-2026.pdf": "2026-01-01",
    "catalogue/product-catalogue-2026.json": "2026-01-01",
    "prices/price-list-2026.xlsx": "2026-01-01",
    "help/billing-and-cancellation.html": "2026-01-14",
    "contracts/general-rental-terms-2026.pdf": "2026-03-01",
    "purchasing/suppliers-and-parts.xlsx": "2026-03-31",
    "mail/2026-04-23-ib-12-price-change.eml": "2026-04-23",
    "meetings/management-meeting-2026-05-12.docx": "2026-05-12",
    "releases/ic4-firmware-4.2.txt": "2026-05-18",
    "mail/2026-05-29-cu-744-lead-time.eml": "2026-05-29",
}


def test_conflicts_are_won_by_the_newer_document() -> None:
    for question in of_type("conflict"):
        newest = min(DATES[gold["document"]] for gold in question["gold"])
        assert question["superseded"]
        assert all(DATES[old["document"]] < newest for old in question["superseded"]), question["_id"]
        assert question["why"]


def test_superseded_quotes_say_something_else() -> None:
    for question in of_type("conflict"):
        for old in question["superseded"]:
            assert _plain(question["answer"].split()[0]) not in _plain(old["quote"]).split(), question["_id"]


@pytest.mark.parametrize(
    "gold", [gold for question in QUESTIONS for gold in quotes(question) if "cells" in gold], ids=str
)
def test_named_cells_hold_a_value_of_the_quote(gold: dict[str, Any]) -> None:
    book = openpyxl.load_workbook(COMPANY / gold["document"], read_only=False)
    value = book[gold["sheet"]][gold["cells"]].value
    assert value is not None
    assert str(value).removesuffix(".0") in gold["quote"]


def test_answer_cells_hold_the_answer() -> None:
    for question in of_type("table"):
        for gold in (gold for gold in question["gold"] if "cells" in gold):
            value = openpyxl.load_workbook(COMPANY / gold["document"])[gold["sheet"]][gold["cells"]].value
            assert any(_plain(str(value)) in _plain(answer).split() for answer in question["answers"]), (
                question
            )


def test_every_document_is_asked_about() -> None:
    assert {gold["document"] for question in QUESTIONS for gold in quotes(question)} == set(documents())


def test_other_subjects_are_really_absent() -> None:
    everything = " ".join(text_of(document) for document in documents()).casefold()
    for word in ("mongolia", "béchamel", "football", "python", "mortgage", "prague", "ibuprofen", "ethanol"):
        assert word not in everything
