"""Near duplicates: found by bands, reported by real similarity, in the order of the texts and in bounded memory."""

from __future__ import annotations

import random
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import DatasetError
from finetune import near_duplicates
from finetune.near_duplicates import THRESHOLD, Match, NearDuplicates, NearSeen, folded, similarity


def _texts(count: int, *, seed: int) -> list[str]:
    """Random sentences; every third is an earlier one with one to three words changed."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnoprstuvw", k=rng.randint(3, 9))) for _ in range(400)]
    texts: list[str] = []
    for number in range(count):
        said = [rng.choice(words) for _ in range(rng.randint(20, 60))]
        if number % 3 == 2:
            said = rng.choice(texts).split()
            for _ in range(rng.randint(1, 3)):
                said[rng.randrange(len(said))] = rng.choice(words)
        texts.append(" ".join(said))
    return texts


def _matches(texts: list[str]) -> list[Match]:
    with NearDuplicates() as near:
        for text in texts:
            near.add(text)
        return list(near.matches())


def _shingles(text: str) -> set[str]:
    plain = folded(text)
    return {plain[at : at + 5] for at in range(max(len(plain) - 4, 1))}


def test_what_is_found_is_what_comparing_all_pairs_finds() -> None:
    texts = _texts(240, seed=3)
    sets = [_shingles(text) for text in texts]
    alike = {
        (later, earlier)
        for earlier, later in combinations(range(len(texts)), 2)
        if len(sets[earlier] & sets[later]) >= THRESHOLD * len(sets[earlier] | sets[later])
    }
    found = {(match.text, match.like) for match in _matches(texts)}
    assert len({later for later, _ in alike}) > 40
    assert found <= alike
    assert {later for later, _ in found} == {later for later, _ in alike}


def test_the_similarity_reported_is_that_of_the_shingle_sets() -> None:
    texts = _texts(60, seed=4)
    for match in _matches(texts):
        one, other = _shingles(texts[match.text]), _shingles(texts[match.like])
        assert match.similarity == pytest.approx(len(one & other) / len(one | other))


def test_matches_come_in_the_order_of_the_texts() -> None:
    found = [match.text for match in _matches(_texts(120, seed=5))]
    assert found == sorted(found)


def test_signatures_are_those_of_datasketch() -> None:
    from datasketch import MinHash

    for text in _texts(5, seed=6):
        hashes = near_duplicates._hashes(folded(text))
        theirs = MinHash(num_perm=128, seed=1, hashfunc=int, scheme="affine32")
        theirs.update_batch(hashes.tolist())
        assert np.array_equal(near_duplicates._Hashing().signature(hashes), theirs.hashvalues)


def test_a_long_text_is_hashed_in_steps_to_the_same_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = near_duplicates._hashes(" ".join(_texts(9, seed=7)))
    whole = near_duplicates._Hashing().signature(hashes)
    monkeypatch.setattr(near_duplicates, "_AT_ONCE", 100)
    assert np.array_equal(near_duplicates._Hashing().signature(hashes), whole)


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        pytest.param("How do I reset my password?", "how do i RESET my password", True, id="case-and-punctuation"),
        pytest.param("The rent of an IB-12 for a week is paid in full before the machine leaves the yard of the depot", "The rent of an IB-20 for a week is paid in full before the machine leaves the yard of the depot", False, id="another-code"),  # noqa: E501
        pytest.param("It takes 14 days to be repaid", "It takes 30 days to be repaid", False, id="another-number"),
        pytest.param("ﬁle the ofﬁcial form today please", "file the official form today please", True, id="ligature"),
        pytest.param("会社の営業時間は何時から何時まで", "会社の営業時間は何時から何時まで？", True, id="japanese"),
        pytest.param("Where is the office in Utrecht?", "What does the insurance cover?", False, id="another-question"),
    ],
)  # fmt: skip
def test_what_counts_as_alike(first: str, second: str, alike: bool) -> None:
    assert (similarity(first, second) >= THRESHOLD) is alike
    assert bool(_matches([first, second])) is alike
    seen = NearSeen()
    assert seen.add(first) is None
    assert bool(seen.like(second)) is alike
    assert bool(seen.add(second)) is alike


def test_short_texts_match_only_where_they_are_equal() -> None:
    seen = NearSeen()
    assert seen.add("Yes, thanks") is None
    assert seen.add("Yes, thank") is None
    assert seen.add("YES thanks!") == Match(text=2, like=0, similarity=1.0)
    assert _matches(["Yes, thanks", "Yes, thanks"]) == []  # a text that short is no row


def test_the_most_similar_earlier_text_is_named() -> None:
    words = _texts(1, seed=8)[0]
    seen = NearSeen()
    seen.add(words + " one more word here")
    seen.add(words + " nothing")
    match = seen.add(words)
    assert match is not None
    assert match.like == 1


def test_what_is_only_looked_up_is_not_kept() -> None:
    seen = NearSeen()
    assert seen.like("How do I reset my password?") is None
    assert seen.add("How do I reset my password?") is None


@pytest.mark.parametrize(
    "texts", [[], [""], ["", "", ""], ["a"]], ids=["none", "one-empty", "empty", "short"]
)
def test_nothing_is_like_nothing(texts: list[str]) -> None:
    assert _matches(texts) == []


def test_many_equal_texts_are_each_named_once_with_the_first() -> None:
    text = _texts(1, seed=9)[0]
    first = [match for match in _matches([text] * 50) if match.like == 0]
    assert [match.text for match in first] == list(range(1, 50))


def test_texts_on_disk_give_the_same_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = _texts(90, seed=10)
    in_memory = _matches(texts)
    monkeypatch.setattr(near_duplicates, "_IN_MEMORY", 64)
    monkeypatch.setattr(near_duplicates, "_BLOCK", 7)
    assert _matches(texts) == in_memory != []


def test_a_temporary_folder_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(near_duplicates, "_IN_MEMORY", 64)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with NearDuplicates() as near, pytest.raises(DatasetError, match="TMPDIR"):
        for text in _texts(3, seed=11):
            near.add(text)


@settings(max_examples=60, deadline=None)
@given(first=st.text(max_size=80), second=st.text(max_size=80))
def test_similarity_is_symmetric_and_one_for_itself(first: str, second: str) -> None:
    assert similarity(first, second) == similarity(second, first)
    assert 0 <= similarity(first, second) <= 1
    assert similarity(first, first) == 1
    seen = NearSeen()
    seen.add(first)
    assert seen.add(second) is None or similarity(first, second) >= THRESHOLD


def _compared(texts: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many pairs are looked at when each text is added to those before it."""
    pairs: list[int] = []
    match = NearSeen._match

    def counted(self: NearSeen, number: int, plain: str, like: int) -> Match | None:
        pairs.append(like)
        return match(self, number, plain, like)

    monkeypatch.setattr(NearSeen, "_match", counted)
    seen = NearSeen()
    for text in texts:
        seen.add(text)
    return len(pairs)


def test_texts_of_other_numbers_are_not_even_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template filled in 100,000 times: every pair is alike but for its number."""
    texts = [f"What is the balance of the customer account number {number:06d}?" for number in range(60)]
    assert _compared(texts, monkeypatch) == 0


def test_one_text_is_compared_with_a_few_however_many_are_like_it(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("".join(name) for name in combinations("abcdefgh", 3))
    texts = ["You are the friendly assistant of our company. " * 5 + name for name in names]
    assert _compared(texts, monkeypatch) <= 8 * len(texts)


def test_of_many_alike_the_most_similar_is_named() -> None:
    seen = NearSeen()
    text = "the quick brown fox jumps over the lazy dog near the old stone bridge in the quiet valley "
    for name in ("alpha", "bravo", "carol", "delta", "eagle", "frost", "gamma", "hotel", "india", "joker"):
        seen.add(f"{text} with {name} and {name}")
    assert (found := seen.add(f"{text} with joker and joker")) is not None
    assert (found.like, found.similarity) == (9, 1.0)
