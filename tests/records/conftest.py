"""A database of its own, a clock that goes on by a second a look, and answers made by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.records.conversations import Conversations
from app.records.database import Database
from app.records.entries import Exchange, Scope
from app.records.store import Records
from chains.answer import Answer, Citation, Confidence, Location, Passage, Scores

ME = Scope(tenant="acme", owner="me")
OTHERS = (Scope(tenant="acme", owner="you"), Scope(tenant="globex", owner="me"))
START = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)


def ticking(start: datetime = START) -> Callable[[], datetime]:
    seconds = itertools.count()
    return lambda: start + timedelta(seconds=next(seconds))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "groundtune.db"


@pytest.fixture
def records(path: Path) -> Iterator[Records]:
    opened = Records(Database(path), clock=ticking())
    yield opened
    opened.close()


@pytest.fixture
def talks(records: Records) -> Conversations:
    return records.conversations


def answer(text: str = "Every employee has 27 days [1].", **more: object) -> Answer:
    quote = "Every employee has 27 days of leave."
    cited = Citation(
        marker=1,
        chunk_id="leave#0",
        document_id="leave",
        document_name="Leave policy",
        location=Location(page=2, headings=("Leave",)),
        start=0,
        end=len(quote),
        quote=quote,
        verified=True,
    )
    read = Passage(
        chunk_id="leave#0",
        document_id="leave",
        document_name="Leave policy",
        text=quote,
        start=0,
        end=len(quote),
        location=Location(page=2, headings=("Leave",)),
        score=1.5,
        scores=Scores(fused=1.5, cosine=0.75, terms=("days",)),
        metadata={"media_type": "text/markdown"},
    )
    known = {
        "mode": "rag",
        "model": "compatible:test",
        "citations": (cited,),
        "passages": (read,),
        "confidence": Confidence(
            value=0.9, level="high", reasons=("It is quoted.",), signals={"margin": 0.5}
        ),
    }
    return Answer(text=text, **(known | more))  # type: ignore[arg-type]


def asked(talks: Conversations, scope: Scope, *questions: str) -> list[Exchange]:
    """A conversation where each question is answered with its own words."""
    talk = talks.begin(scope)
    done = []
    for question in questions:
        exchange = talks.ask(
            scope, talk.conversation_id, question=question, mode="rag", knowledge_base="sample"
        )
        assert talks.finish(scope, exchange.latest.answer_id, answer(f"Answer to {question}"))
        done.append(exchange)
    return done
