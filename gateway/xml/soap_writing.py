"""SOAP 1.1 and 1.2 messages and faults, from values to trees.

Ids come in as arguments; nothing is sent here.
"""

from collections.abc import Iterable, Sequence

from lxml import etree

from gateway.domain.findings import Finding
from gateway.xml.faults import Fault
from gateway.xml.names import PREFIXES, SOAP11, SOAP12, WSA, XML, qname
from gateway.xml.soap_values import SoapFault, SoapVersion


def build_envelope(
    version: SoapVersion, *, headers: Sequence[etree._Element] = (), body: etree._Element
) -> etree._Element:
    """Header blocks and one body element -> Envelope. The Header is left out where there are no blocks. The elements
    given become part of the tree.
    """
    soap = version.namespace
    prefix = "soap" if version is SoapVersion.V11 else "soap12"
    root = etree.Element(qname(soap, "Envelope"), nsmap={prefix: soap, **({"wsa": WSA} if headers else {})})
    if headers:
        etree.SubElement(root, qname(soap, "Header")).extend(headers)
    etree.SubElement(root, qname(soap, "Body")).append(body)
    return root


def addressing_headers(
    *,
    message_id: str,
    action: str,
    to: str | None = None,
    relates_to: str | None = None,
    from_address: str | None = None,
    reply_to: str | None = None,
) -> list[etree._Element]:
    """WS-Addressing header blocks in a fixed order; those given as None are left out."""
    headers = [_text(WSA, "MessageID", message_id), _text(WSA, "Action", action)]
    if to is not None:
        headers.append(_text(WSA, "To", to))
    for local, address in (("From", from_address), ("ReplyTo", reply_to)):
        if address is not None:
            endpoint = etree.Element(qname(WSA, local), nsmap={"wsa": WSA})
            endpoint.append(_text(WSA, "Address", address))
            headers.append(endpoint)
    if relates_to is not None:
        headers.append(_text(WSA, "RelatesTo", relates_to))
    return headers


def build_answer(
    version: SoapVersion, *, message_id: str, action: str, relates_to: str | None, body: etree._Element
) -> etree._Element:
    """An answer with new MessageID, its Action and RelatesTo; no To and no Security, as the national service answers."""
    return build_envelope(
        version, headers=addressing_headers(message_id=message_id, action=action, relates_to=relates_to), body=body
    )


def build_fault(
    version: SoapVersion,
    fault: SoapFault,
    *,
    message_id: str,
    action: str,
    relates_to: str | None,
    headers: Sequence[etree._Element] = (),
) -> etree._Element:
    """An envelope that holds the fault, with addressing headers and `headers` behind them. `relates_to` is None where the
    request's id could not be read.
    """
    addressing = addressing_headers(message_id=message_id, action=action, relates_to=relates_to)
    return build_envelope(version, headers=[*addressing, *headers], body=fault_element(version, fault))


_BLOCK_AT = {Fault.MUST_UNDERSTAND.slug: -1, Fault.SECURITY_PART.slug: -2}
"""Which step of a finding's path is the header block."""


def not_understood_headers(findings: Iterable[Finding]) -> list[etree._Element]:
    """A NotUnderstood header block for each header that a finding says is not understood (SOAP 1.2 part 1 section 5.4.8)."""
    blocks = {}
    for one in findings:
        if one.code in _BLOCK_AT:
            name = one.path.split("/")[_BLOCK_AT[one.code]].partition("[")[0]
            prefix, colon, _ = name.partition(":")
            known = {prefix: dict(one.namespaces)[prefix]} if colon else {}
            blocks[name, *known.values()] = etree.Element(
                qname(SOAP12, "NotUnderstood"), {"qname": name}, nsmap={"soap12": SOAP12, **known}
            )
    return list(blocks.values())


def upgrade_header() -> etree._Element:
    """The Upgrade header block of a VersionMismatch: SOAP 1.2 is what is spoken (SOAP 1.2 part 1 section 5.4.7)."""
    block = etree.Element(qname(SOAP12, "Upgrade"), nsmap={"soap12": SOAP12})
    etree.SubElement(block, qname(SOAP12, "SupportedEnvelope"), {"qname": "soap12:Envelope"})
    return block


def fault_element(version: SoapVersion, fault: SoapFault) -> etree._Element:
    """The Fault element alone, for doors without WS-Addressing."""
    return _fault11(fault) if version is SoapVersion.V11 else _fault12(fault)


def _fault11(fault: SoapFault) -> etree._Element:
    element = etree.Element(qname(SOAP11, "Fault"), nsmap={"soap": SOAP11})
    etree.SubElement(element, "faultcode").text = f"soap:{fault.code}"
    etree.SubElement(element, "faultstring").text = fault.reason
    if fault.actor is not None:
        etree.SubElement(element, "faultactor").text = fault.actor
    if fault.detail is not None:
        etree.SubElement(element, "detail").append(fault.detail)
    return element


def _fault12(fault: SoapFault) -> etree._Element:
    nsmap: dict[str, str] = {"soap12": SOAP12}
    for number, (namespace, _) in enumerate(fault.subcodes, 1):
        if namespace not in nsmap.values():
            nsmap[next((known for known, uri in PREFIXES.items() if uri == namespace), f"s{number}")] = namespace
    prefix_of = {uri: prefix for prefix, uri in nsmap.items()}
    element = etree.Element(qname(SOAP12, "Fault"), nsmap=nsmap)
    code = etree.SubElement(element, qname(SOAP12, "Code"))
    name = {"Client": "Sender", "Server": "Receiver"}.get(fault.code, fault.code)
    etree.SubElement(code, qname(SOAP12, "Value")).text = f"soap12:{name}"
    for namespace, local in fault.subcodes:
        code = etree.SubElement(code, qname(SOAP12, "Subcode"))
        etree.SubElement(code, qname(SOAP12, "Value")).text = f"{prefix_of[namespace]}:{local}"
    reason = etree.SubElement(etree.SubElement(element, qname(SOAP12, "Reason")), qname(SOAP12, "Text"))
    reason.set(qname(XML, "lang"), "en")
    reason.text = fault.reason
    if fault.actor is not None:
        etree.SubElement(element, qname(SOAP12, "Role")).text = fault.actor
    if fault.detail is not None:
        etree.SubElement(element, qname(SOAP12, "Detail")).append(fault.detail)
    return element


def _text(namespace: str, local: str, text: str) -> etree._Element:
    element = etree.Element(qname(namespace, local), nsmap={"wsa": namespace} if namespace == WSA else None)
    element.text = text
    return element
