"""X01: rows of retrieval-augmented fine-tuning teach to read, to quote and to abstain, and not to make things up.

Two looks at each row: at its texts, which works for RAFT rows of any origin, and at what `dataset raft` recorded
beside it. The share of rows without their oracle and the places of the oracles are judged over each file.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chains.citations import markers_in
from chains.guard import ABSTENTION_TOKEN
from chains.passages_prompt import wrapper_sha256
from chains.prompts import load_prompt
from finetune.examples import Kind, Row
from finetune.findings import Finding, Rule, Severity, Where
from finetune.raft.judging import folded
from finetune.raft.reading import RaftRow, read_row
from finetune.raft.rows import PROMPT
from finetune.raft.wording import says_nothing

__all__ = ["RULES", "RaftChecker"]

RULES: tuple[Rule, ...] = (
    Rule(
        id="X01",
        severity="error",
        title="RAFT rows that teach the wrong thing",
        help="Each row needs its oracle or none, as recorded; distractors that differ and do not hold the answer; "
        "quotes that stand word for word in their passage; one final answer, citing passages that were given. Make "
        "the row again with `dataset raft`.",
    ),
)
ENOUGH = 20  # rows, before a file's shares say anything
SIGMAS = 3.0  # that the share of rows without their oracle may stray
ROWS_OFF = 2  # that it may stray at least
ONE_PLACE = 0.6  # of the oracles at one number: the number is learnt instead of the reading
_PATH = "$.metadata.raft"
_AGAIN = "Make the row again with `dataset raft`."

Fault = tuple[Severity, str, str]  # severity, path, message


@dataclass(slots=True)
class _File:
    """What was seen of one file."""

    answerable: int = 0
    without: int = 0
    wanted: float = 0.0  # rows without their oracle, by the recipes
    variance: float = 0.0
    abstaining: int = 0
    places: Counter[int] = field(default_factory=Counter)
    most: int = 0  # passages of a row
    other_prompt: int | None = None  # first line that another prompt or wrapper was used for
    prompts: set[str] = field(default_factory=set)


class RaftChecker:
    """Bounded memory: counts by file."""

    rules = RULES

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}

    def look(self, where: Where, row: Row, kind: Kind) -> Iterator[Finding]:
        read = read_row(row) if kind in ("chat", "completion") else None
        if read is None:
            return
        seen = self._files.setdefault(where.file, _File())
        _count(seen, read, where.line)
        for severity, path, message in (*_text_faults(read), *_recorded_faults(read)):
            yield Finding(
                rule="X01", severity=severity, message=message, file=where.file, line=where.line, path=path
            )

    def finish(self) -> Iterator[Finding]:
        for file, seen in self._files.items():
            for severity, message in _file_faults(seen):
                yield Finding(rule="X01", severity=severity, message=message, file=file)

    def facts(self) -> Mapping[str, Any]:
        """For reports; nothing where no row is RAFT's."""
        if not any(seen.answerable for seen in self._files.values()):
            return {}
        return {
            "raft": {
                file: {"answerable": seen.answerable, "without_oracle": seen.without}
                for file, seen in self._files.items()
            }
        }


# --- the texts ------------------------------------------------------------------------------------


def _text_faults(read: RaftRow) -> Iterator[Fault]:
    yield from _passage_faults(read)
    yield from _quote_faults(read)
    yield from _answer_faults(read)


def _passage_faults(read: RaftRow) -> Iterator[Fault]:
    if read.numbers != tuple(range(1, len(read.numbers) + 1)):
        told = ", ".join(map(str, read.numbers)) or "none"
        yield "error", read.asked_path, f"The passages are numbered {told}, not 1, 2, 3 and so on. {_AGAIN}"
    first: dict[str, int] = {}
    for number, text in enumerate(read.passages, 1):
        twin = first.setdefault(folded(text), number)
        if twin != number:
            yield (
                "error",
                read.asked_path,
                f"Passage {number} says what passage {twin} says: distractors must differ. {_AGAIN}",
            )


