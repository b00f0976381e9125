"""Conflicts: what is one, what is none, and how it is told. A false alarm is worse than a missed one."""

from __future__ import annotations

import pytest

from chains.answer import Citation, Conflict
from chains.citations import exact_citation
from chains.conflicts import Rival, find_conflicts, rival_citations, rivals
from chains.disagreement import disagreement
from chains.quoting import quote
from tests.chains.conftest import passage

CONFLICTS = [  # first, second, what the first says, what the second says
    (
        "Employees get 25 days of annual leave.",
        "Employees get 27 days of annual leave.",
        "25 days",
        "27 days",
    ),
    (
        "Staff get 27 days of annual leave.",
        "Employees are entitled to 25 days of annual leave per year.",
        "27 days",
        "25 days",
    ),
    (
        "Twenty-five days of annual leave are granted.",
        "27 days of annual leave are granted.",
        "Twenty-five days",
        "27 days",
    ),
    (
        "The hotel limit in Denmark is 155 euros a night.",
        "The limit for a hotel in Denmark is 165 euros per night.",
        "155 euros",
        "165 euros",
    ),
    (
        "The hotel limit in Denmark is €155 a night.",
        "The hotel limit in Denmark is 165 EUR a night.",
        "€155",
        "165 EUR",
    ),
    (
        "Travel claims are settled within 30 days.",
        "Travel claims are settled within 14 days.",
        "30 days",
        "14 days",
    ),
    ("The office opens at 08:30.", "The office opens at 9 am.", "08:30", "9 am"),
    (
        "The rental contract ends on 31 March 2026.",
        "The rental contract ends on 30 June 2026.",
        "31 March 2026",
        "30 June 2026",
    ),
    ("Acme was founded in Deventer in 1998.", "Acme was founded in Deventer in 1999.", "1998", "1999"),
    ("The speed limit in the yard is 8 km/h.", "The speed limit in the yard is 10 km/h.", "8 km", "10 km"),
    (
        "Mail passwords have at least 12 characters.",
        "Mail passwords have at least 14 characters.",
        "12 characters",
        "14 characters",
    ),
    (
        "The kilometre allowance is 0.30 euros.",
        "The kilometre allowance is 0.38 euros.",
        "0.30 euros",
        "0.38 euros",
    ),
    (
        "The trial period lasts six months.",
        "The trial period lasts three months.",
        "six months",
        "three months",
    ),
    (
        "The warranty of the motor is 2 years.",
        "The warranty of the motor is 36 months.",
        "2 years",
        "36 months",
    ),
    (
        "From 2025 on, employees get 27 days of annual leave.",
        "Employees get 25 days of annual leave.",
        "27 days",
        "25 days",
    ),
    ("VAT is 19 percent on repairs.", "VAT is 21 % on repairs.", "19 percent", "21 %"),
    (
        "Camera pictures are kept for 14 days.",
        "Camera pictures are kept for thirty days.",
        "14 days",
        "thirty days",
    ),
    (
        "Send expense claims to claims@acme.example.",
        "Send expense claims to help@acme.example.",
        "claims@acme.example",
        "help@acme.example",
    ),
    ("The head of sales is Anna Berg.", "The head of sales is Jonas Lind.", "Anna Berg", "Jonas Lind"),
    (
        "Anna Berg is the managing director.",
        "Peter Falk is the managing director.",
        "Anna Berg",
        "Peter Falk",
    ),
    (
        "The car is paid at 0.21 euros per kilometre.",
        "The car is paid at 0.23 euros per kilometre, electric or not.",
        "0.21 euros",
        "0.23 euros",
    ),
    (
        "Model: IB-12 | Price (EUR): 21400 | Weight: 900",
        "Model: IB-12 | Price (EUR): 21900 | Weight: 900",
        "Price (EUR): 21400",
        "Price (EUR): 21900",
    ),
    (
        "Model: IB-12 | Price: 200 euros | Stock: 12",
        "Model: IB-12 | Price: 210 euros | Stock: 15",
        "Price: 200 euros",
        "Price: 210 euros",
    ),
    ("The fine is 1.5 euros a day.", "The fine is 15 euros a day.", "1.5 euros", "15 euros"),
    (
        "Model: IB-12 | Valid from: 2025 | Price: 200 euros",
        "Model: IB-12 | Valid from: 2026 | Price: 210 euros",
        "Price: 200 euros",
        "Price: 210 euros",
    ),
]
YES_AND_NO = [
    ("Dogs are allowed in the office.", "Dogs are not allowed in the office."),
    ("Smoking is permitted on the terrace.", "Smoking is forbidden on the terrace."),
    ("Smoking on the terrace is allowed.", "You must not smoke on the terrace, smoking is forbidden."),
    ("A safety helmet is mandatory in the yard.", "A safety helmet is optional in the yard."),
    ("Visitors need a badge at reception.", "Visitors do not need a badge at reception."),
    ("Meals are included in the rate.", "Meals are excluded from the rate."),
    ("Train tickets are refundable.", "Train tickets are non-refundable."),
]
NO_CONFLICTS = [
    ("Berlin has 20 seats.", "Hamburg has 30 seats."),
    ("The office in Berlin has 20 seats.", "The office in Hamburg has 30 seats."),
    ("The IB-12 costs 61 euros a week.", "The IB-20 costs 84 euros a week."),
    ("Managers may spend up to 500 EUR.", "Directors may spend up to 1000 EUR."),
    ("Full-time staff get 27 days of leave.", "Part-time staff get 15 days of leave."),
    ("Employees get 25 days of annual leave.", "Employees over 50 get 27 days of annual leave."),
    ("The pool opens at 08:00.", "The pool closes at 20:00."),
    ("The desk is open from 08:00.", "The desk is open until 18:00."),
    ("Revenue in 2024 was 5 million euros.", "Revenue in 2025 was 6 million euros."),
    ("Employees get 25 days of annual leave.", "Employees get at least 27 days of annual leave."),
    ("Delivery of a unit takes 5 to 7 days.", "Delivery of a unit takes 6 days."),
    ("Delivery of a unit takes about 5 days.", "Delivery of a unit takes 6 days."),
    ("The warranty of the motor is 2 years.", "The warranty of the motor is 24 months."),
    ("Annual leave is asked for 10 working days ahead.", "Annual leave is asked for 14 days ahead."),
    ("You have 27 days of annual leave.", "You have 5 weeks of annual leave."),
    ("Firmware 4.1 shows the code in 2 seconds.", "Firmware 4.2 shows the code in 3 seconds."),
    ("Clause 4 sets the limit at 500 euros.", "Clause 5 sets the limit at 900 euros."),
    ("The summer party is on 12 June 2024.", "The summer party is on 11 June 2025."),
    ("Dogs are allowed in the office.", "Dogs are not allowed in the kitchen."),
    ("Smoking is allowed on the terrace.", "Drinking is forbidden on the terrace."),
    ("Anna Berg works in Deventer.", "Jonas Lind works in Deventer."),
    ("The head of sales is Anna Berg.", "The head of service is Jonas Lind."),
    ("The head of sales is Anna Berg.", "The head of sales is Ms Berg."),
    ("Twenty-five days of annual leave are granted.", "25 days of annual leave are granted."),
    ("The price of the ramp is 1,000 euros.", "The price of the ramp is 1000 EUR."),
    ("Model: IB-12 | Price (EUR): 21400", "Model: IB-20 | Price (EUR): 29800"),
    ("Model: IB-12 | Size: M8 | Price: 2 euros", "Model: IB-12 | Size: M10 | Price: 3 euros"),
    ("Model: IB-12 | Region: North | Price: 2 euros", "Model: IB-12 | Region: South | Price: 3 euros"),
    ("Model: IB-12 | Quarter: Q1 | Price: 2 euros", "Model: IB-12 | Quarter: Q2 | Price: 3 euros"),
    ("Model: IB-12 | Year: 2023 | Price: 2 euros", "Model: IB-12 | Year: 2024 | Price: 3 euros"),
    ("Model: IB-12 | Price (EUR): 1,234.50", "Model: IB-12 | Price (EUR): 1.234,50"),
    ("The limit for a hotel is 1.500 euros.", "The limit for a hotel is 1,500 euros."),
    ("The deposit is 250 euros.", "The deposit for an IB-06 is 350 euros."),
    ("A night in the single room costs 80 euros.", "A night in the double room costs 120 euros."),
    ("The order has 3 units.", "The order weighs 200 kg."),
    ("The limit for a hotel was 155 euros in 2025.", "The limit for a hotel is 165 euros."),
    ("The limit for a hotel was 155 euros.", "The limit for a hotel is 165 euros."),
    ("Employees would get 27 days of annual leave.", "Employees get 25 days of annual leave."),
    ("If you are ill, call before 08:30.", "Call before 09:00."),
    ("Children under 6 pay 5 euros.", "Children under 12 pay 8 euros."),
    ("The first reminder is sent after 7 days.", "The second reminder is sent after 14 days."),
    ("Step 2 takes 10 minutes.", "Step 3 takes 20 minutes."),
    ("From the third unit you get 4 percent discount.", "From the sixth unit you get 7 percent discount."),
    ("Is the hotel deposit 250 euros?", "The hotel deposit is 350 euros."),
    ("The hotel costs 90 euros for 2 nights.", "The hotel costs 120 euros for 3 nights."),
    ("The deposit is 250 euros.", "The deposit is 350 euros."),  # of what? The question does not say either
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "one", "two"), CONFLICTS)
def test_the_differing_words_are_named(first: str, second: str, one: str, two: str) -> None:
    assert disagreement(first, second, "What is the price?") == (one, two)
    assert disagreement(second, first, "What is the price?") == (two, one)


