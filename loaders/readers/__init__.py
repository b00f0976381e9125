"""Readers: one file in, LangChain Documents with exact block spans out, or one sentence saying why not."""

from loaders.readers.limits import Limits
from loaders.readers.process import ReaderProcess
from loaders.readers.registry import SUPPORTED_SUFFIXES, loader_for, read_file

__all__ = ["SUPPORTED_SUFFIXES", "Limits", "ReaderProcess", "loader_for", "read_file"]
