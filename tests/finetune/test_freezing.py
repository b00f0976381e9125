"""Frozen datasets: what their hash covers, that they come whole or not at all, their card, and the commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from app.cli.dataset import app
from errors import DatasetError, DatasetFormatError, DatasetFrozenError, DatasetNotFoundError, GroundtuneError
from finetune.card import written_card
from finetune.dataset import DatasetStore, RowQuery
from finetune.dataset_adding import examples_in
from finetune.examples import Row
from finetune.freezing import MANIFEST, Facts, Frozen, FrozenStore
from finetune.freezing_sources import freeze_dataset, freeze_files, splits_in
from finetune.split_files import split_files
from finetune.splits import SplitRecipe
from finetune.validate import Validation
from tests.finetune.killed_freeze import POINTS

ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("killed_freeze.py")
SAMPLE = ROOT / "examples" / "training.jsonl"


def chat(question: str, answer: str = "It is so.", **metadata: Any) -> Row:
    row: Row = {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
    return row | ({"metadata": metadata} if metadata else {})


def written(path: Path, rows: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FrozenStore]:
    made = FrozenStore(tmp_path / "frozen")
    yield made
    for folder in made.root.glob("*"):
        folder.chmod(0o700)


@pytest.fixture
def rows() -> list[Row]:
    return [
        chat("What is an IB-06?", "Größe 6 → 日本.", origin="generated", document="d1", model="m-1"),
        chat("Who pays?", "The renter.", origin="imported", file="faq.csv", line=3),
        chat("When?"),
    ]


@pytest.fixture
def frozen(store: FrozenStore, rows: list[Row], tmp_path: Path) -> Frozen:
    train, validation = written(tmp_path / "t.jsonl", rows[:2]), written(tmp_path / "v.jsonl", rows[2:])
    return store.freeze({"train": train, "validation": validation}, Facts(name="Desk"))


class TestWhatIsFrozen:
    def test_rows_without_metadata_and_what_is_known_of_them_beside(
        self, frozen: Frozen, rows: list[Row]
    ) -> None:
        train = [json.loads(line) for line in frozen.files["train"].read_text("utf-8").splitlines()]
        assert train == [{"messages": row["messages"]} for row in rows[:2]]
        provenance = [
            json.loads(line) for line in (frozen.folder / "provenance.jsonl").read_text("utf-8").splitlines()
        ]
        assert provenance == [
            {"split": "train", "line": 1, "metadata": rows[0]["metadata"]},
            {"split": "train", "line": 2, "metadata": rows[1]["metadata"]},
            {"split": "validation", "line": 1, "metadata": {}},
        ]
        assert frozen.rows == {"train": 2, "validation": 1}
        assert frozen.manifest["origins"] == {"generated": 1, "imported": 1, "unknown": 1}
        assert frozen.manifest["models_of_origin"] == {"m-1": 1}

    def test_form_of_the_input_does_not_matter(
        self, store: FrozenStore, frozen: Frozen, tmp_path: Path
    ) -> None:
        for name in ("t.jsonl", "v.jsonl"):
            lines = (tmp_path / name).read_text("utf-8").splitlines()
            spaced = "\r\n\r\n".join(
                json.dumps(json.loads(line), indent=None, separators=(" ,  ", " : ")) for line in lines
            )
            (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + spaced.encode())
        again = store.freeze(
            {"train": tmp_path / "t.jsonl", "validation": tmp_path / "v.jsonl"}, Facts(name="Desk")
        )
        assert again.hash == frozen.hash
        assert len(store.all()) == 1

    @pytest.mark.parametrize("folder", ["/home/alice/clients/", "C:\\Users\\alice\\", "clients/", ""])
    def test_nothing_of_the_machine_is_in_it(self, store: FrozenStore, tmp_path: Path, folder: str) -> None:
        path = written(
            tmp_path / "t.jsonl", [chat("One?", origin="imported", file=f"{folder}faq.csv", line=1)]
        )
        frozen = store.freeze({"train": path}, Facts(name="Desk"))
        assert frozen.manifest["files_of_origin"] == {"faq.csv": 1}
        for file in frozen.folder.iterdir():
            assert "alice" not in file.read_text("utf-8")

    def test_another_process_may_freeze_the_same_at_that_moment(
        self, store: FrozenStore, frozen: Frozen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is not there when it is looked for, and there when the folder takes its name."""
        monkeypatch.setattr(Path, "exists", lambda path: False)
        files: Any = {"train": tmp_path / "t.jsonl", "validation": tmp_path / "v.jsonl"}
        assert store.freeze(files, Facts(name="Desk")).hash == frozen.hash
        assert [folder.name for folder in store.root.iterdir()] == [frozen.hash]

    def test_other_names_share_what_is_learnt(
        self, store: FrozenStore, frozen: Frozen, tmp_path: Path
    ) -> None:
        files: Any = {"train": tmp_path / "t.jsonl", "validation": tmp_path / "v.jsonl"}
        other = store.freeze(files, Facts(name="Other"))
        swapped = store.freeze(
            {"train": files["validation"], "validation": files["train"]}, Facts(name="Desk")
        )
        assert other.hash != frozen.hash and swapped.hash != frozen.hash
        assert (
            other.manifest["data_sha256"] == frozen.manifest["data_sha256"] != swapped.manifest["data_sha256"]
        )

    def test_another_process_and_folder_give_the_same_hash(self, frozen: Frozen, tmp_path: Path) -> None:
        code = (
            "import sys; from pathlib import Path; from finetune.freezing import *\n"
            "a, t, v = map(Path, sys.argv[1:])\n"
            "print(FrozenStore(a).freeze({'train': t, 'validation': v}, Facts(name='Desk')).hash)"
        )
        given = [str(tmp_path / name) for name in ("elsewhere", "t.jsonl", "v.jsonl")]
        ran = subprocess.run(
            [sys.executable, "-c", code, *given], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert ran.stdout.strip() == frozen.hash

    @pytest.mark.parametrize(
        ("text", "error", "expected"),
        [
            pytest.param("", DatasetError, "no row to train on", id="empty"),
            pytest.param("\n\n", DatasetError, "no row to train on", id="blank"),
            pytest.param('{"metadata": {}}', DatasetFormatError, "nothing but metadata", id="metadata only"),
            pytest.param('{"a": 1}\n{"a": 1, "a": 2}', DatasetFormatError, "line 2", id="duplicate key"),
        ],
    )
    def test_what_is_not(
        self, store: FrozenStore, tmp_path: Path, text: str, error: type[GroundtuneError], expected: str
    ) -> None:
        (tmp_path / "t.jsonl").write_text(text)
        with pytest.raises(error, match=expected):
            store.freeze({"train": tmp_path / "t.jsonl"}, Facts(name="x"))
        assert store.all() == [] and list(store.root.iterdir()) == []

    def test_raft_rows_record_their_wrapper(self, store: FrozenStore, tmp_path: Path) -> None:
        raft = {"prompt": "hybrid.v2", "prompt_sha256": "a" * 64, "wrapper_sha256": "b" * 64, "oracles": [1]}
        made = store.freeze(
            {"train": written(tmp_path / "t.jsonl", [chat("One?", raft=raft)])}, Facts(name="x")
        )
        assert [(one["prompt"], one["rows"]) for one in made.manifest["wrappers"]] == [("hybrid.v2", 1)]
        assert "b" * 64 in made.card


def changed_byte(folder: Path) -> None:
    path = folder / "train.jsonl"
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)


