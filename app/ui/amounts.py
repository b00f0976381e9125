"""Times, tokens, money and dates in the words of the page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from chains.answer import Answer


def took(milliseconds: float) -> str:
    """`420 ms`, `1.2 s`, `2 min 5 s`."""
    if milliseconds < 1000:
        return f"{milliseconds:,.0f} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def dollars(cost: float) -> str:
    """Four digits that mean something, and never a zero for what costs something."""
    if cost and cost < 0.0001:
        return "under $0.0001"
    return f"${cost:,.4f}" if cost < 1 else f"${cost:,.2f}"


def tokens(answer: Answer) -> str | None:
    """`1,204 tokens in, 87 out`; None where the model server counted none."""
    usage = answer.usage
    parts = [(usage.input_tokens, "in"), (usage.output_tokens, "out")]
    known = [f"{count:,} {way}" for count, way in parts if count is not None]
    return f"Tokens: {', '.join(known)}" if known else None


def facts(answer: Answer) -> Iterator[str]:
    """What is known of an answer's time, tokens and cost, as plain text."""
    if "total" in answer.timings_ms:
        yield took(answer.timings_ms["total"])
    counted = tokens(answer)
    if counted:
        yield counted
    if answer.cost_usd is not None:
        yield dollars(answer.cost_usd)


def dated(text: str) -> str:
    """An ISO date for people, `3 March 2026`; a year or anything else as it is."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{day.day} {day:%B %Y}"
