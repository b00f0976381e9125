"""What will be learnt: which tokens of a row are trained on, found by prefix differences, for any chat template.

The span of an answer is render(messages up to it) less render(messages before it, with the opening of an answer):
just what the model has to write by itself. White space after the token that ends the answer belongs to the form, not
to the answer; an answer with OpenAI's "weight": 0 is read but not learnt. Local training uses these very spans.

Templates of thinking models write an answer differently once more follows it (its reasoning is left out): there a row
becomes one text for each of its answers, each with the conversation before it as the model meets it when it answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from errors import DatasetFormatError
from finetune.examples import Kind, Row, kind_of
from finetune.rendering import Renderer, tools_of
from finetune.tokens import FolderTokenizer

# "answer": the conversation up to one answer, where the template cannot hold all answers in one text
Part = Literal["row", "answer", "preferred", "non-preferred"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """One stretch of text that the model learns to write."""

    start: int  # characters of the rendered text
    end: int
    message: int | None  # index in messages; None for a completion


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One text that a row becomes, and what of it is learnt."""

    part: Part
    text: str
    trained: tuple[Trained, ...]
    ended: bool  # every learnt answer ends with a token that stops the model


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A token, or neighbours that share one character."""

    text: str
    tokens: int
    trained: bool
    message: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """A rendered text cut into its tokens."""

    part: Part
    pieces: tuple[Piece, ...]
    tokens: int
    trained_tokens: int
    ended: bool
    approximate: bool  # the markup, or the tokens themselves, are not exactly the model's


def rendered(row: Row, renderer: Renderer, kind: Kind | None = None) -> tuple[Rendered, ...]:
    """One text for a chat row (one for each answer where the template needs it) or completion, two for a preference
    row, one with nothing learnt for reinforcement.

    Raises DatasetFormatError where the row has no kind, or the template refuses it or opens answers otherwise.
    """
    match kind or kind_of(row):
        case "chat":
            return _conversation(_messages(row.get("messages")), tools_of(row), renderer)
        case "preference":
            return _pair(row, renderer)
        case "completion":
            return (_completion(row),)
        case "reinforcement":
            return (_only_read(_messages(row.get("messages")), tools_of(row), renderer),)
        case None:
            raise DatasetFormatError(
                "The row is of no known kind: it needs messages, preferred_output or text."
            )


def mask(row: Row, renderer: Renderer, kind: Kind | None = None) -> tuple[Mask, ...]:
    """The row's texts cut into tokens, each marked as learnt or only read. Raises DatasetFormatError."""
    return tuple(_cut(text, renderer) for text in rendered(row, renderer, kind))


def trained_flags(spans: Iterable[tuple[int, int]], trained: Sequence[Trained]) -> list[Trained | None]:
    """For each token, the stretch that it lies in whole; None for one that is only read."""
    flags: list[Trained | None] = []
    at = 0
    for start, end in spans:
        while at < len(trained) and trained[at].end <= start:
            at += 1
        inside = at < len(trained) and trained[at].start <= start and end <= trained[at].end and start < end
        flags.append(trained[at] if inside else None)
    return flags


def _messages(value: object) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(message, dict) for message in value):
        raise DatasetFormatError("The row has no list of messages.")
    return value


def _pair(row: Row, renderer: Renderer) -> tuple[Rendered, ...]:
    given = row.get("input")
    before = _messages(given.get("messages") if isinstance(given, dict) else None)
    sides: tuple[tuple[Part, str], ...] = (
        ("preferred", "preferred_output"),
        ("non-preferred", "non_preferred_output"),
    )
    return tuple(
        _last_answer(part, [*before, *_messages(row.get(key))], tools_of(row), renderer)
        for part, key in sides
    )


def _conversation(
    messages: list[Mapping[str, Any]], tools: list[Any] | None, renderer: Renderer
) -> tuple[Rendered, ...]:
    text = renderer.render(messages, tools, reply=False)
    learnt = [number for number, message in enumerate(messages) if _is_learnt(message)]
    ups = [_up_to(number, messages, tools, renderer, text) for number in learnt]
    if all(text.startswith(up.text) for up in ups):
        trained = tuple(span for up in ups for span in up.trained)
        return (Rendered(part="row", text=text, trained=trained, ended=all(up.ended for up in ups)),)
    return tuple(ups)


def _is_learnt(message: Mapping[str, Any]) -> bool:
    return message.get("role") == "assistant" and message.get("weight") != 0


def _last_answer(
    part: Part, messages: list[Mapping[str, Any]], tools: list[Any] | None, renderer: Renderer
) -> Rendered:
    """Only the last message is learnt, as the output of a preference is."""
    text = renderer.render(messages, tools, reply=False)
    if not messages or not _is_learnt(messages[-1]):
        return Rendered(part=part, text=text, trained=(), ended=True)
    return replace(_up_to(len(messages) - 1, messages, tools, renderer, text), part=part)


