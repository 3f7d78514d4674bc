"""Statements in presentation text that change the meaning of the whole document. Pure.

It must never paraphrase: a statement is its element's own words, and these also stay where they are.
"""

from collections.abc import Iterator
from typing import Final

from lxml import etree

from gateway.domain.record import Statement, StatementKind
from gateway.spine.active import SILENT, kind_of
from gateway.spine.words import flatten

HIGHLIGHTED: Final = "HighlightedStatement"
_BY_ID: Final = {
    "withheldcreitemsheaderstatement": StatementKind.WITHHELD,
    "withheldcreitemsstatement": StatementKind.WITHHELD,
    "withheditemsstatment": StatementKind.WITHHELD,  # spelled so by a GP system
    "registrationstartedstatement": StatementKind.RECENTLY_REGISTERED,
    "nodatastatement": StatementKind.NO_DATA,
}
_NO_DATA: Final = "the practice holds no significant data on this patient"
_REFUSED: Final = (
    "refused consent for upload to national shared electronic record",
    "following discussion with a member of the practice staff this patient has chosen not to store their clinical information",
    "patient has chosen not to have a summary care record",
)
_REFUSAL_BEARERS: Final = frozenset({"td", "h1", "h2", "h3", "p"})


def read_statements(bodies: list[etree._Element]) -> tuple[Statement, ...]:
    """Statements in document order, each text once."""
    found: dict[str, Statement] = {}
    for body in bodies:
        said = flatten(body).casefold()
        phrases = any(phrase in said for phrase in (_NO_DATA, *_REFUSED))
        for element in _visible(body):
            kind = _kind(element, phrases=phrases)
            if kind is not None:
                text = flatten(element)
                if text:
                    found.setdefault(text, Statement(kind, text))
    return tuple(found.values())


def _kind(element: etree._Element, *, phrases: bool) -> StatementKind | None:
    known = _BY_ID.get(element.get("id", "").lower())
    if known is not None:
        return known
    if phrases:
        name, said = kind_of(element.tag), flatten(element).casefold()
        if name in _REFUSAL_BEARERS and any(phrase in said for phrase in _REFUSED):
            return StatementKind.REFUSED_STORAGE
        if name == "h3" and _NO_DATA in said:
            return StatementKind.NO_DATA
    return StatementKind.HIGHLIGHTED if HIGHLIGHTED in element.get("class", "").split() else None


def _visible(body: etree._Element) -> Iterator[etree._Element]:
    """Descendant elements in document order, without head, script and style."""
    for child in body:
        if isinstance(child.tag, str) and kind_of(child.tag) not in SILENT and kind_of(child.tag) != "head":
            yield child
            yield from _visible(child)
