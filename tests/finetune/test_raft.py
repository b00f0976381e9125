"""RAFT rows: what each teaches, and that no defect of the reference implementation is in them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from app.__main__ import app
from chains.answer import Question
from chains.guard import ABSTENTION_TOKEN
from chains.hybrid import HybridChain
from chains.models import ChatModelConfig, connect
from chains.passages_prompt import as_shown
from chains.prompts import load_prompt
from errors import DatasetError
from finetune.examples import Example, Refused
from finetune.raft import Asked, Built, Library, Recipe, build, read_asked
from finetune.raft.asked import Place
from finetune.raft.judging import folded
from finetune.raft.reading import RaftRow, read_row
from finetune.raft.recipe import Shares
from finetune.row_texts import question_of
from loaders.knowledge_base import KnowledgeBase
from loaders.sources import Record
from local.encoder import MiniLMEncoder
from tests.chains.conftest import Shelf
from tests.finetune.raft_library import DOCUMENTS, small_library
from tests.loopback.openai_server import serve_openai


@pytest.fixture(scope="module")
def encoder(built_models: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache_dir=built_models)


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, encoder: MiniLMEncoder
) -> Iterator[tuple[KnowledgeBase, Library]]:
    base, library = small_library(tmp_path_factory.mktemp("raft"), encoder)
    yield base, library
    base.close()


@pytest.fixture(scope="module")
def library(made: tuple[KnowledgeBase, Library]) -> Library:
    return made[1]


def asked(question: str, answer: str, *gold: Place, line: int = 1, accepted: tuple[str, ...] = ()) -> Asked:
    return Asked(
        question=question,
        answer=answer,
        accepted=accepted or ((answer,) if answer else ()),
        gold=gold,
        file="q.jsonl",
        line=line,
        id=f"line {line}",
    )


DEPOSIT = asked(
    "What deposit do I pay for a small unit?", "Gladly: it is 250 euros. Next step: pay by transfer."
)
KEYS = asked("What does a lost key cost?", "Forty euros.", line=2)
TOWING = asked("How fast may I tow the trailer?", "At up to 80 km/h, and empty.", line=3)
NOISE = asked("How loud is the unit?", "About 44 dB(A) at five metres.", line=4)
WARRANTY = asked("How long is the warranty on a new unit?", "It is 24 months.", line=5)
ALL = (DEPOSIT, KEYS, TOWING, NOISE, WARRANTY)


def rows_of(
    questions: Iterable[Asked | Refused], library: Library, encoder: MiniLMEncoder, **recipe: Any
) -> list[Example]:
    found = list(build(questions, library, encoder, Recipe(**recipe)))
    assert all(isinstance(one, Example) for one in found), found
    return [one for one in found if isinstance(one, Example)]


def only(question: Asked, library: Library, encoder: MiniLMEncoder, **recipe: Any) -> tuple[Example, RaftRow]:
    (example,) = rows_of([question], library, encoder, **recipe)
    read = read_row(example.row)
    assert read is not None
    return example, read


def facts(example: Example) -> dict[str, Any]:
    told: dict[str, Any] = example.row["metadata"]["raft"]
    return told


# --- one row --------------------------------------------------------------------------------------


def test_a_row_quotes_its_oracle_and_cites_it_sentence_by_sentence(
    library: Library, encoder: MiniLMEncoder
) -> None:
    example, read = only(DEPOSIT, library, encoder, p=1.0)
    (n,) = facts(example)["oracles"]
    assert read.answer == f"Gladly: it is 250 euros [{n}]. Next step: pay by transfer."
    assert [(quote.number, quote.text) for quote in read.quotes] == [
        (n, "The deposit for a small unit is 250 euros.")
    ]
    assert read.passages[n - 1] in (DOCUMENTS["deposit"], DOCUMENTS["deposit-copy"])
    others = [f"[{one}]" for one in range(1, 6) if one != n]
    assert f"{', '.join(others[:-1])} and {others[-1]} do not answer the question." in read.reply


def test_the_bare_question_is_known_among_the_passages(library: Library, encoder: MiniLMEncoder) -> None:
    """By it leaks are found and splits made: the whole prompts of one question differ in their passages."""
    example, _ = only(DEPOSIT, library, encoder, p=1.0)
    assert question_of(example.row) == DEPOSIT.question
    example.row["messages"][1]["content"] = "Edited?"
    assert question_of(example.row) == "Edited?"


def test_the_plain_voice_keeps_what_the_passages_say(library: Library, encoder: MiniLMEncoder) -> None:
    example, read = only(DEPOSIT, library, encoder, p=1.0, voice="plain")
    (n,) = facts(example)["oracles"]
    assert read.answer == f"Gladly: it is 250 euros [{n}]."


@pytest.mark.parametrize("voice", ["keep", "plain"])
def test_a_sentence_with_a_fact_that_no_passage_holds_is_left_out_and_told(
    library: Library, encoder: MiniLMEncoder, voice: str
) -> None:
    question = asked(
        "What does a lost key cost?", "It is 40 euros. Next step: transfer 17 euros to Zanzibar."
    )
    example, read = only(question, library, encoder, p=1.0, voice=voice)
    assert "Zanzibar" not in read.answer
    assert facts(example)["left_out"] == ["Next step: transfer 17 euros to Zanzibar."]


def test_a_further_fact_brings_its_own_oracle(library: Library, encoder: MiniLMEncoder) -> None:
    question = asked(
        "What does a lost key cost?", "It is 40 euros. Next step: call Field Service at +49 341 555 0140."
    )
    example, read = only(question, library, encoder, p=1.0)
    first, second = (facts(example)["passages"][n - 1]["document"] for n in facts(example)["oracles"])
    assert {first, second} == {"keys", "hours"}
    assert len(read.passages) == 5
    assert read.answer.count("[") == 2


GIVEN = [
    pytest.param(
        Place(document="noise", quote="", spans=((15, 23),)), DOCUMENTS["noise"][:39], id="a span's sentence"
    ),
    pytest.param(
        Place(document="noise", quote="44 dB(A)  at five\nmetres"),
        "44 dB(A) at five metres",
        id="white space",
    ),
    pytest.param(
        Place(document="noise", quote="", chunk="noise#0"),
        "The unit makes 44 dB(A) at five metres.",
        id="chunk",
    ),
]


@pytest.mark.parametrize(("place", "quote"), GIVEN)
def test_a_given_place_is_the_oracle(
    library: Library, encoder: MiniLMEncoder, place: Place, quote: str
) -> None:
    example, read = only(asked("How loud is it?", "44 dB(A)", place), library, encoder, p=1.0)
    assert [one.text for one in read.quotes] == [quote]
    assert read.answer == f"44 dB(A) [{facts(example)['oracles'][0]}]"


# --- what cannot be a row -------------------------------------------------------------------------

NO_ROW = [
    pytest.param(asked("What does a key cost?", "It is 41 euros."), "does not hold its figures", id="another figure"),
    pytest.param(asked("Who paints the panels?", "A poet from Ghent does."), "No passage supports", id="unsaid"),
    pytest.param(asked("How loud?", "44", Place(document="nois", quote="44")), "no document 'nois'", id="no document"),
    pytest.param(asked("Loud?", "45", Place(document="noise", quote="45 dB")), "the quote '45 dB'", id="no such quote"),
    pytest.param(asked("How loud?", "44", Place(document="noise", quote="")), "is not said", id="no quote"),
    pytest.param(
        asked("What does it all cost?", "40 and 250", Place(document="keys", quote="40 euros"),
              Place(document="deposit", quote="250 euros"), Place(document="noise", quote="44 dB(A)")),
        "needs 3 passages and a row has 2", id="more oracles than passages",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("question", "reason"), NO_ROW)
def test_a_question_that_cannot_be_a_row_is_refused_by_name(
    library: Library, encoder: MiniLMEncoder, question: Asked, reason: str
) -> None:
    built = Built()
    (refused,) = build([question], library, encoder, Recipe(distractors=1), built)
    assert isinstance(refused, Refused)
    assert reason in refused.reason
    assert refused.fix
    assert (refused.file, refused.line, built.refused, built.written) == ("q.jsonl", 1, 1, 0)


@pytest.mark.parametrize("mark", ["</quote>", "</reasoning>", "##begin_quote", "NOT_IN_DOCUMENTS"])
def test_a_document_that_holds_a_mark_of_the_form_is_not_quoted(
    tmp_path: Path, encoder: MiniLMEncoder, mark: str
) -> None:
    """The quote would end early, and what follows would be shown as the answer."""
    base = KnowledgeBase.create(tmp_path / "kb", name="Marks", encoder=encoder)
    told = f"A reply in the form ends at {mark} after 40 lines."
    base.ingest([Record(id="form", text=told), Record(id="keys", text=DOCUMENTS["keys"])])
    question = asked("When does a reply end?", "After 40 lines.", Place(document="form", quote=told))
    (refused,) = build([question], Library(base), encoder, Recipe(p=1.0, distractors=1))
    base.close()
    assert isinstance(refused, Refused)
    assert mark in refused.reason


# --- the defects of the reference implementation (gorilla/raft, each one a line) --------------------


def test_out_of_the_box_a_fifth_of_the_rows_lack_their_oracle() -> None:
    assert Recipe().p == 0.8
    shares = Shares(1 - Recipe().p, 7, "x")
    assert sum(shares.next() for _ in range(100)) == 20


@given(st.floats(0, 1), st.integers(0, 9), st.integers(1, 200))
def test_the_share_is_kept_all_through(share: float, seed: int, count: int) -> None:
    shares = Shares(share, seed, "x")
    drawn = [shares.next() for _ in range(count)]
    whole = count - count % 20
    assert abs(sum(drawn[:whole]) - share * whole) <= 0.5 + 1e-6


def test_distractors_are_hard_and_random_and_follow_the_seed(
    library: Library, encoder: MiniLMEncoder
) -> None:
    roles = Counter(
        one["role"] for example in rows_of(ALL, library, encoder, p=1.0) for one in facts(example)["passages"]
    )
    assert roles == {"oracle": 5, "hard": 10, "random": 10}
    again = [rows_of(ALL, library, encoder, p=0.5, seed=seed) for seed in (7, 7, 8)]
    assert again[0] == again[1]
    assert again[0] != again[2]


def test_a_rows_passages_do_not_hang_on_the_rows_around_it(library: Library, encoder: MiniLMEncoder) -> None:
    alone = rows_of([NOISE], library, encoder, p=1.0)
    among = rows_of([KEYS, NOISE], library, encoder, p=1.0)
    assert alone[0].row == among[1].row


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_no_distractor_holds_the_answer_or_repeats_another(
    library: Library, encoder: MiniLMEncoder, p: float
) -> None:
    """The copy of the deposit's text answers as well: it is never a distractor, with the oracle or without."""
    for example in rows_of(ALL, library, encoder, p=p, distractors=8):
        passages = facts(example)["passages"]
        chunks = [one["chunk"] for one in passages]
        assert len(set(chunks)) == len(chunks) == 9
        sources = set(facts(example)["sources"])
        if sources & {"deposit#0", "deposit-copy#0"}:
            sources |= {"deposit#0", "deposit-copy#0"}
        assert not {one["chunk"] for one in passages if one["role"] != "oracle"} & sources


