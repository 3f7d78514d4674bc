"""What the Toolkit demands of the distribution envelope beyond its schema: rows 1, 2, 14 to 19
and 21 of its tester's list.

Every rule works on a tree that may be broken: it never assumes that the schema check passed.
"""

import re
from collections.abc import Iterator

from lxml import etree

from gateway.domain.findings import Finding
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.header_rules import normalise_uuid
from gateway.xml.itk_parts import ITEM_PATH, manifest_items, payload_wrappers, specs
from gateway.xml.names import ITK, ITK_ADDRESS_URI, ITK_IDENTITY_URI, OID_IDENTITY_TYPE, WSSE, WSU, XSI, qname
from gateway.xml.paths import elements, first, text_of
from gateway.xml.soap import Envelope
from gateway.xml.spoken import said_value

_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+", re.ASCII)
_TRUE = {"true", "1"}


def check(envelope: Envelope, distribution: etree._Element, *, ids_may_repeat: bool) -> Iterator[Finding]:
    """Findings that make the message invalid, in row order."""
    yield from _audit_identity(distribution)  # row 14
    items, wrappers = manifest_items(distribution), payload_wrappers(distribution)
    for item in items:
        if (
            item.get("mimetype", "text/xml").strip().lower() != "text/xml"
        ):  # row 15; its absence is the schema's finding
            yield finding(Fault.MIME_TYPE, item, "mimetype", expected="text/xml", fragment='mimetype="text/xml"')
    yield from _counts(distribution, items, wrappers)
    yield from _ids(items, wrappers)
    if not ids_may_repeat:
        yield from _repeated_ids(envelope, distribution, items)
    for item in items:  # row 21
        for flag in ("base64", "compressed", "encrypted"):
            if item.get(flag, "false").strip() in _TRUE:
                yield finding(Fault.PAYLOAD_ENCODED, item, flag, expected="false", fragment=f'{flag}="false"')
    for wrapper in wrappers:
        yield from _payload_content(wrapper)


def _audit_identity(distribution: etree._Element) -> Iterator[Finding]:
    header = first(distribution, qname(ITK, "header"))
    identity = first(header, qname(ITK, "auditIdentity"))
    if identity is None:
        yield finding(
            Fault.AUDIT_IDENTITY, header if header is not None else distribution, expected="itk:auditIdentity"
        )
        return
    for one in elements(identity, qname(ITK, "id")):
        if "uri" in one.attrib and not one.get("uri", "").strip():
            yield finding(Fault.AUDIT_IDENTITY, one, "uri", expected="who makes the call")


def _counts(
    distribution: etree._Element, items: list[etree._Element], wrappers: list[etree._Element]
) -> Iterator[Finding]:
    """Row 16: each count is the number of its items; and a mini service carries exactly one."""
    for parent, children in (
        (first(distribution, *ITEM_PATH), items),
        (first(distribution, qname(ITK, "payloads")), wrappers),
    ):
        count = parent.get("count", "").strip() if parent is not None else ""
        if parent is not None and re.fullmatch(r"[+-]?[0-9]{1,9}", count) and int(count) != len(children):
            yield finding(
                Fault.COUNT_MISMATCH,
                parent,
                "count",
                expected=str(len(children)),
                found=count,
                fragment=f'count="{len(children)}"',
            )
        if parent is not None and len(children) > 1:
            yield finding(Fault.SINGLE_PAYLOAD, children[1], expected="one")


def _ids(items: list[etree._Element], wrappers: list[etree._Element]) -> Iterator[Finding]:
    """Row 17: ids are a prefix and a UUID, and pairwise equal."""
    for element in (*items, *wrappers):
        if "id" in element.attrib and normalise_uuid(element.get("id")) is None:
            yield finding(Fault.UUID_FORM, element, "id", expected="uuid_ and a UUID")
    for item, wrapper in zip(items, wrappers, strict=False):
        if item.get("id") is not None and wrapper.get("id") is not None and item.get("id") != wrapper.get("id"):
            expected, found = (said_value(element.get("id", "")) for element in (item, wrapper))
            yield finding(Fault.PAYLOAD_ID, wrapper, "id", expected=expected, found=found)


