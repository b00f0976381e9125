"""The conversations of examples/followups.jsonl: their documents exist and hold what is asked for."""

from __future__ import annotations

import json

import pytest

from benchmarks.followups import CONVERSATIONS
from tests.examples.company import COMPANY, text_of

ROWS = [json.loads(line) for line in CONVERSATIONS.read_text("utf-8").splitlines()]


def test_there_are_enough_and_each_has_its_own_id() -> None:
    assert len({row["_id"] for row in ROWS}) == len(ROWS) >= 30


@pytest.mark.parametrize("row", ROWS, ids=[row["_id"] for row in ROWS])
def test_a_conversation_names_documents_that_exist(row: dict[str, list[str]]) -> None:
    assert row["turns"]
    assert row["text"]
    assert row["alone"]
    assert row["gold"]
    for document in row["gold"]:
        assert (COMPANY / document).is_file()
    told = " ".join(text_of(document) for document in row["gold"]).replace("*", "").lower()
    assert not row["answers"] or any(answer.lower() in told for answer in row["answers"])
