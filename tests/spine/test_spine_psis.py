"""Event list and event: every outcome told apart, and nobody else's record ever taken."""

import re
from collections.abc import Callable

import pytest
from lxml import etree

from gateway.domain.codes import Code
from gateway.domain.errors import PolicyRefused, SpineUnavailable, WrongPatient
from gateway.domain.spine import Consent, EventDocument
from gateway.spine.envelope import read_answer
from gateway.spine.interactions import EVENT, EVENT_LIST
from gateway.spine.psis import read_event, read_event_list
from gateway.xml.moving import taken
from tests.spine.wires import EVENT_ID, HL7, MESSAGE_ID, OTHER, PATIENT, PSIS, changed, failure, issues, replaced, wire


def _listed(data: bytes) -> object:
    return read_event_list(data, PATIENT)


def _fetched(data: bytes) -> object:
    return read_event(data, PATIENT, EVENT_ID)


BOTH = pytest.mark.parametrize(("read", "sample"), [(_listed, "event-list"), (_fetched, "event")])
Read = Callable[[bytes], object]


# The list


def test_newest_normal_summary_first_whatever_the_order_on_the_wire() -> None:
    listed = read_event_list(wire("event-list"), PATIENT)
    assert [event.id[-1] for event in listed.events] == ["3", "2"]  # not the withdrawn 4, nor 5 of another type
    assert listed.consent is Consent.ASK
    assert listed.nhs_number == PATIENT


@pytest.mark.parametrize(
    ("said", "consent"),
    [
        ("Ask", Consent.ASK),
        ("ASK", Consent.ASK),
        ("Clear", Consent.ASK),
        ("Yes", Consent.YES),
        ("yes", Consent.YES),
        ("No", Consent.NO),
        ("", Consent.UNKNOWN),
        ("Maybe", Consent.UNKNOWN),
    ],
)
def test_consent_to_view(said: str, consent: Consent) -> None:
    data = replaced("event-list", "<permission>Ask</permission>", f"<permission>{said}</permission>")
    assert read_event_list(data, PATIENT).consent is consent


def test_no_assertion_means_ask_and_the_strictest_of_several_counts() -> None:
    def without(root: etree._Element) -> None:
        for assertion in list(root.iter(f"{HL7}accessControlAssertion")):
            assertion.getparent().remove(assertion)

    assert read_event_list(changed("event-list", without), PATIENT).consent is Consent.ASK
    both_view = replaced("event-list", "<code>Store</code>", "<code>View</code>")
    assert read_event_list(both_view, PATIENT).consent is Consent.NO


def test_a_list_without_events_is_empty() -> None:
    def without(root: etree._Element) -> None:
        for event in list(root.iter(f"{PSIS}event")):
            event.getparent().remove(event)

    assert read_event_list(changed("event-list", without), PATIENT).events == ()


def test_refused_and_nothing_found_are_different_lists() -> None:
    refused = read_event_list(wire("not-fulfilled"), PATIENT)
    assert (refused.consent, refused.events) == (Consent.NO, ())
    empty = read_event_list(issues(("210", "WG"), ("30312", "WG")), PATIENT)
    assert (empty.consent, empty.events) == (Consent.ASK, ())


def test_an_order_that_cannot_be_told_is_no_order() -> None:
    for old in ('<p:persistenceDate value="20250610080000"/>', 'value="20250610080000"'):
        data = replaced("event-list", old, "" if old.startswith("<") else 'value="1"')
        assert failure(lambda data=data: _listed(data)).code is Code.SPINE_UNUSABLE


@pytest.mark.parametrize("part", ["eventID", "eventStatus", "eventType"])
def test_an_event_that_cannot_be_judged_is_not_skipped(part: str) -> None:
    def without(root: etree._Element) -> None:
        found = next(root.iter(f"{PSIS}{part}"))
        found.getparent().remove(found)

    assert failure(lambda: _listed(changed("event-list", without))).code is Code.SPINE_UNUSABLE


# The event


def test_the_document_is_taken_whole_and_untouched() -> None:
    document = read_event(wire("event"), PATIENT, EVENT_ID.lower())
    assert isinstance(document, EventDocument)
    assert (document.event_id, document.document_id) == (EVENT_ID, "D0000000-0000-4000-8000-000000000001")
    assert document.answer.tag == f"{HL7}QUPC_IN210000UK04"
    (original,) = document.answer.iter(f"{HL7}GPSummary")
    assert document.summary is original


