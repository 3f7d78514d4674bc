"""The door for EMIS Web, outwards: Spine's answer with the ids of this exchange, AE answers, and faults, as trees.

What Spine said of the patient is passed on untouched; only the frame around it is written anew.
"""

import copy
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from gateway.adapters.emis_web_codes import GENERAL, SPECIFIC, Issue, SpineFault, sentence_of
from gateway.adapters.emis_web_headers import SERVICE, Heard
from gateway.adapters.emis_web_reading import VERSION, Unproved
from gateway.adapters.viewer_clauses import cited
from gateway.domain.errors import GatewayError, InternalError, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.instants import to_hl7
from gateway.xml.names import (
    HL7,
    NASP,
    OID_ASID,
    OID_GATEWAY_CODES,
    OID_INTERACTION,
    OID_PSIS_ISSUE,
    PSIS,
    SOAP11,
    WSA_2004,
    qname,
)
from gateway.xml.paths import elements, first

NOT_FULFILLED = "QUQI_IN010000UK14"
MOST_FINDINGS = 100
# None is lxml's name for the default namespace
_NAMESPACES: dict[str | None, str] = {"SOAP-ENV": SOAP11, "wsa": WSA_2004, None: HL7, "hl7": HL7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What is new in an answer: its id (UUID in capitals), its time, and the address it comes from."""

    message_id: str
    moment: datetime
    address: str


def _add(parent: etree._Element, tag: str, text: str | None = None, **attributes: str) -> etree._Element:
    """A new last child, named `{ns}local` or in the HL7 namespace."""
    child = etree.SubElement(parent, tag if tag[0] == "{" else qname(HL7, tag), attributes)
    child.text = text
    return child


# Spine's answer, in this exchange's frame


def passed_on(answer: object, heard: Heard, stamp: Stamp) -> etree._Element:
    """The envelope Spine's answer came in, copied, its frame that of this exchange; `answer` is the interaction's element.

    The content stays where it stands in the tree, so that no prefix, not even one only a type name uses, is lost.
    Raises InternalError where `answer` is no such element.
    """
    if not isinstance(answer, etree._Element):  # noqa: SLF001 - the only name lxml gives its element type
        raise InternalError
    steps = _steps(answer)
    envelope = copy.deepcopy(answer.getroottree().getroot())
    message = envelope
    for step in steps:
        message = message[step]
    act = first(message, qname(HL7, "ControlActEvent"))
    if envelope.tag != qname(SOAP11, "Envelope") or act is None:
        raise InternalError
    _reframe(envelope, message, heard, stamp)
    _renew_transmission(message, act, heard, stamp)
    _reduce_act(act, heard.receiver)
    message.tag = qname(HL7, heard.interaction.answer)
    return envelope


def _steps(element: etree._Element) -> list[int]:
    """The positions that lead from the root of its tree to an element."""
    steps: list[int] = []
    parent = element.getparent()
    while parent is not None:
        steps.insert(0, parent.index(element))
        element, parent = parent, parent.getparent()
    return steps


def _reframe(envelope: etree._Element, message: etree._Element, heard: Heard, stamp: Stamp) -> None:
    """A new SOAP header, nothing but the answer in the body, and its usual wrapper's name."""
    for header in list(elements(envelope, qname(SOAP11, "Header"))):
        envelope.remove(header)
    header = etree.Element(qname(SOAP11, "Header"))
    envelope.insert(0, header)
    _header(header, heard.interaction.answer, heard, stamp)
    wrapper = message.getparent()
    if wrapper is not None and wrapper.tag != qname(SOAP11, "Body"):
        wrapper.tag = qname(HL7, heard.interaction.wrapper)


def _renew_transmission(message: etree._Element, act: etree._Element, heard: Heard, stamp: Stamp) -> None:
    """What stands before the control act is written anew, whatever stood there; the act itself is not moved."""
    for child in list(message):
        if child is not act:
            message.remove(child)
    frame = etree.Element(message.tag)
    _transmission(frame, heard.interaction.answer, "AA", heard, stamp)
    for place, child in enumerate(list(frame)):
        message.insert(place, child)


def _reduce_act(act: etree._Element, asid: str) -> None:
    """Of Spine's control act only the subject is kept: authors and query acknowledgement are this answer's own."""
    for child in list(act):
        if child.tag != qname(HL7, "subject"):
            act.remove(child)
    for name in list(act.attrib):
        del act.attrib[name]
    act.set("classCode", "CACT")
    act.set("moodCode", "EVN")
    act.insert(0, _author(asid))
    _query_ack(act, "OK")


def newest_first(envelope: etree._Element, event_ids: tuple[str, ...]) -> None:
    """Puts these events of a list before the others, in this order: clients are known to take the first one."""
    wanted = [event_id.upper() for event_id in event_ids]
    for listed in envelope.iter(qname(PSIS, "queryResponseEventList")):
        events = list(elements(listed, qname(PSIS, "event")))
        if not events:
            return
        place = listed.index(events[0])

        def rank(event: etree._Element) -> int:
            found = first(event, qname(PSIS, "eventID"))
            event_id = "" if found is None else found.get("root", "").upper()
            return wanted.index(event_id) if event_id in wanted else len(wanted)

        for offset, event in enumerate(sorted(events, key=rank)):
            listed.insert(place + offset, event)


# AE answers


def not_fulfilled(heard: Heard, stamp: Stamp, issue: Issue, error: GatewayError) -> etree._Element:
    """An AE answer: Spine's reasons, then the gateway's own code where it is an error; findings as acknowledgement details."""
    # None is a key that the types of lxml do not know
    envelope = etree.Element(qname(SOAP11, "Envelope"), nsmap=_NAMESPACES)  # type: ignore[arg-type]
    _header(_add(envelope, qname(SOAP11, "Header")), NOT_FULFILLED, heard, stamp)
    body = _add(envelope, qname(SOAP11, "Body"))
    message = _add(_add(body, heard.interaction.wrapper), NOT_FULFILLED)
    findings = _findings(error)
    _transmission(message, NOT_FULFILLED, "AE", heard, stamp, findings)
    act = _add(message, "ControlActEvent", classCode="CACT", moodCode="EVN")
    act.append(_author(heard.receiver))
    _reason(act, issue.general, OID_PSIS_ISSUE, GENERAL[issue.general], issue.qualifier)
    if issue.specific is not None:
        _reason(act, issue.specific, OID_PSIS_ISSUE, SPECIFIC[issue.specific], issue.qualifier)
    if (
        issue.qualifier == "ER"
    ):  # behind a warning, a reader that knows Spine would take a third reason for another outcome
        _reason(act, error.code.slug, OID_GATEWAY_CODES, sentence_of(error, facts=heard.facts), issue.qualifier)
    _query_ack(act, "ID")
    return envelope


def _findings(error: GatewayError) -> tuple[Finding, ...]:
    return cited("emis-web", error.findings[:MOST_FINDINGS]) if isinstance(error, MessageInvalid | Unproved) else ()


def _told(one: Finding) -> str:
    """A finding in one line: what is wrong, where, by which rule, and what stands there when it is right."""
    place = "" if one.line is None else f"Line {one.line}" + ("." if one.column is None else f", column {one.column}.")
    rule = f"Rule: {one.clause}." if one.clause else ""
    expected = f"Expected: {one.expected}." if one.expected else ""
    right = f"Write: {one.fragment}" if one.fragment else ""
    return " ".join(part for part in (one.sentence, place, rule, expected, right) if part)


def _detail(acknowledgement: etree._Element, one: Finding) -> None:
    """Written in its place: moved there, the location would lose prefixes that only its text uses."""
    detail = _add(acknowledgement, "acknowledgementDetail", typeCode="ER")
    _add(detail, "code", code=one.code, codeSystem=OID_GATEWAY_CODES, displayName=_told(one))
    if one.path:
        location = etree.SubElement(detail, qname(HL7, "location"), nsmap=dict(one.namespaces))
        location.text = one.path


def _reason(act: etree._Element, code: str, system: str, display: str, qualifier: str) -> None:
    event = _add(_add(act, "reason", typeCode="RSON"), "justifyingDetectedIssueEvent", classCode="ALRT", moodCode="EVN")
    element = _add(event, "code", code=code, codeSystem=system, displayName=display)
    _add(element, "qualifier", code=qualifier)


# What both share


def _transmission(
    message: etree._Element, name: str, kind: str, heard: Heard, stamp: Stamp, findings: tuple[Finding, ...] = ()
) -> None:
    """What stands before the control act, in its order, as the last children of `message`."""
    _add(message, "id", root=stamp.message_id)
    _add(message, "creationTime", value=to_hl7(stamp.moment))
    _add(message, "versionCode", code=VERSION)
    _add(message, "interactionId", root=OID_INTERACTION, extension=name)
    _add(message, "processingCode", code="P")
    _add(message, "processingModeCode", code="T")
    _add(message, "acceptAckCode", code="NE")
    acknowledgement = _add(message, "acknowledgement", typeCode=kind)
    for one in findings:
        _detail(acknowledgement, one)
    _add(_add(acknowledgement, "messageRef"), "id", root=heard.message_id)
    _functions(message, heard)


def _header(header: etree._Element, name: str, heard: Heard, stamp: Stamp) -> None:
    _add(header, qname(WSA_2004, "MessageID"), f"uuid:{stamp.message_id}")
    _add(header, qname(WSA_2004, "Action"), f"{SERVICE}/{name}")
    _add(header, qname(WSA_2004, "To"), heard.reply_to)
    _add(_add(header, qname(WSA_2004, "From")), qname(WSA_2004, "Address"), stamp.address)
    _functions(header, heard)
    _add(header, qname(WSA_2004, "RelatesTo"), f"uuid:{heard.message_id}")


def _functions(parent: etree._Element, heard: Heard) -> None:
    """The answer goes to the sender, from the system that was addressed."""
    for code, asid in (("RCV", heard.sender), ("SND", heard.receiver)):
        function = _add(parent, f"communicationFunction{code.title()}", typeCode=code)
        device = _add(function, "device", classCode="DEV", determinerCode="INSTANCE")
        _add(device, "id", root=OID_ASID, extension=asid)


def _author(asid: str) -> etree._Element:
    author = etree.Element(qname(HL7, "author1"), typeCode="AUT")
    agent = _add(author, "AgentSystemSDS", classCode="AGNT")
    system = _add(agent, "agentSystemSDS", classCode="DEV", determinerCode="INSTANCE")
    _add(system, "id", root=OID_ASID, extension=asid)
    return author


def _query_ack(act: etree._Element, code: str) -> None:
    _add(_add(act, "queryAck", type="QueryAck"), "queryResponseCode", code=code)


# Faults


def fault(answer: SpineFault, error: GatewayError) -> etree._Element:
    """A SOAP fault as Spine's: one nasp:error for each finding, else one in all."""
    envelope = etree.Element(qname(SOAP11, "Envelope"), nsmap={"SOAP": SOAP11})
    element = etree.SubElement(etree.SubElement(envelope, qname(SOAP11, "Body")), qname(SOAP11, "Fault"))
    etree.SubElement(element, "faultcode").text = f"SOAP:{answer.faultcode}"
    etree.SubElement(element, "faultstring").text = "Application Exception"
    detail = etree.SubElement(element, "detail")
    errors = etree.SubElement(detail, qname(NASP, "errorList"), nsmap={"nasp": NASP})
    text = f"{error.code.slug}: {sentence_of(error, facts=False)}"
    findings = _findings(error)
    for one in findings or (None,):
        _error(errors, answer.code, text, one)
    return envelope


def _error(errors: etree._Element, code: str, text: str, one: Finding | None) -> None:
    error = etree.SubElement(errors, qname(NASP, "error"))
    for local, said in (("codeContext", "urn:nhs:names:error:tms"), ("errorCode", code), ("severity", "Error")):
        etree.SubElement(error, qname(NASP, local)).text = said
    location = etree.SubElement(error, qname(NASP, "location"), nsmap=dict(one.namespaces) if one is not None else None)
    location.text = (one.path if one is not None else "") or "SCR gateway"
    if one is not None:
        text += f" {one.code}: {_told(one)}"
    etree.SubElement(error, qname(NASP, "description")).text = text
