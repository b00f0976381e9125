"""Answers as a chat model might have written them, made from question sets: right ones and wrong ones of every kind.

A SIMULATION: nobody wrote these. A right answer is the gold sentence, quoted, cut, reworded, turned around or made of
the question's own words, with the marker of its passage. A wrong one answers with another sentence of the passages,
with another figure or name in the gold sentence's place, with a sentence from elsewhere; or it is right, but cites
another passage, cites nothing, or goes on with something that no passage says: right, but not supported, which counts
as wrong. Questions without an answer get wrong answers only.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.question_sets import Case
from chains.guard import UNKNOWN_SOURCE
from loaders.passage import Passage
from local.lexical import stems
from local.reader import Reading
from local.sentences import sentence_spans

RIGHT_SHARE = 0.75  # of the answers to answerable questions whose passage was found
_NUMBER = re.compile(r"\d[\d,.]*\d|\d")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){0,2}")
_ASKED = re.compile(r"^(?:who|what|which [\w ]{3,30}?) (is|was|are|were) (.+)\?$", re.IGNORECASE)
_ASIDE = re.compile(r"\s?\([^()]{1,80}\)")
_OTHER_WORDS = """began=started started=began large=big about=around although=though because=since often=frequently
    however=but became=turned_into several=a_number_of many=numerous used=employed made=produced approximately=about
    located=situated known=called which=that within=inside during=in first=initially also=too while=whereas
    built=constructed ended=finished important=significant total=overall received=got required=needed
    established=set_up main=chief"""
_REWORDED = dict(pair.split("=") for pair in _OTHER_WORDS.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an answer can be made from."""

    case: Case
    answer: str  # the gold answer; empty for questions without
    passages: Sequence[Passage]
    reading: Reading
    elsewhere: str  # a sentence of another article


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    kind: str
    text: str
    right: bool


def gold_answers(folder: Path) -> dict[str, str]:
    """By question text."""
    rows = map(json.loads, (folder / "queries.jsonl").read_text("utf-8").splitlines())
    return {row["text"]: row.get("answer", "") for row in rows if row.get("answerable", True)}


def write(told: Told, chance: random.Random) -> Written | None:
    """One answer; None where nothing can be made (no passage, or the gold passage was not found)."""
    if told.case.kind != "answerable":
        return _drawn(NOT_ANSWERED, told, chance, right=False)
    if gold_place(told) is None:
        return _drawn(NOT_ANSWERED, told, chance, right=False)
    right = chance.random() < RIGHT_SHARE
    return _drawn(RIGHT if right else WRONG, told, chance, right=right)


Form = Callable[[Told, random.Random], str | None]


def _drawn(forms: dict[str, Form], told: Told, chance: random.Random, *, right: bool) -> Written | None:
    kinds = list(forms)
    chance.shuffle(kinds)
    for kind in kinds:
        text = forms[kind](told, chance)
        if text is not None:
            return Written(kind=kind, text=text, right=right)
    return None


def gold_place(told: Told) -> tuple[int, str] | None:
    """(number of the passage, its sentence) that holds the gold answer; None where it was not found."""
    for number, passage in enumerate(told.passages, 1):
        for document, start in told.case.gold:
            if passage.document_id == document and passage.start <= start < passage.end:
                for low, high in sentence_spans(passage.text):
                    if low <= start - passage.start < high:
                        return number, passage.text[low:high]
    return None


def _gold(told: Told) -> tuple[int, str]:
    place = gold_place(told)
    assert place is not None
    return place


def _cited(text: str, *numbers: int) -> str:
    marks = "".join(f"[{number}]" for number in numbers)
    return f"{text.strip().rstrip('.')} {marks}." if marks else f"{text.strip().rstrip('.')}."


# --- right ones ---------------------------------------------------------------------------------


def _quoted(told: Told, _: random.Random) -> str:
    number, sentence = _gold(told)
    return _cited(sentence, number)


def _short(told: Told, _: random.Random) -> str:
    return _cited(told.answer, _gold(told)[0])


def _restated(told: Told, _: random.Random) -> str | None:
    asked = _ASKED.match(told.case.text)
    if asked is None:
        return None
    subject = asked[2][0].upper() + asked[2][1:]
    return _cited(f"{subject} {asked[1].lower()} {told.answer}", _gold(told)[0])


def _clause(told: Told, _: random.Random) -> str | None:
    number, sentence = _gold(told)
    parts = [part for part in re.split(r"[,;]\s", sentence) if told.answer.lower() in part.lower()]
    return _cited(parts[0], number) if parts and len(parts[0].split()) >= 4 else None


def _reworded(told: Told, chance: random.Random) -> str:
    number, sentence = _gold(told)
    return _cited(reword(sentence, told.answer, chance), number)


def _with_more(told: Told, chance: random.Random) -> str | None:
    number, sentence = _gold(told)
    text = told.passages[number - 1].text
    others = [text[a:b] for a, b in sentence_spans(text) if text[a:b] != sentence and b - a > 40]
    if not others:
        return None
    return f"{_cited(reword(sentence, told.answer, chance), number)} {_cited(chance.choice(others), number)}"


