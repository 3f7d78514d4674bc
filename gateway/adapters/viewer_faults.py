"""How each code of the catalogue is answered by the SOAP doors of integrated viewers: one table, one fault detail.

A fault says what the catalogue says and where the message is wrong; it never holds anything of the patient.
"""

from lxml import etree

from gateway.adapters.rendering.record_xml import add
from gateway.adapters.viewer_clauses import cited
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import CorrelationId
from gateway.xml.faults import Fault
from gateway.xml.names import CODES, qname
from gateway.xml.soap import SoapFault

CLIENT, SERVER = "Client", "Server"
"""Who can mend it; SOAP 1.2 says Sender and Receiver."""

_C = Code
FAULT_CODES: dict[Code, str] = {
    _C.MESSAGE_MUST_UNDERSTAND: "MustUnderstand",
    _C.MESSAGE_SOAP_VERSION: "VersionMismatch",
    **dict.fromkeys(
        (
            _C.SYSTEM_UNKNOWN,
            _C.SYSTEM_SUSPENDED,
            _C.SYSTEM_CERTIFICATE,
            _C.SYSTEM_SIGNATURE,
            _C.SYSTEM_NETWORK,
            _C.SYSTEM_OPERATION,
            _C.SYSTEM_FORWARDED,
            _C.MESSAGE_TOO_LARGE,
            _C.MESSAGE_MEDIA_TYPE,
            _C.MESSAGE_NOT_WELL_FORMED,
            _C.MESSAGE_FORBIDDEN_XML,
            _C.MESSAGE_ENVELOPE,
            _C.MESSAGE_HEADERS,
            _C.MESSAGE_EXPIRED,
            _C.MESSAGE_UNKNOWN_SERVICE,
            _C.MESSAGE_SCHEMA,
            _C.MESSAGE_VALUE,
            _C.MESSAGE_COMBINATION,
            _C.MESSAGE_REPLAYED,
            _C.PAGE_NOT_FOUND,
            _C.METHOD_NOT_ALLOWED,
            _C.NOT_ACCEPTABLE,
            _C.CREDENTIALS_MISSING,
            _C.CREDENTIALS_INVALID,
            _C.CREDENTIALS_EXPIRED,
            _C.CREDENTIALS_AUDIENCE,
            _C.CREDENTIALS_ASSURANCE,
            _C.CREDENTIALS_REPLAYED,
            _C.USER_UNKNOWN,
            _C.USER_MISMATCH,
            _C.USER_TRAINING,
            _C.ROLE_NONE,
            _C.ROLE_NOT_CHOSEN,
            _C.ROLE_NOT_HELD,
            _C.ROLE_ORGANISATION,
            _C.ROLE_ACTIVITY,
            _C.ORGANISATION_NOT_LIVE,
            _C.SITE_NOT_AGREED,
            _C.SETTING_NOT_APPROVED,
            _C.SETTING_UNKNOWN,
            _C.SETTING_NOT_REGISTERED,
            _C.PURPOSE_REFUSED,
            _C.PURPOSE_NOT_REGISTERED,
            _C.RELATIONSHIP_MISSING,
            _C.PERMISSION_MISSING,
            _C.PERMISSION_REFUSED,
            _C.PERMISSION_SCOPE,
            _C.EMERGENCY_NOTE,
            _C.EMERGENCY_REASON,
            _C.EMERGENCY_AFTER_REFUSAL,
            _C.LEGAL_BASIS,
            _C.SCR_NOT_AVAILABLE,
            _C.UNDER_REVIEW,
            _C.DECEASED_NOT_CONFIRMED,
            _C.BIRTH_DATE_MISMATCH,
            _C.SCR_NOT_FOUND,
            _C.PATIENT_NOT_FOUND,
            _C.PATIENT_NOT_UNIQUE,
            _C.PATIENT_NOT_VERIFIED,
            _C.NUMBER_INVALIDATED,
            _C.SESSION_MISSING,
            _C.SESSION_EXPIRED,
            _C.LAUNCH_INVALID,
            _C.LAUNCH_EXPIRED,
            _C.LAUNCH_SPENT,
            _C.FORM_TOKEN,
            _C.ALERT_OWN_ACCESS,
            _C.ALERT_CHANGED,
        ),
        CLIENT,
    ),
    **dict.fromkeys(
        (
            _C.RATE_LIMITED,
            _C.OVERLOADED,
            _C.SPINE_UNREACHABLE,
            _C.SPINE_FAULT,
            _C.SPINE_UNUSABLE,
            _C.SPINE_WRONG_PATIENT,
            _C.SPINE_ACTIVE_CONTENT,
            _C.ANSWER_INVALID,
            _C.AUDIT_UNAVAILABLE,
            _C.DIRECTORY_UNAVAILABLE,
            _C.IDENTITY_UNAVAILABLE,
            _C.INTERNAL,
        ),
        SERVER,
    ),
}
"""SOAP fault code of each code. The same message may succeed later only where it says Server."""


def fault_of(error: GatewayError, correlation: CorrelationId, door: str) -> SoapFault:
    """Any error as a fault with the stable code as subcode and a codes:Refusal as detail."""
    return SoapFault(
        code=FAULT_CODES.get(error.code, SERVER),
        reason=_reason(error),
        detail=refusal_element(error, correlation, door),
        subcodes=((CODES, error.code.slug),),
    )


def _reason(error: GatewayError) -> str:
    """The public sentence; for an unknown version also the ones spoken."""
    findings = error.findings if isinstance(error, MessageInvalid) else ()
    if findings and findings[0].code == Fault.VERSION_UNKNOWN.slug:
        return f"{error.sentence} Versions spoken here: {findings[0].expected}."
    return error.sentence


def refusal_element(error: GatewayError, correlation: CorrelationId, door: str) -> etree._Element:
    """An error as codes:Refusal; `door` says whose standards its findings cite."""
    root = etree.Element(qname(CODES, "Refusal"), nsmap={"codes": CODES})
    add(root, "Code", error.code.slug)
    add(root, "Kind", error.code.kind.value)
    add(root, "Sentence", error.sentence)
    if error.next_step:
        add(root, "NextStep", error.next_step)
    for rule in error.rules:
        add(root, "Rule", rule)
    add(root, "CorrelationId", correlation.value)
    for one in cited(door, error.findings) if isinstance(error, MessageInvalid) else ():
        write_finding(add(root, "Finding"), one)
    return root


def write_finding(element: etree._Element, one: Finding) -> None:
    """One finding as codes:Finding."""
    add(element, "Code", one.code)
    add(element, "Sentence", one.sentence)
    if one.line is not None:
        add(element, "Line", str(one.line))
    if one.column is not None:
        add(element, "Column", str(one.column))
    if one.path:
        path = etree.SubElement(element, qname(CODES, "Path"), nsmap=dict(one.namespaces))
        path.text = one.path
    if one.clause:
        add(element, "Clause", one.clause)
    if one.expected:
        add(element, "Expected", one.expected)
    if one.fragment:
        add(element, "Write", one.fragment)
