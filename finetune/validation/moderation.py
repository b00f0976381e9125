"""Harmful content by wording: rough, and said to be. A provider's own moderation decides.

The categories are OpenAI's; the wordings are few and plain on purpose: threats and wishes addressed to somebody,
instructions for harm, sexual words beside children's. Words alone (kill, bomb, suicide) are none: manuals, news and
helplines are full of them. English, with the plainest wordings in German, French and Spanish. Slurs, irony, pictures
and everything that takes understanding pass.
"""

from __future__ import annotations

import re

__all__ = ["categories_in"]

_PEOPLE = (
    r"(?:jews|muslims|christians|blacks|black people|whites|white people|asians|arabs|gypsies|roma"
    r"|immigrants|refugees"
    r"|women|gays|homosexuals|lesbians|trans people|disabled people|juden|muslime|ausländer|juifs"
    r"|arabes|judíos|moros)"
)
_MAKE = r"(?:make|build|create|construct|produce|synthesi[sz]e|cook|assemble)"
_CHILD = r"(?:child(?:ren)?|kids?|minors?|underage|pre-?teens?|toddlers?|(?:[3-9]|1[0-5])[- ]year[- ]old)"
_SEXUAL = r"(?:sex(?:ual(?:ly)?)?|nudes?|naked|porn\w*|erotic\w*|molest\w*|orgasm\w*)"
_WORDINGS = {
    "harassment/threatening": (
        r"\bi(?:'ll| will| am going to|'m going to| gonna) (?:kill|murder|stab|shoot|rape|strangle"
        r"|hurt) (?:you|him|her|them"
        r"|your \w+)\b",
        r"\bkill yourself\b|\bgo (?:and )?die\b|\bkys\b|\bbring dich um\b|\bich bringe? dich um\b"
        r"|\bje vais te tuer\b"
        r"|\bte voy a matar\b|\bsuicide-toi\b|\bmátate\b",
    ),
    "hate": (
        rf"\b(?:kill|exterminate|gas|deport|hang|burn|shoot) (?:all )?(?:the )?{_PEOPLE}\b",
        rf"\b{_PEOPLE} (?:are|sind|sont|son) (?:all )?(?:vermin|subhuman|parasites|animals|rats|filth"
        rf"|scum|inferior"
        r"|untermenschen|ungeziefer|de la vermine|basura)\b",
        r"\bheil hitler\b|\bsieg heil\b|\bwhite power\b|\bgas the\b",
    ),
    "illicit/violent": (
        rf"\bhow (?:to|do i|can i) {_MAKE} (?:an? |some )?(?:\w+ )?(?:bomb|explosives?|pipe bomb"
        rf"|molotov|nerve agent|sarin|"
        r"ricin|ied|silencer|ghost gun)\b",
        rf"\b(?:steps|instructions|recipe) (?:to|for) {_MAKE}?\w* ?(?:an? )?(?:pipe bomb|explosives?"
        rf"|sarin|ricin|nerve agent)\b",
    ),
    "illicit": (
        rf"\bhow (?:to|do i|can i) {_MAKE} (?:crystal )?(?:meth|methamphetamine|heroin|fentanyl|mdma|ghb)\b",
        r"\bhow (?:to|do i|can i) (?:launder money|hack into (?:someone|somebody|my \w+'s)"
        r"|clone a credit card|forge a passport)\b",
    ),
    "self-harm": (
        r"\bi (?:want|am going|'m going|plan|intend) to (?:kill myself|end my life|commit suicide"
        r"|hang myself|cut myself)\b",
        r"\b(?:best|easiest|painless|how) (?:way )?to (?:kill myself|kill yourself|commit suicide"
        r"|end my life|hang myself)\b",
        r"\bich will (?:mich umbringen|nicht mehr leben)\b|\bje veux (?:me tuer|mourir)\b"
        r"|\bquiero (?:suicidarme|matarme)\b",
    ),
    "sexual/minors": (
        rf"\b{_CHILD}\b[^.!?\n]{{0,40}}\b{_SEXUAL}\b|\b{_SEXUAL}\b[^.!?\n]{{0,40}}\b(?:with|of|about"
        rf"|involving) (?:an? )?"
        rf"(?:\w+ )?{_CHILD}\b",
    ),
    "sexual": (
        r"\b(?:blow ?job|cum ?shot|deepthroat|gang ?bang|hardcore porn|suck my (?:dick|cock)|fuck (?:me|my))\b",
    ),
}
_SEX_EDUCATION = re.compile(
    r"\b(?:education|abuse|protect\w*|prevent\w*|safeguard\w*|law|legal|report\w*|offen[cs]e|ratio"
    r"|by sex|same[- ]sex"
    r"|sex of|statistic\w*|gender|biological|either sex|both sexes)\b",
    re.IGNORECASE,
)
_COMPILED = {name: re.compile("|".join(forms), re.IGNORECASE) for name, forms in _WORDINGS.items()}
_NEEDED = {  # each wording of the category holds one of these: most texts are done after such look-ups
    "harassment/threatening": (
        *(
            "kill",
            "murder",
            "stab",
            "shoot",
            "rape",
            "strangl",
            "hurt",
            "die",
            "kys",
            "bring",
            "tuer",
            "matar",
        ),
        *("suicid", "mátate"),
    ),
    "hate": (
        *(
            "kill",
            "extermin",
            "gas ",
            "deport",
            "hang",
            "burn",
            "shoot",
            "heil",
            "white power",
            "vermin",
            "subhuman",
        ),
        *("parasit", "animals", "rats", "filth", "scum", "inferior", "untermensch", "ungeziefer", "basura"),
    ),
    "illicit/violent": (
        "bomb",
        "explosiv",
        "molotov",
        "nerve",
        "sarin",
        "ricin",
        "ied",
        "silencer",
        "ghost gun",
    ),
    "illicit": ("meth", "heroin", "fentanyl", "mdma", "ghb", "launder", "hack", "clone", "forge"),
    "self-harm": (
        *(
            "kill",
            "end my life",
            "suicid",
            "hang",
            "cut myself",
            "umbringen",
            "nicht mehr leben",
            "me tuer",
            "mourir",
        ),
        *("matarme",),
    ),
    "sexual/minors": ("sex", "nude", "naked", "porn", "erotic", "molest", "orgasm"),
    "sexual": ("blow", "cum", "deepthroat", "gang", "porn", "suck my", "fuck"),
}


def categories_in(text: str) -> dict[str, str]:
    """Category -> the wording that is of it; nothing for almost every text."""
    lowered = text.lower()
    found = {
        name: match[0]
        for name, pattern in _COMPILED.items()
        if any(word in lowered for word in _NEEDED[name]) and (match := pattern.search(text))
    }
    if "sexual/minors" in found and _SEX_EDUCATION.search(text):
        del found["sexual/minors"]
    return found
