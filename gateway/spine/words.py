"""The words of presentation text: white space, block boundaries, flattening. Pure.

It must never touch any character but space, tab, CR and LF: no-break spaces, accents and direction marks stay.
"""

from collections.abc import Iterator
from typing import Final

from lxml import etree

from gateway.spine.active import SILENT, kind_of

HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
BLOCKS: Final = HEADINGS | frozenset({"table", "ul", "ol", "p", "div"})
"""Elements that are blocks of their own; what holds one is walked, not flattened."""
_BOUNDARIES: Final = BLOCKS | frozenset(
    {"li", "td", "th", "tr", "caption", "br", "hr", "dt", "dd", "pre", "address", "blockquote", "section"}
)


def collapse(text: str) -> str:
    """Runs of space, tab, CR and LF as one space, none at the ends."""
    for mark in "\n\t\r":
        if mark in text:
            text = text.replace(mark, " ")
    if "  " in text:  # not str.split(): it would split at no-break spaces too
        return " ".join([word for word in text.split(" ") if word])
    return text.strip(" ")


def children(element: etree._Element) -> Iterator[etree._Element]:
    """Child elements; comments and processing instructions are left out."""
    return (child for child in element if isinstance(child.tag, str))


def flatten(element: etree._Element) -> str:
    """All words inside, collapsed; `br` and block boundaries count as a space, script and style have no words."""
    if not len(element):
        return collapse(element.text or "")
    parts: list[str] = []
    _gather(element, parts)
    return collapse("".join(parts))


def _gather(element: etree._Element, parts: list[str]) -> None:
    if element.text:
        parts.append(element.text)
    for child in element:
        tag = child.tag
        if isinstance(tag, str):
            kind = kind_of(tag)
            apart = kind in _BOUNDARIES
            if apart:
                parts.append(" ")
            if kind not in SILENT:
                _gather(child, parts)
            if apart:
                parts.append(" ")
        if child.tail:
            parts.append(child.tail)
