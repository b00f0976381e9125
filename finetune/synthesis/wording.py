"""The few question templates of extraction, by language, and which language a document is in.

A template only names where something stands and asks what stands there: nothing in it can be untrue. Quotation marks
keep it grammatical whatever the heading is. Languages without templates give only questions that the document asks
itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, cast, get_args

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

__all__ = ["LANGUAGES", "TEMPLATES", "Language", "Templates", "is_question", "language_of"]

Language = Literal["en", "de", "fr", "es", "nl"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
ENOUGH = 40  # letters; less text does not tell its language
SURE = 0.8  # probability of the language
READ = 4000  # characters of a document that are looked at
_LETTER = re.compile(r"[^\W\d_]")
_QUESTION = re.compile(
    r"[¿]?\s*(?:\S+\s+){2,}\S+\s*[?？]|[^\s?]{5,}[？]"
)  # three words at least, or a script without


@dataclass(frozen=True, slots=True, kw_only=True)
class Templates:
    section: str  # {title}, {heading}
    listing: str  # {title}, {heading}
    cell: str  # {title}, {row}, {column}
    definition: str  # {term}
    dull: frozenset[str]  # headings that say nothing about what stands below them
    total: re.Pattern[str]  # the name of a row that sums up others


def _dull(words: str) -> frozenset[str]:
    return frozenset(word.strip() for word in words.split(","))


TEMPLATES: dict[Language, Templates] = {
    "en": Templates(
        section="What does “{title}” say about “{heading}”?",
        listing="What does “{title}” list under “{heading}”?",
        cell="What does “{title}” give for “{row}” under “{column}”?",
        definition="What is meant by “{term}”?",
        dull=_dull(
            "introduction,overview,summary,general,notes,note,contents,table of contents,appendix,annex,references,"
            "miscellaneous,other,further information,more information,see also,background,conclusion,preface,about"
        ),
        total=re.compile(r"(?:(?:grand|sub|net|gross)[ -]?)?total\b.*|sum|together|average|mean|all", re.I),
    ),
    "de": Templates(
        section="Was steht in „{title}“ zum Punkt „{heading}“?",
        listing="Was zählt „{title}“ unter „{heading}“ auf?",
        cell="Was steht in „{title}“ für „{row}“ unter „{column}“?",
        definition="Was bedeutet „{term}“?",
        dull=_dull(
            "einleitung,einführung,überblick,übersicht,zusammenfassung,allgemeines,allgemein,hinweise,hinweis,inhalt,"
            "inhaltsverzeichnis,anhang,anlage,anlagen,literatur,sonstiges,weitere informationen,siehe auch,vorwort"
        ),
        total=re.compile(r"(?:gesamt|summe|zwischensumme|insgesamt|durchschnitt)\w*\b.*", re.I),
    ),
    "fr": Templates(
        section="Que dit « {title} » à propos de « {heading} » ?",
        listing="Qu’énumère « {title} » sous « {heading} » ?",
        cell="Qu’indique « {title} » pour « {row} » dans « {column} » ?",
        definition="Que désigne « {term} » ?",
        dull=_dull(
            "introduction,aperçu,résumé,généralités,général,remarques,remarque,notes,sommaire,table des matières,"
            "annexe,annexes,références,divers,autres,voir aussi,conclusion,préface,avant-propos"
        ),
        total=re.compile(r"(?:sous-)?tota(?:l|ux)\b.*|somme|moyenne|ensemble", re.I),
    ),
    "es": Templates(
        section="¿Qué dice «{title}» sobre «{heading}»?",
        listing="¿Qué enumera «{title}» en «{heading}»?",
        cell="¿Qué indica «{title}» para «{row}» en «{column}»?",
        definition="¿Qué significa «{term}»?",
        dull=_dull(
            "introducción,resumen,generalidades,general,notas,nota,contenido,índice,anexo,anexos,referencias,varios,otros,"
            "véase también,conclusión,prefacio,prólogo"
        ),
        total=re.compile(r"(?:sub)?total(?:es)?\b.*|suma|promedio|media", re.I),
    ),
    "nl": Templates(
        section="Wat staat er in „{title}” over „{heading}”?",
        listing="Wat somt „{title}” op onder „{heading}”?",
        cell="Wat staat er in „{title}” voor „{row}” onder „{column}”?",
        definition="Wat betekent „{term}”?",
        dull=_dull(
            "inleiding,overzicht,samenvatting,algemeen,opmerkingen,opmerking,inhoud,inhoudsopgave,bijlage,bijlagen,"
            "verwijzingen,overige,overig,meer informatie,zie ook,voorwoord,conclusie"
        ),
        total=re.compile(r"(?:sub|eind)?tota(?:al|len)\b.*|som|gemiddelde|samen", re.I),
    ),
}


def is_question(text: str) -> bool:
    """A whole question of three words or more."""
    return len(text) <= 300 and _QUESTION.fullmatch(" ".join(text.split())) is not None


def language_of(text: str) -> Language | None:
    """One of the five that have templates; None for another one, or where the text does not tell."""
    sample = text[:READ]
    if len(_LETTER.findall(sample)) < ENOUGH:
        return None
    name, probability = _identifier().classify(sample)
    return cast("Language", name) if name in LANGUAGES and probability >= SURE else None


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
