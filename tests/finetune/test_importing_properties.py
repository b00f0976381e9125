"""Whatever is written in a known form comes back whole: texts, order, numbers of lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetune.examples import Example
from finetune.importing import json_records, read_examples, recognise
from finetune.importing.records import Record

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# What a text file can hold as it is: no control characters, no halves of surrogate pairs.
TEXT = (
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
    .map(str.strip)
    .filter(bool)
)
LINES = st.lists(TEXT, min_size=1, max_size=3).map("\n".join)
PAIRS = st.lists(st.tuples(LINES, LINES), min_size=1, max_size=6)
ROLES = st.sampled_from(["system", "user", "assistant"])
TALK = st.lists(st.fixed_dictionaries({"role": ROLES, "content": LINES}), min_size=1, max_size=5)


def rows_of(path: Path, **how: Any) -> list[dict[str, Any]]:
    """All rows; nothing may be refused."""
    found = list(read_examples(path, recognise(path, **how)))
    assert all(isinstance(one, Example) for one in found), found
    return [one.row for one in found if isinstance(one, Example)]


def pairs_of(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["messages"][0]["content"], row["messages"][1]["content"]) for row in rows]


@QUICK
@given(pairs=PAIRS, delimiter=st.sampled_from(",;\t|"), ends=st.sampled_from(["\n", "\r\n"]))
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_of_any_delimiter_and_encoding_is_read_back(
    tmp_path: Path, pairs: list[tuple[str, str]], delimiter: str, ends: str, codec: str
) -> None:
    written = io.StringIO(newline="")
    table = csv.writer(written, delimiter=delimiter, lineterminator=ends, quoting=csv.QUOTE_ALL)
    table.writerows([("question", "answer"), *pairs])
    path = tmp_path / "a.csv"
    path.write_bytes(written.getvalue().encode(codec))
    assert pairs_of(rows_of(path, mapping={"question": "question", "answer": "answer"})) == pairs


@QUICK
@given(talks=st.lists(TALK, min_size=1, max_size=5))
def test_chat_rows_are_read_back_from_lines_arrays_and_wrappers(tmp_path: Path, talks: list[Any]) -> None:
    rows = [{"messages": talk} for talk in talks]
    forms = {
        "a.jsonl": "\n".join(map(json.dumps, rows)),
        "b.json": json.dumps(rows, ensure_ascii=False),
        "c.json": json.dumps({"version": 1, "data": rows}, indent=1),
        "d.txt": "\n".join(map(repr, rows)),
    }
    for name, text in forms.items():
        (tmp_path / name).write_text(text, "utf-8")
        assert rows_of(tmp_path / name, form="chat") == rows, name


@QUICK
@given(talks=st.lists(TALK, min_size=1, max_size=5))
def test_sharegpt_is_openai_in_other_words(tmp_path: Path, talks: list[Any]) -> None:
    words = {"system": "system", "user": "human", "assistant": "gpt"}
    told = [
        {"conversations": [{"from": words[one["role"]], "value": one["content"]} for one in talk]}
        for talk in talks
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(told), "utf-8")
    assert rows_of(path) == [{"messages": talk} for talk in talks]


@QUICK
@given(
    talks=st.lists(TALK, min_size=1, max_size=6),
    chunk=st.integers(1, 30),
    indent=st.sampled_from([None, 0, 2]),
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_array_is_the_same_in_pieces_of_any_size(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    talks: list[Any],
    chunk: int,
    indent: int | None,
    wrapped: bool,
) -> None:
    monkeypatch.setattr(json_records, "_CHUNK", chunk)
    monkeypatch.setattr(json_records, "_WHOLE", 0)
    rows = [{"messages": talk} for talk in talks]
    path = tmp_path / "a.json"
    document = {"about": {"n": [1, 2]}, "tags": ["x"], "rows": rows, "end": None} if wrapped else rows
    path.write_text(json.dumps(document, indent=indent, ensure_ascii=False), "utf-8")
    assert [record.value for record in json_records.read_document(path)] == rows


@QUICK
@given(
    data=st.binary(max_size=200),
    start=st.sampled_from([b"", b"[", b'{"data": [', b"question,answer\n", b"{'a': "]),
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.parquet", "a.xlsx", "a"])
def test_no_bytes_at_all_break_it(tmp_path: Path, name: str, data: bytes, start: bytes) -> None:
    """Rows, refusals or one sentence: never another exception."""
    from errors import DatasetError

    path = tmp_path / name
    path.write_bytes(start + data)
    try:
        for one in read_examples(path, recognise(path, mapping={})):
            assert one is not None
    except DatasetError as error:
        assert str(error).rstrip().endswith((".", "?", "turns, columns", "columns."))


def test_a_broken_array_names_the_line_even_far_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    text = json.dumps([{"text": "x" * 100, "n": number} for number in range(30_000)], indent=0)
    place = text.index('"n": 29000')
    path.write_text(text[:place] + "n: 29000" + text[place + 10 :], "utf-8")
    records: Iterator[Record] = json_records.read_document(path)
    *good, last = records
    assert len(good) == 29_000
    assert last.number == 29_001
    assert last.fault is not None
    assert f"line {text[:place].count(chr(10)) + 1}," in last.fault.reason
