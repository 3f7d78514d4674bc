"""Mini-service requests: every row of the Toolkit tester's list, the tolerances, and what answers look like."""

from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid
from gateway.domain.findings import Finding
from gateway.xml.catalogue import TOOLKIT_ERROR, Catalogue
from gateway.xml.header_rules import normalise_uuid, read_time
from gateway.xml.itk import AuditId, ItkRequest, Leniences, payload_findings, read_request
from gateway.xml.itk_answers import (
    build_response,
    build_response_message,
    build_toolkit_fault,
    hl7_element,
    response_findings,
)
from gateway.xml.names import ITK, SOAP11, WSA, WSA_FAULT
from gateway.xml.operations import BY_NAME, OPERATIONS
from gateway.xml.parser import parse, serialize
from gateway.xml.soap import read_envelope
from tests.xml.wire import MESSAGES, NOW, changed, good

CATALOGUE = Catalogue.load()
SCR, PDS = good("querySCR"), good("getNHSNumber")
UUID = "D1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"


def read(data: bytes, **settings: object) -> ItkRequest:
    return read_request(read_envelope(parse(data)), CATALOGUE, **{"now": NOW, **settings})  # type: ignore[arg-type]


def findings(data: bytes, **settings: object) -> tuple[Finding, ...]:
    with pytest.raises(MessageInvalid) as caught:
        read(data, **settings)
    assert caught.value.findings
    return caught.value.findings


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_is_read(operation) -> None:
    request = read(good(operation.name))
    assert request.operation is operation
    assert request.message_id == "C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
    assert request.tracking_id == "C1000003-1B2C-4D3E-8F40-5A6B7C8D9E0F"
    assert request.audit_ids == (
        AuditId(type="1.2.826.0.1285.0.2.0.65", uri="100000000001"),
        AuditId(type="1.2.826.0.1285.0.2.0.67", uri="200000000001"),
    )
    assert request.sender == "urn:nhs-uk:addressing:ods:Z1B"
    assert request.addresses == ("urn:nhs-uk:addressing:ods:Z1A",)
    assert request.username == "ward-system"
    assert request.expires - request.created == timedelta(minutes=5)
    assert request.payload.tag == f"{{urn:hl7-org:v3}}{operation.request_root}"
    assert payload_findings(request, CATALOGUE) == ()
    assert request.warnings == ()
    assert "ward-system" not in repr(request)
    assert "100000000001" not in repr(request)


