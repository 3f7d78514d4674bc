"""A section of the record -> the XHTML narrative of a Composition section. Pure.

Built as a tree from the section's words alone, so that no markup, attribute or address of the source can be in it;
every word is there, in order.
"""

from lxml import etree

from gateway.domain.record import Section, Table, Text

XHTML = "http://www.w3.org/1999/xhtml"
NOTHING = "(nothing stands under this heading)"


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{XHTML}}}{name}")
    child.text = text
    return child


def _div() -> etree._Element:
    return etree.Element(f"{{{XHTML}}}div", nsmap={None: XHTML})  # type: ignore[dict-item] # lxml's name for the default namespace


def _written(div: etree._Element) -> str:
    return etree.tostring(div, encoding="unicode")


def section_div(section: Section) -> str:
    """`div` of a section: a `p` for each text, a `table` for each table. A section without any has its heading there
    as `h2`, since a narrative may not be empty (txt-2)."""
    div = _div()
    for block in section.blocks:
        if isinstance(block, Table):
            _table(div, block)
        else:
            _text(div, block)
    if not any(block.has_words for block in section.blocks):
        div.insert(0, div.makeelement(f"{{{XHTML}}}h2"))
        div[0].text = section.title or section.id or NOTHING
    return _written(div)


def paragraphs_div(texts: tuple[str, ...]) -> str:
    """`div` of plain texts, one `p` each."""
    div = _div()
    for text in texts:
        _add(div, "p", text)
    return _written(div)


def _text(div: etree._Element, block: Text) -> None:
    paragraph = _add(div, "p", None if block.highlighted else block.text)
    if block.highlighted:
        _add(paragraph, "b", block.text)


def _table(div: etree._Element, block: Table) -> None:
    table = _add(div, "table")
    if block.caption is not None:
        _add(table, "caption", block.caption)
    if block.columns:
        row = _add(_add(table, "thead"), "tr")
        for column in block.columns:
            _add(row, "th", column)
    body = _add(table, "tbody")
    for cells in block.rows:
        row = _add(body, "tr")
        for cell in cells:
            _add(row, "td", cell)
