"""Outcomes and errors as mini-service answers: every code, every operation, and nothing that may not leave."""

import base64
import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.adapters.mini_service_codes import DISPLAY, NOT_NEW_STYLE, PDS_FAILED, SUPERSEDED, ToolkitFault, answer_for
from gateway.adapters.mini_service_payload import Exchange
from gateway.adapters.mini_service_pds import EXCHANGES as PDS
from gateway.adapters.mini_service_scr import EXCHANGES as SCR
from gateway.domain.cells import safe_cell
from gateway.domain.codes import Code, Kind
from gateway.domain.decision import AuditEntry, Decision, Verdict
from gateway.domain.errors import GatewayError, MessageInvalid, SpineUnavailable
from gateway.domain.identifiers import NhsNumber, OdsCode, UserId
from gateway.domain.instants import WireTime
from gateway.domain.spine import Address, Confidentiality, Consent, Demographics, EventDocument
from gateway.service.outcomes import Activity, Outcome, PermissionOnRecord, Rbac, Recorded, Status, Traced, Viewed
from gateway.xml.operations import BY_NAME, OPERATIONS, Family
from tests.doors.mini_service.offline import CATALOGUE, NUMBER, Answer, door, read, wire
from tests.policy import cases
from tests.xml.wire import changed, good

PATIENT = NhsNumber(NUMBER)
XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"), exclude_characters="\ufffe\uffff")
)


def told(name: str, outcome: Outcome, case: str = "", body: bytes | None = None) -> Answer:
    """The answer to a good request, checked against the schemas."""
    given_body = body if body is not None else good(name, case)
    response = door().write(wire(given_body), read(given_body), outcome)
    assert (response.status, response.media_type) == (200, "text/xml; charset=utf-8")
    answer = Answer(response)
    (distribution,) = answer.xpath("//itk:DistributionEnvelope")
    assert CATALOGUE.validate("distribution-envelope", distribution) == ()
    assert CATALOGUE.validate(BY_NAME[name].response_root, answer.payload) == ()
    return answer


def demographics(**changes: Any) -> Demographics:
    """A patient as PDS has them."""
    values: dict[str, Any] = {
        "nhs_number": PATIENT,
        "requested": None,
        "family": "Quillfeather",
        "given": ("Orla",),
        "prefix": "Ms",
        "birth": WireTime("19610529"),
        "gender": "2",
        "deceased": None,
        "practice": OdsCode("AZZ99"),
        "confidentiality": Confidentiality.UNRESTRICTED,
        "addresses": (Address(use="H", lines=("1 Example Street", "Northbrook"), postcode="ZZ99 3WZ"),),
        "telecoms": (("HP", "tel:01632960001"),),
    }
    return Demographics(**(values | changes))


# the frame


@pytest.mark.parametrize(
    ("profile", "interaction"), [("-v-1-0", "-v1-0"), ("-v1-0", "-v1-0"), ("-v-1-0", "-v-1-0"), ("-v1-0", "-v-1-0")]
)
def test_the_caller_is_answered_in_its_own_spelling(profile: str, interaction: str) -> None:
    body = changed(good("queryPTV"), "profile:queryPTVRequest-v-1-0", f"profile:queryPTVRequest{profile}")
    body = changed(body, "interaction:queryPTVRequest-v1-0", f"interaction:queryPTVRequest{interaction}")
    answer = told("queryPTV", PermissionOnRecord(held=True), body=body)
    assert answer.xpath("//itk:manifestitem/@profileid") == [f"urn:nhs-en:profile:queryPTVResponse{profile}"]
    assert answer.xpath("//itk:spec/@value") == [f"urn:nhs-itk:interaction:queryPTVResponse{interaction}"]


