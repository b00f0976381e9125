"""What training would cost: tokens times epochs times a dated price, for one model or for all in the catalogue.

    cost = (tokens of the file, each row cut at the model's limit) x epochs x price
         + (tokens of the validation file) x evaluations x price, where the provider bills them

A price that is not known is said to be unknown; an estimated token count carries its error into the cost.
"""

from __future__ import annotations

import datetime
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chains.prices import MILLION, PriceList
from errors import DatasetError, DatasetFormatError
from finetune.catalogue import AutoEpochs, Catalogue, Figure, Method, Model
from finetune.examples import Kind, kind_of
from finetune.masks import Rendered, count_tokens, rendered
from finetune.rendering import Renderer, has_images
from finetune.strict_json import lines
from finetune.token_estimate import OTHER_VOCABULARY_ERROR
from finetune.validation.base_rules import life

ASSUMED_EPOCHS = 3
MOST_EPOCHS = 50  # OpenAI's bound; no provider's is known to be higher
HOURS_A_MONTH = 24 * 30
_METHOD: dict[Kind, Method] = {
    "chat": "supervised",
    "completion": "supervised",
    "preference": "preference",
    "reinforcement": "reinforcement",
}


@dataclass(slots=True, kw_only=True)
class Measured:
    """The tokens of one file, counted once; 12 bytes a row."""

    file: str
    counter: str  # the tokenizer's name
    error: float  # relative; 0 where counts are exact
    note: str | None
    tokens: array[int] = field(
        default_factory=lambda: array("I")
    )  # billed: a preference row's input counts twice
    longest: array[int] = field(default_factory=lambda: array("I"))  # of the texts that a row becomes
    needed: array[int] = field(default_factory=lambda: array("I"))  # up to the end of its last learnt answer
    learnt: int = 0
    with_images: int = 0  # rows whose images are not in the counts
    method: Method = "supervised"
    unread: int = 0  # lines that are no rows, or that the template refuses
    first_unread: str | None = None  # why, with the line

    @property
    def rows(self) -> int:
        return len(self.tokens)

    def cut(self, limit: int | None) -> tuple[int, int]:
        """(rows that are longer than the limit, those of them that lose a part of an answer)."""
        if limit is None:
            return 0, 0
        return sum(count > limit for count in self.longest), sum(count > limit for count in self.needed)

    def total(self, limit: int | None) -> int:
        """Tokens of the file with each row cut at the limit."""
        if limit is None:
            return sum(self.tokens)
        return sum(
            count if longest <= limit else min(count, limit * max(1, round(count / longest)))
            for count, longest in zip(self.tokens, self.longest, strict=True)
        )


def measure(path: Path, renderer: Renderer) -> Measured:
    """Counts every row of a file, streamed. Raises DatasetError where the file cannot be read or mixes methods."""
    measured = Measured(
        file=str(path),
        counter=renderer.tokenizer.name,
        error=renderer.tokenizer.error,
        note=renderer.tokenizer.note,
    )
    methods: set[Method] = set()
    for line in lines(path):
        kind = kind_of(line.value) if line.value is not None else None
        if line.value is None or kind is None:
            _not_read(measured, line.number, line.fault.message if line.fault else "it is of no known kind")
            continue
        try:
            _count(measured, rendered(line.value, renderer, kind), renderer)
        except DatasetFormatError as error:
            _not_read(measured, line.number, str(error))
            continue
        methods.add(_METHOD[kind])
        measured.with_images += has_images(line.value)
    if len(methods) > 1:
        raise DatasetError(
            f"{str(path)!r} mixes rows for {' and '.join(sorted(methods))} tuning: give each kind its own file."
        )
    if not measured.rows:
        raise DatasetFormatError(
            f"{str(path)!r} has no row that can be counted: {measured.first_unread or 'it is empty'}. "
            "`dataset validate` names every fault."
        )
    measured.method = methods.pop()
    return measured


