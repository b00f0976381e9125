"""The supplier workbook: who delivers which part, at what price, how fast, and what it goes into."""

from datetime import date
from pathlib import Path

from examples.build.workbook import Sheet, write_workbook

SUPPLIERS = Sheet(
    name="Suppliers",
    caption="Suppliers of series parts, as of 31 March 2026",
    header=(
        "No.",
        "Supplier",
        "City",
        "Country",
        "Contact",
        "Employees",
        "Payment (days)",
        "Score 2025",
        "Supplier since",
    ),
    rows=(
        ("S-01", "Termovia S.r.l.", "Padua", "Italy", "Giulia Marchetto", 140, 30, 78, date(2009, 3, 1)),
        ("S-02", "Sölvhög Kyla AB", "Malmö", "Sweden", "Viktor Ahlgren", 85, 30, 84, date(2021, 9, 15)),
        (
            "S-03",
            "Brückner & Pohl Regeltechnik",
            "Chemnitz",
            "Germany",
            "Anja Pohl",
            32,
            30,
            91,
            date(2012, 6, 1),
        ),
        ("S-04", "Datavarme ApS", "Odense", "Denmark", "Søren Kjeldgaard", 18, 14, 88, date(2018, 1, 8)),
        ("S-05", "Harpuna Chemia", "Gdansk", "Poland", "Tomasz Reszka", 210, 30, 73, date(2013, 4, 22)),
        (
            "S-06",
            "Deurenfabriek Oldeman",
            "Hengelo",
            "Netherlands",
            "Bert Oldeman",
            46,
            30,
            66,
            date(2005, 10, 3),
        ),
        ("S-07", "Fahrwerk Liebig GmbH", "Gera", "Germany", "Katrin Liebig", 74, 30, 81, date(2010, 2, 11)),
        (
            "S-08",
            "Almelose Profielbouw B.V.",
            "Almelo",
            "Netherlands",
            "Rik Wessels",
            28,
            30,
            86,
            date(2008, 5, 19),
        ),
        ("S-09", "Profilgummi Sauerbrey", "Hanau", "Germany", "Ute Sauerbrey", 12, 14, 94, date(2014, 11, 4)),
        ("S-10", "Westflex Kabel", "Kortrijk", "Belgium", "Jan Desmedt", 39, 30, 80, date(2019, 7, 30)),
    ),
    notes=("Score: delivery 40, quality 40, conduct 20 points; see purchasing policy, section 4.",),
)
PARTS = Sheet(
    name="Parts",
    caption="Series parts, as of 31 March 2026, prices in euros without VAT",
    header=(
        "Part",
        "Description",
        "Supplier no.",
        "Price (EUR)",
        "Lead time (weeks)",
        "Minimum order",
        "Stock Deventer",
        "Stock Leipzig",
    ),
    rows=(
        ("CU-290S", "Compressor unit R290, small, 148 g", "S-01", 1180.0, 5, 8, 41, 2),
        ("CU-290L", "Compressor unit R290, large, 150 g", "S-01", 1640.0, 7, 8, 22, 4),
        ("CU-290F", "Compressor unit R290, freezer, two circuits", "S-02", 2310.0, 9, 2, 6, 2),
        ("CU-744", "Compressor unit R744 for containers", "S-02", 7450.0, 14, 1, 3, 2),
        ("IC-4", "Controller with display", "S-03", 312.0, 6, 25, 88, 16),
        ("DS-2", "Door switch", "S-03", 19.5, 3, 50, 140, 35),
        ("LOG-3", "Data logger", "S-04", 118.0, 3, 20, 64, 40),
        ("RP-2", "Room probe, platinum", "S-04", 24.8, 3, 50, 130, 60),
        ("PA-9", "Panel adhesive, drum of 200 kg", "S-05", 1460.0, 4, 2, 0, 0),
        ("PF-40", "Foam system for panels, 1,000 kg", "S-05", 3980.0, 3, 5, 0, 0),
        ("D-1", "Door set 70 x 165 cm", "S-06", 540.0, 4, 4, 9, 1),
        ("D-2", "Door set 90 x 190 cm", "S-06", 695.0, 4, 4, 14, 2),
        ("D-3", "Container door, double", "S-06", 2150.0, 8, 1, 2, 0),
        ("TC-13", "Trailer chassis, 1,300 kg", "S-07", 1890.0, 6, 5, 7, 0),
        ("SF-12", "Skid frame for 12 m³", "S-08", 720.0, 3, 4, 11, 0),
        ("SF-20", "Skid frame for 20 m³", "S-08", 980.0, 3, 4, 9, 0),
        ("CF-40", "Container frame, 40 feet", "S-08", 9600.0, 10, 1, 1, 0),
        ("GA-12", "Door gasket for D-1 and D-2", "S-09", 31.0, 2, 20, 95, 48),
        ("GA-40", "Door gasket for D-3", "S-09", 64.0, 2, 4, 8, 2),
        ("KB-25", "Cable 25 m, 230 V, 16 A", "S-10", 52.0, 2, 10, 60, 30),
        ("KR-25", "Cable 25 m, 400 V, 32 A", "S-10", 148.0, 2, 10, 24, 12),
    ),
    notes=(
        "PA-9 and PF-40 are delivered to Gdynia and are stocked there: 6 drums and 18,000 kg on 31 March 2026.",
        "Lead times count from the order to the arrival in Deventer.",
    ),
)
WHERE_USED = Sheet(
    name="Where used",
    caption="Parts of each model, pieces for one unit",
    header=("Part", "IB-06", "IB-12", "IB-20", "ID-12", "ID-20", "IL-40"),
    rows=(
        ("CU-290S", 1, 1, 0, 0, 0, 0),
        ("CU-290L", 0, 0, 1, 1, 0, 0),
        ("CU-290F", 0, 0, 0, 0, 1, 0),
        ("CU-744", 0, 0, 0, 0, 0, 1),
        ("IC-4", 1, 1, 1, 1, 1, 1),
        ("DS-2", 1, 1, 1, 1, 1, 2),
        ("RP-2", 1, 1, 1, 2, 2, 4),
        ("D-1", 1, 0, 0, 0, 0, 0),
        ("D-2", 0, 1, 1, 1, 1, 0),
        ("D-3", 0, 0, 0, 0, 0, 1),
        ("TC-13", 1, 0, 0, 0, 0, 0),
        ("SF-12", 0, 1, 0, 1, 0, 0),
        ("SF-20", 0, 0, 1, 0, 1, 0),
        ("CF-40", 0, 0, 0, 0, 0, 1),
        ("GA-12", 1, 1, 1, 1, 1, 0),
        ("GA-40", 0, 0, 0, 0, 0, 1),
    ),
    notes=(
        "Panels are made in Gdynia and are not listed here; their lead time inside the company is two weeks.",
    ),
)
SHEETS = (SUPPLIERS, PARTS, WHERE_USED)


def write(folder: Path) -> list[Path]:
    """The workbook below `folder`; its path."""
    path = folder / "purchasing" / "suppliers-and-parts.xlsx"
    return [write_workbook(SHEETS, "Suppliers and parts", path)]
