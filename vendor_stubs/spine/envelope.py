"""From the bytes of a request to a checked message: everything that is wrong with the envelope is a SOAP fault here.

Reads only; must not decide anything about a patient.
"""

import re
from dataclasses import dataclass

from vendor_stubs.spine.names import ASID, INTERACTION, INTERACTIONS, JOB_ROLE, ROLE_PROFILE, USER, Interaction
from vendor_stubs.spine.outcomes import NOT_PROCESSABLE, NOT_WELL_FORMED, SpineFault, invalid_request
from vendor_stubs.xml import HL7, SOAP11, WSA_2004, Element, NotXml, elements, local_name, namespace_of, parse, qname

_UUID = re.compile(r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}")
_ASID = re.compile(r"[0-9]{12}")
_TIME = re.compile(r"[0-9]{14}")
_COMMON = (
    "id",
    "creationTime",
    "versionCode",
    "interactionId",
    "processingCode",
    "processingModeCode",
    "acceptAckCode",
    "communicationFunctionRcv",
    "communicationFunctionSnd",
    "ControlActEvent",
)
MAX_REQUEST_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Message:
    """A request whose envelope is in order, so that it can be answered by reference; payload not yet looked into."""

    interaction: Interaction
    message_id: str
    sender: str
    payload: Element


def is_uuid(text: str) -> bool:
    """Whether text is an upper-case UUID."""
    return _UUID.fullmatch(text) is not None


def read_message(body: bytes, *, soap_action: str, content_type: str, header_asid: str, own_asid: str) -> Message:
    """A message from a request's bytes and its HTTP headers (as sent, empty when absent).

    Raises SpineFault.
    """
    media_type, _, parameters = content_type.partition(";")
    if media_type.strip().lower() != "text/xml" or ("charset" in parameters and "utf-8" not in parameters.lower()):
        raise _unprocessable("Content-Type is not text/xml in UTF-8")
    if header_asid and not _ASID.fullmatch(header_asid):
        raise _unprocessable("nhsd-asid is not an ASID")
    try:
        root = parse(body, MAX_REQUEST_BYTES)
    except NotXml as error:
        raise SpineFault(NOT_WELL_FORMED, "Message is not well formed") from error
    if root.tag != qname(SOAP11, "Envelope"):
        raise _unprocessable("not a SOAP 1.1 envelope")
    header, payload = _parts(root)
    interaction = _interaction(soap_action, header, payload)
    message_id = _message_id(header)
    _check_addressing(header, own_asid)
    sender = _check_header_asids(header, own_asid)
    return Message(interaction=interaction, message_id=message_id, sender=sender, payload=payload)


def control_act_of(message: Message, own_asid: str) -> Element:
    """The ControlActEvent of a message, after every check of the HL7 wrapper around it.

    Raises NotFulfilled where a rule of the query schematron is broken, SpineFault where payload and envelope disagree.
    """
    _check_wrapper(message, own_asid)
    control_act = _only(message.payload, "ControlActEvent")
    _check_authors(control_act, message.interaction, message.sender)
    return control_act


def _unprocessable(what: str) -> SpineFault:
    return SpineFault(NOT_PROCESSABLE, f"Message cannot be processed: {what}")


def _parts(root: Element) -> tuple[Element, Element]:
    header, body = root.find(qname(SOAP11, "Header")), root.find(qname(SOAP11, "Body"))
    if header is None or body is None:
        raise _unprocessable("Header or Body is missing")
    content = elements(body)
    if len(content) != 1:
        raise _unprocessable("Body does not hold exactly one element")
    return header, content[0]


def _interaction(soap_action: str, header: Element, payload: Element) -> Interaction:
    name = local_name(payload)
    interaction = INTERACTIONS.get(name)
    if interaction is None or namespace_of(payload) != HL7:
        raise _unprocessable("the interaction is not known")
    if soap_action.strip('"') != interaction.action:
        raise _unprocessable("SOAPAction does not name the payload's interaction")
    if (header.findtext(qname(WSA_2004, "Action")) or "").strip() != interaction.action:
        raise _unprocessable("wsa:Action does not name the payload's interaction")
    return interaction


