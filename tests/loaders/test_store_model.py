"""The store against a dictionary and brute force: any sequence of changes, looked at from two openings."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import loaders.vectors
from loaders.store import EmbeddedStore
from tests.loaders.word_encoder import WordEncoder

IDS = st.sampled_from([f"id{number}" for number in range(8)])
WORDS = ("horse", "grass", "river", "stone", "cloud", "bread")
TEXTS = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
ENTRIES = st.lists(st.tuples(IDS, TEXTS, st.sampled_from(["red", "blue"])), min_size=1, max_size=4)


class StoreMachine(RuleBasedStateMachine):
    """`self.truth` is what the store must be."""

    @initialize()
    def open(self) -> None:
        self._small = loaders.vectors._SMALL
        loaders.vectors._SMALL = 4  # the base is written anew every few changes
        self.folder = Path(tempfile.mkdtemp())
        self.encoder = WordEncoder(dimension=256)
        self.store = EmbeddedStore(self.folder / "s", embedding=self.encoder)
        self.reader = EmbeddedStore(self.folder / "s", embedding=self.encoder)
        self.truth: dict[str, tuple[str, str]] = {}

    @rule(entries=ENTRIES)
    def add(self, entries: list[tuple[str, str, str]]) -> None:
        self.store.add_texts(
            [text for _, text, _ in entries],
            [{"colour": colour} for _, _, colour in entries],
            ids=[name for name, _, _ in entries],
        )
        self.truth |= {name: (text, colour) for name, text, colour in entries}

    @rule(names=st.lists(IDS, max_size=4))
    def delete(self, names: list[str]) -> None:
        self.store.delete(names)
        for name in names:
            self.truth.pop(name, None)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = EmbeddedStore(self.folder / "s", embedding=self.encoder)

    @rule()
    def rebuild(self) -> None:
        self.store.knowledge_base.rebuild()

    @rule()
    def lose_the_caches(self) -> None:
        self.store.close()
        self.reader.close()
        for folder in (self.folder / "s").glob("generation-*"):
            shutil.rmtree(folder)
        self.store = EmbeddedStore(self.folder / "s", embedding=self.encoder)
        self.reader = EmbeddedStore(self.folder / "s", embedding=self.encoder)

    @rule(query=TEXTS, k=st.integers(1, 10), colour=st.sampled_from([None, "red", "blue"]))
    def search(self, query: str, k: int, colour: str | None) -> None:
        allowed = {name: text for name, (text, own) in self.truth.items() if colour in (None, own)}
        vector = self.encoder.encode([query])[0]
        exact = {name: float(self.encoder.encode([text])[0] @ vector) for name, text in allowed.items()}
        best = sorted(exact.values(), reverse=True)[:k]
        for store in (self.store, self.reader):
            hits = store.similarity_search_with_score(query, k, filter={"colour": colour} if colour else None)
            assert np.allclose([score for _, score in hits], best, atol=2e-3)
            for document, score in hits:
                assert document.page_content == allowed[str(document.id)]
                assert abs(exact[str(document.id)] - score) < 2e-3

    @rule(word=st.sampled_from(WORDS))
    def search_words(self, word: str) -> None:
        holding = {name for name, (text, _) in self.truth.items() if word in text.split()}
        for store in (self.store, self.reader):
            passages = store.knowledge_base.search(word, k=20)
            assert {passage.document_id for passage in passages} == set(self.truth)
            assert {p.document_id for p in passages if p.scores.bm25 is not None} == holding

    @invariant()
    def both_hold_the_same(self) -> None:
        names = [f"id{number}" for number in range(8)]
        for store in (self.store, self.reader):
            held = {str(d.id): (d.page_content, d.metadata["colour"]) for d in store.get_by_ids(names)}
            assert held == self.truth

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        findings = self.store.knowledge_base.doctor()
        self.store.close()
        self.reader.close()
        shutil.rmtree(self.folder)
        loaders.vectors._SMALL = self._small
        assert [finding for finding in findings if finding.level == "damage"] == []


TestStoreAgainstADictionary = StoreMachine.TestCase
TestStoreAgainstADictionary.settings = settings(
    max_examples=20, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