def test_the_frame_of_a_scr_answer() -> None:
    answer = told("queryPTV", PermissionOnRecord(held=True))
    service = "urn:nhs-itk:services:201005:sendRecvDistEnvelopeResponse"
    assert answer.xpath("//wsa:Action/text()") == [service]
    assert answer.xpath("//itk:header/@service") == [service]
    assert answer.xpath("//wsa:RelatesTo/text()") == ["C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"]
    assert answer.xpath("//itk:address/@uri") == ["urn:nhs-uk:addressing:ods:Z1B"]
    assert answer.xpath("//itk:auditIdentity/itk:id/@uri") == ["urn:nhs-uk:identity:ods:YZZ99"]
    assert answer.xpath("//itk:senderAddress/@uri") == ["urn:nhs-uk:addressing:ods:YZZ99"]
    ids = answer.xpath("//wsa:MessageID/text() | //itk:header/@trackingid | //hl7:id/@root")
    assert len(set(map(str, ids))) == 3
    assert answer.xpath("//itk:payload/@id") == ["uuid_" + answer.xpath("//hl7:QueryPTVResponse/hl7:id/@root")[0]]


OWN = "urn:nhs-uk:addressing:ods:Z1B"


@pytest.mark.parametrize(
    ("sender", "answered"),
    [
        (OWN, OWN),
        (f"{OWN}:ward:7", f"{OWN}:ward:7"),
        ("urn:nhs-uk:addressing:ods:Z1BX", OWN),
        ("urn:nhs-uk:addressing:ods:Z1C", OWN),
        ("urn:nhs-uk:addrssing:ods:Z1B", OWN),
    ],
)
def test_an_answer_is_addressed_to_the_proved_organisation_alone(sender: str, answered: str) -> None:
    """The sender address is no authority: it refuses nothing, and sends nothing elsewhere."""
    body = changed(good("getSCRStatus"), f'<itk:senderAddress uri="{OWN}"', f'<itk:senderAddress uri="{sender}"')
    answer = told("getSCRStatus", Status(exists=True, consent=Consent.ASK), body=body)
    assert answer.xpath("//itk:addresslist/itk:address/@uri") == [answered]


def test_what_is_only_worth_a_note_is_told_in_a_header() -> None:
    outcome = Status(exists=True, consent=Consent.ASK)
    assert "X-SCR-Warnings" not in told("getSCRStatus", outcome).response.headers
    body = changed(good("getSCRStatus"), "nhs-uk:addressing:ods:Z1B", "nhs-uk:addrssing:ods:Z1B")
    line = body[: body.index(b"<itk:senderAddress")].count(b"\n") + 1
    headers = told("getSCRStatus", outcome, body=body).response.headers
    assert headers["X-SCR-Warnings"] == f"sender-address-style;line={line};at=itk:senderAddress/@uri"


def test_a_pds_answer_names_no_parties() -> None:
    answer = told("getPatientDetailsBySearch", Traced(patient=demographics()))
    assert not answer.xpath(
        "//itk:addresslist | //itk:auditIdentity | //itk:senderAddress | //itk:handlingSpecification"
    )
    assert answer.xpath("//itk:header/@service") == [
        "urn:nhs-itk:services:201005:getPatientDetailsBySearch-v1-0Response"
    ]
    assert answer.xpath("//itk:manifestitem/@profileid") == ["urn:nhs-en:profile:getPatientDetailsResponse-v1-0"]


# SCR


@pytest.mark.parametrize(
    ("exists", "consent", "code"),
    [
        (True, Consent.ASK, ("2", "Ask")),
        (True, Consent.YES, ("2", "Ask")),
        (True, Consent.NO, ("0", "No")),
        (False, Consent.UNKNOWN, ("0", "No")),
    ],
)
def test_a_status_tells_whether_and_how(exists: bool, consent: Consent, code: tuple[str, str]) -> None:
    answer = told("getSCRStatus", Status(exists=exists, consent=consent))
    assert answer.xpath("//hl7:sCRExistsFlag/hl7:value/@value") == [str(exists).lower()]
    (found,) = answer.xpath("//hl7:sCRConsent/hl7:code")
    assert (found.get("code"), found.get("displayName")) == code


