"""A frozen dataset, a place on this machine, and the door to it; nobody really waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import openai
import pytest

from chains.connection import http_client
from errors import SettingsError
from finetune.catalogue import load_catalogue
from finetune.freezing import Facts, Frozen, FrozenStore
from finetune.providers.connection import Connection, account_of
from finetune.providers.fine_tuning import FineTuning
from finetune.providers.ledger import Ledger
from finetune.providers.orders import Order, Recipe
from finetune.providers.places import place_named
from tests.loopback.tuning_server import TuningPlace, serve_tuning

KEY = "sk-test-1234567890abcdef"


def rows(count: int, said: str = "Row") -> str:
    return "".join(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"Question {number} of many?"},
                    {"role": "assistant", "content": f"{said} {number} is the answer."},
                ]
            }
        )
        + "\n"
        for number in range(count)
    )


@dataclass
class Clock:
    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def connection_to(url: str, name: str, *, key: str = KEY, retries: int = 0) -> Connection:
    client = openai.OpenAI(
        base_url=url, api_key=key, http_client=http_client(url), max_retries=retries, timeout=10.0
    )
    return Connection(place=place_named(name), client=client, endpoint=url, account=account_of(url, key))


def connecting(url: str, key: str = KEY) -> Callable[[str], Connection]:
    def connect(name: str) -> Connection:
        if name == "nebius":
            raise SettingsError("Nebius Token Factory is not connected: set NEBIUS_API_KEY.")
        return connection_to(url, name, key=key)

    return connect


@pytest.fixture
def place() -> Iterator[TuningPlace]:
    with serve_tuning() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def frozen_store(tmp_path: Path) -> FrozenStore:
    return FrozenStore(tmp_path / "frozen")


@pytest.fixture
def frozen(frozen_store: FrozenStore, tmp_path: Path) -> Frozen:
    train, validation = tmp_path / "train.jsonl", tmp_path / "validation.jsonl"
    train.write_text(rows(12), "utf-8")
    validation.write_text(rows(4, "Held out"), "utf-8")
    return frozen_store.freeze({"train": train, "validation": validation}, Facts(name="Rental desk"))


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "tuning", clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def work(place: TuningPlace, ledger: Ledger, frozen_store: FrozenStore, clock: Clock) -> FineTuning:
    return FineTuning(
        ledger=ledger,
        connect=connecting(place.url),
        frozen=frozen_store,
        catalogue=load_catalogue,
        sleep=clock.sleep,
        chance=lambda: 0.5,
    )


@pytest.fixture
def order(work: FineTuning, frozen: Frozen) -> Order:
    return work.order(
        frozen,
        place="openai",
        model="gpt-4.1-mini-2025-04-14",
        recipe=Recipe(epochs=2, suffix="desk", seed=7),
    )


def without(order: Order, **changes: object) -> Order:
    return replace(order, recipe=replace(order.recipe, **changes))  # type: ignore[arg-type]
