"""Golden samples of Adastra and CLEO both ways: each request file reads to its call, each outcome writes to its answer file."""

from datetime import UTC, datetime

import pytest

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
from gateway.xml.parser import parse
from tests.doors.canonical import canonical
from tests.doors.records import NUMBER, OLD_NUMBER, person, record, viewed
from tests.doors.viewer_doors import VIEWERS, Viewer

ROLE = RoleProfileId("555000000112")
viewers = pytest.mark.parametrize("viewer", VIEWERS, ids=lambda viewer: viewer.product)

WHERE = person(
    requested=OLD_NUMBER,
    practice=OdsCode("AZZ99"),
    addresses=(Address(use="H", lines=("1 Weir Lane", "Northbrook"), postcode="ZZ9 9ZZ"),),
)
OUTCOMES: dict[str, tuple[str, Outcome]] = {
    "find-by-number-answer": ("find-by-number", Traced(patient=WHERE)),
    "find-protected-answer": (
        "find-by-number",
        Traced(patient=person(confidentiality=Confidentiality.SENSITIVE, deceased=WireTime("20291224"))),
    ),
    "record-permission-answer": (
        "record-permission",
        Recorded(ids=("P0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F",), until=datetime(2030, 2, 1, 23, 59, 59, tzinfo=UTC), ended=1),
    ),
    "view-answer": ("view", viewed(record(), person(requested=OLD_NUMBER))),
}  # fmt: skip
"""Answer file -> the request file it answers, and the outcome it tells."""

FAULTS: dict[str, GatewayError] = {
    "refused-fault": PolicyRefused(
        Code.PERMISSION_MISSING, (("P-02", Code.PERMISSION_MISSING), ("P-04", Code.PERMISSION_MISSING))
    ),
    "unavailable-fault": GatewayError(Code.SPINE_UNREACHABLE),
}


@viewers
@pytest.mark.parametrize("written", ["zz9 9zz", "ZZ99ZZ", "Zz9 9zZ", "gir 0aa"])
def test_a_postcode_is_read_in_any_case(viewer: Viewer, written: str) -> None:
    call = viewer.read(viewer.sample("find-by-details").replace(b"ZZ9 9ZZ", written.encode()))
    assert isinstance(call, TraceCall)
    assert call.traits is not None
    assert call.traits.postcode == written.upper()


@viewers
def test_find_by_number(viewer: Viewer) -> None:
    call = viewer.read(viewer.sample("find-by-number"))
    assert isinstance(call, TraceCall)
    assert (call.patient, call.traits, call.action) == (NUMBER, None, "FindPatient")


@viewers
def test_find_by_details(viewer: Viewer) -> None:
    call = viewer.read(viewer.sample("find-by-details"))
    assert isinstance(call, TraceCall)
    assert call.patient is None
    assert call.traits == Traits(family="Ó'Brien", birth="19620317", gender="2", given="Ada", postcode="ZZ9 9ZZ")
    assert call.claims.role == ROLE


@viewers
def test_record_permission(viewer: Viewer) -> None:
    call = viewer.read(viewer.sample("record-permission"))
    assert isinstance(call, RecordPermissionCall)
    assert (call.patient, call.answer, call.kind) == (NUMBER, PermissionAnswer.YES, "extended")
    assert (call.scope, call.how_asked, call.question_version) == (Scope.TEAM, HowAsked.PHONE, "1")
    assert call.until == datetime(2030, 2, 1, 23, 59, 59, tzinfo=UTC)
    assert call.claims == AccessClaims(role=ROLE, purpose="direct-care", setting="gp_out_of_hours")


@viewers
def test_a_plain_view_claims_nothing(viewer: Viewer) -> None:
    call = viewer.read(viewer.sample("view"))
    assert isinstance(call, ViewCall)
    assert (call.patient, call.rendered, call.event_id) == (NUMBER, True, None)
    assert call.claims == AccessClaims()


