"""Names of hyperparameters and options against those that a trainer knows: a mistyped one is refused, never ignored."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from errors import TuningRequestError

__all__ = ["check_names"]


def check_names(given: Mapping[str, object], known: Sequence[str], what: str, prefix: str = "") -> None:
    """`what`: "option", "hyperparameter"; `prefix`: where it stands. Raises TuningRequestError that names the known."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]!r}? Known" if near else "known"
            raise TuningRequestError(
                f"There is no {what} {prefix}{name}: {hint} are {', '.join(known)}.",
                param=f"{prefix}{name}",
                code="unknown_parameter",
            )
