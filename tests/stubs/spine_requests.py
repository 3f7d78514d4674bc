"""Requests to Spine, built for the stub's tests from the wire's facts alone (not from the gateway's writers)."""

import uuid
from collections.abc import Callable
from typing import Any

from lxml import etree

HL7 = "urn:hl7-org:v3"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
PSIS = "urn:npfit:psisqr"
CRS = "http://national.carerecords.nhs.uk/schema/crs/"
NS = {"h": HL7, "s": SOAP, "w": WSA, "p": PSIS, "x": "xhtml:NPfIT:PresentationText"}
SPINE_ASID, OWN_ASID = "230811201324", "918999199111"
ASID = "1.2.826.0.1285.0.2.0.107"
NHS = "2.16.840.1.113883.2.1.4.1"
PSIS_QUERY, PDS_QUERY, LRS = (f"urn:nhs:names:services:{name}" for name in ("psisquery", "pdsquery", "lrs"))


def h(parent: Any, name: str, text: str | None = None, namespace: str = HL7, **attributes: str) -> Any:
    child = etree.SubElement(parent, f"{{{namespace}}}{name}", attributes)
    child.text = text
    return child


def device(parent: Any, name: str, asid: str, **attributes: str) -> None:
    h(
        h(h(parent, name, **attributes), "device", classCode="DEV", determinerCode="INSTANCE"),
        "id",
        root=ASID,
        extension=asid,
    )


def parameter(query: Any, name: str, semantics: str, **value: str) -> Any:
    element = h(query, name)
    told = h(element, "value", **value)
    h(element, "semanticsText", semantics)
    return told


def new_id() -> str:
    return str(uuid.uuid4()).upper()


class Request:
    """A whole request message whose parts a test may spoil before it is sent."""

    def __init__(self, service: str, interaction: str, version: str, message_id: str | None = None) -> None:
        self.message_id = message_id or new_id()
        action = f"{service}/{interaction}"
        self.headers = {"SOAPAction": action, "Content-Type": "text/xml", "nhsd-asid": OWN_ASID}
        self.root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"SOAP-ENV": SOAP, "wsa": WSA, "hl7": HL7})
        header = h(self.root, "Header", namespace=SOAP)
        h(header, "MessageID", f"uuid:{self.message_id}", WSA)
        h(header, "Action", action, WSA)
        h(header, "To", "http://spine.test/sync-service", WSA)
        h(h(header, "From", None, WSA), "Address", "", WSA)
        device(header, "communicationFunctionRcv", SPINE_ASID)
        device(header, "communicationFunctionSnd", OWN_ASID)
        h(h(header, "ReplyTo", None, WSA), "Address", "", WSA)
        self.payload = h(h(self.root, "Body", namespace=SOAP), interaction)
        h(self.payload, "id", root=self.message_id)
        h(self.payload, "creationTime", value="20260301101500")
        h(self.payload, "versionCode", code=version)
        h(self.payload, "interactionId", root="2.16.840.1.113883.2.1.3.2.4.12", extension=interaction)
        for name, code in (("processingCode", "P"), ("processingModeCode", "T"), ("acceptAckCode", "NE")):
            h(self.payload, name, code=code)
        device(self.payload, "communicationFunctionRcv", SPINE_ASID, typeCode="RCV")
        device(self.payload, "communicationFunctionSnd", OWN_ASID, typeCode="SND")
        self.act = h(self.payload, "ControlActEvent", classCode="CACT", moodCode="EVN")
        agent = h(h(self.act, "author1", typeCode="AUT"), "AgentSystemSDS", classCode="AGNT")
        system = h(agent, "agentSystemSDS", classCode="DEV", determinerCode="INSTANCE")
        h(system, "id", root=ASID, extension=OWN_ASID)

    def spoil(self, change: Callable[["Request"], None]) -> "Request":
        change(self)
        return self

    def one(self, path: str) -> Any:
        [found] = self.root.xpath(path, namespaces=NS)
        return found

    @property
    def body(self) -> bytes:
        return etree.tostring(self.root, encoding="UTF-8", xml_declaration=True)


def _psis(interaction: str, nhs: str, event_id: str | None) -> Request:
    request = Request(PSIS_QUERY, interaction, "V3NPfIT4.2.00")
    query = h(request.act, "query")
    parameter(query, "dissentOverride", "DissentOverride", code="0", codeSystem="2.16.840.1.113883.2.1.3.2.4.17.60")
    if event_id:
        parameter(query, "eventRecord", "EventRecord", root=event_id)
    parameter(query, "nHSNumber", "NHSNumber", root=NHS, extension=nhs)
    return request


