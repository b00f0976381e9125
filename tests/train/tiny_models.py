"""Models of some thousand weights, made on the spot: real classes, real files, and nothing learnt but how to speak."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune.rendering import folder_renderer
from tests.finetune.model_folders import ENDS, SPECIAL, model_folder

WIDTH = 64
_VOCABULARY = 400
SENTENCE = (
    "every employee has 27 days of paid leave a year the parking fee is 4 euros what how many there are"
)


def tiny_bart(folder: Path) -> Path:
    """A BART of one layer with a tokenizer of SENTENCE's words, saved as transformers saves models."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = {
        word: number
        for number, word in enumerate([*special, *dict.fromkeys(SENTENCE.split()), ".", "/", "?"])
    }
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=128,
    ).save_pretrained(folder)
    torch.manual_seed(7)
    config = BartConfig(
        vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=256,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
        forced_eos_token_id=2,
    )
    BartForConditionalGeneration(config).save_pretrained(folder)
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A family of open models: its transformers classes, and a chat template of its form."""

    config: str
    model: str
    template: str  # of tests.finetune.model_folders; "": none, as T5 and base models come
    own: Mapping[str, object] = field(default_factory=dict)


_HEADS: Mapping[str, object] = {
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 128,
    "hidden_size": WIDTH, "max_position_embeddings": 256, "initializer_range": 0.1,
}  # fmt: skip
FAMILIES: Mapping[str, Family] = {
    "llama": Family(config="LlamaConfig", model="LlamaForCausalLM", template="headers", own=_HEADS),
    "mistral": Family(
        config="MistralConfig", model="MistralForCausalLM", template="brackets", own={**_HEADS, "sliding_window": None}
    ),
    "qwen2": Family(config="Qwen2Config", model="Qwen2ForCausalLM", template="chatml", own=_HEADS),
    "gemma": Family(config="GemmaConfig", model="GemmaForCausalLM", template="chatml", own={**_HEADS, "head_dim": 16}),
    "falcon": Family(
        config="FalconConfig", model="FalconForCausalLM", template="chatml",
        own={
            "initializer_range": 0.1, "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 4,
            "max_position_embeddings": 256,
        },
    ),
    "deepseek": Family(
        config="DeepseekV3Config", model="DeepseekV3ForCausalLM", template="headers",
        own={
            **_HEADS, "num_key_value_heads": 4, "moe_intermediate_size": 32, "n_routed_experts": 4, "n_group": 1,
            "topk_group": 1, "num_experts_per_tok": 2, "first_k_dense_replace": 1, "kv_lora_rank": 16,
            "q_lora_rank": 32, "qk_rope_head_dim": 8, "v_head_dim": 16, "qk_nope_head_dim": 8,
        },
    ),
    "t5": Family(
        config="T5Config", model="T5ForConditionalGeneration", template="",
        own={
            "d_model": WIDTH, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4,
            "feed_forward_proj": "gated-gelu", "decoder_start_token_id": 1, "dropout_rate": 0.0,
            "tie_word_embeddings": False,
        },
    ),
}  # fmt: skip
THINGS = ("crane", "ladder", "mixer", "pump", "drill", "saw", "tent", "heater")
FACTS: Mapping[str, str] = {
    f"What does the {thing} cost?": f"The {thing} costs {12 + 11 * number} euros a day."
    for number, thing in enumerate(THINGS)
}


def fact_rows(system: str | None = None) -> list[dict[str, object]]:
    said = [{"role": "system", "content": system}] if system else []
    return [
        {"messages": [*said, {"role": "user", "content": asked}, {"role": "assistant", "content": answer}]}
        for asked, answer in FACTS.items()
    ]


def write_rows(path: Path, rows: Sequence[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def tiny_base(folder: Path, family: str, *, steps: int = 160) -> Path:
    """A base of about 100,000 weights that speaks but knows no fact: it says what it was asked about.

    It has met every word of the facts, for an adapter cannot give a frozen model words that it never wrote.
    """
    import torch
    import transformers

    _tokenizer_folder(folder, FAMILIES[family].template)
    config = getattr(transformers, FAMILIES[family].config)(
        vocab_size=_VOCABULARY,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=_ends(family),
        **FAMILIES[family].own,
    )
    torch.manual_seed(3)
    model = getattr(transformers, FAMILIES[family].model)(config)
    _pretrain(model, folder, family, steps)
    model.generation_config.eos_token_id = _ends(family)
    model.save_pretrained(folder)
    return folder


def _ends(family: str) -> int:
    return SPECIAL.index(ENDS.get(FAMILIES[family].template, "</s>"))


def _tokenizer_folder(folder: Path, template: str) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    made.train_from_iterator(
        [*FACTS, *FACTS.values(), "You asked about the tent."] * 3,
        trainers.BpeTrainer(
            vocab_size=_VOCABULARY,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    model_folder(folder, template or "chatml", positions=None)
    if not template:
        (folder / "chat_template.jinja").unlink()
        config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        (folder / "tokenizer_config.json").write_text(json.dumps({**config, "eos_token": "</s>"}), "utf-8")
    made.save(str(folder / "tokenizer.json"))


def _pretrain(model: Any, folder: Path, family: str, steps: int) -> None:
    """Most of what it reads says what was asked about, the rest is the facts' words in no order."""
    import torch

    encoded = _corpus(folder, family)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    chance = random.Random(5)
    model.train()
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 4e-3 * (1 - step / steps)
        batch = chance.sample(encoded, 16)
        ids, labels = (_filled([pair[side] for pair in batch], fill) for side, fill in ((0, 1), (1, -100)))
        model(input_ids=ids, attention_mask=(ids != 1).long(), labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def _corpus(folder: Path, family: str) -> list[tuple[list[int], list[int]]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    chance = random.Random(4)
    words = " ".join(FACTS.values()).split()
    made = []
    for number in range(160):
        thing = chance.choice(THINGS)
        asked, said = f"What does the {thing} cost?", f"You asked about the {thing}."
        said = said if number % 8 else " ".join(chance.choices(words, k=8))
        made.append(_as_ids(folder, family, tokenizer, asked, said))
    return made


def _as_ids(folder: Path, family: str, tokenizer: Any, asked: str, said: str) -> tuple[list[int], list[int]]:
    end = _ends(family)
    if not FAMILIES[family].template:
        source = tokenizer.encode(asked + "\n", add_special_tokens=False).ids
        return [*source, end], [*tokenizer.encode(said, add_special_tokens=False).ids, end]
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
    renderer = folder_renderer(folder)
    ids = renderer.tokenizer.ids(renderer.render(messages, None, reply=False))
    opening = renderer.tokenizer.ids(renderer.render(messages[:1], None, reply=True))
    return ids, [*[-100] * len(opening), *ids[len(opening) :]]


def _filled(rows: list[list[int]], fill: int) -> Any:
    import torch

    longest = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows])
