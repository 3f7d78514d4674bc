"""The door for EMIS Web, inwards: Spine's two read queries with their SOAP headers, as values.

It reads what a message claims, as strictly as Spine does; who sent it and whether it may is decided elsewhere.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lxml import etree

from gateway.adapters.emis_web_headers import (
    FUNCTIONS,
    UNDERSTOOD,
    Heard,
    examined_interaction,
    header_findings,
    heard_of,
    sender_finding,
)
from gateway.adapters.viewer_messages import NUMBER_EXPECTED, refuse_if
from gateway.domain.access import System
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, GatewayError, InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import NhsNumber, NhsNumbers, RoleProfileId, UserId
from gateway.domain.instants import LONDON
from gateway.xml.access_facts import ACCESS_FACTS_TAG, AccessFactsBlock, placed, read_access_facts
from gateway.xml.catalogue import Catalogue
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.header_rules import timestamp_findings
from gateway.xml.names import HL7, OID_ASID, qname
from gateway.xml.parser import Limits, parse
from gateway.xml.paths import first
from gateway.xml.signatures import condemned, is_signed
from gateway.xml.soap import Envelope, SoapVersion, read_envelope

VERSION = "V3NPfIT4.2.00"
LIMITS = Limits(max_bytes=128 * 1024, max_nodes=2_000)
LIFETIME = timedelta(minutes=15)
"""How old a query may be, by its creationTime."""
SKEW = timedelta(seconds=60)


class Refused(MessageInvalid):
    """A message whose headers are in order, so that it is answered AE; what is wrong stands in the findings."""

    def __init__(self, error: GatewayError, heard: Heard) -> None:
        findings = error.findings if isinstance(error, MessageInvalid) else ()
        super().__init__(error.code, findings, rules=error.rules)
        self.heard = heard


class Unproved(AccessDenied):
    """A message whose headers are in order and which brings no proof of its user, names another system than its own, or is not
    signed as its system signs.
    """

    def __init__(self, code: Code, heard: Heard, rules: tuple[str, ...], findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(code, rules=rules)
        self.heard = heard
        self.findings = findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A valid query."""

    heard: Heard
    patient: NhsNumber
    event_id: str | None
    """None: the event list is asked for."""
    created: datetime
    """creationTime, in the repeated hour of autumn its later reading."""
    facts: AccessFactsBlock = field(repr=False)
    block: etree._Element = field(repr=False)
    """The element that the facts were read from."""
    user: UserId | None = None
    role: RoleProfileId | None = None


def read_query(
    body: bytes, soap_action: str | None, *, system: System, catalogue: Catalogue, numbers: NhsNumbers, now: datetime
) -> Query:
    """Bytes -> Query. `system`: who calls. `now` is aware.

    Raises MessageInvalid (a fault); Refused and Unproved (an AE answer).
    """
    envelope = read_envelope(parse(body, LIMITS), accept=frozenset({SoapVersion.V11}), understood=UNDERSTOOD)
    interaction, unknown = examined_interaction(envelope.payload)
    refuse_if(unknown)
    assert interaction is not None
    refuse_if(list(header_findings(envelope, interaction, soap_action or "")))
    heard = heard_of(envelope, interaction)
    if heard.sender != system.asid.value:
        raise Unproved(Code.SYSTEM_UNKNOWN, heard, ("P-84",), (sender_finding(envelope),))
    if condemned(envelope, system, now):
        raise Unproved(Code.SYSTEM_SIGNATURE, heard, ("P-84",))
    try:
        return _query(envelope, heard, catalogue, numbers, now)
    except Unproved:
        raise
    except MessageInvalid as invalid:
        raise Refused(invalid, heard) from invalid


def placed_at(block: etree._Element, invalid: MessageInvalid) -> MessageInvalid:
    """The same error, each fact named at its part of the block."""
    return MessageInvalid(invalid.code, tuple(placed(one, block) for one in invalid.findings), rules=invalid.rules)


# The HL7 message