SERVICE = "urn:nhs-itk:services:201005:"
ROWS: list[tuple[str, bytes, str, str, str, Code]] = [
    # row 3
    ("3 absent", SCR, "<wsa:MessageID>C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F</wsa:MessageID>", "", "header-missing", Code.MESSAGE_HEADERS),
    ("3 empty", SCR, "C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", "", "header-missing", Code.MESSAGE_HEADERS),
    ("3 form", SCR, "C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", "message-1", "message-id", Code.MESSAGE_HEADERS),
    # row 4
    ("4 absent", SCR, f"<wsa:Action>{SERVICE}sendRecvDistEnvelope</wsa:Action>", "", "header-missing", Code.MESSAGE_HEADERS),
    ("4 other", SCR, f"<wsa:Action>{SERVICE}sendRecv", f"<wsa:Action>{SERVICE}send", "action", Code.MESSAGE_HEADERS),
    ("4 PDS other", PDS, f"<wsa:Action>{SERVICE}get", f"<wsa:Action>{SERVICE}verify", "action", Code.MESSAGE_HEADERS),
    # row 5
    ("5", SCR, "<wsa:To>https://gateway.example/itk</wsa:To>", "", "header-missing", Code.MESSAGE_HEADERS),
    # row 6
    ("6", SCR, "</wsa:From>", "<wsa:ReferenceParameters/></wsa:From>", "reference-properties", Code.MESSAGE_HEADERS),
    # row 7
    ("7", SCR, "http://www.w3.org/2005/08/addressing/anonymous", "https://elsewhere.example", "reply-to", Code.MESSAGE_HEADERS),
    # row 8
    ("8 created", SCR, "<wsu:Created>2030-01-05T11:59:30Z</wsu:Created>", "", "header-missing", Code.MESSAGE_HEADERS),
    ("8 expires", SCR, "<wsu:Expires>2030-01-05T12:04:30Z</wsu:Expires>", "", "header-missing", Code.MESSAGE_HEADERS),
    ("8 form", SCR, "2030-01-05T11:59:30Z", "05/01/2030 11:59", "timestamp-form", Code.MESSAGE_HEADERS),
    ("8 date", SCR, "2030-01-05T11:59:30Z", "2030-02-30T11:59:30Z", "timestamp-form", Code.MESSAGE_HEADERS),
    # row 9
    ("9 future", SCR, "2030-01-05T11:59:30Z", "2030-01-05T12:01:01Z", "timestamp-future", Code.MESSAGE_EXPIRED),
    ("9 expired", SCR, "2030-01-05T12:04:30Z", "2030-01-05T11:59:00Z", "timestamp-expired", Code.MESSAGE_EXPIRED),
    ("9 order", SCR, "2030-01-05T12:04:30Z", "2030-01-05T11:59:30Z", "timestamp-order", Code.MESSAGE_EXPIRED),
    ("9 lifetime", SCR, "2030-01-05T12:04:30Z", "2030-01-06T11:59:31Z", "timestamp-lifetime", Code.MESSAGE_EXPIRED),
    # row 10
    ("10 empty", SCR, "ward-system", " ", "header-missing", Code.MESSAGE_HEADERS),
    # row 12
    ("12 order", SCR, "<itk:manifest ", "<itk:senderAddress uri='x'/><itk:manifest ", "element-order", Code.MESSAGE_SCHEMA),
    ("12 attribute", SCR, ' trackingid="C1000003-1B2C-4D3E-8F40-5A6B7C8D9E0F"', "", "attribute-missing", Code.MESSAGE_SCHEMA),
    ("12 namespace", SCR, 'xmlns:itk="urn:nhs-itk:ns:201005"', 'xmlns:itk="urn:nhs-itk:ns:201006"', "wrong-namespace", Code.MESSAGE_SCHEMA),
    # row 13
    ("13 lower case", SCR, "C1000003-1B2C-4D3E-8F40-5A6B7C8D9E0F", "c1000003-1b2c-4d3e-8f40-5a6b7c8d9e0f", "lower-case-uuid", Code.MESSAGE_ENVELOPE),
    ("13 prefix", SCR, "C1000003-1B2C", "uuid_C1000003-1B2C", "value-form", Code.MESSAGE_SCHEMA),
    # row 14
    ("14 blank", PDS, 'uri="100000000001"', 'uri=" "', "audit-identity", Code.MESSAGE_ENVELOPE),
    # row 15
    ("15", SCR, 'mimetype="text/xml"', 'mimetype="application/xml"', "mime-type", Code.MESSAGE_ENVELOPE),
    # row 16
    ("16 manifest", SCR, '<itk:manifest count="1"', '<itk:manifest count="2"', "count-mismatch", Code.MESSAGE_ENVELOPE),
    ("16 payloads", SCR, '<itk:payloads count="1"', '<itk:payloads count="0"', "count-mismatch", Code.MESSAGE_ENVELOPE),
    # row 17
    ("17 form", SCR, "uuid_C1000004-1B2C", "uuid_1B2C", "uuid-form", Code.MESSAGE_ENVELOPE),
    ("17 pair", SCR, '<itk:payload id="uuid_C1000004', '<itk:payload id="uuid_C1000005', "payload-id", Code.MESSAGE_ENVELOPE),
    # row 18
    ("18 tracking", SCR, "C1000003-", "C1000001-", "ids-reused", Code.MESSAGE_ENVELOPE),
    ("18 wsu:Id", SCR, 'wsu:Id="C1000002-', 'wsu:Id="uuid_C1000001-', "ids-reused", Code.MESSAGE_ENVELOPE),
    # row 20
    ("20 profile missing", PDS, ' profileid="urn:nhs-en:profile:getNHSNumberRequest-v1-0"', "", "profile-missing", Code.MESSAGE_ENVELOPE),
    ("20 sibling", PDS, "profile:getNHSNumberRequest", "profile:getPatientDetailsRequest", "profile-mismatch", Code.MESSAGE_ENVELOPE),
    ("20 interaction", SCR, "interaction:querySCRRequest", "interaction:openSCRRequest", "interaction-unknown", Code.MESSAGE_UNKNOWN_SERVICE),
    ("20 no interaction", SCR, "ns:201005:interaction", "ns:201005:other", "interaction-missing", Code.MESSAGE_UNKNOWN_SERVICE),
    # row 21
    ("21 base64", SCR, 'base64="false"', 'base64="true"', "payload-encoded", Code.MESSAGE_ENVELOPE),
    ("21 compressed", SCR, 'compressed="false"', 'compressed="1"', "payload-encoded", Code.MESSAGE_ENVELOPE),
    ("21 encrypted", SCR, 'encrypted="false"', 'encrypted="true"', "payload-encoded", Code.MESSAGE_ENVELOPE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "old", "new", "slug", "code"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_the_rows_of_the_testers_list(data: bytes, old: str, new: str, slug: str, code: Code) -> None:
    broken = changed(data, old, new, count=2 if "17 form" in slug or old.startswith("uuid_C1000004-1B2C") else 1)
    found = findings(broken)
    assert found[0].code == slug
    with pytest.raises(MessageInvalid) as caught:
        read(broken)
    assert caught.value.code is code
    assert found[0].path.startswith("/soap:Envelope")
    nodes = parse(broken).xpath(found[0].path, namespaces=dict(found[0].namespaces))
    assert len(nodes) == 1


def test_row_4_unknown_services() -> None:
    for service in ("querySCR-v1-0", "sendDistEnvelope", "verifyNHSNumber-v2-0"):
        found = findings(changed(SCR, f"{SERVICE}sendRecvDistEnvelope", SERVICE + service, count=2))
        assert found[0].code == "service-unknown"


def test_row_4_the_http_header() -> None:
    for header in (None, "", '""', f'"{SERVICE}sendRecvDistEnvelope"', f"{SERVICE}sendRecvDistEnvelope"):
        assert read(SCR, soap_action=header).operation.name == "querySCR"
    assert findings(SCR, soap_action='"urn:other"')[0].code == "soap-action"


def test_row_4_names_the_odd_one_out() -> None:
    def odd(data: bytes, soap_action: str | None = None) -> list[tuple[str, str]]:
        return [(f.code, f.path.rpartition("/")[2]) for f in findings(data, soap_action=soap_action)]

    scr, typo = f'service="{SERVICE}sendRecvDistEnvelope"', f'service="{SERVICE}sendRecvDistEnvelop"'
    assert odd(changed(SCR, scr, typo)) == [("service-unknown", "@service")]
    pds = good("getNHSNumber")
    known = changed(pds, f'service="{SERVICE}getNHSNumber', f'service="{SERVICE}verifyNHSNumber')
    assert odd(known) == [("service-mismatch", "@service")]
    assert findings(known)[0].fragment == f'service="{SERVICE}getNHSNumber-v1-0"'
    action = changed(pds, f"<wsa:Action>{SERVICE}getNHSNumber", f"<wsa:Action>{SERVICE}verifyNHSNumber")
    assert odd(action) == [("action", "wsa:Action")]
    assert odd(action, f"{SERVICE}getNHSNumber-v1-0") == [("action", "wsa:Action")]
    assert odd(pds, f"{SERVICE}verifyNHSNumber-v1-0") == [("soap-action", "")], "no node of the message is wrong"
    assert findings(pds, soap_action="urn:x")[0].found == "urn:x"
    both = changed(known, f"<wsa:Action>{SERVICE}getNHSNumber", f"<wsa:Action>{SERVICE}verifyNHSNumber")
    assert odd(both) == [("profile-mismatch", "@profileid")], "two against two: the service is believed"
    assert odd(changed(SCR, scr, f'service="{SERVICE}getNHSNumber-v1-0"')) == [("service-mismatch", "@service")]


def test_an_unknown_interaction_is_told_the_one_that_profile_and_payload_name() -> None:
    (odd,) = findings(changed(SCR, "interaction:querySCRRequest", "interaction:querySRCRequest"))
    assert (odd.code, odd.expected) == ("interaction-unknown", "urn:nhs-itk:interaction:querySCRRequest-v1-0")
    assert odd.fragment == 'value="urn:nhs-itk:interaction:querySCRRequest-v1-0"'


def test_row_9_the_skew() -> None:
    for seconds, accepted in ((59, True), (61, False)):
        late = NOW + timedelta(minutes=4, seconds=30 + seconds)
        early = NOW - timedelta(seconds=30 + seconds)
        for now in (late, early):
            if accepted:
                read(SCR, now=now)
            else:
                findings(SCR, now=now)
    read(SCR, now=NOW + timedelta(minutes=9), skew=timedelta(minutes=5))


def test_row_10_no_security_at_all() -> None:
    begin, end = SCR.index(b"<wsse:Security"), SCR.index(b"</wsse:Security>") + len(b"</wsse:Security>")
    found = findings(SCR[:begin] + SCR[end:])
    security = "wsse:Security with wsu:Timestamp, its wsu:Created and wsu:Expires"
    assert [f.expected for f in found] == [security, "wsse:UsernameToken/wsse:Username"]


def test_row_14_no_audit_identity() -> None:
    begin, end = PDS.index(b"<itk:auditIdentity>"), PDS.index(b"</itk:auditIdentity>") + len(b"</itk:auditIdentity>")
    assert findings(PDS[:begin] + PDS[end:])[0].code == "audit-identity"


def test_row_16_two_payloads() -> None:
    item = '<itk:manifestitem id="uuid_C1000009-1B2C-4D3E-8F40-5A6B7C8D9E0F" mimetype="text/xml"'
    item += ' profileid="urn:nhs-en:profile:getNHSNumberRequest-v1-0"/></itk:manifest>'
    second = '<itk:payload id="uuid_C1000009-1B2C-4D3E-8F40-5A6B7C8D9E0F"><x/></itk:payload></itk:payloads>'
    data = changed(changed(PDS, "</itk:manifest>", item), "</itk:payloads>", second)
    data = changed(data, 'count="1"', 'count="2"', count=2)
    assert [f.code for f in findings(data)] == ["single-payload", "single-payload"]


@pytest.mark.parametrize(
    ("content", "slug"),
    [("", "payload-empty"), ("words", "payload-empty"), ("<![CDATA[<a/>]]>", "payload-escaped"), ("&lt;a/&gt;", "payload-escaped")],
)  # fmt: skip
def test_a_payload_that_is_no_element(content: str, slug: str) -> None:
    begin, end = SCR.index(b"<QuerySCRRequest"), SCR.index(b"</QuerySCRRequest>") + len(b"</QuerySCRRequest>")
    assert findings(SCR[:begin] + content.encode() + SCR[end:])[0].code == slug


def test_two_elements_in_a_payload_are_refused() -> None:
    assert findings(changed(SCR, "</QuerySCRRequest>", "</QuerySCRRequest><x/>"))[0].code.startswith("element")


def test_all_findings_come_at_once_in_row_order() -> None:
    data = changed(SCR, "C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", "nonsense")
    data = changed(data, "2030-01-05T12:04:30Z", "2029-01-05T12:04:30Z")
    data = changed(data, '<itk:manifest count="1"', '<itk:manifest count="3"')
    data = changed(data, 'mimetype="text/xml"', 'mimetype="text/plain"')
    assert [f.code for f in findings(data)] == [
        "message-id",
        "timestamp-expired",
        "timestamp-order",
        "mime-type",
        "count-mismatch",
    ]


# Tolerances -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "old", "new"),
    [
        ("missing-to", SCR, "<wsa:To>https://gateway.example/itk</wsa:To>", ""),
        ("reused-ids", SCR, "C1000003-", "C1000001-"),
        ("sibling-profile", PDS, "profile:getNHSNumberRequest", "profile:getPatientDetailsRequest"),
        ("long-lifetime", SCR, "2030-01-05T12:04:30Z", "2034-01-05T12:04:30Z"),
    ],
)
def test_a_lenience_allows_only_its_own(name: str, data: bytes, old: str, new: str) -> None:
    lax = changed(data, old, new)
    findings(lax)
    read(lax, leniences=Leniences.from_names([name]))
    others = {"missing-to", "reused-ids", "sibling-profile", "long-lifetime"} - {name}
    findings(lax, leniences=Leniences.from_names(others))


def test_unknown_leniences_are_refused() -> None:
    with pytest.raises(ValueError, match="anything"):
        Leniences.from_names(["anything"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", "urn:uuid:c1000001-1b2c-4d3e-8f40-5a6b7c8d9e0f"),
        ("C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", "uuid_C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"),
        ("<wsa:From>\n      <wsa:Address>https://client.example/</wsa:Address>\n    </wsa:From>", ""),
        ('<itk:senderAddress uri="urn:nhs-uk:addressing:ods:Z1B"/>', ""),
        (' wsu:Id="C1000002-1B2C-4D3E-8F40-5A6B7C8D9E0F"', ""),
        ("<QuerySCRRequest", "<!-- a comment --><QuerySCRRequest"),
        ("<querySCRGrouper>", "<!-- a comment -->\n<querySCRGrouper>"),
        ('profile:querySCRRequest-v-1-0"', 'profile:querySCRRequest-v1-0"'),
        ('interaction:querySCRRequest-v1-0"', 'interaction:querySCRRequest-v-1-0"'),
        ('mimetype="text/xml"', 'mimetype="TEXT/XML"'),
        ("http://www.w3.org/2005/08/addressing/anonymous", " http://www.w3.org/2005/08/addressing/anonymous "),
        ("2030-01-05T11:59:30Z", "2030-01-05T11:59:30.123+00:00"),
        ("2030-01-05T11:59:30Z", "2030-01-05T11:59:30"),
        ('<value extension="9990000018"/>', '<value root="2.16.840.1.113883.2.1.4.1" extension="9990000018"/>'),
    ],
)
def test_what_real_clients_do_is_tolerated(old: str, new: str) -> None:
    request = read(changed(SCR, old, new))
    assert request.message_id == "C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F"
    assert payload_findings(request, CATALOGUE) == ()


@pytest.mark.parametrize(
    ("old", "new", "slug"),
    [
        ('uri="urn:nhs-uk:addressing:ods:Z1B"', 'uri="urn:nhs-uk:addrssing:ods:Z1B"', "sender-address-style"),
        ('type="1.2.826.0.1285.0.2.0.65" uri="100000000001"', 'uri="100000000001"', "audit-identity-style"),
        ('type="1.2.826.0.1285.0.2.0.65" uri="100000000001"', 'uri="urn:nhs-uk:identity:ods"', "audit-identity-style"),
        ('filename="x"', 'filename=""', "blank-attribute"),
        (
            "<QuerySCRRequest ",
            '<QuerySCRRequest xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b" ',
            "schema-location",
        ),
        (
            "</itk:handlingSpecification>",
            '<itk:spec key="urn:nhs-itk:ns:201005:ackrequested" value="true"/></itk:handlingSpecification>',
            "acknowledgement-requested",
        ),
    ],
)
def test_what_only_warns(old: str, new: str, slug: str) -> None:
    data = changed(SCR, '<itk:payload id="', '<itk:payload filename="x" id="')
    assert [warning.code for warning in read(changed(data, old, new)).warnings] == [slug]


def test_toolkit_identities_do_not_warn() -> None:
    data = changed(SCR, 'type="1.2.826.0.1285.0.2.0.65" uri="100000000001"', 'uri="urn:nhs-uk:identity:ods:Z1A:user1"')
    assert read(data).warnings == ()


# Payloads -------------------------------------------------------------------------------------------------------------


def test_contradicting_names_are_the_payloads_fault() -> None:
    request = read(changed(SCR, "profile:querySCRRequest-v-1-0", "profile:queryPTVRequest-v-1-0"))
    assert request.operation.name == "querySCR"
    assert [f.code for f in payload_findings(request, CATALOGUE)] == ["contradiction"]
    request = read(changed(SCR, "interaction:querySCRRequest", "interaction:queryPTVRequest"))
    assert request.operation.name == "queryPTV", "the interaction's operation answers"
    (odd,) = payload_findings(request, CATALOGUE)
    assert (odd.code, odd.path.rpartition("/itk:")[2]) == ("contradiction", "spec/@value"), "profile and root agree"
    assert odd.expected.endswith("querySCRRequest-v1-0")
    other = good("getSCRStatus").replace(b"interaction:getSCRStatus", b"interaction:queryPTV")
    request = read(changed(other, "profile:getSCRStatusRequest", "profile:querySCRRequest"))
    found = payload_findings(request, CATALOGUE)
    assert [f.code for f in found] == ["contradiction", "root-element"], "no two agree: the interaction is believed"
    assert (
        payload_findings(read(changed(SCR, ' profileid="urn:nhs-en:profile:querySCRRequest-v-1-0"', "")), CATALOGUE)
        == ()
    )


def test_another_root_on_the_nhs_number_is_not_tolerated() -> None:
    data = changed(SCR, "<value extension=", '<value root="2.16.840.1.113883.2.1.3.2.4.18.23" extension=')
    assert [f.code for f in payload_findings(read(data), CATALOGUE)] == ["attribute-unexpected"]


def test_findings_never_hold_what_may_be_a_patients() -> None:
    data = changed(PDS, '<value value="19610529"/>', '<value value="Quillfeather"/>')
    data = changed(data, "<given>Orla</given>", "<given><x>Orla</x></given>")
    found = payload_findings(read(data), CATALOGUE)
    assert {f.code for f in found} == {"value-form", "element-unexpected"}
    assert "Quillfeather" not in repr(found)
    assert "Orla" not in repr(found)


# Values ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", True),
        ("c1000001-1b2c-4d3e-8f40-5a6b7c8d9e0f", True),
        ("urn:uuid:c1000001-1b2c-4d3e-8f40-5a6b7c8d9e0f", True),
        ("uuid_C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", True),
        (" uuid:C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F\n", True),
        ("{C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F}", False),
        ("AC1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", False),
        ("uuid_1_C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F", False),
        ("", False),
    ],
)
def test_uuids_are_normalised(text: str, expected: bool) -> None:
    assert normalise_uuid(text) == ("C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F" if expected else None)