def test_the_document_moves_into_another_message_as_it_is() -> None:
    document = read_event(wire("event"), PATIENT, EVENT_ID.lower())
    assert isinstance(document, EventDocument)
    before = etree.tostring(
        document.summary, method="c14n", exclusive=True, inclusive_ns_prefixes=["v3"], with_tail=False
    )
    other = etree.Element("other")
    other.append(taken(document.summary))
    (moved,) = other
    assert moved.tag == f"{HL7}GPSummary"
    assert moved.tail is None
    assert etree.tostring(moved, method="c14n", exclusive=True, inclusive_ns_prefixes=["v3"]) == before
    assert not list(document.answer.iter(f"{HL7}GPSummary"))
    # type names in attributes keep a prefix that means what it meant
    value = next(moved.iter(f"{HL7}presentationText")).find(f"{HL7}value")
    assert value.get("{http://www.w3.org/2001/XMLSchema-instance}type") == "v3:ED.NPfIT.Text.XHTML"
    assert value.nsmap["v3"] == "urn:hl7-org:v3"


def test_refused_at_the_event() -> None:
    with pytest.raises(PolicyRefused) as caught:
        _fetched(wire("not-fulfilled"))
    assert caught.value.code is Code.SCR_NOT_AVAILABLE
    assert caught.value.rules == ("SCR-AVAILABLE",)


def test_a_document_that_is_gone_is_none() -> None:
    assert _fetched(issues(("210", "WG"), ("30312", "WG"))) is None
    assert _fetched(issues(("210", "WG"))) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f'eventID root="{EVENT_ID}"', 'eventID root="A0000000-0000-4000-8000-000000000009"'),
        (f'<p:eventID root="{EVENT_ID}"/>', ""),
        ('<p:eventStatus code="1"', '<p:eventStatus code="2"'),
        (
            '<statusCode code="active"/>\n                    <eff',
            '<statusCode code="nullified"/>\n                    <eff',
        ),
        ('<id root="D0000000-0000-4000-8000-000000000001"/>', ""),
        ('<code code="196981000000101"', '<code code="163171000000105"'),
        ("<p:hl7Data>", "<p:hl7Data><GPSummary/>"),
        ("<p:event>", "<p:event/><p:event>"),
        ("<recordTarget typeCode=", "<recordTargets typeCode="),
    ],
)
def test_what_is_not_the_one_active_document_asked_for_is_unusable(old: str, new: str) -> None:
    data = replaced("event", old, new)
    if "recordTargets" in new:
        data = data.replace(b"</patient></recordTarget>", b"</patient></recordTargets>")
    assert failure(lambda: _fetched(data)).code is Code.SPINE_UNUSABLE


def test_an_empty_status_is_accepted_as_initial_summaries_have_it() -> None:
    old = '<statusCode code="active"/>\n                    <eff'
    assert _fetched(replaced("event", old, "<statusCode/><eff")) is not None


# Whose it is (I3)

_NUMBER = re.compile(PATIENT.value)


@pytest.mark.parametrize(("read", "sample"), [(_listed, "event-list"), (_fetched, "event")])
def test_every_single_number_must_be_the_one_asked_for(read: Read, sample: str) -> None:
    text = wire(sample).decode()
    places = list(_NUMBER.finditer(text))
    assert len(places) == {"event-list": 4, "event": 2}[sample]
    for place in places:
        for other in (OTHER.value, "", PATIENT.value[:-1], f"{PATIENT.value}0"):
            data = f"{text[: place.start()]}{other}{text[place.end() :]}".encode()
            if not other and b"<Id></Id>" in data:
                continue  # an assertion that names no resource stands under the list's own patient
            with pytest.raises((WrongPatient, SpineUnavailable)):
                read(data)
            if other == OTHER.value:
                with pytest.raises(WrongPatient):
                    read(data)


@BOTH
def test_no_number_at_all_is_unusable(read: Read, sample: str) -> None:
    data = wire(sample).replace(b'root="2.16.840.1.113883.2.1.4.1"', b'root="1.2.3"')
    assert failure(lambda: read(data)).code is Code.SPINE_UNUSABLE


# Faults and failures


