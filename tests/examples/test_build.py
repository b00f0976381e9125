"""The builder: the same bytes each time, and the documents that lie in examples/company."""

from pathlib import Path

import pytest

from loaders.readers import read_file
from tests.examples.company import COMPANY

pytest.importorskip("reportlab", reason="the builder of the PDFs needs reportlab, a development dependency")

from examples.build.__main__ import build


def test_two_builds_are_equal_to_the_byte(tmp_path: Path) -> None:
    first, second = build(tmp_path / "first"), build(tmp_path / "second")
    assert len(first) == len(second) == 18
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_the_committed_documents_are_the_built_ones(tmp_path: Path) -> None:
    """By what the readers see, since compression differs between versions of the libraries."""
    for path in build(tmp_path):
        committed = COMPANY / path.relative_to(tmp_path)
        assert _contents(path) == _contents(committed), committed.name


def _contents(path: Path) -> list[str]:
    return [part.page_content for part in read_file(path)]