@viewers
def test_a_view_carries_every_fact(viewer: Viewer) -> None:
    call = viewer.read(viewer.sample("view-with-everything"))
    assert call.claims == AccessClaims(
        purpose="direct-care",
        setting="gp_out_of_hours",
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


@viewers
def test_the_view_to_paste_claims_what_its_page_says(viewer: Viewer) -> None:
    assert viewer.read(viewer.sample("view-to-open")).claims == AccessClaims(
        purpose="direct-care",
        relationship=RelationshipKind.SELF_CLAIMED,
        permission=PermissionClaim.YES,
        note="Walked in from another area, asked and agreed",
        birth_date="1945-07-14",
    )


@viewers
def test_proof_and_message_id_are_taken_and_shown_nowhere(viewer: Viewer) -> None:
    call = viewer.read(viewer.sample("view"))
    assert call.message is not None
    assert call.message.id.value == "A0000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
    assert call.message.expires > datetime(2030, 1, 5, 12, 4, 30, tzinfo=UTC)
    if viewer.product == "adastra":
        assert call.credentials.assertion is not None
        assert call.credentials.token is None
        assert call.credentials.assertion.getroottree().getroot().tag.endswith("}Envelope"), "still in its message"
    else:
        assert call.credentials.token == "head.body.sign"
        assert call.credentials.assertion is None
    told = repr(call)
    assert "9000000009" not in told
    assert "head.body.sign" not in told


@viewers
@pytest.mark.parametrize("answer", OUTCOMES)
def test_each_outcome_is_told_as_its_sample_says(viewer: Viewer, answer: str) -> None:
    request, outcome = OUTCOMES[answer]
    wire = viewer.wire(viewer.sample(request))
    written = viewer.door.write(wire, viewer.door.read(wire), outcome)
    assert written.status == 200
    assert written.media_type == viewer.media_type
    assert canonical(written.body) == canonical(viewer.sample(answer))


@viewers
@pytest.mark.parametrize("name", FAULTS)
def test_each_kind_of_refusal_is_told_as_its_sample_says(viewer: Viewer, name: str) -> None:
    call = viewer.read(viewer.sample("view"))
    assert canonical(viewer.fault(FAULTS[name], call)) == canonical(viewer.sample(name))


@viewers
def test_of_a_protected_patient_nothing_tells_where_they_are(viewer: Viewer) -> None:
    wire = viewer.wire(viewer.sample("find-by-number"))
    for level in Confidentiality:
        kept = level in {Confidentiality.UNRESTRICTED, Confidentiality.UNDER_REVIEW}
        patient = person(
            confidentiality=level, practice=OdsCode("AZZ99"), addresses=WHERE.addresses, telecoms=(("H", "tel:0999"),)
        )
        told = viewer.door.write(wire, viewer.door.read(wire), Traced(patient=patient)).body
        assert (b"Weir Lane" in told) is kept
        assert (b"AZZ99" in told) is kept
        assert b"0999" not in told
        assert (b"LocationWithheld>true" in told) is not kept


@viewers
def test_an_outcome_of_another_operation_is_a_bug_and_not_an_answer(viewer: Viewer) -> None:
    wire = viewer.wire(viewer.sample("view"))
    call = viewer.door.read(wire)
    for outcome in (Traced(patient=person()), Recorded(ids=("x",)), viewed_without_record()):
        with pytest.raises(InternalError):
            viewer.door.write(wire, call, outcome)


def viewed_without_record() -> Outcome:
    """What a pass-through door would get."""
    whole = viewed()
    return type(whole)(patient=whole.patient, document=whole.document, record=None, decision=whole.decision)


@viewers
def test_an_answer_that_breaks_its_schema_does_not_leave(viewer: Viewer) -> None:
    wire = viewer.wire(viewer.sample("record-permission"))
    with pytest.raises(GatewayError) as caught:
        viewer.door.write(wire, viewer.door.read(wire), Recorded(ids=()))
    assert caught.value.code is Code.ANSWER_INVALID


@viewers
def test_words_reach_the_answer_untouched(viewer: Viewer) -> None:
    words = "Zoë\u00a0\u202eמ 🩺 e\u0301 <b>&amp;</b> ]]>"
    shown = record(sections=(Section("S", words, (Text(words),)),))
    wire = viewer.wire(viewer.sample("view"))
    root = parse(viewer.door.write(wire, viewer.door.read(wire), viewed(shown)).body)
    assert [e.text for e in root.iter("{urn:scr-gateway:record:1}Text")] == [words]


@viewers
def test_a_fault_to_an_unreadable_message_relates_to_nothing(viewer: Viewer) -> None:
    told = viewer.fault(MessageInvalid(Code.MESSAGE_NOT_WELL_FORMED))
    assert b"RelatesTo" not in told
    assert b"message-not-well-formed" in told
