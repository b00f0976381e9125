"""What texts of a row say to the model or to its template: special tokens, and instructions that override others.

In a passage or a tool's result any text that addresses a model is named (chains/instructions.py), unless the prompt
has marked it as a quotation already. A user addresses the model all the time: of a user's own words, and of answers,
only what sets instructions aside or asks for them is named, in seven languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from chains.instructions import MARK, instructions_in
from finetune.validation.spans import replaced

__all__ = ["overrides_in", "special_tokens_in", "without_special_tokens"]

_SPECIAL = re.compile(
    r"<\|(?:im_start|im_end|im_sep|endoftext|endofprompt|startoftext|end_of_text|begin_of_text|start_header_id"
    r"|end_header_id|eot_id|eom_id|python_tag|finetune_right_pad_id|start_of_role|end_of_role|start|end|message|channel"
    r"|return|call|constrain|user|assistant|system|observation|tool|turn|pad|bos|eos|eot|eom|header_start|header_end"
    r"|fim_(?:prefix|middle|suffix|pad)|START_OF_TURN_TOKEN|END_OF_TURN_TOKEN|(?:USER|SYSTEM|CHATBOT)_TOKEN)\|>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT)\]|<</?SYS>>"
    r"|</?(?:start|end)_of_(?:turn|image)>|\[gMASK\]|<\uff5c[^\s<>]{2,30}\uff5c>|^\s*<s>|<(?:bos|eos|pad|unk)>|</s>\s*$"
)
_LAYERS = 20  # of tokens within one another: what has more was written to get through, and is broken open
_TOKEN_START = re.compile("([<\\[])(?=[|/\\w\uff5c])")
_OVERRIDES = re.compile(
    "|".join(
        (
            r"\b(?:ignore|disregard|forget|override|bypass)\b(?:\s+\w+){0,3}?\s+(?:previous|prior|above|earlier|preceding"
            r"|former|all|your|any|the)\b(?:\s+\w+){0,3}?\s+(?:instructions?|rules|prompts?|guidelines|directions"
            r"|constraints|guardrails)\b",
            r"\b(?:ignorier\w*|vergiss|vergessen sie|missachte\w*)\b(?:\s+\w+){0,4}?\s+(?:anweisungen|regeln"
            r"|instruktionen|vorgaben)\b",
            r"\b(?:ignore[sz]?|ignorer|oublie[sz]?|oublier)\b(?:\s+\w+){0,4}?\s+(?:instructions|consignes|règles)\b",
            r"\b(?:ignora|ignore|olvida|olvide|descarta)\b(?:\s+\w+){0,4}?\s+(?:instrucciones|reglas|indicaciones)\b",
            r"\b(?:ignora|ignori|dimentica)\b(?:\s+\w+){0,4}?\s+(?:istruzioni|regole)\b",
            r"\b(?:ignore|esque[cç]a|desconsidere)\b(?:\s+\w+){0,4}?\s+(?:instruções|regras|orientações)\b",
            r"\b(?:negeer|vergeet)\b(?:\s+\w+){0,4}?\s+(?:instructies|regels|aanwijzingen)\b",
            r"\b(?:reveal|print|repeat|show|output|leak)\b(?:\s+\w+){0,3}?\s+your\s+(?:\w+\s+){0,2}?(?:system prompt"
            r"|prompt|instructions)\b",
            r"\byou are now (?:dan|in developer mode|unrestricted|jailbroken)\b|\bdo anything now\b"
            r"|\bdeveloper mode (?:enabled|on)\b",
        )
    ),
    re.IGNORECASE,
)
_NEEDED = (  # each wording holds one of these: most texts are done after these look-ups
    *(
        "instruc",
        "instruk",
        "instruç",
        "istruzion",
        "rules",
        "prompt",
        "guideline",
        "direction",
        "constraint",
    ),
    *(
        "guardrail",
        "anweisung",
        "regeln",
        "vorgaben",
        "consigne",
        "règles",
        "reglas",
        "indicaciones",
        "regole",
    ),
    *("regras", "orienta", "regels", "aanwijzing", "anything now", "you are now", "developer mode"),
)
_OPENING = re.compile(r"<(passages?|documents?|context|source)\b[^>]{0,200}>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:passages?|documents?|context|source)\b[^>]{0,200}>", re.IGNORECASE)
_QUOTED_ROLES = frozenset({"tool", "function"})


def special_tokens_in(text: str) -> list[str]:
    """The chat templates' own tokens in a text, each once: a tokenizer reads them as marks, not as text."""
    if "<" not in text and "[" not in text:
        return []
    return list(dict.fromkeys(match[0].strip() for match in _SPECIAL.finditer(text) if not _markup(match)))


def _markup(match: re.Match[str]) -> bool:
    """`<s>10</s> 8 euros` strikes out a price; around the whole text the two are the tokens of a template."""
    text, token = match.string.strip(), match[0].strip()
    if token not in ("<s>", "</s>") or text.count("<s>") != text.count("</s>"):
        return False
    return text.count("<s>") > 1 or not (text.startswith("<s>") and text.endswith("</s>"))


def without_special_tokens(text: str) -> str:
    """The text without them, nor those that appear where one was taken out; itself where it holds none."""
    for _ in range(_LAYERS):
        if not special_tokens_in(text):
            return text
        text = _SPECIAL.sub(lambda match: match[0] if _markup(match) else "", text)
    return _TOKEN_START.sub(r"\1 ", text) if special_tokens_in(text) else text


def overrides_in(text: str, role: str) -> Iterator[str]:
    """Sentences that a model could take for instructions which are not its own, by who says them."""
    if role in _QUOTED_ROLES:
        yield from _addressing(text)
    elif role == "user":
        passages = list(_passages(text))
        for _, start, end, _ in passages:
            yield from _addressing(text[start:end])
        yield from _overriding(replaced(text, ((first, last, " ") for first, _, _, last in passages)))
    elif role == "assistant":
        yield from _overriding(text)


def _passages(text: str) -> Iterator[tuple[int, int, int, int]]:
    """(start, start of its text, end of its text, end) of each passage between tags of one name.

    A tag that nothing closes is looked for once: a text of 100,000 of them is read as fast as any other.
    """
    unclosed: set[str] = set()
    at = 0
    while opening := _OPENING.search(text, at):
        name = opening[1].lower()
        closing = (
            None if name in unclosed else re.compile(f"</{name}>", re.IGNORECASE).search(text, opening.end())
        )
        if closing is None:
            unclosed.add(name)
            at = opening.start() + 1
        else:
            yield opening.start(), opening.end(), closing.start(), closing.end()
            at = closing.end()


def _addressing(text: str) -> Iterator[str]:
    plain = _TAG.sub(lambda match: " " * len(match[0]), text)
    for start, end in instructions_in(plain):
        if MARK.strip() not in plain[max(start - len(MARK) - 1, 0) : end]:
            yield text[start:end]


def _overriding(text: str) -> Iterator[str]:
    lowered = text.lower()
    if any(word in lowered for word in _NEEDED):
        yield from (match[0] for match in _OVERRIDES.finditer(text))