@pytest.mark.parametrize("with_permission", [True, False])
@pytest.mark.parametrize("in_emergency", [True, False])
def test_rbac_status_has_a_flag_for_each_way(with_permission: bool, in_emergency: bool) -> None:
    answer = told("getRBACStatus", Rbac(with_permission=with_permission, in_emergency=in_emergency))
    assert answer.xpath("//hl7:withPTV/hl7:value/@value") == [str(with_permission).lower()]
    assert answer.xpath("//hl7:inEmergency/hl7:value/@value") == [str(in_emergency).lower()]


def test_permissions_are_told_and_created() -> None:
    for held in (True, False):
        answer = told("queryPTV", PermissionOnRecord(held=held))
        assert answer.xpath("//hl7:pTVStatusFlag/hl7:value/@value") == [str(held).lower()]
    created = told("createPTV", Recorded(ids=("secret-id",)))
    assert [etree.QName(child).localname for child in created.payload] == ["id", "value"]
    assert b"secret-id" not in created.response.body
    assert "X-SCR-Permission-Until" not in created.response.headers


def test_the_end_of_a_permission_is_told_beside_the_response() -> None:
    end = datetime(2030, 2, 1, 23, 59, 59, tzinfo=UTC)
    created = told("createPTV", Recorded(ids=("secret-id",), until=end))
    assert created.response.headers["X-SCR-Permission-Until"] == "2030-02-01T23:59:59+00:00"


def test_the_document_is_passed_on_as_it_came() -> None:
    source = '<n:GPSummary xmlns:n="urn:hl7-org:v3" xmlns:x="urn:x" classCode="COMPOSITION">\n <x:y> Łódź\u00a0\U0001f9a0 </x:y></n:GPSummary>'
    document = EventDocument(nhs_number=PATIENT, event_id="E", document_id="D", summary=etree.fromstring(source))
    decision = Decision(verdict=Verdict.ALLOW, policy_version="1")
    viewed = Viewed(patient=demographics(), document=document, record=None, decision=decision)
    answer = told("querySCR", viewed)
    (summary,) = answer.xpath("//hl7:text/*/hl7:GPSummary")
    came = etree.fromstring(source)
    assert [(e.tag, dict(e.attrib), e.text, e.tail) for e in summary.iter()] == [
        (e.tag, dict(e.attrib), e.text, e.tail) for e in came.iter()
    ]
    assert [etree.QName(child).localname for child in answer.payload] == ["id", "text", "value"]


def entry(**changes: Any) -> AuditEntry:
    """One access."""
    values: dict[str, Any] = {
        "id": "1",
        "at": datetime(2030, 7, 1, 22, 30, 5, tzinfo=UTC),
        "event": "viewed",
        "door": "mini-service",
        "correlation_id": "C",
        "operation": "querySCR",
        "outcome": "record",
        "organisation": cases.ODS,
        "user": UserId("100000000001"),
        "user_name": "DUNN Kate",
        "role": "200000000001",
        "patient": PATIENT,
    }
    return AuditEntry(**(values | changes))


def report(*rows: AuditEntry, found: int | None = None, case: str = "") -> list[list[str]]:
    """The report of these accesses, read as any client would."""
    activity = Activity(
        made=datetime(2030, 1, 5, 12, 0, tzinfo=UTC),
        organisation=cases.organisation(),
        found=len(rows) if found is None else found,
        rows=rows,
    )
    answer = told("querySCRActivity", activity, case)
    (text,) = answer.xpath("//hl7:QuerySCRActivityResponse/hl7:text")
    assert (text.get("mediaType"), text.get("representation")) == ("text/csv", "B64")
    content = base64.b64decode(text.text or "", validate=True).decode("utf-8")
    lines = content.split("\r\n")
    assert len(lines) == len(rows) + 1
    assert all(line.startswith('"') and line.endswith('"') and "\n" not in line and "\t" not in line for line in lines)
    return list(csv.reader(io.StringIO(content, newline="")))


def test_a_report_has_nine_fields_an_access() -> None:
    head, plain, emergency = report(entry(), entry(emergency=True, note='Found "down",\r\nalone'), found=7, case="both")
    assert head == ["20300105120000", "2", "7", "20300101", "20300131", NUMBER, "100000000001"]
    assert plain == [
        "RZZ91", "Policy Test Trust", NUMBER, "100000000001", "200000000001", "DUNN Kate", "F", "", "20300701233005",
    ]  # fmt: skip
    assert emergency[6:8] == ["T", 'Found "down", alone']


