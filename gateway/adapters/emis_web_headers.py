"""The SOAP header of Spine's two read queries, as EMIS Web's door takes it: which query, from which system, with which id.

It reads what a message claims, as strictly as Spine does; who sent it and whether it may is decided elsewhere.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from gateway.adapters.viewer_security import TOKEN, proofs, unread_findings
from gateway.domain.errors import InvalidValue
from gateway.domain.findings import Finding
from gateway.domain.identifiers import MessageId
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.header_rules import repeated_parts
from gateway.xml.names import ACCESS_FACTS, HL7, OID_ASID, SOAP11, WSA_2004, WSSE, qname
from gateway.xml.paths import elements, first, local_name, text_of
from gateway.xml.soap import Envelope

SERVICE = "urn:nhs:names:services:psisquery"
UNDERSTOOD = frozenset({WSA_2004, HL7, ACCESS_FACTS, WSSE})
"""Namespaces whose header blocks may say mustUnderstand."""
_CLAUSE = "PSIS queries, SOAP header"
_ADDRESSING = ("MessageID", "Action", "To", "From", "ReplyTo")
FUNCTIONS = {"communicationFunctionRcv": "RCV", "communicationFunctionSnd": "SND"}
"""The two systems of a message, each with its HL7 type."""
_DEVICE = {"classCode": "DEV", "determinerCode": "INSTANCE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One of Spine's read queries: its name, its answer's, and the wrapper the answer stands in."""

    name: str
    answer: str
    wrapper: str

    @property
    def action(self) -> str:
        """SOAPAction and wsa:Action."""
        return f"{SERVICE}/{self.name}"


