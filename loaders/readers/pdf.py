"""PDF: one part a page in pdfium's reading order, characters kept as pdfium gives them; attachments after the pages."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from typing import Any

import pypdfium2
from pypdfium2 import raw

from errors import CorruptFileError, EmptyFileError, EncryptedFileError, ScannedFileError
from loaders.readers.base import FileLoader
from loaders.readers.embedded import EmbeddedFiles
from loaders.readers.part import Part
from loaders.readers.pdf_layout import Line, PageLayout, Typography, page_lines

PDFIUM_LOCK = threading.RLock()  # pdfium is not thread-safe: every call in the process holds this

_WRONG_PASSWORD = 4  # FPDF_ERR_PASSWORD
_UNKNOWN_SECURITY = 5  # FPDF_ERR_SECURITY


class PdfLoader(FileLoader):
    """Text and layout by pypdfium2. Pages that are only pictures are named in `unreadable_pages`."""

    media_type = "application/pdf"

    def parts(self) -> Iterator[Part]:
        pages: list[list[Line]] = []
        notes: list[list[str]] = []
        pictures: list[int] = []
        with PDFIUM_LOCK:
            document = self._open()
            try:
                self._read_pages(document, pages, notes, pictures)
                properties = document.get_metadata_dict()
                self.use_title(properties.get("Title"))
                self.use_file_date(properties.get("ModDate"), properties.get("CreationDate"))
                attachments = EmbeddedFiles(self.source)
                self._read_attachments(document, attachments)
            finally:
                document.close()
        parts = self._page_parts(pages, notes)
        self._check_text(parts, attachments, pages, pictures)
        first = (parts or attachments.parts)[0]
        if pictures:
            first.extra["unreadable_pages"] = pictures
        attachments.report_on(first)
        yield from parts
        yield from attachments.parts

    def _open(self) -> Any:
        source = self.source
        try:
            document = pypdfium2.PdfDocument(source.data, password=source.password or None)
            count = len(document)
        except pypdfium2.PdfiumError as error:
            code = getattr(error, "err_code", None)
            if code == _WRONG_PASSWORD and source.password:
                raise EncryptedFileError(
                    f"{source.label} does not open with the password given: check the password."
                ) from error
            if code in (_WRONG_PASSWORD, _UNKNOWN_SECURITY):
                raise EncryptedFileError(
                    f"{source.label} is encrypted: give its password, or save it without one."
                ) from error
            raise CorruptFileError(
                f"{source.label} is a damaged PDF: open it in a PDF viewer and save or print it as a new PDF."
            ) from error
        source.meter.check_pages(count)
        return document

    def _read_pages(
        self, document: Any, pages: list[list[Line]], notes: list[list[str]], pictures: list[int]
    ) -> None:
        forms = _start_forms(document)
        for number in range(len(document)):
            self.source.meter.check_time()
            lines: list[Line] = []
            fields: list[str] = []
            try:
                page = document[number]
            except pypdfium2.PdfiumError:
                pages.append(lines)
                notes.append(fields)
                continue
            try:
                text_page = page.get_textpage()
                lines = page_lines(text_page)
                text_page.close()
                fields = _annotations(page, forms)
                if not lines and not fields and _has_picture(page):
                    pictures.append(number + 1)
            except pypdfium2.PdfiumError:
                pictures.append(number + 1)
            finally:
                page.close()
            pages.append(lines)
            notes.append(fields)

    def _page_parts(self, pages: list[list[Line]], notes: list[list[str]]) -> list[Part]:
        typography = Typography.of(pages)
        parts = []
        for number, (lines, fields) in enumerate(zip(pages, notes, strict=True), start=1):
            part = self.new_part(page=number)
            PageLayout(lines, typography).write(part)
            for field in fields:
                part.add("paragraph", field)
            if part:
                parts.append(part)
        return parts

    def _read_attachments(self, document: Any, attachments: EmbeddedFiles) -> None:
        try:
            count = document.count_attachments()
        except pypdfium2.PdfiumError:
            return
        for index in range(count):
            name = f"attachment {index + 1}"
            try:
                attachment = document.get_attachment(index)
                name = attachment.get_name() or name
                data = bytes(attachment.get_data())
            except pypdfium2.PdfiumError as error:
                attachments.skip(name, str(error))
                continue
            attachments.read(data, name)

    def _check_text(
        self, parts: list[Part], attachments: EmbeddedFiles, pages: list[list[Line]], pictures: list[int]
    ) -> None:
        if parts or attachments.parts:
            return
        label = self.source.label
        if pictures:
            count = f"{len(pages)} page{'s' if len(pages) != 1 else ''}"
            raise ScannedFileError(
                f"{label} holds only pictures of text on its {count}: run OCR on it first "
                "(for example `ocrmypdf in.pdf out.pdf`)."
            )
        raise EmptyFileError(
            f"{label} has no text and no pictures on its pages: check that it is the right file."
        )


def _start_forms(document: Any) -> Any:
    try:
        if document.get_formtype() != raw.FORMTYPE_NONE:
            document.init_forms()
            return document.formenv
    except pypdfium2.PdfiumError:
        return None
    return None


def _has_picture(page: Any) -> bool:
    """Whether anything is drawn on the page: an image, or vector outlines of letters."""
    kinds = [item.type for item in page.get_objects(max_depth=3)]
    return raw.FPDF_PAGEOBJ_IMAGE in kinds or kinds.count(raw.FPDF_PAGEOBJ_PATH) > 20


def _annotations(page: Any, forms: Any) -> list[str]:
    """Filled-in form fields as `name: value`, and comments that readers put on the page."""
    found: list[str] = []
    for index in range(min(raw.FPDFPage_GetAnnotCount(page.raw), 2000)):
        annotation = raw.FPDFPage_GetAnnot(page.raw, index)
        if not annotation:
            continue
        try:
            found += _annotation_text(annotation, forms)
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    return found


def _annotation_text(annotation: Any, forms: Any) -> list[str]:
    kind = raw.FPDFAnnot_GetSubtype(annotation)
    if kind == raw.FPDF_ANNOT_WIDGET and forms:
        value = _wide(raw.FPDFAnnot_GetFormFieldValue, forms.raw, annotation).strip()
        name = _wide(raw.FPDFAnnot_GetFormFieldAlternateName, forms.raw, annotation).strip()
        name = name or _wide(raw.FPDFAnnot_GetFormFieldName, forms.raw, annotation).strip()
        return [f"{name}: {value}" if name else value] if value and value not in ("Off", "None") else []
    if kind in (raw.FPDF_ANNOT_TEXT, raw.FPDF_ANNOT_FREETEXT, raw.FPDF_ANNOT_HIGHLIGHT, raw.FPDF_ANNOT_STAMP):
        note = _wide(raw.FPDFAnnot_GetStringValue, annotation, b"Contents").strip()
        return [note] if note else []
    return []


def _wide(function: Any, *arguments: Any) -> str:
    """The string of a pdfium call that fills a UTF-16 buffer of a length it first tells."""
    length = function(*arguments, None, 0)
    if not 2 < length < 2**22:
        return ""
    buffer = ctypes.create_string_buffer(length)
    function(*arguments, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), length)
    return buffer.raw[: length - 2].decode("utf-16-le", errors="replace")
