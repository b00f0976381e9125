"""`read_file`: picks the reader by content, opens what is encrypted when a password is given."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from langchain_core.documents import Document

from errors import ReadError, ScannedFileError
from loaders.readers.base import FileLoader, mapped_errors
from loaders.readers.detect import Kind, detect
from loaders.readers.limits import Limits
from loaders.readers.source import Source

_LOADERS: dict[Kind, tuple[str, str]] = {
    "pdf": ("pdf", "PdfLoader"),
    "docx": ("docx", "DocxLoader"),
    "pptx": ("pptx", "PptxLoader"),
    "xlsx": ("xlsx", "XlsxLoader"),
    "xlsb": ("calamine", "XlsbLoader"),
    "xls": ("calamine", "XlsLoader"),
    "odt": ("opendocument", "OdtLoader"),
    "ods": ("opendocument", "OdsLoader"),
    "odp": ("opendocument", "OdpLoader"),
    "epub": ("epub", "EpubLoader"),
    "zip": ("archive", "ZipLoader"),
    "gzip": ("archive", "GzipLoader"),
    "tar": ("archive", "TarLoader"),
    "doc": ("doc", "DocLoader"),
    "ppt": ("ppt", "PptLoader"),
    "msg": ("msg", "MsgLoader"),
    "tnef": ("tnef", "TnefLoader"),
    "rtf": ("rtf", "RtfLoader"),
    "html": ("html", "HtmlLoader"),
    "xml": ("xml", "XmlLoader"),
    "markdown": ("markdown", "MarkdownLoader"),
    "text": ("text", "TextLoader"),
    "subtitles": ("text", "SubtitleLoader"),
    "csv": ("delimited", "CsvLoader"),
    "json": ("jsons", "JsonLoader"),
    "jsonl": ("jsons", "JsonLinesLoader"),
    "eml": ("mail", "MailLoader"),
    "mbox": ("mail", "MboxLoader"),
}

SUPPORTED_SUFFIXES: frozenset[str] = frozenset(
    {
        ".pdf", ".docx", ".docm", ".dotx", ".dotm", ".pptx", ".pptm", ".ppsx", ".potx", ".xlsx", ".xlsm",
        ".xltx", ".xlsb", ".xls", ".doc", ".dot", ".ppt", ".pps", ".odt", ".ott", ".fodt", ".ods", ".odp",
        ".epub", ".html", ".htm", ".xhtml", ".mht", ".mhtml", ".md", ".markdown", ".txt", ".text", ".log",
        ".rst", ".tex", ".rtf", ".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".ipynb", ".xml", ".eml",
        ".mbox", ".msg", ".zip", ".srt", ".vtt",
    }
)  # fmt: skip


def loader_for(
    path: Path | str,
    *,
    name: str | None = None,
    password: str | None = None,
    limits: Limits | None = None,
) -> FileLoader:
    """The LangChain loader for what the file's bytes are; raises a ReadError where there is none."""
    return loader_of(Source.from_path(path, name=name, password=password, limits=limits))


def loader_of(source: Source) -> FileLoader:
    """The loader for bytes that may be packed in another file."""
    with mapped_errors(source):
        kind = detect(source)
    if kind == "image":
        raise ScannedFileError(
            f"{source.label} is a picture: run OCR on it first and add the text or PDF that gives."
        )
    if kind == "encrypted_office":
        from loaders.readers.decryption import decrypted_office

        with mapped_errors(source):
            opened = decrypted_office(source)
        return loader_of(opened)
    module, name = _LOADERS[kind]
    loader_class: type[FileLoader] = getattr(import_module(f"loaders.readers.{module}"), name)
    return loader_class(source)


def read_file(
    path: Path | str,
    *,
    name: str | None = None,
    password: str | None = None,
    limits: Limits | None = None,
) -> list[Document]:
    """One LangChain Document a part (page, slide, sheet, record, attachment; else the whole file), in order.

    Raises `errors.ReadError` subclasses only, each one sentence. Runs in this process: a hostile file that
    hangs or crashes a parser takes the process with it, so servers use `ReaderProcess`.
    """
    return loader_for(path, name=name, password=password, limits=limits).load()


__all__ = ["SUPPORTED_SUFFIXES", "ReadError", "loader_for", "loader_of", "read_file"]
