"""The form of what a model reads: its tokenizer and chat template, copied beside the adapter that is trained on them.

Serving renders with this copy, never with the base's own files, so that a model is asked in the very form it was
taught in. `sha256` names the form; two forms of one hash give the same tokens for every conversation.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from errors import DatasetFormatError, TrainingFailedError
from finetune.chat_template import ChatTemplate, longest_context, read_config
from finetune.rendering import TemplateRenderer, folder_renderer
from finetune.trainers.lora_recipe import Kind

FORM_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
)
MORE_TEMPLATES = "additional_chat_templates"
# For causal models that come without a form for conversations; it needs no tokens that they do not know.
PLAIN = """{%- for message in messages -%}
{%- if message.role == 'assistant' -%}{{- 'Assistant: ' + message.content + eos_token + '\\n' -}}
{%- elif message.role == 'user' -%}{{- 'User: ' + message.content + '\\n' -}}
{%- else -%}{{- message.content + '\\n\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- 'Assistant:' -}}{%- endif -%}
"""
# For T5 and FLAN-T5: the encoder reads what was said, the decoder writes the answer. One turn is read bare, as those
# models were taught their tasks.
SEQ2SEQ = """{%- for message in messages -%}
{{- message.content -}}{%- if message.role == 'assistant' -%}{{- eos_token -}}{%- endif -%}{{- '\\n' -}}
{%- endfor -%}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Tokenizer and template of one training. `eos` and `pad` are token ids."""

    folder: Path
    kind: Kind
    renderer: TemplateRenderer
    eos: int
    pad: int
    sha256: str
    context: int | None  # tokens that the model takes at once; None: not said


def prepare_form(
    base: Path, into: Path, *, kind: Kind, name: str, template: Literal["plain"] | None = None
) -> Form:
    """Copies the base's form into the folder `into`; `name` is what errors call the base.

    Raises TrainingFailedError (template_unsupported) where the base has no tokenizer, or no template and none was
    asked for.
    """
    into.mkdir(parents=True, exist_ok=True)
    copy_form(base, into)
    try:
        _complete_tokenizer(base, into)
        _complete_template(into, kind, template)
        return read_form(into, kind=kind, name=name, context=longest_context(base))
    except DatasetFormatError as error:
        raise TrainingFailedError(_said(error, into, name), code="template_unsupported") from error


def read_form(folder: Path, *, kind: Kind, name: str, context: int | None) -> Form:
    """The form that lies in a folder, of an adapter or of a base. Raises DatasetFormatError."""
    renderer = folder_renderer(folder)
    template: ChatTemplate = replace(renderer.template, folder=name)
    eos = _eos(renderer, name)
    return Form(
        folder=folder,
        kind=kind,
        renderer=replace(renderer, name=name, template=template, limit=context),
        eos=eos,
        pad=_pad(renderer, eos),
        sha256=form_sha256(folder),
        context=context,
    )


def copy_form(source: Path, into: Path) -> None:
    for name in FORM_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, into / name)
    if (source / MORE_TEMPLATES).is_dir():
        shutil.copytree(source / MORE_TEMPLATES, into / MORE_TEMPLATES, dirs_exist_ok=True)


def form_sha256(folder: Path) -> str:
    """Of the names and bytes of the form's files in a folder; of nothing else that lies there."""
    files = [folder / name for name in FORM_FILES if (folder / name).is_file()]
    digest = hashlib.sha256()
    for path in [*files, *sorted((folder / MORE_TEMPLATES).glob("*.jinja"))]:
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _complete_tokenizer(base: Path, into: Path) -> None:
    """Older folders hold a SentencePiece model only: transformers writes tokenizer.json from it."""
    if (into / "tokenizer.json").is_file():
        return
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(base), local_files_only=True, trust_remote_code=False)
        tokenizer.save_pretrained(str(into))
    except Exception as error:
        raise DatasetFormatError(
            f"{str(base)!r} has no tokenizer.json, and none could be made of its files "
            f"({type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else 'no reason given'})."
        ) from error


def _complete_template(into: Path, kind: Kind, template: Literal["plain"] | None) -> None:
    has_own = (into / "chat_template.jinja").is_file() or bool(
        read_config(into / "tokenizer_config.json").get("chat_template")
    )
    if template == "plain" or (kind == "seq2seq" and not has_own):
        (into / "chat_template.jinja").write_text(SEQ2SEQ if kind == "seq2seq" else PLAIN, "utf-8")
    elif not has_own:
        raise DatasetFormatError(
            f"{str(into)!r} has no chat template: it is a base model without a form for conversations. Name its "
            'instruct model, put chat_template.jinja into its folder, or train it with "template": "plain" '
            "(--option template=plain), which writes User: and Assistant: before what is said."
        )


def _eos(renderer: TemplateRenderer, name: str) -> int:
    token = renderer.template.special_tokens.get("eos_token")
    number = renderer.tokenizer.tokenizer.token_to_id(token) if token else None
    if number is None:
        raise DatasetFormatError(
            f"The tokenizer of {name!r} names no token that ends a text: set eos_token in tokenizer_config.json."
        )
    return int(number)


def _pad(renderer: TemplateRenderer, eos: int) -> int:
    """Any token will do: what is padded is neither read nor learnt."""
    token = renderer.template.special_tokens.get("pad_token")
    number = renderer.tokenizer.tokenizer.token_to_id(token) if token else None
    return eos if number is None else int(number)


def _said(error: DatasetFormatError, folder: Path, name: str) -> str:
    """The base by its name, where the sentence names the job's copy of its form."""
    return str(error).replace(repr(str(folder)), repr(name)).replace(str(folder), name)