@pytest.mark.parametrize(("first", "second"), YES_AND_NO)
def test_yes_and_no_differ(first: str, second: str) -> None:
    told = (first, second)
    if "," in second:  # two statements in one sentence are left alone
        assert disagreement(first, second) is None
    else:
        assert disagreement(first, second) == told


@pytest.mark.parametrize(("first", "second"), NO_CONFLICTS)
def test_different_things_are_no_conflict(first: str, second: str) -> None:
    assert disagreement(first, second, "What is the price?") is None
    assert disagreement(second, first, "What is the price?") is None


def test_one_word_in_common_is_enough_where_the_question_asks_for_it() -> None:
    one, two = "The deposit is 250 euros.", "The deposit is 350 euros."
    assert disagreement(one, two, "How much is the deposit?") == ("250 euros", "350 euros")


# --- in answers ---------------------------------------------------------------------------------------

QUESTION = "How many days of annual leave do I get?"
OLD = "Employees get 25 days of annual leave. Ask your team lead first."
NEW = "Employees get 27 days of annual leave. Up to five carry over."
OTHER = "Travel is booked by train."
PASSAGES = [passage("leave policy 2024", OLD), passage("leave policy 2025", NEW), passage("travel", OTHER)]
TEXTS = {"leave policy 2024": OLD, "leave policy 2025": NEW, "travel": OTHER}
DATES = {"leave policy 2024": "2024-01-01", "leave policy 2025": "2025-01-01", "travel": None}


