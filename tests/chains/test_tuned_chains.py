"""Fine-tuned and hybrid mode over the real wire: who is asked, in which frame, and what they need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chains.answer import Answer, Question, TextDelta, Turn
from chains.finetuned import FinetunedChain
from chains.hybrid import HybridChain
from chains.models import ChatModelConfig, ConnectedModel, connect
from chains.rag import RagChain
from chains.restoring import answer_from_dict
from errors import NoModelConnectedError
from tests.chains.conftest import Shelf, WordEncoder, shelf
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

LEAVE = "Every employee has 27 days of paid leave a year."
QUESTION = Question(text="How many days of paid leave does an employee have?")
HISTORY = (Turn(role="user", text="Hello."), Turn(role="assistant", text="Good day [1]."))


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve_openai() as running:
        yield running


def tuned(server: LoopbackServer) -> ConnectedModel:
    return connect(ChatModelConfig(model_id="compatible:ft:m", base_url=server.url, max_retries=0))


def hybrid(server: LoopbackServer, kept: Shelf) -> HybridChain:
    return HybridChain(kept, chat_model=tuned(server), encoder=WordEncoder())


def test_without_a_tuned_model_both_say_what_they_need() -> None:
    with pytest.raises(NoModelConnectedError, match="GROUNDTUNE_FINETUNED_MODEL"):
        FinetunedChain(chat_model=None).stream(QUESTION)
    with pytest.raises(NoModelConnectedError, match="GROUNDTUNE_FINETUNED_MODEL"):
        HybridChain(shelf(), chat_model=None, encoder=WordEncoder()).stream(QUESTION)


def test_the_tuned_model_is_asked_in_the_frame_it_was_taught_in(server: LoopbackServer) -> None:
    server.then("27 days. Next step: ask your manager.", "Twenty-seven.")
    answer = FinetunedChain(chat_model=tuned(server), system="You are Isa.").invoke(QUESTION)
    plain = FinetunedChain(chat_model=tuned(server)).invoke(QUESTION)
    assert (answer.mode, answer.model, answer.citations) == ("finetuned", "compatible:ft:m", ())
    assert server.chat_requests[0].body["model"] == "ft:m"
    assert server.chat_requests[0].body["messages"][0] == {"role": "system", "content": "You are Isa."}
    assert server.chat_requests[1].body["messages"][0]["content"] != "You are Isa."
    assert answer.receipt is not None
    assert plain.receipt is not None
    assert answer.receipt.prompt_sha256 != plain.receipt.prompt_sha256, (
        "the system message is part of the prompt"
    )


def test_the_hybrid_model_reads_passages_without_the_conversation_before(server: LoopbackServer) -> None:
    server.then("An employee has 27 days of paid leave a year [1].")
    asked = Question(text=QUESTION.text, history=HISTORY)
    answer = hybrid(server, shelf(leave=LEAVE)).invoke(asked)
    system, user = server.chat_requests[-1].body["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert f'<passage number="1" source="Leave, page 1">\n{LEAVE}\n</passage>' in user["content"]
    assert (answer.mode, answer.model) == ("hybrid", "compatible:ft:m")
    assert [citation.verified for citation in answer.citations] == [True]
    assert answer.receipt is not None
    assert answer.receipt.parameters["prompt"] == "hybrid.v2"


def test_the_hybrid_mode_abstains_as_rag_does(server: LoopbackServer) -> None:
    server.then(Scripted(text="NOT_IN_DOCUMENTS"))
    answer = hybrid(server, shelf(leave=LEAVE)).invoke(QUESTION)
    assert answer.abstained
    assert answer.text.startswith("Not in your documents.")


def test_every_call_is_in_the_answer_with_what_was_sent(server: LoopbackServer) -> None:
    server.then(Scripted(text="27 days [1].", input_tokens=50, output_tokens=5))
    answer = hybrid(server, shelf(leave=LEAVE)).invoke(QUESTION)
    (call,) = [call for call in answer.calls if call.purpose == "answer"]
    assert (call.model, call.usage.input_tokens, call.usage.output_tokens) == ("compatible:ft:m", 50, 5)
    assert LEAVE in call.messages[-1][1]
    assert LEAVE not in str(call.as_dict()), "the JSON of an answer does not repeat the passages"


def test_a_tuned_model_is_asked_for_answers_alone(server: LoopbackServer) -> None:
    """It was not taught to complete questions: the chat model does, or the rules where there is none."""
    asked = Question(text="And for contractors?", history=(Turn(role="user", text=QUESTION.text),))
    base = connect(ChatModelConfig(model_id="compatible:plain", base_url=server.url, max_retries=0))
    server.then("How many days of leave do contractors have?", "Ten [1].", "Ten [1].")
    helped = HybridChain(
        shelf(leave=LEAVE), chat_model=tuned(server), assistant=base, encoder=WordEncoder()
    ).invoke(asked)
    alone = hybrid(server, shelf(leave=LEAVE)).invoke(asked)
    assert [(call.purpose, call.model) for call in helped.calls] == [
        ("rewrite", "compatible:plain"),
        ("answer", "compatible:ft:m"),
    ]
    assert [call.purpose for call in alone.calls] == ["answer"]
    assert "contractors" in (alone.searched_for or "")


REASONED = (
    f"<reasoning>\n[1] <quote>{LEAVE}</quote>\n</reasoning>\nYou have 27 days of paid leave a year [1]."
)


def test_the_reasoning_of_a_tuned_model_is_kept_and_never_shown(server: LoopbackServer) -> None:
    server.then(REASONED)
    *events, answer = hybrid(server, shelf(leave=LEAVE)).stream(QUESTION)
    assert isinstance(answer, Answer)
    assert answer.text == "You have 27 days of paid leave a year [1]."
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == answer.text
    assert answer.reasoning == f"[1] <quote>{LEAVE}</quote>"
    assert answer.notices == ()
    assert [citation.quote for citation in answer.citations] == [LEAVE]
    assert answer_from_dict(answer.as_record()) == answer


@pytest.mark.parametrize(
    ("reply", "reason", "notice"),
    [
        pytest.param(
            "<reasoning>\n[1] <quote>Every", "ended in its reasoning", "", id="cut in the reasoning"
        ),
        pytest.param(
            "<reasoning>\n[1] <quote>Leave is 30 days.</quote>\n</reasoning>\n27 days [1].",
            "",
            "'Leave is 30 days.'",
            id="a quote that is none",
        ),
        pytest.param(
            f"<reasoning>\n[9] <quote>{LEAVE}</quote>\n</reasoning>\n27 days [1].",
            "",
            "Every",
            id="no such passage",
        ),
        pytest.param(
            "<reasoning>\nNone.\n</reasoning>\nNOT_IN_DOCUMENTS",
            "found no answer",
            "",
            id="no answer after all",
        ),
    ],
)
def test_reasoning_that_leads_nowhere_is_told(
    server: LoopbackServer, reply: str, reason: str, notice: str
) -> None:
    server.then(reply)
    answer = hybrid(server, shelf(leave=LEAVE)).invoke(QUESTION)
    assert reason in (answer.reason or "")
    assert notice in " ".join(answer.notices)
    assert "<" not in answer.text


UNOPENED = [
    pytest.param("You have 27 days of paid leave a year [1].", False, id="answers"),
    pytest.param("NOT_IN_DOCUMENTS", True, id="finds no answer"),
]


@pytest.mark.parametrize(("said", "abstained"), UNOPENED)
def test_a_thought_that_the_prompt_opened_is_no_part_of_the_final_answer(
    server: LoopbackServer, said: str, abstained: bool
) -> None:
    server.then(f"The first passage says it, I think.\n</think>\n\n{said}")
    answer = hybrid(server, shelf(leave=LEAVE)).invoke(QUESTION)
    assert answer.reasoning == "The first passage says it, I think."
    assert answer.abstained is abstained
    assert abstained or answer.text == said


def test_the_mode_that_was_not_taught_to_reason_shows_what_it_is_given(server: LoopbackServer) -> None:
    server.then(REASONED)
    plain = RagChain(shelf(leave=LEAVE), chat_model=tuned(server), encoder=WordEncoder()).invoke(QUESTION)
    assert plain.reasoning is None
    assert "reasoning>" in plain.text
