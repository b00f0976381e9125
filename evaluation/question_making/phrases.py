"""The words that turning a statement into a question needs, language by language: English and German.

Both keep the order of a statement but for its finite verb, which comes before the subject in a question; that is all
that is relied on. English full verbs need "do" for it, so that only the common ones of `FULL_VERBS` are turned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["SPOKEN", "Spoken", "Unit"]

Unit = Literal["time", "money", "share", "length", "temperature", "weight", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What is known of one language."""

    auxiliaries: frozenset[str]  # finite verbs that may open a question
    full_verbs: Mapping[
        str, tuple[str, str]
    ]  # as it stands -> (auxiliary, infinitive); German turns them as they are
    turned: Mapping[str, str]  # "you must" is asked as "must I"
    no_subject: frozenset[str]  # first words of what names no subject by itself
    never_in_subject: frozenset[str]
    opens_clause: frozenset[str]  # before what is asked for: it belongs to a clause of its own
    negations: frozenset[str]
    asked: Mapping[
        tuple[Unit, str], str
    ]  # (unit, preposition) -> the words that ask for it; unit "other": {unit}
    prepositions: tuple[str, ...]  # longest first
    bounds: tuple[str, ...]  # words before a figure that say a bound; they belong to the answer
    ends: re.Pattern[str]  # where the part of a sentence that is asked about ends
    dates: Mapping[str, str]  # preposition -> the words that ask for a date or a time of day
    months: str
    units: Mapping[Unit, str]
    numbers: str
    adjectives: str  # between a number and its unit
    rates: str  # "a week", "je Nacht"
    why: tuple[str, str]  # the conjunction, and the word that asks for it
    mine: Mapping[str, str]  # words of the second person; "you" is "I" as a subject


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _verbs(infinitives: str) -> dict[str, tuple[str, str]]:
    """Both forms of the present, each with its auxiliary and its infinitive."""
    found: dict[str, tuple[str, str]] = {}
    for base in infinitives.split():
        ending = "es" if base.endswith("ch") else "s"
        third = f"{base[:-1]}ies" if base.endswith("ry") else base + ending
        found |= {base: ("do", base), third: ("does", base)}
    return found


_DIGITS = r"\d+(?:[.,]\d+)*"

ENGLISH = Spoken(
    auxiliaries=_words("is are was were may must can should will shall could has have had"),
    full_verbs=_verbs(
        """cost take last weigh need pay get hold cover lend store keep measure use receive allow require contain
        employ run begin end start give send open close include carry offer charge owe reach grant answer"""
    ),
    turned={"are you": "am I", "were you": "was I"},
    no_subject=_words(
        """it they he she this that these those there here such both some others another one if when where while as
        after before since because although though but and or so then also however in on at by for from to with within
        without during until under over above below between of about per not nobody nothing no who which what how why
        whoever whatever everything something only even just otherwise instead please yes today now once twice
        his her its their whether either neither many most more several few all any each-other than i"""
    ),
    never_in_subject=_words(
        "that which who whom whose because if when where not never nobody nothing said says says: but so it "
        "they he she than as then"
    ),
    opens_clause=_words("when if unless that while once than between all the these those both our their his her "
                        "your until"),
    negations=_words("not no never nobody nothing none cannot neither nor only"),
    asked={
        ("time", "within"): "how soon", ("time", "for"): "for how long", ("time", ""): "how long",
        ("time", "after"): "after how long", ("time", "every"): "how often",
        ("time", "for up to"): "for how long",
        ("money", ""): "how much", ("money", "for"): "for how much", ("money", "at"): "at what price",
        ("money", "of"): "of how much", ("money", "with"): "with how much", ("money", "to"): "up to what amount",
        ("money", "from"): "from what amount", ("money", "above"): "above what amount",
        ("money", "up to"): "up to what amount", ("money", "below"): "below what amount",
        ("money", "under"): "below what amount", ("money", "by"): "by what amount",
        ("share", ""): "what percentage", ("share", "at"): "at what percentage", ("share", "by"): "by what percentage",
        ("share", "to"): "to what percentage", ("share", "of"): "of what percentage",
        ("temperature", "at"): "at what temperature", ("temperature", "to"): "to what temperature",
        ("temperature", "below"): "below what temperature", ("temperature", "above"): "above what temperature",
        ("length", "within"): "within what distance", ("length", "at"): "at what distance",
        ("length", "for"): "for what distance",
    },
    prepositions=("for up to", "within", "after", "every", "for", "above", "below", "under", "from", "with",
                  "at", "by", "to", "of", "on", "in", "against", "through"),
    bounds=("at least", "at most", "up to", "no more than", "not more than", "no less than", "no fewer than",
            "a maximum of", "a minimum of", "more than", "less than", "about", "around", "almost", "exactly", "only"),
    ends=re.compile(
        r"[;:–—()]|[,.](?=\s|$)| (?:and|or|but) | (?:which|who|because|provided|followed|plus|so that|otherwise) ", re.I
    ),
    dates={"on": "when", "by": "by when", "until": "until when", "till": "until when", "from": "from when",
           "since": "since when", "before": "before when", "after": "after when", "in": "when", "at": "at what time"},
    months="January|February|March|April|May|June|July|August|September|October|November|December",
    units={
        "time": r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|nights?",
        "money": r"euros?|EUR|€|dollars?|USD|pounds?|GBP|francs?|CHF",
        "share": r"per\s?cent|percent|%",
        "length": r"kilomet(?:re|er)s?|km|met(?:re|er)s?|centimet(?:re|er)s?|cm|millimet(?:re|er)s?|mm|miles?|m",
        "temperature": r"degrees?(?: Celsius)?|°C|K",
        "weight": r"kilograms?|kilos?|kg|grams?|tonnes?|tons?",
    },
    numbers=_DIGITS
    + r"|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|eighteen|twenty(?:-(?:one|two|four|five|eight))?|thirty|forty|forty-eight|fifty|sixty|ninety|hundred|half a",
    adjectives=r"(?:working|calendar|business|full|paid|further|consecutive|square|cubic)",
    rates=r"(?:(?:a|an|per|each|every) (?:working |calendar |full )?(?:minute|hour|day|week|month|year|night"
    r"|person|head|kilometre|unit|employee|trip|journey|order|item|piece|square metre|cubic metre|event|case)s?)",
    why=("because", "why"),
    mine={"you": "me", "your": "my", "yours": "mine", "yourself": "myself"},
)  # fmt: skip

