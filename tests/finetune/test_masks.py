"""What will be learnt, by prefix differences: every template, weight 0, preferences, and the templates that cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import DatasetFormatError
from finetune.masks import mask, rendered
from finetune.rendering import MarkupRenderer, Renderer, folder_renderer
from finetune.tokens import EstimatedTokenizer
from tests.finetune.model_folders import TEMPLATES, model_folder

SYSTEM = {"role": "system", "content": "Be brief."}
ASKED = {"role": "user", "content": "Capital of France?"}
SAID = {"role": "assistant", "content": "Paris."}
AGAIN = {"role": "user", "content": "And of Germany?"}
BERLIN = {"role": "assistant", "content": "Berlin."}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "find", "arguments": '{"q": "é"}'}}],
}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "42"}
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}


def chat(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


@pytest.fixture(scope="module")
def renderers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Renderer]:
    root = tmp_path_factory.mktemp("models")
    made: dict[str, Renderer] = {name: folder_renderer(model_folder(root / name, name)) for name in TEMPLATES}
    return made | {"openai": MarkupRenderer(tokenizer=EstimatedTokenizer(), name="openai")}


def learnt(row: dict[str, Any], renderer: Renderer) -> list[list[str]]:
    return [[text.text[span.start : span.end] for span in text.trained] for text in rendered(row, renderer)]


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        pytest.param(
            "chatml", chat(SYSTEM, ASKED, SAID), ["Paris.<|im_end|>"], id="white space after the end is form"
        ),
        pytest.param("headers", chat(SYSTEM, ASKED, SAID), ["Paris.<|end|>"], id="headers"),
        pytest.param(
            "brackets", chat(SYSTEM, ASKED, SAID), [" Paris.</s>"], id="the space before belongs to it"
        ),
        pytest.param(
            "plain", chat(ASKED, SAID), [" Paris.\n"], id="no end token: what stands there is learnt"
        ),
        pytest.param("openai", chat(SYSTEM, ASKED, SAID), ["Paris.<|im_end|>"], id="openai's markup"),
        pytest.param(
            "thinking",
            chat(ASKED, SAID),
            ["<think>\n\n</think>\n\nParis.<|im_end|>"],
            id="thinking, one turn",
        ),
        pytest.param(
            "chatml",
            chat(ASKED, SAID, AGAIN, BERLIN),
            ["Paris.<|im_end|>", "Berlin.<|im_end|>"],
            id="every answer",
        ),
        pytest.param(
            "chatml",
            chat(ASKED, SAID | {"weight": 0}, AGAIN, BERLIN),
            ["Berlin.<|im_end|>"],
            id="weight 0 is read only",
        ),
        pytest.param("chatml", chat(ASKED, SAID | {"weight": 1}), ["Paris.<|im_end|>"], id="weight 1"),
        pytest.param("chatml", chat(ASKED, SAID | {"weight": 0}), [], id="nothing is left"),
        pytest.param(
            "chatml", chat(SAID | {"content": "é🎉"}), ["é🎉<|im_end|>"], id="an answer without a question"
        ),
        pytest.param(
            "tools",
            chat(ASKED, CALL, RESULT, SAID, tools=[TOOL]),
            ['<call>find {"q": "é"}</call><|im_end|>', "Paris.<|im_end|>"],
            id="tool calls are learnt, results are not",
        ),
        pytest.param(
            "chatml",
            chat(
                ASKED, SAID | {"content": [{"type": "text", "text": "Par"}, {"type": "text", "text": "is."}]}
            ),
            ["Paris.<|im_end|>"],
            id="content in parts",
        ),
        pytest.param(
            "chatml", chat(SYSTEM | {"role": "developer"}, ASKED, SAID), ["Paris.<|im_end|>"], id="developer"
        ),
        pytest.param("chatml", {"prompt": "2 + 2 =", "completion": " 4"}, [" 4"], id="completion"),
        pytest.param("chatml", {"text": "all of it"}, ["all of it"], id="a text row is learnt whole"),
        pytest.param(
            "chatml", chat(ASKED, reference="Paris"), [], id="reinforcement: its answers are not in the row"
        ),
    ],
)
def test_what_is_learnt(
    name: str, row: dict[str, Any], expected: list[str], renderers: dict[str, Renderer]
) -> None:
    assert learnt(row, renderers[name]) == [expected]


def test_a_template_that_rewrites_earlier_answers_makes_a_text_of_each(
    renderers: dict[str, Renderer],
) -> None:
    row = chat(ASKED, SAID, AGAIN, BERLIN, AGAIN, SAID | {"weight": 0})
    assert learnt(row, renderers["thinking"]) == [
        ["<think>\n\n</think>\n\nParis.<|im_end|>"],
        ["<think>\n\n</think>\n\nBerlin.<|im_end|>"],
    ]
    first, second = rendered(row, renderers["thinking"])
    assert (first.part, second.part) == ("answer", "answer")
    assert "assistant\nParis.<|im_end|>" in second.text  # as the model meets it, without its reasoning


@pytest.mark.parametrize("name", ["strict", "tools"])
def test_arguments_are_given_as_the_template_wants_them(name: str, renderers: dict[str, Renderer]) -> None:
    assert '{"q": "é"}' in learnt(chat(ASKED, CALL, tools=[TOOL]), renderers[name])[0][0]


def test_a_preference_row_is_two_texts_and_its_input_is_never_learnt(renderers: dict[str, Renderer]) -> None:
    row = {
        "input": {"messages": [ASKED, SAID, AGAIN]},
        "preferred_output": [BERLIN],
        "non_preferred_output": [{"role": "assistant", "content": "Bonn."}],
    }
    assert learnt(row, renderers["chatml"]) == [["Berlin.<|im_end|>"], ["Bonn.<|im_end|>"]]
    assert [one.part for one in mask(row, renderers["chatml"])] == ["preferred", "non-preferred"]


@pytest.mark.parametrize(
    ("name", "row", "says"),
    [
        pytest.param(
            "opened", chat(ASKED, SAID), "opens an answer with", id="an opening that the answer lacks"
        ),
        pytest.param(
            "brackets", chat(ASKED, AGAIN, SAID), "Roles must alternate", id="the template's own words"
        ),
        pytest.param("chatml", {"messages": "no list"}, "no list of messages", id="messages of another type"),
        pytest.param("chatml", {"other": 1}, "no known kind", id="no kind"),
        pytest.param(
            "chatml", {"prompt": 1, "completion": "x"}, "must be texts", id="a prompt that is no text"
        ),
    ],
)
def test_what_cannot_be_told_is_one_sentence(
    name: str, row: dict[str, Any], says: str, renderers: dict[str, Renderer]
) -> None:
    with pytest.raises(DatasetFormatError, match=says):
        mask(row, renderers[name])


def test_an_answer_that_nothing_ends_is_told(renderers: dict[str, Renderer]) -> None:
    assert not mask(chat(ASKED, SAID), renderers["plain"])[0].ended
    assert mask(chat(ASKED, SAID), renderers["chatml"])[0].ended


def test_tokens_that_cross_into_an_answer_are_only_read(renderers: dict[str, Renderer]) -> None:
    """Each learnt piece lies in a learnt stretch whole; the end token is learnt, the line break after it is not."""
    (one,) = mask(chat(ASKED, SAID), renderers["chatml"])
    said = "".join(piece.text for piece in one.pieces if piece.trained)
    assert said == "Paris.<|im_end|>"
    assert not one.pieces[-1].trained
    assert one.pieces[-1].text == "\n"


texts = st.text(st.characters(exclude_characters="<|>", exclude_categories=["Cs"]), max_size=40)
turns = st.lists(st.tuples(texts, texts, st.sampled_from([None, 0, 1])), min_size=1, max_size=4)


@pytest.mark.parametrize("name", ["chatml", "openai"])
@given(conversation=turns)
@settings(max_examples=60, deadline=None)
def test_exactly_the_weighted_answers_are_learnt(
    name: str, conversation: list[tuple[str, str, int | None]], renderers: dict[str, Renderer]
) -> None:
    messages: list[dict[str, Any]] = []
    for asked, said, weight in conversation:
        messages.append({"role": "user", "content": asked})
        messages.append(
            {"role": "assistant", "content": said} | ({} if weight is None else {"weight": weight})
        )
    (one,) = mask({"messages": messages}, renderers[name])
    (text,) = rendered({"messages": messages}, renderers[name])
    assert [text.text[span.start : span.end] for span in text.trained] == [
        said + "<|im_end|>" for _, said, weight in conversation if weight != 0
    ]
    assert "".join(piece.text for piece in one.pieces) == text.text
    assert one.trained_tokens <= one.tokens
    assert {piece.message for piece in one.pieces if piece.trained} == {span.message for span in text.trained}
    if name == "chatml":
        assert sum(piece.tokens for piece in one.pieces) == one.tokens
        assert sum(piece.tokens for piece in one.pieces if piece.trained) == one.trained_tokens


def test_the_template_in_the_config_is_read_like_the_file(tmp_path: Path) -> None:
    inside = folder_renderer(model_folder(tmp_path / "old", "headers", in_config=True))
    beside = folder_renderer(model_folder(tmp_path / "new", "headers"))
    assert inside.render([ASKED, SAID], None, reply=False) == beside.render([ASKED, SAID], None, reply=False)


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        pytest.param(lambda f: (f / "tokenizer.json").unlink(), "has no tokenizer.json", id="no tokenizer"),
        pytest.param(
            lambda f: (f / "tokenizer.json").write_text("{"), "is no tokenizer", id="a broken tokenizer"
        ),
        pytest.param(
            lambda f: (f / "chat_template.jinja").unlink(), "has no chat template", id="no template"
        ),
        pytest.param(
            lambda f: (f / "chat_template.jinja").write_text("{% if %}"),
            "is no template",
            id="a broken template",
        ),
        pytest.param(
            lambda f: (f / "chat_template.jinja").write_text("{{ ''.__class__.__mro__ }}"),
            "refuses the row",
            id="a template that reaches for Python is stopped",
        ),
        pytest.param(
            lambda f: (f / "tokenizer_config.json").write_text("["),
            "no JSON that can be read",
            id="a broken config",
        ),
    ],
)
def test_a_folder_at_fault_is_one_sentence(tmp_path: Path, break_it: Any, says: str) -> None:
    folder = model_folder(tmp_path / "model")
    break_it(folder)
    with pytest.raises(DatasetFormatError, match=says):
        mask(chat(ASKED, SAID), folder_renderer(folder))


@pytest.mark.parametrize("name", ["chatml", "openai"])
@pytest.mark.parametrize(("prompt", "said"), [("ab", "cd"), ("2 + 2 =", " 4"), ("a", "."), ("", "ab")])
def test_a_completion_is_counted_as_it_is_marked(
    name: str, prompt: str, said: str, renderers: dict[str, Renderer]
) -> None:
    """A token may hold the end of the prompt and the beginning of the completion."""
    (made,) = mask({"prompt": prompt, "completion": said}, renderers[name])
    assert bool(made.trained_tokens) is any(piece.trained for piece in made.pieces)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 1 // 0 }}",
        "{{ 1 % 0 }}",
        "{{ [].pop() }}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        "{{ messages[9].content.x }}",
        "{{ 'a'.index('b') }}",
        "{{ range(3)[7] }}{{ (1, 2).index(5) }}",
        "{{ '%d %d' % 1 }}{{ '{} {}'.format(1) }}",
    ],
)
def test_a_template_that_fails_is_one_sentence(source: str, tmp_path: Path) -> None:
    (model_folder(tmp_path) / "chat_template.jinja").write_text(source)
    with pytest.raises(DatasetFormatError, match=r"refuses the row: .*\.$"):
        folder_renderer(tmp_path).render([ASKED, SAID], None, reply=False)
