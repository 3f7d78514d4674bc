"""The shape all of Spine's HL7 messages share: SOAP envelope, transmission wrapper, acknowledgement and issues. Pure.

It must never let a fault pass for an answer, under whatever HTTP status it came.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import cast

from lxml import etree

from gateway.domain.errors import MessageInvalid
from gateway.domain.identifiers import Asid, MessageId
from gateway.domain.instants import to_hl7
from gateway.spine.interactions import EBXML, NOT_FULFILLED, OID_INTERACTION, WSA_2004, Interaction, SpineAddressing
from gateway.spine.outcomes import Issue, fault, unusable
from gateway.xml.names import HL7, OID_ASID, SOAP11, qname
from gateway.xml.parser import DEFAULT_LIMITS, Limits, parse, serialize
from gateway.xml.paths import elements, first, local_name, text_of

_NAMESPACES = {"SOAP-ENV": SOAP11, "wsa": WSA_2004, "hl7": HL7}
_DEFAULT = cast("dict[str, str]", {None: HL7})  # the stubs of lxml know no default namespace
_CONTROL_ACT = qname(HL7, "ControlActEvent")


@lru_cache(maxsize=512)
def hl7(local: str) -> str:
    """`{urn:hl7-org:v3}local`."""
    return qname(HL7, local)


def add(parent: etree._Element, local: str, text: str | None = None, **attributes: str) -> etree._Element:
    """A new last child in the HL7 namespace."""
    child = etree.SubElement(parent, hl7(local), attributes)
    child.text = text
    return child


def semantics(query: etree._Element, name: str, text: str, **value: str) -> etree._Element:
    """A query parameter: `value` with these attributes, then `semanticsText`. Returns the value element."""
    parameter = add(query, name)
    element = add(parameter, "value", **value)
    add(parameter, "semanticsText", text)
    return element


# Writing


def write_query(
    addressing: SpineAddressing,
    interaction: Interaction,
    query: etree._Element,
    *,
    url: str,
    message_id: MessageId,
    sender: Asid,
    moment: datetime,
) -> bytes:
    """A whole query message. `query` is the filled `query` element; `moment` an aware instant; `url` goes into wsa:To."""
    frame = _frame(addressing, interaction, url, sender)
    frame.header_id.text = f"uuid:{message_id.value}"
    frame.message_id.set("root", message_id.value)
    frame.created.set("value", to_hl7(moment))
    frame.act.append(query)
    data = serialize(frame.root)
    frame.act.remove(query)
    return data


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """A message without its query, and the places that each message fills anew. Never leaves this module."""

    root: etree._Element
    header_id: etree._Element
    message_id: etree._Element
    created: etree._Element
    act: etree._Element


@lru_cache(maxsize=256)
def _frame(addressing: SpineAddressing, interaction: Interaction, url: str, sender: Asid) -> _Frame:
    """Built once for each interaction and sender: most of a message is the same every time."""
    root = etree.Element(qname(SOAP11, "Envelope"), nsmap=_NAMESPACES)
    header_id = _write_header(etree.SubElement(root, qname(SOAP11, "Header")), addressing, interaction, url, sender)
    body = etree.SubElement(root, qname(SOAP11, "Body"))
    message = etree.SubElement(body, hl7(interaction.name), nsmap=_DEFAULT)
    message_id = add(message, "id")
    created = add(message, "creationTime")
    add(message, "versionCode", code=interaction.version)
    add(message, "interactionId", root=OID_INTERACTION, extension=interaction.name)
    add(message, "processingCode", code="P")
    add(message, "processingModeCode", code="T")
    add(message, "acceptAckCode", code="NE")
    for local, type_code, asid in (
        ("communicationFunctionRcv", "RCV", addressing.spine_asid),
        ("communicationFunctionSnd", "SND", sender),
    ):
        device = add(add(message, local, typeCode=type_code), "device", classCode="DEV", determinerCode="INSTANCE")
        add(device, "id", root=OID_ASID, extension=asid.value)
    act = add(message, "ControlActEvent", classCode="CACT", moodCode="EVN")
    agent = add(add(act, "author1", typeCode="AUT"), "AgentSystemSDS", classCode="AGNT")
    system = add(agent, "agentSystemSDS", classCode="DEV", determinerCode="INSTANCE")
    add(system, "id", root=OID_ASID, extension=sender.value)
    return _Frame(root, header_id, message_id, created, act)


def _write_header(
    header: etree._Element,
    addressing: SpineAddressing,
    interaction: Interaction,
    url: str,
    sender: Asid,
) -> etree._Element:
    """Fills the SOAP header. Returns the MessageID element, which each message fills."""

    def wsa(parent: etree._Element, local: str, text: str | None = None) -> etree._Element:
        child = etree.SubElement(parent, qname(WSA_2004, local))
        child.text = text
        return child

    message_id = wsa(header, "MessageID")
    wsa(header, "Action", interaction.action)
    wsa(header, "To", url)
    wsa(wsa(header, "From"), "Address", addressing.from_address)
    for local, asid in (("communicationFunctionRcv", addressing.spine_asid), ("communicationFunctionSnd", sender)):
        add(add(add(header, local), "device"), "id", root=OID_ASID, extension=asid.value)
    wsa(wsa(header, "ReplyTo"), "Address", addressing.from_address)
    return message_id


# Reading


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """An HL7 answer whose envelope is in order; what it says about the patient is not yet read."""

    element: etree._Element = field(repr=False)
    """The interaction's root, such as QUPC_IN210000UK04."""
    control_act: etree._Element = field(repr=False)
    fulfilled: bool
    """False: an AE answer, whose issues say why."""
    issues: tuple[Issue, ...]
    related: frozenset[str]
    """Upper-case ids of the requests it says it answers (RelatesTo and messageRef)."""

    def answers_to(self, message_id: MessageId) -> bool:
        """Whether it names this request, or none. Some of Spine's answers name another; who relies on it decides."""
        return not self.related or message_id.value in self.related


