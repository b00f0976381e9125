"""What names a mode's answers in the cache: whatever may change them changes it, so that none is taken over stale."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app import evaluation_arms
from app.evaluation_arms import identity
from app.settings import load_settings
from chains.answer import Mode


def workspace(
    tuned: str | None = "local:ft:responder:one",
    data: str | None = "d1",
    chat: str | None = None,
    **settings: str,
) -> Any:
    """One with an embedded responder that learnt from `data`; None: the tuned model is a chat model elsewhere."""
    facts: Mapping[str, Any] = {"data_sha256": data}
    connections = SimpleNamespace(
        tuned_id=tuned,
        taught=lambda: SimpleNamespace(parameters=facts) if data is not None else None,
        tuned=lambda: SimpleNamespace(model_id=tuned) if data is None else None,
        chat=lambda: SimpleNamespace(model_id=chat) if chat else None,
    )
    environment = {f"GROUNDTUNE_{name.upper()}": value for name, value in settings.items()}
    return SimpleNamespace(
        settings=load_settings(environment, dotenv_path=Path(os.devnull)), connections=connections
    )


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param({}, {}, True, id="nothing"),
        pytest.param({}, {"tuned": "local:ft:responder:two"}, False, id="another responder"),
        pytest.param({}, {"data": "d2"}, False, id="one of the same name that learnt from other rows"),
        pytest.param({"data": None, "tuned": "openai:ft:a"}, {"data": None, "tuned": "openai:ft:b"}, False,
                     id="another tuned model elsewhere"),
        pytest.param({}, {"chat": "openai:gpt-x"}, False, id="a chat model is connected"),
    ],
)  # fmt: skip
def test_what_the_fine_tuned_mode_answers_with(
    before: dict[str, Any], after: dict[str, Any], same: bool
) -> None:
    first, second = (identity(workspace(**one), "finetuned", "kb") for one in (before, after))
    assert (first == second) is same


@pytest.mark.parametrize(
    ("mode", "given", "same"),
    [
        pytest.param("finetuned", {}, False, id="the embedded responder"),
        pytest.param("finetuned", {"data": None, "tuned": "openai:ft:a"}, True, id="a tuned model that is paid for"),
        pytest.param("base", {"chat": "openai:gpt-x"}, True, id="a chat model that is paid for"),
    ],
)  # fmt: skip
def test_the_engines_own_code_counts_where_the_engine_answers(
    mode: Mode, given: dict[str, Any], same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = identity(workspace(**given), mode, "kb")
    monkeypatch.setattr(evaluation_arms, "_engine_sha256", lambda: "another version")
    assert (identity(workspace(**given), mode, "kb") == before) is same


def test_the_engine_is_read_file_by_file() -> None:
    assert evaluation_arms._engine_sha256() == evaluation_arms._engine_sha256()
    assert len(evaluation_arms._engine_sha256()) == 64
