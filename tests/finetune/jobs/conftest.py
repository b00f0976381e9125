"""A desk for each test; what still runs when it ends is ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune.jobs.states import LEASED, STATES, TERMINAL
from tests.finetune.jobs.desk import Desk, kill


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "tuning")
    yield made
    for job in made.store.jobs.in_states(*(state for state in STATES if state not in TERMINAL)):
        if (holder := made.store.leases.holder(job.id)) and holder[1]:
            kill(holder[1])
        if job.state not in (*LEASED, "cancelling"):
            made.store.jobs.ask(job.id, "cancel")
    made.until_quiet()
    made.store.close()
