"""How much one file may cost, and the meter that runs while it and everything packed in it is read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from errors import FileTooLargeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one `read_file` call, attachments and archive members included."""

    file_bytes: int = 200 * 2**20  # on disk
    expanded_bytes: int = 1024 * 2**20  # unpacked from all zip containers together
    expansion_ratio: int = 200  # unpacked / packed; asked only of containers past 64 MiB unpacked
    entries: int = 20_000  # members of zip containers, attachments, parts
    depth: int = 3  # a file in a file in a file
    pages: int = 20_000
    rows: int = 2_000_000  # non-empty rows of one sheet or table file
    text_characters: int = 64_000_000
    seconds: float = 120.0  # checked between pages, rows and members

    def check_file(self, size: int, name: str) -> None:
        """Raises FileTooLargeError for a file of more than `file_bytes`."""
        if size > self.file_bytes:
            raise FileTooLargeError(
                f"{name} is {size / 2**20:,.0f} MB, more than the {self.file_bytes // 2**20} MB "
                "allowed: split it into smaller files."
            )


@dataclass(slots=True)
class Meter:
    """What has been spent so far of `limits`; one instance is shared by a file and all it contains."""

    limits: Limits
    name: str  # the outermost file, for the sentence
    started: float = field(default_factory=time.monotonic)
    characters: int = 0
    expanded: int = 0
    entries: int = 0

    def check_time(self) -> None:
        if time.monotonic() - self.started > self.limits.seconds:
            raise FileTooLargeError(
                f"{self.name} takes longer than {self.limits.seconds:g} s to read: split it into smaller files."
            )

    def add_characters(self, count: int) -> None:
        self.characters += count
        if self.characters > self.limits.text_characters:
            raise FileTooLargeError(
                f"{self.name} holds more than {self.limits.text_characters:,} characters of text: "
                "split it into smaller files."
            )

    def add_expanded(self, count: int) -> None:
        self.expanded += count
        if self.expanded > self.limits.expanded_bytes:
            raise FileTooLargeError(
                f"{self.name} unpacks to more than {self.limits.expanded_bytes // 2**20} MB: "
                "unpack it and add the files that matter."
            )

    def add_entries(self, count: int) -> None:
        self.entries += count
        if self.entries > self.limits.entries:
            raise FileTooLargeError(
                f"{self.name} holds more than {self.limits.entries:,} pieces: "
                "unpack it and add the files that matter."
            )

    def check_pages(self, count: int) -> None:
        if count > self.limits.pages:
            raise FileTooLargeError(
                f"{self.name} has {count:,} pages, more than the {self.limits.pages:,} allowed: split it."
            )

    def check_rows(self, count: int) -> None:
        if count > self.limits.rows:
            raise FileTooLargeError(
                f"{self.name} has a table of more than {self.limits.rows:,} rows: split it into smaller files."
            )
