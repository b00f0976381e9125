"""Settings: where a value comes from, what is refused, and that secrets stay hidden."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from app.settings import PROJECT_ROOT, load_settings, save_to_dotenv
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
        ("AZURE_OPENAI_ENDPOINT", "resource.openai.azure.com"),
        ("OPENAI_API_VERSION", "2024 10"),
        ("GROUNDTUNE_REQUESTS_PER_MINUTE", "0"),
        ("GROUNDTUNE_CONCURRENT_REQUESTS", "many"),
        ("GROUNDTUNE_SPENDING_LIMIT", "0"),
        ("GROUNDTUNE_SPENDING_LIMIT", "inf"),
        ("GROUNDTUNE_EVALUATION_LIMIT", "$5"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_origin(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} \(from environment\) is {re.escape(repr(value))}"):
        load_settings({name: value})


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "GROUNDTUNE_FALLBACK_API_KEY"])
@pytest.mark.parametrize("by", ["environment", "settings page"])
def test_a_secret_is_never_shown(name: str, by: str) -> None:
    settings = (
        load_settings({name: "sk-canary-1234"})
        if by == "environment"
        else load_settings({}).with_value(name, "sk-canary-1234")
    )
    (key,) = (setting for setting in settings.all() if setting.name == name)
    assert (key.value, key.origin, key.secret) == ("sk-canary-1234", by, True)
    assert "canary" not in repr(settings) + str(settings.all()) + key.shown()


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


def test_a_value_set_on_the_page_is_this_process_s_and_known_as_such() -> None:
    read = load_settings({"GROUNDTUNE_TIMEOUT": "5", "OPENAI_BASE_URL": "http://h/v1"})
    changed = read.with_value("GROUNDTUNE_TIMEOUT", " 9 ").with_value("OPENAI_BASE_URL", "")
    assert (changed.timeout_s.value, changed.timeout_s.origin) == (9.0, "settings page")
    assert (changed.openai_base_url.value, changed.openai_base_url.origin) == (None, "settings page")
    assert (read.timeout_s.value, "OPENAI_BASE_URL" in os.environ) == (5.0, False)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [("GROUNDTUNE_TIMEOUT", "soon", "settings page"), ("PATH", "/bin", "There is no setting 'PATH'")],
)
def test_what_the_page_cannot_set_is_said(name: str, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load_settings({}).with_value(name, text)


DOTENV = """# my settings
OPENAI_BASE_URL=http://h/v1   # the server
export OPENAI_API_KEY="old"

#GROUNDTUNE_TIMEOUT=60
MINE='a
b'
"""


@pytest.mark.parametrize(
    ("name", "value", "line", "after"),
    [
        ("OPENAI_API_KEY", "sk-new", "OPENAI_API_KEY=sk-new", "OPENAI_BASE_URL=http://h/v1   # the server"),
        ("GROUNDTUNE_TIMEOUT", "5", "GROUNDTUNE_TIMEOUT=5", "#GROUNDTUNE_TIMEOUT=60"),
        ("GROUNDTUNE_CHAT_MODEL", "openai:a b", "GROUNDTUNE_CHAT_MODEL='openai:a b'", "b'"),
    ],
)
def test_saving_writes_one_line_and_leaves_the_others(
    tmp_path: Path, name: str, value: str, line: str, after: str
) -> None:
    path = tmp_path / ".env"
    path.write_text(DOTENV, "utf-8")
    save_to_dotenv(path, name, value)
    lines = path.read_text("utf-8").splitlines()
    assert lines[lines.index(line) - 1] == after
    others = [old for old in DOTENV.splitlines() if not old.startswith(f"export {name}")]
    assert [kept for kept in lines if kept != line] == others
    assert load_settings({}, dotenv_path=path).with_value(name, value) is not None
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]


def test_saving_makes_the_file_and_replaces_a_name_that_stands_twice(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    save_to_dotenv(path, "OPENAI_API_KEY", "sk-1")
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("OPENAI_API_KEY=a\nX=1\nOPENAI_API_KEY=b\n", "utf-8")
    save_to_dotenv(path, "OPENAI_API_KEY", "sk-2")
    assert path.read_text("utf-8") == "X=1\nOPENAI_API_KEY=sk-2\n"


@pytest.mark.parametrize("text", ["A='x\nOPENAI_API_KEY=inner\ny'\n", "\xff"])
def test_a_file_that_one_line_cannot_be_set_in_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as raised:
        save_to_dotenv(path, "OPENAI_API_KEY", "sk-canary")
    assert path.read_bytes() == text.encode("latin-1")
    assert "canary" not in str(raised.value)


@given(value=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1))
def test_every_line_of_text_comes_back_as_it_was_saved(
    value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("saved") / ".env"
    save_to_dotenv(path, "GROUNDTUNE_CHAT_MODEL", value)
    assert dotenv_values(path, interpolate=False)["GROUNDTUNE_CHAT_MODEL"] == value
