"""Spine's read queries as a GP system sends them, with the AccessFacts block, and what an answer's bytes say.

Builds trees and reads bytes; judges nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from lxml import etree

from vendor_stubs import xml
from vendor_stubs.calling import access_facts
from vendor_stubs.calling.http import Exchange
from vendor_stubs.xml import HL7, NASP, PSIS, SOAP11, WSA_2004, Element, add, qname

SERVICE = "urn:nhs:names:services:psisquery"
LIST = "QUPC_IN180000SM04"
EVENT = "QUPC_IN190000UK04"
SPINE_ASID = "230811201324"
OID_ASID = "1.2.826.0.1285.0.2.0.107"
OID_INTERACTION = "2.16.840.1.113883.2.1.3.2.4.12"
OID_DISSENT = "2.16.840.1.113883.2.1.3.2.4.17.60"
OID_NHS_NUMBER = "2.16.840.1.113883.2.1.4.1"
_LONDON = ZoneInfo("Europe/London")
# None is lxml's name for the default namespace
_NAMESPACES: dict[str | None, str] = {"SOAP-ENV": SOAP11, "wsa": WSA_2004, None: HL7}


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What every message of one system says of itself."""

    message_id: str
    moment: datetime
    asid: str
    to: str


def action(interaction: str) -> str:
    """SOAPAction and wsa:Action."""
    return f"{SERVICE}/{interaction}"


def wire_time(moment: datetime) -> str:
    """An aware instant as HL7 writes it: London's wall clock."""
    return moment.astimezone(_LONDON).strftime("%Y%m%d%H%M%S")


def query(interaction: str, sent: Sent, number: str, event_id: str | None, facts: Mapping[str, str]) -> bytes:
    """A whole query; without facts it is what a viewer sends to Spine itself."""
    envelope = etree.Element(qname(SOAP11, "Envelope"), nsmap=_NAMESPACES)  # type: ignore[arg-type]  # None as a key
    header = add(envelope, "Header")
    _header(header, interaction, sent)
    block = access_facts.block(facts)
    if block is not None:
        header.append(block)
    message = add(add(envelope, "Body"), qname(HL7, interaction))
    add(message, "id", root=sent.message_id)
    add(message, "creationTime", value=wire_time(sent.moment))
    add(message, "versionCode", code="V3NPfIT4.2.00")
    add(message, "interactionId", root=OID_INTERACTION, extension=interaction)
    for name, code in (("processingCode", "P"), ("processingModeCode", "T"), ("acceptAckCode", "NE")):
        add(message, name, code=code)
    _functions(message, sent)
    act = add(message, "ControlActEvent", classCode="CACT", moodCode="EVN")
    agent = add(add(act, "author1", typeCode="AUT"), "AgentSystemSDS", classCode="AGNT")
    add(
        add(agent, "agentSystemSDS", classCode="DEV", determinerCode="INSTANCE"),
        "id",
        root=OID_ASID,
        extension=sent.asid,
    )
    asked = add(act, "query")
    _parameter(asked, "dissentOverride", "DissentOverride", code="0", codeSystem=OID_DISSENT)
    if event_id is not None:
        _parameter(asked, "eventRecord", "EventRecord", root=event_id)
    _parameter(asked, "nHSNumber", "NHSNumber", root=OID_NHS_NUMBER, extension=number)
    return xml.serialise(envelope)


def _header(header: Element, interaction: str, sent: Sent) -> None:
    add(header, qname(WSA_2004, "MessageID"), f"uuid:{sent.message_id}")
    add(header, qname(WSA_2004, "Action"), action(interaction))
    add(header, qname(WSA_2004, "To"), sent.to)
    add(add(header, qname(WSA_2004, "From")), "Address")
    _functions(header, sent)
    add(add(header, qname(WSA_2004, "ReplyTo")), "Address")


def _functions(parent: Element, sent: Sent) -> None:
    for code, asid in (("RCV", SPINE_ASID), ("SND", sent.asid)):
        function = add(parent, qname(HL7, f"communicationFunction{code.title()}"), typeCode=code)
        add(add(function, "device", classCode="DEV", determinerCode="INSTANCE"), "id", root=OID_ASID, extension=asid)


def _parameter(parent: Element, name: str, text: str, **value: str) -> None:
    parameter = add(parent, name)
    add(parameter, "value", **value)
    add(parameter, "semanticsText", text)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the bytes of an answer say. Nothing set: no SOAP message at all."""

    kind: str | None = None
    """AA, AE, or fault."""
    codes: tuple[str, ...] = ()
    """Codes of the reasons or of the fault, in order."""
    display: str | None = None
    """The last reason's display name, or the fault's first description."""
    relates_to: str | None = None
    event_ids: tuple[str, ...] = ()
    summary: Element | None = field(default=None, repr=False)

    @property
    def wire_code(self) -> str | None:
        """The two codes that decide, such as 420/30418."""
        return "/".join(self.codes[:2]) or None


def read_answer(exchange: Exchange) -> Answer:
    """Bytes -> Answer, read as a client of Spine reads them."""
    try:
        root = xml.parse(exchange.body)
    except xml.NotXml:
        return Answer()
    body = root.find(qname(SOAP11, "Body"))
    if root.tag != qname(SOAP11, "Envelope") or body is None:
        return Answer()
    if body.find(qname(SOAP11, "Fault")) is not None:
        codes = tuple((one.text or "").strip() for one in body.iter(qname(NASP, "errorCode")))
        description = next((one.text for one in body.iter(qname(NASP, "description"))), None)
        return Answer(kind="fault", codes=codes[:1], display=description)
    acknowledgement = next(body.iter(qname(HL7, "acknowledgement")), None)
    reasons = list(body.iterfind(f".//{qname(HL7, 'justifyingDetectedIssueEvent')}/{qname(HL7, 'code')}"))
    relates = root.findtext(f"{qname(SOAP11, 'Header')}/{qname(WSA_2004, 'RelatesTo')}")
    events = [one.get("root", "") for one in body.iter(qname(PSIS, "eventID"))]
    return Answer(
        kind=None if acknowledgement is None else acknowledgement.get("typeCode"),
        codes=tuple(one.get("code", "") for one in reasons),
        display=reasons[-1].get("displayName") if reasons else None,
        relates_to=relates.strip()[-36:].upper() if relates else None,
        event_ids=tuple(events),
        summary=body.find(f".//{qname(PSIS, 'hl7Data')}/{qname(HL7, 'GPSummary')}"),
    )