def read_answer(data: bytes, interaction: Interaction, limits: Limits = DEFAULT_LIMITS) -> Answer:
    """Bytes of an HTTP 200 reply to `interaction` -> Answer.

    Raises SpineFailure: SPINE_FAULT (SOAP fault, ebXML error, HTML page); SPINE_UNUSABLE (not well-formed, over a limit,
    another interaction, a part missing, AR, or contradicting itself).
    """
    if is_html(data):
        raise fault(())
    try:
        root = parse(data, limits, shape=False)
    except MessageInvalid as error:
        raise unusable() from error
    body = _body(root)
    _raise_fault(root, body)
    message = _payload(body)
    name = local_name(message)
    if name not in interaction.answers and name not in NOT_FULFILLED:
        raise unusable()
    stated = first(message, hl7("interactionId"))
    if stated is not None and stated.get("extension") != name:
        raise unusable()
    act = first(message, _CONTROL_ACT)
    issues = tuple(_issues(act))
    acknowledgement = first(message, hl7("acknowledgement"))
    kind = "AA" if acknowledgement is None else acknowledgement.get("typeCode", "")
    if kind == "AE":
        return _answer(root, message, act, issues or tuple(_transmission_issues(message)), fulfilled=False)
    # AR, an unknown kind, no payload, or success and an error at once: nothing to rely on
    if kind != "AA" or act is None or name in NOT_FULFILLED or any(not issue.is_warning for issue in issues):
        raise unusable()
    return _answer(root, message, act, issues, fulfilled=True)


def read_fault(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[str, ...]:
    """The codes of a SOAP fault in a reply of any status; empty where there is no readable fault."""
    try:
        root = parse(data, limits)
    except MessageInvalid:
        return ()
    return tuple(text_of(code) for code in root.iter("{*}errorCode"))


def is_html(data: bytes) -> bool:
    """Whether the bytes begin as an HTML page: a proxy or portal answered instead of Spine."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
    return start.startswith((b"<!doctype html", b"<html"))


def _answer(
    root: etree._Element,
    message: etree._Element,
    act: etree._Element | None,
    issues: tuple[Issue, ...],
    *,
    fulfilled: bool,
) -> Answer:
    references = [text_of(first(root, qname(SOAP11, "Header"), qname(WSA_2004, "RelatesTo")))]
    reference = first(message, hl7("acknowledgement"), hl7("messageRef"), hl7("id"))
    if reference is not None:
        references.append(reference.get("root", ""))
    return Answer(
        element=message,
        control_act=message if act is None else act,
        fulfilled=fulfilled,
        issues=issues,
        related=frozenset(text.rsplit(":", 1)[-1].strip().upper() for text in references if text.strip()),
    )


def _body(root: etree._Element) -> etree._Element:
    bodies = list(elements(root, qname(SOAP11, "Body")))
    if root.tag != qname(SOAP11, "Envelope") or len(bodies) != 1:
        raise unusable()
    return bodies[0]


def _raise_fault(root: etree._Element, body: etree._Element) -> None:
    """A SOAP fault anywhere in the body, or an ebXML error list in header or body."""
    for child in elements(body):
        if local_name(child) == "Fault":
            raise fault(tuple(text_of(code) for code in child.iter("{*}errorCode")))
    header = first(root, qname(SOAP11, "Header"))
    for part in (header, body):
        listed = first(part, qname(EBXML, "ErrorList"))
        if listed is not None:
            codes = tuple(error.get(qname(EBXML, "errorCode"), "") for error in elements(listed))
            raise fault(tuple(code for code in codes if code))


def _payload(body: etree._Element) -> etree._Element:
    """The interaction's root: inside the synchronous wrapper (`eventListQueryResponse` ...), or the body's own child."""
    children = list(elements(body))
    if len(children) != 1:
        raise unusable()
    if first(children[0], hl7("interactionId")) is not None:
        return _in_hl7(children[0])
    inner = list(elements(children[0]))
    if len(inner) != 1:
        raise unusable()
    return _in_hl7(inner[0])


def _in_hl7(element: etree._Element) -> etree._Element:
    if etree.QName(element).namespace != HL7:
        raise unusable()
    return element


def _issues(act: etree._Element | None) -> Iterator[Issue]:
    """The reasons of an answer in order; the first is the general class, the next the specific code."""
    if act is None:
        return
    for reason in elements(act, hl7("reason")):
        code = first(reason, hl7("justifyingDetectedIssueEvent"), hl7("code"))
        if code is None:
            raise unusable()
        qualifier = first(code, hl7("qualifier"))
        yield Issue(
            code=code.get("code", ""),
            system=code.get("codeSystem", ""),
            qualifier="" if qualifier is None else qualifier.get("code", ""),
        )


def _transmission_issues(message: etree._Element) -> Iterator[Issue]:
    """TMS errors told in the acknowledgement itself."""
    acknowledgement = first(message, hl7("acknowledgement"))
    for detail in elements(acknowledgement, hl7("acknowledgementDetail")) if acknowledgement is not None else ():
        code = first(detail, hl7("code"))
        if code is not None:
            yield Issue(code=code.get("code", ""), system=code.get("codeSystem", ""), qualifier="ER")
