"""Whether a model still speaks: its own answers, written without chance, judged by the base it came from.

A preference training that went too far has perfect rewards and writes rubbish. Rubbish is what the base finds far less
likely, token by token, than the answers that were preferred; or one phrase over and over, where the base did not.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from finetune.trainers.lora_data import UNLEARNT, Pair
from finetune.trainers.lora_form import Form

PROMPTS = 6  # that are asked at an evaluation
LONGEST = 48  # tokens of an answer
UNLIKELIER = 1.0  # nats a token beyond the unlikeliest preferred answer
FEWEST_DISTINCT = 0.34  # share of distinct neighbours among a long answer's; below, it repeats itself
LONG = 16  # tokens from which repeating is judged
SPOILT = 0.5  # share of spoilt answers from which the model has lost its speech


@dataclass(slots=True, kw_only=True)
class SpeechGate:
    """Called with the model: None, or why its weights are not to be kept."""

    pairs: Sequence[Pair]
    form: Form
    seed: int
    _bound: float | None = field(default=None, init=False)  # nats a token
    _repeats: bool = field(default=False, init=False)  # the base itself repeats itself

    def __call__(self, model: Any) -> str | None:
        import torch

        prompts = [_prompt(pair) for pair in self._asked()]
        with torch.no_grad():
            self._measure_base(model, prompts)
            answers = [self._answer(model, prompt) for prompt in prompts]
            strange = sum(self._is_strange(model, *both) for both in zip(prompts, answers, strict=True))
        repeating = 0 if self._repeats else sum(map(_repeats, answers))
        if max(strange, repeating) < SPOILT * len(prompts):
            return None
        said = self.form.renderer.tokenizer.tokenizer.decode(answers[0])[:60]
        kind = "is rubbish" if strange >= repeating else "repeats itself"
        return (
            f"what it writes {kind} in {max(strange, repeating)} of {len(prompts)} answers, such as {said!r}"
        )

    def _asked(self) -> list[Pair]:
        chosen = list(self.pairs)
        return random.Random(self.seed).sample(chosen, min(PROMPTS, len(chosen)))  # noqa: S311 - a draw, no secret

    def _measure_base(self, model: Any, prompts: Sequence[list[int]]) -> None:
        if self._bound is not None:
            return
        known = [
            self._surprise(model, prompt, _wanted(pair))
            for prompt, pair in zip(prompts, self._asked(), strict=True)
        ]
        with model.disable_adapter():
            own = [self._answer(model, prompt) for prompt in prompts]
        self._bound = max(known) + UNLIKELIER
        self._repeats = sum(map(_repeats, own)) >= SPOILT * len(prompts)

    def _is_strange(self, model: Any, prompt: list[int], answer: list[int]) -> bool:
        return not answer or self._surprise(model, prompt, answer) > (self._bound or 0.0)

    def _answer(self, model: Any, prompt: list[int]) -> list[int]:
        """Greedy."""
        import torch
        from transformers import GenerationConfig

        from finetune.serving.engine import end_ids

        ids = torch.tensor([prompt], device=next(model.parameters()).device)
        config = GenerationConfig(
            max_new_tokens=LONGEST, do_sample=False, pad_token_id=self.form.pad,
            eos_token_id=sorted(end_ids(self.form.renderer, model)),
        )  # fmt: skip
        written = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=config)
        answer: list[int] = written[0, len(prompt) :].tolist()
        return answer

    def _surprise(self, model: Any, prompt: list[int], answer: list[int]) -> float:
        """Nats a token of the answer, by the base: the model with its adapter off."""
        import torch
        from torch.nn.functional import cross_entropy

        ids = torch.tensor([[*prompt, *answer]], device=next(model.parameters()).device)
        with model.disable_adapter():
            logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1].float()
        return float(cross_entropy(logits, ids[0, len(prompt) :]))


def _prompt(pair: Pair) -> list[int]:
    """What stands before the preferred answer."""
    first = next(place for place, label in enumerate(pair.preferred.labels) if label != UNLEARNT)
    return list(pair.preferred.ids[:first])


def _wanted(pair: Pair) -> list[int]:
    return [label for label in pair.preferred.labels if label != UNLEARNT]


def _repeats(answer: Sequence[int]) -> bool:
    """Few distinct pairs of neighbours in a long answer."""
    neighbours = list(pairwise(answer))
    return len(answer) >= LONG and len(set(neighbours)) < FEWEST_DISTINCT * len(neighbours)
