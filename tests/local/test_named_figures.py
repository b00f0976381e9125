"""Codes, years and quantities of a question that a taught pair does not name, or names others in place of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.named_figures import unsaid

GENERATOR = ("Can your generator run an IB-20?", "Yes, our G7 runs every Isbox unit and the ID-12.")
DEPOSIT = ("What deposit do I have to pay for an IB-06?", "It is 250 euros, back within ten working days.")
DELIVERY = ("What does delivery cost at 80 km?", "That is 160 euros for each journey.")
WEEK = ("What is the weekly price of an MX-50?", "An MX-50 is 120 euros a week.")
PRICE = ("What is the price of a Fibre 500?", "Since 1 May 2026 it is 1,250 euros.")


@pytest.mark.parametrize(
    ("asked", "pair", "figures", "contested"),
    [
        pytest.param("Can I run the ID-20 from your G7?", GENERATOR, ("ID-20",), True, id="same number, another code"),
        pytest.param("can i run the id-20 from your g7?", GENERATOR, ("id-20",), True, id="small letters"),
        pytest.param("Can I run the ID 20 from your G7?", GENERATOR, ("ID 20",), True, id="a space in the code"),
        pytest.param("Does the G7 run the IB20?", GENERATOR, (), False, id="no hyphen"),
        pytest.param("Do you have a generator for two IB-20s?", GENERATOR, (), False, id="a plural"),
        pytest.param("Would the G7 do for the Isbox 20?", GENERATOR, (), False, id="its number, by another name"),
        pytest.param("What is the deposit for an IB-20?", DEPOSIT, ("IB-20",), True, id="another number"),
        pytest.param("How much is the deposit, for the Isdeep 12?", DEPOSIT, ("Isdeep 12",), True, id="a name"),
        pytest.param("What deposit for an IB-6?", DEPOSIT, (), False, id="a leading nought"),
        pytest.param("Is the deposit of the IB-06 back in 10 days?", DEPOSIT, (), False, id="a number in words"),
        pytest.param("Do you take a deposit on the Log-3?", DEPOSIT, ("Log-3",), False, id="a code of another kind"),
        pytest.param("From 3 May, what deposit for an IB-06?", DEPOSIT, ("3",), False, id="a date beside it"),
        pytest.param("What does delivery cost at 150 km?", DELIVERY, ("150",), True, id="another quantity"),
        pytest.param("You are 80km away: what is delivery?", DELIVERY, (), False, id="a unit without a space"),
        pytest.param("For 3 units, what is delivery at 80 km?", DELIVERY, ("3",), False, id="of another unit"),
        pytest.param("Is it 40 m2 or 40-foot?", DELIVERY, ("40",), False, id="measures are no codes"),
        pytest.param("What was the price of a Fibre 500 in 2024?", PRICE, ("2024",), True, id="another year"),
        pytest.param("Is it 1250 euros in 2026?", PRICE, (), False, id="a number without its comma"),
        pytest.param("What is the price of a Fibre 1,000?", PRICE, ("Fibre 1,000",), True, id="a name with a comma"),
        pytest.param("What is an MX-120 a week?", WEEK, ("MX-120",), True, id="a sum that looks like another code"),
        pytest.param("Where is the key?", DEPOSIT, (), False, id="no figure at all"),
    ],
)  # fmt: skip
def test_what_a_pair_does_not_say(
    asked: str, pair: tuple[str, str], figures: tuple[str, ...], contested: bool
) -> None:
    found = unsaid(asked, *pair)
    assert (found.figures, found.contested) == (figures, contested)


@given(st.text(alphabet="AbID-7 205.,km°%٣½\n", max_size=40), st.text(max_size=40))
def test_what_is_asked_in_the_taught_words_is_said(question: str, answer: str) -> None:
    assert not unsaid(question, question, answer).figures
