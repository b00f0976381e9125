"""Receipts: an answer written down with all it was made from, and what differs when it is made again.

    document = receipt_document(answer)                 # JSON, python -m app ask ... --receipt FILE
    before = answer_of_receipt(document)                # python -m app ask --replay FILE
    differences(before, chain.invoke(before.receipt.question))

No key is in it: an answer holds none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chains.answer import Answer, Receipt
from chains.restoring import answer_from_dict
from errors import ReceiptError, RecordFormatError

FORMAT, VERSION = "groundtune-receipt", 1
CONFIDENCE_STEP = 0.005  # a difference of confidence below this is rounding


def receipt_document(answer: Answer) -> dict[str, Any]:
    """The JSON document of one answer."""
    return {"format": FORMAT, "version": VERSION, "answer": answer.as_record()}


def answer_of_receipt(document: object) -> Answer:
    """The answer of a receipt. Raises ReceiptError, saying what is wrong with it."""
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise ReceiptError(f"This is not a receipt: it has no 'format' of {FORMAT!r}.")
    if document.get("version") != VERSION:
        raise ReceiptError(
            f"This receipt is of version {document.get('version')!r} and only {VERSION} can be read: update Groundtune."
        )
    try:
        answer = answer_from_dict(document["answer"])
    except (KeyError, RecordFormatError) as error:
        raise ReceiptError(f"This receipt is damaged ({error}).") from error
    if answer.receipt is None or answer.receipt.question is None:
        raise ReceiptError("This receipt does not say what was asked: it cannot be replayed.")
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as it was; the sentence is for people."""

    of: str  # "model", "prompt", "generation", "passages", "text", ...
    sentence: str

    def as_dict(self) -> dict[str, str]:
        return {"of": self.of, "sentence": self.sentence}


def differences(before: Answer, after: Answer) -> tuple[Difference, ...]:
    """What differs, causes first: what the answer was made from, then the answer."""
    found: list[Difference] = []
    if before.receipt and after.receipt:
        found += _causes(before.receipt, after.receipt)
    return (*found, *_effects(before, after))


def _causes(before: Receipt, after: Receipt) -> Iterator[Difference]:
    for of, old, new in (
        ("knowledge base", before.knowledge_base, after.knowledge_base),
        ("generation", before.generation, after.generation),
        ("model", before.model, after.model),
        ("prompt", before.prompt_sha256, after.prompt_sha256),
    ):
        if old != new:
            yield Difference(of=of, sentence=f"The {of} was {_short(old)} and is {_short(new)}.")
    if before.prompt_sha256 == after.prompt_sha256:
        yield from _parameters(before.parameters, after.parameters)
    yield from _passages(dict(before.chunks), dict(after.chunks))
    if before.chunks != after.chunks and sorted(before.chunks) == sorted(after.chunks):
        yield Difference(of="passages", sentence="The same passages were found in another order.")


def _parameters(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted({*before, *after} - {"messages_sha256"}):
        if before.get(name) != after.get(name):
            told = f"The parameter {name!r} was {_short(before.get(name))} and is {_short(after.get(name))}."
            yield Difference(of="parameters", sentence=told)


def _passages(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Difference]:
    for chunk in before:
        if chunk not in after:
            yield Difference(
                of="passages", sentence=f"The passage {chunk!r} was read then and was not found now."
            )
        elif before[chunk] != after[chunk]:
            yield Difference(of="passages", sentence=f"The text of the passage {chunk!r} has changed.")
    for chunk in after:
        if chunk not in before:
            yield Difference(of="passages", sentence=f"The passage {chunk!r} is new: it was not read then.")


def _effects(before: Answer, after: Answer) -> Iterator[Difference]:
    if before.abstained != after.abstained:
        told = "then, and an answer is given now" if before.abstained else "now, and an answer was given then"
        yield Difference(of="abstention", sentence=f"No answer is found in the documents {told}.")
    if before.text != after.text:
        yield Difference(of="text", sentence="The text of the answer differs.")
    old = [(one.marker, one.document_id, one.quote, one.verified) for one in before.citations]
    new = [(one.marker, one.document_id, one.quote, one.verified) for one in after.citations]
    if old != new:
        yield Difference(of="citations", sentence="The citations differ.")
    was = before.confidence.value if before.confidence else None
    now = after.confidence.value if after.confidence else None
    if was != now and (was is None or now is None or abs(was - now) > CONFIDENCE_STEP):
        yield Difference(of="confidence", sentence=f"The confidence was {_share(was)} and is {_share(now)}.")


def _share(value: float | None) -> str:
    return "not given" if value is None else f"{value:.0%}"


def _short(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:24]}…"
