"""What a model server's failure means, in one sentence for the user and without a word of any key.

Nothing of the server's own text is passed on: servers echo keys, prompts and paths in their errors.
"""

from __future__ import annotations

import email.utils
import math
import time
from dataclasses import dataclass
from typing import Any

from errors import ProviderError

QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
LONGEST_RETRY_WAIT_S = (
    30.0  # a server that asks for more is not waited for: a sentence says how long it asked
)
FIRST_RETRY_WAIT_S, LAST_RETRY_WAIT_S = 0.5, 8.0  # where it names no time: doubled with each try
PASSING = frozenset({408, 409, 429})  # and 5xx

NOT_OPENAI_SHAPED = (ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingNames:
    """What the settings of a model and its server are called, so that a sentence names those that help."""

    model: str = "GROUNDTUNE_CHAT_MODEL"
    key: str = "OPENAI_API_KEY"
    url: str = "OPENAI_BASE_URL"

    def for_azure(self) -> SettingNames:
        return SettingNames(model=self.model, key="AZURE_OPENAI_API_KEY", url="AZURE_OPENAI_ENDPOINT")


NOT_TAKEN = "{endpoint} could not take the request for {model_id} (status {status}{code})."
SERVER_FAILED = "{endpoint} failed while answering (status {status}): try again, or look at the server's log."
MOVED = "{endpoint} points to another address (status {status}): write that one into {names.url}."
REFUSED = "{endpoint} refused the request for {model_id} (status {status}{code})."
FILTERED = "{endpoint} did not take the question: its content filter held it back. Ask it in other words."
UNKNOWN = (
    "{endpoint} does not know {model_id}: check {names.model}, "
    "and that {names.url} ends as the server asks (often in /v1)."
)
UNKNOWN_AT_AZURE = (
    "{endpoint} does not know {model_id}: check that {names.model} holds the name of the deployment, "
    "and {names.url} the address of its resource."
)
STATUS_SENTENCES = {
    400: NOT_TAKEN,
    401: "{endpoint} refused the key: check {names.key}.",
    403: "{endpoint} does not allow this key to use {model_id}: check the key's project and rights.",
    404: UNKNOWN,
    413: NOT_TAKEN,
    422: NOT_TAKEN,
}


def provider_error(
    error: BaseException, *, model_id: str, endpoint: str, names: SettingNames | None = None
) -> ProviderError:
    """Maps an exception of openai, langchain-openai or httpx2 to ProviderError.

    `endpoint` must be free of credentials (`models.shown_url`).
    """
    status, names = getattr(error, "status_code", None), names or SettingNames()
    if isinstance(status, int):
        return ProviderError(_status_sentence(status, error, model_id, endpoint, names))
    return ProviderError(_connection_sentence(error, model_id, endpoint, names))


def refused_unbilled(error: BaseException) -> bool:
    """Whether the request surely cost nothing: the server answered with an error, or was never reached."""
    return isinstance(getattr(error, "status_code", None), int) or "ConnectError" in _names(error)


def retry_wait_s(error: BaseException, attempt: int) -> float | None:
    """Seconds to wait before try `attempt` + 1 (0 is the first), or None where another try would not help.

    As the openai SDK decides (x-should-retry, retry-after-ms, Retry-After in seconds or as a date, else doubled from
    0.5 s), but a wait is never longer than `LONGEST_RETRY_WAIT_S`, and a server that stays silent is not asked again.
    """
    asked = _asked_wait_s(error)
    if not _is_passing(error) or (asked is not None and asked > LONGEST_RETRY_WAIT_S):
        return None
    if asked is not None and asked > 0:
        return asked
    return float(min(FIRST_RETRY_WAIT_S * 2**attempt, LAST_RETRY_WAIT_S))


def _is_passing(error: BaseException) -> bool:
    status = getattr(error, "status_code", None)
    if not isinstance(status, int):
        return bool(_names(error) & {"ConnectError", "RemoteProtocolError", "ReadError"})
    if getattr(error, "code", None) in QUOTA_CODES:
        return False
    told = _header(error, "x-should-retry")
    if told in ("true", "false"):
        return told == "true"
    return status in PASSING or status >= 500


def _asked_wait_s(error: BaseException) -> float | None:
    for name, divisor in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            wait = float(_header(error, name)) / divisor
        except ValueError:
            continue
        if math.isfinite(wait):
            return wait
    date = email.utils.parsedate_tz(_header(error, "retry-after"))
    return email.utils.mktime_tz(date) - time.time() if date else None


def _header(error: BaseException, name: str) -> str:
    response = getattr(error, "response", None)
    return str(response.headers.get(name, "")) if response is not None else ""


def _status_sentence(
    status: int, error: BaseException, model_id: str, endpoint: str, names: SettingNames
) -> str:
    if status == 429:
        return _rate_sentence(error, endpoint)
    template = STATUS_SENTENCES.get(status)
    if template is None:
        template = SERVER_FAILED if status >= 500 else MOVED if status < 400 else REFUSED
    if status == 404 and model_id.startswith("azure:"):
        template = UNKNOWN_AT_AZURE
    if getattr(error, "code", None) == "content_filter":
        template = FILTERED
    return template.format(
        endpoint=endpoint, model_id=model_id, status=status, code=_code(error), names=names
    )


def _rate_sentence(error: BaseException, endpoint: str) -> str:
    if getattr(error, "code", None) in QUOTA_CODES:
        return f"The account at {endpoint} has no quota left: check its plan and billing."
    return f"{endpoint} is limiting requests{_wait(error)}."


def _code(error: BaseException) -> str:
    """OpenAI's machine-readable reason, where it is a plain identifier."""
    code: Any = getattr(error, "code", None)
    plain = isinstance(code, str) and code.replace("_", "").isalpha() and len(code) <= 40
    return f", {code}" if plain else ""


def _wait(error: BaseException) -> str:
    asked = _asked_wait_s(error)
    return f": try again in {math.ceil(asked)} s" if asked and asked > 0 else ": try again in a minute"


def _connection_sentence(error: BaseException, model_id: str, endpoint: str, names: SettingNames) -> str:
    found = _names(error)
    if any("Timeout" in name for name in found):
        return f"{endpoint} did not answer in time: try again, or raise GROUNDTUNE_TIMEOUT."
    if "ConnectError" in found:
        return f"Nothing answers at {endpoint}: is the server running there?"
    if found & {"RemoteProtocolError", "ReadError", "IncompleteRead"}:
        return f"{endpoint} broke off the answer: try again, or look at the server's log."
    if found & {"APIResponseValidationError"} or isinstance(error, NOT_OPENAI_SHAPED):
        return f"{endpoint} answered with something that is not OpenAI's format: check {names.url}."
    return f"{endpoint} failed while answering with {model_id} ({type(error).__name__}): try again."


def _names(error: BaseException) -> set[str]:
    return {type(link).__name__ for link in _chain(error)}


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links
