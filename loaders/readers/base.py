"""What every reader shares: a LangChain `BaseLoader` that turns parts into Documents and failures into one sentence."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from errors import CorruptFileError, EmptyFileError, FileTooLargeError, ReadError
from loaders.readers.limits import Limits
from loaders.readers.part import Part, clean
from loaders.readers.source import Source

_DULL_TITLE = re.compile(
    r"^(microsoft (word|powerpoint|excel) - .*|untitled.*|document\d*|slide 1|powerpoint presentation"
    r"|.*\.(docx?|pptx?|xlsx?|indd|pdf|tex|dvi|rtf|odt|html?))$",
    re.IGNORECASE,
)


class FileLoader(BaseLoader):
    """Reads one file, or the bytes of one packed in another, as LangChain Documents, one a part.

    Metadata: source, media_type, title, part, blocks, and page, slide, sheet or record where they apply.
    Raises only `errors.ReadError` subclasses.
    """

    media_type: ClassVar[str] = "application/octet-stream"

    def __init__(
        self,
        source: Source | Path | str,
        *,
        name: str | None = None,
        password: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        if not isinstance(source, Source):
            source = Source.from_path(source, name=name, password=password, limits=limits)
        self.source = source
        self.title = ""
        self.file_date = ""

    @abstractmethod
    def parts(self) -> Iterator[Part]:
        """The parts in order; any exception is mapped by `lazy_load`."""

    def lazy_load(self) -> Iterator[Document]:
        for number, part in enumerate(self.checked_parts()):
            yield self._document(number, part)

    def checked_parts(self) -> Iterator[Part]:
        """`parts` that hold text, with every foreign exception turned into a ReadError."""
        found = False
        with mapped_errors(self.source):
            for part in self.parts():
                self.source.meter.check_time()
                if part.blocks:
                    found = True
                    yield part
        if not found:
            raise EmptyFileError(f"{self.source.label} holds no text: check that it is the right file.")

    def _document(self, number: int, part: Part) -> Document:
        if number == 0 and not self.title:
            self.title = _first_title(part)
        title = part.title or self.title or self.source.stem
        metadata: dict[str, Any] = {
            "source": self.source.source,
            "media_type": self.media_type,
            "title": title,
            "part": number,
            **part.place,
            **({"file_date": self.file_date} if self.file_date and number == 0 else {}),
            **part.extra,
            "blocks": [block.as_dict() for block in part.blocks],
        }
        return Document(page_content=part.text, metadata=metadata)

    def use_title(self, title: str | None) -> None:
        """Take the file's own title when it says something."""
        title = " ".join(clean(title or "").split())[:300]
        if title and not _DULL_TITLE.match(title):
            self.title = title

    def use_file_date(self, *properties: str | None) -> None:
        """Take the first of the file's date properties that is there, as it is written (loaders/dates.py reads it)."""
        self.file_date = next((value.strip()[:40] for value in properties if value and value.strip()), "")

    def new_part(self, **place: Any) -> Part:
        return Part(meter=self.source.meter, place={key: value for key, value in place.items() if value})


def _first_title(part: Part) -> str:
    first = part.blocks[0]
    if first.kind != "heading" or "record" in part.place or "sheet" in part.place:
        return ""
    return " ".join(part.text[first.start : first.end].lstrip("# ").split())[:300]


@contextmanager
def mapped_errors(source: Source) -> Iterator[None]:
    """The one place where what parsers raise becomes a ReadError: they raise anything on damaged bytes."""
    try:
        yield
    except (ReadError, GeneratorExit):
        raise
    except (MemoryError, RecursionError) as error:
        raise FileTooLargeError(
            f"{source.label} is too large or too deeply nested to read: split it into smaller files."
        ) from error
    except Exception as error:
        raise CorruptFileError(
            f"{source.label} is damaged and cannot be read ({_reason(error)}): "
            "open it in the program that made it and save it again."
        ) from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:120].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
