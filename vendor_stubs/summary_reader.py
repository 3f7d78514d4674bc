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
    BLOCKS,
    WORDLESS,
    children,
    flat_text,
    has_active_content,
    identifier,
    kind_of,
    squeezed,
    statements_of,
)
from vendor_stubs.xml import HL7, Element, elements, local_name, qname

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
    """The html element of the presentation text, whatever its namespace; None when there is none."""
    for excerpt in summary.iterchildren(qname(HL7, "excerptFrom")):
        for text in excerpt.iter(qname(HL7, "presentationText")):
            for value in text.iterchildren(qname(HL7, "value")):
                for child in elements(value):
                    if local_name(child).lower() == "html":
                        return child
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
    elif kind in {"ul", "ol", "dl"} or any(kind_of(child) in BLOCKS for child in children(element)):
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
    rows, stray = _rows(table)
    columns: list[str] = []
    first = rows[0] if rows else []
    if first and all(kind_of(cell) == "th" for cell in first):
        columns = [flat_text(cell) for cell in first]
        rows = rows[1:]
    block = {
        "kind": "table",
        "text": "",
        "caption": caption or None,
        "columns": columns,
        "rows": [[flat_text(cell) for cell in row] for row in rows if row],
    }
    section = _current(sections)
    section.blocks.append(block)
    section.blocks.extend(_text_block(text) for text in stray)


def _rows(table: Element) -> tuple[list[list[Element]], list[str]]:
    """Rows of cells of a table (not of tables inside its cells), and words that stand outside caption and cells."""
    rows: list[list[Element]] = []
    stray: list[str] = []
    captions = 0

    def keep(text: str | None) -> None:
        if squeezed(text or ""):
            stray.append(squeezed(text or ""))

    def visit(parent: Element, row: list[Element] | None) -> None:
        nonlocal captions
        keep(parent.text)
        for child in parent:
            kind = kind_of(child)
            if kind == "caption" and captions == 0 and parent is table:
                captions += 1
            elif kind == "tr" and row is None:
                cells: list[Element] = []
                rows.append(cells)
                visit(child, cells)
            elif kind in {"td", "th"} and row is not None:
                row.append(child)
            elif kind in {"thead", "tbody", "tfoot", "colgroup"}:
                visit(child, row)
            elif kind and kind not in WORDLESS:
                keep(flat_text(child))
            keep(child.tail)

    visit(table, None)
    return rows, stray
