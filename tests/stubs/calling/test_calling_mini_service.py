"""The mini-service stub over its wire: what it sends is read by the gateway's own reader, what it is answered is judged by the contract."""

import base64
import json
from datetime import date, timedelta
from typing import Any

import pytest
from lxml import etree

from gateway.xml.access_facts import AccessFactsBlock, read_access_facts
from gateway.xml.catalogue import Catalogue
from gateway.xml.itk import ItkRequest, payload_findings, read_request
from gateway.xml.parser import parse
from gateway.xml.soap import read_envelope
from tests.stubs.calling import stand_in as fake
from tests.stubs.calling.conftest import NOW, Bench
from tests.stubs.calling.stand_in import Reply
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.mini_service import view

NUMBER, KATE, KATES_ROLE, TOM = "9992000112", "910000000281", "555000000129", "910000000042"
SUCCESS = fake.response("QuerySCRResponse", "SMSP-0000", content=fake.summary(NUMBER))
NO = dict.fromkeys(("createPTV.Value", "emergencyAccess.Value", "selfClaimLR.Value"), "false")
YES = NO | {"createPTV.Value": "true"}
EMERGENCY = NO | {"emergencyAccess.Value": "true"}


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The gateway's schemas."""
    return Catalogue.load()


def asked(**said: Any) -> ViewRequest:
    return ViewRequest(**{"nhs_number": NUMBER, "uid": KATE, **said})


async def viewed(bench: Bench, reply: Reply = SUCCESS, **said: Any) -> ViewResult:
    bench.gateway.reply = reply
    return await view(asked(**said), bench.calls)


def read(bench: Bench, catalogue: Catalogue) -> tuple[ItkRequest, AccessFactsBlock | None]:
    """The one message sent to the door, which must break no rule of the envelope and no schema."""
    (received,) = bench.gateway.sent_to("/itk")
    envelope = read_envelope(parse(received.body))
    request = read_request(envelope, catalogue, now=NOW, soap_action=received.headers["SOAPAction"])
    assert payload_findings(request, catalogue) == ()
    return request, read_access_facts(envelope, catalogue)


def flags(request: ItkRequest) -> dict[str, str]:
    """The three flags of the payload."""
    return {name: str(request.payload.find(f".//{{*}}{name}/{{*}}value").get("value")) for name in NO}  # type: ignore[union-attr]


async def test_a_view_is_a_message_the_gateway_reads(bench: Bench, catalogue: Catalogue) -> None:
    await viewed(bench, permission="yes")
    request, facts = read(bench, catalogue)
    (received,) = bench.gateway.sent_to("/itk")
    assert received.headers["X-SCR-System"] == "portal-rzz09"
    assert received.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert request.operation.name == "querySCR"
    assert request.username == "portal-rzz09"
    assert request.warnings == ()
    assert [(one.type, one.uri) for one in request.audit_ids] == [
        ("1.2.826.0.1285.0.2.0.65", KATE),
        ("1.2.826.0.1285.0.2.0.67", KATES_ROLE),
        ("2.16.840.1.113883.2.1.3.2.4.18.27", f"urn:nhs-uk:identity:ods:RZZ09:{KATE}"),
    ]
    assert (request.created, request.expires) == (NOW, NOW + timedelta(minutes=5))
    assert facts is None
    assert request.payload.find(".//{*}person.NHSNumber/{*}value").get("extension") == NUMBER  # type: ignore[union-attr]


async def test_the_user_is_proved_by_a_token_for_this_system(bench: Bench) -> None:
    await viewed(bench)
    token = etree.fromstring(bench.gateway.sent_to("/itk")[0].body).find(".//{*}BinarySecurityToken")
    assert token is not None
    assert token.get("ValueType") == "urn:ietf:params:oauth:token-type:jwt"
    claims = base64.b64decode(str(token.text)).decode().split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert (said["sub"], said["aud"], said["selected_roleid"]) == (KATE, "portal-rzz09", KATES_ROLE)


