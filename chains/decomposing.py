"""What else to look up for a question that one search leaves open: queries written by a chat model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chains.answer import Passage
from chains.generation import CallLog, complete
from chains.passages_prompt import as_data, numbered
from chains.prompts import load_prompt
from errors import ProviderError

if TYPE_CHECKING:
    from chains.models import ConnectedModel

__all__ = ["decomposed"]

QUERIES = 2
LONGEST = 200  # characters of a query
_NOTHING = "NONE"


def decomposed(query: str, passages: Sequence[Passage], model: ConnectedModel, log: CallLog) -> list[str]:
    """At most two queries, none where nothing is missing; a failing server leaves a notice in `log` and none."""
    from langchain_core.messages import HumanMessage, SystemMessage

    prompt = load_prompt("multihop")
    asked = prompt.render(passages=numbered(passages), question=as_data(query))
    try:
        reply = complete(model, [SystemMessage(prompt.system), HumanMessage(asked)], log, purpose="steps")
    except ProviderError as error:
        log.notices.append(f"The question was not taken apart by {model.model_id}: {error}")
        return []
    lines = [
        line.strip(" \t-*\"'1234567890.)") if line[:1] in "-*12" else line.strip()
        for line in reply.splitlines()
    ]
    fit = [
        line for line in lines if line and len(line) <= LONGEST and line.upper() != _NOTHING and line != query
    ]
    return list(dict.fromkeys(fit))[:QUERIES]
