"""What the tokens of a question find in a sentence, with vectors that only tell words apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from local.lexical import WORD
from local.matching import MATCHES, matches, passage_tokens, question_tokens
from local.query import Query
from local.tokens import CACHED_TEXTS, TokenCache, TokenEmbeddings
from local.units import units


class Words:
    """One axis a word, in the order in which words are seen; `read` counts the texts."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit  # words of a text that are read
        self.axes: dict[str, int] = {}
        self.read = 0

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise AssertionError("whole texts are not needed here")

    def token_embeddings(self, texts: Sequence[str]) -> list[TokenEmbeddings]:
        self.read += len(texts)
        found = []
        for text in texts:
            spans = [match.span() for match in WORD.finditer(text)][: self.limit]
            axes = [self.axes.setdefault(text[a:b].lower(), len(self.axes)) for a, b in spans]
            found.append(TokenEmbeddings(vectors=np.eye(256, dtype=np.float32)[axes], spans=spans))
        return found


def values(question: str, title: str, text: str) -> list[dict[str, float]]:
    """By unit of one passage, what each of MATCHES says of it."""
    cache, found = TokenCache(Words()), list(units(0, title, text))
    query = Query.of(question, [unit.text for unit in found])
    asked = question_tokens(query, cache.of([question])[0])
    [passage] = passage_tokens(cache, [(title, text)])
    return [dict(zip(MATCHES, map(float, row), strict=True)) for row in matches(asked, passage, found)]


def test_a_token_counts_with_its_nearest_of_the_sentence() -> None:
    first, second = values("Who feeds the cat?", "Pets", "Ana feeds the cat. Ben walks.")
    assert first["weighted"] == pytest.approx(1.0)
    assert second["weighted"] == pytest.approx(0.0)
    assert first["every"] == pytest.approx(3 / 4)
    assert first["around"] == second["around"] == second["passage"] == pytest.approx(1.0)
    assert first["pooled"] == pytest.approx(3 / 4)


@pytest.mark.parametrize(
    ("question", "asked_thing", "asking_word"),
    [
        ("Which room is free?", 1.0, 0.0),
        ("Which desk is free?", 0.0, 0.0),
        ("Is a room free?", 0.0, 0.0),
        ("Tell me which room is which.", 1.0, 0.0),
    ],
)
def test_the_thing_that_is_asked_for(question: str, asked_thing: float, asking_word: float) -> None:
    [only] = values(question, "House", "This room is free.")
    assert only["asked_thing"] == pytest.approx(asked_thing)
    assert only["asking_word"] == pytest.approx(asking_word)


def test_sentences_around_the_one_that_asks_count_less() -> None:
    text = "My dog ate fish. The vet opens on Monday morning."
    dog, vet = values("My dog ate fish. When does the vet open on Monday?", "Pets", text)
    assert vet["every"] > dog["every"]
    assert vet["weighted"] > dog["weighted"]


def test_a_row_is_read_with_the_line_that_names_its_columns() -> None:
    text = "| Plan | Price |\n|---|---|\n| Basic | 5 |"
    header, row = values("What is the price of Basic?", "Plans", text)
    assert row["weighted"] == pytest.approx(1.0)
    assert header["weighted"] == pytest.approx(0.5, abs=0.2)


def test_nothing_to_compare() -> None:
    assert values("?", "Pets", "Ana feeds the cat.")[0]["weighted"] == 0.0
    assert values("Who?", "", "...") == [dict.fromkeys(MATCHES, 0.0)]


def test_a_text_longer_than_the_encoder_reads_is_read_to_its_end() -> None:
    text = " ".join(f"Room {n} is green." for n in range(10))
    [whole] = passage_tokens(TokenCache(Words()), [("Rooms", text)])
    [parts] = passage_tokens(TokenCache(Words(limit=7)), [("Rooms", text)])
    assert list(parts.starts) == list(whole.starts)
    assert len(whole.starts) == 40


def test_token_vectors_are_kept_for_the_texts_read_last() -> None:
    encoder = Words()
    cache = TokenCache(encoder)
    cache.of(["a b", "a b", "c"])
    assert encoder.read == 2
    cache.of(["c", "a b"])
    assert encoder.read == 2
    cache.of([f"text {n}" for n in range(CACHED_TEXTS)])
    cache.of(["a b"])
    assert encoder.read == 2 + CACHED_TEXTS + 1
