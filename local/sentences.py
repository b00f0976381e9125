"""Sentences of a text as exact character spans: prose, hard-wrapped lines, list items, headings, table rows.

    sentence_spans("Dr. Lee came. She left at 5.30 p.m. on Monday.")  ->  [(0, 13), (14, 46)]

Rule-based and linear in the text. A line is a sentence of its own unless it was only wrapped: prose that goes
on in the next line is joined. Written for English, and for other languages that end sentences with . ! ? or
their full-width forms; languages that use no such marks (Thai, for one) come back line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["is_field", "is_list_item", "is_table_row", "sentence_spans"]

Span = tuple[int, int]

LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
# The lookbehind starts a match only at the head of a run of marks, which keeps "......" linear.
END_MARK = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’»)\]}*_]*+(?=\s)"  # Latin: a space must follow
    r"|[。！？｡]++[」』”’）】]*+"  # full-width: none needs to
)
LIST_MARKER = re.compile(r"\s*(?:[-*+•‣▪◦●–—·]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)])\s+")
FIELD = re.compile(r"[^\W\d][^:|.!?\n]{0,40}:\s+\S")
NUMBERING = re.compile(r"\(?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[a-zA-Z]|[ivxIVX]{1,5})\.")
OPENERS = "\"'“‘«([{*_¿¡-–—•"
WRAP_WIDTH = (
    60  # characters; a paragraph narrower than this is taken as a list of lines, not as wrapped prose
)
FULL_LINES = 0.5  # from this share of full lines on, a paragraph counts as wrapped prose


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A dot after these never ends a sentence: a name, a number or the rest of the phrase follows.
TITLES = _words(
    """mr mrs ms mx dr prof rev fr hon sen rep gov pres gen col maj capt cmdr lt sgt cpl st mt ft messrs mme
    mlle no nos nr art arts fig figs eq sec ch chap vol pp ed eds cf vs viz ca approx resp op cit al par para
    e.g i.e eg ie z.b d.h bzw ggf incl excl tel ext dept est"""
)
# After these a dot ends a sentence only when a word follows that usually begins one.
ABBREVIATIONS = _words(
    """inc ltd corp co llc plc gmbh bros jr sr esq etc a.m p.m am pm ph.d m.d b.a m.a b.sc m.sc u.s u.k u.n
    e.u d.c jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun
    ave blvd rd min max hr hrs sq km kg cm mm lb lbs oz"""
)
STARTERS = _words(
    """the a an this that these those it its he she they we you i his her their our your in on at for from by
    with when where while if as after before since although however but and so there here all each every some
    no not what who which how why please contact see both most many one two to under during then also"""
)

# A line that ends with one of these goes on in the next.
OPEN_ENDS = _words(
    """a an and at by for from in into is not of on or our than that the their to was which with your und oder
    der die das den dem des mit von für im et de la le les du des el los las en para"""
)


def sentence_spans(text: str) -> list[Span]:
    """Ordered spans that do not overlap and hold every non-blank character; no span has blank edges."""
    return [span for start, end in _logical_lines(text) for span in _split_line(text, start, end)]


def is_list_item(line: str) -> bool:
    """`- milk`, `2. Sign the form`, `(b) travel`: a line that opens with a bullet or a number."""
    return LIST_MARKER.match(line) is not None


def is_field(line: str) -> bool:
    """`Price: 5 EUR`: a short name, a colon, a value."""
    return FIELD.match(line) is not None


def is_table_row(line: str) -> bool:
    """Cells parted by ` | ` or by tabs."""
    stripped = line.strip()
    return " | " in stripped or "\t" in stripped or stripped.startswith("|")


def _logical_lines(text: str) -> Iterator[Span]:
    """Lines with their wrapped continuations joined on, trimmed; blank lines part paragraphs."""
    for paragraph in _paragraphs(text):
        edges = [_right_edge(text, *span) for span in paragraph]
        full = _full_lines(text, paragraph, edges)
        first, last = paragraph[0]
        line = text[first:last]
        for position, (start, end) in enumerate(paragraph[1:]):
            following = text[start:end]
            if text[first] == "#" or not _continues(line, following, full=full[position]):
                yield first, last
                first = start
            last, line = end, following
        yield first, last


def _right_edge(text: str, start: int, end: int) -> int:
    """The column in which a trimmed line ends."""
    left = start
    while left and text[left - 1] in " \t":
        left -= 1
    return end - left


def _full_lines(text: str, paragraph: list[Span], edges: list[int]) -> list[bool]:
    """Line by line, whether it was broken for want of room; in a list or table of lines none was."""
    width = max(edges)
    if width < WRAP_WIDTH:
        return [False] * len(paragraph)
    full = [
        edge + 1 + len(text[start:end].split(None, 1)[0]) > width
        for edge, (start, end) in zip(edges, paragraph[1:], strict=False)
    ]
    return [one and sum(full) >= FULL_LINES * len(full) for one in full]


def _paragraphs(text: str) -> Iterator[list[Span]]:
    """Trimmed lines grouped between blank lines."""
    lines: list[Span] = []
    previous_end = 0
    for match in LINE.finditer(text):
        gap = text[previous_end : match.start()].replace("\r\n", "\n")
        previous_end = match.end()
        span = _trimmed(text, *match.span())
        if lines and (len(gap) > 1 or span is None):
            yield lines
            lines = []
        if span:
            lines.append(span)
    if lines:
        yield lines


def _continues(line: str, following: str, *, full: bool) -> bool:
    """Whether `following` is the rest of `line`, which is `full` where its next word had no room in it."""
    if line.endswith((".", "!", "?", "…", ":", ";", "。")) or is_table_row(line) or is_table_row(following):
        return False
    if is_list_item(following) or following.startswith(("#", "|", ">", "```")):
        return False
    if is_field(line) and is_field(following):
        return False
    if following[0].islower() or line.rsplit(None, 1)[-1] in OPEN_ENDS or line.endswith(","):
        return True
    return full and not line.endswith(")")


def _split_line(text: str, start: int, end: int) -> Iterator[Span]:
    """Sentences of one logical line; a table row is one."""
    if is_table_row(text[start:end]):
        yield start, end
        return
    begin = start
    for match in END_MARK.finditer(text, start, end):
        if match.end() < end and _ends_sentence(text, begin, match, end):
            yield begin, match.end()
            begin = _skip_blank(text, match.end(), end)
    if begin < end:
        yield begin, end


def _ends_sentence(text: str, begin: int, match: re.Match[str], end: int) -> bool:
    mark = match.group()
    if mark[0] in "。！？｡":
        return True
    follow = _following_word(text, match.end(), end)
    if follow[:1].islower():
        return False
    if mark[0] != "." or mark.startswith(".."):
        return True
    if NUMBERING.fullmatch(text, begin, match.start() + 1):
        return False
    return _dot_ends(_word_before(text, begin, match.start()), follow)


def _dot_ends(word: str, follow: str) -> bool:
    """Whether the dot after `word` ends a sentence when `follow` comes next."""
    bare = word.lower()
    if bare in TITLES:
        return bare in ("no", "ed", "al", "est", "ext", "op", "par") and follow.lower() in STARTERS
    initial = len(word) == 1 and word.isalpha() and word.isupper()
    if initial or bare in ABBREVIATIONS or "." in word.strip("."):
        return follow.lower() in STARTERS
    return True


def _word_before(text: str, begin: int, dot: int) -> str:
    """The run of letters, digits, inner dots and "°" before `dot`; 24 characters at most. The C of °C is no initial."""
    start = dot
    floor = max(begin, dot - 24)
    while start > floor and (text[start - 1].isalnum() or text[start - 1] in ".°"):
        start -= 1
    return text[start:dot]


def _following_word(text: str, position: int, end: int) -> str:
    start = _skip_blank(text, position, end)
    while start < end and text[start] in OPENERS:
        start += 1
    stop = start
    while stop < min(end, start + 24) and text[stop].isalnum():
        stop += 1
    return text[start:stop]


def _skip_blank(text: str, position: int, end: int) -> int:
    while position < end and text[position].isspace():
        position += 1
    return position


def _trimmed(text: str, start: int, end: int) -> Span | None:
    start = _skip_blank(text, start, end)
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
