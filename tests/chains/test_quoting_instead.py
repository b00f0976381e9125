"""Where the chat model cannot answer, the embedded engine may quote instead, and says so."""

from __future__ import annotations

import pytest

from chains.answer import Answer, Question, TextDelta
from chains.models import ChatModelConfig, connect
from chains.rag import RagChain
from errors import ProviderError
from tests.chains.conftest import WordEncoder, shelf
from tests.loopback.openai_server import Scripted, serve_openai

QUESTION = Question(text="How many days of paid leave does an employee have?")
LEAVE = "Every employee has 27 days of paid leave a year."


def chain(url: str, *, quotes_instead: bool) -> RagChain:
    model = connect(ChatModelConfig(model_id="compatible:m", base_url=url, max_retries=0))
    return RagChain(
        shelf(leave=LEAVE), chat_model=model, encoder=WordEncoder(), quotes_instead=quotes_instead
    )


def test_a_model_that_fails_is_stood_in_for_by_quotes() -> None:
    with serve_openai(Scripted(status=500)) as server:
        *events, answer = chain(server.url, quotes_instead=True).stream(QUESTION)
    assert isinstance(answer, Answer)
    assert (answer.model, answer.abstained) == ("local:extractive-reader", False)
    assert "27 days" in answer.text
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == answer.text
    assert any("compatible:m did not answer" in notice for notice in answer.notices)
    assert [call.failed is not None for call in answer.calls] == [True]
    assert answer.receipt is not None
    assert answer.receipt.model == "local:extractive-reader"


def test_without_that_wish_the_failure_is_told() -> None:
    with serve_openai(Scripted(status=500)) as server, pytest.raises(ProviderError):
        chain(server.url, quotes_instead=False).invoke(QUESTION)


def test_text_that_was_shown_is_not_taken_back_for_quotes() -> None:
    with serve_openai(Scripted(text="There are 27 days", abort_after=2)) as server:
        answer = chain(server.url, quotes_instead=True).invoke(QUESTION)
    assert answer.text.startswith("There are")
    assert answer.model == "compatible:m"
    assert answer.reason
