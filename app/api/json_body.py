"""JSON as it comes in: half a character in a text is refused at the border, where UTF-8 could not hold it later on."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import refused

_ESCAPED_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


class CheckedRequest(Request):
    async def json(self) -> Any:
        value = await super().json()
        if _ESCAPED_HALF.search(await self.body()):
            _check_whole(value)
        return value


class CheckedRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return await inner(CheckedRequest(request.scope, request.receive))

        return handler


def _check_whole(value: Any) -> None:
    try:
        if isinstance(value, str):
            value.encode()
    except UnicodeEncodeError:
        message = "The body of the request holds half a character (a surrogate without its other half)."
        raise refused(message, code="invalid_json") from None
    for part in _parts(value):
        _check_whole(part)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []
