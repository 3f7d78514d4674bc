"""Golden samples of the door for EMIS Web both ways: each request file reads to its call, each answer is its file's."""

from pathlib import Path

import pytest

from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InternalError, MessageInvalid, NoRecord, PolicyRefused
from gateway.domain.identifiers import RoleProfileId, UserId
from gateway.domain.permission import AccessClaims, EmergencyReason, LegalBasis, PermissionClaim, RelationshipKind
from gateway.service.calls import StatusCall, ViewCall
from gateway.service.outcomes import Recorded, Status
from gateway.xml.names import HL7, PSIS
from gateway.xml.parser import parse, serialize
from tests.doors.canonical import canonical
from tests.doors.emis_web.emis_door import (
    DOOR,
    PATIENT,
    person,
    read,
    refused,
    request,
    sample,
    status,
    viewed,
)
from tests.spine.wires import EVENT_ID, changed

MESSAGE_ID = "A0000003-1B2C-4D3E-8F40-5A6B7C8D9E0F"
ERRORS: dict[str, tuple[str, GatewayError]] = {
    "permission-missing-answer": (
        "event",
        PolicyRefused(Code.PERMISSION_MISSING, (("P-02", Code.PERMISSION_MISSING),)),
    ),
    "nothing-found-answer": ("event-list", NoRecord(Code.SCR_NOT_FOUND)),
    "replayed-answer": ("event", MessageInvalid(Code.MESSAGE_REPLAYED)),
    "spine-unreachable-fault": ("event", GatewayError(Code.SPINE_UNREACHABLE)),
}
"""Answer file -> the request file it answers, and the error it tells."""


def test_the_event_list_is_a_status_call_that_begins_a_view() -> None:
    for name, action in (("event-list", "QUPC_IN180000SM04"), ("event-list-older-name", "QUPC_IN180000UK04")):
        call = read(sample(name))
        assert isinstance(call, StatusCall)
        assert (call.patient, call.first_step, call.action) == (PATIENT, True, action)


def test_the_event_is_a_view_that_passes_through() -> None:
    call = read(sample("event"))
    assert isinstance(call, ViewCall)
    assert (call.patient, call.rendered, call.event_id) == (PATIENT, False, EVENT_ID)
    assert call.claims == AccessClaims(permission=PermissionClaim.YES)


def test_the_event_to_paste_claims_what_its_page_says() -> None:
    assert read(sample("event-to-open")).claims == AccessClaims(
        relationship=RelationshipKind.SELF_CLAIMED,
        permission=PermissionClaim.YES,
        note="Walked in from another area, asked and agreed",
    )


def test_the_block_carries_every_fact() -> None:
    assert read(sample("event-with-everything")).claims == AccessClaims(
        purpose="direct-care",
        setting="gp_temporary_or_non_registered",
        role=RoleProfileId("555000000114"),
        relationship=RelationshipKind.SELF_CLAIMED,
        permission=PermissionClaim.EMERGENCY,
        legal_basis=LegalBasis.STATUTE,
        emergency_reason=EmergencyReason.UNCONSCIOUS,
        note="Found collapsed — no reply",
        condition_changed=True,
        condition_changed_note="Was talking an hour ago",
        confirm_deceased=False,
        birth_date="1938-02-03",
        until="2030-02-01",
    )


def test_proof_and_message_id_are_taken_and_shown_nowhere() -> None:
    call = read(sample("event"))
    assert call.credentials.token == "head.body.sign"
    assert call.message is not None
    assert call.message.id.value == MESSAGE_ID
    for secret in ("head.body.sign", PATIENT.value):
        assert secret not in repr(call)


def test_whom_the_message_names_must_be_whom_the_token_proves() -> None:
    """The author of the control act names; it is handed on as a name, for the proof to be compared with."""
    author = (
        '<author typeCode="AUT"><AgentPersonSDS classCode="AGNT"><id root="1.2.826.0.1285.0.2.0.67" extension="555000000114"/>'
        '<agentPersonSDS classCode="PSN" determinerCode="INSTANCE"><id root="1.2.826.0.1285.0.2.0.65" extension="910000000133"/>'
        '</agentPersonSDS><part typeCode="PART"><partSDSRole classCode="ROL"><id root="1.2.826.0.1285.0.2.1.104" extension="R0260"/>'
        '</partSDSRole></part></AgentPersonSDS></author><author1 typeCode="AUT">'
    )
    call = read(sample("event").replace(b'<author1 typeCode="AUT">', author.encode()))
    assert call.credentials.named_user == UserId("910000000133")
    assert call.credentials.named_role == RoleProfileId("555000000114")


def test_value_and_semantics_stand_in_either_order_and_parameters_in_any() -> None:
    root = parse(sample("event"))
    for parameter in root.iterfind(f".//{{{HL7}}}query/*"):
        parameter.append(parameter[0])
    query = root.find(f".//{{{HL7}}}query")
    assert query is not None
    query.append(query[0])
    assert read(serialize(root)) is not None


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("no block", r"<af:AccessFacts", None),
        ("no token", "<af:UserToken>head.body.sign</af:UserToken>", ""),
    ],
)
@pytest.mark.parametrize("message", ["event-list", "event"])
def test_a_viewer_without_the_block_is_told_what_is_missing(name: str, old: str, new: str | None, message: str) -> None:
    body = sample(message).decode()
    if new is None:
        start, end = body.index(old), body.index("</af:AccessFacts>") + len("</af:AccessFacts>")
        body = body[:start] + body[end:]
    else:
        body = body.replace(old, new)
    error = refused(body.encode())
    assert (error.code, error.rules) == (Code.CREDENTIALS_MISSING, ("P-07",))
    answer = parse(DOOR.refuse(request(body.encode()), None, error).body)
    codes = [(one.get("code"), one.get("displayName", "")) for one in answer.iter(f"{{{HL7}}}code")]
    assert [code for code, _ in codes] == ["420", "credentials-missing"]
    missing = "is missing" if new is None else "has no UserToken"
    assert f"AccessFacts header block {missing}" in codes[1][1]


def test_a_sender_that_is_another_system_is_refused() -> None:
    body = sample("event").replace(b"200000009053", b"200000009065")
    error = refused(body)
    assert error.code is Code.SYSTEM_UNKNOWN
    assert b'code="420"' in DOOR.refuse(request(body), None, error).body


@pytest.mark.parametrize("name", ["event-answer", "event-list-answer"])
def test_what_spine_said_goes_on_in_this_exchanges_frame(name: str) -> None:
    wire = request(sample(name.removesuffix("-answer")))
    outcome = viewed() if name == "event-answer" else status()
    written = DOOR.write(wire, DOOR.read(wire), outcome)
    assert (written.status, written.media_type) == (200, "text/xml; charset=utf-8")
    assert canonical(written.body) == canonical(sample(name)), written.body.decode()


@pytest.mark.parametrize("name", ERRORS)
def test_each_refusal_is_told_as_its_sample_says(name: str) -> None:
    asked, error = ERRORS[name]
    wire = request(sample(asked))
    written = DOOR.refuse(wire, DOOR.read(wire), error)
    assert written.status == (500 if name.endswith("fault") else 200)
    assert canonical(written.body) == canonical(sample(name)), written.body.decode()


def test_the_older_query_is_answered_under_the_older_name() -> None:
    wire = request(sample("event-list-older-name"))
    root = parse(DOOR.write(wire, DOOR.read(wire), status()).body)
    message = next(root.iter(f"{{{HL7}}}QUPC_IN200000UK04"))
    assert message.find(f"{{{HL7}}}interactionId").get("extension") == "QUPC_IN200000UK04"  # type: ignore[union-attr]
    assert next(root.iter(f"{{{HL7}}}QUPC_IN200000SM04"), None) is None


def test_the_newest_summary_is_listed_first_and_no_event_is_lost() -> None:
    wire = request(sample("event-list"))
    root = parse(DOOR.write(wire, DOOR.read(wire), status()).body)
    ids = [str(one.get("root"))[-1] for one in root.iter(f"{{{PSIS}}}eventID")]
    assert ids == ["3", "2", "4", "5"]
    tags = [child.tag for child in next(root.iter(f"{{{PSIS}}}queryResponseEventList"))]
    assert tags[0] == f"{{{PSIS}}}recordTarget"
    assert tags[-1] == f"{{{HL7}}}permissions"


@pytest.mark.parametrize(
    "outcome", [Recorded(ids=("x",)), Status(exists=True, consent=status().consent, patient=person())]
)
def test_an_outcome_that_cannot_be_told_is_an_error(outcome: object) -> None:
    wire = request(sample("event-list"))
    with pytest.raises(InternalError):
        DOOR.write(wire, DOOR.read(wire), outcome)  # type: ignore[arg-type]


def test_an_answer_that_would_break_its_schema_is_not_sent() -> None:
    def lose_whose_it_is(root: object) -> None:
        target = next(root.iter(f"{{{PSIS}}}recordTarget"))  # type: ignore[attr-defined]
        for child in list(target[0])[:1]:
            child.set("strange", "1")

    wire = request(sample("event"))
    with pytest.raises(GatewayError) as caught:
        DOOR.write(wire, DOOR.read(wire), viewed(changed("event", lose_whose_it_is)))
    assert caught.value.code is Code.ANSWER_INVALID


def test_samples_stand_beside_this_test() -> None:
    names = {path.stem for path in (Path(__file__).parent / "wire").glob("*.xml")}
    assert names == {
        "event",
        "event-with-everything",
        "event-to-open",
        "event-list",
        "event-list-older-name",
        "event-answer",
        "event-list-answer",
        *ERRORS,
    }