def test_times_are_read() -> None:
    assert read_time("2030-01-05T12:00:00Z") == NOW
    assert read_time("2030-01-05T13:00:00+01:00") == NOW
    assert read_time("2030-01-05T12:00:00") == NOW
    assert read_time("2030-01-05T12:00:00.5Z") == NOW + timedelta(seconds=0.5)
    for text in (
        None,
        "",
        "2030-01-05",
        "2030-01-05 12:00:00Z",
        "20300105T120000Z",
        "2030-13-05T12:00:00Z",
        "٢٠٣٠-01-05T12:00:00Z",
    ):
        assert read_time(text) is None


# Answers --------------------------------------------------------------------------------------------------------------


def answer_payload(root: str) -> etree._Element:
    return parse((MESSAGES / f"{root}.xml").read_bytes())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_response_is_valid_and_related(operation) -> None:
    request = read(good(operation.name))
    distribution = build_response(
        request,
        answer_payload(operation.response_root),
        tracking_id=UUID,
        payload_id="D1000002-1B2C-4D3E-8F40-5A6B7C8D9E0F",
        to_address="urn:nhs-uk:addressing:ods:Z1B",
        audit_identity="urn:nhs-uk:identity:ods:Z9Z:gateway",
        sender_address="urn:nhs-uk:addressing:ods:Z9Z",
    )
    assert response_findings(operation, distribution, CATALOGUE) == ()
    message = parse(
        serialize(build_response_message(request, distribution, message_id="D1000003-1B2C-4D3E-8F40-5A6B7C8D9E0F"))
    )
    envelope = read_envelope(message)
    assert envelope.addressing.action == operation.service + "Response"
    assert envelope.addressing.relates_to == request.message_id
    assert envelope.addressing.to is None
    assert envelope.security is None
    header = envelope.payload[0]
    assert header.get("service") == operation.service + "Response"
    item = message.find(f".//{{{ITK}}}manifestitem")
    payload = message.find(f".//{{{ITK}}}payload")
    assert item is not None
    assert payload is not None
    assert item.get("id") == payload.get("id") == "uuid_D1000002-1B2C-4D3E-8F40-5A6B7C8D9E0F"
    assert item.get("profileid") == operation.response_profile
    specs = [spec.get("value") for spec in message.iter(f"{{{ITK}}}spec")]
    assert specs == ([operation.response_interaction] if operation.response_interaction else [])


