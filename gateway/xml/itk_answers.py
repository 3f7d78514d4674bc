"""Mini-service answers: the distribution envelope of a response and the Toolkit's fault detail, as trees.

Ids come in as arguments; nothing is read from the request but what an answer must repeat.
"""

import copy
import re

from lxml import etree

from gateway.domain.findings import Finding
from gateway.xml.catalogue import Catalogue
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.itk import ItkRequest
from gateway.xml.itk_outline import envelope_findings
from gateway.xml.names import (
    HL7,
    ITK,
    ITK_INTERACTION_KEY,
    OID_ADDRESS_TYPE,
    OID_IDENTITY_TYPE,
    OID_TOOLKIT_ERROR,
    WSA_FAULT,
    qname,
)
from gateway.xml.operations import Operation
from gateway.xml.paths import elements, first
from gateway.xml.soap import SoapFault, SoapVersion, build_answer, build_fault

_UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", re.ASCII)
_FAULT_CODES = {"1000": "Client", "2100": "Server", "2200": "Server", "3000": "Client"}


def build_response(
    request: ItkRequest,
    payload: etree._Element,
    *,
    tracking_id: str,
    payload_id: str,
    to_address: str | None = None,
    audit_identity: str | None = None,
    sender_address: str | None = None,
) -> etree._Element:
    """The response's itk:DistributionEnvelope around `payload`. Ids are UUIDs in capitals without prefix, new for
    each message.

    The SCR service also says where it goes (`to_address`), who answers (`audit_identity`, `sender_address`) and its
    interaction; PDS leaves them out.
    """
    for uuid in (tracking_id, payload_id):
        if not _UUID.fullmatch(uuid):
            raise ValueError("ids of a response are UUIDs in capitals")
    root = etree.Element(qname(ITK, "DistributionEnvelope"), nsmap={"itk": ITK})
    header = _add(root, "header", service=request.operation.response_service, trackingid=tracking_id)
    if to_address is not None:
        _add(_add(header, "addresslist"), "address", type=OID_ADDRESS_TYPE, uri=to_address)
    if audit_identity is not None:
        _add(_add(header, "auditIdentity"), "id", type=OID_IDENTITY_TYPE, uri=audit_identity)
    manifest = _add(header, "manifest", count="1")
    item = f"uuid_{payload_id}"
    _add(
        manifest,
        "manifestitem",
        id=item,
        mimetype="text/xml",
        profileid=request.response_profile,
        base64="false",
        compressed="false",
        encrypted="false",
    )
    if sender_address is not None:
        _add(header, "senderAddress", type=OID_ADDRESS_TYPE, uri=sender_address)
    if (interaction := request.response_interaction) is not None:
        _add(_add(header, "handlingSpecification"), "spec", key=ITK_INTERACTION_KEY, value=interaction)
    _add(_add(root, "payloads", count="1"), "payload", id=item).append(payload)
    return root


def build_response_message(request: ItkRequest, distribution: etree._Element, *, message_id: str) -> etree._Element:
    """The SOAP 1.1 message around a response: new MessageID, Action = request action + `Response`, RelatesTo = the
    request's id.
    """
    return build_answer(
        request.envelope.version,
        message_id=message_id,
        action=request.operation.response_service,
        relates_to=request.message_id,
        body=distribution,
    )


def toolkit_error_info(error_id: str, code: str, text: str, diagnostic: str | None = None) -> etree._Element:
    """itk:ToolkitErrorInfo. `error_id` is a UUID in capitals (also written in our log), `code` one of 1000, 2100, 2200,
    3000.
    """
    if not _UUID.fullmatch(error_id) or code not in _FAULT_CODES or not text:
        raise ValueError("ToolkitErrorInfo needs a UUID in capitals, one of the four codes and a text")
    root = etree.Element(qname(ITK, "ToolkitErrorInfo"), nsmap={"itk": ITK})
    _add(root, "ErrorID").text = error_id
    _add(root, "ErrorCode", codeSystem=OID_TOOLKIT_ERROR).text = code
    _add(root, "ErrorText").text = text
    if diagnostic:
        _add(root, "ErrorDiagnosticText").text = diagnostic
    return root


def build_toolkit_fault(
    *,
    message_id: str,
    relates_to: str | None,
    error_id: str,
    code: str,
    text: str,
    diagnostic: str | None = None,
    faultcode: str | None = None,
    version: SoapVersion = SoapVersion.V11,
) -> etree._Element:
    """A whole fault message. `faultcode` overrides the code's own (VersionMismatch and MustUnderstand go with 1000)."""
    detail = toolkit_error_info(error_id, code, text, diagnostic)
    fault = SoapFault(code=faultcode or _FAULT_CODES[code], reason=text, detail=detail)
    return build_fault(version, fault, message_id=message_id, action=WSA_FAULT, relates_to=relates_to)


def hl7_element(local: str, **attributes: str) -> etree._Element:
    """A new element in the HL7 V3 namespace, the default namespace of a payload."""
    return etree.Element(qname(HL7, local), attributes, nsmap={None: HL7})  # type: ignore[dict-item]


def _add(parent: etree._Element, local: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, qname(ITK, local), attributes)


def response_findings(operation: Operation, distribution: etree._Element, catalogue: Catalogue) -> tuple[Finding, ...]:
    """What is wrong with a response we built: its envelope, and its payload without the record inside. It leaves only
    when nothing is.

    The record goes through as the national service holds it; its own checks are made before it comes here.
    """
    found = list(envelope_findings(catalogue, distribution))
    payload = first(distribution, qname(ITK, "payloads"), qname(ITK, "payload"), qname(HL7, operation.response_root))
    if payload is None:
        return (*found, finding(Fault.ROOT_ELEMENT, distribution, expected=operation.response_root))
    return (*found, *catalogue.validate(operation.response_root, _without_record(payload)))


def _without_record(payload: etree._Element) -> etree._Element:
    """The payload with the wrapper of the record left empty; the payload itself where it carries none."""
    if payload.tag != qname(HL7, "QuerySCRResponse"):
        return payload
    bare = etree.Element(payload.tag, _attributes(payload))
    for child in elements(payload):
        if child.tag == qname(HL7, "text"):
            text = etree.SubElement(bare, child.tag, _attributes(child))
            text.extend(etree.Element(wrapper.tag) for wrapper in elements(child))
        else:
            bare.append(copy.deepcopy(child))
    return bare


def _attributes(element: etree._Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}