def reword(sentence: str, kept: str, chance: random.Random) -> str:
    """The sentence without asides, with other common words, its halves turned round; `kept` stays as it is."""
    plain = sentence if kept in "".join(_ASIDE.findall(sentence)) else _ASIDE.sub("", sentence)
    guarded = set(kept.lower().split())
    plain = " ".join(
        _REWORDED[word].replace("_", " ") if word in _REWORDED and word not in guarded else word
        for word in plain.split()
    )
    first, comma, rest = plain.rstrip(".").partition(", ")
    if comma and chance.random() < 0.5 and (kept in first or kept in rest):
        plain = f"{rest[0].upper()}{rest[1:]}, {first[0].lower()}{first[1:]}"
    return f"According to the documents, {plain[0].lower()}{plain[1:]}" if chance.random() < 0.3 else plain


# --- wrong ones ---------------------------------------------------------------------------------


def _other_sentence(told: Told, _: random.Random) -> str | None:
    """The sentence that has most of the question's words and does not hold the answer."""
    asked = stems(told.case.text)
    found = [
        (len(stems(passage.text[a:b]) & asked), -number, passage.text[a:b])
        for number, passage in enumerate(told.passages, 1)
        for a, b in sentence_spans(passage.text)
        if not told.answer or told.answer.lower() not in passage.text[a:b].lower()
    ]
    if not found:
        return None
    _words, number, sentence = max(found)
    return _cited(sentence, -number)


def _read(told: Told, _: random.Random) -> str | None:
    """What the embedded reader would have quoted, where that is no answer."""
    if not told.reading.sentences:
        return None
    best = max(told.reading.sentences, key=lambda sentence: sentence.score)
    return _cited(best.text, best.passage_index + 1)


def _changed(told: Told, chance: random.Random) -> str | None:
    number, sentence = _gold(told)
    other = _another(told, chance)
    if other is None or told.answer not in sentence:
        return None
    return _cited(sentence.replace(told.answer, other), number)


def _short_wrong(told: Told, chance: random.Random) -> str | None:
    other, place = _another(told, chance), gold_place(told)
    return _cited(other, place[0] if place else 1) if other else None


def _another(told: Told, chance: random.Random) -> str | None:
    """Something of the answer's kind: another figure, or another name of the passages."""
    if _NUMBER.search(told.answer):
        return _NUMBER.sub(lambda found: _other_number(found[0], chance), told.answer)
    everything = " ".join(passage.text for passage in told.passages)
    known = f"{told.answer} {told.case.text}".lower()
    names = sorted({name for name in _NAME.findall(everything) if name.lower() not in known})
    return chance.choice(names) if names else None


def _other_number(number: str, chance: random.Random) -> str:
    digits = [position for position, letter in enumerate(number) if letter.isdigit()]
    place = chance.choice(digits[-2:])
    other = str((int(number[place]) + chance.randint(1, 9)) % 10)
    return number[:place] + other + number[place + 1 :]


def _invented(told: Told, _: random.Random) -> str | None:
    return _cited(told.elsewhere, 1) if told.passages else None


def _wrong_marker(told: Told, chance: random.Random) -> str | None:
    without = [
        number
        for number, passage in enumerate(told.passages, 1)
        if told.answer.lower() not in passage.text.lower()
    ]
    text = _gold(told)[1] if chance.random() < 0.5 else told.answer
    return _cited(text, chance.choice(without)) if without else None


def _uncited(told: Told, chance: random.Random) -> str:
    return _cited(reword(_gold(told)[1], told.answer, chance))


def _unknown_marker(told: Told, chance: random.Random) -> str:
    """As the guard shows a number that was not given; every other time after a sentence that is cited well."""
    number, sentence = _gold(told)
    plain = reword(sentence, told.answer, chance).strip().rstrip(".")
    lost = f"{plain} {UNKNOWN_SOURCE}."
    return lost if chance.random() < 0.5 else f"{_cited(told.answer, number)} {lost}"


def _half_invented(told: Told, chance: random.Random) -> str:
    number, sentence = _gold(told)
    return f"{_cited(reword(sentence, told.answer, chance), number)} {_cited(told.elsewhere, number)}"


RIGHT: dict[str, Form] = {
    "quoted": _quoted,
    "short": _short,
    "restated": _restated,
    "clause": _clause,
    "reworded": _reworded,
    "with more": _with_more,
}
WRONG: dict[str, Form] = {
    "other sentence": _other_sentence,
    "changed figure or name": _changed,
    "short and wrong": _short_wrong,
    "invented": _invented,
    "right, wrong marker": _wrong_marker,
    "right, uncited": _uncited,
    "right, unknown marker": _unknown_marker,
    "half invented": _half_invented,
}
NOT_ANSWERED: dict[str, Form] = {
    "unanswerable: what the reader quotes": _read,
    "unanswerable: other sentence": _other_sentence,
    "unanswerable: a name": _short_wrong,
    "unanswerable: invented": _invented,
}
