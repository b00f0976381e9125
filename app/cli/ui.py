"""python -m app ui: the web page, with the sample company loaded."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.ingest import load_sample
from app.cli.output import say
from app.workspace import open_workspace


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to serve on.")] = 8501,
    host: Annotated[
        str, typer.Option(help="Address to serve on; keep 127.0.0.1 unless behind a proxy.")
    ] = "127.0.0.1",
    sample: Annotated[bool, typer.Option(help="Load the sample company first.")] = True,
) -> None:
    """Serve the web page; prints its address when it is ready."""
    from app.web import LOOPBACK, serve

    def prepare() -> None:
        open_workspace().forget_old_uploads()
        if sample:
            load_sample()

    if host not in LOOPBACK:
        say(f"Warning: whoever reaches {host} can read, add and remove documents: there is no log-in yet.")
    serve(host=host, port=port, prepare=prepare)
