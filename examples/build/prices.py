"""The price list 2026 as a workbook. It stays at its January state; the mail of 23 April 2026 changes one price."""

from datetime import date
from pathlib import Path

from examples.build.workbook import Sheet, write_workbook

START, END = date(2026, 1, 1), date(2026, 12, 31)

SALE = Sheet(
    name="Sale",
    caption="Sales prices of new units, euros without VAT, ex works Deventer",
    header=(
        "Model",
        "Family",
        "Volume (m³)",
        "Temperature range (°C)",
        "Sales price (EUR)",
        "Delivery time (weeks)",
        "Valid from",
    ),
    rows=(
        ("IB-06", "Isbox", 6, "0 to +8", 14900, 6, START),
        ("IB-12", "Isbox", 12, "0 to +8", 21400, 8, START),
        ("IB-20", "Isbox", 20, "0 to +8", 29800, 10, START),
        ("ID-12", "Isdeep", 12, "-25 to -15", 27600, 10, START),
        ("ID-20", "Isdeep", 20, "-25 to -15", 38200, 12, START),
        ("IL-40", "Isline", 66, "-25 to +12", 61500, 20, START),
    ),
    notes=(
        "The delivery time counts from the confirmed order.",
        "From the third unit in one order: 4 per cent discount. From the sixth: 7 per cent.",
        "The price of the IB-06 includes road registration in the Netherlands, Germany, Belgium or Denmark.",
    ),
)
RENTAL = Sheet(
    name="Rental",
    caption="Rental rates, euros without VAT, transport not included",
    header=(
        "Model",
        "Day",
        "Weekend (Fri 12:00 to Mon 10:00)",
        "Week",
        "Four weeks",
        "Deposit",
        "Minimum period",
    ),
    rows=(
        ("IB-06", 60, 120, 210, 690, 250, "3 days"),
        ("IB-12", 85, 165, 295, 960, 350, "3 days"),
        ("IB-20", 110, 220, 390, 1270, 450, "3 days"),
        ("ID-12", 108, 215, 380, 1240, 450, "3 days"),
        ("ID-20", 140, 280, 495, 1610, 600, "3 days"),
        ("IL-40", None, None, 840, 2730, 1000, "4 weeks"),
    ),
    notes=(
        "The weekend rate is the exception from the minimum period of three days.",
        "From the thirteenth week of a rental the four-week rate falls by 10 per cent.",
        "Damage waiver: 8 per cent of the rent. Additional goods cover: 3 per cent of the rent.",
    ),
)
ACCESSORIES = Sheet(
    name="Accessories",
    caption="Accessories, euros without VAT",
    header=("Code", "Accessory", "Fits", "Sales price (EUR)", "Rent per week (EUR)", "Stocked in"),
    rows=(
        ("R-1", "Aluminium ramp, carries 350 kg, 1.6 m", "IB-12, IB-20, ID-12, ID-20", 480, 18, "all depots"),
        ("S-4", "Shelf set, four tiers, 120 x 45 x 180 cm", "all", 365, 14, "all depots"),
        ("LOG-3", "Log-3 data logger with mobile data for 12 months", "all", 229, 9, "all depots"),
        ("SC-1", "Strip curtain, PVC", "IB-12, IB-20, ID-12, ID-20", 140, 6, "all depots"),
        (
            "G-7",
            "G7 diesel generator, 7 kVA, 62 dB(A) at 7 m",
            "IB-06, IB-12, IB-20, ID-12",
            5900,
            165,
            "Deventer, Leipzig, Aarhus",
        ),
        ("KB-25", "Cable 25 m, 230 V, 16 A", "IB-06, IB-12, IB-20, ID-12", 95, 5, "all depots"),
        ("KR-25", "Cable 25 m, 400 V, 32 A", "ID-20 with adapter, IL-40", 260, 12, "all depots"),
        ("LK-1", "Lock set with two keys", "all", 75, 3, "all depots"),
        ("MR-8", "Meat rail, 8 hooks, 400 kg", "IB-20, ID-20", 690, 27, "Deventer, Leipzig"),
        ("HT-2", "Winter heater, 500 W", "IB-06, IB-12, IB-20", 210, 8, "Aarhus, Leipzig"),
        ("DS-2", "Door switch for units before model year 2022", "IB, ID", 58, None, "Deventer"),
    ),
    notes=("Mobile data after the first twelve months: 36 euros a year for each logger.",),
)
TRANSPORT = Sheet(
    name="Transport",
    caption="Transport, euros without VAT, for one journey (delivery or collection) of one unit",
    header=("Zone", "Distance from depot (km)", "Isbox and Isdeep (EUR)", "Isline (EUR)"),
    rows=(
        (1, "0 to 50", 95, 275),
        (2, "51 to 100", 160, 340),
        (3, "101 to 200", 270, 450),
        (4, "201 to 350", 420, 600),
        (5, "above 350", "on request", "on request"),
    ),
    notes=(
        "The Isline rate contains the low-loader surcharge of 180 euros.",
        "Saturdays: plus 25 per cent. Sundays and public holidays: plus 60 per cent.",
        "A second unit on the same lorry to the same place: half the rate.",
        "Ferries and bridge tolls are charged at cost.",
    ),
)
SERVICE = Sheet(
    name="Service",
    caption="Service, euros without VAT",
    header=("Service", "Unit of charge", "IB-06", "IB-12", "IB-20", "ID-12", "ID-20", "IL-40"),
    rows=(
        ("Yearly maintenance, fixed price", "visit", 290, 340, 410, 440, 520, 890),
        ("Door gasket, fitted during maintenance", "piece", 68, 84, 84, 112, 112, 146),
        ("Test of the safety chain with report", "visit", 145, 145, 145, 165, 165, 240),
        ("Calibration of a logger, three points, with certificate", "logger", 85, 85, 85, 95, 95, 95),
        ("Temperature map, nine loggers, 24 hours", "unit", 420, 420, 520, 460, 560, 980),
        ("Technician, working hour", "hour", 92, 92, 92, 92, 92, 104),
        ("Journey of a technician", "km", 0.78, 0.78, 0.78, 0.78, 0.78, 0.78),
    ),
    notes=(
        "Night, Saturday: plus 50 per cent. Sunday, public holiday: plus 100 per cent.",
        "An IL-40 is always serviced by two technicians; the hour in the list is for each of them.",
        "Maintenance contracts for three years: 8 per cent discount on the fixed price.",
    ),
)
READ_ME = Sheet(
    name="Read me",
    caption="Isvelde price list 2026",
    header=("Subject", "Text"),
    rows=(
        ("Edition", "January 2026, number 1"),
        ("Valid from", START),
        ("Valid until", END),
        ("Currency", "Euro, without VAT"),
        ("Owner", "Finance, Annelien Brugmans"),
        (
            "Changes",
            "Changes during the year are announced by mail from Finance; the mail then takes precedence.",
        ),
        ("Sheets", "Sale, Rental, Accessories, Transport, Service"),
    ),
)
SHEETS = (READ_ME, SALE, RENTAL, ACCESSORIES, TRANSPORT, SERVICE)


def write(folder: Path) -> list[Path]:
    """The price list below `folder`; its path."""
    return [write_workbook(SHEETS, "Isvelde price list 2026", folder / "prices" / "price-list-2026.xlsx")]