def event_list(nhs: str, interaction: str = "QUPC_IN180000SM04") -> Request:
    return _psis(interaction, nhs, None)


def event(nhs: str, event_id: str) -> Request:
    return _psis("QUPC_IN190000UK04", nhs, event_id)


def retrieval(nhs: str) -> Request:
    request = Request(PDS_QUERY, "QUPA_IN000008UK02", "V3NPfIT3.0")
    query = h(request.act, "query")
    parameter(
        query,
        "historicDataIndicator",
        "historicDataIndicator",
        code="0",
        codeSystem="2.16.840.1.113883.2.1.3.2.4.17.36",
    )
    parameter(query, "person.id", "person.id", root=NHS, extension=nhs)
    h(h(query, "retrievalItem"), "semanticsText", "person.allData")
    return request


def trace(family: str, birth: str, given: str = "", gender: str = "", postcode: str = "") -> Request:
    request = Request(PDS_QUERY, "QUPA_IN000005UK01", "V3NPfIT3.0")
    query = h(request.act, "query")
    if postcode:
        h(parameter(query, "person.address", "Person.address"), "postalCode", postcode)
    if gender:
        parameter(query, "person.administrativeGenderCode", "Person.administrativeGenderCode", code=gender)
    parameter(query, "person.birthTime", "Person.birthTime", value=birth)
    name = parameter(query, "person.name", "Person.name", use="L")
    if given:
        h(name, "given", given)
    h(name, "family", family)
    return request


def set_permission(nhs: str, permission: str) -> Request:
    request = Request(LRS, "SET_RESOURCE_PERMISSIONS_INUK01", "V3NPfIT3.0")
    author = etree.Element(f"{{{HL7}}}author", typeCode="AUT")
    request.act.insert(0, author)
    agent = h(author, "AgentPersonSDS", classCode="AGNT")
    h(agent, "id", root="1.2.826.0.1285.0.2.0.67", extension="555000000101")
    person = h(agent, "agentPersonSDS", classCode="PSN", determinerCode="INSTANCE")
    h(person, "id", root="1.2.826.0.1285.0.2.0.65", extension="910000000018")
    role = h(h(agent, "part", typeCode="PART"), "partSDSRole", classCode="ROL")
    h(role, "id", root="1.2.826.0.1285.0.2.1.104", extension="S8000:G8000:R8000")
    permissions = h(h(request.act, "setResourcePermissionsRequest", namespace=CRS), "permissions", namespace=CRS)
    h(permissions, "resourceContext", None, CRS, root=NHS, extension=nhs)
    assertion = h(permissions, "accessControlAssertion", namespace=CRS)
    h(assertion, "permission", permission, CRS)
    h(assertion, "userData", None, CRS)
    resource = h(assertion, "resource", namespace=CRS)
    h(resource, "type", "SCR", CRS)
    h(resource, "Id", nhs, CRS)
    function = h(assertion, "function", namespace=CRS)
    h(function, "context", "Consent", CRS)
    h(function, "code", "View", CRS)
    accessor = h(assertion, "accessor", namespace=CRS)
    h(accessor, "type", "Everyone", CRS)
    h(h(accessor, "accessorId", namespace=CRS), "name", "Everyone", CRS)
    return request


def alert(alert_id: str = "a1", kind: str = "2", reason: str = "5") -> dict[str, Any]:
    def agent(system: str, value: str) -> dict[str, Any]:
        return {
            "who": {"identifier": {"system": f"https://fhir.nhs.uk/Id/{system}", "value": value}},
            "requestor": False,
        }

    person = agent("sds-user-id", "910000000018") | {"role": [{"text": "Clinical Practitioner Access Role"}]}
    return {
        "resourceType": "AuditEvent",
        "id": alert_id,
        "extension": [
            {
                "url": "https://fhir.nhs.uk/StructureDefinition/Extension-SCR-NotificationMessage",
                "valueString": "An alert from a test",
            }
        ],
        "type": {"system": "https://fhir.nhs.uk/CodeSystem/SCR-AlertType", "code": kind, "display": "Access Alert"},
        "subtype": [
            {"system": "https://fhir.nhs.uk/CodeSystem/SCR-AlertReason", "code": reason, "display": "Emergency"}
        ],
        "recorded": "2026-03-01T10:15:00Z",
        "agent": [agent("nhs-number", "9992000112"), agent("ods-organization-code", "RZZ01"), person],
        "source": {"observer": {}},
        "entity": [{"what": {"identifier": {"value": "some-record"}}}],
    }