def test_the_answer_in_other_words_is_kept_out_too(library: Library, encoder: MiniLMEncoder) -> None:
    question = asked(
        KEYS.question, "40 euros plus tax.", Place(document="keys", quote="A lost key costs 40 euros.")
    )
    for p in (0.0, 1.0):
        example, _ = only(question, library, encoder, p=p, distractors=10, hard_share=1.0)
        assert "key-fees" not in {one["document"] for one in facts(example)["passages"]}


def test_of_two_passages_that_say_the_same_one_is_given(library: Library, encoder: MiniLMEncoder) -> None:
    example, _ = only(NOISE, library, encoder, p=1.0, distractors=14)
    documents = {one["document"] for one in facts(example)["passages"]}
    assert len(documents) == 15
    assert not documents >= {"deposit", "deposit-copy"}


def test_every_wording_of_the_answer_is_kept_out(library: Library, encoder: MiniLMEncoder) -> None:
    place = Place(document="noise", quote="44 dB(A) at five metres")
    question = asked("How loud?", "44", place, accepted=("44", "Gdynia", "grille away", "no"))
    (example,) = rows_of([question], library, encoder, p=0.0, distractors=11, hard_share=0.0)
    read = read_row(example.row)
    assert read is not None
    assert not any("gdynia" in folded(text) or "dB(A)" in text for text in read.passages)


