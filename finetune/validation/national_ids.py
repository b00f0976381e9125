"""Personal numbers of states: their written form and the check digits that python-stdnum computes.

A form that ordinary numbers take as well (nine to eleven digits in a row) counts only after its name: "BSN 111222333".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

__all__ = ["PersonalNumber", "personal_numbers"]

_BEFORE = 48  # characters in which the name of the number is looked for


@dataclass(frozen=True, slots=True)
class PersonalNumber:
    """One number found: span in characters, and what it is."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    pattern: str
    module: str | None  # of stdnum, whose is_valid decides; None: the form alone does
    after: str | None = None  # what must stand shortly before, as a pattern


_FORMS = (
    _Form("US social security number", r"\d{3}-\d{2}-\d{4}", "us.ssn"),
    _Form("UK national insurance number", r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]", None),  # noqa: E501
    _Form("UK NHS number", r"\d{3}[ -]?\d{3}[ -]?\d{4}", "gb.nhs", r"\bNHS\b"),
    _Form("German tax identifier", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", "de.idnr", r"Id-?Nr|Steuer-?(?:ID|identifikation)|tax id"),  # noqa: E501
    _Form("French social security number", r"[12] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}", "fr.nir"),
    _Form("Spanish identity number", r"(?:\d{8}|[XYZ]-?\d{7})-?[A-Z]", "es.dni"),
    _Form("Spanish foreigner's number", r"[XYZ]-?\d{7}-?[A-Z]", "es.nie"),
    _Form("Italian tax code", r"[A-Z]{6}[\dL-V]{2}[A-EHLMPRST][\dL-V]{2}[A-Z][\dL-V]{3}[A-Z]", "it.codicefiscale"),
    _Form("Dutch citizen service number", r"\d{4}[. ]?\d{2}[. ]?\d{3}|\d{3}[. ]?\d{3}[. ]?\d{3}", "nl.bsn", r"\bBSN\b|burgerservice|sofi"),  # noqa: E501
    _Form("Belgian national number", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", "be.nn"),
    _Form("Swiss social security number", r"756\.\d{4}\.\d{4}\.\d{2}", "ch.ssn"),
    _Form("Austrian insurance number", r"\d{4} ?\d{6}", "at.vnr", r"SVNR|Sozialversicherung|Versicherungsnummer"),
    _Form("Polish PESEL", r"\d{11}", "pl.pesel", r"PESEL"),
    _Form("Swedish personal number", r"(?:\d{2})?\d{6}[-+]\d{4}", "se.personnummer"),
    _Form("Finnish personal code", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Z]", "fi.hetu"),
    _Form("Danish CPR number", r"\d{6}-\d{4}", "dk.cpr", r"\bCPR\b"),
    _Form("Norwegian national number", r"\d{6} ?\d{5}", "no.fodselsnummer", r"f[øo]dselsnummer|personnummer|national id"),  # noqa: E501
    _Form("Portuguese tax number", r"\d{3} ?\d{3} ?\d{3}", "pt.nif", r"\bNIF\b|contribuinte"),
    _Form("Czech or Slovak birth number", r"\d{6}/\d{3,4}", "cz.rc"),
    _Form("Romanian personal code", r"[1-9]\d{12}", "ro.cnp"),
    _Form("Bulgarian EGN", r"\d{10}", "bg.egn", r"ЕГН|EGN"),
    _Form("Croatian OIB", r"\d{11}", "hr.oib", r"\bOIB\b"),
    _Form("Irish PPS number", r"\d{7}[A-W][AHWTX]?", "ie.pps", r"\bPPS"),
    _Form("Greek AMKA", r"\d{11}", "gr.amka", r"AMKA|ΑΜΚΑ"),
    _Form("Turkish identity number", r"[1-9]\d{10}", "tr.tckimlik", r"T\.?C\.?|kimlik"),
    _Form("Brazilian CPF", r"\d{3}\.\d{3}\.\d{3}-\d{2}", "br.cpf"),
    _Form("Brazilian CPF", r"\d{11}", "br.cpf", r"\bCPF\b"),
    _Form("Mexican CURP", r"[A-Z]{4}\d{6}[HM][A-Z]{5}[0-9A-Z]\d", "mx.curp"),
    _Form("Chilean RUT", r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]", "cl.rut"),
    _Form("Argentine DNI", r"\d{2}\.?\d{3}\.?\d{3}", "ar.dni", r"\bDNI\b"),
    _Form("Canadian social insurance number", r"\d{3}[- ]?\d{3}[- ]?\d{3}", "ca.sin", r"\bSIN\b|\bNAS\b|social insurance"),  # noqa: E501
    _Form("Australian tax file number", r"\d{3} ?\d{3} ?\d{2,3}", "au.tfn", r"\bTFN\b|tax file"),
    _Form("Indian Aadhaar number", r"[2-9]\d{3} \d{4} \d{4}", "in_.aadhaar"),
    _Form("Indian Aadhaar number", r"[2-9]\d{11}", "in_.aadhaar", r"aadhaa?r"),
    _Form("Indian PAN", r"[A-Z]{3}[ABCFGHLJPTK][A-Z]\d{4}[A-Z]", "in_.pan", r"\bPAN\b"),
    _Form("Chinese resident number", r"[1-9]\d{16}[\dX]", "cn.ric"),
    _Form("Korean resident number", r"\d{6}-[1-8]\d{6}", "kr.rrn"),
    _Form("South African identity number", r"\d{13}", "za.idnr"),
    _Form("Pakistani CNIC", r"\d{5}-\d{7}-\d", "pk.cnic"),
    _Form("Malaysian NRIC", r"\d{6}-\d{2}-\d{4}", "my.nric"),
    _Form("Thai identity number", r"\d-\d{4}-\d{5}-\d{2}-\d", "th.pin"),
    _Form("Israeli identity number", r"\d{9}", "il.idnr", r"teudat|תעודת|Israeli ID"),
)  # fmt: skip


def personal_numbers(text: str) -> Iterator[PersonalNumber]:
    """Numbers whose form and check digits are right, form by form; spans may overlap."""
    for form, pattern, after in _compiled():
        for match in pattern.finditer(text):
            before = text[max(match.start() - _BEFORE, 0) : match.start()]
            if (after is None or after.search(before)) and _is_valid(form.module, match[0]):
                yield PersonalNumber(match.start(), match.end(), form.name)


@cache
def _compiled() -> tuple[tuple[_Form, re.Pattern[str], re.Pattern[str] | None], ...]:
    return tuple(
        (
            form,
            re.compile(rf"(?<![\w./-])(?<!\d )(?:{form.pattern})(?![\w/]|[-.,]\d| \d)"),
            re.compile(form.after, re.IGNORECASE) if form.after else None,
        )
        for form in _FORMS
    )


def _is_valid(module: str | None, number: str) -> bool:
    return module is None or bool(import_module(f"stdnum.{module}").is_valid(number))
