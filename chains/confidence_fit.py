"""`Calibration`: the numbers that turn signals into a probability, how they were made, and their file.

    fit = Calibration.load(folder / "calibration.json")        # CalibrationError says what is wrong with it
    fit = calibration_at(folder / "calibration.json")          # never fails: falls back to the shipped, and says so

The file is one JSON object (version 1). It stands alone: a later version of Groundtune with another shipped fit
reads an older file as it was meant, and refuses one whose signals it no longer knows.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from errors import CalibrationError
from loaders.files import write_atomically

__all__ = [
    "CALIBRATION_FILE",
    "CHAT_CALIBRATION_FILE",
    "METHODS",
    "Calibration",
    "Made",
    "calibration_at",
    "shipped",
]

CALIBRATION_FILE = "calibration.json"  # in a knowledge base's folder: for answers of the embedded reader
CHAT_CALIBRATION_FILE = "calibration-chat.json"  # and for those of a chat model
VERSION = 1
METHODS = ("shipped", "platt", "logistic", "isotonic")
LEAST, MOST = 1e-6, 1.0 - 1e-6  # log-odds are finite between
LARGEST_FILE = 1 << 20  # bytes; a real one has a few thousand
SHIPPED = Path(__file__).with_name("confidence.json")
AGAIN = "make it again with: python -m app evaluate confidence --questions FILE --kb NAME --apply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How a fit came to be."""

    method: str  # one of METHODS
    questions: int
    questions_sha256: str  # of the question file
    date: str  # ISO, as it was passed in
    model: str  # which model's answers they are
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A logistic regression over named signals, then log-odds x slope + intercept, then a rising curve.

    `curve`: (value, share that was right) points, both ascending, straight lines between; empty: as it is.
    """

    weights: Mapping[str, float]
    bias: float
    abstain_below: float
    slope: float = 1.0
    intercept: float = 0.0
    curve: tuple[tuple[float, float], ...] = ()
    made: Made | None = None  # None: shipped with the program
    notice: str | None = None  # what whoever reads the confidence must know of this fit

    def value(self, known: Mapping[str, float], *, factor: float = 1.0) -> float:
        """0..1 for signals that hold at least those of `weights`; `factor` is what rules leave of the regression."""
        total = self.bias + math.fsum(weight * known[name] for name, weight in self.weights.items())
        return self.recalibrated(factor * sigmoid(total))

    def recalibrated(self, value: float) -> float:
        if (self.slope, self.intercept) != (1.0, 0.0):
            value = sigmoid(self.slope * log_odds(value) + self.intercept)
        return on_curve(self.curve, value) if self.curve else value

    def save(self, path: Path) -> None:
        """Whole or not at all. Raises CalibrationError where it cannot be written, or holds no `made`."""
        if self.made is None:
            raise CalibrationError("The shipped fit is not saved: it comes with the program.")
        text = json.dumps(self._as_dict(self.made), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        try:
            write_atomically(path, text.encode("utf-8"))
        except OSError as error:
            raise CalibrationError(
                f"{path} cannot be written ({error.strerror}): free space or permit it, then try again."
            ) from error

    def _as_dict(self, made: Made) -> dict[str, Any]:
        return {
            "version": VERSION,
            "method": made.method,
            "questions": made.questions,
            "questions_sha256": made.questions_sha256,
            "date": made.date,
            "model": made.model,
            "metrics": dict(made.metrics),
            "abstain_below": self.abstain_below,
            "slope": self.slope,
            "intercept": self.intercept,
            "curve": [list(point) for point in self.curve],
            "bias": self.bias,
            "weights": dict(self.weights),
        }

    @classmethod
    def load(cls, path: Path, *, known: Sequence[str] | None = None) -> Calibration:
        """Reads what `save` wrote. `known`: the signals there are; None: those of the shipped fit.

        Raises CalibrationError, one sentence naming the file and the fault.
        """
        try:
            return _parsed(_document(path), frozenset(shipped().weights if known is None else known))
        except _FaultError as fault:
            raise CalibrationError(f"{path} cannot be used: {fault}; {AGAIN}.") from fault


class _FaultError(ValueError):
    """What is wrong with a file, as the middle of a sentence."""


def calibration_at(
    path: Path, *, known: Sequence[str] | None = None, otherwise: Calibration | None = None
) -> Calibration:
    """The fit of a file; else `otherwise` (default: the shipped), with a notice where the file is broken."""
    fallback = shipped() if otherwise is None else otherwise
    if not path.exists():
        return fallback
    try:
        return Calibration.load(path, known=known)
    except CalibrationError as error:
        return replace(fallback, notice=f"This confidence is of the fit that comes with Groundtune: {error}")


@lru_cache(maxsize=1)
def shipped() -> Calibration:
    """The fit of chains/confidence.json, which benchmarks/fit_confidence.py writes."""
    return read_shipped(SHIPPED)


def read_shipped(path: Path) -> Calibration:
    data = json.loads(path.read_text(encoding="utf-8"))
    return Calibration(
        weights=MappingProxyType(dict(data["weights"])),
        bias=data["bias"],
        abstain_below=data["abstain_below"],
        slope=data.get("slope", 1.0),
        intercept=data.get("intercept", 0.0),
    )


def sigmoid(value: float) -> float:
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    power = math.exp(value)
    return power / (1.0 + power)


def log_odds(value: float) -> float:
    kept = min(max(value, LEAST), MOST)
    return math.log(kept / (1.0 - kept))


def on_curve(curve: Sequence[tuple[float, float]], value: float) -> float:
    """The height of the polygon at `value`; beyond its ends, that of the end."""
    after = bisect_right(curve, value, key=lambda point: point[0])
    if after in (0, len(curve)):
        return curve[min(after, len(curve) - 1)][1]
    (left, low), (right, high) = curve[after - 1], curve[after]
    return low + (high - low) * (value - left) / (right - left)


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise _FaultError("it is too large to be a calibration")
        data = json.loads(path.read_bytes().decode("utf-8"), parse_constant=_no_constant)
    except OSError as error:
        raise _FaultError(f"it cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _FaultError("it is not UTF-8 text") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise _FaultError("it is not JSON") from error
    if not isinstance(data, dict):
        raise _FaultError("it is not a JSON object")
    return data


def _no_constant(name: str) -> float:
    raise _FaultError(f"it holds {name}")


def _parsed(data: Mapping[str, Any], known: frozenset[str]) -> Calibration:
    if data.get("version") != VERSION:
        raise _FaultError(f"its version is {data.get('version')!r}, not {VERSION}")
    weights = _numbers(data, "weights")
    if not weights or not set(weights) <= known:
        other = sorted(set(weights) - known)
        raise _FaultError(f"it weighs signals that are not known here ({', '.join(other) or 'none at all'})")
    slope = _number(data, "slope")
    if slope <= 0:
        raise _FaultError('its "slope" is not above 0')
    return Calibration(
        weights=MappingProxyType(weights),
        bias=_number(data, "bias"),
        abstain_below=_share(data, "abstain_below"),
        slope=slope,
        intercept=_number(data, "intercept"),
        curve=_curve(data),
        made=_made(data),
    )


def _made(data: Mapping[str, Any]) -> Made:
    if data.get("method") not in METHODS:
        raise _FaultError(f'its "method" is none of {", ".join(METHODS)}')
    questions = data.get("questions")
    if not isinstance(questions, int) or isinstance(questions, bool) or questions < 0:
        raise _FaultError('its "questions" is not a count')
    return Made(
        method=_text(data, "method"),
        questions=questions,
        questions_sha256=_text(data, "questions_sha256"),
        date=_text(data, "date"),
        model=_text(data, "model"),
        metrics=MappingProxyType(_numbers(data, "metrics")),
    )


def _curve(data: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    points = data.get("curve")
    if not isinstance(points, list) or not all(
        isinstance(point, list) and len(point) == 2 for point in points
    ):
        raise _FaultError('its "curve" is not a list of pairs')
    curve = tuple((_finite(x, "curve"), _finite(y, "curve")) for x, y in points)
    rises = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(curve))
    if not rises or not all(0 <= x <= 1 and 0 <= y <= 1 for x, y in curve):
        raise _FaultError('its "curve" does not rise from 0 to 1')
    return curve


def _numbers(data: Mapping[str, Any], name: str) -> dict[str, float]:
    found = data.get(name)
    if not isinstance(found, dict):
        raise _FaultError(f'its "{name}" is not an object of numbers')
    return {key: _finite(value, name) for key, value in found.items()}


def _share(data: Mapping[str, Any], name: str) -> float:
    value = _number(data, name)
    if not 0 <= value <= 1:
        raise _FaultError(f'its "{name}" is not between 0 and 1')
    return value


def _number(data: Mapping[str, Any], name: str) -> float:
    return _finite(data.get(name), name)


def _finite(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e9:
        raise _FaultError(f'its "{name}" is not a number')
    return float(value)


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise _FaultError(f'its "{name}" is not a text')
    return value