@pytest.mark.parametrize(
    ("said", "expected", "facts"),
    [
        ({}, NO, None),
        ({"permission": "yes"}, YES, None),
        ({"permission": "proxy"}, YES, {"permission": "proxy"}),
        ({"permission": "extended"}, YES, {"permission": "extended"}),
        ({"permission": "extended", "until": date(2026, 5, 2)}, YES, {"permission": "extended", "until": "2026-05-02"}),
        ({"permission": "no"}, NO, {"permission": "no"}),
        ({"permission": "emergency", "note": "Found down"}, EMERGENCY, {"emergency_reason": "cannot-answer"}),
        (
            {"permission": "emergency", "note": "Found down", "emergency_reason": "unconscious"},
            EMERGENCY,
            {"emergency_reason": "unconscious"},
        ),
        ({"permission": "best-interests", "note": "Confused"}, EMERGENCY, {"permission": "best-interests"}),
        (
            {"permission": "legal", "note": "Order seen", "basis": "court-order"},
            NO,
            {"permission": "legal", "legal_basis": "court-order", "note": "Order seen"},
        ),
        ({"relationship": "self-claimed"}, NO | {"selfClaimLR.Value": "true"}, None),
        ({"relationship": "referral"}, NO, None),
        (
            {"permission": "emergency", "note": "Found down", "condition_changed": True},
            EMERGENCY,
            {
                "emergency_reason": "cannot-answer",
                "condition_changed": True,
                "condition_changed_note": "changed since the no: Found down",
            },
        ),
        (
            {"condition_changed": True, "condition_note": "Worse"},
            NO,
            {"condition_changed": True, "condition_changed_note": "Worse"},
        ),
        (
            {"confirm_deceased": True, "purpose": "post-death-duty", "setting": "scheduled_care"},
            NO,
            {"confirm_deceased": True, "purpose": "post-death-duty", "setting": "scheduled_care"},
        ),
        ({"date_of_birth": date(1980, 2, 3)}, NO, {"date_of_birth": "1980-02-03"}),
    ],
)
async def test_what_is_said_stands_in_flags_and_facts(
    bench: Bench, catalogue: Catalogue, said: dict[str, Any], expected: dict[str, str], facts: dict[str, Any] | None
) -> None:
    await viewed(bench, **said)
    request, block = read(bench, catalogue)
    assert flags(request) == expected
    assert block == (None if facts is None else AccessFactsBlock(**facts))


async def test_the_note_of_an_override_is_its_reason(bench: Bench, catalogue: Catalogue) -> None:
    await viewed(bench, permission="best-interests", note="Zoë can't <speak> & is alone")
    request, _ = read(bench, catalogue)
    assert request.payload.findtext(".//{*}emergencyAccessReason.Value/{*}value") == "Zoë can't <speak> & is alone"


async def test_the_last_day_of_a_permission_is_its_duration(bench: Bench, catalogue: Catalogue) -> None:
    await viewed(bench, permission="extended", until=date(2026, 5, 2))
    request, _ = read(bench, catalogue)
    assert request.payload.find(".//{*}pTVDuration.Value/{*}value/{*}high").get("value") == "20260502"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("role", "named"), [(None, None), ("555000000105", "555000000105"), ("555000000129", "555000000129")]
)
async def test_of_several_roles_none_is_named_unless_chosen(
    bench: Bench, catalogue: Catalogue, role: str | None, named: str | None
) -> None:
    await viewed(bench, uid=TOM, role=role)
    request, _ = read(bench, catalogue)
    roles = [one.uri for one in request.audit_ids if one.type == "1.2.826.0.1285.0.2.0.67"]
    assert roles == ([named] if named else [])


async def test_every_message_has_ids_of_its_own(bench: Bench, catalogue: Catalogue) -> None:
    for _ in range(2):
        await viewed(bench)
    first, second = (
        read_request(read_envelope(parse(one.body)), catalogue, now=NOW) for one in bench.gateway.sent_to("/itk")
    )
    assert first.message_id != second.message_id
    assert first.tracking_id != second.tracking_id


async def test_the_bytes_shown_are_the_bytes_sent(bench: Bench) -> None:
    await viewed(bench)
    (shown,) = bench.shown
    (received,) = bench.gateway.sent_to("/itk")
    assert shown.endswith(b"\r\n\r\n" + received.body + b"\n")
    assert b"X-SCR-System: portal-rzz09\r\n" in shown


# Answers


async def test_a_record_is_read_by_the_stubs_own_reader(bench: Bench) -> None:
    result = await viewed(bench)
    assert (result.outcome, result.code, result.wire_code, result.exit_status) == ("record", "ok", "SMSP-0000", 0)
    assert result.correlation_id == fake.CORRELATION
    assert result.record is not None
    assert result.record["nhs_number"] == NUMBER
    assert result.record["requested_nhs_number"] is None
    assert result.record["created"] == "2026-07-01T10:15:00+01:00"
    assert [(section["id"], section["title"]) for section in result.record["sections"]] == [
        ("AllergiesHeader", "Allergies")
    ]
    assert result.record["sections"][0]["blocks"][0]["text"] == "None recorded"


async def test_a_superseded_number_stands_beside_the_current_one(bench: Bench) -> None:
    result = await viewed(bench, fake.response("QuerySCRResponse", "SMSP-0000", content=fake.summary("9992003812")))
    assert result.record is not None
    assert (result.record["nhs_number"], result.record["requested_nhs_number"]) == ("9992003812", NUMBER)


