"""The door for EMIS Web, inwards: Spine's two read queries with their SOAP headers, as values.

It reads what a message claims, as strictly as Spine does; who sent it and whether it may is decided elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from gateway.adapters.viewer_messages import NUMBER_EXPECTED, refuse_if
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, GatewayError, InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import MessageId, NhsNumber, NhsNumbers, RoleProfileId, UserId
from gateway.xml.access_facts import ACCESS_FACTS_TAG, AccessFactsBlock, placed, read_access_facts
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
UNDERSTOOD = frozenset({WSA_2004, HL7, ACCESS_FACTS})
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
    block: etree._Element = field(repr=False)
    """The element that the facts were read from."""
    user: UserId | None = None
    role: RoleProfileId | None = None


def read_query(
    body: bytes, soap_action: str | None, *, sender: str, catalogue: Catalogue, numbers: NhsNumbers
) -> Query:
    """Bytes -> Query. `sender`: the ASID registered for the calling system.

    Raises MessageInvalid (a fault); Refused and Unproved (an AE answer).
    """
    envelope = read_envelope(parse(body, LIMITS), accept=frozenset({SoapVersion.V11}), understood=UNDERSTOOD)
    interaction, unknown = examined_interaction(envelope.payload)
    refuse_if(unknown)
    assert interaction is not None
    refuse_if(list(header_findings(envelope, interaction, soap_action or "")))
    heard = heard_of(envelope, interaction)
    if heard.sender != sender:
        raise Unproved(Code.SYSTEM_UNKNOWN, heard, ("P-84",))
    try:
        return _query(envelope, heard, catalogue, numbers)
    except Unproved:
        raise
    except MessageInvalid as invalid:
        raise Refused(invalid, heard) from invalid


def examined_interaction(payload: etree._Element) -> tuple[Interaction | None, list[Finding]]:
    """Which query a payload is, or None and why it is none."""
    interaction = INTERACTIONS.get(local_name(payload)) if payload.tag == qname(HL7, local_name(payload)) else None
    if interaction is not None:
        return interaction, []
    expected = "one of: " + ", ".join(f"hl7:{name}" for name in INTERACTIONS)
    return None, [finding(Fault.OPERATION_UNKNOWN, payload, clause="PSIS queries", expected=expected)]


# The SOAP header


def header_findings(envelope: Envelope, interaction: Interaction | None, soap_action: str | None) -> Iterator[Finding]:
    """What is wrong with the headers: each is there once, and says what it must.

    Without an interaction no action is judged; `soap_action` None: not known, so not judged (absent is empty).
    """
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


def placed_at(block: etree._Element, invalid: MessageInvalid) -> MessageInvalid:
    """The same error, each fact named at its part of the block."""
    return MessageInvalid(invalid.code, tuple(placed(one, block) for one in invalid.findings), rules=invalid.rules)


# The HL7 message


def _query(envelope: Envelope, heard: Heard, catalogue: Catalogue, numbers: NhsNumbers) -> Query:
    message = envelope.payload
    refuse_if(list(version_findings(message)))
    refuse_if(list(catalogue.validate(heard.interaction.name, message)))
    refuse_if(list(agreement_findings(message, heard)))
    block, facts = envelope.block(ACCESS_FACTS_TAG), read_access_facts(envelope, catalogue)
    if block is None or facts is None or facts.user_token is None:
        raise Unproved(Code.CREDENTIALS_MISSING, heard, ("P-07",))
    query, (user, role) = _at(message, "ControlActEvent", "query"), _named(message)
    event = first(query, qname(HL7, "eventRecord"), qname(HL7, "value"))
    return Query(
        heard=heard,
        patient=patient_of(_at(query, "nHSNumber", "value"), numbers),
        event_id=None if event is None else event.get("root", "").upper(),
        facts=facts,
        block=block,
        user=user,
        role=role,
    )


def _found(parent: etree._Element, *steps: str) -> etree._Element | None:
    """A descendant by its HL7 names, or None."""
    return first(parent, *(qname(HL7, step) for step in steps))


def _at(parent: etree._Element, *steps: str) -> etree._Element:
    """A descendant that the schema demands."""
    found = _found(parent, *steps)
    assert found is not None
    return found


def version_findings(message: etree._Element) -> Iterator[Finding]:
    """Looked at before the schema: of another version, nothing else can be said."""
    stated = first(message, qname(HL7, "versionCode"))
    if stated is not None and stated.get("code") not in {None, VERSION}:
        yield finding(
            Fault.VERSION_UNKNOWN, stated, "code", clause="PSIS queries", expected=VERSION, fragment=f'code="{VERSION}"'
        )


def agreement_findings(message: etree._Element, heard: Heard) -> Iterator[Finding]:
    """The HL7 wrapper says the same as the SOAP header. What is missing is the schema's to tell."""
    header, wrapper = "PSIS queries, SOAP header", "PSIS queries, transmission wrapper"
    author = _found(message, "ControlActEvent", "author1", "AgentSystemSDS", "agentSystemSDS", "id")
    receiver, sender = (_found(message, local, "device", "id") for local in _FUNCTIONS)
    for element, attribute, expected, what, clause in (
        (_found(message, "id"), "root", heard.message_id, "the UUID of wsa:MessageID", header),
        (_found(message, "interactionId"), "extension", heard.interaction.name, heard.interaction.name, wrapper),
        (receiver, "extension", heard.receiver, "the receiver's ASID of the SOAP header", header),
        (sender, "extension", heard.sender, "the sender's ASID of the SOAP header", header),
        (author, "root", OID_ASID, OID_ASID, wrapper),
        (author, "extension", heard.sender, "the sender's ASID", wrapper),
    ):
        if element is not None and element.get(attribute) not in {None, expected} and expected:
            fragment = f'{attribute}="{expected}"'
            yield finding(Fault.DISAGREEMENT, element, attribute, clause=clause, expected=what, fragment=fragment)
    for local, code in zip(_FUNCTIONS, ("RCV", "SND"), strict=True):
        function = _found(message, local)
        if function is not None and function.get("typeCode") not in {None, code}:
            fragment = f'typeCode="{code}"'
            yield finding(Fault.FIXED_VALUE, function, "typeCode", clause=wrapper, expected=code, fragment=fragment)


def patient_of(value: etree._Element, numbers: NhsNumbers) -> NhsNumber:
    """The NHS number of a query. Raises MessageInvalid."""
    try:
        return numbers.read(value.get("extension", ""))
    except InvalidValue as error:
        found = (finding(Fault.NHS_NUMBER, value, "extension", expected=NUMBER_EXPECTED[numbers.range]),)
        raise MessageInvalid(Code.MESSAGE_VALUE, found) from error


def _named(message: etree._Element) -> tuple[UserId | None, RoleProfileId | None]:
    """Whom the message names as its author, where it does."""
    agent = first(_at(message, "ControlActEvent"), qname(HL7, "author"), qname(HL7, "AgentPersonSDS"))
    if agent is None:
        return None, None
    role, user = _at(agent, "id"), _at(agent, "agentPersonSDS", "id")
    return UserId(user.get("extension", "")), RoleProfileId(role.get("extension", ""))
