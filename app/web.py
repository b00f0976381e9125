"""One ASGI process: the web page at /, the API at /v1 and /healthz beside it, security headers on everything.

python -m app ui --port 8501
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import re
import secrets
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.settings import PROJECT_ROOT
from errors import GroundtuneError, SettingsError

if TYPE_CHECKING:
    import streamlit as st
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SHELL = PROJECT_ROOT / "app" / "ui" / "shell.py"
CONFIG = PROJECT_ROOT / ".streamlit" / "config.toml"
BROWSER_COOKIE = "groundtune_browser"  # which conversations are this browser's; carries no rights beyond that
LARGEST_MESSAGE_BYTES = 16 * 2**20  # from the browser; files travel by HTTP, not by the web socket
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(*, host: str = "127.0.0.1", port: int = 8501, prepare: Callable[[], None] | None = None) -> None:
    """Serves the page, and the API beside it. As `serve_application`."""
    from streamlit import config

    def build(taken: int) -> ASGIApp:
        application = create_application(host=host)
        config.set_option("server.port", taken)
        return application

    serve_application(build, host=host, port=port, prepare=prepare)


def serve_application(
    build: Callable[[int], ASGIApp],
    *,
    host: str,
    port: int,
    prepare: Callable[[], None] | None = None,
    path: str = "",
) -> None:
    """Serves until interrupted; prints the address once requests are answered. Port 0 takes a free one.

    `prepare` runs first, but with the port already taken, so that long work is not done for nothing. `build` gets that
    port; `path` belongs to the address that is printed.

    Raises SettingsError when the address cannot be used.
    """
    import uvicorn

    listening = _bind(host, port)
    if prepare is not None:
        prepare()
    taken: int = listening.getsockname()[1]
    address = f"http://{_shown(host)}:{taken}{path}"

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                print(f"Groundtune is ready: {address}  (stop it with Ctrl+C)", flush=True)  # noqa: T201

    settings = uvicorn.Config(
        build(taken),
        access_log=False,
        log_level="warning",
        server_header=False,
        ws_max_size=LARGEST_MESSAGE_BYTES,
        timeout_graceful_shutdown=3,
    )
    with listening, contextlib.suppress(KeyboardInterrupt):
        Announcing(settings).run(sockets=[listening])


def create_application(*, host: str = "127.0.0.1") -> st.App:
    """The ASGI application. On a loopback address it answers only to that address's own names (DNS rebinding)."""
    import streamlit as st
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Mount, Route
    from streamlit import net_util

    _configure()
    net_util.get_external_ip = (
        _unknown  # a page of another origin would make Streamlit ask a host of Amazon's
    )
    hosts = ["127.0.0.1", "localhost", "[::1]"] if host in LOOPBACK else ["*"]
    return st.App(
        SHELL,
        lifespan=_lifespan,
        routes=[Route("/healthz", _healthz), Mount("/v1", ApiBeside())],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
            Middleware(SecurityHeaders, policy=content_security_policy(_streamlit_index())),
        ],
        on_script_error=_report,
    )


def content_security_policy(index_html: str) -> str:
    """Only this server is ever asked for anything; inline scripts of Streamlit's own index page by their hash."""
    inline = re.findall(r"<script>(.*?)</script>", index_html, flags=re.DOTALL)
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in inline
    )
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src 'self' blob: {hashes}".rstrip(),  # blob: is how Streamlit loads a component's own code
            "style-src 'self' 'unsafe-inline'",  # Streamlit writes its styles at run time
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "frame-src 'none'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def _unknown() -> None:
    return None


class ApiBeside:
    """The API of the page's workspace, built when it is first asked: most who open the page never do."""

    def __init__(self) -> None:
        self._building = threading.Lock()
        self._built: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._built is None:
            import anyio.to_thread

            await anyio.to_thread.run_sync(self._build)
        assert self._built is not None
        await self._built(scope, receive, send)

    def _build(self) -> None:
        from app.api.application import create_api
        from app.workspace import open_workspace

        with self._building:
            self._built = self._built or create_api(open_workspace())


class SecurityHeaders:
    """ASGI middleware: the headers on every HTTP response, and a cookie that tells browsers apart."""

    def __init__(self, app: ASGIApp, *, policy: str) -> None:
        self._app = app
        self._headers = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            (b"referrer-policy", b"no-referrer"),
            (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
            (b"cross-origin-opener-policy", b"same-origin"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ours = {name for name, _ in self._headers}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in ours]
                message = {**message, "headers": [*kept, *self._headers, *self._cookie(scope, kept)]}
            await send(message)

        await self._app(scope, receive, send_with_headers)

    @staticmethod
    def _cookie(scope: Scope, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """With the page itself, by whichever of its addresses a browser comes in."""
        sent = b";".join(value for name, value in scope["headers"] if name == b"cookie")
        page = any(name.lower() == b"content-type" and b"text/html" in value for name, value in headers)
        if BROWSER_COOKIE.encode() in sent or not page:
            return []
        value = (
            f"{BROWSER_COOKIE}={secrets.token_urlsafe(18)}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
        )
        return [(b"set-cookie", value.encode())]


def _configure() -> None:
    """Takes the project's own Streamlit settings, whatever folder the program was started from."""
    import tomllib

    from streamlit import config

    def put(prefix: str, table: dict[str, Any]) -> None:
        for name, value in table.items():
            if isinstance(value, dict):
                put(f"{prefix}{name}.", value)
            else:
                config.set_option(prefix + name, value)

    put("", tomllib.loads(CONFIG.read_text("utf-8")))


def _streamlit_index() -> str:
    import streamlit

    return (Path(streamlit.__file__).parent / "static" / "index.html").read_text("utf-8")


async def _healthz(_request: Request) -> JSONResponse:
    from starlette.responses import JSONResponse

    return JSONResponse({"status": "ok"})


@contextlib.asynccontextmanager
async def _lifespan(_app: st.App) -> AsyncIterator[None]:
    """Loads the models' libraries while the browser is still starting."""
    threading.Thread(target=_warm, name="warm-up", daemon=True).start()
    yield


def _warm() -> None:
    from app.api.waiting import go_on
    from app.workspace import open_workspace

    try:
        workspace = open_workspace()
        go_on(workspace)
        workspace.encoder.embed_query("warm up")
        workspace.connections.look_for_tuned()
        workspace.connections.chat()
    except GroundtuneError as error:
        print(f"The page will say so too: {error}", file=sys.stderr, flush=True)  # noqa: T201


def _report(error: Exception) -> bool:
    """What a page did not catch is a defect: one sentence for the user, the details for the log.

    Streamlit itself has written the traceback to the log before it calls this.
    """
    import streamlit as st

    from app.ui.escape import escape

    known = isinstance(error, GroundtuneError)  # raised in a widget's callback
    sentence = str(error) if known else "Something went wrong inside Groundtune: reload the page."
    st.error(escape(sentence, longest=600), icon=":material/error:")
    return True


def _bind(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":  # there it would let two programs take one port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(128)
        except BaseException:
            listening.close()
            raise
    except (OSError, OverflowError) as error:
        raise SettingsError(_refusal(host, port, error)) from error
    return listening


def _refusal(host: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program: stop it, or choose another port with --port."
    if isinstance(error, PermissionError):
        return f"Port {port} needs administrator rights: choose one above 1023 with --port."
    return f"Cannot listen on {host}:{port} ({error}): choose another with --host and --port."


def _shown(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - only for showing: a browser cannot open the wildcard
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
