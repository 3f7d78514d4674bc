"""A record on the page reads back word for word, and what is empty, absent and withheld is said apart."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from gateway.domain.instants import WireTime
from gateway.domain.record import (
    CodedEntry,
    Section,
    Statement,
    StatementKind,
    SummaryRecord,
    Table,
    Text,
)
from gateway.pages.layout import environment
from gateway.pages.record import absent, allergies, shown
from tests.doors import records
from tests.doors.records import WITHDRAWN, coded, part
from vendor_stubs import pages

BODY = """{% import "record_body.jinja" as body %}<!doctype html><html><head><meta charset="utf-8"></head><body>
<article data-record>{{ body.statements(shown) }}{{ body.facts(shown, "Asked") }}{{ body.sections(shown) }}</article></body></html>"""
TEMPLATE = environment().from_string(BODY)


def read_back(record: SummaryRecord) -> dict[str, Any]:
    """The record as the stub reads it from the page."""
    tree = html.document_fromstring(
        TEMPLATE.render(shown=shown(record)).encode(), parser=html.HTMLParser(encoding="utf-8")
    )
    page = pages.Page(exchange=None, tree=tree)  # type: ignore[arg-type]
    found = pages.record_of(page)
    assert found is not None
    return found


def as_sections(record: SummaryRecord) -> list[dict[str, Any]]:
    """The contract's JSON of a record's sections."""

    def block(one: Text | Table) -> dict[str, Any]:
        if isinstance(one, Text):
            return {"kind": "text", "text": one.text, "caption": None, "columns": [], "rows": []}
        rows = [list(row) for row in one.rows]
        return {"kind": "table", "text": "", "caption": one.caption, "columns": list(one.columns), "rows": rows}

    return [{"id": one.id, "title": one.title, "blocks": [block(b) for b in one.blocks]} for one in record.sections]


@settings(max_examples=60, deadline=None)
@given(st.lists(records.SECTIONS, min_size=1, max_size=4).map(tuple), records.MAYBE, records.MAYBE)
def test_every_word_reads_back(sections: tuple[Section, ...], author: str | None, practice: str | None) -> None:
    record = records.record(sections=sections, author_name=author, practice=practice)
    found = read_back(record)
    assert found["sections"] == as_sections(record)
    assert (found["author"], found["practice"]) == (author, practice)
    assert found["created"] == record.created.iso
    assert found["additional_information"] is record.additional_information
    told = [{"kind": one.kind.value, "text": one.text} for one in record.statements]
    assert found["document_statements"] == told


def text(record: SummaryRecord) -> str:
    """The page's visible words."""
    tree = html.document_fromstring(TEMPLATE.render(shown=shown(record)))
    return " ".join(tree.text_content().split())


CORE = (
    Section("AllergiesHeader", "Allergies and Adverse Reactions", (Table(None, ("Date", "Description"), ()),)),
    Section("AcuteMedsHeader", "Acute Medications", ()),
    Section("RepeatMedsHeader", "Current Repeat Medications", (Text("No repeat medication is recorded."),)),
)


def test_empty_and_absent_are_worded_apart_and_never_none() -> None:
    record = records.record(sections=CORE, statements=())
    words = text(record)
    assert "This table came without entries. This does not mean that there are none." in words
    assert "Nothing stands under this heading in the record received." in words
    assert "No repeat medication is recorded." in words
    assert "Not included in this record Discontinued repeat medications." in words
    assert "no known allergies" not in words.casefold()


@pytest.mark.parametrize(
    ("titles", "missing"),
    [
        ((None,), 4),
        (("Allergies", "Acute Medication", "Current Repeat Medication", "Discontinued Repeat Medication"), 0),
        (("Discontinued Repeat Medications",), 3),
        (("Past Repeat Medication",), 3),
        (("Repeat Medications",), 3),
    ],
)
def test_core_parts_are_known_by_title_too(titles: tuple[str | None, ...], missing: int) -> None:
    sections = tuple(Section(None, title, (Text("x"),)) for title in titles)
    assert len(absent(records.record(sections=sections, statements=()))) == missing


def test_a_caption_can_stand_for_a_part() -> None:
    tables = tuple(Table(name, (), ()) for name in ("Allergies", "Acute Medication"))
    assert absent(records.record(sections=(Section(None, "Summary", tables),), statements=())) == (
        "Current repeat medications",
        "Discontinued repeat medications",
    )