def test_too_few_passages_are_told_before_the_first_row(library: Library, encoder: MiniLMEncoder) -> None:
    with pytest.raises(DatasetError, match="16 passages: too few for an oracle and 16 distractors"):
        next(build(ALL, library, encoder, Recipe(distractors=16)))


def test_a_row_whose_distractors_run_out_is_refused(library: Library, encoder: MiniLMEncoder) -> None:
    (refused,) = build([DEPOSIT], library, encoder, Recipe(distractors=15, p=1.0))
    assert isinstance(refused, Refused)
    assert "of 15 distractors are free of the answer" in refused.reason


def test_without_the_oracle_a_row_abstains(library: Library, encoder: MiniLMEncoder) -> None:
    for example in rows_of(ALL, library, encoder, p=0.0):
        assert example.row["messages"][-1]["content"] == ABSTENTION_TOKEN
        assert facts(example)["oracles"] == []


def test_or_it_memorises_without_quoting_what_is_not_there(library: Library, encoder: MiniLMEncoder) -> None:
    example, read = only(DEPOSIT, library, encoder, p=0.0, absent="memorise")
    assert (read.reasoning, read.quotes) == (None, ())
    assert read.answer == "Gladly: it is 250 euros. Next step: pay by transfer."
    assert facts(example)["teaches"] == "memorise"


