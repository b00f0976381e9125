"""What starting costs: processor seconds of `--help` and of the first `ask`, memory of the idle web page.

    python -m benchmarks.start [--rounds 5]

Peers, measured in the same rounds: for the commands, a process that only imports the usual LangChain RAG stack
(langchain_openai, langchain_community's FAISS, LCEL) and answers nothing; for the page, `streamlit hello`.
The sample company is loaded into a temporary home first. Linux only (processor time and memory come from /proc).
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.machine import describe, table

QUESTION = "How many days of annual leave does an employee have?"
LANGCHAIN_STACK = (
    "from langchain_openai import ChatOpenAI, OpenAIEmbeddings\n"
    "from langchain_community.vectorstores import FAISS\n"
    "from langchain_core.runnables import RunnablePassthrough\n"
    "from langchain_core.prompts import ChatPromptTemplate\n"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(describe("streamlit", "langchain-core", "onnxruntime"))
    with tempfile.TemporaryDirectory() as home:
        os.environ["GROUNDTUNE_HOME"] = home
        for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
            os.environ.pop(name, None)
        subprocess.run(app("ask", QUESTION), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print_commands(rounds)
        print_pages()


def app(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "app", *arguments]


def print_commands(rounds: int) -> None:
    commands = {
        "python -m app --help": app("--help"),
        "python -m app ask, cold process": app("ask", QUESTION),
        "peer: importing LangChain + OpenAI + FAISS": [sys.executable, "-W", "ignore", "-c", LANGCHAIN_STACK],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            seconds[name].append(processor_seconds(command))
    peer = seconds["peer: importing LangChain + OpenAI + FAISS"]
    rows = [
        (name, f"{statistics.median(taken):.2f}", f"{statistics.median(ratios(taken, peer)):.2f}")
        for name, taken in seconds.items()
    ]
    print(table(("command", "processor seconds, median", "ratio to the peer, median of rounds"), rows))


def ratios(taken: Sequence[float], peer: Sequence[float]) -> list[float]:
    return [mine / other for mine, other in zip(taken, peer, strict=True)]


def processor_seconds(command: Sequence[str]) -> float:
    """User and system seconds of one run, its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def print_pages() -> None:
    port = free_port()
    hello = [sys.executable, "-m", "streamlit", "hello", "--server.headless=true", f"--server.port={port}"]
    with serving(app("ui", "--port", str(port)), port) as process:
        ours = resident_mib(process.pid)
    with serving([*hello, "--browser.gatherUsageStats=false"], port) as process:
        peer = resident_mib(process.pid)
    rows = [
        ("python -m app ui, idle", f"{ours:.0f}", f"{ours / peer:.2f}"),
        ("peer: streamlit hello, idle", f"{peer:.0f}", "1.00"),
    ]
    print(table(("web process", "resident MiB", "ratio to the peer"), rows))


@contextmanager
def serving(command: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A web process that answers; ended with the block."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/_stcore/health")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_until_ready(url: str, timeout_s: float = 120.0) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(url)


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    main()
