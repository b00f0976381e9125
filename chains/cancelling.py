"""A stop that takes effect at once: on a wait for a retry, and on a socket that a silent server holds open.

    stop = Cancellation()
    with stop.applies():            # in the worker's thread, around the chain's events
        for event in chain.stream(question): ...
    stop.cancel()                   # from any other thread: the worker's request ends with StoppedError

Requests made in other threads of the worker's are not reached (threads do not inherit a context).
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from errors import StoppedError

if TYPE_CHECKING:
    import ssl

    import httpcore2
    import httpx2

STOPPED = "The answer was stopped."
_applying: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)


class Cancellation:
    """Whether to stop, and what to break off when it is said. Thread-safe; once cancelled it stays so."""

    def __init__(self) -> None:
        self._said = threading.Condition()
        self._cancelled = False
        self._breaks: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        with (
            self._said
        ):  # also while breaking off: a connection whose block has ended may be another's by now
            self._cancelled = True
            self._said.notify_all()
            for break_off in list(self._breaks):
                break_off()

    def check(self) -> None:
        """Raises StoppedError once cancelled."""
        if self._cancelled:
            raise StoppedError(STOPPED)

    def wait(self, seconds: float) -> None:
        """Sleeps. Raises StoppedError as soon as it is cancelled."""
        with self._said:
            self._said.wait_for(lambda: self._cancelled, timeout=seconds)
        self.check()

    @contextmanager
    def breaking(self, break_off: Callable[[], None]) -> Iterator[None]:
        """`break_off`, which must not block, is called by the cancelling thread if that comes within the block."""
        with self._said:
            self._breaks.append(break_off)
            late = self._cancelled
        try:
            if late:
                break_off()
            yield
        finally:
            with self._said:
                self._breaks.remove(break_off)

    @contextmanager
    def applies(self) -> Iterator[Cancellation]:
        """Makes it the one that requests in this thread, within the block, heed."""
        token = _applying.set(self)
        try:
            yield self
        finally:
            _applying.reset(token)


def current_cancellation() -> Cancellation:
    """The one that applies here, or one that nobody will cancel."""
    return _applying.get() or Cancellation()


def interruptible(client: httpx2.Client) -> httpx2.Client:
    """`client` with every blocking read and write of its sockets under the cancellation that applies.

    httpx2 has no public place for a network backend: the pools of its own transports are given one. Where a
    version keeps them elsewhere, a stop takes effect at the server's next event (tests/chains/test_generation.py).
    """
    for transport in (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()):
        pool = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if pool is not None and backend is not None:
            pool._network_backend = _Backend(backend)
    return client


class _Backend:
    """A httpcore2 NetworkBackend whose streams can be broken off."""

    def __init__(self, inner: httpcore2.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> _Stream:
        return _Stream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> _Stream:
        return _Stream(self._inner.connect_unix_socket(path, timeout, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream:
    """A httpcore2 NetworkStream under the cancellation that applies in the thread that reads."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with current_cancellation().breaking(self._break_off):
            return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with current_cancellation().breaking(self._break_off):
            self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> _Stream:
        with current_cancellation().breaking(self._break_off):
            return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def _break_off(self) -> None:
        """Wakes the thread that reads. The plain socket's method: SSLSocket's own would race with its read."""
        held = self._inner.get_extra_info("socket")
        if isinstance(held, socket.socket):
            with suppress(OSError):  # closed meanwhile
                socket.socket.shutdown(held, socket.SHUT_RDWR)
