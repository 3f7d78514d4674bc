"""The pane: self-contained, without anything active, every word of the record in it, and statements nobody can miss."""

import re
from datetime import UTC, datetime

import nh3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree, html

from gateway.adapters.rendering.pane import STATEMENTS, STYLE, check, content_element, pane, shown_time
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError
from gateway.domain.instants import WireTime
from gateway.domain.record import Section, Statement, StatementKind, SummaryRecord, Table, Text
from tests.doors.records import NOW, OLD_NUMBER, SECTIONS, WITHDRAWN, WORDS, person, record, viewed

REFERENCE = "C0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"


def shown(one: SummaryRecord | None = None, **changes: object) -> str:
    """The pane of a record."""
    one = one or record()
    return pane(one, viewed(one, person(**changes)), now=NOW, reference=REFERENCE)


def as_a_browser(text: str) -> html.HtmlElement:
    """The document as an HTML parser sees it."""
    return html.document_fromstring(text)


def words(section: Section) -> list[str]:
    """Every text of a section, in order."""
    found = [section.title] if section.title else []
    for block in section.blocks:
        if isinstance(block, Text):
            found.append(block.text)
        else:
            found += [block.caption] if block.caption else []
            found += [text for row in (block.columns, *block.rows) for text in row if text]
    return found


def test_a_pane_is_one_document_with_one_style_and_nothing_to_load() -> None:
    text = shown()
    root = as_a_browser(text)
    assert text.startswith("<!DOCTYPE html>")
    assert [element.text for element in root.iter("style")] == [STYLE]
    assert not {"script", "link", "img", "a", "form", "iframe", "object", "base", "input"} & {
        e.tag for e in root.iter()
    }
    names = {name for element in root.iter() for name in element.attrib}
    assert names <= {"lang", "charset", "http-equiv", "content", "class", "role", "scope"}
    assert not re.search(r"url\(|@import|expression|javascript:|https?:", STYLE)
    assert "default-src 'none'" in text
    assert not {"<", ">", "&"} & set(STYLE), "the style must read the same as XML and as HTML"


def test_a_statement_says_which_sections_it_stands_in() -> None:
    words = "Entries of this kind are left out."
    told = record(
        statements=(Statement(StatementKind.WITHHELD, words),),
        sections=(
            Section("a", "Allergies", (Table(None, ("Date",), ((words,),)),)),
            Section("b", "Medication", (Text("none"),)),
            Section("c", None, (Text(words),)),
        ),
    )
    [note] = [e for e in as_a_browser(shown(told)).iter("section") if e.get("class") == "statement"]
    assert [part.text for part in note.iter("p")] == [words, "In: Allergies"]


def test_what_the_practice_took_back_is_named_first_and_in_the_banner() -> None:
    root = as_a_browser(shown(record(coded=WITHDRAWN)))
    assert "Entries marked as withdrawn" in [e.text for e in root.iter("strong") if e.get("class") == "flag"]
    [note] = [e for e in root.iter("section") if (e.findtext("h2") or "") == "Entries marked as withdrawn"]
    assert [part.text for part in note.iter("p")] == [
        (
            "The practice marked 4 coded entries of this record as withdrawn, because they were entered in error. "
            "The text below may still show them as current."
        ),
        "Allergy: Adverse reaction to codeine",
        "Discontinued repeat medication: Amlodipine 5mg tablets (01-Mar-2024 to 31-Mar-2024)",
        "Finding: stated not to be so: Pulse rate: 52 beats/min",
        "1 of them has no words of its own.",
    ]
    assert "withdrawn" not in shown(record())


def test_it_reads_the_same_as_xml_and_as_html() -> None:
    text = shown()
    as_xml = etree.fromstring(text.encode())
    assert "".join(as_xml.itertext()).split() == "".join(as_a_browser(text).itertext()).split()
    assert not re.search(r"<(?!meta)[a-z0-9]+[^>]*/>", text), "an empty element without end tag is not HTML"


def test_statements_come_first_and_in_the_banner_and_stay_in_print() -> None:
    both = record(
        statements=(
            Statement(StatementKind.WITHHELD, "Entries withheld here."),
            Statement(StatementKind.RECENTLY_REGISTERED, "Registered lately."),
        ),
        active_content_removed=True,
    )
    root = as_a_browser(shown(both))
    flags = [flag.text for flag in root.iter("strong") if flag.get("class") == "flag"]
    assert flags == ["Entries withheld", "Recently registered patient", "Active content removed"]
    notes = [section for section in root.iter("section") if section.get("class") == "statement"]
    assert ["".join(note.itertext()) for note in notes][:2] == [
        "Entries withheldEntries withheld here.",
        "Recently registered patientRegistered lately.",
    ]
    order = list(root.iter("section"))
    assert order[: len(notes)] == notes, "nothing of the record stands before them"
    printed = STYLE[STYLE.index("@media print") :]
    assert "display: none" not in STYLE
    assert ".statement" in printed


def test_every_kind_of_statement_has_its_heading() -> None:
    assert set(STATEMENTS) == set(StatementKind)