EVENT = Interaction(name="QUPC_IN190000UK04", answer="QUPC_IN210000UK04", wrapper="eventQueryResponse")
INTERACTIONS = {
    one.name: one
    for one in (
        Interaction(name="QUPC_IN180000SM04", answer="QUPC_IN200000SM04", wrapper="eventListQueryResponse"),
        Interaction(name="QUPC_IN180000UK04", answer="QUPC_IN200000UK04", wrapper="eventListQueryResponse"),
        EVENT,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What of a message is needed to answer it as Spine would: its interaction, id and the two systems."""

    interaction: Interaction
    message_id: str
    """UUID in capitals."""
    sender: str
    receiver: str
    reply_to: str = ""
    facts: bool = False
    """Whether an AccessFacts block came with it."""


def examined_interaction(payload: etree._Element) -> tuple[Interaction | None, list[Finding]]:
    """Which query a payload is, or None and why it is none."""
    interaction = INTERACTIONS.get(local_name(payload)) if payload.tag == qname(HL7, local_name(payload)) else None
    if interaction is not None:
        return interaction, []
    expected = "one of: " + ", ".join(f"hl7:{name}" for name in INTERACTIONS)
    return None, [finding(Fault.OPERATION_UNKNOWN, payload, clause="PSIS queries", expected=expected)]


def header_findings(envelope: Envelope, interaction: Interaction | None, soap_action: str | None) -> Iterator[Finding]:
    """What is wrong with the headers: each is there once, and says what it must.

    Without an interaction no action is judged; `soap_action` None: not known, so not judged (absent is empty).
    """
    place = envelope.header if envelope.header is not None else envelope.root
    tags = [qname(WSA_2004, local) for local in _ADDRESSING] + [qname(HL7, local) for local in FUNCTIONS]
    for tag in tags:
        found = [one for one in envelope.blocks if one.tag == tag]
        if not found:
            yield finding(Fault.HEADER_MISSING, place, clause=_CLAUSE, expected=_shown(tag))
        for again in found[1:]:
            yield finding(Fault.HEADER_REPEATED, again, clause=_CLAUSE, expected="one")
    yield from _id_and_action(envelope, interaction, soap_action)
    for local in ("From", "ReplyTo"):
        yield from repeated_parts(envelope.block(qname(WSA_2004, local)), (qname(WSA_2004, "Address"),), _CLAUSE)
    for local, code in FUNCTIONS.items():
        block = envelope.block(qname(HL7, local))
        if block is not None:
            yield from _function_findings(block, code)
    yield from unread_findings(envelope)
    for token in proofs(envelope, TOKEN):
        yield finding(
            Fault.TOKEN_TYPE, token, clause=_CLAUSE, expected="the user's token as af:UserToken in af:AccessFacts"
        )


def _function_findings(function: etree._Element, code: str) -> Iterator[Finding]:
    """A system's block holds one device with one ASID, and nothing else.

    HL7's type, class and determiner may be left out, as integration adaptors in use do; where they stand they are right.
    """
    device = first(function, qname(HL7, "device"))
    found = _device_id(function)
    for parent, local in ((function, "device"), (device, "id")):
        yield from repeated_parts(parent, (qname(HL7, local),), _CLAUSE)
        for child in elements(parent) if parent is not None else ():
            if child.tag != qname(HL7, local):
                yield finding(Fault.ELEMENT_UNEXPECTED, child, clause=_CLAUSE, expected=f"hl7:{local} alone")
    yield from _attribute_findings(function, {"typeCode": code})
    yield from _attribute_findings(device, _DEVICE)
    yield from _attribute_findings(found, {"root": None, "extension": None})
    if _asid(function) is None:
        expected = f"hl7:device/hl7:id with root {OID_ASID} and an ASID of twelve digits"
        yield finding(Fault.VALUE_FORM, found if found is not None else function, clause=_CLAUSE, expected=expected)


def _attribute_findings(element: etree._Element | None, known: Mapping[str, str | None]) -> Iterator[Finding]:
    """Attributes that are not `known`, or have another value than the one given there. SOAP's own may stand anywhere."""
    attributes = {} if element is None else {str(name): str(value) for name, value in element.attrib.items()}
    for name, value in attributes.items():
        right = known.get(name)
        if name not in known and not name.startswith(f"{{{SOAP11}}}"):
            yield finding(Fault.ATTRIBUTE_UNEXPECTED, element, name, clause=_CLAUSE, expected=", ".join(known))
        elif right is not None and value != right:
            fragment = f'{name}="{right}"'
            yield finding(Fault.FIXED_VALUE, element, name, clause=_CLAUSE, expected=right, fragment=fragment)


def _id_and_action(envelope: Envelope, interaction: Interaction | None, soap_action: str | None) -> Iterator[Finding]:
    written = envelope.block(qname(WSA_2004, "MessageID"))
    if written is not None and _uuid(written) is None:
        expected = "uuid: and a UUID in capitals"
        yield finding(Fault.MESSAGE_ID, written, clause=_CLAUSE, expected=expected)
    if interaction is None:
        return
    right, action = interaction.action, envelope.block(qname(WSA_2004, "Action"))
    if action is not None and text_of(action) != right:
        fragment = f"<wsa:Action>{right}</wsa:Action>"
        yield finding(Fault.OPERATION_ACTION, action, clause=_CLAUSE, expected=right, fragment=fragment)
    if soap_action is not None and soap_action.strip().strip('"') != right:
        at = next(one for one in (action, envelope.header, envelope.root) if one is not None)
        yield finding(Fault.SOAP_ACTION, at, expected=f"SOAPAction {right}", fragment=f'SOAPAction: "{right}"')


def _shown(tag: str) -> str:
    return tag.replace(f"{{{WSA_2004}}}", "wsa:").replace(f"{{{HL7}}}", "hl7:")


def _uuid(written: etree._Element) -> str | None:
    """The UUID of wsa:MessageID, which is `uuid:` and capitals, as it is also the HL7 id."""
    scheme, _, text = text_of(written).partition(":")
    try:
        return MessageId(text).value if scheme == "uuid" else None
    except InvalidValue:
        return None


def _device_id(function: etree._Element) -> etree._Element | None:
    return first(function, qname(HL7, "device"), qname(HL7, "id"))


def _asid(function: etree._Element) -> str | None:
    found = _device_id(function)
    if found is None or found.get("root") != OID_ASID:
        return None
    text = found.get("extension", "")
    return text if len(text) == 12 and text.isascii() and text.isdigit() else None


def sender_finding(envelope: Envelope) -> Finding:
    """Where a message names another sender than the system that sends it. The right ASID is not told: it may be another's."""
    function = envelope.block(qname(HL7, "communicationFunctionSnd"))
    found = _device_id(function) if function is not None else None
    return finding(
        Fault.DISAGREEMENT,
        found if found is not None else envelope.root,
        "extension",
        clause=_CLAUSE,
        expected="the ASID registered for the system that calls",
    )


def heard_of(envelope: Envelope, interaction: Interaction) -> Heard:
    """From headers that are all there; what is not in order is empty."""

    def block(namespace: str, local: str) -> etree._Element:
        found = envelope.block(qname(namespace, local))
        assert found is not None
        return found

    reply = first(block(WSA_2004, "ReplyTo"), qname(WSA_2004, "Address"))
    return Heard(
        interaction=interaction,
        message_id=_uuid(block(WSA_2004, "MessageID")) or "",
        sender=_asid(block(HL7, "communicationFunctionSnd")) or "",
        receiver=_asid(block(HL7, "communicationFunctionRcv")) or "",
        reply_to=text_of(reply)[:256],
        facts=envelope.block(qname(ACCESS_FACTS, "AccessFacts")) is not None,
    )
