"""X01: every way in which a RAFT row teaches the wrong thing is told, with its place; sound rows are left alone."""

from __future__ import annotations

from typing import Any

import pytest

from chains.passages_prompt import wrapper_sha256
from chains.prompts import load_prompt
from finetune.findings import Finding, Where
from finetune.validation.raft_rules import RaftChecker

Row = dict[str, Any]
TEXTS = ("A lost key costs 40 euros.", "The floor is wiped every day.", "The alarm waits 20 minutes.")
QUOTE = "[1] <quote>A lost key costs 40 euros.</quote>"


def user_text(texts: tuple[str, ...]) -> str:
    blocks = [f'<passage number="{n}" source="s">\n{text}\n</passage>' for n, text in enumerate(texts, 1)]
    return "\n".join(["<passages>", *blocks, "</passages>", "", "Question: What does a lost key cost?"])


def row(reply: str, texts: tuple[str, ...] = TEXTS, **facts: Any) -> Row:
    recorded = {
        "teaches": "read",
        "answerable": True,
        "oracles": [1],
        "needs": 1,
        "passages": [
            {"chunk": f"{n}", "role": "oracle" if n == 1 else "hard"} for n in range(1, len(texts) + 1)
        ],
        "quotes": [{"passage": 1, "text": "A lost key costs 40 euros."}],
        "accepted": ["40 euros"],
        "recipe": {"p": 0.8},
        "prompt": "hybrid.v2",
        "prompt_sha256": load_prompt("hybrid").sha256,
        "wrapper_sha256": wrapper_sha256(),
    }
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": user_text(texts)},
        {"role": "assistant", "content": reply},
    ]
    return {"messages": messages, "metadata": {"raft": recorded | facts}}


def reasoned(answer: str = "It costs 40 euros [1].", reasoning: str = QUOTE) -> str:
    return f"<reasoning>\n{reasoning}\n</reasoning>\n{answer}"


def absent(reply: str, teaches: str) -> Row:
    hard = [{"chunk": f"{n}", "role": "hard"} for n in (2, 3)]
    return row(reply, TEXTS[1:], teaches=teaches, oracles=[], passages=hard)


def foreign(reply: str, *texts: str) -> Row:
    """As the RAFT paper's own code writes a row."""
    prompt = "".join(f"<DOCUMENT>{text}</DOCUMENT>\n" for text in texts) + "What does a lost key cost?"
    return {"prompt": prompt, "completion": reply}


def check(*rows: Row) -> list[Finding]:
    checker = RaftChecker()
    found: list[Finding] = []
    for line, one in enumerate(rows, 1):
        kind = "chat" if "messages" in one else "completion"
        found += checker.look(Where(file="raft.jsonl", line=line, split="train"), one, kind)  # type: ignore[arg-type]
    return [*found, *checker.finish()]


