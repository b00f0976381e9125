"""The list of rental units whose logger falls due for calibration in July 2026, as CSV."""

import csv
from datetime import date
from pathlib import Path
from random import Random

HEADER = (
    "serial",
    "model",
    "depot",
    "built",
    "logger",
    "last_calibration",
    "calibration_due",
    "state",
    "customer_or_place",
)
STATES = (
    ("in depot", "yard"),
    ("in depot", "washing bay"),
    ("in workshop", "Leipzig hall 2"),
    ("rented", "Catering Van Hulle, Aalst"),
    ("rented", "Hofladen Rehwinkel, Borna"),
    ("rented", "Fiskehuset Lund, Horsens"),
    ("rented", "Zorggroep Saxenheim, Deventer"),
    ("reserved", "Strandlyst Festival, Ebeltoft"),
)
# Units that mails, contracts or questions speak of: written out, not drawn.
NAMED = (
    (
        "ID12-0388",
        "ID-12",
        "Leipzig",
        2021,
        "L3-20417",
        date(2026, 7, 9),
        "rented",
        "Bäckerei Oehmke, Chemnitz",
    ),
    ("ID12-0417", "ID-12", "Leipzig", 2022, "L3-20533", date(2026, 7, 21), "in workshop", "Leipzig hall 2"),
    ("IL40-0019", "IL-40", "Leipzig", 2025, "L3-22108", date(2026, 7, 30), "in depot", "yard"),
    (
        "IB20-0611",
        "IB-20",
        "Ghent",
        2023,
        "L3-21002",
        date(2026, 7, 2),
        "rented",
        "St. Odilia hospital, Hasselt",
    ),
    (
        "IB06-0742",
        "IB-06",
        "Deventer",
        2020,
        "L3-19876",
        date(2026, 7, 15),
        "rented",
        "Wild van Salland, Raalte",
    ),
    (
        "IB20-0588",
        "IB-20",
        "Aarhus",
        2022,
        "L3-20790",
        date(2026, 7, 10),
        "reserved",
        "Strandlyst Festival, Ebeltoft",
    ),
)
DRAWN = (("Deventer", 17), ("Leipzig", 15), ("Aarhus", 10), ("Ghent", 6))
MODELS = ("IB-06", "IB-06", "IB-12", "IB-12", "IB-20", "IB-20", "ID-12", "ID-20")


def write(folder: Path) -> list[Path]:
    """The calibration list below `folder`; its path."""
    path = folder / "fleet" / "calibration-due-2026-07.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = sorted([_row(*unit) for unit in NAMED] + _drawn(), key=lambda row: (row[6], row[0]))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
    return [path]


def _row(
    serial: str, model: str, depot: str, built: int, logger: str, due: date, state: str, place: str
) -> tuple[str, ...]:
    last = due.replace(year=due.year - 1)
    return serial, model, depot, str(built), logger, last.isoformat(), due.isoformat(), state, place


def _drawn() -> list[tuple[str, ...]]:
    random = Random(2026)  # noqa: S311 - a fixed draw, not a secret
    depots = [depot for depot, count in DRAWN for _ in range(count)]
    return [_draw(random, depot, number) for number, depot in enumerate(depots)]


def _draw(random: Random, depot: str, number: int) -> tuple[str, ...]:
    model = random.choice(MODELS)
    built = random.randint(2018, 2025)
    serial = f"{model.replace('-', '')}-{100 + (built - 2017) * 90 + number:04d}"
    due = date(2026, 7, random.randint(1, 31))
    state, place = random.choice(STATES[:3] if number % 3 else STATES[3:7])
    return _row(serial, model, depot, built, f"L3-{18000 + built % 100 * 150 + number}", due, state, place)
