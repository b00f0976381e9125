"""The command line: what goes to stdout, what to stderr, the JSON shapes that scripts rely on, the exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app import workspace
from app.__main__ import app
from errors import GroundtuneError, SettingsError
from tests.readers.samples import pdf

ROOT = Path(__file__).resolve().parents[2]
HANDBOOK = """# Handbook

## Leave

Every employee has 27 days of annual leave. Unused days lapse on 31 March of the following year.

## Travel

Hotels are booked through the travel desk in Ghent, which answers within one working day.
"""


def run(*arguments: str, expect: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == expect, result.output + repr(result.exception)
    return result


def run_json(*arguments: str, expect: int = 0) -> Any:
    """The command's stdout must be one JSON document and nothing else."""
    return json.loads(run(*arguments, "--json", expect=expect).stdout)


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "handbook.md").write_text(HANDBOOK, "utf-8")
    (folder / "pumps.txt").write_text("The P-40 pump moves 40 litres a minute.\n", "utf-8")
    return folder


@pytest.fixture
def filled(home: Path, documents: Path) -> Path:
    run("ingest", documents, "--kb", "team")
    return documents


def test_ingest_reports_what_became_of_each_file(home: Path, documents: Path) -> None:
    (documents / "broken.pdf").write_bytes(b"%PDF-1.7 nothing follows")
    report = run_json("ingest", documents, "--kb", "team")
    assert {name: report[name] for name in ("added", "updated", "unchanged", "removed")} == {
        "added": 2,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
    }
    assert [Path(failed["file"]).name for failed in report["failed"]] == ["broken.pdf"]
    assert report["failed"][0]["reason"].endswith(".")
    assert report["chunks"] >= 3
    assert report["seconds"] > 0


def test_ingest_twice_does_nothing_and_a_changed_file_is_updated(filled: Path) -> None:
    assert run_json("ingest", filled, "--kb", "team")["unchanged"] == 2
    (filled / "pumps.txt").write_text("The P-40 pump moves 45 litres a minute.\n", "utf-8")
    report = run_json("ingest", filled, "--kb", "team")
    assert (report["updated"], report["unchanged"]) == (1, 1)
    found = run_json("search", "P-40 pump litres", "--kb", "team", "--k", "1")
    assert "45 litres" in found[0]["text"]


def test_search_gives_the_documented_shape(filled: Path) -> None:
    found = run_json("search", "annual leave days", "--kb", "team", "--k", "2")
    assert len(found) == 2
    assert set(found[0]) == {"document_id", "chunk_id", "score", "text", "location", "metadata"}
    assert found[0]["document_id"] == "handbook.md"
    assert found[0]["location"]["headings"] == ["Handbook", "Leave"]
    text = HANDBOOK[found[0]["location"]["start"] : found[0]["location"]["end"]]
    assert found[0]["text"] == text


def test_explain_adds_the_scores(filled: Path) -> None:
    scores = run_json("search", "annual leave", "--kb", "team", "--explain")[0]["scores"]
    assert scores["terms"] == ["annual", "leave"]
    assert scores["cosine"] > 0.3


def test_a_filter_narrows_the_search(filled: Path) -> None:
    found = run_json("search", "leave", "--kb", "team", "--filter", "media_type=text/plain")
    assert {passage["document_id"] for passage in found} == {"pumps.txt"}


def test_batch_search_writes_a_trec_run(home: Path, tmp_path: Path) -> None:
    rows = [{"_id": f"doc {n}", "text": f"Pump number {n} moves {n} litres.", "title": ""} for n in range(9)]
    write_jsonl(tmp_path / "corpus.jsonl", rows)
    write_jsonl(
        tmp_path / "queries.jsonl", [{"_id": "q1", "text": "pump number 4"}, {"_id": "q2", "text": "litres"}]
    )
    report = run_json("ingest", tmp_path / "corpus.jsonl", "--kb", "pumps", "--id-field", "_id")
    assert report["added"] == 9
    run(
        "search",
        "--queries",
        tmp_path / "queries.jsonl",
        "--kb",
        "pumps",
        "--k",
        "5",
        "--run",
        tmp_path / "out.trec",
    )
    lines = [line.split() for line in (tmp_path / "out.trec").read_text("utf-8").splitlines()]
    assert [len(line) for line in lines] == [6] * 10
    assert lines[0][:4] == ["q1", "Q0", "doc%204", "1"]
    assert [line[3] for line in lines if line[0] == "q2"] == ["1", "2", "3", "4", "5"]
    scores = [float(line[4]) for line in lines if line[0] == "q1"]
    assert scores == sorted(scores, reverse=True)


