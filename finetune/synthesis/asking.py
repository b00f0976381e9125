"""One passage to a chat model, its questions and answers back: the request, its JSON schema, and the reply read.

asked = Asker(model, pairs=2).ask(passage)     -> Asked(reply="{...}", calls=(...))
read_pairs(asked.reply)                               -> [Pair(question, answer, quote), ...]
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from chains.answer import ModelCall
from chains.generation import CallLog, complete
from chains.models import ConnectedModel
from chains.passages_prompt import numbered
from chains.prompts import load_prompt
from errors import ProviderError, SpendingLimitError
from loaders.passage import Passage

__all__ = ["Asked", "Asker", "Pair", "read_pairs", "request_text"]

PURPOSE = "synthesis"
SPEAKS_JSON = ("openai:", "azure:", "compatible:")  # servers that may take a JSON schema
_TEXT = {"type": "string"}
_PAIR = {
    "type": "object",
    "properties": {"question": _TEXT, "answer": _TEXT, "quote": _TEXT},
    "required": ["question", "answer", "quote"],
    "additionalProperties": False,
}
_SCHEMA = {
    "type": "object",
    "properties": {"pairs": {"type": "array", "items": _PAIR}},
    "required": ["pairs"],
    "additionalProperties": False,
}
RESPONSE_FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "questions_and_answers", "strict": True, "schema": _SCHEMA},
}
_NOT_TAKEN = re.compile(r"\(status (?:400|404|415|422|501)\b")  # as chains/failures.py words it


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    question: str
    answer: str
    quote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    reply: str
    model: str  # that answered: the fallback's id where that one stood in
    cost_usd: float | None
    input_tokens: int | None
    output_tokens: int | None


class Asker:
    """Asks with a JSON schema; where a server does not take that, without one from then on. Thread-safe."""

    def __init__(self, model: ConnectedModel, *, pairs: int, prompt: str = "synthesis") -> None:
        self._plain = model
        self._prompt = load_prompt(prompt)
        self._pairs = pairs
        self._schema = _with_schema(model) if model.model_id.startswith(SPEAKS_JSON) else None

    def ask(self, passage: Passage) -> Asked:
        """Raises ProviderError where the model fails, SpendingLimitError, StoppedError."""
        log, schema = CallLog(), self._schema
        messages = self._prompt.messages([], **_values(passage, self._pairs))
        if schema is None:
            return _asked(complete(self._plain, messages, log, purpose=PURPOSE), log, self._plain)
        try:
            return _asked(complete(schema, messages, log, purpose=PURPOSE), log, schema)
        except SpendingLimitError:
            raise
        except ProviderError as error:
            if not _NOT_TAKEN.search(str(error)):
                raise
        reply = complete(self._plain, messages, log, purpose=PURPOSE)
        self._schema = None  # it was the schema that the server did not take
        return _asked(reply, log, self._plain)


def request_text(passage: Passage, pairs: int, prompt: str = "synthesis") -> str:
    """All that is sent for a passage, to be counted."""
    loaded = load_prompt(prompt)
    return loaded.system + loaded.render(**_values(passage, pairs))


def _values(passage: Passage, pairs: int) -> dict[str, str]:
    return {
        "passages": numbered([passage]),
        "count": str(pairs),
    }


def _with_schema(model: ConnectedModel) -> ConnectedModel:
    """In the body, not as an option: langchain-openai would parse a reply of that option and refuse a cut one."""
    bound = model.chat.bind(extra_body={"response_format": RESPONSE_FORMAT})
    speaks = model.fallback is not None and model.fallback.model_id.startswith(SPEAKS_JSON)
    fallback = _with_schema(model.fallback) if speaks and model.fallback else model.fallback
    return replace(model, chat=cast(Any, bound), fallback=fallback)


def _asked(reply: str, log: CallLog, model: ConnectedModel) -> Asked:
    last: ModelCall | None = log.calls[-1] if log.calls else None
    return Asked(
        reply=reply,
        model=last.model if last else model.model_id,
        cost_usd=log.cost_usd,
        input_tokens=log.usage.input_tokens,
        output_tokens=log.usage.output_tokens,
    )


def read_pairs(reply: str) -> list[Pair] | None:
    """The pairs of a reply; None where it is not the JSON that was asked for. Text around the JSON is passed over."""
    found = _json(reply, "{", "}")
    rows = found.get("pairs") if isinstance(found, Mapping) else None
    if not isinstance(rows, list):
        rows = _json(reply, "[", "]")
    if not isinstance(rows, list):
        return None
    pairs = [pair for row in rows if (pair := _pair(row)) is not None]
    return pairs if pairs or not rows else None


def _json(reply: str, opens: str, closes: str) -> object:
    start, end = reply.find(opens), reply.rfind(closes)
    try:
        return json.loads(reply[start : end + 1]) if 0 <= start < end else None
    except (ValueError, RecursionError):
        return None


def _pair(row: object) -> Pair | None:
    if not isinstance(row, Mapping):
        return None
    texts = [row.get(name) for name in ("question", "answer", "quote")]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        return None
    question, answer, quote = (
        " ".join(str(text).split()) if at == 0 else str(text).strip() for at, text in enumerate(texts)
    )
    return Pair(question=question, answer=answer, quote=quote)
