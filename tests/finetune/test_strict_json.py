"""JSON Lines read strictly. The cases follow the classes of JSONTestSuite: y_ accepted, n_ refused, i_ decided here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import DatasetError
from finetune.strict_json import DEEPEST, lines, parse

ACCEPTED = [
    pytest.param(b"[]", [], id="empty array"),
    pytest.param(b"{}", {}, id="empty object"),
    pytest.param(b'{"":0}', {"": 0}, id="empty key"),
    pytest.param(b" [1] ", [1], id="white space around"),
    pytest.param(b'[ \t\r\n"a"\t,\n1]', ["a", 1], id="every white space"),
    pytest.param(b'"scalar"', "scalar", id="lonely string"),
    pytest.param(b"-0", 0, id="minus zero"),
    pytest.param(b"[1E22, 1e+2, 0.5e-3]", [1e22, 100.0, 0.0005], id="exponents"),
    pytest.param(b"[-9223372036854775808]", [-(2**63)], id="smallest of 64 bits"),
    pytest.param(b"[123.456e-789]", [0.0], id="a number too small is zero"),
    pytest.param(b'["\\u0060\\u012a\\u12AB"]', ["\u0060\u012a\u12ab"], id="escapes"),
    pytest.param(b'["\\ud834\\udd1e"]', ["\U0001d11e"], id="both halves of a pair"),
    pytest.param(b'["\\"\\\\\\/\\b\\f\\n\\r\\t"]', ['"\\/\b\f\n\r\t'], id="short escapes"),
    pytest.param(b'["\\u0000"]', ["\0"], id="escaped NUL is JSON"),
    pytest.param(b'["\x7f"]', ["\x7f"], id="DEL needs no escape"),
    pytest.param("[\"\u2028\u2029€𝄞\ufeff\"]".encode(), ["\u2028\u2029€𝄞\ufeff"], id="UTF-8 of all lengths"),
    pytest.param(b'{"a":{"a":{"a":1}}}', {"a": {"a": {"a": 1}}}, id="the same key at other levels"),
    pytest.param(b'{"a":"b","b":"a"}', {"a": "b", "b": "a"}, id="key as value"),
    pytest.param(b'{"a":": b","c":"d\\":e"}', {"a": ": b", "c": 'd":e'}, id="what looks like keys in texts"),
    pytest.param(b'{"a" : ":" , "b"\t: 1}', {"a": ":", "b": 1}, id="white space before the colon"),
    pytest.param(b'{"a\\\\":1,"a":2}', {"a\\": 1, "a": 2}, id="a key that ends in a backslash"),
    pytest.param(b"[" * DEEPEST + b"]" * DEEPEST, None, id="as deep as allowed"),
    pytest.param(b"[true,false,null]", [True, False, None], id="literals"),
]  # fmt: skip
REFUSED = [
    pytest.param(b"[1,]", "trailing_comma", 3, id="comma in array"),
    pytest.param(b'{"a":1,}', "trailing_comma", 7, id="comma in object"),
    pytest.param(b'{"a":1 , }', "trailing_comma", 8, id="comma and space"),
    pytest.param(b'{"a":1},', "trailing_comma", 8, id="comma after object"),
    pytest.param(b"[,1]", "syntax", 2, id="comma first"),
    pytest.param(b"[1,,2]", "syntax", 4, id="two commas"),
    pytest.param(b"[1 2]", "syntax", 4, id="no comma"),
    pytest.param(b'{"a" 1}', "syntax", 6, id="no colon"),
    pytest.param(b'{"a"}', "syntax", 5, id="key alone"),
    pytest.param(b"{1:1}", "number", 2, id="number as key"),
    pytest.param(b"{a:1}", "syntax", 2, id="bare key"),
    pytest.param(b"{'a':1}", "python", 2, id="single quotes"),
    pytest.param(b'{"a":None}', "python", 6, id="None"),
    pytest.param(b'{"a":True}', "python", 6, id="True"),
    pytest.param(b'{"a":NaN}', "nan", 6, id="NaN"),
    pytest.param(b'{"a":Infinity}', "nan", 6, id="Infinity"),
    pytest.param(b'{"a":-Infinity}', "nan", 6, id="minus Infinity"),
    pytest.param(b'{"a":[1,-NaN]}', "nan", 9, id="minus NaN"),
    pytest.param(b"[01]", "number", 2, id="leading zero"),
    pytest.param(b"[.5]", "number", 2, id="no digit before the point"),
    pytest.param(b"[1.]", "number", 2, id="no digit after the point"),
    pytest.param(b"[+1]", "number", 2, id="plus"),
    pytest.param(b"[-]", "number", 2, id="minus alone"),
    pytest.param(b"[1e]", "number", 2, id="exponent without digits"),
    pytest.param(b"[1e999]", "number", 2, id="past a double"),
    pytest.param(b"[0x1F]", "syntax", 3, id="hexadecimal"),
    pytest.param(b"[tru]", "syntax", 2, id="half a literal"),
    pytest.param(b'["\\x41"]', "syntax", 3, id="unknown escape"),
    pytest.param(b'["\\u12"]', "syntax", 3, id="short escape"),
    pytest.param(b'["\\ud800"]', "surrogate", 3, id="high half alone"),
    pytest.param(b'["\\udc00\\ud800"]', "surrogate", 3, id="halves the wrong way round"),
    pytest.param(b'["a\tb"]', "syntax", 4, id="raw tab in a text"),
    pytest.param(b'["a\nb"]', "syntax", 4, id="raw line end in a text"),
    pytest.param(b'["a\x00b"]', "nul", 4, id="raw NUL in a text"),
    pytest.param(b"{}\x00", "nul", 3, id="NUL at the end"),
    pytest.param(b'["\xff"]', "encoding", 3, id="no UTF-8"),
    pytest.param(b'["\xed\xa0\x80"]', "encoding", 3, id="surrogate in UTF-8"),
    pytest.param(b'["\xc0\xaf"]', "encoding", 3, id="overlong UTF-8"),
    pytest.param(b'["\xe4hnlich"]', "encoding", 3, id="Latin-1"),
    pytest.param(b'{"a":1}}', "trailing_text", 8, id="one bracket too many"),
    pytest.param(b'{"a":1} x', "trailing_text", 9, id="text after the object"),
    pytest.param(b'{"a":1}\xe2\x81\xa0', "trailing_text", 8, id="word joiner after the object"),
    pytest.param(b'{"a":1}{"b":2}', "second_object", 8, id="two objects"),
    pytest.param(b'{"a":1}\r{"b":2}', "line_ends", 9, id="CR between objects"),
    pytest.param(b'{"a":1} // why', "comment", 9, id="comment after"),
    pytest.param(b'/* why */{"a":1}', "comment", 1, id="comment before"),
    pytest.param(b'{"a":"b', "truncated", 8, id="open string"),
    pytest.param(b'{"a":{"b":1}', "truncated", 13, id="open object"),
    pytest.param(b'{"a":1,"a":2}', "duplicate_key", 8, id="duplicate key"),
    pytest.param(b'{"a":1,"a":1}', "duplicate_key", 8, id="duplicate key and value"),
    pytest.param(b'{"a" :1,"a" : 2}', "duplicate_key", 9, id="duplicate key with spaces"),
    pytest.param(b'{"a":1,"a" :2}', "duplicate_key", 8, id="duplicate key, one with a space"),
    pytest.param(b'{"a":1,"\\u0061":2}', "duplicate_key", 8, id="duplicate key by its escape"),
    pytest.param(b'{"x":[{"k":": ","k":1}]}', "duplicate_key", 17, id="duplicate key further in"),
    pytest.param(b'{"a\\\\":1,"a\\\\":2}', "duplicate_key", 10, id="duplicate key with a backslash"),
    pytest.param(b"[" * 101 + b"]" * 101, "too_deep", 101, id="one level too deep"),
    pytest.param(b"[" * 100_000, "too_deep", None, id="100,000 open arrays"),
    pytest.param(b'{"a":' * 50_000, "too_deep", None, id="50,000 open objects"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), ACCEPTED)
def test_accepts_what_is_json(text: bytes, value: Any) -> None:
    found, fault = parse(text)
    assert fault is None
    assert value is None or found == value


@pytest.mark.parametrize(("text", "code", "column"), REFUSED)
def test_refuses_what_is_not_with_its_column(text: bytes, code: str, column: int | None) -> None:
    value, fault = parse(text)
    assert value is None
    assert fault is not None
    assert (fault.code, fault.column if column else None) == (code, column)
    assert fault.message.endswith(".")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"])) | st.sampled_from(['":', ": x", '\\":', "a\\", " :"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab:\\\" ", max_size=3), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(value=JSON, ascii_only=st.booleans(), spaced=st.booleans())
def test_gives_back_every_value_that_was_written(value: Any, ascii_only: bool, spaced: bool) -> None:
    separators = (" , ", " : ") if spaced else (",", ":")
    text = json.dumps(value, ensure_ascii=ascii_only, separators=separators)
    assert parse(text.encode()) == (value, None)


@settings(deadline=None)
@given(pairs=st.lists(st.tuples(st.text('ab:\\" ', max_size=2), JSON), max_size=5), spaced=st.booleans())
def test_finds_a_duplicate_key_where_there_is_one(pairs: list[tuple[str, Any]], spaced: bool) -> None:
    colon = " : " if spaced else ":"
    text = "{" + ",".join(f"{json.dumps(key)}{colon}{json.dumps(value)}" for key, value in pairs) + "}"
    _, fault = parse(text.encode())
    keys = [key for key, _ in pairs]
    assert (fault is not None and fault.code == "duplicate_key") == (len(set(keys)) < len(keys))


@settings(deadline=None)
@given(text=st.binary(max_size=60) | st.text('{}[]":,\\ a1\n', max_size=40).map(str.encode))
def test_agrees_with_the_standard_library_on_what_is_json(text: bytes) -> None:
    """Any bytes: no exception, and refused wherever the standard library refuses."""
    value, fault = parse(text)
    if fault is None:
        assert json.loads(text) == value
    else:
        assert value is None


LINES = [
    pytest.param(b'{"a":1}\n{"a":2}\n', [(1, None), (2, None)], id="plain"),
    pytest.param(b'{"a":1}\n{"a":2}', [(1, None), (2, None)], id="no line end at the end"),
    pytest.param(b"", [], id="empty file"),
    pytest.param(b'{"a":1}\n\n{"a":2}\n', [(1, None), (2, "blank"), (3, None)], id="blank line"),
    pytest.param(b'{"a":1}\n \t\r\n', [(1, None), (2, "blank")], id="line of white space"),
    pytest.param(b'{"a":1}\n5\n"x"\nnull\n', [(1, None)] + [(n, "not_an_object") for n in (2, 3, 4)], id="scalars"),
    pytest.param(b'[{"a":1}]\n{"a":2}\n', [(1, "array"), (2, None)], id="array on a line"),
    pytest.param(b'[\n{"a":1},\n{"a":2}\n]\n', [(1, "array")], id="file that is one array"),
    pytest.param(b'{"a":1}\n{\n "a": 2\n}\n{"a":3}\n', [(1, None), (2, "pretty_printed"), (5, None)], id="pretty"),
    pytest.param(b'{\n"a":\n {"b":"}{"}\n}', [(1, "pretty_printed")], id="pretty with brackets in texts"),
    pytest.param(b'{"a":\n{"a":1}\n{"a":2}\n', [(1, "truncated"), (2, None), (3, None)], id="torn line"),
    pytest.param(b'{"a":"x\n{"a":1}\n', [(1, "truncated"), (2, None)], id="torn text"),
    pytest.param(b'{"a":1}\n{"a":', [(1, None), (2, "truncated")], id="torn last line"),
    pytest.param(b'\xff\xfe{\x00"\x00', [(1, "utf16")], id="UTF-16 LE"),
    pytest.param('{"a":1}\n'.encode("utf-16-be"), [(1, "utf16")], id="UTF-16 BE without mark"),
    pytest.param(b"PAR1....", [(1, "binary")], id="Parquet"),
    pytest.param(b"\x1f\x8b\x08....", [(1, "binary")], id="gzip"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), LINES)
def test_every_line_is_a_row_or_has_its_fault(
    data: bytes, expected: list[tuple[int, str | None]], tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(data)
    found = list(lines(path))
    assert [(line.number, line.fault and line.fault.code) for line in found] == expected
    assert all((line.value is None) == (line.fault is not None) for line in found)


def test_notes_what_does_not_keep_a_line_from_being_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a":1}\r\n{"a":"\\u0000"}\n{"a":"\\\\u0000"}\n')
    assert [[note.code for note in line.notes] for line in lines(path)] == [
        ["bom", "crlf"],
        ["nul_escape"],
        [],
    ]


def test_a_line_past_the_longest_is_a_fault_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a":"' + b"x" * 500 + b'"}\n{"a":1}\n')
    first, second = lines(path, longest_bytes=100)
    assert first.fault is not None
    assert (first.fault.code, first.number) == ("too_long", 1)
    assert (second.value, second.number) == ({"a": 1}, 2)


@settings(deadline=None)
@given(rows=st.lists(st.dictionaries(st.text(max_size=3), JSON, max_size=3), max_size=6))
def test_gives_back_every_row_that_was_written(rows: list[dict[str, Any]], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8", newline="\n")
    assert [line.value for line in lines(path)] == rows
    assert b"".join(line.raw for line in lines(path)) == path.read_bytes()


@pytest.mark.parametrize("name", ["nowhere.jsonl", "."])
def test_a_file_that_cannot_be_read_is_one_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"^[^\n]+\.$"):
        list(lines(tmp_path / name))


def test_lines_are_not_looked_through_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects that never end, with lines below them that might end them."""
    from finetune import strict_json

    monkeypatch.setattr(strict_json, "_LOOK_AHEAD", 20_000)
    looked: list[bytes] = []
    opened = strict_json._opened_brackets

    def counted(raw: bytes) -> int | None:
        looked.append(raw)
        return opened(raw)

    monkeypatch.setattr(strict_json, "_opened_brackets", counted)
    (tmp_path / "a.jsonl").write_bytes((b"{\n" + b'"a":1,\n' * 20) * 100)
    assert len(list(strict_json.lines(tmp_path / "a.jsonl"))) == 2100
    assert len(looked) < 10_000


def test_a_text_without_an_end_is_read_once() -> None:
    from finetune.strict_json import _opened_brackets

    assert _opened_brackets(b'{"a": "' + b'\\"' * 200_000) is None
    assert _opened_brackets(b'{"a": ["x{", {}]') == 1
