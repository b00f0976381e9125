"""What a LoRA training is asked to do, read from a job's hyperparameters and options, and what follows for its rows.

    asked = read_recipe("supervised", {"n_epochs": 3}, {"lora": {"rank": 8}})
    plan = asked.plan(rows=120, longest=96, kind="causal", seed=7)

Pure: no torch, so that a request can be refused where it is made. finetune.trainers.dpo and .sweep read theirs here
too: `replace(asked, learning_rate=...)` makes a trial's recipe of one that was read.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

from errors import TuningRequestError
from finetune.jobs.record import Method
from finetune.trainers.option_names import check_names

Kind = Literal["causal", "seq2seq"]
Quantization = Literal["nf4", "nf4-double"]
TooLong = Literal["refuse", "drop"]

# Rates that learning_rate_multiplier multiplies. Causal: QLoRA's for models up to 13B (arXiv 2305.14314, table 9).
# T5: PEFT's own seq2seq example. DPO: a tenth of the first; with ten times it, models that gain reward lose speech.
BASE_RATES: Mapping[tuple[Method, Kind], float] = {
    ("supervised", "causal"): 2e-4,
    ("supervised", "seq2seq"): 1e-3,
    ("dpo", "causal"): 2e-5,
}
# Epochs where "auto" is asked for, as in OpenAI's cookbook ("Data preparation and analysis for chat model
# fine-tuning"): three, more for few rows, fewer for many.
TARGET_EPOCHS, MOST_EPOCHS = 3, 25
FEWEST_SEEN, MOST_SEEN = 100, 25_000  # rows, over all epochs
AUTO_BATCH = 8
MICRO_TOKENS = 8_192  # of one micro batch with its padding, where micro_batch is not given
PATIENCE = 3
AUTO_BETA = 0.1  # DPO, arXiv 2305.18290

_HYPERPARAMETERS = ("n_epochs", "batch_size", "learning_rate_multiplier")
OPTIONS = (
    "lora",
    "quantization",
    "learning_rate",
    "max_length",
    "micro_batch",
    "warmup_share",
    "early_stopping",
    "eval_every",
    "too_long",
    "template",
    "gradient_checkpointing",
    "accelerate",
    "sweep",
    "merge",
    "train_sha256",
    "accepted",
)
_LORA = ("rank", "alpha", "dropout", "targets")
_T = TypeVar("_T", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """Low-rank pairs: W + (alpha / rank) B A, dropout on what A reads (arXiv 2106.09685)."""

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.05
    targets: str | tuple[str, ...] = "all-linear"  # or names of layers: ("q_proj", "v_proj")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraRecipe:
    """None: follows from the rows, the base or the machine."""

    method: Method = "supervised"
    epochs: int | None = None
    batch_size: int | None = None  # rows of one step, whatever fits into memory at once
    learning_rate: float | None = None  # absolute; None: multiplier x BASE_RATES
    multiplier: float = 1.0
    adapter: Adapter = field(default_factory=Adapter)
    quantization: Quantization | None = None
    max_length: int | None = None  # tokens
    micro_batch: int | None = None  # rows in memory at once
    warmup_share: float = 0.05  # of all steps
    patience: int | None = PATIENCE  # evaluations without a better validation loss; None: no early stopping
    eval_every: int | None = None  # steps; None: every epoch
    too_long: TooLong = "refuse"
    template: Literal["plain"] | None = None  # for bases that have none
    gradient_checkpointing: bool | None = None
    accelerate: Literal["multi_gpu"] | None = None  # a configuration in the folder accelerate
    beta: float = AUTO_BETA  # of DPO

    def rate(self, kind: Kind) -> float:
        """Raises TuningRequestError where this kind of model has no such method."""
        if (self.method, kind) not in BASE_RATES:
            raise TuningRequestError(
                f"Models of the kind {kind!r} cannot be trained by {self.method!r} here: use supervised rows.",
                param="method",
            )
        return self.learning_rate or self.multiplier * BASE_RATES[self.method, kind]

    def plan(self, *, rows: int, longest: int, kind: Kind, seed: int) -> Plan:
        """`rows`: training examples; `longest`: tokens of the longest one."""
        batch = min(self.batch_size or auto_batch_size(rows), rows)
        return Plan(
            rows=rows,
            epochs=self.epochs or auto_epochs(rows),
            batch_size=batch,
            micro_batch=min(self.micro_batch or _micro(batch, longest), batch),
            learning_rate=self.rate(kind),
            warmup_share=self.warmup_share,
            patience=self.patience,
            eval_every=self.eval_every,
            seed=seed,
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every step of a training, settled: which rows, at which rate. Steps are numbered from 1."""

    rows: int
    epochs: int
    batch_size: int
    micro_batch: int
    learning_rate: float
    warmup_share: float
    patience: int | None
    eval_every: int | None
    seed: int

    @property
    def steps_an_epoch(self) -> int:
        return math.ceil(self.rows / self.batch_size)

    @property
    def total_steps(self) -> int:
        return self.steps_an_epoch * self.epochs

    def epoch_at(self, step: int) -> float:
        """Epochs that are done after this step."""
        return step / self.steps_an_epoch

    def rate_at(self, step: int) -> float:
        """Linear warmup, then a cosine down to nothing after the last step."""
        warmup = math.ceil(self.warmup_share * self.total_steps)
        if step <= warmup:
            return self.learning_rate * step / (warmup + 1)
        done = (step - warmup - 1) / max(1, self.total_steps - warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def batch(self, step: int) -> list[int]:
        """Numbers of this step's rows: each epoch in its own order, which follows from seed and epoch alone."""
        epoch, at = divmod(step - 1, self.steps_an_epoch)
        order = list(range(self.rows))
        random.Random(f"{self.seed}:{epoch}").shuffle(order)  # noqa: S311 - a seeded order, no secret
        return order[at * self.batch_size : (at + 1) * self.batch_size]

    def evaluates_at(self, step: int) -> bool:
        every = self.eval_every or self.steps_an_epoch
        return step % every == 0 or step == self.total_steps

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"total_steps": self.total_steps}


