"""What the reader chooses to quote, with an encoder that only counts words; and what holds for any passages."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from local.lexical import WORD, stem, stems
from local.query import Query
from local.reader import MAX_SENTENCES, ExtractiveReader, Reading
from local.tokens import TokenEmbeddings
from local.units import units

LEAVE = (
    "Leave policy",
    "Annual leave\nEvery employee has 25 days of annual leave. Unused days lapse in March. "
    "The head of People approves exceptions.",
)
TEAMS = ("Teams", "The Harbour team runs the Lisbon office. The Forge team runs the Porto office.")
EXPENSES = ("Expenses", "Expenses of the Harbour team are approved by Ana Silva. Others go to Finance.")
PACKING = ("Travel", "Bring to the airport:\n- your passport\n- two photos\n- the blue form")
PRICES = ("Prices", "Plan: Basic | Price: 5 EUR | Seats: 3\nPlan: Pro | Price: 9 EUR | Seats: 10")


HOTELS = "Hotels\n\nThe limits are for one night.\n\nCountry Limit Fair weeks\nDenmark {} 190\nPoland {} 120"
HOTELS_2025 = ("Travel policy 2025", HOTELS.format(155, 95))
HOTELS_2026 = ("Travel policy 2026", HOTELS.format(175, 110))
CODES = (
    "Codes",
    "| Code | What to do |\n|---|---|\n| E11 | Nothing. |\n| E12 | Pull the plug and call. |\n"
    "| E14 | Close the door. |",
)


class WordCounter:
    """An encoder whose vectors count stems in 384 buckets; `encoded` are the texts it was given."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += texts
        rows = np.full((len(texts), 384), 1e-6, dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in stems(text):
                row[sum(map(ord, word)) % 384] += 1
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


class ShortSighted(WordCounter):
    """Reads the first 50 words of a text, and gives the vector of each; `read` are the texts it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def token_embeddings(self, texts: Sequence[str]) -> list[TokenEmbeddings]:
        self.read += texts
        spans = [[match.span() for match in WORD.finditer(text)][:50] for text in texts]
        return [
            TokenEmbeddings(vectors=self.encode([text[slice(*span)] for span in some]), spans=some)
            for text, some in zip(texts, spans, strict=True)
        ]


def read(question: str, *passages: tuple[str, str]) -> Reading:
    return ExtractiveReader(WordCounter()).read(question, passages)


def quoted(question: str, *passages: tuple[str, str]) -> list[str]:
    return [sentence.text for sentence in read(question, *passages).sentences]


@pytest.mark.parametrize(
    ("question", "passages", "answer"),
    [
        (
            "How many days of annual leave does an employee have?",
            (LEAVE, TEAMS),
            ["Every employee has 25 days of annual leave."],
        ),
        ("When do unused days lapse?", (TEAMS, LEAVE), ["Unused days lapse in March."]),
        ("Who runs the Porto office?", (EXPENSES, TEAMS), ["The Forge team runs the Porto office."]),
        ("What is the price of Pro?", (LEAVE, PRICES), ["Plan: Pro | Price: 9 EUR | Seats: 10"]),
        ("What must I bring to the airport?", (LEAVE, PACKING), [PACKING[1]]),
    ],
    ids=["one sentence", "second passage", "name", "table row", "list with its introduction"],
)
def test_one_piece_answers(question: str, passages: tuple[tuple[str, str], ...], answer: list[str]) -> None:
    assert quoted(question, *passages) == answer


@pytest.mark.parametrize(
    ("question", "passages", "answer"),
    [
        ("What is the hotel limit for a night in Denmark?", (HOTELS_2025, HOTELS_2026), "Denmark 175 190"),
        ("What was the hotel limit in Denmark in 2025?", (HOTELS_2026, HOTELS_2025), "Denmark 155 190"),
        ("The display shows E12. What should I do?", (CODES,), "| E12 | Pull the plug and call. |"),
        ("What is the limit in Poland?", (LEAVE, HOTELS_2026), "Poland 110 120"),
    ],
    ids=["the latest edition", "the edition of the year asked for", "a code", "a line of a PDF"],
)
def test_the_row_that_the_question_names_comes_with_its_header(
    question: str, passages: tuple[tuple[str, str], ...], answer: str
) -> None:
    found = read(question, *passages)
    best = max(found.sentences, key=lambda sentence: sentence.score)
    assert best.text == answer
    assert best.header
    header = passages[best.passage_index][1][slice(*best.header)]
    assert header in ("Country Limit Fair weeks", "| Code | What to do |")
    assert not found.signals["contested"]


@pytest.mark.parametrize(
    ("question", "text", "told"),
    [
        ("What was the turnover in 2022?", "The turnover in 2025 was 9 million euros.", ("2022",)),
        ("What does the IB-20 cost?", "The IB-12 costs 9 euros.", ("IB-20",)),
        ("What was the turnover in 2025?", "The turnover in 2025 was 9 million euros.", ()),
        (
            "What was the turnover in 2022?",
            "Owned by the staff since 2022, it is said.\n\nOur turnover was 9 million in 2025",
            ("2022",),
        ),
    ],
)
def test_another_year_or_code_than_the_one_asked_for_is_told(
    question: str, text: str, told: tuple[str, ...]
) -> None:
    found = read(question, ("Report", text))
    assert found.contested == told
    assert found.signals["contested"] == float(bool(told))


def test_a_code_says_more_than_a_word_as_rare() -> None:
    weights = Query.of("What does the IB-20 weigh?", ["The IB-20 is blue.", "They weigh 9 kg."]).weights
    assert weights[stem("IB-20")] > weights[stem("weigh")]
    assert sum(weights.values()) == pytest.approx(1.0)


@given(st.text(alphabet="abcde ", min_size=20, max_size=60), st.randoms(use_true_random=False))
def test_what_words_weigh_is_the_same_in_any_order(question: str, random: Random) -> None:
    """Sets are gone through in another order by each process: a receipt would not be replayed to the last digit."""
    query = Query.of(question, ["ab cd", "abc de ab", "e"])
    keys = list(query.weights)
    random.shuffle(keys)
    held = dict.fromkeys(keys).keys()  # a set that keeps its order
    assert query.weight(held) == query.weight(query.weights.keys()) <= 1.0


def test_a_question_for_a_date_is_not_answered_by_a_month() -> None:
    assert read("On which date is the drill?", ("Fire", "The drill is in October.")).signals["date_missing"]
    assert not read("On which date is the drill?", ("Fire", "The drill is on 3 October.")).signals[
        "date_missing"
    ]


@pytest.mark.parametrize(
    ("question", "text", "missing"),
    [
        ("What does a desk cost?", "Desks cost little and are rented by the week.", True),
        ("What does a desk cost?", "A desk costs 40 euros.", False),
        ("What does a desk cost?", "The first desk costs nothing.", False),
        ("What does a desk cost?", "Thing | Week\nDesk | 40", False),
        ("What is Ana's telephone number?", "Ana sits in room 40.", True),
        ("What is Ana's telephone number?", "Ana: +31 570 555 0100", False),
        ("What is Ana's email address?", "Ana sits in room 40.", True),
        ("What is Ana's email address?", "Write to Ana at ana@example.org.", False),
        ("What is Ana's telephone number?", "Ana sits in room 40. Ben: +31 570 555 0100", True),
        ("Who is Ana?", "Ana sits in room 40.", False),
        ("Which rooms has Bo?", "There are rooms.", False),
    ],
)
def test_a_sum_a_telephone_number_or_an_address_is_missed(question: str, text: str, missing: bool) -> None:
    assert read(question, ("Office", text)).signals["form_missing"] == float(missing)


def test_the_next_sentence_comes_along_where_it_holds_what_is_asked_for() -> None:
    text = "- The delivery time for an IL-40 has changed a lot.\n- New promise: 24 weeks"
    assert quoted("How many weeks is the delivery time for an IL-40?", ("Mail", text))[-1].endswith(
        "24 weeks"
    )


def test_what_was_so_until_now_comes_with_what_is_so() -> None:
    text = "New orders for the IL-40: 20 weeks until now. Please quote 24 from today. The yard opens at 7."
    found = quoted("Which delivery time do new orders for the IL-40 have?", ("Mail", text))
    assert "Please quote 24 from today." in found


def test_an_introduction_brings_its_whole_list_or_stays_out() -> None:
    short = "What changes:\n- We promised 20 weeks until now. Promise 24 weeks.\n- No more."
    assert quoted("What changes?", ("Mail", short)) == [short]
    long = "What changes for the doors:\n" + "\n".join(
        f"- Door {n} gets a green frame and a bell." for n in range(20)
    )
    assert not any(text.endswith(":") for text in quoted("What changes for the doors?", ("Mail", long)))


def test_a_header_is_never_quoted_by_itself() -> None:
    texts = quoted("What does code E99 mean and what to do?", CODES)
    assert texts
    assert "| Code | What to do |" not in texts


def test_two_passages_each_give_their_part() -> None:
    found = read("Who approves expenses of the team that runs the Lisbon office?", LEAVE, TEAMS, EXPENSES)
    assert {sentence.text for sentence in found.sentences} == {
        "The Harbour team runs the Lisbon office.",
        "Expenses of the Harbour team are approved by Ana Silva.",
    }


@pytest.mark.parametrize("gap", ["\n", " "])
def test_a_heading_or_a_question_of_the_text_is_never_quoted_alone(gap: str) -> None:
    faq = (
        "Help",
        f"# Notice period\nHow long is the notice period?{gap}Three months to the end of a quarter.",
    )
    assert quoted("How long is the notice period?", faq) == ["Three months to the end of a quarter."]


def test_a_document_that_was_added_twice_is_no_rival_to_itself() -> None:
    once = read("Who runs the Porto office?", TEAMS, EXPENSES)
    twice = read("Who runs the Porto office?", TEAMS, TEAMS, EXPENSES)
    assert twice.signals["margin"] > 0.5 * once.signals["margin"] > 0


def test_words_that_no_passage_holds_are_told() -> None:
    found = read("Where is the Zurich office with 900 desks and parrots?", TEAMS)
    assert found.missing == ("Zurich", "900", "desks", "parrots")
    assert found.missing_names == ("Zurich", "900")
    assert found.covered == ("office",)
    assert found.signals["names_missing"] > 0.3


def test_nothing_to_read() -> None:
    assert read("Anything?").sentences == ()
    assert read("Anything?", ("Title", "  \n ")).sentences == ()
    assert read("Anything?", ("Title", "# Only a heading")).sentences == ()


def test_passages_are_encoded_once() -> None:
    encoder = ShortSighted()
    reader = ExtractiveReader(encoder)
    first = reader.read("Who runs the Porto office?", [TEAMS])
    assert reader.read("Who runs the Porto office?", [TEAMS]) == first
    assert encoder.read == ["Who runs the Porto office?", ": ".join(TEAMS)]


def test_the_ranking_holds_more_than_is_quoted() -> None:
    found = read("Who runs the Porto office?", LEAVE, TEAMS)
    assert [sentence.text for sentence in found.sentences] == ["The Forge team runs the Porto office."]
    assert len(found.ranking) == MAX_SENTENCES
    assert found.ranking[0] in found.sentences
    assert list(found.ranking) == sorted(found.ranking, key=lambda sentence: -sentence.score)


PASSAGE = st.tuples(
    st.text(max_size=10),
    st.lists(
        st.sampled_from(["Ana", "pays", "rent.", "\n", "- ", "a | b", "Bring:", "Why?", "# H", "中。"])
        | st.text(max_size=8),
        max_size=30,
    ).map(" ".join),
)


@given(st.text(max_size=40) | st.just("Who pays rent for Ana?"), st.lists(PASSAGE, max_size=4))
def test_any_passages(question: str, passages: list[tuple[str, str]]) -> None:
    found = ExtractiveReader(WordCounter()).read(question, passages)
    assert len(found.sentences) <= MAX_SENTENCES
    for sentence in found.sentences:
        text = passages[sentence.passage_index][1]
        assert sentence.header is None or text[slice(*sentence.header)].strip()
        assert text[sentence.start : sentence.end] == sentence.text == sentence.text.strip() != ""
    spans = [(one.passage_index, one.start, one.end) for one in found.sentences]
    assert len(set(spans)) == len(spans)
    assert all(np.isfinite(value) for value in found.signals.values())
    assert found == ExtractiveReader(WordCounter()).read(question, passages)


@given(PASSAGE)
def test_units_are_spans(passage: tuple[str, str]) -> None:
    for unit in units(0, *passage):
        assert passage[1][unit.start : unit.end] == unit.text
