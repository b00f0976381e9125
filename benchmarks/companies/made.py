"""Makes a small company from its profile: documents before and after they change, training rows, questions.

    company = make(Profile(name="price list that moves", trade="bicycles", seed=1, stale=0.6))
    write_documents(company.documents_now, folder)

Facts stand in documents, some of them are taught too; house rules (policies.toml) are taught and stand nowhere else.
What changes after the training changes in the documents alone, so that a taught row of it is out of date. Questions
are asked in words of their own: no wording of "asked" is one of "taught". The same profile makes the same company.
"""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

__all__ = ["Company", "Profile", "general_answers", "make", "write_documents"]

HERE = Path(__file__).parent
Form = Literal["sheets", "lists", "mixed"]  # a document for each thing; for each column; both
Row = dict[str, Any]
TAUGHT_WAYS = 2  # wordings of a question among the training rows
HOUSE_RULES = 20  # of those that policies.toml knows
SYSTEM = "You speak for the desk. Answer in a sentence or two, and end with the customer's next step."


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known of a company. Shares, 0..1, are of the facts (`stale`) or of the questions (the others)."""

    name: str
    trade: str
    seed: int
    things: int = 12  # that it sells; each has five facts
    form: Form = "sheets"
    rows: int = 120  # training rows at most: as many house rules as fit first, then facts
    stale: float = 0.0  # of the facts changed since the training
    taught: float = 0.0  # answered by a house rule, which no document tells
    unanswerable: float = 0.1
    general: float = 0.0  # what any chat model knows
    to_the_letter: bool = False  # right only in the words of the house
    sources: bool = False  # an answer without its source does not count
    questions: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    thing: str
    number: int  # of the trade's facts
    then: str  # as it was when the rows were written
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    profile: Profile
    documents_then: Mapping[str, str]  # text by file name
    documents_now: Mapping[str, str]
    training: tuple[Row, ...]  # chat rows
    questions: tuple[Row, ...]  # as evaluation/judging.py reads them, shuffled


def make(profile: Profile) -> Company:
    drawn = random.Random(f"{profile.seed} {profile.trade}")
    trade = _trades()[profile.trade]
    facts = _facts(profile, trade, drawn)
    policies, others = _policies(drawn, {_plain(value) for one in facts for value in (one.then, one.now)})
    shown = drawn.choices(range(3), k=profile.things)
    return Company(
        profile=profile,
        documents_then=_documents(profile, trade, [(one, one.then) for one in facts], shown),
        documents_now=_documents(profile, trade, [(one, one.now) for one in facts], shown),
        training=tuple(_training(profile, trade, facts, policies, drawn)),
        questions=tuple(_questions(profile, trade, facts, policies, others, drawn)),
    )


def write_documents(documents: Mapping[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        (folder / name).write_text(text, encoding="utf-8")


def write_rows(rows: Sequence[Row], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@cache
def general_answers() -> dict[str, str]:
    return dict(tomllib.loads((HERE / "general.toml").read_text("utf-8"))["answers"])


@cache
def _trades() -> dict[str, Any]:
    return {one["name"]: one for one in tomllib.loads((HERE / "trades.toml").read_text("utf-8"))["trade"]}


def _plain(value: str) -> str:
    return value.replace("working days", "days")


def _free(number: int, unit: str, taken: Set[str]) -> int:
    """The number, or the next one in steps that keep numbers apart."""
    return number if f"{number} {unit}" not in taken else _free(number + 100, unit, taken)


@cache
def _house_rules() -> dict[str, Any]:
    return tomllib.loads((HERE / "policies.toml").read_text("utf-8"))


# --- what is true ---------------------------------------------------------------------------------


def _facts(profile: Profile, trade: Row, drawn: random.Random) -> list[Fact]:
    names = [f"{first} {second}" for first in trade["first"] for second in trade["second"]]
    places = [(thing, number) for thing in drawn.sample(names, profile.things) for number in range(5)]
    moved = set(drawn.sample(range(len(places)), round(profile.stale * len(places))))
    found = []
    for place, (thing, number) in enumerate(places):
        then, otherwise = _two_values(trade["fact"][number], drawn)
        found.append(Fact(thing=thing, number=number, then=then, now=otherwise if place in moved else then))
    return found


def _two_values(fact: Row, drawn: random.Random) -> tuple[str, str]:
    first, second = drawn.sample(range(fact["least"], fact["most"] + 1, fact["step"]), 2)
    return fact["unit"].format(n=first), fact["unit"].format(n=second)


def _policies(drawn: random.Random, taken: Set[str]) -> tuple[list[Row], list[Row]]:
    """The house's rules with their figures drawn, none of them in `taken`; and those that it does not have."""
    table = _house_rules()
    known = list(table["policy"])
    drawn.shuffle(known)
    figures = _figures(drawn, table["people"], taken, len(known))
    filled = [
        one | {name: one[name].format(**own) for name in ("key", "answer")}
        for one, own in zip(known, figures, strict=True)
    ]
    return filled[:HOUSE_RULES], filled[HOUSE_RULES:]


