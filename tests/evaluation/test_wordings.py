"""What counts as saying an accepted wording, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.wordings import says_wording


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        pytest.param("You get **Six** paid\n days [1].", "six paid days", id="case, marks and white space"),
        pytest.param("We take them back within 30 days.", "thirty days", id="a figure in words"),
        pytest.param("at most six climbers", "6", id="a figure alone"),
        pytest.param("it costs 520.00 or less", "520", id="noughts behind the point"),
        pytest.param("1 kg (Euro): 29.9", "29,90 Euro", id="a decimal comma, the currency before"),
        pytest.param("\u20ac5 each", "5 euros", id="a currency's sign"),
        pytest.param("50% of the price", "50 %", id="per cent"),
        pytest.param("innerhalb von 30 Tagen zur\u00fcck", "30 Tage", id="an ending of case"),
        pytest.param("every three months", "three month", id="an ending of number"),
        pytest.param("told to the centre manager by telephone within one hour", "the centre manager, within 1 hour",
                     id="parts of an enumeration"),
        pytest.param("it closes at 18:00.", "18:00", id="a time"),
        pytest.param("an IB-12 does", "IB-12", id="a code"),
        pytest.param("costs 5, 6 or 7", "6", id="a figure in a list"),
        pytest.param("seit August 2026", "August 2026", id="a month"),
        pytest.param("It is valid since 1 May 2026.", "2026-05-01", id="a day as a spreadsheet has it"),
        pytest.param("bis zum 1. Mai 2026", "01.05.2026", id="a day in German"),
        pytest.param("2026-05-01 | Ann", "May 1, 2026", id="a day in a table"),
    ],
)  # fmt: skip
def test_said(text: str, wording: str) -> None:
    assert says_wording(text, wording)


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        pytest.param("sixteen days", "six days", id="the end of another word"),
        pytest.param("within 30 weeks", "30 days", id="another unit"),
        pytest.param("one day", "one working day", id="another kind of day"),
        pytest.param("within five working days", "5 days", id="any day for a working one"),
        pytest.param("27 days; six weeks ahead", "6 days", id="figure and unit apart"),
        pytest.param("11,250 EUR", "1,250 EUR", id="the end of a figure"),
        pytest.param("1,250 EUR", "250 EUR", id="what stands behind the thousands"),
        pytest.param("page 5.6", "6", id="what stands behind the point"),
        pytest.param("the unit IB-06", "6", id="a code's figure"),
        pytest.param("the first day", "1 day", id="an ordinal"),
        pytest.param("they are planes", "plane", id="an ending where the word stands alone"),
        pytest.param("the centre manager is told tomorrow", "the centre manager, within one hour", id="one part alone"),
        pytest.param("06.03.2026", "6", id="a date's figure"),
        pytest.param("on 2 May 2026", "2026-05-01", id="another day"),
        pytest.param("from 1 May 2026", "2026-05-01 to 2026-06-01", id="one of two days"),
        pytest.param("", "six", id="nothing"),
    ],
)  # fmt: skip
def test_not_said(text: str, wording: str) -> None:
    assert not says_wording(text, wording)


@given(
    st.text(max_size=40), st.text(st.characters(categories=("L", "N", "Zs", "P")), min_size=1, max_size=30)
)
def test_whatever_is_asked_is_answered_and_a_figure_never_says_another(text: str, wording: str) -> None:
    assert says_wording(text, wording) in (True, False)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_figures_are_said_by_their_value_alone(first: int, second: int) -> None:
    assert says_wording(f"It costs {first:,} euros a month.", f"{second} euros") is (first == second)
