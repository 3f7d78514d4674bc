"""The second witness: reads a GPSummary element into the JSON shape the stubs print, independently of the gateway.

Written from the reading rules alone. Must never lose a word of the body, and never carry an attribute other than ids.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from vendor_stubs.summary_facts import additional_information, author_of, practice_of
from vendor_stubs.summary_text import (
    WORDLESS,
    children,
    flat_text,
    has_active_content,
    holds_blocks,
    identifier,
    kind_of,
    squeezed,
    statements_of,
)
from vendor_stubs.xml import HL7, Element, elements, qname

LONDON = ZoneInfo("Europe/London")


@dataclass(kw_only=True)
class _Section:
    """A section while it is read; opener is heading, caption or nothing (before any heading)."""

    id: str | None
    title: str | None
    opener: str
    is_title: bool = False
    blocks: list[dict[str, Any]] = field(default_factory=list)


def read_summary(summary: Element) -> dict[str, Any]:
    """JSON-ready dict of a GPSummary: sections, document_statements, created, author, practice, nhs_number,
    additional_information and active_content_removed.
    """
    html = presentation_of(summary)
    sections = [] if html is None else read_sections(html)
    target = summary.find("/".join(qname(HL7, name) for name in ("recordTarget", "patient", "id")))
    return {
        "sections": sections,
        "document_statements": [] if html is None else statements_of(html),
        "created": created_of(summary),
        "author": author_of(summary),
        "practice": practice_of(summary, html),
        "nhs_number": None if target is None else target.get("extension"),
        "additional_information": additional_information(summary, [section["id"] for section in sections]),
        "active_content_removed": html is not None and has_active_content(html),
    }


def presentation_of(summary: Element) -> Element | None:
    """The html element of the presentation text, whatever its namespace; the value itself where it holds no html, so
    that its words are not lost; None without a presentation text.
    """
    for excerpt in summary.iterchildren(qname(HL7, "excerptFrom")):
        for text in excerpt.iter(qname(HL7, "presentationText")):
            for value in text.iterchildren(qname(HL7, "value")):
                return next((child for child in elements(value) if kind_of(child) == "html"), value)
    return None


def created_of(summary: Element) -> str | None:
    """effectiveTime as ISO 8601: an instant in Europe/London (the summer reading of a repeated hour), or a date."""
    time = summary.find(qname(HL7, "effectiveTime"))
    value = "" if time is None else (time.get("value") or "").strip()
    formats = {14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M", 8: "%Y%m%d"}
    if not value.isascii() or not value.isdigit() or len(value) not in formats:
        return None
    try:
        wall = datetime.strptime(value, formats[len(value)]).replace(tzinfo=LONDON, fold=0)
    except ValueError:
        return None
    return wall.date().isoformat() if len(value) == 8 else wall.isoformat()


def read_sections(html: Element) -> list[dict[str, Any]]:
    """The sections of a presentation text, every word of its body in them, in order."""
    body = next((child for child in elements(html) if kind_of(child) == "body"), html)
    found = list(_walk(body, skip_head=body is html))
    headings = [element for what, element in found if what == "heading" and not isinstance(element, str)]
    titled = [element for element in headings if (identifier(element) or "").lower() == "title"]
    title = next(iter(titled or headings), None)
    sections: list[_Section] = []
    for what, thing in found:
        if isinstance(thing, str):
            _current(sections).blocks.append(_text_block(thing))
        elif what == "heading":
            sections.append(
                _Section(
                    id=identifier(thing), title=flat_text(thing) or None, opener="heading", is_title=thing is title
                )
            )
        else:
            _take_table(sections, thing)
    return [{"id": section.id, "title": section.title, "blocks": section.blocks} for section in sections]


def _current(sections: list[_Section]) -> _Section:
    if not sections:
        sections.append(_Section(id=None, title=None, opener=""))
    return sections[-1]


def _text_block(text: str) -> dict[str, Any]:
    return {"kind": "text", "text": text, "caption": None, "columns": [], "rows": []}


def _walk(parent: Element, *, skip_head: bool = False) -> Iterator[tuple[str, Element | str]]:
    """What stands in a container, in order: ("heading", element), ("table", element), ("text", text)."""
    run = parent.text or ""
    for child in parent:
        kind = kind_of(child)
        if not kind or kind in WORDLESS or (skip_head and kind == "head"):
            run += child.tail or ""
            continue
        if squeezed(run):
            yield "text", squeezed(run)
        yield from _walk_element(child, kind)
        run = child.tail or ""
    if squeezed(run):
        yield "text", squeezed(run)


def _walk_element(element: Element, kind: str) -> Iterator[tuple[str, Element | str]]:
    if kind in {"h1", "h2"}:
        yield "heading", element
    elif kind == "table":
        yield "table", element
    elif kind in {"ul", "ol", "dl"} or holds_blocks(element):
        yield from _walk(element)
    else:
        text = flat_text(element)
        if text:
            yield "text", text


def _take_table(sections: list[_Section], table: Element) -> None:
    caption = next((flat_text(child) for child in children(table) if kind_of(child) == "caption"), "")
    open_new = not sections or sections[-1].is_title or sections[-1].opener == "caption"
    if caption and open_new:
        sections.append(_Section(id=identifier(table), title=caption, opener="caption"))
        caption = ""
    rows = list(_rows(table))
    columns: list[str] = []
    if rows and rows[0].cells and rows[0].is_head:
        columns = rows.pop(0).cells
    block = {
        "kind": "table",
        "text": "",
        "caption": caption or None,
        "columns": columns,
        "rows": [row.cells for row in rows if row.cells],
    }
    _current(sections).blocks.append(block)


@dataclass(kw_only=True)
class _Row:
    """A row's texts; is_head when every cell is a th and nothing else stands in the row."""

    cells: list[str] = field(default_factory=list)
    is_head: bool = False


def _rows(part: Element) -> Iterator[_Row]:
    """Rows of a table or of a part of it, in order. Words outside the cells are kept as a row of one cell."""
    yield from _stray(part.text)
    captioned = kind_of(part) != "table"
    for child in part:
        kind = kind_of(child)
        if kind == "caption" and not captioned:
            captioned = True
        elif kind == "tr":
            yield _row(child)
        elif kind in {"td", "th"}:
            yield _Row(cells=[flat_text(child)], is_head=kind == "th")
        elif kind in {"thead", "tbody", "tfoot"}:
            yield from _rows(child)
        elif kind and kind not in WORDLESS:
            yield from _stray(flat_text(child))
        yield from _stray(child.tail)


def _row(element: Element) -> _Row:
    row = _Row(is_head=True)

    def keep_stray(text: str | None) -> None:
        if squeezed(text or ""):
            row.cells.append(squeezed(text or ""))
            row.is_head = False

    keep_stray(element.text)
    for child in element:
        kind = kind_of(child)
        if kind in {"td", "th"}:
            row.cells.append(flat_text(child))
            row.is_head = row.is_head and kind == "th"
        elif kind and kind not in WORDLESS:
            keep_stray(flat_text(child))
        keep_stray(child.tail)
    return row


def _stray(text: str | None) -> Iterator[_Row]:
    if squeezed(text or ""):
        yield _Row(cells=[squeezed(text or "")])
