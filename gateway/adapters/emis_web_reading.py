"""The door for EMIS Web, inwards: Spine's two read queries with their SOAP headers, as values.

It reads what a message claims, as strictly as Spine does; who sent it and whether it may is decided elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from gateway.adapters.viewer_messages import refuse_if
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, GatewayError, InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import MessageId, NhsNumber, NhsNumbers, RoleProfileId, UserId
from gateway.xml.access_facts import AccessFactsBlock, read_access_facts
from gateway.xml.catalogue import Catalogue
from gateway.xml.findings import Fault, finding
from gateway.xml.names import ACCESS_FACTS, HL7, OID_ASID, WSA_2004, qname
from gateway.xml.parser import Limits, parse
from gateway.xml.paths import first, local_name, text_of
from gateway.xml.soap import Envelope, SoapVersion, read_envelope

SERVICE = "urn:nhs:names:services:psisquery"
VERSION = "V3NPfIT4.2.00"
LIMITS = Limits(max_bytes=128 * 1024, max_nodes=2_000)
_CLAUSE = "PSIS queries, SOAP header"
_UNDERSTOOD = frozenset({WSA_2004, HL7, ACCESS_FACTS})
_ADDRESSING = ("MessageID", "Action", "To", "From", "ReplyTo")
_FUNCTIONS = ("communicationFunctionRcv", "communicationFunctionSnd")


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


class Refused(MessageInvalid):
    """A message whose headers are in order, so that it is answered AE; what is wrong stands in the findings."""

    def __init__(self, error: GatewayError, heard: Heard) -> None:
        findings = error.findings if isinstance(error, MessageInvalid) else ()
        super().__init__(error.code, findings, rules=error.rules)
        self.heard = heard


class Unproved(AccessDenied):
    """A message whose headers are in order and which brings no proof of its user, or names another system than its own."""

    def __init__(self, code: Code, heard: Heard, rules: tuple[str, ...]) -> None:
        super().__init__(code, rules=rules)
        self.heard = heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A valid query."""

    heard: Heard
    patient: NhsNumber
    event_id: str | None
    """None: the event list is asked for."""
    facts: AccessFactsBlock = field(repr=False)
    user: UserId | None = None
    role: RoleProfileId | None = None


def read_query(
    body: bytes, soap_action: str | None, *, sender: str, catalogue: Catalogue, numbers: NhsNumbers
) -> Query:
    """Bytes -> Query. `sender`: the ASID registered for the calling system.

    Raises MessageInvalid (a fault); Refused and Unproved (an AE answer).
    """
    envelope = read_envelope(parse(body, LIMITS), accept=frozenset({SoapVersion.V11}), understood=_UNDERSTOOD)
    interaction = _interaction(envelope.payload)
    refuse_if(list(_header_findings(envelope, interaction, soap_action)))
    heard = _heard(envelope, interaction)
    if heard.sender != sender:
        raise Unproved(Code.SYSTEM_UNKNOWN, heard, ("P-84",))
    try:
        return _query(envelope, heard, catalogue, numbers)
    except Unproved:
        raise
    except MessageInvalid as invalid:
        raise Refused(invalid, heard) from invalid


def _interaction(payload: etree._Element) -> Interaction:
    interaction = INTERACTIONS.get(local_name(payload)) if payload.tag == qname(HL7, local_name(payload)) else None
    if interaction is None:
        expected = "one of: " + ", ".join(f"hl7:{name}" for name in INTERACTIONS)
        found = (finding(Fault.OPERATION_UNKNOWN, payload, clause="PSIS queries", expected=expected),)
        raise MessageInvalid(Code.MESSAGE_UNKNOWN_SERVICE, found)
    return interaction


# The SOAP header


def _header_findings(envelope: Envelope, interaction: Interaction, soap_action: str | None) -> Iterator[Finding]:
    """What is wrong with the headers: each is there once, and says what it must."""
    place = envelope.header if envelope.header is not None else envelope.root
    tags = [qname(WSA_2004, local) for local in _ADDRESSING] + [qname(HL7, local) for local in _FUNCTIONS]
    for tag in tags:
        found = [one for one in envelope.blocks if one.tag == tag]
        if not found:
            yield finding(Fault.HEADER_MISSING, place, clause=_CLAUSE, expected=_shown(tag))
        for again in found[1:]:
            yield finding(Fault.HEADER_REPEATED, again, clause=_CLAUSE, expected="one")
    yield from _id_and_action(envelope, interaction, soap_action)
    for local in _FUNCTIONS:
        block = envelope.block(qname(HL7, local))
        if block is not None and _asid(block) is None:
            at = _device_id(block)
            expected = f"hl7:device/hl7:id with root {OID_ASID} and an ASID of twelve digits"
            yield finding(Fault.VALUE_FORM, at if at is not None else block, clause=_CLAUSE, expected=expected)


