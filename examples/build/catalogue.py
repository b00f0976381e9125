"""The product catalogue as JSON, made once a year from the price list and the technical data."""

import json
from pathlib import Path

from examples.build.prices import RENTAL, SALE
from examples.build.source import TEXTS


def write(folder: Path) -> list[Path]:
    """The catalogue below `folder`; its path."""
    path = folder / "catalogue" / "product-catalogue-2026.json"
    technical = json.loads((TEXTS / "products.json").read_text("utf-8"))
    path.parent.mkdir(parents=True, exist_ok=True)
    catalogue = {
        "title": "Isvelde product catalogue 2026",
        "edition": "2026-01",
        "note": "Made once a year in January. Prices in euros without VAT. Later changes are announced by Finance.",
        "warranty_months": 24,
        "products": [_product(technical, *rows) for rows in zip(SALE.rows, RENTAL.rows, strict=True)],
    }
    path.write_text(json.dumps(catalogue, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return [path]


def _product(
    technical: dict[str, dict[str, object]], sale: tuple[object, ...], rental: tuple[object, ...]
) -> dict[str, object]:
    model, family, volume, temperatures, price, weeks, _ = sale
    return {
        "model": model,
        "family": family,
        "volume_m3": volume,
        "temperature_range_c": temperatures,
        **technical[str(model)],
        "sales_price_eur": price,
        "delivery_time_weeks": weeks,
        "rent_per_week_eur": rental[3],
    }
