"""Which sentence a marker belongs to, what it quotes, and whether that holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.citations import expand_marker, markers_in
from chains.claims import check_answer, split_claims, supported_share
from tests.chains.conftest import WordEncoder, passage, shelf

LEAVE = (
    "Full-time staff have 30 days of leave. Up to 5 days carry over until 31 March. Sick leave is separate."
)
TRAVEL = "Trains are booked second class. Flights need the approval of a director."


@pytest.mark.parametrize(
    ("marker", "numbers"),
    [
        ("[1]", [1]),
        ("[1,2]", [1, 2]),
        ("[1, 2; 3]", [1, 2, 3]),
        ("[1-3]", [1, 2, 3]),
        ("[1–3, 5]", [1, 2, 3, 5]),
        ("[3-1]", [3, 1]),
        ("[2, 2]", [2]),
        ("[1-999]", [1, 999]),
        ("【4】", [4]),
    ],
)
def test_a_marker_is_read(marker: str, numbers: list[int]) -> None:
    assert expand_marker(marker) == numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One fact [1].", [("One fact.", (1,))]),
        ("One fact. [1]", [("One fact.", (1,))]),
        ("One fact.[1]", [("One fact.", (1,))]),
        ("One fact [1]. Another fact [2].", [("One fact.", (1,)), ("Another fact.", (2,))]),
        ("One fact. [1] Another fact. [2]", [("One fact.", (1,)), ("Another fact.", (2,))]),
        ("One fact [1][2].", [("One fact.", (1, 2))]),
        ("One fact [2], said [2] again [1].", [("One fact, said again.", (2, 1))]),
        ("No source. One fact [1].", [("No source.", ()), ("One fact.", (1,))]),
        ("[1] Leads the sentence.", [("Leads the sentence.", (1,))]),
        ("One fact [1]\n\nAnother fact [2]", [("One fact", (1,)), ("Another fact", (2,))]),
        ("The unknown [?] stays.", [("The unknown stays.", ())]),
        ("", []),
    ],
)
def test_markers_belong_to_their_sentence(text: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(claim.text, claim.markers) for claim in split_claims(text)] == expected


@given(
    st.lists(st.sampled_from(["Word word.", " ", "[1]", "[2]", "\n", "And more", "[?]", ". "]), max_size=20)
)
def test_no_marker_is_lost_or_made_up(pieces: list[str]) -> None:
    text = "Start. " + "".join(pieces)
    cited = {n for claim in split_claims(text) for n in claim.markers}
    assert cited == set(markers_in(text))


def cited(text: str, *, documents: dict[str, str] | None = None) -> list[tuple[int, str, bool]]:
    kept = shelf(**(documents or {"leave": LEAVE, "travel": TRAVEL}))
    checked = check_answer(text, kept.passages, encoder=WordEncoder(), document_text=kept.document_text)
    for citation in checked.citations:
        assert kept.texts[citation.document_id][citation.start : citation.end] == citation.quote
    return [(citation.marker, citation.quote, citation.verified) for citation in checked.citations]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Staff have 30 days of leave [1].",
            [(1, "Full-time staff have 30 days of leave.", True)],
        ),
        (
            "Flights need a director's approval [2]. Up to 5 days carry over until March [1].",
            [
                (2, "Flights need the approval of a director.", True),
                (1, "Up to 5 days carry over until 31 March.", True),
            ],
        ),
        ("Staff have 45 days of leave [1].", [(1, "Full-time staff have 30 days of leave.", False)]),
        ("Pizza is free on Fridays [1].", None),
        ("Nothing is cited.", []),
    ],
)
def test_a_marker_quotes_its_passages_best_sentence(
    text: str, expected: list[tuple[int, str, bool]] | None
) -> None:
    if expected is None:
        assert [verified for _, _, verified in cited(text)] == [False]
    else:
        assert cited(text) == expected


def test_a_marker_used_twice_quotes_both_sentences_once() -> None:
    text = "Staff have 30 days of leave [1]. Up to 5 days carry over until 31 March [1]."
    assert cited(text) == [
        (1, "Full-time staff have 30 days of leave. Up to 5 days carry over until 31 March.", True)
    ]


def test_one_unsupported_use_of_a_marker_unverifies_it() -> None:
    text = "Staff have 30 days of leave [1]. The canteen sells 99 pizzas [1]."
    assert [(marker, verified) for marker, _, verified in cited(text)] == [(1, False)]


def test_the_span_is_the_documents_not_the_passages() -> None:
    whole = f"# Leave\n\n{LEAVE}"
    part = passage("leave", LEAVE, start=9, of=whole)
    (citation,) = check_answer(
        "Sick leave is separate [1].",
        [part],
        encoder=WordEncoder(),
        document_text=lambda _: whole,
    ).citations
    assert (citation.start, citation.end) == (whole.index("Sick"), len(whole))
    assert citation.verified


def test_a_document_that_changed_since_unverifies_the_quote() -> None:
    (citation,) = check_answer(
        "Sick leave is separate [1].",
        [passage("leave", LEAVE)],
        encoder=WordEncoder(),
        document_text=lambda _: LEAVE.replace("Sick", "Long"),
    ).citations
    assert not citation.verified


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("Staff have 30 days of leave [1].", 1.0),
        ("Staff have 30 days of leave [1]. Pizza is free.", 0.5),
        ("Pizza is free.", 0.0),
        ("", 0.0),
    ],
)
def test_the_share_of_supported_sentences(text: str, share: float) -> None:
    kept = shelf(leave=LEAVE)
    checked = check_answer(text, kept.passages, encoder=WordEncoder(), document_text=kept.document_text)
    assert supported_share(checked.claims) == share
