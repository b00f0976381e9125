"""Rows as what is trained: the tokens and marks are those of finetune.masks, no answer is cut, nothing goes unsaid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from errors import TrainingFailedError
from finetune.masks import mask
from finetune.trainers.lora_data import UNLEARNT, Found, read_examples, read_pairs
from finetune.trainers.lora_form import Form, form_sha256, prepare_form
from finetune.trainers.lora_recipe import Kind, TooLong
from tests.finetune.model_folders import TEMPLATES, model_folder

ASKED = {"role": "user", "content": "What is the capital of France?"}
SAID = {"role": "assistant", "content": "The capital of France is Paris."}
LONG = {"role": "assistant", "content": "Of course. " * 60}
ROW = {"messages": [ASKED, SAID]}


def form_of(folder: Path, name: str = "chatml", kind: Kind = "causal", positions: int | None = 512) -> Form:
    base = model_folder(folder / "base", name, positions=positions)
    return prepare_form(base, folder / "form", kind=kind, name="acme")


def read(
    folder: Path, form: Form, rows: Sequence[Any], max_length: int | None = None, too_long: TooLong = "refuse"
) -> Found:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return read_examples(path, form, max_length=max_length, too_long=too_long)


def words(form: Form, ids: Sequence[int]) -> str:
    return str(form.renderer.tokenizer.tokenizer.decode(list(ids), skip_special_tokens=False))


@pytest.mark.parametrize("name", sorted(set(TEMPLATES) - {"opened"}))
def test_what_the_page_marks_is_what_is_trained(name: str, tmp_path: Path) -> None:
    form = form_of(tmp_path, name)
    rows = [ROW, {"messages": [ASKED, SAID, ASKED, {**SAID, "weight": 0}, ASKED, SAID]}]
    found = read(tmp_path, form, rows)
    shown = [part for row in rows for part in mask(row, form.renderer)]
    assert [(len(one.ids), one.learnt) for one in found.examples] == [
        (part.tokens, part.trained_tokens) for part in shown
    ]
    for one, part in zip(found.examples, shown, strict=True):
        learnt = words(form, [label for label in one.labels if label != UNLEARNT])
        assert learnt == "".join(piece.text for piece in part.pieces if piece.trained)
        assert all(label in (UNLEARNT, number) for number, label in zip(one.ids, one.labels, strict=True))


@pytest.mark.parametrize(
    ("row", "learnt"),
    [
        pytest.param({"messages": [ASKED, SAID]}, "The capital of France is Paris.<|im_end|>", id="chat"),
        pytest.param({"prompt": "2 + 2 =", "completion": " 4"}, " 4<|im_end|>", id="completion"),
        pytest.param({"text": "All of it."}, "All of it.<|im_end|>", id="text"),
    ],
)
def test_what_is_learnt(row: dict[str, Any], learnt: str, tmp_path: Path) -> None:
    form = form_of(tmp_path)
    (one,) = read(tmp_path, form, [row]).examples
    assert words(form, [label for label in one.labels if label != UNLEARNT]) == learnt


def test_a_seq2seq_model_reads_the_question_and_writes_the_answer(tmp_path: Path) -> None:
    """T5 comes without a template: one of ours is written into the form, beside the adapter later."""
    base = model_folder(tmp_path / "base", positions=None)
    (base / "chat_template.jinja").unlink()
    form = prepare_form(base, tmp_path / "form", kind="seq2seq", name="flan")
    rows = [{"messages": [{"role": "system", "content": "Be brief."}, ASKED, SAID, ASKED, SAID]}]
    first, second = read(tmp_path, form, rows).examples
    end = "<|im_end|>"
    assert words(form, first.ids) == f"Be brief.\n{ASKED['content']}\n{end}"
    assert words(form, first.labels) == f"{SAID['content']}{end}"
    assert (
        words(form, second.ids)
        == f"Be brief.\n{ASKED['content']}\n{SAID['content']}{end}\n{ASKED['content']}\n{end}"
    )
    assert second.labels == first.labels


class TestTooLong:
    def test_an_answer_is_never_cut(self, tmp_path: Path) -> None:
        form = form_of(tmp_path, positions=200)
        with pytest.raises(
            TrainingFailedError,
            match=r"Rows 2, 3 of training_file are longer than the 200 tokens.*would be cut",
        ) as refused:
            read(tmp_path, form, [ROW, {"messages": [ASKED, LONG]}, {"messages": [ASKED, LONG]}])
        assert (refused.value.code, refused.value.param) == ("invalid_training_file", "training_file")

    def test_rows_are_left_out_where_that_was_asked_for(self, tmp_path: Path) -> None:
        found = read(
            tmp_path, form_of(tmp_path, positions=200), [ROW, {"messages": [ASKED, LONG]}], too_long="drop"
        )
        assert (found.dropped, [one.row for one in found.examples]) == ((2,), [1])
        assert any("Row 2 is left out as longer" in sentence for sentence in found.sentences())

    def test_what_follows_the_last_answer_may_be_cut(self, tmp_path: Path) -> None:
        row = {"messages": [ASKED, SAID, {"role": "user", "content": "Thank you. " * 80}]}
        (one,) = (found := read(tmp_path, form_of(tmp_path, positions=100), [row])).examples
        assert (found.truncated, len(one.ids), len(one.labels)) == ((1,), 100, 100)
        assert one.learnt == read(tmp_path, form_of(tmp_path), [row]).learnt

    def test_more_than_the_model_takes_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(TrainingFailedError, match="takes 512 tokens at once"):
            read(tmp_path, form_of(tmp_path), [ROW], max_length=600)


@pytest.mark.parametrize(
    ("rows", "code", "said"),
    [
        pytest.param([{"messages": [ASKED, {**SAID, "weight": 0}]}], "zero_trained_tokens", "No token", id="weight 0"),
        pytest.param([{"messages": [ASKED]}], "zero_trained_tokens", "No token", id="no answer"),
        pytest.param(  # the token " 4" begins in the prompt, so only the end would be left to learn
            [{"prompt": "2 + 2 = ", "completion": "4"}], "zero_trained_tokens", "No token", id="within a token"
        ),
        pytest.param([ROW, {"nothing": 1}], "invalid_training_file", "Row 2", id="no row"),
        pytest.param(
            [{"input": {"messages": [ASKED]}, "preferred_output": [SAID], "non_preferred_output": [LONG]}],
            "invalid_training_file", "need the method dpo", id="preferences",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_on(rows: list[Any], code: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingFailedError, match=said) as refused:
        read(tmp_path, form_of(tmp_path), rows)
    assert refused.value.code == code


def test_rows_that_teach_nothing_are_counted(tmp_path: Path) -> None:
    found = read(tmp_path, form_of(tmp_path), [ROW, {"messages": [ASKED, {**SAID, "weight": 0}]}])
    assert (found.unlearnt, len(found.examples)) == ((2,), 1)
    assert any("Row 2 is left out: nothing" in sentence for sentence in found.sentences())


@pytest.mark.parametrize(
    ("systems", "expected"),
    [
        (["Be brief.", "Be brief."], "Be brief."),
        (["Be brief.", "Be long."], None),
        (["Be brief.", None], None),
    ],
    ids=["the same", "two", "one without"],
)
def test_a_system_message_that_all_rows_share_is_kept(
    systems: list[str | None], expected: str | None, tmp_path: Path
) -> None:
    rows = [
        {"messages": [*([{"role": "system", "content": said}] if said else []), ASKED, SAID]}
        for said in systems
    ]
    assert read(tmp_path, form_of(tmp_path), rows).system == expected


def test_preferences_are_pairs(tmp_path: Path) -> None:
    form = form_of(tmp_path)
    row = {
        "input": {"messages": [ASKED]},
        "preferred_output": [SAID],
        "non_preferred_output": [{**SAID, "content": "No."}],
    }
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(row), "utf-8")
    (pair,), found = read_pairs(path, form, max_length=None, too_long="refuse")
    assert found.rows == 1
    said = [
        words(form, [label for label in side.labels if label != UNLEARNT])
        for side in (pair.preferred, pair.other)
    ]
    assert said == ["The capital of France is Paris.<|im_end|>", "No.<|im_end|>"]


class TestForm:
    def test_it_is_copied_and_named_by_its_bytes(self, tmp_path: Path) -> None:
        form = form_of(tmp_path)
        assert form.sha256 == form_sha256(tmp_path / "base")
        (tmp_path / "base" / "chat_template.jinja").write_text(TEMPLATES["headers"], "utf-8")
        assert form.sha256 != form_sha256(tmp_path / "base")

    def test_a_base_without_a_form_for_conversations(self, tmp_path: Path) -> None:
        base = model_folder(tmp_path / "base")
        (base / "chat_template.jinja").unlink()
        with pytest.raises(
            TrainingFailedError, match=r"'acme' has no chat template.*template=plain"
        ) as refused:
            prepare_form(base, tmp_path / "form", kind="causal", name="acme")
        assert refused.value.code == "template_unsupported"
        form = prepare_form(base, tmp_path / "plain", kind="causal", name="acme", template="plain")
        (one,) = read(tmp_path, form, [ROW]).examples
        assert (
            words(form, [label for label in one.labels if label != UNLEARNT])
            == f" {SAID['content']}<|im_end|>"
        )
        assert words(form, one.ids).startswith("User: What is the capital of France?\nAssistant: ")

    def test_a_tokenizer_that_names_no_end(self, tmp_path: Path) -> None:
        base = model_folder(tmp_path / "base")
        config = json.loads((base / "tokenizer_config.json").read_text("utf-8"))
        (base / "tokenizer_config.json").write_text(json.dumps({**config, "eos_token": None}), "utf-8")
        with pytest.raises(TrainingFailedError, match="set eos_token"):
            prepare_form(base, tmp_path / "form", kind="causal", name="acme")

    def test_padding_needs_no_token_of_its_own(self, tmp_path: Path) -> None:
        base = model_folder(tmp_path / "base")
        config = json.loads((base / "tokenizer_config.json").read_text("utf-8"))
        (base / "tokenizer_config.json").write_text(json.dumps({**config, "pad_token": None}), "utf-8")
        form = prepare_form(base, tmp_path / "form", kind="causal", name="acme")
        assert form.pad == form.eos
