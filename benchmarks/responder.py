"""The embedded responder against frozen cosine: paraphrases, other questions, what it refuses, how long it takes.

    python -m benchmarks.responder BEIR_FOLDER [--seeds 3] [--pairs 1000] [--unseen] [--only paraphrases|sentences|time]

1. The sample company: taught on its 120 rows, asked its 40 held-out paraphrases and its 20 unanswerable questions,
   and questions of the folder as foreign ones.
2. The folder (squad2_dev16): taught on PAIRS pairs, asked another question about a taught sentence.
3. Wall and processor time of training and of one answer.

Under 1 and 2 stands what another least score than the responder's own would do: how many of the questions whose answer
was taught get one, how many of all answers given are wrong (near misses and foreign questions have no right one), and
what that is worth where a wrong answer costs as much as a right one earns.

Peers in the same run: nearest taught question, nearest answer, nearest pair by cosine of the frozen vectors, with
the responder's own abstention left out. "untrained" is the responder with nothing learnt: prior weights, frozen
vectors. Nothing is chosen here: weights and recipe come from benchmarks/fit_responder.py's development sets.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe, table
from benchmarks.question_sets import auroc
from benchmarks.responder_sets import Taught, another_question, articles_of, sample_company
from finetune.trainers.responder import Recipe, train
from local import responder_files
from local.encoder import MiniLMEncoder
from local.responder import Responder, best_rows, prior
from local.taught import IDENTITY, Floats, Questions, encode_questions, similarities

PEERS = (("nearest question", 0), ("nearest answer", 1), ("nearest pair", 2))
LEAST_SCORES = tuple(tenth / 10 for tenth in range(10))
Hits = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    name: str
    first: Hits  # (m,) whether the best answer is right
    five: Hits
    asked: NDArray[np.float64]  # what the ranking is sure of, for the taught, the near misses and the foreign
    near: NDArray[np.float64]
    foreign: NDArray[np.float64]
    threshold: float | None
    asked_texts: tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument(
        "--unseen",
        action="store_true",
        help="every second article: those of this folder that the recipe was not chosen on",
    )
    parser.add_argument("--only", choices=("paraphrases", "sentences", "time"))
    options = parser.parse_args()
    print(describe("onnxruntime", "numpy", "safetensors"))
    with tempfile.TemporaryDirectory() as temporary:
        encoder = MiniLMEncoder(cache_dir=Path(temporary))
        print(f"precision {encoder.precision}, threads {encoder.threads}")
        if options.only in (None, "paraphrases"):
            questions = another_question(options.folder, pairs=600, seed=0).asked[:200]
            company = replace(sample_company(), foreign=(*sample_company().foreign, *questions))
            report("1. Sample company, 40 paraphrases", [company] * options.seeds, encoder)
        if options.only in (None, "sentences"):
            articles = articles_of(options.folder)[1::2] if options.unseen else None
            foreign = [pair.question for pair in sample_company().pairs]
            sets = [
                another_question(
                    options.folder, pairs=options.pairs, seed=seed, articles=articles, foreign=foreign
                )
                for seed in range(options.seeds)
            ]
            report(f"2. {options.folder.name}, another question about a taught sentence", sets, encoder)
        if options.only in (None, "time"):
            timing(another_question(options.folder, pairs=options.pairs, seed=0), encoder, Path(temporary))


def report(title: str, sets: Sequence[Taught], encoder: MiniLMEncoder) -> None:
    """One table: the mean over seeds, and the difference to the best peer with its 95% interval."""
    runs = [_run(one, encoder, seed) for seed, one in enumerate(sets)]
    print(f"\n{title}: {len(sets[0].pairs)} pairs, {len(sets[0].asked)} questions, {len(sets)} seeds")
    peers = [_results(runs, position) for position in range(len(PEERS))]
    best = max(peers, key=lambda some: float(np.mean([one.first.mean() for one in some])))
    rows = [_line(_results(runs, position), peer=best) for position in range(len(runs[0]))]
    header = [
        "",
        "acc@1",
        "acc@5",
        f"difference to {best[0].name}",
        "answered right",
        "answered wrong",
        "abstained",
    ]
    print(table([*header, "AUROC near", "AUROC foreign", "near refused", "foreign refused"], rows))
    print("\n" + risk_and_coverage(_results(runs, -1)))


def risk_and_coverage(some: Sequence[Result]) -> str:
    """Of the responder, over all seeds, by the least score of an answer."""
    asked = np.concatenate([one.asked for one in some])
    right = np.concatenate([one.first for one in some])
    others = np.concatenate([part for one in some for part in (one.near, one.foreign)])
    rows = []
    for least in LEAST_SCORES:
        given = asked >= least
        good, bad = int((given & right).sum()), int((given & ~right).sum() + (others >= least).sum())
        error = f"{bad / (good + bad):.3f}" if good + bad else "-"
        worth = 100 * (good - bad) / len(asked)
        mark = " (its own)" if least == some[0].threshold else ""
        rows.append([f"{least:.1f}{mark}", f"{given.mean():.3f}", error, f"{worth:.0f}"])
    return table(["least score", "answered", "wrong of the answers", "right less wrong, of 100 asked"], rows)


def _results(runs: Sequence[Sequence[Result]], position: int) -> list[Result]:
    return [run[position] for run in runs]


def _line(some: list[Result], *, peer: list[Result]) -> list[str]:
    first = np.concatenate([one.first for one in some])
    difference = _by_question(some) - _by_question(peer)
    low, high = _interval(difference)
    mean = _mean(some)
    return [
        some[0].name,
        f"{first.mean():.3f}",
        mean(lambda one: one.five.mean()),
        f"{difference.mean():+.3f} [{low:+.3f}, {high:+.3f}]",
        mean(lambda one: (one.first & (one.asked >= (one.threshold or 0))).mean(), one_of=some[0]),
        mean(lambda one: (~one.first & (one.asked >= (one.threshold or 0))).mean(), one_of=some[0]),
        mean(lambda one: (one.asked < (one.threshold or 0)).mean(), one_of=some[0]),
        mean(lambda one: auroc(list(one.asked), list(one.near))) if len(some[0].near) else "-",
        mean(lambda one: auroc(list(one.asked), list(one.foreign))),
        mean(lambda one: (one.near < (one.threshold or 0)).mean(), one_of=some[0])
        if len(some[0].near)
        else "-",
        mean(lambda one: (one.foreign < (one.threshold or 0)).mean(), one_of=some[0]),
    ]


def _mean(some: Sequence[Result]) -> Callable[..., str]:
    """Mean over seeds; "-" for what needs a threshold and has none."""

    def mean(of: Callable[[Result], float], one_of: Result | None = None) -> str:
        if one_of is not None and one_of.threshold is None:
            return "-"
        return f"{np.mean([of(one) for one in some]):.3f}"

    return mean


def _by_question(some: Sequence[Result]) -> NDArray[np.float64]:
    """Hits of each question: the mean over seeds where all of them were asked the same questions."""
    if len({one.asked_texts for one in some}) == 1:
        mean: NDArray[np.float64] = np.mean([one.first for one in some], axis=0)
        return mean
    return np.concatenate([one.first for one in some]).astype(np.float64)


def _interval(difference: NDArray[np.float64]) -> tuple[float, float]:
    """95% of a paired bootstrap over questions."""
    random = np.random.default_rng(0)
    means = [random.choice(difference, len(difference)).mean() for _ in range(2000)]
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def _run(one: Taught, encoder: MiniLMEncoder, seed: int) -> list[Result]:
    taught = train(one.pairs, encoder, recipe=Recipe(seed=seed))
    print(
        f"seed {seed}: weights {np.round(taught.weights, 1).tolist()} (fitted on "
        f"{taught.recipe['weights_fitted_on']}), adapters of step {taught.recipe['best_step']}"
    )
    asked, near, foreign = (
        encode_questions(encoder, texts, taught.pairs.rarity)
        for texts in (one.asked, one.near_misses or ("",), one.foreign)
    )
    plain = replace(taught, adapters=IDENTITY, weights=prior().weights)
    kinds = {
        "untrained": plain,
        "weights only": replace(plain, weights=taught.weights),
        "adapters only": replace(plain, adapters=taught.adapters),
        "responder": taught,
    }
    results = [_peer(name, column, one, taught, (asked, near, foreign)) for name, column in PEERS]
    return results + [_own(name, one, kind, (asked, near, foreign), encoder) for name, kind in kinds.items()]


def _peer(
    name: str, column: int, one: Taught, taught: responder_files.Taught, texts: tuple[Questions, ...]
) -> Result:
    found = [similarities(text, taught.pairs, IDENTITY)[:, :, column] for text in texts]
    first, five = _hits(found[0].astype(np.float64), one, taught)
    asked, near, foreign = (part.max(axis=1).astype(np.float64) for part in found)
    return Result(
        name=name,
        first=first,
        five=five,
        asked=asked,
        near=near[: len(one.near_misses)],
        foreign=foreign,
        threshold=None,
        asked_texts=one.asked,
    )


def _own(
    name: str,
    one: Taught,
    taught: responder_files.Taught,
    texts: tuple[Questions, ...],
    encoder: MiniLMEncoder,
) -> Result:
    def scored(text: Questions) -> NDArray[np.float64]:
        return similarities(text, taught.pairs, taught.adapters).astype(np.float64) @ taught.weights

    found = [scored(text) for text in texts]
    first, five = _hits(found[0], one, taught)
    responder = Responder(taught, encoder)
    asked, near, foreign = (
        np.array([reply.score for reply in responder.replies(said, part)])
        for said, part in zip((one.asked, one.near_misses or ("",), one.foreign), found, strict=True)
    )
    return Result(
        name=name,
        first=first,
        five=five,
        asked=asked,
        near=near[: len(one.near_misses)],
        foreign=foreign,
        threshold=taught.abstain_below,
        asked_texts=one.asked,
    )


def _hits(
    found: Floats | NDArray[np.float64], one: Taught, taught: responder_files.Taught
) -> tuple[Hits, Hits]:
    best = [best_rows(row.astype(np.float64), taught.groups)[:5] for row in found]
    right = [
        [taught.answers[row] == answer for row in rows] for rows, answer in zip(best, one.right, strict=True)
    ]
    return np.array([row[0] for row in right]), np.array([any(row) for row in right])


def timing(one: Taught, encoder: MiniLMEncoder, work: Path) -> None:
    wall, processor = time.perf_counter(), time.process_time()
    taught = train(one.pairs, encoder)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    questions = [pair.question for pair in one.pairs]
    begun = time.process_time()
    encoder.encode(questions)
    encoder.encode([pair.answer for pair in one.pairs])
    frozen = time.process_time() - begun
    begun = time.perf_counter()
    responder_files.write_taught(work / "responder", taught)
    responder = Responder.load(work / "responder", encoder)
    loaded = time.perf_counter() - begun
    answers = _median_ms(responder.answer, one.asked[:60])
    peer = _median_ms(
        lambda text: (encoder.encode([text]) @ taught.pairs.question.T).argmax(), one.asked[:60]
    )
    size = sum(path.stat().st_size for path in (work / "responder").iterdir()) / 2**20
    print(f"\n3. Time, {len(one.pairs)} pairs")
    print(
        f"training: {wall:.1f} s wall, {processor:.1f} s processor, {processor / frozen:.1f} x only encoding them"
    )
    print(f"one answer: {answers:.1f} ms, {answers / peer:.1f} x nearest question (median of 60)")
    print(f"written and loaded in {loaded:.2f} s, {size:.1f} MiB")


def _median_ms(answer: Callable[[str], object], questions: Sequence[str]) -> float:
    taken = []
    for question in questions:
        begun = time.perf_counter()
        answer(question)
        taken.append(1000 * (time.perf_counter() - begun))
    return float(np.median(taken))


if __name__ == "__main__":
    main()