def test_or_a_share_of_them_does(library: Library, encoder: MiniLMEncoder) -> None:
    questions = [asked(f"{KEYS.question} ({n})", KEYS.answer, line=n) for n in range(1, 21)]
    teaches = Counter(
        facts(one)["teaches"] for one in rows_of(questions, library, encoder, p=0.0, abstain_share=0.25)
    )
    assert teaches == {"abstain": 5, "memorise": 15}


def test_passages_are_the_chunks_that_hybrid_mode_is_given(library: Library, encoder: MiniLMEncoder) -> None:
    for example in rows_of(ALL, library, encoder):
        read = read_row(example.row)
        assert read is not None
        told = [as_shown(DOCUMENTS[one["document"]]) for one in facts(example)["passages"]]
        assert list(read.passages) == told
        assert all(quote.stands_in(read.passages) for quote in read.quotes)
        assert read.finals == (facts(example)["teaches"] == "read")


def test_rows_are_grouped_by_the_document_of_their_oracle(library: Library, encoder: MiniLMEncoder) -> None:
    for example in rows_of(ALL, library, encoder, p=0.5):
        (source,) = facts(example)["sources"]
        assert example.provenance.group == example.provenance.document == source.removesuffix("#0")


AGAIN = [
    pytest.param("WHAT DOES A LOST KEY COST?", True, id="another case"),
    pytest.param("What does a lost key cost", True, id="without its mark"),
    pytest.param("  What does  a lost key cost ?", True, id="white space"),
    pytest.param("What does a lost key cost me?", True, id="a word more"),
    pytest.param("What does a lost key 7 cost?", False, id="another number"),
    pytest.param("What does the towing of a car cost?", False, id="another question"),
]


@pytest.mark.parametrize(("question", "again"), AGAIN)
def test_a_question_that_was_asked_already_is_refused(
    library: Library, encoder: MiniLMEncoder, question: str, again: bool
) -> None:
    twins = [asked(question, "Forty euros.", line=line) for line in (9, 11)]
    _, *made = build([KEYS, *twins], library, encoder, Recipe())
    reasons = [one.reason if isinstance(one, Refused) else "" for one in made]
    assert ("stands in line 2 already" in reasons[0]) is again
    assert f"stands in line {2 if again else 9} already" in reasons[1]


def test_a_question_that_no_document_answers_abstains_beside_the_share(
    library: Library, encoder: MiniLMEncoder
) -> None:
    built = Built()
    question = asked("What is the boiling point of tungsten?", "")
    (example,) = build([question], library, encoder, Recipe(p=1.0), built)
    assert isinstance(example, Example)
    assert example.row["messages"][-1]["content"] == ABSTENTION_TOKEN
    assert (facts(example)["answerable"], built.unanswerable, built.rows["read"]) == (False, 1, 0)


def test_oracles_stand_at_every_place(library: Library, encoder: MiniLMEncoder) -> None:
    questions = [asked(f"{KEYS.question} ({n})", KEYS.answer, line=n) for n in range(40)]
    places = Counter(
        facts(one)["oracles"][0] for one in rows_of(questions, library, encoder, p=1.0, distractors=2)
    )
    assert set(places) == {1, 2, 3}
    assert max(places.values()) <= 22


# --- the recipe -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("p", 1.2),
        ("p", -0.1),
        ("hard_share", 2),
        ("abstain_share", 9),
        ("distractors", 0),
        ("distractors", 51),
    ],
)
def test_a_recipe_that_cannot_be_names_its_option(option: str, value: float) -> None:
    with pytest.raises(DatasetError, match=f"--{option.replace('_', '-')} {value}"):
        Recipe(**{option: value})  # type: ignore[arg-type]


