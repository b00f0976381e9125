"""Chat completions and embeddings, by the official client over a real port."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import openai
import pytest
from openai import OpenAI

from tests.api.serving import SOON_S, asked
from tests.loopback.openai_server import Scripted, serve_openai

MODEL = "all-MiniLM-L6-v2"
QUESTION: list[Any] = [{"role": "user", "content": "How many days of leave are there?"}]


@pytest.fixture
def reading(home: Path, tmp_path: Path) -> Iterator[OpenAI]:
    """Without a chat model: one knowledge base of one document."""
    from app.settings import load_settings
    from app.workspace import Workspace

    document = tmp_path / "leave.md"
    document.write_text("# Leave\n\nEvery employee has 27 days of leave – also part-timers.\n", "utf-8")
    filling = Workspace(load_settings({"GROUNDTUNE_HOME": str(home)}))
    filling.create_knowledge_base("team").ingest([document])
    filling.close()
    with asked(home) as client:
        yield client


def own(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer.x_groundtune
    return found


# --- the modes that read ------------------------------------------------------------------------


def test_an_answer_comes_with_its_sources_and_its_count(reading: OpenAI) -> None:
    answer = reading.chat.completions.create(model="rag:team", messages=QUESTION)
    (choice,) = answer.choices
    assert "27 days" in str(choice.message.content)
    assert (choice.message.role, choice.finish_reason, answer.model) == ("assistant", "stop", "rag:team")
    assert own(answer)["citations"][0]["document_name"] == "Leave"
    usage = answer.usage
    assert usage is not None and usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert min(usage.prompt_tokens, usage.completion_tokens) > 0
    assert own(answer)["usage_estimated"], "the embedded reader counts no tokens of its own"


def test_a_stream_adds_up_to_the_answer(reading: OpenAI) -> None:
    whole = reading.chat.completions.create(model="rag:team", messages=QUESTION)
    chunks = list(
        reading.chat.completions.create(
            model="rag:team", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    *parts, end, usage = chunks
    assert parts[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in parts)
    assert text == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in [*parts, end]] == [None] * len(parts) + ["stop"]
    assert own(end)["citations"] == own(whole)["citations"]
    assert (usage.choices, usage.usage) == ([], whole.usage)
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1


def test_what_is_not_in_the_documents_is_said_to_be(reading: OpenAI) -> None:
    question: list[Any] = [{"role": "user", "content": "Who won the cup in 1954?"}]
    answer = reading.chat.completions.create(model="rag:team", messages=question)
    assert own(answer)["abstained"] and own(answer)["reason"]
    assert answer.choices[0].message.content
    *parts, _ = reading.chat.completions.create(model="rag:team", messages=question, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in parts)
    assert text == answer.choices[0].message.content


def test_the_length_the_stops_and_the_number_of_answers_are_kept(reading: OpenAI) -> None:
    answer = reading.chat.completions.create(
        model="rag:team", messages=QUESTION, max_completion_tokens=2, n=2
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert {choice.finish_reason for choice in answer.choices} == {"length"}
    assert answer.usage is not None and answer.usage.completion_tokens == 4, "two of each"
    stopped = reading.chat.completions.create(model="rag:team", messages=QUESTION, stop=[" days"])
    assert str(stopped.choices[0].message.content).endswith("27")


def test_what_has_no_effect_is_said(reading: OpenAI) -> None:
    messages: list[Any] = [{"role": "developer", "content": "Be brief."}, *QUESTION]
    answer = reading.chat.completions.create(model="rag:team", messages=messages, temperature=0, user="me")
    assert own(answer)["without_effect"] == ["temperature", "system message"]


def test_content_may_come_in_parts_and_after_other_turns(reading: OpenAI) -> None:
    parts = [{"type": "text", "text": "How many days "}, {"type": "text", "text": "of leave are there?"}]
    messages: list[Any] = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": parts},
    ]
    answer = reading.chat.completions.create(model="rag:team", messages=messages)
    assert "27 days" in str(answer.choices[0].message.content)


REFUSED = [
    pytest.param({"messages": []}, 400, "messages", id="no messages"),
    pytest.param({"messages": "hi"}, 400, "messages", id="messages of another type"),
    pytest.param({"messages": [{"role": "wizard", "content": "x"}]}, 400, "messages[0].role", id="role"),
    pytest.param({"messages": [{"role": "user", "content": 5}]}, 400, "messages[0].content", id="content"),
    pytest.param({"messages": [{"role": "user"}]}, 400, "messages[0].content", id="no content"),
    pytest.param({"messages": [{"role": "user", "content": " "}]}, 400, "messages", id="nothing asked"),
    pytest.param(
        {"messages": [{"role": "assistant", "content": "x"}]}, 400, "messages", id="the last is no question"
    ),
    pytest.param(
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        400,
        "messages[0].content",
        id="a picture",
    ),
    pytest.param({"temperature": 5}, 400, "temperature", id="temperature too high"),
    pytest.param({"temperature": "hot"}, 400, "temperature", id="temperature of another type"),
    pytest.param({"max_tokens": 0}, 400, "max_tokens", id="no tokens"),
    pytest.param({"n": 0}, 400, "n", id="no choice"),
    pytest.param({"n": 9}, 400, "n", id="too many choices"),
    pytest.param({"stream": "perhaps"}, 400, "stream", id="stream"),
    pytest.param({"tools": [{"type": "function"}]}, 400, "tools", id="tools"),
    pytest.param({"logprobs": True}, 400, "logprobs", id="log probabilities"),
    pytest.param({"response_format": {"type": "json_object"}}, 400, "response_format", id="JSON mode"),
    pytest.param({"model": "no-such"}, 404, "model", id="unknown model"),
    pytest.param({"model": "rag:nowhere"}, 404, "model", id="unknown knowledge base"),
    pytest.param({"model": "base"}, 400, "model", id="a mode that cannot run"),
    pytest.param({"model": "finetuned"}, 400, "model", id="no tuned model"),
    pytest.param({"model": "responder"}, 400, "model", id="a base that is to be trained"),
    pytest.param({"model": MODEL}, 400, "model", id="a model of another kind"),
    pytest.param({"x_groundtune": {"k": 0}}, 400, "x_groundtune.k", id="our own option"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_cannot_be_done_is_refused_by_name(reading: OpenAI, stream: bool) -> None:
    """Of one server: starting one for each case would take longer than all the cases."""
    for case in REFUSED:
        change, status, param = case.values
        assert isinstance(change, dict)
        body = {"model": "rag:team", "messages": QUESTION, "stream": stream} | change
        with pytest.raises(openai.APIStatusError) as caught:
            reading.post("/chat/completions", body=body, cast_to=object)
        error = caught.value.body
        assert isinstance(error, dict), case.id
        assert (caught.value.status_code, error["param"]) == (status, param), case.id
        assert error["message"].endswith((".", "NAME")), case.id


def test_every_failure_has_the_envelope(reading: OpenAI) -> None:
    with httpx2.Client(base_url=str(reading.base_url), trust_env=False) as http:
        answers = [
            http.get("nowhere"),
            http.get("chat/completions"),
            http.post(
                "chat/completions", content=b'{"model": ', headers={"content-type": "application/json"}
            ),
            http.post(
                "chat/completions", content=b'{"model": "rag"}', headers={"content-type": "text/plain"}
            ),
            http.post(
                "chat/completions",
                content=b"""{"model": "rag:team", "messages": [{"role": "user", "content": "\\ud800"}]}""",
                headers={"content-type": "application/json"},
            ),
            http.get("models", headers={"origin": "https://evil.example"}),
        ]
    assert [answer.status_code for answer in answers] == [404, 405, 400, 400, 400, 403]
    for answer in answers:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        assert answer.headers["x-request-id"].startswith("req_")


# --- the chat model alone -------------------------------------------------------------------------


def test_the_chat_model_gets_the_messages_as_they_were_sent(home: Path) -> None:
    messages: list[Any] = [{"role": "system", "content": "Be brief."}, *QUESTION]
    with (
        serve_openai(Scripted(text="As you wish.")) as server,
        asked(home, OPENAI_BASE_URL=server.url) as client,
    ):
        answer = client.chat.completions.create(
            model="base", messages=messages, temperature=0.5, max_tokens=9, stop=["\n"]
        )
        sent = server.requests[-1].body
    assert answer.choices[0].message.content == "As you wish."
    assert answer.usage is not None and answer.usage.prompt_tokens == 11, "as the server counted"
    assert [one["content"] for one in sent["messages"]] == ["Be brief.", QUESTION[0]["content"]]
    assert (sent["temperature"], sent["stop"]) == (0.5, ["\n"])
    assert 9 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))


def test_text_arrives_while_the_model_still_writes(home: Path) -> None:
    slow = Scripted(pieces=["one ", "two ", *["more "] * 1000], gap_s=0.02)
    with serve_openai(slow) as server, asked(home, OPENAI_BASE_URL=server.url) as client:
        with client.chat.completions.create(model="base", messages=QUESTION, stream=True) as stream:
            came = [chunk.choices[0].delta.content for chunk, _ in zip(stream, range(3), strict=False)]
        assert came == ["", "one ", "two "]
        deadline = time.monotonic() + SOON_S / 2
        while not server.disconnects and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.disconnects == 1, "a client that leaves stops the model"


def test_a_server_that_fails_is_said_to(home: Path) -> None:
    def failing(_request: dict[str, Any]) -> Scripted:
        return Scripted(status=400, error_message="no such thing")

    with (
        serve_openai(answer=failing) as server,
        asked(home, OPENAI_BASE_URL=server.url) as client,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        client.chat.completions.create(model="base", messages=QUESTION, stream=True)
    assert caught.value.status_code == 502
    assert caught.value.code == "provider_error"


def test_a_stream_that_breaks_off_says_so(home: Path) -> None:
    broken = Scripted(pieces=["one ", "two"], abort_after=1)
    with serve_openai(broken) as server, asked(home, OPENAI_BASE_URL=server.url) as client:
        stream = client.chat.completions.create(model="base", messages=QUESTION, stream=True)
        with pytest.raises(openai.APIError):
            for _ in stream:
                pass


# --- embeddings -----------------------------------------------------------------------------------


def test_texts_become_vectors_in_their_order(reading: OpenAI) -> None:
    texts = ["leave", "salary", "leave"]
    made = reading.embeddings.create(model=MODEL, input=texts)  # base64, the client's default
    first, second, third = (one.embedding for one in made.data)
    assert [one.index for one in made.data] == [0, 1, 2]
    assert first == third != second
    assert np.linalg.norm(first) == pytest.approx(1.0, abs=1e-4)
    as_floats = reading.embeddings.create(model=MODEL, input="leave", encoding_format="float", dimensions=384)
    assert as_floats.data[0].embedding == pytest.approx(first, abs=1e-6)
    assert made.usage.prompt_tokens == made.usage.total_tokens > 0


def test_base64_is_little_endian_float32(reading: OpenAI) -> None:
    body = {"model": MODEL, "input": "leave", "encoding_format": "base64"}
    raw = json.loads(reading.post("/embeddings", body=body, cast_to=httpx2.Response).content)
    vector = np.frombuffer(base64.b64decode(raw["data"][0]["embedding"]), dtype="<f4")
    assert vector.shape == (384,)


@pytest.mark.parametrize("stream", [False])
def test_what_cannot_be_embedded_is_refused_by_name(reading: OpenAI, stream: bool) -> None:
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"input": []}, 400, "input"),
        ({"input": ""}, 400, "input"),
        ({"input": [1, 2, 3]}, 400, "input"),
        ({"input": [[1, 2], [3]]}, 400, "input"),
        ({"input": {"a": 1}}, 400, "input"),
        ({"input": ["short", "word " * 400]}, 400, "input"),
        ({"dimensions": 64}, 400, "dimensions"),
        ({"dimensions": "x"}, 400, "dimensions"),
        ({"encoding_format": "hex"}, 400, "encoding_format"),
        ({"model": "rag:team"}, 400, "model"),
        ({"model": "no-such"}, 404, "model"),
    ]
    for change, status, param in cases:
        with pytest.raises(openai.APIStatusError) as caught:
            reading.post("/embeddings", body={"model": MODEL, "input": "a"} | change, cast_to=object)
        error = caught.value.body
        assert isinstance(error, dict)
        assert (caught.value.status_code, str(error["param"]).split("[")[0]) == (status, param), change
