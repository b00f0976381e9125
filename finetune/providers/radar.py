"""The expiry radar: which models end when, and what was trained on them; a tuned model ends with its base."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from finetune.catalogue import Catalogue
from finetune.profiles import PROFILES
from finetune.providers.orders import Entry
from finetune.providers.places import place_named

Kind = Literal["tuned", "in use", "base"]
_ORDER: Mapping[str, int] = {"tuned": 0, "in use": 1, "base": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    kind: Kind
    model: str  # "openai:ft:...", or the base itself
    base: str
    place: str
    ends: datetime.date
    days_left: int  # negative: that long ago
    source: str
    no_new_jobs_from: datetime.date | None = None
    job: str | None = None  # by which it can be trained again
    dataset: str | None = None

    @property
    def elsewhere(self) -> str | None:
        """The command that trains the same data here."""
        return f"python -m app finetune again {self.job} --place local" if self.job else None

    def as_dict(self) -> dict[str, Any]:
        closing = self.no_new_jobs_from
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "ends": self.ends.isoformat(),
            "no_new_jobs_from": closing.isoformat() if closing else None,
            "elsewhere": self.elsewhere,
        }


def radar(
    entries: Iterable[Entry],
    catalogue: Catalogue,
    *,
    today: datetime.date,
    served: Mapping[str, Mapping[str, datetime.date]] | None = None,
    in_use: Iterable[str] = (),
    asked_on: datetime.date | None = None,
) -> list[Expiry]:
    """The soonest first. `served`: place -> model -> its shutdown date, as the place's own list says today;
    `in_use`: chat models that are set, as "openai:NAME".
    """
    days = _Days(catalogue, served or {}, asked_on or today)
    found = [*_tuned(entries, days, today), *_in_use(in_use, days, today), *_bases(days, today)]
    return sorted(found, key=lambda one: (one.days_left, _ORDER[one.kind], one.model))


@dataclass(frozen=True, slots=True)
class _Days:
    catalogue: Catalogue
    served: Mapping[str, Mapping[str, datetime.date]]
    asked_on: datetime.date

    def of(self, place: str, base: str) -> tuple[datetime.date, str] | None:
        """(last day, where that stands): the place's own word before the catalogue's."""
        said = self.served.get(place, {}).get(base)
        if said is not None:
            return said, f"{place_named(place).title}'s list of models, {self.asked_on}"
        profile = place_named(place).profile
        model = self.catalogue.of(profile, base)
        return (model.shutdown.value, str(model.shutdown.source)) if model.shutdown else None

    def closing(self, place: str, base: str) -> datetime.date | None:
        figure = self.catalogue.of(place_named(place).profile, base).no_new_jobs_from
        return figure.value if figure else None

    def expiry(
        self, kind: Kind, model: str, base: str, place: str, today: datetime.date, **more: Any
    ) -> Expiry | None:
        known = self.of(place, base)
        if known is None:
            return None
        return Expiry(
            kind=kind,
            model=model,
            base=base,
            place=place,
            ends=known[0],
            days_left=(known[0] - today).days,
            source=known[1],
            no_new_jobs_from=self.closing(place, base),
            **more,
        )


def _tuned(entries: Iterable[Entry], days: _Days, today: datetime.date) -> Iterator[Expiry]:
    for entry in entries:
        model = entry.job.get("fine_tuned_model")
        if not isinstance(model, str) or not model or entry.place not in ("openai", "azure"):
            continue
        named = f"{place_named(entry.place).asked_as}:{model}"
        found = days.expiry(
            "tuned", named, entry.model, entry.place, today, job=entry.id, dataset=entry.dataset or None
        )
        if found is not None:
            yield found


def _in_use(models: Iterable[str], days: _Days, today: datetime.date) -> Iterator[Expiry]:
    for named in models:
        place, _, name = named.partition(":")
        if place not in ("openai", "azure") or not name:
            continue
        found = days.expiry("in use", named, base_of(name), place, today)
        if found is not None:
            yield found


def _bases(days: _Days, today: datetime.date) -> Iterator[Expiry]:
    """Of the catalogue, those that are still alive; and what places say of their own."""
    named: set[tuple[str, str]] = {
        (model.profile, model.name)
        for model in days.catalogue.models.values()
        if model.name != "*" and model.shutdown
    }
    named |= {
        (place, name)
        for place, models in days.served.items()
        for name in models
        if not name.startswith("ft:")
    }
    for place, name in sorted(named):
        if place in PROFILES and place in ("openai", "azure", "nebius", "crusoe"):
            found = days.expiry("base", f"{place}:{name}", name, place, today)
            if found is not None and found.days_left >= 0:
                yield found


def base_of(model: str) -> str:
    """ft:BASE:ORGANISATION:... -> BASE; another name as it is."""
    parts = model.split(":")
    return parts[1] if parts[0] == "ft" and len(parts) > 1 else model
