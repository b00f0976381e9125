"""/v1/chat/completions: the modes, tuned models, checkpoints and open models, whole or as a stream."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.answering import Finished, answered
from app.api.chat_request import ChatBody, check_can_be_honoured
from app.api.context import InWorkspace
from app.api.json_answer import JSON, as_json
from app.api.json_body import CheckedRoute
from app.api.model_names import find
from app.api.streaming import EventStream, run_stoppable

if TYPE_CHECKING:
    from app.workspace import Workspace
    from chains.cancelling import Cancellation

router = APIRouter(prefix="/chat/completions", route_class=CheckedRoute)
END = "data: [DONE]\n\n"


@router.post("", response_model=None)
async def create(request: Request, workspace: InWorkspace, body: ChatBody) -> Response:
    check_can_be_honoured(body)
    asked = _Asked(workspace=workspace, body=body)
    if body.stream:
        return EventStream(asked.blocks)
    return JSON(await run_stoppable(request, asked.whole))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One request, and what all its chunks share."""

    workspace: Workspace
    body: ChatBody
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def _parts(self) -> Iterator[str | Finished]:
        """In the thread of the answer, where looking a model up may wait for the disk."""
        yield from answered(self.workspace, find(self.workspace, self.body.model), self.body)

    # --- whole ------------------------------------------------------------------------------------

    def whole(self) -> dict[str, Any]:
        choices, ends = [], []
        for index in range(self.body.n or 1):
            text, end = self._collected()
            message = {"role": "assistant", "content": text, "refusal": None}
            choices.append(self._choice(index, message=message, finish_reason=end.finish_reason))
            ends.append(end)
        return {
            **self._head("chat.completion"),
            "choices": choices,
            "usage": _usage(ends),
            "x_groundtune": ends[-1].own,
        }

    def _collected(self) -> tuple[str, Finished]:
        texts, end = [], None
        for part in self._parts():
            if isinstance(part, Finished):
                end = part
            else:
                texts.append(part)
        assert end is not None, "an answer ends with Finished"
        return "".join(texts), end

    # --- streamed ---------------------------------------------------------------------------------

    def blocks(self, _stop: Cancellation) -> Iterator[str]:
        ends: list[Finished] = []
        for index in range(self.body.n or 1):
            opening = {"role": "assistant", "content": "", "refusal": None}
            for part in self._parts():
                if opening:  # only now: an error before it is an answer with its own status
                    yield self._block(choices=[self._choice(index, delta=opening)])
                    opening = {}
                if isinstance(part, Finished):
                    ends.append(part)
                    last = self._choice(index, delta={}, finish_reason=part.finish_reason)
                    yield self._block(choices=[last], x_groundtune=part.own)
                else:
                    yield self._block(choices=[self._choice(index, delta={"content": part})])
        if self._counts:
            yield self._block(choices=[], usage=_usage(ends))
        yield END

    def _block(self, **more: Any) -> str:
        usage = {"usage": None} if self._counts else {}
        return f"data: {as_json({**self._head('chat.completion.chunk'), **usage, **more})}\n\n"

    @property
    def _counts(self) -> bool:
        options = self.body.stream_options
        return bool(options and options.include_usage)

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.body.model}

    @staticmethod
    def _choice(index: int, *, finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
        return {"index": index, **more, "logprobs": None, "finish_reason": finish_reason}


def _usage(ends: list[Finished]) -> dict[str, int]:
    """The prompt is counted once, as OpenAI does, whatever the number of choices."""
    prompt, completion = ends[0].prompt_tokens, sum(end.completion_tokens for end in ends)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
