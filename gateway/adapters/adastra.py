"""The door for Adastra (111 and out of hours): SOAP 1.2 with WS-Addressing, the user as a signed SAML 2.0 assertion.

A simulated profile: the product's real interface is not public. Reads and writes only; it decides nothing.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from lxml import etree

from gateway.adapters.viewer_charset import check_charset
from gateway.adapters.viewer_faults import CLIENT, fault_of
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
from gateway.adapters.viewer_security import TOKEN, SignatureRefused, proofs, refuse_signature, unread_findings
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InternalError, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import MessageId, NhsNumbers
from gateway.service.calls import Call, Credentials, MessageRef
from gateway.service.doors import WireRequest, WireResponse
from gateway.service.outcomes import Outcome
from gateway.service.ports import Ids
from gateway.xml.catalogue import Catalogue
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.header_rules import (
    endpoint_findings,
    message_id_findings,
    missing_header,
    normalise_uuid,
    read_time,
    timestamp_findings,
)
from gateway.xml.names import ADASTRA, SAML, WSA, WSA_ANONYMOUS, WSA_FAULT, WSSE, qname
from gateway.xml.parser import Limits, parse, serialize
from gateway.xml.soap import (
    Envelope,
    SoapFault,
    SoapVersion,
    build_answer,
    build_fault,
    not_understood_headers,
    read_envelope,
    stated_message_id,
    upgrade_header,
)

PRODUCT = "adastra"
MEDIA_TYPE = "application/soap+xml"
LIFETIME = timedelta(minutes=15)
"""The longest a message may say it lives."""
SKEW = timedelta(seconds=60)
ACCEPTED = frozenset({SoapVersion.V12})
UNDERSTOOD = frozenset({WSA, WSSE})
"""Namespaces whose header blocks may say mustUnderstand."""
LIMITS = Limits(max_bytes=128 * 1024, max_nodes=2_000)
_ASSERTION = qname(SAML, "Assertion")
_ACTION = re.compile(r""";\s*action\s*=\s*(?:"([^"]*)"|([^\s;]+))""", re.IGNORECASE)
_AS_SENT = {Code.MESSAGE_TOO_LARGE: 413, Code.MESSAGE_MEDIA_TYPE: 415}
"""HTTP's own answers to what was never read as SOAP."""


def action_of(operation: Operation) -> str:
    """wsa:Action of a request; that of its response ends in Response."""
    return f"{ADASTRA}:{operation.value}"


class AdastraDoor:
    """POST /viewers/adastra."""

    name = PRODUCT
    products = frozenset({"adastra"})
    """The products whose systems may call here (P-84)."""
    media_types = frozenset({MEDIA_TYPE})
    max_bytes = LIMITS.max_bytes

    def __init__(self, *, catalogue: Catalogue, numbers: NhsNumbers, ids: Ids) -> None:
        self._catalogue = catalogue
        self._numbers = numbers
        self._ids = ids

    def read(self, wire: WireRequest) -> Call:
        """Bytes -> call. Raises MessageInvalid, SignatureRefused."""
        check_charset(wire)
        root = parse(wire.body, LIMITS)
        written = stated_message_id(root)
        reading = Reading(reference=written if normalise_uuid(written) else None)
        try:
            envelope = read_envelope(root, accept=ACCEPTED, understood=UNDERSTOOD)
            return self._call(wire, envelope, reading)
        except MessageInvalid as invalid:
            raise Referred(invalid, reading) from invalid

    def _call(self, wire: WireRequest, envelope: Envelope, reading: Reading) -> Call:
        operation = operation_of(envelope.payload, ADASTRA)
        findings = list(header_findings(envelope, operation, wire.headers.get("Content-Type"), wire.now))
        findings += self._catalogue.validate(schema_name(PRODUCT, operation.request), envelope.payload)
        refuse_if(findings)
        refuse_signature(wire, envelope, reading)
        security, message_id = envelope.security, normalise_uuid(envelope.addressing.message_id)
        assert security is not None
        assert security.timestamp is not None
        expires = read_time(security.timestamp.expires)
        assert expires is not None
        assert message_id is not None
        said = Said(
            credentials=Credentials(assertion=security.assertion),
            message=MessageRef(id=MessageId(message_id), expires=expires + 2 * SKEW),
            reading=Reading(operation=operation, reference=reading.reference),
        )
        return read_payload(operation, envelope.payload, said, self._numbers)

    def write(self, wire: WireRequest, call: Call, outcome: Outcome) -> WireResponse:
        """The response, valid by its schema. Raises GatewayError (ANSWER_INVALID), InternalError."""
        reading = call.reading
        if not isinstance(reading, Reading) or reading.operation is None:
            raise InternalError
        body = write_payload(reading.operation, ADASTRA, outcome, wire.correlation_id)
        answer = build_answer(
            SoapVersion.V12,
            message_id=f"urn:uuid:{self._ids.new()}",
            action=action_of(reading.operation) + "Response",
            relates_to=reading.reference,
            body=checked(self._catalogue, PRODUCT, body),
        )
        return WireResponse(status=200, media_type=SoapVersion.V12.content_type, body=serialize(answer))

    def refuse(self, wire: WireRequest, call: Call | None, error: GatewayError) -> WireResponse:
        """A SOAP 1.2 fault: 400 where the sender can mend it, else 500 (SOAP 1.2 part 2, table 20)."""
        heard = call.reading if call is not None else None
        reading = error.reading if isinstance(error, (Referred, SignatureRefused)) else heard
        fault = fault_of(error, wire.correlation_id, PRODUCT)
        message = build_fault(
            SoapVersion.V12,
            fault,
            message_id=f"urn:uuid:{self._ids.new()}",
            action=WSA_FAULT,
            relates_to=reading.reference if isinstance(reading, Reading) else None,
            headers=_told_in_headers(error),
        )
        status = _status(error, fault)
        return WireResponse(status=status, media_type=SoapVersion.V12.content_type, body=serialize(message))