def _not_read(measured: Measured, number: int, why: str) -> None:
    measured.unread += 1
    if measured.first_unread is None:
        measured.first_unread = f"line {number}: {why.rstrip('.')}"


def _count(measured: Measured, texts: Sequence[Rendered], renderer: Renderer) -> None:
    counted = [count_tokens(text, renderer) for text in texts]
    counts = [tokens + renderer.primer for tokens, _ in counted]
    measured.tokens.append(sum(counts))
    measured.longest.append(max(counts))
    measured.needed.append(
        max(_needed(text, count, renderer) for text, count in zip(texts, counts, strict=True))
    )
    measured.learnt += sum(learnt for _, learnt in counted)


def _needed(text: Rendered, count: int, renderer: Renderer) -> int:
    if not text.trained:
        return 0
    end = text.trained[-1].end
    return count if end == len(text.text) else renderer.tokenizer.count(text.text[:end])


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What one training of one model would cost. Dollars are None where no price is known."""

    model: Model
    method: Method
    rows: int
    epochs: int
    epochs_because: str
    tokens_an_epoch: int
    validation_tokens: int  # billed, all evaluations together
    cut_rows: int
    cut_answers: int
    error: float  # of the token count, relative
    price: Figure[float] | None  # US dollars per million trained tokens
    use: str | None  # what asking the tuned model costs, with its date
    hints: tuple[str, ...]  # each one sentence
    blocked: str | None  # why it cannot be trained at all

    @property
    def billed_tokens(self) -> int:
        return self.tokens_an_epoch * self.epochs + self.validation_tokens

    @property
    def usd(self) -> float | None:
        return None if self.price is None else self.billed_tokens * self.price.value / MILLION

    @property
    def range_usd(self) -> tuple[float, float] | None:
        return None if self.usd is None else (self.usd * (1 - self.error), self.usd * (1 + self.error))

    def as_dict(self) -> dict[str, Any]:
        hosting = self.model.hosting_usd_per_hour
        return {
            "model": self.model.id,
            "method": self.method,
            "rows": self.rows,
            "epochs": self.epochs,
            "epochs_because": self.epochs_because,
            "tokens_an_epoch": self.tokens_an_epoch,
            "validation_tokens": self.validation_tokens,
            "billed_tokens": self.billed_tokens,
            "token_error": self.error,
            "cut_rows": self.cut_rows,
            "cut_answers": self.cut_answers,
            "price_usd_per_million": self.price.as_dict() if self.price else None,
            "usd": _cents(self.usd),
            "range_usd": [_cents(bound) for bound in self.range_usd] if self.range_usd else None,
            "hosting_usd_per_hour": hosting.as_dict() if hosting else None,
            "use": self.use,
            "shutdown": self.model.shutdown.as_dict() if self.model.shutdown else None,
            "hints": list(self.hints),
            "blocked": self.blocked,
        }


def _cents(dollars: float | None) -> float | None:
    return None if dollars is None else round(dollars, 4)


def estimate(
    measured: Measured,
    model: Model,
    *,
    today: datetime.date,
    epochs: int | None = None,
    validation: Measured | None = None,
    prices: PriceList | None = None,
    limit: int | None = None,
) -> Estimate:
    """`epochs` None: the provider's automatic rule. `limit` None: the model's own. Raises DatasetError."""
    if epochs is not None and not 1 <= epochs <= MOST_EPOCHS:
        raise DatasetError(f"{epochs} epochs are not possible: name 1 to {MOST_EPOCHS}, or auto.")
    most = limit or (model.example_tokens.value if model.example_tokens else None)
    number, because = _epochs(model.auto_epochs, measured.rows, epochs)
    cut_rows, cut_answers = measured.cut(most)
    billed = validation is not None and model.validation_billed is not None and model.validation_billed.value
    said = list(life(model, today))
    return Estimate(
        model=model,
        method=measured.method,
        rows=measured.rows,
        epochs=number,
        epochs_because=because,
        tokens_an_epoch=measured.total(most),
        validation_tokens=validation.total(most) * number if validation is not None and billed else 0,
        cut_rows=cut_rows,
        cut_answers=cut_answers,
        error=_error(measured, model),
        price=model.price(measured.method),
        use=_use(model, prices),
        hints=(
            *(sentence for severity, sentence in said if severity != "error"),
            *_hints(model, measured, validation, cut_rows, cut_answers, most),
        ),
        blocked=_blocked(model, measured, [sentence for severity, sentence in said if severity == "error"]),
    )


def _epochs(rule: AutoEpochs | None, rows: int, asked: int | None) -> tuple[int, str]:
    if asked is not None:
        return asked, "as asked"
    if rule is not None:
        return rule.epochs(rows), f"the automatic rule ({rule.source})"
    return (
        ASSUMED_EPOCHS,
        "assumed: the provider publishes no automatic rule; name another number with --epochs",
    )


def _error(measured: Measured, model: Model) -> float:
    """Counted with another vocabulary than the model's, a count is a rough guess, exact as it may be for its own."""
    if measured.counter in (model.vocabulary, model.name):
        return measured.error
    if measured.counter == "estimate" and model.vocabulary == "o200k_base":
        return measured.error
    return max(measured.error, OTHER_VOCABULARY_ERROR)


