"""Splits: what belongs together stays together, the seed and the content alone decide, and old rows never move."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import DatasetError, DatasetFormatError, SettingsError
from finetune.examples import Row
from finetune.findings import Where
from finetune.split_files import earlier_split, split_files
from finetune.splits import SplitPlan, SplitRecipe, Splitter, value_at
from finetune.validation.leaks import LeakChecker

ROOT = Path(__file__).resolve().parents[2]
THINGS = [
    "ladder",
    "drill",
    "fence",
    "lorry",
    "crane",
    "pump",
    "saw",
    "tent",
    "oven",
    "lamp",
    "mixer",
    "roller",
]


def chat(question: str, answer: str = "It is so.", **metadata: Any) -> Row:
    row: Row = {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
    return row | ({"metadata": metadata} if metadata else {})


def distinct(count: int, **metadata: Any) -> list[Row]:
    """Rows that no near-duplicate search takes for one another: each names another number."""
    return [
        chat(f"What does article {n} of the long price list cost?", f"{n} euros.", **metadata)
        for n in range(count)
    ]


def planned(rows: Sequence[Row], recipe: SplitRecipe | None = None, earlier: Any = None) -> SplitPlan:
    with Splitter(recipe, earlier=earlier) as splitter:
        for row in rows:
            splitter.take(row)
        return splitter.plan()


def splits_of(rows: Sequence[Row], plan: SplitPlan) -> dict[str, str | None]:
    return {json.dumps(row): plan.split_of(number) for number, row in enumerate(rows)}


SIZES = [
    pytest.param(1, {}, (1, 0, 0), id="one row"),
    pytest.param(31, {}, (31, 0, 0), id="too few for validation"),
    pytest.param(32, {}, (16, 16, 0), id="the smallest: least validation"),
    pytest.param(120, {}, (104, 16, 0), id="least validation"),
    pytest.param(300, {}, (270, 30, 0), id="the share"),
    pytest.param(300, {"most_validation": 20}, (280, 20, 0), id="most validation"),
    pytest.param(300, {"validation": 0.2, "test": 0.1}, (210, 60, 30), id="three splits"),
    pytest.param(300, {"validation": 0.0}, (300, 0, 0), id="no validation wanted"),
    pytest.param(40, {"least_validation": 0}, (36, 4, 0), id="no least"),
    pytest.param(20, {"test": 0.5}, (10, 0, 10), id="a test of few rows"),
]


@pytest.mark.parametrize(("count", "recipe", "expected"), SIZES)
def test_sizes(count: int, recipe: dict[str, Any], expected: tuple[int, int, int]) -> None:
    plan = planned(distinct(count), SplitRecipe(**recipe))
    assert tuple(plan.counts.values()) == expected
    noted = any("too few" in note for note in plan.notes)
    assert noted == (count < 32 and recipe.get("validation", 0.1) > 0)


QUESTION = "What does the largest crane in the yard cost a week?"
TOGETHER = [
    pytest.param(chat(QUESTION), chat(QUESTION.upper() + "  "), id="the same row, case and spaces aside"),
    pytest.param(chat(QUESTION), chat(QUESTION, "Nobody knows that, ask the desk."), id="the same question"),
    pytest.param(chat(QUESTION), chat(QUESTION + " Thanks"), id="nearly the same question"),
    pytest.param(chat("One?", group="g"), chat("Two?", group="g"), id="metadata.group"),
    pytest.param(chat("One?", document="d"), chat("Two?", document="d"), id="metadata.document"),
    pytest.param(
        chat("One?", group="a", document="a", raft={"documents": ["a", "b"]}),
        chat("Two?", group="b", document="b", raft={"documents": ["b"]}),
        id="the second document of a RAFT row",
    ),
    pytest.param(
        chat("One?", group="a", document="a", raft={"documents": ["a", "c"]}),
        chat("Two?", group="b", document="b", raft={"documents": ["b", "c"]}),
        id="a document that groups neither",
    ),
    pytest.param(chat("One?", user=5), chat("Two?", user=5), id="metadata.user, a number"),
    pytest.param(chat("One?", ticket="t"), chat("Two?", ticket="t"), id="metadata.ticket"),
    pytest.param(
        {"prompt": QUESTION, "completion": "a"},
        {"prompt": QUESTION, "completion": "b"},
        id="completion pairs",
    ),
]


@pytest.mark.parametrize(("first", "second"), TOGETHER)
def test_what_belongs_together(first: Row, second: Row) -> None:
    for seed in range(4):
        plan = planned([first, *distinct(60), second], SplitRecipe(seed=seed, validation=0.5))
        assert plan.split_of(0) == plan.split_of(61)
        assert sum(plan.groups.values()) == 61


APART = [
    pytest.param(
        chat("What is the rent of an IB-12?"), chat("What is the rent of an IB-20?"), id="another code"
    ),
    pytest.param(chat("Yes"), chat("Yes", "No."), id="a question of no substance"),
    pytest.param(chat("One?", group="a"), chat("Two?", document="a"), id="a group is no document"),
    pytest.param(
        chat("One?", document="a", raft={"documents": "ab"}),
        chat("Two?", document="b", raft={"documents": [1, None, ""]}),
        id="what names no documents",
    ),
    pytest.param(chat("One?", group=""), chat("Two?", group=""), id="an empty group"),
]


@pytest.mark.parametrize(("first", "second"), APART)
def test_what_does_not(first: Row, second: Row) -> None:
    assert sum(planned([first, *distinct(60), second]).groups.values()) == 62


def test_a_path_that_was_asked_for() -> None:
    rows = [chat(f"Question {n}?", str(n), case={"no": n % 8}) for n in range(64)]
    recipe = SplitRecipe(groups=("$.metadata.case.no",), near=False)
    assert sum(planned(rows, recipe).groups.values()) == 8
    with pytest.raises(DatasetError, match=r"No row has a value at 'metadata\.nope'"):
        planned(rows, SplitRecipe(groups=("metadata.nope",)))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.a", "1"),
        ("$.messages[0].content", "hi"),
        ("messages[9].content", None),
        ("metadata.none", None),
        ("metadata", None),
    ],
)
def test_value_at(path: str, expected: str | None) -> None:
    assert value_at({"messages": [{"content": "hi"}], "metadata": {"a": 1, "none": None}}, path) == expected


@pytest.mark.parametrize(
    "recipe", [{"validation": -0.1}, {"validation": 0.5, "test": 0.5}, {"least_validation": 2000}]
)
def test_shares_that_cannot_be(recipe: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        SplitRecipe(**recipe)


def test_rows_that_all_belong_together_are_said() -> None:
    plan = planned(distinct(64, group="one"))
    assert plan.counts == {"train": 64, "validation": 0, "test": 0}
    assert any("64 of 64 rows belong together" in note for note in plan.notes)


def test_large_groups_still_leave_a_validation() -> None:
    rows = [chat(f"Article {n}?", str(n), document=f"d{n % 6}") for n in range(240)]
    plan = planned(rows)
    assert plan.counts["validation"] == 40


def test_no_rows() -> None:
    with pytest.raises(DatasetError, match="no row to split"):
        planned([])


words = st.lists(st.sampled_from(THINGS), min_size=1, max_size=9).map(" ".join)
some_rows = st.lists(
    st.builds(
        lambda question, answer, group: chat(question, answer, **({"group": group} if group else {})),
        words,
        st.sampled_from(["Yes, of course.", "No, never at all."]),
        st.sampled_from(["", "", "", *"abcdefgh"]),
    ),
    min_size=40,
    max_size=90,
)


@settings(max_examples=12, deadline=None)
@given(rows=some_rows, seed=st.integers(0, 99))
def test_no_leak_that_the_validator_finds(rows: list[Row], seed: int) -> None:
    plan = planned(rows, SplitRecipe(seed=seed, validation=0.3, test=0.2))
    if len({plan.split_of(number) for number in range(len(rows))}) == 1:
        return  # all belong together
    checker = LeakChecker()
    for split in ("train", "validation", "test"):
        for number, row in enumerate(rows):
            if plan.split_of(number) == split:
                list(checker.look(Where(file=split, line=number + 1, split=split), row, "chat"))
    assert list(checker.finish()) == []


@settings(max_examples=8, deadline=None)
@given(rows=some_rows, seed=st.integers(0, 99), order=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[Row], seed: int, order: random.Random) -> None:
    recipe = SplitRecipe(seed=seed, validation=0.3)
    shuffled = order.sample(rows, len(rows))
    assert splits_of(rows, planned(rows, recipe)) == splits_of(shuffled, planned(shuffled, recipe))


@settings(max_examples=8, deadline=None)
@given(old=some_rows, new=some_rows, seed=st.integers(0, 99))
def test_old_rows_never_move(old: list[Row], new: list[Row], seed: int) -> None:
    first = planned(old, SplitRecipe(validation=0.3, test=0.1))
    second = planned([*new, *old], SplitRecipe(seed=seed, validation=0.3, test=0.1), first.assignments)
    before, after = splits_of(old, first), splits_of([*new, *old], second)
    assert {row: after[row] for row in before} == before
    assert all(number < len(new) for number in second.withheld)


def test_new_rows_join_their_group_even_without_its_old_rows() -> None:
    old = [chat(f"Article {n}?", str(n), document=f"d{n % 20}") for n in range(200)]
    first = planned(old, SplitRecipe(validation=0.3))
    new = [chat(f"Another thing {n}?", str(n), document=f"d{n % 20}") for n in range(100)]
    second = planned(new, SplitRecipe(validation=0.3), first.assignments)
    assert all(second.split_of(n) == first.split_of(n % 20) for n in range(100))


def test_a_row_that_would_tie_two_splits_is_withheld() -> None:
    old = [chat(f"Article {n}?", str(n), document=f"d{n}") for n in range(64)]
    first = planned(old)
    apart = {first.split_of(n): n for n in range(64)}
    tie = chat("A bridge?", "Yes.", document=f"d{apart['train']}", ticket="t")
    other = chat("Its end?", "No.", document=f"d{apart['validation']}", ticket="t")
    plan = planned([*old, tie, other], earlier=first.assignments)
    assert plan.withheld == (64, 65)
    assert any("withheld" in note for note in plan.notes)


class TestFiles:
    def test_every_row_once_as_it_stands(self, tmp_path: Path) -> None:
        source = ROOT / "examples" / "training.jsonl"
        made = split_files([source], tmp_path / "split", SplitRecipe())
        written = [line for path in made.files.values() for line in path.read_text("utf-8").splitlines()]
        assert sorted(written) == sorted(source.read_text("utf-8").splitlines())
        assert sorted(path.name for path in (tmp_path / "split").iterdir()) == [
            "split.json", "train.jsonl", "validation.jsonl",
        ]  # fmt: skip

    def test_awkward_files(self, tmp_path: Path) -> None:
        source = tmp_path / "rows.jsonl"
        text = "\ufeff" + "\r\n\r\n".join(json.dumps(row, ensure_ascii=False) for row in distinct(40))
        source.write_bytes(text.encode())
        made = split_files([source], tmp_path / "split", SplitRecipe())
        lines = [line for path in made.files.values() for line in path.read_bytes().splitlines(keepends=True)]
        assert len(lines) == 40 and all(line.endswith(b"}\n") and line.startswith(b"{") for line in lines)

    def test_splitting_again_moves_nothing(self, tmp_path: Path) -> None:
        source, folder = tmp_path / "rows.jsonl", tmp_path / "split"
        source.write_text("\n".join(map(json.dumps, distinct(100))))
        first = split_files([source], folder, SplitRecipe())
        was = first.files["validation"].read_text().splitlines()
        source.write_text("\n".join(map(json.dumps, [*distinct(400)[::-1]])))
        earlier = earlier_split(folder)
        assert earlier is not None
        second = split_files([source], folder, SplitRecipe(), earlier=earlier.assignments)
        now = second.files["validation"].read_text().splitlines()
        assert set(was) < set(now) and len(now) == 40

    def test_another_seed_is_not_recorded_of_rows_that_it_did_not_divide(self, tmp_path: Path) -> None:
        source, folder = tmp_path / "rows.jsonl", tmp_path / "split"
        source.write_text("\n".join(map(json.dumps, distinct(40))))
        split_files([source], folder, SplitRecipe(seed=5))
        earlier = earlier_split(folder)
        assert earlier is not None and earlier.seed_now(None) == 5 == earlier.seed_now(5)
        with pytest.raises(DatasetError, match=r"seed 5.*--fresh"):
            earlier.seed_now(11)

    def test_a_split_that_has_no_rows_any_more_leaves_no_file(self, tmp_path: Path) -> None:
        source, folder = tmp_path / "rows.jsonl", tmp_path / "split"
        source.write_text("\n".join(map(json.dumps, distinct(100))))
        split_files([source], folder, SplitRecipe(test=0.2))
        split_files([source], folder, SplitRecipe())
        assert not (folder / "test.jsonl").exists()

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('{"messages": [}', "line 1: .*dataset validate"),
            ('{"prompt": "a", "completion": "b"}\n{"a": NaN}', "line 2: "),
        ],
    )
    def test_a_line_that_is_no_row_is_named(self, tmp_path: Path, text: str, expected: str) -> None:
        source = tmp_path / "rows.jsonl"
        source.write_text(text)
        with pytest.raises(DatasetFormatError, match=expected):
            split_files([source], tmp_path / "split", SplitRecipe())
        assert not (tmp_path / "split").exists()

    def test_an_input_is_never_overwritten(self, tmp_path: Path) -> None:
        (tmp_path / "train.jsonl").write_text('{"prompt": "a", "completion": "b"}')
        with pytest.raises(DatasetError, match="would be overwritten"):
            split_files([tmp_path / "train.jsonl"], tmp_path, SplitRecipe())

    @pytest.mark.parametrize(
        "text", ["{", "[]", '{"format": 1}', '{"format": 2}', '{"format": 1, "assignments": 5}']
    )
    def test_a_broken_split_file(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "split.json").write_text(text)
        with pytest.raises(DatasetFormatError):
            earlier_split(tmp_path)


def test_another_process_splits_alike(tmp_path: Path) -> None:
    source = ROOT / "examples" / "training.jsonl"
    command = [
        sys.executable,
        "-m",
        "app",
        "dataset",
        "split",
        str(source),
        "--out",
        str(tmp_path / "a"),
        "--json",
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["rows"] == {"train": 104, "validation": 16, "test": 0}
    made = split_files([source], tmp_path / "b", SplitRecipe())
    for path in made.files.values():
        assert path.read_bytes() == (tmp_path / "a" / path.name).read_bytes()


def test_rows_added_later_follow_their_second_document() -> None:
    """A new row rests on a document of the validation rows beside a new one: it goes where they are."""
    old = [chat(f"Article {n}?", f"{n}", document=f"d{n}", raft={"documents": [f"d{n}"]}) for n in range(40)]
    first = planned(old, SplitRecipe(near=False))
    held = next(n for n in range(40) if first.split_of(n) == "validation")
    new = chat("New?", document="new", raft={"documents": [f"d{held}", "new"]})
    again = planned([new], SplitRecipe(near=False), earlier=first.assignments)
    assert again.split_of(0) == "validation"