def _told_in_headers(error: GatewayError) -> list[etree._Element]:
    """What SOAP 1.2 says of a fault outside its body: which headers were not understood, or which version would be."""
    if error.code is Code.MESSAGE_SOAP_VERSION:
        return [upgrade_header()]
    return not_understood_headers(error.findings if isinstance(error, MessageInvalid) else ())


def _status(error: GatewayError, fault: SoapFault) -> int:
    return _AS_SENT.get(error.code, 400 if fault.code == CLIENT else 500)


def header_findings(
    envelope: Envelope, operation: Operation | None, content_type: str | None, now: datetime
) -> Iterator[Finding]:
    """What is wrong with the SOAP headers, in the order in which they are written. Without an operation no action is judged."""
    yield from message_id_findings(envelope)
    if operation is not None:
        yield from _action_findings(envelope, action_of(operation), content_type or "")
    if envelope.addressing.to is None:
        yield missing_header(envelope, "wsa:To", "To")
    yield from endpoint_findings(envelope)
    faults = envelope.block(qname(WSA, "FaultTo"))
    if faults is not None and envelope.addressing.fault_to != WSA_ANONYMOUS:
        yield finding(Fault.REPLY_TO, faults, expected=WSA_ANONYMOUS)
    yield from stray_facts(envelope)
    yield from timestamp_findings(envelope, now=now, skew=SKEW, max_lifetime=LIFETIME)
    yield from unread_findings(envelope, _ASSERTION)
    for token in proofs(envelope, TOKEN):
        yield finding(Fault.TWO_PROOFS, token, expected="saml:Assertion alone")
    for again in proofs(envelope, _ASSERTION)[1:]:
        yield finding(Fault.TWO_PROOFS, again, expected="one saml:Assertion")


def _action_findings(envelope: Envelope, expected: str, content_type: str) -> Iterator[Finding]:
    """wsa:Action, and the media type's action parameter where it is there, name the operation of the body."""
    block = envelope.block(qname(WSA, "Action"))
    if envelope.addressing.action is None:
        yield missing_header(envelope, "wsa:Action", "Action")
    elif envelope.addressing.action != expected:
        yield finding(Fault.OPERATION_ACTION, block, expected=expected, fragment=f"<wsa:Action>{expected}</wsa:Action>")
    over_http = _ACTION.search(content_type)
    if over_http is not None and (over_http[1] or over_http[2]) != expected:
        yield finding(
            Fault.OPERATION_ACTION,
            http="Content-Type",
            clause="RFC 3902, parameter action",
            expected=f"action of the media type: {expected}",
            fragment=f'Content-Type: {MEDIA_TYPE}; charset=utf-8; action="{expected}"',
        )
