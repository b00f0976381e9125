"""Files in each form that training data comes in with the row that they become, and records that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finetune.examples import Example, Refused, Row
from finetune.importing import read_examples, recognise

USER, BOT = "What does it cost?", "It costs 5 euros."


def said(role: str, text: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": text, **more}


CHAT: Row = {"messages": [said("user", USER), said("assistant", BOT)]}
ASKED, TOLD = CHAT["messages"][:1], CHAT["messages"][1:]
NO_IDEA = [said("assistant", "No idea.")]
PREFERENCE: Row = {
    "input": {"messages": [said("user", USER)]},
    "preferred_output": [said("assistant", BOT)],
    "non_preferred_output": NO_IDEA,
}


def lines(*records: Any) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def imported(path: Path, **how: Any) -> tuple[list[Example], list[Refused]]:
    found = list(read_examples(path, recognise(path, **how)))
    return [one for one in found if isinstance(one, Example)], [
        one for one in found if isinstance(one, Refused)
    ]


def file_of(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def node(parent: str | None, role: str, *parts: Any, kind: str = "text", **more: Any) -> dict[str, Any]:
    """A message in ChatGPT's export."""
    content = {"content_type": kind, "parts": list(parts)}
    return {"parent": parent, "message": {"author": {"role": role}, "content": content, **more}}


CHATGPT = {
    "title": "Costs",
    "conversation_id": "c-7",
    "current_node": "f",
    "mapping": {
        "root": {"parent": None, "message": None},
        "a": node("root", "system", ""),
        "b": node("a", "user", USER, {"asset_pointer": "file://x"}, kind="multimodal_text"),
        "x": node("b", "assistant", "An answer that was asked again."),
        "c": node("b", "assistant", "search('cost')", kind="code", recipient="browser"),
        "d": node("c", "tool", "5 euros"),
        "e": node("d", "assistant", BOT),
        "f": node("e", "user", "Thanks!"),
    },
}
TORN = {**CHATGPT, "mapping": {**CHATGPT["mapping"], "b": node("gone", "user", USER)}}  # type: ignore[dict-item]
CIRCLE = {**CHATGPT, "mapping": {**CHATGPT["mapping"], "a": node("f", "user", USER)}}  # type: ignore[dict-item]
SHAREGPT = {"conversations": [{"from": "human", "value": USER}, {"from": "gpt", "value": BOT}]}
TOOL_TALK = {
    "conversations": [
        {"from": "human", "value": "Weather in Graz?"},
        {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Graz"}}'},
        {"from": "observation", "value": "21"},
        {"from": "gpt", "value": "21 degrees."},
    ],
    "tools": '[{"name": "weather", "parameters": {}}]',
}
CALL = {
    "id": "call_1_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Graz"}'},
}
TOOL_ROW: Row = {
    "messages": [
        said("user", "Weather in Graz?"),
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1_1", "content": "21"},
        said("assistant", "21 degrees."),
    ],
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": {}}}],
}
EXPORT = {
    "format": "groundtune-conversation",
    "version": 1,
    "conversation": {"id": "c1", "title": "Costs"},
    "exchanges": [
        {
            "id": "c1-1",
            "question": USER,
            "answers": [
                {"number": 1, "state": "done", "mode": "rag", "text": "Wrong.", "answer": {}},
                {"number": 2, "state": "done", "mode": "rag", "text": BOT[:-1] + " [1][2].", "answer": {}},
            ],
        }
    ],
}
PRETTY = (json.dumps(CHAT, indent=2) + "\n\n" + json.dumps(CHAT, indent=2)).encode()
GRADED = {"messages": [said("user", USER)], "reference": "5"}