def test_a_search_in_steps_finds_what_a_passage_names(home: Path, tmp_path: Path) -> None:
    towns = [
        {"_id": f"s{n}", "title": f"School {n}", "text": "A school located in a town."} for n in range(9)
    ]
    named = [
        {"_id": "icknield", "title": "Icknield School", "text": "Icknield School is located in Royston."},
        {
            "_id": "royston",
            "title": "Royston",
            "text": "Royston lies in the district of North Hertfordshire.",
        },
    ]
    write_jsonl(tmp_path / "corpus.jsonl", towns + named)
    write_jsonl(tmp_path / "queries.jsonl", [{"_id": "q", "text": "Which district is Icknield School in?"}])
    run_json("ingest", tmp_path / "corpus.jsonl", "--kb", "towns", "--id-field", "_id")
    query = ("Which district is Icknield School in?", "--kb", "towns", "--k", "2", "--multihop")
    assert {passage["document_id"] for passage in run_json("search", *query)} == {"icknield", "royston"}
    told = run("search", *query, "--explain").output
    assert "step 2: Royston district" in told
    trec = tmp_path / "out.trec"
    run(
        "search",
        "--queries",
        tmp_path / "queries.jsonl",
        "--kb",
        "towns",
        "--k",
        "2",
        "--multihop",
        "--run",
        trec,
    )
    assert {line.split()[2] for line in trec.read_text("utf-8").splitlines()} == {"icknield", "royston"}


def test_ask_cites_the_very_characters(filled: Path) -> None:
    answer = run_json("ask", "How many days of annual leave does an employee have?", "--kb", "team")
    assert not answer["abstained"]
    assert "27 days" in answer["answer"]
    assert "[1]" in answer["answer"]
    citation = answer["citations"][0]
    assert citation["verified"] is True
    assert HANDBOOK[citation["location"]["start"] : citation["location"]["end"]] == citation["quote"]
    assert {
        "answer",
        "mode",
        "model",
        "abstained",
        "confidence",
        "citations",
        "passages",
        "usage",
        "timings_ms",
    } <= set(answer)


def test_a_quoted_row_is_cited_by_its_own_cells(home: Path, tmp_path: Path) -> None:
    rows = [
        "Part,Supplier,Lead time",
        "Door hinge,Oldeman,3 weeks",
        "Compressor,Termovia,18 weeks",
        "Fan,Axial,2 days",
    ]
    (tmp_path / "parts.csv").write_text("\n".join(rows), "utf-8")
    run("ingest", tmp_path / "parts.csv", "--kb", "parts")
    answer = run_json("ask", "What is the lead time of the compressor?", "--kb", "parts")
    cells = {citation["location"]["cells"]: citation["quote"] for citation in answer["citations"]}
    assert "18 weeks" in cells["A3:C3"]
    assert answer["passages"][0]["location"]["cells"] == "A1:C4"


def test_another_model_can_be_named_for_one_question_but_must_be_connected(filled: Path) -> None:
    result = CliRunner().invoke(app, ["ask", "x", "--kb", "team", "--model", "openai:gpt-6-luna"])
    assert "'openai:gpt-6-luna' (command line) is not connected" in str(result.exception)


def test_ask_abstains_where_the_documents_are_silent(filled: Path) -> None:
    answer = run_json("ask", "What is the boiling point of tungsten?", "--kb", "team")
    assert answer["abstained"] is True
    assert answer["citations"] == []
    assert answer["reason"]