def _quote_faults(read: RaftRow) -> Iterator[Fault]:
    for quote in read.quotes:
        if not quote.stands_in(read.passages):
            place = f"passage {quote.number}" if quote.number is not None else "any passage"
            text = f"The reasoning quotes {_short(quote.text)!r}, which is not in {place}: copy it to the letter."
            yield "error", read.reply_path, text
        others = [n for n, text in enumerate(read.passages, 1) if folded(quote.text) in folded(text)]
        if len(others) > 1 and not says_nothing(quote.text):
            told = " and ".join(map(str, others))
            yield (
                "error",
                read.asked_path,
                f"Passages {told} all hold the quoted {_short(quote.text)!r}: one of them is no distractor. {_AGAIN}",
            )


def _answer_faults(read: RaftRow) -> Iterator[Fault]:
    if read.reasoned and read.finals != 1:
        what = "has no final answer" if not read.finals else f"has {read.finals} marks of a final answer"
        yield "error", read.reply_path, f"The reply {what}: end the reasoning once, then answer."
    elif not read.answer:
        yield "error", read.reply_path, "The final answer is empty: write it after the reasoning."
    if ABSTENTION_TOKEN in read.answer and read.answer != ABSTENTION_TOKEN:
        text = f"{ABSTENTION_TOKEN} stands beside other words: a reply abstains or answers."
        yield "error", read.reply_path, text
    strange = [
        n for n in markers_in(f"{read.reasoning or ''}\n{read.answer}") if not 1 <= n <= len(read.passages)
    ]
    if strange and read.passages:
        told = ", ".join(f"[{n}]" for n in strange)
        text = f"{told} was not given: there are passages 1 to {len(read.passages)}."
        yield "error", read.reply_path, text


# --- what was recorded ----------------------------------------------------------------------------


def _recorded_faults(read: RaftRow) -> Iterator[Fault]:
    if read.facts is None:
        return
    roles = _roles(read.facts)
    if roles is None or len(roles) != len(read.passages):
        count = "no list of passages" if roles is None else f"{len(roles)} passages"
        text = f"Recorded are {count}, and the question comes with {len(read.passages)}. {_AGAIN}"
        yield "error", f"{_PATH}.passages", text
        return
    oracles = [n for n, role in enumerate(roles, 1) if role == "oracle"]
    yield from _flag_faults(read, oracles)
    yield from _teaching_faults(read, oracles)
    yield from _leak_faults(read, oracles)


def _roles(facts: Mapping[str, Any]) -> list[object] | None:
    passages = facts.get("passages")
    if not isinstance(passages, list) or not all(isinstance(one, dict) for one in passages):
        return None
    return [one.get("role") for one in passages]


def _flag_faults(read: RaftRow, oracles: Sequence[int]) -> Iterator[Fault]:
    assert read.facts is not None
    recorded = read.facts.get("oracles")
    if recorded != list(oracles):
        text = f"The oracles are recorded as {recorded!r}, and by their roles they are {list(oracles)!r}. {_AGAIN}"
        yield "error", f"{_PATH}.oracles", text
    needed = read.facts.get("needs", 1) if read.facts.get("teaches") == "read" else 0
    if len(oracles) != needed:
        yield (
            "error",
            f"{_PATH}.passages",
            f"{len(oracles)} oracles are given and {needed} are needed. {_AGAIN}",
        )
    chunks = [one.get("chunk") for one in read.facts["passages"]]
    if len(set(map(repr, chunks))) < len(chunks):
        yield "error", f"{_PATH}.passages", f"A chunk is given twice: distractors must differ. {_AGAIN}"


