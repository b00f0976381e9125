"""Model ids, and what connecting asks for, refuses and never shows."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from langchain_core.messages import HumanMessage

from chains.embeddings import connect_embeddings
from chains.generation import CallLog, complete
from chains.models import (
    DEFAULT_OPENAI_MODEL,
    KEYLESS,
    ChatModelConfig,
    connect,
    parse_model_id,
    shown_url,
)
from errors import (
    GroundtuneError,
    LocalModelNotFoundError,
    NoModelConnectedError,
    ProviderError,
    SettingsError,
)
from tests.loopback.openai_server import Scripted, serve_openai

CANARY = "sk-canary-7f3a91"
LOCAL = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("text", "base_url", "expected"),
    [
        ("openai:gpt-6-luna", None, "openai:gpt-6-luna"),
        ("openai:ft:gpt-4.1-mini:org::id", None, "openai:ft:gpt-4.1-mini:org::id"),
        ("compatible:llama3.2:3b", LOCAL, "compatible:llama3.2:3b"),
        ("OpenAI: gpt-6-luna ", None, "openai:gpt-6-luna"),
        ("gpt-6-luna", None, "openai:gpt-6-luna"),
        ("gpt-6-luna", "https://api.openai.com/v1", "openai:gpt-6-luna"),
        ("qwen3", LOCAL, "compatible:qwen3"),
        ("ft:gpt-4.1-mini:org::id", None, "openai:ft:gpt-4.1-mini:org::id"),
        ("ft:isa", LOCAL, "compatible:ft:isa"),
        ("azure:my-deployment", None, "azure:my-deployment"),
        ("local:ft:isa", None, "local:ft:isa"),
    ],
)
def test_a_model_id_is_read(text: str, base_url: str | None, expected: str) -> None:
    assert str(parse_model_id(text, base_url=base_url)) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("opnai:gpt-6-luna", "did you mean 'openai:gpt-6-luna'?"),
        ("compatable:qwen3", "did you mean 'compatible:qwen3'?"),
        ("llama3.2:3b", "'compatible:llama3.2:3b'"),
        ("azur:x", "did you mean 'azure:x'?"),
        ("openai:", "names no model"),
        ("  ", "names no model"),
    ],
)
def test_an_unknown_id_comes_back_with_a_suggestion(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=r"provider|names no model") as raised:
        parse_model_id(text)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("config", "error", "says"),
    [
        (ChatModelConfig(), NoModelConnectedError, "OPENAI_API_KEY"),
        (ChatModelConfig(api_key="  "), NoModelConnectedError, "OPENAI_API_KEY"),
        (ChatModelConfig(base_url="https://api.openai.com/v1"), NoModelConnectedError, "OPENAI_API_KEY"),
        (ChatModelConfig(api_key="k", model_id="compatible:x"), SettingsError, "OPENAI_BASE_URL"),
        (ChatModelConfig(base_url="localhost:11434"), SettingsError, "not an http or https address"),
        (ChatModelConfig(base_url="file:///etc/passwd"), SettingsError, "not an http or https address"),
    ],
)
def test_what_cannot_be_connected_says_how(
    config: ChatModelConfig, error: type[GroundtuneError], says: str
) -> None:
    with pytest.raises(error) as raised:
        connect(config)
    assert says in str(raised.value)


def test_openai_without_a_chosen_model_takes_the_default() -> None:
    model = connect(ChatModelConfig(api_key=CANARY))
    assert model.model_id == f"openai:{DEFAULT_OPENAI_MODEL}"
    assert model.endpoint == "https://api.openai.com/v1"


def test_a_compatible_server_without_a_chosen_model_is_asked_for_its_own() -> None:
    with serve_openai(models=("first", "second")) as server:
        model = connect(ChatModelConfig(base_url=server.url))
        assert model.model_id == "compatible:first"
        assert [request.path for request in server.requests] == ["/v1/models"]
        assert server.requests[0].headers["authorization"] == f"Bearer {KEYLESS}"


def test_an_embedding_model_listed_first_is_not_taken_for_the_chat_model() -> None:
    with serve_openai(models=("text-embedding-nomic-embed-text-v1.5", "qwen3-8b")) as server:
        assert connect(ChatModelConfig(base_url=server.url)).model_id == "compatible:qwen3-8b"


def test_a_chosen_model_needs_no_question_to_the_server() -> None:
    with serve_openai() as server:
        connect(ChatModelConfig(base_url=server.url, model_id="compatible:mine"))
        assert server.requests == []


def test_a_server_without_models_says_so() -> None:
    with serve_openai(models=()) as server, pytest.raises(ProviderError, match="lists no models"):
        connect(ChatModelConfig(base_url=server.url))


def test_nobody_listening_is_said_with_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(ProviderError, match="is the server running") as raised:
            connect(ChatModelConfig(base_url=url, max_retries=0))
    assert url in str(raised.value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>Ollama is running</html>", "not OpenAI's format: check OPENAI_BASE_URL"),
        (b"not json", "not OpenAI's format"),
        (b"[]", "not OpenAI's format"),
        (b"null", "not OpenAI's format"),
        (b'{"data": ["a"]}', "not OpenAI's format"),
        (b'{"data": [{"id": 7}, {}]}', "lists no models"),
        (b'{"error": "Unexpected endpoint, returning 200 anyway"}', "lists no models"),
    ],
)
def test_a_list_of_models_that_is_none_is_said(body: bytes, says: str) -> None:
    """As of a web server, or of a model server whose address lacks its /v1."""
    with serve_openai(models=Scripted(raw=body)) as server, pytest.raises(ProviderError, match=says):
        connect(ChatModelConfig(base_url=server.url))


def test_a_server_that_cannot_say_its_model_leaves_the_fallback_which_says_so() -> None:
    with serve_openai(models=()) as first, serve_openai("ok") as second:
        fallback = ChatModelConfig(model_id="compatible:two", base_url=second.url, api_key="second-key")
        connected = connect(ChatModelConfig(base_url=first.url, api_key="first-key", fallback=fallback))
        log = CallLog()
        assert complete(connected, [HumanMessage("hello")], log, purpose="answer") == "ok"
    (notice,) = log.notices
    assert notice.startswith("compatible:two stood in for the chat model")
    assert "lists no models" in notice
    assert "first-key" not in str(second.requests)


def test_a_refused_key_is_said_without_the_key() -> None:
    with (
        serve_openai(key="the-right-one") as server,
        pytest.raises(ProviderError, match="refused the key") as e,
    ):
        connect(ChatModelConfig(base_url=server.url, api_key=CANARY))
    assert CANARY not in str(e.value)


def test_the_key_shows_in_no_repr() -> None:
    config = ChatModelConfig(api_key=CANARY, model_id="openai:x")
    model = connect(config)
    assert CANARY not in repr(config) + repr(model) + str(model) + repr(model.chat) + str(model.parameters)


def test_a_temperature_is_sent_only_where_one_is_chosen() -> None:
    with serve_openai(Scripted(text="a"), Scripted(text="b")) as server:
        for temperature in (None, 0.0):
            config = ChatModelConfig(base_url=server.url, model_id="compatible:m", temperature=temperature)
            connect(config).chat.invoke("hello")
        assert "temperature" not in server.chat_requests[0].body
        assert server.chat_requests[1].body["temperature"] == 0.0


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:secret@host:8000/v1?token=secret#secret", "http://host:8000/v1"),
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("user:secret@host/v1", "host/v1"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert shown_url(url).endswith(shown)
    assert "secret" not in shown_url(url)


def test_a_model_trained_here_is_found_by_its_name_and_needs_no_key() -> None:
    from langchain_core.language_models import FakeListChatModel

    from chains.generation import CallLog, complete

    makers = {"ft:isa": lambda: FakeListChatModel(responses=["Hello from here."])}
    model = connect(ChatModelConfig(model_id="local:ft:isa", local_models=makers))
    assert model.model_id == "local:ft:isa"
    assert complete(model, [], CallLog(), purpose="answer") == "Hello from here."


@pytest.mark.parametrize(
    ("names", "says"),
    [((), "no model was trained here yet"), (("ft:isa", "ft:bo"), "there are: local:ft:bo, local:ft:isa")],
)
def test_a_local_model_that_does_not_exist_is_answered_with_those_that_do(
    names: tuple[str, ...], says: str
) -> None:
    makers = dict.fromkeys(names, pytest.fail)
    with pytest.raises(LocalModelNotFoundError, match=says):
        connect(ChatModelConfig(model_id="local:ft:gone", local_models=makers))  # type: ignore[arg-type]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_call_comes_whole_over_the_wire(streamed: bool) -> None:
    def days(team: str) -> str:
        """Days of leave of a team."""
        return team

    call = ("days", '{"team": "kitchen"}')
    with serve_openai(Scripted(tool_calls=(call,))) as server:
        model = connect(ChatModelConfig(base_url=server.url, model_id="compatible:m")).chat.bind_tools([days])
        if streamed:
            first, *rest = model.stream("How many days?")
            message = sum(rest, first)
        else:
            message = model.invoke("How many days?")
        assert server.chat_requests[0].body["tools"][0]["function"]["name"] == "days"
    assert [(one["name"], one["args"]) for one in message.tool_calls] == [("days", {"team": "kitchen"})]  # type: ignore[union-attr]


@pytest.mark.parametrize("provider", ["compatible", "azure"])
def test_what_the_environment_holds_for_openai_goes_to_no_other_server(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK reads these by itself; a key among them would even displace the one that is set."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-elsewhere")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-elsewhere")
    monkeypatch.setenv(
        "OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-elsewhere\nX-Gateway: key-elsewhere"
    )
    with serve_openai("ok", key="own") as server:
        azure = {"azure_endpoint": server.azure_endpoint, "azure_api_key": "own"}
        config = ChatModelConfig(
            model_id=f"{provider}:m",
            max_retries=0,
            **(azure if provider == "azure" else {"base_url": server.url, "api_key": "own"}),
        )
        assert complete(connect(config), [HumanMessage("hello")], CallLog(), purpose="answer") == "ok"
        assert connect_embeddings(config).embed_query("hello")
        if provider == "compatible":
            assert connect(replace(config, model_id=None)).model_id == "compatible:loopback-model"
    assert "elsewhere" not in str([request.headers for request in server.requests])
