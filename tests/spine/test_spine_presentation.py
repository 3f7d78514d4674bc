"""Presentation text: no word is lost, moved or fused, whatever the markup; sections follow headings and captions."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.domain.record import Section, StatementKind, Table, Text
from gateway.spine.active import has_active_content
from gateway.spine.presentation import Presentation, has_words, read_presentation

NAMESPACE = "xhtml:NPfIT:PresentationText"


def value(inside: str, *, html: bool = True) -> etree._Element:
    """A presentationText value with this markup inside its body."""
    page = f"<x:html xmlns:x='{NAMESPACE}' xmlns='{NAMESPACE}'><head><title>Unseen</title></head><body>{inside}</body></x:html>"
    return etree.fromstring(f"<value xmlns='urn:hl7-org:v3'>{page if html else inside}</value>")


def read(inside: str, *, html: bool = True) -> Presentation:
    return read_presentation([value(inside, html=html)])


def said(sections: tuple[Section, ...]) -> list[str]:
    """Every word of the sections, in order."""
    return " ".join(text for section in sections for text in _texts(section)).split(" ") if sections else []


def _texts(section: Section) -> Iterator[str]:
    yield section.title or ""
    for block in section.blocks:
        if isinstance(block, Text):
            yield block.text
        else:
            yield block.caption or ""
            yield from block.columns
            yield from itertools.chain.from_iterable(block.rows)


def words_in(sections: tuple[Section, ...]) -> list[str]:
    return [word for word in said(sections) if word]


# Sections


def test_headings_open_sections_and_blocks_keep_their_places() -> None:
    found = read(
        "before<h2 id='Title'>The \n  title</h2><p id='Author'>By <b>her</b></p><h3>Sub</h3>"
        "<h2>No id</h2><table id='T'><thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><td>1</td><td/></tr></tbody></table>"
        "after<h1/>"
    )
    assert found.sections == (
        Section(None, None, (Text("before"),)),
        Section("Title", "The title", (Text("By her"), Text("Sub"))),
        Section(None, "No id", (Table(None, ("A", "B"), (("1", ""),)), Text("after"))),
        Section(None, None, ()),
    )


def test_captions_open_sections_under_the_title_or_after_one_another() -> None:
    rows = "<tr><td>x</td></tr>"
    found = read(
        f"<h2 id='TITLE'>T</h2><p>p</p><table id='A'><caption>First</caption>{rows}</table><p>note</p>"
        f"<table id='B'><caption>Second</caption>{rows}</table><table id='C'>{rows}</table>"
        f"<h2 id='D'>Heading</h2><table id='E'><caption>Kept</caption>{rows}</table>"
    )
    assert [(section.id, section.title) for section in found.sections] == [
        ("TITLE", "T"),
        ("A", "First"),
        ("B", "Second"),
        ("D", "Heading"),
    ]
    assert found.sections[1].blocks == (Table(None, (), (("x",),)), Text("note"))
    assert found.sections[3].blocks == (Table("Kept", (), (("x",),)),)


def test_without_headings_a_caption_opens_the_first_section() -> None:
    found = read("<table id='A'><caption>Only</caption><tr><td>x</td></tr></table>")
    assert found.sections == (Section("A", "Only", (Table(None, (), (("x",),)),)),)


def test_the_title_is_the_heading_with_that_id_else_the_first() -> None:
    table = "<table id='A'><caption>C</caption><tr><td>x</td></tr></table>"
    later = read(f"<h2>One</h2>{table}<h2 id='title'>Two</h2>{table}")
    assert [section.title for section in later.sections] == ["One", "Two", "C"]
    assert isinstance(later.sections[0].blocks[0], Table)
    assert later.sections[0].blocks[0].caption == "C"


def test_tables() -> None:
    (section,) = read(
        "<table><tr><td>all td</td></tr><tr/><tr><th>row</th><td colspan='2'>wide</td></tr>"
        "<tr><td>in<table><caption>c</caption><tr><td>ner</td><td>two</td></tr></table>out</td></tr></table>"
        "<table/>"
    ).sections
    assert section.blocks == (
        Table(None, (), (("all td",), ("row", "wide"), ("in c ner two out",))),
        Table(None, (), ()),  # an empty table stays: it is not 'nothing known'
    )


def test_white_space_is_only_the_four_and_comments_hide_nothing() -> None:
    (section,) = read(
        "<p>a\t\r\n b\u00a0\u2003c<!-- not me --> d<?pi x?>e<br/>f\u200f\u0301</p>plain<!-- no -->text<br/>more"
    ).sections
    assert section.blocks == (Text("a b\u00a0\u2003c de f\u200f\u0301"), Text("plaintext more"))


def test_lists_and_containers_are_walked() -> None:
    (section,) = read(
        "<ul><li>one</li><li>two <ul><li>deep</li></ul> end</li></ul><div>x<p>y</p>z</div><div>in <i>one</i></div>"
        "<center><font><span><table><tr><td>t</td></tr></table></span></font></center><pre> k  l </pre>"
    ).sections
    assert section.blocks == (
        *(Text(text) for text in ("one", "two", "deep", "end", "x", "y", "z", "in one")),
        Table(None, (), (("t",),)),
        Text("k l"),
    )


def test_without_body_or_html_the_words_are_still_there() -> None:
    page = f"<html xmlns='{NAMESPACE}'><head><style>no</style></head><h2>H</h2><p>w</p></html>"
    assert read(page, html=False).sections == (Section(None, "H", (Text("w"),)),)
    assert read("just words", html=False).sections == (Section(None, None, (Text("just words"),)),)


def test_several_parts_follow_one_another() -> None:
    found = read_presentation([value("<h2>A</h2>"), value("<p>b</p>")])
    assert found.sections == (Section(None, "A", (Text("b"),)),)


@pytest.mark.parametrize("inside", ["", "<h2/><p> </p><table><tr><td/></tr></table>", "<script>words</script>"])
def test_no_words(inside: str) -> None:
    assert not read(inside).has_words
    assert not has_words([value(inside)])


@pytest.mark.parametrize(
    "inside",
    [
        "<h2>A</h2>",
        "a",
        "<table><caption>c</caption></table>",
        "<ul><li>b</li></ul>",
        "<table><tr><th>h</th></tr></table>",
    ],
)
def test_a_word_anywhere_is_enough(inside: str) -> None:
    assert read(inside).has_words
    assert has_words([value(""), value(inside)])


# Statements


@pytest.mark.parametrize(
    ("markup", "kind"),
    [
        ("<p id='WithheldCREItemsHeaderStatement' class='HighlightedStatement'>S 1</p>", StatementKind.WITHHELD),
        ("<td id='withheldcreitemsstatement'>S 1</td>", StatementKind.WITHHELD),
        ("<p id='WithhedItemsStatment'>S 1</p>", StatementKind.WITHHELD),
        ("<h3 id='RegistrationStartedStatement'>S 1</h3>", StatementKind.RECENTLY_REGISTERED),
        ("<p id='NoDataStatement'>S 1</p>", StatementKind.NO_DATA),
        ("<p class='x HighlightedStatement'>S 1</p>", StatementKind.HIGHLIGHTED),
    ],
)
def test_statements_by_their_marks(markup: str, kind: StatementKind) -> None:
    found = read(f"<h2>T</h2><div>{markup}<p>other</p>{markup}</div>")
    assert [(one.kind, one.text) for one in found.statements] == [(kind, "S 1")]
    assert words_in(found.sections).count("S") == 2  # it also stays where it stands


@pytest.mark.parametrize(
    ("markup", "kinds"),
    [
        ("<td>REFUSED consent for\n upload to national shared electronic record.</td>", ["refused storage"]),
        (
            (
                "<h3>Following discussion with a member of the practice staff this patient has chosen not to store their"
                " clinical information on it</h3>"
            ),
            ["refused storage"],
        ),
        ("<p>This patient has chosen not to have a Summary Care Record.</p>", ["refused storage"]),
        ("<li>This patient has chosen not to have a Summary Care Record.</li>", []),
        ("<h3>The practice holds no significant data on this patient.</h3>", ["holds no data"]),
        ("<p>The practice holds no significant data on this patient.</p>", []),
    ],
)
def test_statements_by_their_words(markup: str, kinds: list[str]) -> None:
    assert [one.kind.value for one in read(markup).statements] == kinds


def test_highlighted_text_is_marked() -> None:
    (section,) = read("<p class='HighlightedStatement'>Mind</p><p>not</p>").sections
    assert [block.highlighted for block in section.blocks if isinstance(block, Text)] == [True, False]


def test_practice() -> None:
    assert read("<p id='Practice'>Practice:  The  Row</p>").practice == "The Row"
    assert read("<p id='Practice'>Practice:</p>").practice is None
    assert read("<p>x</p>").practice is None


# Active content

ACTIVE = [
    "<script>alert(1)</script>",
    "<style>p{}</style>",
    "<p onclick='x()'>words</p>",
    "<p style='background:url(//x)'>words</p>",
    "<a href='javascript:x()'>words</a>",
    "<img src='//x'/>",
    "<svg onload='x()'><text>words</text></svg>",
    "<object data='x'>words</object>",
    "<iframe src='x'/>",
    "<form action='x'><p>words</p></form>",
    "<noscript><p>words</p></noscript>",
    "<SCRIPT>x</SCRIPT>",
    "<table background='//x'><tr><td>words</td></tr></table>",
    "<meta http-equiv='refresh'/>",
    "<s:script xmlns:s='http://www.w3.org/2000/svg'>x</s:script>",
    "<p xmlns:l='http://www.w3.org/1999/xlink' l:href='//x'>words</p>",
    "<?xml-stylesheet href='//x'?>",
]


@pytest.mark.parametrize("markup", ACTIVE)
def test_active_content_is_found_and_only_words_are_kept(markup: str) -> None:
    found = read(f"<p>kept</p>{markup}<p>too</p>")
    assert found.active_content_removed
    assert has_active_content(value(markup))
    assert words_in(found.sections) == ["kept", *(["words"] if "words" in markup else []), "too"]


def test_active_content_outside_the_text_is_found_too() -> None:
    for inside in ("<script/>", "<code onload='x'/>", f"<x:img xmlns:x='{NAMESPACE}'/>"):
        assert has_active_content(etree.fromstring(f"<GPSummary xmlns='urn:hl7-org:v3'>{inside}</GPSummary>"))


def test_plain_markup_is_not_active() -> None:
    plain = "<h2 id='a' class='b'>T</h2><table summary='s' id='x'><tr><td colspan='2'>&lt;script&gt; onclick= </td></tr></table>"
    assert not has_active_content(value(plain))
    found = read(plain)
    assert not found.active_content_removed
    assert words_in(found.sections) == ["T", "<script>", "onclick="]
    hl7 = "<GPSummary xmlns='urn:hl7-org:v3'><code code='1' value='x'/></GPSummary>"
    assert not has_active_content(etree.fromstring(hl7))


# No word is lost, whatever the markup

_INLINE = ("b", "i", "span", "font", "em", "unknown")
_BLOCKS = ("p", "div", "h1", "h2", "h3", "h6", "li", "ul", "ol", "pre", "blockquote", "section", "center", "dl", "dd")
_CELLS = ("td", "th")


class _Page:
    """Builds a document from drawn choices; every word is new, so that its place can be told."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw
        self._count = itertools.count()
        self.words: list[str] = []

    def pick(self, most: int) -> int:
        return self._draw(st.integers(0, most))

    def word(self) -> str:
        text = f"w{next(self._count)}" + ("", "é", "\u00a0x", "\U0001f48a")[self.pick(3)]
        self.words.append(text)
        return text

    def text(self) -> str:
        return ("", " \n ", " ")[self.pick(2)] + f" {self.word()} " if self.pick(2) else ""

    def fill(self, element: etree._Element, depth: int) -> None:
        element.text = self.text()
        for _ in range(self.pick(3) if depth else 0):
            child = self.child(element, depth)
            child.tail = self.text()

    def child(self, parent: etree._Element, depth: int) -> etree._Element:
        kind = self.pick(9)
        if kind == 0:
            comment = etree.Comment("hidden")
            parent.append(comment)
            return comment
        if kind == 1:
            hidden = etree.SubElement(parent, f"{{{NAMESPACE}}}" + ("script", "style")[self.pick(1)])
            hidden.text = "hidden"
            return hidden
        if kind == 2:
            return etree.SubElement(parent, f"{{{NAMESPACE}}}br")
        if kind in {3, 4}:
            return self.table(parent, depth)
        names = _INLINE if kind == 5 else _BLOCKS
        element = etree.SubElement(parent, f"{{{NAMESPACE}}}{names[self.pick(len(names) - 1)]}")
        if self.pick(3) == 0:
            element.set("id", ("Title", "Practice", "NoDataStatement")[self.pick(2)])
        self.fill(element, depth - 1)
        return element

    def table(self, parent: etree._Element, depth: int) -> etree._Element:
        table = etree.SubElement(parent, f"{{{NAMESPACE}}}table")
        if self.pick(1):
            self.fill(etree.SubElement(table, f"{{{NAMESPACE}}}caption"), 0)
        holder = table
        for _ in range(self.pick(3)):
            if self.pick(2) == 0:
                holder = etree.SubElement(table, f"{{{NAMESPACE}}}{('thead', 'tbody')[self.pick(1)]}")
            row = etree.SubElement(holder, f"{{{NAMESPACE}}}tr")
            for _ in range(self.pick(3)):
                cell = etree.SubElement(row, f"{{{NAMESPACE}}}{_CELLS[self.pick(1)]}")
                self.fill(cell, depth - 1)
                if self.pick(5) == 0:
                    cell.tail = self.text()
            if self.pick(5) == 0:
                row.tail = self.text()
        return table


