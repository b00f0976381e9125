"""Hybrid mode (RAFT): a model tuned to read retrieved passages among distractors, with retrieval on top.

    HybridChain(knowledge_base, chat_model=tuned, encoder=encoder).invoke(Question(text=...))     -> Answer

The passages stand in the wrapper of chains/passages_prompt.py and the prompt in prompts/hybrid.v2.md, the very
ones that RAFT rows are trained with (finetune/raft). The reply comes as those rows have it, reasoning first
(chains/reasoned_reply.py): the reasoning goes into `Answer.reasoning`, its quotes are held against the passages, and
the answer alone is shown. A follow-up goes to the model as the stand-alone question, without the
turns before it: its training rows had none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from chains.answer import AnswerEvent, Mode, Question
from chains.finetuned import HOW_TO_NAME_ONE
from chains.rag import RagChain
from errors import NoModelConnectedError

MISSING = f"Hybrid mode needs a tuned model and there is none. {HOW_TO_NAME_ONE}"


class HybridChain(RagChain):
    """As RagChain, over a tuned model. Raises NoModelConnectedError when it is asked without one."""

    mode: ClassVar[Mode] = "hybrid"

    def stream(self, question: Question) -> Iterator[AnswerEvent]:
        if self._model is None:
            raise NoModelConnectedError(MISSING)
        return super().stream(question)