def _blocked(model: Model, measured: Measured, ended: list[str]) -> str | None:
    if ended:
        return ended[0]
    if model.methods is not None and measured.method not in model.methods:
        return f"{model.id} takes no rows for {measured.method} tuning, only for {', '.join(model.methods)}."
    if model.minimum_rows and measured.rows < model.minimum_rows.value:
        return (
            f"{model.profile} wants at least {model.minimum_rows.value} rows ({model.minimum_rows.source}); "
            f"there are {measured.rows}."
        )
    return None


def _hints(
    model: Model,
    measured: Measured,
    validation: Measured | None,
    cut: int,
    cut_answers: int,
    limit: int | None,
) -> list[str]:
    hints = []
    if cut:
        hints.append(
            f"Rows longer than {limit:,} tokens, which would be cut: {cut:,}"
            + (f", {cut_answers:,} of them within an answer: shorten them first." if cut_answers else ".")
        )
    if measured.with_images:
        hints.append(f"Rows with images: {measured.with_images:,}; what images cost is not counted.")
    if validation is not None and model.validation_billed is None:
        hints.append("Whether validation tokens are billed is not known: they are not in the cost.")
    if (hosting := model.hosting_usd_per_hour) is not None:
        hints.append(
            f"A deployed tuned model costs ${hosting.value:.2f} an hour even while nobody asks it, about "
            f"${hosting.value * HOURS_A_MONTH:,.0f} a month ({hosting.source})."
        )
    if measured.method == "preference":
        hints.append(
            "A preference row is counted with its input twice, once with each output; how providers count is not "
            "published."
        )
    if model.note is not None:
        hints.append(f"{model.note.value} ({model.note.source})")
    return hints


def _use(model: Model, prices: PriceList | None) -> str | None:
    """The tuned model's price of asking, which chains/prices.toml knows by its base."""
    price = prices.of(f"{model.profile}:ft:{model.name}:organisation::id") if prices else None
    return price.shown() if price else None


def compare(
    measured: Measured,
    catalogue: Catalogue,
    *,
    today: datetime.date,
    epochs: int | None = None,
    validation: Measured | None = None,
    prices: PriceList | None = None,
) -> list[Estimate]:
    """Every listed model that takes such rows, cheapest first; those without a known price, then the blocked, last."""
    made = [
        estimate(measured, model, today=today, epochs=epochs, validation=validation, prices=prices)
        for model in catalogue.tunable(measured.method, today)
    ]
    return sorted(
        made, key=lambda one: (one.blocked is not None, one.usd is None, one.usd or 0.0, one.model.id)
    )
