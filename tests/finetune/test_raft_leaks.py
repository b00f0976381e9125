"""No distractor answers: passages that hold an answer in other words, in prose, or another answer to the question."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import cast

import pytest

from chains.answer import Passage
from finetune.raft import Asked, Library, Recipe
from finetune.raft.distractors import draw
from finetune.raft.judging import Judge
from finetune.raft.oracles import Grounded, Oracle, Sentence
from loaders.location import Location
from loaders.passage import Scores
from local.encoder import MiniLMEncoder


@pytest.fixture(scope="module")
def judge(built_models: Path) -> Judge:
    return Judge(MiniLMEncoder(cache_dir=built_models))


def passage(text: str, *headings: str, document: str = "other") -> Passage:
    return Passage(
        chunk_id=f"{document}#0", document_id=document, document_name=document.title(), text=text, start=0,
        end=len(text), location=Location(headings=headings), score=1.0, scores=Scores(fused=1.0),
    )  # fmt: skip


class NothingMore:
    """A knowledge base of which nothing is drawn at random."""

    def drawn(self, random: Random) -> list[Passage]:
        return []


def is_distractor(question: str, answer: str, oracle: str, other: Passage, judge: Judge) -> bool:
    asked = Asked(question=question, answer=answer, accepted=(answer,), file="q.jsonl", line=1, id="1")
    source = Oracle(passage=passage(oracle, document="source"), quotes=((0, len(oracle)),))
    whole = Sentence(start=0, end=len(answer), oracles=(0,))
    grounded = Grounded(asked=asked, oracles=(source,), sentences=(whole,), left_out=())
    library = cast(Library, NothingMore())
    drawn = draw(1, asked, grounded, [other], library, judge, Recipe(hard_share=1.0), Random(1))
    return bool(drawn.distractors)


CANCEL = (
    "What does it cost to cancel three days before?",
    "Between 5 days and 48 hours before, it is 40 per cent of the rent.",
    "less than 5 days but at least 48 hours before 40 per cent of the rent",
)
SHORTEST = (
    "What is the shortest rental?",
    "Three days for Isbox and Isdeep, four weeks for the IL-40; weekends have their own rate.",
    "The minimum rental period is three days for Isbox and Isdeep, and four weeks for the IL-40.",
)
SALE = (
    "What does a new IB-06 cost to buy?",
    "A new IB-06 is 14,900 euros without VAT, road registration included.",
    "Model: IB-06 | Volume: 6 | Sales price (EUR): 14900 | Road registration: included",
)
WEDDING = (
    "Which unit is right for a wedding?",
    "Mostly the IB-06: 6 cubic metres are plenty, and we will not sell you the bigger box.",
    "Isbox is the cold room, in 6, 12 and 20 cubic metres. If an IB-06 does the job, we say so.",
)
PRIVATE = (
    "Do you rent to private persons?",
    "For weddings most people take the IB-06 at the weekend rate of 120 euros.",
    "Model: IB-06 | Day: 60 | Weekend: 120",
)
ANSWERS = [
    pytest.param(
        SALE, passage("Dear all,\n2. The IB-06 stays at 14,900 euros until the end of the year."), id="in prose"
    ),
    pytest.param(
        SHORTEST,
        passage(
            "2. Rental period\n\nThe rental begins on the day of delivery and ends on the day of collection agreed in "
            "the booking; both days count. The minimum is three days for Isbox and Isdeep units and four weeks for the "
            "Isline. Weekend rates apply from Friday 12:00 to Monday 10:00.",
            "2. Rental period",
        ),
        id="by another name",
    ),
    pytest.param(
        CANCEL,
        passage(
            "Can I cancel?\n\nYes, in writing; a mail is enough. Until 7 days before the first day of the rental it "
            "costs nothing. After that we charge 50 per cent of the rent, and from 48 hours before the first day 80 "
            "per cent. Transport is never charged if the lorry has not left. Moving a rental to another date within "
            "three months counts as a cancellation only if you do it twice.",
            "Can I cancel?",
        ),
        id="other figures about the same",
    ),
    pytest.param(
        WEDDING,
        passage("Bring an identity document. The most popular unit for weddings is the IB-06 at the weekend rate."),
        id="names what the answer names",
    ),
    pytest.param(
        PRIVATE,
        passage("Gladly. Bring an identity document.", "Billing", "Do you rent to private persons?"),
        id="under the question as its heading",
    ),
    pytest.param(
        PRIVATE, passage("Do you rent to private persons?\n\nGladly. Bring a document."), id="in its first line"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("row", "other"), ANSWERS)
def test_what_answers_too_is_no_distractor(row: tuple[str, str, str], other: Passage, judge: Judge) -> None:
    assert not is_distractor(*row, other, judge)


HARMLESS = [
    pytest.param(SALE, passage("If an IB-06 does the job, we say so. The promise costs us money."), id="its name"),
    pytest.param(SALE, passage("The lease would begin on 1 September for 4,100 euros a month."), id="another price"),
    pytest.param(SHORTEST, passage("The logger measures every five minutes and stores 90 days."), id="another figure"),
    pytest.param(CANCEL, passage("We may cancel if the deposit has not arrived before delivery."), id="the same word"),
    pytest.param(PRIVATE, passage("By bank transfer.", "Billing", "How can I pay?"), id="another question's heading"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "other"), HARMLESS)
def test_what_only_looks_like_it_is_one(row: tuple[str, str, str], other: Passage, judge: Judge) -> None:
    assert is_distractor(*row, other, judge)


# --- figures ----------------------------------------------------------------------------------------

FOUR_WEEKS = "Next step: for less than four weeks, ask us for an Isbox."
NOT_FOUR_WEEKS = [
    pytest.param("The display shows IC-4. Without power, give an Isbox 4 hours.", id="of a code"),
    pytest.param("4. Wait: without power, give an Isbox 3 hours.", id="of an item"),
    pytest.param("## 4. The units\n\nAn Isbox needs 3 hours.", id="of a heading"),
    pytest.param("An Isbox defrosts by itself four times a day.", id="of something else"),
]


@pytest.mark.parametrize("text", NOT_FOUR_WEEKS)
def test_a_figure_is_not_held_by_one_that_counts_something_else(text: str, judge: Judge) -> None:
    (verdict,) = judge.weigh("Can a unit both cool and freeze?", FOUR_WEEKS, [passage(text)])
    assert verdict.missing


@pytest.mark.parametrize("text", ["The least rental is four weeks.", "Week: 840 | Least period: 4"])
def test_a_figure_is_held_with_its_unit_or_in_a_cell(text: str, judge: Judge) -> None:
    (verdict,) = judge.weigh("Can a unit both cool and freeze?", FOUR_WEEKS, [passage(text)])
    assert not verdict.missing


def test_the_quote_holds_the_figure_with_its_unit(judge: Judge) -> None:
    text = "Hold SET for three seconds, choose, and press SET again. We deliver Isbox units set to 3 °C."
    statement = "Check for 3 °C on the display, then hold SET."
    (verdict,) = judge.weigh("How long must a cold room run?", statement, [passage(text)])
    assert "3 °C" in " ".join(text[slice(*span)] for span in verdict.quotes)
