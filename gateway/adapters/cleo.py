"""The door for CLEO (urgent care and ambulance): SOAP 1.1, document/literal, the user's ID token as a BinarySecurityToken.

A simulated profile: the product's real interface is not public. A view is answered with the structured record and a ready pane.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from lxml import etree

from gateway.adapters.rendering.pane import pane
from gateway.adapters.rendering.record_xml import add
from gateway.adapters.viewer_charset import check_charset
from gateway.adapters.viewer_faults import fault_of
from gateway.adapters.viewer_messages import (
    Operation,
    Reading,
    Referred,
    Said,
    checked,
    operation_of,
    read_payload,
    refuse_if,
    schema_name,
    stray_facts,
    write_payload,
)
from gateway.adapters.viewer_security import TOKEN, proofs, refuse_signature, unread_findings
from gateway.domain.errors import GatewayError, InternalError, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import MessageId, NhsNumbers
from gateway.service.calls import Call, Credentials, MessageRef
from gateway.service.doors import WireRequest, WireResponse
from gateway.service.outcomes import Outcome, Viewed
from gateway.xml.catalogue import Catalogue
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.header_rules import normalise_uuid, read_time, timestamp_findings
from gateway.xml.names import CLEO, JWT_TOKEN, SAML, WSSE, qname
from gateway.xml.parser import Limits, parse, serialize
from gateway.xml.soap import Envelope, SoapVersion, build_envelope, fault_element, read_envelope
from gateway.xml.tokens import compact_token

PRODUCT = "cleo"
MEDIA_TYPE = "text/xml"
PANE_TYPE = "text/html"
LIFETIME = timedelta(minutes=15)
"""The longest a message may say it lives."""
SKEW = timedelta(seconds=60)
ACCEPTED = frozenset({SoapVersion.V11})
UNDERSTOOD = frozenset({WSSE})
"""Namespaces whose header blocks may say mustUnderstand."""
LIMITS = Limits(max_bytes=128 * 1024, max_nodes=2_000)


def action_of(operation: Operation) -> str:
    """SOAPAction of a request."""
    return f"{CLEO}:{operation.value}"


class CleoDoor:
    """POST /viewers/cleo."""

    name = PRODUCT
    products = frozenset({"cleo"})
    """The products whose systems may call here (P-84)."""
    media_types = frozenset({MEDIA_TYPE})
    max_bytes = LIMITS.max_bytes

    def __init__(self, *, catalogue: Catalogue, numbers: NhsNumbers) -> None:
        self._catalogue = catalogue
        self._numbers = numbers

    def read(self, wire: WireRequest) -> Call:
        """Bytes -> call. Raises MessageInvalid, SignatureRefused."""
        check_charset(wire)
        envelope = read_envelope(parse(wire.body, LIMITS), accept=ACCEPTED, understood=UNDERSTOOD)
        try:
            return self._call(wire, envelope)
        except MessageInvalid as invalid:
            raise Referred(invalid, Reading()) from invalid

    def _call(self, wire: WireRequest, envelope: Envelope) -> Call:
        operation = operation_of(envelope.payload, CLEO)
        findings = list(header_findings(envelope, operation, wire.headers.get("SOAPAction"), wire.now))
        findings += self._catalogue.validate(schema_name(PRODUCT, operation.request), envelope.payload)
        refuse_if(findings)
        refuse_signature(wire, envelope, Reading())
        security, reference = envelope.security, envelope.payload.get("requestId", "").strip()
        message_id = normalise_uuid(reference)
        assert security is not None
        assert security.timestamp is not None
        expires = read_time(security.timestamp.expires)
        assert expires is not None
        assert message_id is not None
        said = Said(
            credentials=Credentials(
                token=next((compact_token(one) for one in security.tokens if one.value_type == JWT_TOKEN), None)
            ),
            message=MessageRef(id=MessageId(message_id), expires=expires + 2 * SKEW),
            reading=Reading(operation=operation, reference=reference),
        )
        return read_payload(operation, envelope.payload, said, self._numbers)

    def write(self, wire: WireRequest, call: Call, outcome: Outcome) -> WireResponse:
        """The response, valid by its schema; a view with its pane. Raises GatewayError (ANSWER_INVALID), InternalError."""
        reading = call.reading
        if not isinstance(reading, Reading) or reading.operation is None or reading.reference is None:
            raise InternalError
        body = write_payload(reading.operation, CLEO, outcome, wire.correlation_id)
        body.set("requestId", reading.reference)
        if isinstance(outcome, Viewed):
            _add_pane(body, outcome, wire)
        answer = build_envelope(SoapVersion.V11, body=checked(self._catalogue, PRODUCT, body))
        return WireResponse(status=200, media_type=SoapVersion.V11.content_type, body=serialize(answer))

    def refuse(self, wire: WireRequest, call: Call | None, error: GatewayError) -> WireResponse:
        """A SOAP 1.1 fault, HTTP 500 (SOAP 1.1 section 6.2)."""
        fault = fault_element(SoapVersion.V11, fault_of(error, wire.correlation_id, PRODUCT))
        message = build_envelope(SoapVersion.V11, body=fault)
        return WireResponse(status=500, media_type=SoapVersion.V11.content_type, body=serialize(message))


def _add_pane(body: etree._Element, viewed: Viewed, wire: WireRequest) -> None:
    if viewed.record is None:
        raise InternalError
    text = pane(viewed.record, viewed, now=wire.now, reference=wire.correlation_id.value)
    add(body, "Pane", text, mediaType=PANE_TYPE)


def header_findings(
    envelope: Envelope, operation: Operation | None, soap_action: str | None, now: datetime
) -> Iterator[Finding]:
    """What is wrong around the payload: SOAPAction, time stamp, and how the user is proved. Without an operation no action is
    judged.
    """
    over_http = (soap_action or "").strip().strip('"').strip()
    if operation is not None and over_http and over_http != action_of(operation):
        right = f"SOAPAction: {action_of(operation)}"
        clause = "SOAP 1.1 section 6.1.1"
        yield finding(Fault.OPERATION_ACTION, envelope.payload, clause=clause, expected=right, fragment=right)
    yield from stray_facts(envelope)
    yield from timestamp_findings(envelope, now=now, skew=SKEW, max_lifetime=LIFETIME)
    yield from unread_findings(envelope)
    for number, proof in enumerate(proofs(envelope, TOKEN, qname(SAML, "Assertion"))):
        if number > 0 or proof.tag != TOKEN or proof.get("ValueType") != JWT_TOKEN:
            yield finding(Fault.TWO_PROOFS, proof, expected=f"one wsse:BinarySecurityToken of type {JWT_TOKEN}")
