"""XML from strangers: no entities expanded, no DTD loaded, nothing fetched."""

from __future__ import annotations

from typing import Any

from lxml import etree

from errors import CorruptFileError


def parser(*, recover: bool = True) -> Any:
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        recover=recover,
        remove_comments=True,
        remove_pis=True,
    )


def parse_xml(data: bytes, what: str) -> Any:
    """The root element; damaged XML is read as far as it goes, CorruptFileError when there is no root."""
    try:
        root = etree.fromstring(data, parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        root = None
        reason: Exception | None = error
    else:
        reason = None
    if root is None:
        raise CorruptFileError(
            f"{what} holds damaged XML: open it in the program that made it and save it again."
        ) from reason
    return root


def local_name(element: Any) -> str:
    """The tag without its namespace; "" for entities, comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Any, name: str, default: str = "") -> str:
    """An attribute by its local name, whatever its namespace."""
    value = element.get(name)
    if value is not None:
        return str(value)
    for key, found in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(found)
    return default


def own_text(element: Any) -> str:
    """The element's text; what an unresolved entity stands for is left out, what follows it is not."""
    text = element.text or ""
    for child in element:
        if not isinstance(child.tag, str):
            text += child.tail or ""
    return text
