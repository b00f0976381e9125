"""Texts that say nearly the same: character shingles, MinHash (datasketch) in bands, real Jaccard similarity.

    with NearDuplicates() as texts:              # any number of texts, in bounded memory
        for text in many: texts.add(text)
        for match in texts.matches(): ...        # Match(text=7, like=2, similarity=0.91): the 7th text is like the 2nd

    seen = NearSeen()                            # one after another, in memory: questions that are being generated
    seen.add("How do I reset my password?")      # None: new
    seen.add("How do I reset my password now?")  # Match(text=1, like=0, similarity=...)

Two texts are alike when their sets of shingles (5 characters; 3 where most of them are Chinese, Japanese or Korean;
case, punctuation and spacing folded) have a Jaccard similarity of at least the threshold, and they name the same
numbers and codes: "the rent of an IB-12" and "the rent of an IB-20" are two questions. A similarity that is reported
was computed from the whole sets, never estimated. Not covered: paraphrases that share no wording.

Bands after Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4: 16 bands of 8 rows find a pair of similarity
0.85 with probability 0.994 and look at a pair of similarity 0.5 with probability 0.06.
"""

from __future__ import annotations

import re
import unicodedata
import weakref
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import TYPE_CHECKING, Self
from zlib import crc32

from errors import DatasetError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from datasketch import MinHash, MinHashLSH

    Hashes = npt.NDArray[np.uint32]
    Shingles = npt.NDArray[np.uint32]  # sorted, each once

__all__ = ["THRESHOLD", "Match", "NearDuplicates", "NearSeen", "folded", "similarity"]

THRESHOLD = 0.85  # Jaccard similarity of the shingle sets
SHORTEST = 16  # characters after folding: shorter texts ("yes", "thank you") are alike by chance
_BANDS, _ROWS = 16, 8
_AT_ONCE = 4096  # shingles per hashing step: bounds the memory that a very long text takes
_COMPARED = 8  # earlier texts that one text is compared with at most
_IN_MEMORY = 16 << 20  # bytes, of each of the two spools; beyond that they lie in the temporary folder
_BLOCK = 1 << 15  # texts read back at once
_NOT_WORDS = re.compile(r"[\W_]+")
_DIGIT = re.compile(r"\d")
_DENSE_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_BASE = 0x01000193
_SEED = 1  # always the same permutations: signatures agree in every process


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Two texts by their numbers, in the order they were added, from 0."""

    text: int
    like: int  # the earlier one
    similarity: float  # Jaccard, threshold..1


def folded(text: str) -> str:
    """What is compared: letters and digits in lower case, everything else one space."""
    return _NOT_WORDS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def similarity(first: str, second: str) -> float:
    """The Jaccard similarity of two texts' shingles, 0..1; 0 where they name different numbers or codes."""
    one, other = folded(first), folded(second)
    return _jaccard(_shingles(one), _shingles(other)) if _codes(one) == _codes(other) else 0.0


