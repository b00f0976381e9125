"""The base model that a dataset is for: its catalogue entry, and the renderer that turns rows into what it reads."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from errors import DatasetFormatError
from finetune.catalogue import Catalogue, Model, load_catalogue, model_named
from finetune.profiles import ProfileName
from finetune.rendering import MarkupRenderer, Renderer, folder_renderer
from finetune.token_estimate import OTHER_VOCABULARY_ERROR
from finetune.tokens import FOLDER, EstimatedTokenizer, Tokenizer, Vocabularies, VocabularyName

COMMONEST: VocabularyName = "o200k_base"  # of every OpenAI model that can still be tuned


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A model, or the provider alone where none was named."""

    profile: ProfileName
    model: Model | None
    renderer: Renderer
    catalogue: Catalogue

    @property
    def limit(self) -> int | None:
        """Tokens of one training row: the provider's figure, else the model's own; None where neither is known."""
        published = self.model.example_tokens if self.model else None
        return published.value if published else self.renderer.limit

    @property
    def limit_source(self) -> str:
        published = self.model.example_tokens if self.model else None
        return str(published.source) if published else f"the files of {self.renderer.name}"


def choose_base(
    profile: ProfileName,
    model_id: str | None,
    *,
    home: Path | None = None,
    fetch: Callable[[str], bytes] | None = None,
) -> Base:
    """`model_id`: "openai:NAME", NAME of the profile, or the folder of a model. `fetch` None: no network.

    Raises DatasetFormatError for a folder that is no model's, SettingsError for a catalogue.toml at fault.
    """
    catalogue = load_catalogue(home)
    vocabularies = Vocabularies(folder=home / FOLDER if home else None, fetch=fetch)
    folder = _folder(profile, model_id)
    if folder is not None:
        model = catalogue.of("local", str(folder)) if profile == "local" else None
        return Base(profile=profile, model=model, renderer=folder_renderer(folder), catalogue=catalogue)
    named = model_named(catalogue, profile, model_id)
    general = named or catalogue.of(profile, "*")
    tokenizer = _tokenizer(general, vocabularies)
    renderer = MarkupRenderer(tokenizer=tokenizer, name=named.id if named else f"{profile} (no model named)")
    return Base(
        profile=named.profile if named else profile, model=named, renderer=renderer, catalogue=catalogue
    )


def _folder(profile: ProfileName, model_id: str | None) -> Path | None:
    """The model id as a folder: any that is there, and for `local` the only form of an id."""
    if not model_id:
        return None
    path = Path(model_id.removeprefix("local:"))
    if path.is_dir():
        return path
    if profile == "local" or model_id.startswith("local:"):
        raise DatasetFormatError(
            f"There is no folder {str(path)!r}: a local model is named by the folder that holds its "
            "tokenizer.json and chat template."
        )
    return None


def _tokenizer(model: Model, vocabularies: Vocabularies) -> Tokenizer:
    if model.vocabulary is not None:
        return vocabularies.tokenizer(model.vocabulary)
    if model.name == "*":
        return vocabularies.tokenizer(COMMONEST)
    return EstimatedTokenizer(
        error=OTHER_VOCABULARY_ERROR,
        note=(
            f"Token counts are rough estimates: the tokenizer of {model.name!r} is not on this machine. "
            "Name a folder with its tokenizer.json and chat template with --model for exact ones."
        ),
    )


def days_left(model: Model, today: datetime.date) -> int | None:
    """Until the model, and what is tuned on it, is shut down; None where no day is known."""
    return (model.shutdown.value - today).days if model.shutdown else None
