"""What the SOAP doors of integrated viewers share: the three operations of viewer/messages.xsd, payload <-> call and outcome.

Each door brings its namespace, envelope and proof of the user; nothing here decides anything about access.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from lxml import etree

from gateway.adapters.rendering.record_xml import GENDERS, add, record_element, write_person
from gateway.domain.access import Scope
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InternalError, InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import CorrelationId, NhsNumber, NhsNumbers, NumberRange
from gateway.domain.permission import AccessClaims, HowAsked, PermissionAnswer
from gateway.domain.spine import Address, Confidentiality, Demographics, Traits
from gateway.service.answers import last_instant
from gateway.service.calls import Call, Credentials, MessageRef, RecordPermissionCall, TraceCall, ViewCall
from gateway.service.claims import claims_from
from gateway.service.outcomes import Outcome, Recorded, Traced, Viewed
from gateway.xml.catalogue import Catalogue
from gateway.xml.faults import Fault
from gateway.xml.findings import finding, gateway_code
from gateway.xml.names import ACCESS_FACTS, PREFIXES, qname
from gateway.xml.paths import elements, first, local_name, text_of
from gateway.xml.soap import Envelope

VERSIONS = ("1.0",)
"""Interface versions spoken here."""

MOST_FINDINGS = 100
NUMBER_EXPECTED = {
    NumberRange.SYNTHETIC: "ten digits that pass Modulus 11, beginning with 9: only synthetic numbers are accepted here",
    NumberRange.LIVE: "ten digits that pass Modulus 11, not beginning with 9: no synthetic number is accepted here",
}
"""What an NHS number must be, by the range this installation accepts."""
_FLAGS = frozenset({"ConditionChanged", "ConfirmDeceased"})
_GENDER_CODES = {word: code for code, word in GENDERS.items()}
_LOCATED = frozenset({Confidentiality.UNRESTRICTED, Confidentiality.UNDER_REVIEW})


class Operation(Enum):
    """The operations, by the name their messages begin with."""

    FIND_PATIENT = "FindPatient"
    RECORD_PERMISSION = "RecordPermission"
    VIEW_SUMMARY = "ViewSummary"

    @property
    def request(self) -> str:
        """Local name of the request."""
        return f"{self.value}Request"

    @property
    def response(self) -> str:
        """Local name of the response."""
        return f"{self.value}Response"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a door remembers of a message to answer it."""

    operation: Operation | None = None
    reference: str | None = None
    """The message's own id, as written, where it is one."""


class Referred(MessageInvalid):
    """A message that cannot be accepted, with what could be read of it."""

    def __init__(self, invalid: MessageInvalid, reading: Reading) -> None:
        super().__init__(invalid.code, invalid.findings, rules=invalid.rules)
        self.reading = reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the envelope says of a request, read by the door."""

    credentials: Credentials
    message: MessageRef
    reading: Reading


def refuse_if(findings: list[Finding]) -> None:
    """Raises MessageInvalid where there are findings; its code is that of the first."""
    if findings:
        told = tuple(findings[:MOST_FINDINGS])
        raise MessageInvalid(gateway_code(told), told)


def stray_facts(envelope: Envelope) -> Iterator[Finding]:
    """An AccessFacts header, which other doors read: here it would be overlooked, so it is refused."""
    block = envelope.block(qname(ACCESS_FACTS, "AccessFacts"))
    if block is not None:
        yield finding(Fault.MUST_UNDERSTAND, block, expected="these facts as Access in the body")


def examined_operation(payload: etree._Element, namespace: str) -> tuple[Operation | None, list[Finding]]:
    """Which operation a payload asks, None for none of them; and what is wrong with its name or version."""
    operation = next((one for one in Operation if payload.tag == qname(namespace, one.request)), None)
    if operation is None:
        expected = "one of: " + ", ".join(one.request for one in Operation) + f" in {namespace}"
        return None, [finding(Fault.OPERATION_UNKNOWN, payload, expected=expected)]
    return operation, list(version_findings(payload))


def version_findings(element: etree._Element) -> Iterator[Finding]:
    """An interface version that is not spoken here; an absent one is the schema's to tell."""
    version = element.get("version")
    if version is not None and version.strip() not in VERSIONS:
        expected = ", ".join(VERSIONS) if len(VERSIONS) == 1 else "one of: " + ", ".join(VERSIONS)
        fragment = f'version="{VERSIONS[0]}"' if len(VERSIONS) == 1 else ""
        yield finding(Fault.VERSION_UNKNOWN, element, "version", expected=expected, fragment=fragment)