PAPER = "##Reason: ##begin_quote##A lost key costs 40 euros.##end_quote## So it is 40. <ANSWER>: 40 euros"
SOUND = [
    pytest.param(row(reasoned(reasoning=QUOTE.replace("[1] ", ""))), id="a quote without its number"),
    pytest.param(row(reasoned()), id="read"),
    pytest.param(absent("NOT_IN_DOCUMENTS", "abstain"), id="abstain"),
    pytest.param(absent("It costs 40 euros.", "memorise"), id="memorise"),
    pytest.param(foreign(PAPER, *TEXTS), id="the paper's"),
    pytest.param(
        {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi [7]."}]},
        id="no RAFT row",
    ),
    pytest.param({"messages": "none"}, id="no messages"),
]


@pytest.mark.parametrize("sound", SOUND)
def test_a_sound_row_is_left_alone(sound: Row) -> None:
    assert check(sound) == []


TWIN = ("A lost key costs 40 euros.", "The floor is wiped.", "The floor  is wiped!")
REPLY, ASKED, RAFT = "$.messages[2].content", "$.messages[1].content", "$.metadata.raft"
BROKEN = [
    pytest.param(
        row(reasoned(reasoning="[1] <quote>A key costs 40.</quote>")),
        REPLY,
        "is not in passage 1",
        id="a quote that is none",
    ),
    pytest.param(
        row(reasoned(reasoning=QUOTE.replace("[1]", "[2]"))),
        REPLY,
        "is not in passage 2",
        id="a quote of another passage",
    ),
    pytest.param(row(f"<reasoning>\n{QUOTE}\n"), REPLY, "has no final answer", id="no answer"),
    pytest.param(
        row(reasoned("40 [1]. </reasoning> 41 [1].")), REPLY, "2 marks of a final answer", id="two answers"
    ),
    pytest.param(row(reasoned("")), REPLY, "answer is empty", id="an empty answer"),
    pytest.param(
        row(reasoned("NOT_IN_DOCUMENTS, but 40 [1].")), REPLY, "beside other words", id="abstains and answers"
    ),
    pytest.param(
        row(reasoned("It costs 40 euros [1][9].")), REPLY, "[9] was not given", id="cites what was not given"
    ),
    pytest.param(
        row(reasoned("It costs 40 euros [1][3].")), REPLY, "[3] is a distractor", id="cites a distractor"
    ),
    pytest.param(row(reasoned("It costs 40 euros.")), REPLY, "cites no passage", id="cites nothing"),
    pytest.param(row(reasoned(reasoning="I know.")), REPLY, "quotes nothing", id="quotes nothing"),
    pytest.param(row(reasoned(), TWIN), ASKED, "Passage 3 says what passage 2 says", id="a distractor twice"),
    pytest.param(
        row(reasoned(), (*TEXTS[:2], "Key: 40 euros")),
        ASKED,
        "distractor 3 holds the answer '40 euros'",
        id="the answer in a distractor",
    ),
    pytest.param(
        row(reasoned(), (*TEXTS[:2], "Note. A lost key costs 40 euros.")),
        ASKED,
        "Passages 1 and 3 all hold",
        id="the quote in a distractor",
    ),
    pytest.param(
        absent("It costs 40 euros [1].", "abstain"),
        REPLY,
        "does not abstain",
        id="answers without the oracle",
    ),
    pytest.param(
        absent("It costs 40 euros [1].", "memorise"), REPLY, "quotes or cites", id="cites from memory"
    ),
    pytest.param(
        row(reasoned(), needs=2),
        f"{RAFT}.passages",
        "1 oracles are given and 2 are needed",
        id="an oracle is missing",
    ),
    pytest.param(
        row(reasoned(), oracles=[2]), f"{RAFT}.oracles", "recorded as [2]", id="another oracle is recorded"
    ),
    pytest.param(
        row(reasoned(), passages=[]),
        f"{RAFT}.passages",
        "Recorded are 0 passages",
        id="passages are not recorded",
    ),
    pytest.param(row(reasoned(), passages="x"), f"{RAFT}.passages", "no list of passages", id="no list"),
    pytest.param(
        row(reasoned(), teaches="sing"), f"{RAFT}.teaches", "'sing'", id="teaches what there is not"
    ),
    pytest.param(
        foreign(PAPER.replace("40 euros.##", "41 euros.##"), *TEXTS),
        "$.completion",
        "not in any passage",
        id="the paper's: a quote that is none",
    ),
    pytest.param(
        foreign(PAPER.replace("<ANSWER>:", ""), *TEXTS),
        "$.completion",
        "has no final answer",
        id="the paper's: no answer",
    ),
    pytest.param(
        foreign(PAPER, *TEXTS, TEXTS[0]),
        "$.prompt",
        "Passage 4 says what passage 1 says",
        id="the paper's: its oracle twice",
    ),
]


@pytest.mark.parametrize(("broken", "path", "message"), BROKEN)
def test_a_broken_row_is_told_at_its_place(broken: Row, path: str, message: str) -> None:
    found = check(broken)
    assert (path, "error") in {(one.path, one.severity) for one in found}
    assert any(message in one.message and one.path == path for one in found), [one.message for one in found]
    assert {(one.rule, one.file, one.line) for one in found} == {("X01", "raft.jsonl", 1)}


def test_passages_are_numbered_from_one() -> None:
    broken = row(reasoned())
    broken["messages"][1]["content"] = broken["messages"][1]["content"].replace('number="2"', 'number="5"')
    assert any("numbered 1, 5, 3" in one.message for one in check(broken))


# --- over a file ----------------------------------------------------------------------------------


def at_place(place: int) -> Row:
    order = (
        (TEXTS[1], TEXTS[0], TEXTS[2])
        if place == 2
        else (TEXTS[1], TEXTS[2], TEXTS[0])
        if place == 3
        else TEXTS
    )
    roles = [{"chunk": f"{n}", "role": "oracle" if n == place else "hard"} for n in (1, 2, 3)]
    reply = reasoned(f"It costs 40 euros [{place}].", QUOTE.replace("[1]", f"[{place}]"))
    return row(reply, order, oracles=[place], passages=roles)


def spread(count: int) -> list[Row]:
    return [at_place(1 + n % 3) for n in range(count)]


ABSENT = [absent("NOT_IN_DOCUMENTS", "abstain") for _ in range(30)]
FILES = [
    pytest.param([*spread(16), *ABSENT[:4]], None, id="as the recipe asks"),
    pytest.param([*spread(5), *ABSENT[:10]], None, id="too few to tell"),
    pytest.param(
        [*spread(20), *ABSENT[:30]],
        "30 of 50 answerable rows come without their oracle",
        id="too many without",
    ),
    pytest.param(spread(24), "never taught to abstain", id="none without"),
    pytest.param(
        [*[row(reasoned()) for _ in range(24)], *ABSENT[:6]],
        "24 of 24 oracles are passage 1",
        id="always first",
    ),
    pytest.param(
        [*spread(3), row(reasoned(), prompt_sha256="0", prompt="hybrid.v1")],
        "from line 4 on",
        id="another prompt",
    ),
]


@pytest.mark.parametrize(("rows", "message"), FILES)
def test_a_files_shares_are_judged_as_a_whole(rows: list[Row], message: str | None) -> None:
    found = check(*rows)
    assert len(found) == (message is not None), [one.message for one in found]
    assert all(message in one.message and one.line is None for one in found if message)
