"""What each mode costs to run: US dollars a question and a month, in parts, each with where its figure comes from.

    costs = mode_costs(Workload(questions=20_000), rates)
    costs["rag"].running, costs["finetuned"].parts

    base        instructions, question and answer, at the model's price
    RAG         + k passages to read; a month: the changed documents embedded again
    fine-tuned  few instructions, at the tuned model's price; a month: hosting, and each training anew
    hybrid      both

What is not known is None and stays unknown: no price is guessed. Assumptions are Workload's fields, and a part says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any, Literal

from chains.answer import MODES, Mode
from chains.prices import MILLION, Price
from errors import SettingsError
from evaluation.advice.break_even import Running

__all__ = ["ModeCost", "Part", "Rates", "Workload", "mode_costs", "workload_with"]

HOURS_A_MONTH = 24 * 30
QUESTIONS_A_MONTH = (500, 5_000, 50_000, 500_000, 5_000_000)  # by the levels of the factor "users"
TRAININGS_A_MONTH = (
    1 / 12,
    1 / 6,
    1 / 3,
    1.0,
    4.0,
)  # by the levels of "volatility": what is learnt goes stale
READS: frozenset[Mode] = frozenset({"rag", "hybrid"})
TUNED: frozenset[Mode] = frozenset({"finetuned", "hybrid"})
ASSUMED = "assumed"
MOST = 1e12  # of any figure: what is more is a slip of the hand, and sums of it no numbers
Each = Literal["question", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is asked and kept up; every default is an assumption to be replaced. Money in US dollars."""

    questions: float = 5_000  # a month
    question_tokens: float = 40
    answer_tokens: float = 120
    instruction_tokens: float = 600  # that tell a model how to answer, with examples
    tuned_instruction_tokens: float = 40  # that a model taught by examples still wants
    passages: float = 5
    passage_tokens: float = 220
    cache_discount: float = (
        0.0  # of the instructions' price, where the provider keeps a prompt's beginning; 0..1
    )
    seconds: float = 0.3  # of this machine for an answer, where the model runs on it
    machine_usd_per_hour: float = 0.10  # of this machine, energy with it
    knowledge_tokens: float = 200_000  # of all documents
    changed_share: float = 0.02  # of them, a month
    embedding_usd: float = 0.0  # a million tokens; 0: embedded on this machine
    trainings: float = 1 / 6  # a month
    training_rows: float = 500
    row_tokens: float = 200
    epochs: float = 3
    training_hours: float = 0.2  # of this machine for one training, where the model is trained on it
    labour_hours: float = 4.0  # to bring the examples up to date and evaluate again, each training
    labour_usd_per_hour: float = 60.0
    saving: float = 5.0  # by a right answer
    cost_wrong: float = 10.0  # of a wrong one

    def as_dict(self) -> dict[str, float]:
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Dated prices (chains/prices.toml, finetune/catalogue.toml). None: not known."""

    model: str
    asked: Price | None
    tuned_model: str
    tuned: Price | None
    on_machine: bool  # the model runs here: its time is paid, not its tokens
    tuned_on_machine: bool
    training_usd: float | None  # a million trained tokens
    training_source: str = ""
    hosting_usd_per_hour: float | None = None  # None: nothing is known to be billed
    hosting_source: str = ""
    notes: tuple[str, ...] = ()  # whether the model to tune can still be tuned, and how long it lives, dated


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    name: str
    usd: float | None  # None: not known
    each: Each
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeCost:
    mode: Mode
    parts: tuple[Part, ...]

    @property
    def unknown(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.usd is None)

    @property
    def running(self) -> Running | None:
        """None where a part of it is not known."""
        if self.unknown:
            return None
        return Running(per_question=self._sum("question"), per_month=self._sum("month"))

    def _sum(self, each: Each) -> float:
        return sum(part.usd for part in self.parts if part.each == each and part.usd is not None)

    def as_dict(self) -> dict[str, Any]:
        running = self.running
        return {
            "mode": self.mode,
            "per_question": running.per_question if running else None,
            "per_month": running.per_month if running else None,
            "parts": [
                {"name": part.name, "usd": part.usd, "each": part.each, "source": part.source}
                for part in self.parts
            ],
        }


def workload_with(given: Mapping[str, object], begin: Workload | None = None) -> Workload:
    """`begin` with the named fields changed. Raises SettingsError naming the fault."""
    known = [item.name for item in fields(Workload)]
    changed: dict[str, float] = {}
    for name, value in given.items():
        if name not in known:
            close = get_close_matches(name.lower(), known, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            raise SettingsError(f"There is no cost figure {name!r}: they are {', '.join(known)}.{meant}")
        changed[name] = _figure(name, value)
    return replace(begin or Workload(), **changed)


def _figure(name: str, value: object) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1
    except ValueError:
        number = -1
    highest = 1.0 if name in ("cache_discount", "changed_share") else MOST
    if not 0 <= number <= highest:
        raise SettingsError(f"{name} cannot be {value!r}: give a number from 0 to {highest:,.0f}.")
    return number


def mode_costs(
    load: Workload, rates: Rates, *, measured: Mapping[Mode, float] | None = None
) -> dict[Mode, ModeCost]:
    """`measured`: US dollars a question as an evaluation paid them; they stand in for what is reckoned here."""
    paid = measured or {}
    return {
        mode: ModeCost(
            mode=mode,
            parts=(
                *(_measured(paid[mode]) if mode in paid else _question_parts(mode, load, rates)),
                *_month_parts(mode, load, rates),
            ),
        )
        for mode in MODES
    }


def _measured(usd: float) -> Iterator[Part]:
    yield Part(name="asking, as measured", usd=usd, each="question", source="the evaluation run")


def _question_parts(mode: Mode, load: Workload, rates: Rates) -> Iterator[Part]:
    tuned = mode in TUNED
    if rates.tuned_on_machine if tuned else rates.on_machine:
        usd = load.seconds * load.machine_usd_per_hour / 3600
        told = f"{ASSUMED}: {load.seconds:g} s of a machine at ${load.machine_usd_per_hour:g} an hour"
        yield Part(name="time of this machine", usd=usd, each="question", source=told)
        return
    price, model = (rates.tuned, rates.tuned_model) if tuned else (rates.asked, rates.model)
    source = price.shown() if price else f"no price of {model} is known: add it to prices.toml"
    instructions = load.tuned_instruction_tokens if tuned else load.instruction_tokens
    prompt = instructions * (1 - load.cache_discount) + load.question_tokens
    yield Part(
        name="instructions and question", usd=_tokens(price, prompt, 0), each="question", source=source
    )
    if mode in READS:
        read = load.passages * load.passage_tokens
        yield Part(name="passages read", usd=_tokens(price, read, 0), each="question", source=source)
    yield Part(name="answer", usd=_tokens(price, 0, load.answer_tokens), each="question", source=source)


def _tokens(price: Price | None, given: float, written: float) -> float | None:
    return None if price is None else (given * price.input_usd + written * price.output_usd) / MILLION


def _month_parts(mode: Mode, load: Workload, rates: Rates) -> Iterator[Part]:
    if mode in READS:
        usd = load.knowledge_tokens * load.changed_share * load.embedding_usd / MILLION
        told = f"{ASSUMED}: {load.changed_share:.0%} of {load.knowledge_tokens:,.0f} tokens change"
        yield Part(name="embedding what changed", usd=usd, each="month", source=told)
    if mode in TUNED:
        yield from _tuning_parts(load, rates)


def _tuning_parts(load: Workload, rates: Rates) -> Iterator[Part]:
    often = f"{ASSUMED}: {load.trainings:.2g} trainings a month"
    yield Part(
        name="training", usd=_training(load, rates), each="month", source=_training_source(load, rates)
    )
    labour = load.trainings * load.labour_hours * load.labour_usd_per_hour
    told = f"{often}, {load.labour_hours:g} hours each at ${load.labour_usd_per_hour:g}"
    yield Part(name="examples and evaluation", usd=labour, each="month", source=told)
    if rates.hosting_usd_per_hour is not None:
        usd = rates.hosting_usd_per_hour * HOURS_A_MONTH
        yield Part(name="hosting", usd=usd, each="month", source=rates.hosting_source)


def _training(load: Workload, rates: Rates) -> float | None:
    if rates.tuned_on_machine:
        return load.trainings * load.training_hours * load.machine_usd_per_hour
    if rates.training_usd is None:
        return None
    return load.trainings * load.training_rows * load.row_tokens * load.epochs * rates.training_usd / MILLION


def _training_source(load: Workload, rates: Rates) -> str:
    often = f"{load.trainings:.2g} trainings a month"
    if rates.tuned_on_machine:
        return f"{ASSUMED}: {often}, {load.training_hours:g} hours each of this machine"
    if rates.training_usd is None:
        return f"no price of training {rates.tuned_model} is known: add it to catalogue.toml"
    return f"{often} at ${rates.training_usd:g} a million tokens ({rates.training_source})"