# --- hybrid mode ----------------------------------------------------------------------------------


def test_hybrid_mode_sends_what_was_trained_and_understands_the_reply(
    made: tuple[KnowledgeBase, Library], encoder: MiniLMEncoder
) -> None:
    """The row's passages, retrieved in its order, make the very messages of the row; its reply is cited and whole."""
    base, library = made
    question = asked("What does a lost key cost?", "Sorry to hear that. A lost key costs 40 euros.")
    example, read = only(question, library, encoder, p=1.0)
    system, user, reply = (one["content"] for one in example.row["messages"])
    found = {passage.document_id: passage for passage in base.search("unit", k=20)}
    in_order = [
        replace(found[one["document"]], score=100.0 - 10 * place)
        for place, one in enumerate(facts(example)["passages"])
    ]
    shelf = Shelf(texts=DOCUMENTS, passages=in_order)
    with serve_openai() as server:
        server.then(reply)
        model = connect(ChatModelConfig(model_id="compatible:ft:m", base_url=server.url, max_retries=0))
        answer = HybridChain(shelf, chat_model=model, encoder=encoder).invoke(
            Question(text=question.question)
        )
        sent = server.chat_requests[0].body["messages"]
    assert [(one["role"], one["content"]) for one in sent] == [("system", system), ("user", user)]
    assert (answer.text, answer.reasoning) == (read.answer, read.reasoning)
    assert [(one.marker, one.verified) for one in answer.citations] == [(facts(example)["oracles"][0], True)]
    assert answer.notices == ()
    assert answer.receipt is not None
    assert answer.receipt.prompt_sha256 == facts(example)["prompt_sha256"] == load_prompt("hybrid").sha256


# --- what is read ---------------------------------------------------------------------------------


def said(role: str, content: object, **more: object) -> dict[str, object]:
    return {"role": role, "content": content, **more}


USER = said("user", "A?")
CHAT = {"messages": [said("system", "Be brief."), said("user", "A key?"), said("assistant", "40 euros [3].")]}
EARLIER = [said("user", "What does a lost key cost?"), said("assistant", "40 euros.")]
READ = [
    pytest.param(CHAT, ("A key?", "40 euros."), id="chat, its markers gone"),
    pytest.param({"_id": "q1", "text": "A key?", "answer": "40"}, ("A key?", "40"), id="question"),
    pytest.param({"question": "A  key?", "answer": "40"}, ("A key?", "40"), id="question by that name"),
    pytest.param({"prompt": "A key?", "completion": "40"}, ("A key?", "40"), id="completion"),
    pytest.param({"_id": 1, "text": "X?", "answer": "", "answerable": False}, ("X?", ""), id="unanswerable"),
    pytest.param({"messages": [*EARLIER, *CHAT["messages"][1:]]}, ("A key?", "40 euros."), id="the last of several"),
]  # fmt: skip
UNFIT = [
    pytest.param([1], "", "JSON array", id="no object"),
    pytest.param({"text": "A?"}, "$.answer", "'answer'", id="no answer"),
    pytest.param({"answer": "A"}, "$.question", "'question'", id="no question"),
    pytest.param({"messages": []}, "$.messages", "no list", id="no messages"),
    pytest.param({"messages": [USER]}, "$.messages", "does not end", id="no reply"),
    pytest.param({"messages": [USER, said("assistant", None, tool_calls=[{}])]}, "$.messages[1]", "tools", id="tools"),
    pytest.param({"messages": [USER, said("assistant", "B", weight=0)]}, "$.messages[1].weight", "weight 0", id="w0"),
    pytest.param({"messages": [said("user", [1]), said("assistant", "B")]}, "$.messages[0].content", "no text", id="p"),
    pytest.param({"text": "A?", "answer": "I do not know."}, "", "not known", id="a refusal"),
    pytest.param({"text": "A?", "answer": "NOT_IN_DOCUMENTS"}, "", "mark of RAFT", id="a RAFT row's reply"),
    pytest.param({"text": "A?", "answer": "B", "gold": [{"quote": "B"}]}, "$.gold[0]", "no document", id="no document"),
    pytest.param({"text": "<DOCUMENT>B</DOCUMENT>A?", "answer": "B"}, "", "passages already", id="its question"),
    pytest.param({"text": "A" * 2001, "answer": "B"}, "", "2,001 characters", id="a long question"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "pair"), READ)
