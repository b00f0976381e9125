"""python -m app ui: the web page, with the sample company loaded."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.ingest import load_sample


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to serve on.")] = 8501,
    host: Annotated[
        str, typer.Option(help="Address to serve on; keep 127.0.0.1 unless behind a proxy.")
    ] = "127.0.0.1",
    sample: Annotated[bool, typer.Option(help="Load the sample company first.")] = True,
) -> None:
    """Serve the web page; prints its address when it is ready."""
    from app.web import serve

    serve(host=host, port=port, prepare=load_sample if sample else None)
