"""SOAP 1.1 and 1.2 envelopes, WS-Addressing 1.0 and WS-Security headers: trees -> values. The one name other packages
import SOAP by.

It must never decide who the caller is: it reads what the headers claim and leaves proof to others.
"""

from collections.abc import Sequence

from lxml import etree

from gateway.domain.errors import MessageInvalid
from gateway.domain.findings import Finding
from gateway.xml.faults import Fault
from gateway.xml.findings import finding, gateway_code
from gateway.xml.names import ACCESS_FACTS, DS, SAML, SOAP12, WSA, WSSE, WSU, qname
from gateway.xml.paths import elements, first, has_stray_text, local_name, namespace_of, text_of
from gateway.xml.soap_values import Addressing, BinaryToken, Envelope, Security, SoapFault, SoapVersion, Timestamp
from gateway.xml.soap_writing import (
    addressing_headers,
    build_answer,
    build_envelope,
    build_fault,
    fault_element,
    not_understood_headers,
    upgrade_header,
)
from gateway.xml.spoken import said_namespace

__all__ = [
    "Addressing",
    "BinaryToken",
    "Envelope",
    "Security",
    "SoapFault",
    "SoapVersion",
    "Timestamp",
    "addressing_headers",
    "build_answer",
    "build_envelope",
    "build_fault",
    "examine_envelope",
    "fault_element",
    "must_be_understood",
    "not_understood_headers",
    "read_envelope",
    "stated_message_id",
    "upgrade_header",
]

_NEXT = {"http://schemas.xmlsoap.org/soap/actor/next", f"{SOAP12}/role/next", f"{SOAP12}/role/ultimateReceiver", ""}
_UNDERSTOOD = frozenset({WSA, WSSE, ACCESS_FACTS})


def read_envelope(
    root: etree._Element,
    *,
    accept: frozenset[SoapVersion] = frozenset({SoapVersion.V11}),
    understood: frozenset[str] = _UNDERSTOOD,
) -> Envelope:
    """Root element -> Envelope.

    `understood`: namespaces whose header blocks may say mustUnderstand. Raises MessageInvalid: MESSAGE_SOAP_VERSION,
    MESSAGE_ENVELOPE (structure),
    MESSAGE_MUST_UNDERSTAND, MESSAGE_HEADERS (a WS-Addressing or Security header repeated).
    """
    envelope, findings = examine_envelope(root, accept=accept, understood=understood)
    _refuse(findings)
    assert envelope is not None
    return envelope


def examine_envelope(
    root: etree._Element,
    *,
    accept: frozenset[SoapVersion] = frozenset({SoapVersion.V11}),
    understood: frozenset[str] = _UNDERSTOOD,
) -> tuple[Envelope | None, tuple[Finding, ...]]:
    """As `read_envelope`, without raising: the envelope as far as it can be read, and everything wrong with it."""
    try:
        version = _version(root, accept)
        header, body = _parts(root, version)
    except MessageInvalid as invalid:
        return None, invalid.findings
    blocks = tuple(elements(header)) if header is not None else ()
    content = list(elements(body))
    parts = [root, *([header] if header is not None else []), *([body] if content else [])]
    findings = [*_stray_text(parts), *_not_understood(blocks, version, understood), *_repeated(blocks)]
    if len(content) != 1:
        findings.append(finding(Fault.BODY_CONTENT, body, expected="exactly one element"))
    if not content:
        return None, tuple(findings)
    envelope = Envelope(
        version=version,
        root=root,
        payload=content[0],
        blocks=blocks,
        addressing=_addressing(blocks),
        security=_security(blocks),
    )
    return envelope, tuple(findings)


def stated_message_id(root: etree._Element) -> str | None:
    """wsa:MessageID as written, also of an envelope that cannot be accepted: what its fault relates to. None without one."""
    header = next((one for one in elements(root) if local_name(one) == "Header"), None)
    return text_of(first(header, qname(WSA, "MessageID"))) or None


def must_be_understood(block: etree._Element, version: SoapVersion) -> bool:
    """Whether a header block says mustUnderstand to this receiver."""
    role = qname(version.namespace, "actor" if version is SoapVersion.V11 else "role")
    said = (block.get(qname(version.namespace, "mustUnderstand")) or "").strip()
    return said in {"1", "true"} and (block.get(role) or "").strip() in _NEXT