def test_batch_ask_keeps_every_id(filled: Path, tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "questions.jsonl",
        [{"_id": 7, "text": "How many days of leave?"}, {"_id": "b", "text": "?"}],
    )
    out = tmp_path / "answers.jsonl"
    counts = run_json("ask", "--questions", tmp_path / "questions.jsonl", "--kb", "team", "--out", out)
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [row["_id"] for row in rows] == [7, "b"]
    assert counts["answered"] + counts["abstained"] == 2


def test_knowledge_bases_are_listed_shown_and_removed(filled: Path) -> None:
    assert run_json("kb", "list") == [{"name": "team", "documents": 2, "chunks": 3, "failed": 0}]
    shown = run_json("kb", "show", "team")
    assert [file["document_id"] for file in shown["files"]] == ["handbook.md", "pumps.txt"]
    assert run_json("kb", "remove", "team", "--document", "pumps.txt") == {"removed_documents": ["pumps.txt"]}
    assert run_json("kb", "list")[0]["documents"] == 1
    assert run_json("kb", "doctor", "team") == []
    assert run_json("kb", "remove", "team", "--yes") == {"removed": "team"}
    assert run_json("kb", "list") == []


def test_rebuild_makes_a_generation_and_rollback_goes_back(filled: Path) -> None:
    before = run_json("search", "annual leave", "--kb", "team")
    first = run_json("kb", "rebuild", "team")["generation"]
    assert [p["text"] for p in run_json("search", "annual leave", "--kb", "team")] == [
        p["text"] for p in before
    ]
    assert run_json("kb", "rollback", "team")["generation"] == first - 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("search", "x", "--kb", "nowhere"), "There is no knowledge base 'nowhere'"),
        (("ingest", "nothing-here.pdf", "--kb", "team"), "There is no file or folder 'nothing-here.pdf'"),
        (("ask", "x", "--kb", "team", "--mode", "hybrid"), "The Hybrid mode cannot run"),
        (("ask", "x", "--kb", "team", "--mode", "base"), "No model is connected"),
        (("search", "x", "--kb", "team", "--filter", "novalue"), "not of the form key=value"),
        (("search", "x", "--kb", "team", "--filter", "a=1", "--filter", "a=2"), "names 'a' twice"),
        (("kb", "create", "team"), "exists already"),
        (("kb", "create", "a\nb"), "cannot name a knowledge base"),
        (("kb", "remove", "team", "--document", "ghost.md"), "ghost.md"),
    ],
)
def test_a_failure_is_one_sentence(filled: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = CliRunner().invoke(app, list(arguments))
    assert isinstance(result.exception, GroundtuneError), result.output
    assert sentence in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("search",),
        ("ask",),
        ("ask", " "),
        ("search", "x", "--queries", "f"),
        ("ask", "x", "--mode", "best"),
        ("fly",),
    ],
)
def test_wrong_usage_exits_with_2(home: Path, arguments: tuple[str, ...]) -> None:
    run(*arguments, expect=2)


