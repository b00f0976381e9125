"""python -m app dataset show train.jsonl [--row N] [--mask]: a file's numbers, or one row and what of it is learnt."""

from __future__ import annotations

import json as json_module
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.base_models import base_model
from app.cli.output import print_json, print_line, writable
from app.settings import load_settings
from errors import DatasetFormatError, DatasetNotFoundError

if TYPE_CHECKING:
    from finetune.bases import Base
    from finetune.examples import Row
    from finetune.masks import Mask

_LEARNT, _PLAIN = "\x1b[30;42m", "\x1b[0m"  # black on green


def show(
    file: Annotated[Path, typer.Argument(help="A JSONL file of training rows.")],
    row: Annotated[
        int | None, typer.Option(min=1, help="Show this row: its line in the file, from 1.")
    ] = None,
    mask: Annotated[bool, typer.Option("--mask", help="Mark the tokens that are learnt.")] = False,
    model: Annotated[
        str | None, typer.Option(help="As this base reads it: an id, or a local model's folder.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Whose id it is.")] = "openai",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show a file's numbers, or one row; with --mask its tokens, those that training learns marked.

    On a terminal they are coloured, elsewhere they stand in [[ ]].
    """
    from finetune.profiles import profile_named

    if row is None and not mask:
        _show_file(file, base_model(load_settings(), profile_named(profile).name, model), as_json=json)
        return
    shown = _row(file, row or 1)
    if not mask:
        print_json(shown)
        return
    _show_mask(shown, base_model(load_settings(), profile_named(profile).name, model), as_json=json)


def _row(file: Path, number: int) -> Row:
    """Raises DatasetNotFoundError for a line that the file does not have, DatasetFormatError for one at fault."""
    from finetune.strict_json import lines

    for line in lines(file):
        if line.number == number and line.value is not None:
            return line.value
        if line.number == number and line.fault is not None:
            raise DatasetFormatError(f"{file}, line {number}: {line.fault.message}")
        if line.number > number:
            break
    raise DatasetNotFoundError(f"{str(file)!r} has no row in line {number}.")


def _show_mask(row: Row, base: Base, *, as_json: bool) -> None:
    from finetune.masks import mask as cut

    masks = cut(row, base.renderer)
    if as_json:
        print_json({"model": base.renderer.name, "texts": [_as_dict(one) for one in masks]})
        return
    for one in masks:
        print_line(_head(one, base))
        sys.stdout.write(_marked(one, colour=sys.stdout.isatty()) + "\n")
        sys.stdout.flush()


def _as_dict(one: Mask) -> dict[str, Any]:
    return {
        "part": one.part,
        "tokens": one.tokens,
        "trained_tokens": one.trained_tokens,
        "ended": one.ended,
        "approximate": one.approximate,
        "pieces": [
            {"text": piece.text, "tokens": piece.tokens, "trained": piece.trained, "message": piece.message}
            for piece in one.pieces
        ],
    }


def _head(one: Mask, base: Base) -> str:
    part = {"row": "", "answer": "up to one answer: "}.get(one.part, f"{one.part}: ")
    about = "about " if base.renderer.tokenizer.estimated else ""
    said = f"{part}{about}{one.tokens:,} tokens, {one.trained_tokens:,} learnt, as {base.renderer.name} reads them"
    if base.renderer.tokenizer.estimated:
        said += " (pieces of words stand in for tokens)"
    elif one.approximate:
        said += " (its markup is not published: the marks are an approximation)"
    if one.trained_tokens and not one.ended:
        said += ". No token ends the answer: the model may not learn to stop"
    return said + ":"


def _marked(one: Mask, *, colour: bool) -> str:
    """Neighbouring learnt tokens share one mark; control characters of a row never reach the terminal."""
    open_mark, close_mark = (_LEARNT, _PLAIN) if colour else ("[[", "]]")
    parts: list[str] = []
    learning = False
    for piece in one.pieces:
        if piece.trained != learning:
            parts.append(open_mark if piece.trained else close_mark)
            learning = piece.trained
        parts.append(writable(piece.text, sys.stdout))
    return "".join(parts) + (close_mark if learning else "")


def _show_file(file: Path, base: Base, *, as_json: bool) -> None:
    numbers = _numbers(file, base)
    if as_json:
        print_json(numbers)
        return
    about = "about " if numbers["estimated"] else ""
    print_line(
        f"{file}: {numbers['rows']:,} rows, {', '.join(f'{n:,} {k}' for k, n in numbers['kinds'].items())}"
    )
    print_line(f"  roles: {', '.join(f'{n:,} {role}' for role, n in numbers['roles'].items()) or 'none'}")
    print_line(
        f"  tokens: {about}{numbers['tokens']:,}, {numbers['learnt']:,} learnt; a row has {numbers['median']:,} "
        f"(median), 1 in 100 more than {numbers['p99']:,}, the longest {numbers['longest']:,} "
        f"(line {numbers['longest_line']}). Counted by {numbers['counter']}."
    )
    for note in (numbers["note"], numbers["first_unread"]):
        if note:
            print_line(f"  {note}")
    for text in numbers["first_rows"]:
        print_line(f"  {text}")


def _numbers(file: Path, base: Base) -> dict[str, Any]:
    from collections import Counter

    from finetune.examples import kind_of
    from finetune.masks import count_tokens, rendered
    from finetune.strict_json import lines
    from finetune.validation.token_rules import TokenStatistics

    kinds: Counter[str] = Counter()
    roles: Counter[str] = Counter()
    statistics = TokenStatistics()
    unread: str | None = None
    for line in lines(file):
        kind = kind_of(line.value) if line.value is not None else None
        if line.value is None or kind is None:
            said = line.fault.message if line.fault else "it is of no known kind."
            unread = (
                unread or f"Not every line is a row; the first that is none is line {line.number}: {said}"
            )
            continue
        kinds[kind] += 1
        roles.update(_roles(line.value))
        try:
            texts = rendered(line.value, base.renderer, kind)
        except DatasetFormatError as error:
            unread = unread or f"Line {line.number} cannot be read by {base.renderer.name}: {error}"
            continue
        counted = [count_tokens(text, base.renderer) for text in texts]
        tokens = sum(whole + base.renderer.primer for whole, _ in counted)
        statistics.add(line.number, tokens, sum(learnt for _, learnt in counted))
    return {
        **statistics.as_dict(),
        "rows": kinds.total(),
        "kinds": dict(kinds),
        "roles": dict(roles),
        "counter": base.renderer.tokenizer.name,
        "estimated": base.renderer.tokenizer.estimated,
        "token_error": base.renderer.tokenizer.error,
        "note": base.renderer.tokenizer.note,
        "first_unread": unread,
        "first_rows": [_brief(line.value) for line in islice(lines(file), 3) if line.value is not None],
    }


def _roles(row: Row) -> list[str]:
    given = row.get("input")
    lists = [row.get("messages"), given.get("messages") if isinstance(given, dict) else None]
    lists += [row.get("preferred_output"), row.get("non_preferred_output")]
    return [
        str(message.get("role"))
        for messages in lists
        if isinstance(messages, list)
        for message in messages
        if isinstance(message, dict)
    ]


def _brief(row: Row) -> str:
    text = json_module.dumps(row, ensure_ascii=False)
    return text if len(text) <= 160 else text[:157] + "..."
