"""The composition root: settings -> encoder, knowledge bases, chat model, chains; all built here."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from app.connections import EMBEDDED_READER, Connections
from app.knowledge_bases import KnowledgeBaseInfo, KnowledgeBases
from app.local_models import LocalModels
from app.settings import PROJECT_ROOT, Settings, load_settings
from chains.answer import MODES, Mode
from errors import (
    KnowledgeBaseExistsError,
    NoModelConnectedError,
    SettingsError,
)
from loaders.files import write_atomically

if TYPE_CHECKING:
    from app.records.entries import Scope
    from app.records.store import Records
    from chains.answer import Chain
    from chains.confidence_fit import Calibration
    from chains.limits import Budget
    from chains.models import ConnectedModel
    from chains.rag import RagChain
    from chains.taught import TaughtModel
    from loaders.embedding import ChunkEncoder
    from loaders.generation_view import GenerationView
    from loaders.knowledge_base import FileProgress, IngestReport, KnowledgeBase
    from local.encoder import MiniLMEncoder

SAMPLE = "sample"
SAMPLE_DOCUMENTS = PROJECT_ROOT / "examples" / "company"
SAMPLE_STARTERS = PROJECT_ROOT / "examples" / "starters.json"
TENANT = "default"
UPLOADS_KEPT_S = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeStatus:
    mode: Mode
    label: str
    summary: str  # what the mode knows, one line
    available: bool
    reason: str | None  # why not
    model: str | None = None  # the tuned model that answers, as far as is known without asking a server


MODE_LABELS: dict[Mode, tuple[str, str]] = {
    "base": ("Base", "The chat model alone, without your documents."),
    "rag": ("RAG", "Reads your documents for every question and shows its sources."),
    "finetuned": ("Fine-tuned", "A model taught on your examples; answers alone."),
    "hybrid": ("Hybrid", "A model taught to read retrieved passages, with retrieval on top."),
}


class Workspace:
    """Everything a page or command needs, built on first use and kept. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self.local_models = LocalModels(settings, encoder=lambda: self.encoder)
        self.connections = Connections(settings, local_models=self.local_models)
        self._bases = KnowledgeBases(self._home, TENANT, self._encoder_for)

    # --- models -----------------------------------------------------------------------------------

    @cached_property
    def _built_encoder(self) -> MiniLMEncoder:
        from local.encoder import MiniLMEncoder

        return MiniLMEncoder(
            cache_dir=self._home() / "models",
            model_dir=self.settings.embedding_dir.value,
            precision=self.settings.precision.value,
            threads=self.settings.threads.value,
        )

    def _home(self) -> Path:
        """GROUNDTUNE_HOME, made where it is missing, for this user's eyes only: it holds copies of documents."""
        home = self.settings.home.value
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"{home} cannot be GROUNDTUNE_HOME ({error.strerror}): name another."
            ) from error
        return home

    @property
    def encoder(self) -> MiniLMEncoder:
        with self._lock:
            return self._built_encoder

    def _encoder_for(self, model_id: str | None, dimension: int | None = None) -> ChunkEncoder:
        """`model_id` None: the one that new knowledge bases get."""
        if model_id == self.encoder.model_id or (
            model_id is None and self.settings.embedding_model.value in (None, "embedded")
        ):
            return self.encoder
        from app.model_settings import model_config
        from chains.embeddings import connect_encoder

        setting = self.settings.embedding_model
        named = setting if model_id is None else replace(setting, value=model_id)
        return connect_encoder(
            model_config(self.settings, named), embedded=lambda: self.encoder, dimension=dimension
        )

    def reconfigure(self, settings: Settings) -> None:
        """Other models from now on; answers in the making keep theirs. Home and encoder stay what they are."""
        local = LocalModels(settings, encoder=lambda: self.encoder)
        fresh = Connections(settings, local_models=local)
        fresh.go_on_from(self.connections)
        self.settings, self.connections, self.local_models = settings, fresh, local
        threading.Thread(target=fresh.look_for_tuned, name="tuned-models", daemon=True).start()

    @property
    def chat_connected(self) -> bool:
        return self.connections.connected

    @property
    def engine_label(self) -> str:
        return self.connections.label

    # --- records ----------------------------------------------------------------------------------

    @cached_property
    def _built_records(self) -> Records:
        from app.records.store import Records

        return Records.open(self._home() / "groundtune.db")

    @property
    def records(self) -> Records:
        """Conversations, feedback and votes; opened at the first use."""
        with self._lock:
            return self._built_records

    def conversation_budget(self, scope: Scope, conversation_id: str) -> Budget | None:
        """What a conversation may still spend; its recorded answers count. None: no limit is set."""
        if self.settings.spending_limit_usd.value is None:
            return None
        spent = self.records.conversations.spent_usd(scope, conversation_id)
        return self.connections.budget(conversation_id, spent_usd=spent)

    # --- modes ------------------------------------------------------------------------------------

    def modes(self) -> tuple[ModeStatus, ...]:
        return tuple(self._mode_status(mode) for mode in MODES)

    def _mode_status(self, mode: Mode) -> ModeStatus:
        label, summary = MODE_LABELS[mode]
        reason = self.connections.missing(mode)
        model = self.connections.tuned_id if reason is None and mode in ("finetuned", "hybrid") else None
        return ModeStatus(
            mode=mode, label=label, summary=summary, available=reason is None, reason=reason, model=model
        )

    def chain(
        self,
        mode: Mode,
        knowledge_base: str = SAMPLE,
        *,
        model: str | None = None,
        budget: Budget | None = None,
        generation: int | None = None,
    ) -> Chain:
        """The chain of a mode. `model`: another than the one that is set; `generation`: another than the active one.

        Raises NoModelConnectedError with the reason where the mode cannot run.
        """
        connections = self.connections if model is None else self._connections_with(mode, model)
        tuned = mode in ("finetuned", "hybrid")
        if tuned and (taught := connections.taught()) is not None:
            return self._taught_chain(mode, taught, connections, knowledge_base, generation, budget)
        chosen = connections.tuned() if tuned else connections.chat()
        chosen = _spending(budget, chosen)
        if chosen is None and (reason := connections.missing(mode)) is not None:
            raise NoModelConnectedError(f"The {MODE_LABELS[mode][0]} mode cannot run. {reason}")
        if mode == "base":
            from chains.base import BaseChain

            return BaseChain(chat_model=chosen)
        if mode == "finetuned":
            from chains.finetuned import FinetunedChain

            return FinetunedChain(chat_model=chosen, system=connections.tuned_system)
        assistant = connections.assistant() if mode == "hybrid" else chosen
        return self._reading_chain(
            mode,
            self._as_it_was(knowledge_base, generation),
            answering=chosen,
            assistant=_spending(budget, assistant),
            judge=_spending(budget, connections.judge() if chosen else None),
        )

    def _taught_chain(
        self,
        mode: Mode,
        taught: TaughtModel,
        connections: Connections,
        knowledge_base: str,
        generation: int | None,
        budget: Budget | None,
    ) -> Chain:
        """By the embedded responder: alone, or over the documents, which a connected chat model then reads."""
        if mode == "finetuned":
            from chains.taught import TaughtChain

            return TaughtChain(taught)
        from chains.hybrid_taught import HybridTaughtChain

        base = self._as_it_was(knowledge_base, generation)
        chat = _spending(budget, connections.assistant())
        judge = _spending(budget, connections.judge() if chat else None)
        return HybridTaughtChain(
            taught,
            quoting=self._reading_chain("rag", base, answering=None, assistant=None, judge=None),
            writing=self._reading_chain("rag", base, answering=chat, assistant=chat, judge=judge)
            if chat
            else None,
            encoder=self.encoder,
        )

    def _reply_fit(self, name: str) -> Calibration:
        from chains.chat_confidence import REPLY_SIGNALS, reply_calibration
        from chains.confidence_fit import calibration_at

        path = self.calibration_file(name, written=True)
        return calibration_at(path, known=REPLY_SIGNALS, otherwise=reply_calibration())

    def _as_it_was(self, name: str, generation: int | None) -> KnowledgeBase | GenerationView:
        base = self.knowledge_base(name)
        if generation is None or generation == base.generation:
            return base
        from loaders.generation_view import GenerationView

        return GenerationView(base, generation)

    def chat_model(self, model_id: str | None = None) -> ConnectedModel | None:
        """The chat model that is set, or the one named in its stead; None: none is connected. Raises SettingsError."""
        if model_id is None:
            return self.connections.chat()
        return self._connections_with("base", model_id).chat()

    def judge(self, model_id: str) -> ConnectedModel:
        """That chat model, to judge an evaluation with, within its spending limit. Raises SettingsError."""
        from app.model_settings import evaluation_budget

        named = self.settings.with_value(self.settings.judge_model.name, model_id, origin="command line")
        model = Connections(named, local_models=self.local_models).judge()
        assert model is not None
        return model.with_budget(evaluation_budget(self.settings))

    def _connections_with(self, mode: Mode, model: str) -> Connections:
        tuned = mode in ("finetuned", "hybrid")
        named = self.settings.finetuned_model if tuned else self.settings.chat_model
        settings = self.settings.with_value(named.name, model, origin="command line")
        return Connections(settings, local_models=self.local_models)

    def _reading_chain(
        self,
        mode: Mode,
        base: KnowledgeBase | GenerationView,
        *,
        answering: ConnectedModel | None,
        assistant: ConnectedModel | None,
        judge: ConnectedModel | None,
    ) -> RagChain:
        from chains.confidence_fit import calibration_at
        from chains.hybrid import HybridChain
        from chains.rag import RagChain

        kind = HybridChain if mode == "hybrid" else RagChain
        return kind(
            base,
            chat_model=answering,
            encoder=self.encoder,
            assistant=assistant,
            judge=judge,
            fit=calibration_at(self.calibration_file(base.name)),
            reply_fit=self._reply_fit(base.name),
            consistency_samples=self.settings.consistency_samples.value or 0,
            quotes_instead=self.settings.fallback_model.value == EMBEDDED_READER,
        )

    # --- knowledge bases --------------------------------------------------------------------------

    def knowledge_bases(self) -> list[KnowledgeBaseInfo]:
        """All of them, by name; one that cannot be opened says why and stands in nobody's way."""
        return self._bases.all()

    def describe(self, name: str) -> KnowledgeBaseInfo:
        return self._bases.describe(name)

    def has_knowledge_base(self, name: str) -> bool:
        return self._bases.has(name)

    def knowledge_base(self, name: str) -> KnowledgeBase:
        """Raises KnowledgeBaseNotFoundError naming those that exist."""
        return self._bases.open(name)

    def create_knowledge_base(self, name: str) -> KnowledgeBase:
        """Raises KnowledgeBaseExistsError when the name is taken, letter case aside."""
        return self._bases.create(name)

    def remove_knowledge_base(self, name: str) -> None:
        """For good. Raises KnowledgeBaseBusyError where another program holds its files (Windows)."""
        self._bases.remove(name)

    def calibration_file(self, name: str, *, written: bool = False) -> Path:
        """Where the fit of its own confidence lies; `written`: the one for answers that a chat model writes."""
        return self._bases.calibration_file(name, written=written)

    def uploads(self, name: str) -> Path:
        """Where files uploaded to it lie until they are searchable, or their retry is given up."""
        return self._bases.uploads(name)

    def unheld_chain(self, knowledge_base: str) -> RagChain:
        """RAG mode that answers whatever its confidence, to be judged: of a model's answers by the fit in use, of
        the embedded reader's by the shipped one, which is where a new fit begins. Checked as an answer to a user is,
        within the spending limit of one evaluation.
        """
        from app.model_settings import evaluation_budget
        from chains.confidence_fit import calibration_at, shipped
        from chains.rag import RagChain

        chat, budget = self.connections.chat(), evaluation_budget(self.settings)
        fit = calibration_at(self.calibration_file(knowledge_base)) if chat else shipped()
        return RagChain(
            self.knowledge_base(knowledge_base),
            chat_model=_spending(budget, chat),
            encoder=self.encoder,
            fit=replace(fit, abstain_below=0.0),
            judge=_spending(budget, self.connections.judge() if chat else None),
            consistency_samples=self.settings.consistency_samples.value or 0,
        )

    # --- the sample company -----------------------------------------------------------------------

    def ensure_sample(self, on_progress: Callable[[FileProgress], None] | None = None) -> IngestReport | None:
        """Loads the sample company once, and what changed in it later; None where it is up to date."""
        fresh = not self.has_knowledge_base(SAMPLE)
        knowledge_base = self._made_sample()
        marker = self.settings.home.value / "sample.json"
        state = {"documents": _folder_state(SAMPLE_DOCUMENTS), "generation": knowledge_base.generation}
        if not fresh and _read_json(marker) == state:
            return None
        report = knowledge_base.ingest([SAMPLE_DOCUMENTS], on_progress=on_progress)
        write_atomically(marker, json.dumps(state).encode())
        return report

    def _made_sample(self) -> KnowledgeBase:
        """Two processes may start at once: whoever comes second takes what the first has made."""
        try:
            return self.create_knowledge_base(SAMPLE)
        except KnowledgeBaseExistsError:
            return self.knowledge_base(SAMPLE)

    def starters(self, name: str) -> list[str]:
        """Three example questions; only the sample company has them."""
        if name != SAMPLE or not SAMPLE_STARTERS.is_file():
            return []
        return list(map(str, json.loads(SAMPLE_STARTERS.read_text("utf-8"))))

    @property
    def default_knowledge_base(self) -> str:
        return SAMPLE

    def forget_old_uploads(self) -> None:
        """Deletes uploads of more than a day ago: failed ones that nobody tried again."""
        for folder in self._home().glob("uploads/*/*"):
            if folder.is_dir() and time.time() - folder.stat().st_mtime > UPLOADS_KEPT_S:
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        with self._lock:
            opened = self.__dict__.pop("_built_records", None)
            if opened is not None:
                opened.close()
        self.local_models.close()
        self._bases.close()


_process_workspace: Workspace | None = None
_process_lock = threading.Lock()


def open_workspace() -> Workspace:
    """The process's workspace, built from the environment at the first call."""
    global _process_workspace  # noqa: PLW0603 - the one composition root of the process
    with _process_lock:
        if _process_workspace is None:
            _process_workspace = Workspace(load_settings())
        return _process_workspace


def _spending(budget: Budget | None, model: ConnectedModel | None) -> ConnectedModel | None:
    return model.with_budget(budget) if model is not None else None


def _read_json(path: Path) -> object:
    """None where there is no such file, or not a whole one."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _folder_state(folder: Path) -> str:
    """Changes when a file of the folder is added, removed, or written."""
    facts = sorted(
        f"{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}"
        for path in folder.rglob("*")
        if path.is_file()
    )
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()