def read_recipe(method: Method, hyperparameters: Mapping[str, Any], options: Mapping[str, Any]) -> LoraRecipe:
    """Raises TuningRequestError that names the field."""
    if method not in ("supervised", "dpo"):
        raise TuningRequestError(
            f"Open models are trained by supervised rows or preferences (dpo), not by {method!r}.",
            param="method",
        )
    check_names(
        hyperparameters, (*_HYPERPARAMETERS, *(("beta",) if method == "dpo" else ())), "hyperparameter", ""
    )
    check_names(options, OPTIONS, "option", "x_groundtune.")
    return LoraRecipe(
        method=method,
        epochs=_whole(hyperparameters, "n_epochs", 1, 50),
        batch_size=_whole(hyperparameters, "batch_size", 1, 256),
        multiplier=_number(hyperparameters, "learning_rate_multiplier", above=0, most=100) or 1.0,
        beta=_number(hyperparameters, "beta", above=0, most=2) or AUTO_BETA,
        learning_rate=_number(options, "learning_rate", above=0, most=1),
        adapter=_adapter(options.get("lora")),
        quantization=_choice(options, "quantization", ("nf4", "nf4-double")),
        max_length=_whole(options, "max_length", 8, 10_000_000),
        micro_batch=_whole(options, "micro_batch", 1, 256),
        warmup_share=_share(options, "warmup_share", 0.05),
        patience=_patience(options.get("early_stopping")),
        eval_every=None if options.get("eval_every") == "epoch" else _whole(options, "eval_every", 1, 10_000_000),
        too_long=_choice(options, "too_long", ("refuse", "drop")) or "refuse",
        template=_choice(options, "template", ("plain",)),
        gradient_checkpointing=_switch(options, "gradient_checkpointing"),
        accelerate=_choice(options, "accelerate", ("multi_gpu",)),
    )  # fmt: skip


def auto_epochs(rows: int) -> int:
    if rows * TARGET_EPOCHS < FEWEST_SEEN:
        return min(MOST_EPOCHS, FEWEST_SEEN // rows)
    if rows * TARGET_EPOCHS > MOST_SEEN:
        return max(1, MOST_SEEN // rows)
    return TARGET_EPOCHS


def auto_batch_size(rows: int) -> int:
    """Eight, fewer where an epoch would not have eight steps."""
    return max(1, min(AUTO_BATCH, rows // 8))


def _micro(batch: int, longest: int) -> int:
    return max(1, min(batch, MICRO_TOKENS // max(1, longest)))


def _adapter(value: object) -> Adapter:
    if value is None:
        return Adapter()
    if not isinstance(value, Mapping):
        raise _wrong("lora", 'an object such as {"rank": 16}', value)
    check_names(value, _LORA, "option", "x_groundtune.lora.")
    rank = _whole(value, "rank", 1, 1024) or 16
    return Adapter(
        rank=rank,
        alpha=_number(value, "alpha", above=0, most=8192) or 2.0 * rank,
        dropout=_share(value, "dropout", 0.05),
        targets=_targets(value.get("targets")),
    )


def _targets(value: object) -> str | tuple[str, ...]:
    if value is None or value == "all-linear":
        return "all-linear"
    if isinstance(value, Sequence) and not isinstance(value, str):
        names = tuple(name for name in value if isinstance(name, str) and name)
        if names and len(names) == len(value):
            return names
    raise _wrong("lora.targets", '"all-linear" or a list of layer names such as ["q_proj", "v_proj"]', value)


def _patience(value: object) -> int | None:
    if value is None or value is True:
        return PATIENCE
    if value is False:
        return None
    if isinstance(value, Mapping):
        check_names(value, ("patience",), "option", "x_groundtune.early_stopping.")
        return _whole(value, "patience", 1, 1000)
    raise _wrong("early_stopping", 'false or an object such as {"patience": 3}', value)


def _whole(given: Mapping[str, Any], name: str, least: int, most: int) -> int | None:
    value = given.get(name)
    if value in (None, "auto"):
        return None
    number = not isinstance(value, bool) and isinstance(value, int | float)
    if not number or not least <= value <= most or value != int(value):
        raise _wrong(name, f"a whole number from {least} to {most:,}", value)
    return int(value)


def _number(given: Mapping[str, Any], name: str, *, above: float, most: float) -> float | None:
    value = given.get(name)
    if value in (None, "auto"):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not above < value <= most:
        raise _wrong(name, f"a number above {above:g}, at most {most:g}", value)
    return float(value)


def _share(given: Mapping[str, Any], name: str, default: float) -> float:
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise _wrong(name, "a number from 0 to below 1", value)
    return float(value)


def _choice(given: Mapping[str, Any], name: str, choices: Sequence[_T]) -> _T | None:
    value = given.get(name)
    if value is None:
        return None
    for choice in choices:
        if value == choice:
            return choice
    raise _wrong(name, " or ".join(map(repr, choices)), value)


def _switch(given: Mapping[str, Any], name: str) -> bool | None:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise _wrong(name, "true or false", value)
    return value


def _wrong(name: str, wanted: str, value: object) -> TuningRequestError:
    return TuningRequestError(f"{name} must be {wanted}, not {value!r}.", param=name, code="invalid_value")