@pytest.mark.parametrize("read", [_listed, _fetched])
@pytest.mark.parametrize(
    ("data", "codes", "transient"),
    [
        (wire("fault"), ("200",), True),
        (replaced("fault", ">200<", ">206<"), ("206",), True),
        (replaced("fault", ">200<", ">208<"), ("208",), True),
        (replaced("fault", ">200<", ">300<"), ("300",), False),
        (replaced("fault", ">200<", ">201<"), ("201",), False),
        (
            replaced("fault", "</n:error>", "</n:error><n:error><n:errorCode>201</n:errorCode></n:error>"),
            ("200", "201"),
            False,
        ),
        (replaced("fault", "<n:errorCode>200</n:errorCode>", ""), (), False),
        (wire("ebxml-error"), ("ValueNotRecognized",), False),
        (b"<!DOCTYPE html><html><body>Sorry</body></html>", (), False),
        (b"\n <HTML><body>Sorry</body></HTML>", (), False),
        (issues(("502", "ER")), ("502",), True),
        (issues(("400", "ER"), ("35160", "ER")), ("400", "35160"), False),
        (issues(("999", "")), ("999",), False),
        (issues(), (), False),
        (issues(("210", "ER")), ("210",), False),
    ],
)
def test_a_fault_is_a_fault_under_any_status(read: Read, data: bytes, codes: tuple[str, ...], transient: bool) -> None:
    error = failure(lambda: read(data))
    assert (error.code, error.fault_codes, error.transient) == (Code.SPINE_FAULT, codes, transient)
    assert PATIENT.value not in repr(error) + str(error)


@BOTH
def test_what_cannot_be_relied_on_is_unusable(read: Read, sample: str) -> None:
    good = wire(sample)
    name = {"event-list": b"QUPC_IN200000SM04", "event": b"QUPC_IN210000UK04"}[sample]
    broken = {
        "empty": b"",
        "cut": good[: len(good) // 2],
        "not well-formed": good.replace(b"</S:Body>", b"</S:Bod>"),
        "a DTD": good.replace(b"?>", b"?><!DOCTYPE x>", 1),
        "another interaction": good.replace(name, b"QUPC_IN999999UK01"),
        "contradicting interactionId": good.replace(b'extension="' + name, b'extension="QUQI_IN010000UK14'),
        "rejected": good.replace(b'typeCode="AA"', b'typeCode="AR"'),
        "unknown acknowledgement": good.replace(b'typeCode="AA"', b'typeCode="??"'),
        "no subject": good.replace(b"<subject ", b"<object ").replace(b"</subject>", b"</object>"),
        "no body": good.replace(b"S:Body", b"S:Bdy"),
        "no envelope": b"<a/>",
        "no control act": good.replace(b"ControlActEvent", b"ControlActEven"),
        "another namespace": good.replace(b'xmlns="urn:hl7-org:v3"', b'xmlns="urn:hl7-org:v2"'),
        "an error beside a success": good.replace(
            b"<subject typeCode=",
            b'<reason><justifyingDetectedIssueEvent><code code="400"><qualifier code="ER"/></code>'
            b"</justifyingDetectedIssueEvent></reason><subject typeCode=",
        ),
        "a warning that is not nothing-found": issues(("210", "WG"), ("30999", "WG")),
        "another warning": issues(("211", "WG")),
        "a success id in the not-fulfilled form": wire("not-fulfilled").replace(b'typeCode="AE"', b'typeCode="AA"'),
    }
    for what, data in broken.items():
        error = failure(lambda data=data: read(data))
        assert error.code is Code.SPINE_UNUSABLE, what
        assert not error.transient, what


def test_the_acknowledgement_may_be_absent_and_the_wrapper_too() -> None:
    data = re.sub(rb"<acknowledgement.*?</acknowledgement>", b"", wire("event"), flags=re.DOTALL)
    assert _fetched(data) is not None
    data = re.sub(rb"</?eventQueryResponse>", b"", wire("event"))
    assert _fetched(data) is not None


def test_an_error_told_in_the_acknowledgement_itself() -> None:
    detail = '<acknowledgementDetail typeCode="ER"><code code="300" codeSystem="2.16.840.1.113883.2.1.3.2.4.17.32"/>'
    data = replaced("event", "<messageRef>", f"{detail}</acknowledgementDetail><messageRef>")
    error = failure(lambda: _fetched(data.replace(b'typeCode="AA"', b'typeCode="AE"')))
    assert (error.code, error.fault_codes) == (Code.SPINE_FAULT, ("300",))


def test_an_answer_says_which_request_it_answers() -> None:
    answer = read_answer(wire("event-list"), EVENT_LIST)
    assert answer.answers_to(MESSAGE_ID)
    other = wire("event").replace(b"11111111-1111", b"22222222-1111")
    assert not read_answer(other, EVENT).answers_to(MESSAGE_ID)
    silent = re.sub(rb"<messageRef>.*?</messageRef>|<wsa:RelatesTo>.*?</wsa:RelatesTo>", b"", wire("event"))
    assert read_answer(silent, EVENT).answers_to(MESSAGE_ID)
