"""An open model on this machine, tuned or not, as a LangChain chat model.

    local_chat(model, base_folder=folder, python=training_python).invoke("How many days of leave are there?")

With no temperature the likeliest token is always taken: the same question has the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field

from errors import LocalModelNotFoundError, TrainingExtrasMissingError
from finetune.jobs.record import TunedModel
from finetune.serving.adapter_files import read_seal
from finetune.serving.pool import Pool, shared_pool
from finetune.serving.server import Launch
from finetune.serving.wire import Ask, End

HOW_TO_GET_EXTRAS = (
    "Models of this machine are run by the training extras: run `make train-extras`, or install "
    "requirements-train.txt and name that Python in GROUNDTUNE_TRAINING_PYTHON."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBase:
    """An open model as it was published."""

    name: str
    folder: Path


class LocalChat(BaseChatModel):
    """Streams; counts tokens; heeds stop sequences and the stop of an answer."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: str
    launch: Launch
    adapter: Path | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    max_tokens: int | None = None
    pool: Pool = Field(default_factory=shared_pool, exclude=True, repr=False)

    @property
    def _llm_type(self) -> str:
        return "groundtune-local"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        server = self.pool.server(self.launch)
        for part in server.ask(self._ask(messages, stop, kwargs)):
            chunk = self._ended(part) if isinstance(part, End) else _said(part)
            if run_manager is not None:
                run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
            yield chunk

    def _ask(self, messages: Sequence[BaseMessage], stop: list[str] | None, given: dict[str, Any]) -> Ask:
        """What the caller gives for this reply wins over what the model was made with; None counts as not given."""
        said = {name: value for name, value in given.items() if value is not None}
        return Ask(
            id=0,
            messages=convert_to_openai_messages(list(messages)),
            tools=said.get("tools"),
            adapter=str(self.adapter) if self.adapter else None,
            temperature=float(said.get("temperature", self.temperature)),
            top_p=float(said.get("top_p", self.top_p)),
            seed=said.get("seed", self.seed),
            stop=tuple(stop or ()),
            max_tokens=said.get("max_completion_tokens", said.get("max_tokens", self.max_tokens)),
        )

    def _ended(self, end: End) -> ChatGenerationChunk:
        total = end.input_tokens + end.output_tokens
        usage = UsageMetadata(
            input_tokens=end.input_tokens, output_tokens=end.output_tokens, total_tokens=total
        )
        message = AIMessageChunk(
            content="",
            usage_metadata=usage,
            response_metadata={"finish_reason": end.reason, "model_name": self.model},
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message)


def _said(text: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text))


def local_chat(
    model: TunedModel | OpenBase,
    *,
    base_folder: Path | None = None,
    python: Path | None,
    threads: int | None = None,
    pool: Pool | None = None,
) -> LocalChat:
    """`base_folder`: where the base of a tuned model lies; None: where it lay when it was trained.

    `python`: the interpreter that has torch. Nothing is loaded before the first question.
    Raises TrainingExtrasMissingError without one, LocalModelNotFoundError where the base is gone.
    """
    if python is None:
        raise TrainingExtrasMissingError(HOW_TO_GET_EXTRAS)
    adapter = Path(model.folder) if isinstance(model, TunedModel) else None
    folder = model.folder if isinstance(model, OpenBase) else base_folder or _base_of(Path(model.folder))
    name = model.name if isinstance(model, OpenBase) else model.id
    if folder is None or not folder.is_dir():
        base = model.name if isinstance(model, OpenBase) else model.base
        raise LocalModelNotFoundError(
            f"The base of {name!r} is not where it lay ({folder}): put the folder back, or register where {base!r} "
            "lies now."
        )
    launch = Launch(folder=folder, python=python, threads=threads)
    return LocalChat(model=name, launch=launch, adapter=adapter, pool=pool or shared_pool())


def _base_of(adapter: Path) -> Path | None:
    seal = read_seal(adapter)
    return Path(seal.base_folder) if seal is not None else None