@pytest.mark.parametrize(
    ("wire_code", "stable", "kind", "outcome"),
    [
        ("SMSP-0001", "message-schema", "invalid", "invalid"),
        ("SMSP-0002", "spine-unusable", "unavailable", "unavailable"),
        ("SMSP-0004", "spine-unreachable", "unavailable", "unavailable"),
        ("SMSP-0005", "credentials-expired", "refused", "refused"),
        ("SCR-0001", "role-activity", "refused", "refused"),
        ("SCR-0002", "relationship-missing", "refused", "refused"),
        ("SCR-0003", "permission-missing", "refused", "refused"),
        ("SCR-0004", "scr-not-found", "no_record", "no_record"),
        ("SMSP-9999", "audit-unavailable", "unavailable", "unavailable"),
        ("SMSP-9999", "role-none", "refused", "refused"),
    ],
)
async def test_each_response_code_has_its_outcome(
    bench: Bench, wire_code: str, stable: str, kind: str, outcome: str
) -> None:
    bench.gateway.explains = fake.known(stable, kind)
    reply = fake.response("QuerySCRResponse", wire_code)
    result = await viewed(bench, Reply(reply.body, code=stable, rules="P-01 P-14"))
    assert result == ViewResult(
        outcome=outcome,
        code=stable,
        wire_code=wire_code,
        sentence=f"Sentence of {stable}.",
        next_step="Do this next.",
        rules=("P-01", "P-14"),
        correlation_id=fake.CORRELATION,
    )


@pytest.mark.parametrize(
    ("wire_code", "stable", "kind", "outcome", "status"),
    [
        ("1000", "message-replayed", "invalid", "invalid", 5),
        ("3000", "system-suspended", "refused", "refused", 3),
        ("2100", "overloaded", "unavailable", "unavailable", 6),
        ("2200", "internal", "unavailable", "unavailable", 6),
        ("2200", None, "", "failed", 1),
        ("1000", None, "", "invalid", 5),
    ],
)
async def test_each_fault_has_its_outcome(
    bench: Bench, wire_code: str, stable: str | None, kind: str, outcome: str, status: int
) -> None:
    bench.gateway.explains = fake.known(stable, kind) if stable else {}
    result = await viewed(bench, fake.fault(wire_code, stable=stable))
    assert (result.outcome, result.exit_status, result.wire_code, result.code) == (outcome, status, wire_code, stable)
    assert result.sentence == (f"Sentence of {stable}." if stable else "As the fault says")


async def test_without_an_explanation_the_answers_own_words_are_used(bench: Bench) -> None:
    reply = fake.response("QuerySCRResponse", "SCR-0003", display="PTV Check Failed")
    result = await viewed(bench, Reply(reply.body, code="permission-missing", rules="P-02"))
    assert (result.outcome, result.sentence, result.rules) == ("refused", "PTV Check Failed", ("P-02",))


async def test_a_code_that_is_no_code_is_never_asked_about(bench: Bench) -> None:
    reply = fake.response("QuerySCRResponse", "SMSP-9999")
    result = await viewed(bench, Reply(reply.body, code="../health/live?x=1"))
    assert (result.outcome, result.sentence) == ("failed", "As displayed")


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"<html><body>Bad gateway</body></html>", "text/html"),
        (b'{"detail": "not SOAP"}', "application/json"),
        (b"<s:Envelope", "text/xml"),
        (
            b'<!DOCTYPE x [<!ENTITY e "e">]><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>',
            "text/xml",
        ),
        (b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>', "text/xml"),
        (b"", "text/xml"),
    ],
)
@pytest.mark.parametrize("status", [200, 502])
async def test_an_answer_that_is_no_mini_service_answer_is_a_failure(
    bench: Bench, body: bytes, media_type: str, status: int
) -> None:
    result = await viewed(bench, Reply(body, status=status, media_type=media_type))
    assert (result.outcome, result.exit_status, result.wire_code) == ("failed", 1, None)
    assert f"HTTP {status}" in result.sentence


@pytest.mark.parametrize(
    "reply",
    [
        fake.response("QuerySCRResponse", "SMSP-0000"),
        fake.response("QuerySCRResponse", "SMSP-0000", content="<text>words</text>|"),
        fake.response("QuerySCRResponse", "SMSP-0000", content=fake.summary("")),
        fake.response("QuerySCRResponse", "SMSP-0000", content=fake.summary(NUMBER), relates_to=fake.CORRELATION),
    ],
    ids=["no text", "no summary", "no patient", "another message"],
)
async def test_success_without_a_record_of_a_patient_is_never_a_record(bench: Bench, reply: Reply) -> None:
    with pytest.raises(NoAnswer):
        await viewed(bench, reply)


async def test_a_fault_is_never_a_record(bench: Bench) -> None:
    result = await viewed(bench, fake.fault("SMSP-0000", stable=None))
    assert result.outcome == "failed"


async def test_the_other_wrapper_namespace_is_read_too(bench: Bench) -> None:
    content = fake.summary(NUMBER).replace("NPFIT:HL7:Localisation", "NPFIT:Localisation")
    assert (await viewed(bench, fake.response("QuerySCRResponse", "SMSP-0000", content=content))).outcome == "record"


async def test_dropped_active_content_is_told(bench: Bench) -> None:
    body = "<h2>Notes</h2><script>steal()</script><p>Words stay</p>"
    result = await viewed(bench, fake.response("QuerySCRResponse", "SMSP-0000", content=fake.summary(NUMBER, body)))
    assert "Active content was left out" in result.as_text()
    assert "Words stay" in result.as_text()
    assert "steal" not in result.as_json()
