"""Advice and measurement together: as soon as an evaluation exists, its result outweighs the questionnaire, visibly.

    decision = weigh(advise(levels), Evidence(run="run-1a2b", named="50 questions", summary=summary))
    decision.pick, decision.standing, decision.sentences

What is shown decides. Where no difference is shown the questionnaire chooses among those that may be as good, if its
points are clear enough; else the cheaper, else the simpler. A requirement (sources must be shown, rights must be kept)
stands against any measured quality; a forecast of quality does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from chains.answer import MODES, Mode
from evaluation.advice.advisor import LEAN, Advice, Strength
from evaluation.advice.factors import Framework, framework
from evaluation.reports.verdict import NAMES, span

if TYPE_CHECKING:
    from evaluation.summary import ModeSummary, Pair, Summary

__all__ = ["Basis", "Decision", "Evidence", "Standing", "ratios", "weigh"]

Standing = Literal[
    "not measured",  # no run, or none that compares modes
    "measurement alone",  # no question is answered
    "agreement",  # measured best, and shown
    "contradiction",  # shown to be worse than another
    "no difference shown",  # among the best, and so many questions cannot tell them apart
    "too few questions",
    "advised mode not measured",
]
Basis = Literal["questionnaire", "measurement", "questionnaire among the tied", "cost", "simplicity"]
MOSTLY_PRIVATE = 3  # level of "private" from which on most of what is asked for is known to no public model
CHEAPER = 0.8  # a mode at less than this share of another's price is the cheaper one
FEWEST = 20  # questions that outweigh answers: fewer may show a difference, and not stand for all that will be asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One evaluation run."""

    run: str
    named: str  # the question set and the day, for people
    summary: Summary
    complete: bool = True
    since: tuple[
        str, ...
    ] = ()  # what keeps it from being clear today, in sentences: documents or models that changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    advice: Advice
    evidence: Evidence | None
    pick: Mode
    strength: Strength
    standing: Standing
    basis: Basis
    tied: tuple[Mode, ...]  # modes that may be as good as the pick; empty without evidence
    barred: Mapping[Mode, tuple[str, ...]]  # measured, and out by a requirement
    sentences: tuple[str, ...]  # the measurement and what it does to the advice

    def as_dict(self) -> dict[str, Any]:
        return {
            "pick": self.pick,
            "strength": self.strength,
            "standing": self.standing,
            "basis": self.basis,
            "tied": list(self.tied),
            "barred": {mode: list(reasons) for mode, reasons in self.barred.items()},
            "sentences": list(self.sentences),
            "run": self.evidence.run if self.evidence else None,
            "questionnaire": self.advice.as_dict(),
        }


def weigh(advice: Advice, evidence: Evidence | None, *, by: Framework | None = None) -> Decision:
    """The pick after the evidence; without a run that compares modes it is the questionnaire's."""
    required = _required(advice, by or framework())
    if evidence is None or evidence.summary.best is None:
        return _questionnaire(advice, None, ())
    measured = {mode: one for mode, one in evidence.summary.modes.items() if mode not in required}
    barred = {mode: required[mode] for mode in evidence.summary.modes if mode in required}
    if len(evidence.summary.modes) < 2 or not measured:
        return _questionnaire(advice, evidence, tuple(_why_not(evidence, barred)), barred=barred)
    if advice.levels and evidence.summary.questions < FEWEST:
        return _questionnaire(
            advice, evidence, (_too_few(evidence),), barred=barred, standing="too few questions"
        )
    found = _Measured(evidence.summary, measured, frozenset(advice.out))
    if advice.levels and advice.pick not in evidence.summary.modes and not found.beaten:
        return _not_asked(advice, evidence, found, barred)
    return _decided(advice, evidence, found, barred)


def ratios(summary: Summary, first: Mode, second: Mode) -> tuple[float, float, float] | None:
    """(lowest, measured, highest) right answers of the first for each of the second, by the paired interval.

    None where one of them was not measured, or answers nothing right.
    """
    pair = _pair(summary, first, second)
    if pair is None or not summary.modes[second].right.value or not summary.modes[first].right.value:
        return None
    of, found = summary.modes[second].right.value, pair.comparison.difference
    low, value, high = found.low, found.value, found.high
    if pair.first != first:
        low, value, high = -high, -value, -low
    least = 0.01  # of the second's; nothing at all right cannot be reckoned with
    return max(1 + low / of, least), max(1 + value / of, least), max(1 + high / of, least)


class _Measured:
    """The modes that may be chosen: the best of them, those shown to be worse, and those that may be as good."""

    def __init__(self, summary: Summary, modes: Mapping[Mode, ModeSummary], doubted: frozenset[Mode]) -> None:
        """`doubted`: forecast to do badly; of modes that may be as good they come last."""
        self.summary, self.modes = summary, modes
        self.best: Mode = min(modes, key=lambda mode: (-modes[mode].right.value, MODES.index(mode)))
        others = [mode for mode in modes if mode != self.best]
        self.beaten = [mode for mode in others if _shown(summary, self.best, mode)]
        self.level = tuple(mode for mode in modes if mode not in self.beaten)
        self.open_to = tuple(mode for mode in self.level if mode not in doubted) or self.level

    @property
    def cheapest(self) -> Mode | None:
        """Of those that may be as good; None where a price is lacking or hardly differs."""
        prices = {mode: self.modes[mode].cost_per_1000 for mode in self.open_to}
        known = sorted(
            (price, MODES.index(mode), mode) for mode, price in prices.items() if price is not None
        )
        if len(known) < len(prices) or len(known) < 2 or known[0][0] >= CHEAPER * known[1][0]:
            return None
        return known[0][2]