def operation_of(payload: etree._Element, namespace: str) -> Operation:
    """Which operation a payload asks, in a version that is spoken. Raises MessageInvalid (MESSAGE_UNKNOWN_SERVICE)."""
    operation, findings = examined_operation(payload, namespace)
    refuse_if(findings)
    assert operation is not None
    return operation


def schema_name(product: str, local: str) -> str:
    """A message's name in the schema catalogue."""
    return f"{product}:{local}"


def read_payload(operation: Operation, payload: etree._Element, said: Said, numbers: NhsNumbers) -> Call:
    """A payload that is valid by its schema -> call. Raises MessageInvalid."""
    namespace = etree.QName(payload).namespace or ""
    common: dict[str, Any] = {
        "action": operation.value,
        "credentials": said.credentials,
        "claims": _claims(first(payload, qname(namespace, "Access"))),
        "message": said.message,
        "reading": said.reading,
    }
    number = first(payload, qname(namespace, "NhsNumber"))
    if operation is Operation.FIND_PATIENT:
        traits = None if number is not None else _traits(payload, namespace)
        return TraceCall(**common, patient=_number(number, numbers) if number is not None else None, traits=traits)
    assert number is not None
    patient = _number(number, numbers)
    if operation is Operation.VIEW_SUMMARY:
        return ViewCall(**common, patient=patient, rendered=True)
    return _permission(payload, namespace, patient, common)


def _texts(access: etree._Element | None) -> Mapping[str, object]:
    """The children of Access as member names and texts; flags as bools, empty ones as absent."""
    texts: dict[str, object] = {}
    for child in elements(access) if access is not None else ():
        local, text = local_name(child), text_of(child)
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in local)[1:]
        if text:
            texts[name] = text in {"true", "1"} if local in _FLAGS else text
    return texts


def _claims(access: etree._Element | None) -> AccessClaims:
    """The facts of a view. Raises MessageInvalid: a fact that cannot be used, named at its element."""
    try:
        return claims_from(_texts(access))
    except MessageInvalid as invalid:
        if access is None:
            raise
        found = tuple(_at_its_part(one, access) for one in invalid.findings)
        raise MessageInvalid(invalid.code, found, rules=invalid.rules) from invalid


def _at_its_part(found: Finding, access: etree._Element) -> Finding:
    """A finding whose path is a member's name, placed at that child of Access."""
    local = "".join(word.capitalize() for word in found.path.split("_"))
    part = next((child for child in elements(access) if local_name(child) == local), access)
    return finding(Fault.ACCESS_FACT, part, clause="viewer interface, Access", expected=found.expected)


def _number(element: etree._Element, numbers: NhsNumbers) -> NhsNumber:
    try:
        return numbers.read(text_of(element))
    except InvalidValue as error:
        found = (finding(Fault.NHS_NUMBER, element, expected=NUMBER_EXPECTED[numbers.range]),)
        raise MessageInvalid(Code.MESSAGE_VALUE, found) from error


