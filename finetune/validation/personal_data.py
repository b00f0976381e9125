"""Personal data that has a form: e-mail addresses, telephone numbers, IBANs, payment cards, personal numbers.

    found_in("Write to anna.berg@acme.eu")     -> [Personal(start=9, end=26, what="e-mail address", ...)]
    redacted("Write to anna.berg@acme.eu")     -> "Write to [EMAIL]"
    Pseudonyms(seed=7).applied(...)            -> "Write to person-4f1c09@pseudonym.invalid", always the same for it

Check digits decide where there are any (python-stdnum); telephone numbers by phonenumbers: those with a country code,
those in the American and in the French form, and others after a word like "tel." or "Telefon". Names, places and dates
of birth have no form and are never guessed.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from finetune.validation.national_ids import personal_numbers
from finetune.validation.spans import apart, replaced

__all__ = ["Kind", "Personal", "Pseudonyms", "found_in", "masked", "redacted"]

Kind = Literal["EMAIL", "PHONE", "IBAN", "CARD", "ID"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NO_PERSON = ".invalid"  # the ending of addresses that cannot exist (RFC 2606): pseudonyms have it

_EMAIL = re.compile(r"(?<![\w.+/-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w@-])")
_NO_DOMAIN = frozenset(["png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "py", "git"])  # icon@2x.png
_ROLES = re.compile(
    "abuse|accounting|accounts|admin|billing|contact|customerservice|desk|feedback|finance|hello|help|helpdesk|hr|git"
    "|info|jobs|kontakt|legal|mail|marketing|media|newsletter|no-?reply|office|orders|postmaster|press|privacy"
    "|reception|sales|security|services?|shop|support|team|webmaster"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}(?![a-z0-9])")
_CARD = re.compile(
    r"(?<![\w.-])(?:\d{4}[ -]?){3}\d{1,7}(?![\w-])|(?<![\w.-])3\d{3}[ -]?\d{6}[ -]?\d{4,5}(?![\w-])"
)
_NETWORK = re.compile(
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)
_INTERNATIONAL = re.compile(r"(?<![\w+])\+\d[\d ()./-]{6,20}\d")
_AMERICAN = re.compile(
    r"(?<![\w.+-])(?:\+?1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-.])\d{3}[-.]\d{4}(?![\w-]|\.\d)"
)
_FRENCH = re.compile(r"(?<![\w.+-])0[1-9](?P<gap>[ .-])\d\d(?:(?P=gap)\d\d){3}(?![\w-]|\.\d)")
# What stands after "call" and is no number to call: dates, opening hours, amounts.
_DATE = re.compile(
    r"(?:19|20)\d\d(?P<a>[-/.])\d\d?(?:(?P=a)\d\d?)?(?!\d)|\d\d?(?P<b>[-/.])\d\d?(?P=b)(?:19|20)\d\d(?!\d)"
)
_HOUR = r"\d\d?(?:\.\d\d)?"
_NO_NUMBER = re.compile(
    rf"{_HOUR} ?- ?{_HOUR}(?: ?/ ?{_HOUR} ?- ?{_HOUR})*|[1-9](?P<gap>[ .])\d{{3}}(?:(?P=gap)\d{{3}})+"
)
_AFTER_WORD = re.compile(
    r"\b(?:tel|phone|call|dial|ring|mobile|cell|fax|whatsapp|sms|telefon\w*|handy|mobil\w*|anruf\w*|t[ée]l[ée]phone"
    r"|r?appel\w*|r(?:ü|ue)ckruf\w*|rufnummer|rufen|portable|tel[ée]fono|m[óo]vil|celular|llam\w+|telefone|ligu?e|cellulare|chiam\w+|telefoon\w*|bel|mobiel)"
    r"\b[^\n\d+]{0,30}(?P<number>\(?\d[\d ()./-]{5,18}\d)(?!\w)",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"(?:\d[ ()./+A-Z-]{0,3}){5}\d")  # what every form but an address holds
_REGIONS = re.findall("..", "USGBDEFRNLBEESITATCHPTPLSEDKNOFIIECZHUGRROTRBRMXARINAUNZZAJPKR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """One item in a text; spans in characters."""

    start: int
    end: int
    kind: Kind
    what: str  # "e-mail address", "Polish PESEL"
    role: bool = False  # an address of an office, not a person: info@


def found_in(text: str) -> list[Personal]:
    """All items in order; of those that overlap, the one whose form says most."""
    items = [*_emails(text)]
    if _NUMBERS.search(text):
        items += [*_ibans(text), *_cards(text), *_ids(text), *_phones(text)]
    return apart(items)


def redacted(text: str) -> str:
    """The text with [EMAIL], [PHONE], [IBAN], [CARD] or [ID] in place of each item that belongs to a person."""
    return _replaced(text, lambda item: f"[{item.kind}]")


def masked(value: str) -> str:
    """A value as a report may show it: its first three and last two characters, of a short one fewer."""
    return f"{value[:3]}…{value[-2:]}" if len(value) > 9 else f"{value[:1]}…"


class Pseudonyms:
    """Stand-ins for values: the same for the same value and seed, never those of a person.

    Addresses end in .invalid, telephone numbers begin with +999 and IBANs with XX, which are assigned to nobody; no
    card begins with 0. They come of an HMAC-SHA256 of the value: without the seed nobody can tell what stood there.
    """

    def __init__(self, seed: int) -> None:
        self._key = str(seed).encode()

    def applied(self, text: str) -> str:
        return _replaced(text, lambda item: self._stand_in(item, text[item.start : item.end]))

    def _stand_in(self, item: Personal, value: str) -> str:
        plain = value.casefold() if item.kind == "EMAIL" else re.sub(r"\W", "", value).upper()
        drawn = hmac.new(self._key, f"{item.kind}:{plain}".encode(), "sha256").hexdigest()
        digits = f"{int(drawn, 16):078d}"[-14:]
        stand_ins: dict[Kind, str] = {
            "EMAIL": f"person-{drawn[:8]}@pseudonym{NO_PERSON}",
            "PHONE": f"+999 {digits[:3]} {digits[3:6]} {digits[6:10]}",
            "IBAN": f"XX00 {digits[:4]} {digits[4:8]} {digits[8:12]}",
            "CARD": f"0000 {digits[:4]} {digits[4:8]} {digits[8:12]}",
            "ID": f"ID-{drawn[:8]}",
        }
        return stand_ins[item.kind]


def _replaced(text: str, stand_in: Callable[[Personal], str]) -> str:
    items = (item for item in found_in(text) if not item.role)
    return replaced(text, ((item.start, item.end, stand_in(item)) for item in items))


def _emails(text: str) -> Iterator[Personal]:
    if "@" not in text:
        return
    for match in _EMAIL.finditer(text):
        user, _, domain = match[0].casefold().partition("@")
        if domain.rpartition(".")[2] in _NO_DOMAIN or domain.endswith(NO_PERSON):
            continue
        yield Personal(
            start=match.start(),
            end=match.end(),
            kind="EMAIL",
            what="e-mail address",
            role=bool(_ROLES.fullmatch(user)),
        )


def _ibans(text: str) -> Iterator[Personal]:
    from stdnum import iban

    for match in _IBAN.finditer(text):
        for end in range(
            match.end(), match.start() + 14, -1
        ):  # capitals that follow may have been taken along
            if text[end - 1].isalnum() and iban.is_valid(text[match.start() : end]):
                yield Personal(start=match.start(), end=end, kind="IBAN", what="IBAN")
                break


def _cards(text: str) -> Iterator[Personal]:
    from stdnum import luhn

    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if _NETWORK.fullmatch(digits) and luhn.is_valid(digits):
            yield Personal(start=match.start(), end=match.end(), kind="CARD", what="payment card number")


def _ids(text: str) -> Iterator[Personal]:
    for number in personal_numbers(text):
        yield Personal(start=number.start, end=number.end, kind="ID", what=number.name)


def _phones(text: str) -> Iterator[Personal]:
    import phonenumbers

    for match in _INTERNATIONAL.finditer(text):
        for found in phonenumbers.PhoneNumberMatcher(match[0], None, phonenumbers.Leniency.POSSIBLE):
            yield _phone(match.start() + found.start, match.start() + found.end)
    for pattern in (_AMERICAN, _FRENCH):
        for match in pattern.finditer(text):
            yield _phone(match.start(), match.end())
    for match in _AFTER_WORD.finditer(text):
        number = match["number"]
        if _DATE.match(number) or _NO_NUMBER.fullmatch(number):
            continue
        if _is_phone_somewhere(number):
            yield _phone(match.start("number"), match.end("number"))


def _phone(start: int, end: int) -> Personal:
    return Personal(start=start, end=end, kind="PHONE", what="telephone number")


def _is_phone_somewhere(number: str) -> bool:
    import phonenumbers

    for region in _REGIONS:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            return False
    return False
