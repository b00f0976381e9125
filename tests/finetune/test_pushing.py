"""A model onto the Hugging Face hub: what is sent, to whom, with which token; the hub is a server of this machine."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from errors import ProviderError, SettingsError
from finetune.trainers.pushing import push


@dataclass
class Hub:
    """The few calls of the hub's API that an upload makes; `refuse`: the status of every answer."""

    url: str = ""
    refuse: int | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    created: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def answer(self, path: str, body: bytes) -> dict[str, Any]:
        if path.endswith("/repos/create"):
            self.created = json.loads(body)
            return {"url": f"{self.url}/acme/isa", "id": "acme/isa", "name": "acme/isa"}
        if "/preupload/" in path:
            files = json.loads(body)["files"]
            return {
                "files": [
                    {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files
                ]
            }
        if "/commit/" in path:
            for line in map(json.loads, body.decode().splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            return {
                "commitUrl": f"{self.url}/acme/isa/commit/{'0' * 40}",
                "commitOid": "0" * 40,
                "success": True,
                "pullRequestUrl": None,
            }
        return {"id": "acme/isa", "sha": "0" * 40, "siblings": []}


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                body = self._chunks()
            made.asked.append((self.command, self.path))
            made.tokens.add(self.headers.get("Authorization"))
            said = json.dumps({"error": "no"} if made.refuse else made.answer(self.path, body)).encode()
            self.send_response(made.refuse or 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def _chunks(self) -> bytes:
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        do_GET = do_POST = do_HEAD = _answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    for name in ("adapter_model.safetensors", "adapter_config.json", "README.md", "chat_template.jinja"):
        (made / name).write_text(f"{{}} {name}")
    (made / "secrets.env").write_text("OPENAI_API_KEY=sk-1")
    return made


def test_a_model_is_pushed_privately_with_the_token_of_the_moment(hub: Hub, folder: Path) -> None:
    done = push(folder, "acme/isa", environment={"HF_TOKEN": " hf_x ", "HF_ENDPOINT": hub.url})
    assert done.files == 4
    assert "acme/isa" in done.url
    assert hub.created["visibility"] == "private"
    assert set(hub.files) == {path.name for path in folder.iterdir()} - {"secrets.env"}
    assert hub.files["README.md"] == (folder / "README.md").read_bytes()
    assert hub.tokens == {"Bearer hf_x"}


def test_only_who_asks_for_it_publishes(hub: Hub, folder: Path) -> None:
    push(folder, "acme/isa", environment={"HF_TOKEN": "hf_x", "HF_ENDPOINT": hub.url}, public=True)
    assert hub.created["visibility"] == "public"


@pytest.mark.parametrize(
    ("status", "said"), [(401, "may not write there"), (403, "may not write"), (400, "it said")]
)
def test_a_refusal_is_one_sentence_without_the_token(status: int, said: str, hub: Hub, folder: Path) -> None:
    hub.refuse = status
    with pytest.raises(ProviderError, match=said) as refused:
        push(folder, "acme/isa", environment={"HF_TOKEN": "hf_secret", "HF_ENDPOINT": hub.url})
    assert "hf_secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("repo", "token", "said"),
    [
        ("isa", "t", "OWNER/NAME"),
        ("a/../b", "t", "OWNER/NAME"),
        ("a b/c", "t", "OWNER/NAME"),
        ("a/b", "", "HF_TOKEN"),
    ],
)
def test_wrong_usage_sends_nothing(repo: str, token: str, said: str, hub: Hub, folder: Path) -> None:
    with pytest.raises(SettingsError, match=said):
        push(folder, repo, environment={"HF_TOKEN": token, "HF_ENDPOINT": hub.url})
    assert hub.asked == []


def test_a_folder_without_a_model_is_not_sent(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(SettingsError, match="holds no model"):
        push(tmp_path, "a/b", environment={"HF_TOKEN": "t", "HF_ENDPOINT": hub.url})


def test_a_hub_that_is_not_there(folder: Path) -> None:
    with pytest.raises(ProviderError, match="cannot be reached"):
        push(folder, "a/b", environment={"HF_TOKEN": "t", "HF_ENDPOINT": "http://127.0.0.1:9"})