@st.composite
def pages(draw: Callable[[st.SearchStrategy[int]], int]) -> tuple[etree._Element, list[str]]:
    page = _Page(draw)
    holder = etree.Element("{urn:hl7-org:v3}value")
    html = etree.SubElement(holder, f"{{{NAMESPACE}}}html")
    page.fill(etree.SubElement(html, f"{{{NAMESPACE}}}body"), 4)
    return holder, page.words


@settings(max_examples=300, deadline=None)
@given(pages())
def test_every_word_of_any_page_is_there_in_order(page: tuple[etree._Element, list[str]]) -> None:
    holder, words = page
    before = etree.tostring(holder)
    found = read_presentation([holder])
    assert words_in(found.sections) == words
    assert has_words([holder]) == found.has_words == bool(words)
    assert etree.tostring(holder) == before  # the document itself is untouched
    assert all(statement.text for statement in found.statements)


@given(
    st.lists(st.sampled_from(["p", "li", "td", "th", "h2", "h3", "div", "dt", "dd", "caption"]), min_size=2, max_size=6)
)
def test_blocks_side_by_side_do_not_fuse(names: list[str]) -> None:
    inside = "".join(f"<{name}>w{place}</{name}>" for place, name in enumerate(names))
    for markup in (f"<table><tr><td>{inside}</td></tr></table>", f"<div>{inside}</div>", f"<p>{inside}</p>"):
        assert words_in(read(markup).sections) == [f"w{place}" for place in range(len(names))]
