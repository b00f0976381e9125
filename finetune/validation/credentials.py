"""Keys, tokens, passwords and private keys in a text: the forms of known services, and values that are assigned.

    secrets_in("export HF_TOKEN=hf_...")   -> [Secret(start=16, end=53, what="Hugging Face token", certain=True)]

Two thirds of the forms are detect-secrets' (Yelp); the others, newer than its last release, are listed here. A value
after "password:" or "api_key =" counts as a likely secret where it looks drawn: letters and digits, 2.5 bits of entropy
a character, no placeholder. What can only be told by entropy (a bare hexadecimal string may be a checksum) is left.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Protocol

from finetune.validation.spans import apart, replaced

__all__ = ["Secret", "secrets_in", "without_secrets"]

STAND_IN = "[SECRET]"
_PLUGINS = (  # (module, class, what) of detect_secrets.plugins
    ("artifactory", "ArtifactoryDetector", "Artifactory credential"),
    ("aws", "AWSKeyDetector", "AWS access key"),
    ("azure_storage_key", "AzureStorageKeyDetector", "Azure storage key"),
    ("discord", "DiscordBotTokenDetector", "Discord token"),
    ("github_token", "GitHubTokenDetector", "GitHub token"),
    ("gitlab_token", "GitLabTokenDetector", "GitLab token"),
    ("ibm_cloud_iam", "IbmCloudIamDetector", "IBM Cloud key"),
    ("mailchimp", "MailchimpDetector", "Mailchimp key"),
    ("npm", "NpmDetector", "npm token"),
    ("openai", "OpenAIDetector", "OpenAI key"),
    ("pypi_token", "PypiTokenDetector", "PyPI token"),
    ("sendgrid", "SendGridDetector", "SendGrid key"),
    ("slack", "SlackDetector", "Slack token"),
    ("square_oauth", "SquareOAuthDetector", "Square secret"),
    ("stripe", "StripeDetector", "Stripe key"),
    ("telegram_token", "TelegramBotTokenDetector", "Telegram token"),
    ("twilio", "TwilioKeyDetector", "Twilio key"),
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?P<kind>(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----|PuTTY-User-Key-File-\d:[^\n]*"
)
_OF_A_KEY = re.compile(r"[A-Za-z0-9+/=\s]*")  # what is taken of a block that does not end
_FORMS = (
    ("Anthropic key", r"sk-ant-(?:api|admin|sid|oat)\d\d-[\w-]{24,}"),
    ("OpenAI key", r"sk-(?:proj|svcacct|admin|None)-[\w-]{32,}"),
    ("OpenRouter key", r"sk-or-v1-[0-9a-f]{32,}"),
    ("key of a model service", r"sk-[A-Za-z0-9]{32,64}"),
    ("Hugging Face token", r"(?:hf|api_org)_[A-Za-z]{34}"),
    ("Groq key", r"gsk_[A-Za-z0-9]{40,}"),
    ("xAI key", r"xai-[A-Za-z0-9]{60,}"),
    ("Perplexity key", r"pplx-[A-Za-z0-9]{40,}"),
    ("NVIDIA key", r"nvapi-[\w-]{60,}"),
    ("Replicate token", r"r8_[A-Za-z0-9]{37}"),
    ("LangSmith key", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    ("Pinecone key", r"pcsk_[A-Za-z0-9_]{50,}"),
    ("GitHub token", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}|gh[pousr]_[A-Za-z0-9]{36,}"),
    ("Google API key", r"AIza[\w-]{35}"),
    ("Google OAuth token", r"ya29\.[\w-]{30,}|GOCSPX-[\w-]{28}"),
    ("AWS session key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"),
    ("Databricks token", r"dapi[0-9a-f]{32}(?:-\d)?"),
    ("DigitalOcean token", r"do[opr]_v1_[0-9a-f]{64}"),
    ("Shopify token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("Vault token", r"hv[sbr]\.[\w-]{24,}"),
    ("Stripe key", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{24,}|whsec_[A-Za-z0-9]{32,}"),
    ("Linear key", r"lin_api_[A-Za-z0-9]{40}"),
    ("Notion token", r"ntn_[A-Za-z0-9]{40,}"),
    ("Postman key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    ("Docker token", r"dckr_pat_[\w-]{27}"),
    ("Grafana token", r"glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}"),
    ("Sentry token", r"sntrys_[\w+/=.-]{50,}"),
    ("Slack token", r"xapp-\d-[A-Z0-9]+-\d+-[0-9a-f]{32,}|xox[abeoprs]-[\w-]{20,}"),
    ("Slack webhook", r"https://hooks\.slack\.com/(?:services|workflows)/[\w/]{20,}"),
    ("Discord webhook", r"https://discord(?:app)?\.com/api/webhooks/\d{15,}/[\w-]{40,}"),
    ("age secret key", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    ("JSON Web Token", r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}(?:\.[\w-]+)?"),
    ("Azure shared key", r"(?<=AccountKey=)[A-Za-z0-9+/]{86}==|(?<=SharedAccessKey=)[A-Za-z0-9+/]{43}="),
)
_KNOWN = re.compile(
    "|".join(f"(?P<f{n}>{pattern})" for n, (_, pattern) in enumerate(_FORMS)).join(
        (r"(?<![A-Za-z0-9_-])(?:", r")(?![A-Za-z0-9_])")
    )
)
_NAME = (
    r"pass(?:word|wd|phrase|wort|code)|pwd|contrase[ñn]a|wachtwoord|mot de passe|kennwort|client[_ -]?secret|secret"
    r"|(?:api|access|secret|private|auth|encryption|account)[_ -]?(?:key|token|secret)(?:[_ -]id)?"
    r"|(?:(?:bearer|auth|refresh)[_ -]?)?token"
)
_ASSIGNED = re.compile(
    rf"""(?<![^\W_])(?:{_NAME})["']?\s{{0,3}}(?:=>|:=|[:=]|\b(?:is|ist|est|es)\b)\s{{0,3}}"""
    r"""["'`]?(?P<value>[^\s"'`,;<>(){}\[\]]{8,200})["'`]?(?![\w(\[{])""",
    re.IGNORECASE,
)
_IN_ADDRESS = re.compile(r"\w://[^\s:/@'\"]{1,64}:(?P<value>[^\s:/@'\"{}<>$\[\]]{3,200})@[\w.-]+")
_NO_PASSWORD = frozenset({"password", "passwd", "pass", "pwd", "secret", "pw"})
_BEARER = re.compile(r"\b(?:Bearer|Basic)\s+(?P<value>[A-Za-z0-9._~+/-]{20,}=*)")
# Drawn from 64 characters without any mark: only the words before it tell it from a checksum.
_AWS = re.compile(
    r"\b(?:AWS|secret)\b[^\n]{0,60}?(?<![\w/+=-])(?P<value>[A-Za-z0-9/+]{40})(?![\w/+=-])", re.IGNORECASE
)
_PLACEHOLDER = re.compile(
    r"your|example|sample|placeholder|change_?me|dummy|redacted|insert|replace|xxxx|\*\*\*|\.\.\.|…|0123456|1234567890"
    r"|abcdefgh|test_?(?:key|token)|https?:|^\$|%s|environ|getenv|process\.env|[a-z]+\.[a-z_]+\.[a-z_]+",
    re.IGNORECASE,
)
_LONG = 16  # characters without a space: what every form of a service has at least
_NAMES = ("pass", "pwd", "secret", "token", "key", "wort", "contrase", "wacht", "bearer", "basic")
_LEAST_ENTROPY = 2.5  # bits a character: "aaaa1111" has 1.0, "Summer2024" 2.9, ten drawn characters about 3.3