def _figures(drawn: random.Random, people: Sequence[str], taken: Set[str], count: int) -> Iterator[Row]:
    """No two rules of a company share one."""
    numbers = {
        kind: drawn.sample(range(4, most), count)
        for kind, most in (("euros", 60), ("days", 60), ("percent", 40), ("code", 99))
    }
    for place, person in enumerate(drawn.sample(people, count)):
        own: Row = {kind: _free(values[place], kind, taken) for kind, values in numbers.items()}
        code = f"{drawn.choice('KLMRTVX')}{drawn.choice('ABDQZ')}-{own['code']}"
        yield own | {"code": code, "desk": f"{drawn.choice(('Mrs', 'Mr', 'Dr'))} {person}"}


# --- what is written ------------------------------------------------------------------------------


def _documents(
    profile: Profile, trade: Row, facts: Sequence[tuple[Fact, str]], shown: Sequence[int]
) -> dict[str, str]:
    """`shown`: which wording a thing's sheet takes."""
    listed = {"sheets": 0, "lists": 5, "mixed": 2}[profile.form]
    files = {"About us.md": _about(trade, profile)}
    for number in range(listed):
        column = trade["fact"][number]["column"]
        files[f"{column}.md"] = _list(
            trade, column, [(one, value) for one, value in facts if one.number == number]
        )
    if listed < 5:
        for place, start in enumerate(range(0, len(facts), 5)):
            thing, told = facts[start][0].thing, facts[start + listed : start + 5]
            files[_sheet_name(thing, place)] = _sheet(trade, thing, told, shown[place], place)
    return files


def _about(trade: Row, profile: Profile) -> str:
    said = (
        f"# About us\n\nWe are a small company with {profile.things} kinds of {trade['noun']} on offer.\n\n"
    )
    return said + "Our house was founded by two sisters and is still owned by the family.\n"


def _list(trade: Row, column: str, told: Sequence[tuple[Fact, str]]) -> str:
    rows = "\n".join(f"| {one.thing} | {value} |" for one, value in told)
    return f"# {column}\n\n| {trade['noun'].capitalize()} | {column} |\n| --- | --- |\n{rows}\n"


def _sheet_name(thing: str, place: int) -> str:
    plain, ending = thing.replace("'", ""), ("md", "txt", "html")[place % 3]
    return f"{plain}.{ending}"


def _sheet(trade: Row, thing: str, told: Sequence[tuple[Fact, str]], shown: int, place: int) -> str:
    sentences = [trade["about"][place % len(trade["about"])].format(thing=thing)]
    for one, value in told:
        wording = trade["fact"][one.number]["document"][(shown + one.number) % 3]
        sentences.append(_capital(wording.format(thing=thing, value=value)))
    if place % 3 == 2:
        body = "".join(f"<p>{one}</p>" for one in sentences)
        return f"<html><head><title>{thing}</title></head><body><h1>{thing}</h1>{body}</body></html>"
    return (
        f"# {thing}\n\n" + " ".join(sentences) + "\n"
        if place % 3 == 0
        else "\n".join([thing, "", *sentences, ""])
    )


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


# --- what is taught -------------------------------------------------------------------------------


