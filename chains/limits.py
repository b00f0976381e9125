"""How much a model server is asked at once, and how much an answer may cost.

`Limits` are shared by all threads of the process that use the same server; a `Budget` belongs to one conversation
or evaluation. Both are asked by chains/generation.py before every request.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from chains.cancelling import Cancellation
from chains.prices import Price
from errors import ProviderError, SpendingLimitError

MINUTE_S = 60.0
LONGEST_WAIT_S = 120.0
EXPECTED_OUTPUT_TOKENS = 500  # held back from the budget while a reply is under way
_LOOK_AGAIN_S = 0.25  # a waiting thread looks for a stop this often


class Limits:
    """At most so many requests in any 60 seconds, and so many at a time; None: no limit. Thread-safe."""

    def __init__(
        self,
        *,
        requests_per_minute: int | None = None,
        concurrent_requests: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        longest_wait_s: float = LONGEST_WAIT_S,
    ) -> None:
        self._per_minute = requests_per_minute
        self._at_once = concurrent_requests
        self._clock = clock
        self._longest_wait_s = longest_wait_s
        self._lock = threading.Lock()
        self._sent: deque[float] = deque()
        self._running = 0

    @contextmanager
    def turn(self, cancellation: Cancellation) -> Iterator[None]:
        """Waits for a turn and holds it for the block.

        Raises StoppedError when stopped meanwhile, ProviderError after `longest_wait_s` of waiting.
        """
        since = self._clock()
        while (wait := self._try()) > 0:
            if self._clock() + min(wait, _LOOK_AGAIN_S) - since > self._longest_wait_s:
                raise ProviderError(self._full())
            cancellation.wait(min(wait, _LOOK_AGAIN_S))
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    def _try(self) -> float:
        """Takes a turn and returns 0, or returns the seconds after which it is worth another try."""
        with self._lock:
            now = self._clock()
            while self._sent and self._sent[0] <= now - MINUTE_S:
                self._sent.popleft()
            if self._at_once is not None and self._running >= self._at_once:
                return _LOOK_AGAIN_S / 10
            if self._per_minute is not None and len(self._sent) >= self._per_minute:
                return max(self._sent[0] + MINUTE_S - now, 0.001)
            self._running += 1
            if self._per_minute is not None:
                self._sent.append(now)
            return 0.0

    def _full(self) -> str:
        return (
            f"The model server had no turn free within {self._longest_wait_s:g} s: try again later, or raise "
            "GROUNDTUNE_REQUESTS_PER_MINUTE or GROUNDTUNE_CONCURRENT_REQUESTS."
        )


@cache
def shared_limits(endpoint: str, requests_per_minute: int | None, concurrent_requests: int | None) -> Limits:
    """The process's limits for a server: whoever connects to it gets the same ones."""
    del endpoint  # a part of the cache's key
    return Limits(requests_per_minute=requests_per_minute, concurrent_requests=concurrent_requests)


class Budget:
    """US dollars that may be spent. Thread-safe.

    A request may start while what was spent, what runs, and its own expected cost stay within the limit; a reply
    longer than `EXPECTED_OUTPUT_TOKENS` may therefore end above it, and the next request is refused.
    """

    def __init__(
        self,
        limit_usd: float,
        *,
        spent_usd: float = 0.0,
        setting: str = "GROUNDTUNE_SPENDING_LIMIT",
        what: str = "conversation",
    ) -> None:
        self.limit_usd = limit_usd
        self._setting = setting
        self._what = what
        self._lock = threading.Lock()
        self._spent = spent_usd
        self._held = 0.0

    @property
    def spent_usd(self) -> float:
        with self._lock:
            return self._spent

    def hold(self, price: Price | None, input_tokens: int, *, model_id: str) -> Held:
        """Sets the expected cost of a request aside. Raises SpendingLimitError."""
        if price is None:
            raise SpendingLimitError(
                f"{self._setting} is set, and no price of {model_id} is known: write its price into prices.toml "
                "in GROUNDTUNE_HOME (chains/prices.toml shows how), or unset the limit."
            )
        amount = price.cost(input_tokens, EXPECTED_OUTPUT_TOKENS)
        with self._lock:
            if self._spent + self._held + amount > self.limit_usd:
                raise SpendingLimitError(
                    f"This {self._what} has spent ${self._spent:.4f} of the ${self.limit_usd:g} that "
                    f"{self._setting} allows, and another request may pass it: raise it, or begin a new {self._what}."
                )
            self._held += amount
        return Held(self, amount)

    def _settle(self, held: float, cost: float) -> None:
        with self._lock:
            self._held -= held
            self._spent += cost


class Held:
    """An amount set aside until the real one is known."""

    def __init__(self, budget: Budget, amount: float) -> None:
        self._budget = budget
        self._amount = amount

    def settle(self, cost_usd: float) -> None:
        """Charges what it cost in the end. To be called once."""
        self._budget._settle(self._amount, cost_usd)
