"""Sixteen companies along the factors that an embedded engine can measure, and what each would answer the advisor.

The list and `levels_of` were written before any of it was measured, and are not fitted to what came out. A factor is
answered only where the profile determines it; what is not varied here (latency, budget, users, tenants, offline,
maturity, updates) is left unknown.
"""

from __future__ import annotations

from benchmarks.companies.made import Profile

__all__ = ["PROFILES", "levels_of"]

PROFILES = (
    Profile(name="price list that moves", trade="bicycles", seed=1, form="mixed", stale=0.6),
    Profile(name="catalogue that stands still", trade="cottages", seed=2),
    Profile(name="desk of house rules", trade="laboratory", seed=3, taught=0.6, questions=90),
    Profile(name="rules and catalogue", trade="courses", seed=4, taught=0.4, form="mixed"),
    Profile(name="rules and moving catalogue", trade="bicycles", seed=5, taught=0.4, stale=0.6, rows=160),
    Profile(name="few rows", trade="cottages", seed=6, taught=0.25, rows=30),
    Profile(name="many rows", trade="laboratory", seed=7, taught=0.25, things=30, rows=340),
    Profile(name="sources, and still", trade="laboratory", seed=8, sources=True, rows=160),
    Profile(name="sources, and moving", trade="courses", seed=9, sources=True, stale=0.3, form="lists"),
    Profile(name="to the letter", trade="courses", seed=10, taught=0.4, to_the_letter=True, rows=160),
    Profile(name="to the letter, moving", trade="cottages", seed=11, taught=0.3, to_the_letter=True, stale=0.4,
            rows=160),
    Profile(name="large archive", trade="bicycles", seed=12, things=120, taught=0.1, stale=0.1, rows=100),
    Profile(name="half of it unanswerable", trade="laboratory", seed=13, unanswerable=0.5, taught=0.2, stale=0.1),
    Profile(name="nothing to train on", trade="cottages", seed=14, rows=0, stale=0.1, form="mixed"),
    Profile(name="one page", trade="courses", seed=15, things=3, taught=0.4, rows=60, questions=80, form="lists"),
    Profile(name="general knowledge", trade="bicycles", seed=16, general=0.4, questions=60, rows=60),
)  # fmt: skip


def levels_of(profile: Profile) -> dict[str, int]:
    """The questionnaire, as an honest owner of this company would fill it in."""
    return {
        "volatility": _step(profile.stale, (0.0, 0.08, 0.2, 0.5)),
        "attribution": 4 if profile.sources else 0,
        "private": _step(1 - profile.general, (0.0, 0.3, 0.6, 0.9)),
        "expertise": _step(profile.taught, (0.0, 0.15, 0.3, 0.5)),
        "style": 4 if profile.to_the_letter else 1,
        "size": 0 if profile.things <= 5 else 1 if profile.things < 100 else 2,
        "data": _step(profile.rows, (49, 100, 600, 1500)),
        "noise": _step(profile.unanswerable, (0.0, 0.15, 0.3, 0.6)),
    }


def _step(value: float, most: tuple[float, float, float, float]) -> int:
    """The first level whose `most` holds the value; 4 past them."""
    return next((level for level, bound in enumerate(most) if value <= bound), 4)