def meaning_findings(payload: etree._Element, numbers: NhsNumbers) -> Iterator[Finding]:
    """What is wrong with the values of a payload beyond its schema, each for itself: for the explain pass."""
    namespace = etree.QName(payload).namespace or ""
    access, number = first(payload, qname(namespace, "Access")), first(payload, qname(namespace, "NhsNumber"))
    for rule in (lambda: _claims(access), lambda: None if number is None else _number(number, numbers)):
        try:
            rule()
        except MessageInvalid as invalid:
            yield from invalid.findings


def _traits(payload: etree._Element, namespace: str) -> Traits:
    details = first(payload, qname(namespace, "Details"))
    texts = {local_name(part): text_of(part) for part in (elements(details) if details is not None else ())}
    gender = texts.get("Gender")
    return Traits(
        family=texts["FamilyName"],
        birth=texts["DateOfBirth"].replace("-", ""),
        gender=_GENDER_CODES[gender] if gender else None,
        given=texts.get("GivenName"),
        postcode=texts.get("Postcode", "").upper() or None,
    )


def _permission(
    payload: etree._Element, namespace: str, patient: NhsNumber, common: dict[str, Any]
) -> RecordPermissionCall:
    def text(local: str) -> str | None:
        return text_of(first(payload, qname(namespace, local))) or None

    scope, until, how = text("Scope"), text("Until"), text("HowAsked")
    return RecordPermissionCall(
        **common,
        patient=patient,
        answer=PermissionAnswer(text("Answer") or ""),
        kind=text("Kind") or "single",
        scope=Scope(scope) if scope else None,
        until=last_instant(until) if until else None,
        how_asked=HowAsked(how) if how else HowAsked.FACE_TO_FACE,
        question_version=text("QuestionVersion"),
    )


# Outcomes -> payloads


def write_payload(operation: Operation, namespace: str, outcome: Outcome, correlation: CorrelationId) -> etree._Element:
    """The response of an operation, without what a door adds of its own. Raises InternalError for an outcome of another."""
    prefix = next(prefix for prefix, uri in PREFIXES.items() if uri == namespace)
    root = etree.Element(qname(namespace, operation.response), nsmap={prefix: namespace})
    root.set("correlationId", correlation.value)
    match operation, outcome:
        case Operation.FIND_PATIENT, Traced(patient=patient):
            _write_patient(add(root, "Patient"), patient)
        case Operation.RECORD_PERMISSION, Recorded() as recorded:
            _write_recorded(root, recorded)
        case Operation.VIEW_SUMMARY, Viewed(record=record) as viewed if record is not None:
            root.append(record_element(record, viewed))
        case _:
            raise InternalError
    return root


def checked(catalogue: Catalogue, product: str, root: etree._Element) -> etree._Element:
    """The same element, valid by its schema. Raises GatewayError (ANSWER_INVALID)."""
    if catalogue.validate(schema_name(product, local_name(root)), root):
        raise GatewayError(Code.ANSWER_INVALID)
    return root


def _write_patient(element: etree._Element, patient: Demographics) -> None:
    """Demographics; of a protected patient nothing that tells where they are."""
    add(element, "NhsNumber", patient.nhs_number.value)
    if patient.requested is not None:
        add(element, "RequestedNhsNumber", patient.requested.value)
    write_person(element, patient)
    located = patient.confidentiality in _LOCATED
    add(element, "LocationWithheld", str(not located).lower())
    if located and patient.practice is not None:
        add(element, "Practice", patient.practice.value)
    for address in patient.addresses if located else ():
        _write_address(element, address)


def _write_address(element: etree._Element, address: Address) -> None:
    written = add(element, "Address", **({} if address.use is None else {"use": address.use}))
    for line in address.lines:
        add(written, "Line", line)
    if address.postcode is not None:
        add(written, "Postcode", address.postcode)


def _write_recorded(root: etree._Element, recorded: Recorded) -> None:
    for identifier in recorded.ids:
        add(root, "PermissionId", identifier)
    if recorded.until is not None:
        add(root, "Until", recorded.until.isoformat())
    add(root, "Ended", str(recorded.ended))
