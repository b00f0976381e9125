"""One place, connected: the official client, and who is asked with which key, without the key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from finetune.providers.failures import place_error
from finetune.providers.places import Place

if TYPE_CHECKING:
    import openai


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    place: Place
    client: openai.OpenAI = field(repr=False)
    endpoint: str  # without credentials
    account: str  # fingerprint of address and key

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """The SDK's errors as the program's own; `what` was asked for."""
        import openai

        try:
            yield
        except (openai.OpenAIError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise place_error(error, self.place, what=what, endpoint=self.endpoint) from error


Connect = Callable[[str], Connection]  # by a place's name; raises SettingsError where it is not set up


def account_of(url: str, key: str) -> str:
    """File ids and jobs count only with the address and key that they were made with."""
    return hashlib.sha256(f"{url}\n{key}".encode()).hexdigest()[:16]
