"""Models and adapters of a few thousand weights for serving, merging and exporting: real files, nothing learnt.

An adapter's weights are drawn large enough that it answers otherwise than its base.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from finetune.serving.adapter_files import seal_adapter
from finetune.serving.server import Launch
from tests.finetune.model_folders import model_folder

CONTEXT = 512


def causal_base(folder: Path, *, template: str = "chatml", seed: int = 1) -> Path:
    """A Llama of two layers."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    model_folder(folder, template)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=400, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, tie_word_embeddings=False, max_position_embeddings=CONTEXT, initializer_range=0.5,
        bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def seq2seq_base(folder: Path) -> Path:
    """A T5 of two layers whose form of a conversation is its text."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    model_folder(folder, "plain", positions=None)
    torch.manual_seed(1)
    config = T5Config(
        vocab_size=400, d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, decoder_start_token_id=1,
        pad_token_id=1, eos_token_id=2, initializer_factor=5.0,
    )  # fmt: skip
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def adapter(folder: Path, base: Path, *, seed: int = 1, scale: float = 0.5, sealed: bool = True) -> Path:
    """A LoRA adapter of rank 4 on every linear layer, as training leaves it."""
    import torch
    from peft import LoraConfig, get_peft_model

    from finetune.serving.adapter_files import architecture
    from finetune.serving.engine import load_base

    kind = architecture(base)
    config = LoraConfig(
        r=4,
        lora_alpha=8,
        target_modules="all-linear",
        task_type="CAUSAL_LM" if kind == "causal" else "SEQ_2_SEQ_LM",
    )
    with warnings.catch_warnings():  # PEFT asks transformers by an older name
        warnings.simplefilter("ignore", FutureWarning)
        model = get_peft_model(load_base(base, kind, "float32"), config)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                weights.normal_(0, scale)
    model.save_pretrained(folder)
    if sealed:
        seal_adapter(folder, base="tiny", base_folder=base)
    return folder


def launch(base: Path, *, idle_s: float = 60.0) -> Launch:
    return Launch(folder=base, python=Path(sys.executable), threads=1, device="cpu", idle_s=idle_s)