class _Plugin(Protocol):
    denylist: Sequence[re.Pattern[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One secret: span in characters."""

    start: int
    end: int
    what: str
    certain: bool  # the form of a known service; False: a value that is assigned to a name


def secrets_in(text: str) -> list[Secret]:
    """All secrets in order; of those that overlap, the most certain."""
    return apart(_candidates(text))


def _candidates(text: str) -> Iterator[Secret]:
    """The most certain first; forms that the text cannot hold are not looked for."""
    if "PRIVATE KEY" in text or "PuTTY" in text:
        yield from _blocks(text)
    if max(map(len, text.split()), default=0) >= _LONG:
        yield from _known(text)
        yield from _addresses(text)
        yield from _by_plugins(text)
        yield from _aws(text)
    lowered = text.lower()
    if any(name in lowered for name in _NAMES):
        yield from _assigned(text)


def without_secrets(text: str) -> str:
    """The text with [SECRET] in place of each."""
    return replaced(text, ((secret.start, secret.end, STAND_IN) for secret in secrets_in(text)))


def _blocks(text: str) -> Iterator[Secret]:
    at, last = 0, text.rfind("-----END ")
    while match := _PRIVATE_KEY.search(text, at):
        at = match.end()
        if match["kind"]:
            mark = f"-----END {match['kind']}-----"
            end = text.find(mark, at) if at <= last else -1
            rest = _OF_A_KEY.match(text, at)
            at = end + len(mark) if end >= 0 else rest.end() if rest else at
        yield Secret(start=match.start(), end=at, what="private key", certain=True)


def _known(text: str) -> Iterator[Secret]:
    for match in _KNOWN.finditer(text):
        if match.lastgroup and _varied(match[0]):
            what = _FORMS[int(match.lastgroup[1:])][0]
            yield Secret(start=match.start(), end=match.end(), what=what, certain=True)


def _addresses(text: str) -> Iterator[Secret]:
    for match in _IN_ADDRESS.finditer(text):
        if match["value"].casefold() not in _NO_PASSWORD and not _PLACEHOLDER.search(match["value"]):
            start, end = match.span("value")
            yield Secret(start=start, end=end, what="password in an address", certain=True)


def _aws(text: str) -> Iterator[Secret]:
    for match in _AWS.finditer(text):
        value = match["value"]
        if value != value.lower() and value != value.upper() and _drawn(value):
            start, end = match.span("value")
            yield Secret(start=start, end=end, what="AWS secret key", certain=True)


def _by_plugins(text: str) -> Iterator[Secret]:
    for plugin, what in _plugins():
        for pattern in plugin.denylist:
            for match in pattern.finditer(text):
                # A group is the value where it is long enough to be one, else a part of its form.
                long = bool(match.lastindex) and len(match[match.lastindex or 0] or "") >= _LONG
                start, end = match.span(match.lastindex or 0) if long else match.span()
                if not _PLACEHOLDER.search(text[start:end]):
                    yield Secret(start=start, end=end, what=what, certain=True)


def _assigned(text: str) -> Iterator[Secret]:
    for pattern in (_ASSIGNED, _BEARER):
        for match in pattern.finditer(text):
            value = match["value"].rstrip(".,:!?")
            if _drawn(value):
                start = match.start("value")
                yield Secret(start=start, end=start + len(value), what="assigned secret", certain=False)


def _drawn(value: str) -> bool:
    """Whether a value looks drawn and not like a word, a name in a program or a placeholder."""
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return len(value) >= 8 and mixed and _entropy(value) >= _LEAST_ENTROPY and not _PLACEHOLDER.search(value)


def _varied(value: str) -> bool:
    """Not "sk-xxxxxxxx", not "AIzaaaaaaa"."""
    return len(set(value)) >= 10


def _entropy(value: str) -> float:
    """Bits a character, of the value's own letters (Shannon)."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


@cache
def _plugins() -> tuple[tuple[_Plugin, str], ...]:
    return tuple(
        (getattr(import_module(f"detect_secrets.plugins.{module}"), name)(), what)
        for module, name, what in _PLUGINS
    )