def test_answers_are_spelled_as_the_caller_spells() -> None:
    data = changed(SCR, 'profile:querySCRRequest-v-1-0"', 'profile:querySCRRequest-v1-0"')
    request = read(changed(data, 'interaction:querySCRRequest-v1-0"', 'interaction:querySCRRequest-v-1-0"'))
    assert request.response_profile == "urn:nhs-en:profile:querySCRResponse-v1-0"
    assert request.response_interaction == "urn:nhs-itk:interaction:querySCRResponse-v-1-0"


def test_a_wrong_response_does_not_pass() -> None:
    request = read(SCR)
    bad = hl7_element("QuerySCRResponse")
    ids = {"tracking_id": UUID, "payload_id": "D1000002-1B2C-4D3E-8F40-5A6B7C8D9E0F"}
    assert response_findings(request.operation, build_response(request, bad, **ids), CATALOGUE)
    other = answer_payload("QueryPTVResponse")
    assert response_findings(request.operation, build_response(request, other, **ids), CATALOGUE)
    with pytest.raises(ValueError, match="capitals"):
        build_response(request, bad, tracking_id=UUID.lower(), payload_id=UUID)


def test_a_record_inside_a_response_is_not_judged(shared: Path) -> None:
    """Also not the two public samples with a type their own schemas do not know."""
    checked = 0
    for path in sorted((shared / "samples/scr-mini-service").glob("querySCRResponse*.xml")):
        root = parse(path.read_bytes())
        distribution = (
            root if root.tag == f"{{{ITK}}}DistributionEnvelope" else root.find(f".//{{{ITK}}}DistributionEnvelope")
        )
        assert distribution is not None
        assert response_findings(BY_NAME["querySCR"], distribution, CATALOGUE) == (), path.name
        checked += 1
    assert checked >= 20


