"""How many tokens a text is about, where the vocabulary that would say so is not on this machine.

A rule over words and scripts, fitted to OpenAI's o200k_base by non-negative least squares over the message
catalogues of 41 languages, English prose and Python code (benchmarks/token_counts.py prints how far off it is, for
texts of yours). Long words cost more in languages that the vocabulary covers less, told by their function words.
"""

from __future__ import annotations

import re
from itertools import repeat

# Of whole files: the largest seen over 49 files of 41 languages, and over prose in 16, is 18 %. Nine rows in ten are
# within 18 % too; a row of a few words may be further off.
ERROR = 0.20
OTHER_VOCABULARY_ERROR = (
    0.35  # of Llama's, Qwen's and the like, in Latin script; elsewhere the text may be twice as long
)

_LATIN_LOWER = r"a-z\u00DF-\u00F6\u00F8-\u024F\u1E00-\u1EFF"
_LATIN_UPPER = r"A-Z\u00C0-\u00D6\u00D8-\u00DE"
_WORD = re.compile(f"[{_LATIN_UPPER}]*[{_LATIN_LOWER}]+|[{_LATIN_UPPER}]+")
_ASCII_WORD = re.compile("[A-Z]*[a-z]+|[A-Z]+")  # the same, in half the time
_ACCENTED = re.compile(r"[\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u024F\u1E00-\u1EFF]")
_CAPITALS = re.compile(f"[{_LATIN_UPPER}]{{2,}}")
_DIGITS = re.compile(r"[0-9]{1,3}")
_PUNCTUATION = re.compile(r"(?:[!-&(-/:-@\[-`{-~]|(?<![A-Za-z])')+")
_SPACES = re.compile(r"[ \t]{2,}")

_OF_CYRILLIC = 1.984  # tokens per word; fewer of Russian, which the vocabulary covers best
_RUSSIAN = re.compile("[ыэ]")
_OTHER_CYRILLIC = re.compile("[іїєґўђћљњџѓќ]")
# (range, tokens per character, tokens per unbroken run)
_SCRIPTS: tuple[tuple[str, float, float], ...] = (
    (r"\u0400-\u052F", 0.0, _OF_CYRILLIC),
    (r"\u0370-\u03FF\u1F00-\u1FFF", 0.395, 0.0),  # Greek
    (r"\u0590-\u05FF", 0.468, 0.0),  # Hebrew
    (r"\u0600-\u06FF\u0750-\u077F\uFB50-\uFDFF\uFE70-\uFEFE", 0.275, 0.397),  # Arabic
    (r"\u0900-\u0DFF", 0.342, 0.187),  # Indic
    (r"\u0E00-\u0EFF", 0.403, 0.061),  # Thai, Lao
    (r"\u3040-\u30FF", 0.569, 0.349),  # kana
    (r"\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF", 0.8, 0.0),  # Han
    (r"\uAC00-\uD7A3\u1100-\u11FF", 0.261, 1.376),  # Hangul
    (r"\u0530-\u058F\u10A0-\u10FF", 0.235, 0.871),  # Armenian, Georgian
)
_RUNS = tuple((re.compile(f"[{letters}]+"), character, run) for letters, character, run in _SCRIPTS)
_ELSEWHERE = re.compile(
    r"[^\x00-\u024F\u1E00-\u1EFF\s" + "".join(letters for letters, _, _ in _SCRIPTS) + "]"
)
_ENGLISH_WORDS = (
    "the of and to in is you that it for on are with as your at be this from or by we can not have what how was will "
    "an do if"
)
_COVERED_WORDS = (  # German, French, Spanish, Portuguese, Italian, Dutch, Indonesian
    "der die das und ist nicht ein eine zu den mit für auf sie von le la les des et est une pour dans que vous sur du "
    "el los las una para con por del se os uma não com do da em il di che per non della het een van de en niet voor "
    "yang dan untuk dengan tidak ini"
)
# 1: English, 1j: another covered language, so that one sum counts both.
_FUNCTION_WORDS = {
    form: number
    for words, number in ((_COVERED_WORDS, 1j), (_ENGLISH_WORDS, 1 + 0j))
    for word in words.split()
    for form in (word, word.capitalize(), word.upper())
}


def estimate_tokens(text: str) -> int:
    """About how many o200k_base tokens the text is; 0 only for the empty text."""
    if not text:
        return 0
    tokens = _latin(text) + len(_DIGITS.findall(text)) * 1.748 + len(_SPACES.findall(text)) * 1.259
    runs = _PUNCTUATION.findall(text)
    tokens += 0.628 * len(runs) + 0.268 * (sum(map(len, runs)) - len(runs))
    if not text.isascii():
        tokens += _other_scripts(text)
    return max(1, round(tokens))


def _latin(text: str) -> float:
    words = (_ASCII_WORD if text.isascii() else _WORD).findall(text)
    if not words:
        return 0.0
    english, covered = _shares(words)
    other = 1 - english - covered
    lengths = [len(word) for word in words if len(word) > 4]
    past_4 = sum(lengths) - 4 * len(lengths)
    past_8 = sum(length - 8 for length in lengths if length > 8)
    accents = 0 if text.isascii() else len(_ACCENTED.findall(text))
    return (
        len(words)
        + past_4 * (0.065 * english + 0.180 * covered + 0.443 * other)
        + past_8 * 0.092 * covered
        + accents * (0.138 * (english + covered) + 0.188 * other)
        + sum(len(run) - 1 for run in _CAPITALS.findall(text)) * 0.052
    )


def _shares(words: list[str]) -> tuple[float, float]:
    """(English, well-covered languages), each 0 to 1, by the share of their function words among all."""
    known = sum(map(_FUNCTION_WORDS.get, words, repeat(0j)), 0j)
    english = min(1.0, known.real / len(words) / 0.22)
    return english, min(1 - english, known.imag / len(words) / 0.16)


def _other_scripts(text: str) -> float:
    tokens = 1.041 * len(_ELSEWHERE.findall(text))
    for pattern, of_character, of_run in _RUNS:
        if runs := pattern.findall(text):
            tokens += of_character * sum(map(len, runs)) + of_run * len(runs)
    if len(_RUSSIAN.findall(text)) > len(_OTHER_CYRILLIC.findall(text)):
        tokens -= (_OF_CYRILLIC - 1.6) * len(_RUNS[0][0].findall(text))
    return tokens
