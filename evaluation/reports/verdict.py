"""A run's verdict in sentences that a manager can act on, and no stronger than the numbers are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chains.answer import Mode

if TYPE_CHECKING:
    from evaluation.statistics import Interval
    from evaluation.summary import ModeSummary, Pair, Summary

__all__ = ["NAMES", "Verdict", "money", "not_run", "percent", "span", "verdict_of", "wanting"]

Strength = Literal["clear", "lean", "cannot tell yet"]
NAMES: dict[Mode, str] = {"base": "Base", "rag": "RAG", "finetuned": "Fine-tuned", "hybrid": "Hybrid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    strength: Strength
    sentences: tuple[str, ...]  # what to choose, what it costs and takes, what these questions cannot show


def verdict_of(summary: Summary, sets: Sequence[str] = ()) -> Verdict:
    """ "Clear" where the best mode is shown to beat every other; "lean" where it beats one of them at least.

    One mode alone tells nothing. `sets`: tags to tell the strengths by, where several sets were asked together.
    """
    if summary.best is None:
        told = "No question was answered in every mode: there is nothing to compare yet."
        return Verdict(strength="cannot tell yet", sentences=(told,))
    others = len(summary.modes) - 1
    strength: Strength = (
        "cannot tell yet" if len(summary.ties) == others else "clear" if not summary.ties else "lean"
    )
    return Verdict(
        strength=strength,
        sentences=(_choice(summary, strength), _price(summary, sets), _limits(summary)),
    )


def _choice(summary: Summary, strength: Strength) -> str:
    assert summary.best is not None
    best, name = summary.modes[summary.best], NAMES[summary.best]
    right = f"{_rights(best)} of {summary.questions} questions right ({span(best.right)})"
    if len(summary.modes) == 1:
        return f"{name} answered {right}; no other mode was asked, so there is nothing to choose from."
    if strength == "clear":
        return f"Choose {name}: it answered {right}, more than {_list(_others(summary))}, and not by chance."
    tied = _list([NAMES[mode] for mode in summary.ties])
    beaten = [NAMES[mode] for mode in summary.modes if mode != summary.best and mode not in summary.ties]
    if strength == "lean":
        return (
            f"Lean to {name}: it answered {right}, shown to be more than {_list(beaten)}; "
            f"no difference from {tied} is shown."
        )
    return f"Cannot tell yet: {name} answered most, {right}, but no difference from {tied} is shown."


def _price(summary: Summary, sets: Sequence[str]) -> str:
    """What each is good at, where that is known, and what it takes."""
    modes = list(summary.modes.values())
    free = all(mode.cost_per_1000 == 0 for mode in modes)
    told = _list([_one_price(mode, free=free) for mode in modes])
    charged = ", and nothing is charged" if free else ""
    strengths = _strengths(summary, sets)
    half = f"{strengths} half of the answers came" if strengths else "Half of the answers came"
    return f"{half} within {told}{charged}."


def _one_price(mode: ModeSummary, *, free: bool) -> str:
    seconds = "no time (nothing answered)" if mode.seconds_p50 is None else f"{mode.seconds_p50:.2g} s"
    cost = (
        "price not known"
        if mode.cost_per_1000 is None
        else "no charge"
        if mode.cost_per_1000 == 0
        else f"{money(mode.cost_per_1000)} per 1,000 questions"
    )
    return f"{seconds} with {NAMES[mode.mode]}{'' if free else f' ({cost})'}"


def _strengths(summary: Summary, sets: Sequence[str]) -> str:
    """`Of the policies RAG has most right (69 %), of the letters Fine-tuned (48 %);`, "" for one mode or one set."""
    tags = {one.tag: one for one in summary.tags}
    told = [tags[name] for name in sets if name in tags and tags[name].best is not None]
    if len(told) < 2 or len(summary.modes) < 2:
        return ""
    parts = []
    for number, one in enumerate(told):
        most = [mode for mode in one.right if one.right[mode].value == one.right[one.best or mode].value]
        share = percent(one.right[most[0]].value)
        verb = (" has" if len(most) == 1 else " have") + " most right" if number == 0 else ""
        parts.append(f"of the {one.tag} {_list([NAMES[mode] for mode in most])}{verb} ({share})")
    return _capital(", ".join(parts)) + ";"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _limits(summary: Summary) -> str:
    grouped = f" on {summary.groups} documents or topics" if summary.groups < summary.questions else ""
    grouped += " (too few to speak for others)" if summary.documents_given else ""
    asked = f"With {summary.questions} questions{grouped}"
    unasked = "".join(f", and {NAMES[mode]} was {not_run(why)}" for mode, why in summary.not_run.items())
    if len(summary.modes) == 1:
        told = "the true share may lie anywhere in the interval; ask another mode to compare"
        return f"{asked}, {told}{unasked}."
    if summary.detectable is None:
        return f"{asked}, hardly any difference can be shown: ask more{unasked}."
    points = round(100 * summary.detectable)
    more = (
        ""
        if summary.incomplete == 0
        else f" {summary.incomplete} were not asked in every mode and are left out."
    )
    return f"{asked}, a difference of less than about {points} points cannot be shown{unasked}.{more}"


def not_run(why: str) -> str:
    """`not run: no model is connected`, of the sentences that say what the mode wants."""
    first = re.split(r"[:.;](?:\s|$)", wanting(why), maxsplit=1)[0].strip()
    return f"not run: {first[:1].lower()}{first[1:]}" if first else "not run"


def wanting(why: str) -> str:
    """What the mode wants, all of it, without saying that it cannot run."""
    return re.sub(r"^The [\w-]+ mode cannot run\. ", "", why)


def _rights(mode: ModeSummary) -> int:
    return mode.verdicts["right"] + mode.verdicts["rightly refused"]


def _others(summary: Summary) -> list[str]:
    return [NAMES[mode] for mode in summary.modes if mode != summary.best]


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def span(interval: Interval) -> str:
    """`62 %, 49 to 73 %`."""
    return f"{percent(interval.value)}, {100 * interval.low:.0f} to {percent(interval.high)}"


def money(dollars: float) -> str:
    return "no charge" if dollars == 0 else f"${dollars:,.2f}" if dollars >= 0.01 else f"${dollars:.2g}"


def against(summary: Summary, mode: Mode) -> Pair | None:
    """Its comparison with the best mode; None for the best itself."""
    return next(
        (
            pair
            for pair in summary.pairs
            if {pair.first, pair.second} == {mode, summary.best} and mode != summary.best
        ),
        None,
    )
