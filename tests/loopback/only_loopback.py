"""The switch that forbids real requests in tests: this process may reach this machine and nothing else.

`forbid()` installs an audit hook, which no library and no test can take off again, over every connection, datagram and
name look-up that Python's sockets make. A refused one raises, and is remembered in `refused`, so that a test in which
something swallowed it fails all the same. Python processes started by tests install it too (site/sitecustomize.py).
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from functools import cache
from typing import Any

refused: list[str] = []
_EVENTS = frozenset(
    {"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
)
_HERE = frozenset({"", "localhost", "0.0.0.0", "::", "<broadcast>"})


class RealRequestForbiddenError(RuntimeError):
    """A test reached for the network."""


@cache
def forbid() -> None:
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS:
        return
    host = _host(event, arguments)
    if host is None or _is_here(host):
        return
    if host.endswith(".invalid"):  # a name that never exists (RFC 6761): answered here, as a resolver would
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    refused.append(f"{event} {host!r}")
    raise RealRequestForbiddenError(f"Tests reach no host but this machine; refused: {event} {host!r}.")


def _host(event: str, arguments: tuple[Any, ...]) -> str | None:
    """None: a socket that stays in this machine (a path, an abstract name)."""
    target = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
    if isinstance(target, tuple):
        target = target[0] if target else ""
    elif event in ("socket.connect", "socket.sendto"):
        return None
    if isinstance(target, bytes):
        target = target.decode("ascii", "replace")
    return "" if target is None else str(target)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback or host in _HERE
    except ValueError:
        return host.lower().rstrip(".") in _HERE or host.lower().endswith(".localhost")
