"""python -m app ask --replay receipt.json: the same question in the same generation, and what differs."""

from __future__ import annotations

import json as json_module
from pathlib import Path

from app.cli.output import print_json, print_line
from app.model_settings import conversation_budget
from app.workspace import SAMPLE, open_workspace
from chains.answer import Answer, Chain
from errors import ReceiptError

LARGEST_BYTES = 50 * 2**20


def replay(path: Path, *, json: bool) -> None:
    """Prints the differences, causes first. Raises ReceiptError where the file is no receipt."""
    from chains.receipts import answer_of_receipt, differences

    before = answer_of_receipt(_document(path))
    assert before.receipt is not None
    assert before.receipt.question is not None
    after = _chain(before).invoke(before.receipt.question)
    found = differences(before, after)
    if json:
        print_json(
            {
                "same": not found,
                "differences": [one.as_dict() for one in found],
                "before": before.as_dict(),
                "after": after.as_dict(),
            }
        )
        return
    print_line("The answer is the same." if not found else "What differs from the receipt:")
    for one in found:
        print_line(f"- {one.sentence}")
    if before.text != after.text:
        print_line(f"\nThen: {before.text}\n\nNow: {after.text}")


def _chain(before: Answer) -> Chain:
    """In the generation of the receipt where that is still kept, by the model of the receipt."""
    assert before.receipt is not None
    workspace, receipt = open_workspace(), before.receipt
    kb = receipt.knowledge_base or SAMPLE
    generation = receipt.generation
    if receipt.knowledge_base is not None and generation not in workspace.knowledge_base(kb).generations():
        generation = None
    budget = conversation_budget(workspace.settings)
    return workspace.chain(before.mode, kb, model=receipt.model, budget=budget, generation=generation)


def _document(path: Path) -> object:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ReceiptError(f"{path} is too large to be a receipt.")
        return json_module.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ReceiptError(f"{path} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise ReceiptError(f"{path} is not a receipt: it is no JSON.") from error