MARKED = b"\xef\xbb\xbf" + lines(CHAT).replace(b"\n", b"\r\n\r\n")
FORMS = [
    pytest.param("a.jsonl", lines(CHAT), "chat", CHAT, id="OpenAI chat"),
    pytest.param(
        "a.jsonl",
        lines({"messages": [{"content": BOT, "role": "assistant", "function_call": None}], "tools": []}),
        "chat",
        {"messages": [{"content": BOT, "role": "assistant", "function_call": None}], "tools": []},
        id="chat rows stay as they are",
    ),
    pytest.param("a.jsonl", lines(PREFERENCE), "preference", PREFERENCE, id="OpenAI preference"),
    pytest.param("a.jsonl", lines(GRADED), "reinforcement", GRADED, id="reinforcement keeps the grader's fields"),
    pytest.param(
        "a.jsonl",
        lines({"prompt": USER, "chosen": BOT, "rejected": "No idea."}),
        "chosen-rejected",
        PREFERENCE,
        id="TRL preference of texts",
    ),
    pytest.param(
        "a.jsonl",
        lines({"prompt": ASKED, "chosen": TOLD, "rejected": NO_IDEA}),
        "chosen-rejected",
        PREFERENCE,
        id="TRL preference of messages",
    ),
    pytest.param(
        "a.jsonl",
        lines({"chosen": CHAT["messages"], "rejected": [said("user", USER), said("assistant", "No idea.")]}),
        "chosen-rejected",
        PREFERENCE,
        id="TRL preference with the prompt in both answers",
    ),
    pytest.param(
        "a.jsonl",
        lines(
            {
                "prompt": USER,
                "chosen": CHAT["messages"],
                "rejected": [said("user", USER), said("assistant", "No idea.")],
            }
        ),
        "chosen-rejected",
        PREFERENCE,
        id="the prompt thrice is taken once",
    ),
    pytest.param(
        "a.jsonl",
        lines(
            {
                "chosen": f"\n\nHuman: {USER}\n\nAssistant: {BOT}",
                "rejected": f"\n\nHuman: {USER}\n\nAssistant: No idea.",
            }
        ),
        "chosen-rejected",
        PREFERENCE,
        id="written dialogues",
    ),
    pytest.param("a.json", json.dumps([SHAREGPT]).encode(), "sharegpt", CHAT, id="ShareGPT"),
    pytest.param("a.jsonl", lines(TOOL_TALK), "sharegpt", TOOL_ROW, id="ShareGPT with tools"),
    pytest.param(
        "a.jsonl",
        lines({"messages": [{"from": "system", "value": "Be kind."}, *SHAREGPT["conversations"]]}),
        "sharegpt",
        {"messages": [said("system", "Be kind."), *CHAT["messages"]]},
        id="ShareGPT under messages",
    ),
    pytest.param(
        "a.jsonl",
        lines({"conversations": CHAT["messages"], "system": "Be kind."}),
        "sharegpt",
        {"messages": [said("system", "Be kind."), *CHAT["messages"]]},
        id="conversations in OpenAI's words",
    ),
    pytest.param(
        "a.json",
        json.dumps([{"instruction": "Sum up.", "input": "A text.", "output": "Short."}]).encode(),
        "alpaca",
        {"messages": [said("user", "Sum up.\n\nA text."), said("assistant", "Short.")]},
        id="Alpaca",
    ),
    pytest.param(
        "a.jsonl",
        lines({"instruction": USER, "input": "", "output": BOT, "system": "Be kind.", "history": [["Hi", "Hello"]]}),
        "alpaca",
        {
            "messages": [
                said("system", "Be kind."),
                said("user", "Hi"),
                said("assistant", "Hello", weight=0),
                *CHAT["messages"],
            ]
        },
        id="Alpaca with history: read, not learnt",
    ),
    pytest.param(
        "a.jsonl",
        lines({"instruction": USER, "context": "A list.", "response": BOT, "category": "qa"}),
        "alpaca",
        {"messages": [said("user", f"{USER}\n\nA list."), said("assistant", BOT)]},
        id="Dolly",
    ),
    pytest.param(
        "a.jsonl",
        lines({"system": "Be kind.", **CHAT}),
        "chat",
        {"messages": [said("system", "Be kind."), *CHAT["messages"]]},
        id="a system prompt beside the messages",
    ),
    pytest.param(
        "a.jsonl",
        lines({"prompt": USER, "completion": BOT}),
        "completion",
        {"prompt": USER, "completion": BOT},
        id="completion pairs stay pairs",
    ),
    pytest.param(
        "a.jsonl",
        lines({"prompt": ASKED, "completion": TOLD}),
        "completion",
        CHAT,
        id="completion pairs of messages",
    ),
    pytest.param("a.jsonl", lines({"text": "Once."}), "text", {"text": "Once."}, id="text"),
    pytest.param(
        "a.jsonl", lines({"_id": "q1", "text": USER, "answer": BOT, "gold": ["x"]}), "questions", CHAT, id="questions"
    ),
    pytest.param("a.json", json.dumps(EXPORT).encode(), "conversation", CHAT, id="exported conversation"),
    pytest.param("conversations.json", json.dumps([CHATGPT]).encode(), "chatgpt", CHAT, id="ChatGPT's export"),
    pytest.param("one.json", json.dumps(CHATGPT).encode(), "chatgpt", CHAT, id="one conversation of ChatGPT's"),
    pytest.param("a.jsonl", f"{{'messages': {CHAT['messages']!r}, 'tools': None}}\n".encode(), "chat",
                 {**CHAT, "tools": None}, id="Python dicts"),
    pytest.param("a.txt", repr([CHAT]).encode(), "chat", CHAT, id="a Python list"),
    pytest.param("a.jsonl", lines({"question": USER, "answer": BOT}), "columns", CHAT, id="question and answer"),
    pytest.param("a.json", json.dumps({"data": [{"q": USER, "a": BOT}]}).encode(), "columns", CHAT, id="a wrapper"),
    pytest.param(
        "a.json",
        json.dumps({"rows": [{"row_idx": 0, "row": {"question": USER, "answer": BOT}}], "total": 1}).encode(),
        "columns",
        CHAT,
        id="a data server's answer",
    ),
    pytest.param(
        "a.json", json.dumps({"question": [USER], "answer": [BOT]}).encode(), "columns", CHAT, id="columns side by side"
    ),
    pytest.param(
        "a.json",
        json.dumps({"question": {"0": USER, "1": "B?"}, "answer": {"0": BOT, "1": "B."}}).encode(),
        "columns",
        CHAT,
        id="pandas to_json",
    ),
    pytest.param("a.json", json.dumps(CHAT, indent=2).encode(), "chat", CHAT, id="one object"),
    pytest.param(
        "a.json", PRETTY, "chat", CHAT, id="one after the other, over several lines"
    ),
    pytest.param("a.json", lines(CHAT, CHAT), "chat", CHAT, id="lines called .json"),
    pytest.param("a.jsonl", json.dumps([CHAT, CHAT], indent=1).encode(), "chat", CHAT, id="an array called .jsonl"),
    pytest.param("a.jsonl", lines(CHAT).decode().encode("utf-16"), "chat", CHAT, id="UTF-16, as PowerShell writes"),
    pytest.param("a.jsonl", MARKED, "chat", CHAT, id="BOM and CRLF"),
    pytest.param("a.csv", f"question,answer\n{USER},{BOT}\n".encode(), "columns", CHAT, id="CSV"),
    pytest.param("a.tsv", f"prompt\tcompletion\n{USER}\t{BOT}\n".encode(), "columns", CHAT, id="TSV"),
    pytest.param("a.csv", f"sep=;\nFrage;Antwort\n{USER};{BOT}\n".encode(), "columns", CHAT, id="Excel's sep="),
    pytest.param("a.csv", f"Vraag|Antwoord\n{USER}|{BOT}\n".encode("utf-16"), "columns", CHAT, id="UTF-16 CSV"),
    pytest.param(
        "a.csv",
        f"question,chosen,rejected\n{USER},{BOT},No idea.\n".encode(),
        "columns",
        PREFERENCE,
        id="CSV of preferences",
    ),
    pytest.param(
        "a.csv",
        ('messages\n"' + json.dumps(CHAT["messages"]).replace('"', '""') + '"\n').encode(),
        "chat",
        CHAT,
        id="CSV with messages in a cell",
    ),
    pytest.param(
        "a.csv",
        f"ticket_id,author,message\n7,customer,{USER}\n7,agent,{BOT}\n".encode(),
        "turns",
        CHAT,
        id="one message a row",
    ),
    pytest.param(
        "a.csv",
        b"text,label\nParcel is late,shipping\nRefund please,money\n",
        "columns",
        {"messages": [said("user", "Parcel is late"), said("assistant", "shipping")]},
        id="a text and its class",
    ),
    pytest.param(
        "a.csv",
        b"Where is it?,In the box.\nWho pays?,The buyer does.\n",
        "columns",
        {"messages": [said("user", "Where is it?"), said("assistant", "In the box.")]},
        id="no header",
    ),
    pytest.param(
        "a.csv",
        b"c1,c2,c3\n1,You get it within a week of ordering.,When do I get it?\n2,Nobody does.,Who pays for that?\n",
        "columns",
        {"messages": [said("user", "When do I get it?"), said("assistant", "You get it within a week of ordering.")]},
        id="columns told by what they hold",
    ),
]  # fmt: skip

