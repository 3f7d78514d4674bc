"""Hostile input at the door for EMIS Web: refused in its own form, told nothing back, and words of any script kept."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.xml.names import HL7, NASP
from gateway.xml.parser import parse, serialize
from tests.doors.emis_web.emis_door import DOOR, PATIENT, read, refused, request, sample, viewed
from tests.doors.records import LETTERS
from tests.spine.wires import changed, wire
from tests.xml.test_hostile import CORPUS

LARGE = {name for name in CORPUS if name.startswith("100 MB")}
"""Never read: the door's limit on bytes is far below."""


@pytest.mark.parametrize("case", sorted(set(CORPUS) - LARGE))
def test_the_hostile_corpus_ends_in_a_fault(case: str) -> None:
    body = CORPUS[case]()
    error = refused(body)
    answer = DOOR.refuse(request(body), None, error)
    assert answer.status == 500
    assert len(answer.body) < 4096
    codes = {one.text for one in parse(answer.body).iter(f"{{{NASP}}}errorCode")}
    assert codes <= {"201", "300"}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a comment inside the number's element", 'extension="9992000481"/>', 'extension="9992000481"><!-- 9992000112 --></value>'),
        ("CDATA around the block", "<af:AccessFacts", "<![CDATA[<af:AccessFacts"),
        ("two bodies", "<SOAP-ENV:Body>", "<SOAP-ENV:Body/><SOAP-ENV:Body>"),
        ("a query inside the header", "<wsa:MessageID>", "<QUPC_IN190000UK04/><wsa:MessageID>"),
        ("two queries", "</QUPC_IN190000UK04>", "</QUPC_IN190000UK04><QUPC_IN190000UK04/>"),
        ("two NHS numbers", "</query>", '<nHSNumber><value extension="9992000112"/></nHSNumber></query>'),
    ],
)  # fmt: skip
def test_no_second_reading_of_a_message(name: str, old: str, new: str) -> None:
    """Either it is refused, or it means what it says to everybody."""
    body = sample("event").replace(old.encode(), new.encode(), 1)
    if name in {"a comment inside the number's element", "a query inside the header"}:
        assert read(body).patient == PATIENT  # type: ignore[attr-defined]
    else:
        assert b"9992000481" not in DOOR.refuse(request(body), None, refused(body)).body


def test_what_the_caller_wrote_is_never_told_back() -> None:
    for old in ("A0000000-0000-4000-8000-000000000003", "V3NPfIT4.2.00", "QUPC_IN190000UK04", "9992000481"):
        body = sample("event").replace(old.encode(), b"CANARY-9992000112", 1)
        assert b"CANARY" not in DOOR.refuse(request(body), None, refused(body)).body


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(LETTERS, min_size=1, max_size=200))
def test_a_note_in_any_script_comes_through(text: str) -> None:
    root = parse(sample("event-with-everything"))
    note = next(root.iter("{urn:scr-gateway:access-facts:1}Note"))
    note.text = text
    assert read(serialize(root)).claims.note == (text.strip() or None)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.text(LETTERS, max_size=60), min_size=1, max_size=5), name=st.text(LETTERS, max_size=40))
def test_a_summary_in_any_script_goes_through_byte_for_byte(words: list[str], name: str) -> None:
    """Byte-equal after canonicalisation, whatever stands in its text, attributes and comments."""

    def write(root: etree._Element) -> None:
        for place, word in zip(root.iter("{xhtml:NPfIT:PresentationText}p"), words, strict=False):
            place.text = word
        for code in root.iter(f"{{{HL7}}}originalText"):
            code.text = name
            code.set("note", name)

    answer = changed("event", write)
    message = request(sample("event"))
    written = DOOR.write(message, DOOR.read(message), viewed(answer))
    assert canonical_summary(written.body) == canonical_summary(answer)


def canonical_summary(message: bytes) -> bytes:
    """The GPSummary, canonical where it stands: prefixes in scope included, as a type name may use them."""
    summary = next(parse(message).iter(f"{{{HL7}}}GPSummary"))
    return etree.tostring(summary, method="c14n", exclusive=True, inclusive_ns_prefixes=["v3", "xsi"])


def test_a_type_name_keeps_its_prefix() -> None:
    message = request(sample("event"))
    written = DOOR.write(message, DOOR.read(message), viewed())
    assert canonical_summary(written.body) == canonical_summary(wire("event"))
    assert b'xmlns:v3="urn:hl7-org:v3"' in canonical_summary(written.body)


def test_nothing_but_the_subject_of_spines_answer_goes_on() -> None:
    """Other headers, acknowledgements and participants of Spine's message stay behind."""

    def add(root: etree._Element) -> None:
        header = root[0]
        etree.SubElement(header, "{urn:x}Stray").text = "CANARY"
        act = next(root.iter(f"{{{HL7}}}ControlActEvent"))
        etree.SubElement(act, f"{{{HL7}}}author").text = "CANARY"
        message = act.getparent()
        assert message is not None
        etree.SubElement(message, f"{{{HL7}}}attentionLine").text = "CANARY"

    message = request(sample("event"))
    assert b"CANARY" not in DOOR.write(message, DOOR.read(message), viewed(changed("event", add))).body
