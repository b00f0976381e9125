"""One base model with adapters side by side, in a process that has torch: loads, switches, generates.

Nothing of the base's or the adapter's code is run (trust_remote_code=False), and only safetensors are read.
"""

from __future__ import annotations

import copy
import gc
import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from errors import DatasetFormatError, LocalModelDamagedError, ModelError
from finetune.chat_template import longest_context
from finetune.probe import count_parameters
from finetune.rendering import TemplateRenderer, folder_renderer
from finetune.serving.adapter_files import WEIGHTS, Architecture, architecture, check_adapter
from finetune.serving.memory import check_room, precision
from finetune.serving.text_stream import TextStream
from finetune.serving.wire import Ask, End, FinishReason, Ready

if TYPE_CHECKING:
    import torch

MOST_ADAPTERS = 16  # that are held at once; the one that was asked longest ago goes first
LONGEST = 1024  # tokens of a reply where nobody says
Device = Literal["auto", "cpu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Adapter:
    name: str  # PEFT's
    renderer: TemplateRenderer


class Engine:
    """Not thread-safe: one reply after another."""

    def __init__(self, folder: Path, *, device: Device = "auto") -> None:
        """Raises ModelError with a sentence where the folder holds no model, or it does not fit."""
        self.folder = folder
        self.architecture: Architecture = architecture(folder)
        self._device = _chosen(device)
        self._precision = precision(folder, self._device)
        check_room(folder, self._precision, self._device)
        self._model: Any = load_base(folder, self.architecture, self._precision).to(self._device).eval()
        self._peft: Any = None
        self._adapters: OrderedDict[str, _Adapter] = OrderedDict()
        self._renderer: TemplateRenderer | None = None
        self._number = 0

    @property
    def ready(self) -> Ready:
        return Ready(
            device=self._device,
            precision=self._precision,
            parameters=count_parameters(self.folder) or 0,
            context=self.context,
        )

    @property
    def context(self) -> int | None:
        return None if self.architecture == "seq2seq" else longest_context(self.folder)

    def reply(self, ask: Ask, say: Callable[[str], None], stopped: Callable[[], bool]) -> End:
        """Says the text as it comes. Raises ModelError or DatasetFormatError where the question cannot be put."""
        with self._switched(ask.adapter) as renderer:
            text = renderer.render(ask.messages, ask.tools, reply=True)
            ids = prompt_ids(renderer, text, self.architecture)
            room = self._room(len(ids), ask.max_tokens)
            ends = end_ids(renderer, self._model)
            return self._generated(
                ask, ids, room, ends, TextStream(renderer.tokenizer.tokenizer, ask.stop), say, stopped
            )

    def _room(self, prompt: int, wanted: int | None) -> int:
        """Tokens that the reply may take."""
        if self.context is None:
            return wanted or LONGEST
        left = self.context - prompt
        if left < 1:
            raise ModelError(
                f"The question takes {prompt:,} tokens and the model holds {self.context:,} in all: ask with less "
                "text, such as a shorter conversation."
            )
        return min(wanted or LONGEST, left)

    def _generated(
        self,
        ask: Ask,
        ids: list[int],
        room: int,
        ends: frozenset[int],
        stream: TextStream,
        say: Callable[[str], None],
        stopped: Callable[[], bool],
    ) -> End:
        import torch

        watch = _Watch(stream, ends, say, stopped, skip=1 if self.architecture == "seq2seq" else len(ids))
        prompt = torch.tensor([ids], device=self._device)
        _seed(ask.seed)
        try:
            with torch.inference_mode():
                self._asked.generate(
                    input_ids=prompt,
                    attention_mask=torch.ones_like(prompt),
                    generation_config=self._config(ask, room, ends),
                    stopping_criteria=[watch],
                )
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            raise ModelError("The graphics card's memory is full: ask with less text.") from None
        say(stream.finish() if watch.reason != "cancelled" else "")
        return End(reason=watch.reason, input_tokens=len(ids), output_tokens=watch.tokens)

    @property
    def _asked(self) -> Any:
        return self._peft if self._peft is not None else self._model

    def _config(self, ask: Ask, room: int, ends: frozenset[int]) -> Any:
        """The model's own, as far as it says how its tokens work; how they are drawn is the question's."""
        config = copy.deepcopy(self._model.generation_config)
        sampled = ask.temperature > 0
        own = {
            "max_new_tokens": room, "max_length": None, "min_length": None, "eos_token_id": sorted(ends),
            "do_sample": sampled, "temperature": ask.temperature if sampled else None,
            "top_p": ask.top_p if sampled else None, "top_k": 0 if sampled else None,
            "num_beams": 1, "repetition_penalty": None, "no_repeat_ngram_size": None, "use_cache": True,
        }  # fmt: skip
        for name, value in own.items():
            setattr(config, name, value)
        if config.pad_token_id is None:
            config.pad_token_id = min(ends, default=0)
        return config

    @contextmanager
    def _switched(self, folder: str | None) -> Iterator[TemplateRenderer]:
        if folder is None:
            with self._peft.disable_adapter() if self._peft is not None else _as_it_is():
                yield self._own_renderer()
            return
        adapter = self._adapter(Path(folder))
        self._peft.set_adapter(adapter.name)
        yield adapter.renderer

    def _own_renderer(self) -> TemplateRenderer:
        if self._renderer is None:
            self._renderer = base_renderer(self.folder, self.architecture)
        return self._renderer

    def _adapter(self, folder: Path) -> _Adapter:
        key = _key(folder)
        if key not in self._adapters:
            self._adapters[key] = self._loaded(folder)
            self._forget()
        self._adapters.move_to_end(key)
        return self._adapters[key]

    def _loaded(self, folder: Path) -> _Adapter:
        check_adapter(folder, self.folder)
        renderer = folder_renderer(folder) if (folder / "tokenizer.json").is_file() else self._own_renderer()
        self._number += 1
        name = f"adapter{self._number}"
        try:
            self._put_on(folder, name)
        except LocalModelDamagedError:
            self._take_off(name)
            raise
        return _Adapter(name=name, renderer=renderer)

    def _put_on(self, folder: Path, name: str) -> None:
        if self._peft is None:
            self._peft = load_adapter(self._model, folder, name)
            return
        _reading(folder, lambda: self._peft.load_adapter(str(folder), adapter_name=name, is_trainable=False))

    def _take_off(self, name: str) -> None:
        """What PEFT had changed in the model before it found the adapter to be unfit."""
        if self._peft is None:
            self._model = load_base(self.folder, self.architecture, self._precision).to(self._device).eval()
        elif name in self._peft.peft_config:
            self._peft.delete_adapter(name)

    def _forget(self) -> None:
        while len(self._adapters) > MOST_ADAPTERS:
            _, old = self._adapters.popitem(last=False)
            self._peft.delete_adapter(old.name)
            gc.collect()


class _Watch:
    """Sees every new token: says its text, and whether to end. Called by `generate` with all ids so far."""

    def __init__(
        self,
        stream: TextStream,
        ends: frozenset[int],
        say: Callable[[str], None],
        stopped: Callable[[], bool],
        *,
        skip: int,
    ) -> None:
        self._stream, self._ends, self._say, self._stopped, self._skip = stream, ends, say, stopped, skip
        self.tokens = 0
        self.reason: FinishReason = "length"

    def __call__(self, input_ids: torch.Tensor, _scores: object, **_: object) -> torch.Tensor:
        import torch

        new: list[int] = input_ids[0, self._skip + self.tokens :].tolist()
        for token in new:
            self._see(token)
        return torch.tensor([self.reason != "length"], device=input_ids.device)

    def _see(self, token: int) -> None:
        self.tokens += 1
        if token in self._ends:
            self.reason = "stop"
            return
        if text := self._stream.push(token):
            self._say(text)
        if self._stream.stopped:
            self.reason = "stop"
        elif self._stopped():
            self.reason = "cancelled"


def base_renderer(folder: Path, kind: Architecture) -> TemplateRenderer:
    """The base's own form; where it has none, the plain one that it would be trained with."""
    try:
        return folder_renderer(folder)
    except DatasetFormatError:
        from finetune.trainers.lora_form import prepare_form

        with tempfile.TemporaryDirectory() as into:
            return prepare_form(folder, Path(into), kind=kind, name=str(folder), template="plain").renderer


def prompt_ids(renderer: TemplateRenderer, text: str, kind: Architecture) -> list[int]:
    """The tokens that a model reads: the rendered text's; an encoder's end with its end of text."""
    ids = renderer.tokenizer.ids(text)
    if kind == "seq2seq":
        eos = _token_id(renderer, renderer.template.special_tokens.get("eos_token"))
        return ids if eos is None or ids[-1:] == [eos] else [*ids, eos]
    return ids


def end_ids(renderer: TemplateRenderer, model: Any) -> frozenset[int]:
    """Tokens that end a reply: the model's own, the tokenizer's, and the one that its template ends an answer with."""
    own = model.generation_config.eos_token_id
    found = set(own if isinstance(own, list) else [] if own is None else [own])
    named = [renderer.template.special_tokens.get("eos_token"), _template_end(renderer)]
    found.update(number for number in (_token_id(renderer, token) for token in named) if number is not None)
    return frozenset(found)


def _template_end(renderer: TemplateRenderer) -> str | None:
    asked: dict[str, Any] = {"role": "user", "content": "a"}
    try:
        opened = renderer.render([asked], None, reply=True)
        text = renderer.render([asked, {"role": "assistant", "content": "b"}], None, reply=False)
    except DatasetFormatError:
        return None
    said = text[len(opened) :].rstrip()
    return next((token for token in renderer.ends if said.endswith(token)), None)


def _token_id(renderer: TemplateRenderer, token: str | None) -> int | None:
    number: int | None = None if token is None else renderer.tokenizer.tokenizer.token_to_id(token)
    return number


def load_base(folder: Path, kind: Architecture, precision: str) -> Any:
    """A model of transformers, from this folder alone. Raises ModelError."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{str(folder)!r} holds no weights as safetensors, and other formats are not read: they can hold code."
        )
    loader = AutoModelForSeq2SeqLM if kind == "seq2seq" else AutoModelForCausalLM
    try:
        return loader.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, trust_remote_code=False,
            dtype=getattr(torch, precision),
        )  # fmt: skip
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, AttributeError) as error:
        raise ModelError(
            f"{str(folder)!r} holds no model that can be loaded: {_first_line(error)}"
        ) from error


def load_adapter(model: Any, folder: Path, name: str) -> Any:
    """The model with one adapter on it. Raises LocalModelDamagedError."""
    from peft import PeftModel

    return _reading(
        folder, lambda: PeftModel.from_pretrained(model, str(folder), adapter_name=name, is_trainable=False)
    )


def _reading(folder: Path, load: Callable[[], Any]) -> Any:
    from safetensors import SafetensorError

    try:
        with warnings.catch_warnings():  # PEFT asks transformers for something by its older name
            warnings.simplefilter("ignore", FutureWarning)
            warnings.filterwarnings("error", message="Found missing adapter keys")  # it would go on without
            return load()
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, UserWarning, SafetensorError) as error:
        raise LocalModelDamagedError(
            f"The tuned model in {str(folder)!r} does not fit its base or is damaged: {_first_line(error)}"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def _key(folder: Path) -> str:
    """Another one where the weights were written anew."""
    try:
        facts = (folder / WEIGHTS).stat()
    except OSError:
        raise LocalModelDamagedError(f"The tuned model in {str(folder)!r} is gone: train it again.") from None
    return f"{folder}:{facts.st_size}:{facts.st_mtime_ns}"


def _seed(seed: int | None) -> None:
    import torch

    if seed is None:
        torch.seed()
    else:
        torch.manual_seed(seed & (2**63 - 1))


def _chosen(device: Device) -> str:
    import torch

    return "cuda" if device == "auto" and torch.cuda.is_available() else "cpu"


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield
