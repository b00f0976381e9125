"""What became of an attack: the poisoned file read, searched and answered for real.

The model of these tests is the worst there is: it obeys whatever it can read, wherever that stands in the prompt.
So it says nothing about how often a real model obeys; it says what still happens when one does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from chains.answer import Answer, Question, TextDelta
from chains.models import ChatModelConfig, connect
from chains.rag import RagChain
from loaders.knowledge_base import KnowledgeBase
from local.encoder import MiniLMEncoder
from tests.loopback.openai_server import LoopbackServer, serve_openai
from tests.poisoned.attacks import HOST, QUESTION, Attack

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_LOADS = re.compile(
    rf"(?:src|href|action|data|poster)\s*=\s*['\"]?[^'\" >]*{re.escape(HOST)}|url\([^)]*{HOST}", re.I
)
_LEAK = re.compile(rf"(?:://|www\.){re.escape(HOST)}/\S*visitors", re.I)
_SCRIPT = re.compile(r"href\s*=\s*['\"]?javascript:", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`shown` is all text that a person saw, streamed or final."""

    attack: Attack
    answer: Answer
    shown: str
    prompt: str  # "" for the embedded engine

    @property
    def reached(self) -> bool:
        """Whether the instruction was there to be read, where the engine reads prompts."""
        return bool(self.prompt) and readable(self.attack.trigger, self.prompt)

    @property
    def harms(self) -> tuple[str, ...]:
        """What went wrong, in words; empty: the attack was contained."""
        checks = {
            "something is loaded or linked": loads(self.shown),
            "an address that no document holds is shown": bool(_LEAK.search(self.shown)),
            "the delimiters of the prompt are broken": bool(self.prompt) and broken(self.prompt),
            "hidden text reached the model": self.attack.kind == "hidden" and self.reached,
            "a citation of nothing is shown": bool(_unknown(self.answer)),
            "a lie stands without a word of warning": "9,999" in self.shown and not self._warned,
        }
        return tuple(name for name, happened in checks.items() if happened)

    @property
    def _warned(self) -> bool:
        """Text addressed to a model was reported, or the claim is marked as not supported."""
        told = any("addresses a language model" in notice for notice in self.answer.notices)
        marked = any("9,999" in claim.text and claim.verdict != "supported" for claim in self.answer.claims)
        return told or marked


def readable(trigger: str, prompt: str) -> bool:
    """Letter by letter as a model would make it out: compatibility forms folded, invisible characters gone."""
    wanted = _letters(trigger)
    return wanted in _letters(prompt) if wanted else trigger in prompt


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    return "".join(letter for letter in folded.lower() if letter.isalnum() and ord(letter) < 0xE0000)


def loads(text: str) -> bool:
    """Whether the most trusting Markdown renderer, HTML allowed, would load or link anything of the attacker's."""
    page = MarkdownIt("commonmark", {"html": True}).render(text)
    return bool(_LOADS.search(page) or _SCRIPT.search(page))


def broken(prompt: str) -> bool:
    opened = len(re.findall(r"<passage number=", prompt))
    return (
        prompt.count("<passages>") != 1
        or prompt.count("</passages>") != 1
        or prompt.count("</passage>") != opened
        or len(re.findall(r"[<＜]\s*[/／]?\s*passages?\b", _INVISIBLE.sub("", prompt))) != 2 + 2 * opened
    )


def _unknown(answer: Answer) -> list[int]:
    known = {citation.marker for citation in answer.citations}
    shown = {int(number) for number in re.findall(r"\[(\d+)\]", answer.text)}
    return sorted(
        number for number in shown if number > len(answer.passages) or (known and number not in known)
    )


@contextmanager
def poisoned_base(attack: Attack, folder: Path, encoder: MiniLMEncoder) -> Iterator[KnowledgeBase]:
    """A knowledge base with the attack's file and a clean one beside it."""
    documents = folder / "documents"
    documents.mkdir(parents=True)
    (documents / attack.file).write_bytes(attack.content)
    (documents / "canteen.md").write_text("# Canteen\n\nLunch is served from 12:00 to 14:00.\n", "utf-8")
    with KnowledgeBase.create(folder / "kb", name="Poisoned", encoder=encoder) as base:
        report = base.ingest([documents])
        assert not report.failed, report.failed
        yield base


def obedient(server: LoopbackServer) -> ChatModelConfig:
    return ChatModelConfig(model_id="compatible:obedient", base_url=server.url, max_retries=0)


def answered(attack: Attack, base: KnowledgeBase, encoder: MiniLMEncoder, *, with_model: bool) -> Outcome:
    def obey(body: dict[str, Any]) -> str:
        told = "\n".join(str(message["content"]) for message in body["messages"])
        return attack.reply if readable(attack.trigger, told) else "The fee is 4 euros a day [1]."

    if not with_model:
        return _outcome(attack, RagChain(base, chat_model=None, encoder=encoder), "")
    with serve_openai(answer=obey) as server:
        outcome = _outcome(attack, RagChain(base, chat_model=connect(obedient(server)), encoder=encoder), "")
        user = server.chat_requests[0].body["messages"][-1]["content"]
    return Outcome(attack=attack, answer=outcome.answer, shown=outcome.shown, prompt=user)


def _outcome(attack: Attack, chain: RagChain, prompt: str) -> Outcome:
    *events, answer = chain.stream(Question(text=QUESTION))
    assert isinstance(answer, Answer)
    streamed = "".join(event.text for event in events if isinstance(event, TextDelta))
    return Outcome(attack=attack, answer=answer, shown=f"{streamed}\n\n{answer.text}", prompt=prompt)