def test_an_empty_report_is_its_first_line() -> None:
    assert report() == [["20300105120000", "0", "0", "20300101", "20300131", "", ""]]


@settings(max_examples=60, deadline=None)
@given(XML_TEXT, XML_TEXT)
def test_a_report_keeps_every_word(name: str, note: str) -> None:
    _, row = report(entry(user_name=name, note=note, emergency=True))
    assert (row[5], row[7]) == (safe_cell(name), safe_cell(note))


# PDS


def test_a_verified_number() -> None:
    answer = told("verifyNHSNumber", Traced(patient=demographics()))
    assert answer.code == "SMSP-0000"
    assert answer.xpath("//hl7:validIdentifier/hl7:value/@value") == ["true"]
    assert answer.xpath("//hl7:validIdentifier//hl7:id/@extension") == [NUMBER]


@pytest.mark.parametrize("name", PDS)
def test_a_superseded_number_is_answered_with_the_new_one(name: str) -> None:
    old, new = PATIENT, NhsNumber("9000000009")
    case = "full" if name == "getPatientDetails" else ""
    answer = told(name, Traced(patient=demographics(nhs_number=new, requested=old)), case)
    assert answer.code == SUPERSEDED
    assert answer.xpath("//hl7:patient/hl7:id[@root='2.16.840.1.113883.2.1.4.1']/@extension") == [new.value]


@pytest.mark.parametrize(
    "name", ["getNHSNumber", "getPatientDetailsBySearch", "getPatientDetailsByNHSNumber", "getPatientDetails"]
)
def test_the_callers_own_id_comes_back(name: str) -> None:
    answer = told(name, Traced(patient=demographics()), "full")
    assert answer.xpath("//hl7:patient/hl7:id/@extension") == [NUMBER, "WARD-7-0042"]


def details(**changes: Any) -> Answer:
    """The details of a patient."""
    return told("getPatientDetailsByNHSNumber", Traced(patient=demographics(**changes)))


def test_details_in_full() -> None:
    answer = details(given=("Orla", "Jane", "Ann"), deceased=WireTime("2029-12-01"))
    assert answer.xpath("//hl7:name/*/text()") == ["Ms", "Orla", "Jane Ann", "Quillfeather"]
    assert answer.xpath("//hl7:patient/hl7:addr/@use") == ["H"]
    lines = answer.xpath("//hl7:patient/hl7:addr/*")
    assert [line.text for line in lines] == ["ZZ99 3WZ", "1 Example Street", "Northbrook", None, None, None]
    assert answer.xpath("//hl7:telecom/@value") == ["tel:01632960001"]
    assert answer.xpath("//hl7:patientPerson/*/@value") == ["19610529", "20291201"]
    (practice,) = answer.xpath("//hl7:gPPractice/hl7:locationOrganization/hl7:id")
    assert (practice.get("root"), practice.get("extension")) == ("2.16.840.1.113883.2.1.3.2.4.19.2", "AZZ99")
    assert not answer.xpath("//hl7:locationOrganization/hl7:name")


def test_no_line_of_an_address_is_lost() -> None:
    lines = tuple(f"line {number}" for number in range(7))
    answer = details(addresses=(Address(use="WEIRD", lines=lines, postcode=None),))
    assert answer.xpath("//hl7:streetAddressLine/text()") == [*lines[:4], "line 4, line 5, line 6"]
    assert not answer.xpath("//hl7:addr/@use")


def test_a_telecom_without_a_scheme_is_a_telephone() -> None:
    assert details(telecoms=((None, "01632960001"),)).xpath("//hl7:telecom/@value") == ["tel:01632960001"]