def _query(envelope: Envelope, heard: Heard, catalogue: Catalogue, numbers: NhsNumbers, now: datetime) -> Query:
    message = envelope.payload
    refuse_if(list(version_findings(message)))
    refuse_if(list(catalogue.validate(heard.interaction.name, message)))
    refuse_if([*agreement_findings(message, heard), *time_findings(message, now), *stamp_findings(envelope, now)])
    block, facts = envelope.block(ACCESS_FACTS_TAG), read_access_facts(envelope, catalogue)
    if block is None or facts is None or facts.user_token is None:
        raise Unproved(Code.CREDENTIALS_MISSING, heard, ("P-07",))
    query, (user, role) = _at(message, "ControlActEvent", "query"), _named(message)
    event = first(query, qname(HL7, "eventRecord"), qname(HL7, "value"))
    return Query(
        heard=heard,
        patient=patient_of(_at(query, "nHSNumber", "value"), numbers),
        event_id=None if event is None else event.get("root", "").upper(),
        created=max(_created(message)),
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
    """Looked at before the schema: the first thing to mend."""
    stated = first(message, qname(HL7, "versionCode"))
    if stated is not None and stated.get("code") not in {None, VERSION}:
        yield finding(
            Fault.VERSION_UNKNOWN, stated, "code", clause="PSIS queries", expected=VERSION, fragment=f'code="{VERSION}"'
        )


def agreement_findings(message: etree._Element, heard: Heard) -> Iterator[Finding]:
    """The HL7 wrapper says the same as the SOAP header. What is missing is the schema's to tell."""
    header, wrapper = "PSIS queries, SOAP header", "PSIS queries, transmission wrapper"
    author = _found(message, "ControlActEvent", "author1", "AgentSystemSDS", "agentSystemSDS", "id")
    receiver, sender = (_found(message, local, "device", "id") for local in FUNCTIONS)
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
    for local, code in FUNCTIONS.items():
        function = _found(message, local)
        if function is not None and function.get("typeCode") not in {None, code}:
            fragment = f'typeCode="{code}"'
            yield finding(Fault.FIXED_VALUE, function, "typeCode", clause=wrapper, expected=code, fragment=fragment)


def _created(message: etree._Element) -> tuple[datetime, ...]:
    """The instants that creationTime, a wall clock in London, can mean: none, one, or the two of a repeated hour."""
    stated = _found(message, "creationTime")
    text = stated.get("value", "") if stated is not None else ""
    try:
        wall = datetime.strptime(text, "%Y%m%d%H%M%S") if len(text) == len("yyyyMMddHHmmss") else None  # noqa: DTZ007 - zoned next
    except ValueError:
        wall = None
    if wall is None:
        return ()
    readings = {wall.replace(tzinfo=LONDON, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(one for one in readings if one.astimezone(LONDON).replace(tzinfo=None) == wall))


def time_findings(message: etree._Element, now: datetime) -> Iterator[Finding]:
    """creationTime is a time that there is, and now. What has no such form is the schema's to tell.

    Its age is the message's only lifetime: its id is remembered for longer, so that nothing old can be sent again.
    """
    stated = _found(message, "creationTime")
    if stated is None or not re.fullmatch("[0-9]{14}", stated.get("value", "")):
        return
    clause, expected = "PSIS queries, creationTime; gateway limit", "the clock on the wall in London"
    readings = _created(message)
    if not readings:
        yield finding(Fault.TIMESTAMP_FORM, stated, "value", clause=clause, expected=f"yyyyMMddHHmmss, {expected}")
    elif min(readings) > now + SKEW:
        yield finding(
            Fault.TIMESTAMP_FUTURE, stated, "value", clause=clause, expected=f"a time in the past, {expected}"
        )
    elif max(readings) + LIFETIME < now - SKEW:
        expected = f"a time in the last {LIFETIME // timedelta(minutes=1)} minutes, {expected}"
        yield finding(Fault.TIMESTAMP_EXPIRED, stated, "value", clause=clause, expected=expected)


def stamp_findings(envelope: Envelope, now: datetime) -> Iterator[Finding]:
    """The wsu:Timestamp of a signed message. Spine's queries bring none: their time is creationTime."""
    if is_signed(envelope):
        yield from timestamp_findings(envelope, now=now, skew=SKEW, max_lifetime=LIFETIME)


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
