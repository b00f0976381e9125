"""Fusion as a table: two rankings in, one out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.fusion import Fused, codes_in, fuse, lifted

SCORES = st.dictionaries(st.integers(1, 50), st.floats(-1, 1), max_size=30)


@pytest.mark.parametrize(
    ("dense", "keyword", "expected"),
    [
        ([], [], []),
        ([(1, 0.9), (2, 0.5), (3, 0.1)], [], [1, 2, 3]),
        ([], [(1, 9.0), (2, 5.0)], [1, 2]),
        ([(1, 0.9), (2, 0.8), (3, 0.1)], [(2, 9.0), (1, 1.0)], [2, 1, 3]),  # near in meaning, far in words
        ([(1, 0.5), (2, 0.5), (3, 0.5)], [(3, 4.0)], [3, 1, 2]),  # one exact word decides among equals
        ([(1, 0.5), (2, 0.5)], [], [1, 2]),
    ],
)
def test_fused_order(
    dense: list[tuple[int, float]], keyword: list[tuple[int, float]], expected: list[int]
) -> None:
    assert [hit.chunk for hit in fuse(dense, keyword, {})] == expected


@given(SCORES, SCORES)
def test_every_hit_comes_back_once_with_its_own_scores(
    dense: dict[int, float], keyword: dict[int, float]
) -> None:
    legs = [sorted(leg.items(), key=lambda hit: -hit[1]) for leg in (dense, keyword)]
    fused = fuse(legs[0], legs[1], {})
    assert sorted(hit.chunk for hit in fused) == sorted(dense | keyword)
    assert [hit.score for hit in fused] == sorted((hit.score for hit in fused), reverse=True)
    for hit in fused:
        assert hit.bm25 == keyword.get(hit.chunk)
        assert (hit.dense_rank is None) == (hit.chunk not in dense)


@given(SCORES, st.floats(0.1, 10), st.floats(-5, 5))
def test_scale_and_offset_of_a_leg_do_not_matter(
    dense: dict[int, float], scale: float, offset: float
) -> None:
    rounded = {chunk: round(score, 2) for chunk, score in dense.items()}
    keyword = [(chunk, float(chunk)) for chunk in sorted(rounded, reverse=True)]
    hits = sorted(rounded.items(), key=lambda hit: -hit[1])
    moved = [(chunk, score * scale + offset) for chunk, score in hits]
    before = {hit.chunk: hit.score for hit in fuse(hits, keyword, {})}
    after = {hit.chunk: hit.score for hit in fuse(moved, keyword, {})}
    assert after == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("What does the IB-20 cost?", ("IB-20",)),
        ("Is E12 worse than E14 or E12?", ("E12", "E14")),
        ("What changed in 2026?", ()),
        ("How many days of leave?", ()),
    ],
)
def test_codes_of_a_query(query: str, codes: tuple[str, ...]) -> None:
    assert codes_in(query) == codes


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        ({1: "The IB-12 costs 5 EUR.", 2: "IB-20 | 9 EUR"}, [2, 1]),
        ({1: "The IB-200 costs 5 EUR.", 2: "IB-20 | 9 EUR"}, [2, 1]),
        ({1: "Prices", 2: "Rents"}, [1, 2]),
        ({1: "IB-20 | 9 EUR", 2: "The IB-20 is new."}, [1, 2]),
        ({}, [1, 2]),
    ],
    ids=["another code", "a longer code", "no code", "both", "no text"],
)
def test_the_very_code_that_is_asked_for_lifts_a_chunk(texts: dict[int, str], order: list[int]) -> None:
    hits = [
        Fused(chunk=chunk, score=score, cosine=None, dense_rank=None, bm25=None, keyword_rank=None)
        for chunk, score in ((1, 2.0), (2, 1.5))
    ]
    assert [hit.chunk for hit in lifted(hits, texts, ["IB-20"])] == order