@pytest.mark.parametrize(
    "confidentiality", [Confidentiality.VERY_RESTRICTED, Confidentiality.REDACTED, Confidentiality.UNKNOWN]
)
def test_of_a_very_restricted_patient_the_number_alone_is_told(confidentiality: Confidentiality) -> None:
    answer = details(confidentiality=confidentiality)
    assert [etree.QName(child).localname for child in answer.xpath("//hl7:patient")[0]] == ["id"]


@settings(max_examples=60, deadline=None)
@given(XML_TEXT, XML_TEXT, XML_TEXT)
def test_names_and_addresses_keep_every_character(family: str, given_name: str, line: str) -> None:
    answer = details(
        family=family, given=(given_name,), prefix=None, addresses=(Address(use="H", lines=(line,), postcode=None),)
    )
    assert "".join(answer.xpath("//hl7:family/text()")) == family
    assert "".join(answer.xpath("//hl7:given/text()")) == given_name
    assert answer.xpath("//hl7:streetAddressLine")[0].text == (line or None)


# refusals

FAULTS = {"1000", "2100", "2200", "3000"}
WHOLE = {name: (PDS | SCR)[name] for name in BY_NAME}
PDS_CODES = {
    "SMSP-0000", "SMSP-0001", "SMSP-0002", "SMSP-0003", "SMSP-0004", "SMSP-0005", "SMSP-9999", "DEMOG-0001", "DEMOG-0007",
    "DEMOG-0017", "DEMOG-0022", "DEMOG-0040", "DEMOG-0042", "DEMOG-9999",
}  # fmt: skip


def test_every_operation_has_its_exchange() -> None:
    assert set(SCR) == {one.name for one in OPERATIONS if one.family is Family.SCR}
    assert set(PDS) == {one.name for one in OPERATIONS if one.family is Family.PDS}


@pytest.mark.parametrize("operation", [None, *OPERATIONS], ids=lambda one: one.name if one else "unread")
def test_every_code_has_an_answer_in_every_operation(operation: Any) -> None:
    for code in Code:
        answer = answer_for(GatewayError(code), operation)
        if isinstance(answer, ToolkitFault):
            assert answer.code in FAULTS
            assert code.kind is not Kind.REFUSED or answer.code == "3000"
            continue
        assert operation is not None
        assert answer in (PDS_CODES if operation.family is Family.PDS else set(DISPLAY) - {"SMSP-0003"})
        assert operation.name == "querySCR" or not answer.startswith("SCR-")
        if code.kind is Kind.REFUSED:
            assert answer in {"SMSP-0005", "SCR-0001", "SCR-0002", "SCR-0003", "SMSP-9999"}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_a_failure_is_a_valid_answer_with_a_code_and_nothing_else(operation: Any) -> None:
    body = good(operation.name, "full" if operation.name == "getPatientDetails" else "")
    for code in Code:
        response = door().refuse(wire(body), read(body), GatewayError(code))
        answer = Answer(response)
        assert answer.xpath("//wsa:RelatesTo/text()") == ["C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"]
        if answer.is_fault:
            assert response.status == 500
            continue
        assert response.status == 200
        assert CATALOGUE.validate(operation.response_root, answer.payload) == ()
        names = [etree.QName(child).localname for child in answer.payload]
        assert names == (["id", "code", "value"] if operation.family is Family.PDS else ["id", "value"])