GOOD = lines(CHAT).decode()
TURNS = "ticket,role,text\n1,user,a\n1,agent,b\n"
KTO = {"prompt": USER, "completion": BOT, "label": True}
REFUSALS = [
    pytest.param(
        "a.jsonl",
        lines(KTO, KTO | {"label": False}).decode(),
        2,
        "label",
        "not wanted",
        id="an unwanted answer",
    ),
    pytest.param("a.jsonl", GOOD + "{broken\n" + GOOD, 2, "", "Column", id="broken JSON"),
    pytest.param("a.jsonl", GOOD + "[1]\n", 2, "", "", id="a list"),
    pytest.param("a.jsonl", GOOD + '{"messages": [], "messages": []}\n', 2, "", "messages", id="a key twice"),
    pytest.param("a.jsonl", GOOD + '{"messages": NaN}\n', 2, "", "NaN", id="NaN"),
    pytest.param("a.jsonl", GOOD + '{"messages": []}\n', 2, "messages", "no list of messages", id="no messages"),
    pytest.param("a.jsonl", GOOD + '{"messages": [5]}\n', 2, "messages[0]", "5 is no message", id="no message"),
    pytest.param("a.jsonl", GOOD + '{"messages": [{"role": "alien", "content": "x"}]}\n', 2, "messages[0].role",
                 "'alien' is no known speaker", id="an unknown role"),
    pytest.param("a.jsonl", GOOD + '{"messages": [{"role": ["user"], "content": "x"}]}\n', 2, "messages[0].role",
                 "is no known speaker", id="a role that is a list"),
    pytest.param("a.jsonl", GOOD + '{"instruction": "a", "output": "b"}\n', 2, "messages",
                 "is of the form alpaca", id="another form"),
    pytest.param("a.json", json.dumps([CHATGPT, TORN]), 2, "mapping", "'gone' is not in the tree", id="a torn tree"),
    pytest.param("a.json", json.dumps([CHATGPT, CIRCLE]), 2, "mapping", "above itself", id="a tree in a circle"),
    pytest.param("a.json", json.dumps([CHATGPT, {**CHATGPT, "current_node": "b"}]), 2, "mapping", "No question in it",
                 id="a tree without an answer"),
    pytest.param("a.json", json.dumps([CHAT, 5]), 2, "", "The record is a number", id="no object in an array"),
    pytest.param("a.json", json.dumps([CHAT])[:-1] + ",}", 2, "", "From here the file is no JSON", id="a broken array"),
    pytest.param("a.json", json.dumps([CHAT])[:-1], 2, "", "no later record", id="an array that ends early"),
    pytest.param("a.csv", "question,answer\na,b\n,b\n", 3, "question", "The question is empty", id="no question"),
    pytest.param("a.csv", "question,answer\na,b\na\n", 3, "answer", "The answer is empty", id="a short row"),
    pytest.param("a.csv", "question,answer\na,b\na,b,c\n", 3, "", "has 3 cells where", id="a long row"),
    pytest.param("a.csv", 'question,answer\na,b\n"a,b\nc,d\n', 3, "", "never closed", id="an open quotation mark"),
    pytest.param("a.csv", 'question,answer\na,b\n"a,b\nc,d\n"e",f\n', 3, "", "never closed", id="closed too late"),
    pytest.param("a.csv", TURNS + "2,user,c\n", 4, "role", "Nobody answers", id="unanswered"),
    pytest.param("a.csv", TURNS + "2,user,c\n2,agent,d\n1,user,e\n", 6, "ticket",
                 "stands apart", id="a torn conversation"),
    pytest.param("a.csv", TURNS + "2,Zorp,c\n", 4, "role", "'Zorp'", id="an unknown speaker"),
    pytest.param("a.txt", f"{CHAT!r}\n{{'messages': open('x')}}\n", 2, "", "more than plain values", id="no literal"),
    pytest.param("a.txt", f"{CHAT!r}\n{{'messages': {{1, 2}}}}\n", 2, "$.messages", "JSON does not have", id="a set"),
    pytest.param("a.txt", f"{CHAT!r}\n{'[' * 500}{']' * 500}\n", 2, "", "nested more than", id="nested too deep"),
]  # fmt: skip