GERMAN = Spoken(
    auxiliaries=_words(
        """ist sind war waren darf dürfen durfte muss müssen kann können soll sollen wird werden wurde wurden hat
        haben beträgt betragen kostet kosten dauert dauern gilt gelten wiegt erhält erhalten bekommt bekommen zahlt
        zahlen übernimmt erstattet speichert bleibt bleiben liegt liegen beginnt endet öffnet schließt braucht
        brauchen"""
    ),
    full_verbs={},
    turned={},
    no_subject=_words(
        """es er sie dies diese dieser dieses da dort hier dann wenn falls weil obwohl nachdem bevor während
        seit in im am an auf bei mit nach von vom zu zum zur für um bis ab unter über vor innerhalb außerhalb ohne
        gegen durch als aber und oder auch jedoch dabei dazu dafür damit danach davor darüber sonst nur nicht niemand
        nichts wer was wie welche welcher einige manche beide solche ihr ihre ihren sein seine
        dessen deren alle viele man"""
    ),
    never_in_subject=_words("dass die, der, das, weil wenn nicht nie niemand sondern sie er es"),
    opens_clause=_words("wenn falls dass während sobald als zwischen allen den die dieser diesen beiden"),
    negations=_words("nicht nie niemals kein keine keinen keiner keinem keines niemand nichts weder nur"),
    asked={
        ("time", "innerhalb von"): "innerhalb welcher Frist", ("time", "binnen"): "binnen welcher Frist",
        ("time", ""): "wie lange", ("time", "für"): "für wie lange", ("time", "nach"): "nach welcher Zeit",
        ("time", "seit"): "seit wann",
        ("money", ""): "wie viel", ("money", "bis"): "bis zu welchem Betrag",
        ("money", "bis zu"): "bis zu welchem Betrag",
        ("money", "ab"): "ab welchem Betrag", ("money", "über"): "über welchem Betrag",
        ("money", "für"): "für wie viel", ("money", "mit"): "mit welchem Betrag",
        ("money", "von"): "von welchem Betrag",
        ("share", ""): "wie viel Prozent", ("share", "um"): "um wie viel Prozent",
        ("share", "mit"): "mit wie viel Prozent",
        ("share", "zu"): "zu wie viel Prozent",
        ("temperature", "bei"): "bei welcher Temperatur", ("temperature", "auf"): "auf welche Temperatur",
        ("temperature", "unter"): "unter welcher Temperatur", ("temperature", "über"): "über welcher Temperatur",
        ("length", "bis"): "bis zu welcher Entfernung", ("length", "bis zu"): "bis zu welcher Entfernung",
    },
    prepositions=("innerhalb von", "bis zu", "binnen", "nach", "seit", "für", "über", "unter", "ab", "bei", "mit",
                  "auf", "um", "von", "zu", "bis"),
    bounds=("mindestens", "höchstens", "maximal", "bis zu", "rund", "etwa", "genau", "mehr als", "weniger als",
            "nur"),
    ends=re.compile(r"[;:–—()]|[,.](?=\s|$)| (?:und|oder|aber|sondern|zuzüglich|sowie) ", re.I),
    dates={"am": "wann", "bis": "bis wann", "bis zum": "bis wann", "ab": "ab wann", "ab dem": "ab wann",
           "seit": "seit wann", "seit dem": "seit wann", "vor": "vor wann", "um": "um wie viel Uhr", "im": "wann"},
    months="Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember",
    units={
        "time": r"Sekunden?|Minuten?|Stunden?|Tagen?|Tage|Wochen?|Monaten?|Monate|Jahren?|Jahre"
        r"|(?:Arbeits|Werk|Kalender)tagen?",
        "money": r"Euro|EUR|€|Franken|CHF",
        "share": r"Prozent|%",
        "length": r"Kilometern?|km|Metern?|Zentimetern?|cm|Millimetern?|mm|m",
        "temperature": r"Grad(?: Celsius)?|°C",
        "weight": r"Kilogramm|kg|Gramm|Tonnen?",
    },
    numbers=_DIGITS + r"|einem|einen|einer|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|vierzehn|zwanzig"
    r"|dreißig|sechzig|hundert",
    adjectives=r"(?:volle[nr]?|ganze[nr]?|bezahlte[nr]?|weitere[nr]?)",
    rates=r"(?:(?:pro|je|im|in der|am) (?:Minute|Stunde|Tag|Woche|Monat|Jahr|Nacht|Person|Kopf|Kilometer|Gerät"
    r"|Stück))",
    why=("weil", "warum"),
    mine={},
)  # fmt: skip

SPOKEN: Mapping[str, Spoken] = {"en": ENGLISH, "de": GERMAN}
