"""Binary workbooks (XLS, XLSB) by calamine: one part a sheet. Number formats but dates are not kept by it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from errors import EncryptedFileError
from loaders.readers.base import FileLoader
from loaders.readers.decryption import decrypted_binary
from loaders.readers.numbers import shown_value
from loaders.readers.package import Package
from loaders.readers.part import Part
from loaders.readers.source import Source
from loaders.readers.tables import GridRow, SheetWriter
from loaders.row_counts import as_ranges


class CalamineLoader(FileLoader):
    """`cells` of each block is the row's range in the sheet; hidden sheets carry `hidden: True`."""

    def opened(self) -> Source:
        """The bytes that calamine may open."""
        return self.source

    def parts(self) -> Iterator[Part]:
        import python_calamine

        data = self.opened().data
        try:
            workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        except python_calamine.PasswordError as error:
            raise EncryptedFileError(
                f"{self.source.label} is encrypted: give its password, or save it without one."
            ) from error
        for sheet in workbook.sheets_metadata:
            part = self.new_part(sheet=sheet.name)
            if sheet.visible != python_calamine.SheetVisibleEnum.Visible:
                part.extra["hidden"] = True
            if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet:
                _write_sheet(workbook.get_sheet_by_name(sheet.name), part)
            yield part


def _write_sheet(sheet: Any, part: Part) -> None:
    writer = SheetWriter(part)
    top, left = sheet.start or (0, 0)
    filled: list[int] = []
    for number, row in enumerate(sheet.to_python(skip_empty_area=True), start=top + 1):
        filled += [number] if any(value is not None and str(value).strip() for value in row) else []
        cells = {column: shown_value(value) for column, value in enumerate(row, start=left + 1)}
        writer.add(GridRow(number, {column: text for column, text in cells.items() if text}))
    writer.close_band()
    part.extra["file_rows"] = as_ranges(filled)


class XlsLoader(CalamineLoader):
    """Excel 97-2003; encrypted ones open with their password."""

    media_type = "application/vnd.ms-excel"

    def opened(self) -> Source:
        return decrypted_binary(self.source)


class XlsbLoader(CalamineLoader):
    """Excel binary workbooks; the container is bounded before calamine opens it."""

    media_type = "application/vnd.ms-excel.sheet.binary.macroEnabled.12"

    def opened(self) -> Source:
        package = Package(self.source)
        for name in package.names():
            package.read(name)  # counts what is really in it
        return self.source
