"""The form of a RAFT reply: the quotes that it rests on, then one answer.

    <reasoning>
    [2] <quote>An IB-06 is 120 euros from Friday to Monday.</quote>
    [1], [3] and [4] do not say it.
    </reasoning>
    An IB-06 is 120 euros for a weekend [2].

finetune/raft writes it, hybrid mode reads it while it arrives: what stands in a block of reasoning is kept and never
shown as the answer. The form of the RAFT paper's own code ("##Reason: ... <ANSWER>: ...") and the block that
thinking models begin with are read as well, also where its beginning stood in the prompt and the reply holds only its
end; a reply without any of these is an answer as it stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

OPENING, ENDING = "<reasoning>", "</reasoning>"
FORMS: dict[str, tuple[str, ...]] = {
    OPENING: (ENDING,),
    "<think>": ("</think>",),
    "##reason:": ("<answer>:", "##answer:"),  # gorilla's raft.py
}
# As tags these may stand in each other, and their ending may come without a beginning.
_MARKS = tuple(
    mark for form, (ending, *_) in FORMS.items() if ending.startswith("</") for mark in (form, ending)
)
_TAGS = re.compile("|".join(map(re.escape, _MARKS)), re.IGNORECASE | re.ASCII)
_IN_BLOCK = {
    form: re.compile(
        "|".join(map(re.escape, (*endings, *([form] if form in _MARKS else ())))), re.IGNORECASE | re.ASCII
    )
    for form, endings in FORMS.items()
}
_LONGEST_MARK = max(len(mark) for form, endings in FORMS.items() for mark in (form, *endings))
# What may stand before a mark: white space, a byte order mark, the beginning of a code fence.
_LEAD = re.compile(r"(?P<blank>[\s\ufeff\u200b-\u200f\u2060]*)(?:(?P<fence>`{3,})[\w+-]*[\s\ufeff]*)?")
_CLOSING_FENCE = re.compile(r"`{3,}[ \t]*(?:\r?\n\s*|\Z)")
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
    stream.feed(reply)
    stream.close()
    return stream.reasoning, stream.answer


class ReasonedStream:
    """Takes the reasoning out of a reply that arrives in pieces, however it is cut.

    What `feed` and `close` give out adds up to `answer`, unless a mark ends a reasoning that no mark began, as with
    templates of thinking models that open it in the prompt: what was given out until then cannot be unsaid. Then
    `taken_back` counts up, what was given out becomes reasoning, and `answer` begins anew behind the mark.
    """

    def __init__(self) -> None:
        self.answer = ""
        self.taken_back = 0
        self._given = 0  # characters of `answer`
        self._held = ""
        self._state: Literal["start", "block", "answer"] = "start"
        self._blocks: list[str] = []
        self._fenced = False  # the reply, or its reasoning, stands in a code fence
        self._form = OPENING  # of the block that is open
        self._searched = 0  # characters of the open block that were looked through
        self._depth = 0  # forms open in each other
        self._inner: tuple[int, int] | None = None  # the last ending in the open block
        self._open: Counter[str] = Counter()  # forms that the answer itself opens, by their ending

    @property
    def reasoning(self) -> str | None:
        """What stood in the blocks so far; None where there was none."""
        blocks = [*self._blocks, *([self._held] if self.unfinished else [])]
        return "\n\n".join(filter(None, map(_bare, blocks))) or None

    @property
    def unfinished(self) -> bool:
        """Whether a block of reasoning stands open."""
        return self._state == "block"

    def feed(self, delta: str) -> str:
        """Takes the next piece; returns what of the answer came to light."""
        self._held += delta
        return self._read(last=False)

    def close(self) -> str:
        """The rest, once nothing more will come; nothing where the reasoning never ended."""
        return self._read(last=True)

    def _read(self, *, last: bool) -> str:
        steps = {"start": self._opened, "block": self._ended, "answer": self._answered}
        while steps[self._state](last):
            pass
        shown, self._given = self.answer[self._given :], len(self.answer)
        return shown

    def _opened(self, last: bool) -> bool:
        """Whether it is clear how the text goes on: by a block, or by the answer."""
        lead = _LEAD.match(self._held)
        assert lead
        begun = self._held[lead.end() :]
        told = begun[: len(max(FORMS, key=len))].lower()
        form = next((form for form in FORMS if told.startswith(form)), None)
        if form is not None:
            self._fenced ^= lead["fence"] is not None
            self._begin(form, begun[len(form) :])
            return True
        if not last and (begun in ("`", "``") or any(form.startswith(told) for form in FORMS)):
            return False
        if self._blocks:
            self._held = self._unfenced(self._held[lead.end("blank") :])
        self._state = "answer"
        return True

    def _begin(self, form: str, held: str) -> None:
        self._state, self._form, self._held = "block", form, held
        self._searched, self._depth, self._inner = 0, 1, None

    def _unfenced(self, answer: str) -> str:
        """The answer without the end of the fence that the reasoning stood in."""
        closing = _CLOSING_FENCE.match(answer) if self._fenced else None
        self._fenced = self._fenced and closing is None
        return answer[closing.end() :] if closing else answer

    def _ended(self, last: bool) -> bool:
        """Whether the block that is open has come to its end, or to its last ending once nothing more will come."""
        marks = _IN_BLOCK[self._form]
        while found := marks.search(self._held, self._searched):
            self._searched = found.end()
            if found[0].lower() == self._form:
                self._depth += 1
                continue
            self._depth, self._inner = self._depth - 1, found.span()
            if not self._depth:
                return self._cut(self._inner)
        self._searched = max(self._searched, len(self._held) - _LONGEST_MARK)
        return last and self._inner is not None and self._cut(self._inner)

    def _cut(self, ending: tuple[int, int]) -> bool:
        start, end = ending
        self._blocks.append(self._held[:start])
        self._held, self._state = self._held[end:], "start"
        return True

    def _answered(self, last: bool) -> bool:
        """Whether what seemed to be the answer was reasoning, by an ending that nothing began."""
        for mark in _TAGS.finditer(self._held):
            tag = mark[0].lower()
            if tag in FORMS:
                self._open[FORMS[tag][0]] += 1
            elif self._open[tag]:
                self._open[tag] -= 1
            else:
                return self._take_back(mark.span())
        at = self._settled(last)
        self.answer, self._held = self.answer + self._held[:at], "" if last else self._held[at:]
        return False

    def _take_back(self, ending: tuple[int, int]) -> bool:
        self.taken_back += self._given > 0
        start, end = (len(self.answer) + at for at in ending)
        self._held, self.answer, self._given = self.answer + self._held, "", 0
        self._open.clear()
        return self._cut((start, end))

    def _settled(self, last: bool) -> int:
        """Characters held that nothing to come can change: a mark may be cut short, a fence may end the reply."""
        at = len(self._held) if last else _whole(self._held)
        if not self._fenced:
            return at
        said = len(self._held[:at].rstrip().rstrip("`").rstrip())
        return said if not last or self._held[said:].strip().startswith("```") else at


def _whole(text: str) -> int:
    """Where the beginning of a mark stands at the end of the text; its length where there is none."""
    at = text.rfind("<")
    begun = at >= 0 and any(
        mark != text[at:].lower() and mark.startswith(text[at:].lower()) for mark in _MARKS
    )
    return at if begun else len(text)


def _bare(block: str) -> str:
    return block.strip().strip("\ufeff").strip()
