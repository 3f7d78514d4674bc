"""What the explain pass can tell of a mini-service message by its envelope and schemas, all of it at once.

The same rules as the fast path, from the same modules; nothing is checked here that the door itself does not check.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from lxml import etree

from gateway.domain.findings import Finding
from gateway.xml.access_facts import ACCESS_FACTS_TAG
from gateway.xml.catalogue import ACCESS_FACTS_BLOCK, DISTRIBUTION_ENVELOPE, ENTRIES, Catalogue
from gateway.xml.explain import Context, Located, Message
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.itk import Leniences, header_findings, rule_findings, tolerated
from gateway.xml.itk_naming import contradiction_findings, scr_meant
from gateway.xml.itk_outline import outline
from gateway.xml.itk_parts import payload_wrappers
from gateway.xml.operations import Operation
from gateway.xml.paths import elements, is_element
from gateway.xml.schema_findings import Diagnosis
from gateway.xml.schema_repair import diagnose_all
from gateway.xml.soap import Envelope, examine_envelope


@cache
def _catalogue(schemas: str | None) -> Catalogue:
    return Catalogue.load(Path(schemas) if schemas else None)


def catalogue_of(context: Context) -> Catalogue:
    """The schemas a message is checked against, compiled once a process."""
    return _catalogue(context.schemas)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examined:
    """What can be told of a message by its envelope and schemas."""

    findings: tuple[Located, ...]
    envelope: Envelope | None = None
    operation: Operation | None = None
    payload: etree._Element | None = None
    payload_broken: bool = False
    """Whether the payload breaks its schema."""


def examine(message: Message, context: Context) -> Examined:
    """SOAP, headers, distribution envelope, access facts and payload schema, in the order their reader checks them."""
    catalogue = catalogue_of(context)
    envelope, broken = examine_envelope(message.root)
    findings = [Located(one, inside=one.code == Fault.TEXT_UNEXPECTED.slug) for one in broken]
    if envelope is None:
        return Examined(findings=tuple(findings))
    leniences = Leniences.from_names(context.leniences)
    headers = header_findings(envelope, now=context.now, leniences=leniences, soap_action=context.soap_action)
    findings += [Located(one) for one in headers]
    findings += located(_envelope(envelope.payload, catalogue), DISTRIBUTION_ENVELOPE)
    operation, rules = rule_findings(envelope, leniences, context.soap_action)
    findings += [_payload_kind(one, envelope, message) for one in rules]
    payload = next((p for wrapper in payload_wrappers(envelope.payload) for p in elements(wrapper)), None)
    broken_payload: list[Located] = []
    if operation is not None:
        findings += [Located(one) for one in contradiction_findings(envelope.payload, operation)]
        operation = scr_meant(envelope.payload, operation)
        broken_payload = list(_payload(payload, operation, catalogue)) if payload is not None else []
    block = envelope.block(ACCESS_FACTS_TAG)
    if block is not None:
        findings += located(diagnose_all(catalogue, ACCESS_FACTS_BLOCK, block), ACCESS_FACTS_BLOCK)
    return Examined(
        findings=(*findings, *broken_payload),
        envelope=envelope,
        operation=operation,
        payload=payload,
        payload_broken=bool(broken_payload),
    )


def _envelope(distribution: etree._Element, catalogue: Catalogue) -> Iterator[Diagnosis]:
    """Schema errors of the distribution envelope, found on its outline and brought back to its own nodes."""
    copied = outline(distribution)
    for one in diagnose_all(catalogue, DISTRIBUTION_ENVELOPE, copied):
        node = _same(one.node, distribution)
        before = _same(one.before, distribution) if one.before is not None else None
        yield replace(one, node=node if node is not None else distribution, before=before)


def _same(node: etree._Element, distribution: etree._Element) -> etree._Element | None:
    """The node of the envelope that stands where `node` stands in its outline."""
    steps: list[int] = []
    while (parent := node.getparent()) is not None:
        steps.append(sum(1 for sibling in node.itersiblings(preceding=True) if is_element(sibling)))
        node = parent
    found: etree._Element | None = distribution
    for step in reversed(steps):
        children = list(elements(found)) if found is not None else []
        found = children[step] if step < len(children) else None
    return found


def _payload_kind(one: Finding, envelope: Envelope, message: Message) -> Located:
    """An escaped payload may in truth be a CDATA section; only the text tells."""
    if one.code == Fault.PAYLOAD_ESCAPED.slug:
        for wrapper in payload_wrappers(envelope.payload):
            if wrapper in message.cdata:
                return Located(finding(Fault.PAYLOAD_CDATA, wrapper, expected=one.expected), wrapper, inside=True)
    return Located(one)


def _payload(payload: etree._Element, operation: Operation, catalogue: Catalogue) -> Iterator[Located]:
    ignored = tolerated(payload)
    found = diagnose_all(catalogue, operation.request_root, payload)
    rooted = Fault.ATTRIBUTE_UNEXPECTED
    yield from located(
        (one for one in found if not (one.fault is rooted and one.attribute == "root" and one.node in ignored)),
        operation.request_root,
    )


def located(diagnoses: Iterable[Diagnosis], schema: str) -> Iterator[Located]:
    """Schema errors as located findings; `schema` is a name of the catalogue."""
    clause = ENTRIES[schema].clause
    for one in diagnoses:
        inside = one.fault in {Fault.TEXT_UNEXPECTED, Fault.ELEMENT_MISSING}
        yield Located(one.finding(clause), one.node, one.attribute, one.before, inside)
