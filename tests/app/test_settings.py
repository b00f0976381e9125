"""Settings: where a value comes from, what is refused, and that secrets stay hidden."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.settings import PROJECT_ROOT, load_settings
from errors import SettingsError


@pytest.mark.parametrize(
    ("environment", "dotenv", "expected", "origin"),
    [
        ({}, "", 60.0, "default"),
        ({}, "GROUNDTUNE_TIMEOUT=5", 5.0, ".env"),
        ({"GROUNDTUNE_TIMEOUT": "7"}, "GROUNDTUNE_TIMEOUT=5", 7.0, "environment"),
        ({"GROUNDTUNE_TIMEOUT": "  "}, "GROUNDTUNE_TIMEOUT=5", 5.0, ".env"),
    ],
)
def test_the_environment_wins_over_dotenv_which_wins_over_the_default(
    tmp_path: Path, environment: dict[str, str], dotenv: str, expected: float, origin: str
) -> None:
    (tmp_path / ".env").write_text(dotenv, "utf-8")
    setting = load_settings(environment, dotenv_path=tmp_path / ".env").timeout_s
    assert (setting.value, setting.origin) == (expected, origin)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GROUNDTUNE_TIMEOUT", "soon"),
        ("GROUNDTUNE_TIMEOUT", "-1"),
        ("GROUNDTUNE_TIMEOUT", "nan"),
        ("GROUNDTUNE_THREADS", "0"),
        ("GROUNDTUNE_THREADS", "²"),
        ("GROUNDTUNE_PRECISION", "fp8"),
        ("OPENAI_BASE_URL", "localhost:11434"),
        ("OPENAI_BASE_URL", "http://["),
        ("OPENAI_BASE_URL", "http://"),
        ("OPENAI_BASE_URL", "http://host:99999"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_origin(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} \(from environment\) is {re.escape(repr(value))}"):
        load_settings({name: value})


def test_a_secret_is_never_shown() -> None:
    settings = load_settings({"OPENAI_API_KEY": "sk-canary-1234"})
    assert settings.openai_api_key.value == "sk-canary-1234"
    assert "canary" not in repr(settings) + str(settings.all()) + settings.openai_api_key.shown()


@pytest.mark.parametrize(
    "url", ["http://me:canary@host/v1", "https://host/v1?key=canary", "http://h/#canary"]
)
def test_an_address_is_shown_without_its_credentials(url: str) -> None:
    settings = load_settings({"OPENAI_BASE_URL": url})
    assert settings.openai_base_url.value == url
    assert "canary" not in repr(settings) + settings.openai_base_url.shown()
    assert settings.openai_base_url.shown().startswith(("http://h", "https://h"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_BASE_URL", "ftp://me:canary@host"),
        ("OPENAI_API_KEY", "sk canary"),
        ("OPENAI_API_KEY", "sk-canary\u200b"),
    ],
)
def test_a_refused_secret_is_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}") as raised:
        load_settings({name: value})
    assert "canary" not in str(raised.value)


def test_the_example_file_names_exactly_the_settings_that_exist() -> None:
    text = (PROJECT_ROOT / ".env.example").read_text("utf-8")
    listed = re.findall(r"^#?([A-Z_]+)=", text, flags=re.MULTILINE)
    assert listed == [setting.name for setting in load_settings({}).all()]


def test_a_dotenv_file_is_data_and_not_expanded(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=${HOME}", "utf-8")
    assert load_settings({}, dotenv_path=tmp_path / ".env").openai_api_key.value == "${HOME}"
