"""Tests reach this machine and nothing else, whatever they or their libraries do."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.loopback import only_loopback
from tests.loopback.only_loopback import RealRequestForbiddenError
from tests.loopback.openai_server import serve_openai

OUTSIDE = "192.0.2.1"  # a documentation address (RFC 5737)


def udp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


@pytest.mark.parametrize(
    "reach",
    [
        lambda: socket.create_connection((OUTSIDE, 443), timeout=1),
        lambda: socket.create_connection(("api.openai.com", 443), timeout=1),
        lambda: socket.getaddrinfo("api.openai.com", 443),
        lambda: socket.gethostbyname("api.openai.com"),
        lambda: udp().sendto(b"x", (OUTSIDE, 53)),
        lambda: udp().connect((OUTSIDE, 53)),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_real_request_is_refused_and_remembered(reach: Callable[[], object]) -> None:
    known = len(only_loopback.refused)
    with pytest.raises(RealRequestForbiddenError, match=r"192\.0\.2\.1|api\.openai\.com"):
        reach()
    assert len(only_loopback.refused) == known + 1
    del only_loopback.refused[known:]  # this test's own


def test_one_that_a_library_swallows_fails_its_test_all_the_same() -> None:
    from chains.models import ChatModelConfig, connect
    from errors import ProviderError

    known = len(only_loopback.refused)
    config = ChatModelConfig(model_id=None, base_url="http://llm.example:8000/v1", max_retries=0)
    with pytest.raises((ProviderError, RealRequestForbiddenError)):
        connect(config)
    assert only_loopback.refused[known:] == ["socket.getaddrinfo 'llm.example'"]
    del only_loopback.refused[known:]


def test_a_name_that_cannot_exist_is_not_found_without_being_asked_for() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nobody.invalid", 80)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_is_reached(host: str) -> None:
    assert socket.getaddrinfo(host, 80)


def test_a_server_on_this_machine_is_reached() -> None:
    with (
        serve_openai() as server,
        socket.create_connection(("127.0.0.1", int(server.url.split(":")[2][:-3]))),
    ):
        pass


def test_a_process_started_by_a_test_is_bound_too() -> None:
    code = "import socket; socket.getaddrinfo('api.openai.com', 443)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "Tests reach no host but this machine" in ran.stderr