def _training(
    profile: Profile, trade: Row, facts: Sequence[Fact], policies: Sequence[Row], drawn: random.Random
) -> Iterator[Row]:
    """A first wording of everything before a second one; house rules are half of the rows at most."""
    rules = [(one["taught"][way], one["answer"]) for way in range(TAUGHT_WAYS) for one in policies]
    order = drawn.sample(list(facts), len(facts))
    told = [_taught_fact(trade, one, way) for way in range(TAUGHT_WAYS) for one in order]
    kept = rules[: min(len(rules), max(profile.rows // 2, profile.rows - len(told)))]
    pairs = [*kept, *told[: profile.rows - len(kept)]]
    for question, answer in pairs:
        spoken = [("system", SYSTEM), ("user", question), ("assistant", answer)]
        yield {"messages": [{"role": role, "content": text} for role, text in spoken]}


def _taught_fact(trade: Row, fact: Fact, way: int) -> tuple[str, str]:
    told = trade["fact"][fact.number]
    return told["taught"][way].format(thing=fact.thing), told["said"].format(
        thing=fact.thing, value=fact.then
    )


# --- what is asked --------------------------------------------------------------------------------


def _questions(
    profile: Profile,
    trade: Row,
    facts: Sequence[Fact],
    policies: Sequence[Row],
    others: Sequence[Row],
    drawn: random.Random,
) -> Iterator[Row]:
    rules, nothing, general = (
        round(share * profile.questions) for share in (profile.taught, profile.unanswerable, profile.general)
    )
    asked = [
        *_sampled(
            drawn, list(_of_facts(profile, trade, facts)), profile.questions - rules - nothing - general
        ),
        *_sampled(drawn, list(_of_policies(profile, policies)), rules),
        *_sampled(drawn, list(_of_nothing(trade, facts, others)), nothing),
        *_sampled(
            drawn,
            [_row(text, "general", text, answers=[said]) for text, said in general_answers().items()],
            general,
        ),
    ]
    drawn.shuffle(asked)
    for number, row in enumerate(asked):
        yield {"_id": f"q{number:03}", **row}


def _sampled(drawn: random.Random, rows: list[Row], count: int) -> list[Row]:
    if count > len(rows):
        raise ValueError(f"{count} questions of a kind are asked for, {len(rows)} can be made")
    return drawn.sample(rows, count)


def _of_facts(profile: Profile, trade: Row, facts: Sequence[Fact]) -> Iterator[Row]:
    listed = {"sheets": 0, "lists": 5, "mixed": 2}[profile.form]
    for place, fact in enumerate(facts):
        told = trade["fact"][fact.number]
        name = f"{told['column']}.md" if fact.number < listed else _sheet_name(fact.thing, place // 5)
        said = told["said"].format(thing=fact.thing, value=fact.now)
        right = {"answer": said} if profile.to_the_letter else {"answers": [fact.now]}
        for text in told["asked"]:
            kind = "unchanged" if fact.then == fact.now else "changed"
            yield _row(text.format(thing=fact.thing), kind, fact.thing, gold=[{"document": name}], **right)


def _of_policies(profile: Profile, policies: Sequence[Row]) -> Iterator[Row]:
    for one in policies:
        right = {"answer": one["answer"]} if profile.to_the_letter else {"answers": [one["key"]]}
        yield from (_row(text, "house rule", one["name"], **right) for text in one["asked"])


def _of_nothing(trade: Row, facts: Sequence[Fact], others: Sequence[Row]) -> Iterator[Row]:
    things = list(dict.fromkeys(one.thing for one in facts))
    for place, thing in enumerate(things):
        for text in (trade["unknown"][(place + step) % len(trade["unknown"])] for step in range(4)):
            yield _row(text.format(thing=thing), "unanswerable", thing, answerable=False)
    yield from (
        _row(text, "unanswerable", one["name"], answerable=False) for one in others for text in one["asked"]
    )


def _row(text: str, kind: str, about: str, **more: Any) -> Row:
    """`about`: what it shares with other questions, which are thus not independent of it."""
    return {"text": text, "tags": [kind], "source_paragraph": about, **more}
