"""The advice in this workspace: what has changed since its evidence, and what the advised mode still wants here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from app.workspace import SAMPLE, Workspace
from errors import GroundtuneError

if TYPE_CHECKING:
    from evaluation.advice.consultation import Consultation

READS, LEARNS = frozenset({"rag", "hybrid"}), frozenset({"finetuned", "hybrid"})
ON_OWN_MACHINES = 3  # level of the factor "offline" from which on a model of a provider does not fit
ASK_AGAIN = "ask again before you rely on it: python -m app evaluate answers"


def changed_since(workspace: Workspace, facts: Mapping[str, Any]) -> Iterator[str]:
    """`facts`: of the run. What an older run did not write down is not compared.

    The sample company is never what the answers are about, so that is said too.
    """
    modes = set(facts.get("modes", ()))
    if facts.get("knowledge_base") == SAMPLE:
        yield "That was the sample company, not yours: ask your own questions of your own documents."
    if modes & READS and "documents_sha256" in facts:
        yield from _documents(workspace, facts["knowledge_base"], facts["documents_sha256"])
    if modes & LEARNS and "tuned" in facts:
        now = workspace.connections.tuned_id
        if now != facts["tuned"]:
            yield f"The tuned model was {_named(facts['tuned'])} then and is {_named(now)} now: {ASK_AGAIN}."


def _documents(workspace: Workspace, knowledge_base: str, then: str) -> Iterator[str]:
    from app.evaluation_arms import documents_sha256

    if not workspace.has_knowledge_base(knowledge_base):
        yield f"The knowledge base {knowledge_base!r}, which was read, is not here any more."
        return
    try:
        now = documents_sha256(workspace, knowledge_base)
    except GroundtuneError as error:
        yield f"The knowledge base {knowledge_base!r}, which was read, cannot be opened: {error}"
        return
    if now != then:
        yield f"The documents of {knowledge_base!r} have changed since then: {ASK_AGAIN}."


def _named(model: str | None) -> str:
    return model or "none"


def wanted(workspace: Workspace, told: Consultation) -> Iterator[str]:
    """What the pick cannot do without and is not here, and where the model does not fit the answers."""
    pick, offline = told.decision.pick, told.decision.advice.levels.get("offline", 0)
    if pick == "base" and not workspace.chat_connected:
        yield "Base needs a chat model, and none is connected: name one on the Settings page or in .env."
    if pick in READS and not workspace.knowledge_bases():
        yield "Nothing is here to read yet. Add documents: python -m app ingest FOLDER --kb NAME"
    if pick in LEARNS and workspace.connections.tuned_id is None:
        yield "No model is tuned here yet. Train one: python -m app finetune start FILE"
    if offline >= ON_OWN_MACHINES:
        yield from _of_a_provider(told, pick)


def _of_a_provider(told: Consultation, pick: str) -> Iterator[str]:
    rates = told.rates
    there, model = (
        (rates.tuned_on_machine, rates.tuned_model) if pick in LEARNS else (rates.on_machine, rates.model)
    )
    if not there:
        yield f"It must run on machines of your own, and {model} is a provider's: connect one that runs with you."
