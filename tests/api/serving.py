"""The API on a real loopback port, asked by the official client as anybody would have it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from openai import OpenAI

from app.api.application import create_site
from app.settings import load_settings
from app.workspace import Workspace

SOON_S = 20.0


@contextmanager
def serving(workspace: Workspace) -> Iterator[str]:
    """The base URL, ending in /v1."""
    ready = threading.Event()

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup()
            ready.set()

    server = Announcing(
        uvicorn.Config(
            create_site(workspace), port=0, log_level="error", access_log=False, timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(SOON_S)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        thread.join(SOON_S)


@contextmanager
def asked(home: object, *, key: str = "any", **environment: str) -> Iterator[OpenAI]:
    """An unmodified client of a server on that home."""
    workspace = Workspace(load_settings({"GROUNDTUNE_HOME": str(home), **environment}))
    with serving(workspace) as url, OpenAI(base_url=url, api_key=key, max_retries=0) as client:
        yield client
    workspace.close()