def test_nothing_is_marked_where_nothing_is_to_be_said() -> None:
    plain = record(statements=())
    root = as_a_browser(shown(plain))
    assert not [element for element in root.iter() if element.get("class") in {"flag", "statement"}]


def test_the_banner_says_whose_record_it_is() -> None:
    root = as_a_browser(shown(requested=OLD_NUMBER))
    banner = next(root.iter("header"))
    told = {pair[0].text: pair[1].text for pair in banner.iter("div")}
    assert next(banner.iter("p")).text == "Ó'BRIEN, Ada Mary (Ms)"
    assert told == {
        "Born": "17-Mar-1962 (67y)",
        "Gender": "Female",
        "NHS No.": "900 000 0009",
        "Asked with, superseded": "900 000 0017",
    }


def test_of_the_dead_the_day_of_death_and_no_age() -> None:
    root = as_a_browser(shown(deceased=WireTime("20290101")))
    told = {pair[0].text: pair[1].text for pair in next(root.iter("header")).iter("div")}
    assert (told["Born"], told["Died"]) == ("17-Mar-1962", "01-Jan-2029")


def test_tables_have_captions_and_scoped_headers_and_an_empty_part_says_so() -> None:
    empty = Section("X", "Empty table", (Table(None, ("Date",), ()),))
    root = as_a_browser(shown(record(sections=(*record().sections, empty))))
    for table in root.iter("table"):
        assert table[0].tag == "caption"
        assert table[0].text
        assert all(header.get("scope") == "col" for header in table.iter("th"))
    text = " ".join(root.itertext())
    assert "Nothing stands under this heading in the record." in text
    assert "The table has no rows." in text
    assert "none known" not in text.lower()


@settings(max_examples=200, deadline=None)
@given(
    sections=st.lists(SECTIONS, min_size=1, max_size=4).map(tuple),
    statements=st.lists(st.builds(Statement, st.sampled_from(StatementKind), WORDS), max_size=3).map(tuple),
)
def test_every_word_is_there_in_order_whatever_it_is(sections, statements) -> None:
    text = shown(record(sections=sections, statements=statements))
    told = [part for element in etree.fromstring(text.encode()).iter() for part in (element.text or "",)]
    at = 0
    for word in [statement.text for statement in statements] + [word for s in sections for word in words(s)]:
        at = told.index(word, at) + 1


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</style><script>alert(1)</script>",
        "]]><svg onload=alert(1)>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        '"><iframe src="javascript:alert(1)">',
        "<!-- --!><script>alert(1)</script>",
        "{{7*7}}",
    ],
)
def test_markup_in_words_stays_words(evil: str) -> None:
    everywhere = Section(evil, evil, (Text(evil), Table(evil, (evil,), ((evil, evil),))))
    text = shown(
        record(
            sections=(everywhere,),
            author_name=evil,
            practice=evil,
            statements=(Statement(StatementKind.HIGHLIGHTED, evil),),
        ),
        family=evil,
        given=(evil,),
        prefix=evil,
    )
    root = as_a_browser(text)
    assert not {"script", "img", "svg", "iframe"} & {element.tag for element in root.iter()}
    assert next(element.text for element in root.iter("td")) == evil


@pytest.mark.parametrize(
    "put_in",
    [
        lambda: etree.Element("script"),
        lambda: etree.Element("img", src="http://127.0.0.1/x"),
        lambda: etree.Element("a", href="javascript:alert(1)"),
        lambda: etree.Element("p", onclick="alert(1)"),
        lambda: etree.Element("p", style="background: url(http://127.0.0.1/x)"),
        lambda: etree.Element("p", {"class": "not-ours"}),
        lambda: etree.Element("iframe"),
        lambda: etree.Element("p", id="statement"),
        lambda: etree.Comment("x"),
    ],
)
def test_the_second_lock_holds_where_the_first_would_fail(put_in) -> None:
    one = record()
    content = content_element(one, viewed(one), now=NOW, reference=REFERENCE)
    check(content)
    content[1][1].append(put_in())
    with pytest.raises(GatewayError) as caught:
        check(content)
    assert caught.value.code is Code.ANSWER_INVALID


def test_the_sanitiser_is_the_real_one() -> None:
    assert nh3.clean("<script>x</script><p>y</p>", tags={"p"}) == "<p>y</p>"


@pytest.mark.parametrize(
    ("wire", "told"),
    [
        ("20290601101500", "01-Jun-2029 10:15"),
        ("202901051200", "05-Jan-2029 12:00"),
        ("20290601", "01-Jun-2029"),
        ("202906", "Jun-2029"),
        ("2029", "2029"),
    ],
)
def test_times_are_told_at_the_precision_known(wire: str, told: str) -> None:
    assert shown_time(WireTime(wire)) == told


def test_the_time_shown_is_londons() -> None:
    one = record()
    summer = pane(one, viewed(one), now=datetime(2030, 7, 1, 23, 30, tzinfo=UTC), reference=REFERENCE)
    assert "Shown 02-Jul-2030 00:30" in summer
