"""S01 and S02: what is personal or secret is found, shown in part only, and replaced; what looks like it is left."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.row_texts import changed
from finetune.validation.credentials import secrets_in, without_secrets
from finetune.validation.personal_data import Pseudonyms, found_in, masked, redacted
from finetune.validation.privacy import PrivacyChecker
from finetune.validation.secrets import SecretChecker
from tests.finetune.content_rows import chat, check


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Write to anna.berg@acme.eu today.", "Write to [EMAIL] today.", id="e-mail"),
        pytest.param("<Jörg.Müller+x@post.münchen.example>", "<[EMAIL]>", id="e-mail-with-umlauts"),
        pytest.param("Call +49 30 1234567.", "Call [PHONE].", id="international"),
        pytest.param("(415) 555-0123 or 415-555-0123", "[PHONE] or [PHONE]", id="american"),
        pytest.param("Tel.: 030 1234567", "Tel.: [PHONE]", id="german-after-tel"),
        pytest.param("bel 06 12345678 even", "bel [PHONE] even", id="dutch-after-bel"),
        pytest.param("llama al 612 345 678", "llama al [PHONE]", id="spanish"),
        pytest.param("rappelez le 01 23 45 67 89.", "rappelez le [PHONE].", id="french-after-rappelez"),
        pytest.param("Mon numéro : 06.12.34.56.78", "Mon numéro : [PHONE]", id="french-in-pairs"),
        pytest.param("Rückruf unter 030 1234567", "Rückruf unter [PHONE]", id="german-after-rückruf"),
        pytest.param("tel. 08-12 34 56 78", "tel. [PHONE]", id="swedish-is-no-time"),
        pytest.param(
            "IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFFXXX",
            "IBAN [IBAN] BIC COBADEFFXXX",
            id="iban-before-capitals",
        ),
        pytest.param("GB82WEST12345698765432", "[IBAN]", id="iban-with-letters"),
        pytest.param("card 4111 1111 1111 1111, ok", "card [CARD], ok", id="visa"),
        pytest.param("378282246310005", "[CARD]", id="amex"),
        pytest.param("SSN 123-45-6789", "SSN [ID]", id="us-ssn"),
        pytest.param("NI AB 12 34 56 C", "NI [ID]", id="uk-nino"),
        pytest.param("DNI 12345678Z", "DNI [ID]", id="spanish-dni"),
        pytest.param("RSSMRA85T10A562S", "[ID]", id="italian-code"),
        pytest.param("BSN: 111222333", "BSN: [ID]", id="dutch-bsn"),
        pytest.param("CPF 111.444.777-35", "CPF [ID]", id="brazilian-cpf"),
        pytest.param("131052-308T", "[ID]", id="finnish-hetu"),
        pytest.param("2 55 08 14 168 025 38", "[ID]", id="french-nir"),
        pytest.param("85.07.30-033.28", "[ID]", id="belgian-nn"),
        pytest.param("Aadhaar 2341 2341 2346", "Aadhaar [ID]", id="indian-aadhaar"),
    ],
)
def test_personal_data_is_redacted(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("On 2024-11-22 from 12:00-13:00 it costs 1.234.567,89 euros.", id="dates-and-prices"),
        pytest.param("ISBN 978-3-16-148410-0, EAN 4006381333931", id="books-and-goods"),
        pytest.param("order 4111111111111112", id="a-card-without-its-check-digit"),
        pytest.param("DE89 3704 0044 0532 0130 01", id="an-iban-without-its-check-digits"),
        pytest.param("part 111222333 in stock", id="nine-digits-without-a-name"),
        pytest.param("icon@2x.png and @property", id="an-at-sign"),
        pytest.param("git@github.com and info@acme.eu", id="an-office"),
        pytest.param(
            "10.0.0.1, version 1.2.3.4, 550e8400-e29b-41d4-a716-446655440000", id="addresses-of-machines"
        ),
        pytest.param("1Z999AA10123456784", id="a-parcel"),
        pytest.param("pi is 3.14159265358979", id="a-fraction"),
        pytest.param("call me in 20 minutes, 3 times", id="call-is-no-number"),
        pytest.param("We call back by 2026-05-12 before noon.", id="a-date-after-call"),
        pytest.param('On-call allowance" date="2026-01">\n## The van', id="a-month-after-call"),
        pytest.param("Rückruf: Telefon ab 12.05.2026 oder 12/05/2026", id="german-dates-after-telephone"),
        pytest.param("phone hours: 08.00-17.30, mobile 8:00 - 12:00", id="hours-after-phone"),
        pytest.param("telefonisch 8-12 / 13-17 Uhr", id="hours-in-words"),
        pytest.param("A mobile phone costs 1 299 000 kr or 1.234.567,00", id="amounts-after-phone"),
        pytest.param("12345678A", id="a-dni-without-its-letter"),
    ],
)
def test_what_is_not_personal_is_left(text: str) -> None:
    assert redacted(text) == text


def test_findings_name_the_place_and_never_the_value() -> None:
    row = chat(
        "I am anna.berg@acme.eu and pay by 4111 1111 1111 1111.", "Thanks, anna.berg@acme.eu! Or info@acme.eu"
    )
    found = check(PrivacyChecker(), train=[row])
    assert [(f.severity, f.path) for f in found] == [
        ("warning", "$.messages[0].content"),
        ("error", "$.messages[0].content"),
        ("warning", "$.messages[1].content"),
        ("info", "$.messages[1].content"),
    ]
    assert "berg" not in str(found)
    assert "1111" not in str(found)
    assert [finding.fix is None for finding in found] == [False, False, False, True]


def test_a_system_prompt_is_named_in_its_first_row_only() -> None:
    rows = [chat("Hi there", "Hello", system="Call +49 30 1234567")] * 3
    assert [finding.line for finding in check(PrivacyChecker(), train=rows, test=rows)] == [1, 1]


@pytest.mark.parametrize("value", ["ab", "1234567890", "x" * 200])
def test_a_masked_value_shows_at_most_half(value: str) -> None:
    assert len(masked(value)) - 1 <= max(len(value) / 2, 1)


def test_pseudonyms_are_the_same_for_the_same_value_and_seed() -> None:
    text = "anna.berg@acme.eu, +49 30 1234567, +49 (30) 123-4567, ANNA.BERG@acme.eu, bo@acme.eu"
    first = Pseudonyms(7).applied(text).split(", ")
    assert first[0] == first[3] != first[4]
    assert first[1] == first[2]
    assert Pseudonyms(7).applied(text).split(", ") == first
    assert Pseudonyms(8).applied(text).split(", ")[0] != first[0]


@pytest.mark.parametrize(
    "text",
    [
        "anna.berg@acme.eu",
        "+49 30 1234567",
        "DE89 3704 0044 0532 0130 00",
        "4111 1111 1111 1111",
        "SSN 123-45-6789",
    ],
)
def test_no_pseudonym_is_personal(text: str) -> None:
    for seed in range(25):
        assert found_in(Pseudonyms(seed).applied(text)) == []


def test_rows_are_changed_as_copies_and_only_where_they_must() -> None:
    call = {"name": "mail", "arguments": json.dumps({"to": "anna.berg@acme.eu"})}
    row = {"messages": [
        {"role": "user", "content": [{"type": "text", "text": "Mail anna.berg@acme.eu"}]},
        {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": call}]},
    ]}  # fmt: skip
    before = json.dumps(row)
    after = changed(row, redacted)
    assert json.dumps(row) == before
    assert after["messages"][0]["content"][0]["text"] == "Mail [EMAIL]"
    assert json.loads(after["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"to": "[EMAIL]"}
    assert changed(after, redacted) is after
    assert changed(row, Pseudonyms(1).applied) == changed(row, Pseudonyms(1).applied) != row


@settings(max_examples=80, deadline=None)
@given(text=st.text(alphabet="ab1@.+- 0495DE(:/", max_size=60))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)
    spans = [(item.start, item.end) for item in found_in(text)]
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


# Made up, and put together here so that no scanner takes this file for a leak.
_DRAWN = "q7Zr2Kd9Xw4Tn6Vb8Lp3Mf5Hs1Jc0Gy" * 4
_HEX = "3f9c1e7b5a2d8064" * 4
_ALPHA = "aQzWsXedCrfVtgByhNujMikOlpAQzWsxeD"
_SECRETS = {
    "OpenAI": "sk-" + "proj-" + _DRAWN[:48],
    "Anthropic": "sk-" + "ant-api03-" + _DRAWN[:80],
    "old-OpenAI": "sk-" + _DRAWN[:48],
    "Hugging-Face": "hf" + "_" + _ALPHA,
    "GitHub": "gh" + "p_" + _DRAWN[:36],
    "GitHub-fine": "github" + "_pat_" + _DRAWN[:22] + "_" + _DRAWN[:59],
    "GitLab": "gl" + "pat-" + _DRAWN[:20],
    "Google": "AI" + "za" + _DRAWN[:35],
    "AWS": "AK" + "IAQ7ZR2KD4XWTN6VB2"[:18],
    "AWS-secret": "q7Zr2Kd9Xw4Tn6Vb8Lp3Mf5Hs1Jc0Gy/q7Zr2+Kd",
    "Slack": "xo" + "xb-123456789012-123456789012-" + _DRAWN[:24],
    "Stripe": "sk" + "_live_" + _DRAWN[:24],
    "Databricks": "da" + "pi" + _HEX[:32],
    "DigitalOcean": "do" + "p_v1_" + _HEX[:64],
    "npm": "//registry.example/:_auth" + "Token=" + "npm" + "_" + _DRAWN[:36],
    "JWT": "ey" + "JhbGciOiJIUzI1NiJ9." + "ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0." + _DRAWN[:43],
    "webhook": "https://hooks.slack" + ".com/services/T0A1B2C3D/B0A1B2C3D/" + _DRAWN[:24],
    "address": "postgres://me:" + "q7Zr2Kd9" + "@db.acme.eu/x",
    "private-key": "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEow\nIBAAK=\n-----END " + "RSA PRIVATE KEY-----",
    "PGP": "-----BEGIN " + "PGP PRIVATE KEY BLOCK-----\n\nlQOYBF\n-----END " + "PGP PRIVATE KEY BLOCK-----",
}  # fmt: skip


@pytest.mark.parametrize("secret", [pytest.param(value, id=name) for name, value in _SECRETS.items()])
def test_secrets_of_known_forms_are_errors_and_go(secret: str) -> None:
    row = chat(
        f"My AWS secret is {secret} and it fails" if "/q7Z" in secret else f"My key is {secret} and it fails",
        "Revoke it, and make another.",
    )
    [finding] = check(SecretChecker(), train=[row])
    assert (finding.rule, finding.severity, finding.line, finding.path) == (
        "S02",
        "error",
        1,
        "$.messages[0].content",
    )
    assert secret not in finding.message
    cleaned = changed(row, without_secrets)
    assert "[SECRET]" in cleaned["messages"][0]["content"]
    assert "q7Zr2K" not in str(cleaned)
    assert check(SecretChecker(), train=[cleaned]) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("password: Tr0ub4dor&3x", "password: [SECRET]", id="password"),
        pytest.param("api_key = 'q7Zr2Kd9Xw4T'", "api_key = '[SECRET]'", id="api-key"),
        pytest.param("das Passwort ist Sommer2024", "das Passwort ist [SECRET]", id="german"),
        pytest.param(
            "Authorization: Bearer q7Zr2Kd9Xw4Tn6Vb8Lp3Mf5H", "Authorization: Bearer [SECRET]", id="bearer"
        ),
    ],
)
def test_assigned_values_that_look_drawn_are_warnings(text: str, expected: str) -> None:
    assert [secret.certain for secret in secrets_in(text)] == [False]
    assert without_secrets(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("password: must be 8 characters or more", id="a-sentence"),
        pytest.param("api_key = os.environ['OPENAI_API_KEY']", id="from-the-environment"),
        pytest.param(
            "api_key=YOUR_API_KEY_HERE or sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", id="placeholders"
        ),
        pytest.param("api_key=YOUR_API_KEY_1234 and password: changeme99", id="placeholders-with-digits"),
        pytest.param("password: aaaa1111", id="too-regular-to-be-drawn"),
        pytest.param("token = tokenizer.encode(text1)", id="code"),
        pytest.param("sha256 " + "e3b0c44298fc1c14" * 4, id="a-checksum"),
        pytest.param("postgres://user:password@localhost/db", id="the-word-password"),
        pytest.param("https://acme.eu/a/very-long-path-with-many-words-in-it?x=1", id="an-address"),
        pytest.param("The secret is patience. Tokens are counted: 128 of them.", id="the-words-themselves"),
        pytest.param("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", id="a-public-key"),
    ],
)
def test_what_is_no_secret_is_left(text: str) -> None:
    assert without_secrets(text) == text
