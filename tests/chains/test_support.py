"""Claims that the evidence supports, and the same claims with one thing changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from chains.contradictions import contradictions
from chains.support import SentenceEncoder, Support, SupportScorer, score_claim, word_recall
from local.encoder import MiniLMEncoder
from local.sentences import sentence_spans
from tests.chains.conftest import WordEncoder

HANDBOOK = (
    "Full-time staff have 27 days of annual leave. Up to 5 days carry over until 31 March of the following year. "
    "Unused days lapse after that. Employees who are ill must tell their manager before 9 a.m. "
    "A doctor's note is needed from the third day of illness. Overtime is not paid; it is taken as time off."
)
TRAVEL = (
    "Trains are booked second class. Flights must not be booked before a director approves them. "
    "Anna Lindqvist approves travel above 500 EUR, and Bo Berg approves smaller trips. "
    "Hotels in Ghent cost at most 120 EUR a night. All receipts are handed in within 30 days. "
    "Some hotels include breakfast."
)
PRICES = (
    "The Basic plan costs 5 EUR a month and the Pro plan costs 9 EUR a month. The Pro plan includes support. "
    "The Basic plan does not include support. Prices rose by 4 percent on 1 January 2026. "
    "The P-40 pump weighs 12 kg and moves 40 litres a minute. Revenue was 25 thousand EUR in 2024."
)
STAFF = (
    "Bo Berg reports to Anna Lindqvist. Clara Novak leads the sales team in Vienna. "
    "The warehouse in Malmo opened in 2019 and employs 48 people. Mr. Berg joined in August 2015."
)

SUPPORTED = [
    (HANDBOOK, "Full-time staff have 27 days of annual leave."),
    (HANDBOOK, "Staff who work full-time get 27 days of leave a year."),
    (HANDBOOK, "Twenty-seven days of annual leave are given to full-time staff."),
    (HANDBOOK, "At most five days carry over until 31 March."),
    (HANDBOOK, "Up to 5 days can be carried over to the following year."),
    (HANDBOOK, "Ill employees must tell their manager before 9 a.m."),
    (HANDBOOK, "From the third day of illness a doctor's note is needed."),
    (HANDBOOK, "Overtime is not paid but taken as time off."),
    (TRAVEL, "Trains are booked second class."),
    (TRAVEL, "Do not book flights before a director approves them."),
    (TRAVEL, "Anna Lindqvist approves travel above 500 EUR."),
    (TRAVEL, "Bo Berg approves smaller trips."),
    (TRAVEL, "A night in a hotel in Ghent costs no more than 120 EUR."),
    (TRAVEL, "All receipts must be handed in within thirty days."),
    (PRICES, "The Pro plan costs 9 EUR a month."),
    (PRICES, "The Basic plan costs 5 EUR a month and the Pro plan 9 EUR."),
    (PRICES, "Support is included in the Pro plan."),
    (PRICES, "The Basic plan does not include support."),
    (PRICES, "On 1 January 2026 prices rose by 4%."),
    (PRICES, "The P-40 pump moves 40 litres a minute."),
    (PRICES, "Revenue was 25,000 EUR in 2024."),
    (STAFF, "Bo Berg reports to Anna Lindqvist."),
    (STAFF, "The sales team in Vienna is led by Clara Novak."),
    (STAFF, "The warehouse in Malmo employs 48 people and opened in 2019."),
    (STAFF, "Berg joined in Aug 2015."),
]
UNSUPPORTED = [
    # a figure
    (HANDBOOK, "Full-time staff have 28 days of annual leave."),
    (HANDBOOK, "Up to 5 days carry over until 30 March of the following year."),
    (HANDBOOK, "Up to 5 days carry over until 31 May of the following year."),
    (TRAVEL, "Trains are booked first class."),
    (TRAVEL, "All receipts are handed in within 13 days."),
    (PRICES, "Prices rose by 40 percent on 1 January 2026."),
    (PRICES, "Revenue was 25 million EUR in 2024."),
    (STAFF, "The warehouse in Malmo opened in 2018."),
    (STAFF, "Mr. Berg joined in August 2016."),
    # a unit or a bound
    (HANDBOOK, "Full-time staff have 27 weeks of annual leave."),
    (TRAVEL, "Anna Lindqvist approves travel above 500 USD."),
    (PRICES, "The P-40 pump weighs 12 tonnes."),
    (HANDBOOK, "At least 5 days carry over until 31 March of the following year."),
    (TRAVEL, "Hotels in Ghent cost at least 120 EUR a night."),
    # negation
    (HANDBOOK, "Overtime is paid."),
    (HANDBOOK, "Full-time staff do not have 27 days of annual leave."),
    (HANDBOOK, "Unused days do not lapse after that."),
    (TRAVEL, "Flights must be booked before a director approves them."),
    (TRAVEL, "Trains are not booked second class."),
    (PRICES, "The Basic plan includes support."),
    (PRICES, "The Pro plan does not include support."),
    # a name
    (TRAVEL, "Clara Novak approves travel above 500 EUR."),
    (TRAVEL, "Hotels in Bruges cost at most 120 EUR a night."),
    (STAFF, "Clara Novak leads the sales team in Berlin."),
    (STAFF, "Bo Berg reports to Clara Lindgren."),
    # who did what
    (STAFF, "Anna Lindqvist reports to Bo Berg."),
    (PRICES, "The Basic plan costs 9 EUR a month."),
    (PRICES, "The Pro plan costs 5 EUR a month."),
    # quantifiers and opposites
    (TRAVEL, "All hotels include breakfast."),
    (TRAVEL, "Anna Lindqvist approves travel below 500 EUR."),
    (HANDBOOK, "Employees who are ill must tell their manager after 9 a.m."),
    (STAFF, "The warehouse in Malmo closed in 2019."),
    (HANDBOOK, "Used days lapse after that."),
    (PRICES, "Prices fell by 4 percent on 1 January 2026."),
    # partly, or something else
    (HANDBOOK, "Full-time staff have 27 days of annual leave, and part-time staff have 14 days."),
    (HANDBOOK, "The canteen serves vegetarian meals on Tuesdays."),
    (TRAVEL, "Company cars are leased for three years."),
    (STAFF, "Clara Novak plays the violin in an orchestra."),
]


@pytest.fixture(scope="module")
def encoder(built_models: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache_dir=built_models)


def supported(claim: str, *texts: str, encoder: SentenceEncoder) -> Support:
    """Scored twice: what words alone decide must be decided alike with everything embedded."""
    spared, whole = (
        SupportScorer(encoder).score([(claim, texts)], spare_encoding=spare)[0] for spare in (True, False)
    )
    assert spared.holds == whole.holds
    return whole


@pytest.mark.parametrize(("evidence", "claim"), SUPPORTED)
def test_what_the_evidence_says_is_supported(evidence: str, claim: str, encoder: MiniLMEncoder) -> None:
    found = supported(claim, evidence, encoder=encoder)
    assert found.holds, (found.score, found.against)


@pytest.mark.parametrize(("evidence", "claim"), UNSUPPORTED)
def test_what_differs_in_one_thing_is_not(evidence: str, claim: str, encoder: MiniLMEncoder) -> None:
    found = supported(claim, evidence, encoder=encoder)
    assert not found.holds, found.score


def test_two_passages_support_a_claim_together(encoder: MiniLMEncoder) -> None:
    claim = "Trains are booked second class and the Pro plan costs 9 EUR a month."
    both = supported(claim, TRAVEL, PRICES, encoder=encoder)
    assert both.holds
    assert {text for text, _, _ in both.quotes} == {0, 1}
    assert [TRAVEL, PRICES][both.quotes[0][0]][slice(*both.quotes[0][1:])] in TRAVEL + PRICES
    assert not supported(claim, TRAVEL, encoder=encoder).holds


def test_the_score_falls_as_less_is_held(encoder: MiniLMEncoder) -> None:
    claims = [
        "Full-time staff have 27 days of annual leave.",
        "Full-time staff have 27 days of annual leave in the Vienna office.",
        "The Vienna office closes early on Fridays.",
    ]
    scores = [score_claim(claim, [HANDBOOK], encoder) for claim in claims]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.8
    assert scores[2] < 0.2


@pytest.mark.parametrize("texts", [[], [""], ["   "], ["\n\n"], ["???"]])
def test_no_evidence_supports_nothing(texts: list[str], encoder: MiniLMEncoder) -> None:
    assert score_claim("Full-time staff have 27 days of annual leave.", texts, encoder) < 0.2


@pytest.mark.parametrize("claim", ["", "...", "It is.", "a" * 5000, "日本語の文。", "\ud800"])
def test_any_claim_gets_a_score(claim: str, encoder: MiniLMEncoder) -> None:
    assert 0.0 <= score_claim(claim, [HANDBOOK], encoder) <= 1.0


def test_an_encoder_without_token_vectors_will_do() -> None:
    encoder = WordEncoder()
    assert score_claim("Trains are booked second class.", [TRAVEL], encoder) > 0.5
    assert score_claim("Company cars are leased.", [TRAVEL], encoder) < 0.2


@pytest.mark.parametrize(
    ("claim", "against"),
    [
        ("The Basic plan costs 9 EUR a month.", "figure 9 EUR stands beside another subject"),
        ("The Basic plan costs 5 USD a month.", "figure 5 USD has another unit"),
        ("The Basic plan costs 7 EUR a month.", "figure 7 EUR is not there"),
        ("The Basic plan includes support.", "the evidence negates 'support'"),
        ("The Pro plan excludes support.", "'excludes' where the evidence has 'includes'"),
    ],
)
def test_what_goes_against_a_claim_is_named(claim: str, against: str) -> None:
    sentences = [PRICES[start:end] for start, end in sentence_spans(PRICES)]
    assert against in contradictions(claim, sentences)


def test_word_recall_is_a_share() -> None:
    assert word_recall("Trains are booked second class.", TRAVEL) == 1.0
    assert word_recall("Company cars.", TRAVEL) == 0.0
