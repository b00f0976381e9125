"""OpenAI's error envelope: what every refusal and failure of the API looks like.

{"error": {"message": "...", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.api.json_answer import JSON
from errors import (
    GroundtuneError,
    KnowledgeBaseBusyError,
    KnowledgeBaseNotFoundError,
    LocalModelNotFoundError,
    NoModelConnectedError,
    ProviderError,
    SpendingLimitError,
    StoppedError,
    TrainingExtrasMissingError,
    TuningBusyError,
    TuningConflictError,
    TuningNotFoundError,
    TuningRequestError,
    TuningStateError,
)

if TYPE_CHECKING:
    from starlette.types import Send

NOT_AGAIN: Mapping[str, str] = {"x-should-retry": "false"}  # the official clients heed it
SOON: Mapping[str, str] = {"retry-after": "1"}
UNREADABLE = (
    "The body of the request cannot be read: send JSON in UTF-8 whose lists and objects do not stand hundreds deep in "
    "one another, without numbers of thousands of digits."
)
INSIDE = "Something went wrong inside Groundtune; its log has the details."


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One error answer."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] | None = None

    def envelope(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        return JSON(self.envelope(), status_code=self.status, headers=dict(self.headers or {}))

    async def send(self, send: Send) -> None:
        """To a client whose request no endpoint has seen."""
        body, response = JSON(self.envelope()).body, self.response()
        await send({"type": "http.response.start", "status": self.status, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": bytes(body)})


class RefusedError(GroundtuneError):
    """What the API itself refuses, before anything of the workspace was asked."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def refused(
    message: str, *, param: str | None = None, code: str | None = None, status: int = 400
) -> RefusedError:
    return RefusedError(Refusal(status=status, message=message, param=param, code=code))


# The first class that fits counts.
_KNOWN: Sequence[tuple[type[GroundtuneError], Refusal]] = (
    (TuningNotFoundError, Refusal(status=404, message="", code="not_found")),
    (TuningStateError, Refusal(status=400, message="", code="invalid_job_state")),
    (TuningConflictError, Refusal(status=409, message="", code="idempotency_conflict", headers=NOT_AGAIN)),
    (TuningBusyError, Refusal(status=503, message="", kind="server_error", code="busy", headers=SOON)),
    (LocalModelNotFoundError, Refusal(status=404, message="", code="model_not_found", param="model")),
    (KnowledgeBaseNotFoundError, Refusal(status=404, message="", code="model_not_found", param="model")),
    (KnowledgeBaseBusyError, Refusal(status=503, message="", kind="server_error", code="busy", headers=SOON)),
    (NoModelConnectedError, Refusal(status=400, message="", code="model_not_available", param="model")),
    (TrainingExtrasMissingError, Refusal(status=400, message="", code="model_not_available", param="model")),
    (
        SpendingLimitError,
        Refusal(
            status=429,
            message="",
            kind="insufficient_quota",
            code="insufficient_quota",
            headers=NOT_AGAIN,
        ),
    ),
    (
        ProviderError,
        Refusal(status=502, message="", kind="server_error", code="provider_error", headers=NOT_AGAIN),
    ),
    (StoppedError, Refusal(status=499, message="", code="stopped")),
    (GroundtuneError, Refusal(status=500, message="", kind="server_error", headers=NOT_AGAIN)),
)


def refusal_of(error: Exception) -> Refusal:
    """What the client is told; of a defect no more than that there was one."""
    if isinstance(error, RefusedError):
        return error.refusal
    if isinstance(error, TuningRequestError):
        return Refusal(status=400, message=str(error), code=error.code, param=error.param)
    for kind, known in _KNOWN:
        if isinstance(error, kind):
            return Refusal(
                status=known.status,
                message=str(error),
                kind=known.kind,
                code=known.code,
                param=known.param,
                headers=known.headers,
            )
    return Refusal(status=500, message=INSIDE, kind="server_error")


def envelope_everywhere(api: FastAPI) -> None:
    """No answer of the framework's own form is left."""
    api.add_exception_handler(HTTPException, of_the_framework)
    api.add_exception_handler(RequestValidationError, _of_the_request)
    api.add_exception_handler(GroundtuneError, _known)
    api.add_exception_handler(Exception, _known)


async def _known(_request: Request, error: Exception) -> Response:
    return refusal_of(error).response()


async def of_the_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    where = f"{request.method} {request.url.path}"
    if error.status_code == 404:
        found = Refusal(status=404, message=f"Unknown request URL: {where}.", code="unknown_url")
    elif error.status_code == 405:
        message = f"Not allowed to {request.method} on {request.url.path}."
        found = Refusal(status=405, message=message, code="method_not_allowed", headers=error.headers)
    elif isinstance(error.__cause__, (ValueError, RecursionError)):
        found = Refusal(status=error.status_code, message=UNREADABLE, code="invalid_json")
    else:
        found = Refusal(status=error.status_code, message=str(error.detail), headers=error.headers)
    return found.response()


async def _of_the_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults: Sequence[Mapping[str, Any]] = error.errors()
    first = faults[0]
    if first["type"] in ("json_invalid", "json_type"):
        message = f"The body of the request is no JSON: {first.get('ctx', {}).get('error', first['msg'])}."
        return Refusal(status=400, message=message, code="invalid_json").response()
    param = _path(first["loc"])
    same = [fault for fault in faults if _path(fault["loc"]) == param]  # one for each branch of a union
    code = "invalid_value" if len(same) > 1 else _code(first["type"])
    return Refusal(status=400, message=_sentence(same, param), param=param, code=code).response()


def _path(loc: Sequence[str | int]) -> str | None:
    """("body", "messages", 0, "content", "str") -> "messages[0].content": the names of a union's branches go."""
    parts = loc[1:] if loc and loc[0] in ("body", "query", "path", "header") else loc
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _is_field(part):
            text += f".{part}" if text else part
    return text or None


def _is_field(part: str) -> bool:
    branch = part in ("str", "int", "float", "bool") or part.startswith(("constrained-", "list[", "literal["))
    return not branch and not part[:1].isupper()


def _code(kind: str) -> str:
    if kind == "missing":
        return "missing_required_parameter"
    return "invalid_type" if kind.endswith("_type") else "invalid_value"


def _sentence(faults: Sequence[Mapping[str, Any]], param: str | None) -> str:
    what = f"'{param}'" if param else "body of the request"
    if faults[0]["type"] == "missing":
        return f"Missing required parameter: {what}." if param else "The body of the request is missing."
    if faults[0]["type"] == "extra_forbidden":
        return f"Unrecognized request argument: {what}."
    said = [
        str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should be ") for fault in faults
    ]
    wanted = " or ".join(dict.fromkeys(one.rstrip(".") for one in said))
    return f"Invalid {what}: {wanted}." if wanted[:1].isupper() else f"Invalid {what}: it should be {wanted}."
