"""What speaks for and against an answer, as numbers that chains.confidence weighs."""

from __future__ import annotations

from collections.abc import Sequence

from local.choosing import NEW_WORDS
from local.figures import figure_kind
from local.forms import contact_missing, sum_missing
from local.query import Query
from local.ranking import Scored

__all__ = ["contested_by", "evidence", "signals"]


def signals(
    query: Query,
    passages: Sequence[tuple[str, str]],
    scored: Sequence[Scored],
    chosen: Sequence[Scored],
    near: Sequence[float],
) -> dict[str, float]:
    """Every value is 0..1 but the cosines, the score and the margin; `scored` is best first.

    chosen: those that are quoted.
    near: cosines of the first, encoded by themselves, with the question.
    """
    everywhere = query.held(" ".join(f"{title} {text}" for title, text in passages))
    best = scored[0] if scored else None
    texts = [query.held(f"{title} {text}") for title, text in passages]
    bodies = [text for _, text in passages]  # a document that was added twice is no rival to itself
    rivals = (one.score for one in scored if best and bodies[one.unit.passage] != bodies[best.unit.passage])
    rival = next(rivals, None)
    named = frozenset(term.stem for term in query.terms if term.kind != "word")
    return {
        "best_score": best.score if best else 0.0,
        "best_cosine": next(iter(near), 0.0),
        "top_cosine": max(near, default=0.0),
        "best_coverage": query.weight(_told(query, best)) if best else 0.0,
        "evidence_coverage": query.weight(evidence(query, chosen)),
        "passage_coverage": max((query.weight(held) for held in texts), default=0.0),
        "coverage": query.weight(everywhere),
        "margin": best.score - rival if best and rival is not None else 0.0,
        "names_missing": query.weight(named - everywhere),
        "names_missing_in_best": query.weight(named - (texts[best.unit.passage] if best else frozenset())),
        "contested": float(bool(contested_by(query, scored))),
        "date_missing": float(query.kind == "date" and not (best and best.has_type)),
        "form_missing": float(_form_missing(query, named, chosen)),
        "type_asked": float(query.kind != "any"),
        "type_missing": float(query.kind != "any" and not (best and best.has_type)),
        "terms": float(len(query.terms)),
    }


def evidence(query: Query, chosen: Sequence[Scored]) -> frozenset[str]:
    """Stems of the question that the quoted sentences or what stands above them hold."""
    return frozenset().union(*(one.own | query.held(one.unit.context) for one in chosen))


def _form_missing(query: Query, named: frozenset[str], chosen: Sequence[Scored]) -> bool:
    """Whether no quoted sentence holds the sum that is asked for; or none that names whom the question names, the
    telephone number or address: another's is none.
    """
    texts = [(one, f"{one.unit.context} {one.unit.text}") for one in chosen]
    theirs = [text for one, text in texts if one.own & named or not named]
    tables = ("row", "record")
    sums = [sum_missing(query.asking, text, row=one.unit.kind in tables) for one, text in texts]
    contacts = [contact_missing(query.asking, text) for text in theirs or [""]]
    return bool(chosen) and (all(sums) or all(contacts))


def contested_by(query: Query, scored: Sequence[Scored]) -> frozenset[str]:
    """The codes and years in whose place the best unit names others; or the years in whose place a unit nearer in
    meaning does that holds words which the best lacks: the documents tell the turnover, but of another year.
    """
    if not scored or scored[0].contested:
        return scored[0].contested if scored else frozenset()
    best = scored[0]
    nearer = [one for one in scored if one.contested and one.cosine > best.cosine]
    telling = [one for one in nearer if query.weight(one.own - _told(query, best)) >= NEW_WORDS]
    years = [word for one in telling for word in one.contested if figure_kind(word) == "year"]
    return frozenset(years)


def _told(query: Query, one: Scored) -> frozenset[str]:
    """Stems of the question that a unit holds; a table row tells what its heading and title name, too."""
    return one.own | query.held(one.unit.context) if one.unit.kind == "row" else one.own
