"""The steps of a training: one effective batch each, in parts that fit into memory, live, and to the bit repeatable.

    loop = Loop(model=model, optimizer=optimizer, plan=plan, objective=objective, train=..., validation=...,
                control=control, write=write, progress=Progress(micro_batch=plan.micro_batch))
    finished = loop.run()           False: paused or cancelled

Reusable: DPO and the sweep run this loop with their own objective and items. A step's rows and its dropout follow from
(seed, step) alone; so a step that ran out of memory is made again as it was, and a training that was stopped anywhere
goes on from its last checkpoint as if it had not been.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from errors import TrainingFailedError
from finetune.trainers.contract import Control
from finetune.trainers.lora_model import is_out_of_memory, out_of_memory, trainable
from finetune.trainers.lora_objective import Measured, Objective
from finetune.trainers.lora_parallel import Alone, Parallel
from finetune.trainers.lora_recipe import Plan
from finetune.trainers.lora_state import Progress, put_weights, weights_of

T = TypeVar("T")
MOST_HALVINGS = 3
LARGEST_GRADIENT = 1.0  # norm to which larger gradients are cut
CHECKPOINT_SECONDS = 900.0  # between checkpoints of epochs that take longer
BETAS, EPSILON, WEIGHT_DECAY = (0.9, 0.999), 1e-8, 0.0  # of AdamW; adapters are kept small by their rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    loss: float
    weight: int
    correct: int

    @property
    def mean_loss(self) -> float:
        return self.loss / self.weight

    @property
    def accuracy(self) -> float:
        return self.correct / self.weight


@dataclass(slots=True, kw_only=True)
class Loop(Generic[T]):
    """`write(folder, progress, best)` fills a checkpoint; `best` are weights where the model's own are not the best."""

    model: Any
    optimizer: Any
    plan: Plan
    objective: Objective[T]
    train: Sequence[T]
    validation: Sequence[T]
    control: Control
    write: Callable[[Path, Progress, Mapping[str, Any] | None], None]
    progress: Progress
    best: dict[str, Any] | None = None  # weights at progress.best_step
    gate: Callable[[Any], str | None] | None = None  # at evaluations: why these weights are not to be kept
    parallel: Parallel = field(default_factory=Alone)
    clock: Callable[[], float] = time.monotonic
    _saved: int = field(default=-1, init=False)  # step of the newest checkpoint

    def run(self) -> bool:
        """True once the last step is done, with the best weights in the model; False where it was asked to stop.

        Raises TrainingFailedError: nan_loss, out_of_memory.
        """
        self.control.started(total_steps=self.plan.total_steps)
        self._saved, saved_at = self.progress.step, self.clock()
        while self._goes_on():
            started = self.clock()
            self._one_step()
            self.progress.seconds += self.clock() - started
            wanted = self.parallel.told(self.control.wanted() if self._goes_on() else None)
            if wanted == "cancel":
                return False
            due = self.parallel.told(self.clock() - saved_at > CHECKPOINT_SECONDS)
            if wanted or due or self.plan.evaluates_at(self.progress.step):
                self._checkpoint()
                saved_at = self.clock()
            if wanted:
                return False
        self._take_best()
        return True

    def _goes_on(self) -> bool:
        return self.progress.step < self.plan.total_steps and not self.progress.stopped

    def _one_step(self) -> None:
        step = self.progress.step + 1
        done = self._update(step)
        self.progress.step = step
        batch = [self.train[number] for number in self.plan.batch(step)]
        self.progress.learnt_tokens += sum(map(self.objective.tokens, batch))
        values = {"train_loss": done.mean_loss, "train_mean_token_accuracy": done.accuracy}
        if self.plan.evaluates_at(step):
            values |= self._evaluate()
        self.progress.metrics = dict(values)
        self._judge(step, values)
        self.control.metrics(step=step, total_steps=self.plan.total_steps, values=values)

    def _update(self, step: int) -> Sums:
        """One step over an effective batch: the same whatever the size of its parts, but for rounding and dropout."""
        import torch

        batch = [self.train[number] for number in self.plan.batch(step)]
        weights = list(trainable(self.model).values())
        sums = self._in_memory(lambda: self._gradients(batch, step))
        self.parallel.add_gradients(weights)
        norm = torch.nn.utils.clip_grad_norm_(weights, LARGEST_GRADIENT)
        if not math.isfinite(sums.loss) or not math.isfinite(float(norm)):
            raise self._not_a_number(step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate_at(step)
        self.optimizer.step()
        return sums

    def _gradients(self, batch: Sequence[T], step: int) -> Sums:
        """Of this process's share of the batch, scaled so that all shares add up to the mean over the batch."""
        import torch

        total = sum(map(self.objective.weight, batch))
        torch.manual_seed(_seed(self.plan.seed, step) + self.parallel.rank)
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        return self._summed(batch, lambda measured: (measured.loss / total).backward())

    def _summed(self, batch: Sequence[T], use: Callable[[Measured], None]) -> Sums:
        """The longest first: what does not fit into memory is found at once; neighbours need little padding."""
        ordered = self.parallel.share(sorted(batch, key=self.objective.length, reverse=True))
        size, sums = self.progress.micro_batch, Sums(loss=0.0, weight=0, correct=0)
        for at in range(0, len(ordered), size):
            measured = self.objective.measure(self.model, ordered[at : at + size])
            use(measured)
            sums = Sums(
                loss=sums.loss + float(measured.loss.detach()),
                weight=sums.weight + measured.weight,
                correct=sums.correct + measured.correct,
            )
        return sums

    def _evaluate(self) -> dict[str, float]:
        import torch

        if not self.validation:
            return {}
        self.model.eval()
        with torch.no_grad():
            sums = self._in_memory(lambda: self._summed(self.validation, lambda _: None))
        loss, accuracy = sums.mean_loss, sums.accuracy
        return {
            "valid_loss": loss,
            "valid_mean_token_accuracy": accuracy,
            "full_valid_loss": loss,
            "full_valid_mean_token_accuracy": accuracy,
        }

    def _judge(self, step: int, values: Mapping[str, float]) -> None:
        """Keeps the weights with the lowest validation loss; without validation, the newest are the best.

        With a gate, only weights that passed it are kept.
        """
        if self.gate is not None and not self._passed(self.gate, step):
            return
        loss = values.get("full_valid_loss")
        if not self.validation:
            self.progress.best_step, self.progress.best_metrics = step, dict(self.progress.metrics)
        elif loss is not None and (self.progress.best_loss is None or loss < self.progress.best_loss):
            self.progress.best_loss, self.progress.best_step, self.progress.worse = loss, step, 0
            self.progress.best_metrics = dict(self.progress.metrics)
            self.best = weights_of(self.model)
        elif loss is not None:
            self.progress.worse += 1
            self._stop_early()

    def _passed(self, gate: Callable[[Any], str | None], step: int) -> bool:
        """Whether the weights of this step may be the best. Where they are spoilt, training ends with the last sound
        ones. Raises TrainingFailedError (model_collapsed) where there are none."""
        if not self.plan.evaluates_at(step):
            return False
        self.model.eval()
        why = gate(self.model)
        if why is None:
            self.best = self.best if self.validation else weights_of(self.model)
            return True
        lower = f"train with a lower learning rate than {self.plan.learning_rate:g}"
        if self.progress.best_step == 0:
            raise TrainingFailedError(
                f"The model lost its speech by step {step} ({why}): {lower} (learning_rate_multiplier below 1).",
                code="model_collapsed",
                param="learning_rate_multiplier",
            )
        self.progress.stopped = True
        self.control.message(
            f"The model lost its speech by step {step} ({why}). Its weights of step {self.progress.best_step} are "
            f"kept; {lower} to come further.",
            level="warn",
        )
        return False

    def _stop_early(self) -> None:
        patience, progress = self.plan.patience, self.progress
        if patience is not None and progress.worse >= patience and progress.step < self.plan.total_steps:
            progress.stopped = True
            self.control.message(
                f"Stopped early at step {progress.step}: the validation loss has not fallen for {progress.worse} "
                f"evaluations. Step {progress.best_step} was the best ({progress.best_loss:.4f})."
            )

    def _checkpoint(self) -> None:
        step = self.progress.step
        if step == self._saved:
            return
        best = self.best if self.progress.best_step != step else None
        self.control.checkpoint(
            step=step,
            epoch=self.plan.epoch_at(step),
            metrics=dict(self.progress.metrics),
            write=lambda folder: self.write(folder, self.progress, best),
        )
        self._saved = step

    def _take_best(self) -> None:
        if self.best is not None:
            put_weights(self.model, self.best)

    def _in_memory(self, work: Callable[[], Sums]) -> Sums:
        """What all processes measured; where memory does not suffice for one, all do it again with parts of half the
        size, at most three times a job."""
        while True:
            sums, failed = Sums(loss=0.0, weight=0, correct=0), None
            try:
                sums = work()
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                failed = str(error).splitlines()[0][:120] if str(error) else "MemoryError"
            short, loss, weight, correct = self.parallel.add(
                [float(failed is not None), sums.loss, sums.weight, sums.correct]
            )
            if not short:
                return Sums(loss=loss, weight=int(weight), correct=int(correct))
            self._halve(
                failed or "in another process"
            )  # outside: the error holds on to what filled the memory

    def _halve(self, why: str) -> None:
        import torch

        progress = self.progress
        self.optimizer.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if progress.micro_batch == 1 or progress.halvings == MOST_HALVINGS:
            raise out_of_memory(
                f"Memory does not suffice for {progress.micro_batch} rows at once at step {progress.step + 1}"
            )
        before, progress.micro_batch = progress.micro_batch, progress.micro_batch // 2
        progress.halvings += 1
        self.control.message(
            f"Out of memory with {before} rows at once ({why}): going on with {progress.micro_batch}. A step still has "
            f"{self.plan.batch_size} rows.",
            level="warn",
        )

    def _not_a_number(self, step: int) -> TrainingFailedError:
        return TrainingFailedError(
            f"The loss is no number any more at step {step}: train with a lower learning rate than "
            f"{self.plan.learning_rate:g} (learning_rate_multiplier below 1).",
            code="nan_loss",
            param="learning_rate_multiplier",
        )


def make_optimizer(model: Any, plan: Plan) -> Any:
    import torch

    return torch.optim.AdamW(
        list(trainable(model).values()),
        lr=plan.learning_rate,
        betas=BETAS,
        eps=EPSILON,
        weight_decay=WEIGHT_DECAY,
        foreach=False,  # the same arithmetic on every device, in less memory
    )


def _seed(seed: int, step: int) -> int:
    """63 bits that follow from both: neighbouring seeds share no step."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{step}".encode()).digest()[:8]) >> 1
