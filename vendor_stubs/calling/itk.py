"""ITK as a mini-service client speaks it: the distribution envelope as zeep values, and what an answer's bytes say.

Reads answers with the stubs' one parser; judges nothing.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from vendor_stubs import xml
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.calling.soap import WSA, Headers, binary_token
from vendor_stubs.xml import HL7, SOAP11, Element, qname

ITK = "urn:nhs-itk:ns:201005"
SERVICES = "urn:nhs-itk:services:201005:"
SEND_RECV = SERVICES + "sendRecvDistEnvelope"
PROFILES = "urn:nhs-en:profile:"
INTERACTIONS = "urn:nhs-itk:interaction:"
INTERACTION_KEY = "urn:nhs-itk:ns:201005:interaction"
OID_USER = "1.2.826.0.1285.0.2.0.65"
OID_ROLE_PROFILE = "1.2.826.0.1285.0.2.0.67"
JWT = "urn:ietf:params:oauth:token-type:jwt"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The names one operation has on the wire."""

    service: str
    profile: str
    interaction: str | None
    wsdl: str
    """Path of the WSDL that has it."""


def scr_operation(name: str) -> Operation:
    """One of the six SCR operations, such as querySCR: one service for all, told apart by the interaction."""
    return Operation(
        service=SEND_RECV,
        profile=f"{PROFILES}{name}Request-v-1-0",
        interaction=f"{INTERACTIONS}{name}Request-v1-0",
        wsdl="/itk/scr?wsdl",
    )


def pds_operation(name: str) -> Operation:
    """One of the five PDS operations, such as verifyNHSNumber: each its own service."""
    return Operation(
        service=f"{SERVICES}{name}-v1-0",
        profile=f"{PROFILES}{name}Request-v1-0",
        interaction=None,
        wsdl="/itk/pds?wsdl",
    )


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who calls: the system's organisation, the user and, where one is chosen, the role profile."""

    organisation: str
    uid: str
    role: str | None
    token: str = field(repr=False)


def envelope_values(operation: Operation, sender: Sender, payload: Element, calls: Calls) -> dict[str, Any]:
    """`header` and `payloads` of the DistributionEnvelope for zeep, with new ids."""
    item = f"uuid_{calls.new_id()}"
    identities = [
        {"type": OID_USER, "uri": sender.uid},
        *([{"type": OID_ROLE_PROFILE, "uri": sender.role}] if sender.role is not None else []),
        {"uri": f"urn:nhs-uk:identity:ods:{sender.organisation}:{sender.uid}"},
    ]
    header: dict[str, Any] = {
        "service": operation.service,
        "trackingid": calls.new_id(),
        "auditIdentity": {"id": identities},
        "manifest": {
            "count": 1,
            "manifestitem": [{"id": item, "mimetype": "text/xml", "profileid": operation.profile}],
        },
        "senderAddress": {"uri": f"urn:nhs-uk:addressing:ods:{sender.organisation}"},
    }
    if operation.interaction is not None:
        header["handlingSpecification"] = {"spec": [{"key": INTERACTION_KEY, "value": operation.interaction}]}
    return {"header": header, "payloads": {"count": 1, "payload": [{"id": item, "_value_1": payload}]}}


def soap_headers(calls: Calls, sender: Sender, *, to: str, blocks: tuple[Element, ...] = ()) -> Headers:
    """WS-Addressing and WS-Security of one message: new id, time stamp, the system's username, the user's token."""
    return Headers(
        message_id=calls.new_id(),
        to=to,
        created=calls.now(),
        timestamp_id=f"uuid_{calls.new_id()}",
        username=calls.system.username,
        security=(binary_token(encoded_token(sender.token), JWT),),
        blocks=blocks,
    )


def encoded_token(token: str) -> str:
    """A compact JWT as it travels in a BinarySecurityToken."""
    return base64.b64encode(token.encode("ascii")).decode("ascii")


def payload_root(name: str, message_id: str, *, before_id: tuple[Element, ...] = ()) -> Element:
    """The root of a request payload with its id."""
    root = etree.Element(qname(HL7, name), nsmap={None: HL7})  # type: ignore[dict-item]  # lxml-stubs: None is the default namespace
    root.extend(before_id)
    xml.add(root, "id", root=message_id)
    return root


def item(parent: Element, name: str, **value: str) -> Element:
    """`name/value` with attributes under parent; returns the value."""
    return xml.add(xml.add(parent, name), "value", **value)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the bytes of an answer say. All None: no SOAP message at all."""

    wire_code: str | None = None
    """`value/@code` of the payload, or ErrorCode of a fault."""
    display: str | None = None
    """Its display name, or the fault's text."""
    is_fault: bool = False
    relates_to: str | None = None
    payload: Element | None = field(default=None, repr=False)

    def value(self, path: str, attribute: str = "value") -> str | None:
        """An attribute of the first element at `a/b/c` (HL7 names) under the payload, or None."""
        element = self.element(path)
        return None if element is None else element.get(attribute)

    def element(self, path: str) -> Element | None:
        """The first element at `a/b/c` (HL7 names) under the payload, or None."""
        if self.payload is None:
            return None
        return self.payload.find("/".join(qname(HL7, step) for step in path.split("/")))


def read_answer(exchange: Exchange) -> Answer:
    """Bytes -> Answer. Whatever is not a SOAP message with a mini-service answer in it is an empty Answer."""
    try:
        root = xml.parse(exchange.body)
    except xml.NotXml:
        return Answer()
    body = root.find(qname(SOAP11, "Body"))
    if root.tag != qname(SOAP11, "Envelope") or body is None:
        return Answer()
    relates = root.findtext(f"{qname(SOAP11, 'Header')}/{qname(WSA, 'RelatesTo')}")
    relates_to = _bare(relates) if relates else None
    fault = body.find(qname(SOAP11, "Fault"))
    if fault is not None:
        return _fault(fault, relates_to)
    steps = ("DistributionEnvelope", "payloads", "payload")
    wrapper = body.find("/".join(qname(ITK, step) for step in steps))
    payloads = xml.elements(wrapper) if wrapper is not None else []
    if len(payloads) != 1:
        return Answer(relates_to=relates_to)
    value = payloads[0].find(qname(HL7, "value"))
    attributes: Mapping[str, str] = {} if value is None else {str(k): str(v) for k, v in value.attrib.items()}
    return Answer(
        wire_code=attributes.get("code"),
        display=attributes.get("displayName"),
        relates_to=relates_to,
        payload=payloads[0],
    )


def _fault(fault: Element, relates_to: str | None) -> Answer:
    info = fault.find(f"detail/{qname(ITK, 'ToolkitErrorInfo')}")
    code = info.findtext(qname(ITK, "ErrorCode")) if info is not None else None
    text = info.findtext(qname(ITK, "ErrorText")) if info is not None else None
    return Answer(
        wire_code=code.strip() if code else None,
        display=text or fault.findtext("faultstring"),
        is_fault=True,
        relates_to=relates_to,
    )


def _bare(message_id: str) -> str:
    """A message id without prefix, in capitals: servers differ in both."""
    return message_id.strip()[-36:].upper()
