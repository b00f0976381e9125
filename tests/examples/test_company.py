"""The documents: readable, no filler, and in agreement with each other."""

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.examples.company import COMPANY, documents, text_of

SUPERSEDED_PRICE = "IB-12"
MAXIMUM_BYTES = 2_000_000


def table(book: str, sheet: str) -> list[dict[str, Any]]:
    """The rows under the header (row 3) of a sheet, down to the first empty row."""
    values = list(openpyxl.load_workbook(COMPANY / book)[sheet].iter_rows(min_row=3, values_only=True))
    header, body = values[0], values[1:]
    end = next((index for index, row in enumerate(body) if row[0] is None), len(body))
    return [dict(zip(map(str, header), row, strict=True)) for row in body[:end]]


def markdown_rows(document: str, first: str) -> list[list[str]]:
    """The body of the Markdown table whose header begins with the cell `first`."""
    lines = (COMPANY / document).read_text("utf-8").splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(f"| {first} |"))
    body = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        body.append([cell.strip() for cell in line.strip("|").split("|")])
    return body


def csv_rows(document: str) -> list[dict[str, str]]:
    with (COMPANY / document).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


SALE = {row["Model"]: row for row in table("prices/price-list-2026.xlsx", "Sale")}
RENTAL = {row["Model"]: row for row in table("prices/price-list-2026.xlsx", "Rental")}
CATALOGUE = json.loads((COMPANY / "catalogue/product-catalogue-2026.json").read_text("utf-8"))
TEAMS = markdown_rows("handbook/03-offices-and-teams.md", "Team")
OFFICES = markdown_rows("handbook/01-welcome.md", "Office")
CONTACTS = csv_rows("contacts/contacts.csv")


def test_about_twenty_five_documents_of_every_kind() -> None:
    kinds = Counter(Path(document).suffix for document in documents())
    assert set(kinds) == {
        ".md", ".pdf", ".docx", ".xlsx", ".csv", ".json", ".html", ".eml", ".pptx", ".txt"
    }  # fmt: skip
    assert 25 <= sum(kinds.values()) <= 32
    assert sum((COMPANY / document).stat().st_size for document in documents()) < MAXIMUM_BYTES


@pytest.mark.parametrize("document", documents())
def test_a_document_is_read_and_is_no_filler(document: str) -> None:
    text = text_of(document)
    assert len(text.split()) >= 300
    assert "lorem" not in text.casefold()


def test_catalogue_and_price_list_agree() -> None:
    for product in CATALOGUE["products"]:
        sale, rental = SALE[product["model"]], RENTAL[product["model"]]
        assert product["sales_price_eur"] == sale["Sales price (EUR)"]
        assert product["delivery_time_weeks"] == sale["Delivery time (weeks)"]
        assert product["rent_per_week_eur"] == rental["Week"]
    assert {product["model"] for product in CATALOGUE["products"]} == set(SALE) == set(RENTAL)


def test_the_mail_changes_one_price_of_the_list() -> None:
    mail = text_of("mail/2026-04-23-ib-12-price-change.eml")
    old, new = re.findall(r"IB-12 rises from ([\d,]+) to ([\d,]+) euros", mail)[0]
    assert int(old.replace(",", "")) == SALE[SUPERSEDED_PRICE]["Sales price (EUR)"]
    assert int(new.replace(",", "")) > SALE[SUPERSEDED_PRICE]["Sales price (EUR)"]
    assert f"IB-06 stays at {SALE['IB-06']['Sales price (EUR)']:,} euros" in mail


def test_head_counts_add_up() -> None:
    by_office: Counter[str] = Counter()
    for _, _, office, people, _ in TEAMS:
        by_office[office] += int(people)
    assert by_office == {row[0]: int(row[3]) for row in OFFICES}
    assert sum(by_office.values()) == 186
    assert "186 colleagues" in text_of("handbook/01-welcome.md")
    assert "186 colleagues" in text_of("presentations/company-presentation-2026.pptx")


def test_the_fleet_adds_up_and_is_shown_alike() -> None:
    units = {row[0]: int(row[4]) for row in OFFICES if row[4] != "none"}
    assert sum(units.values()) == 1140
    slides = text_of("presentations/company-presentation-2026.pptx")
    assert all(f"{depot} | {count}" in slides for depot, count in units.items())


def test_contacts_sit_where_their_team_sits() -> None:
    office_of = {team: office for team, _, office, _, _ in TEAMS}
    away = {"Emil Skovgaard", "Lotte Brix"}  # Field Service technicians who start from another depot
    names = {contact["name"] for contact in CONTACTS}
    for contact in CONTACTS:
        assert contact["deputy"] in names
        if contact["name"] not in away:
            assert contact["office"] == office_of[contact["team"]], contact["name"]


def test_every_team_lead_is_in_the_contact_list() -> None:
    team_of = {contact["name"]: contact["team"] for contact in CONTACTS}
    for team, leads, *_ in TEAMS:
        assert all(team_of[lead] == team for lead in leads.split(", "))


def test_parts_name_suppliers_that_exist_and_agree_with_the_contract() -> None:
    suppliers = {row["No."] for row in table("purchasing/suppliers-and-parts.xlsx", "Suppliers")}
    parts = {row["Part"]: row for row in table("purchasing/suppliers-and-parts.xlsx", "Parts")}
    used = {row["Part"] for row in table("purchasing/suppliers-and-parts.xlsx", "Where used")}
    assert {row["Supplier no."] for row in parts.values()} <= suppliers
    assert used <= set(parts)
    contract = text_of("contracts/supply-contract-termovia-2025.docx")
    for name in ("CU-290S", "CU-290L"):
        assert f"{name} | {parts[name]['Price (EUR)']:,.2f}" in contract
        assert f"{name} | {parts[name]['Lead time (weeks)']} |" in contract


def test_the_festival_contract_adds_up() -> None:
    weekly = 14 * RENTAL["IB-20"]["Week"] + 6 * RENTAL["ID-20"]["Week"] + 2 * RENTAL["IL-40"]["Week"] * 1.25
    rent = weekly * 2 * 0.88
    total = rent + 5200 + 6400
    contract = text_of("contracts/rental-contract-strandlyst-2026.docx")
    for amount in (weekly * 2, rent, total, total * 0.4, total * 0.6):
        assert f"{amount:,.2f}" in contract
    assert f"{weekly:,.0f}" in contract


def test_loggers_fall_due_twelve_months_after_their_calibration() -> None:
    units = csv_rows("fleet/calibration-due-2026-07.csv")
    assert len({unit["serial"] for unit in units}) == len({unit["logger"] for unit in units}) == len(units)
    for unit in units:
        assert unit["calibration_due"].startswith("2026-07-")
        assert unit["last_calibration"] == unit["calibration_due"].replace("2026", "2025")


def test_rules_that_several_documents_state_are_stated_alike() -> None:
    stated = {
        "8 per cent of the rent": (
            "handbook/04-rental-operations.md",
            "contracts/general-rental-terms-2026.pdf",
        ),
        "ten working days": ("handbook/04-rental-operations.md", "help/billing-and-cancellation.html"),
        "341 555 0140": (
            "handbook/05-service-and-on-call.md",
            "presentations/company-presentation-2026.pptx",
        ),
        "55 euros an hour": ("handbook/04-rental-operations.md", "help/cleaning-and-return.html"),
        "31,000": ("contracts/rental-contract-strandlyst-2026.docx",),
    }
    for words, places in stated.items():
        assert all(words in text_of(place) for place in places), words