def test_a_fault_as_the_tester_wants_it() -> None:
    error = {"error_id": "D1000009-1B2C-4D3E-8F40-5A6B7C8D9E0F", "code": "2100", "text": "Busy."}
    root = parse(serialize(build_toolkit_fault(message_id=UUID, relates_to="R", diagnostic="overloaded", **error)))
    envelope = read_envelope(root)
    assert envelope.is_fault
    assert envelope.addressing.action == WSA_FAULT
    assert envelope.addressing.relates_to == "R"
    assert envelope.payload.findtext("faultcode") == "soap:Server"
    info = envelope.payload.find("detail")[0]
    assert CATALOGUE.validate(TOOLKIT_ERROR, info) == ()
    assert info.findtext(f"{{{ITK}}}ErrorCode") == "2100"
    assert root.find(f"{{{SOAP11}}}Header/{{{WSA}}}To") is None
    for wrong in ({"code": "9999"}, {"error_id": "x"}, {"text": ""}):
        with pytest.raises(ValueError, match="ToolkitErrorInfo"):
            build_toolkit_fault(
                **{"message_id": UUID, "relates_to": None, "error_id": UUID, "code": "1000", "text": "x", **wrong}
            )


def test_captured_requests_of_a_real_client_are_accepted(shared: Path) -> None:
    read_names = set()
    for path in sorted((shared / "samples/itk/captured-inhealthcare-client").glob("*.xml")):
        envelope = read_envelope(parse(path.read_bytes()))
        created = read_time(envelope.security.timestamp.created)
        assert created is not None
        request = read_request(envelope, CATALOGUE, now=created + timedelta(seconds=1))
        assert payload_findings(request, CATALOGUE) == ()
        read_names.add(request.operation.name)
    assert read_names == {o.name for o in OPERATIONS if o.family.value == "pds"}


def test_a_published_request_is_accepted(shared: Path) -> None:
    """The national service's own example; it lives for years, which is a lenience."""
    data = (shared / "samples/itk/spine-smsp/getNHSNumber-request-soap.xml").read_bytes()
    envelope = read_envelope(parse(data))
    assert envelope.security is not None
    assert envelope.security.timestamp is not None
    created = read_time(envelope.security.timestamp.created)
    assert created is not None
    now = created + timedelta(seconds=1)
    request = read_request(envelope, CATALOGUE, now=now, leniences=Leniences.from_names(["long-lifetime"]))
    assert request.operation.name == "getNHSNumber"
    assert payload_findings(request, CATALOGUE) == ()
