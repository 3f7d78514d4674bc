"""The structured record: valid by its schema whatever a summary says, and read back word for word by the stubs' reader."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.adapters.rendering.record_xml import record_element
from gateway.domain.instants import WireTime
from gateway.domain.record import Section, Statement, StatementKind, SummaryRecord, Table, Text
from gateway.xml.catalogue import RECORD_TEXT, Catalogue
from gateway.xml.names import RECORD
from gateway.xml.parser import parse, serialize
from tests.doors.records import MAYBE, OLD_NUMBER, SECTIONS, WITHDRAWN, WORDS, person, record, viewed
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.record_xml import notices, read_record


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


def json_of(shown: SummaryRecord) -> dict[str, object]:
    """What the stubs must read, straight from the record."""

    def block(one: object) -> dict[str, object]:
        if isinstance(one, Table):
            rows = [list(row) for row in one.rows]
            return {"kind": "table", "text": "", "caption": one.caption, "columns": list(one.columns), "rows": rows}
        return {"kind": "text", "text": one.text, "caption": None, "columns": [], "rows": []}  # type: ignore[attr-defined]

    return {
        "nhs_number": shown.nhs_number.value,
        "created": shown.created.iso,
        "author": shown.author_name,
        "practice": shown.practice,
        "additional_information": shown.additional_information,
        "active_content_removed": shown.active_content_removed,
        "document_statements": [{"kind": one.kind.value, "text": one.text} for one in shown.statements],
        "withdrawn_entries": [],
        "sections": [
            {"id": one.id, "title": one.title, "blocks": [block(part) for part in one.blocks]} for one in shown.sections
        ],
    }


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sections=st.lists(SECTIONS, min_size=1, max_size=4).map(tuple),
    statements=st.lists(st.builds(Statement, st.sampled_from(StatementKind), WORDS), max_size=3).map(tuple),
    author=MAYBE,
    practice=MAYBE,
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_every_word_comes_back(catalogue: Catalogue, sections, statements, author, practice, flags) -> None:
    shown = record(
        sections=sections,
        statements=statements,
        author_name=author,
        practice=practice,
        additional_information=flags[0],
        active_content_removed=flags[1],
    )
    element = record_element(shown, viewed(shown))
    assert catalogue.validate(RECORD_TEXT, element) == ()
    read = read_record(parse(serialize(element)))
    assert read == {**json_of(shown), "requested_nhs_number": None}


@pytest.mark.parametrize("text", ["2029", "202906", "20290601", "202906011015", "20291201101500"])
def test_created_keeps_its_precision(catalogue: Catalogue, text: str) -> None:
    shown = record(created=WireTime(text))
    element = record_element(shown, viewed(shown))
    assert catalogue.validate(RECORD_TEXT, element) == ()
    assert read_record(element)["created"] == WireTime(text).iso


def test_a_superseded_number_stands_beside_the_current_one() -> None:
    shown = record()
    element = record_element(shown, viewed(shown, person(requested=OLD_NUMBER)))
    read = read_record(element)
    assert (read["nhs_number"], read["requested_nhs_number"]) == ("9000000009", "9000000017")


def test_what_the_practice_took_back_is_named_before_the_sections(catalogue: Catalogue) -> None:
    shown = record(coded=WITHDRAWN)
    element = record_element(shown, viewed(shown))
    assert catalogue.validate(RECORD_TEXT, element) == ()
    assert [etree.QName(part).localname for part in element] == ["Header", "Statements", "WithdrawnEntries", "Sections"]
    read = read_record(parse(serialize(element)))
    allergies, medication = {"section": "Allergies and Adverse Reactions"}, {"section": "Medication"}
    never = {"time": None, "until": None}
    assert read["withdrawn_entries"] == [
        {"text": "Adverse reaction to codeine", "kind": "allergy"} | allergies | never,
        {"text": "Amlodipine 5mg tablets", "kind": "discontinued repeat medication"}
        | medication
        | {"time": "2024-03-01T00:00:00+00:00", "until": "2024-03-31"},
        {"text": "", "kind": "finding"} | medication | never,
        {"text": "stated not to be so: Pulse rate: 52 beats/min", "kind": "finding"} | medication | never,
    ]
    assert [one.get("allergy") for one in element.iter(f"{{{RECORD}}}WithdrawnEntry")] == ["true", *["false"] * 3]
    assert read["sections"] == json_of(shown)["sections"], "no word of the text is lost"
    told = notices(read)
    assert len(told) == 4
    assert told[0].startswith("The practice marked this entry as withdrawn (allergy): Adverse reaction to codeine.")
    assert "(discontinued repeat medication): Amlodipine 5mg tablets (2024-03-01 to 2024-03-31)." in told[1]
    assert "it has no words of its own" in told[2]


def test_a_statement_names_the_sections_it_stands_in(catalogue: Catalogue) -> None:
    words = "Entries of this kind are left out."
    sections = (Section("a", "Allergies", (Text(words),)), Section("b", "Results", (Text(words),)))
    shown = record(statements=(Statement(StatementKind.WITHHELD, words),), sections=sections)
    element = record_element(shown, viewed(shown))
    assert catalogue.validate(RECORD_TEXT, element) == ()
    assert [one.get("section") for one in element.iter(f"{{{RECORD}}}Statement")] == ["Allergies; Results"]


def test_nothing_tells_where_the_patient_lives() -> None:
    shown = record()
    told = serialize(record_element(shown, viewed(shown, person(telecoms=((None, "tel:0999"),)))))
    assert b"0999" not in told


@pytest.mark.parametrize("missing", ["Header", "Statements", "Sections", "NhsNumber", "AdditionalInformation"])
def test_a_record_that_lacks_a_part_is_no_record(missing: str) -> None:
    shown = replace(record())
    element = record_element(shown, viewed(shown))
    part = next(element.iter(f"{{urn:scr-gateway:record:1}}{missing}"))
    part.getparent().remove(part)
    with pytest.raises(NoAnswer):
        read_record(element)
