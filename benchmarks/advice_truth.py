"""The advisor's word against measured truth: sixteen invented companies, all four modes run, the best one known.

    python -m benchmarks.advice_truth [--only NAME] [--other-seeds N] [--out FILE]

Each company of benchmarks/companies is set up as its owner would: documents read, a responder trained, then some facts
change in the documents. Of its questions two fifths are the company's own evaluation, and the rest are the truth. Its
questionnaire follows from its profile by a mapping that was written before anything was measured (profiles.levels_of);
the advisor's weights were not changed to it. An advice is "best" where its mode has most right, "tied" where no
difference from the best is shown, else "worse". Peers in the same run are advisors that always say the same.

What this cannot tell: the three modes that read or were taught have the embedded engine alone, which quotes and
recalls but never writes. With a chat model that writes, RAG and hybrid read better, and a tuned one may know more.
`--other-seeds N` draws the same profiles anew: other names, figures, questions.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks.companies.made import Profile, make
from benchmarks.companies.measured import Measured, measure, server_that_knows_nothing, winners
from benchmarks.companies.profiles import PROFILES, levels_of
from benchmarks.machine import describe, table
from chains.answer import MODES, Mode
from evaluation.advice.advisor import advise
from evaluation.advice.evidence import weigh
from evaluation.advice.factors import framework
from evaluation.statistics import wilson

Standing = Literal["best", "tied", "worse", "cannot run"]
STANDINGS: tuple[Standing, ...] = ("best", "tied", "worse", "cannot run")
Advisor = Callable[[Measured], Mode]
PAIRS: tuple[tuple[Mode, Mode], ...] = (("finetuned", "rag"), ("hybrid", "rag"), ("hybrid", "finetuned"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One advice held against what was measured."""

    pick: Mode
    standing: Standing
    lost: float  # share of questions that the best mode has right and this one has not


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="a company, by its name; may be repeated"
    )
    parser.add_argument(
        "--other-seeds", type=int, default=0, metavar="N", help="the same profiles drawn anew"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the figures as JSON, too")
    options = parser.parse_args()
    print(describe("onnxruntime", "faiss-cpu", "tantivy", "numpy", "scipy"), flush=True)
    chosen = [one for one in PROFILES if not options.only or one.name in options.only]
    found = list(run([_drawn_anew(one, options.other_seeds) for one in chosen]))
    print(report(found))
    if options.out:
        options.out.write_text(json.dumps([as_record(one) for one in found], indent=1), encoding="utf-8")


def _drawn_anew(profile: Profile, times: int) -> Profile:
    return replace(profile, seed=profile.seed + 100 * times)


def run(profiles: Sequence[Profile], *, models: Path | None = None) -> Iterable[Measured]:
    """`models`: a built graph of the embedding model; None: the first company builds it for all."""
    with tempfile.TemporaryDirectory() as folder, server_that_knows_nothing() as server:
        for number, profile in enumerate(profiles):
            home = Path(folder) / f"company-{number}"
            found = measure(make(profile), home, server.url, models=models)
            models = models or home / "models"
            print(f"{profile.name}: {_shares(found)}", flush=True)
            yield found


ADVISORS: Mapping[str, Advisor] = {
    "the questionnaire": lambda one: advise(levels_of(one.profile)).pick,
    "questionnaire and the company's evaluation": lambda one: (
        weigh(advise(levels_of(one.profile)), one.evidence).pick
    ),
    "the company's evaluation alone": lambda one: weigh(advise({}), one.evidence).pick,
    "always hybrid": lambda _: "hybrid",
    "always RAG": lambda _: "rag",
    "always fine-tuned": lambda _: "finetuned",
}


def checked(found: Measured, advisor: Advisor) -> Checked:
    pick, best = advisor(found), found.truth.best
    assert best is not None
    most = found.truth.modes[best].right.value
    if pick not in found.truth.modes:
        return Checked(pick=pick, standing="cannot run", lost=most)
    lost = most - found.truth.modes[pick].right.value
    among = winners(found.truth)
    return Checked(
        pick=pick, standing="best" if not lost else "tied" if pick in among else "worse", lost=lost
    )


# --- what is printed ------------------------------------------------------------------------------


def report(found: Sequence[Measured]) -> str:
    parts = [_companies(found), _advisors(found)]
    return "\n\n".join([*parts, _margins(found), _directions(found)] if len(found) > 3 else parts)


def _companies(found: Sequence[Measured]) -> str:
    header = ["company", "factors", *MODES, "measured best", "questionnaire", "with its evaluation"]
    first, second = list(ADVISORS.values())[:2]
    rows = [
        [
            one.profile.name,
            factors_of(one.profile),
            *(_share(one, mode) for mode in MODES),
            ", ".join(winners(one.truth)),
            _said(checked(one, first)),
            _said(checked(one, second)),
        ]
        for one in found
    ]
    return table(header, rows)


def factors_of(profile: Profile) -> str:
    told = [f"{profile.rows} rows", f"{profile.things} things"]
    shares = {"changed": profile.stale, "house rules": profile.taught, "general": profile.general}
    told += [f"{share:.0%} {name}" for name, share in shares.items() if share]
    told += [f"{profile.unanswerable:.0%} unanswerable"] if profile.unanswerable != 0.1 else []
    told += ["sources required"] if profile.sources else []
    return ", ".join([*told, *(["to the letter"] if profile.to_the_letter else [])])


def _share(one: Measured, mode: Mode) -> str:
    if mode not in one.truth.modes:
        return "not run"
    right = one.truth.modes[mode].right
    return f"{100 * right.value:.0f} ({100 * right.low:.0f}-{100 * right.high:.0f})"


def _shares(one: Measured) -> str:
    return ", ".join(f"{mode} {_share(one, mode)}" for mode in MODES)


def _said(one: Checked) -> str:
    lost = f", {100 * one.lost:.0f} points less" if one.standing in ("tied", "worse") else ""
    return f"{one.pick}: {one.standing}{lost}"


def _advisors(found: Sequence[Measured]) -> str:
    header = ["advisor", *STANDINGS, "best or tied (95 %)", "points lost, mean"]
    rows = []
    for name, advisor in ADVISORS.items():
        every = [checked(one, advisor) for one in found]
        counts = [sum(one.standing == standing for one in every) for standing in STANDINGS]
        good = wilson(counts[0] + counts[1], len(every))
        lost = 100 * sum(one.lost for one in every) / len(every)
        told = f"{good.value:.0%} ({good.low:.0%}-{good.high:.0%})"
        rows.append([name, *map(str, counts), told, f"{lost:.1f}"])
    return table(header, rows)


def _margins(found: Sequence[Measured]) -> str:
    """Whether a mode that the questionnaire puts further ahead is further ahead."""
    rows = [[f"{first} over {second}", *_rank_correlation(found, first, second)] for first, second in PAIRS]
    return table(["points against measured shares", "rank correlation", "companies"], rows)


def _rank_correlation(found: Sequence[Measured], first: Mode, second: Mode) -> tuple[str, str]:
    both = [one for one in found if {first, second} <= set(one.truth.modes)]
    advices = [advise(levels_of(one.profile)).points for one in both]
    ahead = _correlated([one[first] - one[second] for one in advices], _ahead(both, first, second))
    return ahead, str(len(both))


def _ahead(found: Sequence[Measured], first: Mode, second: Mode) -> list[float]:
    return [one.truth.modes[first].right.value - one.truth.modes[second].right.value for one in found]


def _correlated(first: Sequence[float], second: Sequence[float]) -> str:
    from scipy.stats import spearmanr

    if len(set(first)) < 2 or len(set(second)) < 2:
        return "-"
    return f"{float(spearmanr(first, second).statistic):+.2f}"


def _directions(found: Sequence[Measured]) -> str:
    """Of each factor that is varied here: what the framework says that a higher level does, and what was measured."""
    both = [one for one in found if {"finetuned", "rag", "hybrid"} <= set(one.truth.modes)]
    levels = [levels_of(one.profile) for one in both]
    rows = []
    for factor in framework().factors:
        own = [float(one[factor.name]) for one in levels if factor.name in one]
        if len(set(own)) < 2:
            continue
        cells = [
            f"{factor.weight * (factor.effect[first] - factor.effect[second]):+.2f} / "
            f"{_correlated(own, _ahead(both, first, second))}"
            for first, second in PAIRS
        ]
        rows.append([factor.name, *cells])
    names = [f"{first} over {second}" for first, second in PAIRS]
    return table(["factor: points of a high level / measured rank correlation", *names], rows)


def as_record(one: Measured) -> dict[str, object]:
    """JSON values of one company."""
    truth = {
        mode: {"right": own.right.value, "low": own.right.low, "high": own.right.high}
        for mode, own in one.truth.modes.items()
    }
    kinds = {tag.tag: {mode: own.value for mode, own in tag.right.items()} for tag in one.truth.tags}
    advised = {name: _said(checked(one, advisor)) for name, advisor in ADVISORS.items()}
    return {
        "company": one.profile.name,
        "factors": factors_of(one.profile),
        "levels": levels_of(one.profile),
        "right": truth,
        "by_kind": kinds,
        "winners": list(winners(one.truth)),
        "advised": advised,
    }


if __name__ == "__main__":
    main()
