"""The contact list as CSV: whom to call, where they sit, what they speak, who stands in."""

import csv
from pathlib import Path

HEADER = ("name", "function", "team", "office", "telephone", "e_mail", "languages", "deputy")
PEOPLE = """\
Marijke Terhorst|Managing director|Directors|Deventer|+31 570 555 001|nl en de|Joost Aldering
Joost Aldering|Technical director|Directors|Deventer|+31 570 555 002|nl en de|Tomás Quadros
Sanne de Rooij|Team lead|Customer Desk|Deventer|+31 570 555 011|nl en de fr|Bram Wiggers
Bram Wiggers|Senior adviser|Customer Desk|Deventer|+31 570 555 012|nl en de|Sanne de Rooij
Femke Oldenhof|Travel coordinator and minutes|Customer Desk|Deventer|+31 570 555 013|nl en|Bram Wiggers
Aylin Demirci|Adviser for hospitals and care|Customer Desk|Deventer|+31 570 555 014|nl en de tr|Bram Wiggers
Tomás Quadros|Team lead, product manager controls|Design and Controls|Deventer|+31 570 555 031|pt nl en|Maaike Boonstra
Maaike Boonstra|Design engineer, refrigeration|Design and Controls|Deventer|+31 570 555 032|nl en fy|Tomás Quadros
Gerben Kuipers|Team lead|Assembly|Deventer|+31 570 555 041|nl en|Chantal Reef
Chantal Reef|Foreman, test bay|Assembly|Deventer|+31 570 555 042|nl de|Gerben Kuipers
Ilse Hartog|Head of purchasing|Purchasing and Stores|Deventer|+31 570 555 051|nl en de it|Wessel Tuinstra
Wessel Tuinstra|Buyer, frames and doors|Purchasing and Stores|Deventer|+31 570 555 052|nl en|Ilse Hartog
Annelien Brugmans|Finance director|Finance|Deventer|+31 570 555 021|nl en fr|Pieter Zandbelt
Pieter Zandbelt|Accounts|Finance|Deventer|+31 570 555 022|nl en|Annelien Brugmans
Noor Haddadi|Privacy and information security officer|Finance|Deventer|+31 570 555 019|nl en ar fr|Pieter Zandbelt
Ruben Osei|Team lead|People and Safety|Deventer|+31 570 555 015|nl en|Marloes Tichelaar
Marloes Tichelaar|Safety officer|People and Safety|Deventer|+31 570 555 016|nl en de|Ruben Osei
Danuta Wierzba|Plant manager|Panel Shop|Gdynia|+48 58 555 0110|pl en de|Lech Sobczak
Lech Sobczak|Shift lead, foam hall|Panel Shop|Gdynia|+48 58 555 0111|pl en|Danuta Wierzba
Piotr Malec|Team lead|Quality and Calibration|Gdynia|+48 58 555 0120|pl en|Kinga Zaremba
Kinga Zaremba|Calibration engineer|Quality and Calibration|Gdynia|+48 58 555 0121|pl en de|Piotr Malec
Mehmet Yalcin|Team lead|Fleet Workshop|Leipzig|+49 341 555 0130|de tr en|Doreen Hauptvogel
Doreen Hauptvogel|Foreman, R290 bay|Fleet Workshop|Leipzig|+49 341 555 0131|de|Mehmet Yalcin
Friederike Stolpe|Head of Field Service|Field Service|Leipzig|+49 341 555 0141|de en|Antje Rohloff
Antje Rohloff|Field technician, Saxony|Field Service|Leipzig|+49 341 555 0142|de en|Marek Nowicki
Marek Nowicki|Field technician, Saxony and Thuringia|Field Service|Leipzig|+49 341 555 0143|de pl|Antje Rohloff
Emil Skovgaard|Field technician, Jutland|Field Service|Aarhus|+45 86 55 50 44|da en de|Lotte Brix
Lotte Brix|Field technician, Jutland and Funen|Field Service|Aarhus|+45 86 55 50 45|da en sv|Emil Skovgaard
Jens Petri|Team lead|Rental Germany|Leipzig|+49 341 555 0150|de en|Sabine Kretzschmar
Sabine Kretzschmar|Bookings Germany and Austria|Rental Germany|Leipzig|+49 341 555 0151|de en|Jens Petri
Kasper Lyngholm|Team lead|Rental Nordic|Aarhus|+45 86 55 50 10|da en sv|Signe Toft
Signe Toft|Bookings Nordic|Rental Nordic|Aarhus|+45 86 55 50 11|da no en|Kasper Lyngholm
Hanne Bøgelund|Team lead|Events|Aarhus|+45 86 55 50 20|da en de|Mikkel Rask
Mikkel Rask|Event planner|Events|Aarhus|+45 86 55 50 21|da en|Hanne Bøgelund
Wout Vercammen|Team lead|Rental Benelux|Ghent|+32 9 555 01 10|nl fr en|Inès Delvaux
Inès Delvaux|Bookings Belgium and Luxembourg|Rental Benelux|Ghent|+32 9 555 01 11|fr nl en|Wout Vercammen
"""
_PLAIN = str.maketrans({"á": "a", "ø": "o", "è": "e"})


def write(folder: Path) -> list[Path]:
    """The contact list below `folder`; its path."""
    path = folder / "contacts" / "contacts.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(_row(line) for line in PEOPLE.splitlines())
    return [path]


def _row(line: str) -> tuple[str, ...]:
    name, function, team, office, telephone, languages, deputy = line.split("|")
    return name, function, team, office, telephone, _address(name), languages, deputy


def _address(name: str) -> str:
    first, _, last = name.lower().translate(_PLAIN).partition(" ")
    return f"{first}.{last.replace(' ', '')}@isvelde.example"