@pytest.mark.parametrize("kind", [StatementKind.NO_DATA, StatementKind.REFUSED_STORAGE])
def test_a_record_that_explains_itself_is_not_said_to_lack_parts(kind: StatementKind) -> None:
    record = records.record(sections=(Section(None, None, (Text("x"),)),), statements=(Statement(kind, "x"),))
    assert absent(record) == ()


@pytest.mark.parametrize("kind", list(StatementKind))
def test_each_statement_stands_at_the_top_and_where_it_was(kind: StatementKind) -> None:
    said = Statement(kind, "Entries of this kind have been left out.")
    sections = (Section("AllergiesHeader", "Allergies", (Text(said.text),)), Section(None, "Else", (Text("y"),)))
    view = shown(records.record(sections=sections, statements=(said,)))
    assert view.statements[0]["where"] == [("part-1", "Allergies")]
    assert view.sections[0].blocks[0]["marked"] is True
    assert view.sections[1].blocks[0]["marked"] is False


def test_an_unknown_section_keeps_its_place_and_title() -> None:
    sections = (Section("NewHeader", "Something new", (Text("x"),)), *CORE)
    view = shown(records.record(sections=sections))
    assert view.sections[0].heading == "Something new"
    assert not view.sections[0].additional


def test_additional_information_is_marked_at_its_sections() -> None:
    sections = (*CORE, Section("DiagnosesHeader", "Diagnoses", (Text("x"),)))
    assert [one.additional for one in shown(records.record(sections=sections)).sections] == [False, False, False, True]


def test_markup_in_words_stays_words() -> None:
    evil = "<script>alert(1)</script><img src=x onerror=y>"
    record = records.record(sections=(Section(evil, evil, (Text(evil), Table(evil, (evil,), ((evil,),)))),))
    page = TEMPLATE.render(shown=shown(record))
    assert "<script" not in page
    assert "<img" not in page
    assert read_back(record)["sections"] == as_sections(record)


def test_a_date_alone_is_shown_without_a_time() -> None:
    record = dataclasses.replace(records.record(), created=WireTime("20290601"))
    assert "Created 01-Jun-2029 This" in text(record)


SAID = "Some entries have deliberately been left out."
FILLED = Table(None, ("Date", "Description"), (("01-Jan-2020", "Penicillin"),))
NONE_LISTED = "none listed: this does not mean that there are none"


@pytest.mark.parametrize(
    ("blocks", "elsewhere", "words"),
    [
        ((FILLED,), (), "listed below"),
        ((Table(None, ("Date",), ()),), (), NONE_LISTED),
        ((), (), NONE_LISTED),
        ((Table(None, ("Date", "Description"), (("", ""),)),), (), NONE_LISTED),
        ((Text("No known allergies."),), (), "see below"),
        ((FILLED, Text(SAID)), (), "listed below; some are withheld"),
        ((Text(SAID),), (), f"{NONE_LISTED}; some are withheld"),
        ((Table(None, ("Date", "Description"), (("", SAID),)),), (), f"{NONE_LISTED}; some are withheld"),
        ((FILLED,), (Text(SAID),), "listed below; some may be withheld"),
        ((), (Text(SAID),), f"{NONE_LISTED}; some may be withheld"),
    ],
)
def test_the_banner_tells_listed_allergies_from_none_listed_and_from_withheld_ones(
    blocks: tuple[Text | Table, ...], elsewhere: tuple[Text, ...], words: str
) -> None:
    sections = (Section("AllergiesHeader", "Allergies", blocks), Section("AcuteMedsHeader", "Acute", elsewhere))
    said = (Statement(StatementKind.WITHHELD, SAID),) if "withheld" in words else ()
    told = allergies(shown(records.record(sections=sections, statements=said)))
    assert told == {"anchor": "part-1", "words": words}


def test_entries_marked_as_withdrawn_are_counted_and_named_and_no_text_is_lost() -> None:
    """The same medicine may stand there twice, once withdrawn: each is told with its day."""
    record = records.record(coded=WITHDRAWN)
    words = text(record)
    assert "The practice marked 4 coded entries of this record as withdrawn" in words
    assert "The text below may still show them as current." in words
    view = shown(record).withdrawn
    assert view.names == (
        "Allergy: Adverse reaction to codeine",
        "Discontinued repeat medication: Amlodipine 5mg tablets (01-Mar-2024 to 31-Mar-2024)",
        "Finding: stated not to be so: Pulse rate: 52 beats/min",
    )
    assert all(name in words for name in view.names)
    assert "Nut allergy" not in words
    assert "1 of them has no words of its own." in words
    assert read_back(record)["sections"] == as_sections(record)
    assert read_back(record) == read_back(records.record()), "the statement is the page's own, none of the document's"


