"""The FHIR door without a gateway: requests to calls, outcomes to answers, errors to OperationOutcomes."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.adapters.fhir.capability import capability
from gateway.adapters.fhir.outcome import ISSUES
from gateway.adapters.fhir.shelf import unresolved
from gateway.adapters.symphony import FORM, PATIENT, ROUTES
from gateway.domain.access import Operation
from gateway.domain.codes import Code, Kind
from gateway.domain.errors import GatewayError, MessageInvalid, NoRecord, PolicyRefused
from gateway.domain.identifiers import NhsNumber
from gateway.domain.instants import WireTime
from gateway.domain.notes import NoteFlaw
from gateway.domain.permission import EmergencyReason, PermissionClaim, RelationshipKind
from gateway.domain.spine import Consent, Event, EventDocument, EventList
from gateway.service.calls import StatusCall, ViewCall
from gateway.service.outcomes import Status, Viewed
from tests.doors import records
from tests.doors.symphony.conditions import CONDITIONS
from tests.doors.symphony.fhir_answers import BASE, CORRELATION, EVENT, WIRE, doors, request, resources, summary_record

NUMBER = "9000000009"
TOKEN = f"https://fhir.nhs.uk/Id/nhs-number|{NUMBER}"
QUOTED = TOKEN.replace("|", "%7C")
LIST = [("patient", TOKEN)]
READ = [("composition.identifier", EVENT), (PATIENT, TOKEN)]


def said(**facts: Any) -> dict[str, str]:
    return {"X-SCR-Access": base64.urlsafe_b64encode(json.dumps(facts).encode()).decode()}


def refusal(work: Callable[[], object]) -> MessageInvalid:
    with pytest.raises(MessageInvalid) as caught:
        work()
    return caught.value


# Requests that are read


def test_a_search_for_the_document_is_the_first_step_of_a_view() -> None:
    headers = {"Authorization": "Bearer a.b.c", "NHSD-Session-URID": "555000000101"}
    query = [*LIST, ("type", "http://snomed.info/sct|196981000000101"), ("_sort", "date"), ("_count", "1")]
    call = doors()[0].read(request("/fhir/R4/DocumentReference", query, headers))
    assert isinstance(call, StatusCall)
    assert (call.patient.value, call.first_step, call.operation) == (NUMBER, True, Operation.SCR_STATUS)
    assert call.credentials.token == "a.b.c"
    assert call.credentials.named_role is not None
    assert call.credentials.named_role.value == "555000000101"


def test_a_read_carries_the_access_facts_of_its_header() -> None:
    facts = {
        "permission": "emergency",
        "emergencyReason": "unconscious",
        "note": "Brought in unconscious",
        "relationship": "self-claimed",
        "confirmDeceased": True,
        "dateOfBirth": "1962-03-17",
        "purpose": "direct-care",
        "roleProfile": "555000000101",
    }
    call = doors()[1].read(request(query=READ, headers=said(**facts)))
    assert isinstance(call, ViewCall)
    assert (call.rendered, call.event_id, call.patient.value) == (True, EVENT, NUMBER)
    claims = call.claims
    assert claims.permission is PermissionClaim.EMERGENCY
    assert claims.emergency_reason is EmergencyReason.UNCONSCIOUS
    assert claims.relationship is RelationshipKind.SELF_CLAIMED
    assert (claims.note, claims.confirm_deceased, claims.birth_date) == ("Brought in unconscious", True, "1962-03-17")
    assert claims.role is not None
    assert claims.role.value == "555000000101"


def test_nothing_said_is_nothing_claimed() -> None:
    claims = doors()[1].read(request(query=READ)).claims
    assert claims.permission is PermissionClaim.NOT_ASKED
    assert claims.relationship is claims.purpose is claims.note is None


@pytest.mark.parametrize("text", [EVENT, EVENT.lower(), f"https://fhir.nhs.uk/Id/nhsSCRUUID|{EVENT}", f"|{EVENT}"])
def test_a_documents_id_may_come_with_its_system(text: str) -> None:
    call = doors()[1].read(request(query=[("composition.identifier", text), READ[1]]))
    assert isinstance(call, ViewCall)
    assert call.event_id == EVENT


def test_a_search_may_be_posted_so_that_no_number_is_in_an_address() -> None:
    body = f"composition.identifier={EVENT}&composition.subject%3APatient.identifier=" + TOKEN.replace("|", "%7C")
    call = doors()[1].read(request("/fhir/R4/Bundle/_search", method="POST", body=body.encode()))
    assert isinstance(call, ViewCall)
    assert call.patient.value == NUMBER
    assert FORM in doors()[1].media_types


def test_unknown_parameters_are_ignored_unless_strictness_is_asked_for() -> None:
    query = [*READ, ("_tracking", "1")]
    assert doors()[1].read(request(query=query)).action == "Bundle.search"
    error = refusal(lambda: doors()[1].read(request(query=query, headers={"Prefer": "handling=strict"})))
    assert error.code is Code.MESSAGE_VALUE


@pytest.mark.parametrize(
    ("prefer", "strict"),
    [
        ('handling="strict"', True),
        ('return=minimal, Handling = "strict"; x=1', True),
        ("respond-async;handling=STRICT", True),
        ("handling=lenient", False),
        ('handling="lenient"', False),
        ('handling="strict', False),
        ("xhandling=strict", False),
        ("handling=strictly", False),
    ],
)
def test_strictness_may_be_quoted(prefer: str, strict: bool) -> None:
    wire = request(query=[*READ, ("_tracking", "1")], headers={"Prefer": prefer})
    if strict:
        assert refusal(lambda: doors()[1].read(wire)).code is Code.MESSAGE_VALUE
    else:
        assert doors()[1].read(wire).action == "Bundle.search"


def test_a_missing_parameter_and_a_repeated_one_are_told_apart() -> None:
    missing = refusal(lambda: doors()[1].read(request(query=READ[1:])))
    twice = refusal(lambda: doors()[1].read(request(query=[*READ, READ[0]])))
    assert [one.expected for error in (missing, twice) for one in error.findings] == [
        "this parameter, once",
        "one value",
    ]


@pytest.mark.parametrize("label", ["utf-8", "UTF-8", '"utf8"'])
def test_a_label_may_say_utf_8(label: str) -> None:
    headers = {"Content-Type": f"application/fhir+json; charset={label}"}
    wire = request("/fhir/R4/AuditEvent", headers=headers, method="POST", body=json.dumps(alert()).encode())
    assert doors()[2].read(wire).action == "AuditEvent.create"


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "us-ascii", "", "utf-8; charset=utf-16"])
@pytest.mark.parametrize("door", [0, 1, 2])
def test_another_charset_than_utf_8_is_another_media_type(door: int, charset: str) -> None:
    headers = {"Content-Type": f"{FORM if door < 2 else 'application/fhir+json'}; charset={charset}"}
    body = json.dumps(alert()).encode() if door == 2 else f"patient={QUOTED}".encode()
    error = refusal(lambda: doors()[door].read(request(headers=headers, method="POST", body=body)))
    assert error.code is Code.MESSAGE_MEDIA_TYPE
    assert [one.path for one in error.findings] == ["http.Content-Type"]
    answer = doors()[door].refuse(request(), None, error)
    assert (answer.status, json.loads(answer.body)["issue"][0]["code"]) == (415, "not-supported")


@pytest.mark.parametrize(
    ("version", "taken"), [("3.0", False), ("5.0", False), ("", False), ("4.0", True), ("4.0.1", True)]
)
def test_a_body_of_another_fhir_version_is_another_media_type(version: str, taken: bool) -> None:
    headers = {"Content-Type": f"application/fhir+json; fhirVersion={version}"}
    wire = request("/fhir/R4/AuditEvent", headers=headers, method="POST", body=json.dumps(alert()).encode())
    if taken:
        assert doors()[2].read(wire).action == "AuditEvent.create"
    else:
        assert refusal(lambda: doors()[2].read(wire)).code is Code.MESSAGE_MEDIA_TYPE


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_an_alert_in_another_encoding_is_not_guessed(encoding: str) -> None:
    body = json.dumps(alert()).encode(encoding)
    error = refusal(lambda: doors()[2].read(request("/fhir/R4/AuditEvent", method="POST", body=body)))
    assert error.code is Code.MESSAGE_SCHEMA


def test_an_alerts_format_counts_once() -> None:
    query = [("_format", "json"), ("_format", "xml")]
    error = refusal(lambda: doors()[2].read(request(query=query, method="POST", body=json.dumps(alert()).encode())))
    assert [one.path for one in error.findings] == ["http._format"]


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, None),
        ("application/fhir+json", None),
        ("application/json;q=0.5, text/html", None),
        ("*/*", None),
        ("application/fhir+json; fhirVersion=4.0", None),
        ("application/fhir+json; fhirVersion=3.0, application/fhir+json; fhirVersion=4.0.1", None),
        ("application/fhir+json;q=0, application/json", None),
        ('application/fhir+json; charset="UTF-8"', None),
        ("application/fhir+json; charset=latin1, application/json; charset=utf-8", None),
        (None, "json; charset=utf-8"),
        ("application/*", None),
        ("", None),
        ("application/fhir+xml", "json"),
        (None, "application/fhir json"),
    ],
)
def test_any_word_for_json_is_understood(accept: str | None, wanted: str | None) -> None:
    query = READ + ([("_format", wanted)] if wanted else [])
    assert doors()[1].read(request(query=query, headers={"Accept": accept} if accept else {}))


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/fhir+xml", None),
        ("text/html", None),
        ("application/fhir+json;q=0", None),
        ("*/*, application/fhir+json;q=0", None),
        ("*/*;q=0.000", None),
        ("application/*;q=0, */*", None),
        ("application/fhir+json; fhirVersion=3.0", None),
        ("application/fhir+json; charset=iso-8859-1", None),
        ('application/fhir+json; charset="utf-16", text/html', None),
        (None, "application/fhir+json; charset=us-ascii"),
        ("application/fhir+json", "xml"),
    ],
)
def test_what_cannot_be_given_is_refused(accept: str | None, wanted: str | None) -> None:
    query = READ + ([("_format", wanted)] if wanted else [])
    error = refusal(lambda: doors()[1].read(request(query=query, headers={"Accept": accept} if accept else {})))
    assert error.code is Code.NOT_ACCEPTABLE
    assert doors()[1].refuse(request(query=query), None, error).status == 406


def test_lines_of_a_header_that_is_a_list_are_one_list() -> None:
    """RFC 9110 section 5.3: a client, or a proxy before it, may send Accept and Prefer in several lines."""
    lines = [("Accept", "text/html"), ("accept", "application/fhir+json"), ("Prefer", "return=minimal"), ("Prefer", "")]
    for door, query in zip(doors()[:2], (LIST, READ), strict=True):
        assert door.read(request(query=query, headers=lines))
    assert posted(alert(), headers=lines)
    nothing = [("Accept", "text/html"), ("Accept", "application/fhir+json;q=0"), ("Accept", "*/*")]
    assert refusal(lambda: doors()[1].read(request(query=READ, headers=nothing))).code is Code.NOT_ACCEPTABLE
    strict = [("Prefer", "return=minimal"), ("Prefer", "Handling = strict; wait=1")]
    error = refusal(lambda: doors()[1].read(request(query=[*READ, ("_x", "1")], headers=strict)))
    assert error.code is Code.MESSAGE_VALUE


# Requests that are not


BAD_SEARCHES: dict[str, tuple[int, list[tuple[str, str]], dict[str, str], str]] = {
    "no patient": (0, [], {}, "Required request parameter 'patient' for method parameter type String is not present"),
    "no prefix": (0, [("patient", NUMBER)], {}, "Invalid value in field 'patient'"),
    "another prefix": (0, [("patient", f"urn:x|{NUMBER}")], {}, "Invalid value in field 'patient'"),
    "no number": (0, [("patient", TOKEN[:-10])], {}, "Invalid value in field 'patient'"),
    "check digit": (0, [("patient", TOKEN[:-1] + "1")], {}, "Invalid value in field 'patient'"),
    "line end": (0, [("patient", TOKEN + "\n")], {}, "Invalid value in field 'patient'"),
    "two patients": (0, [*LIST, *LIST], {}, "Request parameter 'patient' is given more than once."),
    "type": (0, [*LIST, ("type", "1")], {}, "Invalid value in field 'type'"),
    "sort": (0, [*LIST, ("_sort", "-date")], {}, "Invalid value in field '_sort'"),
    "count": (0, [*LIST, ("_count", "2")], {}, "Invalid value in field '_count'"),
    "count no number": (0, [*LIST, ("_count", "x")], {}, "Invalid value in field 'count'"),
    "no document": (
        1,
        [READ[1]],
        {},
        "Required request parameter 'composition.identifier' for method parameter type String is not present",
    ),
    "document no id": (1, [(READ[0][0], "x"), READ[1]], {}, "Invalid value in field 'composition.identifier'"),
    "no subject": (
        1,
        [READ[0]],
        {},
        f"Required request parameter '{PATIENT}' for method parameter type String is not present",
    ),
    "subject": (1, [READ[0], (PATIENT, NUMBER)], {}, "Invalid value in field 'patient'"),
    "many parameters": (0, [*LIST, *[(f"p{n}", "") for n in range(60)]], {}, "Too many request parameters."),
    "correlation id": (0, LIST, {"X-Correlation-ID": "x"}, "Invalid X-Correlation-ID. Should be a UUIDv4 matching"),
    "request id": (1, READ, {"X-Request-ID": "1-2-3"}, "Invalid X-Request-ID. Should be a UUIDv4 matching"),
    "role": (1, READ, {"NHSD-Session-URID": "R1"}, "A header that names the user or the role is not valid."),
    "user": (1, READ, {"NHSD-Identity-UUID": "R1"}, "A header that names the user or the role is not valid."),
    "facts not base64": (1, READ, {"X-SCR-Access": "{}"}, "Invalid X-SCR-Access."),
    "facts not JSON": (1, READ, {"X-SCR-Access": "eA"}, "Invalid X-SCR-Access."),
    "facts a list": (1, READ, {"X-SCR-Access": "W10"}, "Invalid X-SCR-Access."),
    "facts twice": (
        1,
        READ,
        {"X-SCR-Access": base64.urlsafe_b64encode(b'{"note":"a","note":"b"}').decode()},
        "Invalid X-SCR-Access.",
    ),
    "facts too deep": (
        1,
        READ,
        {"X-SCR-Access": base64.urlsafe_b64encode(b"[" * 4000).decode()},
        "Invalid X-SCR-Access.",
    ),
    "facts too long": (1, READ, said(note="x" * 6000), "Header X-SCR-Access is too long."),
    "facts note too long": (1, READ, said(note="x" * 4097), "The value in field 'note' is too long."),
    "two roles": (
        1,
        READ,
        {"NHSD-Session-URID": "555000000101", **said(roleProfile="555000000102")},
        "roleProfile and NHSD-Session-URID differ.",
    ),
    "facts unknown": (1, READ, said(permissions="yes"), "X-SCR-Access has a member that is not known."),
    "facts word": (1, READ, said(permission="maybe"), "Invalid value in field 'permission'"),
    "facts flag": (1, READ, said(conditionChanged="true"), "Invalid value in field 'conditionChanged'"),
    "facts text": (1, READ, said(note=7), "Invalid value in field 'note'"),
    "facts role": (1, READ, said(roleProfile="7"), "Invalid value in field 'roleProfile'"),
    "two tokens": (
        1,
        READ,
        {"Authorization": "Bearer a", **said(userToken="b")},
        "userToken and Authorization differ.",
    ),
}


@pytest.mark.parametrize("case", BAD_SEARCHES)
def test_a_wrong_search_is_told_where_and_never_repeated(case: str) -> None:
    door, query, headers, text = BAD_SEARCHES[case]
    wire = request(query=query, headers=headers)
    error = refusal(lambda: doors()[door].read(wire))
    answer = doors()[door].refuse(wire, None, error)
    document = json.loads(answer.body)
    OperationOutcome.model_validate(document)
    [issue] = document["issue"]
    assert (answer.status, issue["severity"], issue["code"]) == (400, "error", "value")
    assert issue["details"]["text"].startswith(text)
    assert issue["location"][0].startswith("http.")
    assert NUMBER.encode() not in answer.body


@pytest.mark.parametrize(
    ("length", "said_of_it"), [(6000, "at most 6000 characters"), (4097, "a text of at most 4096 characters")]
)
def test_what_is_too_long_says_how_long_it_may_be(length: int, said_of_it: str) -> None:
    error = refusal(lambda: doors()[1].read(request(query=READ, headers=said(note="x" * length))))
    assert f"expected: {said_of_it}" in doors()[1].refuse(request(), None, error).body.decode()


def test_a_role_may_be_named_twice_alike() -> None:
    same = {"NHSD-Session-URID": "555000000101", **said(roleProfile="555000000101")}
    assert doors()[1].read(request(query=READ, headers=same)).claims.role is not None


def test_what_a_note_lacks_is_told_and_nothing_else_of_a_reason() -> None:
    used = PolicyRefused(Code.EMERGENCY_NOTE, (("P-06", Code.EMERGENCY_NOTE),), NoteFlaw.USED.value)
    assert b"the note: used lately" in doors()[1].refuse(request(), None, used).body
    other = PolicyRefused(Code.SCR_NOT_AVAILABLE, (("X", Code.SCR_NOT_AVAILABLE),), "consent No")
    assert b"consent No" not in doors()[1].refuse(request(), None, other).body


def test_a_header_sent_twice_is_refused() -> None:
    twice = [("X-SCR-Access", "e30"), ("X-SCR-Access", "e30")]
    assert refusal(lambda: doors()[1].read(request(query=READ, headers=twice))).code is Code.MESSAGE_HEADERS


def test_a_posted_body_that_is_no_form_is_refused() -> None:
    for body in (b"\xff\xfe", b"&".join(b"a=1" for _ in range(100)), b"patient=%FF"):
        refusal(lambda body=body: doors()[0].read(request(method="POST", body=body)))


# Answers


def listed(**changes: Any) -> Status:
    events = EventList(
        nhs_number=records.NUMBER,
        consent=changes.pop("consent", Consent.ASK),
        events=(Event(id=EVENT, persisted=None, status="1", type="196981000000101"),),
    )
    return Status(exists=True, consent=events.consent, events=events, patient=records.person(**changes))


def test_the_document_found_is_the_sample_answer() -> None:
    door = doors()[0]
    wire = request("/fhir/R4/DocumentReference", LIST)
    answer = door.write(wire, door.read(wire), listed())
    assert (answer.status, answer.media_type) == (200, "application/fhir+json")
    document = json.loads(answer.body)
    Bundle.model_validate(document)
    assert document == json.loads((WIRE / "document-reference.json").read_text(encoding="utf-8"))
    assert document["link"] == [{"relation": "self", "url": f"{BASE}/DocumentReference?patient={QUOTED}"}]


@pytest.mark.parametrize("consent", [Consent.ASK, Consent.YES])
def test_the_security_label_is_spines_own_word(consent: Consent) -> None:
    door = doors()[0]
    wire = request(query=LIST)
    document = json.loads(door.write(wire, door.read(wire), listed(consent=consent)).body)
    [found] = resources(document, "DocumentReference")
    assert found["securityLabel"][0]["coding"][0]["code"] == consent.value


def test_a_superseded_number_is_shown_and_kept_in_the_address() -> None:
    door = doors()[0]
    old = records.OLD_NUMBER
    wire = request(query=[("patient", f"https://fhir.nhs.uk/Id/nhs-number|{old.value}")])
    document = json.loads(door.write(wire, door.read(wire), listed(requested=old)).body)
    [patient], [found] = resources(document, "Patient"), resources(document, "DocumentReference")
    assert [row["value"] for row in patient["identifier"]] == [NUMBER, old.value]
    assert found["content"][0]["attachment"]["url"].endswith(f"%7C{old.value}")


def viewed(**changes: Any) -> Viewed:
    answer = etree.fromstring(
        b'<QUPC_IN210000UK04 xmlns="urn:hl7-org:v3"><id root="A1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"/>'
        b'<creationTime value="20300105120000"/></QUPC_IN210000UK04>'
    )
    record = summary_record()
    document = EventDocument(
        nhs_number=record.nhs_number, event_id=EVENT, document_id=record.document_id, summary=None, answer=answer
    )
    values: dict[str, Any] = {"patient": records.person(), "document": document, "record": record, "decision": None}
    return Viewed(**(values | changes))


def test_the_record_found_is_the_sample_answer() -> None:
    door = doors()[1]
    wire = request(query=READ)
    answer = door.write(wire, door.read(wire), viewed())
    document = json.loads(answer.body)
    assert answer.status == 200
    expected = json.loads((WIRE / "bundle.json").read_text(encoding="utf-8"))
    [link] = document.pop("link")
    assert link == {"relation": "self", "url": f"{BASE}/Bundle?composition.identifier={EVENT}&{PATIENT}=" + QUOTED}
    assert document | {"entry": []} == expected | {"entry": []}
    assert [row["resource"] for row in document["entry"]] == [row["resource"] for row in expected["entry"]]


def test_an_answer_that_would_lose_a_reference_is_found_out() -> None:
    bundle = json.loads((WIRE / "bundle.json").read_text(encoding="utf-8"))
    assert unresolved(bundle) == []
    gone = bundle["entry"].pop()
    assert unresolved(bundle)
    bundle["entry"] += [gone, gone]
    assert unresolved(bundle)


def test_without_spines_own_id_or_time_the_answer_has_none() -> None:
    door = doors()[1]
    wire = request(query=READ)
    broken = etree.fromstring(b'<x xmlns="urn:hl7-org:v3"><creationTime value="1"/></x>')
    for answer in (None, broken):
        outcome = viewed()
        document = EventDocument(
            nhs_number=outcome.document.nhs_number,
            event_id=EVENT,
            document_id="D",
            summary=None,
            answer=answer,
        )
        found = json.loads(door.write(wire, door.read(wire), viewed(document=document)).body)
        assert found.keys() & {"identifier", "timestamp"} == set()


def test_ids_are_mirrored_as_written_and_made_where_absent() -> None:
    door = doors()[1]
    mine = "aaaaaaaa-1B2C-4d3e-8F40-5a6b7c8d9e0f"
    wire = request(query=READ, headers={"X-Request-ID": mine, "X-Correlation-ID": mine})
    for answer in (door.write(wire, door.read(wire), viewed()), door.refuse(wire, None, GatewayError(Code.INTERNAL))):
        assert (answer.headers["X-Request-ID"], answer.headers["X-Correlation-ID"]) == (mine, mine)
    bare = door.refuse(request(query=READ), None, GatewayError(Code.INTERNAL))
    assert len(bare.headers["X-Request-ID"]) == 36
    assert "X-Correlation-ID" not in bare.headers


# Errors


def test_every_code_has_its_answer() -> None:
    assert set(ISSUES) == set(Code)


@pytest.mark.parametrize("code", list(Code))
def test_every_code_is_a_valid_outcome_that_names_its_rules(code: Code) -> None:
    error = GatewayError(code, rules=("P-03", "P-08"))
    for door in doors():
        answer = door.refuse(request(), None, error)
        document = json.loads(answer.body)
        OperationOutcome.model_validate(document)
        [issue] = document["issue"]
        assert answer.status == ISSUES[code].status
        assert issue["details"]["text"] == code.sentence
        assert issue["details"]["coding"][0]["code"] == code.slug
        assert "P-03 P-08" in issue["diagnostics"]
        assert CORRELATION in issue["diagnostics"]
        assert ("WWW-Authenticate" in answer.headers) is (answer.status == 401)
        sent = code.slug.startswith("credentials-") and code is not Code.CREDENTIALS_MISSING and answer.status == 401
        assert ('error="invalid_token"' in answer.headers.get("WWW-Authenticate", "")) is sent
        refused = code.kind is Kind.REFUSED
        assert (answer.status in {401, 403}) is refused


@pytest.mark.parametrize("code", [code for code in Code if code.kind is Kind.NO_RECORD])
def test_a_search_that_finds_nothing_has_total_0_and_no_entry(code: Code) -> None:
    for door, query in zip(doors()[:2], (LIST, READ), strict=True):
        wire = request(query=query)
        answer = door.refuse(wire, door.read(wire), NoRecord(code))
        document = json.loads(answer.body)
        Bundle.model_validate(document)
        assert answer.status == 200
        assert document.keys() == {"resourceType", "id", "type", "total", "link"}
        assert document["link"][0]["url"].endswith("=" + QUOTED)
        assert document["total"] == 0


def test_the_first_reason_of_a_refusal_is_its_sentence() -> None:
    error = PolicyRefused(
        Code.PERMISSION_MISSING, (("P-02", Code.PERMISSION_MISSING), ("P-01", Code.RELATIONSHIP_MISSING))
    )
    answer = doors()[1].refuse(request(), None, error)
    assert answer.status == 403
    assert b"rules: P-02 P-01" in answer.body


# Alerts


def alert() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((WIRE / "audit-event.json").read_text(encoding="utf-8"))
    return found


def posted(document: object, headers: list[tuple[str, str]] | None = None, **named: str) -> Any:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = [*(headers or []), *named.items()]
    return doors()[2].read(request("/fhir/R4/AuditEvent", headers=lines, method="POST", body=body))


def test_an_alert_is_read_whole() -> None:
    AuditEvent.model_validate(alert())
    call = posted(alert(), Authorization="Bearer a.b.c")
    assert (call.operation, call.patient) == (Operation.RAISE_ALERT, NhsNumber(NUMBER))
    found = call.alert
    assert (found.message, found.id) == ("A record was opened in an emergency", alert()["id"])
    assert (found.recorded, found.action) == (datetime(2030, 1, 5, 11, 58, tzinfo=UTC), None)
    assert (found.type.value, found.reason.value, found.subject) == ("2", "5", EVENT)
    assert (found.organisation.value, found.user.value) == ("RZZ01", "910000000018")
    assert found.note == "Patient was brought in unconscious"
    assert call.credentials.token == "a.b.c"


def test_a_clients_clock_may_be_a_little_ahead() -> None:
    assert posted(alert() | {"recorded": "2030-01-05T12:04:59Z"}).alert.id == alert()["id"]
    assert posted(alert() | {"recorded": "1999-12-24T23:59:00-05:00"}).alert.recorded.isoformat() == (
        "1999-12-25T04:59:00+00:00"
    )


def test_the_same_id_with_other_words_is_another_alert() -> None:
    first, again, other = posted(alert()), posted(alert()), posted(alert() | {"outcomeDesc": "Something else"})
    assert first.alert.digest == again.alert.digest != other.alert.digest


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"agent": alert()["agent"][::-1]}, True),
        ({"recorded": "2030-01-05T12:58:00.000+01:00"}, True),
        ({"recorded": "2030-01-05T11:58:00.0000001Z"}, True),
        ({"outcome": "0"}, True),
        ({"recorded": "2030-01-05T11:58:01+00:00"}, False),
        ({"action": "R"}, False),
        ({"extension": [alert()["extension"][0] | {"valueString": "Another message"}]}, False),
        ({"subtype": [alert()["subtype"][0] | {"code": "1"}]}, False),
        ({"entity": [{"what": {"identifier": {"value": "another"}}}]}, False),
        ({"id": "another"}, False),
    ],
)
def test_the_same_content_is_what_is_kept_however_it_is_written(change: dict[str, Any], same: bool) -> None:
    found = posted(alert() | change).alert
    assert (found.digest == posted(alert()).alert.digest) is same
    if "action" in change:
        assert found.action == "R"


def test_an_observer_may_be_left_out() -> None:
    document = alert()
    del document["source"], document["outcomeDesc"]
    assert posted(document).alert.note is None


def spoilt(path: str, value: Any) -> dict[str, Any]:
    """The sample alert with one member changed; None takes it away."""
    document = alert()
    *steps, last = path.split("/")
    found: Any = document
    for step in steps:
        found = found[int(step)] if step.isdigit() else found[step]
    key: Any = int(last) if last.isdigit() else last
    if value is None:
        del found[key]
    else:
        found[key] = value
    return document


WHO = "who/identifier"
BAD_ALERTS: dict[str, tuple[object, str]] = {
    "not JSON": (b"{", "The body is not JSON."),
    "too deep": (b"[" * 100_000, "The body is not JSON."),
    "twice": (b'{"id":"1","id":"2"}', "The body is not JSON."),
    "a list": ([], "The body is not an AuditEvent."),
    "another resource": (spoilt("resourceType", "Patient"), "The body is not an AuditEvent."),
    "no id": (spoilt("id", None), "Invalid or missing value in field 'id'."),
    "another outcome": (spoilt("outcome", "12"), "Invalid or missing value in field 'outcome'."),
    "an action that R4 has not": (spoilt("action", "Z"), "Invalid or missing value in field 'action'."),
    "an action that is a list": (spoilt("action", ["R"]), "Invalid or missing value in field 'action'."),
    "a period": (
        spoilt("period", {"start": "never"}),
        "Member 'period' is not taken here: it would not be kept.",
    ),
    "a purpose": (
        spoilt("purposeOfEvent", [{"text": "Care"}]),
        "Member 'purposeOfEvent' is not taken here: it would not be kept.",
    ),
    "an element's own extension": (
        spoilt("_recorded", {"extension": []}),
        "Member '_recorded' is not taken here: it would not be kept.",
    ),
    "an agent's name": (
        spoilt("agent/2/name", "Somebody"),
        "Member 'agent.name' is not taken here: it would not be kept.",
    ),
    "an entity's detail": (
        spoilt("entity/0/detail", [{"type": "x", "valueString": "y"}]),
        "Member 'entity.detail' is not taken here: it would not be kept.",
    ),
    "a member that nobody knows": (spoilt("9000000009", "x"), "A member of AuditEvent is not known."),
    "an agent's member that nobody knows": (
        spoilt("agent/1/9000000009", "x"),
        "A member of AuditEvent.agent is not known.",
    ),
    "a fourth agent": (
        spoilt(
            "agent", [*alert()["agent"], {"who": {"identifier": {"system": "x", "value": "y"}}, "requestor": False}]
        ),
        "Expecting exactly three 'agent' entries.",
    ),
    "an observer of nobody": (
        spoilt("source", {"observer": {}}),
        "Invalid or missing value in field 'source.observer.identifier'.",
    ),
    "another system's entity": (
        spoilt("entity/0/what/identifier/system", "urn:x"),
        "Invalid or missing value in field 'entity.what.identifier.system'.",
    ),
    "recorded without seconds": (
        spoilt("recorded", "2030-01-05T11:58Z"),
        "Invalid or missing value in field 'recorded'.",
    ),
    "a note too long": (spoilt("outcomeDesc", "x" * 2001), "The value in field 'outcomeDesc' is too long."),
    "a message too long": (
        spoilt("extension/0/valueString", "x" * 2001),
        "The value in field 'extension.valueString' is too long.",
    ),
    "no message": (spoilt("extension", []), "Invalid or missing value in field 'extension'."),
    "type range": (
        spoilt("type/code", "3"),
        "Invalid or missing value in field 'type.code'. Supported values are: 1, 2",
    ),
    "no type": (spoilt("type", None), "Invalid or missing value in field 'type.code'. Supported values are: 1, 2"),
    "type display": (spoilt("type/display", ""), "Invalid or missing value in field 'type'."),
    "type no object": (spoilt("type", "2"), "Invalid or missing value in field 'type'."),
    "subtype range": (
        spoilt("subtype/0/code", "7"),
        "Invalid or missing value in field 'subtype.code'. Supported values are: 1, 2, 3, 4, 5, 6",
    ),
    "two subtypes": (spoilt("subtype", alert()["subtype"] * 2), "Invalid or missing value in field 'subtype'."),
    "2 with 4": (spoilt("subtype/0/code", "4"), "Invalid combination of alert type '2' and alert subtype '4'."),
    "2 with 6": (spoilt("subtype/0/code", "6"), "Invalid combination of alert type '2' and alert subtype '6'."),
    "1 with 5": (spoilt("type/code", "1"), "Invalid combination of alert type '1' and alert subtype '5'."),
    "not recorded": (spoilt("recorded", None), "Invalid or missing value in field 'recorded'."),
    "recorded without zone": (
        spoilt("recorded", "2030-01-05T11:58:00"),
        "Invalid or missing value in field 'recorded'.",
    ),
    "recorded tomorrow": (
        spoilt("recorded", "2030-01-06T12:00:00Z"),
        "Invalid or missing value in field 'recorded'.",
    ),
    "recorded six minutes from now": (
        spoilt("recorded", "2030-01-05T12:06:00Z"),
        "Invalid or missing value in field 'recorded'.",
    ),
    "a note that turns its words": (
        spoilt("outcomeDesc", "Patient was \u202enot asked"),
        "Invalid or missing value in field 'outcomeDesc'.",
    ),
    "a message that turns its words": (
        spoilt("extension/0/valueString", "Opened \u2067in an emergency"),
        "Invalid or missing value in field 'extension.valueString'.",
    ),
    "a note nobody sees": (
        spoilt("outcomeDesc", "\u200b\u2060\u3164\u2800 \u00ad\ufe0f"),
        "Invalid or missing value in field 'outcomeDesc'.",
    ),
    "an outcome that R4 has not": (spoilt("outcome", "1"), "Invalid or missing value in field 'outcome'."),
    "an outcome that is no text": (spoilt("outcome", 4), "Invalid or missing value in field 'outcome'."),
    "an outcome that is a list": (spoilt("outcome", ["4"]), "Invalid or missing value in field 'outcome'."),
    "rules of its own": (
        spoilt("implicitRules", "https://example.org/not-meant"),
        "Member 'implicitRules' is not taken here: it would not be kept.",
    ),
    "modified": (
        spoilt("modifierExtension", [{"url": "https://example.org/test-only", "valueBoolean": True}]),
        "Member 'modifierExtension' is not taken here: it would not be kept.",
    ),
    "a modified message": (
        spoilt("extension/0/modifierExtension", [{"url": "https://example.org/not", "valueBoolean": True}]),
        "Member 'extension.modifierExtension' is not taken here: it would not be kept.",
    ),
    "a modified agent": (
        spoilt("agent/2/modifierExtension", [{"url": "https://example.org/not", "valueBoolean": True}]),
        "Member 'agent.modifierExtension' is not taken here: it would not be kept.",
    ),
    "a modified entity": (
        spoilt("entity/0/modifierExtension", []),
        "Member 'entity.modifierExtension' is not taken here: it would not be kept.",
    ),
    "empty note": (spoilt("outcomeDesc", ""), "Invalid or missing value in field 'outcomeDesc'."),
    "no patient": (
        spoilt(f"agent/0/{WHO}/value", ""),
        "Missing 'agent' entry with 'who.identifier.system' 'https://fhir.nhs.uk/Id/nhs-number' and non-empty 'value'",
    ),
    "patient number": (
        spoilt(f"agent/0/{WHO}/value", "9000000008"),
        "Invalid or missing value in field 'agent.who.identifier.value'.",
    ),
    "no organisation": (
        spoilt("agent/1", None),
        (
            "Missing 'agent' entry with 'who.identifier.system' 'https://fhir.nhs.uk/Id/ods-organization-code' "
            "and non-empty 'value'"
        ),
    ),
    "two people": (
        spoilt("agent", [*alert()["agent"], alert()["agent"][2]]),
        "Expecting exactly one 'agent' entry with 'who.identifier.system' 'https://fhir.nhs.uk/Id/sds-user-id'",
    ),
    "requestor": (
        spoilt("agent/2/requestor", True),
        (
            "Missing or unsupported 'requestor' value for 'agent' with 'who.identifier.system' "
            "'https://fhir.nhs.uk/Id/sds-user-id'"
        ),
    ),
    "no requestor": (
        spoilt("agent/1/requestor", None),
        (
            "Missing or unsupported 'requestor' value for 'agent' with 'who.identifier.system' "
            "'https://fhir.nhs.uk/Id/ods-organization-code'"
        ),
    ),
    "no role": (spoilt("agent/2/role", None), "Invalid or missing value in field 'agent.role'."),
    "no entity": (spoilt("entity", []), "Invalid or missing value in field 'entity.what.identifier.value'."),
    "another observer": (
        spoilt("source/observer/identifier/value", "200000000000"),
        "Invalid or missing value in field 'source.observer.identifier'.",
    ),
    "agents no list": (spoilt("agent", {}), "Invalid or missing value in field 'agent'."),
    "too many agents": (spoilt("agent", alert()["agent"] * 20), "Invalid or missing value in field 'agent'."),
}


@pytest.mark.parametrize("case", BAD_ALERTS)
def test_a_wrong_alert_is_refused_in_the_words_of_the_national_api(case: str) -> None:
    document, text = BAD_ALERTS[case]
    error = refusal(lambda: posted(document))
    answer = doors()[2].refuse(request(), None, error)
    [issue] = json.loads(answer.body)["issue"]
    assert (answer.status, issue["severity"], issue["code"]) == (400, "error", "value")
    assert issue["details"]["text"] == text
    assert issue["expression"][0].startswith("AuditEvent")
    assert NUMBER.encode() not in answer.body


# Beside the national API


@pytest.mark.parametrize("name", [name for name, row in CONDITIONS.items() if row.door >= 0])
def test_each_condition_is_answered_as_the_table_says(name: str) -> None:
    row = CONDITIONS[name]
    body = b"" if row.spoilt is None else json.dumps(spoilt(*row.spoilt)).encode()
    wire = request(query=row.query, headers=row.headers, method="POST" if row.spoilt else "GET", body=body)
    door = doors()[row.door]
    answer = door.refuse(wire, None, refusal(lambda: door.read(wire)))
    [issue] = json.loads(answer.body)["issue"]
    assert (answer.status, issue["code"], issue["details"]["text"]) == row.here
    assert (row.here == row.national) is (row.why == "")


def test_who_is_named_beside_the_alert_must_be_its_person() -> None:
    with pytest.raises(GatewayError) as caught:
        posted(alert(), **{"NHSD-Identity-UUID": "910000000026"})
    assert caught.value.code is Code.USER_MISMATCH


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from([*alert(), "agent/0", "agent/2/who", "type/code", "entity/0/what", "source/observer"]), JUNK)
def test_junk_in_any_place_is_refused_or_read_and_never_a_crash(path: str, junk: Any) -> None:
    if junk is None:
        return
    try:
        call = posted(spoilt(path, junk))
    except MessageInvalid:
        return
    assert call.patient.value == NUMBER


# What the server says of itself


def test_the_capability_statement_is_r4_and_claims_what_is_there() -> None:
    found = capability("https://gateway.test/fhir/R4")
    CapabilityStatement.model_validate(found)
    assert found["fhirVersion"] == "4.0.1"
    kinds = {row["name"]: row["type"] for row in found["rest"][0]["resource"][0]["searchParam"]}
    assert kinds["patient"] == "reference"
    claimed = {(row["type"], each["code"]) for row in found["rest"][0]["resource"] for each in row["interaction"]}
    assert claimed == {("DocumentReference", "search-type"), ("Bundle", "search-type"), ("AuditEvent", "create")}
    assert {path.strip("/").split("/")[0] for path in ROUTES} == {name for name, _ in claimed} | {"metadata"}


def test_wire_times_of_spines_answer_are_instants() -> None:
    assert WireTime("20300705120000").iso == "2030-07-05T12:00:00+01:00"
