"""An answer comes back from its record as it was, whatever is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from chains.answer import Answer, Citation, Confidence, Location, Passage, Receipt, Scores
from chains.restoring import answer_from_dict, restored
from errors import RecordFormatError

TEXT = st.text(st.characters(), max_size=12)  # lone surrogates too
NUMBER = st.floats(allow_nan=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
PLAIN: Mapping[Any, SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(),
    float: NUMBER,
    bool: st.booleans(),
    NoneType: st.none(),
    Any: JSON,
}


def values(kind: Any) -> SearchStrategy[Any]:
    """Anything that a field of this type may hold; written from the types alone, as a second opinion."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in PLAIN:
        return PLAIN[kind]
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in (Union, UnionType):
        return st.one_of([values(one) for one in inner])
    if origin is tuple and inner[1:] == (Ellipsis,):
        return st.lists(values(inner[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, inner))
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{one.name: values(hints[one.name]) for one in fields(kind)})
    assert issubclass(origin, Mapping), kind
    return st.dictionaries(TEXT, values(inner[1]), max_size=2)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(values(Answer))
def test_every_answer_comes_back_as_it_was(answer: Answer) -> None:
    assert answer_from_dict(json.loads(json.dumps(answer.as_record()))) == answer


ANSWER = Answer(
    text="27 days [1].",
    mode="rag",
    model="compatible:m",
    citations=(
        Citation(
            marker=1,
            chunk_id="a#0",
            document_id="a",
            document_name="Leave",
            location=Location(page=2, headings=("Leave", "Carry-over")),
            start=4,
            end=11,
            quote="27 days",
            verified=True,
        ),
    ),
    passages=(
        Passage(
            chunk_id="a#0",
            document_id="a",
            document_name="Leave",
            text="has 27 days",
            start=0,
            end=11,
            location=Location(page=2),
            score=0.5,
            scores=Scores(fused=0.5, cosine=0.25, terms=("days",)),
            metadata={"media_type": "text/plain"},
        ),
    ),
    confidence=Confidence(value=0.875, level="high", reasons=("Found.",), signals={"margin": 0.5}),
    timings_ms={"total": 12.5},
    receipt=Receipt(
        prompt_sha256="f" * 64, chunks=(("a#0", "0" * 64),), knowledge_base="k", generation=3, model="m"
    ),
)


def test_a_newer_version_has_fields_that_are_passed_over() -> None:
    data = ANSWER.as_record()
    data["mood"] = "bright"
    data["citations"][0]["colour"] = {"deep": [1]}
    assert answer_from_dict(data) == ANSWER


def test_an_older_version_lacks_fields_that_are_empty_now() -> None:
    assert answer_from_dict({"text": "Yes.", "mode": "base"}) == Answer(text="Yes.", mode="base", model="")
    data = ANSWER.as_record()
    del data["citations"][0]["location"], data["passages"][0]["scores"], data["receipt"]["chunks"]
    back = answer_from_dict(data)
    assert back.citations[0].location == Location()
    assert back.passages[0].scores == Scores(fused=0.0)
    assert back.receipt is not None
    assert back.receipt.chunks == ()


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("citations",), "no list", "Answer.citations"),
        (("citations", 0, "marker"), "1", "Answer.citations[0].marker"),
        (("citations", 0, "marker"), True, "Answer.citations[0].marker"),
        (("citations", 0), None, "Answer.citations[0]"),
        (("confidence", "value"), None, "Answer.confidence.value"),
        (("confidence", "signals"), [], "Answer.confidence.signals"),
        (("receipt", "chunks"), [["one"]], "Answer.receipt.chunks[0]"),
        (("abstained",), 1, "Answer.abstained"),
    ],
)
def test_what_is_not_of_its_type_is_named(path: tuple[Any, ...], value: object, named: str) -> None:
    data: Any = ANSWER.as_record()
    within = data
    for step in path[:-1]:
        within = within[step]
    within[path[-1]] = value
    with pytest.raises(RecordFormatError) as refused:
        answer_from_dict(data)
    assert str(refused.value) == f"{named} of the exported answer is not what it should be: export it again."


@pytest.mark.parametrize("data", [None, [], "text", {}, {"text": "a"}, {"text": 1, "mode": "rag"}])
def test_what_is_no_answer_is_refused(data: object) -> None:
    with pytest.raises(RecordFormatError, match="no answer as Groundtune exports it"):
        answer_from_dict(data)


def test_a_part_can_be_restored_by_itself() -> None:
    """`ask --json` writes a receipt in the same form."""
    assert ANSWER.receipt is not None
    assert restored(Receipt, json.loads(json.dumps(ANSWER.receipt.as_dict()))) == ANSWER.receipt
