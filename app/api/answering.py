"""One answer of a model, as it is made: by a chain for the modes that have one, else by the chat model itself.

A chain reads the last user message as the question and the turns before it as the conversation. A chat model gets the
messages as they were sent.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from app.api.chat_models import Direct, asked_directly
from app.api.chat_request import WITHOUT_EFFECT, ChatBody, Message, Reading
from app.api.cutting import Cut
from chains.answer import Answer, Question, TextDelta, Turn, Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

    from app.api.model_names import ServedModel
    from app.workspace import Workspace
    from chains.answer import Chain
    from chains.models import ConnectedModel

FinishReason = Literal["stop", "length", "content_filter"]
INSTRUCTIONS = ("system", "developer")
SYSTEM_UNUSED = "The system message had no effect: this model answers by its own instructions."


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The end of an answer: what was used is always counted; `own` is what OpenAI's objects have no place for."""

    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    own: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    """`reason`: why the model itself ended."""

    reason: FinishReason
    usage: Usage
    own: dict[str, Any]


Making = Generator[str, None, _Ending]


def answered(workspace: Workspace, model: ServedModel, body: ChatBody) -> Iterator[str | Finished]:
    """Texts as they come, and last what is to be said of them.

    Raises NoModelConnectedError, ProviderError, SpendingLimitError, StoppedError and others of errors.py.
    """
    cut = Cut(stops=body.stops, longest=body.longest, spans=workspace.encoder.token_spans)
    chosen = asked_directly(workspace, model)
    making = (
        _by_chain(_chain(workspace, model), body, cut) if chosen is None else _by_model(chosen, body, cut)
    )
    ending = yield from making
    yield _finished(workspace, body, cut, ending)


# --- by a chain -----------------------------------------------------------------------------------


def _chain(workspace: Workspace, model: ServedModel) -> Chain:
    from app.model_settings import conversation_budget

    budget = conversation_budget(workspace.settings)
    if model.kind == "tuned":
        return workspace.chain("finetuned", model=f"local:{model.id}", budget=budget)
    assert model.mode is not None
    base = model.knowledge_base or workspace.default_knowledge_base
    return workspace.chain(model.mode, base, budget=budget)


def _by_chain(chain: Chain, body: ChatBody, cut: Cut) -> Making:
    """Goes on after a limit of the reader's was met: the sources are known only at the end."""
    answer: Answer | None = None
    streamed = False
    for event in chain.stream(_question(body)):
        if isinstance(event, TextDelta):
            streamed = True
            if text := cut.feed(event.text):
                yield text
        elif isinstance(event, Answer):
            answer = event
    assert answer is not None, "a chain's last event is its Answer"
    if not streamed and (text := cut.feed(answer.text)):  # an abstention comes whole
        yield text
    if rest := cut.close():
        yield rest
    return _Ending(reason=_why_ended(answer), usage=answer.usage, own=_own(answer, body))


def _question(body: ChatBody) -> Question:
    *before, last = [one for one in body.messages if one.role not in INSTRUCTIONS]
    reading = body.x_groundtune or Reading()
    return Question(
        text=last.text,
        history=tuple(Turn(role=_speaker(one), text=one.text) for one in before),
        k=reading.k,
        filter=reading.filter,
    )


def _speaker(message: Message) -> Literal["user", "assistant"]:
    return "assistant" if message.role == "assistant" else "user"


def _why_ended(answer: Answer) -> FinishReason:
    from chains.generation import STOPPED_EARLY

    known = {sentence: name for name, sentence in STOPPED_EARLY.items()}
    return _finish_reason(known.get(answer.reason or ""))


def _own(answer: Answer, body: ChatBody) -> dict[str, Any]:
    """All that `python -m app ask --json` says, the text and its length aside."""
    said = answer.as_dict()
    for elsewhere in ("answer", "usage", "calls"):
        del said[elsewhere]
    unheeded = [name for name in ("temperature", "top_p", "seed") if getattr(body, name) is not None]
    if any(one.role in INSTRUCTIONS for one in body.messages):
        said["notices"].append(SYSTEM_UNUSED)
        unheeded.append("system message")
    return {**said, "without_effect": unheeded}


# --- by the chat model ----------------------------------------------------------------------------


def _by_model(direct: Direct, body: ChatBody, cut: Cut) -> Making:
    from langchain_core.messages import SystemMessage

    from chains.generation import CallLog, Reply, stream_reply

    reply, log = Reply(), CallLog()
    sent, system = _messages(body.messages), direct.system
    if any(one.role in INSTRUCTIONS for one in body.messages):
        system = None
    if system:
        sent = [SystemMessage(content=system), *sent]
    for delta in stream_reply(_told(direct.model, body), sent, reply, log):
        if text := cut.feed(delta):
            yield text
        if cut.ended:
            break
    if rest := cut.close():
        yield rest
    own = {
        "model": reply.model_id,
        "cost_usd": log.cost_usd,
        "notices": list(log.notices),
        "without_effect": [],
    }
    return _Ending(reason=_finish_reason(reply.finish_reason), usage=log.usage, own=own)


def _told(model: ConnectedModel, body: ChatBody) -> ConnectedModel:
    """The model with what the request says of sampling and length; a server may count tokens otherwise than we do."""
    options: dict[str, Any] = dict(body.sampling)
    if body.longest is not None:
        options["max_tokens"] = body.longest
    if body.stops:
        options["stop"] = body.stops
    if not options:
        return model
    fallback = _told(model.fallback, body) if model.fallback else None
    return replace(model, chat=cast("BaseChatModel", model.chat.bind(**options)), fallback=fallback)


def _messages(messages: Sequence[Message]) -> list[BaseMessage]:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    kinds: dict[str, type[BaseMessage]] = {"user": HumanMessage, "assistant": AIMessage}
    return [kinds.get(one.role, SystemMessage)(content=one.text) for one in messages]


# --- the end --------------------------------------------------------------------------------------


def _finished(workspace: Workspace, body: ChatBody, cut: Cut, ending: _Ending) -> Finished:
    prompt, completion = ending.usage.input_tokens, ending.usage.output_tokens
    own = {**ending.own, "usage_estimated": prompt is None or completion is None or cut.ended is not None}
    count = workspace.encoder.count_tokens
    if prompt is None:
        prompt = sum(count([one.text for one in body.messages]))
    if completion is None or cut.ended is not None:
        completion = len(workspace.encoder.token_spans(cut.text))
    own["without_effect"] = [*own["without_effect"], *_unheeded(body)]
    reason: FinishReason = cut.ended or ending.reason
    return Finished(finish_reason=reason, prompt_tokens=prompt, completion_tokens=max(1, completion), own=own)


def _unheeded(body: ChatBody) -> list[str]:
    return [name for name in WITHOUT_EFFECT if getattr(body, name)]


def _finish_reason(said: str | None) -> FinishReason:
    return "length" if said == "length" else "content_filter" if said == "content_filter" else "stop"