def _message_id(header: Element) -> str:
    scheme, _, message_id = (header.findtext(qname(WSA_2004, "MessageID")) or "").strip().partition(":")
    if scheme != "uuid" or not is_uuid(message_id):
        raise _unprocessable("wsa:MessageID is not uuid: and an upper-case UUID")
    return message_id


def _check_addressing(header: Element, own_asid: str) -> None:
    for name in ("To", "From", "ReplyTo"):
        if header.find(qname(WSA_2004, name)) is None:
            raise _unprocessable(f"wsa:{name} is missing")
    if _device(header.find(qname(HL7, "communicationFunctionRcv"))) != own_asid:
        raise _unprocessable("the receiver's ASID is not this Spine's")


def _check_header_asids(header: Element, own_asid: str) -> str:
    sender = _device(header.find(qname(HL7, "communicationFunctionSnd")))
    if not _ASID.fullmatch(sender) or sender == own_asid:
        raise _unprocessable("the sender's ASID is not 12 digits of its own")
    return sender


def _device(function: Element | None) -> str:
    identifier = None if function is None else function.find(f"{qname(HL7, 'device')}/{qname(HL7, 'id')}")
    if identifier is None or identifier.get("root") != ASID:
        return ""
    return identifier.get("extension", "")


def _only(parent: Element, name: str) -> Element:
    found = parent.findall(qname(HL7, name))
    if len(found) != 1:
        raise invalid_request(f"exactly one {name} is needed")
    return found[0]


def _check_wrapper(message: Message, own_asid: str) -> None:
    payload, interaction = message.payload, message.interaction
    names = [local_name(child) for child in elements(payload)]
    if tuple(names) != _COMMON:
        raise invalid_request("the wrapper's elements are not the ones expected, in their order")
    if _only(payload, "id").get("root") != message.message_id:
        raise _unprocessable("wsa:MessageID and the payload's id differ")
    if not _TIME.fullmatch(_only(payload, "creationTime").get("value", "")):
        raise invalid_request("INVALID_CREATION_TIME")
    if _only(payload, "versionCode").get("code") not in interaction.versions:
        raise invalid_request("INVALID_VERSION_CODE")
    named = _only(payload, "interactionId")
    if (named.get("root"), named.get("extension")) != (INTERACTION, interaction.name):
        raise _unprocessable("interactionId does not name the payload's interaction")
    codes = [_only(payload, name).get("code") for name in ("processingCode", "processingModeCode", "acceptAckCode")]
    if codes != ["P", "T", "NE"]:
        raise invalid_request("processing codes are not P, T and NE")
    if _device(_only(payload, "communicationFunctionRcv")) != own_asid:
        raise _unprocessable("the payload's receiver is not this Spine")
    if _device(_only(payload, "communicationFunctionSnd")) != message.sender:
        raise _unprocessable("the payload's sender is not the envelope's")


def _check_authors(control_act: Element, interaction: Interaction, sender: str) -> None:
    if (control_act.get("classCode"), control_act.get("moodCode")) != ("CACT", "EVN"):
        raise invalid_request("INVALID_CONTROL_ACT")
    systems = control_act.findall(qname(HL7, "author1"))
    if not 1 <= len(systems) <= 2:
        raise invalid_request("CONTROL_ACT_AUTHOR_INVALID_CARDINALITY")
    path = "/".join(qname(HL7, name) for name in ("AgentSystemSDS", "agentSystemSDS", "id"))
    system = systems[0].find(path)
    if system is None or (system.get("root"), system.get("extension")) != (ASID, sender):
        raise invalid_request("CONTROL_ACT_AUTHOR_AGENT_INVALID")
    people = control_act.findall(qname(HL7, "author"))
    if len(people) > 1 or (not people and not interaction.is_query):
        raise invalid_request("CONTROL_ACT_AUTHOR_INVALID")
    for person in people:
        _check_person(person)


def _check_person(person: Element) -> None:
    held = {found.get("root"): found.get("extension") for found in person.iter(qname(HL7, "id"))}
    if set(held) != {ROLE_PROFILE, USER, JOB_ROLE} or not all(held.values()):
        raise invalid_request("CONTROL_ACT_AUTHOR_AGENT_INVALID")
    if len(held[USER] or "") != 12:
        raise invalid_request("CONTROL_ACT_AUTHOR_AGENT_INVALID")
