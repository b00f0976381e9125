"""Figures, years and names of an answer against the rows, sentences and documents that they are said to stand in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chains.answer import Location, Passage
from chains.claims import Checked, check_answer
from chains.table_rows import against_rows
from local.encoder import MiniLMEncoder
from tests.chains.conftest import passage

HOTELS = (
    "4. Hotels\n\nBook a hotel through the portal of the travel agency. The limits below are for one night with "
    "breakfast and include taxes. Fair weeks are those named in the travel calendar.\n\n"
    "Country Limit for one night (euros) In fair weeks (euros)\nNetherlands {nl}\nBelgium {nl}\nGermany {de}\n"
    "Denmark {dk}\nPoland {pl}\nOther countries {other}\n\nWhoever stays with friends may bring the hosts a present "
    "of up to 30 euros a night."
)
HOTELS_2026 = HOTELS.format(nl="140 180", de="135 195", dk="175 210", pl="110 140", other="150 200")
HOTELS_2025 = HOTELS.format(nl="120 160", de="115 175", dk="155 190", pl="95 120", other="130 180")
CAR = (
    "Take the train for journeys of up to 500 kilometres one way. The company's six pool cars stand in Deventer.\n\n"
    "The use of a private car is paid at {rate} euros per kilometre. This covers fuel, wear and insurance."
)
CHANGED = (
    "What has changed since 2025\n\nSubject 2025 2026\nTrain compulsory up to (one way) 500 km 700 km\n"
    "Booking ahead 7 days 10 days\nPrivate car, per kilometre 0.21 euros 0.23 euros\n"
    "Time to hand in a claim 45 days 30 days\nHotel limits version 5, section 4 section 4 below"
)
LOGGERS = (
    "Failed: the deviation is above the tolerance at any point. The logger is taken out of use. Quality and "
    "Calibration informs the Customer Desk within one working day, and the desk informs every customer who used the "
    "logger since its last calibration. Certificates are sent to the customer within five working days."
)
TEAMS = (
    "## Teams\n\n| Team | Lead | Office | People | What it does |\n|---|---|---|---|---|\n"
    "| Directors | Marijke Terhorst, Joost Aldering | Deventer | 2 | Managing and technical direction |\n"
    "| Customer Desk | Sanne de Rooij | Deventer | 12 | Quotations, bookings, invoices, complaints |\n"
    "| Design and Controls | Tomás Quadros | Deventer | 9 | Product design, the IC-4 controller |\n"
    "| Rental Nordic | Kasper Lyngholm | Aarhus | 14 | Depot and bookings in Denmark, Sweden and Norway |\n"
    "| Rental Benelux | Wout Vercammen | Ghent | 13 | Depot and bookings in Belgium |"
)


def told(text: str, name: str, *headings: str, date: str = "") -> Passage:
    return replace(
        passage(name, text),
        document_name=name,
        location=Location(page=1, headings=headings),
        metadata={"date": date} if date else {},
    )


POLICY = "Travel and expenses policy"
P_2025 = told(HOTELS_2025, f"{POLICY} 2025", f"{POLICY} 2025", "4. Hotels", date="2025-01-01")
P_2026 = told(HOTELS_2026, f"{POLICY} 2026", f"{POLICY} 2026", "4. Hotels", date="2026-01-01")
CAR_2025 = told(CAR.format(rate="0.21"), f"{POLICY} 2025", "3. Means of transport", date="2025-01-01")
CAR_2026 = told(CAR.format(rate="0.23"), f"{POLICY} 2026", "3. Means of transport", date="2026-01-01")
NEWS = told(CHANGED, f"{POLICY} 2026", "What has changed since 2025", date="2026-01-01")
DESK = told(LOGGERS, "Calibration and food safety procedure", "4. Results")
HOUSE = told(TEAMS, "Offices and teams", "Teams", date="2026-01")


@pytest.fixture(scope="module")
def encoder(built_models: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache_dir=built_models)


def check(text: str, *passages: Passage, encoder: MiniLMEncoder) -> Checked:
    texts = {one.document_id: one.text for one in passages}
    return check_answer(text, passages, encoder=encoder, document_text=texts.__getitem__)


HELD = [
    ("Quality and Calibration informs the Customer Desk within one working day [1].", (DESK,)),
    ("Certificates are sent to the customer within five working days [1].", (DESK,)),
    ("In Denmark the limit is 175 euros for one night outside fair weeks [1].", (P_2026,)),
    ("In Denmark the limit is 210 euros in fair weeks [1].", (P_2026,)),
    ("A hotel in Denmark may cost 175 euros for one night, or 210 euros in fair weeks [1].", (P_2026,)),
    ("The limit for one night is 140 euros in Belgium and the Netherlands [1].", (P_2026,)),
    ("Hotels in Germany are limited to 135 euros for one night [1].", (P_2026,)),
    ("Tomás Quadros leads Design and Controls [1].", (HOUSE,)),
    ("The lead of Rental Nordic is Kasper Lyngholm [1].", (HOUSE,)),
    ("Rental Nordic in Aarhus has 14 people [1].", (HOUSE,)),
    ("Kasper Lyngholm leads Rental Nordic and Wout Vercammen leads Rental Benelux [1].", (HOUSE,)),
    ("In 2026 Denmark 175, fair weeks 210 [2]. The 2025 policy allowed 155 [1].", (P_2025, P_2026)),
    ("0.23 per km in 2026 [1], up from 0.21 in 2025 [2].", (CAR_2026, CAR_2025)),
    ("The private car is paid at 0.23 euros per kilometre in 2026 [1].", (NEWS,)),
    ("According to the Travel and expenses policy 2025, Denmark has a limit of 155 euros [1].", (P_2025,)),
    ("Since 1 January 2026 the limit in Denmark has been 175 euros instead of 155 [1][2].", (P_2026, P_2025)),
    ("In fair weeks Poland allows 140 euros [1].", (P_2026,)),
    ("The contract ends on 30 June 2026 [1].", (told("The contract ends on 2026-06-30.", "Contract"),)),
]
NOT_HELD = [
    ("Quality and Calibration informs the Customer Desk within five working days [1].", (DESK,)),
    ("The Customer Desk is informed within five working days [1].", (DESK,)),
    ("Certificates are sent to the customer within one working day [1].", (DESK,)),
    ("In Denmark the limit is 210 euros for one night outside fair weeks [1].", (P_2026,)),
    ("The hotel limit in Denmark is 210 euros for one night [1].", (P_2026,)),
    ("In Denmark the limit for one night in fair weeks is 175 euros [1].", (P_2026,)),
    ("In Denmark the limit is 135 euros for one night [1].", (P_2026,)),
    ("In Poland you may spend up to 140 euros per night [1].", (P_2026,)),
    ("Since 1 July 2026 the limit in Denmark has been 175 euros for one night [1].", (P_2026,)),
    ("In 2026 you may bring the hosts a present of up to 1 euro [1].", (P_2026,)),
    ("Marijke Terhorst leads Design and Controls [1].", (HOUSE,)),
    ("Design and Controls is led by Marijke Terhorst [1].", (HOUSE,)),
    ("Rental Nordic has 13 people [1].", (HOUSE,)),
    ("In 2026 Denmark had a limit of 155 euros [1].", (P_2025,)),
    ("The private car is paid at 0.23 euros per kilometre in 2025 [1].", (NEWS,)),
    ("The private car is paid at 0.23 euros per kilometre in 2024 [1].", (CAR_2026,)),
]


@pytest.mark.parametrize(("text", "passages"), HELD)
def test_what_stands_in_its_row_sentence_or_document_is_supported(
    text: str, passages: tuple[Passage, ...], encoder: MiniLMEncoder
) -> None:
    checked = check(text, *passages, encoder=encoder)
    assert {claim.verdict for claim in checked.claims} == {"supported"}
    assert all(citation.verified for citation in checked.citations)


@pytest.mark.parametrize(("text", "passages"), NOT_HELD)
def test_what_stands_elsewhere_in_the_passage_is_not(
    text: str, passages: tuple[Passage, ...], encoder: MiniLMEncoder
) -> None:
    checked = check(text, *passages, encoder=encoder)
    assert {claim.verdict for claim in checked.claims} == {"unsupported"}
    assert not any(citation.verified for citation in checked.citations)


def test_a_passage_with_another_figure_in_the_slot_is_not_verified_beside_the_one_that_holds_it(
    encoder: MiniLMEncoder,
) -> None:
    checked = check("In Germany the hotel limit is 135 euros [1][2].", P_2025, P_2026, encoder=encoder)
    assert [claim.verdict for claim in checked.claims] == ["supported"]
    assert [(one.marker, one.verified) for one in checked.citations] == [(1, False), (2, True)]


def test_passages_that_each_hold_one_figure_of_a_claim_are_both_verified(encoder: MiniLMEncoder) -> None:
    checked = check(
        "The hotel limit in Germany rose from 115 to 135 euros [1][2].", P_2025, P_2026, encoder=encoder
    )
    assert [one.verified for one in checked.citations] == [True, True]


@pytest.mark.parametrize(
    ("claim", "text", "against"),
    [
        ("Denmark allows 195.", HOTELS_2026, ["figure 195 stands in the row of 'Germany'"]),
        (
            "Denmark allows 210 outside fair weeks.",
            HOTELS_2026,
            ["figure 210 stands under 'In fair weeks (euros)'"],
        ),
        (
            "Marijke Terhorst leads Rental Nordic.",
            TEAMS,
            ["'Marijke Terhorst' stands in another row than 'Rental Nordic'"],
        ),
        ("Denmark allows 999.", HOTELS_2026, []),  # of a figure that is nowhere others speak
        ("Hotels cost 210.", HOTELS_2026, []),  # names no row
    ],
)
def test_what_a_table_says_against_a_claim_is_named(claim: str, text: str, against: list[str]) -> None:
    assert against_rows(claim, [text]) == against