def test_a_record_without_withdrawn_entries_says_nothing_of_them() -> None:
    record = records.record(coded=(part(coded("Nut allergy", "completed")),))
    assert "withdrawn" not in text(record)
    assert allergies(shown(record))["words"] == "listed below; some may be withheld"


@pytest.mark.parametrize(
    ("entry", "display", "blocks", "words"),
    [
        (coded("Nuts", "nullified"), "Anything", (FILLED,), "listed below, every coded one marked as withdrawn"),
        (
            coded("Nuts", "nullified", element="New"),
            "Allergies",
            (FILLED,),
            "listed below, every coded one marked as withdrawn",
        ),
        (coded("Nuts", "nullified"), "Allergies", (Text("Nuts"),), "see below, every coded one marked as withdrawn"),
        (coded("Nuts", "nullified"), "Allergies", (), NONE_LISTED),
        (coded("Aspirin", "nullified", element="AcuteMedication"), "Medication", (FILLED,), "listed below"),
        (coded("Nuts", "completed"), "Allergies", (FILLED,), "listed below"),
    ],
)
def test_the_banner_says_where_an_allergy_is_marked_as_withdrawn(
    entry: CodedEntry, display: str, blocks: tuple[Text | Table, ...], words: str
) -> None:
    sections = (Section("AllergiesHeader", "Allergies", blocks),)
    record = records.record(sections=sections, statements=(), coded=(part(entry, display=display),))
    assert allergies(shown(record)) == {"anchor": "part-1", "words": words}


def test_the_banner_says_some_where_another_allergy_holds() -> None:
    allergy = Section("AllergiesHeader", "Allergies", (FILLED,))
    both = (part(coded("Nuts", "nullified"), coded("Penicillin", "completed")),)
    told = allergies(shown(records.record(sections=(allergy,), statements=(), coded=both)))
    assert told["words"] == "listed below, some marked as withdrawn"


def test_withdrawn_entries_are_told_above_the_part_they_belong_to() -> None:
    """Where the banner's link leads, the mark is seen; a part that holds says nothing of it."""
    sections = (
        Section("AllergiesHeader", "Allergies", (FILLED,)),
        Section("AcuteMedsHeader", "Acute Medications", (FILLED,)),
        Section(None, "Discontinued Repeat Medications", (FILLED,)),
    )
    record = records.record(sections=sections, coded=WITHDRAWN)
    view = shown(record)
    assert [one.withdrawn for one in view.sections] == [
        ("Allergy: Adverse reaction to codeine",),
        (),
        ("Discontinued repeat medication: Amlodipine 5mg tablets (01-Mar-2024 to 31-Mar-2024)",),
    ]
    tree = html.document_fromstring(TEMPLATE.render(shown=view))
    anchor = allergies(view)["anchor"]
    (note,) = tree.xpath("//section[@id=$anchor]//*[@data-withdrawn-here]", anchor=anchor)
    assert "Adverse reaction to codeine" in note.text_content()
    assert note.getnext().tag == "table"
    assert [tree.get_element_by_id(link.lstrip("#")).get("data-withdrawn") for link in note.xpath("a/@href")] == ["4"]
    assert tree.xpath("count(//*[@data-withdrawn-here])") == 2
    assert read_back(record)["sections"] == as_sections(record)


def test_the_banner_says_where_allergies_stand_and_never_that_there_are_none() -> None:
    table = Table("Allergies and intolerances", ("Date",), ())
    by_caption = records.record(
        sections=(Section(None, "Summary", ()), Section(None, "Other", (table,))), statements=()
    )
    assert allergies(shown(by_caption)) == {"anchor": "part-2", "words": NONE_LISTED}
    without = records.record(sections=(Section("AcuteMedsHeader", "Acute Medications", ()),), statements=())
    assert allergies(shown(without)) == {"anchor": None, "words": "not in this record"}
    withheld = records.record(
        sections=(Section("AcuteMedsHeader", "Acute Medications", ()),),
        statements=(Statement(StatementKind.WITHHELD, SAID),),
    )
    assert allergies(shown(withheld)) == {"anchor": None, "words": "not in this record; some may be withheld"}
