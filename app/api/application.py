"""The API as an ASGI application: what every request passes, and which parts answer.

    python -m app serve --port 8000     alone; `python -m app ui` serves it beside the page, at /v1

Who may ask (guard) > how much it may carry (body_limit) > the endpoint > OpenAI's envelope around what went wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from app.api import chat, embeddings, files, fine_tuning, models, uploads
from app.api.body_limit import BodyLimit
from app.api.errors import envelope_everywhere, of_the_framework
from app.api.guard import Guard, RequestIds
from app.api.json_answer import JSON
from app.api.waiting import go_on

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from app.workspace import Workspace

MOUNTED_AT = "/v1"
PARTS = (models, chat, embeddings, files, uploads, fine_tuning)


def create_api(workspace: Workspace) -> ASGIApp:
    """The API of one workspace, to be mounted at /v1. Jobs that wait are gone on with."""
    go_on(workspace)
    api = FastAPI(title="Groundtune", docs_url=None, redoc_url=None, default_response_class=JSON)
    api.state.workspace = workspace
    for part in PARTS:
        api.include_router(part.router)
    envelope_everywhere(api)
    return RequestIds(Guard(BodyLimit(api), key=lambda: workspace.settings.api_key.value))


def create_site(workspace: Workspace) -> Starlette:
    """The API without the page: /v1 and /healthz."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Mount, Route

    async def healthz(_request: Request) -> Response:
        return JSON({"status": "ok"})

    return Starlette(
        routes=[Route("/healthz", healthz), Mount(MOUNTED_AT, create_api(workspace))],
        exception_handlers={HTTPException: of_the_framework},
    )
