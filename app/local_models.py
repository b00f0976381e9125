"""The models of this machine, live: what other processes train appears without a restart.

    models = LocalModels(settings, encoder=lambda: workspace.encoder)
    models.newest()             -> the id of the newest tuned model whose verdict is not "do not ship"
    models.taught(name)         -> TaughtModel, for the embedded responder's chains
    models.chats                -> name -> maker of a chat model, for chains.models.connect

Names are those of `local:NAME`: `ft:...` and `ft:...:ckpt-step-N` of what was trained here, and the open models that
are registered or lie in GROUNDTUNE_BASE_MODELS.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import Settings
from errors import LocalModelDamagedError, SettingsError, TuningNotFoundError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from chains.taught import TaughtModel
    from finetune.jobs.record import Job, TunedModel
    from finetune.jobs.store import TuningStore
    from local.encoder import MiniLMEncoder

__all__ = ["DO_NOT_SHIP", "PREFIX", "LocalModels"]

PREFIX = "local:"
DO_NOT_SHIP = "do not ship"
KEPT = 4  # responders held in memory
TENANT_FOLDER = ("tenants", "default", "tuning")


class LocalModels:
    """Thread-safe. Nothing is made on disk; where nothing was ever trained there is nothing."""

    def __init__(self, settings: Settings, *, encoder: Callable[[], MiniLMEncoder]) -> None:
        self._settings, self._encoder = settings, encoder
        self._responders: OrderedDict[str, tuple[TunedModel, TaughtModel]] = OrderedDict()
        self._lock, self._opening = threading.Lock(), threading.Lock()
        self._opened: TuningStore | None = None
        self.chats: Mapping[str, Callable[[], BaseChatModel]] = _Chats(self)

    def close(self) -> None:
        with self._opening:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    # --- what there is ----------------------------------------------------------------------------

    def tuned(self) -> list[TunedModel]:
        """Newest first, checkpoints included. Raises TuningBusyError."""
        store = self._store()
        return list(store.models.list()) if store else []

    def find(self, name: str) -> TunedModel | None:
        store = self._store()
        if store is None or not name.startswith("ft:"):
            return None
        try:
            return store.models.get(name)
        except TuningNotFoundError:
            return None

    def newest(self) -> TunedModel | None:
        """Of whole trainings; one that was found not to be shipped is used only where it is named."""
        whole = (one for one in self.tuned() if one.step is None)
        return next((one for one in whole if verdict_of(one) != DO_NOT_SHIP), None)

    def bases(self) -> dict[str, Path]:
        """Open models that are not tuned and lie in a folder here, by name."""
        store = self._store()
        if store is not None:
            return {base.name: base.folder for base in store.bases.list() if base.folder is not None}
        from finetune.jobs.base_table import shelf_of

        return {one.name: Path(one.path) for one in shelf_of(self._settings.base_models.value).models}

    def names(self) -> list[str]:
        """Of all that can be asked as a chat model or by a responder's chain."""
        return [*(one.id for one in self.tuned()), *self.bases()]

    # --- asking -----------------------------------------------------------------------------------

    def taught(self, name: str) -> TaughtModel | None:
        """The responder of that name, loaded at its first use; None: it is no responder.

        Raises LocalModelDamagedError, LocalModelNotFoundError where its files are gone.
        """
        model = self.find(name)
        if model is None or model.trainer != "responder":
            return None
        with self._lock:
            of, known = self._responders.pop(model.id, (None, None))
            if known is None or of != model:  # a step that was trained again keeps its name
                known = self._loaded(model)
            self._responders[model.id] = (model, known)
            while len(self._responders) > KEPT:
                self._responders.popitem(last=False)
            return known

    def chat(self, name: str) -> BaseChatModel:
        """The chat model of that name.

        Raises SettingsError for a responder, TrainingExtrasMissingError without torch, LocalModelNotFoundError where
        its base is gone, KeyError where there is no such model.
        """
        model = self.find(name)
        if model is not None and model.trainer == "responder":
            raise SettingsError(
                f"'{PREFIX}{name}' is an embedded responder: it answers in fine-tuned and hybrid mode, "
                "so name it in GROUNDTUNE_FINETUNED_MODEL."
            )
        from app.tuning import training_python
        from finetune.serving.chat import OpenBase, local_chat

        python, threads = training_python(self._settings), self._settings.threads.value
        bases = self.bases()
        if model is not None:
            return local_chat(model, base_folder=bases.get(model.base), python=python, threads=threads)
        return local_chat(OpenBase(name=name, folder=bases[name]), python=python, threads=threads)

    def system_of(self, name: str) -> str | None:
        """The system message that a tuned model's training rows had; "" for rows without one, None: not known."""
        model = self.find(name)
        found = model.facts.get("system") if model else None
        return found.strip() and found if isinstance(found, str) else None

    def training_file(self, model_id: str) -> Path | None:
        """The rows that a model was trained on, here or by an order sent from here; None: not known, or deleted."""
        store = self._store()
        if store is None:
            return None
        try:
            job = _job_of(store, model_id)
        except TuningNotFoundError:  # it was deleted, and its model kept
            return None
        if job is None:
            return None
        path = store.files.path(job.request.training_file)
        return path if path.is_file() else None

    def _loaded(self, model: TunedModel) -> TaughtModel:
        from chains.taught import TaughtModel
        from local.responder import Responder

        encoder = self._encoder()
        responder = Responder.load(Path(model.folder), encoder)
        if responder.taught.encoder != encoder.model_id:
            raise LocalModelDamagedError(
                f"'{PREFIX}{model.id}' was taught with the encoder {responder.taught.encoder!r}, and this is "
                f"{encoder.model_id!r}: train it again."
            )
        facts = {"base": model.base, "data_sha256": model.facts.get("data_sha256"), "job": model.job_id}
        return TaughtModel(model_id=f"{PREFIX}{model.id}", responder=responder, parameters=facts)

    def _store(self) -> TuningStore | None:
        with self._opening:
            if self._opened is None:
                root = self._settings.home.value.joinpath(*TENANT_FOLDER)
                if not (root / "tuning.db").is_file():
                    return None
                from finetune.jobs.store import TuningStore

                self._opened = TuningStore(root, base_models=self._settings.base_models.value)
            return self._opened


class _Chats(Mapping[str, "Callable[[], BaseChatModel]"]):
    """Looked up anew each time, so that it never goes stale."""

    def __init__(self, models: LocalModels) -> None:
        self._models = models

    def __getitem__(self, name: str) -> Callable[[], BaseChatModel]:
        if self._models.find(name) is None and name not in self._models.bases():
            raise KeyError(name)
        return lambda: self._models.chat(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._models.names())

    def __len__(self) -> int:
        return len(self._models.names())


def _job_of(store: TuningStore, model_id: str) -> Job | None:
    """Raises TuningNotFoundError where it was deleted."""
    name = model_id.partition(":")[2]
    if model_id.startswith(PREFIX):
        return store.jobs.get(store.models.get(name).job_id)
    return next((one for one in store.jobs.in_states("succeeded") if one.fine_tuned_model == name), None)


def verdict_of(model: TunedModel) -> str | None:
    """ "ship", "do not ship" or "not proven"; None where it was not evaluated."""
    found = model.facts.get("verdict")
    if isinstance(found, Mapping):
        found = found.get("verdict")
    return found if isinstance(found, str) else None
