"""RAG mode without any model server, end to end: real files, real embeddings, real index, cited sentences."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.documents import Document

from chains.answer import Answer, Question, StageStarted, TextDelta
from chains.citations import markers_in
from chains.models import ChatModelConfig, connect
from chains.rag import RagChain
from loaders.knowledge_base import KnowledgeBase
from local.encoder import MiniLMEncoder
from tests.loopback.openai_server import serve_openai

DOCUMENTS = {
    "leave.md": """# Leave policy

Full-time employees receive 28 days of paid leave a year. Part-time employees receive leave in proportion to
their hours. Up to six unused days may be carried over; they lapse on 31 March of the following year.

## Parental leave

Parental leave lasts up to 14 months and is requested from the people team eight weeks in advance.
""",
    "travel.md": """# Travel

Train journeys are booked in second class. Flights under four hours need the approval of the finance director.
Hotel rooms are refunded up to 140 euros a night in Lisbon and 120 euros elsewhere.
""",
    "security.txt": """Laptops are encrypted and locked when unattended.
A lost device is reported to the security desk within two hours.
Passwords are kept in the vault that the company provides.
""",
    "prices.csv": "Plan,Monthly fee,Support\nStarter,19 EUR,e-mail\nTeam,49 EUR,telephone\n",
}


@pytest.fixture(scope="module")
def encoder(built_models: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache_dir=built_models)


@pytest.fixture(scope="module")
def knowledge_base(
    tmp_path_factory: pytest.TempPathFactory, encoder: MiniLMEncoder
) -> Iterator[KnowledgeBase]:
    folder = tmp_path_factory.mktemp("documents")
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, "utf-8")
    base = KnowledgeBase.create(tmp_path_factory.mktemp("kb") / "kb", name="Acme", encoder=encoder)
    report = base.ingest([folder])
    assert (report.added, report.failed) == (len(DOCUMENTS), ())
    yield base
    base.close()


@pytest.fixture(scope="module")
def chain(knowledge_base: KnowledgeBase, encoder: MiniLMEncoder) -> RagChain:
    return RagChain(knowledge_base, chat_model=None, encoder=encoder)


@pytest.mark.parametrize(
    ("question", "document", "says"),
    [
        ("How many days of paid leave do full-time employees get?", "leave.md", "28 days"),
        ("When do carried-over leave days lapse?", "leave.md", "31 March"),
        ("Who approves flights under four hours?", "travel.md", "finance director"),
        ("How soon must a lost device be reported?", "security.txt", "within two hours"),
        ("How long is parental leave?", "leave.md", "14 months"),
    ],
)
def test_an_answer_quotes_the_document_that_says_it(
    chain: RagChain, knowledge_base: KnowledgeBase, question: str, document: str, says: str
) -> None:
    answer = chain.invoke(Question(text=question))
    assert not answer.abstained, answer.reason
    assert says in answer.citations[0].quote or any(says in c.quote for c in answer.citations)
    assert any(c.document_id == document and says in c.quote for c in answer.citations)
    assert says in " ".join(answer.text.split())
    for citation in answer.citations:
        text = knowledge_base.document_text(citation.document_id)
        assert text[citation.start : citation.end] == citation.quote
        assert citation.verified
        assert citation.quote in answer.text
    assert markers_in(answer.text) == [citation.marker for citation in answer.citations]
    assert markers_in(answer.text) == list(range(1, len(answer.citations) + 1))
    assert answer.confidence is not None
    assert (answer.mode, answer.model) == ("rag", "local:extractive-reader")
    assert answer.usage.input_tokens is None


@pytest.mark.parametrize(
    "question",
    [
        "Which football club won the Champions League in 1998?",
        "What is the boiling point of tungsten?",
        "Who painted the ceiling of the Sistine Chapel?",
    ],
)
def test_what_the_documents_do_not_say_is_not_answered(chain: RagChain, question: str) -> None:
    answer = chain.invoke(Question(text=question))
    assert answer.abstained
    assert answer.text.startswith("Not in your documents.")
    assert answer.reason
    assert answer.citations == ()
    assert answer.passages, "the nearest misses stay for who wants to look"


def test_the_stream_adds_up_and_ends_in_the_answer(chain: RagChain) -> None:
    *events, answer = chain.stream(Question(text="Who approves flights under four hours?"))
    assert isinstance(answer, Answer)
    stages = [event.stage for event in events if isinstance(event, StageStarted)]
    assert stages == ["retrieving", "reading"]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == answer.text
    assert set(answer.timings_ms) == {"retrieve", "read", "first_token", "total"}


def test_the_receipt_names_the_generation_and_the_chunks(
    chain: RagChain, knowledge_base: KnowledgeBase
) -> None:
    answer = chain.invoke(Question(text="How long is parental leave?", k=2))
    assert answer.receipt is not None
    assert answer.receipt.knowledge_base == "Acme"
    assert answer.receipt.generation == knowledge_base.generation
    assert [chunk for chunk, _ in answer.receipt.chunks] == [p.chunk_id for p in answer.passages]
    assert len(answer.passages) <= 2


def test_a_batch_answers_as_one_by_one(chain: RagChain) -> None:
    questions = [Question(text="How long is parental leave?"), Question(text="Who approves flights?")]
    assert [answer.text for answer in chain.batch(questions)] == [chain.invoke(q).text for q in questions]


def test_an_empty_knowledge_base_says_so(tmp_path: Path, encoder: MiniLMEncoder) -> None:
    base = KnowledgeBase.create(tmp_path / "kb", name="Empty", encoder=encoder)
    answer = RagChain(base, chat_model=None, encoder=encoder).invoke(Question(text="Anything?"))
    base.close()
    assert answer.abstained
    assert "no documents yet" in (answer.reason or "")


def test_a_removed_document_is_cited_no_more(tmp_path: Path, encoder: MiniLMEncoder) -> None:
    base = KnowledgeBase.create(tmp_path / "kb", name="Short", encoder=encoder)
    for name in ("leave.md", "travel.md"):
        (tmp_path / name).write_text(DOCUMENTS[name], "utf-8")
        base.ingest([tmp_path / name])
    rag = RagChain(base, chat_model=None, encoder=encoder)
    question = Question(text="How long is parental leave?")
    assert not rag.invoke(question).abstained
    base.remove(["leave.md"])
    answer = rag.invoke(question)
    base.close()
    assert answer.abstained
    assert {found.document_id for found in answer.passages} == {"travel.md"}


def test_a_document_removed_while_it_is_read_leaves_an_answer_that_is_not_verified(
    tmp_path: Path, encoder: MiniLMEncoder
) -> None:
    source = tmp_path / "leave.md"
    source.write_text("Every employee has 27 days of annual leave a year.\n", "utf-8")
    with KnowledgeBase.create(tmp_path / "kb", name="Short-lived", encoder=encoder) as base:
        base.ingest([source])
        answer: object = None
        question = Question(text="How many days of annual leave does an employee have?")
        for event in RagChain(base, chat_model=None, encoder=encoder).stream(question):
            if event == StageStarted(stage="reading"):
                base.remove("leave.md")
            answer = event
    assert isinstance(answer, Answer)
    assert [citation.verified for citation in answer.citations] == [False] * len(answer.citations)


def test_the_same_chain_writes_with_a_connected_model(
    knowledge_base: KnowledgeBase, encoder: MiniLMEncoder
) -> None:
    with serve_openai("Parental leave lasts at most 14 months [1].") as server:
        model = connect(ChatModelConfig(base_url=server.url, max_retries=0))
        rag = RagChain(knowledge_base, chat_model=model, encoder=encoder)
        answer = rag.invoke(Question(text="How long is parental leave?"))
        prompt = server.chat_requests[0].body["messages"][-1]["content"]
    assert "Parental leave lasts up to 14 months" in prompt
    (citation,) = answer.citations
    text = knowledge_base.document_text(citation.document_id)
    assert text[citation.start : citation.end] == citation.quote
    assert citation.quote.startswith("Parental leave lasts up to 14 months")
    assert citation.verified


def test_it_is_a_langchain_runnable_and_retriever(chain: RagChain, knowledge_base: KnowledgeBase) -> None:
    from langchain_core.runnables import RunnableLambda

    from chains.runnables import KnowledgeBaseRetriever

    program = chain.as_runnable() | RunnableLambda(lambda answer: len(answer.citations))
    assert program.invoke("How long is parental leave?") >= 1
    assert len(chain.as_runnable().batch(["How long is parental leave?", "Who approves flights?"])) == 2
    retriever = KnowledgeBaseRetriever(knowledge_base=knowledge_base, k=3)
    found = retriever.invoke("parental leave")
    assert len(found) == 3
    assert len(retriever.invoke("parental leave", k=1)) == 1
    for document in found:
        assert isinstance(document, Document)
        span = slice(document.metadata["start"], document.metadata["end"])
        assert knowledge_base.document_text(document.metadata["document_id"])[span] == document.page_content


def test_an_embedded_answer_loads_neither_runnables_nor_openai() -> None:
    probe = (
        "import sys, chains.rag, chains.base, loaders.knowledge_base, local.encoder\n"
        "print(sorted({'langsmith', 'openai', 'langchain_openai', 'streamlit', 'httpx2'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