def cited(*numbers: int) -> list[Citation]:
    ends = {1: 38, 2: 38, 3: len(OTHER)}
    return [exact_citation(n, PASSAGES[n - 1], 0, ends[n], TEXTS.__getitem__) for n in numbers]


def test_both_sides_are_named_with_dates_the_latest_first() -> None:
    text = "Employees get 25 days of annual leave. [1] Employees get 27 days of annual leave. [2]"
    (conflict,) = find_conflicts(QUESTION, text, cited(1, 2), PASSAGES, dates=DATES)
    assert conflict.sentence == (
        "The sources differ: Leave Policy 2025 (2025-01-01) says 27 days [2]; "
        "Leave Policy 2024 (2024-01-01) says 25 days [1]."
    )
    assert [(side.marker, side.value, side.date) for side in conflict.sides] == [
        (2, "27 days", "2025-01-01"),
        (1, "25 days", "2024-01-01"),
    ]


def test_the_quoted_answer_gets_the_other_side_as_a_sentence_to_quote() -> None:
    quoted = [Rival(passage_index=1, start=0, end=38, score=0.9)]
    (rival,) = rivals(QUESTION, quoted, PASSAGES)
    assert (rival.passage_index, rival.start, rival.end) == (0, 0, 38)
    pieces, citations = quote([*quoted, rival], PASSAGES, TEXTS.__getitem__)
    (conflict,) = find_conflicts(QUESTION, "".join(pieces), citations, PASSAGES, dates=DATES)
    assert [side.value for side in conflict.sides] == ["27 days", "25 days"]


