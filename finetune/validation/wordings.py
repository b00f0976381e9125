"""Answers that refuse or do not know, and what chat models say of themselves: by wording, in eight "
"languages."""

from __future__ import annotations

import re

from chains.guard import ABSTENTION_TOKEN

__all__ = ["is_refusal", "of_itself", "opening"]

_AT_START = 160  # characters in which an answer refuses if it does
_REFUSAL = re.compile(
    "|".join(
        (
            rf"^\W*{ABSTENTION_TOKEN}",
            r"\bi(?:'m| am)? ?(?:really |very |so )?(?:sorry|afraid)\b[^.!?]{0,30}\b(?:can'?t|cannot"
            r"|can not|not able|unable"
            r"|don'?t)\b",
            r"\bi(?:'m| am)? (?:can'?t|cannot|can not|won'?t|will not|not able to|unable to) (?:help"
            r"|assist|answer|provide"
            r"|comply|discuss|do that|fulfil|give|share|support)",
            r"\bi (?:really |honestly )?(?:do not|don'?t) know\b|\bi have no (?:information|knowledge|idea)\b"
            r"|\bi (?:do not|don'?t) have (?:any |enough |that |this |the )?(?:\w+ )?(?:information|data"
            r"|details)\b",
            r"\b(?:not|isn't|no information) (?:\w+ ){0,3}in the (?:documents?|context|passages?|sources?)\b",
            r"\bes tut mir leid\b[^.!?]{0,40}\bnicht\b|\bich (?:weiß|weiss) (?:es "
            r"|das )?(?:leider )?nicht\b|\bwei(?:ß|ss) ich (?:leider )?nicht\b"
            r"|\bich kann (?:\w+ ){0,4}nicht (?:helfen|beantworten|weiterhelfen)\b"
            r"|\bdazu habe ich keine informationen\b",
            r"\bje ne (?:sais|peux) pas\b|\bdésolée?\b[^.!?]{0,40}\bpas\b",
            r"\blo siento\b[^.!?]{0,40}\bno\b|\bno lo sé\b|\bno puedo (?:ayudar|responder|proporcionar)",
            r"\bmi dispiace\b[^.!?]{0,40}\bnon\b|\bnon lo so\b|\bnon posso (?:aiutar|rispondere)",
            r"\bdesculpe\b[^.!?]{0,40}\bnão\b|\b(?:eu )?não sei\b|\bnão posso (?:ajudar|responder)",
            r"\b(?:het spijt me|sorry)\b[^.!?]{0,40}\b(?:niet|geen)\b"
            r"|\b(?:dat )?weet ik (?:helaas )?niet\b|\bik weet het niet\b",
            r"\b(?:maaf|saya tidak tahu|tidak bisa membantu)\b[^.!?]{0,20}\btidak\b|\bsaya tidak tahu\b",
        )
    ),
    re.IGNORECASE,
)
_ITSELF = re.compile(
    r"\bas an? (?:ai|a\.i\.|artificial intelligence|(?:large )?language model)\b[^.!?\n]{0,40}|\bi(?:'m"
    r"| am) (?:just )?an? "
    r"(?:ai(?: language)? model|(?:large )?language model)\b|\b(?:my )?knowledge cut-?off\b"
    r"|\bals ki-(?:sprach)?modell\b"
    r"|\ben tant (?:que modèle de langage|qu'ia)\b|\bcomo modelo de lenguaje\b|\bals ai-taalmodel\b",
    re.IGNORECASE,
)
_NEEDED = (  # one of these stands in each of them: most answers are done after these look-ups
    *(
        "language model",
        " an ai",
        " a ai",
        "ai model",
        "a.i.",
        "artificial intelligence",
        "cutoff",
        "cut-off",
    ),
    *("als ki-", "modèle de langage", "qu'ia", "modelo de lenguaje", "ai-taalmodel"),
)
_REFUSING = (  # likewise, of refusals
    *(
        ABSTENTION_TOKEN.lower(),
        "n't",
        "cannot",
        "not ",
        "cant ",
        "dont ",
        "unable",
        "no i",
        "no k",
        "in the ",
        "weiß",
    ),
    *(
        "weiss",
        "leid",
        "nicht",
        "keine inf",
        "ne sais",
        "ne peux",
        "désolé",
        "siento",
        "no lo s",
        "no puedo",
        "maaf",
    ),
    *("dispiace", "non lo so", "non posso", "desculpe", "não", "spijt", "sorry", "weet", "tidak"),
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def is_refusal(answer: str) -> bool:
    """Whether the answer begins by refusing, or by saying that it does not know."""
    start = answer[:_AT_START].replace("’", "'")
    lowered = start.lower()
    return any(word in lowered for word in _REFUSING) and bool(_REFUSAL.search(start))


def of_itself(answer: str) -> str | None:
    """What gives away that a chat model wrote it: "as an AI language model"; None where nothing does."""
    lowered = answer.lower()
    match = _ITSELF.search(answer) if any(word in lowered for word in _NEEDED) else None
    return match[0].strip() if match else None


def opening(answer: str) -> str | None:
    """The first two words, by which answers begin alike; None for an answer of fewer than six."""
    words = [match[0] for match, _ in zip(_WORD.finditer(answer), range(6), strict=False)]
    return " ".join(words[:2]).casefold() if len(words) == 6 else None
