"""python -m app serve: OpenAI's API over this workspace, without the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.ingest import load_sample
from app.cli.output import say
from app.workspace import open_workspace
from errors import SettingsError

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to serve on; 0 takes a free one.")] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to serve on; others than 127.0.0.1 need GROUNDTUNE_API_KEY.")
    ] = "127.0.0.1",
    sample: Annotated[bool, typer.Option(help="Load the sample company first.")] = True,
) -> None:
    """Serve OpenAI's API at /v1; prints its address when it is ready. `ui` serves it beside the page."""
    from app.api.application import create_site
    from app.web import LOOPBACK, serve_application

    workspace = open_workspace()
    if host not in LOOPBACK and workspace.settings.api_key.value is None:
        raise SettingsError(
            f"Whoever reaches {host} could use the API: set GROUNDTUNE_API_KEY first, or keep --host 127.0.0.1."
        )
    if workspace.settings.api_key.value is None:
        say("No GROUNDTUNE_API_KEY is set: only programs on this machine are answered, with any key.")

    def prepare() -> None:
        if sample:
            load_sample()

    def build(_port: int) -> ASGIApp:
        return create_site(workspace)

    serve_application(build, host=host, port=port, prepare=prepare, path="/v1")
