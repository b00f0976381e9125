"""A follow-up question made to stand alone: "And for contractors?" -> "How many days of leave do contractors get?"

    rewritten = rewrite(question, model=None, log=CallLog())
    rewritten.text, rewritten.changed, rewritten.by

A connected chat model writes it; without one, or where what it wrote cannot be trusted, the rules of
chains/carry_over.py do. A question that plainly stands alone is passed on as it is, at no cost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chains.answer import Question, Turn
from chains.carry_over import carry_over, stands_alone
from chains.generation import CallLog, complete
from chains.passages_prompt import as_data
from chains.prompts import load_prompt
from errors import ProviderError

if TYPE_CHECKING:
    from chains.models import ConnectedModel

__all__ = ["Rewritten", "rewrite"]

TURNS = 6  # of the conversation, the latest ones
ANSWER_LENGTH = 400  # characters of an answer that the model is shown
LONGEST = 300  # characters of a question
_MARKER = re.compile(r"\s?\[\d{1,3}\]")
_FIGURE = re.compile(r"\w*\d[\w.,:/-]*\w|\d")
_PREFIX = re.compile(r"^(?:stand-?alone |rewritten |search )?(?:question|query)\s*:\s*", re.IGNORECASE)
_STATEMENT = re.compile(
    r"^(?:yes|no|i'm|i am sorry|sorry|according to|the answer)\b|NOT_IN_DOCUMENTS", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    text: str  # the question to search and read for
    changed: bool
    by: Literal["model", "embedded", "none"]  # none: it stands alone, or nothing is known to carry


def rewrite(question: Question, *, model: ConnectedModel | None, log: CallLog) -> Rewritten:
    """The question as it reads without the conversation. A server that fails leaves a notice in `log`."""
    asked = question.text
    if not question.history or stands_alone(asked):
        return Rewritten(text=asked, changed=False, by="none")
    if model is not None:
        try:
            text = _by_model(question, model, log)
        except ProviderError as error:
            log.notices.append(
                f"The follow-up question was completed by rules, not by {model.model_id}: {error}"
            )
        else:
            if text is not None:
                return Rewritten(text=text, changed=text != asked, by="model")
    text = carry_over(asked, question.history)
    return Rewritten(text=text, changed=text != asked, by="embedded" if text != asked else "none")


def _by_model(question: Question, model: ConnectedModel, log: CallLog) -> str | None:
    """What the model wrote, or None where that is no question of this conversation. Raises ProviderError."""
    from langchain_core.messages import HumanMessage, SystemMessage

    prompt = load_prompt("rewrite")
    history = _transcript(question.history)
    asked = prompt.render(history=history, question=_data(question.text))
    reply = complete(model, [SystemMessage(prompt.system), HumanMessage(asked)], log, purpose="rewrite")
    text = _PREFIX.sub("", reply.strip().strip("\"'`“”").strip())
    return text if acceptable(text, question.text, history) else None


def _transcript(turns: Sequence[Turn]) -> str:
    lines = []
    for turn in turns[-TURNS:]:
        text = " ".join(_MARKER.sub("", turn.text).split())
        if turn.role == "assistant" and len(text) > ANSWER_LENGTH:
            text = text[:ANSWER_LENGTH].rsplit(" ", 1)[0] + " …"
        lines.append(f"{'User' if turn.role == 'user' else 'Assistant'}: {_data(text)}")
    return "\n".join(lines)


def _data(text: str) -> str:
    return as_data(text).replace("<", "‹")


def acceptable(text: str, asked: str, history: str) -> bool:
    """One short line, no statement; the question's figures and codes and none that was not said before."""
    if not text or len(text) > LONGEST or "\n" in text or _STATEMENT.match(text):
        return False
    if asked.rstrip().endswith("?") and not text.endswith("?"):
        return False
    said = f"{asked}\n{history}".lower()
    kept = all(figure.lower() in text.lower() for figure in _FIGURE.findall(asked))
    return kept and all(figure.lower() in said for figure in _FIGURE.findall(text))
