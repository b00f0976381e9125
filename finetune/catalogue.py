"""The catalogue: which models can be tuned, their limits, prices and last days, each figure with source and date.

Shipped in finetune/catalogue.toml; a catalogue.toml of the same form in GROUNDTUNE_HOME adds to it and wins entry by
entry. A model's own entry wins over its provider's "PROFILE:*" figure by figure.
"""

from __future__ import annotations

import datetime
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, get_args

from errors import SettingsError
from finetune.profiles import PROFILES, ProfileName
from finetune.tokens import VocabularyName

SHIPPED = Path(__file__).with_name("catalogue.toml")
OVERLAY = "catalogue.toml"
Method = Literal["supervised", "preference", "reinforcement"]
LOCAL: ProfileName = "local"
_SIZE = re.compile(r"(?<![A-Za-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)[bB](?![A-Za-z0-9])")
_RULE = frozenset({"target", "fewest", "most", "ceiling", "source"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    text: str
    date: str  # as exactly as is known

    def __str__(self) -> str:
        return f"{self.date}, {self.text}"


@dataclass(frozen=True, slots=True)
class Figure(Generic[T]):
    """A value that never goes without its date."""

    value: T
    source: Source

    def as_dict(self) -> dict[str, Any]:
        value = self.value.isoformat() if isinstance(self.value, datetime.date) else self.value
        return {"value": value, "date": self.source.date, "source": self.source.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoEpochs:
    """A provider's published rule: `target` epochs, more so that rows are seen `fewest` times, fewer past `most`."""

    target: int
    fewest: int
    most: int
    ceiling: int
    source: Source

    def epochs(self, rows: int) -> int:
        if rows * self.target < self.fewest:
            return min(self.ceiling, self.fewest // max(rows, 1))
        if rows * self.target > self.most:
            return max(1, self.most // rows)
        return self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Prices of a provider's models up to a number of parameters."""

    up_to: float  # billions
    training_usd: Figure[float] | None = None
    preference_usd: Figure[float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is known of one model at one provider; None is not known. US dollars per million trained tokens."""

    profile: ProfileName
    name: str  # "*" for a provider's other models
    listed: bool = True  # has an entry of its own
    aliases: tuple[str, ...] = ()
    vocabulary: VocabularyName | None = None
    methods: tuple[Method, ...] | None = None
    example_tokens: Figure[int] | None = None
    minimum_rows: Figure[int] | None = None
    training_usd: Figure[float] | None = None
    preference_usd: Figure[float] | None = None
    no_new_jobs_from: Figure[datetime.date] | None = None
    shutdown: Figure[datetime.date] | None = None
    validation_billed: Figure[bool] | None = None
    hosting_usd_per_hour: Figure[float] | None = None
    auto_epochs: AutoEpochs | None = None
    note: Figure[str] | None = None  # one sentence to know before training
    sizes: tuple[Size, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.profile}:{self.name}"

    def price(self, method: Method) -> Figure[float] | None:
        """US dollars per million trained tokens; None where it is not known."""
        if method == "reinforcement":
            return None
        field_name = "training_usd" if method == "supervised" else "preference_usd"
        own: Figure[float] | None = getattr(self, field_name)
        if own is not None:
            return own
        billions = parameters(self.name)
        fitting = [size for size in self.sizes if billions is not None and billions <= size.up_to]
        of_size: Figure[float] | None = getattr(fitting[0], field_name) if fitting else None
        return of_size


def parameters(name: str) -> float | None:
    """Billions of parameters that a model's name tells ("Llama-3.3-70B", "8x7B", "llama-v3p1-8b"); None if none."""
    found = _SIZE.findall(name)
    return max((float(size) * int(experts or 1) for experts, size in found), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    models: Mapping[str, Model] = field(default_factory=dict)  # by "profile:name"

    def of(self, profile: ProfileName, name: str) -> Model:
        """The model's entry with its provider's for what it leaves open; a provider's alone for a name not listed."""
        general = self.models.get(f"{profile}:*", Model(profile=profile, name="*"))
        own = next(
            (
                model
                for model in self.models.values()
                if model.profile == profile and name in (model.name, *model.aliases) and model.name != "*"
            ),
            None,
        )
        if own is None:
            return _merged(Model(profile=profile, name=name, listed=False), general)
        return _merged(own, general)

    def tunable(self, method: Method, today: datetime.date) -> list[Model]:
        """Every listed model that takes the method and is not shut down."""
        found = [self.of(model.profile, model.name) for model in self.models.values() if model.name != "*"]
        return [
            model
            for model in found
            if method in (model.methods or ()) and not (model.shutdown and model.shutdown.value <= today)
        ]

    def names(self, profile: ProfileName) -> list[str]:
        return [
            model.name for model in self.models.values() if model.profile == profile and model.name != "*"
        ]


def _merged(own: Model, general: Model) -> Model:
    from dataclasses import fields, replace

    lacking = {
        item.name: getattr(general, item.name)
        for item in fields(Model)
        if item.name not in ("profile", "name", "listed", "aliases") and getattr(own, item.name) in (None, ())
    }
    return replace(own, **lacking)


def model_named(catalogue: Catalogue, profile: ProfileName, model_id: str | None) -> Model | None:
    """ "openai:NAME" or NAME of the profile; None for no id: the caller says which model it is for."""
    if not model_id:
        return None
    prefix, _, rest = model_id.partition(":")
    if prefix in PROFILES and rest:
        return catalogue.of(prefix, rest)
    return catalogue.of(profile, model_id)


def load_catalogue(home: Path | None = None) -> Catalogue:
    """The shipped one, with the user's own from `home` on top. Raises SettingsError saying what is wrong in it."""
    entries, sources = _read(SHIPPED)
    own = home / OVERLAY if home is not None else None
    if own is None or not own.is_file():
        return _catalogue(SHIPPED, entries, sources)
    added, more = _read(own)
    merged = {name: {**entries.get(name, {}), **added.get(name, {})} for name in {**entries, **added}}
    return _catalogue(own, merged, {**sources, **more})


def _read(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Source]]:
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read as a catalogue ({error}): correct or remove it."
        ) from error
    named = tables.pop("sources", {})
    if not isinstance(named, dict) or not all(
        isinstance(table, dict) for table in [*tables.values(), *named.values()]
    ):
        raise SettingsError(f"{path}: every entry is a table, and [sources.KEY] names a source.")
    sources = {}
    for key, source in named.items():
        if not source.get("text") or not source.get("date"):
            raise SettingsError(f"{path}: [sources.{key}] needs text and date.")
        sources[key] = Source(text=str(source["text"]), date=str(source["date"]))
    return tables, sources


def _catalogue(path: Path, entries: Mapping[str, dict[str, Any]], sources: Mapping[str, Source]) -> Catalogue:
    return Catalogue(
        models={name: _Entry(path, name, entry, sources).model() for name, entry in entries.items()}
    )


class _Entry:
    """One table of the file; every fault is a SettingsError that names it."""

    def __init__(
        self, path: Path, name: str, table: Mapping[str, Any], sources: Mapping[str, Source]
    ) -> None:
        self.path, self.name, self.table, self.sources = path, name, table, sources

    def model(self) -> Model:
        profile, _, name = self.name.partition(":")
        known = {item for item in Model.__dataclass_fields__ if item not in ("profile", "name", "listed")}
        if profile not in PROFILES or not name:
            raise self._wrong(f'is no "PROFILE:MODEL"; profiles are {", ".join(PROFILES)}')
        if unknown := self.table.keys() - known:
            raise self._wrong(
                f"may not hold {', '.join(sorted(unknown))}; it may hold {', '.join(sorted(known))}"
            )
        return Model(
            profile=profile,
            name=name,
            aliases=tuple(self._texts("aliases") or ()),
            vocabulary=self._one_of("vocabulary", get_args(VocabularyName)),
            methods=self._methods(),
            example_tokens=self._whole("example_tokens"),
            minimum_rows=self._whole("minimum_rows"),
            training_usd=self._dollars(self.table, "training_usd"),
            preference_usd=self._dollars(self.table, "preference_usd"),
            no_new_jobs_from=self._day("no_new_jobs_from"),
            shutdown=self._day("shutdown"),
            validation_billed=self._figure(self.table, "validation_billed", bool, "true or false"),
            hosting_usd_per_hour=self._dollars(self.table, "hosting_usd_per_hour"),
            auto_epochs=self._rule(),
            note=self._figure(self.table, "note", str, "a sentence"),
            sizes=tuple(self._sizes()),
        )

    def _wrong(self, what: str) -> SettingsError:
        return SettingsError(f"{self.path}: [{self.name!r}] {what}.")

    def _texts(self, key: str) -> list[str] | None:
        value = self.table.get(key)
        if value is not None and not (
            isinstance(value, list) and all(isinstance(item, str) for item in value)
        ):
            raise self._wrong(f"needs {key} as a list of texts")
        return value

    def _one_of(self, key: str, choices: tuple[str, ...]) -> Any:
        value = self.table.get(key)
        if value is not None and value not in choices:
            raise self._wrong(f"needs {key} to be one of {', '.join(choices)}")
        return value

    def _methods(self) -> tuple[Method, ...] | None:
        methods = self._texts("methods")
        if methods is not None and not set(methods) <= set(get_args(Method)):
            raise self._wrong(f"needs methods out of {', '.join(get_args(Method))}")
        return None if methods is None else tuple(methods)  # type: ignore[arg-type]  # checked

    def _figure(self, table: Mapping[str, Any], key: str, of: Any, what: str) -> Any:
        if key not in table:
            return None
        value = table[key]
        if (
            not isinstance(value, list)
            or len(value) != 2
            or type(value[0]) not in (of if isinstance(of, tuple) else (of,))
        ):
            raise self._wrong(f'needs {key} = [{what}, "a source\'s key"]')
        if value[1] not in self.sources:
            raise self._wrong(f"names the source {value[1]!r} for {key}, which is under no [sources.KEY]")
        return Figure(value[0], self.sources[value[1]])

    def _whole(self, key: str) -> Figure[int] | None:
        figure: Figure[int] | None = self._figure(self.table, key, int, "a whole number")
        if figure is not None and figure.value < 1:
            raise self._wrong(f"needs {key} above 0")
        return figure

    def _dollars(self, table: Mapping[str, Any], key: str) -> Figure[float] | None:
        figure: Figure[float] | None = self._figure(table, key, (int, float), "US dollars")
        if figure is not None and not 0 <= figure.value < math.inf:
            raise self._wrong(f"needs {key} as US dollars of 0 or more")
        return figure

    def _day(self, key: str) -> Figure[datetime.date] | None:
        figure: Figure[datetime.date] | None = self._figure(self.table, key, datetime.date, "YYYY-MM-DD")
        return figure

    def _rule(self) -> AutoEpochs | None:
        rule = self.table.get("auto_epochs")
        if rule is None:
            return None
        numbers = [rule.get(key) for key in sorted(_RULE - {"source"})] if isinstance(rule, dict) else []
        if (
            not isinstance(rule, dict)
            or rule.keys() != _RULE
            or not all(type(n) is int and n > 0 for n in numbers)
        ):
            raise self._wrong(f"needs auto_epochs with {', '.join(sorted(_RULE))}, whole numbers above 0")
        if rule["source"] not in self.sources:
            raise self._wrong(
                f"names the source {rule['source']!r} for auto_epochs, which is under no [sources.KEY]"
            )
        return AutoEpochs(**{**rule, "source": self.sources[rule["source"]]})

    def _sizes(self) -> list[Size]:
        bands = self.table.get("sizes", [])
        if not isinstance(bands, list) or not all(
            isinstance(band, dict) and type(band.get("up_to")) in (int, float) for band in bands
        ):
            raise self._wrong("needs sizes = [{up_to = billions of parameters, training_usd = [...]}]")
        made = [
            Size(
                up_to=float(band["up_to"]),
                training_usd=self._dollars(band, "training_usd"),
                preference_usd=self._dollars(band, "preference_usd"),
            )
            for band in bands
        ]
        return sorted(made, key=lambda size: size.up_to)
