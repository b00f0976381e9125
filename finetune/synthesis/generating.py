"""Questions and answers by a chat model, passage by passage, within a budget, and resumed where a run was cut short.

Replies are read from the journal first; what is not there is asked for, a few passages at a time. Pairs are sifted in
the order of the passages, whatever order the replies come in.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import zip_longest
from typing import Any

from chains.cancelling import current_cancellation
from chains.generation import LETTERS_PER_TOKEN
from chains.instructions import instructions_in
from chains.models import ConnectedModel
from chains.prompts import load_prompt
from chains.support import SentenceEncoder
from errors import ProviderError, SpendingLimitError, StoppedError
from finetune.examples import Example
from finetune.synthesis.asking import Asked, Asker, read_pairs, request_text
from finetune.synthesis.journal import Journal
from finetune.synthesis.outline import outlined
from finetune.synthesis.runs import (
    STOPPED,
    GenerateOptions,
    Progress,
    Source,
    Stop,
    Tally,
    chat_row,
    example,
    no_progress,
    no_stop,
)
from finetune.synthesis.sifting import Dropped, Kept, Sieve
from finetune.synthesis.surveying import surveyed
from loaders.passage import Passage, Scores

__all__ = ["AT_ONCE", "estimated_tokens", "generate", "journal_header", "passages_of"]

AT_ONCE = 4  # requests under way; the limits of the model's server may allow fewer
FAILED_IN_A_ROW = 3  # after which the server is taken to be down
FEWEST_WORDS = 12  # of a passage that is worth a request
TOKENS_A_PAIR = 120  # of a reply, for the estimate
DOWN = "{count} requests in a row failed. {why} What was answered is kept: run it again with --resume."


def journal_header(model: ConnectedModel, options: GenerateOptions) -> dict[str, str | int]:
    """What two runs must share for the replies of one to serve the other."""
    return {
        "form": 1,
        "model": model.model_id,
        "prompt": load_prompt(options.prompt).sha256,
        "per_passage": options.per_passage,
    }


def passages_of(source: Source, options: GenerateOptions) -> list[Passage]:
    """The chunks worth asking about: one of each document in turn, so that a limit takes from all of them.

    Chunks of a few words are left out.
    """
    survey = surveyed(source.documents())
    piles = []
    for document in source.documents():
        title = outlined(document, survey.repeated).title
        pile = [
            Passage(
                chunk_id=chunk.chunk_id,
                document_id=document.document_id,
                document_name=title,
                text=document.text[chunk.start : chunk.end],
                start=chunk.start,
                end=chunk.end,
                location=chunk.location,
                score=0.0,
                scores=Scores(fused=0.0),
            )
            for chunk in document.chunks
        ]
        worth = [passage for passage in pile if len(passage.text.split()) >= FEWEST_WORDS]
        piles.append(sorted(worth, key=lambda passage: _drawn(passage, options.seed)))
    return [passage for turn in zip_longest(*piles) for passage in turn if passage is not None]


def estimated_tokens(passages: list[Passage], options: GenerateOptions) -> tuple[int, int]:
    """(input, output) tokens of asking about all of them: letters over three, so rather too many than too few."""
    letters = sum(
        len(request_text(passage, options.per_passage, options.prompt).encode()) for passage in passages
    )
    return letters // LETTERS_PER_TOKEN, len(passages) * options.per_passage * TOKENS_A_PAIR


def generate(
    source: Source,
    options: GenerateOptions,
    tally: Tally,
    *,
    model: ConnectedModel,
    encoder: SentenceEncoder,
    journal: Journal,
    passages: list[Passage] | None = None,
    on_progress: Progress = no_progress,
    stop: Stop = no_stop,
) -> Iterator[Example | Dropped]:
    """The rows that stand up to their passages. Where the budget is spent it ends, and `tally.stopped` says so.

    passages: those of `passages_of`, where they are known already.
    Raises ProviderError where the server is down, StoppedError when a request under way was cancelled.
    """
    run = _Run(
        source, options, tally, Asker(model, pairs=options.per_passage, prompt=options.prompt), journal
    )
    sieve = Sieve(encoder)
    everything = passages_of(source, options) if passages is None else passages
    tally.passages, tally.documents = len(everything), len({one.document_id for one in everything})
    tally.cost_usd = journal.cost_usd
    safe = [passage for passage in everything if not instructions_in(passage.text)]
    yield from run.refused(passage for passage in everything if instructions_in(passage.text))
    try:
        yield from run.made(sieve, safe, on_progress, stop)
    finally:
        tally.cost_usd = journal.cost_usd  # with those that were under way at the end


class _Run:
    def __init__(
        self, source: Source, options: GenerateOptions, tally: Tally, asker: Asker, journal: Journal
    ) -> None:
        self._source = source
        self._options = options
        self._tally = tally
        self._asker = asker
        self._journal = journal
        self._failed_in_a_row = 0
        self._stop = current_cancellation()

    def made(
        self, sieve: Sieve, passages: list[Passage], on_progress: Progress, stop: Stop
    ) -> Iterator[Example | Dropped]:
        with closing(self.replies(passages, stop)) as replies:
            try:
                yield from self._sifted(sieve, replies, on_progress)
            except (KeyboardInterrupt, GeneratorExit):
                self._stop.cancel()  # nobody waits for what is under way
                raise

    def _sifted(
        self, sieve: Sieve, replies: Iterable[tuple[Passage, Asked]], on_progress: Progress
    ) -> Iterator[Example | Dropped]:
        limit = self._options.limit
        for passage, asked in replies:
            for one in self.rows(sieve, passage, asked):
                yield one
                if limit is not None and self._tally.rows >= limit:
                    return
            self._tally.cost_usd = self._journal.cost_usd
            on_progress(self._tally)

    # --- replies --------------------------------------------------------------------------------------

    def replies(self, passages: list[Passage], stop: Stop) -> Generator[tuple[Passage, Asked]]:
        """In the order of the passages. Requests that are under way when it ends are waited for: they are paid."""
        waiting: deque[tuple[Passage, Future[Asked]]] = deque()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="synthesis") as pool:
            try:
                for passage in passages:
                    waiting.append((passage, self._sent(pool, passage)))
                    while len(waiting) >= AT_ONCE and self._tally.stopped is None:
                        yield from self._first(waiting)
                    if stop():
                        self._tally.stopped = STOPPED
                    if self._tally.stopped is not None:
                        break
                while waiting:
                    yield from self._first(waiting)
            except KeyboardInterrupt:
                self._stop.cancel()
                raise
            finally:
                for _, future in waiting:
                    future.cancel()

    def _sent(self, pool: ThreadPoolExecutor, passage: Passage) -> Future[Asked]:
        key = _key(passage)
        if key in self._journal.replies:
            known: Future[Asked] = Future()
            known.set_result(self._journal.replies[key])
            self._tally.resumed += 1
            return known
        return pool.submit(self._ask, passage, key)

    def _ask(self, passage: Passage, key: str) -> Asked:
        with self._stop.applies():
            asked = self._asker.ask(passage)
        self._journal.add(key, asked)
        return asked

    def _first(self, waiting: deque[tuple[Passage, Future[Asked]]]) -> Iterator[tuple[Passage, Asked]]:
        passage, future = waiting.popleft()
        try:
            asked = future.result()
        except SpendingLimitError as error:
            self._tally.stopped = str(error)
            return
        except StoppedError:
            raise
        except ProviderError as error:
            self._fail(passage, str(error))
            return
        self._failed_in_a_row = 0
        self._tally.asked += 1
        yield passage, asked

    def _fail(self, passage: Passage, why: str) -> None:
        self._tally.failed.append(f"{passage.chunk_id}: {why}")
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= FAILED_IN_A_ROW:
            raise ProviderError(DOWN.format(count=self._failed_in_a_row, why=why))

    # --- rows -----------------------------------------------------------------------------------------

    def rows(self, sieve: Sieve, passage: Passage, asked: Asked) -> Iterator[Example | Dropped]:
        tally = self._tally
        for judged in sieve.sift(read_pairs(asked.reply), passage):
            if isinstance(judged, Dropped):
                tally.dropped[judged.reason] += 1
                yield judged
            else:
                tally.rows += 1
                tally.kinds["generated"] += 1
                tally.repaired += not judged.quote.exact
                yield self._example(judged, passage, asked)

    def refused(self, passages: Iterable[Passage]) -> Iterator[Dropped]:
        """What addresses a model is not sent to one, and teaches none."""
        for passage in passages:
            self._tally.dropped["addresses_model"] += 1
            yield Dropped(
                reason="addresses_model", chunk_id=passage.chunk_id, document_id=passage.document_id
            )

    def _example(self, kept: Kept, passage: Passage, asked: Asked) -> Example:
        prompt, place = load_prompt(self._options.prompt), kept.quote
        details: dict[str, Any] = {
            "method": "generated",
            "knowledge_base": self._source.name,
            "title": passage.document_name,
            "chunks": [passage.chunk_id],
            "quote": passage.text[place.start : place.end],
            "spans": [[passage.start + place.start, passage.start + place.end]],
            "support": kept.support,
            "model": asked.model,
            "prompt": prompt.version,
            "prompt_sha256": prompt.sha256,
        } | ({} if place.exact else {"quote_as_written": kept.pair.quote})
        row = chat_row(kept.pair.question, kept.pair.answer, self._options.system)
        return example("generated", row, passage.document_id, details)


def _drawn(passage: Passage, seed: int) -> bytes:
    """An order without order, the same for the same seed."""
    return hashlib.sha256(f"{seed} {passage.chunk_id}".encode()).digest()


def _key(passage: Passage) -> str:
    """Names the very text: a document that has changed is asked about anew."""
    return f"{passage.chunk_id} {hashlib.sha256(passage.text.encode()).hexdigest()[:16]}"
