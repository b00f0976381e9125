"""What the program itself adds to an answer: everything but the search and the model.

    python -m benchmarks.overhead [--answers 40]

A chat model is a loopback server that replies at once, and once more after THINKING_S, as real ones do: the embedded
reader looks at the passages, and statements are checked, while the model is at work. The documents are written on the
spot. Per answer: total - retrieve - the median time that a bare `openai` client needs for the same streamed request.
The embedded reader's part, which is a model's work too, is also taken by itself. The peers of
the same run are that client, and the shortest LangChain chain (prompt | ChatOpenAI | parser) over the same
passages, which neither guards, nor cites, nor checks. Timings of a machine at work for others say little.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import describe
from chains.answer import Answer, Question
from chains.models import ChatModelConfig, ConnectedModel, connect
from chains.rag import RagChain
from loaders.knowledge_base import KnowledgeBase
from local.encoder import MiniLMEncoder
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

TOPICS = ("leave", "travel", "devices", "hiring", "invoices", "visitors", "training", "pensions")
QUESTIONS = [f"How many days does the {topic} procedure take?" for topic in TOPICS]
THINKING_S = 0.3
REPLY = (
    "The procedure takes thirty days [1]. A manager confirms it in writing [1]. "
    "Later requests go to the second office, which answers within a week [2]."
)


def write_documents(folder: Path) -> None:
    for topic in TOPICS:
        body = (
            f"# The {topic} procedure\n\nThe {topic} procedure takes thirty days. A manager confirms it in writing. "
            f"Later {topic} requests go to the second office, which answers within a week.\n\n"
        )
        more = "\n\n".join(
            f"Section {n} of the {topic} rules names the people who keep its records." for n in range(40)
        )
        (folder / f"{topic}.md").write_text(body + more, "utf-8")


def median_ms(work: Callable[[str], object], answers: int) -> float:
    times = []
    for n in range(answers):
        started = time.perf_counter()
        work(QUESTIONS[n % len(QUESTIONS)])
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def chain_times(chain: RagChain, answers: int) -> dict[str, float]:
    """Medians of the answer's own timings, in milliseconds."""
    told: list[Answer] = [chain.invoke(Question(text=QUESTIONS[n % len(QUESTIONS)])) for n in range(answers)]
    return {
        name: statistics.median(answer.timings_ms[name] for answer in told) for name in told[0].timings_ms
    }


def bare_client(server: LoopbackServer) -> Callable[[str], object]:
    import openai

    client = openai.OpenAI(base_url=server.url, api_key="none")
    messages = server.chat_requests[-1].body["messages"]

    def call(_: str) -> str:
        stream = client.chat.completions.create(
            model="loopback-model", messages=messages, stream=True, stream_options={"include_usage": True}
        )
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)

    return call


def shortest_langchain(model: ConnectedModel, base: KnowledgeBase) -> Callable[[str], object]:
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate

    prompt = ChatPromptTemplate.from_messages(
        [("system", "Answer from the passages."), ("user", "{passages}\n\n{question}")]
    )
    program = prompt | model.chat | StrOutputParser()

    def call(question: str) -> str:
        found = base.search(question, k=5)
        passages = "\n\n".join(passage.text for passage in found)
        return "".join(program.stream({"passages": passages, "question": question}))

    return call


def main(answers: int) -> None:
    print(describe("openai", "langchain-core", "langchain-openai", "onnxruntime"))
    print(f"{answers} answers")
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder) / "documents"
        documents.mkdir()
        write_documents(documents)
        encoder = MiniLMEncoder(cache_dir=Path(folder) / "models")
        with KnowledgeBase.create(Path(folder) / "kb", name="Bench", encoder=encoder) as base:
            base.ingest([documents])
            read = chain_times(RagChain(base, chat_model=None, encoder=encoder), answers)
            print(told("embedded reader", read))
            print(
                f"overhead around the embedded reader, ms: {read['total'] - read['retrieve'] - read['read']:.2f}"
            )
            for delay_s in (0.0, THINKING_S):
                measure(base, encoder, answers, delay_s, read["read"])


def measure(
    base: KnowledgeBase, encoder: MiniLMEncoder, answers: int, delay_s: float, reading: float
) -> None:
    """`reading`: what the embedded reader takes for the same passages, in ms."""
    with serve_openai(answer=lambda _: Scripted(text=REPLY, delay_s=delay_s), keep_alive=True) as server:
        model = connect(ChatModelConfig(base_url=server.url))
        chain = RagChain(base, chat_model=model, encoder=encoder)
        chain_times(chain, 4)
        written = chain_times(chain, answers)
        bare = median_ms(bare_client(server), answers)
        langchain = median_ms(shortest_langchain(model, base), answers)
    around = written["total"] - written["retrieve"] - bare
    print(f"\nserver that answers after {delay_s * 1000:.0f} ms")
    print(told("chat model", written))
    print(f"bare openai client, ms: {bare:.1f}")
    print(
        f"overhead around the chat model, ms: {around:.1f}, of which after the last word {written['check']:.1f}"
    )
    if delay_s == 0.0:
        print(f"  without what the embedded reader takes by itself ({reading:.1f}): {around - reading:.1f}")
    print(f"shortest LangChain chain, same sum, ms: {langchain - written['retrieve'] - bare:.1f}")
    print(f"ratio of whole answers, ours / shortest LangChain chain: {written['total'] / langchain:.2f}")


def told(what: str, times: dict[str, float]) -> str:
    return f"{what}, ms: " + ", ".join(f"{name} {value:.1f}" for name, value in times.items())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Orchestration overhead per answer.")
    parser.add_argument("--answers", type=int, default=40)
    main(parser.parse_args().answers)
