"""The encoder gives sentence-transformers' vectors, whatever it is given, whoever asks, in whatever order."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from local.encoder import MAX_TOKENS, MiniLMEncoder, find_model_dir

GOLDEN = json.loads((Path(__file__).parent / "data" / "golden_vectors.json").read_text(encoding="utf-8"))
GOLDEN_TEXTS = [row["pattern"] * row["times"] for row in GOLDEN["texts"]]
GOLDEN_VECTORS = np.stack(
    [np.frombuffer(base64.b64decode(row["vector"]), dtype="<f4") for row in GOLDEN["texts"]]
)
MIXED = [*GOLDEN_TEXTS, *(f"Clause {n}: the tenant pays {n * 17} euro. " * (n % 7 + 1) for n in range(20))]


def cosines(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    products: NDArray[np.float32] = np.einsum("ij,ij->i", left, right)
    return products


def test_fp32_vectors_are_those_of_sentence_transformers(fp32: MiniLMEncoder) -> None:
    assert cosines(fp32.encode(GOLDEN_TEXTS), GOLDEN_VECTORS).min() >= 0.9999


def test_int8_vectors_are_near_those_of_sentence_transformers(int8: MiniLMEncoder) -> None:
    found = cosines(int8.encode(GOLDEN_TEXTS), GOLDEN_VECTORS)
    assert found.min() >= 0.995
    assert found.mean() >= 0.998


def test_int8_ranks_texts_as_fp32_does(fp32: MiniLMEncoder, int8: MiniLMEncoder) -> None:
    queries = ["How long is the notice period?", "When are goods delivered late?", "annual leave in Turkish"]
    exact, fast = (e.encode(queries) @ e.encode(GOLDEN_TEXTS).T for e in (fp32, int8))
    assert (exact.argmax(axis=1) == fast.argmax(axis=1)).all()


def test_vectors_are_float32_of_unit_norm(encoder: MiniLMEncoder) -> None:
    vectors = encoder.encode(MIXED)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(MIXED), encoder.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_no_texts_give_no_vectors(encoder: MiniLMEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)
    assert encoder.count_tokens([]) == []
    assert encoder.token_embeddings([]) == []


def test_a_vector_does_not_depend_on_what_it_is_encoded_with(encoder: MiniLMEncoder) -> None:
    order = list(range(len(MIXED)))
    Random(3).shuffle(order)
    together = encoder.encode(MIXED)
    shuffled = encoder.encode([MIXED[i] for i in order])
    alone = np.concatenate([encoder.encode([text]) for text in MIXED])
    np.testing.assert_allclose(together[order], shuffled, atol=1e-5)
    np.testing.assert_allclose(together, alone, atol=1e-5)
    if encoder.precision == "int8":
        assert (together == alone).all(), "an int8 run holds one text, so its vector is the same to the bit"


def test_threads_get_the_same_vectors(encoder: MiniLMEncoder) -> None:
    expected = encoder.encode(MIXED)
    orders = [Random(seed).sample(range(len(MIXED)), 12) for seed in range(8)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda order: encoder.encode([MIXED[i] for i in order]), orders))
    for order, vectors in zip(orders, found, strict=True):
        np.testing.assert_allclose(vectors, expected[order], atol=1e-5)


@pytest.mark.parametrize("threads", [1, 3])
def test_any_number_of_threads_gives_the_same_vectors(
    model_cache: Path, int8: MiniLMEncoder, threads: int
) -> None:
    other = MiniLMEncoder(cache_dir=model_cache, precision="int8", threads=threads)
    assert other.threads == threads
    assert (other.encode(MIXED) == int8.encode(MIXED)).all()


def test_more_texts_than_one_block_stay_in_order(int8: MiniLMEncoder) -> None:
    texts = [f"{n}" for n in range(1030)]
    vectors = int8.encode(texts)
    for position in (0, 1, 1023, 1024, 1029):
        assert (vectors[position] == int8.encode([texts[position]])[0]).all()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 2),
        (" \n\t\u00a0\u3000", 2),
        ("\x00\x01\x7f", 2),
        ("\u200b\u200e\ufeff", 2),
        ("\ud800", 3),
        ("a\udfffb", 5),
        ("🚀", 3),
        ("שלום עולם", 10),
        ("مرحبا", 7),
        ("x" * 101, 3),
        ("e\u0301" * 3, 4),
    ],
)
def test_hostile_texts_have_a_vector(encoder: MiniLMEncoder, text: str, tokens: int) -> None:
    assert encoder.count_tokens([text]) == [tokens]
    assert np.linalg.norm(encoder.encode([text])) == pytest.approx(1, abs=1e-6)
    assert len(encoder.token_spans(text)) == tokens - 2
    assert len(encoder.token_embeddings([text])[0].vectors) == tokens - 2


def test_a_megabyte_is_counted_whole_and_encoded_by_its_beginning(int8: MiniLMEncoder) -> None:
    text = "notice period " * 75_000
    assert int8.count_tokens([text]) == [150_002]
    assert len(int8.token_spans(text)) == 150_000
    beginning = "notice period " * ((MAX_TOKENS - 2) // 2)
    assert (int8.encode([text]) == int8.encode([beginning])).all()
    assert len(int8.token_embeddings([text])[0].spans) == MAX_TOKENS - 2


def test_a_megabyte_without_a_space_is_one_unknown_word(int8: MiniLMEncoder) -> None:
    assert int8.count_tokens(["x" * 1_000_000]) == [3]


def test_spans_are_of_characters(encoder: MiniLMEncoder) -> None:
    text = "Ünïcode 🚀 naïve\x00 tokenization"
    pieces = [text[start:end] for start, end in encoder.token_spans(text)]
    assert pieces == ["Ünïcode", "🚀", "naïve", "token", "ization"]


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(exclude_categories=()), max_size=80))
def test_spans_are_ordered_inside_the_text_and_as_many_as_counted(int8: MiniLMEncoder, text: str) -> None:
    spans = int8.token_spans(text)
    assert len(spans) + 2 == int8.count_tokens([text])[0]
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert spans == sorted(spans)


def test_token_embeddings_have_a_unit_vector_and_a_span_for_each_token(encoder: MiniLMEncoder) -> None:
    for text, found in zip(MIXED, encoder.token_embeddings(MIXED), strict=True):
        assert found.spans == encoder.token_spans(text)[: MAX_TOKENS - 2]
        assert found.vectors.shape == (len(found.spans), 384)
        np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)


def test_a_token_is_nearest_to_its_own_word_in_another_sentence(fp32: MiniLMEncoder) -> None:
    left, right = fp32.token_embeddings(["the contract ends in march", "in june the lease ends"])
    nearest = int((right.vectors @ left.vectors[2]).argmax())
    start, end = right.spans[nearest]
    assert "in june the lease ends"[start:end] == "ends"


def test_langchain_gets_lists_of_floats(encoder: MiniLMEncoder) -> None:
    documents = encoder.embed_documents(GOLDEN_TEXTS[:2])
    assert documents[0] == encoder.embed_query(GOLDEN_TEXTS[0])
    assert all(type(value) is float for row in documents for value in row)
    assert np.asarray(documents, dtype=np.float32).tolist() == encoder.encode(GOLDEN_TEXTS[:2]).tolist()


def test_the_encoder_says_what_it_is(encoder: MiniLMEncoder, tmp_path: Path) -> None:
    assert (encoder.model_id, encoder.dimension, encoder.max_tokens) == ("local:all-MiniLM-L6-v2", 384, 256)
    assert (find_model_dir(None, tmp_path) / "model.safetensors").is_file()