def test_questions_are_read_from_rows_of_many_kinds(tmp_path: Path, row: Any, pair: tuple[str, str]) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(row) + "\n", "utf-8")
    (one,) = read_asked(path)
    assert isinstance(one, Asked)
    assert (one.question, one.answer) == pair


@pytest.mark.parametrize(("row", "field", "reason"), UNFIT)
def test_a_line_that_is_none_is_refused_by_its_field(
    tmp_path: Path, row: object, field: str, reason: str
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(f'{{"text": "A?", "answer": "B"}}\n{{broken\n{json.dumps(row)}\n', "utf-8")
    good, broken, bad = read_asked(path)
    assert isinstance(good, Asked)
    assert isinstance(broken, Refused)
    assert isinstance(bad, Refused)
    assert (broken.line, bad.line, bad.field) == (2, 3, field)
    assert reason in bad.reason
    assert bad.fix


def test_what_generate_wrote_knows_its_place(tmp_path: Path) -> None:
    row = CHAT | {"metadata": {"document": "keys", "chunks": ["keys#0"], "spans": [[17, 25], [9, 2]]}}
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(row), "utf-8")
    (one,) = read_asked(path)
    assert isinstance(one, Asked)
    assert one.gold == (Place(document="keys", quote="", chunk="keys#0", spans=((17, 25),)),)


# --- the command ----------------------------------------------------------------------------------


def run(*arguments: object, expect: int = 0) -> Result:
    result = CliRunner().invoke(app, ["dataset", "raft", *map(str, arguments)])
    assert result.exit_code == expect, result.output + repr(result.exception)
    return result


def failure(questions: Path, out: Path) -> str:
    """The sentence that the command line would print."""
    error = run(questions, "--kb", "rental", "--out", out, expect=1).exception
    assert isinstance(error, DatasetError)
    return str(error)


@pytest.fixture
def rental(home: Path, tmp_path: Path) -> Path:
    """A knowledge base named rental, and two questions of which one cannot be a row."""
    documents = tmp_path / "documents"
    documents.mkdir()
    for name, text in DOCUMENTS.items():
        (documents / f"{name}.txt").write_text(text, "utf-8")
    assert CliRunner().invoke(app, ["ingest", str(documents), "--kb", "rental"]).exit_code == 0
    questions = tmp_path / "questions.jsonl"
    rows = [
        {"question": KEYS.question, "answer": KEYS.answer},
        {"question": "Who sings?", "answer": "Ada of Ghent does."},
    ]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return questions


def test_the_command_writes_rows_and_names_the_refused(rental: Path) -> None:
    out, refused = rental.with_name("raft.jsonl"), rental.with_name("raft.refused.jsonl")
    told = json.loads(run(rental, "--kb", "rental", "--out", out, "--p", 1, "--json").stdout)
    assert {name: told[name] for name in ("questions", "rows", "refused")} == {
        "questions": 2,
        "rows": 1,
        "refused": 1,
    }
    (row,) = map(json.loads, out.read_text("utf-8").splitlines())
    assert row["metadata"]["file"] == str(rental)
    assert (row["metadata"]["line"], row["metadata"]["origin"]) == (1, "raft")
    (fault,) = map(json.loads, refused.read_text("utf-8").splitlines())
    assert fault == told["refused_rows"][0]
    assert fault["line"] == 2
    first = out.read_bytes()
    said_again = run(rental, "--kb", "rental", "--out", out, "--p", 1).stdout
    assert out.read_bytes() == first
    assert "1 rows written" in said_again
    assert "line 2: No passage supports 'Ada of Ghent does.'" in said_again


def test_the_command_replaces_no_question_and_leaves_nothing_half_written(rental: Path) -> None:
    before = rental.read_bytes()
    refused_of_another = rental.rename(rental.with_name("raft.refused.jsonl"))
    for out in ("raft.jsonl", "raft.refused.jsonl"):
        assert "is the file that is read" in failure(refused_of_another, rental.with_name(out))
    refused_of_another.rename(rental)
    none = rental.with_name("none.jsonl")
    none.write_text('{"question": "Who sings?", "answer": "Ada of Ghent does."}\n', "utf-8")
    told = failure(none, rental.with_name("raft.jsonl"))
    assert told.startswith("No question became a row. Line 1: No passage supports")
    assert rental.read_bytes() == before
    assert {path.name for path in rental.parent.glob("*.jsonl")} == {"questions.jsonl", "none.jsonl"}
