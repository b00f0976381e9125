"""Self-consistency: asked again a few times, does the model say the same? (Wang et al. 2022; here a check, no vote.)

    if samples and in_doubt(embedded):
        share = self_consistency(question, text, passages, model=model, encoder=encoder, log=log, samples=3)
        confidence = assess_reply(embedded, claims, consistency=share, ...)

Each sample is a short answer of its own, asked for at a temperature that lets the model waver. It says the same as
the answer where all its figures stand there, and its words or its meaning, too. Off unless
GROUNDTUNE_CONSISTENCY_SAMPLES is set: every sample is a request that costs as much reading as the answer did.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chains.answer import Confidence, Passage, Question
from chains.generation import CallLog, complete
from chains.guard import ABSTENTION_TOKEN
from chains.passages_prompt import as_data, numbered
from chains.prompts import load_prompt
from chains.support import SentenceEncoder, numbers, word_recall
from errors import ProviderError
from local.lexical import words
from local.sentences import sentence_spans

if TYPE_CHECKING:
    from chains.models import ConnectedModel

__all__ = ["in_doubt", "says_the_same", "self_consistency"]

DOUBTFUL = (0.2, 0.8)  # of the embedded reader's confidence: outside, asking again would change no decision
TEMPERATURE = 0.8  # where a lower one is set; a model's own is left as it is
SAME_WORDS = 0.6  # share of the sample's words beyond the question that the answer holds
SAME_MEANING = 0.7  # cosine of the sample with the nearest sentence of the answer
_MARKER = re.compile(r"\s?\[[\d,;\s?-]{1,40}\]")


def in_doubt(embedded: Confidence) -> bool:
    """Whether the passages leave open if they answer, so that asking again may tell."""
    return DOUBTFUL[0] <= embedded.value <= DOUBTFUL[1]


def self_consistency(
    question: Question,
    text: str,
    passages: Sequence[Passage],
    *,
    model: ConnectedModel,
    encoder: SentenceEncoder,
    log: CallLog,
    samples: int,
) -> float | None:
    """Share of `samples` short answers to `question` that say the same as `text`; None where none came.

    A server that fails, or a spending limit that is reached, ends the asking with a notice in `log`. Raises
    StoppedError.
    """
    wavering = _wavering(model)
    messages = load_prompt("consistency").messages(
        (), passages=numbered(passages), question=as_data(question.text)
    )
    replies: list[str] = []
    for _ in range(samples):
        try:
            replies.append(complete(wavering, messages, log, purpose="consistency"))
        except ProviderError as error:
            log.notices.append(
                f"The model was not asked again as often as set, to see whether it holds: {error}"
            )
            break
    if not replies:
        return None
    return sum(says_the_same(reply, text, question.text, encoder) for reply in replies) / len(replies)


def _wavering(model: ConnectedModel) -> ConnectedModel:
    """The model at TEMPERATURE, where a lower one is set: at 0 it would only repeat itself."""
    temperature = getattr(model.chat, "temperature", None)
    if temperature is None or temperature >= TEMPERATURE:
        return model
    return replace(model, chat=model.chat.model_copy(update={"temperature": TEMPERATURE}))


def says_the_same(sample: str, text: str, question: str, encoder: SentenceEncoder) -> bool:
    """Whether a short answer is the one that `text` gives; an abstention or an empty one is not."""
    bare = sample.strip()
    if not bare or ABSTENTION_TOKEN in bare.upper():
        return False
    answer = _MARKER.sub("", text)
    figures = numbers(bare) - numbers(question)
    if not figures <= numbers(answer):
        return False
    beyond = _beyond(bare, question)
    if figures and not beyond:
        return True
    if beyond and word_recall(beyond, answer) >= SAME_WORDS:
        return True
    return _cosine(bare, answer, encoder) >= SAME_MEANING


def _beyond(sample: str, question: str) -> str:
    """The sample's words that the question has not, without figures."""
    asked = {word.lower() for word in words(question)}
    return " ".join(word for word in words(sample) if word.lower() not in asked and not word[0].isdigit())


def _cosine(sample: str, answer: str, encoder: SentenceEncoder) -> float:
    sentences = [answer[start:end] for start, end in sentence_spans(answer)] or [answer]
    vectors = encoder.encode([sample, *sentences])
    return float((vectors[1:] @ vectors[0]).max())
