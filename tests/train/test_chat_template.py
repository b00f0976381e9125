"""Our rendering and masks against transformers' own: the same text, the same tokens, the same learnt ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from errors import DatasetFormatError
from finetune.masks import rendered, trained_flags
from finetune.probe import count_parameters, measure_passes
from finetune.rendering import folder_renderer
from finetune.tokens import FolderTokenizer
from tests.finetune.model_folders import TEMPLATES, model_folder

SYSTEM = {"role": "system", "content": "Be brief. é🎉 <b>&</b>"}
ASKED = {"role": "user", "content": "Capital of France?\n\n  Say it.  "}
SAID = {"role": "assistant", "content": "Paris."}
BERLIN = {"role": "assistant", "content": "Berlin, of course."}
CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "find", "arguments": {"q": "é", "n": 1.5}}}
    ],
}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "42"}
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
CONVERSATIONS: dict[str, list[dict[str, Any]]] = {
    "one turn": [ASKED, SAID],
    "with a system message": [SYSTEM, ASKED, SAID],
    "two turns": [SYSTEM, ASKED, SAID, ASKED, BERLIN],
    "reasoning": [ASKED, SAID | {"reasoning_content": "It is known."}],
    "reasoning by its older name": [ASKED, SAID | {"thinking": "It is known."}],
    "a question alone": [ASKED],
}
OTHER = {
    "loop controls": "{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}{{ m.content }}{% endfor %}",
    "tojson": "{{ messages | tojson(indent=2) }}",
    "special tokens": "{{ bos_token }}{{ eos_token }}{{ unk_token }}|{{ pad_token }}",
    "blocks are trimmed": "a\n  {% if true %}\n  b\n  {% endif %}\nc",
    "no documents": "{{ documents is none }} {{ tools is none }} {{ add_generation_prompt }}",
}


@pytest.mark.parametrize("reply", [False, True], ids=["whole", "with the opening of a reply"])
@pytest.mark.parametrize("conversation", CONVERSATIONS)
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_same_text_and_tokens(name: str, conversation: str, reply: bool, tmp_path: Path) -> None:
    ours = folder_renderer(model_folder(tmp_path, name))
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    messages = CONVERSATIONS[conversation]
    text = theirs.apply_chat_template(messages, tokenize=False, add_generation_prompt=reply)
    assert ours.render(messages, None, reply=reply) == text
    assert isinstance(ours.tokenizer, FolderTokenizer)
    ids = theirs.apply_chat_template(messages, add_generation_prompt=reply, return_dict=True)["input_ids"]
    assert ours.tokenizer.ids(text) == ids


@pytest.mark.parametrize("source", OTHER.values(), ids=OTHER)
def test_the_same_environment(source: str, tmp_path: Path) -> None:
    (model_folder(tmp_path) / "chat_template.jinja").write_text(source)
    theirs = AutoTokenizer.from_pretrained(tmp_path).apply_chat_template([ASKED, SAID], tokenize=False)
    assert folder_renderer(tmp_path).render([ASKED, SAID], None, reply=False) == theirs


@pytest.mark.parametrize(
    "messages",
    [[ASKED, SAID], [SYSTEM, ASKED, SAID, ASKED, BERLIN], [ASKED, CALL, RESULT, SAID]],
    ids=["one turn", "two turns", "tool calls"],
)
def test_the_mask_is_that_of_generation_tags(messages: list[dict[str, Any]], tmp_path: Path) -> None:
    """The "tools" template marks its answers for transformers; prefix differences find the same tokens without."""
    ours = folder_renderer(model_folder(tmp_path, "tools"))
    theirs = AutoTokenizer.from_pretrained(tmp_path).apply_chat_template(
        messages, tools=[TOOL], return_dict=True, return_assistant_tokens_mask=True
    )
    (text,) = rendered({"messages": messages, "tools": [TOOL]}, ours)
    flags = [flag is not None for flag in trained_flags(ours.tokenizer.spans(text.text), text.trained)]
    assert flags == [bool(one) for one in theirs["assistant_masks"]]
    assert any(flags)


def test_a_template_that_refuses_a_row_says_so_in_both(tmp_path: Path) -> None:
    ours = folder_renderer(model_folder(tmp_path, "brackets"))
    with pytest.raises(Exception, match="Roles must alternate"):
        AutoTokenizer.from_pretrained(tmp_path).apply_chat_template([ASKED, ASKED], tokenize=False)
    with pytest.raises(DatasetFormatError, match="Roles must alternate"):
        ours.render([ASKED, ASKED], None, reply=False)


def test_the_probe_trains_a_real_model(tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    config = LlamaConfig(
        vocab_size=400, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    assert count_parameters(folder) == model.num_parameters()
    passes = measure_passes(folder, [[5, 6, 7, 8] * 8, [9, 10] * 4], seconds=0.05)
    assert passes.tokens >= 32
    assert passes.tokens_a_second > 0
    assert passes.peak_gb > 0.05


def test_a_folder_without_a_causal_model_is_one_sentence(tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    (folder / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(DatasetFormatError, match="no causal language model"):
        measure_passes(folder, [[1, 2]], seconds=0.01)