def _repeated_ids(envelope: Envelope, distribution: etree._Element, items: list[etree._Element]) -> Iterator[Finding]:
    """Row 18: MessageID, wsu:Id, tracking id and manifest item ids differ from each other."""
    header = first(distribution, qname(ITK, "header"))
    stamp = first(envelope.block(qname(WSSE, "Security")), qname(WSU, "Timestamp"))
    written: list[tuple[str | None, etree._Element | None, str | None]] = [
        (envelope.addressing.message_id, None, None),
        (stamp.get(qname(WSU, "Id")) if stamp is not None else None, stamp, qname(WSU, "Id")),
        (header.get("trackingid") if header is not None else None, header, "trackingid"),
        *((item.get("id"), item, "id") for item in items),
    ]
    seen: set[str] = set()
    for text, element, attribute in written:
        uuid = normalise_uuid(text)
        if uuid in seen and element is not None:
            yield finding(Fault.IDS_REUSED, element, attribute, expected="a UUID of its own")
        if uuid is not None:
            seen.add(uuid)


def _payload_content(wrapper: etree._Element) -> Iterator[Finding]:
    if next(elements(wrapper), None) is None:
        text = text_of(wrapper)
        fault = Fault.PAYLOAD_ESCAPED if text.startswith("<") else Fault.PAYLOAD_EMPTY
        yield finding(fault, wrapper, expected="one XML element")


def warnings(envelope: Envelope, distribution: etree._Element) -> Iterator[Finding]:
    """What the Toolkit's tester would note and this gateway tolerates: rows 1, 2, 14 (style) and 19."""
    for element in (*(b for block in envelope.blocks for b in block.iter("*")), *distribution.iter(qname(ITK, "*"))):
        for name, value in element.attrib.items():
            if not value.strip() and name != qname(XSI, "nil"):
                yield finding(Fault.BLANK_ATTRIBUTE, element, str(name))  # row 1
    for element in envelope.root.iter("*"):
        for name in (qname(XSI, "schemaLocation"), qname(XSI, "noNamespaceSchemaLocation")):
            if name in element.attrib:
                yield finding(Fault.SCHEMA_LOCATION, element, name)  # row 2
    header = first(distribution, qname(ITK, "header"))
    identity = first(header, qname(ITK, "auditIdentity"))
    for one in elements(identity, qname(ITK, "id")) if identity is not None else ():
        if not _styled(one.get("type", OID_IDENTITY_TYPE), one.get("uri", "")):
            yield finding(
                Fault.AUDIT_IDENTITY_STYLE, one, "uri", expected=f"{ITK_IDENTITY_URI}ods:… or a type of its own"
            )
    sender = first(header, qname(ITK, "senderAddress"))
    if sender is not None and not sender.get("uri", "").startswith(ITK_ADDRESS_URI):
        yield finding(Fault.SENDER_ADDRESS_STYLE, sender, "uri", expected=f"{ITK_ADDRESS_URI}…")  # row 19
    for key, value in specs(distribution):
        if key.endswith(("ackrequested",)) and value.strip().lower() in _TRUE and header is not None:
            yield finding(Fault.ACKNOWLEDGEMENT_REQUESTED, header)


def _styled(kind: str, uri: str) -> bool:
    """Row 14: Toolkit identities have the Toolkit's type, prefix and two tokens; any other is typed by another OID."""
    if uri.startswith(ITK_IDENTITY_URI):
        tokens = [token for token in uri.removeprefix(ITK_IDENTITY_URI).split(":") if token]
        return kind == OID_IDENTITY_TYPE and len(tokens) >= 2
    return kind != OID_IDENTITY_TYPE and _OID.fullmatch(kind) is not None