def _required(advice: Advice, by: Framework) -> dict[Mode, tuple[str, ...]]:
    """What is out whatever is measured."""
    holding = [gate for gate in by.gates if not gate.forecast and gate.holds(advice.levels)]
    found = {mode: tuple(gate.reason for gate in holding if mode in gate.out) for mode in MODES}
    return {mode: reasons for mode, reasons in found.items() if reasons}


def _questionnaire(
    advice: Advice,
    evidence: Evidence | None,
    sentences: tuple[str, ...],
    *,
    barred: Mapping[Mode, tuple[str, ...]] | None = None,
    standing: Standing = "not measured",
) -> Decision:
    return Decision(
        advice=advice,
        evidence=evidence,
        pick=advice.pick,
        strength=advice.strength,
        standing=standing,
        basis="questionnaire",
        tied=(),
        barred=barred or {},
        sentences=(*(sentences or (NOT_MEASURED,)), *_reads_nothing(advice), *_open(advice)),
    )


NOT_MEASURED = (
    "Nothing is measured yet: this is judgement from answers. Ask your own questions in every mode to know: "
    "python -m app evaluate answers --questions FILE"
)


def _why_not(evidence: Evidence, barred: Mapping[Mode, tuple[str, ...]]) -> Iterator[str]:
    if len(evidence.summary.modes) < 2:
        only = NAMES[next(iter(evidence.summary.modes))]
        yield f"{evidence.run} asked {only} alone: it compares nothing, so the questionnaire decides."
        return
    yield f"{evidence.run} measured {_list(list(barred))} alone, which a requirement rules out."


def _too_few(evidence: Evidence) -> str:
    asked = evidence.summary.questions
    right = "; ".join(f"{NAMES[mode]} {span(one.right)}" for mode, one in evidence.summary.modes.items())
    return (
        f"{evidence.named} asked {asked} {'question' if asked == 1 else 'questions'} ({right} right): too few to "
        f"outweigh the answers. From {FEWEST} on a measurement counts."
    )


def _open(advice: Advice) -> Iterator[str]:
    """How much hangs on what is not answered."""
    if not advice.levels or advice.ask_first is None:
        return
    known, left = len(advice.levels), len(advice.unknown)
    first = framework().factor(advice.ask_first).question
    why = f": it may rule {NAMES[advice.pick]} out" if advice.ask_first in advice.may_rule_out else ""
    yield (
        f"{left} of {known + left} questions are open. Of all ways to answer them {round(100 * advice.kept)} % keep "
        f"this advice. Answer first: “{first}”{why}."
    )


def _reads_nothing(advice: Advice) -> Iterator[str]:
    """Advising base for private knowledge means all of it in every prompt, which Base mode here does not do."""
    if advice.pick != "base" or advice.levels.get("private", 0) < MOSTLY_PRIVATE:
        return
    then = f"; in this program choose {NAMES[advice.runner_up]}" if advice.runner_up else ""
    yield (
        "Base is meant with all that is private pasted into every prompt, by a program of your own: Base mode here "
        f"reads none of your documents and cannot know it{then}."
    )


def _not_asked(
    advice: Advice, evidence: Evidence, found: _Measured, barred: Mapping[Mode, tuple[str, ...]]
) -> Decision:
    """The advised mode was not measured, and between the measured ones no difference is shown."""
    level = _list(list(found.level))
    shown = f" Between {level} no difference is shown." if len(found.level) > 1 else ""
    why = evidence.summary.not_run.get(advice.pick)
    told = (
        f"{_measured(evidence, found)}{shown} {NAMES[advice.pick]}, which the questionnaire advises, was not asked"
        f"{f' ({why.rstrip(chr(46))})' if why else ''}: measure it before you decide."
    )
    return Decision(
        advice=advice,
        evidence=evidence,
        pick=advice.pick,
        strength="toss-up" if advice.strength == "toss-up" else "lean",
        standing="advised mode not measured",
        basis="questionnaire",
        tied=(),
        barred=barred,
        sentences=(told, *_limits(evidence, barred)),
    )


def _decided(
    advice: Advice, evidence: Evidence, found: _Measured, barred: Mapping[Mode, tuple[str, ...]]
) -> Decision:
    pick, basis, ahead = _choice(advice, found)
    standing = _standing(advice, evidence.summary, found)
    return Decision(
        advice=advice,
        evidence=evidence,
        pick=pick,
        strength=_strength(found, standing, ahead, as_it_was=not evidence.since),
        standing=standing,
        basis=basis,
        tied=tuple(mode for mode in found.level if mode != pick),
        barred=barred,
        sentences=(
            _measured(evidence, found),
            _told(advice, found, standing),
            *_by(pick, basis, answered=bool(advice.levels)),
            *_limits(evidence, barred),
        ),
    )