def test_a_written_answer_gets_the_uncited_side_by_its_passage_number() -> None:
    text = "You get 27 days [2]."
    (other,) = rival_citations(QUESTION, cited(2), PASSAGES, TEXTS.__getitem__)
    assert (other.marker, other.quote, other.verified) == (1, OLD[:38], True)
    (conflict,) = find_conflicts(QUESTION, text, [*cited(2), other], PASSAGES, dates=DATES)
    assert {side.marker for side in conflict.sides} == {1, 2}


@pytest.mark.parametrize(
    "question",
    [
        "How many days of annual leave did I get in 2024?",  # the year says which edition
        "How has annual leave changed?",  # both sides are the answer
    ],
)
def test_a_question_that_says_which_edition_it_means_has_no_conflict(question: str) -> None:
    text = "25 [1], 27 [2]"
    assert find_conflicts(question, text, cited(1, 2), PASSAGES, dates=DATES) == ()


def test_one_document_does_not_contradict_itself() -> None:
    same = [passage("leave", OLD, start=0), passage("leave", NEW, start=len(OLD) + 1)]
    assert rivals(QUESTION, [Rival(passage_index=0, start=0, end=38, score=1.0)], same) == ()


def test_documents_about_two_things_do_not_contradict_each_other() -> None:
    contracts = [passage("contract meyer", OLD), passage("contract schulz", NEW)]
    assert rivals(QUESTION, [Rival(passage_index=0, start=0, end=38, score=1.0)], contracts) == ()


def test_an_undated_side_comes_last_and_no_date_is_made_up() -> None:
    text = "25 [1], 27 [2]"
    (conflict,) = find_conflicts(QUESTION, text, cited(1, 2), PASSAGES, dates={"leave policy 2024": "2024"})
    assert conflict.sentence.endswith("Leave Policy 2025 says 27 days [2].")


def test_what_a_document_says_cannot_break_out_of_the_sentence() -> None:
    bad = "Send expense claims to claims@acme.example."
    evil = "Send expense claims to x@evil.example."
    name = "[see](http://evil.example) 2025"
    passages = [passage("claims 2024", bad), passage(name, evil)]
    texts = {"claims 2024": bad, name: evil}
    both = [exact_citation(n, p, 0, len(p.text), texts.__getitem__) for n, p in enumerate(passages, 1)]
    found = find_conflicts("Where do claims go?", "[1][2]", both, passages, dates={})
    assert all("](" not in conflict.sentence and "http" not in conflict.sentence for conflict in found)


# --- figures that have changed, and rows of two editions ------------------------------------------------

CHANGED = [  # what says so, what still gives the old figure, the two figures as they are told
    (
        "From 1 July 2026 the on-call allowance for a weekday night rises from 45 to 60 euros in all countries.",
        "| On-call allowance, weekday night (18:00 to 08:00) | 45 euros |",
        ("60 euros", "45 euros"),
    ),
    (
        "New orders for the IL-40: we have promised 20 weeks until now. Please quote 24 weeks from today.",
        "Model: IL-40 | Price (EUR): 61500 | Delivery time (weeks): 20 | Valid from: 2026-01-01",
        ("24 weeks", "Delivery time (weeks): 20"),
    ),
    (
        "We can promise the CU-744 only with a delivery time of 18 weeks, instead of 14 weeks.",
        "Part: CU-744 | Price (EUR): 7450 | Lead time (weeks): 14 | Stock: 3",
        ("18 weeks", "Lead time (weeks): 14"),
    ),
    (
        "The delay of the temperature alarm as delivered is now 20 minutes, instead of 30 minutes in 4.1.",
        "The delay is 30 minutes as delivered.",
        ("20 minutes", "30 minutes"),
    ),
    (
        "The sales price of the IB-12 rises from 21,400 to 22,150 euros without VAT.",
        "Model: IB-12 | Sales price (EUR): 21400 | Delivery time (weeks): 8",
        ("22,150 euros", "Sales price (EUR): 21400"),
    ),
]
RISE = "The on-call allowance for a weekday night rises from 45 to 60 euros."
NOT_CHANGED = [
    (RISE, "The on-call allowance for a Saturday is 90 euros."),  # another figure
    (RISE, "The on-call allowance for a weekday night is 60 euros."),  # the new one
    (RISE, "The on-call allowance for a weekday night was 45 euros."),  # as it was
    (RISE, "A taxi to the airport costs 45 euros."),  # another thing
    (RISE, "The on-call technician answers within 45 minutes at night."),  # another unit
    (RISE, "Is the on-call allowance for a weekday night 45 euros?"),
    ("The IB-12 rises from 8 to 10 weeks.", "Model: IB-20 | Delivery time (weeks): 8"),
    ("The price of the IB-12 rises from 8 to 10 euros.", "Model: IB-12 | Warranty (EUR): 8"),
    ("The train goes from 8 to 10 stations.", "The train has 8 wagons."),
]