def _refuse(findings: Sequence[Finding]) -> None:
    if findings:
        raise MessageInvalid(gateway_code(tuple(findings)), tuple(findings))


def _version(root: etree._Element, accept: frozenset[SoapVersion]) -> SoapVersion:
    expected = " or ".join(sorted(version.namespace for version in accept))
    if local_name(root) != "Envelope":
        _refuse((finding(Fault.NOT_SOAP, root, expected=f"Envelope in {expected}"),))
    for version in accept:
        if namespace_of(root) == version.namespace:
            return version
    found = said_namespace(namespace_of(root))
    raise MessageInvalid(
        Fault.SOAP_VERSION.entry.code, (finding(Fault.SOAP_VERSION, root, expected=expected, found=found),)
    )


def _parts(root: etree._Element, version: SoapVersion) -> tuple[etree._Element | None, etree._Element]:
    header_tag, body_tag = qname(version.namespace, "Header"), qname(version.namespace, "Body")
    children = list(elements(root))
    tags = [child.tag for child in children]
    if tags not in ([header_tag, body_tag], [body_tag]):
        wrong = next(
            (child for child, tag in zip(children, [header_tag, body_tag], strict=False) if child.tag != tag), root
        )
        _refuse((finding(Fault.SOAP_STRUCTURE, wrong, expected="Header (optional), then Body, and nothing else"),))
    return (children[0] if len(children) == 2 else None), children[-1]


def _stray_text(parts: Sequence[etree._Element]) -> list[Finding]:
    """Text between the envelope's parts: nobody reads it, so it must not travel under a message that was checked."""
    return [
        finding(Fault.TEXT_UNEXPECTED, part, clause="SOAP 1.1 section 4", expected="elements only")
        for part in parts
        if has_stray_text(part)
    ]


def _not_understood(
    blocks: Sequence[etree._Element], version: SoapVersion, understood: frozenset[str]
) -> list[Finding]:
    return [
        finding(Fault.MUST_UNDERSTAND, block)
        for block in blocks
        if must_be_understood(block, version) and namespace_of(block) not in understood
    ]


def _repeated(blocks: Sequence[etree._Element]) -> list[Finding]:
    """WS-Addressing headers (but RelatesTo) and wsse:Security stand once; two different ids would leave open which is
    meant.
    """
    seen: set[str] = set()
    findings = []
    for block in blocks:
        tag = str(block.tag)
        if namespace_of(block) in {WSA, WSSE, ACCESS_FACTS} and tag != qname(WSA, "RelatesTo"):
            if tag in seen:
                findings.append(finding(Fault.HEADER_REPEATED, block, expected="one"))
            seen.add(tag)
    return findings


def _addressing(blocks: Sequence[etree._Element]) -> Addressing:
    named = {str(block.tag): block for block in reversed(blocks) if namespace_of(block) == WSA}

    def plain(local: str) -> str | None:
        return text_of(named.get(qname(WSA, local))) or None

    def endpoint(local: str) -> str | None:
        return text_of(first(named.get(qname(WSA, local)), qname(WSA, "Address"))) or None

    return Addressing(
        message_id=plain("MessageID"),
        action=plain("Action"),
        to=plain("To"),
        from_address=endpoint("From"),
        reply_to=endpoint("ReplyTo"),
        fault_to=endpoint("FaultTo"),
        relates_to=plain("RelatesTo"),
    )


def _security(blocks: Sequence[etree._Element]) -> Security | None:
    block = next((b for b in blocks if b.tag == qname(WSSE, "Security")), None)
    if block is None:
        return None
    stamp = first(block, qname(WSU, "Timestamp"))
    timestamp = None
    if stamp is not None:
        timestamp = Timestamp(
            created=text_of(first(stamp, qname(WSU, "Created"))) or None,
            expires=text_of(first(stamp, qname(WSU, "Expires"))) or None,
            id=stamp.get(qname(WSU, "Id")),
        )
    tokens = tuple(
        BinaryToken(
            value_type=token.get("ValueType", ""), encoding_type=token.get("EncodingType", ""), value=text_of(token)
        )
        for token in elements(block, qname(WSSE, "BinarySecurityToken"))
    )
    return Security(
        timestamp=timestamp,
        username=text_of(first(block, qname(WSSE, "UsernameToken"), qname(WSSE, "Username"))) or None,
        tokens=tokens,
        assertion=first(block, qname(SAML, "Assertion")),
        signature=first(block, qname(DS, "Signature")),
    )