def _id_and_action(envelope: Envelope, interaction: Interaction, soap_action: str | None) -> Iterator[Finding]:
    written = envelope.block(qname(WSA_2004, "MessageID"))
    if written is not None and _uuid(written) is None:
        expected = "uuid: and a UUID in capitals"
        yield finding(Fault.MESSAGE_ID, written, clause=_CLAUSE, expected=expected)
    action = envelope.block(qname(WSA_2004, "Action"))
    if action is not None and text_of(action) != interaction.action:
        yield finding(Fault.OPERATION_ACTION, action, clause=_CLAUSE, expected=interaction.action)
    if soap_action is None or soap_action.strip().strip('"') != interaction.action:
        at = next(one for one in (action, envelope.header, envelope.root) if one is not None)
        yield finding(Fault.SOAP_ACTION, at, expected=f"SOAPAction {interaction.action}")


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


def _heard(envelope: Envelope, interaction: Interaction) -> Heard:
    """From headers known to be in order."""

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


# The HL7 message


def _query(envelope: Envelope, heard: Heard, catalogue: Catalogue, numbers: NhsNumbers) -> Query:
    message = envelope.payload
    refuse_if(list(_version_findings(message)))
    refuse_if(list(catalogue.validate(heard.interaction.name, message)))
    refuse_if(list(_agreement_findings(message, heard)))
    facts = read_access_facts(envelope, catalogue)
    if facts is None or facts.user_token is None:
        raise Unproved(Code.CREDENTIALS_MISSING, heard, ("P-07",))
    query, (user, role) = _at(message, "ControlActEvent", "query"), _named(message)
    event = first(query, qname(HL7, "eventRecord"), qname(HL7, "value"))
    return Query(
        heard=heard,
        patient=_patient(_at(query, "nHSNumber", "value"), numbers),
        event_id=None if event is None else event.get("root", "").upper(),
        facts=facts,
        user=user,
        role=role,
    )


def _at(parent: etree._Element, *steps: str) -> etree._Element:
    """A descendant that the schema demands."""
    found = first(parent, *(qname(HL7, step) for step in steps))
    assert found is not None
    return found


def _version_findings(message: etree._Element) -> Iterator[Finding]:
    """Looked at before the schema: of another version, nothing else can be said."""
    stated = first(message, qname(HL7, "versionCode"))
    if stated is not None and stated.get("code") not in {None, VERSION}:
        yield finding(Fault.VERSION_UNKNOWN, stated, "code", clause="PSIS queries", expected=VERSION)


def _agreement_findings(message: etree._Element, heard: Heard) -> Iterator[Finding]:
    """The HL7 wrapper says the same as the SOAP header."""
    header, wrapper = "PSIS queries, SOAP header", "PSIS queries, transmission wrapper"
    author = _at(message, "ControlActEvent", "author1", "AgentSystemSDS", "agentSystemSDS", "id")
    receiver, sender = (_at(message, local, "device", "id") for local in _FUNCTIONS)
    for element, attribute, expected, what, clause in (
        (_at(message, "id"), "root", heard.message_id, "the UUID of wsa:MessageID", header),
        (_at(message, "interactionId"), "extension", heard.interaction.name, heard.interaction.name, wrapper),
        (receiver, "extension", heard.receiver, "the receiver's ASID of the SOAP header", header),
        (sender, "extension", heard.sender, "the sender's ASID of the SOAP header", header),
        (author, "root", OID_ASID, OID_ASID, wrapper),
        (author, "extension", heard.sender, "the sender's ASID", wrapper),
    ):
        if element.get(attribute) != expected:
            yield finding(Fault.DISAGREEMENT, element, attribute, clause=clause, expected=what)
    for local, code in zip(_FUNCTIONS, ("RCV", "SND"), strict=True):
        if _at(message, local).get("typeCode") not in {None, code}:
            yield finding(Fault.FIXED_VALUE, _at(message, local), "typeCode", clause=wrapper, expected=code)


def _patient(value: etree._Element, numbers: NhsNumbers) -> NhsNumber:
    try:
        return numbers.read(value.get("extension", ""))
    except InvalidValue as error:
        expected = "ten digits that pass Modulus 11, of the range this installation accepts"
        found = (finding(Fault.NHS_NUMBER, value, "extension", expected=expected),)
        raise MessageInvalid(Code.MESSAGE_VALUE, found) from error


def _named(message: etree._Element) -> tuple[UserId | None, RoleProfileId | None]:
    """Whom the message names as its author, where it does."""
    agent = first(_at(message, "ControlActEvent"), qname(HL7, "author"), qname(HL7, "AgentPersonSDS"))
    if agent is None:
        return None, None
    role, user = _at(agent, "id"), _at(agent, "agentPersonSDS", "id")
    return UserId(user.get("extension", "")), RoleProfileId(role.get("extension", ""))
