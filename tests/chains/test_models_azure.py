"""Azure OpenAI: its paths, its header, its sentences; and nothing taken from the environment."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from langchain_core.messages import HumanMessage

from chains.connection import azure_resource, azure_v1_url
from chains.generation import CallLog, complete
from chains.models import DEFAULT_AZURE_API_VERSION, ChatModelConfig, connect
from errors import GroundtuneError, NoModelConnectedError, ProviderError, SettingsError
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

CANARY = "azure-canary-41c7"
ASKED = [HumanMessage("What is a lease?")]


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve_openai(key=CANARY) as running:
        yield running


def config(server: LoopbackServer, *, endpoint: str = "", **more: object) -> ChatModelConfig:
    return ChatModelConfig(
        model_id="azure:my-gpt",
        azure_api_key=CANARY,
        azure_endpoint=server.azure_endpoint + endpoint,
        max_retries=0,
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "endpoint", ["", "/", "/openai", "/openai/deployments/x/chat/completions?api-version=1"]
)
def test_a_deployment_is_asked_on_azures_path_with_azures_header(
    server: LoopbackServer, endpoint: str
) -> None:
    server.then(Scripted(text="A contract.", input_tokens=8, output_tokens=3))
    log = CallLog()
    connected = connect(config(server, endpoint=endpoint))
    assert complete(connected, ASKED, log, purpose="answer") == "A contract."
    (request,) = server.requests
    assert urlsplit(request.path).path == "/openai/deployments/my-gpt/chat/completions"
    assert urlsplit(request.path).query == f"api-version={DEFAULT_AZURE_API_VERSION}"
    assert request.headers["api-key"] == CANARY
    assert "authorization" not in request.headers
    assert (log.usage.input_tokens, log.usage.output_tokens) == (8, 3), "asked for while streaming"
    assert connected.model_id == "azure:my-gpt"


def test_the_chosen_api_version_is_sent(server: LoopbackServer) -> None:
    server.then("ok")
    complete(connect(config(server, api_version="2025-04-01-preview")), ASKED, CallLog(), purpose="answer")
    assert server.requests[0].path.endswith("?api-version=2025-04-01-preview")


@pytest.mark.parametrize("endpoint", ["/openai/v1", "/openai/v1/", "/openai/v1/chat/completions"])
def test_the_newer_address_is_asked_as_openai_is(server: LoopbackServer, endpoint: str) -> None:
    server.then("ok")
    connected = connect(config(server, endpoint=endpoint))
    complete(connected, ASKED, CallLog(), purpose="answer")
    (request,) = server.requests
    assert request.path == "/openai/v1/chat/completions"
    assert request.body["model"] == "my-gpt"
    assert request.headers["authorization"] == f"Bearer {CANARY}"


def test_the_environment_has_no_say(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "AZURE_OPENAI_ENDPOINT", "OPENAI_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/v1")
    for name in ("AZURE_OPENAI_AD_TOKEN", "OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"):
        monkeypatch.setenv(name, "other")
    monkeypatch.setenv("OPENAI_API_VERSION", "1999-01-01")
    server.then("ok")
    assert complete(connect(config(server)), ASKED, CallLog(), purpose="answer") == "ok"
    assert server.requests[0].path.endswith(DEFAULT_AZURE_API_VERSION)
    with serve_openai("ok", key="mine") as plain:
        asked = ChatModelConfig(base_url=plain.url, api_key="mine", model_id="compatible:m")
        assert complete(connect(asked), ASKED, CallLog(), purpose="answer") == "ok"


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Scripted(status=401, error_message=f"bad {CANARY}"), "check AZURE_OPENAI_API_KEY"),
        (
            Scripted(status=404, error_code="DeploymentNotFound"),
            "name of the deployment, and AZURE_OPENAI_ENDPOINT",
        ),
        (Scripted(status=400, error_code="content_filter"), "content filter held it back"),
        (Scripted(status=429, retry_after_ms=12_000), "try again in 12 s"),
        (Scripted(raw=b"<html>portal</html>"), "check AZURE_OPENAI_ENDPOINT"),
    ],
)
def test_a_failure_names_azures_settings(server: LoopbackServer, reply: Scripted, says: str) -> None:
    server.then(reply)
    with pytest.raises(ProviderError, match=says) as raised:
        complete(connect(config(server)), ASKED, CallLog(), purpose="answer")
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        (ChatModelConfig(model_id="azure:x"), NoModelConnectedError, "AZURE_OPENAI_ENDPOINT"),
        (
            ChatModelConfig(model_id="azure:x", azure_api_key="k"),
            NoModelConnectedError,
            "AZURE_OPENAI_ENDPOINT",
        ),
        (
            ChatModelConfig(model_id="azure:x", azure_endpoint="https://r.example"),
            NoModelConnectedError,
            "AZURE_OPENAI_API_KEY",
        ),
        (
            ChatModelConfig(azure_api_key="k", azure_endpoint="https://r.example"),
            SettingsError,
            "GROUNDTUNE_CHAT_MODEL=azure:DEPLOYMENT",
        ),
        (
            ChatModelConfig(model_id="azure:x", azure_api_key="k", azure_endpoint="r.example"),
            SettingsError,
            "AZURE_OPENAI_ENDPOINT",
        ),
    ],
)
def test_what_azure_lacks_is_named(given: ChatModelConfig, error: type[GroundtuneError], says: str) -> None:
    with pytest.raises(error, match=says):
        connect(given)


def test_a_bare_tuned_name_means_the_azure_that_is_connected(server: LoopbackServer) -> None:
    given = ChatModelConfig(
        model_id="ft:gpt-4.1-mini:org::id", azure_api_key=CANARY, azure_endpoint=server.azure_endpoint
    )
    assert connect(given).model_id == "azure:ft:gpt-4.1-mini:org::id"


def test_the_key_shows_in_no_repr(server: LoopbackServer) -> None:
    given = config(server)
    connected = connect(given)
    assert CANARY not in repr(given) + repr(connected) + repr(connected.chat)


@pytest.mark.parametrize(
    ("endpoint", "resource", "v1"),
    [
        ("https://r.openai.azure.com", "https://r.openai.azure.com", None),
        ("https://r.openai.azure.com/openai/deployments/x", "https://r.openai.azure.com", None),
        ("https://gate.example/team/openai?x=1", "https://gate.example/team", None),
        (
            "https://r.openai.azure.com/openai/v1/",
            "https://r.openai.azure.com",
            "https://r.openai.azure.com/openai/v1",
        ),
    ],
)
def test_the_address_is_found_in_whatever_the_portal_shows(
    endpoint: str, resource: str, v1: str | None
) -> None:
    assert (azure_resource(endpoint), azure_v1_url(endpoint)) == (resource, v1)
