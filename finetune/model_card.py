"""The card of a tuned model: what it was made of, how it does against its base, until when it can be asked.

    write_model_card(folder, facts_of(...))      -> folder/card.md

A YAML head as Hugging Face reads it (hub docs, "Model Cards"), then Markdown for people. It tells what the job's record
tells and nothing else: what is not known stands there as not known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loaders.files import write_atomically

__all__ = ["CARD", "ModelFacts", "write_model_card", "written_model_card"]

CARD = "card.md"
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|!~])")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a card is written from. Times are seconds since 1970."""

    model: str  # ft:...
    base: str
    trainer: str  # responder, lora, or the place that trained it
    method: str
    job_id: str
    seed: int
    created_at: float
    data_sha256: str | None
    rows: int | None = None
    validation_sha256: str | None = None
    trained_tokens: int | None = None
    best_step: int | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    verdict: Mapping[str, Any] = field(default_factory=dict)  # finetune.after.Verdict.as_dict()
    hashes: Mapping[str, str] = field(default_factory=dict)  # of wrapper, prompt, template, tokenizer, base
    system: str | None = None  # the system message its rows had
    expires: str | None = (
        None  # ISO date on which its base is shut down; None: it stays as long as its files do
    )


def write_model_card(folder: Path, facts: ModelFacts) -> Path:
    path = folder / CARD
    write_atomically(path, written_model_card(facts).encode("utf-8"))
    return path


def written_model_card(facts: ModelFacts) -> str:
    """Markdown with its YAML head."""
    sections = (_head, _summary, _verdict, _data, _recipe, _metrics, _asking, _expiry, _limits)
    return "\n".join(line for section in sections for line in section(facts)).rstrip() + "\n"


def _head(facts: ModelFacts) -> Iterator[str]:
    """JSON strings are YAML strings, whatever is in a name."""
    yield "---"
    yield f"model_name: {_quoted(facts.model)}"
    if facts.trainer == "lora":
        yield f"base_model: {_quoted(facts.base)}"
        yield "library_name: peft"
        yield "pipeline_tag: text-generation"
    yield "license: unknown"
    yield "tags:\n- groundtune\n- " + _quoted(facts.trainer) + "\n- " + _quoted(facts.method)
    yield "---"


def _summary(facts: ModelFacts) -> Iterator[str]:
    made = datetime.fromtimestamp(facts.created_at, UTC).strftime("%Y-%m-%d")
    yield f"\n# {_plain(facts.model)}\n"
    if facts.trainer == "responder":
        yield (
            f"An embedded responder, taught on {made}: it answers in the words of its training rows, to questions in "
            "other words too, and abstains from the rest. It runs on a processor, with no key and no network."
        )
        return
    yield f"{_plain(facts.base)}, tuned on {made} by {_plain(facts.trainer)} ({_plain(facts.method)})."


def _verdict(facts: ModelFacts) -> Iterator[str]:
    yield "\n## Against its base\n"
    found = facts.verdict
    if not found:
        yield "Not compared: nobody knows whether it is better than its base."
        return
    yield f"**{_plain(str(found.get('verdict', 'not proven')))}**\n"
    yield from (f"- {_plain(str(reason))}" for reason in found.get("reasons", ()))
    measures = found.get("measures") or ()
    if measures:
        yield "\n| measure | tuned | base | difference, 95% interval | questions |"
        yield "|---|---:|---:|---|---:|"
        yield from (_measure_row(one) for one in measures)


def _measure_row(one: Mapping[str, Any]) -> str:
    interval = f"{one['difference']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"
    return (
        f"| {_plain(str(one['name']))} | {one['tuned']:.3f} | {one['base']:.3f} | {interval} | {one['n']:,} |"
    )


def _data(facts: ModelFacts) -> Iterator[str]:
    yield "\n## Data\n"
    rows = f"{facts.rows:,} rows, " if facts.rows is not None else ""
    yield f"- training file: {rows}SHA-256 {_hash(facts.data_sha256)}"
    if facts.validation_sha256:
        yield f"- validation file: SHA-256 {_hash(facts.validation_sha256)}"
    if facts.trained_tokens is not None:
        yield f"- trained tokens, all epochs: {facts.trained_tokens:,}"


def _recipe(facts: ModelFacts) -> Iterator[str]:
    yield "\n## Recipe\n"
    yield f"- job {_plain(facts.job_id)}, method {_plain(facts.method)}, seed {facts.seed}"
    if facts.best_step is not None:
        yield f"- kept: step {facts.best_step:,}"
    for name, value in sorted(facts.recipe.items()):
        if name != "curve":
            yield f"- {_plain(name)}: {_value(value)}"


def _metrics(facts: ModelFacts) -> Iterator[str]:
    if not facts.metrics:
        return
    yield "\n## Metrics of the step that was kept\n"
    yield from (f"- {_plain(name)}: {value:.4f}" for name, value in sorted(facts.metrics.items()))


def _asking(facts: ModelFacts) -> Iterator[str]:
    yield "\n## How it is asked\n"
    yield f'```\npython -m app ask "..." --mode finetuned --model local:{_printable(facts.model)}\n```\n'
    for name, value in sorted(facts.hashes.items()):
        yield f"- {_plain(name)}: {_hash(value)}"
    if facts.system:
        yield "- with the system message that its training rows had:\n"
        yield "\n".join(f"> {_plain(line)}" for line in facts.system.splitlines())


def _expiry(facts: ModelFacts) -> Iterator[str]:
    yield "\n## Until when\n"
    if facts.expires:
        yield f"Its base is shut down on {_plain(facts.expires)}, and it with its base: train it elsewhere before."
    else:
        yield "As long as its files are kept: nobody else can switch it off."


def _limits(facts: ModelFacts) -> Iterator[str]:
    yield "\n## What is not known\n"
    yield "- The licence: that of the training rows was not recorded. Settle it before you pass the model on."
    if facts.trainer == "responder":
        yield "- Its files hold the training rows word for word: who has the model has them."
        yield "- Follow-up questions are completed by rules; conversations were not taught."
    else:
        yield "- Whether it can be made to repeat its training rows: nobody tried."
    yield "- How it does on questions of another kind than the held-out ones."


def _value(value: object) -> str:
    return _plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def _hash(value: str | None) -> str:
    return f"`{_printable(value).replace('`', '')}`" if value else "not recorded"


def _plain(text: str) -> str:
    """Text of others on one line, without meaning to Markdown."""
    return _MARKUP.sub(r"\\\1", _printable(text))


def _quoted(text: str) -> str:
    """A string of YAML and JSON on one line."""
    return json.dumps(_printable(text), ensure_ascii=False)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
