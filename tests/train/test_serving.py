"""Open models asked on this machine: a real process, real adapters side by side, stops, crashes, refusals."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage

from chains.cancelling import Cancellation
from errors import (
    LocalModelDamagedError,
    LocalModelNotFoundError,
    ModelError,
    ProviderError,
    StoppedError,
    TrainingExtrasMissingError,
)
from finetune.jobs.record import TunedModel
from finetune.serving.adapter_files import SEAL, WEIGHTS, check_adapter
from finetune.serving.chat import LocalChat, OpenBase, local_chat
from finetune.serving.engine import Engine, base_renderer, load_adapter, load_base, prompt_ids
from finetune.serving.pool import Pool
from finetune.serving.server import Server
from finetune.serving.wire import Ask, End
from tests.train.served_models import CONTEXT, adapter, causal_base, launch, seq2seq_base

ASKED = [{"role": "user", "content": "What is the parking fee?"}]
QUESTION = [HumanMessage("What is the parking fee?")]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return causal_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory, base: Path) -> list[Path]:
    return [adapter(tmp_path_factory.mktemp("adapter"), base, seed=seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool()
    yield made
    made.close()


def chat(pool: Pool, base: Path, tuned: Path | None = None, **given: object) -> LocalChat:
    given = {"max_tokens": 12, **given}
    return LocalChat(model="tiny", launch=launch(base), adapter=tuned, pool=pool, **given)


def transformers_says(base: Path, tuned: Path | None, tokens: int) -> str:
    """Greedy decoding by transformers alone, of the template applied by transformers."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    model = load_base(base, "causal", "float32")
    if tuned is not None:
        model = load_adapter(model, tuned, "one")
    ids = tokenizer.apply_chat_template(
        ASKED, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    ends = [2, tokenizer.eos_token_id]
    with torch.inference_mode():
        said = model.generate(
            **ids, max_new_tokens=tokens, do_sample=False, eos_token_id=ends, pad_token_id=1
        )
    text: str = tokenizer.decode(said[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
    return text


def test_base_and_adapters_side_by_side_answer_as_transformers_does(
    base: Path, adapters: list[Path], pool: Pool
) -> None:
    said = {}
    for tuned in [None, *adapters, None, *adapters]:
        text = str(chat(pool, base, tuned).invoke(QUESTION).content)
        assert said.setdefault(tuned, text) == text, "asked again after another adapter"
        assert text == transformers_says(base, tuned, 12)
    assert len(set(said.values())) == 3


def test_text_streams_with_usage_and_a_reason_at_its_end(base: Path, pool: Pool) -> None:
    chunks = list(chat(pool, base).stream(QUESTION))
    assert len(chunks) > 3
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert isinstance(whole, AIMessageChunk)
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == 12
    assert whole.usage_metadata["input_tokens"] > 10
    assert whole.response_metadata["finish_reason"] == "length"
    assert whole.content == chat(pool, base).invoke(QUESTION).content


def test_a_seed_repeats_what_was_drawn(base: Path, pool: Pool) -> None:
    def drawn(seed: int | None) -> str:
        return str(chat(pool, base, temperature=1.5, seed=seed, max_tokens=24).invoke(QUESTION).content)

    assert drawn(7) == drawn(7)
    assert len({drawn(seed) for seed in range(4)}) > 1
    assert drawn(None) != drawn(None)
    assert chat(pool, base, temperature=1.0, top_p=1e-6, seed=3).invoke(QUESTION) is not None
    sure = chat(pool, base, temperature=1.0, top_p=1e-6, seed=3).invoke(QUESTION).content
    assert sure == chat(pool, base).invoke(QUESTION).content, "top_p near 0 leaves the likeliest token alone"


def test_a_stop_sequence_ends_the_text_before_it(base: Path, pool: Pool) -> None:
    text = str(chat(pool, base).invoke(QUESTION).content)
    stop = text[4:7]
    ended = chat(pool, base).invoke(QUESTION, stop=[stop, "never written"])
    assert ended.content == text[: text.index(stop)]
    assert ended.response_metadata["finish_reason"] == "stop"


def test_arguments_of_one_reply_win(base: Path, pool: Pool) -> None:
    reply = chat(pool, base).invoke(QUESTION, max_tokens=3, temperature=None)
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["output_tokens"] == 3


def test_a_stopped_answer_leaves_the_process_to_the_next(base: Path, pool: Pool) -> None:
    stop = Cancellation()
    model = chat(pool, base, max_tokens=400)
    with stop.applies(), pytest.raises(StoppedError):
        for number, _ in enumerate(model.stream(QUESTION)):
            if number == 2:
                stop.cancel()
    left = model.stream(QUESTION)
    next(left)
    left.close()
    server = pool.server(launch(base))
    assert not server.busy
    before = server.pid
    assert chat(pool, base).invoke(QUESTION).content
    assert server.pid == before


def test_many_ask_at_once(base: Path, adapters: list[Path], pool: Pool) -> None:
    expected = {tuned: chat(pool, base, tuned).invoke(QUESTION).content for tuned in (None, *adapters)}
    wrong: list[object] = []

    def ask(tuned: Path | None) -> None:
        if (said := chat(pool, base, tuned).invoke(QUESTION).content) != expected[tuned]:
            wrong.append((tuned, said))

    threads = [threading.Thread(target=ask, args=(tuned,)) for tuned in (None, *adapters) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_too_long_a_question_is_one_sentence(base: Path, pool: Pool) -> None:
    with pytest.raises(ModelError, match=rf"holds {CONTEXT} in all"):
        chat(pool, base).invoke([HumanMessage("é" * CONTEXT)])
    tokens = chat(pool, base, max_tokens=None).invoke([HumanMessage("z" * (CONTEXT - 80))]).usage_metadata
    assert tokens is not None
    assert tokens["total_tokens"] <= CONTEXT


def test_what_the_template_refuses_is_one_sentence(base: Path, tmp_path: Path, pool: Pool) -> None:
    strict = adapter(tmp_path / "strict", causal_base(tmp_path / "base", template="brackets"), sealed=False)
    for name in ("chat_template.jinja", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tmp_path / "base" / name, strict / name)
    with pytest.raises(ModelError, match="Roles must alternate"):
        chat(pool, base, strict).invoke([HumanMessage("a"), HumanMessage("b")])
    assert chat(pool, base, strict).invoke([SystemMessage("Be brief."), HumanMessage("a")]) is not None


def test_a_base_without_a_form_is_asked_in_the_plain_one(tmp_path: Path) -> None:
    bare = causal_base(tmp_path)
    (bare / "chat_template.jinja").unlink()
    assert base_renderer(bare, "causal").render(ASKED, None, reply=True).endswith("fee?\nAssistant:")
    assert base_renderer(bare, "seq2seq").render(ASKED, None, reply=True) == "What is the parking fee?\n"


def test_a_killed_process_is_one_sentence_and_the_next_question_has_a_new_one_without_secrets(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("HF_TOKEN", "hf-secret")
    server = Server(launch(base))
    parts = server.ask(Ask(id=0, messages=ASKED, max_tokens=450))
    next(parts)
    assert server.pid is not None
    os.killpg(server.pid, signal.SIGKILL)
    with pytest.raises(ProviderError, match="was killed, most likely for want of memory"):
        list(parts)
    assert isinstance(list(server.ask(Ask(id=0, messages=ASKED, max_tokens=3)))[-1], End)
    environment = Path(f"/proc/{server.pid}/environ")
    if environment.exists():
        told = environment.read_text()
        assert "secret" not in told
        assert "HF_HUB_OFFLINE=1" in told
    server.close()
    assert server.pid is None


def test_an_idle_process_ends_and_comes_back(base: Path) -> None:
    server = Server(launch(base, idle_s=0.05))
    assert isinstance(list(server.ask(Ask(id=0, messages=ASKED, max_tokens=2)))[-1], End)
    running = server._running
    assert running is not None
    assert running._process.wait(30) == 0
    assert isinstance(list(server.ask(Ask(id=0, messages=ASKED, max_tokens=2)))[-1], End)
    server.close()


def test_an_adapter_is_refused_with_other_files_than_it_was_trained_with(base: Path, tmp_path: Path) -> None:
    def spoiled(name: str, content: bytes) -> Path:
        folder = adapter(tmp_path / name, base)
        (folder / name).write_bytes(content)
        return folder

    engine = Engine(base, device="cpu")
    plain = Ask(id=1, messages=ASKED, max_tokens=6)
    before: list[str] = []
    engine.reply(plain, before.append, lambda: False)
    cases = {
        "chat_template.jinja": (b"{{ messages }}", "chat template"),
        "tokenizer.json": (b"{}", "tokenizer"),
        SEAL: (b"[]", "cannot be read"),
        WEIGHTS: (b"\x02\0\0\0\0\0\0\0{}", "does not fit its base or is damaged"),
    }
    for name, (content, said) in cases.items():
        ask = Ask(id=1, messages=ASKED, adapter=str(spoiled(name, content)))
        with pytest.raises(LocalModelDamagedError, match=said):
            engine.reply(ask, print, lambda: False)
    other = causal_base(tmp_path / "other", seed=2)
    with pytest.raises(LocalModelDamagedError, match="is not the 'tiny' that was tuned"):
        check_adapter(adapter(tmp_path / "of base", base), other)
    for tuned in (None, adapter(tmp_path / "whole", base)):
        after: list[str] = []
        engine.reply(replace(plain, adapter=tuned and str(tuned)), after.append, lambda: False)
        assert (after == before) is (tuned is None), "what was refused left no trace in the model"


def test_a_model_that_is_none_is_one_sentence(tmp_path: Path, pool: Pool) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="holds no weights as safetensors"):
        chat(pool, tmp_path).invoke(QUESTION)


def test_an_encoder_decoder_answers_as_transformers_does(tmp_path: Path, pool: Pool) -> None:
    import torch

    folder = seq2seq_base(tmp_path / "t5")
    tuned = adapter(tmp_path / "t5 adapter", folder)
    engine = Engine(folder, device="cpu")
    model = load_adapter(load_base(folder, "seq2seq", "float32"), tuned, "one")
    renderer = engine._own_renderer()
    ids = prompt_ids(renderer, renderer.render(ASKED, None, reply=True), "seq2seq")
    assert ids[-1] == 2
    with torch.inference_mode():
        said = model.generate(input_ids=torch.tensor([ids]), max_new_tokens=8, do_sample=False)
    expected = renderer.tokenizer.tokenizer.decode(said[0].tolist())
    assert chat(pool, folder, tuned, max_tokens=8).invoke(QUESTION).content == expected
    assert chat(pool, folder, max_tokens=8).invoke(QUESTION).content != expected


def test_local_chat_of_the_registry(base: Path, adapters: list[Path], pool: Pool, tmp_path: Path) -> None:
    python = launch(base).python
    tuned = TunedModel(
        id="ft:tiny:groundtune::1",
        job_id="j",
        base="tiny",
        trainer="lora",
        folder=str(adapters[0]),
        created_at=0.0,
    )
    model = local_chat(tuned, python=python, pool=pool, threads=1)
    assert (model.launch.folder, model.model) == (base, tuned.id)
    assert local_chat(OpenBase(name="tiny", folder=base), python=python).adapter is None
    with pytest.raises(TrainingExtrasMissingError, match="make train-extras"):
        local_chat(tuned, python=None)
    with pytest.raises(LocalModelNotFoundError, match="put the folder back"):
        local_chat(tuned, base_folder=tmp_path / "gone", python=python)


def test_the_pool_ends_the_base_that_was_asked_longest_ago(base: Path, tmp_path: Path) -> None:
    pool = Pool(most=1)
    other = causal_base(tmp_path / "other", seed=2)
    first = pool.server(launch(base))
    list(first.ask(Ask(id=0, messages=ASKED, max_tokens=1)))
    second = pool.server(launch(other))
    assert first.pid is None
    assert pool.server(launch(other)) is second
    pool.close()
