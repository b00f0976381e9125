"""The base model that a dataset is for, composed from the settings: catalogue and vocabularies of GROUNDTUNE_HOME."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.cli.output import say
from app.settings import Settings

if TYPE_CHECKING:
    from finetune.bases import Base
    from finetune.profiles import ProfileName


def base_model(settings: Settings, profile: ProfileName, model_id: str | None) -> Base:
    """The vocabulary that counts its tokens is fetched once where it is missing, unless GROUNDTUNE_OFFLINE is set.

    Raises DatasetFormatError for a folder that is no model's, SettingsError for a catalogue.toml at fault.
    """
    from finetune.bases import choose_base

    return choose_base(
        profile, model_id, home=settings.home.value, fetch=None if settings.offline.value else _announced
    )


def _announced(url: str) -> bytes:
    """Nobody is to wonder why a program that stays at home reaches for the network."""
    from finetune.tokens import fetch

    say(f"Fetching {url} (3.6 MB, once) to count tokens exactly; GROUNDTUNE_OFFLINE=1 forbids it.")
    return fetch(url)