def _choice(advice: Advice, found: _Measured) -> tuple[Mode, Basis, float]:
    """The pick, by what, and by how many points the questionnaire prefers it among those that may be as good."""
    if len(found.level) == 1:
        return found.best, "measurement", 0.0
    order = sorted(found.open_to, key=lambda mode: (-round(advice.points[mode], 9), MODES.index(mode)))
    ahead = advice.points[order[0]] - advice.points[order[1]] if len(order) > 1 else LEAN
    if advice.levels and ahead >= LEAN:
        return order[0], "questionnaire among the tied", ahead
    if found.cheapest is not None:
        return found.cheapest, "cost", 0.0
    return min(found.open_to, key=MODES.index), "simplicity", 0.0


def _standing(advice: Advice, summary: Summary, found: _Measured) -> Standing:
    if not advice.levels:
        return "measurement alone"
    if advice.pick not in summary.modes:
        return "advised mode not measured"
    if advice.pick not in found.level:
        return "contradiction"
    return "agreement" if len(found.level) == 1 else "no difference shown"


def _strength(found: _Measured, standing: Standing, ahead: float, *, as_it_was: bool) -> Strength:
    if len(found.level) == 1 and found.beaten:
        return "clear" if as_it_was and standing != "advised mode not measured" else "lean"
    return "lean" if found.beaten or ahead >= LEAN else "toss-up"


def _measured(evidence: Evidence, found: _Measured) -> str:
    best = found.modes[found.best]
    asked = evidence.summary.questions
    others = "; ".join(
        f"{NAMES[mode]} {span(one.right)}" for mode, one in found.modes.items() if mode != found.best
    )
    against = f" ({others})" if others else ""
    return f"Measured in {evidence.named} on {asked} questions: {NAMES[found.best]} {span(best.right)} right{against}."


def _told(advice: Advice, found: _Measured, standing: Standing) -> str:
    advised, best = NAMES[advice.pick], NAMES[found.best]
    if standing == "agreement":
        if not found.beaten:
            return "It is what the questionnaire advises; a requirement rules the other measured modes out."
        beaten = _list(found.beaten)
        return f"The measurement agrees with the questionnaire: {best} is shown to be better than {beaten}."
    if standing == "contradiction":
        pair = _pair(found.summary, found.best, advice.pick)
        p = f" (p {pair.p_holm:.2g}, all pairs looked at)" if pair else ""
        return (
            f"The questionnaire advised {advised} ({advice.strength}). The measurement contradicts it: {best} is shown "
            f"to be better{p}. The measurement counts."
        )
    if standing == "advised mode not measured":
        return (
            f"The questionnaire advised {advised} ({advice.strength}), which was not asked: of those that were, the "
            f"measured result counts. Measure {advised} too before you build on it."
        )
    if standing == "measurement alone":
        level = _list(list(found.level))
        shown = f"; between {level} no difference is shown" if len(found.level) > 1 else ""
        few = (
            ""
            if found.summary.questions >= FEWEST
            else f" It is small: from {FEWEST} questions on it counts."
        )
        return f"No question of the questionnaire is answered: only the measurement speaks{shown}.{few}"
    level = _list(list(found.level))
    return f"Between {level} no difference is shown, so the measurement does not speak against {advised}."


def _by(pick: Mode, basis: Basis, *, answered: bool) -> Iterator[str]:
    hardly = "The questionnaire hardly prefers one of them; " if answered else "Among these "
    if basis == "questionnaire among the tied":
        yield f"Among these the questionnaire prefers {NAMES[pick]}, and that decides."
    elif basis == "cost":
        yield f"{hardly}{NAMES[pick]} is the cheaper, and that decides."
    elif basis == "simplicity":
        yield f"{hardly}{NAMES[pick]} is the simplest, and that decides."


def _limits(evidence: Evidence, barred: Mapping[Mode, tuple[str, ...]]) -> Iterator[str]:
    for mode, reasons in barred.items():
        right = span(evidence.summary.modes[mode].right)
        yield f"{NAMES[mode]} answered {right} right and stays out all the same: {reasons[0]}"
    least = evidence.summary.detectable
    if least is not None:
        yield f"So many questions cannot show a difference of less than about {round(100 * least)} points."
    if evidence.summary.documents_given:
        few = evidence.summary.groups
        yield f"The questions are about {few} documents: what is shown is shown for these, not for others."
    yield from evidence.since
    if not evidence.complete:
        yield "The run is not finished: go on with it before you rely on it."


def _pair(summary: Summary, first: Mode, second: Mode) -> Pair | None:
    return next((pair for pair in summary.pairs if {pair.first, pair.second} == {first, second}), None)


def _shown(summary: Summary, first: Mode, second: Mode) -> bool:
    pair = _pair(summary, first, second)
    return pair is not None and pair.shown


def _list(modes: list[Mode]) -> str:
    names = [NAMES[mode] for mode in modes]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
