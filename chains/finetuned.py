"""Fine-tuned mode: a model taught on the organisation's examples answers alone, without documents.

FinetunedChain(chat_model=tuned, system="You are Isa, the voice of ...").invoke(Question(text=...))   -> Answer
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from chains.answer import Mode
from chains.base import BaseChain
from chains.models import ConnectedModel
from chains.prompts import Prompt

HOW_TO_NAME_ONE = (
    "Train one with `python -m app finetune start FILE`, or name your own in GROUNDTUNE_FINETUNED_MODEL, "
    "such as openai:ft:NAME or compatible:NAME, or on the Settings page."
)


class FinetunedChain(BaseChain):
    """As BaseChain, over a tuned model.

    `system` is the system message that its training rows had: a model answers best in the frame it was taught in.
    """

    mode: ClassVar[Mode] = "finetuned"
    missing: ClassVar[str] = f"Fine-tuned mode needs a tuned model and there is none. {HOW_TO_NAME_ONE}"

    def __init__(
        self,
        *,
        chat_model: ConnectedModel | None,
        system: str | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(chat_model=chat_model, clock=clock)
        self._system = system

    def _prompt(self) -> Prompt:
        prompt = super()._prompt()
        return prompt if self._system is None else taught(prompt, self._system)


def taught(prompt: Prompt, system: str) -> Prompt:
    """The prompt with the system message of the training rows; its hash covers that message too."""
    told = hashlib.sha256(f"{prompt.sha256}\n{system}".encode()).hexdigest()
    return replace(prompt, version=f"{prompt.version}+system", system=system, sha256=told)
