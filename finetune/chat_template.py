"""A local model's chat template, rendered as transformers renders it, without transformers.

The template is code from whoever made the model: it runs in jinja2's immutable sandbox, sees plain JSON values only,
and reaches neither files nor the network. tests/train/test_chat_template.py holds the rendering against transformers'.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errors import DatasetFormatError

if TYPE_CHECKING:
    from jinja2 import Template

# What transformers hands to a template by name, from tokenizer_config.json.
SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
UNLIMITED = 10**9  # transformers writes 1e30 where it knows no limit
_REASONING = ("reasoning_content", "thinking", "reasoning")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTemplate:
    """The compiled templates of one model: the default one, and one for rows with tools where the model has two."""

    folder: str
    compiled: Mapping[str, Template]
    special_tokens: Mapping[str, str]

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None = None,
        *,
        reply: bool = False,
    ) -> str:
        """The text that the model reads. `reply`: with the opening of an answer that is to come.

        Raises DatasetFormatError with the template's own words where it refuses the messages.
        """
        import jinja2

        name = "tool_use" if tools and "tool_use" in self.compiled else "default"
        try:
            return self.compiled[name].render(
                messages=[_with_reasoning(message) for message in messages],
                tools=list(tools) if tools else None,
                documents=None,
                add_generation_prompt=reply,
                **self.special_tokens,
            )
        except (
            jinja2.TemplateError,
            TypeError,
            ValueError,
            KeyError,
            IndexError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            raise DatasetFormatError(
                f"The chat template of {self.folder!r} refuses the row: {error}."
            ) from error


def load_chat_template(
    folder: Path, *, now: Callable[[], datetime.datetime] = datetime.datetime.now
) -> ChatTemplate:
    """From chat_template.jinja (and additional_chat_templates/), else tokenizer_config.json, as transformers looks.

    Raises DatasetFormatError where there is none, or none that can be read.
    """
    import jinja2

    config = read_config(folder / "tokenizer_config.json")
    sources = _files(folder) or _in_config(config.get("chat_template"))
    if "default" not in sources:
        raise DatasetFormatError(
            f"{str(folder)!r} has no chat template: it is a base model without a form for conversations. Put "
            "chat_template.jinja into the folder, or name an instruct model."
        )
    environment = _environment(now)
    try:
        compiled = {name: environment.from_string(source) for name, source in sources.items()}
    except jinja2.TemplateError as error:
        raise DatasetFormatError(f"The chat template of {str(folder)!r} is no template: {error}.") from error
    return ChatTemplate(folder=str(folder), compiled=compiled, special_tokens=_special_tokens(config))


def read_config(path: Path) -> dict[str, Any]:
    """A JSON object of a model's folder; {} where the file is missing. Raises DatasetFormatError."""
    if not path.is_file():
        return {}
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetFormatError(f"{path} is no JSON that can be read ({error}).") from error
    if not isinstance(config, dict):
        raise DatasetFormatError(f"{path} is no JSON object.")
    return config


def longest_context(folder: Path) -> int | None:
    """Tokens that the model takes at once, by its own files; None where they do not say."""
    positions = read_config(folder / "config.json").get("max_position_embeddings")
    length = read_config(folder / "tokenizer_config.json").get("model_max_length")
    known = [
        int(value)
        for value in (positions, length)
        if isinstance(value, int | float) and 0 < value < UNLIMITED
    ]
    return min(known, default=None)


def _files(folder: Path) -> dict[str, str]:
    named = {"default": folder / "chat_template.jinja"} | {
        path.stem: path for path in sorted((folder / "additional_chat_templates").glob("*.jinja"))
    }
    try:
        return {name: path.read_text("utf-8") for name, path in named.items() if path.is_file()}
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetFormatError(
            f"The chat template of {str(folder)!r} cannot be read as UTF-8 ({error})."
        ) from error


def _in_config(value: object) -> dict[str, str]:
    if isinstance(value, str):
        return {"default": value}
    if isinstance(value, list):
        value = {item.get("name"): item.get("template") for item in value if isinstance(item, dict)}
    if isinstance(value, dict):
        return {str(name): text for name, text in value.items() if isinstance(text, str)}
    return {}


def _special_tokens(config: Mapping[str, Any]) -> dict[str, str]:
    tokens: dict[str, str] = {}
    for name in SPECIAL_TOKENS:
        value = config.get(name)
        content = value.get("content") if isinstance(value, dict) else value
        if isinstance(content, str):
            tokens[name] = content
    return tokens


def _with_reasoning(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message's reasoning under the names that templates read, as transformers fills them."""
    reasoning = next((message[key] for key in _REASONING if message.get(key) is not None), None)
    if reasoning is None:
        return dict(message)
    return {"thinking": reasoning, **message, "reasoning_content": reasoning}


def _environment(now: Callable[[], datetime.datetime]) -> Any:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> None:
        raise jinja2.TemplateError(message)

    def tojson(
        value: Any,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        return json.dumps(
            value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_generation_tag(), "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: now().strftime(form)
    return environment


def _generation_tag() -> Any:
    """{% generation %}...{% endgeneration %}, which transformers' masks use: the text between, unchanged."""
    import jinja2.ext
    from jinja2 import nodes
    from jinja2.parser import Parser

    class Generation(jinja2.ext.Extension):
        tags = {"generation"}  # noqa: RUF012 - jinja2's own form

        def parse(self, parser: Parser) -> list[nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    return Generation