def _teaching_faults(read: RaftRow, oracles: Sequence[int]) -> Iterator[Fault]:
    assert read.facts is not None
    teaches = read.facts.get("teaches")
    cited = markers_in(read.answer)
    if teaches == "read":
        if not cited:
            yield "error", read.reply_path, "The answer cites no passage: name its oracle as [n]."
        wrong = [f"[{n}]" for n in cited if n not in oracles and n <= len(read.passages)]
        if wrong:
            yield "error", read.reply_path, f"{', '.join(wrong)} is a distractor: cite the oracle. {_AGAIN}"
        if not read.quotes:
            yield "error", read.reply_path, f"The reasoning quotes nothing of the oracle. {_AGAIN}"
    elif teaches == "abstain" and read.answer != ABSTENTION_TOKEN:
        text = f"The row has no oracle and does not abstain: reply with {ABSTENTION_TOKEN}."
        yield "error", read.reply_path, text
    elif teaches == "memorise" and (read.quotes or cited):
        yield (
            "error",
            read.reply_path,
            "The row has no oracle, and its answer quotes or cites passages that lack it.",
        )
    elif teaches not in ("abstain", "memorise"):
        yield "error", f"{_PATH}.teaches", f"{teaches!r} is none of read, abstain and memorise. {_AGAIN}"


def _leak_faults(read: RaftRow, oracles: Sequence[int]) -> Iterator[Fault]:
    """A distractor with the answer in it makes "these do not answer" a lie, and an abstention a mistake."""
    assert read.facts is not None
    accepted, quotes = read.facts.get("accepted"), read.facts.get("quotes")
    words = [one for one in accepted if isinstance(one, str)] if isinstance(accepted, list) else []
    if isinstance(quotes, list):
        words += [str(one.get("text")) for one in quotes if isinstance(one, dict)]
    telling = [one for one in words if not says_nothing(one)]
    for number, text in enumerate(read.passages, 1):
        held = next((one for one in telling if folded(one) in folded(text)), None)
        if number not in oracles and held is not None:
            yield (
                "error",
                read.asked_path,
                f"The distractor {number} holds the answer {_short(held)!r}: give another. {_AGAIN}",
            )


# --- over a file ----------------------------------------------------------------------------------


def _count(seen: _File, read: RaftRow, line: int) -> None:
    seen.abstaining += read.answer == ABSTENTION_TOKEN
    facts = read.facts
    if facts is None:
        return
    if (
        facts.get("prompt_sha256") != load_prompt(PROMPT).sha256
        or facts.get("wrapper_sha256") != wrapper_sha256()
    ):
        seen.other_prompt = seen.other_prompt or line
        seen.prompts.add(str(facts.get("prompt")))
    oracles = facts.get("oracles")
    if isinstance(oracles, list) and len(oracles) == 1 and isinstance(oracles[0], int):
        seen.places[oracles[0]] += 1
        seen.most = max(seen.most, len(read.passages))
    recipe = facts.get("recipe")
    p = recipe.get("p") if isinstance(recipe, dict) else None
    if facts.get("answerable") is True and isinstance(p, int | float):
        seen.answerable += 1
        seen.without += facts.get("teaches") != "read"
        seen.wanted += 1 - p
        seen.variance += p * (1 - p)


def _file_faults(seen: _File) -> Iterator[tuple[Severity, str]]:
    if seen.other_prompt is not None:
        told = ", ".join(sorted(seen.prompts))
        yield (
            "warning",
            f"Rows from line {seen.other_prompt} on were made with another prompt or wrapper ({told}) than hybrid mode"
            f" has now ({load_prompt(PROMPT).version}): make them again, or the model meets a form it was not taught.",
        )
    off = abs(seen.without - seen.wanted)
    if seen.answerable >= ENOUGH and off > max(ROWS_OFF, SIGMAS * math.sqrt(seen.variance)):
        yield (
            "error",
            f"{seen.without} of {seen.answerable} answerable rows come without their oracle, and the recipe asks for"
            f" {seen.wanted:.0f}: rows were taken out by kind. Make or split the set again.",
        )
    if seen.answerable >= ENOUGH and not seen.without and not seen.abstaining:
        yield (
            "warning",
            "Every row has its oracle: the model is never taught to abstain. Make the set with --p below 1.",
        )
    total, most = seen.places.total(), seen.places.most_common(1)
    if total >= ENOUGH and seen.most >= 3 and most[0][1] > ONE_PLACE * total:
        yield (
            "warning",
            f"{most[0][1]} of {total} oracles are passage {most[0][0]}: the number is learnt instead of the reading."
            " Shuffle the passages of each row.",
        )


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
