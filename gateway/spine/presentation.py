"""The presentation text of a GP Summary -> sections and whole-document statements. Pure.

It must never lose, reorder or change a word: titles, captions, cells and text blocks together hold all of them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lxml import etree

from gateway.domain.record import Section, Statement, Table, Text
from gateway.spine.active import SILENT, is_active, kind_of
from gateway.spine.envelope import hl7
from gateway.spine.statements import HIGHLIGHTED, read_statements
from gateway.spine.tables import read_table
from gateway.spine.words import BLOCKS, children, collapse, flatten
from gateway.xml.paths import elements

_TITLE = "title"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """What the text says. `practice` is the text of the element with id Practice."""

    sections: tuple[Section, ...]
    statements: tuple[Statement, ...]
    practice: str | None = field(repr=False)
    active_content_removed: bool

    @property
    def has_words(self) -> bool:
        """Whether there is any text at all."""
        return any(section.title or any(block.has_words for block in section.blocks) for section in self.sections)


def presentation_values(summary: etree._Element) -> Iterator[etree._Element]:
    """The `value` elements of a GPSummary's presentationText parts, in order."""
    for excerpt in elements(summary, hl7("excerptFrom")):
        for text in excerpt.iter(hl7("presentationText")):
            yield from elements(text, hl7("value"))


def has_words(values: Iterable[etree._Element]) -> bool:
    """Whether `value` elements say anything, as `Presentation.has_words` does: told at its first word, without reading it all."""
    return any(
        item.table.has_words if isinstance(item, _Tabular) else bool(item.text)
        for value in values
        for page in _pages(value)
        for body in _bodies(page)
        for item in _walk(body)
    )


def read_presentation(values: Iterable[etree._Element]) -> Presentation:
    """The `value` elements of the presentationText parts, in order -> Presentation."""
    pages = [page for value in values for page in _pages(value)]
    bodies = [body for page in pages for body in _bodies(page)]
    items = [item for body in bodies for item in _walk(body)]
    return Presentation(
        sections=_sections(items),
        statements=read_statements(bodies),
        practice=_practice(bodies),
        active_content_removed=any(is_active(page) for page in pages),
    )


# Walking: container -> headings, tables and texts in document order


@dataclass(frozen=True, slots=True)
class _Heading:
    id: str | None
    text: str


@dataclass(frozen=True, slots=True)
class _Tabular:
    id: str | None
    table: Table


_Item = _Heading | _Tabular | Text


def _pages(value: etree._Element) -> list[etree._Element]:
    pages = [child for child in children(value) if kind_of(child.tag) == "html"]
    return pages or [value]


def _bodies(page: etree._Element) -> list[etree._Element]:
    bodies = [child for child in children(page) if kind_of(child.tag) == "body"]
    return bodies or [page]


def _walk(container: etree._Element) -> Iterator[_Item]:
    """Items of a container. Bare text runs on over comments and `br`, and ends at the next element."""
    run = [container.text or ""]
    for child in container:
        tag = child.tag
        kind = kind_of(tag) if isinstance(tag, str) else ""
        if kind == "br":
            run.append(" ")
        elif kind and kind not in SILENT and kind != "head":
            yield from _bare(run)
            run = []
            yield from _element(child, kind)
        run.append(child.tail or "")
    yield from _bare(run)


def _bare(run: list[str]) -> Iterator[Text]:
    text = collapse("".join(run))
    if text:
        yield Text(text)


def _element(element: etree._Element, kind: str) -> Iterator[_Item]:
    if kind in {"h1", "h2"}:
        yield _Heading(element.get("id"), flatten(element))
    elif kind == "table":
        yield _Tabular(element.get("id"), read_table(element))
    elif kind in {"ul", "ol", "dl"} or _holds_blocks(element):
        yield from _walk(element)
    else:
        text = flatten(element)
        if text:
            yield Text(text, highlighted=HIGHLIGHTED in element.get("class", "").split())


def _holds_blocks(element: etree._Element) -> bool:
    """Whether blocks stand anywhere inside: flattening them would blur a table or swallow a heading."""
    if not len(element):
        return False
    inside = element.iterdescendants()
    return any(isinstance(found.tag, str) and kind_of(found.tag) in BLOCKS for found in inside)


# Sections: the items under their headings


class _Open:
    """A section being filled."""

    def __init__(self, section_id: str | None, title: str | None, *, by_caption: bool = False) -> None:
        self.id = section_id
        self.title = title
        self.by_caption = by_caption
        self.blocks: list[Text | Table] = []

    def done(self) -> Section:
        return Section(self.id, self.title, tuple(self.blocks))


def _sections(items: list[_Item]) -> tuple[Section, ...]:
    headings = [item for item in items if isinstance(item, _Heading)]
    title = next((one for one in headings if (one.id or "").lower() == _TITLE), headings[0] if headings else None)
    sections: list[_Open] = []
    title_section: _Open | None = None
    for item in items:
        if isinstance(item, _Heading):
            sections.append(_Open(item.id, item.text or None))
            if item is title:
                title_section = sections[-1]
            continue
        if isinstance(item, _Tabular):
            caption = item.table.caption
            current = sections[-1] if sections else None
            if caption and (current is None or current is title_section or current.by_caption):
                sections.append(_Open(item.id, caption, by_caption=True))
                sections[-1].blocks.append(Table(None, item.table.columns, item.table.rows))
                continue
        if not sections:
            sections.append(_Open(None, None))
        sections[-1].blocks.append(item.table if isinstance(item, _Tabular) else item)
    return tuple(section.done() for section in sections)


def _practice(bodies: list[etree._Element]) -> str | None:
    for body in bodies:
        for element in body.iterdescendants():
            if isinstance(element.tag, str) and element.get("id") == "Practice":
                return re.sub(r"^Practice:", "", flatten(element)).strip(" ") or None
    return None
