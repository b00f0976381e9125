"""The form of a RAFT reply: the quotes that it rests on, then one answer.

    <reasoning>
    [2] <quote>An IB-06 is 120 euros from Friday to Monday.</quote>
    [1], [3] and [4] do not say it.
    </reasoning>
    An IB-06 is 120 euros for a weekend [2].

finetune/raft writes it, hybrid mode reads it while it arrives: what stands in a block of reasoning is kept and never
shown as the answer. The form of the RAFT paper's own code ("##Reason: ... <ANSWER>: ...") and the block that
thinking models begin with are read as well; a reply without any of these is an answer as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

OPENING, ENDING = "<reasoning>", "</reasoning>"
FORMS: dict[str, tuple[str, ...]] = {
    OPENING: (ENDING,),
    "<think>": ("</think>",),
    "##reason:": ("<answer>:", "##answer:"),  # gorilla's raft.py
}
_LONGEST_ENDING = max(len(ending) for endings in FORMS.values() for ending in endings)
_QUOTES = re.compile(
    r"(?:\[(?P<number>\d{1,3})\][^\n<\[]{0,40})?<quote>(?P<own>.*?)</quote>|##begin_quote##(?P<paper>.*?)##end_quote##",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """Words that a reasoning gives as those of a passage."""

    number: int | None  # of the passage; None where the reasoning does not say which
    text: str

    def stands_in(self, passages: Sequence[str]) -> bool:
        """Whether that passage, or any where none is named, holds the words; white space aside."""
        if self.number is not None:
            passages = passages[self.number - 1 : self.number] if self.number else ()
        words = " ".join(self.text.split())
        return bool(words) and any(words in " ".join(passage.split()) for passage in passages)


def quotes_in(reasoning: str) -> tuple[Quoted, ...]:
    """The quotes of a reasoning, in order."""
    return tuple(
        Quoted(
            number=int(found["number"]) if found["number"] else None,
            text=(found["own"] if found["own"] is not None else found["paper"]).strip(),
        )
        for found in _QUOTES.finditer(reasoning)
    )


def without_quotes(reasoning: str) -> str:
    """What a reasoning says besides its quotes."""
    return "\n".join(line for line in map(str.strip, _QUOTES.sub("", reasoning).splitlines()) if line)


def written(quotes: Sequence[Quoted], note: str, answer: str) -> str:
    """A reply in the form; `note` is what the reasoning says besides, or empty."""
    lines = [f"[{quote.number}] <quote>{quote.text}</quote>" for quote in quotes] + [note] * bool(note)
    return "\n".join([OPENING, *lines, ENDING, answer])


def taken_apart(reply: str) -> tuple[str | None, str]:
    """(reasoning, answer) of a whole reply; None where it has no reasoning."""
    stream = ReasonedStream()
    answer = stream.feed(reply) + stream.close()
    return stream.reasoning, answer


class ReasonedStream:
    """Takes the reasoning out of a reply that arrives in pieces: what is given out adds up to the answer."""

    def __init__(self) -> None:
        self._held = ""
        self._endings: (
            tuple[str, ...] | None
        ) = ()  # of the block that is open; (): at a start; None: in the answer
        self._searched = 0  # characters of the open block that hold no ending
        self._blocks: list[str] = []

    @property
    def reasoning(self) -> str | None:
        """What stood in the blocks so far; None where there was none."""
        blocks = [*self._blocks, *([self._held] if self._endings else [])]
        return "\n\n".join(filter(None, map(str.strip, blocks))) or None

    @property
    def unfinished(self) -> bool:
        """Whether a block of reasoning stands open."""
        return bool(self._endings)

    def feed(self, delta: str) -> str:
        """Takes the next piece; returns what of the answer came to light."""
        self._held += delta
        while self._endings is not None:
            if not (self._ended() if self._endings else self._opened()):
                return ""
        return self._given()

    def close(self) -> str:
        """The rest, once nothing more will come; nothing where the reasoning never ended."""
        return "" if self._endings else self._given()

    def _given(self) -> str:
        answer, self._held = self._held, ""
        return answer

    def _opened(self) -> bool:
        """Whether it is clear how the text goes on: by a block, or by the answer."""
        begun = self._held.lstrip()
        told = begun[: len(max(FORMS, key=len))].lower()
        form = next((form for form in FORMS if told.startswith(form)), None)
        if form is not None:
            self._endings, self._held, self._searched = FORMS[form], begun[len(form) :], 0
            return True
        if any(form.startswith(told) for form in FORMS):
            return False
        self._endings = None
        self._held = begun if self._blocks else self._held
        return True

    def _ended(self) -> bool:
        """Whether the block that is open has come to its end."""
        assert self._endings
        endings = "|".join(map(re.escape, self._endings))
        found = re.compile(endings, re.IGNORECASE | re.ASCII).search(self._held, self._searched)
        if found is None:
            self._searched = max(0, len(self._held) - _LONGEST_ENDING)
            return False
        self._blocks.append(self._held[: found.start()])
        self._held, self._endings = self._held[found.end() :], ()
        return True