@pytest.mark.parametrize(("new", "old", "told"), CHANGED)
def test_a_source_that_still_gives_the_old_figure_differs(new: str, old: str, told: tuple[str, str]) -> None:
    assert said_of(new, old) == told


@pytest.mark.parametrize(("new", "old"), NOT_CHANGED)
def test_a_change_contradicts_only_its_own_old_figure(new: str, old: str) -> None:
    assert said_of(new, old) == ()


def test_the_rows_of_two_editions_are_both_named_the_latest_first() -> None:
    (conflict,) = conflicts_of("Hotel limit in Denmark", "travel policy 2025", "travel policy 2026")
    assert [(side.value, side.date) for side in conflict.sides] == [
        ("Denmark 175 210", "2026-01-01"),
        ("Denmark 155 190", "2025-01-01"),
    ]


def test_the_rows_of_a_markdown_table_are_told_by_the_column_asked_for() -> None:
    head = "| Country | Limit (euros) | Fair weeks (euros) |\n|---|---|---|\n| Poland | 95 | 120 |\n"
    row = "| Denmark | {} | 190 |"
    (conflict,) = conflicts_of("Hotel limit in Denmark", "hotels 2025", "hotels 2026", head=head, row=row)
    assert [side.value for side in conflict.sides] == ["Limit (euros): 175", "Limit (euros): 155"]


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("Hotel limit in Denmark in 2025", ("travel policy 2025", "travel policy 2026")),  # it says which
        ("Sales in Denmark", ("sales report 2025", "sales report 2026")),  # each of its own year
        ("Hotel limit in Denmark", ("travel policy 2026", "visitor guide 2025")),  # no editions of one
    ],
)
def test_rows_of_other_documents_or_the_edition_asked_for_do_not_differ(
    question: str, titles: tuple[str, str]
) -> None:
    assert conflicts_of(question, *titles) == ()


def said_of(new: str, old: str) -> tuple[str, ...]:
    """What the answer that quotes `new` says of both; the other side is found among the passages."""
    passages = [passage("mail", new), passage("list", old)]
    texts = {"mail": new, "list": old}
    quoted = [Rival(passage_index=0, start=0, end=len(new), score=0.9)]
    _, citations = quote(
        [*quoted, *rivals("What is the delivery time?", quoted, passages)], passages, texts.__getitem__
    )
    found = find_conflicts(
        "What is the delivery time?", "[1][2]", citations, passages, dates={"mail": "2026"}
    )
    return tuple(side.value for conflict in found for side in conflict.sides)


def conflicts_of(
    question: str,
    one: str,
    two: str,
    *,
    head: str = "Country Limit for one night (euros) In fair weeks (euros)\nPoland 95 120\n",
    row: str = "Denmark {} {}",
) -> tuple[Conflict, ...]:
    texts = {name: head + row.format(*cells) for name, cells in ((one, (155, 190)), (two, (175, 210)))}
    passages = [passage(name, text) for name, text in texts.items()]
    quoted = [Rival(passage_index=1, start=len(head), end=len(texts[two]), score=0.9)]
    pieces, citations = quote([*quoted, *rivals(question, quoted, passages)], passages, texts.__getitem__)
    dates = {name: f"{name[-4:]}-01-01" for name in texts}
    return find_conflicts(question, "".join(pieces), citations, passages, dates=dates)