class NearDuplicates:
    """Numbered texts, spooled; matches() compares them once all are there."""

    def __init__(self, *, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        self._hashing = _Hashing()
        self._texts: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        self._keys: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        self._freed = weakref.finalize(self, _close, self._texts, self._keys)  # a check that was stopped, too
        self._ends = array("Q")  # where each folded text ends in the spool
        self._keyed = array("Q")  # numbers of the texts that are long enough

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._ends)

    def close(self) -> None:
        """Free the spools."""
        self._freed()

    def add(self, text: str) -> int:
        """The text's number. Raises DatasetError where the temporary folder is full."""
        plain = folded(text)
        data = plain.encode("utf-8", "surrogatepass") if len(plain) >= SHORTEST else b""
        try:
            self._texts.write(data)
            if data:
                self._keyed.append(len(self._ends))
                self._keys.write(self._hashing.band_keys(plain).tobytes())
        except OSError as error:
            raise DatasetError(
                f"Near duplicates cannot be looked for: the temporary folder cannot be written ({error.strerror}). "
                "Free some space there or set TMPDIR to a folder that has it."
            ) from error
        self._ends.append((self._ends[-1] if self._ends else 0) + len(data))
        return len(self._ends) - 1

    def matches(self) -> Iterator[Match]:
        """Each text that is like an earlier one, with the earliest found and others, in order of the text."""
        import numpy as np

        candidates = np.empty(0, np.uint64)
        for band in range(_BANDS):
            candidates = np.union1d(candidates, _pairs(self._band(band)))
        numbers = np.frombuffer(self._keyed, np.uint64) if self._keyed else np.empty(0, np.uint64)
        compared: tuple[int, int] = (-1, 0)
        for pair in candidates.tolist():
            later, earlier = int(numbers[pair >> 32]), int(numbers[pair & 0xFFFFFFFF])
            compared = (later, compared[1] + 1 if later == compared[0] else 1)
            if compared[1] <= _COMPARED and (match := self._compared(later, earlier)):
                yield match

    def _compared(self, later: int, earlier: int) -> Match | None:
        one, other = self._text(later), self._text(earlier)
        if _codes(one) != _codes(other):  # their band keys met by chance
            return None
        similar = _jaccard(_shingles(one), _shingles(other))
        return Match(text=later, like=earlier, similarity=similar) if similar >= self._threshold else None

    def _text(self, number: int) -> str:
        start = self._ends[number - 1] if number else 0
        self._texts.seek(start)
        return self._texts.read(self._ends[number] - start).decode("utf-8", "surrogatepass")

    def _band(self, band: int) -> npt.NDArray[np.uint32]:
        """(n_keyed,) the texts' keys in one band."""
        import numpy as np

        self._keys.seek(0)
        blocks = []
        while data := self._keys.read(_BLOCK * _BANDS * 4):
            blocks.append(np.frombuffer(data, np.uint32).reshape(-1, _BANDS)[:, band].copy())
        return np.concatenate(blocks) if blocks else np.empty(0, np.uint32)


