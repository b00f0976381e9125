"""What of an answer is a claim, where it stands, and what becomes of it and of the citations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.answer import CheckedClaim, Passage
from chains.claims import Checked, ClaimChecker, check_answer, split_claims, supported_share
from tests.chains.conftest import WordEncoder, passage, shelf

LEAVE = (
    "Full-time staff have 30 days of leave. Up to 5 days carry over until 31 March. Sick leave is separate."
)
TRAVEL = "Trains are booked second class. Flights need the approval of a director."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # one sentence, several facts: each with its own markers or its own figures
        (
            "Basic costs 5 EUR [1], while Pro costs 9 EUR [2].",
            ["Basic costs 5 EUR [1]", "Pro costs 9 EUR [2]."],
        ),
        ("Basic costs 5 EUR, and Pro costs 9 EUR [1].", ["Basic costs 5 EUR", "Pro costs 9 EUR [1]."]),
        (
            "While Basic costs 5 EUR [1], Pro costs 9 EUR [2].",
            ["While Basic costs 5 EUR [1]", "Pro costs 9 EUR [2]."],
        ),
        (
            "The fee is 5 EUR [1] and was raised in May [2].",
            ["The fee is 5 EUR [1]", "was raised in May [2]."],
        ),
        (
            "Staff have 27 days; up to 5 days carry over [1].",
            ["Staff have 27 days", "up to 5 days carry over [1]."],
        ),
        ("Trains are slow, but flights cost more.", None),
        # never inside names, numbers, lists, quotations, relative clauses
        ("Smith and Sons sold 5 boats and built 6 houses [1].", None),
        ("The kit holds 2 pumps, 4 valves, and 10 rubber seals [1].", None),
        ("Bring a passport [1], a visa [2], and two photos [3].", None),
        ('He wrote that it "costs 5 EUR, and that is 6 EUR too much" [1].', None),
        ("The limit (it was 5 EUR, and it is 9 EUR now) holds [1].", None),
        ("Revenue was 1,250,000 EUR in May and June [1].", None),
        ("Those ill for more than 3 days, and those who travel for 2 weeks, need a note [1].", None),
        # what claims nothing
        ("## Leave\n\nStaff have 27 days [1].", ["Staff have 27 days [1]."]),
        ("**Leave**\n\nStaff have 27 days [1].", ["Staff have 27 days [1]."]),
        ("In short:\n\n- Staff have 27 days [1].", ["- Staff have 27 days [1]."]),
        ("In short, staff have 27 days [1].", None),
        ("Is that all? Staff have 27 days [1].", ["Staff have 27 days [1]."]),
        ("The documents do not mention sick leave. Staff have 27 days [1].", ["Staff have 27 days [1]."]),
        ("The documents do not mention a fee, so it is free.", None),
        ("Yes. Staff have 27 days [1].", ["Staff have 27 days [1]."]),
        ("---\n\nStaff have 27 days [1].", ["Staff have 27 days [1]."]),
        (
            "1. Open the lid [1].\n2. Wait for 5 seconds [1].",
            ["1. Open the lid [1].", "2. Wait for 5 seconds [1]."],
        ),
        (
            "| Plan | Price |\n|---|---|\n| Basic | 5 EUR [1] |\n| Pro | 9 EUR [2] |",
            ["| Basic | 5 EUR [1] |", "| Pro | 9 EUR [2] |"],
        ),
        ("", []),
        ("In short:", []),
    ],
)
def test_claims_stand_where_they_stand(text: str, expected: list[str] | None) -> None:
    """None: the whole text is one claim."""
    assert [text[claim.start : claim.end] for claim in split_claims(text)] == (
        [text] if expected is None else expected
    )


def test_a_row_is_told_with_the_names_of_its_columns() -> None:
    (claim,) = split_claims("| Plan | Price |\n|---|---|\n| **Basic** | 5 EUR [1] |")
    assert claim.text == "Plan: Basic; Price: 5 EUR."


PIECES = st.sampled_from(
    [
        "Basic costs 5 EUR",
        "Pro was 9 EUR",
        ", and ",
        "; ",
        ". ",
        "[1]",
        " [2]",
        "[?]",
        "\n",
        "\n\n",
        "- ",
        "# ",
        "| a | b |",
        "|---|",
        "?",
        ":",
        '"',
        "(",
        " ",
    ]
)


@given(st.lists(PIECES, max_size=24))
def test_spans_are_in_order_and_do_not_overlap(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = split_claims(text)
    assert all(0 <= claim.start < claim.end <= len(text) for claim in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(claim.text.strip() for claim in found)


def check(text: str, passages: Sequence[Passage] | None = None) -> Checked:
    kept = shelf(leave=LEAVE, travel=TRAVEL)
    return check_answer(
        text,
        kept.passages if passages is None else passages,
        encoder=WordEncoder(),
        document_text=kept.document_text,
    )


def verdicts(checked: Checked) -> list[tuple[str, tuple[int, ...]]]:
    return [(claim.verdict, claim.markers) for claim in checked.claims]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Staff have 30 days of leave [1].", [("supported", (1,))]),
        ("Staff have 45 days of leave [1].", [("unsupported", (1,))]),
        ("Trains are booked second class [1].", [("unsupported", (1,))]),
        ("Trains are booked second class [1][2].", [("supported", (1, 2))]),
        ("Staff have 30 days of leave.", [("uncited", ())]),
        ("Staff have 30 days of leave [?].", [("uncited", ())]),
        ("Staff have 30 days of leave [7].", [("uncited", ())]),
        ("Staff have 30 days of leave [0].", [("uncited", ())]),
        ("Staff have 30 days of leave [1][7].", [("supported", (1,))]),
        (
            "Staff have 30 days of leave [1], and flights cost 900 EUR [2].",
            [("supported", (1,)), ("unsupported", (2,))],
        ),
        ("Hello.", [("uncited", ())]),
    ],
)
def test_every_claim_gets_a_verdict(text: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    checked = check(text)
    assert verdicts(checked) == expected
    for claim in checked.claims:
        assert 0.0 <= claim.score <= 1.0
        assert (claim.score >= 0.5) or claim.verdict != "supported"
        assert (claim.score < 0.5) or claim.verdict != "unsupported"
        assert claim.judge == "embedded"


def test_an_uncited_claim_is_never_given_a_citation() -> None:
    checked = check("Staff have 30 days of leave. Trains are booked second class [2].")
    assert verdicts(checked) == [("uncited", ()), ("supported", (2,))]
    assert [citation.marker for citation in checked.citations] == [2]
    assert checked.claims[0].score > 0.5  # and yet the passages would support it


def test_a_padding_citation_is_not_verified_with_the_claim() -> None:
    checked = check("Trains are booked second class [1][2].")
    assert [(citation.marker, citation.verified) for citation in checked.citations] == [(1, False), (2, True)]


def test_a_number_outside_the_passages_is_no_citation() -> None:
    kept = shelf(leave=LEAVE)
    checked = check("Staff have 30 days of leave [1][2]. Sick leave is separate [3][0].", kept.passages)
    assert [citation.marker for citation in checked.citations] == [1]
    assert verdicts(checked) == [("supported", (1,)), ("uncited", ())]


def test_without_passages_nothing_is_cited() -> None:
    checked = check("Staff have 30 days of leave [1].", [])
    assert (checked.citations, verdicts(checked)) == ((), [("uncited", ())])


def test_the_same_markers_over_another_order_cite_the_other_passages() -> None:
    """A regenerated answer retrieves anew: [1] is then another passage, and nothing of the first answer stays."""
    kept = shelf(leave=LEAVE, travel=TRAVEL)
    text = "Staff have 30 days of leave [1]."
    first, again = check(text, kept.passages), check(text, kept.passages[::-1])
    assert [(one.citations[0].document_id, one.citations[0].verified) for one in (first, again)] == [
        ("leave", True),
        ("travel", False),
    ]


def test_two_knowledge_bases_with_the_same_ids_are_not_mixed_up() -> None:
    other = LEAVE.replace("30 days", "12 days")
    outcomes = [
        check_answer(
            "Staff have 30 days of leave [1].",
            [passage("leave", text)],
            encoder=WordEncoder(),
            document_text=lambda _, text=text: text,
        )
        for text in (LEAVE, other, LEAVE)
    ]
    assert [one.claims[0].verdict for one in outcomes] == ["supported", "unsupported", "supported"]
    assert ["12 days" in one.citations[0].quote for one in outcomes] == [False, True, False]


TEXT = (
    "Staff have 30 days of leave [1]. Flights need a director's approval [2], and trains are booked in class 2 [2].\n\n"
    "- Up to 5 days carry over [1].\n- Nobody says this [1].\n\nSick leave is separate. [1]"
)


@given(st.lists(st.integers(0, len(TEXT)), max_size=8))
def test_checked_while_it_is_written_or_afterwards_is_all_the_same(cuts: list[int]) -> None:
    kept = shelf(leave=LEAVE, travel=TRAVEL)
    checker = ClaimChecker(kept.passages, encoder=WordEncoder(), document_text=kept.document_text)
    checker.prepare()
    for cut in sorted(cuts):
        checker.feed(TEXT[:cut])
    assert checker.finish(TEXT) == check(TEXT)


def test_a_text_that_was_fed_and_changed_is_checked_as_it_ends() -> None:
    """The guard may yet rewrite what was fed: a marker that named no passage."""
    kept = shelf(leave=LEAVE, travel=TRAVEL)
    checker = ClaimChecker(kept.passages, encoder=WordEncoder(), document_text=kept.document_text)
    checker.feed("Staff have 30 days of leave [9]. Sick leave is separate [1]. And so on")
    final = "Staff have 45 days of leave [1]. Sick leave is separate [1]."
    assert checker.finish(final) == check(final)


def test_what_fails_on_the_thread_is_raised_at_the_end() -> None:
    class Broken(WordEncoder):
        def encode(self, texts: Sequence[str]) -> object:
            raise ValueError("no vectors")

    kept = shelf(leave=LEAVE)
    checker = ClaimChecker(kept.passages, encoder=Broken(), document_text=kept.document_text)
    text = "Sick leave needs a note [1]. Sick leave is separate [1]."
    checker.feed(text)
    with pytest.raises(ValueError, match="no vectors"):
        checker.finish(text)


def test_the_share_of_supported_claims() -> None:
    def claim(verdict: str) -> CheckedClaim:
        return CheckedClaim(start=0, end=1, text="x", markers=(), score=0.5, verdict=verdict)

    assert supported_share([]) == 0.0
    assert supported_share([claim("supported")]) == 1.0
    assert (
        supported_share([claim("supported"), claim("uncited"), claim("unsupported"), claim("supported")])
        == 0.5
    )