def test_a_real_process_prints_the_sentence_on_stderr_and_exits_with_1(home: Path) -> None:
    command = [sys.executable, "-m", "app", "search", "x", "--kb", "nowhere", "--json"]
    ran = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.count("\n") == 1
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("bad", ["{", '{"_id": 1}', '["text"]', '{"_id": 1, "text": 5}', "[" * 9999])
def test_a_bad_question_file_is_named_with_its_line_and_leaves_no_output(
    filled: Path, tmp_path: Path, bad: str
) -> None:
    (tmp_path / "questions.jsonl").write_text('{"_id": 1, "text": "leave?"}\n' + bad, "utf-8")
    out = tmp_path / "answers.jsonl"
    arguments = ["ask", "--questions", str(tmp_path / "questions.jsonl"), "--kb", "team", "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, SettingsError)
    assert "line 2" in str(result.exception)
    assert sorted(path.name for path in tmp_path.iterdir() if "answers" in path.name) == []


# --- text that no encoding and no terminal takes as it is -----------------------------------------

ODD = "# Rocket \U0001f680\n\nThe rocket \U0001f680 costs 40 euros \u2192 in Gen\u00e8ve \x1b[31mtoday\x1b[0m.\n"


@pytest.fixture
def odd(home: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "rocket.md").write_text(ODD, "utf-8")
    (folder / "b\udcffd.md").write_text("The boat costs 77 euros.\n", "utf-8")
    run("ingest", folder, "--kb", "odd")
    return folder


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_a_console_of_any_encoding_gets_json_and_text(odd: Path, encoding: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    question = "What does the rocket cost?"
    for arguments in (["ask", question], ["ask", question, "--json"], ["search", "rocket", "--json"]):
        command = [sys.executable, "-m", "app", *arguments, "--kb", "odd"]
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr
        text = ran.stdout.decode(encoding)
        assert "40 euros" in text
        assert "\x1b" not in text, "a document must not command the terminal"
        if "--json" in arguments:
            assert "\U0001f680" in str(json.loads(text))


def test_text_that_is_no_unicode_fails_no_batch(odd: Path, tmp_path: Path) -> None:
    rows = [
        {"_id": "\ud800", "text": "What does the \ud800 rocket cost?"},
        {"_id": 2, "text": "What does the boat cost?"},
    ]
    write_jsonl(tmp_path / "questions.jsonl", rows)
    out, trec = tmp_path / "answers.jsonl", tmp_path / "out.trec"
    run("ask", "--questions", tmp_path / "questions.jsonl", "--kb", "odd", "--out", out)
    assert [json.loads(line)["_id"] for line in out.read_text("utf-8").splitlines()] == ["\ud800", 2]
    run("search", "--queries", tmp_path / "questions.jsonl", "--kb", "odd", "--run", trec)
    assert {len(line.split()) for line in trec.read_text("utf-8").splitlines()} == {6}
    run("ask", "What does the \udcff rocket cost?", "--kb", "odd")
    run("search", "rocket \udcff", "--kb", "odd")


@pytest.mark.parametrize("target", ["folder", "/"])
def test_a_folder_is_no_file_to_write(filled: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    write_jsonl(tmp_path / "questions.jsonl", [{"_id": 1, "text": "leave?"}])
    arguments = ["ask", "--questions", str(tmp_path / "questions.jsonl"), "--kb", "team"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / target)])
    assert isinstance(result.exception, SettingsError)
    assert "it is a folder" in str(result.exception)


@pytest.mark.parametrize("arguments", [("search", "leave"), ("ask", "How many days of leave?")])
def test_the_sample_company_is_there_when_it_is_first_asked(
    home: Path, documents: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, str]
) -> None:
    monkeypatch.setattr(workspace, "SAMPLE_DOCUMENTS", documents)
    workspace.open_workspace().create_knowledge_base("sample")  # a first load that was killed
    assert "27 days" in run(*arguments).stdout


@pytest.mark.parametrize("written", ["finetuned", "fine-tuned", "Fine tuned", "FINE_TUNED"])
def test_a_mode_is_understood_as_it_is_commonly_written(home: Path, written: str) -> None:
    result = CliRunner().invoke(app, ["ask", "x", "--mode", written])
    assert "The Fine-tuned mode cannot run" in str(result.exception)


def test_wrong_usage_is_said_before_anything_is_loaded(home: Path) -> None:
    run("ask", "x", "--mode", "best", expect=2)
    assert not workspace.open_workspace().has_knowledge_base("sample")


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def test_a_locked_file_opens_with_the_password_asked_for(home: Path, tmp_path: Path) -> None:
    (tmp_path / "prices.pdf").write_bytes(pdf([[(72, 700, 11, "A pump costs 90 euros.")]], password="s3cret"))
    assert (
        "encrypted"
        in run_json("ingest", tmp_path / "prices.pdf", "--kb", "p", expect=1)["failed"][0]["reason"]
    )
    result = CliRunner().invoke(
        app, ["ingest", str(tmp_path / "prices.pdf"), "--kb", "p", "--password", "--json"], input="s3cret\n"
    )
    assert json.loads(result.stdout)["added"] == 1
    assert "s3cret" not in result.output