REFUSALS = [
    ("querySCR", Code.SYSTEM_SUSPENDED, "3000"),
    ("querySCR", Code.MESSAGE_REPLAYED, "1000"),
    ("querySCR", Code.CREDENTIALS_ASSURANCE, "SMSP-0005"),
    ("querySCR", Code.ROLE_NOT_CHOSEN, "SMSP-0005"),
    ("querySCR", Code.ROLE_ACTIVITY, "SCR-0001"),
    ("querySCR", Code.ROLE_ORGANISATION, "SCR-0002"),
    ("querySCR", Code.SETTING_NOT_APPROVED, "SCR-0002"),
    ("querySCR", Code.PURPOSE_REFUSED, "SCR-0002"),
    ("querySCR", Code.RELATIONSHIP_MISSING, "SCR-0002"),
    ("querySCR", Code.PERMISSION_MISSING, "SCR-0003"),
    ("querySCR", Code.EMERGENCY_NOTE, "SCR-0003"),
    ("querySCR", Code.SCR_NOT_FOUND, "SCR-0004"),
    ("querySCR", Code.SPINE_UNREACHABLE, "SMSP-0004"),
    ("querySCR", Code.SPINE_WRONG_PATIENT, "SMSP-0002"),
    *((name, Code.ROLE_ACTIVITY, "SMSP-0005") for name in WHOLE if name != "querySCR"),
    *((name, Code.ROLE_ORGANISATION, "SMSP-0005") for name in WHOLE if name != "querySCR"),
    *((name, Code.ROLE_NONE, "SMSP-0005") for name in WHOLE),
    *((name, Code.SETTING_NOT_APPROVED, "3000") for name in WHOLE if name != "querySCR"),
    *((name, Code.ORGANISATION_NOT_LIVE, "3000") for name in WHOLE if name != "querySCR"),
    *((name, Code.PERMISSION_SCOPE, "3000") for name in WHOLE if name != "querySCR"),
    *((name, Code.SPINE_UNREACHABLE, "SMSP-0004") for name in WHOLE),
    *((name, Code.AUDIT_UNAVAILABLE, "SMSP-9999") for name in WHOLE),
    *((name, Code.PATIENT_NOT_FOUND, "DEMOG-0001") for name in PDS),
    *((name, Code.PATIENT_NOT_UNIQUE, "DEMOG-0007") for name in PDS),
    *((name, Code.NUMBER_INVALIDATED, "DEMOG-0022") for name in PDS),
    *((name, Code.PATIENT_NOT_VERIFIED, "DEMOG-0040") for name in PDS),
]


def test_what_a_refusal_is() -> None:
    for name, code, expected in REFUSALS:
        answer = answer_for(GatewayError(code), BY_NAME[name])
        assert (answer.code if isinstance(answer, ToolkitFault) else answer) == expected, (name, code)


def test_a_pds_error_of_its_own_is_told_from_a_spine_that_failed() -> None:
    answered, failed = SpineUnavailable(Code.SPINE_FAULT, answered=True), SpineUnavailable(Code.SPINE_FAULT)
    for name in PDS:
        assert answer_for(answered, BY_NAME[name]) == PDS_FAILED
        assert answer_for(failed, BY_NAME[name]) == "SMSP-0004"
    assert answer_for(answered, BY_NAME["querySCR"]) == "SMSP-0004"
    assert NOT_NEW_STYLE in PDS_CODES


def test_what_cannot_be_valid_is_not_sent() -> None:
    def broken(*_: Any) -> etree._Element:
        return etree.Element("{urn:hl7-org:v3}QueryPTVResponse")

    exchange = Exchange(read=SCR["queryPTV"].read, write=broken, fail=SCR["queryPTV"].fail)
    body = good("queryPTV")
    made = door(exchanges={"queryPTV": exchange})
    call = made.read(wire(body))
    with pytest.raises(GatewayError) as caught:
        made.write(wire(body), call, PermissionOnRecord(held=True))
    assert caught.value.code is Code.ANSWER_INVALID
    assert Answer(made.refuse(wire(body), call, caught.value)).code == "SMSP-0002"


def test_a_failure_says_in_a_header_what_is_wrong_where() -> None:
    body = changed(good("getNHSNumber"), "19610529", "19610532")
    try:
        read(body)
    except MessageInvalid as invalid:
        response = door().refuse(wire(body), None, invalid)
    line = body[: body.index(b"19610532")].count(b"\n") + 1
    assert response.headers == {"X-SCR-Findings": f"date-of-birth;line={line};at=hl7:value/@value"}
    assert b"19610532" not in response.body


def test_no_cell_of_a_report_is_a_formula_or_turns_its_row() -> None:
    _, row = report(entry(user_name="\u202eKate", note='=HYPERLINK("http://x.example")', emergency=True))
    assert (row[5], row[7]) == ("[U+202E]Kate", '\'=HYPERLINK("http://x.example")')
