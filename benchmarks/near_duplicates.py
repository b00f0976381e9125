"""Near-duplicate rows: how many are found, at what cost; beside datasketch's own index held in memory.

    python -m benchmarks.near_duplicates [--rows 20000] [--all-pairs 3000] [--seed 7]

The rows are made up: sentences of a 5,000-word vocabulary, and to a fifth of them an edited copy (one to a tenth of
the words replaced). "recall" and "false" are against comparing all pairs of the first --all-pairs rows by their
shingle sets. The peer: datasketch's MinHash.update_batch over the same shingles as strings, MinHashLSH(0.85, 128), its
candidates taken as they are. Both in a process of their own, so that the memory is theirs alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

from benchmarks.machine import describe, table
from finetune.near_duplicates import THRESHOLD, NearDuplicates, folded

Pairs = set[tuple[int, int]]
VOCABULARY, EDITED = 5_000, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    pairs: Pairs  # (later, earlier)
    seconds: float  # processor time
    grown_mb: float  # peak memory above what the texts take


def rows(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    words = [
        "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 10))) for _ in range(VOCABULARY)
    ]
    texts: list[str] = []
    while len(texts) < count:
        said = rng.choices(words, k=rng.randint(20, 120))
        texts.append(" ".join(said))
        if rng.random() < EDITED / (1 - EDITED):
            for _ in range(rng.randint(1, max(len(said) // 10, 1))):
                said[rng.randrange(len(said))] = rng.choice(words)
            texts.append(" ".join(said))
    return texts[:count]


def ours(texts: list[str]) -> Pairs:
    with NearDuplicates() as near:
        for text in texts:
            near.add(text)
        return {(match.text, match.like) for match in near.matches()}


def peer(texts: list[str]) -> Pairs:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=THRESHOLD, num_perm=128)
    found: Pairs = set()
    for number, text in enumerate(texts):
        minhash = MinHash(num_perm=128, seed=1)
        minhash.update_batch([shingle.encode() for shingle in shingles(text)])
        found |= {(number, int(like)) for like in index.query(minhash)}
        index.insert(number, minhash)
    return found


def all_pairs(texts: list[str]) -> Pairs:
    sets = [shingles(text) for text in texts]
    return {
        (later, earlier)
        for earlier, later in combinations(range(len(sets)), 2)
        if min(len(sets[earlier]), len(sets[later])) >= THRESHOLD * max(len(sets[earlier]), len(sets[later]))
        and len(sets[earlier] & sets[later]) >= THRESHOLD * len(sets[earlier] | sets[later])
    }


def shingles(text: str) -> set[str]:
    plain = folded(text)
    return {plain[at : at + 5] for at in range(max(len(plain) - 4, 1))}


def measured(find: Callable[[list[str]], Pairs], count: int, seed: int) -> Outcome:
    """In a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (find, count, seed))


def _measured(find: Callable[[list[str]], Pairs], count: int, seed: int) -> Outcome:
    texts = rows(count, seed)
    find(texts[:50])  # imports
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    pairs = find(texts)
    seconds = time.process_time() - started
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return Outcome(pairs=pairs, seconds=seconds, grown_mb=grown / 1024)


def described(name: str, outcome: Outcome, true: Pairs, of: int, megabytes: float) -> list[str]:
    seen = {pair for pair in outcome.pairs if pair[0] < of}
    later = {pair[0] for pair in true}
    return [
        name,
        f"{len({pair[0] for pair in seen} & later) / len(later):.4f}",
        f"{len(seen - true)}",
        f"{outcome.seconds:.1f}",
        f"{megabytes / outcome.seconds:.2f}",
        f"{outcome.grown_mb:.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--all-pairs", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    print(describe("datasketch", "numpy"))
    outcomes = {  # first: a child process begins with its parent's peak of memory
        "ours: 16 bands of 8, verified": measured(ours, asked.rows, asked.seed),
        "peer: MinHashLSH in memory": measured(peer, asked.rows, asked.seed),
    }
    texts = rows(asked.rows, asked.seed)
    megabytes = sum(len(text) for text in texts) / 1e6
    true = all_pairs(texts[: asked.all_pairs])
    print(
        f"\n{asked.rows} rows, {megabytes:.1f} MB; {len(true)} pairs alike among the first {asked.all_pairs}\n"
    )
    header = ["", "recall of rows", "false pairs", "processor s", "MB/s", "MB grown"]
    print(table(header, [described(n, o, true, asked.all_pairs, megabytes) for n, o in outcomes.items()]))
    first, other = outcomes.values()
    memory = first.grown_mb / max(other.grown_mb, 1)
    print(f"\ntime ours / peer: {first.seconds / other.seconds:.2f}, memory: {memory:.2f}")


if __name__ == "__main__":
    main()
