"""The base model that a dataset is for, composed from the settings: catalogue and vocabularies of GROUNDTUNE_HOME."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.settings import Settings

if TYPE_CHECKING:
    from finetune.bases import Base
    from finetune.profiles import ProfileName


def base_model(settings: Settings, profile: ProfileName, model_id: str | None) -> Base:
    """The vocabulary that counts its tokens is fetched once where it is missing, unless GROUNDTUNE_OFFLINE is set.

    Raises DatasetFormatError for a folder that is no model's, SettingsError for a catalogue.toml at fault.
    """
    from finetune.bases import choose_base
    from finetune.tokens import fetch

    return choose_base(
        profile, model_id, home=settings.home.value, fetch=None if settings.offline.value else fetch
    )