def _up_to(
    number: int,
    messages: list[Mapping[str, Any]],
    tools: list[Any] | None,
    renderer: Renderer,
    whole: str,
) -> Rendered:
    """The conversation up to the answer of this number, which alone is learnt. `whole`: with what follows it."""
    opening = renderer.render(messages[:number], tools, reply=True)
    last = number + 1 == len(messages)
    text = whole if last else renderer.render(messages[: number + 1], tools, reply=False)
    if not text.startswith(opening):
        raise DatasetFormatError(
            f"The chat template of {renderer.name!r} opens an answer with {opening[-30:]!r}, but message {number} "
            "does not go on from there, so it would be taught what it is never asked: give the message the "
            "reasoning_content that the template wants, or use the model's template without thinking."
        )
    end, stopped = _end_of_answer(text, len(opening), renderer.ends)
    trained = (Trained(start=len(opening), end=end, message=number),)
    return Rendered(part="answer", text=text, trained=trained, ended=stopped)


def _end_of_answer(text: str, start: int, ends: tuple[str, ...]) -> tuple[int, bool]:
    """(where the answer ends, whether a token that stops the model ends it)."""
    answer = text[start:]
    kept = answer.rstrip()
    if any(kept.endswith(token) for token in ends):
        return start + len(kept), True
    return len(text), False


def _completion(row: Row) -> Rendered:
    """A completion is learnt, its prompt only read; a `text` row is learnt whole. Trainers add the end themselves."""
    prompt, said = row.get("prompt", ""), row.get("completion", row.get("text", ""))
    if not isinstance(prompt, str) or not isinstance(said, str):
        raise DatasetFormatError("The row's prompt, completion and text must be texts.")
    text = prompt + said
    trained = (Trained(start=len(prompt), end=len(text), message=None),) if said else ()
    return Rendered(part="row", text=text, trained=trained, ended=True)


def _only_read(messages: list[Mapping[str, Any]], tools: list[Any] | None, renderer: Renderer) -> Rendered:
    """Reinforcement learns from answers that the model writes itself, none of them in the row."""
    return Rendered(part="row", text=renderer.render(messages, tools, reply=True), trained=(), ended=True)


def _cut(text: Rendered, renderer: Renderer) -> Mask:
    spans = renderer.tokenizer.spans(text.text)
    if renderer.tokenizer.estimated:  # its pieces are none of a model's tokens: they end where a prompt does
        spans = list(_ended_at([span.start for span in text.trained], spans))
    flags = trained_flags(spans, text.trained)
    tokens, learnt = count_tokens(text, renderer)
    return Mask(
        part=text.part,
        pieces=tuple(_pieces(text.text, spans, flags)),
        tokens=tokens,
        trained_tokens=learnt,
        ended=text.ended,
        approximate=renderer.approximate or renderer.tokenizer.estimated,
    )


def count_tokens(text: Rendered, renderer: Renderer) -> tuple[int, int]:
    """(all tokens of the text, those that are learnt), without the renderer's primer."""
    # A token may hold the end of a prompt and the beginning of its completion: it is only read, as `_cut` marks it.
    unmarked = any(span.message is None and span.start for span in text.trained)
    exact = unmarked and not renderer.tokenizer.estimated
    if exact or isinstance(renderer.tokenizer, FolderTokenizer):
        flags = trained_flags(spans := renderer.tokenizer.spans(text.text), text.trained)
        return len(spans), sum(flag is not None for flag in flags)
    # Elsewhere answers begin and end at marks that no token crosses: the stretches can be counted one by one.
    read, learnt, at = 0, 0, 0
    for span in text.trained:
        read += renderer.tokenizer.count(text.text[at : span.start])
        learnt += renderer.tokenizer.count(text.text[span.start : span.end])
        at = span.end
    return read + learnt + renderer.tokenizer.count(text.text[at:]), learnt


def _ended_at(places: list[int], spans: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    for start, end in spans:
        inside = [place for place in places if start < place < end]
        yield from pairwise([start, *inside, end])


def _pieces(text: str, spans: list[tuple[int, int]], flags: list[Trained | None]) -> Iterable[Piece]:
    """Covers the whole text: what no token says it holds (white space that a tokenizer drops) counts none."""
    at = 0
    number = 0
    while number < len(spans):
        start, end = spans[number]
        if start > at:
            yield Piece(text=text[at:start], tokens=0, trained=False, message=None)
        same = number + 1
        while same < len(spans) and spans[same][0] < end:  # tokens of the same character
            end = max(end, spans[same][1])
            same += 1
        flag = flags[number]
        yield Piece(
            text=text[max(start, at) : end],
            tokens=same - number,
            trained=flag is not None,
            message=flag.message if flag else None,
        )
        at = max(at, end)
        number = same
    if at < len(text):
        yield Piece(text=text[at:], tokens=0, trained=False, message=None)
