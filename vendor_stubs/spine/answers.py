"""The answers' common shape: SOAP envelope, HL7 wrapper, acknowledgement and issues, and the SOAP fault.

Ids and times come in as arguments; builds trees only.
"""

from dataclasses import dataclass, replace
from typing import Any

from lxml import etree

from vendor_stubs.spine.cutting import CREATED, MESSAGE_ID, PLACE, REQUEST_ID, SENDER, Cuts
from vendor_stubs.spine.envelope import Message
from vendor_stubs.spine.names import ASID, INTERACTION, NOT_FULFILLED
from vendor_stubs.spine.outcomes import Issue, SpineFault
from vendor_stubs.xml import CRS, HL7, NASP, PSIS, SOAP11, WSA_2004, Element, add, qname, serialise

# Any: lxml takes None for the default namespace, its published types do not
_NAMESPACES: Any = {"SOAP-ENV": SOAP11, "wsa": WSA_2004, None: HL7, "hl7": HL7, "psis": PSIS, "crs": CRS}


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """What is new in each answer: its id (upper-case UUID) and its time (yyyyMMddHHmmss, Europe/London wall clock)."""

    message_id: str
    created: str
    own_asid: str


class Answers:
    """Writes the AA answers: the frame of each interaction once, then only identifiers and subject change."""

    def __init__(self) -> None:
        self._frames = Cuts()

    def fulfilled(self, message: Message, stamp: Stamp, subject: bytes) -> bytes:
        """The answer to a query that found something; subject is the serialised subject element."""
        return self._filled(message, stamp, subject, is_query=True)

    def acknowledged(self, message: Message, stamp: Stamp) -> bytes:
        """The answer to a message that asks for no content."""
        return self._filled(message, stamp, b"", is_query=False)

    def _filled(self, message: Message, stamp: Stamp, subject: bytes, *, is_query: bool) -> bytes:
        def write() -> bytes:
            stand_in = replace(message, message_id=REQUEST_ID, sender=SENDER)
            its_stamp = replace(stamp, message_id=MESSAGE_ID, created=CREATED)
            envelope, control_act = _start(stand_in, its_stamp, ())
            if is_query:
                add(control_act, PLACE)
                _query_ack(control_act, "OK")
            return serialise(envelope)

        frame = self._frames.get((message.interaction.name, stamp.own_asid), write)
        identifiers = {
            REQUEST_ID: message.message_id,
            SENDER: message.sender,
            MESSAGE_ID: stamp.message_id,
            CREATED: stamp.created,
        }
        return frame.filled(identifiers, subject)


def not_fulfilled(message: Message, stamp: Stamp, issues: tuple[Issue, ...]) -> bytes:
    """The AE answer with these issues."""
    envelope, control_act = _start(message, stamp, issues)
    if message.interaction.is_query:
        _query_ack(control_act, "ID")
    return serialise(envelope)


def _query_ack(control_act: Element, code: str) -> None:
    add(add(control_act, "queryAck", type="QueryAck"), "queryResponseCode", code=code)


def _start(message: Message, stamp: Stamp, issues: tuple[Issue, ...]) -> tuple[Element, Element]:
    """Envelope and ControlActEvent of the answer to a message: AA without issues, AE with them."""
    interaction = message.interaction
    name = interaction.answer if not issues or not interaction.is_query else NOT_FULFILLED
    envelope = etree.Element(qname(SOAP11, "Envelope"), nsmap=_NAMESPACES)
    _header(add(envelope, "Header"), message, stamp, f"{interaction.service}/{name}")
    payload = add(add(add(envelope, "Body"), qname(HL7, interaction.wrapper)), name)
    add(payload, "id", root=stamp.message_id)
    add(payload, "creationTime", value=stamp.created)
    add(payload, "versionCode", code=interaction.versions[0])
    add(payload, "interactionId", root=INTERACTION, extension=name)
    add(payload, "processingCode", code="P")
    add(payload, "processingModeCode", code="T")
    add(payload, "acceptAckCode", code="NE")
    acknowledgement = add(payload, "acknowledgement", typeCode="AE" if issues else "AA")
    add(add(acknowledgement, "messageRef"), "id", root=message.message_id)
    _functions(payload, message, stamp)
    control_act = add(payload, "ControlActEvent", classCode="CACT", moodCode="EVN")
    agent = add(add(control_act, "author1", typeCode="AUT"), "AgentSystemSDS", classCode="AGNT")
    system = add(agent, "agentSystemSDS", classCode="DEV", determinerCode="INSTANCE")
    add(system, "id", root=ASID, extension=stamp.own_asid)
    for issue in issues:
        _reason(control_act, issue)
    return envelope, control_act


def finish_answer(envelope: Element, control_act: Element, code: str) -> bytes:
    """The answer's bytes, with queryAck code OK or ID."""
    add(add(control_act, "queryAck", type="QueryAck"), "queryResponseCode", code=code)
    return serialise(envelope)


def _header(header: Element, message: Message, stamp: Stamp, action: str) -> None:
    add(header, qname(WSA_2004, "MessageID"), f"uuid:{stamp.message_id}")
    add(header, qname(WSA_2004, "Action"), action)
    add(header, qname(WSA_2004, "To"), "")
    add(add(header, qname(WSA_2004, "From")), "Address", "urn:nhs:names:spine-stub")
    _functions(header, message, stamp)
    add(header, qname(WSA_2004, "RelatesTo"), f"uuid:{message.message_id}")


def _functions(parent: Element, message: Message, stamp: Stamp) -> None:
    for code, asid in (("RCV", message.sender), ("SND", stamp.own_asid)):
        function = add(parent, qname(HL7, f"communicationFunction{code.title()}"), typeCode=code)
        device = add(function, "device", classCode="DEV", determinerCode="INSTANCE")
        add(device, "id", root=ASID, extension=asid)


def _reason(control_act: Element, issue: Issue) -> None:
    reason = add(control_act, "reason", typeCode="RSON")
    event = add(reason, "justifyingDetectedIssueEvent", classCode="ALRT", moodCode="EVN")
    code = add(event, "code", code=issue.code, codeSystem=issue.system, displayName=issue.display)
    add(code, "qualifier", code=issue.qualifier)


def soap_fault(fault: SpineFault) -> bytes:
    """The SOAP 1.1 fault with one error of the TMS error list."""
    namespaces = {"SOAP": SOAP11}
    envelope = etree.Element(qname(SOAP11, "Envelope"), nsmap=namespaces)
    element = add(add(envelope, "Body"), "Fault")
    etree.SubElement(element, "faultcode").text = "SOAP:Server"
    etree.SubElement(element, "faultstring").text = "Application Exception"
    detail = etree.SubElement(element, "detail")
    errors = etree.SubElement(detail, qname(NASP, "errorList"), nsmap={"nasp": NASP})
    error = add(errors, "error")
    add(error, "codeContext", "urn:nhs:names:error:tms")
    add(error, "errorCode", str(fault.code))
    add(error, "severity", "Error")
    add(error, "location", "Spine stub")
    add(error, "description", fault.description)
    return serialise(envelope)
