"""How much a request may carry: refused by its announced length, and while it comes where nothing was announced."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.api.errors import Refusal, RefusedError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MIB = 2**20
FORM = MIB  # what a multipart form takes around its file
FILE_BYTES = 512 * MIB  # OpenAI's limits of one file and of one part of an upload
PART_BYTES = 64 * MIB
JSON_BYTES = 20 * MIB


def limit_of(path: str) -> int:
    if re.search(r"/files/?$", path):
        return FILE_BYTES + FORM
    if re.search(r"/uploads/[^/]+/parts/?$", path):
        return PART_BYTES + FORM
    return JSON_BYTES


class BodyLimit:
    """ASGI middleware. What the framework says of a body that it could not read to its end is not what the client gets:
    that body was too large.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, came, begun, told = limit_of(scope["path"]), 0, False, False
        if _announced(scope) > limit:
            await _too_large(limit).send(send)
            return

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > limit:
                raise RefusedError(_too_large(limit))
            return message

        async def judged(message: Message) -> None:
            nonlocal begun, told
            if begun or came <= limit:
                begun = True
                await send(message)
            elif not told:
                told = True
                await _too_large(limit).send(send)

        await self._app(scope, counted, judged)


def _announced(scope: Scope) -> int:
    text = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(text) if text.isdigit() else 0


def _too_large(limit: int) -> Refusal:
    message = f"The request is too large: at most {limit // MIB:,} MiB are taken here."
    if limit == FILE_BYTES + FORM:
        message = "The file is too large: send files above 512 MB in parts, by /v1/uploads."
    return Refusal(status=413, message=message, code="request_too_large", headers={"connection": "close"})
