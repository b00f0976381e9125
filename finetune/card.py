"""The card of a dataset: what it holds, where that comes from, how it was checked and split, what is not known.

A YAML head as Hugging Face reads it (hub docs, "Dataset Cards"), then Markdown for people. It is made from the manifest
of a frozen dataset and tells no time, so the same data has the same card.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from finetune.splits import GROUPS, SPLITS

__all__ = ["written_card"]

_SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10**12, "1M<n<10M"),
)  # fmt: skip
_ORIGINS = {
    "imported": "imported from files",
    "feedback": "from users' ratings and corrections of answers",
    "conversation": "from conversations",
    "generated": "written by a chat model from documents",
    "extracted": "taken word for word from documents",
    "raft": "built from a knowledge base as RAFT rows",
    "edited": "written here",
    "unknown": "of unknown origin",
}
_KINDS = {
    "chat": "chat conversations",
    "preference": "preferences (a preferred answer and one that is not)",
    "reinforcement": "conversations with fields for a grader",
    "completion": "prompt and completion pairs",
    "unknown": "rows of no known kind",
}
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|!~])")


def written_card(manifest: Mapping[str, Any]) -> str:
    """Markdown with its YAML head."""
    sections = (_head, _summary, _rows, _sources, _splits, _checks, _wrapper, _limits, _rebuilding)
    return "\n".join(line for section in sections for line in section(manifest)).rstrip() + "\n"


def _head(manifest: Mapping[str, Any]) -> Iterator[str]:
    """JSON strings are YAML strings, whatever is in a name."""
    yield "---"
    yield f"pretty_name: {_quoted(manifest['name'])}"
    yield "license: unknown"
    yield "task_categories:\n- text-generation"
    yield f"size_categories:\n- {next(name for most, name in _SIZES if manifest['rows'] < most)}"
    yield "tags:\n- groundtune"
    yield from (f"- {kind}" for kind in manifest["kinds"] if kind != "unknown")
    yield "configs:\n- config_name: default\n  data_files:"
    for split in SPLITS:
        if f"{split}.jsonl" in manifest["files"]:
            yield f"  - split: {split}\n    path: {split}.jsonl"
    yield "---"


def _summary(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n# {_plain(manifest['name'])}\n"
    kinds = [f"{count:,} {_KINDS.get(kind, kind)}" for kind, count in manifest["kinds"].items()]
    yield f"{_rows_of(manifest['rows'])} to fine-tune a language model with: {', '.join(kinds)}."
    if manifest["rows_with_tools"]:
        yield f"Of them, with tools: {manifest['rows_with_tools']:,}."
    if manifest["rows_of_several_turns"]:
        yield f"Of them, with several answers: {manifest['rows_of_several_turns']:,}."


def _rows(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## Files\n"
    yield "| file | rows | bytes | SHA-256 |"
    yield "|---|---:|---:|---|"
    for name, facts in manifest["files"].items():
        yield f"| {name} | {facts['rows']:,} | {facts['bytes']:,} | `{facts['sha256']}` |"
    yield f"\nWhat is learnt, as one hash: `{manifest['data_sha256']}`"


def _sources(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## Sources\n"
    for origin, count in manifest["origins"].items():
        yield f"- {_rows_of(count)} {_ORIGINS.get(origin, _plain(origin))}"
    for title, counts in (
        ("from", manifest["files_of_origin"]),
        ("written by", manifest["models_of_origin"]),
    ):
        for name, count in counts.items():
            yield f"- {_rows_of(count)} {title} {_plain(name)}"
    for source in manifest["sources"]:
        yield f"- made from {_plain(source['name'])}, SHA-256 `{source['sha256']}`"
    yield "\nprovenance.jsonl says of every row where it comes from."


def _splits(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## Splits\n"
    split = manifest["split"]
    if split is None:
        yield "The splits were given as files; how they were divided is not known."
        return
    recipe = split["recipe"]
    near = " and near duplicates" if recipe["near"] else ""
    yield (
        f"By group ({', '.join(map(_plain, recipe['groups']))}), question{near}, with seed {recipe['seed']}: what "
        "belongs together stands in one split."
    )
    yield ""
    for name, count in split["rows"].items():
        if count:
            yield f"- {name}: {_rows_of(count)} in {split['groups'][name]:,} groups"
    if split["withheld"]:
        yield f"- withheld, since they would tie two splits together: {_rows_of(split['withheld'])}"
    yield from (f"- {_plain(note)}" for note in split["notes"])


def _checks(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## Checks\n"
    found = manifest["validation"]
    if found is None:
        yield "Not checked."
        return
    counts = found["counts"]
    yield (
        f"Checked for the profile {_plain(found['profile'])}: {counts['error']:,} errors, "
        f"{counts['warning']:,} warnings, {counts['info']:,} notes."
    )
    yield ""
    for rule, levels in found["by_rule"].items():
        said = ", ".join(f"{count:,} {level}" for level, count in levels.items())
        yield f"- {rule} {_plain(found['titles'].get(rule, ''))}: {said}"
    for rule, why in found["skipped"].items():
        yield f"- {rule} was not checked: {_plain(why)}"


def _wrapper(manifest: Mapping[str, Any]) -> Iterator[str]:
    if not manifest["wrappers"]:
        return
    yield "\n## How passages are given\n"
    yield "A model that is trained on these rows expects its passages exactly so when it answers:\n"
    for wrapper in manifest["wrappers"]:
        yield (
            f"- {_rows_of(wrapper['rows'])} by prompt {_plain(str(wrapper['prompt']))} (SHA-256 "
            f"`{wrapper['prompt_sha256']}`), wrapper `{wrapper['wrapper_sha256']}`"
        )


def _limits(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## What is not known\n"
    yield "- The licence: who may use the sources for training was not recorded. Settle it before you pass this on."
    yield "- Whether all answers are right: checks are of form, repetition, leaks, secrets and length."
    if manifest["origins"].get("unknown"):
        yield f"- Where {_rows_of(manifest['origins']['unknown'])} came from."
    if manifest["origins"].get("generated"):
        yield "- What the chat model's terms say about training on what it wrote."


def _rebuilding(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## To check or rebuild it\n"
    yield "```\npython -m app dataset list --verify\n```\n"
    split = manifest["split"]
    if split is not None:
        yield "From the same rows, in any order:\n"
        yield (
            f"```\npython -m app dataset split ROWS.jsonl --out split {_options(split['recipe'])}"
            f"\npython -m app dataset freeze split --name {_argument(manifest['name'])}\n```"
        )


def _options(recipe: Mapping[str, Any]) -> str:
    groups = [f"--group {_argument(path)}" for path in recipe["groups"] if path not in GROUPS]
    return " ".join(
        [
            f"--seed {recipe['seed']} --validation {recipe['validation']} --test {recipe['test']}",
            f"--min-validation {recipe['least_validation']} --max-validation {recipe['most_validation']}",
            *groups,
            *([] if recipe["near"] else ["--no-near"]),
        ]
    )


def _rows_of(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _quoted(text: str) -> str:
    """A string of YAML and JSON on one line."""
    return json.dumps(_printable(text), ensure_ascii=False)


def _argument(text: str) -> str:
    """A shell's argument on one line: who pastes the command runs nothing that stands in a name."""
    return shlex.quote(_printable(text))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _plain(text: str) -> str:
    """As it stands, whatever it holds: no markup, one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