def manifest_and_file(folder: Path) -> None:
    """As somebody would who knows how it works."""
    (folder / "card.md").chmod(0o600)
    (folder / "card.md").write_text("All is well.")
    path = folder / MANIFEST
    path.chmod(0o600)
    manifest = json.loads(path.read_text("utf-8"))
    manifest["files"]["card.md"] = {"sha256": "0" * 64, "bytes": 12}
    path.write_text(json.dumps(manifest))


CHANGES = [
    pytest.param(changed_byte, "'train.jsonl'", id="one bit"),
    pytest.param(
        lambda folder: (folder / "provenance.jsonl").unlink(), "'provenance.jsonl'", id="a file is gone"
    ),
    pytest.param(lambda folder: (folder / "extra.txt").write_text("x"), "'extra.txt'", id="a file more"),
    pytest.param(lambda folder: (folder / MANIFEST).unlink(), "'manifest.json'", id="no manifest"),
    pytest.param(manifest_and_file, "'manifest.json'", id="file and manifest together"),
    pytest.param(lambda folder: os.truncate(_writable(folder / "card.md"), 3), "'card.md'", id="cut off"),
]


def _writable(path: Path) -> Path:
    path.chmod(0o600)
    return path


class TestImmutable:
    @pytest.mark.parametrize(("change", "named"), CHANGES)
    def test_any_change_shows(self, store: FrozenStore, frozen: Frozen, change: Any, named: str) -> None:
        store.verify(frozen.hash)
        frozen.folder.chmod(0o700)
        change(frozen.folder)
        with pytest.raises(DatasetFrozenError, match=named):
            store.verify(frozen.hash)
        assert list(store.damaged()) == [frozen.hash]

    def test_what_is_damaged_is_not_taken_for_the_same(
        self, store: FrozenStore, frozen: Frozen, tmp_path: Path
    ) -> None:
        frozen.folder.chmod(0o700)
        changed_byte(frozen.folder)
        with pytest.raises(DatasetFrozenError):
            store.freeze(
                {"train": tmp_path / "t.jsonl", "validation": tmp_path / "v.jsonl"}, Facts(name="Desk")
            )

    @pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
    def test_it_is_read_only(self, frozen: Frozen) -> None:
        assert frozen.folder.stat().st_mode & 0o222 == 0
        assert all(path.stat().st_mode & 0o222 == 0 for path in frozen.folder.iterdir())

    @pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a thing of POSIX")
    @pytest.mark.parametrize("point", POINTS)
    def test_a_killed_freeze_leaves_all_or_nothing(
        self, store: FrozenStore, tmp_path: Path, point: str
    ) -> None:
        path = written(tmp_path / "t.jsonl", [chat("One?")])
        killed = subprocess.run([sys.executable, str(CHILD), str(store.root), str(path), point], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert store.damaged() == {}
        assert len(store.all()) == (1 if point == "publish" else 0)
        frozen = store.freeze({"train": path}, Facts(name="Killed"))
        assert store.verify(frozen.hash) and len(store.all()) == 1

    def test_what_a_kill_left_goes_after_a_day(
        self, store: FrozenStore, frozen: Frozen, tmp_path: Path
    ) -> None:
        old, new = store.root / ".old.part", store.root / ".new.part"
        old.mkdir()
        new.mkdir()
        os.utime(old, (0, 0))
        store.freeze({"train": tmp_path / "t.jsonl"}, Facts(name="x"))
        assert (old.exists(), new.exists()) == (False, True)

    def test_by_the_beginning_of_its_hash(self, store: FrozenStore, frozen: Frozen) -> None:
        assert store.open(frozen.hash[:6].upper()).hash == frozen.hash
        for name in (frozen.hash[:5], "0000000", "", "../" + frozen.hash):
            with pytest.raises(DatasetNotFoundError):
                store.open(name)

    def test_removed_for_good(self, store: FrozenStore, frozen: Frozen) -> None:
        store.remove(frozen.hash[:8])
        assert list(store.root.iterdir()) == []


class TestSources:
    def test_a_working_dataset(self, store: FrozenStore, tmp_path: Path) -> None:
        dataset = DatasetStore(tmp_path / "datasets").create("Desk")
        dataset.add(examples_in(SAMPLE))
        dataset.set_state(dataset.ids(RowQuery(search="weekend")), "rejected")
        first = freeze_dataset(dataset, store, SplitRecipe())
        kept = dataset.count(RowQuery(state="accepted"))
        assert 0 < kept < 120 and sum(first.rows.values()) == kept
        assert freeze_dataset(dataset, store, SplitRecipe(seed=8)).rows == first.rows
        was = set(first.files["validation"].read_text("utf-8").splitlines())
        dataset.set_state(dataset.ids(), "accepted")
        second = freeze_dataset(dataset, store, SplitRecipe(seed=9))
        assert was <= set(second.files["validation"].read_text("utf-8").splitlines())
        assert {path.name for path in dataset.path.parent.iterdir()} <= {
            "dataset.db",
            "dataset.db-wal",
            "dataset.db-shm",
        }
        dataset.set_state(dataset.ids(), "rejected")
        with pytest.raises(DatasetError, match="No row of 'Desk' is accepted"):
            freeze_dataset(dataset, store, SplitRecipe())
        dataset.close()

    def test_a_folder_that_split_wrote(self, store: FrozenStore, tmp_path: Path) -> None:
        split_files([SAMPLE], tmp_path / "split", SplitRecipe(seed=3))
        files, split = splits_in(tmp_path / "split")
        frozen = freeze_files(files, store, name="Sample", split=split)
        assert frozen.rows == {"train": 104, "validation": 16}
        assert frozen.manifest["split"]["recipe"]["seed"] == 3
        assert "with seed 3" in frozen.card

    @pytest.mark.parametrize(
        ("name", "change"),
        [("validation", lambda path: path.write_text(path.read_text("utf-8").replace("?", "!"), "utf-8")),
         ("train", lambda path: path.write_bytes(path.read_bytes() + SAMPLE.read_bytes())),
         ("validation", Path.unlink),
         ("test", lambda path: path.write_bytes(SAMPLE.read_bytes()))],
        ids=["edited", "added to", "removed", "added"],
    )  # fmt: skip
    def test_files_that_changed_since_they_were_split(self, tmp_path: Path, name: str, change: Any) -> None:
        split_files([SAMPLE], tmp_path, SplitRecipe())
        change(tmp_path / f"{name}.jsonl")
        with pytest.raises(DatasetError, match=f"{name}.jsonl is not what `dataset split` wrote"):
            splits_in(tmp_path)

    def test_rows_with_errors_are_not_frozen(self, store: FrozenStore, tmp_path: Path) -> None:
        from finetune.profiles import profile_named
        from finetune.validate import validate

        def check(files: Any) -> Validation:
            return validate(dict(files), profile=profile_named("local"), depth="structure")

        bad = written(tmp_path / "t.jsonl", [chat("One?"), {"messages": []}])
        with pytest.raises(DatasetError, match=r"Not frozen: .* the first is \w\d\d in line 2 of t\.jsonl"):
            freeze_files({"train": bad}, store, name="x", check=check)
        good = freeze_files({"train": SAMPLE}, store, name="x", check=check)
        assert good.manifest["validation"]["profile"] == "local"
        assert good.hash == freeze_files({"train": SAMPLE}, store, name="x", check=check).hash


class TestCard:
    def test_a_pasted_command_runs_nothing_of_a_name(self, store: FrozenStore, tmp_path: Path) -> None:
        split_files([SAMPLE], tmp_path / "split", SplitRecipe())
        files, split = splits_in(tmp_path / "split")
        name = "x$(echo run)`echo run`'\"!"
        card = freeze_files(files, store, name=name, split=split).card
        line = next(line for line in card.splitlines() if " dataset freeze " in line)
        assert shlex.split(line)[-1] == name
        argument = line.partition("--name ")[2]
        said = subprocess.run(
            ["sh", "-c", f"printf %s {argument}"], capture_output=True, text=True, check=True
        )
        assert said.stdout == name

    def test_the_head_is_yaml_that_a_hub_reads(self, store: FrozenStore, tmp_path: Path) -> None:
        yaml = pytest.importorskip("yaml")
        path = written(tmp_path / "t.jsonl", [chat("One?")])
        name = 'A "name": # with\\ \' everything - {} & * 日本'
        card = store.freeze({"train": path}, Facts(name=name)).card
        head = yaml.safe_load(card.split("---\n")[1])
        assert (head["pretty_name"], head["license"]) == (name, "unknown")
        assert head["configs"][0]["data_files"] == [{"split": "train", "path": "train.jsonl"}]

    @pytest.mark.parametrize(
        "name", ["<script>alert(1)</script>", "[x](javascript:1)", "a\n# b", "`x`", "| a | b"]
    )
    def test_a_name_is_no_markup(self, store: FrozenStore, tmp_path: Path, name: str) -> None:
        path = written(tmp_path / "t.jsonl", [chat("One?", file=name, origin="imported")])
        body = store.freeze({"train": path}, Facts(name=name)).card.split("---\n", 2)[2]
        html = MarkdownIt("commonmark").enable("table").render(body)
        tags = set(re.findall(r"<([a-z0-9]+)", html))
        assert tags <= {
            "h1",
            "h2",
            "p",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "code",
            "pre",
            "ul",
            "li",
        }
        assert html.count("<h1>") == 1 and html.count("<table>") == 1

    @pytest.mark.parametrize(
        "sentence",
        [
            "3 rows to fine-tune",
            "1 row written by a chat model",
            "faq.csv",
            "m-1",
            "licence",
            "Not checked.",
            "not known",
        ],
    )
    def test_what_it_says(self, frozen: Frozen, sentence: str) -> None:
        assert sentence in frozen.card

    def test_it_follows_from_the_manifest(self, frozen: Frozen) -> None:
        files = {name: facts for name, facts in frozen.manifest["files"].items() if name != "card.md"}
        ordered = sorted(files, key=["train.jsonl", "validation.jsonl", "provenance.jsonl"].index)
        assert (
            written_card(dict(frozen.manifest) | {"files": {name: files[name] for name in ordered}})
            == frozen.card
        )


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from app import workspace

    monkeypatch.setenv("GROUNDTUNE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GROUNDTUNE_OFFLINE", "1")
    monkeypatch.setattr(workspace, "_process_workspace", None)
    return tmp_path


def run(*command: str) -> tuple[int, str]:
    ran = CliRunner().invoke(app, list(command))
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        assert isinstance(ran.exception, GroundtuneError), ran.exception
        return 1, str(ran.exception)
    return ran.exit_code, ran.output


def test_the_commands_one_after_another(own_home: Path) -> None:
    assert run("add", "Desk", str(SAMPLE)) == (0, "120 rows added to Desk; 0 were there already.\n")
    status, printed = run("freeze", "Desk", "--profile", "local", "--json")
    document = json.loads(printed[printed.index("{") :])
    assert (status, document["rows"]) == (0, 120)
    assert run("card", "desk")[1].startswith("---\npretty_name")
    status, printed = run("list", "--verify", "--json")
    listed = json.loads(printed)
    assert (status, listed["damaged"], listed["datasets"][0]["rows"]) == (0, {}, 120)
    folder = Path(document["folder"])
    folder.chmod(0o700)
    changed_byte(folder)
    assert run("list", "--verify")[0] == 1
    assert "was changed" in run("card", document["hash"])[1]
    assert "add --yes" in run("remove", "Desk")[1]
    assert json.loads(run("remove", "Desk", "--yes", "--json")[1]) == {"removed": "Desk"}
    assert run("remove", document["hash"], "--yes")[0] == 0
    assert run("list")[1].startswith("There is no dataset yet")


WRONG = [
    pytest.param(["freeze", "nothing"], "no file, no folder and no dataset", id="no source"),
    pytest.param(["freeze", str(ROOT / "examples")], "holds no train.jsonl", id="another folder"),
    pytest.param(
        ["freeze", str(ROOT / "examples"), "--test", "x.jsonl"], "go with a file", id="test beside a folder"
    ),
    pytest.param(["freeze", str(SAMPLE), "--profile", "opnai"], "Did you mean 'openai'", id="profile"),
    pytest.param(
        ["freeze", str(SAMPLE), "--unchecked", "--test", "x.jsonl"], "Cannot read 'x.jsonl'", id="no test"
    ),
    pytest.param(["card", "nothing"], "no frozen dataset 'nothing'", id="no card"),
    pytest.param(["remove", "nothing", "--yes"], "no frozen dataset 'nothing'", id="nothing to remove"),
    pytest.param(["split", "nothing.jsonl", "--out", "x"], "no file 'nothing.jsonl'", id="nothing to split"),
    pytest.param(["add", "x", "nothing.jsonl"], "no file 'nothing.jsonl'", id="nothing to add"),
]


@pytest.mark.parametrize(("command", "expected"), WRONG)
def test_a_users_mistake_is_one_sentence(own_home: Path, command: list[str], expected: str) -> None:
    status, printed = run(*command)
    assert status == 1 and expected in printed and "\n" not in printed.strip()
