"""The models of one set of settings, each connected at its first use; which modes they make possible.

Connections(settings).chat()      -> ConnectedModel, or None: the embedded engine answers
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from app.settings import Setting, Settings
from chains.answer import Mode
from chains.finetuned import HOW_TO_NAME_ONE
from errors import ModelError, ProviderError, SettingsError, TuningError

if TYPE_CHECKING:
    from app.local_models import LocalModels
    from chains.limits import Budget
    from chains.models import ChatModelConfig, ConnectedModel
    from chains.taught import TaughtModel

LOCAL = "local:"
EMBEDDED_READER = "local:extractive-reader"  # as a model id: quote, even where a chat model is connected
BUDGETS_KEPT = 1000
NO_MODEL = "No model is connected: set OPENAI_API_KEY, or OPENAI_BASE_URL of a compatible server."
ONLY_QUOTES = (
    "The embedded reader is chosen, which only quotes documents: name a chat model in GROUNDTUNE_CHAT_MODEL."
)


class Connections:
    """Thread-safe. `local_models`: those of this machine; a model that is trained meanwhile is among them."""

    def __init__(self, settings: Settings, *, local_models: LocalModels | None = None) -> None:
        self.settings = settings
        self._local_models = local_models
        self._looking = (
            threading.Lock()
        )  # held while a server is asked for a tuned model, and for nothing else
        self._built: dict[str, ConnectedModel] = {}
        self._found: str | None = None  # a tuned model that the server lists
        self._looked = False
        self._budgets: OrderedDict[str, Budget] = OrderedDict()
        self._budgets_lock = threading.Lock()

    # --- which there are --------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether a server or key is set; nothing is asked of it."""
        known = self.settings
        azure = known.azure_openai_api_key.value and known.azure_openai_endpoint.value
        local = (known.chat_model.value or "").startswith("local:") and not self._quoting
        return bool(known.openai_api_key.value or known.openai_base_url.value or azure or local)

    @property
    def _quoting(self) -> bool:
        return self.settings.chat_model.value == EMBEDDED_READER

    @property
    def label(self) -> str:
        """For people: what answers."""
        if not self.connected or self._quoting:
            return "Embedded engine" if self._quoting else "Embedded engine (no key)"
        return self.settings.chat_model.value or "chat model of the connected server"

    def missing(self, mode: Mode) -> str | None:
        """Why a mode cannot run, as far as is known without asking a server; None: it can."""
        if mode == "rag":
            return None
        if mode == "base":
            return ONLY_QUOTES if self._quoting else None if self.connected else NO_MODEL
        try:
            return None if self.tuned_id is not None else f"There is no tuned model yet. {HOW_TO_NAME_ONE}"
        except TuningError as error:  # the registry is held by another process, or damaged
            return str(error)

    # --- connecting -------------------------------------------------------------------------------

    def chat(self) -> ConnectedModel | None:
        """The chat model; None where neither a key nor a server is set, or the embedded reader is chosen.

        Raises SettingsError where a model is named that cannot be used, ProviderError where the server fails.
        """
        if self._quoting:
            return None
        if not self.connected:
            self._check_named(self.settings.chat_model)
            return None
        return self._connect(self.settings.chat_model)

    def tuned(self) -> ConnectedModel | None:
        """The tuned model as a chat model: the one that is named, else the newest of this machine, else the first
        `ft:` one that the compatible server lists. None: there is none, or it is a responder (`taught`).
        """
        if self.tuned_id is None:
            self.look_for_tuned()
        chosen = self.tuned_id
        if chosen is None or self._taught_by(chosen) is not None:
            return None
        return self._connect(replace(self.settings.finetuned_model, value=chosen))

    def taught(self) -> TaughtModel | None:
        """The tuned model where it is an embedded responder. Raises LocalModelDamagedError."""
        chosen = self.tuned_id
        return self._taught_by(chosen) if chosen is not None else None

    def _taught_by(self, chosen: str) -> TaughtModel | None:
        if self._local_models is None or not chosen.startswith(LOCAL):
            return None
        return self._local_models.taught(chosen.removeprefix(LOCAL))

    @property
    def tuned_system(self) -> str | None:
        """The system message that the tuned model is asked with: the one that is set, else that of its own rows."""
        set_to, chosen = self.settings.finetuned_system.value, self.tuned_id
        if set_to is not None or chosen is None or self._local_models is None or not chosen.startswith(LOCAL):
            return set_to
        return self._local_models.system_of(chosen.removeprefix(LOCAL))

    def assistant(self) -> ConnectedModel | None:
        """The chat model that helps a tuned one; where nobody named it, and the server has none, there is none."""
        try:
            return self.chat()
        except (SettingsError, ModelError):
            if self.settings.chat_model.value is not None:
                raise
            return None

    def judge(self) -> ConnectedModel | None:
        """The model that judges support; None: the embedded scorer does."""
        return self._connect(self.settings.judge_model) if self.settings.judge_model.value else None

    @property
    def tuned_id(self) -> str | None:
        return self.settings.finetuned_model.value or self._newest_local or self._found

    @property
    def _newest_local(self) -> str | None:
        """Trained on this machine and not found unfit."""
        newest = self._local_models.newest() if self._local_models else None
        return f"{LOCAL}{newest.id}" if newest else None

    def look_for_tuned(self) -> None:
        """Asks a compatible server, once, whether it lists a tuned model; a server that fails has none."""
        with self._looking:
            if self._looked or self.settings.finetuned_model.value or not self.settings.openai_base_url.value:
                return
            self._looked = True
            try:
                names = self.served_models()
            except (ProviderError, SettingsError):  # who asks a model is told what is wrong
                self._looked = False  # perhaps it was still starting
                return
            tuned = [name for name in names if name.startswith("ft:")]
            self._found = f"compatible:{tuned[0]}" if tuned else None

    def served_models(self) -> list[str]:
        """The ids that the server of OPENAI_BASE_URL lists. Raises ProviderError, SettingsError."""
        from chains.models import KEYLESS, revealed, served_models

        config = self._config(self.settings.chat_model)
        if not config.base_url:
            raise SettingsError(
                "Only a server that is named by its address lists its models: set OPENAI_BASE_URL."
            )
        return served_models(config, url=config.base_url, key=revealed(config.api_key) or KEYLESS)

    def _connect(self, named: Setting[str | None]) -> ConnectedModel:
        """Without a lock: a server may take long to say what it has, and holds up only who waits for it."""
        from chains.models import connect

        key = f"{named.name} {named.value} {self._prices_written()}"
        known = self._built.get(key)
        if known is not None:
            return known
        made = connect(self._config(named))
        if made.notice is not None:
            return made  # for this answer only: the server that it stands in for may come up
        return self._built.setdefault(key, made)

    def _prices_written(self) -> int | None:
        """When the user's own prices were last written: they count from the next answer on. None: there are none."""
        from chains.prices import OVERLAY

        try:
            return (self.settings.home.value / OVERLAY).stat().st_mtime_ns
        except OSError:
            return None

    def _config(self, named: Setting[str | None]) -> ChatModelConfig:
        from app.model_settings import model_config

        local = self._local_models.chats if self._local_models else {}
        return replace(model_config(self.settings, named), local_models=local)

    def _check_named(self, named: Setting[str | None]) -> None:
        if named.value is not None:
            from chains.models import HOW_TO_CONNECT, parse_model_id

            model = parse_model_id(named.value, base_url=self.settings.openai_base_url.value)
            raise SettingsError(
                f"The model {str(model)!r} ({named.origin}) is not connected. {HOW_TO_CONNECT}"
            )

    # --- spending ---------------------------------------------------------------------------------

    def go_on_from(self, before: Connections) -> None:
        """Takes over what its conversations have spent and hold, answers in the making included, under one limit."""
        if self.settings.spending_limit_usd.value == before.settings.spending_limit_usd.value:
            self._budgets, self._budgets_lock = before._budgets, before._budgets_lock

    def budget(self, conversation_id: str, *, spent_usd: float) -> Budget | None:
        """What is left to one conversation, the same object for all its answers; None: no limit is set.

        `spent_usd` is what its earlier answers took, as recorded; it counts when the process first hears of it.
        """
        from app.model_settings import conversation_budget

        with self._budgets_lock:
            known = self._budgets.pop(conversation_id, None)
            budget = known or conversation_budget(self.settings, spent_usd=spent_usd)
            if budget is not None:
                self._budgets[conversation_id] = budget
            while len(self._budgets) > BUDGETS_KEPT:
                self._budgets.popitem(last=False)
            return budget
