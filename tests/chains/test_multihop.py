"""Search in steps over a real knowledge base: what a passage names is searched for too, and said so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chains.generation import CallLog
from chains.models import ChatModelConfig, ConnectedModel, connect
from chains.multihop import search_in_steps, search_many_in_steps
from loaders.knowledge_base import KnowledgeBase, Record
from tests.loaders.plain_encoder import PlainEncoder
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

SCHOOLS = [
    Record(
        id=f"school-{n}", title=f"{name} School", text=f"{name} School is a county school located in a town."
    )
    for n, name in enumerate(("Alder", "Birch", "Cedar", "Dogwood", "Elder", "Fir", "Gorse", "Hazel"))
]
RECORDS = [
    *SCHOOLS,
    Record(
        id="icknield", title="Icknield School", text="Icknield School is a first school located in Royston."
    ),
    Record(id="royston", title="Royston (town)", text="Royston lies in the district of North Hertfordshire."),
    Record(id="pump", title="Pump", text="The pump P-40 moves 40 litres a minute. Its motor is the M-7."),
    Record(
        id="motors", title="Motors", text="Voltages and makers. The M-7 needs 400 volts and is made by Tarn."
    ),
    *(Record(id=f"fan-{n}", title="Fans", text=f"The fan F-{n} needs {n}0 volts.") for n in range(21, 25)),
    Record(id="leave", title="Leave", text="Every employee has 27 days of leave a year."),
]
SCHOOL = "Which district is Icknield School located in?"


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    made = KnowledgeBase.create(tmp_path / "kb", name="kb", encoder=PlainEncoder())
    made.ingest(RECORDS)
    yield made
    made.close()


def documents(base: KnowledgeBase, query: str, k: int = 2) -> list[str]:
    return [passage.document_id for passage in search_in_steps(base, query, k=k).passages]


def test_the_document_that_a_passage_names_is_found(base: KnowledgeBase) -> None:
    assert "royston" not in [passage.document_id for passage in base.search(SCHOOL, k=2)]
    assert set(documents(base, SCHOOL)) == {"icknield", "royston"}


def test_each_step_says_what_it_searched_for_and_why(base: KnowledgeBase) -> None:
    found = search_in_steps(base, SCHOOL, k=2)
    first, second = found.steps
    assert (first.query, first.why, first.chunk_ids) == (SCHOOL, "The question as asked.", ("icknield#0",))
    assert second.query == "Royston district"
    assert second.why.endswith("names “Royston”, and the question's “district” stood open.")
    assert second.chunk_ids == ("royston#0",)


def test_every_passage_belongs_to_one_step(base: KnowledgeBase) -> None:
    for query in (SCHOOL, "How many volts does the motor of the pump P-40 need?", "leave"):
        found = search_in_steps(base, query, k=5)
        told = [key for step in found.steps for key in step.chunk_ids]
        assert sorted(told) == sorted(passage.chunk_id for passage in found.passages)


def test_a_bridge_may_stand_in_the_text_alone(base: KnowledgeBase) -> None:
    query = "How many volts does the motor of the pump P-40 need?"
    assert "motors" not in [passage.document_id for passage in base.search(query, k=2)]
    found = search_in_steps(base, query, k=2)
    assert {"pump", "motors"} == {passage.document_id for passage in found.passages}
    assert any("M-7" in step.query for step in found.steps)


def test_a_name_that_no_passage_holds_is_searched_for(base: KnowledgeBase) -> None:
    query = "Is the district of Icknield School located in a county first as Tarn?"
    assert "motors" not in [passage.document_id for passage in base.search(query, k=5)]
    found = search_in_steps(base, query, k=5)
    assert "motors" in [passage.document_id for passage in found.passages]
    assert "No passage of the first search held “Tarn”." in [step.why for step in found.steps]


def test_a_question_that_one_passage_covers_is_one_search(base: KnowledgeBase) -> None:
    query = "How many days of leave a year?"
    found = search_in_steps(base, query, k=3)
    assert len(found.steps) == 1
    plain = base.search(query, k=3)
    assert [passage.chunk_id for passage in found.passages] == [passage.chunk_id for passage in plain]


def test_scores_fall_with_the_rank(base: KnowledgeBase) -> None:
    scores = [passage.score for passage in search_in_steps(base, SCHOOL, k=8).passages]
    assert scores == sorted(scores, reverse=True)


def test_many_queries_find_what_each_finds_alone(base: KnowledgeBase) -> None:
    queries = [SCHOOL, "leave days", "Which district is Alder School in?"]
    together = search_many_in_steps(base, queries, k=4)
    for query, found in zip(queries, together, strict=True):
        alone = search_in_steps(base, query, k=4)
        assert [p.chunk_id for p in found.passages] == [p.chunk_id for p in alone.passages]
        assert found.steps == alone.steps


def test_the_filter_holds_in_every_step(base: KnowledgeBase) -> None:
    found = search_in_steps(base, SCHOOL, k=5, filter={"document_id": "icknield"})
    assert {passage.document_id for passage in found.passages} == {"icknield"}


def test_an_empty_knowledge_base_gives_no_passage(tmp_path: Path) -> None:
    with KnowledgeBase.create(tmp_path / "none", name="none", encoder=PlainEncoder()) as empty:
        found = search_in_steps(empty, SCHOOL, k=5)
    assert found.passages == ()
    assert [step.chunk_ids for step in found.steps] == [()]


# --- with a chat model --------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve_openai() as running:
        yield running


def connected(server: LoopbackServer) -> ConnectedModel:
    return connect(
        ChatModelConfig(
            model_id="compatible:m", base_url=server.url, api_key="key", timeout_s=5, max_retries=0
        )
    )


OPEN = "Does the sabbatical quarter influence pensionable holiday entitlement?"


def test_a_model_is_asked_only_where_the_question_stays_open(
    base: KnowledgeBase, server: LoopbackServer
) -> None:
    server.then("days of leave")
    assert "leave" not in documents(base, OPEN)
    found = search_in_steps(base, OPEN, k=2, model=connected(server), log=(log := CallLog()))
    assert [call.purpose for call in log.calls] == ["steps"]
    assert found.steps[-1].query == "days of leave"
    assert "leave" in [passage.document_id for passage in found.passages]
    assert len(found.passages) == 2
    search_in_steps(base, "How many days of leave a year?", k=4, model=connected(server), log=log)
    assert len(server.chat_requests) == 1


def test_a_failing_model_leaves_what_was_found(base: KnowledgeBase, server: LoopbackServer) -> None:
    server.then(Scripted(status=500))
    found = search_in_steps(base, OPEN, k=4, model=connected(server), log=(log := CallLog()))
    assert found == search_in_steps(base, OPEN, k=4)
    assert len(log.notices) == 1
