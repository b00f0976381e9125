"""The HTTP client that all model servers are reached with, and where Azure's resources are found."""

from __future__ import annotations

import ipaddress
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from chains.cancelling import interruptible
from chains.model_ids import is_compatible

if TYPE_CHECKING:
    import httpx2
    import openai

CONNECT_TIMEOUT_S = 10.0
AZURE_V1 = "/openai/v1"


def timeouts(silence_s: float) -> httpx2.Timeout:
    """`silence_s`: until the first byte and between two of them."""
    import httpx2

    return httpx2.Timeout(silence_s, connect=CONNECT_TIMEOUT_S)


def http_client(url: str) -> httpx2.Client:
    """The process's client for this address; connections are kept open and shared, keys are not part of it.

    Redirects are not followed: a key goes to the address it was given for and to no other. The environment's proxies
    are used, but never for this machine itself.
    """
    return _client(trust_env=not _is_loopback(urlsplit(url).hostname or ""))


@cache
def _client(*, trust_env: bool) -> httpx2.Client:
    import openai

    return interruptible(openai.DefaultHttpxClient(trust_env=trust_env, follow_redirects=False))


def only_what_is_set(client: openai.OpenAI, url: str) -> openai.OpenAI:
    """`client` without what the SDK takes from the environment for OpenAI, where `url` is another's.

    OPENAI_CUSTOM_HEADERS may hold a key, and even displaces the one that was given for this server.
    """
    if is_compatible(url):
        client.organization = client.project = None
        client._custom_headers = {}
    return client


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def azure_v1_url(endpoint: str) -> str | None:
    """The base URL of Azure's newer API, which speaks OpenAI's own wire, where `endpoint` names it; else None."""
    parts = urlsplit(endpoint)
    before, found, _ = parts.path.partition(AZURE_V1)
    return urlunsplit((parts.scheme, parts.netloc, before + AZURE_V1, "", "")) if found else None


def azure_resource(endpoint: str) -> str:
    """The resource's address, of whatever the portal shows: its own, with /openai, or a deployment's whole URI."""
    parts = urlsplit(endpoint)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.partition("/openai")[0].rstrip("/"), "", ""))
