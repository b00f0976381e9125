"""Writes the e-mail threads as EML: plain text and HTML, quoted replies, one attachment."""

from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from html import escape
from pathlib import Path

from examples.build.source import TEXTS

HARTOG = "Ilse Hartog <ilse.hartog@isvelde.example>"
ROOIJ = "Sanne de Rooij <sanne.derooij@isvelde.example>"
BRUGMANS = "Annelien Brugmans <annelien.brugmans@isvelde.example>"
ALDERING = "Joost Aldering <joost.aldering@isvelde.example>"
KUIPERS = "Gerben Kuipers <gerben.kuipers@isvelde.example>"
STOLPE = "Friederike Stolpe <friederike.stolpe@isvelde.example>"
ROHLOFF = "Antje Rohloff <antje.rohloff@isvelde.example>"
AHLGREN = "Viktor Ahlgren <viktor.ahlgren@solvhog.example>"
PETRI = "Jens Petri <jens.petri@isvelde.example>"
OEHMKE = "Christoph Oehmke <backstube@oehmke.example>"
DESKS = "All desks <desks@isvelde.example>"

OPEN_ORDERS = """\
purchase_order,part,quantity,ordered,promised,new_date,reason
PO 26-0311,CU-744,2,2026-02-24,2026-06-02,2026-06-02,receivers in stock
PO 26-0342,CU-744,2,2026-03-17,2026-06-23,2026-06-23,receivers in stock
PO 26-0377,CU-744,1,2026-04-14,2026-07-21,2026-08-11,three weeks late
PO 26-0402,CU-744,2,2026-05-05,2026-08-11,2026-09-08,four weeks late
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message of a thread; `text` names the file under text/mail that holds its body."""

    text: str
    sender: str
    to: tuple[str, ...]
    date: str

    @property
    def body(self) -> str:
        """The body as written, without the replies below it."""
        return (TEXTS / "mail" / f"{self.text}.txt").read_text("utf-8").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A thread, oldest letter first; the newest is the message, the older ones are quoted below it."""

    name: str
    subject: str
    letters: tuple[Letter, ...]
    attachment: tuple[str, str] | None = None


THREADS = (
    Thread(
        name="2026-04-23-ib-12-price-change",
        subject="Re: Termovia price increase and the IB-12",
        letters=(
            Letter(
                text="price-1", sender=HARTOG, to=(BRUGMANS, ROOIJ), date="Tue, 21 Apr 2026 10:42:00 +0200"
            ),
            Letter(
                text="price-2", sender=ROOIJ, to=(HARTOG, BRUGMANS), date="Wed, 22 Apr 2026 08:15:00 +0200"
            ),
            Letter(
                text="price-3", sender=BRUGMANS, to=(DESKS, HARTOG), date="Thu, 23 Apr 2026 16:05:00 +0200"
            ),
        ),
    ),
    Thread(
        name="2026-05-29-cu-744-lead-time",
        subject="Re: CU-744: longer delivery time",
        letters=(
            Letter(text="lead-1", sender=AHLGREN, to=(HARTOG,), date="Thu, 28 May 2026 09:12:00 +0200"),
            Letter(
                text="lead-2",
                sender=HARTOG,
                to=(ALDERING, KUIPERS, ROOIJ),
                date="Thu, 28 May 2026 11:30:00 +0200",
            ),
            Letter(text="lead-3", sender=ROOIJ, to=(HARTOG,), date="Fri, 29 May 2026 10:50:00 +0200"),
        ),
        attachment=("open-orders-cu-744.csv", OPEN_ORDERS),
    ),
    Thread(
        name="2026-06-03-bakery-claim",
        subject="Fwd: Spoilt goods on 30 May, booking R-26-1187",
        letters=(
            Letter(text="claim-1", sender=OEHMKE, to=(ROOIJ,), date="Mon, 01 Jun 2026 17:20:00 +0200"),
            Letter(text="claim-2", sender=ROHLOFF, to=(STOLPE,), date="Tue, 02 Jun 2026 07:55:00 +0200"),
            Letter(text="claim-3", sender=STOLPE, to=(OEHMKE,), date="Wed, 03 Jun 2026 14:30:00 +0200"),
            Letter(text="claim-4", sender=STOLPE, to=(ROOIJ, PETRI), date="Wed, 03 Jun 2026 15:02:00 +0200"),
        ),
    ),
)


def write_all(folder: Path) -> list[Path]:
    """Every EML below `folder`; the paths written."""
    return [_write(thread, folder / "mail" / f"{thread.name}.eml") for thread in THREADS]


def _write(thread: Thread, path: Path) -> Path:
    newest = thread.letters[-1]
    message = EmailMessage(policy=policy.SMTP.clone(max_line_length=98))
    message["From"], message["To"] = newest.sender, ", ".join(newest.to)
    message["Date"], message["Subject"] = newest.date, thread.subject
    message["Message-ID"] = f"<{thread.name}@isvelde.example>"
    message.set_content(_plain(thread.letters), charset="utf-8")
    message.add_alternative(_html(thread), subtype="html", charset="utf-8")
    if thread.attachment:
        name, content = thread.attachment
        message.add_attachment(content, subtype="csv", filename=name)
    _fix_boundaries(message, thread.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(message.as_bytes())
    return path


def _fix_boundaries(message: EmailMessage, name: str) -> None:
    multiparts = (part for part in message.walk() if part.is_multipart())
    for number, part in enumerate(multiparts):
        part.set_boundary(f"=_{name}_{number}")


def _introduction(letter: Letter) -> str:
    return f"On {letter.date[:-9]}, {letter.sender.split(' <')[0]} wrote:"


def _plain(letters: tuple[Letter, ...]) -> str:
    """The newest letter with all older ones quoted below it, each reply one mark deeper."""
    *older, newest = letters
    if not older:
        return newest.body + "\n"
    quoted = _plain(tuple(older)).splitlines()
    below = "\n".join(f"> {line}".rstrip() for line in quoted)
    return f"{newest.body}\n\n{_introduction(older[-1])}\n\n{below}\n"


def _html(thread: Thread) -> str:
    inner = ""
    for letter in thread.letters:
        quoted = f"<blockquote>{inner}</blockquote>" if inner else ""
        lines = "<br>\n".join(escape(line, quote=False) for line in letter.body.splitlines())
        inner = f"<div>{lines}</div>{quoted}"
        if letter is not thread.letters[-1]:
            inner = f"<p>{escape(_introduction(letter), quote=False)}</p>{inner}"
    return f"<html><body>{inner}</body></html>\n"
