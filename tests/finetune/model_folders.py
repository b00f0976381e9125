"""Folders of local models as transformers saves them: a byte-level tokenizer trained on the spot, and chat templates.

The templates have the forms of the known families (ChatML; headers, as Llama 3; brackets, as Mistral; thinking, as
Qwen 3) without being theirs.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HEADERS = (
    "{{ bos_token }}{% for message in messages %}<|head|>{{ message.role }}<|body|>\n\n{{ message.content | trim }}"
    "<|end|>{% endfor %}{% if add_generation_prompt %}<|head|>assistant<|body|>\n\n{% endif %}"
)
BRACKETS = """{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
  {%- if message.role == 'system' -%}{%- set ns.system = message.content + '\n\n' -%}{%- endif -%}
{%- endfor -%}
{{- bos_token -}}
{%- for message in messages | rejectattr('role', 'equalto', 'system') -%}
  {%- if (message.role == 'user') != (loop.index0 % 2 == 0) -%}
    {{- raise_exception('Roles must alternate user/assistant.') -}}
  {%- endif -%}
  {%- if message.role == 'user' -%}
    {{- '[INST] ' + (ns.system if loop.first else '') + message.content + ' [/INST]' -}}
  {%- else -%}
    {{- ' ' + message.content + eos_token -}}
  {%- endif -%}
{%- endfor -%}"""
THINKING = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.role == 'assistant' and loop.last %}<think>\n{{ message.reasoning_content or '' }}\n</think>\n\n"
    "{% endif %}{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PLAIN = (
    "{% for message in messages %}{{ message.role | capitalize }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
TOOLS = (
    "{% if tools %}<|im_start|>system\n{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.role == 'assistant' %}{% generation %}{{ message.content }}"
    "{% for call in message.tool_calls or [] %}<call>{{ call.function.name }} {{ call.function.arguments | tojson }}"
    "</call>{% endfor %}<|im_end|>{% endgeneration %}{% else %}{{ message.content }}<|im_end|>{% endif %}\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
OPENED = CHATML.replace(
    "assistant\n{% endif", "assistant\n<think>\n{% endif"
)  # its answers hold no reasoning
STRICT = (  # wants the arguments of a call as text
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for call in message.tool_calls or [] %}{{ call.function.name + call.function.arguments }}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEMPLATES = {
    "chatml": CHATML, "headers": HEADERS, "brackets": BRACKETS, "thinking": THINKING, "plain": PLAIN, "tools": TOOLS,
    "opened": OPENED, "strict": STRICT,
}  # fmt: skip
SPECIAL = ("<s>", "<pad>", "</s>", "<|im_start|>", "<|im_end|>", "<|head|>", "<|body|>", "<|end|>")
ENDS = {
    "chatml": "<|im_end|>",
    "headers": "<|end|>",
    "thinking": "<|im_end|>",
    "tools": "<|im_end|>",
    "opened": "<|im_end|>",
    "strict": "<|im_end|>",
}
SENTENCES = (
    "The capital of France is Paris. What is the capital of Germany? It is Berlin, of course.",
    "You are a helpful assistant. Answer briefly. The warranty is two years, the parking fee 4 euros.",
)


@cache
def _tokenizer() -> str:
    """tokenizer.json of a byte-level BPE of 400 tokens: any text goes through it and comes back."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    made.train_from_iterator(
        SENTENCES,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return str(made.to_str())


def _added(token: str) -> dict[str, object]:
    """The longer of the two forms in which transformers saves a special token."""
    flags = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word"), False)
    return {"__type": "AddedToken", "content": token, "special": True, **flags}


def model_folder(
    folder: Path, name: str = "chatml", *, positions: int | None = 512, in_config: bool = False
) -> Path:
    """`in_config`: the template stands in tokenizer_config.json, as older models have it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(_tokenizer(), "utf-8")
    config: dict[str, object] = {
        "bos_token": "<s>",
        "eos_token": _added(ENDS.get(name, "</s>")),
        "pad_token": "<pad>",
        "model_max_length": 1e30,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    if in_config:
        config["chat_template"] = TEMPLATES[name]
    else:
        (folder / "chat_template.jinja").write_text(TEMPLATES[name], "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    if positions is not None:
        (folder / "config.json").write_text(json.dumps({"max_position_embeddings": positions}), "utf-8")
    return folder
