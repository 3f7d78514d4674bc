"""SOAP 1.1 and 1.2 envelopes, WS-Addressing 1.0 and WS-Security headers: tree <-> values, both directions, pure.

It must never decide who the caller is: it reads what the headers claim and leaves proof to others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from lxml import etree

from gateway.domain.errors import MessageInvalid
from gateway.domain.findings import Finding
from gateway.xml.findings import Fault, finding, gateway_code
from gateway.xml.names import ACCESS_FACTS, PREFIXES, SAML, SOAP11, SOAP12, WSA, WSSE, WSU, XML, qname
from gateway.xml.paths import elements, first, local_name, namespace_of, text_of

_NEXT = {"http://schemas.xmlsoap.org/soap/actor/next", f"{SOAP12}/role/next", f"{SOAP12}/role/ultimateReceiver", ""}
_UNDERSTOOD = frozenset({WSA, WSSE, ACCESS_FACTS})


class SoapVersion(Enum):
    """The two SOAP versions, by envelope namespace."""

    V11 = SOAP11
    V12 = SOAP12

    @property
    def namespace(self) -> str:
        """Namespace of Envelope, Header, Body and Fault."""
        return self.value

    @property
    def content_type(self) -> str:
        """HTTP Content-Type of a message of this version."""
        return "text/xml; charset=utf-8" if self is SoapVersion.V11 else "application/soap+xml; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressing:
    """The WS-Addressing headers as written, white space stripped; None where absent or empty."""

    message_id: str | None = None
    action: str | None = None
    to: str | None = None
    from_address: str | None = None
    reply_to: str | None = None
    fault_to: str | None = None
    relates_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamp:
    """wsu:Timestamp as written; the texts are None where absent or empty."""

    created: str | None
    expires: str | None
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryToken:
    """A wsse:BinarySecurityToken. `value` is a secret: it never shows in a repr."""

    value_type: str
    encoding_type: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """The parts of wsse:Security this gateway reads. A password is never read; `assertion` is the saml:Assertion
    element, unverified.
    """

    timestamp: Timestamp | None = None
    username: str | None = field(default=None, repr=False)
    tokens: tuple[BinaryToken, ...] = field(default=(), repr=False)
    assertion: etree._Element | None = field(default=None, repr=False)
    signature: etree._Element | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Envelope:
    """One SOAP message read. `payload` is the one element of the body; `root` the tree it came from (for positions and
    signatures).
    """

    version: SoapVersion
    root: etree._Element = field(repr=False)
    payload: etree._Element = field(repr=False)
    blocks: tuple[etree._Element, ...] = field(repr=False)
    addressing: Addressing
    security: Security | None

    def block(self, tag: str) -> etree._Element | None:
        """The first header block named `{ns}local`, or None."""
        return next((block for block in self.blocks if block.tag == tag), None)

    @property
    def header(self) -> etree._Element | None:
        """The SOAP Header element, where there is one: the place of findings about missing headers."""
        return first(self.root, qname(self.version.namespace, "Header"))

    @property
    def is_fault(self) -> bool:
        """Whether the body holds a SOAP Fault."""
        return self.payload.tag == qname(self.version.namespace, "Fault")


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
    findings = [*_not_understood(blocks, version, understood), *_repeated(blocks)]
    content = list(elements(body))
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
    raise MessageInvalid(
        Fault.SOAP_VERSION.entry.code, (finding(Fault.SOAP_VERSION, root, expected=expected, found=namespace_of(root)),)
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


def _not_understood(
    blocks: Sequence[etree._Element], version: SoapVersion, understood: frozenset[str]
) -> list[Finding]:
    must, actor = (
        qname(version.namespace, "mustUnderstand"),
        qname(version.namespace, "actor" if version is SoapVersion.V11 else "role"),
    )
    return [
        finding(Fault.MUST_UNDERSTAND, block)
        for block in blocks
        if (block.get(must) or "").strip() in {"1", "true"}
        and (block.get(actor) or "").strip() in _NEXT
        and namespace_of(block) not in understood
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
        signature=first(block, "{http://www.w3.org/2000/09/xmldsig#}Signature"),
    )


# Writing: values -> trees


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SoapFault:
    """What a fault says, for either version.

    `code`: Client, Server, VersionMismatch or MustUnderstand (1.2 writes Sender and Receiver for the first two).
    `subcodes`: `(namespace, local)` pairs,
    outermost first, written in 1.2 only. `actor`: an http(s) URI or None. `detail`: one element or None.
    """

    code: str
    reason: str
    detail: etree._Element | None = None
    subcodes: tuple[tuple[str, str], ...] = ()
    actor: str | None = None

    def __post_init__(self) -> None:
        if self.code not in {"Client", "Server", "VersionMismatch", "MustUnderstand"}:
            raise ValueError("not a SOAP fault code")
        if not self.reason:
            raise ValueError("a SOAP fault has a reason")


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
    version: SoapVersion, fault: SoapFault, *, message_id: str, action: str, relates_to: str | None
) -> etree._Element:
    """An envelope that holds the fault, with addressing headers. `relates_to` is None where the request's id could not
    be read.
    """
    body = fault_element(version, fault)
    return build_answer(version, message_id=message_id, action=action, relates_to=relates_to, body=body)


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
