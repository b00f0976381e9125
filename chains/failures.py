"""What a model server's failure means, in one sentence for the user and without a word of any key.

Nothing of the server's own text is passed on: servers echo keys, prompts and paths in their errors.
"""

from __future__ import annotations

from typing import Any

from errors import ProviderError

QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})

NOT_OPENAI_SHAPED = (ValueError, KeyError, TypeError, AttributeError)
NOT_TAKEN = "{endpoint} could not take the request for {model_id} (status {status}{code})."
SERVER_FAILED = "{endpoint} failed while answering (status {status}): try again, or look at the server's log."
REFUSED = "{endpoint} refused the request for {model_id} (status {status}{code})."
STATUS_SENTENCES = {
    400: NOT_TAKEN,
    401: "{endpoint} refused the key: check OPENAI_API_KEY.",
    403: "{endpoint} does not allow this key to use {model_id}: check the key's project and rights.",
    404: "{endpoint} does not know {model_id}: check GROUNDTUNE_CHAT_MODEL, "
    "and that OPENAI_BASE_URL ends as the server asks (often in /v1).",
    413: NOT_TAKEN,
    422: NOT_TAKEN,
}


def provider_error(error: BaseException, *, model_id: str, endpoint: str) -> ProviderError:
    """Maps an exception of openai, langchain-openai or httpx2 to ProviderError.

    `endpoint` must be free of credentials (`models.shown_url`).
    """
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return ProviderError(_status_sentence(status, error, model_id, endpoint))
    return ProviderError(_connection_sentence(error, model_id, endpoint))


def _status_sentence(status: int, error: BaseException, model_id: str, endpoint: str) -> str:
    if status == 429:
        return _rate_sentence(error, endpoint)
    template = STATUS_SENTENCES.get(status)
    if template is None:
        template = SERVER_FAILED if status >= 500 else REFUSED
    return template.format(endpoint=endpoint, model_id=model_id, status=status, code=_code(error))


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
    response = getattr(error, "response", None)
    after = response.headers.get("retry-after", "") if response is not None else ""
    return f": try again in {after} s" if after.isdigit() else ": try again in a minute"


def _connection_sentence(error: BaseException, model_id: str, endpoint: str) -> str:
    names = {type(link).__name__ for link in _chain(error)}
    if any("Timeout" in name for name in names):
        return f"{endpoint} did not answer in time: try again, or raise GROUNDTUNE_TIMEOUT."
    if "ConnectError" in names:
        return f"Nothing answers at {endpoint}: is the server running there?"
    if names & {"RemoteProtocolError", "ReadError", "IncompleteRead"}:
        return f"{endpoint} broke off the answer: try again, or look at the server's log."
    if names & {"APIResponseValidationError"} or isinstance(error, NOT_OPENAI_SHAPED):
        return f"{endpoint} answered with something that is not OpenAI's format: check OPENAI_BASE_URL."
    return f"{endpoint} failed while answering with {model_id} ({type(error).__name__}): try again."


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links
