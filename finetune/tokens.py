"""Counting tokens: OpenAI's by tiktoken, a local model's by its tokenizer.json, a marked estimate without either.

tiktoken's vocabulary is a file of some MB that its maker serves. It is looked for in TIKTOKEN_CACHE_DIR and the like
and in GROUNDTUNE_HOME/vocabularies, fetched there at most once a day where the caller allows it, and used only when
its SHA-256 is the published one. Nothing of a text leaves this machine.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from errors import DatasetFormatError
from finetune.token_estimate import ERROR, OTHER_VOCABULARY_ERROR, estimate_tokens
from loaders.files import write_atomically

if TYPE_CHECKING:
    import tiktoken
    import tokenizers

VocabularyName = Literal["o200k_base", "cl100k_base"]
Span: TypeAlias = tuple[int, int]  # characters [start, end) of a text
# OpenAI's chat markup, with the numbers that these tokens have in its chat models.
MARKUP: Mapping[str, int] = {"<|im_start|>": 200264, "<|im_end|>": 200265, "<|im_sep|>": 200266}
FETCH_TIMEOUT_S = 10
RETRY_AFTER_S = 24 * 3600
LARGEST_VOCABULARY = 16 << 20  # bytes
FOLDER = "vocabularies"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vocabulary:
    url: str
    sha256: str
    pattern: str  # how tiktoken 0.14 splits a text before merging


_VOCABULARIES: Mapping[VocabularyName, _Vocabulary] = {
    "o200k_base": _Vocabulary(
        url="https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken",
        sha256="446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        pattern="|".join(
            (
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
                r"\p{N}{1,3}",
                r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
                r"\s*[\r\n]+",
                r"\s+(?!\S)",
                r"\s+",
            )
        ),
    ),
    "cl100k_base": _Vocabulary(
        url="https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken",
        sha256="223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        pattern=(
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
            r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
        ),
    ),
}


class Tokenizer(Protocol):
    """Counts the tokens of a text, and says where each one stands in it."""

    @property
    def name(self) -> str: ...  # "o200k_base", "estimate", or the model's folder

    @property
    def estimated(self) -> bool: ...

    @property
    def error(self) -> float: ...  # relative, of a whole file's count; 0 where it is exact

    @property
    def note(self) -> str | None: ...  # why it is an estimate, and what makes it exact

    def count(self, text: str) -> int: ...

    def spans(self, text: str) -> list[Span]:
        """Characters of each token, in order. Tokens that are part of one character share its span."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedTokenizer:
    """No vocabulary: a rule counts, and pieces of words stand in for tokens."""

    name: str = "estimate"
    estimated: bool = True
    error: float = ERROR
    note: str | None = None

    def count(self, text: str) -> int:
        marks = sum(map(text.count, MARKUP))
        if not marks:
            return estimate_tokens(text)
        for mark in MARKUP:
            text = text.replace(mark, "\n")
        return marks + estimate_tokens(text)

    def spans(self, text: str) -> list[Span]:
        import re

        pieces = "|".join(map(re.escape, MARKUP)) + r"| ?[^\W_]{1,6}|\s+|."
        return [match.span() for match in re.finditer(pieces, text, re.DOTALL)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TiktokenTokenizer:
    """OpenAI's, exact for text; its chat markup is known in form but not published for training files."""

    name: str
    encoding: tiktoken.Encoding
    estimated: bool = False
    error: float = 0.0
    note: str | None = None

    def count(self, text: str) -> int:
        return len(self.encoding.encode(text, allowed_special=set(MARKUP), disallowed_special=()))

    def spans(self, text: str) -> list[Span]:
        numbers = self.encoding.encode(text, allowed_special=set(MARKUP), disallowed_special=())
        _, starts = self.encoding.decode_with_offsets(numbers)
        return _spans_between(starts, len(text))


def _spans_between(starts: list[int], length: int) -> list[Span]:
    """Tokens that begin in one character all end where it ends."""
    spans: list[Span] = []
    end = length
    for number in range(len(starts) - 1, -1, -1):
        if number + 1 < len(starts) and starts[number + 1] > starts[number]:
            end = starts[number + 1]
        spans.append((starts[number], end))
    return spans[::-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderTokenizer:
    """A local model's own tokenizer.json; no special tokens are added: the chat template writes them."""

    name: str
    tokenizer: tokenizers.Tokenizer
    estimated: bool = False
    error: float = 0.0
    note: str | None = None

    def count(self, text: str) -> int:
        return len(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def spans(self, text: str) -> list[Span]:
        spans: list[Span] = self.tokenizer.encode(text, add_special_tokens=False).offsets
        return spans

    def ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def folder_tokenizer(folder: Path) -> FolderTokenizer:
    """Raises DatasetFormatError where the folder has no tokenizer.json that can be read."""
    from tokenizers import Tokenizer as Loaded

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise DatasetFormatError(
            f"{str(folder)!r} has no tokenizer.json: name a model's folder as transformers saves it "
            "(AutoTokenizer.from_pretrained(...).save_pretrained(...) writes the file)."
        )
    try:
        loaded = Loaded.from_file(str(path))
    except Exception as error:
        raise DatasetFormatError(f"{path} is no tokenizer that can be read ({error}).") from error
    loaded.no_truncation()
    loaded.no_padding()
    return FolderTokenizer(name=str(folder), tokenizer=loaded)


@dataclass(slots=True, kw_only=True)
class Vocabularies:
    """Where tiktoken's files are looked for and kept. `fetch` None: never over the network."""

    folder: Path | None = None  # GROUNDTUNE_HOME/vocabularies
    fetch: Callable[[str], bytes] | None = None  # raises OSError
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Callable[[], float] = time.time
    _loaded: dict[VocabularyName, Tokenizer] = field(default_factory=dict)

    def tokenizer(self, name: VocabularyName) -> Tokenizer:
        """Exact where the vocabulary is here or comes, else the estimate, saying so. Never raises for the network."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: VocabularyName) -> Tokenizer:
        data = self._found(name) or self._fetched(name)
        if data is None:
            return EstimatedTokenizer(
                error=ERROR if name == "o200k_base" else OTHER_VOCABULARY_ERROR, note=self._why(name)
            )
        return TiktokenTokenizer(name=name, encoding=_encoding(name, data))

    def _why(self, name: VocabularyName) -> str:
        return (
            f"Token counts are estimates: tiktoken's vocabulary {name} is not on this machine. Let it be fetched "
            f"once, or copy {name}.tiktoken into {self.folder or 'GROUNDTUNE_HOME/' + FOLDER}."
        )

    def _found(self, name: VocabularyName) -> bytes | None:
        vocabulary = _VOCABULARIES[name]
        cached = hashlib.sha1(
            vocabulary.url.encode(), usedforsecurity=False
        ).hexdigest()  # tiktoken's file name
        for folder in self._folders():
            for path in (folder / f"{name}.tiktoken", folder / cached):
                with suppress(OSError):
                    if path.stat().st_size <= LARGEST_VOCABULARY and _is(
                        vocabulary, data := path.read_bytes()
                    ):
                        return data
        return None

    def _folders(self) -> list[Path]:
        named = [self.environment.get("TIKTOKEN_CACHE_DIR"), self.environment.get("DATA_GYM_CACHE_DIR")]
        own = [] if self.folder is None else [self.folder]
        return [*own, *(Path(name) for name in named if name), Path(tempfile.gettempdir()) / "data-gym-cache"]

    def _fetched(self, name: VocabularyName) -> bytes | None:
        if self.fetch is None or self.folder is None or self._failed_lately(name):
            return None
        vocabulary = _VOCABULARIES[name]
        data = b""
        with suppress(OSError):
            data = self.fetch(vocabulary.url)
        with suppress(OSError):  # a home that cannot be written only means that it is fetched again
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is(vocabulary, data):
                write_atomically(self.folder / f"{name}.tiktoken", data)
            else:
                self._failure(name).write_text(str(self.clock()), "utf-8")
        return data if _is(vocabulary, data) else None

    def _failure(self, name: VocabularyName) -> Path:
        return (self.folder or Path()) / f"{name}.failed"

    def _failed_lately(self, name: VocabularyName) -> bool:
        try:
            return self.clock() - float(self._failure(name).read_text("utf-8")) < RETRY_AFTER_S
        except (OSError, ValueError):
            return False


def _is(vocabulary: _Vocabulary, data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == vocabulary.sha256


def _encoding(name: VocabularyName, data: bytes) -> tiktoken.Encoding:
    import tiktoken

    ranks = {
        base64.b64decode(token): int(rank)
        for token, rank in (line.split() for line in data.splitlines() if line)
    }
    return tiktoken.Encoding(
        name, pat_str=_VOCABULARIES[name].pattern, mergeable_ranks=ranks, special_tokens=dict(MARKUP)
    )


def fetch(url: str) -> bytes:
    """One request, no redirect to another scheme, at most LARGEST_VOCABULARY bytes. Raises OSError."""
    import httpx2

    deadline = time.monotonic() + FETCH_TIMEOUT_S
    parts: list[bytes] = []
    try:
        with httpx2.stream("GET", url, timeout=FETCH_TIMEOUT_S / 2) as response:
            response.raise_for_status()
            for part in response.iter_bytes():
                parts.append(part)
                if time.monotonic() > deadline or sum(map(len, parts)) > LARGEST_VOCABULARY:
                    raise OSError(f"{url} came too slowly or was too large.")
    except httpx2.HTTPError as error:
        raise OSError(str(error)) from error
    return b"".join(parts)
