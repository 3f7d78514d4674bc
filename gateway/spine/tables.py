"""A table of presentation text -> caption, columns and rows, every cell kept. Pure.

It must never drop a cell or move text: words that stand outside the cells become cells in their place.
"""

from collections.abc import Iterator

from lxml import etree

from gateway.domain.record import Table
from gateway.spine.active import SILENT, kind_of
from gateway.spine.words import children, collapse, flatten

_CELLS = frozenset({"td", "th"})
_PARTS = frozenset({"thead", "tbody", "tfoot"})
_Row = tuple[tuple[str, ...], bool]
"""Cell texts, and whether all of them are header cells."""


def read_table(table: etree._Element) -> Table:
    """caption None where empty or absent; columns from the first row where all its cells are `th`; rows without cells
    are dropped; nested tables are flattened into their cell.
    """
    caption = next((child for child in children(table) if kind_of(child.tag) == "caption"), None)
    rows = list(_rows(table, caption))
    columns: tuple[str, ...] = ()
    if rows and rows[0][0] and rows[0][1]:
        columns = rows[0][0]
        rows = rows[1:]
    text = flatten(caption) if caption is not None else ""
    return Table(text or None, columns, tuple(cells for cells, _ in rows if cells))


def _rows(part: etree._Element, caption: etree._Element | None) -> Iterator[_Row]:
    """Rows of a table or of one of its parts; cells without a row, and stray words, make a row of their own."""
    yield from _stray(part.text)
    loose: list[etree._Element] = []
    for child in part:
        kind = kind_of(child.tag) if isinstance(child.tag, str) else ""
        if kind in _CELLS:
            loose.append(child)
        elif kind and child is not caption:
            yield from _loose(loose)
            loose = []
            yield from _inside(child, kind, caption)
        if collapse(child.tail or ""):
            yield from _loose(loose)
            loose = []
            yield from _stray(child.tail)
    yield from _loose(loose)


def _inside(child: etree._Element, kind: str, caption: etree._Element | None) -> Iterator[_Row]:
    if kind == "tr":
        yield _cells(child)
    elif kind in _PARTS or (next(child.iterdescendants("{*}tr"), None) is not None and kind != "table"):
        yield from _rows(child, caption)
    elif kind not in SILENT:
        yield from _stray(flatten(child))


def _cells(row: etree._Element) -> _Row:
    texts: list[str] = []
    kinds: set[str] = set()

    def words(text: str | None) -> None:
        collapsed = collapse(text or "")
        if collapsed:
            texts.append(collapsed)
            kinds.add("")

    words(row.text)
    for child in row:
        kind = kind_of(child.tag) if isinstance(child.tag, str) else ""
        if kind in _CELLS:
            texts.append(flatten(child))
            kinds.add(kind)
        elif kind and kind not in SILENT:
            words(flatten(child))
        words(child.tail)
    return tuple(texts), kinds == {"th"}


def _loose(cells: list[etree._Element]) -> Iterator[_Row]:
    if cells:
        yield tuple(flatten(cell) for cell in cells), all(kind_of(cell.tag) == "th" for cell in cells)


def _stray(text: str | None) -> Iterator[_Row]:
    collapsed = collapse(text or "")
    if collapsed:
        yield (collapsed,), False