class NearSeen:
    """Texts one after another, each compared with those most like it before it; all in memory (about 6 kB a text)."""

    def __init__(self, *, threshold: float = THRESHOLD) -> None:
        """A threshold below 0.8 takes more and narrower bands: short questions differ much by one word."""
        self._threshold = threshold
        self._shape = (_BANDS, _ROWS) if threshold >= 0.8 else (2 * _BANDS, _ROWS // 2)
        self._hashing = _Hashing()
        self._index: MinHashLSH | None = None
        self._texts: list[str] = []
        self._signatures: list[Hashes] = []

    def add(self, text: str) -> Match | None:
        """The most similar text before this one; None where there is none: then it is new. It is kept either way."""
        plain, minhash = self._folded(text)
        match = self._most_similar(plain, minhash)
        self._index_of_texts().insert(len(self._texts), minhash)
        self._texts.append(plain)
        self._signatures.append(minhash.hashvalues)
        return match

    def like(self, text: str) -> Match | None:
        """The most similar text that was added, numbered as add would; nothing is kept.

        Texts shorter than 16 characters match where they are equal after folding.
        """
        return self._most_similar(*self._folded(text)) if self._texts else None

    def _folded(self, text: str) -> tuple[str, MinHash]:
        """The text as it is compared, and its signature: only texts of the same numbers meet in a band."""
        plain = folded(text)
        minhash = self._hashing.minhash(_hashes(plain))
        minhash.hashvalues ^= _code_hash(plain)
        return plain, minhash

    def _index_of_texts(self) -> MinHashLSH:
        from datasketch import MinHashLSH

        if self._index is None:
            self._index = MinHashLSH(num_perm=_BANDS * _ROWS, params=self._shape)
        return self._index

    def _most_similar(self, plain: str, minhash: MinHash) -> Match | None:
        near = sorted(map(int, self._index_of_texts().query(minhash)))
        found = [self._match(len(self._texts), plain, like) for like in self._closest(near, minhash)]
        return max((m for m in found if m), key=lambda match: (match.similarity, -match.like), default=None)

    def _closest(self, near: list[int], minhash: MinHash) -> list[int]:
        """Those whose signatures agree most, of equal ones the earlier: only they are compared in full."""
        import numpy as np

        if len(near) <= _COMPARED:
            return near
        agreeing = (np.array([self._signatures[like] for like in near]) == minhash.hashvalues).sum(axis=1)
        return [near[at] for at in np.argsort(-agreeing, kind="stable")[:_COMPARED].tolist()]

    def _match(self, number: int, plain: str, like: int) -> Match | None:
        other = self._texts[like]
        if _codes(plain) != _codes(other) or (len(plain) < SHORTEST and plain != other):
            return None
        similar = _jaccard(_shingles(plain), _shingles(other))
        return Match(text=number, like=like, similarity=similar) if similar >= self._threshold else None


class _Hashing:
    """datasketch's MinHash ("affine32") with one set of permutations, over arrays of hashes instead of lists."""

    def __init__(self) -> None:
        self._permutations: npt.NDArray[np.uint32] | None = None  # (2, 128): a and b of a * hash + b

    def minhash(self, shingles: Hashes) -> MinHash:
        from datasketch import MinHash

        values = self.signature(shingles)
        return MinHash(hashvalues=values, permutations=self._permutations, scheme="affine32", seed=_SEED)

    def signature(self, shingles: Hashes) -> npt.NDArray[np.uint32]:
        """(128,) the least permuted hash, permutation by permutation: what MinHash.update_batch comes to."""
        import numpy as np

        if self._permutations is None:
            self._permutations = _permutations()
        factors, terms = (part.reshape(-1, 1) for part in self._permutations)
        mixed = _mixed(shingles)
        least = np.full(_BANDS * _ROWS, 0xFFFFFFFF, np.uint32)
        for start in range(0, len(mixed), _AT_ONCE):
            np.minimum(least, (factors * mixed[start : start + _AT_ONCE] + terms).min(axis=1), out=least)
        return least

    def band_keys(self, plain: str) -> npt.NDArray[np.uint32]:
        """(16,) one key a band: texts of the same numbers whose signatures agree in the band share it."""
        import numpy as np

        bands = self.signature(_hashes(plain)).tobytes()  # a shingle twice has the same least hash
        codes, width = int(_code_hash(plain)), 4 * _ROWS
        return np.array(
            [crc32(bands[at : at + width], codes) for at in range(0, len(bands), width)], np.uint32
        )


def _permutations() -> npt.NDArray[np.uint32]:
    """(2, 128) odd factors and terms, as datasketch draws them; its import alone takes a second of processor time."""
    import numpy as np

    drawing = np.random.RandomState(_SEED)
    factors = drawing.randint(0, 1 << 31, _BANDS * _ROWS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return np.array([factors, drawing.randint(0, 1 << 32, _BANDS * _ROWS, dtype=np.uint32)])


def _close(*spools: SpooledTemporaryFile[bytes]) -> None:
    for spool in spools:
        spool.close()


def _codes(plain: str) -> list[str]:
    """The words of a folded text that hold a digit."""
    return sorted({word for word in plain.split(" ") if _DIGIT.search(word)}) if _DIGIT.search(plain) else []


def _code_hash(plain: str) -> np.uint32:
    """0 where there are no codes."""
    import numpy as np

    return np.uint32(crc32(" ".join(_codes(plain)).encode("utf-8", "surrogatepass")))


def _shingles(plain: str) -> Shingles:
    import numpy as np

    return np.unique(_hashes(plain))


def _hashes(plain: str) -> Hashes:
    """Hashes of all runs of 5 (or 3) characters: a polynomial in the code points, modulo 2^32."""
    import numpy as np

    points = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), np.uint32)
    width = 3 if len(_DENSE_SCRIPT.findall(plain[:200])) * 2 > len(plain[:200]) else 5
    count = max(len(points) - width + 1, 1)
    hashes = np.zeros(count, np.uint32)
    for shift in range(min(width, len(points))):
        hashes = hashes * np.uint32(_BASE) + points[shift : shift + count]
    return hashes


def _mixed(hashes: Hashes) -> Hashes:
    """The finaliser of MurmurHash3 (32 bits), which datasketch applies before its permutations."""
    import numpy as np

    hashes = (hashes ^ (hashes >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    hashes = (hashes ^ (hashes >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return hashes ^ (hashes >> np.uint32(16))


def _jaccard(first: Shingles, second: Shingles) -> float:
    import numpy as np

    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)


def _pairs(keys: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """Each text of a bucket with the first one of it and with the one before it, as later << 32 | earlier."""
    import numpy as np

    order = np.argsort(keys, kind="stable").astype(np.uint64)
    ordered = keys[order]
    starts = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(keys) else np.empty(0, bool)
    later = np.flatnonzero(~starts)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(keys)), 0))[later]
    shifted = order[later] << np.uint64(32)
    return np.unique(np.concatenate((shifted | order[first], shifted | order[later - 1])))
