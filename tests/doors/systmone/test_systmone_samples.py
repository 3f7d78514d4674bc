"""Golden samples of SystmOne both ways: each request file reads to its call, each outcome and problem is its file's."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.access import Scope
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InternalError, MessageInvalid, PolicyRefused
from gateway.domain.identifiers import OdsCode, RoleProfileId
from gateway.domain.instants import WireTime
from gateway.domain.permission import (
    AccessClaims,
    EmergencyReason,
    HowAsked,
    LegalBasis,
    PermissionAnswer,
    PermissionClaim,
    RelationshipKind,
)
from gateway.domain.record import Section, Text
from gateway.domain.spine import Address, Confidentiality, Traits
from gateway.service.calls import RecordPermissionCall, TraceCall, ViewCall
from gateway.service.outcomes import Outcome, Recorded, Traced
from gateway.xml.catalogue import PROBLEM_DOCUMENT, SCR_RESPONSE
from gateway.xml.names import PROBLEM
from gateway.xml.parser import parse, serialize
from tests.doors.canonical import canonical
from tests.doors.records import LETTERS, NUMBER, OLD_NUMBER, SECTIONS, person, record, viewed
from tests.doors.systmone.systmone_door import CATALOGUE, DOOR, read, refused, request, sample, told
from vendor_stubs.calling.record_xml import find_record, read_record

ROLE = RoleProfileId("555000000115")
WHERE = person(
    requested=OLD_NUMBER,
    practice=OdsCode("AZZ99"),
    addresses=(Address(use="H", lines=("1 Weir Lane", "Northbrook"), postcode="ZZ9 9ZZ"),),
)
OUTCOMES: dict[str, tuple[str, Outcome]] = {
    "search-answer": ("search-by-number", Traced(patient=WHERE)),
    "search-protected-answer": (
        "search-by-number",
        Traced(patient=person(confidentiality=Confidentiality.SENSITIVE, deceased=WireTime("20291224"))),
    ),
    "permission-answer": (
        "permission",
        Recorded(ids=("P0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F",), until=datetime(2030, 2, 1, 23, 59, 59, tzinfo=UTC)),
    ),
    "view-answer": ("view", viewed(record(), person(requested=OLD_NUMBER))),
}
"""Answer file -> the request file it answers, and the outcome it tells."""
PROBLEMS: dict[str, GatewayError] = {
    "refused-problem": PolicyRefused(
        Code.PERMISSION_MISSING, (("P-02", Code.PERMISSION_MISSING), ("P-04", Code.PERMISSION_MISSING))
    ),
    "unavailable-problem": GatewayError(Code.SPINE_UNREACHABLE),
}


def test_search_by_number() -> None:
    call = read(sample("search-by-number"))
    assert isinstance(call, TraceCall)
    assert (call.patient, call.traits, call.action) == (OLD_NUMBER, None, "SEARCH")


def test_search_by_details() -> None:
    call = read(sample("search-by-details"))
    assert isinstance(call, TraceCall)
    assert call.traits == Traits(family="Ó'Brien", birth="19620317", gender="2", given="Ada", postcode="ZZ9 9ZZ")
    assert call.claims.role == ROLE


def test_permission() -> None:
    call = read(sample("permission"))
    assert isinstance(call, RecordPermissionCall)
    assert (call.action, call.patient, call.answer, call.kind) == (
        "PERMISSION",
        NUMBER,
        PermissionAnswer.YES,
        "extended",
    )
    assert (call.scope, call.how_asked, call.question_version) == (Scope.TEAM, HowAsked.PHONE, "1")
    assert call.until == datetime(2030, 2, 1, 23, 59, 59, tzinfo=UTC)


def test_a_plain_view_claims_nothing() -> None:
    call = read(sample("view"))
    assert isinstance(call, ViewCall)
    assert (call.action, call.patient, call.rendered, call.event_id) == ("VIEW", NUMBER, True, None)
    assert call.claims == AccessClaims()


def test_a_view_carries_every_fact() -> None:
    assert read(sample("view-with-everything")).claims == AccessClaims(
        purpose="direct-care",
        setting="community_care",
        role=ROLE,
        relationship=RelationshipKind.SELF_CLAIMED,
        permission=PermissionClaim.EMERGENCY,
        legal_basis=LegalBasis.STATUTE,
        emergency_reason=EmergencyReason.UNCONSCIOUS,
        note="Found collapsed — no reply",
        condition_changed=True,
        condition_changed_note="Was talking an hour ago",
        confirm_deceased=False,
        birth_date="1962-03-17",
        until="2030-02-01",
    )


def test_the_view_to_paste_claims_what_its_page_says() -> None:
    assert read(sample("view-to-open")).claims == AccessClaims(
        purpose="direct-care",
        relationship=RelationshipKind.SELF_CLAIMED,
        permission=PermissionClaim.YES,
        note="Walked in from another area, asked and agreed",
        birth_date="1945-07-14",
    )


def test_proof_and_message_id_are_taken_and_shown_nowhere() -> None:
    call = read(sample("view"))
    assert call.credentials.token == "head.body.sign"
    assert call.message is not None
    assert call.message.id.value == "A0000004-1B2C-4D3E-8F40-5A6B7C8D9E0F"
    assert call.message.expires > datetime(2030, 1, 5, 12, 5, tzinfo=UTC)
    for secret in ("head.body.sign", NUMBER.value):
        assert secret not in repr(call)


@pytest.mark.parametrize("header", ["", "Basic aGVhZA==", "Bearer", "head.body.sign"])
def test_without_a_bearer_token_nobody_is_proved(header: str) -> None:
    assert read(sample("view"), Authorization=header).credentials.token is None


@pytest.mark.parametrize("answer", OUTCOMES)
def test_each_outcome_is_told_as_its_sample_says(answer: str) -> None:
    asked, outcome = OUTCOMES[answer]
    wire = request(sample(asked))
    written = DOOR.write(wire, DOOR.read(wire), outcome)
    assert (written.status, written.media_type) == (200, "application/xml; charset=utf-8")
    assert canonical(written.body) == canonical(sample(answer)), written.body.decode()
    assert CATALOGUE.validate(SCR_RESPONSE, parse(written.body)) == ()


@pytest.mark.parametrize("answer", PROBLEMS)
def test_each_problem_is_told_as_its_sample_says(answer: str) -> None:
    written = DOOR.refuse(request(sample("view")), None, PROBLEMS[answer])
    assert (written.status, written.media_type) == (PROBLEMS[answer].code.entry.http, "application/problem+xml")
    assert canonical(written.body) == canonical(sample(answer)), written.body.decode()


def test_a_protected_patients_answer_tells_no_place() -> None:
    where = person(
        confidentiality=Confidentiality.SENSITIVE,
        practice=OdsCode("AZZ99"),
        addresses=(Address(use="H", lines=("1 Weir Lane",), postcode="ZZ9 9ZZ"),),
    )
    wire = request(sample("search-by-number"))
    body = DOOR.write(wire, DOOR.read(wire), Traced(patient=where)).body
    for place in (b"Weir", b"ZZ9", b"AZZ99"):
        assert place not in body


@pytest.mark.parametrize("code", Code, ids=lambda code: code.slug)
def test_every_code_is_a_problem_valid_by_its_schema(code: Code) -> None:
    written = DOOR.refuse(request(b""), None, GatewayError(code, rules=("P-02",)))
    root = parse(written.body)
    assert CATALOGUE.validate(PROBLEM_DOCUMENT, root) == ()
    said = {name: root.findtext(f"{{{PROBLEM}}}{name}") for name in ("type", "title", "status", "code", "kind")}
    assert said == {
        "type": f"/errors/{code.slug}",
        "title": code.sentence,
        "status": str(code.entry.http),
        "code": code.slug,
        "kind": code.kind.value,
    }
    assert written.status == code.entry.http
    assert root.findtext(f"{{{PROBLEM}}}next_step") == (code.entry.next_step or None)
    assert [one.text for one in root.iterfind(f"{{{PROBLEM}}}rules/*")] == ["P-02"]
    assert root.findtext(f"{{{PROBLEM}}}instance") == "urn:uuid:C0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
    assert ("WWW-Authenticate" in written.headers) is (written.status == 401)


def test_an_unknown_version_is_told_the_known_ones() -> None:
    error = refused(sample("view").replace(b'version="1.0" function', b'version="2.0" function'))
    assert error.code is Code.MESSAGE_UNKNOWN_SERVICE
    assert told(error).findtext(f"{{{PROBLEM}}}detail") == "Versions spoken here: 1.0."


def test_an_outcome_of_another_function_is_an_error() -> None:
    wire = request(sample("view"))
    with pytest.raises(InternalError):
        DOOR.write(wire, DOOR.read(wire), Traced(patient=WHERE))


def test_an_answer_that_would_break_its_schema_is_not_sent() -> None:
    shown = record(sections=(Section("x", "y", (Text("z"),)),))
    wire = request(sample("view"))
    broken = viewed(shown, person(gender="1"))
    object.__setattr__(broken.record, "sections", ())
    with pytest.raises(GatewayError) as caught:
        DOOR.write(wire, DOOR.read(wire), broken)
    assert caught.value.code is Code.ANSWER_INVALID


@settings(max_examples=80, deadline=None)
@given(text=st.text(LETTERS, min_size=1, max_size=200))
def test_a_note_in_any_script_comes_through(text: str) -> None:
    root = parse(sample("view-with-everything"))
    next(root.iter("{urn:scr-gateway:systmone:1}Note")).text = text
    assert read(serialize(root)).claims.note == (text.strip() or None)


@settings(max_examples=80, deadline=None)
@given(sections=st.lists(SECTIONS, min_size=1, max_size=3).map(tuple))
def test_a_record_in_any_script_is_read_back_word_for_word(sections: tuple[Section, ...]) -> None:
    shown = record(sections=sections)
    wire = request(sample("view"))
    answer = find_record(parse(DOOR.write(wire, DOOR.read(wire), viewed(shown)).body))
    assert answer is not None
    read_back = read_record(answer)["sections"]
    assert [(one["id"], one["title"]) for one in read_back] == [(one.id, one.title) for one in sections]
    texts = [block.text if isinstance(block, Text) else "" for one in sections for block in one.blocks]
    assert [block["text"] for one in read_back for block in one["blocks"]] == texts


def test_samples_stand_beside_this_test() -> None:
    names = {path.stem for path in (Path(__file__).parent / "wire").glob("*.xml")}
    requests = {"search-by-number", "search-by-details", "permission", "view", "view-with-everything", "view-to-open"}
    assert names == {*requests, *OUTCOMES, *PROBLEMS, "view-to-open-answer"}


def test_a_fault_in_a_value_keeps_its_reference() -> None:
    error = refused(sample("view").replace(b"9000000009", b"9000000008"))
    assert isinstance(error, MessageInvalid)
    assert [(one.code, one.path) for one in error.findings] == [("nhs-number", "/s1:ScrRequest/s1:View/s1:NhsNumber")]
