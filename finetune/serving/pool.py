"""The processes that generate, one a base model, shared by all who ask in this process."""

from __future__ import annotations

import atexit
import threading
from collections import OrderedDict
from functools import cache

from finetune.serving.server import Launch, Server

MOST_BASES = 2  # in memory at once


class Pool:
    """Thread-safe. A base more than `most` ends the one that was asked longest ago and is not answering."""

    def __init__(self, *, most: int = MOST_BASES) -> None:
        self._most = most
        self._servers: OrderedDict[Launch, Server] = OrderedDict()
        self._lock = threading.Lock()

    def server(self, launch: Launch) -> Server:
        with self._lock:
            made = self._servers.setdefault(launch, Server(launch))
            self._servers.move_to_end(launch)
            spare = [one for one in self._servers.values() if one is not made and one.pid and not one.busy]
            ended = spare[: max(len(spare) + 1 - self._most, 0)]
        for server in ended:
            server.close()
        return made

    def close(self) -> None:
        with self._lock:
            servers = list(self._servers.values())
            self._servers.clear()
        for server in servers:
            server.close()


@cache
def shared_pool() -> Pool:
    """This process's own; its processes end with it."""
    pool = Pool()
    atexit.register(pool.close)
    return pool
